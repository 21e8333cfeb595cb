/* tests/instrument/test_heads.c - measures of attention against slow obvious twins, and what must hold of them. */
#include "util/clouds.h"
#include "util/heads.h"

static instrument_head head_of(size_t n, const double *a, bool causal) {
  return (instrument_head){.n = n, .dtype = DWELL_F64, .attention = a, .causal = causal, .seed = 1};
}

/* ---- tv_mean ---- */

static double twin_tv(size_t n, const double *a) {
  double sum = 0;
  for (size_t i = 0; i < n; i++) {
    for (size_t j = 0; j < n; j++) {
      for (size_t k = 0; k < n && i != j; k++) sum += fabs(a[i * n + k] - a[j * n + k]) / 2;
    }
  }
  return sum / ((double)n * (double)(n - 1));
}

static void tv_is_the_triple_loop(void **state) {
  (void)state;
  for (uint32_t which = 0; which < 24; which++) {
    size_t n = 2 + which * 3 % 41;
    bool causal = which % 2;
    double *a = heads_random(n, 1 + which % 3, causal, which);
    instrument_head h = head_of(n, a, causal);
    assert_near(heads_value("tv_mean", &h).number, twin_tv(n, a), 1e-12, 0); /* rounding of n^3 terms */
    free(a);
  }
}

/* 4096 pairs estimate a mean in [0,1] whose pairs spread by less than 0.05 here to 0.05 / 64. */
static void tv_of_many_tokens_is_sampled(void **state) {
  (void)state;
  enum { N = 300 };
  for (int causal = 0; causal < 2; causal++) {
    double *a = heads_random(N, 1, causal, 50);
    instrument_head h = head_of(N, a, causal);
    double sampled = heads_value("tv_mean", &h).number, exact = twin_tv(N, a);
    assert_near(sampled, exact, 0, 5 * (causal ? 0.15 : 0.05) / 64);
    assert_true(sampled != exact);
    h.seed = 2;
    assert_true(heads_value("tv_mean", &h).number != sampled);
    h.seed = 1;
    assert_true(heads_value("tv_mean", &h).number == sampled);
    free(a);
  }
}

static void tv_at_its_ends(void **state) {
  (void)state;
  enum { N = 280 };
  static double even[N * N], self[N * N];
  for (size_t i = 0; i < N; i++) {
    for (size_t j = 0; j < N; j++) even[i * N + j] = 1. / N;
    self[i * N + i] = 1;
  }
  for (size_t n = 2; n <= N; n += 139) { /* all pairs, and the sample */
    instrument_head h = head_of(n, even, false);
    if (n == N) assert_near(heads_value("tv_mean", &h).number, 0, 0, 0);
    for (size_t i = 0; i < n; i++) memset(self + i * n, 0, n * sizeof(double)), self[i * n + i] = 1;
    h.attention = self;
    assert_near(heads_value("tv_mean", &h).number, 1, 0, 0);
  }
  instrument_head one = head_of(1, even, false), none = head_of(0, even, false);
  heads_undefined("tv_mean", &one, "n < 2");
  heads_undefined("tv_mean", &none, "n < 2");
}

/* Values within a set of diameter D are mixed into one of at most max TV x D: here with the coordinates as values. */
static void tv_bounds_contraction(void **state) {
  (void)state;
  enum { N = 40 };
  double *a = heads_random(N, 2, true, 60), *v = clouds_normal(N, 1, 0, 61), widest = 0, low = INFINITY,
         high = -INFINITY;
  double out[N];
  for (size_t i = 0; i < N; i++) {
    out[i] = 0, low = fmin(low, v[i]), high = fmax(high, v[i]);
    for (size_t j = 0; j < N; j++) out[i] += a[i * N + j] * v[j];
  }
  for (size_t i = 0; i < N; i++) {
    for (size_t j = 0; j < N; j++) {
      double tv = 0;
      for (size_t k = 0; k < N; k++) tv += fabs(a[i * N + k] - a[j * N + k]) / 2;
      assert_true(fabs(out[i] - out[j]) <= tv * (high - low) + 1e-12);
      widest = fmax(widest, tv);
    }
  }
  instrument_head h = head_of(N, a, true);
  assert_true(heads_value("tv_mean", &h).number <= widest);
  free(a), free(v);
}

/* ---- beta_eff ---- */

