/* The table of the release test (tools/calibrate/kept.c): what a run that was killed leaves is taken up again, and what
 * is of other rules is not. The table that is shipped says what docs/TRUST.md (8.6) says of it. */
#include "../../tools/calibrate/kept.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/testing.h"

static const char header[] = "study,number,rules,A,B,C,D,E1,E2,g,g_sd\n";
static kept_studies kept; /* large */

static const char *file_of(const char *name) { return testing_format("%s/%s", testing_folder(), name); }

static void open_kept(const char *path, const char *rules) {
  dwell_error err;
  assert_ok(kept_open(path, rules, &kept, &err), &err);
}

static void refused(const char *path, const char *rules, dwell_status status, const char *words) {
  dwell_error err;
  assert_fails(kept_open(path, rules, &kept, &err), status, &err, words);
  kept_close(&kept);
}

static void add(kept_kind kind, size_t number, unsigned says, double g) {
  dwell_error err;
  const kept_study study = {.says = says, .g = g, .g_sd = isnan(g) ? NAN : 0.025};
  assert_ok(kept_add(&kept, kind, number, &study, &err), &err);
}

static void comes_back(void **state) {
  (void)state;
  const char *path = file_of("back");
  open_kept(path, "0123456789abcdef");
  add(KEPT_NETWORK, 399, 1 << 3 | 1 << 5, NAN), add(KEPT_FLOW, 0, 0, NAN), add(KEPT_PLANTED, 7, 1, 0.1);
  kept_close(&kept);
  open_kept(path, "0123456789abcdef");
  assert_int_equal(kept_done(&kept, KEPT_NETWORK, KEPT_MOST), 1);
  assert_int_equal(kept.of[KEPT_NETWORK][399].says, 1 << 3 | 1 << 5);
  assert_int_equal(kept_say(&kept, KEPT_NETWORK, KEPT_MOST, 1 << 5), 1);
  assert_int_equal(kept_say(&kept, KEPT_NETWORK, KEPT_MOST, 1), 0);
  assert_true(kept.of[KEPT_FLOW][0].done && !kept.of[KEPT_FLOW][1].done && isnan(kept.of[KEPT_FLOW][0].g));
  assert_near(kept.of[KEPT_PLANTED][7].g, 0.1, 0, 0);
  assert_near(kept.of[KEPT_PLANTED][7].g_sd, 0.025, 0, 0);
  kept_close(&kept);
}

/* Nothing of it is held back: a process that dies by SIGKILL right behind a study has kept it. */
static void survives_a_kill(void **state) {
  enum { STUDIES = 50 };
  (void)state;
  const char *path = file_of("killed");
  int how = 0;
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    open_kept(path, "a");
    for (size_t k = 0; k < STUDIES; k++) add(KEPT_NETWORK, k, 0, NAN);
    raise(SIGKILL);
  }
  assert_int_equal(waitpid(child, &how, 0), child);
  assert_true(WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL);
  open_kept(path, "a");
  assert_int_equal(kept_done(&kept, KEPT_NETWORK, KEPT_MOST), STUDIES);
  kept_close(&kept);
}

/* A disk that is full in the middle of a line (here: a file that may not grow) and has room again later. */
static void full_disk(void **state) {
  (void)state;
  const char *path = file_of("full");
  const kept_study study = {.g = NAN, .g_sd = NAN};
  struct rlimit before, small;
  dwell_error err;
  open_kept(path, "a");
  add(KEPT_NETWORK, 1, 0, NAN);
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
  small = before, small.rlim_cur = sizeof header - 1 + 30; /* a line has 27 bytes */
  void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
  dwell_status status = kept_add(&kept, KEPT_NETWORK, 2, &study, &err);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
  signal(SIGXFSZ, handler);
  assert_fails(status, DWELL_FAILED, &err, "cannot write: No space left");
  add(KEPT_NETWORK, 3, 0, NAN);
  kept_close(&kept);
  open_kept(path, "a");
  assert_true(kept.of[KEPT_NETWORK][1].done && !kept.of[KEPT_NETWORK][2].done && kept.of[KEPT_NETWORK][3].done);
  kept_close(&kept);
}

