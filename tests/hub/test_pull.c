/* pull: a model from a small hub on this machine into a fresh cache; what goes wrong on the way is put right or said.
 */
#define _GNU_SOURCE
#include "hub/pull.h"

#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hub/finding.h"
#include "hub/stage.h"
#include "util/hub_server.h"

enum { WEIGHTS = 300000, HALF = 150000 };

static const char *const beside[] = {"tokenizer.json", "vocab.txt"};
static char weights[WEIGHTS], cache[PATH_MAX], tokens[PATH_MAX];
static hub_server *hub;
static server_file *model;

#define REPOSITORY "models--org--net"

/* An empty cache, and a hub with one repository. False: there is no libcurl. */
static bool stage(const char *name) {
  if (!server_useful()) return false;
  testing_forget_surroundings();
  hub = server_start();
  snprintf(cache, sizeof cache, "%s/%s/hub", testing_folder(), name);
  snprintf(tokens, sizeof tokens, "%s/%s", testing_folder(), name);
  make_folders(tokens);
  setenv("HF_HOME", tokens, 1);
  for (size_t i = 0; i < WEIGHTS; i++) weights[i] = (char)(i * i % 251 + i / 997);
  server_add(hub, ".gitattributes", "*", 1, false);
  server_add(hub, "config.json", "{\"model_type\":\"x\"}", 18, false);
  server_add(hub, "README.md", "read me", 7, false);
  server_add(hub, "tokenizer.json", "{}\n", 3, false);
  model = server_add(hub, "model.safetensors", weights, WEIGHTS, true);
  return true;
}

/* ---- what a pull does ---- */

static dwell_status pull_with(const pull_options *more, const dwell_context *ctx, pull_result *ret, dwell_error *err) {
  pull_options options = *more;
  if (options.name == NULL) options.name = "org/net";
  options.beside = beside, options.beside_count = 2, options.pause_seconds = 0.001;
  return pull_model(ctx, &options, ret, err);
}

/* How many files were downloaded by a pull that must end well. */
static size_t pulled_by(pull_options options) {
  pull_result result;
  dwell_error err = {0};
  assert_ok(pull_with(&options, NULL, &result, &err), &err);
  size_t fetched = 0;
  for (size_t i = 0; i < result.count; i++) fetched += result.files[i].fetched;
  pull_result_free(&result);
  return fetched;
}

static void refused_by(pull_options options, dwell_status status, const char *words) {
  pull_result result;
  dwell_error err = {0};
  assert_fails(pull_with(&options, NULL, &result, &err), status, &err, words);
  pull_result_free(&result);
}

#define pulled(...) pulled_by((pull_options){__VA_ARGS__})
#define refused(status, words, ...) refused_by((pull_options){__VA_ARGS__}, (status), (words))

static const char *in_cache(const char *path) { return testing_format("%s/" REPOSITORY "/%s", cache, path); }
static const char *snapshot(const char *name) {
  return in_cache(testing_format("snapshots/" SERVER_COMMIT "/%s", name));
}
static const char *part(void) { return in_cache(testing_format("blobs/%s.incomplete", model->hash)); }
static bool exists(const char *path) { return access(path, F_OK) == 0; }

static void expect_file(const char *path, const char *data, size_t size) {
  size_t got;
  char *text = testing_read(path, &got);
  assert_int_equal(got, size);
  assert_memory_equal(text, data, size);
  free(text);
}

static void expect_whole(void) {
  expect_file(snapshot("model.safetensors"), weights, WEIGHTS);
  expect_file(snapshot("config.json"), "{\"model_type\":\"x\"}", 18);
  assert_false(exists(part()));
}

