/* figure/noise.c - how long two clusters stand against noise. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/random.h"
#include "figure/figures.h"
#include "flow/circle.h"
#include "theorem/numerics.h"

enum { N = 64, BETAS = 3, KAPPAS = 9, MOST_STARTS = 41, SEED = 3103 };

static const double betas[BETAS] = {2, 3, 4};
static const char *const colours[BETAS] = {"c0", "c2", "c1"};
static const double APART = 2.5, TOGETHER = 0.6; /* angle between the two groups' means */

static double kappa_of(size_t k) { return 4 * pow(1000, (double)k / (KAPPAS - 1)); }

/* Without noise the angle of two clusters that hold half of the tokens each shrinks at e^{beta cos} sin. */
static double slowness(double angle, const void *arg) {
  double beta = *(const double *)arg;
  return exp(-beta * cos(angle)) / sin(angle);
}

static double exact_time(double beta) { return numerics_integral(slowness, &beta, TOGETHER, APART, 1e-12); }

static double angle_between(const double *theta) {
  double c[2] = {0}, s[2] = {0};
  for (size_t i = 0; i < N; i++) c[i % 2] += cos(theta[i]), s[i % 2] += sin(theta[i]);
  return fabs(atan2(c[0] * s[1] - s[0] * c[1], c[0] * c[1] + s[0] * s[1]));
}

typedef struct sizes {
  size_t starts;
} sizes;

/* Item: beta, kappa, start. ln of the time until the groups' means are TOGETHER; of three times the exact one if they
 * are not by then. */
static dwell_status run(void *arg, size_t item, double *ret_values, dwell_error *err) {
  const sizes *size = arg;
  double beta = betas[item / size->starts / KAPPAS], kappa = kappa_of(item / size->starts % KAPPAS);
  double masses[N], theta[N], velocity[N], h = 0.05 * exp(-beta), spread = sqrt(2 * h / kappa), t = 0;
  double end = 3 * exact_time(beta), *scratch = NULL;
  random_stream stream = {SEED, RANDOM_FLOW_NOISE, (uint32_t)item};
  dwell_status status = DWELL_OK;
  circle c = {0};
  for (size_t i = 0; i < N; i++) masses[i] = 1.0 / N, theta[i] = i % 2 == 0 ? 0 : APART;
  TRY(circle_attention(N, masses, beta, false, &c, err));
  c.direct = 0;
  scratch = MEM_NEW(double, 2 * (c.modes + 1));
  TRY_ALLOC(scratch, "the particles of the figure");
  for (uint32_t step = 0; t < end && angle_between(theta) > TOGETHER; step++, t += h) {
    circle_velocity(&c, theta, velocity, scratch);
    for (size_t i = 0; i < N; i++) theta[i] += h * velocity[i] + spread * random_normal(&stream, step, (uint32_t)i);
  }
  *ret_values = log(t);
done:
  circle_close(&c);
  mem_free(scratch);
  return status;
}

static int ascending(const void *a, const void *b) {
  double p = *(const double *)a, q = *(const double *)b;
  return p < q ? -1 : p > q;
}

/* Quantile of the times of one point, which are sorted. */
static double quantile(const double *sorted, size_t count, double part) {
  return exp(sorted[(size_t)lround(part * (double)(count - 1))]);
}

