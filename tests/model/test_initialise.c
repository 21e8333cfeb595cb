/* model: random weights against transformers' own initialisers (tools/oracle/make_initialisers.py). */
#include "checkpoints.h"
#include "model/initialise.h"

enum { SEEDS = 40 };

/* ---- moments of one tensor ---- */

typedef struct moments {
  double square, mean; /* over all seeds and entries */
  size_t entries;      /* of one seed */
  long zero;           /* the only row that is 0 under every seed, or -1 */
  size_t zeros;        /* how many rows are */
} moments;

static moments measure_slot(const dwell_model *m, bool outer, size_t block, size_t slot) {
  const model_slot *which = outer ? &m->architecture->outer[slot] : &m->architecture->block[slot];
  size_t rows = model_dim_size(&m->shape, which->rows), columns = model_dim_size(&m->shape, which->columns);
  moments r = {.entries = rows * columns, .zero = -1};
  double *x = malloc(r.entries * sizeof *x);
  bool *seen = calloc(rows, sizeof *seen);
  for (uint64_t seed = 0; seed < SEEDS; seed++) {
    initialiser n = {.architecture = m->architecture, .shape = &m->shape, .seed = seed};
    weight_provider p = initialiser_provider(&n);
    dwell_error err = {0};
    assert_ok(p.read(p.self, outer, block, slot, 0, r.entries, DWELL_F64, x, &err), &err);
    for (size_t i = 0; i < r.entries; i++) {
      r.square += x[i] * x[i] / (double)(SEEDS * r.entries), r.mean += x[i] / (double)(SEEDS * r.entries);
      if (x[i] != 0) seen[i / columns] = true;
    }
  }
  for (size_t i = 0; columns > 1 && i < rows; i++) {
    if (!seen[i]) r.zero = (long)i, r.zeros++;
  }
  free(x), free(seen);
  return r;
}

/* All tensors together, which sees what one of them is too small to show. */
typedef struct pool {
  double ratio, entries; /* sum of found^2 / expected^2 weighted by entries; entries of one seed */
} pool;

/* Both sides are samples of SEEDS * entries numbers: root mean squares scatter by 1/sqrt(2 N) of themselves, means by
 * deviation/sqrt(N). Five of each, for two independent samples; where nothing is drawn, equal. */
static void compare(const moments *r, double deviation, double mean, long zero, pool *all, const char *what) {
  double n = (double)(SEEDS * r->entries), found = sqrt(r->square);
  bool drawn = deviation != 0 && fabs(mean) < deviation / 2;
  double allowed = drawn ? 5 * deviation / sqrt(n) : 1e-7 * fabs(deviation); /* the file has eight digits */
  if (fabs(found - deviation) > allowed || fabs(r->mean - mean) > 2 * allowed) {
    fail_msg("%s: %g with mean %g, transformers %g with mean %g", what, found, r->mean, deviation, mean);
  }
  if (drawn) {
    all->ratio += r->square / (deviation * deviation) * (double)r->entries;
    all->entries += (double)r->entries;
  }
  long expected_zeros = zero >= 0 ? 1 : 0;
  if (r->square > 0 && ((long)r->zeros != expected_zeros || (zero >= 0 && r->zero != zero))) {
    fail_msg("%s: row %ld is 0, transformers %ld", what, r->zero, zero);
  }
}

/* ---- every tensor of every model ---- */

/* The slot called `tensor`; false if there is none. */
static bool find_slot(const dwell_model *m, const char *tensor, bool *ret_outer, size_t *ret_block, size_t *ret_slot) {
  const model_architecture *a = m->architecture;
  for (size_t s = 0; s < a->outer_count; s++) {
    *ret_outer = true, *ret_block = 0, *ret_slot = s;
    if (strcmp(a->outer[s].name, tensor) == 0) return model_slot_present(&m->shape, &a->outer[s]);
  }
  for (size_t b = 0; b < (a->shared_block ? 1 : m->shape.blocks); b++) {
    char group[64];
    snprintf(group, sizeof group, a->block_format, b);
    for (size_t s = 0; s < a->block_count; s++) {
      *ret_outer = false, *ret_block = b, *ret_slot = s;
      if (strcmp(testing_format("%s%s", group, a->block[s].name), tensor) == 0)
        return model_slot_present(&m->shape, &a->block[s]);
    }
  }
  return false;
}

