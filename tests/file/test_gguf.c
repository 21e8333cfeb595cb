/* The GGUF reader against the format's own Python package: every number type bit for bit, metadata, the order of rows
 * and dimensions. Malformed files are in test_gguf_errors.c. */
#define _GNU_SOURCE /* memfd_create */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <dwell/context.h>

#include "base/threads.h"
#include "file/gguf.h"
#include "file/gguf_bytes.h"
#include "file/npy.h"
#include "fuzz/fuzz.h" /* fuzz_file */
#include "util/testing.h"

enum { ROWS = 4, COLUMNS = 512, COUNT = ROWS * COLUMNS };

static const char *const types[] = {"F32",  "F16",  "F64",  "BF16", "Q4_0", "Q4_1", "Q5_0",   "Q5_1",
                                    "Q8_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_NL", "IQ4_XS"};
enum { TYPES = sizeof types / sizeof types[0] };

static gguf *open_golden(const char *name) {
  dwell_error err = {0};
  gguf *file;
  assert_ok(gguf_open(testing_source(testing_format("tests/golden/gguf/%s", name)), &file, &err), &err);
  return file;
}

/* An array of an npz, as double. */
static void golden(const char *archive, const char *name, size_t count, double *values) {
  dwell_error err = {0};
  npz *z;
  size_t member;
  assert_ok(npz_open(testing_source(testing_format("tests/golden/gguf/%s", archive)), &z, &err), &err);
  assert_true(npz_find(z, name, &member));
  assert_int_equal(npz_header(z, member)->count, count);
  assert_ok(npz_read_f64(z, member, 0, count, values, &err), &err);
  npz_close(z);
}

/* ---- numbers ---- */

static void test_every_type_bit_for_bit(void **state) {
  (void)state;
  static double expected[COUNT], wide[COUNT];
  static float narrow[COUNT], got[COUNT];
  dwell_error err;
  gguf *file = open_golden("types.gguf");
  assert_int_equal(gguf_count(file), TYPES);
  for (size_t i = 0; i < TYPES; i++) {
    const gguf_tensor *t = gguf_find(file, types[i]);
    assert_non_null(t);
    assert_string_equal(t->type->name, types[i]);
    assert_true(t->rank == 2 && t->shape[0] == ROWS && t->shape[1] == COLUMNS && t->count == COUNT);
    golden("types.npz", types[i], COUNT, expected);
    for (size_t k = 0; k < COUNT; k++) narrow[k] = (float)expected[k];
    assert_ok(gguf_read(file, t, 0, COUNT, DWELL_F32, got, &err), &err);
    if (memcmp(got, narrow, sizeof narrow) != 0) {
      size_t k = 0;
      while (memcmp(&got[k], &narrow[k], sizeof got[k]) == 0) k++;
      fail_msg("%s: element %zu is %.9g, not %.9g", types[i], k, (double)got[k], (double)narrow[k]);
    }
    if (strcmp(types[i], "F64") == 0) golden("types.npz", "F64_wide", COUNT, expected);
    assert_ok(gguf_read(file, t, 0, COUNT, DWELL_F64, wide, &err), &err);
    assert_memory_equal(wide, expected, sizeof wide);
  }
  gguf_close(file);
}

/* A file with one tensor "t" of the golden's blocks of a type, over and over: more than several steps of the reader. */
static gguf *open_tiled(const dequant_type *type, const char *blocks, size_t size, size_t copies) {
  dwell_error err = {0};
  gguf *file;
  strbuf s = {0};
  put_head(&s, 3, 1, 0);
  put_tensor(&s, "t", COLUMNS, ROWS * copies, type->id, 0);
  put_padding(&s, 32);
  for (size_t i = 0; i < copies; i++) strbuf_add(&s, blocks, size);
  assert_ok(gguf_open(fuzz_file((const uint8_t *)s.data, s.length), &file, &err), &err);
  strbuf_free(&s);
  return file;
}

