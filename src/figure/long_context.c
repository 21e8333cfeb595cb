/* figure/long_context.c - one layer of attention over a long context: three phases of the angle. */
#include <math.h>
#include <stdio.h>

#include "base/error.h"
#include "figure/figures.h"
#include "flow/equiangular.h"

enum { SIZES = 4, POINTS = 161 };

static const double sizes[SIZES] = {1e2, 1e3, 1e4, 1e6};
static const double RHO = 0.5, MOST = 4;

static double cosine_after(double n, double gamma) {
  return 1 - equiangular_bare_layer((size_t)n, gamma * log(n), 1 - RHO);
}

static dwell_status draw(figure_sheet *s, dwell_error *err) {
  static const char *const colours[SIZES] = {"c5", "c0", "c2", "c1"};
  plot p;
  double gamma[POINTS], cosine[SIZES * POINTS];
  strbuf *out = figure_panel_begin(s, 560, 360, "cosine after one layer", err);
  if (out == NULL) return DWELL_NO_MEMORY;
  plot_begin(&p, out,
             &(plot_frame){.id = "layer",
                           .title = "cosine",
                           .description = "cosine after a layer over gamma",
                           .width = 560,
                           .height = 360,
                           .right = 130,
                           .x = scale_make(SCALE_LINEAR, 0, MOST),
                           .y = scale_make(SCALE_LINEAR, 0.4, 1),
                           .x_label = "γ = β / ln n",
                           .y_label = "cosine"});
  plot_rule(&p, RHO, &(plot_style){.colour = "c6", .label = "before: ½"});
  plot_rule(&p, 0.8, &(plot_style){.colour = "c6", .label = "limit at γ = 2: .8"});
  for (size_t k = 0; k < POINTS; k++) gamma[k] = MOST * (double)k / (POINTS - 1);
  for (size_t i = 0; i < SIZES; i++) {
    char label[24];
    for (size_t k = 0; k < POINTS; k++) cosine[i * POINTS + k] = cosine_after(sizes[i], gamma[k]);
    plot_style style = {.colour = colours[i]};
    plot_line(&p, gamma, cosine + i * POINTS, POINTS, &style);
    snprintf(label, sizeof label, "n = %.0f", sizes[i]);
    plot_key(&p, 290, i, &style, label);
  }
  plot_end(&p);
  dwell_status status = figure_keep_series(s, "gamma", POINTS, gamma, err);
  if (status != DWELL_OK) return status;
  return figure_keep(s, "cosine", 2, (size_t[]){SIZES, POINTS}, cosine, err);
}

static dwell_status make(figure_sheet *s, dwell_error *err) {
  static const struct {
    const char *row;
    double n, gamma;
  } rows[] = {{"T17.100-1", 1e2, 1},     {"T17.100-2", 1e2, 2},     {"T17.100-3", 1e2, 3},
              {"T17.million-1", 1e6, 1}, {"T17.million-2", 1e6, 2}, {"T17.million-3", 1e6, 3}};
  dwell_status status = DWELL_OK;
  snprintf(s->note, sizeof s->note,
           "Tokens of common cosine ½, one layer without residual connection, β = γ ln n: below γ = 1/(1 − ½) = 2 all "
           "tokens become one as n grows, above it they stay apart.");
  TRY(draw(s, err));
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    TRY(figure_check_row(s, rows[i].row, cosine_after(rows[i].n, rows[i].gamma), err));
done:
  return status;
}

const figure figure_long_context = {
    .name = "long-context",
    .summary = "Attention over a long context: three phases",
    .source = "arXiv:2510.05554, as quoted in arXiv:2512.01868",
    .shows =
        "The cosine between tokens after one layer of attention whose inverse temperature grows with the logarithm of "
        "the number of tokens.",
    .original = "The limit of the angle's ratio for infinitely many tokens.",
    .ours = "Exact values at finite numbers of tokens beside the limits, which are still far at n = 100.",
    .make = make,
};
