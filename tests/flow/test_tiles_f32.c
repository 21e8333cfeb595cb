/* tests/flow/test_tiles_f32.c - sums over pairs in single precision, against plain loops and against double. */
#include "flow/capture.h"

#include "base/random.h"
#include "flow/attention.h"
#include "flow/tiles_f32.h"

static const random_stream stream = {23, RANDOM_TEST, 0};

static void normalise(size_t n, size_t d, double *x) {
  for (size_t i = 0; i < n; i++) {
    double norm = sqrt(dot(d, x + i * d, x + i * d));
    for (size_t k = 0; k < d; k++) x[i * d + k] /= norm;
  }
}

/* Around a diagonal as tightly as `width` says; 0: all over the sphere. */
static double *random_tokens(size_t n, size_t d, double width) {
  double *x = malloc(n * d * sizeof(double));
  assert_non_null(x);
  for (size_t i = 0; i < n; i++)
    for (size_t k = 0; k < d; k++) x[i * d + k] = random_normal(&stream, (uint32_t)i, (uint32_t)k);
  normalise(n, d, x);
  for (size_t e = 0; e < n * d && width > 0; e++) x[e] = 1 / sqrt((double)d) + width * x[e];
  normalise(n, d, x);
  return x;
}

static double *some_masses(size_t n, int kind) {
  double *m = malloc(n * sizeof(double)), sum = 0;
  assert_non_null(m);
  for (size_t i = 0; i < n; i++) {
    m[i] = kind == 0 ? 1 : kind == 2 && i % 3 == 1 ? 0 : random_uniform(&stream, (uint32_t)i, 1);
    sum += m[i];
  }
  for (size_t i = 0; i < n; i++) m[i] /= sum;
  return m;
}

typedef struct sums {
  double *shift, *z;
} sums;

static sums attend(const flow_system *s, const double *x, int threads) {
  dwell_error err = {.offset = -1};
  dwell_context ctx = {.threads = threads};
  flow_work *work = NULL;
  sums made = {malloc(s->n * s->d * sizeof(double)), malloc(s->n * sizeof(double))};
  assert_true(made.shift != NULL && made.z != NULL);
  assert_ok(flow_work_create(s->n, s->d, s->single, &ctx, &work, &err), &err);
  assert_ok(attention_shift(s, x, made.shift, made.z, work, &err), &err);
  flow_work_destroy(work);
  return made;
}

static void sums_free(sums *s) { free(s->shift), free(s->z); }

/* The twin: plain loops in double, one row. Returns its sum of weights. */
static double naive_row(const flow_system *s, const double *x, size_t i, double *ret_shift) {
  size_t d = s->d;
  double z = 0;
  memset(ret_shift, 0, d * sizeof(double));
  for (size_t j = 0; j < s->n; j++) {
    double w = s->masses[j] * exp(s->beta * dot(d, x + i * d, x + j * d) - fabs(s->beta));
    z += w;
    for (size_t k = 0; k < d; k++) ret_shift[k] += w * (x[j * d + k] - x[i * d + k]);
  }
  for (size_t k = 0; k < d; k++) ret_shift[k] /= z;
  return z;
}

static void check_rows(const flow_system *s, const double *x, size_t step) {
  sums made = attend(s, x, 2);
  double *row = malloc(s->d * sizeof(double));
  for (size_t i = 0; i < s->n; i += step) {
    double z = naive_row(s, x, i, row), off = 0;
    for (size_t k = 0; k < s->d; k++) off += pow(made.shift[i * s->d + k] - row[k], 2);
    /* the rounding of a cosine, 6e-8 for one product of 1, times beta; and that of sums */
    double allowed = tiles_f32_error(s->beta);
    if (!(sqrt(off) <= allowed) || !(fabs(made.z[i] - z) <= 3 * allowed * z))
      fail_msg("n %zu d %zu beta %g row %zu: shift off by %.3g, z %.17g not %.17g", s->n, s->d, s->beta, i, sqrt(off),
               made.z[i], z);
  }
  free(row);
  sums_free(&made);
}

