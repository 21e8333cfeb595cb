/* Every line of every tokens.jsonl of the real checkpoints: the ids that the tokenizers package gives. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "file/jcursor.h"
#include "text/tokenizer.h"
#include "util/testing.h"

typedef struct id_list {
  int64_t items[4096];
  size_t count;
} id_list;

/* `other`: ids_sentencepiece, where SentencePiece itself gives others. */
typedef struct row {
  jtext text;
  id_list ids, other;
  bool special;
} row;

static void read_ids(jcursor *c, id_list *list) {
  for (jcursor_array(c); jcursor_item(c);) {
    assert_true(list->count < sizeof list->items / sizeof list->items[0]);
    list->items[list->count++] = jcursor_int(c, 0, INT32_MAX);
  }
}

static void read_row(const char *line, size_t length, arena *strings, row *r) {
  jcursor c = jcursor_start(line, length, strings);
  r->ids.count = r->other.count = 0;
  jcursor_object(&c);
  for (jtext key; jcursor_key(&c, &key);) {
    if (jtext_is(key, "text")) {
      r->text = jcursor_string(&c);
    } else if (jtext_is(key, "special")) {
      r->special = jcursor_bool(&c);
    } else if (jtext_is(key, "ids")) {
      read_ids(&c, &r->ids);
    } else if (jtext_is(key, "ids_sentencepiece")) {
      read_ids(&c, &r->other);
    } else {
      jcursor_skip(&c);
    }
  }
  dwell_error err;
  assert_ok(jcursor_end(&c, "tokens.jsonl", &err), &err);
}

static bool matches(const token_list *tokens, const id_list *ids) {
  if (tokens->count != ids->count) return false;
  for (size_t i = 0; i < ids->count; i++) {
    if (tokens->tokens[i].id != ids->items[i]) return false;
  }
  return true;
}

static void compare(const tokenizer *t, const row *r) {
  token_list tokens;
  dwell_error err;
  assert_ok(tokenizer_encode(t, r->text.data, r->text.length, r->special, &tokens, &err), &err);
  bool same = matches(&tokens, &r->ids) || (r->other.count > 0 && matches(&tokens, &r->other));
  if (!same) {
    print_message("text: %s\n  expected:", r->text.data);
    for (size_t i = 0; i < r->ids.count; i++) print_message(" %lld", (long long)r->ids.items[i]);
    print_message("\n  got:     ");
    for (size_t i = 0; i < tokens.count; i++) print_message(" %lld", (long long)tokens.tokens[i].id);
    print_message("\n");
  }
  assert_true(same);
  size_t before = 0;
  for (size_t i = 0; i < tokens.count; i++) { /* none of these normalisers reorders, so offsets never go back */
    assert_true(tokens.tokens[i].begin <= tokens.tokens[i].end && tokens.tokens[i].end <= r->text.length);
    assert_true(tokens.tokens[i].begin >= before);
    before = tokens.tokens[i].begin;
  }
  token_list_free(&tokens);
}

/* All rows of `golden` with the tokenizer of `folder`. */
static void check_rows(const char *folder, const char *golden, const char *kind) {
  dwell_error err;
  tokenizer *t;
  assert_ok(tokenizer_open(folder, &t, &err), &err);
  assert_string_equal(tokenizer_kind(t), kind);
  size_t size, rows = 0;
  char *data = testing_read(golden, &size);
  row *r = malloc(sizeof *r);
  for (char *line = data; line < data + size; rows++) {
    char *end = memchr(line, '\n', (size_t)(data + size - line));
    if (end == NULL) end = data + size;
    arena strings = {0};
    read_row(line, (size_t)(end - line), &strings, r);
    compare(t, r);
    arena_clear(&strings);
    line = end + 1;
  }
  assert_int_equal(rows, 200);
  free(r);
  free(data);
  tokenizer_close(t);
}

static void check_folder(const char *name, const char *kind) {
  const char *folder = testing_shared(name);
  if (folder == NULL) testing_skip_absent(name);
  check_rows(folder, testing_format("%s/tokens.jsonl", folder), kind);
}

static void gpt2(void **state) { (void)state, check_folder("tokenizers/gpt2", "BPE"); }
static void bert(void **state) { (void)state, check_folder("tokenizers/bert-base-uncased", "WordPiece"); }
static void minilm(void **state) { (void)state, check_folder("models/bert-minilm-l6", "WordPiece"); }
static void albert(void **state) { (void)state, check_folder("tokenizers/albert", "Unigram"); }
static void rxnmapper(void **state) { (void)state, check_folder("models/albert-rxnmapper", "WordLevel"); }
static void rxnfp(void **state) { (void)state, check_folder("models/bert-rxnfp-pretrained", "WordLevel"); }

static void copy(const char *from, const char *to) {
  size_t size;
  char *data = testing_read(from, &size);
  testing_write(to, data, size);
  free(data);
}

/* The same ids from the files of before tokenizer.json. */
static void legacy(const char *name, const char *const *files, const char *kind) {
  const char *source = testing_shared(name);
  if (source == NULL) testing_skip_absent(name);
  const char *folder = testing_folder();
  for (size_t i = 0; files[i] != NULL; i++) {
    copy(testing_format("%s/%s", source, files[i]), testing_format("%s/%s", folder, files[i]));
  }
  check_rows(folder, testing_format("%s/tokens.jsonl", source), kind);
  for (size_t i = 0; files[i] != NULL; i++) remove(testing_format("%s/%s", folder, files[i]));
}

static void legacy_gpt2(void **state) {
  (void)state;
  const char *const files[] = {"vocab.json", "merges.txt", NULL};
  legacy("tokenizers/gpt2", files, "BPE");
}

static void legacy_bert(void **state) {
  (void)state;
  const char *const bare[] = {"vocab.txt", NULL}, *const with_config[] = {"vocab.txt", "tokenizer_config.json", NULL};
  legacy("tokenizers/bert-base-uncased", bare, "WordPiece");
  legacy("tokenizers/bert-base-uncased", with_config, "WordPiece");
}

static void legacy_albert(void **state) {
  (void)state;
  const char *const files[] = {"spiece.model", "tokenizer_config.json", NULL};
  legacy("tokenizers/albert", files, "Unigram");
}

/* Refused, and what to do is said. */
static void refused(void **state) {
  (void)state;
  tokenizer *t;
  dwell_error err;
  if (testing_shared("models/gpt2-capp") == NULL) testing_skip_absent("models/gpt2-capp");
  assert_fails(tokenizer_open(testing_shared("models/gpt2-capp"), &t, &err), DWELL_UNSUPPORTED, &err,
               "no tokenizer (tokenizer.json");
  assert_null(t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(gpt2),          cmocka_unit_test(bert),    cmocka_unit_test(minilm),
      cmocka_unit_test(rxnmapper),     cmocka_unit_test(rxnfp),   cmocka_unit_test(legacy_gpt2),
      cmocka_unit_test(legacy_bert),   cmocka_unit_test(refused), cmocka_unit_test(albert),
      cmocka_unit_test(legacy_albert),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
