/* The reader of protocol buffers: values as the specification of the wire format has them, and every malformed class.
 */
#include <string.h>

#include "file/pcursor.h"
#include "util/testing.h"

#define START(bytes) pcursor_start(bytes, sizeof(bytes) - 1)

static void values(void **state) {
  (void)state;
  dwell_error err;
  uint32_t field;
  /* 1: varint 150 (the example of the specification), 2: "testing", 3: {1: 150}, 4: float 1, 5: int -1, 6: bool */
  static const char bytes[] =
      "\x08\x96\x01\x12\x07testing\x1a\x03\x08\x96\x01\x25\x00\x00\x80\x3f"
      "\x28\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x30\x01";
  pcursor c = START(bytes);
  assert_true(pcursor_field(&c, &field) && field == 1);
  assert_int_equal(pcursor_int(&c, 0, 1000), 150);
  assert_true(pcursor_field(&c, &field) && field == 2);
  pbytes text = pcursor_bytes(&c);
  assert_int_equal(text.length, 7);
  assert_memory_equal(text.data, "testing", 7);
  assert_true(pcursor_field(&c, &field) && field == 3);
  pcursor inside = pcursor_message(&c);
  assert_true(pcursor_field(&inside, &field) && field == 1);
  assert_int_equal(pcursor_int(&inside, 150, 150), 150);
  assert_false(pcursor_field(&inside, &field));
  assert_ok(pcursor_end(&inside, "x", &err), &err);
  assert_true(pcursor_field(&c, &field) && field == 4);
  assert_true(pcursor_float(&c) == 1.0f);
  assert_true(pcursor_field(&c, &field) && field == 5);
  assert_int_equal(pcursor_int(&c, -1, 1), -1);
  assert_true(pcursor_field(&c, &field) && field == 6);
  assert_true(pcursor_bool(&c));
  assert_false(pcursor_field(&c, &field));
  assert_ok(pcursor_end(&c, "x", &err), &err);
}

static void skipped(void **state) {
  (void)state;
  dwell_error err;
  uint32_t field;
  size_t count = 0;
  /* each kind once, and the largest field number */
  static const char bytes[] =
      "\x08\x96\x01\x11\x01\x02\x03\x04\x05\x06\x07\x08\x1a\x02xy\x25\x01\x02\x03\x04"
      "\xf8\xff\xff\xff\x0f\x01";
  pcursor c = START(bytes);
  for (; pcursor_field(&c, &field); count++) pcursor_skip(&c);
  assert_ok(pcursor_end(&c, "x", &err), &err);
  assert_int_equal(count, 5);
  assert_int_equal(field, 0x1FFFFFFF);
}

/* All of a message skipped: the problem, and its byte. */
static void expect(const char *bytes, size_t size, const char *words, int64_t offset) {
  dwell_error err = {.offset = -1};
  uint32_t field;
  pcursor c = pcursor_start(bytes, size);
  while (pcursor_field(&c, &field)) pcursor_skip(&c);
  assert_fails(pcursor_end(&c, "some.file", &err), DWELL_BAD_INPUT, &err, words);
  assert_string_equal(err.file, "some.file");
  assert_int_equal(err.offset, offset);
}

#define EXPECT(bytes, words, offset) expect(bytes, sizeof(bytes) - 1, words, offset)

static void malformed(void **state) {
  (void)state;
  EXPECT("\x80", "ends in the middle", 1);
  EXPECT("\x08", "ends in the middle", 1);
  EXPECT("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", "more than 64 bits", 11);
  EXPECT("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "more than 64 bits", 11);
  EXPECT("\x11\x01\x02\x03\x04\x05\x06\x07", "ends in the middle", 1);
  EXPECT("\x15\x01\x02\x03", "ends in the middle", 1);
  EXPECT("\x12\x05xyz", "ends in the middle", 2);
  EXPECT("\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01xyz", "ends in the middle", 11); /* a length of 2^64 - 1 */
  EXPECT("\x12\xff\xff\xff\xff\xff\xff\xff\xff\x7f", "ends in the middle", 10);        /* of 2^63 - 1 */
  EXPECT("\x00\x01", "impossible number", 1);
  EXPECT("\x80\x80\x80\x80\x10\x01", "impossible number", 5);
  EXPECT("\x0b", "groups are not", 1);
  EXPECT("\x0c", "groups are not", 1);
  EXPECT("\x0e", "groups are not", 1);
  EXPECT("\x0f", "groups are not", 1);
}

static void wrong_kinds(void **state) {
  (void)state;
  dwell_error err;
  uint32_t field;
  pcursor c = START("\x08\x01");
  assert_true(pcursor_field(&c, &field));
  assert_int_equal(pcursor_bytes(&c).length, 0);
  assert_fails(pcursor_end(&c, NULL, &err), DWELL_BAD_INPUT, &err, "not of the kind");
  c = START("\x12\x01x");
  assert_true(pcursor_field(&c, &field));
  assert_int_equal(pcursor_int(&c, 3, 9), 3); /* a value in the range, whatever happens */
  assert_fails(pcursor_end(&c, NULL, &err), DWELL_BAD_INPUT, &err, "not of the kind");
  assert_false(pcursor_field(&c, &field)); /* and nothing moves any more */
  c = START("\x08\x05");
  assert_true(pcursor_field(&c, &field));
  assert_int_equal(pcursor_int(&c, 0, 4), 0);
  assert_fails(pcursor_end(&c, NULL, &err), DWELL_BAD_INPUT, &err, "out of the range");
  c = START("\x0d\x00\x00\xc0\x7f");
  assert_true(pcursor_field(&c, &field));
  assert_true(pcursor_float(&c) == 0);
  assert_fails(pcursor_end(&c, NULL, &err), DWELL_BAD_INPUT, &err, "not finite");
  c = START("\x0a\x02\x12\x05");
  assert_true(pcursor_field(&c, &field));
  pcursor inside = pcursor_message(&c); /* cannot reach beyond the message */
  assert_true(pcursor_field(&inside, &field));
  pcursor_skip(&inside);
  assert_fails(pcursor_end(&inside, NULL, &err), DWELL_BAD_INPUT, &err, "ends in the middle");
  assert_ok(pcursor_end(&c, NULL, &err), &err);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(values), cmocka_unit_test(skipped), cmocka_unit_test(malformed),
                                     cmocka_unit_test(wrong_kinds)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
