/* text/pattern.c - searching for literals and regular expressions. */
#include "text/pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"

struct pattern {
  char *literal; /* or NULL: regex */
  size_t literal_length;
  pcre2_code *regex;
  char shown[200];
};

/* Bounds of one match, against patterns that take exponential time. */
enum {
  MATCH_LIMIT = 10000000,
  DEPTH_LIMIT = 100000,
  HEAP_LIMIT_KIB = 262144,
  STACK_FIRST = 65536,
  STACK_MOST = 8388608
};

static dwell_status make(const char *text, size_t length, pattern **ret_pattern, dwell_error *err) {
  *ret_pattern = MEM_ZERO(pattern, 1);
  if (*ret_pattern == NULL) return error_no_memory(err, "a pattern");
  str_display((*ret_pattern)->shown, sizeof(*ret_pattern)->shown, text, length);
  return DWELL_OK;
}

dwell_status pattern_literal(const char *text, size_t length, pattern **ret_pattern, dwell_error *err) {
  dwell_status status = make(text, length, ret_pattern, err);
  if (status != DWELL_OK) return status;
  (*ret_pattern)->literal = mem_copy(text, length, 1);
  (*ret_pattern)->literal_length = length;
  if ((*ret_pattern)->literal != NULL) return DWELL_OK;
  pattern_close(*ret_pattern);
  *ret_pattern = NULL;
  return error_no_memory(err, "a pattern");
}

static dwell_status compile(pattern *p, const strbuf *translated, dwell_error *err) {
  pcre2_compile_context *context = pcre2_compile_context_create(NULL);
  if (context == NULL) return error_no_memory(err, "a regular expression");
  pcre2_set_newline(context, PCRE2_NEWLINE_LF);
  int code = 0;
  PCRE2_SIZE where = 0;
  const char *text = translated->data != NULL ? translated->data : "";
  /* Ruby's ^ and $ always mean lines. */
  p->regex = pcre2_compile((PCRE2_SPTR)text, translated->length, PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE, &code, &where,
                           context);
  pcre2_compile_context_free(context);
  if (p->regex == NULL) {
    char why[120] = "";
    pcre2_get_error_message(code, (PCRE2_UCHAR *)why, sizeof why);
    return error_set(err, DWELL_UNSUPPORTED, "the regular expression '%s' is not understood: %s", p->shown, why);
  }
  pcre2_jit_compile(p->regex, PCRE2_JIT_COMPLETE); /* if it fails, the interpreter runs it */
  return DWELL_OK;
}

dwell_status pattern_regex(const char *text, size_t length, pattern **ret_pattern, dwell_error *err) {
  strbuf translated = {0};
  pattern *p = NULL;
  dwell_status status;
  *ret_pattern = NULL;
  TRY(make(text, length, &p, err));
  TRY(pattern_translate(text, length, &translated, err));
  TRY(compile(p, &translated, err));
  *ret_pattern = p;
  p = NULL;
done:
  strbuf_free(&translated);
  pattern_close(p);
  return status;
}

dwell_status pattern_read(const fields *f, pattern **ret_pattern, dwell_error *err) {
  jcursor c;
  fields choice;
  jtext text;
  *ret_pattern = NULL;
  if (!fields_find(f, "pattern", &c)) return fields_need_text(f, "pattern", &text, err);
  dwell_status status;
  TRY(fields_read(&c, f->path, &choice, err));
  if (choice.count == 1 && jtext_is(choice.keys[0], "Regex")) {
    TRY(fields_need_text(&choice, "Regex", &text, err));
    TRY(pattern_regex(text.data, text.length, ret_pattern, err));
  } else {
    TRY(fields_need_text(&choice, "String", &text, err));
    if (text.length == 0) return error_set(err, DWELL_UNSUPPORTED, "an empty \"String\" as pattern is not supported");
    TRY(pattern_literal(text.data, text.length, ret_pattern, err));
  }
done:
  return status;
}

