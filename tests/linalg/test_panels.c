/* Products with an operand in panels: right to rounding, and with bits that depend on a row's own numbers alone. */
#include "linalg/panels.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/random.h"
#include "util/testing.h"

static const random_stream stream = {.seed = 11, .purpose = RANDOM_TEST, .replica = 1};

/* f32 or f64 behind one signature: numbers are held as double or float, by `wide`. */
typedef struct operand {
  bool wide;
  void *values;
} operand;

static size_t size_of(bool wide) { return wide ? sizeof(double) : sizeof(float); }

/* `count` uniform numbers in (-1, 1); different `which`, different numbers. */
static operand numbers(bool wide, uint32_t which, size_t count) {
  operand o = {wide, mem_alloc(count, size_of(wide))};
  assert_non_null(o.values);
  for (size_t i = 0; i < count; i++) {
    double x = 2 * random_uniform(&stream, which, (uint32_t)i) - 1;
    if (wide) ((double *)o.values)[i] = x;
    else ((float *)o.values)[i] = (float)x;
  }
  return o;
}

static void *at(const operand *o, size_t i) { return (char *)o->values + i * size_of(o->wide); }
static double number(const operand *o, size_t i) {
  return o->wide ? ((const double *)o->values)[i] : (double)((const float *)o->values)[i];
}

static void pack(bool wide, size_t k, size_t n, bool transposed, size_t row, size_t column, size_t rows, size_t columns,
                 const void *values, size_t ld, void *packed) {
  if (wide) panels_pack_f64(k, n, transposed, row, column, rows, columns, values, ld, packed);
  else panels_pack_f32(k, n, transposed, row, column, rows, columns, values, ld, packed);
}

/* All of B, [n,k] if transposed, else [k,n]; guarded by NaN, which no product may touch. */
static operand packed(const operand *b, size_t k, size_t n, bool transposed) {
  size_t count = panels_elements(k, n, size_of(b->wide)), columns = transposed ? k : n;
  operand o = numbers(b->wide, 9, count + 1);
  if (b->wide) ((double *)o.values)[count] = NAN;
  else ((float *)o.values)[count] = NAN;
  pack(b->wide, k, n, transposed, 0, 0, transposed ? n : k, columns, b->values, columns, o.values);
  return o;
}

static dwell_status multiply(bool wide, const panels_product *p, int threads, dwell_error *err) {
  dwell_context ctx = dwell_context_default();
  ctx.threads = threads;
  return wide ? panels_product_f64(&ctx, p, err) : panels_product_f32(&ctx, p, err);
}

/* |C - A B| <= gamma_k |A||B| for a sum of k products in any order, fused or not (Higham 2002, 3.5); twice because the
 * plain loop has rounding errors of its own. */
static void check_entry(double got, size_t k, const operand *x, size_t row, const operand *b, size_t first,
                        size_t step) {
  double sum = 0, magnitude = 0, unit = (x->wide ? DBL_EPSILON : (double)FLT_EPSILON) / 2;
  for (size_t q = 0; q < k; q++) {
    double term = number(x, row + q) * number(b, first + q * step);
    sum += term, magnitude += fabs(term);
  }
  assert_near(got, sum, 0, 2 * ((double)k + 4) * unit * magnitude);
}

/* ---- the heart of the matter ---- */

enum { MOST_ROWS = 200, GAP = 3 };

/* Row i has the same bits for any number of rows and threads, and what lies behind each row of Y stays. */
static void check_product(bool wide, size_t k, size_t n, bool transposed) {
  size_t ldx = k + GAP, ldy = n + GAP;
  operand x = numbers(wide, 1, MOST_ROWS * ldx), b = numbers(wide, 2, k * n + 1), p = packed(&b, k, n, transposed);
  operand all = numbers(wide, 3, MOST_ROWS * ldy);
  dwell_error err;
  panels_product job = {.k = k, .n = n, .x = x.values, .ldx = ldx, .packed = p.values, .ldy = ldy};
  job.rows = MOST_ROWS, job.y = all.values;
  assert_ok(multiply(wide, &job, 1, &err), &err);
  for (size_t t = 0; t < MOST_ROWS * ldy; t += 1 + t % 7) {
    size_t i = t / ldy, j = t % ldy;
    if (j >= n) continue;
    check_entry(number(&all, t), k, &x, i * ldx, &b, transposed ? j * k : j, transposed ? 1 : n);
  }
  static const size_t counts[] = {1, 2, 3, 7, 8, 9, 15, 16, 17, 63, 64, 65, 127, 128, 129, 199, 200};
  for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++) {
    operand some = numbers(wide, 3, MOST_ROWS * ldy);
    job.rows = counts[c], job.y = some.values;
    assert_ok(multiply(wide, &job, 1 + (int)c % 3, &err), &err);
    assert_memory_equal(some.values, all.values, counts[c] * ldy * size_of(wide)); /* the gaps are in it */
    mem_free(some.values);
  }
  mem_free(x.values), mem_free(b.values), mem_free(p.values), mem_free(all.values);
}

