/* draw/svg.h - SVG elements appended to a strbuf. Coordinates are pixels of the viewBox, printed with at most three
 * decimals. Looks come from classes (figure.css), so that one drawing serves light, dark and print. Text is escaped. */
#ifndef DWELL_DRAW_SVG_H
#define DWELL_DRAW_SVG_H

#include <stddef.h>

#include "base/str.h"

/* <svg role="img"> with a title and description for screen readers. `id` must be unique in the page and plain.
 * `attributes` (may be NULL) goes into the tag as it is. */
void svg_open(strbuf *out, const char *id, double width, double height, const char *title, const char *description,
              const char *attributes);
void svg_close(strbuf *out);

void svg_number(strbuf *out, double value);                             /* finite */
void svg_attribute(strbuf *out, const char *name, const char *value);   /* ` name="escaped"` */
void svg_attribute_number(strbuf *out, const char *name, double value); /* all digits, reads back to the same bits */

void svg_group(strbuf *out, const char *classes); /* <g class>, closed by svg_end */
void svg_end(strbuf *out);
void svg_line(strbuf *out, const char *classes, double x1, double y1, double x2, double y2);
void svg_rect(strbuf *out, const char *classes, double x, double y, double width, double height);
void svg_circle(strbuf *out, const char *classes, double x, double y, double radius);
/* anchor: 's'tart, 'm'iddle, 'e'nd; y is the baseline. */
void svg_text(strbuf *out, const char *classes, double x, double y, char anchor, const char *text);

/* Path data through (x[i], y[i]): a point with a NaN ends the piece before it, so gaps stay gaps; a piece of one point
 * becomes a dot (zero-length segment: drawn by round caps). */
void svg_path_points(strbuf *out, const double *x, const double *y, size_t n);

/* Width of `text` in pixels at `size` pixels in a common sans-serif, within 10 % for Latin text. */
double svg_text_width(const char *text, double size);
/* Drops whole UTF-8 characters from the end of `text` until it is at most `width` wide. */
void svg_fit(char *text, double size, double width);

/* The rules for the classes used by draw/, to be put into a <style> (page or standalone drawing). */
void svg_style(strbuf *out);

#endif
