/* text/normalize.c - the normalizers other than the normal forms. */
#include <string.h>

#include "base/str.h"
#include "text/byte_level.h"
#include "text/normalizer.h"
#include "text/unicode.h"

/* ---- dropping classes of characters ---- */

static dwell_status drop_class(const void *arg, rewriter *r, dwell_error *err) {
  (void)err;
  unsigned classes = *(const unsigned *)arg;
  uint32_t code;
  for (size_t size; (size = rewriter_peek(r, &code)) > 0;) {
    if (unicode_classes(code) & classes) {
      rewriter_drop(r, size);
    } else {
      rewriter_copy(r, size);
    }
  }
  return DWELL_OK;
}

dwell_status normalize_strip_accents(const normalizer_options *options, workbench *w, dwell_error *err) {
  (void)options;
  const unsigned marks = UNICODE_MARK;
  return workbench_rewrite(w, drop_class, &marks, err);
}

/* Python's unicodedata.combining: what transformers' slow classes take away as accents. */
static dwell_status drop_combining(const void *arg, rewriter *r, dwell_error *err) {
  (void)arg, (void)err;
  uint32_t code;
  for (size_t size; (size = rewriter_peek(r, &code)) > 0;) {
    if (code >= 0x300 && unicode_combining_class(code) != 0) {
      rewriter_drop(r, size);
    } else {
      rewriter_copy(r, size);
    }
  }
  return DWELL_OK;
}

dwell_status normalize_strip_combining(const normalizer_options *options, workbench *w, dwell_error *err) {
  (void)options;
  return workbench_rewrite(w, drop_combining, NULL, err);
}

/* Whatever Python's str.split takes for white space becomes the space. */
static dwell_status plain_spaces(const void *arg, rewriter *r, dwell_error *err) {
  (void)arg, (void)err;
  uint32_t code;
  for (size_t size; (size = rewriter_peek(r, &code)) > 0;) {
    bool space = (code >= 0x1C && code <= 0x1F) || (unicode_classes(code) & UNICODE_SPACE) != 0;
    if (space) {
      rewriter_put(r, ' ', 0);
    } else {
      rewriter_copy(r, size);
    }
  }
  return DWELL_OK;
}

dwell_status normalize_spaces(const normalizer_options *options, workbench *w, dwell_error *err) {
  (void)options;
  return workbench_rewrite(w, plain_spaces, NULL, err);
}

/* ---- lower case ---- */

static dwell_status lower_split(const void *arg, rewriter *r, dwell_error *err) {
  (void)arg, (void)err;
  uint32_t code, lower[2];
  while (rewriter_peek(r, &code) > 0) {
    size_t count = unicode_lower(code, lower);
    for (size_t i = 0; i < count; i++) rewriter_put(r, lower[i], i > 0);
  }
  return DWELL_OK;
}

dwell_status normalize_lowercase(const normalizer_options *options, workbench *w, dwell_error *err) {
  (void)options;
  return workbench_rewrite(w, lower_split, NULL, err);
}

/* ---- BertNormalizer ---- */

/* clean_text: control characters go, white space becomes the space. */
static dwell_status clean_split(const void *arg, rewriter *r, dwell_error *err) {
  (void)arg, (void)err;
  uint32_t code;
  for (size_t size; (size = rewriter_peek(r, &code)) > 0;) {
    unsigned classes = unicode_classes(code);
    if (classes & UNICODE_CLEANED) {
      rewriter_drop(r, size);
    } else if (classes & UNICODE_SPACE) {
      rewriter_put(r, ' ', 0);
    } else {
      rewriter_copy(r, size);
    }
  }
  return DWELL_OK;
}

/* handle_chinese_chars: a space on both sides of every ideograph. */
static dwell_status ideograph_split(const void *arg, rewriter *r, dwell_error *err) {
  (void)arg, (void)err;
  uint32_t code;
  for (size_t size; (size = rewriter_peek(r, &code)) > 0;) {
    if (!(unicode_classes(code) & UNICODE_IDEOGRAPH)) {
      rewriter_copy(r, size);
      continue;
    }
    span origin = r->from->origin[r->at];
    rewriter_insert(r, " ", 1, origin);
    rewriter_copy(r, size);
    rewriter_insert(r, " ", 1, origin);
  }
  return DWELL_OK;
}

dwell_status normalize_bert(const normalizer_options *options, workbench *w, dwell_error *err) {
  dwell_status status = DWELL_OK;
  if (options->clean) status = workbench_rewrite(w, clean_split, NULL, err);
  if (status == DWELL_OK && options->ideographs) status = workbench_rewrite(w, ideograph_split, NULL, err);
  if (status == DWELL_OK && options->strip_accents) {
    const normalizer_options nfd = {.form = 0};
    const unsigned accents = UNICODE_NONSPACING;
    status = normalize_form(&nfd, w, err);
    if (status == DWELL_OK) status = workbench_rewrite(w, drop_class, &accents, err);
  }
  if (status == DWELL_OK && options->lowercase) status = workbench_rewrite(w, lower_split, NULL, err);
  return status;
}

