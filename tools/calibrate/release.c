/* tools/calibrate/release.c - the error rate of the whole procedure: full studies of networks and flows in which there
 * is nothing to find, and of planted groups that must be found. `make release-test`; fails where a rate is too high.
 * Each study is a line of the table that is kept (kept.h); the same call goes on with those that are not there. */
#include <dwell/measure.h>
#include <dwell/model.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/context.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/random.h"
#include "base/threads.h"
#include "base/version.h"
#include "calibrate.h"
#include "kept.h"
#include "study/decide.h"
#include "study/flow_starts.h"
#include "study/special.h"
#include "study/work.h"
#include "test.h"

enum { PROMPTS = 12, TOKENS = 64, VOCABULARY = 4096, SEEDS = 5, DRAWS = 39, STUDIES = 400, NIGHTLY = 60, FAMILY = 6 };
enum {
  SAYS_A = 1,
  SAYS_B = 2,
  SAYS_C = 4,
  SAYS_D = 8,
  SAYS_E1 = 16,
  SAYS_E2 = 32,
  SAYS_FALSE = SAYS_A | SAYS_B | SAYS_C | SAYS_E1 | SAYS_E2
};

/* ---- networks of random weights, one of which is called trained ---- */

static const char *const configs[] = {
    "{\"model_type\": \"gpt2\", \"vocab_size\": 4096, \"n_embd\": 64, \"n_layer\": 6, \"n_head\": 4, \"n_positions\": "
    "128}",
    "{\"model_type\": \"bert\", \"vocab_size\": 4096, \"hidden_size\": 64, \"num_hidden_layers\": 6, "
    "\"num_attention_heads\": 4, \"intermediate_size\": 256, \"max_position_embeddings\": 128, \"type_vocab_size\": 2, "
    "\"hidden_act\": \"gelu\"}"};

static const char null_plan[] =
    "{\"models\": [\"net\"], \"prompts\": [\"all\"], \"controls\": {\"random\": 5}, \"nulls\": 39, \"control_nulls\": "
    "39}";

typedef struct null_study {
  study_plan plan;
  study_subject subject;
  study_text texts[PROMPTS];
  int64_t ids[PROMPTS][TOKENS];
  char names[PROMPTS][16];
  study_units units;
} null_study;

/* Distinct ids, one from each of TOKENS parts of the vocabulary. Three classes of texts, as rules ask for. */
static dwell_status make_study(size_t number, null_study *ret, dwell_error *err) {
  static const char *const classes[] = {"one", "two", "three"};
  const random_stream s = {.seed = number, .purpose = RANDOM_TEST, .replica = 41};
  dwell_status status = study_plan_read(null_plan, sizeof null_plan - 1, "plan", "", &ret->plan, err);
  ret->plan.seed = (int64_t)number;
  ret->subject = (study_subject){.label = "net", .model = "net", .series = "net", .step = NAN};
  for (size_t p = 0; p < PROMPTS; p++) {
    for (size_t i = 0; i < TOKENS; i++) {
      size_t part = VOCABULARY / TOKENS;
      ret->ids[p][i] = (int64_t)(i * part + random_below(&s, (uint32_t)p, (uint32_t)i, part));
    }
    snprintf(ret->names[p], sizeof ret->names[p], "text-%zu", p);
    ret->texts[p] = (study_text){
        .name = ret->names[p], .text_class = classes[p % 3], .kind = "text", .ids = ret->ids[p], .count = TOKENS};
  }
  ret->units = (study_units){.subjects = &ret->subject, .subject_count = 1, .texts = ret->texts, .text_count = PROMPTS};
  return status;
}

/* seed 0 is the one that is called trained. */
static dwell_status add_unit(const dwell_context *ctx, const null_study *s, dwell_model *model, uint64_t number,
                             size_t seed, size_t text, numbers *n, dwell_error *err) {
  const study_unit unit = {
      .text = text, .variant = seed == 0 ? VARIANT_TRAINED : VARIANT_RANDOM, .number = seed, .scale = 1};
  dwell_measure_options o = study_unit_options(&s->plan, &s->texts[text], &unit);
  dwell_model_options of = dwell_model_options_default();
  dwell_source *source = NULL;
  dwell_run *run = NULL;
  dwell_status status = DWELL_OK;
  if (seed == 0) o.instruments = study_read_columns_of_trained; /* nobody looks at the others */
  of.random_weights = true, of.random_seed = number * (SEEDS + 1) + seed;
  TRY(dwell_model_open_ids(model, s->ids[text], TOKENS, &of, &source, err));
  TRY(dwell_measure(ctx, source, &o, &run, err));
  TRY(numbers_add(n, &s->units, &unit, run, err));
done:
  dwell_run_destroy(run);
  dwell_source_destroy(source);
  return status;
}

