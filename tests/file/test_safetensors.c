/* The safetensors reader: the verdicts of the reference reader on every recorded case, values, shards, damage. */
#define _GNU_SOURCE /* truncate, memfd_create */
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <dwell/context.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/threads.h"
#include "file/jcursor.h"
#include "file/safetensors.h"
#include "file/safetensors_header.h" /* the descriptor of an open file */
#include "fuzz/fuzz.h"               /* fuzz_file: hundreds of files are quicker in memory */
#include "util/testing.h"

/* Writes a safetensors file: header text and data; the claimed length of the header may lie. */
static const char *write_claiming(const char *name, uint64_t claimed, const char *header, size_t length,
                                  const void *data, size_t size) {
  strbuf file = {0};
  strbuf_add(&file, (const char *)&claimed, 8);
  strbuf_add(&file, header, length);
  if (size > 0) strbuf_add(&file, data, size);
  const char *path = testing_format("%s/%s", testing_folder(), name);
  testing_write(path, file.data, file.length);
  strbuf_free(&file);
  return path;
}

static const char *write_file(const char *name, const char *header, const void *data, size_t size) {
  return write_claiming(name, strlen(header), header, strlen(header), data, size);
}

/* ---- against the reference reader ---- */

typedef struct recipe {
  jtext name, header, words;
  bool reference, dwell, claims;
  uint64_t claimed;
  size_t data;
} recipe;

static jtext from_hex(jtext hex, arena *storage) {
  char *bytes = ARENA_NEW(storage, char, hex.length / 2 + 1);
  for (size_t i = 0; i < hex.length / 2; i++) {
    unsigned value = 0;
    assert_int_equal(sscanf(hex.data + 2 * i, "%2x", &value), 1);
    bytes[i] = (char)value;
  }
  return (jtext){bytes, hex.length / 2};
}

static recipe read_recipe(jcursor *c) {
  recipe r = {.words = {"", 0}};
  bool differs = false;
  jcursor_object(c);
  for (jtext key; jcursor_key(c, &key);) {
    if (jtext_is(key, "name")) r.name = jcursor_string(c);
    else if (jtext_is(key, "header")) r.header = jcursor_string(c);
    else if (jtext_is(key, "hex")) r.header = from_hex(jcursor_string(c), c->strings);
    else if (jtext_is(key, "data")) r.data = (size_t)jcursor_int(c, 0, 1000);
    else if (jtext_is(key, "claimed")) r.claims = true, r.claimed = strtoull(jcursor_string(c).data, NULL, 10);
    else if (jtext_is(key, "reference")) r.reference = jcursor_bool(c);
    else if (jtext_is(key, "dwell")) differs = true, r.dwell = jcursor_bool(c);
    else if (jtext_is(key, "words")) r.words = jcursor_string(c);
    else jcursor_fail(c, "unknown key");
  }
  if (!differs) r.dwell = r.reference;
  return r;
}

/* True if dwell decides as the recipe says. */
static bool check_recipe(const recipe *r) {
  static const char zeros[1000];
  dwell_error err = {0};
  safetensors *file;
  char text[1600] = "accepted";
  uint64_t claimed = r->claims ? r->claimed : r->header.length;
  strbuf whole = {0};
  strbuf_add(&whole, (const char *)&claimed, sizeof claimed);
  strbuf_add(&whole, r->header.data, r->header.length);
  strbuf_add(&whole, zeros, r->data);
  dwell_status status = safetensors_open(fuzz_file((uint8_t *)whole.data, whole.length), &file, &err);
  strbuf_free(&whole);
  safetensors_close(file);
  if (status != DWELL_OK) dwell_error_text(&err, text, sizeof text);
  bool sane = status == DWELL_OK || ((status == DWELL_BAD_INPUT || status == DWELL_UNSUPPORTED) && file == NULL &&
                                     err.file[0] != '\0' && strstr(text, r->words.data) != NULL);
  if (sane && (status == DWELL_OK) == r->dwell) return true;
  print_error("%s: expected %s (%s)\n  got: %s\n  header: %.200s\n", r->name.data, r->dwell ? "accept" : "refuse",
              r->words.data, text, r->header.data);
  return false;
}

