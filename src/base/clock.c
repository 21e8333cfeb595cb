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

/* The number in a file of a control group, UINT64_MAX if there is none ("max"). */
static uint64_t group_bytes(const char *group, const char *file) {
  char path[4200];
  uint64_t bytes = UINT64_MAX;
  if ((size_t)snprintf(path, sizeof path, "/sys/fs/cgroup%s/%s", group, file) >= sizeof path) return bytes;
  FILE *stream = fopen(path, "r");
  if (stream == NULL) return bytes;
  if (fscanf(stream, "%" SCNu64, &bytes) != 1) bytes = UINT64_MAX;
  fclose(stream);
  return bytes;
}

/* The least limit of this process's group and of all above it (version 2 of control groups; version 1: the root's). */
static uint64_t least_group_bytes(void) {
  char group[4096] = "", line[4096];
  uint64_t least = group_bytes("/memory", "memory.limit_in_bytes");
  FILE *stream = fopen("/proc/self/cgroup", "r");
  while (stream != NULL && fgets(line, sizeof line, stream) != NULL) {
    line[strcspn(line, "\n")] = '\0';
    if (strncmp(line, "0::", 3) == 0) snprintf(group, sizeof group, "%s", line + 3);
  }
  if (stream != NULL) fclose(stream);
  for (;;) {
    uint64_t bytes = group_bytes(group, "memory.max");
    char *end = strrchr(group, '/');
    if (bytes < least) least = bytes;
    if (end == NULL) return least;
    *end = '\0';
  }
}

uint64_t clock_system_bytes(void) {
  long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
  uint64_t bytes = pages > 0 && size > 0 ? (uint64_t)pages * (uint64_t)size : 0, group = least_group_bytes();
  return group < bytes ? group : bytes;
}
