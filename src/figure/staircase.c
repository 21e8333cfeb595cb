/* figure/staircase.c - the energy climbs from plateau to plateau, with true times. */
#include <math.h>
#include <stdio.h>

#include "base/error.h"
#include "base/mem.h"
#include "figure/figures.h"
#include "flow/marks.h"
#include "theorem/particles.h"

enum { TOKENS = 5, BETAS = 6, POINTS = 600, MOST_PLATEAUS = TOKENS };

static const double betas[BETAS] = {500, 1000, 1500, 2000, 3000, 4000};
static const char *const colours[BETAS] = {"c5", "c0", "c2", "c4", "c1", "c3"};

/* One climb: what a record of it holds, so that it can be kept. */
typedef struct climb {
  double energy[POINTS], log_time[POINTS];
  double enter[MOST_PLATEAUS], end[MOST_PLATEAUS], plateau[MOST_PLATEAUS], squares[MOST_PLATEAUS];
} climb;

/* The published start: half of {0, .5, 2, 4, 7} ln 2000 / sqrt 2000. */
static void place(particles *p) {
  static const double parts[TOKENS] = {0, 0.5, 2, 4, 7};
  double unit = log(2000) / sqrt(2000) / 2, angles[TOKENS];
  for (size_t i = 0; i < TOKENS; i++) angles[i] = parts[i] * unit;
  particles_angles(p, angles);
}

typedef struct listener {
  double beta;
  climb *climb;
} listener;

static dwell_status note_energy(void *self, size_t index, const double *x, dwell_error *err) {
  (void)err;
  listener *l = self;
  double sum = 0;
  for (size_t i = 0; i < TOKENS; i++)
    for (size_t j = 0; j < TOKENS; j++) {
      double square = (x[2 * i] - x[2 * j]) * (x[2 * i] - x[2 * j]);
      square += (x[2 * i + 1] - x[2 * j + 1]) * (x[2 * i + 1] - x[2 * j + 1]);
      sum += exp(-l->beta * square / 2);
    }
  l->climb->energy[index] = sum / (TOKENS * TOKENS);
  return DWELL_OK;
}

static dwell_status discard(void *self, size_t index, const double *x, dwell_error *err) {
  (void)self, (void)index, (void)x, (void)err;
  return DWELL_OK;
}

/* From the start to one cluster, which leaves marks; with `to` at the moments of the climb's log_time, by these. */
static dwell_status sail(double beta, climb *to, flow_history *history, flow_marks *marks, dwell_error *err) {
  dwell_status status = DWELL_OK;
  particles p = {0};
  listener l = {beta, to};
  TRY(particles_open("sa", TOKENS, 2, beta, &p, err));
  place(&p);
  flow_plan plan = p.plan;
  integrate_host host = {
      .emit = to != NULL ? note_energy : discard, .self = &l, .opt_history = history, .opt_marks = marks};
  plan.log_clock = true;
  plan.merge = 1e-7 / sqrt(beta);
  plan.until_merged = to != NULL ? 0 : 1;
  plan.log_end = to != NULL ? to->log_time[POINTS - 1] : 1e6;
  plan.log_times = to != NULL ? to->log_time : NULL;
  plan.count = to != NULL ? POINTS : 0;
  TRY(integrate(&plan, &host, p.x, &p.certificate, err));
done:
  particles_close(&p);
  return status;
}

static dwell_status run(void *arg, size_t item, double *ret_values, dwell_error *err) {
  (void)arg;
  climb *c = (climb *)(void *)ret_values;
  flow_history history = {0};
  flow_marks marks = {0};
  dwell_status status = DWELL_OK;
  *c = (climb){{0}};
  TRY(marks_create(TOKENS, 2, &marks, err));
  TRY(sail(betas[item], NULL, &history, &marks, err));
  for (size_t k = 0; k < history.plateau_count && k < MOST_PLATEAUS; k++) {
    const flow_plateau *q = &history.plateaus[k];
    c->enter[k] = fmax(q->log_enter, -50), c->end[k] = q->log_end;
    c->plateau[k] = q->energy, c->squares[k] = q->squares;
  }
  double last = history.mergers[history.merger_count - 1].log_time;
  for (size_t k = 0; k < POINTS; k++) c->log_time[k] = -3 + (1.04 * last + 3) * (double)k / (POINTS - 1);
  TRY(sail(betas[item], c, NULL, &marks, err));
done:
  marks_destroy(&marks);
  history_clear(&history);
  return status;
}

/* ---- drawing ---- */

