/* The JSON reader: what RFC 8259 allows is read exactly, everything else is refused at the right byte. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/random.h"
#include "base/str.h"
#include "file/jcursor.h"
#include "util/testing.h"

/* The first byte complained about when `text` is skipped as a whole, or -1: it is valid JSON. */
static int64_t skip_problem(const char *text, size_t size) {
  arena storage = {0};
  dwell_error err;
  jcursor c = jcursor_start(text, size, &storage);
  jcursor_skip(&c);
  bool ok = jcursor_end(&c, "x.json", &err) == DWELL_OK;
  assert_null(storage.blocks); /* skipping stores nothing */
  arena_clear(&storage);
  if (ok) return -1;
  assert_int_equal(err.status, DWELL_BAD_INPUT);
  assert_string_equal(err.file, "x.json");
  assert_true(err.offset >= 0 && err.offset <= (int64_t)size);
  return err.offset;
}

static void test_valid_documents(void **state) {
  (void)state;
  static const char *const good[] = {
      "0",
      "-0",
      "-0.0e-0",
      "10",
      "1.5",
      "1E5",
      "1e+5",
      "123456789012345678901234567890",
      "1e400",
      "true",
      "false",
      "null",
      "\"\"",
      " \t\r\n1 \n",
      "[]",
      "{}",
      "[ ]",
      "{ }",
      "[1,2]",
      "[[],{},\"\"]",
      "{\"\":0}",
      "{\"a\":{\"a\":[]}}",
      "{\"a\":1,\"a\":2}",
      "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\uD83D\\ude00\"",
      "\"\x7f\"",
      "\"\xC3\xA9\"",
      "\"\xF4\x8F\xBF\xBF\"",
      "\"a longer text, more than eight bytes, \xE2\x82\xAC and more of it after that\""};
  for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
    int64_t at = skip_problem(good[i], strlen(good[i]));
    if (at >= 0) fail_msg("refused at byte %lld: %s", (long long)at, good[i]);
  }
}

static void test_invalid_documents(void **state) {
  (void)state;
  static const struct {
    const char *text;
    int64_t at;
  } bad[] = {{"", 0},
             {" ", 1},
             {"\xEF\xBB\xBF{}", 0},
             {"01", 0},
             {"-", 1},
             {"-a", 1},
             {"+1", 0},
             {".5", 0},
             {"1.", 2},
             {"1.e5", 2},
             {"1e", 2},
             {"1e+", 3},
             {"1e+x", 3},
             {"0x10", 1},
             {"1 2", 2},
             {"NaN", 0},
             {"nan", 0},
             {"Infinity", 0},
             {"-Infinity", 1},
             {"tru", 0},
             {"truex", 4},
             {"True", 0},
             {"nul", 0},
             {"'a'", 0},
             {"\"", 1},
             {"\"a", 2},
             {"\"\n\"", 1},
             {"\"\t\"", 1},
             {"\"\\x41\"", 1},
             {"\"\\u12g4\"", 1},
             {"\"\\u12\"", 1},
             {"\"\\", 2},
             {"\"\\ud800\"", 1},
             {"\"\\udc00\"", 1},
             {"\"\\ud800\\u0041\"", 1},
      {"\"\\udc00\\udc00\"", 1},
             {"\"\\ud800\\ud800\"", 1},
             {"\"\x80\"", 1},
             {"\"\xC0\x80\"", 1},
             {"\"\xED\xA0\x80\"", 1},
             {"\"\xF5\x80\x80\x80\"", 1},
             {"\"abcdefgh\xFF\"", 9},
             {"\"\xE2\x82", 1},
             {"[", 1},
             {"]", 0},
             {"[1", 2},
             {"[1,", 3},
             {"[1,]", 3},
             {"[,1]", 1},
             {"[1 2]", 3},
             {"[1]]", 3},
             {"[1}", 2},
             {"{", 1},
             {"}", 0},
             {"{\"a\"", 4},
             {"{\"a\":", 5},
             {"{\"a\":1", 6},
             {"{\"a\":1,}", 7},
             {"{a:1}", 1},
             {"{1:1}", 1},
             {"{\"a\" 1}", 5},
             {"{\"a\":1 \"b\":2}", 7},
             {"{\"a\",1}", 4},
             {"{,}", 1},
             {"{\"a\":}", 5},
             {"[1] // no", 4},
             {"\"\\u\x30\"", 1},
             {"\v1", 0},
             {"\xC2\xA0"
              "1",
              0}};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    int64_t at = skip_problem(bad[i].text, strlen(bad[i].text));
    if (at != bad[i].at) {
      fail_msg("%s: complaint at byte %lld, expected %lld", bad[i].text, (long long)at, (long long)bad[i].at);
    }
  }
  assert_int_equal(skip_problem("1\0", 2), 1); /* a NUL is a byte like others, not the end */
  assert_int_equal(skip_problem("\"\0\"", 3), 1);
}

