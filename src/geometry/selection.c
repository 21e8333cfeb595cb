/* geometry/selection.c - which tokens are measured. */
#include "geometry/selection.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/sort.h"
#include "base/str.h"

static const double MASSIVE = 5; /* times the median norm of the state: instruments.md 1.1, rule 3 */

/* Median of the finite norms of one state (all tokens); 0 if there are none. `scratch` [n]. */
static double median_norm(size_t n, const double *norms, double *scratch) {
  size_t count = 0;
  for (size_t i = 0; i < n; i++) {
    if (isfinite(norms[i])) scratch[count++] = norms[i];
  }
  if (count == 0) return 0;
  sort_doubles(scratch, count);
  return sort_median(scratch, count);
}

/* Marks tokens that are massive, or of zero or non-finite norm, in any state. */
static dwell_status judge_norms(size_t n, size_t frames, const double *norms, bool *massive, bool *zero,
                                dwell_error *err) {
  dwell_status status = DWELL_OK;
  double *scratch = MEM_NEW(double, n);
  TRY_ALLOC(scratch, "norms");
  for (size_t f = 0; f < frames; f++) {
    const double *state = norms + f * n;
    double limit = MASSIVE * median_norm(n, state, scratch);
    for (size_t i = 0; i < n; i++) {
      if (!isfinite(state[i]) || state[i] <= 0) zero[i] = true;
      else if (state[i] > limit) massive[i] = true;
    }
  }
done:
  mem_free(scratch);
  return status;
}

/* Decides one token; counts it under the first rule that drops it. */
static bool keep_token(const dwell_trajectory *t, size_t i, bool rules, bool massive, bool zero, selection *s) {
  if (rules && t->keep != NULL) {
    if (!t->keep[i]) return s->dropped_given++, false;
  } else if (rules) {
    if (t->special != NULL && t->special[i]) return s->dropped_special++, false;
    if (t->causal && i == 0) return s->dropped_first++, false;
    if (massive) return s->dropped_massive++, false;
  }
  if (zero) return s->dropped_zero++, false;
  return true;
}

typedef struct occurrence {
  int64_t id;
  size_t token;
} occurrence;

static int compare_occurrences(const void *a, const void *b) {
  const occurrence *x = a, *y = b;
  if (x->id != y->id) return x->id < y->id ? -1 : 1;
  return (x->token > y->token) - (x->token < y->token);
}

static int compare_sizes(const void *a, const void *b) {
  size_t x = *(const size_t *)a, y = *(const size_t *)b;
  return (x > y) - (x < y);
}

/* First occurrences of each id among the kept tokens, in token order. */
static dwell_status find_types(const dwell_trajectory *t, selection *s, dwell_error *err) {
  if (t->token_ids == NULL) {
    memcpy(s->types, s->all, s->all_count * sizeof *s->all);
    s->types_count = s->all_count;
    return DWELL_OK;
  }
  occurrence *seen = MEM_NEW(occurrence, s->all_count);
  if (seen == NULL) return error_no_memory(err, "token types");
  for (size_t k = 0; k < s->all_count; k++) seen[k] = (occurrence){t->token_ids[s->all[k]], s->all[k]};
  qsort(seen, s->all_count, sizeof *seen, compare_occurrences);
  for (size_t k = 0; k < s->all_count; k++) {
    if (k == 0 || seen[k].id != seen[k - 1].id) s->types[s->types_count++] = seen[k].token;
  }
  qsort(s->types, s->types_count, sizeof *s->types, compare_sizes);
  mem_free(seen);
  return DWELL_OK;
}

static dwell_status nothing_left(const dwell_trajectory *t, const selection *s, dwell_error *err) {
  const struct {
    size_t count;
    const char *what;
  } dropped[] = {{s->dropped_special, "special"},
                 {s->dropped_first, "the first of a causal model"},
                 {s->dropped_massive, "massive"},
                 {s->dropped_zero, "of zero or non-finite norm"},
                 {s->dropped_given, "not in the given keep mask"}};
  char why[200] = "";
  for (size_t i = 0, at = 0; i < sizeof dropped / sizeof dropped[0] && at < sizeof why; i++) {
    if (dropped[i].count == 0) continue;
    at +=
        (size_t)snprintf(why + at, sizeof why - at, "%s%zu %s", at > 0 ? ", " : "", dropped[i].count, dropped[i].what);
  }
  error_set(err, DWELL_BAD_INPUT, "none of the %zu tokens is left to measure (%s)", t->n, why);
  return error_remedy(err, "Use a longer text, or --special keep");
}

dwell_status selection_decide(const dwell_trajectory *t, size_t frames, const double *norms, bool drop_special,
                              selection *ret_selection, dwell_error *err) {
  dwell_status status = DWELL_OK;
  selection s = {0};
  bool *zero = MEM_ZERO(bool, t->n);
  bool rules = (drop_special || t->keep != NULL) && !str_equal(t->kind, "flow");
  s.keep = MEM_ZERO(bool, t->n);
  s.massive = MEM_ZERO(bool, t->n);
  s.all = MEM_NEW(size_t, t->n);
  s.types = MEM_NEW(size_t, t->n);
  TRY_ALLOC(s.massive, "token selection");
  TRY_ALLOC(zero, "token selection");
  TRY_ALLOC(s.keep, "token selection");
  TRY_ALLOC(s.all, "token selection");
  TRY_ALLOC(s.types, "token selection");
  TRY(judge_norms(t->n, frames, norms, s.massive, zero, err));
  for (size_t i = 0; i < t->n; i++) {
    s.keep[i] = keep_token(t, i, rules, s.massive[i], zero[i], &s);
    if (s.keep[i]) s.all[s.all_count++] = i;
  }
  if (s.all_count == 0) TRY(nothing_left(t, &s, err));
  TRY(find_types(t, &s, err));
done:
  mem_free(zero);
  if (status != DWELL_OK) selection_free(&s);
  *ret_selection = s;
  return status;
}

void selection_free(selection *s) {
  mem_free(s->keep);
  mem_free(s->massive);
  mem_free(s->all);
  mem_free(s->types);
  *s = (selection){0};
}
