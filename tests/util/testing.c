/* tests/util/testing.c - what cmocka lacks. */
#define _GNU_SOURCE
#include "util/testing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What a user's shell or a batch system sets, and dwell, or what it calls, reads: not what the tests are about. */
__attribute__((constructor)) void testing_forget_surroundings(void) {
  static const char *const names[] = {"DWELL_DATA",
                                      "HF_ENDPOINT",
                                      "HF_HOME",
                                      "HF_HUB_CACHE",
                                      "HF_HUB_DISABLE_IMPLICIT_TOKEN",
                                      "HF_HUB_DOWNLOAD_TIMEOUT",
                                      "HF_HUB_OFFLINE",
                                      "HF_TOKEN",
                                      "HF_TOKEN_PATH",
                                      "HUGGINGFACE_HUB_CACHE",
                                      "HUGGING_FACE_HUB_TOKEN",
                                      "OMP_DYNAMIC",
                                      "OMP_NUM_THREADS",
                                      "OMP_THREAD_LIMIT",
                                      "SLURM_ARRAY_TASK_COUNT",
                                      "SLURM_ARRAY_TASK_ID",
                                      "SLURM_ARRAY_TASK_MIN",
                                      "SSL_CERT_FILE",
                                      "TRANSFORMERS_OFFLINE",
                                      "XDG_CACHE_HOME"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) unsetenv(names[i]);
}

void testing_near(double got, double expected, double relative, double absolute, const char *what, const char *file,
                  int line) {
  double allowed = absolute + relative * fabs(expected);
  if (fabs(got - expected) <= allowed) return;
  print_error("%s = %.17g, expected %.17g: off by %.3g, allowed %.3g\n", what, got, expected, fabs(got - expected),
              allowed);
  _fail(file, line);
}

static void print_status(dwell_status status, const dwell_error *err, const char *what) {
  char text[1600] = "";
  if (err != NULL) dwell_error_text(err, text, sizeof text);
  print_error("%s: %s: %s\n", what, dwell_status_name(status), text);
}

void testing_ok(dwell_status status, const dwell_error *err, const char *what, const char *file, int line) {
  if (status == DWELL_OK) return;
  print_status(status, err, what);
  _fail(file, line);
}

void testing_fails(dwell_status got, dwell_status expected, const dwell_error *err, const char *words, const char *what,
                   const char *file, int line) {
  char text[1600] = "";
  if (got != DWELL_OK) dwell_error_text(err, text, sizeof text); /* after a success err may never have been filled */
  if (got == expected && err->status == expected && strstr(text, words) != NULL) return;
  print_status(got, got != DWELL_OK ? err : NULL, what);
  print_error("expected: %s, with \"%s\"\n", dwell_status_name(expected), words);
  _fail(file, line);
}

const char *testing_format(const char *format, ...) {
  static char buffers[256][8192];
  static unsigned turn;
  char *buffer = buffers[turn++ % 256];
  va_list args;
  va_start(args, format);
  vsnprintf(buffer, sizeof buffers[0], format, args);
  va_end(args);
  return buffer;
}

const char *testing_source(const char *name) {
  const char *root = getenv("DWELL_SOURCE");
  return testing_format("%s/%s", root ? root : ".", name);
}

const char *testing_shared(const char *name) {
  const char *root = getenv("DWELL_SHARED");
  const char *path =
      root ? testing_format("%s/%s", root, name) : testing_format("%s/%s", testing_source("../shared"), name);
  return access(path, R_OK) == 0 ? path : NULL;
}

const char *testing_nursery(const char *name) {
  const char *path = testing_source(testing_format("data/models/%s", name));
  return access(path, R_OK) == 0 ? path : NULL;
}

const char *testing_trained(const char *name, const char *nursery) {
  const char *path = testing_shared(testing_format("models/%s", name));
  return path != NULL ? path : testing_nursery(nursery);
}

void testing_skip_absent(const char *name) {
  print_message("skipped: %s is not here (set DWELL_SHARED to the folder of real checkpoints)\n", name);
  skip();
}

static void library(void **state) {
  print_message("skipped: %s is not installed\n", (const char *)*state);
  skip();
}

int testing_without(const char *name) {
  char text[80];
  snprintf(text, sizeof text, "%s", name);
  const struct CMUnitTest tests[] = {cmocka_unit_test_prestate(library, text)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

static char folder[256];

static void remove_folder(void) {
  if (folder[0] == '\0') return;
  const char *command = testing_format("chmod -R u+w '%s' 2>/dev/null; rm -rf '%s'", folder, folder);
  if (system(command) != 0) print_error("could not remove %s\n", folder);
}

const char *testing_folder(void) {
  if (folder[0] != '\0') return folder;
  const char *base = getenv("TMPDIR");
  snprintf(folder, sizeof folder, "%s/dwell-test-XXXXXX", base ? base : "/tmp");
  if (mkdtemp(folder) == NULL) fail_msg("cannot make a folder below %s", base ? base : "/tmp");
  atexit(remove_folder);
  return folder;
}

const char *testing_write(const char *path, const void *data, size_t size) {
  FILE *stream = fopen(path, "wb");
  if (stream == NULL || fwrite(data, 1, size, stream) != size || fclose(stream) != 0) fail_msg("cannot write %s", path);
  return path;
}

char *testing_read(const char *path, size_t *opt_size) {
  FILE *stream = fopen(path, "rb");
  if (stream == NULL) fail_msg("cannot read %s", path);
  struct stat info;
  if (fstat(fileno(stream), &info) != 0) fail_msg("cannot stat %s", path);
  size_t size = (size_t)info.st_size;
  char *data = malloc(size + 1);
  if (data == NULL || fread(data, 1, size, stream) != size) fail_msg("cannot read %s", path);
  fclose(stream);
  data[size] = '\0';
  if (opt_size != NULL) *opt_size = size;
  return data;
}

void testing_wait_until_caught(long process, int number) {
  const char *path = testing_format("/proc/%ld/status", process);
  for (int i = 0; i < 60000; i++) {
    unsigned long long caught = 0;
    char line[256], state = '?';
    FILE *stream = fopen(path, "r");
    if (stream == NULL) return;
    while (fgets(line, sizeof line, stream) != NULL)
      if (sscanf(line, "State: %c", &state) != 1) sscanf(line, "SigCgt: %llx", &caught);
    fclose(stream);
    if (state == 'Z' || (caught >> (number - 1) & 1) != 0) return;
    usleep(1000);
  }
}
