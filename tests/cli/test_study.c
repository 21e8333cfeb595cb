/* dwell study: what survives an end at any moment, shards and bad surroundings; what is said of each. */
#define _POSIX_C_SOURCE 200809L
#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/random.h"
#include "util/program.h"

static const char *folder_of(const char *name) { return testing_format("%s/%s", testing_folder(), name); }

static const char *plan_of(const char *name, const char *text) {
  return testing_write(folder_of(name), text, strlen(text));
}

/* Small enough to be killed often: 2 models, 4 texts, controls, a flow: 34 units. */
static const char *small_plan(void) {
  static const char text[] =
      "{\"title\":\"Small\",\"models\":[\"nursery:gpt2-nursery-6\",{\"model\":\"nursery:albert-nursery\","
      "\"iterations\":[3]}],"
      "\"prompts\":[\"news_bridge\",\"encyclopedia_tides\",\"code_c_uniform\",{\"prompt\":\"sweep_river\",\"lengths\":["
      "20]}],"
      "\"controls\":{\"random\":2,\"shuffled\":1,\"repeated\":true},\"flows\":[{\"n\":12,\"d\":3,\"beta\":9,\"starts\":"
      "2,"
      "\"until\":20}],\"nulls\":19,\"control_nulls\":19,\"max_tokens\":32,\"seed\":3}";
  return plan_of("small.json", text);
}

/* ---- the same bytes ---- */

/* Every file below `a` is below `b` with the same bytes, but run.json, which holds times, and locks. */
static size_t same_tree(const char *a, const char *b) {
  size_t count = 0;
  DIR *dir = opendir(a);
  if (dir == NULL) fail_msg("%s: cannot be read", a);
  for (struct dirent *e; (e = readdir(dir)) != NULL;) {
    if (e->d_name[0] == '.' || strcmp(e->d_name, "run.json") == 0) continue;
    char x[4096], y[4096];
    snprintf(x, sizeof x, "%s/%s", a, e->d_name), snprintf(y, sizeof y, "%s/%s", b, e->d_name);
    DIR *below = opendir(x);
    if (below != NULL) {
      closedir(below);
      count += same_tree(x, y);
      continue;
    }
    size_t n, m;
    char *left = testing_read(x, &n), *right = testing_read(y, &m);
    if (n != m || memcmp(left, right, n) != 0) fail_msg("%s and %s differ", x, y);
    free(left), free(right);
    count++;
  }
  closedir(dir);
  return count;
}

static void assert_same(const char *a, const char *b) {
  size_t count = same_tree(a, b);
  assert_int_equal(same_tree(b, a), count);
  assert_true(count > 60);
}

static const char *reference(void) {
  static char folder[4096];
  if (folder[0] != '\0') return folder;
  snprintf(folder, sizeof folder, "%s", folder_of("reference"));
  program_result r = assert_done(testing_format("study '%s' -q -o '%s'", small_plan(), folder));
  program_free(&r);
  return folder;
}

/* ---- a run to the end ---- */

static void to_the_end(void **state) {
  (void)state;
  if (testing_nursery("gpt2-nursery-6") == NULL) testing_skip_absent("data/models");
  program_result r = assert_done(testing_format("study '%s' -o '%s'", small_plan(), folder_of("first")));
  assert_true(strstr(r.out, "SUSPENDED") != NULL && strstr(r.out, "few_prompts") != NULL);
  assert_true(strstr(r.words, "units measured") != NULL);
  program_free(&r);
  assert_same(reference(), folder_of("first"));
  r = assert_done(
      testing_format("study '%s' -o '%s' -t 1", small_plan(), folder_of("first"))); /* again: all is there */
  assert_true(strstr(r.words, "0 units measured, 3") != NULL);
  program_free(&r);
  const char *again = folder_of("again");
  assert_int_equal(mkdir(again, 0777), 0);
  r = assert_done(testing_format("verdict '%s' -q -o '%s'", folder_of("first"), again));
  program_free(&r);
  assert_int_equal(same_tree(again, folder_of("first")), 3);
  r = assert_done(testing_format("verdict '%s' --table", folder_of("first")));
  assert_true(strstr(r.out, "\ngpt2-nursery-6                      open       open") != NULL);
  assert_true(strstr(r.out, "\nalbert-nursery-x3, random weights   open") != NULL && strstr(r.out, "effect") == NULL);
  program_free(&r);
  r = assert_done(testing_format("verdict '%s' --json", folder_of("first")));
  char *stored = testing_read(testing_format("%s/verdicts.json", folder_of("first")), NULL);
  assert_string_equal(r.out, stored);
  free(stored);
  program_free(&r);
  /* one thread, from nothing: the same */
  r = assert_done(testing_format("study '%s' -q -t 1 -o '%s'", small_plan(), folder_of("alone")));
  program_free(&r);
  assert_same(reference(), folder_of("alone"));
}

