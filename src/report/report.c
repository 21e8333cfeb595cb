/* report/report.c - the page: head, sections, data, script. */
#include <dwell/report.h>
#include <string.h>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/sha256.h"
#include "report/assets.h"
#include "report/figures.h"

/* ---- HTML helpers ---- */

void html_text(strbuf *out, const char *text) { strbuf_html(out, text, strlen(text)); }

void section_open(strbuf *out, const char *id, const char *heading, const char *text) {
  strbuf_printf(out, "<section id=\"s-%s\"><h2>%s</h2><p class=\"intro\">%s</p>\n", id, heading, text);
}

void section_close(strbuf *out) { strbuf_puts(out, "</section>\n"); }

void figure_open(strbuf *out, const char *id, const char *heading, const char *text) {
  strbuf_printf(out, "<figure id=\"f-%s\"><figcaption><h3>%s</h3><p>%s</p></figcaption>\n", id, heading, text);
}

void figure_close(strbuf *out, const char *source) {
  strbuf_printf(out, "<p class=\"source\">%s</p></figure>\n", source);
}

/* ---- head ---- */

static int hex_digit(char c) { return c <= '9' ? c - '0' : c - 'a' + 10; }

/* The page may run exactly one script: the one whose hash stands in its policy. */
static dwell_status add_policy(strbuf *out, dwell_error *err) {
  char hex[SHA256_SIZE];
  unsigned char bytes[32];
  dwell_status status = sha256_buffer(report_js, report_js_size, hex, err);
  if (status != DWELL_OK) return status;
  for (size_t i = 0; i < 32; i++) bytes[i] = (unsigned char)(hex_digit(hex[2 * i]) << 4 | hex_digit(hex[2 * i + 1]));
  strbuf_puts(out,
              "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
              "img-src data:; script-src 'sha256-");
  base64_add(out, bytes, sizeof bytes);
  strbuf_puts(out, "'; base-uri 'none'; form-action 'none'\">\n");
  return DWELL_OK;
}

static dwell_status add_head(const view *v, strbuf *out, dwell_error *err) {
  strbuf_puts(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
  dwell_status status = add_policy(out, err);
  strbuf_puts(out,
              "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
              "<meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" content=\"no-referrer\">\n"
              "<link rel=\"icon\" href=\"data:,\">\n<title>");
  header_title(v, false, out);
  strbuf_puts(out, " · dwell</title>\n<style>\n");
  svg_style(out);
  strbuf_add(out, report_css, report_css_size);
  strbuf_puts(out, "</style>\n</head>\n");
  return status;
}

/* ---- the page ---- */

static dwell_status add_page(view *v, const sphere_frames *s, strbuf *out, dwell_error *err) {
  dwell_status status = DWELL_OK;
  TRY(add_head(v, out, err));
  strbuf_puts(out, "<body>\n<main>\n");
  header_write(v, out);
  /* Particles on a sphere are seen before they are measured. */
  TRY(figures_sphere(v, s, out, err));
  TRY(figures_curves(v, out, err));
  TRY(figures_groups(v, out, err));
  TRY(figures_heads(v, out, err));
  TRY(figures_cosines(v, out, err));
  figures_events(v, out);
  TRY(figures_provenance(v, out, err));
  strbuf_puts(out,
              "</main>\n<div id=\"tip\" role=\"status\" aria-live=\"polite\" hidden></div>\n"
              "<script type=\"application/json\" id=\"dwell-data\">");
  TRY(report_data(v, s, out, err));
  strbuf_puts(out, "</script>\n<script>");
  strbuf_add(out, report_js, report_js_size);
  strbuf_puts(out, "</script>\n</body>\n</html>\n");
done:
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
