/* tests/fuzz/fuzz.h - what the harnesses share. A harness is one function that feeds bytes to a parser and aborts if a
 * promise of the parser is broken; libFuzzer calls it in a clang build (-Dfuzz=true), tests/file/test_replay.c calls it
 * on the committed corpus and on mutations of it in every build. */
#ifndef DWELL_TESTS_FUZZ_H
#define DWELL_TESTS_FUZZ_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* memfd_create */
#endif
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <dwell/status.h>

/* Aborts with the place: both libFuzzer and cmocka report that. */
#define FUZZ_CHECK(condition)                                                         \
  do {                                                                                \
    if (!(condition)) {                                                               \
      fprintf(stderr, "%s:%d: broken promise: %s\n", __FILE__, __LINE__, #condition); \
      abort();                                                                        \
    }                                                                                 \
  } while (0)

/* An error must say what it is, in its status as in its words. */
#define FUZZ_CHECK_STATUS(status, err)                                                        \
  FUZZ_CHECK((status) == DWELL_OK || ((err).status == (status) && (err).message[0] != '\0' && \
                                      ((status) == DWELL_BAD_INPUT || (status) == DWELL_UNSUPPORTED)))

/* The bytes as a file in memory; the path is valid until the next call. */
static inline const char *fuzz_file(const uint8_t *data, size_t size) {
  static int fd = -1;
  static char path[64];
  if (fd < 0) {
    fd = memfd_create("fuzz", MFD_CLOEXEC);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  }
  FUZZ_CHECK(fd >= 0 && ftruncate(fd, 0) == 0);
  FUZZ_CHECK(pwrite(fd, data, size, 0) == (ssize_t)size);
  return path;
}

#endif
