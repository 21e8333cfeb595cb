/* cli/report.c - dwell report: one self-contained page from a run. */
#include <dwell/report.h>
#include <string.h>

#include "cli/cli.h"
#include "run/run.h"

typedef struct report {
  cli *c;
  const char *run;
} report;

static error_t parse(int key, char *arg, struct argp_state *state) {
  report *r = state->input;
  switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = r->c; break;
    case 'o': r->c->out = arg; break;
    case ARGP_KEY_ARG:
      if (r->run != NULL) cli_usage(state, "one run at a time");
      r->run = arg;
      break;
    case ARGP_KEY_END:
      if (r->run == NULL) cli_usage(state, "name a RUN directory");
      break;
    default: return ARGP_ERR_UNKNOWN;
  }
  return 0;
}

static const struct argp_option options[] = {
    {"output", 'o', "FILE.html", 0, "The page (default: report.html in the run's folder)", 10}, {0}};
static const struct argp_child children[] = {{&cli_argp_words, 0, NULL, 0}, {0}};
static const char doc[] =
    "Write one self-contained page with a run's pictures: no network, no other files.\v"
    "Example:\n  dwell report run -o talk.html";

int cmd_report(int argc, char **argv, cli *c) {
  static const struct argp argp = {options, parse, "RUN", doc, children, NULL, NULL};
  report r = {.c = c};
  dwell_error err = {.offset = -1};
  dwell_run *run = NULL;
  char path[4400];
  argp_parse(&argp, argc, argv, 0, NULL, &r);
  dwell_status status = dwell_run_load(r.run, &run, &err);
  if (status == DWELL_OK) {
    snprintf(path, sizeof path, "%s/report.html", r.run);
    status = dwell_report_write(run, c->out != NULL ? c->out : path, &err);
  }
  if (status == DWELL_OK && c->out == NULL) status = run_refresh_files(run, &err);
  dwell_run_destroy(run);
  if (status != DWELL_OK) return cli_fail(c, argv[0], &err);
  cli_say(c, "%s", c->out != NULL ? c->out : path);
  return DWELL_OK;
}
