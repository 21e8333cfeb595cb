/* figure/bifurcation.c - noise against attraction: stationary states, their stability, hysteresis. */
#include <math.h>
#include <stdio.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/random.h"
#include "figure/figures.h"
#include "figure/thresholds.h"
#include "flow/circle.h"
#include "theorem/condensate.h"
#include "theorem/numerics.h"

enum { BETAS = 4, ORDERS = 120, STATIONS = 13, SWEEPS = 4, CURVE = 40 };

static const double betas[BETAS] = {1, 2, 3, 4};
static const char *const colours[BETAS] = {"c3", "c0", "c2", "c1"};

/* ---- stationary states, by their order parameter ---- */

typedef struct branch {
  double kappa[ORDERS], order[ORDERS], energy[ORDERS]; /* kappa in units of the linear threshold */
} branch;

static condensate at_rest(double beta) {
  condensate s = {0};
  for (size_t k = 1; k <= CONDENSATE_MODES; k++) s.coupling[k] = exp(numerics_log_bessel((double)k, beta));
  return s;
}

static dwell_status run_branch(void *arg, size_t item, double *ret_values, dwell_error *err) {
  (void)arg, (void)err;
  branch *b = (branch *)(void *)ret_values;
  condensate s = at_rest(betas[item]);
  for (size_t i = 0; i < ORDERS; i++) {
    b->order[i] = 0.005 + 0.9 * (double)i / (ORDERS - 1);
    condensate_with_order(&s, b->order[i]);
    b->kappa[i] = s.strength * s.coupling[1]; /* the threshold is strength 1 / coupling_1 */
    b->energy[i] = condensate_free_energy(&s);
  }
  return DWELL_OK;
}

/* Where along the branch a quantity goes from positive to negative, in kappa. */
static double crossing(const branch *b, const double *quantity) {
  for (size_t i = ORDERS - 1; i > 0; i--)
    if (quantity[i] <= 0 && quantity[i - 1] > 0) {
      double part = quantity[i] / (quantity[i] - quantity[i - 1]);
      return b->kappa[i] + part * (b->kappa[i - 1] - b->kappa[i]);
    }
  return NAN;
}

static size_t spinodal(const branch *b) {
  size_t least = 0;
  for (size_t i = 1; i < ORDERS; i++)
    if (b->kappa[i] < b->kappa[least]) least = i;
  return least;
}

/* ---- hysteresis: particles while kappa is raised and lowered ---- */

/* How long particles wait at each kappa, in steps of `step`. At beta = 1 order relaxes like t^(-1/2) at the threshold
 * and at a rate of .03 one station above it. */
typedef struct sweep {
  double wait, step;
} sweep;

typedef struct sweeps {
  size_t particles;
  sweep warm, cold;
} sweeps;

static sweep sweep_of(const sweeps *w, double beta) { return beta < 2 ? w->warm : w->cold; }

static double kappa_at(double beta, size_t station) {
  double low = beta > 2.5 ? 0.9 : 0.8, high = beta > 2.5 ? 1.1 : 1.4;
  return low + (high - low) * (double)station / (STATIONS - 1);
}

static double order_of(size_t n, const double *theta) {
  double c = 0, s = 0;
  for (size_t i = 0; i < n; i++) c += cos(theta[i]), s += sin(theta[i]);
  return hypot(c, s) / (double)n;
}

/* The particles of a sweep, and what their steps need. */
typedef struct crowd {
  size_t n;
  circle attention;
  uint32_t steps;                    /* taken so far */
  double *angle, *velocity;          /* [n] */
  double *noise, *before;            /* [n] of this step and of the one before */
  double *masses, *memory, *scratch; /* [n], what the four point into, [2 (modes + 1)] */
} crowd;

static void crowd_destroy(crowd *c) {
  circle_close(&c->attention);
  mem_free(c->masses);
  mem_free(c->memory);
  mem_free(c->scratch);
}

