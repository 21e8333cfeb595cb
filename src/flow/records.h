/* flow/records.h - the histories of a run's replicas, as events and arrays of the source. */
#ifndef DWELL_FLOW_RECORDS_H
#define DWELL_FLOW_RECORDS_H

#include "flow/history.h"
#include "flow/meanfield.h"
#include "trajectory/source.h"

typedef struct flow_records {
  size_t replicas, n;
  flow_history *histories; /* [replicas] */
  source_event *events;
  size_t event_count, event_room;
  double *log_times, *masses; /* [replicas, n - 1] */
  int64_t *pairs;             /* [replicas, n - 1, 2] */
  /* Flows of densities. */
  size_t states, size;                  /* of a replica; of a state's coefficients */
  double *modes, *density, *density_at; /* [replicas, states, size], [replicas, states, grid], [grid] */
  source_array arrays[3];               /* of either */
  source_records records;               /* what the source gives away */
} flow_records;

/* Forgets the last run. Replicas may then be filled side by side. Errors: DWELL_NO_MEMORY. */
dwell_status records_begin(flow_records *r, size_t replicas, size_t n, dwell_error *err);
/* The same for `states` densities of each replica. */
dwell_status records_begin_densities(flow_records *r, size_t replicas, size_t states, const meanfield *m,
                                     dwell_error *err);
/* Where the coefficients of a replica's states go, or NULL. */
double *records_density(flow_records *r, size_t replica);
/* The history to fill, or NULL where none is kept. */
flow_history *records_history(flow_records *r, size_t replica);
/* Makes events and arrays of the histories, or arrays of the densities (then m is theirs, else NULL). */
dwell_status records_end(flow_records *r, const meanfield *opt_m, dwell_error *err);
void records_free(flow_records *r); /* legal on a zeroed object */

#endif
