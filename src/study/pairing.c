/* study/pairing.c - the units that two studies share. */
#include "study/pairing.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const study_number keys[] = {NUMBER_MODEL, NUMBER_VARIANT, NUMBER_TEXT, NUMBER_SEED, NUMBER_SCALE};
enum { KEYS = sizeof keys / sizeof keys[0] };

static bool same_cell(const table_cell *x, const table_cell *y) {
  if (x->kind != y->kind || x->kind == CELL_EMPTY) return x->kind == y->kind;
  return x->kind == CELL_NUMBER ? x->number == y->number : strcmp(x->text, y->text) == 0;
}

static bool same_unit(const numbers *a, size_t i, const numbers *b, size_t j) {
  for (size_t k = 0; k < KEYS; k++) {
    if (!same_cell(table_at(&a->t, i, keys[k]), table_at(&b->t, j, keys[k]))) return false;
  }
  return true;
}

/* Without the step of its checkpoint: that is the plan's, which may or may not name checkpoints. */
static dwell_status copy_row(const numbers *from, size_t row, numbers *to, dwell_error *err) {
  size_t added;
  dwell_status status = table_add_row(&to->t, &added, err);
  for (size_t k = 0; status == DWELL_OK && k < NUMBERS; k++) {
    const table_cell *cell = table_at(&from->t, row, k);
    if (k == NUMBER_STEP) continue;
    if (cell->kind == CELL_NUMBER) table_set_number(&to->t, added, k, cell->number);
    else if (cell->kind == CELL_TEXT) status = table_set_text(&to->t, added, k, cell->text, err);
  }
  return status;
}

/* Both are in the order of their plans, so the search goes on where the last one was found. */
dwell_status numbers_pair(const numbers *a, const numbers *b, numbers *ret_a, numbers *ret_b, dwell_error *err) {
  *ret_b = (numbers){0};
  dwell_status status = numbers_make(ret_a, err);
  if (status == DWELL_OK) status = numbers_make(ret_b, err);
  size_t at = 0;
  for (size_t i = 0; status == DWELL_OK && i < a->t.rows; i++) {
    size_t looked = 0;
    while (looked < b->t.rows && !same_unit(a, i, b, at)) at = (at + 1) % b->t.rows, looked++;
    if (looked == b->t.rows) continue;
    status = copy_row(a, i, ret_a, err);
    if (status == DWELL_OK) status = copy_row(b, at, ret_b, err);
  }
  return status;
}

void numbers_row_name(const numbers *n, size_t row, char *ret_name, size_t size) {
  size_t at = 0;
  ret_name[0] = '\0';
  for (size_t k = 0; k < KEYS && at < size; k++) {
    static const study_number order[] = {NUMBER_MODEL, NUMBER_VARIANT, NUMBER_SEED, NUMBER_SCALE, NUMBER_TEXT};
    const table_cell *cell = table_at(&n->t, row, order[k]);
    bool own_scale = order[k] == NUMBER_SCALE && !(fabs(cell->number - 1) > 0);
    if (cell->kind == CELL_EMPTY || own_scale) continue;
    const char *blank = at > 0 ? " " : "";
    if (cell->kind == CELL_TEXT) at += (size_t)snprintf(ret_name + at, size - at, "%s%s", blank, cell->text);
    else at += (size_t)snprintf(ret_name + at, size - at, "%s%g", blank, cell->number);
  }
}
