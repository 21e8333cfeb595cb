/* figure/learned.c - learned queries, keys and values against the identity of the theory. */
#include <dwell/flow.h>
#include <dwell/measure.h>
#include <math.h>
#include <stdio.h>

#include "base/error.h"
#include "base/mem.h"
#include "figure/figures.h"
#include "figure/trained.h"
#include "flow/weights.h"

enum { ARMS = 3, FRAMES = 49, MOST_STARTS = 8, MOST_ROWS = FRAMES * MOST_STARTS };

static const char *const words[ARMS] = {"Q = K = V = I, β = 1", "random weights", "learned"};
static const char *const colours[ARMS] = {"c1", "c6", "c0"};

typedef struct arms {
  size_t n, starts, d;
  double times[FRAMES];
  double cosine[ARMS][MOST_ROWS]; /* [starts, FRAMES] */
} arms;

/* Mean cosines of one arm. Layers act by turns, each for a short while, so that all of them act all the time. */
static dwell_status run(const figure_sheet *s, const dwell_flow_weights *opt_weights, arms *a, size_t arm,
                        dwell_error *err) {
  dwell_status status = DWELL_OK;
  dwell_flow_options o = dwell_flow_options_default();
  dwell_measure_options m = dwell_measure_options_default();
  dwell_source *source = NULL;
  dwell_run *table = NULL;
  o.flow = "qkv"; /* without weights: the identity, from the same tokens (sa would take a basis of their span) */
  o.n = a->n, o.d = a->d, o.beta = 1, o.replicas = a->starts, o.rtol = 1e-6;
  o.weights = opt_weights;
  o.layer_time = 0.01;
  o.times = a->times, o.times_count = FRAMES;
  m.instruments = "ip", m.null_draws = 0;
  TRY(dwell_flow_open(&o, s->ctx, &source, err));
  TRY(dwell_measure(s->ctx, source, &m, &table, err));
  if (trained_column(table, "ip_mean", MOST_ROWS, a->cosine[arm]) != FRAMES * a->starts)
    TRY(error_set(err, DWELL_FAILED, "the measurement has not all states"));
done:
  dwell_run_destroy(table);
  dwell_source_destroy(source);
  return status;
}

static dwell_status run_weights(const figure_sheet *s, trained_kind kind, arms *a, size_t arm, dwell_error *err) {
  dwell_status status = DWELL_OK;
  dwell_flow_weights *weights = NULL;
  trained_blocks b;
  TRY(trained_open(s, kind, &b, err));
  TRY(weights_of_source(b.source, s->ctx, 0, b.blocks, s->model, &weights, err));
  a->d = dwell_flow_weights_d(weights);
  TRY(run(s, weights, a, arm, err));
done:
  dwell_flow_weights_destroy(weights);
  trained_close(&b);
  return status;
}

static dwell_status draw(figure_sheet *s, const arms *a, dwell_error *err) {
  plot p;
  double y[FRAMES], least = 0;
  strbuf *out = figure_panel_begin(s, 620, 360, "mean cosine of the tokens", err);
  if (out == NULL) return DWELL_NO_MEMORY;
  for (size_t arm = 0; arm < ARMS; arm++)
    for (size_t k = 0; k < FRAMES * a->starts; k++) least = fmin(least, a->cosine[arm][k]);
  plot_begin(&p, out,
             &(plot_frame){.id = "cosine",
                           .title = "mean cosine",
                           .description = "mean cosine over time",
                           .width = 620,
                           .height = 360,
                           .right = 16,
                           .x = scale_make(SCALE_LOG, a->times[1], a->times[FRAMES - 1]),
                           .y = scale_make(SCALE_LINEAR, 1.05 * least, 1),
                           .x_label = "time t",
                           .y_label = "mean cosine"});
  for (size_t arm = 0; arm < ARMS; arm++) {
    for (size_t start = 0; start < a->starts; start++)
      plot_line(&p, a->times + 1, a->cosine[arm] + start * FRAMES + 1, FRAMES - 1,
                &(plot_style){.colour = colours[arm], .more = "faint", .replica = start});
    for (size_t k = 0; k < FRAMES; k++) {
      y[k] = 0;
      for (size_t start = 0; start < a->starts; start++) y[k] += a->cosine[arm][start * FRAMES + k] / (double)a->starts;
    }
    plot_style style = {.colour = colours[arm]};
    plot_line(&p, a->times + 1, y + 1, FRAMES - 1, &style);
    plot_key(&p, 14, ARMS - 1 - arm, &style, words[arm]);
  }
  plot_end(&p);
  return DWELL_OK;
}

static dwell_status make(figure_sheet *s, dwell_error *err) {
  dwell_status status = DWELL_OK;
  arms *a = MEM_ZERO(arms, 1);
  TRY_ALLOC(a, "the runs of the figure");
  a->n = s->quick ? 12 : 32, a->starts = s->quick ? 2 : MOST_STARTS;
  for (size_t k = 1; k < FRAMES; k++)
    a->times[k] = (s->quick ? 3 : 30) * pow(3e3, ((double)k - FRAMES + 1) / (FRAMES - 2));
  TRY(run_weights(s, TRAINED_AS_IS, a, 2, err));
  TRY(run_weights(s, TRAINED_RANDOM, a, 1, err));
  TRY(run(s, NULL, a, 0, err));
  TRY(draw(s, a, err));
  snprintf(s->note, sizeof s->note,
           "%zu uniform tokens in %zu dimensions, %zu starts, the same for all three (a model whose norm takes the "
           "mean out has "
           "it taken out of them first). The attention of %s, its blocks by "
           "turns of .01 time units, against random weights of its shape and against the identity.",
           a->n, a->d, a->starts, s->model);
  TRY(figure_keep_series(s, "time", FRAMES, a->times, err));
  for (size_t arm = 0; arm < ARMS; arm++) {
    static const char *const names[ARMS] = {"cosine_identity", "cosine_random", "cosine_learned"};
    TRY(figure_keep(s, names[arm], 2, (size_t[]){a->starts, FRAMES}, a->cosine[arm], err));
  }
  double apart = 0;
  for (size_t start = 0; start < a->starts; start++)
    apart = fmax(apart, fabs(a->cosine[1][start * FRAMES] - a->cosine[2][start * FRAMES]));
  TRY(figure_check_value(
      s, "starts", "learned and random weights start from the same tokens (largest difference of the mean cosine)",
      THEOREM_AT_MOST, apart, 0, 1e-12, "rounding", err));
done:
  mem_free(a);
  return status;
}

const figure figure_learned = {
    .name = "learned",
    .summary = "Learned queries, keys and values against the identity",
    .source = "arXiv:2312.10794 puts Q = K = V = I; the comparison is of this laboratory",
    .shows =
        "The mean cosine of tokens over time under the attention of a trained model, of the same model with random "
        "weights, and of the theory's identity, from the same starts.",
    .original = "How far is the attention that networks learn from the one that the theorems are about?",
    .ours =
        "The flow itself runs with learned matrices (the norm's gain, the scale of scores and the head's output folded "
        "in), without MLP, positions or text: what is seen is what attention alone would do.",
    .needs_model = true,
    .is_experiment = true,
    .make = make,
};
