/* text/family.c - the classes of transformers, and what they make of a vocabulary. */
#include "text/family.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"

/* ---- the classes ---- */

#define NAMES(bos, eos, unk, sep, pad, cls, mask) \
  { NULL, bos, eos, unk, sep, pad, cls, mask }
#define BERT_NAMES NAMES(NULL, NULL, "[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]")
#define ROBERTA_NAMES NAMES("<s>", "</s>", "<unk>", "</s>", "<pad>", "<s>", "<mask>")
#define GPT2_NAMES NAMES("<|endoftext|>", "<|endoftext|>", "<|endoftext|>", NULL, NULL, NULL, NULL)
#define AROUND .before = {FAMILY_CLS}, .after = {FAMILY_SEP}

static const family_class CLASSES[] = {
    {.name = "AlbertTokenizer",
     .model_types = " albert ",
     .kind = FAMILY_SPM,
     .names = NAMES("[CLS]", "[SEP]", "<unk>", "[SEP]", "<pad>", "[CLS]", "[MASK]"),
     AROUND,
     .mask_left = true,
     .cleans = true,
     .lower_case = true},
    {.name = "LlamaTokenizer",
     .model_types = " llama mistral mixtral ",
     .kind = FAMILY_SPM,
     .names = NAMES("<s>", "</s>", "<unk>", NULL, NULL, NULL, NULL),
     .add_bos = true,
     .has_legacy = true},
    {.name = "GemmaTokenizer",
     .model_types = " gemma gemma2 ",
     .kind = FAMILY_SPM,
     .names = NAMES("<bos>", "<eos>", "<unk>", NULL, "<pad>", NULL, NULL),
     .add_bos = true},
    {.name = "T5Tokenizer",
     .model_types = " t5 mt5 umt5 longt5 ",
     .kind = FAMILY_SPM,
     .names = NAMES(NULL, "</s>", "<unk>", NULL, "<pad>", NULL, NULL),
     .after = {FAMILY_EOS},
     .has_legacy = true,
     .extra_ids = 100},
    {.name = "XLMRobertaTokenizer",
     .model_types = " xlm-roberta xlm-roberta-xl ",
     .kind = FAMILY_SPM,
     .names = ROBERTA_NAMES,
     AROUND,
     .mask_left = true,
     .fairseq = true},
    {.name = "XLNetTokenizer",
     .model_types = " xlnet ",
     .kind = FAMILY_SPM,
     .names = NAMES("<s>", "</s>", "<unk>", "<sep>", "<pad>", "<cls>", "<mask>"),
     .after = {FAMILY_SEP, FAMILY_CLS},
     .mask_left = true,
     .cleans = true},
    {.name = "BigBirdTokenizer",
     .model_types = " big_bird ",
     .kind = FAMILY_SPM,
     .names = NAMES("<s>", "</s>", "<unk>", "[SEP]", "<pad>", "[CLS]", "[MASK]"),
     AROUND,
     .mask_left = true},
    {.name = "GPT2Tokenizer", .model_types = " gpt2 gpt_neo gptj ", .kind = FAMILY_BYTES, .names = GPT2_NAMES},
    {.name = "GPTNeoXTokenizer",
     .model_types = " gpt_neox ",
     .kind = FAMILY_BYTES,
     .names = NAMES("<|endoftext|>", "<|endoftext|>", "<|endoftext|>", NULL, "<|padding|>", NULL, NULL),
     .nfc = true},
    /* OPT's checkpoints say GPT2Tokenizer with add_bos_token; this is for those that say nothing. */
    {.name = "OPTTokenizer",
     .model_types = " opt ",
     .kind = FAMILY_BYTES,
     .names = NAMES("</s>", "</s>", "</s>", NULL, "<pad>", NULL, NULL),
     .add_bos = true},
    {.name = "RobertaTokenizer",
     .model_types = " roberta longformer bart ",
     .kind = FAMILY_BYTES,
     .names = ROBERTA_NAMES,
     AROUND,
     .mask_left = true},
    {.name = "BertTokenizer",
     .model_types = " bert ",
     .kind = FAMILY_WORDPIECE,
     .names = BERT_NAMES,
     AROUND,
     .lower_case = true},
    {.name = "DistilBertTokenizer",
     .model_types = " distilbert ",
     .kind = FAMILY_WORDPIECE,
     .names = BERT_NAMES,
     AROUND,
     .lower_case = true},
    {.name = "ElectraTokenizer",
     .model_types = " electra ",
     .kind = FAMILY_WORDPIECE,
     .names = BERT_NAMES,
     AROUND,
     .lower_case = true},
    {.name = "MPNetTokenizer",
     .model_types = " mpnet ",
     .kind = FAMILY_WORDPIECE,
     .names = NAMES("<s>", "</s>", "[UNK]", "</s>", "<pad>", "<s>", "<mask>"),
     AROUND,
     .mask_left = true,
     .lower_case = true},
};

