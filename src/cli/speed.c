/* cli/speed.c - how fast this machine multiplies matrices, for doctor and for inspect's estimate of time. */
#include "base/clock.h"
#include "base/mem.h"
#include "base/random.h"
#include "cli/cli.h"
#include "linalg/gemm.h"

enum { ORDER = 512 };

double cli_speed(bool wide) {
  double best = 0;
  double *a = MEM_NEW(double, 3 * ORDER * ORDER);
  if (a == NULL) return 0;
  random_stream s = {.purpose = RANDOM_SELFCHECK};
  for (size_t i = 0; i < 2 * ORDER * ORDER; i++) {
    if (wide) a[i] = random_uniform(&s, 1, (uint32_t)i) - 0.5;
    else ((float *)a)[i] = (float)random_uniform(&s, 1, (uint32_t)i) - 0.5f;
  }
  for (int k = 0; k < 6; k++) {
    double began = clock_seconds();
    if (wide) {
      gemm_f64(false, false, ORDER, ORDER, ORDER, 1, a, ORDER, a + ORDER * ORDER, ORDER, 0, a + 2 * ORDER * ORDER,
               ORDER);
    } else {
      float *f = (float *)a;
      gemm_f32(false, false, ORDER, ORDER, ORDER, 1, f, ORDER, f + ORDER * ORDER, ORDER, 0, f + 2 * ORDER * ORDER,
               ORDER);
    }
    double rate = 2e-9 * ORDER * ORDER * ORDER / (clock_seconds() - began);
    if (k > 0 && rate > best) best = rate; /* the first call warms up */
  }
  mem_free(a);
  return best;
}