static void test_decides_as_the_reference(void **state) {
  (void)state;
  size_t size, count = 0, accepted = 0, wrong = 0;
  char *text = testing_read(testing_source("tests/golden/file/safetensors_cases.json"), &size);
  arena storage = {0};
  dwell_error err;
  jcursor c = jcursor_start(text, size, &storage);
  jcursor_object(&c);
  for (jtext key; jcursor_key(&c, &key);) {
    if (!jtext_is(key, "cases")) {
      jcursor_skip(&c);
      continue;
    }
    for (jcursor_array(&c); jcursor_item(&c); count++) {
      recipe r = read_recipe(&c);
      if (c.problem != NULL) break;
      accepted += r.dwell;
      wrong += !check_recipe(&r);
    }
  }
  assert_ok(jcursor_end(&c, "safetensors_cases.json", &err), &err);
  assert_true(count > 500 && accepted > 100);
  assert_int_equal(wrong, 0);
  arena_clear(&storage);
  free(text);
}

/* ---- files that are none ---- */

static void test_files_that_are_none(void **state) {
  (void)state;
  dwell_error err;
  safetensors *file;
  const char *path = testing_format("%s/short.safetensors", testing_folder());
  for (size_t size = 0; size < 8; size++) {
    testing_write(path, "\2\0\0\0\0\0\0", size);
    assert_fails(safetensors_open(path, &file, &err), DWELL_BAD_INPUT, &err, "too short to be safetensors");
  }
  testing_write(path, "\0\0\0\0\0\0\0", 8);
  assert_fails(safetensors_open(path, &file, &err), DWELL_BAD_INPUT, &err, "ends in the middle");
  testing_write(path, "version https://git-lfs.github.com/spec/v1\n", 43);
  assert_fails(safetensors_open(path, &file, &err), DWELL_BAD_INPUT, &err, "git lfs pull");
  testing_write(path, "PK\3\4\0\0\0\1\0\0", 10);
  assert_fails(safetensors_open(path, &file, &err), DWELL_BAD_INPUT, &err, "PyTorch");
  assert_fails(safetensors_open("/nowhere/x.safetensors", &file, &err), DWELL_BAD_INPUT, &err, "cannot open");
  assert_fails(safetensors_open(testing_folder(), &file, &err), DWELL_BAD_INPUT, &err, "not a regular file");
  path = testing_format("%s/pipe", testing_folder());
  assert_int_equal(mkfifo(path, 0600), 0);
  assert_fails(safetensors_open(path, &file, &err), DWELL_BAD_INPUT, &err, "not a regular file");
  assert_null(file);
  safetensors_close(NULL);
}

static void test_names_are_shown_safely(void **state) {
  (void)state;
  dwell_error err;
  safetensors *file;
  const char *header = "{\"w\\u001b[31m\\u202e\":{\"dtype\":\"F3\\u001b\",\"shape\":[1],\"data_offsets\":[0,4]}}";
  const char *path = write_file("names.safetensors", header, "\0\0\0", 4);
  assert_fails(safetensors_open(path, &file, &err), DWELL_UNSUPPORTED, &err, "w\\x1b[31m\\u202e: dtype 'F3\\x1b'");
}

/* Offsets in messages are those of the file: 8 bytes before the JSON. */
static void test_complaints_give_the_byte(void **state) {
  (void)state;
  dwell_error err;
  safetensors *file;
  const char *path = write_file("byte.safetensors", "{\"a\":{\"dtype\":7}}", "", 0);
  assert_fails(safetensors_open(path, &file, &err), DWELL_BAD_INPUT, &err, "a: expected a string (byte 22)");
  path = write_file("byte.safetensors", "{?}", "", 0);
  assert_fails(safetensors_open(path, &file, &err), DWELL_BAD_INPUT, &err, "expected a string (byte 9)");
}

