/* null/phase_map.c - clouds turned by phases, computed from the Gram of their Fourier coefficients.
 *
 * x_j = sum_f cos(2 pi j f/n) a_f + sin(2 pi j f/n) b_f over f = 0 .. n/2. The map turns (a_f, b_f) by phase f, so it
 * turns the Gram M of all a and b from both sides. With C and S the tables of cosines and sines, and j = 0 .. n/2,
 *   x_j . x_k = (C M_aa C + S M_bb S + C M_ab S + (C M_ab S)^T)_jk,
 * and where j or k stands for n-j or n-k, its sines change sign. */
#include "null/phase_map.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/isa.h"
#include "base/mem.h"
#include "linalg/gemm.h"
#include "linalg/panels.h"
#include "null/phase_dft.h"

struct phase_map {
  const phase_table *table;
  float *turn; /* [2, half]: cosines, then sines of the phases, by place */
};

/* ---- the map ---- */

static void narrow(size_t count, const double *from, float *to) {
  for (size_t e = 0; e < count; e++) to[e] = (float)from[e];
}

/* Numbers of a matrix [half, half] in panels. */
static size_t panel_count(size_t half) { return panels_elements(half, half, sizeof(float)); }

void phase_map_destroy(phase_map *map) {
  if (map == NULL) return;
  mem_free(map->turn);
  mem_free(map);
}

uint64_t phase_map_bytes(size_t n) { return 2 * ((uint64_t)n / 2 + 1) * sizeof(float) + sizeof(phase_map); }

dwell_status phase_map_create(const phase_table *table, const double *phases, phase_map **ret_map, dwell_error *err) {
  dwell_status status = DWELL_OK;
  size_t n = table->n, half = table->half;
  phase_map *map = MEM_ZERO(phase_map, 1);
  *ret_map = NULL;
  TRY_ALLOC(map, "a map over the tokens");
  map->table = table;
  TRY_ALLOC(map->turn = MEM_NEW(float, 2 * half), "a map over the tokens");
  for (size_t place = 0; place < half; place++) {
    size_t f = phase_frequency(n, place);
    double c = f == 0 ? 1 : cos(phases[f]);
    map->turn[place] = phase_is_alone(n, f) ? (c < 0 ? -1 : 1) : (float)c;
    map->turn[half + place] = phase_is_alone(n, f) ? 0 : (float)sin(phases[f]);
  }
  *ret_map = map;
  map = NULL;
done:
  phase_map_destroy(map);
  return status;
}

/* ---- the cloud ---- */

void phase_spectrum_destroy(phase_spectrum *s) {
  if (s == NULL) return;
  mem_free(s->gram);
  mem_free(s->waves);
  mem_free(s->along);
  mem_free(s);
}

uint64_t phase_spectrum_bytes(size_t n) {
  uint64_t wide = 2 * ((uint64_t)n / 2 + 1), gram = dft_suits(n) ? phase_dft_waves(n) : wide * wide;
  return (gram + wide) * sizeof(float) + sizeof(phase_spectrum);
}

uint64_t phase_spectrum_work_bytes(size_t n, size_t r) {
  uint64_t half = (uint64_t)n / 2 + 1, coefficients = 2 * half * r;
  uint64_t transform = coefficients + half * half + n, gram = 4 * half * half;
  return (coefficients + (transform > gram ? transform : gram)) * sizeof(double);
}

/* Rows j: x_j + x_{n-j}; rows half + j: x_j - x_{n-j}; tokens that are their own mirror image stand alone. */
static void fold(size_t n, size_t r, const double *x, double *ret_folded) {
  size_t half = n / 2 + 1;
  for (size_t j = 0; j < half; j++) {
    double *even = ret_folded + j * r, *odd = ret_folded + (half + j) * r;
    const double *here = x + j * r, *there = x + (n - j) % n * r;
    bool alone = phase_is_alone(n, j);
    for (size_t k = 0; k < r; k++) {
      even[k] = alone ? here[k] : here[k] + there[k];
      odd[k] = alone ? 0 : here[k] - there[k];
    }
  }
}

