/* mechanism/circuit.c - spectra of a head's product through products of its rank. */
#include "mechanism/circuit.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "linalg/eigen.h"
#include "linalg/gemm.h"
#include "linalg/qr.h"

/* A symmetric part below this share of the whole is rounding (1e-16 of each entry, squared, with a margin). */
static const double LEAST_SYMMETRIC = 1e-26;

/* ---- one product, in coordinates ---- */

/* M in an orthonormal basis of its 2r vectors: rows 0..r-1 of [k,k] at most, because a's vectors come first. */
typedef struct product {
  size_t r, k, top;      /* k: dimensions of the basis; top = min(r, k) */
  double *coordinates;   /* [2r, k]: those of a, then those of b */
  double *m;             /* [k, k] */
  double *work;          /* [max(k, r)^2] */
  double *values, *more; /* [max(k, r)] */
} product;

static double square_of(size_t count, const double *x) {
  double sum = 0;
  for (size_t i = 0; i < count; i++) sum += x[i] * x[i];
  return sum;
}

static double trace_of(size_t n, const double *a) {
  double sum = 0;
  for (size_t i = 0; i < n; i++) sum += a[i * n + i];
  return sum;
}

/* radius, max_re, min_re of BA, which is in p->work; the sum of |lambda|^2. */
static dwell_status spectrum(product *p, value *v, double *ret_squares, dwell_error *err) {
  size_t r = p->r;
  double radius = 0, most = -INFINITY, least = INFINITY;
  dwell_status status = eigen_general(r, p->work, p->values, p->more, err);
  *ret_squares = 0;
  for (size_t i = 0; i < r && status == DWELL_OK; i++) {
    double size = hypot(p->values[i], p->more[i]);
    radius = fmax(radius, size), most = fmax(most, p->values[i]), least = fmin(least, p->values[i]);
    *ret_squares += size * size;
  }
  v[CIRCUIT_RADIUS] = VALUE(radius);
  v[CIRCUIT_MAX_RE] = VALUE(most), v[CIRCUIT_MIN_RE] = VALUE(least);
  return status;
}

/* norm and fro: M M^T has its entries in the first rows and columns only. */
static dwell_status singular(product *p, value *v, dwell_error *err) {
  size_t top = p->top, k = p->k;
  gemm_f64(false, true, top, top, k, 1, p->m, k, p->m, k, 0, p->work, top);
  dwell_status status = eigen_values(top, p->work, p->values, err);
  v[CIRCUIT_NORM] = VALUE(top > 0 ? sqrt(fmax(0, p->values[top - 1])) : 0);
  v[CIRCUIT_FRO] = VALUE(sqrt(square_of(top * k, p->m)));
  return status;
}

/* sym_share and attract, of S = (M + M^T) / 2 in coordinates. */
static dwell_status symmetric(product *p, value *v, double square, dwell_error *err) {
  size_t k = p->k;
  double positive = 0, all = 0;
  for (size_t i = 0; i < k; i++) {
    for (size_t j = 0; j < k; j++) p->work[i * k + j] = (p->m[i * k + j] + p->m[j * k + i]) / 2;
  }
  double share = square_of(k * k, p->work) / square;
  dwell_status status = eigen_values(k, p->work, p->values, err);
  for (size_t i = 0; i < k && status == DWELL_OK; i++) {
    double mu = p->values[i];
    all += mu * mu;
    if (mu > 0) positive += mu * mu;
  }
  v[CIRCUIT_SYM_SHARE] = VALUE(share);
  v[CIRCUIT_ATTRACT] = share > LEAST_SYMMETRIC ? VALUE(positive / all) : UNDEFINED("antisymmetric");
  return status;
}

/* What only a map has. */
static void leave_out_spectrum(value *v) {
  static const circuit_key keys[] = {CIRCUIT_RADIUS, CIRCUIT_MAX_RE, CIRCUIT_MIN_RE, CIRCUIT_HENRICI};
  for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) v[keys[i]] = UNDEFINED("form");
}

/* What follows from M and the sum of |lambda|^2. */
static dwell_status finish(product *p, value *v, double squares, dwell_error *err) {
  dwell_status status = singular(p, v, err);
  double fro = v[CIRCUIT_FRO].number;
  v[CIRCUIT_SYM_SHARE] = v[CIRCUIT_ATTRACT] = v[CIRCUIT_HENRICI] = UNDEFINED("zero_map");
  if (status != DWELL_OK || !(fro > 0)) return status;
  v[CIRCUIT_HENRICI] = VALUE(sqrt(fmax(0, 1 - squares / (fro * fro))));
  return symmetric(p, v, fro * fro, err);
}

static dwell_status measure_product(circuit_kind kind, product *p, value *v, dwell_error *err) {
  size_t r = p->r, k = p->k;
  double squares = 0;
  dwell_status status = DWELL_OK;
  gemm_f64(true, false, k, k, r, 1, p->coordinates, k, p->coordinates + r * k, k, 0, p->m, k);
  gemm_f64(false, true, r, r, k, 1, p->coordinates + r * k, k, p->coordinates, k, 0, p->work, r);
  v[CIRCUIT_TRACE] = VALUE(trace_of(r, p->work));
  if (kind == CIRCUIT_OV) TRY(spectrum(p, v, &squares, err));
  TRY(finish(p, v, squares, err));
  if (kind == CIRCUIT_QK) leave_out_spectrum(v);
done:
  return status;
}

/* ---- any two factors ---- */

static size_t larger(size_t a, size_t b) { return a > b ? a : b; }

