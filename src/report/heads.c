/* report/heads.c - attention heads as maps. */
#include <math.h>

#include "base/error.h"
#include "base/mem.h"
#include "draw/ridge.h"
#include "report/figures.h"

typedef struct head_map {
  const char *id, *column, *heading, *text, *chance, *chance_label;
} head_map;

static const head_map maps[] = {
    {"h-entropy", "entropy_norm", "Attention entropy",
     "Mean entropy of a head's rows over the largest possible (ln of the number of allowed keys): 1 spreads evenly, 0 "
     "picks one token.",
     NULL, NULL},
    {"h-sink", "sink", "Attention to the first token",
     "Mean weight on token 0. The mark on the colour bar is what even attention would put there.", "sink_uniform",
     "even"},
    {"h-self", "self_mass", "Attention to itself", "Mean weight of a token on itself.", NULL, NULL},
    {"h-previous", "previous", "Attention to the previous token", "Mean weight on the token before.", NULL, NULL},
};

/* Largest block and head of the table; replicas after the first are left to the csv. */
static bool size_of_heads(const table *t, size_t *ret_heads, size_t *ret_blocks) {
  double heads = -1, blocks = -1;
  for (size_t row = 0; row < t->rows; row++) {
    heads = fmax(heads, view_number(t, row, "head"));
    blocks = fmax(blocks, view_number(t, row, "block"));
  }
  /* A map has a cell for every pair, so a sparse table with huge indices is not drawn. */
  if (heads < 0 || blocks < 0 || (heads + 1) * (blocks + 1) > 4.0 * (double)t->rows + 64) return false;
  *ret_heads = (size_t)heads + 1;
  *ret_blocks = (size_t)blocks + 1;
  return true;
}

static bool fill_map(const table *t, const char *column, size_t heads, size_t blocks, double *values) {
  bool any = false;
  for (size_t i = 0; i < heads * blocks; i++) values[i] = NAN;
  for (size_t row = 0; row < t->rows; row++) {
    double head = view_number(t, row, "head"), block = view_number(t, row, "block");
    double replica = view_number(t, row, "replica"), value = view_number(t, row, column);
    if (!(head >= 0) || !(block >= 0) || replica > 0 || !isfinite(value)) continue;
    values[(size_t)head * blocks + (size_t)block] = value;
    any = true;
  }
  return any;
}

/* The top of the colours: 1, or less where that would leave the map in the lowest colours. */
static double top_of(const double *values, size_t count) {
  double most = 0;
  for (size_t i = 0; i < count; i++) most = fmax(most, isfinite(values[i]) ? values[i] : 0);
  if (most > 0.5 || most <= 0) return 1;
  scale s = scale_make(SCALE_LINEAR, 0, most);
  scale_widen(&s, 4);
  return s.high;
}

static void draw_map(const table *t, const head_map *m, size_t heads, size_t blocks, const double *values,
                     strbuf *out) {
  strbuf series = {0};
  strbuf_printf(&series, "heads.%s", m->column);
  figure_open(out, m->id, m->heading, m->text);
  heat_draw(out, &(heat_figure){.id = m->column,
                                .title = m->heading,
                                .description = m->text,
                                .width = 520,
                                .rows = heads,
                                .columns = blocks,
                                .values = values,
                                .low = 0,
                                .high = top_of(values, heads * blocks),
                                .x_label = "block b",
                                .y_label = "head h",
                                .value_label = "share",
                                .mark = m->chance != NULL ? view_number(t, 0, m->chance) : NAN,
                                .mark_label = m->chance_label,
                                .series = series.data});
  if (series.failed) out->failed = true;
  strbuf_free(&series);
  strbuf source = {0};
  strbuf_printf(&source, "heads.csv: <code>%s</code>", m->column);
  if (m->chance != NULL) strbuf_printf(&source, ", <code>%s</code>", m->chance);
  if (source.failed) out->failed = true;
  figure_close(out, source.data != NULL ? source.data : "");
  strbuf_free(&source);
}

dwell_status figures_heads(const view *v, strbuf *out, dwell_error *err) {
  const table *t = run_table(v->run, "heads");
  size_t heads, blocks;
  if (t == NULL || t->rows == 0 || !size_of_heads(t, &heads, &blocks)) return DWELL_OK;
  double *values = MEM_NEW(double, heads *blocks);
  if (values == NULL) return error_no_memory(err, "a map of heads");
  section_open(out, "heads", "Attention heads",
               "One cell per head and block; darker (on a dark page: brighter) is more.");
  strbuf_puts(out, "<div class=\"grid\">\n");
  for (size_t i = 0; i < sizeof maps / sizeof maps[0]; i++) {
    if (fill_map(t, maps[i].column, heads, blocks, values)) draw_map(t, &maps[i], heads, blocks, values, out);
  }
  strbuf_puts(out, "</div>\n");
  section_close(out);
  mem_free(values);
  return DWELL_OK;
}
