/* hub: names of models to folders. Every cache is staged by hand in a temporary folder. */
#define _XOPEN_SOURCE 700
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "hub/cache.h"
#include "hub/finding.h"
#include "hub/hub.h"
#include "hub/stage.h"
#include "util/testing.h"

#define COMMIT_A "0123456789abcdef0123456789abcdef01234567"
#define COMMIT_B "89abcdef0123456789abcdef0123456789abcdef"

/* A fresh cache folder that HF_HUB_CACHE names. */
static const char *fresh_cache(const char *name) {
  testing_forget_surroundings();
  static char cache[PATH_MAX]; /* outlives the buffers of testing_format */
  snprintf(cache, sizeof cache, "%s/%s", testing_folder(), name);
  make_folders(cache);
  setenv("HF_HUB_CACHE", cache, 1);
  return cache;
}

static void test_ref_with_newline(void **state) {
  (void)state;
  const char *cache = fresh_cache("newline");
  put(cache, "models--org--net/refs/main", "  " COMMIT_A "\r\n");
  put(cache, "models--org--net/snapshots/" COMMIT_A "/config.json", "{}");
  put(cache, "models--org--net/snapshots/" COMMIT_B "/config.json", "{}");
  const char *a = testing_format("%s/models--org--net/snapshots/" COMMIT_A, cache);
  const char *b = testing_format("%s/models--org--net/snapshots/" COMMIT_B, cache);
  expect("org/net", a, COMMIT_A);
  expect("org/net@main", a, COMMIT_A);
  expect("org/net@" COMMIT_B, b, COMMIT_B);
  expect("org/net@89abcde", b, COMMIT_B); /* abbreviated as git does */
  expect_failure("org/net@89abc", DWELL_BAD_INPUT, "revision 89abc is not in the cache");
  expect_failure("org/net@step1", DWELL_BAD_INPUT, COMMIT_A);
}

static void test_branches_and_tags(void **state) {
  (void)state;
  const char *cache = fresh_cache("branches");
  put(cache, "models--pythia/refs/step1000", COMMIT_A);
  put(cache, "models--pythia/refs/refs/pr/3", COMMIT_B);
  put(cache, "models--pythia/snapshots/" COMMIT_A "/config.json", "{}");
  put(cache, "models--pythia/snapshots/" COMMIT_B "/config.json", "{}");
  expect("pythia@step1000", testing_format("%s/models--pythia/snapshots/" COMMIT_A, cache), COMMIT_A);
  expect("pythia@refs/pr/3", testing_format("%s/models--pythia/snapshots/" COMMIT_B, cache), COMMIT_B);
}

static void test_missing_ref(void **state) {
  (void)state;
  const char *cache = fresh_cache("missing-ref");
  put(cache, "models--one/snapshots/" COMMIT_A "/config.json", "{}");
  expect("one", testing_format("%s/models--one/snapshots/" COMMIT_A, cache), COMMIT_A);
  expect("one@main", testing_format("%s/models--one/snapshots/" COMMIT_A, cache), COMMIT_A);
  expect_failure("one@other", DWELL_BAD_INPUT, "revision other is not in the cache");
  put(cache, "models--one/snapshots/" COMMIT_B "/config.json", "{}");
  expect_failure("one", DWELL_BAD_INPUT, COMMIT_A);
  expect_failure("one", DWELL_BAD_INPUT, COMMIT_B);
  expect_failure("one", DWELL_BAD_INPUT, "Choose one: one@");
  put(cache, "models--none/refs/other", COMMIT_A);
  expect_failure("none", DWELL_BAD_INPUT, "snapshots here: none");
  expect_failure("none", DWELL_BAD_INPUT, "`dwell pull none` would download it");
  put(cache, "models--stale/refs/main", COMMIT_A);
  put(cache, "models--stale/snapshots/" COMMIT_B "/config.json", "{}");
  expect_failure("stale", DWELL_BAD_INPUT, "refs/main names " COMMIT_A);
}

static void test_hostile_ref(void **state) {
  (void)state;
  const char *cache = fresh_cache("hostile");
  put(cache, "secret/config.json", "{}");
  put(cache, "models--evil/refs/main", "../../secret");
  put(cache, "models--evil/snapshots/.keep", "");
  expect_failure("evil", DWELL_BAD_INPUT, "no refs/main");
  put(cache, "models--evil/snapshots/" COMMIT_A "/config.json", "{}");
  put(cache, "models--evil/snapshots/" COMMIT_B "/config.json", "{}");
  char flood[200001];
  memset(flood, 'f', sizeof flood - 1);
  flood[sizeof flood - 1] = '\0';
  const char *const refs[] = {"", "\n", "..", ".", "a/b", "-x", "\x1b[31m", "\xFF\xFE", flood};
  for (size_t i = 0; i < sizeof refs / sizeof refs[0]; i++) {
    put(cache, "models--evil/refs/main", refs[i]);
    expect_failure("evil", DWELL_BAD_INPUT, "no refs/main that says which snapshot to take");
    expect_failure("evil", DWELL_BAD_INPUT, "Choose one: evil@");
  }
  const char *ref = testing_format("%s/models--evil/refs/main", cache);
  assert_int_equal(remove(ref), 0);
  assert_int_equal(mkfifo(ref, 0600), 0);
  expect_failure("evil", DWELL_BAD_INPUT, "no refs/main");
  assert_int_equal(remove(ref), 0);
  assert_int_equal(mkdir(ref, 0700), 0);
  expect_failure("evil", DWELL_BAD_INPUT, "no refs/main");
}

