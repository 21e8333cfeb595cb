/* run/compare.h - two runs, number by number: where they differ, the larger differences first. */
#ifndef DWELL_RUN_COMPARE_H
#define DWELL_RUN_COMPARE_H

#include "base/arena.h"
#include "run/run.h"
#include "run/table.h"

/* One column of one table that both runs have: its largest difference. */
typedef struct run_difference {
  const char *table, *column; /* of the runs */
  size_t row;                 /* of the largest difference */
  double a, b;                /* there; NaN: undefined in that run */
  double relative;        /* |a - b| over the largest absolute value of the column in either run; INFINITY where only
                           * one is defined; 0: the column has the same bits */
  size_t rows, differing; /* compared, and how many of them differ at all */
} run_difference;

typedef struct run_comparison {
  run_difference *items; /* [count] by falling relative difference, then in the order of the tables */
  size_t count, capacity;
  size_t only_a, only_b; /* columns that one of them has */
  size_t rows_a, rows_b; /* rows of layers.csv; where they differ the first ones that both have are compared */
} run_comparison;

/* Compares the numbers of layers, blocks, heads, tokens and push. Release with run_comparison_free, also after an
 * error. DWELL_NO_MEMORY. */
dwell_status run_compare(const dwell_run *a, const dwell_run *b, run_comparison *ret_comparison, dwell_error *err);
/* The same of one table each, under a name; rows are compared one by one. Added to *comparison, the largest first. */
dwell_status run_compare_tables(const char *name, const table *a, const table *b, run_comparison *comparison,
                                dwell_error *err);
void run_comparison_free(run_comparison *c);

/* What a row is of, in words: "state 3", "block 2 head 1", "final_norm", "replica 4 state 0" if there are several. */
void run_row_name(const dwell_run *run, const char *table, size_t row, char *ret_name, size_t size);

#endif
