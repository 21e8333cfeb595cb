/* tools/calibrate/calibrate.h - how often the tests of docs/instruments.md cry wolf, and how often they see what is
 * there: measured on data whose truth is known, with fixed seeds. Nothing here is installed. */
#ifndef DWELL_CALIBRATE_H
#define DWELL_CALIBRATE_H

#include <dwell/context.h>
#include <dwell/status.h>
#include <stdbool.h>
#include <stddef.h>

/* One part of the tables: prints Markdown. */
typedef struct calibration_part {
  const char *name, *summary;
  dwell_status (*run)(const dwell_context *ctx, dwell_error *err);
  /* Instead of run: studies that take long are kept in a file (NULL: are not) from which the same call goes on; the
   * part fails where its rates are too high, and is not among "all". */
  dwell_status (*run_kept)(const dwell_context *ctx, const char *opt_file, dwell_error *err);
} calibration_part;

extern const calibration_part calibrate_clouds, calibrate_groups, calibrate_networks, calibrate_flows,
    calibrate_energies, calibrate_heads, calibrate_verdicts, calibrate_intervals, calibrate_rule, calibrate_trends,
    calibrate_plateaus, calibrate_margin, calibrate_interventions, calibrate_sizes, calibrate_trained,
    calibrate_release, calibrate_nightly;

/* A rate of ours beside a published one, [.03], in a cell of a table; "!" where they are more than three standard
 * errors apart (of both: published_runs 0 means the published one is exact). published NaN: there is none. */
void print_rate(size_t hits, size_t runs, double published, size_t published_runs);

#endif
