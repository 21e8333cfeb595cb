/* text/pretokenizer.h - the "pre_tokenizer" of tokenizer.json: a list of cutting steps. Adding one: one entry in the
 * registry in pretokenizer.c. */
#ifndef DWELL_TEXT_PRETOKENIZER_H
#define DWELL_TEXT_PRETOKENIZER_H

#include "base/arena.h"
#include "text/aligned.h"
#include "text/fields.h"
#include "text/pattern.h"

typedef enum prepend_scheme { PREPEND_NEVER, PREPEND_FIRST, PREPEND_ALWAYS } prepend_scheme;

/* What a step may need; each uses its own part. */
typedef struct pretokenizer_options {
  bool prefix_space, use_regex; /* ByteLevel */
  unsigned classes;             /* of characters that are cut at */
  cut_behaviour behaviour;      /* Punctuation, Split, ... */
  bool invert;                  /* Split */
  pattern *pattern;             /* Split, CharDelimiterSplit, Metaspace */
  jtext replacement;            /* Metaspace */
  prepend_scheme prepend;       /* Metaspace */
  bool split;                   /* Metaspace */
  size_t length;                /* FixedLength */
} pretokenizer_options;

typedef dwell_status (*pretokenizer_apply_step)(const pretokenizer_options *options, workbench *w, dwell_error *err);

typedef struct pretokenizer_step {
  pretokenizer_apply_step apply;
  pretokenizer_options options;
  struct pretokenizer_step *next;
} pretokenizer_step;

typedef struct pretokenizer {
  pretokenizer_step *steps, *last; /* in the arena; patterns are released by pretokenizer_close */
} pretokenizer;

/* Reads the component at the cursor (null: no steps). Unknown kinds: DWELL_UNSUPPORTED by name. */
dwell_status pretokenizer_read(pretokenizer *p, jcursor *c, const char *path, arena *memory, dwell_error *err);
/* One step, for the legacy files; `apply` is one of those below. */
dwell_status pretokenizer_add(pretokenizer *p, pretokenizer_apply_step apply, const pretokenizer_options *options,
                              arena *memory, dwell_error *err);
dwell_status pretokenizer_apply(const pretokenizer *p, workbench *w, dwell_error *err);
void pretokenizer_close(pretokenizer *p);

dwell_status pretokenize_byte_level(const pretokenizer_options *options, workbench *w, dwell_error *err);
dwell_status pretokenize_bert(const pretokenizer_options *options, workbench *w, dwell_error *err);
dwell_status pretokenize_class(const pretokenizer_options *options, workbench *w, dwell_error *err);
dwell_status pretokenize_whitespace(const pretokenizer_options *options, workbench *w, dwell_error *err);
dwell_status pretokenize_split(const pretokenizer_options *options, workbench *w, dwell_error *err);
dwell_status pretokenize_fixed_length(const pretokenizer_options *options, workbench *w, dwell_error *err);
dwell_status pretokenize_metaspace(const pretokenizer_options *options, workbench *w, dwell_error *err);

#endif