typedef struct input {
  geometry *g;
  size_t kept[200];
  instrument_head h;
} input;

/* Softmax of beta times the cosines of n normal tokens; token `left_out` is not kept (SIZE_MAX: all are). */
static input head_at(size_t n, double beta, bool causal, size_t left_out) {
  input in = {0};
  double *x = clouds_normal(n, 6, 0, 70);
  const double *cosines;
  geometry *all = clouds_geometry(x, n, 6);
  assert_ok(geometry_cosines(all, RAW, &cosines, NULL), NULL);
  double *a = malloc(n * n * sizeof *a);
  for (size_t e = 0; e < n * n; e++) a[e] = beta * cosines[e];
  heads_softmax(n, a, causal);
  in.h = head_of(n, a, causal);
  for (size_t i = 0; i < n; i++) {
    if (i != left_out) in.kept[in.h.kept_count++] = i;
  }
  assert_ok(geometry_create(x, 6, in.kept, in.h.kept_count, &in.g, NULL), NULL);
  assert_ok(geometry_cosines(in.g, RAW, &in.h.cosines, NULL), NULL);
  geometry_destroy(all);
  free(x);
  return in;
}

static void close_input(input *in) {
  geometry_destroy(in->g);
  free((void *)(uintptr_t)in->h.attention);
}

static void softmax_gives_its_temperature_back(void **state) {
  (void)state;
  static const double betas[] = {0.1, 1, 4, -2, 30};
  for (size_t k = 0; k < 10; k++) {
    bool causal = k % 2;
    input in = head_at(30, betas[k / 2], causal, SIZE_MAX);
    in.h.kept = in.kept;
    assert_near(heads_value("beta_eff", &in.h).number, betas[k / 2], 1e-10, 0); /* logarithms round by 1e-16 of 30 */
    assert_near(heads_value("beta_r2", &in.h).number, 1, 1e-10, 0);
    assert_near(heads_value("beta_rows", &in.h).number, causal ? 26 : 30, 0, 0); /* 3 keys besides token 0 and itself */
    close_input(&in);
  }
}

/* D-5-2: an effective temperature read from the upper triangle is one of nothing under a causal mask. And tokens that
 * are not kept, the sink and the diagonal do not count: whatever their weights, the slope stays. */
static void only_what_counts_is_fitted(void **state) {
  (void)state;
  enum { N = 24, OUT = 9 };
  for (int causal = 0; causal < 2; causal++) {
    input in = head_at(N, 3, causal, OUT);
    double *a = (double *)(uintptr_t)in.h.attention;
    in.h.kept = in.kept;
    for (size_t i = 0; i < N; i++) {
      a[i * N + i] = 0.7, a[i * N] = 0.9;
      if (i >= OUT || !causal) a[i * N + OUT] = 0.3;
      for (size_t j = 0; j < N; j++) a[OUT * N + j] = 0.01 * (double)j;
    }
    assert_near(heads_value("beta_eff", &in.h).number, 3, 1e-10, 0);
    a[(N - 1) * N + 5] *= 1.5; /* one that counts */
    assert_true(fabs(heads_value("beta_eff", &in.h).number - 3) > 1e-6);
    close_input(&in);
  }
}

static void temperatures_that_there_are_none_of(void **state) {
  (void)state;
  enum { N = 12 };
  input in = head_at(N, 2, false, SIZE_MAX);
  double even[N * N], same[N * N];
  for (size_t e = 0; e < N * N; e++) even[e] = 1. / N, same[e] = 1;
  in.h.kept = in.kept;
  in.h.kept_count = 3; /* cosines of another size, not looked at: two keys each at most */
  heads_undefined("beta_eff", &in.h, "few_keys");
  heads_undefined("beta_r2", &in.h, "few_keys");
  assert_near(heads_value("beta_rows", &in.h).number, 0, 0, 0);
  in.h.kept_count = 0;
  heads_undefined("beta_eff", &in.h, "few_keys");
  in.h.kept_count = N;
  const double *cosines = in.h.cosines;
  in.h.cosines = same;
  heads_undefined("beta_eff", &in.h, "equal_cosines");
  const void *attention = in.h.attention;
  in.h.cosines = cosines, in.h.attention = even;
  assert_near(heads_value("beta_eff", &in.h).number, 0, 0, 1e-12);
  heads_undefined("beta_r2", &in.h, "even_attention");
  in.h.attention = attention;
  close_input(&in);
}

