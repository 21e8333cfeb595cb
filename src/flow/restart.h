/* flow/restart.h - a long integration that goes on where it was killed, with the same bits.
 *
 * Two files in a folder: restart.states, the states emitted so far, appended [n, d] by [n, d] in f64; and restart.npz,
 * the last moment between two steps, replaced whole by a rename, which says how many of those states count. Everything
 * else - slopes, the start, the times - is computed again from the same options. Of several processes (base/ranks.h)
 * the first writes and all read. */
#ifndef DWELL_FLOW_RESTART_H
#define DWELL_FLOW_RESTART_H

#include <dwell/context.h>

#include "flow/certificate.h"

/* Between two steps of one replica; the rest of an orbit (flow/orbit.h) follows from it. */
typedef struct restart_moment {
  double t, start_energy, work, last_energy, height;
  double control[3]; /* the step controller's */
  double next, evaluations;
  certificate certificate;
} restart_moment;

typedef struct restart restart;

/* Opens `folder` (it exists) for a run that `identity` [DIGEST_SIZE] stands for: its options, its start, this build.
 * If it holds a moment of that run, the run goes on from it. Errors: DWELL_USAGE (a moment of another run),
 * DWELL_BAD_INPUT (damaged), DWELL_FAILED. `state` is n * d. */
dwell_status restart_open(const char *folder, double seconds, const char *identity, size_t state,
                          const dwell_context *ctx, restart **ret_restart, dwell_error *err);
void restart_close(restart *r); /* NULL is fine */

/* States that were emitted before, and the replica that was under way; 0 and 0 for a new run. */
size_t restart_states(const restart *r);
size_t restart_replica(const restart *r);
/* Certificates of the replicas before it. */
certificate restart_total(const restart *r);
/* State k of them, [n * d]. */
dwell_status restart_read(restart *r, size_t k, double *ret_x, dwell_error *err);

/* Another state was emitted. */
dwell_status restart_keep(restart *r, const double *x, dwell_error *err);
/* The next replica begins. */
void restart_next(restart *r, size_t replica, const certificate *total);

/* Has enough time passed since the last save? */
bool restart_is_due(const restart *r);
dwell_status restart_save(restart *r, const restart_moment *moment, size_t size, const double *x, dwell_error *err);
/* The moment to go on from, once; x [size]. false: begin at the beginning. Errors: DWELL_BAD_INPUT. */
dwell_status restart_take(restart *r, restart_moment *ret_moment, size_t size, double *ret_x, bool *ret_there,
                          dwell_error *err);

#endif
