/* instrument/attention.c - where one head's attention goes. */
#include <math.h>

#include "base/error.h"
#include "base/mem.h"
#include "geometry/pairwise.h"
#include "instrument/head_row.h"
#include "instrument/instruments.h"

/* Sums over the rows that count for each number. */
typedef struct sums {
  double entropy, entropy_norm, sink, sink_uniform, self_mass, previous;
  size_t entropy_rows; /* rows with more than one allowed key */
} sums;

static double entry(const instrument_head *h, size_t i, size_t j) {
  size_t at = i * h->n + j;
  return h->dtype == DWELL_F32 ? (double)((const float *)h->attention)[at] : ((const double *)h->attention)[at];
}

/* -sum P ln P over the allowed keys of row i. `work` [2n] is scratch. */
static double row_entropy(const instrument_head *h, size_t i, double *work) {
  double *p = work;
  head_row(h, i, p);
  return -pairwise_dot(head_allowed(h, i), p, head_log_row(h, i, p, work + h->n));
}

static void add_row(const instrument_head *h, size_t i, double *work, sums *s) {
  size_t allowed = head_allowed(h, i);
  s->self_mass += entry(h, i, i);
  if (allowed > 1) {
    double entropy = row_entropy(h, i, work);
    s->entropy += entropy;
    s->entropy_norm += entropy / log((double)allowed);
    s->entropy_rows++;
  }
  if (i == 0) return;
  s->sink += entry(h, i, 0);
  s->sink_uniform += 1 / (double)allowed;
  s->previous += entry(h, i, i - 1);
}

static dwell_status measure(const instrument_head *h, value *ret_values, dwell_error *err) {
  sums s = {0};
  double *work = MEM_NEW(double, 2 * h->n);
  if (work == NULL) return error_no_memory(err, "a row of a head");
  for (size_t i = 0; i < h->n; i++) add_row(h, i, work, &s);
  mem_free(work);
  for (size_t c = 0; c < 6; c++) ret_values[c] = UNDEFINED("n < 2");
  if (h->n == 0) return DWELL_OK;
  ret_values[4] = VALUE(s.self_mass / (double)h->n);
  if (h->n < 2) return DWELL_OK;
  double rows = (double)s.entropy_rows, later = (double)(h->n - 1);
  ret_values[0] = VALUE(s.entropy / rows);
  ret_values[1] = VALUE(s.entropy_norm / rows);
  ret_values[2] = VALUE(s.sink / later);
  ret_values[3] = VALUE(s.sink_uniform / later);
  ret_values[5] = VALUE(s.previous / later);
  return DWELL_OK;
}

static double flops(size_t n, size_t d) {
  (void)d;
  return 20 * (double)n * (double)n;
}

static uint64_t work_bytes(size_t n) { return 2 * n * sizeof(double); }

static const instrument_column columns[] = {
    {"entropy", "nat", 0, INFINITY, "mean entropy of the rows with more than one allowed key"},
    {"entropy_norm", "1", 0, 1, "the same, each row's entropy divided by ln(number of its allowed keys)"},
    {"sink", "1", 0, 1, "mean attention to token 0 of the other tokens"},
    {"sink_uniform", "1", 0, 1, "what sink would be if every row were uniform over its allowed keys"},
    {"self_mass", "1", 0, 1, "mean attention of a token to itself"},
    {"previous", "1", 0, 1, "mean attention of a token to the one before it"},
};

const instrument instrument_attention = {
    .name = "attention",
    .summary = "where a head's attention goes",
    .source = "docs/instruments.md 5",
    .scope = PER_HEAD,
    .columns = columns,
    .column_count = COUNT_OF(columns),
    .head = measure,
    .flops = flops,
    .needs = NEEDS_LOGS,
    .work_bytes = work_bytes,
};
