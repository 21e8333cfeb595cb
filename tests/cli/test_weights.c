/* dwell inspect MODEL --weights: what the weights say, without a text. */
#include <jansson.h>
#include <math.h>

#include "util/program.h"

static const char *tiny(const char *name) { return testing_source(testing_format("tests/golden/model/%s", name)); }

static json_t *inspect(const char *name, const char *options) {
  program_result r = assert_done(testing_format("inspect '%s' --json %s", tiny(name), options));
  json_t *all = json_loads(r.out, 0, NULL);
  assert_non_null(all);
  program_free(&r);
  return all;
}

static void as_numpy_says(void **state) {
  (void)state;
  json_error_t problem;
  json_t *golden = json_load_file(testing_source("tests/golden/mechanism/circuits.json"), 0, &problem);
  json_t *all = inspect("gpt2-tiny", "--sums"), *circuits = json_object_get(all, "circuits");
  const json_t *blocks = json_object_get(json_object_get(golden, "models"), "gpt2-tiny"), *block;
  size_t b, row = 0;
  json_array_foreach(blocks, b, block) {
    const json_t *head, *sum = json_array_get(json_object_get(circuits, "blocks"), b);
    size_t h;
    assert_near(json_number_value(json_object_get(sum, "ov_sum_radius")),
                json_number_value(json_object_get(json_object_get(block, "sum"), "radius")), 1e-10, 0);
    assert_near(json_number_value(json_object_get(sum, "peer_wv_radius")),
                json_number_value(json_object_get(block, "wv_radius")), 1e-10, 0);
    json_array_foreach(json_object_get(block, "heads"), h, head) {
      const json_t *got = json_array_get(json_object_get(circuits, "heads"), row++);
      assert_near(json_number_value(json_object_get(got, "ov_attract")),
                  json_number_value(json_object_get(json_object_get(head, "ov"), "attract")), 1e-10, 0);
      assert_near(json_number_value(json_object_get(got, "qk_norm")),
                  json_number_value(json_object_get(json_object_get(head, "qk"), "norm")), 1e-10, 0);
      assert_true(json_number_value(json_object_get(got, "ov_attract_p")) >= 0.01);
    }
  }
  assert_int_equal(json_array_size(json_object_get(circuits, "heads")), row);
  json_decref(all), json_decref(golden);
}

/* A block that all share is shown once; a random network is another one; without draws there is no null. */
static void shared_random_and_without_draws(void **state) {
  (void)state;
  json_t *albert = inspect("albert-tiny", "--weights --nulls 0"),
         *random = inspect("albert-tiny", "--weights --random-init 3");
  const json_t *a = json_object_get(json_object_get(albert, "circuits"), "heads");
  const json_t *b = json_object_get(json_object_get(random, "circuits"), "heads");
  assert_int_equal(json_array_size(a), 3);
  assert_int_equal(json_array_size(b), 3);
  assert_null(json_object_get(json_object_get(albert, "circuits"), "blocks"));
  assert_true(json_is_null(json_object_get(json_array_get(a, 0), "ov_attract_p")));
  assert_true(json_number_value(json_object_get(json_array_get(a, 0), "ov_fro")) !=
              json_number_value(json_object_get(json_array_get(b, 0), "ov_fro")));
  assert_true(json_number_value(json_object_get(json_array_get(b, 0), "ov_bias")) == 0);
  json_decref(albert), json_decref(random);
}

static void for_people_and_as_csv(void **state) {
  (void)state;
  program_result r = assert_done(testing_format("inspect '%s' --sums", tiny("bert-tiny")));
  assert_non_null(strstr(r.out, "attract, random, p"));
  assert_non_null(strstr(r.out, "for comparison only"));
  program_free(&r);
  r = assert_done(testing_format("inspect '%s' --csv", tiny("bert-tiny")));
  assert_int_equal(strncmp(r.out, "replica,block,head,ov_radius,", 29), 0);
  program_free(&r);
  r = assert_done(testing_format("inspect '%s' --csv --sums", tiny("bert-tiny")));
  assert_int_equal(strncmp(r.out, "replica,block,ov_sum_radius,", 28), 0);
  program_free(&r);
  assert_refused(testing_format("inspect '%s' --csv --json", tiny("bert-tiny")), 2, "exclude");
}

/* Scaling W_O scales OV and leaves QK; rotating it keeps its size and turns it; a head that is dropped writes nothing.
 */
static void of_a_changed_network(void **state) {
  (void)state;
  static const char *const changes[] = {"", "--scale-wo 2", "--scale-wq 3", "--rotate-wo 4", "--drop-heads 0.1"};
  double fro[5], form[5], trace[5], dropped[5];
  for (size_t k = 0; k < 5; k++) {
    json_t *all = inspect("gpt2-tiny", testing_format("--weights --nulls 0 %s", changes[k]));
    const json_t *heads = json_object_get(json_object_get(all, "circuits"), "heads");
    fro[k] = json_number_value(json_object_get(json_array_get(heads, 0), "ov_fro"));
    trace[k] = json_number_value(json_object_get(json_array_get(heads, 0), "ov_trace"));
    form[k] = json_number_value(json_object_get(json_array_get(heads, 0), "qk_fro"));
    dropped[k] = json_number_value(json_object_get(json_array_get(heads, 1), "ov_fro"));
    json_decref(all);
  }
  assert_near(fro[1], 2 * fro[0], 1e-12, 0);
  assert_near(form[1], form[0], 0, 0);
  assert_near(fro[2], fro[0], 0, 0);
  assert_near(form[2], 3 * form[0], 1e-12, 0);
  assert_true(fabs(trace[3] - trace[0]) > 1e-3 * fro[0]);
  assert_near(form[3], form[0], 0, 0);
  assert_true(dropped[4] == 0 && dropped[0] > 0);
  assert_near(fro[4], fro[0], 0, 0);
  assert_refused(testing_format("inspect '%s' --scale-wo 2", tiny("gpt2-tiny")), 2, "--weights");
}

/* "default" stands for what is measured where nothing is named, so that what is dear can be added to it. */
static void default_and_more(void **state) {
  (void)state;
  const char *folder = testing_format("%s/run", testing_folder());
  const char *command = "measure '%s' --ids '3,4,5,6,7,8' --instruments default,sign,qk -q --nulls 0 -o '%s'";
  program_result r = assert_done(testing_format(command, tiny("bert-tiny"), folder));
  char *heads = testing_read(testing_format("%s/heads.csv", folder), NULL);
  char *blocks = testing_read(testing_format("%s/blocks.csv", folder), NULL);
  assert_non_null(strstr(heads, "entropy"));
  assert_non_null(strstr(heads, "sign_share"));
  assert_non_null(strstr(heads, "qk_attract"));
  assert_null(strstr(heads, "ov_attract"));
  assert_null(strstr(heads, "fiedler"));
  assert_null(strstr(blocks, "ov_sum"));
  free(heads), free(blocks);
  program_free(&r);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(as_numpy_says),         cmocka_unit_test(shared_random_and_without_draws),
      cmocka_unit_test(for_people_and_as_csv), cmocka_unit_test(of_a_changed_network),
      cmocka_unit_test(default_and_more),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
