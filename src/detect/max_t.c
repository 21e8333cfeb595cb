/* detect/max_t.c - is any state of the trajectory clustered? One test for all of them (Westfall and Young 1993): every
 * state's statistic is put on the scale of its own null, and the largest is compared with the largest of each draw. A
 * draw's randomness is shared by the states, so their dependence is the data's. */
#include <math.h>

#include "base/error.h"
#include "base/mem.h"
#include "detect/detectors.h"

typedef struct scale {
  double mean, sd; /* sd 0: no scale, the state takes no part */
} scale;

static scale scale_of(const double *drawn, size_t draws, size_t states, size_t l) {
  double sum = 0, squares = 0, mean;
  for (size_t k = 0; k < draws; k++) sum += drawn[k * states + l];
  mean = sum / (double)draws;
  if (!isfinite(mean)) return (scale){0, 0};
  for (size_t k = 0; k < draws; k++) squares += (drawn[k * states + l] - mean) * (drawn[k * states + l] - mean);
  double sd = sqrt(squares / (double)draws);
  return (scale){mean, sd > 1e-12 * fabs(mean) ? sd : 0};
}

static double largest_z(const double *row, const scale *scales, size_t states, size_t *opt_at) {
  double most = -INFINITY;
  for (size_t l = 0; l < states; l++) {
    if (scales[l].sd == 0) continue;
    double z = (row[l] - scales[l].mean) / scales[l].sd;
    if (!(z > most)) continue;
    most = z;
    if (opt_at != NULL) *opt_at = l;
  }
  return most;
}

dwell_status detect_max_t(const double *observed, const double *drawn, size_t draws, size_t states, double *opt_z,
                          max_t *ret_max, dwell_error *err) {
  *ret_max = (max_t){.p = UNDEFINED(draws == 0 ? "no draws" : "degenerate"), .best = SIZE_MAX};
  for (size_t l = 0; opt_z != NULL && l < states; l++) opt_z[l] = NAN;
  if (draws == 0 || states == 0) return DWELL_OK;
  scale *scales = MEM_NEW(scale, states);
  if (scales == NULL) return error_no_memory(err, "the test over states");
  for (size_t l = 0; l < states; l++) {
    scales[l] = isfinite(observed[l]) ? scale_of(drawn, draws, states, l) : (scale){0, 0};
    if (opt_z != NULL && scales[l].sd > 0) opt_z[l] = (observed[l] - scales[l].mean) / scales[l].sd;
  }
  double most = largest_z(observed, scales, states, &ret_max->best);
  size_t above = 0;
  for (size_t k = 0; k < draws; k++) above += largest_z(drawn + k * states, scales, states, NULL) >= most - 1e-12;
  if (ret_max->best != SIZE_MAX) ret_max->p = VALUE((double)(1 + above) / (double)(draws + 1));
  mem_free(scales);
  return DWELL_OK;
}

const detector detector_max_t = {
    .name = "max_t",
    .summary = "is any state clustered, with one p for all states",
    .source = "Westfall and Young 1993; docs/instruments.md 6.1",
    .reads = "cluster_T and its surrogates at every state",
    .kinds = "",
    .false_positive = "4.5 % at nominal 5 % per state (2600 structureless clouds; 11 % of serially correlated ones)",
    .rate_of = "make calibrate",
};
