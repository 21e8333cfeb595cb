/* Text: buffers, strict UTF-8, safe display, nearest names. */
#include "base/str.h"

#include <stdio.h>
#include <string.h>

#include "util/testing.h"

/* ---- buffers ---- */

static void buffers_grow(void **state) {
  (void)state;
  strbuf s = {0};
  for (int i = 0; i < 1000; i++) strbuf_printf(&s, "%d,", i);
  strbuf_putc(&s, 'x');
  strbuf_add(&s, "a\0b", 3);
  strbuf_puts(&s, "");
  assert_false(s.failed);
  assert_int_equal(s.length, 2 * 10 + 3 * 90 + 4 * 900 + 4);
  assert_memory_equal(s.data, "0,1,2,3,", 8);
  assert_memory_equal(s.data + s.length - 4, "xa\0b", 5); /* with the NUL behind it */
  strbuf_free(&s);
  assert_null(s.data);
  strbuf_free(&s);
}

static void failure_is_sticky(void **state) {
  (void)state;
  strbuf s = {0};
  strbuf_puts(&s, "kept");
  strbuf_add(&s, "x", SIZE_MAX - 2); /* no room for it and the NUL */
  assert_true(s.failed);
  strbuf_puts(&s, "ignored"), strbuf_putc(&s, '!'), strbuf_printf(&s, "%d", 1);
  assert_string_equal(s.data, "kept");
  assert_int_equal(s.length, 4);
  strbuf_free(&s);
}

/* ---- UTF-8 ---- */

/* Table 3-7 of the Unicode standard, each row from below, inside and above. 0: malformed. */
static void decoding_is_strict(void **state) {
  (void)state;
  static const struct {
    const char *bytes;
    size_t size;
    uint32_t code;
  } rows[] = {
      {"\x7f", 1, 0x7f},
      {"\x80", 0, 0},
      {"\xbf", 0, 0},
      {"\xc0\x80", 0, 0}, /* overlong NUL */
      {"\xc1\xbf", 0, 0},
      {"\xc2\x80", 2, 0x80},
      {"\xc2\x7f", 0, 0},
      {"\xc2\xc0", 0, 0},
      {"\xdf\xbf", 2, 0x7ff},
      {"\xe0\x9f\xbf", 0, 0}, /* overlong */
      {"\xe0\xa0\x80", 3, 0x800},
      {"\xed\x9f\xbf", 3, 0xd7ff},
      {"\xed\xa0\x80", 0, 0}, /* surrogates */
      {"\xed\xbf\xbf", 0, 0},
      {"\xee\x80\x80", 3, 0xe000},
      {"\xef\xbf\xbf", 3, 0xffff},
      {"\xf0\x8f\xbf\xbf", 0, 0}, /* overlong */
      {"\xf0\x90\x80\x80", 4, 0x10000},
      {"\xf0\x9f\x98\x80", 4, 0x1f600},
      {"\xf4\x8f\xbf\xbf", 4, 0x10ffff},
      {"\xf4\x90\x80\x80", 0, 0}, /* above the last */
      {"\xf5\x80\x80\x80", 0, 0},
      {"\xff", 0, 0},
      {"\xe2\x82", 0, 0}, /* cut short */
      {"\xf0\x9f\x98", 0, 0},
      {"\xe2\x28\xa1", 0, 0},
  };
  for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
    uint32_t code = 0;
    size_t length = strlen(rows[r].bytes), size = utf8_decode(rows[r].bytes, length, &code);
    if (size != rows[r].size || code != rows[r].code) fail_msg("row %zu: %zu bytes, U+%04X", r, size, code);
    for (size_t cut = 0; cut < size; cut++) assert_int_equal(utf8_decode(rows[r].bytes, cut, &code), 0);
  }
}

static void every_scalar_value_round_trips(void **state) {
  (void)state;
  for (uint32_t code = 0; code <= 0x10ffff; code++) {
    if (code >= 0xd800 && code < 0xe000) continue;
    char bytes[4];
    uint32_t back = ~code;
    size_t size = utf8_encode(code, bytes);
    if (utf8_decode(bytes, size, &back) != size || back != code) fail_msg("U+%04X", code);
  }
}

static void check_finds_the_first_bad_byte(void **state) {
  (void)state;
  assert_int_equal(utf8_check("", 0), 0);
  assert_int_equal(utf8_check("a\xc3\xa4\0z", 5), 5); /* NUL is a character */
  assert_int_equal(utf8_check("ab\xff", 3), 2);
  assert_int_equal(utf8_check("ab\xe2\x82", 4), 2);
}

/* ---- display ---- */

static void check_display(const char *text, size_t length, const char *expected) {
  char out[200];
  str_display(out, sizeof out, text, length);
  assert_string_equal(out, expected);
}

