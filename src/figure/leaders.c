/* figure/leaders.c - attention without layer norm: tokens that lead, and the rank of attention. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "detect/taxonomy.h"
#include "figure/figures.h"
#include "flow/euclid.h"
#include "linalg/eigen.h"
#include "linalg/gemm.h"
#include "theorem/numerics.h"

enum { FLAT = 20, N = 40, D = 80, FRAMES = 61, MAPS = 2 };

static const double UNTIL_FLAT = 10, UNTIL = 11;

/* Of the tokens in the plane: states; of those in 80 dimensions: attention at the ends, and its spectra. */
typedef struct course {
  double ways[FRAMES][FLAT][2];
  double leads[FLAT]; /* share of the rows of the last attention that are this unit row, within 1e-3 */
  double maps[MAPS][N][N];
  double rank[FRAMES];    /* singular values above 1e-3 of the largest */
  double boolean[FRAMES]; /* rows within 1e-3 of a unit row */
} course;

static double time_of(double until, size_t k) { return until * (double)k / (FRAMES - 1); }

static dwell_status rank_of(const double *p, double *ret, dwell_error *err) {
  double gram[N * N], values[N];
  gemm_f64(false, true, N, N, N, 1, p, N, p, N, 0, gram, N);
  dwell_status status = eigen_values(N, gram, values, err);
  *ret = 0;
  for (size_t k = 0; k < N; k++) *ret += values[k] > 1e-6 * values[N - 1];
  return status;
}

typedef struct watcher {
  const euclid *e;
  course *to;
} watcher;

static dwell_status note_way(void *self, size_t index, const double *z, dwell_error *err) {
  (void)err;
  watcher *w = self;
  memcpy(w->to->ways[index], z, sizeof w->to->ways[index]);
  return DWELL_OK;
}

static dwell_status note_attention(void *self, size_t index, const double *z, dwell_error *err) {
  watcher *w = self;
  dwell_status status = DWELL_OK;
  double p[N * N];
  TRY(euclid_attention(w->e, time_of(UNTIL, index), z, p, err));
  TRY(rank_of(p, &w->to->rank[index], err));
  w->to->boolean[index] = (double)taxonomy_attention(N, p, 1e-3).rows;
  if (index == 0) memcpy(w->to->maps[0], p, sizeof p);
  if (index == FRAMES - 1) memcpy(w->to->maps[1], p, sizeof p);
done:
  return status;
}

static dwell_status solve(watcher *w, double until, double *z,
                          dwell_status (*note)(void *, size_t, const double *, dwell_error *), dwell_error *err) {
  double times[FRAMES];
  for (size_t k = 0; k < FRAMES; k++) times[k] = time_of(until, k);
  ode_plan plan = {.integrator = DWELL_RK45, .rtol = 1e-8, .times = times, .count = FRAMES};
  ode_host host = {.emit = note, .self = w};
  ode_outcome outcome;
  return euclid_solve(w->e, &plan, &host, z, &outcome, err);
}

static dwell_status run_flat(course *c, dwell_error *err) {
  double masses[FLAT], z[FLAT * 2], p[FLAT * FLAT];
  for (size_t i = 0; i < FLAT; i++) masses[i] = 1.0 / FLAT;
  for (size_t e = 0; e < FLAT * 2; e++) z[e] = 10 * numerics_uniform(2305, 7, e) - 5;
  euclid e = {.n = FLAT, .d = 2, .beta = 1, .masses = masses, .rescaled = true};
  dwell_status status = solve(&(watcher){&e, c}, UNTIL_FLAT, z, note_way, err);
  if (status == DWELL_OK) status = euclid_attention(&e, UNTIL_FLAT, z, p, err);
  for (size_t j = 0; j < FLAT; j++) {
    c->leads[j] = 0;
    for (size_t i = 0; i < FLAT; i++) c->leads[j] += p[i * FLAT + j] > 1 - 1e-3;
  }
  return status;
}

