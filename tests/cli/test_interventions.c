/* Interventions, losses and pushes on the command line: what is refused, what is written, what is recorded. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <unistd.h>

#include "util/program.h"

#define IDS "3,1,4,1,5,9,2,6,5,3,5,8,9,7,9,3,2,3,8,4"

static const char *folder_of(const char *name) { return testing_format("%s/%s", testing_folder(), name); }
static const char *tiny(const char *name) { return testing_source(testing_format("tests/golden/model/%s", name)); }

static void measure_refused(const char *model, const char *arguments, int code, const char *words) {
  const char *out = folder_of("refused");
  assert_refused(testing_format("measure '%s' --ids " IDS " --nulls 0 %s -o '%s'", model, arguments, out), code, words);
  assert_int_not_equal(access(out, F_OK), 0);
}

static const char *measured(const char *model, const char *arguments, const char *name) {
  const char *out = folder_of(name);
  program_result r =
      assert_done(testing_format("measure '%s' --ids " IDS " --nulls 0 %s -o '%s'", model, arguments, out));
  program_free(&r);
  return out;
}

static char *file_of(const char *folder, const char *name) {
  return testing_read(testing_format("%s/%s", folder, name), NULL);
}

static void holds(const char *text, const char *words) {
  if (strstr(text, words) == NULL) fail_msg("\"%s\" is not in: %.600s", words, text);
}

static void test_refused(void **state) {
  (void)state;
  const char *model = tiny("gpt2-tiny"), *absent = folder_of("absent.npz");
  measure_refused(model, "--drop-heads 9.1", 2, "there is no head 9.1");
  measure_refused(model, "--drop-heads 0.1,1.7", 2, "there is no head 1.7");
  measure_refused(model, "--drop-heads 01", 2, "BLOCK.HEAD");
  measure_refused(model, "--drop-heads 0.1,", 2, "BLOCK.HEAD");
  measure_refused(tiny("albert-tiny"), "--drop-heads 1.0", 2, "drop 0.0 of all of them");
  measure_refused(model, "--scale-wo nan", 2, "--scale-wo takes a number");
  measure_refused(model, "--scale-wq inf", 2, "--scale-wq takes a number");
  measure_refused(model, "--rotate-wo -1", 2, "--rotate-wo takes a whole number");
  measure_refused(model, "--patch x.npz", 2, "--at L");
  measure_refused(model, testing_format("--patch '%s' --at 1", absent), 3, "absent.npz");
  measure_refused(model, "--against-plain", 2, "needs an intervention");
  measure_refused(model, "--push centroid", 2, "--push needs --at");
  measure_refused(model, "--push centre --at 1", 2, "--push takes centroid or together");
  measure_refused(model, "--push centroid:x --at 1", 2, "--push takes a number");
  measure_refused(model, "--push centroid --at 7", 2, "no state 7");
  measure_refused(model, "--at 1", 2, "--at needs --push or --patch");
  measure_refused(tiny("bert-tiny"), "--nll", 4, "does not predict the next token");
  measure_refused(tiny("llama-tiny"), "--lens", 4, "lm_head.weight");
  measure_refused(model, "--nll --layers 0-1", 2, "reads the last state");
  assert_refused(testing_format("measure --states x.npz --scale-wo 2 -o '%s'", folder_of("refused")), 2,
                 "there is no network behind --states");
}

static void test_recorded(void **state) {
  (void)state;
  const char *plain = measured(tiny("gpt2-tiny"), "--save states", "plain");
  char *manifest = file_of(plain, "run.json");
  holds(manifest, "\"intervention\": null");
  free(manifest);
  const char *arguments = testing_format(
      "--scale-wo 0.5 --scale-wq -2 --rotate-wo 7 --drop-heads 0.1,1.2 --patch '%s/arrays.npz' --at 1", plain);
  manifest = file_of(measured(tiny("gpt2-tiny"), arguments, "changed"), "run.json");
  holds(manifest, "\"scale_wo\": 0.5");
  holds(manifest, "\"scale_wq\": -2");
  holds(manifest, "\"rotate_wo\": 7");
  holds(manifest, "\"drop_heads\": [\"0.1\", \"1.2\"]");
  holds(manifest, "\"patch\": {\"state\": 1");
  holds(manifest, "plain/arrays.npz");
  free(manifest);
}

/* A run whose own state is put back is the same run, to the byte. */
static void test_own_patch(void **state) {
  (void)state;
  const char *model = tiny("llama-tiny"), *plain = measured(model, "--save states", "own");
  const char *again =
      measured(model, testing_format("--save states --patch '%s/arrays.npz' --at 1", plain), "own-again");
  const char *files[] = {"layers.csv", "blocks.csv", "heads.csv", "events.csv"};
  for (size_t k = 0; k < 4; k++) {
    char *a = file_of(plain, files[k]), *b = file_of(again, files[k]);
    assert_string_equal(a, b);
    free(a), free(b);
  }
}

