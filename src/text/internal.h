/* text/internal.h - the parts of a tokenizer, for the files that fill it and the one that runs it. */
#ifndef DWELL_TEXT_INTERNAL_H
#define DWELL_TEXT_INTERNAL_H

#include "text/added.h"
#include "text/model.h"
#include "text/normalizer.h"
#include "text/postprocessor.h"
#include "text/pretokenizer.h"
#include "text/tokenizer.h"

enum { TOKENIZER_MOST_FILES = 4 };

/* Nothing in it changes after tokenizer_open. */
struct tokenizer {
  arena memory;
  vocab vocab;
  added added;
  normalizer normalizer;
  pretokenizer pretokenizer;
  model model;
  postprocessor postprocessor;
  const char *files[TOKENIZER_MOST_FILES];
  size_t file_count;
};

/* Fill an empty tokenizer from one file, or from the legacy pairs. `folder` is for the optional
 * tokenizer_config.json next to them. */
dwell_status tokenizer_read_json(tokenizer *t, const char *path, dwell_error *err);
dwell_status tokenizer_read_gpt2(tokenizer *t, const char *vocab_path, const char *merges_path, dwell_error *err);
dwell_status tokenizer_read_bert(tokenizer *t, const char *vocab_path, const char *config_path, dwell_error *err);

/* Remembers that a file was read. */
dwell_status tokenizer_note_file(tokenizer *t, const char *path, dwell_error *err);

/* Largest file read: vocabularies of a million pieces are below 100 MB. */
#define TOKENIZER_MOST_BYTES ((size_t)1 << 30)

#endif
