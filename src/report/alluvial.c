/* report/alluvial.c - how clusters pass their tokens on: a column of blocks for each state, ribbons between them. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "draw/colour.h"
#include "draw/svg.h"
#include "report/figures.h"

enum { MOST_COLUMNS = 25, LEFT = 14, TOP = 14, WIDE = 1030, TALL = 300, GAP = 4, BLOCK = 12, BOTTOM = 36 };

/* A cluster at one state; its tokens at the next are ribbons. */
typedef struct block {
  int32_t id;         /* -1: in no cluster */
  double size, order; /* tokens; where it would like to stand, the mean of `known` tokens */
  double known;
  double y, out, in; /* pixels: top, and how far ribbons have used it */
} block;

typedef struct column {
  size_t state, count;
  double x;
  block *blocks; /* from the top; tokens in no cluster last */
} column;

typedef struct alluvial {
  const groups *g;
  size_t count;
  column columns[MOST_COLUMNS];
  double unit; /* pixels of a token */
} alluvial;

static bool counts(const groups *g, size_t token) { return g->keep == NULL || g->keep[token] > 0; }

static block *block_of(const column *c, int32_t id) {
  for (size_t k = 0; k < c->count; k++) {
    if (c->blocks[k].id == id) return &c->blocks[k];
  }
  return NULL;
}

/* The blocks of a state; each would like to stand where its tokens came from, in the mean. */
static dwell_status fill_column(const groups *g, const column *before, column *c, dwell_error *err) {
  size_t capacity = 0;
  for (size_t i = 0; i < g->n; i++) {
    if (!counts(g, i)) continue;
    int32_t id = groups_identity(g, c->state, i);
    block *b = block_of(c, id);
    if (b == NULL) {
      block *blocks = mem_room(c->blocks, c->count, &capacity, 8, sizeof *blocks);
      if (blocks == NULL) return error_no_memory(err, "the clusters of a page");
      c->blocks = blocks;
      b = &blocks[c->count++];
      *b = (block){.id = id};
    }
    const block *from = before != NULL ? block_of(before, groups_identity(g, before->state, i)) : NULL;
    b->size++;
    if (before != NULL && (from == NULL || from->id < 0)) continue; /* tokens from no cluster are everywhere */
    b->order += from != NULL ? from->y + from->size / 2 : (double)i;
    b->known++;
  }
  for (size_t k = 0; k < c->count; k++) {
    block *b = &c->blocks[k];
    b->order = b->id < 0 ? INFINITY : b->known > 0 ? b->order / b->known : (double)g->n;
  }
  return DWELL_OK;
}

/* From the top in the order they would like; few, so that insertion will do. y in tokens until they are placed. */
static void sort_column(column *c) {
  for (size_t k = 1; k < c->count; k++) {
    block b = c->blocks[k];
    size_t at = k;
    for (; at > 0 &&
           (c->blocks[at - 1].order > b.order || (c->blocks[at - 1].order == b.order && c->blocks[at - 1].id > b.id));
         at--)
      c->blocks[at] = c->blocks[at - 1];
    c->blocks[at] = b;
  }
  double y = 0;
  for (size_t k = 0; k < c->count; k++) c->blocks[k].y = y, y += c->blocks[k].size;
}

static dwell_status make(const groups *g, size_t states, alluvial *a, dwell_error *err) {
  size_t most = 0;
  *a = (alluvial){.g = g, .count = states < MOST_COLUMNS ? states : MOST_COLUMNS};
  for (size_t k = 0; k < a->count; k++) {
    column *c = &a->columns[k];
    c->state = a->count > 1 ? k * (states - 1) / (a->count - 1) : 0;
    c->x = LEFT + (a->count > 1 ? (double)k * (WIDE - BLOCK) / (double)(a->count - 1) : 0);
    dwell_status status = fill_column(g, k > 0 ? c - 1 : NULL, c, err);
    if (status != DWELL_OK) return status;
    sort_column(c);
    most = c->count > most ? c->count : most;
  }
  double gaps = GAP * (double)(most > 1 ? most - 1 : 0);
  a->unit = fmax(0.05, (TALL - gaps)) / (double)(g->shown > 0 ? g->shown : 1);
  for (size_t k = 0; k < a->count; k++) {
    double y = TOP;
    for (size_t i = 0; i < a->columns[k].count; i++) {
      block *b = &a->columns[k].blocks[i];
      b->y = b->out = b->in = y;
      y += b->size * a->unit + GAP;
    }
  }
  return DWELL_OK;
}

static void release(alluvial *a) {
  for (size_t k = 0; k < a->count; k++) mem_free(a->columns[k].blocks);
}

