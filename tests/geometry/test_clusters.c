/* tests/geometry/test_clusters.c - T and its clusters against the definition said slowly: recompute the connected
 * components of mutual reachability at every height that occurs. Average linkage and silhouettes against their
 * definitions. */
#include <string.h>

#include "base/mem.h"
#include "geometry/excess.h"
#include "geometry/linkage.h"
#include "geometry/reach.h"
#include "util/clouds.h"

enum { MOST = 64 };
static const double PI = 3.14159265358979323846;

/* ---- the slow twin ---- */

typedef struct slow {
  size_t n, smallest;
  double reach[MOST][MOST]; /* mutual reachability distances, at least 1e-6 */
  double heights[MOST * MOST];
  size_t height_count;
} slow;

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

static void slow_make(slow *s, size_t n, const double *cosines) {
  double core[MOST], row[MOST];
  s->n = n, s->smallest = (size_t)floor(0.05 * (double)n + 0.5), s->height_count = 0;
  if (s->smallest < 4) s->smallest = 4;
  size_t nearest = n - 1 < 5 ? n - 1 : 5;
  for (size_t i = 0; i < n; i++) {
    size_t others = 0;
    for (size_t j = 0; j < n; j++) {
      if (j != i) row[others++] = acos(cosines[i * n + j]) / PI;
    }
    qsort(row, others, sizeof *row, ascending);
    core[i] = row[nearest - 1];
  }
  for (size_t i = 0; i < n; i++) {
    for (size_t j = 0; j < n; j++) {
      double d = fmax(1e-6, fmax(acos(cosines[i * n + j]) / PI, fmax(core[i], core[j])));
      s->reach[i][j] = d;
      if (i < j) s->heights[s->height_count++] = d;
    }
  }
  qsort(s->heights, s->height_count, sizeof(double), ascending);
}

/* Components of the set joined by pairs with ln distance below `limit` (or at it): part[i] of each member. */
static size_t components(const slow *s, const bool *set, double limit, bool at, size_t *part) {
  size_t count = 0, queue[MOST];
  bool seen[MOST] = {false};
  for (size_t i = 0; i < s->n; i++) {
    if (!set[i] || seen[i]) continue;
    size_t head = 0, tail = 0;
    queue[tail++] = i, seen[i] = true;
    while (head < tail) {
      size_t a = queue[head++];
      part[a] = count;
      for (size_t b = 0; b < s->n; b++) {
        double x = log(s->reach[a][b]);
        if (set[b] && !seen[b] && (x < limit || (at && x == limit))) queue[tail++] = b, seen[b] = true;
      }
    }
    count++;
  }
  return count;
}

/* ln of the smallest height at which the set is connected. */
static double join_height(const slow *s, const bool *set) {
  size_t part[MOST];
  for (size_t k = 0; k < s->height_count; k++) {
    if (components(s, set, log(s->heights[k]), true, part) == 1) return log(s->heights[k]);
  }
  fail_msg("a set is never connected");
  return 0;
}

static size_t count_set(const slow *s, const bool *set) {
  size_t count = 0;
  for (size_t i = 0; i < s->n; i++) count += set[i];
  return count;
}

/* The cluster that was born with `set` at ln height `birth`: its best total score, its choice in labels (-1: none). */
static double slow_best(const slow *s, const bool *born, double birth, bool root, int *next, int *labels) {
  bool set[MOST];
  size_t part[MOST], size;
  double sum = 0, children = 0;
  int below[MOST];
  for (size_t i = 0; i < s->n; i++) below[i] = -1;
  memcpy(set, born, sizeof set);
  for (bool alive = true; alive;) {
    double h = join_height(s, set);
    size_t count = components(s, set, h - 1e-12, false, part), large = 0;
    bool parts[MOST][MOST] = {{false}};
    size = count_set(s, set);
    for (size_t p = 0; p < count; p++) {
      for (size_t i = 0; i < s->n; i++) parts[large][i] = set[i] && part[i] == p;
      large += count_set(s, parts[large]) >= s->smallest;
    }
    alive = large == 1;
    sum += (double)(size - (alive ? count_set(s, parts[0]) : 0)) * (birth - h);
    if (alive) memcpy(set, parts[0], sizeof set);
    for (size_t p = 0; large > 1 && p < large; p++) children += slow_best(s, parts[p], h, false, next, below);
  }
  double score = sum / (double)s->n;
  bool chosen = !root && score >= children - 1e-15;
  for (size_t i = 0; i < s->n; i++) {
    if (chosen && born[i]) labels[i] = *next;
    else if (!chosen && below[i] >= 0) labels[i] = below[i];
  }
  *next += chosen;
  return chosen ? score : children;
}