/* Lengths of the header that the file has room for: bounded all the same. Nothing of these files is on the disk. */
static void test_header_of_huge_length(void **state) {
  (void)state;
  static const uint64_t lengths[] = {100000001, (uint64_t)1 << 31, (uint64_t)1 << 40};
  dwell_error err;
  safetensors *file;
  for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
    const char *path = write_claiming("huge.safetensors", lengths[i], "{}", 2, NULL, 0);
    assert_int_equal(truncate(path, (off_t)(lengths[i] + 100)), 0);
    assert_fails(safetensors_open(path, &file, &err), DWELL_BAD_INPUT, &err, "at most 100000000 are allowed (byte 0)");
    assert_int_equal(truncate(path, 8), 0);
  }
  /* 10^7 entries do not fit: the shortest takes 50 bytes */
  const char *path = write_claiming("huge.safetensors", 10000000 * UINT64_C(50), "{}", 2, NULL, 0);
  assert_fails(safetensors_open(path, &file, &err), DWELL_BAD_INPUT, &err, "at most 100000000 are allowed");
}

/* A header of many entries: linear in time and memory. */
static void test_many_entries(void **state) {
  (void)state;
  enum { COUNT = 100000 };
  dwell_error err;
  safetensors *file;
  strbuf header = {0};
  for (int i = 0; i < COUNT; i++) {
    strbuf_printf(&header, "%s\"t%d\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[%d,%d]}", i ? "," : "{", i, i,
                  i + 1);
  }
  strbuf_putc(&header, '}');
  char *data = calloc(COUNT, 1);
  const char *path = write_claiming("many.safetensors", header.length, header.data, header.length, data, COUNT);
  assert_ok(safetensors_open(path, &file, &err), &err);
  assert_int_equal(safetensors_count(file), COUNT);
  assert_int_equal(safetensors_find(file, "t77777")->begin, 77777);
  for (size_t i = 1; i < COUNT; i++)
    assert_true(strcmp(safetensors_at(file, i - 1)->name, safetensors_at(file, i)->name) < 0);
  assert_null(safetensors_at(file, COUNT));
  safetensors_close(file);
  strbuf_free(&header);
  free(data);
}

/* ---- values ---- */

/* One tensor "t" of `count` elements. */
static safetensors *open_one(const char *dtype, size_t size, const void *data, size_t count) {
  dwell_error err;
  safetensors *file;
  const char *header =
      testing_format("{\"t\":{\"dtype\":\"%s\",\"shape\":[%zu],\"data_offsets\":[0,%zu]}}", dtype, count, count * size);
  assert_ok(safetensors_open(write_file("one.safetensors", header, data, count * size), &file, &err), &err);
  return file;
}

/* Value of a binary16 by the definition of the format, in double arithmetic. */
static double half_by_definition(unsigned bits) {
  int exponent = (int)(bits >> 10 & 31);
  double fraction = bits & 1023, sign = bits >> 15 ? -1 : 1;
  return exponent == 0 ? sign * ldexp(fraction, -24) : sign * ldexp(1024 + fraction, exponent - 25);
}

/* Every finite half, both as float32 and as float64, bit for bit (the sign of zero included). */
static void test_every_half(void **state) {
  (void)state;
  static uint16_t halves[65536];
  static float floats[65536];
  static double doubles[65536];
  dwell_error err;
  size_t count = 0;
  for (unsigned bits = 0; bits < 65536; bits++) {
    if ((bits & 0x7C00) != 0x7C00) halves[count++] = (uint16_t)bits;
  }
  safetensors *file = open_one("F16", 2, halves, count);
  const safetensors_tensor *t = safetensors_find(file, "t");
  assert_ok(safetensors_read(file, t, 0, count, DWELL_F32, floats, &err), &err);
  assert_ok(safetensors_read(file, t, 0, count, DWELL_F64, doubles, &err), &err);
  for (size_t i = 0; i < count; i++) {
    double expected = half_by_definition(halves[i]), widened = (double)floats[i];
    assert_memory_equal(&widened, &expected, sizeof expected);
    assert_memory_equal(&doubles[i], &expected, sizeof expected);
  }
  safetensors_close(file);
}