/* ---- kill -9 ---- */

/* The whole study, or one shard of it, which ends without tables. */
static pid_t start(const char *plan, const char *folder, const char *opt_shard) {
  const char *option = opt_shard != NULL ? "--shard" : NULL;
  pid_t child = fork();
  if (child != 0) return child;
  int nothing = open("/dev/null", O_RDWR);
  dup2(nothing, 0), dup2(nothing, 1), dup2(nothing, 2);
  execl(getenv("DWELL_PROGRAM"), "dwell", "study", plan, "-q", "-o", folder, option, opt_shard, (char *)NULL);
  _exit(127);
}

/* The waits are parts of what the whole takes here, so that every stage of it is met on slow and on fast machines. */
static void kill_and_resume(void **state) {
  enum { KILLS = 50 };
  const random_stream s = {.seed = 9, .purpose = RANDOM_TEST};
  size_t killed = 0;
  (void)state;
  if (testing_nursery("gpt2-nursery-6") == NULL) testing_skip_absent("data/models");
  const char *whole = reference(), *plan = small_plan();
  char folder[4096];
  double begin = clock_seconds();
  program_result r = assert_done(testing_format("study '%s' -q -o '%s'", plan, folder_of("timed")));
  double whole_seconds = clock_seconds() - begin;
  program_free(&r);
  int code = -1;
  for (uint32_t k = 0, round = 0; killed < KILLS && k < 4 * KILLS; k++) {
    if (code == 0 || k == 0) snprintf(folder, sizeof folder, "%s", folder_of(testing_format("killed-%u", round++)));
    double seconds = random_uniform(&s, k, 0) * whole_seconds / 4;
    struct timespec wait = {(time_t)seconds, (long)(1e9 * fmod(seconds, 1))};
    int status;
    pid_t child = start(plan, folder, NULL);
    assert_true(child > 0);
    nanosleep(&wait, NULL);
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &status, 0), child);
    code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    killed += WIFSIGNALED(status);
    if (code > 0) fail_msg("kill %u: the next call ended with %d", k, code);
    if (code == 0) assert_same(whole, folder);
  }
  r = assert_done(testing_format("study '%s' -q -o '%s'", plan, folder));
  program_free(&r);
  assert_same(whole, folder);
  assert_int_equal(killed, KILLS);
}

/* Killed while the plan was being written: nothing else is there yet. */
static void killed_at_the_start(void **state) {
  (void)state;
  if (testing_nursery("gpt2-nursery-6") == NULL) testing_skip_absent("data/models");
  const char *folder = folder_of("start");
  assert_int_equal(mkdir(folder, 0777), 0);
  testing_write(testing_format("%s/.plan.json.tmp-77", folder), "{", 1);
  program_result r = assert_done(testing_format("study '%s' -q -o '%s'", small_plan(), folder));
  program_free(&r);
  assert_same(reference(), folder);
}

static void interrupted(void **state) {
  (void)state;
  if (testing_nursery("gpt2-nursery-6") == NULL) testing_skip_absent("data/models");
  const char *folder = folder_of("interrupted");
  pid_t child = start(small_plan(), folder, NULL);
  struct timespec wait = {0, 150000000};
  int status;
  testing_wait_until_caught(child, SIGINT);
  nanosleep(&wait, NULL);
  kill(child, SIGINT);
  waitpid(child, &status, 0);
  assert_true(WIFEXITED(status) && (WEXITSTATUS(status) == 7 || WEXITSTATUS(status) == 0));
  program_result r = assert_done(testing_format("study '%s' -q -o '%s'", small_plan(), folder));
  program_free(&r);
  assert_same(reference(), folder);
}

/* ---- shards ---- */