/* T, with labels numbered by the smallest token. */
static double slow_excess(size_t n, const double *cosines, int *ret_labels) {
  static slow s;
  bool all[MOST];
  int next = 0, raw[MOST], names[MOST * 4], count = 0;
  slow_make(&s, n, cosines);
  for (size_t i = 0; i < n; i++) all[i] = true, raw[i] = ret_labels[i] = -1;
  if (n < 2 * s.smallest) return 0;
  double t = slow_best(&s, all, join_height(&s, all), true, &next, raw);
  for (int k = 0; k < next; k++) names[k] = -1;
  for (size_t i = 0; i < n; i++) {
    if (raw[i] < 0) continue;
    if (names[raw[i]] < 0) names[raw[i]] = count++;
    ret_labels[i] = names[raw[i]];
  }
  return t;
}

/* ---- clouds ---- */

static size_t checked, with_clusters;

/* 1e-12: arccos of two libraries, sums of 64 terms. */
static void check_cosines(size_t n, const double *cosines) {
  dwell_error err;
  int expected[MOST];
  int32_t labels[MOST];
  size_t count, clusters = 0;
  double t, twin = slow_excess(n, cosines, expected);
  assert_ok(excess(n, cosines, labels, &count, &t, &err), &err);
  assert_near(t, twin, 0, 1e-12);
  for (size_t i = 0; i < n; i++) {
    if (labels[i] != expected[i]) fail_msg("n = %zu, token %zu: %d, expected %d", n, i, labels[i], expected[i]);
    if (labels[i] >= (int)clusters) clusters = (size_t)labels[i] + 1;
  }
  assert_int_equal(count, clusters);
  checked++, with_clusters += count > 0;
}

static void check_cloud(const double *x, size_t n, size_t d) {
  geometry *g = clouds_geometry(x, n, d);
  const double *cosines;
  assert_ok(geometry_cosines(g, RAW, &cosines, NULL), NULL);
  check_cosines(n, cosines);
  geometry_destroy(g);
}

static double uniform(uint32_t which, size_t i, size_t k) {
  return random_uniform(&(random_stream){.seed = 22, .purpose = RANDOM_TEST, .replica = which}, (uint32_t)i,
                        (uint32_t)k);
}

/* Points of a coarse grid: nearly all distances occur many times, and many points coincide. */
static double *grid_cloud(size_t n, size_t d, int steps, uint32_t which) {
  double *x = malloc(n * d * sizeof *x);
  for (size_t e = 0; e < n * d; e++) x[e] = floor(uniform(which, e / d, e % d) * (2 * steps + 1)) - steps;
  for (size_t i = 0; i < n; i++) x[i * d] += x[i * d] >= 0 ? steps + 1 : -steps - 1; /* no zero vector */
  return x;
}

/* `groups` centres plus noise. */
static double *grouped_cloud(size_t n, size_t d, size_t groups, double noise, uint32_t which) {
  double *x = clouds_normal(n, d, 0, which), *centres = clouds_normal(groups, d, 0, which + 1000);
  for (size_t i = 0; i < n; i++) {
    for (size_t k = 0; k < d; k++) x[i * d + k] = noise * x[i * d + k] + centres[i % groups * d + k];
  }
  free(centres);
  return x;
}

static void excess_against_thresholds(void **state) {
  (void)state;
  checked = with_clusters = 0;
  for (uint32_t which = 0; which < 30; which++) {
    size_t n = 8 + which % 25, d = 2 + which % 3;
    double *grid = grid_cloud(n, d, 1 + (int)(which % 3), which);
    check_cloud(grid, n, d);
    double *groups = grouped_cloud(n + 16, 4, 2 + which % 3, 0.15 + 0.02 * which, which);
    check_cloud(groups, n + 16, 4);
    double *shapeless = clouds_normal(n, 6, 1, which);
    check_cloud(shapeless, n, 6);
    free(grid), free(groups), free(shapeless);
  }
  print_message("%zu clouds, %zu with clusters\n", checked, with_clusters);
  assert_true(checked == 90 && with_clusters >= 40 && with_clusters <= 85);
}

