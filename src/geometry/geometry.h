/* geometry/geometry.h - one state under one token selection. Each quantity is computed once, when first asked for, in
 * double. Everything an instrument needs is here, so no instrument touches the n x d states (spec: O(n^2) or O(n^3),
 * never d again).
 *
 * A geometry belongs to one thread at a time. Pointers it returns live until geometry_destroy. */
#ifndef DWELL_GEOMETRY_GEOMETRY_H
#define DWELL_GEOMETRY_GEOMETRY_H

#include <dwell/cloud.h>
#include <dwell/context.h>
#include <dwell/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct geometry geometry;

typedef enum representation {
  RAW,     /* G = U U^T, cosines of the tokens */
  CENTRED, /* C = centred cosines: normalise first, then subtract the mean (instruments.md 1.2) */
  STATES   /* K = X X^T / (largest norm)^2, norms kept (only its effective rank is used, which knows no scale) */
} representation;

/* From states x [*, d] (row-major): rows[0..n-1] are the selected tokens. Copies what it needs (unit rows and norms).
 * Zero-norm rows must have been excluded by the selection: DWELL_BAD_INPUT. */
dwell_status geometry_create(const double *x, size_t d, const size_t *rows, size_t n, geometry **ret_geometry,
                             dwell_error *err);
/* The same of a cloud in its own type, by all threads of ctx, which make G too and must live as long: for one state
 * measured alone. Without ctx the calling thread does, as is right where many states are measured at once. */
dwell_status geometry_create_cloud(const dwell_context *ctx, const dwell_cloud *x, const size_t *rows, size_t n,
                                   geometry **ret_geometry, dwell_error *err);
/* The same state under fewer tokens, `rows` of the g_rows that g was made of, both ascending: bit by bit what
 * geometry_create would make, but rows and cosines are taken from g. */
dwell_status geometry_part(geometry *g, const size_t *g_rows, const size_t *rows, size_t n, geometry **ret_geometry,
                           dwell_error *err);
/* From a symmetric cosine Gram [n,n], taken over (also on failure): surrogates. It has no norms (norms == 1)
 * and no coordinates. */
dwell_status geometry_from_gram(double *gram, size_t n, size_t d, geometry **ret_geometry, dwell_error *err);
void geometry_destroy(geometry *g);

/* For clusters alone: C is made without keeping Kc on the way, with the same bits. Holds for parts of g too. */
void geometry_skip_centred_gram(geometry *g);

/* Releases all but the cosines and the norms, for geometry_inherit; nothing else may be asked of g from here. */
void geometry_shed(geometry *g);
/* Moves the cosines of `from` to g, which has made none yet: of the same tokens of the same state. Destroys `from`. */
void geometry_inherit(geometry *g, geometry *from);

/* |x|, also where squares would overflow or vanish; NaN if an entry is not finite. */
double geometry_norm(size_t d, const double *x);

size_t geometry_n(const geometry *g);
size_t geometry_d(const geometry *g);
const double *geometry_norms(const geometry *g);            /* [n] */
const double *geometry_unit(const geometry *g);             /* [n,d] unit rows, or NULL (surrogates) */
/* Cosines [n,n]: G (diagonal exactly 1, off-diagonal clamped to [-1,1]) or C (diagonal 1, or 0 where undefined). */
dwell_status geometry_cosines(geometry *g, representation r, const double **ret_cosines, dwell_error *err);
/* Kc = H G H [n,n], not normalised. */
dwell_status geometry_centred_gram(geometry *g, const double **ret_gram, dwell_error *err);
/* Eigenvalues of G, Kc or K, ascending [n]. Those of G and Kc are made together, in the time of one; those of K with
 * them if this was said before. */
void geometry_expect_states(geometry *g);
dwell_status geometry_eigenvalues(geometry *g, representation r, const double **ret_values, dwell_error *err);
/* Principal axes of the centred unit rows over the token axis, for surrogates: the r eigenvalues of Kc above 1e-9 of
 * the largest, descending [r], and unit eigenvectors, row k of [r,n]; r may be 0. Not kept: the caller releases both
 * with mem_free. */
dwell_status geometry_principal_axes(geometry *g, double **ret_values, double **ret_axes, size_t *ret_count,
                                     dwell_error *err);
/* Bounded energy n^-2 sum_ij exp(beta (G_ij - 1)); cached per beta (up to 8). */
dwell_status geometry_energy(geometry *g, double beta, double *ret_energy, dwell_error *err);
/* Number of pairs i < j with a cosine above `limit`. Of a surrogate neither Kc nor C is made for it: nulls need the
 * number only, thousands of times. */
dwell_status geometry_pairs_above(geometry *g, representation r, double limit, size_t *ret_count, dwell_error *err);
/* Nearest neighbours by the given cosines: order [n,k], best first, ties (within 1e-12) to the smaller index;
 * k = min(5, n-1). */
dwell_status geometry_neighbours(geometry *g, representation r, const uint32_t **ret_order, size_t *ret_k,
                                 dwell_error *err);
/* Clusters by the excess of mass of the centred cosines (excess.h). What they mean where a token has no centred
 * direction is for the caller to say: geometry_clusters_undefined. */
typedef struct geometry_groups {
  double excess;         /* T */
  size_t count;          /* clusters */
  size_t unassigned;     /* tokens in none */
  const int32_t *labels; /* [n], -1 in none */
} geometry_groups;
dwell_status geometry_clusters(geometry *g, const geometry_groups **ret_groups, dwell_error *err);
/* The average-linkage dendrogram of the centred cosines and its best cut (linkage.h). */
typedef struct geometry_tree {
  const double *heights; /* [n-1], ascending */
  double silhouette;     /* largest mean silhouette of a cut into 2..min(8, n/3) clusters */
  size_t silhouette_k;   /* its number of clusters, the smallest on ties; fewer than 8 tokens: silhouette 0, 1 */
} geometry_tree;
dwell_status geometry_linkage(geometry *g, const geometry_tree **ret_tree, dwell_error *err);
/* HSIC_u(G,G) (Song et al. 2012, eq. 5), tr(K) etc. are derived by the instruments from the Grams. */

size_t geometry_clamped(const geometry *g);                 /* pairs outside [-1,1] by more than rounding */
size_t geometry_centred_undefined(const geometry *g);       /* tokens whose centred norm is zero (after CENTRED) */
/* trace(Kc)/n < 1e-6 (after the centred Gram or centred pairs were asked for) */
bool geometry_collapsed(const geometry *g);
/* Why the state has no clusters ("collapsed", "centred_undefined"), or NULL; after CENTRED or clusters were asked
 * for. */
const char *geometry_clusters_undefined(const geometry *g);

/* Bytes at most: what a geometry holds when everything was asked for, and the work space of the largest eigenvalue
 * problem or of the point of least norm (centred rows, [n,d], are the only other large one). */
uint64_t geometry_bytes(size_t n, size_t d);
/* The same where only rows and their lengths are asked for: no matrix of pairs, no neighbours. */
uint64_t geometry_rows_bytes(size_t n, size_t d);
uint64_t geometry_work_bytes(size_t n, size_t d);
/* The work space of clusters and dendrogram alone, all that a surrogate needs besides its Gram and cosines. */
uint64_t geometry_cluster_bytes(size_t n);

#endif
