/* null/gaussian_twin.c - a structureless cloud on the sphere with the mean, the covariance spectrum and, for ordered
 * tokens, the serial covariances of the data (instruments.md 4.1).
 *
 * Y = 1 mu^T + [Q V diag(sqrt(n s)), 0], rows normalised: V are the principal axes over the tokens, s and mu are
 * matched so that the *projected* Gaussian has the data's mean and variances, Q is one orthogonal map per draw that
 * fixes the constant vector, shared by all states. A surrogate is two products, Q V and Y Y^T. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "geometry/pairwise.h"
#include "linalg/gemm.h"
#include "null/nulls.h"
#include "null/sphere_match.h"
#include "null/token_map.h"

enum { FEW_TOKENS = 16, MANY_TOKENS = 1 << 16 };
static const double PI = 3.14159265358979323846;

typedef struct twin {
  size_t n, r;
  double *axes; /* [n,r] V diag(sqrt(n s)) */
  double *mu;   /* [r+1] */
  sphere_fit fit;
} twin;

typedef struct twin_draw {
  size_t n;
  double *map; /* [n,n] */
} twin_draw;

static void release(void *prepared) {
  twin *t = prepared;
  if (t == NULL) return;
  mem_free(t->axes);
  mem_free(t->mu);
  mem_free(t);
}

/* ---- once per state ---- */

/* The mean in the coordinates of the axes: m_k = v_k . g / sqrt(lam_k), g the row means of G; what no axis reaches is
 * the last coordinate. */
static dwell_status feature_mean(geometry *g, size_t r, const double *variances, const double *axes, double *ret_mean,
                                 dwell_error *err) {
  dwell_status status = DWELL_OK;
  size_t n = geometry_n(g);
  const double *gram;
  double *rows = MEM_NEW(double, n);
  TRY_ALLOC(rows, "row means");
  TRY(geometry_cosines(g, RAW, &gram, err));
  for (size_t i = 0; i < n; i++) rows[i] = pairwise_sum(n, gram + i * n) / (double)n;
  double rest = pairwise_sum(n, rows) / (double)n;
  for (size_t k = 0; k < r; k++) {
    ret_mean[k] = pairwise_dot(n, axes + k * n, rows) / sqrt(variances[k]);
    rest -= ret_mean[k] * ret_mean[k];
  }
  ret_mean[r] = sqrt(fmax(0, rest));
done:
  mem_free(rows);
  return status;
}

/* Fills t->axes and t->mu from the axes [r,n] and their eigenvalues [r]. */
static dwell_status fit_twin(geometry *g, const double *values, const double *axes, twin *t, dwell_error *err) {
  dwell_status status = DWELL_OK;
  size_t n = t->n, r = t->r;
  double *work = MEM_NEW(double, 3 * (r + 1));
  t->axes = MEM_NEW(double, n * r);
  t->mu = MEM_NEW(double, r + 1);
  TRY_ALLOC(work, "a twin's targets");
  TRY_ALLOC(t->axes, "a twin's axes");
  TRY_ALLOC(t->mu, "a twin's mean");
  double *targets = work, *mean = work + (r + 1), *s = work + 2 * (r + 1);
  TRY(feature_mean(g, r, values, axes, mean, err));
  for (size_t k = 0; k < r; k++) targets[k] = values[k] / (double)n;
  TRY(sphere_match(r, targets, mean, s, t->mu, &t->fit, err));
  for (size_t k = 0; k < r; k++) {
    double scale = sqrt((double)n * s[k]);
    for (size_t i = 0; i < n; i++) t->axes[i * r + k] = scale * axes[k * n + i];
  }
done:
  mem_free(work);
  return status;
}

static dwell_status prepare(geometry *g, void **ret_prepared, const char **ret_reason, dwell_error *err) {
  dwell_status status = DWELL_OK;
  twin *t = NULL;
  double *values = NULL, *axes = NULL;
  const double *centred;
  *ret_prepared = NULL, *ret_reason = "few_tokens";
  if (geometry_n(g) < FEW_TOKENS) return DWELL_OK;
  TRY(geometry_centred_gram(g, &centred, err));
  *ret_reason = "collapsed";
  if (geometry_collapsed(g)) return DWELL_OK;
  t = MEM_ZERO(twin, 1);
  TRY_ALLOC(t, "a twin");
  t->n = geometry_n(g);
  TRY(geometry_principal_axes(g, &values, &axes, &t->r, err));
  *ret_reason = "degenerate";
  if (t->r < 2) goto done;
  TRY(fit_twin(g, values, axes, t, err));
  *ret_prepared = t, *ret_reason = NULL;
  t = NULL;
done:
  release(t);
  mem_free(values);
  mem_free(axes);
  return status;
}