/* ---- align ---- */

/* Weight within clusters over weight between labelled tokens, for labels turned by `shift`; NaN: none. */
static double twin_inside(size_t n, const double *a, const int32_t *labels, size_t shift) {
  double inside = 0, labelled = 0;
  for (size_t i = 0; i < n; i++) {
    for (size_t j = 1; j < n; j++) {
      int32_t p = labels[(i + n - shift) % n], q = labels[(j + n - shift) % n];
      if (i == j || p < 0 || q < 0) continue;
      labelled += a[i * n + j];
      if (p == q) inside += a[i * n + j];
    }
  }
  return labelled > 0 ? inside / labelled : NAN;
}

static void check_twin(const instrument_head *h) {
  size_t n = h->n, valid = 0, above = 0;
  double sum = 0, squares = 0, observed = twin_inside(n, h->attention, h->labels, 0);
  for (size_t s = 1; s < n; s++) {
    double x = twin_inside(n, h->attention, h->labels, s);
    if (isnan(x)) continue;
    valid++, sum += x, squares += x * x;
    above += x >= observed - 1e-12;
  }
  double mean = sum / (double)valid;
  assert_near(heads_value("align", h).number, observed, 1e-11, 1e-13); /* sums in another order, 1e-16 n each */
  assert_near(heads_value("align_null_mean", h).number, mean, 1e-11, 1e-13);
  assert_near(heads_value("align_null_sd", h).number, sqrt(squares / (double)valid - mean * mean), 1e-6, 1e-9);
  assert_near(heads_value("align_p", h).number, (double)(1 + above) / (double)(valid + 1), 1e-12, 0);
}

/* `missing` in ten tokens have no label. */
static void random_labels(size_t n, size_t clusters, size_t missing, uint32_t which, int32_t *labels) {
  random_stream s = {.seed = 40, .purpose = RANDOM_TEST, .replica = which};
  for (size_t i = 0; i < n; i++) {
    labels[i] = (int32_t)random_below(&s, (uint32_t)i, 0, clusters);
    if (random_below(&s, (uint32_t)i, 1, 10) < missing) labels[i] = -1;
  }
  for (size_t c = 0; c < clusters; c++) labels[2 * c] = (int32_t)c; /* all of them exist */
}

static void align_is_the_brute_force(void **state) {
  (void)state;
  int32_t labels[120];
  size_t compared = 0;
  for (uint32_t which = 0; which < 30; which++) {
    size_t n = 30 + which * 11 % 71, clusters = 2 + which % 3;
    bool causal = which % 2;
    double *a = heads_random(n, 1 + which % 3, causal, 200 + which);
    random_labels(n, clusters, which % 9, which, labels); /* from all labelled to few */
    instrument_head h = head_of(n, a, causal);
    h.labels = labels;
    if (heads_value("align", &h).undefined == NULL) check_twin(&h), compared++;
    free(a);
  }
  assert_true(compared >= 20); /* the others have few labels left, and too few runs of them */
}

/* Heads that look within planted groups are found, others are not; the sink and the diagonal do not matter. */
static void align_finds_planted_groups(void **state) {
  (void)state;
  enum { N = 64, HEADS = 60 };
  size_t found[2] = {0};
  int32_t labels[N];
  for (uint32_t which = 0; which < 2 * HEADS; which++) {
    bool planted = which % 2, causal = which % 4 < 2;
    double *a = heads_random(N, 0.5, causal, 300 + which);
    random_labels(N, 3, 1, 300 + which, labels);
    for (size_t e = 0; e < N * N; e++) {
      bool same = labels[e / N] >= 0 && labels[e / N] == labels[e % N];
      a[e] = a[e] > 0 ? log(a[e]) + (planted && same ? 1 : 0) + (e % N == 0 ? 2 : 0) : 0;
    }
    heads_softmax(N, a, causal);
    instrument_head h = head_of(N, a, causal);
    h.labels = labels;
    value p = heads_value("align_p", &h);
    assert_null(p.undefined);
    found[planted] += p.number <= 0.05;
    double before = heads_value("align", &h).number;
    for (size_t i = 0; i < N; i++) a[i * N] = 7, a[i * N + i] = 9;
    assert_near(heads_value("align", &h).number, before, 1e-12, 0);
    free(a);
  }
  assert_true(found[1] == HEADS);
  assert_true(found[0] <= 9); /* nominal 3 of 60; more than 9 has probability 1e-3 */
}

