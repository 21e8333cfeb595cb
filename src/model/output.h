/* model/output.h - the output layer of a language model, as a part of its source. */
#ifndef DWELL_MODEL_OUTPUT_H
#define DWELL_MODEL_OUTPUT_H

#include "model/initialise.h"
#include "model/model.h"
#include "trajectory/source.h"

typedef struct model_output {
  const dwell_model *model;
  weight_provider provider;      /* of the outer weights */
  const initialiser *opt_random; /* of what the provider has not; NULL: the checkpoint has it */
} model_output;

/* DWELL_UNSUPPORTED: the architecture does not predict the next token, or the checkpoint lacks its output layer. `self`
 * must outlive what is returned. */
dwell_status model_output_get(model_output *self, source_output *ret_output, dwell_error *err);

#endif
