/* instrument/instruments.h - the list of instruments (one per file), for the registry only. */
#ifndef DWELL_INSTRUMENT_INSTRUMENTS_H
#define DWELL_INSTRUMENT_INSTRUMENTS_H

#include "instrument/instrument.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

extern const instrument instrument_norm, instrument_ip, instrument_rank, instrument_cloud, instrument_energy,
    instrument_energy_change, instrument_components, instrument_neighbours, instrument_cka, instrument_motion,
    instrument_cluster, instrument_silhouette, instrument_ari, instrument_dimension, instrument_margin,
    instrument_attention, instrument_spread, instrument_temperature, instrument_alignment, instrument_fiedler,
    instrument_peer_hdbscan, instrument_attribution, instrument_head_attribution, instrument_clock;

/* The mean cosine of n equiangular tokens after a step eta of the ideal layer map at beta (clock.c). */
double clock_map(size_t n, double beta, double eta, double rho);

#endif