void pattern_close(pattern *p) {
  if (p == NULL) return;
  mem_free(p->literal);
  pcre2_code_free(p->regex);
  mem_free(p);
}

/* ---- searching ---- */

dwell_status pattern_search_start(pattern_search *s, const pattern *p, dwell_error *err) {
  *s = (pattern_search){.pattern = p};
  if (p->regex == NULL) return DWELL_OK;
  pcre2_match_context *context = pcre2_match_context_create(NULL);
  s->match_context = context;
  s->match_data = pcre2_match_data_create_from_pattern(p->regex, NULL);
  s->stack = pcre2_jit_stack_create(STACK_FIRST, STACK_MOST, NULL);
  if (context == NULL || s->match_data == NULL || s->stack == NULL) return error_no_memory(err, "a search");
  pcre2_set_match_limit(context, MATCH_LIMIT);
  pcre2_set_depth_limit(context, DEPTH_LIMIT);
  pcre2_set_heap_limit(context, HEAP_LIMIT_KIB);
  pcre2_jit_stack_assign(context, NULL, s->stack);
  return DWELL_OK;
}

void pattern_search_free(pattern_search *s) {
  pcre2_jit_stack_free(s->stack);
  pcre2_match_data_free(s->match_data);
  pcre2_match_context_free(s->match_context);
  *s = (pattern_search){0};
}

void pattern_search_text(pattern_search *s, const char *text, size_t length) {
  s->text = text;
  s->length = length;
  s->at = 0;
  s->last_end = SIZE_MAX;
}

static bool find_literal(pattern_search *s, size_t *ret_begin, size_t *ret_end) {
  const pattern *p = s->pattern;
  if (p->literal_length == 0) return false;
  for (size_t at = s->at; s->length - at >= p->literal_length; at++) {
    const char *hit = memchr(s->text + at, p->literal[0], s->length - at - (p->literal_length - 1));
    if (hit == NULL) return false;
    at = (size_t)(hit - s->text);
    if (memcmp(hit, p->literal, p->literal_length) != 0) continue;
    *ret_begin = at;
    *ret_end = s->at = at + p->literal_length;
    return true;
  }
  return false;
}

/* Steps over one character. */
static size_t after(const pattern_search *s, size_t at) {
  uint32_t code;
  size_t size = at < s->length ? utf8_decode(s->text + at, s->length - at, &code) : 0;
  return at + (size ? size : 1);
}

dwell_status pattern_search_next(pattern_search *s, size_t *ret_begin, size_t *ret_end, bool *ret_found,
                                 dwell_error *err) {
  if (s->pattern->literal != NULL) {
    *ret_found = find_literal(s, ret_begin, ret_end);
    return DWELL_OK;
  }
  *ret_found = false;
  while (s->at <= s->length) {
    /* No PCRE2_ANCHORED or other option the JIT cannot do: that would fall back to the slow interpreter. */
    int code = pcre2_match(s->pattern->regex, (PCRE2_SPTR)s->text, s->length, s->at, PCRE2_NO_UTF_CHECK, s->match_data,
                           s->match_context);
    if (code == PCRE2_ERROR_NOMATCH) return DWELL_OK;
    if (code < 0) {
      char why[120] = "";
      pcre2_get_error_message(code, (PCRE2_UCHAR *)why, sizeof why);
      return error_set(err, DWELL_UNSUPPORTED, "the regular expression '%s' gave up: %s", s->pattern->shown, why);
    }
    PCRE2_SIZE *ends = pcre2_get_ovector_pointer(s->match_data);
    *ret_begin = ends[0];
    *ret_end = ends[1];
    s->at = ends[1];
    if (ends[0] > ends[1])
      return error_set(err, DWELL_UNSUPPORTED, "the regular expression '%s' uses \\K", s->pattern->shown);
    if (ends[0] == ends[1] && ends[0] == s->last_end) { /* no empty match right behind a match */
      s->at = after(s, s->at);
      continue;
    }
    s->last_end = ends[1];
    *ret_found = true;
    return DWELL_OK;
  }
  return DWELL_OK;
}
