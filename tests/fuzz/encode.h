/* tests/fuzz/encode.h - the promises of a tokenizer: a text becomes pieces of its own, with offsets inside the text at
 * the edges of characters, and the same ones a second time. */
#ifndef DWELL_TESTS_FUZZ_ENCODE_H
#define DWELL_TESTS_FUZZ_ENCODE_H

#include "fuzz/fuzz.h" /* first: it asks for memfd_create */

#include "base/str.h"
#include "text/tokenizer.h"

static inline void fuzz_encode(const tokenizer *t, const char *text, size_t length, bool add_special) {
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

/* A text with something for every rule. */
static const char fuzz_nasty[] =
    "The caf\xC3\xA9's  a\xCC\x81\xCC\xA3 \xC2\xBD 12ab [CLS]x [MASK] foo \xE4\xB8\xAD\xEA\xB0\x81\xEF\xAC\x81\n\t "
    "\xF0\x9F\x91\x8D";

#endif
