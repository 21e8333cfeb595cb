/* study/numbers.c - from a run to the numbers of the claims. */
#include "study/numbers.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/number.h"

const number_column number_columns[NUMBERS] = {
    [NUMBER_MODEL] = {"model", "name in the study"},
    [NUMBER_VARIANT] = {"variant", "trained, or which control"},
    [NUMBER_TEXT] = {"text", "the text, or the start of a flow"},
    [NUMBER_CLASS] = {"class", "what kind of text"},
    [NUMBER_KIND] = {"kind", "text, control, sweep, smiles, start"},
    [NUMBER_SWEEP] = {"sweep", "the text that this is the beginning of"},
    [NUMBER_SERIES] = {"series", "the last checkpoint of the same training"},
    [NUMBER_SEED] = {"seed", "of a control"},
    [NUMBER_SCALE] = {"scale", "of the output maps"},
    [NUMBER_STEP] = {"step", "of a checkpoint"},
    [NUMBER_FLOW] = {"flow", "1: a flow"},
    [NUMBER_CAUSAL] = {"causal", "1: a causal mask"},
    [NUMBER_BLOCKS] = {"blocks", "steps between states"},
    [NUMBER_WIDTH] = {"width", "dimensions"},
    [NUMBER_TOKENS] = {"tokens", "measured ones"},
    [NUMBER_TYPES] = {"types", "first occurrences among them"},
    [NUMBER_TREND] = {"trend", "effect of the cluster test, mean of the last third of the states minus state 0"},
    [NUMBER_TREND_LN] = {"trend_ln", "the same of the states as the next norm puts them out"},
    [NUMBER_TREND_ROBUST] = {"trend_robust", "the same in robust units"},
    [NUMBER_P_ANY_STATE] = {"p_any_state", "p of the cluster test over all states at once"},
    [NUMBER_CONSENSUS] = {"consensus", "mean cosine, last state minus state 0"},
    [NUMBER_IP_LAST] = {"ip_last", "mean cosine of the last state"},
    [NUMBER_PLATEAU] = {"plateau",
                        "1: an interior plateau of significant clusters with p <= .05 (flows: staircase > 2)"},
    [NUMBER_TERMINAL] = {"terminal", "1: a plateau from which the clusters do not move on"},
    [NUMBER_ALIGNED] = {"aligned", "share of the testable heads with align_p <= .05"},
    [NUMBER_HEADS] = {"heads", "testable heads"},
    [NUMBER_DRAWDOWN] = {"drawdown_rel", "largest fall of the energy over its range, at the heads' own beta"},
    [NUMBER_INDEX] = {"index", "sum of its changes over the sum of their sizes"},
    [NUMBER_FLOORS] = {"floors", "its range over the bound on rounding"},
    [NUMBER_LOG_RATIO] = {"log_ratio", "ln of merging over formation time, in states (flows: in t)"},
    [NUMBER_LOG_RATIO_TAU] = {"log_ratio_tau", "the same in effective time"},
    [NUMBER_CENSORED] = {"censored", "1: that is a lower bound"},
    [NUMBER_COLLAPSE] = {"collapse_rate", "mean per step of -d ln(1 - ip_mean)"},
};

dwell_status numbers_make(numbers *ret, dwell_error *err) {
  dwell_status status = DWELL_OK;
  *ret = (numbers){0};
  for (size_t k = 0; status == DWELL_OK && k < NUMBERS; k++)
    status = table_add_column(&ret->t, number_columns[k].name, NULL, err);
  return status;
}

void numbers_free(numbers *n) { table_free(&n->t); }

double numbers_get(const numbers *n, size_t row, study_number column) {
  const table_cell *cell = table_at(&n->t, row, column);
  return cell->kind == CELL_NUMBER ? cell->number : NAN;
}

const char *numbers_text(const numbers *n, size_t row, study_number column) {
  const table_cell *cell = table_at(&n->t, row, column);
  return cell->kind == CELL_TEXT ? cell->text : NULL;
}

dwell_status numbers_save(const numbers *n, const char *path, dwell_error *err) {
  strbuf text = {0};
  table_write(&n->t, &text);
  dwell_status status =
      text.failed ? error_no_memory(err, "the numbers") : atomic_file_write(path, text.data, text.length, err);
  strbuf_free(&text);
  return status;
}

/* A text that looks like a number would come back as one: names are texts whatever they look like. */
static dwell_status keep_texts(numbers *n, dwell_error *err) {
  char digits[NUMBER_SIZE];
  dwell_status status = DWELL_OK;
  for (size_t row = 0; row < n->t.rows; row++) {
    for (size_t k = 0; status == DWELL_OK && k < NUMBER_TEXTS; k++) {
      const table_cell *cell = table_at(&n->t, row, k);
      if (cell->kind == CELL_NUMBER) status = table_set_text(&n->t, row, k, number_format(cell->number, digits), err);
    }
  }
  return status;
}

