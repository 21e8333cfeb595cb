/* tools/calibrate/energies.c - along the exact flow the energy at the flow's own beta never falls; at another beta it
 * may. How far off may a calibration be? */
#include <dwell/flow.h>
#include <dwell/measure.h>
#include <math.h>
#include <stdio.h>

#include "base/error.h"
#include "calibrate.h"
#include "detect/detect.h"
#include "study/flow_starts.h"

enum { STARTS = 200, FRAMES = 400, GRID = 25, COLUMNS = 5 };

static const char *const columns[COLUMNS] = {"b0.1", "b1", "b2", "b5", "calibrated"};

typedef struct energy_case {
  double beta;
  double published[COLUMNS]; /* share of starts with a drawdown above .05: specification, 9.8 */
} energy_case;

static const energy_case flows[] = {
    {1, {0, 0, 0, 0, 0}}, {4, {0, 0, 0, 0, 0}}, {9, {.38, .03, 0, 0, 0}}, {20, {.68, .20, .03, 0, 0}}};

static dwell_status measure_flow(double beta, const dwell_context *ctx, dwell_run **ret_run, dwell_error *err) {
  dwell_flow_options flow = dwell_flow_options_default();
  dwell_measure_options options = dwell_measure_options_default();
  dwell_source *source = NULL;
  flow.n = 32, flow.d = 3, flow.beta = beta, flow.replicas = STARTS, flow.rtol = 1e-8;
  flow.until = 300, flow.frames = FRAMES, flow.log_times = true;
  options.instruments = "energy,motion", options.null_draws = 0, options.beta = beta;
  *ret_run = NULL;
  dwell_status status = dwell_flow_open(&flow, ctx, &source, err);
  if (status == DWELL_OK) status = dwell_measure(ctx, source, &options, ret_run, err);
  dwell_source_destroy(source);
  return status;
}

static double cell(const dwell_run *run, const char *file, size_t row, const char *column) {
  double x;
  return dwell_run_number(run, file, row, column, &x) ? x : NAN;
}

/* GRID of a start's frames on an equal grid in tau, the cumulated mean angle; the nearest ones. */
static void choose_states(const dwell_run *run, size_t start, size_t ret_frames[GRID]) {
  double tau[FRAMES] = {0};
  for (size_t k = 1; k < FRAMES; k++) {
    double angle = cell(run, "blocks", start * (FRAMES - 1) + k - 1, "angle_mean");
    tau[k] = tau[k - 1] + (isnan(angle) ? 0 : angle);
  }
  flow_starts_equal_steps(FRAMES, tau, GRID, ret_frames);
}

static dwell_status falls(const dwell_run *run, size_t start, const size_t frames[GRID], const char *column,
                          bool *ret_falls, dwell_error *err) {
  double energy[GRID], floor[GRID];
  char name[48], floor_name[48];
  energy_path path;
  snprintf(name, sizeof name, "energy_%s", column);
  snprintf(floor_name, sizeof floor_name, "energy_floor_%s", column);
  for (size_t s = 0; s < GRID; s++) {
    energy[s] = cell(run, "layers", start * FRAMES + frames[s], name);
    floor[s] = cell(run, "layers", start * FRAMES + frames[s], floor_name);
  }
  dwell_status status = detect_violations(energy, floor, GRID, &path, err);
  *ret_falls = status == DWELL_OK && path.drawdown_rel > 0.05;
  return status;
}

static dwell_status run_case(const energy_case *c, const dwell_context *ctx, dwell_error *err) {
  dwell_run *run = NULL;
  size_t count[COLUMNS] = {0}, frames[GRID];
  dwell_status status = DWELL_OK;
  TRY(measure_flow(c->beta, ctx, &run, err));
  for (size_t start = 0; start < STARTS; start++) {
    choose_states(run, start, frames);
    for (size_t k = 0; k < COLUMNS; k++) {
      bool fell;
      TRY(falls(run, start, frames, columns[k], &fell, err));
      count[k] += fell;
    }
  }
  printf("| %g |", c->beta);
  for (size_t k = 0; k < COLUMNS; k++) print_rate(count[k], STARTS, c->published[k], 40);
  printf("\n");
  fflush(stdout);
done:
  dwell_run_destroy(run);
  return status;
}

static dwell_status run_energies(const dwell_context *ctx, dwell_error *err) {
  printf(
      "SA flow, 32 particles, d = 3, %d starts, t to 300, %d states at equal steps of the cumulated mean angle: share "
      "of starts whose energy falls by more than 5 %% of its range, in brackets the specification (9.8, other "
      "starts).\n\n",
      STARTS, GRID);
  printf("| beta of the flow | energy at .1 | 1 | 2 | 5 | its own |\n|---|---|---|---|---|---|\n");
  for (size_t i = 0; i < sizeof flows / sizeof flows[0]; i++) {
    dwell_status status = run_case(&flows[i], ctx, err);
    if (status != DWELL_OK) return status;
  }
  return DWELL_OK;
}

const calibration_part calibrate_energies = {"energies", "Falls of the energy along exact flows", run_energies};
