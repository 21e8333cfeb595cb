/* measure/manifest.c - run.json: everything needed to repeat, check and doubt the numbers of a run. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/ranks.h"
#include "base/version.h"
#include "file/jwriter.h"
#include "linalg/gemm.h"
#include "linalg/vmath.h"
#include "measure/measurement.h"
#include "trajectory/source.h"

static void write_program(jwriter *w, const measurement *s) {
  jwriter_key(w, "dwell");
  jwriter_object(w);
  jwriter_put_string(w, "version", version_number());
  jwriter_put_string(w, "commit", version_commit());
  jwriter_put_string(w, "compiler", version_compiler());
  jwriter_put_string(w, "isa", vmath_isa());
  jwriter_put_string(w, "blas", gemm_library());
  jwriter_put_int(w, "threads", s->ctx->threads);
  if (ranks_count(s->ctx) > 1) jwriter_put_int(w, "processes", (int64_t)ranks_count(s->ctx));
  jwriter_close(w);
}

/* Kind and source of each control. */
static void write_controls(jwriter *w, const dwell_measure_options *o) {
  if (o->control_count == 0) return;
  jwriter_key(w, "controls");
  jwriter_array(w);
  for (size_t k = 0; k < o->control_count; k++) {
    jwriter_flat_object(w);
    jwriter_put_string(w, "kind", o->controls[k].kind);
    jwriter_put_string(w, "detail", o->controls[k].detail);
    jwriter_close(w);
  }
  jwriter_close(w);
}

static const char *form_name(plan_form form) { return form == FORM_ROBUST ? "robust" : "ln"; }

/* What is asked of the output layer, if anything is. */
static void write_output(jwriter *w, const dwell_measure_options *o) {
  if (!o->nll && !o->lens && o->plain == NULL) return;
  jwriter_key(w, "output");
  jwriter_flat_array(w);
  if (o->nll) jwriter_string(w, "nll");
  if (o->lens) jwriter_string(w, "lens");
  if (o->plain != NULL) jwriter_string(w, "against_plain");
  jwriter_close(w);
}

static void write_push(jwriter *w, const dwell_push *p) {
  if (p->kind == DWELL_PUSH_NONE) return;
  jwriter_key(w, "push");
  jwriter_flat_object(w);
  jwriter_put_string(w, "kind", measurement_push_name(p->kind));
  jwriter_put_double(w, "amount", p->amount);
  jwriter_put_int(w, "state", (int64_t)p->state);
  jwriter_close(w);
}

static void write_options(jwriter *w, const measurement *s) {
  const dwell_measure_options *o = s->options;
  jwriter_key(w, "measure");
  jwriter_object(w);
  jwriter_put_string(w, "instruments", o->instruments != NULL ? o->instruments : "all");
  jwriter_put_int(w, "null_draws", (int64_t)s->plan.draws);
  jwriter_put_string(w, "selection", o->types ? "types" : "all");
  jwriter_key(w, "representations");
  jwriter_flat_array(w);
  if (o->robust) jwriter_string(w, form_name(FORM_ROBUST));
  if (o->normed) jwriter_string(w, form_name(FORM_NORMED));
  jwriter_close(w);
  jwriter_put_string(w, "special", o->drop_special ? "drop" : "keep");
  jwriter_put_int(w, "seed", (int64_t)s->ctx->seed);
  jwriter_put_double(w, "beta", o->beta);
  write_controls(w, o);
  write_output(w, o);
  write_push(w, &o->push);
  jwriter_key(w, "save");
  jwriter_flat_array(w);
  if (o->save_states) jwriter_string(w, "states");
  if (o->save_attention) jwriter_string(w, "attention");
  if (o->save_attention_map) jwriter_string(w, "attention-map");
  if (o->save_gram) jwriter_string(w, "gram");
  jwriter_close(w);
  jwriter_close(w);
}

static void write_source(jwriter *w, const measurement *s) {
  const dwell_trajectory *t = s->t;
  jwriter_key(w, "source");
  jwriter_object(w);
  jwriter_put_string(w, "kind", t->kind);
  jwriter_put_string(w, "name", t->name);
  jwriter_put_int(w, "tokens", (int64_t)t->n);
  jwriter_put_int(w, "dimensions", (int64_t)t->d);
  jwriter_put_int(w, "states", (int64_t)t->states);
  jwriter_put_int(w, "first_state", (int64_t)t->first_state);
  jwriter_put_int(w, "replicas", (int64_t)t->replicas);
  jwriter_put_int(w, "heads", (int64_t)t->heads);
  jwriter_put_bool(w, "causal", t->causal);
  jwriter_put_bool(w, "final_norm", t->has_final_norm);
  jwriter_put_string(w, "dtype", t->dtype == DWELL_F32 ? "f32" : "f64");
  jwriter_put_double(w, "epsilon", t->epsilon);
  source_note(s->source, w);
  jwriter_close(w);
}