dwell_status numbers_load(const char *path, numbers *ret, dwell_error *err) {
  *ret = (numbers){0};
  dwell_status status = table_read(path, &ret->t, err);
  for (size_t k = 0; status == DWELL_OK && k < NUMBERS; k++) {
    if (ret->t.columns == NUMBERS && strcmp(ret->t.names[k], number_columns[k].name) == 0) continue;
    error_set(err, DWELL_BAD_INPUT, "is not the table of numbers of a study of this version (column %zu is not \"%s\")",
              k + 1, number_columns[k].name);
    status = error_in_file(err, path);
  }
  return status == DWELL_OK ? keep_texts(ret, err) : status;
}

/* ---- from the tables of a run ---- */

/* Effect of the cluster test at a row; NaN: undefined. */
static double effect_at(const dwell_run *run, size_t row, const char *column) {
  char null_mean[80];
  double t, mean;
  snprintf(null_mean, sizeof null_mean, "%s_null_mean", column);
  bool known =
      dwell_run_number(run, "layers", row, column, &t) && dwell_run_number(run, "layers", row, null_mean, &mean);
  return known ? t - mean : NAN;
}

/* Rows of states, without a final norm. */
static size_t states_of(const dwell_run *run) {
  size_t count = 0;
  double state;
  while (dwell_run_number(run, "layers", count, "state", &state)) count++;
  return count;
}

/* Mean over the last third of the states before the first that has no effect, minus state 0. */
static double trend_of(const dwell_run *run, size_t states, const char *column) {
  size_t usable = 0;
  double sum = 0;
  while (usable < states && isfinite(effect_at(run, usable, column))) usable++;
  if (usable < 2) return NAN;
  size_t third = usable / 3 > 0 ? usable / 3 : 1;
  for (size_t l = usable - third; l < usable; l++) sum += effect_at(run, l, column) / (double)third;
  return sum - effect_at(run, 0, column);
}

static double layer(const dwell_run *run, size_t row, const char *column) {
  double x;
  return dwell_run_number(run, "layers", row, column, &x) ? x : NAN;
}

/* Heads of blocks whose input has significant clusters, and how many of them keep within those. */
static void count_heads(const dwell_run *run, double *ret_heads, double *ret_share) {
  size_t heads = 0, aligned = 0;
  for (size_t row = 0; row < dwell_run_rows(run, "heads"); row++) {
    double block, p;
    if (!dwell_run_number(run, "heads", row, "block", &block)) continue;
    if (!(layer(run, (size_t)block, "cluster_T_types_p") <= 0.05)) continue;
    if (!dwell_run_number(run, "heads", row, "align_types_p", &p)) continue;
    heads++, aligned += p <= 0.05;
  }
  *ret_heads = (double)heads;
  *ret_share = heads > 0 ? (double)aligned / (double)heads : NAN;
}

static double energy_floors(const dwell_run *run, size_t states) {
  double low = INFINITY, high = -INFINITY, most = 0;
  for (size_t l = 0; l < states; l++) {
    double e = layer(run, l, "energy_calibrated");
    if (isnan(e)) return NAN;
    low = fmin(low, e), high = fmax(high, e), most = fmax(most, layer(run, l, "energy_floor_calibrated"));
  }
  return (high - low) / most;
}

/* ---- from the manifest ---- */

static double member(const json_t *object, const char *key) {
  const json_t *x = json_object_get(object, key);
  if (json_is_boolean(x)) return json_is_true(x) ? 1 : 0;
  return json_is_number(x) ? json_number_value(x) : NAN;
}

static void read_detected(const json_t *d, double x[NUMBERS]) {
  const json_t *plateaus = json_object_get(d, "plateaus"), *scales = json_object_get(d, "two_timescales"), *energy;
  size_t k;
  x[NUMBER_P_ANY_STATE] = member(json_object_get(d, "clusters"), "p_any_state");
  double interior = member(plateaus, "interior_nontrivial"), p = member(plateaus, "p");
  if (isfinite(interior)) x[NUMBER_PLATEAU] = interior > 0 && p <= 0.05;
  if (isfinite(interior)) x[NUMBER_TERMINAL] = member(plateaus, "terminal") > 0;
  json_array_foreach(json_object_get(d, "energies"), k, energy) {
    const char *column = json_string_value(json_object_get(energy, "column"));
    if (column == NULL || strcmp(column, "energy_calibrated") != 0) continue;
    x[NUMBER_DRAWDOWN] = member(energy, "drawdown_rel"), x[NUMBER_INDEX] = member(energy, "index");
  }
  x[NUMBER_LOG_RATIO] = log(member(scales, "ratio")), x[NUMBER_LOG_RATIO_TAU] = log(member(scales, "ratio_tau"));
  x[NUMBER_CENSORED] = member(scales, "censored");
  x[NUMBER_COLLAPSE] = member(json_object_get(d, "collapse"), "collapse_rate");
}