/* a_f and b_f of the columns of x, by place: ret_coefficients [2 half, r]. */
static dwell_status transform(size_t n, size_t r, const double *x, double *ret_coefficients, dwell_error *err) {
  dwell_status status = DWELL_OK;
  size_t half = n / 2 + 1;
  double *folded = MEM_NEW(double, 2 * half * r), *table = MEM_NEW(double, half * half), *circle = MEM_NEW(double, n);
  TRY_ALLOC(folded, "Fourier coefficients");
  TRY_ALLOC(table, "Fourier coefficients");
  TRY_ALLOC(circle, "Fourier coefficients");
  fold(n, r, x, folded);
  phase_table_fill(n, cos, circle, table);
  gemm_f64(false, false, half, r, half, 2 / (double)n, table, half, folded, r, 0, ret_coefficients, r);
  phase_table_fill(n, sin, circle, table);
  gemm_f64(false, false, half, r, half, 2 / (double)n, table, half, folded + half * r, r, 0,
           ret_coefficients + half * r, r);
  for (size_t place = 0; place < half; place++) {
    bool alone = phase_is_alone(n, phase_frequency(n, place));
    for (size_t k = 0; k < r && alone; k++) ret_coefficients[place * r + k] /= 2;
  }
done:
  mem_free(folded);
  mem_free(table);
  mem_free(circle);
  return status;
}

dwell_status phase_spectrum_create(size_t n, size_t r, const double *x, const double *mu, double rest,
                                   phase_spectrum **ret_spectrum, dwell_error *err) {
  dwell_status status = DWELL_OK;
  size_t wide = 2 * (n / 2 + 1);
  double *coefficients = MEM_NEW(double, wide * r), *gram = NULL;
  phase_spectrum *s = MEM_ZERO(phase_spectrum, 1);
  *ret_spectrum = NULL;
  TRY_ALLOC(coefficients, "Fourier coefficients");
  TRY_ALLOC(s, "a spectrum over the tokens");
  s->n = n, s->square = rest;
  TRY_ALLOC(s->along = MEM_NEW(float, wide), "a spectrum over the tokens");
  TRY(transform(n, r, x, coefficients, err));
  for (size_t k = 0; k < r; k++) s->square += mu[k] * mu[k];
  for (size_t f = 0; f < wide; f++) {
    double sum = 0;
    for (size_t k = 0; k < r; k++) sum += coefficients[f * r + k] * mu[k];
    s->along[f] = (float)sum;
  }
  TRY_ALLOC(gram = MEM_NEW(double, wide * wide), "a spectrum over the tokens");
  TRY(gemm_gram(NULL, wide, r, coefficients, r, gram, wide, err));
  if (dft_suits(n)) {
    TRY_ALLOC(s->waves = MEM_NEW(float, phase_dft_waves(n)), "a spectrum over the tokens");
    phase_dft_pack(n, gram, s->waves);
  } else {
    TRY_ALLOC(s->gram = MEM_NEW(float, wide * wide), "a spectrum over the tokens");
    narrow(wide * wide, gram, s->gram);
  }
  *ret_spectrum = s;
  s = NULL;
done:
  phase_spectrum_destroy(s);
  mem_free(coefficients);
  mem_free(gram);
  return status;
}

/* ---- a turned cloud ---- */

