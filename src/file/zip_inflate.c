/* file/zip_inflate.c - the bytes of a zip member, stored or deflated. zlib does the inflating; what it may read and
 * write is bounded here. */
#define ZLIB_CONST
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/error.h"
#include "base/mem.h"
#include "file/bytes.h"
#include "file/zip.h"

enum { INPUT_SIZE = 65536 };

struct zip_inflater {
  const zip_member *member;
  z_stream z;
  uint64_t in_at;  /* bytes of the member's stored data handed to zlib */
  uint64_t out_at; /* bytes inflated */
  bool ended;      /* zlib met the end of the stream */
  unsigned char input[INPUT_SIZE];
};

uint32_t zip_crc(uint32_t crc, const void *data, size_t size) {
  const unsigned char *bytes = data;
  while (size > 0) {
    uInt step = size < 0x40000000u ? (uInt)size : 0x40000000u;
    crc = (uint32_t)crc32(crc, bytes, step);
    bytes += step;
    size -= step;
  }
  return crc;
}

static void *allocate(void *ignored, uInt count, uInt size) {
  (void)ignored;
  return mem_alloc(count, size);
}

static void release(void *ignored, void *buffer) {
  (void)ignored;
  mem_free(buffer);
}

void zip_inflater_close(zip_inflater *inflater) {
  if (inflater == NULL) return;
  inflateEnd(&inflater->z);
  mem_free(inflater);
}

/* Raw deflate data, without zlib's own header: window bits -15. */
static dwell_status open_inflater(const zip_member *m, zip_inflater **ret_inflater, dwell_error *err) {
  zip_inflater *s = mem_alloc(1, sizeof *s);
  *ret_inflater = NULL;
  if (s == NULL) return error_no_memory(err, "a decompressor");
  s->member = m;
  s->in_at = s->out_at = 0;
  s->ended = false;
  s->z = (z_stream){.zalloc = allocate, .zfree = release};
  if (inflateInit2(&s->z, -15) != Z_OK) {
    mem_free(s);
    return error_no_memory(err, "a decompressor");
  }
  *ret_inflater = s;
  return DWELL_OK;
}

static dwell_status damaged(const zip_archive *a, const zip_inflater *s, const char *message, dwell_error *err) {
  error_set(err, DWELL_BAD_INPUT, "%s", message);
  error_in_file(err, a->path);
  error_at_item(err, s->member->name);
  error_at_offset(err, (int64_t)(s->member->data_at + s->in_at - s->z.avail_in));
  return DWELL_BAD_INPUT;
}

static dwell_status refill(const zip_archive *a, zip_inflater *s, dwell_error *err) {
  uint64_t left = s->member->stored - s->in_at;
  uInt step = left < INPUT_SIZE ? (uInt)left : INPUT_SIZE;
  dwell_status status = bytes_read_at(a->fd, s->input, step, s->member->data_at + s->in_at, a->path, err);
  if (status != DWELL_OK) return status;
  s->z.next_in = s->input;
  s->z.avail_in = step;
  s->in_at += step;
  return DWELL_OK;
}

/* Inflates up to `size` bytes into `out`; *ret_got < size only at the end of the stream. */
static dwell_status inflate_some(const zip_archive *a, zip_inflater *s, void *out, uInt size, uInt *ret_got,
                                 dwell_error *err) {
  s->z.next_out = out;
  s->z.avail_out = size;
  while (s->z.avail_out > 0 && !s->ended) {
    if (s->z.avail_in == 0 && s->in_at < s->member->stored) {
      dwell_status status = refill(a, s, err);
      if (status != DWELL_OK) return status;
    }
    int result = inflate(&s->z, Z_NO_FLUSH);
    if (result == Z_STREAM_END) {
      s->ended = true;
    } else if (result == Z_MEM_ERROR) {
      return error_no_memory(err, "a decompressor");
    } else if (result == Z_BUF_ERROR) {
      return damaged(a, s, "the compressed data are cut short", err);
    } else if (result != Z_OK) {
      return damaged(a, s, "the compressed data are damaged", err);
    }
  }
  *ret_got = size - s->z.avail_out;
  s->out_at += *ret_got;
  return DWELL_OK;
}

/* The stream must hold the member's size to the byte, and nothing may stand behind it. */
static dwell_status check_end(const zip_archive *a, zip_inflater *s, dwell_error *err) {
  unsigned char more;
  uInt got;
  if (s->out_at != s->member->size) return DWELL_OK;
  uint64_t at = s->out_at;
  dwell_status status = inflate_some(a, s, &more, 1, &got, err);
  s->out_at = at;
  if (status != DWELL_OK) return status;
  if (got > 0) return damaged(a, s, "the compressed data go on beyond the member's size", err);
  if (s->z.avail_in > 0 || s->in_at != s->member->stored) {
    return damaged(a, s, "something stands behind the compressed data of the member", err);
  }
  return DWELL_OK;
}

static dwell_status inflate_exactly(const zip_archive *a, zip_inflater *s, char *out, size_t size, dwell_error *err) {
  while (size > 0) {
    uInt step = size < 0x40000000u ? (uInt)size : 0x40000000u, got;
    dwell_status status = inflate_some(a, s, out, step, &got, err);
    if (status != DWELL_OK) return status;
    if (got < step) return damaged(a, s, "the compressed data end before the member's size", err);
    out += step;
    size -= step;
  }
  return check_end(a, s, err);
}

/* Brings *inflater to `offset` of the member, from where it is or from the start. */
static dwell_status seek(const zip_archive *a, const zip_member *m, zip_inflater **inflater, uint64_t offset,
                         dwell_error *err) {
  dwell_status status = DWELL_OK;
  char ignored[16384];
  if (*inflater != NULL && ((*inflater)->member != m || (*inflater)->out_at > offset)) {
    zip_inflater_close(*inflater);
    *inflater = NULL;
  }
  if (*inflater == NULL) status = open_inflater(m, inflater, err);
  while (status == DWELL_OK && (*inflater)->out_at < offset) {
    uint64_t left = offset - (*inflater)->out_at;
    status = inflate_exactly(a, *inflater, ignored, left < sizeof ignored ? (size_t)left : sizeof ignored, err);
  }
  return status;
}

dwell_status zip_read_member(const zip_archive *a, const zip_member *m, zip_inflater **inflater, uint64_t offset,
                             size_t size, void *ret_data, dwell_error *err) {
  if (offset > m->size || size > m->size - offset) {
    return error_set(err, DWELL_BAD_INPUT, "the member ends before what it should hold");
  }
  if (!m->deflated) return bytes_read_at(a->fd, ret_data, size, m->data_at + offset, a->path, err);
  dwell_status status = seek(a, m, inflater, offset, err);
  if (status == DWELL_OK) status = inflate_exactly(a, *inflater, ret_data, size, err);
  if (status == DWELL_OK) return DWELL_OK;
  zip_inflater_close(*inflater); /* its position is not to be trusted after an error */
  *inflater = NULL;
  return status;
}
