/* file/slurp.c - whole files into memory (declared in file/jcursor.h, beside its main user). */
#define _GNU_SOURCE /* O_CLOEXEC */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "file/jcursor.h"

static dwell_status too_large(const char *path, size_t most, dwell_error *err) {
  error_set(err, DWELL_BAD_INPUT, "the file is larger than the %zu bytes allowed for its kind", most);
  error_in_file(err, path);
  return DWELL_BAD_INPUT;
}

/* Reads to the end of `fd`; the buffer grows only as bytes arrive (a pipe has no size, and a file may grow). */
static dwell_status read_all(int fd, const char *path, size_t expected, size_t most, strbuf *out, dwell_error *err) {
  static const size_t step = 65536;
  for (;;) {
    if (out->length + 1 >= out->capacity) {
      size_t room = out->capacity == 0 ? expected + 2 : out->capacity * 2;
      char *grown = mem_grow(out->data, out->length, room > step ? room : step, 1);
      if (grown == NULL) return error_no_memory(err, "room for a file");
      out->data = grown;
      out->capacity = room > step ? room : step;
    }
    ssize_t got = read(fd, out->data + out->length, out->capacity - out->length - 1);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return error_system(err, DWELL_BAD_INPUT, "read", path);
    if (got == 0) return DWELL_OK;
    out->length += (size_t)got;
    if (out->length > most) return too_large(path, most, err);
  }
}

dwell_status file_slurp(const char *path, size_t most, char **ret_data, size_t *ret_size, dwell_error *err) {
  strbuf text = {0};
  struct stat info;
  dwell_status status = DWELL_OK;
  *ret_data = NULL;
  *ret_size = 0;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || fstat(fd, &info) != 0) {
    status = error_system(err, DWELL_BAD_INPUT, "open", path);
    goto done;
  }
  size_t expected = S_ISREG(info.st_mode) && info.st_size > 0 ? (size_t)info.st_size : 0;
  if (expected > most) TRY(too_large(path, most, err));
  TRY(read_all(fd, path, expected, most, &text, err));
  text.data[text.length] = '\0';
  *ret_data = text.data;
  *ret_size = text.length;
done:
  if (fd >= 0) close(fd);
  if (status != DWELL_OK) mem_free(text.data);
  return status;
}
