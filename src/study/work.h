/* study/work.h - measuring the units of a study into a folder, from which the same call continues.
 *
 *   DIR/plan.json         the plan, byte for byte, written first
 *   DIR/runs/UNIT/        a run directory per unit; one without run.json is unfinished and is made again
 *   DIR/failed/NAME.txt   why a unit, or a whole model, could not be measured
 *   DIR/numbers.csv, verdicts.csv, verdicts.json, report.html, then study.json
 */
#ifndef DWELL_STUDY_WORK_H
#define DWELL_STUDY_WORK_H

#include <dwell/measure.h>
#include <dwell/model.h>

#include "study/numbers.h"
#include "study/units.h"

enum { STUDY_PATH = 4400 };

typedef struct study_tally {
  size_t measured, there, failed;
} study_tally;

typedef struct study_work {
  const dwell_context *ctx;
  const study_plan *plan;
  const study_units *units;
  const char *folder;
  size_t shard, shards; /* from 1 */
  bool helps;           /* another process, which has locked the shard, shares it with this one */
  bool force;           /* units that are damaged or of something else are measured again */
  const char *program;  /* the command line, for the manifests */
  void *self;
  /* Before a unit (opt_error NULL), and after one that failed. May be NULL. */
  void (*tell)(void *self, const char *unit, size_t number, size_t count, const dwell_error *opt_error);
  /* Which of the shard's `count` units is next; count: none. NULL: one after the other. */
  size_t (*next)(void *self, size_t count);
} study_work;

/* Makes DIR and keeps the plan in it. DWELL_USAGE: it holds a study of another plan and `force` is not set, or it is no
 * study; DWELL_FAILED: it cannot be written. */
dwell_status study_begin(const char *folder, const char *plan, size_t size, bool force, dwell_error *err);

/* Measures the units of the shard that are not there, or those of them that `next` names. What one unit needs and is
 * not to be had (its model, its text, a damaged run) is told, noted in DIR/failed and does not stop the others; what
 * concerns all (the disk, an interruption) is returned. */
dwell_status study_run(const study_work *w, study_tally *ret_tally, dwell_error *err);

/* Names of the instruments that the claims need, with commas. */
extern const char study_needed_instruments[];
/* Their columns that the claims read, of a control, and of a trained network in all its representations. */
extern const char study_read_columns[], study_read_columns_of_trained[];

/* What is asked of a unit. */
dwell_measure_options study_unit_options(const study_plan *p, const study_text *t, const study_unit *unit);

/* How a unit is opened and measured. *ret_options: what is asked of it; the model must be open. */
dwell_status study_open_unit(const study_plan *p, const study_units *u, const study_unit *unit, dwell_model *model,
                             dwell_measure_options *ret_options, dwell_source **ret_source, dwell_error *err);

/* The numbers of all units that are there, in their order. *ret_missing: units that neither are there nor were noted as
 * failed; *ret_failed: those that were. A damaged run is DWELL_BAD_INPUT. */
dwell_status study_gather(const study_units *u, const char *folder, numbers *ret_numbers, size_t *ret_missing,
                          size_t *ret_failed, dwell_error *err);

#endif
