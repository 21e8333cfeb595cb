/* npz archives: what numpy wrote is read, what dwell wrote is what numpy would write, damage of every kind is named. */
#define _GNU_SOURCE /* memmem, truncate */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "file/npy.h"
#include "file/npy_format.h"
#include "file/zip.h"
#include "fuzz/fuzz.h" /* fuzz_file: thousands of files are quicker in memory */
#include "util/testing.h"

static npz *open_golden(const char *name) {
  dwell_error err;
  npz *z;
  assert_ok(npz_open(testing_source(testing_format("tests/golden/file/%s", name)), &z, &err), &err);
  return z;
}

/* Value of element e, as tools/oracle/make_npz.py makes them. */
static double expected_value(npy_type type, size_t e) {
  switch (type) {
    case NPY_BOOL: return (double)(e % 2);
    case NPY_UINT: return (double)e;
    case NPY_INT: return (double)e - 3;
    default: return ((double)e - 3) / 8;
  }
}

/* Whole, in parts from any place, and backwards one by one: always the same elements in C order. */
static void check_values(npz *z, size_t i) {
  const npy_header *h = npz_header(z, i);
  dwell_error err;
  double *values = MEM_NEW(double, h->count);
  int64_t *ints = MEM_NEW(int64_t, h->count);
  assert_ok(npz_read_f64(z, i, 0, h->count, values, &err), &err);
  for (size_t e = 0; e < h->count; e++) {
    if (values[e] != expected_value(h->type, e)) fail_msg("%s[%zu] = %g", npz_name(z, i), e, values[e]);
  }
  for (size_t e = h->count; e > 0 && h->count < 100; e--) {
    double one;
    assert_ok(npz_read_f64(z, i, e - 1, 1, &one, &err), &err);
    assert_true(one == expected_value(h->type, e - 1));
  }
  size_t third = h->count / 3;
  assert_ok(npz_read_f64(z, i, third, h->count - third, values, &err), &err);
  for (size_t e = third; e < h->count; e++) assert_true(values[e - third] == expected_value(h->type, e));
  if (h->type != NPY_FLOAT) {
    assert_ok(npz_read_i64(z, i, 0, h->count, ints, &err), &err);
    for (size_t e = 0; e < h->count; e++) assert_true((double)ints[e] == expected_value(h->type, e));
  }
  mem_free(values);
  mem_free(ints);
}

static void check_archive(const char *name, size_t count) {
  npz *z = open_golden(name);
  assert_int_equal(npz_count(z), count);
  for (size_t i = 0; i < count; i++) check_values(z, i);
  npz_close(z);
}

static void test_types(void **state) {
  (void)state;
  check_archive("types.npz", 23);
  check_archive("types_deflated.npz", 23);
  npz *z = open_golden("types.npz");
  size_t i;
  assert_true(npz_find(z, "be_f4", &i));
  assert_string_equal(npz_name(z, i), "be_f4");
  const npy_header *h = npz_header(z, i);
  assert_true(h->big_endian && h->type == NPY_FLOAT && h->item_size == 4 && h->rank == 2 && h->count == 12);
  assert_true(h->shape[0] == 3 && h->shape[1] == 4);
  assert_false(npz_find(z, "be_f4.npy", &i));
  assert_null(npz_name(z, 23));
  assert_null(npz_header(z, 23));
  npz_close(z);
}

static void test_shapes_and_orders(void **state) {
  (void)state;
  check_archive("shapes.npz", 9);
  check_archive("shapes_deflated.npz", 3);
  npz *z = open_golden("shapes.npz");
  size_t i;
  assert_true(npz_find(z, "scalar", &i) && npz_header(z, i)->rank == 0 && npz_header(z, i)->count == 1);
  assert_true(npz_find(z, "empty", &i) && npz_header(z, i)->rank == 2 && npz_header(z, i)->count == 0);
  assert_true(npz_find(z, "f3_be", &i) && npz_header(z, i)->fortran_order && npz_header(z, i)->big_endian);
  npz_close(z);
}

static void test_versions_and_ways_of_writing(void **state) {
  (void)state;
  check_archive("versions.npz", 4);
  check_archive("piped.npz", 2);
  check_archive("none.npz", 0);
  check_archive("array_f8.npy", 1);
  npz *z = open_golden("array_f8.npy");
  assert_string_equal(npz_name(z, 0), "");
  npz_close(z);
  npz_close(NULL);
}

