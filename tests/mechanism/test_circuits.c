/* Circuits of heads: products of their rank against dense ones (numpy's, and a slow twin here), what they must not
 * depend on, and random heads. Tests named d_... keep out a defect of the study that is described in
 * docs/instruments.md 7. */
#include "linalg/eigen.h"
#include "mechanism/circuits.h"

static double *numbers(const json_t *list, size_t count) {
  double *x = malloc(count * sizeof *x);
  assert_int_equal(json_array_size(list), count);
  for (size_t i = 0; i < count; i++) x[i] = json_number_value(json_array_get(list, i));
  return x;
}

/* ---- against numpy ---- */

static void products_as_numpy(void **state) {
  (void)state;
  json_t *all = open_circuits(), *one;
  size_t i;
  value got[CIRCUIT_KEYS];
  double want[CIRCUIT_KEYS];
  dwell_error err;
  json_array_foreach(json_object_get(all, "factors"), i, one) {
    size_t d = (size_t)json_integer_value(json_object_get(one, "d"));
    size_t r = (size_t)json_integer_value(json_object_get(one, "r"));
    const char *name = json_string_value(json_object_get(one, "name"));
    double *a = numbers(json_object_get(one, "a"), r * d), *b = numbers(json_object_get(one, "b"), r * d);
    assert_ok(circuit_measure(CIRCUIT_OV, r, d, a, b, got, &err), &err);
    read_numbers(json_object_get(one, "ov"), want);
    numbers_equal(got, want, name);
    assert_ok(circuit_measure(CIRCUIT_QK, r, d, a, b, got, &err), &err);
    read_numbers(json_object_get(one, "qk"), want);
    numbers_equal(got, want, name);
    free(a), free(b);
  }
  assert_int_equal(i, 12);
  json_decref(all);
}

/* ---- against the dense twin ---- */

static void twin_equals(const dwell_weights *w, size_t head, const char *what) {
  value got[CIRCUIT_KEYS], dense[CIRCUIT_KEYS];
  double want[CIRCUIT_KEYS], *m = dense_product(w, CIRCUIT_OV, head);
  dwell_error err;
  assert_ok(circuit_of_head(w, CIRCUIT_OV, head, got, &err), &err);
  assert_ok(circuit_measure_dense(w->d, m, dense, &err), &err);
  for (circuit_key k = 0; k < CIRCUIT_KEYS; k++) want[k] = dense[k].undefined == NULL ? dense[k].number : NAN;
  /* the d - r other eigenvalues are 0 */
  if (w->head_size < w->d) {
    if (!(want[CIRCUIT_MAX_RE] > 1e-8)) want[CIRCUIT_MAX_RE] = got[CIRCUIT_MAX_RE].number;
    if (!(want[CIRCUIT_MIN_RE] < -1e-8)) want[CIRCUIT_MIN_RE] = got[CIRCUIT_MIN_RE].number;
  }
  numbers_equal(got, want, what);
  free(m);
}

static void low_rank_as_dense(void **state) {
  (void)state;
  static const size_t shapes[][4] = {{40, 5, 4, 4}, {33, 8, 4, 2}, {12, 12, 1, 1}, {9, 7, 2, 1}, {64, 1, 3, 3}};
  for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
    const size_t *s = shapes[i];
    for (int before = 0; before < 2; before++) {
      made m = make_weights(s[0], s[1], s[2], s[3], before, (uint32_t)(100 * i));
      for (size_t h = 0; h < s[2]; h++) twin_equals(&m.w, h, testing_format("shape %zu, head %zu", i, h));
      made_free(&m);
    }
  }
}

/* Heads of one group read the same values and keys. */
static void groups_share(void **state) {
  (void)state;
  made m = make_weights(20, 4, 6, 2, true, 3);
  double a[80], b[80], c[80];
  circuit_factors(&m.w, CIRCUIT_OV, 0, a, b);
  circuit_factors(&m.w, CIRCUIT_OV, 2, a, c);
  assert_memory_equal(b, c, sizeof b);
  circuit_factors(&m.w, CIRCUIT_OV, 3, a, c);
  assert_memory_not_equal(b, c, sizeof b);
  made_free(&m);
}

