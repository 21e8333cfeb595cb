/* tests/flow/test_pairs.c - the loops over pairs of every instruction set, against plain loops in extended precision.
 */
#include "flow/pairs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/random.h"
#include "util/testing.h"

static const char *const sets[] = {"avx512", "avx2", "baseline"};

typedef struct system {
  size_t n, d;
  pairs p;
  double *tokens, *masses, *sums;
} system_of;

/* n unit tokens, of which every fifth is a token before it, moved by `gap`. */
static system_of make(size_t n, size_t d, double gap, bool alike) {
  static const random_stream stream = {.seed = 5, .purpose = RANDOM_TEST};
  system_of s = {.n = n, .d = d};
  size_t width = pairs_width(d), stride = (n + PAIRS_LANES - 1) / PAIRS_LANES * PAIRS_LANES;
  s.tokens = mem_zero(stride, width * sizeof(double));
  s.masses = mem_zero(stride, sizeof(double));
  s.sums = mem_zero(stride, (1 + width) * sizeof(double));
  assert_true(s.tokens != NULL && s.masses != NULL && s.sums != NULL);
  for (size_t j = 0; j < n; j++) {
    double square = 0, *x = s.tokens + j;
    for (size_t k = 0; k < d; k++) x[k * stride] = random_normal(&stream, (uint32_t)j, (uint32_t)k);
    for (size_t k = 0; k < d && j % 5 == 4; k++) x[k * stride] = x[k * stride - 3] + gap * x[k * stride];
    for (size_t k = 0; k < d; k++) square += x[k * stride] * x[k * stride];
    for (size_t k = 0; k < d; k++) x[k * stride] /= sqrt(square);
    s.masses[j] = alike ? 1 : random_uniform(&stream, (uint32_t)j, 1000);
  }
  s.p =
      (pairs){.width = width, .stride = stride, .tokens = s.tokens, .masses = alike ? NULL : s.masses, .ceiling = 1024};
  return s;
}

static void drop(system_of *s) { mem_free(s->tokens), mem_free(s->masses), mem_free(s->sums); }

static void clear(system_of *s) { memset(s->sums, 0, s->p.stride * (1 + s->p.width) * sizeof(double)); }

/* All pairs, in blocks of 24 (the last one shorter): blocks with themselves and with each other. */
static void sum_pairs(system_of *s, const pairs_kernels *kernels) {
  clear(s);
  for (size_t a = 0; a < s->n; a += 24)
    for (size_t b = 0; b <= a; b += 24)
      kernels->between(&s->p, a, a + 24 < s->n ? a + 24 : s->n, b, b + 24 < s->n ? b + 24 : s->n, s->sums);
}

static void sum_rows(system_of *s, const pairs_kernels *kernels, bool causal) {
  clear(s);
  for (size_t i = 0; i < s->n; i++) kernels->row(&s->p, i, causal ? i + 1 : s->n, s->sums);
}

/* Each sum is off by a few roundings of its terms, and of what exponents are made of: an absolute error of an exponent
 * is a relative one of its weight. */
static void check(const system_of *s, bool causal, const char *isa) {
  for (size_t i = 0; i < s->n; i++) {
    long double sum[1 + PAIRS_MAX_D] = {0}, size[1 + PAIRS_MAX_D] = {0};
    for (size_t j = 0; j < (causal ? i : s->n); j++) {
      if (j == i) continue;
      long double square = 0, difference[1 + PAIRS_MAX_D] = {1};
      for (size_t k = 0; k < s->d; k++) {
        const double *x = s->tokens + k * s->p.stride;
        difference[1 + k] = (long double)x[j] - x[i];
        square += difference[1 + k] * difference[1 + k];
      }
      long double t = s->p.factor * square + s->p.shift, w = s->masses[j] * (t < -1009 ? 0 : exp2l(t));
      for (size_t k = 0; k <= s->d; k++) {
        sum[k] += w * difference[k];
        size[k] += w * fabsl(difference[k]) * (4 + fabsl(s->p.factor) * square + fabs(s->p.shift));
      }
    }
    for (size_t k = 0; k <= s->d; k++) {
      double found = s->sums[k * s->p.stride + i];
      if (!(fabsl(found - sum[k]) <= 4e-16L * size[k] + 1e-300L))
        fail_msg("%s n %zu d %zu factor %g shift %g: sum %zu of token %zu is %.17g, not %.17Lg", isa, s->n, s->d,
                 s->p.factor, s->p.shift, k, i, found, sum[k]);
    }
  }
}

