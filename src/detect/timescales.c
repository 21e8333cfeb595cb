/* detect/timescales.c - are there two time scales, a fast one on which groups form and a slow one on which they join?
 *
 * In flows by counting: the components of G_ij > 0.999 stay at a number of groups for a long stretch of ln t. In
 * networks, where no absolute threshold means anything, by the spread within and between the groups of one
 * partition. */
#include <math.h>

#include "base/error.h"
#include "base/mem.h"
#include "detect/detectors.h"

static dwell_status check_times(const double *log_time, size_t states, dwell_error *err) {
  for (size_t l = 0; l < states; l++) {
    if (isnan(log_time[l]) || log_time[l] == INFINITY || (l > 0 && !(log_time[l] >= log_time[l - 1])))
      return error_set(err, DWELL_BAD_INPUT, "the times do not increase at state %zu", l);
  }
  return DWELL_OK;
}

/* ---- the staircase ---- */

static size_t first_at_most(const size_t *counts, size_t states, size_t level) {
  size_t l = 0;
  while (l < states && counts[l] > level) l++;
  return l;
}

static void add_level(const size_t *counts, const double *log_time, size_t states, size_t level, staircase *s) {
  size_t enter = first_at_most(counts, states, level), leave = first_at_most(counts, states, level - 1);
  if (enter >= leave || enter == states) return;
  bool censored = leave == states;
  stair found = {level, log_time[enter], log_time[censored ? states - 1 : leave], censored};
  double log_ratio = found.log_exit - found.log_enter;
  if (!(log_ratio > 0) || !isfinite(found.log_enter)) return;
  if (log_ratio > s->log_ratio) s->log_ratio = log_ratio, s->best = s->count;
  s->stairs[s->count++] = found;
}

/* The first state with at most k components is the same whether the counts were made non-increasing or not. */
dwell_status detect_staircase(const size_t *counts, const double *log_time, size_t states, staircase *ret_staircase,
                              dwell_error *err) {
  *ret_staircase = (staircase){.best = SIZE_MAX};
  dwell_status status = check_times(log_time, states, err);
  if (status != DWELL_OK || states == 0) return status;
  ret_staircase->stairs = MEM_NEW(stair, counts[0] / 2 + 1);
  if (ret_staircase->stairs == NULL) return error_no_memory(err, "the staircase");
  for (size_t level = counts[0] / 2; level >= 2; level--) add_level(counts, log_time, states, level, ret_staircase);
  return DWELL_OK;
}

void staircase_free(staircase *s) {
  mem_free(s->stairs);
  s->stairs = NULL;
}

/* ---- within and between ---- */

void detect_within_between(size_t n, const double *cosines, const int32_t *labels, double *ret_within,
                           double *ret_between) {
  double sum[2] = {0, 0};
  size_t pairs[2] = {0, 0};
  for (size_t i = 0; i < n; i++) {
    double row[2] = {0, 0};
    for (size_t j = i + 1; j < n && labels[i] >= 0; j++) {
      if (labels[j] < 0) continue;
      size_t kind = labels[i] != labels[j];
      row[kind] += 1 - cosines[i * n + j];
      pairs[kind]++;
    }
    sum[0] += row[0], sum[1] += row[1];
  }
  *ret_within = pairs[0] > 0 ? sum[0] / (double)pairs[0] : NAN;
  *ret_between = pairs[1] > 0 ? sum[1] / (double)pairs[1] : NAN;
}

/* ln of the time a share f of the way from e^a to e^b. */
static double log_between(double a, double b, double f) {
  if (isinf(a)) return b + log(f); /* from t = 0 */
  return b + log(f + (1 - f) * exp(a - b));
}

value detect_halving(const double *values, const double *log_time, size_t states) {
  static const double SMALLEST = 1e-300; /* a logarithm of exact zero */
  if (states == 0) return UNDEFINED("no states");
  if (!(values[0] > 0)) return UNDEFINED("starts at 0");
  for (size_t l = 1; l < states; l++) {
    if (!(values[l] <= values[0] / 2)) continue;
    double high = log(values[l - 1]), low = log(fmax(values[l], SMALLEST)), goal = log(values[0] / 2);
    return VALUE(log_between(log_time[l - 1], log_time[l], (high - goal) / (high - low)));
  }
  return UNDEFINED("no halving");
}

dwell_status detect_two_timescales(const double *within, const double *between, const double *log_time, size_t states,
                                   two_timescales *ret_scales, dwell_error *err) {
  *ret_scales = (two_timescales){.log_ratio = UNDEFINED("no_formation")};
  dwell_status status = check_times(log_time, states, err);
  if (status != DWELL_OK) return status;
  for (size_t l = 0; l < states; l++) {
    if (!isfinite(within[l]) || !isfinite(between[l]))
      return error_set(err, DWELL_BAD_INPUT, "the spread of state %zu is not finite", l);
  }
  ret_scales->log_form = detect_halving(within, log_time, states);
  ret_scales->log_merge = detect_halving(between, log_time, states);
  if (ret_scales->log_form.undefined != NULL) return DWELL_OK;
  ret_scales->censored = ret_scales->log_merge.undefined != NULL;
  double merge = ret_scales->censored ? log_time[states - 1] : ret_scales->log_merge.number;
  ret_scales->log_ratio = VALUE(merge - ret_scales->log_form.number);
  return DWELL_OK;
}

const detector detector_timescales = {
    .name = "timescales",
    .summary = "do groups form much faster than they join: staircase and two_timescales",
    .source = "docs/instruments.md 6.5",
    .reads = "components999 at every state; the spread within and between the groups of one state",
    .kinds = "stair,two_timescales",
    .false_positive =
        "flows at beta 0 and 1, d = 2, 3, 8: staircase ratio > 2 in 0 of 120 (1 of 120 to ln t = 10), two_timescales "
        "ratio > 5 in 0 of 120",
    .rate_of = "make calibrate",
};
