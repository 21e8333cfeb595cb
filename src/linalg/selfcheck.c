/* linalg/selfcheck.c - products and eigenvalues against plain loops. */
#include "linalg/selfcheck.h"

#include <float.h>
#include <math.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/random.h"
#include "linalg/eigen.h"
#include "linalg/gemm.h"

static const char REMEDY[] = "Set OPENBLAS_CORETYPE=Haswell (or Zen) and try again";
static const char REMEDY_F32[] = "These loops are dwell's own: please report it, with what `dwell doctor` prints";

/* ---- products ---- */

typedef struct shape {
  size_t m, n, k;
} shape;

/* Nothing divides the blocks of the kernels; single rows and columns take paths of their own. The first
 * QUICK_SHAPES take 2 ms in all; the rest reach several blocks of k. */
static const shape SHAPES[] = {{5, 3, 7},      {17, 33, 65}, {1, 40, 33},    {40, 1, 33},    {33, 48, 70},
                               {129, 31, 260}, {64, 64, 64}, {97, 300, 301}, {130, 257, 270}};
enum { QUICK_SHAPES = 5, ALL_SHAPES = sizeof SHAPES / sizeof SHAPES[0] };

/* One product with everything about it. Operands are f32 numbers, so that both precisions have the same answer. */
typedef struct product {
  shape size;
  bool at, bt;
  double alpha, beta;
  size_t lda, ldb, ldc, a_count, b_count, c_count;
  double *a, *b, *c, *exact, *magnitude; /* magnitude: |alpha| |A| |B| + |beta| |C| */
  float *a32, *b32, *c32;
} product;

static const double GUARD = 77; /* behind every row of C: must survive */

static void fill(double *x, float *x32, size_t count, uint32_t which) {
  const random_stream s = {.seed = 1, .purpose = RANDOM_SELFCHECK};
  for (size_t i = 0; i < count; i++) {
    x32[i] = (float)(2 * random_uniform(&s, which, (uint32_t)i) - 1);
    x[i] = (double)x32[i];
  }
}

static bool allocate(product *p, arena *memory) {
  p->a = ARENA_NEW(memory, double, p->a_count), p->a32 = ARENA_NEW(memory, float, p->a_count);
  p->b = ARENA_NEW(memory, double, p->b_count), p->b32 = ARENA_NEW(memory, float, p->b_count);
  p->c = ARENA_NEW(memory, double, p->c_count), p->c32 = ARENA_NEW(memory, float, p->c_count);
  p->exact = ARENA_NEW(memory, double, p->c_count), p->magnitude = ARENA_NEW(memory, double, p->c_count);
  return p->a && p->a32 && p->b && p->b32 && p->c && p->c32 && p->exact && p->magnitude;
}

/* The plain loops. */
static void compute_exact(product *p) {
  for (size_t i = 0; i < p->size.m; i++) {
    for (size_t j = 0; j < p->size.n; j++) {
      double sum = 0, magnitude = 0;
      for (size_t q = 0; q < p->size.k; q++) {
        double term = (p->at ? p->a[q * p->lda + i] : p->a[i * p->lda + q]) *
                      (p->bt ? p->b[j * p->ldb + q] : p->b[q * p->ldb + j]);
        sum += term, magnitude += fabs(term);
      }
      size_t at = i * p->ldc + j;
      p->exact[at] = p->alpha * sum + p->beta * p->c[at];
      p->magnitude[at] = fabs(p->alpha) * magnitude + fabs(p->beta * p->c[at]);
    }
  }
}

static bool prepare(product *p, arena *memory) {
  p->lda = (p->at ? p->size.m : p->size.k) + 3, p->a_count = p->lda * (p->at ? p->size.k : p->size.m);
  p->ldb = (p->bt ? p->size.k : p->size.n) + 1, p->b_count = p->ldb * (p->bt ? p->size.n : p->size.k);
  p->ldc = p->size.n + 2, p->c_count = p->ldc * p->size.m;
  if (!allocate(p, memory)) return false;
  fill(p->a, p->a32, p->a_count, 1);
  fill(p->b, p->b32, p->b_count, 2);
  fill(p->c, p->c32, p->c_count, 3);
  compute_exact(p);
  for (size_t at = 0; at < p->c_count; at++) {
    bool inside = at % p->ldc < p->size.n;
    if (!inside) p->c[at] = GUARD, p->c32[at] = (float)GUARD;
    if (inside && p->beta == 0) p->c[at] = NAN, p->c32[at] = NAN; /* beta = 0 overwrites, whatever was there */
  }
  return true;
}

/* |C - exact| <= 2 (k + 4) u (|alpha| |A| |B| + |beta| |C|): the bound for sums of k products in any order, fused or
 * not (Higham, Accuracy and Stability, 3.5), + 4 for alpha, beta and their sum, twice because the plain loops round
 * too. A wrong kernel misses it by orders of magnitude; a right one cannot. NaN fails. */
static dwell_status compare(const product *p, bool wide, dwell_error *err) {
  double unit = wide ? DBL_EPSILON / 2 : (double)FLT_EPSILON / 2;
  for (size_t at = 0; at < p->c_count; at++) {
    double got = wide ? p->c[at] : (double)p->c32[at];
    size_t i = at / p->ldc, j = at % p->ldc;
    bool inside = j < p->size.n;
    double expected = inside ? p->exact[at] : GUARD;
    double allowed = inside ? 2 * ((double)p->size.k + 4) * unit * p->magnitude[at] : 0;
    if (fabs(got - expected) <= allowed) continue;
    error_set(err, DWELL_CHECK_FAILED,
              "%s computes a wrong %s product: C[%zu,%zu] = A%s[%zu,%zu] B%s[%zu,%zu], entry (%zu, %zu) is off by %.2g "
              "where %.2g is allowed",
              wide ? gemm_library() : "dwell", wide ? "f64" : "f32", p->size.m, p->size.n, p->at ? "^T" : "", p->size.m,
              p->size.k, p->bt ? "^T" : "", p->size.k, p->size.n, i, j, fabs(got - expected), allowed);
    error_remedy(err, "%s", wide ? REMEDY : REMEDY_F32);
    return DWELL_CHECK_FAILED;
  }
  return DWELL_OK;
}