static dwell_status crowd_create(size_t n, double beta, const random_stream *stream, crowd *c, dwell_error *err) {
  dwell_status status = DWELL_OK;
  *c = (crowd){.n = n, .masses = MEM_NEW(double, n), .memory = mem_alloc(n, 4 * sizeof(double))};
  if (c->masses == NULL || c->memory == NULL) TRY_ALLOC(NULL, "the particles of the figure");
  double **rows[] = {&c->angle, &c->velocity, &c->noise, &c->before};
  for (size_t k = 0; k < 4; k++) *rows[k] = c->memory + k * n;
  for (size_t i = 0; i < n; i++) c->masses[i] = 1 / (double)n;
  random_normals(stream, 0, 0, n, c->before);
  TRY(circle_attention(n, c->masses, beta, false, &c->attention, err));
  c->attention.direct = 0;
  c->scratch = MEM_NEW(double, 2 * (c->attention.modes + 1));
  TRY_ALLOC(c->scratch, "the particles of the figure");
done:
  return status;
}

/* A step of Leimkuhler and Matthews (Applied Mathematics Research eXpress 2013): Euler-Maruyama with the mean of two
 * noises, whose stationary density is right to the second order of the step, and exactly where the force is linear.
 * Euler's steps of .01 put the particles of beta = 4 up to .056 below the curve. */
static void crowd_step(crowd *c, double step, double kappa, const random_stream *stream) {
  double spread = sqrt(2 * step / kappa) / 2;
  circle_velocity(&c->attention, c->angle, c->velocity, c->scratch);
  random_normals(stream, ++c->steps, 0, c->n, c->noise);
  for (size_t i = 0; i < c->n; i++) c->angle[i] += step * c->velocity[i] + spread * (c->noise[i] + c->before[i]);
  double *kept = c->before;
  c->before = c->noise, c->noise = kept;
}

/* Mean order over the second half of the wait. */
static double wait_at(crowd *c, const sweep *of, double kappa, const random_stream *stream) {
  size_t steps = (size_t)ceil(of->wait / of->step), count = 0;
  double sum = 0;
  for (size_t t = 0; t < steps; t++) {
    crowd_step(c, of->step, kappa, stream);
    if (t < steps / 2 || t % 10 != 0) continue;
    sum += order_of(c->n, c->angle);
    count++;
  }
  return sum / (double)count;
}

/* Item: beta 1 up, 1 down, 4 up, 4 down. */
static dwell_status run_sweep(void *arg, size_t item, double *ret_values, dwell_error *err) {
  const sweeps *w = arg;
  double beta = item < 2 ? 1 : 4, first = exp(numerics_log_bessel(1, beta)), pi = acos(-1);
  bool down = item % 2 == 1;
  random_stream stream = {2606, RANDOM_FLOW_NOISE, (uint32_t)item};
  sweep of = sweep_of(w, beta);
  crowd c;
  dwell_status status = crowd_create(w->particles, beta, &stream, &c, err);
  for (size_t i = 0; status == DWELL_OK && i < c.n; i++)
    c.angle[i] = 2 * pi * ((double)i + 0.5) / (double)c.n * (down ? 0.1 : 1);
  for (size_t k = 0; status == DWELL_OK && k < STATIONS; k++) {
    size_t station = down ? STATIONS - 1 - k : k;
    ret_values[station] = wait_at(&c, &of, kappa_at(beta, station) * beta / first, &stream);
  }
  crowd_destroy(&c);
  return status;
}

/* ---- drawing ---- */

/* Unstable up to where it turns, stable beyond; the part with kappa up to `most`. */
static void add_branch(plot *p, const branch *b, double most, const char *colour) {
  branch cut = *b;
  size_t turn = spinodal(b);
  for (size_t i = 0; i < ORDERS; i++)
    if (cut.kappa[i] > most) cut.kappa[i] = NAN;
  plot_line(p, cut.kappa, cut.order, turn + 1, &(plot_style){.colour = colour, .more = "dash"});
  plot_line(p, cut.kappa + turn, cut.order + turn, ORDERS - turn, &(plot_style){.colour = colour});
}

