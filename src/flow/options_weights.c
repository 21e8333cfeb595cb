/* flow/options_weights.c - checks the options of families of heads. */
#include "flow/options_weights.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"

static const char *const rules[] = {"mean", "first", "last"}; /* as flow_rule */
static const char *const activations[] = {"relu", "gelu", "tanh"};

static dwell_status usage(dwell_error *err, const char *option, const char *message) {
  error_set(err, DWELL_USAGE, "%s", message);
  error_at_item(err, option);
  return DWELL_USAGE;
}

static dwell_status choose(const char *text, const char *const *names, size_t count, const char *option,
                           const char *message, size_t *ret, dwell_error *err) {
  *ret = 0;
  while (*ret < count && strcmp(text, names[*ret]) != 0) ++*ret;
  return *ret < count ? DWELL_OK : usage(err, option, message);
}

/* ---- beta ---- */

static dwell_status read_betas(const dwell_flow_options *o, flow_setup *s, dwell_error *err) {
  flow_schedule *to = &s->schedule;
  if (o->beta_count == 0) return DWELL_OK;
  to->betas = MEM_NEW(double, o->beta_count);
  to->beta_times = MEM_NEW(double, o->beta_count);
  if (to->betas == NULL || to->beta_times == NULL) return error_no_memory(err, "the schedule of beta");
  for (size_t k = 0; k < o->beta_count; k++) {
    if (!isfinite(o->betas[k])) return usage(err, "beta", "beta must be a finite number");
    if (k == 0 ? o->beta_times[0] != 0 : !(o->beta_times[k] > o->beta_times[k - 1]) || !isfinite(o->beta_times[k]))
      return usage(err, "beta", "the times of a schedule of beta start at 0 and ascend");
    to->betas[k] = o->betas[k];
    to->beta_times[k] = o->beta_times[k];
  }
  to->beta_count = o->beta_count;
  s->plan.system.beta = o->betas[0];
  return DWELL_OK;
}

/* ---- weights ---- */

static dwell_status check_weights(const dwell_flow_options *o, const flow_setup *s, dwell_error *err) {
  const dwell_flow_weights *w = o->weights;
  if (s->plan.family->drift == NULL && !s->plan.family->weighted) {
    error_set(err, DWELL_USAGE, "the flow %s has Q = K = V = I and takes no weights", s->plan.family->name);
    error_at_item(err, "flow");
    return error_remedy(err, "Use qkv or uqkv");
  }
  if (w->d != s->starts.d) {
    error_set(err, DWELL_USAGE, "the weights are of %zu dimensions, the tokens have %zu", w->d, s->starts.d);
    return error_at_item(err, "qkv");
  }
  if (s->plan.family->solve != NULL && w->layers > 1) return usage(err, "qkv", "this flow takes one layer of weights");
  if (o->heads > w->heads) {
    error_set(err, DWELL_USAGE, "there are only %zu heads", w->heads);
    return error_at_item(err, "heads");
  }
  if (o->heads > 0 && o->heads < w->heads && w->shape.bias != NULL)
    return usage(err, "heads", "a model's heads share a bias: all of them are needed");
  return DWELL_OK;
}

static dwell_status read_weights(const dwell_flow_options *o, flow_setup *s, dwell_error *err) {
  if (o->weights == NULL) return o->heads > 0 ? usage(err, "heads", "heads need weights") : DWELL_OK;
  dwell_status status = check_weights(o, s, err);
  if (status != DWELL_OK) return status;
  s->schedule.weights = o->weights;
  s->schedule.heads = o->heads;
  double step = o->integrator == DWELL_LAYER ? o->step : 1;
  s->schedule.layer_time = o->layer_time > 0 ? o->layer_time : step;
  if (!isfinite(s->schedule.layer_time)) return usage(err, "layer_time", "the time of a layer must be finite");
  s->layer = MEM_NEW(flow_layer, 1);
  if (s->layer == NULL) return error_no_memory(err, "the weights");
  *s->layer = weights_layer(o->weights, 0, o->heads);
  s->plan.system.layer = s->layer;
  return DWELL_OK;
}

/* ---- noise ---- */

static dwell_status read_noise(const dwell_flow_options *o, flow_setup *s, dwell_error *err) {
  normalisation_scheme scheme = s->schedule.normalisation.scheme;
  if (!isfinite(o->kappa) || o->kappa < 0) return usage(err, "kappa", "kappa must be a positive number");
  if (s->plan.family->noisy && !(o->kappa > 0)) return usage(err, "kappa", "this flow needs noise: say kappa");
  if (o->kappa == 0) return DWELL_OK;
  if (s->plan.family->density) {
    s->plan.kappa = o->kappa;
    return DWELL_OK;
  }
  if (s->plan.integrator != DWELL_GEOMETRIC) {
    usage(err, "integrator", "noise needs steps that draw it");
    return error_remedy(err, "Use the integrator geometric:H, such as geometric:0.01");
  }
  if (scheme != NORMALISATION_POST && scheme != NORMALISATION_NGPT)
    return usage(err, "normalisation", "noise goes with the normalisations post and ngpt only");
  if (o->reduce) return usage(err, "reduce", "noise does not stay in the span of the tokens");
  size_t size = s->starts.n * s->starts.d;
  if (size > UINT32_MAX) return usage(err, "n", "that many coordinates have no random numbers of their own");
  s->plan.kappa = o->kappa;
  return DWELL_OK;
}

/* ---- all of it ---- */

