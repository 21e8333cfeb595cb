/* measure/principal.h - the cloud of every state in three dimensions, one basis for all states. */
#ifndef DWELL_MEASURE_PRINCIPAL_H
#define DWELL_MEASURE_PRINCIPAL_H

#include "measure/measurement.h"

/* Adds `pca` and `pca_share` to the run's arrays (docs/instruments.md 2.2); nothing where the states have fewer than
 * three dimensions or more than 4096, are drawn as they are (on the sphere), have one point each, or where there are
 * too many of them. */
dwell_status measurement_principal(measurement *s, dwell_error *err);
/* Memory while that runs, and of what stays. */
uint64_t principal_stage_bytes(const plan *p, const dwell_trajectory *t);
uint64_t principal_bytes(const plan *p, const dwell_trajectory *t);

#endif
