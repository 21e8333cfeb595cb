/* instrument/motion.c - how far tokens move on the sphere over a block. */
#include <assert.h>
#include <math.h>

#include "instrument/instruments.h"

/* Angle of two unit vectors as 2 atan2(|u-v|, |u+v|) (Kahan): arccos of their product knows angles below 1e-8 not at
 * all. */
static double angle(size_t d, const double *u, const double *v) {
  double apart = 0, along = 0;
  for (size_t k = 0; k < d; k++) {
    apart += (u[k] - v[k]) * (u[k] - v[k]);
    along += (u[k] + v[k]) * (u[k] + v[k]);
  }
  return 2 * atan2(sqrt(apart), sqrt(along));
}

static dwell_status measure(geometry *before, geometry *after, const instrument_setting *s, value *ret_values,
                            dwell_error *err) {
  (void)s, (void)err;
  size_t n = geometry_n(before), d = geometry_d(before);
  const double *u = geometry_unit(before), *v = geometry_unit(after);
  assert(n == geometry_n(after));
  ret_values[0] = UNDEFINED("no coordinates");
  if (u == NULL || v == NULL || d != geometry_d(after)) return DWELL_OK;
  double sum = 0;
  for (size_t i = 0; i < n; i++) sum += angle(d, u + i * d, v + i * d);
  ret_values[0] = VALUE(sum / (double)n);
  return DWELL_OK;
}

static double flops(size_t n, size_t d) { return 6 * (double)n * (double)d; }

static const instrument_column columns[] = {
    {"angle_mean", "rad", 0, 3.14159265358979323846, "mean over tokens of the angle between before and after"},
};

const instrument instrument_motion = {
    .name = "motion",
    .summary = "how far tokens move",
    .source = "docs/instruments.md 3.2",
    .scope = PER_STEP,
    .columns = columns,
    .column_count = COUNT_OF(columns),
    .step = measure,
    .flops = flops,
};
