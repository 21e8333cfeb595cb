/* base/random.h - counter-based random numbers (Random123, philox4x32-10; Salmon et al. 2011).
 *
 * A number is a pure function of (seed, purpose, replica, i, j): nothing is consumed in order, so results depend
 * neither on the number of threads nor on how work is divided. */
#ifndef DWELL_BASE_RANDOM_H
#define DWELL_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* What a stream is for; one number each, never reused, so that no two uses share numbers. */
enum {
  RANDOM_START = 1,           /* initial tokens of a flow: i = particle, j = coordinate */
  RANDOM_TWIN = 2,            /* phases of the Gaussian twin: i = draw, j = frequency */
  RANDOM_TWIN_HAAR = 3,       /* rotations of the Gaussian twin: i = draw, j = entry */
  RANDOM_INIT = 4,            /* random-initialised weights: i = tensor, j = entry */
  RANDOM_SHUFFLE = 5,         /* permutations: i = what is permuted, j = position */
  RANDOM_SELFCHECK = 6,       /* operands of the BLAS check */
  RANDOM_STEPS = 7,           /* permuted steps of a plateau: i = draw, j = position */
  RANDOM_START_LENGTH = 8,    /* lengths of the triangular factor of a start: i = particle, j = attempt */
  RANDOM_HEAD_PAIRS = 20,     /* pairs of queries: i = pair, j = which of the two */
  RANDOM_HEAD_ROWS = 21,      /* permutations of attention rows: replica = draw, i = row, j = place */
  RANDOM_LANCZOS = 22,        /* the vectors that Krylov iterations start from: i = vector, j = entry */
  RANDOM_BOOTSTRAP = 30,      /* resamples of prompts: i = resample, j = place / 4 */
  RANDOM_SIGNS = 31,          /* flipped signs: i = draw, j = place / 128 */
  RANDOM_LABELS = 32,         /* permuted labels of classes: i = draw */
  RANDOM_ROTATION = 40,       /* rotations of attention's writes: i = block, j = entry (linalg/haar.h) */
  RANDOM_PUSH = 41,           /* directions of random perturbations: replica = draw, i = direction, j = entry */
  RANDOM_REBUILD = 42,        /* a rebuilt map (mechanism/rebuild.h): replica = rebuild, i = 2 map (+ 1), j = entry */
  RANDOM_CIRCUIT = 23,        /* factors of random heads: replica = draw, i = vector, j = coordinate */
  RANDOM_CIRCUIT_LENGTH = 24, /* their lengths: replica = draw, i = vector, j = attempt */
  RANDOM_THEOREM = 50,        /* starts and samples of theorems: replica = which set, i = vector, j = entry */
  RANDOM_FLOW_NOISE = 25,     /* noise of a flow: i = step, j = particle * d + coordinate */
  RANDOM_FLOW_WEIGHTS = 26,   /* random Q, K, V: i = 3 * layer + which, j = entry */
  RANDOM_TEST = 100           /* tests and benchmarks */
};

typedef struct random_stream {
  uint64_t seed;
  uint32_t purpose; /* RANDOM_... */
  uint32_t replica; /* replica, state or 0 */
} random_stream;

/* 128 random bits. */
void random_bits(const random_stream *s, uint32_t i, uint32_t j, uint32_t ret_bits[4]);
/* Uniform in (0,1): the middles of 2^52 equal cells, hence never 0 or 1, and exactly symmetric about 1/2. */
double random_uniform(const random_stream *s, uint32_t i, uint32_t j);
/* Standard normal, by inversion (Wichura 1988, AS 241; 1e-16 relative). One counter per number. */
double random_normal(const random_stream *s, uint32_t i, uint32_t j);
/* ret_numbers[k] = random_normal(s, i, first + k), the same bits for less; first + count <= 2^32. */
void random_normals(const random_stream *s, uint32_t i, uint32_t first, size_t count, double *ret_numbers);
/* Uniform in 0..n-1, n >= 1; bias below n/2^64. */
size_t random_below(const random_stream *s, uint32_t i, uint32_t j, size_t n);
/* A uniform permutation of 0..n-1 (Fisher-Yates on random_below(i, 1..n-1)). */
void random_permutation(const random_stream *s, uint32_t i, size_t n, size_t *ret_order);

/* A gamma variate of shape at least 1/2 and scale 1 (Marsaglia and Tsang 2000): counters (i, 0), (i, 1), ... */
double random_gamma(const random_stream *s, uint32_t i, double shape);

/* The quantile function of the standard normal, 0 < p < 1. */
double random_normal_quantile(double p);

#endif
