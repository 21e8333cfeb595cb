/* hub/cache.c - the local Hugging Face cache, read only. */
#define _XOPEN_SOURCE 700 /* realpath, fstatat */
#include "hub/cache.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "file/bytes.h"

enum { COMMIT_SIZE = CACHE_REVISION_SIZE, PART_MAX = 96, SHOWN = 5 };

/* ---- names ---- */

static bool word_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}

static bool words_only(const char *text, size_t length, char also) {
  for (size_t i = 0; i < length; i++) {
    if (!word_character(text[i]) && (also == '\0' || text[i] != also)) return false;
    if (i > 0 && text[i] == '.' && text[i - 1] == '.') return false;
  }
  return true;
}

bool cache_name_part(const char *text, size_t length) {
  if (length == 0 || length > PART_MAX || text[0] == '.' || text[0] == '-') return false;
  for (size_t i = 1; i < length; i++) {
    if (text[i] == '-' && text[i - 1] == '-') return false;
  }
  return words_only(text, length, '\0');
}

/* A branch or tag ("main", "refs/pr/3", "step1000") or a commit. */
static bool revision_name(const char *text) {
  size_t length = strlen(text);
  return length > 0 && length < COMMIT_SIZE && text[0] != '.' && text[0] != '/' && text[length - 1] != '/' &&
         strstr(text, "//") == NULL && strstr(text, "/.") == NULL && words_only(text, length, '/');
}

dwell_status cache_parse_name(const char *name, strbuf *folder, char revision[COMMIT_SIZE], dwell_error *err) {
  const char *at = strchr(name, '@');
  size_t length = at ? (size_t)(at - name) : strlen(name);
  const char *slash = memchr(name, '/', length);
  size_t first = slash ? (size_t)(slash - name) : length;
  bool good = cache_name_part(name, first) && (!slash || cache_name_part(slash + 1, length - first - 1)) &&
              (!at || revision_name(at + 1));
  if (!good) {
    error_set(err, DWELL_USAGE, "neither a folder nor a name of a model");
    error_at_item(err, name);
    error_remedy(err, "Give a folder, a hub name (NAME, ORG/NAME, ORG/NAME@REVISION) or nursery:NAME");
    return DWELL_USAGE;
  }
  strbuf_printf(folder, "models--%.*s", (int)first, name);
  if (slash) strbuf_printf(folder, "--%.*s", (int)(length - first - 1), slash + 1);
  snprintf(revision, COMMIT_SIZE, "%s", at ? at + 1 : "");
  return folder->failed ? error_no_memory(err, "a path") : DWELL_OK;
}

/* ---- where the cache is ---- */

const char *cache_variable(const char *name) {
  const char *value = getenv(name);
  return value != NULL && value[0] != '\0' ? value : NULL;
}

static void add_home_path(strbuf *out, const char *path) {
  const char *home = cache_variable("HOME");
  if (path[0] == '~' && (path[1] == '/' || path[1] == '\0') && home != NULL) strbuf_puts(out, home), path++;
  strbuf_puts(out, path);
}

/* The first variable that is set decides. */
void cache_home(strbuf *out) {
  const char *value;
  if ((value = cache_variable("HF_HOME")) != NULL) {
    add_home_path(out, value);
  } else if ((value = cache_variable("XDG_CACHE_HOME")) != NULL) {
    add_home_path(out, value);
    strbuf_puts(out, "/huggingface");
  } else {
    add_home_path(out, "~/.cache/huggingface");
  }
}

void cache_root(strbuf *out) {
  const char *value;
  if ((value = cache_variable("HF_HUB_CACHE")) != NULL || (value = cache_variable("HUGGINGFACE_HUB_CACHE")) != NULL) {
    add_home_path(out, value);
  } else {
    cache_home(out);
    strbuf_puts(out, "/hub");
  }
}

/* ---- refs and snapshots ---- */

/* The commit in refs/REV, without white space; false if there is no such file (a pipe, which would make us wait, is
 * none) or it holds no plausible name. */