static void test_texts(void **state) {
  (void)state;
  static const char *const words[] = {"", "plain",
                                      "\xC4\xA0"
                                      "caf\xC3\xA9",
                                      "\xF0\x9F\x98\x80 x", "<|end|>"};
  dwell_error err;
  npz *z = open_golden("texts.npz");
  char text[64];
  size_t i;
  double number;
  static const char *const names[] = {"u", "be", "s"};
  for (size_t k = 0; k < 3; k++) {
    assert_true(npz_find(z, names[k], &i));
    for (size_t e = 0; e < 5; e++) {
      assert_ok(npz_read_text(z, i, e, text, sizeof text, &err), &err);
      assert_string_equal(text, words[e]);
      assert_ok(npz_read_text(z, i, e, text, strlen(words[e]) + 1, &err), &err);
      assert_fails(npz_read_text(z, i, e, text, strlen(words[e]), &err), DWELL_USAGE, &err, "there is room for");
    }
    assert_fails(npz_read_text(z, i, 5, text, sizeof text, &err), DWELL_USAGE, &err, "were asked");
    assert_fails(npz_read_f64(z, i, 0, 1, &number, &err), DWELL_BAD_INPUT, &err, "text where numbers are expected");
  }
  assert_true(npz_find(z, "number", &i));
  assert_fails(npz_read_text(z, i, 0, text, sizeof text, &err), DWELL_BAD_INPUT, &err, "numbers where text");
  npz_close(z);
}

static void test_values_that_do_not_fit(void **state) {
  (void)state;
  dwell_error err;
  npz *z;
  int64_t whole;
  double value;
  size_t three = 3;
  const char *path = testing_format("%s/fit.npy", testing_folder());
  const uint64_t large[3] = {1, (UINT64_C(1) << 53) + 1, UINT64_C(1) << 63};
  assert_ok(npy_write(path, NPY_UINT, 8, 1, &three, large, &err), &err);
  assert_ok(npz_open(path, &z, &err), &err);
  assert_ok(npz_read_i64(z, 0, 1, 1, &whole, &err), &err);
  assert_true(whole == (INT64_C(1) << 53) + 1);
  assert_fails(npz_read_f64(z, 0, 1, 1, &value, &err), DWELL_BAD_INPUT, &err, "element 1 is an integer that no double");
  assert_fails(npz_read_i64(z, 0, 2, 1, &whole, &err), DWELL_BAD_INPUT, &err, "element 2 is larger than");
  assert_fails(npz_read_i64(z, 0, 2, 2, &whole, &err), DWELL_USAGE, &err, "were asked of an array of 3");
  npz_close(z);
  const double floats[3] = {-4, 0.5, 0x1p63};
  assert_ok(npy_write(path, NPY_FLOAT, 8, 1, &three, floats, &err), &err);
  assert_ok(npz_open(path, &z, &err), &err);
  assert_ok(npz_read_i64(z, 0, 0, 1, &whole, &err), &err);
  assert_true(whole == -4);
  assert_fails(npz_read_i64(z, 0, 1, 1, &whole, &err), DWELL_BAD_INPUT, &err, "element 1 is not an integer");
  assert_fails(npz_read_i64(z, 0, 2, 1, &whole, &err), DWELL_BAD_INPUT, &err, "element 2 is not an integer");
  npz_close(z);
}

/* ---- files that numpy or zipfile wrote and that are refused ---- */

static void test_written_by_numpy_and_refused(void **state) {
  (void)state;
  static const struct {
    const char *name, *words;
    dwell_status status;
  } rows[] = {{"bad_object.npz", "holds Python objects", DWELL_UNSUPPORTED},
              {"bad_object.npz", "Save numbers with a.astype", DWELL_UNSUPPORTED},
              {"bad_structured.npz", "structured dtype", DWELL_UNSUPPORTED},
              {"bad_complex.npz", "dtype '<c16' is not read", DWELL_UNSUPPORTED},
              {"bad_void.npz", "bfloat16", DWELL_UNSUPPORTED},
              {"bad_time.npz", "dtype '<M8[ns]' is not read", DWELL_UNSUPPORTED},
              {"bad_longdouble.npz", "dtype '<f16' is not read", DWELL_UNSUPPORTED},
              {"bad_path.npz", "../x.npy: the name of a member is a path", DWELL_BAD_INPUT},
              {"bad_folder.npz", "sub/x.npy: the name of a member is a path", DWELL_BAD_INPUT},
              {"bad_twice.npz", "x.npy: two members of the archive have this name", DWELL_BAD_INPUT},
              {"bad_member.npz", "readme.txt: the archive holds something that is not", DWELL_UNSUPPORTED},
              {"bad_method.npz", "compression method 12", DWELL_UNSUPPORTED},
              {"bad_two_ends.npz", "two end records", DWELL_BAD_INPUT},
              {"bad_pickle.npy", "looks like a pickle", DWELL_BAD_INPUT},
              {"bad_bomb.npz", "need 1000000 bytes, but there are 5000000", DWELL_BAD_INPUT},
              {"bad_extra.npy", "need 96 bytes, but there are 97", DWELL_BAD_INPUT},
              {"bad_short.npy", "need 96 bytes, but there are 95", DWELL_BAD_INPUT},
              {"safetensors_cases.json", "neither an .npz archive nor an .npy array", DWELL_BAD_INPUT},
              {"absent.npz", "cannot open", DWELL_BAD_INPUT}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    dwell_error err;
    npz *z;
    const char *path = testing_source(testing_format("tests/golden/file/%s", rows[i].name));
    assert_fails(npz_open(path, &z, &err), rows[i].status, &err, rows[i].words);
    assert_null(z);
    assert_non_null(strstr(err.file, rows[i].name));
  }
}

