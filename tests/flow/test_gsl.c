/* tests/flow/test_gsl.c - every family against plain formulas integrated by GSL's Prince-Dormand 8(9) method.
 *
 * Neither the right-hand sides nor the integrator are dwell's: what is left in common is the start. Needs libgsl-dev;
 * skips without it, saying so. Not here: hardmax, whose field jumps, and noisy, whose steps are drawn. */
#include <stdio.h>

#include "flow/orbiting.h"

#ifndef DWELL_HAVE_GSL
int main(void) { return testing_without("GSL (libgsl-dev)"); }
#else

#include <gsl/gsl_errno.h>
#include <gsl/gsl_odeiv2.h>

#include "flow/layer.h"
#include "flow/meanfield.h"

enum { N = 6, D = 3, SIZE = N * D, HEADS = 2, UNITS = 2, MODES = 16, GRID = 96 };

typedef enum law { SOFTMAX, PLAIN, DISTANCE, LINEAR, SINKHORN, ADDITIVE } law;

/* One family as its formula. */
typedef struct formula {
  const char *name;
  law law;
  size_t d;
  bool heads, causal, free, neurons; /* free: no projection */
  double beta, t;
} formula;

static const double masses[N] = {1.0 / N, 1.0 / N, 1.0 / N, 1.0 / N, 1.0 / N, 1.0 / N};
static double query[HEADS * D * D], key[HEADS * D * D], value[HEADS * D * D];
static double w[UNITS * D], u[UNITS * D], units[UNITS], strength[UNITS];

/* Rows of weights of one head at tokens x. */
static void weights(const formula *f, size_t h, const double *x, double *ret_p) {
  size_t d = f->d;
  for (size_t i = 0; i < N; i++) {
    double sum = 0;
    for (size_t j = 0; j < N; j++) {
      double score = 0, q[D], k[D];
      for (size_t a = 0; a < d; a++) {
        q[a] = f->heads ? 0 : x[i * d + a], k[a] = f->heads ? 0 : x[j * d + a];
        for (size_t b = 0; f->heads && b < d; b++)
          q[a] += query[(h * d + a) * d + b] * x[i * d + b], k[a] += key[(h * d + a) * d + b] * x[j * d + b];
      }
      if (f->law == ADDITIVE) {
        for (size_t m = 0; m < UNITS; m++) {
          double inside = 0;
          for (size_t a = 0; a < d; a++) inside += w[m * d + a] * x[i * d + a] + u[m * d + a] * x[j * d + a];
          score += units[m] * tanh(inside);
        }
      } else {
        for (size_t a = 0; a < d; a++) score += f->law == DISTANCE ? -pow(q[a] - k[a], 2) / 2 : q[a] * k[a];
      }
      bool seen = !f->causal || j <= i;
      double weight = f->law == LINEAR ? f->beta * score / N : exp(f->beta * score) / N;
      sum += ret_p[i * N + j] = seen ? weight : 0;
    }
    bool normalised = f->law == SOFTMAX || f->law == DISTANCE || f->law == ADDITIVE;
    for (size_t j = 0; j < N && normalised; j++) ret_p[i * N + j] /= sum;
  }
  if (f->law != SINKHORN) return;
  for (int sweep = 0; sweep < 2000; sweep++) { /* columns last: rows are then 1 to convergence */
    for (int side = 0; side < 2; side++)
      for (size_t i = 0; i < N; i++) {
        double sum = 0;
        for (size_t j = 0; j < N; j++) sum += ret_p[side == 0 ? j * N + i : i * N + j];
        for (size_t j = 0; j < N; j++) ret_p[side == 0 ? j * N + i : i * N + j] /= sum;
      }
  }
}