static void rows_do_not_depend_on_their_number(void **state) {
  (void)state;
  static const size_t shapes[][2] = {{48, 144}, {64, 64}, {1, 5}, {257, 500}, {768, 97}, {771, 97}, {1600, 24}, {5, 1}};
  for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
    for (int kind = 0; kind < 4; kind++) check_product(kind & 2, shapes[i][0], shapes[i][1], kind & 1);
  }
}

/* The first k rows and n columns of a larger B, added to what is there: as attention takes keys and values. */
static void part_of_an_operand(void **state) {
  (void)state;
  enum { K = 900, N = 130, DEPTH = 1000, WIDTH = 150, ROWS = 21 };
  for (int wide = 0; wide < 2; wide++) {
    operand x = numbers(wide, 1, ROWS * K), b = numbers(wide, 2, DEPTH * WIDTH), p = packed(&b, DEPTH, WIDTH, false);
    operand y = numbers(wide, 3, ROWS * N);
    for (int add = 0; add < 2; add++) {
      if (wide) panels_multiply_f64(ROWS, K, N, x.values, K, p.values, DEPTH, y.values, N, add);
      else panels_multiply_f32(ROWS, K, N, x.values, K, p.values, DEPTH, y.values, N, add);
    }
    for (size_t t = 0; t < ROWS * N; t++) { /* once set, once added: twice the product */
      check_entry(number(&y, t) / 2, K, &x, t / N * K, &b, t % N, WIDTH);
    }
    mem_free(x.values), mem_free(b.values), mem_free(p.values), mem_free(y.values);
  }
}

/* X transposed: the same bits. */
static void turned_operands(void **state) {
  (void)state;
  enum { K = 900, N = 130, ROWS = 21, LD = ROWS + GAP };
  for (int wide = 0; wide < 2; wide++) {
    operand x = numbers(wide, 1, ROWS * K), turned = numbers(wide, 4, K * LD), b = numbers(wide, 2, K * N);
    operand p = packed(&b, K, N, false), y = numbers(wide, 3, ROWS * N), z = numbers(wide, 3, ROWS * N);
    for (size_t t = 0; t < ROWS * K; t++) memcpy(at(&turned, t % K * LD + t / K), at(&x, t), size_of(wide));
    for (int add = 0; add < 2; add++) {
      if (wide) panels_multiply_f64(ROWS, K, N, x.values, K, p.values, K, y.values, N, add);
      else panels_multiply_f32(ROWS, K, N, x.values, K, p.values, K, y.values, N, add);
      if (wide) panels_multiply_turned_f64(ROWS, K, N, turned.values, LD, p.values, K, z.values, N, add);
      else panels_multiply_turned_f32(ROWS, K, N, turned.values, LD, p.values, K, z.values, N, add);
      assert_memory_equal(y.values, z.values, ROWS * N * size_of(wide));
    }
    mem_free(x.values), mem_free(turned.values), mem_free(b.values), mem_free(p.values);
    mem_free(y.values), mem_free(z.values);
  }
}

/* Laid out in parts of any size, in any order: the same bits as laid out at once. */
static void parts_may_come_in_any_order(void **state) {
  (void)state;
  static const size_t shapes[][2] = {{256, 256}, {131, 500}, {700, 193}, {384, 1152}};
  for (size_t i = 0; i < 4 * sizeof shapes / sizeof shapes[0]; i++) {
    size_t k = shapes[i / 4][0], n = shapes[i / 4][1];
    bool transposed = i & 1, wide = i & 2;
    size_t rows = transposed ? n : k, columns = transposed ? k : n, count = panels_elements(k, n, size_of(wide));
    operand b = numbers(wide, 2, k * n), at_once = packed(&b, k, n, transposed), parts = numbers(wide, 4, count);
    for (size_t end = rows, first; end > 0; end = first) {
      first = end > 37 ? end - 37 : 0;
      for (size_t column = 0, width; column < columns; column += width) {
        width = columns - column < 101 ? columns - column : 101;
        pack(wide, k, n, transposed, first, column, end - first, width, at(&b, first * columns + column), columns,
             parts.values);
      }
    }
    assert_memory_equal(parts.values, at_once.values, count * size_of(wide));
    mem_free(b.values), mem_free(at_once.values), mem_free(parts.values);
  }
}

/* ---- finishing ---- */

typedef struct seen {
  float *y;
  size_t rows, columns, ldy;
} seen;

/* Adds 1000 to each entry: one that comes twice, or never, is seen. */
static void add_thousand(const void *arg, size_t column, size_t rows, size_t columns, void *y, size_t ldy) {
  const seen *s = arg;
  float *part = y;
  assert_true(ldy == s->ldy && (size_t)(part - s->y) % ldy == column);
  for (size_t t = 0; t < rows * columns; t++) part[t / columns * ldy + t % columns] += 1000;
}