/* ---- the header's dictionary ---- */

static void test_dictionaries(void **state) {
  (void)state;
  static const struct {
    const char *text, *words; /* words: NULL: accepted */
    dwell_status status;
  } rows[] = {
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }   \n", NULL, DWELL_OK},
      {"{\"shape\":(3,4,),\"descr\":\"=f8\",\"fortran_order\":True}", NULL, DWELL_OK},
      {"{'descr': '|f8', 'fortran_order': False, 'shape': (12,)}", NULL, DWELL_OK},
      {"{'descr': 'f8', 'fortran_order': False, 'shape': (12L,)}", NULL, DWELL_OK},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': ()}", NULL, DWELL_OK},
      {"{'descr': '?', 'fortran_order': False, 'shape': ()}", NULL, DWELL_OK},
      {"{'descr': '<U0', 'fortran_order': False, 'shape': (0,)}", NULL, DWELL_OK},
      {"", "a dictionary is expected", DWELL_BAD_INPUT},
      {"[]", "a dictionary is expected", DWELL_BAD_INPUT},
      {"{}", "is missing", DWELL_BAD_INPUT},
      {"{'descr': '<f8', 'fortran_order': False}", "is missing", DWELL_BAD_INPUT},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (3,), 'x': 1}", "unknown or there twice", DWELL_BAD_INPUT},
      {"{'descr': '<f8', 'descr': '<f8', 'fortran_order': False, 'shape': (3,)}", "there twice", DWELL_BAD_INPUT},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (3,)} x", "text after", DWELL_BAD_INPUT},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (3,)", "a comma is missing", DWELL_BAD_INPUT},
      {"{'descr': '<f8', 'fortran_order': False 'shape': (3,)}", "comma", DWELL_BAD_INPUT},
      {"{'descr': '<f8', 'fortran_order': 0, 'shape': (3,)}", "True or False", DWELL_BAD_INPUT},
      {"{'descr': '<f8', 'fortran_order': None, 'shape': (3,)}", "True or False", DWELL_BAD_INPUT},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (3)}", "tuple", DWELL_BAD_INPUT},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': 3}", "tuple", DWELL_BAD_INPUT},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': [3]}", "tuple", DWELL_BAD_INPUT},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (-3,)}", "dimension", DWELL_BAD_INPUT},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (3.0,)}", "comma", DWELL_BAD_INPUT},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (,)}", "dimension", DWELL_BAD_INPUT},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (03,)}", "begins with 0", DWELL_BAD_INPUT},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (3 4)}", "comma", DWELL_BAD_INPUT},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1)}", "more than 8", DWELL_BAD_INPUT},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (18446744073709551616,)}", "too large", DWELL_BAD_INPUT},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296)}", "overflows", DWELL_BAD_INPUT},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (2305843009213693952,)}", "overflows", DWELL_BAD_INPUT},
      {"{'descr': '<U0', 'fortran_order': False, 'shape': (99,)}", "have no bytes", DWELL_BAD_INPUT},
      {"{'descr': '<f8\\x00', 'fortran_order': False, 'shape': (3,)}", "malformed", DWELL_BAD_INPUT},
      {"{'descr': '<f8, 'fortran_order': False, 'shape': (3,)}", "malformed", DWELL_BAD_INPUT},
      {"{'descr': 8, 'fortran_order': False, 'shape': (3,)}", "a string is expected", DWELL_BAD_INPUT},
      {"{'descr': '<f3', 'fortran_order': False, 'shape': (3,)}", "dtype '<f3'", DWELL_UNSUPPORTED},
      {"{'descr': '<f+8', 'fortran_order': False, 'shape': (3,)}", "dtype '<f+8'", DWELL_UNSUPPORTED},
      {"{'descr': '', 'fortran_order': False, 'shape': (3,)}", "dtype ''", DWELL_UNSUPPORTED},
      {"{'descr': '|O', 'fortran_order': False, 'shape': (3,)}", "Python objects", DWELL_UNSUPPORTED},
      {"{'descr': [('x', '<f8')], 'fortran_order': False, 'shape': (3,)}", "structured", DWELL_UNSUPPORTED}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    dwell_error err;
    npy_header h;
    dwell_status status = npy_parse(rows[i].text, strlen(rows[i].text), &h, &err);
    if (rows[i].words == NULL) assert_ok(status, &err);
    else assert_fails(status, rows[i].status, &err, rows[i].words);
  }
}

