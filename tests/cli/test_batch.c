/* Several texts: one run each with the bytes of a run alone; what fails does not stop the others; what was done is not
 * done again; the bound on memory holds, also for a model that is larger than it. */
#define _POSIX_C_SOURCE 200809L
#include <stdint.h>
#include <unistd.h>

#include "util/program.h"

static const char *folder_of(const char *name) { return testing_format("%s/%s", testing_folder(), name); }
static const char *tiny(void) { return testing_source("tests/golden/model/gpt2-tiny"); }
static bool there(const char *name) { return access(folder_of(name), F_OK) == 0; }

static const char *write_text(const char *name, const char *text) {
  return testing_write(folder_of(name), text, strlen(text));
}

static void same_file(const char *a, const char *b, const char *name) {
  size_t n, m;
  char *x = testing_read(folder_of(testing_format("%s/%s", a, name)), &n);
  char *y = testing_read(folder_of(testing_format("%s/%s", b, name)), &m);
  if (n != m || memcmp(x, y, n) != 0) fail_msg("%s/%s is not %s/%s", a, name, b, name);
  free(x), free(y);
}

/* A command whose texts fail in part: its exit code, and that it says `words`. Nothing is asked of standard output. */
static void assert_ends(const char *arguments, int code, const char *words) {
  program_result r = program_run(arguments);
  if (r.code != code || strstr(r.words, words) == NULL)
    fail_msg("dwell %s: exit %d, not %d, or no \"%s\" in: %s", arguments, r.code, code, words, r.words);
  program_free(&r);
}

#define IDS_A "1,2,3,4,5,6,7,8,9,3,2,1,4,5,6,7,8,9,1,2"
#define IDS_C "1,2,3,4,5,6,7,8,9,3,2,1,4,5,6,7,8,9,1,3" /* as many, one of them another */
#define IDS_B "9,8,7,6,5,4,3,2,1"
#define LINE_A "{\"ids\": [" IDS_A "], \"name\": \"long\"}\n"
#define LINE_B "{\"ids\": [" IDS_B "]}\n"
static const char OPTIONS[] = "--nulls 3 --save states,attention";

static void each_is_as_alone(void **state) {
  (void)state;
  static const char *const files[] = {"layers.csv", "blocks.csv", "heads.csv", "arrays.npz"};
  const char *lines = write_text("two.jsonl", LINE_A "\n" LINE_B);
  program_result r =
      assert_done(testing_format("measure '%s' -f '%s' %s -o '%s'", tiny(), lines, OPTIONS, folder_of("two")));
  assert_non_null(strstr(r.words, "text 1 of 2: long\n"));
  assert_non_null(strstr(r.words, "text 2 of 2: 3\n"));
  assert_non_null(strstr(r.words, "2 of 2 texts measured\n"));
  program_free(&r);
  const char *const ids[] = {IDS_A, IDS_B}, *const names[] = {"two/long", "two/3"};
  for (size_t i = 0; i < 2; i++) {
    r = assert_done(
        testing_format("measure '%s' --ids %s %s -q --force -o '%s'", tiny(), ids[i], OPTIONS, folder_of("alone")));
    program_free(&r);
    for (size_t k = 0; k < 4; k++) same_file(names[i], "alone", files[k]);
  }
}

static void names_are_safe_and_unique(void **state) {
  (void)state;
  const char *lines = write_text("names.jsonl",
                                 "{\"ids\": [1,2,3], \"name\": \"../../etc/pass wd\"}\n"
                                 "{\"ids\": [1,2,3], \"name\": \"a\"}\n"
                                 "{\"ids\": [1,2,3], \"name\": \"A\"}\n"
                                 "{\"ids\": [1,2,3], \"name\": \"a\"}\n"
                                 "{\"ids\": [1,2,3], \"name\": \"a-2\"}\n"
                                 "{\"ids\": [1,2,3], \"name\": \"\\u001b[1m\\u202ex\"}\n"
                                 "{\"ids\": [1,2,3], \"name\": \"..\"}\n"
                                 "{\"ids\": [1,2,3], \"name\": \"\"}\n"
                                 "{\"ids\": [1,2,3], \"name\": \"\\u00e9t\\u00e9\"}\n"
                                 "{\"ids\": [1,2,3], \"name\": \"-q\"}\n");
  program_result r = assert_done(
      testing_format("measure '%s' -f '%s' --nulls 0 --special keep -q -o '%s'", tiny(), lines, folder_of("names")));
  program_free(&r);
  static const char *const names[] = {"_._.._etc_pass wd", "a", "A-3", "a-4", "a-2", "_[1m_x", "_", "8",
                                      "\xc3\xa9t\xc3\xa9", "_q"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    if (!there(testing_format("names/%s/run.json", names[i]))) fail_msg("there is no \"%s\"", names[i]);
  }
}