static void write_selection(jwriter *w, const measurement *s) {
  const selection *sel = &s->selection;
  jwriter_key(w, "selection");
  jwriter_object(w);
  jwriter_put_int(w, "tokens", (int64_t)s->t->n);
  jwriter_put_int(w, "kept", (int64_t)sel->all_count);
  jwriter_put_int(w, "types", (int64_t)sel->types_count);
  jwriter_put_int(w, "measured", (int64_t)s->row_count);
  jwriter_put_int(w, "dropped_special", (int64_t)sel->dropped_special);
  jwriter_put_int(w, "dropped_first", (int64_t)sel->dropped_first);
  jwriter_put_int(w, "dropped_massive", (int64_t)sel->dropped_massive);
  jwriter_put_int(w, "dropped_zero", (int64_t)sel->dropped_zero);
  jwriter_put_int(w, "dropped_given", (int64_t)sel->dropped_given);
  jwriter_close(w);
}

static void write_tokens(jwriter *w, const measurement *s) {
  const dwell_trajectory *t = dwell_source_trajectory(s->source);
  if (t->token_ids == NULL && t->pieces == NULL) return;
  jwriter_key(w, "tokens");
  jwriter_array(w);
  for (size_t i = 0; i < t->n; i++) {
    jwriter_flat_object(w);
    if (t->token_ids != NULL) jwriter_put_int(w, "id", t->token_ids[i]);
    if (t->pieces != NULL) jwriter_put_string(w, "piece", t->pieces[i]);
    jwriter_put_bool(w, "special", t->special != NULL && t->special[i]);
    jwriter_put_bool(w, "kept", s->selection.keep[i]);
    jwriter_close(w);
  }
  jwriter_close(w);
}

static void write_conventions(jwriter *w, const measurement *s) {
  jwriter_key(w, "conventions");
  jwriter_object(w);
  jwriter_put_string(w, "states", "l = 0..L; block b maps state b to state b+1; a final norm is a tap of its own");
  jwriter_put_string(w, "pairs", "the n(n-1)/2 pairs i < j of measured tokens; sd of pairs is the population sd");
  jwriter_put_string(w, "raw", "cosines of the tokens");
  jwriter_put_string(w, "centred",
                     "tokens are normalised first, then their mean is subtracted, then cosines are taken");
  jwriter_put_string(w, "collapsed", "mean squared length of the centred unit tokens below 1e-6: no centred cosines");
  jwriter_put_string(w, "neighbours",
                     "by centred cosines; of those within 1e-12 of each other the smaller index first");
  jwriter_put_string(w, "energy", "n^-2 sum over all i, j of exp(beta (G_ij - 1)), i = j included");
  jwriter_put_string(w, "p", "(1 + number of draws >= observed - 1e-12) / (draws + 1); large is extreme");
  jwriter_put_string(w, "null_sd", "population sd of the draws");
  jwriter_put_string(w, "dtype", s->t->dtype == DWELL_F32 ? "states f32, measures f64" : "states f64, measures f64");
  jwriter_put_string(w, "undefined", "an undefined value is an empty cell; `undefined` lists the reasons");
  jwriter_close(w);
}

/* ---- what is undefined, and why ---- */

/* Reasons are static texts and few. */
typedef struct reasons {
  const char *text[16];
  int64_t cells[16];
  size_t count;
} reasons;

static void count_reason(reasons *r, const char *reason) {
  size_t k = 0;
  while (k < r->count && strcmp(r->text[k], reason) != 0) k++;
  if (k == sizeof r->text / sizeof r->text[0]) return;
  if (k == r->count) r->text[r->count++] = reason;
  r->cells[k]++;
}

static void put_reasons(jwriter *w, const char *name, const char *column, const reasons *r) {
  for (size_t k = 0; k < r->count; k++) {
    jwriter_flat_object(w);
    jwriter_put_string(w, "table", name);
    jwriter_put_string(w, "column", column);
    jwriter_put_string(w, "reason", r->text[k]);
    jwriter_put_int(w, "cells", r->cells[k]);
    jwriter_close(w);
  }
}

