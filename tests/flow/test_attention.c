/* tests/flow/test_attention.c - the fused pair sums against plain loops. */
#include "flow/capture.h"

#include "base/mem.h"
#include "base/random.h"
#include "flow/attention.h"
#include "flow/families.h"
#include "flow/field.h"
#include "flow/modes.h"

static const random_stream stream = {11, RANDOM_TEST, 0};

static void normalise(size_t n, size_t d, double *x) {
  for (size_t i = 0; i < n; i++) {
    double norm = sqrt(dot(d, x + i * d, x + i * d));
    for (size_t k = 0; k < d; k++) x[i * d + k] /= norm;
  }
}

static double *random_tokens(size_t n, size_t d, uint32_t which) {
  random_stream s = stream;
  s.replica = which;
  double *x = malloc(n * d * sizeof(double));
  assert_non_null(x);
  for (size_t i = 0; i < n; i++)
    for (size_t k = 0; k < d; k++) x[i * d + k] = random_normal(&s, (uint32_t)i, (uint32_t)k);
  normalise(n, d, x);
  return x;
}

/* masses: 0 equal, 1 random, 2 random with zeros */
static double *some_masses(size_t n, int kind) {
  double *m = malloc(n * sizeof(double)), sum = 0;
  assert_non_null(m);
  for (size_t i = 0; i < n; i++) {
    m[i] = kind == 0 ? 1 : random_uniform(&stream, (uint32_t)i, 1);
    if (kind == 2 && i % 3 == 1) m[i] = 0;
    sum += m[i];
  }
  for (size_t i = 0; i < n; i++) m[i] /= sum;
  return m;
}

/* The twin: extended precision, one row at a time, its own maximum subtracted. */
static void naive_row(const flow_system *s, const double *x, size_t i, long double *shift, long double *z) {
  size_t end = s->causal ? i + 1 : s->n, d = s->d;
  long double top = -HUGE_VALL, sum = 0;
  for (int pass = 0; pass < 2; pass++)
    for (size_t j = 0; j < end; j++) {
      long double square = 0;
      for (size_t k = 0; k < d; k++) {
        long double difference = (long double)x[j * d + k] - x[i * d + k];
        square += difference * difference;
      }
      long double e = s->beta >= 0 ? -s->beta * square / 2 : -s->beta * (square - 4) / 2;
      if (s->masses[j] > 0 && pass == 0 && e > top) top = e;
      if (pass == 0 || s->masses[j] <= 0) continue;
      long double w = s->masses[j] * expl(e - top);
      sum += w;
      for (size_t k = 0; k < d; k++) shift[k] += w * ((long double)x[j * d + k] - x[i * d + k]);
    }
  for (size_t k = 0; k < d; k++) shift[k] /= sum;
  *z = sum * expl(top);
}

/* Every `step`-th row. */
static void check_rows(const flow_system *s, const double *x, const dwell_context *ctx, size_t step) {
  dwell_error err;
  flow_work *work = NULL;
  double *shift = malloc(s->n * s->d * sizeof(double)), *z = malloc(s->n * sizeof(double));
  long double *row = malloc(s->d * sizeof(long double)), sum;
  assert_ok(flow_work_create(s->n, s->d, false, ctx, &work, &err), &err);
  assert_ok(attention_shift(s, x, shift, z, work, &err), &err);
  /* exponents beta (1 - G) carry the rounding of G, times beta; sums of n terms a few roundings more */
  double allowed = 1e-14 + 1e-15 * fabs(s->beta);
  for (size_t i = 0; i < s->n; i += step) {
    memset(row, 0, s->d * sizeof(long double));
    naive_row(s, x, i, row, &sum);
    double worst = 0;
    for (size_t k = 0; k < s->d; k++) worst = fmax(worst, fabs(shift[i * s->d + k] - (double)row[k]));
    if (!(worst <= allowed) || !(fabs(z[i] - (double)sum) <= allowed * (double)sum + 1e-300))
      fail_msg("n %zu d %zu beta %g causal %d row %zu: shift off by %.3g, z %.17g not %.17g", s->n, s->d, s->beta,
               s->causal, i, worst, z[i], (double)sum);
  }
  flow_work_destroy(work);
  free(shift);
  free(z);
  free(row);
}

