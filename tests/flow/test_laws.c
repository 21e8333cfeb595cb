/* tests/flow/test_laws.c - what holds exactly of the families of heads: energies, limits, invariants, the expectation
 * of a step with noise. */
#include "flow/orbiting.h"

#include "base/mem.h"
#include "flow/families.h"
#include "flow/geometric.h"
#include "flow/options.h"
#include "linalg/eigen.h"

static field *make_field(const char *family, const flow_system *s) {
  static field f;
  dwell_error err = {.offset = -1};
  assert_non_null(flow_find(family));
  assert_ok(field_create(flow_find(family), s, NULL, &f, &err), &err);
  return &f;
}

static field_facts velocity_of(const char *family, const flow_system *s, const double *x, double *ret_v) {
  field_facts facts;
  dwell_error err = {.offset = -1};
  field *f = make_field(family, s);
  assert_ok(field_velocity(f, x, ret_v, &facts, &err), &err);
  field_destroy(f);
  return facts;
}

static void random_numbers(size_t count, uint32_t which, double scale, double *ret) {
  random_stream s = {23, RANDOM_TEST, which};
  for (size_t e = 0; e < count; e++) ret[e] = scale * random_normal(&s, (uint32_t)e, 0);
}

static void some_masses(size_t n, double *m) {
  double sum = 0;
  for (size_t i = 0; i < n; i++) sum += m[i] = 1 + (double)(i % 4);
  for (size_t i = 0; i < n; i++) m[i] /= sum;
}

enum { D = 5 };

/* One or two heads with symmetric B_h = Q_h and K = I; V is what the caller says. */
typedef struct layered {
  flow_layer layer;
  double form[2 * D * D], identity[2 * D * D];
  double direction[3 * D], strength[3];
} layered;

static void make_symmetric(layered *l, size_t heads) {
  random_numbers(2 * D * D, 5, 0.5, l->form);
  memset(l->identity, 0, sizeof l->identity);
  for (size_t h = 0; h < 2; h++)
    for (size_t i = 0; i < D; i++) {
      l->identity[(h * D + i) * D + i] = 1;
      for (size_t j = 0; j < i; j++) l->form[(h * D + i) * D + j] = l->form[(h * D + j) * D + i];
    }
  random_numbers(3 * D, 6, 1, l->direction);
  random_numbers(3, 7, 1, l->strength);
  l->layer = (flow_layer){
      .d = D, .heads = heads, .rank = D, .value_rank = D, .symmetric = true, .form_norm = 1, .value_norm = 2};
  l->layer.query = l->form, l->layer.key = l->identity, l->layer.read = l->form;
  l->layer.neurons = 3, l->layer.direction = l->direction, l->layer.strength = l->strength;
}

/* dE/dt = sum <gradient, v> against a four-point difference of the energy along the velocity: error h^4 = 1e-12. */
static void check_power(const char *family, const flow_system *s) {
  size_t size = s->n * s->d;
  double *x = random_tokens(s->n, s->d, 3), *v = malloc(size * sizeof *v), *y = malloc(size * sizeof *y),
         *w = malloc(size * sizeof *w), slope = 0;
  field_facts at = velocity_of(family, s, x, v);
  assert_true(at.energy == at.energy);
  double h = 1e-3 / at.speed;
  for (int side = -2; side <= 2; side++) {
    if (side == 0) continue;
    for (size_t e = 0; e < size; e++) y[e] = x[e] + side * h * v[e];
    double energy = velocity_of(family, s, y, w).energy;
    slope += energy * (abs(side) == 1 ? 8 : -1) * (side > 0 ? 1 : -1) / (12 * h);
  }
  if (!(fabs(slope - at.power) <= 1e-8 * fabs(at.power) + 1e-12))
    fail_msg("%s: power %.17g, slope %.17g", family, at.power, slope);
  free(x), free(v), free(y), free(w);
}

