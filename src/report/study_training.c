/* report/study_training.c - emergence: the trend of claim A over the checkpoints of one training, beside random
 * networks. */
#include <math.h>
#include <stdio.h>

#include "base/error.h"
#include "base/mem.h"
#include "draw/plot.h"
#include "report/study_parts.h"
#include "study/sample.h"

enum { MOST_STEPS = 64, MOST_SEEDS = 99 };

typedef struct training {
  const numbers *n;
  const char *series;
  size_t count;
  double steps[MOST_STEPS], at[MOST_STEPS], means[MOST_STEPS];
  const char *models[MOST_STEPS]; /* checkpoints, by step */
  double random_low, random_high;
  size_t seeds;
} training;

static void add_step(training *t, double step, const char *model) {
  for (size_t k = 0; k < t->count; k++) {
    if (t->steps[k] == step) return;
  }
  if (t->count == MOST_STEPS) return;
  size_t k = t->count++;
  for (; k > 0 && t->steps[k - 1] > step; k--) t->steps[k] = t->steps[k - 1], t->models[k] = t->models[k - 1];
  t->steps[k] = step, t->models[k] = model;
}

static training collect(const numbers *n, const char *series) {
  training t = {.n = n, .series = series, .random_low = INFINITY, .random_high = -INFINITY};
  for (size_t row = 0; row < n->t.rows; row++) {
    double step = numbers_get(n, row, NUMBER_STEP);
    if (study_is_own(n, row) && isfinite(step) && str_equal(numbers_text(n, row, NUMBER_SERIES), series))
      add_step(&t, step, numbers_text(n, row, NUMBER_MODEL));
  }
  for (size_t k = 0; k < t.count; k++) t.means[k] = sample_average(n, t.models[k], "trained", NAN, NUMBER_TREND);
  for (size_t seed = 1; seed <= MOST_SEEDS; seed++) {
    double x = sample_average(n, series, "random", (double)seed, NUMBER_TREND);
    if (isfinite(x)) t.random_low = fmin(t.random_low, x), t.random_high = fmax(t.random_high, x), t.seeds++;
  }
  return t;
}

/* ln of the step; step 0 stands left of a break. */
static void place(training *t, plot_frame *frame) {
  size_t first = t->steps[0] > 0 ? 0u : 1u;
  double low = log(t->steps[first]), high = log(t->steps[t->count - 1]);
  frame->has_zero = first == 1;
  frame->x_first = low;
  frame->zero = low - fmax(0.4, 0.09 * (high - low));
  for (size_t k = 0; k < t->count; k++) t->at[k] = t->steps[k] > 0 ? log(t->steps[k]) : frame->zero;
  frame->x = scale_make(SCALE_LINEAR, t->at[0] - (frame->has_zero ? 0.03 * (high - low) : 0), high);
  frame->x.kind = SCALE_LN;
}

static double value_of(const training *t, size_t k, const char *text) {
  size_t row = sample_row(t->n, t->models[k], "trained", NAN, NAN, text);
  return row != SIZE_MAX ? numbers_get(t->n, row, NUMBER_TREND) : NAN;
}

/* Texts of the last checkpoint: calls are in the order of the table. SIZE_MAX: no more. */
static size_t next_text(const training *t, size_t row) {
  for (; row < t->n->t.rows; row++) {
    if (study_is_own(t->n, row) && str_equal(numbers_text(t->n, row, NUMBER_MODEL), t->series)) return row;
  }
  return SIZE_MAX;
}

static scale y_scale(const training *t) {
  double low = fmin(0, t->random_low), high = fmax(0, t->random_high);
  for (size_t row = next_text(t, 0); row != SIZE_MAX; row = next_text(t, row + 1)) {
    for (size_t k = 0; k < t->count; k++) {
      double x = value_of(t, k, numbers_text(t->n, row, NUMBER_TEXT));
      if (isfinite(x)) low = fmin(low, x), high = fmax(high, x);
    }
  }
  scale y = scale_make(SCALE_LINEAR, low, high);
  scale_widen(&y, 10);
  return y;
}

