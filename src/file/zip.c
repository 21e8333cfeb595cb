/* file/zip.c - the directory of a zip archive, checked against the file and against itself. */
#include "file/zip.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "file/bytes.h"

enum { END_SIZE = 22, END64_SIZE = 56, LOCATOR_SIZE = 20, CENTRAL_SIZE = 46, LOCAL_SIZE = 30, MAX_COMMENT = 65535 };

/* Flag bits: encrypted, patch data, strong encryption, masked headers; sizes follow the data. */
enum { FLAG_REFUSED = 1 | 1 << 5 | 1 << 6 | 1 << 13, FLAG_ENCRYPTED = 1 | 1 << 6 | 1 << 13, FLAG_DESCRIPTOR = 1 << 3 };

#define SATURATED 0xFFFFFFFFu

static dwell_status bad(const zip_archive *a, uint64_t at, dwell_error *err, const char *message) {
  error_set(err, DWELL_BAD_INPUT, "%s", message);
  error_in_file(err, a->path);
  error_at_offset(err, (int64_t)at);
  return DWELL_BAD_INPUT;
}

/* ---- the end records ---- */

typedef struct directory_place {
  uint64_t begin, size, count;
  uint64_t end; /* where the record behind the directory begins: the directory must reach it */
} directory_place;

static bool is_end_record(const unsigned char *tail, size_t length, size_t at) {
  return memcmp(tail + at, "PK\5\6", 4) == 0 && bytes_u16(tail + at + 20) == length - at - END_SIZE;
}

/* Finds the end record; a second one that would do as well means that readers may disagree: refused. */
static dwell_status find_end(const zip_archive *a, unsigned char *tail, size_t length, size_t *ret_at,
                             dwell_error *err) {
  uint64_t base = a->size - length;
  size_t found = 0;
  for (size_t i = length < END_SIZE ? 0 : length - END_SIZE + 1; i > 0; i--) {
    if (!is_end_record(tail, length, i - 1)) continue;
    *ret_at = i - 1;
    if (found++ > 0) return bad(a, base + i - 1, err, "the archive has two end records; readers would disagree on it");
  }
  if (found == 1) return DWELL_OK;
  bad(a, a->size, err, "the archive has no end record");
  error_remedy(err, "The file is cut short, or no zip archive");
  return DWELL_BAD_INPUT;
}

/* A field of the old end record must be saturated or agree with the zip64 one. */
static bool agrees(uint64_t old, uint64_t saturated, uint64_t wide) { return old == saturated || old == wide; }

static dwell_status read_end64(const zip_archive *a, const unsigned char *end, uint64_t end_at,
                               directory_place *ret_place, dwell_error *err) {
  unsigned char locator[LOCATOR_SIZE], wide[END64_SIZE];
  uint64_t locator_at = end_at - LOCATOR_SIZE;
  dwell_status status = bytes_read_at(a->fd, locator, sizeof locator, locator_at, a->path, err);
  if (status != DWELL_OK) return status;
  uint64_t at = bytes_u64(locator + 8);
  if (memcmp(locator, "PK\6\7", 4) != 0 || locator_at < END64_SIZE || at > locator_at - END64_SIZE) {
    return bad(a, locator_at, err, "the zip64 end locator is missing or points astray");
  }
  status = bytes_read_at(a->fd, wide, sizeof wide, at, a->path, err);
  if (status != DWELL_OK) return status;
  if (memcmp(wide, "PK\6\6", 4) != 0 || bytes_u64(wide + 4) != locator_at - at - 12 || bytes_u32(locator + 4) != 0 ||
      bytes_u32(locator + 16) > 1 || bytes_u32(wide + 16) != 0 || bytes_u32(wide + 20) != 0) {
    return bad(a, at, err, "the zip64 end record is malformed");
  }
  *ret_place = (directory_place){
      .begin = bytes_u64(wide + 48), .size = bytes_u64(wide + 40), .count = bytes_u64(wide + 32), .end = at};
  if (bytes_u64(wide + 24) != ret_place->count || !agrees(bytes_u16(end + 10), 0xFFFF, ret_place->count) ||
      !agrees(bytes_u32(end + 12), SATURATED, ret_place->size) ||
      !agrees(bytes_u32(end + 16), SATURATED, ret_place->begin)) {
    return bad(a, at, err, "the zip64 end record contradicts the end record");
  }
  return DWELL_OK;
}

