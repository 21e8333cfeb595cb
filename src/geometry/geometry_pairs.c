/* geometry/geometry_pairs.c - what is summed or searched over pairs: the energy, the nearest neighbours. */
#include <assert.h>
#include <math.h>

#include "base/error.h"
#include "base/mem.h"
#include "geometry/geometry_state.h"
#include "geometry/pairwise.h"
#include "linalg/vmath.h"

/* ---- energy ---- */

/* sum_{i<j} exp(beta (G_ij - 1)), row by row, each row and the rows pairwise: at f64 the noise floor of an energy
 * (instruments.md section 1) is a few ulp, and a plain sum over n^2/2 terms would lose it. */
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

/* ---- neighbours ---- */

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
      for (size_t i = 0; i < n; i++) nearest(n, i, k, cosines + i * n, order + i * k);
    }
    g->order[r] = order;
  }
  *ret_order = g->order[r];
  return DWELL_OK;
}