static void shards(void **state) {
  (void)state;
  if (testing_nursery("gpt2-nursery-6") == NULL) testing_skip_absent("data/models");
  const char *folder = folder_of("shards");
  program_result r = assert_done(testing_format("study '%s' --shard 2/3 -o '%s'", small_plan(), folder));
  assert_true(strstr(r.words, "shard 2 of 3") != NULL && strstr(r.words, "--merge") != NULL);
  program_free(&r);
  assert_refused(testing_format("study '%s' --merge -q -o '%s'", small_plan(), folder), 1, "units are not there");
  r = assert_done(testing_format("study '%s' --shard 3/3 -q -o '%s'", small_plan(), folder));
  program_free(&r);
  setenv("SLURM_ARRAY_TASK_ID", "1", 1), setenv("SLURM_ARRAY_TASK_COUNT", "3", 1),
      setenv("SLURM_ARRAY_TASK_MIN", "1", 1);
  r = program_run(testing_format("study '%s' -o '%s'", small_plan(), folder));
  unsetenv("SLURM_ARRAY_TASK_ID"), unsetenv("SLURM_ARRAY_TASK_COUNT"), unsetenv("SLURM_ARRAY_TASK_MIN");
  assert_int_equal(r.code, 0);
  assert_true(strstr(r.words, "shard 1 of 3") != NULL);
  program_free(&r);
  r = assert_done(testing_format("study '%s' --merge -q -o '%s'", small_plan(), folder));
  program_free(&r);
  assert_same(reference(), folder);
}

/* Three shards that begin a study at the same moment, in a folder that is not there, all get their share. */
static void shards_at_once(void **state) {
  enum { ROUNDS = 10, SHARDS = 3 };
  (void)state;
  if (testing_nursery("gpt2-nursery-6") == NULL) testing_skip_absent("data/models");
  const char *plan = plan_of("tiny.json",
                             "{\"models\":[\"nursery:gpt2-nursery-6\"],\"prompts\":[\"news_bridge\"],"
                             "\"controls\":{\"random\":2},\"nulls\":19,\"control_nulls\":19,\"max_tokens\":8}");
  for (int round = 0; round < ROUNDS; round++) {
    const char *folder = folder_of(testing_format("at-once-%d", round));
    pid_t children[SHARDS];
    for (int k = 0; k < SHARDS; k++) children[k] = start(plan, folder, testing_format("%d/%d", k + 1, SHARDS));
    for (int k = 0; k < SHARDS; k++) {
      int status;
      assert_int_equal(waitpid(children[k], &status, 0), children[k]);
      assert_int_equal(status, 0);
    }
    program_result r = assert_done(testing_format("study '%s' --merge -q -o '%s'", plan, folder));
    program_free(&r);
  }
}

/* ---- what goes wrong ---- */

static void units_that_fail(void **state) {
  static const char text[] =
      "{\"models\":[\"./nowhere\",\"nursery:gpt2-nursery-6\"],\"prompts\":[\"news_bridge\",{\"file\":\"absent.txt\"}],"
      "\"controls\":{\"random\":1},\"nulls\":19,\"max_tokens\":24}";
  (void)state;
  if (testing_nursery("gpt2-nursery-6") == NULL) testing_skip_absent("data/models");
  const char *plan = plan_of("failing.json", text), *folder = folder_of("failing");
  program_result r = program_run(testing_format("study '%s' -o '%s'", plan, folder));
  assert_int_equal(r.code, 1);
  assert_true(strstr(r.words, "nowhere") != NULL && strstr(r.words, "absent.txt") != NULL);
  assert_true(strstr(r.words, "2 units measured") != NULL && strstr(r.words, "6 failed") != NULL);
  assert_true(strstr(r.out, "nowhere\n  A   SUSPENDED") != NULL);
  program_free(&r);
  char *note = testing_read(testing_format("%s/failed/nowhere.txt", folder), NULL);
  assert_true(strstr(note, "nowhere") != NULL);
  free(note);
  /* The text appears: the same command measures what was missing of it. */
  static const char words[] = "The ferry left at nine, and nobody was on it but the old man and his dog.";
  plan_of("absent.txt", words);
  r = program_run(testing_format("study '%s' -o '%s'", plan, folder));
  assert_int_equal(r.code, 1);
  assert_true(strstr(r.words, "2 units measured, 2 were there, 4 failed") != NULL);
  program_free(&r);
}

