/* geometry/reach.h - mutual reachability of Campello, Moulavi and Sander (PAKDD 2013) and its minimum spanning tree.
 *
 * Everything is said in closeness, which is large where things are near: a cosine, or minus a distance. The matrices
 * [n,n] below are symmetric, each row's diagonal its nearest entry, and sign * entry is the closeness: sign is 1 of a
 * matrix of cosines, -1 of one of distances. Any increasing function of the closeness gives the same cores and the same
 * tree, so an arccos is needed of the n - 1 links only. */
#ifndef DWELL_GEOMETRY_REACH_H
#define DWELL_GEOMETRY_REACH_H

#include <stddef.h>
#include <stdint.h>

enum { REACH_CORE = 5 }; /* instruments.md 3.1 */

/* Scratch of the functions below, in doubles. */
size_t reach_work(size_t n);

/* Core closeness of each point: that of its k-th nearest other point, k <= n-1 (0: its own). */
void reach_cores(size_t n, const double *matrix, double sign, size_t k, double *work, double *ret_core);

/* The minimum spanning tree of mutual reachability min(closeness, both cores), in the order in which Prim's algorithm
 * reaches the points from point 0 (ties: the smaller index): ret_order [n], and ret_links [n-1], the closeness of the
 * link by which ret_order[k+1] was reached.
 *
 * Order and links are all of a single-linkage hierarchy: the clusters at a level are the longest runs of the order
 * without a link below that level. (Prim's algorithm leaves a cluster by a link below the level only when every point
 * of the cluster has been reached.) */
void reach_tree(size_t n, const double *matrix, double sign, const double *core, double *work, uint32_t *ret_order,
                double *ret_links);

#endif
