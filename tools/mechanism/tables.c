/* tools/mechanism/tables.c - the tables of docs/mechanism.md, from the numbers of every text. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "mechanism.h"
#include "study/claim.h"
#include "study/family.h"
#include "study/permutation.h"
#include "study/trend.h"
#include "trajectory/source.h"

enum { CLAIMS = 6, LEAST = 6, HEADS_MOST = 1024 };

typedef struct loaded {
  const char *name;
  size_t texts;
  record of[PROMPTS], weights;
  uint32_t classes[PROMPTS];
} loaded;

/* ---- reading ---- */

/* Number of the register of a text: texts of one register follow each other. */
static uint32_t class_of(const prompt *p) {
  size_t count;
  uint32_t number = 0;
  const prompt *all = prompt_registry(&count);
  for (size_t i = 1; i < count && &all[i - 1] != p; i++) number += strcmp(all[i].reg, all[i - 1].reg) != 0;
  return number;
}

static dwell_status load(const char *folder, const char *model, loaded *ret, dwell_error *err) {
  const prompt *prompts[PROMPTS];
  size_t count = mechanism_prompts(prompts);
  char path[1024];
  bool found;
  *ret = (loaded){.name = source_short_name(model)};
  for (size_t i = 0; i < count; i++) {
    record_path(folder, model, prompts[i]->name, path);
    dwell_status status = record_load(path, &ret->of[ret->texts], &found, err);
    if (status != DWELL_OK) return status;
    if (found) ret->classes[ret->texts++] = class_of(prompts[i]);
  }
  record_path(folder, model, "weights", path);
  return record_load(path, &ret->weights, &found, err);
}

static void unload(loaded *m) {
  for (size_t i = 0; i < PROMPTS; i++) record_free(&m->of[i]);
  record_free(&m->weights);
}

/* The number of that name of every text that has it; returns how many have. */
static size_t column(const loaded *m, const char *name, double x[PROMPTS]) {
  size_t count = 0;
  for (size_t i = 0; i < m->texts; i++) {
    double found = record_get(&m->of[i], "%s", name);
    if (isfinite(found)) x[count++] = found;
  }
  return count;
}

/* ---- cells ---- */

static void print_interval(size_t n, const double *x, int digits) {
  interval found = {NAN, NAN};
  bool valid = false;
  dwell_error err;
  if (n < LEAST) {
    printf(" - |");
    return;
  }
  if (interval_bootstrap_t(n, x, 1, &found, &valid, &err) != DWELL_OK || !valid) {
    printf(" %.*f |", digits, sample_mean(n, x));
    return;
  }
  printf(" %.*f (%.*f, %.*f) |", digits, sample_mean(n, x), digits, found.low, digits, found.high);
}

static void print_column(const loaded *m, const char *name, int digits) {
  double x[PROMPTS];
  size_t n = column(m, name, x);
  print_interval(n, x, digits);
}

static double mean_of(const loaded *m, const char *name) {
  double x[PROMPTS];
  size_t n = column(m, name, x);
  return n == 0 ? NAN : sample_mean(n, x);
}

/* Slope of a text's rates on ln of the scales. */
static double slope_of(const record *r, const char *what) {
  double rate[SCALES];
  for (size_t k = 0; k < SCALES; k++) rate[k] = record_get(r, "rate_%s_%g", what, mechanism_scales[k]);
  return trend_slope(SCALES, mechanism_scales, rate);
}

static void print_elasticity(const loaded *m, const char *what) {
  double x[PROMPTS], rate = mean_of(m, "rate_plain");
  for (size_t i = 0; i < m->texts; i++) x[i] = slope_of(&m->of[i], what) / rate;
  print_interval(m->texts, x, 2);
}

static void print_flow_elasticity(const loaded *m, const char *slope, const char *rate) {
  double x[PROMPTS], mean = mean_of(m, rate);
  size_t n = column(m, slope, x);
  for (size_t i = 0; i < n; i++) x[i] /= mean;
  print_interval(n, x, 2);
}