/* Cosines that are not of points: only a few values, so that nearly all merges tie. */
static void excess_of_few_heights(void **state) {
  (void)state;
  double c[40 * 40];
  for (uint32_t which = 0; which < 40; which++) {
    size_t n = 10 + which % 31;
    for (size_t i = 0; i < n; i++) {
      c[i * n + i] = 1;
      for (size_t j = 0; j < i; j++)
        c[i * n + j] = c[j * n + i] = (i % 3 == j % 3 ? 0.5 : 0) + floor(uniform(which, i, j) * 4) / 10;
    }
    check_cosines(n, c);
  }
}

/* One group among tokens that are all equally far from everything, up to rounding: no cluster. Were every rounded
 * height a split of its own, some of the others would be a cluster beside the group, and it would be one as well. */
static void ties_are_ties_in_spite_of_rounding(void **state) {
  (void)state;
  enum { N = 64, GROUP = 6 };
  double c[N * N], t;
  int32_t labels[N];
  size_t count;
  for (uint32_t which = 0; which < 20; which++) {
    for (size_t i = 0; i < N; i++) {
      c[i * N + i] = 1;
      for (size_t j = 0; j < i; j++)
        c[i * N + j] = c[j * N + i] = (i < GROUP ? 0.9 : 0.5) + 1e-14 * (uniform(which, i, j) - 0.5);
    }
    assert_ok(excess(N, c, labels, &count, &t, NULL), NULL);
    assert_true(t == 0 && count == 0);
  }
}

/* ---- cores ---- */

/* Every rank (of many tokens every third), near (kept by rank) and far (by list), of closeness and of distances,
 * against sorted rows. */
static void check_cores(size_t n) {
  double *c = malloc(n * n * sizeof *c), *far = malloc(n * n * sizeof *far), *sorted = malloc(n * n * sizeof *sorted);
  double *core = malloc(n * sizeof *core), *far_core = malloc(n * sizeof *core);
  double *work = malloc(reach_work(n) * sizeof *work);
  for (size_t i = 0; i < n; i++) {
    for (size_t j = 0; j <= i; j++) c[i * n + j] = c[j * n + i] = i == j ? 1 : floor(uniform(9, i, j) * 200) / 200;
  }
  for (size_t e = 0; e < n * n; e++) sorted[e] = far[e] = 1 - c[e];
  for (size_t i = 0; i < n; i++) qsort(sorted + i * n, n, sizeof *sorted, ascending);
  for (size_t k = 0; k < n; k += 1 + n / 256) {
    reach_cores(n, c, 1, k, work, core);
    reach_cores(n, far, -1, k, work, far_core);
    for (size_t i = 0; i < n; i++) {
      assert_true(far_core[i] == -sorted[i * n + k]);
      assert_near(core[i], 1 - sorted[i * n + k], 0, 1e-15);
    }
  }
  free(c), free(far), free(sorted), free(core), free(far_core), free(work);
}

static void cores_against_sorted_rows(void **state) {
  (void)state;
  for (size_t n = 1; n <= 70; n += 1 + n / 8) check_cores(n);
  check_cores(128); /* whole strands, and more than two */
  check_cores(203);
  check_cores(643); /* strings enough that a lane's largest tops leave some out */
}

/* ---- average linkage ---- */

/* All clusters, all pairs, all distances again for every merge. Labels of the cut into k clusters, numbered by the
 * smallest token; heights of the merges as they come. */