static void test_powers(void **state) {
  (void)state;
  layered l;
  double masses[9];
  some_masses(9, masses);
  for (size_t heads = 1; heads <= 2; heads++) {
    make_symmetric(&l, heads);
    for (int c = 0; c < 2; c++) { /* also where V is not B: the energy may fall, and the account still holds */
      l.layer.read = c == 0 ? l.form : NULL;
      flow_system s = {.n = 9, .d = D, .beta = 0.8, .masses = masses, .layer = &l.layer};
      check_power("qkv", &s);
      check_power("uqkv", &s);
      for (int a = FLOW_RELU; a <= FLOW_TANH; a++) s.activation = (flow_activation)a, check_power("perceptron", &s);
      s.normalisation = (normalisation){NORMALISATION_NGPT, 1.5};
      check_power("qkv", &s);
    }
  }
  flow_system s = {.n = 9, .d = D, .beta = 1.7, .masses = masses};
  check_power("linear", &s);
  check_power("sinkhorn", &s);
  check_power("uqkv", &s);
  s.normalisation = (normalisation){NORMALISATION_NGPT, 2};
  check_power("sa", &s);
  check_power("usa", &s);
}

/* Energies of the laws at rest values: without it a constant factor in E and in its power would go unseen. */
static void test_energies(void **state) {
  (void)state;
  enum { N = 9 };
  double masses[N], v[N * D], *x = random_tokens(N, D, 3), linear = 0, exponential = 0;
  some_masses(N, masses);
  for (size_t i = 0; i < N; i++)
    for (size_t j = 0; j < N; j++) {
      double g = dot(D, x + i * D, x + j * D), m = masses[i] * masses[j];
      linear += m * g * g;
      exponential += m * exp(1.7 * (g - 1));
    }
  flow_system s = {.n = N, .d = D, .beta = 1.7, .masses = masses};
  assert_near(velocity_of("linear", &s, x, v).energy, linear, 1e-14, 0);
  assert_near(velocity_of("qkv", &s, x, v).energy, exponential, 1e-14, 0);
  assert_near(velocity_of("uqkv", &s, x, v).energy, exponential, 1e-14, 0);
  free(x);
}

static void check_same(const char *a, const flow_system *sa, const char *b, const flow_system *sb, double allowed) {
  size_t size = sa->n * sa->d;
  double *x = random_tokens(sa->n, sa->d, 4), *v = malloc(size * sizeof *v), *w = malloc(size * sizeof *w);
  velocity_of(a, sa, x, v);
  velocity_of(b, sb, x, w);
  double off = largest_difference(size, v, w);
  if (!(off <= allowed)) fail_msg("%s and %s differ by %.3g", a, b, off);
  free(x), free(v), free(w);
}

/* Q = K = V = I is sa and usa; attention by distances is sa; equal heads that share V = I are one head. */
static void test_limits(void **state) {
  (void)state;
  layered l;
  double masses[40];
  some_masses(40, masses);
  flow_system s = {.n = 40, .d = D, .beta = 3, .masses = masses}, causal = s, two = s;
  causal.causal = true;
  check_same("qkv", &s, "sa", &s, 1e-14);
  check_same("uqkv", &s, "usa", &s, 1e-14 * exp(3));
  check_same("noisy", &s, "usa", &s, 1e-14 * exp(3));
  check_same("l2", &s, "sa", &s, 1e-14);
  check_same("csa", &causal, "sa", &causal, 1e-14);
  make_symmetric(&l, 2);
  for (size_t e = 0; e < 2 * D * D; e++) l.form[e] = l.identity[e] / 2;
  l.layer.query = l.layer.key = l.identity, l.layer.read = l.form;
  two.layer = &l.layer;
  check_same("qkv", &two, "sa", &s, 1e-14);
}

/* A gain D on what attention reads is the same as weights Q D, K D, V D (arXiv:2411.04990). Here by scaling: B = bI. */
static void test_scaled_form(void **state) {
  (void)state;
  layered l;
  double masses[12];
  some_masses(12, masses);
  make_symmetric(&l, 1);
  for (size_t e = 0; e < 2 * D * D; e++) l.form[e] = 3 * l.identity[e];
  l.layer.read = NULL;
  flow_system s = {.n = 12, .d = D, .beta = 1.2, .masses = masses, .layer = &l.layer}, plain = s;
  plain.layer = NULL, plain.beta = 3.6;
  check_same("qkv", &s, "sa", &plain, 1e-14);
  check_same("uqkv", &s, "usa", &plain, 1e-12);
}

