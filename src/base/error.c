/* base/error.c - dwell_error: filling and printing. */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

static void set_safe(char *field, size_t size, const char *text) { str_display(field, size, text, strlen(text)); }

dwell_status error_set(dwell_error *err, dwell_status status, const char *format, ...) {
  if (err == NULL) return status;
  char raw[sizeof err->message];
  va_list args;
  va_start(args, format);
  vsnprintf(raw, sizeof raw, format, args);
  va_end(args);
  *err = (dwell_error){.status = status, .offset = -1};
  set_safe(err->message, sizeof err->message, raw);
  return status;
}

dwell_status error_in_file(dwell_error *err, const char *path) {
  if (err == NULL) return DWELL_FAILED;
  if (err->file[0] == '\0' && path != NULL) set_safe(err->file, sizeof err->file, path);
  return err->status;
}

dwell_status error_at_item(dwell_error *err, const char *item) {
  if (err == NULL) return DWELL_FAILED;
  if (err->item[0] == '\0' && item != NULL) set_safe(err->item, sizeof err->item, item);
  return err->status;
}

dwell_status error_at_offset(dwell_error *err, int64_t offset) {
  if (err == NULL) return DWELL_FAILED;
  if (err->offset < 0) err->offset = offset;
  return err->status;
}

dwell_status error_remedy(dwell_error *err, const char *format, ...) {
  if (err == NULL) return DWELL_FAILED;
  if (err->remedy[0] != '\0') return err->status;
  char raw[sizeof err->remedy];
  va_list args;
  va_start(args, format);
  vsnprintf(raw, sizeof raw, format, args);
  va_end(args);
  set_safe(err->remedy, sizeof err->remedy, raw);
  return err->status;
}

dwell_status error_no_memory(dwell_error *err, const char *what) {
  return error_set(err, DWELL_NO_MEMORY, "out of memory while making %s", what);
}

dwell_status error_system(dwell_error *err, dwell_status status, const char *doing, const char *path) {
  int number = errno;
  error_set(err, status, "cannot %s: %s", doing, strerror(number));
  error_in_file(err, path);
  return status;
}

char *dwell_error_text(const dwell_error *err, char *text, size_t size) {
  if (size == 0) return text;
  char offset[48] = "";
  if (err->offset >= 0) snprintf(offset, sizeof offset, " (byte %lld)", (long long)err->offset);
  snprintf(text, size, "%s%s%s%s%s%s%s%s", err->file, err->file[0] ? ": " : "", err->item, err->item[0] ? ": " : "",
           err->message, offset, err->remedy[0] ? ". " : "", err->remedy);
  return text;
}

const char *dwell_status_name(dwell_status status) {
  static const char *const names[] = {"ok",          "failed",        "usage",        "bad input",
                                      "unsupported", "out of memory", "check failed", "interrupted"};
  size_t i = (size_t)status;
  return i < sizeof names / sizeof names[0] ? names[i] : "unknown status";
}
