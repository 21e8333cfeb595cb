/* report/study_strips.c - claim by claim the number of every text: dots, the interval that the verdict rests on, the
 * controls, the margin; networks beside flows; and the same numbers as a matrix of texts and subjects. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>

#include "base/error.h"
#include "base/number.h"
#include "draw/colour.h"
#include "draw/scale.h"
#include "draw/svg.h"
#include "report/study_parts.h"
#include "study/evidence.h"
#include "study/sample.h"

typedef struct strip {
  const char *claim;
  study_number column;
  const char *id, *heading, *text, *label;
  const char *margins[2]; /* thresholds of the claim; NULL: none */
  bool by_logarithm;      /* the axis is the logarithm of what the thresholds are of */
  bool effect;            /* the verdict's effect is of this number: drawn with its interval */
  bool whole;             /* 0 or 1: dots would lie on each other */
} strip;

static const strip strips[] = {
    {"A",
     NUMBER_TREND,
     "trend",
     "Tokens cluster over the layers",
     "How much stronger clusters are in the last third of the states than at the start, beyond a structureless cloud "
     "of the "
     "same mean and spectrum.",
     "trend of the cluster test",
     {"margin"},
     false,
     true,
     false},
    {"B",
     NUMBER_PLATEAU,
     "plateau",
     "Clusters persist",
     "Share of texts with a stretch of states in which significant clusters stay as they are, and after which they "
     "move on.",
     "share with such a plateau",
     {"share", "majority"},
     false,
     true,
     true},
    {"C",
     NUMBER_ALIGNED,
     "aligned",
     "Attention carries the clusters",
     "Share of the heads that attend within clusters more than with the labels shifted along the text.",
     "share of heads",
     {"margin"},
     false,
     true,
     false},
    {"D",
     NUMBER_DRAWDOWN,
     "drawdown",
     "The energy is monotone",
     "Largest fall of the interaction energy to a later state, in units of its range; 0: it never falls.",
     "largest fall over range",
     {"rising", "falling"},
     false,
     false,
     false},
    {"E1",
     NUMBER_LOG_RATIO,
     "scales",
     "Two time scales",
     "ln of the time in which groups join over the time in which they form.",
     "ln (joining / forming)",
     {"no_ratio", "ratio"},
     true,
     true,
     false},
    {"E2",
     NUMBER_COLLAPSE,
     "collapse",
     "Speed of collapse",
     "How fast the mean cosine goes to 1, per state.",
     "collapse rate per state",
     {NULL},
     false,
     false,
     false},
};

enum { MOST_SUBJECTS = 24, MOST_SEEDS = 99 };
static const double WIDTH = 520, ROW = 46, TOP = 30, BOTTOM = 40;

typedef struct sheet {
  const strip *def;
  const numbers *n;
  const verdicts *v;
  bool flow;
  size_t count; /* subjects, each by its first row */
  size_t first[MOST_SUBJECTS];
  double margins[2], low, high;
  double left;
  scale x;
} sheet;

bool study_is_own(const numbers *n, size_t row) {
  const char *variant = numbers_text(n, row, NUMBER_VARIANT);
  return sample_has_kind(n, row, NULL) && (str_equal(variant, "trained") || str_equal(variant, "flow"));
}

static const char *subject(const sheet *s, size_t k) { return numbers_text(s->n, s->first[k], NUMBER_MODEL); }

static double value_at(const sheet *s, size_t row) { return numbers_get(s->n, row, s->def->column); }

/* Networks as trained to the end, or flows, that have this number at all. */
static void find_subjects(sheet *s) {
  for (size_t row = 0; row < s->n->t.rows && s->count < MOST_SUBJECTS; row++) {
    const char *model = numbers_text(s->n, row, NUMBER_MODEL);
    bool flow = numbers_get(s->n, row, NUMBER_FLOW) > 0, known = false;
    if (!study_is_own(s->n, row) || flow != s->flow || !isfinite(value_at(s, row))) continue;
    if (!flow && !str_equal(model, numbers_text(s->n, row, NUMBER_SERIES))) continue;
    for (size_t k = 0; k < s->count; k++) known = known || str_equal(subject(s, k), model);
    if (!known) s->first[s->count++] = row;
  }
}

static bool belongs(const sheet *s, size_t row, size_t k) {
  return str_equal(numbers_text(s->n, row, NUMBER_MODEL), subject(s, k));
}

