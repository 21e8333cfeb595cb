/* text/gguf_tokens.c - the tokenizer that a GGUF file carries, under tokenizer.ggml: pieces with their types, and
 * scores (SentencePiece's BPE, called "llama") or merges (byte-level BPE, called "gpt2"). The numbers of the types are
 * those of SentencePiece, so that its pieces hold both. What a file does not say is what the format's reference reader
 * takes. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/str.h"
#include "file/gguf.h"
#include "text/bpe.h"
#include "text/internal.h"
#include "text/spm.h"
#include "text/unicode.h"

#define KEY(name) "tokenizer.ggml." name

enum { BOS, EOS, UNKNOWN, PADDING, ROLES };

typedef struct carried {
  const gguf *file;
  tokenizer *t;
  spm pieces;
  int32_t roles[ROLES]; /* ids; VOCAB_NONE: not said */
  bool add_bos;         /* unless the file says otherwise */
  const char *kind;     /* for people */
} carried;

/* ---- asking ---- */

static bool has(const carried *c, const char *key) { return gguf_entry_of(c->file, key) != NULL; }

static dwell_status at_key(const carried *c, const char *key, dwell_error *err) {
  error_at_item(err, key);
  return error_in_file(err, gguf_path(c->file));
}

/* A bool that is *value where the file does not say. */
static dwell_status read_flag(const carried *c, const char *key, bool *value, dwell_error *err) {
  return has(c, key) ? gguf_bool(c->file, key, value, err) : DWELL_OK;
}

/* A list with one item for each piece. */
static dwell_status read_list(const carried *c, const char *key, gguf_kind kind, size_t count, gguf_list *ret_list,
                              dwell_error *err) {
  dwell_status status = gguf_array(c->file, key, kind, ret_list, err);
  if (status != DWELL_OK || ret_list->count == count) return status;
  error_set(err, DWELL_BAD_INPUT, "the list has %zu items, but there are %zu pieces", ret_list->count, count);
  return at_key(c, key, err), DWELL_BAD_INPUT;
}

/* ---- pieces ---- */

/* Each piece has a row of the embeddings. */
static dwell_status check_rows(const carried *c, size_t count, dwell_error *err) {
  const gguf_tensor *words = gguf_find(c->file, "token_embd.weight");
  size_t rows = words != NULL && words->rank == 2 ? words->shape[0] : count;
  if (count > 0 && rows == count) return DWELL_OK;
  if (count == 0) error_set(err, DWELL_BAD_INPUT, "the list is empty");
  else error_set(err, DWELL_BAD_INPUT, "there are %zu pieces, but the embeddings have %zu rows", count, rows);
  return at_key(c, KEY("tokens"), err), DWELL_BAD_INPUT;
}

static dwell_status check_piece(const carried *c, size_t i, int64_t type, double score, dwell_error *err) {
  bool typed = type >= SPM_NORMAL && type <= SPM_BYTE;
  if (typed && fabs(score) <= FLT_MAX) return DWELL_OK; /* NaN is not */
  if (typed) error_set(err, DWELL_BAD_INPUT, "piece %zu has a score that is not finite", i);
  else error_set(err, DWELL_BAD_INPUT, "piece %zu has type %lld, which is none of 1 to 6", i, (long long)type);
  return at_key(c, typed ? KEY("scores") : KEY("token_type"), err), DWELL_BAD_INPUT;
}

/* Byte-level pieces have no scores, and their types may be left out. */
static dwell_status read_pieces(carried *c, bool scored, dwell_error *err) {
  gguf_list texts, types = {0}, scores = {0};
  gguf_item text, type, score;
  dwell_status status;
  TRY(gguf_array(c->file, KEY("tokens"), GGUF_KIND_STRING, &texts, err));
  size_t count = texts.count;
  bool typed = scored || has(c, KEY("token_type"));
  TRY(check_rows(c, count, err));
  if (typed) TRY(read_list(c, KEY("token_type"), GGUF_KIND_INTEGER, count, &types, err));
  if (scored) TRY(read_list(c, KEY("scores"), GGUF_KIND_FLOAT, count, &scores, err));
  for (size_t i = 0; i < count; i++) {
    gguf_next(&texts, &text);
    if (!gguf_next(&types, &type)) type.integer = SPM_NORMAL;
    gguf_next(&scores, &score);
    TRY(check_piece(c, i, type.integer, score.real, err));
    spm_piece p = {{text.text.data, text.text.length}, (float)score.real, (spm_type)type.integer, 0};
    status = spm_add(&c->pieces, p, gguf_path(c->file), &c->t->memory, err);
    if (status != DWELL_OK) return at_key(c, KEY("tokens"), err), status;
  }
done:
  return status;
}