uint64_t circuit_bytes(size_t r, size_t d) {
  size_t k = larger(2 * r, 1);
  return sizeof(double) * (2 * r * d + 2 * r * k + 2 * k * k + 64 * (2 * k + 4)) + 2 * eigen_bytes(k, 0);
}

double circuit_flops(size_t r, size_t d) {
  double x = (double)r;
  return 8 * (double)d * x * x + 60 * x * x * x; /* the factorisation; two eigenvalue problems of r, one of 2r */
}

/* The largest entry of a factor, which is taken out of it: squares then neither overflow nor vanish. */
static double scale_of(size_t count, const double *x) {
  double most = 0;
  for (size_t i = 0; i < count; i++) most = isfinite(x[i]) ? fmax(most, fabs(x[i])) : x[i];
  return most > 0 ? most : 1;
}

static void scale_back(value *v, double scale) {
  for (circuit_key k = CIRCUIT_RADIUS; k <= CIRCUIT_FRO; k++) v[k].number *= scale;
}

dwell_status circuit_measure(circuit_kind kind, size_t r, size_t d, const double *a, const double *b,
                             value ret_values[CIRCUIT_KEYS], dwell_error *err) {
  size_t k = d < 2 * r ? d : 2 * r, wide = larger(k, r), count = r * d;
  product p = {.r = r, .k = k, .top = r < k ? r : k};
  double scale_a = scale_of(count, a), scale_b = scale_of(count, b), *both = MEM_NEW(double, 2 * count);
  dwell_status status = DWELL_OK;
  p.coordinates = MEM_NEW(double, 2 * r * k);
  p.m = MEM_NEW(double, k *k);
  p.work = MEM_NEW(double, wide *wide);
  p.values = MEM_NEW(double, wide);
  p.more = MEM_NEW(double, wide);
  bool all = both && p.coordinates && p.m && p.work && p.values && p.more;
  if (!all) TRY(error_no_memory(err, "the product of a head"));
  for (size_t i = 0; i < count; i++) both[i] = a[i] / scale_a, both[count + i] = b[i] / scale_b;
  TRY(qr_coordinates(2 * r, d, both, p.coordinates, err));
  TRY(measure_product(kind, &p, ret_values, err));
  scale_back(ret_values, scale_a * scale_b);
done:
  mem_free(both);
  mem_free(p.coordinates), mem_free(p.m), mem_free(p.work), mem_free(p.values), mem_free(p.more);
  return status;
}

/* ---- any matrix ---- */

/* A matrix is the product of the unit matrix and itself, in the basis that it is given in. */
dwell_status circuit_measure_dense(size_t d, const double *m, value ret_values[CIRCUIT_KEYS], dwell_error *err) {
  size_t count;
  dwell_status status = DWELL_OK;
  double squares = 0;
  product p = {.r = d, .k = d, .top = d};
  if (!size_mul(d, d, &count)) return error_no_memory(err, "the sum of the heads");
  p.m = mem_copy(m, count, sizeof(double));
  p.work = MEM_NEW(double, count);
  p.values = MEM_NEW(double, d), p.more = MEM_NEW(double, d);
  if (!p.m || !p.work || !p.values || !p.more) TRY(error_no_memory(err, "the sum of the heads"));
  memcpy(p.work, m, count * sizeof(double));
  ret_values[CIRCUIT_TRACE] = VALUE(trace_of(d, m));
  TRY(spectrum(&p, ret_values, &squares, err));
  TRY(finish(&p, ret_values, squares, err));
done:
  mem_free(p.m), mem_free(p.work), mem_free(p.values), mem_free(p.more);
  return status;
}

/* ---- a head's ---- */

void circuit_centre(size_t d, double *x) {
  double mean = 0;
  for (size_t i = 0; i < d; i++) mean += x[i];
  mean /= (double)d;
  for (size_t i = 0; i < d; i++) x[i] -= mean;
}

/* Rows that read the stream through the norm. */
static void read_through(const dwell_weights *w, const double *rows, double scale, double *ret_rows) {
  for (size_t k = 0; k < w->head_size; k++) {
    double *to = ret_rows + k * w->d;
    for (size_t i = 0; i < w->d; i++) to[i] = scale * rows[k * w->d + i] * (w->opt_gain != NULL ? w->opt_gain[i] : 1);
    if (w->centred_in) circuit_centre(w->d, to);
  }
}

void circuit_factors(const dwell_weights *w, circuit_kind kind, size_t head, double *ret_a, double *ret_b) {
  size_t group = dwell_weights_group(w, head);
  if (kind == CIRCUIT_QK) {
    read_through(w, dwell_weights_rows(w, w->query, head), w->score_scale, ret_a);
    read_through(w, dwell_weights_rows(w, w->key, group), 1, ret_b);
    return;
  }
  memcpy(ret_a, dwell_weights_rows(w, w->output, head), w->head_size * w->d * sizeof *ret_a);
  for (size_t k = 0; k < w->head_size && w->centred_out; k++) circuit_centre(w->d, ret_a + k * w->d);
  read_through(w, dwell_weights_rows(w, w->value, group), 1, ret_b);
}

dwell_status circuit_of_head(const dwell_weights *w, circuit_kind kind, size_t head, value ret_values[CIRCUIT_KEYS],
                             dwell_error *err) {
  size_t count = w->head_size * w->d;
  double *factors = MEM_NEW(double, 2 * count);
  if (factors == NULL) return error_no_memory(err, "the factors of a head");
  circuit_factors(w, kind, head, factors, factors + count);
  dwell_status status = circuit_measure(kind, w->head_size, w->d, factors, factors + count, ret_values, err);
  mem_free(factors);
  return status;
}
