/* study/forecast.h - before anything is measured: which claims a model and its texts can decide, and which not. */
#ifndef DWELL_STUDY_FORECAST_H
#define DWELL_STUDY_FORECAST_H

#include "study/claim.h"
#include "study/plan.h"

typedef struct forecast {
  bool flow;
  size_t blocks, heads;  /* heads: of a block */
  size_t texts;          /* that are averaged over (starts of a flow) */
  size_t usable;         /* of them with enough types */
  size_t classes;        /* among the usable ones */
  size_t smallest_class; /* usable texts in the smallest class of claim F; 0: fewer than two classes */
  size_t seeds, rotations, checkpoints, sweeps, depths; /* sweeps: texts with enough lengths */
  size_t family;
} forecast;

typedef enum forecast_answer { FORECAST_OPEN, FORECAST_ONE_SIDED, FORECAST_NOT } forecast_answer;

/* Can this claim come out CONFIRMED or FALSIFIED? Appends why not, or what is to be known, to `why`.
 * FORECAST_ONE_SIDED: only one of the two is within reach. */
forecast_answer forecast_claim(const forecast *f, const claim *c, const claim_thresholds *t, strbuf *why);

#endif