static dwell_status locate_directory(const zip_archive *a, directory_place *ret_place, dwell_error *err) {
  dwell_status status = DWELL_OK;
  size_t length = a->size < END_SIZE + MAX_COMMENT ? (size_t)a->size : END_SIZE + MAX_COMMENT, at = 0;
  unsigned char *tail = mem_alloc(length, 1);
  TRY_ALLOC(tail, "room for the end of an archive");
  TRY(bytes_read_at(a->fd, tail, length, a->size - length, a->path, err));
  TRY(find_end(a, tail, length, &at, err));
  const unsigned char *end = tail + at;
  uint64_t end_at = a->size - length + at;
  directory_place p = {
      .begin = bytes_u32(end + 16), .size = bytes_u32(end + 12), .count = bytes_u16(end + 10), .end = end_at};
  if (bytes_u16(end + 4) != bytes_u16(end + 6) || bytes_u16(end + 8) != bytes_u16(end + 10) ||
      (bytes_u16(end + 4) != 0 && bytes_u16(end + 4) != 0xFFFF)) {
    TRY(bad(a, end_at, err, "the archive is split over several disks"));
  }
  if (p.begin + p.size != end_at && end_at >= LOCATOR_SIZE) TRY(read_end64(a, end, end_at, &p, err));
  if (p.size > p.end || p.begin != p.end - p.size || p.count > p.size / CENTRAL_SIZE) {
    TRY(bad(a, end_at, err, "the archive's directory is not where its end record says"));
  }
  *ret_place = p;
done:
  mem_free(tail);
  return status;
}

/* ---- extra fields ---- */

/* The zip64 extra field holds, in this order, those of the values that are saturated. False: malformed or too short. */
static bool resolve_zip64(const unsigned char *extra, size_t length, uint64_t *const values[], size_t count) {
  bool wanted = false;
  for (size_t i = 0; i < count; i++) wanted = wanted || *values[i] == SATURATED;
  size_t at = 0;
  while (length - at >= 4) {
    size_t id = bytes_u16(extra + at), size = bytes_u16(extra + at + 2);
    at += 4;
    if (size > length - at) return false;
    if (id == 1 && wanted) {
      for (size_t i = 0, used = 0; i < count; i++) {
        if (*values[i] != SATURATED) continue;
        if (size - used < 8) return false;
        *values[i] = bytes_u64(extra + at + used);
        used += 8;
      }
      return true;
    }
    at += size;
  }
  return !wanted;
}

/* ---- one member ---- */

static dwell_status check_name(const zip_archive *a, const char *name, size_t length, uint64_t at, dwell_error *err) {
  const char *problem = NULL;
  if (strlen(name) != length || utf8_check(name, length) != length) {
    problem = "the name of a member is not UTF-8 text";
  } else if (strchr(name, '/') != NULL || strchr(name, '\\') != NULL || strstr(name, "..") != NULL) {
    problem = "the name of a member is a path; only plain names are read";
  }
  if (problem == NULL) return DWELL_OK;
  bad(a, at, err, problem);
  error_at_item(err, name);
  return DWELL_BAD_INPUT;
}

static dwell_status check_kind(const zip_archive *a, const zip_member *m, unsigned flags, unsigned method,
                               dwell_error *err) {
  const char *problem = NULL;
  if ((flags & FLAG_REFUSED) != 0) {
    error_set(err, DWELL_UNSUPPORTED, "the member is %s", flags & FLAG_ENCRYPTED ? "encrypted" : "a patch");
  } else if (method != 0 && method != 8) {
    error_set(err, DWELL_UNSUPPORTED, "compression method %u of a zip archive is not read, only stored and deflated",
              method);
  } else if (method == 0 && m->stored != m->size) {
    problem = "the sizes of a stored member disagree";
  } else if (method == 8 && m->size / 1032 > m->stored) { /* a match of 258 bytes costs at least 2 bits */
    problem = "the member claims to inflate to more than deflate can";
  } else {
    return DWELL_OK;
  }
  dwell_status status = problem != NULL ? error_set(err, DWELL_BAD_INPUT, "%s", problem) : DWELL_UNSUPPORTED;
  error_in_file(err, a->path);
  error_at_item(err, m->name);
  return status;
}

/* The local header must tell the same story as the directory; gives the place of the data. */
static dwell_status check_local(const zip_archive *a, zip_member *m, const unsigned char *central, uint64_t end,
                                arena *storage, dwell_error *err) {
  unsigned char local[LOCAL_SIZE];
  if (m->header_at > end || end - m->header_at < LOCAL_SIZE) {
    return bad(a, end, err, "a member begins beyond the archive's data");
  }
  dwell_status status = bytes_read_at(a->fd, local, sizeof local, m->header_at, a->path, err);
  if (status != DWELL_OK) return status;
  size_t name_length = bytes_u16(local + 26), extra_length = bytes_u16(local + 28);
  if (end - m->header_at - LOCAL_SIZE < name_length + extra_length) {
    return bad(a, m->header_at, err, "the local header of a member contradicts the directory");
  }
  unsigned char *rest = arena_alloc(storage, name_length + extra_length + 1, 1);
  if (rest == NULL) return error_no_memory(err, "the directory of an archive");
  status = bytes_read_at(a->fd, rest, name_length + extra_length, m->header_at + LOCAL_SIZE, a->path, err);
  if (status != DWELL_OK) return status;
  uint64_t size = bytes_u32(local + 22), stored = bytes_u32(local + 18);
  bool told = (bytes_u16(local + 6) & FLAG_DESCRIPTOR) == 0; /* else sizes and CRC stand behind the data */
  bool same = memcmp(local, "PK\3\4", 4) == 0 && memcmp(local + 6, central + 8, 4) == 0 &&
              name_length == strlen(m->name) && memcmp(rest, m->name, name_length) == 0;
  if (same && told) {
    same = resolve_zip64(rest + name_length, extra_length, (uint64_t *const[]){&size, &stored}, 2) && size == m->size &&
           stored == m->stored && bytes_u32(local + 14) == m->crc;
  }
  if (!same) return bad(a, m->header_at, err, "the local header of a member contradicts the directory");
  m->data_at = m->header_at + LOCAL_SIZE + name_length + extra_length;
  if (m->data_at > end || m->stored > end - m->data_at) {
    return bad(a, m->header_at, err, "a member ends beyond the archive's data");
  }
  return DWELL_OK;
}

