/* model/initialise.h - random weights of a model's shape, a control: what a network that has learned nothing does. */
#ifndef DWELL_MODEL_INITIALISE_H
#define DWELL_MODEL_INITIALISE_H

#include "model/model.h"

typedef struct initialiser {
  const model_architecture *architecture;
  const model_shape *shape;
  uint64_t seed;
} initialiser;

/* The provider that draws every weight as transformers' own initialiser of the architecture does: matrices and tables
 * from normal(0, deviation), those that write into the stream (SLOT_STREAM) divided by sqrt(2 blocks); norms 1; biases
 * 0; the padding token's rows 0; sines and cosines where the shape says so. A weight is a pure function of (seed, place
 * of its tensor, its number), rounded to float in either precision. `self` must outlive the provider. */
weight_provider initialiser_provider(initialiser *self);

/* Numbers [first, first + count) of what only the output needs, drawn as the matrices are: of the output layer, or
 * (map) of what stands before it in shapes with PART_MAPPING. */
void initialiser_output(const initialiser *self, bool map, size_t first, size_t count, double *ret_values);

#endif
