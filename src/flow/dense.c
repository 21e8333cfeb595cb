/* flow/dense.c - heads as plain matrices. */
#include "flow/dense.h"

#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "linalg/gemm.h"

dwell_status dense_check(const flow_layer *l, dwell_error *err) {
  const char *what = NULL;
  if (l == NULL) return DWELL_OK;
  if (l->query_bias != NULL || l->key_bias != NULL || l->bias != NULL || l->centred) what = "a trained model's biases";
  if (l->hidden > 0) what = "additive scores";
  if (l->neurons > 0) what = "neurons";
  if (l->query != NULL && l->rank > l->d) what = "queries and keys of more rows than dimensions";
  if (what == NULL) return DWELL_OK;
  error_set(err, DWELL_USAGE, "this flow takes Q, K and V alone, not %s", what);
  return error_at_item(err, "qkv");
}

static void pad(size_t heads, size_t rank, size_t d, const double *rows, double *ret_square) {
  for (size_t h = 0; h < heads; h++) memcpy(ret_square + h * d * d, rows + h * rank * d, rank * d * sizeof(double));
}

dwell_status dense_open(const flow_layer *l, size_t d, dense_heads *ret_heads, dwell_error *err) {
  dense_heads t = {.heads = l != NULL ? l->heads : 1};
  dwell_status status = DWELL_OK;
  size_t size = t.heads * d * d;
  if (l != NULL && l->query != NULL) {
    t.query = MEM_ZERO(double, size), t.key = MEM_ZERO(double, size);
    if (t.query == NULL || t.key == NULL) TRY_ALLOC(NULL, "the weights");
    pad(t.heads, l->rank, d, l->query, t.query);
    pad(t.heads, l->rank, d, l->key, t.key);
  }
  if (l != NULL && l->read != NULL) {
    t.value = MEM_ZERO(double, size);
    TRY_ALLOC(t.value, "the weights");
    if (l->write == NULL) memcpy(t.value, l->read, size * sizeof(double));
    for (size_t h = 0; l->write != NULL && h < t.heads; h++)
      gemm_f64(true, false, d, d, l->value_rank, 1, l->write + h * l->value_rank * d, d,
               l->read + h * l->value_rank * d, d, 0, t.value + h * d * d, d);
  }
done:
  if (status != DWELL_OK) dense_close(&t);
  *ret_heads = t;
  return status;
}

void dense_close(dense_heads *t) {
  mem_free(t->query);
  mem_free(t->key);
  mem_free(t->value);
  *t = (dense_heads){0};
}