static void test_every_bfloat(void **state) {
  (void)state;
  static uint16_t values[65536];
  static float floats[65536];
  dwell_error err;
  size_t count = 0;
  for (unsigned bits = 0; bits < 65536; bits++) {
    if ((bits & 0x7F80) != 0x7F80) values[count++] = (uint16_t)bits;
  }
  safetensors *file = open_one("BF16", 2, values, count);
  assert_ok(safetensors_read(file, safetensors_find(file, "t"), 0, count, DWELL_F32, floats, &err), &err);
  for (size_t i = 0; i < count; i++) {
    unsigned exponent = values[i] >> 7 & 255, fraction = values[i] & 127;
    double size = exponent == 0 ? ldexp(fraction, -133) : ldexp(128 + fraction, (int)exponent - 134);
    assert_true((double)floats[i] == (values[i] >> 15 ? -size : size));
    assert_int_equal(signbit(floats[i]) != 0, values[i] >> 15);
  }
  safetensors_close(file);
}

/* float32 and float64 in and out, whole and in parts that begin and end anywhere. */
static void test_parts(void **state) {
  (void)state;
  enum { COUNT = 10001 };
  static double wide[COUNT], got[COUNT];
  static float narrow[COUNT], got_narrow[COUNT];
  dwell_error err;
  for (size_t i = 0; i < COUNT; i++) {
    wide[i] = sin((double)i) * exp2((double)(i % 100) - 50);
    narrow[i] = (float)wide[i];
  }
  static const size_t parts[][2] = {{0, COUNT}, {0, 0}, {COUNT, 0}, {1, 1}, {COUNT - 1, 1}, {4095, 2}, {17, 9000}};
  safetensors *file = open_one("F64", 8, wide, COUNT);
  const safetensors_tensor *t = safetensors_find(file, "t");
  for (size_t k = 0; k < sizeof parts / sizeof parts[0]; k++) {
    size_t first = parts[k][0], count = parts[k][1];
    assert_ok(safetensors_read(file, t, first, count, DWELL_F64, got, &err), &err);
    assert_memory_equal(got, wide + first, count * sizeof got[0]);
    assert_ok(safetensors_read(file, t, first, count, DWELL_F32, got_narrow, &err), &err);
    assert_memory_equal(got_narrow, narrow + first, count * sizeof narrow[0]);
  }
  assert_fails(safetensors_read(file, t, 1, COUNT, DWELL_F64, got, &err), DWELL_USAGE, &err, "were asked of a tensor");
  assert_fails(safetensors_read(file, t, COUNT + 1, 0, DWELL_F64, got, &err), DWELL_USAGE, &err, "were asked");
  assert_fails(safetensors_read(file, t, 2, SIZE_MAX, DWELL_F64, got, &err), DWELL_USAGE, &err, "were asked");
  safetensors_close(file);
  file = open_one("F32", 4, narrow, COUNT);
  t = safetensors_find(file, "t");
  assert_ok(safetensors_read(file, t, 17, 9000, DWELL_F64, got, &err), &err);
  for (size_t i = 0; i < 9000; i++) assert_true(got[i] == (double)narrow[17 + i]);
  safetensors_close(file);
}