static void slow_linkage(size_t n, const double *cosines, size_t k, double *ret_heights, uint32_t *ret_labels) {
  for (size_t i = 0; i < n; i++) ret_labels[i] = (uint32_t)i; /* the smallest token of its cluster, first */
  for (size_t merge = 0; merge + k < n; merge++) {
    double least = INFINITY;
    size_t low = 0, high = 0;
    for (size_t a = 0; a < n; a++) {
      for (size_t b = a + 1; b < n; b++) {
        double sum = 0, pairs = 0;
        for (size_t e = 0; e < n * n; e++) {
          if (ret_labels[e / n] == a && ret_labels[e % n] == b) sum += acos(cosines[e]) / PI, pairs++;
        }
        if (pairs > 0 && sum / pairs < least) least = sum / pairs, low = a, high = b;
      }
    }
    for (size_t i = 0; i < n; i++) ret_labels[i] = ret_labels[i] == high ? (uint32_t)low : ret_labels[i];
    ret_heights[merge] = least;
  }
  uint32_t names[MOST], count = 0;
  for (size_t i = 0; i < n; i++) {
    if (ret_labels[i] == i) names[i] = count++;
    ret_labels[i] = names[ret_labels[i]];
  }
}

/* Rousseeuw's definition, token by token. */
static double slow_silhouette(size_t n, const double *cosines, const uint32_t *labels, size_t k) {
  double total = 0;
  for (size_t i = 0; i < n; i++) {
    double sum[MOST] = {0}, size[MOST] = {0}, outside = INFINITY;
    for (size_t j = 0; j < n; j++) {
      size[labels[j]]++;
      if (j != i) sum[labels[j]] += acos(cosines[i * n + j]) / PI;
    }
    if (size[labels[i]] == 1) continue;
    double inside = sum[labels[i]] / (size[labels[i]] - 1);
    for (size_t c = 0; c < k; c++) {
      if (c != labels[i]) outside = fmin(outside, sum[c] / size[c]);
    }
    total += (outside - inside) / fmax(inside, outside);
  }
  return total / (double)n;
}

/* 1e-12: sums in another order, updated instead of made anew. */
static void check_linkage(size_t n, const double *cosines) {
  dwell_error err;
  linkage_merge merges[MOST];
  double heights[MOST], silhouettes[LINKAGE_CUTS + 1];
  uint32_t expected[MOST], labels[MOST], work[MOST];
  double distances[MOST * MOST];
  linkage_distances(n, cosines, distances);
  for (size_t e = 0; e < n * n; e++) /* 1e-15: vector arccos */
    assert_near(distances[e], e % (n + 1) == 0 ? 0 : acos(cosines[e]) / 3.14159265358979323846, 0, 1e-15);
  assert_ok(linkage_average(n, distances, merges, &err), &err);
  slow_linkage(n, cosines, 1, heights, expected);
  for (size_t k = 0; k + 1 < n; k++) assert_near(merges[k].height, heights[k], 1e-12, 0);
  size_t most = n < LINKAGE_CUTS ? n : LINKAGE_CUTS;
  if (n >= 2) assert_ok(linkage_silhouettes(n, distances, merges, most, silhouettes, &err), &err);
  for (size_t k = 1; k <= most; k++) {
    slow_linkage(n, cosines, k, heights, expected);
    linkage_cut(n, merges, k, work, labels);
    assert_memory_equal(labels, expected, n * sizeof *labels);
    if (k >= 2) assert_near(silhouettes[k], slow_silhouette(n, cosines, expected, k), 0, 1e-12);
  }
}

static void linkage_against_definition(void **state) {
  (void)state;
  static const size_t sizes[] = {1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 23, 31};
  for (uint32_t which = 0; which < sizeof sizes / sizeof *sizes; which++) {
    size_t n = sizes[which], d = 3 + which % 5; /* angles of random points: no ties */
    double *x = which % 2 ? clouds_normal(n, d, 1, 50 + which) : grouped_cloud(n, d, 3, 0.2, 50 + which);
    geometry *g = clouds_geometry(x, n, d);
    const double *cosines;
    assert_ok(geometry_cosines(g, RAW, &cosines, NULL), NULL);
    check_linkage(n, cosines);
    geometry_destroy(g);
    free(x);
  }
}

