/* geometry/geometry_pairs.c - what is summed or searched over pairs: the energy, the nearest neighbours. */
#include <assert.h>
#include <math.h>

#include "base/error.h"
#include "base/isa.h"
#include "base/mem.h"
#include "geometry/geometry_state.h"
#include "geometry/pairwise.h"
#include "linalg/vmath.h"

/* ---- energy ---- */

/* sum_{i<j} exp(beta (G_ij - 1)), row by row, each row and the rows pairwise: at f64 the noise floor of an energy
 * (instruments.md 2) is a few ulp, and a plain sum over n^2/2 terms would lose it. */
static dwell_status half_sum(size_t n, const double *gram, double beta, double *ret_sum, dwell_error *err) {
  dwell_status status = DWELL_OK;
  double *terms = MEM_NEW(double, n), *rows = MEM_NEW(double, n);
  TRY_ALLOC(terms, "energy terms");
  TRY_ALLOC(rows, "energy rows");
  for (size_t i = 0; i < n; i++) {
    size_t count = n - 1 - i;
    const double *row = gram + i * n + i + 1;
    for (size_t j = 0; j < count; j++) terms[j] = beta * (row[j] - 1);
    vmath_exp_f64(count, terms, terms);
    rows[i] = pairwise_sum(count, terms);
  }
  *ret_sum = pairwise_sum(n, rows);
done:
  mem_free(terms);
  mem_free(rows);
  return status;
}

dwell_status geometry_energy(geometry *g, double beta, double *ret_energy, dwell_error *err) {
  for (size_t e = 0; e < g->energy_count; e++) {
    if (g->energies[e].beta != beta) continue;
    *ret_energy = g->energies[e].energy;
    return DWELL_OK;
  }
  const double *gram;
  double sum = 0;
  dwell_status status = geometry_cosines(g, RAW, &gram, err);
  if (status == DWELL_OK) status = half_sum(g->n, gram, beta, &sum, err);
  if (status != DWELL_OK) return status;
  double n = (double)g->n;
  *ret_energy = (n + 2 * sum) / (n * n);
  if (g->energy_count < GEOMETRY_ENERGIES) {
    g->energies[g->energy_count].beta = beta;
    g->energies[g->energy_count++].energy = *ret_energy;
  }
  return DWELL_OK;
}

/* ---- pairs above a cosine ---- */

ISA_INLINE void count_above_body(size_t n, const double *cosines, double limit, size_t *count) {
  long long above = 0;
  for (size_t j = 0; j < n; j++) above += cosines[j] > limit;
  *count += (size_t)above;
}
ISA_DEFINE(static, count_above, (size_t n, const double *cosines, double limit, size_t *count),
           (n, cosines, limit, count))

/* The same for C_ij = (G_ij - g_i - g_j + mean)/sqrt(Kc_ii Kc_jj) of one i; clamping changes nothing. */
ISA_INLINE void count_centred_body(size_t n, const double *gram, const double *means, const double *inverse,
                                   double mean_i, double mean, double limit, size_t *count) {
  long long above = 0;
  for (size_t j = 0; j < n; j++) above += (gram[j] - (mean_i + means[j]) + mean) * inverse[j] > limit;
  *count += (size_t)above;
}
ISA_DEFINE(static, count_centred,
           (size_t n, const double *gram, const double *means, const double *inverse, double mean_i, double mean,
            double limit, size_t *count),
           (n, gram, means, inverse, mean_i, mean, limit, count))

/* limit is in (-1, 1): beyond, clamping would matter. */
static dwell_status count_surrogate(geometry *g, double limit, size_t *ret_count, dwell_error *err) {
  dwell_status status = DWELL_OK;
  size_t n = g->n;
  double mean, *inverse = MEM_NEW(double, n);
  TRY_ALLOC(inverse, "centred norms");
  TRY(geometry_means(g, &mean, err));
  for (size_t i = 0; i < n; i++) inverse[i] = 1 - (g->means[i] + g->means[i]) + mean;
  geometry_inverse_norms(g, inverse, inverse);
  for (size_t i = 0; i + 1 < n; i++) {
    if (inverse[i] == 0) {
      *ret_count += limit < 0 ? n - 1 - i : 0;
      continue;
    }
    count_centred(n - 1 - i, g->gram + i * n + i + 1, g->means + i + 1, inverse + i + 1, g->means[i], mean,
                  limit / inverse[i], ret_count);
  }
done:
  mem_free(inverse);
  return status;
}

