/* GGUF: an accepted file holds what its header says: every entry can be walked to its last byte, every tensor lies
 * inside the file behind its predecessor, and can be read or is refused in words; and its tokenizer, if it carries one,
 * keeps what tokenizers promise. */
#include "fuzz/encode.h" /* first: it asks for memfd_create */

#include <string.h>

#include "base/mem.h"
#include "file/gguf.h"

static void fuzz_walk_entry(const gguf *file, const gguf_entry *e) {
  dwell_error err = {0};
  uint64_t number;
  double real;
  bool flag;
  gguf_text text;
  gguf_list list = gguf_walk(file, e);
  const unsigned char *begin = list.next;
  size_t count = 0, sum = 0;
  for (gguf_item item; gguf_next(&list, &item); count++) {
    for (size_t i = 0; i < item.text.length; i++) sum += (unsigned char)item.text.data[i]; /* all of it is there */
  }
  FUZZ_CHECK(count == e->count && (size_t)(list.next - begin) == e->size && sum <= 255 * e->size);
  FUZZ_CHECK(gguf_entry_of(file, e->key) == e && gguf_type_name(e->item_type) != NULL);
  const dwell_status statuses[] = {gguf_uint(file, e->key, 0, UINT64_MAX, &number, &err),
                                   gguf_float(file, e->key, &real, &err), gguf_bool(file, e->key, &flag, &err),
                                   gguf_string(file, e->key, &text, &err)};
  int fine = 0;
  for (size_t i = 0; i < 4; i++) fine += statuses[i] == DWELL_OK;
  FUZZ_CHECK(fine <= 1);
  for (int kind = GGUF_KIND_INTEGER; kind <= GGUF_KIND_ARRAY; kind++) {
    dwell_status status = gguf_array(file, e->key, (gguf_kind)kind, &list, &err);
    FUZZ_CHECK((status == DWELL_OK) == (e->type == GGUF_ARRAY && (int)gguf_kind_of(e->item_type) == kind));
  }
}

static void fuzz_read_end(const gguf *file, const gguf_tensor *t) {
  dwell_error err = {0};
  size_t room = t->count < 1000 ? t->count : 1000; /* the end of the tensor is what matters */
  double *values = MEM_NEW(double, room);
  dwell_status status = gguf_read(file, t, t->count - room, room, DWELL_F64, values, &err);
  FUZZ_CHECK_STATUS(status, err);
  status = gguf_read_rotary(file, t, 2, t->count - room, room, DWELL_F32, values, &err);
  FUZZ_CHECK_STATUS(status, err);
  mem_free(values);
}

static void fuzz_tokens(const gguf *file) {
  dwell_error err = {0};
  tokenizer *t;
  dwell_status status = tokenizer_open_gguf(file, "/nonexistent", &t, &err);
  FUZZ_CHECK_STATUS(status, err);
  FUZZ_CHECK((status == DWELL_OK) == (t != NULL));
  if (t == NULL) return;
  fuzz_encode(t, fuzz_nasty, sizeof fuzz_nasty - 1, true);
  fuzz_encode(t, "", 0, true);
  tokenizer_close(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  dwell_error err = {0};
  gguf *file;
  dwell_status status = gguf_open(fuzz_file(data, size), &file, &err);
  FUZZ_CHECK_STATUS(status, err);
  FUZZ_CHECK((status == DWELL_OK) == (file != NULL));
  if (file == NULL) return 0;
  FUZZ_CHECK(memcmp(data, "GGUF", 4) == 0 && (gguf_version(file) == 2 || gguf_version(file) == 3));
  for (size_t i = 0; i < gguf_entries(file); i++) fuzz_walk_entry(file, gguf_entry_at(file, i));
  uint64_t end = 24;
  for (size_t i = 0; i < gguf_count(file); i++) {
    const gguf_tensor *t = gguf_at(file, i);
    FUZZ_CHECK(gguf_find(file, t->name) == t);
    FUZZ_CHECK(t->begin >= end && t->end > t->begin && t->end <= size);
    FUZZ_CHECK(t->count / t->type->block * t->type->bytes == t->end - t->begin && t->count % t->type->block == 0);
    end = t->end;
    fuzz_read_end(file, t);
  }
  fuzz_tokens(file);
  gguf_close(file);
  return 0;
}
