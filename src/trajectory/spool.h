/* trajectory/spool.h - all states of a trajectory, kept for the second phase: in memory up to a bound, beyond it in an
 * unlinked temporary file (TMPDIR). A spool is a sink; states are read back in any order. */
#ifndef DWELL_TRAJECTORY_SPOOL_H
#define DWELL_TRAJECTORY_SPOOL_H

#include <dwell/trajectory.h>

typedef struct spool spool;

/* Room for trajectory's replicas x (states + final norm). `memory_bytes`: more goes to a file. */
dwell_status spool_create(const dwell_trajectory *trajectory, uint64_t memory_bytes, spool **ret_spool,
                          dwell_error *err);
void spool_destroy(spool *s);

/* The sink's callback: sink.self = spool, sink.on_state = spool_on_state. A NaN or Inf in a state is DWELL_BAD_INPUT
 * naming state, token and dimension. */
dwell_status spool_on_state(void *self, const dwell_frame *frame, const dwell_cloud *x, dwell_error *err);

size_t spool_frames(const spool *s); /* frames received so far, in order of arrival */
const dwell_frame *spool_frame(const spool *s, size_t i);
/* State i as doubles [n, d] into `ret_x` (caller's buffer). May be called from several threads at once. */
dwell_status spool_read(const spool *s, size_t i, double *ret_x, dwell_error *err);
/* Its tokens first .. first+rows-1 alone, [rows, d]. */
dwell_status spool_read_rows(const spool *s, size_t i, size_t first, size_t rows, double *ret_x, dwell_error *err);
/* State i in the trajectory's dtype, [n, d]. */
dwell_status spool_read_raw(const spool *s, size_t i, void *ret_x, dwell_error *err);

uint64_t spool_bytes(const dwell_trajectory *trajectory); /* size of all states */

#endif
