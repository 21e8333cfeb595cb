/* dwell/run.h - the result of one trajectory: tables, arrays and a manifest, in memory or as a run directory
 * (layers.csv, heads.csv, blocks.csv, events.csv, arrays.npz, run.json; docs/run-directory). */
#ifndef DWELL_RUN_H
#define DWELL_RUN_H

#include <dwell/context.h>
#include <stdbool.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

typedef struct dwell_run dwell_run;

/* Tables by name: "layers", "heads", "blocks", "events", "tokens", "lens", "push", "starts". A table that does not
 * exist has 0 rows and 0 columns. */
size_t dwell_run_rows(const dwell_run *run, const char *table);
size_t dwell_run_columns(const dwell_run *run, const char *table);
const char *dwell_run_column_name(const dwell_run *run, const char *table, size_t column); /* NULL: out of range */
/* A number; false if the cell is empty, text, or does not exist. */
bool dwell_run_number(const dwell_run *run, const char *table, size_t row, const char *column, double *ret_value);
/* A text cell, or NULL. */
const char *dwell_run_text(const dwell_run *run, const char *table, size_t row, const char *column);

/* The manifest (run.json) as text. */
const char *dwell_run_manifest(const dwell_run *run);

/* Writes the directory; the manifest comes last by rename, so a directory without it is unfinished. `force`: replace a
 * finished run (deletes only the files its manifest lists, manifest first). An existing finished run without force, or
 * a folder that is not a run's, is DWELL_USAGE. */
dwell_status dwell_run_save(dwell_run *run, const char *folder, bool force, dwell_error *err);
/* Reads a finished run directory (tables and manifest; arrays are opened when needed). */
dwell_status dwell_run_load(const char *folder, dwell_run **ret_run, dwell_error *err);
void dwell_run_destroy(dwell_run *run);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
