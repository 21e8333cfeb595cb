/* Plans: what is read, what is refused and how, the units they become, and what is known of them before. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "study/evidence.h"
#include "study/forecast.h"
#include "study/units.h"
#include "util/testing.h"

static dwell_status read(const char *text, study_plan *p, dwell_error *err) {
  return study_plan_read(text, strlen(text), "plan.json", "", p, err);
}

static void whole_plan(void **state) {
  static const char text[] =
      "{\"title\":\"t\",\"about\":\"a\",\"models\":[\"nursery:gpt2-nursery\",{\"model\":\"x/albert\",\"name\":\"al\","
      "\"iterations\":[3,6],\"prompts\":[\"news_storm\"]},{\"model\":\"m\",\"checkpoints\":[\"step1\",\"step10\"]}],"
      "\"prompts\":[\"all\",{\"register\":\"news\"},{\"prompt\":\"sweep_river\",\"lengths\":[64,128]},"
      "{\"file\":\"a.txt\",\"name\":\"mine\",\"class\":\"own\"}],"
      "\"controls\":{\"random\":5,\"shuffled\":1,\"repeated\":true,\"rotations\":39},"
      "\"flows\":[{\"d\":3,\"beta\":9,\"n\":32,\"starts\":20,\"until\":50}],\"nulls\":39,\"control_nulls\":19,"
      "\"max_tokens\":96,\"seed\":7,\"instruments\":\"all\",\"claims\":[\"A\",\"G\"],"
      "\"depths\":[[\"a\",\"b\"]],\"pairs\":[[\"a\",\"b\"]],\"classes\":[{\"name\":\"c\",\"registers\":[\"news\"]}]}";
  study_plan p;
  dwell_error err;
  (void)state;
  assert_ok(read(text, &p, &err), &err);
  assert_int_equal(p.model_count, 3);
  assert_string_equal(p.models[0].model, "nursery:gpt2-nursery");
  assert_string_equal(p.models[1].name, "al");
  assert_int_equal(p.models[1].iteration_count, 2);
  assert_int_equal(p.models[1].iterations[1], 6);
  assert_int_equal(p.models[1].texts.count, 1);
  assert_int_equal(p.models[2].checkpoint_count, 2);
  assert_int_equal(p.texts.count, 4);
  assert_int_equal(p.texts.items[0].kind, PLAN_ALL_TEXTS);
  assert_int_equal(p.texts.items[1].kind, PLAN_REGISTER);
  assert_int_equal(p.texts.items[2].lengths[1], 128);
  assert_string_equal(p.texts.items[3].text_class, "own");
  assert_int_equal(p.random, 5);
  assert_int_equal(p.rotations, 39);
  assert_true(p.repeated);
  assert_int_equal(p.flows[0].starts, 20);
  assert_near(p.flows[0].beta, 9, 0, 0);
  assert_int_equal(p.seed, 7);
  assert_int_equal(p.claim_count, 2);
  assert_int_equal(p.depths.items[0].count, 2);
  assert_string_equal(p.classes[0].registers[0], "news");
  study_plan_free(&p);
}

static void defaults(void **state) {
  study_plan p;
  dwell_error err;
  (void)state;
  assert_ok(read("{\"models\":[\"m\"],\"prompts\":[\"all\"]}", &p, &err), &err);
  assert_int_equal(p.random, 19);
  assert_int_equal(p.nulls, 199);
  assert_int_equal(p.claim_count, 6);
  assert_int_equal(p.seed, 0);
  study_plan_free(&p);
}

/* Each says what is wrong, where, and what to do. */
static void refused(void **state) {
  static const struct {
    const char *text, *words, *place;
  } cases[] = {
      {"{\"modles\":[]}", "there is no key \"modles\"", "Did you mean \"models\"?"},
      {"{\"models\":[{\"model\":\"m\",\"iteration\":[1]}]}", "no key \"iteration\"", "Did you mean \"iterations\"?"},
      {"{\"zzzzzz\":1}", "no key \"zzzzzz\"", "Known here: title, about, models"},
      {"{\"models\":\"m\"}", "expected a list, found a text", "models"},
      {"{\"models\":[3]}", "expected an object, found a number", "models[0]"},
      {"{\"models\":[{\"name\":\"x\"}]}", "\"model\" is missing", "models[0]"},
      {"{\"seed\":-1}", "expected a whole number from 0", "seed"},
      {"{\"seed\":1.5}", "expected a whole number", "seed"},
      {"{\"nulls\":5}", "from 19 to 100000", "nulls"},
      {"{\"controls\":{\"random\":\"many\"}}", "expected a number, found a text", "controls.random"},
      {"{\"seed\":1,\"seed\":2}", "twice", "seed"},
      {"{\"models\":[\"m\"]}", "no \"prompts\"", "models[0]"},
      {"{\"prompts\":[\"all\"]}", "names no models and no flows", ""},
      {"{\"models\":[\"m\"],\"prompts\":[{\"class\":\"x\"}]}", "one of \"prompt\", \"register\", \"file\"",
       "prompts[0]"},
      {"{\"models\":[\"m\"],\"prompts\":[\"all\"],\"claims\":[\"A\",\"Q\"]}", "no claim \"Q\"", "claims[1]"},
      {"{\"models\":[\"m\"],\"prompts\":[\"all\"],\"pairs\":[[\"a\"]]}", "a pair is two", "pairs[0]"},
      {"{\"models\":[\"\"],\"prompts\":[\"all\"]}", "a text is empty", "models[0]"},
      {"[]", "expected an object", ""},
      {"{\"models\":[\"m\"],\"prompts\":[\"all\"]} x", "", "plan.json"},
      {"", "", "plan.json"},
  };
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    study_plan p;
    dwell_error err = {.offset = -1};
    char text[1600];
    assert_int_equal(read(cases[i].text, &p, &err), DWELL_BAD_INPUT);
    dwell_error_text(&err, text, sizeof text);
    if (strstr(text, cases[i].words) == NULL || strstr(text, cases[i].place) == NULL ||
        strstr(text, "plan.json") == NULL)
      fail_msg("%s: %s", cases[i].text, text);
    study_plan_free(&p);
  }
}

