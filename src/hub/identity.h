/* hub/identity.h - which file was read: its SHA-256, for the manifest. */
#ifndef DWELL_HUB_IDENTITY_H
#define DWELL_HUB_IDENTITY_H

#include "base/sha256.h"
#include "file/jwriter.h"

/* SHA-256 of an input file. A link into a hub cache's blobs/ whose name is already that hash (the hub stores large
 * files so) is taken at its word; everything else is read. */
dwell_status identity_sha256(const char *path, char ret_hex[SHA256_SIZE], dwell_error *err);

/* `"inputs": [{"file", "sha256"}, ...]` into an open object. A file that is gone meanwhile gets null. */
void identity_write(jwriter *w, const char *const *paths, size_t count);

#endif
