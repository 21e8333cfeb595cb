/* hub/repo_list.c - what a hub says is in a repository. */
#include "hub/repo_list.h"

#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "file/jcursor.h"

enum { GIT_DIGITS = 40, SHA256_DIGITS = 64, PATH_MOST = 1000, COMPONENT_MOST = 255 };

static const int64_t SIZE_MOST = INT64_C(1) << 50; /* a petabyte */

/* ---- forms ---- */

bool repo_hex(const char *text, size_t length) {
  return strlen(text) == length && strspn(text, "0123456789abcdef") == length;
}

static bool is_component(const char *text, size_t length) {
  bool dots = length <= 2 && strspn(text, ".") >= length;
  return length > 0 && length <= COMPONENT_MOST && !dots;
}

bool repo_path(const char *path, size_t length) {
  if (length == 0 || length > PATH_MOST || utf8_check(path, length) != length) return false;
  size_t begin = 0;
  for (size_t i = 0; i <= length; i++) {
    if (i < length && ((unsigned char)path[i] < 0x20 || path[i] == 0x7F || path[i] == '\\')) return false;
    if (i < length && path[i] != '/') continue;
    if (!is_component(path + begin, i - begin)) return false;
    begin = i + 1;
  }
  return true;
}

/* ---- reading ---- */

/* A hash of `digits` digits into `out`, or the reader's complaint. */
static void read_hash(jcursor *c, size_t digits, char out[DIGEST_SIZE]) {
  jtext text = jcursor_string(c);
  if (c->problem != NULL) return;
  if (strlen(text.data) != text.length || !repo_hex(text.data, digits))
    jcursor_fail(c, "a hash has not the right form");
  else memcpy(out, text.data, digits + 1);
}

/* {"sha256", "size", ...}, which stands above the file's own hash and size: those are of a pointer. */
static void read_lfs(jcursor *c, repo_file *file) {
  if (jcursor_null(c)) return;
  jcursor_object(c);
  for (jtext key; jcursor_key(c, &key);) {
    if (jtext_is(key, "sha256")) read_hash(c, SHA256_DIGITS, file->hash);
    else if (jtext_is(key, "size")) file->size = jcursor_int(c, 0, SIZE_MOST);
    else jcursor_skip(c);
  }
}

/* One element of "siblings"; the path is NULL if it has none or one that is passed over. */
static void read_file(jcursor *c, repo_file *ret_file) {
  repo_file outer = {.size = -1}, lfs = {.size = -1};
  jcursor_object(c);
  for (jtext key; jcursor_key(c, &key);) {
    if (jtext_is(key, "rfilename")) {
      jtext path = jcursor_string(c);
      outer.path = c->problem == NULL && repo_path(path.data, path.length) ? path.data : NULL;
    } else if (jtext_is(key, "size") && !jcursor_null(c)) {
      outer.size = jcursor_int(c, 0, SIZE_MOST);
    } else if (jtext_is(key, "blobId") && !jcursor_null(c)) {
      read_hash(c, GIT_DIGITS, outer.hash);
    } else if (jtext_is(key, "lfs")) {
      read_lfs(c, &lfs);
    } else if (!jtext_is(key, "size") && !jtext_is(key, "blobId")) {
      jcursor_skip(c);
    }
  }
  if (lfs.hash[0] != '\0') lfs.path = outer.path;
  *ret_file = lfs.hash[0] != '\0' ? lfs : outer;
}

/* False: out of memory. */
static bool read_files(jcursor *c, repo_list *list) {
  jcursor_array(c);
  while (jcursor_item(c)) {
    repo_file file;
    read_file(c, &file);
    if (c->problem != NULL || file.path == NULL) continue;
    if (list->count == REPO_MOST_FILES) jcursor_fail(c, "too many files");
    repo_file *files = mem_room(list->files, list->count, &list->capacity, 32, sizeof *files);
    if (files == NULL) return false;
    list->files = files;
    if (c->problem == NULL) list->files[list->count++] = file;
  }
  return true;
}

dwell_status repo_list_parse(const char *text, size_t size, repo_list *ret_list, dwell_error *err) {
  *ret_list = (repo_list){0};
  jcursor c = jcursor_start(text, size, &ret_list->storage);
  int commits = 0, lists = 0;
  bool room = true;
  jcursor_object(&c);
  for (jtext key; jcursor_key(&c, &key);) {
    if (jtext_is(key, "sha") && commits++ == 0) read_hash(&c, GIT_DIGITS, ret_list->commit);
    else if (jtext_is(key, "siblings") && lists++ == 0) room = read_files(&c, ret_list) && room;
    else jcursor_skip(&c);
  }
  dwell_status status = jcursor_end(&c, NULL, err);
  if (!room) status = error_no_memory(err, "the list of files");
  if (status == DWELL_OK && (commits != 1 || lists != 1)) {
    status = error_set(err, DWELL_BAD_INPUT, "the answer has not one \"sha\" and one \"siblings\"");
  }
  if (status == DWELL_BAD_INPUT) error_remedy(err, "If HF_ENDPOINT is set, check that a hub is there");
  return status;
}

void repo_list_free(repo_list *list) {
  mem_free(list->files);
  arena_clear(&list->storage);
  *list = (repo_list){0};
}

repo_file *repo_list_find(const repo_list *list, const char *path) {
  for (size_t i = 0; i < list->count; i++) {
    if (str_equal(list->files[i].path, path)) return &list->files[i];
  }
  return NULL;
}
