/* hub: names of the nursery's models, and its index. Every folder is staged by hand; the index of the models that come
 * with dwell is read where they are here. */
#define _XOPEN_SOURCE 700
#include "hub/nursery.h"

#include <stdio.h>
#include <unistd.h>

#include "base/mem.h"
#include "hub/finding.h"
#include "hub/stage.h"
#include "util/testing.h"

/* ---- names ---- */

static void test_names(void **state) {
  (void)state;
  static const struct {
    const char *text;
    bool good;
    size_t base;
    int64_t step;
  } cases[] = {{"gpt2-nursery", true, 12, -1},
               {"gpt2-nursery@step-0", true, 12, 0},
               {"a@step-16000", true, 1, 16000},
               {"a@step-999999999999", true, 1, 999999999999},
               {"a@step-1000000000000", false, 1, -1},
               {"a@step-007", false, 1, -1},
               {"a@step-", false, 1, -1},
               {"a@step--1", false, 1, -1},
               {"a@step-+1", false, 1, -1},
               {"a@step-1x", false, 1, -1},
               {"a@step1", false, 1, -1},
               {"a@main", false, 1, -1},
               {"a@", false, 1, -1},
               {"a@step-1@step-2", false, 1, -1},
               {"@step-1", false, 0, -1},
               {"", false, 0, -1},
               {"../a", false, 4, -1},
               {"a/b", false, 3, -1}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    size_t base;
    int64_t step;
    bool good = nursery_name(cases[i].text, strlen(cases[i].text), &base, &step);
    if (good != cases[i].good || base != cases[i].base || (good && step != cases[i].step))
      fail_msg("\"%s\": %d, base %zu, step %lld", cases[i].text, good, base, (long long)step);
  }
}

/* A data folder with three models, which DWELL_DATA names. */
static const char *stage(void) {
  static char data[PATH_MAX];
  testing_forget_surroundings();
  snprintf(data, sizeof data, "%s/data", testing_folder());
  static const char *const models[] = {"small",         "small@step-0", "small@step-30", "small@step-100",
                                       "small@step-9x", "small-24",     "other",         ".hidden"};
  for (size_t i = 0; i < sizeof models / sizeof models[0]; i++)
    put(data, testing_format("models/%s/config.json", models[i]), "{}");
  put(data, "models/file", "no folder");
  setenv("DWELL_DATA", data, 1);
  return data;
}

static void test_found(void **state) {
  (void)state;
  const char *data = stage();
  expect("nursery:small", testing_format("%s/models/small", data), NULL);
  expect("nursery:small@step-0", testing_format("%s/models/small@step-0", data), "step-0");
  expect("nursery:small@step-100", testing_format("%s/models/small@step-100", data), "step-100");
}

static void test_not_found(void **state) {
  (void)state;
  stage();
  expect_failure("nursery:smal", DWELL_BAD_INPUT,
                 "nursery:smal: the nursery has no such model. Did you mean nursery:small?");
  expect_failure("nursery:smal", DWELL_BAD_INPUT, "It has other, small, small-24");
  expect_failure("nursery:nothing-like-it@step-0", DWELL_BAD_INPUT, "no such model. It has other");
  expect_failure("nursery:file", DWELL_BAD_INPUT, "no such model");
  expect_failure("nursery:small@step-31", DWELL_BAD_INPUT, "no checkpoint of step 31");
  expect_failure("nursery:small@step-31", DWELL_BAD_INPUT, "steps 0, 30, 100, and");
  expect_failure("nursery:small-24@step-0", DWELL_BAD_INPUT, "the trained model only: nursery:small-24");
  expect_failure("nursery:small@main", DWELL_USAGE, "nursery:NAME@step-N");
  expect_failure("nursery:", DWELL_USAGE, "not a name of a nursery model");
  setenv("DWELL_DATA", "/nowhere/at/all", 1); /* the other places are tried, and all are named where none has it */
  hub_place place;
  dwell_error err = {0};
  if (hub_find("nursery:small", &place, &err) == DWELL_OK) fail_msg("found without data");
  if (strstr(err.message, "looked for") != NULL) {
    assert_non_null(strstr(err.message, "no models here"));
    assert_non_null(strstr(err.message, "/nowhere/at/all/models, "));
    assert_non_null(strstr(err.message, "/share/dwell/models, "));
    assert_non_null(strstr(err.message, "/data/models"));
  }
}

/* ---- the index ---- */

#define HEAD                                                                                                           \
  "\"summary\":\"a small one\",\"architecture\":\"gpt2\",\"layers\":12,\"width\":64,\"heads\":4,\"vocabulary\":2048,"  \
  "\"context\":512,\"parameters\":763776,\"step\":16000,\"tokens\":32768000,\"unigram_nats\":6.5,\"licence\":\"CC0-1." \
  "0\""
