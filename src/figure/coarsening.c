/* figure/coarsening.c - how many clusters are left: K(t) against sqrt(6 beta / ln t). */
#include <math.h>
#include <stdio.h>

#include "base/error.h"
#include "base/mem.h"
#include "figure/figures.h"
#include "theorem/numerics.h"
#include "theorem/particles.h"

enum { TOKENS = 60, MOST_STARTS = 20, CURVE = 100 };

static const double BETA = 400;

/* ret_values[k]: ln t of the merger that leaves k + 1 clusters. */
static dwell_status run(void *arg, size_t item, double *ret_values, dwell_error *err) {
  (void)arg;
  dwell_status status = DWELL_OK;
  particles p = {0};
  flow_history history = {0};
  for (size_t k = 0; k < TOKENS - 1; k++) ret_values[k] = NAN;
  TRY(particles_open("sa", TOKENS, 2, BETA, &p, err));
  particles_uniform(&p, 600 + (uint32_t)item); /* the starts of theorem T13 */
  p.plan.rtol = 1e-8;
  TRY(particles_merge(&p, 1e-7 / sqrt(BETA), 1, 1e5, &history, NULL, err));
  for (size_t k = 0; k < history.merger_count; k++) {
    size_t left = history.mergers[k].clusters;
    if (left >= 1 && left < TOKENS) ret_values[left - 1] = history.mergers[k].log_time;
  }
done:
  history_clear(&history);
  particles_close(&p);
  return status;
}

/* Mean and standard deviation of ln t at k clusters, over the starts that have had exactly so many. */
static void moments(const double *times, size_t starts, size_t k, double *ret_mean, double *ret_spread) {
  double found[MOST_STARTS], error;
  size_t count = 0;
  for (size_t s = 0; s < starts; s++)
    if (isfinite(times[s * (TOKENS - 1) + k - 1])) found[count++] = times[s * (TOKENS - 1) + k - 1];
  *ret_mean = count > 0 ? numerics_mean(count, found, &error) : NAN;
  *ret_spread = count > 1 ? error * sqrt((double)count) : NAN;
}

/* ---- drawing ---- */

/* One start's number of clusters as a staircase. */
static size_t steps_of(const double *times, double *ret_x, double *ret_y) {
  size_t count = 0;
  double last = 1;
  for (size_t k = TOKENS - 1; k >= 1; k--) {
    double t = times[k - 1];
    if (!isfinite(t) || t < 2 || k > 39) continue;
    ret_x[count] = t, ret_y[count++] = (double)(k + 1);
    ret_x[count] = t, ret_y[count++] = (double)k;
    last = t;
  }
  ret_x[count] = fmax(last, 1) * 1.02, ret_y[count] = 1;
  return count + 1;
}

static dwell_status draw_clusters(figure_sheet *s, const double *times, size_t starts, dwell_error *err) {
  plot p;
  double x[2 * TOKENS], y[2 * TOKENS], low[CURVE], high[CURVE], at[CURVE], middle[CURVE];
  strbuf *out = figure_panel_begin(s, 470, 320, "clusters left", err);
  if (out == NULL) return DWELL_NO_MEMORY;
  plot_begin(&p, out,
             &(plot_frame){.id = "clusters",
                           .title = "clusters",
                           .description = "number of clusters over ln t",
                           .width = 470,
                           .height = 320,
                           .right = 16,
                           .x = scale_make(SCALE_LOG, 2, 1000),
                           .y = scale_make(SCALE_LOG, 1, 40),
                           .x_label = "ln t",
                           .y_label = "clusters K"});
  for (size_t i = 0; i < CURVE; i++) {
    at[i] = 2 * pow(400, (double)i / (CURVE - 1));
    low[i] = sqrt(5 * BETA / at[i]), middle[i] = sqrt(6 * BETA / at[i]), high[i] = sqrt(7 * BETA / at[i]);
  }
  plot_band(&p, at, low, high, CURVE, &(plot_style){.colour = "c1"});
  for (size_t r = 0; r < starts; r++) {
    size_t count = steps_of(times + r * (TOKENS - 1), x, y);
    plot_line(&p, x, y, count, &(plot_style){.colour = "c0", .more = "faint", .replica = r});
  }
  plot_style theory = {.colour = "c1"}, mine = {.colour = "c0"};
  plot_line(&p, at, middle, CURVE, &theory);
  plot_key(&p, 215, 0, &theory, "√(6β / ln t), band: 5 … 7");
  plot_key(&p, 215, 1, &mine, "single starts");
  plot_end(&p);
  return DWELL_OK;
}

