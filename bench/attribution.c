/* bench/attribution.c - what it costs to share the energy's change over a block among its parts, as text.
 *
 *     build/bench/bench_attribution N D HEADS THREADS FILE
 *
 * A block whose norms stand before the sublayers, at five temperatures: the leg of the attention with its gradient, the
 * shares of HEADS heads and a bias, and the leg of the MLP. FILE receives x, the heads and the MLP's move as floats, so
 * that a rival computes the same. Prints `best` seconds of a few blocks, the panels it took, and every head's share at
 * beta = 1. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/random.h"
#include "mechanism/attribution.h"

enum { BETAS = 5, MOST_HEADS = 64, REPEATS = 5 };
static const double betas[BETAS] = {0.1, 1, 2, 5, 6.6};

typedef struct bench {
  size_t n, d, heads, *rows;
  float *x, *middle, *end, *mlp, *part[MOST_HEADS + 1]; /* the last one: the bias */
  double shares[MOST_HEADS + 1][BETAS];
} bench;

static void check(dwell_status status, const dwell_error *err) {
  char text[1600];
  if (status == DWELL_OK) return;
  fprintf(stderr, "%s\n", dwell_error_text(err, text, sizeof text));
  exit((int)status);
}

static float *fill(const bench *b, uint32_t which, double size) {
  const random_stream s = {.seed = 1, .purpose = RANDOM_TEST, .replica = which};
  float *x = malloc(b->n * b->d * sizeof *x);
  if (x == NULL) exit((int)DWELL_NO_MEMORY);
  for (size_t i = 0; i < b->n; i++) {
    for (size_t k = 0; k < b->d; k++)
      x[i * b->d + k] = (float)(size * random_normal(&s, (uint32_t)i, (uint32_t)k) + (k == 0 ? 12 * size : 0));
  }
  return x;
}

static float *plus(const bench *b, const float *x, const float *y) {
  float *sum = malloc(b->n * b->d * sizeof *sum);
  if (sum == NULL) exit((int)DWELL_NO_MEMORY);
  for (size_t i = 0; i < b->n * b->d; i++) sum[i] = x[i] + y[i];
  return sum;
}

static void make(bench *b) {
  b->rows = malloc(b->n * sizeof *b->rows);
  if (b->rows == NULL) exit((int)DWELL_NO_MEMORY);
  for (size_t i = 0; i < b->n; i++) b->rows[i] = i;
  b->x = fill(b, 0, 1), b->mlp = fill(b, 1, 0.3);
  b->middle = b->x;
  for (uint32_t h = 0; h <= b->heads; h++) {
    b->part[h] = fill(b, 2 + h, 0.1);
    b->middle = plus(b, b->middle, b->part[h]);
  }
  b->end = plus(b, b->middle, b->mlp);
}

static void save(const bench *b, const char *path) {
  FILE *file = fopen(path, "wb");
  size_t one = b->n * b->d;
  if (file == NULL) exit(1);
  fwrite(b->x, sizeof(float), one, file);
  for (size_t h = 0; h <= b->heads; h++) fwrite(b->part[h], sizeof(float), one, file);
  fwrite(b->mlp, sizeof(float), one, file);
  fclose(file);
}

static void run(bench *b, attribution *a) {
  double change[BETAS];
  dwell_error err;
  dwell_cloud x = {b->n, b->d, DWELL_F32, b->x}, middle = {b->n, b->d, DWELL_F32, b->middle};
  dwell_cloud end = {b->n, b->d, DWELL_F32, b->end};
  check(attribution_start(a, &x, &err), &err);
  check(attribution_leg(a, &middle, true, change, &err), &err);
  for (size_t h = 0; h <= b->heads; h++) {
    dwell_cloud part = {b->n, b->d, DWELL_F32, b->part[h]};
    check(attribution_share(a, &part, b->shares[h], &err), &err);
  }
  check(attribution_leg(a, &end, false, change, &err), &err);
}

int main(int count, char **words) {
  bench b = {0};
  attribution *a;
  dwell_error err;
  if (count != 6) return 2;
  b.n = strtoul(words[1], NULL, 10), b.d = strtoul(words[2], NULL, 10), b.heads = strtoul(words[3], NULL, 10);
  if (b.heads > MOST_HEADS) return 2;
  dwell_context ctx = {.threads = atoi(words[4])};
  make(&b);
  save(&b, words[5]);
  check(attribution_create(&ctx, b.rows, b.n, b.d, betas, BETAS, &a, &err), &err);
  double best = INFINITY;
  for (int k = 0; k < REPEATS; k++) {
    double started = clock_seconds();
    run(&b, a);
    best = fmin(best, clock_seconds() - started);
  }
  printf("best %.6f panels %zu\n", best, attribution_panels(a));
  for (size_t h = 0; h <= b.heads; h++) printf("share %.17g\n", b.shares[h][1]);
  attribution_destroy(a);
  return 0;
}
