/* Weights of checkpoints, head by head: every architecture's layout against what transformers makes of the same files;
 * whole measurements of them; and the block that a step belongs to. */
#include <dwell/measure.h>
#include <dwell/run.h>

#include "linalg/eigen.h"
#include "mechanism/circuits.h"
#include "model/models.h"
#include "trajectory/source.h"

static dwell_source *open_random(dwell_model *model, uint64_t seed) {
  dwell_model_options options = dwell_model_options_default();
  const int64_t ids[] = {1, 2, 3};
  dwell_source *source;
  dwell_error err;
  options.random_weights = true, options.random_seed = seed;
  assert_ok(dwell_model_open_ids(model, ids, 3, &options, &source, &err), &err);
  return source;
}

/* ---- layouts ---- */

static void block_equals(const dwell_weights *w, const json_t *want, const char *what) {
  const json_t *heads = json_object_get(want, "heads");
  value got[CIRCUIT_KEYS], sums[CIRCUIT_KEYS + 1], wv;
  double numbers[CIRCUIT_KEYS], *sum = malloc(w->d * w->d * sizeof *sum);
  const mechanism_block b = {.weights = w, .sum = sum};
  dwell_error err;
  assert_int_equal(json_array_size(heads), w->heads);
  for (size_t h = 0; h < w->heads; h++) {
    const json_t *one = json_array_get(heads, h);
    assert_ok(circuit_of_head(w, CIRCUIT_OV, h, got, &err), &err);
    read_numbers(json_object_get(one, "ov"), numbers);
    numbers_equal(got, numbers, testing_format("%s, OV of head %zu", what, h));
    assert_ok(circuit_of_head(w, CIRCUIT_QK, h, got, &err), &err);
    read_numbers(json_object_get(one, "qk"), numbers);
    numbers_equal(got, numbers, testing_format("%s, QK of head %zu", what, h));
  }
  assert_ok(mechanism_sum(w, sum, &err), &err);
  assert_ok(instrument_ov_sum.block_weights(&b, sums, &err), &err);
  read_numbers(json_object_get(want, "sum"), numbers);
  numbers_equal(sums, numbers, testing_format("%s, sum", what));
  assert_near(sums[CIRCUIT_KEYS].number, json_number_value(json_object_get(want, "bias")), 1e-12, 1e-14);
  assert_ok(instrument_peer_wv.block_weights(&b, &wv, &err), &err);
  const json_t *radius = json_object_get(want, "wv_radius");
  assert_true(json_is_null(radius) == (wv.undefined != NULL));
  if (wv.undefined == NULL) assert_near(wv.number, json_number_value(radius), 1e-10, 0);
  free(sum);
}

static void layouts_as_transformers(void **state) {
  (void)state;
  json_t *all = open_circuits(), *models = json_object_get(all, "models");
  const int64_t ids[] = {1, 2, 3};
  assert_int_equal(json_object_size(models), TINY_MODELS);
  for (size_t i = 0; i < TINY_MODELS; i++) {
    const json_t *blocks = json_object_get(models, TINY[i].name);
    dwell_model *model = open_tiny(TINY[i].name);
    dwell_source *source = open_ids(model, ids, 3, DWELL_F32, 0);
    assert_true(source_has_weights(source) && dwell_source_trajectory(source)->has_weights);
    for (size_t b = 0; b < json_array_size(blocks); b++) {
      dwell_weights w;
      dwell_error err;
      assert_ok(source_weights(source, NULL, b, &w, &err), &err);
      block_equals(&w, json_array_get(blocks, b), testing_format("%s, block %zu", TINY[i].name, b));
      assert_int_equal(w.shared, strncmp(TINY[i].name, "albert", 6) == 0);
      dwell_weights_free(&w);
    }
    dwell_source_destroy(source);
    dwell_model_destroy(model);
  }
  json_decref(all);
}

