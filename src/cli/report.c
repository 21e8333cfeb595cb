/* cli/report.c - dwell report: one self-contained page from a run or a study. */
#include <dwell/report.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/cli.h"
#include "report/study_page.h"
#include "run/run.h"
#include "study/finish.h"

typedef struct report {
  cli *c;
  const char *folder;
} report;

static error_t parse(int key, char *arg, struct argp_state *state) {
  report *r = state->input;
  switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = r->c; break;
    case 'o': r->c->out = arg; break;
    case ARGP_KEY_ARG:
      if (r->folder != NULL) cli_usage(state, "one run or study at a time");
      r->folder = arg;
      break;
    case ARGP_KEY_END:
      if (r->folder == NULL) cli_usage(state, "name the folder of a run or study");
      break;
    default: return ARGP_ERR_UNKNOWN;
  }
  return 0;
}

static const struct argp_option options[] = {
    {"output", 'o', "FILE.html", 0, "The page (default: report.html in the folder)", 10}, {0}};
static const struct argp_child children[] = {{&cli_argp_words, 0, NULL, 0}, {0}};
static const char doc[] =
    "Write one self-contained page with the pictures of a run or a study: no network, no other files.\v"
    "Examples:\n"
    "  dwell report run -o talk.html\n"
    "  dwell report study";

static bool is_study(const char *folder) {
  char path[4400];
  snprintf(path, sizeof path, "%s/plan.json", folder);
  return access(path, F_OK) == 0;
}

static dwell_status report_run(const report *r, const char *path, dwell_error *err) {
  dwell_run *run = NULL;
  dwell_status status = dwell_run_load(r->folder, &run, err);
  if (status == DWELL_OK) status = dwell_report_write(run, path, err);
  if (status == DWELL_OK && r->c->out == NULL) status = run_refresh_files(run, err);
  dwell_run_destroy(run);
  return status;
}

static dwell_status report_study(const report *r, const char *path, dwell_error *err) {
  const claim_thresholds t = claim_thresholds_default();
  study_plan plan = {0};
  numbers n = {0};
  verdicts found = {0};
  dwell_status status = DWELL_OK;
  TRY(study_load(r->folder, &plan, &n, err));
  TRY(study_decide(&plan, &n, &t, &found, err));
  TRY(study_page_write(&plan, &n, &found, path, err));
  if (r->c->out == NULL) TRY(study_page_refresh(r->folder, err));
done:
  verdicts_free(&found);
  numbers_free(&n);
  study_plan_free(&plan);
  return status;
}

int cmd_report(int argc, char **argv, cli *c) {
  static const struct argp argp = {options, parse, "FOLDER", doc, children, NULL, NULL};
  report r = {.c = c};
  dwell_error err = {.offset = -1};
  char path[4400];
  argp_parse(&argp, argc, argv, 0, NULL, &r);
  snprintf(path, sizeof path, "%s/report.html", r.folder);
  const char *page = c->out != NULL ? c->out : path;
  dwell_status status = is_study(r.folder) ? report_study(&r, page, &err) : report_run(&r, page, &err);
  if (status != DWELL_OK) return cli_fail(c, argv[0], &err);
  cli_say(c, "%s", page);
  return DWELL_OK;
}
