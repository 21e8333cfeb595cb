/* flow/marks.h - moments between two steps of the log clock at which a run can be taken up again, with the same bits.
 *
 * When the last merger is, a first run tells; states at times that depend on it come from a second one. That leaps from
 * mark to mark: of all steps it repeats those alone that hold a state, and the few from the mark before. */
#ifndef DWELL_FLOW_MARKS_H
#define DWELL_FLOW_MARKS_H

#include <stdint.h>

#include "flow/clusters.h"
#include "flow/dopri.h"

typedef struct flow_mark {
  double t; /* ln t */
  dopri_controller control;
  field_facts facts;
  double log_scale;
  clusters clusters;
  double *x; /* [clusters.count, d], and behind it the slopes there */
} flow_mark;

typedef struct flow_marks {
  flow_mark *list; /* [room], ascending */
  size_t count, room;
  double apart;     /* in ln t: no mark for a step that ends nearer than this to the mark before, */
  flow_mark latest; /* but this one now and then: most steps take no part in t, those to the last merger too */
  size_t since;     /* steps without a mark */
} flow_marks;

/* For n tokens in d dimensions. Large systems get none (room 0): then all steps are repeated. */
dwell_status marks_create(size_t n, size_t d, flow_marks *ret_marks, dwell_error *err);
void marks_destroy(flow_marks *m); /* legal on a zeroed object */
uint64_t marks_bytes(size_t n, size_t d);

/* Marks the present of an orbit, if it is worth it: a step to `after` was found from there. */
dwell_status marks_offer(flow_marks *m, double after, const orbit *o, const dopri_controller *control,
                         const clusters *c, dwell_error *err);
/* The last mark at or before ln t; NULL: none. */
const flow_mark *marks_before(const flow_marks *m, double log_time);

#endif
