/* draw/assets.h - files turned into constants by tools/embed.py when building. */
#ifndef DWELL_DRAW_ASSETS_H
#define DWELL_DRAW_ASSETS_H

#include <stddef.h>

extern const char draw_figure_css[];
extern const size_t draw_figure_css_size;

#endif