static void test_fresh(void **state) {
  (void)state;
  pull_result r;
  dwell_error err = {0};
  if (!stage("fresh")) return;
  assert_ok(pull_with(&(pull_options){0}, NULL, &r, &err), &err);
  assert_int_equal(r.count, 3);
  assert_string_equal(r.commit, SERVER_COMMIT);
  assert_string_equal(r.folder, in_cache("snapshots/" SERVER_COMMIT));
  assert_string_equal(r.files[0].name, "config.json");
  assert_string_equal(r.files[0].sha256, "a18d88103aed14896bb7fe7fcd444c789d47e4b7949da78ebe03604f24a829ce");
  assert_int_equal(r.files[0].check, FETCH_GIT);
  assert_string_equal(r.files[1].sha256, model->hash);
  assert_int_equal(r.files[1].check, FETCH_SHA256);
  pull_result_free(&r);
  expect_whole();
  char target[200] = "";
  assert_true(readlink(snapshot("model.safetensors"), target, sizeof target - 1) > 0);
  assert_string_equal(target, testing_format("../../blobs/%s", model->hash));
  expect_file(in_cache("refs/main"), SERVER_COMMIT, 40); /* no newline: others do not strip it */
  assert_false(exists(snapshot("README.md")));
  expect("org/net", in_cache("snapshots/" SERVER_COMMIT), SERVER_COMMIT);
  assert_int_equal(pulled(0), 0); /* the second time only the list is asked for */
  assert_int_equal(server_count(hub, "GET "), 1 + 2 + 2 + 1);
  assert_int_equal(pulled(.again = true), 3);
  expect_whole();
}

/* ---- names and revisions ---- */

static void test_revisions(void **state) {
  (void)state;
  if (!stage("revisions")) return;
  assert_int_equal(pulled(.name = "org/net@refs/pr/1"), 3);
  assert_int_equal(server_count(hub, "GET /api/models/org/net/revision/refs%2Fpr%2F1?blobs=true "), 1);
  expect_file(in_cache("refs/refs/pr/1"), SERVER_COMMIT, 40);
  assert_int_equal(pulled(.revision = "v1.0"), 0);
  expect_file(in_cache("refs/v1.0"), SERVER_COMMIT, 40);
  assert_int_equal(pulled(.name = "org/net@" SERVER_COMMIT), 0);
  assert_false(exists(in_cache("refs/" SERVER_COMMIT)));
  assert_false(exists(in_cache("refs/main")));
  assert_int_equal(pulled(.name = "net"), 3); /* a name without organisation */
  assert_int_equal(server_count(hub, "GET /api/models/net/revision/main?"), 1);
  expect_file(testing_format("%s/models--net/refs/main", cache), SERVER_COMMIT, 40);
  refused(DWELL_USAGE, "given twice", .name = "org/net@a", .revision = "b");
}

static void test_bad_names(void **state) {
  (void)state;
  if (!stage("bad-names")) return;
  static const char *const bad[] = {"", "a/b/c", "../x", "a/..", "org/net@../x", "org/net@", "a b", "/abs", "a--b/c"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) refused(DWELL_USAGE, "name of a model", .name = bad[i]);
  refused(DWELL_USAGE, "nursery come with dwell", .name = "nursery:gpt2-nursery");
  refused(DWELL_USAGE, "name of a model", .revision = "a/../../b");
  static const char *const paths[] = {"../../../etc/passwd", "/etc/passwd", "a/../b", "a//b", "", "a\nb", "a\\b", "."};
  for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
    refused(DWELL_USAGE, "not a path of a file", .files = &paths[i], .file_count = 1);
  assert_int_equal(server_count(hub, "/resolve/"), 0);
  assert_false(exists(cache)); /* nothing was made for them */
}

static void test_endpoint(void **state) {
  (void)state;
  if (!stage("endpoint")) return;
  setenv("HF_ENDPOINT", testing_format("http://127.0.0.1:%d/a/mirror//", hub->port), 1);
  assert_int_equal(pulled(0), 3);
  assert_int_equal(server_count(hub, "GET /a/mirror/api/models/org/net/revision/main?"), 1);
  assert_int_equal(server_count(hub, "GET /a/mirror/org/net/resolve/" SERVER_COMMIT "/config.json "), 1);
  static const char *const bad[] = {"ftp://127.0.0.1", "file:///etc", "http://user:word@127.0.0.1",
                                    "nonsense",        "http://",     "http://127.0.0.1/?a=b"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    setenv("HF_ENDPOINT", bad[i], 1);
    refused(DWELL_USAGE, "HF_ENDPOINT", 0);
  }
  setenv("HF_ENDPOINT", "http://127.0.0.1:1", 1); /* nobody listens */
  refused(DWELL_FAILED, "no connection", 0);
}

