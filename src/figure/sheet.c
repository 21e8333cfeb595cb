/* figure/sheet.c - what a figure fills: panels, numbers, checks. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "figure/figure.h"
#include "file/npy.h"

dwell_status figure_make(const figure *f, figure_sheet *sheet, dwell_error *err) {
  if (f->needs_model && sheet->model == NULL) {
    error_set(err, DWELL_USAGE, "the figure %s needs a model", f->name);
    return error_remedy(err, "Say --model MODEL: a folder, a hub name, or nursery:NAME");
  }
  sheet->columns = 1;
  dwell_status status = f->make(sheet, err);
  for (size_t i = 0; i < sheet->panel_count && status == DWELL_OK; i++)
    if (sheet->panels[i].svg.failed) status = error_no_memory(err, "a panel of the figure");
  return status;
}

void figure_sheet_clear(figure_sheet *sheet) {
  for (size_t i = 0; i < sheet->panel_count; i++) strbuf_free(&sheet->panels[i].svg);
  for (size_t i = 0; i < sheet->array_count; i++) mem_free(sheet->arrays[i].values);
  mem_free(sheet->panels);
  mem_free(sheet->arrays);
  mem_free(sheet->checks);
  *sheet = (figure_sheet){.ctx = sheet->ctx, .quick = sheet->quick, .model = sheet->model, .journal = sheet->journal};
}

/* ---- panels and numbers ---- */

strbuf *figure_panel_begin(figure_sheet *sheet, double width, double height, const char *title, dwell_error *err) {
  figure_panel *list = mem_room(sheet->panels, sheet->panel_count, &sheet->panel_room, 8, sizeof *list);
  if (list == NULL) {
    error_no_memory(err, "a panel of the figure");
    return NULL;
  }
  sheet->panels = list;
  figure_panel *p = &list[sheet->panel_count++];
  *p = (figure_panel){.width = width, .height = height};
  snprintf(p->title, sizeof p->title, "%s", title);
  return &p->svg;
}

dwell_status figure_keep(figure_sheet *sheet, const char *name, size_t rank, const size_t *shape, const double *values,
                         dwell_error *err) {
  figure_array *list = mem_room(sheet->arrays, sheet->array_count, &sheet->array_room, 8, sizeof *list);
  size_t count = 1;
  if (list == NULL) return error_no_memory(err, "the numbers of the figure");
  sheet->arrays = list;
  figure_array a = {.rank = rank};
  for (size_t i = 0; i < rank; i++) count *= a.shape[i] = shape[i];
  a.values = mem_copy(values, count, sizeof *values);
  if (a.values == NULL) return error_no_memory(err, "the numbers of the figure");
  snprintf(a.name, sizeof a.name, "%s", name);
  list[sheet->array_count++] = a;
  return DWELL_OK;
}

dwell_status figure_keep_series(figure_sheet *sheet, const char *name, size_t count, const double *values,
                                dwell_error *err) {
  return figure_keep(sheet, name, 1, &count, values, err);
}

dwell_status figure_write_npz(const figure_sheet *sheet, const char *path, dwell_error *err) {
  npz_writer *w = NULL;
  dwell_status status = npz_writer_open(path, &w, err);
  for (size_t i = 0; i < sheet->array_count && status == DWELL_OK; i++) {
    const figure_array *a = &sheet->arrays[i];
    status = npz_writer_add(w, a->name, NPY_FLOAT, sizeof *a->values, a->rank, a->shape, a->values, err);
  }
  if (status == DWELL_OK) return npz_writer_commit(w, err);
  npz_writer_abort(w);
  return status;
}

/* ---- checks ---- */

dwell_status figure_check_value(figure_sheet *sheet, const char *name, const char *statement, theorem_relation relation,
                                double measured, double predicted, double tolerance, const char *reason,
                                dwell_error *err) {
  figure_check *list = mem_room(sheet->checks, sheet->check_count, &sheet->check_room, 8, sizeof *list);
  if (list == NULL) return error_no_memory(err, "the checks of the figure");
  sheet->checks = list;
  figure_check *c = &list[sheet->check_count++];
  *c = (figure_check){.statement = statement, .reason = reason, .relation = relation};
  c->outcome = (theorem_outcome){predicted, measured, tolerance};
  c->pass = theorem_passes(relation, &c->outcome);
  snprintf(c->name, sizeof c->name, "%s", name);
  return DWELL_OK;
}

static const theorem_row *find_row(const char *name) {
  size_t count;
  const theorem *const *all = theorem_registry(&count);
  for (size_t i = 0; i < count; i++)
    for (size_t r = 0; r < all[i]->count; r++)
      if (str_equal(all[i]->rows[r].name, name)) return &all[i]->rows[r];
  return NULL;
}

dwell_status figure_check_row_within(figure_sheet *sheet, const char *name, double measured, double predicted,
                                     double tolerance, const char *reason, dwell_error *err) {
  const theorem_row *row = find_row(name);
  if (row == NULL) return error_set(err, DWELL_FAILED, "the figure checks %s, which is no row of any theorem", name);
  return figure_check_value(sheet, name, row->statement, row->relation, measured,
                            isnan(predicted) ? row->predicted : predicted,
                            isnan(tolerance) ? row->tolerance : tolerance, reason != NULL ? reason : row->reason, err);
}

dwell_status figure_check_row(figure_sheet *sheet, const char *row, double measured, dwell_error *err) {
  return figure_check_row_within(sheet, row, measured, NAN, NAN, NULL, err);
}
