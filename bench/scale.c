/* bench/scale.c - what one evaluation of the sa velocity costs in pairs, vectors and messages, and what follows for
 * larger systems and more processes: the numbers of docs/scale.md.
 *
 * usage: bench_scale [N4 N64]             alone: pairs and vectors
 *        mpirun -np P bench_scale [...]   also messages, and the same evaluations on P processes
 * One thread a process. Prints the best of several runs; the processes must have the machine for themselves: each round
 * waits for the slowest of them. */
#define _POSIX_C_SOURCE 200809L /* sysconf */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/random.h"
#include "cli/ranks.h"
#include "flow/field.h"

enum { RUNS = 5, STAGES = 7, VECTOR = 4000000 };

/* Seconds of parts; all of one process. */
typedef struct costs {
  double pair[2];   /* per ordered pair: d = 4, 64 */
  double number;    /* per number of a sum of seven vectors, out of the caches */
  double start;     /* of a message */
  double byte;      /* of a message, per byte */
  double gathering; /* of an exchange, per byte of the whole */
} costs;

static const size_t dimensions[2] = {4, 64};

/* ---- what the processes wait ---- */

/* The ranks of the run with a clock around every call. */
static struct {
  const dwell_ranks *inner;
  double seconds; /* in calls, since it was set to 0 */
  size_t calls;
} watch;

static dwell_status timed_move(void *self, dwell_status mine, size_t count, const ranks_move *moves, dwell_error *err) {
  double began = clock_seconds();
  dwell_status status = watch.inner->move(self, mine, count, moves, err);
  watch.seconds += clock_seconds() - began, watch.calls++;
  return status;
}

static dwell_status timed_exchange(void *self, dwell_status mine, const size_t *bounds, size_t arrays,
                                   const ranks_array *array, dwell_error *err) {
  double began = clock_seconds();
  dwell_status status = watch.inner->exchange(self, mine, bounds, arrays, array, err);
  watch.seconds += clock_seconds() - began, watch.calls++;
  return status;
}

static dwell_ranks watched(const dwell_ranks *ranks) {
  watch.inner = ranks;
  return (dwell_ranks){ranks->rank, ranks->count, ranks->self, timed_exchange, timed_move};
}

/* Of the best run of evaluate(). */
typedef struct spent {
  double seconds, waited;
  size_t calls;
} spent;

/* Best time of an evaluation for n tokens; ctx says on how many processes. */
static spent evaluate(size_t n, size_t d, const dwell_context *ctx) {
  double *x = mem_alloc(n, d * sizeof(double)), *v = mem_alloc(n, d * sizeof(double)), *masses = MEM_NEW(double, n);
  random_stream stream = {.purpose = RANDOM_TEST};
  spent best = {INFINITY, 0, 0};
  dwell_error err;
  field f;
  if (x == NULL || v == NULL || masses == NULL) exit(1);
  for (size_t e = 0; e < n * d; e++) x[e] = random_normal(&stream, (uint32_t)(e / 1000000), (uint32_t)(e % 1000000));
  for (size_t i = 0; i < n; i++) masses[i] = 1 / (double)n;
  flow_system system = {.n = n, .d = d, .beta = 4, .masses = masses};
  if (field_create(flow_find("sa"), &system, ctx, &f, &err) != DWELL_OK) exit(1);
  for (int run = 0; run < RUNS; run++) {
    field_facts facts;
    watch.seconds = 0, watch.calls = 0;
    double began = clock_seconds();
    if (field_velocity(&f, x, v, &facts, &err) != DWELL_OK) exit(1);
    double seconds = clock_seconds() - began;
    if (seconds < best.seconds) best = (spent){seconds, watch.seconds, watch.calls};
  }
  field_destroy(&f);
  mem_free(x);
  mem_free(v);
  mem_free(masses);
  return best;
}

/* The sum that each stage of a step makes of the ones before. */
static double combine(void) {
  double *k = mem_zero(VECTOR, (STAGES + 1) * sizeof(double)), *y = k + (size_t)STAGES * VECTOR, best = INFINITY;
  if (k == NULL) exit(1);
  for (int run = 0; run < RUNS; run++) {
    double began = clock_seconds();
    for (size_t e = 0; e < VECTOR; e++) {
      double sum = 0;
      for (size_t m = 0; m < STAGES; m++) sum += k[m * VECTOR + e];
      y[e] = sum;
    }
    best = fmin(best, clock_seconds() - began);
  }
  mem_free(k);
  return best / VECTOR;
}

/* Best time of a message of `bytes` to the next process and back. */
static double message(const dwell_context *ctx, size_t bytes, char *data) {
  double best = INFINITY;
  dwell_error err;
  for (int run = 0; run < 50; run++) {
    const ranks_move there = {0, 1, bytes, data}, back = {1, 0, bytes, data};
    double began = clock_seconds();
    ctx->ranks->move(ctx->ranks->self, DWELL_OK, 1, &there, &err);
    ctx->ranks->move(ctx->ranks->self, DWELL_OK, 1, &back, &err);
    best = fmin(best, (clock_seconds() - began) / 2);
  }
  return best;
}

static double gather(const dwell_context *ctx, size_t rows, double *data) {
  size_t *bounds = MEM_NEW(size_t, ranks_count(ctx) + 1);
  const ranks_array array = {data, 1};
  double best = INFINITY;
  dwell_error err;
  if (bounds == NULL) exit(1);
  ranks_divide(ctx, rows, false, bounds);
  for (int run = 0; run < RUNS; run++) {
    double began = clock_seconds();
    ranks_exchange(ctx, DWELL_OK, bounds, 1, &array, &err);
    best = fmin(best, clock_seconds() - began);
  }
  mem_free(bounds);
  return best / (8 * (double)rows);
}