/* One record of the directory. Returns its length through *ret_length. */
static dwell_status read_record(const zip_archive *a, const unsigned char *record, size_t room, uint64_t at,
                                const directory_place *p, arena *storage, zip_member *m, size_t *ret_length,
                                dwell_error *err) {
  if (room < CENTRAL_SIZE || memcmp(record, "PK\1\2", 4) != 0) {
    return bad(a, at, err, "the archive's directory is malformed here");
  }
  size_t name_length = bytes_u16(record + 28), extra_length = bytes_u16(record + 30);
  size_t length = CENTRAL_SIZE + name_length + extra_length + bytes_u16(record + 32);
  if (length > room) return bad(a, at, err, "the archive's directory is cut short");
  *m = (zip_member){.name = arena_text(storage, (const char *)record + CENTRAL_SIZE, name_length),
                    .deflated = bytes_u16(record + 10) == 8,
                    .crc = bytes_u32(record + 16),
                    .stored = bytes_u32(record + 20),
                    .size = bytes_u32(record + 24),
                    .header_at = bytes_u32(record + 42)};
  if (m->name == NULL) return error_no_memory(err, "the directory of an archive");
  if (!resolve_zip64(record + CENTRAL_SIZE + name_length, extra_length,
                     (uint64_t *const[]){&m->size, &m->stored, &m->header_at}, 3)) {
    return bad(a, at, err, "the zip64 field of a member is malformed");
  }
  dwell_status status = check_name(a, m->name, name_length, at, err);
  if (status == DWELL_OK) status = check_kind(a, m, bytes_u16(record + 8), bytes_u16(record + 10), err);
  if (status == DWELL_OK) status = check_local(a, m, record, p->begin, storage, err);
  if (status != DWELL_OK) error_at_item(err, m->name);
  *ret_length = length;
  return status;
}

/* ---- members against each other ---- */

static int by_place(const void *left, const void *right) {
  const zip_member *a = *(const zip_member *const *)left, *b = *(const zip_member *const *)right;
  return a->header_at < b->header_at ? -1 : a->header_at > b->header_at;
}

static int by_name(const void *left, const void *right) {
  const zip_member *a = *(const zip_member *const *)left, *b = *(const zip_member *const *)right;
  return strcmp(a->name, b->name);
}

static dwell_status check_pairs(const zip_archive *a, arena *storage, dwell_error *err) {
  const zip_member **order = arena_alloc(storage, a->count, sizeof *order);
  if (order == NULL) return error_no_memory(err, "the directory of an archive");
  for (size_t i = 0; i < a->count; i++) order[i] = &a->members[i];
  if (a->count > 1) qsort(order, a->count, sizeof *order, by_place);
  for (size_t i = 1; i < a->count; i++) {
    if (order[i - 1]->data_at + order[i - 1]->stored <= order[i]->header_at) continue;
    bad(a, order[i]->header_at, err, "two members of the archive overlap");
    error_at_item(err, order[i]->name);
    return DWELL_BAD_INPUT;
  }
  if (a->count > 1) qsort(order, a->count, sizeof *order, by_name);
  for (size_t i = 1; i < a->count; i++) {
    if (strcmp(order[i - 1]->name, order[i]->name) != 0) continue;
    bad(a, order[i]->header_at, err, "two members of the archive have this name");
    error_at_item(err, order[i]->name);
    return DWELL_BAD_INPUT;
  }
  return DWELL_OK;
}

dwell_status zip_read_directory(zip_archive *a, arena *storage, dwell_error *err) {
  dwell_status status = DWELL_OK;
  directory_place p = {0};
  unsigned char *directory = NULL;
  TRY(locate_directory(a, &p, err));
  directory = mem_alloc((size_t)p.size, 1);
  TRY_ALLOC(directory, "the directory of an archive");
  TRY(bytes_read_at(a->fd, directory, (size_t)p.size, p.begin, a->path, err));
  a->members = arena_alloc(storage, (size_t)p.count, sizeof *a->members);
  TRY_ALLOC(a->members, "the directory of an archive");
  size_t at = 0;
  for (a->count = 0; a->count < p.count; a->count++) {
    size_t length = 0;
    TRY(read_record(a, directory + at, (size_t)p.size - at, p.begin + at, &p, storage, &a->members[a->count], &length,
                    err));
    at += length;
  }
  if (at != p.size) TRY(bad(a, p.begin + at, err, "the archive's directory holds more than it counts"));
  TRY(check_pairs(a, storage, err));
done:
  mem_free(directory);
  return status;
}
