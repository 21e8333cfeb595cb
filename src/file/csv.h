/* file/csv.h - comma-separated tables as pandas.read_csv expects: a header line, RFC 4180 quoting, \n line ends,
 * numbers that read back to the same bits, undefined values as empty cells. */
#ifndef DWELL_FILE_CSV_H
#define DWELL_FILE_CSV_H

#include <dwell/status.h>
#include <stdbool.h>

#include "base/str.h"

/* ---- writing: append cells to a strbuf ---- */
typedef struct csv_writer {
  strbuf *out;
  bool some; /* the row has a cell already */
} csv_writer;

void csv_text(csv_writer *w, const char *text); /* NULL: empty */
void csv_double(csv_writer *w, double value);   /* NaN, Inf: empty */
void csv_int(csv_writer *w, int64_t value);
void csv_empty(csv_writer *w);
void csv_end_row(csv_writer *w);

/* ---- reading ---- */
typedef struct csv_table {
  size_t columns, rows;  /* rows without the header */
  char **names;          /* [columns] */
  char **cells;          /* [rows * columns], "" for empty */
  struct arena *storage; /* owns the strings and arrays */
} csv_table;

/* Reads and checks a whole file (every row has as many cells as the header). */
dwell_status csv_read(const char *path, csv_table *ret_table, dwell_error *err);
void csv_free(csv_table *table);
/* Index of a column, or SIZE_MAX. */
size_t csv_column(const csv_table *table, const char *name);
/* Cell as a number; false if empty or not a number. */
bool csv_number(const csv_table *table, size_t row, size_t column, double *ret_value);

#endif