/* No prefix of a plan is taken for one, and none does harm. */
static void cut_short(void **state) {
  static const char text[] =
      "{\"models\":[{\"model\":\"m\",\"iterations\":[1,2]}],\"prompts\":[{\"register\":\"news\"}],\"controls\":{"
      "\"random\":3}}";
  (void)state;
  for (size_t size = 0; size + 1 < sizeof text - 1; size++) {
    study_plan p;
    dwell_error err;
    assert_int_equal(study_plan_read(text, size, "plan.json", "", &p, &err), DWELL_BAD_INPUT);
    study_plan_free(&p);
  }
}

static void presets(void **state) {
  dwell_error err;
  const study_preset *preset;
  (void)state;
  assert_int_equal(study_preset_count, 4);
  for (size_t k = 0; k < study_preset_count; k++) {
    study_plan p;
    study_units u;
    preset = &study_preset_table[k];
    assert_ok(study_plan_read(preset->text, preset->size, preset->name, "", &p, &err), &err);
    assert_true(p.title != NULL && p.about != NULL);
    assert_ok(study_units_make(&p, &u, &err), &err);
    assert_true(u.count > 20);
    study_units_free(&u);
    study_plan_free(&p);
  }
  assert_fails(study_preset_find("dmo", &preset, &err), DWELL_USAGE, &err, "no preset \"dmo\"");
  assert_string_equal(err.remedy, "Did you mean \"demo\"?");
}

static void example(void **state) {
  study_plan p;
  dwell_error err;
  size_t size;
  char *text = testing_read(testing_source("examples/plan.json"), &size);
  (void)state;
  assert_ok(study_plan_read(text, size, "plan.json", "", &p, &err), &err);
  assert_int_equal(p.model_count, 4);
  study_plan_free(&p);
  free(text);
}

/* ---- units ---- */

static size_t count_variant(const study_units *u, study_variant v) {
  size_t count = 0;
  for (size_t i = 0; i < u->count; i++) count += u->units[i].variant == v;
  return count;
}

static void units_of_a_plan(void **state) {
  static const char text[] =
      "{\"models\":[\"a/m\",{\"model\":\"b/"
      "albert\",\"iterations\":[2,4]},{\"model\":\"c\",\"checkpoints\":[\"step1\"]}],"
      "\"prompts\":[\"news_storm\",\"news_storm\",{\"prompt\":\"sweep_river\",\"lengths\":[64,128]}],"
      "\"controls\":{\"random\":2,\"shuffled\":1,\"repeated\":true,\"rotations\":3},\"flows\":[{}]}";
  study_plan p;
  study_units u;
  dwell_error err;
  const char *const *labels;
  size_t count, flows;
  (void)state;
  assert_ok(read(text, &p, &err), &err);
  assert_ok(study_units_make(&p, &u, &err), &err);
  /* m, albert-x2, albert-x4, c@step1, c: storm, two lengths and the repeated word each */
  assert_int_equal(count_variant(&u, VARIANT_TRAINED), 5 * 4);
  assert_int_equal(count_variant(&u, VARIANT_RANDOM), 4 * 2 * 3);
  assert_int_equal(count_variant(&u, VARIANT_SHUFFLED), 4);
  assert_int_equal(count_variant(&u, VARIANT_SCALED), 4 * 4);
  assert_int_equal(count_variant(&u, VARIANT_ROTATED), 4 * 3);
  assert_int_equal(count_variant(&u, VARIANT_FLOW) + count_variant(&u, VARIANT_BETA0), 2);
  assert_string_equal(u.units[0].name, "m+trained+news_storm");
  assert_string_equal(u.units[1].name, "m+trained+sweep_river=64");
  for (size_t i = 1; i < u.count; i++) assert_true(u.units[i].subject >= u.units[i - 1].subject);
  for (size_t i = 0; i < u.count; i++) { /* each in exactly one shard */
    size_t in = 0;
    for (size_t k = 1; k <= 3; k++) in += study_in_shard(i, k, 3);
    assert_int_equal(in, 1);
    for (size_t j = 0; j < i; j++) assert_string_not_equal(u.units[i].name, u.units[j].name);
  }
  assert_ok(study_labels(&p, &u.storage, &labels, &count, &flows, &err), &err);
  assert_int_equal(count, 5);
  assert_int_equal(flows, 1);
  assert_string_equal(labels[2], "albert-x4");
  assert_string_equal(labels[3], "c");
  study_units_free(&u);
  study_plan_free(&p);
}