static int attention(double t, const double *y, double *ret_v, void *arg) {
  (void)t;
  const formula *f = arg;
  size_t d = f->d;
  double x[SIZE], p[N * N];
  for (size_t e = 0; e < N * d; e++) x[e] = y[e], ret_v[e] = 0;
  if (!f->free) unit_rows(N, d, x);
  for (size_t h = 0; h < (f->heads ? HEADS : 1); h++) {
    weights(f, h, x, p);
    for (size_t i = 0; i < N; i++)
      for (size_t j = 0; j < N; j++)
        for (size_t a = 0; a < d; a++) {
          double moved = f->heads ? 0 : x[j * d + a];
          for (size_t b = 0; f->heads && b < d; b++) moved += value[(h * d + a) * d + b] * x[j * d + b];
          ret_v[i * d + a] += p[i * N + j] * moved;
        }
  }
  for (size_t i = 0; i < N; i++) {
    double along = 0;
    for (size_t m = 0; f->neurons && m < UNITS; m++) {
      double inside = tanh(dot(d, u + m * d, x + i * d));
      for (size_t a = 0; a < d; a++) ret_v[i * d + a] += strength[m] * inside * u[m * d + a];
    }
    for (size_t a = 0; a < d; a++) along += ret_v[i * d + a] * x[i * d + a];
    for (size_t a = 0; a < d && !f->free; a++) ret_v[i * d + a] -= along * x[i * d + a];
  }
  return GSL_SUCCESS;
}

/* Tokens carried by the closure of their own mean and variance on the line. */
static int closure(double t, const double *x, double *ret_v, void *arg) {
  (void)t;
  const formula *f = arg;
  double mean = 0, s = 0, b = f->beta;
  for (size_t i = 0; i < N; i++) mean += x[i] / N;
  for (size_t i = 0; i < N; i++) s += pow(x[i] - mean, 2) / N;
  for (size_t i = 0; i < N; i++) {
    if (f->law == SOFTMAX) ret_v[i] = mean + b * s * x[i];
    if (f->law == DISTANCE) ret_v[i] = (mean + b * s * x[i]) / (1 + b * s);
    if (f->law == SINKHORN) ret_v[i] = mean + (sqrt(1 + 4 * b * b * s * s) - 1) / (2 * b) / s * (x[i] - mean);
  }
  return GSL_SUCCESS;
}

/* c_k' = -ik int f v e^{-ik theta}, v = (ln W*f)' / beta, W*f by sums over the grid. */
static int density(double t, const double *c, double *ret_v, void *arg) {
  (void)t;
  const formula *f = arg;
  double rho[GRID], v[GRID], step = 2 * acos(-1) / GRID;
  for (size_t g = 0; g < GRID; g++) {
    rho[g] = 1.0 / GRID;
    for (size_t k = 1; k <= MODES; k++) {
      double angle = (double)k * step * (double)g;
      rho[g] += 2.0 / GRID * (c[2 * k - 2] * cos(angle) - c[2 * k - 1] * sin(angle));
    }
  }
  for (size_t g = 0; g < GRID; g++) {
    double total = 0, pull = 0;
    for (size_t h = 0; h < GRID; h++) {
      double gap = step * ((double)g - (double)h), weight = rho[h] * exp(f->beta * (cos(gap) - 1));
      total += weight, pull -= weight * sin(gap);
    }
    v[g] = pull / total;
  }
  for (size_t k = 1; k <= MODES; k++) {
    ret_v[2 * k - 2] = ret_v[2 * k - 1] = 0;
    for (size_t g = 0; g < GRID; g++) {
      double angle = (double)k * step * (double)g;
      ret_v[2 * k - 2] -= (double)k * rho[g] * v[g] * sin(angle);
      ret_v[2 * k - 1] -= (double)k * rho[g] * v[g] * cos(angle);
    }
  }
  return GSL_SUCCESS;
}

