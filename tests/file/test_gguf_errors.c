/* Malformed GGUF files, one test a class: the status, a word of the message, and no file object. And legal ones that
 * readers are tempted to refuse. */
#define _GNU_SOURCE /* memfd_create */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "file/gguf.h"
#include "file/gguf_bytes.h"
#include "fuzz/fuzz.h" /* fuzz_file: hundreds of files are quicker in memory */
#include "util/testing.h"

enum { F32 = 0, Q4_0 = 2, Q8_0 = 8, Q4_K = 12 };

static dwell_status open_bytes(strbuf *s, gguf **ret_file, dwell_error *err) {
  *err = (dwell_error){.offset = -1};
  dwell_status status = gguf_open(fuzz_file((const uint8_t *)s->data, s->length), ret_file, err);
  assert_true((status == DWELL_OK) == (*ret_file != NULL));
  strbuf_free(s);
  *s = (strbuf){0};
  return status;
}

/* Empties `s`. */
static void refused(strbuf *s, dwell_status status, const char *words) {
  dwell_error err;
  gguf *file;
  assert_fails(open_bytes(s, &file, &err), status, &err, words);
  assert_true(err.file[0] != '\0');
}

static void accepted(strbuf *s) {
  dwell_error err;
  gguf *file;
  assert_ok(open_bytes(s, &file, &err), &err);
  gguf_close(file);
}

/* ---- the beginning ---- */

static void test_files_that_are_none(void **state) {
  (void)state;
  static const struct {
    const char *bytes, *words;
    size_t size;
  } rows[] = {{"", "4 bytes are announced here, but only 0 follow", 0},
              {"GGU", "but only 3 follow", 3},
              {"GGUF", "4 bytes are announced here, but only 0 follow", 4},
              {"FUGG\3\0\0\0", "does not begin with GGUF", 8},
              {"gguf\3\0\0\0", "does not begin with GGUF", 8},
              {"lmgg\1\0\0\0", "older format GGML", 8},
              {"fmgg\1\0\0\0", "older format GGMF", 8},
              {"tjgg\3\0\0\0", "older format GGJT", 8},
              {"version https://git-lfs", "git lfs pull", 23},
              {"PK\3\4\0\0\0\1", "zip archive", 8},
              {"GGUF\3\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", "8 bytes are announced here, but only 7 follow", 23}};
  strbuf s = {0};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    strbuf_add(&s, rows[i].bytes, rows[i].size);
    refused(&s, DWELL_BAD_INPUT, rows[i].words);
  }
  dwell_error err;
  gguf *file;
  assert_fails(gguf_open("/nowhere/x.gguf", &file, &err), DWELL_BAD_INPUT, &err, "cannot open");
  assert_fails(gguf_open(testing_folder(), &file, &err), DWELL_BAD_INPUT, &err, "not a regular file");
  const char *pipe = testing_format("%s/pipe", testing_folder());
  assert_int_equal(mkfifo(pipe, 0600), 0);
  assert_fails(gguf_open(pipe, &file, &err), DWELL_BAD_INPUT, &err, "not a regular file");
}

static void test_other_versions(void **state) {
  (void)state;
  static const uint32_t versions[] = {0, 1, 4, 0x7FFFFFFF, UINT32_MAX};
  strbuf s = {0};
  for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++) {
    put_head(&s, versions[i], 0, 0);
    refused(&s, DWELL_UNSUPPORTED, testing_format("this is version %u of GGUF", versions[i]));
  }
  for (uint32_t version = 2; version <= 3; version++) {
    put_head(&s, version, 0, 0);
    accepted(&s);
  }
}

static void test_big_endian(void **state) {
  (void)state;
  strbuf s = {0};
  put_head(&s, 0x03000000, 0, 0);
  refused(&s, DWELL_UNSUPPORTED, "this GGUF file is big-endian (byte 4)");
  put_head(&s, 0x02000000, 0, 0);
  refused(&s, DWELL_UNSUPPORTED, "big-endian");
}

