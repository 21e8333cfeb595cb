/* linalg/dft.c - transforms by stages: of n rows, n = p m s with s rows transformed so far, rows that are m s apart are
 * put together p at a time.
 *
 * Of a stage's p rows, x_r and x_{p-r} enter by their sum and difference, and give outputs t and p-t, so that a prime
 * takes (p-1)^2 multiplications of numbers instead of 4 p^2. */
#include "linalg/dft.h"

#include <math.h>

#include "base/error.h"
#include "base/isa.h"
#include "base/mem.h"

/* For gcc; clang decides for itself. A factor of 8 has three pairs. */
#if defined(__clang__)
#define UNROLL
#else
#define UNROLL _Pragma("GCC unroll 3")
#endif

enum { MOST_STAGES = 64, MOST_PAIRS = (DFT_LARGEST - 1) / 2 };
static const double TWO_PI = 6.28318530717958647693;

/* Half of the widest register, as isa_half. */
typedef float lanes __attribute__((vector_size(DFT_LANES * sizeof(float)), aligned(sizeof(float)), may_alias));
typedef struct pair {
  lanes re, im;
} pair;

typedef struct stage {
  size_t p, m, s;
  float *roots;    /* [pairs, pairs, 2] cosine and sine of 2 pi t r/p, t and r from 1 */
  float *twiddles; /* [m, p-1, 2] of 2 pi k t/(p m), t from 1 */
} stage;

struct dft {
  size_t count;
  stage stages[MOST_STAGES];
};

/* ---- plan ---- */

/* The next factor to take out; n > 1. */
static size_t factor_of(size_t n) {
  for (size_t p = 8; p >= 2; p /= 2) {
    if (n % p == 0) return p;
  }
  size_t p = 3;
  while (n % p != 0) p += 2;
  return p;
}

bool dft_suits(size_t n) {
  for (; n > 1; n /= factor_of(n)) {
    if (factor_of(n) > DFT_LARGEST) return false;
  }
  return n == 1;
}

void dft_destroy(dft *plan) {
  if (plan == NULL) return;
  for (size_t k = 0; k < plan->count; k++) mem_free(plan->stages[k].roots), mem_free(plan->stages[k].twiddles);
  mem_free(plan);
}

uint64_t dft_bytes(size_t n) {
  uint64_t roots = (uint64_t)MOST_PAIRS * MOST_PAIRS, twiddles = 2 * (uint64_t)n;
  return 2 * (roots + twiddles + MOST_STAGES) * sizeof(float) + sizeof(dft);
}

static void put_root(size_t turn, size_t of, float *ret_root) {
  double angle = TWO_PI * (double)(turn % of) / (double)of;
  ret_root[0] = (float)cos(angle), ret_root[1] = (float)sin(angle);
}

static dwell_status make_stage(stage *g, dwell_error *err) {
  dwell_status status = DWELL_OK;
  size_t p = g->p, pairs = (p - 1) / 2;
  TRY_ALLOC(g->roots = MEM_NEW(float, 2 * pairs * pairs + 1), "a Fourier transform");
  TRY_ALLOC(g->twiddles = MEM_NEW(float, 2 * g->m * (p - 1)), "a Fourier transform");
  for (size_t e = 0; e < pairs * pairs; e++) put_root((e / pairs + 1) * (e % pairs + 1), p, g->roots + 2 * e);
  for (size_t e = 0; e < g->m * (p - 1); e++) {
    put_root(e / (p - 1) * (e % (p - 1) + 1), p * g->m, g->twiddles + 2 * e);
  }
done:
  return status;
}

dwell_status dft_create(size_t n, dft **ret_plan, dwell_error *err) {
  dwell_status status = DWELL_OK;
  dft *plan = MEM_ZERO(dft, 1);
  *ret_plan = NULL;
  TRY_ALLOC(plan, "a Fourier transform");
  for (size_t rest = n, p; rest > 1; rest /= p) {
    p = factor_of(rest);
    stage *g = &plan->stages[plan->count++];
    *g = (stage){.p = p, .m = rest / p, .s = n / rest};
    TRY(make_stage(g, err));
  }
  *ret_plan = plan;
  plan = NULL;
done:
  dft_destroy(plan);
  return status;
}

/* ---- stages ---- */

ISA_INLINE pair turned(pair x, const float *by) {
  return (pair){x.re * by[0] - x.im * by[1], x.re * by[1] + x.im * by[0]};
}

/* What a stage's outputs are made of: the first row and, of an even p, the middle one; of each r sum and difference of
 * x_r and x_{p-r}. */
typedef struct parts {
  pair first, middle;
  pair sums[MOST_PAIRS], differences[MOST_PAIRS];
} parts;

