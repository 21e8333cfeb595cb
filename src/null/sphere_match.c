/* null/sphere_match.c - moments of a projected Gaussian by quadrature, and the fixed point that inverts them. */
#include "null/sphere_match.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/error.h"
#include "base/isa.h"
#include "base/mem.h"

/* All of instruments.md 4.1 (a). */
enum { NODES = 96 /* even */, MOST_ITERATIONS = 200, GROUP = 128 };
static const double NODE_FIRST = 1e-7, NODE_LAST = 3e4, LEAST_VARIANCE = 1e-12, CLOSE = 1e-6, NOTHING = 1e-20;
static const double PI = 3.14159265358979323846;

/* phi(t) = E exp(-t |y|^2) = prod q_k^{-1/2} exp(-t mu_k^2/q_k), q_k = 1 + 2 t s_k, as its two parts, in ISA_LANES
 * partial sums and products; ret_inverse[k] = 1/q_k. The product of a group stays finite: q_k < 1e5 where sum s = 1,
 * and each lane takes GROUP/ISA_LANES of them. */
ISA_INLINE void transform_body(size_t first, size_t end, double t, const double *s, const double *mu,
                               double *ret_inverse, double *sums, double *products) {
  size_t whole = end - (end - first) % ISA_LANES;
  isa_half sum[ISA_HALVES], product[ISA_HALVES]; /* in registers */
  memcpy(sum, sums, sizeof sum), memcpy(product, products, sizeof product);
  for (size_t k = first; k < whole; k += ISA_LANES) {
    for (size_t h = 0; h < ISA_HALVES; h++) {
      isa_half variance, mean;
      memcpy(&variance, s + k + h * ISA_HALF, sizeof variance), memcpy(&mean, mu + k + h * ISA_HALF, sizeof mean);
      isa_half q = 1 + 2 * t * variance, inverse = 1 / q;
      memcpy(ret_inverse + k + h * ISA_HALF, &inverse, sizeof inverse);
      sum[h] += t * mean * mean * inverse;
      product[h] *= q;
    }
  }
  memcpy(sums, sum, sizeof sum), memcpy(products, product, sizeof product);
  for (size_t k = whole; k < end; k++) {
    double q = 1 + 2 * t * s[k];
    ret_inverse[k] = 1 / q;
    sums[k - whole] += t * mu[k] * mu[k] * ret_inverse[k];
    products[k - whole] *= q;
  }
}
ISA_DEFINE(static, transform,
           (size_t first, size_t end, double t, const double *s, const double *mu, double *ret_inverse, double *sums,
            double *products),
           (first, end, t, s, mu, ret_inverse, sums, products))

static double laplace(size_t r, const double *s, const double *mu, double t, double *ret_inverse) {
  double sums[ISA_LANES] = {0}, exponent = 0;
  for (size_t first = 0; first < r; first += GROUP) {
    double products[ISA_LANES] = {1, 1, 1, 1, 1, 1, 1, 1};
    transform(first, first + GROUP < r ? first + GROUP : r, t, s, mu, ret_inverse, sums, products);
    for (size_t lane = 0; lane < ISA_LANES; lane += 2) exponent -= log(products[lane] * products[lane + 1]) / 2;
  }
  for (size_t lane = 0; lane < ISA_LANES; lane++) exponent -= sums[lane];
  return exp(exponent);
}

/* What two nodes add; the first one's first. A node alone: the second has no weight. */
typedef struct node_weights {
  double square[2], mean[2];
} node_weights;

ISA_INLINE void add_nodes_body(size_t r, const double *s, const double *mu, const double *first, const double *second,
                               const node_weights *w, double *mean, double *square) {
  double square_first = w->square[0], square_second = w->square[1], mean_first = w->mean[0], mean_second = w->mean[1];
#pragma GCC ivdep
  for (size_t k = 0; k < r; k++) { /* mean and square do not overlap what is read */
    double m = mu[k] * first[k], n = mu[k] * second[k];
    square[k] = square[k] + square_first * (s[k] * first[k] + m * m) + square_second * (s[k] * second[k] + n * n);
    mean[k] = mean[k] + mean_first * m + mean_second * n;
  }
}
ISA_DEFINE(static, add_nodes,
           (size_t r, const double *s, const double *mu, const double *first, const double *second,
            const node_weights *w, double *mean, double *square),
           (r, s, mu, first, second, w, mean, square))