static void one_failure_does_not_stop_the_others(void **state) {
  (void)state;
  const char *lines = write_text("mixed.jsonl", LINE_A
                                 "{\"ids\": [1, 5000]}\n{\"txt\": 1}\n{\"ids\": 7}\n{\"text\"\n"
                                 "{\"ids\": [1], \"text\": \"x\"}\n{\"text\": \"no tokenizer\"}\n" LINE_B);
  const char *command = testing_format("measure '%s' -f '%s' -f '%s' --nulls 0 -o '%s'", tiny(), lines,
                                       folder_of("absent.txt"), folder_of("mixed"));
  assert_ends(command, 4, "2: token 1 has id 5000");
  assert_true(there("mixed/long/run.json") && there("mixed/8/run.json"));
  static const char *const absent[] = {"2", "3", "4", "5", "6", "7", "absent"};
  for (size_t i = 0; i < 7; i++) assert_false(there(testing_format("mixed/%s", absent[i])));
  static const char *const words[] = {"mixed.jsonl: line 3: has no \"text\" and no \"ids\"",
                                      "line 4",
                                      "line 5",
                                      "line 6: has both",
                                      "has no tokenizer",
                                      "absent.txt: cannot open",
                                      "0 of 9 texts measured, 2 were there, 7 failed"};
  for (size_t i = 0; i < 7; i++) assert_ends(command, 4, words[i]);
  /* a text longer than the context: usage, 2, is the worst here */
  char longer[2048] = "{\"ids\": [1";
  for (int i = 0; i < 156; i++) strcat(longer, ",2");
  lines = write_text("longer.jsonl", testing_format("%s]}\n" LINE_B, longer));
  assert_ends(testing_format("measure '%s' -f '%s' --nulls 0 -o '%s'", tiny(), lines, folder_of("longer")), 2,
              "1: 157 tokens do not fit the model's context of 150");
  assert_true(there("longer/2/run.json"));
}

static void what_was_done_is_not_done_again(void **state) {
  (void)state;
  const char *lines = write_text("again.jsonl", LINE_A LINE_B);
  const char *base = testing_format("measure '%s' -f '%s' -o '%s'", tiny(), lines, folder_of("again"));
  program_result r = assert_done(testing_format("%s --nulls 2", base));
  program_free(&r);
  char *before = testing_read(folder_of("again/long/run.json"), NULL);
  if (system(testing_format("rm -r '%s'", folder_of("again/2"))) != 0) fail_msg("cannot remove a run");
  r = assert_done(testing_format("%s --nulls 2 -t 1", base));
  assert_non_null(strstr(r.words, "again/long: measured before\n"));
  assert_non_null(strstr(r.words, "1 of 2 texts measured, 1 were there\n"));
  program_free(&r);
  char *after = testing_read(folder_of("again/long/run.json"), NULL);
  assert_string_equal(before, after);
  free(before), free(after);
  /* the page can still be asked for */
  r = assert_done(testing_format("%s --nulls 2 --report", base));
  assert_true(there("again/long/report.html") && there("again/2/report.html"));
  program_free(&r);
  /* anything else is another run */
  static const char *const others[] = {"--nulls 3",
                                       "--nulls 2 --seed 1",
                                       "--nulls 2 --dtype f64",
                                       "--nulls 2 --layers 1-",
                                       "--nulls 2 --save gram",
                                       "--nulls 2 --special keep",
                                       "--nulls 2 --shuffle-tokens 0",
                                       "--nulls 2 --instruments ip"};
  for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
    assert_ends(testing_format("%s %s", base, others[i]), 2, "holds a finished run of another text, model or options");
  }
  lines = write_text("again.jsonl", "{\"ids\": [" IDS_C "], \"name\": \"long\"}\n" LINE_B);
  assert_ends(testing_format("%s --nulls 2", base), 2, "1 were there, 1 failed");
  assert_ends(testing_format("%s --nulls 2 --force", base), 0, "2 of 2 texts measured");
  /* nor is a run that was changed afterwards taken for one */
  testing_write(folder_of("again/2/layers.csv"), "x\n", 2);
  assert_ends(testing_format("%s --nulls 2", base), 3, "is not the file that run.json lists");
}