/* The rotation R of tokens with Q R^T, K R^T and R V R^T rotates velocities; also a permutation permutes them. */
static void test_equivariance(void **state) {
  (void)state;
  static const char *const families[] = {"qkv", "uqkv", "l2", "linear", "sinkhorn", "hardmax"};
  enum { N = 11 };
  double q[D * D], k[D * D], v[D * D], turned[3][D * D], rotation[D * D], masses[N], *x = random_tokens(N, D, 8);
  double y[N * D], z[N * D], vx[N * D], vy[N * D], vz[N * D], half[D * D], moved[N];
  dwell_error err;
  starts frame;
  assert_ok(starts_open("orthogonal", D, D, &frame, &err), &err);
  assert_ok(starts_make(&frame, 5, 0, rotation, &err), &err);
  random_numbers(D * D, 1, 0.5, q), random_numbers(D * D, 2, 0.5, k), random_numbers(D * D, 3, 0.5, v);
  some_masses(N, masses);
  for (size_t i = 0; i < D; i++)
    for (size_t j = 0; j < D; j++) {
      turned[0][i * D + j] = dot(D, q + i * D, rotation + j * D);
      turned[1][i * D + j] = dot(D, k + i * D, rotation + j * D);
      half[i * D + j] = dot(D, v + i * D, rotation + j * D);
    }
  for (size_t i = 0; i < D; i++)
    for (size_t j = 0; j < D; j++) {
      turned[2][i * D + j] = 0;
      for (size_t e = 0; e < D; e++) turned[2][i * D + j] += rotation[i * D + e] * half[e * D + j];
    }
  for (size_t i = 0; i < N; i++) {
    moved[(3 * i + 2) % N] = masses[i];
    for (size_t j = 0; j < D; j++) {
      y[i * D + j] = dot(D, x + i * D, rotation + j * D);
      z[(3 * i + 2) % N * D + j] = x[i * D + j];
    }
  }
  flow_layer plain = {
      .d = D, .heads = 1, .rank = D, .value_rank = D, .query = q, .key = k, .read = v, .form_norm = 1, .value_norm = 1};
  flow_layer other = plain;
  other.query = turned[0], other.key = turned[1], other.read = turned[2];
  for (size_t f = 0; f < 6; f++) {
    flow_system s = {.n = N, .d = D, .beta = 1.5, .masses = masses, .layer = &plain}, r = s, p = s;
    r.layer = &other, p.masses = moved;
    velocity_of(families[f], &s, x, vx);
    velocity_of(families[f], &r, y, vy);
    velocity_of(families[f], &p, z, vz);
    for (size_t i = 0; i < N; i++)
      for (size_t j = 0; j < D; j++) {
        assert_near(vy[i * D + j], dot(D, vx + i * D, rotation + j * D), 0, 1e-13);
        assert_near(vz[(3 * i + 2) % N * D + j], vx[i * D + j], 0, 1e-13);
      }
  }
  free(x);
}

/* ---- causal ---- */

/* Two tokens, Q = K = V = I: rho' = (1 - rho^2) / (1 + e^{beta (1 - rho)}), half the rate of full attention. */
static void test_causal_pair(void **state) {
  (void)state;
  static const double rhos[] = {-0.9, 0, 0.5, 0.99};
  double masses[2] = {0.5, 0.5}, v[6];
  for (size_t r = 0; r < 4; r++) {
    double rho = rhos[r], x[6] = {1, 0, 0, rho, sqrt(1 - rho * rho), 0};
    flow_system s = {.n = 2, .d = 3, .beta = 4, .masses = masses, .causal = true};
    velocity_of("csa", &s, x, v);
    assert_near(dot(3, v, v), 0, 0, 0); /* the first rests */
    assert_near(dot(3, v + 3, x), (1 - rho * rho) / (1 + exp(4 * (1 - rho))), 1e-14, 2e-16);
  }
}

