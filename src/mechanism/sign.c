/* mechanism/sign.c - would a head raise the energy of its own scores? For a symmetric form B and any V the theory has
 * dE_B/dt = n^-2 sum_i Z_i <P_i A_i^B, P_i A_i^V>, A_i^M = sum_j w_ij M u_j and P_i the projection across u_i: the sign
 * of each token's product is the exact local test, and turning either vector at random makes it a coin. */
#include <math.h>

#include "base/error.h"
#include "base/mem.h"
#include "linalg/gemm.h"
#include "mechanism/mechanism.h"

/* What a head's tokens are pulled to: along its scores' form, along its map. */
typedef struct pulls {
  size_t n, d, r;
  double *weights;          /* [n, n] attention */
  double *factors[4];       /* [r, d]: what OV writes and reads, what QK compares */
  double *read, *mixed;     /* [n, r] */
  double *by_form, *by_map; /* [n, d] */
  double *storage;
} pulls;

static dwell_status make_pulls(const instrument_head *h, pulls *ret_pulls, dwell_error *err) {
  pulls *p = ret_pulls;
  size_t n = h->n, d = h->weights->d, r = h->weights->head_size, square, wide;
  *p = (pulls){.n = n, .d = d, .r = r};
  bool fits = size_mul(n, n, &square) && size_mul(n, d, &wide);
  p->storage = fits ? MEM_NEW(double, square + 4 * r * d + 2 * n * r + 2 * wide) : NULL;
  if (p->storage == NULL) return error_no_memory(err, "the pulls of a head");
  p->weights = p->storage;
  for (size_t k = 0; k < 4; k++) p->factors[k] = p->storage + square + k * r * d;
  p->read = p->factors[3] + r * d, p->mixed = p->read + n * r;
  p->by_form = p->mixed + n * r, p->by_map = p->by_form + wide;
  for (size_t e = 0; e < square; e++) {
    p->weights[e] =
        h->dtype == DWELL_F32 ? (double)((const float *)h->attention)[e] : ((const double *)h->attention)[e];
  }
  circuit_factors(h->weights, CIRCUIT_OV, h->head, p->factors[0], p->factors[1]);
  circuit_factors(h->weights, CIRCUIT_QK, h->head, p->factors[2], p->factors[3]);
  return DWELL_OK;
}

/* to (+)= factor * attention * (U reads^T) * writes, [n, d]. */
static void pull(const pulls *p, const double *units, const double *reads, const double *writes, double factor,
                 bool more, double *to) {
  gemm_f64(false, true, p->n, p->r, p->d, 1, units, p->d, reads, p->d, 0, p->read, p->r);
  gemm_f64(false, false, p->n, p->r, p->n, 1, p->weights, p->n, p->read, p->r, 0, p->mixed, p->r);
  gemm_f64(false, false, p->n, p->d, p->r, factor, p->mixed, p->r, writes, p->d, more ? 1 : 0, to, p->d);
}

static double dot(size_t d, const double *x, const double *y) {
  double sum = 0;
  for (size_t i = 0; i < d; i++) sum += x[i] * y[i];
  return sum;
}

/* Cosine of the two pulls on a token, across its own direction u; NaN: there is none. */
static double cosine(size_t d, const double *u, const double *a, const double *b) {
  double ua = dot(d, u, a), ub = dot(d, u, b);
  double aa = dot(d, a, a) - ua * ua, bb = dot(d, b, b) - ub * ub;
  return aa > 0 && bb > 0 ? (dot(d, a, b) - ua * ub) / sqrt(aa * bb) : NAN;
}

enum { SHARE, CHANCE, COSINE, COLUMNS };

static void count_signs(const instrument_head *h, const pulls *p, value *ret_values) {
  double positive = 0, sum = 0, count = 0;
  for (size_t k = 0; k < h->kept_count; k++) {
    size_t i = h->kept[k];
    double c = cosine(p->d, h->units + i * p->d, p->by_form + i * p->d, p->by_map + i * p->d);
    if (isnan(c)) continue;
    positive += c > 0, sum += c, count++;
  }
  for (size_t k = 0; k < COLUMNS; k++) ret_values[k] = UNDEFINED("no_motion");
  if (!(count > 0)) return;
  ret_values[SHARE] = VALUE(positive / count), ret_values[CHANCE] = VALUE(0.5), ret_values[COSINE] = VALUE(sum / count);
}

static dwell_status measure(const instrument_head *h, value *ret_values, dwell_error *err) {
  pulls p;
  for (size_t k = 0; k < COLUMNS; k++) ret_values[k] = UNDEFINED("rotary");
  if (h->weights->rotary) return DWELL_OK; /* its form is another one for every distance */
  dwell_status status = make_pulls(h, &p, err);
  if (status != DWELL_OK) return status;
  pull(&p, h->units, p.factors[3], p.factors[2], 0.5, false, p.by_form);
  pull(&p, h->units, p.factors[2], p.factors[3], 0.5, true, p.by_form);
  pull(&p, h->units, p.factors[1], p.factors[0], 1, false, p.by_map);
  count_signs(h, &p, ret_values);
  mem_free(p.storage);
  return DWELL_OK;
}

static double flops(size_t n, size_t d) {
  const double r = 64; /* as most heads have */
  return 3 * (4 * (double)n * (double)d * r + 2 * (double)n * (double)n * r);
}

static uint64_t work_bytes(size_t n) { return (uint64_t)n * n * sizeof(double); } /* the rest: measure/heads.c */

static const instrument_column columns[] = {
    {"sign_share", "1", 0, 1, "share of tokens whose pull by OV raises the energy of the head's own form"},
    {"sign_share_null_mean", "1", 0, 1, "what pulls turned at random have: 1/2"},
    {"sign_cosine", "1", -1, 1, "mean over tokens of the cosine between the two pulls, across the token"},
};

const instrument instrument_sign = {
    .name = "sign",
    .summary = "would a head raise the energy of its own scores? The exact test of the theory, token by token",
    .source = "docs/instruments.md 7.4; theory: dE/dt of a symmetric form and any values",
    .scope = PER_HEAD,
    .columns = columns,
    .column_count = COUNT_OF(columns),
    .head = measure,
    .flops = flops,
    .needs = NEEDS_COSINES | NEEDS_WEIGHTS,
    .work_bytes = work_bytes,
    .optional = true,
};