/* A random twin's circuits are those of its own random weights. */
static void random_twin_has_its_own(void **state) {
  (void)state;
  dwell_model *model = open_tiny("gpt2-tiny");
  dwell_source *a = open_random(model, 1), *b = open_random(model, 2);
  dwell_weights x, y, again;
  dwell_error err;
  assert_ok(source_weights(a, NULL, 1, &x, &err), &err);
  assert_ok(source_weights(a, NULL, 1, &again, &err), &err);
  assert_ok(source_weights(b, NULL, 1, &y, &err), &err);
  size_t bytes = x.heads * x.head_size * x.d * sizeof(double);
  assert_memory_equal(x.value, again.value, bytes);
  assert_memory_not_equal(x.value, y.value, bytes);
  for (size_t i = 0; i < x.d; i++) assert_true(x.opt_gain[i] == 1 && x.opt_bias[i] == 0);
  dwell_weights_free(&x), dwell_weights_free(&y), dwell_weights_free(&again);
  dwell_source_destroy(a), dwell_source_destroy(b);
  dwell_model_destroy(model);
}

/* Of an intervention the changed weights are measured: twice the map, or none, or another of the same size. */
static void interventions_are_seen(void **state) {
  (void)state;
  static const dwell_head_place drop[] = {{1, 0}};
  dwell_model *model = open_tiny("gpt_neox-tiny");
  const int64_t ids[] = {1, 2, 3};
  value plain[2][CIRCUIT_KEYS], v[CIRCUIT_KEYS];
  dwell_error err;
  for (int which = 0; which < 4; which++) {
    dwell_model_options options = dwell_model_options_default();
    dwell_source *source;
    dwell_weights w;
    if (which == 1) options.intervention.scale_wo = 2;
    if (which == 2) options.intervention.scale_wq = 3;
    if (which == 3) options.intervention.drop = drop, options.intervention.drop_count = 1;
    assert_ok(dwell_model_open_ids(model, ids, 3, &options, &source, &err), &err);
    assert_ok(source_weights(source, NULL, 1, &w, &err), &err);
    for (circuit_kind kind = CIRCUIT_OV; kind <= CIRCUIT_QK; kind++) {
      assert_ok(circuit_of_head(&w, kind, 0, v, &err), &err);
      if (which == 0) memcpy(plain[kind], v, sizeof v);
      bool dropped = kind == CIRCUIT_OV && which == 3;
      double by = kind == CIRCUIT_OV ? (which == 1 ? 2 : dropped ? 0 : 1) : which == 2 ? 3 : 1;
      assert_near(v[CIRCUIT_NORM].number, by * plain[kind][CIRCUIT_NORM].number, 1e-10, 0);
      assert_true((v[CIRCUIT_ATTRACT].undefined != NULL) == dropped);
      if (!dropped) assert_near(v[CIRCUIT_ATTRACT].number, plain[kind][CIRCUIT_ATTRACT].number, 1e-10, 0);
    }
    dwell_weights_free(&w);
    dwell_source_destroy(source);
  }
  dwell_model_destroy(model);
}

/* ---- whole measurements ---- */

enum { TOKENS = 12 };

static dwell_source *open_text_of(dwell_model *model) {
  int64_t ids[TOKENS];
  for (size_t i = 0; i < TOKENS; i++) ids[i] = (int64_t)(3 + 5 * i) % (int64_t)dwell_model_get_info(model)->vocabulary;
  return open_ids(model, ids, TOKENS, DWELL_F64, 0);
}

static dwell_run *measure(dwell_source *source, const char *instruments, int threads, size_t draws) {
  dwell_measure_options options = dwell_measure_options_default();
  dwell_context ctx = {.threads = threads, .seed = 5};
  dwell_run *run;
  dwell_error err;
  options.instruments = instruments, options.drop_special = false, options.null_draws = draws;
  assert_ok(dwell_measure(&ctx, source, &options, &run, &err), &err);
  return run;
}

static double cell(const dwell_run *run, const char *table, size_t row, const char *column) {
  double x;
  for (size_t c = 0; c < dwell_run_columns(run, table); c++) {
    if (strcmp(dwell_run_column_name(run, table, c), column) != 0) continue;
    return dwell_run_number(run, table, row, column, &x) ? x : NAN;
  }
  fail_msg("%s has no column %s", table, column);
  return NAN;
}

