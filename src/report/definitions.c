/* report/definitions.c - what the columns of a figure are. Nothing is said here that is not said elsewhere: words and
 * ranges are those of `dwell list instruments`, formulas those of the manual. */
#include "report/definitions.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "draw/scale.h"
#include "instrument/instruments.h"
#include "measure/plan.h"
#include "report/html.h"

enum { LONGEST_NAME = 80 };

/* What figures whose numbers are no columns show. */
static const char *const others[][2] = {
    {"labels", "labels"}, {"alluvial", "labels"}, {"cloud", "pca"}, {"tree", "merge_heights"}};

/* The name itself, else the longest beginning of it. */
static const formula *find_formula(const char *name) {
  const formula *best = NULL;
  size_t longest = 0;
  for (size_t i = 0; i < formula_table_size; i++) {
    const char *end = strchr(formula_table[i].name, '*');
    size_t length = end != NULL ? (size_t)(end - formula_table[i].name) : 0;
    if (end == NULL && str_equal(formula_table[i].name, name)) return &formula_table[i];
    if (length > longest && strncmp(formula_table[i].name, name, length) == 0)
      best = &formula_table[i], longest = length;
  }
  return best;
}

static const instrument *find(const char *name, const instrument_column **ret_column) {
  const instrument *all[PLAN_MAX_INSTRUMENTS];
  size_t count = plan_instruments(all);
  for (size_t i = 0; i < count; i++) {
    *ret_column = instrument_column_find(all[i], name);
    if (*ret_column != NULL) return all[i];
  }
  return NULL;
}

static void add_range(const instrument_column *c, strbuf *out) {
  char low[64], high[64];
  if (!isfinite(c->low) && !isfinite(c->high)) return;
  if (!isfinite(c->high)) strbuf_printf(out, ", at least %s", scale_label(c->low, 6, low, sizeof low));
  else if (!isfinite(c->low)) strbuf_printf(out, ", at most %s", scale_label(c->high, 6, high, sizeof high));
  else
    strbuf_printf(out, ", from %s to %s", scale_label(c->low, 6, low, sizeof low),
                  scale_label(c->high, 6, high, sizeof high));
  if (!str_equal(c->unit, "1")) strbuf_printf(out, " %s", c->unit);
}

static void add_null(const instrument_column *c, bool centred, strbuf *out) {
  const null_model *null =
      c->null != NULL && (c->null_in & (centred ? IN_CENTRED : IN_RAW)) ? null_find(c->null) : NULL;
  if (null == NULL && c->chance == NULL) return;
  strbuf_puts(out, "<dd>Null: ");
  html_text(out, null != NULL ? null->summary : "tokens shuffled, in closed form");
  strbuf_puts(out, "</dd>\n");
}

/* One column; false: nothing is known of it. */
static bool add_column(const char *name, strbuf *out) {
  const instrument_column *column = NULL;
  const instrument *what = find(name, &column);
  const formula *f = find_formula(column != NULL ? column->name : name);
  if (f == NULL) f = find_formula(name);
  if (what == NULL && f == NULL) return false;
  strbuf_puts(out, "<dt><code>");
  html_text(out, name);
  strbuf_puts(out, "</code>");
  if (column != NULL) add_range(column, out);
  strbuf_puts(out, "</dt>\n");
  if (column != NULL) {
    strbuf_puts(out, "<dd>");
    html_text(out, column->meaning);
    strbuf_puts(out, "</dd>\n");
  }
  if (f != NULL) {
    strbuf_puts(out, "<dd class=\"formula\">");
    html_text(out, f->text);
    strbuf_printf(out, " <small>(instruments.md %s)</small></dd>\n", f->section);
  }
  if (column != NULL) add_null(column, strstr(name, "_centred") != NULL, out);
  if (what != NULL) {
    strbuf_puts(out, "<dd>Source: ");
    html_text(out, what->source);
    strbuf_puts(out, "</dd>\n");
  }
  return true;
}

/* Those of nulls are told with the column they belong to. */
static bool is_of_null(const char *name) {
  return str_ends(name, "_null_mean") || str_ends(name, "_null_sd") || str_ends(name, "_p");
}

static bool add_all(const char *numbers, strbuf *out) {
  bool any = false;
  const char *list = strchr(numbers, ':');
  for (size_t k = 0; list == NULL && k < sizeof others / sizeof others[0]; k++) {
    if (str_equal(others[k][0], numbers)) any = add_column(others[k][1], out) || any;
  }
  for (list = list != NULL ? list + 1 : ""; *list != '\0';) {
    char name[LONGEST_NAME];
    size_t length = strcspn(list, ",");
    snprintf(name, sizeof name, "%.*s", (int)(length < sizeof name ? length : sizeof name - 1), list);
    if (!is_of_null(name)) any = add_column(name, out) || any;
    list += length + (list[length] == ',');
  }
  return any;
}

void definitions_write(strbuf *out, const char *heading, const char *numbers) {
  strbuf inside = {0};
  if (numbers != NULL && add_all(numbers, &inside) && !inside.failed) {
    strbuf_printf(out, "<details class=\"def\"><summary aria-label=\"definition of %s\">definition</summary><dl>\n",
                  heading);
    strbuf_add(out, inside.data, inside.length);
    strbuf_puts(out, "</dl></details>\n");
  }
  if (inside.failed) out->failed = true;
  strbuf_free(&inside);
}
