/* figure/layer_norm.c - the same starts with and without a layer norm: one point or several. */
#include <math.h>
#include <stdio.h>

#include "base/error.h"
#include "figure/figures.h"
#include "theorem/layer_norm.h"
#include "theorem/numerics.h"

enum { TIMES = 20, MOST_STARTS = 200, ARMS = 2 };

static const char *const words[ARMS] = {"without a norm: limits of e⁻ᵗ x", "with a norm: clusters of tokens"};
static const char *const colours[ARMS] = {"c1", "c0"};

static double time_of(size_t k) { return (double)k + 1; }

/* Item: start, then arm. Groups at all times. */
static dwell_status run(void *arg, size_t item, double *ret_values, dwell_error *err) {
  (void)arg;
  double times[TIMES];
  for (size_t k = 0; k < TIMES; k++) times[k] = time_of(k);
  return layer_norm_groups(item % ARMS == 1, (uint32_t)(item / ARMS), TIMES, times, ret_values, NULL, err);
}

/* groups [starts, ARMS, TIMES] */
static double mean_at(const double *groups, size_t starts, size_t arm, size_t k, double *ret_error) {
  double found[MOST_STARTS];
  for (size_t s = 0; s < starts; s++) found[s] = groups[(s * ARMS + arm) * TIMES + k];
  return numerics_mean(starts, found, ret_error);
}

static dwell_status draw_means(figure_sheet *s, const double *groups, size_t starts, dwell_error *err) {
  plot p;
  double t[TIMES], mean[TIMES], low[TIMES], high[TIMES], error;
  strbuf *out = figure_panel_begin(s, 470, 320, "groups, mean over starts", err);
  if (out == NULL) return DWELL_NO_MEMORY;
  plot_begin(&p, out,
             &(plot_frame){.id = "groups",
                           .title = "groups",
                           .description = "mean number of groups over time",
                           .width = 470,
                           .height = 320,
                           .right = 16,
                           .x = scale_make(SCALE_LINEAR, 0, TIMES),
                           .y = scale_make(SCALE_LOG, 0.8, 40),
                           .x_label = "time t",
                           .y_label = "groups linked within .02"});
  for (size_t arm = 0; arm < ARMS; arm++) {
    for (size_t k = 0; k < TIMES; k++) {
      t[k] = time_of(k), mean[k] = mean_at(groups, starts, arm, k, &error);
      error *= sqrt((double)starts);
      low[k] = fmax(0.8, mean[k] - error), high[k] = mean[k] + error;
    }
    plot_style style = {.colour = colours[arm]};
    plot_band(&p, t, low, high, TIMES, &style);
    plot_line(&p, t, mean, TIMES, &style);
    plot_points(&p, t, mean, NULL, TIMES, &style);
    plot_key(&p, 175, arm, &style, words[arm]);
  }
  plot_end(&p);
  return DWELL_OK;
}

static dwell_status draw_ends(figure_sheet *s, const double *groups, size_t starts, dwell_error *err) {
  enum { MOST = 12 };
  plot p;
  double count[MOST], share[MOST], top = 0;
  strbuf *out = figure_panel_begin(s, 470, 320, "groups at t = 14, by start", err);
  if (out == NULL) return DWELL_NO_MEMORY;
  plot_begin(&p, out,
             &(plot_frame){.id = "ends",
                           .title = "ends",
                           .description = "share of starts by number of groups",
                           .width = 470,
                           .height = 320,
                           .right = 16,
                           .x = scale_make(SCALE_LINEAR, 0.5, MOST + 0.5),
                           .y = scale_make(SCALE_LINEAR, 0, 1.05),
                           .x_label = "groups at the end",
                           .y_label = "share of starts",
                           .whole_x = true});
  for (size_t arm = 0; arm < ARMS; arm++) {
    for (size_t c = 0; c < MOST; c++) {
      count[c] = (double)c + 1, share[c] = 0;
      for (size_t r = 0; r < starts; r++) share[c] += groups[(r * ARMS + arm) * TIMES + 13] == count[c];
      share[c] /= (double)starts;
      top = fmax(top, share[c]);
    }
    plot_style style = {.colour = colours[arm]};
    plot_line(&p, count, share, MOST, &style);
    plot_points(&p, count, share, NULL, MOST, &style);
    plot_key(&p, 175, arm, &style, words[arm]);
  }
  plot_end(&p);
  return DWELL_OK;
}

static dwell_status check(figure_sheet *s, const double *groups, size_t starts, dwell_error *err) {
  static const struct {
    const char *row;
    size_t arm, time;
  } rows[] = {{"T30.bare.t2", 0, 2}, {"T30.bare.t4", 0, 4}, {"T30.bare.t8", 0, 8},   {"T30.bare.t14", 0, 14},
              {"T30.norm.t4", 1, 4}, {"T30.norm.t8", 1, 8}, {"T30.norm.t12", 1, 12}, {"T30.norm.t20", 1, 20}};
  dwell_status status = DWELL_OK;
  double error;
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    double mean = mean_at(groups, starts, rows[i].arm, rows[i].time - 1, &error);
    double within = fmax(4 * error * sqrt(1 + (double)starts / 200), 0.5 / sqrt((double)starts));
    TRY(figure_check_row_within(s, rows[i].row, mean, NAN, within,
                                "four standard errors of the table's 200 starts and of these, for few starts at least "
                                "half a group over the root of their number",
                                err));
  }
done:
  return status;
}

static dwell_status make(figure_sheet *s, dwell_error *err) {
  dwell_status status = DWELL_OK;
  size_t starts = s->quick ? 12 : MOST_STARTS;
  double groups[MOST_STARTS * ARMS * TIMES], times[TIMES];
  s->columns = 2;
  TRY(figure_compute(s, "layer-norm", starts * ARMS, TIMES, run, NULL, groups, err));
  snprintf(
      s->note, sizeof s->note,
      "%zu uniform starts of 32 tokens in three dimensions, β = 1, the same for both arms; bands: one standard "
      "deviation over starts. With the norm all tokens become one; without it e⁻ᵗx goes to several limits, corners of "
      "a polytope, and stays there.",
      starts);
  TRY(draw_means(s, groups, starts, err));
  TRY(draw_ends(s, groups, starts, err));
  for (size_t k = 0; k < TIMES; k++) times[k] = time_of(k);
  TRY(figure_keep_series(s, "time", TIMES, times, err));
  TRY(figure_keep(s, "groups", 3, (size_t[]){starts, ARMS, TIMES}, groups, err));
  TRY(check(s, groups, starts, err));
done:
  return status;
}

const figure figure_layer_norm = {
    .name = "layer-norm",
    .summary = "With and without layer norm, from the same starts",
    .source = "arXiv:2312.10794 and arXiv:2305.05465 treat one case each; the comparison is theorem T30's",
    .shows =
        "The number of groups of tokens over time, with a layer norm (tokens on the sphere) and without (tokens of "
        "R^d, "
        "in the frame that grows with them), and how the starts are spread over numbers of groups.",
    .original = "What does the norm change, all else being equal?",
    .ours =
        "The same tokens, temperature and linkage in both arms. Attention without a norm is integrated in its exact "
        "frame, so that limits are seen and not their growth.",
    .is_experiment = true,
    .make = make,
};
