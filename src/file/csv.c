/* file/csv.c - comma-separated tables (RFC 4180). */
#include "file/csv.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/number.h"
#include "file/jcursor.h"

static const char BYTE_ORDER_MARK[] = "\xEF\xBB\xBF";

/* ---- writing ---- */

static void before_cell(csv_writer *w) {
  if (w->some) strbuf_putc(w->out, ',');
  w->some = true;
}

void csv_empty(csv_writer *w) { before_cell(w); }

void csv_text(csv_writer *w, const char *text) {
  before_cell(w);
  if (text == NULL) return;
  bool mark = strncmp(text, BYTE_ORDER_MARK, 3) == 0; /* unquoted at the start of a file it would be dropped */
  bool quoted = mark || text[strcspn(text, ",\"\r\n")] != '\0';
  if (quoted) strbuf_putc(w->out, '"');
  for (size_t length = strlen(text); length > 0;) {
    uint32_t code;
    size_t step = utf8_decode(text, length, &code);
    if (step == 0) strbuf_puts(w->out, "\xEF\xBF\xBD"); /* readers stop at malformed UTF-8 */
    else strbuf_add(w->out, text, step);
    if (*text == '"') strbuf_putc(w->out, '"');
    text += step == 0 ? 1 : step;
    length -= step == 0 ? 1 : step;
  }
  if (quoted) strbuf_putc(w->out, '"');
}

void csv_double(csv_writer *w, double value) {
  char text[NUMBER_SIZE];
  before_cell(w);
  if (isfinite(value)) strbuf_puts(w->out, number_format(value, text));
}

void csv_int(csv_writer *w, int64_t value) {
  before_cell(w);
  strbuf_printf(w->out, "%" PRId64, value);
}

void csv_end_row(csv_writer *w) {
  /* A row of one empty cell would be a blank line, which readers skip. */
  bool blank = w->some && (w->out->length == 0 || w->out->data[w->out->length - 1] == '\n');
  if (blank) strbuf_puts(w->out, "\"\"");
  strbuf_putc(w->out, '\n');
  w->some = false;
}

/* ---- reading ---- */

enum { MAX_FILE = 1 << 30 };

typedef struct parser {
  char *text; /* cells are unquoted and terminated in place */
  size_t at, size;
  size_t line; /* from 1 */
  const char *problem;
} parser;

static void fail(parser *p, const char *problem) {
  if (p->problem == NULL) p->problem = problem;
}

/* A quoted cell, from its first quote to the byte behind its last; unquoted into the same place. */
static char *quoted_cell(parser *p) {
  char *cell = p->text + p->at;
  size_t length = 0, begin = p->at;
  for (p->at++; p->at < p->size; p->at++) {
    char byte = p->text[p->at];
    if (byte == '"' && p->text[++p->at] != '"') { /* the text ends with a NUL: this byte is there */
      p->text[begin + length] = '\0';
      return cell;
    }
    p->line += byte == '\n';
    cell[length++] = byte;
  }
  fail(p, "a quote is not closed");
  return cell;
}

static char *plain_cell(parser *p) {
  char *cell = p->text + p->at;
  p->at += strcspn(cell, ",\r\n\"");
  if (p->text[p->at] == '"') fail(p, "a quote stands in a cell that does not begin with one");
  return cell;
}

/* One cell and the separator behind it, which becomes its terminating NUL; *ret_last: the row ends with it. */
static char *read_cell(parser *p, bool *ret_last) {
  char *cell = p->text[p->at] == '"' ? quoted_cell(p) : plain_cell(p);
  size_t end = p->at;
  *ret_last = true;
  if (p->problem != NULL || p->at >= p->size) return cell;
  if (p->text[p->at] == '\r' && p->text[p->at + 1] == '\n') p->at++;
  char separator = p->text[p->at++];
  if (separator != ',' && separator != '\n') fail(p, "a cell is followed by neither a comma nor a line end");
  *ret_last = separator == '\n';
  p->text[end] = '\0';
  return cell;
}

/* Reads one row into `cells` (room for the rest of the file's cells); returns their number. */
static size_t read_row(parser *p, char **cells) {
  size_t count = 0;
  bool last = false;
  char first = p->text[p->at];
  if (first == '\n' || first == '\r') fail(p, "the line is blank");
  while (!last && p->problem == NULL) cells[count++] = read_cell(p, &last);
  return count;
}