/* Version 2 has the same layout as 3. */
static void test_version_2_reads_the_same(void **state) {
  (void)state;
  dwell_error err;
  gguf *old, *new;
  float got[32], expected[32];
  size_t size;
  const char *path = testing_source("tests/golden/gguf/rotary.gguf");
  char *bytes = testing_read(path, &size);
  bytes[4] = 2;
  strbuf s = {0};
  strbuf_add(&s, bytes, size);
  free(bytes);
  assert_ok(gguf_open(path, &new, &err), &err);
  assert_ok(open_bytes(&s, &old, &err), &err);
  assert_int_equal(gguf_version(old), 2);
  assert_int_equal(gguf_entries(old), gguf_entries(new));
  assert_int_equal(gguf_count(old), gguf_count(new));
  for (size_t i = 0; i < gguf_count(old); i++) {
    assert_ok(gguf_read(old, gguf_at(old, i), 0, 32, DWELL_F32, got, &err), &err);
    assert_ok(gguf_read(new, gguf_at(new, i), 0, 32, DWELL_F32, expected, &err), &err);
    assert_memory_equal(got, expected, sizeof got);
  }
  gguf_close(old);
  gguf_close(new);
}

static void test_counts_that_lie(void **state) {
  (void)state;
  static const uint64_t counts[] = {1, 2, 1000, UINT64_C(1) << 32, UINT64_C(1) << 60, INT64_MAX, UINT64_MAX};
  strbuf s = {0};
  for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
    put_head(&s, 3, counts[i], 0);
    refused(&s, DWELL_BAD_INPUT, "tensors are announced");
    put_head(&s, 3, 0, counts[i]);
    refused(&s, DWELL_BAD_INPUT, "values are announced");
    put_head(&s, 3, 0, counts[i]); /* one entry where more are announced: the next begins beyond the end */
    put_entry_u32(&s, "a", 1);
    if (counts[i] == 1) accepted(&s);
    else refused(&s, DWELL_BAD_INPUT, "are announced");
  }
  put_head(&s, 3, 0, 2);
  put_array(&s, "a", GGUF_UINT8, 20);
  put_zeros(&s, 20);
  refused(&s, DWELL_BAD_INPUT, "8 bytes are announced here, but only 0 follow");
}

/* Every proper beginning of a good file is refused, up to the end of the last tensor. */
static void test_cut_anywhere(void **state) {
  (void)state;
  size_t size;
  dwell_error err;
  gguf *file;
  char *bytes = testing_read(testing_source("tests/golden/gguf/rotary.gguf"), &size);
  strbuf s = {0};
  strbuf_add(&s, bytes, size);
  assert_ok(open_bytes(&s, &file, &err), &err);
  size_t end = (size_t)gguf_at(file, gguf_count(file) - 1)->end, begin = (size_t)gguf_at(file, 0)->begin;
  gguf_close(file);
  for (size_t length = 0; length < end; length += length < begin ? 1 : 97) {
    strbuf_add(&s, bytes, length);
    refused(&s, DWELL_BAD_INPUT, length < 8 ? "but only" : "");
  }
  strbuf_add(&s, bytes, end - 1);
  refused(&s, DWELL_BAD_INPUT, "blk.0.attn_k.weight: data end at byte");
  strbuf_add(&s, bytes, end); /* without the padding behind the last tensor: everyone reads that */
  accepted(&s);
  free(bytes);
}

static void test_bytes_behind_the_last_tensor(void **state) {
  (void)state;
  strbuf s = {0};
  put_head(&s, 3, 1, 0);
  put_tensor(&s, "t", 1, 0, F32, 0);
  put_padding(&s, 32);
  put_zeros(&s, 4 + 1000);
  accepted(&s);
}

static void test_no_tensors_no_values(void **state) {
  (void)state;
  dwell_error err;
  gguf *file;
  strbuf s = {0};
  put_head(&s, 3, 0, 0);
  assert_ok(open_bytes(&s, &file, &err), &err);
  assert_true(gguf_count(file) == 0 && gguf_entries(file) == 0);
  assert_null(gguf_find(file, "x"));
  assert_null(gguf_entry_of(file, "x"));
  assert_null(gguf_at(file, 0));
  gguf_close(file);
}

