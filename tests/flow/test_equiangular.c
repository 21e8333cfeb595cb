/* tests/flow/test_equiangular.c - particles against the scalar equations they must obey when all angles are equal. */
#include "flow/capture.h"

#include <stdio.h>

typedef struct golden {
  char kind[8];
  size_t n;
  double beta, mass, rho0, rho, t;
} golden;

enum { MAX_ROWS = 400 };

static size_t read_golden(golden *rows) {
  FILE *file = fopen(testing_source("tests/golden/flow/times.txt"), "r");
  assert_non_null(file);
  size_t count = 0;
  golden *r = rows;
  while (fscanf(file, "%7s %zu %lf %lf %lf %lf %lf", r->kind, &r->n, &r->beta, &r->mass, &r->rho0, &r->rho, &r->t) ==
         7) {
    assert_true(++count < MAX_ROWS);
    r = rows + count;
  }
  fclose(file);
  return count;
}

static bool same_run(const golden *a, const golden *b) {
  return strcmp(a->kind, b->kind) == 0 && a->n == b->n && a->beta == b->beta && a->mass == b->mass &&
         a->rho0 == b->rho0;
}

/* Mean cosine over pairs (summed in extended precision: equal terms all round the same way); *spread: largest deviation
 * from it. */
static double mean_cosine(size_t n, size_t d, const double *x, double *spread) {
  long double sum = 0;
  double mean = 0;
  *spread = 0;
  for (int pass = 0; pass < 2; pass++)
    for (size_t i = 0; i < n; i++)
      for (size_t j = 0; j < i; j++) {
        double g = dot(d, x + i * d, x + j * d);
        if (pass == 0) sum += g;
        if (pass == 0) mean = (double)(sum * 2 / (long double)(n * (n - 1)));
        if (pass == 1) *spread = fmax(*spread, fabs(g - mean));
      }
  return mean;
}

/* The scalar equation of SA at equal masses, for turning a defect of rho into one of t. */
static double rho_dot(bool usa, size_t n, double beta, double r) {
  double m = (double)n - 1, common = (1 - r) * (m * r + 1);
  return usa ? 2 / (double)n * exp(beta * r) * common : 2 * common / (exp(beta * (1 - r)) + m);
}

static dwell_flow_options equiangular(const char *name, size_t n, size_t d, double beta, double rho) {
  dwell_flow_options o = dwell_flow_options_default();
  o.flow = name;
  o.n = n;
  o.d = d;
  o.beta = beta;
  o.init = testing_format("equiangular:%.17g", rho);
  o.rtol = 1e-12;
  return o;
}

/* 1e-9 in rho: two digits above what 1e-12 per step adds up to over a few hundred steps. Where the system rests long
 * before it moves (beta 9: T = 48733, during which it creeps at 1e-5) the same local errors shift the moment of the
 * move, so 1e-11 of T is allowed there. */
static void test_golden_times(void **state) {
  (void)state;
  static golden rows[MAX_ROWS];
  size_t count = read_golden(rows);
  assert_true(count > 300);
  double worst = 0;
  for (size_t first = 0, next; first < count; first = next) {
    double times[16], masses[2] = {rows[first].mass, 1 - rows[first].mass};
    for (next = first; next < count && same_run(&rows[first], &rows[next]); next++) times[next - first] = rows[next].t;
    const golden *g = &rows[first];
    bool usa = strcmp(g->kind, "usa") == 0;
    dwell_flow_options o = equiangular(usa ? "usa" : "sa", g->n, g->n + first % 3, g->beta, g->rho0);
    o.times = times;
    o.times_count = next - first;
    o.causal = strcmp(g->kind, "causal") == 0;
    if (strcmp(g->kind, "pair") == 0) o.masses = masses;
    capture c = capture_flow(&o, 1);
    for (size_t f = 0; f < c.states; f++) {
      double spread, rho = mean_cosine(c.n, c.d, capture_at(&c, 0, f), &spread);
      double allowed = 1e-9 + 1e-11 * g[f].t * rho_dot(usa, g->n, g->beta, rho);
      worst = fmax(worst, fabs(rho - g[f].rho) / allowed);
      if (!(fabs(rho - g[f].rho) <= allowed) || spread > 1e-10)
        fail_msg("%s n %zu beta %g rho0 %g: rho(%.17g) = %.12f, not %.12f, spread %g", g->kind, g->n, g->beta, g->rho0,
                 g[f].t, rho, g[f].rho, spread);
    }
    capture_free(&c);
  }
  print_message("largest difference in rho: %.2g of what is allowed\n", worst);
}

