/* trajectory/source.h - what a kind of source implements. */
#ifndef DWELL_TRAJECTORY_SOURCE_H
#define DWELL_TRAJECTORY_SOURCE_H

#include <dwell/trajectory.h>

#include "file/jwriter.h"
#include "trajectory/weights.h"

/* The output layer of a language model: the score of token v after a token whose last state is x is the product of row
 * v of a map [vocabulary, width] with what `prepare` makes of x. It belongs to its source. */
typedef struct source_output {
  void *self;
  size_t vocabulary, width;
  bool complete; /* the last state of the trajectory is the one that the layer reads */
  /* Rows [first, first + count) of the map, [count, width]. May be called from several threads at once. */
  dwell_status (*rows)(void *self, size_t first, size_t count, double *ret_rows, dwell_error *err);
  /* y [n, width] of x [n, d], a state of the stream, or (normed) what the final norm made of the last one. */
  dwell_status (*prepare)(void *self, bool normed, size_t n, const double *x, double *ret_y, dwell_error *err);
  const char *(*piece)(void *self, size_t token); /* its text, or NULL */
} source_output;

/* What only the source knows exactly: events at times between states, and arrays for arrays.npz. Valid until the source
 * runs again. */
typedef struct source_event {
  const char *kind; /* static */
  size_t replica;
  double log_first, log_last; /* ln t of beginning and end */
  double value;               /* NaN: none */
  char detail[256];
} source_event;

typedef struct source_array {
  const char *name; /* static */
  bool integer;     /* int64_t, else double */
  size_t rank, shape[3];
  const void *data;
} source_array;

typedef struct source_records {
  const source_event *events; /* by replica */
  const source_array *arrays;
  size_t event_count, array_count;
} source_records;

typedef struct source_vtable {
  dwell_status (*run)(void *self, const dwell_context *ctx, const dwell_sink *sink, dwell_error *err);
  uint64_t (*bytes)(const void *self, const dwell_context *ctx);
  /* Writes, into an open JSON object, what only this kind knows: certificates, files, decisions. May be NULL. */
  void (*note)(const void *self, jwriter *w);
  void (*destroy)(void *self); /* releases self */
  /* The same run from state `state` on, which is x [n, d]: pushes it, what follows, and a final norm. May be NULL. */
  dwell_status (*run_from)(void *self, const dwell_context *ctx, const dwell_sink *sink, size_t state, const double *x,
                           dwell_error *err);
  /* The attention weights of a block (trajectory/weights.h), and the bytes that reading them takes. NULL: none. */
  dwell_status (*weights)(const void *self, const dwell_context *ctx, size_t block, dwell_weights *ret_weights,
                          dwell_error *err);
  uint64_t (*weights_bytes)(const void *self);
  /* The output layer; DWELL_UNSUPPORTED where there is none. May be NULL. */
  dwell_status (*output)(void *self, source_output *ret_output, dwell_error *err);
  void (*records)(const void *self, source_records *ret_records); /* of the last run. May be NULL */
} source_vtable;

/* What tables and pages call a file or folder: the last part of its path. Points into `path`. */
const char *source_short_name(const char *path);

/* Wraps `self`; takes ownership of it only on success. `trajectory` is copied; what it points to belongs to self. */
dwell_status source_create(const source_vtable *vtable, void *self, const dwell_trajectory *trajectory,
                           dwell_source **ret_source, dwell_error *err);

void source_note(const dwell_source *source, jwriter *w);
source_records source_get_records(const dwell_source *source);

/* Can this source go on from a given state? Goes on: DWELL_USAGE where it cannot, or has no such state. */
bool source_runs_from(const dwell_source *source);
dwell_status source_run_from(dwell_source *source, const dwell_context *ctx, const dwell_sink *sink, size_t state,
                             const double *x, dwell_error *err);

/* DWELL_USAGE of a source that is no model, DWELL_UNSUPPORTED of a model without one. */
dwell_status source_get_output(const dwell_source *source, source_output *ret_output, dwell_error *err);

/* May states first..last (SIZE_MAX: to the end) of `states` be asked for? DWELL_USAGE if not. */
dwell_status source_check_states(size_t first, size_t last, size_t states, dwell_error *err);

/* Pushing helpers: check the sink's callback for NULL and the context for an interruption. */
dwell_status source_push_state(const dwell_context *ctx, const dwell_sink *sink, const dwell_frame *frame,
                               const dwell_cloud *x, dwell_error *err);
dwell_status source_push_end(const dwell_sink *sink, dwell_error *err);

#endif