#define CHECKPOINTS "\"checkpoints\":[0,30,100],\"checkpoint_nats\":{\"100\":6.5,\"30\":7.25,\"0\":7.75,\"7\":1}"
#define BASELINE "\"baseline\":{\"nats\":3.875,\"extra\":[1],\"name\":\"interpolated trigram\"}"
#define MODEL(name) "{\"name\":\"" name "\"," HEAD "," CHECKPOINTS ",\"held_out_nats\":3.5," BASELINE ",\"more\":{}}"
#define INDEX(models) "{\"format\":1,\"models\":[" models "]}"

static const char *index_file(const char *text) { return put(testing_folder(), "index/index.json", text); }

static void test_index(void **state) {
  (void)state;
  nursery_index index;
  dwell_error err = {0};
  assert_ok(nursery_index_read(index_file(INDEX(MODEL("small") "," MODEL("other"))), &index, &err), &err);
  assert_int_equal(index.count, 2);
  const nursery_model *m = &index.models[0];
  assert_string_equal(m->name, "small");
  assert_string_equal(index.models[1].name, "other");
  assert_string_equal(m->summary, "a small one");
  assert_string_equal(m->architecture, "gpt2");
  assert_string_equal(m->licence, "CC0-1.0");
  assert_string_equal(m->baseline, "interpolated trigram");
  const int64_t got[] = {m->layers, m->width, m->heads, m->vocabulary, m->context, m->parameters, m->step, m->tokens};
  const int64_t expected[] = {12, 64, 4, 2048, 512, 763776, 16000, 32768000};
  assert_memory_equal(got, expected, sizeof expected);
  assert_true(m->held_out == 3.5 && m->baseline_nats == 3.875 && m->unigram_nats == 6.5);
  assert_int_equal(m->checkpoint_count, 3);
  static const nursery_checkpoint checkpoints[] = {{0, 7.75}, {30, 7.25}, {100, 6.5}};
  assert_memory_equal(m->checkpoints, checkpoints, sizeof checkpoints);
  nursery_index_free(&index);
}

static void refused(const char *text, const char *words) {
  nursery_index index;
  dwell_error err = {0};
  const char *path = index_file(text);
  assert_fails(nursery_index_read(path, &index, &err), DWELL_BAD_INPUT, &err, words);
  assert_string_equal(err.file, path);
  nursery_index_free(&index);
}

/* MODEL("small") with the first `find` replaced. */
static void refused_edit(const char *find, const char *replace, const char *words) {
  const char *good = INDEX(MODEL("small")), *at = strstr(good, find);
  if (at == NULL) fail_msg("\"%s\" does not occur", find);
  refused(testing_format("%.*s%s%s", (int)(at - good), good, replace, at + strlen(find)), words);
}

static void test_missing_members(void **state) {
  (void)state;
  static const char *const keys[] = {"name",          "summary",        "architecture", "licence",      "layers",
                                     "width",         "heads",          "vocabulary",   "context",      "step",
                                     "parameters",    "tokens",         "baseline",     "unigram_nats", "checkpoints",
                                     "held_out_nats", "checkpoint_nats"};
  for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
    const char *member = testing_format("\"%s\"", keys[i]);
    refused_edit(member, "\"x\"", testing_format("model 1 of the index has no %s", member));
  }
  refused_edit("\"nats\"", "\"x\"", "model 1 of the index has no \"nats\"");
  refused(INDEX(MODEL("small") ",{}"), "model 2 of the index has no \"name\"");
  refused("{}", "has no \"models\"");
}

static void test_malformed(void **state) {
  (void)state;
  refused("", "the text ends");
  refused("[]", "expected an object");
  refused(INDEX(MODEL("small")) "x", "byte");
  refused(INDEX("1"), "expected an object");
  refused("{\"models\":[],\"models\":[]}", "a member is there twice");
  refused_edit("\"width\"", "\"layers\":1,\"width\"", "a member is there twice");
  refused_edit("\"layers\":12", "\"layers\":0", "byte");
  refused_edit("\"layers\":12", "\"layers\":-1", "byte");
  refused_edit("\"layers\":12", "\"layers\":1.5", "whole number");
  refused_edit("\"layers\":12", "\"layers\":99999999999999999999", "byte");
  refused_edit("\"held_out_nats\":3.5", "\"held_out_nats\":-1", "0 to 1000 nats");
  refused_edit("\"held_out_nats\":3.5", "\"held_out_nats\":null", "byte");
  refused_edit("\"held_out_nats\":3.5", "\"held_out_nats\":1e400", "too large");
  refused_edit("a small one", "a\\u0000b", "NUL");
  refused_edit("\"name\":\"small\"", "\"name\":\"../etc\"", "a name that cannot be one");
  refused_edit("\"name\":\"small\"", "\"name\":\"small@step-1\"", "a name that cannot be one");
  refused_edit("[0,30,100]", "[0,100,30]", "do not ascend");
  refused_edit("[0,30,100]", "[0,0]", "do not ascend");
  refused_edit("[0,30,100]", "[0,30,31]", "has no loss");
  refused_edit("\"100\":6.5", "\"1e2\":6.5", "not named by its step");
  refused(INDEX(MODEL("small") "," MODEL("small")), "two models have the same name");
}

