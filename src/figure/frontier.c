/* figure/frontier.c - in which dimensions, and how cold, several clusters come first. */
#include <math.h>
#include <stdio.h>

#include "base/error.h"
#include "base/mem.h"
#include "figure/diagram.h"
#include "figure/figures.h"
#include "figure/thresholds.h"

enum { CURVE = 60, MOST_DIMENSIONS = 12, MOST_BETAS = 24 };

typedef struct grid {
  size_t dimensions[MOST_DIMENSIONS], dimension_count, beta_count, starts;
  double until;
} grid;

/* Temperatures are spaced equally in their logarithm, .5 to 64. */
static double beta_of(const grid *g, size_t k) { return 0.5 * pow(128, (double)k / (double)(g->beta_count - 1)); }

/* Share of pairs that have not met by the end. */
static dwell_status run(void *arg, size_t item, double *ret_values, dwell_error *err) {
  const grid *g = arg;
  diagram_row row;
  dwell_status status = diagram_compute(NULL, g->dimensions[item / g->beta_count], beta_of(g, item % g->beta_count),
                                        g->starts, g->until, &row, err);
  *ret_values = 1 - row.share[DIAGRAM_COLUMNS - 1];
  return status;
}

static dwell_status draw_theory(figure_sheet *s, dwell_error *err) {
  static const size_t marks[] = {2, 3, 4, 8, 16, 32, 128, 512, 1024};
  plot p;
  double d[CURVE], beta[CURVE], third[CURVE], x[9], y[9];
  strbuf *out = figure_panel_begin(s, 470, 330, "infinitely many tokens", err);
  if (out == NULL) return DWELL_NO_MEMORY;
  for (size_t i = 0; i < CURVE; i++) {
    size_t whole = (size_t)lround(2 * pow(1024, (double)i / (CURVE - 1)));
    d[i] = (double)whole;
    beta[i] = threshold_frontier(whole);
    third[i] = 2 * d[i] / 3;
  }
  for (size_t i = 0; i < 9; i++) x[i] = (double)marks[i], y[i] = threshold_frontier(marks[i]);
  plot_begin(&p, out,
             &(plot_frame){.id = "theory",
                           .title = "frontier",
                           .description = "beta by dimension",
                           .width = 470,
                           .height = 330,
                           .right = 16,
                           .x = scale_make(SCALE_LOG, 1.8, 2300),
                           .y = scale_make(SCALE_LOG, 0.6, 1600),
                           .x_label = "dimension d",
                           .y_label = "β"});
  plot_style exact = {.colour = "c0"}, limit = {.colour = "c1", .more = "dash"};
  plot_line(&p, d, third, CURVE, &limit);
  plot_line(&p, d, beta, CURVE, &exact);
  plot_points(&p, x, y, NULL, 9, &exact);
  plot_key(&p, 14, 0, &exact, "degree 2 overtakes degree 1");
  plot_key(&p, 14, 1, &limit, "2d / 3");
  plot_end(&p);
  dwell_status status = figure_keep_series(s, "d", CURVE, d, err);
  return status == DWELL_OK ? figure_keep_series(s, "beta", CURVE, beta, err) : status;
}

