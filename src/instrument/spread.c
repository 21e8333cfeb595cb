/* instrument/spread.c - how different the mixtures are that a head's queries read.
 *
 * For any values V the rows of P V lie within max TV x diam(V) of each other (Dobrushin), so a small mean says that the
 * head pulls all tokens towards one place. Holds for causal heads too. */
#include <math.h>

#include "base/isa.h"
#include "base/random.h"
#include "instrument/head_row.h"
#include "instrument/instruments.h"

/* n^3/2 additions for all pairs: 8 million at the limit, 2 million for the sample at 512 tokens. */
enum { ALL_PAIRS = 256, SAMPLE = 4096 };

/* Sum of |a - b| in ISA_LANES sums side by side. A difference is rounded as the weights are (2^-24 of itself in f32),
 * the sum is of doubles. */
#define ADD_DIFFERENCES                                                                    \
  size_t whole = n - n % ISA_LANES;                                                        \
  double sums[ISA_LANES] = {0}, rest = 0;                                                  \
  for (size_t k = 0; k < whole; k += ISA_LANES) {                                          \
    for (size_t u = 0; u < ISA_LANES; u++) sums[u] += fabs((double)(a[k + u] - b[k + u])); \
  }                                                                                        \
  for (size_t k = whole; k < n; k++) rest += fabs((double)(a[k] - b[k]));                  \
  for (size_t u = 0; u < ISA_LANES; u++) rest += sums[u];                                        \
  *ret_sum = rest;

ISA_INLINE void differ_f32_body(size_t n, const float *a, const float *b, double *ret_sum){
    ADD_DIFFERENCES} ISA_INLINE void differ_f64_body(size_t n, const double *a, const double *b, double *ret_sum){
    ADD_DIFFERENCES} ISA_DEFINE(static, differ_f32, (size_t n, const float *a, const float *b, double *ret_sum),
                                (n, a, b, ret_sum))
    ISA_DEFINE(static, differ_f64, (size_t n, const double *a, const double *b, double *ret_sum), (n, a, b, ret_sum))

    /* Of rows i and j; beyond the allowed keys attention is 0. */
    static double total_variation(const instrument_head *h, size_t i, size_t j) {
  size_t n = head_allowed(h, i > j ? i : j);
  double sum;
  if (h->dtype == DWELL_F32)
    differ_f32(n, (const float *)h->attention + i * h->n, (const float *)h->attention + j * h->n, &sum);
  else differ_f64(n, (const double *)h->attention + i * h->n, (const double *)h->attention + j * h->n, &sum);
  return sum / 2;
}

static double mean_of_all(const instrument_head *h) {
  size_t n = h->n;
  double sum = 0;
  for (size_t i = 1; i < n; i++) {
    double of_row = 0;
    for (size_t j = 0; j < i; j++) of_row += total_variation(h, i, j);
    sum += of_row;
  }
  return sum / ((double)n * (double)(n - 1) / 2);
}

/* Pairs with replacement, the same for every head: heads can be compared. */
static double mean_of_sample(const instrument_head *h) {
  size_t n = h->n;
  random_stream s = {.seed = h->seed, .purpose = RANDOM_HEAD_PAIRS};
  double sum = 0;
  for (uint32_t k = 0; k < SAMPLE; k++) {
    size_t i = random_below(&s, k, 0, n), j = random_below(&s, k, 1, n - 1);
    j += j >= i;
    sum += total_variation(h, i, j);
  }
  return sum / SAMPLE;
}

static dwell_status measure(const instrument_head *h, value *ret_values, dwell_error *err) {
  (void)err;
  ret_values[0] = UNDEFINED("n < 2");
  if (h->n < 2) return DWELL_OK;
  ret_values[0] = VALUE(h->n <= ALL_PAIRS ? mean_of_all(h) : mean_of_sample(h));
  return DWELL_OK;
}

static double flops(size_t n, size_t d) {
  (void)d;
  double pairs = n <= ALL_PAIRS ? (double)n * (double)n / 2 : SAMPLE;
  return 3 * pairs * (double)n;
}

static const instrument_column columns[] = {
    {"tv_mean", "1", 0, 1, "mean total variation between the attention of two tokens; 0: all read the same mixture"},
};

const instrument instrument_spread = {
    .name = "spread",
    .summary = "how different the mixtures are that a head's tokens read",
    .source = "Dobrushin, Theory Probab. Appl. 1 (1956) 65; docs/instruments.md 5.1",
    .scope = PER_HEAD,
    .columns = columns,
    .column_count = COUNT_OF(columns),
    .head = measure,
    .flops = flops,
};
