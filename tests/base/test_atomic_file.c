/* Files that appear whole or not at all, and their hashes. */
#define _GNU_SOURCE /* RLIMIT_FSIZE, strdup */
#include "base/atomic_file.h"

#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sha256.h"
#include "util/testing.h"

static const char *fresh_folder(void) {
  static int count;
  const char *path = testing_format("%s/%d", testing_folder(), count++);
  assert_int_equal(mkdir(path, 0777), 0);
  return path;
}

static int entries(const char *folder) {
  DIR *dir = opendir(folder);
  assert_non_null(dir);
  int count = 0;
  for (struct dirent *e; (e = readdir(dir)) != NULL;)
    count += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
  closedir(dir);
  return count;
}

static void assert_content(const char *path, const char *expected) {
  char *text = testing_read(path, NULL);
  assert_string_equal(text, expected);
  free(text);
}

static void commit_makes_it_visible(void **state) {
  (void)state;
  const char *folder = fresh_folder(), *path = testing_format("%s/table.csv", folder);
  atomic_file file;
  dwell_error err;
  assert_ok(atomic_file_open(path, &file, &err), &err);
  fputs("a,b\n", file.stream);
  fflush(file.stream);
  assert_int_not_equal(access(path, F_OK), 0); /* not yet */
  assert_int_equal(entries(folder), 1);        /* a hidden name that is no .csv */
  const char *temporary = strrchr(file.temporary, '/') + 1;
  assert_true(temporary[0] == '.' && strstr(temporary, ".tmp-") != NULL);
  assert_string_not_equal(temporary + strlen(temporary) - 4, ".csv");
  assert_ok(atomic_file_commit(&file, &err), &err);
  assert_content(path, "a,b\n");
  assert_int_equal(entries(folder), 1);
  atomic_file_abort(&file); /* legal on a finished object */
  assert_content(path, "a,b\n");
}

static void abort_leaves_nothing(void **state) {
  (void)state;
  const char *folder = fresh_folder(), *path = testing_format("%s/x", folder);
  atomic_file file;
  dwell_error err;
  assert_ok(atomic_file_write(path, "old", 3, &err), &err);
  assert_ok(atomic_file_open(path, &file, &err), &err);
  fputs("half of the new", file.stream);
  atomic_file_abort(&file);
  assert_content(path, "old"); /* the old file is untouched */
  assert_int_equal(entries(folder), 1);
  atomic_file_abort(&file);
  atomic_file_abort(&(atomic_file){0});
}

static void write_replaces_whole_files(void **state) {
  (void)state;
  const char *folder = fresh_folder(), *path = testing_format("%s/x", folder);
  dwell_error err;
  assert_ok(atomic_file_write(path, "much longer than the next", 25, &err), &err);
  assert_ok(atomic_file_write(path, "short", 5, &err), &err);
  assert_content(path, "short");
  assert_ok(atomic_file_write(path, NULL, 0, &err), &err);
  assert_content(path, "");
  assert_int_equal(entries(folder), 1);
}

static void impossible_places(void **state) {
  (void)state;
  const char *folder = fresh_folder();
  dwell_error err;
  atomic_file file;
  assert_fails(atomic_file_open(testing_format("%s/absent/x", folder), &file, &err), DWELL_FAILED, &err,
               "absent/x: cannot write: No such file");
  assert_null(file.stream);
  const char *below = testing_format("%s/a-folder", folder);
  assert_int_equal(mkdir(below, 0777), 0);
  assert_fails(atomic_file_write(below, "x", 1, &err), DWELL_FAILED, &err, "cannot write"); /* a folder is in the way */
  assert_int_equal(entries(folder), 1);
  if (geteuid() == 0) return; /* root may write everywhere */
  assert_int_equal(chmod(folder, 0555), 0);
  assert_fails(atomic_file_write(testing_format("%s/x", folder), "x", 1, &err), DWELL_FAILED, &err,
               "Permission denied");
}