/* Runs of another dwell in the folder, many of them: a few sentences, not one for each. */
static void one_reason(void **state) {
  (void)state;
  if (testing_nursery("gpt2-nursery-6") == NULL) testing_skip_absent("data/models");
  const char *folder = folder_of("one-reason");
  assert_int_equal(mkdir(folder, 0777), 0);
  program_result r = assert_done(testing_format("study '%s' -q -o '%s'", small_plan(), folder));
  program_free(&r);
  assert_int_equal(system(testing_format("sed -i 's/\"max_tokens\":32/\"max_tokens\":31/' '%s/plan.json'", folder)), 0);
  r = program_run(testing_format("study '%s/plan.json' -o '%s'", folder, folder));
  assert_int_equal(r.code, 1);
  size_t sentences = 0;
  for (const char *at = r.words; (at = strstr(at, "is a run of another text")) != NULL; at++) sentences++;
  assert_int_equal(sentences, 8);
  assert_non_null(strstr(r.words, "more units fail: "));
  program_free(&r);
}

/* ---- several processes ---- */

/* `mpirun -np COUNT dwell study PLAN -o FOLDER`; `before` runs it. */
static int parallel(int count, const char *before, const char *plan, const char *folder) {
  return WEXITSTATUS(
      system(testing_format("%s %s \"$DWELL_RANKS_PROGRAM\" study '%s' -q -t 1 -o '%s' >'%s' 2>&1 </dev/null",
                            program_mpirun(count), before, plan, folder, folder_of("words"))));
}

static void ranks(void **state) {
  (void)state;
  program_need_mpi();
  if (testing_nursery("gpt2-nursery-6") == NULL) testing_skip_absent("data/models");
  for (int count = 2; count <= 4; count += 2) {
    const char *folder = folder_of(testing_format("ranks-%d", count));
    assert_int_equal(parallel(count, "", small_plan(), folder), 0);
    assert_same(reference(), folder);
  }
}

/* The second of three processes finds a file that may not grow, which stands for a full disk: all end, with its code,
 * and what is there is whole. Killed, the same command goes on. */
static void ranks_that_fail(void **state) {
  static const char full[] = "sh -c 'test \"$OMPI_COMM_WORLD_RANK\" != 1 || ulimit -f 8; exec \"$0\" \"$@\"'";
  (void)state;
  program_need_mpi();
  if (testing_nursery("gpt2-nursery-6") == NULL) testing_skip_absent("data/models");
  char folder[4096];
  snprintf(folder, sizeof folder, "%s", folder_of("ranks-full"));
  assert_int_equal(parallel(3, full, small_plan(), folder), 1);
  char *words = testing_read(folder_of("words"), NULL);
  if (strstr(words, "File too large") == NULL) fail_msg("words: %s", words);
  free(words);
  double begin = clock_seconds(); /* of all units; that of few has just been lost above */
  assert_int_equal(parallel(2, "", small_plan(), folder_of("ranks-timed")), 0);
  const char *early = testing_format("timeout -s KILL %.3f", (clock_seconds() - begin) / 4);
  assert_int_not_equal(parallel(2, early, small_plan(), folder), 0);
  assert_int_equal(parallel(2, "", small_plan(), folder), 0);
  assert_same(reference(), folder);
}

/* A damaged unit is named and not used; the others stay; --force measures it again. */
static void damaged_unit(void **state) {
  (void)state;
  if (testing_nursery("gpt2-nursery-6") == NULL) testing_skip_absent("data/models");
  const char *folder = folder_of("damaged");
  assert_int_equal(system(testing_format("cp -r '%s' '%s'", reference(), folder)), 0);
  const char *unit = testing_format("%s/runs/gpt2-nursery-6+random-2+news_bridge/layers.csv", folder);
  FILE *f = fopen(unit, "a");
  assert_non_null(f);
  fputs("1,2\n", f), fclose(f);
  program_result r = program_run(testing_format("study '%s' -o '%s'", small_plan(), folder));
  assert_int_equal(r.code, 1);
  assert_true(strstr(r.words, "layers.csv") != NULL && strstr(r.words, "SHA-256") != NULL &&
              strstr(r.words, "--force") != NULL);
  assert_true(strstr(r.words, "1 failed") != NULL);
  program_free(&r);
  r = assert_done(testing_format("study '%s' --force -q -o '%s'", small_plan(), folder));
  program_free(&r);
  assert_same(reference(), folder);
}

