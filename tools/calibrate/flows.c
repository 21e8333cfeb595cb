/* tools/calibrate/flows.c - the staircase of flows: separated time scales where theory says so, none where it says not.
 */
#include <dwell/flow.h>
#include <dwell/measure.h>
#include <math.h>
#include <stdio.h>

#include "base/error.h"
#include "base/sort.h"
#include "calibrate.h"
#include "detect/detect.h"

enum { STARTS = 20, FRAMES = 400, PARTICLES = 32 };
static const double LAST = 10; /* ln of the final time; what is left then counts as censored */

typedef struct flow_case {
  size_t d;
  double beta;
  double published_median, published_low, published_high,
      published_share; /* medians and 5 to 95 %: 9.3, to ln t = 12 */
} flow_case;

static const flow_case flows[] = {
    {2, 0, 1.23, 1.14, 1.41, 0},    {2, 1, 1.23, 1.08, 1.54, 0}, {2, 4, 51.6, 9.8, 434, 1},
    {3, 0, 1.14, 1.08, 1.25, 0},    {3, 1, 1.09, 1.08, 1.24, 0}, {3, 4, 36, 2.9, 136, 1},
    {3, 9, 1.7e4, 66, INFINITY, 1}, {8, 0, 1.08, 1.07, 1.16, 0}, {8, 1, 1.08, 1.07, 1.16, 0},
    {8, 4, 1.9, 1.1, 15, .45},      {8, 9, 88, 10, INFINITY, 1}, {8, 20, 6.7, 2.9, 22, 1},
};

static dwell_status measure_flow(const flow_case *c, const dwell_context *ctx, dwell_run **ret_run, dwell_error *err) {
  dwell_flow_options flow = dwell_flow_options_default();
  dwell_measure_options options = dwell_measure_options_default();
  dwell_source *source = NULL;
  flow.n = PARTICLES, flow.d = c->d, flow.beta = c->beta, flow.replicas = STARTS, flow.rtol = 1e-8;
  flow.until = exp(LAST), flow.frames = FRAMES, flow.log_times = true;
  options.instruments = "components999", options.null_draws = 0, options.beta = c->beta;
  *ret_run = NULL;
  dwell_status status = dwell_flow_open(&flow, ctx, &source, err);
  if (status == DWELL_OK) status = dwell_measure(ctx, source, &options, ret_run, err);
  dwell_source_destroy(source);
  return status;
}

/* ln of the separation ratio of one start. */
static dwell_status separation(const dwell_run *run, size_t start, double *ret_ratio, bool *ret_censored,
                               dwell_error *err) {
  size_t counts[FRAMES];
  double log_time[FRAMES], x;
  staircase s;
  for (size_t k = 0; k < FRAMES; k++) {
    size_t row = start * FRAMES + k;
    counts[k] = dwell_run_number(run, "layers", row, "components999", &x) ? (size_t)x : 0;
    log_time[k] = dwell_run_number(run, "layers", row, "log_time", &x) ? x : -INFINITY;
  }
  dwell_status status = detect_staircase(counts, log_time, FRAMES, &s, err);
  *ret_ratio = status == DWELL_OK ? s.log_ratio : 0;
  *ret_censored = status == DWELL_OK && s.best != SIZE_MAX && s.stairs[s.best].censored;
  staircase_free(&s);
  return status;
}

static dwell_status run_case(const flow_case *c, const dwell_context *ctx, dwell_error *err) {
  dwell_run *run = NULL;
  double ratios[STARTS];
  size_t above = 0, censored = 0;
  dwell_status status = DWELL_OK;
  TRY(measure_flow(c, ctx, &run, err));
  for (size_t k = 0; k < STARTS; k++) {
    bool open;
    TRY(separation(run, k, &ratios[k], &open, err));
    above += ratios[k] > log(2), censored += open;
  }
  sort_doubles(ratios, STARTS);
  printf("| %zu | %g | %.3g (%.3g, %.3g) | %.3g (%.3g, %.3g) |", c->d, c->beta, exp(sort_median(ratios, STARTS)),
         exp(ratios[1]), exp(ratios[STARTS - 2]), c->published_median, c->published_low, c->published_high);
  print_rate(above, STARTS, c->published_share, STARTS);
  printf(" %.2f |\n", (double)censored / STARTS);
  fflush(stdout);
done:
  dwell_run_destroy(run);
  return status;
}

static dwell_status run_flows(const dwell_context *ctx, dwell_error *err) {
  printf(
      "%d particles, %d starts, %d states to ln t = %g: separation ratio of the staircase, median and the second "
      "smallest and largest; beside it the specification (9.3, medians and 5 to 95 %% of other starts, to ln t = 12). "
      "Large ratios are cut by the last time: `censored` is their share.\n\n",
      PARTICLES, STARTS, FRAMES, LAST);
  printf("| d | beta | ratio | specification | share > 2 | censored |\n|---|---|---|---|---|---|\n");
  for (size_t i = 0; i < sizeof flows / sizeof flows[0]; i++) {
    dwell_status status = run_case(&flows[i], ctx, err);
    if (status != DWELL_OK) return status;
  }
  return DWELL_OK;
}

const calibration_part calibrate_flows = {"flows", "Two time scales of flows", run_flows};