static void test_prefixes(void **state) {
  (void)state;
  static const struct {
    const char *bytes, *words;
    size_t size;
  } rows[] = {{"\x93NUMPZ\1\0\0\0\0\0", "does not begin with", 12},
              {"\x93NUMPY\0\0\0\0\0\0", "version 0.0", 12},
              {"\x93NUMPY\4\0\0\0\0\0", "version 4.0", 12},
              {"\x93NUMPY\1\1\0\0\0\0", "version 1.1", 12},
              {"\x93NUMPY\1\0\0", "does not begin with", 9},
              {"\x93NUMPY\2\0\0\0\0", "cut short", 11},
              {"\x93NUMPY\2\0\0\0\1\1", "at most 65536", 12},
              {"\x93NUMPY\1\0\xFF\xFF\0\0", "cut short", 12},
              {"\x93NUMPY\1\0\1\0{}", "cut short", 12}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    dwell_error err;
    npz *z;
    const char *path = testing_write(testing_format("%s/prefix.npy", testing_folder()), rows[i].bytes, rows[i].size);
    dwell_status status = npz_open(path, &z, &err);
    assert_fails(status, status, &err, rows[i].words);
    assert_true(status == DWELL_BAD_INPUT || status == DWELL_UNSUPPORTED);
  }
}

/* ---- writing ---- */

/* Bytes of every header equal numpy's own. */
static void test_single_arrays_equal_numpys(void **state) {
  (void)state;
  static const struct {
    const char *name;
    npy_type type;
    size_t item_size, rank, shape[3];
  } rows[] = {{"array_f8.npy", NPY_FLOAT, 8, 2, {3, 4}},          {"array_u1.npy", NPY_UINT, 1, 1, {11}},
              {"array_b1.npy", NPY_BOOL, 1, 3, {2, 2, 2}},        {"array_i8_scalar.npy", NPY_INT, 8, 0, {0}},
              {"array_empty.npy", NPY_FLOAT, 4, 2, {1234567, 0}}, {"array_text.npy", NPY_UNICODE, 20, 1, {2}}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    dwell_error err;
    size_t size, written;
    char *theirs = testing_read(testing_source(testing_format("tests/golden/file/%s", rows[i].name)), &size);
    const char *path = testing_format("%s/ours.npy", testing_folder());
    assert_ok(npy_write(path, rows[i].type, rows[i].item_size, rows[i].rank, rows[i].shape, theirs + 128, &err), &err);
    char *ours = testing_read(path, &written);
    assert_int_equal(written, size);
    assert_memory_equal(ours, theirs, size);
    free(ours);
    free(theirs);
  }
}

/* Two arrays, one of them in pieces. */
static const char *write_sample(const char *name) {
  dwell_error err;
  npz_writer *w;
  const char *path = testing_format("%s/%s", testing_folder(), name);
  double states[24];
  uint8_t keep[3] = {0, 1, 0};
  for (size_t e = 0; e < 24; e++) states[e] = ((double)e - 3) / 8;
  assert_ok(npz_writer_open(path, &w, &err), &err);
  assert_int_not_equal(access(path, F_OK), 0); /* nothing there before the commit */
  assert_ok(npz_writer_begin(w, "states", NPY_FLOAT, 8, 3, (const size_t[]){2, 3, 4}, &err), &err);
  for (size_t e = 0; e < 24; e += 8) assert_ok(npz_writer_append(w, states + e, 8, &err), &err);
  assert_ok(npz_writer_end(w, &err), &err);
  assert_ok(npz_writer_add(w, "keep", NPY_BOOL, 1, 1, (const size_t[]){3}, keep, &err), &err);
  assert_ok(npz_writer_add(w, "none", NPY_INT, 4, 2, (const size_t[]){0, 5}, NULL, &err), &err);
  assert_ok(npz_writer_commit(w, &err), &err);
  return path;
}

