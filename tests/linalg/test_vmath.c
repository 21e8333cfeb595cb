/* Elementwise functions: accuracy against the 64-bit-mantissa functions of libm, special values, and bits that do not
 * depend on place, length or neighbours. Every instruction set that this machine has. */
#include "linalg/vmath.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "base/random.h"
#include "util/testing.h"

static const char *const sets[] = {"baseline", "avx2", "avx512"};
enum { SETS = 3, FUNCTIONS = 3, COUNT = 60000 };

typedef struct function {
  const char *name;
  long double (*exact)(long double);
  double widest_f64, widest_f32; /* arguments beyond which nothing new happens */
} function;

static const function functions[FUNCTIONS] = {{"exp", expl, 760, 110}, {"tanh", tanhl, 25, 12}, {"erf", erfl, 8, 6}};

typedef void (*apply_f64)(size_t n, const double *x, double *y);
typedef void (*apply_f32)(size_t n, const float *x, float *y);

static apply_f64 kernel_f64(const vmath_kernels *k, int f) {
  return f == 0 ? k->exp_f64 : f == 1 ? k->tanh_f64 : k->erf_f64;
}
static apply_f32 kernel_f32(const vmath_kernels *k, int f) {
  return f == 0 ? k->exp_f32 : f == 1 ? k->tanh_f32 : k->erf_f32;
}

/* Arguments of all kinds in turn: uniform over the interesting range, tiny down to subnormal, and random bit patterns
 * (NaN and infinities excluded: they have a test of their own). */
static double argument(size_t i, double widest, int least_exponent) {
  const random_stream s = {.seed = 5, .purpose = RANDOM_TEST, .replica = 2};
  double u = 2 * random_uniform(&s, 0, (uint32_t)i) - 1, v = random_uniform(&s, 1, (uint32_t)i);
  switch (i % 4) {
    case 0: return u * widest;
    case 1: return u * 2;
    case 2: return ldexp(u, -(int)(v * least_exponent));
    default: return u * ldexp(1, (int)(v * 12) - 4);
  }
}

/* Distance of `got` from `exact` in units of the last place of the exact value, in a format of `digits` bits and
 * least exponent `least` (so that it also makes sense for subnormal results). */
static double ulps(double got, long double exact, int digits, int least, long double largest) {
  if (fabsl(exact) > largest) { /* rounds to infinity, or within half a unit of the largest finite number */
    return isinf(got) && (got > 0) == (exact > 0) ? 0 : fabs(got) >= (double)largest * (1 - 1e-6) ? 1 : INFINITY;
  }
  if (isinf(got)) return fabsl(exact) >= largest * (1 - 1e-6L) ? 1 : INFINITY;
  int exponent;
  frexpl(exact, &exponent);
  int last = exponent - digits > least ? exponent - digits : least;
  return (double)(fabsl((long double)got - exact) / ldexpl(1, last));
}

static void check_f64(const vmath_kernels *k, int f) {
  double *x = MEM_NEW(double, COUNT), *y = MEM_NEW(double, COUNT), worst = 0, where = 0;
  for (size_t i = 0; i < COUNT; i++) x[i] = argument(i, functions[f].widest_f64, 1074);
  kernel_f64(k, f)(COUNT, x, y);
  for (size_t i = 0; i < COUNT; i++) {
    double error = ulps(y[i], functions[f].exact(x[i]), DBL_MANT_DIG, DBL_MIN_EXP - DBL_MANT_DIG, DBL_MAX);
    if (!(error <= worst)) worst = error, where = x[i];
  }
  print_message("%s %s f64: worst %.2f ulp, at %.17g\n", k->isa, functions[f].name, worst, where);
  assert_true(worst <= 4); /* what vmath.h promises, and libmvec for its functions */
  mem_free(x), mem_free(y);
}

static void check_f32(const vmath_kernels *k, int f) {
  float *x = MEM_NEW(float, COUNT), *y = MEM_NEW(float, COUNT);
  double worst = 0, where = 0;
  for (size_t i = 0; i < COUNT; i++) x[i] = (float)argument(i, functions[f].widest_f32, 149);
  kernel_f32(k, f)(COUNT, x, y);
  for (size_t i = 0; i < COUNT; i++) {
    double error = ulps((double)y[i], functions[f].exact(x[i]), FLT_MANT_DIG, FLT_MIN_EXP - FLT_MANT_DIG, FLT_MAX);
    if (!(error <= worst)) worst = error, where = (double)x[i];
  }
  print_message("%s %s f32: worst %.2f ulp, at %.9g\n", k->isa, functions[f].name, worst, where);
  assert_true(worst <= 4);
  mem_free(x), mem_free(y);
}

