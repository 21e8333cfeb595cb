/* file/npz.c - reading arrays out of .npz archives and .npy files. */
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "file/bytes.h"
#include "file/npy.h"
#include "file/npy_format.h"
#include "file/zip.h"

typedef struct member {
  const char *name; /* without ".npy" */
  npy_header header;
  uint64_t data_at;    /* where the array's data begin in the member */
  uint32_t header_crc; /* of the bytes before them */
  uint64_t checked;    /* the CRC below is that of bytes [0, checked) */
  uint32_t crc;
} member;

struct npz {
  zip_archive zip;
  arena storage;
  member *members;
  bool single; /* a .npy file: no CRC */
  zip_inflater *inflater;
  size_t whole_member;  /* of `whole` */
  unsigned char *whole; /* raw data of the Fortran-order array read last, or NULL */
};

enum { STEP = 4096 }; /* elements per conversion */

static dwell_status in_member(const npz *z, size_t i, dwell_status status, dwell_error *err) {
  if (status == DWELL_OK) return status;
  error_in_file(err, z->zip.path);
  error_at_item(err, z->members[i].name[0] != '\0' ? z->members[i].name : NULL);
  return status;
}

/* ---- raw bytes, with the CRC kept where reading goes on in order ---- */

static dwell_status read_raw(npz *z, size_t i, uint64_t offset, size_t size, void *data, dwell_error *err) {
  member *m = &z->members[i];
  const zip_member *stored = &z->zip.members[i];
  dwell_status status = zip_read_member(&z->zip, stored, &z->inflater, offset, size, data, err);
  if (status != DWELL_OK || z->single) return status;
  if (offset == m->data_at && m->checked != offset && m->data_at > 0) {
    m->checked = offset;
    m->crc = m->header_crc;
  }
  if (offset != m->checked) return DWELL_OK;
  m->checked += size;
  m->crc = zip_crc(m->crc, data, size);
  if (m->checked < stored->size || m->crc == stored->crc) return DWELL_OK;
  error_set(err, DWELL_BAD_INPUT,
            "the data of the array are damaged (CRC %08" PRIx32 ", the archive says %08" PRIx32 ")", m->crc,
            stored->crc);
  return DWELL_BAD_INPUT;
}

/* ---- opening ---- */

/* Prefix and dictionary of member i, and whether its data have the size that they announce. */
static dwell_status read_header(npz *z, size_t i, dwell_error *err) {
  unsigned char first[NPY_PREFIX_SIZE];
  member *m = &z->members[i];
  char *text = NULL;
  dwell_status status = DWELL_OK;
  uint64_t size = z->zip.members[i].size;
  size_t available = size < sizeof first ? (size_t)size : sizeof first, begin, end;
  TRY(read_raw(z, i, 0, available, first, err));
  TRY(npy_parse_prefix(first, available, &begin, &end, err));
  if (end < available || end > size) {
    TRY(error_set(err, DWELL_BAD_INPUT, "the array's header is cut short"));
  }
  text = mem_alloc(end - begin, 1);
  TRY_ALLOC(text, "an array's header");
  memcpy(text, first + begin, available - begin);
  TRY(read_raw(z, i, available, end - available, text + (available - begin), err));
  TRY(npy_parse(text, end - begin, &m->header, err));
  uint64_t expected = (uint64_t)m->header.count * m->header.item_size;
  if (expected != size - end) {
    status =
        error_set(err, DWELL_BAD_INPUT, "shape and type of the array need %" PRIu64 " bytes, but there are %" PRIu64,
                  expected, size - end);
  }
  m->data_at = end;
  m->header_crc = m->crc;
done:
  mem_free(text);
  return status;
}

/* Member names without ".npy". */
static dwell_status name_members(npz *z, dwell_error *err) {
  for (size_t i = 0; i < z->zip.count; i++) {
    const char *name = z->zip.members[i].name;
    z->members[i].name = name;
    if (z->single) continue;
    if (!str_ends(name, ".npy")) {
      error_set(err, DWELL_UNSUPPORTED, "the archive holds something that is not a .npy array");
      error_at_item(err, name);
      return DWELL_UNSUPPORTED;
    }
    z->members[i].name = arena_text(&z->storage, name, strlen(name) - strlen(".npy"));
    if (z->members[i].name == NULL) return error_no_memory(err, "the directory of an archive");
  }
  return DWELL_OK;
}

/* A .npy file as an archive with one stored member "". */
static dwell_status open_single(npz *z, dwell_error *err) {
  z->single = true;
  z->zip.members = ARENA_NEW(&z->storage, zip_member, 1);
  if (z->zip.members == NULL) return error_no_memory(err, "the directory of an archive");
  z->zip.members[0] = (zip_member){.name = "", .stored = z->zip.size, .size = z->zip.size};
  z->zip.count = 1;
  return DWELL_OK;
}

