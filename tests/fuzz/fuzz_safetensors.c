/* safetensors: an accepted file covers its data exactly, and every tensor of it can be read or is refused in words. */
#include "fuzz/fuzz.h" /* first: it asks for memfd_create */

#include <string.h>

#include "base/mem.h"
#include "file/safetensors.h"

static void fuzz_read_tensor(const safetensors *file, const safetensors_tensor *t) {
  dwell_error err = {0};
  size_t room = t->count < 4096 ? t->count : 4096; /* the end of the tensor is what matters */
  float *values = MEM_NEW(float, room);
  dwell_status status = safetensors_read(file, t, t->count - room, room, DWELL_F32, values, &err);
  FUZZ_CHECK_STATUS(status, err);
  mem_free(values);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  dwell_error err = {0};
  safetensors *file;
  dwell_status status = safetensors_open(fuzz_file(data, size), &file, &err);
  FUZZ_CHECK_STATUS(status, err);
  FUZZ_CHECK((status == DWELL_OK) == (file != NULL));
  if (file == NULL) return 0;
  uint64_t covered = 0, header;
  for (size_t i = 0; i < safetensors_count(file); i++) {
    const safetensors_tensor *t = safetensors_at(file, i);
    FUZZ_CHECK(safetensors_find(file, t->name) == t);
    FUZZ_CHECK(i == 0 || strcmp(safetensors_at(file, i - 1)->name, t->name) < 0);
    covered += t->end - t->begin;
    fuzz_read_tensor(file, t);
  }
  memcpy(&header, data, sizeof header);
  FUZZ_CHECK(covered + header + sizeof header == size);
  safetensors_close(file);
  return 0;
}

/* Sets the length of the header to reach its last brace: most mutations should get beyond that check. */
static inline void fuzz_safetensors_repair(uint8_t *data, size_t size) {
  uint64_t length = size;
  while (length > 8 && data[length - 1] != '}') length--;
  length -= length < 8 ? length : 8;
  if (size >= 8) memcpy(data, &length, sizeof length);
}

#ifdef DWELL_LIBFUZZER
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed) {
  size = LLVMFuzzerMutate(data, size, most);
  if (seed % 4 != 0) fuzz_safetensors_repair(data, size);
  return size;
}
#endif