static void test_written_archives(void **state) {
  (void)state;
  dwell_error err;
  npz *z;
  const char *path = write_sample("ours.npz");
  assert_ok(npz_open(path, &z, &err), &err);
  assert_int_equal(npz_count(z), 3);
  assert_string_equal(npz_name(z, 0), "states");
  check_values(z, 0);
  check_values(z, 1);
  assert_int_equal(npz_header(z, 2)->shape[1], 5);
  npz_close(z);
  /* in the bytes: every member, and the array in it, begins at a multiple of 64; CRCs are those of the bytes */
  size_t size, count = 0;
  char *bytes = testing_read(path, &size);
  for (char *local = bytes; (local = memmem(local, size - (size_t)(local - bytes), "PK\3\4", 4)) != NULL;
       local += 4, count++) {
    uint16_t name, extra, header;
    uint32_t length, crc;
    memcpy(&crc, local + 14, 4);
    memcpy(&length, local + 18, 4);
    memcpy(&name, local + 26, 2);
    memcpy(&extra, local + 28, 2);
    char *data = local + 30 + name + extra;
    memcpy(&header, data + 8, 2);
    assert_int_equal((data - bytes) % 64, 0);
    assert_int_equal((header + 10) % 64, 0);
    assert_memory_equal(data, "\x93NUMPY\1\0", 8);
    assert_int_equal(zip_crc(0, data, length), crc);
  }
  assert_int_equal(count, 3);
  size_t again;
  char *same = testing_read(write_sample("again.npz"), &again); /* same arrays, same bytes */
  assert_int_equal(again, size);
  assert_memory_equal(same, bytes, size);
  free(same);
  free(bytes);
}

static void test_crc_is_the_standard_one(void **state) {
  (void)state;
  assert_int_equal(zip_crc(0, "123456789", 9), 0xCBF43926u); /* the check value of CRC-32/ISO-HDLC */
  assert_int_equal(zip_crc(zip_crc(0, "1234", 4), "56789", 5), 0xCBF43926u);
}

static void test_writer_refuses(void **state) {
  (void)state;
  dwell_error err;
  npz_writer *w;
  const size_t two = 2, huge[2] = {SIZE_MAX / 2, 3};
  const double values[3] = {1, 2, 3};
  const char *path = testing_format("%s/refused.npz", testing_folder());
  assert_ok(npz_writer_open(path, &w, &err), &err);
  assert_ok(npz_writer_add(w, "a", NPY_FLOAT, 8, 1, &two, values, &err), &err);
  static const char *const names[] = {"x/y", "..", "x\\y", "\xFF"};
  for (size_t i = 0; i < 4; i++) {
    assert_fails(npz_writer_add(w, names[i], NPY_FLOAT, 8, 1, &two, values, &err), DWELL_USAGE, &err,
                 "cannot be the name");
  }
  assert_fails(npz_writer_add(w, "a", NPY_FLOAT, 8, 1, &two, values, &err), DWELL_USAGE, &err, "has 'a.npy' already");
  assert_fails(npz_writer_add(w, "b", NPY_FLOAT, 3, 1, &two, values, &err), DWELL_USAGE, &err, "type f3 and rank 1");
  assert_fails(npz_writer_add(w, "b", NPY_FLOAT, 8, 9, huge, values, &err), DWELL_USAGE, &err, "rank 9");
  assert_fails(npz_writer_add(w, "b", NPY_FLOAT, 8, 2, huge, values, &err), DWELL_USAGE, &err, "cannot be written");
  assert_ok(npz_writer_begin(w, "b", NPY_FLOAT, 8, 1, &two, &err), &err);
  assert_fails(npz_writer_append(w, values, 3, &err), DWELL_USAGE, &err, "there are more");
  assert_ok(npz_writer_append(w, values, 1, &err), &err);
  assert_fails(npz_writer_end(w, &err), DWELL_USAGE, &err, "lacks 8 of its");
  npz_writer_abort(w);
  npz_writer_abort(NULL);
  assert_int_not_equal(access(path, F_OK), 0);
  assert_fails(npz_writer_open("/nowhere/x.npz", &w, &err), DWELL_FAILED, &err, "cannot write");
  assert_null(w);
}

/* A full disk is an error in words, and nothing stays behind. */
static void test_full_disk(void **state) {
  (void)state;
  dwell_error err;
  FILE *full = fopen("/dev/full", "wb");
  if (full == NULL) skip();
  setvbuf(full, NULL, _IONBF, 0);
  zip_writer w = zip_writer_start(full, "/dev/full");
  assert_fails(zip_writer_begin(&w, "a.npy", 3, &err), DWELL_FAILED, &err, "cannot write: No space left");
  zip_writer_clear(&w);
  fclose(full);
}

