/* cli/measuring.c - what simulate and measure do with a source: options, the measurement, the table on the screen. */
#include <dwell/report.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/number.h"
#include "cli/cli.h"
#include "measure/before.h"
#include "run/run.h"

enum {
  KEY_INSTRUMENTS = 0x2000,
  KEY_NULLS,
  KEY_SELECTION,
  KEY_SPECIAL,
  KEY_REPRESENTATION,
  KEY_SAVE,
  KEY_REPORT,
  KEY_ITERATIONS,
  KEY_LAYERS
};

void cli_measuring_begin(cli_measuring *m) { *m = (cli_measuring){.options = dwell_measure_options_default()}; }

static void parse_save(struct argp_state *state, const char *list, dwell_measure_options *o) {
  static const char *const names[] = {"states", "attention", "attention-map", "gram", NULL};
  bool *flags[] = {&o->save_states, &o->save_attention, &o->save_attention_map, &o->save_gram};
  char name[32];
  while (str_item(&list, name, sizeof name)) *flags[cli_choice(state, "--save", name, names)] = true;
}

static void parse_representations(struct argp_state *state, const char *list, dwell_measure_options *o) {
  static const char *const names[] = {"ln", "robust", NULL};
  bool *flags[] = {&o->normed, &o->robust};
  char name[32];
  while (str_item(&list, name, sizeof name)) *flags[cli_choice(state, "--representation", name, names)] = true;
}

static error_t parse(int key, char *arg, struct argp_state *state) {
  static const char *const selections[] = {"all", "types", NULL};
  static const char *const specials[] = {"keep", "drop", NULL};
  cli_measuring *m = state->input;
  switch (key) {
    case KEY_INSTRUMENTS: m->options.instruments = arg; break;
    case KEY_NULLS: m->options.null_draws = cli_size(state, "--nulls", arg, 0, 100000); break;
    case KEY_SELECTION: m->options.types = cli_choice(state, "--selection", arg, selections) == 1; break;
    case KEY_SPECIAL: m->options.drop_special = cli_choice(state, "--special", arg, specials) == 1; break;
    case KEY_REPRESENTATION: parse_representations(state, arg, &m->options); break;
    case KEY_SAVE: parse_save(state, arg, &m->options); break;
    case KEY_REPORT: m->report = true; break;
    default: return ARGP_ERR_UNKNOWN;
  }
  return 0;
}

static const struct argp_option options[] = {
    {"instruments", KEY_INSTRUMENTS, "LIST", 0, "Comma-separated instruments or columns (default: all that apply)", 60},
    {"nulls", KEY_NULLS, "DRAWS", 0, "Draws of the sampled nulls (default 39; 0: none)", 60},
    {"selection", KEY_SELECTION, "all|types", 0, "Measure all kept tokens, or first occurrences of each id", 60},
    {"special", KEY_SPECIAL, "keep|drop", 0,
     "Keep or leave out (default) special tokens, the first of a causal model, and massive ones", 60},
    {"representation", KEY_REPRESENTATION, "LIST", 0,
     "Measure ranks, cosines and clusters also of the states as the next block's norm puts them out (ln), and in "
     "robust "
     "units (robust)",
     60},
    {"save", KEY_SAVE, "LIST", 0, "Put states, attention, attention-map, gram into arrays.npz", 60},
    {"report", KEY_REPORT, NULL, 0, "Write report.html too", 60},
    {0}};
const struct argp cli_argp_measuring = {.options = options, .parser = parse};

/* ---- what is run ---- */

/* "A-B", "A-", "-B" or "A". */
static bool parse_range(const char *text, size_t *ret_first, size_t *ret_last) {
  enum { MOST = 10000000, DIGITS = 8 };
  char digits[DIGITS + 1];
  int64_t first = 0, last = -1;
  size_t length = strcspn(text, "-");
  const char *end = text[length] == '-' ? text + length + 1 : text;
  if (length > DIGITS || (length == 0 && *end == '\0')) return false;
  snprintf(digits, sizeof digits, "%.*s", (int)length, text);
  if (length > 0 && !number_parse_int(digits, 0, MOST, &first)) return false;
  if (*end != '\0' && !number_parse_int(end, first, MOST, &last)) return false;
  *ret_first = (size_t)first;
  *ret_last = last < 0 ? SIZE_MAX : (size_t)last;
  return true;
}

static error_t parse_running(int key, char *arg, struct argp_state *state) {
  dwell_model_options *o = state->input;
  switch (key) {
    case KEY_ITERATIONS: o->iterations = cli_size(state, "--iterations", arg, 1, 1000000); break;
    case KEY_LAYERS:
      if (parse_range(arg, &o->first_state, &o->last_state)) break;
      cli_usage(state, "--layers takes states as A-B, A-, -B or A, with A at most B, not \"%s\"", arg);
      break;
    default: return ARGP_ERR_UNKNOWN;
  }
  return 0;
}

