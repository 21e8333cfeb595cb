/* The fuzz harnesses in every build: each file of the corpora in tests/fuzz/corpus, and a few thousand deterministic
 * mutations of them, go through the parser that they belong to. A broken promise aborts. */
#define _GNU_SOURCE /* memfd_create in the harnesses */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "util/testing.h"

#define LLVMFuzzerTestOneInput fuzz_config
#include "fuzz/fuzz_config.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_csv
#include "fuzz/fuzz_csv.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_gguf
#include "fuzz/fuzz_gguf.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_jcursor
#include "fuzz/fuzz_jcursor.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_npz
#include "fuzz/fuzz_npz.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_nursery
#include "fuzz/fuzz_nursery.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_repo_list
#include "fuzz/fuzz_repo_list.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_safetensors
#include "fuzz/fuzz_safetensors.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_spm
#include "fuzz/fuzz_spm.c"
#undef LLVMFuzzerTestOneInput

enum { MUTATIONS = 4000, LARGEST = 65536 };

typedef struct input {
  uint8_t *data;
  size_t size;
} input;

typedef struct corpus {
  input inputs[1000];
  size_t count;
} corpus;

static int by_name(const struct dirent **a, const struct dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); }

static void load_corpus(const char *name, corpus *c) {
  struct dirent **entries;
  char folder[4096]; /* testing_source's buffers come round again */
  snprintf(folder, sizeof folder, "%s/%s", testing_source("tests/fuzz/corpus"), name);
  int count = scandir(folder, &entries, NULL, by_name);
  if (count < 0) fail_msg("no corpus at %s", folder);
  c->count = 0;
  for (int i = 0; i < count; i++) {
    if (entries[i]->d_name[0] != '.') {
      input *in = &c->inputs[c->count++];
      in->data = (uint8_t *)testing_read(testing_format("%s/%s", folder, entries[i]->d_name), &in->size);
      assert_true(c->count < 1000 && in->size <= LARGEST);
    }
    free(entries[i]);
  }
  free(entries);
  assert_true(c->count > 0);
}

static size_t draw(const random_stream *s, uint32_t i, uint32_t *j, size_t n) { return random_below(s, i, (*j)++, n); }

/* One change in place: a bit, a byte, a telling number, a removed or doubled stretch, the end cut off. */
static size_t mutate(uint8_t *data, size_t size, const random_stream *s, uint32_t i, uint32_t *j) {
  static const uint8_t bytes[] = {0,   1,   0x7F, 0x80, 0xFF, '"', '\\', '{', '}',
                                  '[', ']', ',',  ':',  '\n', '0', '9',  '-', 'e'};
  static const uint64_t numbers[] = {0, 1, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, UINT64_MAX >> 1, UINT64_MAX};
  if (size == 0) return 0;
  size_t at = draw(s, i, j, size), length = 1 + draw(s, i, j, 16);
  if (length > size - at) length = size - at;
  switch (draw(s, i, j, 6)) {
    case 0: data[at] = (uint8_t)(data[at] ^ 1u << draw(s, i, j, 8)); return size;
    case 1: data[at] = bytes[draw(s, i, j, sizeof bytes)]; return size;
    case 2: memcpy(data + at, &numbers[draw(s, i, j, 8)], length < 8 ? length : 8); return size;
    case 3: memmove(data + at, data + at + length, size - at - length); return size - length;
    case 4:
      if (size + length > LARGEST) return size;
      memmove(data + at + length, data + at, size - at);
      return size + length;
    default: return draw(s, i, j, 8) == 0 ? at : size;
  }
}

static void replay(const char *name, int (*harness)(const uint8_t *, size_t), void (*repair)(uint8_t *, size_t)) {
  static corpus c;
  uint8_t *work = malloc(LARGEST);
  random_stream s = {.seed = 20240229, .purpose = RANDOM_TEST};
  load_corpus(name, &c);
  for (size_t i = 0; i < c.count; i++) harness(c.inputs[i].data, c.inputs[i].size);
  for (uint32_t i = 0; i < MUTATIONS; i++) {
    const input *in = &c.inputs[i % c.count];
    uint32_t j = 0;
    size_t size = in->size;
    memcpy(work, in->data, size);
    for (size_t rounds = 1 + draw(&s, i, &j, 4); rounds > 0; rounds--) size = mutate(work, size, &s, i, &j);
    if (repair != NULL && i % 4 != 0) repair(work, size);
    uint8_t *exact = malloc(size > 0 ? size : 1); /* so that a sanitizer sees a read beyond the end */
    memcpy(exact, work, size);
    harness(exact, size);
    free(exact);
  }
  for (size_t i = 0; i < c.count; i++) free(c.inputs[i].data);
  free(work);
}

static void test_config(void **state) {
  (void)state;
  replay("config", fuzz_config, NULL);
}

static void test_csv(void **state) {
  (void)state;
  replay("csv", fuzz_csv, NULL);
}

static void test_gguf(void **state) {
  (void)state;
  replay("gguf", fuzz_gguf, NULL);
}

static void test_jcursor(void **state) {
  (void)state;
  replay("jcursor", fuzz_jcursor, NULL);
}

static void test_npz(void **state) {
  (void)state;
  replay("npz", fuzz_npz, NULL);
}

static void test_repo_list(void **state) {
  (void)state;
  replay("repo_list", fuzz_repo_list, NULL);
}

static void test_nursery(void **state) {
  (void)state;
  replay("nursery", fuzz_nursery, NULL);
}

static void test_safetensors(void **state) {
  (void)state;
  replay("safetensors", fuzz_safetensors, fuzz_safetensors_repair);
}

static void test_spm(void **state) {
  (void)state;
  replay("spm", fuzz_spm, NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_config),    cmocka_unit_test(test_csv),         cmocka_unit_test(test_gguf),
      cmocka_unit_test(test_jcursor),   cmocka_unit_test(test_npz),         cmocka_unit_test(test_nursery),
      cmocka_unit_test(test_repo_list), cmocka_unit_test(test_safetensors), cmocka_unit_test(test_spm),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
