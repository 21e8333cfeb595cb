/* study/assets.h - files turned into constants by tools/embed.py when building. */
#ifndef DWELL_STUDY_ASSETS_H
#define DWELL_STUDY_ASSETS_H

#include <stddef.h>

extern const char sources_bib[]; /* data/sources.bib, terminated */
extern const size_t sources_bib_size;

#endif
