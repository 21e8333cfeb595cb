/* mechanism/circuit_null.c - random maps of a head's shape. */
#include "mechanism/circuit_null.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/random.h"
#include "base/threads.h"

circuit_shape circuit_shape_of(const dwell_weights *w, circuit_kind kind) {
  return (circuit_shape){.r = w->head_size,
                         .d = w->d,
                         .centred_a = kind == CIRCUIT_QK ? w->centred_in : w->centred_out,
                         .centred_b = w->centred_in};
}

/* ---- one draw ---- */

/* The triangular factor of 2r Gaussian vectors in `dimensions` (Bartlett 1933): chi on the diagonal, normal above. Row
 * i of ret [2r, columns] is vector i; columns beyond its place stay 0. */
static void draw_factors(const circuit_shape *shape, uint64_t seed, size_t draw, size_t dimensions, size_t columns,
                         double *ret) {
  const random_stream normals = {.seed = seed, .purpose = RANDOM_CIRCUIT, .replica = (uint32_t)draw};
  const random_stream lengths = {.seed = seed, .purpose = RANDOM_CIRCUIT_LENGTH, .replica = (uint32_t)draw};
  size_t n = 2 * shape->r;
  memset(ret, 0, n * columns * sizeof *ret);
  for (size_t i = 0; i < n; i++) {
    for (size_t j = 0; j < i && j < dimensions; j++)
      ret[i * columns + j] = random_normal(&normals, (uint32_t)i, (uint32_t)j);
    if (i >= dimensions) continue;
    ret[i * columns + i] = sqrt(2 * random_gamma(&lengths, (uint32_t)i, 0.5 * (double)(dimensions - i)));
  }
}

/* The component of one factor along the ones, where only the other is orthogonal to them: a coordinate of its own. */
static void draw_ones(const circuit_shape *shape, uint64_t seed, size_t draw, size_t columns, double *factors) {
  const random_stream normals = {.seed = seed, .purpose = RANDOM_CIRCUIT, .replica = (uint32_t)draw};
  size_t first = shape->centred_a ? shape->r : 0;
  for (size_t i = first; i < first + shape->r; i++) {
    factors[i * columns + columns - 1] = random_normal(&normals, (uint32_t)i, UINT32_MAX);
  }
}

typedef struct drawing {
  const circuit_null *null;
  uint64_t seed;
} drawing;

static dwell_status draw_one(void *arg, size_t item, int worker, dwell_error *err) {
  (void)worker;
  const drawing *d = arg;
  const circuit_shape *shape = &d->null->shape;
  size_t ones = shape->centred_a != shape->centred_b;
  size_t dimensions = shape->d - (shape->centred_a || shape->centred_b);
  size_t columns = (dimensions < 2 * shape->r ? dimensions : 2 * shape->r) + ones;
  value values[CIRCUIT_KEYS];
  dwell_status status = DWELL_OK;
  double *factors = MEM_NEW(double, 2 * shape->r * columns), *to = d->null->values + item * CIRCUIT_KEYS;
  TRY_ALLOC(factors, "a random head");
  draw_factors(shape, d->seed, item, dimensions, columns, factors);
  if (ones) draw_ones(shape, d->seed, item, columns, factors);
  TRY(circuit_measure(CIRCUIT_OV, shape->r, columns, factors, factors + shape->r * columns, values, err));
  for (circuit_key k = 0; k < CIRCUIT_KEYS; k++) {
    double scale = k <= CIRCUIT_FRO ? values[CIRCUIT_FRO].number : 1;
    to[k] = values[k].undefined == NULL ? values[k].number / scale : NAN;
  }
done:
  mem_free(factors);
  return status;
}

/* ---- all draws ---- */

dwell_status circuit_null_make(const dwell_context *ctx, const circuit_shape *shape, uint64_t seed, size_t draws,
                               circuit_null *ret_null, dwell_error *err) {
  *ret_null = (circuit_null){.shape = *shape, .draws = draws};
  if (shape->d < 2) ret_null->draws = draws = 0; /* nothing is orthogonal to the ones */
  ret_null->values = MEM_NEW(double, draws *CIRCUIT_KEYS);
  if (ret_null->values == NULL) return error_no_memory(err, "the random heads");
  drawing d = {.null = ret_null, .seed = seed};
  return threads_for(ctx, draws, draw_one, &d, err);
}

void circuit_null_free(circuit_null *null) {
  mem_free(null->values);
  *null = (circuit_null){0};
}

void circuit_null_compare(const circuit_null *null, const value values[CIRCUIT_KEYS], circuit_key key,
                          value ret_compared[3]) {
  double scale = key <= CIRCUIT_FRO ? values[CIRCUIT_FRO].number : 1, sum = 0, squares = 0;
  size_t draws = null->draws, reached = 0;
  const char *reason = values[key].undefined != NULL ? values[key].undefined : draws == 0 ? "no_draws" : NULL;
  if (reason == NULL && !(scale > 0)) reason = "zero_map";
  for (size_t k = 0; k < draws && reason == NULL; k++) {
    double x = null->values[k * CIRCUIT_KEYS + key];
    if (isnan(x)) reason = "degenerate";
    sum += x, reached += x >= values[key].number / scale - 1e-12; /* ties count as extreme, as everywhere */
  }
  for (size_t i = 0; i < 3; i++) ret_compared[i] = UNDEFINED(reason);
  if (reason != NULL) return;
  double mean = sum / (double)draws;
  for (size_t k = 0; k < draws; k++) {
    double off = null->values[k * CIRCUIT_KEYS + key] - mean;
    squares += off * off;
  }
  ret_compared[0] = VALUE(scale * mean);
  ret_compared[1] = VALUE(scale * sqrt(squares / (double)draws));
  ret_compared[2] = VALUE((double)(1 + reached) / (double)(draws + 1));
}