static void surroundings(void **state) {
  (void)state;
  if (testing_nursery("gpt2-nursery-6") == NULL) testing_skip_absent("data/models");
  const char *plan = small_plan(), *full = folder_of("full");
  assert_refused(testing_format("study '%s' -q -o /proc/dwell", plan), 1, "cannot");
  /* A file that may not grow stands for a full disk. */
  const char *said = folder_of("said");
  int code = WEXITSTATUS(system(
      testing_format("ulimit -f 8; \"$DWELL_PROGRAM\" study '%s' -q -o '%s' >/dev/null 2>'%s'", plan, full, said)));
  char *words = testing_read(said, NULL);
  assert_int_equal(code, 1);
  assert_true(strstr(words, "File too large") != NULL);
  free(words);
  program_result r = assert_done(testing_format("study '%s' -q -o '%s'", plan, full));
  program_free(&r);
  assert_same(reference(), full);
  /* other things in the way */
  const char *other = plan_of("other.json", "{\"models\":[\"nursery:gpt2-nursery-6\"],\"prompts\":[\"news_bridge\"]}");
  assert_refused(testing_format("study '%s' -q -o '%s'", other, full), 2, "another plan");
  assert_refused(testing_format("study '%s' -q -o '%s'", other, testing_folder()), 2, "is not a study");
  assert_refused(testing_format("study '%s' -q", plan), 2, "-o DIR");
  assert_refused("study -o x", 2, "--preset NAME");
  assert_refused("study --preset dmo -o x", 2, "Did you mean \"demo\"?");
  assert_refused(testing_format("study '%s' --shard 4/3 -o x", plan), 2, "--shard takes I/N");
  assert_refused(testing_format("study '%s' -o x", plan_of("bad.json", "{\"modles\":[]}")), 3,
                 "Did you mean \"models\"?");
  assert_refused("study absent.json -o x", 3, "absent.json");
  assert_refused(testing_format("verdict '%s'", testing_folder()), 3, "is not a study");
}

static void before(void **state) {
  (void)state;
  if (testing_nursery("gpt2-nursery-6") == NULL) testing_skip_absent("data/models");
  program_result r = assert_done(testing_format("study '%s' --dry-run", small_plan()));
  assert_true(strstr(r.out, "few_prompts: 3 texts, 12 are needed") != NULL);
  assert_true(strstr(r.out, "34 units") != NULL && strstr(r.out, "of memory") != NULL);
  program_free(&r);
  r = assert_done(testing_format(
      "study '%s' --dry-run", plan_of("hub.json", "{\"models\":[\"nobody/nothing\"],\"prompts\":[\"news_bridge\"]}")));
  assert_true(strstr(r.out, "dwell pull nobody/nothing") != NULL);
  program_free(&r);
  r = assert_done("study --schema");
  assert_true(strstr(r.out, "\"additionalProperties\":false") != NULL);
  program_free(&r);
}

/* Two runs of the same study: the same one is equal, a network and its random twin are not. */
/* The page is made again from the tables, and the manifest gets its hash. */
static void reported(void **state) {
  (void)state;
  if (testing_nursery("gpt2-nursery-6") == NULL) testing_skip_absent("data/models");
  static const char key[] = "\"report.html\": \"";
  const char *page = testing_format("%s/report.html", reference()),
             *list = testing_format("%s/study.json", reference());
  size_t n, m;
  char *whole = testing_read(page, &n), *manifest = testing_read(list, &m), *at = strstr(manifest, key);
  assert_non_null(at);
  char kept = at[sizeof key - 1];
  at[sizeof key - 1] = kept == '0' ? '1' : '0';
  testing_write(page, "cut", 3), testing_write(list, manifest, m);
  at[sizeof key - 1] = kept;
  program_result r = assert_done(testing_format("report '%s'", reference()));
  assert_non_null(strstr(r.words, "report.html"));
  program_free(&r);
  char *again = testing_read(page, NULL), *listed = testing_read(list, NULL);
  assert_string_equal(again, whole);
  assert_string_equal(listed, manifest);
  free(again), free(listed), free(whole), free(manifest);
  r = assert_done(testing_format("report '%s' -q -o '%s'", reference(), folder_of("talk.html")));
  program_free(&r);
  assert_int_equal(access(folder_of("talk.html"), F_OK), 0);
  r = assert_done(testing_format("report '%s' --text", reference()));
  assert_non_null(strstr(r.out, "○ SUSPENDED"));
  assert_non_null(strstr(r.out, "\nA  tokens cluster over the layers\ngpt2-nursery-6    ○ few_"));
  assert_non_null(strstr(r.out, "It would be settled by"));
  assert_null(strstr(r.out, "\033["));
  program_free(&r);
}

