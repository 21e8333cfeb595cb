/* text/score.h - the scores of pieces, read as tokenizers reads them. */
#ifndef DWELL_TEXT_SCORE_H
#define DWELL_TEXT_SCORE_H

#include "file/jcursor.h"

/* The number at the cursor. Where it has more digits than a double, the last bit is that of tokenizers' JSON reader,
 * which rounds twice, and not the nearest: it can decide between two ways to cut a text that score alike. */
double score_read(jcursor *c);

#endif
