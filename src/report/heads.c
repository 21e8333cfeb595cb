/* report/heads.c - attention heads as maps. */
#include <math.h>

#include "base/error.h"
#include "base/mem.h"
#include "draw/ridge.h"
#include "report/figures.h"
#include "report/text.h"

typedef struct head_map {
  const char *id, *column, *heading, *text, *chance, *chance_label, *value_label; /* value_label NULL: a share */
} head_map;

static const head_map maps[] = {
    {"h-entropy", "entropy_norm", "Attention entropy",
     "Mean entropy of a head's rows over the largest possible (ln of the number of allowed keys): 1 spreads evenly, 0 "
     "picks one token.",
     NULL, NULL},
    {"h-sink", "sink", "Attention to the first token",
     "Mean weight on token 0. The mark on the colour bar is what even attention would put there.", "sink_uniform",
     "even"},
    {"h-spread", "tv_mean", "Do tokens read differently?",
     "Mean total variation between the rows of two queries: 0, all read the same mixture; 1, no key in common.", NULL,
     NULL},
    {"h-align", "align", "Attention within clusters",
     "Share of the attention between clustered tokens that stays within a cluster. The mark on the colour bar is what "
     "the "
     "first head would have with the labels shifted along the text.",
     "align_null_mean", "shifted"},
    {"h-self", "self_mass", "Attention to itself", "Mean weight of a token on itself.", NULL, NULL},
    {"h-previous", "previous", "Attention to the previous token", "Mean weight on the token before.", NULL, NULL},
    {"h-ov-attract", "ov_attract", "Does a head attract?",
     "Share of the symmetric part of what a head writes of what it reads (its OV map) that attracts tokens to what "
     "they "
     "attend to; the rest repels. From the weights alone; the mark on the colour bar is what random maps have.",
     "ov_attract_null_mean", "random"},
    {"h-ov-norm", "ov_norm", "Size of a head's map",
     "Largest singular value of the OV map: how much the head can write, whatever it reads.", NULL, NULL, "norm"},
    {"h-qk-attract", "qk_attract", "Does like attend to like?",
     "Share of the symmetric part of the form of a head's scores that is positive, from the weights alone. The mark on "
     "the colour bar is what random forms have.",
     "qk_attract_null_mean", "random"},
};

/* What of the table a map shows; replicas after the first are left to the csv. */
typedef struct head_range {
  size_t heads, first, blocks; /* blocks first .. first + blocks - 1 */
} head_range;

static bool range_of(const table *t, head_range *ret_range) {
  double heads = -1, blocks = -1, first = INFINITY;
  for (size_t row = 0; row < t->rows; row++) {
    heads = fmax(heads, view_number(t, row, "head"));
    blocks = fmax(blocks, view_number(t, row, "block"));
    first = fmin(first, view_number(t, row, "block"));
  }
  /* A map has a cell for every pair, so a sparse table with huge indices is not drawn. */
  if (heads < 0 || !(first >= 0) || (heads + 1) * (blocks - first + 1) > 4.0 * (double)t->rows + 64) return false;
  *ret_range = (head_range){(size_t)heads + 1, (size_t)first, (size_t)blocks - (size_t)first + 1};
  return true;
}

static bool fill_map(const table *t, const char *column, const head_range *r, double *values) {
  bool any = false;
  for (size_t i = 0; i < r->heads * r->blocks; i++) values[i] = NAN;
  for (size_t row = 0; row < t->rows; row++) {
    double head = view_number(t, row, "head"), block = view_number(t, row, "block");
    double replica = view_number(t, row, "replica"), value = view_number(t, row, column);
    if (!(head >= 0) || !(block >= 0) || replica > 0 || !isfinite(value)) continue;
    values[(size_t)head * r->blocks + (size_t)block - r->first] = value;
    any = true;
  }
  return any;
}

/* The top of the colours: 1, or less where that would leave the map in the lowest colours, or more. */
static double top_of(const double *values, size_t count) {
  double most = 0;
  for (size_t i = 0; i < count; i++) most = fmax(most, isfinite(values[i]) ? values[i] : 0);
  if ((most > 0.5 && most <= 1) || most <= 0) return 1;
  scale s = scale_make(SCALE_LINEAR, 0, most);
  scale_widen(&s, 4);
  return s.high;
}

