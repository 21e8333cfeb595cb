/* cli/export.c - dwell export: a run or a study for other tools: one long table, BibTeX, every drawing as SVG. */
#include <dwell/report.h>
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/study.h"
#include "file/jcursor.h"
#include "file/jwriter.h"
#include "report/pictures.h"
#include "report/study_page.h"
#include "study/finish.h"
#include "study/sources.h"
#include "study/tidy.h"
#include "study/work.h"

enum { PATH_SIZE = 4400, PAGE_MOST = 1 << 30, AT_ONCE = 1 << 22 };

typedef struct export {
  cli *c;
  const char *folder;
  atomic_file table;
  strbuf text; /* of the table, not yet written */
  source_list sources;
  size_t runs, pictures;
}
export;

static error_t parse(int key, char *arg, struct argp_state *state) {
  export *x = state->input;
  switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = state->child_inputs[1] = x->c; break;
    case ARGP_KEY_ARG:
      if (x->folder != NULL) cli_usage(state, "one run or study at a time");
      x->folder = arg;
      break;
    case ARGP_KEY_END:
      if (x->folder == NULL) cli_usage(state, "name the folder of a run or study");
      if (x->c->out == NULL) cli_usage(state, "name the folder to write to: -o DIR");
      break;
    default: return ARGP_ERR_UNKNOWN;
  }
  return 0;
}

static const struct argp_child children[] = {{&cli_argp_words, 0, NULL, 0}, {&cli_argp_output, 0, NULL, 0}, {0}};
static const char doc[] =
    "Write a run or a study for other tools: tidy.csv, a row per number with its null's mean, sd and p; "
    "references.bib, "
    "the papers it builds on; figures/*.svg, every drawing of its page; and report.html.\v"
    "Of a study the table has the numbers that claims are decided on, and all numbers of every unit whose run is "
    "there.\n\n"
    "Examples:\n"
    "  dwell export run -o run-export\n"
    "  dwell export study -o for-the-paper";

/* ---- files ---- */

static const char *path_of(const export *x, const char *name, char path[PATH_SIZE]) {
  snprintf(path, PATH_SIZE, "%.4000s/%s", x->c->out, name);
  return path;
}

static dwell_status flush_table(export *x, bool all, dwell_error *err) {
  if (x->text.failed) return error_no_memory(err, "the table");
  if (!all && x->text.length < AT_ONCE) return DWELL_OK;
  bool written = x->text.length == 0 || fwrite(x->text.data, 1, x->text.length, x->table.stream) == x->text.length;
  x->text.length = 0;
  return written ? DWELL_OK : error_system(err, DWELL_FAILED, "write", x->table.path);
}

/* The drawings of the export that is replaced: the new page may have others. */
static dwell_status remove_pictures(const export *x, dwell_error *err) {
  char path[PATH_SIZE], *page = NULL;
  size_t size;
  if (access(path_of(x, "tidy.csv", path), F_OK) != 0) return DWELL_OK;
  if (access(path_of(x, "report.html", path), F_OK) != 0) return DWELL_OK;
  dwell_status status = file_slurp(path, PAGE_MOST, &page, &size, err);
  if (status == DWELL_OK) status = pictures_remove(page, size, path_of(x, "figures", path), err);
  mem_free(page);
  return status;
}

/* The folder must not be there, be empty, or hold an earlier export that --force replaces. */
static dwell_status begin(export *x, dwell_error *err) {
  char path[PATH_SIZE];
  if (mkdir(x->c->out, 0777) != 0 && errno != EEXIST)
    return error_system(err, DWELL_FAILED, "make the folder", x->c->out);
  if (access(path_of(x, "tidy.csv", path), F_OK) == 0 && !x->c->force) {
    error_set(err, DWELL_USAGE, "holds an export already");
    error_in_file(err, x->c->out);
    return error_remedy(err, "Choose another -o, or --force"), DWELL_USAGE;
  }
  if (mkdir(path_of(x, "figures", path), 0777) != 0 && errno != EEXIST)
    return error_system(err, DWELL_FAILED, "make the folder", path);
  dwell_status status = remove_pictures(x, err);
  if (status == DWELL_OK) status = atomic_file_open(path_of(x, "tidy.csv", path), &x->table, err);
  if (status == DWELL_OK) tidy_header(&x->text);
  return status;
}

static dwell_status finish(export *x, dwell_error *err) {
  char path[PATH_SIZE], *page = NULL;
  size_t size;
  strbuf bib = {0};
  dwell_status status = DWELL_OK;
  TRY(flush_table(x, true, err));
  TRY(atomic_file_commit(&x->table, err));
  sources_bibtex(&x->sources, &bib);
  if (bib.failed) TRY(error_no_memory(err, "the papers"));
  TRY(atomic_file_write(path_of(x, "references.bib", path), bib.data != NULL ? bib.data : "", bib.length, err));
  TRY(file_slurp(path_of(x, "report.html", path), PAGE_MOST, &page, &size, err));
  TRY(pictures_write(page, size, path_of(x, "figures", path), &x->pictures, err));
done:
  mem_free(page);
  strbuf_free(&bib);
  return status;
}