/* Parts that begin and end anywhere, in both precisions, of every type. */
static void test_parts(void **state) {
  (void)state;
  enum { COPIES = 33, MANY = COPIES * COUNT };
  static const size_t parts[][2] = {{0, 0},      {MANY, 0},     {0, 1},        {MANY - 1, 1}, {255, 2},
                                    {31, 12289}, {1, MANY - 2}, {4096, 20000}, {17, 32},      {2047, 30721}};
  static double expected[COUNT], wide[MANY];
  static float narrow[MANY];
  dwell_error err;
  gguf *file = open_golden("types.gguf");
  size_t size;
  char *bytes = testing_read(gguf_path(file), &size);
  for (size_t i = 0; i < TYPES; i++) {
    const gguf_tensor *source = gguf_find(file, types[i]);
    gguf *tiled = open_tiled(source->type, bytes + source->begin, source->end - source->begin, COPIES);
    const gguf_tensor *t = gguf_at(tiled, 0);
    golden("types.npz", strcmp(types[i], "F64") == 0 ? "F64_wide" : types[i], COUNT, expected);
    for (size_t p = 0; p < sizeof parts / sizeof parts[0]; p++) {
      size_t first = parts[p][0], count = parts[p][1];
      assert_ok(gguf_read(tiled, t, first, count, DWELL_F64, wide, &err), &err);
      assert_ok(gguf_read(tiled, t, first, count, DWELL_F32, narrow, &err), &err);
      for (size_t k = 0; k < count; k++) {
        double want = expected[(first + k) % COUNT];
        if (wide[k] != want || narrow[k] != (float)want) fail_msg("%s: element %zu + %zu", types[i], first, k);
      }
    }
    assert_fails(gguf_read(tiled, t, 1, MANY, DWELL_F32, narrow, &err), DWELL_USAGE, &err, "were asked of a tensor");
    assert_fails(gguf_read(tiled, t, 2, SIZE_MAX, DWELL_F32, narrow, &err), DWELL_USAGE, &err, "were asked");
    gguf_close(tiled);
  }
  free(bytes);
  gguf_close(file);
}

static void test_not_finite_is_named(void **state) {
  (void)state;
  dwell_error err;
  float values[64];
  gguf *file;
  strbuf s = {0};
  put_head(&s, 3, 1, 0);
  put_tensor(&s, "w", 32, 2, 8 /* Q8_0 */, 0);
  put_padding(&s, 32);
  put_zeros(&s, 34);
  strbuf_add(&s, "\x00\x7C", 2); /* the scale of the second row is Inf */
  strbuf_add(&s, "\1\1\1", 3);
  put_zeros(&s, 29);
  assert_ok(gguf_open(fuzz_file((const uint8_t *)s.data, s.length), &file, &err), &err);
  const gguf_tensor *t = gguf_at(file, 0);
  assert_ok(gguf_read(file, t, 0, 32, DWELL_F32, values, &err), &err);
  assert_fails(gguf_read(file, t, 0, 64, DWELL_F32, values, &err), DWELL_BAD_INPUT, &err,
               "w: element 32, at [1, 0], is +Inf");
  assert_fails(gguf_read(file, t, 34, 3, DWELL_F32, values, &err), DWELL_BAD_INPUT, &err,
               "w: element 34, at [1, 2], is +Inf");
  assert_fails(gguf_read(file, t, 35, 1, DWELL_F32, values, &err), DWELL_BAD_INPUT, &err, "at [1, 3], is NaN");
  gguf_close(file);
  strbuf_free(&s);
}

