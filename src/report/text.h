/* report/text.h - reports for a terminal: curves and verdicts in Unicode blocks, without colours. */
#ifndef DWELL_REPORT_TEXT_H
#define DWELL_REPORT_TEXT_H

#include <dwell/run.h>

#include "base/str.h"
#include "study/decide.h"

enum { TEXT_LEAST = 40 }; /* narrower terminals get this many columns */

/* Every panel of the run's page, in `width` columns: single curves as charts with the band of chance, several as one
 * line each; then the maps of heads. Appended to `out`. */
dwell_status report_text(const dwell_run *run, size_t width, strbuf *out, dwell_error *err);

/* Verdicts at a glance, and each effect with its interval on the axis of its claim. The sentences are not repeated
 * (verdicts_print). */
void report_text_study(const study_plan *p, const verdicts *v, size_t width, strbuf *out);

/* `count` times the character `glyph` (UTF-8). */
void text_repeat(strbuf *out, const char *glyph, size_t count);
/* `text` made safe for a terminal, in exactly `columns` columns (of characters one column wide), left-aligned; cut
 * with "…" where it is longer. */
void text_cell(strbuf *out, const char *text, size_t columns);
/* A number of three digits, "–" where it is undefined. */
const char *text_number(double x, char text[32]);

#endif
