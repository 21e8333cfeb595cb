/* cli/cli.h - what the commands share: common options, progress, errors, exit codes. Only cli/ prints and exits. */
#ifndef DWELL_CLI_CLI_H
#define DWELL_CLI_CLI_H

#include <argp.h>
#include <dwell/dwell.h>
#include <stdio.h>

#include "base/str.h"

typedef struct cli {
  dwell_context ctx;
  bool quiet, verbose, json, force;
  const char *out;   /* -o, or NULL */
  dwell_dtype dtype; /* 0: the command's default */
  strbuf command;    /* the command line as typed, quoted, for the manifest */
  double last_drawn; /* progress bar: when it was drawn last, and when its stage began */
  double stage_began;
  char stage[24];
  const char *unit; /* of the rate beside the bar, with a blank before it; NULL: none */
  char part[48];    /* before the stage: which of several texts; "" */
} cli;

/* One command: a file of its own, and a line in main.c. `argv[0]` is "dwell NAME". Returns the exit code. */
typedef struct cli_command {
  const char *name, *summary;
  int (*run)(int argc, char **argv, cli *c);
  bool computes; /* products and threads: worth a start with the right environment */
} cli_command;

int cmd_simulate(int argc, char **argv, cli *c);
int cmd_measure(int argc, char **argv, cli *c);
int cmd_compare(int argc, char **argv, cli *c);
int cmd_study(int argc, char **argv, cli *c);
int cmd_verdict(int argc, char **argv, cli *c);
int cmd_inspect(int argc, char **argv, cli *c);
int cmd_tokenize(int argc, char **argv, cli *c);
int cmd_export(int argc, char **argv, cli *c);
int cmd_report(int argc, char **argv, cli *c);
int cmd_pull(int argc, char **argv, cli *c);
int cmd_verify(int argc, char **argv, cli *c);
int cmd_figure(int argc, char **argv, cli *c);
int cmd_list(int argc, char **argv, cli *c);
int cmd_doctor(int argc, char **argv, cli *c);
int cmd_continue(int argc, char **argv, cli *c);

/* argp children; their input is the cli. */
extern const struct argp cli_argp_words;   /* -q -v --json */
extern const struct argp cli_argp_threads; /* -t */
extern const struct argp cli_argp_compute; /* -t --seed --memory --dtype */
extern const struct argp cli_argp_output;  /* -o --force */

/* Fills a cli from the environment and the command line, installs the interrupt handler. */
void cli_begin(cli *c, int argc, char **argv);
/* Checks that BLAS computes right on this machine (a few milliseconds): every computing command calls it first. */
dwell_status cli_selfcheck(dwell_error *err);
/* Prints the error on standard error and returns its exit code. */
int cli_fail(cli *c, const char *name, const dwell_error *err);
/* A line of words on standard error, unless -q. */
void cli_say(const cli *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A usage error (exit 2): what is wrong, then where the help is. Does not return. */
void cli_usage(struct argp_state *state, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Removes the progress bar from the terminal. */
void cli_clear(cli *c);

/* Option values: usage errors (exit 2) name the option and what it takes. */
size_t cli_size(struct argp_state *state, const char *option, const char *text, size_t low, size_t high);
double cli_real(struct argp_state *state, const char *option, const char *text, double low, double high);
/* Index of text among names (NULL-terminated); an unknown one is a usage error with the nearest. */
size_t cli_choice(struct argp_state *state, const char *option, const char *text, const char *const *names);

/* Options of measuring that simulate and measure share: an argp child whose input is a cli_measuring. */
typedef struct cli_measuring {
  dwell_measure_options options;
  bool report;
} cli_measuring;
extern const struct argp cli_argp_measuring;
void cli_measuring_begin(cli_measuring *m);

/* Options of what is run that measure and inspect share: an argp child whose input is a dwell_model_options, of which
 * an import uses the states only. */
extern const struct argp cli_argp_running;

/* Measures a source into the folder -o (also a report, if asked), says what it did and prints the table of states. */
dwell_status cli_measure_source(cli *c, dwell_source *source, const cli_measuring *m, const char *folder,
                                dwell_error *err);

/* Does `folder` hold a finished run? If it is of this source with these options, as its manifest says, this says so,
 * adds the report if it is asked for and was not made, and prints the manifest with --json. One of something else is
 * DWELL_USAGE. */
dwell_status cli_measured_before(cli *c, dwell_source *source, const cli_measuring *m, const char *folder,
                                 bool *ret_there, dwell_error *err);

/* The table of states of the first replica, thinned to about `most` rows, on standard output; says on standard error
 * what was left out. */
void cli_print_layers(const cli *c, const dwell_run *run, size_t most);
/* What an estimate of time measures: two states of what would be measured, with fewer tokens if there are many. */
typedef struct cli_sample {
  dwell_source *part, *wide, *whole; /* wide: the states of `part`, the tokens of `whole`; it may be `part` */
  bool is_model;                     /* forward passes take what the blocks take; an import's states are read */
  double block_elements;             /* weights of a block */
} cli_sample;
typedef struct cli_seconds {
  double forward, instruments, nulls;
  size_t tokens; /* of the sample; 0: none was measured */
} cli_seconds;
/* Runs and measures the sample. Fails as measuring does; then there is no estimate. */
dwell_status cli_estimate(const cli *c, const cli_sample *s, const dwell_measure_options *options,
                          cli_seconds *ret_seconds, dwell_error *err);

/* Best of several square products (order 512) on one thread, in GFLOP/s; wide: f64, else f32. Takes about 20 ms. */
double cli_speed(bool wide);
/* "84 MB" into text. */
const char *cli_bytes(uint64_t bytes, char text[24]);

#endif
