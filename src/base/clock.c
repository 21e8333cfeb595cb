/* base/clock.c - what a run cost. */
#define _POSIX_C_SOURCE 200809L
#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

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