static double fit_error(const void *prepared) { return ((const twin *)prepared)->fit.error; }

/* ---- once per draw ---- */

static void end_draw(void *draw) {
  twin_draw *d = draw;
  if (d == NULL) return;
  mem_free(d->map);
  mem_free(d);
}

/* The given phases of this draw, or random ones into `scratch` [n/2+1]. */
static const double *phases_of(const null_setting *setting, size_t draw, double *scratch) {
  size_t columns = setting->n / 2 + 1;
  if (setting->phases != NULL && setting->phase_columns == columns && draw < setting->phase_draws)
    return setting->phases + draw * columns;
  random_stream s = {.seed = setting->seed, .purpose = RANDOM_TWIN};
  for (size_t f = 0; f < columns; f++) scratch[f] = 2 * PI * random_uniform(&s, (uint32_t)draw, (uint32_t)f);
  return scratch;
}

static dwell_status begin_draw(const null_setting *setting, size_t draw, void **ret_draw, dwell_error *err) {
  dwell_status status = DWELL_OK;
  size_t n = setting->n;
  *ret_draw = NULL;
  if (n >= MANY_TOKENS) return error_set(err, DWELL_UNSUPPORTED, "the Gaussian twin of %zu tokens (at most 65535)", n);
  twin_draw *d = MEM_ZERO(twin_draw, 1);
  double *scratch = MEM_NEW(double, n / 2 + 1);
  TRY_ALLOC(d, "a draw");
  TRY_ALLOC(scratch, "phases");
  d->n = n;
  d->map = MEM_NEW(double, n * n);
  TRY_ALLOC(d->map, "a map over the tokens");
  TRY(setting->ordered ? token_map_phases(n, phases_of(setting, draw, scratch), d->map, err)
                       : token_map_haar(setting->seed, draw, n, d->map, err));
  *ret_draw = d;
  d = NULL;
done:
  end_draw(d);
  mem_free(scratch);
  return status;
}

/* ---- once per draw and state ---- */

/* Adds mu and normalises the rows of y [n, r+1]. */
static void project(size_t n, size_t r, const double *mu, double *y) {
  for (size_t i = 0; i < n; i++) {
    double *row = y + i * (r + 1), square = mu[r] * mu[r];
    for (size_t k = 0; k < r; k++) {
      row[k] += mu[k];
      square += row[k] * row[k];
    }
    double scale = 1 / sqrt(square);
    for (size_t k = 0; k < r; k++) row[k] *= scale;
    row[r] = mu[r] * scale;
  }
}

static dwell_status surrogate(const void *prepared, const void *draw, geometry **ret_geometry, dwell_error *err) {
  dwell_status status = DWELL_OK;
  const twin *t = prepared;
  const twin_draw *d = draw;
  size_t n = t->n, r = t->r;
  *ret_geometry = NULL;
  if (n != d->n) return error_set(err, DWELL_USAGE, "a draw for %zu tokens and a state of %zu", d->n, n);
  double *y = MEM_NEW(double, n * (r + 1)), *gram = MEM_NEW(double, n * n);
  TRY_ALLOC(y, "a surrogate cloud");
  TRY_ALLOC(gram, "a surrogate's Gram");
  gemm_f64(false, false, n, r, n, 1, d->map, n, t->axes, r, 0, y, r + 1);
  project(n, r, t->mu, y);
  TRY(gemm_gram(NULL, n, r + 1, y, r + 1, gram, n, err));
  double *taken = gram;
  gram = NULL;
  TRY(geometry_from_gram(taken, n, r + 1, ret_geometry, err));
done:
  mem_free(y);
  mem_free(gram);
  return status;
}

static double flops(size_t n) { return 4 * (double)n * (double)n * (double)n; }

/* The axes, at most [n, n-1]. */
static uint64_t bytes(size_t n) { return (uint64_t)n * n * sizeof(double); }

const null_model null_gaussian_twin = {
    .name = "gaussian_twin",
    .summary = "a structureless cloud on the sphere with the same mean and covariance",
    .source = "Prichard and Theiler, Phys. Rev. Lett. 73 (1994) 951; Langsrud, Stat. Comput. 15 (2005) 53; "
              "instruments 4.1",
    .holds = "mean, covariance spectrum; for ordered tokens serial and cross-state covariances",
    .destroys = "grouping beyond second moments",
    .analytic = false,
    .prepare = prepare,
    .release = release,
    .fit_error = fit_error,
    .begin_draw = begin_draw,
    .end_draw = end_draw,
    .surrogate = surrogate,
    .flops = flops,
    .bytes = bytes,
};
