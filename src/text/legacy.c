/* text/legacy.c - tokenizers of before tokenizer.json: vocab.json with merges.txt (GPT-2, RoBERTa, OPT), and vocab.txt
 * (BERT, MPNet). */
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "file/jcursor.h"
#include "text/bpe.h"
#include "text/family.h"
#include "text/unicode.h"
#include "text/wordpiece.h"

/* ---- lines ---- */

/* A whole text file, checked to be UTF-8. Release with mem_free. */
static dwell_status slurp_text(const char *path, char **ret_data, size_t *ret_size, dwell_error *err) {
  dwell_status status = file_slurp(path, TOKENIZER_MOST_BYTES, ret_data, ret_size, err);
  if (status != DWELL_OK) return status;
  size_t good = utf8_check(*ret_data, *ret_size);
  if (good == *ret_size) return DWELL_OK;
  error_set(err, DWELL_BAD_INPUT, "the file is not UTF-8");
  error_at_offset(err, (int64_t)good);
  error_in_file(err, path);
  return DWELL_BAD_INPUT;
}

/* The line that begins at *at, without its "\n" or "\r\n"; moves *at behind it. False at the end of the text. */
static bool next_line(const char *data, size_t size, size_t *at, jtext *ret_line) {
  if (*at >= size) return false;
  const char *begin = data + *at, *end = memchr(begin, '\n', size - *at);
  size_t length = end ? (size_t)(end - begin) : size - *at;
  *at += length + (end != NULL);
  if (length > 0 && begin[length - 1] == '\r') length--;
  *ret_line = (jtext){begin, length};
  return true;
}

static dwell_status bad_line(const char *path, size_t number, const char *what, jtext line, dwell_error *err) {
  char shown[100];
  str_display(shown, sizeof shown, line.data, line.length);
  error_set(err, DWELL_BAD_INPUT, "line %zu, '%s', %s", number, shown, what);
  error_in_file(err, path);
  return DWELL_BAD_INPUT;
}

/* ---- byte-level BPE ---- */

/* Texts of the pairs point into `data`. */
static dwell_status parse_merges(const char *path, const char *data, size_t size, bpe_pairs *pairs, dwell_error *err) {
  jtext line;
  for (size_t at = 0, number = 1; next_line(data, size, &at, &line); number++) {
    bpe_pair pair;
    bool version = line.length >= 8 && memcmp(line.data, "#version", 8) == 0;
    if (version || line.length == 0) continue;
    if (!bpe_pair_parse(line, &pair)) {
      return bad_line(path, number, "is not two pieces with one space between them", line, err);
    }
    dwell_status status = bpe_pairs_add(pairs, pair.left, pair.right, err);
    if (status != DWELL_OK) return status;
  }
  return DWELL_OK;
}

static dwell_status read_vocab_json(tokenizer *t, const char *path, dwell_error *err) {
  char *data = NULL;
  size_t size;
  dwell_status status;
  TRY(tokenizer_note_file(t, path, err));
  TRY(file_slurp(path, TOKENIZER_MOST_BYTES, &data, &size, err));
  jcursor c = jcursor_start(data, size, &t->memory);
  TRY(model_read_vocab(&c, path, &t->vocab, err));
  TRY(jcursor_end(&c, path, err));
done:
  mem_free(data);
  return status;
}

dwell_status tokenizer_read_bytes(tokenizer *t, const char *vocab_path, const char *merges_path, family *f,
                                  dwell_error *err) {
  bpe_pairs pairs = {0};
  char *merges = NULL;
  size_t size;
  dwell_status status;
  family_settle(f, "GPT2Tokenizer");
  TRY(read_vocab_json(t, vocab_path, err));
  TRY(tokenizer_note_file(t, merges_path, err));
  TRY(slurp_text(merges_path, &merges, &size, err));
  TRY(parse_merges(merges_path, merges, size, &pairs, err));
  bpe_options plain = {.prefix = {"", 0}, .suffix = {"", 0}};
  t->model.class = &MODEL_BPE;
  TRY(bpe_make(&t->vocab, &pairs, &plain, &t->memory, &t->model.state, err));
  vocab_settle(&t->vocab);
  const normalizer_options nfc = {.form = NORMAL_FORMS_C};
  if (f->class->nfc) TRY(normalizer_add(&t->normalizer, normalize_form, &nfc, &t->memory, err));
  pretokenizer_options words = {.use_regex = true, .prefix_space = f->flags[FAMILY_PREFIX_SPACE]};
  TRY(pretokenizer_add(&t->pretokenizer, pretokenize_byte_level, &words, &t->memory, err));
  TRY(family_finish(f, t, t->vocab.count, vocab_path, err));
done:
  bpe_pairs_free(&pairs);
  mem_free(merges);
  return status;
}

/* ---- WordPiece ---- */

/* White space at the end of a line is no part of the piece. */
static size_t trimmed(jtext line) {
  size_t kept = 0;
  uint32_t code;
  for (size_t at = 0, size; at < line.length && (size = utf8_decode(line.data + at, line.length - at, &code)) > 0;) {
    at += size;
    if (!(unicode_classes(code) & UNICODE_SPACE)) kept = at;
  }
  return kept;
}

static dwell_status read_vocab_txt(tokenizer *t, const char *path, dwell_error *err) {
  char *data = NULL;
  size_t size;
  jtext line;
  dwell_status status;
  TRY(slurp_text(path, &data, &size, err));
  int32_t id = 0;
  for (size_t at = 0; next_line(data, size, &at, &line); id++) {
    size_t length = trimmed(line);
    const char *text = arena_text(&t->memory, line.data, length);
    TRY_ALLOC(text, "the vocabulary");
    TRY(vocab_add(&t->vocab, text, length, id, true, err));
  }
done:
  mem_free(data);
  return status;
}

/* The unknown piece: without it a word without pieces could not be written. */
static dwell_status need_unknown(const vocab *v, jtext name, const char *path, dwell_error *err) {
  if (name.data != NULL && vocab_find(v, name.data, name.length) != VOCAB_NONE) return DWELL_OK;
  error_set(err, DWELL_BAD_INPUT, "the vocabulary has no '%s', the unknown piece", name.data ? name.data : "unk_token");
  error_in_file(err, path);
  return DWELL_BAD_INPUT;
}

dwell_status tokenizer_read_wordpiece(tokenizer *t, const char *vocab_path, family *f, dwell_error *err) {
  const pretokenizer_options none = {0};
  dwell_status status;
  family_settle(f, "BertTokenizer");
  TRY(tokenizer_note_file(t, vocab_path, err));
  TRY(read_vocab_txt(t, vocab_path, err));
  TRY(need_unknown(&t->vocab, f->names[FAMILY_UNK], vocab_path, err));
  t->model.class = &MODEL_WORDPIECE;
  TRY(wordpiece_make(&t->vocab, f->names[FAMILY_UNK], &t->memory, &t->model.state, err));
  vocab_settle(&t->vocab);
  const normalizer_options bert = {.clean = true,
                                   .ideographs = f->flags[FAMILY_IDEOGRAPHS],
                                   .strip_accents = f->flags[FAMILY_STRIP_ACCENTS],
                                   .lowercase = f->flags[FAMILY_LOWER_CASE]};
  TRY(normalizer_add(&t->normalizer, normalize_bert, &bert, &t->memory, err));
  TRY(pretokenizer_add(&t->pretokenizer, pretokenize_bert, &none, &t->memory, err));
  TRY(family_finish(f, t, t->vocab.count, vocab_path, err));
done:
  return status;
}
