/* digest: published values (FIPS 180-2, examples of SHA-1 and SHA-256), in one piece and in several. */
#include "base/digest.h"

#include <string.h>

#include "base/sha256.h"
#include "util/testing.h"

static const char two_blocks[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";

static void expect_hash(digest_kind kind, const char *text, const char *hex) {
  dwell_error err = {0};
  digest *d;
  char got[DIGEST_SIZE];
  size_t length = strlen(text);
  assert_ok(digest_create(kind, &d, &err), &err);
  for (size_t cut = 0; cut <= length; cut++) { /* the same digest again and again */
    digest_add(d, text, cut);
    digest_add(d, text + cut, length - cut);
    assert_ok(digest_end(d, got, &err), &err);
    assert_string_equal(got, hex);
  }
  digest_destroy(d);
}

static void test_published(void **state) {
  (void)state;
  expect_hash(DIGEST_SHA1, "abc", "a9993e364706816aba3e25717850c26c9cd0d89d");
  expect_hash(DIGEST_SHA1, two_blocks, "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
  expect_hash(DIGEST_SHA256, "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  expect_hash(DIGEST_SHA256, two_blocks, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

static void test_files(void **state) {
  (void)state;
  dwell_error err = {0};
  char got[SHA256_SIZE];
  const char *path = testing_write(testing_format("%s/abc", testing_folder()), "abc", 3);
  assert_ok(sha256_file(path, got, &err), &err);
  assert_string_equal(got, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  assert_ok(sha256_buffer("abc", 3, got, &err), &err);
  assert_string_equal(got, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  assert_fails(sha256_file(testing_folder(), got, &err), DWELL_BAD_INPUT, &err, "read");
  assert_fails(sha256_file("/nowhere/at/all", got, &err), DWELL_BAD_INPUT, &err, "/nowhere/at/all");
  digest_destroy(NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_published), cmocka_unit_test(test_files)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