static unsigned flag_of(const char *name) {
  for (unsigned k = 0; k < KEPT_CLAIMS; k++) {
    if (strcmp(name, kept_claims[k]) == 0) return 1U << k;
  }
  return 0;
}

static dwell_status decide_study(const null_study *s, const numbers *n, unsigned *ret_flags, dwell_error *err) {
  const claim_thresholds t = claim_thresholds_default();
  verdicts v;
  dwell_status status = study_decide(&s->plan, n, &t, &v, err);
  for (size_t i = 0; status == DWELL_OK && i < v.count; i++) {
    bool confirmed = v.rows[i].group == VERDICT_PRIMARY && v.rows[i].v.outcome == CLAIM_CONFIRMED;
    if (confirmed) *ret_flags |= flag_of(v.rows[i].claim->name);
  }
  verdicts_free(&v);
  return status;
}

/* Measures `seeds` networks (the first is called trained) on `texts` texts. Release *ret_study and *ret_numbers with
 * drop_study, also after an error. */
static dwell_status measure_study(size_t number, size_t seeds, size_t texts, null_study *ret_study,
                                  numbers *ret_numbers, dwell_error *err) {
  dwell_context alone = dwell_context_default();
  dwell_model *model = NULL;
  dwell_status status = DWELL_OK;
  alone.threads = 1, alone.seed = number;
  *ret_numbers = (numbers){0};
  TRY(make_study(number, ret_study, err));
  TRY(calibrate_open_config(configs[number % 2], &alone, &model, err));
  TRY(numbers_make(ret_numbers, err));
  for (size_t seed = 0; seed < seeds; seed++) {
    for (size_t p = 0; p < texts; p++) TRY(add_unit(&alone, ret_study, model, number, seed, p, ret_numbers, err));
  }
done:
  dwell_model_destroy(model);
  return status;
}

static void drop_study(null_study *s, numbers *n) {
  numbers_free(n);
  study_plan_free(&s->plan);
}

static dwell_status run_null(size_t number, kept_study *ret, dwell_error *err) {
  numbers n;
  null_study s = {0};
  dwell_status status = measure_study(number, 1 + SEEDS, PROMPTS, &s, &n, err);
  if (status == DWELL_OK) status = decide_study(&s, &n, &ret->says, err);
  drop_study(&s, &n);
  return status;
}

/* ---- flows that have nothing to be found ---- */

enum { FLOW_STUDIES = 100, STARTS = 20, FLOW_NEEDS = 3, FLOW_CLAIMS = 4 };

static void fill_start(const char *name, const start_numbers *s, double ret[FLOW_NEEDS]) {
  if (strcmp(name, "A") == 0) ret[0] = s->trend, ret[1] = s->p_any_state, ret[2] = 0;
  else if (strcmp(name, "B") == 0) ret[0] = s->staircase > log(2), ret[1] = ret[2] = 0;
  else if (strcmp(name, "D") == 0) ret[0] = s->drawdown, ret[1] = s->index, ret[2] = s->floors;
  else ret[0] = ret[1] = s->log_ratio, ret[2] = s->censored;
}

static dwell_status measure_starts(const dwell_context *ctx, double beta, start_numbers ret[STARTS], dwell_error *err) {
  const flow_starts_setting setting = {
      .flow = "sa", .n = TOKENS, .d = 3, .count = STARTS, .draws = DRAWS, .beta = beta, .until = 300};
  flow_starts all;
  dwell_status status = flow_starts_make(ctx, &setting, &all, err);
  if (status == DWELL_OK) status = flow_starts_measure(ctx, &all, ret, err);
  flow_starts_free(&all);
  return status;
}