static void compared(void **state) {
  (void)state;
  if (testing_nursery("gpt2-nursery-6") == NULL) testing_skip_absent("data/models");
  const char *a = testing_format("%s/runs/gpt2-nursery-6+trained+news_bridge", reference());
  const char *b = testing_format("%s/runs/gpt2-nursery-6+random-1+news_bridge", reference());
  program_result r = assert_done(testing_format("compare '%s' '%s' --tolerance 0", a, a));
  assert_true(strstr(r.words, "no difference in") != NULL && r.out[0] == '\0');
  program_free(&r);
  r = program_run(testing_format("compare '%s' '%s' --tolerance 1e-6", a, b));
  assert_int_equal(r.code, 6);
  assert_true(strstr(r.out, "layers") != NULL && strstr(r.words, "differs by more than 1e-06") != NULL);
  program_free(&r);
  r = assert_done(testing_format("compare '%s' '%s' --column ip_mean", a, b));
  assert_true(strstr(r.out, "state 0") != NULL && strstr(r.out, "state 6") != NULL);
  program_free(&r);
  assert_refused(testing_format("compare '%s' '%s' --column ip_men", a, b), 2, "Did you mean \"ip_mean\"?");
  assert_refused(testing_format("compare '%s'", a), 2, "name two RUN");
  /* studies: over the units that both have */
  r = assert_done(testing_format("study '%s' -q -o '%s'",
                                 plan_of("part.json",
                                         "{\"models\":[\"nursery:gpt2-nursery-6\"],\"prompts\":[\"news_bridge\"],"
                                         "\"controls\":{\"random\":1},\"nulls\":39,\"control_nulls\":19,"
                                         "\"max_tokens\":32,\"seed\":3}"),
                                 folder_of("part")));
  program_free(&r);
  r = program_run(testing_format("compare '%s' '%s' --tolerance 1e-9", folder_of("part"), reference()));
  assert_int_equal(r.code, 6); /* other draws of the trained network's nulls, and nothing else */
  assert_true(strstr(r.words, "2 and 36 units: the 2 that both have are compared") != NULL);
  assert_true(strstr(r.out, "gpt2-nursery-6 trained news_bridge") != NULL && strstr(r.out, "random") == NULL);
  assert_true(strstr(r.out, "trend") != NULL && strstr(r.out, "ip_last") == NULL);
  program_free(&r);
  r = assert_done(testing_format("compare '%s' '%s' --column ip_last", folder_of("part"), reference()));
  assert_true(strstr(r.out, "gpt2-nursery-6 random 1 news_bridge") != NULL);
  program_free(&r);
  assert_refused(testing_format("compare '%s' '%s'", a, testing_folder()), 3, "holds no finished run");
}

/* ---- export ---- */

/* The first line of `text` that begins with `start`; fails without one. */
static const char *line_of(const char *text, const char *start) {
  for (const char *line = text; line != NULL; line = strchr(line, '\n'), line += line != NULL) {
    if (strncmp(line, start, strlen(start)) == 0) return line;
  }
  fail_msg("there is no line \"%s\"", start);
  return NULL;
}

/* A cell of a line, from 0; no cell before it may be quoted. */
static double cell(const char *line, size_t column) {
  for (; column > 0; column--) line = strchr(line, ',') + 1;
  return strtod(line, NULL);
}

/* The column of a header. */
static size_t column_of(const char *header, const char *name) {
  size_t column = 0, length = strlen(name);
  for (; strncmp(header, name, length) != 0 || strchr(",\n", header[length]) == NULL; column++)
    header = strchr(header, ',') + 1;
  return column;
}

