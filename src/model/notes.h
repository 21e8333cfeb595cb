/* model/notes.h - what was decided while a checkpoint was read, in words, for `inspect` and the manifest. */
#ifndef DWELL_MODEL_NOTES_H
#define DWELL_MODEL_NOTES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

typedef struct model_notes {
  arena storage;
  const char **lines; /* [count] */
  size_t count, capacity;
  bool failed; /* out of memory: lines are missing; checked once at the end */
} model_notes;

/* A model_notes starts as (model_notes){0}. Texts are made safe for a terminal. */
void notes_add(model_notes *notes, const char *format, ...) __attribute__((format(printf, 2, 3)));
void notes_free(model_notes *notes);

#endif
