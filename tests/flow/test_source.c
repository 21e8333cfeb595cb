/* tests/flow/test_source.c - a flow as a source: options, frames, replicas, what it says of itself. */
#include "flow/capture.h"

#include "flow/flow.h"
#include "trajectory/source.h"

/* ---- options ---- */

typedef struct refusal {
  const char *words;
  void (*spoil)(dwell_flow_options *o);
} refusal;

static const double bad_masses[3] = {1, -1, 1}, zero_masses[3] = {0, 0, 0}, late_masses[3] = {0, 1, 1};
static const double backward[3] = {0, 2, 1}, twice[3] = {0, 1, 1}, negative[1] = {-1}, endless[1] = {INFINITY};
static const double odd_layers[2] = {0, 0.35};

#define SPOIL(name, statement) \
  static void name(dwell_flow_options *o) { statement; }
SPOIL(unknown_flow, o->flow = "saa")
SPOIL(no_particles, o->n = 0)
SPOIL(one_dimension, o->d = 1)
SPOIL(huge, (o->n = (size_t)1 << 31, o->d = (size_t)1 << 31))
SPOIL(beta_nan, o->beta = NAN)
SPOIL(usa_too_cold, (o->flow = "usa", o->beta = 701))
SPOIL(no_start, o->init = "unifrom")
SPOIL(masses_negative, o->masses = bad_masses)
SPOIL(masses_zero, o->masses = zero_masses)
SPOIL(masses_causal, (o->masses = late_masses, o->causal = true))
SPOIL(no_replicas, o->replicas = 0)
SPOIL(step_zero, (o->integrator = DWELL_RK4, o->step = 0))
SPOIL(step_tiny, (o->integrator = DWELL_EULER, o->step = 1e-300))
SPOIL(rtol_zero, o->rtol = 0)
SPOIL(rtol_large, o->rtol = 0.5)
SPOIL(rtol_small, o->rtol = 1e-16)
SPOIL(until_zero, o->until = 0)
SPOIL(until_nan, o->until = NAN)
SPOIL(until_long, o->until = 1e300)
SPOIL(one_frame, o->frames = 1)
SPOIL(times_backward, (o->times = backward, o->times_count = 3))
SPOIL(times_twice, (o->times = twice, o->times_count = 3))
SPOIL(times_negative, (o->times = negative, o->times_count = 1))
SPOIL(times_endless, (o->times = endless, o->times_count = 1))
SPOIL(times_none, (o->times = endless, o->times_count = 0))
SPOIL(layers_uneven, (o->integrator = DWELL_LAYER, o->step = 0.3, o->until = 20))
SPOIL(layers_between, (o->integrator = DWELL_LAYER, o->step = 0.1, o->times = odd_layers, o->times_count = 2))
SPOIL(no_dtype, o->dtype = (dwell_dtype)2)
SPOIL(no_integrator, o->integrator = (dwell_integrator)9)

static void test_refusals(void **state) {
  (void)state;
  static const refusal cases[] = {
      {"flow: no flow is called \"saa\". Did you mean sa?", unknown_flow},
      {"n: at least one particle", no_particles},
      {"d: the sphere needs at least 2 dimensions", one_dimension},
      {"do not fit into memory", huge},
      {"beta: beta must be a finite number", beta_nan},
      {"beta: usa moves with speed e^beta, and e^701 is beyond a double", usa_too_cold},
      {"init: no start is called \"unifrom\"", no_start},
      {"masses: mass 1 is -1", masses_negative},
      {"masses: the sum of the masses must be positive", masses_zero},
      {"the first token sees only itself", masses_causal},
      {"replicas: at least one", no_replicas},
      {"step: the step must be a positive number", step_zero},
      {"steps cannot be counted", step_tiny},
      {"rtol: the relative tolerance must be in (0, 0.01]", rtol_zero},
      {"rtol: the relative tolerance must be in (0, 0.01]", rtol_large},
      {"cannot be met in double precision", rtol_small},
      {"until: the final time must be a positive number", until_zero},
      {"until: the final time must be a positive number", until_nan},
      {"at most 1e290", until_long},
      {"frames: at least 2", one_frame},
      {"times: time 2 is 1", times_backward},
      {"ascending", times_twice},
      {"times: time 0 is -1", times_negative},
      {"times are finite", times_endless},
      {"times: at least one", times_none},
      {"until: time 20 is not a whole number of layers of 0.3. Use 19.8 or 20.1", layers_uneven},
      {"times: time 0.35 is not a whole number of layers of 0.1", layers_between},
      {"dtype: states are f32 or f64", no_dtype},
      {"integrator: no such integrator", no_integrator},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    dwell_flow_options o = dwell_flow_options_default();
    dwell_source *source = NULL;
    dwell_error err = {.offset = -1};
    o.n = 3;
    cases[i].spoil(&o);
    assert_fails(dwell_flow_open(&o, NULL, &source, &err), DWELL_USAGE, &err, cases[i].words);
    assert_null(source);
  }
}

