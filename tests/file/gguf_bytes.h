/* tests/file/gguf_bytes.h - GGUF files by hand, right and wrong ones. */
#ifndef DWELL_TESTS_GGUF_BYTES_H
#define DWELL_TESTS_GGUF_BYTES_H

#include <stdint.h>
#include <string.h>

#include "base/str.h"
#include "file/gguf.h"

static inline void put_u32(strbuf *s, uint32_t value) { strbuf_add(s, (const char *)&value, sizeof value); }

static inline void put_u64(strbuf *s, uint64_t value) { strbuf_add(s, (const char *)&value, sizeof value); }

static inline void put_bytes(strbuf *s, const char *text, size_t length) {
  put_u64(s, length);
  if (length > 0) strbuf_add(s, text, length);
}

static inline void put_text(strbuf *s, const char *text) { put_bytes(s, text, strlen(text)); }

static inline void put_head(strbuf *s, uint32_t version, uint64_t tensors, uint64_t entries) {
  strbuf_add(s, "GGUF", 4);
  put_u32(s, version);
  put_u64(s, tensors);
  put_u64(s, entries);
}

static inline void put_entry_u32(strbuf *s, const char *key, uint32_t value) {
  put_text(s, key);
  put_u32(s, GGUF_UINT32);
  put_u32(s, value);
}

static inline void put_array(strbuf *s, const char *key, uint32_t type, uint64_t count) {
  put_text(s, key);
  put_u32(s, GGUF_ARRAY);
  put_u32(s, type);
  put_u64(s, count);
}

/* A tensor of one or two dimensions (rows 0: one), in the order of the file. */
static inline void put_tensor(strbuf *s, const char *name, uint64_t columns, uint64_t rows, uint32_t type,
                              uint64_t offset) {
  put_text(s, name);
  put_u32(s, rows > 0 ? 2 : 1);
  put_u64(s, columns);
  if (rows > 0) put_u64(s, rows);
  put_u32(s, type);
  put_u64(s, offset);
}

static inline void put_zeros(strbuf *s, size_t count) {
  while (count-- > 0) strbuf_putc(s, '\0');
}

/* Up to the next multiple of the alignment. */
static inline void put_padding(strbuf *s, size_t alignment) {
  put_zeros(s, (alignment - s->length % alignment) % alignment);
}

#endif