static dwell_status check_normalisation(const flow_setup *s, dwell_error *err) {
  normalisation_scheme scheme = s->schedule.normalisation.scheme;
  bool lengths = scheme == NORMALISATION_PRE || scheme == NORMALISATION_MIX || scheme == NORMALISATION_PERI;
  if (lengths && s->plan.integrator == DWELL_GEOMETRIC)
    return usage(err, "integrator", "geodesic steps keep lengths, and this normalisation moves them");
  return DWELL_OK;
}

/* The log clock knows laws that stand still, and the two flows that scale. */
static dwell_status check_log_clock(const flow_setup *s, dwell_error *err) {
  const flow_schedule *c = &s->schedule;
  if (!s->plan.log_clock) return DWELL_OK;
  if (s->plan.family->drift != NULL)
    return usage(err, "clock", "the log clock and merging are for flows with Q = K = V = I");
  if (c->beta_count > 0) return usage(err, "beta", "the log clock needs one beta for all times");
  if (c->normalisation.scheme == NORMALISATION_POST) return DWELL_OK;
  return usage(err, "normalisation", "the log clock goes with the normalisation post only");
}

/* Families that integrate themselves have their own law, which none of this reaches. */
static dwell_status check_own_law(const flow_setup *s, dwell_error *err) {
  const flow_schedule *c = &s->schedule;
  if (s->plan.family->solve == NULL) return DWELL_OK;
  if (s->plan.integrator == DWELL_GEOMETRIC) return usage(err, "integrator", "this flow has no geodesic steps");
  if (c->normalisation.scheme != NORMALISATION_POST)
    return usage(err, "normalisation", "this flow has the normalisation post only");
  return c->beta_count > 0 ? usage(err, "beta", "this flow needs one beta for all times") : DWELL_OK;
}

dwell_status options_read_weights(const dwell_flow_options *o, flow_setup *s, dwell_error *err) {
  dwell_status status = DWELL_OK;
  size_t choice = 0;
  TRY(normalisation_parse(o->normalisation, &s->schedule.normalisation, err));
  TRY(choose(o->rule, rules, 3, "rule", "rules are mean, first and last", &choice, err));
  s->plan.system.rule = (flow_rule)choice;
  TRY(choose(o->activation, activations, 3, "activation", "activations are relu, gelu and tanh", &choice, err));
  s->plan.system.activation = (flow_activation)choice;
  if (s->plan.family->masked) s->plan.system.causal = true;
  TRY(read_betas(o, s, err));
  TRY(read_weights(o, s, err));
  TRY(read_noise(o, s, err));
  TRY(check_normalisation(s, err));
  TRY(check_log_clock(s, err));
  TRY(check_own_law(s, err));
  s->plan.seed = s->seed;
done:
  return status;
}

/* With fixed steps that may not be cut, a change must come at the end of one. */
static dwell_status check_change(const flow_setup *s, double t, const char *option, dwell_error *err) {
  double steps = t / s->plan.step;
  if (fabs(steps - round(steps)) <= 1e-9 * fmax(1, steps)) return DWELL_OK;
  error_set(err, DWELL_USAGE, "time %g is not a whole number of steps of %g", t, s->plan.step);
  return error_at_item(err, option);
}

dwell_status options_check_changes(const flow_setup *s, dwell_error *err) {
  dwell_status status = DWELL_OK;
  const flow_schedule *c = &s->schedule;
  if (s->plan.integrator != DWELL_LAYER && s->plan.integrator != DWELL_GEOMETRIC) return DWELL_OK;
  for (size_t k = 0; k < c->beta_count; k++) TRY(check_change(s, c->beta_times[k], "beta", err));
  if (c->weights != NULL && c->weights->layers > 1) TRY(check_change(s, c->layer_time, "layer_time", err));
  if (c->normalisation.scheme == NORMALISATION_MIX)
    TRY(check_change(s, c->normalisation.parameter, "normalisation", err));
done:
  return status;
}

/* ---- for the manifest ---- */

static void write_schedule(const flow_schedule *c, jwriter *w) {
  if (c->beta_count == 0) return;
  jwriter_key(w, "beta_from");
  jwriter_flat_array(w);
  for (size_t k = 0; k < c->beta_count; k++) jwriter_double(w, c->beta_times[k]);
  jwriter_close(w);
  jwriter_key(w, "betas");
  jwriter_flat_array(w);
  for (size_t k = 0; k < c->beta_count; k++) jwriter_double(w, c->betas[k]);
  jwriter_close(w);
}

void options_write_weights(const flow_setup *s, jwriter *w) {
  const flow_schedule *c = &s->schedule;
  normalisation_scheme scheme = c->normalisation.scheme;
  write_schedule(c, w);
  if (c->weights != NULL) {
    weights_write(c->weights, c->heads, w);
    if (c->weights->layers > 1) jwriter_put_double(w, "layer_time", c->layer_time);
  }
  if (scheme != NORMALISATION_POST) jwriter_put_string(w, "normalisation", normalisation_name(scheme));
  if (scheme == NORMALISATION_MIX || scheme == NORMALISATION_NGPT)
    jwriter_put_double(w, "normalisation_parameter", c->normalisation.parameter);
  if (s->plan.kappa > 0) jwriter_put_double(w, "kappa", s->plan.kappa);
  if (strcmp(s->plan.family->name, "hardmax") == 0) jwriter_put_string(w, "rule", rules[s->plan.system.rule]);
  if (strcmp(s->plan.family->name, "perceptron") == 0)
    jwriter_put_string(w, "activation", activations[s->plan.system.activation]);
}