/* arXiv:2411.04990, theorem 4.1: with V = I and any Q, K all tokens go to the first. */
static void test_causal_collapse(void **state) {
  (void)state;
  enum { N = 12, DIM = 4 };
  double q[DIM * DIM], k[DIM * DIM], *x = random_tokens(N, DIM, 2), *masses = equal_masses(N), T = 100;
  random_numbers(DIM * DIM, 1, 0.5, q), random_numbers(DIM * DIM, 2, 0.5, k);
  flow_layer layer = {
      .d = DIM, .heads = 1, .rank = DIM, .value_rank = DIM, .query = q, .key = k, .form_norm = 1, .value_norm = 1};
  flow_plan plan = {flow_find("csa"),
                    {.n = N, .d = DIM, .beta = 1, .masses = masses, .causal = true, .layer = &layer},
                    DWELL_RK45,
                    0,
                    1e-10,
                    &T,
                    1};
  certificate c;
  double *end = run_plan(&plan, x, &c);
  for (size_t i = 0; i < N; i++) assert_near(largest_difference(DIM, end + i * DIM, x), 0, 0, 1e-12);
  free(end), free(x), free(masses);
}

/* ---- hardmax ---- */

/* On the circle, tokens at -1, 0 and 1: the middle one sees two equal scores (theory T28). */
static void test_hardmax_rules(void **state) {
  (void)state;
  double masses[3] = {0.25, 0.25, 0.5}, x[6] = {cos(1), -sin(1), 1, 0, cos(1), sin(1)}, v[6];
  flow_system s = {.n = 3, .d = 2, .beta = 1, .masses = masses, .rule = FLOW_RULE_FIRST};
  velocity_of("hardmax", &s, x, v);
  assert_near(v[3], -sin(1), 1e-14, 0);
  s.rule = FLOW_RULE_LAST;
  velocity_of("hardmax", &s, x, v);
  assert_near(v[3], sin(1), 1e-14, 0);
  s.rule = FLOW_RULE_MEAN; /* by masses: 1/3 and 2/3 */
  velocity_of("hardmax", &s, x, v);
  assert_near(v[3], sin(1) / 3, 1e-14, 0);
  assert_near(v[2], 0, 0, 1e-15);
  /* the outer ones go to the middle */
  assert_near(v[0] * -sin(1) - v[1] * cos(1), -sin(1), 1e-14, 0);
}

/* Two tokens that are each other's nearest meet at the closed form tan(theta/2) = tan(theta_0/2) e^{-2t}. */
static void test_hardmax_pair(void **state) {
  (void)state;
  double masses[2] = {0.5, 0.5}, x[4] = {1, 0, cos(2), sin(2)}, T = 3;
  flow_plan plan = {flow_find("hardmax"), {.n = 2, .d = 2, .beta = 1, .masses = masses}, DWELL_RK45, 0, 1e-12, &T, 1};
  certificate c;
  double *end = run_plan(&plan, x, &c);
  double angle = atan2(end[0] * end[3] - end[1] * end[2], dot(2, end, end + 2));
  assert_near(tan(angle / 2), tan(1) * exp(-2 * T), 0, 1e-12);
  free(end);
}

/* ---- others ---- */

