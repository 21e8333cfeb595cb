/* file/bytes.h - what binary formats share: little-endian integers, exact reads, half precision. */
#ifndef DWELL_FILE_BYTES_H
#define DWELL_FILE_BYTES_H

#include <dwell/status.h>
#include <string.h>

/* Files are little-endian and so is every target of dwell; a big-endian port starts here. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the file floor reads little-endian data in place");

static inline uint16_t bytes_u16(const void *at) {
  uint16_t value;
  memcpy(&value, at, sizeof value);
  return value;
}

static inline uint32_t bytes_u32(const void *at) {
  uint32_t value;
  memcpy(&value, at, sizeof value);
  return value;
}

static inline uint64_t bytes_u64(const void *at) {
  uint64_t value;
  memcpy(&value, at, sizeof value);
  return value;
}

static inline float bytes_float(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

/* IEEE binary16 to binary32, exactly; a NaN keeps its payload. No branch, so that loops vectorise; the subnormals are
 * made from an integer, so that a flush-to-zero mode of the caller does not touch them. */
static inline float bytes_half(uint16_t half) {
  uint32_t sign = (uint32_t)(half & 0x8000u) << 16, rest = half & 0x7FFFu;
  uint32_t normal = (rest << 13) + (112u << 23);
  uint32_t special = (rest << 13) | 0x7F800000u;
  float tiny = (float)(int32_t)rest * 0x1p-24f;
  uint32_t tiny_bits;
  memcpy(&tiny_bits, &tiny, sizeof tiny_bits);
  uint32_t bits = rest >= 0x7C00u ? special : rest < 0x0400u ? tiny_bits : normal;
  return bytes_float(sign | bits);
}

/* bfloat16: the upper half of a binary32. */
static inline float bytes_bfloat(uint16_t value) { return bytes_float((uint32_t)value << 16); }

/* Opens a regular file for reading and gives its size. DWELL_BAD_INPUT if there is none at `path`. */
dwell_status bytes_open(const char *path, int *ret_fd, uint64_t *ret_size, dwell_error *err);

/* Exactly `size` bytes from `offset` on, by pread: safe from several threads. A file that ends before (because it is
 * cut short, or shrank after it was opened) is DWELL_BAD_INPUT. `path` is for the error. */
dwell_status bytes_read_at(int fd, void *ret_data, size_t size, uint64_t offset, const char *path, dwell_error *err);

#endif