static void measure_messages(const dwell_context *ctx, costs *c) {
  enum { LONG = 4 << 20 };
  char *data = mem_zero(LONG, 1);
  if (data == NULL) exit(1);
  c->start = message(ctx, 8, data);
  c->byte = message(ctx, LONG, data) / LONG;
  c->gathering = gather(ctx, LONG / 8, (double *)(void *)data);
  mem_free(data);
}

/* ---- the model (docs/scale.md) ---- */

typedef struct estimate {
  double pairs, vectors, messages;
} estimate;

/* Of one evaluation on `ranks` processes of one thread that share `cpus` CPUs. `which`: of dimensions. */
static estimate predict(const costs *c, size_t which, double n, double ranks, double cpus) {
  double crowd = ceil(ranks / cpus); /* processes on the busiest CPU */
  double d = (double)dimensions[which], blocks = fmax(64, floor(n / 4096)), items = blocks / 2;
  double busiest = ceil(items / ranks) / items; /* share of the busiest process */
  double sums = which == 0 ? 1 + d : 2 + 2 * d; /* numbers of a token that are carried */
  double carried = 8 * sums * n / blocks;       /* bytes of a block */
  estimate e = {.pairs = c->pair[which] * n * n * busiest * crowd, .vectors = c->number * n * d * crowd};
  if (ranks > 1) e.messages = blocks * (2 * c->start + 2 * carried * c->byte) + 8 * (d + 1) * n * c->gathering;
  return e;
}

static void print_predictions(const costs *c) {
  static const double sizes[] = {1e5, 1e6, 1e7}, ranks[] = {1, 2, 16, 128, 1000};
  printf("predicted seconds of an evaluation, %s\n", "one thread a process, a CPU each (pairs + vectors + messages)");
  for (size_t which = 0; which < 2; which++)
    for (size_t s = 0; s < 3; s++)
      for (size_t r = 0; r < 5; r++) {
        estimate one = predict(c, which, sizes[s], 1, 1), e = predict(c, which, sizes[s], ranks[r], ranks[r]);
        double total = e.pairs + e.vectors + e.messages;
        printf("d %zu n %.0e processes %4.0f: %.4g + %.3g + %.3g = %.4g s, efficiency %.3f\n", dimensions[which],
               sizes[s], ranks[r], e.pairs, e.vectors, e.messages, total, (one.pairs + one.vectors) / total / ranks[r]);
      }
}

/* Everybody is here. */
static void meet(const dwell_context *ctx) {
  dwell_error err;
  size_t *bounds = mem_zero(ranks_count(ctx) + 1, sizeof(size_t));
  if (bounds == NULL || ranks_exchange(ctx, DWELL_OK, bounds, 0, NULL, &err) != DWELL_OK) exit(1);
  mem_free(bounds);
}

/* The same evaluations on all processes, against one of them alone while the others wait. */
static void compare(const costs *c, const dwell_context *ctx, const size_t sizes[2]) {
  double ranks = (double)ranks_count(ctx);
  const dwell_ranks timed = watched(ctx->ranks);
  for (size_t which = 0; which < 2; which++) {
    dwell_context alone = *ctx, together = *ctx;
    alone.ranks = NULL, together.ranks = &timed;
    double one = ranks_own(ctx) == 0 ? evaluate(sizes[which], dimensions[which], &alone).seconds : 0;
    meet(ctx);
    spent all = evaluate(sizes[which], dimensions[which], &together);
    estimate e = predict(c, which, (double)sizes[which], ranks, (double)sysconf(_SC_NPROCESSORS_ONLN));
    printf("process %zu: d %zu n %zu: %.4f s, of which %.4f in %zu meetings and messages\n", ranks_own(ctx),
           dimensions[which], sizes[which], all.seconds, all.waited, all.calls);
    meet(ctx);
    if (ranks_own(ctx) > 0) continue;
    printf("d %zu n %zu: 1 process %.4f s, %.0f processes %.4f s (predicted %.4f), efficiency %.3f\n",
           dimensions[which], sizes[which], one, ranks, all.seconds, e.pairs + e.vectors + e.messages,
           one / all.seconds / ranks);
  }
}

int main(int count, char **words) {
  cli c = {.ctx = dwell_context_default()};
  dwell_error err = {.offset = -1};
  const size_t sizes[2] = {count > 2 ? strtoul(words[1], NULL, 10) : 32768,
                           count > 2 ? strtoul(words[2], NULL, 10) : 8192};
  costs measured = {0};
  if (ranks_begin(&c, &err) != DWELL_OK) return 1;
  c.ctx.threads = 1;
  dwell_context alone = c.ctx;
  alone.ranks = NULL;
  if (ranks_own(&c.ctx) == 0) {
    for (size_t which = 0; which < 2; which++) {
      double n = (double)sizes[which];
      measured.pair[which] = evaluate(sizes[which], dimensions[which], &alone).seconds / (n * n);
      printf("d %zu: %.4g ns a pair\n", dimensions[which], 1e9 * measured.pair[which]);
    }
    measured.number = combine();
    printf("vectors: %.4g ns a number\n", 1e9 * measured.number);
  }
  if (c.ctx.ranks != NULL) {
    meet(&c.ctx);
    measure_messages(&c.ctx, &measured);
    if (ranks_own(&c.ctx) == 0)
      printf("messages: %.3g us to start, %.3g GB/s; gathering %.3g GB/s\n", 1e6 * measured.start, 1e-9 / measured.byte,
             1e-9 / measured.gathering);
    compare(&measured, &c.ctx, sizes);
  }
  if (ranks_own(&c.ctx) == 0) print_predictions(&measured);
  return ranks_end_run(&c, DWELL_OK, &err) != DWELL_OK;
}
