/* mechanism/ov_sum.c - what the heads of a block do together, if each attends to one and the same token. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "linalg/eigen.h"
#include "linalg/gemm.h"
#include "mechanism/mechanism.h"

dwell_status mechanism_sum(const dwell_weights *w, double *ret_sum, dwell_error *err) {
  size_t one = w->head_size * w->d;
  double *factors = MEM_NEW(double, 2 * one);
  if (factors == NULL) return error_no_memory(err, "the factors of a head");
  memset(ret_sum, 0, w->d * w->d * sizeof *ret_sum);
  for (size_t h = 0; h < w->heads; h++) {
    circuit_factors(w, CIRCUIT_OV, h, factors, factors + one);
    gemm_f64(true, false, w->d, w->d, w->head_size, 1, factors, w->d, factors + one, w->d, 1, ret_sum, w->d);
  }
  mem_free(factors);
  return DWELL_OK;
}

/* Two copies of d x d, an eigenvalue problem with vectors; or displacements and a Gram matrix. */
uint64_t mechanism_block_bytes(size_t n, size_t d) {
  size_t small = n < d ? n : d;
  return sizeof(double) * (4 * (uint64_t)d * d + 2 * (uint64_t)n * d + (uint64_t)small * small) + eigen_bytes(d, 1);
}

/* |sum of W_O b_V + b_O|. */
static dwell_status bias_of(const dwell_weights *w, double *ret_norm, dwell_error *err) {
  double *sum = mem_copy(w->output_bias, w->d, sizeof(double));
  if (sum == NULL) return error_no_memory(err, "the bias of a block");
  for (size_t h = 0; h < w->heads; h++) {
    const double *bias = w->value_bias + dwell_weights_group(w, h) * w->head_size;
    const double *rows = dwell_weights_rows(w, w->output, h);
    for (size_t k = 0; k < w->head_size; k++) {
      for (size_t i = 0; i < w->d; i++) sum[i] += bias[k] * rows[k * w->d + i];
    }
  }
  *ret_norm = geometry_norm(w->d, sum);
  mem_free(sum);
  return DWELL_OK;
}

static dwell_status measure(const mechanism_block *b, value *ret_values, dwell_error *err) {
  double bias = 0;
  dwell_status status = circuit_measure_dense(b->weights->d, b->sum, ret_values, err);
  if (status == DWELL_OK) status = bias_of(b->weights, &bias, err);
  if (status == DWELL_OK) ret_values[CIRCUIT_KEYS] = VALUE(bias);
  return status;
}

static double flops(size_t n, size_t d) {
  (void)n;
  return 20 * (double)d * (double)d * (double)d;
}

static const instrument_column columns[] = {
    [CIRCUIT_RADIUS] = {"ov_sum_radius", "1", 0, INFINITY, "largest modulus of an eigenvalue of the summed OV maps"},
    [CIRCUIT_TRACE] = {"ov_sum_trace", "1", -INFINITY, INFINITY, "trace of the sum"},
    [CIRCUIT_MAX_RE] = {"ov_sum_max_re", "1", -INFINITY, INFINITY, "largest real part of an eigenvalue"},
    [CIRCUIT_MIN_RE] = {"ov_sum_min_re", "1", -INFINITY, INFINITY, "smallest real part of an eigenvalue"},
    [CIRCUIT_NORM] = {"ov_sum_norm", "1", 0, INFINITY, "largest singular value"},
    [CIRCUIT_FRO] = {"ov_sum_fro", "1", 0, INFINITY, "Frobenius norm"},
    [CIRCUIT_SYM_SHARE] = {"ov_sum_sym_share", "1", 0, 1, "share of its square in the symmetric part"},
    [CIRCUIT_ATTRACT] = {"ov_sum_attract", "1", 0, 1, "share of the symmetric part's in positive eigenvalues"},
    [CIRCUIT_HENRICI] = {"ov_sum_henrici", "1", 0, 1, "departure from a normal map"},
    [CIRCUIT_KEYS] = {"ov_sum_bias", "1", 0, INFINITY, "length of what all biases of the attention add to the stream"},
};

const instrument instrument_ov_sum = {
    .name = "ov_sum",
    .summary = "the OV maps of a block's heads, added up",
    .source = "docs/instruments.md 7.1",
    .scope = PER_STEP,
    .columns = columns,
    .column_count = COUNT_OF(columns),
    .block_weights = measure,
    .flops = flops,
    .optional = true,
};