/* The first run is finished when the signal comes, and the last is far away. */
static void interrupted_and_continued(void **state) {
  (void)state;
  static char lines[64 * 300];
  for (size_t i = 0, at = 0; i < 300; i++) at += (size_t)sprintf(lines + at, LINE_B);
  /* kept: the buffers of testing_format are used in turn */
  char *file = strdup(write_text("many.jsonl", lines)), *out = strdup(folder_of("many"));
  const char *program = getenv("DWELL_PROGRAM");
  const char *command = testing_format("'%s' measure '%s' -f '%s' --nulls 9 -o '%s'", program, tiny(), file, out);
  const char *script = testing_format(
      "%s >/dev/null 2>'%s' & p=$!; until [ -e '%s/1/run.json' ]; do sleep 0.02; "
      "done; kill -TERM $p; wait $p",
      command, folder_of("words"), out);
  int status = system(script);
  assert_true(WIFEXITED(status));
  assert_int_equal(WEXITSTATUS(status), DWELL_INTERRUPTED);
  char *words = testing_read(folder_of("words"), NULL);
  assert_non_null(strstr(words, "are left: the same command continues"));
  free(words);
  size_t done = 0;
  while (done < 300 && there(testing_format("many/%zu/run.json", done + 1))) done++;
  assert_true(done >= 1 && done < 300);
  for (size_t i = done + 1; i <= 300; i++) assert_false(there(testing_format("many/%zu/layers.csv", i)));
  /* the first ten texts in the same folder: what is there stays */
  lines[10 * strlen(LINE_B)] = '\0';
  write_text("many.jsonl", lines);
  assert_ends(testing_format("measure '%s' -f '%s' --nulls 9 -o '%s'", tiny(), file, out), 0,
              testing_format("%zu were there", done < 10 ? done : 10));
  assert_true(there("many/10/run.json"));
  free(file), free(out);
}

/* ---- memory ---- */

static double manifest_number(const char *run, const char *key) {
  char *text = testing_read(folder_of(testing_format("%s/run.json", run)), NULL);
  const char *at = strstr(text, testing_format("\"%s\": ", key));
  if (at == NULL) fail_msg("run.json has no %s", key);
  double x = strtod(at + strlen(key) + 4, NULL);
  free(text);
  return x;
}

static void check_bound(const char *run) {
  double peak = manifest_number(run, "peak_bytes"), bound = manifest_number(run, "bound_bytes");
  print_message("%s: peak %.0f MB, bound %.0f MB\n", run, peak / 1e6, bound / 1e6);
#if !defined(__SANITIZE_ADDRESS__) /* whose own memory is not in the bound */
  assert_true(peak <= bound);
#endif
}

/* A text after longer ones, and a part of the states after all of them: what stays in memory is in the bound. */
static void the_bound_holds(void **state) {
  (void)state;
  const char *model = testing_trained("bert-minilm-l6", "bert-nursery");
  if (model == NULL) testing_skip_absent("models/bert-minilm-l6");
  char lines[4096] = "";
  static const int lengths[] = {40, 240, 8, 120};
  for (size_t i = 0; i < 4; i++) {
    strcat(lines, "{\"ids\": [200");
    for (int k = 1; k < lengths[i]; k++) sprintf(lines + strlen(lines), ",%d", 200 + 7 * k % 900);
    strcat(lines, "]}\n");
  }
  const char *file = write_text("bound.jsonl", lines);
  static const char *const options[] = {"-t 2", "-t 1 --layers 2-3 --save states,gram,attention", "-t 2 --layers=-1"};
  for (size_t i = 0; i < 3; i++) {
    program_result r = assert_done(testing_format("measure '%s' -f '%s' --nulls 2 -q --force %s -o '%s'", model, file,
                                                  options[i], folder_of("bound")));
    program_free(&r);
    for (size_t k = 1; k <= 4; k++) check_bound(testing_format("bound/%zu", k));
  }
}

