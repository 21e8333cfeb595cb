/* instrument/motion.c - how far tokens move on the sphere over a block. */
#include <assert.h>
#include <math.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/sort.h"
#include "instrument/instruments.h"

/* Squares of |u - v| and |u + v|. */
typedef struct distances {
  double apart, along;
} distances;

static distances distances_of(size_t d, const double *u, const double *v) {
  distances s = {0, 0};
  for (size_t k = 0; k < d; k++) {
    s.apart += (u[k] - v[k]) * (u[k] - v[k]);
    s.along += (u[k] + v[k]) * (u[k] + v[k]);
  }
  return s;
}

/* Angle of two unit vectors as 2 atan2(|u-v|, |u+v|) (Kahan): arccos of their product knows angles below 1e-8 not at
 * all. */
static double angle(distances s) { return 2 * atan2(sqrt(s.apart), sqrt(s.along)); }

/* |x' - x| / |x| from the directions and the ratio of the lengths. Of the two terms neither is negative, so nothing
 * cancels: |q v - u|^2 = q |v - u|^2 + (q - 1)^2 for unit u, v. */
static double update(distances s, double q) { return sqrt(q * s.apart + (q - 1) * (q - 1)); }

enum { ANGLE_MEAN, ANGLE_MAX, UPDATE_NORM, COLUMNS };

static dwell_status measure(geometry *before, geometry *after, const instrument_setting *s, value *ret_values,
                            dwell_error *err) {
  (void)s;
  size_t n = geometry_n(before), d = geometry_d(before);
  const double *u = geometry_unit(before), *v = geometry_unit(after);
  const double *r = geometry_norms(before), *q = geometry_norms(after);
  assert(n == geometry_n(after));
  for (size_t k = 0; k < COLUMNS; k++) ret_values[k] = UNDEFINED("no coordinates");
  if (u == NULL || v == NULL || d != geometry_d(after)) return DWELL_OK;
  double sum = 0, most = 0, *updates = MEM_NEW(double, n);
  if (updates == NULL) return error_no_memory(err, "the updates");
  for (size_t i = 0; i < n; i++) {
    distances moved = distances_of(d, u + i * d, v + i * d);
    double turned = angle(moved);
    sum += turned, most = fmax(most, turned);
    updates[i] = update(moved, q[i] / r[i]);
  }
  sort_doubles(updates, n);
  double typical = sort_median(updates, n);
  mem_free(updates);
  ret_values[ANGLE_MEAN] = VALUE(sum / (double)n);
  ret_values[ANGLE_MAX] = VALUE(most);
  ret_values[UPDATE_NORM] = isfinite(typical) ? VALUE(typical) : UNDEFINED("too large");
  return DWELL_OK;
}

static double flops(size_t n, size_t d) { return 6 * (double)n * (double)d; }

static const instrument_column columns[] = {
    {"angle_mean", "rad", 0, 3.14159265358979323846, "mean over tokens of the angle between before and after"},
    {"angle_max", "rad", 0, 3.14159265358979323846, "largest of these angles"},
    {"update_norm", "1", 0, INFINITY, "median over tokens of |x' - x| / |x|"},
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
    .rows_only = true,
};
