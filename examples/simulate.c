/* Particles that attract each other on the sphere: how many pairs have met, state by state.
 *
 *   cc simulate.c $(pkg-config --cflags --libs dwell) && ./a.out */
#include <dwell/dwell.h>
#include <stdio.h>

static int fail(const dwell_error *err) {
  char text[1600];
  fprintf(stderr, "simulate: %s\n", dwell_error_text(err, text, sizeof text));
  return (int)err->status;
}

int main(void) {
  dwell_error err;
  dwell_context ctx = dwell_context_default();
  dwell_flow_options flow = dwell_flow_options_default();
  dwell_measure_options options = dwell_measure_options_default();
  dwell_source *source = NULL;
  dwell_run *run = NULL;
  flow.beta = 9;
  flow.until = 1e4;
  flow.frames = 25;
  flow.log_times = true;
  options.instruments = "mass90";
  options.null_draws = 0;
  if (dwell_flow_open(&flow, &ctx, &source, &err) != DWELL_OK) return fail(&err);
  if (dwell_measure(&ctx, source, &options, &run, &err) != DWELL_OK) return fail(&err);
  for (size_t row = 0; row < dwell_run_rows(run, "layers"); row++) {
    double time = 0, share = 0;
    dwell_run_number(run, "layers", row, "time", &time);
    dwell_run_number(run, "layers", row, "mass90", &share);
    printf("%12g %8.4f\n", time, share);
  }
  dwell_run_destroy(run);
  dwell_source_destroy(source);
  return 0;
}