/* ---- keys and names ---- */

static void put_key(strbuf *s, const char *key, size_t length) {
  put_head(s, 3, 0, 1);
  put_bytes(s, key, length);
  put_u32(s, GGUF_UINT32);
  put_u32(s, 7);
}

static void put_one_tensor(strbuf *s, const char *name, size_t length) {
  put_head(s, 3, 1, 0);
  put_bytes(s, name, length);
  put_u32(s, 0); /* rank 0: one element */
  put_u32(s, F32);
  put_u64(s, 0);
  put_padding(s, 32);
  put_u32(s, 0);
}

/* Keys and names of tensors obey the same rules. */
static void test_names(void **state) {
  (void)state;
  static char longest[GGUF_MAX_NAME + 1];
  memset(longest, 'k', sizeof longest);
  void (*const put[])(strbuf *, const char *, size_t) = {put_key, put_one_tensor};
  static const char *const what[] = {"key", "tensor name"};
  strbuf s = {0};
  for (size_t i = 0; i < 2; i++) {
    put[i](&s, "", 0);
    refused(&s, DWELL_BAD_INPUT, testing_format("a %s of 0 bytes", what[i]));
    put[i](&s, "a\0b", 3);
    refused(&s, DWELL_BAD_INPUT, testing_format("a %s that is not UTF-8 or holds a NUL", what[i]));
    put[i](&s, "a\xFF", 2);
    refused(&s, DWELL_BAD_INPUT, "not UTF-8");
    put[i](&s, "\xED\xA0\x80", 3);
    refused(&s, DWELL_BAD_INPUT, "not UTF-8");
    put[i](&s, longest, GGUF_MAX_NAME);
    accepted(&s);
    put[i](&s, longest, GGUF_MAX_NAME + 1);
    refused(&s, DWELL_BAD_INPUT, testing_format("a %s of 65536 bytes", what[i]));
    put[i](&s, "../x/\xC3\xA9 y", 9);
    accepted(&s);
  }
}

static void test_lengths_of_names_that_lie(void **state) {
  (void)state;
  static const uint64_t lengths[] = {20, 1000, 65535};
  strbuf s = {0};
  for (size_t i = 0; i < 3; i++) {
    put_head(&s, 3, 0, 1);
    put_u64(&s, lengths[i]);
    put_zeros(&s, 10);
    refused(&s, DWELL_BAD_INPUT, "bytes are announced here, but only 10 follow");
  }
  put_head(&s, 3, 0, 1);
  put_u64(&s, UINT64_MAX);
  put_zeros(&s, 10);
  refused(&s, DWELL_BAD_INPUT, "a key of 18446744073709551615 bytes");
}

static void test_names_are_shown_safely(void **state) {
  (void)state;
  strbuf s = {0};
  put_head(&s, 3, 0, 1);
  put_text(&s, "k\x1b[31m\xE2\x80\xAE");
  put_u32(&s, 99);
  put_u32(&s, 0);
  refused(&s, DWELL_UNSUPPORTED, "k\\x1b[31m\\u202e: values of type 99");
}

static void test_a_key_twice(void **state) {
  (void)state;
  strbuf s = {0};
  put_head(&s, 3, 0, 3);
  put_entry_u32(&s, "a", 1);
  put_entry_u32(&s, "b", 1);
  put_entry_u32(&s, "a", 1);
  refused(&s, DWELL_BAD_INPUT, "a: two values have this key");
}

static void test_a_tensor_twice(void **state) {
  (void)state;
  strbuf s = {0};
  put_head(&s, 3, 2, 0);
  put_tensor(&s, "t", 8, 0, F32, 0);
  put_tensor(&s, "t", 8, 0, F32, 32);
  put_padding(&s, 32);
  put_zeros(&s, 64);
  refused(&s, DWELL_BAD_INPUT, "t: two tensors have this name");
}

