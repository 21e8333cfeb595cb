/* detect/plateaus.c - did the structure stand still for a while and then move on?
 *
 * Null N7 (permuted steps) lives here and not in the null floor: it makes no surrogate states, it permutes the changes
 * that are the detector's own input. It assumes exchangeable steps; where step sizes are correlated from block to block
 * it is too liberal, so a plateau needs the contrast with untrained networks as well. */
#include <math.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/random.h"
#include "detect/detectors.h"

enum { FEWEST_STEPS = 4, SHORTEST = 2 };

static const char *const kind_names[] = {"interior", "initial", "terminal", "all"};

const char *plateau_kind_name(plateau_kind kind) { return kind_names[kind]; }

/* ---- runs of slow steps ---- */

static size_t run_length(const bool *slow, size_t steps, size_t from) {
  size_t length = 0;
  while (from + length < steps && slow[from + length]) length++;
  return length;
}

static plateau_kind kind_of(size_t first, size_t length, size_t steps) {
  bool starts = first == 0, ends = first + length == steps;
  return starts && ends ? PLATEAU_ALL : starts ? PLATEAU_INITIAL : ends ? PLATEAU_TERMINAL : PLATEAU_INTERIOR;
}

static size_t longest_interior(const bool *slow, size_t steps) {
  size_t longest = 0;
  for (size_t b = 0; b < steps; b++) {
    size_t length = run_length(slow, steps, b);
    if (length > longest && kind_of(b, length, steps) == PLATEAU_INTERIOR) longest = length;
    b += length;
  }
  return longest;
}

/* ---- is there structure that could have moved? ---- */

/* A comparison that NaN and a missing array fail. */
static bool all_states(const double *x, const plateau *p, double low, double high) {
  for (size_t l = p->first; x != NULL && l <= p->last + 1; l++) {
    if (!(x[l] >= low && x[l] <= high)) return false;
  }
  return x != NULL;
}

/* Blocks that write nothing: every token all but stands still, and its update all but vanishes. */
static bool blocks_are_dead(const plateau_evidence *e, const plateau *p) {
  static const double STILL = 1e-3;
  if (e->angle_max == NULL || e->update_norm == NULL) return false;
  for (size_t b = p->first; b <= p->last; b++) {
    if (!(e->angle_max[b] < STILL && e->update_norm[b] < STILL)) return false;
  }
  return true;
}

static const char *triviality(const plateau_evidence *e, const plateau *p) {
  if (e == NULL) return "a scalar series alone";
  if (!all_states(e->cluster_p, p, 0, 0.05)) return "no significant clusters throughout";
  if (!all_states(e->clusters, p, 2, INFINITY)) return "fewer than 2 clusters";
  if (!all_states(e->ip_mean, p, -1, nextafter(0.95, 0))) return "one cone (ip_mean >= 0.95)";
  if (blocks_are_dead(e, p)) return "dead blocks";
  return NULL;
}

/* ---- the test ---- */

typedef struct shuffle {
  bool *slow;
  size_t *order;
} shuffle;

static double permutation_p(const bool *slow, size_t steps, size_t longest, const plateau_setting *s, shuffle *room) {
  const random_stream stream = {.seed = s->seed, .purpose = RANDOM_STEPS, .replica = s->replica};
  size_t above = 0;
  if (longest < SHORTEST) return 1;
  for (size_t k = 0; k < s->draws; k++) {
    random_permutation(&stream, (uint32_t)k, steps, room->order);
    for (size_t b = 0; b < steps; b++) room->slow[b] = slow[room->order[b]];
    above += longest_interior(room->slow, steps) >= longest;
  }
  return (double)(1 + above) / (double)(s->draws + 1);
}

static void collect(const bool *slow, size_t steps, const plateau_evidence *evidence, plateaus *ret) {
  for (size_t b = 0; b < steps; b++) {
    size_t length = run_length(slow, steps, b);
    if (length >= SHORTEST) {
      plateau p = {.first = b, .last = b + length - 1, .kind = kind_of(b, length, steps)};
      p.trivial = triviality(evidence, &p);
      ret->items[ret->count++] = p;
    }
    b += length;
  }
}

static dwell_status check_changes(const double *changes, size_t steps, double *ret_mean, dwell_error *err) {
  double sum = 0;
  for (size_t b = 0; b < steps; b++) {
    if (!isfinite(changes[b]) || changes[b] < 0)
      return error_set(err, DWELL_BAD_INPUT, "the change of step %zu is no number >= 0", b);
    sum += changes[b] / (double)steps; /* the mean of the largest doubles is one */
  }
  *ret_mean = sum;
  return DWELL_OK;
}

dwell_status detect_plateaus(const double *changes, size_t steps, const plateau_evidence *opt_evidence,
                             const plateau_setting *setting, plateaus *ret_plateaus, dwell_error *err) {
  dwell_status status = DWELL_OK;
  double mean = 0;
  shuffle room = {0};
  bool *slow = NULL;
  *ret_plateaus = (plateaus){.p = UNDEFINED("few_layers")};
  TRY(check_changes(changes, steps, &mean, err));
  if (steps >= FEWEST_STEPS && mean == 0) ret_plateaus->p = UNDEFINED("nothing changes");
  if (steps < FEWEST_STEPS || mean == 0) return DWELL_OK;
  slow = MEM_NEW(bool, steps), room.slow = MEM_NEW(bool, steps), room.order = MEM_NEW(size_t, steps);
  ret_plateaus->items = MEM_NEW(plateau, steps / SHORTEST + 1);
  TRY_ALLOC(slow, "the plateaus");
  TRY_ALLOC(room.slow, "the plateaus");
  TRY_ALLOC(room.order, "the plateaus");
  TRY_ALLOC(ret_plateaus->items, "the plateaus");
  for (size_t b = 0; b < steps; b++) slow[b] = changes[b] <= setting->slow * mean;
  collect(slow, steps, opt_evidence, ret_plateaus);
  ret_plateaus->longest = longest_interior(slow, steps);
  ret_plateaus->p = VALUE(permutation_p(slow, steps, ret_plateaus->longest, setting, &room));
done:
  mem_free(slow);
  mem_free(room.slow);
  mem_free(room.order);
  return status;
}

dwell_status detect_plateaus_scalar(const double *values, size_t steps, const plateau_setting *setting,
                                    plateaus *ret_plateaus, dwell_error *err) {
  *ret_plateaus = (plateaus){.p = UNDEFINED("few_layers")};
  double *changes = MEM_NEW(double, steps);
  if (changes == NULL) return error_no_memory(err, "the plateaus");
  for (size_t b = 0; b < steps; b++) changes[b] = fabs(values[b + 1] - values[b]);
  dwell_status status = detect_plateaus(changes, steps, NULL, setting, ret_plateaus, err);
  mem_free(changes);
  return status;
}

void plateaus_free(plateaus *p) {
  mem_free(p->items);
  p->items = NULL;
}

const detector detector_plateaus = {
    .name = "plateaus",
    .summary = "stretches of blocks over which the structure stands still",
    .source = "docs/instruments.md 6.3; null: 999 permutations of the steps",
    .reads = "change of every block; cluster_T and its p, clusters, ip_mean, angle_max, update_norm",
    .kinds = "plateau",
    .false_positive =
        "1-3 % with independent steps at nominal 5 %; with 12, 24, 48 steps 1, 5, 16 % where they shrink tenfold and "
        "5, 18, 43 % where their logarithms are correlated by 0.7",
    .rate_of = "make calibrate",
};