static void accuracy(void **state) {
  (void)state;
  for (int s = 0; s < SETS; s++) {
    const vmath_kernels *k = vmath_kernels_of(sets[s]);
    for (int f = 0; f < FUNCTIONS && k != NULL; f++) check_f64(k, f), check_f32(k, f);
  }
}

/* ---- special values ---- */

/* Exact results; NaN means NaN. -0 and 0 are told apart. */
typedef struct special {
  double x, exp, tanh, erf;
} special;

static const special specials[] = {
    {0.0, 1, 0.0, 0.0},
    {-0.0, 1, -0.0, -0.0},
    {INFINITY, INFINITY, 1, 1},
    {-INFINITY, 0.0, -1, -1},
    {NAN, NAN, NAN, NAN},
    {-NAN, NAN, NAN, NAN},
    {1e30, INFINITY, 1, 1},
    {-1e30, 0.0, -1, -1},
    {5e-324, 1, 5e-324, 5.5e-324}, /* erf(x) = 1.128 x: rounds to the same subnormal */
};
enum { SPECIALS = sizeof specials / sizeof specials[0] };

static bool same(double a, double b) { return (isnan(a) && isnan(b)) || (a == b && signbit(a) == signbit(b)); }

static void check_specials(const vmath_kernels *k, int f) {
  double x[SPECIALS], y[SPECIALS];
  float xs[SPECIALS], ys[SPECIALS];
  for (size_t i = 0; i < SPECIALS; i++) x[i] = specials[i].x, xs[i] = (float)x[i];
  kernel_f64(k, f)(SPECIALS, x, y);
  kernel_f32(k, f)(SPECIALS, xs, ys);
  for (size_t i = 0; i < SPECIALS; i++) {
    double expected = f == 0 ? specials[i].exp : f == 1 ? specials[i].tanh : specials[i].erf;
    if (!same(y[i], expected)) fail_msg("%s %s(%g) = %g, expected %g", k->isa, functions[f].name, x[i], y[i], expected);
    if (!same((double)ys[i], (double)(float)expected)) {
      fail_msg("%s %sf(%g) = %g, expected %g", k->isa, functions[f].name, (double)xs[i], (double)ys[i], expected);
    }
  }
}

static void special_values(void **state) {
  (void)state;
  for (int s = 0; s < SETS; s++) {
    const vmath_kernels *k = vmath_kernels_of(sets[s]);
    for (int f = 0; f < FUNCTIONS && k != NULL; f++) check_specials(k, f);
  }
}

/* exp where it overflows, becomes subnormal, and vanishes: both sides of each boundary. */
static void exp_boundaries(void **state) {
  (void)state;
  double x[] = {709.782712893384, 709.7827128933841, -708.3964185322641, -708.5, -745.1332191019411, -745.14};
  float xs[] = {88.72283f, 88.72284f, -87.33654f, -87.4f, -103.97207f, -104.1f};
  for (int s = 0; s < SETS; s++) {
    const vmath_kernels *k = vmath_kernels_of(sets[s]);
    if (k == NULL) continue;
    double y[6];
    float ys[6];
    k->exp_f64(6, x, y);
    k->exp_f32(6, xs, ys);
    assert_true(y[0] > 1.79e308 && y[0] <= DBL_MAX && isinf(y[1]));
    assert_true(y[2] >= DBL_MIN * (1 - 1e-12) && y[3] > 0 && y[3] < DBL_MIN && y[4] == 0x1p-1074 && y[5] == 0);
    assert_true(ys[0] > 3.4e38f && ys[0] <= FLT_MAX && isinf(ys[1]));
    assert_true(ys[2] >= FLT_MIN * (1 - 1e-5f) && ys[3] > 0 && ys[3] < FLT_MIN && ys[4] == 0x1p-149f && ys[5] == 0);
  }
}

