/* tests/instrument/test_fiedler.c - values of graphs against a dense solver, what is known of them, and the null. */
#include "base/mem.h"
#include "linalg/eigen.h"
#include "null/null.h"
#include "util/heads.h"

static instrument_head head_of(size_t n, const double *a, bool causal, size_t draws) {
  return (instrument_head){.n = n,
                           .dtype = DWELL_F64,
                           .attention = a,
                           .causal = causal,
                           .seed = 1,
                           .draws = draws,
                           .permute = null_find("row_permutation")->permute_head};
}

/* Straight from the definition. */
static double twin(size_t n, const double *a, bool co) {
  double *w = calloc(n * n, sizeof *w), *degree = calloc(n, sizeof *degree), *values = calloc(n, sizeof *values);
  for (size_t i = 0; i < n; i++) {
    for (size_t j = 0; j < n; j++) {
      for (size_t k = 0; k < n && co; k++) w[i * n + j] += sqrt(a[i * n + k]) * sqrt(a[j * n + k]);
      if (!co) w[i * n + j] = (a[i * n + j] + a[j * n + i]) / 2;
      degree[i] += w[i * n + j];
    }
  }
  for (size_t e = 0; e < n * n; e++) w[e] /= sqrt(degree[e / n] * degree[e % n]);
  assert_ok(eigen_values(n, w, values, NULL), NULL);
  double second = values[n - 2];
  free(w), free(degree), free(values);
  return 1 - second;
}

/* Small ones go to the dense solver, large ones to the iteration. */
static void values_are_those_of_the_dense_solver(void **state) {
  (void)state;
  static const size_t sizes[] = {2, 3, 10, 63, 64, 65, 90, 150, 260};
  for (uint32_t k = 0; k < 36; k++) {
    size_t n = sizes[k / 4];
    bool causal = k % 2;
    double *a = heads_random(n, k % 4 < 2 ? 1 : 4, causal, 700 + k);
    instrument_head h = head_of(n, a, causal, 0);
    assert_near(heads_value("fiedler_co", &h).number, twin(n, a, true), 0, 1e-9);
    if (causal) heads_undefined("fiedler_sym", &h, "causal");
    else assert_near(heads_value("fiedler_sym", &h).number, twin(n, a, false), 0, 1e-9);
    heads_undefined("fiedler_co_null_mean", &h, "no_draws");
    free(a);
  }
}

/* Graphs with an end of the spectrum that no iteration of this length resolves are handed to the dense solver. */
static void a_long_chain_is_solved_densely(void **state) {
  (void)state;
  enum { N = 400 };
  double *a = calloc(N * N, sizeof *a);
  for (size_t i = 0; i < N; i++) {
    for (size_t j = i > 0 ? i - 1 : 0; j <= i + 1 && j < N; j++) a[i * N + j] = 1. / (i == 0 || i == N - 1 ? 2 : 3);
  }
  instrument_head h = head_of(N, a, false, 0);
  assert_near(heads_value("fiedler_sym", &h).number, twin(N, a, false), 0, 1e-10); /* 4e-5 */
  free(a);
}

/* D-1-2: the diagonal is a part of the graph. Even attention is one step from mixed: 1. A head that looks at itself
 * only falls into n parts: 0, and so does one of two blocks. A head that all looks at one token is one part. */
static void d_1_2_what_is_known(void **state) {
  (void)state;
  static const size_t sizes[] = {40, 100};
  for (size_t k = 0; k < 2; k++) {
    size_t n = sizes[k];
    double *even = calloc(n * n, sizeof *even), *self = calloc(n * n, sizeof *self),
           *blocks = calloc(n * n, sizeof *blocks), *sink = calloc(n * n, sizeof *sink);
    for (size_t e = 0; e < n * n; e++) {
      size_t i = e / n, j = e % n;
      even[e] = 1 / (double)n, self[e] = i == j, sink[e] = j == 0;
      if ((i < n / 4) == (j < n / 4)) blocks[e] = 1 / (double)(i < n / 4 ? n / 4 : n - n / 4);
    }
    static const char *const names[] = {"fiedler_sym", "fiedler_co"};
    for (size_t c = 0; c < 2; c++) {
      instrument_head h = head_of(n, even, false, 0);
      assert_near(heads_value(names[c], &h).number, 1, 0, 1e-12);
      h.attention = self;
      assert_near(heads_value(names[c], &h).number, 0, 0, 1e-12);
      h.attention = blocks;
      assert_near(heads_value(names[c], &h).number, 0, 0, 1e-12);
      h.attention = sink;
      assert_near(heads_value(names[c], &h).number, 1, 0, 1e-12); /* a star with a loop at its centre */
    }
    free(even), free(self), free(blocks), free(sink);
  }
}

/* D-1-1: even causal attention has no structure, and co-attention does not see the mask as parts; a local causal head
 * is nearly a chain, which a null that moves the weights is not. */
