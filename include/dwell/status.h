/* dwell/status.h - how every function of the library says how it went.
 *
 * Every fallible function returns a dwell_status and, when it is not DWELL_OK, has filled the dwell_error that its
 * caller lent it (`err` may be NULL if only the status is wanted). The values are also the exit codes of the
 * command-line program. The library never prints, never exits and keeps no state of its own.
 */
#ifndef DWELL_STATUS_H
#define DWELL_STATUS_H

#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

typedef enum dwell_status {
  DWELL_OK = 0,           /* done */
  DWELL_FAILED = 1,       /* the run failed: disk full, integrator gave up, ... */
  DWELL_USAGE = 2,        /* the caller asked for something that makes no sense */
  DWELL_BAD_INPUT = 3,    /* a file or text is malformed or contradicts itself */
  DWELL_UNSUPPORTED = 4,  /* well-formed, but of a kind that is not implemented; the message names it */
  DWELL_NO_MEMORY = 5,    /* out of memory, or over the stated bound */
  DWELL_CHECK_FAILED = 6, /* a check (verify, doctor, compare) found a difference */
  DWELL_INTERRUPTED = 7   /* the context's `interrupted` callback said stop */
} dwell_status;

/* What went wrong, in plain words. Fixed size: filling it never allocates.
 * Texts are UTF-8 and already safe for a terminal (control and bidi characters are shown as codes). */
typedef struct dwell_error {
  dwell_status status;
  char message[400]; /* what is wrong; no trailing period */
  char file[400];    /* where: path of the file, or "" */
  char item[200];    /* where: name of the tensor, key, column or option, or "" */
  int64_t offset;    /* where: byte offset in `file`, or -1 */
  char remedy[300];  /* what to do about it, or "" */
} dwell_error;

/* Writes the error as one line, "file: item: message (byte N). remedy", into `text` of `size` bytes (cut if longer,
 * always terminated). Returns `text`. */
char *dwell_error_text(const dwell_error *err, char *text, size_t size);

/* A short word for a status, for example "bad input". Static storage. */
const char *dwell_status_name(dwell_status status);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
