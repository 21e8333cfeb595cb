/* text/text_file.c - a text file, or standard input, as UTF-8. */
#include "text/text_file.h"

#include <stdio.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "file/jcursor.h"

enum { TEXT_MOST = 1 << 28 };

static dwell_status read_stdin(char **ret_text, size_t *ret_length, dwell_error *err) {
  strbuf s = {0};
  char chunk[65536];
  for (size_t got; (got = fread(chunk, 1, sizeof chunk, stdin)) > 0 && s.length < TEXT_MOST;)
    strbuf_add(&s, chunk, got);
  strbuf_add(&s, "", 0);
  if (s.failed || s.length >= TEXT_MOST) {
    strbuf_free(&s);
    return error_no_memory(err, "the text");
  }
  *ret_text = s.data, *ret_length = s.length;
  return DWELL_OK;
}

dwell_status text_file_read(const char *path, char **ret_text, size_t *ret_length, dwell_error *err) {
  dwell_status status = str_equal(path, "-") ? read_stdin(ret_text, ret_length, err)
                                             : file_slurp(path, TEXT_MOST, ret_text, ret_length, err);
  if (status != DWELL_OK) return status;
  size_t bad = utf8_check(*ret_text, *ret_length);
  if (bad == *ret_length) return DWELL_OK;
  mem_free(*ret_text);
  *ret_text = NULL;
  error_set(err, DWELL_BAD_INPUT, "the text is not UTF-8");
  error_in_file(err, str_equal(path, "-") ? "standard input" : path);
  error_at_offset(err, (int64_t)bad);
  error_remedy(err, "Convert it, for example with iconv");
  return DWELL_BAD_INPUT;
}
