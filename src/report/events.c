/* report/events.c - what the detectors found, as a table of words and numbers. */
#include <math.h>

#include "report/figures.h"

enum { MOST_EVENTS = 200 };

static const char *const columns[] = {"replica", "kind", "first", "last", "value", "null_p", "detail"};
static const char *const headings[] = {"start", "what", "from state", "to state", "value", "p", ""};
enum { COLUMNS = sizeof columns / sizeof columns[0] };

static void cell_html(strbuf *out, const table_cell *cell) {
  strbuf_puts(out, "<td>");
  if (cell->kind == CELL_TEXT) {
    strbuf_puts(out, "<bdi>");
    html_text(out, cell->text);
    strbuf_puts(out, "</bdi>");
  } else if (cell->kind == CELL_NUMBER) {
    strbuf_printf(out, "%.4g", cell->number);
  }
  strbuf_puts(out, "</td>");
}

static void head_html(strbuf *out, const size_t *at) {
  strbuf_puts(out, "<table class=\"events\"><thead><tr>");
  for (size_t k = 0; k < COLUMNS; k++) {
    if (at[k] != SIZE_MAX) strbuf_printf(out, "<th>%s</th>", headings[k]);
  }
  strbuf_puts(out, "</tr></thead><tbody>\n");
}

void figures_events(const view *v, strbuf *out) {
  const table *t = run_table(v->run, "events");
  if (t == NULL || t->rows == 0) return;
  size_t at[COLUMNS];
  for (size_t k = 0; k < COLUMNS; k++) at[k] = table_find(t, columns[k]);
  section_open(
      out, "events", "What happened",
      "Found by the detectors, one row each (<code>events.csv</code>). A p says how often structureless clouds "
      "or permuted blocks have as many such events, or as long a plateau. Tokens are position:piece.");
  strbuf_printf(out, "<details><summary>Events (%zu)</summary><div class=\"wide\">", t->rows);
  head_html(out, at);
  for (size_t row = 0; row < t->rows && row < MOST_EVENTS; row++) {
    strbuf_puts(out, "<tr>");
    for (size_t k = 0; k < COLUMNS; k++) {
      if (at[k] != SIZE_MAX) cell_html(out, table_at(t, row, at[k]));
    }
    strbuf_puts(out, "</tr>\n");
  }
  strbuf_puts(out, "</tbody></table></div>");
  if (t->rows > MOST_EVENTS) strbuf_printf(out, "<p>… and %zu more in events.csv</p>", t->rows - MOST_EVENTS);
  strbuf_puts(out, "</details>\n");
  section_close(out);
}