/* ---- values ---- */

static void test_types_of_values(void **state) {
  (void)state;
  static const uint32_t unknown[] = {13, 14, 255, 0x80000000u, UINT32_MAX};
  strbuf s = {0};
  for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
    put_head(&s, 3, 0, 1);
    put_text(&s, "k");
    put_u32(&s, unknown[i]);
    put_u64(&s, 0);
    refused(&s, DWELL_UNSUPPORTED, testing_format("k: values of type %u are not known", unknown[i]));
    put_head(&s, 3, 0, 1);
    put_array(&s, "k", unknown[i], 0);
    refused(&s, DWELL_UNSUPPORTED, testing_format("k: values of type %u are not known", unknown[i]));
  }
}

/* ggml refuses them too, the Python package flattens them: a place where readers differ. */
static void test_nested_arrays(void **state) {
  (void)state;
  strbuf s = {0};
  put_head(&s, 3, 0, 1);
  put_array(&s, "k", GGUF_ARRAY, 1);
  put_u32(&s, GGUF_UINT8);
  put_u64(&s, 1);
  strbuf_putc(&s, 5);
  refused(&s, DWELL_UNSUPPORTED, "k: an array of arrays");
}

static void test_bools(void **state) {
  (void)state;
  strbuf s = {0};
  for (int value = 0; value < 256; value += value < 3 ? 1 : 63) {
    put_head(&s, 3, 0, 1);
    put_text(&s, "k");
    put_u32(&s, GGUF_BOOL);
    strbuf_putc(&s, (char)value);
    if (value < 2) accepted(&s);
    else refused(&s, DWELL_BAD_INPUT, testing_format("k: a bool is 0 or 1, not %d (byte 37)", value));
  }
  put_head(&s, 3, 0, 1);
  put_array(&s, "k", GGUF_BOOL, 4);
  strbuf_add(&s, "\1\0\1\2", 4);
  refused(&s, DWELL_BAD_INPUT, "k: a bool is 0 or 1, not 2");
}

static void test_lengths_of_strings_that_lie(void **state) {
  (void)state;
  static const uint64_t lengths[] = {5, 1000, UINT64_C(1) << 31, UINT64_C(1) << 63, UINT64_MAX - 7, UINT64_MAX};
  strbuf s = {0};
  for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
    put_head(&s, 3, 0, 1);
    put_text(&s, "k");
    put_u32(&s, GGUF_STRING);
    put_u64(&s, lengths[i]);
    put_zeros(&s, 4);
    refused(&s, DWELL_BAD_INPUT, testing_format("k: %llu bytes are announced", (unsigned long long)lengths[i]));
    put_head(&s, 3, 0, 1);
    put_array(&s, "k", GGUF_STRING, 2);
    put_text(&s, "fine");
    put_u64(&s, lengths[i]);
    put_zeros(&s, 4);
    refused(&s, DWELL_BAD_INPUT, "k: ");
  }
}

static void test_lengths_of_arrays_that_lie(void **state) {
  (void)state;
  static const uint64_t lengths[] = {5, 1000, UINT64_C(1) << 61, UINT64_C(1) << 62, UINT64_C(1) << 63, UINT64_MAX};
  strbuf s = {0};
  for (uint32_t type = GGUF_UINT8; type <= GGUF_FLOAT64; type++) {
    if (type == GGUF_ARRAY) continue;
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
      put_head(&s, 3, 0, 1);
      put_array(&s, "k", type, lengths[i]);
      put_zeros(&s, 4);
      refused(&s, DWELL_BAD_INPUT, "items are announced, but only 4 bytes follow");
    }
    put_head(&s, 3, 0, 1);
    put_array(&s, "k", type, 0);
    accepted(&s);
  }
}

