/* tests/geometry/test_hdbscan.c - HDBSCAN, average linkage and silhouettes against the packages hdbscan, scikit-learn
 * and scipy on the clouds of tests/golden/clusters (tools/oracle/make_clusters.py), which have no ties that matter. */
#include <jansson.h>
#include <string.h>

#include "geometry/hdbscan.h"
#include "geometry/linkage.h"
#include "util/clouds.h"

enum { MOST = 64 };

typedef struct cloud {
  json_t *json;
  size_t n;
  geometry *g;
  const double *raw, *centred;
} cloud;

static json_t *key(const cloud *c, const char *name) {
  json_t *found = json_object_get(c->json, name);
  if (found == NULL) fail_msg("a cloud has no \"%s\"", name);
  return found;
}

static cloud open_cloud(json_t *json) {
  cloud c = {.json = json};
  json_t *points = key(&c, "points");
  size_t d = json_array_size(json_array_get(points, 0));
  c.n = json_array_size(points);
  double *x = malloc(c.n * d * sizeof *x);
  for (size_t e = 0; e < c.n * d; e++) x[e] = json_number_value(json_array_get(json_array_get(points, e / d), e % d));
  c.g = clouds_geometry(x, c.n, d);
  assert_ok(geometry_cosines(c.g, RAW, &c.raw, NULL), NULL);
  assert_ok(geometry_cosines(c.g, CENTRED, &c.centred, NULL), NULL);
  free(x);
  return c;
}

static void check_labels(const cloud *c, hdbscan_metric metric, hdbscan_convention convention, const double *matrix) {
  dwell_error err;
  int32_t labels[MOST];
  size_t count, expected_count = 0;
  json_t *expected = key(c, convention == HDBSCAN_OTHERS ? "hdbscan" : "sklearn");
  hdbscan_setting s = {.metric = metric,
                       .convention = convention,
                       .min_cluster_size = (size_t)json_integer_value(key(c, "min_cluster_size")),
                       .min_samples = (size_t)json_integer_value(key(c, "min_samples"))};
  assert_ok(hdbscan(c->n, matrix, &s, labels, &count, &err), &err);
  for (size_t i = 0; i < c->n; i++) {
    json_int_t label = json_integer_value(json_array_get(expected, i));
    assert_int_equal(labels[i], label);
    if (label >= (json_int_t)expected_count) expected_count = (size_t)label + 1;
  }
  assert_int_equal(count, expected_count);
}

/* The same as distances. */
static void check_distances(const cloud *c, bool cosine, const double *matrix) {
  double distances[MOST * MOST];
  for (size_t e = 0; e < c->n * c->n; e++)
    distances[e] = cosine ? fmax(0, 1 - matrix[e]) : acos(matrix[e]) / 3.14159265358979323846;
  check_labels(c, HDBSCAN_DISTANCE, HDBSCAN_OTHERS, distances);
}

/* 1e-10: scipy and scikit-learn sum in another order, and the angle of two near points is sensitive to their cosine. */
static void check_tree(const cloud *c) {
  dwell_error err;
  linkage_merge merges[MOST];
  double silhouettes[LINKAGE_CUTS + 1], *distances = malloc(c->n * c->n * sizeof *distances);
  json_t *heights = key(c, "heights"), *expected = key(c, "silhouettes");
  assert_non_null(distances);
  linkage_distances(c->n, c->centred, distances);
  assert_ok(linkage_average(c->n, distances, merges, &err), &err);
  for (size_t k = 0; k + 1 < c->n; k++)
    assert_near(merges[k].height, json_number_value(json_array_get(heights, k)), 1e-10, 1e-12);
  size_t most = json_array_size(expected) + 1;
  assert_ok(linkage_silhouettes(c->n, distances, merges, most, silhouettes, &err), &err);
  for (size_t k = 2; k <= most; k++)
    assert_near(silhouettes[k], json_number_value(json_array_get(expected, k - 2)), 1e-10, 1e-12);
  free(distances);
}

static void packages_agree(void **state) {
  (void)state;
  json_error_t problem;
  json_t *json = json_load_file(testing_source("tests/golden/clusters/clusters.json"), 0, &problem);
  if (json == NULL) fail_msg("clusters.json: %s", problem.text);
  json_t *clouds = json_object_get(json, "clouds");
  size_t conventions_differ = 0;
  assert_true(json_array_size(clouds) >= 30);
  for (size_t k = 0; k < json_array_size(clouds); k++) {
    cloud c = open_cloud(json_array_get(clouds, k));
    bool cosine = strcmp(json_string_value(key(&c, "metric")), "cosine") == 0;
    hdbscan_metric metric = cosine ? HDBSCAN_COSINE : HDBSCAN_ANGLE;
    const double *matrix = cosine ? c.raw : c.centred;
    check_labels(&c, metric, HDBSCAN_OTHERS, matrix);
    check_labels(&c, metric, HDBSCAN_ITSELF, matrix);
    check_distances(&c, cosine, matrix);
    check_tree(&c);
    conventions_differ += !json_equal(key(&c, "hdbscan"), key(&c, "sklearn"));
    geometry_destroy(c.g);
  }
  assert_true(conventions_differ >= 10); /* so one cannot stand for the other */
  json_decref(json);
}