static dwell_status read_roles(carried *c, dwell_error *err) {
  static const char *const keys[ROLES] = {KEY("bos_token_id"), KEY("eos_token_id"), KEY("unknown_token_id"),
                                          KEY("padding_token_id")};
  dwell_status status = DWELL_OK;
  for (size_t i = 0; i < ROLES; i++) {
    uint64_t id;
    c->roles[i] = VOCAB_NONE;
    if (!has(c, keys[i])) continue;
    TRY(gguf_uint(c->file, keys[i], 0, c->pieces.count - 1, &id, err));
    c->roles[i] = (int32_t)id;
  }
done:
  return status;
}

/* ---- "llama" ---- */

/* One unknown piece: the named one. Converters gave that type to the padding of the vocabulary too. */
static void settle_unknown(carried *c) {
  int32_t named = c->roles[UNKNOWN];
  for (size_t i = 0; i < c->pieces.count && named != VOCAB_NONE; i++) {
    spm_piece *p = &c->pieces.pieces[i];
    if (p->id == named) p->type = SPM_UNKNOWN;
    else if (p->type == SPM_UNKNOWN) p->type = SPM_UNUSED;
  }
}

static dwell_status use_scores(carried *c, dwell_error *err) {
  spm *m = &c->pieces;
  dwell_status status;
  c->add_bos = m->is_bpe = m->add_space = m->mark_spaces = true;
  TRY(read_flag(c, KEY("add_space_prefix"), &m->add_space, err));
  TRY(read_flag(c, KEY("remove_extra_whitespaces"), &m->trim_spaces, err));
  if (has(c, KEY("precompiled_charsmap"))) {
    error_set(err, DWELL_UNSUPPORTED, "replacements of characters are not supported with this kind of pieces");
    return at_key(c, KEY("precompiled_charsmap"), err), DWELL_UNSUPPORTED;
  }
  settle_unknown(c);
  for (size_t i = 0; i < m->count; i++) m->byte_fallback = m->byte_fallback || m->pieces[i].type == SPM_BYTE;
  TRY(spm_check(m, gguf_path(c->file), err));
  TRY(tokenizer_use_spm(c->t, m, err));
done:
  if (status == DWELL_BAD_INPUT) at_key(c, KEY("tokens"), err);
  return status;
}

/* ---- "gpt2" ---- */

#define WORDS "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+"
#define REST "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"

/* How texts are cut before bytes are merged: by the models' own tokenizers, whose names these are. */
typedef struct splitting {
  const char *name;
  const char *regex;  /* NULL: GPT-2's */
  bool digits;        /* each alone, before that */
  bool composed;      /* texts are normalised to NFC */
  bool ignore_merges; /* a word that is a piece stays one */
  bool add_bos;
} splitting;

static const splitting SPLITTINGS[] = {
    {.name = "default"},
    {.name = "gpt-2"},
    {.name = "llama-bpe", .regex = WORDS "|\\p{N}{1,3}" REST, .ignore_merges = true, .add_bos = true},
    {.name = "llama3", .regex = WORDS "|\\p{N}{1,3}" REST, .ignore_merges = true, .add_bos = true},
    {.name = "llama-v3", .regex = WORDS "|\\p{N}{1,3}" REST, .ignore_merges = true, .add_bos = true},
    {.name = "qwen2", .regex = WORDS "|\\p{N}" REST, .composed = true},
    {.name = "smollm", .digits = true},
};

