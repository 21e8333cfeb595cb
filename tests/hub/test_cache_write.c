/* cache_write: blobs, links and refs in a cache; no network. */
#define _GNU_SOURCE
#include "hub/cache_write.h"

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hub/finding.h"
#include "hub/stage.h"

#define COMMIT "0123456789abcdef0123456789abcdef01234567"
#define HASH "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"

static char cache[PATH_MAX];

static cache_writer open_cache(const char *name) {
  cache_writer w;
  dwell_error err = {0};
  testing_forget_surroundings();
  snprintf(cache, sizeof cache, "%s/%s", testing_folder(), name);
  setenv("HF_HUB_CACHE", cache, 1);
  assert_ok(cache_writer_open("models--org--net", &w, &err), &err);
  return w;
}

static const char *in_cache(const char *path) { return testing_format("%s/models--org--net/%s", cache, path); }

static void put_blob(const cache_writer *w, const char *text) {
  cache_part part;
  dwell_error err = {0};
  assert_ok(cache_part_open(w, HASH, NULL, &part, &err), &err);
  assert_ok(cache_part_append(&part, text, strlen(text), &err), &err);
  assert_ok(cache_part_commit(&part, &err), &err);
  cache_part_close(&part, false);
}

static void expect_text(const char *path, const char *text) {
  char *got = testing_read(path, NULL);
  assert_string_equal(got, text);
  free(got);
}

static void test_parts(void **state) {
  (void)state;
  cache_writer w = open_cache("parts");
  cache_part part;
  dwell_error err = {0};
  assert_int_not_equal(access(cache, F_OK), 0); /* opening makes nothing */
  assert_ok(cache_part_open(&w, HASH, NULL, &part, &err), &err);
  assert_ok(cache_part_append(&part, "abc", 3, &err), &err);
  cache_part_close(&part, false);
  assert_ok(cache_part_open(&w, HASH, NULL, &part, &err), &err);
  assert_int_equal(part.size, 3);
  assert_ok(cache_part_append(&part, "def", 3, &err), &err);
  expect_text(in_cache("blobs/" HASH ".incomplete"), "abcdef");
  assert_ok(cache_part_clear(&part, &err), &err);
  assert_ok(cache_part_append(&part, "new", 3, &err), &err);
  assert_ok(cache_part_commit(&part, &err), &err);
  cache_part_close(&part, false);
  expect_text(in_cache("blobs/" HASH), "new");
  assert_ok(cache_part_open(&w, HASH, NULL, &part, &err), &err);
  assert_int_equal(part.size, 0);
  cache_part_close(&part, true);
  assert_int_not_equal(access(in_cache("blobs/" HASH ".incomplete"), F_OK), 0);
  assert_int_equal(symlink("/etc/passwd", in_cache("blobs/" HASH ".incomplete")), 0); /* nobody's file is written */
  assert_fails(cache_part_open(&w, HASH, NULL, &part, &err), DWELL_FAILED, &err, "cannot write");
  cache_part_close(&part, false);
  cache_writer_close(&w);
}

static void test_links(void **state) {
  (void)state;
  cache_writer w = open_cache("links");
  dwell_error err = {0};
  put_blob(&w, "text");
  for (int round = 0; round < 2; round++) {
    assert_ok(cache_place(&w, COMMIT, "config.json", HASH, true, &err), &err);
    assert_ok(cache_place(&w, COMMIT, "a/b/c.gguf", HASH, true, &err), &err);
  }
  expect_text(in_cache("snapshots/" COMMIT "/config.json"), "text");
  expect_text(in_cache("snapshots/" COMMIT "/a/b/c.gguf"), "text");
  assert_ok(cache_set_ref(&w, "refs/pr/1", COMMIT, &err), &err);
  assert_ok(cache_set_ref(&w, "main", "x", &err), &err);
  assert_ok(cache_set_ref(&w, "main", COMMIT, &err), &err);
  expect_text(in_cache("refs/main"), COMMIT);
  expect_text(in_cache("refs/refs/pr/1"), COMMIT);
  expect("org/net", in_cache("snapshots/" COMMIT), COMMIT);
  cache_writer_close(&w);
}

