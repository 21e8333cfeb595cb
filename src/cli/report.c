/* cli/report.c - dwell report: one self-contained page from a run or a study. */
#include <dwell/report.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "cli/cli.h"
#include "cli/study.h"
#include "report/study_page.h"
#include "report/text.h"
#include "run/run.h"
#include "study/finish.h"
#include "study/verdicts.h"

enum { KEY_TEXT = 0x6200 };

typedef struct report {
  cli *c;
  const char *folder;
  bool text;
} report;

static error_t parse(int key, char *arg, struct argp_state *state) {
  report *r = state->input;
  switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = r->c; break;
    case 'o': r->c->out = arg; break;
    case KEY_TEXT: r->text = true; break;
    case ARGP_KEY_ARG:
      if (r->folder != NULL) cli_usage(state, "one run or study at a time");
      r->folder = arg;
      break;
    case ARGP_KEY_END:
      if (r->folder == NULL) cli_usage(state, "name the folder of a run or study");
      if (r->text && r->c->out != NULL) cli_usage(state, "--text goes to standard output: leave out -o");
      break;
    default: return ARGP_ERR_UNKNOWN;
  }
  return 0;
}

static const struct argp_option options[] = {
    {"output", 'o', "FILE.html", 0, "The page (default: report.html in the folder)", 10},
    {"text", KEY_TEXT, NULL, 0, "Draw curves and verdicts in the terminal, in Unicode blocks; no page", 10},
    {0}};
static const struct argp_child children[] = {{&cli_argp_words, 0, NULL, 0}, {0}};
static const char doc[] =
    "Write one self-contained page with the pictures of a run or a study: no network, no other files.\v"
    "Examples:\n"
    "  dwell report run -o talk.html\n"
    "  dwell report study\n"
    "  dwell report run --text | less";

static void print_text(strbuf *text) {
  if (!text->failed && text->length > 0) fwrite(text->data, 1, text->length, stdout);
  fflush(stdout);
  strbuf_free(text);
}

static dwell_status report_run(const report *r, const char *path, dwell_error *err) {
  dwell_run *run = NULL;
  strbuf text = {0};
  dwell_status status = dwell_run_load(r->folder, &run, err);
  if (status == DWELL_OK && r->text) status = report_text(run, cli_width(), &text, err);
  if (status == DWELL_OK && !r->text) status = dwell_report_write(run, path, err);
  if (status == DWELL_OK && !r->text && r->c->out == NULL) status = run_refresh_files(run, err);
  dwell_run_destroy(run);
  print_text(&text);
  return status;
}

static dwell_status report_study(const report *r, const char *path, dwell_error *err) {
  const claim_thresholds t = claim_thresholds_default();
  study_plan plan = {0};
  numbers n = {0};
  verdicts found = {0};
  strbuf text = {0};
  dwell_status status = DWELL_OK;
  TRY(study_load(r->folder, &plan, &n, err));
  TRY(study_decide(&plan, &n, &t, &found, err));
  if (r->text) {
    report_text_study(&plan, &found, cli_width(), &text);
    strbuf_putc(&text, '\n');
    verdicts_print(&found, cli_width(), false, &text);
    if (text.failed) status = error_no_memory(err, "the report");
    goto done;
  }
  TRY(study_page_write(&plan, &n, &found, path, err));
  if (r->c->out == NULL) TRY(study_page_refresh(r->folder, err));
done:
  print_text(&text);
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
  dwell_status status = cli_is_study(r.folder) ? report_study(&r, page, &err) : report_run(&r, page, &err);
  if (status != DWELL_OK) return cli_fail(c, argv[0], &err);
  if (!r.text) cli_say(c, "%s", page);
  return DWELL_OK;
}