static void write_reasons(jwriter *w, const char *name, const plan_list *list, const value *values, size_t rows) {
  for (size_t i = 0; i < list->value_count; i++) {
    reasons r = {.count = 0};
    for (size_t row = 0; list->values[i].wanted && row < rows; row++) {
      const value *v = &values[row * list->value_count + i];
      if (v->undefined != NULL) count_reason(&r, v->undefined);
    }
    put_reasons(w, name, list->values[i].name, &r);
  }
}

/* Why a null has no value at a frame, or NULL. */
static const char *null_reason(const measurement *s, size_t slot, size_t frame) {
  const char *of_state = s->sets[s->plan.nulls[slot].set].null_reason[frame];
  double mean, sd, p;
  if (of_state != NULL || s->plan.nulls[slot].where == SIZE_MAX) return of_state;
  return measurement_null(s, frame, slot, &mean, &sd, &p) ? NULL : "not_needed";
}

/* Cells of the sampled nulls that are empty although the measure itself is defined. */
static void write_null_reasons(jwriter *w, const measurement *s) {
  const plan_list *list = &s->plan.state;
  for (size_t i = 0; i < s->plan.null_count; i++) {
    size_t at = s->plan.nulls[i].value;
    reasons r = {.count = 0};
    char column[96];
    for (size_t f = 0; f < s->frames; f++) {
      bool defined = s->state_values[f * list->value_count + at].undefined == NULL;
      const char *reason = null_reason(s, i, f);
      if (defined && reason != NULL) count_reason(&r, reason);
    }
    snprintf(column, sizeof column, "%s_null_mean", list->values[at].name);
    put_reasons(w, "layers", column, &r);
  }
}

static void write_undefined(jwriter *w, const measurement *s) {
  jwriter_key(w, "undefined");
  jwriter_array(w);
  if (s->state_values != NULL) write_reasons(w, "layers", &s->plan.state, s->state_values, s->frames);
  if (s->null_draws != NULL) write_null_reasons(w, s);
  if (s->step_values != NULL) write_reasons(w, "blocks", &s->plan.step, s->step_values, s->frames);
  if (s->head_values != NULL) {
    write_reasons(w, "heads", &s->plan.head, s->head_values, s->t->replicas * s->blocks * s->t->heads);
  }
  jwriter_close(w);
}

/* ---- nulls and warnings ---- */

static void write_nulls(jwriter *w, const measurement *s) {
  jwriter_key(w, "nulls");
  jwriter_array(w);
  for (size_t i = 0; i < s->plan.null_count && s->plan.draws > 0; i++) {
    jwriter_flat_object(w);
    jwriter_put_string(w, "column", s->plan.state.values[s->plan.nulls[i].value].name);
    jwriter_put_string(w, "null", s->plan.nulls[i].null->name);
    jwriter_put_int(w, "draws", (int64_t)s->plan.draws);
    jwriter_put_string(w, "randomness",
                       s->given_phases ? "phases of the file"
                       : s->t->ordered ? "phases"
                                       : "rotations");
    jwriter_close(w);
  }
  jwriter_close(w);
}

/* An entry for a state; not closed. */
static void begin_note(jwriter *w, const measurement *s, plan_set which, size_t f, const char *note) {
  jwriter_flat_object(w);
  if (plan_set_has_types(which)) jwriter_put_string(w, "selection", "types");
  if (plan_set_form(which) != FORM_PLAIN) jwriter_put_string(w, "representation", form_name(plan_set_form(which)));
  const dwell_frame *frame = spool_frame(s->states, f);
  jwriter_put_int(w, "replica", (int64_t)frame->replica);
  if (strcmp(frame->tap, "resid") == 0) jwriter_put_int(w, "state", (int64_t)frame->state);
  else jwriter_put_string(w, "tap", frame->tap);
  jwriter_put_string(w, "note", note);
}

/* Entries for states without a null, with a poor one, or with as many clusters as were tried. */
static void write_null_states(jwriter *w, const measurement *s, plan_set which) {
  const measured_set *set = &s->sets[which];
  static const double POOR = 0.1; /* instruments.md 4.1: twin_poor */
  for (size_t f = 0; set->prepared != NULL && f < s->frames; f++) {
    bool poor = set->null_fit[f] > POOR;
    if (set->null_reason[f] != NULL || poor) {
      begin_note(w, s, which, f, set->null_reason[f] != NULL ? set->null_reason[f] : "twin_poor");
      if (poor) jwriter_put_double(w, "twin_err", set->null_fit[f]);
      jwriter_close(w);
    }
    if (!measurement_count_capped(s, f, which)) continue;
    begin_note(w, s, which, f, "k_capped");
    jwriter_close(w);
  }
}

