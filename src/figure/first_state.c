/* figure/first_state.c - how many clusters come first out of the uniform state of the circle. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "figure/figures.h"
#include "flow/circle.h"
#include "theorem/numerics.h"

enum { CASES = 2, MODES = 10, FRAMES = 121, BINS = 180, MOST = 20000 };

static const double betas[CASES] = {5, 7};
static const double until[CASES] = {16, 16};

static double pi(void) { return acos(-1); }

/* Growth rate of mode k: k^2 I_k / (beta I_0) of sa. */
static double rate(double beta, size_t k) {
  return (double)(k * k) / beta * exp(numerics_log_bessel((double)k, beta) - numerics_log_bessel(0, beta));
}

typedef struct cloud {
  size_t particles, item;
  double *density; /* [FRAMES, BINS] relative to the uniform one */
} cloud;

static dwell_status note_density(void *self, size_t index, const double *theta, dwell_error *err) {
  (void)err;
  cloud *c = self;
  double *row = c->density + index * BINS;
  memset(row, 0, BINS * sizeof *row);
  for (size_t i = 0; i < c->particles; i++) {
    double turn = theta[i] / (2 * pi());
    size_t bin = (size_t)((turn - floor(turn)) * BINS);
    row[bin < BINS ? bin : BINS - 1] += (double)BINS / (double)c->particles;
  }
  return DWELL_OK;
}

/* Density of particles that start evenly spread but for normal displacements of .01. */
static dwell_status run(void *arg, size_t item, double *ret_values, dwell_error *err) {
  cloud c = {*(const size_t *)arg, item, ret_values};
  dwell_status status = DWELL_OK;
  circle ring = {0};
  double times[FRAMES], *masses = MEM_NEW(double, MOST), *theta = MEM_NEW(double, MOST);
  if (masses == NULL || theta == NULL) TRY_ALLOC(NULL, "the particles of the figure");
  for (size_t i = 0; i < c.particles; i++) {
    masses[i] = 1 / (double)c.particles;
    theta[i] = 2 * pi() * ((double)i + 0.5) / (double)c.particles + 0.01 * numerics_normal(2410, i, item);
  }
  for (size_t f = 0; f < FRAMES; f++) times[f] = until[item] * (double)f / (FRAMES - 1);
  TRY(circle_attention(c.particles, masses, betas[item], true, &ring, err));
  ring.direct = 0;
  ode_plan plan = {.integrator = DWELL_RK45, .rtol = 1e-7, .atol = 1e-9, .times = times, .count = FRAMES};
  ode_host host = {.emit = note_density, .self = &c};
  ode_outcome outcome;
  TRY(circle_solve(&ring, &plan, &host, theta, &outcome, err));
done:
  circle_close(&ring);
  mem_free(masses);
  mem_free(theta);
  return status;
}

/* ---- drawing ---- */

static dwell_status draw_rates(figure_sheet *s, dwell_error *err) {
  static const char *const colours[CASES] = {"c0", "c1"};
  plot p;
  double k[MODES], rates[CASES * MODES];
  strbuf *out = figure_panel_begin(s, 330, 300, "growth rates", err);
  if (out == NULL) return DWELL_NO_MEMORY;
  plot_begin(&p, out,
             &(plot_frame){.id = "rates",
                           .title = "rates",
                           .description = "growth rate by mode",
                           .width = 330,
                           .height = 300,
                           .right = 14,
                           .x = scale_make(SCALE_LINEAR, 0.5, MODES + 0.5),
                           .y = scale_make(SCALE_LINEAR, 0, 0.8),
                           .x_label = "mode k (clusters)",
                           .y_label = "rate per unit of time",
                           .whole_x = true});
  for (size_t c = 0; c < CASES; c++) {
    char label[24];
    for (size_t i = 0; i < MODES; i++) k[i] = (double)i + 1, rates[c * MODES + i] = rate(betas[c], i + 1);
    plot_style style = {.colour = colours[c]};
    plot_line(&p, k, rates + c * MODES, MODES, &style);
    plot_points(&p, k, rates + c * MODES, NULL, MODES, &style);
    snprintf(label, sizeof label, "β = %g", betas[c]);
    plot_key(&p, -10, c, &style, label);
  }
  plot_end(&p);
  return figure_keep(s, "rates", 2, (size_t[]){CASES, MODES}, rates, err);
}