static dwell_status check_product(const selfcheck_functions *f, product p, bool wide, dwell_error *err) {
  arena memory = {0};
  dwell_status status = DWELL_OK;
  if (!prepare(&p, &memory)) {
    status = error_no_memory(err, "operands of the check");
    goto done;
  }
  if (wide) {
    f->f64(p.at, p.bt, p.size.m, p.size.n, p.size.k, p.alpha, p.a, p.lda, p.b, p.ldb, p.beta, p.c, p.ldc);
  } else {
    f->f32(p.bt, p.size.m, p.size.n, p.size.k, p.a32, p.lda, p.b32, p.ldb, p.c32, p.ldc);
  }
  TRY(compare(&p, wide, err));
done:
  arena_clear(&memory);
  return status;
}

/* X X^T of the left operand. The library makes one triangle. */
static dwell_status check_square(const selfcheck_functions *f, shape size, dwell_error *err) {
  arena memory = {0};
  dwell_status status = DWELL_OK;
  product p = {.size = {size.m, size.m, size.k}, .bt = true, .alpha = 1};
  if (!prepare(&p, &memory)) TRY(error_no_memory(err, "operands of the check"));
  for (size_t i = 0; i < size.m; i++) {
    for (size_t q = 0; q < size.k; q++) p.b[i * p.ldb + q] = p.a[i * p.lda + q];
  }
  double *c = ARENA_NEW(&memory, double, p.c_count);
  if (c == NULL) TRY(error_no_memory(err, "operands of the check"));
  for (size_t at = 0; at < p.c_count; at++) c[at] = p.c[at], p.c[at] = 0;
  compute_exact(&p);
  p.c = c;
  f->square(size.m, size.k, p.a, p.lda, p.c, p.ldc);
  TRY(compare(&p, true, err));
done:
  arena_clear(&memory);
  return status;
}

/* ---- eigenvalues ---- */

/* A = H D H with the reflection H = I - 2 v v^T / |v|^2: a full matrix whose eigenvalues are the entries of D, here
 * 0, 1, 2, ... Expanded, with s = sum of v_i^2 d_i:
 * A_ij = d_i [i=j] - 2 v_i v_j (d_i + d_j) / |v|^2 + 4 v_i v_j s / |v|^4. */
enum { ORDER = 37 };

static void known_spectrum(double a[ORDER * ORDER]) {
  const random_stream stream = {.seed = 1, .purpose = RANDOM_SELFCHECK};
  double v[ORDER], norm = 0, weighted = 0;
  for (size_t i = 0; i < ORDER; i++) {
    v[i] = random_uniform(&stream, 4, (uint32_t)i) - 0.5;
    norm += v[i] * v[i];
    weighted += v[i] * v[i] * (double)i;
  }
  for (size_t i = 0; i < ORDER; i++) {
    for (size_t j = 0; j < ORDER; j++) {
      double share = v[i] * v[j] / norm;
      a[i * ORDER + j] = (i == j ? (double)i : 0) - 2 * share * (double)(i + j) + 4 * share * weighted / norm;
    }
  }
}

/* dsyevd is backward stable: errors of at most a modest multiple of n u |A| (LAPACK Users' Guide, 4.7); 16 is roomy
 * and also covers the rounding of A. */
static dwell_status check_values(const selfcheck_functions *f, dwell_error *err) {
  double a[ORDER * ORDER], values[ORDER], allowed = 16 * ORDER * (DBL_EPSILON / 2) * (ORDER - 1);
  known_spectrum(a);
  dwell_status status = f->values(ORDER, a, values, err);
  for (size_t i = 0; i < ORDER && status == DWELL_OK; i++) {
    if (fabs(values[i] - (double)i) <= allowed) continue;
    status = error_set(err, DWELL_CHECK_FAILED,
                       "%s computes wrong eigenvalues: number %zu of a %d x %d matrix is off by %.2g where %.2g is "
                       "allowed",
                       gemm_library(), i, ORDER, ORDER, fabs(values[i] - (double)i), allowed);
    error_remedy(err, "%s", REMEDY);
  }
  return status;
}

/* ---- all together ---- */

dwell_status selfcheck_run(const selfcheck_functions *functions, bool quick, dwell_error *err) {
  for (size_t i = 0; i < (quick ? QUICK_SHAPES : ALL_SHAPES); i++) {
    for (int pair = 0; pair < 4; pair++) {
      bool plain = (i + (size_t)pair) % 2 == 0;
      product p = {
          .size = SHAPES[i], .at = pair & 1, .bt = pair & 2, .alpha = plain ? 1 : -0.75, .beta = plain ? 0 : 0.5};
      product p32 = {.size = SHAPES[i], .bt = pair & 2, .alpha = 1};
      dwell_status status = check_product(functions, p, true, err);
      if (status == DWELL_OK && !p.at) status = check_product(functions, p32, false, err);
      if (status != DWELL_OK) return status;
    }
    dwell_status status = check_square(functions, SHAPES[i], err);
    if (status != DWELL_OK) return status;
  }
  return check_values(functions, err);
}

dwell_status gemm_selfcheck(bool quick, dwell_error *err) {
  const selfcheck_functions real = {gemm_f32, gemm_f64, eigen_values, gemm_square_f64};
  return selfcheck_run(&real, quick, err);
}
