/* tests/report/fixture.h - runs made by hand: a small self-attention flow with real measures, and a made-up model whose
 * token strings and command try to break out of the page. */
#ifndef DWELL_TESTS_REPORT_FIXTURE_H
#define DWELL_TESTS_REPORT_FIXTURE_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/random.h"
#include "run/run.h"
#include "util/testing.h"

static const char EVIL[] = "</script><img src=x onerror=\"alert(1)\">";

static dwell_error fixture_err;

static void fixture_columns(table *t, const char *names) {
  char copy[1024];
  snprintf(copy, sizeof copy, "%s", names);
  for (char *rest = NULL, *name = strtok_r(copy, ",", &rest); name != NULL; name = strtok_r(NULL, ",", &rest)) {
    assert_ok(table_add_column(t, name, NULL, &fixture_err), &fixture_err);
  }
}

static void fixture_set(table *t, size_t row, const char *column, double value) {
  size_t c = table_find(t, column);
  if (c != SIZE_MAX) table_set_number(t, row, c, value);
}

static void fixture_array(dwell_run *run, const char *name, size_t rank, const size_t *shape, const double *values) {
  size_t count = 1;
  for (size_t i = 0; i < rank; i++) count *= shape[i];
  double *copy = mem_copy(values, count, sizeof(double));
  assert_ok(run_add_array(run, name, NPY_FLOAT, 8, rank, shape, copy, &fixture_err), &fixture_err);
}

/* The manifest of a run that was never saved: its body in braces. */
static void fixture_manifest(dwell_run *run) {
  strbuf_printf(&run->manifest, "{\"format\":1,%s}", run->manifest_body.data);
}

/* ---- a flow ---- */

/* One Euler step of the SA flow: x_i moves to the softmax average, projected, renormalised. */
static void fixture_step(double *x, size_t n, double beta, double dt) {
  double *to = malloc(n * 3 * sizeof(double));
  for (size_t i = 0; i < n; i++) {
    double sum[3] = {0}, z = 0, length = 0;
    for (size_t j = 0; j < n; j++) {
      double g = x[3 * i] * x[3 * j] + x[3 * i + 1] * x[3 * j + 1] + x[3 * i + 2] * x[3 * j + 2];
      double w = exp(beta * (g - 1));
      z += w;
      for (int k = 0; k < 3; k++) sum[k] += w * x[3 * j + (size_t)k];
    }
    for (size_t k = 0; k < 3; k++) {
      to[3 * i + k] = x[3 * i + k] + dt * sum[k] / z;
      length += to[3 * i + k] * to[3 * i + k];
    }
    for (size_t k = 0; k < 3; k++) to[3 * i + k] /= sqrt(length);
  }
  memcpy(x, to, n * 3 * sizeof(double));
  free(to);
}

static void fixture_measure(table *t, size_t row, const double *x, size_t n, double *hist) {
  double sum = 0, square = 0, near = 0, energy[3] = {0};
  size_t pairs = n * (n - 1) / 2;
  for (size_t i = 0; i < n; i++) {
    for (size_t j = 0; j < i; j++) {
      double g = x[3 * i] * x[3 * j] + x[3 * i + 1] * x[3 * j + 1] + x[3 * i + 2] * x[3 * j + 2];
      g = fmax(-1, fmin(1, g));
      sum += g;
      square += g * g;
      near += g > 0.9;
      hist[(size_t)fmin(49, floor((g + 1) * 25))]++;
      for (int b = 0; b < 3; b++) energy[b] += exp((b == 0 ? 0.1 : b == 1 ? 1 : 5) * (g - 1));
    }
  }
  double mean = sum / (double)pairs, all = (double)(n * n);
  fixture_set(t, row, "ip_mean", mean);
  fixture_set(t, row, "ip_std", sqrt(fmax(0, square / (double)pairs - mean * mean)));
  fixture_set(t, row, "mass90", near / (double)pairs);
  fixture_set(t, row, "energy_b0.1", (2 * energy[0] + (double)n) / all);
  fixture_set(t, row, "energy_b1", (2 * energy[1] + (double)n) / all);
  fixture_set(t, row, "energy_b5", (2 * energy[2] + (double)n) / all);
  fixture_set(t, row, "participation_ratio", all / (2 * square + (double)n));
}