/* In units of e^{log_scale}: what the plain sums are, times e^{-log_scale}; far below the smallest double too. */
static void test_scaled(void **state) {
  (void)state;
  static const size_t dimensions[] = {2, 3, 8, 20, 100};
  for (size_t b = 0; b < 5; b++)
    for (int cold = 0; cold < 2; cold++) {
      size_t n = 9, d = dimensions[b];
      double *x = random_tokens(n, d, 40), *masses = some_masses(n, 0), beta = cold ? 3000 : 20, top = -INFINITY;
      double *shift = malloc(n * d * sizeof(double)), *z = malloc(n * sizeof(double));
      for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++) top = fmax(top, beta * (dot(d, x + i * d, x + j * d) - 1));
      flow_system s = {n, d, beta, masses, false, true, top};
      flow_work *work = NULL;
      dwell_error err;
      assert_ok(flow_work_create(n, d, false, NULL, &work, &err), &err);
      assert_ok(attention_shift(&s, x, shift, z, work, &err), &err);
      for (size_t i = 0; i < n; i++) {
        long double sum = masses[i], row[100] = {0};
        for (size_t j = 0; j < n; j++) {
          long double e = beta * (dot(d, x + i * d, x + j * d) - 1.0L), w = j == i ? 0 : masses[j] * expl(e - top);
          sum += w * expl(top);
          for (size_t k = 0; k < d; k++) row[k] += w * (x[j * d + k] - x[i * d + k]);
        }
        assert_near(z[i], (double)sum, 1e-13, 0);
        for (size_t k = 0; k < d; k++) assert_near(shift[i * d + k], (double)(row[k] / sum), 0, 1e-14 + 1e-15 * beta);
      }
      flow_work_destroy(work);
      free(x), free(masses), free(shift), free(z);
    }
}

static void check_system(const flow_system *s, const double *x, const dwell_context *ctx) { check_rows(s, x, ctx, 1); }

static void test_against_plain_loops(void **state) {
  (void)state;
  static const size_t sizes[] = {1, 2, 7, 8, 33, 64, 65, 130, 300};
  static const size_t dimensions[] = {2, 3, 4, 5, 8, 9, 20, 100, 130};
  static const double betas[] = {0, 1, 9, 40, -1, -9, 500, -500};
  for (size_t a = 0; a < sizeof sizes / sizeof *sizes; a++)
    for (size_t b = 0; b < sizeof dimensions / sizeof *dimensions; b++) {
      double *x = random_tokens(sizes[a], dimensions[b], (uint32_t)(100 * a + b));
      for (size_t c = 0; c < sizeof betas / sizeof *betas; c++)
        for (int kind = 0; kind < 3; kind++) {
          if (sizes[a] * dimensions[b] > 2000 && (c + (size_t)kind) % 3 != 0) continue; /* the twin is slow */
          double *masses = some_masses(sizes[a], kind);
          flow_system s = {sizes[a], dimensions[b], betas[c], masses, (a + b + c) % 2 == 1};
          check_system(&s, x, NULL);
          free(masses);
        }
      free(x);
    }
}

/* More keys than one chunk of the direct loops and than one tile of cosines, and a second thread. */
static void test_many_keys(void **state) {
  (void)state;
  dwell_context two = {.threads = 2};
  static const size_t dimensions[] = {3, 12};
  for (size_t b = 0; b < 2; b++)
    for (int causal = 0; causal < 2; causal++) {
      double *x = random_tokens(1200, dimensions[b], 77), *masses = some_masses(1200, 1);
      flow_system s = {1200, dimensions[b], causal ? -400.0 : 6.0, masses, causal};
      check_system(&s, x, &two);
      free(masses);
      free(x);
    }
}

/* So many tokens that blocks are larger than tiles. */
static void test_large_blocks(void **state) {
  (void)state;
  dwell_context two = {.threads = 2};
  size_t n = 8300, d = 9;
  double *x = random_tokens(n, d, 78), *masses = some_masses(n, 2);
  flow_system s = {n, d, 5, masses, false};
  check_rows(&s, x, &two, 207);
  free(masses);
  free(x);
}

/* Tokens 1e-11 apart: the pull must keep the relative precision of the distances, in few dimensions and in many. */
static void test_near_collapse(void **state) {
  (void)state;
  static const size_t dimensions[] = {3, 64};
  for (size_t b = 0; b < 2; b++) {
    size_t n = 300, d = dimensions[b]; /* several blocks of tiles */
    double *x = random_tokens(n, d, 5), *masses = some_masses(n, 1);
    for (size_t i = 1; i < n; i++)
      for (size_t k = 0; k < d; k++) x[i * d + k] = x[k] + 1e-11 * x[i * d + k];
    normalise(n, d, x);
    flow_system s = {n, d, 4, masses, false};
    flow_work *work = NULL;
    dwell_error err;
    double *shift = malloc(n * d * sizeof(double)), z[300];
    assert_ok(flow_work_create(n, d, false, NULL, &work, &err), &err);
    assert_ok(attention_shift(&s, x, shift, z, work, &err), &err);
    for (size_t i = 0; i < n; i++)
      for (size_t k = 0; k < d; k++) {
        long double exact = 0; /* all weights are 1 to 1e-21 */
        for (size_t j = 0; j < n; j++) exact += (long double)masses[j] * ((long double)x[j * d + k] - x[i * d + k]);
        assert_near(shift[i * d + k], (double)exact, 0, 1e-14 * 1e-11); /* a few roundings of differences of 1e-11 */
      }
    flow_work_destroy(work);
    free(shift);
    free(masses);
    free(x);
  }
}

