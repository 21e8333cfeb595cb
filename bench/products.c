/* bench/products.c - seconds of the products of a forward pass alone, for bench/forward.py.
 *
 * usage: bench_products THREADS SECONDS [COUNT TRANSPOSED M K N]...
 * For each five numbers prints the best wall and the best processor seconds of COUNT products, f32, of m x k and k x n
 * (TRANSPOSED 1: the second operand is [n, k]), measured for about SECONDS each way. The fastest way counts: one
 * product by gemm_rows, as in the pass, or with a share of the rows in each thread, by gemm_f32 and by oneDNN itself,
 * which gemm_f32 leaves out for small products; several given whole to the threads, as heads are. Operands lie packed
 * and warm: it is the rate of the libraries at their best. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#ifdef DWELL_HAVE_ONEDNN
#include <dnnl.h>
#endif

#include "base/clock.h"
#include "base/mem.h"
#include "base/random.h"
#include "base/threads.h"
#include "linalg/gemm.h"
#include "linalg/serial.h"

typedef struct product {
  dwell_context ctx;
  size_t count, m, k, n;
  bool transposed, onednn; /* onednn: itself, where there is one */
  float *a, *b, *c;        /* c: one result for each thread */
} product;

typedef struct seconds {
  double wall, processor;
} seconds;

static size_t larger(size_t a, size_t b) { return a > b ? a : b; }

static void stop_if(dwell_status status, const dwell_error *err) {
  char text[1600];
  if (status == DWELL_OK) return;
  fprintf(stderr, "%s\n", dwell_error_text(err, text, sizeof text));
  exit((int)status);
}

/* Rows first..end of product `number`. */
static void multiply(const product *p, size_t number, size_t first, size_t end, float *c) {
  const float *a = p->a + number * p->m * p->k + first * p->k, *b = p->b + number * p->k * p->n;
  size_t rows = end - first, ldb = p->transposed ? p->k : p->n;
  c += first * p->n;
#ifdef DWELL_HAVE_ONEDNN
  if (p->onednn) {
    int kept = serial_begin();
    dnnl_sgemm('N', p->transposed ? 'T' : 'N', (dnnl_dim_t)rows, (dnnl_dim_t)p->n, (dnnl_dim_t)p->k, 1, a,
               (dnnl_dim_t)p->k, b, (dnnl_dim_t)ldb, 0, c, (dnnl_dim_t)p->n);
    serial_end(kept);
    return;
  }
#endif
  gemm_f32(false, p->transposed, rows, p->n, p->k, 1, a, p->k, b, ldb, 0, c, p->n);
}

static dwell_status whole_item(void *arg, size_t item, int worker, dwell_error *err) {
  (void)err;
  const product *p = arg;
  multiply(p, item, 0, p->m, p->c + (size_t)worker * p->m * p->n);
  return DWELL_OK;
}

static dwell_status share_item(void *arg, size_t item, int worker, dwell_error *err) {
  (void)worker, (void)err;
  const product *p = arg;
  size_t threads = (size_t)threads_count(&p->ctx);
  multiply(p, 0, p->m * item / threads, p->m * (item + 1) / threads, p->c);
  return DWELL_OK;
}

static dwell_status by_library(product *p, dwell_error *err) {
  if (p->count > 1) return threads_for(&p->ctx, p->count, whole_item, p, err);
  return threads_for(&p->ctx, (size_t)threads_count(&p->ctx), share_item, p, err);
}

static dwell_status by_rows(product *p, dwell_error *err) {
  return gemm_rows_f32(&p->ctx, p->m, p->k, p->n, p->a, p->k, p->b, p->transposed ? p->k : p->n, p->transposed, p->c,
                       p->n, err);
}

static void time_calls(product *p, double limit, dwell_status (*call)(product *, dwell_error *), seconds *best) {
  dwell_error err;
  stop_if(call(p, &err), &err);
  double end = clock_seconds() + limit;
  do {
    double start = clock_seconds();
    clock_t used = clock();
    stop_if(call(p, &err), &err);
    best->processor = fmin(best->processor, (double)(clock() - used) / CLOCKS_PER_SEC);
    best->wall = fmin(best->wall, clock_seconds() - start);
  } while (clock_seconds() < end);
}

static float *operand(size_t numbers, uint32_t which) {
  float *x = MEM_NEW(float, numbers);
  if (x == NULL) exit((int)DWELL_NO_MEMORY);
  const random_stream s = {.seed = 1, .purpose = RANDOM_TEST};
  for (size_t i = 0; i < numbers; i++) x[i] = (float)(2 * random_uniform(&s, which, (uint32_t)i) - 1);
  return x;
}

static void measure(product *p, double limit) {
  seconds best = {INFINITY, INFINITY};
  p->a = operand(p->count * p->m * p->k, 0), p->b = operand(p->count * p->k * p->n, 1);
  p->c = operand((size_t)threads_count(&p->ctx) * p->m * p->n, 2);
  for (int onednn = 0; onednn < 2; onednn++) {
    p->onednn = onednn;
    time_calls(p, limit, by_library, &best);
  }
  if (p->count == 1) time_calls(p, limit, by_rows, &best);
  printf("product %.9f %.9f\n", best.wall, best.processor);
  mem_free(p->a), mem_free(p->b), mem_free(p->c);
}

static size_t number(const char *text) { return larger(strtoul(text, NULL, 10), 1); }

int main(int argc, char **argv) {
  if (argc < 3 || (argc - 3) % 5 != 0) {
    fprintf(stderr, "usage: bench_products THREADS SECONDS [COUNT TRANSPOSED M K N]...\n");
    return 2;
  }
  product p = {.ctx = dwell_context_default()};
  p.ctx.threads = (int)number(argv[1]);
  for (int i = 3; i < argc; i += 5) {
    p.count = number(argv[i]), p.transposed = argv[i + 1][0] == '1';
    p.m = number(argv[i + 2]), p.k = number(argv[i + 3]), p.n = number(argv[i + 4]);
    measure(&p, strtod(argv[2], NULL));
  }
  return 0;
}
