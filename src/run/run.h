/* run/run.h - the inside of a dwell_run. measure fills one, report and cli read it. */
#ifndef DWELL_RUN_RUN_H
#define DWELL_RUN_RUN_H

#include <dwell/run.h>

#include "file/npy.h"
#include "run/table.h"

/* One member of arrays.npz, held in memory until saved. */
typedef struct run_array {
  char name[48];
  npy_type type;
  size_t item_size, rank, shape[4];
  void *data; /* owned (mem_free) */
} run_array;

enum { RUN_MAX_ARRAYS = 32 };

/* Where the wall time of a run went; `seconds` in run.json. */
typedef struct run_seconds {
  double load, source, instruments, nulls; /* source: printed as "forward", "integrate" or "import" */
  double started;                          /* clock_seconds() when the run began; total is counted from it */
} run_seconds;

/* Writes a page about the run as the file `path` (dwell_report_write). */
typedef dwell_status (*run_page)(const dwell_run *run, const char *path, dwell_error *err);

/* Arrays too large to hold are streamed: called while arrays.npz is written, after the arrays held in memory. */
typedef dwell_status (*run_stream)(void *self, npz_writer *w, dwell_error *err);

struct dwell_run {
  table layers, heads, blocks, events, tokens, lens, push, starts;
  run_array arrays[RUN_MAX_ARRAYS];
  size_t array_count;
  run_stream stream; /* may be NULL */
  void *stream_self; /* released with stream_destroy */
  void (*stream_destroy)(void *self);
  run_page page;        /* NULL, or what dwell_run_save makes report.html with, before it writes run.json */
  strbuf manifest_body; /* JSON members after "files", from jwriter_start_members */
  strbuf costs;         /* JSON members before them: time and memory, of the last save */
  strbuf manifest;      /* whole run.json, once saved or loaded */
  run_seconds seconds;
  const char *source_stage; /* static: "forward", "integrate", "import" */
  char folder[4096];        /* where it was saved or loaded, or "" */
  bool has_arrays_file;     /* the folder's arrays.npz is this run's */
};

dwell_status run_create(dwell_run **ret_run, dwell_error *err);
/* Adds an array; takes ownership of `data` (also on failure). */
dwell_status run_add_array(dwell_run *run, const char *name, npy_type type, size_t item_size, size_t rank,
                           const size_t *shape, void *data, dwell_error *err);
table *run_table(const dwell_run *run, const char *name); /* NULL: no such table */

/* Array `name` of a run, in memory or from its folder's arrays.npz, as doubles [product of shape]. *ret_values NULL if
 * there is no such array. Release with mem_free. */
dwell_status run_read_array(const dwell_run *run, const char *name, double **ret_values, size_t *ret_rank,
                            size_t ret_shape[4], dwell_error *err);

/* Before computing anything: may a run be saved as `folder`? It may if it does not exist (and its parent can be
 * written), is empty, holds an unfinished run, or holds a finished one, no file of our names that this one does not
 * list, and `force` is set. Otherwise DWELL_USAGE, DWELL_FAILED, or DWELL_BAD_INPUT if its manifest cannot be read. */
dwell_status run_check_folder(const char *folder, bool force, dwell_error *err);
/* Makes the folder, and those above it; one that exists is fine. */
dwell_status run_make_folder(const char *folder, dwell_error *err);

/* The run's folder got another file (a report): lists it, with its hash, in run.json. */
dwell_status run_refresh_files(dwell_run *run, dwell_error *err);

#endif