/* Rows of a matrix-product tile whose pairs are partly close: both routes meet in one row. */
static void check_two_scales(double beta, double gap, double allowed) {
  size_t n = 300, d = 24;
  double *x = random_tokens(n, d, 6), *masses = some_masses(n, 1), *shift = malloc(n * d * sizeof(double)), z[300];
  for (size_t i = n / 3; i < n; i++)
    for (size_t k = 0; k < d; k++) x[i * d + k] = x[(i % (n / 3)) * d + k] + gap * x[i * d + k];
  normalise(n, d, x);
  flow_system s = {n, d, beta, masses, false};
  flow_work *work = NULL;
  dwell_error err;
  long double row[24], sum;
  assert_ok(flow_work_create(n, d, false, NULL, &work, &err), &err);
  assert_ok(attention_shift(&s, x, shift, z, work, &err), &err);
  for (size_t i = 0; i < n; i++) {
    memset(row, 0, sizeof row);
    naive_row(&s, x, i, row, &sum);
    for (size_t k = 0; k < d; k++) assert_near(shift[i * d + k], (double)row[k], 0, allowed);
  }
  flow_work_destroy(work);
  free(shift), free(masses), free(x);
}

/* At large beta only close pairs count, and then their sums and weights carry the precision of the differences: a few
 * roundings of the gap. By way of cosines the weights would be off by 1e-16 beta. */
static void test_two_scales(void **state) {
  (void)state;
  check_two_scales(3, 1e-7, 1e-14);
  check_two_scales(1e9, 1e-7, 1e-14 * 1e-7);
  check_two_scales(1e5, 5e-3, 1e-14 * 5e-3);
}

/* Many tokens on the two-sphere: sums over harmonics, at every third temperature over pairs after all. */
static void test_harmonics(void **state) {
  (void)state;
  dwell_context two = {.threads = 2};
  static const double betas[] = {0, 0.3, 4, 12, 18, -5};
  for (size_t c = 0; c < 6; c++)
    for (int kind = 0; kind < 3; kind++) {
      size_t n = 1999 + (size_t)kind;
      double *x = random_tokens(n, 3, 90 + (uint32_t)c), *masses = some_masses(n, kind);
      flow_system s = {n, 3, betas[c], masses, false};
      check_rows(&s, x, &two, 61);
      free(masses);
      free(x);
    }
}

/* Heavy tokens 1e-9 apart among many light ones elsewhere: theirs are sums over pairs, the others' over harmonics. */
static void test_cluster_among_harmonics(void **state) {
  (void)state;
  size_t n = 2048, d = 3, heavy = 40;
  double *x = random_tokens(n, d, 7), *masses = calloc(n, sizeof(double)), *shift = malloc(n * d * sizeof(double));
  double *z = malloc(n * sizeof(double));
  for (size_t i = 0; i < heavy; i++) {
    masses[i * 51] = 1 / (double)heavy;
    for (size_t k = 0; k < d; k++) x[i * 51 * d + k] = x[k] + 1e-9 * x[i * 51 * d + k];
  }
  normalise(n, d, x);
  flow_system s = {n, d, 1, masses, false};
  flow_work *work = NULL;
  dwell_error err;
  check_rows(&s, x, NULL, 17);
  assert_ok(flow_work_create(n, d, false, NULL, &work, &err), &err);
  assert_ok(attention_shift(&s, x, shift, z, work, &err), &err);
  for (size_t i = 0; i < heavy; i++)
    for (size_t k = 0; k < d; k++) {
      long double exact = 0; /* all weights are 1 to 1e-18 */
      for (size_t j = 0; j < heavy; j++)
        exact += (long double)masses[j * 51] * ((long double)x[j * 51 * d + k] - x[i * 51 * d + k]);
      assert_near(shift[i * 51 * d + k], (double)exact, 0, 1e-14 * 1e-9);
    }
  flow_work_destroy(work);
  free(x), free(masses), free(shift), free(z);
}

