/* SentencePiece files and texts. The input is a byte that chooses the class of the folder, a byte with the length of a
 * text, the text, and the file. */
#include "fuzz/encode.h" /* first: it asks for memfd_create */

#include <string.h>
#include <sys/stat.h>

static const char *const FUZZ_SPM_TYPES[] = {"", "albert", "llama", "t5", "xlm-roberta", "xlnet", "gemma"};
enum { FUZZ_SPM_TYPE_COUNT = sizeof FUZZ_SPM_TYPES / sizeof FUZZ_SPM_TYPES[0], FUZZ_SPM_PATH = 128 };

/* One folder for each class, whose spiece.model is the file in memory. */
static char fuzz_spm_base[] = "/tmp/dwell-fuzz-XXXXXX";
static bool fuzz_spm_made;

static const char *fuzz_spm_path(size_t type, const char *name) {
  static char path[FUZZ_SPM_PATH];
  snprintf(path, sizeof path, "%s/%zu%s", fuzz_spm_base, type, name);
  return path;
}

static void fuzz_spm_leave(void) {
  for (size_t i = 0; i < FUZZ_SPM_TYPE_COUNT; i++) {
    unlink(fuzz_spm_path(i, "/spiece.model"));
    unlink(fuzz_spm_path(i, "/config.json"));
    rmdir(fuzz_spm_path(i, ""));
  }
  rmdir(fuzz_spm_base);
}

static void fuzz_spm_make(const char *model) {
  FUZZ_CHECK(mkdtemp(fuzz_spm_base) != NULL);
  for (size_t i = 0; i < FUZZ_SPM_TYPE_COUNT; i++) {
    FUZZ_CHECK(mkdir(fuzz_spm_path(i, ""), 0700) == 0);
    FUZZ_CHECK(symlink(model, fuzz_spm_path(i, "/spiece.model")) == 0);
    FILE *settings = fopen(fuzz_spm_path(i, "/config.json"), "w");
    FUZZ_CHECK(settings != NULL && fprintf(settings, "{\"model_type\":\"%s\"}", FUZZ_SPM_TYPES[i]) > 0);
    FUZZ_CHECK(fclose(settings) == 0);
  }
  atexit(fuzz_spm_leave);
  fuzz_spm_made = true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 2) return 0;
  size_t type = data[0] % FUZZ_SPM_TYPE_COUNT, length = data[1] < size - 2 ? data[1] : size - 2;
  dwell_error err = {0};
  tokenizer *t;
  const char *model = fuzz_file(data + 2 + length, size - 2 - length);
  if (!fuzz_spm_made) fuzz_spm_make(model);
  dwell_status status = tokenizer_open(fuzz_spm_path(type, ""), &t, &err);
  FUZZ_CHECK_STATUS(status, err);
  if (status != DWELL_OK) return 0;
  fuzz_encode(t, fuzz_nasty, sizeof fuzz_nasty - 1, true);
  fuzz_encode(t, "", 0, true);
  char *text = malloc(length + 1); /* exactly as large: reading past it is seen */
  memcpy(text, data + 2, length);
  fuzz_encode(t, text, length, false);
  free(text);
  tokenizer_close(t);
  return 0;
}