/* As slow_linkage, with sums of distances between clusters kept: heights, and each merge's smallest tokens. */
static void linkage_by_sums(size_t n, double *sums, double *ret_heights, uint32_t *ret_low, uint32_t *ret_high) {
  double *size = malloc(n * sizeof *size);
  for (size_t i = 0; i < n; i++) size[i] = 1;
  for (size_t merge = 0; merge + 1 < n; merge++) {
    double least = INFINITY;
    size_t low = 0, high = 0;
    for (size_t a = 0; a < n; a++) {
      for (size_t b = a + 1; b < n && size[a] > 0; b++) {
        double mean = size[b] > 0 ? sums[a * n + b] / (size[a] * size[b]) : INFINITY;
        if (mean < least) least = mean, low = a, high = b;
      }
    }
    for (size_t c = 0; c < n; c++) sums[low * n + c] += sums[high * n + c];
    for (size_t c = 0; c < n; c++) sums[c * n + low] += sums[c * n + high];
    size[low] += size[high], size[high] = 0;
    ret_heights[merge] = least, ret_low[merge] = (uint32_t)low, ret_high[merge] = (uint32_t)high;
  }
  free(size);
}

/* More tokens than the chain's blocks and than it keeps places of clusters that are gone for. */
static void linkage_of_many(void **state) {
  (void)state;
  static const size_t sizes[] = {64, 127, 128, 129, 200, 333};
  for (uint32_t which = 0; which < sizeof sizes / sizeof *sizes; which++) {
    size_t n = sizes[which];
    double *x = which % 2 ? clouds_normal(n, 4, 1, 80 + which) : grouped_cloud(n, 4, 3, 0.2, 80 + which);
    double *distances = malloc(n * n * sizeof *distances), *heights = malloc(n * sizeof *heights);
    linkage_merge *merges = malloc(n * sizeof *merges);
    uint32_t *low = malloc(n * sizeof *low), *high = malloc(n * sizeof *high);
    geometry *g = clouds_geometry(x, n, 4);
    const double *cosines;
    dwell_error err;
    assert_ok(geometry_cosines(g, RAW, &cosines, NULL), NULL);
    linkage_distances(n, cosines, distances);
    for (size_t i = 0; i < n; i++) { /* 1e-15: vector arccos */
      for (size_t j = 0; j < n; j++)
        assert_near(distances[i * n + j], i == j ? 0 : acos(cosines[i * n + j]) / PI, 0, 1e-15);
    }
    assert_ok(linkage_average(n, distances, merges, &err), &err);
    linkage_by_sums(n, distances, heights, low, high);
    for (size_t k = 0; k + 1 < n; k++) {
      assert_near(merges[k].height, heights[k], 1e-12, 0);
      assert_true(merges[k].low == low[k] && merges[k].high == high[k]);
    }
    geometry_destroy(g);
    free(x), free(distances), free(heights), free(merges), free(low), free(high);
  }
}

/* Equal heights: identical tokens in groups, all heights 0 or one of few. Only what does not depend on the order. */
static void linkage_of_identical_tokens(void **state) {
  (void)state;
  enum { N = 12, D = 3 };
  double x[N * D] = {0}, silhouettes[LINKAGE_CUTS + 1], distances[N * N];
  dwell_error err;
  linkage_merge merges[N];
  uint32_t labels[N], work[N];
  for (size_t i = 0; i < N; i++) x[i * D + i % 3] = 1;
  geometry *g = clouds_geometry(x, N, D);
  const double *cosines;
  assert_ok(geometry_cosines(g, RAW, &cosines, NULL), NULL);
  linkage_distances(N, cosines, distances);
  assert_ok(linkage_average(N, distances, merges, &err), &err);
  for (size_t k = 0; k < N - 1; k++) assert_near(merges[k].height, k < N - 3 ? 0 : 0.5, 0, 1e-15);
  linkage_cut(N, merges, 3, work, labels);
  for (size_t i = 0; i < N; i++) assert_int_equal(labels[i], i % 3);
  assert_ok(linkage_silhouettes(N, distances, merges, 8, silhouettes, &err), &err);
  assert_near(silhouettes[3], 1, 0, 1e-15);
  for (size_t k = 4; k <= 8; k++) assert_true(silhouettes[k] < 1 && silhouettes[k] >= 0); /* 0/0 counts 0 */
  geometry_destroy(g);
}

/* ---- accessors ---- */