static void gsl_solve(int (*right)(double, const double *, double *, void *), const formula *f, size_t size,
                      double *x) {
  gsl_odeiv2_system system = {right, NULL, size, (void *)f};
  gsl_odeiv2_driver *driver = gsl_odeiv2_driver_alloc_y_new(&system, gsl_odeiv2_step_rk8pd, 1e-4, 1e-13, 1e-13);
  double t = 0;
  assert_non_null(driver);
  assert_int_equal(gsl_odeiv2_driver_apply(driver, &t, f->t, x), GSL_SUCCESS);
  gsl_odeiv2_driver_free(driver);
}

static flow_layer layer;

static flow_plan plan_of(const formula *f) {
  flow_plan plan = {.family = flow_find(f->name), .integrator = DWELL_RK45, .rtol = 1e-12, .times = &f->t, .count = 1};
  assert_non_null(plan.family);
  plan.system = (flow_system){.n = N, .d = f->d, .beta = f->beta, .masses = masses, .causal = f->causal};
  plan.system.activation = FLOW_TANH;
  layer = (flow_layer){.d = f->d, .heads = f->heads ? HEADS : 1, .rank = f->d, .value_rank = f->d, .form_norm = 2};
  layer.value_norm = 3;
  if (f->heads) layer.query = query, layer.key = key, layer.read = value;
  if (f->law == ADDITIVE) layer.hidden = UNITS, layer.add_query = w, layer.add_key = u, layer.add_weight = units;
  if (f->neurons) layer.neurons = UNITS, layer.strength = strength, layer.direction = u;
  if (f->heads || f->neurons || f->law == ADDITIVE) plan.system.layer = &layer;
  return plan;
}

/* Sums over tokens of every coordinate and the largest difference of one, to 1e-8. */
static void compare(const formula *f, size_t size, const double *exact, const double *got) {
  double worst = 0;
  for (size_t e = 0; e < size; e++) worst = fmax(worst, fabs(exact[e] - got[e]));
  print_message("%-18s largest difference %.1e\n", f->name, worst);
  if (!(worst <= 1e-8)) fail_msg("%s: dwell and GSL differ by %g", f->name, worst);
}

static void families(void **state) {
  (void)state;
  static const formula all[] = {
      {"sa", SOFTMAX, 3, .beta = 4, .t = 2},
      {"usa", PLAIN, 3, .beta = 2, .t = 0.5},
      {"csa", SOFTMAX, 3, .heads = true, .causal = true, .beta = 2, .t = 1.5},
      {"qkv", SOFTMAX, 3, .heads = true, .beta = 2, .t = 1.5},
      {"uqkv", PLAIN, 3, .heads = true, .beta = 1, .t = 1},
      {"linear", LINEAR, 3, .beta = 1, .t = 3},
      {"l2", DISTANCE, 3, .beta = 3, .t = 2},
      {"sinkhorn", SINKHORN, 3, .beta = 2, .t = 2},
      {"additive", ADDITIVE, 3, .beta = 1.5, .t = 2},
      {"perceptron", PLAIN, 3, .neurons = true, .beta = 1, .t = 1},
      {"circle", SOFTMAX, 2, .beta = 4, .t = 2},
      {"circle-usa", PLAIN, 2, .beta = 2, .t = 0.5},
      {"rd", SOFTMAX, 3, .free = true, .beta = 1, .t = 1},
      {"rd-rescaled", SOFTMAX, 3, .free = true, .beta = 1, .t = 1},
  };
  for (size_t k = 0; k < sizeof all / sizeof *all; k++) {
    const formula *f = &all[k];
    double *x = random_tokens(N, f->d, 5), exact[SIZE];
    certificate c;
    flow_plan plan = plan_of(f);
    double *got = run_plan(&plan, x, &c);
    memcpy(exact, x, N * f->d * sizeof(double));
    gsl_solve(attention, f, N * f->d, exact);
    if (!f->free) unit_rows(N, f->d, exact);
    for (size_t e = 0; e < N * f->d && strcmp(f->name, "rd-rescaled") == 0; e++) exact[e] *= exp(-f->t);
    compare(f, N * f->d, exact, got);
    free(x), free(got);
  }
}

