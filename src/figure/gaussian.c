/* figure/gaussian.c - attention on a Gaussian cloud: which covariances vanish, which blow up. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "figure/figures.h"
#include "flow/gaussian.h"

enum { KINDS = 3, FORMS = 2, CASES = KINDS * FORMS, FRAMES = 81, SHOWN = 5, CIRCLE = 73, STATE = 4 };

static const char *const kind_names[KINDS] = {"softmax", "L2", "Sinkhorn"};
static const char *const colours[KINDS] = {"c1", "c2", "c0"};
/* Sigma(0), and two forms A = Q^T K: one attracts in both directions, one repels in both. */
static const double start[STATE] = {0.5, 0.12, 0.12, 0.2};
static const double forms[FORMS][STATE] = {{1, 0, 0, 0.5}, {-1, 0, 0, -0.5}};
static const double ends[FORMS] = {2, 8};

/* [FRAMES]: covariance; then the time reached. */
typedef struct course {
  double covariance[FRAMES * STATE], reached;
} course;

static double time_of(size_t form, size_t k) { return ends[form] * (double)k / (FRAMES - 1); }

static dwell_status note(void *self, size_t index, const double *mean, const double *covariance, const double *f,
                         dwell_error *err) {
  (void)mean, (void)f, (void)err;
  memcpy(((course *)self)->covariance + index * STATE, covariance, STATE * sizeof *covariance);
  return DWELL_OK;
}

static dwell_status run(void *arg, size_t item, double *ret_values, dwell_error *err) {
  (void)arg;
  course *c = (course *)(void *)ret_values;
  size_t form = item % FORMS;
  double mean[2] = {0}, covariance[STATE], times[FRAMES];
  gaussian g = {.kind = (gaussian_kind)(item / FORMS), .d = 2, .heads = 1, .beta = 1, .opt_q = forms[form]};
  ode_plan plan = {.integrator = DWELL_RK45, .rtol = 1e-11, .atol = 1e-14, .times = times, .count = FRAMES};
  ode_host host = {.self = c};
  ode_outcome outcome;
  bool blown = false;
  for (size_t k = 0; k < FRAMES; k++) times[k] = time_of(form, k);
  for (size_t e = 0; e < FRAMES * STATE; e++) c->covariance[e] = NAN;
  memcpy(covariance, start, sizeof covariance);
  dwell_status status = gaussian_solve(&g, &plan, &host, note, mean, covariance, &blown, &outcome, err);
  c->reached = outcome.reached;
  if (status == DWELL_FAILED && blown) status = DWELL_OK, err->message[0] = '\0';
  return status;
}

static double larger_root(const double *s) {
  double middle = (s[0] + s[3]) / 2;
  return middle + hypot((s[0] - s[3]) / 2, s[1]);
}

/* (Sigma^-1 - 2 t A)^-1, the softmax flow's closed form for V = I and A symmetric. */
static void exact(size_t form, double t, double *ret) {
  double det = start[0] * start[3] - start[1] * start[2];
  double a = start[3] / det - 2 * t * forms[form][0], d = start[0] / det - 2 * t * forms[form][3], b = -start[1] / det;
  double inverse = 1 / (a * d - b * b);
  ret[0] = d * inverse, ret[3] = a * inverse, ret[1] = ret[2] = -b * inverse;
}

/* Where the closed form ends: the determinant of what is inverted vanishes first. */
static double exact_end(size_t form) {
  double low = 0, high = ends[form], s[STATE];
  for (int i = 0; i < 200; i++) {
    double middle = (low + high) / 2;
    exact(form, middle, s);
    bool alive = s[0] > 0 && s[3] > 0 && s[0] * s[3] > s[1] * s[2];
    *(alive ? &low : &high) = middle;
  }
  return low;
}

