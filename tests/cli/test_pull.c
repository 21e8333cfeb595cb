/* dwell pull as a user sees it: exit codes, words, JSON; killed, interrupted and beside itself. */
#define _GNU_SOURCE
#include <jansson.h>
#include <limits.h>
#include <signal.h>
#include <sys/stat.h>

#include "hub/stage.h"
#include "util/hub_server.h"
#include "util/program.h"

enum { WEIGHTS = 2000000 };

static char weights[WEIGHTS], cache[PATH_MAX];
static hub_server *hub;
static server_file *model;

static bool stage(const char *name) {
  if (!server_useful()) return false;
  testing_forget_surroundings();
  hub = server_start();
  snprintf(cache, sizeof cache, "%s/%s", testing_folder(), name);
  setenv("HF_HUB_CACHE", cache, 1);
  setenv("HF_HOME", cache, 1);
  for (size_t i = 0; i < WEIGHTS; i++) weights[i] = (char)(i * i % 251 + i / 997);
  server_add(hub, "config.json", "{}", 2, false);
  server_add(hub, "tokenizer.json", "{}\n", 3, false);
  model = server_add(hub, "model.safetensors", weights, WEIGHTS, true);
  return true;
}

static const char *in_cache(const char *path) { return testing_format("%s/models--org--net/%s", cache, path); }
static const char *part(void) { return in_cache(testing_format("blobs/%s.incomplete", model->hash)); }

static void expect_whole(void) {
  size_t size;
  char *got = testing_read(in_cache("snapshots/" SERVER_COMMIT "/model.safetensors"), &size);
  assert_int_equal(size, WEIGHTS);
  assert_memory_equal(got, weights, WEIGHTS);
  free(got);
  assert_int_not_equal(access(part(), F_OK), 0);
}

static void words(void **state) {
  (void)state;
  if (!stage("words")) return;
  program_result r = assert_done("pull org/net");
  assert_string_equal(r.out, testing_format("%s\n", in_cache("snapshots/" SERVER_COMMIT)));
  assert_string_equal(r.words, "org/net at 0123456789ab: 3 files, 3 MB; 3 downloaded (3 MB), 0 here already\n");
  program_free(&r);
  r = assert_done("pull -q org/net --revision v2 --file tokenizer.json");
  assert_string_equal(r.out, testing_format("%s/tokenizer.json\n", in_cache("snapshots/" SERVER_COMMIT)));
  assert_string_equal(r.words, "");
  program_free(&r);
  r = program_run("tokenize org/net -p x"); /* found by its name, and no tokenizer */
  assert_non_null(strstr(r.words, in_cache("snapshots/" SERVER_COMMIT "/tokenizer.json")));
  program_free(&r);
  server_rule_add(hub, (server_rule){"/api/", 1, ACT_STATUS, 503, "Retry-After: 0\r\n"});
  r = assert_done("pull org/net");
  assert_non_null(strstr(r.words, "the hub is in trouble (HTTP 503); attempt 2 of 5 in 1 s\n"));
  program_free(&r);
}

/* https: a certificate that nobody vouches for is refused in words, at once. */
static void certificates(void **state) {
  (void)state;
  if (!stage("certificates")) return;
  const char *trust = testing_format("%s/certificate.pem", testing_folder());
  server_use_tls(hub, trust);
  assert_refused("pull org/net", 1, "the server's certificate is not trusted");
  assert_int_not_equal(access(in_cache("."), F_OK), 0);
  setenv("SSL_CERT_FILE", trust, 1);
  program_result r = assert_done("pull org/net");
  unsetenv("SSL_CERT_FILE");
  expect_whole();
  program_free(&r);
}

static void json(void **state) {
  (void)state;
  if (!stage("json")) return;
  program_result r = assert_done("pull org/net@main --json");
  json_t *all = json_loads(r.out, 0, NULL), *file = json_array_get(json_object_get(all, "files"), 1);
  assert_non_null(file);
  assert_string_equal(json_string_value(json_object_get(all, "repository")), "org/net");
  assert_string_equal(json_string_value(json_object_get(all, "revision")), "main");
  assert_string_equal(json_string_value(json_object_get(all, "commit")), SERVER_COMMIT);
  assert_string_equal(json_string_value(json_object_get(all, "folder")), in_cache("snapshots/" SERVER_COMMIT));
  assert_int_equal(json_array_size(json_object_get(all, "files")), 3);
  assert_string_equal(json_string_value(json_object_get(file, "file")), "model.safetensors");
  assert_int_equal(json_integer_value(json_object_get(file, "size")), WEIGHTS);
  assert_string_equal(json_string_value(json_object_get(file, "sha256")), model->hash);
  assert_string_equal(json_string_value(json_object_get(file, "checked")), "sha256");
  assert_true(json_is_true(json_object_get(file, "downloaded")));
  assert_int_equal(access(json_string_value(json_object_get(file, "path")), R_OK), 0);
  json_decref(all);
  program_free(&r);
}