static dwell_status draw_constant(figure_sheet *s, const double *times, size_t starts, dwell_error *err) {
  plot p;
  double k[16], mean[16], low[16], high[16];
  size_t count = 0;
  strbuf *out = figure_panel_begin(s, 470, 320, "the constant of the law", err);
  if (out == NULL) return DWELL_NO_MEMORY;
  for (size_t c = 3; c <= 16; c++) {
    double spread, middle;
    moments(times, starts, c, &middle, &spread);
    if (!isfinite(middle)) continue;
    double factor = (double)(c * c) / BETA;
    spread = isfinite(spread) ? spread : 0;
    k[count] = (double)c, mean[count] = middle * factor;
    low[count] = (middle - spread) * factor, high[count++] = (middle + spread) * factor;
  }
  plot_begin(&p, out,
             &(plot_frame){.id = "constant",
                           .title = "constant",
                           .description = "ln t K^2 / beta by K",
                           .width = 470,
                           .height = 320,
                           .right = 46,
                           .x = scale_make(SCALE_LINEAR, 2.5, 16.5),
                           .y = scale_make(SCALE_LINEAR, 0, 12),
                           .x_label = "clusters K",
                           .y_label = "ln t · K² / β",
                           .whole_x = true});
  plot_band(&p, k, low, high, count, &(plot_style){.colour = "c0"});
  plot_line(&p, k, mean, count, &(plot_style){.colour = "c0"});
  plot_points(&p, k, mean, NULL, count, &(plot_style){.colour = "c0"});
  plot_rule(&p, 5, &(plot_style){.colour = "c1", .label = "5"});
  plot_rule(&p, 7, &(plot_style){.colour = "c1", .label = "7"});
  plot_end(&p);
  return DWELL_OK;
}

/* ---- numbers ---- */

static dwell_status check(figure_sheet *s, const double *times, size_t starts, dwell_error *err) {
  static const size_t left[] = {14, 10, 8, 6, 4};
  static const double wide[] = {2.5, 5.5, 11, 19, 40}; /* of means of ten starts: the rows' */
  dwell_status status = DWELL_OK;
  for (size_t i = 0; i < sizeof left / sizeof left[0]; i++) {
    char name[40];
    double mean, spread;
    moments(times, starts, left[i], &mean, &spread);
    snprintf(name, sizeof name, "T13.coarsening.%zu", left[i]);
    TRY(figure_check_row_within(s, name, mean, NAN, starts < 10 ? wide[i] * sqrt(10.0 / (double)starts) : NAN,
                                starts < 10 ? "the row's, for fewer starts" : NULL, err));
  }
done:
  return status;
}

static dwell_status make(figure_sheet *s, dwell_error *err) {
  dwell_status status = DWELL_OK;
  size_t starts = s->quick ? 2 : MOST_STARTS;
  double times[MOST_STARTS * (TOKENS - 1)], last, spread;
  s->columns = 2;
  TRY(figure_compute(s, "coarsening", starts, TOKENS - 1, run, NULL, times, err));
  moments(times, starts, 1, &last, &spread);
  snprintf(
      s->note, sizeof s->note,
      "%zu starts of %d uniform tokens on the circle, β = %g. Mean ln t of the last merger: %.0f. Right: mean over "
      "starts and one standard deviation.",
      starts, TOKENS, BETA, last);
  TRY(draw_clusters(s, times, starts, err));
  TRY(draw_constant(s, times, starts, err));
  TRY(figure_keep(s, "log_time", 2, (size_t[]){starts, TOKENS - 1}, times, err));
  TRY(check(s, times, starts, err));
done:
  return status;
}

const figure figure_coarsening = {
    .name = "coarsening",
    .summary = "Coarsening: how many clusters are left after a time",
    .source = "the law is of this laboratory (theorem T13); the setting is of arXiv:2410.06833",
    .shows =
        "Left: the number of clusters of single starts over the logarithm of time, and the law K = √(6β / ln t). "
        "Right: ln t · K² / β, which the law takes to be a constant.",
    .original =
        "After the first clusters have formed, how many are left after a time? No published code reaches such times "
        "(ln t beyond 700).",
    .ours = "The log clock with exact merging: every merger down to the last one, at its true time.",
    .is_experiment = true,
    .make = make,
};