/* Every drawing of the page is a file: the same elements, with a namespace and a style. */
static void assert_drawings(const char *folder, const char *figure) {
  char *page = testing_read(testing_format("%s/report.html", folder), NULL);
  char *svg = testing_read(testing_format("%s/figures/%s.svg", folder, figure), NULL);
  assert_true(strncmp(svg, "<svg", 4) == 0 && strstr(svg, "xmlns=\"http://www.w3.org/2000/svg\"") != NULL);
  assert_true(strstr(svg, "<style><![CDATA[") != NULL && strcmp(svg + strlen(svg) - 7, "</svg>\n") == 0);
  const char *drawn = strstr(svg, "</style>") + strlen("</style>");
  char *end = strrchr(svg, '\n');
  *end = '\0';
  assert_non_null(strstr(page, drawn));
  free(page), free(svg);
}

static size_t count_drawings(const char *folder) {
  size_t count = 0;
  DIR *dir = opendir(testing_format("%s/figures", folder));
  assert_non_null(dir);
  for (struct dirent *e; (e = readdir(dir)) != NULL;) count += strstr(e->d_name, ".svg") != NULL;
  closedir(dir);
  return count;
}

/* --force replaces the drawings of an export, and leaves a file that is none of them. */
static void replaced(const char *unit, const char *of_run, const char *of_study) {
  assert_true(count_drawings(of_study) > 0 && count_drawings(of_run) > 0);
  testing_write(testing_format("%s/figures/mine.svg", of_study), "<svg/>", 6);
  program_result r = assert_done(testing_format("export '%s' --force -q -o '%s'", unit, of_study));
  program_free(&r);
  assert_int_equal(count_drawings(of_study), count_drawings(of_run) + 1);
}

static void exported(void **state) {
  (void)state;
  if (testing_nursery("gpt2-nursery-6") == NULL) testing_skip_absent("data/models");
  const char *unit = testing_format("%s/runs/gpt2-nursery-6+trained+news_bridge", reference());
  const char *of_run = folder_of("export-run"), *of_study = folder_of("export-study");
  program_result r = assert_done(testing_format("export '%s' -o '%s'", unit, of_run));
  assert_true(strstr(r.words, "the numbers of 1 run, ") != NULL);
  program_free(&r);
  assert_drawings(of_run, "ip");
  char *layers = testing_read(testing_format("%s/layers.csv", unit), NULL);
  char *tidy = testing_read(testing_format("%s/tidy.csv", of_run), NULL);
  const char *third = line_of(layers, "0,2,resid,"),
             *row = line_of(tidy, "nursery:gpt2-nursery-6,,,,,,0,layers,2,2,,,ip,mass90_centred,");
  const char *const ends[] = {"", "_null_mean", "_null_sd", "_p"};
  for (size_t k = 0; k < 4; k++) {
    size_t column = column_of(layers, testing_format("mass90_centred%s", ends[k]));
    assert_near(cell(row, 14 + k), cell(third, column), 0, 0);
  }
  assert_null(strstr(tidy, ",mass90_centred_p,"));
  free(tidy), free(layers);
  char *bib = testing_read(testing_format("%s/references.bib", of_run), NULL);
  assert_true(strstr(bib, "@inproceedings{campello2013density,") != NULL && strstr(bib, "holm1979") == NULL);
  free(bib);
  r = assert_done(testing_format("export '%s' -q -o '%s'", reference(), of_study));
  program_free(&r);
  tidy = testing_read(testing_format("%s/tidy.csv", of_study), NULL);
  line_of(tidy, "gpt2-nursery-6,news_bridge,news,random,2,1,,numbers,");
  line_of(tidy, "gpt2-nursery-6,news_bridge,news,random,2,,0,layers,3,3,,,ip,ip_mean,");
  free(tidy);
  bib = testing_read(testing_format("%s/references.bib", of_study), NULL);
  assert_true(strstr(bib, "holm1979simple") != NULL && strstr(bib, "geshkovski2023mathematical") != NULL);
  free(bib);
  char *ours = testing_read(testing_format("%s/verdicts.csv", of_study), NULL),
       *theirs = testing_read(testing_format("%s/verdicts.csv", reference()), NULL);
  assert_string_equal(ours, theirs);
  free(ours), free(theirs);
  assert_refused(testing_format("export '%s' -o '%s'", reference(), of_study), 2, "holds an export already");
  assert_refused(testing_format("export '%s'", unit), 2, "-o DIR");
  assert_refused(testing_format("export '%s' -o '%s'", testing_folder(), folder_of("none")), 3, "");
  replaced(unit, of_run, of_study);
}

/* ---- the study of record ---- */