enum { WIDTH = 512, BLOCKS = 24, WORDS = 64, PLACES = 32, POOL = 1 << 18 };

/* One tensor of the large checkpoint: its header entry, and its bytes if `file` is given. */
static size_t put_tensor(FILE *file, char *header, const char *name, size_t rows, size_t columns, size_t at) {
  static uint16_t pool[POOL], ones[WIDTH];
  size_t count = rows * (columns ? columns : 1), shape = strlen(header);
  char sides[48];
  if (columns) snprintf(sides, sizeof sides, "%zu,%zu", rows, columns);
  else snprintf(sides, sizeof sides, "%zu", rows);
  sprintf(header + shape, "%s\"%s\":{\"dtype\":\"BF16\",\"shape\":[%s],\"data_offsets\":[%zu,%zu]}",
          shape > 1 ? "," : "", name, sides, at, at + 2 * count);
  for (uint32_t i = 0, x = 1; file != NULL && ones[WIDTH - 1] == 0 && i < POOL; i++) {
    x = x * 1664525u + 1013904223u; /* numbers of 0.03 at most, of either sign, as bfloat16 */
    float value = ((float)(x >> 8) / 8388608.0f - 1) * 0.03f;
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    pool[i] = (uint16_t)(bits >> 16);
    if (i >= POOL - WIDTH) ones[i - (POOL - WIDTH)] = 0x3f80; /* the last ends the loop */
  }
  bool norm = strstr(name, "ln_") != NULL && strstr(name, "weight") != NULL;
  for (size_t done = 0; file != NULL && done < count;) {
    size_t start = norm ? 0 : (at * 31 + done) % (POOL / 2), left = norm ? WIDTH : POOL - start;
    size_t some = count - done < left ? count - done : left;
    assert_int_equal(fwrite((norm ? ones : pool) + start, 2, some, file), some);
    done += some;
  }
  return at + 2 * count;
}

/* All tensors; returns the size of the data. */
static size_t put_tensors(FILE *file, char *header) {
  static const struct {
    const char *name;
    size_t rows, columns;
  } block[] = {{"ln_1.weight", WIDTH, 0},
               {"ln_1.bias", WIDTH, 0},
               {"attn.c_attn.weight", WIDTH, 3 * WIDTH},
               {"attn.c_attn.bias", 3 * WIDTH, 0},
               {"attn.c_proj.weight", WIDTH, WIDTH},
               {"attn.c_proj.bias", WIDTH, 0},
               {"ln_2.weight", WIDTH, 0},
               {"ln_2.bias", WIDTH, 0},
               {"mlp.c_fc.weight", WIDTH, 4 * WIDTH},
               {"mlp.c_fc.bias", 4 * WIDTH, 0},
               {"mlp.c_proj.weight", 4 * WIDTH, WIDTH},
               {"mlp.c_proj.bias", WIDTH, 0}};
  strcpy(header, "{");
  size_t at = put_tensor(file, header, "wte.weight", WORDS, WIDTH, 0);
  at = put_tensor(file, header, "wpe.weight", PLACES, WIDTH, at);
  for (size_t b = 0; b < BLOCKS; b++) {
    for (size_t k = 0; k < sizeof block / sizeof block[0]; k++) {
      const char *name = testing_format("h.%zu.%s", b, block[k].name);
      at = put_tensor(file, header, name, block[k].rows, block[k].columns, at);
    }
  }
  at = put_tensor(file, header, "ln_f.weight", WIDTH, 0, at);
  at = put_tensor(file, header, "ln_f.bias", WIDTH, 0, at);
  strcat(header, "}");
  return at;
}

