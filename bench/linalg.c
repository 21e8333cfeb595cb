/* bench/linalg.c - products, Gram matrices, spectra and elementwise functions of this machine, as text.
 *
 *     build/bench/bench_linalg [THREADS]
 *
 * GFLOP/s are the best of all calls in about 0.3 s, after one call to warm up; `peak` is that of as many threads, from
 * FMA chains in registers, measured before the table. One thread is timed by its processor time, several by the wall
 * clock: then the machine must be idle. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/random.h"
#include "linalg/eigen.h"
#include "linalg/gemm.h"
#include "linalg/panels.h"
#include "linalg/vmath.h"
#include "peak.h"

enum { LARGEST = 1600 * 6432 }; /* numbers in any one operand */

typedef struct bench {
  dwell_context ctx;
  double peak32, peak64;
  double *x, *b, *y;
  float *x32, *b32, *y32;
  size_t m, k, n; /* of the product at hand; any numbers are an operand in panels */
} bench;

static double now(const bench *t) { return t->ctx.threads > 1 ? clock_seconds() : peak_thread_seconds(); }

/* Best rate of `call`, in units of `work` per nanosecond. */
static double rate(bench *t, double work, void (*call)(bench *)) {
  call(t);
  double best = INFINITY, end = now(t) + 0.3;
  while (now(t) < end) {
    double start = now(t);
    call(t);
    double seconds = now(t) - start;
    if (seconds < best) best = seconds;
  }
  return work / best * 1e-9;
}

static void check(dwell_status status, const dwell_error *err) {
  char text[1600];
  if (status == DWELL_OK) return;
  fprintf(stderr, "%s\n", dwell_error_text(err, text, sizeof text));
  exit((int)status);
}

static panels_product product(const bench *t, const void *x, const void *b, void *y) {
  return (panels_product){.rows = t->m, .k = t->k, .n = t->n, .x = x, .ldx = t->k, .packed = b, .y = y, .ldy = t->n};
}

static void rows_f32(bench *t) {
  dwell_error err;
  panels_product p = product(t, t->x32, t->b32, t->y32);
  check(panels_product_f32(&t->ctx, &p, &err), &err);
}

static void rows_f64(bench *t) {
  dwell_error err;
  panels_product p = product(t, t->x, t->b, t->y);
  check(panels_product_f64(&t->ctx, &p, &err), &err);
}

static void gram(bench *t) {
  dwell_error err;
  check(gemm_gram(&t->ctx, t->m, t->k, t->x, t->k, t->y, t->m, &err), &err);
}

static void eigen(bench *t) {
  dwell_error err;
  for (size_t i = 0; i < t->n * t->n; i++) t->y[i] = t->x[i];
  check(eigen_values(t->n, t->y, t->b, &err), &err);
}

static void print_rate(const char *what, double got, double peak) {
  printf("%-34s %8.1f GF/s %6.1f %% of peak\n", what, got, peak > 0 ? 100 * got / peak : NAN);
}

static void products(bench *t) {
  static const size_t shapes[][3] = {{512, 768, 2304}, {512, 768, 768},   {512, 768, 3072}, {512, 3072, 768},
                                     {16, 768, 768},   {450, 1600, 6400}, {100, 768, 3072}};
  for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++) {
    t->m = shapes[s][0], t->k = shapes[s][1], t->n = shapes[s][2];
    double work = 2.0 * (double)t->m * (double)t->k * (double)t->n;
    for (int wide = 0; wide < 2; wide++) {
      char what[80];
      snprintf(what, sizeof what, "rows %s %zu x %zu x %zu", wide ? "f64" : "f32", t->m, t->k, t->n);
      print_rate(what, rate(t, work, wide ? rows_f64 : rows_f32), wide ? t->peak64 : t->peak32);
    }
  }
}

static void symmetric(bench *t) {
  static const size_t shapes[][2] = {{128, 64}, {512, 768}, {2048, 768}};
  for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++) {
    t->m = shapes[s][0], t->k = shapes[s][1];
    char what[80];
    snprintf(what, sizeof what, "gram f64 %zu x %zu", t->m, t->k);
    /* n (n + 1) d operations are needed; computing both triangles would be 50 % */
    print_rate(what, rate(t, (double)t->m * (double)(t->m + 1) * (double)t->k, gram), t->peak64);
  }
  for (t->n = 128; t->n <= 512; t->n *= 2) {
    printf("eigen_values %-21zu %8.2f ms, one thread\n", t->n, 1e-6 / rate(t, 1, eigen));
  }
}

enum { ELEMENTS = 4096 };
static void exp_f32(bench *t) { vmath_exp_f32(ELEMENTS, t->x32, t->y32); }
static void exp_f64(bench *t) { vmath_exp_f64(ELEMENTS, t->x, t->y); }
static void tanh_f32(bench *t) { vmath_tanh_f32(ELEMENTS, t->x32, t->y32); }
static void tanh_f64(bench *t) { vmath_tanh_f64(ELEMENTS, t->x, t->y); }
static void erf_f32(bench *t) { vmath_erf_f32(ELEMENTS, t->x32, t->y32); }
static void erf_f64(bench *t) { vmath_erf_f64(ELEMENTS, t->x, t->y); }

static void elementwise(bench *t) {
  static const struct {
    const char *name;
    void (*call)(bench *);
  } functions[] = {{"exp f32", exp_f32},   {"exp f64", exp_f64}, {"tanh f32", tanh_f32},
                   {"tanh f64", tanh_f64}, {"erf f32", erf_f32}, {"erf f64", erf_f64}};
  for (size_t f = 0; f < sizeof functions / sizeof functions[0]; f++) {
    printf("%-34s %8.2f elements/ns, one thread, %s\n", functions[f].name, rate(t, ELEMENTS, functions[f].call),
           vmath_isa());
  }
}

int main(int argc, char **argv) {
  bench t = {.ctx = dwell_context_default()};
  if (argc > 1) t.ctx.threads = atoi(argv[1]) > 1 ? atoi(argv[1]) : 1;
  t.peak32 = peak_f32() * t.ctx.threads, t.peak64 = peak_f64() * t.ctx.threads;
  t.x = MEM_NEW(double, LARGEST), t.b = MEM_NEW(double, LARGEST), t.y = MEM_NEW(double, LARGEST);
  t.x32 = MEM_NEW(float, LARGEST), t.b32 = MEM_NEW(float, LARGEST), t.y32 = MEM_NEW(float, LARGEST);
  if (!t.x || !t.b || !t.y || !t.x32 || !t.b32 || !t.y32) return (int)DWELL_NO_MEMORY;
  const random_stream s = {.seed = 1, .purpose = RANDOM_TEST};
  for (size_t i = 0; i < LARGEST; i++) {
    t.x[i] = 2 * random_uniform(&s, 0, (uint32_t)i) - 1, t.b[i] = 2 * random_uniform(&s, 1, (uint32_t)i) - 1;
    t.x32[i] = (float)t.x[i], t.b32[i] = (float)t.b[i];
  }
  printf("%s\n%d threads; measured peak %.1f GF/s f32, %.1f f64\n", gemm_library(), t.ctx.threads, t.peak32, t.peak64);
  products(&t);
  symmetric(&t);
  elementwise(&t);
  mem_free(t.x), mem_free(t.b), mem_free(t.y), mem_free(t.x32), mem_free(t.b32), mem_free(t.y32);
  return 0;
}