/* Rows f of the turned Gram's blocks aa, ab and bb, columns first .. first+width-1 of a panel. */
ISA_INLINE void turn_row_body(size_t half, size_t f, size_t first, size_t width, const float *c, const float *s,
                              const float *gram, float *to_aa, float *to_ab, float *to_bb) {
  size_t wide = 2 * half;
  const float *a = gram + f * wide + first, *b = gram + (half + f) * wide + first;
  const float *cg = c + first, *sg = s + first;
  float cf = c[f], sf = s[f];
#pragma GCC ivdep
  for (size_t g = 0; g < width; g++) { /* the blocks do not overlap */
    float aa = cg[g] * a[g] + sg[g] * a[half + g], ab = cg[g] * a[half + g] - sg[g] * a[g];
    float ba = cg[g] * b[g] + sg[g] * b[half + g], bb = cg[g] * b[half + g] - sg[g] * b[g];
    to_aa[g] = cf * aa + sf * ba;
    to_ab[g] = cf * ab + sf * bb;
    to_bb[g] = cf * bb - sf * ab;
  }
}

/* The Gram after the turn in panels, `blocks` [3, panel_count]: aa, ab, bb. Zeros behind the last column. */
ISA_INLINE void turn_gram_body(size_t half, const float *c, const float *s, const float *gram, size_t block,
                               float *blocks) {
  for (size_t first = 0; first < half; first += PANEL_F32) {
    float *panel = blocks + first * half;
    for (size_t f = 0; f < half; f++, panel += PANEL_F32) {
      if (half - first >= PANEL_F32) /* a constant width is a loop without a rest */
        turn_row_body(half, f, first, PANEL_F32, c, s, gram, panel, panel + block, panel + 2 * block);
      else {
        turn_row_body(half, f, first, half - first, c, s, gram, panel, panel + block, panel + 2 * block);
        for (size_t g = half - first; g < PANEL_F32; g++)
          panel[g] = panel[block + g] = panel[2 * block + g] = 0;
      }
    }
  }
}
ISA_DEFINE(static, turn_gram,
           (size_t half, const float *c, const float *s, const float *gram, size_t block, float *blocks),
           (half, c, s, gram, block, blocks))

/* shift_i = (Q X)_i . mu + |mu|^2/2 and scale_i = 1/|mu + (Q X)_i| for tokens j (first half) and n-j (second half). */
static void token_scales(const phase_map *map, const phase_spectrum *x, const phase_sums *q, float *work,
                         double *ret_shift, double *ret_scale) {
  size_t half = map->table->half;
  const float *c = map->turn, *s = map->turn + half, *a = x->along, *b = x->along + half;
  float *turned = work, *even = work + 2 * half, *odd = work + 3 * half, *scratch = work + 4 * half;
  for (size_t f = 0; f < half; f++) {
    turned[f] = c[f] * a[f] + s[f] * b[f];
    turned[half + f] = c[f] * b[f] - s[f] * a[f];
  }
  phase_table_sum_vector(map->table, &map->table->cosine, turned, scratch, even);
  phase_table_sum_vector(map->table, &map->table->sine, turned + half, scratch, odd);
  for (size_t j = 0; j < half; j++) {
    size_t at = j * half + j;
    double common = (double)q->aa[at] + (double)q->bb[at], cross = 2 * (double)q->ab[at];
    ret_shift[j] = (double)even[j] + (double)odd[j] + x->square / 2;
    ret_shift[half + j] = (double)even[j] - (double)odd[j] + x->square / 2;
    ret_scale[j] = phase_scale(2 * ret_shift[j] + (common + cross));
    ret_scale[half + j] = phase_scale(2 * ret_shift[half + j] + (common - cross));
  }
}

/* Rows j and n-j of the cosines. `mirrored` [3, half] is scratch. The order of every sum is the same with rows and
 * columns exchanged, hence exact symmetry. */
