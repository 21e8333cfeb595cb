/* --layers, --shuffle-tokens, --random-init: a run of some states is the same rows of the run of all, bit for bit;
 * shuffled tokens are the same tokens in another order; random weights are those of their seed. */
#include <jansson.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file/npy.h"
#include "util/program.h"

static const char *folder_of(const char *name) { return testing_format("%s/%s", testing_folder(), name); }

static void run(const char *arguments, const char *name) {
  program_result r = assert_done(testing_format("%s -q --force -o '%s'", arguments, folder_of(name)));
  program_free(&r);
}

/* ---- rows ---- */

/* The number in column `index` of a line; false if it is empty or no number. */
static bool field(const char *line, size_t index, double *ret_value) {
  for (; index > 0; index--) line = strchr(line, ',') + 1;
  char *end;
  *ret_value = strtod(line, &end);
  return end > line;
}

/* A window of states does not know how much time went by before it. */
static bool counts_from_the_start(const char *header, size_t column) {
  for (; column > 0; column--) header = strchr(header, ',') + 1;
  return strncmp(header, "tau_", 4) == 0 || strncmp(header, "gamma_residual_", 15) == 0;
}

/* Is `part` the line `all`, but for cells that a window leaves empty? */
static bool same_cells(const char *header, const char *all, const char *part, bool later) {
  for (size_t column = 0;; column++) {
    size_t length = strcspn(all, ","), has = strcspn(part, ",");
    bool empty = later && counts_from_the_start(header, column);
    if (empty ? has != 0 : has != length || strncmp(all, part, length) != 0) return false;
    if (all[length] != part[has]) return false;
    if (all[length] == '\0') return true;
    all += length + 1, part += has + 1;
  }
}

/* Every line of `part`'s table is the line of `all`'s with the same step, and there are as many as there should be.
 * column: where the step is; norm: whether the final norm (an empty step) belongs to the part. */
static void same_lines(const char *name, size_t column, double first, double last, bool norm) {
  char *all = testing_read(folder_of(testing_format("all/%s", name)), NULL), *rest = NULL, *saved = NULL;
  char *part = testing_read(folder_of(testing_format("part/%s", name)), NULL), *line = strtok_r(part, "\n", &saved);
  for (char *full = strtok_r(all, "\n", &rest); full != NULL; full = strtok_r(NULL, "\n", &rest)) {
    double step;
    bool numbered = field(full, column, &step);
    bool header = full == all, wanted = header || (numbered ? step >= first && step <= last : norm);
    if (!wanted) continue;
    bool same = line != NULL && (header ? strcmp(line, full) == 0 : same_cells(all, full, line, first > 0));
    if (!same) fail_msg("%s: expected\n%s\ngot\n%s", name, full, line ? line : "");
    line = strtok_r(NULL, "\n", &saved);
  }
  assert_null(line);
  free(all), free(part);
}

/* ---- arrays ---- */

static double *member(const char *run, const char *name, size_t *ret_rows, size_t *ret_count) {
  npz *z;
  size_t i;
  dwell_error err;
  assert_ok(npz_open(folder_of(testing_format("%s/arrays.npz", run)), &z, &err), &err);
  if (!npz_find(z, name, &i)) fail_msg("%s has no %s", run, name);
  *ret_rows = npz_header(z, i)->shape[0];
  *ret_count = npz_header(z, i)->count;
  double *values = malloc(*ret_count * sizeof *values);
  assert_non_null(values);
  assert_ok(npz_read_f64(z, i, 0, *ret_count, values, &err), &err);
  npz_close(z);
  return values;
}

static void same_array(const char *name, size_t first, size_t rows) {
  size_t all_rows, all_count, part_rows, part_count;
  double *all = member("all", name, &all_rows, &all_count), *part = member("part", name, &part_rows, &part_count);
  assert_int_equal(part_rows, rows);
  size_t one = all_count / all_rows;
  assert_int_equal(part_count, rows * one);
  if (memcmp(all + first * one, part, part_count * sizeof *part) != 0) fail_msg("%s differs", name);
  free(all), free(part);
}

/* The part `range`, which is states first..last, against the run of all. */
static void check_part(const char *arguments, const char *range, size_t first, size_t last, bool norm, bool heads) {
  run(testing_format("%s --layers=%s", arguments, range), "part");
  same_lines("layers.csv", 1, (double)first, (double)last, norm);
  same_array("state_index", first, last - first + 1);
  same_array("states", first, last - first + 1);
  same_array("gram", first, last - first + 1);
  same_array("hist", first, last - first + 1);
  if (first == last) {
    assert_int_not_equal(access(folder_of("part/blocks.csv"), F_OK), 0);
    return;
  }
  same_lines("blocks.csv", 1, (double)first, (double)last - 1, false);
  if (!heads) return;
  same_lines("heads.csv", 1, (double)first, (double)last - 1, false);
  same_array("attention", first, last - first);
}

