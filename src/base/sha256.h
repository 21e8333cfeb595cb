/* base/sha256.h - SHA-256 (libcrypto) of buffers and files, as 64 hexadecimal digits. */
#ifndef DWELL_BASE_SHA256_H
#define DWELL_BASE_SHA256_H

#include <dwell/status.h>

enum { SHA256_SIZE = 65 };

dwell_status sha256_buffer(const void *data, size_t size, char ret_hex[SHA256_SIZE], dwell_error *err);
dwell_status sha256_file(const char *path, char ret_hex[SHA256_SIZE], dwell_error *err);

#endif
