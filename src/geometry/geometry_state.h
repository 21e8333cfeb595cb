/* geometry/geometry_state.h - what is inside a geometry, for the files of this floor only. */
#ifndef DWELL_GEOMETRY_GEOMETRY_STATE_H
#define DWELL_GEOMETRY_GEOMETRY_STATE_H

#include "geometry/geometry.h"
#include "linalg/eigen.h"

enum {
  GEOMETRY_NEIGHBOURS = 5, /* instruments.md 3.2 */
  GEOMETRY_ENERGIES = 8    /* energies remembered */
};

struct geometry {
  size_t n, d;
  const dwell_context *ctx; /* whose threads make G; or NULL */
  double *unit;             /* [n,d] unit rows; NULL: surrogate */
  double *norms;            /* [n] */
  double *gram;             /* [n,n] G */
  double *means;            /* [n] row means of G; NULL unless asked for */
  double *centred_gram;     /* [n,n] Kc */
  double *centred;          /* [n,n] C */
  double *values[3];        /* [n] eigenvalues by representation */
  bool skips_centred_gram;  /* C is made without it where it can be */
  bool expects_states;      /* those of K will be asked for too */
  eigen_reduced *reduced;   /* G and Kc in one: geometry_spectrum.c; NULL unless asked for */
  uint32_t *order[3];       /* [n,k] neighbours by representation */
  struct {
    double beta, energy;
  } energies[GEOMETRY_ENERGIES];
  size_t energy_count;
  int32_t *labels; /* [n] of groups; NULL unless asked for */
  geometry_groups groups;
  double *heights; /* [n-1] of tree; NULL unless asked for */
  geometry_tree tree;
  size_t clamped, centred_undefined;
  bool collapsed;
};

/* Hu_i = u_i - mean u, [n,d]: the unit rows minus their mean. Needs coordinates. */
void geometry_centre_rows(const geometry *g, double *ret_rows);

/* Row means of G (then in g->means) and their mean. */
dwell_status geometry_means(geometry *g, double *ret_mean, dwell_error *err);

/* 1/sqrt(Kc_ii), or 0 for a token that is at the mean, from the diagonal of Kc [n], which it may overwrite. Sets
 * g->centred_undefined and g->collapsed. */
void geometry_inverse_norms(geometry *g, const double *diagonal, double *ret_inverse);

#endif
