/* figure/page.c - a sheet as one drawing and as one page. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/number.h"
#include "draw/svg.h"
#include "figure/figure.h"

static const double MARGIN = 18, GAP = 26, TITLE = 22;

static void text(strbuf *out, const char *words) { strbuf_html(out, words, strlen(words)); }

/* ---- the drawing ---- */

typedef struct cell {
  double x, y;
} cell;

/* Panel i's place; rows are as high as their highest panel. *ret_width, *ret_height of all. */
static cell place_of(const figure_sheet *s, size_t panel, double *ret_width, double *ret_height) {
  double y = MARGIN, widest = 0;
  cell found = {MARGIN, MARGIN};
  for (size_t first = 0; first < s->panel_count; first += s->columns) {
    double x = MARGIN, highest = 0;
    for (size_t i = first; i < first + s->columns && i < s->panel_count; i++) {
      if (i == panel) found = (cell){x, y};
      x += s->panels[i].width + GAP;
      highest = fmax(highest, s->panels[i].height);
    }
    widest = fmax(widest, x - GAP + MARGIN);
    y += highest + TITLE + GAP;
  }
  *ret_width = widest;
  *ret_height = y - GAP + MARGIN;
  return found;
}

/* A panel's own svg fills the frame that is put around it. */
static void add_panel(const figure_sheet *s, size_t i, strbuf *out) {
  const figure_panel *p = &s->panels[i];
  double width, height;
  cell at = place_of(s, i, &width, &height);
  char title[240];
  snprintf(title, sizeof title, "(%c) %s", 'a' + (char)(i % 26), p->title);
  svg_text(out, "head", at.x, at.y + 13, 's', s->panel_count > 1 ? title : p->title);
  strbuf_printf(out, "<svg x=\"%.6g\" y=\"%.6g\" width=\"%.6g\" height=\"%.6g\" viewBox=\"0 0 %.6g %.6g\">\n", at.x,
                at.y + TITLE, p->width, p->height, p->width, p->height);
  if (p->svg.data != NULL) strbuf_add(out, p->svg.data, p->svg.length);
  strbuf_puts(out, "</svg>\n");
}

static void add_drawing(const figure *f, const figure_sheet *s, bool alone, strbuf *out) {
  double width, height;
  place_of(s, 0, &width, &height);
  strbuf_printf(out, "<svg id=\"sheet\" xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" viewBox=\"0 0 %.6g %.6g\"",
                width, height);
  if (alone) strbuf_printf(out, " width=\"%.6g\" height=\"%.6g\"", width, height);
  strbuf_puts(out, "><title>");
  text(out, f->summary);
  strbuf_puts(out, "</title>\n<style>");
  svg_style(out);
  strbuf_puts(out,
              "#sheet{font-family:system-ui,-apple-system,\"Segoe UI\",Roboto,\"Helvetica Neue\",Arial,\"DejaVu Sans\","
              "sans-serif}#sheet .head{font-size:13px;font-weight:650;fill:var(--ink)}#sheet .sheet{fill:var(--card)}"
              "svg#sheet svg.dw{width:100%;height:100%}</style>\n");
  svg_rect(out, "sheet", 0, 0, width, height);
  for (size_t i = 0; i < s->panel_count; i++) add_panel(s, i, out);
  strbuf_puts(out, "</svg>\n");
}

static dwell_status write_text(strbuf *out, const char *path, dwell_error *err) {
  dwell_status status =
      out->failed ? error_no_memory(err, "the figure") : atomic_file_write(path, out->data, out->length, err);
  strbuf_free(out);
  return status;
}

dwell_status figure_write_svg(const figure *f, const figure_sheet *sheet, const char *path, dwell_error *err) {
  strbuf out = {0};
  add_drawing(f, sheet, true, &out);
  return write_text(&out, path, err);
}

/* ---- the page ---- */

static void add_paragraph(strbuf *out, const char *heading, const char *words) {
  if (words == NULL || words[0] == '\0') return;
  strbuf_printf(out, "<h2>%s</h2><p>", heading);
  text(out, words);
  strbuf_puts(out, "</p>\n");
}

static void add_number(strbuf *out, double value) {
  char shown[64];
  snprintf(shown, sizeof shown, "%.6g", value);
  strbuf_printf(out, "<td class=\"n\">%s</td>", shown);
}

