/* trajectory/source.c - the common part of every source. */
#include "trajectory/source.h"

#include "base/context.h"
#include "base/error.h"
#include "base/mem.h"

struct dwell_source {
  const source_vtable *vtable;
  void *self;
  dwell_trajectory trajectory;
};

dwell_status source_create(const source_vtable *vtable, void *self, const dwell_trajectory *trajectory,
                           dwell_source **ret_source, dwell_error *err) {
  dwell_source *source = MEM_NEW(dwell_source, 1);
  *ret_source = source;
  if (source == NULL) return error_no_memory(err, "a source");
  *source = (dwell_source){vtable, self, *trajectory};
  source->trajectory.has_weights = source_has_weights(source);
  return DWELL_OK;
}

const dwell_trajectory *dwell_source_trajectory(const dwell_source *source) { return &source->trajectory; }

dwell_status dwell_source_run(dwell_source *source, const dwell_context *ctx, const dwell_sink *sink,
                              dwell_error *err) {
  return source->vtable->run(source->self, ctx, sink, err);
}

bool source_runs_from(const dwell_source *source) { return source->vtable->run_from != NULL; }

dwell_status source_run_from(dwell_source *source, const dwell_context *ctx, const dwell_sink *sink, size_t state,
                             const double *x, dwell_error *err) {
  const dwell_trajectory *t = &source->trajectory;
  if (!source_runs_from(source)) return error_set(err, DWELL_USAGE, "only a model can go on from a given state");
  if (state >= t->first_state && state - t->first_state < t->states)
    return source->vtable->run_from(source->self, ctx, sink, state, x, err);
  error_set(err, DWELL_USAGE, "there is no state %zu to go on from: the states are %zu to %zu", state, t->first_state,
            t->first_state + t->states - 1);
  return error_at_item(err, "--at"), DWELL_USAGE;
}

dwell_status source_get_output(const dwell_source *source, source_output *ret_output, dwell_error *err) {
  if (source->vtable->output != NULL) return source->vtable->output(source->self, ret_output, err);
  return error_set(err, DWELL_USAGE, "only a model has an output layer");
}

uint64_t dwell_source_bytes(const dwell_source *source, const dwell_context *ctx) {
  return source->vtable->bytes(source->self, ctx);
}

void source_note(const dwell_source *source, jwriter *w) {
  if (source->vtable->note != NULL) source->vtable->note(source->self, w);
}

source_records source_get_records(const dwell_source *source) {
  source_records records = {0};
  if (source->vtable->records != NULL) source->vtable->records(source->self, &records);
  return records;
}

bool source_has_weights(const dwell_source *source) { return source->vtable->weights != NULL; }

dwell_status source_weights(const dwell_source *source, const dwell_context *ctx, size_t block,
                            dwell_weights *ret_weights, dwell_error *err) {
  *ret_weights = (dwell_weights){0};
  if (source_has_weights(source)) return source->vtable->weights(source->self, ctx, block, ret_weights, err);
  return error_set(err, DWELL_USAGE, "a %s has no weights", source->trajectory.kind);
}

uint64_t source_weights_bytes(const dwell_source *source) {
  return source_has_weights(source) ? source->vtable->weights_bytes(source->self) : 0;
}

void dwell_weights_free(dwell_weights *w) {
  mem_free(w->storage);
  *w = (dwell_weights){0};
}

const char *source_short_name(const char *path) {
  const char *last = path;
  for (const char *p = path; *p != '\0'; p++) {
    if (p[0] == '/' && p[1] != '\0') last = p + 1; /* a slash at the end names nothing */
  }
  return last;
}

void dwell_source_destroy(dwell_source *source) {
  if (source == NULL) return;
  source->vtable->destroy(source->self);
  mem_free(source);
}

dwell_status source_push_state(const dwell_context *ctx, const dwell_sink *sink, const dwell_frame *frame,
                               const dwell_cloud *x, dwell_error *err) {
  dwell_status status = context_interrupted(ctx, err);
  if (status != DWELL_OK || sink->on_state == NULL) return status;
  return sink->on_state(sink->self, frame, x, err);
}

dwell_status source_check_states(size_t first, size_t last, size_t states, dwell_error *err) {
  if (last == SIZE_MAX) last = states - 1;
  size_t bad = first >= states ? first : last;
  dwell_status status = DWELL_OK;
  if (bad >= states) {
    status = error_set(err, DWELL_USAGE, "there is no state %zu: the states are 0 to %zu", bad, states - 1);
  } else if (first > last) {
    status = error_set(err, DWELL_USAGE, "the first state, %zu, comes after the last, %zu", first, last);
  }
  if (status != DWELL_OK) error_at_item(err, "--layers");
  return status;
}

dwell_status source_push_end(const dwell_sink *sink, dwell_error *err) {
  return sink->on_end == NULL ? DWELL_OK : sink->on_end(sink->self, err);
}