/* Published digits of flows.md 3: n = 32, orthogonal start, times to .5, .9, .999. */
static void check_table(const char *name, double beta, const double times[3], double digits) {
  static const double rho[3] = {0.5, 0.9, 0.999};
  dwell_flow_options o = dwell_flow_options_default();
  o.flow = name;
  o.n = 32;
  o.d = 40;
  o.beta = beta;
  o.init = "orthogonal";
  o.rtol = 1e-11;
  o.times = times;
  o.times_count = 3;
  capture c = capture_flow(&o, 1);
  for (size_t f = 0; f < 3; f++) {
    double spread, got = mean_cosine(32, 40, capture_at(&c, 0, f), &spread);
    double late = (rho[f] - got) / rho_dot(name[0] == 'u', 32, beta, rho[f]);
    assert_near(times[f] + late, times[f], digits, 0);
  }
  capture_free(&c);
}

static void test_published_table(void **state) {
  (void)state;
  static const double sa[8][4] = {{0, 1.748254, 2.833213, 5.186261},    {0.1, 1.752974, 2.838852, 5.192063},
                                  {1, 1.819935, 2.915566, 5.270284},    {2, 1.991412, 3.101915, 5.458394},
                                  {3, 2.407781, 3.539275, 5.897609},    {5, 5.977185, 7.181969, 9.544329},
                                  {7, 28.505137, 29.866246, 32.233105}, {9, 174.65224, 176.35903, 178.73093}};
  for (size_t i = 0; i < 8; i++) check_table("sa", sa[i][0], sa[i] + 1, 1e-6);
  static const double usa[2][4] = {{1, 1.48699, 2.01174, 2.89705}, {5, 0.923598, 0.956744, 0.974607}};
  check_table("usa", usa[0][0], usa[0] + 1, 3.4e-6); /* printed with five decimals: half a unit of 1.48699 */
  check_table("usa", usa[1][0], usa[1] + 1, 1e-6);
}

/* Theory T12: two tokens at angle theta0 meet to within .01; ten digits are published. The defect in the angle is
 * turned into one of time by the equation theta' = -2 sin theta / (1 + e^{beta (1 - cos theta)}). */
static void test_merge_times(void **state) {
  (void)state;
  static const double rows[6][3] = {{1, 3.0, 14.90060008},  {4, 2.0, 44.50405882},  {9, 1.5, 255.876495},
                                    {20, 1.0, 388.4380444}, {50, 0.8, 79667.32023}, {9, 3.0, 32375669.86}};
  for (size_t r = 0; r < 6; r++) {
    double beta = rows[r][0], T = rows[r][2];
    dwell_flow_options o = equiangular("sa", 2, 2 + r % 2, beta, cos(rows[r][1]));
    o.times = &T;
    o.times_count = 1;
    o.rtol = 1e-13;
    capture c = capture_flow(&o, 1);
    const double *x = capture_at(&c, 0, 0);
    double gap = 0;
    for (size_t k = 0; k < c.d; k++) gap += (x[k] - x[c.d + k]) * (x[k] - x[c.d + k]);
    double theta = 2 * asin(sqrt(gap) / 2), speed = 2 * sin(0.01) / (1 + exp(beta * (1 - cos(0.01))));
    assert_near(T + (theta - 0.01) / speed, T, 1e-9, 0);
    capture_free(&c);
  }
}

/* Theory 1.8, exact layer map: rho' of x <- normalise(x + eta A). */
static double layer_map(size_t n, double beta, double eta, double rho) {
  double m = (double)n, far = exp(-beta * (1 - rho)), z = 1 + (m - 1) * far, a = 1 / z, b = far / z;
  double p = 1 + eta * (a - b), q = eta * b, common = rho * (p + m * q) * (p + m * q);
  return ((1 - rho) * (2 * p * q + m * q * q) + common) / ((1 - rho) * (p * p + 2 * p * q + m * q * q) + common);
}

static void test_layer_map(void **state) {
  (void)state;
  static const size_t sizes[3] = {2, 8, 32};
  for (size_t s = 0; s < 3; s++)
    for (double beta = 0; beta <= 9; beta += 3) {
      dwell_flow_options o = equiangular("sa", sizes[s], sizes[s] + 5, beta, 0.1);
      o.integrator = DWELL_LAYER;
      o.step = 0.3;
      o.until = 0.3 * 30;
      o.frames = 31;
      capture c = capture_flow(&o, 1);
      assert_int_equal(c.states, 31);
      double rho = 0.1, spread;
      for (size_t f = 0; f < 31; f++) {
        /* each step from where the particles are: a few roundings of numbers near 1 */
        double got = mean_cosine(c.n, c.d, capture_at(&c, 0, f), &spread);
        assert_near(got, rho, 0, 2e-15);
        rho = layer_map(sizes[s], beta, 0.3, got);
      }
      capture_free(&c);
    }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_golden_times),
      cmocka_unit_test(test_published_table),
      cmocka_unit_test(test_merge_times),
      cmocka_unit_test(test_layer_map),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
