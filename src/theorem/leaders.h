/* theorem/leaders.h - the cases of theorem T21: value matrices and the shape of their limits. */
#ifndef DWELL_THEOREM_LEADERS_H
#define DWELL_THEOREM_LEADERS_H

#include <stdbool.h>
#include <stdint.h>

#include "detect/taxonomy.h"

enum { LEADERS_TOKENS = 20, LEADERS_MOST_D = 3, LEADERS_SHAPES = 6 };

/* Matrices of the paper's scripts, and plain ones. */
typedef struct leaders_shape {
  size_t d;
  double v[LEADERS_MOST_D * LEADERS_MOST_D];
  taxonomy_shape expected;
  bool rescaled;
  double t, near;
} leaders_shape;

extern const leaders_shape leaders_shapes[LEADERS_SHAPES];

/* Entry e of start `seed`, in [-5, 5]. */
double leaders_start(uint32_t seed, size_t e);

/* Has the limit of start `seed` of a shape's flow the expected shape? Errors: as euclid_solve. */
dwell_status leaders_limit(size_t shape, uint32_t seed, bool *ret_right, dwell_error *err);

#endif
