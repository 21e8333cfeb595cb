/* tests/draw/test_scale.c - scales invert, ticks are where and what people expect. */
#include <math.h>
#include <string.h>

#include "draw/scale.h"
#include "util/testing.h"

static scale on_pixels(scale_kind kind, double low, double high) {
  scale s = scale_make(kind, low, high);
  s.from = 40;
  s.to = 440;
  return s;
}

/* Joins the labels of the labelled ticks with blanks. */
static const char *labels_of(const scale *s, size_t most, bool whole) {
  static char joined[2048];
  tick ticks[SCALE_MAX_TICKS];
  size_t n = whole ? scale_ticks_whole(s, most, ticks) : scale_ticks(s, most, ticks);
  joined[0] = '\0';
  for (size_t i = 0; i < n; i++) {
    if (ticks[i].minor) continue;
    if (joined[0] != '\0') strcat(joined, " ");
    strcat(joined, ticks[i].label);
  }
  return joined;
}

static void test_round_trip(void **state) {
  (void)state;
  scale kinds[] = {on_pixels(SCALE_LINEAR, -1, 1), on_pixels(SCALE_LOG, 1e-5, 30), on_pixels(SCALE_LN, -4, 1200)};
  for (size_t k = 0; k < 3; k++) {
    /* 1e-13: two operations at pixel magnitude 440, divided by the slope; exp() amplifies by the exponent's size. */
    for (int i = 0; i <= 10; i++) {
      double pixel = 40 + 40 * i;
      assert_near(scale_at(&kinds[k], scale_back(&kinds[k], pixel)), pixel, 0, 1e-10);
    }
    assert_near(scale_at(&kinds[k], kinds[k].low), 40, 0, 1e-10);
    assert_near(scale_at(&kinds[k], kinds[k].high), 440, 0, 1e-10);
  }
}

static void test_linear_ticks(void **state) {
  (void)state;
  scale s = on_pixels(SCALE_LINEAR, 0, 1);
  assert_string_equal(labels_of(&s, 5, false), "0 0.2 0.4 0.6 0.8 1");
  s = on_pixels(SCALE_LINEAR, -1, 1);
  assert_string_equal(labels_of(&s, 5, false), "−1 −0.5 0 0.5 1");
  s = on_pixels(SCALE_LINEAR, 0, 12);
  assert_string_equal(labels_of(&s, 7, false), "0 2 4 6 8 10 12");
  s = on_pixels(SCALE_LINEAR, 0, 11);
  assert_string_equal(labels_of(&s, 4, false), "0 5 10");
  s = on_pixels(SCALE_LINEAR, 0.98, 1);
  assert_string_equal(labels_of(&s, 5, false), "0.98 0.985 0.99 0.995 1");
  s = on_pixels(SCALE_LINEAR, 0, 3e-9);
  assert_string_equal(labels_of(&s, 3, false), "0 10⁻⁹ 2×10⁻⁹ 3×10⁻⁹");
}

static void test_whole_ticks(void **state) {
  (void)state;
  scale s = on_pixels(SCALE_LINEAR, 0, 2);
  assert_string_equal(labels_of(&s, 10, true), "0 1 2");
  s = on_pixels(SCALE_LINEAR, 0, 48);
  assert_string_equal(labels_of(&s, 10, true), "0 5 10 15 20 25 30 35 40 45");
}

static void test_log_ticks(void **state) {
  (void)state;
  scale s = on_pixels(SCALE_LOG, 1e-3, 100);
  assert_string_equal(labels_of(&s, 7, false), "0.001 0.01 0.1 1 10 100");
  s = on_pixels(SCALE_LOG, 1, 50);
  assert_string_equal(labels_of(&s, 7, false), "1 2 5 10 20 50");
  s = on_pixels(SCALE_LOG, 3, 7);
  assert_string_equal(labels_of(&s, 5, false), "3 4 5 6 7");
  /* ln t of times far beyond a double: t = e^1150 is about 10^499.4 */
  s = on_pixels(SCALE_LN, 0, 1150);
  assert_string_equal(labels_of(&s, 5, false), "1 10¹⁰⁰ 10²⁰⁰ 10³⁰⁰ 10⁴⁰⁰");
}

static void test_ticks_are_inside_and_ascending(void **state) {
  (void)state;
  tick ticks[SCALE_MAX_TICKS];
  for (int k = 0; k < 3; k++) {
    for (int i = 0; i < 200; i++) {
      double low = k == SCALE_LOG ? exp(-20 + 0.2 * i) : -5 + 0.37 * i, width = exp(-9 + 0.1 * i);
      scale s = on_pixels((scale_kind)k, low, k == SCALE_LOG ? low * (1 + width) : low + width);
      size_t n = scale_ticks(&s, 6, ticks), labelled = 0;
      for (size_t t = 0; t < n; t++) {
        assert_true(ticks[t].at >= 40 - 1e-6 && ticks[t].at <= 440 + 1e-6);
        if (t > 0) assert_true(ticks[t].at > ticks[t - 1].at);
        labelled += !ticks[t].minor;
      }
      assert_true(labelled >= 1 && labelled <= 13);
    }
  }
}

static void test_strange_ranges(void **state) {
  (void)state;
  const double ranges[][2] = {{3, 3}, {0, 0}, {NAN, 1}, {-INFINITY, INFINITY}, {2, 1}, {-4, -4}, {1e300, 1e300}};
  for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
    for (int k = 0; k < 3; k++) {
      scale s = on_pixels((scale_kind)k, ranges[i][0], ranges[i][1]);
      assert_true(isfinite(s.low) && isfinite(s.high) && s.low < s.high);
      assert_true(isfinite(scale_at(&s, (s.low + s.high) / 2)));
    }
  }
}

static void test_widen_covers(void **state) {
  (void)state;
  scale s = on_pixels(SCALE_LINEAR, 0.03, 0.97);
  scale_widen(&s, 5);
  assert_near(s.low, 0, 0, 0);
  assert_near(s.high, 1, 1e-15, 0);
  s = on_pixels(SCALE_LOG, 1, 100);
  scale_widen(&s, 5);
  assert_true(s.low < 1 && s.low > 0.5 && s.high > 100 && s.high < 200);
}

static void test_labels(void **state) {
  (void)state;
  char text[64];
  assert_string_equal(scale_label(0.0123456, 3, text, sizeof text), "0.0123");
  assert_string_equal(scale_label(-2.5, 2, text, sizeof text), "−2.5");
  assert_string_equal(scale_label(1.2e-7, 2, text, sizeof text), "1.2×10⁻⁷");
  assert_string_equal(scale_label(1e9, 2, text, sizeof text), "10⁹");
  assert_string_equal(scale_label(0, 3, text, sizeof text), "0");
  assert_string_equal(scale_label(1e-7, 3, text, 4), "10"); /* cut between characters, terminated */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_round_trip),
      cmocka_unit_test(test_linear_ticks),
      cmocka_unit_test(test_whole_ticks),
      cmocka_unit_test(test_log_ticks),
      cmocka_unit_test(test_ticks_are_inside_and_ascending),
      cmocka_unit_test(test_strange_ranges),
      cmocka_unit_test(test_widen_covers),
      cmocka_unit_test(test_labels),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