static dwell_status draw_density(figure_sheet *s, size_t which, const double *density, dwell_error *err) {
  plot p;
  char title[64], id[24];
  double *turned = mem_alloc(BINS, FRAMES * sizeof(double)); /* [BINS, FRAMES] */
  if (turned == NULL) return error_no_memory(err, "a density");
  for (size_t f = 0; f < FRAMES; f++)
    for (size_t b = 0; b < BINS; b++) turned[b * FRAMES + f] = density[f * BINS + b];
  snprintf(title, sizeof title, "density of tokens, β = %g", betas[which]);
  snprintf(id, sizeof id, "density%zu", which);
  dwell_status status = figure_keep(s, id, 2, (size_t[]){FRAMES, BINS}, density, err);
  strbuf *out = status == DWELL_OK ? figure_panel_begin(s, 330, 300, title, err) : NULL;
  if (out != NULL) {
    plot_begin(&p, out,
               &(plot_frame){.id = id,
                             .title = title,
                             .description = "density over time",
                             .width = 330,
                             .height = 300,
                             .right = 14,
                             .x = scale_make(SCALE_LINEAR, 0, until[which]),
                             .y = scale_make(SCALE_LINEAR, 0, 2 * pi()),
                             .x_label = "time t",
                             .y_label = "angle"});
    plot_matrix m = {BINS, FRAMES, turned, 0, until[which], 0, 2 * pi(), 0, 4};
    plot_cells(&p, &m);
    plot_bar(&p, &m, "over uniform");
    plot_end(&p);
  }
  mem_free(turned);
  return status != DWELL_OK ? status : out == NULL ? DWELL_NO_MEMORY : DWELL_OK;
}

/* ---- numbers ---- */

/* Runs of bins above the uniform density, around the circle, in the frame where the first of them is densest by 2. */
static size_t count_clusters(const double *density) {
  size_t frame = 0, count = 0;
  for (double top = 0; frame + 1 < FRAMES && top < 3; frame++) {
    top = 0;
    for (size_t b = 0; b < BINS; b++) top = fmax(top, density[frame * BINS + b]);
  }
  const double *row = density + frame * BINS;
  double smooth[BINS];
  for (size_t b = 0; b < BINS; b++) {
    smooth[b] = 0;
    for (size_t k = 0; k < 11; k++) smooth[b] += row[(b + BINS + k - 5) % BINS] / 11;
  }
  for (size_t b = 0; b < BINS; b++) count += smooth[b] > 1 && smooth[(b + BINS - 1) % BINS] <= 1;
  return count;
}

static size_t fastest(double beta) {
  size_t best = 1;
  for (size_t k = 2; k <= MODES; k++)
    if (rate(beta, k) > rate(beta, best)) best = k;
  return best;
}

static dwell_status check(figure_sheet *s, const double *density, dwell_error *err) {
  dwell_status status = DWELL_OK;
  for (size_t k = 1; k <= 4; k++) {
    char name[24];
    snprintf(name, sizeof name, "T8.rate.sa-%zu", k);
    TRY(figure_check_row(s, name, rate(5, k), err));
  }
  for (size_t c = 0; c < CASES; c++) {
    char name[24];
    snprintf(name, sizeof name, "T8.mode.%g", betas[c]);
    TRY(figure_check_row(s, name, (double)fastest(betas[c]), err));
    snprintf(name, sizeof name, "clusters.%g", betas[c]);
    TRY(figure_check_value(s, name, "clusters of the particles when the densest place is three times the mean",
                           THEOREM_EQUAL, (double)count_clusters(density + c * FRAMES * BINS),
                           (double)fastest(betas[c]), 1, "neighbouring modes grow almost as fast", err));
  }
done:
  return status;
}

static dwell_status make(figure_sheet *s, dwell_error *err) {
  dwell_status status = DWELL_OK;
  size_t particles = s->quick ? 2000 : MOST;
  double *density = mem_alloc(CASES, FRAMES * BINS * sizeof(double));
  TRY_ALLOC(density, "the densities of the figure");
  s->columns = 3;
  snprintf(
      s->note, sizeof s->note,
      "Softmax self-attention of %zu tokens on the circle, spread evenly but for displacements of .01. The colours end "
      "at four times the uniform density.",
      particles);
  TRY(figure_compute(s, "first-state", CASES, FRAMES * BINS, run, &particles, density, err));
  TRY(draw_rates(s, err));
  for (size_t c = 0; c < CASES; c++) TRY(draw_density(s, c, density + c * FRAMES * BINS, err));
  TRY(check(s, density, err));
done:
  mem_free(density);
  return status;
}

const figure figure_first_state = {
    .name = "first-state",
    .summary = "The first metastable state out of the uniform one",
    .source = "Bruno, Pasqualotto, Agazzi, arXiv:2410.23228",
    .shows =
        "Growth rates of Fourier modes, and the density of tokens on the circle while the fastest mode turns into as "
        "many clusters.",
    .original =
        "β = 5 and 7, 20000 particles, up to t = .6 and .1 of the unnormalised flow, dense sums, Euler steps of 1e-4; "
        "the plotted rates are smaller by π than those of the particles beside them.",
    .ours =
        "Softmax attention (the unnormalised flow's rates are I₀ times as large), by Fourier sums, adaptive steps; "
        "rates "
        "in the particles' own time.",
    .make = make,
};