/* A write that fails half-way (here at the limit of the file size, else a full disk). */
static void failed_writes_leave_nothing(void **state) {
  (void)state;
  const char *folder = fresh_folder(), *path = testing_format("%s/x", folder);
  dwell_error err;
  assert_ok(atomic_file_write(path, "old", 3, &err), &err);
  struct rlimit kept, small;
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &kept), 0);
  small = kept, small.rlim_cur = 1000;
  void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
  static const char data[100000];
  dwell_status status = atomic_file_write(path, data, sizeof data, &err);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &kept), 0);
  signal(SIGXFSZ, handler);
  assert_fails(status, DWELL_FAILED, &err, "cannot write");
  assert_content(path, "old");
  assert_int_equal(entries(folder), 1);
}

static void sweep_removes_leftovers_only(void **state) {
  (void)state;
  const char *folder = fresh_folder();
  static const char *const kept[] = {"table.csv", ".hidden",  "x.tmp-1",   ".tmp",
                                     ".x.tmp-",   ".x.tmp-a", ".x.tmp-1a", ".notes.tmp-1"};
  static const char *const swept[] = {".x.tmp-123", ".x.tmp-1"};
  enum { KEPT = sizeof kept / sizeof kept[0] };
  for (size_t i = 0; i < KEPT; i++) testing_write(testing_format("%s/%s", folder, kept[i]), "k", 1);
  for (size_t i = 0; i < 2; i++) testing_write(testing_format("%s/%s", folder, swept[i]), "s", 1);
  atomic_file_sweep(folder, "x");
  assert_int_equal(entries(folder), KEPT);
  for (size_t i = 0; i < KEPT; i++) assert_content(testing_format("%s/%s", folder, kept[i]), "k");
  atomic_file_sweep(testing_format("%s/absent", folder), "x");
}

/* A writer that died with the same process id does not stop the next one. */
static void own_leftover_is_replaced(void **state) {
  (void)state;
  const char *folder = fresh_folder(), *path = testing_format("%s/x", folder);
  testing_write(testing_format("%s/.x.tmp-%ld", folder, (long)getpid()), "stale", 5);
  dwell_error err;
  assert_ok(atomic_file_write(path, "new", 3, &err), &err);
  assert_content(path, "new");
  assert_int_equal(entries(folder), 1);
}

/* ---- SHA-256: the examples of FIPS 180-2, and the empty text ---- */

static void sha256_examples(void **state) {
  (void)state;
  static const struct {
    const char *text, *hex;
  } known[] = {
      {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
      {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
      {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
       "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
  };
  char hex[SHA256_SIZE];
  dwell_error err;
  const char *path = testing_format("%s/hashed", testing_folder());
  for (size_t t = 0; t < 3; t++) {
    assert_ok(sha256_buffer(known[t].text, strlen(known[t].text), hex, &err), &err);
    assert_string_equal(hex, known[t].hex);
    testing_write(path, known[t].text, strlen(known[t].text));
    assert_ok(sha256_file(path, hex, &err), &err);
    assert_string_equal(hex, known[t].hex);
  }
  char *million = malloc(3000000);
  assert_non_null(million);
  memset(million, 'a', 3000000);
  assert_ok(sha256_buffer(million, 1000000, hex, &err), &err);
  assert_string_equal(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  char whole[SHA256_SIZE]; /* a file larger than one read */
  assert_ok(sha256_buffer(million, 3000000, whole, &err), &err);
  testing_write(path, million, 3000000);
  assert_ok(sha256_file(path, hex, &err), &err);
  assert_string_equal(hex, whole);
  free(million);
}

static void sha256_of_what_cannot_be_read(void **state) {
  (void)state;
  char hex[SHA256_SIZE];
  dwell_error err;
  assert_fails(sha256_file(testing_format("%s/absent", testing_folder()), hex, &err), DWELL_BAD_INPUT, &err,
               "absent: cannot read: No such file");
  assert_fails(sha256_file(testing_folder(), hex, &err), DWELL_BAD_INPUT, &err, "Is a directory");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(commit_makes_it_visible),       cmocka_unit_test(abort_leaves_nothing),
      cmocka_unit_test(write_replaces_whole_files),    cmocka_unit_test(impossible_places),
      cmocka_unit_test(failed_writes_leave_nothing),   cmocka_unit_test(sweep_removes_leftovers_only),
      cmocka_unit_test(own_leftover_is_replaced),      cmocka_unit_test(sha256_examples),
      cmocka_unit_test(sha256_of_what_cannot_be_read),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
