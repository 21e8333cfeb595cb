/* figure/heads.c - 1, 2, 4 and 8 heads from the same starts, with a norm and without. */
#include <math.h>
#include <stdio.h>

#include "base/error.h"
#include "base/mem.h"
#include "figure/figures.h"
#include "theorem/layer_norm.h"
#include "theorem/numerics.h"

enum { SIZES = 4, CASES = 3, ARMS = SIZES * CASES, TIMES = 16, MOST_STARTS = 400 };

static const size_t sizes[SIZES] = {1, 2, 4, 8};
static const char *const colours[SIZES] = {"c1", "c2", "c0", "c3"};

/* V_h = I / H with a norm; Gaussian values with a norm; V_h = I / H without. */
static layer_norm_arm arm_of(size_t arm) {
  return (layer_norm_arm){.heads = sizes[arm % SIZES], .random_values = arm / SIZES == 1, .norm = arm / SIZES < 2};
}

static double time_of(size_t k) { return 0.5 * ((double)k + 1); }

/* Without a norm the tokens of eight heads grow fast; they end earlier. */
static size_t times_of(size_t arm) { return arm / SIZES == 2 ? TIMES / 2 : TIMES; }

static dwell_status run(void *arg, size_t item, double *ret_values, dwell_error *err) {
  (void)arg;
  layer_norm_arm arm = arm_of(item % ARMS);
  double times[TIMES];
  for (size_t k = 0; k < TIMES; k++) times[k] = time_of(k), ret_values[k] = NAN;
  return layer_norm_cosines(&arm, (uint32_t)(item / ARMS), times_of(item % ARMS), times, ret_values, NULL, NULL, err);
}

/* cosines [starts, ARMS, TIMES]; `other`: an arm whose value is taken off, ARMS: none. */
static double mean_at(const double *cosines, size_t starts, size_t arm, size_t other, size_t k, double *ret_error) {
  double *found = MEM_NEW(double, starts), mean = NAN;
  for (size_t s = 0; s < starts && found != NULL; s++) {
    const double *row = cosines + s * ARMS * TIMES;
    found[s] = row[arm * TIMES + k] - (other < ARMS ? row[other * TIMES + k] : 0);
  }
  if (found != NULL) mean = numerics_mean(starts, found, ret_error);
  mem_free(found);
  return mean;
}

static dwell_status draw_means(figure_sheet *s, const double *cosines, size_t starts, size_t which, dwell_error *err) {
  static const char *const titles[CASES] = {"norm, V_h = I / H", "norm, Gaussian V_h", "no norm, V_h = I / H"};
  plot p;
  double t[TIMES], mean[TIMES], error;
  char id[16];
  size_t count = times_of(which * SIZES);
  snprintf(id, sizeof id, "mean%zu", which);
  strbuf *out = figure_panel_begin(s, 330, 280, titles[which], err);
  if (out == NULL) return DWELL_NO_MEMORY;
  plot_begin(&p, out,
             &(plot_frame){.id = id,
                           .title = titles[which],
                           .description = "mean cosine over time",
                           .width = 330,
                           .height = 280,
                           .right = 14,
                           .x = scale_make(SCALE_LINEAR, 0, time_of(count - 1)),
                           .y = scale_make(SCALE_LINEAR, 0, 1),
                           .x_label = "time t",
                           .y_label = "mean cosine of directions"});
  for (size_t h = 0; h < SIZES; h++) {
    char label[16];
    for (size_t k = 0; k < count; k++)
      t[k] = time_of(k), mean[k] = mean_at(cosines, starts, which * SIZES + h, ARMS, k, &error);
    plot_style style = {.colour = colours[h]};
    plot_line(&p, t, mean, count, &style);
    snprintf(label, sizeof label, "H = %zu", sizes[h]);
    plot_key(&p, 205, 8 + h, &style, label);
  }
  plot_end(&p);
  return DWELL_OK;
}

