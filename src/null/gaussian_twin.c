/* null/gaussian_twin.c - a structureless cloud on the sphere with the mean, the covariance spectrum and, for ordered
 * tokens, the serial covariances of the data (instruments.md 4.1).
 *
 * Y = 1 mu^T + [Q V diag(sqrt(n s)), 0], rows normalised: V are the principal axes over the tokens, s and mu are
 * matched so that the *projected* Gaussian has the data's mean and variances, Q is one orthogonal map per draw that
 * fixes the constant vector, shared by all states. A surrogate is two products, Q V and Y Y^T; if Q is made of phases
 * and there are many axes, phase_map.h gets the same Gram for less.
 *
 * From NARROW_FROM tokens on both products are in f32, which is 2 to 4 times faster; for fewer in f64. What is rounded
 * to f32 is Q V and the *centred* rows of Y, so the error is 1e-7 of the spread of the cloud, however small that is
 * beside its mean; norms and means are taken in double. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "geometry/pairwise.h"
#include "linalg/eigen.h"
#include "linalg/gemm.h"
#include "null/nulls.h"
#include "null/phase_map.h"
#include "null/sphere_match.h"
#include "null/token_map.h"

enum { FEW_TOKENS = 16, MANY_TOKENS = 1 << 16, NARROW_FROM = 128, STRIPE = 128, TILE = 32 };
static const double PI = 3.14159265358979323846;

typedef struct twin {
  size_t n, r;
  bool ordered;             /* for phases */
  void *axes;               /* [n,r] V diag(sqrt(n s)); float or double, floats for phases upside down; or NULL and */
  phase_spectrum *spectrum; /* the same in the Fourier basis */
  double *mu;               /* [r+1] */
  sphere_fit fit;
} twin;

typedef struct twin_draw {
  size_t n;
  bool ordered;
  void *map;          /* [n,n]; float or double; for phases and many tokens NULL, and */
  double *phases;     /* [n/2+1] */
  float *kernel;      /* [2n] entry (i, n-1-j) of the map is kernel[i+j]; NULL until a twin needs it */
  phase_map *turn;    /* the same map for twins that hold a spectrum */
  phase_table *table; /* of the setting; or its own */
  bool own_table;
} twin_draw;

static bool is_narrow(size_t n) { return n >= NARROW_FROM; }

/* By axes a surrogate takes 3.25 n^2 r flops, by spectrum at most 1.4 n^3 whatever r is. */
static bool has_spectrum(const null_setting *setting, size_t r) {
  return setting->ordered && is_narrow(setting->n) && 5 * r > 2 * setting->n;
}

/* Replaces `count` doubles by floats; the old buffer is released. NULL: out of memory. */
static void *narrowed(double *wide, size_t count) {
  float *narrow = wide != NULL ? MEM_NEW(float, count) : NULL;
  for (size_t e = 0; narrow != NULL && e < count; e++) narrow[e] = (float)wide[e];
  mem_free(wide);
  return narrow;
}

