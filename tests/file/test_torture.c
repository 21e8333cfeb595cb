/* Every allocation of every reader and writer fails once: the answer is "out of memory", nothing leaks (a sanitizer
 * build says so) and nothing stays on disk. Needs -Dtorture=true; skips itself otherwise. */
#define _GNU_SOURCE /* access */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "file/csv.h"
#include "file/gguf.h"
#include "file/jcursor.h"
#include "file/npy.h"
#include "file/safetensors.h"
#include "util/testing.h"

typedef dwell_status (*operation)(const char *path, dwell_error *err);

/* `harmless`: how many of the last allocations may fail without harm. */
static void torture(operation run, const char *path, size_t harmless) {
  dwell_error err;
  mem_fail_at(0);
  assert_ok(run(path, &err), &err);
  size_t calls = mem_calls();
  if (calls == 0) skip(); /* not compiled in */
  for (size_t k = 1; k <= calls; k++) {
    mem_fail_at(k);
    dwell_status status = run(path, &err);
    mem_fail_at(0);
    if (status == DWELL_OK && k + harmless > calls) continue;
    if (status != DWELL_NO_MEMORY || err.status != status) {
      fail_msg("allocation %zu of %zu failed, and the answer was %s: %s", k, calls, dwell_status_name(status),
               err.message);
    }
  }
}

static dwell_status read_json(const char *path, dwell_error *err) {
  char *data;
  size_t size;
  dwell_status status = file_slurp(path, 1000000, &data, &size, err);
  if (status != DWELL_OK) return status;
  arena storage = {0};
  jcursor c = jcursor_start(data, size, &storage);
  jcursor_array(&c);
  while (jcursor_item(&c)) jcursor_string(&c);
  status = jcursor_end(&c, path, err);
  arena_clear(&storage);
  mem_free(data);
  return status;
}

static void test_jcursor(void **state) {
  (void)state;
  const char *path = testing_format("%s/x.json", testing_folder());
  strbuf text = {0};
  for (int i = 0; i < 5000; i++) strbuf_printf(&text, "%s\"string %d\"", i > 0 ? "," : "[", i);
  strbuf_putc(&text, ']');
  testing_write(path, text.data, text.length);
  strbuf_free(&text);
  torture(read_json, path, 0);
}

static dwell_status open_checkpoint(const char *folder, dwell_error *err) {
  safetensors *file;
  dwell_status status = safetensors_open_folder(folder, &file, err);
  assert_true((status == DWELL_OK) == (file != NULL));
  safetensors_close(file);
  return status;
}

static void test_safetensors(void **state) {
  (void)state;
  static const char index[] = "{\"weight_map\":{\"a\":\"1.safetensors\",\"b\":\"2.safetensors\"}}";
  static const char header[] = "{\"%\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}";
  const char *folder = testing_format("%s/shards", testing_folder());
  assert_int_equal(mkdir(folder, 0700), 0);
  testing_write(testing_format("%s/model.safetensors.index.json", folder), index, sizeof index - 1);
  for (int i = 0; i < 2; i++) {
    char file[8 + sizeof header] = {(char)(sizeof header - 1)};
    memcpy(file + 8, header, sizeof header);
    file[10] = "ab"[i];
    testing_write(testing_format("%s/%d.safetensors", folder, i + 1), file, sizeof file);
  }
  torture(open_checkpoint, folder, 0);
}

static dwell_status read_gguf(const char *path, dwell_error *err) {
  static float values[512];
  gguf *file;
  dwell_status status = gguf_open(path, &file, err);
  assert_true((status == DWELL_OK) == (file != NULL));
  for (size_t i = 0; status == DWELL_OK && i < gguf_count(file); i++) {
    status = gguf_read(file, gguf_at(file, i), 0, 512, DWELL_F32, values, err);
  }
  gguf_close(file);
  return status;
}

static void test_gguf(void **state) {
  (void)state;
  torture(read_gguf, testing_source("tests/golden/gguf/types.gguf"), 0);
}

static dwell_status read_archive(const char *path, dwell_error *err) {
  npz *z;
  static double values[10000];
  dwell_status status = npz_open(path, &z, err);
  assert_true((status == DWELL_OK) == (z != NULL));
  for (size_t i = 0; status == DWELL_OK && i < npz_count(z); i++) {
    char text[64];
    const npy_header *h = npz_header(z, i);
    if (h->type == NPY_UNICODE || h->type == NPY_BYTES) {
      status = npz_read_text(z, i, 1, text, sizeof text, err);
    } else {
      status = npz_read_f64(z, i, 0, h->count, values, err);
    }
  }
  npz_close(z);
  return status;
}

static void test_npz(void **state) {
  (void)state;
  static const char *const names[] = {"shapes_deflated.npz", "shapes.npz", "texts.npz", "array_f8.npy"};
  for (size_t i = 0; i < 4; i++)
    torture(read_archive, testing_source(testing_format("tests/golden/file/%s", names[i])), 0);
}

static dwell_status write_archive(const char *path, dwell_error *err) {
  static const double values[6] = {1, 2, 3, 4, 5, 6};
  npz_writer *w;
  dwell_status status = npz_writer_open(path, &w, err);
  if (status != DWELL_OK) return status;
  for (int i = 0; status == DWELL_OK && i < 20; i++) {
    char name[16]; /* not testing_format: the path is one of its buffers */
    snprintf(name, sizeof name, "array%d", i);
    status = npz_writer_add(w, name, NPY_FLOAT, 8, 2, (const size_t[]){2, 3}, values, err);
  }
  if (status == DWELL_OK) return npz_writer_commit(w, err);
  npz_writer_abort(w);
  return status;
}

static dwell_status write_and_remove(const char *path, dwell_error *err) {
  dwell_status status = write_archive(path, err);
  assert_true((access(path, F_OK) == 0) == (status == DWELL_OK));
  unlink(path);
  return status;
}

static void test_npz_writer(void **state) {
  (void)state;
  /* the last is the name of the folder that is synced once the file is in place */
  torture(write_and_remove, testing_format("%s/out.npz", testing_folder()), 1);
}

static dwell_status read_table(const char *path, dwell_error *err) {
  csv_table t;
  dwell_status status = csv_read(path, &t, err);
  csv_free(&t);
  return status;
}

static void test_csv(void **state) {
  (void)state;
  torture(read_table, testing_write(testing_format("%s/x.csv", testing_folder()), "a,b\n1,\"2\"\n", 10), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_jcursor), cmocka_unit_test(test_safetensors), cmocka_unit_test(test_gguf),
      cmocka_unit_test(test_npz),     cmocka_unit_test(test_npz_writer),  cmocka_unit_test(test_csv),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