static const claim_verdict *verdict_of(const sheet *s, size_t k) {
  for (size_t i = 0; i < s->v->count && s->def->effect; i++) {
    const verdict_row *row = &s->v->rows[i];
    if (row->group == VERDICT_PRIMARY && str_equal(row->claim->name, s->def->claim) &&
        str_equal(row->model, subject(s, k)))
      return &row->v;
  }
  return NULL;
}

/* ---- the axis ---- */

static void include(sheet *s, double x) {
  if (!isfinite(x)) return;
  s->low = fmin(s->low, x), s->high = fmax(s->high, x);
}

static void find_range(sheet *s) {
  s->low = INFINITY, s->high = -INFINITY;
  for (size_t k = 0; k < s->count; k++) {
    const claim_verdict *x = verdict_of(s, k);
    if (x != NULL) include(s, x->effect), include(s, x->interval.low), include(s, x->interval.high);
    for (size_t row = 0; row < s->n->t.rows; row++) {
      if (belongs(s, row, k) && study_is_own(s->n, row)) include(s, value_at(s, row));
    }
  }
  include(s, 0);
  for (size_t k = 0; k < 2; k++) include(s, s->margins[k]);
  if (s->def->whole) include(s, 1);
}

static void find_margins(sheet *s) {
  const claim_thresholds t = claim_thresholds_default();
  rules r = {.all = &t, .claim = s->def->claim, .flow = s->flow};
  for (size_t k = 0; k < 2; k++) {
    s->margins[k] = s->def->margins[k] != NULL ? rule(&r, s->def->margins[k]) : NAN;
    if (s->def->by_logarithm) s->margins[k] = log(s->margins[k]);
  }
}

static void make_axis(sheet *s) {
  double widest = 60;
  for (size_t k = 0; k < s->count; k++) widest = fmax(widest, svg_text_width(subject(s, k), 11.5));
  s->left = fmin(widest, 170) + 14;
  s->x = scale_make(SCALE_LINEAR, s->low, s->high);
  scale_widen(&s->x, 10);
  s->x.from = s->left;
  s->x.to = WIDTH - 16;
}

/* ---- drawing ---- */

static void draw_frame(const sheet *s, strbuf *out) {
  double bottom = TOP + ROW * (double)s->count;
  tick ticks[SCALE_MAX_TICKS];
  size_t n = scale_ticks(&s->x, 6, ticks);
  for (size_t i = 0; i < n; i++) {
    if (ticks[i].minor) continue;
    svg_line(out, "grid", ticks[i].at, TOP - 8, ticks[i].at, bottom);
    svg_text(out, "num", ticks[i].at, bottom + 16, 'm', ticks[i].label);
  }
  svg_line(out, "axis", s->x.from, bottom, s->x.to, bottom);
  svg_text(out, "lab", s->x.to, bottom + 34, 'e', s->def->label);
  for (size_t k = 0; k < 2; k++) {
    char label[64], number[32];
    if (!isfinite(s->margins[k])) continue;
    double at = scale_at(&s->x, s->margins[k]);
    svg_line(out, "mark dash", at, TOP - 8, at, bottom);
    double shown = s->def->by_logarithm ? exp(s->margins[k]) : s->margins[k];
    snprintf(label, sizeof label, s->def->by_logarithm ? "ln %s" : "%s", scale_label(shown, 3, number, sizeof number));
    svg_text(out, "note", at, TOP - 14, 'm', label);
  }
}

static void draw_dot(const sheet *s, size_t row, size_t index, double y, strbuf *out) {
  char digits[NUMBER_SIZE];
  double x = value_at(s, row);
  if (!isfinite(x)) return;
  strbuf_printf(out, "<circle class=\"dot %s\" r=\"3.4\" cx=\"", s->flow ? "fc1" : "fc0");
  svg_number(out, scale_at(&s->x, x));
  strbuf_puts(out, "\" cy=\"");
  svg_number(out, y + 2.6 * ((double)(index * 2 % 5) - 2)); /* apart, so that equal values show */
  strbuf_printf(out, "\" data-value=\"%s\"><title>", number_format(x, digits));
  html_text(out, numbers_text(s->n, row, NUMBER_TEXT));
  strbuf_printf(out, ": %.4g</title></circle>\n", x);
}