/* A surrogate's clusters are those of the cloud whose cosines it got: its C is made another way. */
static void surrogates_have_clusters(void **state) {
  (void)state;
  size_t n = 40, d = 12;
  double *x = grouped_cloud(n, d, 3, 0.25, 7), *copy = malloc(n * n * sizeof *copy);
  geometry *g = clouds_geometry(x, n, d), *surrogate;
  const double *cosines, *a, *b;
  const geometry_groups *groups, *same_groups;
  const geometry_tree *tree, *same_tree;
  assert_ok(geometry_cosines(g, RAW, &cosines, NULL), NULL);
  double *gram = mem_copy(cosines, n * n, sizeof *gram);
  assert_ok(geometry_from_gram(gram, n, d, &surrogate, NULL), NULL);
  assert_ok(geometry_clusters(g, &groups, NULL), NULL);
  assert_ok(geometry_clusters(surrogate, &same_groups, NULL), NULL);
  assert_ok(geometry_linkage(g, &tree, NULL), NULL);
  assert_ok(geometry_linkage(surrogate, &same_tree, NULL), NULL);
  assert_true(groups->count == 3 && tree->silhouette_k == 3);
  assert_near(groups->excess, same_groups->excess, 0, 1e-12);
  assert_memory_equal(groups->labels, same_groups->labels, n * sizeof *groups->labels);
  assert_near(tree->silhouette, same_tree->silhouette, 0, 1e-12);
  for (size_t k = 0; k + 1 < n; k++) assert_near(tree->heights[k], same_tree->heights[k], 1e-12, 0);
  /* and the C it is made of has the bits of the one made by way of Kc */
  assert_ok(geometry_cosines(surrogate, CENTRED, &a, NULL), NULL);
  memcpy(copy, a, n * n * sizeof *copy);
  geometry_destroy(surrogate);
  gram = mem_copy(cosines, n * n, sizeof *gram);
  assert_ok(geometry_from_gram(gram, n, d, &surrogate, NULL), NULL);
  assert_ok(geometry_centred_gram(surrogate, &b, NULL), NULL);
  assert_ok(geometry_cosines(surrogate, CENTRED, &b, NULL), NULL);
  assert_memory_equal(copy, b, n * n * sizeof *copy);
  geometry_destroy(surrogate), geometry_destroy(g);
  free(x), free(copy);
}

/* Few, identical and antipodal tokens. */
static void corners(void **state) {
  (void)state;
  for (size_t n = 1; n <= 12; n++) {
    double x[12 * 2] = {0};
    for (size_t i = 0; i < n; i++) x[2 * i] = 1;
    geometry *g = clouds_geometry(x, n, 2);
    const geometry_groups *groups;
    const geometry_tree *tree;
    assert_ok(geometry_clusters(g, &groups, NULL), NULL);
    assert_ok(geometry_linkage(g, &tree, NULL), NULL);
    assert_string_equal(geometry_clusters_undefined(g), "collapsed");
    geometry_destroy(g);
    for (size_t i = 0; i < n; i++) x[2 * i] = i % 2 ? 1 : -1, x[2 * i + 1] = 0;
    g = clouds_geometry(x, n, 2);
    assert_ok(geometry_clusters(g, &groups, NULL), NULL);
    assert_ok(geometry_linkage(g, &tree, NULL), NULL);
    if (n < 8) assert_true(groups->excess == 0 && groups->count == 0 && tree->silhouette_k == 1);
    if (n < 8) assert_int_equal(groups->unassigned, n);
    if (n == 12) { /* two groups of six: from ln 1 to ln 1e-6, for all tokens */
      assert_near(groups->excess, log(1e6), 1e-9, 0);
      assert_true(groups->count == 2 && groups->unassigned == 0 && tree->silhouette_k == 2);
      assert_near(tree->silhouette, 1, 0, 1e-9);
    }
    geometry_destroy(g);
  }
}