static void heads_csv_has_every_head(void **state) {
  (void)state;
  json_t *all = open_circuits(), *models = json_object_get(all, "models");
  static const char *const names[] = {"gpt2-tiny", "albert-tiny", "llama-tiny"};
  for (size_t i = 0; i < 3; i++) {
    const json_t *blocks = json_object_get(models, names[i]);
    size_t heads = json_array_size(json_object_get(json_array_get(blocks, 0), "heads"));
    dwell_model *model = open_tiny(names[i]);
    dwell_source *source = open_text_of(model);
    dwell_run *run = measure(source, "ov,qk,ov_sum,subspace,peer_wv", 2, 39), *one = measure(source, "ov", 1, 0);
    assert_int_equal(dwell_run_rows(run, "heads"), json_array_size(blocks) * heads);
    for (size_t row = 0; row < dwell_run_rows(run, "heads"); row++) {
      const json_t *want = json_array_get(json_object_get(json_array_get(blocks, row / heads), "heads"), row % heads);
      double radius = json_number_value(json_object_get(json_object_get(want, "ov"), "radius"));
      assert_near(cell(run, "heads", row, "ov_radius"), radius, 1e-9, 0);
      assert_true(cell(run, "heads", row, "ov_radius") == cell(one, "heads", row, "ov_radius"));
      assert_near(cell(run, "heads", row, "ov_bias"), json_number_value(json_object_get(want, "bias")), 1e-12, 1e-15);
      assert_near(cell(run, "heads", row, "qk_norm"),
                  json_number_value(json_object_get(json_object_get(want, "qk"), "norm")), 1e-10, 0);
      double p = cell(run, "heads", row, "ov_attract_p");
      assert_true(p >= 0.01 && p <= 1);
      assert_true(isnan(cell(one, "heads", row, "ov_attract_p")));
    }
    for (size_t b = 0; b < json_array_size(blocks); b++) {
      double fro = json_number_value(json_object_get(json_object_get(json_array_get(blocks, b), "sum"), "fro"));
      assert_near(cell(run, "blocks", b, "ov_sum_fro"), fro, 1e-10, 0);
    }
    dwell_run_destroy(run), dwell_run_destroy(one);
    dwell_source_destroy(source);
    dwell_model_destroy(model);
  }
  json_decref(all);
}

/* What says the same of every text is measured where it is named. */
static void only_where_they_are_named(void **state) {
  (void)state;
  dwell_model *model = open_tiny("bert-tiny");
  dwell_source *source = open_text_of(model);
  dwell_run *run = measure(source, NULL, 1, 0);
  for (size_t c = 0; c < dwell_run_columns(run, "heads"); c++) {
    const char *name = dwell_run_column_name(run, "heads", c);
    assert_true(strncmp(name, "ov_", 3) != 0 && strncmp(name, "qk_", 3) != 0);
  }
  for (size_t c = 0; c < dwell_run_columns(run, "blocks"); c++)
    assert_true(strncmp(dwell_run_column_name(run, "blocks", c), "ov_sum", 6) != 0);
  dwell_run_destroy(run);
  dwell_source_destroy(source);
  dwell_model_destroy(model);
}

/* ---- motion in subspaces ---- */

/* The share of the step's tangent motion in the directions of negative eigenvalues, plainly. */
static double plain_share(const dwell_weights *w, size_t n, const double *before, const double *after) {
  size_t d = w->d;
  double *sum = calloc(d * d, sizeof *sum), *mu = malloc(d * sizeof *mu), *move = malloc(d * sizeof *move);
  double inside = 0, all = 0;
  dwell_error err;
  for (size_t h = 0; h < w->heads; h++) {
    double *m = dense_product(w, CIRCUIT_OV, h);
    for (size_t i = 0; i < d; i++) {
      for (size_t j = 0; j < d; j++) sum[i * d + j] += m[i * d + j] / 2, sum[j * d + i] += m[i * d + j] / 2;
    }
    free(m);
  }
  assert_ok(eigen_vectors(d, sum, mu, &err), &err);
  for (size_t t = 0; t < n; t++) {
    const double *x = before + t * d, *y = after + t * d;
    double along = 0, square = 0;
    for (size_t i = 0; i < d; i++) along += x[i] * y[i], square += x[i] * x[i];
    for (size_t i = 0; i < d; i++) move[i] = y[i] - along / square * x[i], all += move[i] * move[i];
    for (size_t k = 0; k < d && mu[k] < -1e-12 * fabs(mu[d - 1]); k++) {
      double part = 0;
      for (size_t i = 0; i < d; i++) part += sum[k * d + i] * move[i];
      inside += part * part;
    }
  }
  free(sum), free(mu), free(move);
  return inside / all;
}