/* Where the file system has no links, the blob itself moves, as huggingface_hub does it. */
static void test_without_links(void **state) {
  (void)state;
  cache_writer w = open_cache("no-links");
  dwell_error err = {0};
  struct stat info;
  put_blob(&w, "text");
  assert_ok(cache_place(&w, COMMIT, "config.json", HASH, false, &err), &err);
  assert_int_equal(lstat(in_cache("snapshots/" COMMIT "/config.json"), &info), 0);
  assert_true(S_ISREG(info.st_mode));
  expect("org/net", in_cache("snapshots/" COMMIT), COMMIT);
  cache_writer_close(&w);
}

/* ---- locks ---- */

typedef struct holder {
  int fd;
  bool remove;
} holder;

static atomic_int words;
static void count_words(void *self, dwell_level level, const char *line) {
  (void)self, (void)level;
  words += strstr(line, "waiting for another program") != NULL;
}

/* Lets go once the other side has said that it waits, and is at it again. */
static void *let_go(void *argument) {
  const holder *h = argument;
  for (int i = 0; i < 60000 && words == 0; i++) usleep(1000);
  usleep(150000);
  if (h->remove) unlink(testing_format("%s/.locks/models--org--net/" HASH ".lock", cache));
  close(h->fd);
  return NULL;
}

static int always(void *self) { return self == NULL; }

/* Another program holds the lock, also one that removes its file when it is done. */
static void test_locks(void **state) {
  (void)state;
  for (int k = 0; k < 2; k++) {
    cache_writer w = open_cache(k ? "locks-removed" : "locks");
    cache_part part;
    pthread_t thread;
    dwell_error err = {0};
    const char *lock = put(cache, ".locks/models--org--net/" HASH ".lock", "");
    holder h = {.fd = open(lock, O_RDWR), .remove = k == 1};
    assert_int_equal(flock(h.fd, LOCK_EX), 0);
    dwell_context ctx = {.interrupted = always};
    assert_fails(cache_part_open(&w, HASH, &ctx, &part, &err), DWELL_INTERRUPTED, &err, "");
    cache_part_close(&part, false);
    words = 0;
    assert_int_equal(pthread_create(&thread, NULL, let_go, &h), 0);
    ctx = (dwell_context){.log = count_words};
    assert_ok(cache_part_open(&w, HASH, &ctx, &part, &err), &err);
    pthread_join(thread, NULL);
    assert_int_equal(words, 1);
    int second = open(lock, O_RDWR);
    assert_true(second >= 0 && flock(second, LOCK_EX | LOCK_NB) != 0); /* it is held, under its name */
    close(second);
    cache_part_close(&part, true);
    cache_writer_close(&w);
  }
}

static void test_space(void **state) {
  (void)state;
  cache_writer w = open_cache("not/yet/there");
  dwell_error err = {0};
  assert_ok(cache_check_space(&w, 1, &err), &err);
  assert_fails(cache_check_space(&w, UINT64_MAX, &err), DWELL_FAILED, &err, "the disk has room for");
  cache_writer_close(&w);
}

/* A cache that may not be written: one sentence, and no part of it is made. */
static void test_read_only(void **state) {
  (void)state;
  if (geteuid() == 0) {
    print_message("skipped: everything may be written by root\n");
    skip();
  }
  cache_writer w = open_cache("read-only");
  cache_part part;
  dwell_error err = {0};
  make_folders(cache);
  chmod(cache, 0555);
  assert_fails(cache_part_open(&w, HASH, NULL, &part, &err), DWELL_FAILED, &err, "cannot make the folder");
  cache_part_close(&part, false);
  chmod(cache, 0777);
  cache_writer_close(&w);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_parts),         cmocka_unit_test(test_links),
                                     cmocka_unit_test(test_without_links), cmocka_unit_test(test_locks),
                                     cmocka_unit_test(test_space),         cmocka_unit_test(test_read_only)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
