/* measure/measure.c - runs a source and measures every state of it: the stages in order. */
#include <math.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "base/clock.h"
#include "base/context.h"
#include "base/error.h"
#include "base/mem.h"
#include "measure/attribution.h"
#include "measure/cost.h"
#include "measure/heads.h"
#include "measure/measurement.h"
#include "measure/output.h"
#include "measure/principal.h"
#include "measure/push.h"
#include "measure/weights.h"

dwell_measure_options dwell_measure_options_default(void) {
  return (dwell_measure_options){.null_draws = 39, .drop_special = true, .beta = NAN};
}

static void release_set(const measurement *s, measured_set *set) {
  for (size_t i = 0; set->prepared != NULL && i < s->frames; i++) {
    if (set->prepared[i] != NULL) s->plan.nulls[0].null->release(set->prepared[i]);
  }
  mem_free(set->prepared);
  mem_free(set->null_reason);
  mem_free(set->null_fit);
}

void measurement_destroy(measurement *s) {
  if (s == NULL) return;
  for (size_t k = 0; k < SETS; k++) release_set(s, &s->sets[k]);
  spool_destroy(s->states);
  selection_free(&s->selection);
  mem_free(s->norms);
  mem_free(s->head_values);
  heads_free(s->input);
  heads_free_clouds(s);
  for (size_t b = 0; s->next_norms != NULL && b < s->blocks; b++) mem_free((void *)(uintptr_t)s->next_norms[b].gain);
  mem_free(s->next_norms);
  mem_free(s->attention);
  mem_free(s->maps);
  mem_free(s->state_values);
  mem_free(s->step_values);
  mem_free(s->null_draws);
  for (size_t k = 0; k < CONTROL_TABLES; k++) mem_free(s->control_values[k]);
  for (size_t i = 0; i < PLAN_MAX_ITEMS; i++) mem_free(s->arrays[i]);
  mem_free(s->gram);
  mem_free(s->clamped);
  mem_free(s->centred_undefined);
  strbuf_free(&s->detected);
  mem_free(s->output.lens);
  mem_free(s->null_labels);
  mem_free(s);
}

static void destroy_stream(void *self) { measurement_destroy(self); }

static dwell_status check_options(const dwell_trajectory *t, const dwell_measure_options *o, dwell_error *err) {
  if (t->n == 0 || t->states == 0) return error_set(err, DWELL_BAD_INPUT, "there are no tokens to measure");
  if ((o->save_attention || o->save_attention_map) && t->heads == 0) {
    error_set(err, DWELL_USAGE, "--save attention: this source has no attention");
    error_remedy(err, "Models and imports with an `attention` array have");
    return DWELL_USAGE;
  }
  if (o->control_count > MEASUREMENT_MAX_CONTROLS) return error_set(err, DWELL_USAGE, "more than 100 controls");
  if (o->null_draws > 100000) return error_set(err, DWELL_USAGE, "more than 100000 null draws");
  return DWELL_OK;
}

dwell_status dwell_measure_cost(const dwell_context *ctx, const dwell_source *source,
                                const dwell_measure_options *options, dwell_cost *ret_cost, dwell_error *err) {
  plan *p = MEM_NEW(plan, 1);
  if (p == NULL) return error_no_memory(err, "the plan");
  dwell_status status = plan_make(dwell_source_trajectory(source), options, p, err);
  if (status == DWELL_OK) status = cost_of(ctx, source, options, p, ret_cost, err);
  mem_free(p);
  return status;
}

/* Freed memory that the allocator keeps would add the peaks of the stages; glibc gives it back when asked. */
static void release_memory(void) {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

static dwell_status run_stages(measurement *s, dwell_error *err) {
  dwell_cost cost;
  dwell_status status = DWELL_OK;
  TRY(check_options(s->t, s->options, err));
  TRY(output_check(s, err));
  TRY(plan_make(s->t, s->options, &s->plan, err));
  TRY(push_check(s, err));
  TRY(cost_of(s->ctx, s->source, s->options, &s->plan, &cost, err));
  TRY(context_check_memory(s->ctx, cost.bytes, "this measurement", err));
  TRY(measurement_collect(s, err));
  TRY(measurement_heads(s, err));
  release_memory();
  TRY(measurement_measure(s, err));
  release_memory();
  TRY(measurement_principal(s, err));
  release_memory();
  TRY(measurement_weights(s, err));
  TRY(measurement_attribution(s, err));
  release_memory();
  TRY(measurement_nulls(s, err));
  release_memory();
  TRY(measurement_controls(s, err));
  release_memory();
  TRY(measurement_output(s, err));
  TRY(measurement_push(s, err));
  release_memory();
  TRY(measurement_events(s, err));
  release_memory();
  TRY(measurement_tables(s, err));
  TRY(measurement_arrays(s, err));
  TRY(measurement_manifest(s, &cost, err));
done:
  return status;
}

dwell_status measurement_create(const dwell_context *ctx, dwell_source *source, const dwell_measure_options *options,
                                measurement **ret_measurement, dwell_error *err) {
  measurement *s = *ret_measurement = MEM_ZERO(measurement, 1);
  if (s == NULL) return error_no_memory(err, "the measurement");
  s->ctx = ctx, s->source = source, s->options = options;
  s->trajectory = *dwell_source_trajectory(source);
  s->t = &s->trajectory;
  return DWELL_OK;
}

dwell_status dwell_measure(const dwell_context *ctx, dwell_source *source, const dwell_measure_options *options,
                           dwell_run **ret_run, dwell_error *err) {
  dwell_status status = DWELL_OK;
  *ret_run = NULL;
  measurement *s;
  TRY(measurement_create(ctx, source, options, &s, err));
  s->blocks = s->t->states - 1;
  s->setting = (instrument_setting){.epsilon = s->t->epsilon, .first_state = s->t->first_state, .beta = options->beta};
  TRY(run_create(&s->run, err));
  s->run->seconds.started = clock_seconds();
  TRY(run_stages(s, err));
  *ret_run = s->run;
  if (s->run->stream != NULL) { /* the states are still in the spool, written when the run is saved */
    s->run->stream_self = s;
    s->run->stream_destroy = destroy_stream;
    s = NULL;
  }
done:
  if (status != DWELL_OK && s != NULL) dwell_run_destroy(s->run);
  measurement_destroy(s);
  return status;
}
