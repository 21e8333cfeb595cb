/* run/run.c - the result of one trajectory in memory. */
#include "run/run.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"

dwell_status run_create(dwell_run **ret_run, dwell_error *err) {
  *ret_run = MEM_ZERO(dwell_run, 1);
  if (*ret_run == NULL) return error_no_memory(err, "a run");
  (*ret_run)->source_stage = "source";
  return DWELL_OK;
}

void dwell_run_destroy(dwell_run *run) {
  if (run == NULL) return;
  table_free(&run->layers);
  table_free(&run->heads);
  table_free(&run->blocks);
  table_free(&run->events);
  table_free(&run->tokens);
  table_free(&run->lens);
  table_free(&run->push);
  table_free(&run->starts);
  for (size_t i = 0; i < run->array_count; i++) mem_free(run->arrays[i].data);
  if (run->stream_destroy != NULL) run->stream_destroy(run->stream_self);
  strbuf_free(&run->costs);
  strbuf_free(&run->manifest_body);
  strbuf_free(&run->manifest);
  mem_free(run);
}

dwell_status run_add_array(dwell_run *run, const char *name, npy_type type, size_t item_size, size_t rank,
                           const size_t *shape, void *data, dwell_error *err) {
  if (data == NULL || run->array_count == RUN_MAX_ARRAYS || rank > 4) {
    mem_free(data);
    return error_no_memory(err, name);
  }
  run_array *a = &run->arrays[run->array_count++];
  *a = (run_array){.type = type, .item_size = item_size, .rank = rank, .data = data};
  snprintf(a->name, sizeof a->name, "%s", name);
  for (size_t i = 0; i < rank; i++) a->shape[i] = shape[i];
  return DWELL_OK;
}

table *run_table(const dwell_run *run, const char *name) {
  const struct {
    const char *name;
    const table *table;
  } tables[] = {{"layers", &run->layers}, {"heads", &run->heads}, {"blocks", &run->blocks}, {"events", &run->events},
                {"tokens", &run->tokens}, {"lens", &run->lens},   {"push", &run->push},     {"starts", &run->starts}};
  for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
    if (strcmp(tables[i].name, name) == 0) return (table *)tables[i].table;
  }
  return NULL;
}

size_t dwell_run_rows(const dwell_run *run, const char *name) {
  const table *t = run_table(run, name);
  return t == NULL ? 0 : t->rows;
}

size_t dwell_run_columns(const dwell_run *run, const char *name) {
  const table *t = run_table(run, name);
  return t == NULL ? 0 : t->columns;
}

const char *dwell_run_column_name(const dwell_run *run, const char *name, size_t column) {
  const table *t = run_table(run, name);
  return t == NULL || column >= t->columns ? NULL : t->names[column];
}

static const table_cell *cell_of(const dwell_run *run, const char *name, size_t row, const char *column) {
  const table *t = run_table(run, name);
  return t == NULL ? NULL : table_at(t, row, table_find(t, column));
}

bool dwell_run_number(const dwell_run *run, const char *name, size_t row, const char *column, double *ret_value) {
  const table_cell *cell = cell_of(run, name, row, column);
  if (cell == NULL || cell->kind != CELL_NUMBER) return false;
  *ret_value = cell->number;
  return true;
}

const char *dwell_run_text(const dwell_run *run, const char *name, size_t row, const char *column) {
  const table_cell *cell = cell_of(run, name, row, column);
  return cell == NULL || cell->kind != CELL_TEXT ? NULL : cell->text;
}

const char *dwell_run_manifest(const dwell_run *run) { return run->manifest.data != NULL ? run->manifest.data : ""; }

/* ---- arrays ---- */

static double element(const run_array *a, size_t i) {
  const void *data = a->data;
  switch (a->type) {
    case NPY_FLOAT: return a->item_size == 4 ? (double)((const float *)data)[i] : ((const double *)data)[i];
    case NPY_BOOL: return ((const unsigned char *)data)[i] ? 1 : 0;
    default: return (double)((const int64_t *)data)[i];
  }
}

static dwell_status from_memory(const run_array *a, double **ret_values, size_t *ret_rank, size_t ret_shape[4],
                                dwell_error *err) {
  size_t count = 1;
  for (size_t i = 0; i < a->rank; i++) count *= a->shape[i], ret_shape[i] = a->shape[i];
  *ret_rank = a->rank;
  *ret_values = MEM_NEW(double, count);
  if (*ret_values == NULL) return error_no_memory(err, a->name);
  for (size_t i = 0; i < count; i++) (*ret_values)[i] = element(a, i);
  return DWELL_OK;
}

static dwell_status from_file(const char *folder, const char *name, double **ret_values, size_t *ret_rank,
                              size_t ret_shape[4], dwell_error *err) {
  char path[4200];
  snprintf(path, sizeof path, "%s/arrays.npz", folder);
  npz *z = NULL;
  size_t i;
  dwell_status status = DWELL_OK;
  TRY(npz_open(path, &z, err));
  if (!npz_find(z, name, &i) || npz_header(z, i)->rank > 4) goto done;
  const npy_header *h = npz_header(z, i);
  *ret_values = MEM_NEW(double, h->count);
  TRY_ALLOC(*ret_values, name);
  *ret_rank = h->rank;
  for (size_t k = 0; k < h->rank; k++) ret_shape[k] = h->shape[k];
  TRY(npz_read_f64(z, i, 0, h->count, *ret_values, err));
done:
  if (status != DWELL_OK) mem_free(*ret_values), *ret_values = NULL;
  npz_close(z);
  return status;
}

dwell_status run_read_array(const dwell_run *run, const char *name, double **ret_values, size_t *ret_rank,
                            size_t ret_shape[4], dwell_error *err) {
  *ret_values = NULL;
  *ret_rank = 0;
  for (size_t i = 0; i < run->array_count; i++) {
    if (strcmp(run->arrays[i].name, name) == 0)
      return from_memory(&run->arrays[i], ret_values, ret_rank, ret_shape, err);
  }
  return run->has_arrays_file ? from_file(run->folder, name, ret_values, ret_rank, ret_shape, err) : DWELL_OK;
}
