/* tests/flow/test_families.c - families of heads, normalisations, schedules and layers against what numpy and scipy
 * make of them (tools/oracle/make_families.py). */
#include "flow/orbiting.h"

#include "base/mem.h"
#include "file/npy.h"
#include "flow/options.h"

enum { N = 7, D = 4 };

typedef struct golden_case {
  const char *name, *flow, *weights;
  double beta;
  bool masses;
  const char *normalisation, *rule, *activation;
  double eta, layer_time, change; /* eta > 0: five layers; change: beta is 5 from then on */
} golden_case;

static const golden_case cases[] = {
    {"qkv", "qkv", "heads", 1.3},
    {"qkv_masses", "qkv", "heads", -2, true},
    {"qkv_plain", "qkv", NULL, 3, true},
    {"qkv_symmetric", "qkv", "symmetric", 1.1, true},
    {"uqkv", "uqkv", "heads", 0.7, true},
    {"uqkv_symmetric", "uqkv", "symmetric", 0.6, true},
    {"csa", "csa", "heads", 1.3},
    {"csa_plain", "csa", NULL, 2, true},
    {"linear", "linear", "heads", 1.5},
    {"linear_plain", "linear", NULL, 1, true},
    {"l2", "l2", "heads", 1.7, true},
    {"l2_plain", "l2", NULL, 2},
    {"additive", "additive", "additive", 1.9, true},
    {"sinkhorn", "sinkhorn", "heads", 1.4, true},
    {"sinkhorn_plain", "sinkhorn", NULL, 2.5, true},
    {"sinkhorn_symmetric", "sinkhorn", "symmetric", 0.8},
    {"hardmax", "hardmax", NULL, 1},
    {"hardmax_heads", "hardmax", "heads", 1, .rule = "last"},
    {"perceptron_relu", "perceptron", "perceptron", 0.9, true, .activation = "relu"},
    {"perceptron_gelu", "perceptron", "perceptron", 0.9, .activation = "gelu"},
    {"perceptron_tanh", "perceptron", "perceptron", 0.9, .activation = "tanh"},
    {"pre", "qkv", "heads", 1.3, .normalisation = "pre"},
    {"mix", "qkv", "heads", 1.3, .normalisation = "mix:0.5"},
    {"peri", "qkv", "heads", 1.3, .normalisation = "peri"},
    {"ngpt", "qkv", "heads", 1.3, .normalisation = "ngpt:2"},
    {"sqrt", "qkv", "heads", 1.3, .normalisation = "sqrt"},
    {"ngpt_sa", "sa", NULL, 3, .normalisation = "ngpt"},
    {"peri_usa", "usa", NULL, 1, .normalisation = "peri"},
    {"layers", "qkv", "layers", 2, .layer_time = 0.4},
    {"schedule", "sa", NULL, 1, .change = 0.6},
    {"layer_post", "qkv", "layers", 1.3, .eta = 0.3},
    {"layer_pre", "qkv", "layers", 1.3, .eta = 0.3, .normalisation = "pre"},
    {"layer_mix", "qkv", "layers", 1.3, .eta = 0.3, .normalisation = "mix:0.6"},
    {"layer_peri", "qkv", "layers", 1.3, .eta = 0.3, .normalisation = "peri"},
    {"layer_ngpt", "qkv", "layers", 1.3, .eta = 0.3, .normalisation = "ngpt"},
    {"layer_sqrt", "qkv", "layers", 1.3, .eta = 0.3, .normalisation = "sqrt"},
};

static const char *folder(void) {
  return testing_format("%s/tests/golden/flow/families", getenv("DWELL_SOURCE") ? getenv("DWELL_SOURCE") : ".");
}

/* A member of families.npz; false: it is not there. */
static bool golden(const char *name, const char *what, size_t count, double *ret) {
  npz *z = NULL;
  size_t at = 0;
  dwell_error err;
  assert_ok(npz_open(testing_format("%s/families.npz", folder()), &z, &err), &err);
  bool found = npz_find(z, testing_format("%s%s", name, what), &at);
  if (found) assert_ok(npz_read_f64(z, at, 0, count, ret, &err), &err);
  npz_close(z);
  return found;
}

typedef struct prepared {
  dwell_flow_options o;
  dwell_flow_weights *weights;
  char init[300];
  double masses[N], betas[2], beta_times[2], time;
} prepared;

