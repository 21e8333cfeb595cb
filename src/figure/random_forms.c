/* figure/random_forms.c - phase diagrams where scores and values are random matrices. */
#include <math.h>
#include <stdio.h>

#include "base/error.h"
#include "base/mem.h"
#include "figure/figures.h"
#include "flow/layer.h"
#include "linalg/eigen.h"
#include "theorem/numerics.h"
#include "theorem/particles.h"

enum { N = 32, D = 8, COLUMNS = 60, MOST_BETAS = 30 };

static const double UNTIL = 30;

typedef enum form { IDENTITY, GAUSSIAN, SYMMETRIC, POSITIVE, ALONG, AGAINST, FORMS } form;
static const char *const names[FORMS] = {"B = V = I",
                                         "B Gaussian, V = I",
                                         "B symmetric, V = I",
                                         "B Gaussian, V = GGᵀ / d",
                                         "B symmetric, V = B / ‖B‖",
                                         "B symmetric, V = −B / ‖B‖"};

typedef struct grid {
  size_t betas, starts;
} grid;

static double beta_of(const grid *g, size_t k) { return 9 * (double)(k + 1) / (double)g->betas; }

typedef struct matrices {
  double b[D * D], v[D * D], one[D * D];
} matrices;

static double entry(uint32_t start, size_t i, size_t k) { return numerics_normal(5000 + start, i, k) / sqrt(D); }

/* Largest |eigenvalue| of a symmetric matrix. */
static dwell_status norm_of(const double *b, double *ret, dwell_error *err) {
  double copy[D * D], values[D];
  for (size_t e = 0; e < D * D; e++) copy[e] = b[e];
  dwell_status status = eigen_values(D, copy, values, err);
  *ret = fmax(fabs(values[0]), fabs(values[D - 1]));
  return status;
}

static dwell_status draw_matrices(form which, uint32_t start, matrices *m, dwell_error *err) {
  bool symmetric = which == SYMMETRIC || which == ALONG || which == AGAINST;
  double norm = 1;
  for (size_t i = 0; i < D; i++)
    for (size_t k = 0; k < D; k++) {
      size_t e = i * D + k;
      m->one[e] = m->v[e] = i == k;
      m->b[e] = which == IDENTITY ? m->one[e]
                : symmetric       ? (entry(start, i, k) + entry(start, k, i)) * sqrt(0.5)
                                  : entry(start, i, k);
      if (which != POSITIVE) continue;
      m->v[e] = 0; /* entry: G / sqrt(d) */
      for (size_t l = 0; l < D; l++) m->v[e] += entry(start, i, D + l) * entry(start, k, D + l);
    }
  if (which != ALONG && which != AGAINST) return DWELL_OK;
  dwell_status status = norm_of(m->b, &norm, err);
  for (size_t e = 0; e < D * D; e++) m->v[e] = (which == ALONG ? 1 : -1) * m->b[e] / norm;
  return status;
}

typedef struct sum {
  particles *p;
  double weight, *share; /* [COLUMNS] */
} sum;

static dwell_status note(void *self, size_t index, const double *x, dwell_error *err) {
  (void)err;
  sum *s = self;
  particles now = *s->p;
  double here[N * D];
  for (size_t e = 0; e < N * D; e++) here[e] = x[e];
  now.x = here;
  s->share[index] += s->weight * particles_share(&now, 0.999);
  return DWELL_OK;
}

/* Item: form, then beta. Shares of pairs above .999 at the columns' middles, mean over starts with matrices of their
 * own. */
static dwell_status run(void *arg, size_t item, double *ret_values, dwell_error *err) {
  const grid *g = arg;
  dwell_status status = DWELL_OK;
  form which = (form)(item / g->betas);
  double times[COLUMNS];
  matrices m;
  particles p = {0};
  flow_layer layer = {.d = D, .heads = 1, .rank = D, .query = m.b, .key = m.one, .value_rank = D, .read = m.v};
  layer.form_norm = 4, layer.value_norm = 4;
  for (size_t k = 0; k < COLUMNS; k++) times[k] = UNTIL * ((double)k + 0.5) / COLUMNS, ret_values[k] = 0;
  TRY(particles_open("qkv", N, D, beta_of(g, item % g->betas), &p, err));
  for (uint32_t start = 0; start < g->starts; start++) {
    sum s = {&p, 1 / (double)g->starts, ret_values};
    integrate_host host = {.emit = note, .self = &s};
    flow_plan plan = p.plan;
    TRY(draw_matrices(which, start, &m, err));
    plan.rtol = 1e-6, plan.times = times, plan.count = COLUMNS;
    plan.system.layer = &layer;
    particles_uniform(&p, 5500 + start);
    TRY(integrate(&plan, &host, p.x, &p.certificate, err));
  }
done:
  particles_close(&p);
  return status;
}