dwell_status geometry_pairs_above(geometry *g, representation r, double limit, size_t *ret_count, dwell_error *err) {
  *ret_count = 0;
  if (r == CENTRED && g->unit == NULL && g->centred == NULL && fabs(limit) < 1)
    return count_surrogate(g, limit, ret_count, err);
  const double *cosines;
  dwell_status status = geometry_cosines(g, r, &cosines, err);
  if (status != DWELL_OK) return status;
  for (size_t i = 0; i + 1 < g->n; i++) count_above(g->n - 1 - i, cosines + i * g->n + i + 1, limit, ret_count);
  return DWELL_OK;
}

/* ---- neighbours ---- */

/* Cosines this close are ties. Coincident tokens, which flows make by the dozen, have cosines that differ by rounding,
 * 1e-16 over the length of the centred token; without it the last bit would say who is nearest. */
static const double TIE = 1e-12;

/* The k best of a row, best first; equal cosines in the order of their index, because later ones only pass strictly
 * smaller ones. */
static void nearest(size_t n, size_t self, size_t k, const double *row, uint32_t *ret_order) {
  size_t found = 0;
  for (size_t j = 0; j < n; j++) {
    if (j == self || (found == k && row[j] <= row[ret_order[k - 1]])) continue;
    size_t at = found < k ? found++ : k - 1;
    for (; at > 0 && row[ret_order[at - 1]] < row[j]; at--) ret_order[at] = ret_order[at - 1];
    ret_order[at] = (uint32_t)j;
  }
}

/* Is a token of the order, or the best one outside it, within TIE of the one before? */
static bool has_ties(size_t n, size_t self, size_t k, const double *row, const uint32_t *order) {
  for (size_t r = 1; r < k; r++) {
    if (row[order[r]] >= row[order[r - 1]] - TIE) return true;
  }
  size_t near = 0;
  double least = row[order[k - 1]] - TIE;
  for (size_t j = 0; j < n; j++) near += j != self && row[j] >= least;
  return near > k;
}

static bool is_listed(size_t count, const uint32_t *order, size_t j) {
  for (size_t r = 0; r < count; r++) {
    if (order[r] == j) return true;
  }
  return false;
}

/* Again and again the smallest index among those within TIE of the best that is left. */
static void nearest_with_ties(size_t n, size_t self, size_t k, const double *row, uint32_t *ret_order) {
  for (size_t r = 0; r < k; r++) {
    double best = -INFINITY;
    for (size_t j = 0; j < n; j++) {
      if (row[j] > best && j != self && !is_listed(r, ret_order, j)) best = row[j];
    }
    size_t first = 0;
    while (row[first] < best - TIE || first == self || is_listed(r, ret_order, first)) first++;
    ret_order[r] = (uint32_t)first;
  }
}

dwell_status geometry_neighbours(geometry *g, representation r, const uint32_t **ret_order, size_t *ret_k,
                                 dwell_error *err) {
  assert(r == RAW || r == CENTRED);
  size_t n = g->n, k = n - 1 < GEOMETRY_NEIGHBOURS ? n - 1 : GEOMETRY_NEIGHBOURS;
  *ret_k = k;
  if (g->order[r] == NULL) {
    const double *cosines;
    dwell_status status = geometry_cosines(g, r, &cosines, err);
    if (status != DWELL_OK) return status;
    uint32_t *order = MEM_NEW(uint32_t, n * k);
    if (order == NULL) return error_no_memory(err, "neighbours");
    if (k > 0) {
      for (size_t i = 0; i < n; i++) {
        const double *row = cosines + i * n;
        nearest(n, i, k, row, order + i * k);
        if (has_ties(n, i, k, row, order + i * k)) nearest_with_ties(n, i, k, row, order + i * k);
      }
    }
    g->order[r] = order;
  }
  *ret_order = g->order[r];
  return DWELL_OK;
}
