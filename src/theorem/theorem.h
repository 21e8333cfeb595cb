/* theorem/theorem.h - the theory's statements as rows: what is predicted, what is measured, how far they may differ.
 *
 * A theorem is one file and one line in registry.c. Its rows are constants: `dwell list theorems` and the manual are
 * made from them. What is measured comes from the flows, or from a computation of the theorem's own file that does not
 * use the formula under test; a prediction is a closed formula, a published number, or a quadrature.
 *
 * Rows of one theorem that come out of one computation form a case: the first has `measure`, the others follow it. */
#ifndef DWELL_THEOREM_THEOREM_H
#define DWELL_THEOREM_THEOREM_H

#include <dwell/context.h>
#include <math.h>
#include <stdbool.h>

typedef enum theorem_relation {
  THEOREM_EQUAL,    /* |measured - predicted| <= tolerance */
  THEOREM_AT_MOST,  /* measured <= predicted + tolerance */
  THEOREM_AT_LEAST, /* measured >= predicted - tolerance */
  THEOREM_DIFFERS   /* the printed value is false: |measured - predicted| > tolerance */
} theorem_relation;

enum { THEOREM_VALUES = 6 };

typedef struct theorem_row theorem_row;

/* In a table of rows: the case computes the prediction, or the tolerance (statistical errors). */
#define THEOREM_COMPUTED NAN
/* Of a number that a source gives of one start, which it does not record: its rank (numerics_rank) among starts of the
 * same law, as predicted, relation, tolerance and reason. */
#define THEOREM_ORDINARY 0.5, THEOREM_EQUAL, 0.475, "among the middle 95 % of starts"

/* What a case has found for one of its rows. `predicted` and `tolerance` hold the row's own before. */
typedef struct theorem_outcome {
  double predicted, measured, tolerance;
} theorem_outcome;

/* Fills the outcomes of `count` rows, row[0] being the first of the case. In one thread; several cases run at once. */
typedef dwell_status (*theorem_measure)(const theorem_row *row, size_t count, theorem_outcome *ret_outcomes,
                                        const dwell_context *ctx, dwell_error *err);

struct theorem_row {
  const char *name;       /* "T12.merge.sa-20-1.0" */
  const char *statement;  /* one sentence */
  const char *parameters; /* "beta = 20, theta 1.0 -> 0.01" */
  double predicted;
  theorem_relation relation;
  double tolerance;
  const char *reason;           /* of the tolerance */
  theorem_measure measure;      /* NULL: belongs to the case above */
  double value[THEOREM_VALUES]; /* parameters as numbers, for `measure` */
  bool slow;                    /* not among --quick */
};

typedef struct theorem {
  const char *name, *summary, *source;
  const theorem_row *rows;
  size_t count;
} theorem;

#define THEOREM_ROWS(table) (table), sizeof(table) / sizeof((table)[0])

const theorem *const *theorem_registry(size_t *ret_count);

/* One row that was run. */
typedef struct theorem_result {
  const theorem *theorem;
  const theorem_row *row;
  theorem_outcome outcome;
  bool pass;
} theorem_result;

typedef struct theorem_table {
  theorem_result *results; /* in the registry's order */
  size_t count, failed;
} theorem_table;

/* "equal", "at most", "at least", "differs". Static storage. */
const char *theorem_relation_name(theorem_relation relation);
/* False if a number is not finite. */
bool theorem_passes(theorem_relation relation, const theorem_outcome *outcome);

/* Runs the rows that `names` choose ([count]; none: all): a theorem ("T12"), a row, or a beginning of row names that
 * ends before a dot ("T12.merge"). quick: leaves out slow rows, but for those named in full. Same bits for any number
 * of threads. Errors: DWELL_USAGE (no such name), DWELL_INTERRUPTED, DWELL_NO_MEMORY, and what a computation returns,
 * with the row as item. Release with theorem_table_free. */
dwell_status theorem_run(const dwell_context *ctx, const char *const *names, size_t count, bool quick,
                         theorem_table *ret_table, dwell_error *err);
void theorem_table_free(theorem_table *table); /* legal on a zeroed object */

#endif
