/* figure/coordinates.c - attention without layer norm: coordinates along V's eigenvectors, one by one. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "figure/figures.h"
#include "flow/euclid.h"
#include "linalg/eigen.h"
#include "theorem/numerics.h"

enum { MOST = 128, FRAMES = 46, SHOWN = 3 };

static const double UNTIL = 15;

typedef struct course {
  double values[MOST];               /* eigenvalues of V, ascending */
  double shown[SHOWN][FRAMES][MOST]; /* coordinates along the last eigenvector and two lesser ones */
  double spread[FRAMES][MOST];       /* ln of the standard deviation over tokens, by eigenvector */
} course;

typedef struct watcher {
  size_t n;
  const double *vectors; /* [n, n] rows */
  course *to;
} watcher;

static double time_of(size_t k) { return UNTIL * (double)k / (FRAMES - 1); }

static size_t eigenvector_of(size_t n, size_t which) { return which == 0 ? n - 1 : which == 1 ? 3 * n / 4 : n / 6; }

static void along(size_t n, const double *u, const double *z, double *ret) {
  for (size_t i = 0; i < n; i++) {
    ret[i] = 0;
    for (size_t k = 0; k < n; k++) ret[i] += u[k] * z[i * n + k];
  }
}

static dwell_status note(void *self, size_t index, const double *z, dwell_error *err) {
  (void)err;
  watcher *w = self;
  size_t n = w->n;
  double at[MOST];
  for (size_t m = 0; m < n; m++) {
    double mean = 0, square = 0;
    along(n, w->vectors + m * n, z, at);
    for (size_t i = 0; i < n; i++) mean += at[i] / (double)n;
    for (size_t i = 0; i < n; i++) square += (at[i] - mean) * (at[i] - mean) / (double)n;
    w->to->spread[index][m] = log(fmax(1e-300, square)) / 2;
    for (size_t which = 0; which < SHOWN; which++)
      if (eigenvector_of(n, which) == m) memcpy(w->to->shown[which][index], at, n * sizeof *at);
  }
  return DWELL_OK;
}

/* V symmetric and sparse: a tenth of the entries. */
static void draw_values(size_t n, double *v) {
  for (size_t i = 0; i < n; i++)
    for (size_t k = 0; k <= i; k++)
      v[i * n + k] = v[k * n + i] =
          numerics_uniform(2308, i, k) < 0.1 ? numerics_normal(2309, i, k) / sqrt(1.6 * (double)n) : 0;
}

static dwell_status run(void *arg, size_t item, double *ret_values, dwell_error *err) {
  (void)item;
  size_t n = *(const size_t *)arg;
  course *c = (course *)(void *)ret_values;
  dwell_status status = DWELL_OK;
  double masses[MOST], times[FRAMES];
  double *v = mem_alloc(n, n * sizeof(double)), *u = NULL, *z = mem_alloc(n, n * sizeof(double));
  if (v == NULL || z == NULL) TRY_ALLOC(NULL, "the tokens of the figure");
  memset(c, 0, sizeof *c);
  draw_values(n, v);
  u = mem_copy(v, n * n, sizeof *v);
  TRY_ALLOC(u, "the tokens of the figure");
  TRY(eigen_vectors(n, u, c->values, err));
  for (size_t i = 0; i < n; i++) masses[i] = 1 / (double)n;
  for (size_t e = 0; e < n * n; e++) z[e] = 3 * numerics_normal(2310, e, 0) / sqrt((double)n);
  for (size_t k = 0; k < FRAMES; k++) times[k] = time_of(k);
  euclid e = {.n = n, .d = n, .beta = 1, .masses = masses, .rescaled = true, .opt_v = v};
  watcher w = {n, u, c};
  ode_plan plan = {.integrator = DWELL_RK45, .rtol = 1e-8, .times = times, .count = FRAMES};
  ode_host host = {.emit = note, .self = &w};
  ode_outcome outcome;
  TRY(euclid_solve(&e, &plan, &host, z, &outcome, err));
done:
  mem_free(v);
  mem_free(u);
  mem_free(z);
  return status;
}

static dwell_status draw_shown(figure_sheet *s, const course *c, size_t n, size_t which, dwell_error *err) {
  static const char *const words[SHOWN] = {"the leading one", "a lesser one", "a negative one"};
  plot p;
  double t[FRAMES], y[FRAMES], most = 0;
  char title[64], id[16], lambda[32];
  scale_label(c->values[eigenvector_of(n, which)], 2, lambda, sizeof lambda);
  snprintf(title, sizeof title, "%s: λ = %s", words[which], lambda);
  snprintf(id, sizeof id, "along%zu", which);
  strbuf *out = figure_panel_begin(s, 400, 300, title, err);
  if (out == NULL) return DWELL_NO_MEMORY;
  for (size_t k = 0; k < FRAMES; k++)
    for (size_t i = 0; i < n; i++) most = fmax(most, fabs(c->shown[which][k][i]));
  plot_begin(&p, out,
             &(plot_frame){.id = id,
                           .title = title,
                           .description = "coordinates of tokens along an eigenvector",
                           .width = 400,
                           .height = 300,
                           .right = 16,
                           .x = scale_make(SCALE_LINEAR, 0, UNTIL),
                           .y = scale_make(SCALE_LINEAR, -1.05 * most, 1.05 * most),
                           .x_label = "time t",
                           .y_label = "⟨φ, z⟩"});
  for (size_t i = 0; i < n; i++) {
    for (size_t k = 0; k < FRAMES; k++) t[k] = time_of(k), y[k] = c->shown[which][k][i];
    plot_line(&p, t, y, FRAMES, &(plot_style){.colour = which == 0 ? "c1" : which == 1 ? "c0" : "c2", .more = "faint"});
  }
  plot_end(&p);
  return figure_keep(s, id, 2, (size_t[]){FRAMES, MOST}, &c->shown[which][0][0], err);
}

