/* report/falls.c - where an energy falls, and what carries the fall: rows `energy_drop` of the events. Their detail is
 * "energy_b1 by=attn attn=.. head 3=..; PAIRS": pairs of tokens, which come from files, stand after the first "; ". */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/figures.h"

enum { MOST_FALLS = 200 };

typedef struct fall {
  const char *energy; /* "energy_b1", `length` bytes */
  size_t length;
  const char *parts, *pairs; /* parts: `parts_length` bytes; pairs "" where they are not known */
  size_t parts_length;
  double first, last, change; /* states */
} fall;

/* The next fall from *row on; false: there is none. */
static bool next_fall(const table *t, size_t *row, fall *ret_fall) {
  size_t kind = t != NULL ? table_find(t, "kind") : SIZE_MAX, detail = t != NULL ? table_find(t, "detail") : SIZE_MAX;
  for (; kind != SIZE_MAX && detail != SIZE_MAX && *row < t->rows; (*row)++) {
    const table_cell *what = table_at(t, *row, kind), *text = table_at(t, *row, detail);
    if (what->kind != CELL_TEXT || text->kind != CELL_TEXT || !str_equal(what->text, "energy_drop")) continue;
    fall f = {.energy = text->text, .length = strcspn(text->text, " ;")};
    const char *end = strstr(text->text, "; ");
    f.parts = text->text + f.length + (text->text[f.length] == ' ');
    f.parts_length = end != NULL && end >= f.parts ? (size_t)(end - f.parts) : end != NULL ? 0 : strlen(f.parts);
    f.pairs = end != NULL ? end + 2 : "";
    f.first = view_number(t, *row, "first"), f.last = view_number(t, *row, "last");
    f.change = view_number(t, *row, "value");
    *ret_fall = f;
    (*row)++;
    return true;
  }
  return false;
}

/* Is this the fall's energy ("energy_b1") or its change ("dE_b1")? */
static bool is_of(const fall *f, const char *column) {
  static const char energy[] = "energy_", change[] = "dE_";
  if (strlen(column) == f->length && strncmp(column, f->energy, f->length) == 0) return true;
  size_t skip = strlen(energy), short_one = strlen(change);
  return strncmp(column, change, short_one) == 0 && f->length > skip &&
         strlen(column + short_one) == f->length - skip &&
         strncmp(column + short_one, f->energy + skip, f->length - skip) == 0;
}

void falls_mark(const view *v, plot *p, const char *column, const double *at, const double *values) {
  const table *t = run_table(v->run, "events");
  bool change = strncmp(column, "dE_", 3) == 0;
  fall f;
  for (size_t row = 0, count = 0; count < MOST_FALLS && next_fall(t, &row, &f);) {
    double step = (change ? f.first : f.last) - (double)v->states.first;
    if (!is_of(&f, column) || !(step >= 0) || step >= (double)(change ? v->blocks.steps : v->states.steps)) continue;
    plot_fall(p, at[(size_t)step], values[(size_t)step], &(plot_style){.colour = "c1"});
    count++;
  }
}

static void row_html(const fall *f, strbuf *out) {
  strbuf_printf(out, "<tr><td>%.0f</td><td>", f->first);
  strbuf_html(out, f->energy, f->length);
  strbuf_printf(out, "</td><td>%.3g</td><td>", f->change);
  if (f->parts_length > 0) strbuf_html(out, f->parts, f->parts_length);
  strbuf_puts(out, "</td><td><bdi>");
  html_text(out, f->pairs);
  strbuf_puts(out, "</bdi></td></tr>\n");
}

void falls_table(const view *v, strbuf *out) {
  const table *t = run_table(v->run, "events");
  size_t row = 0, all = 0, shown = 0;
  fall f;
  while (next_fall(t, &row, &f)) all++;
  if (all == 0 || v->replicas > 1) return;
  strbuf_printf(
      out,
      "<details class=\"falls\"><summary>What carries the %zu fall%s</summary><p>For each block with a fall beyond "
      "rounding: the parts of the block with their shares (<code>--instruments attribution,head_attribution</code>; "
      "negative: it pulls the energy down), and the ten pairs of tokens with the largest part in it.</p><div "
      "class=\"wide\" "
      "tabindex=\"0\"><table class=\"events\"><thead><tr><th scope=\"col\">block</th><th scope=\"col\">energy</th><th "
      "scope=\"col\">change</th><th scope=\"col\">parts</th><th scope=\"col\">pairs</th></tr></thead><tbody>\n",
      all, all == 1 ? "" : "s");
  for (row = 0; shown < MOST_FALLS && next_fall(t, &row, &f); shown++) row_html(&f, out);
  strbuf_puts(out, "</tbody></table></div>");
  if (shown < all) strbuf_printf(out, "<p>… and %zu more in events.csv</p>", all - shown);
  strbuf_puts(out, "</details>\n");
}
