/* file/tensor.c - from bytes of a file to finite numbers. */
#define _POSIX_C_SOURCE 200809L
#include "file/tensor.h"

#include <fcntl.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/isa.h"
#include "base/str.h"
#include "file/bytes.h"

/* RAW: bytes per pread, small enough that what was just read is still in the first-level cache; DECODED: floats per
 * step where they cannot go straight to the caller, whole blocks of every type. */
enum { RAW = 32768, DECODED = 2048 };
_Static_assert(DECODED % DEQUANT_MAX_BLOCK == 0, "a step is whole blocks");

/* Is one of them NaN or Inf? The exponent bits decide, whatever the floating-point mode is. */
ISA_INLINE void any_bad_float_body(const float *values, size_t count, uint32_t *ret_any) {
  uint32_t any = 0;
  for (size_t i = 0; i < count; i++) any |= ((bytes_u32(values + i) & 0x7F800000u) + 0x00800000u) & 0x80000000u;
  *ret_any = any;
}
ISA_DEFINE(static, any_bad_float, (const float *values, size_t count, uint32_t *ret_any), (values, count, ret_any))

/* Index of the first NaN or Inf, or `count`. */
static size_t first_bad_float(const float *values, size_t count) {
  uint32_t any;
  any_bad_float(values, count, &any);
  if (any == 0) return count;
  size_t i = 0;
  while (isfinite(values[i])) i++;
  return i;
}

static size_t first_bad_double(const double *values, size_t count) {
  const uint64_t exponent = UINT64_C(0x7FF) << 52, one = UINT64_C(1) << 52, top = UINT64_C(1) << 63;
  uint64_t any = 0;
  for (size_t i = 0; i < count; i++) any |= ((bytes_u64(values + i) & exponent) + one) & top;
  if (any == 0) return count;
  size_t i = 0;
  while (isfinite(values[i])) i++;
  return i;
}

/* Names the element at `flat` as Python would index it: [3, 17]. */
static dwell_status not_finite(const tensor_place *t, size_t flat, const char *what, dwell_error *err) {
  strbuf index = {0};
  size_t below = t->count, rest = flat;
  for (size_t k = 0; k < t->rank; k++) {
    below /= t->shape[k];
    strbuf_printf(&index, "%s%zu", k > 0 ? ", " : "", rest / below);
    rest %= below;
  }
  error_set(err, DWELL_BAD_INPUT, "element %zu, at [%s], is %s", flat, index.failed || !index.data ? "" : index.data,
            what);
  error_remedy(err, "The weights are damaged; get the checkpoint again");
  strbuf_free(&index);
  return DWELL_BAD_INPUT;
}

/* True if the file holds what the caller wants: nothing to convert. */
static bool is_same(const tensor_place *t, dwell_dtype dtype) {
  return t->type->block == 1 && t->type->bytes == (size_t)dtype;
}

/* `count` elements of the blocks at `raw`, without the `skip` first ones, through a small buffer. */
static void decode(const dequant_type *type, const unsigned char *raw, size_t skip, size_t count, dwell_dtype dtype,
                   char *out) {
  float decoded[DECODED];
  while (count > 0) {
    size_t n = count < DECODED - skip ? count : DECODED - skip;
    size_t blocks = (skip + n + type->block - 1) / type->block;
    type->to_float(raw, blocks, decoded);
    if (dtype == DWELL_F32) {
      memcpy(out, decoded + skip, n * sizeof decoded[0]);
    } else {
      double *wide = (double *)(void *)out;
      for (size_t i = 0; i < n; i++) wide[i] = (double)decoded[skip + i];
    }
    raw += blocks * type->bytes;
    out += n * (size_t)dtype;
    count -= n;
    skip = 0;
  }
}

/* Elements [at, at + count), which lie in at most RAW bytes, into their place. */
static dwell_status read_step(const tensor_place *t, size_t at, size_t count, dwell_dtype dtype, char *values,
                              dwell_error *err) {
  _Alignas(16) unsigned char raw[RAW];
  const dequant_type *type = t->type;
  size_t skip = at % type->block, blocks = (skip + count + type->block - 1) / type->block;
  uint64_t offset = t->offset + (uint64_t)(at / type->block) * type->bytes;
  bool same = is_same(t, dtype);
  dwell_status status = bytes_read_at(t->fd, same ? (void *)values : raw, blocks * type->bytes, offset, t->path, err);
  if (status != DWELL_OK) return status;
  if (!same && dtype == DWELL_F32 && skip == 0 && count == blocks * type->block) {
    type->to_float(raw, blocks, (float *)(void *)values);
  } else if (!same) {
    decode(type, raw, skip, count, dtype, values);
  }
  const float *narrow = (const float *)(const void *)values;
  const double *wide = (const double *)(const void *)values;
  size_t bad = dtype == DWELL_F32 ? first_bad_float(narrow, count) : first_bad_double(wide, count);
  if (bad == count) return DWELL_OK;
  double value = dtype == DWELL_F32 ? (double)narrow[bad] : wide[bad];
  if (type->bytes == 8 && type->block == 1 && !same) memcpy(&value, raw + 8 * bad, sizeof value);
  return not_finite(t, at + bad,
                    isfinite(value) ? "too large for float32"
                    : isnan(value)  ? "NaN"
                    : value > 0     ? "+Inf"
                                    : "-Inf",
                    err);
}

static dwell_status check_request(const tensor_place *t, size_t first, size_t count, dwell_error *err) {
  if (t->type->to_float == NULL) {
    error_set(err, DWELL_UNSUPPORTED, "a tensor of type %s cannot be read as numbers", t->type->name);
    error_remedy(err, "Convert it to F32, F16, BF16 or F64");
    return DWELL_UNSUPPORTED;
  }
  if (first <= t->count && count <= t->count - first) return DWELL_OK;
  return error_set(err, DWELL_USAGE, "elements %zu to %zu were asked of a tensor of %zu", first, first + count,
                   t->count);
}

dwell_status tensor_read(const tensor_place *from, size_t first, size_t count, dwell_dtype dtype, void *ret_values,
                         dwell_error *err) {
  dwell_status status = check_request(from, first, count, err);
  char *to = ret_values;
  for (size_t done = 0; status == DWELL_OK && done < count;) {
    size_t block = from->type->block, most = RAW / from->type->bytes * block - (first + done) % block;
    size_t step = count - done < most ? count - done : most;
    status = read_step(from, first + done, step, dtype, to + done * (size_t)dtype, err);
    done += step;
  }
  if (status != DWELL_OK) {
    error_in_file(err, from->path);
    error_at_item(err, from->name);
  }
  return status;
}

/* Linux cuts a longer request to what the device takes at once (read_ahead_kb or max_sectors_kb). */
enum { AHEAD = 1 << 17 };

void tensor_ahead(const tensor_place *from) {
  uint64_t bytes = (uint64_t)(from->count / from->type->block) * from->type->bytes;
  for (uint64_t done = 0; done < bytes; done += AHEAD) {
    uint64_t step = bytes - done < AHEAD ? bytes - done : AHEAD;
    (void)posix_fadvise(from->fd, (off_t)(from->offset + done), (off_t)step, POSIX_FADV_WILLNEED);
  }
}