static void draw_ring(const sheet *s, double x, double y, const char *what, size_t index, strbuf *out) {
  if (!isfinite(x) || x < s->x.low || x > s->x.high) return;
  strbuf_puts(out, "<circle class=\"ring sc6\" r=\"2.6\" cx=\"");
  svg_number(out, scale_at(&s->x, x));
  strbuf_puts(out, "\" cy=\"");
  svg_number(out, y);
  strbuf_printf(out, "\"><title>%s %zu: %.4g</title></circle>\n", what, index, x);
}

/* Random networks, one ring each (its mean over the texts); of a flow its starts at beta 0. */
static void draw_controls(const sheet *s, size_t k, double y, strbuf *out) {
  if (!s->flow) {
    for (size_t seed = 1; seed <= MOST_SEEDS; seed++)
      draw_ring(s, sample_average(s->n, subject(s, k), "random", (double)seed, s->def->column), y, "random network",
                seed, out);
    return;
  }
  for (size_t row = 0, index = 0; row < s->n->t.rows; row++) {
    if (belongs(s, row, k) && str_equal(numbers_text(s->n, row, NUMBER_VARIANT), "beta0") && !s->def->whole)
      draw_ring(s, value_at(s, row), y, "at β = 0, start", index++, out);
  }
}

static void draw_effect(const sheet *s, size_t k, double y, strbuf *out) {
  const claim_verdict *x = verdict_of(s, k);
  if (x == NULL || !isfinite(x->effect)) return;
  double low = isfinite(x->interval.low) ? x->interval.low : s->x.low;
  double high = isfinite(x->interval.high) ? x->interval.high : s->x.high;
  svg_line(out, "effect", scale_at(&s->x, low), y, scale_at(&s->x, high), y);
  strbuf_puts(out, "<path class=\"mean\" d=\"M");
  svg_number(out, scale_at(&s->x, x->effect));
  strbuf_putc(out, ' ');
  svg_number(out, y - 6);
  strbuf_printf(out, "l6 6l-6 6l-6 -6Z\"><title>effect %.4g</title></path>\n", x->effect);
}

static void draw_subject(const sheet *s, size_t k, strbuf *out) {
  double y = TOP + ROW * (double)k + 14;
  char name[200];
  snprintf(name, sizeof name, "%s", subject(s, k));
  svg_fit(name, 11.5, 172);
  svg_text(out, "lab", s->left - 10, y + 4, 'e', name);
  const claim_verdict *x = verdict_of(s, k);
  bool dots = !s->def->whole || x == NULL || !isfinite(x->effect); /* else the share says it all */
  for (size_t row = 0, index = 0; row < s->n->t.rows && dots; row++) {
    if (belongs(s, row, k) && study_is_own(s->n, row)) draw_dot(s, row, index++, y, out);
  }
  draw_effect(s, k, y, out);
  draw_controls(s, k, y + 17, out);
}

/* ---- the matrix ---- */

static void matrix_cell(const sheet *s, double x, strbuf *out) {
  char digits[NUMBER_SIZE];
  if (!isfinite(x)) {
    strbuf_puts(out, "<td class=\"n\" data-value=\"\">–</td>");
    return;
  }
  int level = colour_level((x - s->low) / (s->high - s->low));
  strbuf_printf(out, "<td class=\"n\" style=\"background:var(--m%d)%s\" data-value=\"%s\">%.3g</td>", level,
                level >= COLOUR_LEVELS / 2 ? ";color:var(--page)" : "", number_format(x, digits), x);
}

static size_t row_of(const sheet *s, size_t k, const char *text) {
  for (size_t row = 0; row < s->n->t.rows; row++) {
    if (belongs(s, row, k) && study_is_own(s->n, row) && str_equal(numbers_text(s->n, row, NUMBER_TEXT), text))
      return row;
  }
  return SIZE_MAX;
}

/* Is the text of a row there in a subject before `k`? */
static bool shown_before(const sheet *s, size_t k, const char *text) {
  for (size_t other = 0; other < k; other++) {
    if (row_of(s, other, text) != SIZE_MAX) return true;
  }
  return false;
}

