/* report/vec.h - three coordinates. */
#ifndef DWELL_REPORT_VEC_H
#define DWELL_REPORT_VEC_H

#include <math.h>

typedef struct vec {
  double x, y, z;
} vec;

static inline double vec_dot(vec a, vec b) { return a.x * b.x + a.y * b.y + a.z * b.z; }
static inline vec vec_scaled(vec a, double s) { return (vec){a.x * s, a.y * s, a.z * s}; }
static inline vec vec_plus(vec a, vec b) { return (vec){a.x + b.x, a.y + b.y, a.z + b.z}; }
static inline vec vec_cross(vec a, vec b) {
  return (vec){a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
}

static inline vec vec_unit(vec a, vec otherwise) {
  double length = sqrt(vec_dot(a, a));
  return length > 1e-6 ? vec_scaled(a, 1 / length) : otherwise;
}

#endif