/* A line without its end is as if it were not there, wherever it breaks off, and the next one is whole. */
static void torn_line(void **state) {
  static const char whole[] = "network,3,a,1,0,0,0,0,0,,\n", torn[] = "network,4,a,1,0,0,0,0,0,,";
  (void)state;
  for (size_t cut = 1; cut < sizeof torn; cut++) {
    const char *path = file_of("torn"), *text = testing_format("%s%s%.*s", header, whole, (int)cut, torn);
    testing_write(path, text, strlen(text));
    open_kept(path, "a");
    assert_int_equal(kept_done(&kept, KEPT_NETWORK, KEPT_MOST), 1);
    add(KEPT_FLOW, 5, 0, NAN);
    kept_close(&kept);
    char *now = testing_read(path, NULL);
    assert_string_equal(now, testing_format("%s%sflow,5,a,0,0,0,0,0,0,,\n", header, whole));
    free(now);
  }
}

static void torn_header(void **state) {
  (void)state;
  const char *path = testing_write(file_of("begun"), header, 9);
  open_kept(path, "a");
  kept_close(&kept);
  char *now = testing_read(path, NULL);
  assert_string_equal(now, header);
  free(now);
}

static void other_rules(void **state) {
  (void)state;
  const char *path = file_of("rules");
  open_kept(path, "a");
  add(KEPT_NETWORK, 0, 0, NAN);
  kept_close(&kept);
  char *before = testing_read(path, NULL);
  refused(path, "b", DWELL_USAGE, "line 2 is of other rules");
  char *after = testing_read(path, NULL);
  assert_string_equal(before, after);
  free(before), free(after);
}

static void other_files(void **state) {
  static const char *const lines[] = {"network,400,a,0,0,0,0,0,0,,\n",  "star,1,a,0,0,0,0,0,0,,\n",
                                      "network,1,a,0,0,2,0,0,0,,\n",    "network,1,a,0,0,0,0,0,0,\n",
                                      "flow,1,a,0,0,0,0,0,0,x,\n",      "\n",
                                      "planted,1,a,0,0,0,0,0,0,nan,\n", "network,-1,a,0,0,0,0,0,0,,\n"};
  (void)state;
  refused(testing_write(file_of("poem"), "a poem\n", 7), "a", DWELL_BAD_INPUT, "is not a table of studies");
  for (size_t k = 0; k < sizeof lines / sizeof lines[0]; k++) {
    const char *text = testing_format("%s%s", header, lines[k]);
    refused(testing_write(file_of("line"), text, strlen(text)), "a", DWELL_BAD_INPUT, "line 2 is not of a table");
  }
}

static void two_at_once(void **state) {
  static kept_studies other;
  dwell_error err;
  (void)state;
  open_kept(file_of("two"), "a");
  assert_fails(kept_open(file_of("two"), "a", &other, &err), DWELL_FAILED, &err, "another process");
  kept_close(&other), kept_close(&kept);
}

static void shipped(void **state) {
  enum { NETWORKS = 400, OTHERS = 100, BUT_D = (1 << KEPT_CLAIMS) - 1 - (1 << 3) };
  (void)state;
  size_t size;
  char *text = testing_read(testing_source("data/release-test.csv"), &size), rules[KEPT_RULES];
  const char *path = testing_write(file_of("shipped"), text, size);
  assert_int_equal(sscanf(text + sizeof header - 1, "%*[a-z],%*d,%16[0-9a-f],", rules), 1);
  open_kept(path, rules);
  assert_int_equal(kept_done(&kept, KEPT_NETWORK, NETWORKS), NETWORKS);
  assert_int_equal(kept_done(&kept, KEPT_FLOW, OTHERS), OTHERS);
  assert_int_equal(kept_done(&kept, KEPT_PLANTED, OTHERS), OTHERS);
  assert_true(kept_say(&kept, KEPT_NETWORK, NETWORKS, BUT_D) <= 21);
  assert_true(kept_say(&kept, KEPT_FLOW, OTHERS, 1 | 1 << 1 | 1 << 4) <= 2);
  assert_true(kept_say(&kept, KEPT_PLANTED, OTHERS, 1) >= 89);
  kept_close(&kept);
  free(text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(comes_back),  cmocka_unit_test(full_disk),   cmocka_unit_test(survives_a_kill),
      cmocka_unit_test(torn_line),   cmocka_unit_test(torn_header), cmocka_unit_test(other_rules),
      cmocka_unit_test(other_files), cmocka_unit_test(two_at_once), cmocka_unit_test(shipped)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
