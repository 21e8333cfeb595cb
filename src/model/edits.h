/* model/edits.h - interventions on the weights of attention, as a filter over whatever the weights come from. Whoever
 * reads weights through the filter sees the edited network; nothing else knows of it. */
#ifndef DWELL_MODEL_EDITS_H
#define DWELL_MODEL_EDITS_H

#include "model/model.h"

typedef struct weight_edits weight_edits;

/* Does `what` change weights? (A patch does not.) */
bool edits_any(const dwell_intervention *what);

/* The filter over `under`, which must outlive it, as must the model. An edited number is a pure function of the numbers
 * that `under` gives and of its place, whichever piece it is read in. DWELL_USAGE: a scale that is not a finite number,
 * a head that does not exist. */
dwell_status edits_open(const dwell_model *model, const dwell_intervention *what, const weight_provider *under,
                        weight_edits **ret_edits, dwell_error *err);
void edits_close(weight_edits *e); /* NULL is fine */
weight_provider edits_provider(weight_edits *e);

/* Bytes that reading through the filter takes, beside those of `under`. */
uint64_t edits_bytes(const weight_edits *e, int threads);

#endif