static void test_offline(void **state) {
  (void)state;
  if (!stage("offline")) return;
  setenv("HF_HUB_OFFLINE", "1", 1);
  refused(DWELL_USAGE, "offline mode is on (HF_HUB_OFFLINE", 0);
  setenv("HF_HUB_OFFLINE", "0", 1);
  setenv("TRANSFORMERS_OFFLINE", "YES", 1);
  refused(DWELL_USAGE, "offline mode is on", 0);
  assert_int_equal(server_count(hub, " "), 0);
}

/* ---- the token ---- */

static void test_token(void **state) {
  (void)state;
  if (!stage("token")) return;
  put(tokens, "token", "hf_FILE\n");
  assert_int_equal(pulled(0), 3);
  assert_int_equal(server_count(hub, "token=Bearer hf_FILE host=127.0.0.1"), 1 + 3);
  setenv("HF_TOKEN", " hf_SECRET\n", 1);
  server_forget(hub);
  assert_int_equal(pulled(.again = true), 3);
  assert_int_equal(server_count(hub, "token=Bearer hf_SECRET host=127.0.0.1"), 1 + 3);
  assert_int_equal(server_count(hub, "host=localhost"), 1); /* the redirect of the weights */
  assert_int_equal(server_count(hub, "token="), 1 + 3);     /* which the token does not follow */
  setenv("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1", 1);
  server_forget(hub);
  pulled(.again = true);
  assert_int_equal(server_count(hub, "token="), 0);
  unsetenv("HF_HUB_DISABLE_IMPLICIT_TOKEN");
  static const char *const bad[] = {"two words", "a\r\nX-Evil: 1", "caf\xc3\xa9"};
  for (size_t i = 0; i < 3; i++) {
    setenv("HF_TOKEN", bad[i], 1);
    refused(DWELL_USAGE, "HF_TOKEN: the token is not one word", 0);
  }
}

/* Another path of the same host keeps the token; another port or name loses it, also on the way back. */
static void test_token_and_redirects(void **state) {
  (void)state;
  if (!stage("token-redirects")) return;
  setenv("HF_TOKEN", "hf_SECRET", 1);
  server_rule_add(hub,
                  (server_rule){"/api/models/org/net/", 1, ACT_REDIRECT, 0, "/api/models/other/net/revision/main"});
  server_rule_add(hub, (server_rule){"/api/models/other/", 1, ACT_REDIRECT, 0,
                                     "http://localhost:%d/api/models/third/net/revision/main"});
  assert_int_equal(pulled(0), 3);
  assert_int_equal(server_count(hub, "/api/models/org/net/revision/main?blobs=true token=Bearer hf_SECRET"), 1);
  assert_int_equal(server_count(hub, "/api/models/other/net/revision/main token=Bearer hf_SECRET"), 1);
  assert_int_equal(server_count(hub, "/api/models/third/net/revision/main host=localhost"), 1);
  expect_whole();
}

static void test_redirects(void **state) {
  (void)state;
  if (!stage("redirects")) return;
  static const struct {
    const char *to, *words;
  } bad[] = {{"file:///etc/passwd", "to an address that is not followed"},
             {"ftp://127.0.0.1/x", "to an address that is not followed"},
             {"http://user:word@127.0.0.1:%d/x", "to an address that is not followed"},
             {"/api/models/org/net/again", "redirects too often"}};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    server_forget(hub);
    server_rule_add(hub, (server_rule){"/api/", 1000, ACT_REDIRECT, 0, bad[i].to});
    refused(DWELL_FAILED, bad[i].words, 0);
    assert_int_equal(server_count(hub, "GET "), i == 3 ? 1 + HTTP_MOST_REDIRECTS : 1);
  }
}

