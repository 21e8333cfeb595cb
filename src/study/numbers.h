/* study/numbers.h - the table that all verdicts are taken from: a row per unit (of flows: per start), a column per
 * number that a claim needs. It is all that is kept of a study when it is decided again. */
#ifndef DWELL_STUDY_NUMBERS_H
#define DWELL_STUDY_NUMBERS_H

#include <dwell/run.h>

#include "run/table.h"
#include "study/units.h"

/* Columns. The first are texts. */
typedef enum study_number {
  NUMBER_MODEL, /* label of the subject */
  NUMBER_VARIANT,
  NUMBER_TEXT,
  NUMBER_CLASS,
  NUMBER_KIND,
  NUMBER_SWEEP,
  NUMBER_SERIES, /* label of the last checkpoint */
  NUMBER_TEXTS,  /* number of those */
  NUMBER_SEED = NUMBER_TEXTS,
  NUMBER_SCALE,
  NUMBER_STEP,
  NUMBER_FLOW, /* 1: a flow */
  NUMBER_CAUSAL,
  NUMBER_BLOCKS,
  NUMBER_WIDTH,
  NUMBER_TOKENS, /* measured ones */
  NUMBER_TYPES,
  NUMBER_TREND,
  NUMBER_TREND_LN,
  NUMBER_TREND_ROBUST,
  NUMBER_P_ANY_STATE,
  NUMBER_CONSENSUS, /* ip_mean, last state minus first */
  NUMBER_IP_LAST,
  NUMBER_PLATEAU,
  NUMBER_TERMINAL,
  NUMBER_ALIGNED,
  NUMBER_HEADS,
  NUMBER_DRAWDOWN,
  NUMBER_INDEX,
  NUMBER_FLOORS,
  NUMBER_LOG_RATIO,
  NUMBER_LOG_RATIO_TAU,
  NUMBER_CENSORED,
  NUMBER_COLLAPSE,
  NUMBERS
} study_number;

typedef struct number_column {
  const char *name, *meaning;
} number_column;
extern const number_column number_columns[NUMBERS];

typedef struct numbers {
  table t;
} numbers;

/* An empty table. Release with numbers_free, also after an error. */
dwell_status numbers_make(numbers *ret_numbers, dwell_error *err);
void numbers_free(numbers *n);

/* Adds what the claims need of a unit's run: one row, or one per start. */
dwell_status numbers_add(numbers *n, const study_units *u, const study_unit *unit, const dwell_run *run,
                         dwell_error *err);

/* NaN, or NULL, where a cell is empty. */
double numbers_get(const numbers *n, size_t row, study_number column);
const char *numbers_text(const numbers *n, size_t row, study_number column);

/* As numbers.csv. Reading checks the columns: DWELL_BAD_INPUT. */
dwell_status numbers_save(const numbers *n, const char *path, dwell_error *err);
dwell_status numbers_load(const char *path, numbers *ret_numbers, dwell_error *err);

#endif
