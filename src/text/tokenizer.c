/* text/tokenizer.c - opening the tokenizer of a checkpoint folder, and asking it about its pieces. */
#include "text/tokenizer.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "text/internal.h"

dwell_status tokenizer_note_file(tokenizer *t, const char *path, dwell_error *err) {
  const char *kept = arena_text(&t->memory, path, strlen(path));
  if (kept == NULL || t->file_count == TOKENIZER_MOST_FILES) return error_no_memory(err, "the tokenizer");
  t->files[t->file_count++] = kept;
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

enum { JSON, VOCAB_JSON, MERGES, VOCAB_TXT, CONFIG, NAME_COUNT };
static const char *const NAMES[NAME_COUNT] = {"tokenizer.json", "vocab.json", "merges.txt", "vocab.txt",
                                              "tokenizer_config.json"};

const char *const *tokenizer_names(size_t *ret_count) {
  *ret_count = NAME_COUNT;
  return NAMES;
}

/* A file of the folder that holds a tokenizer we do not read, or NULL. */
static dwell_status find_foreign(const char *folder, const char **ret_name, dwell_error *err) {
  static const char *const names[] = {"spiece.model", "tokenizer.model", "sentencepiece.bpe.model", "vocab.json"};
  *ret_name = NULL;
  for (size_t i = 0; *ret_name == NULL && i < sizeof names / sizeof names[0]; i++) {
    strbuf path = {0};
    strbuf_printf(&path, "%s/%s", folder, names[i]);
    if (path.failed) return error_no_memory(err, "a path");
    if (access(path.data, F_OK) == 0) *ret_name = names[i];
    strbuf_free(&path);
  }
  return DWELL_OK;
}

static dwell_status no_tokenizer(const char *folder, dwell_error *err) {
  const char *foreign;
  dwell_status status = find_foreign(folder, &foreign, err);
  if (status != DWELL_OK) return status;
  if (foreign == NULL) {
    error_set(err, DWELL_UNSUPPORTED,
              "the folder has no tokenizer (tokenizer.json, vocab.json with merges.txt, or vocab.txt)");
    error_remedy(err, "Copy the model's tokenizer.json into the folder");
  } else if (str_equal(foreign, "vocab.json")) {
    error_set(err, DWELL_UNSUPPORTED, "the folder has vocab.json but no merges.txt to go with it");
    error_remedy(err, "Copy the model's merges.txt into the folder");
  } else {
    error_set(err, DWELL_UNSUPPORTED,
              "the folder has its tokenizer only as a SentencePiece model (%s), not as tokenizer.json", foreign);
    error_remedy(err,
                 "Make one in Python with the packages transformers and sentencepiece: "
                 "transformers.AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER)");
  }
  error_in_file(err, folder);
  return DWELL_UNSUPPORTED;
}

static dwell_status read_folder(tokenizer *t, const char *folder, dwell_error *err) {
  const char *paths[NAME_COUNT];
  bool there[NAME_COUNT];
  for (size_t i = 0; i < NAME_COUNT; i++) {
    dwell_status status = locate(t, folder, NAMES[i], &paths[i], &there[i], err);
    if (status != DWELL_OK) return status;
  }
  if (there[JSON]) return tokenizer_read_json(t, paths[JSON], err);
  if (there[VOCAB_JSON] && there[MERGES]) return tokenizer_read_gpt2(t, paths[VOCAB_JSON], paths[MERGES], err);
  if (there[VOCAB_TXT]) return tokenizer_read_bert(t, paths[VOCAB_TXT], there[CONFIG] ? paths[CONFIG] : NULL, err);
  return no_tokenizer(folder, err);
}

dwell_status tokenizer_open(const char *folder, tokenizer **ret_tokenizer, dwell_error *err) {
  *ret_tokenizer = NULL;
  tokenizer *t = MEM_ZERO(tokenizer, 1);
  if (t == NULL) return error_no_memory(err, "the tokenizer");
  dwell_status status = read_folder(t, folder, err);
  if (status == DWELL_OK) status = added_prepare(&t->added, &t->normalizer, &t->memory, err);
  if (status != DWELL_OK) {
    error_in_file(err, t->file_count > 0 ? t->files[t->file_count - 1] : folder);
    tokenizer_close(t);
    return status;
  }
  *ret_tokenizer = t;
  return DWELL_OK;
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
