/* base/digest.c - hashes of bytes that arrive piece by piece. */
#include "base/digest.h"

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/error.h"
#include "base/mem.h"

struct digest {
  EVP_MD_CTX *hash;
  const EVP_MD *kind;
  bool failed;
};

dwell_status digest_create(digest_kind kind, digest **ret_digest, dwell_error *err) {
  dwell_status status = DWELL_OK;
  digest *d = MEM_ZERO(digest, 1);
  *ret_digest = NULL;
  TRY_ALLOC(d, "a hash");
  d->hash = EVP_MD_CTX_new();
  TRY_ALLOC(d->hash, "a hash");
  d->kind = kind == DIGEST_SHA1 ? EVP_sha1() : EVP_sha256();
  if (EVP_DigestInit_ex(d->hash, d->kind, NULL) != 1) {
    status = error_set(err, DWELL_FAILED, "%s is not available in this build of libcrypto",
                       kind == DIGEST_SHA1 ? "SHA-1" : "SHA-256");
    goto done;
  }
  *ret_digest = d;
done:
  if (status != DWELL_OK) digest_destroy(d);
  return status;
}

void digest_add(digest *d, const void *data, size_t size) {
  if (EVP_DigestUpdate(d->hash, data, size) != 1) d->failed = true;
}

dwell_status digest_end(digest *d, char ret_hex[DIGEST_SIZE], dwell_error *err) {
  unsigned char bytes[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  bool good = !d->failed && EVP_DigestFinal_ex(d->hash, bytes, &size) == 1 && 2 * size < DIGEST_SIZE;
  d->failed = EVP_DigestInit_ex(d->hash, d->kind, NULL) != 1;
  if (!good) return error_set(err, DWELL_FAILED, "libcrypto could not compute a hash");
  for (unsigned i = 0; i < size; i++) snprintf(ret_hex + 2 * i, 3, "%02x", bytes[i]);
  return DWELL_OK;
}

void digest_destroy(digest *d) {
  if (d == NULL) return;
  EVP_MD_CTX_free(d->hash);
  mem_free(d);
}
