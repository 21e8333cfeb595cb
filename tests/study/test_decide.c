/* A table of numbers with planted effects, decided: each claim, the family, controls, other thresholds. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/random.h"
#include "study/decide.h"
#include "study/finish.h"
#include "study/verdicts.h"
#include "util/testing.h"

static double noise(uint32_t i, uint32_t j) {
  return random_normal(&(random_stream){.seed = 11, .purpose = RANDOM_TEST}, i, j);
}

static const char *const registers[] = {"news", "code", "latex"};

typedef struct row {
  const char *model, *variant, *kind, *sweep, *series;
  double seed, scale, step, tokens, trend, collapse;
  size_t text;
  double blocks;
} row;

static void add(numbers *n, const row *r) {
  dwell_error err;
  size_t at;
  char text[64];
  snprintf(text, sizeof text, "text-%zu%s", r->text, r->sweep != NULL ? testing_format("=%g", r->tokens) : "");
  assert_ok(table_add_row(&n->t, &at, &err), &err);
  const char *const texts[] = {r->model, r->variant, text, registers[r->text % 3], r->kind, r->sweep, r->series};
  for (size_t k = 0; k < NUMBER_TEXTS; k++) {
    if (texts[k] != NULL) assert_ok(table_set_text(&n->t, at, k, texts[k], &err), &err);
  }
  const struct {
    study_number column;
    double x;
  } values[] = {{NUMBER_SEED, r->seed},
                {NUMBER_SCALE, r->scale},
                {NUMBER_STEP, r->step},
                {NUMBER_FLOW, 0},
                {NUMBER_CAUSAL, 1},
                {NUMBER_BLOCKS, r->blocks},
                {NUMBER_TYPES, 60},
                {NUMBER_TOKENS, r->tokens},
                {NUMBER_TREND, r->trend},
                {NUMBER_TREND_LN, r->trend},
                {NUMBER_TREND_ROBUST, r->trend},
                {NUMBER_P_ANY_STATE, 0.02},
                {NUMBER_PLATEAU, r->text % 4 != 0 && strcmp(r->variant, "trained") == 0},
                {NUMBER_TERMINAL, 0},
                {NUMBER_COLLAPSE, r->collapse},
                {NUMBER_LOG_RATIO, r->blocks > 20 ? 3 : 0.1},
                {NUMBER_LOG_RATIO_TAU, r->blocks > 20 ? 3 : 0.1},
                {NUMBER_CENSORED, 0},
                {NUMBER_CONSENSUS, 0.2}};
  for (size_t k = 0; k < sizeof values / sizeof values[0]; k++)
    table_set_number(&n->t, at, values[k].column, values[k].x);
}

enum { PROMPTS = 24, SEEDS = 19 };

/* A model whose texts have a trend of about `trend`, its seeds `random`. */
static void plant(numbers *n, const char *model, double trend, double random, double blocks, uint32_t stream) {
  for (size_t p = 0; p < PROMPTS; p++) {
    double code = p % 3 == 1 ? 0.05 : 0; /* claim F: code clusters more */
    add(n, &(row){model, "trained", "text", NULL, model, NAN, 1, NAN, 100,
                  trend + code + 0.02 * noise(stream, (uint32_t)p), 0.3 + 0.02 * noise(stream + 1, (uint32_t)p), p,
                  blocks});
  }
  for (size_t s = 1; s <= SEEDS; s++) {
    for (size_t p = 0; p < PROMPTS; p++)
      add(n, &(row){model, "random", "text", NULL, model, (double)s, 1, NAN, 100,
                    random + 0.005 * noise(stream + 2, (uint32_t)(s * 100 + p)), 0.1, p, blocks});
  }
}

static void read_plan(const char *text, study_plan *p) {
  dwell_error err;
  assert_ok(study_plan_read(text, strlen(text), "plan", "", p, &err), &err);
}

static void decide(const study_plan *p, const numbers *n, const claim_thresholds *t, verdicts *v) {
  dwell_error err;
  const claim_thresholds own = claim_thresholds_default();
  assert_ok(study_decide(p, n, t != NULL ? t : &own, v, &err), &err);
}

static const verdict_row *find(const verdicts *v, const char *claim_name, const char *model) {
  for (size_t i = 0; i < v->count; i++) {
    if (strcmp(v->rows[i].claim->name, claim_name) == 0 && strcmp(v->rows[i].model, model) == 0) return &v->rows[i];
  }
  fail_msg("there is no verdict on %s of %s", claim_name, model);
  return NULL;
}