static void test_tokens(void **state) {
  (void)state;
  const char *out = measured(tiny("gpt2-tiny"), "--nll --lens --scale-wo 0.5 --against-plain", "tokens");
  char *tokens = file_of(out, "tokens.csv"), *lens = file_of(out, "lens.csv"), *manifest = file_of(out, "run.json");
  holds(tokens, "token,id,piece,nll,nll_plain,kl\n0,3,,");
  holds(lens, "state,cluster,tokens,rank,id,piece,p\n");
  holds(manifest, "\"output\": [\"nll\", \"lens\", \"against_plain\"]");
  holds(manifest, "\"tokens.csv\":");
  holds(manifest, "\"lens.csv\":");
  holds(manifest, "\"nll_mean\":");
  holds(manifest, "\"kl_mean\":");
  free(tokens), free(lens), free(manifest);
  const char *once = measured(tiny("gpt2-tiny"), "--nll --lens --scale-wo 0.5 --against-plain -t 1", "tokens-one");
  const char *files[] = {"layers.csv", "tokens.csv", "lens.csv"};
  for (size_t k = 0; k < 3; k++) {
    char *a = file_of(out, files[k]), *b = file_of(once, files[k]);
    assert_string_equal(a, b);
    free(a), free(b);
  }
  measured(tiny("gpt2-tiny"), "--force", "tokens"); /* the files of the run before are its own: they go */
  assert_int_not_equal(access(testing_format("%s/tokens.csv", out), F_OK), 0);
}

static void test_push(void **state) {
  (void)state;
  char list[400] = "0";
  for (size_t i = 1; i < 40; i++) snprintf(list + strlen(list), sizeof list - strlen(list), ",%zu", i * i % 17);
  const char *out = folder_of("push");
  program_result r =
      assert_done(testing_format("measure '%s' --ids %s --nulls 3 --special keep --push together:0.5 --at 1 -o '%s'",
                                 tiny("gpt2-tiny"), list, out));
  program_free(&r);
  char *table = file_of(out, "push.csv"), *manifest = file_of(out, "run.json");
  holds(table, "state,tap,distance,distance_null_mean,distance_null_sd,distance_p,turn,");
  holds(manifest, "\"push\": {\"kind\": \"together\", \"amount\": 0.5, \"state\": 1}");
  holds(manifest, "\"push_rank\": ");
  holds(manifest, "\"push.csv\":");
  free(table), free(manifest);
  out = folder_of("no-push"); /* two tokens have no clusters */
  r = assert_done(testing_format("measure '%s' --ids 1,2 --nulls 0 --special keep --push centroid --at 1 -o '%s'",
                                 tiny("gpt2-tiny"), out));
  holds(r.words, "nothing was pushed");
  program_free(&r);
  manifest = file_of(out, "run.json");
  holds(manifest, "\"push_undefined\": \"no_clusters\"");
  free(manifest);
}

/* Several texts: the same command goes on, another intervention is another run. */
static void test_again(void **state) {
  (void)state;
  const char *texts = folder_of("texts.jsonl"), *out = folder_of("many");
  const char *lines = "{\"ids\":[1,2,3,4,5,6]}\n{\"ids\":[2,2,3,4,5,9,1]}\n";
  testing_write(texts, lines, strlen(lines));
  const char *command =
      testing_format("measure '%s' -f '%s' --nulls 0 --nll --against-plain -o '%s'", tiny("gpt2-tiny"), texts, out);
  program_result r = assert_done(testing_format("%s --scale-wo 2", command));
  holds(r.words, "2 of 2 texts measured");
  program_free(&r);
  r = assert_done(testing_format("%s --scale-wo 2", command));
  holds(r.words, "2 were there");
  program_free(&r);
  r = program_run(testing_format("%s --scale-wo 3", command));
  assert_int_equal(r.code, 2);
  holds(r.words, "of another text, model or options");
  program_free(&r);
}

/* ip_mean of the last state of a flow with the weights of block 0. */
static double last_mean_cosine(const char *arguments, const char *name) {
  const char *out = folder_of(name);
  program_result r =
      assert_done(testing_format("simulate --weights '%s' --block 0 --n 8 --nulls 0 --instruments ip_mean %s -o '%s'",
                                 tiny("gpt2-tiny"), arguments, out));
  program_free(&r);
  char *table = file_of(out, "layers.csv");
  double mean = strtod(strrchr(table, ',') + 1, NULL);
  free(table);
  return mean;
}

/* A flow whose heads write twice as much is the flow in half the time (1e-9: steps of 1e-10 add up). */
static void test_flows(void **state) {
  (void)state;
  double plain = last_mean_cosine("--times 0,1", "flow_plain"),
         twice = last_mean_cosine("--times 0,1 --scale-wo 2", "flow_twice");
  double half = last_mean_cosine("--times 0,.5 --scale-wo 2", "flow_half");
  assert_true(fabs(half - plain) < 1e-9 && fabs(twice - plain) > 1e-6);
  assert_refused(testing_format("simulate --scale-wo 2 -o '%s'", folder_of("refused")), 2, "say --weights MODEL");
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_refused),   cmocka_unit_test(test_recorded),
                                     cmocka_unit_test(test_own_patch), cmocka_unit_test(test_tokens),
                                     cmocka_unit_test(test_push),      cmocka_unit_test(test_again),
                                     cmocka_unit_test(test_flows)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