static void draw_matrix(const sheet *s, strbuf *out) {
  strbuf_printf(out,
                "<details class=\"matrix\"><summary>%s by %s</summary><div class=\"wide\" tabindex=\"0\"><table "
                "class=\"numbers\">",
                s->flow ? "start" : "text", s->flow ? "start" : "text");
  strbuf_printf(out, "<thead><tr><th scope=\"col\">%s</th>", s->flow ? "start" : "text");
  for (size_t k = 0; k < s->count; k++) {
    strbuf_puts(out, "<th scope=\"col\">");
    html_text(out, subject(s, k));
    strbuf_puts(out, "</th>");
  }
  strbuf_puts(out, "</tr></thead><tbody>\n");
  for (size_t k = 0; k < s->count; k++) {
    for (size_t row = 0; row < s->n->t.rows; row++) {
      const char *text = numbers_text(s->n, row, NUMBER_TEXT);
      if (!belongs(s, row, k) || !study_is_own(s->n, row) || shown_before(s, k, text)) continue;
      strbuf_puts(out, "<tr><th scope=\"row\">");
      html_text(out, text);
      strbuf_puts(out, "</th>");
      for (size_t c = 0; c < s->count; c++) {
        size_t own = row_of(s, c, text);
        matrix_cell(s, own != SIZE_MAX ? value_at(s, own) : NAN, out);
      }
      strbuf_puts(out, "</tr>\n");
    }
  }
  strbuf_puts(out, "</tbody></table></div></details>");
}

/* ---- the figure ---- */

static void draw(const strip *def, const numbers *n, const verdicts *v, bool flow, strbuf *out) {
  sheet s = {.def = def, .n = n, .v = v, .flow = flow};
  char id[48], plot_id[56], heading[128], source[256];
  find_subjects(&s);
  if (s.count == 0) {
    strbuf_printf(out, "<p class=\"absent\">%s: no %s here has this number.</p>\n", def->claim,
                  flow ? "idealised flow" : "trained network");
    return;
  }
  find_margins(&s);
  find_range(&s);
  make_axis(&s);
  snprintf(id, sizeof id, "%s-%s", def->id, flow ? "flows" : "networks");
  snprintf(plot_id, sizeof plot_id, "strip-%s", id);
  snprintf(heading, sizeof heading, "%s: %s, %s", def->claim, def->heading,
           flow ? "in the idealised flow" : "in trained networks");
  figure_open(out, id, heading, def->text, NULL);
  strbuf axis = {0};
  strbuf_puts(&axis, "data-strip=\"1\"");
  svg_attribute_number(&axis, "data-x-low", s.x.low), svg_attribute_number(&axis, "data-x-high", s.x.high);
  svg_attribute_number(&axis, "data-x-from", s.x.from), svg_attribute_number(&axis, "data-x-to", s.x.to);
  svg_open(out, plot_id, WIDTH, TOP + ROW * (double)s.count + BOTTOM, heading, def->text, axis.data);
  if (axis.failed) out->failed = true;
  strbuf_free(&axis);
  draw_frame(&s, out);
  for (size_t k = 0; k < s.count; k++) draw_subject(&s, k, out);
  svg_close(out);
  draw_matrix(&s, out);
  snprintf(source, sizeof source, "numbers.csv: <code>%s</code>%s", number_columns[def->column].name,
           def->effect ? "; verdicts.csv: <code>effect</code>, <code>lo</code>, <code>hi</code>" : "");
  figure_close(out, source);
}

dwell_status study_strips(const numbers *n, const verdicts *v, strbuf *out, dwell_error *err) {
  strbuf inside = {0};
  for (size_t i = 0; i < sizeof strips / sizeof strips[0]; i++) {
    for (int flow = 0; flow < 2; flow++) draw(&strips[i], n, v, flow == 1, &inside);
  }
  if (inside.length > 0) {
    section_open(
        out, "strips", "Text by text, theory beside networks",
        "Each dot is one text (of a flow: one start). The diamond is the verdict's effect, the bar its interval at "
        "95 %. Small rings below: random networks of the same shape, one each, averaged over the texts (of a flow: "
        "its starts at β = 0). Dashed: the margins of the rule. Every figure has its own axis.");
    strbuf_puts(out, "<div class=\"grid\">\n");
    strbuf_add(out, inside.data, inside.length);
    strbuf_puts(out, "</div>\n");
    section_close(out);
  }
  dwell_status status = inside.failed ? error_no_memory(err, "the page") : DWELL_OK;
  strbuf_free(&inside);
  return status;
}
