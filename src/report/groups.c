/* report/groups.c - which tokens are in a cluster together, state by state: the clusters by identity, and their rows.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "detect/detect.h"
#include "draw/colour.h"
#include "draw/svg.h"
#include "report/figures.h"
#include "report/groups.h"

enum { NAMED = 96, NAME_HEIGHT = 11, TALL = 560, LEFT = 92, TOP = 8, BOTTOM = 34, WIDEST = 34, WIDE = 620 };

/* ---- clusters ---- */

static dwell_status read_keep(const view *v, groups *g, dwell_error *err) {
  size_t rank, shape[4];
  dwell_status status = run_read_array(v->run, "keep", &g->keep, &rank, shape, err);
  if (status == DWELL_OK && g->keep != NULL && (rank != 1 || shape[0] != g->n)) mem_free(g->keep), g->keep = NULL;
  return status;
}

/* The first colour that no earlier cluster has that lives at the same time; else one after the other. */
static dwell_status choose_colours(const tracking *t, groups *g, dwell_error *err) {
  g->colours = MEM_NEW(uint8_t, t->life_count);
  if (g->colours == NULL) return error_no_memory(err, "the clusters of a page");
  g->identities = t->life_count;
  for (size_t k = 0; k < t->life_count; k++) {
    bool used[GROUPS_COLOURS] = {false};
    for (size_t j = 0; j < k; j++) {
      if (t->lives[j].last + 1 >= t->lives[k].born && t->lives[j].born <= t->lives[k].last + 1)
        used[g->colours[j]] = true;
    }
    uint8_t colour = 0;
    while (colour < GROUPS_COLOURS && used[colour]) colour++;
    g->colours[k] = colour < GROUPS_COLOURS ? colour : (uint8_t)(k % GROUPS_COLOURS);
  }
  return DWELL_OK;
}

dwell_status groups_open(const view *v, groups *ret_groups, dwell_error *err) {
  double *labels = NULL;
  size_t rank, shape[4];
  groups *g = ret_groups;
  tracking tracks = {0};
  dwell_status status = DWELL_OK;
  *g = (groups){0};
  TRY(run_read_array(v->run, "labels", &labels, &rank, shape, err));
  if (labels == NULL || rank < 2) goto done;
  size_t states = shape[rank - 2], n = shape[rank - 1], count = states * n;
  if (states < v->states.steps) goto done;
  g->n = n;
  TRY(read_keep(v, g, err));
  TRY_ALLOC(g->labels = MEM_NEW(int32_t, count), "the clusters of a page");
  for (size_t i = 0; i < count; i++) {
    g->labels[i] = labels[i] >= 0 && labels[i] < (double)n ? (int32_t)labels[i] : -1;
    g->any = g->any || g->labels[i] >= 0;
  }
  for (size_t i = 0; i < n; i++) g->shown += g->keep == NULL || g->keep[i] > 0;
  TRY(detect_tracking(g->labels, states, n, &tracks, err));
  TRY(choose_colours(&tracks, g, err));
  g->ids = tracks.ids, tracks.ids = NULL;
  g->states = states;
done:
  tracking_free(&tracks);
  mem_free(labels);
  return status;
}

void groups_close(groups *g) {
  mem_free(g->ids);
  mem_free(g->colours);
  mem_free(g->labels);
  mem_free(g->keep);
  *g = (groups){0};
}

bool groups_stand_out(const view *v, size_t state) {
  return state < v->states.steps && view_number(v->states.t, v->states.rows[state], "cluster_T_p") <= 0.05;
}

static bool is_shown(const groups *g, size_t token) { return g->keep == NULL || g->keep[token] > 0; }

/* ---- drawing ---- */

typedef struct layout {
  double cell, row, width, height; /* of a state's column, of a token's row, of the picture */
} layout;

static layout make_layout(const groups *g) {
  layout l;
  l.cell = fmin(WIDEST, (double)WIDE / (double)g->states);
  l.row = g->shown <= NAMED ? NAME_HEIGHT : fmax(1.2, (double)TALL / (double)g->shown);
  l.width = LEFT + l.cell * (double)g->states + 16;
  l.height = TOP + l.row * (double)g->shown + BOTTOM;
  return l;
}

/* A rectangle as a piece of a path: thousands of elements would be several megabytes. */
static void add_run(const layout *l, size_t state, size_t first, size_t end, strbuf *path) {
  double width = l->cell - 2, height = l->row * (double)(end - first) - (l->row > 4 ? 1 : 0);
  strbuf_putc(path, 'M');
  svg_number(path, LEFT + l->cell * (double)state + 1);
  strbuf_putc(path, ' ');
  svg_number(path, TOP + l->row * (double)first);
  strbuf_putc(path, 'h');
  svg_number(path, width);
  strbuf_putc(path, 'v');
  svg_number(path, height);
  strbuf_putc(path, 'h');
  svg_number(path, -width);
  strbuf_putc(path, 'z');
}

