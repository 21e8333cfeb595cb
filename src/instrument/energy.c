/* instrument/energy.c - the interaction energy of a state, and its change over a block. */
#include <math.h>

#include "instrument/instruments.h"

enum { BETAS = 5 }; /* four fixed ones and the calibrated one */

static double beta_of(const instrument_setting *s, size_t k) {
  static const double fixed[BETAS - 1] = {0.1, 1, 2, 5};
  return k < BETAS - 1 ? fixed[k] : s->beta;
}

static dwell_status energy_at(geometry *g, double beta, value *ret_value, dwell_error *err) {
  *ret_value = UNDEFINED("beta_uncalibrated");
  if (isnan(beta)) return DWELL_OK;
  double energy;
  dwell_status status = geometry_energy(g, beta, &energy, err);
  /* beta < 0 with antipodal tokens: e^{2 |beta|} */
  *ret_value = status == DWELL_OK && !isfinite(energy) ? UNDEFINED("overflow") : VALUE(energy);
  return status;
}

/* 2 eps |beta| n^-2 sum_{i != j} exp(beta (G_ij - 1)): cosines of states that are exact to eps are exact to 2 eps. */
static value floor_of(value energy, double beta, double epsilon, size_t n) {
  if (energy.undefined != NULL) return energy;
  return VALUE(2 * epsilon * fabs(beta) * fmax(0, energy.number - 1 / (double)n));
}

/* e^beta / (2 beta) times the bounded energy: (2 beta n^2)^-1 sum_ij exp(beta G_ij), as the theory writes it. */
static value founding_of(value energy, double beta) {
  if (energy.undefined != NULL) return energy;
  if (beta == 0) return UNDEFINED("beta = 0");
  double founding = exp(beta) / (2 * beta) * energy.number;
  return isfinite(founding) ? VALUE(founding) : UNDEFINED("overflow");
}

static dwell_status measure(geometry *g, representation r, const instrument_setting *s, value *ret_values,
                            dwell_error *err) {
  (void)r;
  for (size_t k = 0; k < BETAS; k++) {
    double beta = beta_of(s, k);
    dwell_status status = energy_at(g, beta, &ret_values[k], err);
    if (status != DWELL_OK) return status;
    ret_values[BETAS + k] = floor_of(ret_values[k], beta, s->epsilon, geometry_n(g));
    ret_values[2 * BETAS + k] = founding_of(ret_values[k], beta);
  }
  return DWELL_OK;
}

static dwell_status measure_change(geometry *before, geometry *after, const instrument_setting *s, value *ret_values,
                                   dwell_error *err) {
  for (size_t k = 0; k < BETAS; k++) {
    value a, b;
    dwell_status status = energy_at(before, beta_of(s, k), &a, err);
    if (status == DWELL_OK) status = energy_at(after, beta_of(s, k), &b, err);
    if (status != DWELL_OK) return status;
    ret_values[k] = a.undefined != NULL ? a : b.undefined != NULL ? b : VALUE(b.number - a.number);
  }
  return DWELL_OK;
}

static double flops(size_t n, size_t d) {
  (void)d;
  return BETAS * 10 * (double)n * (double)n; /* an exponential counted as 20, one half of the pairs */
}

/* The energies themselves are remembered by the geometries. */
static double change_flops(size_t n, size_t d) {
  (void)n, (void)d;
  return BETAS;
}

#define MEANING "n^-2 sum over all i, j of exp(beta (G_ij - 1)), beta = "
#define FLOOR "bound on the rounding error of the energy at beta = "
#define FOUNDING "energy times exp(beta) / (2 beta), the form of the theory, beta = "
#define CHANGE "energy after the block minus before, not rounded to its floors, beta = "
#define CALIBRATED "the calibrated one"

static const instrument_column columns[] = {
    {"energy_b0.1", "1", 0, 1, MEANING "0.1"},
    {"energy_b1", "1", 0, 1, MEANING "1"},
    {"energy_b2", "1", 0, 1, MEANING "2"},
    {"energy_b5", "1", 0, 1, MEANING "5"},
    {"energy_calibrated", "1", 0, INFINITY, MEANING CALIBRATED " (above 1 only for beta < 0)"},
    {"energy_floor_b0.1", "1", 0, INFINITY, FLOOR "0.1"},
    {"energy_floor_b1", "1", 0, INFINITY, FLOOR "1"},
    {"energy_floor_b2", "1", 0, INFINITY, FLOOR "2"},
    {"energy_floor_b5", "1", 0, INFINITY, FLOOR "5"},
    {"energy_floor_calibrated", "1", 0, INFINITY, FLOOR CALIBRATED},
    {"founding_b0.1", "1", 0, INFINITY, FOUNDING "0.1"},
    {"founding_b1", "1", 0, INFINITY, FOUNDING "1"},
    {"founding_b2", "1", 0, INFINITY, FOUNDING "2"},
    {"founding_b5", "1", 0, INFINITY, FOUNDING "5"},
    {"founding_calibrated", "1", -INFINITY, INFINITY, FOUNDING CALIBRATED " (below 0 only for beta < 0)"},
};

const instrument instrument_energy = {
    .name = "energy",
    .summary = "interaction energy, and the part of it that rounding can make",
    .source = "Geshkovski, Letrouit, Polyanskiy, Rigollet, arXiv:2312.10794, section 3; docs/instruments.md 2",
    .scope = PER_STATE,
    .in = IN_RAW,
    .columns = columns,
    .column_count = COUNT_OF(columns),
    .state = measure,
    .flops = flops,
};

/* Differences are printed as they are: which of them are below their floors (instruments.md 3.3) follows from the
 * energy_floor columns of the two states, and a table that had zeros in their place could not be judged again. */
static const instrument_column change_columns[] = {
    {"dE_b0.1", "1", -1, 1, CHANGE "0.1"},
    {"dE_b1", "1", -1, 1, CHANGE "1"},
    {"dE_b2", "1", -1, 1, CHANGE "2"},
    {"dE_b5", "1", -1, 1, CHANGE "5"},
    {"dE_calibrated", "1", -INFINITY, INFINITY, CHANGE CALIBRATED},
};

const instrument instrument_energy_change = {
    .name = "energy_change",
    .summary = "change of the interaction energy over a block",
    .source = "Geshkovski, Letrouit, Polyanskiy, Rigollet, arXiv:2312.10794, section 3; docs/instruments.md 3.3",
    .scope = PER_STEP,
    .columns = change_columns,
    .column_count = COUNT_OF(change_columns),
    .step = measure_change,
    .flops = change_flops,
};