static dwell_status draw(figure_sheet *s, const climb *climbs, bool scaled, dwell_error *err) {
  static const double plateaus[] = {0.2, 0.28, 0.44, 0.52, 1};
  plot p;
  double top = 0, x[POINTS];
  strbuf *out = figure_panel_begin(s, 470, 320, scaled ? "in units of β" : "true time", err);
  if (out == NULL) return DWELL_NO_MEMORY;
  for (size_t b = 0; b < BETAS; b++) top = fmax(top, climbs[b].log_time[POINTS - 1] / (scaled ? betas[b] : 1));
  scale across = scale_make(SCALE_LINEAR, scaled ? 0 : -3, top);
  plot_begin(&p, out,
             &(plot_frame){.id = scaled ? "scaled" : "true",
                           .title = "energy",
                           .description = "energy over time",
                           .width = 470,
                           .height = 320,
                           .right = 16,
                           .x = across,
                           .y = scale_make(SCALE_LINEAR, 0.15, 1.02),
                           .x_label = scaled ? "ln t / β" : "ln t",
                           .y_label = "energy Σ exp β(⟨x,y⟩ − 1) / n²"});
  for (size_t k = 0; k < 5; k++) plot_rule(&p, plateaus[k], &(plot_style){.colour = "c6", .more = "faint"});
  for (size_t b = 0; b < BETAS; b++) {
    char label[32];
    for (size_t k = 0; k < POINTS; k++)
      x[k] = scaled && climbs[b].log_time[k] < 0 ? NAN : climbs[b].log_time[k] / (scaled ? betas[b] : 1);
    plot_style style = {.colour = colours[b], .more = "thin"};
    plot_line(&p, x, climbs[b].energy, POINTS, &style);
    snprintf(label, sizeof label, "β = %g", betas[b]);
    plot_key(&p, scaled ? 190 : b < 3 ? 250 : 340, scaled ? b + 3 : 11 + b % 3, &style, label);
  }
  plot_end(&p);
  return DWELL_OK;
}

/* ---- numbers ---- */

static dwell_status check(figure_sheet *s, const climb *climbs, dwell_error *err) {
  dwell_status status = DWELL_OK;
  for (size_t b = 0; b < BETAS; b++)
    for (size_t k = 1; k < MOST_PLATEAUS; k++) {
      char name[40];
      if (betas[b] != 2000 && betas[b] != 4000) continue; /* those that theory has rows for */
      snprintf(name, sizeof name, "T13.published-%g.%zu", betas[b], k);
      TRY(figure_check_row(s, name, climbs[b].plateau[k], err));
    }
done:
  return status;
}

static dwell_status keep(figure_sheet *s, const climb *climbs, dwell_error *err) {
  dwell_status status = DWELL_OK;
  double *all = MEM_NEW(double, BETAS *POINTS);
  TRY_ALLOC(all, "the numbers of the figure");
  for (int which = 0; which < 2; which++) {
    for (size_t b = 0; b < BETAS; b++)
      for (size_t k = 0; k < POINTS; k++)
        all[b * POINTS + k] = which == 0 ? climbs[b].log_time[k] : climbs[b].energy[k];
    TRY(figure_keep(s, which == 0 ? "log_time" : "energy", 2, (size_t[]){BETAS, POINTS}, all, err));
  }
  for (size_t b = 0; b < BETAS; b++)
    for (size_t k = 0; k < MOST_PLATEAUS; k++) all[b * MOST_PLATEAUS + k] = climbs[b].end[k];
  TRY(figure_keep(s, "log_plateau_end", 2, (size_t[]){BETAS, MOST_PLATEAUS}, all, err));
  TRY(figure_keep_series(s, "beta", BETAS, betas, err));
done:
  mem_free(all);
  return status;
}

static dwell_status make(figure_sheet *s, dwell_error *err) {
  dwell_status status = DWELL_OK;
  climb *climbs = MEM_NEW(climb, BETAS);
  TRY_ALLOC(climbs, "the climbs of the figure");
  s->columns = 2;
  TRY(figure_compute(s, "staircase", BETAS, sizeof(climb) / sizeof(double), run, NULL, (double *)climbs, err));
  snprintf(
      s->note, sizeof s->note,
      "Five tokens on the circle from the published start, until one cluster is left: ln t = %.1f at β = 4000, where "
      "a double holds numbers up to e^709. Grey: sums of squared masses.",
      climbs[BETAS - 1].end[MOST_PLATEAUS - 2]);
  TRY(draw(s, climbs, false, err));
  TRY(draw(s, climbs, true, err));
  TRY(keep(s, climbs, err));
  TRY(check(s, climbs, err));
done:
  mem_free(climbs);
  return status;
}

const figure figure_staircase = {
    .name = "staircase",
    .summary = "The staircase of the energy",
    .source = "Geshkovski, Koubbi, Polyanskiy, Rigollet, arXiv:2410.06833, section 6",
    .shows =
        "The energy of five tokens on the circle over the logarithm of time, for six temperatures: it stands still "
        "while clusters are apart and jumps when two of them meet. Divided by β the curves tend to one staircase.",
    .original =
        "A million Euler steps of arc length 1e-5 for each temperature, over a rescaled time from which the true "
        "one is not recovered; merging by thresholds that are chosen by hand.",
    .ours =
        "True times: the logarithm of t is accumulated, with steps as long as the motion allows, and clusters are "
        "merged exactly when they meet. Nothing is rescaled.",
    .make = make,
};