static void read_manifest(const dwell_run *run, double x[NUMBERS]) {
  json_t *manifest = json_loads(dwell_run_manifest(run), JSON_ALLOW_NUL, NULL);
  const json_t *source = json_object_get(manifest, "source"), *selection = json_object_get(manifest, "selection");
  x[NUMBER_CAUSAL] = member(source, "causal"), x[NUMBER_WIDTH] = member(source, "dimensions");
  x[NUMBER_BLOCKS] = member(source, "states") - 1;
  x[NUMBER_TOKENS] = member(selection, "measured"), x[NUMBER_TYPES] = member(selection, "types");
  read_detected(json_array_get(json_object_get(manifest, "detected"), 0), x);
  json_decref(manifest);
}

static void read_run(const dwell_run *run, double x[NUMBERS]) {
  size_t states = states_of(run);
  read_manifest(run, x);
  x[NUMBER_TREND] = trend_of(run, states, "cluster_T_types");
  x[NUMBER_TREND_LN] = trend_of(run, states, "cluster_T_ln_types");
  x[NUMBER_TREND_ROBUST] = trend_of(run, states, "cluster_T_robust_types");
  if (states > 0) x[NUMBER_IP_LAST] = layer(run, states - 1, "ip_mean");
  if (states > 0) x[NUMBER_CONSENSUS] = x[NUMBER_IP_LAST] - layer(run, 0, "ip_mean");
  count_heads(run, &x[NUMBER_HEADS], &x[NUMBER_ALIGNED]);
  x[NUMBER_FLOORS] = energy_floors(run, states);
}

/* ---- rows ---- */

static dwell_status add_row(numbers *n, const char *const texts[NUMBER_TEXTS], const double x[NUMBERS],
                            dwell_error *err) {
  size_t row;
  dwell_status status = table_add_row(&n->t, &row, err);
  for (size_t k = 0; status == DWELL_OK && k < NUMBER_TEXTS; k++) {
    if (texts[k] != NULL) status = table_set_text(&n->t, row, k, texts[k], err);
  }
  for (size_t k = NUMBER_TEXTS; status == DWELL_OK && k < NUMBERS; k++) table_set_number(&n->t, row, k, x[k]);
  return status;
}

/* The table of starts has the columns of the claims by the same names. */
static dwell_status add_starts(numbers *n, const char *texts[NUMBER_TEXTS], double x[NUMBERS], const dwell_run *run,
                               dwell_error *err) {
  dwell_status status = DWELL_OK;
  char name[40];
  for (size_t row = 0; status == DWELL_OK && row < dwell_run_rows(run, "starts"); row++) {
    for (study_number k = NUMBER_BLOCKS; k < NUMBERS; k++) {
      if (!dwell_run_number(run, "starts", row, number_columns[k].name, &x[k])) x[k] = NAN;
    }
    snprintf(name, sizeof name, "start %zu", row);
    texts[NUMBER_TEXT] = name, texts[NUMBER_KIND] = "start";
    status = add_row(n, texts, x, err);
  }
  return status;
}

dwell_status numbers_add(numbers *n, const study_units *u, const study_unit *unit, const dwell_run *run,
                         dwell_error *err) {
  const study_subject *s = &u->subjects[unit->subject];
  const char *texts[NUMBER_TEXTS] = {0};
  double x[NUMBERS];
  for (size_t k = 0; k < NUMBERS; k++) x[k] = NAN;
  texts[NUMBER_MODEL] = s->label, texts[NUMBER_VARIANT] = study_variant_name(unit->variant);
  texts[NUMBER_SERIES] = s->series;
  x[NUMBER_STEP] = s->step, x[NUMBER_FLOW] = s->flow != NULL;
  if (unit->number > 0) x[NUMBER_SEED] = (double)unit->number;
  if (s->flow != NULL) return add_starts(n, texts, x, run, err);
  const study_text *t = &u->texts[unit->text];
  texts[NUMBER_TEXT] = t->name, texts[NUMBER_CLASS] = t->text_class, texts[NUMBER_KIND] = t->kind;
  texts[NUMBER_SWEEP] = t->sweep;
  x[NUMBER_SCALE] = unit->variant == VARIANT_ROTATED ? NAN : unit->scale;
  read_run(run, x);
  return add_row(n, texts, x, err);
}
