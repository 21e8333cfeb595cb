/* figure/noisy_heads.c - one head against two under noise: which order comes first, and when. */
#include <math.h>
#include <stdio.h>

#include "base/error.h"
#include "base/mem.h"
#include "figure/figures.h"
#include "flow/layer.h"
#include "theorem/condensate.h"
#include "theorem/numerics.h"
#include "theorem/particles.h"

enum { CURVE = 60, KAPPAS = 40, STATIONS = 8, ARMS = 2, MOST_PARTICLES = 400 };

/* Coefficient k of e^{beta cos} on the circle, and that of the heads 1 and -1 together, where odd ones cancel. */
static double coupling(size_t arm, size_t k, double beta) {
  double i = exp(numerics_log_bessel((double)k, beta));
  return arm == 0 ? i : k % 2 == 0 ? 2 * i : 0;
}

static double critical(size_t arm, double beta) {
  double most = 0;
  for (size_t k = 1; k <= 12; k++) most = fmax(most, coupling(arm, k, beta));
  return beta / most;
}

/* |R_1| and |R_2| of the stationary density at beta = 1. */
static void orders(size_t arm, double kappa, double ret[2]) {
  condensate s = {.strength = kappa};
  for (size_t k = 1; k <= CONDENSATE_MODES; k++)
    s.coupling[k] = coupling(arm, k, 1), s.c[k] = pow(0.7, (double)(k * k));
  condensate_settle(&s);
  ret[0] = fabs(s.c[1]), ret[1] = fabs(s.c[2]);
}

static double kappa_of(size_t k) { return 1.2 + 4.8 * (double)k / (KAPPAS - 1); }
static double station_of(size_t k) { return 1.4 + 4.6 * (double)k / (STATIONS - 1); }

/* Item: arm, then kappa. */
static dwell_status run_density(void *arg, size_t item, double *ret_values, dwell_error *err) {
  (void)arg, (void)err;
  orders(item / KAPPAS, kappa_of(item % KAPPAS), ret_values);
  return DWELL_OK;
}

/* The same by particles of the flow noisy: means over the last third of the run. */
static dwell_status run_particles(void *arg, size_t item, double *ret_values, dwell_error *err) {
  static const double query[8] = {1, 0, 0, 1, -1, 0, 0, -1}, one[8] = {1, 0, 0, 1, 1, 0, 0, 1};
  enum { ROUNDS = 60 };
  size_t arm = item / STATIONS, n = *(const size_t *)arg;
  dwell_status status = DWELL_OK;
  flow_layer layer = {.d = 2, .heads = arm + 1, .rank = 2, .query = query, .key = one, .value_rank = 2, .read = query};
  layer.symmetric = true, layer.form_norm = 1, layer.value_norm = 1 + (double)arm;
  particles p = {0};
  TRY(particles_open("noisy", n, 2, 1, &p, err));
  p.plan.system.layer = &layer;
  p.plan.integrator = DWELL_GEOMETRIC, p.plan.step = 0.05, p.plan.kappa = station_of(item % STATIONS);
  particles_uniform(&p, 2700 + (uint32_t)item);
  p.plan.seed = 2700 + item;
  ret_values[0] = ret_values[1] = 0;
  for (size_t round = 1; round <= ROUNDS; round++) {
    double c[2] = {0}, sine[2] = {0};
    TRY(particles_to(&p, (double)round, NULL, err));
    p.plan.first_step += 20;
    for (size_t i = 0; i < n && round > 2 * ROUNDS / 3; i++)
      for (int k = 0; k < 2; k++) {
        double angle = (k + 1) * atan2(p.x[2 * i + 1], p.x[2 * i]);
        c[k] += cos(angle) / (double)n, sine[k] += sin(angle) / (double)n;
      }
    for (int k = 0; k < 2; k++) ret_values[k] += hypot(c[k], sine[k]) * 3 / ROUNDS;
  }
done:
  particles_close(&p);
  return status;
}

static dwell_status draw_critical(figure_sheet *s, dwell_error *err) {
  plot p;
  double beta[CURVE], kappa[ARMS * CURVE];
  strbuf *out = figure_panel_begin(s, 330, 300, "where order sets in", err);
  if (out == NULL) return DWELL_NO_MEMORY;
  plot_begin(&p, out,
             &(plot_frame){.id = "critical",
                           .title = "critical kappa",
                           .description = "critical kappa over beta",
                           .width = 330,
                           .height = 300,
                           .right = 14,
                           .x = scale_make(SCALE_LINEAR, 0.5, 5),
                           .y = scale_make(SCALE_LOG, 0.1, 20),
                           .x_label = "β",
                           .y_label = "critical κ"});
  for (size_t arm = 0; arm < ARMS; arm++) {
    plot_style style = {.colour = arm == 0 ? "c0" : "c1"};
    for (size_t k = 0; k < CURVE; k++)
      beta[k] = 0.5 + 4.5 * (double)k / (CURVE - 1), kappa[arm * CURVE + k] = critical(arm, beta[k]);
    plot_line(&p, beta, kappa + arm * CURVE, CURVE, &style);
    plot_key(&p, 150, arm, &style, arm == 0 ? "one head" : "heads 1, −1");
  }
  plot_end(&p);
  dwell_status status = figure_keep_series(s, "beta", CURVE, beta, err);
  return status == DWELL_OK ? figure_keep(s, "critical", 2, (size_t[]){ARMS, CURVE}, kappa, err) : status;
}

