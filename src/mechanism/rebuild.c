/* mechanism/rebuild.c - the same maps and the same tokens in fewer dimensions. */
#include "mechanism/rebuild.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "linalg/eigen.h"
#include "linalg/gemm.h"
#include "linalg/haar.h"
#include "linalg/schur.h"

/* ---- what of a map is kept ---- */

typedef struct block {
  double real, above, below;
  size_t at, size;
} block;

static int by_real_part(const void *a, const void *b) {
  const block *x = a, *y = b;
  if (x->real != y->real) return x->real < y->real ? -1 : 1;
  return x->at < y->at ? -1 : x->at > y->at;
}

static size_t read_blocks(size_t d, const double *t, block *blocks) {
  size_t count = 0;
  for (size_t i = 0; i < d; count++) {
    bool pair = i + 1 < d && t[(i + 1) * d + i] != 0;
    blocks[count] = (block){.real = t[i * d + i], .at = i, .size = pair ? 2 : 1};
    if (pair) blocks[count].above = t[i * d + i + 1], blocks[count].below = t[(i + 1) * d + i];
    i += blocks[count].size;
  }
  return count;
}

static double square_above(size_t d, const double *t) {
  double sum = 0;
  for (size_t i = 0; i < d; i++) {
    bool pair = i + 1 < d && t[(i + 1) * d + i] != 0;
    for (size_t j = i + (pair ? 2 : 1); j < d; j++) sum += t[i * d + j] * t[i * d + j];
  }
  return sum;
}

dwell_status rebuild_map_make(size_t d, double *m, rebuild_map *ret_map, dwell_error *err) {
  *ret_map = (rebuild_map){.d = d, .diagonal = MEM_NEW(double, d), .above = MEM_ZERO(double, d)};
  block *blocks = MEM_NEW(block, d);
  dwell_status status = DWELL_OK;
  TRY_ALLOC(ret_map->diagonal, "the spectrum of a map");
  TRY_ALLOC(ret_map->above, "the spectrum of a map");
  TRY_ALLOC(blocks, "the spectrum of a map");
  TRY(schur_form(d, m, err));
  size_t count = read_blocks(d, m, blocks), at = 0;
  ret_map->square = square_above(d, m);
  qsort(blocks, count, sizeof *blocks, by_real_part);
  for (size_t k = 0; k < count; k++) {
    ret_map->diagonal[at] = blocks[k].real;
    if (blocks[k].size == 2) {
      ret_map->diagonal[at + 1] = blocks[k].real;
      ret_map->above[at] = blocks[k].above, ret_map->above[at + 1] = blocks[k].below;
    }
    at += blocks[k].size;
  }
done:
  mem_free(blocks);
  return status;
}

void rebuild_map_free(rebuild_map *map) {
  mem_free(map->diagonal);
  mem_free(map->above);
  *map = (rebuild_map){0};
}

/* ---- a map from it ---- */

/* The first dimension of the block that dimension i belongs to: pairs begin wherever an even number of paired
 * dimensions lies before. */
static size_t block_start(const rebuild_map *map, size_t i) {
  size_t paired = 0;
  if (map->above[i] == 0) return i;
  while (paired < i && map->above[i - 1 - paired] != 0) paired++;
  return paired % 2 == 0 ? i : i - 1;
}

/* The diagonal blocks of t [to,to], which is 0 so far. */
static void place_blocks(const rebuild_map *map, size_t to, double *t) {
  for (size_t k = 0; k < to;) {
    size_t from = (2 * k + 1) * map->d / (2 * to), start = block_start(map, from);
    bool pair = map->above[start] != 0;
    t[k * to + k] = map->diagonal[start];
    if (pair && k + 1 < to) {
      t[(k + 1) * to + k + 1] = map->diagonal[start];
      t[k * to + k + 1] = map->above[start], t[(k + 1) * to + k] = map->above[start + 1];
    }
    k += pair ? 2 : 1;
  }
}

static void place_rest(const rebuild_map *map, size_t to, const random_stream *s, uint32_t i, double *t) {
  double sum = 0;
  for (int pass = 0; pass < 2; pass++) {
    double scale = pass == 0 ? 1 : sqrt(map->square * (double)to / (double)map->d / sum);
    for (size_t r = 0; r < to && (pass == 0 || sum > 0); r++) {
      bool pair = r + 1 < to && t[(r + 1) * to + r] != 0;
      for (size_t c = r + (pair ? 2 : 1); c < to; c++) {
        if (pass == 0) t[r * to + c] = random_normal(s, i, (uint32_t)(r * to + c));
        else t[r * to + c] *= scale;
        sum += pass == 0 ? t[r * to + c] * t[r * to + c] : 0;
      }
    }
  }
}

dwell_status rebuild_map_draw(const rebuild_map *map, size_t to, const random_stream *s, uint32_t which, double *ret_m,
                              dwell_error *err) {
  size_t square;
  if (!size_mul(to, to, &square)) return error_no_memory(err, "a rebuilt map");
  double *axes = MEM_NEW(double, square), *half = MEM_NEW(double, square);
  dwell_status status = DWELL_OK;
  TRY_ALLOC(axes, "a rebuilt map");
  TRY_ALLOC(half, "a rebuilt map");
  memset(ret_m, 0, square * sizeof *ret_m);
  place_blocks(map, to, ret_m);
  place_rest(map, to, s, 2 * which + 1, ret_m);
  TRY(haar_matrix(s, 2 * which, to, to, axes, err));
  gemm_f64(false, false, to, to, to, 1, axes, to, ret_m, to, 0, half, to);
  gemm_f64(false, true, to, to, to, 1, half, to, axes, to, 0, ret_m, to);
done:
  mem_free(axes);
  mem_free(half);
  return status;
}

/* ---- tokens ---- */

dwell_status rebuild_tokens(size_t n, double *gram, size_t to, const random_stream *s, uint32_t which, double *ret_x,
                            dwell_error *err) {
  if (n > to) return error_set(err, DWELL_USAGE, "%zu tokens at any angles need as many dimensions, not %zu", n, to);
  size_t square = to * to;
  double *axes = MEM_NEW(double, square), *values = MEM_NEW(double, n);
  dwell_status status = DWELL_OK;
  TRY_ALLOC(axes, "rebuilt tokens");
  TRY_ALLOC(values, "rebuilt tokens");
  TRY(haar_matrix(s, 2 * which, to, to, axes, err));
  TRY(eigen_vectors(n, gram, values, err));
  for (size_t k = 0; k < n; k++) { /* row k: eigenvector k times the root of its eigenvalue */
    for (size_t i = 0; i < n; i++) gram[k * n + i] *= sqrt(fmax(0, values[k]));
  }
  gemm_f64(true, false, n, to, n, 1, gram, n, axes, to, 0, ret_x, to);
done:
  mem_free(axes);
  mem_free(values);
  return status;
}
