/* file: GGUF models that are divided over several files. Files that the format's own package wrote: test_forward. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "file/gguf_bytes.h"
#include "util/testing.h"

/* One part: what it says it is, and its only tensor, one number. */
typedef struct part {
  uint32_t no, count, tensors;
  const char *tensor;
  float value;
} part;

static const char *path_of(unsigned number) {
  return testing_format("%s/m-%05u-of-00003.gguf", testing_folder(), number);
}

static void write_part(const char *path, const part *p) {
  strbuf s = {0};
  put_head(&s, 3, 1, 3);
  put_entry_u32(&s, "split.no", p->no);
  put_entry_u32(&s, "split.count", p->count);
  put_entry_u32(&s, "split.tensors.count", p->tensors);
  put_tensor(&s, p->tensor, 1, 0, 0, 0);
  put_padding(&s, 32);
  strbuf_add(&s, (const char *)&p->value, sizeof p->value);
  testing_write(path, s.data, s.length);
  strbuf_free(&s);
}

static const part RIGHT[3] = {{0, 3, 3, "b", 1}, {1, 3, 3, "c", 2}, {2, 3, 3, "a", 3}};

/* All three, one of them (1 to 3) as `other`. */
static void write_all(unsigned number, const part *other) {
  for (unsigned i = 1; i <= 3; i++) write_part(path_of(i), i == number ? other : &RIGHT[i - 1]);
}

static void refuse(const char *path, const char *words, const char *file) {
  gguf *g;
  dwell_error err = {.offset = -1};
  assert_fails(gguf_open(path, &g, &err), DWELL_BAD_INPUT, &err, words);
  assert_string_equal(err.file, file);
  assert_null(g);
}

static void right(void **state) {
  (void)state;
  gguf *file;
  dwell_error err = {.offset = -1};
  write_all(0, NULL);
  assert_ok(gguf_open(path_of(1), &file, &err), &err);
  assert_int_equal(gguf_count(file), 3);
  assert_int_equal(gguf_parts(file), 3);
  for (unsigned i = 0; i < 3; i++) {
    const gguf_tensor *t = gguf_find(file, RIGHT[i].tensor);
    double value;
    assert_ptr_equal(t, gguf_at(file, i));
    assert_string_equal(gguf_part_path(file, t->part), path_of(i + 1));
    assert_ok(gguf_read(file, t, 0, 1, DWELL_F64, &value, &err), &err);
    assert_true(value == (double)RIGHT[i].value);
  }
  gguf_close(file);
}

/* A model that was put together again says 0. */
static void whole(void **state) {
  (void)state;
  for (uint32_t count = 0; count <= 1; count++) {
    const part alone = {7, count, 3, "a", 1};
    gguf *file;
    dwell_error err = {.offset = -1};
    const char *path = testing_format("%s/whole.gguf", testing_folder());
    write_part(path, &alone);
    assert_ok(gguf_open(path, &file, &err), &err);
    assert_int_equal(gguf_parts(file), 1);
    gguf_close(file);
  }
}

static void not_the_first(void **state) {
  (void)state;
  write_all(0, NULL);
  refuse(path_of(2), "this is part 2 of a model in 3 files. Name the first, which ends in -00001-of-00003.gguf",
         path_of(2));
  const char *other = testing_format("%s/renamed.gguf", testing_folder());
  write_part(other, &RIGHT[0]);
  refuse(other, "this is the first of 3 files, but its name does not say so", other);
}

static void missing(void **state) {
  (void)state;
  write_all(0, NULL);
  remove(path_of(3));
  refuse(path_of(1), "part 3 of the 3 files of this model is missing. Put all parts into one folder", path_of(3));
}

static void wrong_part(void **state) {
  (void)state;
  const part twice = {0, 3, 3, "x", 1}, fewer = {1, 2, 3, "x", 1}, alone = {0, 1, 3, "x", 1},
             beyond = {3, 3, 3, "x", 1};
  write_all(2, &twice);
  refuse(path_of(1), "the file is part 1 of 3, not part 2 of 3", path_of(2));
  write_all(2, &fewer);
  refuse(path_of(1), "the file is part 2 of 2, not part 2 of 3", path_of(2));
  write_all(3, &alone);
  refuse(path_of(1), "the file is part 1 of 1, not part 3 of 3", path_of(3));
  write_all(3, &beyond);
  refuse(path_of(1), "split.no: 3 is not in 0..2", path_of(3));
  write_all(1, &beyond);
  refuse(path_of(1), "split.no: 3 is not in 0..2", path_of(1));
}

static void wrong_tensors(void **state) {
  (void)state;
  const part doubled = {1, 3, 3, "b", 1}, fewer = {0, 3, 4, "b", 1};
  write_all(2, &doubled);
  refuse(path_of(1), "b: two tensors have this name", path_of(1));
  write_all(1, &fewer);
  refuse(path_of(1), "split.tensors.count: 4 tensors are announced, but the parts have 3", path_of(1));
}

static void cut_short(void **state) {
  (void)state;
  write_all(0, NULL);
  size_t size;
  char *data = testing_read(path_of(2), &size);
  testing_write(path_of(2), data, size - 1);
  refuse(path_of(1), "c: data end at byte", path_of(2));
  free(data);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(right),     cmocka_unit_test(whole),      cmocka_unit_test(not_the_first),
      cmocka_unit_test(missing),   cmocka_unit_test(wrong_part), cmocka_unit_test(wrong_tensors),
      cmocka_unit_test(cut_short),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
