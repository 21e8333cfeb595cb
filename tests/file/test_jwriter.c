/* The JSON writer: layout byte for byte, and everything written reads back to the same values. */
#include <math.h>
#include <string.h>

#include "base/random.h"
#include "file/jcursor.h"
#include "file/jwriter.h"
#include "util/testing.h"

static void write_sample(jwriter *w) {
  jwriter_object(w);
  jwriter_put_string(w, "name", "a \"b\"\n</script>");
  jwriter_put_string(w, "none", NULL);
  jwriter_key(w, "list");
  jwriter_array(w);
  jwriter_int(w, INT64_MIN);
  jwriter_uint(w, UINT64_MAX);
  jwriter_object(w);
  jwriter_close(w);
  jwriter_close(w);
  jwriter_key(w, "flat");
  jwriter_flat_array(w);
  jwriter_double(w, 0.1);
  jwriter_double(w, NAN);
  jwriter_array(w);
  jwriter_double(w, INFINITY);
  jwriter_bool(w, true);
  jwriter_close(w);
  jwriter_close(w);
  jwriter_key(w, "empty");
  jwriter_array(w);
  jwriter_close(w);
  jwriter_put_bool(w, "yes", false);
  jwriter_put_int(w, "n", 7);
  jwriter_put_double(w, "x", 1e300);
  jwriter_close(w);
}

static void check_text(int indent, const char *expected) {
  strbuf out = {0};
  jwriter w = jwriter_start(&out, indent);
  write_sample(&w);
  assert_false(out.failed);
  assert_string_equal(out.data, expected);
  assert_int_equal(w.depth, 0);
  strbuf_free(&out);
}

static void test_one_line(void **state) {
  (void)state;
  check_text(
      0,
      "{\"name\":\"a \\\"b\\\"\\n\\u003c/script>\",\"none\":null,\"list\":[-9223372036854775808,"
      "18446744073709551615,{}],\"flat\":[0.1,null,[null,true]],\"empty\":[],\"yes\":false,\"n\":7,\"x\":1e+300}");
}

static void test_indented(void **state) {
  (void)state;
  check_text(2,
             "{\n  \"name\": \"a \\\"b\\\"\\n\\u003c/script>\",\n  \"none\": null,\n  \"list\": [\n"
             "    -9223372036854775808,\n    18446744073709551615,\n    {}\n  ],\n"
             "  \"flat\": [0.1, null, [null, true]],\n  \"empty\": [],\n  \"yes\": false,\n  \"n\": 7,\n"
             "  \"x\": 1e+300\n}");
}

static void test_strings_read_back(void **state) {
  (void)state;
  char all[0x80];
  for (size_t i = 0; i < sizeof all; i++) all[i] = (char)i; /* every ASCII byte, NUL first */
  strbuf out = {0};
  jwriter w = jwriter_start(&out, 0);
  jwriter_array(&w);
  jwriter_text(&w, all, sizeof all);
  jwriter_text(&w, "\xE2\x80\xA8\xF0\x9F\x98\x80", 7); /* a line separator, and a code point beyond 16 bits */
  jwriter_text(&w, "a\xFF\xED\xA0\x80z", 6);           /* malformed: four bytes that are no UTF-8 */
  jwriter_close(&w);
  assert_null(strchr(out.data, '<'));
  assert_null(strstr(out.data, "\xE2\x80\xA8"));
  arena storage = {0};
  dwell_error err;
  jcursor c = jcursor_start(out.data, out.length, &storage);
  jcursor_array(&c);
  jcursor_item(&c);
  jtext text = jcursor_string(&c);
  assert_int_equal(text.length, sizeof all);
  assert_memory_equal(text.data, all, sizeof all);
  jcursor_item(&c);
  assert_true(jtext_is(jcursor_string(&c), "\xE2\x80\xA8\xF0\x9F\x98\x80"));
  jcursor_item(&c);
  assert_true(jtext_is(jcursor_string(&c), "a\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBDz"));
  assert_false(jcursor_item(&c));
  assert_ok(jcursor_end(&c, "x", &err), &err);
  arena_clear(&storage);
  strbuf_free(&out);
}

static void test_doubles_read_back(void **state) {
  (void)state;
  random_stream stream = {.seed = 2, .purpose = RANDOM_TEST};
  strbuf out = {0};
  jwriter w = jwriter_start(&out, 0);
  jwriter_array(&w);
  enum { COUNT = 10000 };
  for (uint32_t i = 0; i < COUNT; i++) jwriter_double(&w, exp2(300 * random_normal(&stream, i, 0)));
  jwriter_close(&w);
  arena storage = {0};
  dwell_error err;
  jcursor c = jcursor_start(out.data, out.length, &storage);
  jcursor_array(&c);
  for (uint32_t i = 0; jcursor_item(&c); i++) {
    double value = exp2(300 * random_normal(&stream, i, 0));
    if (isfinite(value)) assert_true(jcursor_double(&c) == value);
    else assert_true(jcursor_null(&c));
  }
  assert_ok(jcursor_end(&c, "x", &err), &err);
  arena_clear(&storage);
  strbuf_free(&out);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_one_line),
      cmocka_unit_test(test_indented),
      cmocka_unit_test(test_strings_read_back),
      cmocka_unit_test(test_doubles_read_back),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
