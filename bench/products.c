/* bench/products.c - seconds of the products of a forward pass alone, for bench/forward.py.
 *
 * usage: bench_products THREADS SECONDS [TIMES COUNT TRANSPOSED M K N]...
 * A product is COUNT products, f32, of m x k and k x n (TRANSPOSED 1: the second operand is [n, k]), which the pass has
 * TIMES times. First each is measured for about SECONDS in each of these ways: by panels, as in the pass; with a share
 * of the rows in each thread, by gemm_f32 and by oneDNN, where it is installed; several products given whole to the
 * threads, as heads are. Then all products of a pass run one after the other, each in its fastest way. Operands lie
 * packed and warm. For each product prints product W     the best wall seconds of one sequence W P  wall and processor
 * seconds of its TIMES ones in the sequence */
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
#include "linalg/panels.h"
#include "linalg/serial.h"

enum { MOST = 32, FIELDS = 6 };

typedef struct product {
  dwell_context ctx;
  size_t times, count, m, k, n;
  bool transposed, onednn; /* onednn: itself, where there is one */
  float *a, *b, *c;        /* c: one result for each thread */
  float *packed;           /* b in panels */
  dwell_status (*fastest)(struct product *, dwell_error *);
  bool fastest_onednn;
  double wall, processor; /* of all in the sequence */
} product;

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
  gemm_f32(p->transposed, rows, p->n, p->k, a, p->k, b, ldb, c, p->n);
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

static dwell_status by_panels(product *p, dwell_error *err) {
  panels_product job = {.rows = p->m, .k = p->k, .n = p->n, .x = p->a, .ldx = p->k, .packed = p->packed, .y = p->c};
  job.ldy = p->n;
  return panels_product_f32(&p->ctx, &job, err);
}

typedef dwell_status (*way)(product *, dwell_error *);

/* The wall seconds of one call, at best. */
static double time_way(product *p, double limit, way call) {
  dwell_error err;
  stop_if(call(p, &err), &err);
  double best = INFINITY, end = clock_seconds() + limit;
  do {
    double start = clock_seconds();
    stop_if(call(p, &err), &err);
    best = fmin(best, clock_seconds() - start);
  } while (clock_seconds() < end);
  return best;
}

static float *operand(size_t numbers, uint32_t which) {
  float *x = MEM_NEW(float, numbers);
  if (x == NULL) exit((int)DWELL_NO_MEMORY);
  const random_stream s = {.seed = 1, .purpose = RANDOM_TEST};
  for (size_t i = 0; i < numbers; i++) x[i] = (float)(2 * random_uniform(&s, which, (uint32_t)i) - 1);
  return x;
}

static void prepare(product *p) {
  p->a = operand(p->count * p->m * p->k, 0), p->b = operand(p->count * p->k * p->n, 1);
  p->c = operand((size_t)threads_count(&p->ctx) * p->m * p->n, 2);
  if (p->count > 1) return;
  size_t rows = p->transposed ? p->n : p->k, columns = p->transposed ? p->k : p->n;
  p->packed = operand(panels_elements(p->k, p->n, sizeof(float)), 3);
  panels_pack_f32(p->k, p->n, p->transposed, 0, 0, rows, columns, p->b, columns, p->packed);
}

/* Finds the fastest way. */
static void choose(product *p, double limit) {
  static const way ways[] = {by_library, by_library, by_panels};
  double best = INFINITY;
  for (int w = 0; w < (p->count == 1 ? 3 : 2); w++) {
    p->onednn = w == 1;
    double found = time_way(p, limit, ways[w]);
    if (found >= best) continue;
    best = found, p->fastest = ways[w], p->fastest_onednn = p->onednn;
  }
  p->onednn = p->fastest_onednn;
  printf("product %.9f\n", best);
}

/* All products of the pass, block by block. */
static void run_sequence(product *products, size_t count) {
  dwell_error err;
  size_t most = 0;
  for (size_t i = 0; i < count; i++) most = larger(most, products[i].times);
  for (size_t block = 0; block < most; block++) {
    for (product *p = products; p < products + count; p++) {
      if (block >= p->times) continue;
      double start = clock_seconds();
      clock_t used = clock();
      stop_if(p->fastest(p, &err), &err);
      p->processor += (double)(clock() - used) / CLOCKS_PER_SEC, p->wall += clock_seconds() - start;
    }
  }
}

static void print_sequence(const product *products, size_t count) {
  for (const product *p = products; p < products + count; p++) printf("sequence %.9f %.9f\n", p->wall, p->processor);
}

static size_t number(const char *text) { return larger(strtoul(text, NULL, 10), 1); }

int main(int argc, char **argv) {
  static product products[MOST];
  size_t count = argc < 3 ? 0 : (size_t)(argc - 3) / FIELDS;
  if (argc < 3 || (argc - 3) % FIELDS != 0 || count > MOST) {
    fprintf(stderr, "usage: bench_products THREADS SECONDS [TIMES COUNT TRANSPOSED M K N]...\n");
    return 2;
  }
  for (size_t i = 0; i < count; i++) {
    char **field = argv + 3 + FIELDS * i;
    product *p = &products[i];
    *p = (product){.ctx = dwell_context_default(), .times = number(field[0]), .count = number(field[1])};
    p->ctx.threads = (int)number(argv[1]), p->transposed = field[2][0] == '1';
    p->m = number(field[3]), p->k = number(field[4]), p->n = number(field[5]);
    prepare(p);
    choose(p, atof(argv[2]));
  }
  run_sequence(products, count); /* caches are as a pass finds them from the second time on */
  for (product *p = products; p < products + count; p++) p->wall = p->processor = 0;
  run_sequence(products, count);
  print_sequence(products, count);
  for (product *p = products; p < products + count; p++)
    mem_free(p->a), mem_free(p->b), mem_free(p->c), mem_free(p->packed);
  return 0;
}