static void add_checks(const figure_sheet *s, strbuf *out) {
  if (s->check_count == 0) return;
  strbuf_puts(out,
              "<h2>Checked numbers</h2><table><tr><th></th><th>name</th><th>statement</th><th>measured</th><th></th>"
              "<th>expected</th><th>within</th><th>because</th></tr>\n");
  for (size_t i = 0; i < s->check_count; i++) {
    const figure_check *c = &s->checks[i];
    strbuf_printf(out, "<tr class=\"%s\"><td>%s</td><td>", c->pass ? "ok" : "not", c->pass ? "✓" : "✗");
    text(out, c->name);
    strbuf_puts(out, "</td><td>");
    text(out, c->statement);
    strbuf_puts(out, "</td>");
    add_number(out, c->outcome.measured);
    strbuf_printf(out, "<td>%s</td>", theorem_relation_name(c->relation));
    add_number(out, c->outcome.predicted);
    add_number(out, c->outcome.tolerance);
    strbuf_puts(out, "<td>");
    text(out, c->reason);
    strbuf_puts(out, "</td></tr>\n");
  }
  strbuf_puts(out, "</table>\n");
}

static void add_arrays(const figure_sheet *s, strbuf *out) {
  if (s->array_count == 0) return;
  strbuf_puts(out, "<h2>Numbers</h2><p>The npz of this figure holds");
  for (size_t i = 0; i < s->array_count; i++) {
    const figure_array *a = &s->arrays[i];
    strbuf_printf(out, "%s <code>", i > 0 ? "," : "");
    text(out, a->name);
    strbuf_puts(out, "</code> [");
    for (size_t k = 0; k < a->rank; k++) strbuf_printf(out, "%s%zu", k > 0 ? ", " : "", a->shape[k]);
    strbuf_puts(out, "]");
  }
  strbuf_puts(out, ".</p>\n");
}

static const char STYLE[] =
    "html{color-scheme:light dark}body{margin:0;background:var(--page);color:var(--ink);font:16px/1.55 system-ui,"
    "-apple-system,\"Segoe UI\",Roboto,\"Helvetica Neue\",Arial,\"DejaVu "
    "Sans\",sans-serif}main{max-width:1180px;margin:"
    "0 auto;padding:2.5rem 1.5rem 5rem}h1{font-size:1.9rem;line-height:1.2;margin:0 0 .3rem}h2{font-size:1.1rem;margin:"
    "1.6rem 0 .2rem}p{margin:0 0 .6rem;max-width:48rem}.soft{color:var(--soft);font-size:.9rem}figure{margin:1.2rem 0;"
    "border:1px solid var(--rule);border-radius:8px;overflow:hidden}#sheet{display:block;width:100%;height:auto}"
    "table{border-collapse:collapse;font-size:.82rem;display:block;overflow-x:auto}td,th{padding:.25rem "
    ".6rem;text-align:"
    "left;border-bottom:1px solid "
    "var(--rule);vertical-align:top}td.n{text-align:right;font-variant-numeric:tabular-nums;"
    "white-space:nowrap}tr.not td{color:var(--accent)}code{font-size:.92em}";

dwell_status figure_write_html(const figure *f, const figure_sheet *sheet, const char *path, dwell_error *err) {
  strbuf out = {0};
  strbuf_puts(
      &out,
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta http-equiv=\"Content-"
      "Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">\n<meta "
      "name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<link rel=\"icon\" href=\"data:,\">\n"
      "<title>");
  text(&out, f->name);
  strbuf_puts(&out, " · dwell</title>\n<style>");
  svg_style(&out);
  strbuf_puts(&out, STYLE);
  strbuf_puts(&out, "</style>\n</head>\n<body><main>\n<h1>");
  text(&out, f->summary);
  strbuf_puts(&out, "</h1>\n<p class=\"soft\">");
  text(&out, f->source);
  strbuf_printf(&out, ". <code>dwell figure %s%s</code></p>\n<figure>\n", f->name, sheet->quick ? " --quick" : "");
  add_drawing(f, sheet, false, &out);
  strbuf_puts(&out, "</figure>\n<p class=\"soft\">");
  text(&out, sheet->note);
  strbuf_puts(&out, "</p>\n");
  add_paragraph(&out, "What is shown", f->shows);
  add_paragraph(&out, f->is_experiment ? "The question" : "What the original did", f->original);
  add_paragraph(&out, "What is different here, and why", f->ours);
  add_checks(sheet, &out);
  add_arrays(sheet, &out);
  strbuf_puts(&out, "</main></body>\n</html>\n");
  return write_text(&out, path, err);
}
