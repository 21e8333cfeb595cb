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

struct dwell_run {
  table layers, heads, blocks, events;
  run_array arrays[RUN_MAX_ARRAYS];
  size_t array_count;
  /* The manifest's members after "files", as JSON text without the outer braces: `"dwell": {...}, "tokens": [...]`. */
  strbuf manifest_body;
  strbuf manifest;       /* whole run.json, once saved or loaded */
  char folder[4096];     /* where it was saved or loaded, or "" */
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

/* True if `folder` exists and holds a finished run. */
bool run_is_finished(const char *folder);

#endif
