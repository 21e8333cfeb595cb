/* text/tokenizer.c - opening the tokenizer of a checkpoint folder, and asking it about its pieces. */
#include "text/tokenizer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "text/family.h"
#include "text/internal.h"

dwell_status tokenizer_note_file(tokenizer *t, const char *path, dwell_error *err) {
  const char *kept = arena_text(&t->memory, path, strlen(path));
  if (kept == NULL || t->file_count == TOKENIZER_MOST_FILES) return error_no_memory(err, "the tokenizer");
  t->files[t->file_count++] = kept;
  return DWELL_OK;
}

dwell_status tokenizer_add_note(tokenizer *t, dwell_error *err, const char *format, ...) {
  char text[400];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  const char *kept = arena_text(&t->memory, text, strlen(text));
  if (kept == NULL || t->note_count == TOKENIZER_MOST_NOTES) return error_no_memory(err, "the tokenizer");
  t->notes[t->note_count++] = kept;
  return DWELL_OK;
}

/* Path of a file of the folder in the arena; *ret_there: it exists. */
static dwell_status locate(tokenizer *t, const char *folder, const char *name, const char **ret_path, bool *ret_there,
                           dwell_error *err) {
  strbuf path = {0};
  strbuf_printf(&path, "%s/%s", folder, name);
  *ret_path = path.failed ? NULL : arena_text(&t->memory, path.data, path.length);
  strbuf_free(&path);
  if (*ret_path == NULL) return error_no_memory(err, "a path");
  *ret_there = access(*ret_path, F_OK) == 0;
  return DWELL_OK;
}

enum {
  JSON,
  VOCAB_JSON,
  MERGES,
  VOCAB_TXT,
  FIRST_SPM,
  LAST_SPM = FIRST_SPM + 3,
  FIRST_CONFIG,
  NAME_COUNT = FIRST_CONFIG + 3
};
/* Those of the configs are read by family_read.c, with config.json, which every model has. */
static const char *const NAMES[NAME_COUNT] = {"tokenizer.json",
                                              "vocab.json",
                                              "merges.txt",
                                              "vocab.txt",
                                              "spiece.model",
                                              "tokenizer.model",
                                              "sentencepiece.bpe.model",
                                              "spm.model",
                                              "tokenizer_config.json",
                                              "special_tokens_map.json",
                                              "added_tokens.json"};

const char *const *tokenizer_names(size_t *ret_count) {
  *ret_count = NAME_COUNT;
  return NAMES;
}

static dwell_status no_tokenizer(const char *folder, bool vocab_json, dwell_error *err) {
  if (vocab_json) {
    error_set(err, DWELL_UNSUPPORTED, "the folder has vocab.json but no merges.txt to go with it");
    error_remedy(err, "Copy the model's merges.txt into the folder");
  } else {
    error_set(err, DWELL_UNSUPPORTED,
              "the folder has no tokenizer (tokenizer.json, vocab.json with merges.txt, spiece.model or another "
              "SentencePiece model, or vocab.txt)");
    error_remedy(err, "Copy the model's tokenizer.json into the folder");
  }
  error_in_file(err, folder);
  return DWELL_UNSUPPORTED;
}

/* The files of the class that the folder names, if they are there, else those that are. */
static dwell_status read_old(tokenizer *t, const char *folder, const gguf *opt_file, const char *const *paths,
                             const bool *there, dwell_error *err) {
  family f;
  const char *spm = NULL;
  bool bytes = there[VOCAB_JSON] && there[MERGES], words = there[VOCAB_TXT];
  for (size_t i = FIRST_SPM; i <= LAST_SPM && spm == NULL; i++) spm = there[i] ? paths[i] : NULL;
  if (!bytes && !words && spm == NULL) {
    return opt_file != NULL ? tokenizer_read_gguf(t, opt_file, err) : no_tokenizer(folder, there[VOCAB_JSON], err);
  }
  dwell_status status = family_open(t, folder, &f, err);
  if (status == DWELL_OK) {
    family_kind kind = family_files(&f, spm != NULL, bytes, words);
    status = kind == FAMILY_SPM     ? tokenizer_read_sentencepiece(t, spm, &f, err)
             : kind == FAMILY_BYTES ? tokenizer_read_bytes(t, paths[VOCAB_JSON], paths[MERGES], &f, err)
                                    : tokenizer_read_wordpiece(t, paths[VOCAB_TXT], &f, err);
  }
  family_close(&f);
  return status;
}

static dwell_status read_folder(tokenizer *t, const char *folder, const gguf *opt_file, dwell_error *err) {
  const char *paths[FIRST_CONFIG];
  bool there[FIRST_CONFIG];
  for (size_t i = 0; i < FIRST_CONFIG; i++) {
    dwell_status status = locate(t, folder, NAMES[i], &paths[i], &there[i], err);
    if (status != DWELL_OK) return status;
  }
  return there[JSON] ? tokenizer_read_json(t, paths[JSON], err) : read_old(t, folder, opt_file, paths, there, err);
}

dwell_status tokenizer_open_gguf(const gguf *opt_file, const char *folder, tokenizer **ret_tokenizer,
                                 dwell_error *err) {
  *ret_tokenizer = NULL;
  tokenizer *t = MEM_ZERO(tokenizer, 1);
  if (t == NULL) return error_no_memory(err, "the tokenizer");
  dwell_status status = read_folder(t, folder, opt_file, err);
  if (status == DWELL_OK) status = added_prepare(&t->added, &t->normalizer, &t->memory, err);
  if (status != DWELL_OK) {
    error_in_file(err, t->file_count > 0 ? t->files[t->file_count - 1] : folder);
    tokenizer_close(t);
    return status;
  }
  *ret_tokenizer = t;
  return DWELL_OK;
}

dwell_status tokenizer_open(const char *folder, tokenizer **ret_tokenizer, dwell_error *err) {
  return tokenizer_open_gguf(NULL, folder, ret_tokenizer, err);
}

void tokenizer_close(tokenizer *t) {
  if (t == NULL) return;
  normalizer_close(&t->normalizer);
  pretokenizer_close(&t->pretokenizer);
  added_free(&t->added);
  vocab_free(&t->vocab);
  arena_clear(&t->memory);
  mem_free(t);
}

size_t tokenizer_size(const tokenizer *t) { return t->vocab.count == 0 ? 0 : (size_t)t->vocab.largest + 1; }

const char *tokenizer_piece(const tokenizer *t, int64_t id) {
  const vocab_entry *entry = vocab_entry_of(&t->vocab, id);
  return entry != NULL ? entry->text : NULL;
}

bool tokenizer_is_special(const tokenizer *t, int64_t id) {
  const vocab_entry *entry = vocab_entry_of(&t->vocab, id);
  return entry != NULL && entry->special;
}

const char *tokenizer_kind(const tokenizer *t) { return t->model.class->name; }

size_t tokenizer_files(const tokenizer *t) { return t->file_count; }

const char *tokenizer_file(const tokenizer *t, size_t i) { return i < t->file_count ? t->files[i] : NULL; }

size_t tokenizer_notes(const tokenizer *t) { return t->note_count; }

const char *tokenizer_note(const tokenizer *t, size_t i) { return i < t->note_count ? t->notes[i] : NULL; }
