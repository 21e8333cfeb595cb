/* text/texts.c - reading the texts that measure runs over, and naming their runs. */
#include "text/texts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/number.h"
#include "base/str.h"
#include "file/jcursor.h"
#include "text/prompt.h"
#include "text/text_file.h"

void texts_free(texts *t) {
  mem_free(t->list);
  arena_clear(&t->storage);
  *t = (texts){0};
}

/* Adds a text whose parts live in the storage already. */
static dwell_status add(texts *t, const text *one, dwell_error *err) {
  text *list = mem_room(t->list, t->count, &t->capacity, 16, sizeof *list);
  if (list == NULL || one->name == NULL) return error_no_memory(err, "the texts");
  t->list = list;
  t->list[t->count++] = *one;
  return DWELL_OK;
}

/* A text that could not be read; running out of memory is no matter of one text. */
static dwell_status add_failed(texts *t, const char *name, dwell_error *err) {
  if (err->status == DWELL_NO_MEMORY) return err->status;
  dwell_error *kept = ARENA_NEW(&t->storage, dwell_error, 1);
  if (kept == NULL) return error_no_memory(err, "the texts");
  *kept = *err;
  return add(t, &(text){.name = name, .error = kept}, err);
}

dwell_status texts_add(texts *t, const char *name, const char *data, size_t length, dwell_error *err) {
  text one = {.name = arena_text(&t->storage, name, strlen(name)), .length = length};
  one.data = arena_text(&t->storage, data, length);
  if (one.data == NULL) return error_no_memory(err, "the texts");
  return add(t, &one, err);
}

dwell_status texts_add_prompt(texts *t, const char *name, dwell_error *err) {
  const prompt *p;
  dwell_status status = prompt_find(name, &p, err);
  return status == DWELL_OK ? add(t, &(text){.name = p->name, .data = p->text, .length = p->size}, err) : status;
}

dwell_status texts_add_ids(texts *t, const char *list, dwell_error *err) {
  size_t count = 1;
  for (const char *p = list; *p != '\0'; p++) count += *p == ',';
  int64_t *ids = ARENA_NEW(&t->storage, int64_t, count);
  if (ids == NULL) return error_no_memory(err, "the ids");
  char one[32];
  for (size_t k = 0; str_item(&list, one, sizeof one); k++) {
    const char *digits = one + strspn(one, " ");
    if (number_parse_int(digits, INT64_MIN, INT64_MAX, &ids[k])) continue;
    return error_set(err, DWELL_USAGE, "--ids takes whole numbers separated by commas, not \"%s\"", one);
  }
  return add(t, &(text){.name = "ids", .ids = ids, .count = count}, err);
}

/* ---- lines of a .jsonl file ---- */

static dwell_status read_line_ids(texts *t, jcursor *c, text *ret_text, dwell_error *err) {
  int64_t *ids = NULL;
  size_t capacity = 0;
  dwell_status status = DWELL_OK;
  ret_text->count = 0;
  jcursor_array(c);
  while (jcursor_item(c)) {
    int64_t *grown = mem_room(ids, ret_text->count, &capacity, 256, sizeof *ids);
    TRY_ALLOC(grown, "the ids");
    ids = grown;
    ids[ret_text->count++] = jcursor_int(c, INT64_MIN, INT64_MAX);
  }
  int64_t *kept = ARENA_NEW(&t->storage, int64_t, ret_text->count + 1); /* never NULL for want of ids */
  TRY_ALLOC(kept, "the ids");
  if (ret_text->count > 0) memcpy(kept, ids, ret_text->count * sizeof *ids);
  ret_text->ids = kept;
done:
  mem_free(ids);
  return status;
}

static dwell_status read_line(texts *t, const char *line, size_t length, text *ret_text, dwell_error *err) {
  jtext data = {0}, name = {0};
  dwell_status status = DWELL_OK;
  jcursor c = jcursor_start(line, length, &t->storage);
  jcursor_object(&c);
  for (jtext key; jcursor_key(&c, &key);) {
    if (jtext_is(key, "text")) data = jcursor_string(&c);
    else if (jtext_is(key, "name")) name = jcursor_string(&c);
    else if (jtext_is(key, "ids")) TRY(read_line_ids(t, &c, ret_text, err));
    else jcursor_skip(&c);
  }
  TRY(jcursor_end(&c, NULL, err));
  if (data.data == NULL && ret_text->ids == NULL)
    TRY(error_set(err, DWELL_BAD_INPUT, "has no \"text\" and no \"ids\""));
  if (data.data != NULL && ret_text->ids != NULL)
    TRY(error_set(err, DWELL_BAD_INPUT, "has both \"text\" and \"ids\"; keep one of them"));
  ret_text->data = data.data, ret_text->length = data.length;
  if (name.length > 0) ret_text->name = name.data;
done:
  return status;
}

static dwell_status add_line(texts *t, const char *path, const char *line, size_t length, size_t number,
                             dwell_error *err) {
  char item[32];
  snprintf(item, sizeof item, "line %zu", number);
  text one = {.name = arena_text(&t->storage, item + 5, strlen(item + 5))};
  if (one.name == NULL) return error_no_memory(err, "the texts");
  const char *by_number = one.name;
  if (read_line(t, line, length, &one, err) == DWELL_OK) return add(t, &one, err);
  error_in_file(err, path);
  error_at_item(err, item);
  return add_failed(t, by_number, err);
}