/* State b -> b + 1 is block b: not the next block's weights, whose share is another. */
static void d_2_3_block_and_its_own_step(void **state) {
  (void)state;
  static const char *const names[] = {"gpt2-tiny", "bert-tiny"};
  for (size_t i = 0; i < 2; i++) {
    dwell_model *model = open_tiny(names[i]);
    dwell_source *source = open_text_of(model);
    recording r = record(source, 1, 0);
    dwell_run *run = measure(source, "subspace", 2, 0);
    dwell_weights w[2];
    dwell_error err;
    for (size_t b = 0; b < 2; b++) assert_ok(source_weights(source, NULL, b, &w[b], &err), &err);
    for (size_t b = 0; b < 2; b++) {
      const double *x = r.x + b * r.n * r.d;
      double got = cell(run, "blocks", b, "repel_share");
      assert_near(got, plain_share(&w[b], r.n, x, x + r.n * r.d), 1e-9, 0);
      assert_true(fabs(got - plain_share(&w[1 - b], r.n, x, x + r.n * r.d)) > 1e-3);
    }
    dwell_weights_free(&w[0]), dwell_weights_free(&w[1]);
    dwell_run_destroy(run);
    recording_free(&r);
    dwell_source_destroy(source);
    dwell_model_destroy(model);
  }
}

/* D-2-4: of a map that is not normal the complement of the invariant subspace that attracts is no subspace that repels,
 * and another one for the transposed map. The symmetric part knows neither order: motion along its negative eigenvector
 * is repelled, wholly. M = [[1, 10], [0, -1]]: that vector has the ratio -5 : (1 + sqrt 26). */
static void d_2_4_maps_that_are_not_normal(void **state) {
  (void)state;
  enum { D = 3 };
  double up[D * D] = {1, 10, 0, 0, -1, 0}, down[D * D] = {1, 0, 0, 10, -1, 0};
  double before[D] = {0, 0, 1}, along[D] = {-5, 1 + sqrt(26), 1}, second[D] = {0, 1, 1};
  double share = pow(1 + sqrt(26), 2) / (25 + pow(1 + sqrt(26), 2)); /* of the second axis, the complement */
  made m = make_weights(D, 2, 1, 1, false, 33);
  for (int turned = 0; turned < 2; turned++) {
    mechanism_block b = {.weights = &m.w, .sum = turned ? down : up, .n = 1, .before = before, .after = along};
    value got[12];
    dwell_error err;
    assert_ok(instrument_subspace.block_weights(&b, got, &err), &err);
    assert_near(got[0].number, 1, 1e-12, 0);
    b.after = second;
    assert_ok(instrument_subspace.block_weights(&b, got, &err), &err);
    assert_near(got[0].number, share, 1e-12, 0);
  }
  made_free(&m);
}

/* Half of the motion in half of the directions is chance: mean and deviation are those of directions turned at random,
 * here 4000 of them. A mean of 4000 is good to 1.6 % of the deviation, the deviation itself to 1.2 %. */
