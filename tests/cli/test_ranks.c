/* One system on several processes (mpirun), and runs that go on where they were killed: the same bits as a run of one
 * process from beginning to end. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "util/program.h"

static const char *folder_of(const char *name) { return testing_format("%s/%s", testing_folder(), name); }

/* Runs a whole shell command; its exit code. */
static int shell(const char *command) {
  int status = system(command);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void remove_run(const char *name) { shell(testing_format("rm -rf '%s'", folder_of(name))); }

static void assert_same_run(const char *a, const char *b) {
  static const char *const files[] = {"layers.csv", "blocks.csv", "arrays.npz"};
  for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
    const char *left = testing_format("%s/%s", folder_of(a), files[i]),
               *right = testing_format("%s/%s", folder_of(b), files[i]);
    if (access(left, F_OK) != 0 && access(right, F_OK) != 0) continue;
    if (shell(testing_format("cmp '%s' '%s'", left, right)) != 0) fail_msg("%s differs", files[i]);
  }
}

static const char common[] = "--save states --instruments ip --nulls 0 -q"; /* and no more states than are wanted */

static void serial(const char *arguments, const char *name) {
  remove_run(name);
  program_result r = assert_done(testing_format("simulate %s %s -o '%s'", arguments, common, folder_of(name)));
  program_free(&r);
}

/* Set before a program: the first process starts after the others have had time to fail. */
static const char late_first[] = "sh -c 'test \"$OMPI_COMM_WORLD_RANK\" != 0 || sleep 0.5; exec \"$0\" \"$@\"'";
static const char *before = "";

/* `mpirun -np COUNT dwell simulate ARGUMENTS`: exit code; words into *ret_words unless NULL (free it). */
static int parallel(int count, const char *arguments, const char *name, char **ret_words) {
  const char *program = getenv("DWELL_RANKS_PROGRAM"), *words = folder_of("words");
  if (program == NULL) fail_msg("DWELL_RANKS_PROGRAM is not set: run the tests with meson test");
  int code = shell(testing_format("%s %s '%s' simulate %s %s -t 1 -o '%s' >'%s' 2>&1 </dev/null", program_mpirun(count),
                                  before, program, arguments, common, folder_of(name), words));
  char *text = testing_read(words, NULL);
  if (code != 0 && ret_words == NULL) print_error("mpirun -np %d ... %s: exit %d\n%s\n", count, arguments, code, text);
  if (ret_words != NULL) *ret_words = text;
  else free(text);
  return code;
}

static void same_bits(void **state) {
  (void)state;
  program_need_mpi();
  static const char *const systems[] = {
      "--n 700 --d 4 --until 0.2",                                    /* direct loops, a round for each of few blocks */
      "--n 700 --d 3 --integrator rk4:0.1 --until 0.2 --mask causal", /* shares of unequal length */
      "--n 4200 --d 4 --integrator rk4:0.1 --until 0.2",              /* an even number of blocks, many rounds */
      "--n 700 --d 3 --integrator rk4:0.1 --until 0.2",               /* harmonics, which all do */
      "--n 1100 --d 20 --until 0.2",                                  /* tiles, an odd number of blocks */
      "--n 1100 --d 20 --integrator rk4:0.1 --until 0.2 --mask causal",
      "--n 1100 --d 20 --until 0.2 --precision f32",                   /* tiles in single precision */
      "--n 400 --d 140 --beta -400 --integrator rk4:0.1 --until 0.2",  /* row maxima */
      "--n 300 --d 12 --flow qkv --qkv gaussian --until 0.2",          /* heads */
      "--n 700 --d 3 --kappa 3 --integrator geometric:0.1 --until 0.5" /* noise */
  };
  for (size_t i = 0; i < sizeof systems / sizeof systems[0]; i++) {
    const char *arguments = testing_format("%s --frames 2", systems[i]);
    serial(arguments, "one");
    for (int count = 2; count <= 4; count += 2) {
      remove_run("several");
      assert_int_equal(parallel(count, arguments, "several", NULL), 0);
      assert_same_run("one", "several");
    }
  }
}

/* Occurrences of `part` in text. */
static size_t count_of(const char *text, const char *part) {
  size_t count = 0;
  for (const char *p = text; (p = strstr(p, part)) != NULL; p++) count++;
  return count;
}

/* All processes end, with the documented code and one message. */
static void parallel_refused(const char *arguments, const char *name, int code, const char *words) {
  char *text = NULL;
  assert_int_equal(parallel(3, arguments, name, &text), code);
  if (strstr(text, words) == NULL || count_of(text, "dwell simulate:") != 1) fail_msg("words: %s", text);
  free(text);
}