static size_t shared(const groups *g, size_t state, int32_t id, size_t next, int32_t other) {
  size_t n = 0;
  for (size_t i = 0; i < g->n; i++) {
    n += counts(g, i) && groups_identity(g, state, i) == id && groups_identity(g, next, i) == other;
  }
  return n;
}

static void add_ribbon(strbuf *path, double x0, double x1, double y0, double y1, double height) {
  double middle = (x0 + x1) / 2;
  strbuf_printf(path, "M%.1f %.1fC%.1f %.1f %.1f %.1f %.1f %.1f", x0, y0, middle, y0, middle, y1, x1, y1);
  strbuf_printf(path, "v%.1fC%.1f %.1f %.1f %.1f %.1f %.1fZ", height, middle, y1 + height, middle, y0 + height, x0,
                y0 + height);
}

/* The ribbons that leave one block, in its colour. */
static void draw_ribbons(const alluvial *a, const column *c, block *from, column *to, strbuf *out) {
  strbuf path = {0};
  for (size_t k = 0; k < to->count; k++) {
    block *b = &to->blocks[k];
    size_t n = shared(a->g, c->state, from->id, to->state, b->id);
    if (n == 0) continue;
    double height = (double)n * a->unit;
    add_ribbon(&path, c->x + BLOCK, to->x, from->out, b->in, height);
    from->out += height, b->in += height;
  }
  if (path.length > 0 && from->id >= 0)
    strbuf_printf(out, "<path class=\"stream fc%d\" d=\"%s\"/>\n", groups_colour(a->g, from->id), path.data);
  else if (path.length > 0) strbuf_printf(out, "<path class=\"stream loose\" d=\"%s\"/>\n", path.data);
  if (path.failed) out->failed = true;
  strbuf_free(&path);
}

static void draw_block(const alluvial *a, const column *c, const block *b, strbuf *out) {
  char colour[8] = "loose";
  if (b->id >= 0) snprintf(colour, sizeof colour, "fc%d", groups_colour(a->g, b->id));
  strbuf_printf(out, "<rect class=\"lump %s\" x=\"%.1f\" y=\"%.1f\" width=\"%d\" height=\"%.1f\"", colour, c->x, b->y,
                BLOCK, fmax(0.6, b->size * a->unit));
  strbuf_printf(out, " data-id=\"%d\" data-size=\"%.0f\"/>\n", (int)b->id, b->size);
}

static void draw_columns(const view *v, alluvial *a, strbuf *out) {
  for (size_t k = 0; k + 1 < a->count; k++) {
    for (size_t i = 0; i < a->columns[k].count; i++)
      draw_ribbons(a, &a->columns[k], &a->columns[k].blocks[i], &a->columns[k + 1], out);
  }
  for (size_t k = 0; k < a->count; k++) {
    const column *c = &a->columns[k];
    char label[48];
    strbuf_printf(out, "<g class=\"lumps%s\" data-state=\"%zu\">\n", groups_stand_out(v, c->state) ? "" : " pale",
                  c->state);
    for (size_t i = 0; i < c->count; i++) draw_block(a, c, &c->blocks[i], out);
    svg_end(out);
    if (a->count <= 20 || k % 2 == 0)
      svg_text(out, "note", c->x + BLOCK / 2.0, TOP + TALL + 16, 'm',
               view_state_label(v, c->state, label, sizeof label));
  }
  svg_text(out, "lab", LEFT + WIDE, TOP + TALL + 32, 'e', v->label);
}

dwell_status figures_alluvial(const view *v, const groups *g, strbuf *out, dwell_error *err) {
  alluvial a;
  strbuf text = {0};
  dwell_status status = DWELL_OK;
  if (g->states < 2 || v->states.steps < 2) return DWELL_OK;
  TRY(make(g, v->states.steps, &a, err));
  strbuf_puts(&text,
              "One column per state, one block per cluster, as high as it has tokens; ribbons are the tokens that go "
              "from one to the "
              "next. Grey: in no cluster. Pale blocks: chance gives as much (p &gt; 0.05), or there is no such test.");
  if (a.count < v->states.steps) strbuf_printf(&text, " %zu of %zu states are drawn.", a.count, v->states.steps);
  if (text.failed) TRY(error_no_memory(err, "a figure"));
  figure_open(out, "alluvial", "How clusters form, split and merge", text.data, "alluvial");
  svg_open(out, "alluvial", LEFT + WIDE + 16, TOP + TALL + BOTTOM, "How clusters form, split and merge",
           "Clusters by state, with ribbons of the tokens that pass from one to the next", NULL);
  draw_columns(v, &a, out);
  svg_close(out);
  figure_close(out, "arrays.npz: <code>labels</code>; layers.csv: <code>cluster_T_p</code>");
done:
  release(&a);
  strbuf_free(&text);
  return status;
}