static void d_2_2_chance_of_a_subspace(void **state) {
  (void)state;
  enum { D = 9, N = 5, DRAWS = 4000 };
  made m = make_weights(D, 3, 2, 2, false, 30);
  double *before = normals(90, N, D), *after = normals(91, N, D), sum[D * D], shares[DRAWS], mean = 0, square = 0;
  value got[12];
  dwell_error err;
  assert_ok(mechanism_sum(&m.w, sum, &err), &err);
  mechanism_block b = {.weights = &m.w, .sum = sum, .n = N, .before = before, .after = after};
  assert_ok(instrument_subspace.block_weights(&b, got, &err), &err);
  size_t dim = (size_t)got[5].number;
  assert_true(dim >= 2 && dim <= 7);
  assert_near(got[1].number, (double)dim / D, 1e-14, 0);
  for (size_t k = 0; k < DRAWS; k++) { /* the symmetric part of a Gaussian matrix has eigenvectors of no preference */
    double axes[D * D], mu[D], inside = 0, all = 0;
    for (size_t i = 0; i < D; i++) {
      for (size_t j = 0; j <= i; j++) axes[i * D + j] = normal((uint32_t)(5000 + k), i, j) * (i == j ? sqrt(2) : 1);
    }
    assert_ok(eigen_vectors(D, axes, mu, &err), &err);
    for (size_t t = 0; t < N; t++) {
      double move[D], along = 0, length = 0;
      for (size_t i = 0; i < D; i++) along += before[t * D + i] * after[t * D + i], length += pow(before[t * D + i], 2);
      for (size_t i = 0; i < D; i++) move[i] = after[t * D + i] - along / length * before[t * D + i];
      for (size_t i = 0; i < D; i++) all += move[i] * move[i];
      for (size_t q = 0; q < dim; q++) {
        double part = 0;
        for (size_t i = 0; i < D; i++) part += axes[q * D + i] * move[i];
        inside += part * part;
      }
    }
    shares[k] = inside / all, mean += shares[k] / DRAWS;
  }
  for (size_t k = 0; k < DRAWS; k++) square += pow(shares[k] - mean, 2) / DRAWS;
  assert_true(fabs(mean - got[1].number) < 0.08 * got[2].number);
  assert_true(fabs(sqrt(square) / got[2].number - 1) < 0.06);
  assert_near(got[3].number, (got[0].number - got[1].number) / got[2].number, 1e-12, 0);
  free(before), free(after);
  made_free(&m);
}

/* Tokens that stand still, and a block without a text. */
static void no_motion_no_share(void **state) {
  (void)state;
  enum { D = 6, N = 3 };
  made m = make_weights(D, 2, 2, 2, false, 31);
  double *x = normals(92, N, D), sum[D * D];
  value got[12];
  dwell_error err;
  assert_ok(mechanism_sum(&m.w, sum, &err), &err);
  mechanism_block b = {.weights = &m.w, .sum = sum, .n = N, .before = x, .after = x};
  assert_ok(instrument_subspace.block_weights(&b, got, &err), &err);
  assert_string_equal(got[0].undefined, "no_motion");
  b.before = NULL;
  assert_ok(instrument_subspace.block_weights(&b, got, &err), &err);
  assert_string_equal(got[0].undefined, "no_text");
  free(x);
  made_free(&m);
}

/* ---- the sign test ---- */

/* M x of a d x d matrix, or of its transpose. */
static void add_product(size_t d, const double *m, bool turned, double factor, const double *x, double *to) {
  for (size_t i = 0; i < d; i++) {
    for (size_t j = 0; j < d; j++) to[i] += factor * (turned ? m[j * d + i] : m[i * d + j]) * x[j];
  }
}

/* One token's cosine, by the whole matrices of its head and token after token. */
static double plain_cosine(const recording *r, const dwell_weights *w, size_t b, size_t h, size_t i) {
  size_t n = r->n, d = r->d;
  double *form = dense_product(w, CIRCUIT_QK, h), *map = dense_product(w, CIRCUIT_OV, h);
  double *a = calloc(d, sizeof *a), *v = calloc(d, sizeof *v), *u = malloc(d * sizeof *u),
         *own = malloc(d * sizeof *own);
  for (size_t j = 0; j <= n; j++) { /* the token itself last */
    size_t t = j < n ? j : i;
    double norm = 0, weight = j < n ? r->attention[((b * r->heads + h) * n + i) * n + t] : 0;
    for (size_t k = 0; k < d; k++) norm += pow(r->x[(b * n + t) * d + k], 2);
    for (size_t k = 0; k < d; k++) u[k] = r->x[(b * n + t) * d + k] / sqrt(norm);
    if (j == n) memcpy(own, u, d * sizeof *own);
    add_product(d, form, false, weight / 2, u, a);
    add_product(d, form, true, weight / 2, u, a);
    add_product(d, map, false, weight, u, v);
  }
  double ua = 0, uv = 0, aa = 0, vv = 0, av = 0;
  for (size_t k = 0; k < d; k++) ua += own[k] * a[k], uv += own[k] * v[k];
  for (size_t k = 0; k < d; k++) {
    a[k] -= ua * own[k], v[k] -= uv * own[k];
    aa += a[k] * a[k], vv += v[k] * v[k], av += a[k] * v[k];
  }
  free(form), free(map), free(a), free(v), free(u), free(own);
  return av / sqrt(aa * vv);
}

