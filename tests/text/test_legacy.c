/* The files of before tokenizer.json, odd and damaged: vocab.txt, vocab.json with merges.txt, added_tokens.json. */
#include "base/str.h"
#include "text/opening.h"

/* ---- vocab.txt ---- */

static const char *const BERT_FILES[] = {"vocab.txt", "tokenizer_config.json"};

static dwell_status open_bert(const char *const *contents, size_t count, tokenizer **ret_tokenizer, dwell_error *err) {
  return open_files(BERT_FILES, contents, NULL, count, ret_tokenizer, err);
}

static void vocab_txt_odd_lines(void **state) {
  (void)state;
  tokenizer *t;
  dwell_error err;
  /* CRLF, no final newline, an empty line, a space inside, a repeated piece (the later id counts) */
  const char *good[] = {"[UNK]\r\n[CLS]\r\n[SEP]\r\n\r\nthe cat\r\nthe\r\n##m\r\nthe\r\nThe",
                        "{\"do_lower_case\":false,\"cls_token\":{\"content\":\"[CLS]\"}}"};
  assert_ok(open_bert(good, 1, &t, &err), &err);
  assert_int_equal(tokenizer_files(t), 1);
  assert_int_equal(tokenizer_size(t), 9);
  expect(t, "The them [CLS]", 4, (const int64_t[]){7, 7, 6, 1});
  assert_true(tokenizer_is_special(t, 1) && tokenizer_is_special(t, 2));
  assert_string_equal(tokenizer_piece(t, 5), "the");
  assert_string_equal(tokenizer_piece(t, 4), "the cat");
  tokenizer_close(t);
  assert_ok(open_bert(good, 2, &t, &err), &err);
  assert_int_equal(tokenizer_files(t), 2);
  expect(t, "The them", 3, (const int64_t[]){8, 7, 6});
  tokenizer_close(t);
}

static void vocab_txt_without_what_it_needs(void **state) {
  (void)state;
  tokenizer *t;
  dwell_error err;
  const char *none[] = {"[UNK]\n[SEP]\nthe", "{\"do_lower_case\":1}"};
  assert_fails(open_bert(none, 1, &t, &err), DWELL_BAD_INPUT, &err, "no '[CLS]'");
  assert_fails(open_bert(none, 2, &t, &err), DWELL_BAD_INPUT, &err, "true or false");
  const char *bytes = "x";
  assert_fails(open_bert(&bytes, 1, &t, &err), DWELL_BAD_INPUT, &err, "no '[UNK]'");
  bytes = "";
  assert_fails(open_bert(&bytes, 1, &t, &err), DWELL_BAD_INPUT, &err, "no '[UNK]'");
}

static void vocab_txt_not_utf8(void **state) {
  (void)state;
  tokenizer *t;
  dwell_error err;
  const char *bytes = "[UNK]\nabc\xFF\n";
  assert_fails(open_bert(&bytes, 1, &t, &err), DWELL_BAD_INPUT, &err, "byte 9");
}

/* ---- vocab.json and merges.txt ---- */

static dwell_status open_gpt2(const char *vocab, const char *merges, tokenizer **ret_tokenizer, dwell_error *err) {
  const char *const names[] = {"vocab.json", "merges.txt"}, *const contents[] = {vocab, merges};
  return open_files(names, contents, NULL, merges != NULL ? 2 : 1, ret_tokenizer, err);
}

/* Ids have a gap, and are not in the order of the pieces. */
static const char AB[] = "{\"a\":0,\"b\":1,\"<|endoftext|>\":9,\"ab\":2,\"\xC4\xA0\":3}";

/* With these merges AB makes one token of "ab", or two. */
static void merges_txt_gives(const char *merges, bool joined) {
  tokenizer *t;
  dwell_error err;
  assert_ok(open_gpt2(AB, merges, &t, &err), &err);
  if (joined) expect(t, "ab a<|endoftext|>", 4, (const int64_t[]){2, 3, 0, 9});
  else expect(t, "ab", 2, (const int64_t[]){0, 1});
  tokenizer_close(t);
}

static void merges_txt_refused(const char *merges, const char *words) {
  tokenizer *t;
  dwell_error err;
  assert_fails(open_gpt2(AB, merges, &t, &err), DWELL_BAD_INPUT, &err, words);
  assert_non_null(strstr(err.file, "merges.txt"));
  assert_null(t);
}

static void vocab_json_with_gaps(void **state) {
  (void)state;
  tokenizer *t;
  dwell_error err;
  assert_ok(open_gpt2(AB, "#version: 0.2\na b\n", &t, &err), &err);
  assert_int_equal(tokenizer_files(t), 2);
  assert_string_equal(tokenizer_kind(t), "BPE");
  assert_int_equal(tokenizer_size(t), 10);
  tokenizer_close(t);
}

