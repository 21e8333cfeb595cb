/* Transforms against the sum that defines them, in double. */
#include "linalg/dft.h"

#include <math.h>
#include <stdlib.h>

#include "base/random.h"
#include "util/testing.h"

static const random_stream stream = {.seed = 12, .purpose = RANDOM_TEST};

/* Every lane, every output. The tolerance is that of some ten roundings to f32 of numbers as large as the outputs' root
 * mean square, sqrt(n) for inputs of variance 1; of a large prime factor p sqrt(p) terms' roundings come together. */
static void check_transform(size_t n) {
  dft *plan;
  float *x = malloc(4 * n * DFT_ROW * sizeof *x), *kept = x + n * DFT_ROW, *work = kept + n * DFT_ROW;
  float *y = work + n * DFT_ROW;
  double *circle = malloc(2 * n * sizeof *circle), worst = 0;
  assert_ok(dft_create(n, &plan, NULL), NULL);
  for (size_t k = 0; k < n; k++) {
    double angle = 2 * 3.14159265358979323846 * (double)k / (double)n;
    circle[2 * k] = cos(angle), circle[2 * k + 1] = sin(angle);
  }
  for (size_t e = 0; e < n * DFT_ROW; e++) {
    x[e] = kept[e] = (float)(sqrt(12) * (random_uniform(&stream, (uint32_t)n, (uint32_t)e) - 0.5));
  }
  dft_run(plan, x, work, y);
  for (size_t j = 0; j < n; j++) {
    for (size_t lane = 0; lane < DFT_LANES; lane++) {
      double re = 0, im = 0;
      for (size_t f = 0; f < n; f++) {
        const float *row = kept + f * DFT_ROW + lane;
        double c = circle[2 * (j * f % n)], s = circle[2 * (j * f % n) + 1];
        re += c * row[0] - s * row[DFT_LANES], im += s * row[0] + c * row[DFT_LANES];
      }
      worst = fmax(worst, fabs(re - y[j * DFT_ROW + lane]));
      worst = fmax(worst, fabs(im - y[j * DFT_ROW + DFT_LANES + lane]));
    }
  }
  if (worst > 2e-6 * sqrt((double)n)) print_message("n = %zu: off by %g\n", n, worst);
  assert_true(worst <= 2e-6 * sqrt((double)n));
  dft_destroy(plan);
  free(x), free(circle);
}

/* All factors, first and last, alone and together. */
static void transforms_against_their_sums(void **state) {
  (void)state;
  for (size_t n = 1; n <= 130; n++) {
    if (dft_suits(n)) check_transform(n);
  }
  static const size_t more[] = {254, 255, 256, 343, 381, 500, 504, 511, 512};
  for (size_t k = 0; k < sizeof more / sizeof *more; k++) check_transform(more[k]);
}

static void large_primes_do_not_suit(void **state) {
  (void)state;
  assert_true(dft_suits(1) && dft_suits(127) && dft_suits(511) && dft_suits(127 * 127));
  assert_false(dft_suits(131) || dft_suits(509) || dft_suits(2 * 131) || dft_suits(0));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(transforms_against_their_sums),
      cmocka_unit_test(large_primes_do_not_suit),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