static void assert_verdict(const verdicts *v, const char *claim_name, const char *model, claim_outcome outcome,
                           const char *reason) {
  const verdict_row *of = find(v, claim_name, model);
  const char *said = of->v.reason != NULL ? of->v.reason : "";
  if (of->v.outcome != outcome || strcmp(said, reason) != 0)
    fail_msg("%s of %s: %s %s, not %s %s (effect %g, %g to %g)", claim_name, model, claim_outcome_name(of->v.outcome),
             said, claim_outcome_name(outcome), reason, of->v.effect, of->v.interval.low, of->v.interval.high);
}

static void models(void **state) {
  numbers n;
  study_plan p;
  verdicts v;
  dwell_error err;
  (void)state;
  assert_ok(numbers_make(&n, &err), &err);
  plant(&n, "strong", 0.08, 0.005, 24, 10);
  plant(&n, "weak", 0.001, 0.0, 24, 20);
  read_plan("{\"models\":[\"strong\",\"weak\",\"absent\"],\"prompts\":[\"all\"]}", &p);
  decide(&p, &n, NULL, &v);
  assert_int_equal(v.family, 18);
  assert_verdict(&v, "A", "strong", CLAIM_CONFIRMED, "");
  assert_verdict(&v, "B", "strong", CLAIM_CONFIRMED, "");
  assert_verdict(&v, "C", "strong", CLAIM_SUSPENDED, "few_heads");
  assert_verdict(&v, "D", "strong", CLAIM_SUSPENDED, "beta_uncalibrated");
  assert_verdict(&v, "E1", "strong", CLAIM_CONFIRMED, "");
  assert_verdict(&v, "E2", "strong", CLAIM_SUSPENDED, "few_seeds");
  assert_verdict(&v, "A", "weak", CLAIM_SUSPENDED, "negligible_or_unclear"); /* code lifts the interval to the margin */
  assert_verdict(&v, "B", "weak", CLAIM_SUSPENDED, "negligible_or_unclear");
  assert_verdict(&v, "A", "absent", CLAIM_SUSPENDED, "few_prompts");
  assert_string_equal(find(&v, "A", "absent")->settle, "measuring it: there is no run of it");
  assert_verdict(&v, "F", "strong", CLAIM_CONFIRMED, "");
  assert_verdict(&v, "A", "strong, random weights", CLAIM_FALSIFIED, "");
  assert_true(find(&v, "A", "strong, random weights")->group == VERDICT_CONTROL);
  verdicts_free(&v);
  study_plan_free(&p);
  numbers_free(&n);
}

static void add_orders(numbers *n, const char *model, double trend, size_t count) {
  for (size_t k = 1; k <= count; k++) {
    for (size_t p = 0; p < PROMPTS; p++)
      add(n, &(row){model, "shuffled", "text", NULL, model, (double)k, 1, NAN, 100,
                    trend + 0.01 * noise(90 + (uint32_t)k, (uint32_t)p), 0.1, p, 24});
  }
}

/* Tokens that group in any order are not CONFIRMED, neither as texts nor as the control that shuffled tokens are. */
static void other_orders(void **state) {
  numbers n;
  study_plan p;
  verdicts v;
  dwell_error err;
  strbuf csv = {0};
  (void)state;
  assert_ok(numbers_make(&n, &err), &err);
  plant(&n, "reads", 0.12, 0.005, 24, 10);
  add_orders(&n, "reads", 0.04, 3);
  plant(&n, "groups", 0.08, 0.005, 24, 10);
  add_orders(&n, "groups", 0.08 + 0.05 / 3, 1);
  read_plan("{\"models\":[\"reads\",\"groups\"],\"prompts\":[\"all\"],\"controls\":{\"shuffled\":3}}", &p);
  decide(&p, &n, NULL, &v);
  assert_verdict(&v, "A", "reads", CLAIM_CONFIRMED, "");
  double order = 0;
  for (uint32_t t = 0; t < PROMPTS; t++) {
    order += 0.12 + (t % 3 == 1 ? 0.05 : 0) + 0.02 * noise(10, t) - 0.04;
    for (uint32_t k = 1; k <= 3; k++) order -= 0.01 * noise(90 + k, t) / 3;
  }
  assert_near(find(&v, "A", "reads")->v.order, order / PROMPTS, 1e-12, 0);
  assert_verdict(&v, "A", "reads, shuffled tokens", CLAIM_SUSPENDED, "control_equal");
  order = 0; /* the first order against the two others and the text */
  for (uint32_t t = 0; t < PROMPTS; t++) {
    double text = 0.12 + (t % 3 == 1 ? 0.05 : 0) + 0.02 * noise(10, t);
    order += 0.04 + 0.01 * noise(91, t) - (0.08 + 0.01 * (noise(92, t) + noise(93, t)) + text) / 3;
  }
  assert_near(find(&v, "A", "reads, shuffled tokens")->v.order, order / PROMPTS, 1e-12, 0);
  assert_verdict(&v, "A", "groups", CLAIM_SUSPENDED, "control_equal");
  assert_true(strstr(find(&v, "A", "groups")->settle, "other orders (") != NULL);
  assert_true(strstr(find(&v, "A", "groups")->beside, "beyond the same tokens in other orders") != NULL);
  /* one order alone is held against the text that it is an order of */
  assert_verdict(&v, "A", "groups, shuffled tokens", CLAIM_SUSPENDED, "control_equal");
  assert_true(find(&v, "A", "groups, random weights")->v.reason == NULL);
  verdicts_csv(&v, &csv);
  assert_true(strstr(csv.data, ",family,notes,order,order_lo,order_hi\n") != NULL);
  strbuf_free(&csv);
  verdicts_free(&v);
  study_plan_free(&p);
  numbers_free(&n);
}

