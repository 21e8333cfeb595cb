/* draw/colour.h - colours that survive colour blindness, dark pages and grey printers.
 *
 * Categories: classes c0..c6, told apart under the common colour vision deficiencies. Quantities: classes m0..m31, one
 * ramp computed in the OKLab space with steadily changing lightness, so that it stays ordered in grey; more always
 * means more contrast with the page, on light and on dark ones. `f` before a class fills, `s` strokes: fc0, sm12. */
#ifndef DWELL_DRAW_COLOUR_H
#define DWELL_DRAW_COLOUR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

enum { COLOUR_CATEGORIES = 7, COLOUR_LEVELS = 32 };

/* The ramp at t in [0,1] as 0xRRGGBB. */
uint32_t colour_ramp(double t, bool dark);
/* A hue by its turn in [0,1) at OKLab lightness 0..1: for things that lie on a circle. */
uint32_t colour_wheel(double turn, double lightness);
/* Level 0..31 of t in [0,1] (clamped; NaN: 0). */
int colour_level(double t);
/* Relative luminance of 0xRRGGBB, 0..1 (WCAG 2): contrast is (a + 0.05)/(b + 0.05). */
double colour_luminance(uint32_t rgb);

/* Appends the custom properties of both schemes and the classes. */
void colour_style(strbuf *out);

#endif