static dwell_status draw_orders(figure_sheet *s, size_t arm, const double *density, const double *dots,
                                dwell_error *err) {
  static const char *const titles[ARMS] = {"one head, β = 1", "heads 1 and −1, β = 1"};
  plot p;
  double kappa[KAPPAS], station[STATIONS], r[KAPPAS], at[STATIONS];
  strbuf *out = figure_panel_begin(s, 330, 300, titles[arm], err);
  if (out == NULL) return DWELL_NO_MEMORY;
  plot_begin(&p, out,
             &(plot_frame){.id = arm == 0 ? "one" : "two",
                           .title = titles[arm],
                           .description = "orders over kappa",
                           .width = 330,
                           .height = 300,
                           .right = 14,
                           .x = scale_make(SCALE_LINEAR, 1.2, 6.1),
                           .y = scale_make(SCALE_LINEAR, 0, 1.3),
                           .x_label = "κ",
                           .y_label = "order"});
  for (int which = 0; which < 2; which++) {
    plot_style style = {.colour = which == 0 ? "c2" : "c3"};
    for (size_t k = 0; k < KAPPAS; k++) kappa[k] = kappa_of(k), r[k] = density[(arm * KAPPAS + k) * 2 + (size_t)which];
    for (size_t k = 0; k < STATIONS; k++)
      station[k] = station_of(k), at[k] = dots[(arm * STATIONS + k) * 2 + (size_t)which];
    plot_line(&p, kappa, r, KAPPAS, &style);
    plot_points(&p, station, at, NULL, STATIONS, &style);
    plot_key(&p, 14, (size_t)which, &style, which == 0 ? "R₁: tokens on one side" : "R₂: tokens on one axis");
  }
  plot_end(&p);
  return DWELL_OK;
}

static dwell_status check(figure_sheet *s, const double *dots, size_t number, dwell_error *err) {
  static const struct {
    const char *row;
    size_t arm;
    double kappa;
  } rows[] = {{"one-1.6", 0, 1.6}, {"one-2.5", 0, 2.5}, {"one-5", 0, 5},
              {"two-2.5", 1, 2.5}, {"two-3.9", 1, 3.9}, {"two-5", 1, 5}};
  dwell_status status = DWELL_OK;
  char name[48];
  for (size_t arm = 0; arm < ARMS; arm++)
    for (int beta = 1; beta <= 5; beta++) {
      snprintf(name, sizeof name, "T27.critical.%s-%d", arm == 0 ? "one" : "two", beta);
      TRY(figure_check_row(s, name, critical(arm, beta), err));
    }
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    double r[2];
    orders(rows[i].arm, rows[i].kappa, r);
    for (int k = 0; k < 2; k++) {
      snprintf(name, sizeof name, "T27.order.%s.R%d", rows[i].row, k + 1);
      TRY(figure_check_row(s, name, r[k], err));
    }
  }
  double last[2], found = dots[(2 * STATIONS - 1) * 2 + 1], side = dots[(2 * STATIONS - 1) * 2];
  orders(1, station_of(STATIONS - 1), last);
  double within = 0.02 + 1 / sqrt((double)number);
  TRY(figure_check_value(s, "two.particles.R2", "heads 1, −1, largest κ: R₂ of the particles is that of the density",
                         THEOREM_EQUAL, found, last[1], within, "n^{-1/2}, and steps of .05", err));
  TRY(figure_check_value(s, "two.particles.R1", "and they are on no side", THEOREM_AT_MOST, side, 0,
                         3 / sqrt((double)number), "three times n^{-1/2}", err));
done:
  return status;
}

static dwell_status make(figure_sheet *s, dwell_error *err) {
  dwell_status status = DWELL_OK;
  size_t number = s->quick ? 100 : MOST_PARTICLES;
  double density[ARMS * KAPPAS * 2], dots[ARMS * STATIONS * 2], kappa[STATIONS];
  s->columns = 3;
  TRY(figure_compute(s, "noisy-heads", ARMS * KAPPAS, 2, run_density, NULL, density, err));
  TRY(figure_compute(s, "noisy-heads-particles", ARMS * STATIONS, 2, run_particles, &number, dots, err));
  snprintf(
      s->note, sizeof s->note,
      "Unnormalised self-attention on the circle, summed over heads, with noise √(2/κ)dW. Lines: stationary densities; "
      "dots: %zu particles from uniform starts, t = 40 … 60. The second head delays order for β ≤ 2, hastens it for "
      "β ≥ 3, and makes it one of axes.",
      number);
  TRY(draw_critical(s, err));
  for (size_t arm = 0; arm < ARMS; arm++) TRY(draw_orders(s, arm, density, dots, err));
  for (size_t k = 0; k < STATIONS; k++) kappa[k] = station_of(k);
  TRY(figure_keep(s, "orders", 3, (size_t[]){ARMS, KAPPAS, 2}, density, err));
  TRY(figure_keep_series(s, "particles_kappa", STATIONS, kappa, err));
  TRY(figure_keep(s, "particles_orders", 3, (size_t[]){ARMS, STATIONS, 2}, dots, err));
  TRY(check(s, dots, number, err));
done:
  return status;
}

const figure figure_noisy_heads = {
    .name = "noisy-heads",
    .summary = "One head against two, with noise",
    .source = "derived here (theorem T27); the question is of arXiv:2312.10794",
    .shows =
        "The strength κ of attraction over noise from which on order appears, by temperature; and the order of tokens "
        "on "
        "one side (R₁) and on one axis (R₂) over κ, for one head and for two heads of opposite sign.",
    .original = "Does a second head help tokens to come together against noise?",
    .ours =
        "The threshold is exact where the uniform state is stationary, as here; for heads that make it uneven there is "
        "none, and none is given.",
    .is_experiment = true,
    .make = make,
};
