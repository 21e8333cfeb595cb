/* tests/flow/test_identities.c - what the theory says holds exactly: energy identities, symmetries, invariants. */
#include "flow/orbiting.h"

#include "flow/starts.h"

/* Scaled energy and its rate by flows.md 2, by plain loops over pairs. */
static double plain_energy(const flow_system *s, bool usa, const double *x, double *ret_rate) {
  double energy = 0, rate = 0, *a = malloc(s->d * sizeof(double));
  for (size_t i = 0; i < s->n; i++) {
    const double *u = x + i * s->d;
    double z = 0, square = 0;
    memset(a, 0, s->d * sizeof(double));
    for (size_t j = 0; j < s->n; j++) {
      double w = s->masses[j] * exp(s->beta * dot(s->d, u, x + j * s->d));
      z += w;
      for (size_t k = 0; k < s->d; k++) a[k] += w * x[j * s->d + k];
    }
    double radial = dot(s->d, a, u);
    for (size_t k = 0; k < s->d; k++) square += (a[k] - radial * u[k]) * (a[k] - radial * u[k]);
    energy += s->masses[i] * z;
    rate += s->masses[i] * (usa ? square : square / z); /* SA: Z |A/Z|^2 */
  }
  free(a);
  *ret_rate = 2 * s->beta * rate * exp(-fabs(s->beta));
  return energy * exp(-fabs(s->beta));
}

static const flow *families[2];

static int find_families(void **state) {
  (void)state;
  families[0] = flow_find("sa");
  families[1] = flow_find("usa");
  return families[0] == NULL || families[1] == NULL;
}

/* dE/dt at one moment: the library's power against a four-point difference of the library's energy along its velocity
 * (error of order step^4 = 1e-12 times beta^5), and both against plain loops. */
static void test_power_is_the_slope_of_the_energy(void **state) {
  (void)state;
  static const double betas[] = {0.5, 4, -2};
  for (size_t f = 0; f < 2; f++)
    for (size_t b = 0; b < 3; b++) {
      size_t n = 20, d = 3 + 9 * f;
      double *x = random_tokens(n, d, (uint32_t)b), *v = malloc(n * d * sizeof(double)),
             *y = malloc(n * d * sizeof(double));
      double *w = malloc(n * d * sizeof(double)), masses[20], sum = 0, slope = 0, rate;
      for (size_t i = 0; i < n; i++) sum += masses[i] = 1 + (double)(i % 4);
      for (size_t i = 0; i < n; i++) masses[i] /= sum;
      field g;
      field_facts at, near;
      dwell_error err;
      flow_system s = {n, d, betas[b], masses, false};
      assert_ok(field_create(families[f], &s, NULL, &g, &err), &err);
      assert_ok(field_velocity(&g, x, v, &at, &err), &err);
      assert_near(plain_energy(&s, f == 1, x, &rate), at.energy, 1e-14, 0);
      assert_near(at.power, rate, 1e-12, 0);
      for (int side = -2; side <= 2; side++) {
        if (side == 0) continue;
        double h = 1e-3 / at.speed;
        for (size_t e = 0; e < n * d; e++) y[e] = x[e] + side * h * v[e];
        assert_ok(field_velocity(&g, y, w, &near, &err), &err);
        slope += near.energy * (abs(side) == 1 ? 8 : -1) * (side > 0 ? 1 : -1) / (12 * h);
      }
      assert_near(at.power, slope, 1e-8, 0);
      field_destroy(&g);
      free(x), free(v), free(y), free(w);
    }
}

/* E(T) - E(0) against Simpson's rule on plain-loop rates at 401 states of a run; and the run's own account. */
static void test_energy_balance(void **state) {
  (void)state;
  enum { FRAMES = 401 };
  for (size_t f = 0; f < 2; f++) {
    size_t n = 12, d = 3;
    double *x = random_tokens(n, d, 3), *masses = equal_masses(n), times[FRAMES], T = f == 0 ? 6 : 0.4, rate, total = 0;
    for (size_t t = 0; t < FRAMES; t++) times[t] = T * (double)t / (FRAMES - 1);
    flow_plan plan = {families[f], {n, d, 3, masses, false}, DWELL_RK45, 0, 1e-11, times, FRAMES};
    certificate c;
    double *states = run_plan(&plan, x, &c), first = 0, last = 0;
    for (size_t t = 0; t < FRAMES; t++) {
      last = plain_energy(&plan.system, f == 1, states + t * n * d, &rate);
      if (t == 0) first = last;
      total += rate * (t == 0 || t == FRAMES - 1 ? 1 : t % 2 == 1 ? 4 : 2) * T / (FRAMES - 1) / 3;
    }
    assert_near(last - first, total, 0, 1e-8);
    assert_true(last - first > 0.1);
    assert_true(c.has_energy);
    assert_near(c.energy_change, last - first, 1e-12, 0); /* the energy only rises */
    assert_near(c.energy_residual, 0, 0, 1e-9);
    assert_near(c.torque, 0, 0, 1e-14);
    assert_near(c.norm_defect, 0, 0, 6e-16);
    free(states), free(masses), free(x);
  }
}