static dwell_status add_lines(texts *t, const char *path, const char *data, size_t length, dwell_error *err) {
  dwell_status status = DWELL_OK;
  size_t number = 1;
  for (size_t at = 0; status == DWELL_OK && at < length; number++) {
    const char *end = memchr(data + at, '\n', length - at);
    size_t n = end != NULL ? (size_t)(end - data) - at : length - at;
    if (n > 0 && strspn(data + at, " \t\r") < n) status = add_line(t, path, data + at, n, number, err);
    at += n + 1;
  }
  return status;
}

/* ---- files ---- */

/* Name of a file without its folder and ending. */
static const char *stem(arena *a, const char *path) {
  const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path, *dot = strrchr(base, '.');
  if (str_equal(base, "-")) return "text";
  return arena_text(a, base, dot != NULL && dot > base ? (size_t)(dot - base) : strlen(base));
}

dwell_status texts_add_file(texts *t, const char *path, dwell_error *err) {
  char *data = NULL;
  size_t length, before = t->count;
  dwell_status status = text_file_read(path, &data, &length, err);
  if (status != DWELL_OK) return add_failed(t, stem(&t->storage, path), err);
  if (str_ends(path, ".jsonl")) {
    t->many = true;
    status = add_lines(t, path, data, length, err);
  } else {
    const char *name = stem(&t->storage, path);
    status = name != NULL ? texts_add(t, name, data, length, err) : error_no_memory(err, "the texts");
  }
  mem_free(data);
  if (status != DWELL_OK || t->count > before) return status;
  error_set(err, DWELL_BAD_INPUT, "there is no text in the file");
  error_in_file(err, path);
  return add_failed(t, stem(&t->storage, path), err);
}

/* ---- names ---- */

enum { LONGEST = 100 }; /* bytes: file systems take 255, and a suffix follows */

/* What a file system, a shell or a terminal could take for something else becomes "_". */
static bool is_plain(const char *name, size_t bytes, uint32_t code) {
  char shown[16];
  if (bytes == 0 || (code < 128 && strchr("/\\:*?\"<>|", (int)code) != NULL)) return false;
  str_display(shown, sizeof shown, name, bytes);
  return strlen(shown) == bytes && memcmp(shown, name, bytes) == 0;
}

static char *safe_name(arena *a, const char *name, const char *otherwise) {
  strbuf s = {0};
  size_t length = strlen(name);
  for (size_t at = 0; at < length;) {
    uint32_t code = 0;
    size_t bytes = utf8_decode(name + at, length - at, &code), step = bytes > 0 ? bytes : 1;
    if (s.length + step > LONGEST) break;
    if (is_plain(name + at, bytes, code)) strbuf_add(&s, name + at, bytes);
    else strbuf_putc(&s, '_');
    at += step;
  }
  if (s.length > 0 && strchr(".-", s.data[0]) != NULL) s.data[0] = '_';
  while (s.length > 0 && strchr(". ", s.data[s.length - 1]) != NULL) s.data[--s.length] = '\0';
  char *kept = s.failed       ? NULL
               : s.length > 0 ? arena_text(a, s.data, s.length)
                              : arena_text(a, otherwise, strlen(otherwise));
  strbuf_free(&s);
  return kept;
}

/* Some file systems do not tell "A" from "a". Equal names stay in their order. */
static int by_name(const void *a, const void *b) {
  const text *const *x = a, *const *y = b;
  int order = strcasecmp((*x)->name, (*y)->name);
  return order != 0 ? order : (*x > *y) - (*x < *y);
}

static int is_named(const void *name, const void *one) { return strcasecmp(name, (*(const text *const *)one)->name); }

/* The k-th of its name gets the suffix -k, or the next that no text was given itself. Two names with suffixes differ:
 * what stands before their last dash differs, or what stands behind it. */
static const char *suffixed(texts *t, text *const *sorted, const char *name, size_t *k) {
  for (;; (*k)++) {
    strbuf s = {0};
    strbuf_printf(&s, "%s-%zu", name, *k);
    const char *made = s.failed ? NULL : arena_text(&t->storage, s.data, s.length);
    strbuf_free(&s);
    if (made == NULL || bsearch(made, sorted, t->count, sizeof *sorted, is_named) == NULL) return made;
  }
}

dwell_status texts_name(texts *t, dwell_error *err) {
  dwell_status status = DWELL_OK;
  text **sorted = MEM_NEW(text *, t->count);
  const char **names = MEM_ZERO(const char *, t->count);
  TRY_ALLOC(sorted, "the texts");
  TRY_ALLOC(names, "the texts");
  for (size_t i = 0; i < t->count; i++) {
    TRY_ALLOC(t->list[i].name = safe_name(&t->storage, t->list[i].name, "text"), "the texts");
    sorted[i] = &t->list[i];
  }
  qsort(sorted, t->count, sizeof *sorted, by_name);
  for (size_t i = 1, k = 2; i < t->count; i++) {
    if (strcasecmp(sorted[i]->name, sorted[i - 1]->name) != 0) {
      k = 2;
      continue;
    }
    TRY_ALLOC(names[i] = suffixed(t, sorted, sorted[i]->name, &k), "the texts");
    k++;
  }
  for (size_t i = 0; i < t->count; i++) {
    if (names[i] != NULL) sorted[i]->name = names[i];
  }
done:
  mem_free(sorted);
  mem_free(names);
  return status;
}
