/* tokenizer.json and texts: a tokenizer that opens encodes any UTF-8 text into its own pieces, with offsets inside the
 * text, and twice the same. The input is a tokenizer.json, a NUL, and a text. */
#include "fuzz/fuzz.h" /* first: it asks for memfd_create */

#include <string.h>

#include "base/str.h"
#include "text/tokenizer.h"

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

static void fuzz_tokenizer_encode(const tokenizer *t, const char *text, size_t length, bool add_special) {
  dwell_error err = {0};
  token_list list, again;
  dwell_status status = tokenizer_encode(t, text, length, add_special, &list, &err);
  FUZZ_CHECK_STATUS(status, err);
  FUZZ_CHECK(utf8_check(text, length) == length || status == DWELL_BAD_INPUT);
  for (size_t i = 0; i < list.count; i++) {
    token got = list.tokens[i];
    FUZZ_CHECK(got.id >= 0 && (size_t)got.id < tokenizer_size(t));
    FUZZ_CHECK(got.piece == tokenizer_piece(t, got.id) && got.piece != NULL);
    FUZZ_CHECK(got.special == tokenizer_is_special(t, got.id));
    FUZZ_CHECK(got.begin <= length && got.end <= length); /* reordered marks may give begin > end, as in tokenizers */
    FUZZ_CHECK(got.begin == length || ((unsigned char)text[got.begin] & 0xC0) != 0x80);
    FUZZ_CHECK(got.end == length || ((unsigned char)text[got.end] & 0xC0) != 0x80);
  }
  if (status == DWELL_OK) {
    FUZZ_CHECK(tokenizer_encode(t, text, length, add_special, &again, &err) == DWELL_OK && again.count == list.count);
    for (size_t i = 0; i < list.count; i++) {
      token a = list.tokens[i], b = again.tokens[i];
      FUZZ_CHECK(a.id == b.id && a.begin == b.begin && a.end == b.end);
    }
    token_list_free(&again);
  }
  token_list_free(&list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const char nasty[] =
      "The caf\xC3\xA9's  a\xCC\x81\xCC\xA3 \xC2\xBD 12ab [CLS]x [MASK] foo \xE4\xB8\xAD\xEA\xB0\x81\xEF\xAC\x81\n\t "
      "\xF0\x9F\x91\x8D";
  const uint8_t *cut = size > 0 ? memchr(data, '\0', size) : NULL;
  size_t json = cut != NULL ? (size_t)(cut - data) : size;
  dwell_error err = {0};
  tokenizer *t;
  dwell_status status = tokenizer_open(fuzz_tokenizer_place(fuzz_file(data, json)), &t, &err);
  FUZZ_CHECK_STATUS(status, err);
  if (status != DWELL_OK) return 0;
  fuzz_tokenizer_encode(t, nasty, sizeof nasty - 1, true);
  fuzz_tokenizer_encode(t, "", 0, true);
  if (cut != NULL) {
    char *text = malloc(size - json); /* exactly as large: reading past it is seen */
    memcpy(text, cut + 1, size - json - 1);
    fuzz_tokenizer_encode(t, text, size - json - 1, false);
    free(text);
  }
  tokenizer_close(t);
  return 0;
}
