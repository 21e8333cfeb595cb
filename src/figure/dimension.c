/* figure/dimension.c - the intrinsic dimension of a trained model's states, layer by layer. */
#include <math.h>
#include <stdio.h>

#include "base/error.h"
#include "figure/figures.h"
#include "figure/trained.h"

enum { MOST = 256 };

static const char *const words[TRAINED_KINDS] = {"the text", "its tokens shuffled", "random weights"};
static const char *const colours[TRAINED_KINDS] = {"c0", "c1", "c6"};

static dwell_status collect(figure_sheet *s, const char *column, double values[TRAINED_KINDS][MOST], size_t *ret_count,
                            dwell_error *err) {
  dwell_status status = DWELL_OK;
  for (int k = 0; k < TRAINED_KINDS; k++) {
    dwell_run *run = NULL;
    TRY(trained_measure(s, (trained_kind)k, "dimension", &run, err));
    *ret_count = trained_column(run, column, MOST, values[k]);
    dwell_run_destroy(run);
  }
done:
  return status;
}

static dwell_status make(figure_sheet *s, dwell_error *err) {
  double values[TRAINED_KINDS][MOST];
  double state[MOST], top = 1;
  size_t count = 0;
  plot p;
  dwell_status status = collect(s, "two_nn", values, &count, err);
  if (status != DWELL_OK) return status;
  for (size_t l = 0; l < count; l++) {
    state[l] = (double)l;
    for (int k = 0; k < TRAINED_KINDS; k++)
      if (isfinite(values[k][l])) top = fmax(top, values[k][l]);
  }
  strbuf *out = figure_panel_begin(s, 620, 360, "intrinsic dimension by state", err);
  if (out == NULL) return DWELL_NO_MEMORY;
  plot_begin(&p, out,
             &(plot_frame){.id = "dimension",
                           .title = "dimension",
                           .description = "two-NN dimension by state",
                           .width = 620,
                           .height = 360,
                           .right = 16,
                           .x = scale_make(SCALE_LINEAR, 0, (double)count - 1),
                           .y = scale_make(SCALE_LINEAR, 0, 1.25 * top),
                           .x_label = "state l",
                           .y_label = "dimension (two nearest neighbours)",
                           .whole_x = true});
  for (int k = 0; k < TRAINED_KINDS; k++) {
    char name[24];
    plot_style style = {.colour = colours[k]};
    plot_line(&p, state, values[k], count, &style);
    plot_points(&p, state, values[k], NULL, count, &style);
    plot_key(&p, 400, (size_t)k, &style, words[k]);
    snprintf(name, sizeof name, "two_nn_%d", k);
    TRY(figure_keep_series(s, name, count, values[k], err));
  }
  plot_end(&p);
  snprintf(s->note, sizeof s->note, "%s on one text of an encyclopedia; first tokens and special ones left out.",
           s->model);
done:
  return status;
}

const figure figure_dimension = {
    .name = "intrinsic-dimension",
    .summary = "Intrinsic dimension of a trained model's states",
    .source = "Viswanathan and others, arXiv:2501.10573",
    .shows =
        "The dimension that ratios of distances to the two nearest neighbours suggest, state by state, for a text, for "
        "the same tokens in another order, and for random weights.",
    .original =
        "Llama-3-8B, Mistral-7B and Pythia-6.9B over 2244 prompts of 1024 tokens: a peak in early to middle layers "
        "that rises when tokens are shuffled.",
    .ours = "Any model, one text, with a network of random weights beside it: what the architecture alone gives.",
    .needs_model = true,
    .make = make,
};
