/* measure/measurement.h - everything one measurement holds between its stages. */
#ifndef DWELL_MEASURE_MEASUREMENT_H
#define DWELL_MEASURE_MEASUREMENT_H

#include "geometry/selection.h"
#include "measure/plan.h"
#include "run/run.h"
#include "trajectory/spool.h"

/* Tokens that are measured together, and the sampled null of their states. */
typedef struct measured_set {
  const size_t *rows; /* [count] */
  size_t count;
  void **prepared;          /* [frames], or NULL: no null is drawn */
  const char **null_reason; /* [frames] why there is none */
  double *null_fit;         /* [frames] */
} measured_set;

typedef struct head_input head_input; /* heads.c */

/* Why a state that was read from a file has no measures in the form that the next block reads. */
#define UNKNOWN_NORM "the norm of the next block is not known"

/* What the heads say of the inverse temperature (instruments.md 5.2). */
typedef struct head_calibration {
  double beta, median; /* of the heads that qualify; of all with beta_eff > 0. NaN: none */
  size_t heads, positive, qualified;
} head_calibration;

typedef enum control_table { CONTROL_LAYERS, CONTROL_BLOCKS, CONTROL_HEADS, CONTROL_TABLES } control_table;
enum { MEASUREMENT_MAX_CONTROLS = 100 };

/* What the output layer says: output.c. */
typedef struct measured_output {
  bool there;
  size_t tokens;             /* that another follows */
  double nll, nll_plain, kl; /* means in nats; NaN: not measured */
  double *lens;              /* [frames] mean loss from that state, or NULL */
} measured_output;

/* What was pushed: push.c. */
typedef struct measured_push {
  bool there;
  size_t clusters, rank; /* rank 0: nothing moved */
  double size;           /* |delta|_F / |x|_F */
} measured_push;

typedef struct measurement {
  const dwell_context *ctx;
  dwell_source *source;
  dwell_trajectory trajectory; /* a copy: saved states are streamed after the source may be gone */
  const dwell_trajectory *t;   /* == &trajectory */
  const dwell_measure_options *options;
  plan plan;
  instrument_setting setting;

  /* phase one */
  spool *states;
  double *norms;            /* [first_state + frames, n] */
  size_t blocks;            /* states - 1 */
  value *head_values;       /* [replicas, blocks, heads, head.value_count], or NULL */
  head_input *input;        /* NULL: no wanted instrument reads the state before a head */
  struct geometry **clouds; /* [replicas, blocks] cosines of the states that heads have read; or NULL */
  dwell_norm *next_norms;   /* [blocks] what each block applies first; gain NULL: nothing. NULL: not asked for */
  unsigned char *attention; /* [L, H, n, n] in the trajectory's dtype if saved, or NULL */
  float *maps;              /* [L, H, m, m] small pictures of it if saved, or NULL (maps.c) */

  /* between */
  head_calibration calibration, calibration_normed; /* the latter of beta_eff_ln; decides nothing */
  selection selection;
  measured_set sets[SETS];
  const size_t *rows; /* == sets[SET_SELECTION] */
  size_t row_count;
  size_t frames;

  /* phase two */
  value *state_values;                 /* [frames, state.value_count] */
  value *step_values;                  /* [frames, step.value_count]: of the step that ends in the frame */
  double *null_draws;                  /* [draws, frames, null_count]; NaN: undefined */
  int8_t *null_labels;                 /* [draws, frames, tokens] clusters of the surrogates, or NULL */
  bool given_phases;                   /* the draws use the phases that came with the data */
  void *arrays[PLAN_MAX_ITEMS];        /* per state item: [frames, its length] of 8 bytes each, or NULL */
  double *gram;                        /* [resid frames, rows, rows] if saved, or NULL */
  size_t *clamped, *centred_undefined; /* [frames] */

  /* controls */
  dwell_measure_options control_options;
  double *control_values[CONTROL_TABLES]; /* [controls, rows, values] of a table; NaN: undefined. NULL: no controls */

  measured_output output;
  measured_push pushed;

  strbuf detected; /* what the detectors found, as JSON members */

  dwell_run *run;
} measurement;