static dwell_status draw_sizes(figure_sheet *s, const course *all, size_t form, dwell_error *err) {
  static const char *const titles[FORMS] = {"A = diag(1, ½): attraction", "A = −diag(1, ½): repulsion"};
  plot p;
  double t[FRAMES], top[FRAMES], law[FRAMES];
  strbuf *out = figure_panel_begin(s, 400, 300, titles[form], err);
  if (out == NULL) return DWELL_NO_MEMORY;
  plot_begin(&p, out,
             &(plot_frame){.id = form == 0 ? "attraction" : "repulsion",
                           .title = titles[form],
                           .description = "largest eigenvalue of the covariance over time",
                           .width = 400,
                           .height = 300,
                           .right = 16,
                           .x = scale_make(SCALE_LINEAR, 0, ends[form]),
                           .y = form == 0 ? scale_make(SCALE_LOG, 0.3, 1000) : scale_make(SCALE_LOG, 0.02, 1),
                           .x_label = "time t",
                           .y_label = "largest eigenvalue of Σ"});
  for (size_t k = 0; k < FRAMES; k++) {
    double sigma[STATE];
    t[k] = time_of(form, k);
    exact(form, t[k], sigma);
    law[k] = k % 4 != 0 || (form == 0 && t[k] >= exact_end(form)) ? NAN : larger_root(sigma);
  }
  for (size_t kind = 0; kind < KINDS; kind++) {
    plot_style style = {.colour = colours[kind]};
    for (size_t k = 0; k < FRAMES; k++) {
      top[k] = larger_root(all[kind * FORMS + form].covariance + k * STATE);
      if (top[k] > 1000) top[k] = NAN;
    }
    plot_line(&p, t, top, FRAMES, &style);
    plot_key(&p, 240, kind, &style, kind_names[kind]);
  }
  plot_points(&p, t, law, (bool[FRAMES]){false}, FRAMES, &(plot_style){.colour = "c6"});
  plot_end(&p);
  return DWELL_OK;
}

/* The ellipse of one standard deviation: Cholesky's factor on a circle. */
static dwell_status draw_ellipses(figure_sheet *s, const course *all, size_t which, double until, dwell_error *err) {
  size_t form = which % FORMS, frames = (size_t)(until / ends[form] * (FRAMES - 1));
  plot p;
  char title[64], id[24];
  double x[CIRCLE], y[CIRCLE], most = 0, pi = acos(-1);
  const course *c = &all[which];
  for (size_t k = 0; k <= frames; k++) most = fmax(most, 1.1 * sqrt(larger_root(c->covariance + k * STATE)));
  snprintf(title, sizeof title, "%s, %s, t ≤ %g", kind_names[which / FORMS], form == 0 ? "attraction" : "repulsion",
           until);
  snprintf(id, sizeof id, "ellipses%zu", which);
  strbuf *out = figure_panel_begin(s, 330, 310, title, err);
  if (out == NULL) return DWELL_NO_MEMORY;
  plot_begin(&p, out,
             &(plot_frame){.id = id,
                           .title = title,
                           .description = "ellipses of the covariance",
                           .width = 330,
                           .height = 310,
                           .right = 16,
                           .x = scale_make(SCALE_LINEAR, -most, most),
                           .y = scale_make(SCALE_LINEAR, -most, most),
                           .x_label = "x₁",
                           .y_label = "x₂"});
  for (size_t n = 0; n < SHOWN; n++) {
    const double *sigma = c->covariance + (n * frames / (SHOWN - 1)) * STATE;
    double a = sqrt(sigma[0]), b = sigma[1] / a, d = sqrt(fmax(0, sigma[3] - b * b));
    for (size_t i = 0; i < CIRCLE; i++) {
      double angle = 2 * pi * (double)i / (CIRCLE - 1);
      x[i] = a * cos(angle), y[i] = b * cos(angle) + d * sin(angle);
    }
    plot_line(&p, x, y, CIRCLE,
              &(plot_style){.colour = n == 0 ? "c6" : colours[which / FORMS], .more = n + 1 == SHOWN ? NULL : "thin"});
  }
  plot_end(&p);
  return DWELL_OK;
}

