/* mechanism/qk.c - which directions a head's scores compare: the form W_Q^T W_K, scaled as the scores are. */
#include "base/error.h"
#include "mechanism/columns.h"
#include "mechanism/mechanism.h"

enum { NORM = 0, SYM_SHARE = 4, ATTRACT = 8, ANTI_SHARE = 12, TRACE, FRO };

static void put(const circuit_null *null, const value *values, circuit_key key, value *ret_four) {
  ret_four[0] = values[key];
  circuit_null_compare(null, values, key, ret_four + 1);
}

static dwell_status measure(const mechanism_head *h, value *ret_values, dwell_error *err) {
  value v[CIRCUIT_KEYS];
  dwell_status status = circuit_of_head(h->weights, CIRCUIT_QK, h->head, v, err);
  if (status != DWELL_OK) return status;
  put(h->qk, v, CIRCUIT_NORM, ret_values + NORM);
  put(h->qk, v, CIRCUIT_SYM_SHARE, ret_values + SYM_SHARE);
  put(h->qk, v, CIRCUIT_ATTRACT, ret_values + ATTRACT);
  ret_values[ANTI_SHARE] = ret_values[SYM_SHARE];
  if (ret_values[ANTI_SHARE].undefined == NULL) ret_values[ANTI_SHARE].number = 1 - ret_values[SYM_SHARE].number;
  ret_values[TRACE] = v[CIRCUIT_TRACE], ret_values[FRO] = v[CIRCUIT_FRO];
  return DWELL_OK;
}

static double flops(size_t n, size_t d) {
  (void)n;
  return circuit_flops(64, d);
}

static const instrument_column columns[] = {
    WITH_RANDOM("qk_norm", 0, INFINITY, "largest singular value of the head's form of scores"),
    WITH_RANDOM("qk_sym_share", 0, 1, "share of its squared Frobenius norm in its symmetric part"),
    WITH_RANDOM("qk_attract", 0, 1, "share of the symmetric part's in positive eigenvalues: like attends to like"),
    {"qk_anti_share", "1", 0, 1, "1 - qk_sym_share: the part in which a token's attention is not returned"},
    {"qk_trace", "1", -INFINITY, INFINITY, "its trace"},
    {"qk_fro", "1", 0, INFINITY, "its Frobenius norm"},
};

const instrument instrument_qk = {
    .name = "qk",
    .summary = "which directions a head's scores compare: its QK form, with those of random heads",
    .source = "docs/instruments.md 7.2",
    .scope = PER_HEAD,
    .columns = columns,
    .column_count = COUNT_OF(columns),
    .optional = true, /* the weights do not change with the text: inspect --weights */
    .head_weights = measure,
    .flops = flops,
};
