/* tests/geometry/test_clusters.c - T and its clusters against the definition said slowly: recompute the connected
 * components of mutual reachability at every height that occurs. */
#include <string.h>

#include "base/mem.h"
#include "geometry/excess.h"
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

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(excess_against_thresholds),
      cmocka_unit_test(excess_of_few_heights),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
