/* report/header.c - the head of the page: what was run, and what came out of it, in two sentences. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>

#include "draw/scale.h"
#include "report/figures.h"

/* ---- the manifest's words ---- */

static bool is_flow(const view *v) {
  return str_equal(view_text(v, "source", "kind", v->is_flow ? "flow" : ""), "flow");
}

/* An option of the source after defaults; NULL if the manifest does not say. */
static const json_t *option(const view *v, const char *key) {
  return json_object_get(json_object_get(json_object_get(v->manifest, "source"), "options"), key);
}

static const char *option_text(const view *v, const char *key, const char *otherwise) {
  const char *text = json_string_value(option(v, key));
  return text != NULL ? text : otherwise;
}

static double at_state(const view *v, size_t state, const char *column) {
  size_t row = v->states.rows[state];
  return row == SIZE_MAX ? NAN : view_number(v->states.t, row, column);
}

static void add_number(strbuf *out, double value, int digits) {
  char text[64];
  strbuf_puts(out, isfinite(value) ? scale_label(value, digits, text, sizeof text) : "?");
}

static void add_value(strbuf *out, double value, int digits) {
  strbuf_puts(out, "<b>");
  add_number(out, value, digits);
  strbuf_puts(out, "</b>");
}

static void add_bold(strbuf *out, const char *text) {
  strbuf_puts(out, "<b>");
  html_text(out, text);
  strbuf_puts(out, "</b>");
}

/* ---- the title ---- */

static void sphere_name(strbuf *out, double d, bool html) {
  strbuf_puts(out, html ? "S<sup>" : "S^");
  add_number(out, d - 1, 9);
  if (html) strbuf_puts(out, "</sup>");
}

static void flow_title(const view *v, bool html, strbuf *out, const char *name) {
  for (; *name != '\0'; name++) {
    char c = (char)toupper((unsigned char)*name);
    strbuf_html(out, &c, 1);
  }
  strbuf_puts(out, " flow, β = ");
  add_number(out, json_number_value(option(v, "beta")), 6);
  strbuf_puts(out, ", ");
  add_number(out, at_state(v, 0, "n"), 9);
  strbuf_puts(out, " tokens on ");
  sphere_name(out, at_state(v, 0, "d"), html);
}

void header_title(const view *v, bool html, strbuf *out) {
  const char *name = view_text(v, "source", "name", "run");
  if (is_flow(v) && json_is_number(option(v, "beta"))) {
    flow_title(v, html, out, name);
  } else {
    html_text(out, name);
  }
}

/* ---- the sentences ---- */

static void flow_sentence(const view *v, strbuf *out, const char *name) {
  char last[64];
  const char *init = option_text(v, "init", NULL);
  add_value(out, at_state(v, 0, "n"), 9);
  strbuf_puts(out, " tokens on the sphere in ");
  add_value(out, at_state(v, 0, "d"), 9);
  strbuf_puts(out, " dimensions");
  if (init != NULL) {
    strbuf_puts(out, ", started ");
    add_bold(out, init);
    strbuf_puts(out, ",");
  }
  strbuf_puts(out, " moved under the flow ");
  add_bold(out, name);
  if (str_equal(option_text(v, "mask", ""), "causal")) strbuf_puts(out, " with a <b>causal</b> mask");
  strbuf_printf(out, " up to time <b>%s</b>; their cloud was measured at ",
                view_state_label(v, v->states.steps - 1, last, sizeof last));
  add_value(out, (double)v->states.steps, 9);
  strbuf_puts(out, " times");
  if (v->replicas > 1) strbuf_printf(out, ", for <b>%zu</b> independent starts", v->replicas);
  strbuf_puts(out, ".");
}

/* Equal ids are nearly equal vectors: a share of close pairs has to be read with their number in mind. */
static void add_repeats(const view *v, strbuf *out) {
  const json_t *selection = json_object_get(v->manifest, "selection");
  const json_t *types = json_object_get(selection, "types"), *measured = json_object_get(selection, "measured");
  if (json_array_size(json_object_get(v->manifest, "tokens")) == 0 || !json_is_integer(types)) return;
  if (json_integer_value(types) >= json_integer_value(measured)) return;
  strbuf_puts(out, " Only ");
  add_value(out, (double)json_integer_value(types), 9);
  strbuf_puts(
      out,
      " of them are distinct: repeated tokens start as close pairs (<code>--selection types</code> leaves them out).");
}

static void model_sentence(const view *v, strbuf *out, const char *name) {
  const json_t *tokens = json_object_get(v->manifest, "tokens");
  bool import = str_equal(view_text(v, "source", "kind", ""), "import");
  strbuf_puts(out, import ? "The states in " : "The model ");
  add_bold(out, name);
  strbuf_puts(out, import ? ": " : str_equal(option_text(v, "input", ""), "ids") ? " read " : " read a text of ");
  if (json_array_size(tokens) > 0) {
    add_value(out, (double)json_array_size(tokens), 9);
    strbuf_puts(out, " tokens, of which ");
  }
  add_value(out, at_state(v, 0, "n"), 9);
  strbuf_puts(out, json_array_size(tokens) > 0 ? " were measured, in " : " tokens were measured, in ");
  add_value(out, at_state(v, 0, "d"), 9);
  strbuf_puts(out, " dimensions and in each of ");
  add_value(out, (double)v->states.steps, 9);
  strbuf_puts(out, " states.");
  add_repeats(v, out);
}

