/* null/phase_table.c - tables of cosines and sines, and sums over frequencies. */
#include "null/phase_table.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/isa.h"
#include "base/mem.h"
#include "linalg/panels.h"

enum { STRIPE = 64, TILE = 32 };
static const double TWO_PI = 6.28318530717958647693;

/* ---- tables ---- */

static size_t parts_of(size_t n) { return n % 2 == 0 && !dft_suits(n) ? PHASE_PARTS : 1; }

/* Frequencies of the first part, and tokens that are summed: as many, since j and f change places in C_jf and S_jf. */
static size_t first_part(size_t n) { return n / 2 / parts_of(n) + 1; }

size_t phase_frequency(size_t n, size_t place) {
  if (parts_of(n) == 1) return place;
  return place < first_part(n) ? 2 * place : 2 * (place - first_part(n)) + 1;
}

void phase_table_fill(size_t n, double (*function)(double), double *circle, double *ret_values) {
  size_t half = n / 2 + 1;
  for (size_t k = 0; k < n; k++) circle[k] = function(TWO_PI * (double)k / (double)n);
  for (size_t place = 0; place < half; place++) {
    size_t f = phase_frequency(n, place), turn = 0;
    for (size_t j = 0; j < half; j++) {
      bool zero = function == sin && (phase_is_alone(n, j) || phase_is_alone(n, f));
      ret_values[place * half + j] = zero ? 0 : circle[turn];
      turn = turn + f < n ? turn + f : turn + f - n; /* j f mod n */
    }
  }
}

static void clear_side(phase_side *s) {
  for (size_t p = 0; p < PHASE_PARTS; p++) mem_free(s->rows[p]), mem_free(s->panels[p]);
}

void phase_table_destroy(phase_table *t) {
  if (t == NULL) return;
  clear_side(&t->cosine), clear_side(&t->sine);
  dft_destroy(t->transform);
  mem_free(t);
}

uint64_t phase_table_bytes(size_t n) {
  uint64_t half = (uint64_t)n / 2 + 1, tokens = first_part(n);
  if (dft_suits(n)) return dft_bytes(n) + sizeof(phase_table);
  return half * half * (sizeof(double) + sizeof(float)) + 2 * half * (2 * tokens + PANEL_F32) * sizeof(float) +
         n * sizeof(double) + sizeof(phase_table);
}

/* values: of phase_table_fill. */
static dwell_status make_side(const phase_table *t, const double *values, float *narrow, phase_side *s,
                              dwell_error *err) {
  dwell_status status = DWELL_OK;
  size_t half = t->half, tokens = t->tokens;
  for (size_t e = 0; e < half * half; e++) narrow[e] = (float)values[e];
  for (size_t p = 0; p < t->parts; p++) {
    size_t count = t->count[p];
    const float *part = narrow + t->first[p] * half;
    TRY_ALLOC(s->rows[p] = MEM_NEW(float, tokens *count), "a table of phases");
    TRY_ALLOC(s->panels[p] = MEM_NEW(float, panels_elements(count, tokens, sizeof(float))), "a table of phases");
    for (size_t q = 0; q < count; q++) {
      for (size_t j = 0; j < tokens; j++) s->rows[p][j * count + q] = part[q * half + j];
    }
    panels_pack_f32(count, tokens, false, 0, 0, count, tokens, part, half, s->panels[p]);
  }
done:
  return status;
}

static phase_table *ret_empty(size_t n) {
  phase_table *t = MEM_ZERO(phase_table, 1);
  if (t == NULL) return NULL;
  t->n = n, t->half = n / 2 + 1;
  t->parts = parts_of(n), t->tokens = first_part(n);
  t->first[1] = t->count[0] = t->tokens, t->count[1] = t->half - t->tokens;
  t->cosine.sign[0] = t->sine.sign[1] = 1;
  t->cosine.sign[1] = t->sine.sign[0] = -1;
  return t;
}

static dwell_status make_sides(phase_table *t, dwell_error *err) {
  dwell_status status = DWELL_OK;
  size_t n = t->n, half = t->half;
  double *circle = MEM_NEW(double, n), *values = MEM_NEW(double, half *half);
  float *narrow = MEM_NEW(float, half *half);
  TRY_ALLOC(circle, "a table of phases");
  TRY_ALLOC(values, "a table of phases");
  TRY_ALLOC(narrow, "a table of phases");
  phase_table_fill(n, cos, circle, values);
  TRY(make_side(t, values, narrow, &t->cosine, err));
  phase_table_fill(n, sin, circle, values);
  TRY(make_side(t, values, narrow, &t->sine, err));
done:
  mem_free(circle);
  mem_free(values);
  mem_free(narrow);
  return status;
}

dwell_status phase_table_create(size_t n, phase_table **ret_table, dwell_error *err) {
  dwell_status status = DWELL_OK;
  phase_table *t = ret_empty(n);
  *ret_table = NULL;
  TRY_ALLOC(t, "a table of phases");
  TRY(dft_suits(n) ? dft_create(n, &t->transform, err) : make_sides(t, err));
  *ret_table = t;
  t = NULL;
done:
  phase_table_destroy(t);
  return status;
}

/* ---- sums ---- */

/* p <- a b [n,n] where that is symmetric: stripes of the lower triangle, mirrored. b [k,n] in panels. */
static void multiply_symmetric(size_t n, size_t k, const float *a, size_t lda, const float *b, float *p) {
  for (size_t i = 0; i < n; i += STRIPE) {
    size_t high = n - i < STRIPE ? n - i : STRIPE;
    panels_multiply_f32(high, k, i + high, a + i * lda, lda, b, k, p + i * n, n, false);
  }
  for (size_t i0 = 0; i0 < n; i0 += TILE) {
    for (size_t j0 = 0; j0 <= i0; j0 += TILE) {
      for (size_t i = i0; i < n && i < i0 + TILE; i++) {
        for (size_t j = j0; j < i && j < j0 + TILE; j++) p[j * n + i] = p[i * n + j];
      }
    }
  }
}