/* What Holm takes from A it takes from B, which rests on it. 12 texts, and a family of 600. */
static void multiplicity(void **state) {
  numbers n;
  study_plan p;
  verdicts v;
  dwell_error err;
  strbuf plan = {0};
  (void)state;
  assert_ok(numbers_make(&n, &err), &err);
  plant(&n, "strong", 0.012 + 0.01, 0.0, 24, 10);
  strbuf_puts(&plan, "{\"prompts\":[\"all\"],\"models\":[\"strong\"");
  for (int k = 0; k < 999; k++) strbuf_printf(&plan, ",\"m%d\"", k);
  strbuf_puts(&plan, "]}");
  read_plan(plan.data, &p);
  decide(&p, &n, NULL, &v);
  assert_int_equal(v.family, 6000);
  assert_verdict(&v, "A", "strong", CLAIM_SUSPENDED, "multiplicity");
  assert_true(strstr(find(&v, "A", "strong")->settle, "family of 6000") != NULL);
  assert_true(find(&v, "B", "strong")->v.outcome == CLAIM_SUSPENDED);
  verdicts_free(&v);
  study_plan_free(&p);
  numbers_free(&n);
  strbuf_free(&plan);
}

static void interventions(void **state) {
  static const double scales[] = {0.5, 0.7, 1.4, 2};
  numbers n;
  study_plan p;
  verdicts v;
  dwell_error err;
  (void)state;
  assert_ok(numbers_make(&n, &err), &err);
  plant(&n, "m", 0.08, 0.005, 12, 10);
  for (size_t k = 0; k < 4; k++) {
    for (size_t t = 0; t < PROMPTS; t++)
      add(&n, &(row){"m", "scale-wo", "text", NULL, "m", NAN, scales[k], NAN, 100, NAN,
                     0.3 + 0.02 * noise(11, (uint32_t)t), t, 12});
  }
  for (size_t k = 1; k <= 39; k++) {
    for (size_t t = 0; t < PROMPTS; t++)
      add(&n, &(row){"m", "rotate-wo", "text", NULL, "m", (double)k, NAN, NAN, 100, NAN,
                     0.1 + 0.01 * noise(40, (uint32_t)k), t, 12});
  }
  read_plan("{\"models\":[\"m\"],\"prompts\":[\"all\"],\"controls\":{\"rotations\":39}}", &p);
  decide(&p, &n, NULL, &v);
  assert_verdict(&v, "E2", "m", CLAIM_FALSIFIED, ""); /* scales change nothing */
  verdicts_free(&v);
  study_plan_free(&p);
  numbers_free(&n);
}

