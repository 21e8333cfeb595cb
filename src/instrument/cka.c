/* instrument/cka.c - linear CKA of the unit tokens before and after a block, from the two centred Grams. */
#include <assert.h>
#include <math.h>

#include "base/error.h"
#include "instrument/instruments.h"
#include "instrument/spectrum.h"

static const double FACTOR_LEAST = 1e-14; /* instruments.md 3.1 */

static value ratio(double product, double first, double second) {
  if (first <= FACTOR_LEAST || second <= FACTOR_LEAST) return UNDEFINED("HSIC <= 1e-14");
  return VALUE(product / (sqrt(first) * sqrt(second)));
}

static dwell_status measure(geometry *before, geometry *after, const instrument_setting *s, value *ret_values,
                            dwell_error *err) {
  (void)s;
  dwell_status status = DWELL_OK;
  size_t n = geometry_n(before);
  const double *k, *l;
  assert(n == geometry_n(after));
  TRY(geometry_centred_gram(before, &k, err));
  TRY(geometry_centred_gram(after, &l, err));
  ret_values[0] = ratio(spectrum_product(n, k, l), spectrum_product(n, k, k), spectrum_product(n, l, l));
  ret_values[1] = n < 4 ? UNDEFINED("n < 4")
                        : ratio(spectrum_hsic(n, k, l), spectrum_hsic(n, k, k), spectrum_hsic(n, l, l));
  ret_values[2] = VALUE(ret_values[1].undefined != NULL ? 0 : fmax(0, 1 - ret_values[1].number));
done:
  return status;
}

static double chance_zero(size_t n) {
  (void)n;
  return 0;
}

static double flops(size_t n, size_t d) {
  (void)d;
  return 12 * (double)n * (double)n;
}

static const instrument_column columns[] = {
    {"cka", "1", 0, 1, "biased linear CKA; tends to 1 by itself where n is small against d, for comparison only"},
    {"cka_u", "1", -INFINITY, INFINITY, "unbiased linear CKA; 0 in the mean for unrelated states, at any n",
     .chance = chance_zero},
    {"change", "1", 0, INFINITY, "structural change of the block: max(0, 1 - cka_u); 0 where cka_u is undefined"},
};

const instrument instrument_cka = {
    .name = "cka",
    .summary = "similarity of the states before and after a block",
    .source = "Kornblith, Norouzi, Lee, Hinton, ICML 2019; Song et al., JMLR 13 (2012), eq. 5; "
              "Nguyen, Raghu, Kornblith, ICLR 2021; docs/instruments.md 3.1, 3.2",
    .scope = PER_STEP,
    .columns = columns,
    .column_count = COUNT_OF(columns),
    .step = measure,
    .flops = flops,
};