/* arccos is of f64 alone. Cosines near 1, where its relative accuracy is hardest, and the ends. */
static void arc_cosines(void **state) {
  (void)state;
  enum { N = 20001 };
  double *x = MEM_NEW(double, N), *y = MEM_NEW(double, N), one, worst;
  for (size_t i = 0; i < N; i++) {
    double u = 2 * (double)i / (N - 1) - 1, near = ldexp(fabs(u), -(int)(i % 53));
    x[i] = i % 3 == 0 ? u : i % 3 == 1 ? 1 - near : near - 1;
  }
  x[0] = -1, x[1] = 1, x[2] = 0;
  for (int s = 0; s < SETS; s++) {
    const vmath_kernels *k = vmath_kernels_of(sets[s]);
    if (k == NULL) continue;
    k->acos_f64(N, x, y);
    worst = 0;
    for (size_t i = 0; i < N; i++) {
      worst = fmax(worst, ulps(y[i], acosl(x[i]), DBL_MANT_DIG, DBL_MIN_EXP - DBL_MANT_DIG, DBL_MAX));
      k->acos_f64(1, x + i, &one);
      assert_true(one == y[i]);
    }
    print_message("%s acos f64: worst %.2f ulp\n", k->isa, worst);
    assert_true(worst <= 4 && y[1] == 0);
    if (strcmp(k->isa, vmath_isa()) != 0) continue;
    vmath_acos_f64(N, x, x); /* in place */
    assert_memory_equal(x, y, N * sizeof *x);
  }
  mem_free(x), mem_free(y);
}

/* The logarithm is of f64 alone, and of what attention can be: 1 and near it, and down to the smallest normal number.
 */
static void logarithms(void **state) {
  (void)state;
  enum { N = 20001 };
  double *x = MEM_NEW(double, N), *y = MEM_NEW(double, N), one, worst;
  for (size_t i = 0; i < N; i++) {
    double u = ((double)i + 1) / N;
    x[i] = i % 3 == 0 ? u : i % 3 == 1 ? 1 - ldexp(u, -(int)(i % 53) - 1) : ldexp(1 + u, -(int)(i % 1022));
  }
  x[0] = 1, x[1] = DBL_MIN;
  for (int s = 0; s < SETS; s++) {
    const vmath_kernels *k = vmath_kernels_of(sets[s]);
    if (k == NULL) continue;
    k->log_f64(N, x, y);
    worst = 0;
    for (size_t i = 0; i < N; i++) {
      worst = fmax(worst, ulps(y[i], logl(x[i]), DBL_MANT_DIG, DBL_MIN_EXP - DBL_MANT_DIG, DBL_MAX));
      k->log_f64(1, x + i, &one);
      assert_true(one == y[i]);
    }
    print_message("%s log f64: worst %.2f ulp\n", k->isa, worst);
    assert_true(worst <= 4 && y[0] == 0);
    if (strcmp(k->isa, vmath_isa()) != 0) continue;
    vmath_log_f64(N, x, x); /* in place */
    assert_memory_equal(x, y, N * sizeof *x);
  }
  mem_free(x), mem_free(y);
}

/* ---- weights of softmax ---- */

enum { MOST_WEIGHTS = 300 };

static void fill_scores(size_t n, float *x) {
  for (size_t i = 0; i < n; i++) x[i] = (float)argument(i + 7 * n, 100, 300);
}

/* Every length up to MOST_WEIGHTS: weights within 2 ulp of exp of the exponent in long double, where that is normal;
 * the sum within what four additions in single precision may lose; the same bits with AVX2 and AVX-512. */
static void softmax_weights(void **state) {
  (void)state;
  const vmath_kernels *narrow = vmath_kernels_of("avx2"), *wide = vmath_kernels_of("avx512");
  const float scale = 0.17677669f;
  for (size_t n = 1; n <= MOST_WEIGHTS; n++) {
    float x[MOST_WEIGHTS + 1], y[MOST_WEIGHTS + 1], z[MOST_WEIGHTS], most = -INFINITY;
    fill_scores(n, x);
    for (size_t i = 0; i < n; i++) most = fmaxf(most, scale * x[i]);
    memcpy(y, x, n * sizeof *x), memcpy(z, x, n * sizeof *x);
    y[n] = 7; /* must not be touched */
    double sum = vmath_softmax_f32(n, y, scale, most), exact_sum = 0;
    for (size_t i = 0; i < n; i++) {
      long double exact = expl((long double)fmaf(x[i], scale, -most));
      exact_sum += (double)y[i];
      if (exact < 0x1p-125L) assert_true(y[i] <= 0x1p-125f);
      else assert_true(fabsl((long double)y[i] - exact) <= 2 * 0x1p-23L * exact);
    }
    assert_true(y[n] == 7 && fabs(sum - exact_sum) <= 3 * 0x1p-24 * exact_sum);
    if (narrow == NULL || wide == NULL) continue;
    double sums[2] = {wide->softmax_f32(n, z, scale, most), narrow->softmax_f32(n, x, scale, most)};
    assert_memory_equal(x, z, n * sizeof *x);
    assert_true(sums[0] == sums[1]);
  }
}

