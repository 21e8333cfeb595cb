/* figure/trained.c - runs of trained models for figures. */
#include "figure/trained.h"

#include <dwell/measure.h>
#include <math.h>

#include "base/str.h"
#include "text/prompt.h"

enum { SEED = 1 };

dwell_status trained_measure(const figure_sheet *s, trained_kind kind, const char *instruments, dwell_run **ret_run,
                             dwell_error *err) {
  const prompt *text;
  dwell_model *model = NULL;
  dwell_source *source = NULL;
  dwell_model_options options = dwell_model_options_default();
  dwell_measure_options measured = dwell_measure_options_default();
  dwell_status status = prompt_find("encyclopedia_novelist", &text, err);
  if (status == DWELL_OK) status = dwell_model_open(s->model, s->ctx, &model, err);
  if (status == DWELL_OK) {
    size_t most = s->quick ? 96 : 512, context = dwell_model_get_info(model)->context;
    options.max_tokens = most < context ? most : context;
    options.shuffle = kind == TRAINED_SHUFFLED, options.shuffle_seed = SEED;
    options.random_weights = kind == TRAINED_RANDOM, options.random_seed = SEED;
    measured.instruments = instruments;
    measured.null_draws = 0;
    measured.drop_special = true;
    status = dwell_model_open_text(model, text->text, text->size, &options, &source, err);
  }
  if (status == DWELL_OK) status = dwell_measure(s->ctx, source, &measured, ret_run, err);
  dwell_source_destroy(source);
  dwell_model_destroy(model);
  return status;
}

dwell_status trained_open(const figure_sheet *s, trained_kind kind, trained_blocks *ret_blocks, dwell_error *err) {
  static const int64_t any_id = 0; /* a source has a text; this one is not run */
  dwell_model_options options = dwell_model_options_default();
  *ret_blocks = (trained_blocks){0};
  options.random_weights = kind == TRAINED_RANDOM, options.random_seed = SEED;
  dwell_status status = dwell_model_open(s->model, s->ctx, &ret_blocks->model, err);
  if (status == DWELL_OK)
    status = dwell_model_open_ids(ret_blocks->model, &any_id, 1, &options, &ret_blocks->source, err);
  if (status == DWELL_OK) ret_blocks->blocks = dwell_source_trajectory(ret_blocks->source)->states - 1;
  return status;
}

void trained_close(trained_blocks *b) {
  dwell_source_destroy(b->source);
  dwell_model_destroy(b->model);
  *b = (trained_blocks){0};
}

size_t trained_column(const dwell_run *run, const char *column, size_t most, double *ret_values) {
  size_t count = 0;
  for (size_t r = 0; r < dwell_run_rows(run, "layers") && count < most; r++) {
    const char *tap = dwell_run_text(run, "layers", r, "tap");
    if (tap != NULL && str_equal(tap, "final_norm")) continue;
    ret_values[count] = NAN;
    dwell_run_number(run, "layers", r, column, &ret_values[count]);
    count++;
  }
  return count;
}
