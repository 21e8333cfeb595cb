/* Softmax over a vocabulary in tiles, against the formula written down plainly over all scores at once. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "mechanism/output.h"
#include "util/testing.h"

typedef struct layer {
  size_t vocabulary, width;
  double *rows;
} layer;

static dwell_status layer_rows(void *self, size_t first, size_t count, double *ret_rows, dwell_error *err) {
  const layer *l = self;
  (void)err;
  assert_true(first + count <= l->vocabulary);
  memcpy(ret_rows, l->rows + first * l->width, count * l->width * sizeof(double));
  return DWELL_OK;
}

static double *normals(size_t count, uint32_t which, double scale) {
  const random_stream s = {.seed = 3, .purpose = RANDOM_TEST, .replica = which};
  double *x = malloc(count * sizeof *x);
  for (size_t i = 0; i < count; i++) x[i] = scale * random_normal(&s, 0, (uint32_t)i);
  return x;
}

static layer make_layer(size_t vocabulary, size_t width) {
  return (layer){vocabulary, width, normals(vocabulary * width, 1, 1)};
}

static source_output output_of(layer *l) {
  return (source_output){.self = l, .vocabulary = l->vocabulary, .width = l->width, .rows = layer_rows};
}

/* All scores of a row, and ln of the sum of their exponentials. */
static double scores_of(const layer *l, const double *y, double *ret_scores) {
  double largest = -INFINITY;
  long double sum = 0;
  for (size_t v = 0; v < l->vocabulary; v++) {
    ret_scores[v] = 0;
    for (size_t k = 0; k < l->width; k++) ret_scores[v] += y[k] * l->rows[v * l->width + k];
    largest = fmax(largest, ret_scores[v]);
  }
  for (size_t v = 0; v < l->vocabulary; v++) sum += expl((long double)(ret_scores[v] - largest));
  return largest + (double)logl(sum);
}

/* Vocabularies below, at and above a tile; more states than a batch; scores of size 1 and 100. */
static const struct shape {
  size_t n, width, vocabulary;
  double scale;
} SHAPES[] = {{5, 3, 1, 1},     {5, 3, 17, 1},   {7, 8, 512, 1},   {300, 5, 513, 1},
              {256, 4, 100, 1}, {257, 4, 40, 1}, {9, 16, 2000, 30}};
enum { SHAPES_COUNT = sizeof SHAPES / sizeof SHAPES[0] };

/* Scores up to about 500 have rounding 1e-13; so have their differences. */
static void check_losses(const struct shape *s) {
  layer l = make_layer(s->vocabulary, s->width);
  source_output o = output_of(&l);
  dwell_context ctx = {.threads = 2};
  double *y = normals(s->n * s->width, 2, s->scale), *z = normals(s->n * s->width, 4, s->scale);
  double *nll = calloc(s->n, sizeof *nll), *kl = calloc(s->n, sizeof *kl), *once = calloc(s->n, sizeof *once);
  double *a = malloc(s->vocabulary * sizeof *a), *b = malloc(s->vocabulary * sizeof *b);
  int64_t *next = malloc(s->n * sizeof *next);
  for (size_t i = 0; i < s->n; i++) next[i] = i % 5 == 4 ? -1 : (int64_t)(i * 7919 % s->vocabulary);
  assert_ok(output_nll(&ctx, &o, s->n, y, next, nll, NULL), NULL);
  assert_ok(output_kl(&ctx, &o, s->n, y, z, kl, NULL), NULL);
  for (size_t i = 0; i < s->n; i++) {
    double log_a = scores_of(&l, y + i * s->width, a), log_b = scores_of(&l, z + i * s->width, b), sum = 0;
    for (size_t v = 0; v < s->vocabulary; v++) sum += exp(a[v] - log_a) * (a[v] - log_a - b[v] + log_b);
    if (next[i] < 0) assert_true(isnan(nll[i]));
    else assert_near(nll[i], log_a - a[next[i]], 1e-13, 2e-12);
    assert_near(kl[i], sum, 1e-12, 2e-12);
  }
  ctx.threads = 1;
  assert_ok(output_kl(&ctx, &o, s->n, y, z, once, NULL), NULL);
  assert_memory_equal(kl, once, s->n * sizeof *kl);
  assert_ok(output_kl(&ctx, &o, s->n, y, y, once, NULL), NULL);
  for (size_t i = 0; i < s->n; i++) assert_near(once[i], 0, 0, 1e-12);
  free(l.rows), free(y), free(z), free(nll), free(kl), free(once), free(a), free(b), free(next);
}

static void test_losses(void **state) {
  (void)state;
  for (size_t k = 0; k < SHAPES_COUNT; k++) check_losses(&SHAPES[k]);
}

static void check_top(const struct shape *s, size_t k) {
  layer l = make_layer(s->vocabulary, s->width);
  source_output o = output_of(&l);
  dwell_context ctx = {.threads = 2};
  double *y = normals(s->n * s->width, 2, s->scale), *p = malloc(s->n * k * sizeof *p);
  double *a = malloc(s->vocabulary * sizeof *a);
  size_t *tokens = malloc(s->n * k * sizeof *tokens);
  if (s->vocabulary > 20) memcpy(l.rows + 19 * s->width, l.rows + 11 * s->width, s->width * sizeof(double)); /* a tie */
  assert_ok(output_top(&ctx, &o, s->n, y, k, tokens, p, NULL), NULL);
  for (size_t i = 0; i < s->n; i++) {
    double log_a = scores_of(&l, y + i * s->width, a);
    for (size_t r = 0; r < k; r++) {
      size_t best = SIZE_MAX;
      for (size_t v = 0; v < s->vocabulary; v++) {
        if (best == SIZE_MAX || a[v] > a[best] + 1e-12) best = v;
      }
      if (r >= s->vocabulary) {
        assert_true(tokens[i * k + r] == SIZE_MAX && p[i * k + r] == 0);
        continue;
      }
      assert_int_equal(tokens[i * k + r], best);
      assert_near(p[i * k + r], exp(a[best] - log_a), 1e-11, 1e-300);
      a[best] = -INFINITY;
    }
  }
  free(l.rows), free(y), free(p), free(a), free(tokens);
}

static void test_top(void **state) {
  (void)state;
  for (size_t k = 0; k < SHAPES_COUNT; k++) check_top(&SHAPES[k], 5);
  check_top(&SHAPES[3], OUTPUT_MOST_TOP);
}

static void test_edges(void **state) {
  (void)state;
  layer l = make_layer(7, 2);
  source_output o = output_of(&l);
  dwell_error err = {0};
  double y[2] = {0, 0}, got = 0;
  assert_ok(output_nll(NULL, &o, 0, y, NULL, NULL, &err), &err);
  assert_ok(output_nll(NULL, &o, 1, y, &(int64_t){6}, &got, &err), &err);
  assert_near(got, log(7), 1e-15, 0); /* all scores equal */
  assert_fails(output_nll(NULL, &o, 1, y, &(int64_t){7}, &got, &err), DWELL_BAD_INPUT, &err, "id 7, but there are 7");
  free(l.rows);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_losses), cmocka_unit_test(test_top),
                                     cmocka_unit_test(test_edges)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
