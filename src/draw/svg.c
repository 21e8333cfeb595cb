/* draw/svg.c - SVG elements. */
#include "draw/svg.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/number.h"
#include "draw/assets.h"
#include "draw/colour.h"

void svg_number(strbuf *out, double value) {
  char text[64];
  snprintf(text, sizeof text, "%.3f", value);
  size_t n = strlen(text);
  while (text[n - 1] == '0') n--;
  if (text[n - 1] == '.') n--;
  if (n == 2 && text[0] == '-' && text[1] == '0') {
    strbuf_putc(out, '0');
  } else {
    strbuf_add(out, text, n);
  }
}

void svg_attribute(strbuf *out, const char *name, const char *value) {
  strbuf_printf(out, " %s=\"", name);
  strbuf_html(out, value, strlen(value));
  strbuf_putc(out, '"');
}

void svg_attribute_number(strbuf *out, const char *name, double value) {
  char text[NUMBER_SIZE];
  strbuf_printf(out, " %s=\"%s\"", name, number_format(value, text));
}

static void pixel(strbuf *out, const char *name, double value) {
  strbuf_printf(out, " %s=\"", name);
  svg_number(out, value);
  strbuf_putc(out, '"');
}

void svg_open(strbuf *out, const char *id, double width, double height, const char *title, const char *description,
              const char *attributes) {
  strbuf_printf(out, "<svg id=\"%s\" xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" class=\"dw\" viewBox=\"0 0 ",
                id);
  svg_number(out, width);
  strbuf_putc(out, ' ');
  svg_number(out, height);
  strbuf_printf(out, "\" aria-labelledby=\"%s-t %s-d\"", id, id);
  if (attributes != NULL) strbuf_printf(out, " %s", attributes);
  strbuf_printf(out, "><title id=\"%s-t\">", id);
  strbuf_html(out, title, strlen(title));
  strbuf_printf(out, "</title><desc id=\"%s-d\">", id);
  strbuf_html(out, description, strlen(description));
  strbuf_puts(out, "</desc>\n");
}

void svg_close(strbuf *out) { strbuf_puts(out, "</svg>\n"); }

void svg_group(strbuf *out, const char *classes) { strbuf_printf(out, "<g class=\"%s\">\n", classes); }

void svg_end(strbuf *out) { strbuf_puts(out, "</g>\n"); }

void svg_line(strbuf *out, const char *classes, double x1, double y1, double x2, double y2) {
  strbuf_printf(out, "<line class=\"%s\"", classes);
  pixel(out, "x1", x1);
  pixel(out, "y1", y1);
  pixel(out, "x2", x2);
  pixel(out, "y2", y2);
  strbuf_puts(out, "/>\n");
}

void svg_rect(strbuf *out, const char *classes, double x, double y, double width, double height) {
  strbuf_printf(out, "<rect class=\"%s\"", classes);
  pixel(out, "x", x);
  pixel(out, "y", y);
  pixel(out, "width", width);
  pixel(out, "height", height);
  strbuf_puts(out, "/>\n");
}

void svg_circle(strbuf *out, const char *classes, double x, double y, double radius) {
  strbuf_printf(out, "<circle class=\"%s\"", classes);
  pixel(out, "cx", x);
  pixel(out, "cy", y);
  pixel(out, "r", radius);
  strbuf_puts(out, "/>\n");
}

void svg_text(strbuf *out, const char *classes, double x, double y, char anchor, const char *text) {
  strbuf_printf(out, "<text class=\"%s\"", classes);
  pixel(out, "x", x);
  pixel(out, "y", y);
  if (anchor != 's') strbuf_printf(out, " text-anchor=\"%s\"", anchor == 'm' ? "middle" : "end");
  strbuf_putc(out, '>');
  strbuf_html(out, text, strlen(text));
  strbuf_puts(out, "</text>\n");
}

void svg_path_points(strbuf *out, const double *x, const double *y, size_t n) {
  size_t piece = 0; /* points in the present piece */
  for (size_t i = 0; i <= n; i++) {
    bool point = i < n && isfinite(x[i]) && isfinite(y[i]);
    if (!point) {
      if (piece == 1) strbuf_puts(out, "h0");
      piece = 0;
      continue;
    }
    strbuf_putc(out, piece == 0 ? 'M' : 'L');
    svg_number(out, x[i]);
    strbuf_putc(out, ' ');
    svg_number(out, y[i]);
    piece++;
  }
}

/* Widths in em of the usual interface fonts, by kind of character. */
static double width_of(uint32_t code) {
  if (code < 0x80 && code != 0) {
    if (strchr("il.,:;|'!jI()[]", (int)code) != NULL) return 0.30;
    if (strchr("frt- /\"", (int)code) != NULL) return 0.37;
    if (strchr("mwMW@%", (int)code) != NULL) return 0.88;
    if (code >= '0' && code <= '9') return 0.57;
    return code >= 'A' && code <= 'Z' ? 0.67 : 0.56;
  }
  if ((code >= 0x2070 && code <= 0x207F) || code == 0xB9 || code == 0xB2 || code == 0xB3) return 0.38;
  return code >= 0x2E80 ? 1.0 : 0.60; /* East Asian characters are square */
}

double svg_text_width(const char *text, double size) {
  size_t length = strlen(text);
  double width = 0;
  for (size_t at = 0; at < length;) {
    uint32_t code = '?';
    size_t step = utf8_decode(text + at, length - at, &code);
    width += width_of(code);
    at += step > 0 ? step : 1;
  }
  return width * size;
}

void svg_fit(char *text, double size, double width) {
  size_t length = strlen(text);
  while (length > 0 && svg_text_width(text, size) > width) {
    do length--;
    while (length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80);
    text[length] = '\0';
  }
}

void svg_style(strbuf *out) {
  colour_style(out);
  strbuf_add(out, draw_figure_css, draw_figure_css_size);
}
