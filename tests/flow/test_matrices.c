/* tests/flow/test_matrices.c - attention matrices that a flow delivers with its states, against the formulas: of layers
 * and temperatures that change, masks, masses, other scores. */
#include "flow/capture.h"

#include "flow/weights.h"

enum { N = 9, D = 4, STATES = 6, HEADS = 3, MOST = (STATES - 1) * HEADS };

typedef struct seen {
  capture states;
  dwell_dtype dtype;
  size_t count, heads;
  double at[2 * MOST][N * N];
} seen;

static dwell_status on_state(void *self, const dwell_frame *frame, const dwell_cloud *x, dwell_error *err) {
  return capture_state(&((seen *)self)->states, frame, x, err);
}

/* Heads come in their order, between the state they act on and the next. */
static dwell_status on_head(void *self, size_t replica, size_t block, size_t head, const void *attention,
                            dwell_error *err) {
  (void)err;
  seen *s = self;
  assert_int_equal(head, s->count % s->heads);
  assert_int_equal(block, s->count / s->heads % (STATES - 1));
  assert_int_equal(replica, s->count / s->heads / (STATES - 1));
  assert_int_equal(s->states.count, replica * STATES + block + 1);
  for (size_t e = 0; e < N * N; e++)
    s->at[s->count][e] = s->dtype == DWELL_F64 ? ((const double *)attention)[e] : (double)((const float *)attention)[e];
  s->count++;
  return DWELL_OK;
}

static dwell_flow_options options_of(const char *flow, const dwell_flow_weights *w) {
  dwell_flow_options o = dwell_flow_options_default();
  o.flow = flow, o.n = N, o.d = D, o.beta = 1.5, o.until = 1, o.frames = STATES, o.weights = w, o.replicas = 2;
  return o;
}

static seen look(const dwell_flow_options *o, int threads) {
  dwell_error err = {.offset = -1};
  dwell_context ctx = {.threads = threads, .seed = 7};
  dwell_source *source = NULL;
  assert_ok(dwell_flow_open(o, &ctx, &source, &err), &err);
  const dwell_trajectory *t = dwell_source_trajectory(source);
  seen s = {.dtype = o->dtype, .heads = t->heads};
  s.states = (capture){.n = t->n, .d = t->d, .states = t->states, .replicas = t->replicas};
  s.states.x = malloc(2 * STATES * N * D * sizeof(double));
  s.states.log_times = malloc(2 * STATES * sizeof(double));
  dwell_sink sink = {.self = &s, .wants_heads = true, .on_state = on_state, .on_head = on_head};
  assert_ok(dwell_source_run(source, &ctx, &sink, &err), &err);
  assert_int_equal(s.count, t->heads * (STATES - 1) * 2);
  dwell_source_destroy(source);
  return s;
}

/* y = W x */
static void map(const double *w, const double *x, double *ret_y) {
  for (size_t r = 0; r < D; r++) ret_y[r] = dot(D, w + r * D, x);
}

static double score(const flow_layer *l, size_t head, double beta, const double *xi, const double *xj) {
  double q[D], k[D];
  if (l == NULL) return beta * dot(D, xi, xj);
  map(l->query + head * D * D, xi, q), map(l->key + head * D * D, xj, k);
  return beta * dot(D, q, k);
}

static void check_head(const double *got, const double *x, const flow_layer *l, size_t head, double beta, bool causal,
                       const double *masses, double near) {
  for (size_t i = 0; i < N; i++) {
    double w[N] = {0}, sum = 0;
    for (size_t j = 0; j < (causal ? i + 1 : N); j++)
      sum += w[j] = (masses != NULL ? masses[j] : 1) * exp(score(l, head, beta, x + i * D, x + j * D));
    for (size_t j = 0; j < N; j++) {
      assert_near(got[i * N + j], w[j] / sum, 0, near);
      if (causal && j > i) assert_true(got[i * N + j] == 0);
    }
  }
}

