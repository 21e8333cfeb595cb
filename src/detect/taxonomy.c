/* detect/taxonomy.c - corners by a minimum-norm hull test, hyperplanes by gaps, and the decision between shapes. */
#include "detect/taxonomy.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "geometry/minimum_norm.h"
#include "linalg/eigen.h"

enum { MOST_POINTS = 2000 };
/* Squared distance of 0 from a hull of unit vectors that counts as some: minimum_norm() is good to 1e-10. */
static const double some = 1e-10;

const char *taxonomy_name(taxonomy_shape shape) {
  static const char *const names[] = {"unknown", "origin", "polytope", "hyperplanes", "product"};
  return names[shape];
}

/* ---- places in a hull ---- */

/* Directions from one point: unit rows, fewer as those of the face go. */
typedef struct fan {
  size_t count, d;
  double *rows; /* [count, d] */
  double *gram, *weights;
} fan;

static double dot(size_t d, const double *a, const double *b) {
  double sum = 0;
  for (size_t k = 0; k < d; k++) sum += a[k] * b[k];
  return sum;
}

/* Keeps rows longer than `least` (as unit vectors), drops the others. */
static void tidy(fan *f, double least) {
  size_t kept = 0;
  for (size_t i = 0; i < f->count; i++) {
    const double *row = f->rows + i * f->d;
    double length = sqrt(dot(f->d, row, row));
    if (!(length > least)) continue;
    for (size_t k = 0; k < f->d; k++) f->rows[kept * f->d + k] = row[k] / length;
    kept++;
  }
  f->count = kept;
}

/* Takes direction `axis` (unit) out of every row. */
static void take_out(fan *f, const double *axis) {
  for (size_t i = 0; i < f->count; i++) {
    double *row = f->rows + i * f->d, along = dot(f->d, row, axis);
    for (size_t k = 0; k < f->d; k++) row[k] -= along * axis[k];
  }
}

/* Is 0 away from the hull of the rows? */
static dwell_status apart(fan *f, bool *ret_apart, dwell_error *err) {
  minimum_norm_result result;
  for (size_t i = 0; i < f->count; i++)
    for (size_t j = 0; j < f->count; j++)
      f->gram[i * f->count + j] = i == j ? 1 : dot(f->d, f->rows + i * f->d, f->rows + j * f->d);
  dwell_status status = minimum_norm(f->count, f->gram, f->d, &result, f->weights, err);
  *ret_apart = status == DWELL_OK && result.square > some + result.gap;
  return status;
}

/* Takes out the span of the rows that balance each other: they lie in the face that holds the point. A row that the
 * projections leave shorter than 1e-6 lies in that span. */
static dwell_status reduce(fan *f, dwell_error *err) {
  double *axis = MEM_NEW(double, f->d);
  if (axis == NULL) return error_no_memory(err, "a direction");
  for (;;) {
    size_t best = 0;
    for (size_t i = 1; i < f->count; i++)
      if (f->weights[i] > f->weights[best]) best = i;
    if (f->count == 0 || !(f->weights[best] > 1e-9)) break;
    memcpy(axis, f->rows + best * f->d, f->d * sizeof(double));
    double length = sqrt(dot(f->d, axis, axis));
    f->weights[best] = 0;
    if (length < 1e-6) continue;
    for (size_t k = 0; k < f->d; k++) axis[k] /= length;
    take_out(f, axis);
    take_out(f, axis);
  }
  tidy(f, 1e-6);
  mem_free(axis);
  return DWELL_OK;
}

static dwell_status place(fan *f, taxonomy_place *ret_place, dwell_error *err) {
  dwell_status status = DWELL_OK;
  bool is_apart = false;
  *ret_place = TAXONOMY_CORNER;
  while (f->count > 0) {
    TRY(apart(f, &is_apart, err));
    if (is_apart) goto done;
    *ret_place = TAXONOMY_BOUNDARY;
    TRY(reduce(f, err));
  }
  if (*ret_place == TAXONOMY_BOUNDARY) *ret_place = TAXONOMY_INSIDE;
done:
  return status;
}

dwell_status taxonomy_places(size_t n, size_t d, const double *x, taxonomy_place *ret_place, dwell_error *err) {
  dwell_status status = DWELL_OK;
  fan f = {.d = d};
  if (n > MOST_POINTS) return error_set(err, DWELL_UNSUPPORTED, "the hull of %zu points: at most %d", n, MOST_POINTS);
  f.rows = mem_alloc(n, d * sizeof(double));
  f.gram = mem_alloc(n, n * sizeof(double));
  f.weights = MEM_NEW(double, n);
  if (f.rows == NULL || f.gram == NULL || f.weights == NULL) TRY_ALLOC(NULL, "the hull");
  for (size_t i = 0; i < n; i++) {
    f.count = 0;
    for (size_t j = 0; j < n; j++) {
      if (j == i) continue;
      for (size_t k = 0; k < d; k++) f.rows[f.count * d + k] = x[j * d + k] - x[i * d + k];
      f.count++;
    }
    tidy(&f, 0);
    TRY(place(&f, &ret_place[i], err));
  }
done:
  mem_free(f.rows);
  mem_free(f.gram);
  mem_free(f.weights);
  return status;
}

