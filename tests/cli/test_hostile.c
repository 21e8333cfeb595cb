/* What an adversary tries: escape codes in names, empty lists, floods of characters; nothing reaches the terminal. */
#include <sys/stat.h>
#include <unistd.h>

#include "util/program.h"

static const char *folder_of(const char *name) { return testing_format("%s/%s", testing_folder(), name); }

/* No control character but newline, no escape, no direction mark; no more than `most` bytes. */
static void assert_plain(const char *words, size_t most) {
  for (const unsigned char *p = (const unsigned char *)words; *p != '\0'; p++) {
    if ((*p < 0x20 && *p != '\n') || *p == 0x7F) fail_msg("control character %02x on the terminal: %s", *p, words);
  }
  if (strstr(words, "\xE2\x80\xAE") != NULL) fail_msg("a right-to-left override on the terminal");
  if (strlen(words) > most) fail_msg("%zu bytes of words: %.200s", strlen(words), words);
}

static void options_are_shown_safely(void **state) {
  (void)state;
  static const char evil[] = "$(printf 'a\\033[31mb\\n\\342\\200\\256c')";
  static const char *const options[] = {"--n", "--beta", "--mask", "--integrator", "--save", "--init", "--instruments"};
  for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
    program_result r = program_run(testing_format("simulate %s \"%s\" -o '%s'", options[i], evil, folder_of("x")));
    if (r.code != 2 && r.code != 3) fail_msg("%s: exit %d, %s", options[i], r.code, r.words);
    assert_plain(r.words, 1000);
    program_free(&r);
    const char *flood = "$(printf '%050000d' 0)x";
    r = program_run(testing_format("simulate %s \"%s\" -o '%s'", options[i], flood, folder_of("x")));
    if (r.code == 0) fail_msg("%s took 50000 zeros and an x", options[i]);
    assert_plain(r.words, 2000);
    program_free(&r);
  }
}

/* A file name is words, too, also where all goes well. */
static void names_are_shown_safely(void **state) {
  (void)state;
  const char *from = testing_source("tests/golden/instruments/edge.npz");
  const char *name = testing_format("%s/$(printf 'a\\033[31mb\\n\\342\\200\\256c').npz", testing_folder());
  if (system(testing_format("cp '%s' \"%s\"", from, name)) != 0) fail_msg("cannot copy %s", from);
  program_result r = assert_done(testing_format("measure --states \"%s\" -o \"%s.run\"", name, name));
  assert_plain(r.words, 10000);
  assert_plain(r.out, 100000);
  program_free(&r);
}

static void empty_lists(void **state) {
  (void)state;
  const char *out = folder_of("empty");
  assert_refused(testing_format("simulate --instruments '' -o '%s'", out), 2, "list of instruments is empty");
  assert_refused(testing_format("simulate --instruments , -o '%s'", out), 2, "list of instruments is empty");
  assert_refused(testing_format("simulate --save '' -o '%s'", out), 2, "--save takes");
  assert_refused(testing_format("simulate --save states, -o '%s'", out), 2, "--save takes");
  assert_int_not_equal(access(out, F_OK), 0);
}

/* Standard streams that are full, closed or read no further, and a limit on the size of files. */
static void streams(void **state) {
  (void)state;
  static const char *const loud[] = {"--help", "--version", "list instruments --json", "list flows"};
  for (size_t i = 0; i < sizeof loud / sizeof loud[0]; i++) {
    static const char *const how[] = {"/dev/full", "&-"};
    for (size_t k = 0; k < 2; k++) {
      const char *words = testing_format("%s/words", testing_folder());
      int status = system(testing_format("\"$DWELL_PROGRAM\" %s >%s 2>'%s'", loud[i], how[k], words));
      char *said = testing_read(words, NULL);
      if (WEXITSTATUS(status) != 1 || strstr(said, "standard output") == NULL)
        fail_msg("%s >%s: exit %d, %s", loud[i], how[k], WEXITSTATUS(status), said);
      free(said);
    }
  }
  const char *out = folder_of("streams"), *said = testing_format("%s/said", testing_folder());
  /* the reader goes away before a byte is written */
  system(testing_format("{ sleep 0.2; \"$DWELL_PROGRAM\" list instruments --json 2>'%s'; } | true", said));
  char *words = testing_read(said, NULL);
  assert_string_equal(words, "");
  free(words);
  const char *run = testing_format("simulate --n 4 --frames 3 --until 1 -o '%s' --force", out);
  assert_int_equal(WEXITSTATUS(system(testing_format("\"$DWELL_PROGRAM\" %s -q <&- >&- 2>&-", run))), 0);
  assert_int_equal(WEXITSTATUS(system(testing_format("\"$DWELL_PROGRAM\" report '%s' <&- >&- 2>&-", out))), 0);
  assert_int_equal(
      WEXITSTATUS(system(testing_format("ulimit -f 1; \"$DWELL_PROGRAM\" %s 2>/dev/null >/dev/null", run))), 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(options_are_shown_safely),
                                     cmocka_unit_test(names_are_shown_safely), cmocka_unit_test(empty_lists),
                                     cmocka_unit_test(streams)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