static void lengths_and_steps(void **state) {
  static const double lengths[] = {64, 128, 256}, steps[] = {0, 10, 100, 1000, 3000, 10000};
  numbers n;
  study_plan p;
  verdicts v;
  dwell_error err;
  (void)state;
  assert_ok(numbers_make(&n, &err), &err);
  for (size_t k = 0; k < 6; k++) { /* rises above the seeds from step 1000 on */
    const char *model = testing_format("m@step%g", steps[k]);
    for (size_t t = 0; t < PROMPTS; t++)
      add(&n, &(row){model, "trained", "text", NULL, "m", NAN, 1, steps[k], 100,
                     k < 3 ? 0.001 : 0.04 + 0.01 * (double)k, 0.1, t, 12});
  }
  plant(&n, "m", 0.12, 0.005, 12, 10);
  for (size_t t = 0; t < 12; t++) {
    const char *sweep = testing_format("text-%zu", t);
    for (size_t k = 0; k < 3; k++) {
      double x = 0.03 * log(lengths[k]) + 0.001 * noise(60 + (uint32_t)k, (uint32_t)t);
      add(&n, &(row){"m", "trained", "sweep", sweep, "m", NAN, 1, NAN, lengths[k], x, 0.1, t, 12});
      for (size_t s = 1; s <= SEEDS; s++)
        add(&n, &(row){"m", "random", "sweep", sweep, "m", (double)s, 1, NAN, lengths[k], 0.01 * log(lengths[k]), 0.1,
                       t, 12});
    }
  }
  read_plan("{\"models\":[{\"model\":\"m\",\"checkpoints\":[\"step0\",\"step10\"]}],\"prompts\":[\"all\"]}", &p);
  decide(&p, &n, NULL, &v);
  assert_verdict(&v, "G", "m", CLAIM_CONFIRMED, "");
  assert_near(find(&v, "G", "m")->v.effect, 1000, 0, 0);
  assert_near(find(&v, "G", "m")->v.interval.low, 100, 0, 0);
  assert_verdict(&v, "H", "m", CLAIM_CONFIRMED, "");
  assert_near(find(&v, "H", "m")->v.effect, 0.02, 0.1, 0);
  verdicts_free(&v);
  study_plan_free(&p);
  numbers_free(&n);
}

static void depths(void **state) {
  numbers n;
  study_plan p;
  verdicts v;
  dwell_error err;
  (void)state;
  assert_ok(numbers_make(&n, &err), &err);
  const double blocks[] = {6, 12, 24, 48};
  for (size_t k = 0; k < 4; k++)
    plant(&n, testing_format("d%g", blocks[k]), 0.05, 0, blocks[k], 10 * (uint32_t)(k + 1));
  read_plan(
      "{\"models\":[\"d6\",\"d12\",\"d24\",\"d48\"],\"prompts\":[\"all\"],\"depths\":[[\"d48\",\"d6\",\"d24\",\"d12\"],"
      "[\"d6\",\"d12\"]]}",
      &p);
  decide(&p, &n, NULL, &v);
  const char *all = "d48, d6, d24, d12";
  assert_verdict(&v, "I", all, CLAIM_CONFIRMED, "");
  assert_near(find(&v, "I", all)->v.interval.low, 12, 0, 0);
  assert_near(find(&v, "I", all)->v.interval.high, 24, 0, 0);
  assert_verdict(&v, "I", "d6, d12", CLAIM_SUSPENDED, "depth_range");
  verdicts_free(&v);
  study_plan_free(&p);
  numbers_free(&n);
}

/* Models are the sample of J: planted numbers, 5 and 5. */
static void masks(void **state) {
  double values[30];
  const claim_thresholds t = claim_thresholds_default();
  claim_verdict v;
  dwell_error err;
  (void)state;
  for (size_t k = 0; k < 10; k++) {
    values[k] = (k < 5 ? 0.10 : 0.02) + 0.004 * noise(70, (uint32_t)k);
    values[10 + k] = k >= 5 ? 1 : 0, values[20 + k] = NAN;
  }
  claim_sample s = {.prompts = 10, .values = values, .seed = 1};
  assert_ok(claim_find("J")->decide(&s, &t, &v, &err), &err);
  assert_int_equal(v.outcome, CLAIM_CONFIRMED);
  assert_near(v.effect, 0.08, 0.1, 0);
  for (size_t k = 0; k < 10; k++) values[10 + k] = k >= 7; /* 7 and 3 */
  assert_ok(claim_find("J")->decide(&s, &t, &v, &err), &err);
  assert_int_equal(v.outcome, CLAIM_SUSPENDED);
  assert_string_equal(v.reason, "few_models");
  double paired[42];
  for (size_t k = 0; k < 14; k++) {
    paired[k] = 0.02 * (double)(k / 2) + (k % 2 == 0 ? 0.05 : 0) + 0.003 * noise(71, (uint32_t)k);
    paired[14 + k] = (double)(k % 2), paired[28 + k] = (double)(k / 2);
  }
  s = (claim_sample){.prompts = 14, .values = paired, .seed = 1};
  assert_ok(claim_find("J")->decide(&s, &t, &v, &err), &err);
  assert_int_equal(v.outcome, CLAIM_CONFIRMED);
  assert_int_equal(v.prompts, 7);
}

