/* instrument/spread.c - how different the mixtures are that a head's queries read.
 *
 * For any values V the rows of P V lie within max TV x diam(V) of each other (Dobrushin), so a small mean says that the
 * head pulls all tokens towards one place. Holds for causal heads too. */
#include <math.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/random.h"
#include "instrument/head_row.h"
#include "instrument/instruments.h"

/* n^3/2 additions for all pairs: 8 million at the limit, 2 million for the sample at 512 tokens. */
enum { ALL_PAIRS = 256, SAMPLE = 4096 };

/* Half the sum of |a - b|. Eight sums side by side, which the compiler turns into vectors. */
static double total_variation(size_t n, const double *a, const double *b) {
  double sums[8] = {0}, rest = 0;
  size_t k = 0;
  for (; k + 8 <= n; k += 8) {
    for (size_t u = 0; u < 8; u++) sums[u] += fabs(a[k + u] - b[k + u]);
  }
  for (; k < n; k++) rest += fabs(a[k] - b[k]);
  for (size_t u = 0; u < 8; u++) rest += sums[u];
  return rest / 2;
}

static double mean_of_all(const instrument_head *h, double *rows) {
  size_t n = h->n;
  double sum = 0;
  for (size_t i = 0; i < n; i++) head_row(h, i, rows + i * n);
  for (size_t i = 1; i < n; i++) {
    double of_row = 0;
    for (size_t j = 0; j < i; j++) of_row += total_variation(head_allowed(h, i), rows + i * n, rows + j * n);
    sum += of_row;
  }
  return sum / ((double)n * (double)(n - 1) / 2);
}

/* Pairs with replacement, the same for every head: heads can be compared. */
static double mean_of_sample(const instrument_head *h, double *rows) {
  size_t n = h->n;
  random_stream s = {.seed = h->seed, .purpose = RANDOM_HEAD_PAIRS};
  double sum = 0;
  for (uint32_t k = 0; k < SAMPLE; k++) {
    size_t i = random_below(&s, k, 0, n), j = random_below(&s, k, 1, n - 1);
    j += j >= i;
    head_row(h, i, rows);
    head_row(h, j, rows + n);
    sum += total_variation(head_allowed(h, i > j ? i : j), rows, rows + n);
  }
  return sum / SAMPLE;
}

static size_t row_count(size_t n) { return n <= ALL_PAIRS ? n : 2; }

static dwell_status measure(const instrument_head *h, value *ret_values, dwell_error *err) {
  ret_values[0] = UNDEFINED("n < 2");
  if (h->n < 2) return DWELL_OK;
  double *rows = mem_alloc(row_count(h->n), h->n * sizeof(double));
  if (rows == NULL) return error_no_memory(err, "the rows of a head");
  ret_values[0] = VALUE(h->n <= ALL_PAIRS ? mean_of_all(h, rows) : mean_of_sample(h, rows));
  mem_free(rows);
  return DWELL_OK;
}

static double flops(size_t n, size_t d) {
  (void)d;
  double pairs = n <= ALL_PAIRS ? (double)n * (double)n / 2 : SAMPLE;
  return 3 * pairs * (double)n;
}

static uint64_t work_bytes(size_t n) { return row_count(n) * n * sizeof(double); }

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
    .work_bytes = work_bytes,
};
