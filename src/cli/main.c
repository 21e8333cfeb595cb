/* cli/main.c - the program: finds the command and runs it. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/version.h"
#include "cli/cli.h"
#include "cli/ranks.h"
#include "linalg/gemm.h"
#include "linalg/vmath.h"

static const cli_command commands[] = {
    {"simulate", "integrate an idealised flow and measure it", cmd_simulate, true},
    {"measure", "run a checkpoint over a text, or read states, and measure every layer", cmd_measure, true},
    {"study", "models x texts x controls, decided claim by claim, in one report", cmd_study, true},
    {"verdict", "decide a study again from its table of numbers", cmd_verdict, false},
    {"inspect", "what is in a file, model or run; memory and time a measurement would take", cmd_inspect, true},
    {"compare", "two runs, number by number, the larger differences first", cmd_compare, false},
    {"tokenize", "ids and pieces of a text", cmd_tokenize, false},
    {"pull", "download a model from a Hugging Face hub into its usual cache", cmd_pull, false},
    {"report", "one self-contained page from a run or a study", cmd_report, false},
    {"export", "a run or a study for other tools: one long table, BibTeX, drawings as SVG", cmd_export, false},
    {"continue", "stationary states and their stability as beta or kappa changes", cmd_continue, true},
    {"verify", "the theory's statements: predicted, measured, tolerance, pass or fail", cmd_verify, true},
    {"figure", "a published figure of the theory, from scratch", cmd_figure, true},
    {"list", "the registries: flows, models, nursery, instruments, nulls, claims, theorems, ...", cmd_list, false},
    {"doctor", "this machine: instruction set, threads, BLAS and whether it computes right", cmd_doctor, true},
};
enum { COMMANDS = sizeof commands / sizeof commands[0] };

static void print_help(FILE *out) {
  fputs("dwell - a laboratory for metastability in transformers\n\nUsage: dwell COMMAND [OPTION...]\n\n", out);
  for (size_t i = 0; i < COMMANDS; i++) fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].summary);
  fputs(
      "\nExamples:\n"
      "  dwell simulate --flow sa --beta 9 --d 3 -o run        particles on the sphere freeze into clusters\n"
      "  dwell measure MODEL -p \"The sea was calm.\" -o run     a trained transformer, layer by layer\n"
      "  dwell report run                                      a page with the pictures\n"
      "\n`dwell COMMAND --help` explains a command; man pages: dwell(1).\n"
      "Exit codes: 0 done, 1 failed, 2 usage, 3 bad input, 4 unsupported, 5 memory, 6 check failed, 7 interrupted.\n",
      out);
}

static void print_version(void) {
  printf("dwell %s (%s)\n%s, %s, %s%s%s\n", version_number(), version_commit(), version_compiler(), vmath_isa(),
         gemm_library(), ranks_library() != NULL ? ", " : "", ranks_library() != NULL ? ranks_library() : "");
}

static int unknown(const char *name) {
  const char *names[COMMANDS];
  char shown[80];
  for (size_t i = 0; i < COMMANDS; i++) names[i] = commands[i].name;
  const char *near = str_nearest(name, names, COMMANDS);
  str_display(shown, sizeof shown, name, strlen(name));
  fprintf(stderr, "dwell: there is no command \"%s\".", shown);
  if (near != NULL) fprintf(stderr, " Did you mean \"%s\"?", near);
  fputs(" `dwell --help` lists them.\n", stderr);
  return DWELL_USAGE;
}

/* A closed standard stream would give its number to the next file opened, and words would go into a run. What stands
 * in for it fails when it is used, as a closed one does. */
static void open_streams(void) {
  for (int fd = 0; fd <= 2; fd++) {
    if (fcntl(fd, F_GETFD) != -1 || errno != EBADF) continue;
    if (open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd) abort();
  }
}

/* The exit code: output that did not arrive is a failure. A reader that has seen enough (`| head`) is told nothing. */
static int finish(const char *name, int code) {
  struct pollfd reader = {.fd = STDOUT_FILENO, .events = POLLOUT};
  bool arrived = !ferror(stdout);
  if (fflush(stdout) == 0 && arrived) return code;
  bool gone = poll(&reader, 1, 0) == 1 && (reader.revents & POLLERR) != 0;
  if (!gone) fprintf(stderr, "%s: cannot write to standard output; what was printed is not complete.\n", name);
  return code == DWELL_OK ? DWELL_FAILED : code;
}

/* Libraries read these variables while they are loaded, so the program starts once more with them (6 ms).
 * OpenBLAS on a CPU younger than itself may take kernels of the year 2004, six times slower in f64. GNU OpenMP lets a
 * thread that waits for others spin for 300,000 rounds, longer than a time slice: on a machine with other work it keeps
 * the CPU from the thread that it waits for, at every loop. 2000 rounds bridge what lies between two loops of ours. */
static void choose_environment(char **argv) {
  const char *kernels = gemm_better_kernels();
  bool spins = getenv("GOMP_SPINCOUNT") == NULL && getenv("OMP_WAIT_POLICY") == NULL;
  if (kernels == NULL && !spins) return;
  if (kernels != NULL && setenv("OPENBLAS_CORETYPE", kernels, 0) != 0) return;
  if (spins && setenv("GOMP_SPINCOUNT", "2000", 0) != 0) return;
  char path[4096];
  ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
  if (length <= 0) return;
  path[length] = '\0';
  execv(path, argv); /* returns only if it failed: then the program goes on as it was */
}

int main(int argc, char **argv) {
  mem_keep_freed();
  open_streams();
  if (argc < 2) {
    print_help(stderr);
    return DWELL_USAGE;
  }
  if (str_equal(argv[1], "--help") || str_equal(argv[1], "-h") || str_equal(argv[1], "help")) {
    print_help(stdout);
    return finish("dwell", DWELL_OK);
  }
  if (str_equal(argv[1], "--version") || str_equal(argv[1], "-V")) {
    print_version();
    return finish("dwell", DWELL_OK);
  }
  for (size_t i = 0; i < COMMANDS; i++) {
    if (!str_equal(argv[1], commands[i].name)) continue;
    char name[64];
    cli c;
    if (commands[i].computes) choose_environment(argv);
    cli_begin(&c, argc, argv);
    snprintf(name, sizeof name, "dwell %s", commands[i].name);
    argv[1] = name;
    int code = commands[i].run(argc - 1, argv + 1, &c);
    cli_clear(&c);
    strbuf_free(&c.command);
    return finish(name, code);
  }
  return unknown(argv[1]);
}