static void display_is_safe(void **state) {
  (void)state;
  check_display("plain \xc3\xa4 \xf0\x9f\x98\x80", 13, "plain \xc3\xa4 \xf0\x9f\x98\x80");
  check_display("\x1b[2J", 4, "\\x1b[2J");
  check_display("a\nb\tc\r", 6, "a\\nb\\x09c\\x0d");
  check_display("a\0b", 3, "a\\x00b");
  check_display("\x7f\xc2\x85\xc2\x9b", 5, "\\x7f\\x85\\x9b"); /* DEL, NEL, CSI */
  check_display(
      "\xe2\x80\xae"
      "cod.exe",
      10,
      "\\u202e"
      "cod.exe");                                                                /* right-to-left override */
  check_display("\xe2\x81\xa6\xe2\x81\xa9\xd8\x9c", 8, "\\u2066\\u2069\\u061c"); /* isolates, Arabic mark */
  check_display("\xe2\x80\xa8\xef\xbb\xbf", 6, "\\u2028\\ufeff");                /* line separator, BOM */
  check_display("\xf3\xa0\x81\x81", 4, "\\U000e0041");                           /* invisible tag */
  check_display("\xff\xc0\xaf", 3, "\\xff\\xc0\\xaf");                           /* malformed */
}

/* Cut to any size: terminated, inside, whole characters and codes, dots where something is missing. */
static void display_is_cut_whole(void **state) {
  (void)state;
  static const char text[] = "ab\xc3\xa4\x1b\xf0\x9f\x98\x80\xe2\x80\xae z";
  char whole[100], out[100];
  str_display(whole, sizeof whole, text, sizeof text - 1);
  for (size_t size = 0; size < sizeof out; size++) {
    memset(out, '#', sizeof out);
    str_display(out, size, text, sizeof text - 1);
    for (size_t i = size; i < sizeof out; i++) assert_int_equal(out[i], '#');
    if (size == 0) continue;
    size_t length = strlen(out);
    assert_true(length < size);
    assert_int_equal(utf8_check(out, length), length);
    if (strcmp(out, whole) == 0) continue;
    assert_true(size <= strlen(whole) + 2); /* room for the dots is kept until the last character */
    size_t dots = size - 1 < 3 ? size - 1 : 3;
    assert_memory_equal(out + length - dots, "...", dots);
    assert_memory_equal(out, whole, length - dots);
  }
}

static void html_is_escaped(void **state) {
  (void)state;
  strbuf s = {0};
  static const char text[] = "<a href=\"x\">'&'\x1b\xff\xe2\x80\xae\xc3\xa4</a>";
  strbuf_html(&s, text, sizeof text - 1);
  assert_string_equal(s.data, "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;\\x1b\\xff\\u202e\xc3\xa4&lt;/a&gt;");
  strbuf_free(&s);
}

/* ---- names ---- */

static void nearest_names(void **state) {
  (void)state;
  static const char *const names[] = {"energy", "entropy", "effective-rank", "gap", "radius"};
  assert_string_equal(str_nearest("enery", names, 5), "energy");
  assert_string_equal(str_nearest("entrpoy", names, 5), "entropy");
  assert_string_equal(str_nearest("effectiv_rank", names, 5), "effective-rank");
  assert_string_equal(str_nearest("gap", names, 5), "gap");
  assert_null(str_nearest("xyz", names, 5)); /* 3 edits of 3 letters is another word */
  assert_null(str_nearest("temperature", names, 5));
  assert_null(str_nearest("", names, 5));
  assert_null(str_nearest("energy", names, 0));
  char longer[300];
  memset(longer, 'g', sizeof longer - 1), longer[sizeof longer - 1] = '\0';
  assert_null(str_nearest(longer, names, 5));
}

static void items_of_a_list(void **state) {
  (void)state;
  const char *rest = "ip,,a long name,";
  char item[5];
  static const char *const expected[] = {"ip", "", "a lo", ""};
  for (size_t i = 0; i < 4; i++) {
    assert_true(str_item(&rest, item, sizeof item));
    assert_string_equal(item, expected[i]);
  }
  assert_null(rest);
  assert_false(str_item(&rest, item, sizeof item));
  rest = "";
  assert_true(str_item(&rest, item, sizeof item) && item[0] == '\0');
  assert_false(str_item(&rest, item, sizeof item));
}

static void comparisons(void **state) {
  (void)state;
  assert_true(str_equal("a", "a"));
  assert_false(str_equal("a", "b"));
  assert_false(str_equal(NULL, "a"));
  assert_false(str_equal(NULL, NULL));
  assert_true(str_ends("x.npz", ".npz"));
  assert_true(str_ends("x", ""));
  assert_false(str_ends("npz", "x.npz"));
  assert_false(str_ends("x.npz.tmp", ".npz"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(buffers_grow),
      cmocka_unit_test(failure_is_sticky),
      cmocka_unit_test(decoding_is_strict),
      cmocka_unit_test(every_scalar_value_round_trips),
      cmocka_unit_test(check_finds_the_first_bad_byte),
      cmocka_unit_test(display_is_safe),
      cmocka_unit_test(display_is_cut_whole),
      cmocka_unit_test(html_is_escaped),
      cmocka_unit_test(nearest_names),
      cmocka_unit_test(items_of_a_list),
      cmocka_unit_test(comparisons),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
