/* Which file was read: a hash of its bytes, or the name that a hub cache gave it. */
#define _POSIX_C_SOURCE 200809L
#include "hub/identity.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/testing.h"

/* FIPS 180-2, appendix B.1 */
static const char ABC[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

static void check(const char *path, const char *expected) {
  char hex[SHA256_SIZE];
  dwell_error err;
  assert_ok(identity_sha256(path, hex, &err), &err);
  assert_string_equal(hex, expected);
}

static void hashes_a_file(void **state) {
  (void)state;
  const char *file = testing_write(testing_format("%s/abc", testing_folder()), "abc", 3);
  const char *link = testing_format("%s/link", testing_folder());
  check(file, ABC);
  assert_int_equal(symlink(file, link), 0);
  check(link, ABC); /* a link to anywhere else is followed */
}

/* A file is read again only after it changed: here it changes without a new time or size, which shows that it is not
 * read, and then with them. */
static void remembers_a_hash(void **state) {
  (void)state;
  identity_known known = {0};
  char hex[SHA256_SIZE], other[SHA256_SIZE];
  dwell_error err;
  const char *file = testing_write(testing_format("%s/known", testing_folder()), "abc", 3);
  const struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
  assert_int_equal(utimensat(AT_FDCWD, file, times, 0), 0);
  assert_ok(identity_sha256_known(file, &known, hex, &err), &err);
  assert_string_equal(hex, ABC);
  testing_write(file, "abd", 3);
  assert_int_equal(utimensat(AT_FDCWD, file, times, 0), 0);
  assert_ok(identity_sha256_known(file, &known, hex, &err), &err);
  assert_string_equal(hex, ABC);
  testing_write(file, "abcd", 4);
  assert_ok(identity_sha256_known(file, &known, hex, &err), &err);
  assert_ok(identity_sha256(file, other, &err), &err);
  assert_string_equal(hex, other);
  assert_int_equal(unlink(file), 0);
  assert_int_not_equal(identity_sha256_known(file, &known, hex, &err), DWELL_OK);
}

static void believes_the_name_of_a_blob(void **state) {
  (void)state;
  char name[SHA256_SIZE];
  memset(name, 'e', 64);
  name[64] = '\0';
  const char *blobs = testing_format("%s/blobs", testing_folder()),
             *link = testing_format("%s/large", testing_folder());
  assert_int_equal(mkdir(blobs, 0777), 0);
  testing_write(testing_format("%s/%s", blobs, name), "abc", 3);
  assert_int_equal(symlink(testing_format("../x/blobs/%s", name), link), 0);
  check(link, name);
  /* small files have a git hash of 40 digits there, which is no SHA-256 */
  name[40] = '\0';
  testing_write(testing_format("%s/%s", blobs, name), "abc", 3);
  const char *small = testing_format("%s/small", testing_folder());
  assert_int_equal(symlink(testing_format("%s/%s", blobs, name), small), 0);
  check(small, ABC);
}

static void writes_inputs(void **state) {
  (void)state;
  strbuf out = {0};
  jwriter w = jwriter_start(&out, 0);
  const char *paths[] = {testing_write(testing_format("%s/one", testing_folder()), "abc", 3), "/nowhere/at/all"};
  jwriter_object(&w);
  identity_write(&w, paths, 2, NULL);
  jwriter_close(&w);
  assert_string_equal(out.data, testing_format("{\"inputs\":[{\"file\":\"%s\",\"sha256\":\"%s\"},"
                                               "{\"file\":\"/nowhere/at/all\",\"sha256\":null}]}",
                                               paths[0], ABC));
  strbuf_free(&out);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(hashes_a_file), cmocka_unit_test(remembers_a_hash),
                                     cmocka_unit_test(believes_the_name_of_a_blob), cmocka_unit_test(writes_inputs)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
