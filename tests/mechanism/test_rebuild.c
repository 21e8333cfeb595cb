/* tests/mechanism/test_rebuild.c - maps and tokens rebuilt in fewer dimensions keep what they must keep; attention
 * alone against a slow twin. */
#include "mechanism/rebuild.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "linalg/eigen.h"
#include "mechanism/layer_map.h"
#include "util/testing.h"

enum { D = 24, HALF = 12 };

static double normal(uint32_t what, size_t i) {
  return random_normal(&(random_stream){.seed = 8, .purpose = RANDOM_TEST}, what, (uint32_t)i);
}

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double square(size_t count, const double *a) {
  double sum = 0;
  for (size_t i = 0; i < count; i++) sum += a[i] * a[i];
  return sum;
}

static double trace(size_t d, const double *a) {
  double sum = 0;
  for (size_t i = 0; i < d; i++) sum += a[i * d + i];
  return sum;
}

static void rebuild(const double *m, size_t d, size_t to, uint32_t which, double *ret) {
  dwell_error err;
  rebuild_map map;
  double *copy = mem_copy(m, d * d, sizeof *m);
  assert_non_null(copy);
  assert_ok(rebuild_map_make(d, copy, &map, &err), &err);
  assert_ok(rebuild_map_draw(&map, to, &(random_stream){.seed = 1, .purpose = RANDOM_REBUILD}, which, ret, &err), &err);
  rebuild_map_free(&map);
  mem_free(copy);
}

/* Sorted real parts; sorted squares of moduli behind them. */
static void spectrum(size_t d, const double *m, double *ret) {
  dwell_error err;
  double copy[D * D];
  memcpy(copy, m, d * d * sizeof *m);
  assert_ok(eigen_general(d, copy, ret, ret + d, &err), &err);
  for (size_t i = 0; i < d; i++) ret[d + i] = ret[i] * ret[i] + ret[d + i] * ret[d + i];
  qsort(ret, d, sizeof *ret, compare);
  qsort(ret + d, d, sizeof *ret, compare);
}

/* At its own size a rebuild is another matrix with the same eigenvalues and the same norm. */
static void same_size(void **state) {
  (void)state;
  double m[D * D], r[D * D], before[2 * D], after[2 * D], difference = 0;
  for (size_t i = 0; i < D * D; i++) m[i] = normal(0, i);
  rebuild(m, D, D, 0, r);
  spectrum(D, m, before), spectrum(D, r, after);
  for (size_t i = 0; i < 2 * D; i++) assert_near(after[i], before[i], 0, 1e-10);
  assert_near(square(D * D, r), square(D * D, m), 1e-12, 0);
  for (size_t i = 0; i < D * D; i++) difference += (r[i] - m[i]) * (r[i] - m[i]);
  assert_true(difference > square(D * D, m)); /* in other directions */
}

/* At half the size every second eigenvalue of 1, 1, 2, 2, ... stays, and trace / d, |M|^2 / d with them. */
static void half_size(void **state) {
  (void)state;
  double m[D * D] = {0}, r[HALF * HALF], after[2 * HALF];
  for (size_t i = 0; i < D; i++) {
    m[i * D + i] = (double)(i / 2);
    for (size_t j = i + 1; j < D; j++) m[i * D + j] = normal(1, i * D + j);
  }
  double rest = square(D * D, m);
  for (size_t i = 0; i < D; i++) rest -= m[i * D + i] * m[i * D + i];
  rebuild(m, D, HALF, 1, r);
  spectrum(HALF, r, after);
  for (size_t i = 0; i < HALF; i++) assert_near(after[i], (double)i, 0, 1e-8);
  assert_near(trace(HALF, r) / HALF, trace(D, m) / D, 1e-12, 1e-12);
  assert_near(square(HALF * HALF, r) / HALF, square(D * D, m) / D, 1e-11, 0);
  assert_true(rest > 100); /* so the line above was about more than the diagonal */
}

/* Symmetric maps stay symmetric, antisymmetric ones antisymmetric: nothing is added above the diagonal. */
static void normal_maps(void **state) {
  (void)state;
  for (int sign = -1; sign <= 1; sign += 2) {
    double m[D * D], r[49];
    for (size_t i = 0; i < D; i++) {
      for (size_t j = 0; j <= i; j++) m[i * D + j] = normal(2, i * D + j), m[j * D + i] = sign * m[i * D + j];
      if (sign < 0) m[i * D + i] = 0;
    }
    rebuild(m, D, 7, 2, r); /* an odd size: the last of the pairs keeps its real part only */
    for (size_t i = 0; i < 7; i++) {
      for (size_t j = 0; j < 7; j++) assert_near(r[i * 7 + j], sign * r[j * 7 + i], 0, 1e-12);
    }
    assert_true(square(49, r) > 1);
  }
}

