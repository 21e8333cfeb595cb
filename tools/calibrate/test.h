/* tools/calibrate/test.h - numbers of one cloud under the twin, and the cluster tests: T and the silhouette. */
#ifndef DWELL_CALIBRATE_TEST_H
#define DWELL_CALIBRATE_TEST_H

#include <dwell/model.h>
#include <dwell/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "instrument/instrument.h"

typedef struct cluster_test {
  bool excess, silhouette; /* rejected at 5 % */
  double effect;           /* T minus the mean of its draws */
  size_t count;            /* the printed count k (instruments.md, "number"), by the silhouette wherever T rejects */
} cluster_test;

enum { TWIN_NUMBERS = 16 };

/* The numbers of a cloud, at most TWIN_NUMBERS; `how` is passed through. */
typedef dwell_status (*twin_measure)(const void *how, geometry *g, double *ret_numbers, dwell_error *err);

/* Of each of `count` numbers: the observed one, its p (large is extreme), the mean of its draws. x [n,d]; ordered:
 * random phases, else rotations. */
dwell_status twin_compare(size_t n, size_t d, const double *x, bool ordered, uint64_t seed, size_t draws,
                          twin_measure measure, const void *how, size_t count, double *ret_seen, double *ret_p,
                          double *ret_mean, dwell_error *err);

/* x [n,d]; ordered: random phases, else rotations. */
dwell_status cluster_test_run(size_t n, size_t d, const double *x, bool ordered, uint64_t seed, size_t draws,
                              cluster_test *ret_test, dwell_error *err);

/* A column of an instrument; column_count if it has none of this name. */
size_t column_named(const instrument *what, const char *name);

/* Number (i, j) of stream `what` of a run: standard normal. */
double calibrate_normal(uint64_t run, uint32_t what, size_t i, size_t j);

/* A model of a config.json without weights, from a folder that is removed again. */
dwell_status calibrate_open_config(const char *config, const dwell_context *ctx, dwell_model **ret_model,
                                   dwell_error *err);

#endif
