/* tools/calibrate/clouds.c - clouds without groups, and with planted ones. */
#include <math.h>
#include <stdio.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/threads.h"
#include "calibrate.h"
#include "cloud.h"
#include "test.h"

enum { PUBLISHED_RUNS = 40, RUNS = 200, DRAWS = 19 };

#define NONE NAN

/* Specification, 9.1: last column and the one before. */
static const cloud_case structureless[] = {
    {"isotropic", 60, 64, .published = {.05, .00, .03, .03}, .published_runs = 60},
    {"spectrum k^-1", 60, 256, 1, .published = {.02, .00, .12, .07}, .published_runs = 60},
    {"spectrum k^-2", 60, 256, 2, .published = {.02, .00, .05, .07}, .published_runs = 60},
    {"k^-1, mean twice the spread", 60, 256, 1, 2, .published = {.07, .02, .07, .12}, .published_runs = 60},
    {"k^-1, log-normal lengths (sd .7)", 60, 256, 1, .norms = .7, .published = {.03, .02, .10, .05},
     .published_runs = 60},
    {"k^-1, LayerNorm", 60, 256, 1, .layer_norm = true, .published = {.02, .00, .12, .07}, .published_runs = 60},
    {"k^-2 with mean, LayerNorm", 60, 256, 2, 1, .layer_norm = true, .published = {.02, .02, .05, .02},
     .published_runs = 60},
    {"serial correlation .5", 60, 64, .serial = .5, .published = {.02, .00, NONE, NONE}, .published_runs = 60},
    {"serial correlation .8", 60, 64, .serial = .8, .published = {.07, .03, .65, .90}, .published_runs = 60},
    {"serial correlation .8, periodic", 60, 64, .serial = .8, .periodic = true, .published = {NONE, NONE, NONE, NONE}},
    {"random walk along the text", 60, 64, .serial = 1, .published = {.07, .28, .33, 1.0}, .published_runs = 60},
    {"ring", 60, 64, .ring = true, .published = {.00, .03, .00, .03}, .published_runs = 60},
    {"n = 150, k^-1.5, mean 1", 150, 64, 1.5, 1, .published = {.04, .04, .00, .05}, .published_runs = 24},
};

/* Specification, 9.2; the third figure is the exact count. It does not say the dimension; of 64, 256 and 768, 256 gives
 * its figures in the rows that have it here, and 64 its effects at noise 1 and 2 (9.9). The row of noise 2 was measured
 * there with an older, more liberal variant of T; how much the dimension matters is shown. */
static const cloud_case planted[] = {
    {.name = "2 groups, noise 1", .n = 60, .d = 64, .groups = 2, .noise = 1, .published = {1, 1, 1}},
    {.name = "4 groups, noise 1", .n = 60, .d = 64, .groups = 4, .noise = 1, .published = {1, 1, NONE}},
    {.name = "8 groups, noise 1", .n = 60, .d = 64, .groups = 8, .noise = 1, .published = {1, 1, NONE}},
    {.name = "4 groups, noise 1.5", .n = 64, .d = 64, .groups = 4, .noise = 1.5, .published = {NONE, NONE, .97}},
    {.name = "4 groups, noise 2", .n = 60, .d = 64, .groups = 4, .noise = 2, .published = {.85, 1, NONE}},
    {.name = "4 groups, noise 2", .n = 60, .d = 96, .groups = 4, .noise = 2, .published = {NONE, NONE, NONE}},
    {.name = "4 groups, noise 2", .n = 60, .d = 128, .groups = 4, .noise = 2, .published = {NONE, NONE, NONE}},
    {.name = "4 groups, noise 2", .n = 60, .d = 256, .groups = 4, .noise = 2, .published = {NONE, NONE, NONE}},
    {.name = "4 groups, noise 1, 30 % stray",
     .n = 60,
     .d = 256,
     .groups = 4,
     .noise = 1,
     .stray = .3,
     .published = {1, 1, NONE}},
    {.name = "70, 20, 10 %, noise 1.5",
     .n = 60,
     .d = 256,
     .groups = 3,
     .noise = 1.5,
     .uneven = true,
     .published = {.87, 1, NONE}},
    {.name = "4 segments, noise 1.5",
     .n = 60,
     .d = 256,
     .groups = 4,
     .noise = 1.5,
     .contiguous = true,
     .published = {1, 1, NONE}},
    {.name = "4 groups, noise 2.5", .n = 40, .d = 256, .groups = 4, .noise = 2.5, .published = {.77, 1, NONE}},
    {.name = "4 groups, noise 2.5", .n = 64, .d = 256, .groups = 4, .noise = 2.5, .published = {.93, 1, .92}},
};

/* ---- running ---- */

typedef struct study {
  const cloud_case *which;
  bool ordered;
  cluster_test result[RUNS];
} study;

static dwell_status run_item(void *arg, size_t run, int worker, dwell_error *err) {
  (void)worker;
  study *s = arg;
  const cloud_case *c = s->which;
  double *x = MEM_NEW(double, c->n * c->d);
  dwell_status status = DWELL_OK;
  TRY_ALLOC(x, "a cloud");
  TRY(cloud_make(c, run, x, err));
  TRY(cluster_test_run(c->n, c->d, x, s->ordered, run, DRAWS, &s->result[run], err));
done:
  mem_free(x);
  return status;
}

static size_t hits(const study *s, int what, size_t count) {
  size_t sum = 0;
  for (size_t r = 0; r < RUNS; r++) {
    const cluster_test *t = &s->result[r];
    sum += what == 0 ? t->excess : what == 1 ? t->silhouette : t->count == count;
  }
  return sum;
}