static double fixture_time(size_t l, size_t frames, bool logarithmic) {
  if (l == 0) return 0;
  return logarithmic ? 0.05 * pow(800, (double)(l - 1) / (double)(frames - 2))
                     : 20.0 * (double)l / (double)(frames - 1);
}

static dwell_run *fixture_flow(size_t n, size_t d, size_t frames, size_t replicas, bool logarithmic) {
  dwell_run *run;
  assert_ok(run_create(&run, &fixture_err), &fixture_err);
  fixture_columns(&run->layers,
                  "replica,state,tap,time,log_time,n,d,ip_mean,ip_std,mass90,participation_ratio,"
                  "energy_b0.1,energy_b1,energy_b5,norm_median");
  fixture_columns(&run->blocks, "replica,block,angle_mean");
  double *hist = calloc(replicas * frames * 50, sizeof(double)),
         *points = calloc(replicas * frames * n * 3, sizeof(double));
  double *x = calloc(n * 3, sizeof(double));
  for (size_t r = 0; r < replicas; r++) {
    random_stream stream = {.seed = 7, .purpose = RANDOM_TEST, .replica = (uint32_t)r};
    for (size_t i = 0; i < n; i++) {
      double length = 0;
      for (size_t k = 0; k < d; k++) x[3 * i + k] = random_normal(&stream, (uint32_t)i, (uint32_t)k);
      for (size_t k = 0; k < d; k++) length += x[3 * i + k] * x[3 * i + k];
      for (size_t k = 0; k < d; k++) x[3 * i + k] /= sqrt(length);
    }
    for (size_t l = 0; l < frames; l++) {
      size_t row, at = r * frames + l;
      double t = fixture_time(l, frames, logarithmic);
      if (l > 0) {
        double span = t - fixture_time(l - 1, frames, logarithmic);
        int steps = (int)ceil(span / 0.1);
        for (int s = 0; s < steps; s++) fixture_step(x, n, 9, span / steps);
        assert_ok(table_add_row(&run->blocks, &row, &fixture_err), &fixture_err);
        fixture_set(&run->blocks, row, "replica", (double)r);
        fixture_set(&run->blocks, row, "block", (double)(l - 1));
        double angle = 0;
        for (size_t i = 0; i < n; i++) {
          const double *old = points + ((at - 1) * n + i) * 3;
          angle += acos(fmin(1, old[0] * x[3 * i] + old[1] * x[3 * i + 1] + old[2] * x[3 * i + 2])) / (double)n;
        }
        fixture_set(&run->blocks, row, "angle_mean", angle);
      }
      assert_ok(table_add_row(&run->layers, &row, &fixture_err), &fixture_err);
      fixture_set(&run->layers, row, "replica", (double)r);
      fixture_set(&run->layers, row, "state", (double)l);
      assert_ok(table_set_text(&run->layers, row, 2, "resid", &fixture_err), &fixture_err);
      fixture_set(&run->layers, row, "time", t);
      if (l > 0) fixture_set(&run->layers, row, "log_time", log(t));
      fixture_set(&run->layers, row, "n", (double)n);
      fixture_set(&run->layers, row, "d", (double)d);
      fixture_set(&run->layers, row, "norm_median", 1);
      memcpy(points + at * n * 3, x, n * 3 * sizeof(double));
      fixture_measure(&run->layers, row, x, n, hist + at * 50);
    }
  }
  size_t histogram[] = {replicas, frames, 50}, sphere[] = {replicas, frames, n, 3};
  fixture_array(run, "hist", replicas > 1 ? 3 : 2, histogram + (replicas == 1), hist);
  if (d <= 3) fixture_array(run, "sphere", replicas > 1 ? 4 : 3, sphere + (replicas == 1), points);
  free(hist);
  free(points);
  free(x);
  strbuf_printf(&run->manifest_body,
                "\"source\":{\"kind\":\"flow\",\"name\":\"sa\",\"options\":{\"beta\":9,\"init\":\"uniform\"}},"
                "\"command\":\"dwell simulate --flow sa --n %zu --d %zu --beta 9\","
                "\"warnings\":{\"clamped_cosines\":0}",
                n, d);
  fixture_manifest(run);
  return run;
}