/* Every instruction set is right, and those with fused multiply-add have the same bits. */
static void check_sets(system_of *s, int way) {
  double *first = NULL;
  size_t bytes = s->p.stride * (1 + s->p.width) * sizeof(double);
  for (size_t k = 0; k < 3; k++) {
    const pairs_kernels *kernels = pairs_kernels_of(sets[k]);
    if (kernels == NULL) continue;
    assert_string_equal(kernels->isa, sets[k]);
    if (way == 0) sum_pairs(s, kernels);
    else sum_rows(s, kernels, way == 2);
    check(s, way == 2, sets[k]);
    if (k == 2) continue;
    if (first == NULL) first = mem_copy(s->sums, bytes, 1);
    else
      for (size_t i = 0; i < (1 + s->p.width) * s->p.stride; i++) /* what fills up is no result */
        if (i % s->p.stride < s->n) assert_true(memcmp(first + i, s->sums + i, sizeof(double)) == 0);
  }
  mem_free(first);
}

static void test_every_set(void **state) {
  (void)state;
  static const size_t sizes[] = {1, 7, 8, 30, 48, 100}, dimensions[] = {2, 3, 4, 5, 8, 11, 16};
  static const double gaps[] = {0, 1e-9, 0.3};
  for (size_t a = 0; a < 6; a++)
    for (size_t b = 0; b < 7; b++)
      for (int alike = 0; alike < 2; alike++) {
        system_of s = make(sizes[a], dimensions[b], gaps[(a + b) % 3], alike);
        static const double factors[] = {0, -1.5, -60, -240, -1e5, 30};
        for (size_t c = 0; c < 6; c++) {
          s.p.factor = factors[c];
          s.p.shift = c == 4 ? 3 : c == 5 ? -4 * 30 : 0;
          s.p.plain = c < 4;
          bool may = s.n % PAIRS_LANES == 0 && pairs_alike(s.d, s.p.plain);
          s.p.masses = alike && may ? NULL : s.masses;
          check_sets(&s, 0);
          s.p.masses = s.masses;
          check_sets(&s, 1);
          check_sets(&s, 2);
        }
        drop(&s);
      }
}

/* ---- tiles of cosines ---- */

enum { ROWS = 11, KEYS = 40, NEVER_ROW = 3, NEVER_KEY = 17 };

typedef struct tile_case {
  double factor, anchor, shift;
  bool plain, own_shifts, mirrored;
} tile_case;

typedef struct tile_of {
  double *cosines, *weights, *masses, *columns;
  double own[ROWS], shifts[ROWS], sums[ROWS];
} tile_of;

static void run_tile(const tile_case *c, tile_of *t, const pairs_kernels *kernels) {
  memcpy(t->weights, t->cosines, ROWS * KEYS * sizeof(double));
  memset(t->sums, 0, sizeof t->sums), memset(t->columns, 0, KEYS * sizeof(double));
  kernels->tile(&(pairs_tile){ROWS, KEYS, c->factor, c->anchor, c->shift, c->own_shifts ? t->shifts : NULL, 1024,
                              c->plain, t->own, t->masses, t->weights, t->sums, c->mirrored ? t->columns : NULL});
}

static void check_tile(const tile_case *c, const tile_of *t) {
  long double sums[ROWS] = {0}, columns[KEYS] = {0};
  for (size_t r = 0; r < ROWS; r++)
    for (size_t j = 0; j < KEYS; j++) {
      double g = t->cosines[r * KEYS + j], shift = c->own_shifts ? t->shifts[r] : c->shift;
      long double e = (long double)c->factor * ((long double)g - c->anchor) + shift;
      long double w = g < PAIRS_NEVER || e < -1009 ? 0 : exp2l(e);
      double allowed = 3e-16 * (2 + fabs((double)e) + fabs(shift));
      assert_near(t->weights[r * KEYS + j], (double)w, allowed, 0);
      sums[r] += w * t->masses[j], columns[j] += w * t->own[r];
    }
  double near = 3e-16 * (10 + 2 * fabs(c->factor) + 2 * fabs(c->shift) + (c->own_shifts ? 60 : 0));
  for (size_t r = 0; r < ROWS; r++) assert_near(t->sums[r], (double)sums[r], near, 0);
  for (size_t j = 0; j < KEYS; j++) assert_near(t->columns[j], c->mirrored ? (double)columns[j] : 0, near, 0);
}

