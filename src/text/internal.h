/* text/internal.h - the parts of a tokenizer, for the files that fill it and the one that runs it. */
#ifndef DWELL_TEXT_INTERNAL_H
#define DWELL_TEXT_INTERNAL_H

#include "text/added.h"
#include "text/model.h"
#include "text/normalizer.h"
#include "text/postprocessor.h"
#include "text/pretokenizer.h"
#include "text/tokenizer.h"

enum { TOKENIZER_MOST_FILES = 8, TOKENIZER_MOST_NOTES = 4 };

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
  const char *notes[TOKENIZER_MOST_NOTES];
  size_t note_count;
};

struct family;
struct gguf;
struct spm;

/* Fill an empty tokenizer from one file, or from the files of before it. `f` says whose they are (family.h). */
dwell_status tokenizer_read_json(tokenizer *t, const char *path, dwell_error *err);
dwell_status tokenizer_read_bytes(tokenizer *t, const char *vocab_path, const char *merges_path, struct family *f,
                                  dwell_error *err);
dwell_status tokenizer_read_wordpiece(tokenizer *t, const char *vocab_path, struct family *f, dwell_error *err);
dwell_status tokenizer_read_sentencepiece(tokenizer *t, const char *path, struct family *f, dwell_error *err);

dwell_status tokenizer_read_gguf(tokenizer *t, const struct gguf *file, dwell_error *err);
/* Vocabulary, normaliser and model of a SentencePiece model that was read. */
dwell_status tokenizer_use_spm(tokenizer *t, const struct spm *m, dwell_error *err);

/* Remembers that a file was read. */
dwell_status tokenizer_note_file(tokenizer *t, const char *path, dwell_error *err);
/* Remembers a decision, in words. */
dwell_status tokenizer_add_note(tokenizer *t, dwell_error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Largest file read: vocabularies of a million pieces are below 100 MB. */
#define TOKENIZER_MOST_BYTES ((size_t)1 << 30)

#endif