#define IDS "1,2,3,4,5,6,7,8,9,3,2,1,4,5,6,7,8,9,1,2,11,13,12,10"
#define SAVE " --nulls 3 --save states,gram,attention "

/* With a final norm and without, with one block for all and one for each. */
static void a_part_is_rows_of_the_whole(void **state) {
  (void)state;
  static const char *const tiny[] = {"gpt2-tiny", "bert-tiny"};
  for (size_t i = 0; i < 2; i++) {
    const char *arguments = testing_format("measure '%s' --ids " IDS SAVE "%s",
                                           testing_source(testing_format("tests/golden/model/%s", tiny[i])),
                                           i == 0 ? "" : "--dtype f64 --special keep");
    run(arguments, "all");
    check_part(arguments, "1-", 1, 2, i == 0, true);
    check_part(arguments, "-1", 0, 1, false, true);
    check_part(arguments, "1", 1, 1, false, true);
    check_part(arguments, "0-2", 0, 2, i == 0, true);
  }
  const char *albert = testing_source("tests/golden/model/albert-tiny");
  const char *arguments = testing_format("measure '%s' --ids " IDS SAVE "--iterations 9", albert);
  run(arguments, "all");
  check_part(arguments, "3-7", 3, 7, false, true);
  check_part(arguments, "9", 9, 9, false, true);
}

static size_t states_of(const char *name) {
  size_t rows, count;
  free(member(name, "state_index", &rows, &count));
  return rows;
}

static void trained_models_too(void **state) {
  (void)state;
  const char *model = testing_trained("gpt2-capp", "gpt2-nursery");
  if (model == NULL) testing_skip_absent("models/gpt2-capp");
  const char *arguments = testing_format("measure '%s' --ids " IDS SAVE, model);
  run(arguments, "all");
  size_t last = states_of("all") - 1;
  check_part(arguments, testing_format("2-%zu", last - 1), 2, last - 1, false, true);
  check_part(arguments, "2-", 2, last, true, true);
}

static void imports_too(void **state) {
  (void)state;
  run("simulate --n 30 --d 12 --frames 9 --until 2 --save states", "source");
  const char *arguments =
      testing_format("measure --states '%s' --nulls 3 --save states,gram", folder_of("source/arrays.npz"));
  run(arguments, "all");
  check_part(arguments, "2-5", 2, 5, false, false);
  check_part(arguments, "8", 8, 8, false, false);
}

static void what_does_not_exist_is_refused(void **state) {
  (void)state;
  const char *model = testing_source("tests/golden/model/gpt2-tiny"), *out = folder_of("refused");
  assert_refused(testing_format("measure '%s' --ids 1,2,3 --layers 3 -o '%s'", model, out), 2,
                 "there is no state 3: the states are 0 to 2");
  assert_refused(testing_format("measure '%s' --ids 1,2,3 --layers 1-3 -o '%s'", model, out), 2, "no state 3");
  static const char *const wrong[] = {"2-1", "x", "-", "", "1-2-3", "1.5", "1-x", "999999999"};
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    assert_refused(testing_format("measure '%s' --ids 1,2,3 --layers='%s' -o '%s'", model, wrong[i], out), 2,
                   "--layers takes");
  }
}

/* ---- shuffled tokens ---- */

typedef struct shuffled {
  size_t n;
  long long ids[64], from[64];
  bool special[64];
  const char *seed; /* as the manifest says it */
} shuffled;

static shuffled measured(const char *arguments) {
  run(arguments, "tokens");
  json_t *manifest = json_load_file(folder_of("tokens/run.json"), 0, NULL);
  json_t *tokens = json_object_get(manifest, "tokens"), *source = json_object_get(manifest, "source");
  json_t *seed = json_object_get(json_object_get(source, "options"), "shuffle_tokens");
  json_t *from = json_object_get(source, "shuffled_from");
  shuffled s = {.n = json_array_size(tokens), .seed = "none"};
  assert_true(s.n > 0 && s.n <= 64);
  if (json_is_integer(seed)) s.seed = testing_format("%lld", (long long)json_integer_value(seed));
  assert_int_equal(json_array_size(from), json_is_integer(seed) ? s.n : 0);
  for (size_t i = 0; i < s.n; i++) {
    json_t *token = json_array_get(tokens, i);
    s.ids[i] = json_integer_value(json_object_get(token, "id"));
    s.special[i] = json_is_true(json_object_get(token, "special"));
    s.from[i] = json_integer_value(json_array_get(from, i));
  }
  json_decref(manifest);
  return s;
}

/* Every token comes from where the manifest says, from one place each, and special ones from their own. Returns how
 * many moved. */
static size_t check_shuffle(const shuffled *plain, const shuffled *s) {
  bool seen[64] = {false};
  size_t moved = 0;
  assert_int_equal(s->n, plain->n);
  for (size_t i = 0; i < s->n; i++) {
    assert_true(s->from[i] >= 0 && s->from[i] < (long long)s->n && !seen[s->from[i]]);
    seen[s->from[i]] = true;
    assert_int_equal(s->ids[i], plain->ids[s->from[i]]);
    assert_int_equal(s->special[i], plain->special[i]);
    if (plain->special[i]) assert_int_equal(s->from[i], i);
    moved += s->from[i] != (long long)i;
  }
  return moved;
}

