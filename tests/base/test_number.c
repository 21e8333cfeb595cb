/* Numbers as text: every double survives the round trip, nothing but a decimal number is read. */
#include "base/number.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "util/testing.h"

static void check_text(double value, const char *expected) {
  char text[NUMBER_SIZE];
  assert_string_equal(number_format(value, text), expected);
}

static void shortest_text(void **state) {
  (void)state;
  check_text(0, "0");
  check_text(-0.0, "0");
  check_text(1, "1");
  check_text(-42, "-42");
  check_text(0.1, "0.1");
  check_text(1. / 3, "0.3333333333333333");
  check_text(0.1 + 0.2, "0.30000000000000004");
  check_text(100000000000000, "100000000000000");
  check_text(1e15, "1e+15");
  check_text(1e22, "1e+22");
  check_text(123456789.125, "123456789.125");
  check_text(1e-300, "1e-300");
  check_text(DBL_MAX, "1.7976931348623157e+308");
  check_text(-DBL_MAX, "-1.7976931348623157e+308");
  check_text(DBL_MIN, "2.2250738585072014e-308");
  check_text(5e-324, "5e-324");
  check_text(-1.5e-323, "-1.5e-323");
  check_text(9007199254740993., "9007199254740992");
}

static void random_bits_round_trip(void **state) {
  (void)state;
  const random_stream s = {.seed = 6, .purpose = RANDOM_TEST};
  for (uint32_t t = 0; t < 100000; t++) {
    uint32_t bits[4];
    random_bits(&s, 0, t, bits);
    uint64_t pattern = (uint64_t)bits[0] << 32 | bits[1];
    if (t % 8 == 0) pattern &= 0x800FFFFFFFFFFFFFu; /* subnormal */
    double value, back;
    memcpy(&value, &pattern, sizeof value);
    if (!isfinite(value)) continue;
    char text[NUMBER_SIZE];
    memset(text, 'x', sizeof text);
    number_format(value, text);
    assert_non_null(memchr(text, '\0', sizeof text));
    assert_true(number_parse(text, &back));
    assert_true(back == value);
    /* Shortest: one digit less does not read back. */
    char shorter[NUMBER_SIZE + 8];
    size_t digits = 0;
    for (const char *c = text; *c != '\0' && *c != 'e'; c++) digits += *c >= '0' && *c <= '9';
    if (digits > 1 && fabs(value) < DBL_MIN) {
      snprintf(shorter, sizeof shorter, "%.*e", (int)digits - 2, value);
      assert_true(strtod(shorter, NULL) != value);
    }
  }
}

static void only_decimal_numbers_are_read(void **state) {
  (void)state;
  static const struct {
    const char *text;
    double value;
  } good[] = {{"0", 0},       {"-1", -1}, {"+2.5", 2.5},     {".5", 0.5},          {"5.", 5},     {"1e3", 1000},
              {"1E-3", 1e-3}, {"007", 7}, {"1e+308", 1e308}, {"4.9e-324", 5e-324}, {"1e-400", 0}, {"-0.0", 0}};
  static const char *const bad[] = {"",    " ",     " 1",     "1 ",  "1x",    "x1",  "0x10",     "inf", "-inf",
                                    "nan", "NaN",   "1e",     "e5",  "1e5.5", "--1", "+-1",      "1-2", ".",
                                    "1,5", "1e999", "-1e999", "1_0", "1f",    "1e+", "infinity", "1\n", "\t1"};
  for (size_t t = 0; t < sizeof good / sizeof good[0]; t++) {
    double value = NAN;
    if (!number_parse(good[t].text, &value)) fail_msg("'%s' is not read", good[t].text);
    assert_true(value == good[t].value);
  }
  for (size_t t = 0; t < sizeof bad / sizeof bad[0]; t++) {
    double value = 77;
    if (number_parse(bad[t], &value)) fail_msg("'%s' is read as %g", bad[t], value);
    assert_true(value == 77); /* untouched */
  }
}

static void integers_and_their_bounds(void **state) {
  (void)state;
  int64_t v = 0;
  assert_true(number_parse_int("12", 1, 12, &v) && v == 12);
  assert_true(number_parse_int("-3", -3, 3, &v) && v == -3);
  assert_true(number_parse_int("+3", -3, 3, &v) && v == 3);
  assert_true(number_parse_int("9223372036854775807", 0, INT64_MAX, &v) && v == INT64_MAX);
  assert_true(number_parse_int("-9223372036854775808", INT64_MIN, 0, &v) && v == INT64_MIN);
  v = 77;
  static const char *const bad[] = {"", "13", "0", "1.0", "1e1", " 1", "1 ", "-", "+", "--1", "+-1", "1-", "0x1", "x"};
  for (size_t t = 0; t < sizeof bad / sizeof bad[0]; t++) assert_false(number_parse_int(bad[t], 1, 12, &v));
  assert_false(number_parse_int("9223372036854775808", INT64_MIN, INT64_MAX, &v)); /* one too many */
  assert_false(number_parse_int("-9223372036854775809", INT64_MIN, INT64_MAX, &v));
  assert_int_equal(v, 77);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(shortest_text),
      cmocka_unit_test(random_bits_round_trip),
      cmocka_unit_test(only_decimal_numbers_are_read),
      cmocka_unit_test(integers_and_their_bounds),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
