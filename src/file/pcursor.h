/* file/pcursor.h - a bounded reader of protocol buffers (the wire format alone, without a schema): a cursor over a
 * buffer with a sticky error, like jcursor. Nothing is allocated; what has a length is a view into the buffer, and its
 * length is checked against what is left. After the first error every call is a harmless no-op, so callers check once.
 *
 *     pcursor c = pcursor_start(data, size);
 *     for (uint32_t field; pcursor_field(&c, &field);) {
 *       if (field == 1) name = pcursor_bytes(&c); else pcursor_skip(&c);
 *     }
 *     status = pcursor_end(&c, path, err);          // errors, with the byte
 *
 * Every field that pcursor_field announced must be taken by one call. Groups (wire types 3 and 4) are refused. */
#ifndef DWELL_FILE_PCURSOR_H
#define DWELL_FILE_PCURSOR_H

#include <dwell/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct pcursor {
  const char *data; /* of the whole file */
  size_t at, end;   /* what is left of this message */
  unsigned wire;    /* wire type of the field announced */
  const char *problem;
  size_t problem_at;
} pcursor;

/* A stretch of bytes in the file: not terminated, and any bytes. */
typedef struct pbytes {
  const char *data;
  size_t length;
} pbytes;

pcursor pcursor_start(const char *data, size_t size);
void pcursor_fail(pcursor *c, const char *problem); /* caller's own complaint, at the current byte; static text */

bool pcursor_field(pcursor *c, uint32_t *ret_field); /* the next field; false at the end or on error */

/* The value of the field: of this kind, else the cursor fails. */
int64_t pcursor_int(pcursor *c, int64_t low, int64_t high); /* varint of type int32, int64 or enum */
bool pcursor_bool(pcursor *c);
float pcursor_float(pcursor *c);     /* finite, else the cursor fails */
pbytes pcursor_bytes(pcursor *c);    /* string or bytes; empty on error */
pcursor pcursor_message(pcursor *c); /* a cursor over the message inside, which has an error of its own */
void pcursor_skip(pcursor *c);       /* any value */

/* DWELL_OK, or DWELL_BAD_INPUT with path and byte. `path` may be NULL: the caller adds it. */
dwell_status pcursor_end(const pcursor *c, const char *path, dwell_error *err);

#endif