/* ---- Nmt ---- */

/* Measured with the tokenizers package over all code points: control characters go, other white space and what is not
 * seen becomes the space. */
static dwell_status nmt_split(const void *arg, rewriter *r, dwell_error *err) {
  (void)arg, (void)err;
  uint32_t code;
  for (size_t size; (size = rewriter_peek(r, &code)) > 0;) {
    bool space = code == 0x9 || code == 0xA || code == 0xC || code == 0xD || code == 0x1680 || code == 0x2028 ||
                 (code >= 0x200B && code <= 0x200F) || code == 0x2029 || code == 0x2581 || code == 0xFEFF ||
                 code == 0xFFFD;
    bool control = (code >= 0x1 && code < 0x20) || code == 0x7F || code == 0x8F || code == 0x9F;
    if (space) {
      rewriter_put(r, ' ', 0);
    } else if (control) {
      rewriter_drop(r, size);
    } else {
      rewriter_copy(r, size);
    }
  }
  return DWELL_OK;
}

dwell_status normalize_nmt(const normalizer_options *options, workbench *w, dwell_error *err) {
  (void)options;
  return workbench_rewrite(w, nmt_split, NULL, err);
}

/* ---- Strip, Prepend, Replace, ByteLevel ---- */

static dwell_status strip_split(const void *arg, rewriter *r, dwell_error *err) {
  (void)err;
  const normalizer_options *options = arg;
  uint32_t code;
  size_t size, kept = r->at; /* end of the last character that is not white space */
  rewriter reader = *r;
  while ((size = rewriter_peek(&reader, &code)) > 0) {
    reader.at += size;
    if (!(unicode_classes(code) & UNICODE_SPACE)) kept = reader.at;
  }
  while (options->left && (size = rewriter_peek(r, &code)) > 0 && (unicode_classes(code) & UNICODE_SPACE)) {
    rewriter_drop(r, size);
  }
  if (!options->right) kept = r->end;
  if (kept > r->at) rewriter_copy(r, kept - r->at);
  return DWELL_OK;
}

dwell_status normalize_strip(const normalizer_options *options, workbench *w, dwell_error *err) {
  return workbench_rewrite(w, strip_split, options, err);
}

void normalize_prepend_text(rewriter *r, jtext content) {
  if (rewriter_left(r) > 0) rewriter_insert(r, content.data, content.length, r->from->origin[r->at]);
}

static dwell_status prepend_split(const void *arg, rewriter *r, dwell_error *err) {
  (void)err;
  const normalizer_options *options = arg;
  normalize_prepend_text(r, options->content);
  rewriter_copy(r, rewriter_left(r));
  return DWELL_OK;
}

dwell_status normalize_prepend(const normalizer_options *options, workbench *w, dwell_error *err) {
  return workbench_rewrite(w, prepend_split, options, err);
}

typedef struct replacing {
  jtext content;
  pattern_search *search;
} replacing;

/* The new text is aligned with the last byte it replaces. */
static dwell_status replace_split(const void *arg, rewriter *r, dwell_error *err) {
  const replacing *job = arg;
  size_t begin, end, start = r->at;
  bool found;
  dwell_status status;
  pattern_search_text(job->search, rewriter_text(r), rewriter_left(r));
  for (;;) {
    status = pattern_search_next(job->search, &begin, &end, &found, err);
    if (status != DWELL_OK || !found) break;
    rewriter_copy(r, start + begin - r->at);
    uint32_t first = r->from->origin[r->begin].begin;
    span origin = start + end > r->begin ? r->from->origin[start + end - 1] : (span){first, first};
    rewriter_insert(r, job->content.data, job->content.length, origin);
    rewriter_drop(r, end - begin);
    if (r->to->failed) break;
  }
  rewriter_copy(r, rewriter_left(r));
  return status;
}

dwell_status normalize_replace(const normalizer_options *options, workbench *w, dwell_error *err) {
  pattern_search search;
  dwell_status status = pattern_search_start(&search, options->pattern, err);
  replacing job = {options->content, &search};
  if (status == DWELL_OK) status = workbench_rewrite(w, replace_split, &job, err);
  pattern_search_free(&search);
  return status;
}

dwell_status normalize_byte_level(const normalizer_options *options, workbench *w, dwell_error *err) {
  (void)options;
  return byte_level_map(w, err);
}
