/* measure/attribution.h - what the parts of every block do to the energy. */
#ifndef DWELL_MEASURE_ATTRIBUTION_H
#define DWELL_MEASURE_ATTRIBUTION_H

#include "measure/measurement.h"

typedef enum energy_part {
  PART_OF_HEADS,
  PART_OF_BIAS,
  PART_OF_MLP,
  PART_OF_NORM,
  PART_OF_ROUNDING,
  ENERGY_PARTS
} energy_part;

/* "attn", "bias", "mlp", "norm", "rounding" */
const char *energy_part_name(energy_part part);

/* Runs the source once more, for the parts of its blocks, and fills the columns of step_values and head_values that are
 * from_parts. Nothing where none is wanted. */
dwell_status measurement_attribution(measurement *s, dwell_error *err);

/* Bytes while that runs, beyond the source's own. */
uint64_t attribution_stage_bytes(const dwell_context *ctx, const plan *p, const dwell_trajectory *t);

/* Share of a part, or of one head, in the change of an energy ("energy_b1") over the step that ends in a frame. */
value measurement_share(const measurement *s, size_t frame, const char *energy, energy_part part);
value measurement_head_share(const measurement *s, size_t frame, const char *energy, size_t head);
/* The part with the most negative share, ENERGY_PARTS if that is not known; *ret_head the head with the most negative
 * one, SIZE_MAX if that is not known. */
energy_part measurement_carrier(const measurement *s, size_t frame, const char *energy, size_t *ret_head);

#endif
