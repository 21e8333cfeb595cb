/* tests/util/program.h - runs the command-line program and looks at what a user would see. */
#ifndef DWELL_TESTS_PROGRAM_H
#define DWELL_TESTS_PROGRAM_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "util/testing.h"

typedef struct program_result {
  int code;          /* exit code; 128 + signal if it was killed */
  char *out, *words; /* standard output and standard error; release with program_free */
} program_result;

static inline void program_free(program_result *r) {
  free(r->out);
  free(r->words);
}

/* `dwell ARGUMENTS`, read by the shell. */
static inline program_result program_run(const char *arguments) {
  const char *program = getenv("DWELL_PROGRAM"), *folder = testing_folder();
  if (program == NULL) fail_msg("DWELL_PROGRAM is not set: run the tests with meson test");
  const char *out = testing_format("%s/stdout", folder), *words = testing_format("%s/stderr", folder);
  const char *command = testing_format("'%s' %s >'%s' 2>'%s' </dev/null", program, arguments, out, words);
  int status = system(command);
  program_result r = {.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status)};
  r.out = testing_read(out, NULL);
  r.words = testing_read(words, NULL);
  return r;
}

/* ---- several processes ---- */

/* "mpirun -np COUNT", oversubscribed and as root: this is a test, not a cluster. Leaks are Open MPI's own. */
static inline const char *program_mpirun(int count) {
  return testing_format(
      "OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 ASAN_OPTIONS=detect_leaks=0 "
      "mpirun --oversubscribe --bind-to none -np %d",
      count);
}

static inline void program_need_mpi(void) {
  if (getenv("DWELL_RANKS_PROGRAM") != NULL) return;
  print_message("skipped: no MPI here (libopenmpi-dev, openmpi-bin): several processes are not tested\n");
  skip();
}

/* ---- what a call must do ---- */

/* The call must end with `code` and say `words` on standard error, in at most two lines (beside the line that announces
 * a measurement), with nothing on standard output. */
#define assert_refused(arguments, code, words) program_refused((arguments), (code), (words), __FILE__, __LINE__)
static inline void program_refused(const char *arguments, int code, const char *words, const char *file, int line) {
  program_result r = program_run(arguments);
  size_t lines = 0;
  for (const char *p = r.words; *p != '\0'; p++) lines += *p == '\n';
  bool right = r.code == code && strstr(r.words, words) != NULL && r.out[0] == '\0' && lines >= 1 && lines <= 3;
  if (!right) {
    print_error("dwell %s\n  exit %d (expected %d), expected words: \"%s\"\n  stderr: %s\n  stdout: %.200s\n",
                arguments, r.code, code, words, r.words, r.out);
  }
  program_free(&r);
  if (!right) _fail(file, line);
}

/* The call must end well. Release the result. */
#define assert_done(arguments) program_done((arguments), __FILE__, __LINE__)
static inline program_result program_done(const char *arguments, const char *file, int line) {
  program_result r = program_run(arguments);
  if (r.code == 0) return r;
  print_error("dwell %s\n  exit %d\n  stderr: %s\n", arguments, r.code, r.words);
  _fail(file, line);
  return r;
}

#endif