static void test_depth_is_bounded(void **state) {
  (void)state;
  static char text[20000];
  for (size_t depth = 1; depth <= 70; depth++) {
    memset(text, '[', depth);
    memset(text + depth, ']', depth);
    assert_int_equal(skip_problem(text, 2 * depth), depth <= JCURSOR_MAX_DEPTH ? -1 : JCURSOR_MAX_DEPTH);
  }
  memset(text, '[', sizeof text);
  assert_int_equal(skip_problem(text, sizeof text), JCURSOR_MAX_DEPTH);
}

/* Every prefix of a document is cut short; none may be read past its end (the buffer is exactly as long). */
static void test_cut_anywhere(void **state) {
  (void)state;
  const char *whole = "{\"k\\u00e9y\":[1.5e-3,true,null,\"\xE2\x82\xAC\\ud83d\\ude00 text text text\"],\"b\":{}}";
  for (size_t size = 0; size < strlen(whole); size++) {
    char *exact = malloc(size + 1); /* + 1: malloc(0) may be NULL */
    char *start = exact + 1;        /* the end of the allocation is the end of the text */
    memcpy(start, whole, size);
    assert_true(skip_problem(start, size) >= 0);
    free(exact);
  }
}

static void test_strings_decode(void **state) {
  (void)state;
  static const struct {
    const char *json, *text;
    size_t length;
  } rows[] = {{"\"\"", "", 0},
              {"\"plain text of more than eight bytes\"", "plain text of more than eight bytes", 35},
              {"\"\\u0041\\u00e9\\u20AC\\ud83d\\ude00\"", "A\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80", 10},
              {"\"a\\u0000b\"", "a\0b", 3},
              {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t", 8},
              {"\"\xC4\xA0token\\n\"", "\xC4\xA0token\n", 8}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    arena storage = {0};
    jcursor c = jcursor_start(rows[i].json, strlen(rows[i].json), &storage);
    jtext text = jcursor_string(&c);
    assert_null(c.problem);
    assert_int_equal(text.length, rows[i].length);
    assert_memory_equal(text.data, rows[i].text, text.length + 1);
    arena_clear(&storage);
  }
}

static double read_double(const char *text) {
  arena storage = {0};
  dwell_error err;
  jcursor c = jcursor_start(text, strlen(text), &storage);
  double value = jcursor_double(&c);
  assert_ok(jcursor_end(&c, "x", &err), &err);
  arena_clear(&storage);
  return value;
}

static void test_doubles_are_exact(void **state) {
  (void)state;
  static const char *const rows[] = {
      "0",
      "-0",
      "-0.0",
      "0.1",
      "0.3",
      "1e22",
      "1e23",
      "123456789012345680",
      "9007199254740993",
      "9007199254740992",
      "1e-22",
      "1e-23",
      "4.9406564584124654e-324",
      "2.2250738585072011e-308",
      "1.7976931348623157e308",
      "1e-400",
      "0.000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000001",
      "1000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000e-100",
      "8.5",
      "-10.512345678901234",
      "3.0000000000000000000000000000001",
      "1e0000000000000000000000000000000000005"};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    double got = read_double(rows[i]), expected = strtod(rows[i], NULL); /* glibc rounds correctly */
    if (memcmp(&got, &expected, sizeof got) != 0) fail_msg("%s: %.17g, expected %.17g", rows[i], got, expected);
  }
  random_stream stream = {.seed = 1, .purpose = RANDOM_TEST};
  for (uint32_t i = 0; i < 20000; i++) {
    double value = random_normal(&stream, i, 0) * exp2(100 * random_normal(&stream, i, 1));
    int digits = 1 + (int)random_below(&stream, i, 2, 17);
    const char *text = testing_format("%.*e", digits - 1, value);
    assert_true(read_double(text) == strtod(text, NULL));
  }
}

static void test_numbers_out_of_range(void **state) {
  (void)state;
  static const struct {
    const char *text;
    int64_t low, high, value;
    bool ok;
  } rows[] = {{"0", 0, 10, 0, true},
              {"10", 0, 10, 10, true},
              {"11", 0, 10, 0, false},
              {"-1", 0, 10, 0, false},
              {"-0", 0, 10, 0, false},
              {"-0", -1, 10, 0, true},
              {"9223372036854775807", 0, INT64_MAX, INT64_MAX, true},
              {"9223372036854775808", 0, INT64_MAX, 0, false},
              {"18446744073709551616", 0, INT64_MAX, 0, false},
              {"-9223372036854775808", INT64_MIN, 0, INT64_MIN, true},
              {"-9223372036854775809", INT64_MIN, 0, 0, false},
              {"1.0", 0, 10, 0, false},
              {"1e1", 0, 10, 0, false},
              {"\"1\"", 0, 10, 0, false},
              {"true", 0, 10, 0, false}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    jcursor c = jcursor_start(rows[i].text, strlen(rows[i].text), NULL);
    int64_t value = jcursor_int(&c, rows[i].low, rows[i].high);
    if ((c.problem == NULL) != rows[i].ok) fail_msg("%s: %s", rows[i].text, c.problem ? c.problem : "accepted");
    if (rows[i].ok) assert_int_equal(value, rows[i].value);
  }
  jcursor c = jcursor_start("1e999", 5, NULL);
  jcursor_double(&c);
  assert_string_equal(c.problem, "a number is too large for a double");
}

