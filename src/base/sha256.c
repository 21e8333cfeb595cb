/* base/sha256.c - SHA-256 of buffers and files. */
#include "base/sha256.h"

#include <openssl/evp.h>
#include <stdio.h>

#include "base/error.h"
#include "base/mem.h"

static void to_hex(const unsigned char *digest, char ret_hex[SHA256_SIZE]) {
  for (size_t i = 0; i < 32; i++) snprintf(ret_hex + 2 * i, 3, "%02x", digest[i]);
}

dwell_status sha256_buffer(const void *data, size_t size, char ret_hex[SHA256_SIZE], dwell_error *err) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  if (EVP_Digest(data, size, digest, NULL, EVP_sha256(), NULL) != 1) {
    return error_set(err, DWELL_FAILED, "SHA-256 is not available in this build of libcrypto");
  }
  to_hex(digest, ret_hex);
  return DWELL_OK;
}

dwell_status sha256_file(const char *path, char ret_hex[SHA256_SIZE], dwell_error *err) {
  enum { CHUNK = 1 << 20 };
  dwell_status status = DWELL_OK;
  unsigned char digest[EVP_MAX_MD_SIZE];
  EVP_MD_CTX *hash = EVP_MD_CTX_new();
  unsigned char *chunk = mem_alloc(CHUNK, 1);
  FILE *stream = fopen(path, "rb");
  if (stream == NULL) {
    status = error_system(err, DWELL_BAD_INPUT, "read", path);
    goto done;
  }
  TRY_ALLOC(chunk, "a read buffer");
  int good = hash != NULL && EVP_DigestInit_ex(hash, EVP_sha256(), NULL);
  for (size_t got; good && (got = fread(chunk, 1, CHUNK, stream)) > 0;) good = EVP_DigestUpdate(hash, chunk, got);
  if (ferror(stream)) {
    status = error_system(err, DWELL_BAD_INPUT, "read", path);
  } else if (!good || !EVP_DigestFinal_ex(hash, digest, NULL)) {
    status = error_set(err, DWELL_FAILED, "SHA-256 failed");
  } else {
    to_hex(digest, ret_hex);
  }
done:
  if (stream != NULL) fclose(stream);
  EVP_MD_CTX_free(hash);
  mem_free(chunk);
  return status;
}