/* Additive scores without W: every row has the same weights, so the flow is one Moebius map and cross-ratios stay. */
static void test_additive_cross_ratio(void **state) {
  (void)state;
  enum { N = 7, H = 3 };
  double w[H * D], u[H * D], weight[H], times[2] = {0, 2}, *x = random_tokens(N, D, 9), *masses = equal_masses(N);
  random_numbers(H * D, 1, 1, u), random_numbers(H, 2, 1, weight);
  for (int with = 0; with <= 1; with++) {
    random_numbers(H * D, 3, with, w);
    flow_layer layer = {.d = D,
                        .heads = 1,
                        .rank = D,
                        .value_rank = D,
                        .hidden = H,
                        .add_query = w,
                        .add_key = u,
                        .add_weight = weight,
                        .form_norm = 1,
                        .value_norm = 1};
    flow_plan plan = {flow_find("additive"),
                      {.n = N, .d = D, .beta = 1.5, .masses = masses, .layer = &layer},
                      DWELL_RK45,
                      0,
                      1e-12,
                      times,
                      2};
    certificate c;
    double *states = run_plan(&plan, x, &c), ratio[2];
    for (size_t t = 0; t < 2; t++) {
      double gap[4];
      static const size_t pairs[4][2] = {{0, 1}, {2, 3}, {0, 2}, {1, 3}};
      for (size_t p = 0; p < 4; p++) {
        gap[p] = 0;
        for (size_t k = 0; k < D; k++)
          gap[p] += pow(states[(t * N + pairs[p][0]) * D + k] - states[(t * N + pairs[p][1]) * D + k], 2);
      }
      ratio[t] = sqrt(gap[0] * gap[1] / (gap[2] * gap[3]));
    }
    if (with == 0) assert_near(ratio[1], ratio[0], 1e-10, 0);
    if (with == 1) assert_true(fabs(ratio[1] / ratio[0] - 1) > 1e-3);
    free(states);
  }
  free(x), free(masses);
}

/* Linear attention: all tokens go to one axis; the split is what the first half-space says. */
static void test_linear_axis(void **state) {
  (void)state;
  enum { N = 12, DIM = 4 };
  double *x = random_tokens(N, DIM, 6), *masses = equal_masses(N), T = 200;
  flow_plan plan = {flow_find("linear"), {.n = N, .d = DIM, .beta = 1, .masses = masses}, DWELL_RK45, 0, 1e-10, &T, 1};
  certificate c;
  double *end = run_plan(&plan, x, &c);
  for (size_t i = 0; i < N; i++) assert_near(fabs(dot(DIM, end, end + i * DIM)), 1, 0, 1e-10);
  assert_true(c.has_energy && c.energy_residual < 1e-8);
  assert_true(c.energy_change > 0.1);
  free(end), free(x), free(masses);
}

/* Weights of Sinkhorn: with V = I and equal masses the mean of A is the mean of x, columns summing to 1. */
static void test_sinkhorn_columns(void **state) {
  (void)state;
  enum { N = 30, DIM = 3 };
  double *x = random_tokens(N, DIM, 12), masses[N], a[N * DIM];
  some_masses(N, masses);
  for (int sign = 1; sign >= -1; sign -= 2) {
    flow_system s = {.n = N, .d = DIM, .beta = sign * 4.0, .masses = masses};
    dwell_error err = {.offset = -1};
    field *f = make_field("sinkhorn", &s);
    assert_ok(field_attention(f, x, a, &err), &err);
    for (size_t k = 0; k < DIM; k++) {
      double mean[2] = {0, 0};
      for (size_t i = 0; i < N; i++) mean[0] += masses[i] * a[i * DIM + k], mean[1] += masses[i] * x[i * DIM + k];
      assert_near(mean[0], mean[1], 0, 1e-13);
    }
    field_destroy(f);
  }
  free(x);
}

/* Uniform on the circle: mode k of Sinkhorn attention grows at k^2 r_k / (beta (1 + r_k)), r_k = I_k / I_0 (theory
 * T24); of linear attention only mode 2, at 1/2 (T26). */
static void test_modes_of_the_circle(void **state) {
  (void)state;
  enum { N = 400 };
  static const double sinkhorn[3] = {0.471845 / 5, 1.564906 / 5, 2.474789 / 5};
  static const double linear[3] = {0, 0.5, 0};
  double x[2 * N], v[2 * N], *masses = equal_masses(N), amplitude = 1e-5;
  for (int family = 0; family < 2; family++)
    for (size_t k = 1; k <= 3; k++) {
      double grown = 0;
      for (size_t i = 0; i < N; i++) { /* density 1 + amplitude cos(k theta): quantiles */
        double at = 6.283185307179586 * (double)i / N, theta = at - amplitude / (double)k * sin((double)k * at);
        x[2 * i] = cos(theta), x[2 * i + 1] = sin(theta);
      }
      flow_system s = {.n = N, .d = 2, .beta = family == 0 ? 5 : 1, .masses = masses};
      velocity_of(family == 0 ? "sinkhorn" : "linear", &s, x, v);
      for (size_t i = 0; i < N; i++) { /* d/dt of mean cos(k theta), which starts at amplitude / 2 */
        double theta = atan2(x[2 * i + 1], x[2 * i]), speed = x[2 * i] * v[2 * i + 1] - x[2 * i + 1] * v[2 * i];
        grown -= masses[i] * (double)k * sin((double)k * theta) * speed;
      }
      assert_near(grown / (amplitude / 2), family == 0 ? sinkhorn[k - 1] : linear[k - 1], 0, 2e-7);
    }
  free(masses);
}

