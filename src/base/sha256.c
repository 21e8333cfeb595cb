/* base/sha256.c - SHA-256 of buffers and files. */
#include "base/sha256.h"

#include <stdio.h>

#include "base/digest.h"
#include "base/error.h"
#include "base/mem.h"

_Static_assert((int)SHA256_SIZE == (int)DIGEST_SIZE, "a digest writes as many digits as the caller has room for");

dwell_status sha256_buffer(const void *data, size_t size, char ret_hex[SHA256_SIZE], dwell_error *err) {
  digest *hash;
  dwell_status status = digest_create(DIGEST_SHA256, &hash, err);
  if (status != DWELL_OK) return status;
  digest_add(hash, data, size);
  status = digest_end(hash, ret_hex, err);
  digest_destroy(hash);
  return status;
}

dwell_status sha256_file(const char *path, char ret_hex[SHA256_SIZE], dwell_error *err) {
  enum { CHUNK = 1 << 20 };
  dwell_status status = DWELL_OK;
  digest *hash = NULL;
  unsigned char *chunk = mem_alloc(CHUNK, 1);
  FILE *stream = fopen(path, "rb");
  if (stream == NULL) {
    status = error_system(err, DWELL_BAD_INPUT, "read", path);
    goto done;
  }
  TRY_ALLOC(chunk, "a read buffer");
  TRY(digest_create(DIGEST_SHA256, &hash, err));
  for (size_t got; (got = fread(chunk, 1, CHUNK, stream)) > 0;) digest_add(hash, chunk, got);
  if (ferror(stream)) status = error_system(err, DWELL_BAD_INPUT, "read", path);
  else status = digest_end(hash, ret_hex, err);
done:
  if (stream != NULL) fclose(stream);
  digest_destroy(hash);
  mem_free(chunk);
  return status;
}