/* ---- answers ---- */

static void test_refusals(void **state) {
  (void)state;
  if (!stage("refusals")) return;
  static const struct {
    int code;
    const char *headers, *words;
  } cases[] = {
      {401, NULL, "no such repository, or it is private and no token was sent (HTTP 401)"},
      {401, "X-Error-Code: RepoNotFound\r\nX-Error-Message: Repository \x1b[31m not found\r\n", "Repository \\x1b[31m"},
      {403, "X-Error-Code: GatedRepo\r\n", "the repository is gated"},
      {404, NULL, "the hub has no such repository or revision (HTTP 404)"},
      {404, "X-Error-Code: RevisionNotFound\r\n", "the repository has no such revision"},
      {400, NULL, "the hub refuses the request (HTTP 400)"},
      {304, NULL, "the hub refuses the request (HTTP 304)"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    server_forget(hub);
    server_rule_add(hub, (server_rule){"/api/", 9, ACT_STATUS, cases[i].code, cases[i].headers});
    refused(DWELL_BAD_INPUT, cases[i].words, 0);
    assert_int_equal(server_count(hub, "GET "), 1); /* no second attempt */
  }
  setenv("HF_TOKEN", "hf_SECRET", 1);
  server_forget(hub);
  server_rule_add(hub, (server_rule){"/api/", 1, ACT_STATUS, 401, NULL});
  refused(DWELL_BAD_INPUT, "the token does not open this repository", 0);
  assert_false(exists(cache));
}

static void test_transient(void **state) {
  (void)state;
  if (!stage("transient")) return;
  static const int codes[] = {500, 502, 503, 504, 408, 429};
  for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
    server_forget(hub);
    server_rule_add(hub, (server_rule){"/api/", 2, ACT_STATUS, codes[i], NULL});
    server_rule_add(hub, (server_rule){"/cdn/", 1, ACT_STATUS, codes[i], NULL});
    assert_int_equal(pulled(.again = true), 3);
    assert_int_equal(server_count(hub, "/api/"), 3);
    assert_int_equal(server_count(hub, "/cdn/"), 2);
    expect_whole();
  }
  server_forget(hub);
  server_rule_add(hub, (server_rule){"/api/", 99, ACT_STATUS, 503, NULL});
  refused(DWELL_FAILED, "the hub is in trouble (HTTP 503)", 0);
  assert_int_equal(server_count(hub, "/api/"), HTTP_MOST_ATTEMPTS);
  server_forget(hub);
  server_rule_add(hub, (server_rule){"/api/", 99, ACT_STATUS, 429, "Retry-After: 3600\r\n"});
  refused(DWELL_FAILED, "asks to wait 3600 seconds", 0);
  assert_int_equal(server_count(hub, "/api/"), 1);
}

/* ---- parts ---- */

static void test_cut(void **state) {
  (void)state;
  if (!stage("cut")) return;
  server_rule_add(hub, (server_rule){"/cdn/", 2, ACT_CUT, 100000, NULL});
  assert_int_equal(pulled(0), 3);
  assert_int_equal(server_count(hub, "range="), 2 * 2); /* at the endpoint and at the storage */
  assert_int_equal(server_count(hub, " range=100000 host=localhost"), 1);
  assert_int_equal(server_count(hub, " range=200000 host=localhost"), 1);
  expect_whole();
  pulled(.again = true);
  expect_whole();
}

