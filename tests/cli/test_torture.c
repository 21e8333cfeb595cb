/* Every allocation of a whole command's work fails once: simulate, import, model, save, load, report. The answer is
 * "out of memory", nothing leaks (a sanitizer build says so) and no half-written run stays. Needs -Dtorture=true; skips
 * itself otherwise. */
#include <dwell/flow.h>
#include <dwell/measure.h>
#include <dwell/model.h>
#include <dwell/report.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/random.h"
#include "file/npy.h"
#include "run/run.h"
#include "util/testing.h"

static char folder[4096]; /* of the run being written */

typedef dwell_status (*operation)(dwell_error *err);

static void check_nothing(dwell_status status) { (void)status; }

/* `check` looks at what a run left behind. `harmless`: at most so many allocations may fail unnoticed (a folder's name
 * for syncing it after a rename). */
static void torture(operation run, void (*check)(dwell_status status), size_t harmless) {
  dwell_error err;
  size_t unnoticed = 0;
  snprintf(folder, sizeof folder, "%s/run", testing_folder());
  assert_ok(run(&err), &err); /* once before: what is made once per process (BLAS, tables) is made */
  check(DWELL_OK);
  mem_fail_at(0);
  assert_ok(run(&err), &err);
  size_t calls = mem_calls();
  check(DWELL_OK);
  if (calls == 0) skip(); /* not compiled in */
  for (size_t k = 1; k <= calls; k++) {
    memset(&err, 0, sizeof err);
    mem_fail_at(k);
    dwell_status status = run(&err);
    mem_fail_at(0);
    check(status);
    if (status == DWELL_OK && ++unnoticed <= harmless) continue;
    if (status != DWELL_NO_MEMORY || err.status != status || err.message[0] == '\0') {
      fail_msg("allocation %zu of %zu failed, and the answer was %s: %s", k, calls, dwell_status_name(status),
               err.message);
    }
  }
  print_message("%zu allocations\n", calls);
}

static dwell_context one_thread(void) {
  dwell_context ctx = dwell_context_default();
  ctx.threads = 1; /* allocations then come in the same order each time */
  return ctx;
}

static dwell_measure_options options(void) {
  dwell_measure_options o = dwell_measure_options_default();
  o.null_draws = 2, o.save_states = true, o.save_gram = true, o.beta = 1;
  return o;
}

/* Takes over the source, also one that is NULL because opening failed. */
static dwell_status measure(dwell_source *source, const dwell_measure_options *o, dwell_error *err) {
  dwell_context ctx = one_thread();
  dwell_run *run = NULL;
  dwell_cost cost;
  dwell_status status = dwell_measure_cost(&ctx, source, o, &cost, err);
  if (status == DWELL_OK) status = dwell_measure(&ctx, source, o, &run, err);
  assert_true((status == DWELL_OK) == (run != NULL));
  dwell_run_destroy(run);
  dwell_source_destroy(source);
  return status;
}

static dwell_status simulate(dwell_error *err) {
  dwell_context ctx = one_thread();
  dwell_flow_options o = dwell_flow_options_default();
  dwell_measure_options m = options();
  dwell_source *source = NULL;
  o.n = 5, o.frames = 3, o.until = 1, o.replicas = 2;
  dwell_status status = dwell_flow_open(&o, &ctx, &source, err);
  return status == DWELL_OK ? measure(source, &m, err) : status;
}

static void simulate_fails_well(void **state) {
  (void)state;
  torture(simulate, check_nothing, 0);
}

enum { L = 2, N = 6, D = 3, H = 2 };

static const char *states_file(void) {
  static const uint32_t tokens[N] = {'a', 'b', 'c', 'd', 'e', 0x20AC};
  const char *path = testing_format("%s/states.npz", testing_folder());
  const size_t shape[] = {L + 1, N, D}, a_shape[] = {L, H, N, N}, one[] = {N};
  double x[(L + 1) * N * D], a[L * H * N * N];
  random_stream s = {.purpose = RANDOM_SELFCHECK};
  dwell_error err;
  npz_writer *w;
  for (size_t i = 0; i < (L + 1) * N * D; i++) x[i] = random_uniform(&s, 0, (uint32_t)i) - 0.5;
  for (size_t i = 0; i < L * H * N * N; i++) a[i] = 1.0 / N;
  assert_ok(npz_writer_open(path, &w, &err), &err);
  assert_ok(npz_writer_add(w, "states", NPY_FLOAT, 8, 3, shape, x, &err), &err);
  assert_ok(npz_writer_add(w, "attention", NPY_FLOAT, 8, 4, a_shape, a, &err), &err);
  assert_ok(npz_writer_add(w, "tokens", NPY_UNICODE, 4, 1, one, tokens, &err), &err);
  assert_ok(npz_writer_commit(w, &err), &err);
  return path;
}

