/* report/assets.h - files turned into constants by tools/embed.py when building. */
#ifndef DWELL_REPORT_ASSETS_H
#define DWELL_REPORT_ASSETS_H

#include <stddef.h>

extern const char report_css[];
extern const size_t report_css_size;
extern const char figures_js[];
extern const size_t figures_js_size;
extern const char study_css[];
extern const size_t study_css_size;
extern const char report_js[];
extern const size_t report_js_size;
extern const char cloud_js[];
extern const size_t cloud_js_size;

#endif