/* ---- what nothing may depend on ---- */

/* rows := R rows, R [r, r]. */
static void change_basis(size_t r, size_t d, const double *basis, double *rows) {
  double *old = malloc(r * d * sizeof *old);
  memcpy(old, rows, r * d * sizeof *old);
  for (size_t i = 0; i < r; i++) {
    for (size_t j = 0; j < d; j++) {
      rows[i * d + j] = 0;
      for (size_t k = 0; k < r; k++) rows[i * d + j] += basis[i * r + k] * old[k * d + j];
    }
  }
  free(old);
}

/* R = I + a u v^T and the transpose of its inverse, I - a v u^T / (1 + a u.v). */
static void some_basis(size_t r, double *ret_basis, double *ret_dual) {
  double product = 0, u[16], v[16], a = 0.7;
  for (size_t i = 0; i < r; i++) u[i] = normal(50, 0, i), v[i] = normal(50, 1, i), product += u[i] * v[i];
  for (size_t i = 0; i < r; i++) {
    for (size_t j = 0; j < r; j++) {
      ret_basis[i * r + j] = (i == j) + a * u[i] * v[j];
      ret_dual[i * r + j] = (i == j) - a * v[i] * u[j] / (1 + a * product);
    }
  }
}

/* W_V -> R W_V, W_O -> W_O R^-1 leaves the network as it was, and what is said of it; of W_V alone it changes all. */
static void d_1_10_basis_of_values(void **state) {
  (void)state;
  enum { D = 24, R = 8, H = 3 };
  double basis[R * R], dual[R * R];
  made m = make_weights(D, R, H, H, true, 8);
  value before[H][CIRCUIT_KEYS], after[CIRCUIT_KEYS], wv[2];
  mechanism_block b = {.weights = &m.w};
  dwell_error err;
  assert_ok(instrument_peer_wv.block_weights(&b, &wv[0], &err), &err);
  for (size_t h = 0; h < H; h++) assert_ok(circuit_of_head(&m.w, CIRCUIT_OV, h, before[h], &err), &err);
  some_basis(R, basis, dual);
  for (size_t h = 0; h < H; h++) {
    change_basis(R, D, basis, m.value + h * R * D);
    change_basis(R, D, dual, m.output + h * R * D); /* rows of `output` are columns of W_O */
  }
  for (size_t h = 0; h < H; h++) {
    double want[CIRCUIT_KEYS];
    assert_ok(circuit_of_head(&m.w, CIRCUIT_OV, h, after, &err), &err);
    for (circuit_key k = 0; k < CIRCUIT_KEYS; k++) want[k] = before[h][k].number;
    numbers_equal(after, want, "another basis");
  }
  assert_ok(instrument_peer_wv.block_weights(&b, &wv[1], &err), &err);
  assert_true(fabs(wv[1].number / wv[0].number - 1) > 0.1);
  made_free(&m);
}

/* The norm of the scores' form is that of the d x d matrix over sqrt(head_size), not of a product of r x r. */
static void d_2_6_norm_of_scores(void **state) {
  (void)state;
  made m = make_weights(30, 5, 2, 2, false, 21);
  value got[CIRCUIT_KEYS], dense[CIRCUIT_KEYS];
  dwell_error err;
  double *form = dense_product(&m.w, CIRCUIT_QK, 1);
  assert_ok(circuit_of_head(&m.w, CIRCUIT_QK, 1, got, &err), &err);
  assert_ok(circuit_measure_dense(30, form, dense, &err), &err);
  assert_true(fabs(got[CIRCUIT_NORM].number / dense[CIRCUIT_NORM].number - 1) < 1e-10);
  double entry = 0; /* of W_Q^T W_K / sqrt(5), from the definition: there is no norm before, so nothing is folded */
  for (size_t k = 0; k < 5; k++) entry += m.query[(5 + k) * 30 + 3] * m.key[(5 + k) * 30 + 7];
  assert_true(fabs(form[3 * 30 + 7] - entry / sqrt(5)) < 1e-12);
  free(form);
  made_free(&m);
}