/* Values that are legal as bytes and are refused when asked for. */
static void test_values_that_are_not_what_is_asked(void **state) {
  (void)state;
  static const uint32_t inf = 0x7F800000;
  dwell_error err;
  gguf *file;
  gguf_text text;
  double real;
  strbuf s = {0};
  put_head(&s, 3, 0, 2);
  put_text(&s, "latin");
  put_u32(&s, GGUF_STRING);
  put_text(&s, "caf\xE9");
  put_text(&s, "inf");
  put_u32(&s, GGUF_FLOAT32);
  put_u32(&s, inf);
  assert_ok(open_bytes(&s, &file, &err), &err);
  err.offset = -1;
  assert_fails(gguf_string(file, "latin", &text, &err), DWELL_BAD_INPUT, &err, "latin: the text is not UTF-8");
  assert_true(text.length == 0);
  assert_fails(gguf_float(file, "inf", &real, &err), DWELL_BAD_INPUT, &err, "inf: the value is not a finite number");
  gguf_close(file);
}

/* A header must not be longer than what may be held in memory, even in a file that has the bytes (a sparse one). */
static void test_a_header_that_is_too_long(void **state) {
  (void)state;
  dwell_error err;
  gguf *file;
  strbuf s = {0};
  put_head(&s, 3, 0, 1);
  put_array(&s, "k", GGUF_UINT8, GGUF_MAX_HEADER);
  const char *path = testing_write(testing_format("%s/long.gguf", testing_folder()), s.data, s.length);
  strbuf_free(&s);
  assert_int_equal(truncate(path, (off_t)GGUF_MAX_HEADER + 1000), 0);
  assert_fails(gguf_open(path, &file, &err), DWELL_UNSUPPORTED, &err, "k: the header is longer than");
}

/* Many entries: linear in time and memory. */
static void test_many_entries(void **state) {
  (void)state;
  enum { COUNT = 100000 };
  dwell_error err;
  gguf *file;
  strbuf s = {0};
  put_head(&s, 3, COUNT, COUNT);
  for (uint32_t i = 0; i < COUNT; i++) put_entry_u32(&s, testing_format("key%u", COUNT - i), i);
  for (uint64_t i = 0; i < COUNT; i++) put_tensor(&s, testing_format("t%u", (unsigned)i), 1, 0, F32, 32 * i);
  put_padding(&s, 32);
  put_zeros(&s, 32 * COUNT);
  assert_ok(open_bytes(&s, &file, &err), &err);
  uint64_t value;
  assert_ok(gguf_uint(file, "key33333", 0, COUNT, &value, &err), &err);
  assert_int_equal(value, COUNT - 33333);
  assert_int_equal(gguf_find(file, "t77777")->begin - gguf_at(file, 0)->begin, 32 * 77777);
  gguf_close(file);
}

/* ---- alignment ---- */

static void put_aligned(strbuf *s, uint32_t alignment, uint64_t second) {
  put_head(s, 3, 2, 1);
  put_entry_u32(s, "general.alignment", alignment);
  put_tensor(s, "a", 3, 0, F32, 0);
  put_tensor(s, "b", 1, 0, F32, second);
  put_padding(s, alignment > 0 ? alignment : 1);
  put_zeros(s, second + 4);
}

static void test_alignment(void **state) {
  (void)state;
  static const struct {
    uint32_t alignment;
    uint64_t second;
    const char *words; /* NULL: accepted */
  } rows[] = {{1, 12, NULL},
              {4, 12, NULL},
              {8, 16, NULL},
              {64, 64, NULL},
              {4096, 4096, NULL},
              {0, 12, "general.alignment: is 0, not a power of two"},
              {24, 24, "is 24, not a power of two"},
              {32, 12, "b: data begin at 12, which is no multiple of the alignment, 32"},
              {64, 32, "no multiple of the alignment, 64"},
              {8, 24, "leave a hole"},
              {8, 8, "overlap"}};
  strbuf s = {0};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    put_aligned(&s, rows[i].alignment, rows[i].second);
    if (rows[i].words == NULL) accepted(&s);
    else refused(&s, DWELL_BAD_INPUT, rows[i].words);
  }
  put_head(&s, 3, 0, 1); /* the reference stops the program here */
  put_text(&s, "general.alignment");
  put_u32(&s, GGUF_UINT64);
  put_u64(&s, 32);
  refused(&s, DWELL_BAD_INPUT, "general.alignment: is of type uint64, not uint32");
  put_head(&s, 3, 1, 1); /* padding beyond the end */
  put_entry_u32(&s, "general.alignment", UINT32_C(1) << 31);
  put_tensor(&s, "a", 3, 0, F32, 0);
  put_zeros(&s, 100);
  refused(&s, DWELL_BAD_INPUT, "a: data end at byte 2147483660");
}

