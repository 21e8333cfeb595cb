/* file/bytes.c - regular files, read at offsets. */
#define _GNU_SOURCE /* O_CLOEXEC, pread */
#include "file/bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

dwell_status bytes_open(const char *path, int *ret_fd, uint64_t *ret_size, dwell_error *err) {
  struct stat info;
  *ret_fd = -1;
  *ret_size = 0;
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe must not make us wait; files ignore the flag */
  if (fd < 0) return error_system(err, DWELL_BAD_INPUT, "open", path);
  if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode)) {
    *ret_fd = fd;
    *ret_size = (uint64_t)info.st_size;
    return DWELL_OK;
  }
  close(fd);
  error_set(err, DWELL_BAD_INPUT, "this is not a regular file");
  error_in_file(err, path);
  return DWELL_BAD_INPUT;
}

dwell_status bytes_read_at(int fd, void *ret_data, size_t size, uint64_t offset, const char *path, dwell_error *err) {
  char *to = ret_data;
  for (size_t done = 0; done < size;) {
    ssize_t got = pread(fd, to + done, size - done, (off_t)(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return error_system(err, DWELL_BAD_INPUT, "read", path);
    if (got == 0) {
      error_set(err, DWELL_BAD_INPUT, "the file ends here: it was cut short or changed while it was being read");
      error_in_file(err, path);
      error_at_offset(err, (int64_t)(offset + done));
      return DWELL_BAD_INPUT;
    }
    done += (size_t)got;
  }
  return DWELL_OK;
}