static const family_class PLAIN = {.name = "none", .kind = FAMILY_SPM};

static bool is_class(const family_class *c, jtext name) {
  size_t length = strlen(c->name);
  bool fast = name.length == length + 4 && memcmp(name.data + length, "Fast", 4) == 0;
  return (fast || name.length == length) && memcmp(name.data, c->name, length) == 0;
}

static const family_class *class_named(jtext name) {
  for (size_t i = 0; i < sizeof CLASSES / sizeof CLASSES[0] && name.data != NULL; i++) {
    if (is_class(&CLASSES[i], name)) return &CLASSES[i];
  }
  return NULL;
}

static const family_class *class_of_model(jtext type) {
  char key[64];
  if (type.data == NULL || type.length > sizeof key - 3 || memchr(type.data, ' ', type.length) != NULL) return NULL;
  snprintf(key, sizeof key, " %s ", type.data);
  for (size_t i = 0; i < sizeof CLASSES / sizeof CLASSES[0]; i++) {
    if (strstr(CLASSES[i].model_types, key) != NULL) return &CLASSES[i];
  }
  return NULL;
}

/* Names of classes that say nothing about the files. */
static bool is_general(jtext name) {
  return name.data == NULL || jtext_is(name, "PreTrainedTokenizerFast") || jtext_is(name, "TokenizersBackend");
}

static const family_class *class_of(const family *f) {
  return is_general(f->asked) ? class_of_model(f->model_type) : class_named(f->asked);
}

family_kind family_files(const family *f, bool spm, bool bytes, bool words) {
  const bool there[] = {[FAMILY_SPM] = spm, [FAMILY_BYTES] = bytes, [FAMILY_WORDPIECE] = words};
  const family_class *c = class_of(f);
  if (c != NULL && there[c->kind]) return c->kind;
  return bytes ? FAMILY_BYTES : spm ? FAMILY_SPM : FAMILY_WORDPIECE;
}

static void set_flag(family *f, family_flag flag, bool value) {
  if (!f->has_flag[flag]) f->flags[flag] = value;
}

void family_settle(family *f, const char *otherwise) {
  const family_class *found = class_of(f);
  f->known = found != NULL;
  if (found == NULL && otherwise != NULL) found = class_named((jtext){otherwise, strlen(otherwise)});
  f->class = found != NULL ? found : &PLAIN;
  for (size_t i = 0; i < FAMILY_ROLES; i++) {
    const char *usual = f->class->names[i];
    if (!f->has_name[i] && usual != NULL) f->names[i] = (jtext){usual, strlen(usual)};
  }
  set_flag(f, FAMILY_ADD_BOS, f->class->add_bos);
  set_flag(f, FAMILY_LOWER_CASE, f->class->lower_case);
  set_flag(f, FAMILY_STRIP_ACCENTS, f->flags[FAMILY_LOWER_CASE]);
  set_flag(f, FAMILY_REMOVE_SPACE, true);
  set_flag(f, FAMILY_IDEOGRAPHS, true);
  set_flag(f, FAMILY_LEGACY, true);
  set_flag(f, FAMILY_PREFIX_SPACE, f->class->kind == FAMILY_SPM);
  if (f->extra_ids < 0) f->extra_ids = f->class->extra_ids;
}

void family_close(family *f) {
  mem_free(f->listed);
  *f = (family){0};
}

/* ---- added tokens ---- */

static int32_t id_of(const tokenizer *t, jtext text) {
  const added_token *entry = added_find(&t->added, text);
  return entry != NULL ? entry->id : vocab_find(&t->vocab, text.data, text.length);
}

/* One that is there already keeps its flags. Without an id it takes that of its piece, or is passed over. */
static dwell_status add(tokenizer *t, added_token entry, dwell_error *err) {
  if (added_find(&t->added, entry.content) != NULL) return DWELL_OK;
  if (entry.id == VOCAB_NONE) entry.id = vocab_find(&t->vocab, entry.content.data, entry.content.length);
  return entry.id == VOCAB_NONE ? DWELL_OK : added_add(&t->added, &entry, &t->vocab, err);
}

static bool is_role(const family *f, jtext text) {
  for (size_t i = 0; i < FAMILY_ROLES; i++) {
    if (f->names[i].data != NULL && jtext_same(f->names[i], text)) return true;
  }
  return false;
}