static dwell_status run_flow(size_t number, kept_study *ret, dwell_error *err) {
  static const char *const names[FLOW_CLAIMS] = {"A", "B", "D", "E1"};
  const claim_thresholds t = claim_thresholds_default();
  dwell_context alone = dwell_context_default();
  start_numbers flow[STARTS], control[STARTS];
  claim_verdict found[FLOW_CLAIMS];
  dwell_status status = DWELL_OK;
  alone.threads = 1, alone.seed = 1000 + number;
  TRY(measure_starts(&alone, 1, flow, err));
  TRY(measure_starts(&alone, 0, control, err));
  for (size_t c = 0; c < FLOW_CLAIMS; c++) {
    double values[FLOW_NEEDS * STARTS], controls[FLOW_NEEDS * STARTS], of[FLOW_NEEDS];
    for (size_t k = 0; k < STARTS; k++) {
      fill_start(names[c], &flow[k], of);
      for (size_t m = 0; m < FLOW_NEEDS; m++) values[m * STARTS + k] = of[m];
      fill_start(names[c], &control[k], of);
      for (size_t m = 0; m < FLOW_NEEDS; m++) controls[m * STARTS + k] = of[m];
    }
    const claim_sample sample = {.flow = true,
                                 .prompts = STARTS,
                                 .seeds = 1,
                                 .values = values,
                                 .controls = controls,
                                 .layers = STARTS_STATES - 1,
                                 .seed = number};
    TRY(claim_find(names[c])->decide(&sample, &t, &found[c], err));
  }
  TRY(verdicts_settle(found, FLOW_CLAIMS, FLOW_CLAIMS, &t, err));
  for (size_t c = 0; c < FLOW_CLAIMS; c++) ret->says |= found[c].outcome == CLAIM_CONFIRMED ? flag_of(names[c]) : 0;
done:
  return status;
}

/* ---- planted groups ---- */

enum { PLANTED = 100, GROUPS = 4, DEPTHS = 7, PLANT_WIDTH = 64 };
/* Tuned once so that the mean of g is .07 with a standard deviation over texts of .025 (this program prints both). */
static const double STRENGTH = 0.83, SPREAD = 0.04;

/* State l of a text: groups that move apart in proportion to l; without groups `strength` is 0. Which token is in which
 * group is drawn: the twin keeps what is periodic in the order of the tokens. */
static double effect_at(uint64_t run, uint32_t text, size_t l, double strength, dwell_status *status,
                        dwell_error *err) {
  double x[TOKENS * PLANT_WIDTH];
  cluster_test t = {0};
  const random_stream s = {.seed = run, .purpose = RANDOM_TEST, .replica = 450};
  for (size_t i = 0; i < TOKENS; i++) {
    size_t group = random_below(&s, text, (uint32_t)i, GROUPS);
    for (size_t k = 0; k < PLANT_WIDTH; k++) {
      double centre = calibrate_normal(run, 500 + text, group, k);
      double noise = calibrate_normal(run, 1000 + text * DEPTHS + (uint32_t)l, i, k);
      x[i * PLANT_WIDTH + k] = strength * (double)l / (DEPTHS - 1) * centre + noise;
    }
  }
  if (*status == DWELL_OK) *status = cluster_test_run(TOKENS, PLANT_WIDTH, x, true, run * 100 + text, DRAWS, &t, err);
  return t.effect;
}

static dwell_status trend_of(uint64_t run, uint32_t text, double strength, double *ret, dwell_error *err) {
  dwell_status status = DWELL_OK;
  *ret = -effect_at(run, text, 0, strength, &status, err);
  for (size_t l = DEPTHS - DEPTHS / 3; l < DEPTHS; l++)
    *ret += effect_at(run, text, l, strength, &status, err) / (DEPTHS / 3);
  return status;
}

static dwell_status run_planted(size_t number, kept_study *ret, dwell_error *err) {
  const claim_thresholds t = claim_thresholds_default();
  double values[2 * PROMPTS], controls[2 * SEEDS * PROMPTS] = {0};
  claim_verdict v;
  dwell_status status = DWELL_OK;
  for (uint32_t p = 0; p < PROMPTS; p++) {
    double strength = STRENGTH * (1 + SPREAD * calibrate_normal(number, 400, p, 0));
    TRY(trend_of(number, p, strength, &values[p], err));
    values[PROMPTS + p] = 0.025; /* the groups of such texts are significant at some state */
    for (uint32_t k = 0; k < SEEDS; k++)
      TRY(trend_of(number + 100000, 100 * (k + 1) + p, 0, &controls[k * PROMPTS + p], err));
  }
  const claim_sample s = {
      .prompts = PROMPTS, .seeds = SEEDS, .values = values, .controls = controls, .layers = DEPTHS - 1, .seed = number};
  TRY(claim_find("A")->decide(&s, &t, &v, err));
  TRY(verdicts_settle(&v, 1, FAMILY, &t, err));
  ret->says = v.outcome == CLAIM_CONFIRMED ? SAYS_A : 0;
  ret->g = sample_mean(PROMPTS, values), ret->g_sd = sqrt(sample_variance(PROMPTS, values));
done:
  return status;
}