static void softmax_special_values(void **state) {
  (void)state;
  for (int s = 0; s < SETS; s++) {
    const vmath_kernels *k = vmath_kernels_of(sets[s]);
    if (k == NULL) continue;
    float x[70] = {0, -1e30f, -INFINITY, -88, NAN};
    double sum = k->softmax_f32(70, x, 1, 0);
    assert_true(x[0] == 1 && x[1] == 0 && x[2] == 0 && x[3] == 0 && isnan(x[4]) && isnan(sum) && x[69] == 1);
  }
  double y[3] = {0, -1, -1000};
  double sum = vmath_softmax_f64(3, y, 2, 1);
  assert_true(fabs(y[0] - exp(-1)) < 1e-15 && fabs(y[1] - exp(-3)) < 1e-15 && y[2] == 0 && sum == y[0] + y[1]);
}

/* ---- bits depend on the element alone ---- */

/* Every prefix length and start below 70, in place and not, with special values as neighbours. */
static void place_does_not_matter(void **state) {
  (void)state;
  enum { N = 70 };
  double x[N], whole[N], part[N + 2];
  float xs[N], wholes[N], parts[N + 2];
  for (size_t i = 0; i < N; i++) {
    x[i] = i % 9 == 4 ? specials[i % SPECIALS].x : argument(i, 100, 300);
    xs[i] = (float)x[i];
  }
  for (int s = 0; s < SETS * FUNCTIONS; s++) {
    const vmath_kernels *k = vmath_kernels_of(sets[s % SETS]);
    if (k == NULL) continue;
    apply_f64 wide = kernel_f64(k, s / SETS);
    apply_f32 narrow = kernel_f32(k, s / SETS);
    for (size_t i = 0; i < N; i++) wide(1, x + i, whole + i), narrow(1, xs + i, wholes + i);
    for (size_t start = 0; start < N; start += 1 + start / 20) {
      size_t n = N - start;
      memcpy(part, x + start, n * sizeof(double)), memcpy(parts, xs + start, n * sizeof(float));
      part[n] = 7, parts[n] = 7; /* must not be touched */
      wide(n, part, part), narrow(n, parts, parts);
      assert_memory_equal(part, whole + start, n * sizeof(double));
      assert_memory_equal(parts, wholes + start, n * sizeof(float));
      assert_true(part[n] == 7 && parts[n] == 7);
    }
    wide(0, NULL, NULL), narrow(0, NULL, NULL);
  }
}

static void chosen_set_is_one_of_ours(void **state) {
  (void)state;
  const vmath_kernels *k = vmath_kernels_of(vmath_isa());
  assert_non_null(k);
  assert_null(vmath_kernels_of("mmx"));
  double x[3] = {0.5, -1, 3}, y[3], z[3];
  vmath_exp_f64(3, x, y), k->exp_f64(3, x, z);
  assert_memory_equal(y, z, sizeof y);
  vmath_erf_f64(3, x, y), k->erf_f64(3, x, z);
  assert_memory_equal(y, z, sizeof y);
  vmath_tanh_f64(3, x, y), k->tanh_f64(3, x, z);
  assert_memory_equal(y, z, sizeof y);
  float xs[3] = {0.5f, -1, 3}, ys[3], zs[3];
  vmath_exp_f32(3, xs, ys), k->exp_f32(3, xs, zs);
  assert_memory_equal(ys, zs, sizeof ys);
  vmath_erf_f32(3, xs, ys), k->erf_f32(3, xs, zs);
  assert_memory_equal(ys, zs, sizeof ys);
  vmath_tanh_f32(3, xs, ys), k->tanh_f32(3, xs, zs);
  assert_memory_equal(ys, zs, sizeof ys);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(accuracy),
      cmocka_unit_test(special_values),
      cmocka_unit_test(arc_cosines),
      cmocka_unit_test(logarithms),
      cmocka_unit_test(exp_boundaries),
      cmocka_unit_test(softmax_weights),
      cmocka_unit_test(softmax_special_values),
      cmocka_unit_test(place_does_not_matter),
      cmocka_unit_test(chosen_set_is_one_of_ours),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