static void tokens_are_shuffled(void **state) {
  (void)state;
  const char *model = testing_trained("bert-minilm-l6", "bert-nursery");
  if (model == NULL) testing_skip_absent("models/bert-minilm-l6");
  const char *text = "The old clock in the hall struck nine, and nobody moved from the fire; the rain went on.";
  const char *command = testing_format("measure '%s' -p '%s' --nulls 0 --max-tokens 24 --layers 0", model, text);
  shuffled plain = measured(command), first = measured(testing_format("%s --shuffle-tokens 1", command));
  shuffled again = measured(testing_format("%s --shuffle-tokens 1 -t 3 --seed 5", command));
  shuffled other = measured(testing_format("%s --shuffle-tokens 2", command));
  assert_string_equal(plain.seed, "none");
  assert_string_equal(other.seed, "2");
  assert_true(plain.special[0] && plain.special[plain.n - 1]);
  /* of 22 tokens a uniform permutation keeps one in its place on average, and 11 or more with a chance below 1e-8 */
  assert_true(check_shuffle(&plain, &first) > plain.n / 2);
  assert_true(check_shuffle(&plain, &other) > plain.n / 2);
  assert_memory_equal(first.from, again.from, sizeof first.from); /* the option's seed decides, not the run's */
  assert_memory_not_equal(first.from, other.from, sizeof first.from);
}

/* Ids that config.json calls special stay in their places too, also where there is only one other. */
static void shuffled_ids(void **state) {
  (void)state;
  const char *model = testing_source("tests/golden/model/bert-tiny");
  shuffled plain = measured(testing_format("measure '%s' --ids " IDS " --nulls 0", model));
  shuffled s = measured(testing_format("measure '%s' --ids " IDS " --nulls 0 --shuffle-tokens 9", model));
  assert_true(check_shuffle(&plain, &s) > 0);
  plain = measured(testing_format("measure '%s' --ids 7 --nulls 0 --special keep", model));
  s = measured(testing_format("measure '%s' --ids 7 --nulls 0 --special keep --shuffle-tokens 9", model));
  assert_int_equal(check_shuffle(&plain, &s), 0);
}

/* Random weights are another run, the same for the same seed, and said in the manifest. */
static void random_weights(void **state) {
  (void)state;
  const char *model = testing_source("tests/golden/model/llama-tiny");
  static const char *const options[] = {"", "--random-init 3", "--random-init 3 -t 1", "--random-init 4"};
  char *tables[4];
  for (size_t i = 0; i < 4; i++) {
    run(testing_format("measure '%s' --ids " IDS " --nulls 0 %s", model, options[i]), "random");
    tables[i] = testing_read(folder_of("random/layers.csv"), NULL);
    char *manifest = testing_read(folder_of("random/run.json"), NULL);
    assert_true(strstr(manifest, "\"random_init\"") != NULL);
    free(manifest);
  }
  assert_string_equal(tables[1], tables[2]);
  assert_string_not_equal(tables[0], tables[1]);
  assert_string_not_equal(tables[1], tables[3]);
  for (size_t i = 0; i < 4; i++) free(tables[i]);
}

/* The shape alone is enough for random weights, and only for them. */
static void random_weights_of_a_shape(void **state) {
  (void)state;
  const char *whole = testing_source("tests/golden/model/albert-tiny"), *bare = folder_of("shape");
  size_t size;
  char *config = testing_read(testing_format("%s/config.json", whole), &size);
  mkdir(bare, 0777);
  testing_write(testing_format("%s/config.json", bare), config, size);
  free(config);
  const char *models[] = {whole, bare};
  char *tables[2];
  for (size_t i = 0; i < 2; i++) {
    run(testing_format("measure '%s' --ids " IDS " --nulls 2 --random-init 3", models[i]), "random");
    tables[i] = testing_read(folder_of("random/layers.csv"), NULL);
  }
  assert_string_equal(tables[0], tables[1]);
  free(tables[0]), free(tables[1]);
  assert_refused(testing_format("measure '%s' --ids 1,2 -o '%s'", bare, folder_of("not")), 3, "--random-init SEED");
  program_result r = assert_done(testing_format("inspect '%s' -n 9", bare));
  assert_non_null(strstr(r.out, "none (use --random-init)"));
  assert_non_null(strstr(r.out, "time "));
  program_free(&r);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(a_part_is_rows_of_the_whole),
                                     cmocka_unit_test(trained_models_too),
                                     cmocka_unit_test(imports_too),
                                     cmocka_unit_test(what_does_not_exist_is_refused),
                                     cmocka_unit_test(tokens_are_shuffled),
                                     cmocka_unit_test(shuffled_ids),
                                     cmocka_unit_test(random_weights),
                                     cmocka_unit_test(random_weights_of_a_shape)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
