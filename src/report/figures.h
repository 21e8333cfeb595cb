/* report/figures.h - the figures of a page. Each appends its HTML to `out`; one that has no data appends nothing. */
#ifndef DWELL_REPORT_FIGURES_H
#define DWELL_REPORT_FIGURES_H

#include "report/html.h"
#include "report/view.h"

/* What the page is about in one line, "SA flow, β = 9, 64 tokens on S^2" (header.c); html: with markup. */
void header_title(const view *v, bool html, strbuf *out);
/* The head of the page: title, what was done and what came out in two sentences, warnings. */
void header_write(const view *v, strbuf *out);

/* All curves along the states (curves.c). */
dwell_status figures_curves(view *v, strbuf *out, dwell_error *err);
/* Maps of heads x blocks (heads.c). */
dwell_status figures_heads(const view *v, strbuf *out, dwell_error *err);
/* Tokens by state, coloured by cluster (groups.c). */
dwell_status figures_groups(const view *v, strbuf *out, dwell_error *err);
/* Whether a pushed state comes back (push.c). */
dwell_status figures_push(const view *v, strbuf *out, dwell_error *err);
/* The loss of every token, and the tokens that clusters stand for (loss.c). */
dwell_status figures_loss(const view *v, strbuf *out, dwell_error *err);
/* Histograms of pairwise cosines (cosines.c). */
dwell_status figures_cosines(const view *v, strbuf *out, dwell_error *err);

/* Tokens on the circle or the sphere (sphere.c): pictures, and the frames for the animation. */
typedef struct sphere_frames {
  size_t frames, n, dims; /* 0 frames: the run has none */
  size_t *states;         /* [frames] which states were kept */
  double *points;         /* [frames, n, 3], third coordinate 0 on the circle */
  double view[3][3];      /* rows: right, up, toward the reader */
  uint32_t *colours;      /* [n] */
} sphere_frames;

dwell_status sphere_open(const view *v, sphere_frames *ret_frames, dwell_error *err);
void sphere_close(sphere_frames *s);
dwell_status figures_sphere(const view *v, const sphere_frames *s, strbuf *out, dwell_error *err);

/* What the detectors found, as a table (events.c). */
void figures_events(const view *v, strbuf *out);

/* Where the numbers come from: the manifest as nested tables, tokens as chips (provenance.c). */
dwell_status figures_provenance(const view *v, strbuf *out, dwell_error *err);

/* Everything the page shows as JSON (data.c). */
dwell_status report_data(const view *v, const sphere_frames *s, strbuf *out, dwell_error *err);

#endif