/* Half of it came by an earlier call. */
static void test_resumed(void **state) {
  (void)state;
  if (!stage("resumed")) return;
  server_rule_add(hub, (server_rule){"/cdn/", HTTP_MOST_ATTEMPTS, ACT_CUT, 30000, NULL});
  refused(DWELL_FAILED, "the connection was cut", 0);
  expect_file(part(), weights, 150000);
  assert_false(exists(snapshot("config.json"))); /* nothing that looks like a model */
  assert_false(exists(in_cache("refs/main")));
  server_forget(hub);
  assert_int_equal(pulled(0), 2);
  assert_int_equal(server_count(hub, "range=150000"), 2);
  assert_int_equal(server_count(hub, "/config.json"), 0);
  expect_whole();
}

static void leave_part(const char *data, size_t size) {
  make_folders(in_cache("blobs"));
  testing_write(part(), data, size);
}

static void test_parts(void **state) {
  (void)state;
  static const struct {
    const char *name;
    size_t size;
    bool wrong;
    server_act act; /* ACT_STATUS: the server behaves */
    const char *log;
    size_t requests; /* for the weights */
  } cases[] = {
      {"ignores-range", HALF, false, ACT_NO_RANGE, "range=150000", 1},
      {"other-range", HALF, false, ACT_OTHER_RANGE, "range=150000", 2},
      {"wrong-part", HALF, true, ACT_STATUS, "range=150000", 2},
      {"whole-part", WEIGHTS, false, ACT_STATUS, "/api/", 0},
      {"wrong-whole-part", WEIGHTS, true, ACT_STATUS, "/api/", 1},
      {"long-part", WEIGHTS + 5, false, ACT_STATUS, "/cdn/", 1},
      {"one-byte-missing", WEIGHTS - 1, false, ACT_STATUS, "range=299999", 1},
      {"empty-part", 0, false, ACT_STATUS, "/cdn/", 1},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    if (!stage(testing_format("parts-%s", cases[i].name))) return;
    static char bytes[WEIGHTS + 5];
    memcpy(bytes, weights, WEIGHTS);
    if (cases[i].wrong) bytes[1000] ^= 4;
    leave_part(bytes, cases[i].size);
    if (cases[i].act != ACT_STATUS) server_rule_add(hub, (server_rule){"/cdn/", 1, cases[i].act, 0, NULL});
    print_message("%s\n", cases[i].name);
    assert_int_equal(pulled(0), 3);
    assert_true(server_count(hub, cases[i].log) > 0);
    assert_int_equal(server_count(hub, "/cdn/"), cases[i].requests);
    expect_whole();
  }
}

static void test_nothing_beyond(void **state) {
  (void)state;
  if (!stage("416")) return;
  leave_part(weights, HALF);
  server_rule_add(hub, (server_rule){"/cdn/", 1, ACT_STATUS, 416, NULL});
  assert_int_equal(pulled(0), 3);
  expect_whole();
}

/* ---- what is sent is wrong ---- */

static void test_wrong_contents(void **state) {
  (void)state;
  if (!stage("wrong-contents")) return;
  server_rule_add(hub, (server_rule){"/cdn/", 1, ACT_GARBLE, 0, NULL});
  refused(DWELL_BAD_INPUT, "does not have the SHA-256 that the hub states", 0);
  assert_false(exists(part())); /* dropped */
  assert_false(exists(in_cache(testing_format("blobs/%s", model->hash))));
  server_rule_add(hub, (server_rule){"/cdn/", 1, ACT_LONGER, 0, NULL});
  refused(DWELL_BAD_INPUT, "another size than the 300000 bytes", 0);
  server_rule_add(hub, (server_rule){"/cdn/", 1, ACT_UNBOUNDED, 0, NULL});
  refused(DWELL_BAD_INPUT, "another size than the 300000 bytes", 0);
  assert_false(exists(part()));
  server_rule_add(hub, (server_rule){"tokenizer.json", 1, ACT_GARBLE, 0, NULL});
  refused(DWELL_BAD_INPUT, "does not have the git blob id", 0);
  assert_int_equal(pulled(0), 1);
  expect_whole();
  server_forget(hub);
  server_rule_add(hub, (server_rule){"/cdn/", 3, ACT_SHORT, 100000, NULL}); /* an end that looks like one */
  assert_int_equal(pulled(.again = true), 3);
  expect_whole();
  server_rule_add(hub, (server_rule){"/cdn/", 99, ACT_SHORT, 0, NULL});
  refused(DWELL_FAILED, "the server ends after 0 of 300000 bytes", .again = true);
  expect_whole(); /* the old one is still there */
}

