/* text/fields.h - the members of one small JSON object, bookmarked, so that they can be read in any order: which
 * members matter depends on "type", and that may come last. */
#ifndef DWELL_TEXT_FIELDS_H
#define DWELL_TEXT_FIELDS_H

#include "file/jcursor.h"

enum { FIELDS_MOST = 24 };

typedef struct fields {
  jcursor start; /* of the object, for errors */
  size_t count;
  jtext keys[FIELDS_MOST];
  jcursor values[FIELDS_MOST];
  const char *path; /* file, for errors */
} fields;

/* Reads the object at the cursor and moves past it. Not an object, a repeated key or too many: DWELL_BAD_INPUT. */
dwell_status fields_read(jcursor *c, const char *path, fields *ret_fields, dwell_error *err);

/* A copy of the cursor at the value of a key; false if the key is absent or null. */
bool fields_find(const fields *f, const char *key, jcursor *ret_cursor);
/* Values of these kinds or, if absent or null, `otherwise`. A value of another kind: DWELL_BAD_INPUT. */
dwell_status fields_bool(const fields *f, const char *key, bool otherwise, bool *ret_value, dwell_error *err);
dwell_status fields_int(const fields *f, const char *key, int64_t low, int64_t high, int64_t otherwise,
                        int64_t *ret_value, dwell_error *err);
/* `otherwise` may be NULL: the data member of the result is then NULL. */
dwell_status fields_text(const fields *f, const char *key, const char *otherwise, jtext *ret_value, dwell_error *err);
/* A required text. */
dwell_status fields_need_text(const fields *f, const char *key, jtext *ret_value, dwell_error *err);

/* DWELL_OK, or the problem of a cursor with path and byte. */
dwell_status fields_check(jcursor *c, const char *path, dwell_error *err);

#endif
