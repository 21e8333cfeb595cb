/* detect/collapse.c - how fast do the tokens become one? All from 1 - ip_mean, which halves again and again if they do
 * and stays if they do not. */
#include <math.h>

#include "base/error.h"
#include "base/mem.h"
#include "detect/detectors.h"

static const double ARRIVED = 1e-12, FITTED = 1e-6;

/* The rate telescopes: only its two ends count. opt_log_time NULL: time is the number of the state. */
static value mean_rate(const double *ip, const double *opt_log_time, size_t states) {
  size_t m = 0;
  if (states == 0) return UNDEFINED("no states");
  if (1 - ip[0] <= ARRIVED) return UNDEFINED("collapsed at the start");
  while (m + 1 < states && 1 - ip[m + 1] > ARRIVED) m++;
  if (m == 0) return UNDEFINED(states == 1 ? "one state" : "collapsed in one step");
  double span = opt_log_time == NULL ? (double)m : exp(opt_log_time[m]) - exp(opt_log_time[0]);
  if (!isfinite(span)) return UNDEFINED("time beyond a double");
  return VALUE((log1p(-ip[0]) - log1p(-ip[m])) / span);
}

value detect_collapse_rate(const double *ip_mean, size_t states) { return mean_rate(ip_mean, NULL, states); }

typedef struct moments {
  double n, x, y, xx, xy, yy; /* means, then sums of squares and products about them */
} moments;

/* In two passes: times of flows span many orders. */
static moments moments_of(const double *ip, const double *log_time, size_t states) {
  moments m = {0};
  for (size_t pass = 0; pass < 2; pass++) {
    for (size_t l = 0; l < states; l++) {
      double t = exp(log_time[l]), y = log1p(-ip[l]);
      if (!(1 - ip[l] > FITTED) || !isfinite(t)) continue;
      if (pass == 0) m.n++, m.x += t, m.y += y;
      else m.xx += (t - m.x) * (t - m.x), m.xy += (t - m.x) * (y - m.y), m.yy += (y - m.y) * (y - m.y);
    }
    if (pass == 0 && m.n > 0) m.x /= m.n, m.y /= m.n;
  }
  return m;
}

static void fit(const double *ip, const double *log_time, size_t states, collapse *ret) {
  moments m = moments_of(ip, log_time, states);
  ret->fit_rate = ret->fit_se = ret->fit_r2 = ret->fit_half_life = UNDEFINED("fewer than 3 states before collapse");
  if (m.n < 3 || !(m.xx > 0)) return;
  double slope = m.xy / m.xx, left = fmax(0, m.yy - slope * m.xy);
  ret->fit_rate = VALUE(-slope);
  ret->fit_se = VALUE(sqrt(left / (m.n - 2) / m.xx));
  ret->fit_r2 = m.yy > 0 ? VALUE(1 - left / m.yy) : UNDEFINED("ip_mean is constant");
  ret->fit_half_life = slope < 0 ? VALUE(log(2) / -slope) : UNDEFINED("no collapse");
}

static dwell_status half_time(const double *ip, const double *log_time, size_t states, value *ret_time,
                              dwell_error *err) {
  double *apart = MEM_NEW(double, states);
  if (apart == NULL) return error_no_memory(err, "the collapse");
  for (size_t l = 0; l < states; l++) apart[l] = 1 - ip[l];
  value half = detect_halving(apart, log_time, states);
  *ret_time = half.undefined == NULL ? VALUE(exp(half.number)) : half;
  if (half.undefined == NULL && !isfinite(ret_time->number)) *ret_time = UNDEFINED("time beyond a double");
  mem_free(apart);
  return DWELL_OK;
}

dwell_status detect_collapse(const double *ip_mean, const double *log_time, size_t states, collapse *ret_collapse,
                             dwell_error *err) {
  for (size_t l = 0; l < states; l++) {
    if (!isfinite(ip_mean[l])) return error_set(err, DWELL_BAD_INPUT, "a mean cosine is not finite");
    if (isnan(log_time[l])) return error_set(err, DWELL_BAD_INPUT, "a time is not a number");
  }
  ret_collapse->rate = mean_rate(ip_mean, log_time, states);
  fit(ip_mean, log_time, states, ret_collapse);
  return half_time(ip_mean, log_time, states, &ret_collapse->half_time, err);
}

const detector detector_collapse = {
    .name = "collapse",
    .summary = "how fast the tokens become one",
    .source = "docs/instruments.md 6.6",
    .reads = "ip_mean at every state, and time",
    .kinds = "collapse",
    .false_positive = "no test: an estimate, its error is that over texts or starts",
    .rate_of = "no test",
};
