/* text/sentencepiece.c - a tokenizer from a SentencePiece file. */
#include "base/error.h"
#include "base/mem.h"
#include "text/family.h"
#include "text/spm.h"
#include "text/unigram.h"

/* fairseq put <s>, <pad>, </s> and <unk> in front, in its own order. */
static void number_as_fairseq(spm *m) {
  for (size_t i = 0; i < m->count; i++) {
    spm_piece *p = &m->pieces[i];
    bool own = p->type == SPM_CONTROL || p->type == SPM_UNKNOWN;
    p->id = own && jtext_is(p->text, "<s>")     ? 0
            : own && jtext_is(p->text, "<pad>") ? 1
            : own && jtext_is(p->text, "</s>")  ? 2
            : p->type == SPM_UNKNOWN            ? 3
                                                : p->id + 1;
  }
}

/* ALBERT's clean-up before SentencePiece sees the text. */
static dwell_status add_cleaning(const family *f, tokenizer *t, dwell_error *err) {
  static const char *const quotes[] = {"``", "''"};
  const normalizer_options none = {.form = NORMAL_FORMS_K}; /* the other steps have no options */
  dwell_status status = DWELL_OK;
  if (f->flags[FAMILY_REMOVE_SPACE]) TRY(normalizer_add(&t->normalizer, normalize_spaces, &none, &t->memory, err));
  for (size_t i = 0; i < 2; i++) {
    normalizer_options quote = {.content = {"\"", 1}};
    TRY(pattern_literal(quotes[i], 2, &quote.pattern, err));
    TRY(normalizer_add(&t->normalizer, normalize_replace, &quote, &t->memory, err));
  }
  if (!f->flags[FAMILY_KEEP_ACCENTS]) {
    TRY(normalizer_add(&t->normalizer, normalize_form, &none, &t->memory, err));
    TRY(normalizer_add(&t->normalizer, normalize_strip_combining, &none, &t->memory, err));
  }
  if (f->flags[FAMILY_LOWER_CASE]) TRY(normalizer_add(&t->normalizer, normalize_lowercase, &none, &t->memory, err));
done:
  return status;
}

dwell_status tokenizer_use_spm(tokenizer *t, const spm *m, dwell_error *err) {
  arena *memory = &t->memory;
  dwell_status status;
  TRY(spm_fill(m, &t->vocab, err));
  vocab_settle(&t->vocab);
  for (size_t i = 0; i < m->count; i++) {
    if (m->pieces[i].type == SPM_CONTROL) vocab_mark_special(&t->vocab, m->pieces[i].id);
  }
  const pretokenizer_options none = {0};
  TRY(spm_add_normalizer(m, &t->vocab, &t->normalizer, memory, err));
  if (spm_has_words(m)) TRY(pretokenizer_add(&t->pretokenizer, spm_cut_words, &none, memory, err));
  t->model.class = m->is_bpe ? &SPM_BPE : &MODEL_UNIGRAM;
  if (m->is_bpe) TRY(spm_bpe_make(m, &t->vocab, memory, &t->model.state, err));
  else TRY(unigram_make(m, &t->vocab, memory, &t->model.state, err));
done:
  return status;
}

dwell_status tokenizer_read_sentencepiece(tokenizer *t, const char *path, family *f, dwell_error *err) {
  spm m = {0};
  char *data = NULL;
  size_t size;
  dwell_status status;
  family_settle(f, NULL);
  TRY(tokenizer_note_file(t, path, err));
  TRY(file_slurp(path, TOKENIZER_MOST_BYTES, &data, &size, err));
  TRY(spm_read(data, size, path, &t->memory, &m, err));
  if (f->class->fairseq) number_as_fairseq(&m);
  if (f->class->has_legacy && !f->flags[FAMILY_LEGACY]) {
    m.first_only = true;
    m.add_space = m.add_space && f->flags[FAMILY_PREFIX_SPACE];
  }
  if (f->class->cleans) TRY(add_cleaning(f, t, err));
  TRY(tokenizer_use_spm(t, &m, err));
  TRY(family_finish(f, t, m.count, path, err));
done:
  spm_free(&m);
  mem_free(data);
  return status;
}
