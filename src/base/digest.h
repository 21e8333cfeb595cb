/* base/digest.h - hashes of bytes that arrive piece by piece (libcrypto), as hexadecimal digits. */
#ifndef DWELL_BASE_DIGEST_H
#define DWELL_BASE_DIGEST_H

#include <dwell/status.h>

typedef enum digest_kind { DIGEST_SHA1, DIGEST_SHA256 } digest_kind;
typedef struct digest digest;

enum { DIGEST_SIZE = 65 }; /* room for the digits of any kind and a NUL */

/* Release with digest_destroy (NULL is fine). DWELL_FAILED if this libcrypto does not have the hash. */
dwell_status digest_create(digest_kind kind, digest **ret_digest, dwell_error *err);
/* A failure is kept, digest_end reports it. */
void digest_add(digest *d, const void *data, size_t size);
/* The digits of what was added; the digest starts again from nothing. */
dwell_status digest_end(digest *d, char ret_hex[DIGEST_SIZE], dwell_error *err);
void digest_destroy(digest *d);

#endif