/* ---- noise ---- */

/* Nodes s and weights of the law of |xi|^2 / 2 in m dimensions: Gauss-Laguerre with exponent m/2 - 1. */
static void laguerre(size_t count, double exponent, double *nodes, double *weights) {
  double jacobi[12 * 12] = {0};
  dwell_error err;
  for (size_t i = 0; i < count; i++) {
    jacobi[i * count + i] = 2 * (double)i + exponent + 1;
    if (i > 0) jacobi[i * count + i - 1] = jacobi[(i - 1) * count + i] = sqrt((double)i * ((double)i + exponent));
  }
  assert_ok(eigen_vectors(count, jacobi, nodes, &err), &err);
  for (size_t i = 0; i < count; i++) weights[i] = jacobi[i * count] * jacobi[i * count];
}

/* Theory T33: the exact expectation of one step of free Brownian motion is 1F1(m/2; 1/2; -tau). */
static void test_expectation_of_a_step(void **state) {
  (void)state;
  static const struct {
    size_t d;
    double h, want;
  } rows[] = {{3, 0.1, .8128149055},  {3, 0.05, .9032676086},  {3, 0.025, .9508250592}, {3, 0.0125, .9752072954},
              {8, 0.05, .6753094761}, {8, 0.025, .8314435724}, {8, 0.0125, .9141256729}};
  double nodes[12], weights[12], zero[8] = {0};
  for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
    double mean = 0, x[8] = {0.6, 0.8}, xi[8], to[8];
    laguerre(12, (double)(rows[r].d - 1) / 2 - 1, nodes, weights);
    for (size_t g = 0; g < 12; g++) {
      memset(xi, 0, sizeof xi);
      xi[0] = 5 * x[0], xi[1] = 5 * x[1]; /* across the tangent plane: projected away */
      xi[2] = sqrt(2 * nodes[g]);
      geometric_move(rows[r].d, x, rows[r].h, zero, sqrt(2 * rows[r].h), xi, to);
      mean += weights[g] * dot(rows[r].d, x, to);
      assert_near(dot(rows[r].d, to, to), 1, 1e-14, 0);
    }
    assert_near(mean, rows[r].want, 0, 2e-10); /* printed with ten digits */
  }
}

static capture run_noise(double kappa, int threads, size_t replicas, double h, const char *name) {
  dwell_flow_options o = dwell_flow_options_default();
  double T = 1;
  o.flow = name, o.n = 40, o.d = 3, o.beta = 1, o.kappa = kappa, o.replicas = replicas;
  o.integrator = DWELL_GEOMETRIC, o.step = h, o.times = &T, o.times_count = 1;
  return capture_flow(&o, threads);
}

/* The same numbers for any number of threads; other replicas have others; without noise it is Euler's method. */
static void test_noise_is_reproducible(void **state) {
  (void)state;
  capture a = run_noise(2, 1, 3, 0.05, "noisy"), b = run_noise(2, 2, 3, 0.05, "noisy");
  assert_memory_equal(a.x, b.x, 3 * 40 * 3 * sizeof(double));
  assert_true(largest_difference(120, a.x, a.x + 120) > 0.1);
  capture_free(&a), capture_free(&b);
  capture still[3];
  for (size_t k = 0; k < 3; k++) still[k] = run_noise(0, 1, 1, 0.02 / (double)(1 << k), "usa");
  double first = largest_difference(120, still[0].x, still[1].x),
         second = largest_difference(120, still[1].x, still[2].x);
  assert_near(log2(first / second), 1, 0, 0.1); /* order 1 */
  for (size_t k = 0; k < 3; k++) capture_free(&still[k]);
}