/* Tokens in 80 dimensions, V with one leading eigenvalue: the rank falls. */
static dwell_status run_wide(course *c, dwell_error *err) {
  dwell_status status = DWELL_OK;
  double masses[N], *z = MEM_NEW(double, N *D), *v = MEM_ZERO(double, D *D);
  if (z == NULL || v == NULL) TRY_ALLOC(NULL, "the tokens of the figure");
  for (size_t i = 0; i < N; i++) masses[i] = 1.0 / N;
  for (size_t e = 0; e < N * D; e++) z[e] = numerics_normal(2306, e, 0) / sqrt(D) * 2;
  for (size_t k = 0; k < D; k++) v[k * (D + 1)] = k == 0 ? 1 : 0.5 * numerics_uniform(2307, 0, k);
  euclid e = {.n = N, .d = D, .beta = 1, .masses = masses, .rescaled = true, .opt_v = v};
  TRY(solve(&(watcher){&e, c}, UNTIL, z, note_attention, err));
done:
  mem_free(z);
  mem_free(v);
  return status;
}

static dwell_status run(void *arg, size_t item, double *ret_values, dwell_error *err) {
  (void)arg, (void)item;
  course *c = (course *)(void *)ret_values;
  dwell_status status = run_flat(c, err);
  return status == DWELL_OK ? run_wide(c, err) : status;
}

/* ---- drawing ---- */

static dwell_status draw_flat(figure_sheet *s, const course *c, dwell_error *err) {
  plot p;
  double x[FRAMES], y[FRAMES];
  strbuf *out = figure_panel_begin(s, 400, 340, "leaders in the plane, V = I", err);
  if (out == NULL) return DWELL_NO_MEMORY;
  plot_begin(&p, out,
             &(plot_frame){.id = "leaders",
                           .title = "leaders",
                           .description = "ways of tokens in the growing frame",
                           .width = 400,
                           .height = 340,
                           .right = 16,
                           .x = scale_make(SCALE_LINEAR, -5.3, 5.3),
                           .y = scale_make(SCALE_LINEAR, -5.3, 5.3),
                           .x_label = "z₁",
                           .y_label = "z₂"});
  for (size_t i = 0; i < FLAT; i++) {
    for (size_t k = 0; k < FRAMES; k++) x[k] = c->ways[k][i][0], y[k] = c->ways[k][i][1];
    plot_line(&p, x, y, FRAMES, &(plot_style){.colour = "c6", .more = "thin faint"});
    plot_points(&p, x, y, (bool[]){false}, 1, &(plot_style){.colour = "c6"});
    plot_points(&p, x + FRAMES - 1, y + FRAMES - 1, NULL, 1, &(plot_style){.colour = "c0"});
  }
  for (size_t i = 0; i < FLAT; i++)
    if (c->leads[i] > 0)
      plot_points(&p, &c->ways[FRAMES - 1][i][0], &c->ways[FRAMES - 1][i][1], NULL, 1, &(plot_style){.colour = "c1"});
  plot_end(&p);
  return DWELL_OK;
}

static dwell_status draw_map(figure_sheet *s, const course *c, size_t which, dwell_error *err) {
  plot p;
  double turned[N * N];
  strbuf *out = figure_panel_begin(s, 400, 340, which == 0 ? "attention at t = 0" : "attention at t = 11", err);
  if (out == NULL) return DWELL_NO_MEMORY;
  for (size_t i = 0; i < N; i++)
    for (size_t j = 0; j < N; j++) turned[(N - 1 - i) * N + j] = c->maps[which][i][j];
  plot_begin(&p, out,
             &(plot_frame){.id = which == 0 ? "before" : "after",
                           .title = "attention",
                           .description = "weights of keys by query",
                           .width = 400,
                           .height = 340,
                           .right = 16,
                           .x = scale_make(SCALE_LINEAR, 0.5, N + 0.5),
                           .y = scale_make(SCALE_LINEAR, 0.5, N + 0.5),
                           .x_label = "key",
                           .y_label = "query, first at the top",
                           .whole_x = true,
                           .bare_y = true});
  double most = 0;
  for (size_t e = 0; e < N * N; e++) most = fmax(most, turned[e]);
  plot_matrix m = {N, N, turned, 0.5, N + 0.5, 0.5, N + 0.5, 0, most};
  plot_cells(&p, &m);
  plot_bar(&p, &m, "weight");
  plot_end(&p);
  return figure_keep(s, which == 0 ? "attention_before" : "attention_after", 2, (size_t[]){N, N}, &c->maps[which][0][0],
                     err);
}