static dwell_status draw_branches(figure_sheet *s, const branch *branches, dwell_error *err) {
  plot p;
  double zero_x[2] = {0.9, 1}, lost_x[2] = {1, 1.3}, zero[2] = {0, 0};
  strbuf *out = figure_panel_begin(s, 330, 300, "stationary states", err);
  if (out == NULL) return DWELL_NO_MEMORY;
  plot_begin(&p, out,
             &(plot_frame){.id = "states",
                           .title = "order",
                           .description = "order parameter over kappa",
                           .width = 330,
                           .height = 300,
                           .right = 14,
                           .x = scale_make(SCALE_LINEAR, 0.9, 1.3),
                           .y = scale_make(SCALE_LINEAR, 0, 0.9),
                           .x_label = "κ / critical κ",
                           .y_label = "order R₁"});
  plot_line(&p, zero_x, zero, 2, &(plot_style){.colour = "c6"});
  plot_line(&p, lost_x, zero, 2, &(plot_style){.colour = "c6", .more = "dash"});
  for (size_t b = 0; b < BETAS; b++) {
    char label[24];
    add_branch(&p, &branches[b], 1.3, colours[b]);
    snprintf(label, sizeof label, "β = %g", betas[b]);
    plot_key(&p, -8, 10 + b, &(plot_style){.colour = colours[b]}, label);
  }
  plot_end(&p);
  return DWELL_OK;
}

static dwell_status draw_hysteresis(figure_sheet *s, const branch *branches, const double *orders, int cold,
                                    dwell_error *err) {
  plot p;
  double kappa[STATIONS], beta = cold ? 4 : 1;
  strbuf *out =
      figure_panel_begin(s, 330, 300, cold ? "particles, β = 4: hysteresis" : "particles, β = 1: no hysteresis", err);
  if (out == NULL) return DWELL_NO_MEMORY;
  for (size_t k = 0; k < STATIONS; k++) kappa[k] = kappa_at(beta, k);
  double low = kappa[0] - 0.02, high = kappa[STATIONS - 1] + 0.02;
  plot_begin(&p, out,
             &(plot_frame){.id = cold ? "cold" : "warm",
                           .title = "hysteresis",
                           .description = "order over kappa",
                           .width = 330,
                           .height = 300,
                           .right = 14,
                           .x = scale_make(SCALE_LINEAR, low, high),
                           .y = scale_make(SCALE_LINEAR, 0, 0.9),
                           .x_label = "κ / critical κ",
                           .y_label = "order R₁"});
  add_branch(&p, &branches[cold ? 3 : 0], high, "c6");
  const double *up = orders + (cold ? 2 : 0) * STATIONS, *down = up + STATIONS;
  plot_style rising = {.colour = "c0"}, falling = {.colour = "c1"};
  plot_line(&p, kappa, up, STATIONS, &rising);
  plot_points(&p, kappa, up, NULL, STATIONS, &rising);
  plot_line(&p, kappa, down, STATIONS, &falling);
  plot_points(&p, kappa, down, NULL, STATIONS, &falling);
  plot_key(&p, 14, 0, &rising, "κ raised");
  plot_key(&p, 14, 1, &falling, "κ lowered");
  plot_end(&p);
  return DWELL_OK;
}