/* A head of rank 4 in 96 dimensions that only attracts: none of the 92 eigenvalues that are rounding counts. */
static void d_2_7_rounding_has_no_sign(void **state) {
  (void)state;
  made m = make_weights(96, 4, 1, 1, false, 5);
  value got[CIRCUIT_KEYS];
  dwell_error err;
  for (size_t k = 0; k < 4; k++) circuit_centre(96, m.value + k * 96);
  memcpy(m.output, m.value, 4 * 96 * sizeof(double));
  assert_ok(circuit_of_head(&m.w, CIRCUIT_OV, 0, got, &err), &err);
  assert_true(got[CIRCUIT_ATTRACT].number == 1 || 1 - got[CIRCUIT_ATTRACT].number < 1e-20);
  assert_true(got[CIRCUIT_MIN_RE].number > 1);
  assert_true(fabs(got[CIRCUIT_SYM_SHARE].number - 1) < 1e-12);
  made_free(&m);
}

/* A small eigenvalue weighs by its square, not as much as the leading one. */
static void d_2_5_signs_weigh(void **state) {
  (void)state;
  enum { D = 10 };
  double a[2 * D] = {0}, b[2 * D] = {0};
  value got[CIRCUIT_KEYS];
  dwell_error err;
  a[0] = b[0] = 1, a[D + 1] = 1e-3, b[D + 1] = -1e-3;
  assert_ok(circuit_measure(CIRCUIT_OV, 2, D, a, b, got, &err), &err);
  assert_true(fabs(got[CIRCUIT_ATTRACT].number - 1 / (1 + 1e-12)) < 1e-14);
}

/* A turn by any angle is normal: both eigenvalues of a pair count. */
static void d_2b_4_pairs_count_twice(void **state) {
  (void)state;
  const double turn[4] = {cos(1.1), -sin(1.1), sin(1.1), cos(1.1)};
  value got[CIRCUIT_KEYS];
  dwell_error err;
  assert_ok(circuit_measure_dense(2, turn, got, &err), &err);
  assert_true(got[CIRCUIT_HENRICI].number < 1e-7);
}

/* ---- random heads ---- */

/* Explicit Gaussian factors, for comparison with those drawn in coordinates. */
static void explicit_draws(size_t r, size_t d, size_t draws, double *ret_values) {
  dwell_error err;
  for (size_t k = 0; k < draws; k++) {
    double *a = normals((uint32_t)(1000 + 2 * k), r, d), *b = normals((uint32_t)(1001 + 2 * k), r, d);
    value v[CIRCUIT_KEYS];
    for (size_t i = 0; i < r; i++) circuit_centre(d, a + i * d);
    assert_ok(circuit_measure(CIRCUIT_OV, r, d, a, b, v, &err), &err);
    for (circuit_key q = 0; q < CIRCUIT_KEYS; q++) ret_values[k * CIRCUIT_KEYS + q] = v[q].number;
    for (circuit_key q = 0; q <= CIRCUIT_FRO; q++) ret_values[k * CIRCUIT_KEYS + q] /= v[CIRCUIT_FRO].number;
    free(a), free(b);
  }
}

static void moments(const double *values, size_t draws, circuit_key key, double *ret_mean, double *ret_sd) {
  double sum = 0, squares = 0;
  for (size_t k = 0; k < draws; k++) sum += values[k * CIRCUIT_KEYS + key];
  sum /= (double)draws;
  for (size_t k = 0; k < draws; k++) squares += pow(values[k * CIRCUIT_KEYS + key] - sum, 2);
  *ret_mean = sum, *ret_sd = sqrt(squares / (double)draws);
}

