/* draw/cells.c - a matrix as colours inside the axes of a plot, and its colour bar. */
#include <math.h>
#include <stdio.h>

#include "draw/colour.h"
#include "draw/plot.h"

/* One run of equal cells as a piece of the path of its level. */
static void add_run(strbuf *out, double x0, double x1, double y0, double y1) {
  strbuf_putc(out, 'M');
  svg_number(out, x0);
  strbuf_putc(out, ' ');
  svg_number(out, y0);
  strbuf_putc(out, 'H');
  svg_number(out, x1);
  strbuf_putc(out, 'V');
  svg_number(out, y1);
  strbuf_putc(out, 'H');
  svg_number(out, x0);
  strbuf_putc(out, 'Z');
}

static bool is_level(const plot_matrix *m, size_t r, size_t c, int level) {
  double value = m->values[r * m->columns + c];
  return isfinite(value) && colour_level((value - m->low) / (m->high - m->low)) == level;
}

void plot_cells(plot *p, const plot_matrix *m) {
  double wide = (m->x_high - m->x_low) / (double)m->columns, high = (m->y_high - m->y_low) / (double)m->rows;
  for (int level = 0; level < COLOUR_LEVELS; level++) {
    strbuf_printf(p->out, "<path class=\"bar fm%d\" d=\"", level);
    for (size_t r = 0; r < m->rows; r++) {
      double y0 = scale_at(&p->y, m->y_low + high * (double)r);
      double y1 = scale_at(&p->y, m->y_low + high * (double)(r + 1));
      for (size_t c = 0, end; c < m->columns; c = end) {
        for (end = c; end < m->columns && is_level(m, r, end, level);) end++;
        if (end > c)
          add_run(p->out, scale_at(&p->x, m->x_low + wide * (double)c), scale_at(&p->x, m->x_low + wide * (double)end),
                  y0, y1);
        else end++;
      }
    }
    strbuf_puts(p->out, "\"/>\n");
  }
}

void plot_bar(plot *p, const plot_matrix *m, const char *label) {
  enum { WIDTH = 110, HEIGHT = 7 };
  scale s = scale_make(SCALE_LINEAR, m->low, m->high);
  tick ticks[SCALE_MAX_TICKS];
  double top = p->top - 21;
  s.to = p->right;
  s.from = p->right - WIDTH;
  for (int i = 0; i < COLOUR_LEVELS; i++) {
    char classes[16];
    snprintf(classes, sizeof classes, "bar fm%d", i);
    svg_rect(p->out, classes, s.from + WIDTH * i / (double)COLOUR_LEVELS, top, WIDTH / (double)COLOUR_LEVELS, HEIGHT);
  }
  size_t n = scale_ticks(&s, 3, ticks);
  for (size_t i = 0; i < n; i++) svg_text(p->out, "note", ticks[i].at, top + HEIGHT + 10, 'm', ticks[i].label);
  svg_text(p->out, "note", s.from - 8, top + HEIGHT, 'e', label);
}