/* A checkpoint of 24 blocks: 151 MB, and twice that as floats. */
static char *write_large_model(void) {
  static char header[64 * 1024];
  char *folder = strdup(folder_of("large")); /* testing_format uses its buffers in turn */
  if (system(testing_format("mkdir '%s'", folder)) != 0) fail_msg("cannot make %s", folder);
  const char *config = testing_format(
      "{\"model_type\":\"gpt2\",\"n_embd\":%d,\"n_layer\":%d,\"n_head\":8,"
      "\"n_positions\":%d,\"vocab_size\":%d,\"activation_function\":\"gelu_new\"}",
      WIDTH, BLOCKS, PLACES, WORDS);
  write_text("large/config.json", config);
  size_t data = put_tensors(NULL, header);
  assert_true(data > 150000000);
  uint64_t length = strlen(header);
  FILE *file = fopen(folder_of("large/model.safetensors"), "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(&length, 8, 1, file), 1);
  assert_int_equal(fwrite(header, 1, length, file), length);
  put_tensors(file, header);
  assert_int_equal(fclose(file), 0);
  return folder;
}

/* Blocks are read one at a time: a model of 302 MB runs within 100. The sanitizer keeps what was freed, more or less of
 * it from run to run, so under it only the refusal is tested. */
#if defined(__SANITIZE_ADDRESS__)
enum { MEGABYTES = 4000 };
#else
enum { MEGABYTES = 100 };
#endif
static void a_model_larger_than_memory(void **state) {
  (void)state;
  char *model = write_large_model();
  const char *lines = write_text("large.jsonl", LINE_A LINE_B);
  program_result r = assert_done(testing_format("measure '%s' -f '%s' --nulls 2 -t 2 -q --memory %d -o '%s'", model,
                                                lines, MEGABYTES, folder_of("small")));
  program_free(&r);
  check_bound("small/long"), check_bound("small/2");
#if !defined(__SANITIZE_ADDRESS__)
  assert_true(manifest_number("small/2", "peak_bytes") < 100e6);
#endif
  assert_ends(testing_format("measure '%s' -f '%s' --memory 20 -o '%s'", model, lines, folder_of("tight")), 5,
              "Raise --memory");
  free(model);
}

/* ---- what it would take ---- */

static double inspected(const char *arguments, const char *key) {
  program_result r = assert_done(testing_format("inspect %s --json", arguments));
  const char *at = strstr(r.out, testing_format("\"%s\": ", key));
  if (at == NULL) fail_msg("inspect says no %s: %s", key, r.out);
  double x = strtod(at + strlen(key) + 4, NULL);
  program_free(&r);
  return x;
}

/* How long is no matter of a test; that it was tried out, and with what, is. */
static void inspect_tries_it_out(void **state) {
  (void)state;
  const char *model = tiny();
  assert_true(inspected(testing_format("'%s' -n 100", model), "sample_tokens") == 100);
  assert_true(inspected(testing_format("'%s' -n 100", model), "estimated_seconds") > 0);
  assert_true(inspected(testing_format("'%s' -n 100 --nulls 0", model), "nulls") == 0);
  assert_true(inspected(testing_format("'%s' -n 100", model), "nulls") > 0);
  /* not where the sample does not fit, or leaves no token */
  assert_true(inspected(testing_format("'%s' -n 100 --memory 1", model), "sample_tokens") == 0);
  assert_true(inspected(testing_format("'%s' -n 1", model), "sample_tokens") == 0);
  /* a block that is shared is tried out several times, as far as there are so many */
  const char *shared = testing_source("tests/golden/model/albert-tiny");
  for (int depth = 1; depth <= 9; depth += 2) {
    assert_true(inspected(testing_format("'%s' -n 9 --iterations %d", shared, depth), "sample_tokens") == 9);
  }
  /* a part of the states takes less memory and is bounded before the sample is run */
  double all = inspected(testing_format("'%s' -n 100 --save gram", model), "bound_bytes");
  assert_true(inspected(testing_format("'%s' -n 100 --save gram --layers 1", model), "bound_bytes") < all);
  program_result r =
      assert_done(testing_format("simulate --n 40 --frames 5 --until 1 --nulls 0 --save states -q "
                                 "-o '%s'",
                                 folder_of("states")));
  program_free(&r);
  assert_true(inspected(testing_format("'%s'", folder_of("states/arrays.npz")), "sample_tokens") == 40);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(each_is_as_alone),
                                     cmocka_unit_test(names_are_safe_and_unique),
                                     cmocka_unit_test(one_failure_does_not_stop_the_others),
                                     cmocka_unit_test(what_was_done_is_not_done_again),
                                     cmocka_unit_test(interrupted_and_continued),
                                     cmocka_unit_test(the_bound_holds),
                                     cmocka_unit_test(a_model_larger_than_memory),
                                     cmocka_unit_test(inspect_tries_it_out)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