static void test_changed_meanwhile(void **state) {
  (void)state;
  if (!stage("changed")) return;
  leave_part(weights, HALF);
  static const char other[] = "\"1111111111111111111111111111111111111111111111111111111111111111\"";
  server_rule_add(hub, (server_rule){"model.safetensors", 1, ACT_ETAG, 0, other});
  refused(DWELL_BAD_INPUT, "not the one of its list any more", 0);
  expect_file(part(), weights, HALF); /* named by its hash, so it may still be of use */
  server_rule_add(hub, (server_rule){"config.json", 1, ACT_ETAG, 0, "\"1111111111111111111111111111111111111111\""});
  refused(DWELL_BAD_INPUT, "not the one of its list any more", .again = true);
}

static void test_bad_lists(void **state) {
  (void)state;
  static const char *const bad[][2] = {
      {"<html>", "byte 0"},
      {"", "the hub's answer"},
      {"{}", "not one \"sha\" and one \"siblings\""},
      {"{\"sha\":\"../../x\",\"siblings\":[]}", "a hash has not the right form"},
      {"{\"sha\":\"" SERVER_COMMIT "\",\"siblings\":[{\"rfilename\":\"config.json\",\"size\":-1}]}", "byte"},
      {"{\"sha\":\"" SERVER_COMMIT "\",\"siblings\":[{\"rfilename\":\"../config.json\",\"size\":1,\"blobId\":null}]}",
       "neither model.safetensors nor"},
  };
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    if (!stage("bad-lists")) return;
    hub->list = bad[i][0];
    refused(i == 5 ? DWELL_UNSUPPORTED : DWELL_BAD_INPUT, bad[i][1], 0);
    assert_false(exists(cache));
  }
}

/* ---- which files ---- */

static const char index_text[] =
    "{\"metadata\":{},\"weight_map\":{\"a\":\"model-1.safetensors\",\"b\":\"model-2.safetensors\",\"c\":\"model-1."
    "safetensors\"}}";

static void stage_shards(const char *index, bool second) {
  hub->file_count = 0;
  server_add(hub, "config.json", "{}", 2, false);
  server_add(hub, "model-1.safetensors", weights, 1000, true);
  server_add(hub, "model.safetensors.index.json", index, strlen(index), false);
  if (second) server_add(hub, "model-2.safetensors", weights + 1000, 2000, true);
  server_add(hub, "model-3.safetensors", weights + 1000, 200, true);
}

static void test_shards(void **state) {
  (void)state;
  if (!stage("shards")) return;
  stage_shards(index_text, true);
  assert_int_equal(pulled(0), 4);
  expect_file(snapshot("model-1.safetensors"), weights, 1000);
  expect_file(snapshot("model-2.safetensors"), weights + 1000, 2000);
  assert_false(exists(snapshot("model-3.safetensors")));
  if (!stage("shards-missing")) return;
  stage_shards(index_text, false);
  refused(DWELL_BAD_INPUT, "model-2.safetensors: the index names this shard", 0);
  if (!stage("shards-hostile")) return;
  stage_shards("{\"weight_map\":{\"a\":\"../../../x\"}}", true);
  refused(DWELL_BAD_INPUT, "a shard must be a file of the same folder", 0);
}