static void refusals(void **state) {
  (void)state;
  if (!stage("refusals")) return;
  assert_refused("pull", 2, "name a model");
  assert_refused("pull a b", 2, "one model at a time");
  assert_refused("pull ../etc", 2, "name of a model");
  assert_refused("pull org/net --file ../x", 2, "not a path of a file");
  assert_refused("measure org/net -p x -o run", 3, "`dwell pull org/net` would download it");
  assert_refused("inspect org/net@v1", 3, "`dwell pull org/net@v1` would download it");
  server_rule_add(hub, (server_rule){"/api/", 1, ACT_STATUS, 404, NULL});
  assert_refused("pull org/net", 3, "no such repository or revision (HTTP 404)");
  server_rule_add(hub, (server_rule){"/cdn/", 1, ACT_GARBLE, 0, NULL});
  assert_refused("pull org/net", 3, "does not have the SHA-256");
  hub->file_count = 2;
  assert_refused("pull org/net", 4, "neither model.safetensors nor");
  setenv("HF_HUB_OFFLINE", "1", 1);
  assert_refused("pull org/net", 2, "offline mode is on");
  unsetenv("HF_HUB_OFFLINE");
  assert_refused("pull org/net -q --file big", 3, "org/net has no such file");
}

/* Sizes that no disk has: refused before a byte is asked for. */
static void no_room(void **state) {
  (void)state;
  if (!stage("no-room")) return;
  hub->list = testing_format("{\"sha\":\"" SERVER_COMMIT
                             "\",\"siblings\":[{\"rfilename\":\"config.json\",\"size\":2,\"blobId\":\"%s\"},{"
                             "\"rfilename\":\"model.safetensors\","
                             "\"size\":134,\"lfs\":{\"sha256\":\"%s\",\"size\":1125899906842624}}]}",
                             hub->files[0].hash, model->hash);
  assert_refused("pull org/net", 1, "the disk has room for");
  assert_int_equal(server_count(hub, "/resolve/"), 0);
}

/* A disk that fills meanwhile: a limit on the size of files stands in for it. */
static void full_disk(void **state) {
  (void)state;
  if (!stage("full")) return;
  const char *command = testing_format("ulimit -f 1000; \"$DWELL_PROGRAM\" pull org/net 2>'%s/said'", testing_folder());
  assert_int_equal(WEXITSTATUS(system(command)), 1);
  char *said = testing_read(testing_format("%s/said", testing_folder()), NULL);
  assert_non_null(strstr(said, "cannot write: File too large"));
  free(said);
  program_result r = assert_done("pull org/net");
  expect_whole();
  assert_true(server_count(hub, "range=") > 0);
  program_free(&r);
}

/* Starts `dwell pull org/net`, waits until `bytes` have arrived, and ends it with `signal`. */
static int pull_and_end(int64_t bytes, int number) {
  pid_t child = fork();
  if (child == 0) {
    if (freopen("/dev/null", "w", stderr) == NULL || freopen("/dev/null", "w", stdout) == NULL) _exit(99);
    execl(getenv("DWELL_PROGRAM"), "dwell", "pull", "org/net", NULL);
    _exit(99);
  }
  struct stat info = {0};
  for (int i = 0; i < 60000 && (stat(part(), &info) != 0 || info.st_size < bytes); i++) usleep(5000);
  int status;
  kill(child, number);
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void killed_and_interrupted(void **state) {
  (void)state;
  static const int64_t places[] = {1, 500000, 1234567};
  if (!stage("killed")) return;
  for (size_t i = 0; i < 3; i++) {
    server_rule_add(hub, (server_rule){"/cdn/", 1, ACT_STALL, i == 0 ? places[0] : places[i] - places[i - 1], NULL});
    int number = i % 2 == 0 ? SIGKILL : SIGINT;
    assert_int_equal(pull_and_end(places[i], number), number == SIGKILL ? 128 + SIGKILL : 7);
    assert_int_not_equal(access(in_cache("refs/main"), F_OK), 0);
  }
  program_result r = assert_done("pull org/net");
  program_free(&r);
  assert_int_equal(server_count(hub, "range=500000"), 2);
  assert_int_equal(server_count(hub, "range=1234567"), 2);
  expect_whole();
}

/* Two at once: each file is downloaded once. */
static void two_at_once(void **state) {
  (void)state;
  if (!stage("two")) return;
  const char *command =
      "\"$DWELL_PROGRAM\" pull -q org/net >/dev/null & \"$DWELL_PROGRAM\" pull -q org/net >/dev/null; a=$?; "
      "wait $! && exit $a";
  assert_int_equal(system(command), 0);
  assert_int_equal(server_count(hub, "/cdn/"), 1);
  expect_whole();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(words),
      cmocka_unit_test(certificates),
      cmocka_unit_test(json),
      cmocka_unit_test(refusals),
      cmocka_unit_test(no_room),
      cmocka_unit_test(full_disk),
      cmocka_unit_test(killed_and_interrupted),
      cmocka_unit_test(two_at_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
