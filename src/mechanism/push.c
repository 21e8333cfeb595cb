/* mechanism/push.c - perturbing a state and measuring how much of it is left later. */
#include "mechanism/push.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/random.h"
#include "geometry/pairwise.h"
#include "linalg/eigen.h"
#include "linalg/gemm.h"
#include "linalg/haar.h"

/* ---- by clusters ---- */

static size_t count_clusters(size_t n, const int64_t *labels) {
  size_t clusters = 0;
  for (size_t i = 0; i < n; i++) {
    if (labels[i] >= 0 && (size_t)labels[i] >= clusters) clusters = (size_t)labels[i] + 1;
  }
  return clusters;
}

/* Means of the clusters, and in the last row that of all their tokens: [clusters + 1, d]. */
static void find_means(size_t n, size_t d, const double *x, const int64_t *labels, size_t clusters, double *ret_means,
                       size_t *sizes) {
  memset(ret_means, 0, (clusters + 1) * d * sizeof *ret_means);
  memset(sizes, 0, (clusters + 1) * sizeof *sizes);
  for (size_t i = 0; i < n; i++) {
    if (labels[i] < 0) continue;
    double *own = ret_means + (size_t)labels[i] * d, *all = ret_means + clusters * d;
    for (size_t k = 0; k < d; k++) own[k] += x[i * d + k], all[k] += x[i * d + k];
    sizes[labels[i]]++, sizes[clusters]++;
  }
  for (size_t c = 0; c <= clusters; c++) {
    for (size_t k = 0; k < d && sizes[c] > 0; k++) ret_means[c * d + k] /= (double)sizes[c];
  }
}

dwell_status push_make(dwell_push_kind kind, double amount, size_t n, size_t d, const double *x, const int64_t *labels,
                       double *ret_delta, size_t *ret_clusters, dwell_error *err) {
  size_t clusters = *ret_clusters = count_clusters(n, labels), rows = clusters + 1, room;
  dwell_status status = DWELL_OK;
  double *means = size_mul(rows, d, &room) ? MEM_NEW(double, room) : NULL;
  size_t *sizes = MEM_NEW(size_t, rows);
  TRY_ALLOC(means, "the centroids");
  TRY_ALLOC(sizes, "the centroids");
  find_means(n, d, x, labels, clusters, means, sizes);
  const double *all = means + clusters * d;
  memset(ret_delta, 0, n * d * sizeof *ret_delta);
  for (size_t i = 0; i < n; i++) {
    if (labels[i] < 0) continue;
    const double *own = means + (size_t)labels[i] * d;
    const double *to = kind == DWELL_PUSH_CENTROID ? own : all, *from = kind == DWELL_PUSH_CENTROID ? x + i * d : own;
    for (size_t k = 0; k < d; k++) ret_delta[i * d + k] = amount * (to[k] - from[k]);
  }
done:
  mem_free(means);
  mem_free(sizes);
  return status;
}

/* ---- at random ---- */

dwell_status push_random(uint64_t seed, size_t draw, size_t n, size_t d, const double *delta, double *ret_delta,
                         dwell_error *err) {
  const random_stream stream = {.seed = seed, .purpose = RANDOM_PUSH};
  size_t room;
  dwell_status status = DWELL_OK;
  double *q = size_mul(d, d, &room) ? MEM_NEW(double, room) : NULL;
  TRY_ALLOC(q, "a random rotation");
  TRY(haar_matrix(&stream, (uint32_t)draw, d, d, q, err));
  gemm_f64(false, false, n, d, d, 1, delta, d, q, d, 0, ret_delta, d);
done:
  mem_free(q);
  return status;
}

uint64_t push_random_bytes(size_t d) { return sizeof(double) * ((uint64_t)d * d + 96 * (uint64_t)d); }

dwell_status push_rank(size_t n, size_t d, const double *delta, size_t *ret_rank, dwell_error *err) {
  static const double LEAST = 1e-12; /* of the squares: rounding leaves about 1e-16 times the order */
  size_t order = n < d ? n : d, room = order * order;
  dwell_status status = DWELL_OK;
  double *gram = MEM_NEW(double, room), *values = MEM_NEW(double, order);
  *ret_rank = 0;
  TRY_ALLOC(gram, "the products of the moves");
  TRY_ALLOC(values, "the products of the moves");
  if (n < d) gemm_f64(false, true, n, n, d, 1, delta, d, delta, d, 0, gram, n);
  else gemm_f64(true, false, d, d, n, 1, delta, d, delta, d, 0, gram, d);
  TRY(eigen_values(order, gram, values, err));
  for (size_t k = 0; k < order; k++) *ret_rank += values[k] > 0 && values[k] >= LEAST * values[order - 1];
done:
  mem_free(gram);
  mem_free(values);
  return status;
}

/* ---- what is left ---- */

static double square_turn(size_t d, const double *x, const double *y) {
  double nx = sqrt(pairwise_dot(d, x, x)), ny = sqrt(pairwise_dot(d, y, y)), sum = 0;
  if (nx == 0 || ny == 0) return nx == ny ? 0 : 1; /* a direction against none */
  for (size_t k = 0; k < d; k++) sum += (y[k] / ny - x[k] / nx) * (y[k] / ny - x[k] / nx);
  return sum;
}

push_distance push_measure(size_t d, const size_t *rows, size_t count, const double *x, const double *y,
                           const double *delta) {
  double move = 0, size = 0, turned = 0, along = 0, pushed = 0;
  for (size_t i = 0; i < count; i++) {
    const double *a = x + rows[i] * d, *b = y + rows[i] * d, *p = delta + i * d;
    size += pairwise_dot(d, a, a), pushed += pairwise_dot(d, p, p);
    turned += square_turn(d, a, b);
    for (size_t k = 0; k < d; k++) move += (b[k] - a[k]) * (b[k] - a[k]), along += (b[k] - a[k]) * p[k];
  }
  push_distance m = {.distance = sqrt(move / size), .turn = sqrt(turned / (double)count)};
  m.kept = pushed > 0 ? along / pushed : 0;
  return m;
}

double push_p(double observed, const double *draws, size_t count) {
  size_t least = 1;
  for (size_t k = 0; k < count; k++) least += draws[k] <= observed + 1e-12;
  return (double)least / (double)(count + 1);
}