static char imported[4096];

static dwell_status import(dwell_error *err) {
  dwell_context ctx = one_thread();
  dwell_measure_options m = options();
  dwell_source *source = NULL;
  m.save_attention = true;
  dwell_status status = dwell_import_open(imported, &ctx, &source, err);
  return status == DWELL_OK ? measure(source, &m, err) : status;
}

static void import_fails_well(void **state) {
  (void)state;
  snprintf(imported, sizeof imported, "%s", states_file());
  torture(import, check_nothing, 0);
}

static dwell_status model(dwell_error *err) {
  static const int64_t ids[] = {1, 2, 3, 4};
  dwell_context ctx = one_thread();
  dwell_model_options o = dwell_model_options_default();
  dwell_measure_options m = options();
  dwell_model *opened = NULL;
  dwell_source *source = NULL;
  m.null_draws = 0;
  dwell_status status = dwell_model_open(testing_source("tests/golden/model/gpt2-tiny"), &ctx, &opened, err);
  if (status == DWELL_OK) status = dwell_model_open_ids(opened, ids, 4, &o, &source, err);
  if (status == DWELL_OK) status = measure(source, &m, err);
  dwell_model_destroy(opened);
  return status;
}

static void model_fails_well(void **state) {
  (void)state;
  torture(model, check_nothing, 0);
}

static dwell_run *measured; /* saved again and again */

static dwell_status save(dwell_error *err) {
  measured->page = dwell_report_write;
  return dwell_run_save(measured, folder, true, err);
}

/* Whatever failed, what counts as a run is whole; it is removed. */
static void check_saved(dwell_status status) {
  dwell_error err;
  dwell_run *run = NULL;
  bool finished = access(testing_format("%s/run.json", folder), F_OK) == 0;
  if (status == DWELL_OK) assert_true(finished && access(testing_format("%s/report.html", folder), F_OK) == 0);
  if (finished) assert_ok(dwell_run_load(folder, &run, &err), &err);
  dwell_run_destroy(run);
  if (system(testing_format("rm -rf '%s'", folder)) != 0) fail_msg("cannot remove %s", folder);
}

static dwell_run *measure_once(void) {
  dwell_context ctx = one_thread();
  dwell_measure_options m = options();
  dwell_error err;
  dwell_source *source;
  dwell_run *run;
  assert_ok(dwell_import_open(states_file(), &ctx, &source, &err), &err);
  assert_ok(dwell_measure(&ctx, source, &m, &run, &err), &err);
  dwell_source_destroy(source);
  return run;
}

static void save_fails_well(void **state) {
  (void)state;
  measured = measure_once();
  torture(save, check_saved, 7); /* seven files are written and their folder synced */
  dwell_run_destroy(measured);
}

static dwell_status report(dwell_error *err) {
  dwell_run *run = NULL;
  const char *page = testing_format("%s/page.html", testing_folder());
  dwell_status status = dwell_run_load(folder, &run, err);
  assert_true((status == DWELL_OK) == (run != NULL));
  if (status == DWELL_OK) status = dwell_report_write(run, page, err);
  assert_true((status == DWELL_OK) == (access(page, F_OK) == 0));
  dwell_run_destroy(run);
  unlink(page);
  return status;
}

static void report_fails_well(void **state) {
  (void)state;
  dwell_error err;
  snprintf(folder, sizeof folder, "%s/run", testing_folder());
  dwell_run *run = measure_once();
  assert_ok(dwell_run_save(run, folder, false, &err), &err);
  dwell_run_destroy(run);
  torture(report, check_nothing, 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(simulate_fails_well), cmocka_unit_test(import_fails_well),
                                     cmocka_unit_test(model_fails_well), cmocka_unit_test(save_fails_well),
                                     cmocka_unit_test(report_fails_well)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