/* ---- a model ---- */

static double fixture_wave(size_t i, double phase) { return sin(0.7 * (double)i + phase); }

static void fixture_heads(dwell_run *run, size_t blocks, size_t heads) {
  fixture_columns(&run->heads, "replica,block,head,entropy,entropy_norm,sink,sink_uniform,self_mass,previous");
  for (size_t b = 0; b < blocks; b++) {
    for (size_t h = 0; h < heads; h++) {
      size_t row;
      assert_ok(table_add_row(&run->heads, &row, &fixture_err), &fixture_err);
      fixture_set(&run->heads, row, "replica", 0);
      fixture_set(&run->heads, row, "block", (double)b);
      fixture_set(&run->heads, row, "head", (double)h);
      double value = 0.5 + 0.45 * fixture_wave(3 * b + 5 * h, 0.3);
      fixture_set(&run->heads, row, "entropy_norm", b == 1 && h == 1 ? NAN : value);
      fixture_set(&run->heads, row, "sink", (1 - value) * (double)(b + 1) / (double)(blocks + 1));
      fixture_set(&run->heads, row, "sink_uniform", 0.07);
      fixture_set(&run->heads, row, "self_mass", 0.1 + 0.05 * fixture_wave(h, 1));
      fixture_set(&run->heads, row, "previous", 0.3 + 0.29 * fixture_wave(b + h, 2));
    }
  }
}

static void fixture_layers(dwell_run *run, size_t blocks, double *hist, size_t n, size_t d) {
  fixture_columns(&run->layers,
                  "replica,state,tap,time,log_time,n,d,ip_mean,ip_std,mass90,mass999,mass90_centred,"
                  "mass90_centred_null_mean,mass90_centred_null_sd,mass90_centred_p,effective_rank,"
                  "effective_rank_centred,participation_ratio,participation_ratio_centred,pr_unbiased,"
                  "mean_norm,norm_median,energy_b0.1,energy_b1,energy_b2,energy_b5,energy_calibrated");
  for (size_t l = 0; l <= blocks + 1; l++) {
    size_t row;
    bool final = l == blocks + 1;
    double u = (double)l / (double)(blocks + 1), mean = 0.05 + 0.8 * u * u;
    assert_ok(table_add_row(&run->layers, &row, &fixture_err), &fixture_err);
    table *t = &run->layers;
    fixture_set(t, row, "replica", 0);
    if (!final) fixture_set(t, row, "state", (double)l);
    assert_ok(table_set_text(t, row, 2, final ? "final_norm" : "resid", &fixture_err), &fixture_err);
    fixture_set(t, row, "n", (double)n);
    fixture_set(t, row, "d", (double)d);
    fixture_set(t, row, "ip_mean", mean);
    fixture_set(t, row, "ip_std", 0.2 - 0.12 * u);
    fixture_set(t, row, "mass90", u * u * u * 0.4);
    fixture_set(t, row, "mass999", l == 0 ? 0 : 0.01 * u);
    fixture_set(t, row, "mass90_centred", l == 4 ? NAN : 0.02 + 0.05 * u * (1 + 0.4 * fixture_wave(l, 0)));
    fixture_set(t, row, "mass90_centred_null_mean", l == 4 ? NAN : 0.015 + 0.02 * u);
    fixture_set(t, row, "mass90_centred_null_sd", l == 4 ? NAN : 0.006);
    fixture_set(t, row, "mass90_centred_p", l == 4 ? NAN : l > 6 ? 0.025 : 0.3);
    fixture_set(t, row, "effective_rank", 50 - 35 * u);
    fixture_set(t, row, "effective_rank_centred", 48 - 8 * u);
    fixture_set(t, row, "participation_ratio", 12 - 10.7 * u);
    fixture_set(t, row, "participation_ratio_centred", 21 - 5 * u);
    fixture_set(t, row, "pr_unbiased", 33 - 9 * u);
    fixture_set(t, row, "mean_norm", sqrt(mean));
    fixture_set(t, row, "norm_median", 3 * pow(40, u));
    const double betas[] = {0.1, 1, 2, 5, 7.3};
    const char *names[] = {"energy_b0.1", "energy_b1", "energy_b2", "energy_b5", "energy_calibrated"};
    for (int b = 0; b < 5; b++) fixture_set(t, row, names[b], exp(betas[b] * (mean - 1)));
    for (size_t k = 0; !final && k < 50; k++) {
      double c = -1 + 0.04 * ((double)k + 0.5), width = 0.2 - 0.12 * u;
      hist[l * 50 + k] = floor(400 * exp(-(c - mean) * (c - mean) / (2 * width * width)));
    }
  }
}

