/* run/table.h - a small table of named columns: what becomes layers.csv, blocks.csv, heads.csv, events.csv. */
#ifndef DWELL_RUN_TABLE_H
#define DWELL_RUN_TABLE_H

#include <dwell/status.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/str.h"

typedef enum cell_kind { CELL_EMPTY, CELL_NUMBER, CELL_TEXT } cell_kind;

typedef struct table_cell {
  cell_kind kind;
  double number;
  const char *text; /* in the table's arena */
} table_cell;

typedef struct table {
  size_t columns, rows, capacity; /* capacity: rows allocated */
  const char **names;             /* [columns], in the arena */
  table_cell *cells;              /* [capacity * columns] */
  arena storage;
} table;

/* A table starts as (table){0}. Columns first, then rows. */
dwell_status table_add_column(table *t, const char *name, size_t *opt_index, dwell_error *err);
dwell_status table_add_row(table *t, size_t *opt_index, dwell_error *err);
void table_set_number(table *t, size_t row, size_t column, double number); /* NaN and Inf: empty */
dwell_status table_set_text(table *t, size_t row, size_t column, const char *text, dwell_error *err);
const table_cell *table_at(const table *t, size_t row, size_t column);
size_t table_find(const table *t, const char *name); /* column index or SIZE_MAX */
void table_free(table *t);

/* As CSV, header first. */
void table_write(const table *t, strbuf *out);
dwell_status table_read(const char *path, table *ret_table, dwell_error *err);

#endif
