/* linalg/gemm.c - dense products on top of OpenBLAS and oneDNN. */
#include "linalg/gemm.h"

#include <cblas.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#ifdef DWELL_HAVE_ONEDNN
#include <dnnl.h>
#endif

#include "base/error.h"
#include "base/mem.h"
#include "base/threads.h"
#include "linalg/serial.h"

/* ---- one product, one thread ---- */

/* Sizes beyond BLAS's int cannot be passed to it; such a product is done by plain loops: slow, but right. */
static bool fits_blas(size_t m, size_t n, size_t k, size_t lda, size_t ldb, size_t ldc) {
  return m <= INT_MAX && n <= INT_MAX && k <= INT_MAX && lda <= INT_MAX && ldb <= INT_MAX && ldc <= INT_MAX;
}

#define DEFINE_PLAIN(name, real)                                                                          \
  static void name(bool at, bool bt, size_t m, size_t n, size_t k, real alpha, const real *a, size_t lda, \
                   const real *b, size_t ldb, real beta, real *c, size_t ldc) {                           \
    for (size_t i = 0; i < m; i++) {                                                                      \
      for (size_t j = 0; j < n; j++) {                                                                    \
        real sum = 0;                                                                                     \
        for (size_t q = 0; q < k; q++)                                                                    \
          sum += (at ? a[q * lda + i] : a[i * lda + q]) * (bt ? b[j * ldb + q] : b[q * ldb + j]);         \
        c[i * ldc + j] = alpha * sum + (beta == 0 ? 0 : beta * c[i * ldc + j]);                           \
      }                                                                                                   \
    }                                                                                                     \
  }
DEFINE_PLAIN(plain_f32, float)
DEFINE_PLAIN(plain_f64, double)

static CBLAS_TRANSPOSE transpose(bool transposed) { return transposed ? CblasTrans : CblasNoTrans; }

/* BLAS wants a leading dimension of at least 1 even for empty operands. */
static int leading(size_t ld) { return ld > 0 ? (int)ld : 1; }

