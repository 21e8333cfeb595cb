/* mechanism/layer_map.h - attention alone, layer upon layer, with given maps: no MLP, no biases, tokens on the sphere.
 *
 * u_i <- normalise(u_i + step sum_h sum_j a^h_ij V_h u_j), a^h_ij = softmax over j of u_i . B_h u_j. */
#ifndef DWELL_MECHANISM_LAYER_MAP_H
#define DWELL_MECHANISM_LAYER_MAP_H

#include <dwell/status.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct layer_maps {
  size_t d, heads;
  size_t layers;  /* given ones, and as many steps; or */
  size_t repeats; /* the same layers this many times over; 0: once */
  bool causal;    /* token i attends to tokens j <= i only */
  double step;
  const double *forms, *writes; /* [layers, heads, d, d]: B_h and V_h; scaled by */
  double form_scale, write_scale;
} layer_maps;

size_t layer_maps_steps(const layer_maps *m);

/* Takes the unit tokens x [n,d] (changed) through all layers; ret_cosines [steps + 1]: their mean cosine before the
 * first and after each. n >= 2. Errors: DWELL_NO_MEMORY; DWELL_FAILED where a token becomes zero or not finite. */
dwell_status layer_maps_run(const layer_maps *m, size_t n, double *x, double *ret_cosines, dwell_error *err);

#endif
