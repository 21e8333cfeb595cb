/* JSON: skipping and decoding accept the same texts, and what is written from a text reads back to the same text. */
#include "fuzz/fuzz.h" /* first: it asks for memfd_create */

#include <string.h>

#include "file/jcursor.h"
#include "file/jwriter.h"

/* Copies the value at the cursor; *deep: nested beyond what the writer takes, left out. */
static void fuzz_copy(jcursor *c, jwriter *w, bool *deep) {
  jkind kind = jcursor_peek(c);
  if (w->depth + 1 >= JWRITER_MAX_DEPTH && (kind == JKIND_ARRAY || kind == JKIND_OBJECT)) {
    *deep = true;
    jcursor_skip(c);
    jwriter_null(w);
    return;
  }
  switch (kind) {
    case JKIND_ERROR: break;
    case JKIND_NULL:
      jcursor_null(c);
      jwriter_null(w);
      break;
    case JKIND_BOOL: jwriter_bool(w, jcursor_bool(c)); break;
    case JKIND_NUMBER: jwriter_double(w, jcursor_double(c)); break;
    case JKIND_STRING: {
      jtext text = jcursor_string(c);
      FUZZ_CHECK(text.data[text.length] == '\0');
      jwriter_text(w, text.data, text.length);
      break;
    }
    case JKIND_ARRAY:
      jwriter_array(w);
      for (jcursor_array(c); jcursor_item(c);) {
        fuzz_copy(c, w, deep);
        if (c->problem != NULL) break;
      }
      if (c->problem == NULL) jwriter_close(w);
      break;
    case JKIND_OBJECT:
      jwriter_object(w);
      jcursor_object(c);
      for (jtext key; jcursor_key(c, &key);) {
        jwriter_key(w, key.data); /* cut at a NUL: the copy of the copy is compared */
        fuzz_copy(c, w, deep);
        if (c->problem != NULL) break;
      }
      if (c->problem == NULL) jwriter_close(w);
      break;
  }
}

static bool fuzz_rewrite(const char *data, size_t size, int indent, strbuf *out, bool *deep) {
  arena storage = {0};
  jcursor c = jcursor_start(data, size, &storage);
  jwriter w = jwriter_start(out, indent);
  *deep = false;
  fuzz_copy(&c, &w, deep);
  bool ok = jcursor_end(&c, "x", NULL) == DWELL_OK;
  arena_clear(&storage);
  return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const char *text = (const char *)data;
  dwell_error err = {0};
  bool deep;
  jcursor c = jcursor_start(text, size, NULL);
  jcursor_skip(&c);
  dwell_status status = jcursor_end(&c, "x", &err);
  FUZZ_CHECK_STATUS(status, err);
  strbuf first = {0}, second = {0};
  bool ok = fuzz_rewrite(text, size, 0, &first, &deep);
  FUZZ_CHECK(status == DWELL_OK || !ok); /* a number too large for a double is skipped, but not read */
  if (ok) {
    FUZZ_CHECK(fuzz_rewrite(first.data, first.length, 0, &second, &deep));
    FUZZ_CHECK(first.length == second.length && memcmp(first.data, second.data, first.length) == 0);
    strbuf_free(&second);
    second = (strbuf){0};
    FUZZ_CHECK(fuzz_rewrite(first.data, first.length, 2, &second, &deep)); /* and laid out differently */
    strbuf third = {0};
    FUZZ_CHECK(fuzz_rewrite(second.data, second.length, 0, &third, &deep));
    FUZZ_CHECK(first.length == third.length && memcmp(first.data, third.data, first.length) == 0);
    strbuf_free(&third);
  }
  strbuf_free(&first);
  strbuf_free(&second);
  return 0;
}