/* D-2b-5: which part of the spectrum is taken must not depend on the order in which a Schur form comes. Pairs x +- iy
 * with x = 0, 1, 2, ...: which of them stay at d / 4. */
static void d_2b_5_pairs_are_kept_whole(void **state) {
  (void)state;
  double m[D * D] = {0}, r[36], after[12];
  for (size_t k = 0; k < HALF; k++) {
    size_t i = 2 * k;
    m[i * D + i] = m[(i + 1) * D + i + 1] = (double)k;
    m[i * D + i + 1] = -(double)(k + 1), m[(i + 1) * D + i] = (double)(k + 1);
  }
  rebuild(m, D, 6, 3, r);
  spectrum(6, r, after);
  /* dimension (k + 1/2) 4 for k = 0, 2, 4: 2, 10, 18, of the pairs 1, 5, 9 */
  static const double kept[] = {1, 5, 9};
  for (size_t i = 0; i < 6; i++) {
    double x = kept[i / 2];
    assert_near(after[i], x, 0, 1e-10);
    assert_near(after[6 + i], x * x + (x + 1) * (x + 1), 1e-10, 0);
  }
}

static void tokens_keep_their_angles(void **state) {
  (void)state;
  enum { N = 5 };
  dwell_error err;
  double x[N * D], gram[N * N], kept[N * N], y[N * HALF];
  for (size_t i = 0; i < N * D; i++) x[i] = normal(3, i);
  memcpy(x + (N - 1) * D, x, D * sizeof *x); /* two equal tokens: a singular Gram matrix */
  for (size_t i = 0; i < N * N; i++) {
    kept[i] = 0;
    for (size_t k = 0; k < D; k++) kept[i] += x[i / N * D + k] * x[i % N * D + k];
    gram[i] = kept[i];
  }
  const random_stream s = {.seed = 1, .purpose = RANDOM_REBUILD};
  assert_ok(rebuild_tokens(N, gram, HALF, &s, 9, y, &err), &err);
  for (size_t i = 0; i < N * N; i++) {
    double sum = 0;
    for (size_t k = 0; k < HALF; k++) sum += y[i / N * HALF + k] * y[i % N * HALF + k];
    assert_near(sum, kept[i], 0, 1e-12 * D);
  }
  assert_fails(rebuild_tokens(N, gram, N - 1, &s, 9, y, &err), DWELL_USAGE, &err, "dimensions");
}

/* ---- attention alone ---- */

static void unit(size_t n, size_t d, double *x) {
  for (size_t i = 0; i < n; i++) {
    double length = sqrt(square(d, x + i * d));
    for (size_t k = 0; k < d; k++) x[i * d + k] /= length;
  }
}

static double form(size_t d, const double *u, const double *m, const double *v) {
  double sum = 0;
  for (size_t a = 0; a < d; a++) {
    for (size_t b = 0; b < d; b++) sum += u[a] * m[a * d + b] * v[b];
  }
  return sum;
}

/* One layer by the formula, pair by pair. */
static void slow_layer(const layer_maps *m, size_t layer, size_t n, const double *x, double *ret) {
  size_t d = m->d;
  memcpy(ret, x, n * d * sizeof *x);
  for (size_t h = 0; h < m->heads; h++) {
    const double *b = m->forms + (layer * m->heads + h) * d * d, *v = m->writes + (layer * m->heads + h) * d * d;
    for (size_t i = 0; i < n; i++) {
      double total = 0;
      size_t seen = m->causal ? i + 1 : n;
      for (size_t j = 0; j < seen; j++) total += exp(m->form_scale * form(d, x + i * d, b, x + j * d));
      for (size_t j = 0; j < seen; j++) {
        double weight = exp(m->form_scale * form(d, x + i * d, b, x + j * d)) / total * m->step * m->write_scale;
        for (size_t a = 0; a < d; a++) {
          for (size_t k = 0; k < d; k++) ret[i * d + a] += weight * v[a * d + k] * x[j * d + k];
        }
      }
    }
  }
  unit(n, d, ret);
}

