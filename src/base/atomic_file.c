/* base/atomic_file.c - files that appear whole or not at all. */
#define _GNU_SOURCE /* O_DIRECTORY */
#include "base/atomic_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"

static const char MARK[] = ".tmp-";

static char *temporary_name(const char *path) {
  const char *slash = strrchr(path, '/');
  size_t folder = slash ? (size_t)(slash - path) + 1 : 0;
  strbuf s = {0};
  strbuf_add(&s, path, folder);
  strbuf_printf(&s, ".%s%s%ld", path + folder, MARK, (long)getpid());
  if (s.failed) strbuf_free(&s);
  return s.data;
}

dwell_status atomic_file_open(const char *path, atomic_file *ret_file, dwell_error *err) {
  atomic_file file = {.path = mem_copy(path, strlen(path) + 1, 1), .temporary = temporary_name(path)};
  dwell_status status = DWELL_OK;
  TRY_ALLOC(file.path, "a file name");
  TRY_ALLOC(file.temporary, "a file name");
  int fd = open(file.temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (fd < 0 && errno == EEXIST && unlink(file.temporary) == 0) {
    fd = open(file.temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  }
  if (fd >= 0) file.stream = fdopen(fd, "wb");
  if (file.stream == NULL) {
    status = error_system(err, DWELL_FAILED, "write", path);
    if (fd >= 0) close(fd);
  }
done:
  if (status != DWELL_OK) {
    mem_free(file.path);
    mem_free(file.temporary);
    file = (atomic_file){0};
  }
  *ret_file = file;
  return status;
}

/* Makes the rename itself durable. Some file systems refuse to sync a folder: not an error. */
static void sync_folder(const char *path) {
  const char *slash = strrchr(path, '/');
  strbuf folder = {0};
  if (slash == NULL) {
    strbuf_puts(&folder, ".");
  } else {
    strbuf_add(&folder, path, slash == path ? 1 : (size_t)(slash - path));
  }
  int fd = folder.failed ? -1 : open(folder.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd >= 0) {
    fsync(fd);
    close(fd);
  }
  strbuf_free(&folder);
}

dwell_status atomic_file_rename(const char *from, const char *to, dwell_error *err) {
  if (rename(from, to) != 0) return error_system(err, DWELL_FAILED, "write", to);
  sync_folder(to);
  return DWELL_OK;
}

dwell_status atomic_file_commit(atomic_file *file, dwell_error *err) {
  dwell_status status = DWELL_OK;
  bool written = !ferror(file->stream) && fflush(file->stream) == 0 && fsync(fileno(file->stream)) == 0;
  bool closed = fclose(file->stream) == 0;
  file->stream = NULL;
  if (!written || !closed) status = error_system(err, DWELL_FAILED, "write", file->path);
  else status = atomic_file_rename(file->temporary, file->path, err);
  if (status == DWELL_OK) file->temporary[0] = '\0';
  atomic_file_abort(file);
  return status;
}

void atomic_file_abort(atomic_file *file) {
  if (file->stream != NULL) fclose(file->stream);
  if (file->temporary != NULL && file->temporary[0] != '\0') unlink(file->temporary);
  mem_free(file->path);
  mem_free(file->temporary);
  *file = (atomic_file){0};
}

dwell_status atomic_file_write(const char *path, const void *data, size_t size, dwell_error *err) {
  atomic_file file;
  dwell_status status = atomic_file_open(path, &file, err);
  if (status != DWELL_OK) return status;
  if (size > 0) fwrite(data, 1, size, file.stream); /* a short write leaves ferror set, which commit reports */
  return atomic_file_commit(&file, err);
}

bool atomic_file_is_temporary(const char *name, const char *of) {
  size_t length = strlen(of), mark = sizeof MARK - 1;
  if (name[0] != '.' || strncmp(name + 1, of, length) != 0 || strncmp(name + 1 + length, MARK, mark) != 0) return false;
  const char *number = name + 1 + length + mark;
  return number[0] != '\0' && number[strspn(number, "0123456789")] == '\0';
}

void atomic_file_sweep(const char *folder, const char *name) {
  DIR *dir = opendir(folder);
  if (dir == NULL) return;
  for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
    if (atomic_file_is_temporary(entry->d_name, name)) unlinkat(dirfd(dir), entry->d_name, 0);
  }
  closedir(dir);
}
