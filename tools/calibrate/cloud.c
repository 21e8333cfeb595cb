/* tools/calibrate/cloud.c - clouds of tokens whose truth is known. */
#include "cloud.h"

#include <math.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/random.h"
#include "test.h"

enum { NUMBERS = 0, CENTRES = 1, EXTRA = 2, ORDER = 3 };

/* Coordinates of unit total variance; serially correlated ones are stationary, a walk is not. */
static void fill_noise(const cloud_case *c, uint64_t run, double *x) {
  double total = 0;
  for (size_t k = 0; k < c->d; k++) total += pow((double)(k + 1), -c->power);
  double fresh = c->serial < 1 ? sqrt(1 - c->serial * c->serial) : 1;
  for (size_t i = 0; i < (c->periodic ? 2 * c->n : c->n); i++) { /* the second round forgets where it began */
    for (size_t k = 0; k < c->d; k++) {
      double sd = sqrt(pow((double)(k + 1), -c->power) / total);
      double z = sd * calibrate_normal(run, NUMBERS, i % c->n, k), *at = &x[i % c->n * c->d + k];
      *at = i == 0 ? z : c->serial * x[(i - 1) % c->n * c->d + k] + (c->serial > 0 ? fresh : 1) * z;
    }
  }
}

static void fill_ring(const cloud_case *c, uint64_t run, double *x) {
  for (size_t i = 0; i < c->n; i++) {
    const random_stream s = {.seed = run, .purpose = RANDOM_TEST, .replica = EXTRA};
    double angle = 6.283185307179586 * random_uniform(&s, (uint32_t)i, 0);
    for (size_t k = 0; k < c->d; k++) x[i * c->d + k] = k == 0 ? cos(angle) : k == 1 ? sin(angle) : 0;
  }
}

/* The group of the token at place i: shares 70, 20, 10 % if uneven; in random order unless contiguous. */
static size_t group_of(const cloud_case *c, size_t place) {
  double share = ((double)place + 0.5) / (double)c->n;
  if (c->uneven) return share < .7 ? 0 : share < .9 ? 1 : 2;
  return (size_t)(share * (double)c->groups);
}

static dwell_status add_groups(const cloud_case *c, uint64_t run, double *x, dwell_error *err) {
  const random_stream s = {.seed = run, .purpose = RANDOM_TEST, .replica = ORDER};
  size_t *order = MEM_NEW(size_t, c->n);
  if (order == NULL) return error_no_memory(err, "an order");
  random_permutation(&s, 0, c->n, order);
  for (size_t i = 0; i < c->n; i++) {
    size_t place = c->contiguous ? i : order[i], group = group_of(c, place);
    bool stray = random_uniform(&s, 1, (uint32_t)i) < c->stray;
    for (size_t k = 0; k < c->d; k++) {
      double centre = calibrate_normal(run, CENTRES, stray ? 1000 + i : group, k) / sqrt((double)c->d);
      x[i * c->d + k] = centre + c->noise * x[i * c->d + k];
    }
  }
  mem_free(order);
  return DWELL_OK;
}

static void layer_norm(size_t d, double *row) {
  double mean = 0, square = 0;
  for (size_t k = 0; k < d; k++) mean += row[k] / (double)d;
  for (size_t k = 0; k < d; k++) square += (row[k] - mean) * (row[k] - mean) / (double)d;
  for (size_t k = 0; k < d; k++) row[k] = (row[k] - mean) / sqrt(square);
}

dwell_status cloud_make(const cloud_case *c, uint64_t run, double *x, dwell_error *err) {
  if (c->ring) fill_ring(c, run, x);
  else fill_noise(c, run, x);
  if (c->groups > 0) {
    dwell_status status = add_groups(c, run, x, err);
    if (status != DWELL_OK) return status;
  }
  for (size_t i = 0; i < c->n; i++) {
    double length = c->norms > 0 ? exp(c->norms * calibrate_normal(run, EXTRA, i, 0)) : 1;
    for (size_t k = 0; k < c->d; k++) {
      double mean = (c->groups > 0 ? 1 : c->mean) * calibrate_normal(run, EXTRA, 100000, k) / sqrt((double)c->d);
      x[i * c->d + k] = length * x[i * c->d + k] + mean;
    }
    if (c->layer_norm) layer_norm(c->d, x + i * c->d);
  }
  return DWELL_OK;
}
