/* tools/calibrate/calibrate.c - the tables of docs/TRUST.md that hold rates: `make calibrate`.
 *
 * usage: calibrate [PART...] [-t THREADS]
 * Without parts: all. Each prints a table in Markdown; our rate first, that of the specification in brackets. */
#include "calibrate.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"

static const calibration_part *const parts[] = {
    &calibrate_clouds,   &calibrate_groups,   &calibrate_networks,      &calibrate_flows, &calibrate_energies,
    &calibrate_heads,    &calibrate_verdicts, &calibrate_intervals,     &calibrate_rule,  &calibrate_trends,
    &calibrate_plateaus, &calibrate_margin,   &calibrate_interventions, &calibrate_sizes, &calibrate_trained,
    &calibrate_release,  &calibrate_nightly};
enum { PARTS = sizeof parts / sizeof parts[0] };

static double variance(double rate, size_t runs) {
  return runs == 0 ? 0 : fmax(rate * (1 - rate), 0.5 / (double)runs) / (double)runs; /* never 0: one more run may hit */
}

void print_rate(size_t hits, size_t runs, double published, size_t published_runs) {
  double rate = (double)hits / (double)runs;
  printf(" %.3f", rate);
  if (isnan(published)) {
    printf(" |");
    return;
  }
  double error = sqrt(variance(rate, runs) + variance(published, published_runs));
  printf(" [%.2f]%s |", published, fabs(rate - published) > 3 * error ? " !" : "");
}

static bool wanted(int argc, char **argv, const calibration_part *part) {
  bool any = false;
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "-t") == 0) i++;
    else if (strcmp(argv[i], part->name) == 0) return true;
    else any = true;
  }
  return !any && !part->on_request;
}

static dwell_status run_part(const dwell_context *ctx, const calibration_part *part, dwell_error *err) {
  double started = clock_seconds();
  printf("\n### %s\n\n", part->summary);
  dwell_status status = part->run(ctx, err);
  fprintf(stderr, "%s: %.0f s\n", part->name, clock_seconds() - started);
  fflush(stdout);
  return status;
}

int main(int argc, char **argv) {
  dwell_context ctx = dwell_context_default();
  dwell_error err;
  for (int i = 1; i + 1 < argc; i++) {
    if (strcmp(argv[i], "-t") == 0) ctx.threads = atoi(argv[i + 1]);
  }
  for (size_t k = 0; k < PARTS; k++) {
    char text[1600];
    if (!wanted(argc, argv, parts[k]) || run_part(&ctx, parts[k], &err) == DWELL_OK) continue;
    fprintf(stderr, "calibrate %s: %s\n", parts[k]->name, dwell_error_text(&err, text, sizeof text));
    return 1;
  }
  return 0;
}