/* With the context, the source and its trajectory; nothing is computed yet. Release with measurement_destroy. */
dwell_status measurement_create(const dwell_context *ctx, dwell_source *source, const dwell_measure_options *options,
                                measurement **ret_measurement, dwell_error *err);
void measurement_destroy(measurement *s);

/* Stages, in order. Each fills its part of the measurement. */
dwell_status measurement_collect(measurement *s, dwell_error *err);                          /* phase one: collect.c */
dwell_status measurement_heads(measurement *s, dwell_error *err);                            /* between: heads.c */
dwell_status measurement_measure(measurement *s, dwell_error *err);                          /* phase two: states.c */
dwell_status measurement_nulls(measurement *s, dwell_error *err);                            /* phase two: nulls.c */
dwell_status measurement_controls(measurement *s, dwell_error *err);                         /* controls.c */
dwell_status measurement_output(measurement *s, dwell_error *err);                           /* output.c */
dwell_status measurement_push(measurement *s, dwell_error *err);                             /* push.c */
dwell_status measurement_events(measurement *s, dwell_error *err);                           /* events.c */
dwell_status measurement_tables(measurement *s, dwell_error *err);                           /* tables.c */
dwell_status measurement_arrays(measurement *s, dwell_error *err);                           /* tables.c */
dwell_status measurement_manifest(measurement *s, const dwell_cost *cost, dwell_error *err); /* manifest.c */

/* The tables that need no states. */
dwell_status measurement_weight_tables(measurement *s, dwell_error *err); /* tables.c */

/* The part of the manifest that is known before anything is computed: program, source, options. As JSON members. */
void measurement_identity(const measurement *s, strbuf *out);

/* What the sampled nulls of a set share. */
null_setting measurement_null_setting(const measurement *s, plan_set set);

/* p at most this: significant (instruments.md 3.3, 4). */
#define MEASUREMENT_LEVEL 0.05

/* Ties count as extreme: instruments.md 1. */
bool measurement_reaches(double drawn, double observed);

/* Mean, population sd and p of a null slot at a frame against the observed value; false where there is none. */
bool measurement_null(const measurement *s, size_t frame, size_t slot, double *ret_mean, double *ret_sd, double *ret_p);
/* Is its p at most MEASUREMENT_LEVEL? False where there is none. */
bool measurement_significant(const measurement *s, size_t frame, size_t slot);

/* Entries per state of an item's array. */
size_t measurement_array_length(const measurement *s, const plan_item *item);

/* The printed number of clusters of a set (instruments.md): 1 unless T is significant and found at least two; then by
 * the silhouette if that is significant as well, else as T found. measurement_counts: are T, the silhouette and their
 * nulls measured? */
bool measurement_counts(const measurement *s, plan_set set);
value measurement_count(const measurement *s, size_t frame, plan_set set);
/* Is it the largest number that was tried, so that there may be more? */
bool measurement_count_capped(const measurement *s, size_t frame, plan_set set);

/* Clusters of the measured tokens at a frame, [row_count], -1: in none. NULL: clusters are not measured. */
const int64_t *measurement_labels(const measurement *s, size_t frame);

/* "centroid"; NULL: none. */
const char *measurement_push_name(dwell_push_kind kind);

/* Smallest, median and largest of the controls of a kind, at a row and value (column) of a table; false where one is
 * undefined.
 * measurement_control_kind: the number-th kind that there is, or NULL. */
bool measurement_band(const measurement *s, control_table which, const char *kind, size_t row, size_t column,
                      double ret_band[3]);
const char *measurement_control_kind(const measurement *s, size_t number);

/* Whose clusters are followed along the states: those of first occurrences where they are measured apart. */
plan_set measurement_followed(const measurement *s);
/* Room for the clusters of every surrogate, and one surrogate's: what the counts of births, merges, ... are compared
 * with (surrogate_tracks.c). Without room, beyond a bound, nothing is kept. */
dwell_status measurement_keep_tracks(measurement *s, dwell_error *err);
dwell_status measurement_keep_surrogate(measurement *s, size_t draw, size_t frame, geometry *g, dwell_error *err);
uint64_t measurement_track_bytes(const plan *p, uint64_t frames, uint64_t n);

/* Geometries alive at once in phase two, besides the one kept from the batch before. */
size_t measurement_batch(const dwell_context *ctx, size_t n);

#endif
