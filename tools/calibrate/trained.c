/* tools/calibrate/trained.c - trained networks beside the same with random weights: what the tests say of them, for
 * orientation. A checkpoint that is not here is left out. */
#define _POSIX_C_SOURCE 200809L /* access */
#include <dwell/measure.h>
#include <dwell/model.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "calibrate.h"
#include "run/run.h"
#include "study/interval.h"
#include "text/prompt.h"

enum { PROMPTS = 12, TOKENS = 192, MOST_STATES = 32, BETAS = 4, DRAWS = 39 };

static const char *const betas[BETAS] = {"0.1", "1", "2", "5"};

typedef struct subject {
  const char *name;
  bool nursery;             /* in data/models of this tree; else in $DWELL_SHARED/models */
  bool molecules;           /* reads reaction equations: too few types, so all tokens are tested */
  const char *published[2]; /* specification, 9.5: cells of the trained row and of the random one, or NULL */
} subject;

static const subject subjects[] = {
    {"bert-minilm-l6",
     false,
     false,
     {".007 .005 .003 .004 .013 .123 .038 | .071 (.046, .084) | 1.0 | .03 to .25 | 0 .04 .10 .29 | .32 | ",
      "0 | .0002 | .08 | .32 to .35 | .14 .13 .13 .12 | .025 | "}},
    {"albert-rxnmapper",
     false,
     true,
     {".007 -.004 .003 .008 .002 .009 .015 .026 .034 .047 .055 .064 .071 | .054 (.030, .082) | 1.0 | .09 to .18 | .05 "
      ".06 .09 .15 | .46 | ",
      ".087 falling to .066 | -.021 | 1.0 | .40 to .62 | 0 0 0 0 | .16 | "}},
    {"gpt2-nursery", true, false, {NULL, NULL}},
    {"bert-nursery", true, false, {NULL, NULL}},
    {"albert-nursery", true, false, {NULL, NULL}}};

/* What one network says of one prompt. */
typedef struct reading {
  size_t states;
  double effect[MOST_STATES]; /* T minus the mean of its draws */
  double ip_first, ip_last, gain, any, drops[BETAS], aligned;
  bool interior, terminal; /* plateaus: interior with p <= .05; up to the last state */
} reading;

/* ---- reading a run ---- */

static double cell(const dwell_run *run, const char *which, size_t row, const char *column) {
  double x;
  return dwell_run_number(run, which, row, column, &x) ? x : NAN;
}

static double number_of(json_t *object, const char *key) {
  json_t *x = json_object_get(object, key);
  return json_is_number(x) ? json_number_value(x) : NAN;
}

static void read_detected(json_t *d, reading *r) {
  json_t *plateaus = json_object_get(d, "plateaus"), *energies = json_object_get(d, "energies"), *one;
  size_t at;
  r->any = number_of(json_object_get(d, "clusters"), "p_any_state");
  r->interior = number_of(plateaus, "p") <= 0.05;
  r->terminal = number_of(plateaus, "terminal") > 0;
  json_array_foreach(energies, at, one) {
    const char *column = json_string_value(json_object_get(one, "column"));
    for (size_t b = 0; b < BETAS; b++) {
      if (strcmp(column + strlen("energy_b"), betas[b]) == 0) r->drops[b] = number_of(one, "max_drop_rel");
    }
  }
}

/* Share of the heads that can be tested with p <= .05; NaN: there are none. */
static double aligned_share(const dwell_run *run, bool types) {
  size_t tested = 0, aligned = 0;
  for (size_t row = 0; row < dwell_run_rows(run, "heads"); row++) {
    double p = cell(run, "heads", row, types ? "align_types_p" : "align_p");
    if (isnan(p)) continue;
    tested++, aligned += p <= 0.05;
  }
  return tested > 0 ? (double)aligned / (double)tested : NAN;
}

/* Mean of the last third of the states minus the first one (docs/verdicts.md, claim A). */
static double gain_of(const reading *r) {
  size_t last = r->states / 3 > 0 ? r->states / 3 : 1;
  double sum = 0;
  for (size_t l = r->states - last; l < r->states; l++) sum += r->effect[l] / (double)last;
  return sum - r->effect[0];
}

