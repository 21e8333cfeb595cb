/* study/units.h - the work of a study: one model (or one control of it) and one text at a time, in a fixed order. */
#ifndef DWELL_STUDY_UNITS_H
#define DWELL_STUDY_UNITS_H

#include "study/plan.h"

/* One network, or one flow, under a name of its own. */
typedef struct study_subject {
  const char *label;  /* safe as the name of a folder, unlike the others */
  const char *model;  /* to open; NULL: a flow */
  size_t iterations;  /* 0: its own */
  const char *series; /* label of the last checkpoint of the same training; of itself: its own */
  double step;        /* of a checkpoint in its name, NaN: none */
  bool checkpoint;    /* an earlier one: for claim G only */
  const plan_flow *flow;
  size_t *texts; /* [text_count] */
  size_t text_count;
} study_subject;

typedef struct study_text {
  const char *name;              /* safe as the name of a folder, unlike the others */
  const char *text_class, *kind; /* register; "text", "control", "sweep", "smiles", "start" */
  const char *sweep;             /* the text that this is the beginning of; NULL: whole */
  const char *data;              /* [length] UTF-8; NULL: ids, or it could not be read */
  size_t length;
  const int64_t *ids; /* [count] */
  size_t count;
  size_t cut; /* tokens; 0: whole */
  const dwell_error *error;
} study_text;

typedef enum study_variant {
  VARIANT_TRAINED,
  VARIANT_RANDOM,   /* random weights */
  VARIANT_SHUFFLED, /* tokens in another order */
  VARIANT_SCALED,   /* output maps of attention times `scale` */
  VARIANT_ROTATED,  /* output maps of attention rotated */
  VARIANT_FLOW,
  VARIANT_BETA0, /* the flow's control */
  VARIANTS
} study_variant;
const char *study_variant_name(study_variant v); /* "trained", "random", ... */

typedef struct study_unit {
  size_t subject, text; /* text SIZE_MAX: a flow, all of whose starts are one unit */
  study_variant variant;
  size_t number; /* seed of a control, from 1; else 0 */
  double scale;
  const char *name; /* of its folder: SUBJECT+VARIANT+TEXT */
} study_unit;

typedef struct study_units {
  study_subject *subjects;
  size_t subject_count, subject_capacity;
  study_text *texts;
  size_t text_count, text_capacity;
  study_unit *units; /* by subject, then variant, then text: weights are read once per subject */
  size_t count, capacity;
  arena storage;
} study_units;

/* All units of a plan, which must outlive them. Text files are read here; one that cannot be becomes a text with an
 * error. Release with study_units_free, also after an error. DWELL_USAGE: no such prompt or register; DWELL_BAD_INPUT:
 * two models of one name, a nursery model that is not there and whose checkpoints are wanted. */
dwell_status study_units_make(const study_plan *p, study_units *ret_units, dwell_error *err);
void study_units_free(study_units *u);

/* Labels of the models (not of earlier checkpoints) and then of the flows, in the order of the plan; nothing is opened.
 * *ret_labels [*ret_count], in `a`; the last *ret_flows of them are flows. DWELL_NO_MEMORY. */
dwell_status study_labels(const study_plan *p, arena *a, const char *const **ret_labels, size_t *ret_count,
                          size_t *ret_flows, dwell_error *err);

/* Is unit `index` of shard `shard` of `shards` (from 1)? And the `k`-th unit (from 0) that is. */
bool study_in_shard(size_t index, size_t shard, size_t shards);
size_t study_unit_of_shard(size_t k, size_t shard, size_t shards);

#endif