static void release(void *prepared) {
  twin *t = prepared;
  if (t == NULL) return;
  mem_free(t->axes);
  phase_spectrum_destroy(t->spectrum);
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

/* Fills t->axes or t->spectrum, and t->mu, from the axes [r,n] and their eigenvalues [r]. */
static dwell_status fit_twin(const null_setting *setting, geometry *g, const double *values, const double *axes,
                             twin *t, dwell_error *err) {
  dwell_status status = DWELL_OK;
  size_t n = t->n, r = t->r;
  double *work = MEM_NEW(double, 3 * (r + 1)), *scaled = MEM_NEW(double, n * r);
  t->mu = MEM_NEW(double, r + 1);
  TRY_ALLOC(work, "a twin's targets");
  TRY_ALLOC(scaled, "a twin's axes");
  TRY_ALLOC(t->mu, "a twin's mean");
  double *targets = work, *mean = work + (r + 1), *s = work + 2 * (r + 1);
  TRY(feature_mean(g, r, values, axes, mean, err));
  for (size_t k = 0; k < r; k++) targets[k] = values[k] / (double)n;
  TRY(sphere_match(r, targets, mean, s, t->mu, &t->fit, err));
  bool spectral = has_spectrum(setting, r), upside_down = setting->ordered && is_narrow(n) && !spectral;
  for (size_t i = 0; i < n; i++) {
    double *row = scaled + (upside_down ? n - 1 - i : i) * r;
    for (size_t k = 0; k < r; k++) row[k] = sqrt((double)n * s[k]) * axes[k * n + i];
  }
  if (spectral) {
    TRY(phase_spectrum_create(n, r, scaled, t->mu, t->mu[r] * t->mu[r], &t->spectrum, err));
    goto done;
  }
  t->axes = is_narrow(n) ? narrowed(scaled, n * r) : scaled;
  scaled = NULL;
  TRY_ALLOC(t->axes, "a twin's axes");
done:
  mem_free(work);
  mem_free(scaled);
  return status;
}

static dwell_status prepare(const null_setting *setting, geometry *g, void **ret_prepared, const char **ret_reason,
                            dwell_error *err) {
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
  t->n = geometry_n(g), t->ordered = setting->ordered;
  TRY(geometry_principal_axes(g, &values, &axes, &t->r, err));
  *ret_reason = "degenerate";
  if (t->r < 2) goto done;
  TRY(fit_twin(setting, g, values, axes, t, err));
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

static dwell_status open_tables(const null_setting *setting, void **ret_tables, dwell_error *err) {
  phase_table *table = NULL;
  bool needed = setting->ordered && is_narrow(setting->n) && setting->n < MANY_TOKENS;
  dwell_status status = needed ? phase_table_create(setting->n, &table, err) : DWELL_OK;
  *ret_tables = table;
  return status;
}

static void close_tables(void *tables) { phase_table_destroy(tables); }

static void end_draw(void *draw) {
  twin_draw *d = draw;
  if (d == NULL) return;
  mem_free(d->map), mem_free(d->phases), mem_free(d->kernel);
  phase_map_destroy(d->turn);
  if (d->own_table) phase_table_destroy(d->table);
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

/* The map of a draw as a matrix. */
static dwell_status make_map(const null_setting *setting, size_t draw, const double *phases, twin_draw *d,
                             dwell_error *err) {
  dwell_status status = DWELL_OK;
  size_t n = setting->n;
  double *map = MEM_NEW(double, n * n);
  d->map = map;
  TRY_ALLOC(map, "a map over the tokens");
  if (setting->ordered) TRY(token_map_phases(n, phases, map, err));
  else TRY(token_map_haar(setting->seed, draw, n, map, err));
  if (is_narrow(n)) TRY_ALLOC(d->map = narrowed(map, n * n), "a map over the tokens");
done:
  return status;
}

static dwell_status begin_draw(const null_setting *setting, size_t draw, void **ret_draw, dwell_error *err) {
  dwell_status status = DWELL_OK;
  size_t n = setting->n;
  *ret_draw = NULL;
  if (n >= MANY_TOKENS) return error_set(err, DWELL_UNSUPPORTED, "the Gaussian twin of %zu tokens (at most 65535)", n);
  twin_draw *d = MEM_ZERO(twin_draw, 1);
  TRY_ALLOC(d, "a draw");
  d->n = n, d->ordered = setting->ordered, d->table = setting->tables;
  TRY_ALLOC(d->phases = MEM_NEW(double, n / 2 + 1), "phases");
  const double *phases = setting->ordered ? phases_of(setting, draw, d->phases) : NULL;
  if (!setting->ordered || !is_narrow(n)) {
    TRY(make_map(setting, draw, phases, d, err));
  } else {
    if (phases != d->phases) memcpy(d->phases, phases, (n / 2 + 1) * sizeof *phases);
    if (d->table == NULL) {
      TRY(phase_table_create(n, &d->table, err));
      d->own_table = true;
    }
    TRY(phase_map_create(d->table, phases, &d->turn, err));
  }
  *ret_draw = d;
  d = NULL;
done:
  end_draw(d);
  return status;
}

static dwell_status make_kernel(twin_draw *d, dwell_error *err) {
  dwell_status status = DWELL_OK;
  size_t n = d->n;
  if (d->kernel != NULL) return DWELL_OK;
  double *column = MEM_NEW(double, n);
  float *kernel = MEM_NEW(float, 2 * n);
  TRY_ALLOC(column, "a circulant map");
  TRY_ALLOC(kernel, "a circulant map");
  TRY(token_map_kernel(n, d->phases, column, err));
  for (size_t k = 0; k < 2 * n; k++) kernel[k] = (float)column[(k + 1) % n];
  d->kernel = kernel, kernel = NULL;
done:
  mem_free(column), mem_free(kernel);
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

static dwell_status fill_wide(const twin *t, const double *map, double *ret_gram, dwell_error *err) {
  dwell_status status = DWELL_OK;
  size_t n = t->n, r = t->r;
  double *y = MEM_NEW(double, n * (r + 1));
  TRY_ALLOC(y, "a surrogate cloud");
  gemm_f64(false, false, n, r, n, 1, map, n, t->axes, r, 0, y, r + 1);
  project(n, r, t->mu, y);
  TRY(gemm_gram(NULL, n, r + 1, y, r + 1, ret_gram, n, err));
done:
  mem_free(y);
  return status;
}

/* Rows v [n, r+1] of Q V become rows z of Y minus their mean; ret_shifts[i] = z_i . mean + |mean|^2/2 from unrounded z.
 * `mean` [r+1] is scratch. */
static void project_centred(size_t n, size_t r, const double *mu, float *v, double *mean, double *ret_shifts) {
  memset(mean, 0, (r + 1) * sizeof *mean);
  for (size_t i = 0; i < n; i++) {
    float *row = v + i * (r + 1);
    double square = mu[r] * mu[r];
    row[r] = 0;
    for (size_t k = 0; k < r; k++) square += ((double)row[k] + mu[k]) * ((double)row[k] + mu[k]);
    ret_shifts[i] = 1 / sqrt(square); /* the row's scale, until it is replaced */
    for (size_t k = 0; k <= r; k++) mean[k] += ret_shifts[i] * ((double)row[k] + mu[k]);
  }
  for (size_t k = 0; k <= r; k++) mean[k] /= (double)n;
  for (size_t i = 0; i < n; i++) {
    float *row = v + i * (r + 1);
    double scale = ret_shifts[i], shift = 0;
    for (size_t k = 0; k <= r; k++) {
      double z = scale * ((double)row[k] + mu[k]) - mean[k];
      shift += (z + mean[k] / 2) * mean[k];
      row[k] = (float)z;
    }
    ret_shifts[i] = shift;
  }
}

/* Y Y^T from the products of centred rows: z_i . z_j + shift_i + shift_j. Only the lower
 * triangle of `products` [n,n] is read; both triangles are written, tile by tile for the cache. */
static void assemble(size_t n, const float *products, const double *shifts, double *ret_gram) {
  for (size_t i0 = 0; i0 < n; i0 += TILE) {
    for (size_t j0 = 0; j0 <= i0; j0 += TILE) {
      for (size_t i = i0; i < n && i < i0 + TILE; i++) {
        for (size_t j = j0; j <= i && j < j0 + TILE; j++)
          ret_gram[i * n + j] = ret_gram[j * n + i] = (double)products[i * n + j] + (shifts[i] + shifts[j]);
      }
    }
  }
}

static dwell_status fill_narrow(const twin *t, twin_draw *d, double *ret_gram, dwell_error *err) {
  dwell_status status = DWELL_OK;
  size_t n = t->n, r = t->r, wide = r + 1;
  float *rows = MEM_NEW(float, n * wide), *products = MEM_NEW(float, n * n);
  double *shifts = MEM_NEW(double, n), *mean = MEM_NEW(double, wide);
  TRY_ALLOC(rows, "a surrogate cloud");
  TRY_ALLOC(products, "a surrogate's products");
  TRY_ALLOC(shifts, "a surrogate's shifts");
  TRY_ALLOC(mean, "a surrogate's mean");
  if (t->ordered) TRY(make_kernel(d, err));
  gemm_f32(false, n, r, n, t->ordered ? d->kernel : d->map, t->ordered ? 1 : n, t->axes, r, rows, wide);
  project_centred(n, r, t->mu, rows, mean, shifts);
  for (size_t i = 0; i < n; i += STRIPE) { /* a stripe of rows needs the columns up to its end only */
    size_t high = n - i < STRIPE ? n - i : STRIPE;
    gemm_f32(true, high, i + high, wide, rows + i * wide, wide, rows, wide, products + i * n, n);
  }
  assemble(n, products, shifts, ret_gram);
done:
  mem_free(rows), mem_free(products), mem_free(shifts), mem_free(mean);
  return status;
}

static dwell_status surrogate(const void *prepared, void *draw, geometry **ret_geometry, dwell_error *err) {
  dwell_status status = DWELL_OK;
  const twin *t = prepared;
  twin_draw *d = draw;
  *ret_geometry = NULL;
  if (t->n != d->n) return error_set(err, DWELL_USAGE, "a draw for %zu tokens and a state of %zu", d->n, t->n);
  if (is_narrow(t->n) && t->ordered != d->ordered)
    return error_set(err, DWELL_USAGE, "a state prepared for %s and a draw of %s", t->ordered ? "phases" : "rotations",
                     d->ordered ? "phases" : "rotations");
  double *gram = MEM_NEW(double, t->n * t->n), *taken;
  TRY_ALLOC(gram, "a surrogate's Gram");
  TRY(t->spectrum != NULL ? phase_map_cosines(d->turn, t->spectrum, gram, err)
      : is_narrow(t->n)   ? fill_narrow(t, d, gram, err)
                          : fill_wide(t, d->map, gram, err));
  taken = gram;
  gram = NULL;
  TRY(geometry_from_gram(taken, t->n, t->r + 1, ret_geometry, err));
done:
  mem_free(gram);
  return status;
}

/* By axes, where there are as many as tokens; fewer axes, or the spectrum, take less. */
static double flops(size_t n) { return 3.25 * (double)n * (double)n * (double)n; }

/* The axes, at most [n, n-1], or the spectrum; mu. */
static uint64_t bytes(size_t n) {
  uint64_t axes = (uint64_t)n * n * (is_narrow(n) ? sizeof(float) : sizeof(double));
  uint64_t spectrum = phase_spectrum_bytes(n);
  return (is_narrow(n) && spectrum > axes ? spectrum : axes) + sizeof(twin) + (n + 1) * sizeof(double);
}

/* The eigenvectors with the solver's work space; or the axes, the same scaled, and the spectrum being made of them. */
static uint64_t prepare_bytes(size_t n, size_t d) {
  uint64_t m = d < n ? d : n, axes = m * n * sizeof(double), vectors = m * m * sizeof(double);
  uint64_t solving = vectors + eigen_bytes(m, 1) + (d < n ? (uint64_t)n * d * sizeof(double) : 0);
  uint64_t taking = vectors + axes + (d < n ? (uint64_t)n * d * sizeof(double) : 0);
  uint64_t fitting = 2 * axes + (is_narrow(n) ? phase_spectrum_work_bytes(n, m) : 0) + bytes(n);
  uint64_t most = solving > taking ? solving : taking;
  return (most > fitting ? most : fitting) + 12 * (uint64_t)n * sizeof(double);
}

/* A rotation while it is made in double and in float, or the table of phases, which all draws share (tables_bytes, here
 * too where a draw makes its own); a cloud or its sums over frequencies, and the cosines. */
static uint64_t draw_bytes(size_t n) {
  uint64_t square = (uint64_t)n * n, map = square * sizeof(double), rest = 100 * (uint64_t)n * sizeof(double);
  if (!is_narrow(n)) return map + 2 * square * sizeof(double) + rest;
  uint64_t making = map + square * sizeof(float) + rest, kept = square * sizeof(float), work = phase_map_work_bytes(n);
  if (kept < phase_table_bytes(n)) kept = phase_table_bytes(n);
  if (work < 2 * square * sizeof(float)) work = 2 * square * sizeof(float);
  uint64_t drawing = kept + phase_map_bytes(n) + work + square * sizeof(double) + rest;
  return making > drawing ? making : drawing;
}

const null_model null_gaussian_twin = {
    .name = "gaussian_twin",
    .summary = "a structureless cloud on the sphere with the same mean and covariance",
    .source = "Prichard and Theiler, Phys. Rev. Lett. 73 (1994) 951; Langsrud, Stat. Comput. 15 (2005) 53; "
              "docs/instruments.md 4.1",
    .holds = "mean, covariance spectrum; for ordered tokens serial and cross-state covariances",
    .destroys = "grouping beyond second moments",
    .how = "sampled (--nulls DRAWS)",
    .prepare = prepare,
    .release = release,
    .fit_error = fit_error,
    .open = open_tables,
    .close = close_tables,
    .begin_draw = begin_draw,
    .end_draw = end_draw,
    .surrogate = surrogate,
    .flops = flops,
    .bytes = bytes,
    .prepare_bytes = prepare_bytes,
    .draw_bytes = draw_bytes,
};
