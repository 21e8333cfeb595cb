/* report/cosines.c - how the distribution of pairwise cosines moves (the founding paper's first figure). */
#include <math.h>
#include <stdio.h>

#include "base/error.h"
#include "base/mem.h"
#include "draw/ridge.h"
#include "report/figures.h"

enum { MOST_ROWS = 27 };

typedef struct ridges {
  size_t rows, bins;
  size_t states[MOST_ROWS];
  char labels[MOST_ROWS][48];
  const char *label_at[MOST_ROWS];
  double marks[MOST_ROWS];
  double *counts; /* [rows, bins] */
} ridges;

/* Picks up to MOST_ROWS states evenly, both ends included, and copies their rows (of the first replica). */
static dwell_status pick(const view *v, const double *hist, size_t bins, const char *mean, ridges *r,
                         dwell_error *err) {
  size_t n = v->states.steps;
  r->bins = bins;
  r->rows = n < MOST_ROWS ? n : MOST_ROWS;
  r->counts = MEM_NEW(double, r->rows *bins);
  if (r->counts == NULL) return error_no_memory(err, "a ridgeline");
  for (size_t i = 0; i < r->rows; i++) {
    size_t l = r->rows > 1 ? i * (n - 1) / (r->rows - 1) : 0;
    r->states[i] = l;
    view_state_label(v, l, r->labels[i], sizeof r->labels[i]);
    r->label_at[i] = r->labels[i];
    r->marks[i] = view_number(v->states.t, v->states.rows[l], mean);
    for (size_t b = 0; b < bins; b++) r->counts[i * bins + b] = hist[l * bins + b];
  }
  return DWELL_OK;
}

static dwell_status draw(const view *v, const char *array, const char *mean, const char *heading, const char *text,
                         strbuf *out, dwell_error *err) {
  double *hist = NULL;
  size_t rank, shape[4];
  ridges r = {0};
  dwell_status status = DWELL_OK;
  TRY(run_read_array(v->run, array, &hist, &rank, shape, err));
  /* [L+1, bins] or [R, L+1, bins]: the first replica comes first in both. */
  if (hist == NULL || rank < 2 || rank > 3 || shape[rank - 1] == 0 || shape[rank - 2] < v->states.steps) goto done;
  TRY(pick(v, hist, shape[rank - 1], mean, &r, err));
  char id[32], series[48], numbers[48], source[160], dots[80] = "";
  snprintf(id, sizeof id, "ridge-%s", array);
  snprintf(series, sizeof series, "arrays.%s", array);
  snprintf(numbers, sizeof numbers, "histogram:%s", array);
  if (view_has_column(&v->states, mean)) snprintf(dots, sizeof dots, "; dots: layers.csv <code>%s</code>", mean);
  snprintf(source, sizeof source, "arrays.npz: <code>%s</code>%s%s", array, dots,
           v->replicas > 1 ? "; first replica" : "");
  figure_open(out, array, heading, text, numbers);
  ridge_draw(out, &(ridge_figure){.id = id,
                                  .title = heading,
                                  .description = text,
                                  .width = 520,
                                  .row_height = fmax(14, fmin(30, 440 / (double)r.rows)),
                                  .overlap = 2.2,
                                  .rows = r.rows,
                                  .bins = r.bins,
                                  .counts = r.counts,
                                  .low = -1,
                                  .high = 1,
                                  .labels = r.label_at,
                                  .states = r.states,
                                  .opt_marks = r.marks,
                                  .x_label = "cosine of a pair of tokens",
                                  .row_label = v->label,
                                  .series = series});
  figure_close(out, source);
done:
  mem_free(hist);
  mem_free(r.counts);
  return status;
}

dwell_status figures_cosines(const view *v, strbuf *out, dwell_error *err) {
  dwell_status status = DWELL_OK;
  strbuf inside = {0};
  TRY(draw(v, "hist", "ip_mean", "Cosines of all pairs, raw",
           "One histogram per state, first on top, each scaled to its own peak. Dots are the means. Sliding to 1 is "
           "collapse to one direction; separate humps are groups.",
           &inside, err));
  TRY(draw(
      v, "hist_centred", "ip_mean_centred", "Cosines of all pairs, centred",
      "The same after the mean of the unit tokens is taken away: what remains of their arrangement when the common "
      "direction does not count.",
      &inside, err));
  if (inside.length > 0) {
    section_open(out, "cosines", "Pairs of tokens", "The distribution of cosines between tokens, state by state.");
    strbuf_puts(out, "<div class=\"grid\">\n");
    strbuf_add(out, inside.data, inside.length);
    strbuf_puts(out, "</div>\n");
    section_close(out);
  }
done:
  if (inside.failed) out->failed = true;
  strbuf_free(&inside);
  return status;
}
