/* mechanism/ov.c - what a head writes of what it reads: the spectra of its OV map. */
#include "base/error.h"
#include "base/mem.h"
#include "mechanism/columns.h"
#include "mechanism/mechanism.h"

/* Number `key` and, at the three places behind it, its null. */
static void put(const circuit_null *null, const value *values, circuit_key key, value *ret_four) {
  ret_four[0] = values[key];
  circuit_null_compare(null, values, key, ret_four + 1);
}

enum { RADIUS = 0, NORM = 4, SYM_SHARE = 8, ATTRACT = 12, HENRICI = 16, TRACE = 20, MAX_RE, MIN_RE, FRO, BIAS };

/* |W_O b_V|: what the head writes whatever it attends to, since its weights sum to 1. */
static dwell_status bias_of(const dwell_weights *w, size_t head, double *ret_norm, dwell_error *err) {
  const double *bias = w->value_bias + dwell_weights_group(w, head) * w->head_size;
  const double *rows = dwell_weights_rows(w, w->output, head);
  double *sum = MEM_ZERO(double, w->d);
  if (sum == NULL) return error_no_memory(err, "the bias of a head");
  for (size_t k = 0; k < w->head_size; k++) {
    for (size_t i = 0; i < w->d; i++) sum[i] += bias[k] * rows[k * w->d + i];
  }
  *ret_norm = geometry_norm(w->d, sum);
  mem_free(sum);
  return DWELL_OK;
}

static dwell_status measure(const mechanism_head *h, value *ret_values, dwell_error *err) {
  value v[CIRCUIT_KEYS];
  double bias = 0;
  dwell_status status = DWELL_OK;
  TRY(circuit_of_head(h->weights, CIRCUIT_OV, h->head, v, err));
  TRY(bias_of(h->weights, h->head, &bias, err));
  put(h->ov, v, CIRCUIT_RADIUS, ret_values + RADIUS);
  put(h->ov, v, CIRCUIT_NORM, ret_values + NORM);
  put(h->ov, v, CIRCUIT_SYM_SHARE, ret_values + SYM_SHARE);
  put(h->ov, v, CIRCUIT_ATTRACT, ret_values + ATTRACT);
  put(h->ov, v, CIRCUIT_HENRICI, ret_values + HENRICI);
  ret_values[TRACE] = v[CIRCUIT_TRACE], ret_values[FRO] = v[CIRCUIT_FRO];
  ret_values[MAX_RE] = v[CIRCUIT_MAX_RE], ret_values[MIN_RE] = v[CIRCUIT_MIN_RE];
  ret_values[BIAS] = VALUE(bias);
done:
  return status;
}

/* A head of 64 units, as most have; the width of a head is not known here. */
static double flops(size_t n, size_t d) {
  (void)n;
  return circuit_flops(64, d);
}

static const instrument_column columns[] = {
    WITH_RANDOM("ov_radius", 0, INFINITY, "largest modulus of an eigenvalue of the head's OV map"),
    WITH_RANDOM("ov_norm", 0, INFINITY, "its largest singular value"),
    WITH_RANDOM("ov_sym_share", 0, 1, "share of its squared Frobenius norm in its symmetric part"),
    WITH_RANDOM("ov_attract", 0, 1, "share of the symmetric part's in positive eigenvalues"),
    WITH_RANDOM("ov_henrici", 0, 1, "departure from a normal map: 0 normal, 1 nilpotent"),
    {"ov_trace", "1", -INFINITY, INFINITY, "its trace"},
    {"ov_max_re", "1", -INFINITY, INFINITY, "largest real part of its eigenvalues in the head"},
    {"ov_min_re", "1", -INFINITY, INFINITY, "smallest of these"},
    {"ov_fro", "1", 0, INFINITY, "its Frobenius norm"},
    {"ov_bias", "1", 0, INFINITY, "length of what the head's value bias adds to the stream"},
};

const instrument instrument_ov = {
    .name = "ov",
    .summary = "what a head writes of what it reads: spectra of its OV map, with those of random heads",
    .source = "docs/instruments.md 7.1",
    .scope = PER_HEAD,
    .columns = columns,
    .column_count = COUNT_OF(columns),
    .optional = true, /* the weights do not change with the text: inspect --weights */
    .head_weights = measure,
    .flops = flops,
};
