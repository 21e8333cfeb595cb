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
  lines = write_text("again.jsonl", "{\"ids\": [4,4,4,4], \"name\": \"long\"}\n" LINE_B);
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

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(each_is_as_alone), cmocka_unit_test(names_are_safe_and_unique),
                                     cmocka_unit_test(one_failure_does_not_stop_the_others),
                                     cmocka_unit_test(what_was_done_is_not_done_again),
                                     cmocka_unit_test(interrupted_and_continued)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
