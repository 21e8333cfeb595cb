/* tests/text/rows.h - lines of goldens of tokenizers: {"text", "special", "ids", "begin", "end"}, the last two in
 * bytes, null for tokens put in, or absent as a whole; "ids_sentencepiece" where that library's own ids, which are as
 * good, are others. Lines without "special" are without special tokens. */
#ifndef DWELL_TESTS_TEXT_ROWS_H
#define DWELL_TESTS_TEXT_ROWS_H

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "file/jcursor.h"
#include "text/tokenizer.h"
#include "util/testing.h"

enum { ROW_MOST = 4096, ROW_PUT_IN = -1 };

typedef struct row {
  jtext text;
  int64_t ids[ROW_MOST], begin[ROW_MOST], end[ROW_MOST];
  size_t count;
  int64_t other[ROW_MOST]; /* ids that are as good */
  size_t other_count;      /* 0: there are none */
  bool special, offsets;
  bool ordered;     /* offsets are not known, but never go back: the texts have nothing that a normaliser reorders */
  const char *name; /* of what is tested, for messages; may be NULL */
} row;

static inline void row_list(jcursor *c, int64_t *list, size_t *ret_count) {
  size_t count = 0;
  for (jcursor_array(c); jcursor_item(c);) {
    assert_true(count < ROW_MOST);
    list[count++] = jcursor_null(c) ? ROW_PUT_IN : jcursor_int(c, 0, INT32_MAX);
  }
  *ret_count = count;
}

static inline void row_read(const char *line, size_t length, arena *strings, row *r) {
  jcursor c = jcursor_start(line, length, strings);
  size_t begins = 0, ends = 0;
  r->special = r->offsets = false;
  r->other_count = 0;
  r->name = NULL;
  jcursor_object(&c);
  for (jtext key; jcursor_key(&c, &key);) {
    if (jtext_is(key, "text")) {
      r->text = jcursor_string(&c);
    } else if (jtext_is(key, "special")) {
      r->special = jcursor_bool(&c);
    } else if (jtext_is(key, "ids")) {
      row_list(&c, r->ids, &r->count);
    } else if (jtext_is(key, "ids_sentencepiece")) {
      row_list(&c, r->other, &r->other_count);
    } else if (jtext_is(key, "begin")) {
      r->offsets = true;
      row_list(&c, r->begin, &begins);
    } else {
      row_list(&c, r->end, &ends);
    }
  }
  dwell_error err;
  assert_ok(jcursor_end(&c, "golden.jsonl", &err), &err);
  r->ordered = !r->offsets;
  assert_true(!r->offsets || (begins == r->count && ends == r->count));
}

static inline bool row_matches(const row *r, size_t i, token got) {
  if (got.id != r->ids[i]) return false;
  if (!r->offsets) return true;
  if (r->begin[i] == ROW_PUT_IN) return got.special && got.begin == got.end;
  return got.begin == (size_t)r->begin[i] && got.end == (size_t)r->end[i];
}

/* All tokens, or all of the ids that are as good. */
static inline bool row_same(const row *r, const token_list *got) {
  bool same = got->count == r->count, other = got->count == r->other_count && r->other_count > 0;
  for (size_t i = 0; i < got->count; i++) {
    same = same && row_matches(r, i, got->tokens[i]);
    other = other && got->tokens[i].id == r->other[i];
  }
  return same || other;
}

static inline void row_order(const row *r, const token_list *got) {
  size_t before = 0;
  for (size_t i = 0; i < got->count; i++) {
    token g = got->tokens[i];
    assert_true(before <= g.begin && g.begin <= g.end && g.end <= r->text.length);
    before = g.begin;
  }
}

static inline void row_print(const tokenizer *t, const row *r, const token_list *got) {
  print_message("%s: text '%s' (special tokens: %d): expected and got\n", r->name ? r->name : "", r->text.data,
                r->special);
  for (size_t i = 0; i < r->count; i++) {
    const char *piece = tokenizer_piece(t, r->ids[i]);
    print_message("  %lld(%s)", (long long)r->ids[i], piece != NULL ? piece : "?");
    if (r->offsets) print_message(" %lld,%lld", (long long)r->begin[i], (long long)r->end[i]);
  }
  print_message("\n");
  for (size_t i = 0; i < got->count; i++) {
    token g = got->tokens[i];
    print_message("  %lld(%s)", (long long)g.id, g.piece);
    if (r->offsets) print_message(" %zu,%zu", g.begin, g.end);
  }
  print_message("\n");
}

static inline void row_compare(const tokenizer *t, const row *r) {
  token_list got;
  dwell_error err;
  assert_ok(tokenizer_encode(t, r->text.data, r->text.length, r->special, &got, &err), &err);
  bool same = row_same(r, &got);
  if (!same) row_print(t, r, &got);
  assert_true(same);
  for (size_t i = 0; i < got.count; i++) {
    assert_string_equal(got.tokens[i].piece, tokenizer_piece(t, got.tokens[i].id));
  }
  if (r->ordered) row_order(r, &got);
  token_list_free(&got);
}

/* Compares all lines but the first `skip`; returns their number. */
static inline size_t rows_check(const tokenizer *t, const char *path, size_t skip) {
  size_t size, rows = 0;
  char *data = testing_read(path, &size);
  row *r = malloc(sizeof *r);
  for (char *line = data; line < data + size; rows++) {
    char *end = memchr(line, '\n', (size_t)(data + size - line));
    if (end == NULL) end = data + size;
    arena strings = {0};
    if (rows >= skip) {
      row_read(line, (size_t)(end - line), &strings, r);
      row_compare(t, r);
    }
    arena_clear(&strings);
    line = end + 1;
  }
  free(r);
  free(data);
  return rows - skip;
}

#endif
