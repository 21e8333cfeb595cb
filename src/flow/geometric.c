/* flow/geometric.c - geometric Euler-Maruyama. */
#include "flow/geometric.h"

#include <math.h>

#include "base/random.h"

void geometric_move(size_t d, const double *x, double h, const double *b, double spread, const double *xi,
                    double *ret_x) {
  double radial = 0, square = 0;
  for (size_t k = 0; k < d; k++) radial += x[k] * xi[k];
  for (size_t k = 0; k < d; k++) {
    double v = h * b[k] + spread * (xi[k] - radial * x[k]);
    square += v * v;
    ret_x[k] = v;
  }
  double angle = sqrt(square), along = cos(angle), across = angle > 0 ? sin(angle) / angle : 1;
  for (size_t k = 0; k < d; k++) ret_x[k] = along * x[k] + across * ret_x[k];
}

dwell_status geometric_step(orbit *o, double h, double *ret_x, double *ret_gain, dwell_error *err) {
  (void)err;
  const flow_plan *plan = o->plan;
  size_t n = plan->system.n, d = plan->system.d;
  random_stream stream = {plan->seed, RANDOM_FLOW_NOISE, plan->replica};
  uint32_t step = (uint32_t)(plan->first_step + o->certificate.steps);
  double spread = plan->kappa > 0 ? sqrt(2 * h / plan->kappa) : 0;
  for (size_t i = 0; i < n; i++) {
    double *to = ret_x + i * d;
    for (size_t k = 0; k < d; k++) to[k] = spread > 0 ? random_normal(&stream, step, (uint32_t)(i * d + k)) : 0;
    geometric_move(d, o->x + i * d, h, o->k[0] + i * d, spread, to, to);
  }
  field_normalise(n, d, ret_x, ret_x); /* roundings of many steps */
  *ret_gain = plan->kappa > 0 ? NAN : h * o->facts.power;
  return DWELL_OK;
}