static void vocab_json_damaged(void **state) {
  (void)state;
  static const char *const rows[][2] = {{"{", "ends in the middle"},
                                        {"", "ends in the middle"},
                                        {"[]", "expected an object"},
                                        {"{\"a\":0,\"a\":1}", "the piece 'a' twice"},
                                        {"{\"a\":0,\"b\":0}", "the id 0 of another"},
                                        {"{\"a\":-1}", "out of the range"},
                                        {"{\"\xFF\":0}", "not valid UTF-8"}};
  tokenizer *t;
  dwell_error err;
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    assert_fails(open_gpt2(rows[i][0], "\n", &t, &err), DWELL_BAD_INPUT, &err, rows[i][1]);
    assert_non_null(strstr(err.file, "vocab.json"));
  }
}

static void vocab_json_without_merges(void **state) {
  (void)state;
  tokenizer *t;
  dwell_error err;
  assert_fails(open_gpt2(AB, NULL, &t, &err), DWELL_UNSUPPORTED, &err, "no merges.txt");
}

static void merges_txt_without_version(void **state) {
  (void)state;
  merges_txt_gives("#version: 0.2\na b\n", true);
  merges_txt_gives("a b\n", true);
}

static void merges_txt_crlf(void **state) {
  (void)state;
  merges_txt_gives("#version: 0.2\r\na b\r\n", true);
}

static void merges_txt_without_final_newline(void **state) {
  (void)state;
  merges_txt_gives("a b", true);
}

static void merges_txt_empty_lines(void **state) {
  (void)state;
  merges_txt_gives("\n\r\n\na b\n\n", true);
}

static void merges_txt_of_one_byte(void **state) {
  (void)state;
  merges_txt_gives("", false);
  merges_txt_gives("\n", false);
  merges_txt_refused("x", "line 1, 'x'");
}

static void merges_txt_space_inside(void **state) {
  (void)state;
  merges_txt_refused("a b c", "line 1, 'a b c'");
  merges_txt_refused("a b\na b \n", "line 2, 'a b '");
  merges_txt_refused("a b\nab\n", "line 2, 'ab'");
}

static void merges_txt_unknown_pieces(void **state) {
  (void)state;
  merges_txt_refused("b a", "merge 0 ('b' and 'a')");
  merges_txt_refused("a \xC3\xA9\n", "merge 0 ('a' and '\xC3\xA9')");
  merges_txt_refused(" a", "merge 0 ('' and 'a')");
  char line[5000] = "a ";
  memset(line + 2, 'b', sizeof line - 3); /* longer than any piece */
  merges_txt_refused(line, "merge 0 ('a' and 'bbbb");
}

static void merges_txt_not_utf8(void **state) {
  (void)state;
  merges_txt_refused("a b\n\xFF", "not UTF-8 (byte 4)");
}

/* ---- folders ---- */

/* 100,000 added tokens in the older files, each looked for among those before it. */
static void many_added_tokens(void **state) {
  (void)state;
  enum { COUNT = 100000 };
  const char *const names[] = {"vocab.txt", "added_tokens.json"};
  strbuf json = {0};
  tokenizer *t;
  dwell_error err;
  for (int i = 0; i < COUNT; i++) strbuf_printf(&json, "%s\"<%d>\":%d", i > 0 ? "," : "{", i, i + 3);
  strbuf_putc(&json, '}');
  const char *const contents[] = {"[UNK]\n[CLS]\n[SEP]\n", json.data};
  assert_ok(open_files(names, contents, NULL, 2, &t, &err), &err);
  expect(t, "<77777><99999>", 2, (const int64_t[]){77780, 100002});
  tokenizer_close(t);
  strbuf_free(&json);
}

static void empty_folder(void **state) {
  (void)state;
  tokenizer *t;
  dwell_error err;
  assert_fails(tokenizer_open(testing_folder(), &t, &err), DWELL_UNSUPPORTED, &err, "no tokenizer (tokenizer.json");
  assert_non_null(strstr(err.remedy, "Copy the model's tokenizer.json"));
  tokenizer_close(NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(vocab_txt_odd_lines),
      cmocka_unit_test(vocab_txt_without_what_it_needs),
      cmocka_unit_test(vocab_txt_not_utf8),
      cmocka_unit_test(vocab_json_with_gaps),
      cmocka_unit_test(vocab_json_damaged),
      cmocka_unit_test(vocab_json_without_merges),
      cmocka_unit_test(merges_txt_without_version),
      cmocka_unit_test(merges_txt_crlf),
      cmocka_unit_test(merges_txt_without_final_newline),
      cmocka_unit_test(merges_txt_empty_lines),
      cmocka_unit_test(merges_txt_of_one_byte),
      cmocka_unit_test(merges_txt_space_inside),
      cmocka_unit_test(merges_txt_unknown_pieces),
      cmocka_unit_test(merges_txt_not_utf8),
      cmocka_unit_test(many_added_tokens),
      cmocka_unit_test(empty_folder),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
