/* study/tidy.h - everything as one long table: a row per number, for whoever would rather filter than join. */
#ifndef DWELL_STUDY_TIDY_H
#define DWELL_STUDY_TIDY_H

#include <dwell/run.h>
#include <stdio.h>

#include "study/numbers.h"

/* What the rows of one run have in common; NULL and NaN: empty cells. */
typedef struct tidy_of {
  const char *model, *text, *text_class, *control;
  double seed, scale;
} tidy_of;

/* The header: model,text,class,control,seed,scale,replica,table,row,state,block,head,instrument,column,value,null_mean,
 * null_sd,p. `instrument`: the registry's that has the column, or empty. A number's null stands in its own row. */
void tidy_header(strbuf *out);
/* All numbers of a run's tables. Text cells are in the run's own tables only. Appended to `out`. */
void tidy_run(const dwell_run *run, const tidy_of *of, strbuf *out);
/* All numbers of a study's table, as table "numbers"; a null's mean is already taken off there. */
void tidy_numbers(const numbers *n, strbuf *out);

#endif