static void test_not_finite_is_named(void **state) {
  (void)state;
  static const struct {
    const char *dtype, *words;
    size_t size;
    unsigned char bad[8];
  } rows[] = {{"F16", "NaN", 2, {0x01, 0x7E}},
              {"F16", "+Inf", 2, {0x00, 0x7C}},
              {"F16", "-Inf", 2, {0x00, 0xFC}},
              {"BF16", "NaN", 2, {0xC1, 0x7F}},
              {"BF16", "-Inf", 2, {0x80, 0xFF}},
              {"F32", "NaN", 4, {1, 0, 0x80, 0x7F}},
              {"F32", "-Inf", 4, {0, 0, 0x80, 0xFF}},
              {"F64", "NaN", 8, {1, 0, 0, 0, 0, 0, 0xF0, 0xFF}},
              {"F64", "+Inf", 8, {0, 0, 0, 0, 0, 0, 0xF0, 0x7F}}};
  enum { ROWS = 100, COLUMNS = 70, BAD = 69 * COLUMNS + 11 };
  static unsigned char data[ROWS * COLUMNS * 8];
  static double values[ROWS * COLUMNS];
  dwell_error err;
  safetensors *file;
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    size_t size = rows[i].size;
    memset(data, 0, sizeof data);
    memcpy(data + BAD * size, rows[i].bad, size);
    const char *header = testing_format("{\"w\":{\"dtype\":\"%s\",\"shape\":[%d,%d],\"data_offsets\":[0,%zu]}}",
                                        rows[i].dtype, ROWS, COLUMNS, ROWS * COLUMNS * size);
    const char *path = write_file("bad.safetensors", header, data, ROWS * COLUMNS * size);
    assert_ok(safetensors_open(path, &file, &err), &err);
    const safetensors_tensor *t = safetensors_find(file, "w");
    const char *words = testing_format("bad.safetensors: w: element %d, at [69, 11], is %s", BAD, rows[i].words);
    assert_fails(safetensors_read(file, t, 0, t->count, DWELL_F32, values, &err), DWELL_BAD_INPUT, &err, words);
    assert_fails(safetensors_read(file, t, BAD, 1, DWELL_F64, values, &err), DWELL_BAD_INPUT, &err, words);
    assert_ok(safetensors_read(file, t, 0, BAD, DWELL_F64, values, &err), &err);
    safetensors_close(file);
  }
  double large = 1e300;
  file = open_one("F64", 8, &large, 1);
  const safetensors_tensor *t = safetensors_find(file, "t");
  assert_ok(safetensors_read(file, t, 0, 1, DWELL_F64, values, &err), &err);
  assert_fails(safetensors_read(file, t, 0, 1, DWELL_F32, values, &err), DWELL_BAD_INPUT, &err,
               "too large for float32");
  safetensors_close(file);
}

static void test_other_dtypes_are_not_read(void **state) {
  (void)state;
  dwell_error err;
  double value;
  safetensors *file = open_one("I64", 8, "\0\0\0\0\0\0\0", 1);
  const safetensors_tensor *t = safetensors_find(file, "t");
  assert_string_equal(t->dtype, "I64");
  assert_fails(safetensors_read(file, t, 0, 1, DWELL_F64, &value, &err), DWELL_UNSUPPORTED, &err, "type I64");
  safetensors_close(file);
}

static void test_unaligned_data(void **state) {
  (void)state;
  dwell_error err;
  safetensors *file;
  char data[13] = {0};
  double value = -1.25, got;
  memcpy(data + 5, &value, 8);
  const char *path = write_file("odd.safetensors",
                                "{\"a\":{\"dtype\":\"U8\",\"shape\":[5],\"data_offsets\":[0,5]},"
                                "\"b\":{\"dtype\":\"F64\",\"shape\":[],\"data_offsets\":[5,13]}}",
                                data, 13);
  assert_ok(safetensors_open(path, &file, &err), &err);
  assert_ok(safetensors_read(file, safetensors_find(file, "b"), 0, 1, DWELL_F64, &got, &err), &err);
  assert_true(got == value);
  assert_int_equal(safetensors_find(file, "b")->rank, 0);
  assert_null(safetensors_find(file, "c"));
  safetensors_close(file);
}

/* A file that shrinks after it was opened is an error in words (a mapping would be a SIGBUS); one that grows is fine.
 */
static void test_file_changes_after_open(void **state) {
  (void)state;
  enum { COUNT = 50000 };
  static float values[COUNT];
  dwell_error err;
  safetensors *file = open_one("F32", 4, values, COUNT);
  const safetensors_tensor *t = safetensors_find(file, "t");
  const char *path = safetensors_path(file, t);
  struct stat info;
  assert_int_equal(stat(path, &info), 0);
  assert_int_equal(truncate(path, info.st_size + 100), 0);
  assert_ok(safetensors_read(file, t, 0, COUNT, DWELL_F32, values, &err), &err);
  assert_int_equal(truncate(path, info.st_size - 1), 0);
  assert_fails(safetensors_read(file, t, 0, COUNT, DWELL_F32, values, &err), DWELL_BAD_INPUT, &err,
               "t: the file ends here");
  assert_ok(safetensors_read(file, t, 0, COUNT - 1, DWELL_F32, values, &err), &err);
  safetensors_close(file);
}

