/* figure/synchrony.c - the circle at negative temperatures: from where on do all tokens meet? */
#include <math.h>
#include <stdio.h>

#include "base/error.h"
#include "base/mem.h"
#include "figure/figures.h"
#include "theorem/particles.h"

enum { SIZES = 3, MOST_BETAS = 25, MOST_STARTS = 200 };

static const size_t sizes[SIZES] = {3, 6, 9};
static const char *const colours[SIZES] = {"c1", "c2", "c0"};

typedef struct grid {
  size_t betas, starts;
} grid;

static double beta_of(const grid *g, size_t k) { return -1.2 + 1.2 * (double)k / (double)(g->betas - 1); }

/* Share of uniform starts that are not one cluster at the end. */
static dwell_status run(void *arg, size_t item, double *ret_values, dwell_error *err) {
  const grid *g = arg;
  dwell_status status = DWELL_OK;
  size_t apart = 0;
  particles p = {0};
  TRY(particles_open("usa", sizes[item / g->betas], 2, beta_of(g, item % g->betas), &p, err));
  p.plan.rtol = 1e-7;
  for (uint32_t start = 0; start < g->starts; start++) {
    particles_uniform(&p, 40 + start);
    p.t = 0;
    TRY(particles_to(&p, 400, NULL, err));
    apart += particles_resultant(&p) < 0.999;
  }
  *ret_values = (double)apart / (double)g->starts;
done:
  particles_close(&p);
  return status;
}

static dwell_status draw(figure_sheet *s, const grid *g, const double *share, dwell_error *err) {
  plot p;
  double beta[MOST_BETAS], high = 0.02;
  strbuf *out = figure_panel_begin(s, 620, 360, "starts that do not end in one cluster", err);
  if (out == NULL) return DWELL_NO_MEMORY;
  for (size_t k = 0; k < g->betas; k++) beta[k] = beta_of(g, k);
  for (size_t k = 0; k < SIZES * g->betas; k++) high = fmax(high, 1.6 * share[k]);
  plot_begin(&p, out,
             &(plot_frame){.id = "share",
                           .title = "share",
                           .description = "share of starts over beta",
                           .width = 620,
                           .height = 360,
                           .right = 16,
                           .x = scale_make(SCALE_LINEAR, -1.25, 0.05),
                           .y = scale_make(SCALE_LINEAR, -0.02 * high, high),
                           .x_label = "β",
                           .y_label = "share of starts"});
  double open[2] = {-2.0 / 3, -0.16}, zero[2] = {-0.02 * high, -0.02 * high}, top[2] = {high, high};
  plot_band(&p, open, zero, top, 2, &(plot_style){.colour = "c4"});
  plot_key(&p, 12, 0, &(plot_style){.colour = "c4"}, "−2/3 … −.16: no theorem says");
  for (size_t i = 0; i < SIZES; i++) {
    char label[24];
    plot_style style = {.colour = colours[i]};
    plot_line(&p, beta, share + i * g->betas, g->betas, &style);
    plot_points(&p, beta, share + i * g->betas, NULL, g->betas, &style);
    snprintf(label, sizeof label, "n = %zu", sizes[i]);
    plot_key(&p, 12, i + 1, &style, label);
  }
  plot_end(&p);
  dwell_status status = figure_keep_series(s, "beta", g->betas, beta, err);
  return status == DWELL_OK ? figure_keep(s, "share", 2, (size_t[]){SIZES, g->betas}, share, err) : status;
}

static dwell_status make(figure_sheet *s, dwell_error *err) {
  dwell_status status = DWELL_OK;
  grid g = s->quick ? (grid){7, 20} : (grid){25, MOST_STARTS};
  double share[SIZES * MOST_BETAS], open = 0;
  size_t looked = 0;
  TRY(figure_compute(s, "synchrony", SIZES * g.betas, 1, run, &g, share, err));
  for (size_t i = 0; i < SIZES; i++)
    for (size_t k = 0; k < g.betas; k++)
      if (beta_of(&g, k) > -2.0 / 3 && beta_of(&g, k) < -0.16) open += share[i * g.betas + k], looked += g.starts;
  snprintf(
      s->note, sizeof s->note,
      "Unnormalised self-attention on the circle, %zu uniform starts at each point, t = 400. In the open interval %zu "
      "starts were followed and %.0f did not end in one cluster; with none in N the share is below 3/N at 95 per cent.",
      g.starts, looked, open * (double)g.starts);
  TRY(draw(s, &g, share, err));
  size_t at_minus_one = (size_t)lround(0.2 / 1.2 * (double)(g.betas - 1));
  if (!s->quick && fabs(beta_of(&g, at_minus_one) + 1) < 1e-9)
    TRY(figure_check_row(s, "T3.basin.n3", share[at_minus_one], err));
  TRY(figure_check_value(s, "open-interval", "starts in -2/3 < beta < -.16 that do not end in one cluster",
                         THEOREM_AT_MOST, open, 0, 0, "none was found before (theorem T3)", err));
done:
  return status;
}

const figure figure_synchrony = {
    .name = "synchrony",
    .summary = "Negative temperatures on the circle: do all tokens meet?",
    .source = "arXiv:2507.22857 (all β ≥ −.16; not for β < −2/3); theorem T3",
    .shows = "The share of uniform starts that do not end in one cluster, by inverse temperature.",
    .original =
        "Between −2/3 and −.16 neither synchronisation nor its failure is proved. Is there a start that does not "
        "synchronise?",
    .ours = "A search over uniform starts: it can find one, and bounds the share if it finds none.",
    .is_experiment = true,
    .make = make,
};
