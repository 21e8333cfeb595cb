/* theorem/ring.c - the linear response of a flow about the uniform state of the circle. */
#include "theorem/ring.h"

#include <math.h>

#include "base/error.h"
#include "theorem/numerics.h"

enum { TOKENS = 512 };
static const double displacement = 1e-5;

/* Sum over tokens of sin(k theta) times the angular velocity, for displacements of the given sign. */
static dwell_status response(particles *p, double k, double sign, double *ret_sum, dwell_error *err) {
  dwell_status status = DWELL_OK;
  double angles[TOKENS], v[2 * TOKENS], sum = 0, step = 2 * acos(-1) / TOKENS;
  for (size_t i = 0; i < TOKENS; i++) angles[i] = step * (double)i + sign * displacement * sin(k * step * (double)i);
  particles_angles(p, angles);
  TRY(particles_velocity(p, v, NULL, err));
  for (size_t i = 0; i < TOKENS; i++)
    sum += sin(k * step * (double)i) * (v[2 * i + 1] * cos(angles[i]) - v[2 * i] * sin(angles[i]));
  *ret_sum = sum;
done:
  return status;
}

dwell_status ring_rate(const char *name, double beta, size_t k, double *ret_rate, dwell_error *err) {
  dwell_status status = DWELL_OK;
  double up, down;
  particles p = {0};
  TRY(particles_open(name, TOKENS, 2, beta, &p, err));
  TRY(response(&p, (double)k, 1, &up, err));
  TRY(response(&p, (double)k, -1, &down, err));
  *ret_rate = (up - down) / (2 * displacement * TOKENS / 2);
done:
  particles_close(&p);
  return status;
}

/* share_k (sum_j cos k theta_j, sum_j sin k theta_j) for k = 1.., share_k = I_k / I_0, up to where it is below 1e-9. */
static size_t coefficients(const particles *p, double beta, size_t most, double *ret_re, double *ret_im) {
  size_t highest = 0;
  double zero = numerics_log_bessel(0, beta);
  while (highest + 1 < most && exp(numerics_log_bessel((double)highest + 1, beta) - zero) > 1e-9) highest++;
  for (size_t k = 0; k <= highest; k++) ret_re[k] = ret_im[k] = 0;
  for (size_t i = 0; i < p->n; i++) {
    double c = p->x[2 * i], s = p->x[2 * i + 1], a = 1, b = 0;
    for (size_t k = 1; k <= highest; k++) {
      double next = a * c - b * s;
      b = a * s + b * c, a = next;
      ret_re[k] += a, ret_im[k] += b;
    }
  }
  for (size_t k = 1; k <= highest; k++) {
    double share = exp(numerics_log_bessel((double)k, beta) - zero);
    ret_re[k] *= share, ret_im[k] *= share;
  }
  return highest;
}

size_t ring_modes(const particles *p, double beta) {
  enum { GRID = 4096, HIGHEST = 256 };
  double re[HIGHEST], im[HIGHEST], grid[GRID];
  size_t highest = coefficients(p, beta, HIGHEST, re, im), modes = 0;
  for (size_t g = 0; g < GRID; g++) {
    double c = cos(2 * acos(-1) * (double)g / GRID), s = sin(2 * acos(-1) * (double)g / GRID), a = 1, b = 0;
    grid[g] = 0;
    for (size_t k = 1; k <= highest; k++) {
      double next = a * c - b * s;
      b = a * s + b * c, a = next;
      grid[g] += re[k] * a + im[k] * b;
    }
  }
  for (size_t g = 0; g < GRID; g++) modes += grid[g] > grid[(g + GRID - 1) % GRID] && grid[g] >= grid[(g + 1) % GRID];
  return modes;
}