static void draw_curves(training *t, plot *p) {
  double low[MOST_STEPS], high[MOST_STEPS], values[MOST_STEPS];
  for (size_t k = 0; k < t->count; k++) low[k] = t->random_low, high[k] = t->random_high;
  if (t->seeds > 0)
    plot_band(p, t->at, low, high, t->count, &(plot_style){.colour = "c6", .more = "null", .label = "random weights"});
  for (size_t k = 0; k < t->count && t->seeds > 0; k++) values[k] = (t->random_low + t->random_high) / 2;
  if (t->seeds > 0) plot_line(p, t->at, values, t->count, &(plot_style){.colour = "c6", .more = "thin"});
  for (size_t row = next_text(t, 0); row != SIZE_MAX; row = next_text(t, row + 1)) {
    for (size_t k = 0; k < t->count; k++) values[k] = value_of(t, k, numbers_text(t->n, row, NUMBER_TEXT));
    plot_line(p, t->at, values, t->count, &(plot_style){.colour = "c0", .more = "faint"});
  }
  plot_line(p, t->at, t->means, t->count,
            &(plot_style){.colour = "c0", .series = "trend", .label = "mean of the texts"});
  plot_points(p, t->at, t->means, NULL, t->count, &(plot_style){.colour = "c0"});
}

static void add_steps(const training *t, strbuf *out) {
  strbuf_puts(out,
              "<details class=\"matrix\"><summary>step by step</summary><table class=\"numbers\"><thead><tr><th "
              "scope=\"col\">step</th><th scope=\"col\">mean trend</th></tr></thead><tbody>\n");
  for (size_t k = 0; k < t->count; k++) {
    strbuf_puts(out, "<tr>");
    study_cell(out, t->steps[k], "n");
    study_cell(out, t->means[k], "n");
    strbuf_puts(out, "</tr>\n");
  }
  strbuf_puts(out, "</tbody></table></details>");
}

static void draw(training *t, size_t number, strbuf *out) {
  char id[40], plot_id[48];
  strbuf heading = {0};
  plot p;
  strbuf_puts(&heading, "Clusters over the training of ");
  html_text(&heading, t->series);
  snprintf(id, sizeof id, "training-%zu", number);
  snprintf(plot_id, sizeof plot_id, "plot-%s", id);
  static const char text[] =
      "The trend of claim A after each number of steps: bold the mean over the texts, thin each text. The shade spans "
      "the "
      "random networks' means.";
  plot_frame frame = {.own_axis = true,
                      .id = plot_id,
                      .title = "Clusters over training",
                      .description = text,
                      .width = 1060,
                      .height = 340,
                      .right = 130,
                      .x_label = "training steps (logarithmic)",
                      .y_label = "trend of the cluster test"};
  place(t, &frame);
  frame.y = y_scale(t);
  figure_open(out, id, heading.data != NULL ? heading.data : "", text, NULL);
  plot_begin(&p, out, &frame);
  draw_curves(t, &p);
  plot_end(&p);
  add_steps(t, out);
  figure_close(out, "numbers.csv: <code>trend</code> against <code>step</code>");
  if (heading.failed) out->failed = true;
  strbuf_free(&heading);
}

dwell_status study_training(const numbers *n, strbuf *out, dwell_error *err) {
  strbuf inside = {0};
  size_t number = 0;
  for (size_t row = 0; row < n->t.rows; row++) {
    const char *series = numbers_text(n, row, NUMBER_SERIES);
    bool first = study_is_own(n, row) && str_equal(series, numbers_text(n, row, NUMBER_MODEL));
    for (size_t k = 0; k < row && first; k++)
      first = !(study_is_own(n, k) && str_equal(numbers_text(n, k, NUMBER_MODEL), series));
    training t = first ? collect(n, series) : (training){0};
    if (t.count >= 2) draw(&t, number++, &inside);
  }
  if (number > 0) {
    section_open(
        out, "training", "Emergence over training",
        "Does clustering come with learning, and when? Claim G holds these checkpoints against random networks.");
    strbuf_add(out, inside.data, inside.length);
    section_close(out);
  }
  dwell_status status = inside.failed ? error_no_memory(err, "the page") : DWELL_OK;
  strbuf_free(&inside);
  return status;
}