/* The clusters of one colour; tokens of one identity that follow each other are one rectangle. */
static void draw_colour(const groups *g, const layout *l, size_t state, int32_t colour, strbuf *out) {
  const int32_t *ids = g->ids + state * g->n;
  strbuf path = {0};
  size_t row = 0, first = 0;
  int32_t open = -1;
  for (size_t i = 0; i <= g->n; i++) {
    if (i < g->n && !is_shown(g, i)) continue;
    int32_t id = i < g->n ? ids[i] : -1;
    if (id != open && open >= 0 && groups_colour(g, open) == colour) add_run(l, state, first, row, &path);
    if (id != open) first = row, open = id;
    row++;
  }
  if (path.length > 0) strbuf_printf(out, "<path class=\"bar fc%d\" d=\"%s\"/>\n", colour, path.data);
  if (path.failed) out->failed = true;
  strbuf_free(&path);
}

/* One column, pale where chance gives as much. */
static void draw_state(const view *v, const groups *g, const layout *l, size_t state, strbuf *out) {
  svg_group(out, groups_stand_out(v, state) ? "clusters" : "clusters pale");
  for (int32_t colour = 0; colour < GROUPS_COLOURS; colour++) draw_colour(g, l, state, colour, out);
  svg_end(out);
}

static void draw_names(const view *v, const groups *g, const layout *l, strbuf *out) {
  json_t *tokens = json_object_get(v->manifest, "tokens");
  size_t row = 0;
  for (size_t i = 0; i < g->n && g->shown <= NAMED; i++) {
    char number[24];
    if (!is_shown(g, i)) continue;
    const char *piece = json_string_value(json_object_get(json_array_get(tokens, i), "piece"));
    snprintf(number, sizeof number, "%zu", i);
    char text[64];
    if (piece == NULL) piece = number;
    str_display(text, sizeof text, piece, strlen(piece));
    svg_fit(text, 10, LEFT - 10);
    svg_text(out, "note", LEFT - 6, TOP + l->row * (double)row + 8.5, 'e', text);
    row++;
  }
}

static void draw_axis(const view *v, const groups *g, const layout *l, strbuf *out) {
  size_t every = 1 + (size_t)(24 / l->cell);
  double y = TOP + l->row * (double)g->shown;
  for (size_t s = 0; s < g->states; s += every) {
    char text[32];
    svg_text(out, "note", LEFT + l->cell * ((double)s + 0.5), y + 13, 'm', view_state_label(v, s, text, sizeof text));
  }
  svg_text(out, "lab", LEFT + l->cell * (double)g->states / 2, y + 29, 'm', v->is_flow ? "time" : "state l");
}

static void draw(const view *v, const groups *g, strbuf *out) {
  layout l = make_layout(g);
  figure_open(out, "groups", "Clusters of tokens",
              "One row per measured token, in the order of the text; one column per state. Tokens of one colour are in "
              "one cluster, and a cluster keeps its colour while it keeps its identity; white: in no cluster. Pale "
              "columns: a structureless cloud of the same mean and spectrum gives as much (p > 0.05), or there is no "
              "such test.",
              "labels");
  svg_open(out, "groups", l.width, l.height, "Clusters of tokens", "Tokens by state, coloured by cluster",
           "style=\"max-width:760px\"");
  for (size_t s = 0; s < g->states && s < v->states.steps; s++) draw_state(v, g, &l, s, out);
  draw_names(v, g, &l, out);
  draw_axis(v, g, &l, out);
  svg_close(out);
  figure_close(out, "arrays.npz: <code>labels</code>; layers.csv: <code>cluster_T_p</code>");
}

dwell_status figures_groups(const view *v, const groups *g, strbuf *out, dwell_error *err) {
  dwell_status status = DWELL_OK;
  strbuf inside = {0};
  if (g->any) {
    status = figures_alluvial(v, g, &inside, err);
    if (status == DWELL_OK) draw(v, g, &inside);
  }
  if (status == DWELL_OK) status = figures_tree(v, &inside, err);
  if (status == DWELL_OK && inside.length > 0) {
    section_open(out, "groups", "Clusters", "Which tokens belong together, and for how long.");
    strbuf_add(out, inside.data, inside.length);
    section_close(out);
  }
  if (inside.failed) out->failed = true;
  strbuf_free(&inside);
  return status;
}