/* A planted fault in the account: a run of the Euler map has a residual of the order of its step. */
static void test_account_sees_a_coarse_step(void **state) {
  (void)state;
  double *x = random_tokens(12, 3, 3), *masses = equal_masses(12), T = 6;
  flow_plan plan = {families[0], {12, 3, 3, masses, false}, DWELL_EULER, 0.1, 0, &T, 1};
  certificate c;
  free(run_plan(&plan, x, &c));
  assert_true(c.energy_residual > 1e-3 && c.energy_residual < 0.2);
  free(masses), free(x);
}

/* sum_i c_i (x_i v_i^T - v_i x_i^T) = 0 with c = m (usa) or m Z (sa), flows.md 1, computed here. */
static void test_torque(void **state) {
  (void)state;
  for (size_t f = 0; f < 2; f++) {
    size_t n = 30, d = 5;
    double *x = random_tokens(n, d, 8), *masses = equal_masses(n), *v = malloc(n * d * sizeof(double));
    flow_system s = {n, d, 4, masses, false};
    field g;
    field_facts facts;
    dwell_error err;
    assert_ok(field_create(families[f], &s, NULL, &g, &err), &err);
    assert_ok(field_velocity(&g, x, v, &facts, &err), &err);
    for (size_t a = 0; a < d; a++)
      for (size_t b = 0; b < a; b++) {
        double entry = 0, size = 0;
        for (size_t i = 0; i < n; i++) {
          double c = masses[i] * (f == 0 ? g.z[i] : 1);
          entry += c * (x[i * d + a] * v[i * d + b] - x[i * d + b] * v[i * d + a]);
          size += c * fabs(x[i * d + a] * v[i * d + b]);
        }
        assert_near(entry, 0, 0, 1e-14 * size);
      }
    assert_near(field_torque(&g, v), 0, 0, 1e-14);
    v[0] += 0.1; /* and the library's figure does see a wrong velocity */
    assert_true(field_torque(&g, v) > 1e-4);
    field_destroy(&g);
    free(x), free(v), free(masses);
  }
}

/* Rotating or permuting the start rotates or permutes the end. rtol 1e-12: the two runs choose the same steps up to
 * rounding, the rest is growth of roundings. */
static void test_equivariance(void **state) {
  (void)state;
  size_t n = 16, d = 4;
  double *x = random_tokens(n, d, 21), *masses = equal_masses(n), T = 3, rotation[16];
  dwell_error err;
  starts orthogonal;
  assert_ok(starts_open("orthogonal", d, d, &orthogonal, &err), &err);
  assert_ok(starts_make(&orthogonal, 5, 0, rotation, &err), &err);
  double *rotated = malloc(n * d * sizeof(double)), *permuted = malloc(n * d * sizeof(double)), largest[2] = {0, 0};
  for (size_t i = 0; i < n; i++)
    for (size_t k = 0; k < d; k++) {
      rotated[i * d + k] = dot(d, x + i * d, rotation + k * d);
      permuted[(5 * i + 3) % n * d + k] = x[i * d + k];
    }
  for (size_t f = 0; f < 2; f++) {
    flow_plan plan = {families[f], {n, d, 3, masses, false}, DWELL_RK45, 0, 1e-12, &T, 1};
    certificate c;
    double *plain = run_plan(&plan, x, &c), *turned = run_plan(&plan, rotated, &c),
           *moved = run_plan(&plan, permuted, &c);
    for (size_t i = 0; i < n; i++)
      for (size_t k = 0; k < d; k++) {
        largest[0] = fmax(largest[0], fabs(turned[i * d + k] - dot(d, plain + i * d, rotation + k * d)));
        largest[1] = fmax(largest[1], fabs(moved[(5 * i + 3) % n * d + k] - plain[i * d + k]));
      }
    free(plain), free(turned), free(moved);
  }
  assert_near(largest[0], 0, 0, 1e-11);
  assert_near(largest[1], 0, 0, 1e-11);
  free(x), free(rotated), free(permuted), free(masses);
}

static double distance(size_t d, const double *a, const double *b) {
  double square = 0;
  for (size_t k = 0; k < d; k++) square += (a[k] - b[k]) * (a[k] - b[k]);
  return sqrt(square);
}