static void test_other_weights(void **state) {
  (void)state;
  if (!stage("other-weights")) return;
  hub->file_count = 0;
  server_add(hub, "config.json", "{}", 2, false);
  refused(DWELL_UNSUPPORTED, "neither model.safetensors nor model.safetensors.index.json", 0);
  server_add(hub, "pytorch_model.bin", "pickle", 6, true);
  refused(DWELL_UNSUPPORTED, "PyTorch pickle only (pytorch_model.bin)", 0);
  refused(DWELL_UNSUPPORTED, "AutoModel.from_pretrained(\"org/net\")", 0);
  server_add(hub, "sub/net q4.gguf", "GGUF", 4, true);
  refused(DWELL_UNSUPPORTED, "dwell pull org/net --file sub/net q4.gguf", 0);
  assert_int_equal(server_count(hub, "/resolve/"), 0);
  const char *const files[] = {"sub/net q4.gguf", "config.json", "config.json"};
  assert_int_equal(pulled(.files = files, .file_count = 3), 2);
  assert_int_equal(server_count(hub, "/sub/net%20q4.gguf "), 1);
  expect_file(snapshot("sub/net q4.gguf"), "GGUF", 4); /* through a link that climbs one folder more */
  const char *const absent[] = {"none.gguf"};
  refused(DWELL_BAD_INPUT, "none.gguf: org/net has no such file", .files = absent, .file_count = 1);
  server_add(hub, "model.safetensors", "x", 1, true);
  hub->files[0].name = "other.json";
  refused(DWELL_UNSUPPORTED, "has no config.json", 0);
}

/* A mirror whose list has names only: sizes and hashes come from the headers of the files. */
static void test_list_without_hashes(void **state) {
  (void)state;
  if (!stage("no-hashes")) return;
  hub->no_hashes = true;
  assert_int_equal(pulled(0), 3);
  assert_int_equal(server_count(hub, "HEAD "), 3);
  assert_int_equal(server_count(hub, "HEAD /cdn/"), 0);
  expect_whole();
  server_rule_add(hub, (server_rule){"config.json", 9, ACT_ETAG, 0, "\"../../etc/passwd\""});
  refused(DWELL_BAD_INPUT, "does not say how large this file is, or which one", 0);
  server_forget(hub);
  server_rule_add(hub, (server_rule){"config.json", 9, ACT_ETAG, 0, "\"d41d8cd98f-2\""}); /* some other kind of etag */
  assert_int_equal(pulled(0), 1);
  expect_file(in_cache("blobs/d41d8cd98f-2"), "{\"model_type\":\"x\"}", 18);
}

/* ---- caches that others made ---- */

static void test_staged_by_hand(void **state) {
  (void)state;
  if (!stage("by-hand")) return;
  put(in_cache("snapshots/" SERVER_COMMIT), "config.json", "{\"model_type\":\"x\"}");
  put(in_cache("snapshots/" SERVER_COMMIT), "tokenizer.json", "!!\n");
  assert_int_equal(symlink("../../blobs/none", snapshot("model.safetensors")), 0);
  assert_int_equal(pulled(0), 2); /* the plain file with the right contents is kept */
  struct stat info;
  assert_true(lstat(snapshot("config.json"), &info) == 0 && S_ISREG(info.st_mode));
  expect_file(snapshot("tokenizer.json"), "{}\n", 3);
  expect_whole();
  testing_write(in_cache(testing_format("blobs/%s", model->hash)), "short", 5);
  assert_int_equal(pulled(0), 1);
  expect_whole();
}

/* ---- over TLS ---- */

static const char *trust;

static bool stage_tls(const char *name) {
  if (!stage(name)) return false;
  trust = testing_format("%s/certificate.pem", tokens);
  server_use_tls(hub, trust);
  return true;
}

/* Nothing was asked, and nothing is there. */
static void expect_nothing(void) {
  assert_string_equal(hub->log, "");
  assert_false(exists(in_cache("refs")));
  assert_false(exists(in_cache("snapshots")));
  assert_false(exists(in_cache("blobs")));
}

static void test_tls(void **state) {
  (void)state;
  if (!stage_tls("tls")) return;
  setenv("SSL_CERT_FILE", trust, 1);
  setenv("HF_TOKEN", "hf_secret", 1);
  assert_int_equal(pulled(0), 3);
  expect_whole();
  assert_int_equal(server_count(hub, "token=Bearer hf_secret host=localhost"), 5); /* the list, 3 files, a redirect */
}