static dwell_status add_extra_ids(const family *f, tokenizer *t, size_t pieces, dwell_error *err) {
  for (int64_t i = 0; i < f->extra_ids; i++) {
    char text[40];
    int length = snprintf(text, sizeof text, "<extra_id_%lld>", (long long)i);
    added_token entry = {.special = true, .left_strip = true, .right_strip = true};
    entry.content = (jtext){arena_text(&t->memory, text, (size_t)length), (size_t)length};
    if (entry.content.data == NULL) return error_no_memory(err, "the special tokens");
    if (added_find(&t->added, entry.content) != NULL) continue;
    entry.id = vocab_find(&t->vocab, text, (size_t)length);
    if (entry.id == VOCAB_NONE) entry.id = (int32_t)((int64_t)pieces - 1 + f->extra_ids - i);
    dwell_status status = added_add(&t->added, &entry, &t->vocab, err);
    if (status != DWELL_OK) return status;
  }
  return DWELL_OK;
}

static dwell_status add_all(const family *f, tokenizer *t, size_t pieces, dwell_error *err) {
  dwell_status status = DWELL_OK;
  for (size_t i = 0; i < f->listed_count; i++) {
    added_token entry = f->listed[i];
    entry.special = entry.special || is_role(f, entry.content);
    TRY(add(t, entry, err));
  }
  for (size_t i = 0; i < FAMILY_ROLES; i++) {
    added_token entry = {.content = f->names[i], .id = VOCAB_NONE, .special = true};
    if (entry.content.data == NULL) continue;
    entry.left_strip = i == FAMILY_MASK && f->class->mask_left;
    if (f->class->fairseq && jtext_is(entry.content, "<pad>")) entry.id = 1;
    if (f->class->fairseq && i == FAMILY_MASK) entry.id = (int32_t)pieces + 1;
    TRY(add(t, entry, err));
  }
  TRY(add_extra_ids(f, t, pieces, err));
done:
  return status;
}

/* ---- around a text ---- */

typedef struct around {
  int32_t items[2 * FAMILY_AROUND + 3];
  size_t count;
  strbuf words; /* the same for people */
} around;

static dwell_status put(const family *f, const tokenizer *t, family_role role, around *a, dwell_error *err) {
  jtext name = f->names[role];
  int32_t id = name.data != NULL ? id_of(t, name) : VOCAB_NONE;
  if (id == VOCAB_NONE) {
    return error_set(err, DWELL_BAD_INPUT, "the vocabulary has no '%s', which %s puts around each text",
                     name.data != NULL ? name.data : "special token", f->class->name);
  }
  a->items[a->count++] = id;
  strbuf_printf(&a->words, "%s%s", a->words.length > 0 ? " " : "", name.data);
  return DWELL_OK;
}

static dwell_status put_all(const family *f, const tokenizer *t, around *a, dwell_error *err) {
  const family_class *c = f->class;
  dwell_status status = DWELL_OK;
  if (f->flags[FAMILY_ADD_BOS] && c != &PLAIN && c->before[0] == FAMILY_NONE && c->after[0] == FAMILY_NONE) {
    TRY(put(f, t, FAMILY_BOS, a, err));
  }
  for (size_t i = 0; i < FAMILY_AROUND && c->before[i] != FAMILY_NONE; i++) TRY(put(f, t, c->before[i], a, err));
  a->items[a->count++] = TEMPLATE_TEXT;
  strbuf_printf(&a->words, "%stext", a->words.length > 0 ? " " : "");
  for (size_t i = 0; i < FAMILY_AROUND && c->after[i] != FAMILY_NONE; i++) TRY(put(f, t, c->after[i], a, err));
  if (f->flags[FAMILY_ADD_EOS] && c->kind == FAMILY_SPM && c->before[0] == FAMILY_NONE && c->after[0] == FAMILY_NONE) {
    if (c != &PLAIN) TRY(put(f, t, FAMILY_EOS, a, err));
  }
done:
  return status;
}

/* What was decided, in words. */
static dwell_status note(const family *f, tokenizer *t, const char *path, const around *a, dwell_error *err) {
  const char *slash = strrchr(path, '/'), *file = slash != NULL ? slash + 1 : path;
  if (f->known) return tokenizer_add_note(t, err, "from %s as %s: %s", file, f->class->name, a->words.data);
  if (a->count > 1) {
    return tokenizer_add_note(t, err, "from %s; no known class is named, so as %s: %s", file, f->class->name,
                              a->words.data);
  }
  return tokenizer_add_note(t, err, "from %s; no known class is named, so no special tokens are added", file);
}

dwell_status family_finish(const family *f, tokenizer *t, size_t pieces, const char *path, dwell_error *err) {
  around a = {.count = 0};
  dwell_status status;
  TRY(add_all(f, t, pieces, err));
  TRY(put_all(f, t, &a, err));
  if (a.words.failed) TRY(error_no_memory(err, "the special tokens"));
  if (a.count > 1) TRY(postprocessor_template(&t->postprocessor, a.items, a.count, &t->vocab, &t->memory, err));
  TRY(note(f, t, path, &a, err));
done:
  if (status != DWELL_OK) error_in_file(err, path);
  strbuf_free(&a.words);
  return status;
}