static void d_1_1_causal_heads(void **state) {
  (void)state;
  enum { N = 96, WINDOW = 3 };
  double *even = calloc(N * N, sizeof *even), *local = calloc(N * N, sizeof *local);
  for (size_t i = 0; i < N; i++) {
    size_t first = i < WINDOW ? 0 : i - WINDOW + 1;
    for (size_t j = 0; j <= i; j++) even[i * N + j] = 1 / (double)(i + 1);
    for (size_t j = first; j <= i; j++) local[i * N + j] = 1 / (double)(i - first + 1);
  }
  instrument_head h = head_of(N, even, true, 0);
  assert_true(heads_value("fiedler_co", &h).number > 0.25);
  h = head_of(N, local, true, 19);
  double observed = heads_value("fiedler_co", &h).number, mean = heads_value("fiedler_co_null_mean", &h).number;
  assert_true(observed < 0.01);
  assert_true(mean - observed > 5 * heads_value("fiedler_co_null_sd", &h).number);
  free(even), free(local);
}

static void too_few_tokens(void **state) {
  (void)state;
  double one = 1;
  instrument_head h = head_of(1, &one, false, 19);
  heads_undefined("fiedler_sym", &h, "n < 2");
  heads_undefined("fiedler_co_null_sd", &h, "n < 2");
  h.n = 0;
  heads_undefined("fiedler_co", &h, "n < 2");
  double two[4] = {0.5, 0.5, 0.25, 0.75}; /* nothing can move */
  h = head_of(2, two, false, 19);
  assert_near(heads_value("fiedler_sym_null_mean", &h).number, heads_value("fiedler_sym", &h).number, 0, 1e-15);
  assert_near(heads_value("fiedler_sym_null_sd", &h).number, 0, 0, 1e-15);
}

/* ---- the null ---- */

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* What it holds, row by row; f32 and f64 alike; what it destroys. */
static void permutations_keep_what_they_say(void **state) {
  (void)state;
  enum { N = 23 };
  const null_model *null = null_find("row_permutation");
  for (int causal = 0; causal < 2; causal++) {
    double *a = heads_random(N, 2, causal, 800), b[N * N], again[N * N];
    float narrow[N * N], moved[N * N];
    size_t changed = 0;
    null->permute_head(1, 4, N, DWELL_F64, causal, a, b);
    null->permute_head(1, 4, N, DWELL_F64, causal, a, again);
    assert_memory_equal(b, again, sizeof b);
    null->permute_head(1, 5, N, DWELL_F64, causal, a, again);
    assert_memory_not_equal(b, again, sizeof b);
    for (size_t e = 0; e < N * N; e++) narrow[e] = (float)a[e];
    null->permute_head(1, 4, N, DWELL_F32, causal, narrow, moved);
    for (size_t i = 0; i < N; i++) {
      assert_true(b[i * N] == a[i * N] && b[i * N + i] == a[i * N + i]);
      for (size_t j = 0; j < N; j++) {
        assert_true((float)b[i * N + j] == moved[i * N + j]);
        assert_true(!causal || j <= i || b[i * N + j] == 0);
        changed += b[i * N + j] != a[i * N + j];
      }
      double x[N], y[N];
      memcpy(x, a + i * N, sizeof x), memcpy(y, b + i * N, sizeof y);
      qsort(x, N, sizeof *x, ascending), qsort(y, N, sizeof *y, ascending);
      assert_memory_equal(x, y, sizeof x);
    }
    assert_true(changed > (causal ? N * N / 3 : N * N / 2));
    free(a);
  }
}

/* Every place that a weight may go to is as likely. */
static void permutations_are_uniform(void **state) {
  (void)state;
  enum { N = 7, DRAWS = 6000, ROW = 3 };
  double a[N * N], b[N * N];
  size_t counts[N] = {0};
  for (size_t e = 0; e < N * N; e++) a[e] = (double)(e % N);
  for (size_t k = 0; k < DRAWS; k++) {
    null_find("row_permutation")->permute_head(9, k, N, DWELL_F64, false, a, b);
    for (size_t j = 0; j < N; j++) counts[j] += b[ROW * N + j] == 5;
  }
  for (size_t j = 0; j < N; j++) { /* five places; 4.5 sd of a binomial of 1/5 */
    assert_near((double)counts[j], j == 0 || j == ROW ? 0 : DRAWS / 5., 0, j == 0 || j == ROW ? 0 : 140);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(values_are_those_of_the_dense_solver),
      cmocka_unit_test(a_long_chain_is_solved_densely),
      cmocka_unit_test(d_1_2_what_is_known),
      cmocka_unit_test(d_1_1_causal_heads),
      cmocka_unit_test(too_few_tokens),
      cmocka_unit_test(permutations_keep_what_they_say),
      cmocka_unit_test(permutations_are_uniform),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