/* The table: numbers and names are unique, and a type that is not implemented is refused by its name. */
static void test_the_table_of_types(void **state) {
  (void)state;
  dwell_error err;
  double values[256];
  size_t known = 0, readable = 0;
  for (uint32_t id = 0; id < 100; id++) {
    const dequant_type *type = dequant_by_id(id);
    if (type == NULL) continue;
    known++;
    readable += type->to_float != NULL;
    assert_ptr_equal(dequant_by_name(type->name), type);
    assert_true(type->block >= 1 && DEQUANT_MAX_BLOCK % type->block == 0);
    gguf *file;
    strbuf s = {0};
    put_head(&s, 3, 1, 0);
    put_tensor(&s, "x", 256, 0, id, 0);
    put_padding(&s, 32);
    put_zeros(&s, 256 / type->block * type->bytes);
    assert_ok(gguf_open(fuzz_file((const uint8_t *)s.data, s.length), &file, &err), &err);
    dwell_status status = gguf_read(file, gguf_at(file, 0), 0, 256, DWELL_F64, values, &err);
    if (type->to_float != NULL) assert_ok(status, &err);
    else assert_fails(status, DWELL_UNSUPPORTED, &err, testing_format("x: a tensor of type %s cannot", type->name));
    gguf_close(file);
    strbuf_free(&s);
  }
  assert_int_equal(readable, TYPES);
  assert_int_equal(known, 34);
  assert_null(dequant_by_name("Q9_9"));
}

/* A file that shrinks after it was opened is an error in words. */
static void test_file_shrinks_after_open(void **state) {
  (void)state;
  static float values[COUNT];
  dwell_error err;
  size_t size;
  gguf *file;
  char *bytes = testing_read(testing_source("tests/golden/gguf/types.gguf"), &size);
  const char *path = testing_write(testing_format("%s/shrinks.gguf", testing_folder()), bytes, size);
  free(bytes);
  assert_ok(gguf_open(path, &file, &err), &err);
  const gguf_tensor *t = gguf_at(file, gguf_count(file) - 1);
  assert_int_equal(truncate(path, (off_t)(t->end - 1)), 0);
  assert_fails(gguf_read(file, t, 0, COUNT, DWELL_F32, values, &err), DWELL_BAD_INPUT, &err, "the file ends here");
  assert_ok(gguf_read(file, t, 0, COUNT - DEQUANT_MAX_BLOCK, DWELL_F32, values, &err), &err);
  gguf_close(file);
}

/* ---- several threads ---- */

static dwell_status read_row(void *arg, size_t item, int worker, dwell_error *err) {
  (void)worker;
  gguf *file = arg;
  float values[COLUMNS], again[COLUMNS];
  const gguf_tensor *t = gguf_at(file, item % TYPES);
  dwell_status status = gguf_read(file, t, item % ROWS * COLUMNS, COLUMNS, DWELL_F32, values, err);
  if (status == DWELL_OK) status = gguf_read(file, t, item % ROWS * COLUMNS, COLUMNS, DWELL_F32, again, err);
  if (status == DWELL_OK) assert_memory_equal(values, again, sizeof values);
  return status;
}

static void test_two_threads(void **state) {
  (void)state;
  dwell_error err;
  dwell_context ctx = {.threads = 2};
  gguf *file = open_golden("types.gguf");
  assert_ok(threads_for(&ctx, 640, read_row, file, &err), &err);
  gguf_close(file);
}

/* ---- the order of rows ---- */

static void check_rotary(const gguf *file, const char *tensor, const char *name, size_t columns) {
  enum { HEAD = 12, MOST = 48 * 32 };
  static double expected[MOST], got[MOST];
  static float narrow[MOST];
  dwell_error err;
  const gguf_tensor *t = gguf_find(file, tensor);
  assert_non_null(t);
  golden("rotary.npz", name, t->count, expected);
  assert_ok(gguf_read_rotary(file, t, HEAD, 0, t->count, DWELL_F64, got, &err), &err);
  assert_memory_equal(got, expected, t->count * sizeof got[0]);
  for (size_t first = 0; first + 7 < t->count; first += 13) {
    size_t count = (t->count - first) * 5 / 7;
    assert_ok(gguf_read_rotary(file, t, HEAD, first, count, DWELL_F32, narrow, &err), &err);
    for (size_t k = 0; k < count; k++) assert_true(narrow[k] == (float)expected[first + k]);
  }
  for (size_t row = 0; row < t->count / columns; row++) {
    assert_ok(gguf_read(file, t, gguf_rotary_row(row, HEAD) * columns, columns, DWELL_F64, got, &err), &err);
    assert_memory_equal(got, expected + row * columns, columns * sizeof got[0]);
  }
  assert_fails(gguf_read_rotary(file, t, 7, 0, 1, DWELL_F64, got, &err), DWELL_BAD_INPUT, &err, "heads of 7");
  assert_fails(gguf_read_rotary(file, t, 0, 0, 1, DWELL_F64, got, &err), DWELL_BAD_INPUT, &err, "heads of 0");
  assert_fails(gguf_read_rotary(file, t, 10, 0, 1, DWELL_F64, got, &err), DWELL_BAD_INPUT, &err, "heads of 10");
  assert_fails(gguf_read_rotary(file, t, HEAD, 2, t->count - 1, DWELL_F64, got, &err), DWELL_USAGE, &err, "asked");
}

