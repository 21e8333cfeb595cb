/* linalg/tridiagonal.c - rational QL on several symmetric tridiagonal matrices in the lanes of one register.
 *
 * Row i of all matrices lies side by side; a shorter matrix fills the last rows. A sweep runs up from the last row to
 * the first one that has not converged yet, which each matrix has its own of. Where a matrix has fallen apart in the
 * middle the sweep simply goes on: what stands below is turned too, and keeps its eigenvalues. */
#include "linalg/tridiagonal.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/isa.h"
#include "base/mem.h"
#include "base/sort.h"

enum { LANES = TRIDIAGONAL_MOST, MOST_SWEEPS = 30 };
_Static_assert((int)LANES == (int)ISA_HALF, "a matrix is a lane of half a register");
typedef long long mask __attribute__((vector_size(LANES * sizeof(long long))));

/* An off-diagonal entry of this much of its neighbours on the diagonal, or of the largest entry, is nothing: squares of
 * 2^-53 and 2^-56. */
static const double NOTHING = 0x1p-106, NOTHING_AT_ALL = 0x1p-112;
/* Instead of a square of 0, by which nothing can be divided: far below all rounding where the largest entry is 1. */
static const double LEAST_SQUARE = 1e-280;

typedef struct iteration {
  size_t count, rows;             /* matrices; rows of the longest one */
  isa_half *d, *e;                /* [rows] diagonal; squares of the entries beside it, e[i] between i and i+1 */
  size_t first[LANES], at[LANES]; /* the matrix's first row; the first that has not converged (rows: all have) */
  int sweeps[LANES];              /* spent on that one */
  int exponent[LANES];            /* the matrix was scaled by 2^-exponent */
} iteration;

/* ---- one sweep ---- */

typedef struct sweep {
  isa_half *d, *e, shift;
  isa_half c, s, g, p; /* of Parlett's loop: cosine and sine squared, gamma, pi */
} sweep;

/* Where m is set. */
ISA_INLINE void put(const mask *m, const isa_half *value, isa_half *into) {
  *into = (isa_half)((*m & (mask)*value) | (~*m & (mask)*into));
}

/* Row i, in the lanes of `m` alone. */
ISA_INLINE void step(sweep *w, size_t i, const mask *m) {
  isa_half b = w->e[i], r = w->p + b, c = w->p / r, inverse = r / w->p, s = b / r, a = w->d[i];
  isa_half g = c * (a - w->shift) - s * w->g, d = w->g + (a - g);
  isa_half p = (g * g + LEAST_SQUARE) * inverse;
  w->e[i + 1] = w->s * r; /* above the lane's first row nobody reads it again */
  put(m, &d, &w->d[i + 1]);
  put(m, &s, &w->s), put(m, &g, &w->g), put(m, &p, &w->p);
}

/* Rows last-1 down to `all` in every lane, then down to `any` in those whose first row is not yet passed. */
ISA_INLINE void run_sweep_body(isa_half *d, isa_half *e, size_t last, size_t all, size_t any, const double *at,
                               const double *shift, double *ret_g, double *ret_e) {
  sweep w = {.d = d, .e = e};
  isa_half first;
  memcpy(&first, at, sizeof first);
  memcpy(&w.shift, shift, sizeof w.shift);
  w.g = d[last] - w.shift;
  w.p = w.g * w.g + LEAST_SQUARE;
  size_t i = last;
  const mask every = {-1, -1, -1, -1};
  while (i > all) step(&w, --i, &every);
  while (i > any) {
    isa_half row = w.shift - w.shift + (double)--i;
    const mask below = row >= first;
    step(&w, i, &below);
  }
  w.p *= w.s;
  memcpy(ret_g, &w.g, sizeof w.g);
  memcpy(ret_e, &w.p, sizeof w.p);
}
ISA_DEFINE(static, run_sweep,
           (isa_half * d, isa_half *e, size_t last, size_t all, size_t any, const double *at, const double *shift,
            double *ret_g, double *ret_e),
           (d, e, last, all, any, at, shift, ret_g, ret_e))

/* ---- the iteration ---- */

static bool is_nothing(const iteration *t, size_t i, size_t lane) {
  double square = t->e[i][lane];
  return square <= NOTHING_AT_ALL || square <= NOTHING * fabs(t->d[i][lane] * t->d[i + 1][lane]);
}

/* Passes the rows that have converged. */
static void advance(iteration *t, size_t lane) {
  size_t last = t->rows - 1;
  while (t->at[lane] < last && is_nothing(t, t->at[lane], lane)) t->at[lane]++, t->sweeps[lane] = 0;
  if (t->at[lane] == last) t->at[lane] = t->rows;
}