static void test_too_much(void **state) {
  (void)state;
  char *text = calloc(1, 200000);
  for (size_t i = 0; i < 65; i++)
    sprintf(text + strlen(text), "%s{\"name\":\"m%zu\"," HEAD "," CHECKPOINTS ",\"held_out_nats\":1," BASELINE "}",
            i == 0 ? "{\"models\":[" : ",", i);
  strcat(text, "]}");
  refused(text, "too many models");
  text[0] = '\0';
  for (size_t i = 0; i <= NURSERY_CHECKPOINTS; i++) sprintf(text + strlen(text), "%s%zu", i ? "," : "[", i);
  strcat(text, "]");
  refused_edit("[0,30,100]", text, "too many checkpoints");
  free(text);
  char *large = malloc((1 << 20) + 2);
  memset(large, ' ', (1 << 20) + 1);
  large[(1 << 20) + 1] = '\0';
  refused(large, "larger than the 1048576 bytes");
  free(large);
}

static void test_index_found(void **state) {
  (void)state;
  nursery_index index;
  dwell_error err = {0};
  bool absent;
  const char *data = stage();
  assert_fails(nursery_index_open(&index, &absent, &err), DWELL_BAD_INPUT, &err, "models/index.json");
  assert_false(absent);
  nursery_index_free(&index);
  put(data, "models/index.json", INDEX(MODEL("small")));
  assert_ok(nursery_index_open(&index, &absent, &err), &err);
  assert_false(absent);
  assert_int_equal(index.count, 1);
  nursery_index_free(&index);
  /* the last step is the model itself */
  expect("nursery:small@step-16000", testing_format("%s/models/small", data), "step-16000");
  expect_failure("nursery:other@step-16000", DWELL_BAD_INPUT, "the trained model only");
  unlink(testing_format("%s/models/index.json", data));
}

/* Every allocation fails once: the answer is "out of memory", or what it would have been, never another. */
static void test_no_memory(void **state) {
  (void)state;
  const char *data = stage();
  put(data, "models/index.json", INDEX(MODEL("small")));
  static const char *const names[] = {"nursery:small@step-30", "nursery:small@step-16000", "nursery:smal",
                                      "nursery:small@step-31"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    hub_place place;
    dwell_error err;
    mem_fail_at(0);
    dwell_status usual = hub_find(names[i], &place, &err);
    size_t calls = mem_calls();
    hub_place_free(&place);
    if (calls == 0) { /* not compiled in */
      print_message("skipped: needs -Dtorture=true\n");
      skip();
    }
    for (size_t k = 1; k <= calls; k++) {
      mem_fail_at(k);
      dwell_status status = hub_find(names[i], &place, &err);
      mem_fail_at(0);
      if (status != DWELL_NO_MEMORY && status != usual)
        fail_msg("%s, allocation %zu of %zu: %s", names[i], k, calls, dwell_status_name(status));
      if (status == DWELL_OK) fail_msg("%s: allocation %zu of %zu was not needed", names[i], k, calls);
      assert_null(place.folder);
    }
  }
  unlink(testing_format("%s/models/index.json", data));
}

/* The models that come with dwell: the index is well-formed, and every model and checkpoint that it names is there. */
static void test_shipped(void **state) {
  (void)state;
  const char *data = testing_source("data");
  if (access(testing_format("%s/models/index.json", data), F_OK) != 0) {
    print_message("skipped: data/models is not in this tree\n");
    skip();
  }
  testing_forget_surroundings();
  setenv("DWELL_DATA", data, 1);
  nursery_index index;
  dwell_error err = {0};
  assert_ok(nursery_index_open(&index, NULL, &err), &err);
  assert_true(index.count >= 1);
  for (size_t i = 0; i < index.count; i++) {
    const nursery_model *m = &index.models[i];
    expect(testing_format("nursery:%s", m->name), testing_format("%s/models/%s", data, m->name), NULL);
    for (size_t k = 0; k < m->checkpoint_count; k++) {
      const char *step = testing_format("step-%lld", (long long)m->checkpoints[k].step);
      expect(testing_format("nursery:%s@%s", m->name, step), testing_format("%s/models/%s@%s", data, m->name, step),
             step);
    }
    assert_true(m->held_out < m->unigram_nats);
  }
  nursery_index_free(&index);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_names),    cmocka_unit_test(test_found),           cmocka_unit_test(test_not_found),
      cmocka_unit_test(test_index),    cmocka_unit_test(test_missing_members), cmocka_unit_test(test_malformed),
      cmocka_unit_test(test_too_much), cmocka_unit_test(test_index_found),     cmocka_unit_test(test_no_memory),
      cmocka_unit_test(test_shipped),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