/* The zip64 way of writing, without writing 4 GiB: every size and offset counts as too large for 32 bits. */
static void test_zip64(void **state) {
  (void)state;
  for (uint64_t from = 0; from <= 4096; from = from ? from * 4 : 1) {
    dwell_error err;
    npz *z;
    char header[NPY_MAX_WRITTEN];
    size_t length, bytes, size = 24;
    double values[24];
    for (size_t e = 0; e < 24; e++) values[e] = ((double)e - 3) / 8;
    const char *path = testing_format("%s/wide.npz", testing_folder());
    FILE *stream = fopen(path, "wb");
    zip_writer w = zip_writer_start(stream, path);
    w.zip64_from = from;
    assert_ok(npy_format(NPY_FLOAT, 8, 1, &size, header, &length, &bytes, &err), &err);
    for (int k = 0; k < 5; k++) {
      assert_ok(zip_writer_begin(&w, testing_format("array%d.npy", k), length + bytes, &err), &err);
      assert_ok(zip_writer_append(&w, header, length, &err), &err);
      assert_ok(zip_writer_append(&w, values, bytes, &err), &err);
      assert_ok(zip_writer_end(&w, &err), &err);
    }
    assert_ok(zip_writer_finish(&w, &err), &err);
    zip_writer_clear(&w);
    fclose(stream);
    assert_ok(npz_open(path, &z, &err), &err);
    assert_int_equal(npz_count(z), 5);
    for (size_t i = 0; i < 5; i++) check_values(z, i);
    npz_close(z);
  }
}

/* ---- damage ---- */

/* Reads all there is to read. DWELL_OK only if every value came through. */
static dwell_status read_everything(const char *path, dwell_error *err) {
  npz *z;
  dwell_status status = npz_open(path, &z, err);
  for (size_t i = 0; status == DWELL_OK && i < npz_count(z); i++) {
    const npy_header *h = npz_header(z, i);
    double *values = MEM_NEW(double, h->count);
    status = npz_read_f64(z, i, 0, h->count, values, err);
    mem_free(values);
  }
  npz_close(z);
  return status;
}

/* An archive with one byte string replaced at `offset` behind the n-th occurrence of a signature. */
static void test_patched_archives(void **state) {
  (void)state;
  static const struct {
    const char *mark;
    size_t nth, offset;
    const char *bytes;
    size_t size;
    const char *words;
    dwell_status status;
  } rows[] = {
      {"PK\5\6", 0, 4, "\1", 1, "several disks", DWELL_BAD_INPUT},
      {"PK\5\6", 0, 8, "\2", 1, "several disks", DWELL_BAD_INPUT},
      {"PK\5\6", 0, 8, "\2\0\2", 3, "holds more than it counts", DWELL_BAD_INPUT},
      {"PK\5\6", 0, 8, "\4\0\4", 3, "not where its end record says", DWELL_BAD_INPUT},
      {"PK\5\6", 0, 8, "\xFF\xFF\xFF\xFF", 4, "not where its end record says", DWELL_BAD_INPUT},
      {"PK\5\6", 0, 12, "\xFF\xFF\xFF\xFF", 4, "zip64 end locator is missing", DWELL_BAD_INPUT},
      {"PK\5\6", 0, 16, "\1", 1, "zip64 end locator is missing", DWELL_BAD_INPUT},
      {"PK\5\6", 0, 20, "\1", 1, "no end record", DWELL_BAD_INPUT},
      {"PK\1\2", 0, 0, "XX", 2, "malformed here", DWELL_BAD_INPUT},
      {"PK\1\2", 0, 8, "\1", 1, "states.npy: the member is encrypted", DWELL_UNSUPPORTED},
      {"PK\1\2", 0, 10, "\x63", 1, "compression method 99", DWELL_UNSUPPORTED},
      {"PK\1\2", 0, 10, "\x08", 1, "contradicts the directory", DWELL_BAD_INPUT},
      {"PK\1\2", 0, 16, "\0\0\0\0", 4, "contradicts the directory", DWELL_BAD_INPUT},
      {"PK\1\2", 0, 20, "\1", 1, "sizes of a stored member disagree", DWELL_BAD_INPUT},
      {"PK\1\2", 0, 20, "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 8, "zip64 field of a member is malformed", DWELL_BAD_INPUT},
      {"PK\1\2", 0, 28, "\xFF\xFF", 2, "directory is cut short", DWELL_BAD_INPUT},
      {"PK\1\2", 0, 42, "\1", 1, "contradicts the directory", DWELL_BAD_INPUT},
      {"PK\1\2", 0, 42, "\0\0\xFF\x7F", 4, "begins beyond", DWELL_BAD_INPUT},
      {"PK\1\2", 0, 46, "../", 3, "is a path", DWELL_BAD_INPUT},
      {"PK\1\2", 0, 46, "\xFF", 1, "not UTF-8", DWELL_BAD_INPUT},
      {"PK\1\2", 0, 46, "\0", 1, "not UTF-8", DWELL_BAD_INPUT},
      {"PK\1\2", 0, 46, "S", 1, "contradicts the directory", DWELL_BAD_INPUT},
      {"PK\3\4", 0, 2, "XX", 2, "contradicts the directory", DWELL_BAD_INPUT},
      {"PK\3\4", 0, 14, "\0\0\0\0", 4, "contradicts the directory", DWELL_BAD_INPUT},
      {"PK\3\4", 0, 26, "\xFF\xFF", 2, "contradicts the directory", DWELL_BAD_INPUT},
      {"PK\3\4", 0, 28, "\xFF\xFF", 2, "contradicts the directory", DWELL_BAD_INPUT},
      {"\x93NUMPY", 0, 0, "\x92", 1, "states: this is no .npy array", DWELL_BAD_INPUT},
      {"\x93NUMPY", 0, 6, "\7", 1, "version 7.0", DWELL_UNSUPPORTED},
      {"\x93NUMPY", 0, 8, "\xFF", 1, "header is malformed", DWELL_BAD_INPUT},
      {"\x93NUMPY", 0, 130, "\xFF", 1, "states: the data of the array are damaged (CRC", DWELL_BAD_INPUT},
      {"\x93NUMPY", 0, 100, "\t", 1, "states: the data of the array are damaged (CRC", DWELL_BAD_INPUT},
      {"\x93NUMPY", 2, 100, "\t", 1, "none: the data of the array are damaged (CRC", DWELL_BAD_INPUT}};
  const char *path = testing_format("%s/patched.npz", testing_folder());
  size_t size;
  char *good = testing_read(write_sample("good.npz"), &size);
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    dwell_error err;
    char *bytes = malloc(size), *at = bytes;
    memcpy(bytes, good, size);
    for (size_t k = 0; k <= rows[i].nth; k++)
      at = (char *)memmem(at + (k > 0), size - (size_t)(at + (k > 0) - bytes), rows[i].mark, strlen(rows[i].mark));
    memcpy(at + rows[i].offset, rows[i].bytes, rows[i].size);
    testing_write(path, bytes, size);
    assert_fails(read_everything(path, &err), rows[i].status, &err, rows[i].words);
    assert_non_null(strstr(err.file, "patched.npz"));
    free(bytes);
  }
  free(good);
}