static void fixture_blocks(dwell_run *run, size_t blocks) {
  fixture_columns(&run->blocks,
                  "replica,block,change,cka,cka_u,angle_mean,nn_stability,nn_stability_null_mean,"
                  "knn_overlap,knn_overlap_null_mean,dE_b1,dE_b5");
  for (size_t b = 0; b < blocks; b++) {
    size_t row;
    table *t = &run->blocks;
    assert_ok(table_add_row(t, &row, &fixture_err), &fixture_err);
    double cka = 0.9 + 0.08 * fixture_wave(b, 1);
    fixture_set(t, row, "replica", 0);
    fixture_set(t, row, "block", (double)b);
    fixture_set(t, row, "change", 1 - cka);
    fixture_set(t, row, "cka_u", cka);
    fixture_set(t, row, "cka", cka + 0.015);
    fixture_set(t, row, "angle_mean", 0.6 / (double)(b + 1));
    fixture_set(t, row, "nn_stability", 0.5 + 0.03 * (double)b);
    fixture_set(t, row, "nn_stability_null_mean", 1.0 / 63);
    fixture_set(t, row, "knn_overlap", 0.45 + 0.03 * (double)b);
    fixture_set(t, row, "knn_overlap_null_mean", 5.0 / 63);
    fixture_set(t, row, "dE_b1", 0.01 * fixture_wave(b, 0));
    fixture_set(t, row, "dE_b5", 0.03 * fixture_wave(b, 0.5));
  }
}

static void fixture_tokens(strbuf *out, size_t n) {
  strbuf_puts(
      out,
      "\"command\":\"dwell measure '<b>&\\u202e' -p \\\"</script>\\\"\","
      "\"source\":{\"kind\":\"model\",\"name\":\"gpt2<x>\",\"heads\":12},\"options\":{\"seed\":0,\"beta\":null},"
      "\"warnings\":{\"clamped_cosines\":3,\"zero_norm_tokens\":0},\"undefined\":[{\"table\":\"layers\",\"reason\":\"n "
      "< 4\"}],\"tokens\":[");
  for (size_t i = 0; i < n; i++) {
    static const char *const pieces[] = {"</script><img src=x onerror=\\\"alert(1)\\\">",
                                         "\\u202ereversed\\u202c",
                                         " the",
                                         "\\u0000\\u001b[31m",
                                         "<!--",
                                         "caf\\u00e9",
                                         "&amp;"};
    strbuf_printf(out, "%s{\"id\":%zu,\"piece\":\"%s\",\"special\":%s}", i > 0 ? "," : "", i + 100, pieces[i % 7],
                  i == 0 ? "true" : "false");
  }
  strbuf_puts(out, "]");
}

static dwell_run *fixture_model(size_t blocks, size_t heads, size_t n) {
  dwell_run *run;
  assert_ok(run_create(&run, &fixture_err), &fixture_err);
  double *hist = calloc((blocks + 1) * 50, sizeof(double)), *keep = calloc(n, sizeof(double));
  for (size_t i = 1; i < n; i++) keep[i] = 1;
  fixture_layers(run, blocks, hist, n - 1, 768);
  fixture_blocks(run, blocks);
  if (heads > 0) fixture_heads(run, blocks, heads);
  size_t shape[] = {blocks + 1, 50};
  fixture_array(run, "hist", 2, shape, hist);
  fixture_array(run, "hist_centred", 2, shape, hist);
  fixture_array(run, "keep", 1, &n, keep);
  fixture_tokens(&run->manifest_body, n);
  fixture_manifest(run);
  free(hist);
  free(keep);
  return run;
}

#endif