static void units_refused(void **state) {
  static const struct {
    const char *text, *words;
    dwell_status status;
  } cases[] = {
      {"{\"models\":[\"m\"],\"prompts\":[\"news_strom\"]}", "no text of the study", DWELL_USAGE},
      {"{\"models\":[\"m\"],\"prompts\":[{\"register\":\"newz\"}]}", "no text of the study is of the register",
       DWELL_USAGE},
      {"{\"models\":[\"a/m\",\"b/m\"],\"prompts\":[\"news_storm\"]}", "two models are called \"m\"", DWELL_BAD_INPUT},
      {"{\"models\":[{\"model\":\"m\",\"checkpoints\":true}],\"prompts\":[\"news_storm\"]}", "models of the nursery",
       DWELL_BAD_INPUT},
  };
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    study_plan p;
    study_units u;
    dwell_error err;
    assert_ok(read(cases[i].text, &p, &err), &err);
    assert_fails(study_units_make(&p, &u, &err), cases[i].status, &err, cases[i].words);
    study_units_free(&u);
    study_plan_free(&p);
  }
}

/* ---- before ---- */

static void assert_answer(const forecast *f, const char *name, forecast_answer answer, const char *words) {
  const claim_thresholds t = claim_thresholds_default();
  strbuf why = {0};
  forecast_answer got = forecast_claim(f, claim_find(name), &t, &why);
  if (got != answer || (words[0] != '\0' && (why.data == NULL || strstr(why.data, words) == NULL)))
    fail_msg("%s: %d, %s", name, (int)got, why.data);
  strbuf_free(&why);
}

static void forecasts(void **state) {
  forecast f = {.blocks = 12,
                .heads = 4,
                .texts = 24,
                .usable = 24,
                .classes = 3,
                .smallest_class = 8,
                .seeds = 19,
                .rotations = 39,
                .family = 6};
  (void)state;
  assert_answer(&f, "A", FORECAST_OPEN, "");
  assert_answer(&f, "B", FORECAST_OPEN, "only if A");
  assert_answer(&f, "C", FORECAST_OPEN, "");
  assert_answer(&f, "D", FORECAST_OPEN, "");
  assert_answer(&f, "E1", FORECAST_OPEN, "within 2.4");
  assert_answer(&f, "E2", FORECAST_ONE_SIDED, "rebuilt");
  assert_answer(&f, "F", FORECAST_OPEN, "");
  assert_answer(&f, "G", FORECAST_NOT, "few_checkpoints");
  f.usable = 11;
  assert_answer(&f, "A", FORECAST_NOT, "few_types");
  assert_answer(&f, "D", FORECAST_OPEN, "");
  f.usable = 12, f.texts = 12;
  assert_answer(&f, "B", FORECAST_ONE_SIDED, "more texts");
  f.blocks = 6;
  assert_answer(&f, "B", FORECAST_NOT, "few_layers: 6 blocks, 10");
  f.family = 1000;
  assert_answer(&f, "A", FORECAST_NOT, "multiplicity"); /* 1000 / 2^12 = .24 */
  f.family = 6, f.seeds = 4;
  assert_answer(&f, "A", FORECAST_NOT, "few_seeds: 4");
  f.seeds = 5, f.classes = 1;
  assert_answer(&f, "A", FORECAST_NOT, "few_classes");
  f.blocks = 4;
  assert_answer(&f, "C", FORECAST_NOT, "few_classes");
  f.classes = 2;
  assert_answer(&f, "C", FORECAST_NOT, "few_heads: 16 heads");
  const forecast flow = {.flow = true, .blocks = 12, .texts = 20, .usable = 20, .seeds = 1, .family = 4};
  assert_answer(&flow, "A", FORECAST_OPEN, "");
  assert_answer(&flow, "B", FORECAST_OPEN, "");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(whole_plan),    cmocka_unit_test(defaults), cmocka_unit_test(refused),
      cmocka_unit_test(cut_short),     cmocka_unit_test(presets),  cmocka_unit_test(units_of_a_plan),
      cmocka_unit_test(units_refused), cmocka_unit_test(example),  cmocka_unit_test(forecasts),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
