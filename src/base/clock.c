/* base/clock.c - what a run cost. */
#define _DEFAULT_SOURCE /* _SC_PHYS_PAGES */
#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

double clock_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* A line "NAME: number kB" of /proc/self/status, in bytes. */
static uint64_t status_bytes(const char *name) {
  FILE *stream = fopen("/proc/self/status", "r");
  uint64_t kilobytes = 0;
  size_t length = strlen(name);
  char line[256];
  if (stream == NULL) return 0;
  while (fgets(line, sizeof line, stream) != NULL) {
    if (strncmp(line, name, length) == 0 && sscanf(line + length, ": %" SCNu64, &kilobytes) == 1) break;
  }
  fclose(stream);
  return kilobytes * 1024;
}

/* VmHWM and not getrusage's ru_maxrss: the latter survives exec, so that a child of a large process (a Python script,
 * say) would report its parent's peak. */
uint64_t clock_peak_bytes(void) { return status_bytes("VmHWM"); }

uint64_t clock_resident_bytes(void) { return status_bytes("VmRSS"); }

/* The number in a file of the control group, UINT64_MAX if there is none ("max"). */
static uint64_t group_bytes(const char *path) {
  FILE *stream = fopen(path, "r");
  uint64_t bytes = UINT64_MAX;
  if (stream == NULL) return bytes;
  if (fscanf(stream, "%" SCNu64, &bytes) != 1) bytes = UINT64_MAX;
  fclose(stream);
  return bytes;
}

uint64_t clock_system_bytes(void) {
  static const char *const limits[] = {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"};
  long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
  uint64_t bytes = pages > 0 && size > 0 ? (uint64_t)pages * (uint64_t)size : 0;
  for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
    uint64_t limit = group_bytes(limits[i]);
    if (limit < bytes) bytes = limit;
  }
  return bytes;
}
