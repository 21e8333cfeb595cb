/* report/report.c - the page of a run: head, sections, data, scripts. */
#include <dwell/report.h>

#include "base/atomic_file.h"
#include "base/error.h"
#include "report/assets.h"
#include "report/figures.h"

static dwell_status add_figures(view *v, const sphere_frames *s, strbuf *out, dwell_error *err) {
  dwell_status status = DWELL_OK;
  header_write(v, out);
  /* Particles on a sphere are seen before they are measured. */
  TRY(figures_sphere(v, s, out, err));
  TRY(figures_curves(v, out, err));
  TRY(figures_groups(v, out, err));
  TRY(figures_push(v, out, err));
  TRY(figures_loss(v, out, err));
  TRY(figures_heads(v, out, err));
  TRY(figures_cosines(v, out, err));
  figures_events(v, out);
  TRY(figures_provenance(v, out, err));
done:
  return status;
}

static dwell_status add_page(view *v, const sphere_frames *s, strbuf *out, dwell_error *err) {
  const page_script scripts[] = {{figures_js, figures_js_size}, {report_js, report_js_size}};
  strbuf title = {0}, data = {0};
  dwell_status status = DWELL_OK;
  header_title(v, false, &title);
  if (title.failed) TRY(error_no_memory(err, "the page"));
  TRY(page_open(out, title.data != NULL ? title.data : "", NULL, scripts, 2, err));
  TRY(add_figures(v, s, out, err));
  TRY(report_data(v, s, &data, err));
  page_close(out, &data, scripts, 2);
done:
  strbuf_free(&title);
  strbuf_free(&data);
  return status;
}

dwell_status dwell_report_write(const dwell_run *run, const char *path, dwell_error *err) {
  view v;
  sphere_frames s = {0};
  strbuf page = {0};
  dwell_status status = view_open(run, &v, err);
  if (status != DWELL_OK) return status;
  TRY(sphere_open(&v, &s, err));
  TRY(add_page(&v, &s, &page, err));
  if (page.failed || v.medians.failed) {
    status = error_no_memory(err, "the page");
    goto done;
  }
  status = atomic_file_write(path, page.data, page.length, err);
done:
  strbuf_free(&page);
  sphere_close(&s);
  view_close(&v);
  return status;
}
