/* model/notes.c - decisions in words. */
#include "model/notes.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

void notes_add(model_notes *notes, const char *format, ...) {
  if (notes == NULL || notes->failed) return;
  char raw[400], safe[500];
  va_list args;
  va_start(args, format);
  vsnprintf(raw, sizeof raw, format, args);
  va_end(args);
  str_display(safe, sizeof safe, raw, strlen(raw));
  const char **items = mem_room(notes->lines, notes->count, &notes->capacity, 16, sizeof *items);
  if (items == NULL) {
    notes->failed = true;
    return;
  }
  notes->lines = items;
  char *line = arena_text(&notes->storage, safe, strlen(safe));
  if (line == NULL) notes->failed = true;
  else notes->lines[notes->count++] = line;
}

void notes_free(model_notes *notes) {
  arena_clear(&notes->storage);
  mem_free(notes->lines);
  *notes = (model_notes){0};
}
