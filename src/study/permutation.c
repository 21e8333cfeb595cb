/* study/permutation.c - sign flips, permuted labels, counts. */
#include "study/permutation.h"

#include <math.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/random.h"
#include "study/interval.h"
#include "study/special.h"

/* ---- sign flips ---- */

/* Number of the 2^(n-at) ways to continue `sum` that reach `least`. */
static uint64_t reaching(size_t n, const double *x, size_t at, double sum, double least) {
  if (at == n) return sum >= least;
  return reaching(n, x, at + 1, sum + x[at], least) + reaching(n, x, at + 1, sum - x[at], least);
}

static double flipped_sum(size_t n, const double *x, uint64_t seed, size_t draw) {
  const random_stream s = {.seed = seed, .purpose = RANDOM_SIGNS};
  uint32_t bits[4];
  double sum = 0;
  for (size_t i = 0; i < n; i++) {
    if (i % 128 == 0) random_bits(&s, (uint32_t)draw, (uint32_t)(i / 128), bits);
    sum += bits[i % 128 / 32] >> (i % 32) & 1 ? x[i] : -x[i];
  }
  return sum;
}

double sign_flip_p(size_t n, const double *x, uint64_t seed) {
  double sum = 0, size = 0;
  for (size_t i = 0; i < n; i++) sum += x[i], size += fabs(x[i]);
  double least = sum - 1e-12 * size;
  if (n <= SIGN_FLIP_EXACT) return (double)reaching(n, x, 0, 0, least) / (double)(1u << n);
  size_t count = 1;
  for (size_t k = 0; k < SIGN_FLIP_DRAWS; k++) count += flipped_sum(n, x, seed, k) >= least;
  return (double)count / (SIGN_FLIP_DRAWS + 1);
}

/* ---- counts ---- */

double mcnemar_p(size_t gained, size_t lost) { return special_binomial_above(gained + lost, gained, 0.5); }

double rank_gate_p(size_t prompts, const double *trained, size_t seed_count, const double *seeds) {
  double mean = sample_mean(prompts, trained);
  size_t count = 1;
  for (size_t s = 0; s < seed_count; s++) count += sample_mean(prompts, seeds + s * prompts) >= mean;
  return (double)count / (double)(seed_count + 1);
}

/* ---- classes ---- */

typedef struct class_sum {
  double n, sum, squares;
} class_sum;

/* Weighted sum of squares between classes; INFINITY where a class has no spread. */
static double between_classes(size_t class_count, const class_sum *sums) {
  double weight = 0, mean = 0, result = 0;
  for (int pass = 0; pass < 2; pass++) {
    for (size_t c = 0; c < class_count; c++) {
      double n = sums[c].n, m = sums[c].sum / n, variance = (sums[c].squares - n * m * m) / (n - 1);
      if (!(variance > 1e-14 * sums[c].squares)) return INFINITY;
      double w = n / variance;
      if (pass == 0) weight += w, mean += w * m;
      else result += w * (m - mean) * (m - mean);
    }
    if (pass == 0) mean /= weight;
  }
  return result;
}

static double statistic(size_t n, const double *centred, const uint32_t *labels, const size_t *opt_order,
                        size_t class_count, class_sum *sums) {
  for (size_t c = 0; c < class_count; c++) sums[c] = (class_sum){0};
  for (size_t i = 0; i < n; i++) {
    class_sum *s = &sums[labels[opt_order != NULL ? opt_order[i] : i]];
    s->n += 1, s->sum += centred[i], s->squares += centred[i] * centred[i];
  }
  return between_classes(class_count, sums);
}

static bool classes_suffice(size_t n, const uint32_t *labels, size_t class_count, class_sum *sums) {
  for (size_t c = 0; c < class_count; c++) sums[c].n = 0;
  for (size_t i = 0; i < n; i++) {
    if (labels[i] >= class_count) return false;
    sums[labels[i]].n += 1;
  }
  for (size_t c = 0; c < class_count; c++) {
    if (sums[c].n < 2) return false;
  }
  return class_count >= 2;
}

dwell_status label_permutation_p(size_t n, const double *x, const uint32_t *labels, size_t class_count, uint64_t seed,
                                 value *ret_p, dwell_error *err) {
  const random_stream s = {.seed = seed, .purpose = RANDOM_LABELS};
  dwell_status status = DWELL_OK;
  double *centred = MEM_NEW(double, n), mean = sample_mean(n, x);
  size_t *order = MEM_NEW(size_t, n), count = 1;
  class_sum *sums = MEM_NEW(class_sum, class_count);
  TRY_ALLOC(centred, "a test of classes");
  TRY_ALLOC(order, "a test of classes");
  TRY_ALLOC(sums, "a test of classes");
  *ret_p = UNDEFINED("few_classes");
  if (!classes_suffice(n, labels, class_count, sums)) goto done;
  for (size_t i = 0; i < n; i++) centred[i] = x[i] - mean;
  double seen = statistic(n, centred, labels, NULL, class_count, sums);
  *ret_p = UNDEFINED("degenerate");
  if (!isfinite(seen)) goto done;
  for (size_t k = 0; k < LABEL_DRAWS; k++) {
    random_permutation(&s, (uint32_t)k, n, order);
    count += statistic(n, centred, labels, order, class_count, sums) >= seen * (1 - 1e-12);
  }
  *ret_p = VALUE((double)count / (LABEL_DRAWS + 1));
done:
  mem_free(centred);
  mem_free(order);
  mem_free(sums);
  return status;
}

/* ---- Kendall ---- */

/* P(at most k discordant pairs) of a random order of n, by adding one place after another. chance [pairs + 1]. */
static double at_most_discordant(size_t n, size_t k, double *chance, double *next) {
  size_t pairs = n * (n - 1) / 2;
  double sum = 0;
  for (size_t j = 0; j <= pairs; j++) chance[j] = j == 0;
  for (size_t m = 2; m <= n; m++) {
    for (size_t j = 0; j <= pairs; j++) {
      next[j] = 0;
      for (size_t moved = 0; moved < m && moved <= j; moved++) next[j] += chance[j - moved] / (double)m;
    }
    for (size_t j = 0; j <= pairs; j++) chance[j] = next[j];
  }
  for (size_t j = 0; j <= k && j <= pairs; j++) sum += chance[j];
  return sum;
}

dwell_status kendall(size_t n, const double *x, double *ret_tau, value *ret_p, dwell_error *err) {
  enum { LARGEST = 100 };
  size_t up = 0, down = 0, pairs = n < 2 ? 0 : n * (n - 1) / 2;
  for (size_t i = 0; i < n; i++) {
    for (size_t j = 0; j < i; j++) up += x[i] > x[j], down += x[i] < x[j];
  }
  double untied = sqrt((double)(up + down) * (double)pairs);
  *ret_tau = untied > 0 ? ((double)up - (double)down) / untied : 0;
  *ret_p = UNDEFINED(n < 3 || n > LARGEST ? "few_checkpoints" : "ties");
  if (n < 3 || n > LARGEST || up + down < pairs) return DWELL_OK;
  double *chance = MEM_NEW(double, 2 * (pairs + 1));
  if (chance == NULL) return error_no_memory(err, "a test of order");
  double tail = at_most_discordant(n, up < down ? up : down, chance, chance + pairs + 1);
  *ret_p = VALUE(fmin(1, 2 * tail));
  mem_free(chance);
  return DWELL_OK;
}
