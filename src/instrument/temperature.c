/* instrument/temperature.c - the inverse temperature at which a head would be the theory's: ln P_ij = beta G_ij + a
 * constant of the row. Fitted within rows, so that what softmax divides by drops out. */
#include <math.h>

#include "base/error.h"
#include "base/mem.h"
#include "geometry/pairwise.h"
#include "instrument/head_row.h"
#include "instrument/instruments.h"

static const double LEAST_WEIGHT = 1e-30; /* below it a weight is underflow, and its logarithm is no score */
enum { LEAST_KEYS = 3 };                  /* two points always lie on a line */

typedef struct fit {
  double xx, xy, yy; /* squares within rows */
  size_t rows, keys;
} fit;

/* Cosines and log weights of the usable keys of kept token `a`: not itself, not the sink, kept, allowed. Each key is
 * put where the next usable one goes, which costs less than a branch that depends on the weight. `row` [2n] takes the
 * weights and their logarithms. */
static size_t usable_keys(const instrument_head *h, size_t a, double *row, double *x, double *y) {
  size_t i = h->kept[a], allowed = head_allowed(h, i), count = 0;
  const double *cosines = h->cosines + a * h->kept_count;
  head_row(h, i, row);
  const double *logs = head_log_row(h, i, row, row + h->n);
  for (size_t b = 0; b < h->kept_count && h->kept[b] < allowed; b++) {
    size_t j = h->kept[b];
    x[count] = cosines[b], y[count] = logs[j];
    count += (size_t)((j != 0) & (j != i) & (row[j] > LEAST_WEIGHT));
  }
  return count;
}

static void add_row(fit *f, size_t count, double *x, double *y) {
  if (count < LEAST_KEYS) return;
  double x_mean = pairwise_sum(count, x) / (double)count, y_mean = pairwise_sum(count, y) / (double)count;
  for (size_t k = 0; k < count; k++) x[k] -= x_mean, y[k] -= y_mean;
  f->xx += pairwise_dot(count, x, x), f->xy += pairwise_dot(count, x, y), f->yy += pairwise_dot(count, y, y);
  f->rows++, f->keys += count;
}

/* Cosines are good to some 1e-15: a spread below 1e-12 per key is rounding, and so would be a slope on it. The spread
 * of log weights likewise: an even head has slope 0, of which no share is explained. */
static void results(const fit *f, value *ret_values) {
  const double rounding = 1e-24 * (double)f->keys;
  bool flat = f->xx <= rounding;
  const char *reason = f->rows == 0 ? "few_keys" : flat ? "equal_cosines" : NULL;
  ret_values[0] = ret_values[1] = UNDEFINED(reason);
  ret_values[2] = VALUE((double)f->rows);
  if (reason != NULL) return;
  ret_values[0] = VALUE(f->xy / f->xx);
  if (f->yy <= rounding) ret_values[1] = UNDEFINED("even_attention");
  else ret_values[1] = VALUE(fmin(1, f->xy * f->xy / (f->xx * f->yy)));
}

static dwell_status measure(const instrument_head *h, value *ret_values, dwell_error *err) {
  dwell_status status = DWELL_OK;
  double *row = MEM_NEW(double, 2 * h->n), *x = MEM_NEW(double, h->n), *y = MEM_NEW(double, h->n);
  fit f = {0};
  TRY_ALLOC(row, "the rows of a head");
  TRY_ALLOC(x, "the rows of a head");
  TRY_ALLOC(y, "the rows of a head");
  for (size_t a = 0; a < h->kept_count; a++) add_row(&f, usable_keys(h, a, row, x, y), x, y);
  results(&f, ret_values);
done:
  mem_free(row);
  mem_free(x);
  mem_free(y);
  return status;
}

static double flops(size_t n, size_t d) {
  (void)d;
  return 30 * (double)n * (double)n; /* a logarithm counted as 20 */
}

static uint64_t work_bytes(size_t n) { return 4 * n * sizeof(double); }

static const instrument_column columns[] = {
    {"beta_eff", "1", -INFINITY, INFINITY, "slope of ln attention on the cosine of the tokens at the block's input"},
    {"beta_r2", "1", 0, 1, "share of the variance of ln attention within rows that the cosine explains"},
    {"beta_rows", "1", 0, INFINITY, "rows of the fit: those with at least 3 usable keys"},
};

const instrument instrument_temperature = {
    .name = "temperature",
    .summary = "the inverse temperature that a head's attention has on the cosines of its tokens",
    .source = "docs/instruments.md 5.2",
    .scope = PER_HEAD,
    .normed_too = true,
    .columns = columns,
    .column_count = COUNT_OF(columns),
    .head = measure,
    .flops = flops,
    .needs = NEEDS_COSINES | NEEDS_LOGS,
    .work_bytes = work_bytes,
};