static size_t count_slots(const dwell_model *m) {
  const model_architecture *a = m->architecture;
  size_t outer = 0, block = 0;
  for (size_t s = 0; s < a->outer_count; s++) outer += model_slot_present(&m->shape, &a->outer[s]);
  for (size_t s = 0; s < a->block_count; s++) block += model_slot_present(&m->shape, &a->block[s]);
  return outer + block * (a->shared_block ? 1 : m->shape.blocks);
}

static void test_moments(void **state) {
  (void)state;
  size_t tensors[TINY_MODELS] = {0};
  pool all = {0};
  dwell_model *models[TINY_MODELS];
  for (size_t m = 0; m < TINY_MODELS; m++) models[m] = open_tiny(TINY[m].name);
  FILE *file = fopen(testing_source("tests/golden/model/initialisers.txt"), "r");
  assert_non_null(file);
  char name[100], tensor[200];
  double deviation, mean;
  long zero;
  while (fscanf(file, "%99s %199s %lf %lf %ld", name, tensor, &deviation, &mean, &zero) == 5) {
    size_t m = 0, block, slot;
    bool outer;
    while (m < TINY_MODELS && strcmp(TINY[m].name, name) != 0) m++;
    if (m == TINY_MODELS) fail_msg("%s is not in the list of tiny models", name);
    if (!find_slot(models[m], tensor, &outer, &block, &slot)) continue; /* project_out: no state depends on it */
    moments r = measure_slot(models[m], outer, block, slot);
    compare(&r, deviation, mean, zero, &all, testing_format("%s, %s", name, tensor));
    tensors[m]++;
  }
  fclose(file);
  /* a ratio of two sample variances scatters by sqrt(4 / N): five of that are 0.5 % here, 0.25 % of a deviation */
  assert_near(all.ratio / all.entries, 1, 0, 5 * sqrt(4 / (SEEDS * all.entries)));
  print_message("%.0f numbers, deviation %.5f of transformers'\n", SEEDS * all.entries, sqrt(all.ratio / all.entries));
  for (size_t m = 0; m < TINY_MODELS; m++) {
    assert_int_equal(tensors[m], count_slots(models[m]));
    dwell_model_destroy(models[m]);
  }
}

/* ---- a weight is a function of its place ---- */

static void test_places(void **state) {
  (void)state;
  enum { SLOT = 2, MANY = 24 * 72 }; /* gpt2-tiny's c_attn */
  dwell_model *m = open_tiny("gpt2-tiny");
  initialiser n = {.architecture = m->architecture, .shape = &m->shape, .seed = 7}, other = n;
  other.seed = 8;
  weight_provider p = initialiser_provider(&n), q = initialiser_provider(&other);
  static float all[MANY], part[100], next[MANY], else_[MANY];
  static double wide[MANY];
  dwell_error err = {0};
  assert_ok(p.read(p.self, false, 0, SLOT, 0, MANY, DWELL_F32, all, &err), &err);
  assert_ok(p.read(p.self, false, 0, SLOT, 1000, 100, DWELL_F32, part, &err), &err);
  assert_ok(p.read(p.self, false, 1, SLOT, 0, MANY, DWELL_F32, next, &err), &err);
  assert_ok(q.read(q.self, false, 0, SLOT, 0, MANY, DWELL_F32, else_, &err), &err);
  assert_ok(p.read(p.self, false, 0, SLOT, 0, MANY, DWELL_F64, wide, &err), &err);
  assert_memory_equal(all + 1000, part, sizeof part);
  size_t same_block = 0, same_seed = 0;
  for (size_t i = 0; i < MANY; i++) {
    assert_true(wide[i] == (double)all[i]);
    same_block += all[i] == next[i], same_seed += all[i] == else_[i];
  }
  assert_true(same_block < 5 && same_seed < 5);
  dwell_model_destroy(m);
}

/* ---- as an option of a run ---- */

