/* The texts of the study: what is compiled in is what the index says, and dwell's tokenizers count what the tokenizers
 * package counted (tools/oracle/count_prompts.py). */
#include "text/prompt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sha256.h"
#include "base/str.h"
#include "text/tokenizer.h"
#include "util/testing.h"

static void compiled_in(void **state) {
  (void)state;
  size_t count;
  const prompt *prompts = prompt_registry(&count);
  assert_true(count >= 32);
  for (size_t i = 0; i < count; i++) {
    const prompt *p = &prompts[i];
    char hex[SHA256_SIZE];
    dwell_error err;
    assert_ok(sha256_buffer(p->text, p->size, hex, &err), &err);
    assert_string_equal(hex, p->sha256);
    assert_int_equal(strlen(p->text), p->size);
    assert_int_equal(utf8_check(p->text, p->size), p->size);
    assert_true(p->title && p->reg && p->language && p->kind && p->source && p->licence);
    assert_true((p->length != NULL) == str_equal(p->kind, "text"));
  }
}

/* The files of the source tree are the compiled texts: a table that was not made again would differ. */
static void same_as_files(void **state) {
  (void)state;
  size_t count;
  const prompt *prompts = prompt_registry(&count);
  for (size_t i = 0; i < count; i++) {
    size_t size;
    char *text = testing_read(testing_source(testing_format("data/prompts/%s.txt", prompts[i].name)), &size);
    assert_int_equal(size, prompts[i].size);
    assert_memory_equal(text, prompts[i].text, size);
    free(text);
  }
}

static void found_by_name(void **state) {
  (void)state;
  size_t count;
  const prompt *prompts = prompt_registry(&count), *found = NULL;
  dwell_error err;
  for (size_t i = 0; i < count; i++) {
    assert_ok(prompt_find(prompts[i].name, &found, &err), &err);
    assert_ptr_equal(found, &prompts[i]);
    assert_ptr_equal(prompt_with_hash(prompts[i].sha256), found);
  }
  assert_fails(prompt_find("leter_ballou", &found, &err), DWELL_USAGE, &err, "Did you mean \"letter_ballou\"?");
  assert_fails(prompt_find("", &found, &err), DWELL_USAGE, &err, "no text of the study is called \"\"");
  assert_fails(prompt_find("The sea was calm.", &found, &err), DWELL_USAGE, &err, "goes to -p");
  assert_fails(prompt_find("a\x1b[2J", &found, &err), DWELL_USAGE, &err, "\\x1b");
  assert_null(prompt_with_hash(""));
  assert_fails(prompt_find("ballou", &found, &err), DWELL_USAGE, &err, "Did you mean \"letter_ballou\"?");
  assert_int_equal(prompt_find("nothing like it", &found, NULL), DWELL_USAGE);
}

/* ---- counts ---- */

static int by_id(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

static prompt_count count_tokens(const tokenizer *t, const prompt *p) {
  token_list list;
  dwell_error err;
  assert_ok(tokenizer_encode(t, p->text, p->size, false, &list, &err), &err);
  int64_t *ids = calloc(list.count + 1, sizeof *ids);
  for (size_t i = 0; i < list.count; i++) ids[i] = list.tokens[i].id;
  qsort(ids, list.count, sizeof *ids, by_id);
  prompt_count result = {.tokens = list.count};
  for (size_t i = 0; i < list.count; i++) result.types += i == 0 || ids[i] != ids[i - 1];
  free(ids);
  token_list_free(&list);
  return result;
}

static void counted(const char *place, enum prompt_tokenizer which) {
  const char *folder = testing_shared(place);
  if (folder == NULL) testing_skip_absent(place);
  tokenizer *t = NULL;
  dwell_error err;
  assert_ok(tokenizer_open(folder, &t, &err), &err);
  size_t count, compared = 0;
  const prompt *prompts = prompt_registry(&count);
  for (size_t i = 0; i < count; i++) {
    const prompt *p = &prompts[i];
    if (p->counts[which].tokens == 0) continue;
    prompt_count got = count_tokens(t, p);
    if (got.tokens != p->counts[which].tokens || got.types != p->counts[which].types) {
      fail_msg("%s: %zu tokens of %zu types, the index says %zu of %zu", p->name, got.tokens, got.types,
               p->counts[which].tokens, p->counts[which].types);
    }
    compared++;
  }
  tokenizer_close(t);
  assert_true(compared >= 12);
}

static void counts_gpt2(void **state) {
  (void)state;
  counted("tokenizers/gpt2", PROMPT_GPT2);
}

static void counts_bert(void **state) {
  (void)state;
  counted("tokenizers/bert-base-uncased", PROMPT_BERT);
}

static void counts_albert(void **state) {
  (void)state;
  counted("tokenizers/albert", PROMPT_ALBERT);
}

/* The chemistry checkpoints: the same counts, and no token that they do not know. */
static void counts_reactions(void **state) {
  static const char *const places[] = {"models/bert-rxnfp-pretrained", "models/albert-rxnmapper"};
  (void)state;
  for (size_t k = 0; k < 2; k++) {
    counted(places[k], PROMPT_RXN);
    tokenizer *t = NULL;
    dwell_error err;
    size_t count;
    const prompt *prompts = prompt_registry(&count);
    assert_ok(tokenizer_open(testing_shared(places[k]), &t, &err), &err);
    for (size_t i = 0; i < count; i++) {
      token_list list;
      if (!str_equal(prompts[i].kind, "smiles")) continue;
      assert_ok(tokenizer_encode(t, prompts[i].text, prompts[i].size, true, &list, &err), &err);
      for (size_t j = 0; j < list.count; j++) assert_string_not_equal(list.tokens[j].piece, "[UNK]");
      token_list_free(&list);
    }
    tokenizer_close(t);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(compiled_in),     cmocka_unit_test(same_as_files),
                                     cmocka_unit_test(found_by_name),   cmocka_unit_test(counts_gpt2),
                                     cmocka_unit_test(counts_bert),     cmocka_unit_test(counts_albert),
                                     cmocka_unit_test(counts_reactions)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
