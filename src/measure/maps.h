/* measure/maps.h - small pictures of attention matrices, for the page. */
#ifndef DWELL_MEASURE_MAPS_H
#define DWELL_MEASURE_MAPS_H

#include "measure/measurement.h"

/* Room for them where the options ask for attention or its maps, and the source has any. */
dwell_status maps_make_room(measurement *s, dwell_error *err);
/* One head's matrix [n, n], as the source delivers it; nothing where there is no room. */
void maps_add(measurement *s, size_t block, size_t head, const void *attention);
/* `attention_map` [L, H, m, m] for arrays.npz. */
dwell_status maps_keep(measurement *s, dwell_error *err);
/* Bytes of that array; 0: it is not made. */
uint64_t maps_bytes(const dwell_trajectory *t, const dwell_measure_options *options);

#endif
