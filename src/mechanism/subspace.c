/* mechanism/subspace.c - does a block move tokens along the directions that its own heads repel?
 *
 * Block b maps state b to state b + 1: its directions are compared with that step and no other. A subspace of m of d
 * dimensions holds m/d of any motion by chance, so half and half says nothing; what says something is the excess, in
 * units of the spread that a subspace turned at random has (exact, over the orthogonal group). */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "linalg/eigen.h"
#include "linalg/gemm.h"
#include "mechanism/mechanism.h"

/* Eigenvalues below this share of the largest belong to neither sign: rounding, and directions that no head reads. */
static const double ROUNDING = 1e-12;

enum { SHARE, NULL_MEAN, NULL_SD, Z, EXCESS, DIMENSIONS, COLUMNS_OF_A_SIGN };

/* What a step did to the tokens, in directions that a token can turn to. */
typedef struct motion {
  size_t n, d;
  double *moves; /* [n, d] */
  double square; /* |D|^2 */
  double spread; /* |D^T D|^2 / |D|^4 - 1/d */
} motion;

static double dot(size_t d, const double *x, const double *y) {
  double sum = 0;
  for (size_t i = 0; i < d; i++) sum += x[i] * y[i];
  return sum;
}

/* x' - x without its component along x. */
static void tangent(size_t d, const double *before, const double *after, double *ret_move) {
  for (size_t i = 0; i < d; i++) ret_move[i] = after[i] - before[i];
  double along = dot(d, ret_move, before) / dot(d, before, before);
  for (size_t i = 0; i < d; i++) ret_move[i] -= along * before[i];
}

/* D^T D and D D^T have the same norm: the smaller one. */
static dwell_status measure_spread(motion *m, dwell_error *err) {
  size_t small = m->n < m->d ? m->n : m->d, entries = small * small;
  double *gram = MEM_NEW(double, entries);
  if (gram == NULL) return error_no_memory(err, "the moves of a block");
  if (m->n < m->d) gemm_square_f64(m->n, m->d, m->moves, m->d, gram, small);
  else gemm_f64(true, false, m->d, m->d, m->n, 1, m->moves, m->d, m->moves, m->d, 0, gram, small);
  double squares = dot(entries, gram, gram);
  m->spread = fmax(0, squares / (m->square * m->square) - 1 / (double)m->d);
  mem_free(gram);
  return DWELL_OK;
}

static dwell_status make_motion(const mechanism_block *b, motion *ret_motion, dwell_error *err) {
  motion *m = ret_motion;
  *m = (motion){.n = b->n, .d = b->weights->d};
  m->moves = MEM_NEW(double, m->n * m->d);
  if (m->moves == NULL) return error_no_memory(err, "the moves of a block");
  for (size_t i = 0; i < m->n; i++) tangent(m->d, b->before + i * m->d, b->after + i * m->d, m->moves + i * m->d);
  m->square = dot(m->n * m->d, m->moves, m->moves);
  return m->square > 0 ? measure_spread(m, err) : DWELL_OK;
}

/* |D Q|^2, Q the rows [count, d] of `axes`. */
static dwell_status captured(const motion *m, size_t count, const double *axes, double *ret_square, dwell_error *err) {
  size_t entries = m->n * count;
  double *product = MEM_NEW(double, entries);
  if (product == NULL) return error_no_memory(err, "the moves of a block");
  gemm_f64(false, true, m->n, count, m->d, 1, m->moves, m->d, axes, m->d, 0, product, count);
  *ret_square = dot(entries, product, product);
  mem_free(product);
  return DWELL_OK;
}