ISA_INLINE void assemble_rows_body(size_t n, size_t j, const phase_sums *q, const double *shift, const double *scale,
                                   double *mirrored, double *ret_cosines) {
  size_t half = n / 2 + 1, last = n - half; /* tokens 1 .. last have a mirror image */
  const float *aa = q->aa + j * half, *bb = q->bb + j * half, *ab = q->ab + j * half, *ba = q->ba + j * half;
  const double *shift_there = shift + half, *scale_there = scale + half;
  double *here = ret_cosines + j * n, *there = phase_is_alone(n, j) ? mirrored + half : ret_cosines + (n - j) * n;
  double shift_j = shift[j], scale_j = scale[j], shift_mirror = shift_there[j], scale_mirror = scale_there[j];
  double *far = mirrored + 2 * half;
#pragma GCC ivdep
  for (size_t k = 0; k < half; k++) { /* here, there and mirrored are different rows */
    double same = (double)aa[k] + (double)bb[k], other = (double)aa[k] - (double)bb[k];
    double cross = (double)ab[k] + (double)ba[k], twist = (double)ba[k] - (double)ab[k];
    here[k] = ((same + cross) + (shift_j + shift[k])) * (scale_j * scale[k]);
    there[k] = ((other - twist) + (shift_mirror + shift[k])) * (scale_mirror * scale[k]);
    mirrored[k] = ((other + twist) + (shift_j + shift_there[k])) * (scale_j * scale_there[k]);
    far[k] = ((same - cross) + (shift_mirror + shift_there[k])) * (scale_mirror * scale_there[k]);
  }
  for (size_t k = 1; k <= last; k++) here[n - k] = mirrored[k];
  for (size_t k = 1; k <= last && !phase_is_alone(n, j); k++) there[n - k] = far[k];
}
ISA_DEFINE(static, assemble_rows,
           (size_t n, size_t j, const phase_sums *q, const double *shift, const double *scale, double *mirrored,
            double *ret_cosines),
           (n, j, q, shift, scale, mirrored, ret_cosines))

enum { SCALES_ROWS = 6 }; /* of half numbers, for token_scales */

static size_t sums_work(size_t n) {
  size_t scales = SCALES_ROWS * (n / 2 + 1), sums = phase_sums_work(n);
  return scales > sums ? scales : sums;
}

uint64_t phase_map_work_bytes(size_t n) {
  uint64_t half = (uint64_t)n / 2 + 1;
  if (dft_suits(n)) return phase_dft_work_bytes(n);
  return (4 * half * half + sums_work(n) + 3 * half * (half + PANEL_F32)) * sizeof(float) + 7 * half * sizeof(double);
}

static dwell_status cosines_by_products(const phase_map *map, const phase_spectrum *s, double *ret_cosines,
                                        dwell_error *err) {
  dwell_status status = DWELL_OK;
  size_t n = map->table->n, half = map->table->half, square = half * half, block = panel_count(half);
  float *sums = MEM_NEW(float, 4 * square + 3 * block + sums_work(n));
  double *rows = MEM_NEW(double, 7 * half);
  TRY_ALLOC(sums, "a surrogate cloud");
  TRY_ALLOC(rows, "a surrogate cloud");
  phase_sums q = {.aa = sums, .bb = sums + square, .ab = sums + 2 * square, .ba = sums + 3 * square};
  double *shift = rows, *scale = rows + 2 * half, *mirrored = rows + 4 * half;
  float *turned = sums + 4 * square, *work = turned + 3 * block;
  turn_gram(half, map->turn, map->turn + half, s->gram, block, turned);
  phase_table_sum(map->table, turned, work, &q);
  token_scales(map, s, &q, work, shift, scale);
  for (size_t j = 0; j < half; j++) assemble_rows(n, j, &q, shift, scale, mirrored, ret_cosines);
done:
  mem_free(sums);
  mem_free(rows);
  return status;
}

dwell_status phase_map_cosines(const phase_map *map, const phase_spectrum *s, double *ret_cosines, dwell_error *err) {
  const dft *transform = map->table->transform;
  if (transform == NULL) return cosines_by_products(map, s, ret_cosines, err);
  const phase_dft_cloud cloud = {s->n, map->turn, s->waves, s->along, s->square};
  return phase_dft_cosines(transform, &cloud, ret_cosines, err);
}