/* ---- limits of a cloud ---- */

static double size_of(size_t count, const double *x) {
  double size = 0;
  for (size_t e = 0; e < count; e++) size = fmax(size, fabs(x[e]));
  return size;
}

/* Which group each row belongs to: rows nearer than `reach`, chained. Returns the number of groups. */
static size_t group(size_t n, size_t d, const double *x, double reach, size_t *ret_group, size_t *stack) {
  size_t groups = 0;
  for (size_t i = 0; i < n; i++) ret_group[i] = SIZE_MAX;
  for (size_t first = 0; first < n; first++) {
    if (ret_group[first] != SIZE_MAX) continue;
    size_t height = 0;
    ret_group[first] = groups, stack[height++] = first;
    while (height > 0) {
      size_t i = stack[--height];
      for (size_t j = 0; j < n; j++) {
        double square = 0;
        for (size_t k = 0; k < d; k++) square += (x[i * d + k] - x[j * d + k]) * (x[i * d + k] - x[j * d + k]);
        if (ret_group[j] == SIZE_MAX && square <= reach * reach) ret_group[j] = groups, stack[height++] = j;
      }
    }
    groups++;
  }
  return groups;
}

static void means(size_t n, size_t d, const double *x, const size_t *which, size_t groups, double *ret_mean) {
  memset(ret_mean, 0, groups * d * sizeof(double));
  for (size_t g = 0; g < groups; g++) {
    double count = 0;
    for (size_t i = 0; i < n; i++) {
      if (which[i] != g) continue;
      count++;
      for (size_t k = 0; k < d; k++) ret_mean[g * d + k] += x[i * d + k];
    }
    for (size_t k = 0; k < d; k++) ret_mean[g * d + k] /= count;
  }
}

dwell_status taxonomy_cloud(size_t n, size_t d, const double *x, double near, taxonomy_points *ret_points,
                            size_t *opt_limit, dwell_error *err) {
  dwell_status status = DWELL_OK;
  taxonomy_points p = {0};
  double reach = near * size_of(n * d, x);
  size_t *which = MEM_NEW(size_t, n), *stack = MEM_NEW(size_t, n);
  double *mean = mem_alloc(n, d * sizeof(double));
  taxonomy_place *places = MEM_NEW(taxonomy_place, n);
  if (which == NULL || stack == NULL || mean == NULL || places == NULL) TRY_ALLOC(NULL, "the limits");
  p.limits = group(n, d, x, reach, which, stack);
  means(n, d, x, which, p.limits, mean);
  TRY(taxonomy_places(p.limits, d, mean, places, err));
  for (size_t g = 0; g < p.limits; g++) {
    if (sqrt(dot(d, mean + g * d, mean + g * d)) <= reach) p.zero++;
    else if (places[g] == TAXONOMY_CORNER) p.corners++;
    else if (places[g] == TAXONOMY_BOUNDARY) p.boundary++;
    else p.inside++;
  }
  if (opt_limit != NULL) memcpy(opt_limit, which, n * sizeof(size_t));
  *ret_points = p;
done:
  mem_free(which);
  mem_free(stack);
  mem_free(mean);
  mem_free(places);
  return status;
}

/* ---- the leading eigenspace ---- */

/* The leading eigenvalue of V, and how many eigenvalues share it; 0 if some other one of that real part is complex. */
static dwell_status leading(size_t d, const double *v, double *ret_value, size_t *ret_count, dwell_error *err) {
  dwell_status status = DWELL_OK;
  double *copy = mem_copy(v, d * d, sizeof(double)), *real = MEM_NEW(double, d), *imaginary = MEM_NEW(double, d);
  if (copy == NULL || real == NULL || imaginary == NULL) TRY_ALLOC(NULL, "the eigenvalues of V");
  TRY(eigen_general(d, copy, real, imaginary, err));
  double top = -INFINITY, scale = 0;
  for (size_t k = 0; k < d; k++) top = fmax(top, real[k]), scale = fmax(scale, hypot(real[k], imaginary[k]));
  *ret_value = top, *ret_count = 0;
  bool other = false;
  for (size_t k = 0; k < d; k++) {
    bool same = fabs(real[k] - top) <= 1e-6 * scale;
    if (same && fabs(imaginary[k]) <= 1e-6 * scale) ++*ret_count;
    /* the theorems ask that no other eigenvalue is as large in modulus */
    else if (same || hypot(real[k], imaginary[k]) >= top) other = true;
  }
  if (other) *ret_count = 0;
done:
  mem_free(copy);
  mem_free(real);
  mem_free(imaginary);
  return status;
}

/* Rows that V maps to lambda times themselves from the left, orthonormal: the smallest eigenvectors of (V - lambda)
 * (V - lambda)^T. *ret_count becomes 0 if there are fewer than expected: lambda is not semisimple. */
