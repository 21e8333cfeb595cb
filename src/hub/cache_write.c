/* hub/cache_write.c - putting files into the local Hugging Face cache. */
#define _GNU_SOURCE /* flock, O_CLOEXEC */
#include "hub/cache_write.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "base/atomic_file.h"
#include "base/context.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "hub/cache.h"

/* ---- paths ---- */

static dwell_status formed(strbuf *path, char **ret_path, dwell_error *err) {
  *ret_path = path->data;
  if (!path->failed) return DWELL_OK;
  strbuf_free(path);
  *ret_path = NULL;
  return error_no_memory(err, "a path");
}

dwell_status cache_blob_path(const cache_writer *w, const char *hash, char **ret_path, dwell_error *err) {
  strbuf path = {0};
  strbuf_printf(&path, "%s/blobs/%s", w->repository, hash);
  return formed(&path, ret_path, err);
}

dwell_status cache_part_path(const cache_writer *w, const char *hash, char **ret_path, dwell_error *err) {
  strbuf path = {0};
  strbuf_printf(&path, "%s/blobs/%s.incomplete", w->repository, hash);
  return formed(&path, ret_path, err);
}

dwell_status cache_snapshot_path(const cache_writer *w, const char *commit, const char *path, char **ret_path,
                                 dwell_error *err) {
  strbuf whole = {0};
  strbuf_printf(&whole, "%s/snapshots/%s/%s", w->repository, commit, path);
  return formed(&whole, ret_path, err);
}

/* Makes the folders above the last component of `path`. */
static dwell_status make_parents(char *path, dwell_error *err) {
  for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
    *slash = '\0';
    bool made = mkdir(path, 0777) == 0 || errno == EEXIST || access(path, F_OK) == 0;
    dwell_status status = made ? DWELL_OK : error_system(err, DWELL_FAILED, "make the folder", path);
    *slash = '/';
    if (status != DWELL_OK) return status;
  }
  return DWELL_OK;
}

dwell_status cache_writer_open(const char *folder, cache_writer *ret_writer, dwell_error *err) {
  dwell_status status = DWELL_OK;
  strbuf root = {0}, repository = {0}, locks = {0};
  *ret_writer = (cache_writer){0};
  cache_root(&root);
  if (!root.failed) {
    strbuf_printf(&repository, "%s/%s", root.data, folder);
    strbuf_printf(&locks, "%s/.locks/%s", root.data, folder);
  }
  TRY(formed(&repository, &ret_writer->repository, err));
  TRY(formed(&locks, &ret_writer->locks, err));
done:
  strbuf_free(&root);
  if (status != DWELL_OK) cache_writer_close(ret_writer);
  return status;
}

void cache_writer_close(cache_writer *w) {
  mem_free(w->repository);
  mem_free(w->locks);
  *w = (cache_writer){0};
}

/* Of the file system that holds `path`, or would: the nearest folder above that exists is asked. False: not known. */
static bool ask_room(const char *path, struct statvfs *ret_info) {
  strbuf at = {0};
  strbuf_puts(&at, path);
  bool known = false;
  while (!at.failed && !(known = statvfs(at.data, ret_info) == 0)) {
    char *slash = strrchr(at.data, '/');
    if (slash == NULL || slash == at.data) break;
    *slash = '\0';
  }
  strbuf_free(&at);
  return known;
}

dwell_status cache_check_space(const cache_writer *w, uint64_t bytes, dwell_error *err) {
  struct statvfs info;
  if (!ask_room(w->repository, &info)) return DWELL_OK; /* a full disk will be an error of writing */
  double room = (double)info.f_bavail * (double)info.f_frsize;
  if ((double)bytes <= room) return DWELL_OK;
  error_set(err, DWELL_FAILED, "%.1f MB are to come, and the disk has room for %.1f MB", (double)bytes / 1e6,
            room / 1e6);
  error_in_file(err, w->repository);
  error_remedy(err, "Make room, or set HF_HUB_CACHE to a folder of a larger disk");
  return DWELL_FAILED;
}

/* ---- locks ---- */

static bool same_file(int fd, const char *path) {
  struct stat held, named;
  return fstat(fd, &held) == 0 && stat(path, &named) == 0 && held.st_dev == named.st_dev && held.st_ino == named.st_ino;
}

/* Tries once. *ret_fd -1: somebody has it. A lock file that was removed and made again meanwhile is not ours. */
static dwell_status try_lock(const char *path, int *ret_fd, dwell_error *err) {
  *ret_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (*ret_fd < 0) return error_system(err, DWELL_FAILED, "make the lock", path);
  bool taken = flock(*ret_fd, LOCK_EX | LOCK_NB) == 0;
  bool absent =
      !taken && (errno == ENOLCK || errno == ENOSYS || errno == EOPNOTSUPP); /* no locks on this file system */
  if (absent || (taken && same_file(*ret_fd, path))) return DWELL_OK;
  close(*ret_fd);
  *ret_fd = -1;
  return DWELL_OK;
}