/* Sizes about those of vectors, panels and tiles. */
static void test_against_plain_loops(void **state) {
  (void)state;
  static const size_t sizes[] = {1, 2, 7, 16, 33, 48, 49, 95, 97, 192, 193, 500}, dimensions[] = {5, 17, 48, 64, 100};
  static const double betas[] = {0, 1, 9, 40, -1, -9, -40};
  for (size_t a = 0; a < 12; a++)
    for (size_t b = 0; b < 5; b++)
      for (size_t c = 0; c < 7; c++) {
        double *x = random_tokens(sizes[a], dimensions[b], c % 2 == 0 ? 0 : 0.5), *masses;
        masses = some_masses(sizes[a], (int)((a + b + c) % 3));
        flow_system s = {sizes[a], dimensions[b], betas[c], masses, .single = true};
        check_rows(&s, x, sizes[a] < 50 ? 1 : sizes[a] / 24);
        free(x), free(masses);
      }
}

/* Blocks of several tiles. */
static void test_large_blocks(void **state) {
  (void)state;
  size_t n = 64 * 192 + 100, d = 17;
  double *x = random_tokens(n, d, 0.5), *masses = some_masses(n, 1);
  flow_system s = {n, d, 5, masses, .single = true};
  check_rows(&s, x, 2407);
  free(x), free(masses);
}

/* Tokens 1e-6 apart: pulls are as small, and so are their errors. */
static void test_one_cluster(void **state) {
  (void)state;
  size_t n = 300, d = 64;
  double *x = random_tokens(n, d, 1e-6), *masses = some_masses(n, 1);
  flow_system s = {n, d, 40, masses};
  sums wide = attend(&s, x, 1);
  s.single = true;
  sums narrow = attend(&s, x, 1);
  /* 1e-7 of distances of 1e-6 to the centre, spread over 64 coordinates; cosines that are off by 1e-7 would cost ten
   * times that */
  for (size_t e = 0; e < n * d; e++) assert_near(narrow.shift[e], wide.shift[e], 0, 2e-14);
  sums_free(&wide), sums_free(&narrow), free(x), free(masses);
}

static void test_same_bits_for_any_threads(void **state) {
  (void)state;
  static const size_t sizes[] = {1000, 4000}, dimensions[] = {64, 20};
  for (size_t b = 0; b < 2; b++) {
    size_t n = sizes[b], d = dimensions[b];
    double *x = random_tokens(n, d, 0), *masses = some_masses(n, 1);
    flow_system s = {n, d, 4, masses, .single = true};
    sums one = attend(&s, x, 1);
    for (int threads = 2; threads <= 3; threads++) {
      sums more = attend(&s, x, threads);
      assert_memory_equal(one.shift, more.shift, n * d * sizeof(double));
      assert_memory_equal(one.z, more.z, n * sizeof(double));
      sums_free(&more);
    }
    sums_free(&one), free(x), free(masses);
  }
}

/* It is not double: else all of the above would prove nothing. */
static void test_differs_from_double(void **state) {
  (void)state;
  size_t n = 200, d = 40, other = 0;
  double *x = random_tokens(n, d, 0), *masses = some_masses(n, 0);
  flow_system s = {n, d, 4, masses};
  sums wide = attend(&s, x, 1);
  s.single = true;
  sums narrow = attend(&s, x, 1);
  for (size_t e = 0; e < n * d; e++) other += fabs(wide.shift[e] - narrow.shift[e]) > 1e-12;
  assert_true(other > n * d / 2);
  sums_free(&wide), sums_free(&narrow), free(x), free(masses);
}

enum { ROWS = 13, KEYS = 48 };