static dwell_status check(figure_sheet *s, const course *all, dwell_error *err) {
  dwell_status status = DWELL_OK;
  double apart = 0, sigma[STATE];
  for (size_t k = 0; k < FRAMES; k++) {
    exact(1, time_of(1, k), sigma);
    for (size_t e = 0; e < STATE; e++) apart = fmax(apart, fabs(all[1].covariance[k * STATE + e] - sigma[e]));
  }
  TRY(figure_check_value(s, "softmax.closed", "softmax, repulsion: Σ = (Σ₀⁻¹ − 2tA)⁻¹ (largest difference)",
                         THEOREM_AT_MOST, apart, 0, 1e-9, "steps of 1e-11", err));
  TRY(figure_check_value(s, "softmax.blow-up", "softmax, attraction: the time of the blow-up", THEOREM_EQUAL,
                         all[0].reached, exact_end(0), 1e-6, "steps of 1e-11 up to 1e6 times the start (T19)", err));
  for (size_t kind = 1; kind < KINDS; kind++)
    TRY(figure_check_value(s, kind == 1 ? "l2.reaches" : "sinkhorn.reaches",
                           "attraction, from the same covariance: no blow-up (time reached)", THEOREM_EQUAL,
                           all[kind * FORMS].reached, ends[0], 1e-12, "theory 1.10: at most exponential growth", err));
done:
  return status;
}

static dwell_status make(figure_sheet *s, dwell_error *err) {
  dwell_status status = DWELL_OK;
  static const double until[CASES] = {0.72, 8, 2, 8, 2, 8};
  double time[FORMS * FRAMES], covariance[CASES * FRAMES * STATE];
  course all[CASES];
  s->columns = 4;
  TRY(figure_compute(s, "gaussian", CASES, sizeof(course) / sizeof(double), run, NULL, (double *)all, err));
  for (size_t form = 0; form < FORMS; form++) {
    TRY(draw_sizes(s, all, form, err));
    for (size_t kind = 0; kind < KINDS; kind++)
      TRY(draw_ellipses(s, all, kind * FORMS + form, until[kind * FORMS + form], err));
  }
  for (size_t e = 0; e < FORMS * FRAMES; e++) time[e] = time_of(e / FRAMES, e % FRAMES);
  for (size_t c = 0; c < CASES; c++)
    memcpy(covariance + c * FRAMES * STATE, all[c].covariance, sizeof all[c].covariance);
  TRY(figure_keep(s, "time", 2, (size_t[]){FORMS, FRAMES}, time, err));
  TRY(figure_keep(s, "covariance", 4, (size_t[]){KINDS, FORMS, FRAMES, STATE}, covariance, err));
  snprintf(
      s->note, sizeof s->note,
      "Covariance of a Gaussian cloud under attention with V = I and score form A, β = 1, from Σ₀ = (.5 .12; .12 .2). "
      "Rings: the softmax flow in closed form; it blows up at t = %.4f. Ellipses: one standard deviation, five moments "
      "from grey to bold.",
      exact_end(0));
  TRY(check(s, all, err));
done:
  return status;
}

const figure figure_gaussian = {
    .name = "gaussian",
    .summary = "Gaussian clouds: clustering or blow-up",
    .source = "Castin, Ablin, Carrillo, Peyré, arXiv:2501.18322, figure 1",
    .shows =
        "The covariance of a Gaussian cloud under softmax, distance and doubly stochastic attention, where scores "
        "attract "
        "and where they repel: its largest eigenvalue over time, and its ellipses.",
    .original = "Flows of covariances in two dimensions, some to low rank and some to infinity in finite time.",
    .ours =
        "The same equations at 1e-11 per step; the softmax flow against its closed form, the time of its blow-up "
        "checked; "
        "and the other two kinds of attention, which have none.",
    .make = make,
};