static void one_message(void **state) {
  (void)state;
  program_need_mpi();
  remove_run("several");
  parallel_refused("--n many", "several", 2, "--n takes");
  before = late_first;
  parallel_refused("--n many", "several", 2, "--n takes");
  before = "";
  parallel_refused("--flow equiangular", "several", 2, "no sums over pairs");
  parallel_refused("--init absent.npy --frames 2", "several", 3, "absent.npy");
  parallel_refused("--beta0-control --n 700", "several", 2, "one process");
  assert_int_not_equal(access(folder_of("several"), F_OK), 0);
  /* one process alone fails while the others are at their sums */
  serial("--n 10 --frames 2", "finished");
  parallel_refused("--n 700 --until 5 --frames 2", "finished", 2, "holds a finished run");
  parallel_refused("--n 700 --until 5 --frames 2 --checkpoint 1", "finished", 2, "holds a finished run");
}

/* Kills a run with checkpoints at every step, again and again, later each time, until it is through. The first time is
 * a part of what the whole takes here, so that something is killed on fast machines and slow ones get through. */
static void kill_and_go_on(const char *arguments, bool several) {
  const char *program = getenv(several ? "DWELL_RANKS_PROGRAM" : "DWELL_PROGRAM");
  size_t killed = 0;
  double begin = clock_seconds();
  serial(arguments, "whole");
  double whole_seconds = clock_seconds() - begin;
  remove_run("pieces");
  for (size_t k = 0; k < 30; k++) {
    const char *start = several ? program_mpirun(2) : "";
    double limit = whole_seconds / 10 * pow(1.4, (double)k);
    int code = shell(testing_format(
        "%s timeout -s KILL %.3f '%s' simulate %s %s -t 1 --checkpoint 0 -o '%s' >/dev/null 2>&1 </dev/null", start,
        limit, program, arguments, common, folder_of("pieces")));
    if (code == 0) break;
    killed++;
  }
  if (killed == 0) fail_msg("nothing was killed: the run is too short for this test");
  assert_same_run("whole", "pieces");
  assert_int_not_equal(access(testing_format("%s/restart.npz", folder_of("pieces")), F_OK), 0);
  assert_int_not_equal(access(testing_format("%s/restart.states", folder_of("pieces")), F_OK), 0);
}

static void killed(void **state) {
  (void)state;
  kill_and_go_on("--n 700 --d 4 --until 6 --frames 9", false);
  kill_and_go_on("--n 500 --d 3 --kappa 3 --integrator geometric:0.05 --until 3 --frames 4 --replicas 3", false);
  kill_and_go_on("--n 600 --d 4 --integrator rk4:0.05 --times 0,1.02,2.5", false);
}

static void killed_ranks(void **state) {
  (void)state;
  program_need_mpi();
  kill_and_go_on("--n 1100 --d 20 --integrator rk4:0.2 --until 5 --frames 6", true);
}

/* A save belongs to one run of one build, and a damaged one says so. */
static void another_run(void **state) {
  (void)state;
  const char *program = getenv("DWELL_PROGRAM"), *out = folder_of("left");
  remove_run("left");
  pid_t child = fork();
  if (child == 0) {
    execl(program, "dwell", "simulate", "--n", "1500", "--until", "50", "--checkpoint", "0", "-q", "-o", out,
          (char *)NULL);
    _exit(127);
  }
  const char *save = testing_format("%s/restart.npz", out);
  for (int i = 0; i < 60000 && access(save, F_OK) != 0; i++) nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
  assert_int_equal(kill(child, SIGKILL), 0);
  assert_int_equal(waitpid(child, NULL, 0), child);
  assert_int_equal(access(save, F_OK), 0);
  assert_refused(testing_format("simulate --n 1500 --until 50 --beta 5 --checkpoint 0 -o '%s'", out), 2,
                 "other options");
  shell(testing_format("printf x | dd of='%s/restart.npz' bs=1 seek=700 conv=notrunc 2>/dev/null", out));
  assert_refused(testing_format("simulate --n 1500 --until 50 --checkpoint 0 -o '%s'", out), 3, "restart.npz");
  assert_refused("simulate --checkpoint 1 --until-log 3 -o x", 2, "no checkpoints with the log clock");
  assert_refused("simulate --checkpoint 1 --flow circle --d 2 -o x", 2, "no checkpoints with this flow");
  assert_refused("simulate --checkpoint 1 --beta 0:1,2:3 -o x", 2, "a law that changes");
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(killed), cmocka_unit_test(another_run),
                                     cmocka_unit_test(same_bits), cmocka_unit_test(one_message),
                                     cmocka_unit_test(killed_ranks)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
