/* detect/violations.c - does the energy ever fall along the states? The theory's flow ascends it. A fall counts where
 * it is larger than what rounding of the cosines could do at the two states together. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "detect/detectors.h"

double energy_step(const double *energy, const double *floor, size_t b) {
  double change = energy[b + 1] - energy[b];
  return fabs(change) <= floor[b] + floor[b + 1] ? 0 : change;
}

static void add_steps(const double *energy, const double *floor, double range, energy_path *p) {
  double sum = 0, all = 0, worst = 0;
  for (size_t b = 0; b < p->steps; b++) {
    double d = energy_step(energy, floor, b);
    sum += d, all += fabs(d);
    p->below_floor += d == 0 && energy[b + 1] != energy[b];
    p->drops += d < 0;
    if (d < worst) worst = d, p->worst_step = b;
  }
  if (worst < 0) p->max_drop_rel = -worst / range;
  if (all > 0) p->index = VALUE(sum / all);
}

/* The largest fall from a state to any later one. */
static void add_drawdown(const double *energy, const double *floor, size_t states, double range, energy_path *p) {
  double most = 0;
  for (size_t a = 0; a + 1 < states; a++) {
    for (size_t b = a + 1; b < states; b++) {
      double fall = energy[a] - energy[b];
      if (fall <= most || fall <= floor[a] + floor[b]) continue;
      most = fall, p->peak = a, p->trough = b;
    }
  }
  if (most > 0) p->drawdown_rel = most / range;
}

dwell_status detect_violations(const double *energy, const double *floor, size_t states, energy_path *ret_path,
                               dwell_error *err) {
  double low = INFINITY, high = -INFINITY;
  *ret_path = (energy_path){.index = UNDEFINED("no change beyond rounding"), .worst_step = SIZE_MAX};
  ret_path->peak = ret_path->trough = SIZE_MAX;
  for (size_t l = 0; l < states; l++) {
    if (!isfinite(energy[l]) || !isfinite(floor[l]) || floor[l] < 0)
      return error_set(err, DWELL_BAD_INPUT, "the energy of state %zu is not finite", l);
    low = fmin(low, energy[l]), high = fmax(high, energy[l]);
  }
  if (states < 2) return DWELL_OK;
  ret_path->steps = states - 1;
  add_steps(energy, floor, high - low, ret_path);
  add_drawdown(energy, floor, states, high - low, ret_path);
  return DWELL_OK;
}

/* ---- which pairs of tokens fall ---- */

/* Keeps the worst pairs in order. Pairs arrive by i, then j, so a later one must be strictly worse. */
static void keep_worst(energy_parts *parts, energy_pair pair) {
  size_t at = parts->count;
  if (pair.change >= 0) return;
  while (at > 0 && parts->worst[at - 1].change > pair.change) at--;
  if (at == ENERGY_PAIRS) return;
  size_t moved = (parts->count == ENERGY_PAIRS ? ENERGY_PAIRS - 1 : parts->count) - at;
  memmove(&parts->worst[at + 1], &parts->worst[at], moved * sizeof pair);
  parts->worst[at] = pair;
  if (parts->count < ENERGY_PAIRS) parts->count++;
}

static value share(const void *known, double part, double whole) {
  if (known == NULL) return UNDEFINED("not known");
  if (whole >= 0) return UNDEFINED("no fall");
  return VALUE(part == 0 ? 0 : part / whole); /* not -0 */
}

dwell_status detect_drop_pairs(size_t n, const double *before, const double *after, double beta,
                               const bool *opt_massive, const bool *opt_special, const int64_t *opt_ids,
                               energy_parts *ret_parts, dwell_error *err) {
  double sum = 0, massive = 0, special = 0, same = 0, unit = 2 / ((double)n * (double)n);
  ret_parts->count = 0;
  for (size_t i = 0; i < n; i++) {
    for (size_t j = i + 1; j < n; j++) {
      /* expm1 of the difference: two nearly equal exponentials would cancel. */
      double was = before[i * n + j], is = after[i * n + j];
      double change = unit * exp(beta * (was - 1)) * expm1(beta * (is - was));
      if (!isfinite(change)) return error_set(err, DWELL_BAD_INPUT, "a cosine is not finite");
      keep_worst(ret_parts, (energy_pair){i, j, change});
      sum += change;
      if (opt_massive != NULL && (opt_massive[i] || opt_massive[j])) massive += change;
      if (opt_special != NULL && (opt_special[i] || opt_special[j])) special += change;
      if (opt_ids != NULL && opt_ids[i] == opt_ids[j]) same += change;
    }
  }
  ret_parts->massive = share(opt_massive, massive, sum);
  ret_parts->special = share(opt_special, special, sum);
  ret_parts->same_id = share(opt_ids, same, sum);
  return DWELL_OK;
}

value detect_ideal_rate(double own, double beta) {
  static const double energies[] = {0.1, 1, 2, 5}, flows[] = {1, 4, 9, 20};
  static const double share[4][4] = {{0, 0, 0, 0}, {.02, 0, 0, 0}, {.26, 0, 0, 0}, {.545, .07, .005, 0}};
  size_t flow = 0, energy = 0;
  if (own < 0) return UNDEFINED("beta < 0");
  while (energy < 4 && energies[energy] != beta) energy++;
  if (energy == 4) return UNDEFINED("not measured");
  while (flow < 3 && !(own <= flows[flow])) flow++; /* NaN: the last row */
  return VALUE(share[flow][energy]);
}

const detector detector_violations = {
    .name = "violations",
    .summary = "where the energy falls, how far, and between which tokens",
    .source = "docs/instruments.md 6.4",
    .reads = "energy_* and energy_floor_* at every state; cosines of the states around a fall",
    .kinds = "energy_drop",
    .false_positive =
        "0 at the flow's own beta (the exact flow ascends: 0 of 800 starts at beta 1, 4, 9, 20); at another beta "
        "ideal_rate; rounding stays 100 times below the floor",
    .rate_of = "make calibrate",
};
