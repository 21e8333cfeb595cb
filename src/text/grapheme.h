/* text/grapheme.h - what a reader takes for one character: extended grapheme clusters (Unicode Standard Annex 29). */
#ifndef DWELL_TEXT_GRAPHEME_H
#define DWELL_TEXT_GRAPHEME_H

#include <stddef.h>

/* Bytes of the first cluster of a valid UTF-8 text; 0 if the text is empty. Where a cluster ends does not depend on
 * what came before it, but for one thing that is left out: pairs of regional indicators (flags) count as two. */
size_t grapheme_size(const char *text, size_t length);

#endif