/* From equal angles the scalar equation's tokens are sa's and usa's. */
static void equal_angles(void **state) {
  (void)state;
  static const formula all[] = {{"equiangular", SOFTMAX, 3, .beta = 3, .t = 1.5},
                                {"equiangular-usa", PLAIN, 3, .beta = 1, .t = 0.5}};
  for (size_t k = 0; k < 2; k++) {
    double x[SIZE] = {0}, exact[SIZE], c = sqrt(0.4), s = sqrt(0.6);
    certificate unused;
    for (size_t i = 0; i < 3; i++) {
      double angle = 2 * acos(-1) * (double)i / 3;
      x[i * 3] = c, x[i * 3 + 1] = s * cos(angle), x[i * 3 + 2] = s * sin(angle);
    }
    memcpy(x + 9, x, 9 * sizeof(double)); /* each twice: the same flow as three of mass 1/3 */
    memcpy(exact, x, sizeof exact);
    flow_plan plan = plan_of(&all[k]);
    double thirds[3] = {1.0 / 3, 1.0 / 3, 1.0 / 3};
    plan.system.n = 3, plan.system.masses = thirds;
    double *got = run_plan(&plan, x, &unused);
    gsl_solve(attention, &all[k], SIZE, exact);
    unit_rows(N, D, exact);
    compare(&all[k], 9, exact, got);
    free(got);
  }
}

static void gaussians(void **state) {
  (void)state;
  static const formula all[] = {{"gaussian-softmax", SOFTMAX, 1, .beta = 0.6, .t = 0.7},
                                {"gaussian-l2", DISTANCE, 1, .beta = 0.6, .t = 1},
                                {"gaussian-sinkhorn", SINKHORN, 1, .beta = 0.6, .t = 1}};
  for (size_t k = 0; k < 3; k++) {
    static const double start[N] = {-1, -0.4, 0.1, 0.3, 0.9, 1.2};
    double exact[N];
    certificate c;
    flow_plan plan = plan_of(&all[k]);
    double *got = run_plan(&plan, start, &c);
    memcpy(exact, start, sizeof exact);
    gsl_solve(closure, &all[k], N, exact);
    compare(&all[k], N, exact, got);
    free(got);
  }
}

static void densities(void **state) {
  (void)state;
  static const formula f = {"meanfield", SOFTMAX, 2, .beta = 2, .t = 1};
  double exact[2 * MODES] = {0.2, 0.05, -0.05, 0.02}, y[2 * MODES], t = f.t;
  meanfield m = {.d = 2, .beta = f.beta, .normalised = true, .modes = MODES};
  ode_plan plan = {.integrator = DWELL_RK45, .rtol = 1e-12, .atol = 1e-15, .times = &t, .count = 1};
  ode_host host = {0};
  ode_outcome outcome;
  dwell_error err = {.offset = -1};
  memcpy(y, exact, sizeof y);
  assert_ok(meanfield_solve(&m, &plan, &host, y, NULL, &outcome, &err), &err);
  gsl_solve(density, &f, 2 * MODES, exact);
  compare(&f, 8, exact, y); /* the last orders know where the grids end */
}

static void fill(double *ret, size_t count, uint32_t which, double scale) {
  random_stream s = {23, RANDOM_TEST, which};
  for (size_t e = 0; e < count; e++) ret[e] = scale * random_normal(&s, (uint32_t)e, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(families), cmocka_unit_test(equal_angles),
                                     cmocka_unit_test(gaussians), cmocka_unit_test(densities)};
  fill(query, HEADS * D * D, 1, 0.5), fill(key, HEADS * D * D, 2, 0.5), fill(value, HEADS * D * D, 3, 0.5);
  fill(w, UNITS * D, 4, 0.5), fill(u, UNITS * D, 5, 0.5), fill(units, UNITS, 6, 1), fill(strength, UNITS, 7, 1);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
#endif