/* ---- what decides ---- */

static void describe(const numbers *n, strbuf *out) {
  const claim_thresholds t = claim_thresholds_default();
  strbuf_printf(out, "%s %d %d %d %s", version_number(), PROMPTS, SEEDS, VOCABULARY, null_plan);
  for (size_t k = 0; k < t.count; k++)
    strbuf_printf(out, "%s %s %a %a\n", t.items[k].claim, t.items[k].name, t.items[k].value, t.items[k].flow);
  table_write(&n->t, out);
}

/* Stands for version, thresholds, sizes, and all numbers of two networks of either architecture: what changes the bits
 * of a measurement changes it, what only makes it faster does not. The code of the verdicts is not seen. */
static dwell_status rules_of_build(char ret[KEPT_RULES], dwell_error *err) {
  char hex[DIGEST_SIZE] = "";
  digest *d = NULL;
  dwell_status status = digest_create(DIGEST_SHA256, &d, err);
  for (size_t number = 0; number < 2 && status == DWELL_OK; number++) {
    numbers n;
    null_study s = {0};
    strbuf text = {0};
    status = measure_study(number, 2, 1, &s, &n, err);
    if (status == DWELL_OK) describe(&n, &text);
    if (status == DWELL_OK && text.failed) status = error_no_memory(err, "the rules");
    if (status == DWELL_OK) digest_add(d, text.data, text.length);
    strbuf_free(&text);
    drop_study(&s, &n);
  }
  if (status == DWELL_OK) status = digest_end(d, hex, err);
  digest_destroy(d);
  snprintf(ret, KEPT_RULES, "%s", hex);
  return status;
}

/* ---- studies that are not done yet ---- */

typedef struct work {
  const dwell_context *ctx;
  kept_studies *kept;
  kept_kind kind;
  const char *stage;
  dwell_status (*run)(size_t number, kept_study *ret, dwell_error *err);
  size_t count;
  atomic_size_t next, finished;
} work;

/* The first one that is left, whichever item this is: fewer studies are the beginning of more. */
static dwell_status run_next(void *arg, size_t item, int worker, dwell_error *err) {
  work *w = arg;
  kept_study study = {.g = NAN, .g_sd = NAN};
  size_t number = w->next++;
  (void)item;
  while (w->kept->of[w->kind][number].done) number = w->next++;
  dwell_status status = w->run(number, &study, err);
  if (status == DWELL_OK) status = kept_add(w->kept, w->kind, number, &study, err);
  size_t finished = ++w->finished;
  if (status == DWELL_OK && worker == 0) context_progress(w->ctx, w->stage, (double)finished, (double)w->count);
  return status;
}

static dwell_status run_left(work *w, dwell_error *err) {
  w->finished = kept_done(w->kept, w->kind, w->count);
  context_progress(w->ctx, w->stage, (double)w->finished, (double)w->count);
  return threads_for(w->ctx, w->count - w->finished, run_next, w, err);
}

/* ---- the tables ---- */

static void print_line(const char *what, size_t found, size_t of, const char *bound, bool passes) {
  interval i = {found == 0 ? 0 : special_beta_quantile((double)found, (double)(of - found) + 1, 0.025),
                found == of ? 1 : special_beta_quantile((double)found + 1, (double)(of - found), 0.975)};
  printf("| %s | %zu of %zu | %.3f to %.3f | %s | %s |\n", what, found, of, i.low, i.high, bound,
         passes ? "yes" : "**no**");
  fflush(stdout);
}

static void print_head(void) { printf("| studies | found | 95 %% | allowed | passes |\n|---|---|---|---|---|\n"); }

static void print_claim(const kept_studies *k, const char *what, size_t studies, unsigned which) {
  print_line(what, kept_say(k, KEPT_NETWORK, studies, which), studies, "", true);
}

