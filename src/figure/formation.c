/* figure/formation.c - how long metastable states take to form, how long they stand, when the last merger is. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/mem.h"
#include "figure/figures.h"
#include "theorem/particles.h"

enum { MOST_POINTS = 9, MOST_STARTS = 40, SWEEPS = 3 };

/* What is varied; the others stay at the first point of the sweep's base. */
typedef struct point {
  double beta;
  size_t n, d;
} point;

typedef struct sweep {
  const char *name, *label;
  size_t count;
  point points[MOST_POINTS];
} sweep;

static const sweep sweeps[SWEEPS] = {
    {"beta", "β", 7, {{4, 32, 3}, {8, 32, 3}, {16, 32, 3}, {32, 32, 3}, {64, 32, 3}, {128, 32, 3}, {256, 32, 3}}},
    {"n", "tokens n", 6, {{32, 4, 3}, {32, 8, 3}, {32, 16, 3}, {32, 32, 3}, {32, 64, 3}, {32, 128, 3}}},
    {"d", "dimension d", 6, {{32, 32, 2}, {32, 32, 3}, {32, 32, 4}, {32, 32, 6}, {32, 32, 8}, {32, 32, 16}}},
};

typedef struct job {
  size_t starts;
} job;

static double number_of(size_t which, const point *p) {
  return which == 0 ? p->beta : which == 1 ? (double)p->n : (double)p->d;
}

/* ret_values: ln of the time at which the plateau that stands longest (in ln t) is entered, of its end, of the last
 * merger; and its clusters. */
static dwell_status run_one(const point *q, uint32_t start, double *ret_values, dwell_error *err) {
  dwell_status status = DWELL_OK;
  particles p = {0};
  flow_history history = {0};
  double longest = -1;
  TRY(particles_open("sa", q->n, q->d, q->beta, &p, err));
  particles_uniform(&p, 4400 + start);
  p.plan.rtol = 1e-7;
  TRY(particles_merge(&p, 1e-6 / sqrt(q->beta), 1, 1e5, &history, NULL, err));
  for (size_t k = 0; k < history.plateau_count; k++) {
    const flow_plateau *v = &history.plateaus[k];
    if (!v->ended || !isfinite(v->log_enter) || v->log_end - v->log_enter <= longest) continue;
    longest = v->log_end - v->log_enter;
    ret_values[0] = v->log_enter, ret_values[1] = v->log_end, ret_values[3] = (double)v->clusters;
  }
  ret_values[2] = history.mergers[history.merger_count - 1].log_time;
done:
  history_clear(&history);
  particles_close(&p);
  return status;
}

static dwell_status run(void *arg, size_t item, double *ret_values, dwell_error *err) {
  const job *j = arg;
  size_t start = item % j->starts, at = item / j->starts;
  for (size_t k = 0; k < 4; k++) ret_values[k] = NAN;
  for (size_t w = 0; w < SWEEPS; w++) {
    if (at < sweeps[w].count) return run_one(&sweeps[w].points[at], (uint32_t)start, ret_values, err);
    at -= sweeps[w].count;
  }
  return DWELL_OK;
}

static int ascending(const void *a, const void *b) {
  double p = *(const double *)a, q = *(const double *)b;
  return p < q ? -1 : p > q;
}

static double median(const double *values, size_t starts, size_t which) {
  double found[MOST_STARTS];
  size_t count = 0;
  for (size_t s = 0; s < starts; s++)
    if (isfinite(values[s * 4 + which])) found[count++] = values[s * 4 + which];
  qsort(found, count, sizeof *found, ascending);
  return count > 0 ? found[count / 2] : NAN;
}