/* A disk that fails while a tensor is read; here a folder takes the place of the open file. */
static void test_read_fails_part_way(void **state) {
  (void)state;
  static const float values[10];
  float got[10];
  dwell_error err;
  safetensors *file = open_one("F32", 4, values, 10);
  const safetensors_tensor *t = safetensors_find(file, "t");
  assert_ok(safetensors_read(file, t, 0, 5, DWELL_F32, got, &err), &err);
  int folder = open(testing_folder(), O_RDONLY);
  assert_true(folder >= 0 && dup2(folder, file->files[0].fd) >= 0);
  assert_fails(safetensors_read(file, t, 5, 5, DWELL_F32, got, &err), DWELL_BAD_INPUT, &err,
               "one.safetensors: t: cannot read: Is a directory");
  close(folder);
  safetensors_close(file);
}

/* ---- several threads ---- */

enum { PIECES = 64, PIECE = 1000 };

typedef struct reading {
  safetensors *file;
  float *values;
} reading;

static dwell_status read_piece(void *arg, size_t item, int worker, dwell_error *err) {
  const reading *r = arg;
  (void)worker;
  return safetensors_read(r->file, safetensors_find(r->file, "t"), item * PIECE, PIECE, DWELL_F32,
                          r->values + item * PIECE, err);
}

static void test_two_threads(void **state) {
  (void)state;
  static float values[PIECES * PIECE], got[PIECES * PIECE];
  dwell_error err;
  for (size_t i = 0; i < PIECES * PIECE; i++) values[i] = (float)i;
  reading r = {.file = open_one("F32", 4, values, PIECES * PIECE), .values = got};
  dwell_context ctx = {.threads = 2};
  assert_ok(threads_for(&ctx, PIECES, read_piece, &r, &err), &err);
  assert_memory_equal(got, values, sizeof values);
  safetensors_close(r.file);
}

/* ---- folders and shards ---- */

static const char *new_folder(const char *name) {
  const char *path = testing_format("%s/%s", testing_folder(), name);
  assert_int_equal(mkdir(path, 0700), 0);
  return path;
}

/* Two shards holding a, b and c; the index is what the test is about. */
static const char *shard_folder(const char *name, const char *index) {
  const char *folder = new_folder(name);
  float values[2] = {1, 2};
  write_file(testing_format("%s/one.safetensors", name),
             "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
             "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}",
             values, 8);
  values[0] = 3;
  write_file(testing_format("%s/two.safetensors", name),
             "{\"c\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", values, 4);
  write_file(testing_format("%s/again.safetensors", name),
             "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", values, 4);
  testing_write(testing_format("%s/model.safetensors.index.json", folder), index, strlen(index));
  return folder;
}

static void test_shards(void **state) {
  (void)state;
  dwell_error err;
  safetensors *file;
  float value;
  /* total_size is wrong: published indexes have that, and it decides nothing */
  const char *folder = shard_folder("good",
                                    "{\"metadata\":{\"total_size\":99},\"weight_map\":{\"c\":\"two.safetensors\","
                                    "\"a\":\"one.safetensors\",\"b\":\"one.safetensors\"}}");
  assert_ok(safetensors_open_folder(folder, &file, &err), &err);
  assert_int_equal(safetensors_count(file), 3);
  assert_int_equal(safetensors_files(file), 2);
  assert_true(str_ends(safetensors_file(file, 0), "/one.safetensors")); /* by name, not as first mentioned */
  assert_null(safetensors_file(file, 2));
  for (size_t i = 0; i < 3; i++) {
    const safetensors_tensor *t = safetensors_at(file, i);
    assert_int_equal(t->name[0], "abc"[i]);
    assert_true(str_ends(safetensors_path(file, t), i < 2 ? "/one.safetensors" : "/two.safetensors"));
    assert_ok(safetensors_read(file, t, 0, 1, DWELL_F32, &value, &err), &err);
    assert_true(value == (float)(i + 1));
  }
  safetensors_close(file);
}

