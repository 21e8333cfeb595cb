/* text/normalizer.h - the "normalizer" of tokenizer.json: a list of rewriting steps. Adding one: one entry in the
 * registry in normalizer.c. */
#ifndef DWELL_TEXT_NORMALIZER_H
#define DWELL_TEXT_NORMALIZER_H

#include "base/arena.h"
#include "text/aligned.h"
#include "text/fields.h"
#include "text/pattern.h"

enum { NORMAL_FORMS_C = 1, NORMAL_FORMS_K = 2 }; /* composed; compatibility. Neither: NFD */

/* What a step may need; each uses its own part. */
typedef struct normalizer_options {
  unsigned form;
  bool clean, ideographs, strip_accents, lowercase; /* BertNormalizer */
  bool left, right;                                 /* Strip */
  jtext content;                                    /* Replace, Prepend */
  pattern *pattern;                                 /* Replace */
  const struct precompiled *table;                  /* Precompiled, SentencePiece */
  const struct spm_rules *rules;                    /* SentencePiece */
} normalizer_options;

typedef dwell_status (*normalizer_apply_step)(const normalizer_options *options, workbench *w, dwell_error *err);

typedef struct normalizer_step {
  normalizer_apply_step apply;
  normalizer_options options;
  struct normalizer_step *next;
} normalizer_step;

typedef struct normalizer {
  normalizer_step *steps, *last; /* in the arena; patterns are released by normalizer_close */
} normalizer;

/* Reads the component at the cursor (null: no steps). Unknown kinds: DWELL_UNSUPPORTED by name. */
dwell_status normalizer_read(normalizer *n, jcursor *c, const char *path, arena *memory, dwell_error *err);
/* One step, for files other than tokenizer.json; `apply` is one of those below. */
dwell_status normalizer_add(normalizer *n, normalizer_apply_step apply, const normalizer_options *options,
                            arena *memory, dwell_error *err);
dwell_status normalizer_apply(const normalizer *n, workbench *w, dwell_error *err);
void normalizer_close(normalizer *n);

/* The steps, in their own files. */
dwell_status normalize_form(const normalizer_options *options, workbench *w, dwell_error *err);
dwell_status normalize_bert(const normalizer_options *options, workbench *w, dwell_error *err);
dwell_status normalize_lowercase(const normalizer_options *options, workbench *w, dwell_error *err);
dwell_status normalize_strip_accents(const normalizer_options *options, workbench *w, dwell_error *err);
dwell_status normalize_strip_combining(const normalizer_options *options, workbench *w, dwell_error *err);
dwell_status normalize_spaces(const normalizer_options *options, workbench *w, dwell_error *err);
dwell_status normalize_nmt(const normalizer_options *options, workbench *w, dwell_error *err);
dwell_status normalize_strip(const normalizer_options *options, workbench *w, dwell_error *err);
dwell_status normalize_replace(const normalizer_options *options, workbench *w, dwell_error *err);
dwell_status normalize_prepend(const normalizer_options *options, workbench *w, dwell_error *err);
dwell_status normalize_precompiled(const normalizer_options *options, workbench *w, dwell_error *err);
dwell_status normalize_byte_level(const normalizer_options *options, workbench *w, dwell_error *err);

/* Puts `content` before the text of a split that is not empty, aligned with its first character. */
void normalize_prepend_text(rewriter *r, jtext content);

#endif
