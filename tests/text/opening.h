/* tests/text/opening.h - tokenizers out of files that a test holds as texts, and what they must make of a text. */
#ifndef DWELL_TESTS_TEXT_OPENING_H
#define DWELL_TESTS_TEXT_OPENING_H

#include <stdio.h>
#include <string.h>

#include "text/tokenizer.h"
#include "util/testing.h"

/* Opens a folder of these files, `sizes` NULL: texts. */
static inline dwell_status open_files(const char *const *names, const char *const *contents, const size_t *sizes,
                                      size_t count, tokenizer **ret_tokenizer, dwell_error *err) {
  const char *folder = testing_folder();
  for (size_t i = 0; i < count; i++) {
    testing_write(testing_format("%s/%s", folder, names[i]), contents[i], sizes ? sizes[i] : strlen(contents[i]));
  }
  dwell_status status = tokenizer_open(folder, ret_tokenizer, err);
  for (size_t i = 0; i < count; i++) remove(testing_format("%s/%s", folder, names[i]));
  return status;
}

/* The text becomes these ids, without special tokens. */
static inline void expect(const tokenizer *t, const char *text, size_t count, const int64_t *ids) {
  dwell_error err;
  token_list tokens;
  assert_ok(tokenizer_encode(t, text, strlen(text), false, &tokens, &err), &err);
  assert_int_equal(tokens.count, count);
  for (size_t i = 0; i < count; i++) assert_int_equal(tokens.tokens[i].id, ids[i]);
  token_list_free(&tokens);
}

#endif