static double mean_effect(const study *s) {
  double sum = 0;
  for (size_t r = 0; r < RUNS; r++) sum += s->result[r].effect / RUNS;
  return sum;
}

static dwell_status run_clouds(const dwell_context *ctx, dwell_error *err) {
  static study phases, rotations;
  size_t rejected = 0, runs = 0;
  printf(
      "%d runs a row, %d draws; rejections at 5 %%, in brackets those of the specification (9.1), where \"!\" marks "
      "more than three standard errors. N1: phases; N1': rotations.\n\n",
      RUNS, DRAWS);
  printf("| cloud | T, N1 | sil, N1 | T, N1' | sil, N1' | k = 1 | mean effect |\n|---|---|---|---|---|---|---|\n");
  for (size_t i = 0; i < sizeof structureless / sizeof structureless[0]; i++) {
    const cloud_case *c = &structureless[i];
    phases = (study){.which = c, .ordered = true}, rotations = (study){.which = c};
    dwell_status status = threads_for(ctx, RUNS, run_item, &phases, err);
    if (status == DWELL_OK) status = threads_for(ctx, RUNS, run_item, &rotations, err);
    if (status != DWELL_OK) return status;
    printf("| %s |", c->name);
    for (int k = 0; k < 4; k++)
      print_rate(hits(k < 2 ? &phases : &rotations, k % 2, 0), RUNS, c->published[k], c->published_runs);
    print_rate(hits(&phases, 2, 1), RUNS, NAN, 0);
    printf(" %.4f |\n", mean_effect(&phases));
    rejected += hits(&phases, 0, 0), runs += RUNS;
  }
  printf("\nAll clouds together, T under N1: %.3f of %zu [.034 of 684].\n", (double)rejected / (double)runs, runs);
  return DWELL_OK;
}

static dwell_status run_groups(const dwell_context *ctx, dwell_error *err) {
  static study phases;
  printf("%d runs a row, %d draws, N1; in brackets the specification (9.2).\n\n", RUNS, DRAWS);
  printf("| groups | n | d | T | sil | count exact | mean effect |\n|---|---|---|---|---|---|---|\n");
  for (size_t i = 0; i < sizeof planted / sizeof planted[0]; i++) {
    const cloud_case *c = &planted[i];
    phases = (study){.which = c, .ordered = true};
    dwell_status status = threads_for(ctx, RUNS, run_item, &phases, err);
    if (status != DWELL_OK) return status;
    printf("| %s | %zu | %zu |", c->name, c->n, c->d);
    for (int k = 0; k < 3; k++) print_rate(hits(&phases, k, c->groups), RUNS, c->published[k], PUBLISHED_RUNS);
    printf(" %.3f |\n", mean_effect(&phases));
  }
  return DWELL_OK;
}

/* ---- does the margin of claim A depend on n? ---- */

static double sd_of_effect(const study *s, size_t runs) {
  double sum = 0, squares = 0;
  for (size_t r = 0; r < runs; r++) sum += s->result[r].effect, squares += s->result[r].effect * s->result[r].effect;
  double mean = sum / (double)runs;
  return sqrt(fmax(0, squares / (double)runs - mean * mean));
}

static dwell_status run_margin(const dwell_context *ctx, dwell_error *err) {
  enum { FEWER = 60, SIZES = 4, ROWS = 4 };
  static const size_t sizes[SIZES] = {40, 60, 120, 240};
  static const struct {
    const char *name;
    cloud_case of;
    double published[SIZES]; /* 9.9 */
  } rows[ROWS] = {
      {"4 groups, noise 1: effect", {.d = 64, .groups = 4, .noise = 1}, {.194, .199, .223, .214}},
      {"4 groups, noise 2: effect", {.d = 64, .groups = 4, .noise = 2}, {.004, .008, .006, .008}},
      {"isotropic: sd of the effect", {.d = 64}, {.0006, .0010, .0004, .0002}},
      {"spectrum k^-1: sd of the effect", {.d = 256, .power = 1}, {.011, .013, .010, .007}},
  };
  static study phases;
  printf("%d clouds a cell, %d draws; in brackets the specification (9.9).\n\n| | n = 40 | 60 | 120 | 240 |\n", FEWER,
         DRAWS);
  printf("|---|---|---|---|---|\n");
  for (size_t i = 0; i < ROWS; i++) {
    printf("| %s |", rows[i].name);
    for (size_t k = 0; k < SIZES; k++) {
      cloud_case c = rows[i].of;
      double sum = 0;
      c.n = sizes[k], phases = (study){.which = &c, .ordered = true};
      dwell_status status = threads_for(ctx, FEWER, run_item, &phases, err);
      if (status != DWELL_OK) return status;
      for (size_t r = 0; r < FEWER; r++) sum += phases.result[r].effect / FEWER;
      printf(" %.4f [%.4g] |", c.groups > 0 ? sum : sd_of_effect(&phases, FEWER), rows[i].published[k]);
    }
    printf("\n");
    fflush(stdout);
  }
  return DWELL_OK;
}

const calibration_part calibrate_margin = {"margin", "The effect of the cluster test by the number of tokens",
                                           run_margin};
const calibration_part calibrate_clouds = {"clouds", "Cluster tests on clouds without groups", run_clouds};
const calibration_part calibrate_groups = {"groups", "Cluster tests on planted groups", run_groups};