/* Upper bound of the number of cells: one behind each separator, quoted or not. */
static size_t count_cells(const char *text, size_t size) {
  size_t count = 2;
  for (size_t i = 0; i < size; i++) count += text[i] == ',' || text[i] == '\n';
  return count;
}

static dwell_status complain(const parser *p, size_t line, dwell_error *err) {
  return error_set(err, DWELL_BAD_INPUT, "line %zu: %s", line, p->problem);
}

static dwell_status check_header(const csv_table *t, dwell_error *err) {
  for (size_t i = 0; i < t->columns; i++) {
    if (csv_column(t, t->names[i]) == i) continue;
    error_set(err, DWELL_BAD_INPUT, "two columns have this name");
    error_at_item(err, t->names[i]);
    return DWELL_BAD_INPUT;
  }
  return DWELL_OK;
}

static dwell_status parse(parser *p, csv_table *t, dwell_error *err) {
  char **cells = ARENA_NEW(t->storage, char *, count_cells(p->text, p->size));
  if (cells == NULL) return error_no_memory(err, "the cells of a table");
  if (p->size == 0) return error_set(err, DWELL_BAD_INPUT, "the table is empty: not even a header line");
  t->names = cells;
  t->columns = read_row(p, cells);
  t->cells = cells + t->columns;
  if (p->problem != NULL) return complain(p, 1, err);
  dwell_status status = check_header(t, err);
  while (status == DWELL_OK && p->at < p->size) {
    size_t line = ++p->line;
    size_t count = read_row(p, t->cells + t->rows * t->columns);
    if (p->problem != NULL) return complain(p, line, err);
    if (count != t->columns) {
      return error_set(err, DWELL_BAD_INPUT, "line %zu has %zu cells, the header %zu", line, count, t->columns);
    }
    t->rows++;
  }
  return status;
}

/* The text as the parser wants it: UTF-8 without NUL and without a byte order mark, in the table's own storage. */
static dwell_status copy_text(const char *data, size_t size, arena *storage, parser *ret_parser, dwell_error *err) {
  const char *nul = memchr(data, '\0', size);
  size_t good = utf8_check(data, size), mark = size >= 3 && memcmp(data, BYTE_ORDER_MARK, 3) == 0 ? 3 : 0;
  if (nul != NULL || good < size) {
    error_set(err, DWELL_BAD_INPUT, "the table is not UTF-8 text");
    error_at_offset(err, nul != NULL && (size_t)(nul - data) < good ? nul - data : (int64_t)good);
    return DWELL_BAD_INPUT;
  }
  char *text = arena_text(storage, data + mark, size - mark);
  if (text == NULL) return error_no_memory(err, "the cells of a table");
  *ret_parser = (parser){.text = text, .size = size - mark, .line = 1};
  return DWELL_OK;
}

dwell_status csv_read(const char *path, csv_table *ret_table, dwell_error *err) {
  csv_table t = {.storage = MEM_ZERO(arena, 1)};
  dwell_status status = DWELL_OK;
  char *data = NULL;
  size_t size;
  parser p = {0};
  TRY_ALLOC(t.storage, "the cells of a table");
  TRY(file_slurp(path, MAX_FILE, &data, &size, err));
  TRY(copy_text(data, size, t.storage, &p, err));
  TRY(parse(&p, &t, err));
done:
  mem_free(data);
  if (status != DWELL_OK) {
    error_in_file(err, path);
    csv_free(&t);
  }
  *ret_table = t;
  return status;
}

void csv_free(csv_table *table) {
  if (table->storage != NULL) arena_clear(table->storage);
  mem_free(table->storage);
  *table = (csv_table){0};
}

size_t csv_column(const csv_table *table, const char *name) {
  for (size_t i = 0; i < table->columns; i++) {
    if (str_equal(table->names[i], name)) return i;
  }
  return SIZE_MAX;
}

bool csv_number(const csv_table *table, size_t row, size_t column, double *ret_value) {
  if (row >= table->rows || column >= table->columns) return false;
  return number_parse(table->cells[row * table->columns + column], ret_value);
}