/* The eigenvalue of the first two rows that is nearer to the first. */
static double wilkinson(const iteration *t, size_t lane) {
  size_t l = t->at[lane];
  double e = sqrt(t->e[l][lane]), d = t->d[l][lane], half = (t->d[l + 1][lane] - d) / (2 * e);
  double root = sqrt(1 + half * half);
  return d - e / (half + (half < 0 ? -root : root));
}

/* One sweep of every matrix that has not converged. */
static void sweep_all(iteration *t) {
  double at[LANES], shift[LANES] = {0}, g[LANES], e[LANES];
  size_t last = t->rows - 1, all = 0, any = last;
  for (size_t k = 0; k < LANES; k++) {
    bool active = t->at[k] < last;
    at[k] = active ? (double)t->at[k] : (double)t->rows;
    if (active) shift[k] = wilkinson(t, k);
    size_t stop = active ? t->at[k] : k < t->count ? last : 0; /* what has converged is not touched */
    all = stop > all ? stop : all;
    if (active && stop < any) any = stop;
  }
  run_sweep(t->d, t->e, last, all, any, at, shift, g, e);
  for (size_t k = 0; k < LANES; k++) {
    if (t->at[k] >= last) continue;
    t->d[t->at[k]][k] = shift[k] + g[k], t->e[t->at[k]][k] = e[k];
    t->sweeps[k]++;
  }
}

static dwell_status iterate(iteration *t, dwell_error *err) {
  for (;;) {
    bool done = true;
    for (size_t k = 0; k < LANES; k++) {
      if (t->at[k] < t->rows) advance(t, k);
      if (t->sweeps[k] > MOST_SWEEPS) {
        return error_set(err, DWELL_FAILED, "eigenvalue %zu of a %zu x %zu matrix did not converge",
                         t->at[k] - t->first[k], t->rows - t->first[k], t->rows - t->first[k]);
      }
      done = done && t->at[k] == t->rows;
    }
    if (done) return DWELL_OK;
    sweep_all(t);
  }
}

/* ---- in and out ---- */

static bool largest_entry(const tridiagonal *m, double *ret) {
  *ret = 0;
  for (size_t i = 0; i < m->n; i++) {
    if (!isfinite(m->diagonal[i]) || (i + 1 < m->n && !isfinite(m->off[i]))) return false;
    *ret = fmax(*ret, fabs(m->diagonal[i]));
    if (i + 1 < m->n) *ret = fmax(*ret, fabs(m->off[i]));
  }
  return true;
}

/* Into a lane, scaled so that squares stay in range, with the end of larger entries last: QL converges from the other
 * one. */
static dwell_status load(iteration *t, size_t lane, const tridiagonal *m, dwell_error *err) {
  double largest;
  size_t first = t->first[lane] = t->at[lane] = t->rows - m->n;
  if (!largest_entry(m, &largest)) {
    return error_set(err, DWELL_FAILED, "a tridiagonal matrix of order %zu has an entry that is not finite", m->n);
  }
  (void)frexp(largest, &t->exponent[lane]);
  bool turn = m->n > 0 && fabs(m->diagonal[0]) > fabs(m->diagonal[m->n - 1]);
  for (size_t i = 0; i < m->n; i++) {
    t->d[first + i][lane] = ldexp(m->diagonal[turn ? m->n - 1 - i : i], -t->exponent[lane]);
    if (i + 1 == m->n) break;
    double off = ldexp(m->off[turn ? m->n - 2 - i : i], -t->exponent[lane]);
    t->e[first + i][lane] = off * off;
  }
  return DWELL_OK;
}

static void unload(const iteration *t, size_t lane, const tridiagonal *m) {
  for (size_t i = 0; i < m->n; i++) m->values[i] = ldexp(t->d[t->first[lane] + i][lane], t->exponent[lane]);
  sort_doubles(m->values, m->n);
}

uint64_t tridiagonal_bytes(size_t n) { return 2 * ((uint64_t)n + 1) * sizeof(isa_half); }

dwell_status tridiagonal_values(size_t count, const tridiagonal *matrices, dwell_error *err) {
  iteration t = {.count = count};
  dwell_status status = DWELL_OK;
  for (size_t k = 0; k < count; k++) t.rows = matrices[k].n > t.rows ? matrices[k].n : t.rows;
  if (t.rows == 0) return DWELL_OK;
  t.d = MEM_ZERO(isa_half, t.rows), t.e = MEM_ZERO(isa_half, t.rows + 1);
  TRY_ALLOC(t.d, "eigenvalues");
  TRY_ALLOC(t.e, "eigenvalues");
  for (size_t k = 0; k < LANES; k++) t.at[k] = t.rows;
  for (size_t k = 0; k < count; k++) TRY(load(&t, k, &matrices[k], err));
  TRY(iterate(&t, err));
  for (size_t k = 0; k < count; k++) unload(&t, k, &matrices[k]);
done:
  mem_free(t.d), mem_free(t.e);
  return status;
}