/* A file of before the key was invented does not say, and is taken as "default". */
static dwell_status find_splitting(const carried *c, const splitting **ret_splitting, dwell_error *err) {
  const char *key = KEY("pre");
  gguf_text name;
  *ret_splitting = &SPLITTINGS[0];
  if (!has(c, key)) return DWELL_OK;
  for (size_t i = 0; i < sizeof SPLITTINGS / sizeof SPLITTINGS[0]; i++) {
    *ret_splitting = &SPLITTINGS[i];
    if (gguf_is(c->file, key, SPLITTINGS[i].name)) return DWELL_OK;
  }
  dwell_status status = gguf_string(c->file, key, &name, err);
  if (status != DWELL_OK) return status;
  error_set(err, DWELL_UNSUPPORTED, "texts that are split as '%.*s' are not supported", (int)name.length, name.data);
  return at_key(c, key, err), DWELL_UNSUPPORTED;
}

static dwell_status add_splitting(tokenizer *t, const splitting *s, dwell_error *err) {
  const normalizer_options form = {.form = NORMAL_FORMS_C};
  const pretokenizer_options digits = {.classes = UNICODE_NUMERIC, .behaviour = CUT_ISOLATED};
  const pretokenizer_options bytes = {.use_regex = s->regex == NULL};
  pretokenizer_options words = {.behaviour = CUT_ISOLATED};
  dwell_status status = DWELL_OK;
  if (s->composed) TRY(normalizer_add(&t->normalizer, normalize_form, &form, &t->memory, err));
  if (s->digits) TRY(pretokenizer_add(&t->pretokenizer, pretokenize_class, &digits, &t->memory, err));
  if (s->regex != NULL) {
    TRY(pattern_regex(s->regex, strlen(s->regex), &words.pattern, err));
    TRY(pretokenizer_add(&t->pretokenizer, pretokenize_split, &words, &t->memory, err));
  }
  TRY(pretokenizer_add(&t->pretokenizer, pretokenize_byte_level, &bytes, &t->memory, err));
done:
  return status;
}

/* Texts of the pairs point into the file's header. */
static dwell_status read_merges(const carried *c, bpe_pairs *pairs, dwell_error *err) {
  const char *key = KEY("merges");
  gguf_list list;
  gguf_item item;
  dwell_status status = gguf_array(c->file, key, GGUF_KIND_STRING, &list, err);
  for (size_t i = 0; status == DWELL_OK && gguf_next(&list, &item); i++) {
    bpe_pair pair;
    if (!bpe_pair_parse((jtext){item.text.data, item.text.length}, &pair)) {
      error_set(err, DWELL_BAD_INPUT, "merge %zu is not two pieces with one space between them", i);
      return at_key(c, key, err), DWELL_BAD_INPUT;
    }
    status = bpe_pairs_add(pairs, pair.left, pair.right, err);
  }
  return status;
}

static dwell_status refuse_prefix(const carried *c, dwell_error *err) {
  bool prefix = false;
  dwell_status status = read_flag(c, KEY("add_space_prefix"), &prefix, err);
  if (status != DWELL_OK || !prefix) return status;
  error_set(err, DWELL_UNSUPPORTED, "a space before texts is not supported with byte-level pieces");
  return at_key(c, KEY("add_space_prefix"), err), DWELL_UNSUPPORTED;
}

static dwell_status use_merges(carried *c, dwell_error *err) {
  tokenizer *t = c->t;
  const splitting *s;
  bpe_pairs pairs = {0};
  dwell_status status;
  TRY(find_splitting(c, &s, err));
  TRY(refuse_prefix(c, err));
  TRY(read_merges(c, &pairs, err));
  status = spm_fill(&c->pieces, &t->vocab, err);
  if (status != DWELL_OK) at_key(c, KEY("tokens"), err);
  if (status != DWELL_OK) goto done;
  const bpe_options options = {.prefix = {"", 0}, .suffix = {"", 0}, .ignore_merges = s->ignore_merges};
  t->model.class = &MODEL_BPE;
  status = bpe_make(&t->vocab, &pairs, &options, &t->memory, &t->model.state, err);
  if (status != DWELL_OK) at_key(c, KEY("merges"), err);
  if (status != DWELL_OK) goto done;
  vocab_settle(&t->vocab);
  TRY(add_splitting(t, s, err));
  c->add_bos = s->add_bos;
  c->kind = has(c, KEY("pre")) ? s->name : "no way to split texts is named, so as GPT-2";
done:
  bpe_pairs_free(&pairs);
  return status;
}