/* ---- tensors ---- */

static void test_ranks(void **state) {
  (void)state;
  dwell_error err;
  gguf *file;
  strbuf s = {0};
  for (uint32_t rank = 0; rank < 7; rank++) {
    put_head(&s, 3, 1, 0);
    put_text(&s, "t");
    put_u32(&s, rank);
    for (uint32_t k = 0; k < rank; k++) put_u64(&s, 2 + k);
    put_u32(&s, F32);
    put_u64(&s, 0);
    put_padding(&s, 32);
    put_zeros(&s, 480);
    if (rank > GGUF_MAX_RANK) {
      refused(&s, DWELL_UNSUPPORTED, testing_format("t: %u dimensions; at most 4 are allowed", rank));
      continue;
    }
    assert_ok(open_bytes(&s, &file, &err), &err);
    const gguf_tensor *t = gguf_at(file, 0);
    size_t count = 1;
    assert_int_equal(t->rank, rank);
    for (size_t k = 0; k < rank; k++) {
      assert_int_equal(t->shape[k], 2 + rank - 1 - k); /* the file lists the fastest first */
      count *= t->shape[k];
    }
    assert_int_equal(t->count, count);
    gguf_close(file);
  }
  put_head(&s, 3, 1, 0);
  put_text(&s, "t");
  put_u32(&s, UINT32_MAX);
  put_zeros(&s, 100);
  refused(&s, DWELL_UNSUPPORTED, "4294967295 dimensions");
}

static void test_dimensions(void **state) {
  (void)state;
  static const struct {
    uint64_t columns, rows;
    const char *words;
  } rows[] = {{UINT64_MAX, 0, "a dimension of -1"},
              {UINT64_C(1) << 63, 0, "a dimension of -9223372036854775808"},
              {UINT64_C(1) << 32, UINT64_C(1) << 32, "the number of elements overflows 63 bits"},
              {(UINT64_C(1) << 42) + 1, UINT64_C(1) << 22, "the number of elements overflows"},
              {INT64_MAX, 2, "the number of elements overflows"},
              {INT64_MAX, 0, "the size of the data overflows 64 bits"},
              {UINT64_C(1) << 61, 2, "the size of the data overflows"},
              {UINT64_C(1) << 40, 0, "4398046511104 bytes of data at 0 do not fit into the file"}};
  strbuf s = {0};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    put_head(&s, 3, 1, 0);
    put_tensor(&s, "t", rows[i].columns, rows[i].rows, F32, 0);
    put_padding(&s, 32);
    put_zeros(&s, 64);
    refused(&s, DWELL_BAD_INPUT, testing_format("t: %s", rows[i].words));
  }
}

/* The reference divides by such a dimension, the Python package accepts it: refused, in words. */
static void test_a_dimension_of_zero(void **state) {
  (void)state;
  strbuf s = {0};
  put_head(&s, 3, 1, 0);
  put_tensor(&s, "t", 0, 4, F32, 0);
  put_padding(&s, 32);
  refused(&s, DWELL_BAD_INPUT, "t: a dimension of 0");
}

static void test_types_of_numbers(void **state) {
  (void)state;
  static const uint32_t unknown[] = {4, 5, 31, 33, 36, 38, 42, 255, 0x80000000u, UINT32_MAX};
  strbuf s = {0};
  for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
    put_head(&s, 3, 1, 0);
    put_tensor(&s, "t", 256, 0, unknown[i], 0);
    put_zeros(&s, 2000);
    refused(&s, DWELL_UNSUPPORTED, testing_format("t: numbers of type %u are not known", unknown[i]));
  }
}