/* Q, its bias and K (quantised), permuted by the format's documented formula; the file is aligned to 64 bytes. */
static void test_rows_of_q_and_k(void **state) {
  (void)state;
  gguf *file = open_golden("rotary.gguf");
  assert_int_equal(gguf_at(file, 0)->begin % 64, 0);
  check_rotary(file, "blk.0.attn_q.weight", "q", 32);
  check_rotary(file, "blk.0.attn_q.bias", "q_bias", 1);
  check_rotary(file, "blk.0.attn_k.weight", "k", 32);
  gguf_close(file);
}

/* ---- metadata ---- */

static void test_numbers_of_the_metadata(void **state) {
  (void)state;
  static const struct {
    const char *key;
    uint64_t value;
  } naturals[] = {{"number.uint8", 200},
                  {"number.uint16", 60000},
                  {"number.uint32", 4000000000u},
                  {"number.uint64", UINT64_MAX - 2}};
  static const char *const negatives[] = {"number.int8", "number.int16", "number.int32", "number.int64"};
  dwell_error err;
  uint64_t value;
  double real;
  bool flag;
  gguf *file = open_golden("types.gguf");
  assert_int_equal(gguf_version(file), 3);
  for (size_t i = 0; i < 4; i++) {
    assert_ok(gguf_uint(file, naturals[i].key, 1, UINT64_MAX, &value, &err), &err);
    assert_true(value == naturals[i].value);
    assert_fails(gguf_uint(file, naturals[i].key, 1, value - 1, &value, &err), DWELL_BAD_INPUT, &err, "is not in 1..");
    assert_fails(gguf_uint(file, negatives[i], 0, UINT64_MAX, &value, &err), DWELL_BAD_INPUT, &err, "is not in 0..");
  }
  assert_ok(gguf_float(file, "number.float32", &real, &err), &err);
  assert_true(real == (double)1e-5f);
  assert_ok(gguf_float(file, "number.float64", &real, &err), &err);
  assert_true(real == -1e300);
  assert_ok(gguf_bool(file, "number.true", &flag, &err), &err);
  assert_true(flag);
  assert_ok(gguf_bool(file, "number.false", &flag, &err), &err);
  assert_false(flag);
  assert_fails(gguf_uint(file, "none", 0, 1, &value, &err), DWELL_BAD_INPUT, &err, "none: this key is missing");
  assert_fails(gguf_uint(file, "text", 0, 1, &value, &err), DWELL_BAD_INPUT, &err,
               "text: the value is of type string where an integer is expected");
  assert_fails(gguf_float(file, "number.uint8", &real, &err), DWELL_BAD_INPUT, &err, "where a float is expected");
  assert_fails(gguf_bool(file, "number.uint8", &flag, &err), DWELL_BAD_INPUT, &err, "where a bool is expected");
  assert_fails(gguf_uint(file, "list.int", 0, 9, &value, &err), DWELL_BAD_INPUT, &err,
               "the value is an array of int32 where an integer is expected");
  gguf_close(file);
}