/* ---- claim E2 ---- */

typedef struct e2_sample {
  double values[4 * PROMPTS], controls[ROTATIONS * PROMPTS];
} e2_sample;

static dwell_status judge(const loaded *m, e2_sample *e, claim_verdict *ret, dwell_error *err) {
  size_t P = m->texts;
  claim_thresholds t = claim_thresholds_default();
  for (size_t i = 0; i < P; i++) {
    const record *r = &m->of[i];
    e->values[i] = record_get(r, "rate_plain"), e->values[P + i] = slope_of(r, "wo");
    e->values[2 * P + i] = record_get(r, "flow_1"), e->values[3 * P + i] = record_get(r, "flow_slope");
    for (size_t k = 0; k < ROTATIONS; k++) e->controls[k * P + i] = record_get(r, "rate_rotated_%d", (int)k);
  }
  claim_sample s = {.prompts = P, .seeds = ROTATIONS, .values = e->values, .controls = e->controls, .seed = 1};
  s.opt_classes = m->classes;
  return claim_find("E2")->decide(&s, &t, ret, err);
}

/* Where the plain mean of `name` stands among the means of the rotations: median, least and largest of these, and the
 * p of claim E2. */
static void print_rotations(const loaded *m, const char *plain, const char *rotated, int digits) {
  double mean[ROTATIONS + 1], sorted[ROTATIONS + 1], low = INFINITY, high = -INFINITY;
  size_t beyond = 0;
  char name[48];
  for (size_t k = 0; k < ROTATIONS; k++) {
    snprintf(name, sizeof name, rotated, (int)k);
    mean[k] = mean_of(m, name), low = fmin(low, mean[k]), high = fmax(high, mean[k]);
  }
  mean[ROTATIONS] = mean_of(m, plain);
  for (size_t k = 0; k <= ROTATIONS; k++) { /* insertion: 40 numbers */
    size_t at = k;
    for (; at > 0 && sorted[at - 1] > mean[k]; at--) sorted[at] = sorted[at - 1];
    sorted[at] = mean[k];
  }
  double median = (sorted[ROTATIONS / 2] + sorted[(ROTATIONS + 1) / 2]) / 2;
  for (size_t k = 0; k <= ROTATIONS; k++) beyond += fabs(mean[k] - median) >= fabs(mean[ROTATIONS] - median);
  printf(" %.*f (%.*f to %.*f) | %.3f |", digits, median, digits, low, digits, high, (double)beyond / (ROTATIONS + 1));
}

static dwell_status print_speed(const loaded *models, size_t count, dwell_error *err) {
  dwell_status status = DWELL_OK;
  claim_thresholds t = claim_thresholds_default();
  e2_sample *e = MEM_NEW(e2_sample, 1);
  claim_verdict *v = MEM_ZERO(claim_verdict, count);
  TRY_ALLOC(e, "a sample");
  TRY_ALLOC(v, "verdicts");
  for (size_t m = 0; m < count; m++) TRY(judge(&models[m], e, &v[m], err));
  TRY(verdicts_settle(v, count, CLAIMS * count, &t, err));
  printf(
      "\n| model | texts | collapse rate | e_s | e_beta | rate of its rotations: median (range) | p_rot | E2 | p, "
      "after "
      "Holm |\n|---|---|---|---|---|---|---|---|---|\n");
  for (size_t m = 0; m < count; m++) {
    printf("| %s | %zu |", models[m].name, models[m].texts);
    print_column(&models[m], "rate_plain", 4);
    print_elasticity(&models[m], "wo");
    print_elasticity(&models[m], "wq");
    print_rotations(&models[m], "rate_plain", "rate_rotated_%d", 4);
    printf(" %s%s%s | %.2g, %.2g |\n", claim_outcome_name(v[m].outcome), v[m].reason == NULL ? "" : ", ",
           v[m].reason == NULL ? "" : v[m].reason, v[m].p, v[m].p_holm);
  }
done:
  mem_free(e);
  mem_free(v);
  return status;
}