/* ---- special tokens ---- */

static bool has_role(const carried *c, int32_t id) {
  for (size_t i = 0; i < ROLES; i++) {
    if (c->roles[i] == id) return true;
  }
  return false;
}

/* Control, unknown and user-defined pieces are found in texts as they are written. */
static dwell_status add_tokens(carried *c, dwell_error *err) {
  for (size_t i = 0; i < c->pieces.count; i++) {
    const spm_piece *p = &c->pieces.pieces[i];
    added_token entry = {.content = p->text, .id = p->id};
    entry.special = p->type == SPM_CONTROL || p->type == SPM_UNKNOWN || has_role(c, p->id);
    if (!entry.special && p->type != SPM_USER) continue;
    dwell_status status = added_add(&c->t->added, &entry, &c->t->vocab, err);
    if (status != DWELL_OK) return status;
  }
  return DWELL_OK;
}

/* A token put before or behind each text; `items` grows by it. */
static dwell_status put(const carried *c, int role, const char *key, int32_t *items, size_t *count, dwell_error *err) {
  items[(*count)++] = c->roles[role];
  if (c->roles[role] != VOCAB_NONE) return DWELL_OK;
  error_set(err, DWELL_BAD_INPUT, "this token goes around each text, but its id is missing");
  return at_key(c, key, err), DWELL_BAD_INPUT;
}

static dwell_status surround(carried *c, dwell_error *err) {
  tokenizer *t = c->t;
  const char *path = gguf_path(c->file), *slash = strrchr(path, '/');
  int32_t items[3];
  size_t count = 0;
  bool bos = c->add_bos, eos = false;
  dwell_status status;
  TRY(read_flag(c, KEY("add_bos_token"), &bos, err));
  TRY(read_flag(c, KEY("add_eos_token"), &eos, err));
  if (bos) TRY(put(c, BOS, KEY("bos_token_id"), items, &count, err));
  items[count++] = TEMPLATE_TEXT;
  if (eos) TRY(put(c, EOS, KEY("eos_token_id"), items, &count, err));
  if (count > 1) TRY(postprocessor_template(&t->postprocessor, items, count, &t->vocab, &t->memory, err));
  TRY(tokenizer_add_note(t, err, "from %s (%s): %s%stext%s%s", slash != NULL ? slash + 1 : path, c->kind,
                         bos ? tokenizer_piece(t, c->roles[BOS]) : "", bos ? " " : "", eos ? " " : "",
                         eos ? tokenizer_piece(t, c->roles[EOS]) : ""));
done:
  return status;
}

/* ---- the whole ---- */

static dwell_status choose(const carried *c, bool *ret_scored, dwell_error *err) {
  const char *key = KEY("model");
  gguf_text name;
  *ret_scored = gguf_is(c->file, key, "llama");
  if (*ret_scored || gguf_is(c->file, key, "gpt2")) return DWELL_OK;
  if (has(c, key)) {
    dwell_status status = gguf_string(c->file, key, &name, err);
    if (status != DWELL_OK) return status;
    error_set(err, DWELL_UNSUPPORTED, "a tokenizer of kind '%.*s' is not supported (llama and gpt2 are)",
              (int)name.length, name.data);
  } else {
    error_set(err, DWELL_UNSUPPORTED, "the file carries no tokenizer, and none lies beside it");
  }
  at_key(c, key, err);
  error_remedy(err, "Copy the model's tokenizer.json into its folder");
  return DWELL_UNSUPPORTED;
}

dwell_status tokenizer_read_gguf(tokenizer *t, const gguf *file, dwell_error *err) {
  carried c = {.file = file, .t = t, .kind = "llama"};
  bool scored;
  dwell_status status;
  TRY(choose(&c, &scored, err));
  TRY(read_pieces(&c, scored, err));
  TRY(read_roles(&c, err));
  TRY(scored ? use_scores(&c, err) : use_merges(&c, err));
  TRY(add_tokens(&c, err));
  TRY(surround(&c, err));
done:
  if (status != DWELL_OK) error_in_file(err, gguf_path(file));
  spm_free(&c.pieces);
  return status;
}
