/* text/legacy.c - tokenizers of before tokenizer.json: GPT-2's vocab.json with merges.txt, BERT's vocab.txt. */
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "file/jcursor.h"
#include "text/bpe.h"
#include "text/internal.h"
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

/* A special token that the vocabulary has; others are passed over. */
static dwell_status add_special(tokenizer *t, jtext name, dwell_error *err) {
  int32_t id = vocab_find(&t->vocab, name.data, name.length);
  if (id == VOCAB_NONE) return DWELL_OK;
  added_token special = {.content = name, .id = id, .special = true};
  return added_add(&t->added, &special, &t->vocab, err);
}

/* ---- GPT-2 ---- */

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

/* RoBERTa's files have the same names, but its texts are put between <s> and </s>. */
static dwell_status refuse_roberta(const vocab *v, const char *path, dwell_error *err) {
  if (vocab_find(v, "<s>", 3) == VOCAB_NONE || vocab_find(v, "</s>", 4) == VOCAB_NONE) return DWELL_OK;
  error_set(err, DWELL_UNSUPPORTED, "the vocabulary has <s> and </s>, so it is not GPT-2's but perhaps RoBERTa's");
  error_in_file(err, path);
  error_remedy(err, "Save the tokenizer as tokenizer.json");
  return DWELL_UNSUPPORTED;
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
  TRY(refuse_roberta(&t->vocab, path, err));
done:
  mem_free(data);
  return status;
}

dwell_status tokenizer_read_gpt2(tokenizer *t, const char *vocab_path, const char *merges_path, dwell_error *err) {
  static const char end_of_text[] = "<|endoftext|>";
  bpe_pairs pairs = {0};
  char *merges = NULL;
  size_t size;
  dwell_status status;
  TRY(read_vocab_json(t, vocab_path, err));
  TRY(tokenizer_note_file(t, merges_path, err));
  TRY(slurp_text(merges_path, &merges, &size, err));
  TRY(parse_merges(merges_path, merges, size, &pairs, err));
  bpe_options plain = {.prefix = {"", 0}, .suffix = {"", 0}};
  t->model.class = &MODEL_BPE;
  TRY(bpe_make(&t->vocab, &pairs, &plain, &t->memory, &t->model.state, err));
  vocab_settle(&t->vocab);
  pretokenizer_options words = {.use_regex = true};
  TRY(pretokenizer_add(&t->pretokenizer, pretokenize_byte_level, &words, &t->memory, err));
  TRY(add_special(t, (jtext){end_of_text, sizeof end_of_text - 1}, err));
done:
  bpe_pairs_free(&pairs);
  mem_free(merges);
  return status;
}

/* ---- BERT ---- */

typedef struct bert_config {
  normalizer_options normal;
  jtext unknown, before, after, others[2];
} bert_config;

/* A special token of the config: a text, or an object with "content". */
static dwell_status read_name(const fields *f, const char *key, const char *otherwise, jtext *ret_name,
                              dwell_error *err) {
  jcursor c;
  if (!fields_find(f, key, &c) || jcursor_peek(&c) != JKIND_OBJECT)
    return fields_text(f, key, otherwise, ret_name, err);
  fields object;
  dwell_status status = fields_read(&c, f->path, &object, err);
  return status != DWELL_OK ? status : fields_need_text(&object, "content", ret_name, err);
}

static dwell_status read_config(const fields *f, bert_config *o, dwell_error *err) {
  dwell_status status;
  TRY(fields_bool(f, "do_lower_case", true, &o->normal.lowercase, err));
  TRY(fields_bool(f, "tokenize_chinese_chars", true, &o->normal.ideographs, err));
  TRY(fields_bool(f, "strip_accents", o->normal.lowercase, &o->normal.strip_accents, err));
  o->normal.clean = true;
  TRY(read_name(f, "unk_token", "[UNK]", &o->unknown, err));
  TRY(read_name(f, "cls_token", "[CLS]", &o->before, err));
  TRY(read_name(f, "sep_token", "[SEP]", &o->after, err));
  TRY(read_name(f, "pad_token", "[PAD]", &o->others[0], err));
  TRY(read_name(f, "mask_token", "[MASK]", &o->others[1], err));
done:
  return status;
}

static dwell_status open_config(tokenizer *t, const char *path, bert_config *o, dwell_error *err) {
  fields f = {0};
  char *data = NULL;
  size_t size;
  dwell_status status;
  if (path == NULL) return read_config(&f, o, err);
  TRY(tokenizer_note_file(t, path, err));
  TRY(file_slurp(path, TOKENIZER_MOST_BYTES, &data, &size, err));
  jcursor c = jcursor_start(data, size, &t->memory);
  TRY(fields_read(&c, path, &f, err));
  TRY(jcursor_end(&c, path, err));
  TRY(read_config(&f, o, err));
done:
  mem_free(data);
  return status;
}

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

static dwell_status need_special(const vocab *v, jtext name, const char *path, int32_t *ret_id, dwell_error *err) {
  *ret_id = vocab_find(v, name.data, name.length);
  if (*ret_id != VOCAB_NONE) return DWELL_OK;
  error_set(err, DWELL_BAD_INPUT, "the vocabulary has no '%s', which BERT needs", name.data);
  error_in_file(err, path);
  return DWELL_BAD_INPUT;
}

dwell_status tokenizer_read_bert(tokenizer *t, const char *vocab_path, const char *config_path, dwell_error *err) {
  arena *memory = &t->memory;
  bert_config o = {0};
  pretokenizer_options none = {0};
  int32_t before, after, unknown;
  dwell_status status;
  TRY(open_config(t, config_path, &o, err));
  TRY(tokenizer_note_file(t, vocab_path, err));
  TRY(read_vocab_txt(t, vocab_path, err));
  TRY(need_special(&t->vocab, o.unknown, vocab_path, &unknown, err));
  TRY(need_special(&t->vocab, o.before, vocab_path, &before, err));
  TRY(need_special(&t->vocab, o.after, vocab_path, &after, err));
  t->model.class = &MODEL_WORDPIECE;
  TRY(wordpiece_make(&t->vocab, o.unknown, memory, &t->model.state, err));
  vocab_settle(&t->vocab);
  TRY(normalizer_add_bert(&t->normalizer, &o.normal, memory, err));
  TRY(pretokenizer_add(&t->pretokenizer, pretokenize_bert, &none, memory, err));
  const jtext specials[] = {o.unknown, o.before, o.after, o.others[0], o.others[1]};
  for (size_t i = 0; i < sizeof specials / sizeof specials[0]; i++) TRY(add_special(t, specials[i], err));
  TRY(postprocessor_surround(&t->postprocessor, before, after, &t->vocab, memory, err));
done:
  return status;
}
