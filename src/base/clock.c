/* base/clock.c - what a run cost. */
#define _POSIX_C_SOURCE 200809L
#include "base/clock.h"

#include <sys/resource.h>
#include <time.h>

double clock_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

uint64_t clock_peak_bytes(void) {
  struct rusage usage;
  if (getrusage(RUSAGE_SELF, &usage) != 0) return 0;
  return (uint64_t)usage.ru_maxrss * 1024; /* Linux counts in kilobytes */
}
