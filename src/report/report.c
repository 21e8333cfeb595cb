/* report/report.c - the page: head, sentence, sections, data, script. */
#include <dwell/report.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/number.h"
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

/* A folder is named by its last part; a hub's name (org/name) stays whole. The manifest below shows all of it. */
static const char *short_name(const char *name) {
  const char *slash = strrchr(name, '/');
  bool is_path = name[0] == '/' || name[0] == '.' || name[0] == '~';
  return is_path && slash != NULL && slash[1] != '\0' ? slash + 1 : name;
}

static dwell_status add_head(const view *v, strbuf *out, dwell_error *err) {
  strbuf_puts(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
  dwell_status status = add_policy(out, err);
  strbuf_puts(out,
              "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
              "<meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" content=\"no-referrer\">\n"
              "<link rel=\"icon\" href=\"data:,\">\n<title>");
  html_text(out, short_name(view_text(v, "source", "name", "run")));
  strbuf_puts(out, " · dwell</title>\n<style>\n");
  svg_style(out);
  strbuf_add(out, report_css, report_css_size);
  strbuf_puts(out, "</style>\n</head>\n");
  return status;
}

/* ---- the sentence ---- */

static void add_value(strbuf *out, double value, int digits) {
  char text[64];
  strbuf_printf(out, "<b>%s</b>", isfinite(value) ? scale_label(value, digits, text, sizeof text) : "?");
}

static double at_state(const view *v, size_t state, const char *column) {
  size_t row = v->states.rows[state];
  return row == SIZE_MAX ? NAN : view_number(v->states.t, row, column);
}

static void flow_sentence(const view *v, strbuf *out, const char *name) {
  char last[64];
  strbuf_puts(out, "The flow <b>");
  html_text(out, name);
  strbuf_puts(out, "</b> moved ");
  add_value(out, at_state(v, 0, "n"), 9);
  strbuf_puts(out, " tokens in ");
  add_value(out, at_state(v, 0, "d"), 9);
  strbuf_printf(out, " dimensions up to time <b>%s</b>; their cloud was measured at ",
                view_state_label(v, v->states.steps - 1, last, sizeof last));
  add_value(out, (double)v->states.steps, 9);
  strbuf_puts(out, " times");
  if (v->replicas > 1) strbuf_printf(out, ", for <b>%zu</b> independent starts", v->replicas);
  strbuf_puts(out, ".");
}

static void model_sentence(const view *v, strbuf *out, const char *name) {
  const json_t *tokens = json_object_get(v->manifest, "tokens");
  double kept = at_state(v, 0, "n");
  bool import = str_equal(view_text(v, "source", "kind", ""), "import");
  strbuf_puts(out, import ? "The states in <b>" : "The model <b>");
  html_text(out, name);
  strbuf_puts(out, import ? "</b>: " : "</b> read a text of ");
  if (json_array_size(tokens) > 0) {
    add_value(out, (double)json_array_size(tokens), 9);
    strbuf_puts(out, " tokens, of which ");
  }
  add_value(out, kept, 9);
  strbuf_puts(out, json_array_size(tokens) > 0 ? " were measured, in " : " tokens were measured, in ");
  add_value(out, at_state(v, 0, "d"), 9);
  strbuf_puts(out, " dimensions and in each of ");
  add_value(out, (double)v->states.steps, 9);
  strbuf_puts(out, " states.");
}

/* What happened, in numbers of the first and last state; nothing is interpreted. */
static void outcome_sentence(const view *v, strbuf *out) {
  double first = at_state(v, 0, "ip_mean"), last = at_state(v, v->states.steps - 1, "ip_mean");
  double rank = at_state(v, 0, "effective_rank_centred"),
         end = at_state(v, v->states.steps - 1, "effective_rank_centred");
  if (v->states.steps < 2 || !isfinite(first) || !isfinite(last)) return;
  strbuf_puts(out, " From the first to the last state the mean cosine of a pair of tokens went from ");
  add_value(out, first, 3);
  strbuf_puts(out, " to ");
  add_value(out, last, 3);
  if (isfinite(rank) && isfinite(end)) {
    strbuf_puts(out, ", the effective rank of the centred cloud from ");
    add_value(out, rank, 3);
    strbuf_puts(out, " to ");
    add_value(out, end, 3);
  }
  strbuf_puts(out, v->replicas > 1 ? " (first start)." : ".");
}

/* Kinds of warnings that occurred: the members of the manifest's counts that are not 0. */
static size_t count_warnings(json_t *warnings) {
  const char *key;
  json_t *value;
  size_t kinds = json_array_size(warnings);
  json_object_foreach(warnings, key, value) kinds += !json_is_number(value) || json_number_value(value) > 0;
  return kinds;
}

static void add_header(const view *v, strbuf *out) {
  const char *name = short_name(view_text(v, "source", "name", "run"));
  const char *kind = view_text(v, "source", "kind", v->is_flow ? "flow" : "model");
  strbuf_puts(out, "<header><p class=\"kind\">dwell · ");
  html_text(out, kind);
  strbuf_puts(out, "</p><h1>");
  html_text(out, name);
  strbuf_puts(out, "</h1><p class=\"lead\">");
  if (str_equal(kind, "flow")) {
    flow_sentence(v, out, name);
  } else {
    model_sentence(v, out, name);
  }
  outcome_sentence(v, out);
  strbuf_puts(out, "</p>");
  size_t warnings = count_warnings(json_object_get(v->manifest, "warnings"));
  if (warnings > 0) {
    strbuf_printf(out, "<p class=\"warn\"><a href=\"#p-warnings\">%zu kind%s of warning</a> counted in this run.</p>",
                  warnings, warnings == 1 ? "" : "s");
  }
  strbuf_puts(out, "</header>\n");
}

/* ---- the page ---- */

static dwell_status add_page(view *v, const sphere_frames *s, strbuf *out, dwell_error *err) {
  dwell_status status = DWELL_OK;
  TRY(add_head(v, out, err));
  strbuf_puts(out, "<body>\n<main>\n");
  add_header(v, out);
  TRY(figures_curves(v, out, err));
  TRY(figures_heads(v, out, err));
  TRY(figures_cosines(v, out, err));
  TRY(figures_sphere(v, s, out, err));
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
