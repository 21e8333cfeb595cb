/* Every line of every tokens.jsonl of the real checkpoints: the ids that the tokenizers package gives. */
#include <stdio.h>
#include <string.h>

#include "text/rows.h"

/* All rows of `golden` with the tokenizer of `folder`. */
static void check_rows(const char *folder, const char *golden, const char *kind) {
  dwell_error err;
  tokenizer *t;
  assert_ok(tokenizer_open(folder, &t, &err), &err);
  assert_string_equal(tokenizer_kind(t), kind);
  assert_int_equal(rows_check(t, golden, 0), 200);
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