static void test_run(void **state) {
  (void)state;
  static const int64_t ids[9] = {3, 1, 4, 1, 5, 9, 2, 6, 5};
  for (size_t m = 0; m < TINY_MODELS; m++) {
    dwell_model *model = open_tiny(TINY[m].name);
    dwell_model_options o = dwell_model_options_default();
    recording r[3];
    for (size_t k = 0; k < 3; k++) {
      dwell_source *source;
      dwell_error err = {0};
      o.random_weights = k > 0, o.random_seed = 5;
      assert_ok(dwell_model_open_ids(model, ids, 9, &o, &source, &err), &err);
      r[k] = record(source, k == 2 ? 2 : 1, 0);
      dwell_source_destroy(source);
    }
    size_t bytes = r[0].states * 9 * r[0].d * r[0].size;
    assert_memory_equal(r[1].bits, r[2].bits, bytes);
    assert_memory_not_equal(r[0].bits, r[1].bits, bytes);
    for (size_t k = 0; k < 3; k++) recording_free(&r[k]);
    dwell_model_destroy(model);
  }
}

/* ---- of a folder without weights ---- */

static recording run_random(dwell_model *model, dwell_dtype dtype) {
  static const int64_t ids[9] = {3, 1, 4, 1, 5, 9, 2, 6, 5};
  dwell_model_options o = dwell_model_options_default();
  dwell_source *source;
  dwell_error err = {0};
  o.random_weights = true, o.random_seed = 5, o.dtype = dtype;
  assert_ok(dwell_model_open_ids(model, ids, 9, &o, &source, &err), &err);
  recording r = record(source, 1, 0);
  dwell_source_destroy(source);
  return r;
}

/* config.json alone is the same random network as the whole checkpoint, bit for bit. */
static void test_no_weights(void **state) {
  (void)state;
  for (size_t m = 0; m < TINY_MODELS; m++) {
    const char *bare = copy_of(TINY[m].name);
    assert_int_equal(remove(testing_format("%s/model.safetensors", bare)), 0);
    dwell_model *models[] = {open_tiny(TINY[m].name), open_model(bare)};
    const dwell_model_info *whole = dwell_model_get_info(models[0]), *shape = dwell_model_get_info(models[1]);
    assert_int_equal(shape->parameters, whole->parameters);
    assert_int_equal(shape->weight_bytes, whole->weight_bytes);
    assert_null(shape->weight_dtype);
    for (dwell_dtype dtype = DWELL_F32; dtype <= DWELL_F64; dtype += DWELL_F64 - DWELL_F32) {
      recording a = run_random(models[0], dtype), b = run_random(models[1], dtype);
      assert_memory_equal(a.bits, b.bits, a.states * a.n * a.d * a.size);
      recording_free(&a), recording_free(&b);
    }
    dwell_model_destroy(models[0]), dwell_model_destroy(models[1]);
  }
}

/* Its own weights are refused; so are, under any option, weights that are there and broken. */
static void test_no_weights_refused(void **state) {
  (void)state;
  const char *folder = copy_of("gpt2-tiny"), *weights = testing_format("%s/model.safetensors", folder);
  const char *pickle = testing_format("%s/pytorch_model.bin", folder);
  dwell_model_options o = dwell_model_options_default();
  dwell_source *source;
  dwell_error err = {0};
  dwell_model *model;
  testing_write(weights, "broken", 6);
  assert_fails(dwell_model_open(folder, NULL, &model, &err), DWELL_BAD_INPUT, &err, "model.safetensors");
  remove(weights);
  model = open_model(folder);
  assert_fails(dwell_model_open_ids(model, &(int64_t){1}, 1, &o, &source, &err), DWELL_BAD_INPUT, &err,
               "neither model.safetensors nor model.safetensors.index.json");
  assert_non_null(strstr(err.remedy, "--random-init SEED"));
  dwell_model_destroy(model);
  testing_write(pickle, "x", 1);
  model = open_model(folder);
  assert_fails(dwell_model_open_ids(model, &(int64_t){1}, 1, &o, &source, &err), DWELL_UNSUPPORTED, &err, "pickle");
  dwell_model_destroy(model);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_moments), cmocka_unit_test(test_places),
                                     cmocka_unit_test(test_run), cmocka_unit_test(test_no_weights),
                                     cmocka_unit_test(test_no_weights_refused)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