/* The nodes and what the integrands have of them alone. With t = e^x: dt = t dx, and (pi t)^{-1/2} dt = sqrt(t/pi) dx.
 */
typedef struct nodes {
  double t[NODES], square[NODES], mean[NODES];
} nodes;

static void make_nodes(nodes *ret) {
  double spacing = (log(NODE_LAST) - log(NODE_FIRST)) / (NODES - 1);
  for (int k = 0; k < NODES; k++) {
    double t = exp(log(NODE_FIRST) + spacing * k);
    ret->t[k] = t, ret->square[k] = spacing * t, ret->mean[k] = spacing * sqrt(t / PI);
  }
}

/* phi falls with t, and what multiplies t phi in the integrands falls too, so once t phi cannot come back to 1e-20 of
 * its largest value the other nodes add nothing. Two nodes are added at once: scratch [2 r]. */
static void integrate(const nodes *at, size_t r, const double *s, const double *mu, double *scratch, double *ret_mean,
                      double *ret_square) {
  double largest = 0;
  bool over = false;
  for (size_t k = 0; k < r; k++) ret_mean[k] = ret_square[k] = 0;
  for (int node = 0; node < NODES && !over; node += 2) {
    node_weights w = {{0}, {0}};
    int found = 0;
    for (; found < 2 && !over; found += !over) {
      int which = node + found;
      double phi = laplace(r, s, mu, at->t[which], scratch + (size_t)found * r);
      largest = fmax(largest, at->t[which] * phi);
      over = NODE_LAST * phi < NOTHING * largest;
      if (!over) w.square[found] = at->square[which] * phi, w.mean[found] = at->mean[which] * phi;
    }
    if (found > 0) add_nodes(r, s, mu, scratch, found == 2 ? scratch + r : scratch, &w, ret_mean, ret_square);
  }
}

void sphere_moments(size_t r, const double *s, const double *mu, double *scratch, double *ret_mean,
                    double *ret_square) {
  nodes at;
  make_nodes(&at);
  integrate(&at, r, s, mu, scratch, ret_mean, ret_square);
}

/* One update of s and mu towards the targets; true when they were met before it. */
static bool improve(size_t r, const double *t, const double *m, const double *mean, const double *square, double *s,
                    double *mu, double *ret_error) {
  double missed = 0, wanted = 0, worst = 0, scale = 0;
  for (size_t k = 0; k <= r; k++) {
    if (k < r) {
      double variance = square[k] - mean[k] * mean[k];
      missed += fabs(t[k] - variance), wanted += t[k];
      s[k] *= variance > 0 ? fmin(2, fmax(0.5, t[k] / variance)) : 2;
    }
    worst = fmax(worst, fabs(m[k] - mean[k]));
    mu[k] += m[k] - mean[k];
    scale += s[k] + mu[k] * mu[k];
  }
  for (size_t k = 0; k <= r; k++) {
    mu[k] /= sqrt(scale);
    if (k < r) s[k] = fmax(s[k] / scale, LEAST_VARIANCE);
  }
  *ret_error = missed / wanted;
  return *ret_error < CLOSE && worst < CLOSE;
}

dwell_status sphere_match(size_t r, const double *t, const double *m, double *ret_s, double *ret_mu,
                          sphere_fit *ret_fit, dwell_error *err) {
  dwell_status status = DWELL_OK;
  nodes at;
  double *work = MEM_NEW(double, 4 * (r + 1));
  TRY_ALLOC(work, "a sphere match");
  make_nodes(&at);
  double *mean = work, *square = work + (r + 1), *scratch = work + 2 * (r + 1);
  for (size_t k = 0; k <= r; k++) ret_s[k] = k < r ? t[k] : 0, ret_mu[k] = m[k];
  *ret_fit = (sphere_fit){0};
  for (bool met = false; !met && ret_fit->iterations < MOST_ITERATIONS; ret_fit->iterations++) {
    integrate(&at, r + 1, ret_s, ret_mu, scratch, mean, square);
    met = improve(r, t, m, mean, square, ret_s, ret_mu, &ret_fit->error);
  }
done:
  mem_free(work);
  return status;
}
