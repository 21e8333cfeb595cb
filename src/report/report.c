/* report/report.c - the page of a run: head, sections, data, scripts. */
#include <dwell/report.h>

#include "base/atomic_file.h"
#include "base/error.h"
#include "report/assets.h"
#include "report/figures.h"

/* What several figures read. */
typedef struct content {
  view v;
  groups groups;
  cloud cloud;
  attention attention;
} content;

static dwell_status add_figures(content *c, strbuf *out, dwell_error *err) {
  dwell_status status = DWELL_OK;
  view *v = &c->v;
  header_write(v, out);
  /* Particles on a sphere, and tokens, are seen before they are measured. */
  TRY(figures_cloud(v, &c->groups, &c->cloud, out, err));
  TRY(figures_curves(v, out, err));
  TRY(figures_groups(v, &c->groups, out, err));
  TRY(figures_push(v, out, err));
  TRY(figures_loss(v, out, err));
  TRY(figures_heads(v, &c->attention, out, err));
  TRY(figures_cosines(v, out, err));
  figures_events(v, out);
  TRY(figures_provenance(v, out, err));
done:
  return status;
}

static dwell_status add_page(content *c, strbuf *out, dwell_error *err) {
  const page_script scripts[] = {{figures_js, figures_js_size}, {report_js, report_js_size}, {cloud_js, cloud_js_size}};
  enum { SCRIPTS = sizeof scripts / sizeof scripts[0] };
  strbuf title = {0}, data = {0};
  dwell_status status = DWELL_OK;
  header_title(&c->v, false, &title);
  if (title.failed) TRY(error_no_memory(err, "the page"));
  TRY(page_open(out, title.data != NULL ? title.data : "", NULL, scripts, SCRIPTS, err));
  TRY(add_figures(c, out, err));
  TRY(report_data(&c->v, &c->groups, &c->cloud, &c->attention, &data, err));
  page_close(out, &data, scripts, SCRIPTS);
done:
  strbuf_free(&title);
  strbuf_free(&data);
  return status;
}

dwell_status dwell_report_write(const dwell_run *run, const char *path, dwell_error *err) {
  content c = {0};
  strbuf page = {0};
  dwell_status status = view_open(run, &c.v, err);
  if (status != DWELL_OK) return status;
  TRY(groups_open(&c.v, &c.groups, err));
  TRY(cloud_open(&c.v, &c.groups, &c.cloud, err));
  TRY(attention_open(&c.v, &c.attention, err));
  TRY(add_page(&c, &page, err));
  if (page.failed || c.v.medians.failed) {
    status = error_no_memory(err, "the page");
    goto done;
  }
  status = atomic_file_write(path, page.data, page.length, err);
done:
  strbuf_free(&page);
  attention_close(&c.attention);
  cloud_close(&c.cloud);
  groups_close(&c.groups);
  view_close(&c.v);
  return status;
}