static dwell_status draw(figure_sheet *s, size_t which, const double *values, size_t starts, double *ret_last,
                         dwell_error *err) {
  static const char *const colours[3] = {"c0", "c2", "c1"};
  static const char *const words[3] = {"longest state entered", "longest state left", "last merger"};
  const sweep *w = &sweeps[which];
  plot p;
  double x[MOST_POINTS], y[3][MOST_POINTS], top = 1;
  char title[64];
  snprintf(title, sizeof title, "against %s", w->label);
  strbuf *out = figure_panel_begin(s, 330, 310, title, err);
  if (out == NULL) return DWELL_NO_MEMORY;
  for (size_t k = 0; k < w->count; k++) {
    x[k] = number_of(which, &w->points[k]);
    for (size_t c = 0; c < 3; c++) y[c][k] = median(values + k * starts * 4, starts, c), top = fmax(top, y[c][k]);
  }
  plot_begin(&p, out,
             &(plot_frame){.id = w->name,
                           .title = title,
                           .description = "ln of times",
                           .width = 330,
                           .height = 310,
                           .right = 14,
                           .x = scale_make(SCALE_LOG, x[0] * 0.9, x[w->count - 1] * 1.1),
                           .y = which == 0 ? scale_make(SCALE_LOG, 1, top * 8) : scale_make(SCALE_LINEAR, 0, top * 1.4),
                           .x_label = w->label,
                           .y_label = "ln t"});
  static const size_t order[3] = {0, 2, 1}; /* the dashes last, where curves coincide */
  for (size_t k = 0; k < 3; k++) {
    size_t c = order[k];
    plot_style style = {.colour = colours[c], .more = c == 1 ? "dash" : NULL};
    plot_line(&p, x, y[c], w->count, &style);
    plot_points(&p, x, y[c], NULL, w->count, &(plot_style){.colour = colours[c]});
    plot_key(&p, 12, c, &style, words[c]);
  }
  plot_end(&p);
  *ret_last = y[2][w->count - 1] / y[2][0];
  return figure_keep(s, w->name, 3, (size_t[]){w->count, starts, 4}, values, err);
}

static dwell_status make(figure_sheet *s, dwell_error *err) {
  dwell_status status = DWELL_OK;
  job j = {s->quick ? 3 : MOST_STARTS};
  size_t points = 0, first = 0;
  double growth[SWEEPS];
  for (size_t w = 0; w < SWEEPS; w++) points += sweeps[w].count;
  double *values = MEM_NEW(double, points *MOST_STARTS * 4);
  TRY_ALLOC(values, "the sweeps of the figure");
  s->columns = 3;
  snprintf(
      s->note, sizeof s->note,
      "Softmax self-attention, %zu uniform starts at each point, medians; where they are not varied β = 32, n = 32, "
      "d = 3. The longest state is the plateau between two mergers that lasts longest in ln t.",
      j.starts);
  TRY(figure_compute(s, "formation", points * j.starts, 4, run, &j, values, err));
  for (size_t w = 0; w < SWEEPS; w++) {
    TRY(draw(s, w, values + first * j.starts * 4, j.starts, &growth[w], err));
    first += sweeps[w].count;
  }
  TRY(figure_check_value(s, "merge-time.beta", "ln of the last merger's time grows with β (ratio of β = 256 and 4)",
                         THEOREM_AT_LEAST, growth[0], 4, 0, "times are exponential in β (theorems T11, T12)", err));
done:
  mem_free(values);
  return status;
}

const figure figure_formation = {
    .name = "formation",
    .summary = "Formation time, dwell and merge time against temperature, number of tokens and dimension",
    .source = "arXiv:2312.10794 and arXiv:2410.06833 ask for these times; the sweep is of this laboratory",
    .shows =
        "Medians of the logarithms of three times: when the state that lasts longest is entered, when it is left, and "
        "when the last two clusters merge.",
    .original =
        "How do the time to form clusters, the time they stand and the time of the final collapse depend on β, n and "
        "d?",
    .ours = "Every run goes to the last merger, however late it is, by the log clock with exact merging.",
    .is_experiment = true,
    .make = make,
};