static double growth(const course *c, size_t m) { return (c->spread[FRAMES - 1][m] - c->spread[0][m]) / log(10); }

static dwell_status draw_spread(figure_sheet *s, const course *c, size_t n, dwell_error *err) {
  plot p;
  double y[MOST], least = 0, most = 0;
  strbuf *out = figure_panel_begin(s, 400, 300, "spread of all coordinates, end over start", err);
  if (out == NULL) return DWELL_NO_MEMORY;
  for (size_t m = 0; m < n; m++) y[m] = growth(c, m), least = fmin(least, y[m]), most = fmax(most, y[m]);
  plot_begin(&p, out,
             &(plot_frame){.id = "spread",
                           .title = "spread",
                           .description = "growth of spread by eigenvalue",
                           .width = 400,
                           .height = 300,
                           .right = 16,
                           .x = scale_make(SCALE_LINEAR, 1.08 * c->values[0], 1.08 * c->values[n - 1]),
                           .y = scale_make(SCALE_LINEAR, 1.08 * least, 1.08 * most),
                           .x_label = "eigenvalue λ",
                           .y_label = "log₁₀ of the ratio"});
  plot_points(&p, c->values, y, NULL, n, &(plot_style){.colour = "c0"});
  plot_end(&p);
  dwell_status status = figure_keep_series(s, "eigenvalue", n, c->values, err);
  return status == DWELL_OK ? figure_keep(s, "log_spread", 2, (size_t[]){FRAMES, MOST}, &c->spread[0][0], err) : status;
}

/* Groups of the leading coordinate in the end, gaps of more than a tenth of its range apart. */
static double planes(const course *c, size_t n) {
  double x[MOST], range;
  memcpy(x, c->shown[0][FRAMES - 1], n * sizeof *x);
  for (size_t i = 1; i < n; i++)
    for (size_t j = i; j > 0 && x[j] < x[j - 1]; j--) {
      double kept = x[j];
      x[j] = x[j - 1], x[j - 1] = kept;
    }
  size_t count = 1;
  range = x[n - 1] - x[0];
  for (size_t i = 1; i < n; i++) count += x[i] - x[i - 1] > 0.1 * range;
  return (double)count;
}

static dwell_status make(figure_sheet *s, dwell_error *err) {
  dwell_status status = DWELL_OK;
  size_t n = s->quick ? 32 : MOST;
  course *c = MEM_NEW(course, 1);
  TRY_ALLOC(c, "the tokens of the figure");
  s->columns = 2;
  TRY(figure_compute(s, "coordinates", 1, sizeof *c / sizeof(double), run, &n, (double *)(void *)c, err));
  snprintf(
      s->note, sizeof s->note,
      "%zu Gaussian tokens in as many dimensions, V symmetric with one entry in ten, in the frame z = exp(−tV)x. Where "
      "λ > 0 the frame grows with the tokens; where λ < 0 it shrinks, and what is left of a coordinate is blown up.",
      n);
  for (size_t which = 0; which < SHOWN; which++) TRY(draw_shown(s, c, n, which, err));
  TRY(draw_spread(s, c, n, err));
  TRY(figure_check_value(s, "planes", "values of the leading coordinate in the end", THEOREM_AT_MOST, planes(c, n), 3,
                         0, "at most three parallel hyperplanes (T21)", err));
  TRY(figure_check_value(s, "diverging", "the most negative eigenvalue: its coordinate's spread grows (log₁₀)",
                         THEOREM_AT_LEAST, growth(c, 0), 0, 0, "it diverges, as in the published figure", err));
done:
  mem_free(c);
  return status;
}

const figure figure_coordinates = {
    .name = "coordinates",
    .summary = "Attention without layer norm, coordinate by coordinate",
    .source =
        "Geshkovski, Letrouit, Polyanskiy, Rigollet, arXiv:2305.05465, figures of converging and diverging coordinates",
    .shows =
        "Coordinates of all tokens along three eigenvectors of V over time, and how the spread of every coordinate "
        "changes, by eigenvalue.",
    .original =
        "128 tokens in 128 dimensions to t = 15, sparse symmetric V; exp(tV) is formed with a transpose missing.",
    .ours =
        "The exact frame, whose exponential is right at every step; and all coordinates at once by their eigenvalue "
        "beside the three single ones.",
    .make = make,
};