static const struct argp_option running[] = {
    {"iterations", KEY_ITERATIONS, "N", 0, "albert: apply the shared block N times", 20},
    {"layers", KEY_LAYERS, "A-B", 0, "States A to B only (also A-, -B or A); blocks after B are not run", 20},
    {0}};
const struct argp cli_argp_running = {.options = running, .parser = parse_running};

/* ---- the table on the screen ---- */

typedef struct shown_column {
  const char *column, *title;
  int width, decimals; /* decimals < 0: significant digits */
  const char *unless;  /* left out where this column has numbers */
} shown_column;

/* Of the clusters the ones of first occurrences, where there are ids. */
static const shown_column shown[] = {
    {"state", "state", 5, 0, NULL},
    {"time", "time", 9, -4, NULL},
    {"ip_mean", "ip_mean", 7, 4, NULL},
    {"mass90", "mass90", 6, 4, NULL},
    {"effective_rank", "erank", 7, 2, NULL},
    {"effective_rank_centred", "erank_c", 7, 2, NULL},
    {"cluster_T_types", "T", 7, 4, NULL},
    {"cluster_T_types_null_mean", "chance", 7, 4, NULL},
    {"cluster_T_types_p", "p", 6, 4, NULL},
    {"clusters_types", "k", 2, 0, NULL},
    {"cluster_T", "T", 7, 4, "cluster_T_types"},
    {"cluster_T_null_mean", "chance", 7, 4, "cluster_T_types"},
    {"cluster_T_p", "p", 6, 4, "cluster_T_types"},
    {"clusters", "k", 2, 0, "cluster_T_types"},
    {"energy_calibrated", "energy", 6, 4, NULL},
    {"energy_b1", "E_b1", 6, 4, "energy_calibrated"},
};
enum { SHOWN = sizeof shown / sizeof shown[0] };

static bool any_number(const dwell_run *run, const char *column) {
  double x;
  for (size_t row = 0; row < dwell_run_rows(run, "layers"); row++) {
    if (dwell_run_number(run, "layers", row, column, &x)) return true;
  }
  return false;
}

static void print_row(const dwell_run *run, size_t row, const bool use[SHOWN]) {
  for (size_t i = 0; i < SHOWN; i++) {
    double x;
    if (!use[i]) continue;
    if (i > 0) putchar(' ');
    if (dwell_run_number(run, "layers", row, shown[i].column, &x)) {
      if (shown[i].decimals < 0) printf("%*.*g", shown[i].width, -shown[i].decimals, x);
      else printf("%*.*f", shown[i].width, shown[i].decimals, x);
    } else {
      printf("%*s", shown[i].width, i == 0 ? "norm" : "-");
    }
  }
  putchar('\n');
}

/* One replica shows the shape. */
static size_t rows_of_first(const dwell_run *run) {
  size_t rows = dwell_run_rows(run, "layers"), row = 0;
  for (double replica = 0; row < rows; row++) {
    if (dwell_run_number(run, "layers", row, "replica", &replica) && replica > 0) break;
  }
  return row;
}

void cli_print_layers(const cli *c, const dwell_run *run, size_t most) {
  bool use[SHOWN];
  size_t all = dwell_run_rows(run, "layers"), rows = rows_of_first(run);
  size_t every = rows > most ? (rows + most - 1) / most : 1;
  for (size_t i = 0; i < SHOWN; i++) {
    use[i] = any_number(run, shown[i].column) && (shown[i].unless == NULL || !any_number(run, shown[i].unless));
    if (use[i]) printf("%s%*s", i > 0 ? " " : "", shown[i].width, shown[i].title);
  }
  putchar('\n');
  for (size_t row = 0; row < rows; row++) {
    if (row % every == 0 || row + 1 == rows) print_row(run, row, use);
  }
  fflush(stdout);
  if (every > 1 || all > rows) {
    cli_say(c, "(one row in %zu%s; all %zu rows are in layers.csv)", every, all > rows ? " of the first replica" : "",
            all);
  }
}

static void print_table(const cli *c, const dwell_run *run) {
  cli_print_layers(c, run, 24);
  bool types = any_number(run, "cluster_T_types");
  if (types || any_number(run, "cluster_T")) {
    cli_say(c, "T: how strongly the tokens%s cluster; chance: T of a structureless cloud of the same",
            types ? " (first occurrences)" : "");
    cli_say(c, "  mean and spectrum; p: how often chance gives as much; k: clusters (1: none stand out)");
  }
}

/* Mean of a column of the tokens; false if there is none. */
static bool token_mean(const dwell_run *run, const char *column, double *ret_mean) {
  double sum = 0, x;
  size_t count = 0;
  for (size_t row = 0; row < dwell_run_rows(run, "tokens"); row++) {
    if (dwell_run_number(run, "tokens", row, column, &x)) sum += x, count++;
  }
  *ret_mean = count > 0 ? sum / (double)count : 0;
  return count > 0;
}