static dwell_status draw_tricritical(figure_sheet *s, dwell_error *err) {
  plot p;
  double d[CURVE], star[CURVE], top[CURVE], bottom[CURVE];
  strbuf *out = figure_panel_begin(s, 330, 300, "continuous or not, by dimension", err);
  if (out == NULL) return DWELL_NO_MEMORY;
  for (size_t i = 0; i < CURVE; i++) {
    size_t whole = (size_t)lround(2 * pow(512, (double)i / (CURVE - 1)));
    d[i] = (double)whole, star[i] = threshold_tricritical(whole), top[i] = 3, bottom[i] = 0.5;
  }
  plot_begin(&p, out,
             &(plot_frame){.id = "star",
                           .title = "beta star",
                           .description = "tricritical beta by dimension",
                           .width = 330,
                           .height = 300,
                           .right = 14,
                           .x = scale_make(SCALE_LOG, 2, 1024),
                           .y = scale_make(SCALE_LINEAR, 0.5, 3),
                           .x_label = "dimension d",
                           .y_label = "β"});
  plot_band(&p, d, star, top, CURVE, &(plot_style){.colour = "c1"});
  plot_band(&p, d, bottom, star, CURVE, &(plot_style){.colour = "c0"});
  plot_style line = {.colour = "c0"};
  plot_line(&p, d, star, CURVE, &line);
  plot_key(&p, 60, 2, &(plot_style){.colour = "c1"}, "discontinuous above β*");
  plot_key(&p, 60, 12, &line, "continuous up to β*");
  plot_end(&p);
  dwell_status status = figure_keep_series(s, "d", CURVE, d, err);
  return status == DWELL_OK ? figure_keep_series(s, "beta_star", CURVE, star, err) : status;
}

/* ---- numbers ---- */

static dwell_status check_theory(figure_sheet *s, const branch *branches, dwell_error *err) {
  static const size_t dimensions[] = {2, 3, 4, 5, 8, 16, 32, 128, 1024};
  dwell_status status = DWELL_OK;
  char name[40];
  for (size_t b = 0; b < BETAS; b++) {
    condensate c = at_rest(betas[b]);
    condensate_with_order(&c, 1e-3);
    snprintf(name, sizeof name, "T14.critical.usa-%g", betas[b]);
    TRY(figure_check_row(s, name, c.strength * betas[b], err));
  }
  for (size_t i = 0; i < sizeof dimensions / sizeof dimensions[0]; i++) {
    snprintf(name, sizeof name, "T14.beta-star.d%zu", dimensions[i]);
    TRY(figure_check_row(s, name, threshold_tricritical(dimensions[i]), err));
  }
  for (size_t b = 2; b < BETAS; b++) {
    size_t turn = spinodal(&branches[b]);
    snprintf(name, sizeof name, "T14.jump.%g.spinodal", betas[b]);
    TRY(figure_check_row(s, name, branches[b].kappa[turn], err));
    snprintf(name, sizeof name, "T14.jump.%g.kappa", betas[b]);
    TRY(figure_check_row(s, name, crossing(&branches[b], branches[b].energy), err));
  }
done:
  return status;
}

/* Largest difference of the two sweeps. */
static double loop_of(const double *up, const double *down) {
  double widest = 0;
  for (size_t k = 0; k < STATIONS; k++) widest = fmax(widest, down[k] - up[k]);
  return widest;
}

/* The stable branch at a kappa above its turn. */
static double branch_at(const branch *b, double kappa) {
  size_t i = spinodal(b);
  while (i < ORDERS - 2 && b->kappa[i + 1] < kappa) i++;
  double part = (kappa - b->kappa[i]) / (b->kappa[i + 1] - b->kappa[i]);
  return b->order[i] + part * (b->order[i + 1] - b->order[i]);
}

/* Largest distance of both sweeps from the branch, in the upper third of the stations, where order relaxes fast. */
static double miss_of(const branch *b, double beta, const double *up) {
  double widest = 0;
  for (size_t k = STATIONS - STATIONS / 3; k < STATIONS; k++) {
    double theory = branch_at(b, kappa_at(beta, k));
    widest = fmax(widest, fmax(fabs(up[k] - theory), fabs(up[STATIONS + k] - theory)));
  }
  return widest;
}

static dwell_status check_particles(figure_sheet *s, const branch *branches, const double *orders, dwell_error *err) {
  static const char reason[] = "means over t = 15 and more of 10000 particles, which fluctuate by n^{-1/2} = .01";
  dwell_status status =
      figure_check_value(s, "particles.1", "β = 1: largest distance of particles from the stable state, κ >= 1.25 κ_c",
                         THEOREM_AT_MOST, miss_of(&branches[0], 1, orders), 0.01, 0, reason, err);
  if (status != DWELL_OK) return status;
  return figure_check_value(s, "particles.4", "β = 4: the same, κ >= 1.05 κ_c", THEOREM_AT_MOST,
                            miss_of(&branches[BETAS - 1], 4, orders + 2 * STATIONS), 0.01, 0, reason, err);
}

