/* The fuzz harness of the tokenizer in every build: its corpus, and a few thousand variations in which one word of JSON
 * (or of the text behind it) is put in the place of another. A broken promise aborts. */
#define _GNU_SOURCE /* memfd_create in the harness */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "util/testing.h"

#define LLVMFuzzerTestOneInput fuzz_tokenizer
#include "fuzz/fuzz_tokenizer.c"
#undef LLVMFuzzerTestOneInput

enum { VARIATIONS = 3000, LARGEST = 16384, MOST_WORDS = 4096 };

typedef struct word {
  const uint8_t *data;
  size_t size;
} word;

typedef struct material {
  char *files[32];
  size_t sizes[32], count;
  word words[MOST_WORDS];
  size_t word_count;
} material;

static bool is_mark(uint8_t byte) { return byte == '\0' || strchr("{}[]:,", byte) != NULL; }

/* A word ends at a mark of JSON, which is a word by itself. */
static size_t word_size(const uint8_t *data, size_t left) {
  size_t size = 1;
  while (!is_mark(data[0]) && size < left && !is_mark(data[size])) size++;
  return size;
}

static void load(material *m) {
  const char *folder = testing_source("tests/fuzz/corpus/tokenizer");
  struct dirent **entries;
  int count = scandir(folder, &entries, NULL, alphasort);
  assert_true(count > 2);
  for (int i = 0; i < count; i++) {
    if (entries[i]->d_name[0] != '.') {
      size_t n = m->count++, size;
      m->files[n] = testing_read(testing_format("%s/%s", folder, entries[i]->d_name), &m->sizes[n]);
      const uint8_t *data = (const uint8_t *)m->files[n];
      for (size_t at = 0; at < m->sizes[n] && m->word_count < MOST_WORDS; at += size) {
        size = word_size(data + at, m->sizes[n] - at);
        m->words[m->word_count++] = (word){data + at, size};
      }
    }
    free(entries[i]);
  }
  free(entries);
}

/* File `n` with a few of its words taken from anywhere. */
static size_t vary(const material *m, size_t n, const random_stream *s, uint32_t i, uint8_t *out) {
  const uint8_t *data = (const uint8_t *)m->files[n];
  uint32_t j = 0;
  size_t used = 0, size, rarity = 4 + random_below(s, i, j++, 400);
  for (size_t at = 0; at < m->sizes[n]; at += size) {
    size = word_size(data + at, m->sizes[n] - at);
    word w = {data + at, size};
    if (random_below(s, i, j++, rarity) == 0) w = m->words[random_below(s, i, j++, m->word_count)];
    if (used + w.size > LARGEST) break;
    memcpy(out + used, w.data, w.size);
    used += w.size;
  }
  return used;
}

static void replay(void **state) {
  (void)state;
  static material m;
  random_stream s = {.seed = 20240229, .purpose = RANDOM_TEST};
  uint8_t *work = malloc(LARGEST);
  load(&m);
  for (size_t n = 0; n < m.count; n++) fuzz_tokenizer((const uint8_t *)m.files[n], m.sizes[n]);
  for (uint32_t i = 0; i < VARIATIONS; i++) fuzz_tokenizer(work, vary(&m, i % m.count, &s, i, work));
  for (size_t n = 0; n < m.count; n++) free(m.files[n]);
  free(work);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(replay)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