/* What happened, in numbers of the first and last state; nothing is interpreted. */
static void outcome_sentence(const view *v, strbuf *out) {
  size_t end = v->states.steps - 1;
  double first = at_state(v, 0, "ip_mean"), last = at_state(v, end, "ip_mean");
  double rank = at_state(v, 0, "effective_rank_centred"), rank_end = at_state(v, end, "effective_rank_centred");
  double final = v->final_row != SIZE_MAX ? view_number(v->states.t, v->final_row, "ip_mean") : NAN;
  if (v->states.steps < 2 || !isfinite(first) || !isfinite(last)) return;
  strbuf_puts(out, " From the first to the last state the mean cosine of a pair of tokens went from ");
  add_value(out, first, 3);
  strbuf_puts(out, " to ");
  add_value(out, last, 3);
  if (isfinite(final)) {
    strbuf_puts(out, " (after the final norm ");
    add_value(out, final, 3);
    strbuf_puts(out, ")");
  }
  if (isfinite(rank) && isfinite(rank_end)) {
    strbuf_puts(out, ", the effective rank of the centred cloud from ");
    add_value(out, rank, 3);
    strbuf_puts(out, " to ");
    add_value(out, rank_end, 3);
  }
  strbuf_puts(out, v->replicas > 1 ? " (first start)." : ".");
}

/* ---- what stands out ---- */

static const json_t *detected(const view *v, const char *object) {
  return json_object_get(json_array_get(json_object_get(v->manifest, "detected"), 0), object);
}

static void add_plateaus(const view *v, strbuf *out) {
  const json_t *found = detected(v, "plateaus"), *all = json_object_get(found, "interior");
  if (!json_is_integer(all)) return;
  long long count = json_integer_value(all);
  if (count == 0) {
    strbuf_puts(out, " No plateau of clusters that ends within the run was found.");
    return;
  }
  strbuf_printf(out, " <b>%lld</b> plateau%s of clusters %s within the run", count, count == 1 ? "" : "s",
                count == 1 ? "ends" : "end");
  if (json_is_number(json_object_get(found, "p"))) {
    strbuf_puts(out, ", p = ");
    add_value(out, json_number_value(json_object_get(found, "p")), 2);
    strbuf_puts(out, " under permuted steps");
  }
  strbuf_puts(out, ".");
}

/* The one test over all states first: states taken one by one would have many chances. */
static void chance_sentence(const view *v, strbuf *out) {
  const json_t *clusters = detected(v, "clusters"), *p = json_object_get(clusters, "p_any_state");
  const json_t *states = json_object_get(clusters, "significant_states");
  if (!json_is_number(p) || !json_is_integer(states)) return;
  bool some = json_number_value(p) <= 0.05;
  strbuf_printf(
      out, "<p class=\"lead\">Against chance, a cloud with the same mean and spectrum but no groups: clusters%s ",
      str_equal(json_string_value(json_object_get(clusters, "selection")), "types") ? " of first occurrences" : "");
  strbuf_puts(out, some ? "<b>stand out</b> (p = " : "<b>do not stand out</b> (p = ");
  add_value(out, json_number_value(p), 2);
  strbuf_puts(out, " over all states at once; one by one p ≤ 0.05 in ");
  add_value(out, (double)json_integer_value(states), 9);
  strbuf_printf(out, " of %zu).", v->states.steps);
  add_plateaus(v, out);
  strbuf_puts(out, v->replicas > 1 ? " (First start.)</p>" : "</p>");
}

/* ---- the header ---- */

void header_write(const view *v, strbuf *out) {
  const char *name = view_text(v, "source", "name", "run");
  strbuf_puts(out, "<header><p class=\"kind\">dwell · ");
  html_text(out, view_text(v, "source", "kind", v->is_flow ? "flow" : "model"));
  strbuf_puts(out, "</p><h1>");
  header_title(v, true, out);
  strbuf_puts(out, "</h1><p class=\"lead\">");
  if (is_flow(v)) {
    flow_sentence(v, out, name);
  } else {
    model_sentence(v, out, name);
  }
  outcome_sentence(v, out);
  strbuf_puts(out, "</p>");
  chance_sentence(v, out);
  size_t warnings = view_warnings(v);
  if (warnings > 0) {
    strbuf_printf(out, "<p class=\"warn\"><a href=\"#p-warnings\">%zu kind%s of warning</a> counted in this run.</p>",
                  warnings, warnings == 1 ? "" : "s");
  }
  strbuf_puts(out, "</header>\n");
}
