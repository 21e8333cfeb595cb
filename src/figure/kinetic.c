/* figure/kinetic.c - the circle: tokens in few clusters for long, and then in one. */
#include <math.h>
#include <stdio.h>

#include "base/error.h"
#include "base/mem.h"
#include "figure/figures.h"
#include "theorem/particles.h"

enum { FILMS = 3, FRAMES = 241, MOST_N = 32, STARTS = 200, CASES = 2, MOST_COUNT = 6 };

static const struct film {
  const char *id, *title;
  size_t n;
  double beta, log_end;
  uint32_t start;
} films[FILMS] = {
    {"few", "five tokens, β = 4", 5, 4, 9, 9107},
    {"four", "32 tokens, β = 4", MOST_N, 4, 6, 9113},
    {"nine", "32 tokens, β = 9", MOST_N, 9, 12, 9103},
};
static const double betas[CASES] = {4, 9};

static double log_time(const struct film *f, size_t k) { return -2 + (f->log_end + 2) * (double)k / (FRAMES - 1); }

/* The middle of the widest gap between angles: where the circle is cut open. */
static double widest_gap(size_t n, const double *x) {
  double best = 0, at = 0, pi = acos(-1);
  for (size_t i = 0; i < n; i++) {
    double from = atan2(x[2 * i + 1], x[2 * i]), gap = 2 * pi;
    for (size_t j = 0; j < n; j++) {
      double ahead = atan2(x[2 * j + 1], x[2 * j]) - from;
      ahead += ahead < 0 ? 2 * pi : 0;
      if (j != i) gap = fmin(gap, ahead);
    }
    if (gap > best) best = gap, at = from + gap / 2;
  }
  return at;
}

/* Angles [FRAMES, n], unwrapped from frame to frame; then the energy [FRAMES] sum e^{beta (cos - 1)} / n^2. */
static dwell_status run_film(void *arg, size_t item, double *ret_values, dwell_error *err) {
  (void)arg;
  const struct film *f = &films[item];
  dwell_status status = DWELL_OK;
  double pi = acos(-1), *energy = ret_values + (size_t)FRAMES * MOST_N;
  particles p = {0};
  TRY(particles_open("sa", f->n, 2, f->beta, &p, err));
  p.plan.rtol = 1e-10;
  particles_uniform(&p, f->start);
  double cut = widest_gap(f->n, p.x);
  for (size_t k = 0; k < FRAMES; k++) {
    TRY(particles_to(&p, exp(log_time(f, k)), NULL, err));
    energy[k] = 0;
    for (size_t i = 0; i < f->n; i++) {
      double angle = atan2(p.x[2 * i + 1], p.x[2 * i]), *at = ret_values + k * f->n + i;
      *at = k == 0 ? angle + (angle < cut ? 2 * pi : 0) - cut
                   : at[-(ptrdiff_t)f->n] + remainder(angle - cut - at[-(ptrdiff_t)f->n], 2 * pi);
      for (size_t j = 0; j < f->n; j++)
        energy[k] += exp(f->beta * (particles_cosine(&p, i, j) - 1)) / (double)(f->n * f->n);
    }
  }
done:
  particles_close(&p);
  return status;
}

/* Clusters of the plateau that lasts longest in ln t, of one start of 32 tokens. Item: beta, then start. */
static dwell_status run_longest(void *arg, size_t item, double *ret_values, dwell_error *err) {
  size_t starts = *(const size_t *)arg;
  dwell_status status = DWELL_OK;
  flow_history history = {0};
  particles p = {0};
  double longest = -1;
  *ret_values = NAN;
  TRY(particles_open("sa", MOST_N, 2, betas[item / starts], &p, err));
  particles_uniform(&p, 9200 + (uint32_t)(item % starts));
  p.plan.rtol = 1e-8;
  TRY(particles_merge(&p, 1e-6, 1, 1e4, &history, NULL, err));
  for (size_t k = 0; k < history.plateau_count; k++) {
    const flow_plateau *v = &history.plateaus[k];
    if (!v->ended || !isfinite(v->log_enter) || v->log_end - v->log_enter <= longest) continue;
    longest = v->log_end - v->log_enter;
    *ret_values = (double)v->clusters;
  }
done:
  history_clear(&history);
  particles_close(&p);
  return status;
}

static dwell_status draw_film(figure_sheet *s, size_t which, const double *angles, dwell_error *err) {
  const struct film *f = &films[which];
  plot p;
  double t[FRAMES], y[FRAMES], least = INFINITY, most = -INFINITY;
  strbuf *out = figure_panel_begin(s, 470, 290, f->title, err);
  if (out == NULL) return DWELL_NO_MEMORY;
  for (size_t e = 0; e < FRAMES * f->n; e++) least = fmin(least, angles[e]), most = fmax(most, angles[e]);
  plot_begin(&p, out,
             &(plot_frame){.id = f->id,
                           .title = f->title,
                           .description = "angles of tokens over time",
                           .width = 470,
                           .height = 290,
                           .right = 16,
                           .x = scale_make(SCALE_LOG, exp(log_time(f, 0)), exp(log_time(f, FRAMES - 1))),
                           .y = scale_make(SCALE_LINEAR, least - 0.2, most + 0.2),
                           .x_label = "time t",
                           .y_label = "angle from the widest gap (radians)"});
  for (size_t i = 0; i < f->n; i++) {
    for (size_t k = 0; k < FRAMES; k++) t[k] = exp(log_time(f, k)), y[k] = angles[k * f->n + i];
    plot_line(&p, t, y, FRAMES, &(plot_style){.colour = "c0", .more = "thin"});
  }
  plot_end(&p);
  dwell_status status = figure_keep(s, f->id, 2, (size_t[]){FRAMES, f->n}, angles, err);
  char name[24];
  snprintf(name, sizeof name, "%s_time", f->id);
  return status == DWELL_OK ? figure_keep_series(s, name, FRAMES, t, err) : status;
}