/* Means within 4.5 standard errors: of 4 shapes and 7 numbers one in 5000 runs would be outside, but draws are fixed.
 */
static void draws_as_explicit_ones(void **state) {
  (void)state;
  static const size_t shapes[][2] = {{16, 64}, {6, 9}, {1, 5}, {5, 5}};
  enum { DRAWS = 400 };
  double *plain = malloc(DRAWS * CIRCUIT_KEYS * sizeof *plain);
  dwell_context ctx = {.threads = 2};
  dwell_error err;
  for (size_t i = 0; i < 4; i++) {
    circuit_shape shape = {.r = shapes[i][0], .d = shapes[i][1], .centred_a = true};
    circuit_null null;
    assert_ok(circuit_null_make(&ctx, &shape, 7, DRAWS, &null, &err), &err);
    explicit_draws(shape.r, shape.d, DRAWS, plain);
    for (circuit_key k = 0; k < CIRCUIT_KEYS; k++) {
      double mean[2], sd[2];
      if (k == CIRCUIT_FRO) continue;
      moments(plain, DRAWS, k, &mean[0], &sd[0]);
      moments(null.values, DRAWS, k, &mean[1], &sd[1]);
      double error = sqrt((sd[0] * sd[0] + sd[1] * sd[1]) / DRAWS);
      if (fabs(mean[0] - mean[1]) > 4.5 * error + 1e-12)
        fail_msg("shape %zu: %s is %g drawn at once, %g by factors (+- %g)", i, KEY_NAMES[k], mean[1], mean[0], error);
      assert_true(sd[1] < 1.25 * sd[0] + 1e-9 && sd[0] < 1.25 * sd[1] + 1e-9); /* 4.5 errors of an sd of 400: 0.16 */
    }
    circuit_null_free(&null);
  }
  free(plain);
}

/* The table of the specification: sd of attract, sym_share, henrici of random heads. 99 draws know an sd to 7 %. */
static void table_of_random_heads(void **state) {
  (void)state;
  static const struct {
    size_t d, r;
    double attract_sd;
  } rows[] = {{64, 16, 0.034}, {256, 32, 0.014}, {768, 64, 0.005}};
  dwell_context ctx = {.threads = 2};
  dwell_error err;
  for (size_t i = 0; i < 3; i++) {
    circuit_shape shape = {.r = rows[i].r, .d = rows[i].d};
    circuit_null null;
    double mean, sd;
    assert_ok(circuit_null_make(&ctx, &shape, 1, CIRCUIT_DRAWS, &null, &err), &err);
    moments(null.values, CIRCUIT_DRAWS, CIRCUIT_ATTRACT, &mean, &sd);
    assert_true(fabs(mean - 0.5) < 0.5 * rows[i].attract_sd);
    assert_true(sd > 0.75 * rows[i].attract_sd && sd < 1.35 * rows[i].attract_sd); /* .005 has one digit */
    moments(null.values, CIRCUIT_DRAWS, CIRCUIT_SYM_SHARE, &mean, &sd);
    assert_true(fabs(mean - 0.5) < 0.01); /* 0.50: 1/2 + 1/2d, and 99 draws know it to 0.002 */
    moments(null.values, CIRCUIT_DRAWS, CIRCUIT_HENRICI, &mean, &sd);
    assert_true(mean > 0.935 && mean < 0.985);
    circuit_null_free(&null);
  }
}

static void draws_do_not_depend_on_threads(void **state) {
  (void)state;
  circuit_shape shape = {.r = 5, .d = 30, .centred_b = true};
  dwell_context one = {.threads = 1}, four = {.threads = 4};
  circuit_null a, b, c;
  dwell_error err;
  assert_ok(circuit_null_make(&one, &shape, 3, 20, &a, &err), &err);
  assert_ok(circuit_null_make(&four, &shape, 3, 20, &b, &err), &err);
  assert_ok(circuit_null_make(&four, &shape, 4, 20, &c, &err), &err);
  assert_memory_equal(a.values, b.values, 20 * CIRCUIT_KEYS * sizeof(double));
  assert_memory_not_equal(a.values, c.values, 20 * CIRCUIT_KEYS * sizeof(double));
  circuit_null_free(&a), circuit_null_free(&b), circuit_null_free(&c);
}

