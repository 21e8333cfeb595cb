/* tools/mechanism/moves.c - what moves the energy, where tokens move, what heads would do: of one text, by measuring
 * it. */
#include <dwell/measure.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "measure/weights.h"
#include "mechanism.h"

static const char *const parts[] = {"attn", "bias", "mlp", "norm"};
enum { PARTS = 4 };

static double cell(const dwell_run *run, const char *file, size_t row, const char *format, const char *a,
                   const char *b) {
  char column[64];
  double x;
  snprintf(column, sizeof column, format, a, b);
  return dwell_run_number(run, file, row, column, &x) ? x : NAN;
}

/* The change of the energy over a block, 0 within the bounds on rounding. */
static double change(const dwell_run *run, size_t block, const char *beta) {
  double step =
      cell(run, "layers", block + 1, "energy_%s", beta, "") - cell(run, "layers", block, "energy_%s", beta, "");
  double floor = cell(run, "layers", block + 1, "energy_floor_%s", beta, "") +
                 cell(run, "layers", block, "energy_floor_%s", beta, "");
  return fabs(step) <= floor ? 0 : step;
}

/* Of all falls together, and of all rises, the share of each part: they add up to -1, and to 1. */
static void record_energy(const dwell_run *run, const char *beta, record *r) {
  size_t blocks = dwell_run_rows(run, "blocks"), falls = 0;
  double size[2] = {0}, share[2][PARTS] = {{0}};
  for (size_t b = 0; b < blocks; b++) {
    double step = change(run, b, beta);
    if (isnan(step)) return;
    size_t rises = step > 0;
    falls += step < 0, size[rises] += fabs(step);
    for (size_t p = 0; p < PARTS && step != 0; p++)
      share[rises][p] += cell(run, "blocks", b, "dE_%s_%s", parts[p], beta);
  }
  record_put(r, (double)falls, "falls_%s", beta);
  for (size_t p = 0; p < PARTS; p++) {
    record_put(r, share[0][p] / size[0], "fall_%s_%s", parts[p], beta);
    record_put(r, share[1][p] / size[1], "rise_%s_%s", parts[p], beta);
  }
}

/* Means over blocks, and over those where the energy falls (at beta = 1) less those where it does not. */
static void record_motion(const dwell_run *run, const char *sign, record *r) {
  size_t blocks = dwell_run_rows(run, "blocks");
  double count[2] = {0}, share[2] = {0}, excess[2] = {0}, z = 0;
  for (size_t b = 0; b < blocks; b++) {
    size_t falls = change(run, b, "b1") < 0;
    double of = cell(run, "blocks", b, "%s_excess", sign, "");
    if (isnan(of)) continue;
    count[falls]++, excess[falls] += of, share[falls] += cell(run, "blocks", b, "%s_share", sign, "");
    z += cell(run, "blocks", b, "%s_z", sign, "");
  }
  double all = count[0] + count[1];
  record_put(r, (excess[0] + excess[1]) / all, "%s_excess", sign);
  record_put(r, (share[0] + share[1]) / all, "%s_share", sign);
  record_put(r, z / all, "%s_z", sign);
  record_put(r, share[1] / count[1], "%s_share_falls", sign);
  record_put(r, excess[1] / count[1] - excess[0] / count[0], "%s_falls_less_others", sign);
}

static void record_signs(const dwell_run *run, record *r) {
  size_t heads = dwell_run_rows(run, "heads"), count = 0;
  double share = 0, cosine = 0;
  for (size_t h = 0; h < heads; h++) {
    double of = cell(run, "heads", h, "sign_share", "", "");
    if (isnan(of)) continue;
    record_put(r, of, "sign_of_%zu", h);
    share += of, cosine += cell(run, "heads", h, "sign_cosine", "", ""), count++;
  }
  if (count == 0) return;
  record_put(r, share / (double)count, "sign_share");
  record_put(r, cosine / (double)count, "sign_cosine");
}

dwell_status moves_record(const subject *s, record *r, dwell_error *err) {
  const dwell_intervention none = dwell_intervention_none();
  dwell_measure_options options = dwell_measure_options_default();
  dwell_source *source = NULL;
  dwell_run *run = NULL;
  options.instruments = "default,attribution,subspace,sign", options.null_draws = 0;
  dwell_status status = subject_open(s, &none, &source, err);
  if (status == DWELL_OK) status = dwell_measure(s->ctx, source, &options, &run, err);
  if (status == DWELL_OK) {
    record_energy(run, "b1", r);
    record_energy(run, "b5", r);
    record_energy(run, "calibrated", r);
    record_motion(run, "repel", r);
    record_motion(run, "attract", r);
    record_signs(run, r);
  }
  dwell_run_destroy(run);
  dwell_source_destroy(source);
  return status;
}

/* ---- circuits ---- */

static void record_circuit(const dwell_run *run, const char *name, record *r) {
  size_t heads = dwell_run_rows(run, "heads"), above = 0, below = 0, count = 0;
  double sum = 0, null = 0;
  for (size_t h = 0; h < heads; h++) {
    double x = cell(run, "heads", h, "%s", name, ""), mean = cell(run, "heads", h, "%s_null_mean", name, "");
    double z = (x - mean) / cell(run, "heads", h, "%s_null_sd", name, "");
    if (isnan(z)) continue;
    count++, sum += x, null += mean, above += z > 2, below += z < -2;
  }
  record_put(r, (double)count, "%s_heads", name);
  record_put(r, sum / (double)count, "%s", name);
  record_put(r, null / (double)count, "%s_null", name);
  record_put(r, (double)above, "%s_above", name);
  record_put(r, (double)below, "%s_below", name);
}

dwell_status circuits_record(const subject *s, record *r, dwell_error *err) {
  static const char *const numbers[] = {"ov_sym_share", "ov_attract",   "ov_henrici",
                                        "ov_norm",      "qk_sym_share", "qk_attract"};
  const dwell_intervention none = dwell_intervention_none();
  dwell_measure_options options = dwell_measure_options_default();
  dwell_source *source = NULL;
  dwell_run *run = NULL;
  options.instruments = "ov,qk,ov_sum", options.null_draws = 99;
  dwell_status status = subject_open(s, &none, &source, err);
  if (status == DWELL_OK) status = weights_measure(s->ctx, source, &options, &run, err);
  for (size_t k = 0; status == DWELL_OK && k < sizeof numbers / sizeof numbers[0]; k++)
    record_circuit(run, numbers[k], r);
  for (size_t b = 0; status == DWELL_OK && b < dwell_run_rows(run, "blocks"); b++)
    record_put(r, cell(run, "blocks", b, "ov_sum_attract", "", ""), "ov_sum_attract_%zu", b);
  dwell_run_destroy(run);
  dwell_source_destroy(source);
  return status;
}