/* Three heads, two layers by turns, beta from 1.5 to 3 at the moment of a state. */
static void layers_and_temperatures_in_force(void **state) {
  (void)state;
  dwell_error err;
  dwell_flow_weights *w = NULL;
  assert_ok(dwell_flow_weights_draw(2, HEADS, D, 5, &w, &err), &err);
  dwell_flow_options o = options_of("qkv", w);
  const double betas[] = {1.5, 3}, times[] = {0, 0.6};
  o.layer_time = 0.2, o.betas = betas, o.beta_times = times, o.beta_count = 2;
  seen s = look(&o, 1);
  assert_int_equal(s.heads, HEADS);
  for (size_t k = 0; k < s.count; k++) {
    size_t block = k / HEADS % (STATES - 1), replica = k / HEADS / (STATES - 1);
    flow_layer l = weights_layer(w, block % 2, 0);
    check_head(s.at[k], capture_at(&s.states, replica, block), &l, k % HEADS, block < 3 ? 1.5 : 3, false, NULL, 1e-14);
  }
  seen more = look(&o, 3);
  assert_memory_equal(s.at, more.at, sizeof s.at);
  o.heads = 2, o.dtype = DWELL_F32;
  seen two = look(&o, 1);
  assert_int_equal(two.heads, 2);
  for (size_t e = 0; e < N * N; e++) assert_near(two.at[1][e], s.at[1][e], 0, 1e-6);
  dwell_flow_weights_destroy(w);
  capture_free(&s.states), capture_free(&more.states), capture_free(&two.states);
}

static void masks_and_masses(void **state) {
  (void)state;
  const double masses[N] = {.05, .2, .1, .1, .05, .2, .1, .1, .1};
  dwell_flow_options o = options_of("csa", NULL);
  o.causal = true;
  seen causal = look(&o, 1);
  assert_int_equal(causal.heads, 1);
  o = options_of("uqkv", NULL), o.masses = masses; /* its weights are not normalised, its matrix is */
  seen heavy = look(&o, 1);
  for (size_t k = 0; k + 1 < STATES; k++) {
    check_head(causal.at[k], capture_at(&causal.states, 0, k), NULL, 0, 1.5, true, NULL, 1e-14);
    check_head(heavy.at[k], capture_at(&heavy.states, 0, k), NULL, 0, 1.5, false, masses, 1e-14);
  }
  capture_free(&causal.states), capture_free(&heavy.states);
}

/* Rows sum to 1 in every family that has matrices; of hardmax one key has all, of Sinkhorn's columns sum to 1 too. */
static void other_weights(void **state) {
  (void)state;
  static const char *const flows[] = {"hardmax", "l2", "sinkhorn"};
  for (size_t f = 0; f < 3; f++) {
    dwell_flow_options o = options_of(flows[f], NULL);
    seen s = look(&o, 1);
    assert_int_equal(s.heads, 1);
    for (size_t k = 0; k < s.count; k++)
      for (size_t i = 0; i < N; i++) {
        double sum = 0, most = 0, column = 0;
        for (size_t j = 0; j < N; j++) {
          sum += s.at[k][i * N + j], column += s.at[k][j * N + i];
          most = fmax(most, s.at[k][i * N + j]);
        }
        assert_near(sum, 1, 1e-14, 0);
        if (f == 0) assert_true(most == 1);
        if (f == 2) assert_near(column, 1, 1e-9, 0);
      }
    capture_free(&s.states);
  }
}

static void families_without_matrices(void **state) {
  (void)state;
  static const char *const flows[] = {"sa", "usa", "linear"};
  for (size_t f = 0; f < 3; f++) {
    dwell_flow_options o = options_of(flows[f], NULL);
    seen s = look(&o, 1);
    assert_int_equal(s.heads, 0);
    capture_free(&s.states);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(layers_and_temperatures_in_force),
      cmocka_unit_test(masks_and_masses),
      cmocka_unit_test(other_weights),
      cmocka_unit_test(families_without_matrices),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