static dwell_status null_networks(const dwell_context *ctx, kept_studies *k, size_t studies, size_t most,
                                  bool *ret_pass, dwell_error *err) {
  char bound[32];
  work w = {ctx, k, KEPT_NETWORK, "networks", run_null, studies};
  dwell_status status = run_left(&w, err);
  if (status != DWELL_OK) return status;
  size_t found = kept_say(k, KEPT_NETWORK, studies, SAYS_FALSE);
  snprintf(bound, sizeof bound, "at most %zu", most);
  print_line("random networks: any CONFIRMED but D", found, studies, bound, found <= most);
  print_claim(k, "the same: A", studies, SAYS_A);
  print_claim(k, "the same: C", studies, SAYS_C);
  print_claim(k, "the same: E1", studies, SAYS_E1);
  print_claim(k, "the same: D, which has no control", studies, SAYS_D);
  *ret_pass = *ret_pass && found <= most;
  return DWELL_OK;
}

static dwell_status null_flows(const dwell_context *ctx, kept_studies *k, bool *ret_pass, dwell_error *err) {
  enum { MOST = 2 };
  work w = {ctx, k, KEPT_FLOW, "flows", run_flow, FLOW_STUDIES};
  dwell_status status = run_left(&w, err);
  if (status != DWELL_OK) return status;
  size_t found = kept_say(k, KEPT_FLOW, FLOW_STUDIES, SAYS_A | SAYS_B | SAYS_E1);
  print_line("SA, beta 1 against 0: A, B or E1 CONFIRMED", found, FLOW_STUDIES, "at most 2", found <= MOST);
  *ret_pass = *ret_pass && found <= MOST;
  return DWELL_OK;
}

static dwell_status planted_groups(const dwell_context *ctx, kept_studies *k, bool *ret_pass, dwell_error *err) {
  enum { LEAST = 89 };
  double mean = 0, variance = 0;
  work w = {ctx, k, KEPT_PLANTED, "planted", run_planted, PLANTED};
  dwell_status status = run_left(&w, err);
  if (status != DWELL_OK) return status;
  size_t found = kept_say(k, KEPT_PLANTED, PLANTED, SAYS_A);
  print_line("planted groups: A CONFIRMED", found, PLANTED, "at least 89", found >= LEAST);
  for (size_t i = 0; i < PLANTED; i++) {
    const kept_study *s = &k->of[KEPT_PLANTED][i];
    mean += s->g / PLANTED, variance += s->g_sd * s->g_sd / PLANTED;
  }
  printf("\nPlanted g: mean %.3f, standard deviation over texts %.3f.\n", mean, sqrt(variance));
  *ret_pass = *ret_pass && found >= LEAST;
  return DWELL_OK;
}

static dwell_status run_all(const dwell_context *ctx, const char *opt_file, size_t studies, size_t most,
                            dwell_error *err) {
  bool pass = true;
  char rules[KEPT_RULES];
  kept_studies kept = {.file = -1};
  dwell_status status = rules_of_build(rules, err);
  if (status != DWELL_OK) return status;
  TRY(kept_open(opt_file, rules, &kept, err));
  printf(
      "%d texts of %d distinct ids, 6 blocks of width 64, %d random networks as controls, %d draws, a family of %d. "
      "The interval is that of Clopper and Pearson. Rules %s.\n\n",
      PROMPTS, TOKENS, SEEDS, DRAWS, FAMILY, rules);
  print_head();
  fflush(stdout);
  TRY(null_networks(ctx, &kept, studies, most, &pass, err));
  TRY(null_flows(ctx, &kept, &pass, err));
  TRY(planted_groups(ctx, &kept, &pass, err));
  if (!pass) status = error_set(err, DWELL_CHECK_FAILED, "the rules are wrong more often than they may be");
done:
  kept_close(&kept);
  return status;
}

static dwell_status run_release(const dwell_context *ctx, const char *opt_file, dwell_error *err) {
  return run_all(ctx, opt_file, STUDIES, 21, err);
}
static dwell_status run_nightly(const dwell_context *ctx, const char *opt_file, dwell_error *err) {
  return run_all(ctx, opt_file, NIGHTLY, 1, err);
}

const calibration_part calibrate_release = {
    "release", "The whole procedure where there is nothing to find, and where there is", .run_kept = run_release};
const calibration_part calibrate_nightly = {"nightly", "The same with fewer studies of networks",
                                            .run_kept = run_nightly};