/* ---- the other tables ---- */

static void print_scales(const loaded *models, size_t count) {
  printf(
      "\n| model | W_O x 0 | x .5 | x .7 | x 1 | x 1.4 | x 2 | W_Q x .5 | x .7 | x 1.4 | x 2 "
      "|\n|---|---|---|---|---|---|---|---|---|---|---|\n");
  for (size_t m = 0; m < count; m++) {
    printf("| %s | %.3f |", models[m].name, mean_of(&models[m], "rate_off"));
    for (size_t k = 0; k < 2 * SCALES; k++) {
      char name[48];
      if (k == SCALES + 2) continue;
      snprintf(name, sizeof name, "rate_%s_%g", k < SCALES ? "wo" : "wq", mechanism_scales[k % SCALES]);
      printf(" %.3f |", mean_of(&models[m], name));
    }
    printf("\n");
  }
}

static void print_dimensions(const loaded *models, size_t count) {
  printf(
      "\n| model | tokens | own maps | rebuilt in d | d/2 | d/4 | e_d | its own maps at d | scores of one spread "
      "|\n|---|---|---|---|---|---|---|---|\n");
  for (size_t m = 0; m < count; m++) {
    const loaded *of = &models[m];
    printf("| %s | %.0f |", of->name, mean_of(of, "flow_tokens"));
    print_column(of, "flow_own", 4);
    print_column(of, "flow_1", 4);
    print_column(of, "flow_2", 4);
    print_column(of, "flow_4", 4);
    print_flow_elasticity(of, "flow_slope", "flow_1");
    print_flow_elasticity(of, "flow_slope_own", "flow_own");
    print_flow_elasticity(of, "even_slope", "even_1");
    printf("\n");
  }
}

static void print_energy(const loaded *models, size_t count) {
  static const char *const betas[] = {"b1", "b5", "calibrated"}, *const parts[] = {"attn", "bias", "mlp", "norm"};
  printf(
      "\n| model | beta | texts | blocks that fall | falls: heads | bias | MLP | norm | rises: heads | bias | MLP | "
      "norm |\n|---|---|---|---|---|---|---|---|---|---|---|---|\n");
  for (size_t k = 0; k < 3 * count; k++) {
    double x[PROMPTS];
    char name[48];
    const loaded *m = &models[k / 3];
    const char *beta = betas[k % 3];
    snprintf(name, sizeof name, "falls_%s", beta);
    size_t texts = column(m, name, x);
    if (texts < LEAST) continue;
    printf("| %s | %s | %zu | %.1f |", m->name, k % 3 == 2 ? beta : beta + 1, texts, sample_mean(texts, x));
    for (size_t p = 0; p < 8; p++) {
      snprintf(name, sizeof name, "%s_%s_%s", p < 4 ? "fall" : "rise", parts[p % 4], beta);
      print_column(m, name, 2);
    }
    printf("\n");
  }
}

static void print_falls(const loaded *models, size_t count) {
  printf(
      "\n| model | as it is | W_O x 0 | difference | rotations: median (range) | p_rot |\n|---|---|---|---|---|---|\n");
  for (size_t m = 0; m < count; m++) {
    double x[PROMPTS];
    const loaded *of = &models[m];
    printf("| %s |", of->name);
    print_column(of, "falls_plain_b1", 3);
    print_column(of, "falls_off_b1", 3);
    for (size_t i = 0; i < of->texts; i++)
      x[i] = record_get(&of->of[i], "falls_off_b1") - record_get(&of->of[i], "falls_plain_b1");
    print_interval(of->texts, x, 3);
    print_rotations(of, "falls_plain_b1", "falls_rotated_%d_b1", 3);
    printf("\n");
  }
}