static dwell_status open_any(npz *z, dwell_error *err) {
  unsigned char first[2];
  if (z->zip.size < sizeof first) return error_set(err, DWELL_BAD_INPUT, "the file is too short to be .npz or .npy");
  dwell_status status = bytes_read_at(z->zip.fd, first, sizeof first, 0, z->zip.path, err);
  if (status != DWELL_OK) return status;
  if (memcmp(first, "\x93N", 2) == 0) return open_single(z, err);
  if (memcmp(first, "PK", 2) == 0) return zip_read_directory(&z->zip, &z->storage, err);
  error_set(err, DWELL_BAD_INPUT, "this is neither an .npz archive nor an .npy array");
  if (first[0] == 0x80) error_remedy(err, "It looks like a pickle; save the array with numpy.save");
  return DWELL_BAD_INPUT;
}

dwell_status npz_open(const char *path, npz **ret_npz, dwell_error *err) {
  dwell_status status = DWELL_OK;
  *ret_npz = NULL;
  npz *z = MEM_ZERO(npz, 1);
  TRY_ALLOC(z, "an archive reader");
  z->zip.path = arena_text(&z->storage, path, strlen(path));
  z->zip.fd = -1;
  TRY_ALLOC(z->zip.path, "a file name");
  TRY(bytes_open(path, &z->zip.fd, &z->zip.size, err));
  TRY(open_any(z, err));
  z->members = ARENA_NEW(&z->storage, member, z->zip.count);
  TRY_ALLOC(z->members, "the directory of an archive");
  TRY(name_members(z, err));
  for (size_t i = 0; i < z->zip.count; i++) TRY(in_member(z, i, read_header(z, i, err), err));
  *ret_npz = z;
done:
  if (status != DWELL_OK) {
    error_in_file(err, path);
    npz_close(z);
  }
  return status;
}

void npz_close(npz *z) {
  if (z == NULL) return;
  if (z->zip.fd >= 0) close(z->zip.fd);
  zip_inflater_close(z->inflater);
  mem_free(z->whole);
  arena_clear(&z->storage);
  mem_free(z);
}

size_t npz_count(const npz *z) { return z->zip.count; }

const char *npz_name(const npz *z, size_t i) { return i < z->zip.count ? z->members[i].name : NULL; }

const npy_header *npz_header(const npz *z, size_t i) { return i < z->zip.count ? &z->members[i].header : NULL; }

bool npz_find(const npz *z, const char *name, size_t *ret_index) {
  for (size_t i = 0; i < z->zip.count; i++) {
    if (!str_equal(z->members[i].name, name)) continue;
    *ret_index = i;
    return true;
  }
  return false;
}

/* ---- elements in C order ---- */

/* With at most one dimension longer than 1 both orders are the same. */
static bool is_fortran(const npy_header *h) {
  size_t longer = 0;
  for (size_t k = 0; k < h->rank; k++) longer += h->shape[k] > 1;
  return h->fortran_order && longer > 1;
}

/* The raw data of a Fortran-order member, kept for the calls that follow. The buffer grows only as bytes arrive: what
 * a deflated member claims is not believed. */
static dwell_status load_whole(npz *z, size_t i, dwell_error *err) {
  member *m = &z->members[i];
  size_t size = m->header.count * m->header.item_size, have = 0, room = 0;
  if (z->whole != NULL && z->whole_member == i) return DWELL_OK;
  mem_free(z->whole);
  z->whole = NULL;
  unsigned char *data = NULL;
  dwell_status status = DWELL_OK;
  while (have < size) {
    size_t wanted = room == 0 ? (size_t)1 << 20 : 2 * room;
    wanted = z->zip.members[i].deflated && wanted < size ? wanted : size;
    unsigned char *grown = mem_grow(data, have, wanted, 1);
    TRY_ALLOC(grown, "room for an array in Fortran order");
    data = grown;
    room = wanted;
    TRY(read_raw(z, i, m->data_at + have, room - have, data + have, err));
    have = room;
  }
  z->whole = data;
  z->whole_member = i;
  return DWELL_OK;
done:
  mem_free(data);
  return status;
}

/* Element `e` in C order stands at this index in Fortran order. */
static size_t fortran_index(const npy_header *h, size_t e) {
  size_t index = 0;
  size_t below = h->count; /* elements behind the dimensions passed: those of the ones passed stride the other way */
  size_t stride = 1;
  for (size_t k = 0; k < h->rank; k++) {
    below /= h->shape[k];
    index += e / below * stride;
    e %= below;
    stride *= h->shape[k];
  }
  return index;
}

