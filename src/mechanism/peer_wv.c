/* mechanism/peer_wv.c - the spectral radius of W_V, as others take it, for comparison only: another basis within the
 * heads, which changes nothing of the network, changes it. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "linalg/eigen.h"
#include "mechanism/mechanism.h"

static dwell_status measure(const mechanism_block *b, value *ret_values, dwell_error *err) {
  const dwell_weights *w = b->weights;
  size_t d = w->d;
  dwell_status status = DWELL_OK;
  double radius = 0, *copy = NULL, *real = NULL;
  ret_values[0] = UNDEFINED("not_square");
  if (w->kv_heads * w->head_size != d) return DWELL_OK;
  TRY_ALLOC(copy = mem_copy(w->value, d * d, sizeof(double)), "the values of a block");
  TRY_ALLOC(real = MEM_NEW(double, 2 * d), "the values of a block");
  TRY(eigen_general(d, copy, real, real + d, err));
  for (size_t i = 0; i < d; i++) radius = fmax(radius, hypot(real[i], real[d + i]));
  ret_values[0] = VALUE(radius);
done:
  mem_free(copy);
  mem_free(real);
  return status;
}

static double flops(size_t n, size_t d) {
  (void)n;
  return 10 * (double)d * (double)d * (double)d;
}

static const instrument_column columns[] = {
    {"peer_wv_radius", "1", 0, INFINITY, "spectral radius of W_V: for comparison only, it depends on the basis"},
};

const instrument instrument_peer_wv = {
    .name = "peer_wv",
    .summary = "the spectral radius of W_V alone, as others take it: for comparison only",
    .source = "docs/instruments.md 7.1",
    .scope = PER_STEP,
    .columns = columns,
    .column_count = COUNT_OF(columns),
    .block_weights = measure,
    .flops = flops,
    .optional = true,
};