/* The same bits with AVX-512 and AVX2, and nearly the same without fused multiply-add. */
static void test_harmonics_of_every_set(void **state) {
  (void)state;
  static const char *const sets[] = {NULL, "avx2", "baseline"};
  size_t n = 1000;
  double *x = random_tokens(n, 3, 8), *masses = some_masses(n, 1), *tokens = mem_zero(3, n * sizeof(double)),
         *first = NULL;
  double *sums = mem_zero(4, n * sizeof(double));
  for (size_t e = 0; e < 3 * n; e++) tokens[e % 3 * n + e / 3] = x[e];
  for (size_t k = 0; k < 3; k++) {
    modes *m = NULL;
    dwell_error err;
    assert_ok(modes_create(n, NULL, &m, &err), &err);
    if (modes_choose(m, sets[k])) {
      assert_true(modes_prepare(m, 5));
      assert_ok(modes_sums(m, tokens, n, masses, sums, &err), &err);
      if (first == NULL) first = mem_copy(sums, 4 * n, sizeof(double));
      for (size_t e = 0; e < 4 * n && k == 1; e++) assert_true(sums[e] == first[e]);
      for (size_t e = 0; e < 4 * n; e++) assert_near(sums[e], first[e], 0, 1e-15);
    }
    modes_destroy(m);
  }
  free(x), free(masses), mem_free(tokens), mem_free(sums), mem_free(first);
}

static void test_same_bits_for_any_threads(void **state) {
  (void)state;
  static const size_t sizes[] = {700, 2500, 700, 700}, dimensions[] = {4, 3, 40, 200}; /* 2500: harmonics */
  for (size_t b = 0; b < 4; b++) {
    size_t n = sizes[b], d = dimensions[b];
    double *x = random_tokens(n, d, 9);
    for (size_t i = 0; i < n; i += 5) memcpy(x + i * d, x, d * sizeof(double)); /* close pairs in all blocks */
    double *masses = some_masses(n, 1), *shift[2], *z[2];
    for (int threads = 1; threads <= 2; threads++) {
      dwell_context ctx = {.threads = threads};
      flow_system s = {n, d, 4, masses, false};
      flow_work *work = NULL;
      dwell_error err;
      shift[threads - 1] = malloc(n * d * sizeof(double));
      z[threads - 1] = malloc(n * sizeof(double));
      assert_ok(flow_work_create(n, d, false, &ctx, &work, &err), &err);
      assert_ok(attention_shift(&s, x, shift[threads - 1], z[threads - 1], work, &err), &err);
      flow_work_destroy(work);
    }
    assert_memory_equal(shift[0], shift[1], n * d * sizeof(double));
    assert_memory_equal(z[0], z[1], n * sizeof(double));
    for (int t = 0; t < 2; t++) free(shift[t]), free(z[t]);
    free(masses);
    free(x);
  }
}

/* n = 4000: an n x n matrix of doubles would be 128 MB. */
static void test_memory_is_linear(void **state) {
  (void)state;
  dwell_flow_options o = dwell_flow_options_default();
  dwell_context ctx = {.threads = 2, .memory_bound = 8u << 20};
  dwell_source *source = NULL;
  dwell_error err;
  o.n = 4000;
  o.d = 3;
  assert_ok(dwell_flow_open(&o, &ctx, &source, &err), &err);
  uint64_t at_4000 = dwell_source_bytes(source, &ctx);
  dwell_source_destroy(source);
  assert_true(at_4000 < 4u << 20);
  o.n = 8000;
  assert_ok(dwell_flow_open(&o, &ctx, &source, &err), &err);
  assert_true(dwell_source_bytes(source, &ctx) <= 2 * at_4000 + 1024);
  dwell_source_destroy(source);
  ctx.memory_bound = 1000;
  assert_fails(dwell_flow_open(&o, &ctx, &source, &err), DWELL_NO_MEMORY, &err, "bound");
  assert_null(source);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_against_plain_loops),
      cmocka_unit_test(test_scaled),
      cmocka_unit_test(test_many_keys),
      cmocka_unit_test(test_large_blocks),
      cmocka_unit_test(test_near_collapse),
      cmocka_unit_test(test_two_scales),
      cmocka_unit_test(test_harmonics),
      cmocka_unit_test(test_cluster_among_harmonics),
      cmocka_unit_test(test_harmonics_of_every_set),
      cmocka_unit_test(test_same_bits_for_any_threads),
      cmocka_unit_test(test_memory_is_linear),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