/* Where there are no symbolic links the snapshots hold the files themselves, and there are no blobs. */
static void test_plain_files(void **state) {
  (void)state;
  const char *cache = fresh_cache("plain-files");
  put(cache, "models--m/refs/main", COMMIT_A);
  put(cache, "models--m/snapshots/" COMMIT_A "/config.json", "{}");
  put(cache, "models--m/snapshots/" COMMIT_A "/model.safetensors", "");
  expect("m", testing_format("%s/models--m/snapshots/" COMMIT_A, cache), COMMIT_A);
}

static void test_dangling_links(void **state) {
  (void)state;
  const char *cache = fresh_cache("links");
  put(cache, "models--m/blobs/abc", "{}");
  put(cache, "models--m/refs/main", COMMIT_A);
  put(cache, "models--m/snapshots/" COMMIT_A "/README.md", "");
  const char *folder = testing_format("%s/models--m/snapshots/" COMMIT_A, cache);
  assert_int_equal(symlink("../../blobs/abc", testing_format("%s/config.json", folder)), 0);
  assert_int_equal(symlink("../../blobs/none", testing_format("%s/pytorch_model.bin", folder)), 0);
  expect("m", folder, COMMIT_A); /* a link that nobody needs may dangle */
  expect(folder, folder, COMMIT_A);
  assert_int_equal(symlink("../../blobs/none", testing_format("%s/model.safetensors", folder)), 0);
  expect_failure("m", DWELL_BAD_INPUT, "model.safetensors: is a link to a blob that is missing");
  expect_failure("m", DWELL_BAD_INPUT, "`dwell pull m` would download it");
  expect_failure(folder, DWELL_BAD_INPUT, "model.safetensors: is a link to a blob that is missing");
}

/* `name` is the model of one file, `file`. */
static void expect_gguf(const char *name, const char *file, const char *opt_revision) {
  hub_place place;
  dwell_error err = {0};
  assert_ok(hub_find(name, &place, &err), &err);
  assert_non_null(place.file);
  assert_string_equal(place.file, file);
  if (opt_revision != NULL) assert_string_equal(place.revision, opt_revision);
  else assert_null(place.revision);
  hub_place_free(&place);
}

static void expect_no_gguf(const char *name) {
  hub_place place;
  dwell_error err = {0};
  assert_ok(hub_find(name, &place, &err), &err);
  assert_null(place.file);
  hub_place_free(&place);
}

/* Repositories of GGUF files: one of them is the model; of several one must be named; safetensors come first. */
static void test_gguf(void **state) {
  (void)state;
  const char *cache = fresh_cache("gguf");
  const char *folder = testing_format("%s/models--org--net/snapshots/" COMMIT_A, cache);
  const char *file = testing_format("%s/net.Q4_K.gguf", folder), *other = testing_format("%s/net.Q8_0.gguf", folder);
  put(cache, "models--org--net/blobs/abc", "GGUF");
  put(cache, "models--org--net/refs/main", COMMIT_A);
  put(folder, "README.md", "");
  assert_int_equal(symlink("../../blobs/abc", file), 0);
  expect_gguf("org/net", file, COMMIT_A);
  expect_gguf(folder, file, COMMIT_A);
  expect_gguf(file, file, COMMIT_A);
  put(folder, "config.json", "{}"); /* many have one, without weights beside it */
  expect_gguf("org/net", file, COMMIT_A);
  assert_int_equal(symlink("../../blobs/none", other), 0);
  expect_no_gguf("org/net");
  expect_gguf(file, file, COMMIT_A); /* the other one may dangle */
  expect_failure(other, DWELL_BAD_INPUT, "net.Q8_0.gguf: is a link to a blob that is missing");
  assert_int_equal(remove(file), 0);
  expect_failure("org/net", DWELL_BAD_INPUT, "net.Q8_0.gguf: is a link to a blob that is missing");
  expect_failure("org/net", DWELL_BAD_INPUT, "`dwell pull org/net --file net.Q8_0.gguf` would download it");
  expect_failure(folder, DWELL_BAD_INPUT, "net.Q8_0.gguf: is a link to a blob that is missing");
  put(folder, "model.safetensors", "");
  expect_no_gguf("org/net");
}

