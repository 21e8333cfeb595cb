/* file/zip_writer.c - stored members, aligned so that their data can be mapped; no time, no owner: same input, same
 * bytes. Sizes are known beforehand, so only the CRC is filled in afterwards. */
#define _GNU_SOURCE /* fseeko */
#include "file/zip.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"

#define SATURATED 0xFFFFFFFFu

enum { LOCAL_SIZE = 30, CRC_AT = 14, EXTRA_ZIP64 = 0x0001, EXTRA_PADDING = 0xD935, VERSION = 20, VERSION_ZIP64 = 45 };
enum { DATE_1980_01_01 = 0x0021, FLAG_UTF8 = 1 << 11, MAX_NAME = 1024 };

zip_writer zip_writer_start(FILE *stream, const char *path) {
  return (zip_writer){.stream = stream, .path = path, .zip64_from = SATURATED};
}

void zip_writer_clear(zip_writer *w) {
  for (size_t i = 0; i < w->count; i++) mem_free(w->entries[i].name);
  mem_free(w->entries);
  *w = (zip_writer){0};
}

/* ---- little-endian fields into a strbuf ---- */

static void put(strbuf *s, uint64_t value, size_t size) { strbuf_add(s, (const char *)&value, size); }
static void put2(strbuf *s, uint64_t value) { put(s, value, 2); }
static void put4(strbuf *s, uint64_t value) { put(s, value, 4); }
static void put8(strbuf *s, uint64_t value) { put(s, value, 8); }

static bool is_wide(const zip_writer *w, uint64_t value) { return value >= w->zip64_from; }
static uint64_t narrow(const zip_writer *w, uint64_t value) { return is_wide(w, value) ? SATURATED : value; }

static dwell_status write_bytes(zip_writer *w, const void *data, size_t size, dwell_error *err) {
  if (size > 0 && fwrite(data, 1, size, w->stream) != size) return error_system(err, DWELL_FAILED, "write", w->path);
  w->at += size;
  return DWELL_OK;
}

/* Writes what was collected and releases it. */
static dwell_status write_buffer(zip_writer *w, strbuf *s, dwell_error *err) {
  dwell_status status =
      s->failed ? error_no_memory(err, "an archive's header") : write_bytes(w, s->data, s->length, err);
  strbuf_free(s);
  return status;
}

/* ---- members ---- */

static dwell_status check_name(const zip_writer *w, const char *name, dwell_error *err) {
  size_t length = strlen(name);
  bool fit = length > 0 && length <= MAX_NAME && utf8_check(name, length) == length && strchr(name, '/') == NULL &&
             strchr(name, '\\') == NULL && strstr(name, "..") == NULL;
  if (!fit) {
    error_set(err, DWELL_USAGE, "'%.100s' cannot be the name of an array in an archive", name);
    return DWELL_USAGE;
  }
  for (size_t i = 0; i < w->count; i++) {
    if (str_equal(w->entries[i].name, name))
      return error_set(err, DWELL_USAGE, "the archive has '%.100s' already", name);
  }
  return DWELL_OK;
}

static bool is_ascii(const char *name) {
  while (*name != '\0' && (*name & 0x80) == 0) name++;
  return *name == '\0';
}

/* The fields that local header and directory record share, from "version needed" to the uncompressed size. */
static void put_common(const zip_writer *w, strbuf *s, const struct zip_writer_entry *e) {
  put2(s, is_wide(w, e->size) || is_wide(w, e->header_at) ? VERSION_ZIP64 : VERSION);
  put2(s, is_ascii(e->name) ? 0 : FLAG_UTF8);
  put2(s, 0); /* stored */
  put2(s, 0);
  put2(s, DATE_1980_01_01);
  put4(s, e->crc);
  put4(s, narrow(w, e->size));
  put4(s, narrow(w, e->size));
  put2(s, strlen(e->name));
}

/* Padding as an extra field, so that the data begin at a multiple of ZIP_ALIGNMENT; `at` is where they would begin
 * without it. The field's own head takes 6 bytes. */
static size_t padding(uint64_t at) {
  size_t pad = (size_t)((ZIP_ALIGNMENT - at % ZIP_ALIGNMENT) % ZIP_ALIGNMENT);
  return pad == 0 || pad >= 6 ? pad : pad + ZIP_ALIGNMENT;
}

static dwell_status write_local(zip_writer *w, const struct zip_writer_entry *e, dwell_error *err) {
  strbuf s = {0};
  size_t wide = is_wide(w, e->size) ? 20 : 0, pad = padding(w->at + LOCAL_SIZE + strlen(e->name) + wide);
  strbuf_add(&s, "PK\3\4", 4);
  put_common(w, &s, e);
  put2(&s, wide + pad);
  strbuf_puts(&s, e->name);
  if (wide > 0) {
    put2(&s, EXTRA_ZIP64);
    put2(&s, 16);
    put8(&s, e->size);
    put8(&s, e->size);
  }
  if (pad > 0) {
    put2(&s, EXTRA_PADDING);
    put2(&s, pad - 4);
    put2(&s, ZIP_ALIGNMENT);
    for (size_t i = 6; i < pad; i++) strbuf_putc(&s, '\0');
  }
  return write_buffer(w, &s, err);
}