static void test_description(void **state) {
  (void)state;
  dwell_flow_options o = dwell_flow_options_default();
  dwell_source *source = NULL;
  dwell_error err;
  o.causal = true;
  o.replicas = 3;
  o.dtype = DWELL_F32;
  assert_ok(dwell_flow_open(&o, NULL, &source, &err), &err);
  const dwell_trajectory *t = dwell_source_trajectory(source);
  assert_string_equal(t->kind, "flow");
  assert_string_equal(t->name, "sa");
  assert_true(t->n == 32 && t->d == 3 && t->states == 101 && t->replicas == 3 && t->heads == 0 && !t->has_final_norm);
  assert_true(t->causal && t->ordered && t->on_sphere && t->dtype == DWELL_F32 && t->token_ids == NULL);
  dwell_source_destroy(source);
  size_t count;
  const flow *const *all = flow_registry(&count);
  for (size_t i = 0; i < count; i++) {
    assert_ptr_equal(flow_find(all[i]->name), all[i]);
    assert_true(all[i]->summary && all[i]->source && all[i]->parameters[0] && all[i]->flops(10, 3) > 0);
  }
}

/* ---- frames ---- */

static void test_frames(void **state) {
  (void)state;
  dwell_flow_options o = dwell_flow_options_default();
  o.n = 4;
  o.until = 3;
  o.frames = 4;
  capture even = capture_flow(&o, 1);
  assert_true(even.log_times[0] == -INFINITY);
  for (size_t f = 1; f < 4; f++) assert_near(even.log_times[f], log((double)f), 0, 1e-15);
  o.log_times = true;
  o.frames = 5;
  o.until = 1000;
  capture logs = capture_flow(&o, 1);
  assert_true(logs.log_times[0] == -INFINITY);
  for (size_t f = 1; f < 5; f++)
    assert_near(logs.log_times[f], log(0.01) + (double)(f - 1) / 3 * log(1e5), 1e-14, 1e-14);
  o.frames = 2;
  capture ends = capture_flow(&o, 1);
  assert_near(ends.log_times[1], log(1000), 1e-15, 0);
  capture_free(&even), capture_free(&logs), capture_free(&ends);
}

/* 30 layers and 101 frames: every layer once. */
static void test_layers_are_frames(void **state) {
  (void)state;
  dwell_flow_options o = dwell_flow_options_default();
  o.integrator = DWELL_LAYER;
  o.step = 0.1;
  o.until = 3;
  capture c = capture_flow(&o, 1);
  assert_int_equal(c.states, 31);
  for (size_t f = 1; f < 31; f++) assert_near(exp(c.log_times[f]), 0.1 * (double)f, 1e-14, 0);
  capture_free(&c);
}

/* ---- replicas and threads ---- */

static void assert_same_bits(const capture *a, const capture *b, size_t replicas) {
  assert_memory_equal(a->x, b->x, replicas * a->states * a->n * a->d * sizeof(double));
}

/* Small systems side by side or one by one, large ones with threads inside: the same bits; a replica does not know how
 * many there are. */
static void test_same_bits(void **state) {
  (void)state;
  dwell_flow_options o = dwell_flow_options_default();
  o.until = 3;
  o.frames = 7;
  o.replicas = 11;
  capture one = capture_flow(&o, 1), two = capture_flow(&o, 2);
  assert_same_bits(&one, &two, 11);
  o.replicas = 3;
  capture fewer = capture_flow(&o, 2);
  assert_same_bits(&one, &fewer, 3);
  assert_true(memcmp(capture_at(&one, 0, 0), capture_at(&one, 1, 0), 96 * sizeof(double)) != 0);
  o.replicas = 1;
  o.n = 600;
  o.d = 12;
  o.until = 0.5;
  capture serial = capture_flow(&o, 1), parallel = capture_flow(&o, 2);
  assert_same_bits(&serial, &parallel, 1);
  capture_free(&one), capture_free(&two), capture_free(&fewer), capture_free(&serial), capture_free(&parallel);
}