static void read_run(const dwell_run *run, bool types, reading *r) {
  const char *t = types ? "cluster_T_types" : "cluster_T";
  const char *mean = types ? "cluster_T_types_null_mean" : "cluster_T_null_mean";
  *r = (reading){0};
  for (size_t row = 0; row < dwell_run_rows(run, "layers") && r->states < MOST_STATES; row++) {
    if (strcmp(dwell_run_text(run, "layers", row, "tap"), "resid") != 0) continue;
    r->ip_last = cell(run, "layers", row, "ip_mean");
    if (r->states == 0) r->ip_first = r->ip_last;
    r->effect[r->states++] = cell(run, "layers", row, t) - cell(run, "layers", row, mean);
  }
  r->gain = gain_of(r), r->aligned = aligned_share(run, types);
}

/* What the detectors found stands in the manifest, which is whole only once the run is saved. */
static dwell_status read_manifest(const dwell_run *run, reading *r, dwell_error *err) {
  strbuf text = {0};
  dwell_status status = DWELL_OK;
  strbuf_printf(&text, "{%s}", run->manifest_body.data);
  TRY_ALLOC(text.data, "a manifest");
  json_t *manifest = json_loads(text.data, 0, NULL), *detected = json_object_get(manifest, "detected");
  if (json_array_size(detected) == 0)
    status = error_set(err, DWELL_BAD_INPUT, "the run says nothing of what was found");
  else read_detected(json_array_get(detected, 0), r);
  json_decref(manifest);
done:
  strbuf_free(&text);
  return status;
}

static dwell_status read_prompt(const dwell_context *ctx, dwell_model *model, const prompt *text, bool types,
                                bool random, reading *ret_reading, dwell_error *err) {
  dwell_model_options options = dwell_model_options_default();
  dwell_measure_options measuring = dwell_measure_options_default();
  dwell_source *source = NULL;
  dwell_run *run = NULL;
  dwell_status status = DWELL_OK;
  options.max_tokens = TOKENS, options.random_weights = random, options.random_seed = 1;
  measuring.null_draws = DRAWS;
  measuring.instruments = types ? "cluster_T_types,ip_mean,energy,change,align_types,align_types_p"
                                : "cluster_T,ip_mean,energy,change,align,align_p";
  TRY(dwell_model_open_text(model, text->text, text->size, &options, &source, err));
  TRY(dwell_measure(ctx, source, &measuring, &run, err));
  read_run(run, types, ret_reading);
  TRY(read_manifest(run, ret_reading, err));
done:
  dwell_run_destroy(run);
  dwell_source_destroy(source);
  return status;
}

/* ---- a network over its prompts ---- */

typedef struct network_readings {
  size_t prompts;
  reading of[PROMPTS];
} network_readings;

static bool suits(const prompt *p, bool molecules) {
  static const char *const prose[] = {"encyclopedia", "narrative", "letter", "exposition", "dialogue", "news"};
  if (molecules) return strcmp(p->kind, "smiles") == 0;
  if (strcmp(p->kind, "text") != 0 || (strcmp(p->length, "medium") != 0 && strcmp(p->length, "long") != 0))
    return false;
  for (size_t k = 0; k < sizeof prose / sizeof prose[0]; k++) {
    if (strcmp(p->reg, prose[k]) == 0) return true;
  }
  return false;
}

static dwell_status read_network(const dwell_context *ctx, dwell_model *model, bool molecules, bool random,
                                 network_readings *r, dwell_error *err) {
  size_t count;
  const prompt *all = prompt_registry(&count);
  r->prompts = 0;
  for (size_t i = 0; i < count && r->prompts < PROMPTS; i++) {
    if (!suits(&all[i], molecules)) continue;
    dwell_status status = read_prompt(ctx, model, &all[i], !molecules, random, &r->of[r->prompts++], err);
    if (status != DWELL_OK) return status;
  }
  return DWELL_OK;
}

/* ---- the table ---- */

typedef double (*of_reading)(const reading *r, size_t k);

static double effect_of(const reading *r, size_t l) { return r->effect[l]; }
static double first_of(const reading *r, size_t k) { return (void)k, r->ip_first; }
static double last_of(const reading *r, size_t k) { return (void)k, r->ip_last; }
static double any_of(const reading *r, size_t k) { return (void)k, isnan(r->any) ? NAN : r->any <= 0.05; }
static double drop_of(const reading *r, size_t b) { return r->drops[b]; }
static double aligned_of(const reading *r, size_t k) { return (void)k, r->aligned; }
static double interior_of(const reading *r, size_t k) { return (void)k, r->interior; }
static double terminal_of(const reading *r, size_t k) { return (void)k, r->terminal; }