static void test_walk_and_sticky_error(void **state) {
  (void)state;
  const char *text = "{\"skip\":{\"a\":[1,[2]]},\"list\":[1,2,3],\"no\":null,\"yes\":true,\"x\":-2.5e-1}";
  arena storage = {0};
  dwell_error err;
  jcursor c = jcursor_start(text, strlen(text), &storage);
  int64_t sum = 0;
  bool yes = false, no = false;
  double x = 0;
  jcursor_object(&c);
  for (jtext key; jcursor_key(&c, &key);) {
    if (jtext_is(key, "list")) {
      for (jcursor_array(&c); jcursor_item(&c);) sum += jcursor_int(&c, 0, 9);
    } else if (jtext_is(key, "no")) {
      no = jcursor_null(&c);
    } else if (jtext_is(key, "yes")) {
      yes = !jcursor_null(&c) && jcursor_bool(&c);
    } else if (jtext_is(key, "x")) {
      x = jcursor_double(&c);
    } else {
      jcursor_skip(&c);
    }
  }
  assert_ok(jcursor_end(&c, "x", &err), &err);
  assert_true(yes && no && sum == 6 && x == -0.25);

  c = jcursor_start(text, strlen(text), &storage);
  jcursor_array(&c); /* wrong: everything after is harmless and the first complaint stays */
  jtext key;
  assert_false(jcursor_key(&c, &key));
  assert_false(jcursor_item(&c));
  assert_int_equal(jcursor_string(&c).length, 0);
  assert_int_equal(jcursor_peek(&c), JKIND_ERROR);
  jcursor_fail(&c, "later");
  assert_fails(jcursor_end(&c, "bad\x1b.json", &err), DWELL_BAD_INPUT, &err,
               "bad\\x1b.json: expected an array '[' (byte 0)");
  arena_clear(&storage);
}

static void test_slurp(void **state) {
  (void)state;
  dwell_error err;
  char *data;
  size_t size;
  const char *path = testing_format("%s/some.json", testing_folder());
  testing_write(path, "12345", 5);
  assert_ok(file_slurp(path, 5, &data, &size, &err), &err);
  assert_int_equal(size, 5);
  assert_string_equal(data, "12345");
  mem_free(data);
  assert_fails(file_slurp(path, 4, &data, &size, &err), DWELL_BAD_INPUT, &err, "larger than the 4 bytes");
  assert_null(data);
  testing_write(path, "", 0);
  assert_ok(file_slurp(path, 0, &data, &size, &err), &err);
  assert_true(size == 0 && data[0] == '\0');
  mem_free(data);
  assert_fails(file_slurp(testing_folder(), 100, &data, &size, &err), DWELL_BAD_INPUT, &err, "directory");
  assert_fails(file_slurp("/nowhere/x", 100, &data, &size, &err), DWELL_BAD_INPUT, &err, "cannot open");
  assert_fails(file_slurp("/dev/zero", 100000, &data, &size, &err), DWELL_BAD_INPUT, &err, "larger than"); /* no size */
}

/* A pipe has no size beforehand: the bound holds to the byte all the same. */
static void test_slurp_pipe(void **state) {
  (void)state;
  for (size_t most = 4; most <= 5; most++) {
    dwell_error err;
    char *data;
    size_t size;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "12345", 5), 5);
    close(ends[1]);
    dwell_status status = file_slurp(testing_format("/proc/self/fd/%d", ends[0]), most, &data, &size, &err);
    close(ends[0]);
    if (most < 5) {
      assert_fails(status, DWELL_BAD_INPUT, &err, "larger than the 4 bytes");
    } else {
      assert_ok(status, &err);
      assert_string_equal(data, "12345");
      mem_free(data);
    }
  }
}

/* Every file that a tokenizer library wrote must be valid. */
static void test_real_tokenizers(void **state) {
  (void)state;
  static const char *const names[] = {"tokenizers/gpt2/tokenizer.json", "tokenizers/albert/tokenizer.json",
                                      "tokenizers/bert-base-uncased/tokenizer.json",
                                      "models/bert-rxnfp-pretrained/config.json"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    const char *path = testing_shared(names[i]);
    if (path == NULL) testing_skip_absent(names[i]);
    size_t size;
    char *data = testing_read(path, &size);
    assert_int_equal(skip_problem(data, size), -1);
    free(data);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_valid_documents),
      cmocka_unit_test(test_invalid_documents),
      cmocka_unit_test(test_depth_is_bounded),
      cmocka_unit_test(test_cut_anywhere),
      cmocka_unit_test(test_strings_decode),
      cmocka_unit_test(test_doubles_are_exact),
      cmocka_unit_test(test_numbers_out_of_range),
      cmocka_unit_test(test_walk_and_sticky_error),
      cmocka_unit_test(test_slurp),
      cmocka_unit_test(test_slurp_pipe),
      cmocka_unit_test(test_real_tokenizers),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
