/* model/rotary.h - rotary position embeddings (Su et al. 2021, RoFormer): what config.json says, and the angles. */
#ifndef DWELL_MODEL_ROTARY_H
#define DWELL_MODEL_ROTARY_H

#include <stddef.h>

#include "model/config.h"

/* Number i < size/2 of a head turns with number i + size/2 by the angle position * frequency_i, where frequency_i is
 * base^(-2i/size), changed by the scaling. */
typedef struct model_rotary {
  size_t size; /* numbers of a head that turn, even; 0: no rotary positions */
  double base;
  double factor;             /* frequencies are divided by this, for llama3 only the low ones */
  double low, high, trained; /* llama3: low_freq_factor, high_freq_factor, original context; high 0: linear */
  const double *divisors;    /* [size / 2], by which frequencies are divided first; NULL: none (they are a GGUF's) */
} model_rotary;

/* Reads the rotary fields: rope_parameters (as transformers 5 writes it), or rope_theta (alias `old_base`) with
 * rope_scaling. `fraction_name`: the field that says which share of a head turns (NULL: all of it). Scaling of type
 * default, linear and llama3 is understood, others are DWELL_UNSUPPORTED by name. */
dwell_status rotary_configure(const config *c, size_t head_size, const char *old_base, const char *fraction_name,
                              double fraction, model_rotary *ret_rotary, dwell_error *err);

/* The frequency (radians per token) of pair i. */
double rotary_frequency(const model_rotary *rotary, size_t i);

#endif
