/* tools/mechanism/record.c - numbers with names, a line each. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/number.h"
#include "base/str.h"
#include "mechanism.h"

static void put(record *r, const char *name, double value) {
  if (!isfinite(value)) return;
  struct entry *entries = mem_room(r->entries, r->count, &r->capacity, 256, sizeof *entries);
  if (entries == NULL) {
    r->failed = true;
    return;
  }
  r->entries = entries;
  struct entry *e = &r->entries[r->count++];
  snprintf(e->name, sizeof e->name, "%.47s", name);
  e->value = value;
}

void record_put(record *r, double value, const char *format, ...) {
  char name[48];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(name, sizeof name, format, arguments);
  va_end(arguments);
  put(r, name, value);
}

double record_get(const record *r, const char *format, ...) {
  char name[48];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(name, sizeof name, format, arguments);
  va_end(arguments);
  for (size_t k = 0; k < r->count; k++) {
    if (strcmp(r->entries[k].name, name) == 0) return r->entries[k].value;
  }
  return NAN;
}

dwell_status record_save(const record *r, const char *path, dwell_error *err) {
  strbuf text = {0};
  for (size_t k = 0; k < r->count; k++) {
    char number[NUMBER_SIZE];
    strbuf_printf(&text, "%s,%s\n", r->entries[k].name, number_format(r->entries[k].value, number));
  }
  dwell_status status =
      text.failed || r->failed ? error_no_memory(err, "numbers") : atomic_file_write(path, text.data, text.length, err);
  strbuf_free(&text);
  return status;
}

dwell_status record_load(const char *path, record *ret_record, bool *ret_found, dwell_error *err) {
  char line[128];
  FILE *stream = fopen(path, "r");
  *ret_record = (record){0};
  *ret_found = stream != NULL;
  if (stream == NULL) return DWELL_OK;
  dwell_status status = DWELL_OK;
  while (status == DWELL_OK && fgets(line, sizeof line, stream) != NULL) {
    char *comma = strchr(line, ',');
    double value;
    line[strcspn(line, "\n")] = '\0';
    if (comma == NULL || !number_parse(comma + 1, &value)) {
      status = error_set(err, DWELL_BAD_INPUT, "%s: a line without a number", path);
    } else {
      *comma = '\0';
      put(ret_record, line, value);
    }
  }
  fclose(stream);
  if (status == DWELL_OK && ret_record->failed) status = error_no_memory(err, "numbers");
  return status;
}

void record_free(record *r) {
  mem_free(r->entries);
  *r = (record){0};
}
