/* text/pretokenize.c - the pre-tokenizers. */
#include <string.h>

#include "base/str.h"
#include "text/byte_level.h"
#include "text/normalizer.h"
#include "text/pretokenizer.h"
#include "text/unicode.h"

dwell_status pretokenize_class(const pretokenizer_options *options, workbench *w, dwell_error *err) {
  return workbench_cut_class(w, options->classes, options->behaviour, err);
}

dwell_status pretokenize_bert(const pretokenizer_options *options, workbench *w, dwell_error *err) {
  (void)options;
  dwell_status status = workbench_cut_class(w, UNICODE_SPACE, CUT_REMOVED, err);
  return status != DWELL_OK ? status : workbench_cut_class(w, UNICODE_PUNCTUATION, CUT_ISOLATED, err);
}

/* ---- Whitespace: the runs of \w+ and of [^\w\s]+ ---- */

static unsigned word_kind(uint32_t code) {
  unsigned classes = unicode_classes(code) & (UNICODE_WORD | UNICODE_SPACE);
  return classes & UNICODE_WORD ? UNICODE_WORD : classes;
}

static dwell_status cut_words(const void *arg, cutter *c, dwell_error *err) {
  (void)arg, (void)err;
  size_t start = 0, size;
  unsigned kind = 0;
  uint32_t code;
  for (size_t at = 0; at < c->length; at += size) {
    size = utf8_decode(c->text + at, c->length - at, &code);
    unsigned here = word_kind(code);
    if (at > start && here != kind) {
      cutter_stretch(c, start, at, kind == UNICODE_SPACE);
      start = at;
    }
    kind = here;
  }
  cutter_stretch(c, start, c->length, kind == UNICODE_SPACE);
  return DWELL_OK;
}

dwell_status pretokenize_whitespace(const pretokenizer_options *options, workbench *w, dwell_error *err) {
  (void)options;
  return workbench_cut(w, cut_words, NULL, CUT_REMOVED, false, err);
}

/* ---- Split ---- */

static dwell_status cut_pattern(const void *arg, cutter *c, dwell_error *err) {
  pattern_search *const *search = arg;
  size_t begin, end, before = 0;
  bool found;
  pattern_search_text(*search, c->text, c->length);
  for (;;) {
    dwell_status status = pattern_search_next(*search, &begin, &end, &found, err);
    if (status != DWELL_OK) return status;
    if (!found) break;
    if (before != begin) cutter_stretch(c, before, begin, false);
    cutter_stretch(c, begin, end, true);
    before = end;
  }
  if (before != c->length) cutter_stretch(c, before, c->length, false);
  return DWELL_OK;
}

dwell_status pretokenize_split(const pretokenizer_options *options, workbench *w, dwell_error *err) {
  pattern_search search, *const pointer = &search;
  dwell_status status = pattern_search_start(&search, options->pattern, err);
  if (status == DWELL_OK) {
    status = workbench_cut(w, cut_pattern, &pointer, options->behaviour, options->invert, err);
  }
  pattern_search_free(&search);
  return status;
}

/* ---- FixedLength: so many characters, the last stretch may be shorter ---- */

static dwell_status cut_lengths(const void *arg, cutter *c, dwell_error *err) {
  (void)err;
  size_t most = *(const size_t *)arg, begin = 0, count = 0;
  uint32_t code;
  for (size_t at = 0; at < c->length;) {
    at += utf8_decode(c->text + at, c->length - at, &code);
    if (++count < most && at < c->length) continue;
    cutter_stretch(c, begin, at, true);
    begin = at;
    count = 0;
  }
  return DWELL_OK;
}

dwell_status pretokenize_fixed_length(const pretokenizer_options *options, workbench *w, dwell_error *err) {
  return workbench_cut(w, cut_lengths, &options->length, CUT_ISOLATED, false, err);
}

/* ---- ByteLevel ---- */

static dwell_status prefix_space(const void *arg, rewriter *r, dwell_error *err) {
  (void)arg, (void)err;
  if (rewriter_left(r) > 0 && *rewriter_text(r) != ' ') normalize_prepend_text(r, (jtext){" ", 1});
  rewriter_copy(r, rewriter_left(r));
  return DWELL_OK;
}

dwell_status pretokenize_byte_level(const pretokenizer_options *options, workbench *w, dwell_error *err) {
  dwell_status status = DWELL_OK;
  if (options->prefix_space) status = workbench_rewrite(w, prefix_space, NULL, err);
  if (status == DWELL_OK && options->use_regex) status = byte_level_cut(w, err);
  return status != DWELL_OK ? status : byte_level_map(w, err);
}

/* ---- Metaspace: spaces become a visible mark, which also begins each text ---- */

static bool begins_with(const rewriter *r, jtext mark) {
  char first = *rewriter_text(r);
  if (first == ' ') return true; /* about to become the mark */
  return rewriter_left(r) >= mark.length && memcmp(rewriter_text(r), mark.data, mark.length) == 0;
}

static dwell_status mark_spaces(const void *arg, rewriter *r, dwell_error *err) {
  (void)err;
  const pretokenizer_options *options = arg;
  bool wanted =
      options->prepend == PREPEND_ALWAYS || (options->prepend == PREPEND_FIRST && r->from->origin[r->at].begin == 0);
  if (wanted && rewriter_left(r) > 0 && !begins_with(r, options->replacement)) {
    normalize_prepend_text(r, options->replacement);
  }
  while (rewriter_left(r) > 0 && !r->to->failed) {
    const char *space = memchr(rewriter_text(r), ' ', rewriter_left(r));
    size_t before = space ? (size_t)(space - rewriter_text(r)) : rewriter_left(r);
    rewriter_copy(r, before);
    if (space == NULL) break;
    rewriter_insert(r, options->replacement.data, options->replacement.length, r->from->origin[r->at]);
    rewriter_drop(r, 1);
  }
  return DWELL_OK;
}

dwell_status pretokenize_metaspace(const pretokenizer_options *options, workbench *w, dwell_error *err) {
  dwell_status status = workbench_rewrite(w, mark_spaces, options, err);
  if (status != DWELL_OK || !options->split) return status;
  pretokenizer_options cut = *options;
  cut.behaviour = CUT_WITH_NEXT;
  return pretokenize_split(&cut, w, err);
}