static double mean_cosine(size_t n, size_t d, const double *x) {
  double sum = 0;
  for (size_t i = 0; i < n; i++) {
    for (size_t j = 0; j < n; j++) {
      for (size_t k = 0; i != j && k < d; k++) sum += x[i * d + k] * x[j * d + k];
    }
  }
  return sum / (double)(n * (n - 1));
}

static void slow_twin(void **state) {
  (void)state;
  enum { N = 7, WIDE = 5, HEADS = 2, LAYERS = 3, MAPS = LAYERS * HEADS * WIDE * WIDE };
  for (int causal = 0; causal < 2; causal++) {
    double forms[MAPS], writes[MAPS], x[N * WIDE], y[N * WIDE], z[N * WIDE], cosines[2 * LAYERS + 1];
    dwell_error err;
    for (size_t i = 0; i < MAPS; i++) forms[i] = normal(4, i), writes[i] = normal(5, i);
    for (size_t i = 0; i < N * WIDE; i++) x[i] = normal(6, i);
    unit(N, WIDE, x);
    memcpy(y, x, sizeof x);
    layer_maps m = {WIDE, HEADS, LAYERS, 2, causal, 0.3, forms, writes, 0.7, 1.1};
    assert_int_equal(layer_maps_steps(&m), 2 * LAYERS);
    assert_ok(layer_maps_run(&m, N, x, cosines, &err), &err);
    for (size_t l = 0; l < 2 * LAYERS; l++) {
      assert_near(cosines[l], mean_cosine(N, WIDE, y), 0, 1e-13);
      slow_layer(&m, l % LAYERS, N, y, z), memcpy(y, z, sizeof y);
    }
    for (size_t i = 0; i < N * WIDE; i++) assert_near(x[i], y[i], 0, 1e-13);
    assert_near(cosines[2 * LAYERS], mean_cosine(N, WIDE, y), 0, 1e-13);
  }
}

/* With V = 1 and B = 2 only angles count: the rebuilt tokens collapse at the same speed in any dimension. */
static void dimension_alone_changes_nothing(void **state) {
  (void)state;
  enum { N = 6 };
  dwell_error err;
  double x[N * D], gram[N * N], one[D * D], cosines[2][13];
  for (size_t i = 0; i < N * D; i++) x[i] = normal(7, i);
  unit(N, D, x);
  for (size_t i = 0; i < N * N; i++) {
    gram[i] = 0;
    for (size_t k = 0; k < D; k++) gram[i] += x[i / N * D + k] * x[i % N * D + k];
  }
  double small[N * HALF];
  const random_stream s = {.seed = 1, .purpose = RANDOM_REBUILD};
  assert_ok(rebuild_tokens(N, gram, HALF, &s, 0, small, &err), &err);
  for (size_t k = 0; k < 2; k++) {
    size_t d = k == 0 ? D : HALF;
    for (size_t i = 0; i < d * d; i++) one[i] = i % (d + 1) == 0;
    layer_maps m = {.d = d, .heads = 1, .layers = 1, .repeats = 12, .step = .1, .forms = one, .writes = one};
    m.form_scale = 2, m.write_scale = 1;
    assert_ok(layer_maps_run(&m, N, k == 0 ? x : small, cosines[k], &err), &err);
  }
  for (size_t l = 0; l <= 12; l++) assert_near(cosines[1][l], cosines[0][l], 0, 1e-12);
  assert_true(cosines[0][12] > cosines[0][0] + 0.1);
}

static void lost_tokens(void **state) {
  (void)state;
  dwell_error err;
  double x[4] = {1, 0, 1, 0}, form_of[4] = {0}, write[4] = {-1, 0, 0, -1}, cosines[2];
  layer_maps m = {.d = 2, .heads = 1, .layers = 1, .step = 1, .forms = form_of, .writes = write};
  m.form_scale = m.write_scale = 1;
  assert_fails(layer_maps_run(&m, 2, x, cosines, &err), DWELL_FAILED, &err, "layer 1");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(same_size),
      cmocka_unit_test(half_size),
      cmocka_unit_test(normal_maps),
      cmocka_unit_test(d_2b_5_pairs_are_kept_whole),
      cmocka_unit_test(tokens_keep_their_angles),
      cmocka_unit_test(slow_twin),
      cmocka_unit_test(dimension_alone_changes_nothing),
      cmocka_unit_test(lost_tokens),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
