/* csv: a table that is accepted, written again and read again has the same cells. */
#include "fuzz/fuzz.h" /* first: it asks for memfd_create */

#include <string.h>

#include "file/csv.h"

static void fuzz_write_table(const csv_table *t, strbuf *out) {
  csv_writer w = {.out = out};
  for (size_t j = 0; j < t->columns; j++) csv_text(&w, t->names[j]);
  csv_end_row(&w);
  for (size_t i = 0; i < t->rows * t->columns; i++) {
    csv_text(&w, t->cells[i]);
    if ((i + 1) % t->columns == 0) csv_end_row(&w);
  }
}

static void fuzz_compare(const csv_table *t, const csv_table *again) {
  FUZZ_CHECK(again->rows == t->rows && again->columns == t->columns);
  for (size_t j = 0; j < t->columns; j++) FUZZ_CHECK(strcmp(t->names[j], again->names[j]) == 0);
  for (size_t i = 0; i < t->rows * t->columns; i++) FUZZ_CHECK(strcmp(t->cells[i], again->cells[i]) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  dwell_error err = {0};
  csv_table t, again;
  dwell_status status = csv_read(fuzz_file(data, size), &t, &err);
  FUZZ_CHECK_STATUS(status, err);
  if (status == DWELL_OK) {
    strbuf out = {0};
    double number;
    fuzz_write_table(&t, &out);
    FUZZ_CHECK(csv_read(fuzz_file((const uint8_t *)out.data, out.length), &again, &err) == DWELL_OK);
    fuzz_compare(&t, &again);
    for (size_t j = 0; j < t.columns && t.rows > 0; j++) csv_number(&t, t.rows - 1, j, &number);
    csv_free(&again);
    strbuf_free(&out);
  }
  csv_free(&t);
  return 0;
}