/* beta = 0 from one point: the mean of <X_t, X_0> over 8000 free particles is e^{-(d-1) t / kappa} but for the step's
 * bias -2/3 tau a step and 4 standard errors of 0.5 / sqrt(8000). Attention is switched off by a mass-free cloud: each
 * particle is alone in its own flow. */
static void test_noise_spreads(void **state) {
  (void)state;
  dwell_flow_options o = dwell_flow_options_default();
  double T = 0.5, mean = 0, times[2] = {0, T};
  o.flow = "noisy", o.n = 1, o.d = 3, o.beta = 1, o.kappa = 2, o.replicas = 8000;
  o.integrator = DWELL_GEOMETRIC, o.step = 0.025, o.times = times, o.times_count = 2;
  capture c = capture_flow(&o, 2);
  for (size_t r = 0; r < 8000; r++) mean += dot(3, capture_at(&c, r, 0), capture_at(&c, r, 1)) / 8000;
  double one = 0, nodes[12], weights[12];
  laguerre(12, 0, nodes, weights);
  for (size_t g = 0; g < 12; g++) one += weights[g] * cos(sqrt(4 * 0.0125 * nodes[g]));
  assert_near(mean, pow(one, 20), 0, 4 * 0.5 / sqrt(8000));
  capture_free(&c);
}

/* ---- schedules ---- */

/* A schedule that changes nothing, at a time that is no frame, changes nothing. */
static void test_idle_schedule(void **state) {
  (void)state;
  double times[3] = {0, 1, 2}, betas[2] = {3, 3}, from[2] = {0, 0.7};
  dwell_flow_options o = dwell_flow_options_default();
  o.beta = 3, o.times = times, o.times_count = 3, o.rtol = 1e-12;
  capture plain = capture_flow(&o, 1);
  o.betas = betas, o.beta_times = from, o.beta_count = 2;
  capture pieces = capture_flow(&o, 1);
  assert_near(largest_difference(3 * 32 * 3, plain.x, pieces.x), 0, 0, 1e-10);
  capture_free(&plain), capture_free(&pieces);
}

/* The map of one layer with length: h = r x moves to h + eta A(x), so directions are those of post with eta / r. */
static void test_pre_norm_layer(void **state) {
  (void)state;
  dwell_flow_options o = dwell_flow_options_default();
  double times[2] = {0, 0.25};
  o.integrator = DWELL_LAYER, o.step = 0.25, o.times = times, o.times_count = 2;
  capture post = capture_flow(&o, 1);
  o.normalisation = "pre";
  capture pre = capture_flow(&o, 1);
  for (size_t i = 0; i < 32; i++) {
    const double *h = capture_at(&pre, 0, 1) + 3 * i, *x = capture_at(&post, 0, 1) + 3 * i;
    double length = sqrt(dot(3, h, h));
    assert_true(length > 1); /* <x, A> > 0 for sa at beta = 4: its own weight is the largest */
    for (size_t k = 0; k < 3; k++) assert_near(h[k] / length, x[k], 0, 1e-14);
  }
  capture_free(&post), capture_free(&pre);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_powers),
      cmocka_unit_test(test_energies),
      cmocka_unit_test(test_limits),
      cmocka_unit_test(test_scaled_form),
      cmocka_unit_test(test_equivariance),
      cmocka_unit_test(test_causal_pair),
      cmocka_unit_test(test_causal_collapse),
      cmocka_unit_test(test_hardmax_rules),
      cmocka_unit_test(test_hardmax_pair),
      cmocka_unit_test(test_additive_cross_ratio),
      cmocka_unit_test(test_linear_axis),
      cmocka_unit_test(test_sinkhorn_columns),
      cmocka_unit_test(test_modes_of_the_circle),
      cmocka_unit_test(test_expectation_of_a_step),
      cmocka_unit_test(test_noise_is_reproducible),
      cmocka_unit_test(test_noise_spreads),
      cmocka_unit_test(test_idle_schedule),
      cmocka_unit_test(test_pre_norm_layer),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