static dwell_status take_lock(const cache_writer *w, const char *hash, const dwell_context *ctx, int *ret_fd,
                              dwell_error *err) {
  dwell_status status = DWELL_OK;
  strbuf name = {0};
  char *path = NULL;
  *ret_fd = -1;
  strbuf_printf(&name, "%s/%s.lock", w->locks, hash);
  TRY(formed(&name, &path, err));
  TRY(make_parents(path, err));
  for (bool said = false;;) {
    TRY(context_interrupted(ctx, err));
    TRY(try_lock(path, ret_fd, err));
    if (*ret_fd >= 0) break;
    if (!said) context_log(ctx, DWELL_LOG_INFO, "waiting for another program that downloads the same file");
    said = true;
    nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
  }
done:
  mem_free(path);
  return status;
}

/* ---- partial files ---- */

dwell_status cache_part_open(const cache_writer *w, const char *hash, const dwell_context *ctx, cache_part *ret_part,
                             dwell_error *err) {
  dwell_status status = DWELL_OK;
  struct stat info;
  *ret_part = (cache_part){.lock = -1, .fd = -1};
  TRY(cache_blob_path(w, hash, &ret_part->blob, err));
  TRY(cache_part_path(w, hash, &ret_part->path, err));
  TRY(make_parents(ret_part->path, err));
  TRY(take_lock(w, hash, ctx, &ret_part->lock, err));
  ret_part->fd = open(ret_part->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
  if (ret_part->fd < 0 || fstat(ret_part->fd, &info) != 0 || lseek(ret_part->fd, 0, SEEK_END) < 0) {
    status = error_system(err, DWELL_FAILED, "write", ret_part->path);
    goto done;
  }
  ret_part->size = info.st_size;
done:
  return status;
}

dwell_status cache_part_append(cache_part *part, const void *data, size_t size, dwell_error *err) {
  const char *at = data;
  while (size > 0) {
    ssize_t wrote = write(part->fd, at, size);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return error_system(err, DWELL_FAILED, "write", part->path);
    at += wrote, size -= (size_t)wrote, part->size += wrote;
  }
  return DWELL_OK;
}

dwell_status cache_part_clear(cache_part *part, dwell_error *err) {
  if (ftruncate(part->fd, 0) != 0 || lseek(part->fd, 0, SEEK_SET) < 0)
    return error_system(err, DWELL_FAILED, "write", part->path);
  part->size = 0;
  return DWELL_OK;
}

dwell_status cache_part_commit(cache_part *part, dwell_error *err) {
  if (fsync(part->fd) != 0) return error_system(err, DWELL_FAILED, "write", part->path);
  return atomic_file_rename(part->path, part->blob, err);
}

void cache_part_close(cache_part *part, bool drop) {
  if (part->fd >= 0) close(part->fd);
  if (drop && part->fd >= 0) unlink(part->path);
  if (part->lock >= 0) close(part->lock); /* which releases it */
  mem_free(part->path);
  mem_free(part->blob);
  *part = (cache_part){.lock = -1, .fd = -1};
}

/* ---- snapshots and refs ---- */

/* "../../blobs/HASH", with one more "../" for each folder of `path`. */
static dwell_status link_target(const char *path, const char *hash, char **ret_target, dwell_error *err) {
  strbuf target = {0};
  strbuf_puts(&target, "../../");
  for (; *path != '\0'; path++) {
    if (*path == '/') strbuf_puts(&target, "../");
  }
  strbuf_printf(&target, "blobs/%s", hash);
  return formed(&target, ret_target, err);
}

static bool leads_to(const char *link, const char *target) {
  char text[512];
  ssize_t length = readlink(link, text, sizeof text - 1);
  if (length < 0) return false;
  text[length] = '\0';
  return str_equal(text, target);
}

/* A link under a temporary name, moved over what is there. False, with errno, if links cannot be made here. */
static bool make_link(const char *target, const char *place) {
  strbuf temporary = {0};
  strbuf_printf(&temporary, "%s.tmp-%ld", place, (long)getpid());
  if (temporary.failed) return errno = ENOMEM, false;
  unlink(temporary.data);
  bool made = symlink(target, temporary.data) == 0 && rename(temporary.data, place) == 0;
  int problem = errno;
  if (!made) unlink(temporary.data);
  strbuf_free(&temporary);
  errno = problem;
  return made;
}

dwell_status cache_place(const cache_writer *w, const char *commit, const char *path, const char *hash, bool links,
                         dwell_error *err) {
  dwell_status status = DWELL_OK;
  char *place = NULL, *target = NULL, *blob = NULL;
  TRY(cache_snapshot_path(w, commit, path, &place, err));
  TRY(link_target(path, hash, &target, err));
  TRY(cache_blob_path(w, hash, &blob, err));
  TRY(make_parents(place, err));
  if (leads_to(place, target) || (links && make_link(target, place))) goto done;
  if (links && errno != EPERM && errno != EOPNOTSUPP && errno != ENOSYS) {
    status = error_system(err, DWELL_FAILED, "make the link", place);
  } else {
    status = atomic_file_rename(blob, place, err);
  }
done:
  mem_free(place);
  mem_free(target);
  mem_free(blob);
  return status;
}

/* Other readers take the text as it is, so there is no newline after the commit. */
dwell_status cache_set_ref(const cache_writer *w, const char *revision, const char *commit, dwell_error *err) {
  dwell_status status = DWELL_OK;
  strbuf name = {0};
  char *path = NULL;
  strbuf_printf(&name, "%s/refs/%s", w->repository, revision);
  TRY(formed(&name, &path, err));
  TRY(make_parents(path, err));
  status = atomic_file_write(path, commit, strlen(commit), err);
done:
  mem_free(path);
  return status;
}