/* Over the prompts that have it. */
static double mean_of(const network_readings *r, of_reading what, size_t k) {
  double sum = 0;
  size_t count = 0;
  for (size_t p = 0; p < r->prompts; p++) {
    double x = what(&r->of[p], k);
    if (!isnan(x)) sum += x, count++;
  }
  return count > 0 ? sum / (double)count : NAN;
}

static void print_share(double x) {
  if (isnan(x)) printf(" |");
  else printf(" %.2f |", x);
}

static dwell_status print_network(const network_readings *r, const char *name, const char *weights, dwell_error *err) {
  double gains[PROMPTS];
  interval found;
  bool valid;
  printf("| %s | %s |", name, weights);
  for (size_t l = 0; l < r->of[0].states; l++) printf(" %.3f", mean_of(r, effect_of, l));
  for (size_t p = 0; p < r->prompts; p++) gains[p] = r->of[p].gain;
  dwell_status status = interval_bootstrap_t(r->prompts, gains, 1, &found, &valid, err);
  if (status != DWELL_OK) return status;
  printf(" | %.4f (%.3f, %.3f) |", sample_mean(r->prompts, gains), found.low, found.high);
  print_share(mean_of(r, any_of, 0));
  printf(" %.2f to %.2f |", mean_of(r, first_of, 0), mean_of(r, last_of, 0));
  for (size_t b = 0; b < BETAS; b++) printf(" %.2f", mean_of(r, drop_of, b));
  printf(" | %.2f | %.2f, %.2f |\n", mean_of(r, aligned_of, 0), mean_of(r, interior_of, 0), mean_of(r, terminal_of, 0));
  fflush(stdout);
  return DWELL_OK;
}

static dwell_status run_subject(const dwell_context *ctx, const subject *s, const char *folder, dwell_error *err) {
  static network_readings r;
  dwell_model *model = NULL;
  dwell_status status = DWELL_OK;
  TRY(dwell_model_open(folder, ctx, &model, err));
  for (int random = 0; random < 2; random++) {
    TRY(read_network(ctx, model, s->molecules, random, &r, err));
    TRY(print_network(&r, s->name, random ? "random" : "trained", err));
    if (s->published[random] != NULL)
      printf("| %s | [%s] | %s|\n", s->name, random ? "random" : "trained", s->published[random]);
  }
done:
  dwell_model_destroy(model);
  return status;
}

static dwell_status run_trained(const dwell_context *ctx, dwell_error *err) {
  const char *shared = getenv("DWELL_SHARED");
  printf(
      "%d prompts each, cut at %d tokens, %d draws; random: the same with one draw of random weights, on the same ids. "
      "Means over prompts. g with a bootstrap-t interval; p_any: share of prompts with p_any_state <= .05; falls: "
      "max_drop_rel at beta .1, 1, 2, 5; aligned: share of the heads that can be tested; plateaus: share of prompts "
      "with interior ones at p <= .05, and with one that lasts to the last state. albert-rxnmapper reads reactions, "
      "all tokens, for it knows too few types, and so has no p_any. Rows in brackets: the specification (9.5).\n\n",
      PROMPTS, TOKENS, DRAWS);
  printf("| network | weights | effect by state | g | p_any | mean cosine | falls | aligned | plateaus |\n");
  printf("|---|---|---|---|---|---|---|---|---|\n");
  for (size_t k = 0; k < sizeof subjects / sizeof subjects[0]; k++) {
    char folder[1024], config[1100];
    const subject *s = &subjects[k];
    if (s->nursery) snprintf(folder, sizeof folder, "data/models/%s", s->name);
    else snprintf(folder, sizeof folder, "%s/models/%s", shared != NULL ? shared : "", s->name);
    snprintf(config, sizeof config, "%s/config.json", folder);
    if (access(config, R_OK) != 0) {
      fprintf(stderr, "calibrate trained: %s is not here\n", s->name);
      continue;
    }
    dwell_status status = run_subject(ctx, s, folder, err);
    if (status != DWELL_OK) return status;
  }
  return DWELL_OK;
}

const calibration_part calibrate_trained = {"trained", "Trained networks, for orientation", run_trained};