static void test_tls_not_trusted(void **state) {
  (void)state;
  if (!stage_tls("tls-not-trusted")) return;
  refused(DWELL_FAILED, "the server's certificate is not trusted", 0);
  expect_nothing();
  setenv("SSL_CERT_FILE", testing_format("%s/none.pem", tokens), 1);
  refused(DWELL_FAILED, "the server's certificate is not trusted", 0);
  expect_nothing();
  setenv("SSL_CERT_FILE", trust, 1); /* a certificate of localhost, by another name of this machine */
  setenv("HF_ENDPOINT", testing_format("https://127.0.0.1:%d", hub->port), 1);
  refused(DWELL_FAILED, "the server's certificate is not trusted", 0);
  expect_nothing();
}

static void test_tls_left(void **state) {
  (void)state;
  if (!stage_tls("tls-left")) return;
  setenv("SSL_CERT_FILE", trust, 1);
  server_rule_add(hub, (server_rule){"config.json", 1, ACT_REDIRECT, 0, "http://localhost:%d/elsewhere"});
  refused(DWELL_FAILED, "from https to http, which is not followed", 0);
  assert_false(exists(in_cache("refs/main")));
}

/* ---- interrupts ---- */

static int stop_after;
static int interrupted(void *self) {
  (void)self;
  return stop_after > 0 && --stop_after == 0 ? 1 : stop_after == 0;
}

static void test_interrupted(void **state) {
  (void)state;
  if (!stage("interrupted")) return;
  dwell_context ctx = {.interrupted = interrupted};
  bool done = false;
  for (int k = 1; !done; k++) { /* at every place where it is asked */
    pull_result r;
    dwell_error err = {0};
    stop_after = k;
    dwell_status status = pull_with(&(pull_options){0}, &ctx, &r, &err);
    pull_result_free(&r);
    done = status == DWELL_OK;
    if (!done) assert_int_equal(status, DWELL_INTERRUPTED);
    if (!done) assert_false(exists(in_cache("refs/main")));
  }
  expect_whole();
}

static void test_stalled(void **state) {
  (void)state;
  if (!stage("stalled")) return;
  setenv("HF_HUB_DOWNLOAD_TIMEOUT", "3", 1); /* the second time the hub has so long to answer, on a busy machine too */
  server_rule_add(hub, (server_rule){"/cdn/", 1, ACT_STALL, HALF, NULL});
  assert_int_equal(pulled(0), 3);
  assert_int_equal(server_count(hub, "/cdn/"), 2);
  assert_int_equal(server_count(hub, "range=150000"), 2);
  expect_whole();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_fresh),
      cmocka_unit_test(test_revisions),
      cmocka_unit_test(test_bad_names),
      cmocka_unit_test(test_endpoint),
      cmocka_unit_test(test_offline),
      cmocka_unit_test(test_token),
      cmocka_unit_test(test_token_and_redirects),
      cmocka_unit_test(test_redirects),
      cmocka_unit_test(test_refusals),
      cmocka_unit_test(test_transient),
      cmocka_unit_test(test_cut),
      cmocka_unit_test(test_resumed),
      cmocka_unit_test(test_parts),
      cmocka_unit_test(test_nothing_beyond),
      cmocka_unit_test(test_wrong_contents),
      cmocka_unit_test(test_changed_meanwhile),
      cmocka_unit_test(test_bad_lists),
      cmocka_unit_test(test_shards),
      cmocka_unit_test(test_other_weights),
      cmocka_unit_test(test_list_without_hashes),
      cmocka_unit_test(test_staged_by_hand),
      cmocka_unit_test(test_tls),
      cmocka_unit_test(test_tls_not_trusted),
      cmocka_unit_test(test_tls_left),
      cmocka_unit_test(test_interrupted),
      cmocka_unit_test(test_stalled),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
