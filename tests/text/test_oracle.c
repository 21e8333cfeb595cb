/* Tiny tokenizers trained by the tokenizers package (tools/oracle/make_tokenizers.py): ids and byte offsets of every
 * token on nasty texts, exactly. */
#include <string.h>

#include "base/threads.h"
#include "text/rows.h"

static void check(const char *name) {
  dwell_error err;
  tokenizer *t;
  assert_ok(tokenizer_open(testing_source(testing_format("tests/golden/text/%s", name)), &t, &err), &err);
  assert_true(rows_check(t, testing_source(testing_format("tests/golden/text/%s/golden.jsonl", name)), 0) >= 60);
  tokenizer_close(t);
}

static void byte_bpe(void **state) { (void)state, check("byte_bpe"); }
static void roberta_bpe(void **state) { (void)state, check("roberta_bpe"); }
static void split_bpe(void **state) { (void)state, check("split_bpe"); }
static void fallback_bpe(void **state) { (void)state, check("fallback_bpe"); }
static void suffix_bpe(void **state) { (void)state, check("suffix_bpe"); }
static void wordpiece(void **state) { (void)state, check("wordpiece"); }
static void wordlevel(void **state) { (void)state, check("wordlevel"); }
static void unigram(void **state) { (void)state, check("unigram"); }
static void unigram_map(void **state) { (void)state, check("unigram_map"); }
static void unigram_bytes(void **state) { (void)state, check("unigram_bytes"); }
static void clusters(void **state) { (void)state, check("clusters"); }

/* What is asked about pieces. */
static void questions(void **state) {
  (void)state;
  dwell_error err;
  tokenizer *t;
  const char *folder = testing_source("tests/golden/text/wordpiece");
  assert_ok(tokenizer_open(folder, &t, &err), &err);
  assert_string_equal(tokenizer_kind(t), "WordPiece");
  assert_string_equal(tokenizer_piece(t, 2), "[CLS]");
  assert_true(tokenizer_is_special(t, 2));
  assert_false(tokenizer_is_special(t, 7));
  assert_null(tokenizer_piece(t, -1));
  assert_null(tokenizer_piece(t, (int64_t)tokenizer_size(t)));
  assert_null(tokenizer_piece(t, INT64_MAX));
  assert_false(tokenizer_is_special(t, INT64_MIN));
  assert_non_null(tokenizer_piece(t, (int64_t)tokenizer_size(t) - 1));
  assert_int_equal(tokenizer_files(t), 1);
  assert_string_equal(tokenizer_file(t, 0), testing_format("%s/tokenizer.json", folder));
  assert_null(tokenizer_file(t, 1));
  tokenizer_close(t);
}

/* One tokenizer, many threads: the same tokens everywhere. */
typedef struct shared_job {
  const tokenizer *tokenizer;
  size_t counts[64];
} shared_job;

static const char LONG_TEXT[] =
    "They're metastable, aren't they? It's 'fine'; 12345 naïve cafés. [CLS] clusters, Flow  flow "
    "\xE4\xB8\xAD\xE6\x96\x87";

static dwell_status encode_item(void *arg, size_t item, int worker, dwell_error *err) {
  (void)worker;
  shared_job *job = arg;
  token_list got;
  dwell_status status = tokenizer_encode(job->tokenizer, LONG_TEXT, sizeof LONG_TEXT - 1, true, &got, err);
  if (status != DWELL_OK) return status;
  for (size_t i = 0; i < got.count; i++) job->counts[item] += (size_t)got.tokens[i].id * (i + 1) + got.tokens[i].end;
  token_list_free(&got);
  return DWELL_OK;
}

static void threads(void **state) {
  (void)state;
  const char *const names[] = {"split_bpe", "wordpiece", "unigram_map"};
  for (size_t n = 0; n < sizeof names / sizeof names[0]; n++) {
    dwell_error err;
    tokenizer *t;
    shared_job job = {0};
    assert_ok(tokenizer_open(testing_source(testing_format("tests/golden/text/%s", names[n])), &t, &err), &err);
    job.tokenizer = t;
    dwell_context context = {.threads = 2};
    assert_ok(threads_for(&context, 64, encode_item, &job, &err), &err);
    for (size_t i = 1; i < 64; i++) assert_int_equal(job.counts[i], job.counts[0]);
    tokenizer_close(t);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(byte_bpe),     cmocka_unit_test(roberta_bpe), cmocka_unit_test(split_bpe),
      cmocka_unit_test(fallback_bpe), cmocka_unit_test(suffix_bpe),  cmocka_unit_test(wordpiece),
      cmocka_unit_test(unigram),      cmocka_unit_test(unigram_map), cmocka_unit_test(unigram_bytes),
      cmocka_unit_test(clusters),     cmocka_unit_test(wordlevel),   cmocka_unit_test(questions),
      cmocka_unit_test(threads),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
