/* mechanism/layer_map.c - attention alone, layer upon layer, with given maps. */
#include "mechanism/layer_map.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "linalg/gemm.h"

typedef struct room {
  double *storage, *weights; /* [n,n] */
  double *seen, *move;       /* [n,d] */
} room;

static dwell_status make_room(const layer_maps *m, size_t n, room *ret, dwell_error *err) {
  size_t square, wide;
  bool fits = size_mul(n, n, &square) && size_mul(n, m->d, &wide);
  ret->storage = fits ? MEM_NEW(double, square + 2 * wide) : NULL;
  if (ret->storage == NULL) return error_no_memory(err, "a layer map");
  ret->weights = ret->storage, ret->seen = ret->weights + square, ret->move = ret->seen + wide;
  return DWELL_OK;
}

static void soften(size_t n, bool causal, double scale, double *scores) {
  for (size_t i = 0; i < n; i++) {
    double *row = scores + i * n, top = -INFINITY, sum = 0;
    size_t seen = causal ? i + 1 : n;
    for (size_t j = 0; j < seen; j++) row[j] *= scale, top = fmax(top, row[j]);
    for (size_t j = 0; j < seen; j++) row[j] = exp(row[j] - top), sum += row[j];
    for (size_t j = 0; j < n; j++) row[j] = j < seen ? row[j] / sum : 0;
  }
}

/* One head: move += step write_scale (A X V^T). Row-major rows are tokens, so V u is X V^T. */
static void add_head(const layer_maps *m, size_t n, const double *x, const double *form, const double *write, room *r) {
  size_t d = m->d;
  gemm_f64(false, true, n, d, d, 1, x, d, form, d, 0, r->seen, d); /* B u_j */
  gemm_f64(false, true, n, n, d, 1, x, d, r->seen, d, 0, r->weights, n);
  soften(n, m->causal, m->form_scale, r->weights);
  gemm_f64(false, false, n, d, n, 1, r->weights, n, x, d, 0, r->seen, d);
  gemm_f64(false, true, n, d, d, m->step * m->write_scale, r->seen, d, write, d, 1, r->move, d);
}

/* x <- normalise(x + move), and the mean cosine of two different tokens; false: a token has no direction. */
static bool settle(size_t n, size_t d, double *x, const double *move, double *ret_cosine) {
  double square = 0;
  for (size_t i = 0; i < n; i++) {
    double sum = 0, *row = x + i * d;
    for (size_t k = 0; k < d; k++) row[k] += move[i * d + k], sum += row[k] * row[k];
    if (!(sum > 0) || !isfinite(sum)) return false;
    for (size_t k = 0; k < d; k++) row[k] /= sqrt(sum);
  }
  for (size_t k = 0; k < d; k++) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += x[i * d + k];
    square += sum * sum;
  }
  *ret_cosine = (square - (double)n) / ((double)n * (double)(n - 1));
  return true;
}

size_t layer_maps_steps(const layer_maps *m) { return m->layers * (m->repeats == 0 ? 1 : m->repeats); }

dwell_status layer_maps_run(const layer_maps *m, size_t n, double *x, double *ret_cosines, dwell_error *err) {
  size_t square = m->d * m->d;
  room r = {0};
  dwell_status status = make_room(m, n, &r, err);
  if (status != DWELL_OK) return status;
  for (size_t l = 0; l <= layer_maps_steps(m); l++) {
    memset(r.move, 0, n * m->d * sizeof *r.move);
    for (size_t h = 0; l > 0 && h < m->heads; h++) {
      size_t at = ((l - 1) % m->layers * m->heads + h) * square;
      add_head(m, n, x, m->forms + at, m->writes + at, &r);
    }
    if (!settle(n, m->d, x, r.move, &ret_cosines[l]))
      TRY(error_set(err, DWELL_FAILED, "a token has no direction after layer %zu", l));
  }
done:
  mem_free(r.storage);
  return status;
}