static void write_null_notes(jwriter *w, const measurement *s) {
  if (s->plan.draws == 0) return;
  jwriter_key(w, "null_notes");
  jwriter_array(w);
  for (plan_set set = 0; set < SETS; set++) write_null_states(w, s, set);
  jwriter_close(w);
}

/* Numbers of the whole run. */
static void write_summaries(jwriter *w, const measurement *s) {
  const head_calibration *c = &s->calibration;
  jwriter_key(w, "summaries");
  jwriter_object(w);
  if (c->heads > 0) { /* a NaN is written as null */
    jwriter_put_double(w, "beta_cal", c->beta);
    jwriter_put_double(w, "beta_eff_median", c->median);
    jwriter_put_int(w, "heads", (int64_t)c->heads);
    jwriter_put_int(w, "heads_with_positive_beta", (int64_t)c->positive);
    jwriter_put_int(w, "heads_that_qualify", (int64_t)c->qualified);
  }
  if (s->calibration_normed.heads > 0) {
    jwriter_put_double(w, "beta_cal_ln", s->calibration_normed.beta);
    jwriter_put_double(w, "beta_eff_ln_median", s->calibration_normed.median);
    jwriter_put_int(w, "heads_that_qualify_ln", (int64_t)s->calibration_normed.qualified);
  }
  if (s->output.there) {
    jwriter_put_double(w, "nll_mean", s->output.nll);
    jwriter_put_int(w, "nll_tokens", (int64_t)s->output.tokens);
  }
  if (s->pushed.there) {
    jwriter_put_int(w, "push_clusters", (int64_t)s->pushed.clusters);
    jwriter_put_int(w, "push_rank", (int64_t)s->pushed.rank);
    jwriter_put_double(w, "push_size", s->pushed.rank > 0 ? s->pushed.size : NAN);
    if (s->pushed.rank == 0)
      jwriter_put_string(w, "push_undefined", s->pushed.clusters == 0 ? "no_clusters" : "no_motion");
  }
  if (s->output.there && s->options->plain != NULL) {
    jwriter_put_double(w, "nll_plain_mean", s->output.nll_plain);
    jwriter_put_double(w, "nll_change", s->output.nll - s->output.nll_plain);
    jwriter_put_double(w, "kl_mean", s->output.kl);
  }
  jwriter_close(w);
}

static size_t total(const size_t *counts, size_t n) {
  size_t sum = 0;
  for (size_t i = 0; counts != NULL && i < n; i++) sum += counts[i];
  return sum;
}

static void write_warnings(jwriter *w, const measurement *s) {
  jwriter_key(w, "warnings");
  jwriter_object(w);
  jwriter_put_int(w, "clamped_cosines", (int64_t)total(s->clamped, s->frames));
  jwriter_put_int(w, "zero_norm_tokens", (int64_t)s->selection.dropped_zero);
  jwriter_put_int(w, "centred_undefined", (int64_t)total(s->centred_undefined, s->frames));
  jwriter_close(w);
}

void measurement_identity(const measurement *s, strbuf *out) {
  jwriter w = jwriter_start_members(out, 1);
  write_program(&w, s);
  write_source(&w, s);
  write_options(&w, s);
}

dwell_status measurement_manifest(measurement *s, const dwell_cost *cost, dwell_error *err) {
  strbuf *out = &s->run->manifest_body;
  jwriter w = jwriter_start_members(out, 1);
  write_program(&w, s);
  if (s->options->command != NULL) jwriter_put_string(&w, "command", s->options->command);
  write_source(&w, s);
  write_options(&w, s);
  write_selection(&w, s);
  write_conventions(&w, s);
  write_nulls(&w, s);
  write_null_notes(&w, s);
  write_summaries(&w, s);
  if (s->detected.data != NULL) jwriter_members(&w, s->detected.data);
  write_warnings(&w, s);
  write_undefined(&w, s);
  jwriter_put_int(&w, "bound_bytes", (int64_t)cost->bytes);
  write_tokens(&w, s);
  return out->failed ? error_no_memory(err, "the manifest") : DWELL_OK;
}