/* Changing a threshold needs no measurement, and the tables go through files unchanged. */
static void again(void **state) {
  numbers n, read;
  study_plan p;
  verdicts v, other;
  dwell_error err;
  arena storage = {0};
  claim_thresholds t;
  (void)state;
  assert_ok(numbers_make(&n, &err), &err);
  plant(&n, "007", 0.08, 0.005, 24, 10); /* a name that looks like a number */
  const char *path = testing_format("%s/numbers.csv", testing_folder());
  assert_ok(numbers_save(&n, path, &err), &err);
  assert_ok(numbers_load(path, &read, &err), &err);
  read_plan("{\"models\":[\"strong\"],\"prompts\":[\"all\"]}", &p);
  p.models[0].model = "007";
  decide(&p, &n, NULL, &v);
  assert_verdict(&v, "A", "007", CLAIM_CONFIRMED, "");
  const char *claims = testing_format("%s/claims.json", testing_folder());
  static const char words[] = "{\"about\":\"x\",\"A\":[{\"name\":\"margin\",\"value\":0.2}]}";
  testing_write(claims, words, strlen(words));
  assert_ok(claim_thresholds_read(claims, &storage, &t, &err), &err);
  decide(&p, &n, &t, &other);
  assert_verdict(&other, "A", "007", CLAIM_FALSIFIED, "");
  static const char wrong[] = "{\"A\":[{\"name\":\"margni\",\"value\":0.2}]}";
  testing_write(claims, wrong, strlen(wrong));
  assert_fails(claim_thresholds_read(claims, &storage, &t, &err), DWELL_BAD_INPUT, &err, "no threshold \"margni\"");
  static const char other_table[] = "a,b\n1,2\n";
  testing_write(path, other_table, strlen(other_table));
  numbers_free(&read);
  assert_fails(numbers_load(path, &read, &err), DWELL_BAD_INPUT, &err, "not the table of numbers");
  numbers_free(&read);
  verdicts_free(&v), verdicts_free(&other);
  study_plan_free(&p);
  numbers_free(&n);
  arena_clear(&storage);
}

/* The columns that others rely on come first, in this order. */
static void table_of_verdicts(void **state) {
  numbers n;
  study_plan p;
  verdicts v;
  dwell_error err;
  strbuf csv = {0}, json = {0}, words = {0};
  (void)state;
  assert_ok(numbers_make(&n, &err), &err);
  plant(&n, "gpt2", 0.08, 0.005, 24, 10);
  read_plan("{\"models\":[\"gpt2\"],\"prompts\":[\"all\"]}", &p);
  decide(&p, &n, NULL, &v);
  verdicts_csv(&v, &csv), verdicts_json(&v, &p, NULL, &json), verdicts_print(&v, 80, false, &words);
  static const char head[] = "claim,model,verdict,effect,lo,hi,p,p_holm,prompts,control,reason,";
  assert_memory_equal(csv.data, head, sizeof head - 1);
  assert_true(strstr(csv.data, "\nA,gpt2,CONFIRMED,0.") != NULL);
  assert_true(strstr(csv.data, "nan") == NULL && strstr(csv.data, "inf") == NULL);
  assert_true(strstr(json.data, "share of close pairs up to .87-.97") != NULL); /* what was published of gpt2 */
  assert_true(strstr(words.data, "CONFIRMED") != NULL && strstr(words.data, "It would be settled by") != NULL);
  for (const char *line = words.data, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
    if (strncmp(line, "      ", 6) == 0 && strncmp(line + 6, "effect", 6) != 0) assert_true(end - line <= 80);
  }
  verdicts_free(&v);
  study_plan_free(&p);
  numbers_free(&n);
  strbuf_free(&csv), strbuf_free(&json), strbuf_free(&words);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(models),
      cmocka_unit_test(other_orders),
      cmocka_unit_test(multiplicity),
      cmocka_unit_test(interventions),
      cmocka_unit_test(lengths_and_steps),
      cmocka_unit_test(depths),
      cmocka_unit_test(masks),
      cmocka_unit_test(again),
      cmocka_unit_test(table_of_verdicts),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
