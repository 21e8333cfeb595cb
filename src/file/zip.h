/* file/zip.h - zip archives as numpy writes them: the directory, read strictly, and the bytes of members.
 * (PKWARE APPNOTE 6.3.) Stored and deflated members, zip64, comments and data descriptors; nothing else. */
#ifndef DWELL_FILE_ZIP_H
#define DWELL_FILE_ZIP_H

#include <dwell/status.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/arena.h"

typedef struct zip_member {
  const char *name;   /* UTF-8 without '/', '\', ".." or NUL */
  bool deflated;      /* else stored */
  uint32_t crc;       /* of the member's own bytes */
  uint64_t stored;    /* bytes in the archive */
  uint64_t size;      /* bytes once inflated */
  uint64_t header_at; /* local header, offset in the file */
  uint64_t data_at;   /* first byte of data, offset in the file */
} zip_member;

typedef struct zip_archive {
  int fd;
  uint64_t size;
  const char *path;
  zip_member *members;
  size_t count;
} zip_archive;

/* Reads and checks the whole directory of the archive `a` (fd, size and path given) into `storage`: no encryption, no
 * overlap, no name twice, local headers that agree, and a size no deflated member can have is refused. */
dwell_status zip_read_directory(zip_archive *a, arena *storage, dwell_error *err);

/* ---- reading members: sequentially where deflated, anywhere where stored ---- */

typedef struct zip_inflater zip_inflater; /* the state of one deflated member being read; NULL: none yet */

/* Bytes [offset, offset + size) of the inflated member. *inflater is kept between calls, so that reading on is cheap;
 * going back starts again. One thread at a time. A member whose stream ends early, late, or is damaged is
 * DWELL_BAD_INPUT; memory is bounded whatever the archive says. */
dwell_status zip_read_member(const zip_archive *a, const zip_member *m, zip_inflater **inflater, uint64_t offset,
                             size_t size, void *ret_data, dwell_error *err);
void zip_inflater_close(zip_inflater *inflater);

/* Folds bytes into a CRC-32 (0 at first). */
uint32_t zip_crc(uint32_t crc, const void *data, size_t size);

/* ---- writing: stored members whose data begin at multiples of 64 ---- */

enum { ZIP_ALIGNMENT = 64 };

typedef struct zip_writer {
  FILE *stream; /* from its start on; borrowed */
  const char *path;
  uint64_t zip64_from; /* sizes and offsets from here on are written the zip64 way: 0xFFFFFFFF, less in tests */
  uint64_t at;
  struct zip_writer_entry {
    char *name;
    uint32_t crc;
    uint64_t size, header_at;
  } * entries;
  size_t count, capacity;
  uint64_t missing; /* bytes that the open member still lacks */
  bool open;
} zip_writer;

zip_writer zip_writer_start(FILE *stream, const char *path);
/* A member of exactly `size` bytes: begin, append until all are there, end. DWELL_USAGE: name unfit or there already.
 */
dwell_status zip_writer_begin(zip_writer *w, const char *name, uint64_t size, dwell_error *err);
dwell_status zip_writer_append(zip_writer *w, const void *data, size_t size, dwell_error *err);
dwell_status zip_writer_end(zip_writer *w, dwell_error *err);
/* Writes the directory. */
dwell_status zip_writer_finish(zip_writer *w, dwell_error *err);
void zip_writer_clear(zip_writer *w); /* releases memory only */

#endif
