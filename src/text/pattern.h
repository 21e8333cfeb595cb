/* text/pattern.h - what Split and Replace look for: a literal text or a regular expression.
 *
 * Regular expressions are written for Oniguruma (tokenizers uses it) and run by PCRE2. The differences that can be
 * translated are (\p{L}, \p{N}, \w, \W, \s, \S, \b, \h follow the measured classes of unicode.h); what cannot is
 * refused by name, never run with another meaning. */
#ifndef DWELL_TEXT_PATTERN_H
#define DWELL_TEXT_PATTERN_H

#include <dwell/status.h>

#include "base/str.h"
#include "text/fields.h"

typedef struct pattern pattern;

/* A literal text; "" never matches. Release with pattern_close. */
dwell_status pattern_literal(const char *text, size_t length, pattern **ret_pattern, dwell_error *err);
/* A regular expression; DWELL_UNSUPPORTED, quoting it, if it cannot be run. */
dwell_status pattern_regex(const char *text, size_t length, pattern **ret_pattern, dwell_error *err);
/* Member "pattern" of a component: {"String": "..."} or {"Regex": "..."}. */
dwell_status pattern_read(const fields *f, pattern **ret_pattern, dwell_error *err);
void pattern_close(pattern *p);

/* Finds matches from left to right in one text after another. Patterns are shared between threads, searches are not.
 * pattern_search_free may be called on a search that failed to start. */
typedef struct pattern_search {
  const pattern *pattern;
  void *match_data, *match_context, *stack;
  const char *text;
  size_t length, at, last_end;
} pattern_search;

dwell_status pattern_search_start(pattern_search *s, const pattern *p, dwell_error *err);
void pattern_search_text(pattern_search *s, const char *text, size_t length);
/* *ret_found false: no more. The regular expression gave up (match limit): DWELL_UNSUPPORTED. */
dwell_status pattern_search_next(pattern_search *s, size_t *ret_begin, size_t *ret_end, bool *ret_found,
                                 dwell_error *err);
void pattern_search_free(pattern_search *s);

/* The translation alone, for tests: PCRE2's text of an Oniguruma pattern. */
dwell_status pattern_translate(const char *text, size_t length, strbuf *out, dwell_error *err);

#endif
