/* measure/heads.h - attention, head by head, as the source delivers it. */
#ifndef DWELL_MEASURE_HEADS_H
#define DWELL_MEASURE_HEADS_H

#include "measure/measurement.h"

/* Room for the values of all heads. */
dwell_status heads_make_room(measurement *s, dwell_error *err);
void heads_free(head_input *in);

/* A state has come, the first `rows` rows of s->norms are known; heads of the block that starts from it follow. */
dwell_status heads_on_state(measurement *s, const dwell_frame *frame, const dwell_cloud *x, size_t rows,
                            dwell_error *err);
/* The norm that this block applies first to that state, which a block may not have. */
dwell_status heads_on_norm(measurement *s, const dwell_norm *norm, dwell_error *err);
/* Moves the cosines that were made for the heads to the geometry of the same state, if they were kept and the same
 * tokens are measured. May be called from several threads, of different frames. */
void heads_hand_over(const measurement *s, const dwell_frame *frame, struct geometry *g);
void heads_free_clouds(measurement *s);
/* All instruments of one head; may be called from several threads. `block` as the source counts. */
dwell_status heads_measure(const measurement *s, size_t replica, size_t block, size_t head, const void *attention,
                           dwell_error *err);

/* Memory while the source delivers heads, beyond the source's own and the table. */
uint64_t heads_kept_bytes(const plan *p, const dwell_trajectory *t); /* stays until the states are measured */
uint64_t heads_bytes(const dwell_context *ctx, const plan *p, const dwell_trajectory *t);

#endif
