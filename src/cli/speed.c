/* cli/speed.c - how fast this machine multiplies matrices, for doctor and for inspect's estimate of time. */
#include "base/clock.h"
#include "base/mem.h"
#include "base/random.h"
#include "cli/cli.h"
#include "linalg/panels.h"

enum { ORDER = 480 }; /* whole panels of either type */

/* As in the forward pass: any numbers are an operand in panels. */
static void multiply(bool wide, double *a) {
  const double *b = a + ORDER * ORDER;
  double *c = a + 2 * ORDER * ORDER;
  if (wide) {
    panels_multiply_f64(ORDER, ORDER, ORDER, a, ORDER, b, ORDER, c, ORDER, false);
  } else {
    panels_multiply_f32(ORDER, ORDER, ORDER, (float *)a, ORDER, (const float *)b, ORDER, (float *)c, ORDER, false);
  }
}

double cli_speed(bool wide) {
  double best = 0;
  double *a = MEM_NEW(double, 3 * ORDER * ORDER);
  if (a == NULL) return 0;
  random_stream s = {.purpose = RANDOM_SELFCHECK};
  for (size_t i = 0; i < 2 * ORDER * ORDER; i++) {
    double x = random_uniform(&s, 1, (uint32_t)i) - 0.5;
    if (wide) a[i] = x;
    else ((float *)a)[2 * i] = ((float *)a)[2 * i + 1] = (float)x;
  }
  for (int k = 0; k < 6; k++) {
    double began = clock_seconds();
    multiply(wide, a);
    double rate = 2e-9 * ORDER * ORDER * ORDER / (clock_seconds() - began);
    if (k > 0 && rate > best) best = rate; /* the first call warms up */
  }
  mem_free(a);
  return best;
}