static dwell_status left_space(size_t d, const double *v, double lambda, size_t *count, double *ret_rows,
                               dwell_error *err) {
  dwell_status status = DWELL_OK;
  double *shifted = mem_copy(v, d * d, sizeof(double)), *square = mem_alloc(d, d * sizeof(double));
  double *values = MEM_NEW(double, d);
  if (shifted == NULL || square == NULL || values == NULL) TRY_ALLOC(NULL, "the eigenvectors of V");
  for (size_t k = 0; k < d; k++) shifted[k * d + k] -= lambda;
  for (size_t i = 0; i < d; i++)
    for (size_t j = 0; j < d; j++) square[i * d + j] = dot(d, shifted + i * d, shifted + j * d);
  TRY(eigen_vectors(d, square, values, err));
  double scale = size_of(d * d, v);
  if (*count > 0 && values[*count - 1] > 1e-10 * scale * scale) *count = 0;
  memcpy(ret_rows, square, *count * d * sizeof(double));
done:
  mem_free(shifted);
  mem_free(square);
  mem_free(values);
  return status;
}

/* ---- hyperplanes ---- */

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* value [n] is sorted in place. */
static void find_planes(size_t n, double *value, double near, taxonomy *t) {
  double reach = near * size_of(n, value);
  size_t zero = 0, above = 0, below = 0;
  qsort(value, n, sizeof(double), ascending);
  t->planes = 0;
  for (size_t first = 0, next; first < n; first = next) {
    for (next = first + 1; next < n && value[next] - value[next - 1] <= reach;) next++;
    double mean = 0;
    for (size_t i = first; i < next; i++) mean += value[i] / (double)(next - first);
    bool spread = value[next - 1] - value[first] > 2 * reach; /* a chain of small gaps is no plane */
    if (t->planes < 3) t->plane[t->planes] = mean;
    t->planes += spread ? 4 : 1;
    if (fabs(mean) <= reach) zero++;
    else if (mean > 0) above++;
    else below++;
  }
  bool fits = t->planes <= 3 && zero <= 1 && above <= 1 && below <= 1;
  t->shape = fits ? TAXONOMY_HYPERPLANES : TAXONOMY_UNKNOWN;
}

/* ---- the decision ---- */

static dwell_status decide_leading(size_t n, size_t d, const double *z, const double *rows, double near, taxonomy *t,
                                   dwell_error *err) {
  size_t m = t->leading;
  double *part = mem_alloc(n, m * sizeof(double));
  if (part == NULL) return error_no_memory(err, "the leading components");
  for (size_t i = 0; i < n; i++)
    for (size_t k = 0; k < m; k++) part[i * m + k] = dot(d, rows + k * d, z + i * d);
  dwell_status status = DWELL_OK;
  if (m == 1 && d > 1) {
    find_planes(n, part, near, t);
  } else {
    status = taxonomy_cloud(n, m, part, near, &t->points, NULL, err);
    /* as many limits as tokens: nothing has come together */
    bool fits = t->points.inside == 0 && (t->points.limits < n || n < 3);
    t->shape = !fits ? TAXONOMY_UNKNOWN : m == d ? TAXONOMY_POLYTOPE : TAXONOMY_PRODUCT;
  }
  mem_free(part);
  return status;
}

dwell_status taxonomy_decide(size_t n, size_t d, const double *z, const double *opt_v, double start_size, double near,
                             taxonomy *ret_taxonomy, dwell_error *err) {
  dwell_status status = DWELL_OK;
  taxonomy t = {.shape = TAXONOMY_UNKNOWN, .leading = d, .eigenvalue = 1};
  double *rows = mem_zero(d, d * sizeof(double));
  TRY_ALLOC(rows, "the leading eigenvectors");
  for (size_t k = 0; k < d; k++) rows[k * d + k] = 1;
  if (opt_v != NULL) {
    TRY(leading(d, opt_v, &t.eigenvalue, &t.leading, err));
    if (t.leading > 0) TRY(left_space(d, opt_v, t.eigenvalue, &t.leading, rows, err));
  }
  bool finite = isfinite(size_of(n * d, z));
  for (size_t e = 0; e < n * d; e++) finite = finite && isfinite(z[e]);
  if (!(t.eigenvalue > 0)) t.leading = 0;
  if (finite && size_of(n * d, z) <= near * start_size) t.shape = TAXONOMY_ORIGIN;
  else if (finite && t.leading > 0) TRY(decide_leading(n, d, z, rows, near, &t, err));
done:
  mem_free(rows);
  *ret_taxonomy = t;
  return status;
}

/* ---- Boolean attention ---- */

taxonomy_boolean taxonomy_attention(size_t n, const double *p, double near) {
  taxonomy_boolean b = {.first = n, .last = n};
  size_t last = 0;
  for (size_t j = 0; j < n; j++) {
    size_t rows = 0;
    for (size_t i = 0; i < n; i++) rows += p[i * n + j] >= 1 - near;
    if (rows == 0) continue;
    b.rows += rows, b.leaders++;
    if (b.first == n) b.first = j;
    last = j;
  }
  if (b.leaders > 0) b.last = last;
  return b;
}