static dwell_status draw(figure_sheet *s, const grid *g, size_t which, const double *share, dwell_error *err) {
  plot p;
  char id[16];
  double low = beta_of(g, 0) / 2, high = beta_of(g, g->betas - 1) + low;
  snprintf(id, sizeof id, "form%zu", which);
  strbuf *out = figure_panel_begin(s, 330, 270, names[which], err);
  if (out == NULL) return DWELL_NO_MEMORY;
  plot_begin(&p, out,
             &(plot_frame){.id = id,
                           .title = names[which],
                           .description = "share of pairs with cosine at least .999",
                           .width = 330,
                           .height = 270,
                           .right = 14,
                           .x = scale_make(SCALE_LINEAR, 0, UNTIL),
                           .y = scale_make(SCALE_LINEAR, low, high),
                           .x_label = "time t",
                           .y_label = "β"});
  plot_matrix m = {g->betas, COLUMNS, share, 0, UNTIL, low, high, 0, 1};
  plot_cells(&p, &m);
  plot_bar(&p, &m, "pairs ≥ .999");
  plot_end(&p);
  return figure_keep(s, id, 2, (size_t[]){g->betas, COLUMNS}, share, err);
}

static dwell_status make(figure_sheet *s, dwell_error *err) {
  dwell_status status = DWELL_OK;
  grid g = s->quick ? (grid){6, 2} : (grid){MOST_BETAS, 40};
  double beta[MOST_BETAS], *share = MEM_NEW(double, (size_t)FORMS *MOST_BETAS *COLUMNS);
  TRY_ALLOC(share, "the phase diagrams of the figure");
  s->columns = 3;
  for (size_t k = 0; k < g.betas; k++) beta[k] = beta_of(&g, k);
  TRY(figure_compute(s, "random-forms", FORMS * g.betas, COLUMNS, run, &g, share, err));
  for (size_t f = 0; f < FORMS; f++) TRY(draw(s, &g, f, share + f * g.betas * COLUMNS, err));
  TRY(figure_keep_series(s, "beta", g.betas, beta, err));
  const double *first = share + COLUMNS - 1;
  TRY(figure_check_value(s, "identity", "B = V = I, the smallest β: all pairs have met at the end", THEOREM_EQUAL,
                         first[0], 1, 1e-9, "one cluster from almost every start (T2)", err));
  double least = 1;
  for (size_t k = 1; k < g.betas * COLUMNS; k++)
    if (k % COLUMNS != 0) least = fmin(least, share[k] - share[k - 1] + 1);
  TRY(figure_check_value(s, "identity.monotone", "B = V = I: pairs that have met stay together (largest loss)",
                         THEOREM_AT_MOST, 1 - least, 0, 0.02, "few pairs part again on the way through a saddle", err));
  snprintf(
      s->note, sizeof s->note,
      "%d tokens in %d dimensions, %zu starts at each of %zu temperatures, each with matrices of its own; Gaussian "
      "entries have variance 1/d, symmetric matrices the same off the diagonal. Compare (a).",
      N, D, g.starts, g.betas);
done:
  mem_free(share);
  return status;
}

const figure figure_random_forms = {
    .name = "random-forms",
    .summary = "Phase diagrams with random scores and values",
    .source = "arXiv:2312.10794, figure 5",
    .shows =
        "The share of pairs of tokens whose cosine is at least .999, over time and inverse temperature, for random "
        "forms "
        "B = QᵀK and several values V, beside B = V = I.",
    .original =
        "Random and symmetric (GOE) B, values I, GGᵀ/√d and ±B over its norm, by Euler steps of .1 followed by "
        "normalisation.",
    .ours =
        "The flow at 1e-6 per step, and matrices drawn anew for every start, so that no single draw is seen. "
        "GGᵀ/d has a norm that does not depend on d.",
    .make = make,
};
