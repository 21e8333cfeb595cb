/* npz and npy: whatever the archive says, opening and reading end in values or in words. */
#include "fuzz/fuzz.h" /* first: it asks for memfd_create */

#include <string.h>

#include "base/mem.h"
#include "file/npy.h"

static void fuzz_read_array(npz *z, size_t i) {
  dwell_error err = {0};
  const npy_header *h = npz_header(z, i);
  size_t room = h->count < 4096 ? h->count : 4096;
  double *values = MEM_NEW(double, room);
  int64_t *ints = MEM_NEW(int64_t, room);
  char *text = MEM_NEW(char, h->item_size + 1);
  bool numbers = h->type != NPY_UNICODE && h->type != NPY_BYTES;
  dwell_status status = npz_read_f64(z, i, h->count - room, room, values, &err);
  FUZZ_CHECK_STATUS(status, err);
  FUZZ_CHECK(status != DWELL_OK || numbers);
  status = npz_read_i64(z, i, 0, room, ints, &err);
  FUZZ_CHECK_STATUS(status, err);
  for (size_t e = 0; e < room && e < 16; e++) {
    status = npz_read_text(z, i, e, text, h->item_size + 1, &err);
    FUZZ_CHECK_STATUS(status, err);
    FUZZ_CHECK(status != DWELL_OK || (!numbers && strlen(text) <= h->item_size));
  }
  mem_free(values);
  mem_free(ints);
  mem_free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  dwell_error err = {0};
  npz *z;
  dwell_status status = npz_open(fuzz_file(data, size), &z, &err);
  FUZZ_CHECK_STATUS(status, err);
  FUZZ_CHECK((status == DWELL_OK) == (z != NULL));
  if (z == NULL) return 0;
  for (size_t i = 0; i < npz_count(z); i++) {
    size_t found;
    FUZZ_CHECK(npz_find(z, npz_name(z, i), &found) && found <= i);
    fuzz_read_array(z, i);
  }
  npz_close(z);
  return 0;
}