static dwell_status draw_tokens(figure_sheet *s, const grid *g, const double *apart, dwell_error *err) {
  plot p;
  double d[MOST_DIMENSIONS], beta[MOST_DIMENSIONS], cells[MOST_BETAS * MOST_DIMENSIONS], log_beta[MOST_DIMENSIONS];
  strbuf *out = figure_panel_begin(s, 470, 330, "32 tokens: pairs still apart", err);
  if (out == NULL) return DWELL_NO_MEMORY;
  for (size_t i = 0; i < g->dimension_count; i++) {
    d[i] = log2((double)g->dimensions[i]);
    beta[i] = threshold_frontier(g->dimensions[i]);
    log_beta[i] = log2(beta[i]);
    for (size_t k = 0; k < g->beta_count; k++) cells[k * g->dimension_count + i] = apart[i * g->beta_count + k];
  }
  double half = 0.5, step = 7.0 / (double)(g->beta_count - 1);
  plot_begin(&p, out,
             &(plot_frame){.id = "tokens",
                           .title = "pairs apart",
                           .description = "share of pairs apart",
                           .width = 470,
                           .height = 330,
                           .right = 16,
                           .x = scale_make(SCALE_LINEAR, d[0] - half, d[g->dimension_count - 1] + half),
                           .y = scale_make(SCALE_LINEAR, -1 - step / 2, 6 + step / 2),
                           .x_label = "log₂ d",
                           .y_label = "log₂ β",
                           .whole_x = true});
  plot_matrix m = {g->beta_count, g->dimension_count, cells, p.x.low, p.x.high, p.y.low, p.y.high, 0, 1};
  plot_cells(&p, &m);
  plot_bar(&p, &m, "pairs below .999");
  size_t inside = 0;
  while (inside < g->dimension_count && log_beta[inside] <= p.y.high) inside++;
  if (inside > 0 && inside < g->dimension_count) { /* the line ends at the frame */
    double part = (p.y.high - log_beta[inside - 1]) / (log_beta[inside] - log_beta[inside - 1]);
    d[inside] = d[inside - 1] + part * (d[inside] - d[inside - 1]), log_beta[inside] = p.y.high;
    inside++;
  }
  plot_line(&p, d, log_beta, inside, &(plot_style){.colour = "c1"});
  plot_end(&p);
  return figure_keep(s, "apart", 2, (size_t[]){g->dimension_count, g->beta_count}, apart, err);
}

static dwell_status check(figure_sheet *s, dwell_error *err) {
  static const size_t dimensions[] = {2, 3, 4, 8, 16, 32, 128, 512, 1024};
  dwell_status status = DWELL_OK;
  for (size_t i = 0; i < sizeof dimensions / sizeof dimensions[0]; i++) {
    char name[24];
    snprintf(name, sizeof name, "T9.d%zu", dimensions[i]);
    TRY(figure_check_row(s, name, threshold_frontier(dimensions[i]), err));
  }
done:
  return status;
}

static dwell_status make(figure_sheet *s, dwell_error *err) {
  grid full = {{2, 4, 8, 16, 32, 64, 128, 256, 512, 1024}, 10, 22, 256, 30};
  grid quick = {{2, 4, 8, 16, 32}, 5, 8, 8, 30};
  grid *g = s->quick ? &quick : &full;
  double apart[MOST_DIMENSIONS * MOST_BETAS];
  dwell_status status = DWELL_OK;
  s->columns = 2;
  snprintf(
      s->note, sizeof s->note,
      "Right: %zu uniform starts of %d tokens for each cell, share of pairs whose cosine is below .999 at t = %g; the "
      "line is that of the left panel. With few tokens the band lies lower than theory's limit, and above d ≈ n it "
      "no longer moves: the cosines follow one equation whatever d is.",
      g->starts, DIAGRAM_TOKENS, g->until);
  TRY(figure_compute(s, "frontier", g->dimension_count * g->beta_count, 1, run, g, apart, err));
  TRY(draw_theory(s, err));
  TRY(draw_tokens(s, g, apart, err));
  TRY(check(s, err));
done:
  return status;
}

const figure figure_frontier = {
    .name = "frontier",
    .summary = "Where metastability can start, by dimension",
    .source = "derived here (theorem T9) from the linear rates of Bruno, Pasqualotto, Agazzi, arXiv:2410.23228",
    .shows =
        "Left: the inverse temperature from which two clusters grow faster than one out of the uniform state, which "
        "tends to 2d / 3. Right: what 32 tokens do.",
    .original =
        "From which temperature on can several clusters come first, in which dimension? Published phase diagrams end "
        "at β = 9, below the line for d of 14 and more.",
    .ours = "One command for any dimension: tokens are reduced to their span, so d costs nothing.",
    .is_experiment = true,
    .make = make,
};
