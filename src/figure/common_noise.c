/* figure/common_noise.c - two tokens under noise that both share: together or opposite. */
#include <math.h>
#include <stdio.h>

#include "base/error.h"
#include "base/mem.h"
#include "figure/figures.h"
#include "theorem/common_noise.h"

enum { CURVE = 60, MOST_BETAS = 9, MOST_NOISES = 9 };

typedef struct grid {
  size_t betas, noises, pairs;
} grid;

static double beta_of(const grid *g, size_t k) { return 2 * (double)k / (double)(g->betas - 1); }
/* s^2, spaced equally in its logarithm */
static double noise_of(const grid *g, size_t k) { return 0.05 * pow(80, (double)k / (double)(g->noises - 1)); }

/* From where on opposite tokens attract. */
static double threshold(double beta) { return 2 / (1 + exp(2 * beta)); }

static dwell_status share_of(double square, double beta, size_t pairs, double *ret, dwell_error *err) {
  theorem_row row = {.value = {square, beta, (double)pairs, 0, (double)pairs}};
  theorem_outcome out;
  dwell_status status = common_noise_opposite(&row, 1, &out, NULL, err);
  *ret = out.measured;
  return status;
}

/* Item: s^2, then beta. Share of pairs that end opposite. */
static dwell_status run(void *arg, size_t item, double *ret_values, dwell_error *err) {
  const grid *g = arg;
  return share_of(noise_of(g, item / g->betas), beta_of(g, item % g->betas), g->pairs, ret_values, err);
}

/* The rows of theorem T27, with its 400 pairs. */
static const struct {
  const char *row;
  double square, beta;
} rows[] = {{"T27.common.opposite-1-.05", 0.05, 1},
            {"T27.common.opposite-1-.15", 0.15, 1},
            {"T27.common.opposite-1-.5", 0.5, 1},
            {"T27.common.opposite-0-.5", 0.5, 0},
            {"T27.common.opposite-0-2", 2, 0}};
enum { ROWS = sizeof rows / sizeof rows[0] };

static dwell_status run_row(void *arg, size_t item, double *ret_values, dwell_error *err) {
  return share_of(rows[item].square, rows[item].beta, *(const size_t *)arg, ret_values, err);
}

static dwell_status draw(figure_sheet *s, const grid *g, const double *share, dwell_error *err) {
  plot p;
  double beta[CURVE], square[CURVE], step = log2(noise_of(g, 1) / noise_of(g, 0)), wide = beta_of(g, 1);
  strbuf *out = figure_panel_begin(s, 560, 380, "pairs that end opposite, d = 3", err);
  if (out == NULL) return DWELL_NO_MEMORY;
  double low = log2(noise_of(g, 0)) - step / 2, high = log2(noise_of(g, g->noises - 1)) + step / 2;
  plot_begin(&p, out,
             &(plot_frame){.id = "opposite",
                           .title = "opposite pairs",
                           .description = "share of opposite pairs by beta and noise",
                           .width = 560,
                           .height = 380,
                           .right = 16,
                           .x = scale_make(SCALE_LINEAR, -wide / 2, 2 + wide / 2),
                           .y = scale_make(SCALE_LINEAR, low, high),
                           .x_label = "β",
                           .y_label = "log₂ s²"});
  plot_matrix m = {g->noises, g->betas, share, -wide / 2, 2 + wide / 2, low, high, 0, 0.5};
  plot_cells(&p, &m);
  plot_bar(&p, &m, "share of pairs");
  for (size_t k = 0; k < CURVE; k++) {
    beta[k] = -wide / 2 + (2 + wide) * (double)k / (CURVE - 1), square[k] = log2(threshold(beta[k]));
    if (square[k] < low) square[k] = NAN;
  }
  plot_style line = {.colour = "c1"};
  plot_line(&p, beta, square, CURVE, &line);
  plot_end(&p);
  return figure_keep(s, "share", 2, (size_t[]){g->noises, g->betas}, share, err);
}

static dwell_status check(figure_sheet *s, const double *found, size_t pairs, dwell_error *err) {
  dwell_status status = DWELL_OK;
  for (size_t i = 0; i < ROWS; i++) {
    double middle = (found[i] * (double)pairs + 2) / ((double)pairs + 4);
    double within = 3 * sqrt(middle * (1 - middle) * (1.0 / 400 + 1 / (double)pairs));
    TRY(figure_check_row_within(s, rows[i].row, found[i], NAN, within,
                                "three binomial standard errors of the table's 400 pairs and of these", err));
  }
done:
  return status;
}

static dwell_status make(figure_sheet *s, dwell_error *err) {
  dwell_status status = DWELL_OK;
  grid g = s->quick ? (grid){3, 3, 10} : (grid){MOST_BETAS, MOST_NOISES, 200};
  size_t pairs = s->quick ? 100 : 400;
  double share[MOST_BETAS * MOST_NOISES], found[ROWS], beta[MOST_BETAS], square[MOST_NOISES];
  TRY(figure_compute(s, "common-noise", g.betas * g.noises, 1, run, &g, share, err));
  TRY(figure_compute(s, "common-noise-rows", ROWS, 1, run_row, &pairs, found, err));
  for (size_t k = 0; k < g.betas; k++) beta[k] = beta_of(&g, k);
  for (size_t k = 0; k < g.noises; k++) square[k] = noise_of(&g, k);
  snprintf(
      s->note, sizeof s->note,
      "Two tokens on the sphere of three dimensions under softmax attention and one random matrix s·dM for both, %zu "
      "pairs for each cell, t = 40. Orange: s² = 2 / (1 + e²ᵝ), above which opposite tokens attract each other.",
      g.pairs);
  TRY(draw(s, &g, share, err));
  TRY(figure_keep_series(s, "beta", g.betas, beta, err));
  TRY(figure_keep_series(s, "noise_squared", g.noises, square, err));
  TRY(check(s, found, pairs, err));
done:
  return status;
}

const figure figure_common_noise = {
    .name = "common-noise",
    .summary = "Random values shared by all tokens: opposite pairs",
    .source = "arXiv:2601.21942; the threshold is derived here (theorem T27)",
    .shows =
        "The share of pairs of tokens that end opposite to each other, by inverse temperature and strength of a noise "
        "that both share.",
    .original = "A transition to opposite pairs above a threshold in β and d, for random value matrices.",
    .ours =
        "The threshold in closed form beside what pairs do; noise that every token has for itself knows no such state.",
    .make = make,
};