static bool read_ref(const char *repository, const char *revision, char commit[COMMIT_SIZE]) {
  strbuf path = {0};
  strbuf_printf(&path, "%s/refs/%s", repository, revision);
  char text[2 * COMMIT_SIZE] = "";
  int fd;
  uint64_t size;
  bool there = !path.failed && bytes_open(path.data, &fd, &size, NULL) == DWELL_OK;
  if (there) {
    there = bytes_read_at(fd, text, size < sizeof text ? size : sizeof text - 1, 0, path.data, NULL) == DWELL_OK;
    close(fd);
  }
  strbuf_free(&path);
  if (!there) return false;
  const char *start = text + strspn(text, " \t\r\n");
  size_t used = strcspn(start, " \t\r\n");
  if (!cache_name_part(start, used)) return false;
  snprintf(commit, COMMIT_SIZE, "%.*s", (int)used, start);
  return true;
}

static bool has_snapshot(const char *repository, const char *commit) {
  strbuf path = {0};
  struct stat info;
  strbuf_printf(&path, "%s/snapshots/%s", repository, commit);
  bool found = !path.failed && stat(path.data, &info) == 0 && S_ISDIR(info.st_mode);
  strbuf_free(&path);
  return found;
}

/* What snapshots/ holds: how many commits start with `prefix`, the last one of them, and a few names for a message. */
typedef struct snapshot_list {
  size_t count;
  char commit[COMMIT_SIZE];
  strbuf names;
} snapshot_list;

static void list_snapshots(const char *repository, const char *prefix, snapshot_list *ret_list) {
  *ret_list = (snapshot_list){0};
  strbuf path = {0};
  strbuf_printf(&path, "%s/snapshots", repository);
  DIR *folder = path.failed ? NULL : opendir(path.data);
  strbuf_free(&path);
  if (folder == NULL) return;
  for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
    const char *name = entry->d_name;
    if (!cache_name_part(name, strlen(name)) || strncmp(name, prefix, strlen(prefix)) != 0) continue;
    if (!has_snapshot(repository, name)) continue;
    snprintf(ret_list->commit, COMMIT_SIZE, "%s", name);
    if (ret_list->count++ < SHOWN) strbuf_printf(&ret_list->names, "%s%s", ret_list->count > 1 ? ", " : "", name);
  }
  closedir(folder);
}

/* What to do about something that is not in the cache, or not whole. */
static void suggest_pull(const char *name, const char *opt_file, dwell_error *err) {
  error_remedy(err, "`dwell pull %s%s%s` would download it; or give a folder", name, opt_file ? " --file " : "",
               opt_file ? opt_file : "");
}

static dwell_status no_snapshot(const char *name, const char *repository, const char *problem, const snapshot_list *all,
                                dwell_error *err) {
  error_set(err, DWELL_BAD_INPUT, "%s; snapshots here: %s%s", problem, all->count ? all->names.data : "none",
            all->count > SHOWN ? ", ..." : "");
  error_in_file(err, repository);
  int base = (int)strcspn(name, "@");
  if (all->count) error_remedy(err, "Choose one: %.*s@%s; or `dwell pull %s`", base, name, all->commit, name);
  else suggest_pull(name, NULL, err);
  return DWELL_BAD_INPUT;
}

enum { SHORT_COMMIT = 7 }; /* shortest abbreviation of a commit that is looked up, as git's */

/* Which snapshot `revision` ("" for none given) means; `name` is for the error. */
static dwell_status choose_commit(const char *name, const char *repository, const char *revision,
                                  char commit[COMMIT_SIZE], dwell_error *err) {
  const char *wanted = revision[0] ? revision : "main";
  bool referenced = read_ref(repository, wanted, commit);
  if (referenced && has_snapshot(repository, commit)) return DWELL_OK;
  if (revision[0] && strchr(revision, '/') == NULL && has_snapshot(repository, revision)) {
    snprintf(commit, COMMIT_SIZE, "%s", revision);
    return DWELL_OK;
  }
  snapshot_list all;
  bool usual = str_equal(wanted, "main"), abbreviated = strlen(revision) >= SHORT_COMMIT;
  if (!referenced && (usual || abbreviated)) {
    list_snapshots(repository, usual ? "" : revision, &all);
    bool only = all.count == 1;
    if (only) memcpy(commit, all.commit, COMMIT_SIZE);
    strbuf_free(&all.names);
    if (only) return DWELL_OK;
  }
  list_snapshots(repository, "", &all);
  char problem[3 * COMMIT_SIZE];
  if (referenced) snprintf(problem, sizeof problem, "refs/%s names %s, which is not here", wanted, commit);
  else if (!usual) snprintf(problem, sizeof problem, "revision %s is not in the cache", revision);
  else snprintf(problem, sizeof problem, "no refs/main that says which snapshot to take");
  dwell_status status = no_snapshot(name, repository, problem, &all, err);
  strbuf_free(&all.names);
  return status;
}