static void test_texts_and_lists_of_the_metadata(void **state) {
  (void)state;
  static const char *const words[] = {"<unk>", "", "\xE2\x96\x81the", "\xC3\xA9"};
  static const double reals[] = {0.5, -1.25, (double)3e-3f};
  static const int64_t integers[] = {1, -2, 3}, bools[] = {1, 0, 1};
  dwell_error err;
  gguf_text text;
  gguf_list list;
  gguf_item item;
  gguf *file = open_golden("types.gguf");
  assert_ok(gguf_string(file, "text", &text, &err), &err);
  assert_true(text.length == 10 && memcmp(text.data, "caf\xC3\xA9 \xF0\x9F\x98\x80", 10) == 0);
  assert_true(gguf_is(file, "general.architecture", "llama"));
  assert_false(gguf_is(file, "general.architecture", "llam") || gguf_is(file, "none", "") ||
               gguf_is(file, "number.uint8", ""));
  assert_ok(gguf_array(file, "list.text", GGUF_KIND_STRING, &list, &err), &err);
  assert_int_equal(list.count, 32);
  for (size_t i = 0; i < 32; i++) {
    assert_true(gguf_next(&list, &item));
    assert_true(item.text.length == strlen(words[i % 4]) &&
                memcmp(item.text.data, words[i % 4], item.text.length) == 0);
  }
  assert_false(gguf_next(&list, &item));
  assert_ok(gguf_array(file, "list.float", GGUF_KIND_FLOAT, &list, &err), &err);
  for (size_t i = 0; i < 3; i++) assert_true(gguf_next(&list, &item) && item.real == reals[i]);
  assert_ok(gguf_array(file, "list.int", GGUF_KIND_INTEGER, &list, &err), &err);
  for (size_t i = 0; i < 3; i++) assert_true(gguf_next(&list, &item) && item.integer == integers[i]);
  assert_ok(gguf_array(file, "list.bool", GGUF_KIND_BOOL, &list, &err), &err);
  for (size_t i = 0; i < 3; i++) assert_true(gguf_next(&list, &item) && item.integer == bools[i]);
  assert_false(gguf_next(&list, &item));
  assert_fails(gguf_array(file, "list.int", GGUF_KIND_STRING, &list, &err), DWELL_BAD_INPUT, &err,
               "the value is an array of int32 where an array of strings is expected");
  assert_false(gguf_next(&list, &item));
  assert_fails(gguf_array(file, "text", GGUF_KIND_STRING, &list, &err), DWELL_BAD_INPUT, &err,
               "the value is of type string where an array of strings is expected");
  assert_fails(gguf_string(file, "list.text", &text, &err), DWELL_BAD_INPUT, &err, "an array of string where a string");
  gguf_close(file);
}

/* In the order of the file, and each found by its name. */
static void test_entries_and_tensors_in_order(void **state) {
  (void)state;
  gguf *file = open_golden("types.gguf");
  assert_int_equal(gguf_entries(file), 18);
  assert_string_equal(gguf_entry_at(file, 0)->key, "general.architecture");
  for (size_t i = 0; i < gguf_entries(file); i++) {
    const gguf_entry *e = gguf_entry_at(file, i);
    assert_ptr_equal(gguf_entry_of(file, e->key), e);
    assert_non_null(gguf_type_name(e->type));
  }
  assert_null(gguf_entry_at(file, gguf_entries(file)));
  for (size_t i = 0; i < TYPES; i++) assert_string_equal(gguf_at(file, i)->name, types[i]);
  assert_null(gguf_at(file, TYPES));
  assert_null(gguf_find(file, "F33"));
  gguf_close(file);
  gguf_close(NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_type_bit_for_bit),
      cmocka_unit_test(test_parts),
      cmocka_unit_test(test_not_finite_is_named),
      cmocka_unit_test(test_the_table_of_types),
      cmocka_unit_test(test_file_shrinks_after_open),
      cmocka_unit_test(test_two_threads),
      cmocka_unit_test(test_rows_of_q_and_k),
      cmocka_unit_test(test_numbers_of_the_metadata),
      cmocka_unit_test(test_texts_and_lists_of_the_metadata),
      cmocka_unit_test(test_entries_and_tensors_in_order),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
