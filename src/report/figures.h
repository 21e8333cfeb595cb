/* report/figures.h - the figures of a page. Each appends its HTML to `out`; one that has no data appends nothing. */
#ifndef DWELL_REPORT_FIGURES_H
#define DWELL_REPORT_FIGURES_H

#include "file/jwriter.h"
#include "report/attention.h"
#include "report/cloud.h"
#include "report/html.h"
#include "report/view.h"

/* What the page is about in one line, "SA flow, β = 9, 64 tokens on S^2" (header.c); html: with markup. */
void header_title(const view *v, bool html, strbuf *out);
/* The head of the page: title, what was done and what came out in two sentences, warnings. */
void header_write(const view *v, strbuf *out);

/* All curves along the states (curves.c). */
dwell_status figures_curves(view *v, strbuf *out, dwell_error *err);
/* Maps of heads x blocks (heads.c). */
dwell_status figures_heads(const view *v, const attention *a, strbuf *out, dwell_error *err);
/* The same maps in a terminal of `width` columns, as shades. */
dwell_status heads_text(const view *v, size_t width, strbuf *out, dwell_error *err);
/* One head's attention, first of them (attention.c). */
void figures_attention(const view *v, const attention *a, strbuf *out);
/* Tokens by state, coloured by cluster; with the next two the section of clusters (groups.c). */
dwell_status figures_groups(const view *v, const groups *g, strbuf *out, dwell_error *err);
/* How clusters pass their tokens on (alluvial.c). */
dwell_status figures_alluvial(const view *v, const groups *g, strbuf *out, dwell_error *err);
/* Who merged with whom, and when: flows that know it exactly (tree.c). */
dwell_status figures_tree(const view *v, strbuf *out, dwell_error *err);
dwell_status tree_data(jwriter *w, const view *v, dwell_error *err);
/* Whether a pushed state comes back (push.c). */
dwell_status figures_push(const view *v, strbuf *out, dwell_error *err);
/* The loss of every token, and the tokens that clusters stand for (loss.c). */
dwell_status figures_loss(const view *v, strbuf *out, dwell_error *err);
/* Histograms of pairwise cosines (cosines.c). */
dwell_status figures_cosines(const view *v, strbuf *out, dwell_error *err);

/* The text, each token on the colour of its cluster; nothing where pieces are not known (passage.c). */
void figures_passage(const view *v, const groups *g, strbuf *out);
bool passage_is_known(const view *v);
/* Kinds of tokens: one digit each, which counts passage_kinds (NULL ends them). */
extern const char *const passage_kinds[];
void passage_kinds_of(const view *v, strbuf *out);

/* The tokens as points beside the text, or the text alone (cloud.c). */
dwell_status figures_cloud(const view *v, const groups *g, const cloud *c, strbuf *out, dwell_error *err);

/* Falls of the energies (falls.c): marks on the curve of `column` of a panel, and a table of what
 * carries them, which the script reads too. */
void falls_mark(const view *v, plot *p, const char *column, const double *at, const double *values);
void falls_table(const view *v, strbuf *out);

/* What the detectors found, as a table (events.c). */
void figures_events(const view *v, strbuf *out);

/* Where the numbers come from: the manifest as nested tables, tokens as chips (provenance.c). */
dwell_status figures_provenance(const view *v, strbuf *out, dwell_error *err);

/* Everything the page shows as JSON (data.c). */
dwell_status report_data(const view *v, const groups *g, const cloud *c, const attention *a, strbuf *out,
                         dwell_error *err);

#endif