static dwell_status draw_rank(figure_sheet *s, const course *c, dwell_error *err) {
  plot p;
  double t[FRAMES];
  plot_style rank = {.colour = "c0"}, rows = {.colour = "c1"};
  strbuf *out = figure_panel_begin(s, 400, 340, "its rank, and its rows that are one token", err);
  if (out == NULL) return DWELL_NO_MEMORY;
  for (size_t k = 0; k < FRAMES; k++) t[k] = time_of(UNTIL, k);
  plot_begin(&p, out,
             &(plot_frame){.id = "rank",
                           .title = "rank",
                           .description = "rank of attention over time",
                           .width = 400,
                           .height = 340,
                           .right = 16,
                           .x = scale_make(SCALE_LINEAR, 0, UNTIL),
                           .y = scale_make(SCALE_LINEAR, 0, N * 1.25),
                           .x_label = "time t",
                           .y_label = "of 40"});
  plot_line(&p, t, c->rank, FRAMES, &rank);
  plot_line(&p, t, c->boolean, FRAMES, &rows);
  plot_key(&p, 80, 0, &rank, "singular values ≥ .001 of the largest");
  plot_key(&p, 80, 1, &rows, "rows within .001 of a unit row");
  plot_end(&p);
  dwell_status status = figure_keep_series(s, "time", FRAMES, t, err);
  if (status == DWELL_OK) status = figure_keep_series(s, "rank", FRAMES, c->rank, err);
  return status == DWELL_OK ? figure_keep_series(s, "rows", FRAMES, c->boolean, err) : status;
}

static dwell_status check(figure_sheet *s, const course *c, dwell_error *err) {
  dwell_status status = DWELL_OK;
  taxonomy_place place[FLAT];
  double inside = 0;
  TRY(taxonomy_places(FLAT, 2, &c->ways[0][0][0], place, err));
  for (size_t i = 0; i < FLAT; i++) inside += c->leads[i] > 0 && place[i] == TAXONOMY_INSIDE;
  TRY(figure_check_value(s, "leaders.outside", "leaders in the plane that start inside the hull of the others",
                         THEOREM_EQUAL, inside, 0, 0, "a count: limits are corners of a polytope (T21)", err));
  TRY(figure_check_value(s, "rank.end",
                         "40 tokens in 80 dimensions, one leading eigenvalue: rank of attention in the end",
                         THEOREM_AT_MOST, c->rank[FRAMES - 1], 3, 0,
                         "at most three hyperplanes, so at most three kinds of rows (T21)", err));
done:
  return status;
}

static dwell_status make(figure_sheet *s, dwell_error *err) {
  dwell_status status = DWELL_OK;
  double leaders = 0;
  course *c = MEM_NEW(course, 1);
  TRY_ALLOC(c, "the tokens of the figure");
  s->columns = 2;
  TRY(figure_compute(s, "leaders", 1, sizeof *c / sizeof(double), run, NULL, (double *)(void *)c, err));
  for (size_t i = 0; i < FLAT; i++) leaders += c->leads[i] > 0;
  snprintf(
      s->note, sizeof s->note,
      "(a) %d tokens from [−5, 5]² (rings) in the frame that grows with the flow, to t = %g; orange: the %.0f whose "
      "weight is 1 in some row of the last attention. (b) to (d) %d tokens in %d dimensions, V diagonal with one "
      "leading eigenvalue.",
      FLAT, UNTIL_FLAT, leaders, N, D);
  TRY(draw_flat(s, c, err));
  for (size_t which = 0; which < MAPS; which++) TRY(draw_map(s, c, which, err));
  TRY(draw_rank(s, c, err));
  TRY(figure_keep(s, "plane", 3, (size_t[]){FRAMES, FLAT, 2}, &c->ways[0][0][0], err));
  TRY(check(s, c, err));
done:
  mem_free(c);
  return status;
}

const figure figure_leaders = {
    .name = "leaders",
    .summary = "Leaders, and the rank of attention without layer norm",
    .source =
        "Geshkovski, Letrouit, Polyanskiy, Rigollet, arXiv:2305.05465, figures of leaders and of low-rank attention",
    .shows =
        "Tokens of the plane that run to a few leaders; and the attention matrix of 40 tokens in 80 dimensions, at the "
        "beginning and at the end, with its rank over time.",
    .original =
        "20 tokens in two dimensions to t = 10 by Euler steps; 40 in 80 dimensions to t = 11, where the program "
        "integrates "
        "x' = Vx alone: attention is drawn, and moves nothing.",
    .ours = "Attention drives the tokens, in the exact frame; leaders are read off the attention, not chosen by eye.",
    .make = make,
};
