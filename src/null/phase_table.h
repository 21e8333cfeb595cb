/* null/phase_table.h - cosines and sines of 2 pi j f/n, and sums with them over frequencies: the bulk of the work of a
 * surrogate cloud.
 *
 * C_jf and S_jf for tokens j = 0 .. n/2 and frequencies f = 0 .. n/2. Where n is even, token n/2 - j has the cosines of
 * j and its sines with the other sign at even frequencies; at odd ones it is the other way round. So even and odd
 * frequencies are summed apart, for half of these tokens, and each product takes half of the work.
 *
 * Where all prime factors of n are small a Fourier transform takes their place. */
#ifndef DWELL_NULL_PHASE_TABLE_H
#define DWELL_NULL_PHASE_TABLE_H

#include <dwell/status.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "linalg/dft.h"

enum { PHASE_PARTS = 2 };

typedef struct phase_side {
  float *rows[PHASE_PARTS];   /* [tokens, count] for a product's left factor */
  float *panels[PHASE_PARTS]; /* the transpose [count, tokens], laid out for its right factor */
  float sign[PHASE_PARTS];    /* of token n/2 - j beside j */
} phase_side;

typedef struct phase_table {
  size_t n, half;                                /* half = n/2 + 1 */
  dft *transform;                                /* where n suits it: phase_dft.h does all; the rest is empty */
  size_t parts, tokens;                          /* 2 where n is even, else 1; tokens that sums are made for */
  size_t first[PHASE_PARTS], count[PHASE_PARTS]; /* a part's places in the order of frequencies */
  phase_side cosine, sine;
} phase_table;

dwell_status phase_table_create(size_t n, phase_table **ret_table, dwell_error *err);
void phase_table_destroy(phase_table *t);
uint64_t phase_table_bytes(size_t n); /* at most, also while it is made */

/* The frequency at a place: where n is even and there is no transform, even ones come first. */
size_t phase_frequency(size_t n, size_t place);

/* Frequency (or token) f is its own mirror image: it has no sine. */
static inline bool phase_is_alone(size_t n, size_t f) { return f == 0 || 2 * f == n; }

/* One over a token's length, from its square: rounding can make a token that the turn puts at zero a little less than
 * nothing. */
static inline double phase_scale(double square) { return 1 / sqrt(fmax(1e-30, square)); }

/* `function` (cos or sin) of 2 pi j f/n: ret_values [half, half], frequencies by place in rows, tokens in columns.
 * `circle` [n] is scratch. */
void phase_table_fill(size_t n, double (*function)(double), double *circle, double *ret_values);

/* Sums over frequencies of a Gram of Fourier coefficients, [half, half] each. */
typedef struct phase_sums {
  float *aa, *bb, *ab, *ba; /* C M_aa C^T, S M_bb S^T, C M_ab S^T and its transpose; the first two exactly symmetric */
} phase_sums;

/* `blocks` [3, panels_elements(half, half)]: M_aa, M_ab and M_bb in panels, rows and columns by place.
 * `work`: phase_sums_work(n) floats. */
void phase_table_sum(const phase_table *t, const float *blocks, float *work, const phase_sums *ret_sums);
size_t phase_sums_work(size_t n);

/* ret_sums[j] = sum over places of `side` at token j times x, [half]. `work` [2 half] is scratch. */
void phase_table_sum_vector(const phase_table *t, const phase_side *side, const float *x, float *work, float *ret_sums);

#endif