static dwell_status check_loops(figure_sheet *s, const double *orders, dwell_error *err) {
  dwell_status status = figure_check_value(
      s, "hysteresis.4", "β = 4: largest difference of the order between lowering and raising κ", THEOREM_AT_LEAST,
      loop_of(orders + 2 * STATIONS, orders + 3 * STATIONS), 0.4, 0, "the jump is of .668 (T14.jump.4.order)", err);
  if (status != DWELL_OK) return status;
  return figure_check_value(s, "hysteresis.1", "β = 1: the same", THEOREM_AT_MOST, loop_of(orders, orders + STATIONS),
                            0.1, 0, "a continuous transition: what is left is noise, n^{-1/4} at κ_c", err);
}

static dwell_status make(figure_sheet *s, dwell_error *err) {
  dwell_status status = DWELL_OK;
  sweeps w = s->quick ? (sweeps){200, {4, 0.02}, {4, 0.01}} : (sweeps){10000, {150, 0.02}, {30, 0.004}};
  double orders[SWEEPS * STATIONS], kappa[2 * STATIONS];
  branch *branches = MEM_NEW(branch, BETAS);
  TRY_ALLOC(branches, "the branches of the figure");
  s->columns = 2;
  TRY(figure_compute(s, "branches", BETAS, sizeof(branch) / sizeof(double), run_branch, NULL, (double *)branches, err));
  TRY(figure_compute(s, "hysteresis", SWEEPS, STATIONS, run_sweep, &w, orders, err));
  snprintf(
      s->note, sizeof s->note,
      "Unnormalised self-attention on the circle with noise √(2/κ)dW; κ_c = β / I₁(β) is where the uniform state loses "
      "its stability. Solid: stable states, dashed: unstable ones. %zu particles, %d values of κ, t = %g at each for β "
      "= "
      "1 and %g for β = 4.",
      w.particles, STATIONS, w.warm.wait, w.cold.wait);
  TRY(draw_branches(s, branches, err));
  TRY(draw_tricritical(s, err));
  for (int cold = 0; cold < 2; cold++) TRY(draw_hysteresis(s, branches, orders, cold, err));
  for (size_t k = 0; k < STATIONS; k++) kappa[k] = kappa_at(1, k), kappa[STATIONS + k] = kappa_at(4, k);
  TRY(figure_keep(s, "branches", 3, (size_t[]){BETAS, 3, ORDERS}, (double *)branches, err));
  TRY(figure_keep(s, "sweep_kappa", 2, (size_t[]){2, STATIONS}, kappa, err));
  TRY(figure_keep(s, "sweep_order", 3, (size_t[]){2, 2, STATIONS}, orders, err));
  TRY(check_theory(s, branches, err));
  if (!s->quick) { /* few particles fluctuate more than the loop is wide */
    TRY(check_loops(s, orders, err));
    TRY(check_particles(s, branches, orders, err));
  }
done:
  mem_free(branches);
  return status;
}

const figure figure_bifurcation = {
    .name = "bifurcation",
    .summary = "Noise against attraction: bifurcation and hysteresis",
    .source = "arXiv:2510.20094; Mun, Rosenzweig, arXiv:2606.05140",
    .shows =
        "Stationary states of noisy self-attention by the strength κ of attraction over noise; the temperature β* "
        "beyond which order appears with a jump, by dimension; and particles while κ is raised and lowered.",
    .original = "Existence and kind of the transition are theorems; β* is printed as the root of an equation.",
    .ours =
        "All branches, unstable ones too, by prescribing the order parameter; the loop of particles beside them, in "
        "steps of "
        "Leimkuhler and Matthews, since Euler's, with steps of .01, put them up to .056 below the branch at β = 4.",
    .make = make,
};