/* Differences to one head over the same starts, two standard errors around. */
static dwell_status draw_differences(figure_sheet *s, const double *cosines, size_t starts, size_t which,
                                     dwell_error *err) {
  plot p;
  double t[TIMES], mean[SIZES][TIMES], low[SIZES][TIMES], high[SIZES][TIMES], least = -0.01, most = 0.01;
  char id[16];
  size_t count = times_of(which * SIZES);
  snprintf(id, sizeof id, "paired%zu", which);
  for (size_t h = 1; h < SIZES; h++)
    for (size_t k = 0; k < count; k++) {
      double error;
      t[k] = time_of(k), mean[h][k] = mean_at(cosines, starts, which * SIZES + h, which * SIZES, k, &error);
      low[h][k] = mean[h][k] - 2 * error, high[h][k] = mean[h][k] + 2 * error;
      least = fmin(least, 1.1 * low[h][k]), most = fmax(most, 1.1 * high[h][k]);
    }
  strbuf *out = figure_panel_begin(s, 330, 260, "less one head, start by start", err);
  if (out == NULL) return DWELL_NO_MEMORY;
  plot_begin(&p, out,
             &(plot_frame){.id = id,
                           .title = "difference",
                           .description = "difference of mean cosines to one head",
                           .width = 330,
                           .height = 260,
                           .right = 14,
                           .x = scale_make(SCALE_LINEAR, 0, time_of(count - 1)),
                           .y = scale_make(SCALE_LINEAR, least, most),
                           .x_label = "time t",
                           .y_label = "difference of the mean cosine"});
  plot_rule(&p, 0, &(plot_style){.colour = "c1"});
  for (size_t h = 1; h < SIZES; h++) {
    plot_style style = {.colour = colours[h]};
    plot_band(&p, t, low[h], high[h], count, &style);
    plot_line(&p, t, mean[h], count, &style);
  }
  plot_end(&p);
  return DWELL_OK;
}

static dwell_status check(figure_sheet *s, const double *cosines, size_t starts, dwell_error *err) {
  static const char *const names[CASES] = {"norm", "random", "bare"};
  static const double table_error[CASES][3] = {{.007, .013, .001}, {.004, .016, .026}, {.007, .013, .019}};
  dwell_status status = DWELL_OK;
  for (size_t arm = 0; arm < ARMS; arm++)
    for (size_t i = 0; i < 3; i++) {
      size_t which = arm / SIZES, time = (size_t)1 << i;
      char name[48];
      double error, mean = mean_at(cosines, starts, arm, ARMS, 2 * time - 1, &error);
      if (which == 2 && arm % SIZES != 0 && arm % SIZES != 3) continue; /* the table has one and eight heads */
      snprintf(name, sizeof name, "T30.heads.%s-%zu.t%zu", names[which], sizes[arm % SIZES], time);
      TRY(figure_check_row_within(s, name, mean, NAN, 4 * hypot(error, table_error[which][i]),
                                  "four standard errors of the table's 64 starts and of these", err));
    }
done:
  return status;
}

static dwell_status make(figure_sheet *s, dwell_error *err) {
  dwell_status status = DWELL_OK;
  size_t starts = s->quick ? 8 : MOST_STARTS;
  double *cosines = MEM_NEW(double, MOST_STARTS *ARMS *TIMES), times[TIMES];
  TRY_ALLOC(cosines, "the runs of the figure");
  s->columns = CASES;
  TRY(figure_compute(s, "heads", starts * ARMS, TIMES, run, NULL, cosines, err));
  snprintf(
      s->note, sizeof s->note,
      "%zu starts of 32 tokens in 16 dimensions, B_h = 2 Gaussian/√d, H heads being the first H of one set per start. "
      "Top: mean over starts; below: the same less that of one head, start by start, with two standard errors.",
      starts);
  for (size_t which = 0; which < CASES; which++) TRY(draw_means(s, cosines, starts, which, err));
  for (size_t which = 0; which < CASES; which++) TRY(draw_differences(s, cosines, starts, which, err));
  for (size_t k = 0; k < TIMES; k++) times[k] = time_of(k);
  TRY(figure_keep_series(s, "time", TIMES, times, err));
  TRY(figure_keep(s, "cosine", 3, (size_t[]){starts, ARMS, TIMES}, cosines, err));
  TRY(check(s, cosines, starts, err));
done:
  mem_free(cosines);
  return status;
}

const figure figure_heads = {
    .name = "heads",
    .summary = "One, two, four and eight heads from the same starts",
    .source = "a question of the notes on arXiv:2312.10794; numbers: theorem T30",
    .shows =
        "Mean cosine of the tokens' directions over time for heads with random forms: on the sphere with values I/H "
        "and "
        "Gaussian ones, and without a norm; below, differences to one head with the same start and the same first "
        "head.",
    .original = "Does the number of heads change how fast tokens come together?",
    .ours =
        "Paired differences: single means over 64 starts do not tell the numbers of heads apart. Without a norm, "
        "growing "
        "tokens freeze one head's attention into several clusters, which eight heads avoid.",
    .is_experiment = true,
    .make = make,
};
