/* run/compare.c - columns of two runs against each other. */
#include "run/compare.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"

static const char *const tables[] = {"layers", "blocks", "heads", "tokens", "push"};
enum { TABLES = sizeof tables / sizeof tables[0] };

/* What rows are named by is no measure. */
static bool is_key(const char *column) {
  static const char *const keys[] = {"replica", "state", "block", "head", "token"};
  for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++) {
    if (strcmp(keys[k], column) == 0) return true;
  }
  return false;
}

static double number_at(const table *t, size_t row, size_t column) {
  const table_cell *cell = table_at(t, row, column);
  return cell->kind == CELL_NUMBER ? cell->number : NAN;
}

/* How far apart, before it is divided by the column's scale. */
static double distance(double a, double b) {
  if (isnan(a) && isnan(b)) return 0;
  return isnan(a) || isnan(b) ? INFINITY : fabs(a - b);
}

static run_difference compare_column(const table *x, size_t i, const table *y, size_t j) {
  run_difference d = {.rows = x->rows < y->rows ? x->rows : y->rows};
  double scale = 0, most = -1;
  for (size_t row = 0; row < d.rows; row++) {
    double a = number_at(x, row, i), b = number_at(y, row, j), apart = distance(a, b);
    scale = fmax(scale, fmax(isnan(a) ? 0 : fabs(a), isnan(b) ? 0 : fabs(b)));
    d.differing += apart > 0;
    if (apart > most) most = apart, d.row = row, d.a = a, d.b = b;
  }
  d.relative = most <= 0 ? 0 : isinf(most) ? INFINITY : most / scale;
  return d;
}

static dwell_status compare_tables(const char *name, const table *x, const table *y, run_comparison *ret,
                                   dwell_error *err) {
  for (size_t i = 0; i < x->columns; i++) {
    size_t j = table_find(y, x->names[i]);
    if (j == SIZE_MAX) ret->only_a++;
    if (j == SIZE_MAX || is_key(x->names[i])) continue;
    run_difference d = compare_column(x, i, y, j), *list;
    list = mem_room(ret->items, ret->count, &ret->capacity, 64, sizeof *list);
    if (list == NULL) return error_no_memory(err, "a comparison");
    d.table = name, d.column = x->names[i];
    ret->items = list, ret->items[ret->count++] = d;
  }
  for (size_t j = 0; j < y->columns; j++) ret->only_b += table_find(x, y->names[j]) == SIZE_MAX;
  return DWELL_OK;
}

/* Equal ones stay in the order of the tables: addresses in the list say which that is. */
static int larger_first(const void *p, const void *q) {
  const run_difference *a = p, *b = q;
  if (a->relative != b->relative) return a->relative < b->relative ? 1 : -1;
  if (strcmp(a->table, b->table) != 0) return strcmp(a->table, b->table);
  return strcmp(a->column, b->column);
}

static void sort_differences(run_comparison *c) {
  if (c->count > 0) qsort(c->items, c->count, sizeof *c->items, larger_first);
}

dwell_status run_compare_tables(const char *name, const table *a, const table *b, run_comparison *comparison,
                                dwell_error *err) {
  dwell_status status = compare_tables(name, a, b, comparison, err);
  sort_differences(comparison);
  return status;
}

dwell_status run_compare(const dwell_run *a, const dwell_run *b, run_comparison *ret, dwell_error *err) {
  dwell_status status = DWELL_OK;
  *ret = (run_comparison){.rows_a = dwell_run_rows(a, "layers"), .rows_b = dwell_run_rows(b, "layers")};
  for (size_t k = 0; status == DWELL_OK && k < TABLES; k++)
    status = compare_tables(tables[k], run_table(a, tables[k]), run_table(b, tables[k]), ret, err);
  sort_differences(ret);
  return status;
}

void run_comparison_free(run_comparison *c) {
  mem_free(c->items);
  *c = (run_comparison){0};
}

void run_row_name(const dwell_run *run, const char *name, size_t row, char *ret_name, size_t size) {
  static const char *const keys[] = {"block", "head", "token", "state"};
  double x, last = 0;
  size_t at = 0;
  ret_name[0] = '\0';
  dwell_run_number(run, name, dwell_run_rows(run, name) - 1, "replica", &last);
  if (last > 0 && dwell_run_number(run, name, row, "replica", &x))
    at += (size_t)snprintf(ret_name, size, "replica %g", x);
  for (size_t k = 0; k < sizeof keys / sizeof keys[0] && at < size; k++) {
    if (!dwell_run_number(run, name, row, keys[k], &x)) continue;
    at += (size_t)snprintf(ret_name + at, size - at, "%s%s %g", at > 0 ? " " : "", keys[k], x);
  }
  const char *tap = dwell_run_text(run, name, row, "tap");
  if (tap != NULL && strcmp(tap, "resid") != 0 && at < size)
    snprintf(ret_name + at, size - at, "%s%s", at > 0 ? " " : "", tap);
}
