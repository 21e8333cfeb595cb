/* text/texts.h - the texts that models are run over: from the command line, files, lines of .jsonl files, prompts. */
#ifndef DWELL_TEXT_TEXTS_H
#define DWELL_TEXT_TEXTS_H

#include <dwell/status.h>
#include <stdbool.h>

#include "base/arena.h"

typedef struct text {
  const char *name; /* of its run directory where there are several: safe as a name of a folder, unlike the others */
  const char *data; /* [length] UTF-8; NULL: ids, or it could not be read */
  size_t length;
  const int64_t *ids; /* [count] */
  size_t count;
  const dwell_error *error; /* why it could not be read, or NULL */
} text;

typedef struct texts {
  text *list;
  size_t count, capacity;
  bool many; /* several were named, or a list of them: each gets a directory of its own */
  arena storage;
} texts;

/* Each adds what it says, copying it. A file or line that cannot be read becomes a text with an error, so that the
 * others can be measured; what fails here is memory. texts_add_ids: DWELL_USAGE for what are no whole numbers. */
dwell_status texts_add(texts *t, const char *name, const char *data, size_t length, dwell_error *err);
dwell_status texts_add_file(texts *t, const char *path, dwell_error *err);
dwell_status texts_add_prompt(texts *t, const char *name, dwell_error *err);
dwell_status texts_add_ids(texts *t, const char *list, dwell_error *err);

/* Makes the names safe and unique, once all are there: of those that are called "a" the second becomes "a-2". */
dwell_status texts_name(texts *t, dwell_error *err);
void texts_free(texts *t);

#endif
