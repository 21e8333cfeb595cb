/* file/npy_format.h - the header that stands before the data of every .npy array, as text and as npy_header. */
#ifndef DWELL_FILE_NPY_FORMAT_H
#define DWELL_FILE_NPY_FORMAT_H

#include "file/npy.h"

enum {
  NPY_PREFIX_SIZE = 12,       /* magic, version and, from version 2 on, 4 bytes of length (version 1: 2 bytes) */
  NPY_MAX_DICTIONARY = 65536, /* longer headers are refused: numpy itself balks at 10000 bytes */
  NPY_MAX_WRITTEN = 512       /* room for any header that npy_format writes */
};

/* From the first bytes of an array: where its dictionary begins and ends. `available` <= NPY_PREFIX_SIZE bytes are
 * there. DWELL_BAD_INPUT: no magic, cut short, too long; DWELL_UNSUPPORTED: version beyond 3. */
dwell_status npy_parse_prefix(const unsigned char *first, size_t available, size_t *ret_begin, size_t *ret_end,
                              dwell_error *err);

/* The dictionary, strictly: the three keys of the format in any order, nothing else. Object, structured and other
 * types that are not read are DWELL_UNSUPPORTED, by name. */
dwell_status npy_parse(const char *text, size_t length, npy_header *ret_header, dwell_error *err);

/* Writes prefix and dictionary of a C-order array as numpy does (version 1, a multiple of 64 bytes). Returns the
 * length. DWELL_USAGE for a type, size or rank that the format lacks. *ret_bytes is the size of the data. */
dwell_status npy_format(npy_type type, size_t item_size, size_t rank, const size_t *shape,
                        char ret_text[NPY_MAX_WRITTEN], size_t *ret_length, size_t *ret_bytes, dwell_error *err);

#endif