static void openblas_f32(bool at, bool bt, size_t m, size_t n, size_t k, float alpha, const float *a, size_t lda,
                         const float *b, size_t ldb, float beta, float *c, size_t ldc) {
  if (!fits_blas(m, n, k, lda, ldb, ldc)) {
    plain_f32(at, bt, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
    return;
  }
  int kept = serial_begin();
  cblas_sgemm(CblasRowMajor, transpose(at), transpose(bt), (int)m, (int)n, (int)k, alpha, a, leading(lda), b,
              leading(ldb), beta, c, leading(ldc));
  serial_end(kept);
}

/* oneDNN where it is built in; OpenBLAS where it is not or refuses. */
static void onednn_f32(bool at, bool bt, size_t m, size_t n, size_t k, float alpha, const float *a, size_t lda,
                       const float *b, size_t ldb, float beta, float *c, size_t ldc) {
#ifdef DWELL_HAVE_ONEDNN
  int kept = serial_begin();
  dnnl_status_t status = dnnl_sgemm(at ? 'T' : 'N', bt ? 'T' : 'N', (dnnl_dim_t)m, (dnnl_dim_t)n, (dnnl_dim_t)k, alpha,
                                    a, (dnnl_dim_t)lda, b, (dnnl_dim_t)ldb, beta, c, (dnnl_dim_t)ldc);
  serial_end(kept);
  if (status == dnnl_success) return;
#endif
  openblas_f32(at, bt, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

#ifdef DWELL_HAVE_ONEDNN
static const bool HAVE_ONEDNN = true;
#else
static const bool HAVE_ONEDNN = false;
#endif

/* oneDNN writes its kernels when it is first called (43 ms measured): not worth it below these sizes. Once they are
 * there, it is the faster one from WARM_FLOPS on, and the only one with good kernels where OpenBLAS does not know the
 * CPU. */
enum { ONEDNN_FLOPS = 1 << 24, ONEDNN_WARM_FLOPS = 1 << 18, ONEDNN_OPERAND = 1 << 16 };

static void by_size(double least_flops, bool at, bool bt, size_t m, size_t n, size_t k, float alpha, const float *a,
                    size_t lda, const float *b, size_t ldb, float beta, float *c, size_t ldc) {
  bool large = HAVE_ONEDNN && 2.0 * (double)m * (double)n * (double)k >= least_flops;
  (large ? onednn_f32 : openblas_f32)(at, bt, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

void gemm_f32(bool a_transposed, bool b_transposed, size_t m, size_t n, size_t k, float alpha, const float *a,
              size_t lda, const float *b, size_t ldb, float beta, float *c, size_t ldc) {
  by_size(ONEDNN_FLOPS, a_transposed, b_transposed, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

void gemm_warm_f32(bool a_transposed, bool b_transposed, size_t m, size_t n, size_t k, float alpha, const float *a,
                   size_t lda, const float *b, size_t ldb, float beta, float *c, size_t ldc) {
  by_size(ONEDNN_WARM_FLOPS, a_transposed, b_transposed, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

bool gemm_rows_warm_f32(size_t k, size_t n) { return HAVE_ONEDNN && (double)k * (double)n >= ONEDNN_OPERAND; }

void gemm_f64(bool a_transposed, bool b_transposed, size_t m, size_t n, size_t k, double alpha, const double *a,
              size_t lda, const double *b, size_t ldb, double beta, double *c, size_t ldc) {
  if (!fits_blas(m, n, k, lda, ldb, ldc)) {
    plain_f64(a_transposed, b_transposed, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
    return;
  }
  int kept = serial_begin();
  cblas_dgemm(CblasRowMajor, transpose(a_transposed), transpose(b_transposed), (int)m, (int)n, (int)k, alpha, a,
              leading(lda), b, leading(ldb), beta, c, leading(ldc));
  serial_end(kept);
}

void gemm_square_f64(size_t n, size_t d, const double *x, size_t ldx, double *g, size_t ldg) {
  if (!fits_blas(n, n, d, ldx, ldx, ldg)) {
    plain_f64(false, true, n, n, d, 1, x, ldx, x, ldx, 0, g, ldg);
    return;
  }
  int kept = serial_begin();
  cblas_dsyrk(CblasRowMajor, CblasLower, CblasNoTrans, (int)n, (int)d, 1, x, leading(ldx), 0, g, leading(ldg));
  serial_end(kept);
  for (size_t i = 0; i < n; i++) {
    for (size_t j = 0; j < i; j++) g[j * ldg + i] = g[i * ldg + j];
  }
}

/* ---- many rows, many threads ---- */

/* Y is cut into tiles: TILE rows of SLAB columns, one library call each, always of the full number of rows with the
 * same leading dimensions (the last rows are copied out, padded with zeros). So every call that computes row i is the
 * same call whatever the number of rows, and equal bits follow without a word about the kernels. They do not follow
 * for shorter tiles: of 309 shapes (k, n), 16 rows of a 64-row tile differ in 36 with OpenBLAS; oneDNN agrees on
 * AVX-512 up to 64 rows, not at 128, and not on AVX2.
 *
 * oneDNN is fast on short tiles only if B is [k, n] with a friendly leading dimension (no copy is made then). So a
 * slab of B is first laid out so in scratch, whichever way it comes; it stays in cache for all the row tiles. OpenBLAS
 * lays B out itself, once per call, which is why its tiles are larger. All figures: bench/linalg. */
typedef struct tiling {
  bool packed; /* oneDNN on a packed slab of B; else OpenBLAS on B as it is */
  size_t tile; /* rows of a tile */
  size_t slab; /* columns of a slab */
} tiling;

enum { ONEDNN_TILE = 32, ONEDNN_SLAB = 192, OPENBLAS_TILE = 64, OPENBLAS_SLAB = 384, PACK_GAP = 16 };

static size_t ceiling(size_t a, size_t b) { return a / b + (a % b != 0); }

/* Depends on the shape of B only: never on the number of rows. */
static tiling choose_tiling(size_t k, size_t n, size_t real_size) {
  tiling t = {.tile = OPENBLAS_TILE, .slab = OPENBLAS_SLAB};
  if (real_size == sizeof(float) && gemm_rows_warm_f32(k, n)) {
    t = (tiling){.packed = true, .tile = ONEDNN_TILE, .slab = ONEDNN_SLAB};
  }
  if (n == 0) return t;
  size_t slabs = ceiling(n, t.slab);
  t.slab = ceiling(ceiling(n, slabs), PACK_GAP) * PACK_GAP; /* slabs of even width, in whole vectors */
  return t;
}

typedef struct rows_job {
  tiling tiles;
  size_t rows, k, n, real_size;
  size_t slabs, row_tiles, group; /* an item is `group` row tiles of one slab */
  const unsigned char *x, *b;
  unsigned char *y;
  size_t ldx, ldb, ldy;
  bool b_transposed;
  unsigned char *last_x, *last_y; /* the last, padded tile: [tile, ldx] and [tile, ldy], or NULL */
  float *packs;                   /* per worker: [k, slab + PACK_GAP] */
  const float *packed;            /* all of B laid out beforehand: [slabs][k, slab + PACK_GAP], or NULL */
} rows_job;

static size_t pack_ld(const tiling *tiles) { return tiles->slab + PACK_GAP; }

enum { BLOCK = GEMM_PACK_ROWS, QUAD = 4 };

typedef float quad __attribute__((vector_size(QUAD * sizeof(float))));

#define QUADS(a, b, i0, i1, i2, i3) __builtin_shufflevector(a, b, i0, i1, i2, i3)

/* to[q][j] = from[j][q] for 4 x 4 numbers, in registers. */
static void transpose_quads(const float *from, size_t ld_from, float *to, size_t ld_to) {
  quad row[QUAD];
  for (size_t j = 0; j < QUAD; j++) memcpy(&row[j], from + j * ld_from, sizeof row[j]);
  quad low01 = QUADS(row[0], row[1], 0, 4, 1, 5), high01 = QUADS(row[0], row[1], 2, 6, 3, 7);
  quad low23 = QUADS(row[2], row[3], 0, 4, 1, 5), high23 = QUADS(row[2], row[3], 2, 6, 3, 7);
  row[0] = QUADS(low01, low23, 0, 1, 4, 5);
  row[1] = QUADS(low01, low23, 2, 3, 6, 7);
  row[2] = QUADS(high01, high23, 0, 1, 4, 5);
  row[3] = QUADS(high01, high23, 2, 3, 6, 7);
  for (size_t q = 0; q < QUAD; q++) memcpy(to + q * ld_to, &row[q], sizeof row[q]);
}

/* to[depth, wide] = from[wide, depth] transposed. */
static void transpose_block(const float *from, size_t ld_from, size_t wide, size_t depth, float *to, size_t ld_to) {
  if (wide == BLOCK && depth == BLOCK) {
    for (size_t q = 0; q < BLOCK; q += QUAD) {
      for (size_t j = 0; j < BLOCK; j += QUAD) {
        transpose_quads(from + j * ld_from + q, ld_from, to + q * ld_to + j, ld_to);
      }
    }
    return;
  }
  for (size_t j = 0; j < wide; j++) {
    for (size_t q = 0; q < depth; q++) to[q * ld_to + j] = from[j * ld_from + q];
  }
}

/* to[k, width] = from[width, k] transposed, in blocks so that both sides are read and written in whole cache lines. */
static void pack_transposed(const float *restrict from, size_t ld_from, size_t width, size_t k, float *restrict to,
                            size_t ld_to) {
  for (size_t j0 = 0; j0 < width; j0 += BLOCK) {
    size_t wide = width - j0 < BLOCK ? width - j0 : BLOCK;
    for (size_t q0 = 0; q0 < k; q0 += BLOCK) {
      size_t depth = k - q0 < BLOCK ? k - q0 : BLOCK;
      transpose_block(from + j0 * ld_from + q0, ld_from, wide, depth, to + q0 * ld_to + j0, ld_to);
    }
  }
}

/* Lays columns j0 .. j0+width-1 of op(B) out as [k, width]. */
static void pack_slab(const rows_job *job, size_t j0, size_t width, float *pack) {
  const float *b = (const float *)job->b;
  size_t ld = pack_ld(&job->tiles);
  if (job->b_transposed) {
    pack_transposed(b + j0 * job->ldb, job->ldb, width, job->k, pack, ld);
    return;
  }
  for (size_t q = 0; q < job->k; q++) memcpy(pack + q * ld, b + q * job->ldb + j0, width * sizeof(float));
}

/* One tile: `width` columns from j0 on. `pack` is the packed slab or NULL. */
static void multiply_tile(const rows_job *job, size_t tile, size_t j0, size_t width, const float *pack) {
  size_t size = job->real_size, row = tile * job->tiles.tile;
  bool last = job->last_x != NULL && tile + 1 == job->row_tiles;
  const void *x = last ? job->last_x : job->x + row * job->ldx * size;
  unsigned char *y = (last ? job->last_y : job->y + row * job->ldy * size) + j0 * size;
  const void *b = pack != NULL ? NULL : job->b + (job->b_transposed ? j0 * job->ldb : j0) * size;
  if (pack != NULL) {
    onednn_f32(false, false, job->tiles.tile, width, job->k, 1, x, job->ldx, pack, pack_ld(&job->tiles), 0, (float *)y,
               job->ldy);
  } else if (size == sizeof(float)) {
    openblas_f32(false, job->b_transposed, job->tiles.tile, width, job->k, 1, x, job->ldx, b, job->ldb, 0, (float *)y,
                 job->ldy);
  } else {
    gemm_f64(false, job->b_transposed, job->tiles.tile, width, job->k, 1, x, job->ldx, b, job->ldb, 0, (double *)y,
             job->ldy);
  }
  if (!last) return;
  for (size_t i = row; i < job->rows; i++, y += job->ldy * size) {
    memcpy(job->y + (i * job->ldy + j0) * size, y, width * size);
  }
}

/* The slab of op(B) from column j0 on, laid out: now, beforehand, or not at all (NULL). */
static const float *slab_of(const rows_job *job, size_t j0, size_t width, int worker) {
  size_t slab = job->k * pack_ld(&job->tiles);
  if (job->packed != NULL) return job->packed + j0 / job->tiles.slab * slab;
  if (!job->tiles.packed) return NULL;
  float *pack = job->packs + (size_t)worker * slab;
  pack_slab(job, j0, width, pack);
  return pack;
}

static dwell_status rows_item(void *arg, size_t item, int worker, dwell_error *err) {
  (void)err;
  const rows_job *job = arg;
  size_t j0 = item % job->slabs * job->tiles.slab;
  size_t width = job->n - j0 < job->tiles.slab ? job->n - j0 : job->tiles.slab;
  const float *pack = slab_of(job, j0, width, worker);
  size_t first = item / job->slabs * job->group;
  for (size_t tile = first; tile < job->row_tiles && tile < first + job->group; tile++) {
    multiply_tile(job, tile, j0, width, pack);
  }
  return DWELL_OK;
}

/* Row tiles per item. It changes the order of the work, not its tiles, so it may depend on the number of threads:
 * three items for each thread, but not fewer than 4 tiles to one packing. */
static size_t choose_group(const rows_job *job, int threads) {
  if (!job->tiles.packed) return 1;
  size_t group = job->row_tiles * job->slabs / (3 * (size_t)threads);
  if (group < 4) group = 4;
  return group < job->row_tiles ? group : job->row_tiles;
}

/* Copies the rows of an incomplete last tile to scratch and pads them with zeros. */
static dwell_status pad_last_tile(rows_job *job, dwell_error *err) {
  size_t spare = job->rows % job->tiles.tile, size = job->real_size;
  if (spare == 0) return DWELL_OK;
  dwell_status status = DWELL_OK;
  TRY_ALLOC(job->last_x = mem_zero(job->tiles.tile, job->ldx * size), "rows of a product");
  TRY_ALLOC(job->last_y = mem_alloc(job->tiles.tile, job->ldy * size), "rows of a product");
  for (size_t i = 0; i < spare; i++) {
    memcpy(job->last_x + i * job->ldx * size, job->x + (job->rows - spare + i) * job->ldx * size, job->k * size);
  }
done:
  return status;
}

static dwell_status run_rows(const dwell_context *ctx, rows_job *job, dwell_error *err) {
  if (job->rows == 0 || job->n == 0) return DWELL_OK;
  dwell_status status = DWELL_OK;
  int threads = threads_count(ctx);
  job->tiles = choose_tiling(job->k, job->n, job->real_size);
  job->slabs = ceiling(job->n, job->tiles.slab);
  job->row_tiles = ceiling(job->rows, job->tiles.tile);
  job->group = choose_group(job, threads);
  TRY(pad_last_tile(job, err));
  if (job->tiles.packed && job->packed == NULL) {
    size_t count;
    bool fits = size_mul(job->k, pack_ld(&job->tiles), &count) && size_mul(count, (size_t)threads, &count);
    TRY_ALLOC(job->packs = fits ? MEM_NEW(float, count) : NULL, "packed weights of a product");
  }
  TRY(threads_for(ctx, job->slabs * ceiling(job->row_tiles, job->group), rows_item, job, err));
done:
  mem_free(job->last_x);
  mem_free(job->last_y);
  mem_free(job->packs);
  return status;
}

dwell_status gemm_rows_f32(const dwell_context *ctx, size_t rows, size_t k, size_t n, const float *x, size_t ldx,
                           const float *b, size_t ldb, bool b_transposed, float *y, size_t ldy, dwell_error *err) {
  rows_job job = {.rows = rows,
                  .k = k,
                  .n = n,
                  .real_size = sizeof(float),
                  .b_transposed = b_transposed,
                  .x = (const unsigned char *)x,
                  .ldx = ldx,
                  .b = (const unsigned char *)b,
                  .ldb = ldb,
                  .y = (unsigned char *)y,
                  .ldy = ldy};
  return run_rows(ctx, &job, err);
}

dwell_status gemm_rows_f64(const dwell_context *ctx, size_t rows, size_t k, size_t n, const double *x, size_t ldx,
                           const double *b, size_t ldb, bool b_transposed, double *y, size_t ldy, dwell_error *err) {
  rows_job job = {.rows = rows,
                  .k = k,
                  .n = n,
                  .real_size = sizeof(double),
                  .b_transposed = b_transposed,
                  .x = (const unsigned char *)x,
                  .ldx = ldx,
                  .b = (const unsigned char *)b,
                  .ldb = ldb,
                  .y = (unsigned char *)y,
                  .ldy = ldy};
  return run_rows(ctx, &job, err);
}

/* ---- B laid out beforehand ---- */

size_t gemm_packed_elements(size_t k, size_t n) {
  tiling t = choose_tiling(k, n, sizeof(float));
  size_t count;
  bool fits = size_mul(k, pack_ld(&t), &count) && size_mul(count, ceiling(n, t.slab), &count);
  return t.packed && fits ? count : 0;
}

/* Numbers of a stored row of B, [k, n]: to the slabs that it runs through. */
static void pack_row(const tiling *t, size_t k, size_t q, size_t column, size_t columns, const float *values,
                     float *packed) {
  for (size_t done = 0; done < columns;) {
    size_t slab = (column + done) / t->slab, j = (column + done) % t->slab;
    size_t width = t->slab - j < columns - done ? t->slab - j : columns - done;
    memcpy(packed + (slab * k + q) * pack_ld(t) + j, values + done, width * sizeof(float));
    done += width;
  }
}

void gemm_pack_f32(size_t k, size_t n, bool b_transposed, size_t row, size_t column, size_t rows, size_t columns,
                   const float *values, float *packed) {
  tiling t = choose_tiling(k, n, sizeof(float));
  for (size_t i = 0; i < rows && !b_transposed; i++) {
    pack_row(&t, k, row + i, column, columns, values + i * columns, packed);
  }
  for (size_t done = 0; done < rows && b_transposed;) {
    size_t slab = (row + done) / t.slab, j = (row + done) % t.slab;
    size_t width = t.slab - j < rows - done ? t.slab - j : rows - done;
    float *to = packed + (slab * k + column) * pack_ld(&t) + j;
    pack_transposed(values + done * columns, columns, width, columns, to, pack_ld(&t));
    done += width;
  }
}

dwell_status gemm_packed_f32(const dwell_context *ctx, size_t rows, size_t k, size_t n, const float *x, size_t ldx,
                             const float *packed, float *y, size_t ldy, dwell_error *err) {
  rows_job job = {.rows = rows,
                  .k = k,
                  .n = n,
                  .real_size = sizeof(float),
                  .x = (const unsigned char *)x,
                  .ldx = ldx,
                  .packed = packed,
                  .y = (unsigned char *)y,
                  .ldy = ldy};
  return run_rows(ctx, &job, err);
}

size_t gemm_rows_bytes(size_t k, size_t n, size_t real_size, int threads) {
  tiling t = choose_tiling(k, n, real_size);
  size_t last = t.tile * (k + n), packs = t.packed ? (size_t)threads * k * (t.slab + PACK_GAP) : 0;
  return (last + packs) * real_size;
}

/* ---- Gram matrix ---- */

enum { GRAM_TILE = 128 };

typedef struct gram_job {
  size_t n, d, ldx, ldg;
  const double *x;
  double *g;
} gram_job;

/* Item t is the tile pair (I, J), J <= I, counted row by row: (0,0) (1,0) (1,1) (2,0) ... */
static dwell_status gram_item(void *arg, size_t item, int worker, dwell_error *err) {
  (void)worker, (void)err;
  const gram_job *job = arg;
  size_t row = 0, column = item;
  while (column > row) row++, column -= row;
  size_t i0 = row * GRAM_TILE, j0 = column * GRAM_TILE;
  size_t high = job->n - i0 < GRAM_TILE ? job->n - i0 : GRAM_TILE;
  size_t wide = job->n - j0 < GRAM_TILE ? job->n - j0 : GRAM_TILE;
  gemm_f64(false, true, high, wide, job->d, 1, job->x + i0 * job->ldx, job->ldx, job->x + j0 * job->ldx, job->ldx, 0,
           job->g + i0 * job->ldg + j0, job->ldg);
  for (size_t i = i0; i < i0 + high; i++) { /* the upper triangle is a copy, hence exactly equal */
    for (size_t j = j0; j < j0 + wide && j < i; j++) job->g[j * job->ldg + i] = job->g[i * job->ldg + j];
  }
  return DWELL_OK;
}

dwell_status gemm_gram(const dwell_context *ctx, size_t n, size_t d, const double *x, size_t ldx, double *g, size_t ldg,
                       dwell_error *err) {
  gram_job job = {.n = n, .d = d, .x = x, .ldx = ldx, .g = g, .ldg = ldg};
  size_t tiles = ceiling(n, GRAM_TILE);
  return threads_for(ctx, tiles * (tiles + 1) / 2, gram_item, &job, err);
}

/* ---- names ---- */

const char *gemm_better_kernels(void) {
#if defined(__x86_64__)
  static const char *const before_avx2[] = {"Prescott", "Core2", "Penryn", "Nehalem", "Sandybridge", "Generic"};
  if (getenv("OPENBLAS_CORETYPE") != NULL) return NULL;
  if (strstr(openblas_get_config(), "DYNAMIC_ARCH") == NULL) return NULL; /* there are no others */
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return NULL;
  for (size_t i = 0; i < sizeof before_avx2 / sizeof before_avx2[0]; i++) {
    if (strcasecmp(openblas_get_corename(), before_avx2[i]) == 0) return "Haswell";
  }
#endif
  return NULL;
}

static char library_name[160];
static pthread_once_t library_once = PTHREAD_ONCE_INIT;

#ifdef DWELL_HAVE_ONEDNN
static const char *onednn_isa(void) {
  dnnl_cpu_isa_t isa = dnnl_get_effective_cpu_isa();
  return isa >= dnnl_cpu_isa_avx512_core ? "AVX-512" : isa >= dnnl_cpu_isa_avx2 ? "AVX2" : "SSE4.1";
}
#endif

static void name_library(void) {
  static const char *const threads[] = {"serial", "pthreads", "OpenMP"};
  int parallel = openblas_get_parallel();
  char version[32] = "OpenBLAS";
  sscanf(openblas_get_config(), "OpenBLAS %20s", version);
  int length = snprintf(library_name, sizeof library_name, "OpenBLAS %s (%s, kernels %s)", version,
                        parallel >= 0 && parallel <= 2 ? threads[parallel] : "?", openblas_get_corename());
#ifdef DWELL_HAVE_ONEDNN
  const dnnl_version_t *v = dnnl_version();
  snprintf(library_name + length, sizeof library_name - (size_t)length, ", oneDNN %d.%d.%d (%s)", v->major, v->minor,
           v->patch, onednn_isa());
#else
  (void)length;
#endif
}

/* The name is found once and never changes afterwards. */
const char *gemm_library(void) {
  pthread_once(&library_once, name_library);
  return library_name;
}