static dwell_status draw_counts(figure_sheet *s, const double *longest, size_t starts, dwell_error *err) {
  static const char *const colours[CASES] = {"c0", "c1"};
  plot p;
  double count[MOST_COUNT], share[CASES * MOST_COUNT] = {0};
  strbuf *out = figure_panel_begin(s, 470, 290, "the state that lasts longest, by start", err);
  if (out == NULL) return DWELL_NO_MEMORY;
  plot_begin(&p, out,
             &(plot_frame){.id = "counts",
                           .title = "clusters",
                           .description = "share of starts by clusters of the longest state",
                           .width = 470,
                           .height = 290,
                           .right = 16,
                           .x = scale_make(SCALE_LINEAR, 0.5, MOST_COUNT + 0.5),
                           .y = scale_make(SCALE_LINEAR, 0, 1.05),
                           .x_label = "clusters",
                           .y_label = "share of starts",
                           .whole_x = true});
  for (size_t b = 0; b < CASES; b++) {
    char label[24];
    plot_style style = {.colour = colours[b]};
    for (size_t c = 0; c < MOST_COUNT; c++) {
      count[c] = (double)c + 1;
      for (size_t k = 0; k < starts; k++) share[b * MOST_COUNT + c] += longest[b * starts + k] == count[c];
      share[b * MOST_COUNT + c] /= (double)starts;
    }
    plot_line(&p, count, share + b * MOST_COUNT, MOST_COUNT, &style);
    plot_points(&p, count, share + b * MOST_COUNT, NULL, MOST_COUNT, &style);
    snprintf(label, sizeof label, "β = %g", betas[b]);
    plot_key(&p, 320, b, &style, label);
  }
  plot_end(&p);
  return figure_keep(s, "longest_clusters", 2, (size_t[]){CASES, starts}, longest, err);
}

/* Along the flow the energy never falls; in the end it is that of one cluster. */
static dwell_status check(figure_sheet *s, size_t which, const double *energy, dwell_error *err) {
  char name[32];
  double fall = 0;
  for (size_t k = 1; k < FRAMES; k++) fall = fmax(fall, energy[k - 1] - energy[k]);
  snprintf(name, sizeof name, "energy.%s", films[which].id);
  return figure_check_value(s, name, "the energy never falls from one moment to the next (largest fall)",
                            THEOREM_AT_MOST, fall, 0, 1e-9, "steps of 1e-10", err);
}

static dwell_status make(figure_sheet *s, dwell_error *err) {
  enum { SIZE = FRAMES * MOST_N + FRAMES };
  dwell_status status = DWELL_OK;
  size_t starts = s->quick ? 10 : STARTS;
  double *values = MEM_NEW(double, FILMS *SIZE), longest[CASES * STARTS], one = 0;
  TRY_ALLOC(values, "the films of the figure");
  s->columns = 2;
  TRY(figure_compute(s, "kinetic", FILMS, SIZE, run_film, NULL, values, err));
  TRY(figure_compute(s, "kinetic-longest", CASES * starts, 1, run_longest, &starts, longest, err));
  for (size_t f = 0; f < FILMS; f++) {
    const double *energy = values + f * SIZE + (size_t)FRAMES * MOST_N;
    TRY(draw_film(s, f, values + f * SIZE, err));
    TRY(check(s, f, energy, err));
    one = fmax(one, f < 2 ? 1 - energy[FRAMES - 1] : 0);
  }
  TRY(draw_counts(s, longest, starts, err));
  TRY(figure_check_value(s, "one-cluster", "β = 4: one cluster is left in the end (1 − energy, the larger)",
                         THEOREM_AT_MOST, one, 0, 1e-9, "distances end like e^-t", err));
  snprintf(s->note, sizeof s->note,
           "Softmax self-attention on the circle from uniform starts. (d) %zu starts of 32 tokens: "
           "clusters of the plateau between two mergers that lasts longest in ln t.",
           starts);
done:
  mem_free(values);
  return status;
}

const figure figure_kinetic = {
    .name = "kinetic",
    .summary = "Metastability on the circle: few clusters for long, then one",
    .source = "arXiv:2312.10794, figure 4; Geshkovski, Koubbi, Polyanskiy, Rigollet, arXiv:2410.06833",
    .shows =
        "Angles of tokens over the logarithm of time: clusters form at once and meet much later; and how many clusters "
        "the longest state has, over many starts.",
    .original =
        "Single starts: two clusters at β = 4, three at β = 9; five tokens up to t = 400 by Euler steps of .1 from one "
        "given start.",
    .ours =
        "The flow at 1e-10 per step, the logarithm of time as axis (a linear one hides the first stage), other starts, "
        "and the counts over many of them: a picture of one start shows what can happen, not what does. At β = 9 three "
        "clusters come first, but two of them stand longer.",
    .make = make,
};