static void every_entry_is_finished_once(void **state) {
  (void)state;
  enum { ROWS = 301, K = 20, N = 130 };
  operand x = numbers(false, 1, ROWS * K), b = numbers(false, 2, K * N), p = packed(&b, K, N, false);
  operand y = numbers(false, 3, ROWS * N);
  seen s = {y.values, ROWS, N, N};
  panels_product job = {.rows = ROWS, .k = K, .n = N, .x = x.values, .ldx = K, .packed = p.values, .y = y.values};
  job.ldy = N, job.opt_finish = add_thousand, job.finish_arg = &s;
  dwell_error err;
  assert_ok(multiply(false, &job, 2, &err), &err);
  for (size_t t = 0; t < ROWS * N; t++) assert_true(fabs(number(&y, t) - 1000) < K);
  mem_free(x.values), mem_free(b.values), mem_free(p.values), mem_free(y.values);
}

/* ---- instruction sets ---- */

/* All of one CPU's kernels are right, and those that fuse give the same bits. */
static void instruction_sets_agree(void **state) {
  (void)state;
  enum { ROWS = 19, K = 301 };
  static const char *const names[] = {"baseline", "avx2", "avx512"};
  operand x = numbers(false, 1, ROWS * K), b = numbers(false, 2, K * PANEL_F32);
  operand x64 = numbers(true, 1, ROWS * K), b64 = numbers(true, 2, K * PANEL_F64);
  for (size_t columns = 1; columns <= PANEL_F32; columns++) {
    float y[3][ROWS * PANEL_F32];
    double z[3][ROWS * PANEL_F64];
    memset(y, 0, sizeof y), memset(z, 0, sizeof z);
    for (size_t i = 0; i < 3; i++) {
      panels_kernel_f32 *f32 = panels_kernel_of_f32(names[i], false);
      panels_kernel_f64 *f64 = panels_kernel_of_f64(names[i], false);
      if (f32 == NULL) continue;
      f32(ROWS, columns, K, x.values, K, b.values, y[i], PANEL_F32, false);
      for (size_t t = 0; t < ROWS * columns; t++) {
        size_t row = t / columns, j = t % columns;
        check_entry((double)y[i][row * PANEL_F32 + j], K, &x, row * K, &b, j, PANEL_F32);
      }
      if (columns > PANEL_F64) continue;
      f64(ROWS, columns, K, x64.values, K, b64.values, z[i], PANEL_F64, false);
      for (size_t row = 0; row < ROWS; row++)
        check_entry(z[i][row * PANEL_F64 + columns - 1], K, &x64, row * K, &b64, columns - 1, PANEL_F64);
    }
    if (panels_kernel_of_f32("avx512", false) == NULL) continue;
    assert_memory_equal(y[1], y[2], sizeof y[1]);
    assert_memory_equal(z[1], z[2], sizeof z[1]);
  }
  assert_null(panels_kernel_of_f32("mmx", false));
  assert_non_null(panels_kernel_of_f64("baseline", false));
  mem_free(x.values), mem_free(b.values), mem_free(x64.values), mem_free(b64.values);
}

/* ---- edges ---- */

static void empty_products(void **state) {
  (void)state;
  dwell_error err;
  float x[4] = {1, 2, 3, 4}, y[4] = {5, 6, 7, 8};
  panels_product p = {.rows = 0, .k = 2, .n = 2, .x = x, .ldx = 2, .packed = x, .y = y, .ldy = 2};
  assert_ok(panels_product_f32(NULL, &p, &err), &err);
  p.rows = 2, p.n = 0;
  assert_ok(panels_product_f32(NULL, &p, &err), &err);
  assert_true(y[0] == 5 && y[3] == 8);
  p.n = 2, p.k = 0;
  assert_ok(panels_product_f32(NULL, &p, &err), &err); /* an empty sum is 0 */
  for (int i = 0; i < 4; i++) assert_true(y[i] == 0);
  assert_int_equal(panels_elements(3, 49, sizeof(float)), 2 * 3 * PANEL_F32);
  assert_int_equal(panels_elements(SIZE_MAX / 8, 49, sizeof(float)), 0);
}

static int always(void *self) {
  (void)self;
  return 1;
}

static void products_can_be_interrupted(void **state) {
  (void)state;
  dwell_context ctx = {.threads = 2, .interrupted = always};
  dwell_error err;
  operand x = numbers(false, 1, 512 * 64), p = numbers(false, 2, panels_elements(64, 512, sizeof(float)));
  operand y = numbers(false, 3, 512 * 512);
  panels_product job = {.rows = 512, .k = 64, .n = 512, .x = x.values, .ldx = 64, .packed = p.values, .y = y.values};
  job.ldy = 512;
  assert_fails(panels_product_f32(&ctx, &job, &err), DWELL_INTERRUPTED, &err, "interrupted");
  mem_free(x.values), mem_free(p.values), mem_free(y.values);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(rows_do_not_depend_on_their_number),
      cmocka_unit_test(part_of_an_operand),
      cmocka_unit_test(turned_operands),
      cmocka_unit_test(parts_may_come_in_any_order),
      cmocka_unit_test(every_entry_is_finished_once),
      cmocka_unit_test(instruction_sets_agree),
      cmocka_unit_test(empty_products),
      cmocka_unit_test(products_can_be_interrupted),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