/* Theory 1.1: at beta = 0 the flow is one Moebius map for all tokens, so cross-ratios stay; at beta = 1 they do not. */
static void test_cross_ratio(void **state) {
  (void)state;
  size_t n = 9, d = 5;
  double *x = random_tokens(n, d, 31), *masses = equal_masses(n), times[2] = {0, 2};
  for (int beta = 0; beta <= 1; beta++) {
    flow_plan plan = {families[beta], {n, d, beta, masses, false}, DWELL_RK45, 0, 1e-12, times, 2};
    certificate c;
    double *states = run_plan(&plan, x, &c), ratio[2];
    for (size_t t = 0; t < 2; t++) {
      const double *p = states + t * n * d;
      ratio[t] = distance(d, p, p + d) * distance(d, p + 2 * d, p + 3 * d) / distance(d, p, p + 2 * d) /
                 distance(d, p + d, p + 3 * d);
    }
    if (beta == 0) assert_near(ratio[1], ratio[0], 1e-10, 0);
    if (beta == 1) assert_true(fabs(ratio[1] / ratio[0] - 1) > 1e-3);
    free(states);
  }
  free(x), free(masses);
}

/* Under the mask token 1 rests to the bit, and the first tokens do not feel those after them. */
static void test_causal(void **state) {
  (void)state;
  size_t n = 14, d = 3, prefix = 5;
  double *x = random_tokens(n, d, 41), *masses = equal_masses(n), *few = equal_masses(prefix), T = 4;
  flow_plan all = {families[0], {n, d, 4, masses, true}, DWELL_RK45, 0, 1e-12, &T, 1}, part = all;
  part.system.n = prefix;
  part.system.masses = few;
  certificate c;
  double *whole = run_plan(&all, x, &c), *alone = run_plan(&part, x, &c);
  assert_false(c.has_energy);
  assert_memory_equal(whole, x, d * sizeof(double));
  assert_near(largest_difference(prefix * d, whole, alone), 0, 0, 1e-10);
  assert_true(distance(d, whole + d, x + d) > 0.1);
  free(whole), free(alone), free(x), free(masses), free(few);
}

/* Two coincident tokens of half the mass are one token of the whole mass. */
static void test_masses_add(void **state) {
  (void)state;
  size_t n = 6, d = 3;
  double *x = random_tokens(n + 1, d, 51), T = 3;
  double one[6] = {0.3, 0.1, 0.1, 0.2, 0.2, 0.1}, two[7] = {0.15, 0.1, 0.1, 0.2, 0.2, 0.1, 0.15};
  memcpy(x + n * d, x, d * sizeof(double));
  for (size_t f = 0; f < 2; f++) {
    flow_plan merged = {families[f], {n, d, 3, one, false}, DWELL_RK45, 0, 1e-12, &T, 1}, split = merged;
    split.system.n = n + 1;
    split.system.masses = two;
    certificate c;
    double *a = run_plan(&merged, x, &c), *b = run_plan(&split, x, &c);
    assert_near(largest_difference(n * d, a, b), 0, 0, 1e-10);
    assert_memory_equal(b, b + n * d, d * sizeof(double)); /* coincident tokens stay coincident */
    free(a), free(b);
  }
  free(x);
}

/* A token without mass follows the others and moves nobody. */
static void test_massless_token(void **state) {
  (void)state;
  size_t n = 6, d = 3;
  double *x = random_tokens(n, d, 61), T = 3, with[6] = {0.2, 0.2, 0.2, 0.2, 0.2, 0},
         without[5] = {0.2, 0.2, 0.2, 0.2, 0.2};
  flow_plan all = {families[0], {n, d, 3, with, false}, DWELL_RK45, 0, 1e-12, &T, 1}, heavy = all;
  heavy.system.n = n - 1;
  heavy.system.masses = without;
  certificate c;
  double *a = run_plan(&all, x, &c), *b = run_plan(&heavy, x, &c);
  assert_near(largest_difference((n - 1) * d, a, b), 0, 0, 1e-10);
  assert_true(distance(d, a + 5 * d, x + 5 * d) > 0.1);
  free(a), free(b), free(x);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_power_is_the_slope_of_the_energy),
      cmocka_unit_test(test_energy_balance),
      cmocka_unit_test(test_account_sees_a_coarse_step),
      cmocka_unit_test(test_torque),
      cmocka_unit_test(test_equivariance),
      cmocka_unit_test(test_cross_ratio),
      cmocka_unit_test(test_causal),
      cmocka_unit_test(test_masses_add),
      cmocka_unit_test(test_massless_token),
  };
  return cmocka_run_group_tests(tests, find_families, NULL);
}