/* Labels that come back after two places: every second shift is a tie, and ties count. */
static void align_counts_ties(void **state) {
  (void)state;
  enum { N = 40 };
  int32_t labels[N];
  double *a = heads_random(N, 1, false, 601);
  for (size_t i = 0; i < N; i++) labels[i] = (int32_t)(i % 2);
  instrument_head h = head_of(N, a, false);
  h.labels = labels;
  double p = heads_value("align_p", &h).number;
  assert_near(p, 1, 1e-12, 0); /* labels 1, 0, 1, 0, ... have the same pairs as 0, 1, 0, 1, ... */
  free(a);
}

/* D-1-1: a measure of causal heads must not be one of the mask. Even causal attention, with labels of no order, is no
 * evidence of anything: p is spread over [0, 1]. (And no head is balanced by row and column first: a triangular matrix
 * cannot be.) */
static void d_1_1_an_even_causal_head_has_no_structure(void **state) {
  (void)state;
  enum { N = 48, TIMES = 100 };
  static double even[N * N];
  int32_t labels[N];
  size_t low = 0, high = 0;
  for (size_t e = 0; e < N * N; e++) even[e] = e % N <= e / N ? 1 / (double)(e / N + 1) : 0;
  for (uint32_t which = 0; which < TIMES; which++) {
    random_labels(N, 2 + which % 3, 0, 500 + which, labels);
    instrument_head h = head_of(N, even, true);
    h.labels = labels;
    value p = heads_value("align_p", &h);
    assert_null(p.undefined);
    low += p.number <= 0.05, high += p.number > 0.5;
  }
  assert_true(low <= 13 && high >= 30); /* binomial of .05 and .5: beyond these 1e-3 and 5e-5 */
}

static void alignments_that_there_are_none_of(void **state) {
  (void)state;
  enum { N = 40 };
  int32_t labels[N];
  double *a = heads_random(N, 1, false, 600);
  instrument_head h = head_of(N, a, false);
  h.labels = labels;
  for (size_t i = 0; i < N; i++) labels[i] = -1;
  heads_undefined("align", &h, "few_clusters");
  for (size_t i = 0; i < N; i++) labels[i] = 0;
  heads_undefined("align_p", &h, "few_clusters");
  for (size_t i = 0; i < N; i++) labels[i] = i % 5 == 4 ? -1 : i >= N / 2; /* tokens left out do not mix segments */
  heads_undefined("align", &h, "contiguous_clusters");
  for (size_t i = 0; i < N; i++) labels[i] = i < 8 ? (int32_t)(i % 2) : 1;
  assert_null(heads_value("align", &h).undefined); /* 8 runs for 2 clusters */
  labels[5] = 0;                                   /* 6 */
  heads_undefined("align", &h, "contiguous_clusters");
  for (size_t i = 0; i < N; i++) labels[i] = (int32_t)(i % 2);
  for (size_t i = 0; i < N; i++) memset(a + i * N, 0, N * sizeof *a), a[i * N + (i < 5 ? 0 : i)] = 1;
  heads_undefined("align", &h, "no_weight"); /* all to itself or the sink */
  h.n = 5;
  heads_undefined("align", &h, "contiguous_clusters");
  for (h.n = 0; h.n < 2; h.n++) heads_undefined("align", &h, "few_clusters");
  free(a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(tv_is_the_triple_loop),
      cmocka_unit_test(tv_of_many_tokens_is_sampled),
      cmocka_unit_test(tv_at_its_ends),
      cmocka_unit_test(tv_bounds_contraction),
      cmocka_unit_test(softmax_gives_its_temperature_back),
      cmocka_unit_test(only_what_counts_is_fitted),
      cmocka_unit_test(temperatures_that_there_are_none_of),
      cmocka_unit_test(align_is_the_brute_force),
      cmocka_unit_test(align_finds_planted_groups),
      cmocka_unit_test(align_counts_ties),
      cmocka_unit_test(d_1_1_an_even_causal_head_has_no_structure),
      cmocka_unit_test(alignments_that_there_are_none_of),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