dwell_status zip_writer_begin(zip_writer *w, const char *name, uint64_t size, dwell_error *err) {
  assert(!w->open);
  dwell_status status = check_name(w, name, err);
  if (status != DWELL_OK) return status;
  struct zip_writer_entry *items = mem_room(w->entries, w->count, &w->capacity, 16, sizeof *items);
  if (items == NULL) return error_no_memory(err, "an archive's directory");
  w->entries = items;
  struct zip_writer_entry *e = &w->entries[w->count];
  *e = (struct zip_writer_entry){.name = mem_copy(name, strlen(name) + 1, 1), .size = size, .header_at = w->at};
  if (e->name == NULL) return error_no_memory(err, "an archive's directory");
  w->count++;
  w->open = true;
  w->missing = size;
  return write_local(w, e, err);
}

dwell_status zip_writer_append(zip_writer *w, const void *data, size_t size, dwell_error *err) {
  assert(w->open);
  struct zip_writer_entry *e = &w->entries[w->count - 1];
  if (size > w->missing) {
    return error_set(err, DWELL_USAGE, "'%.100s' was announced with %" PRIu64 " bytes; there are more", e->name,
                     e->size);
  }
  e->crc = zip_crc(e->crc, data, size);
  w->missing -= size;
  return write_bytes(w, data, size, err);
}

dwell_status zip_writer_end(zip_writer *w, dwell_error *err) {
  assert(w->open);
  const struct zip_writer_entry *e = &w->entries[w->count - 1];
  if (w->missing > 0) {
    return error_set(err, DWELL_USAGE, "'%.100s' lacks %" PRIu64 " of its %" PRIu64 " bytes", e->name, w->missing,
                     e->size);
  }
  w->open = false;
  bool ok = fseeko(w->stream, (off_t)(e->header_at + CRC_AT), SEEK_SET) == 0 && fwrite(&e->crc, 4, 1, w->stream) == 1 &&
            fseeko(w->stream, (off_t)w->at, SEEK_SET) == 0;
  return ok ? DWELL_OK : error_system(err, DWELL_FAILED, "write", w->path);
}

/* ---- the directory ---- */

static void put_record(const zip_writer *w, strbuf *s, const struct zip_writer_entry *e) {
  size_t sizes = is_wide(w, e->size) ? 16 : 0, offset = is_wide(w, e->header_at) ? 8 : 0;
  strbuf_add(s, "PK\1\2", 4);
  put2(s, VERSION_ZIP64);
  put_common(w, s, e);
  put2(s, sizes + offset > 0 ? 4 + sizes + offset : 0);
  put2(s, 0); /* no comment */
  put2(s, 0); /* first disk */
  put2(s, 0);
  put4(s, 0);
  put4(s, narrow(w, e->header_at));
  strbuf_puts(s, e->name);
  if (sizes + offset == 0) return;
  put2(s, EXTRA_ZIP64);
  put2(s, sizes + offset);
  if (sizes > 0) {
    put8(s, e->size);
    put8(s, e->size);
  }
  if (offset > 0) put8(s, e->header_at);
}

static void put_end(const zip_writer *w, strbuf *s, uint64_t begin, uint64_t size) {
  bool wide = w->count >= 0xFFFF || is_wide(w, begin) || is_wide(w, size);
  if (wide) {
    strbuf_add(s, "PK\6\6", 4);
    put8(s, 44);
    put2(s, VERSION_ZIP64);
    put2(s, VERSION_ZIP64);
    put8(s, 0);
    put8(s, w->count);
    put8(s, w->count);
    put8(s, size);
    put8(s, begin);
    strbuf_add(s, "PK\6\7", 4);
    put4(s, 0);
    put8(s, begin + size);
    put4(s, 1);
  }
  uint64_t count = w->count >= 0xFFFF ? 0xFFFF : w->count;
  strbuf_add(s, "PK\5\6", 4);
  put4(s, 0);
  put2(s, count);
  put2(s, count);
  put4(s, narrow(w, size));
  put4(s, narrow(w, begin));
  put2(s, 0);
}

dwell_status zip_writer_finish(zip_writer *w, dwell_error *err) {
  assert(!w->open);
  strbuf s = {0};
  for (size_t i = 0; i < w->count; i++) put_record(w, &s, &w->entries[i]);
  put_end(w, &s, w->at, s.length);
  return write_buffer(w, &s, err);
}