static dwell_status draw(figure_sheet *s, const double *times, size_t starts, dwell_error *err) {
  plot p;
  strbuf *out = figure_panel_begin(s, 620, 380, "time until two clusters have met", err);
  if (out == NULL) return DWELL_NO_MEMORY;
  plot_begin(&p, out,
             &(plot_frame){.id = "dwell",
                           .title = "dwell",
                           .description = "time of merging over kappa",
                           .width = 620,
                           .height = 380,
                           .right = 110,
                           .x = scale_make(SCALE_LOG, kappa_of(0) * 0.85, kappa_of(KAPPAS - 1) * 1.15),
                           .y = scale_make(SCALE_LOG, 1, 40),
                           .x_label = "κ: attraction over noise",
                           .y_label = "time t"});
  for (size_t b = 0; b < BETAS; b++) {
    double kappa[KAPPAS], low[KAPPAS], middle[KAPPAS], high[KAPPAS];
    char label[24];
    plot_style style = {.colour = colours[b]};
    for (size_t k = 0; k < KAPPAS; k++) {
      const double *here = times + (b * KAPPAS + k) * starts;
      kappa[k] = kappa_of(k), middle[k] = quantile(here, starts, 0.5);
      low[k] = quantile(here, starts, 0.25), high[k] = quantile(here, starts, 0.75);
    }
    snprintf(label, sizeof label, "β = %g", betas[b]);
    plot_band(&p, kappa, low, high, KAPPAS, &style);
    plot_line(&p, kappa, middle, KAPPAS, &style);
    plot_points(&p, kappa, middle, NULL, KAPPAS, &style);
    plot_rule(&p, exact_time(betas[b]),
              &(plot_style){.colour = colours[b],
                            .label = b == 0   ? "β = 2, κ = ∞"
                                     : b == 1 ? "β = 3, κ = ∞"
                                              : "β = 4, κ = ∞"});
  }
  plot_end(&p);
  return DWELL_OK;
}

static dwell_status check(figure_sheet *s, const double *times, size_t starts, dwell_error *err) {
  dwell_status status = DWELL_OK;
  for (size_t b = 0; b < BETAS; b++) {
    const double *here = times + (b * KAPPAS + KAPPAS - 1) * starts;
    char name[24];
    snprintf(name, sizeof name, "quiet.%g", betas[b]);
    TRY(figure_check_value(s, name, "largest κ: ln of the median time against that without noise", THEOREM_EQUAL,
                           log(quantile(here, starts, 0.5)), log(exact_time(betas[b])), 0.1,
                           "the clusters' mean angle wanders by (2t / κN)^½, a few hundredths", err));
  }
done:
  return status;
}

static dwell_status make(figure_sheet *s, dwell_error *err) {
  dwell_status status = DWELL_OK;
  sizes size = {s->quick ? 3 : MOST_STARTS};
  double *times = MEM_NEW(double, (size_t)BETAS *KAPPAS *MOST_STARTS), kappa[KAPPAS];
  TRY_ALLOC(times, "the runs of the figure");
  TRY(figure_compute(s, "noise", BETAS * KAPPAS * size.starts, 1, run, &size, times, err));
  for (size_t k = 0; k < (size_t)BETAS * KAPPAS; k++)
    qsort(times + k * size.starts, size.starts, sizeof *times, ascending);
  for (size_t k = 0; k < KAPPAS; k++) kappa[k] = kappa_of(k);
  TRY(draw(s, times, size.starts, err));
  TRY(figure_keep_series(s, "kappa", KAPPAS, kappa, err));
  TRY(figure_keep(s, "log_time", 3, (size_t[]){BETAS, KAPPAS, size.starts}, times, err));
  TRY(check(s, times, size.starts, err));
  snprintf(
      s->note, sizeof s->note,
      "Unnormalised self-attention on the circle with noise √(2/κ)dW: two groups of %d tokens each at an angle of %g, "
      "until their mean directions are within %g. Medians and quartiles of %zu runs; dashed: without noise, exactly.",
      N / 2, APART, TOGETHER, size.starts);
done:
  mem_free(times);
  return status;
}

const figure figure_noise = {
    .name = "noise",
    .summary = "How long two clusters stand against noise",
    .source = "open question of arXiv:2312.10794; the time without noise: theorem T12",
    .shows =
        "The time that two clusters of half of the tokens each take to meet, by the strength κ of attraction over "
        "noise, "
        "for three temperatures, beside the exact time without noise.",
    .original = "Does noise shorten metastability, or keep clusters apart?",
    .ours =
        "The same start with and without noise, and true times. Noise does not keep these clusters apart: from κ ≈ 50 "
        "on "
        "medians are those without noise, and below it they are shorter, if anything; what grows is their spread.",
    .is_experiment = true,
    .make = make,
};