/* ---- what is exported ---- */

static dwell_status add_run(export *x, const char *folder, const tidy_of *of, dwell_error *err) {
  dwell_run *run = NULL;
  dwell_status status = DWELL_OK;
  TRY(dwell_run_load(folder, &run, err));
  tidy_run(run, of, &x->text);
  TRY(flush_table(x, false, err));
  TRY(sources_of_run(&x->sources, run, err));
  x->runs++;
done:
  dwell_run_destroy(run);
  return status;
}

static dwell_status export_run(export *x, dwell_error *err) {
  char path[PATH_SIZE];
  dwell_run *run = NULL;
  tidy_of of = {.seed = NAN, .scale = NAN};
  json_t *manifest = NULL;
  dwell_status status = DWELL_OK;
  TRY(dwell_run_load(x->folder, &run, err));
  manifest = json_loads(dwell_run_manifest(run), JSON_ALLOW_NUL, NULL);
  of.model = json_string_value(json_object_get(json_object_get(manifest, "source"), "name"));
  TRY(begin(x, err));
  TRY(add_run(x, x->folder, &of, err));
  TRY(dwell_report_write(run, path_of(x, "report.html", path), err));
  TRY(finish(x, err));
done:
  json_decref(manifest);
  dwell_run_destroy(run);
  return status;
}

/* Units whose runs are there; a study that was shipped as tables has none. */
static dwell_status add_units(export *x, const study_plan *p, dwell_error *err) {
  char path[PATH_SIZE];
  study_units u = {0};
  dwell_status status = DWELL_OK;
  snprintf(path, sizeof path, "%.4000s/runs", x->folder);
  if (access(path, F_OK) != 0) return DWELL_OK;
  TRY(study_units_make(p, &u, err));
  for (size_t i = 0; i < u.count; i++) {
    const study_unit *unit = &u.units[i];
    const study_text *t = unit->text == SIZE_MAX ? NULL : &u.texts[unit->text];
    tidy_of of = {.model = u.subjects[unit->subject].label, .control = study_variant_name(unit->variant)};
    of.text = t != NULL ? t->name : NULL, of.text_class = t != NULL ? t->text_class : NULL;
    of.seed = unit->number > 0 ? (double)unit->number : NAN;
    of.scale = unit->variant == VARIANT_SCALED ? unit->scale : NAN;
    snprintf(path, sizeof path, "%.4000s/runs/%.200s/run.json", x->folder, unit->name);
    if (access(path, F_OK) != 0) continue;
    path[strlen(path) - strlen("/run.json")] = '\0';
    TRY(add_run(x, path, &of, err));
  }
done:
  study_units_free(&u);
  return status;
}

static dwell_status export_study(export *x, dwell_error *err) {
  char path[PATH_SIZE];
  const claim_thresholds t = claim_thresholds_default();
  study_plan plan = {0};
  numbers n = {0};
  verdicts found = {0};
  dwell_status status = DWELL_OK;
  TRY(study_load(x->folder, &plan, &n, err));
  TRY(study_decide(&plan, &n, &t, &found, err));
  TRY(begin(x, err));
  tidy_numbers(&n, &x->text);
  TRY(add_units(x, &plan, err));
  TRY(sources_of_study(&x->sources, &plan, err));
  TRY(study_save_verdicts(x->c->out, &plan, &found, NULL, err));
  TRY(study_page_write(&plan, &n, &found, path_of(x, "report.html", path), err));
  TRY(finish(x, err));
done:
  verdicts_free(&found);
  numbers_free(&n);
  study_plan_free(&plan);
  return status;
}

static void print_json(const export *x) {
  strbuf text = {0};
  jwriter w = jwriter_start(&text, 1);
  jwriter_object(&w);
  jwriter_put_string(&w, "folder", x->c->out);
  jwriter_put_int(&w, "runs", (int64_t)x->runs), jwriter_put_int(&w, "pictures", (int64_t)x->pictures);
  jwriter_close(&w);
  if (!text.failed) puts(text.data);
  strbuf_free(&text);
}

int cmd_export(int argc, char **argv, cli *c) {
  static const struct argp argp = {NULL, parse, "FOLDER", doc, children, NULL, NULL};
  export x = {.c = c};
  dwell_error err = {.offset = -1};
  argp_parse(&argp, argc, argv, 0, NULL, &x);
  bool study = cli_is_study(x.folder);
  dwell_status status = study ? export_study(&x, &err) : export_run(&x, &err);
  atomic_file_abort(&x.table);
  strbuf_free(&x.text);
  sources_free(&x.sources);
  if (status != DWELL_OK) return cli_fail(c, argv[0], &err);
  if (c->json) print_json(&x);
  else cli_say(c, "%s: the numbers of %zu run%s, %zu pictures.", c->out, x.runs, x.runs == 1 ? "" : "s", x.pictures);
  return DWELL_OK;
}