static void print_motion(const loaded *models, size_t count) {
  printf(
      "\n| model | share in repelled directions | excess over chance | z, mean of blocks | its share where the energy "
      "falls | excess there, less elsewhere | excess in attracted directions |\n|---|---|---|---|---|---|---|\n");
  for (size_t m = 0; m < count; m++) {
    printf("| %s |", models[m].name);
    print_column(&models[m], "repel_share", 3);
    print_column(&models[m], "repel_excess", 3);
    print_column(&models[m], "repel_z", 1);
    print_column(&models[m], "repel_share_falls", 3);
    print_column(&models[m], "repel_falls_less_others", 3);
    print_column(&models[m], "attract_excess", 3);
    printf("\n");
  }
}

/* Heads whose share of positive tokens differs from 1/2 in one direction, at 5 % of false discoveries. */
static void print_heads_beyond(const loaded *m) {
  double x[PROMPTS], p[2][HEADS_MOST], adjusted[HEADS_MOST];
  size_t heads = 0;
  dwell_error err;
  char name[48];
  for (; heads < HEADS_MOST; heads++) {
    snprintf(name, sizeof name, "sign_of_%zu", heads);
    size_t n = column(m, name, x);
    if (n < LEAST) break;
    for (size_t i = 0; i < n; i++) x[i] -= 0.5;
    p[0][heads] = sign_flip_p(n, x, heads);
    for (size_t i = 0; i < n; i++) x[i] = -x[i];
    p[1][heads] = sign_flip_p(n, x, heads);
  }
  printf(" %zu |", heads);
  for (size_t side = 0; side < 2; side++) {
    size_t beyond = 0;
    if (family_false_discovery(heads, p[side], adjusted, &err) != DWELL_OK) continue;
    for (size_t h = 0; h < heads; h++) beyond += adjusted[h] <= 0.025;
    printf(" %zu |", beyond);
  }
}

static void print_signs(const loaded *models, size_t count) {
  printf("\n| model | share of tokens | mean cosine | heads | above 1/2 | below 1/2 |\n|---|---|---|---|---|---|\n");
  for (size_t m = 0; m < count; m++) {
    printf("| %s |", models[m].name);
    print_column(&models[m], "sign_share", 3);
    print_column(&models[m], "sign_cosine", 3);
    print_heads_beyond(&models[m]);
    printf("\n");
  }
}

static void print_circuits(const loaded *models, size_t count) {
  static const char *const numbers[] = {"ov_sym_share", "ov_attract", "ov_henrici", "qk_sym_share", "qk_attract"};
  printf(
      "\n| model | heads | OV symmetric share | attract | henrici | QK symmetric share | attract | sums of blocks that "
      "attract more than they repel |\n|---|---|---|---|---|---|---|---|\n");
  for (size_t m = 0; m < count; m++) {
    const record *w = &models[m].weights;
    printf("| %s | %.0f |", models[m].name, record_get(w, "ov_attract_heads"));
    for (size_t k = 0; k < sizeof numbers / sizeof numbers[0]; k++) {
      printf(" %.3f [%.3f], %.0f / %.0f |", record_get(w, "%s", numbers[k]), record_get(w, "%s_null", numbers[k]),
             record_get(w, "%s_above", numbers[k]), record_get(w, "%s_below", numbers[k]));
    }
    size_t blocks = 0, attract = 0;
    for (double x; isfinite(x = record_get(w, "ov_sum_attract_%zu", blocks)); blocks++) attract += x > 0.5;
    printf(" %zu of %zu |\n", attract, blocks);
  }
}

dwell_status tables_print(const char *folder, size_t count, char **models, dwell_error *err) {
  loaded *all = MEM_ZERO(loaded, count);
  dwell_status status = DWELL_OK;
  TRY_ALLOC(all, "the tables");
  for (size_t m = 0; m < count; m++) TRY(load(folder, models[m], &all[m], err));
  TRY(print_speed(all, count, err));
  print_scales(all, count);
  print_dimensions(all, count);
  print_energy(all, count);
  print_falls(all, count);
  print_motion(all, count);
  print_signs(all, count);
  print_circuits(all, count);
done:
  for (size_t m = 0; all != NULL && m < count; m++) unload(&all[m]);
  mem_free(all);
  return status;
}
