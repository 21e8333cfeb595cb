/* flow/records.h - the histories of a run's replicas, as events and arrays of the source. */
#ifndef DWELL_FLOW_RECORDS_H
#define DWELL_FLOW_RECORDS_H

#include "flow/history.h"
#include "trajectory/source.h"

typedef struct flow_records {
  size_t replicas, n;
  flow_history *histories; /* [replicas] */
  source_event *events;
  size_t event_count, event_room;
  double *log_times, *masses; /* [replicas, n - 1] */
  int64_t *pairs;             /* [replicas, n - 1, 2] */
  source_array arrays[3];
  source_records records; /* what the source gives away */
} flow_records;

/* Forgets the last run. Replicas may then be filled side by side. Errors: DWELL_NO_MEMORY. */
dwell_status records_begin(flow_records *r, size_t replicas, size_t n, dwell_error *err);
/* The history to fill, or NULL where none is kept. */
flow_history *records_history(flow_records *r, size_t replica);
/* Makes events and arrays of the histories. */
dwell_status records_end(flow_records *r, dwell_error *err);
void records_free(flow_records *r); /* legal on a zeroed object */

#endif