static void test_order_of_caches(void **state) {
  (void)state;
  testing_forget_surroundings();
  char root[PATH_MAX];
  snprintf(root, sizeof root, "%s/order", testing_folder());
  static const char *const places[] = {"home/.cache/huggingface/hub", "xdg/huggingface/hub", "hf/hub", "hub"};
  for (size_t i = 0; i < 4; i++)
    put(root, testing_format("%s/models--m/snapshots/%c/config.json", places[i], 'a' + (int)i), "{}");
  const char *home = getenv("HOME");
  char *kept = home ? strdup(home) : NULL;
  setenv("HOME", testing_format("%s/home", root), 1);
  expect("m", testing_format("%s/home/.cache/huggingface/hub/models--m/snapshots/a", root), "a");
  setenv("XDG_CACHE_HOME", testing_format("%s/xdg", root), 1);
  expect("m", testing_format("%s/xdg/huggingface/hub/models--m/snapshots/b", root), "b");
  setenv("HF_HOME", testing_format("%s/hf", root), 1);
  expect("m", testing_format("%s/hf/hub/models--m/snapshots/c", root), "c");
  setenv("HF_HUB_CACHE", "~/../hub", 1);
  expect("m", testing_format("%s/home/../hub/models--m/snapshots/d", root), "d");
  setenv("HF_HUB_CACHE", "", 1); /* empty is as unset */
  expect("m", testing_format("%s/hf/hub/models--m/snapshots/c", root), "c");
  if (kept) setenv("HOME", kept, 1);
  free(kept);
}

static void test_folder_first(void **state) {
  (void)state;
  fresh_cache("folder-first");
  const char *path = put(testing_folder(), "plain/config.json", "{}");
  expect(testing_format("%s/plain", testing_folder()), testing_format("%s/plain", testing_folder()), NULL);
  expect_failure(path, DWELL_USAGE, "is a file, a model is a folder");
  expect_failure("/nowhere/at/all", DWELL_BAD_INPUT, "no such folder");
  expect_failure("./nowhere", DWELL_BAD_INPUT, "no such folder");
  expect_failure("org/absent", DWELL_BAD_INPUT, "models--org--absent");
  expect_failure("org/absent@v1", DWELL_BAD_INPUT, "`dwell pull org/absent@v1` would download it");
}

static void test_names(void **state) {
  (void)state;
  fresh_cache("names");
  static const char *const bad[] = {
      "",       "a/b/c", "a@",          "@main",    "a//b",         "a b",         "a--b",
      "-a",     "a\nb",  "a/../b",      "a/..b",    "a@../x",       "a@x/../y",    "a@/x",
      "a@x//y", "a@.x",  "caf\xc3\xa9", "nursery:", "nursery:../x", "nursery:a/b", "nursery:.x"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) expect_failure(bad[i], DWELL_USAGE, "");
}

static void test_data(void **state) {
  (void)state;
  testing_forget_surroundings();
  char *path;
  dwell_error err = {0};
  assert_fails(hub_data("no/such", &path, &err), DWELL_BAD_INPUT, &err, "share/dwell/no/such");
  assert_fails(hub_data("no/such", &path, &err), DWELL_BAD_INPUT, &err, "/data/no/such"); /* the source tree */
  put(testing_folder(), "data/models/tiny/config.json", "{}");
  setenv("DWELL_DATA", testing_format("%s/data", testing_folder()), 1);
  assert_fails(hub_data("no/such", &path, &err), DWELL_BAD_INPUT, &err, testing_folder());
  assert_ok(hub_data("models/tiny", &path, &err), &err);
  assert_string_equal(path, testing_format("%s/data/models/tiny", testing_folder()));
  mem_free(path);
}

/* Every path below `folder`, with its size and time of change. */
static char *list_of(const char *folder) {
  const char *list = testing_format("%s/list", testing_folder());
  if (system(testing_format("find '%s' -printf '%%p %%s %%T@ %%C@\\n' | sort >'%s'", folder, list)) != 0)
    fail_msg("cannot list %s", folder);
  return testing_read(list, NULL);
}

/* Finding, and failing to find, must not write: the cache stays as it was, and one that cannot be written is fine. */
static void test_never_writes(void **state) {
  (void)state;
  const char *cache = fresh_cache("read-only");
  put(cache, "models--m/snapshots/" COMMIT_A "/config.json", "{}");
  const char *repository = testing_format("%s/models--m", cache);
  chmod(repository, 0555);
  char *before = list_of(cache);
  expect("m", testing_format("%s/snapshots/" COMMIT_A, repository), COMMIT_A);
  expect_failure("m@other", DWELL_BAD_INPUT, "revision other is not in the cache");
  expect_failure("org/absent", DWELL_BAD_INPUT, "models--org--absent");
  char *after = list_of(cache);
  assert_string_equal(before, after);
  assert_non_null(strstr(before, "config.json"));
  free(before), free(after);
  chmod(repository, 0777);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_ref_with_newline),
      cmocka_unit_test(test_branches_and_tags),
      cmocka_unit_test(test_missing_ref),
      cmocka_unit_test(test_hostile_ref),
      cmocka_unit_test(test_dangling_links),
      cmocka_unit_test(test_gguf),
      cmocka_unit_test(test_order_of_caches),
      cmocka_unit_test(test_folder_first),
      cmocka_unit_test(test_names),
      cmocka_unit_test(test_data),
      cmocka_unit_test(test_plain_files),
      cmocka_unit_test(test_never_writes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