/* Reverses the bytes of each unit. */
static void swap_units(unsigned char *data, size_t count, size_t unit) {
  for (size_t i = 0; i < count; i++, data += unit) {
    for (size_t a = 0, b = unit - 1; a < b; a++, b--) {
      unsigned char byte = data[a];
      data[a] = data[b];
      data[b] = byte;
    }
  }
}

/* `count` elements from `first` on, in C order and native byte order. */
static dwell_status read_elements(npz *z, size_t i, size_t first, size_t count, void *raw, dwell_error *err) {
  const npy_header *h = &z->members[i].header;
  size_t size = h->item_size, unit = h->type == NPY_UNICODE ? 4 : h->type == NPY_BYTES ? 1 : size;
  dwell_status status;
  if (is_fortran(h)) {
    status = load_whole(z, i, err);
    for (size_t e = 0; status == DWELL_OK && e < count; e++) {
      memcpy((char *)raw + e * size, z->whole + fortran_index(h, first + e) * size, size);
    }
  } else {
    status = read_raw(z, i, z->members[i].data_at + (uint64_t)first * size, count * size, raw, err);
  }
  if (status == DWELL_OK && h->big_endian && unit > 1) swap_units(raw, count * (size / unit), unit);
  return status;
}

/* ---- conversion ---- */

#define WIDEN(type, call)                                     \
  do {                                                        \
    for (size_t e = 0; e < count; e++) {                      \
      type x;                                                 \
      memcpy(&x, (const char *)raw + e * sizeof x, sizeof x); \
      out[e] = call(x);                                       \
    }                                                         \
  } while (0)

static void widen_floats(size_t item_size, const void *raw, size_t count, double *out) {
  switch (item_size) {
    case 2: WIDEN(uint16_t, bytes_half); break;
    case 4: WIDEN(float, (double)); break;
    default: WIDEN(double, ); break;
  }
}

static int64_t truth(uint8_t byte) { return byte != 0; }

/* Integers and truth values. u8 beyond 2^63 - 1 becomes negative: the caller looks. */
static void widen_ints(npy_type type, size_t item_size, const void *raw, size_t count, int64_t *out) {
  if (type == NPY_BOOL) WIDEN(uint8_t, truth);
  else if (type == NPY_INT && item_size == 1) WIDEN(int8_t, (int64_t));
  else if (type == NPY_INT && item_size == 2) WIDEN(int16_t, (int64_t));
  else if (type == NPY_INT && item_size == 4) WIDEN(int32_t, (int64_t));
  else if (item_size == 8) WIDEN(int64_t, );
  else if (item_size == 1) WIDEN(uint8_t, (int64_t));
  else if (item_size == 2) WIDEN(uint16_t, (int64_t));
  else WIDEN(uint32_t, (int64_t));
}

static dwell_status misfit(size_t element, const char *what, dwell_error *err) {
  return error_set(err, DWELL_BAD_INPUT, "element %zu %s", element, what);
}

/* Room for one step, in whichever type it passes through. */
typedef union buffer {
  double floats[STEP];
  int64_t ints[STEP];
  unsigned char raw[STEP * 8];
} buffer;

/* Reads one step (count <= STEP) as integers; unsigned ones must fit. */
static dwell_status step_ints(npz *z, size_t i, size_t first, size_t count, int64_t *out, dwell_error *err) {
  const npy_header *h = &z->members[i].header;
  buffer raw;
  dwell_status status = read_elements(z, i, first, count, &raw, err);
  if (status != DWELL_OK) return status;
  widen_ints(h->type, h->item_size, &raw, count, out);
  for (size_t e = 0; h->type == NPY_UINT && h->item_size == 8 && e < count; e++) {
    if (out[e] < 0) return misfit(first + e, "is larger than 2^63 - 1", err);
  }
  return DWELL_OK;
}

static dwell_status step_floats(npz *z, size_t i, size_t first, size_t count, double *out, dwell_error *err) {
  buffer raw;
  dwell_status status = read_elements(z, i, first, count, &raw, err);
  if (status == DWELL_OK) widen_floats(z->members[i].header.item_size, &raw, count, out);
  return status;
}

static dwell_status step_f64(npz *z, size_t i, size_t first, size_t count, double *out, dwell_error *err) {
  const int64_t exact = INT64_C(1) << 53;
  int64_t ints[STEP];
  if (z->members[i].header.type == NPY_FLOAT) return step_floats(z, i, first, count, out, err);
  dwell_status status = step_ints(z, i, first, count, ints, err);
  for (size_t e = 0; status == DWELL_OK && e < count; e++) {
    if (ints[e] > exact || ints[e] < -exact)
      return misfit(first + e, "is an integer that no double holds exactly", err);
    out[e] = (double)ints[e];
  }
  return status;
}