/* The same bits with AVX-512 and AVX2, and nearly the same without fused multiply-add. */
static void test_every_set(void **state) {
  (void)state;
  static const char *const sets[] = {NULL, "avx2", "baseline"};
  static float first[ROWS * KEYS], tile[ROWS * KEYS], masses[KEYS], own[ROWS], halves[KEYS];
  static double first_sums[ROWS + KEYS], made[ROWS + KEYS];
  for (size_t j = 0; j < KEYS; j++) masses[j] = (float)random_uniform(&stream, (uint32_t)j, 2);
  for (size_t j = 0; j < KEYS; j++) halves[j] = (float)random_uniform(&stream, (uint32_t)j, 5);
  for (size_t r = 0; r < ROWS; r++) own[r] = (float)random_uniform(&stream, (uint32_t)r, 3);
  for (size_t k = 0; k < 3; k++) {
    const tiles_f32_kernels *loops = tiles_f32_kernels_of(sets[k]);
    if (loops == NULL) continue;
    for (size_t e = 0; e < ROWS * KEYS; e++) tile[e] = (float)(2 * random_uniform(&stream, (uint32_t)e, 4) - 1);
    memset(made, 0, sizeof made);
    loops->weigh(&(tiles_f32_weights){.rows = ROWS,
                                      .keys = KEYS,
                                      .beta = 9,
                                      .shift = 9,
                                      .tile = tile,
                                      .own = own,
                                      .own_halves = own,
                                      .masses = masses,
                                      .halves = halves,
                                      .sums = made,
                                      .opt_columns = made + ROWS});
    if (k == 0) memcpy(first, tile, sizeof tile), memcpy(first_sums, made, sizeof made);
    if (k == 1) assert_memory_equal(first, tile, sizeof tile), assert_memory_equal(first_sums, made, sizeof made);
    for (size_t e = 0; e < ROWS * KEYS; e++) assert_near((double)tile[e], (double)first[e], 2e-6, 0);
    for (size_t e = 0; e < ROWS + KEYS; e++) assert_near(made[e], first_sums[e], 2e-6, 0);
  }
}

/* A run at the smallest tolerance: each of its steps is off by 5e-6 at most, and sa contracts what differs. */
static void test_a_run(void **state) {
  (void)state;
  static const char *const flows[] = {"sa", "usa"};
  for (size_t f = 0; f < 2; f++) {
    dwell_flow_options o = dwell_flow_options_default();
    o.flow = flows[f], o.n = 200, o.d = 24, o.beta = 2, o.frames = 5, o.until = f == 0 ? 20 : 4;
    capture wide = capture_flow(&o, 1);
    o.precision = DWELL_F32, o.rtol = 5e-6;
    capture narrow = capture_flow(&o, 2);
    for (size_t e = 0; e < 5 * o.n * o.d; e++) assert_near(narrow.x[e], wide.x[e], 0, 2e-5);
    capture_free(&wide), capture_free(&narrow);
  }
}

static void refuse(const dwell_flow_options *o, const char *words) {
  dwell_error err = {.offset = -1};
  dwell_source *source = NULL;
  assert_fails(dwell_flow_open(o, NULL, &source, &err), DWELL_USAGE, &err, words);
  assert_null(source);
}

static void test_refusals(void **state) {
  (void)state;
  static const double betas[] = {1, 41}, times[] = {0, 1};
  dwell_flow_options plain = dwell_flow_options_default(), o;
  plain.precision = DWELL_F32, plain.rtol = 5e-6, plain.d = 20;
  o = plain, o.rtol = 4e-7, refuse(&o, "off by 5e-07 at beta 4");
  o = plain, o.causal = true, refuse(&o, "causal mask");
  o = plain, o.until_log = 3, refuse(&o, "log clock");
  o = plain, o.merge = 1e-3, refuse(&o, "log clock");
  o = plain, o.beta = -41, refuse(&o, "above 40");
  o = plain, o.betas = betas, o.beta_times = times, o.beta_count = 2, refuse(&o, "above 40");
  o = plain, o.flow = "equiangular", o.d = 40, o.init = "equiangular:0.1", refuse(&o, "in this flow");
  o = plain, o.precision = (dwell_dtype)7, refuse(&o, "f32 or f64");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_against_plain_loops),
      cmocka_unit_test(test_large_blocks),
      cmocka_unit_test(test_one_cluster),
      cmocka_unit_test(test_same_bits_for_any_threads),
      cmocka_unit_test(test_differs_from_double),
      cmocka_unit_test(test_every_set),
      cmocka_unit_test(test_a_run),
      cmocka_unit_test(test_refusals),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