static void draw_map(const table *t, const head_map *m, const head_range *r, const double *values, strbuf *out) {
  strbuf series = {0}, shown = {0};
  strbuf_printf(&series, "heads.%s", m->column);
  strbuf_printf(&shown, "heads:%s%s%s", m->column, m->chance != NULL ? "," : "", m->chance != NULL ? m->chance : "");
  figure_open(out, m->id, m->heading, m->text, shown.data);
  heat_draw(out, &(heat_figure){.id = m->column,
                                .title = m->heading,
                                .description = m->text,
                                .width = 520,
                                .rows = r->heads,
                                .columns = r->blocks,
                                .first_column = r->first,
                                .values = values,
                                .low = 0,
                                .high = top_of(values, r->heads * r->blocks),
                                .x_label = "block b",
                                .y_label = "head h",
                                .value_label = m->value_label != NULL ? m->value_label : "share",
                                .mark = m->chance != NULL ? view_number(t, 0, m->chance) : NAN,
                                .mark_label = m->chance_label,
                                .series = series.data});
  if (series.failed || shown.failed) out->failed = true;
  strbuf_free(&series);
  strbuf_free(&shown);
  strbuf source = {0};
  strbuf_printf(&source, "heads.csv: <code>%s</code>", m->column);
  if (m->chance != NULL) strbuf_printf(&source, ", <code>%s</code>", m->chance);
  if (source.failed) out->failed = true;
  figure_close(out, source.data != NULL ? source.data : "");
  strbuf_free(&source);
}

dwell_status figures_heads(const view *v, const attention *a, strbuf *out, dwell_error *err) {
  const table *t = run_table(v->run, "heads");
  head_range r;
  if (t == NULL || t->rows == 0 || !range_of(t, &r)) return DWELL_OK;
  double *values = MEM_NEW(double, r.heads *r.blocks);
  if (values == NULL) return error_no_memory(err, "a map of heads");
  section_open(
      out, "heads", "Attention heads",
      a->blocks > 0
          ? "One cell per head and block; darker (on a dark page: brighter) is more. Click a cell for the head's own "
            "attention."
          : "One cell per head and block; darker (on a dark page: brighter) is more. The attention of a head itself is "
            "in runs measured with <code>--save attention-map</code>.");
  strbuf_puts(out, "<div class=\"grid\">\n");
  figures_attention(v, a, out);
  for (size_t i = 0; i < sizeof maps / sizeof maps[0]; i++) {
    if (fill_map(t, maps[i].column, &r, values)) draw_map(t, &maps[i], &r, values, out);
  }
  strbuf_puts(out, "</div>\n");
  section_close(out);
  mem_free(values);
  return DWELL_OK;
}

/* ---- in a terminal ---- */

enum { TEXT_LABEL = 6, MOST_TEXT_HEADS = 64 };

/* A row of a map: as many characters per block as fit, at most three; a block without a value is blank. */
static void text_row(const double *row, size_t blocks, size_t each, double top, strbuf *out) {
  static const char *const shades[] = {"·", "░", "▒", "▓", "█"};
  enum { SHADES = sizeof shades / sizeof shades[0] };
  for (size_t b = 0; b < blocks; b++) {
    double part = fmax(0, fmin(row[b] / top, 1));
    size_t level = isfinite(row[b]) ? (size_t)(part * SHADES) : 0;
    text_repeat(out, isfinite(row[b]) ? shades[level < SHADES ? level : SHADES - 1] : " ", each);
  }
  strbuf_puts(out, "\n");
}

static void text_map(const table *t, const head_map *m, const head_range *r, const double *values, size_t width,
                     strbuf *out) {
  double top = top_of(values, r->heads * r->blocks), chance = m->chance != NULL ? view_number(t, 0, m->chance) : NAN;
  size_t room = width - TEXT_LABEL, shown = r->blocks < room ? r->blocks : room, each = room / shown;
  char number[32];
  strbuf_printf(out, "\n%s (%s): · 0 to █ %s", m->heading, m->value_label != NULL ? m->value_label : "share",
                text_number(top, number));
  if (isfinite(chance)) strbuf_printf(out, "; %s %s", m->chance_label, text_number(chance, number));
  strbuf_puts(out, "\n");
  for (size_t h = 0; h < r->heads && h < MOST_TEXT_HEADS; h++) {
    strbuf_printf(out, "%*zu ", TEXT_LABEL - 1, h);
    text_row(values + h * r->blocks, shown, each < 3 ? each : 3, top, out);
  }
  strbuf_printf(out, "%*s%zu", TEXT_LABEL, "", r->first);
  if (shown > 1) strbuf_printf(out, " to %zu", r->first + shown - 1);
  strbuf_puts(out, "  block; one row per head\n");
  if (shown < r->blocks || r->heads > MOST_TEXT_HEADS) strbuf_puts(out, "      (the rest is in heads.csv)\n");
}

dwell_status heads_text(const view *v, size_t width, strbuf *out, dwell_error *err) {
  const table *t = run_table(v->run, "heads");
  head_range r;
  if (t == NULL || t->rows == 0 || !range_of(t, &r)) return DWELL_OK;
  double *values = MEM_NEW(double, r.heads *r.blocks);
  if (values == NULL) return error_no_memory(err, "a map of heads");
  for (size_t i = 0; i < sizeof maps / sizeof maps[0]; i++) {
    if (fill_map(t, maps[i].column, &r, values)) text_map(t, &maps[i], &r, values, width, out);
  }
  mem_free(values);
  return DWELL_OK;
}
