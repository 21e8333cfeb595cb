/* report/provenance.c - where the numbers come from: the manifest for people. Everything here is text from files. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/number.h"
#include "report/figures.h"

enum { DEEPEST = 8, MOST_ITEMS = 400, MOST_TOKENS = 4096 };

static void value_html(strbuf *out, const json_t *value, int depth);

static void scalar_html(strbuf *out, const json_t *value) {
  char text[NUMBER_SIZE];
  switch (json_typeof(value)) {
    case JSON_STRING: strbuf_html(out, json_string_value(value), json_string_length(value)); break;
    case JSON_INTEGER: strbuf_printf(out, "%lld", (long long)json_integer_value(value)); break;
    case JSON_REAL: strbuf_puts(out, number_format(json_real_value(value), text)); break;
    case JSON_TRUE: strbuf_puts(out, "yes"); break;
    case JSON_FALSE: strbuf_puts(out, "no"); break;
    default: strbuf_puts(out, "&mdash;"); break;
  }
}

static bool is_plain(const json_t *value) { return !json_is_object(value) && !json_is_array(value); }

static void object_html(strbuf *out, const json_t *object, int depth) {
  strbuf_puts(out, "<table class=\"kv\">");
  const char *key;
  json_t *value;
  /* jansson iterates objects through a non-const pointer without changing them. */
  json_object_foreach((json_t *)(uintptr_t)object, key, value) {
    strbuf_puts(out, "<tr><th scope=\"row\">");
    html_text(out, key);
    strbuf_puts(out, "</th><td>");
    value_html(out, value, depth + 1);
    strbuf_puts(out, "</td></tr>\n");
  }
  strbuf_puts(out, "</table>");
}

static void array_html(strbuf *out, const json_t *array, int depth) {
  size_t n = json_array_size(array);
  if (n == 0) strbuf_puts(out, "none");
  for (size_t i = 0; i < n && i < MOST_ITEMS; i++) {
    const json_t *item = json_array_get(array, i);
    if (is_plain(item)) {
      if (i > 0) strbuf_puts(out, ", ");
      scalar_html(out, item);
    } else {
      value_html(out, item, depth + 1);
    }
  }
  if (n > MOST_ITEMS) strbuf_printf(out, " … and %zu more in run.json", n - MOST_ITEMS);
}

static void value_html(strbuf *out, const json_t *value, int depth) {
  if (depth > DEEPEST) {
    strbuf_puts(out, "…");
  } else if (json_is_object(value)) {
    object_html(out, value, depth);
  } else if (json_is_array(value)) {
    array_html(out, value, depth);
  } else {
    scalar_html(out, value);
  }
}

/* ---- tokens ---- */

static void token_html(strbuf *out, const json_t *token, size_t position, bool kept) {
  const json_t *piece = json_object_get(token, "piece");
  bool special = json_is_true(json_object_get(token, "special"));
  strbuf_printf(out, "<span class=\"token%s%s\" title=\"position %zu", special ? " special" : "", kept ? "" : " out",
                position);
  const json_t *id = json_object_get(token, "id");
  if (json_is_integer(id)) strbuf_printf(out, ", id %lld", (long long)json_integer_value(id));
  strbuf_puts(out, kept ? "\"><bdi>" : ", left out\"><bdi>");
  if (json_is_string(piece)) {
    strbuf_html(out, json_string_value(piece), json_string_length(piece));
  } else {
    scalar_html(out, json_is_integer(id) ? id : json_null());
  }
  strbuf_puts(out, "</bdi></span>");
}

static dwell_status tokens_html(const view *v, strbuf *out, dwell_error *err) {
  const json_t *tokens = json_object_get(v->manifest, "tokens");
  size_t n = json_array_size(tokens), rank, shape[4];
  double *keep = NULL;
  if (n == 0) return DWELL_OK;
  dwell_status status = run_read_array(v->run, "keep", &keep, &rank, shape, err);
  if (status != DWELL_OK) return status;
  bool fits = keep != NULL && rank == 1 && shape[0] == n;
  strbuf_printf(out,
                "<details id=\"tokens\"><summary>Tokens (%zu)</summary><p>Struck through: left out of every measure "
                "of the cloud; boxed: special tokens. Hover for position and id.</p><p class=\"tokens\">",
                n);
  for (size_t i = 0; i < n && i < MOST_TOKENS; i++)
    token_html(out, json_array_get(tokens, i), i, !fits || keep[i] != 0);
  if (n > MOST_TOKENS) strbuf_printf(out, " … and %zu more in run.json", n - MOST_TOKENS);
  strbuf_puts(out, "</p></details>\n");
  mem_free(keep);
  return DWELL_OK;
}

/* ---- the rest of the manifest ---- */

/* Members shown in a fold of their own, in this order; what is not named here follows under "Other". */
static const char *const folds[][2] = {{"command", "Command"},
                                       {"source", "Source"},
                                       {"measure", "Measurement"},
                                       {"detected", "What the detectors found"},
                                       {"conventions", "Conventions"},
                                       {"selection", "Selection"},
                                       {"nulls", "Nulls"},
                                       {"null_notes", "States without a null, or with a poor one"},
                                       {"undefined", "Undefined values and why"},
                                       {"warnings", "Warnings"},
                                       {"seconds", "Wall seconds by stage"},
                                       {"dwell", "Program and machine"},
                                       {"files", "Files and their SHA-256"}};

static bool has_fold(const char *key) {
  for (size_t i = 0; i < sizeof folds / sizeof folds[0]; i++) {
    if (str_equal(folds[i][0], key)) return true;
  }
  return str_equal(key, "tokens");
}

static bool is_empty(const json_t *value) {
  return value == NULL || json_is_null(value) || (json_is_array(value) && json_array_size(value) == 0) ||
         (json_is_object(value) && json_object_size(value) == 0);
}

dwell_status figures_provenance(const view *v, strbuf *out, dwell_error *err) {
  section_open(
      out, "provenance", "Where these numbers come from",
      "Taken from run.json; the same folder holds every number of this page in layers.csv, blocks.csv, heads.csv "
      "and arrays.npz.");
  const char *command = view_text(v, NULL, "command", NULL);
  if (command != NULL) {
    strbuf_puts(out, "<pre class=\"command\">");
    html_text(out, command);
    strbuf_puts(out, "</pre>\n");
  }
  dwell_status status = tokens_html(v, out, err);
  for (size_t i = 1; i < sizeof folds / sizeof folds[0] && status == DWELL_OK; i++) {
    const json_t *value = json_object_get(v->manifest, folds[i][0]);
    if (is_empty(value)) continue;
    strbuf_printf(out, "<details id=\"p-%s\"%s><summary>%s</summary>", folds[i][0],
                  str_equal(folds[i][0], "warnings") && view_warnings(v) > 0 ? " open" : "", folds[i][1]);
    value_html(out, value, 0);
    strbuf_puts(out, "</details>\n");
  }
  strbuf_puts(out, "<details id=\"p-other\"><summary>Other</summary><table class=\"kv\">");
  const char *key;
  json_t *value;
  json_object_foreach(v->manifest, key, value) {
    if (has_fold(key)) continue;
    strbuf_puts(out, "<tr><th scope=\"row\">");
    html_text(out, key);
    strbuf_puts(out, "</th><td>");
    value_html(out, value, 0);
    strbuf_puts(out, "</td></tr>\n");
  }
  strbuf_puts(out, "</table></details>\n");
  section_close(out);
  return status;
}
