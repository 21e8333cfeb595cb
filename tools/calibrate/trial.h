/* tools/calibrate/trial.h - the same simulated study many times over, and how often each thing happened. */
#ifndef DWELL_CALIBRATE_TRIAL_H
#define DWELL_CALIBRATE_TRIAL_H

#include <dwell/context.h>
#include <dwell/status.h>
#include <stddef.h>
#include <stdint.h>

enum { TRIAL_RUNS = 2000 };

/* One run: sets bits for what happened. */
typedef dwell_status (*trial_run)(const void *which, size_t run, unsigned *ret_flags, dwell_error *err);

typedef struct trial {
  const void *which;
  trial_run run;
  unsigned flags[TRIAL_RUNS];
} trial;

dwell_status trial_all(const dwell_context *ctx, trial *t, size_t runs, const void *which, trial_run run,
                       dwell_error *err);
size_t trial_count(const trial *t, size_t runs, unsigned flag);

/* Number (i, j) of kind `what` of one run. */
double trial_normal(uint64_t run, uint32_t what, size_t i, size_t j);
double trial_uniform(uint64_t run, uint32_t what, size_t i, size_t j);

#endif
