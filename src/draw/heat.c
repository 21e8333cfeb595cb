/* draw/heat.c - matrices as coloured cells. */
#include <math.h>
#include <stdio.h>

#include "draw/colour.h"
#include "draw/ridge.h"

typedef struct heat_layout {
  double left, top, cell_width, cell_height, bottom, right;
  double bar_top, bar_left, bar_right;
} heat_layout;

static heat_layout heat_layout_of(const heat_figure *f) {
  heat_layout l = {.left = 42, .top = 56, .right = f->width - 10};
  l.cell_width = (l.right - l.left) / (double)f->columns;
  l.cell_height = fmin(l.cell_width, fmax(8, 300 / (double)f->rows));
  l.bottom = l.top + l.cell_height * (double)f->rows;
  l.bar_top = 14;
  l.bar_right = l.right;
  l.bar_left = l.right - 150;
  return l;
}

static int level_of(const heat_figure *f, double value) { return colour_level((value - f->low) / (f->high - f->low)); }

static void heat_cells(strbuf *out, const heat_figure *f, const heat_layout *l) {
  double gap = l->cell_width > 12 ? 1 : 0;
  strbuf_puts(out, "<g class=\"cells\"");
  if (f->series != NULL) svg_attribute(out, "data-series", f->series);
  strbuf_puts(out, ">\n");
  for (size_t r = 0; r < f->rows; r++) {
    for (size_t c = 0; c < f->columns; c++) {
      double value = f->values[r * f->columns + c];
      if (!isfinite(value)) continue;
      char classes[16];
      snprintf(classes, sizeof classes, "fm%d", level_of(f, value));
      svg_rect(out, classes, l->left + l->cell_width * (double)c, l->bottom - l->cell_height * (double)(r + 1),
               l->cell_width - gap, l->cell_height - gap);
    }
  }
  svg_end(out);
}

static void heat_axes(strbuf *out, const heat_figure *f, const heat_layout *l) {
  tick ticks[SCALE_MAX_TICKS];
  double first = (double)f->first_column, end = first + (double)f->columns;
  scale x = scale_make(SCALE_LINEAR, first, end - 1 + (f->columns == 1)), y;
  x.from = l->left + l->cell_width / 2;
  x.to = l->left + l->cell_width * (x.high - first + 0.5);
  size_t n = scale_ticks_whole(&x, 12, ticks);
  for (size_t i = 0; i < n && ticks[i].value < end; i++) {
    svg_text(out, "num", ticks[i].at, l->bottom + 14, 'm', ticks[i].label);
  }
  y = scale_make(SCALE_LINEAR, 0, (double)f->rows - 1 + (f->rows == 1));
  y.from = l->bottom - l->cell_height / 2;
  y.to = l->bottom - l->cell_height * (y.high + 0.5);
  n = scale_ticks_whole(&y, l->cell_height * (double)f->rows > 150 ? 12 : 6, ticks);
  for (size_t i = 0; i < n && ticks[i].value < (double)f->rows; i++) {
    svg_text(out, "num", l->left - 6, ticks[i].at + 4, 'e', ticks[i].label);
  }
  svg_text(out, "lab", l->right, l->bottom + 30, 'e', f->x_label);
  svg_text(out, "lab", 4, l->top - 8, 's', f->y_label);
}

static void heat_bar(strbuf *out, const heat_figure *f, const heat_layout *l) {
  scale s = scale_make(SCALE_LINEAR, f->low, f->high);
  s.from = l->bar_left;
  s.to = l->bar_right;
  double step = (s.to - s.from) / COLOUR_LEVELS;
  for (int i = 0; i < COLOUR_LEVELS; i++) {
    char classes[16];
    snprintf(classes, sizeof classes, "bar fm%d", i);
    svg_rect(out, classes, s.from + step * i, l->bar_top, step, 8);
  }
  tick ticks[SCALE_MAX_TICKS];
  size_t n = scale_ticks(&s, 4, ticks);
  for (size_t i = 0; i < n; i++) svg_text(out, "num", ticks[i].at, l->bar_top + 20, 'm', ticks[i].label);
  svg_text(out, "lab", l->bar_left - 10, l->bar_top + 8, 'e', f->value_label);
  if (isfinite(f->mark) && f->mark >= f->low && f->mark <= f->high) {
    double at = scale_at(&s, f->mark);
    svg_line(out, "mark", at, l->bar_top - 3, at, l->bar_top + 11);
    svg_text(out, "note", at, l->bar_top - 5, at > s.to - 30 ? 'e' : 'm', f->mark_label);
  }
}

void heat_draw(strbuf *out, const heat_figure *f) {
  if (f->rows == 0 || f->columns == 0) return;
  heat_layout l = heat_layout_of(f);
  strbuf attributes = {0};
  strbuf_printf(&attributes, "data-heat=\"1\" data-rows=\"%zu\" data-columns=\"%zu\" data-first=\"%zu\"", f->rows,
                f->columns, f->first_column);
  svg_attribute_number(&attributes, "data-left", l.left);
  svg_attribute_number(&attributes, "data-bottom", l.bottom);
  svg_attribute_number(&attributes, "data-cell-width", l.cell_width);
  svg_attribute_number(&attributes, "data-cell-height", l.cell_height);
  if (attributes.failed) out->failed = true;
  svg_open(out, f->id, f->width, l.bottom + 38, f->title, f->description, attributes.data);
  strbuf_free(&attributes);
  heat_bar(out, f, &l);
  heat_cells(out, f, &l);
  heat_axes(out, f, &l);
  svg_close(out);
}