/* Outputs t .. t+count-1 and their mirror images p-t: several at once load a part once. */
ISA_INLINE void put_outputs(const size_t p, size_t t, const size_t count, const parts *x, const float *roots,
                            const float *twiddles, pair *y, size_t step) {
  enum { AT_ONCE = 2 };
  const size_t pairs = (p - 1) / 2;
  const float *row = roots + 2 * (t - 1) * pairs;
  pair even[AT_ONCE], odd[AT_ONCE];
  UNROLL for (size_t c = 0; c < count; c++) {
    even[c] = x->first, odd[c] = (pair){{0}, {0}};
    if (p % 2 == 0 && (t + c) % 2 == 0) even[c].re += x->middle.re, even[c].im += x->middle.im;
    else if (p % 2 == 0) even[c].re -= x->middle.re, even[c].im -= x->middle.im;
  }
  UNROLL for (size_t r = 0; r < pairs; r++) {
    pair sum = x->sums[r], difference = x->differences[r];
    UNROLL for (size_t c = 0; c < count; c++) {
      const float *root = row + 2 * (c * pairs + r);
      even[c].re += root[0] * sum.re, even[c].im += root[0] * sum.im;
      odd[c].re += root[1] * difference.re, odd[c].im += root[1] * difference.im;
    }
  }
  UNROLL for (size_t c = 0; c < count; c++, t++) {
    pair low = {even[c].re - odd[c].im, even[c].im + odd[c].re},
         high = {even[c].re + odd[c].im, even[c].im - odd[c].re};
    y[t * step] = turned(low, twiddles + 2 * (t - 1));
    y[(p - t) * step] = turned(high, twiddles + 2 * (p - t - 1));
  }
}

/* Output p/2 of an even p: the signs alternate. */
ISA_INLINE pair alternating(const size_t p, const parts *x) {
  pair y = x->first;
  if (p % 4 == 0) y.re += x->middle.re, y.im += x->middle.im;
  else y.re -= x->middle.re, y.im -= x->middle.im;
  UNROLL for (size_t r = 1; r <= (p - 1) / 2; r++) {
    if (r % 2 == 0) y.re += x->sums[r - 1].re, y.im += x->sums[r - 1].im;
    else y.re -= x->sums[r - 1].re, y.im -= x->sums[r - 1].im;
  }
  return y;
}

/* p rows of x, from_step apart, to p rows of y. */
ISA_INLINE void combine(const size_t p, const pair *x, size_t from_step, pair *y, size_t to_step, const float *roots,
                        const float *twiddles, parts *of) {
  const size_t pairs = (p - 1) / 2;
  size_t t = 1;
  pair total = x[0];
  of->first = total;
  UNROLL for (size_t r = 1; r <= pairs; r++) {
    pair a = x[r * from_step], b = x[(p - r) * from_step], sum = {a.re + b.re, a.im + b.im};
    of->sums[r - 1] = sum, of->differences[r - 1] = (pair){a.re - b.re, a.im - b.im};
    total.re += sum.re, total.im += sum.im;
  }
  if (p % 2 == 0) {
    of->middle = x[p / 2 * from_step];
    total.re += of->middle.re, total.im += of->middle.im;
    y[p / 2 * to_step] = turned(alternating(p, of), twiddles + 2 * (p / 2 - 1));
  }
  y[0] = total;
  for (; p > 8 && t < pairs; t += 2) put_outputs(p, t, 2, of, roots, twiddles, y, to_step);
  UNROLL for (; t <= pairs; t++) put_outputs(p, t, 1, of, roots, twiddles, y, to_step);
}

ISA_INLINE void run_stage(const size_t p, const stage *g, const pair *x, pair *y) {
  parts of;
  for (size_t k = 0; k < g->m; k++) {
    for (size_t q = 0; q < g->s; q++) {
      combine(p, x + g->s * k + q, g->m * g->s, y + g->s * p * k + q, g->s, g->roots, g->twiddles + 2 * k * (p - 1),
              &of);
    }
  }
}

/* Constant small factors have their loops unrolled. */
ISA_INLINE void transform_body(const stage *g, const pair *x, pair *y) {
  switch (g->p) {
    case 2: run_stage(2, g, x, y); break;
    case 3: run_stage(3, g, x, y); break;
    case 4: run_stage(4, g, x, y); break;
    case 5: run_stage(5, g, x, y); break;
    case 7: run_stage(7, g, x, y); break;
    case 8: run_stage(8, g, x, y); break;
    default: run_stage(g->p, g, x, y);
  }
}
ISA_DEFINE(static, transform, (const stage *g, const pair *x, pair *y), (g, x, y))

void dft_run(const dft *plan, float *x, float *work, float *ret_y) {
  float *from = x, *to = work;
  if (plan->count == 0) {
    for (size_t u = 0; u < DFT_ROW; u++) ret_y[u] = x[u];
  }
  for (size_t k = 0; k < plan->count; k++) {
    float *next = k + 1 < plan->count ? to : ret_y;
    transform(&plan->stages[k], (const pair *)from, (pair *)next);
    to = from, from = next;
  }
}