/* Rows j and n/2 - j of all tokens from the four products of even (e) and odd (o) frequencies; `far` [2, tokens] is
 * scratch. The order of every sum is the same with rows and columns exchanged, hence exact symmetry. */
ISA_INLINE void unfold_rows_body(size_t tokens, size_t half, const float *const r[4], float left, float right,
                                 float *far, float *here, float *there) {
  const float *ee = r[0], *eo = r[1], *oe = r[2], *oo = r[3];
  float *far_here = far, *far_there = far + tokens;
#pragma GCC ivdep
  for (size_t k = 0; k < tokens; k++) { /* all these are different rows */
    float same = ee[k] + oo[k], other = ee[k] - oo[k], cross = eo[k] + oe[k], twist = eo[k] - oe[k];
    here[k] = same + cross;
    there[k] = left * (other + twist);
    far_here[k] = right * (other - twist);
    far_there[k] = left * right * (same - cross);
  }
  for (size_t k = 0; k + tokens < half; k++) here[half - 1 - k] = far_here[k], there[half - 1 - k] = far_there[k];
}
ISA_DEFINE(static, unfold_rows,
           (size_t tokens, size_t half, const float *const r[4], float left, float right, float *far, float *here,
            float *there),
           (tokens, half, r, left, right, far, here, there))

/* products [4, tokens, tokens]: even and odd frequencies of the left, then of the right. */
static void unfold(const phase_table *t, const phase_side *left, const phase_side *right, const float *products,
                   float *work, float *ret_sums) {
  size_t tokens = t->tokens, half = t->half, one = tokens * tokens;
  float *alone = work + 2 * tokens;
  for (size_t j = 0; j < tokens; j++) {
    const float *row = products + j * tokens, *const r[4] = {row, row + one, row + 2 * one, row + 3 * one};
    float *there = j + tokens < half ? ret_sums + (half - 1 - j) * half : alone;
    unfold_rows(tokens, half, r, left->sign[0], right->sign[0], work, ret_sums + j * half, there);
  }
}

/* Sums of the left over its frequencies; or what unfold needs in place of them. */
static size_t left_count(size_t n) {
  size_t half = n / 2 + 1, tokens = first_part(n), sums = parts_of(n) * tokens * half, rows = 2 * tokens + half;
  return sums > rows ? sums : rows;
}

/* The same and the products. */
size_t phase_sums_work(size_t n) { return left_count(n) + 4 * first_part(n) * first_part(n); }

/* ret_sums = L M R^T, m [half, half] in panels; symmetric, as M is, where L is R. */
static void sum_block(const phase_table *t, const phase_side *left, const phase_side *right, const float *m,
                      float *work, float *ret_sums) {
  size_t half = t->half, tokens = t->tokens, one = tokens * tokens;
  bool symmetric = left == right;
  float *products = t->parts == 1 ? ret_sums : work + left_count(t->n);
  for (size_t p = 0; p < t->parts; p++) {
    float *of_left = work + p * tokens * half;
    panels_multiply_f32(tokens, t->count[p], half, left->rows[p], t->count[p], m + t->first[p] * PANEL_F32, half,
                        of_left, half, false);
    for (size_t q = 0; q < t->parts; q++) {
      const float *part = of_left + t->first[q];
      float *product = products + (p * PHASE_PARTS + q) * one;
      if (symmetric && p > q)
        panels_transpose_f32(tokens, tokens, products + (q * PHASE_PARTS + p) * one, tokens, product, tokens);
      else if (symmetric && p == q) multiply_symmetric(tokens, t->count[q], part, half, right->panels[q], product);
      else
        panels_multiply_f32(tokens, t->count[q], tokens, part, half, right->panels[q], t->count[q], product, tokens,
                            false);
    }
  }
  if (t->parts == PHASE_PARTS) unfold(t, left, right, products, work, ret_sums);
}

void phase_table_sum(const phase_table *t, const float *blocks, float *work, const phase_sums *ret_sums) {
  size_t block = panels_elements(t->half, t->half, sizeof(float));
  sum_block(t, &t->cosine, &t->cosine, blocks, work, ret_sums->aa);
  sum_block(t, &t->cosine, &t->sine, blocks + block, work, ret_sums->ab);
  panels_transpose_f32(t->half, t->half, ret_sums->ab, t->half, ret_sums->ba, t->half);
  sum_block(t, &t->sine, &t->sine, blocks + 2 * block, work, ret_sums->bb);
}

void phase_table_sum_vector(const phase_table *t, const phase_side *side, const float *x, float *work,
                            float *ret_sums) {
  size_t tokens = t->tokens;
  float *of_part[PHASE_PARTS] = {work, work + tokens};
  for (size_t p = 0; p < t->parts; p++)
    panels_multiply_f32(1, t->count[p], tokens, x + t->first[p], t->count[p], side->panels[p], t->count[p], of_part[p],
                        tokens, false);
  for (size_t j = 0; j < tokens; j++) {
    float even = of_part[0][j], odd = t->parts == PHASE_PARTS ? of_part[1][j] : 0;
    ret_sums[j] = even + odd;
    if (j + tokens < t->half) ret_sums[t->half - 1 - j] = side->sign[0] * even + side->sign[1] * odd;
  }
}
