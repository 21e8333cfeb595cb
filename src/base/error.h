/* base/error.h - filling a dwell_error. All functions accept err == NULL and return the status, so that
 *     return error_set(err, DWELL_BAD_INPUT, "header is cut short");
 * and then, on the way up, callers add what they know: error_in_file(err, path), error_at_item(err, tensor_name).
 * Names from files may be passed as they are: they are made safe for a terminal here. */
#ifndef DWELL_BASE_ERROR_H
#define DWELL_BASE_ERROR_H

#include <dwell/status.h>

/* Starts an error: clears every field, sets status and message (printf format). Returns `status`. */
dwell_status error_set(dwell_error *err, dwell_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Adds a place, if that place is not set yet (the innermost caller knows best). Each returns err's status
 * (DWELL_FAILED when err is NULL, so use the status you already hold in that case). */
dwell_status error_in_file(dwell_error *err, const char *path);
dwell_status error_at_item(dwell_error *err, const char *item);
dwell_status error_at_offset(dwell_error *err, int64_t offset);
/* Adds what to do about it (printf format), if not set yet. */
dwell_status error_remedy(dwell_error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Out of memory while making `what`: DWELL_NO_MEMORY. */
dwell_status error_no_memory(dwell_error *err, const char *what);
/* A system call failed: "cannot OPEN: strerror(errno)" on `path`. Status as given. */
dwell_status error_system(dwell_error *err, dwell_status status, const char *doing, const char *path);

/* Leave the function by its `done:` label if `call` fails; `status` is the local variable. */
#define TRY(call)                      \
  do {                                 \
    status = (call);                   \
    if (status != DWELL_OK) goto done; \
  } while (0)

/* The same for an allocation that returned NULL. */
#define TRY_ALLOC(pointer, what)           \
  do {                                     \
    if ((pointer) == NULL) {               \
      status = error_no_memory(err, what); \
      goto done;                           \
    }                                      \
  } while (0)

#endif
