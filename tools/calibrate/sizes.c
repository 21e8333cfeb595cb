/* tools/calibrate/sizes.c - how much T depends on the smallest cluster and on the neighbour that is a token's core. */
#include <math.h>
#include <stdio.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/threads.h"
#include "calibrate.h"
#include "cloud.h"
#include "geometry/excess.h"
#include "test.h"

enum { RUNS = 200, DRAWS = 19, CHOICES = 7 };

/* Smallest cluster: 3, as it is (5 % of the tokens, at least 4), twice that. */
typedef enum smallest { THREE, AS_IT_IS, TWICE } smallest;

static const struct {
  const char *name;
  smallest smallest;
  size_t core;
} choices[CHOICES] = {{"as it is, 5", AS_IT_IS, 5}, {"3, 5", THREE, 5},           {"twice, 5", TWICE, 5},
                      {"as it is, 3", AS_IT_IS, 3}, {"as it is, 8", AS_IT_IS, 8}, {"3, 3", THREE, 3},
                      {"twice, 8", TWICE, 8}};

static const cloud_case cases[] = {
    {.name = "isotropic", .n = 60, .d = 64},
    {.name = "spectrum k^-1", .n = 60, .d = 256, .power = 1},
    {.name = "k^-2 with mean, LayerNorm", .n = 60, .d = 256, .power = 2, .mean = 1, .layer_norm = true},
    {.name = "serial correlation .5", .n = 60, .d = 64, .serial = .5},
    {.name = "spectrum k^-1", .n = 120, .d = 256, .power = 1},
    {.name = "30 pairs, noise .5", .n = 60, .d = 256, .groups = 30, .noise = .5},
    {.name = "20 threes, noise .5", .n = 60, .d = 256, .groups = 20, .noise = .5},
    {.name = "12 groups of 5, noise 1", .n = 60, .d = 256, .groups = 12, .noise = 1},
    {.name = "8 groups, noise 1", .n = 60, .d = 64, .groups = 8, .noise = 1},
    {.name = "4 groups, noise 2", .n = 60, .d = 128, .groups = 4, .noise = 2},
    {.name = "70, 20, 10 %, noise 1.5", .n = 60, .d = 256, .groups = 3, .noise = 1.5, .uneven = true},
    {.name = "4 groups, noise 1, 30 % stray", .n = 60, .d = 256, .groups = 4, .noise = 1, .stray = .3},
    {.name = "24 groups of 5, noise 1", .n = 120, .d = 256, .groups = 24, .noise = 1},
    {.name = "4 groups, noise 2", .n = 120, .d = 128, .groups = 4, .noise = 2},
};

static excess_setting setting_of(size_t n, size_t choice) {
  excess_setting s = {.smallest = excess_smallest(n), .core = choices[choice].core};
  if (choices[choice].smallest == THREE) s.smallest = 3;
  if (choices[choice].smallest == TWICE) s.smallest *= 2;
  return s;
}

/* T by every choice, then the number of clusters by every choice. */
static dwell_status measure(const void *how, geometry *g, double *ret_numbers, dwell_error *err) {
  size_t n = *(const size_t *)how, count;
  const double *cosines;
  dwell_status status = DWELL_OK;
  int32_t *labels = MEM_NEW(int32_t, n);
  TRY_ALLOC(labels, "cluster labels");
  TRY(geometry_cosines(g, CENTRED, &cosines, err));
  for (size_t k = 0; k < CHOICES; k++) {
    TRY(excess_by(n, cosines, setting_of(n, k), labels, &count, &ret_numbers[k], err));
    ret_numbers[CHOICES + k] = (double)count;
  }
done:
  mem_free(labels);
  return status;
}

typedef struct study {
  const cloud_case *which;
  bool rejected[RUNS][CHOICES];
  double found[RUNS][CHOICES]; /* clusters */
} study;

static dwell_status run_item(void *arg, size_t run, int worker, dwell_error *err) {
  (void)worker;
  study *s = arg;
  const cloud_case *c = s->which;
  double seen[2 * CHOICES], p[2 * CHOICES], mean[2 * CHOICES];
  dwell_status status = DWELL_OK;
  double *x = MEM_NEW(double, c->n * c->d);
  TRY_ALLOC(x, "a cloud");
  TRY(cloud_make(c, run, x, err));
  TRY(twin_compare(c->n, c->d, x, true, run, DRAWS, measure, &c->n, 2 * CHOICES, seen, p, mean, err));
  for (size_t k = 0; k < CHOICES; k++) s->rejected[run][k] = p[k] <= 0.05, s->found[run][k] = seen[CHOICES + k];
done:
  mem_free(x);
  return status;
}

static void print_choice(const study *s, size_t k) {
  size_t rejected = 0;
  double found = 0;
  for (size_t r = 0; r < RUNS; r++) {
    rejected += s->rejected[r][k];
    found += s->rejected[r][k] ? s->found[r][k] : 0;
  }
  printf(" %.3f", (double)rejected / RUNS);
  if (s->which->groups > 0 && rejected > 0) printf(" (%.1f)", found / (double)rejected);
  printf(" |");
}

static dwell_status run_sizes(const dwell_context *ctx, dwell_error *err) {
  static study s;
  printf(
      "%d runs a row, %d draws, N1: share of clouds in which T is significant at 5 %%, in brackets the mean number of "
      "clusters in those. Heads of columns: smallest cluster, neighbour of the core; as it is: max(4, 5 %% of n), so "
      "4 of 60 tokens and 6 of 120.\n\n",
      RUNS, DRAWS);
  printf("| cloud | n |");
  for (size_t k = 0; k < CHOICES; k++) printf(" %s |", choices[k].name);
  printf("\n|---|---|---|---|---|---|---|---|---|\n");
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    s = (study){.which = &cases[i]};
    dwell_status status = threads_for(ctx, RUNS, run_item, &s, err);
    if (status != DWELL_OK) return status;
    printf("| %s | %zu |", cases[i].name, cases[i].n);
    for (size_t k = 0; k < CHOICES; k++) print_choice(&s, k);
    printf("\n");
    fflush(stdout);
  }
  return DWELL_OK;
}

const calibration_part calibrate_sizes = {"sizes", "The smallest cluster and the core of T", run_sizes};
