/* cli/verify.c - dwell verify: the theory's statements, predicted and measured. */
#include "cli/cli.h"
#include "file/jwriter.h"
#include "theorem/theorem.h"

enum { MOST_NAMES = 256, KEY_QUICK = 256 };

typedef struct verify {
  cli *c;
  const char *names[MOST_NAMES];
  size_t count;
  bool quick;
} verify;

static const struct argp_option options[] = {
    {"quick", KEY_QUICK, NULL, 0, "Leave out the rows that take long: the rest takes less than half a minute", 0}, {0}};

static error_t parse(int key, char *arg, struct argp_state *state) {
  verify *v = state->input;
  switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = state->child_inputs[1] = v->c; break;
    case KEY_QUICK: v->quick = true; break;
    case ARGP_KEY_ARG:
      if (v->count == MOST_NAMES) cli_usage(state, "at most %d names", MOST_NAMES);
      v->names[v->count++] = arg;
      break;
    default: return ARGP_ERR_UNKNOWN;
  }
  return 0;
}

static const struct argp_child children[] = {{&cli_argp_threads, 0, NULL, 0}, {&cli_argp_words, 0, NULL, 0}, {0}};
static const char doc[] =
    "Check the theory's statements against the flows: one row each, what is predicted, what is measured, how far they "
    "may differ. NAME is a theorem (T12), a row (T12.meet.sa-4-2.0) or the beginning of row names (T12.meet); without "
    "one, all. `dwell list theorems` prints them.\v"
    "Exit code 6 if a row fails.\n"
    "Examples:\n"
    "  dwell verify --quick\n"
    "  dwell verify T12 F3 --json";

/* ---- output ---- */

static void put_row(const theorem_result *r, jwriter *w) {
  jwriter_object(w);
  jwriter_put_string(w, "name", r->row->name);
  jwriter_put_string(w, "statement", r->row->statement);
  jwriter_put_string(w, "source", r->theorem->source);
  jwriter_put_string(w, "parameters", r->row->parameters);
  jwriter_put_double(w, "predicted", r->outcome.predicted);
  jwriter_put_double(w, "measured", r->outcome.measured);
  jwriter_put_string(w, "relation", theorem_relation_name(r->row->relation));
  jwriter_put_double(w, "tolerance", r->outcome.tolerance);
  jwriter_put_string(w, "reason", r->row->reason);
  jwriter_put_bool(w, "pass", r->pass);
  jwriter_close(w);
}

static void print_json(const theorem_table *table) {
  strbuf out = {0};
  jwriter w = jwriter_start(&out, 1);
  jwriter_object(&w);
  jwriter_key(&w, "rows");
  jwriter_array(&w);
  for (size_t i = 0; i < table->count; i++) put_row(&table->results[i], &w);
  jwriter_close(&w);
  jwriter_close(&w);
  puts(out.failed ? "{\"rows\": []}" : out.data);
  strbuf_free(&out);
}

/* "|m-p| <= 1e-9", "m <= p + 1e-9", ... in short */
static const char *mark_of(theorem_relation relation) {
  static const char *const marks[] = {
      [THEOREM_EQUAL] = "=", [THEOREM_AT_MOST] = "<=", [THEOREM_AT_LEAST] = ">=", [THEOREM_DIFFERS] = "!="};
  return marks[relation];
}

static void print_text(const theorem_table *table) {
  const theorem *last = NULL;
  for (size_t i = 0; i < table->count; i++) {
    const theorem_result *r = &table->results[i];
    if (r->theorem != last)
      printf("%s%s  %s\n    [%s]\n", i > 0 ? "\n" : "", r->theorem->name, r->theorem->summary, r->theorem->source);
    last = r->theorem;
    printf("%-4s  %-24s  measured %-18.12g %-2s predicted %-18.12g within %-8.2g\n", r->pass ? "ok" : "FAIL",
           r->row->name, r->outcome.measured, mark_of(r->row->relation), r->outcome.predicted, r->outcome.tolerance);
    printf("      %s; %s\n", r->row->statement, r->row->parameters);
  }
  printf("\n%zu rows, %zu hold, %zu fail\n", table->count, table->count - table->failed, table->failed);
}

static dwell_status run(verify *v, theorem_table *table, dwell_error *err) {
  dwell_status status = cli_selfcheck(err);
  if (status == DWELL_OK) status = theorem_run(&v->c->ctx, v->names, v->count, v->quick, table, err);
  cli_clear(v->c);
  return status;
}

int cmd_verify(int argc, char **argv, cli *c) {
  static const struct argp argp = {options, parse, "[NAME...]", doc, children, NULL, NULL};
  verify v = {.c = c};
  theorem_table table = {0};
  dwell_error err = {.offset = -1};
  argp_parse(&argp, argc, argv, 0, NULL, &v);
  c->unit = " cases";
  if (run(&v, &table, &err) != DWELL_OK) return cli_fail(c, argv[0], &err);
  if (c->json) print_json(&table);
  else print_text(&table);
  size_t failed = table.failed;
  theorem_table_free(&table);
  if (failed > 0) cli_say(c, "%zu of the rows fail", failed);
  return failed > 0 ? DWELL_CHECK_FAILED : DWELL_OK;
}