/* Weights, their sums by rows and by columns; a cosine that never counts; the same bits where multiply-adds fuse. */
static void test_tiles(void **state) {
  (void)state;
  static const random_stream stream = {.seed = 6, .purpose = RANDOM_TEST};
  static const tile_case cases[] = {{5.8, 1, 0, true, false, true},    {5.8, 1, 0, true, false, false},
                                    {-300, -1, 0, true, false, true},  {0, 1, 0, false, false, true},
                                    {900, 1, 20, false, false, false}, {900, 1, 0, false, true, false}};
  tile_of t = {mem_zero(ROWS * KEYS, 8), mem_zero(ROWS * KEYS, 8), mem_zero(KEYS, 8), mem_zero(KEYS, 8)};
  double *first = mem_zero(ROWS * KEYS, 8);
  assert_true(t.cosines && t.weights && t.masses && t.columns && first);
  for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
    for (size_t e = 0; e < ROWS * KEYS; e++) t.cosines[e] = 2 * random_uniform(&stream, (uint32_t)e, 0) - 1;
    for (size_t j = 0; j < KEYS; j++) t.masses[j] = random_uniform(&stream, (uint32_t)j, 1);
    for (size_t r = 0; r < ROWS; r++) t.own[r] = random_uniform(&stream, (uint32_t)r, 2), t.shifts[r] = (double)r * 3;
    if (!cases[k].plain) t.cosines[NEVER_ROW * KEYS + NEVER_KEY] = 2 * PAIRS_NEVER;
    for (size_t i = 0; i < 3; i++) {
      const pairs_kernels *kernels = pairs_kernels_of(sets[i]);
      if (kernels == NULL) continue;
      run_tile(cases + k, &t, kernels);
      check_tile(cases + k, &t);
      if (i == 0) memcpy(first, t.weights, ROWS * KEYS * sizeof(double));
      if (i == 1 && pairs_kernels_of(sets[0]) != NULL) assert_memory_equal(first, t.weights, ROWS * KEYS * 8);
    }
  }
  mem_free(t.cosines), mem_free(t.weights), mem_free(t.masses), mem_free(t.columns), mem_free(first);
}

/* The weight of coincident tokens is 1 to the bit, whatever the temperature: log clocks of merging tokens stall on
 * less. */
static void test_weight_at_distance_zero(void **state) {
  (void)state;
  for (size_t k = 0; k < 3; k++) {
    const pairs_kernels *kernels = pairs_kernels_of(sets[k]);
    if (kernels == NULL) continue;
    for (int plain = 0; plain < 2; plain++) {
      system_of s = make(10, 3, 0, false);
      for (size_t j = 0; j < 10; j++) {
        s.masses[j] = 1;
        for (size_t c = 0; c < 3; c++) s.tokens[c * s.p.stride + j] = s.tokens[c * s.p.stride];
      }
      s.p.factor = plain ? -200 : -1e12;
      s.p.plain = plain;
      sum_pairs(&s, kernels);
      for (size_t j = 0; j < 10; j++)
        for (size_t c = 0; c <= 3; c++) assert_true(s.sums[c * s.p.stride + j] == (c == 0 ? 9 : 0));
      drop(&s);
    }
  }
}

/* Exponents above the ceiling: an infinite weight, or a finite one that a mass of zero makes nothing of. */
static void test_ceiling(void **state) {
  (void)state;
  for (size_t k = 0; k < 3; k++) {
    const pairs_kernels *kernels = pairs_kernels_of(sets[k]);
    if (kernels == NULL) continue;
    system_of s = make(8, 3, 0, false);
    s.p.shift = 1100;
    sum_pairs(&s, kernels);
    assert_true(isinf(s.sums[0]));
    for (size_t j = 0; j < 8; j++) s.masses[j] = 0;
    s.p.ceiling = 1000;
    sum_rows(&s, kernels, false);
    assert_true(s.sums[0] == 0 && s.sums[s.p.stride] == 0);
    drop(&s);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_set), cmocka_unit_test(test_ceiling),
                                     cmocka_unit_test(test_tiles), cmocka_unit_test(test_weight_at_distance_zero)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
