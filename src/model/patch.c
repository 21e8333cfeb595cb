/* model/patch.c - a state to go on from, out of an npz file. */
#include <math.h>

#include "base/error.h"
#include "base/mem.h"
#include "file/npy.h"
#include "model/model.h"

/* The member that holds it. */
static dwell_status find_member(const npz *z, size_t *ret_member, dwell_error *err) {
  bool stacked = npz_find(z, "states", ret_member);
  size_t other;
  if (stacked && npz_find(z, "state", &other))
    return error_set(err, DWELL_BAD_INPUT, "has both `states` and `state`; keep one of them");
  if (stacked || npz_find(z, "state", ret_member)) return DWELL_OK;
  error_set(err, DWELL_BAD_INPUT, "has no array `state` or `states`");
  return error_remedy(err, "A patch is an array [n, d], or the `states` of a run that was made with --save states");
}

/* Number of the first of several states. */
static dwell_status first_state(npz *z, int64_t *ret_first, dwell_error *err) {
  size_t i;
  *ret_first = 0;
  if (!npz_find(z, "state_index", &i) || npz_header(z, i)->count == 0) return DWELL_OK;
  return npz_read_i64(z, i, 0, 1, ret_first, err);
}

/* Where in the member the state begins, and its shape. */
static dwell_status place(npz *z, size_t member, size_t state, size_t *ret_at, size_t *ret_n, size_t *ret_d,
                          dwell_error *err) {
  const npy_header *h = npz_header(z, member);
  int64_t first = 0;
  bool real = h->type == NPY_FLOAT || h->type == NPY_INT || h->type == NPY_UINT;
  if (!real || h->rank < 2 || h->rank > 3 || h->count == 0) {
    error_set(err, DWELL_BAD_INPUT, "must be an array of numbers [n, d], or [states, n, d]");
    return error_at_item(err, npz_name(z, member)), DWELL_BAD_INPUT;
  }
  *ret_n = h->shape[h->rank - 2], *ret_d = h->shape[h->rank - 1], *ret_at = 0;
  if (h->rank == 2) return DWELL_OK;
  dwell_status status = first_state(z, &first, err);
  if (status != DWELL_OK) return status;
  if (first < 0 || state < (size_t)first || state - (size_t)first >= h->shape[0]) {
    error_set(err, DWELL_USAGE, "holds no state %zu: its states are %lld to %lld", state, (long long)first,
              (long long)first + (long long)h->shape[0] - 1);
    return error_at_item(err, npz_name(z, member)), DWELL_USAGE;
  }
  *ret_at = (state - (size_t)first) * *ret_n * *ret_d;
  return DWELL_OK;
}

static dwell_status check_finite(const double *x, size_t n, size_t d, dwell_error *err) {
  for (size_t i = 0; i < n * d; i++) {
    if (!isfinite(x[i]))
      return error_set(err, DWELL_BAD_INPUT, "token %zu, dimension %zu is not a finite number", i / d, i % d);
  }
  return DWELL_OK;
}

dwell_status dwell_patch_read(const char *path, size_t state, double **ret_values, size_t *ret_n, size_t *ret_d,
                              dwell_error *err) {
  npz *z = NULL;
  size_t member, at;
  dwell_status status = DWELL_OK;
  *ret_values = NULL;
  TRY(npz_open(path, &z, err));
  TRY(find_member(z, &member, err));
  TRY(place(z, member, state, &at, ret_n, ret_d, err));
  TRY_ALLOC(*ret_values = mem_alloc(*ret_n * *ret_d, sizeof(double)), "a patch");
  TRY(npz_read_f64(z, member, at, *ret_n * *ret_d, *ret_values, err));
  TRY(check_finite(*ret_values, *ret_n, *ret_d, err));
done:
  npz_close(z);
  if (status == DWELL_OK) return status;
  dwell_patch_free(*ret_values);
  *ret_values = NULL;
  return error_in_file(err, path), status;
}

void dwell_patch_free(double *values) { mem_free(values); }
