/* cli/figure.c - dwell figure: a published figure, from scratch. */
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/cli.h"
#include "figure/figure.h"
#include "file/jwriter.h"

enum { KEY_QUICK = 256, KEY_MODEL, PATH_SIZE = 4400 };

typedef struct ask {
  cli *c;
  const char *name;
  figure_sheet sheet;
} ask;

static const struct argp_option options[] = {
    {"quick", KEY_QUICK, NULL, 0, "A reduced size, in seconds: the same picture, coarser", 0},
    {"model", KEY_MODEL, "MODEL", 0, "The trained model, of figures that need one", 0},
    {"output", 'o', "FILE", 0,
     "FILE.svg, FILE.html or FILE.npz: that one; any other name: all three, with these endings (default: the figure's "
     "name)",
     10},
    {"force", 'f', NULL, 0, "Write over files that are there", 10},
    {0}};

static error_t parse(int key, char *arg, struct argp_state *state) {
  ask *a = state->input;
  switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = state->child_inputs[1] = a->c; break;
    case KEY_QUICK: a->sheet.quick = true; break;
    case KEY_MODEL: a->sheet.model = arg; break;
    case 'o': a->c->out = arg; break;
    case 'f': a->c->force = true; break;
    case ARGP_KEY_ARG:
      if (a->name != NULL) cli_usage(state, "one figure at a time");
      a->name = arg;
      break;
    case ARGP_KEY_END:
      if (a->name == NULL) cli_usage(state, "name a figure; `dwell list figures` prints them");
      break;
    default: return ARGP_ERR_UNKNOWN;
  }
  return 0;
}

static const struct argp_child children[] = {{&cli_argp_threads, 0, NULL, 0}, {&cli_argp_words, 0, NULL, 0}, {0}};
static const char doc[] =
    "Make a published figure of the theory, or an experiment, from scratch: a drawing, a page that says what is shown "
    "and "
    "what the original did, and the numbers. `dwell list figures` prints the names.\v"
    "The numbers that the theory gives for a figure are checked; exit code 6 if one is missed.\n"
    "Examples:\n"
    "  dwell figure phase-diagram --quick\n"
    "  dwell figure staircase -o staircase.svg";

/* ---- names ---- */

static dwell_status find(const char *name, const figure **ret_figure, dwell_error *err) {
  enum { MOST = 64 };
  const char *names[MOST];
  size_t count;
  const figure *const *all = figure_registry(&count);
  for (size_t i = 0; i < count && i < MOST; i++) names[i] = all[i]->name;
  *ret_figure = figure_find(name);
  if (*ret_figure != NULL) return DWELL_OK;
  char shown[80];
  str_display(shown, sizeof shown, name, strlen(name));
  const char *near = str_nearest(name, names, count);
  error_set(err, DWELL_USAGE, "there is no figure \"%s\"", shown);
  return near != NULL ? error_remedy(err, "Did you mean \"%s\"? `dwell list figures` prints all", near)
                      : error_remedy(err, "`dwell list figures` prints all");
}

enum { KINDS = 3 };
static const char *const endings[KINDS] = {".svg", ".html", ".npz"};

/* Which files are to be written: paths[k] is empty where kind k is not wanted. */
static dwell_status choose_paths(const ask *a, char paths[KINDS][PATH_SIZE], dwell_error *err) {
  const char *out = a->c->out != NULL ? a->c->out : a->name;
  bool one = false;
  if (out[0] == '\0' || strlen(out) >= PATH_SIZE - 16)
    return error_set(err, DWELL_USAGE, "-o takes the name of a file");
  for (int k = 0; k < KINDS; k++) one |= str_ends(out, endings[k]);
  for (int k = 0; k < KINDS; k++) {
    bool wanted = !one || str_ends(out, endings[k]);
    snprintf(paths[k], PATH_SIZE, "%s%s", wanted ? out : "", wanted && !one ? endings[k] : "");
  }
  return DWELL_OK;
}

/* A folder that cannot be written to is better known before than after the work. */
static dwell_status check_folder(const char *path, dwell_error *err) {
  const char *slash = strrchr(path, '/');
  strbuf folder = {0};
  if (slash == NULL) strbuf_puts(&folder, ".");
  else strbuf_add(&folder, path, slash == path ? 1 : (size_t)(slash - path));
  dwell_status status = DWELL_OK;
  if (folder.failed) status = error_no_memory(err, "the name of a folder");
  else if (access(folder.data, W_OK) != 0) status = error_system(err, DWELL_FAILED, "write to the folder", folder.data);
  strbuf_free(&folder);
  return status;
}

static dwell_status check_paths(const ask *a, char paths[KINDS][PATH_SIZE], dwell_error *err) {
  for (int k = 0; k < KINDS; k++) {
    if (paths[k][0] == '\0') continue;
    dwell_status status = check_folder(paths[k], err);
    if (status != DWELL_OK) return status;
    if (a->c->force || access(paths[k], F_OK) != 0) continue;
    error_set(err, DWELL_USAGE, "the file is already there");
    error_in_file(err, paths[k]);
    return error_remedy(err, "Say --force, or name another with -o");
  }
  return DWELL_OK;
}

