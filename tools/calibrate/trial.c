/* tools/calibrate/trial.c - the same simulated study many times over. */
#include "trial.h"

#include "base/random.h"
#include "base/threads.h"
#include "test.h"

static dwell_status run_one(void *arg, size_t run, int worker, dwell_error *err) {
  trial *t = arg;
  (void)worker;
  t->flags[run] = 0;
  return t->run(t->which, run, &t->flags[run], err);
}

dwell_status trial_all(const dwell_context *ctx, trial *t, size_t runs, const void *which, trial_run run,
                       dwell_error *err) {
  t->which = which, t->run = run;
  return threads_for(ctx, runs, run_one, t, err);
}

size_t trial_count(const trial *t, size_t runs, unsigned flag) {
  size_t count = 0;
  for (size_t r = 0; r < runs; r++) count += (t->flags[r] & flag) != 0;
  return count;
}

double trial_normal(uint64_t run, uint32_t what, size_t i, size_t j) { return calibrate_normal(run, 200 + what, i, j); }

double trial_uniform(uint64_t run, uint32_t what, size_t i, size_t j) {
  const random_stream s = {.seed = run, .purpose = RANDOM_TEST, .replica = 300 + what};
  return random_uniform(&s, (uint32_t)i, (uint32_t)j);
}