/* Half positive and half symmetric is what random heads have: a random head is not significant, one that attracts is.
 */
static void d_2b_3_compared_with_random(void **state) {
  (void)state;
  made m = make_weights(64, 8, 1, 1, true, 60);
  dwell_context ctx = {.threads = 2};
  circuit_shape shape = circuit_shape_of(&m.w, CIRCUIT_OV);
  circuit_null null, none;
  value v[CIRCUIT_KEYS], compared[3];
  dwell_error err;
  for (size_t i = 0; i < 64; i++) m.gain[i] = 1;
  assert_true(shape.centred_a && shape.centred_b && shape.r == 8 && shape.d == 64);
  assert_ok(circuit_null_make(&ctx, &shape, 1, CIRCUIT_DRAWS, &null, &err), &err);
  assert_ok(circuit_null_make(&ctx, &shape, 1, 0, &none, &err), &err);
  assert_ok(circuit_of_head(&m.w, CIRCUIT_OV, 0, v, &err), &err);
  circuit_null_compare(&null, v, CIRCUIT_ATTRACT, compared);
  assert_true(compared[2].number > 0.05 && compared[2].number < 0.95);
  circuit_null_compare(&null, v, CIRCUIT_NORM, compared);
  assert_true(compared[0].number > 0.5 * v[CIRCUIT_NORM].number && compared[0].number < 2 * v[CIRCUIT_NORM].number);
  circuit_null_compare(&none, v, CIRCUIT_NORM, compared);
  assert_string_equal(compared[0].undefined, "no_draws");
  memcpy(m.output, m.value, 8 * 64 * sizeof(double));
  assert_ok(circuit_of_head(&m.w, CIRCUIT_OV, 0, v, &err), &err);
  circuit_null_compare(&null, v, CIRCUIT_ATTRACT, compared);
  assert_true(fabs(compared[2].number - 0.01) < 1e-12); /* (1 + 0) / 100 */
  circuit_null_free(&null), circuit_null_free(&none);
  made_free(&m);
}

static void nothing_finite_is_said(void **state) {
  (void)state;
  double a[4] = {1, NAN, 0, 1}, b[4] = {1, 0, 0, 1}, zero[4] = {0};
  value v[CIRCUIT_KEYS];
  dwell_error err;
  assert_int_equal(circuit_measure(CIRCUIT_OV, 2, 2, a, b, v, &err), DWELL_FAILED);
  assert_ok(circuit_measure(CIRCUIT_OV, 2, 2, zero, b, v, &err), &err);
  assert_string_equal(v[CIRCUIT_HENRICI].undefined, "zero_map");
  assert_true(v[CIRCUIT_RADIUS].number == 0 && v[CIRCUIT_NORM].number == 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(products_as_numpy),
      cmocka_unit_test(low_rank_as_dense),
      cmocka_unit_test(groups_share),
      cmocka_unit_test(d_1_10_basis_of_values),
      cmocka_unit_test(d_2_5_signs_weigh),
      cmocka_unit_test(d_2_6_norm_of_scores),
      cmocka_unit_test(d_2_7_rounding_has_no_sign),
      cmocka_unit_test(d_2b_4_pairs_count_twice),
      cmocka_unit_test(draws_as_explicit_ones),
      cmocka_unit_test(table_of_random_heads),
      cmocka_unit_test(draws_do_not_depend_on_threads),
      cmocka_unit_test(d_2b_3_compared_with_random),
      cmocka_unit_test(nothing_finite_is_said),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