static void signs_as_by_whole_matrices(void **state) {
  (void)state;
  static const char *const names[] = {"bert-tiny", "gpt2-tiny"};
  for (size_t which = 0; which < 2; which++) {
    dwell_model *model = open_tiny(names[which]);
    dwell_source *source = open_text_of(model);
    recording r = record(source, 1, WITH_HEADS);
    dwell_run *run = measure(source, "sign", 2, 0);
    for (size_t b = 0; b < r.blocks; b++) {
      dwell_weights w;
      dwell_error err;
      assert_ok(source_weights(source, NULL, b, &w, &err), &err);
      for (size_t h = 0; h < r.heads; h++) {
        double positive = 0, sum = 0;
        for (size_t i = 0; i < r.n; i++) {
          double c = plain_cosine(&r, &w, b, h, i);
          positive += c > 0, sum += c;
        }
        assert_near(cell(run, "heads", b * r.heads + h, "sign_share"), positive / (double)r.n, 1e-12, 0);
        assert_near(cell(run, "heads", b * r.heads + h, "sign_cosine"), sum / (double)r.n, 0, 1e-9);
        assert_true(cell(run, "heads", b * r.heads + h, "sign_share_null_mean") == 0.5);
      }
      dwell_weights_free(&w);
    }
    dwell_run_destroy(run);
    recording_free(&r);
    dwell_source_destroy(source);
    dwell_model_destroy(model);
  }
}

/* Values that are the form itself raise its energy at every token; their opposite lowers it. Rotary scores have no one
 * form. */
static void signs_of_the_theory(void **state) {
  (void)state;
  enum { D = 10, R = 4, N = 7 };
  made m = make_weights(D, R, 1, 1, false, 60);
  double attention[N * N], *units = normals(61, N, D);
  size_t kept[N];
  value got[3];
  dwell_error err;
  m.w.centred_out = false;
  memcpy(m.key, m.query, R * D * sizeof(double)), memcpy(m.value, m.query, R * D * sizeof(double));
  for (size_t i = 0; i < N; i++) {
    double square = 0;
    for (size_t k = 0; k < D; k++) square += pow(units[i * D + k], 2);
    for (size_t k = 0; k < D; k++) units[i * D + k] /= sqrt(square);
    kept[i] = i;
    for (size_t j = 0; j < N; j++) attention[i * N + j] = 1.0 / N;
  }
  instrument_head h = {.n = N, .dtype = DWELL_F64, .attention = attention, .kept = kept, .kept_count = N};
  h.weights = &m.w, h.units = units;
  for (int sign = 1; sign >= -1; sign -= 2) {
    for (size_t k = 0; k < R * D; k++) m.output[k] = sign * m.query[k];
    assert_ok(instrument_sign.head(&h, got, &err), &err);
    assert_true(got[0].number == (sign > 0 ? 1 : 0));
    assert_near(got[2].number, sign, 1e-12, 0);
  }
  m.w.rotary = true;
  assert_ok(instrument_sign.head(&h, got, &err), &err);
  assert_string_equal(got[0].undefined, "rotary");
  free(units);
  made_free(&m);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(layouts_as_transformers),
      cmocka_unit_test(random_twin_has_its_own),
      cmocka_unit_test(interventions_are_seen),
      cmocka_unit_test(heads_csv_has_every_head),
      cmocka_unit_test(only_where_they_are_named),
      cmocka_unit_test(d_2_3_block_and_its_own_step),
      cmocka_unit_test(d_2_4_maps_that_are_not_normal),
      cmocka_unit_test(d_2_2_chance_of_a_subspace),
      cmocka_unit_test(no_motion_no_share),
      cmocka_unit_test(signs_as_by_whole_matrices),
      cmocka_unit_test(signs_of_the_theory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
