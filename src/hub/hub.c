/* hub/hub.c - model names: folders, the nursery, the Hugging Face cache. */
#define _XOPEN_SOURCE 700 /* readlink, lstat */
#include "hub/hub.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"
#include "file/gguf.h"
#include "file/safetensors.h"
#include "hub/cache.h"
#include "hub/hub_paths.h"
#include "hub/nursery.h"

enum { NAME_MAX_LENGTH = 200 };

static bool is_folder(const char *path) {
  struct stat info;
  return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

/* ---- dwell's own data ---- */

/* Where the running program is installed, PREFIX of PREFIX/bin/dwell, or "" where the system does not say. */
static void program_prefix(char *path, size_t size) {
  ssize_t length = readlink("/proc/self/exe", path, size - 1);
  path[length > 0 ? length : 0] = '\0';
  for (int up = 0; up < 2; up++) {
    char *slash = strrchr(path, '/');
    if (slash != NULL) *slash = '\0';
  }
}

/* Place number k of dwell's data, appended to `out`; false if there is no such place here. */
static bool data_place(int k, strbuf *out) {
  const char *variable = cache_variable("DWELL_DATA");
  char prefix[4096];
  switch (k) {
    case 0:
      if (variable == NULL) return false;
      strbuf_puts(out, variable);
      return true;
    case 1:
      program_prefix(prefix, sizeof prefix);
      if (prefix[0] == '\0') return false;
      strbuf_printf(out, "%s/share/dwell", prefix);
      return true;
    default: strbuf_puts(out, HUB_SOURCE_DATA); return true;
  }
}

dwell_status hub_data(const char *entry, char **ret_path, dwell_error *err) {
  strbuf tried = {0};
  for (int k = 0; k < 3; k++) {
    strbuf path = {0};
    bool here = data_place(k, &path);
    strbuf_printf(&path, "/%s", entry);
    if (path.failed) return strbuf_free(&path), strbuf_free(&tried), error_no_memory(err, "a path");
    if (here && access(path.data, F_OK) == 0) {
      *ret_path = path.data;
      strbuf_free(&tried);
      return DWELL_OK;
    }
    if (here) strbuf_printf(&tried, "%s%s", tried.length ? ", " : "", path.data);
    strbuf_free(&path);
  }
  dwell_status status = error_set(err, DWELL_BAD_INPUT, "dwell's data has no %s here; looked for %s", entry,
                                  tried.failed ? entry : tried.data);
  error_remedy(err, "Set DWELL_DATA to the folder that holds dwell's data");
  strbuf_free(&tried);
  return status;
}

/* ---- names ---- */

static bool looks_like_path(const char *name) {
  return name[0] == '/' || name[0] == '.' || name[0] == '~' || str_ends(name, "/");
}

/* A file that is a whole model, and the folder that it lies in. */
static dwell_status place_file(const char *name, hub_place *ret_place, dwell_error *err) {
  const char *slash = strrchr(name, '/');
  size_t length = slash == NULL ? 1 : slash == name ? 1 : (size_t)(slash - name);
  ret_place->file = mem_copy(name, strlen(name) + 1, 1);
  ret_place->folder = MEM_NEW(char, length + 1);
  if (ret_place->file == NULL || ret_place->folder == NULL) return error_no_memory(err, "a path");
  memcpy(ret_place->folder, slash == NULL ? "." : name, length);
  ret_place->folder[length] = '\0';
  return cache_commit_of_folder(ret_place->folder, slash == NULL ? name : slash + 1, &ret_place->revision, err);
}

size_t hub_find_gguf(const char *folder, strbuf *ret_first) {
  size_t count = 0;
  DIR *entries = opendir(folder);
  for (struct dirent *e; entries != NULL && (e = readdir(entries)) != NULL;) {
    if (!str_ends(e->d_name, ".gguf") || gguf_is_later_part(e->d_name)) continue;
    if (count++ == 0) strbuf_printf(ret_first, "%s/%s", folder, e->d_name);
  }
  if (entries != NULL) closedir(entries);
  return count;
}

/* A folder that holds one GGUF file and no safetensors is that file's model. opt_name: as in the cache. */
static dwell_status take_gguf(const char *opt_name, hub_place *place, dwell_error *err) {
  if (safetensors_in(place->folder)) return DWELL_OK;
  strbuf path = {0};
  size_t count = hub_find_gguf(place->folder, &path);
  if (path.failed) return strbuf_free(&path), error_no_memory(err, "a path");
  if (count != 1) return strbuf_free(&path), DWELL_OK;
  place->file = path.data;
  return cache_check_links(place->folder, strrchr(path.data, '/') + 1, opt_name, err);
}

static dwell_status find_folder(const char *name, hub_place *ret_place, dwell_error *err) {
  dwell_status status = DWELL_OK;
  TRY_ALLOC(ret_place->folder = mem_copy(name, strlen(name) + 1, 1), "a path");
  TRY(cache_commit_of_folder(name, NULL, &ret_place->revision, err));
  TRY(take_gguf(NULL, ret_place, err));
done:
  return status;
}

static dwell_status find_cached(const char *name, hub_place *ret_place, dwell_error *err) {
  dwell_status status = cache_find(name, &ret_place->folder, &ret_place->revision, err);
  return status == DWELL_OK ? take_gguf(name, ret_place, err) : status;
}

/* Something of this name is there, if only a link to nothing. */
static bool is_entry(const char *name) {
  struct stat info;
  return lstat(name, &info) == 0;
}

dwell_status hub_find(const char *name, hub_place *ret_place, dwell_error *err) {
  *ret_place = (hub_place){0};
  static const char nursery[] = NURSERY_PREFIX;
  dwell_status status = DWELL_OK;
  if (name == NULL || name[0] == '\0') {
    status = error_set(err, DWELL_USAGE, "the name of the model is empty");
  } else if (strncmp(name, nursery, sizeof nursery - 1) == 0) {
    status = nursery_find(name + sizeof nursery - 1, ret_place, err);
    if (status != DWELL_OK) error_at_item(err, name);
  } else if (is_folder(name)) {
    status = find_folder(name, ret_place, err);
  } else if (is_entry(name) && str_ends(name, ".gguf")) {
    status = place_file(name, ret_place, err);
  } else if (access(name, F_OK) == 0) {
    status = error_set(err, DWELL_USAGE, "is a file, a model is a folder or a .gguf file");
    error_in_file(err, name);
    error_remedy(err, "Name the folder that holds it, with its config.json");
  } else if (looks_like_path(name) || strlen(name) > NAME_MAX_LENGTH) {
    status = error_set(err, DWELL_BAD_INPUT, "no such folder");
    error_in_file(err, name);
  } else {
    status = find_cached(name, ret_place, err);
  }
  if (status != DWELL_OK) hub_place_free(ret_place);
  return status;
}

void hub_place_free(hub_place *place) {
  mem_free(place->folder);
  mem_free(place->file);
  mem_free(place->revision);
  *place = (hub_place){0};
}