/* ---- output ---- */

static void put_check(const figure_check *k, jwriter *w) {
  jwriter_object(w);
  jwriter_put_string(w, "name", k->name);
  jwriter_put_string(w, "statement", k->statement);
  jwriter_put_double(w, "measured", k->outcome.measured);
  jwriter_put_string(w, "relation", theorem_relation_name(k->relation));
  jwriter_put_double(w, "predicted", k->outcome.predicted);
  jwriter_put_double(w, "tolerance", k->outcome.tolerance);
  jwriter_put_string(w, "reason", k->reason);
  jwriter_put_bool(w, "pass", k->pass);
  jwriter_close(w);
}

static void print_json(const figure *f, const figure_sheet *s, char paths[KINDS][PATH_SIZE]) {
  strbuf out = {0};
  jwriter w = jwriter_start(&out, 1);
  jwriter_object(&w);
  jwriter_put_string(&w, "name", f->name);
  jwriter_key(&w, "files");
  jwriter_flat_array(&w);
  for (int k = 0; k < KINDS; k++)
    if (paths[k][0] != '\0') jwriter_string(&w, paths[k]);
  jwriter_close(&w);
  jwriter_key(&w, "arrays");
  jwriter_flat_array(&w);
  for (size_t i = 0; i < s->array_count; i++) jwriter_string(&w, s->arrays[i].name);
  jwriter_close(&w);
  jwriter_key(&w, "checks");
  jwriter_array(&w);
  for (size_t i = 0; i < s->check_count; i++) put_check(&s->checks[i], &w);
  jwriter_close(&w);
  jwriter_close(&w);
  puts(out.failed ? "{}" : out.data);
  strbuf_free(&out);
}

static void print_text(const figure_sheet *s) {
  for (size_t i = 0; i < s->check_count; i++) {
    const figure_check *k = &s->checks[i];
    printf("%-4s  %-26s  measured %-14.8g %-8s %-14.8g within %-8.2g  %s\n", k->pass ? "ok" : "FAIL", k->name,
           k->outcome.measured, theorem_relation_name(k->relation), k->outcome.predicted, k->outcome.tolerance,
           k->statement);
  }
}

static dwell_status write_all(const figure *f, const figure_sheet *s, char paths[KINDS][PATH_SIZE], dwell_error *err) {
  dwell_status status = DWELL_OK;
  if (paths[0][0] != '\0') TRY(figure_write_svg(f, s, paths[0], err));
  if (paths[1][0] != '\0') TRY(figure_write_html(f, s, paths[1], err));
  if (paths[2][0] != '\0') TRY(figure_write_npz(s, paths[2], err));
done:
  return status;
}

static dwell_status run(ask *a, const figure **ret_figure, char paths[KINDS][PATH_SIZE], dwell_error *err) {
  dwell_status status = DWELL_OK;
  strbuf journal = {0};
  TRY(find(a->name, ret_figure, err));
  TRY(choose_paths(a, paths, err));
  TRY(check_paths(a, paths, err));
  TRY(cli_selfcheck(err));
  strbuf_printf(&journal, "%s.partial", a->c->out != NULL ? a->c->out : a->name);
  if (journal.failed) TRY(error_no_memory(err, "the name of a file"));
  a->sheet.ctx = &a->c->ctx;
  a->sheet.journal = journal.data;
  TRY(figure_make(*ret_figure, &a->sheet, err));
  cli_clear(a->c);
  TRY(write_all(*ret_figure, &a->sheet, paths, err));
  unlink(journal.data); /* it may not be there */
done:
  a->sheet.journal = NULL;
  strbuf_free(&journal);
  cli_clear(a->c);
  return status;
}

int cmd_figure(int argc, char **argv, cli *c) {
  static const struct argp argp = {options, parse, "NAME", doc, children, NULL, NULL};
  ask a = {.c = c};
  const figure *f = NULL;
  char paths[KINDS][PATH_SIZE] = {{0}};
  dwell_error err = {.offset = -1};
  size_t failed = 0;
  argp_parse(&argp, argc, argv, 0, NULL, &a);
  dwell_status status = run(&a, &f, paths, &err);
  if (status == DWELL_OK) {
    if (c->json) print_json(f, &a.sheet, paths);
    else print_text(&a.sheet);
    for (int k = 0; k < KINDS; k++)
      if (paths[k][0] != '\0') cli_say(c, "%s", paths[k]);
    for (size_t i = 0; i < a.sheet.check_count; i++) failed += !a.sheet.checks[i].pass;
    if (failed > 0) cli_say(c, "%zu of the checked numbers are missed", failed);
  }
  figure_sheet_clear(&a.sheet);
  if (status != DWELL_OK) return cli_fail(c, argv[0], &err);
  return failed > 0 ? DWELL_CHECK_FAILED : DWELL_OK;
}