static dwell_status step_i64(npz *z, size_t i, size_t first, size_t count, int64_t *out, dwell_error *err) {
  double floats[STEP];
  if (z->members[i].header.type != NPY_FLOAT) return step_ints(z, i, first, count, out, err);
  dwell_status status = step_floats(z, i, first, count, floats, err);
  for (size_t e = 0; status == DWELL_OK && e < count; e++) {
    if (!(fabs(floats[e]) < 0x1p63) || floats[e] != trunc(floats[e]))
      return misfit(first + e, "is not an integer", err);
    out[e] = (int64_t)floats[e];
  }
  return status;
}

static dwell_status check_range(const npz *z, size_t i, size_t first, size_t count, dwell_error *err) {
  const npy_header *h = &z->members[i].header;
  if (first <= h->count && count <= h->count - first) return DWELL_OK;
  return error_set(err, DWELL_USAGE, "elements %zu to %zu were asked of an array of %zu", first, first + count,
                   h->count);
}

static dwell_status check_numbers(const npz *z, size_t i, size_t first, size_t count, dwell_error *err) {
  const npy_header *h = &z->members[i].header;
  if (h->type != NPY_UNICODE && h->type != NPY_BYTES) return check_range(z, i, first, count, err);
  return error_set(err, DWELL_BAD_INPUT, "the array holds text where numbers are expected");
}

dwell_status npz_read_f64(npz *z, size_t i, size_t first, size_t count, double *ret_values, dwell_error *err) {
  dwell_status status = check_numbers(z, i, first, count, err);
  for (size_t done = 0; status == DWELL_OK && done < count; done += STEP) {
    size_t step = count - done < STEP ? count - done : STEP;
    status = step_f64(z, i, first + done, step, ret_values + done, err);
  }
  return in_member(z, i, status, err);
}

dwell_status npz_read_i64(npz *z, size_t i, size_t first, size_t count, int64_t *ret_values, dwell_error *err) {
  dwell_status status = check_numbers(z, i, first, count, err);
  for (size_t done = 0; status == DWELL_OK && done < count; done += STEP) {
    size_t step = count - done < STEP ? count - done : STEP;
    status = step_i64(z, i, first + done, step, ret_values + done, err);
  }
  return in_member(z, i, status, err);
}

/* ---- text ---- */

static bool is_scalar(uint32_t code) { return code <= 0x10FFFF && (code < 0xD800 || code > 0xDFFF); }

/* UTF-32 units, filled up with NULs, as UTF-8. */
static dwell_status put_unicode(const unsigned char *raw, size_t units, strbuf *out, dwell_error *err) {
  while (units > 0 && bytes_u32(raw + 4 * (units - 1)) == 0) units--;
  for (size_t k = 0; k < units; k++) {
    char bytes[4];
    uint32_t code = bytes_u32(raw + 4 * k);
    if (code == 0 || !is_scalar(code))
      return error_set(err, DWELL_BAD_INPUT, "a text holds the code %" PRIu32 ", which is no character", code);
    strbuf_add(out, bytes, utf8_encode(code, bytes));
  }
  return DWELL_OK;
}

static dwell_status put_bytes(const unsigned char *raw, size_t length, strbuf *out, dwell_error *err) {
  while (length > 0 && raw[length - 1] == 0) length--;
  if (memchr(raw, 0, length) != NULL || utf8_check((const char *)raw, length) != length) {
    return error_set(err, DWELL_BAD_INPUT, "a text is not UTF-8");
  }
  strbuf_add(out, (const char *)raw, length);
  return DWELL_OK;
}

dwell_status npz_read_text(npz *z, size_t i, size_t e, char *text, size_t size, dwell_error *err) {
  const npy_header *h = &z->members[i].header;
  dwell_status status = DWELL_OK;
  unsigned char *raw = NULL;
  strbuf out = {0};
  if (h->type != NPY_UNICODE && h->type != NPY_BYTES) {
    TRY(error_set(err, DWELL_BAD_INPUT, "the array holds numbers where text is expected"));
  }
  TRY(check_range(z, i, e, 1, err));
  raw = mem_alloc(h->item_size, 1);
  TRY_ALLOC(raw, "room for a text");
  TRY(read_elements(z, i, e, 1, raw, err));
  TRY(h->type == NPY_UNICODE ? put_unicode(raw, h->item_size / 4, &out, err) : put_bytes(raw, h->item_size, &out, err));
  strbuf_putc(&out, '\0');
  if (out.failed) TRY(error_no_memory(err, "room for a text"));
  if (out.length > size) {
    TRY(error_set(err, DWELL_USAGE, "text %zu takes %zu bytes; there is room for %zu", e, out.length, size));
  }
  memcpy(text, out.data, out.length);
done:
  mem_free(raw);
  strbuf_free(&out);
  return in_member(z, i, status, err);
}
