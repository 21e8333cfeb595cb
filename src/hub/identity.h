/* hub/identity.h - which file was read: its SHA-256, for the manifest. */
#ifndef DWELL_HUB_IDENTITY_H
#define DWELL_HUB_IDENTITY_H

#include "base/sha256.h"
#include "file/jwriter.h"

/* SHA-256 of an input file. A link into a hub cache's blobs/ whose name is already that hash (the hub stores large
 * files so) is taken at its word; everything else is read. */
dwell_status identity_sha256(const char *path, char ret_hex[SHA256_SIZE], dwell_error *err);

/* A hash with the state of the file it was taken of; starts as 0. */
typedef struct identity_known {
  uint64_t device, inode, size;
  int64_t seconds, nanoseconds; /* of the last change */
  char hex[SHA256_SIZE];
} identity_known;

/* The same for a file that is asked about again: it is read only if it is another, or was changed, since. */
dwell_status identity_sha256_known(const char *path, identity_known *known, char ret_hex[SHA256_SIZE],
                                   dwell_error *err);

/* `"inputs": [{"file", "sha256"}, ...]` into an open object. A file that is gone meanwhile gets null.
 * opt_known: [count], kept between calls; NULL: every file is read. */
void identity_write(jwriter *w, const char *const *paths, size_t count, identity_known *opt_known);

#endif