/* The row, not the whole, must be whole blocks. */
static void test_rows_that_are_no_blocks(void **state) {
  (void)state;
  static const struct {
    uint64_t columns, rows;
    uint32_t type;
    bool fine;
  } rows[] = {{32, 1, Q4_0, true},   {31, 0, Q4_0, false}, {33, 32, Q8_0, false}, {16, 2, Q8_0, false},
              {128, 2, Q4_K, false}, {256, 3, Q4_K, true}, {1, 0, Q4_0, false},   {288, 256, Q4_K, false}};
  strbuf s = {0};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    put_head(&s, 3, 1, 0);
    put_tensor(&s, "t", rows[i].columns, rows[i].rows, rows[i].type, 0);
    put_padding(&s, 32);
    put_zeros(&s, 100000);
    if (rows[i].fine) accepted(&s);
    else refused(&s, DWELL_BAD_INPUT, "are no whole blocks of Q");
  }
  put_head(&s, 3, 1, 0); /* rank 0 */
  put_text(&s, "t");
  put_u32(&s, 0);
  put_u32(&s, Q4_0);
  put_u64(&s, 0);
  put_zeros(&s, 100);
  refused(&s, DWELL_BAD_INPUT, "rows of 1 elements are no whole blocks of Q4_0");
}

static void test_places(void **state) {
  (void)state;
  static const struct {
    uint64_t first, second;
    const char *words;
  } rows[] = {{0, 32, NULL},
              {32, 64, "a: data begin at 32 where 0 is expected: the tensors leave a hole"},
              {0, 0, "b: data begin at 0 where 32 is expected: the tensors overlap"},
              {0, 64, "leave a hole"},
              {32, 0, "leave a hole"},
              {0, 33, "no multiple of the alignment"},
              {0, UINT64_C(1) << 62, "leave a hole"},
              {0, UINT64_MAX - 31, "leave a hole"},
              {UINT64_MAX, 0, "no multiple of the alignment"}};
  strbuf s = {0};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    put_head(&s, 3, 2, 0);
    put_tensor(&s, "a", 8, 0, F32, rows[i].first);
    put_tensor(&s, "b", 8, 0, F32, rows[i].second);
    put_padding(&s, 32);
    put_zeros(&s, 64);
    if (rows[i].words == NULL) accepted(&s);
    else refused(&s, DWELL_BAD_INPUT, rows[i].words);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_files_that_are_none),
      cmocka_unit_test(test_other_versions),
      cmocka_unit_test(test_big_endian),
      cmocka_unit_test(test_version_2_reads_the_same),
      cmocka_unit_test(test_counts_that_lie),
      cmocka_unit_test(test_cut_anywhere),
      cmocka_unit_test(test_bytes_behind_the_last_tensor),
      cmocka_unit_test(test_no_tensors_no_values),
      cmocka_unit_test(test_names),
      cmocka_unit_test(test_lengths_of_names_that_lie),
      cmocka_unit_test(test_names_are_shown_safely),
      cmocka_unit_test(test_a_key_twice),
      cmocka_unit_test(test_a_tensor_twice),
      cmocka_unit_test(test_types_of_values),
      cmocka_unit_test(test_nested_arrays),
      cmocka_unit_test(test_bools),
      cmocka_unit_test(test_lengths_of_strings_that_lie),
      cmocka_unit_test(test_lengths_of_arrays_that_lie),
      cmocka_unit_test(test_values_that_are_not_what_is_asked),
      cmocka_unit_test(test_a_header_that_is_too_long),
      cmocka_unit_test(test_many_entries),
      cmocka_unit_test(test_alignment),
      cmocka_unit_test(test_ranks),
      cmocka_unit_test(test_dimensions),
      cmocka_unit_test(test_a_dimension_of_zero),
      cmocka_unit_test(test_types_of_numbers),
      cmocka_unit_test(test_rows_that_are_no_blocks),
      cmocka_unit_test(test_places),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