/* Permuted tokens have the same T, the same silhouette, and permuted labels: no order of ties gets in. */
static void order_does_not_matter(void **state) {
  (void)state;
  enum { N = 45 };
  for (uint32_t which = 0; which < 20; which++) {
    double *x = which % 2 ? grid_cloud(N, 3, 2, which) : grouped_cloud(N, 3, 4, 0.3, which), permuted[N * 3];
    for (size_t i = 0; i < N; i++) memcpy(permuted + 3 * i, x + 3 * (i * 7 % N), 3 * sizeof *x);
    geometry *g = clouds_geometry(x, N, 3), *h = clouds_geometry(permuted, N, 3);
    const geometry_groups *a, *b;
    assert_ok(geometry_clusters(g, &a, NULL), NULL);
    assert_ok(geometry_clusters(h, &b, NULL), NULL);
    assert_near(a->excess, b->excess, 0, 1e-11);
    for (size_t i = 0; i < N; i++) {
      for (size_t j = 0; j < N; j++) {
        int32_t u = a->labels[i * 7 % N], v = a->labels[j * 7 % N];
        assert_int_equal(b->labels[i] >= 0 && b->labels[i] == b->labels[j], u >= 0 && u == v);
      }
    }
    geometry_destroy(g), geometry_destroy(h);
    free(x);
  }
}

/* ---- defects of the reference study ---- */

/* D-1-3: two groups under a common mean (cosines about 0.97 within, 0.78 between) are two, not one: the first gap of a
 * spectrum is that mean. */
static void d_1_3_two_groups_with_a_common_mean(void **state) {
  (void)state;
  enum { N = 40, D = 24 };
  double *x = clouds_normal(N, D, 0, 61);
  for (size_t i = 0; i < N; i++) {
    for (size_t k = 0; k < D; k++) x[i * D + k] *= 0.035;
    x[i * D] += 0.88, x[i * D + 1 + i % 2] += 0.44;
  }
  geometry *g = clouds_geometry(x, N, D);
  const double *cosines;
  const geometry_groups *groups;
  const geometry_tree *tree;
  assert_ok(geometry_cosines(g, RAW, &cosines, NULL), NULL);
  assert_near(cosines[2], 0.97, 0, 0.015); /* tokens 0 and 2 */
  assert_near(cosines[1], 0.78, 0, 0.04);
  assert_ok(geometry_clusters(g, &groups, NULL), NULL);
  assert_ok(geometry_linkage(g, &tree, NULL), NULL);
  assert_true(groups->count == 2 && groups->excess > 0.3 && groups->unassigned == 0);
  for (size_t i = 0; i < N; i++) assert_int_equal(groups->labels[i], i % 2);
  assert_int_equal(tree->silhouette_k, 2);
  geometry_destroy(g);
  free(x);
}

/* D-1-6: a common mean that makes every cosine larger than 0.9 is no cluster, and hides none. */
static void d_1_6_a_common_mean_changes_nothing(void **state) {
  (void)state;
  enum { N = 60, D = 48 };
  for (uint32_t which = 0; which < 10; which++) {
    bool grouped = which % 2;
    double *x = clouds_normal(N, D, 0.5, 70 + which), excesses[2];
    for (size_t i = 0; grouped && i < N; i++) x[i * D + i % 3] += 6;
    for (int mean = 0; mean < 2; mean++) {
      for (size_t i = 0; mean && i < N; i++) x[i * D + D - 1] += 40;
      geometry *g = clouds_geometry(x, N, D);
      const geometry_groups *groups;
      size_t above;
      assert_ok(geometry_clusters(g, &groups, NULL), NULL);
      assert_ok(geometry_pairs_above(g, RAW, 0.9, &above, NULL), NULL);
      assert_true(!mean || above == N * (N - 1) / 2);
      assert_true(!grouped || groups->count == 3);
      excesses[mean] = groups->excess;
      geometry_destroy(g);
    }
    assert_true(grouped ? excesses[0] > 0.2 : excesses[0] < 0.1);
    assert_near(excesses[1], excesses[0], 0.1, 0.02); /* the mean bends the sphere a little */
    free(x);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(excess_against_thresholds),
      cmocka_unit_test(excess_of_few_heights),
      cmocka_unit_test(ties_are_ties_in_spite_of_rounding),
      cmocka_unit_test(cores_against_sorted_rows),
      cmocka_unit_test(linkage_against_definition),
      cmocka_unit_test(linkage_of_many),
      cmocka_unit_test(linkage_of_identical_tokens),
      cmocka_unit_test(surrogates_have_clusters),
      cmocka_unit_test(corners),
      cmocka_unit_test(order_does_not_matter),
      cmocka_unit_test(d_1_3_two_groups_with_a_common_mean),
      cmocka_unit_test(d_1_6_a_common_mean_changes_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
