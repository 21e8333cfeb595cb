/* tokenizer.json and texts: a tokenizer that opens encodes any UTF-8 text into its own pieces, with offsets inside the
 * text, and twice the same. The input is a tokenizer.json, a NUL, and a text. */
#include "fuzz/encode.h" /* first: it asks for memfd_create */

#include <string.h>

/* A folder whose tokenizer.json is the file in memory. */
static void fuzz_tokenizer_leave(void);
static char fuzz_tokenizer_folder[] = "/tmp/dwell-fuzz-XXXXXX", fuzz_tokenizer_link[64];

static const char *fuzz_tokenizer_place(const char *path) {
  if (fuzz_tokenizer_link[0] == '\0') {
    FUZZ_CHECK(mkdtemp(fuzz_tokenizer_folder) != NULL);
    snprintf(fuzz_tokenizer_link, sizeof fuzz_tokenizer_link, "%s/tokenizer.json", fuzz_tokenizer_folder);
    FUZZ_CHECK(symlink(path, fuzz_tokenizer_link) == 0);
    atexit(fuzz_tokenizer_leave);
  }
  return fuzz_tokenizer_folder;
}

static void fuzz_tokenizer_leave(void) {
  unlink(fuzz_tokenizer_link);
  rmdir(fuzz_tokenizer_folder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const uint8_t *cut = size > 0 ? memchr(data, '\0', size) : NULL;
  size_t json = cut != NULL ? (size_t)(cut - data) : size;
  dwell_error err = {0};
  tokenizer *t;
  dwell_status status = tokenizer_open(fuzz_tokenizer_place(fuzz_file(data, json)), &t, &err);
  FUZZ_CHECK_STATUS(status, err);
  if (status != DWELL_OK) return 0;
  fuzz_encode(t, fuzz_nasty, sizeof fuzz_nasty - 1, true);
  fuzz_encode(t, "", 0, true);
  if (cut != NULL) {
    char *text = malloc(size - json); /* exactly as large: reading past it is seen */
    memcpy(text, cut + 1, size - json - 1);
    fuzz_encode(t, text, size - json - 1, false);
    free(text);
  }
  tokenizer_close(t);
  return 0;
}
