/* base/clock.c - what a run cost. */
#define _POSIX_C_SOURCE 200809L
#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

double clock_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* VmHWM and not getrusage's ru_maxrss: the latter survives exec, so that a child of a large process (a Python script,
 * say) would report its parent's peak. */
uint64_t clock_peak_bytes(void) {
  FILE *stream = fopen("/proc/self/status", "r");
  uint64_t kilobytes = 0;
  char line[256];
  if (stream == NULL) return 0;
  while (fgets(line, sizeof line, stream) != NULL && sscanf(line, "VmHWM: %" SCNu64, &kilobytes) != 1) {}
  fclose(stream);
  return kilobytes * 1024;
}