/* What the packages leave to the order of their sort: labels of permuted points are the permuted labels. */
static void ties_do_not_depend_on_the_order(void **state) {
  (void)state;
  enum { N = 40, D = 2 };
  for (uint32_t which = 0; which < 20; which++) {
    random_stream s = {.seed = 23, .purpose = RANDOM_TEST, .replica = which};
    double x[N * D], permuted[N * D];
    for (size_t e = 0; e < N * D; e++) x[e] = 0.5 + floor(random_uniform(&s, (uint32_t)e, 0) * 9) - 4;
    for (size_t i = 0; i < N; i++) memcpy(permuted + D * i, x + D * (i * 7 % N), D * sizeof *x);
    geometry *g = clouds_geometry(x, N, D), *h = clouds_geometry(permuted, N, D);
    const double *a, *b;
    int32_t labels[N], others[N];
    size_t count, other_count;
    hdbscan_setting setting = {HDBSCAN_ANGLE, HDBSCAN_OTHERS, 3, 2};
    assert_ok(geometry_cosines(g, RAW, &a, NULL), NULL);
    assert_ok(geometry_cosines(h, RAW, &b, NULL), NULL);
    assert_ok(hdbscan(N, a, &setting, labels, &count, NULL), NULL);
    assert_ok(hdbscan(N, b, &setting, others, &other_count, NULL), NULL);
    assert_int_equal(count, other_count);
    for (size_t i = 0; i < N; i++) assert_int_equal(others[i] < 0, labels[i * 7 % N] < 0);
    geometry_destroy(g), geometry_destroy(h);
  }
}

static void corners(void **state) {
  (void)state;
  const double cosines[9] = {1, 0.5, 0.1, 0.5, 1, 0.2, 0.1, 0.2, 1};
  hdbscan_setting s = {HDBSCAN_COSINE, HDBSCAN_OTHERS, 2, 2};
  int32_t labels[16];
  double same[16 * 16];
  size_t count;
  dwell_error err;
  for (size_t n = 1; n <= 3; n++) { /* never two clusters of two */
    assert_ok(hdbscan(n, cosines, &s, labels, &count, &err), &err);
    assert_int_equal(count, 0);
    for (size_t i = 0; i < n; i++) assert_int_equal(labels[i], -1);
  }
  for (size_t e = 0; e < 256; e++) same[e] = 1; /* coincident points: no cluster but the whole */
  assert_ok(hdbscan(16, same, &s, labels, &count, &err), &err);
  assert_int_equal(count, 0);
  for (size_t e = 0; e < 256; e++) same[e] = (e / 16) % 2 == (e % 16) % 2; /* two of them, orthogonal */
  assert_ok(hdbscan(16, same, &s, labels, &count, &err), &err);
  assert_int_equal(count, 2);
  for (size_t i = 0; i < 16; i++) assert_int_equal(labels[i], i % 2);
  s.min_samples = 100; /* beyond the points there are: the farthest */
  assert_ok(hdbscan(16, same, &s, labels, &count, &err), &err);
  assert_int_equal(count, 0);
  s.min_cluster_size = 1;
  assert_int_equal(hdbscan(16, same, &s, labels, &count, &err), DWELL_USAGE);
}

/* D-1-11: HDBSCAN of clusters of two finds several in clouds that have none, and hardly more where groups are; T tells
 * the two apart. */
static void d_1_11_clusters_of_two_where_there_are_none(void **state) {
  (void)state;
  enum { N = 64, D = 32, RUNS = 20 };
  size_t counts[2] = {0};
  double largest[2] = {0}, least[2] = {INFINITY, INFINITY};
  for (uint32_t which = 0; which < 2 * RUNS; which++) {
    bool grouped = which % 2;
    double *x = clouds_normal(N, D, 1, 300 + which);
    for (size_t i = 0; grouped && i < N; i++) x[i * D + 10 + i % 3] += 4; /* three orthogonal groups */
    geometry *g = clouds_geometry(x, N, D);
    const double *cosines;
    const geometry_groups *groups;
    int32_t labels[N];
    size_t count;
    hdbscan_setting s = {HDBSCAN_COSINE, HDBSCAN_OTHERS, 2, 2};
    assert_ok(geometry_cosines(g, RAW, &cosines, NULL), NULL);
    assert_ok(hdbscan(N, cosines, &s, labels, &count, NULL), NULL);
    assert_ok(geometry_clusters(g, &groups, NULL), NULL);
    assert_int_not_equal(count, 1); /* it cannot say one */
    counts[grouped] += count;
    largest[grouped] = fmax(largest[grouped], groups->excess), least[grouped] = fmin(least[grouped], groups->excess);
    geometry_destroy(g);
    free(x);
  }
  print_message("mean count without and with groups %.1f, %.1f; T at most %.3f, at least %.3f\n",
                (double)counts[0] / RUNS, (double)counts[1] / RUNS, largest[0], least[1]);
  assert_true(counts[0] >= 2 * RUNS && largest[0] < least[1]);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(packages_agree),
      cmocka_unit_test(ties_do_not_depend_on_the_order),
      cmocka_unit_test(corners),
      cmocka_unit_test(d_1_11_clusters_of_two_where_there_are_none),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
