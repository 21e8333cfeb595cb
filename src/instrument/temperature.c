/* instrument/temperature.c - the inverse temperature at which a head would be the theory's: ln P_ij = beta G_ij + a
 * constant of the row. Fitted within rows, so that what softmax divides by drops out. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/isa.h"
#include "base/mem.h"
#include "instrument/head_row.h"
#include "instrument/instruments.h"

static const double LEAST_WEIGHT = 1e-30; /* below it a weight is underflow, and its logarithm is no score */
enum { LEAST_KEYS = 3 };                  /* two points always lie on a line */

typedef struct fit {
  double xx, xy, yy; /* squares within rows */
  size_t rows, keys;
} fit;

/* Keys that follow one another: weights, log weights and cosines of `n` of them. */
typedef struct keys {
  size_t n;
  const void *weights;
  const double *logs, *cosines;
} keys;

enum { COUNT, X, Y, SUMS };
enum { XX, XY, YY, SQUARES };

typedef long long mask __attribute__((vector_size(ISA_HALF * sizeof(long long))));
typedef float narrow_half __attribute__((vector_size(ISA_HALF * sizeof(float))));

/* Of some keys the head gives weight to, and of others, which count 0 times: that costs less than to choose. */
typedef struct taken {
  isa_half usable, x, y;
} taken;

/* Up to ISA_HALF keys; there are none beyond `left`. */
ISA_INLINE void take_keys(bool narrow, const keys *k, size_t at, size_t left, taken *ret) {
  isa_half w = {0}, x = {0}, y = {0};
  narrow_half n = {0};
  size_t count = left < ISA_HALF ? left : ISA_HALF;
  const char *from = (const char *)k->weights + at * (narrow ? sizeof(float) : sizeof(double));
  if (count == ISA_HALF) {
    if (narrow) memcpy(&n, from, sizeof n);
    else memcpy(&w, from, sizeof w);
    memcpy(&x, k->cosines + at, sizeof x), memcpy(&y, k->logs + at, sizeof y);
  } else {
    for (size_t u = 0; u < count; u++) {
      if (narrow) n[u] = ((const float *)k->weights)[at + u];
      else w[u] = ((const double *)k->weights)[at + u];
      x[u] = k->cosines[at + u], y[u] = k->logs[at + u];
    }
  }
  if (narrow) w = __builtin_convertvector(n, isa_half);
  const isa_half one = {1, 1, 1, 1}, least = {LEAST_WEIGHT, LEAST_WEIGHT, LEAST_WEIGHT, LEAST_WEIGHT};
  ret->usable = (isa_half)((w > least) & (mask)one);
  ret->x = x, ret->y = y;
}

ISA_INLINE void add_lanes(const isa_half *lanes, double *sum) {
  for (size_t u = 0; u < ISA_HALF; u++) *sum += (*lanes)[u];
}

ISA_INLINE void add_sums_body(bool narrow, const keys *k, double *sums) {
  isa_half count = {0}, x = {0}, y = {0};
  taken t;
  for (size_t at = 0; at < k->n; at += ISA_HALF) {
    take_keys(narrow, k, at, k->n - at, &t);
    count += t.usable, x += t.usable * t.x, y += t.usable * t.y;
  }
  add_lanes(&count, &sums[COUNT]), add_lanes(&x, &sums[X]), add_lanes(&y, &sums[Y]);
}

ISA_INLINE void add_squares_body(bool narrow, const keys *k, const double *means, double *squares) {
  isa_half xx = {0}, xy = {0}, yy = {0};
  taken t;
  for (size_t at = 0; at < k->n; at += ISA_HALF) {
    take_keys(narrow, k, at, k->n - at, &t);
    isa_half x = t.usable * (t.x - means[X]), y = t.usable * (t.y - means[Y]);
    xx += x * x, xy += x * y, yy += y * y;
  }
  add_lanes(&xx, &squares[XX]), add_lanes(&xy, &squares[XY]), add_lanes(&yy, &squares[YY]);
}

ISA_DEFINE(static, add_sums, (bool narrow, const keys *k, double *sums), (narrow, k, sums))
ISA_DEFINE(static, add_squares, (bool narrow, const keys *k, const double *means, double *squares),
           (narrow, k, means, squares))

/* The next keys that kept token `a` may use, from place *b of the kept ones on: tokens in a row, without itself and
 * the sink. False: no more. */
static bool next_keys(const instrument_head *h, size_t a, size_t *b, const double *logs, keys *ret) {
  size_t i = h->kept[a], allowed = head_allowed(h, i);
  while (*b < h->kept_count && (h->kept[*b] == 0 || *b == a)) ++*b;
  if (*b == h->kept_count || h->kept[*b] >= allowed) return false;
  size_t from = *b, first = h->kept[from], end = from + 1;
  while (end < h->kept_count && end != a && h->kept[end] == first + (end - from) && h->kept[end] < allowed) end++;
  size_t real = h->dtype == DWELL_F32 ? sizeof(float) : sizeof(double);
  *ret = (keys){end - from, (const char *)h->attention + (i * h->n + first) * real, logs + first,
                h->cosines + a * h->kept_count + from};
  *b = end;
  return true;
}

static void add_row(const instrument_head *h, size_t a, const double *logs, fit *f) {
  double sums[SUMS] = {0}, squares[SQUARES] = {0};
  bool narrow = h->dtype == DWELL_F32;
  keys k;
  for (size_t b = 0; next_keys(h, a, &b, logs, &k);) add_sums(narrow, &k, sums);
  if (sums[COUNT] < LEAST_KEYS) return;
  sums[X] /= sums[COUNT], sums[Y] /= sums[COUNT];
  for (size_t b = 0; next_keys(h, a, &b, logs, &k);) add_squares(narrow, &k, sums, squares);
  f->xx += squares[XX], f->xy += squares[XY], f->yy += squares[YY];
  f->rows++, f->keys += (size_t)sums[COUNT];
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
  double *row = NULL, *work = NULL;
  fit f = {0};
  if (h->logs == NULL) {
    TRY_ALLOC(row = MEM_NEW(double, h->n), "the rows of a head");
    TRY_ALLOC(work = MEM_NEW(double, h->n), "the rows of a head");
  }
  for (size_t a = 0; a < h->kept_count; a++) {
    if (h->logs == NULL) head_row(h, h->kept[a], row);
    add_row(h, a, head_log_row(h, h->kept[a], row, work), &f);
  }
  results(&f, ret_values);
done:
  mem_free(row), mem_free(work);
  return status;
}

static double flops(size_t n, size_t d) {
  (void)d;
  return 30 * (double)n * (double)n; /* a logarithm counted as 20 */
}

static uint64_t work_bytes(size_t n) { return 2 * n * sizeof(double); }

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
