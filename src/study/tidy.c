/* study/tidy.c - from tables to long form. */
#include "study/tidy.h"

#include <math.h>
#include <string.h>

#include "file/csv.h"
#include "instrument/instrument.h"
#include "run/run.h"

/* Columns that say where a number belongs, not what it is. */
static const char *const keys[] = {"replica", "state", "block", "head"};
enum { REPLICA, STATE, BLOCK, HEAD, KEYS };
static const char *const null_ends[] = {"_null_mean", "_null_sd", "_p"};
enum { NULL_ENDS = 3, NAME = 128 };

void tidy_header(strbuf *out) {
  strbuf_puts(
      out,
      "model,text,class,control,seed,scale,replica,table,row,state,block,head,instrument,column,value,null_mean,"
      "null_sd,p\n");
}

static bool is_key(const char *name) {
  for (size_t k = 0; k < KEYS; k++) {
    if (str_equal(keys[k], name)) return true;
  }
  return false;
}

/* "ip_mean" of "ip_mean_null_sd", if the table has it; NULL: the column stands for itself. */
static bool is_of_null(const table *t, const char *name) {
  char of[NAME];
  for (size_t k = 0; k < NULL_ENDS; k++) {
    size_t length = strlen(name), end = strlen(null_ends[k]);
    if (length <= end || length - end >= NAME || !str_ends(name, null_ends[k])) continue;
    memcpy(of, name, length - end), of[length - end] = '\0';
    if (table_find(t, of) != SIZE_MAX) return true;
  }
  return false;
}

/* The instrument whose column's name begins this one; the longest such name. */
static const char *instrument_of(const char *column) {
  size_t count, longest = 0;
  const instrument *const *all = instrument_registry(&count);
  const char *found = NULL;
  for (size_t i = 0; i < count; i++) {
    for (size_t k = 0; k < all[i]->column_count; k++) {
      const char *name = all[i]->columns[k].name;
      size_t length = strlen(name);
      bool begins = strncmp(column, name, length) == 0 && (column[length] == '\0' || column[length] == '_');
      if (begins && length > longest) longest = length, found = all[i]->name;
    }
  }
  return found;
}

static double number_at(const table *t, size_t row, const char *name, const char *end) {
  char full[NAME];
  snprintf(full, sizeof full, "%.100s%s", name, end);
  size_t column = table_find(t, full);
  const table_cell *cell = column == SIZE_MAX ? NULL : table_at(t, row, column);
  return cell != NULL && cell->kind == CELL_NUMBER ? cell->number : NAN;
}

static void put_of(csv_writer *w, const tidy_of *of) {
  csv_text(w, of->model), csv_text(w, of->text), csv_text(w, of->text_class), csv_text(w, of->control);
  csv_double(w, of->seed), csv_double(w, of->scale);
}

static void put_row(const table *t, const char *name, size_t row, size_t column, const char *measure, const tidy_of *of,
                    strbuf *out) {
  csv_writer w = {.out = out};
  const char *which = t->names[column];
  put_of(&w, of);
  csv_double(&w, number_at(t, row, keys[REPLICA], ""));
  csv_text(&w, name);
  csv_int(&w, (int64_t)row);
  for (size_t k = STATE; k < KEYS; k++) csv_double(&w, number_at(t, row, keys[k], ""));
  csv_text(&w, measure), csv_text(&w, which);
  csv_double(&w, table_at(t, row, column)->number);
  for (size_t k = 0; k < NULL_ENDS; k++) csv_double(&w, number_at(t, row, which, null_ends[k]));
  csv_end_row(&w);
}

static void put_table(const table *t, const char *name, const tidy_of *of, strbuf *out) {
  for (size_t column = 0; column < t->columns; column++) {
    if (is_key(t->names[column]) || is_of_null(t, t->names[column])) continue;
    const char *measure = instrument_of(t->names[column]);
    for (size_t row = 0; row < t->rows; row++) {
      if (table_at(t, row, column)->kind == CELL_NUMBER) put_row(t, name, row, column, measure, of, out);
    }
  }
}

void tidy_run(const dwell_run *run, const tidy_of *of, strbuf *out) {
  static const char *const names[] = {"layers", "blocks", "heads", "events", "tokens", "lens", "push", "starts"};
  for (size_t k = 0; k < sizeof names / sizeof names[0]; k++) put_table(run_table(run, names[k]), names[k], of, out);
}

/* ---- a study's numbers ---- */

/* Columns of numbers that say of which unit they are. */
static bool says_which(study_number k) {
  return k < NUMBER_TEXTS || k == NUMBER_SEED || k == NUMBER_SCALE || k == NUMBER_FLOW;
}

static void put_number(const numbers *n, size_t row, study_number k, strbuf *out) {
  csv_writer w = {.out = out};
  const tidy_of of = {numbers_text(n, row, NUMBER_MODEL), numbers_text(n, row, NUMBER_TEXT),
                      numbers_text(n, row, NUMBER_CLASS), numbers_text(n, row, NUMBER_VARIANT),
                      numbers_get(n, row, NUMBER_SEED),   numbers_get(n, row, NUMBER_SCALE)};
  put_of(&w, &of);
  csv_empty(&w), csv_text(&w, "numbers"), csv_int(&w, (int64_t)row);
  for (size_t i = STATE; i < KEYS; i++) csv_empty(&w);
  csv_empty(&w), csv_text(&w, number_columns[k].name);
  csv_double(&w, numbers_get(n, row, k));
  for (size_t i = 0; i < NULL_ENDS; i++) csv_empty(&w);
  csv_end_row(&w);
}

void tidy_numbers(const numbers *n, strbuf *out) {
  for (size_t row = 0; row < n->t.rows; row++) {
    for (study_number k = NUMBER_TEXTS; k < NUMBERS; k++) {
      if (!says_which(k) && isfinite(numbers_get(n, row, k))) put_number(n, row, k, out);
    }
  }
}
