/* repo_list: the hub's list of files; every form of nonsense in it is refused or passed over. */
#include "hub/repo_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/testing.h"

#define COMMIT "0123456789abcdef0123456789abcdef01234567"
#define GIT "89abcdef0123456789abcdef0123456789abcdef"
#define SHA "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"
#define LIST(files) "{\"id\":\"x\",\"sha\":\"" COMMIT "\",\"siblings\":[" files "],\"tags\":[]}"

static void expect_file(const repo_list *list, size_t i, const char *path, int64_t size, const char *hash) {
  assert_string_equal(list->files[i].path, path);
  assert_int_equal(list->files[i].size, size);
  assert_string_equal(list->files[i].hash, hash);
}

/* As the hub answers: a large file's own hash and size are of a pointer, its "lfs" has the real ones. */
static void test_good(void **state) {
  (void)state;
  static const char text[] =
      LIST("{\"rfilename\":\"config.json\",\"size\":665,\"blobId\":\"" GIT
           "\"},"
           "{\"blobId\":\"" GIT "\",\"lfs\":{\"pointerSize\":134,\"size\":548105171,\"sha256\":\"" SHA
           "\"},\"size\":134,\"rfilename\":\"a/model.safetensors\"},"
           "{\"rfilename\":\"b\",\"lfs\":null,\"size\":null,\"blobId\":null},{\"rfilename\":\"caf\\u00e9 "
           ".txt\",\"size\":0}");
  repo_list list;
  dwell_error err = {0};
  assert_ok(repo_list_parse(text, strlen(text), &list, &err), &err);
  assert_string_equal(list.commit, COMMIT);
  assert_int_equal(list.count, 4);
  expect_file(&list, 0, "config.json", 665, GIT);
  expect_file(&list, 1, "a/model.safetensors", 548105171, SHA);
  expect_file(&list, 2, "b", -1, "");
  expect_file(&list, 3, "caf\xc3\xa9 .txt", 0, "");
  assert_ptr_equal(repo_list_find(&list, "b"), &list.files[2]);
  assert_null(repo_list_find(&list, "B"));
  repo_list_free(&list);
}

static void test_refused(void **state) {
  (void)state;
  static const char *const bad[][2] = {
      {"", "the text ends"},
      {"[]", "expected an object"},
      {"<!doctype html>", "byte 0"},
      {LIST("") "x", "byte"},
      {"{\"siblings\":[]}", "not one \"sha\""},
      {"{\"sha\":\"" COMMIT "\"}", "and one \"siblings\""},
      {"{\"sha\":\"" COMMIT "\",\"sha\":\"" COMMIT "\",\"siblings\":[]}", "not one \"sha\""},
      {"{\"sha\":\"" COMMIT "\",\"siblings\":[],\"siblings\":[]}", "and one \"siblings\""},
      {"{\"sha\":\"main\",\"siblings\":[]}", "hash"},
      {"{\"sha\":\"../../../0123456789abcdef0123456789abcdef\",\"siblings\":[]}", "hash"},
      {"{\"sha\":\"" SHA "\",\"siblings\":[]}", "hash"},
      {"{\"sha\":null,\"siblings\":[]}", "byte"},
      {LIST("1"), "expected an object"},
      {LIST("{\"rfilename\":1}"), "byte"},
      {LIST("{\"rfilename\":\"a\",\"size\":-1}"), "byte"},
      {LIST("{\"rfilename\":\"a\",\"size\":1.5}"), "whole number"},
      {LIST("{\"rfilename\":\"a\",\"size\":1125899906842625}"), "byte"},
      {LIST("{\"rfilename\":\"a\",\"size\":99999999999999999999}"), "byte"},
      {LIST("{\"rfilename\":\"a\",\"blobId\":\"0123\"}"), "hash"},
      {LIST("{\"rfilename\":\"a\",\"blobId\":\"../../../0123456789abcdef0123456789abcdef\"}"), "hash"},
      {LIST("{\"rfilename\":\"a\",\"blobId\":\"89ABCDEF0123456789ABCDEF0123456789ABCDEF\"}"), "hash"},
      {LIST("{\"rfilename\":\"a\",\"blobId\":\"" GIT "\\u0000\"}"), "hash"},
      {LIST("{\"rfilename\":\"a\",\"lfs\":{\"sha256\":\"" GIT "\"}}"), "hash"},
      {LIST("{\"rfilename\":\"a\",\"lfs\":{\"size\":-5}}"), "byte"},
      {LIST("{\"rfilename\":\"a\",\"lfs\":[]}"), "expected an object"},
  };
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    repo_list list;
    dwell_error err = {0};
    assert_fails(repo_list_parse(bad[i][0], strlen(bad[i][0]), &list, &err), DWELL_BAD_INPUT, &err, bad[i][1]);
    repo_list_free(&list);
  }
}

/* Nothing that could lead elsewhere is in the list at all. */
static void test_hostile_names(void **state) {
  (void)state;
  static const char text[] = LIST(
      "{\"rfilename\":\"../config.json\"},{\"rfilename\":\"/etc/passwd\"},{\"rfilename\":\"a/../"
      "b\"},{\"rfilename\":\"a/\"},"
      "{\"rfilename\":\"a//b\"},{\"rfilename\":\".\"},{\"rfilename\":\"a/"
      "..\"},{\"rfilename\":\"\"},{\"rfilename\":\"a\\\\b\"},"
      "{\"rfilename\":\"config.json\\u0000.png\"},{\"rfilename\":\"a\\nb\"},{\"rfilename\":\"\\u007f\"},{\"size\":1},"
      "{\"rfilename\":\"fine/...\",\"size\":1}");
  repo_list list;
  dwell_error err = {0};
  assert_ok(repo_list_parse(text, strlen(text), &list, &err), &err);
  assert_int_equal(list.count, 1);
  assert_string_equal(list.files[0].path, "fine/...");
  repo_list_free(&list);
  char longest[1100];
  memset(longest, 'a', sizeof longest);
  assert_true(repo_path(longest, 255));
  assert_false(repo_path(longest, 256)); /* a component */
  for (size_t i = 200; i < sizeof longest; i += 200) longest[i] = '/';
  assert_true(repo_path(longest, 1000));
  assert_false(repo_path(longest, 1001));
  assert_false(repo_path("a\xff", 2));
}

static void test_too_many(void **state) {
  (void)state;
  size_t room = (size_t)REPO_MOST_FILES * 20 + 200, length;
  char *text = malloc(room);
  length = (size_t)sprintf(text, "{\"sha\":\"" COMMIT "\",\"siblings\":[");
  for (size_t i = 0; i <= REPO_MOST_FILES; i++)
    length += (size_t)sprintf(text + length, "%s{\"rfilename\":\"a\"}", i ? "," : "");
  length += (size_t)sprintf(text + length, "]}");
  repo_list list;
  dwell_error err = {0};
  assert_fails(repo_list_parse(text, length, &list, &err), DWELL_BAD_INPUT, &err, "too many files");
  repo_list_free(&list);
  free(text);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_good), cmocka_unit_test(test_refused),
                                     cmocka_unit_test(test_hostile_names), cmocka_unit_test(test_too_many)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