static dwell_status measure_sign(const motion *m, size_t count, const double *axes, value *ret_values,
                                 dwell_error *err) {
  double d = (double)m->d, dimensions = (double)count, inside = 0;
  for (size_t i = 0; i < DIMENSIONS; i++) ret_values[i] = UNDEFINED("no_motion");
  ret_values[DIMENSIONS] = VALUE(dimensions);
  if (!(m->square > 0)) return DWELL_OK;
  dwell_status status = captured(m, count, axes, &inside, err);
  if (status != DWELL_OK) return status;
  double share = inside / m->square, mean = dimensions / d;
  double sd = sqrt(2 * dimensions * (d - dimensions) / (d * (d - 1) * (d + 2)) * m->spread);
  ret_values[SHARE] = VALUE(share), ret_values[NULL_MEAN] = VALUE(mean), ret_values[EXCESS] = VALUE(share - mean);
  ret_values[NULL_SD] = VALUE(sd);
  ret_values[Z] = sd > 0 ? VALUE((share - mean) / sd) : UNDEFINED("degenerate");
  return DWELL_OK;
}

/* Eigenvectors of the symmetric part of the sum, ascending: row k of ret_axes. */
static dwell_status symmetric_axes(const mechanism_block *b, double *ret_axes, double *ret_values, dwell_error *err) {
  size_t d = b->weights->d;
  for (size_t i = 0; i < d; i++) {
    for (size_t j = 0; j < d; j++) ret_axes[i * d + j] = (b->sum[i * d + j] + b->sum[j * d + i]) / 2;
  }
  return eigen_vectors(d, ret_axes, ret_values, err);
}

static dwell_status measure(const mechanism_block *b, value *ret_values, dwell_error *err) {
  size_t d = b->weights->d, square = d * d, repel = 0, attract = 0;
  motion m = {0};
  dwell_status status = DWELL_OK;
  double *axes = NULL, *mu = NULL;
  for (size_t i = 0; i < 2 * COLUMNS_OF_A_SIGN; i++) ret_values[i] = UNDEFINED("no_text");
  if (b->before == NULL || d < 2) return DWELL_OK;
  TRY_ALLOC(axes = MEM_NEW(double, square), "the directions of a block");
  TRY_ALLOC(mu = MEM_NEW(double, d), "the directions of a block");
  TRY(symmetric_axes(b, axes, mu, err));
  TRY(make_motion(b, &m, err));
  double rounding = ROUNDING * fmax(fabs(mu[0]), fabs(mu[d - 1]));
  while (repel < d && mu[repel] < -rounding) repel++;
  while (attract < d && mu[d - 1 - attract] > rounding) attract++;
  TRY(measure_sign(&m, repel, axes, ret_values, err));
  TRY(measure_sign(&m, attract, axes + (d - attract) * d, ret_values + COLUMNS_OF_A_SIGN, err));
done:
  mem_free(axes);
  mem_free(mu);
  mem_free(m.moves);
  return status;
}

static double flops(size_t n, size_t d) {
  double x = (double)d, small = (double)(n < d ? n : d);
  return 9 * x * x * x + 2 * (double)n * x * (x + small);
}

#define SIGN(name, which)                                                                                           \
  {name "_share", "1", 0, 1, "share of the motion in the directions that the block's heads together " which},       \
      {name "_share_null_mean", "1", 0, 1, "their share of all dimensions: what any motion has in them by chance"}, \
      {name "_share_null_sd", "1", 0, 1, "its standard deviation for directions turned at random (exact)"},         \
      {name "_z", "1", -INFINITY, INFINITY, "excess over that deviation"},                                          \
      {name "_excess", "1", -1, 1, "share minus chance"}, {                                                         \
    name "_dim", "1", 0, INFINITY, "number of these directions"                                                     \
  }

static const instrument_column columns[] = {SIGN("repel", "repel"), SIGN("attract", "attract")};

const instrument instrument_subspace = {
    .name = "subspace",
    .summary = "does a block move tokens along the directions that its heads repel, or attract?",
    .source = "docs/instruments.md 7.3",
    .scope = PER_STEP,
    .columns = columns,
    .column_count = COUNT_OF(columns),
    .block_weights = measure,
    .needs = NEEDS_MOVES,
    .flops = flops,
    .optional = true,
};
