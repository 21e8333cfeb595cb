/* figure/histograms.c - the founding paper's first figure: cosines between tokens, layer by layer. */
#include <stdio.h>

#include "base/error.h"
#include "base/mem.h"
#include "draw/ridge.h"
#include "figure/figures.h"
#include "figure/trained.h"
#include "run/run.h"

enum { MOST = 256, SHOWN = 13 };

static dwell_status draw(figure_sheet *s, const dwell_run *run, trained_kind kind, dwell_error *err) {
  dwell_status status = DWELL_OK;
  double *hist = NULL, mean[MOST], marks[SHOWN];
  size_t rank, shape[4] = {0}, states[SHOWN], count = trained_column(run, "ip_mean", MOST, mean);
  char labels[SHOWN][24], name[32];
  const char *label_at[SHOWN];
  double *picked = NULL;
  size_t rows = count < SHOWN ? count : SHOWN;
  TRY(run_read_array(run, "hist", &hist, &rank, shape, err));
  if (hist == NULL || rank != 2 || shape[0] < count || rows < 2)
    TRY(error_set(err, DWELL_FAILED, "the measurement has no histograms of cosines"));
  picked = MEM_NEW(double, SHOWN * shape[1]);
  TRY_ALLOC(picked, "the histograms of the figure");
  for (size_t r = 0; r < rows; r++) {
    size_t l = states[r] = r * (count - 1) / (rows - 1);
    for (size_t b = 0; b < shape[1]; b++) picked[r * shape[1] + b] = hist[l * shape[1] + b];
    snprintf(labels[r], sizeof labels[r], "state %zu", l);
    label_at[r] = labels[r];
    marks[r] = mean[l];
  }
  snprintf(name, sizeof name, "histograms_%d", (int)kind);
  double height = 46 + 24 * (double)(rows + 2);
  strbuf *out = figure_panel_begin(s, 460, height, kind == TRAINED_AS_IS ? "trained" : "random weights", err);
  if (out == NULL) TRY(DWELL_NO_MEMORY);
  ridge_draw(out, &(ridge_figure){.id = name,
                                  .title = "cosines",
                                  .description = "cosines between tokens",
                                  .width = 460,
                                  .row_height = 24,
                                  .overlap = 2.2,
                                  .rows = rows,
                                  .bins = shape[1],
                                  .counts = picked,
                                  .low = -1,
                                  .high = 1,
                                  .labels = label_at,
                                  .states = states,
                                  .opt_marks = marks,
                                  .x_label = "cosine between two tokens",
                                  .row_label = ""});
  TRY(figure_keep(s, name, 2, (size_t[]){count, shape[1]}, hist, err));
  snprintf(name, sizeof name, "mean_%d", (int)kind);
  TRY(figure_keep_series(s, name, count, mean, err));
done:
  mem_free(hist);
  mem_free(picked);
  return status;
}

static dwell_status make(figure_sheet *s, dwell_error *err) {
  static const trained_kind kinds[] = {TRAINED_AS_IS, TRAINED_RANDOM};
  dwell_status status = DWELL_OK;
  s->columns = 2;
  for (size_t k = 0; k < 2; k++) {
    dwell_run *run = NULL;
    TRY(trained_measure(s, kinds[k], "ip", &run, err));
    status = draw(s, run, kinds[k], err);
    dwell_run_destroy(run);
    TRY(status);
  }
  snprintf(
      s->note, sizeof s->note,
      "%s on one text of an encyclopedia; first tokens and special ones left out. Dots: means. Each ridge is scaled to "
      "its own largest bin.",
      s->model);
done:
  return status;
}

const figure figure_histograms = {
    .name = "cosine-histograms",
    .summary = "Cosines between the tokens of a trained model, layer by layer",
    .source = "arXiv:2312.10794, figure 1",
    .shows =
        "Distributions of the cosine between two tokens in up to thirteen states, of the trained model and of the same "
        "network with random weights.",
    .original =
        "ALBERT-xlarge-v2, layers 0, 5, 30 and 48, one text; the network was re-configured with one attention head "
        "instead of the sixteen that it was trained with, so its attention is not that of the trained model.",
    .ours = "The model as it was trained, whichever it is, with what a network of its shape gives before any training.",
    .needs_model = true,
    .make = make,
};