static void test_bad_indexes(void **state) {
  (void)state;
  static const struct {
    const char *name, *index, *words;
  } rows[] = {
      {"missing", "{\"weight_map\":{\"a\":\"gone.safetensors\"}}", "gone.safetensors: cannot open"},
      {"absolute", "{\"weight_map\":{\"a\":\"/etc/passwd\"}}", "names the shard '/etc/passwd'"},
      {"parent", "{\"weight_map\":{\"a\":\"../good/one.safetensors\"}}", "a file of the same folder"},
      {"dots", "{\"weight_map\":{\"a\":\"..\"}}", "a file of the same folder"},
      {"noname", "{\"weight_map\":{\"a\":\"\"}}", "a file of the same folder"},
      {"nul", "{\"weight_map\":{\"a\":\"one.safetensors\\u0000\"}}", "a file of the same folder"},
      {"wrong", "{\"weight_map\":{\"a\":\"two.safetensors\",\"b\":\"one.safetensors\",\"c\":\"two.safetensors\"}}",
       "a: against the index, this tensor is in"},
      {"absent", "{\"weight_map\":{\"a\":\"one.safetensors\",\"b\":\"one.safetensors\",\"d\":\"one.safetensors\"}}",
       "d: the index puts this tensor where it is not"},
      {"unlisted", "{\"weight_map\":{\"a\":\"one.safetensors\",\"c\":\"two.safetensors\"}}",
       "b: the index does not list this tensor"},
      {"twoshards",
       "{\"weight_map\":{\"a\":\"one.safetensors\",\"b\":\"one.safetensors\",\"z\":\"again.safetensors\"}}",
       "a: two tensors have this name"},
      {"listedtwice",
       "{\"weight_map\":{\"a\":\"one.safetensors\",\"b\":\"one.safetensors\",\"a\":\"one.safetensors\"}}",
       "a: the index lists this tensor twice"},
      {"nomap", "{\"metadata\":{}}", "'weight_map' is missing"},
      {"twomaps", "{\"weight_map\":{},\"weight_map\":{}}", "'weight_map' is there twice"},
      {"notext", "{\"weight_map\":{\"a\":1}}", "expected a string"},
      {"notjson", "weight_map", "expected an object"},
      {"aslist", "{\"weight_map\":[]}", "expected an object"}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    dwell_error err;
    safetensors *file;
    const char *folder = shard_folder(rows[i].name, rows[i].index);
    assert_fails(safetensors_open_folder(folder, &file, &err), DWELL_BAD_INPUT, &err, rows[i].words);
    assert_true(err.file[0] != '\0');
    assert_null(file);
  }
}

/* The index of `tensors` tensors, no two neighbours in the same of the shards 0.safetensors, 1.safetensors, ... */
static const char *write_index(const char *folder, int tensors, int shards) {
  strbuf index = {0};
  for (int i = 0; i < tensors; i++)
    strbuf_printf(&index, "%s\"t%d\":\"%d.safetensors\"", i > 0 ? "," : "{\"weight_map\":{", i, i % shards);
  strbuf_puts(&index, "}}");
  const char *path = testing_format("%s/model.safetensors.index.json", folder);
  testing_write(path, index.data, index.length);
  strbuf_free(&index);
  return path;
}

static void test_index_of_many_shards(void **state) {
  (void)state;
  enum { SHARDS = 100, TENSORS = 10000 };
  dwell_error err;
  safetensors *file;
  const char *folder = new_folder("manyshards");
  write_index(folder, TENSORS, SHARDS);
  for (int k = 0; k < SHARDS; k++) {
    strbuf header = {0};
    for (int i = k; i < TENSORS; i += SHARDS)
      strbuf_printf(&header, "%s\"t%d\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}", i > k ? "," : "{", i);
    strbuf_putc(&header, '}');
    char name[64];
    snprintf(name, sizeof name, "manyshards/%d.safetensors", k);
    write_claiming(name, header.length, header.data, header.length, NULL, 0);
    strbuf_free(&header);
  }
  assert_ok(safetensors_open_folder(folder, &file, &err), &err);
  assert_int_equal(safetensors_files(file), SHARDS);
  assert_int_equal(safetensors_count(file), TENSORS);
  for (int i = 0; i < TENSORS; i += 777) {
    const char *path = safetensors_path(file, safetensors_find(file, testing_format("t%d", i)));
    assert_true(str_ends(path, testing_format("/%d.safetensors", i % SHARDS)));
  }
  safetensors_close(file);
}

