/* report/text_study.c - a study's verdicts in a terminal. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "draw/scale.h"
#include "report/text.h"
#include "study/verdicts.h"

enum { NAME = 18, CELL = 13, NUMBERS_WIDTH = 30 };

static const char *const marks[] = {"○", "●", "✕"}; /* by claim_outcome */

static bool is_primary(const verdict_row *row) { return row->group == VERDICT_PRIMARY; }

/* ---- at a glance ---- */

/* Claims `first` to `end` of the registry: as many as fit beside the names. */
static void add_glance(const verdicts *v, const claim *const *claims, size_t first, size_t end, strbuf *out) {
  text_repeat(out, " ", NAME);
  for (size_t k = first; k < end; k++) {
    if (verdicts_on_claim(v, claims[k])) text_cell(out, claims[k]->name, CELL);
  }
  strbuf_puts(out, "\n");
  for (size_t i = 0; i < v->count; i++) {
    if (!verdicts_first_of_model(v, i)) continue;
    text_cell(out, v->rows[i].model, NAME - 1);
    strbuf_putc(out, ' ');
    for (size_t k = first; k < end; k++) {
      char cell[64] = "·", number[32];
      const verdict_row *row = verdicts_primary(v, v->rows[i].model, claims[k]);
      if (!verdicts_on_claim(v, claims[k])) continue;
      if (row != NULL)
        snprintf(cell, sizeof cell, "%s %s", marks[row->v.outcome],
                 isfinite(row->v.effect) ? text_number(row->v.effect, number) : "");
      text_cell(out, cell, CELL);
    }
    strbuf_puts(out, "\n");
  }
}

static void add_glances(const verdicts *v, size_t width, strbuf *out) {
  size_t count, each = (width - NAME) / CELL;
  const claim *const *claims = claim_registry(&count);
  for (size_t first = 0; first < count;) {
    size_t end = first, shown = 0;
    for (; end < count && shown + verdicts_on_claim(v, claims[end]) <= each; end++)
      shown += verdicts_on_claim(v, claims[end]);
    if (shown > 0) {
      strbuf_puts(out, "\n");
      add_glance(v, claims, first, end, out);
    }
    first = end;
  }
}

/* ---- effects with their intervals ---- */

typedef struct axis {
  scale x; /* pixels: columns */
  size_t columns;
} axis;

static void include(double x, double *low, double *high) {
  if (isfinite(x)) *low = fmin(*low, x), *high = fmax(*high, x);
}

/* Of a claim, of networks or of flows: their numbers may be far apart. */
static bool make_axis(const verdicts *v, const claim *c, bool flow, size_t width, axis *ret_axis) {
  double low = 0, high = 0;
  bool any = false;
  for (size_t i = 0; i < v->count; i++) {
    const claim_verdict *x = &v->rows[i].v;
    if (!is_primary(&v->rows[i]) || v->rows[i].claim != c || v->rows[i].flow != flow) continue;
    include(x->effect, &low, &high), include(x->interval.low, &low, &high), include(x->interval.high, &low, &high);
    any = true;
  }
  ret_axis->columns = width - NAME - NUMBERS_WIDTH - 4;
  ret_axis->x = scale_make(SCALE_LINEAR, low, high);
  ret_axis->x.from = 0, ret_axis->x.to = (double)ret_axis->columns - 1;
  return any;
}

static size_t column_of(const axis *a, double x) {
  double at = round(scale_at(&a->x, x));
  return at < 0 ? 0 : at >= (double)a->columns ? a->columns - 1 : (size_t)at;
}

static void add_bar(const axis *a, const claim_verdict *x, strbuf *out) {
  size_t zero = column_of(a, 0), effect = isfinite(x->effect) ? column_of(a, x->effect) : SIZE_MAX;
  size_t low = isfinite(x->interval.low) ? column_of(a, x->interval.low) : 0;
  size_t high = isfinite(x->interval.high) ? column_of(a, x->interval.high) : a->columns - 1;
  for (size_t k = 0; k < a->columns; k++) {
    bool inside = effect != SIZE_MAX && k >= low && k <= high;
    strbuf_puts(out, k == effect ? "◆" : inside ? "━" : k == zero ? "┊" : " ");
  }
}

static void add_effect(const axis *a, const verdict_row *row, strbuf *out) {
  const claim_verdict *x = &row->v;
  char effect[32], low[32], high[32];
  text_cell(out, row->model, NAME - 1);
  strbuf_printf(out, " %s ", marks[x->outcome]);
  if (!isfinite(x->effect)) {
    strbuf_printf(out, "%s\n", x->reason != NULL ? x->reason : "");
    return;
  }
  add_bar(a, x, out);
  strbuf_printf(out, "  %s (%s, %s)", text_number(x->effect, effect), text_number(x->interval.low, low),
                text_number(x->interval.high, high));
  strbuf_puts(out, "\n");
}

static void add_claim(const verdicts *v, const claim *c, size_t width, strbuf *out) {
  strbuf_printf(out, "\n%s  %s\n", c->name, c->title);
  for (int flow = 0; flow < 2; flow++) {
    axis a;
    if (!make_axis(v, c, flow == 1, width, &a)) continue;
    for (size_t i = 0; i < v->count; i++) {
      const verdict_row *row = &v->rows[i];
      if (is_primary(row) && row->claim == c && row->flow == (flow == 1)) add_effect(&a, row, out);
    }
  }
}

void report_text_study(const study_plan *p, const verdicts *v, size_t width, strbuf *out) {
  size_t count;
  const claim *const *claims = claim_registry(&count);
  char title[256];
  const char *plain = p->title != NULL ? p->title : "A study";
  str_display(title, sizeof title, plain, strlen(plain));
  if (width < NAME + NUMBERS_WIDTH + 20) width = NAME + NUMBERS_WIDTH + 20;
  strbuf_printf(out,
                "%s\n● CONFIRMED  ✕ FALSIFIED  ○ SUSPENDED  · not judged\n"
                "Below: ◆ effect, ━ its interval at 95 %%, ┊ zero; networks and flows each on an axis of their own.\n",
                title);
  add_glances(v, width, out);
  for (size_t k = 0; k < count; k++) {
    if (verdicts_on_claim(v, claims[k])) add_claim(v, claims[k], width, out);
  }
}