/* ---- links without blobs ---- */

static bool needed_file(const char *name) {
  return str_ends(name, ".safetensors") || str_ends(name, ".json") || str_ends(name, ".txt") ||
         str_ends(name, ".model");
}

/* A snapshot's entry that is a link to a missing blob: the download was interrupted or the blob was removed. */
dwell_status cache_check_links(const char *folder, const char *opt_file, const char *opt_name, dwell_error *err) {
  DIR *entries = opendir(folder);
  if (entries == NULL) return error_system(err, DWELL_BAD_INPUT, "open the folder", folder);
  dwell_status status = DWELL_OK;
  for (struct dirent *entry; status == DWELL_OK && (entry = readdir(entries)) != NULL;) {
    struct stat info;
    bool asked = opt_file != NULL ? str_equal(entry->d_name, opt_file) : needed_file(entry->d_name);
    if (!asked || fstatat(dirfd(entries), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (!S_ISLNK(info.st_mode) || fstatat(dirfd(entries), entry->d_name, &info, 0) == 0) continue;
    status = error_set(err, DWELL_BAD_INPUT, "is a link to a blob that is missing from the cache");
    error_in_file(err, folder);
    error_at_item(err, entry->d_name);
    if (opt_name != NULL) suggest_pull(opt_name, opt_file, err);
    else error_remedy(err, "Download the model again");
  }
  closedir(entries);
  return status;
}

dwell_status cache_commit_of_folder(const char *folder, const char *opt_file, char **ret_commit, dwell_error *err) {
  *ret_commit = NULL;
  char *real = realpath(folder, NULL);
  char *slash = real ? strrchr(real, '/') : NULL;
  if (slash != NULL && cache_name_part(slash + 1, strlen(slash + 1))) {
    *slash = '\0';
    if (str_ends(real, "/snapshots")) *ret_commit = mem_copy(slash + 1, strlen(slash + 1) + 1, 1);
  }
  free(real);
  dwell_status status = cache_check_links(folder, opt_file, NULL, err);
  if (status != DWELL_OK) mem_free(*ret_commit), *ret_commit = NULL;
  return status;
}

/* ---- names to folders ---- */

static dwell_status find_repository(const char *name, strbuf *repository, char revision[COMMIT_SIZE],
                                    dwell_error *err) {
  strbuf folder = {0};
  dwell_status status = DWELL_OK;
  TRY(cache_parse_name(name, &folder, revision, err));
  cache_root(repository);
  strbuf_printf(repository, "/%s", folder.data);
  if (repository->failed) status = error_no_memory(err, "a path");
  else if (access(repository->data, F_OK) != 0) {
    status =
        error_set(err, DWELL_BAD_INPUT, "no such folder, and not in the Hugging Face cache (%s)", repository->data);
    error_at_item(err, name);
    suggest_pull(name, NULL, err);
  }
done:
  strbuf_free(&folder);
  return status;
}

dwell_status cache_find(const char *name, char **ret_folder, char **ret_commit, dwell_error *err) {
  strbuf repository = {0}, folder = {0};
  char revision[COMMIT_SIZE], commit[COMMIT_SIZE];
  dwell_status status = DWELL_OK;
  TRY(find_repository(name, &repository, revision, err));
  TRY(choose_commit(name, repository.data, revision, commit, err));
  strbuf_printf(&folder, "%s/snapshots/%s", repository.data, commit);
  if (folder.failed) TRY(error_no_memory(err, "a path"));
  TRY(cache_check_links(folder.data, NULL, name, err));
  *ret_commit = mem_copy(commit, strlen(commit) + 1, 1);
  TRY_ALLOC(*ret_commit, "a name");
  *ret_folder = folder.data;
  folder.data = NULL;
done:
  strbuf_free(&repository);
  strbuf_free(&folder);
  return status;
}