static void say_losses(const cli *c, const dwell_run *run) {
  double nll, plain, kl;
  if (!token_mean(run, "nll", &nll)) return;
  if (!token_mean(run, "nll_plain", &plain) || !token_mean(run, "kl", &kl))
    cli_say(c, "loss of the next token: %.4f nats", nll);
  else cli_say(c, "loss of the next token: %.4f nats, plain %.4f; KL of the intervention %.4f nats", nll, plain, kl);
}

/* Small pictures of heads take room as well: how much. */
static void say_maps(const cli *c, const dwell_run *run) {
  char bytes[24];
  for (size_t i = 0; i < run->array_count; i++) {
    const run_array *a = &run->arrays[i];
    if (strcmp(a->name, "attention_map") != 0) continue;
    size_t maps = a->shape[0] * a->shape[1], side = a->shape[2];
    cli_say(c, "attention maps: %zu of %zu x %zu, %s in arrays.npz", maps, side, side,
            cli_bytes(maps * side * side * a->item_size, bytes));
  }
}

/* The files of a run. */
static void say_files(const cli *c, const dwell_run *run, const char *folder, bool report) {
  static const char *const tables[] = {"layers", "blocks", "heads", "events", "tokens", "lens", "push"};
  strbuf s = {0};
  for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
    if (dwell_run_columns(run, tables[i]) > 0) strbuf_printf(&s, "%s.csv, ", tables[i]);
  }
  if (!s.failed) cli_say(c, "%s: %sarrays.npz, run.json%s", folder, s.data, report ? ", report.html" : "");
  strbuf_free(&s);
}

/* ---- the measurement ---- */

dwell_status cli_measure_source(cli *c, dwell_source *source, const cli_measuring *m, const char *folder,
                                dwell_error *err) {
  const dwell_trajectory *t = dwell_source_trajectory(source);
  dwell_measure_options chosen = m->options;
  dwell_run *run = NULL;
  dwell_cost cost;
  char bound[24];
  dwell_status status = DWELL_OK;
  chosen.command = c->command.data;
  TRY(run_check_folder(folder, c->force, err));
  TRY(dwell_measure_cost(&c->ctx, source, &chosen, &cost, err));
  cli_say(c, "%s %s: %zu tokens, %zu dimensions, %zu states%s; at most %s of memory", t->kind, t->name, t->n, t->d,
          t->states * t->replicas, t->replicas > 1 ? " in all" : "", cli_bytes(cost.bytes, bound));
  TRY(dwell_measure(&c->ctx, source, &chosen, &run, err));
  cli_clear(c);
  run->page = m->report ? dwell_report_write : NULL;
  TRY(dwell_run_save(run, folder, c->force, err));
  if (c->json) fputs(dwell_run_manifest(run), stdout);
  else if (!c->quiet) print_table(c, run);
  say_losses(c, run);
  say_maps(c, run);
  if (chosen.push.kind != DWELL_PUSH_NONE && dwell_run_columns(run, "push") == 0)
    cli_say(c, "state %zu has no clusters that could move: nothing was pushed", chosen.push.state);
  say_files(c, run, folder, m->report);
done:
  dwell_run_destroy(run);
  return status;
}

static dwell_status add_report(dwell_run *run, const char *folder, dwell_error *err) {
  char path[4400];
  snprintf(path, sizeof path, "%s/report.html", folder);
  if (access(path, F_OK) == 0) return DWELL_OK;
  dwell_status status = dwell_report_write(run, path, err);
  return status == DWELL_OK ? run_refresh_files(run, err) : status;
}

dwell_status cli_measured_before(cli *c, dwell_source *source, const cli_measuring *m, const char *folder,
                                 bool *ret_there, dwell_error *err) {
  char path[4400];
  dwell_run *run = NULL;
  dwell_status status = DWELL_OK;
  *ret_there = false;
  snprintf(path, sizeof path, "%s/run.json", folder);
  if (access(path, F_OK) != 0) return DWELL_OK;
  TRY(dwell_run_load(folder, &run, err));
  TRY(measured_before(&c->ctx, source, &m->options, run, ret_there, err));
  if (!*ret_there) {
    status = error_set(err, DWELL_USAGE, "holds a finished run of another text, model or options");
    error_in_file(err, folder);
    error_remedy(err, "Choose another -o, or --force to replace it");
    goto done;
  }
  if (m->report) TRY(add_report(run, folder, err));
  if (c->json) fputs(dwell_run_manifest(run), stdout);
  cli_say(c, "%s: measured before", folder);
done:
  dwell_run_destroy(run);
  return status;
}
