/* report/attention.c - the attention of one head, token by token; the script shows the head that is asked for. */
#include "report/attention.h"

#include <math.h>
#include <stdio.h>

#include "base/error.h"
#include "base/mem.h"
#include "draw/colour.h"
#include "draw/svg.h"
#include "report/figures.h"

enum { MOST_CELLS = 700000, LEAST_SIDE = 8 };
enum { LEFT = 52, TOP = 44, FIELD = 420, WIDTH = 520, HEIGHT = TOP + FIELD + 40 };

/* ---- maps ---- */

static void pack(const double *maps, size_t side, attention *a) {
  for (size_t m = 0; m < a->blocks * a->heads * a->side * a->side; m++) {
    const double *map = maps + m / (a->side * a->side) * side * side;
    size_t q = m / a->side % a->side * a->factor, k = m % a->side * a->factor, rows = 0;
    double sum = 0;
    for (size_t i = q; i < q + a->factor && i < side; i++, rows++) {
      for (size_t j = k; j < k + a->factor && j < side; j++) sum += map[i * side + j];
    }
    double share = rows > 0 && sum > 0 ? fmin(sum / (double)rows, 1) : 0;
    a->bytes[m] = (unsigned char)lround(255 * sqrt(share));
  }
}

dwell_status attention_open(const view *v, attention *ret_attention, dwell_error *err) {
  double *maps = NULL;
  size_t rank, shape[4];
  attention *a = ret_attention;
  dwell_status status = DWELL_OK;
  *a = (attention){0};
  TRY(run_read_array(v->run, "attention_map", &maps, &rank, shape, err));
  if (maps == NULL || rank != 4 || shape[2] != shape[3] || shape[2] == 0 || shape[0] == 0 || shape[1] == 0) goto done;
  size_t count = shape[0] * shape[1], side = shape[2];
  a->factor = 1, a->side = a->runs = side;
  while (a->side > LEAST_SIDE && count * a->side * a->side > MOST_CELLS) {
    a->factor++;
    a->side = (side + a->factor - 1) / a->factor;
  }
  TRY_ALLOC(a->bytes = MEM_NEW(unsigned char, count * a->side * a->side), "the maps of attention");
  a->blocks = shape[0], a->heads = shape[1];
  const json_t *tokens = json_object_get(json_object_get(v->manifest, "source"), "tokens");
  a->tokens = json_integer_value(tokens) > 0 ? (size_t)json_integer_value(tokens) : side;
  pack(maps, side, a);
done:
  mem_free(maps);
  return status;
}

void attention_close(attention *a) {
  mem_free(a->bytes);
  *a = (attention){0};
}

/* ---- the figure ---- */

/* Cells of one level of the ramp as one path; the script draws other heads into the same ones. */
static void draw_cells(const attention *a, strbuf *out) {
  double cell = FIELD / (double)a->side;
  for (int level = 0; level < COLOUR_LEVELS; level++) {
    strbuf_printf(out, "<path class=\"bar fm%d cell\" d=\"", level);
    for (size_t m = 0; m < a->side * a->side; m++) {
      if (a->bytes[m] == 0 || colour_level(a->bytes[m] / 255.0) != level) continue;
      strbuf_printf(out, "M%.2f %.2fh%.2fv%.2fh-%.2fz", LEFT + cell * (double)(m % a->side),
                    TOP + cell * (double)(m / a->side), cell, cell, cell);
    }
    strbuf_puts(out, "\"/>\n");
  }
}

static void draw_axes(const attention *a, strbuf *out) {
  scale s = scale_make(SCALE_LINEAR, 0, (double)a->tokens);
  tick ticks[SCALE_MAX_TICKS];
  s.from = 0, s.to = FIELD;
  size_t n = scale_ticks_whole(&s, 6, ticks);
  for (size_t i = 0; i < n; i++) {
    svg_text(out, "num", LEFT + ticks[i].at, TOP + FIELD + 15, 'm', ticks[i].label);
    if (ticks[i].value > 0) svg_text(out, "num", LEFT - 6, TOP + ticks[i].at + 4, 'e', ticks[i].label);
  }
  svg_text(out, "lab", LEFT + FIELD, TOP + FIELD + 32, 'e', "key: the token attended to");
  svg_text(out, "lab", 4, TOP - 10, 's', "query");
  strbuf_printf(out, "<rect class=\"frame\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>\n", LEFT, TOP, FIELD, FIELD);
}

/* The ramp is even in the square root of the share. */
static void draw_bar(strbuf *out) {
  enum { BAR_LEFT = 312, BAR = 160, BAR_TOP = 8 };
  static const struct {
    double share;
    const char *label;
  } marks[] = {{0, "0"}, {0.04, "0.04"}, {0.25, "0.25"}, {1, "1"}};
  for (int i = 0; i < COLOUR_LEVELS; i++) {
    char classes[16];
    snprintf(classes, sizeof classes, "bar fm%d", i);
    svg_rect(out, classes, BAR_LEFT + BAR * i / (double)COLOUR_LEVELS, BAR_TOP, BAR / (double)COLOUR_LEVELS, 8);
  }
  for (size_t k = 0; k < sizeof marks / sizeof marks[0]; k++)
    svg_text(out, "note", BAR_LEFT + BAR * sqrt(marks[k].share), BAR_TOP + 19, 'm', marks[k].label);
  svg_text(out, "lab", BAR_LEFT - 10, BAR_TOP + 8, 'e', "share of the query’s attention");
}

static void controls(const view *v, const attention *a, strbuf *out) {
  size_t first = v->states.first;
  strbuf_printf(out,
                "<p class=\"pick\"><label>block <input id=\"block\" type=\"number\" min=\"%zu\" max=\"%zu\" "
                "value=\"%zu\"></label> <label>head <input id=\"head\" type=\"number\" min=\"0\" max=\"%zu\" "
                "value=\"0\"></label></p>\n",
                first, first + a->blocks - 1, first, a->heads - 1);
}

void figures_attention(const view *v, const attention *a, strbuf *out) {
  char text[320];
  if (a->blocks == 0) return;
  bool whole = a->tokens <= a->side;
  snprintf(text, sizeof text,
           "What each query attends to. Click a cell of any map to see that head, or choose it here. %s",
           whole ? "One cell for each pair of tokens."
                 : "A cell is the mean over some queries next to each other, of their "
                   "attention to some keys together.");
  figure_open(out, "h-attention", "The attention of a head", text, "attention");
  controls(v, a, out);
  svg_open(out, "attention", WIDTH, HEIGHT, "The attention of a head", "Queries by keys, darker for a larger share",
           "style=\"max-width:560px\"");
  draw_bar(out);
  draw_cells(a, out);
  draw_axes(a, out);
  svg_close(out);
  figure_close(out, "arrays.npz: <code>attention_map</code>, in steps of 1/255 of the square root");
}
