/* run/table.c - a small table of named columns. */
#include "run/table.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "file/csv.h"

dwell_status table_add_column(table *t, const char *name, size_t *opt_index, dwell_error *err) {
  const char **names = ARENA_NEW(&t->storage, const char *, t->columns + 1);
  char *copy = arena_text(&t->storage, name, strlen(name));
  if (t->rows > 0) return error_set(err, DWELL_FAILED, "a column was added after rows");
  if (names == NULL || copy == NULL) return error_no_memory(err, "a table");
  for (size_t i = 0; i < t->columns; i++) names[i] = t->names[i];
  names[t->columns] = copy;
  t->names = names;
  if (opt_index != NULL) *opt_index = t->columns;
  t->columns++;
  return DWELL_OK;
}

dwell_status table_add_row(table *t, size_t *opt_index, dwell_error *err) {
  if (t->rows == t->capacity) {
    size_t capacity = t->capacity < 16 ? 16 : t->capacity * 2, cells;
    if (!size_mul(capacity, t->columns, &cells)) return error_no_memory(err, "a table");
    table_cell *grown = mem_grow(t->cells, t->rows * t->columns, cells, sizeof(table_cell));
    if (grown == NULL) return error_no_memory(err, "a table");
    t->cells = grown;
    t->capacity = capacity;
  }
  for (size_t i = 0; i < t->columns; i++) t->cells[t->rows * t->columns + i] = (table_cell){.kind = CELL_EMPTY};
  if (opt_index != NULL) *opt_index = t->rows;
  t->rows++;
  return DWELL_OK;
}

void table_set_number(table *t, size_t row, size_t column, double number) {
  cell_kind kind = isfinite(number) ? CELL_NUMBER : CELL_EMPTY;
  /* adding 0 turns -0 into 0, which is how both are written */
  t->cells[row * t->columns + column] = (table_cell){.kind = kind, .number = kind == CELL_NUMBER ? number + 0.0 : 0};
}

dwell_status table_set_text(table *t, size_t row, size_t column, const char *text, dwell_error *err) {
  char *copy = arena_text(&t->storage, text, strlen(text));
  if (copy == NULL) return error_no_memory(err, "a table");
  t->cells[row * t->columns + column] = (table_cell){.kind = CELL_TEXT, .text = copy};
  return DWELL_OK;
}

const table_cell *table_at(const table *t, size_t row, size_t column) {
  static const table_cell empty = {.kind = CELL_EMPTY};
  return row < t->rows && column < t->columns ? &t->cells[row * t->columns + column] : &empty;
}

size_t table_find(const table *t, const char *name) {
  for (size_t i = 0; i < t->columns; i++) {
    if (strcmp(t->names[i], name) == 0) return i;
  }
  return SIZE_MAX;
}

void table_free(table *t) {
  mem_free(t->cells);
  arena_clear(&t->storage);
  *t = (table){0};
}

void table_write(const table *t, strbuf *out) {
  csv_writer w = {.out = out};
  for (size_t i = 0; i < t->columns; i++) csv_text(&w, t->names[i]);
  csv_end_row(&w);
  for (size_t row = 0; row < t->rows; row++) {
    for (size_t i = 0; i < t->columns; i++) {
      const table_cell *cell = table_at(t, row, i);
      if (cell->kind == CELL_NUMBER) csv_double(&w, cell->number);
      else if (cell->kind == CELL_TEXT) csv_text(&w, cell->text);
      else csv_empty(&w);
    }
    csv_end_row(&w);
  }
}

static dwell_status copy_row(const csv_table *csv, size_t row, table *t, dwell_error *err) {
  dwell_status status = table_add_row(t, NULL, err);
  for (size_t i = 0; status == DWELL_OK && i < t->columns; i++) {
    const char *text = csv->cells[row * csv->columns + i];
    double number;
    if (csv_number(csv, row, i, &number)) table_set_number(t, row, i, number);
    else if (text[0] != '\0') status = table_set_text(t, row, i, text, err);
  }
  return status;
}

dwell_status table_read(const char *path, table *ret_table, dwell_error *err) {
  table t = {0};
  csv_table csv;
  dwell_status status = csv_read(path, &csv, err);
  if (status != DWELL_OK) return status;
  for (size_t i = 0; status == DWELL_OK && i < csv.columns; i++) {
    status = table_add_column(&t, csv.names[i], NULL, err);
  }
  for (size_t row = 0; status == DWELL_OK && row < csv.rows; row++) status = copy_row(&csv, row, &t, err);
  csv_free(&csv);
  if (status != DWELL_OK) table_free(&t);
  *ret_table = t;
  return status;
}