/* The names alone: 500,000 lines with 10,000 names take a second if the names are not sought one by one. */
static void test_index_names_many_shards(void **state) {
  (void)state;
  dwell_error err;
  arena storage = {0};
  const char *const *names;
  size_t count;
  const char *folder = new_folder("manynames");
  assert_ok(safetensors_index_shards(write_index(folder, 500000, 10000), &storage, &names, &count, &err), &err);
  assert_int_equal(count, 10000);
  for (size_t i = 1; i < count; i++) assert_true(strcmp(names[i - 1], names[i]) < 0);
  arena_clear(&storage);
  assert_fails(safetensors_index_shards(write_index(folder, 10001, 10001), &storage, &names, &count, &err),
               DWELL_BAD_INPUT, &err, "the index names more than 10000 shards");
  arena_clear(&storage);
}

static void test_folders(void **state) {
  (void)state;
  dwell_error err;
  safetensors *file;
  const char *folder = new_folder("single");
  assert_fails(safetensors_open_folder(folder, &file, &err), DWELL_BAD_INPUT, &err, "neither model.safetensors nor");
  testing_write(testing_format("%s/pytorch_model.bin", folder), "", 0);
  assert_fails(safetensors_open_folder(folder, &file, &err), DWELL_UNSUPPORTED, &err, "save_pretrained");
  write_file("single/model.safetensors", "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", "\0\0\0",
             4);
  assert_ok(safetensors_open_folder(testing_format("%s/", folder), &file, &err), &err);
  assert_int_equal(safetensors_count(file), 1);
  safetensors_close(file);
}

/* Real checkpoints open, and every float of them is finite. */
static void test_real_checkpoints(void **state) {
  (void)state;
  static const char *const names[] = {"models/gpt2-capp", "models/gpt2-nano-sort", "models/llama-stories260k",
                                      "models/albert-rxnmapper"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    const char *folder = testing_shared(names[i]);
    dwell_error err;
    safetensors *file;
    if (folder == NULL) testing_skip_absent(names[i]);
    assert_ok(safetensors_open_folder(folder, &file, &err), &err);
    assert_true(safetensors_count(file) > 10);
    for (size_t k = 0; k < safetensors_count(file); k++) {
      const safetensors_tensor *t = safetensors_at(file, k);
      double *values = MEM_NEW(double, t->count);
      dwell_status status = safetensors_read(file, t, 0, t->count, DWELL_F64, values, &err);
      if (status != DWELL_UNSUPPORTED) assert_ok(status, &err);
      mem_free(values);
    }
    safetensors_close(file);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_decides_as_the_reference),
      cmocka_unit_test(test_files_that_are_none),
      cmocka_unit_test(test_names_are_shown_safely),
      cmocka_unit_test(test_complaints_give_the_byte),
      cmocka_unit_test(test_header_of_huge_length),
      cmocka_unit_test(test_many_entries),
      cmocka_unit_test(test_every_half),
      cmocka_unit_test(test_every_bfloat),
      cmocka_unit_test(test_parts),
      cmocka_unit_test(test_not_finite_is_named),
      cmocka_unit_test(test_other_dtypes_are_not_read),
      cmocka_unit_test(test_unaligned_data),
      cmocka_unit_test(test_file_changes_after_open),
      cmocka_unit_test(test_read_fails_part_way),
      cmocka_unit_test(test_two_threads),
      cmocka_unit_test(test_shards),
      cmocka_unit_test(test_bad_indexes),
      cmocka_unit_test(test_index_of_many_shards),
      cmocka_unit_test(test_index_names_many_shards),
      cmocka_unit_test(test_folders),
      cmocka_unit_test(test_real_checkpoints),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