static void prepare(const golden_case *c, prepared *p) {
  dwell_error err = {.offset = -1};
  *p = (prepared){.o = dwell_flow_options_default(), .betas = {c->beta, 5}, .beta_times = {0, c->change}};
  snprintf(p->init, sizeof p->init, "%s/start.npy", folder());
  p->o.flow = c->flow, p->o.beta = c->beta, p->o.init = p->init, p->o.rtol = 1e-12;
  p->o.n = N, p->o.d = D;
  if (c->weights != NULL)
    assert_ok(dwell_flow_weights_read(testing_format("%s/%s.npz", folder(), c->weights), &p->weights, &err), &err);
  p->o.weights = p->weights;
  if (c->masses) assert_true(golden("masses", "", N, p->masses)), p->o.masses = p->masses;
  if (c->normalisation != NULL) p->o.normalisation = c->normalisation;
  if (c->rule != NULL) p->o.rule = c->rule;
  if (c->activation != NULL) p->o.activation = c->activation;
  p->time = c->eta > 0 ? 5 * c->eta : 1.5;
  p->o.times = &p->time, p->o.times_count = 1;
  p->o.layer_time = c->layer_time;
  if (c->eta > 0) p->o.integrator = DWELL_LAYER, p->o.step = c->eta;
  if (c->change > 0) p->o.betas = p->betas, p->o.beta_times = p->beta_times, p->o.beta_count = 2;
}

/* Right-hand sides at the start to 1e-12: sums of a few dozen numbers of size 1. */
static void test_velocities(void **state) {
  (void)state;
  size_t checked = 0;
  for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
    prepared p;
    dwell_error err = {.offset = -1};
    flow_setup s;
    field f;
    field_facts facts;
    double want[N * D], v[N * D], x[N * D];
    if (!golden(cases[c].name, "_velocity", N * D, want)) continue;
    prepare(&cases[c], &p);
    if (p.o.normalisation[0] == 'p' && p.o.normalisation[1] != 'o')
      p.o.normalisation = "post"; /* lengths: by their states */
    bool lengths = p.o.normalisation != cases[c].normalisation && cases[c].normalisation != NULL;
    assert_ok(options_read(&p.o, 7, &s, &err), &err);
    flow_system system = s.plan.system;
    if (s.schedule.normalisation.scheme == NORMALISATION_NGPT) system.normalisation = s.schedule.normalisation;
    assert_ok(starts_make(&s.starts, 7, 0, x, &err), &err);
    assert_ok(field_create(s.plan.family, &system, NULL, &f, &err), &err);
    assert_ok(field_velocity(&f, x, v, &facts, &err), &err);
    if (lengths) assert_ok(field_attention(&f, x, v, &err), &err);
    if (lengths)
      normalisation_motion(
          &(normalisation){cases[c].normalisation[1] == 'e' ? NORMALISATION_PERI : NORMALISATION_PRE, 1}, N, D, v);
    double off = largest_difference(N * D, v, want);
    if (!(off <= 1e-12)) fail_msg("%s: velocity off by %.3g", cases[c].name, off);
    checked++;
    field_destroy(&f);
    options_close(&s);
    dwell_flow_weights_destroy(p.weights);
  }
  assert_int_equal(checked, 30);
}

/* States: rtol 1e-12 a step against DOP853's 1e-12, so 1e-11 leaves room for growth; at the kinks of relu both methods
 * are of second order, and 1e-8 is what they agree to; layer maps to rounding. */
static void test_states(void **state) {
  (void)state;
  size_t checked = 0;
  for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
    prepared p;
    double want[N * D];
    if (!golden(cases[c].name, "_state", N * D, want)) continue;
    prepare(&cases[c], &p);
    capture got = capture_flow(&p.o, 1);
    double off = largest_difference(N * D, capture_at(&got, 0, 0), want), allowed = cases[c].eta > 0 ? 1e-13 : 1e-11;
    if (strcmp(cases[c].name, "perceptron_relu") == 0) allowed = 1e-8;
    if (!(off <= allowed)) fail_msg("%s: state off by %.3g", cases[c].name, off);
    if (getenv("VERBOSE") != NULL) print_message("%s %.3g\n", cases[c].name, off);
    checked++;
    capture_free(&got);
    dwell_flow_weights_destroy(p.weights);
  }
  assert_int_equal(checked, 34);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_velocities),
      cmocka_unit_test(test_states),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