static void test_single_precision_states(void **state) {
  (void)state;
  dwell_flow_options o = dwell_flow_options_default();
  o.until = 2;
  o.frames = 3;
  capture wide = capture_flow(&o, 1);
  o.dtype = DWELL_F32;
  capture narrow = capture_flow(&o, 1);
  for (size_t e = 0; e < 3 * 96; e++) assert_true(narrow.x[e] == (double)(float)wide.x[e]);
  capture_free(&wide), capture_free(&narrow);
}

/* ---- what it says ---- */

typedef struct watch {
  double last;
  int calls;
} watch;

static void see_progress(void *self, const char *stage, double done, double total) {
  watch *w = self;
  assert_string_equal(stage, "integrate");
  assert_true(done >= w->last && done <= total && total == 2);
  w->last = done;
  w->calls++;
}

static void test_progress_and_certificate(void **state) {
  (void)state;
  dwell_flow_options o = dwell_flow_options_default();
  dwell_source *source = NULL;
  dwell_error err;
  watch w = {0, 0};
  dwell_context ctx = {.threads = 1, .progress = see_progress, .self = &w};
  strbuf text = {0}, again = {0};
  o.until = 2;
  o.replicas = 2;
  assert_ok(dwell_flow_open(&o, &ctx, &source, &err), &err);
  capture first = capture_source(source, &ctx);
  assert_true(w.calls > 10 && w.last == 2);
  jwriter writer = jwriter_start(&text, 0);
  jwriter_object(&writer), source_note(source, &writer), jwriter_close(&writer);
  static const char *const keys[] = {"\"certificate\"", "\"steps\"", "\"energy_residual\"", "\"norm_defect\"",
                                     "\"torque\""};
  for (size_t i = 0; i < 5; i++) assert_non_null(strstr(text.data, keys[i]));
  assert_non_null(
      strstr(text.data,
             "\"options\":{\"flow\":\"sa\",\"n\":32,\"d\":3,\"beta\":4,\"init\":\"uniform\","
             "\"mask\":\"none\",\"masses\":\"equal\",\"replicas\":2,\"integrator\":\"rk45\",\"rtol\":1e-10,\"until\":2,"
             "\"frames\":101,\"log_times\":false,\"seed\":0,\"precision\":\"f64\",\"dtype\":\"f64\"}"));
  assert_null(strstr(text.data, "null"));
  w.last = 0;
  capture second = capture_source(source, &ctx); /* a source may be run again */
  assert_same_bits(&first, &second, 2);
  writer = jwriter_start(&again, 0);
  jwriter_object(&writer), source_note(source, &writer), jwriter_close(&writer);
  assert_string_equal(text.data, again.data);
  capture_free(&first), capture_free(&second);
  strbuf_free(&text), strbuf_free(&again);
  dwell_source_destroy(source);
}

static dwell_status refuse_third(void *self, const dwell_frame *frame, const dwell_cloud *x, dwell_error *err) {
  (void)self, (void)x, (void)err;
  return frame->state == 3 ? DWELL_NO_MEMORY : DWELL_OK;
}

static void test_sink_stops_the_source(void **state) {
  (void)state;
  dwell_flow_options o = dwell_flow_options_default();
  o.replicas = 3;
  for (int threads = 1; threads <= 2; threads++) {
    dwell_context ctx = {.threads = threads};
    dwell_source *source = NULL;
    dwell_error err;
    dwell_sink sink = {.on_state = refuse_third};
    assert_ok(dwell_flow_open(&o, &ctx, &source, &err), &err);
    assert_int_equal(dwell_source_run(source, &ctx, &sink, &err), DWELL_NO_MEMORY);
    dwell_source_destroy(source);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_refusals),
      cmocka_unit_test(test_description),
      cmocka_unit_test(test_frames),
      cmocka_unit_test(test_layers_are_frames),
      cmocka_unit_test(test_same_bits),
      cmocka_unit_test(test_single_precision_states),
      cmocka_unit_test(test_progress_and_certificate),
      cmocka_unit_test(test_sink_stops_the_source),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
