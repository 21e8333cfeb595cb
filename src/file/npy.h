/* file/npy.h - the .npy array format, versions 1 to 3 (NumPy enhancement proposal 1), and npz archives of them.
 *
 * Reading: b1, i1-i8, u1-u8, f2, f4, f8 in either byte order, C or Fortran order, and fixed-width strings (U, S).
 * Object arrays (pickle) are refused. Nothing is allocated from a number that was not checked against the file size.
 * Writing: stored members at multiples of 64 bytes, zip64 where needed, fixed timestamps: same arrays, same bytes. */
#ifndef DWELL_FILE_NPY_H
#define DWELL_FILE_NPY_H

#include <dwell/status.h>
#include <stdbool.h>
#include <stdio.h>

enum { NPY_MAX_RANK = 8 };

typedef enum npy_type {
  NPY_BOOL = 'b',
  NPY_INT = 'i',
  NPY_UINT = 'u',
  NPY_FLOAT = 'f',
  NPY_UNICODE = 'U',
  NPY_BYTES = 'S'
} npy_type;

typedef struct npy_header {
  npy_type type;
  size_t item_size; /* bytes of one element (for U: 4 x characters) */
  bool big_endian;
  bool fortran_order;
  size_t rank;
  size_t shape[NPY_MAX_RANK];
  size_t count; /* product of the shape */
} npy_header;

/* ---- reading ---- */

typedef struct npz npz; /* an open .npz, or a single .npy seen as an archive with one member "" */

/* Opens and checks the whole directory of the archive (stored and deflated members; no encryption, no overlap, no
 * duplicate names, no path in a name). */
dwell_status npz_open(const char *path, npz **ret_npz, dwell_error *err);
void npz_close(npz *z);
size_t npz_count(const npz *z);
const char *npz_name(const npz *z, size_t i); /* without ".npy" */
bool npz_find(const npz *z, const char *name, size_t *ret_index);
/* Header of member i (parsed and checked at open). */
const npy_header *npz_header(const npz *z, size_t i);

/* Elements [first, first+count) in C order of the whole array, widened to the wanted type. The CRC is checked when a
 * member is read from its start to its end in order. Fails on strings, on integers that a double would round and (for
 * i64) on floats that are not integers; NaN and Inf pass: the caller knows what they mean. One thread at a time. */
dwell_status npz_read_f64(npz *z, size_t i, size_t first, size_t count, double *ret_values, dwell_error *err);
dwell_status npz_read_i64(npz *z, size_t i, size_t first, size_t count, int64_t *ret_values, dwell_error *err);
/* Element e of a string array as NUL-terminated UTF-8 into `text`; item_size + 1 bytes are always enough. */
dwell_status npz_read_text(npz *z, size_t i, size_t e, char *text, size_t size, dwell_error *err);

/* ---- writing ---- */

typedef struct npz_writer npz_writer;

/* Writes `path` atomically: nothing is there until npz_writer_commit. */
dwell_status npz_writer_open(const char *path, npz_writer **ret_writer, dwell_error *err);
/* A whole array: `type` and item size as in npy_header, native byte order, C order. */
dwell_status npz_writer_add(npz_writer *w, const char *name, npy_type type, size_t item_size, size_t rank,
                            const size_t *shape, const void *data, dwell_error *err);
/* An array in pieces: begin with the full shape, then append elements in C order until all are there, then end. */
dwell_status npz_writer_begin(npz_writer *w, const char *name, npy_type type, size_t item_size, size_t rank,
                              const size_t *shape, dwell_error *err);
dwell_status npz_writer_append(npz_writer *w, const void *data, size_t count, dwell_error *err);
dwell_status npz_writer_end(npz_writer *w, dwell_error *err);
dwell_status npz_writer_commit(npz_writer *w, dwell_error *err); /* also destroys w */
void npz_writer_abort(npz_writer *w);                            /* NULL is fine */

/* A single .npy file, atomically. */
dwell_status npy_write(const char *path, npy_type type, size_t item_size, size_t rank, const size_t *shape,
                       const void *data, dwell_error *err);

#endif
