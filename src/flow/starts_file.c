/* flow/starts_file.c - a start read from a .npy file. */
#include <math.h>

#include "base/error.h"
#include "base/mem.h"
#include "file/npy.h"
#include "flow/starts.h"

static dwell_status normalise_rows(starts *s, dwell_error *err) {
  for (size_t i = 0; i < s->n; i++) {
    double *row = s->file + i * s->d, largest = 0, square = 0;
    for (size_t k = 0; k < s->d; k++) {
      if (!isfinite(row[k])) return error_set(err, DWELL_BAD_INPUT, "row %zu, column %zu is not a finite number", i, k);
      largest = fmax(largest, fabs(row[k]));
    }
    if (largest == 0) return error_set(err, DWELL_BAD_INPUT, "row %zu is zero and has no direction", i);
    int power = ilogb(largest); /* squares of very large or small entries would leave the range of a double */
    for (size_t k = 0; k < s->d; k++) row[k] = scalbn(row[k], -power), square += row[k] * row[k];
    for (size_t k = 0; k < s->d; k++) row[k] /= sqrt(square);
  }
  return DWELL_OK;
}

static dwell_status check_rows(const starts *s, dwell_error *err) {
  for (size_t e = 0; e < s->n * s->d; e++)
    if (!isfinite(s->file[e])) return error_set(err, DWELL_BAD_INPUT, "row %zu of the start is not finite", e / s->d);
  return DWELL_OK;
}

static dwell_status check_array(const npy_header *header, bool flat, dwell_error *err) {
  if (header->rank != 2)
    return error_set(err, DWELL_BAD_INPUT, "a start is an [n, d] array, this one has %zu axes", header->rank);
  if (header->shape[0] < 1 || header->shape[1] < (flat ? 1 : 2))
    return error_set(err, DWELL_BAD_INPUT, "a start has at least 1 row and 2 columns, this one is %zu x %zu",
                     header->shape[0], header->shape[1]);
  return DWELL_OK;
}

dwell_status starts_load(starts *s, const char *path, dwell_error *err) {
  dwell_status status = DWELL_OK;
  npz *file = NULL;
  s->kind = STARTS_FILE;
  TRY(npz_open(path, &file, err));
  if (npz_count(file) != 1) TRY(error_set(err, DWELL_BAD_INPUT, "a start is one array, not %zu", npz_count(file)));
  const npy_header *header = npz_header(file, 0);
  TRY(check_array(header, s->flat, err));
  s->n = header->shape[0];
  s->d = header->shape[1];
  s->file = MEM_NEW(double, header->count);
  TRY_ALLOC(s->file, "the start");
  TRY(npz_read_f64(file, 0, 0, header->count, s->file, err));
  TRY(s->flat ? check_rows(s, err) : normalise_rows(s, err));
done:
  npz_close(file);
  if (status != DWELL_OK) error_in_file(err, path);
  return status;
}