/* Lines of verdicts.csv about a control that is CONFIRMED where it must not be. */
static size_t false_ones(const char *csv) {
  static const char *const claims[] = {"A,", "B,", "E1,"};
  size_t count = 0;
  for (const char *line = csv; line != NULL && *line != '\0'; line = strchr(line, '\n'), line += line != NULL) {
    bool judged = false;
    for (size_t k = 0; k < sizeof claims / sizeof claims[0]; k++)
      judged = judged || strncmp(line, claims[k], strlen(claims[k])) == 0;
    size_t length = strcspn(line, "\n");
    const char *control = strstr(line, ",control,"), *confirmed = strstr(line, ",CONFIRMED,");
    count += judged && control != NULL && control < line + length && confirmed != NULL && confirmed < line + length;
  }
  return count;
}

/* Claim, model and verdict of every line; other instruction sets may give other last digits of the numbers. */
static void same_verdicts(const char *now, const char *then) {
  while (*now != '\0' && *then != '\0') {
    const char *word = strstr(then, "ED,"); /* of CONFIRMED, FALSIFIED, SUSPENDED */
    size_t length = word != NULL ? (size_t)(word - then) : strcspn(then, "\n");
    if (strncmp(now, then, length) != 0) fail_msg("now %.120s\nthen %.120s", now, then);
    now += strcspn(now, "\n") + 1, then += strcspn(then, "\n") + 1;
  }
  assert_int_equal(*now, *then);
}

/* The verdicts that are shipped are those of the numbers that are shipped; no random network and no shuffled text has
 * clusters, persistence or two time scales. */
static void of_record(void **state) {
  static const char *const studies[] = {"nursery", "published", "large", "deep", "depth", "length", "others"};
  const char *root = getenv("DWELL_SOURCE"), *out = folder_of("record");
  size_t confirmed = 0, controls = 0;
  (void)state;
  assert_non_null(root);
  assert_int_equal(mkdir(out, 0777), 0);
  for (size_t k = 0; k < sizeof studies / sizeof studies[0]; k++) {
    const char *study = testing_format("%s/data/studies/%s", root, studies[k]);
    program_result r = assert_done(testing_format("verdict '%s' -q -o '%s'", study, out));
    program_free(&r);
    char *now = testing_read(testing_format("%s/verdicts.csv", out), NULL);
    char *then = testing_read(testing_format("%s/verdicts.csv", study), NULL);
    same_verdicts(now, then);
    assert_int_equal(false_ones(then), 0);
    confirmed += strstr(then, ",CONFIRMED,") != NULL, controls += strstr(then, ", random weights\",") != NULL;
    free(now), free(then);
  }
  assert_true(confirmed == 4 && controls == 4); /* depths, lengths and others need none, and confirm nothing */
}

/* Without the contrast with other orders (here: with a margin that none misses) the rule for clusters would confirm
 * shuffled tokens of MiniLM: the condition is not idle. */
static void orders_are_needed(void **state) {
  static const char text[] = "{\"A\":[{\"name\":\"order_margin\",\"value\":-10}]}";
  const char *root = getenv("DWELL_SOURCE"), *out = folder_of("no-orders");
  (void)state;
  assert_non_null(root);
  assert_int_equal(mkdir(out, 0777), 0);
  program_result r = assert_done(testing_format("verdict '%s/data/studies/published' -q --claims '%s' -o '%s'", root,
                                                plan_of("no-orders.json", text), out));
  program_free(&r);
  char *now = testing_read(testing_format("%s/verdicts.csv", out), NULL);
  assert_int_equal(false_ones(now), 1);
  line_of(now, "A,\"bert-minilm-l6, shuffled tokens\",CONFIRMED,");
  free(now);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(to_the_end),
      cmocka_unit_test(kill_and_resume),
      cmocka_unit_test(killed_at_the_start),
      cmocka_unit_test(interrupted),
      cmocka_unit_test(shards),
      cmocka_unit_test(shards_at_once),
      cmocka_unit_test(units_that_fail),
      cmocka_unit_test(one_reason),
      cmocka_unit_test(damaged_unit),
      cmocka_unit_test(surroundings),
      cmocka_unit_test(before),
      cmocka_unit_test(compared),
      cmocka_unit_test(of_record),
      cmocka_unit_test(orders_are_needed),
      cmocka_unit_test(ranks),
      cmocka_unit_test(ranks_that_fail),
      cmocka_unit_test(reported),
      cmocka_unit_test(exported),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