/* Cut anywhere, an archive is refused; so it is with anything behind it. */
static void test_cut_and_extended(void **state) {
  (void)state;
  static const char *const names[] = {"piped.npz", "array_f8.npy"};
  for (size_t k = 0; k < 2; k++) {
    dwell_error err;
    size_t size;
    char *good = testing_read(testing_source(testing_format("tests/golden/file/%s", names[k])), &size);
    for (size_t length = 0; length < size; length++) {
      npz *z;
      assert_int_equal(npz_open(fuzz_file((uint8_t *)good, length), &z, &err), DWELL_BAD_INPUT);
      assert_null(z);
    }
    npz *z; /* testing_read appends a NUL */
    assert_int_equal(npz_open(fuzz_file((uint8_t *)good, size + 1), &z, &err), DWELL_BAD_INPUT);
    free(good);
  }
}

/* Any flipped bit of a deflated or stored member's bytes is found, by zlib, by the header or by the CRC. */
static void test_flipped_bits(void **state) {
  (void)state;
  size_t size, local = 0;
  char *bytes = testing_read(testing_source("tests/golden/file/piped.npz"), &size);
  char *end = memmem(bytes, size, "PK\1\2", 4);
  for (char *data = bytes + 35; data < end; data++) {
    if (memcmp(data, "PK", 2) == 0 || local > 0) { /* headers and descriptors: test_patched_archives */
      local = memcmp(data, "PK", 2) == 0 ? 51 : local - 1;
      continue;
    }
    dwell_error err;
    *data ^= 0x10;
    if (read_everything(fuzz_file((uint8_t *)bytes, size), &err) == DWELL_OK)
      fail_msg("byte %td: the damage was not seen", data - bytes);
    *data ^= 0x10;
  }
  free(bytes);
}

/* Two members that share their bytes (the construction of the well-known "better zip bomb"). */
static void test_overlap(void **state) {
  (void)state;
  dwell_error err;
  size_t size;
  char *bytes = testing_read(write_sample("overlap.npz"), &size);
  char *first = memmem(bytes, size, "PK\1\2", 4),
       *second = memmem(first + 4, size - (size_t)(first + 4 - bytes), "PK\1\2", 4);
  char *local = memmem(bytes + 4, size - 4, "PK\3\4", 4);
  uint32_t large = (uint32_t)(local + 60 - bytes), crc;
  memcpy(&crc, first + 16, 4);
  memcpy(first + 20, &large, 4); /* the first member now reaches over the second's header */
  memcpy(first + 24, &large, 4);
  memcpy(bytes + 18, &large, 4);
  memcpy(bytes + 22, &large, 4);
  assert_true(second > first && crc != 0);
  const char *path = testing_write(testing_format("%s/overlap.npz", testing_folder()), bytes, size);
  assert_fails(read_everything(path, &err), DWELL_BAD_INPUT, &err, "two members of the archive overlap");
  free(bytes);
}

