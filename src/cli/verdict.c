/* cli/verdict.c - dwell verdict: decides a study again, from its table of numbers. */
#include "base/error.h"
#include "cli/cli.h"
#include "cli/study.h"
#include "report/study_page.h"
#include "study/finish.h"

enum { KEY_CLAIMS = 0x6100, KEY_TABLE };

typedef struct verdict {
  cli *c;
  const char *folder, *claims;
  bool table;
} verdict;

static error_t parse(int key, char *arg, struct argp_state *state) {
  verdict *v = state->input;
  switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = v->c; break;
    case KEY_CLAIMS: v->claims = arg; break;
    case KEY_TABLE: v->table = true; break;
    case 'o': v->c->out = arg; break;
    case ARGP_KEY_ARG:
      if (v->folder != NULL) cli_usage(state, "one study at a time");
      v->folder = arg;
      break;
    case ARGP_KEY_END:
      if (v->folder == NULL) cli_usage(state, "name the DIR of a study");
      break;
    default: return ARGP_ERR_UNKNOWN;
  }
  return 0;
}

static const struct argp_option options[] = {
    {"claims", KEY_CLAIMS, "FILE.json", 0, "Thresholds in place of dwell's own (of the form of data/claims.json)", 10},
    {"table", KEY_TABLE, NULL, 0, "Print the table alone: a line per model, a column per claim", 10},
    {"output", 'o', "FOLDER", 0, "Write verdicts.csv, verdicts.json and report.html there; it may be DIR", 10},
    {0}};
static const struct argp_child children[] = {{&cli_argp_words, 0, NULL, 0}, {0}};
static const char doc[] =
    "Decide a study again from its table of numbers; nothing is measured.\v"
    "Examples:\n"
    "  dwell verdict study\n"
    "  dwell verdict study --claims my-claims.json -o study";

static dwell_status save(const verdict *v, const study_plan *p, const numbers *n, const verdicts *found,
                         dwell_error *err) {
  char path[STUDY_PATH];
  dwell_status status = DWELL_OK;
  snprintf(path, sizeof path, "%.4000s/report.html", v->c->out);
  TRY(study_save_verdicts(v->c->out, p, found, v->claims, err));
  TRY(study_page_write(p, n, found, path, err));
done:
  return status;
}

int cmd_verdict(int argc, char **argv, cli *c) {
  static const struct argp argp = {options, parse, "DIR", doc, children, NULL, NULL};
  verdict v = {.c = c};
  dwell_error error = {.offset = -1}, *err = &error;
  study_plan plan = {0};
  numbers n = {0};
  verdicts found = {0};
  arena storage = {0};
  claim_thresholds t = claim_thresholds_default();
  dwell_status status = DWELL_OK;
  argp_parse(&argp, argc, argv, 0, NULL, &v);
  TRY(study_load(v.folder, &plan, &n, err));
  if (v.claims != NULL) TRY(claim_thresholds_read(v.claims, &storage, &t, err));
  TRY(study_decide(&plan, &n, &t, &found, err));
  if (c->out != NULL) TRY(save(&v, &plan, &n, &found, err));
  cli_print_verdicts(c, &plan, &found, v.claims, v.table);
done:
  verdicts_free(&found);
  numbers_free(&n);
  study_plan_free(&plan);
  arena_clear(&storage);
  return status == DWELL_OK ? DWELL_OK : cli_fail(c, argv[0], err);
}
