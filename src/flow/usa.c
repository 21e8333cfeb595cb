/* flow/usa.c - unnormalised self-attention on the sphere, in the theory's own clock (true e^{beta G}, not divided by
 * e^beta). */
#include <math.h>

#include "base/error.h"
#include "flow/attention.h"
#include "flow/families.h"

static dwell_status check(const flow_system *s, dwell_error *err) {
  if (fabs(s->beta) <= 700 || s->scaled) return DWELL_OK;
  error_set(err, DWELL_USAGE, "usa moves with speed e^beta, and e^%g is beyond a double", s->beta);
  error_at_item(err, "beta");
  return error_remedy(err, "Use --clock log, |beta| <= 700, or the flow sa");
}

/* Sum of weights in the theory's scale; in the log clock in units of e^{|beta|}, which the time unit takes up. */
static double true_weight(const flow_system *s, double z) { return s->scaled ? z : z * exp(fabs(s->beta)); }

static dwell_status attention(const flow_system *s, const double *x, double *ret_pull, double *ret_along, double *ret_z,
                              flow_work *work, dwell_error *err) {
  dwell_status status = attention_shift(s, x, ret_pull, ret_z, work, err);
  if (status != DWELL_OK) return status;
  for (size_t i = 0; i < s->n; i++) {
    ret_along[i] = true_weight(s, ret_z[i]);
    for (size_t k = 0; k < s->d; k++) ret_pull[i * s->d + k] *= ret_along[i];
  }
  return DWELL_OK;
}

static void energy_weights(const flow_system *s, const double *z, double *ret_weight) {
  (void)z;
  double unit = s->scaled ? 1 : exp(-fabs(s->beta)); /* scaled speeds are smaller by it, times longer */
  for (size_t i = 0; i < s->n; i++) ret_weight[i] = s->masses[i] * unit;
}

/* As for sa, with weights not divided by their sum: Gershgorin gives 2 max_i (Z_i - self), the positive semidefinite
 * kernel max_i Z_i. */
static double rate(const flow_system *s, const double *z) {
  double others = 0, total = 0;
  for (size_t i = 0; i < s->n; i++) {
    double self = s->masses[i] * (s->beta < 0 ? exp(2 * s->beta) : 1);
    others = fmax(others, z[i] - self);
    total = fmax(total, z[i]);
  }
  return true_weight(s, s->beta >= 0 ? fmin(total, 2 * others) : 2 * others);
}

static double time_unit(const flow_system *s) { return exp(-fabs(s->beta)); }

static double log_time_unit(const flow_system *s) { return -fabs(s->beta); }

static double flops(size_t n, size_t d) { return (double)n * (double)n * (6 * (double)d + 25); }

static const char *const parameters[] = {"beta: inverse temperature, |beta| <= 700 unless the clock is log", NULL};

const flow flow_usa = {
    .name = "usa",
    .summary = "unnormalised self-attention on the sphere: the gradient flow of the interaction energy",
    .source = "Geshkovski, Letrouit, Polyanskiy, Rigollet, arXiv:2312.10794, eq. (USA)",
    .parameters = parameters,
    .check = check,
    .attention = attention,
    .energy_weights = energy_weights,
    .rate = rate,
    .time_unit = time_unit,
    .log_time_unit = log_time_unit,
    .coalesces = true,
    .single = true,
    .scales = true,
    .averages = true,
    .isotropic = true,
    .flops = flops,
};