/* A deflated member whose sizes lie: more than deflate can make of so few bytes, or less than is there. */
static void test_lying_sizes(void **state) {
  (void)state;
  dwell_error err;
  size_t size;
  const char *path = testing_format("%s/lie.npz", testing_folder());
  char *bytes = testing_read(testing_source("tests/golden/file/piped.npz"), &size);
  char *central = memmem(bytes, size, "PK\1\2", 4);
  static const struct {
    uint32_t claim;
    const char *words;
  } rows[] = {{0x7FFFFFFF, "more than deflate can"},
              {223, "bytes, but there are 95"},
              {225, "bytes, but there are 97"},
              {5, "go on beyond the member's size"}};
  for (size_t i = 0; i < 4; i++) {
    memcpy(central + 24, &rows[i].claim, 4);
    testing_write(path, bytes, size);
    assert_fails(read_everything(path, &err), DWELL_BAD_INPUT, &err, rows[i].words);
  }
  /* sizes that agree with the header, but not with the stream */
  uint32_t claim = 224 + 8;
  memcpy(central + 24, &claim, 4);
  testing_write(path, bytes, size);
  assert_fails(read_everything(path, &err), DWELL_BAD_INPUT, &err, "bytes, but there are 104");
  free(bytes);
}

static void test_file_shrinks_after_open(void **state) {
  (void)state;
  dwell_error err;
  npz *z;
  double values[24];
  const char *path = write_sample("shrinks.npz");
  assert_ok(npz_open(path, &z, &err), &err);
  assert_int_equal(truncate(path, 300), 0);
  assert_fails(npz_read_f64(z, 0, 0, 24, values, &err), DWELL_BAD_INPUT, &err, "states: the file ends here");
  npz_close(z);
}

/* States are read one by one; the CRC is seen at the end of the last, and a read in the middle does not disturb it. */
static void test_crc_over_parts(void **state) {
  (void)state;
  dwell_error err;
  npz *z;
  double values[24];
  size_t size;
  char *bytes = testing_read(write_sample("parts.npz"), &size);
  char *data = memmem(bytes, size, "\x93NUMPY", 6);
  data[128 + 8] ^= 1;
  const char *path = testing_write(testing_format("%s/parts.npz", testing_folder()), bytes, size);
  assert_ok(npz_open(path, &z, &err), &err);
  for (int round = 0; round < 2; round++) {
    assert_ok(npz_read_f64(z, 0, 0, 12, values, &err), &err);
    assert_ok(npz_read_f64(z, 0, 3, 5, values, &err), &err);
    assert_fails(npz_read_f64(z, 0, 12, 12, values, &err), DWELL_BAD_INPUT, &err, "damaged (CRC");
  }
  npz_close(z);
  free(bytes);
}

/* The goldens of the real checkpoints are archives of arrays like those that users import. */
static void test_real_archives(void **state) {
  (void)state;
  static const char *const names[] = {"models/gpt2-capp/golden.npz", "models/bert-minilm-l6/golden.npz",
                                      "models/llama-stories260k/golden.npz"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    dwell_error err;
    const char *path = testing_shared(names[i]);
    if (path == NULL) testing_skip_absent(names[i]);
    assert_ok(read_everything(path, &err), &err);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_types),
      cmocka_unit_test(test_shapes_and_orders),
      cmocka_unit_test(test_versions_and_ways_of_writing),
      cmocka_unit_test(test_texts),
      cmocka_unit_test(test_values_that_do_not_fit),
      cmocka_unit_test(test_written_by_numpy_and_refused),
      cmocka_unit_test(test_dictionaries),
      cmocka_unit_test(test_prefixes),
      cmocka_unit_test(test_single_arrays_equal_numpys),
      cmocka_unit_test(test_written_archives),
      cmocka_unit_test(test_crc_is_the_standard_one),
      cmocka_unit_test(test_writer_refuses),
      cmocka_unit_test(test_full_disk),
      cmocka_unit_test(test_zip64),
      cmocka_unit_test(test_patched_archives),
      cmocka_unit_test(test_cut_and_extended),
      cmocka_unit_test(test_flipped_bits),
      cmocka_unit_test(test_overlap),
      cmocka_unit_test(test_lying_sizes),
      cmocka_unit_test(test_file_shrinks_after_open),
      cmocka_unit_test(test_crc_over_parts),
      cmocka_unit_test(test_real_archives),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
