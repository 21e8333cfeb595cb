/* cli/hush.c - words of several processes. */
#define _DEFAULT_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/ranks.h"

/* mpirun ends all others as soon as one process leaves with a failure: the first must have time to say what it was.
 * It does not wait for it to the end: once the first has left, this one is ended too. */
static void leave_after_the_first(int code, void *unused) {
  (void)unused;
  if (code != 0) sleep(5);
}

void ranks_hush(void) {
  const char *rank = getenv("OMPI_COMM_WORLD_RANK") != NULL ? getenv("OMPI_COMM_WORLD_RANK") : getenv("PMI_RANK");
  if (rank == NULL || strcmp(rank, "0") == 0) return;
  on_exit(leave_after_the_first, NULL);
  if (freopen("/dev/null", "w", stderr) == NULL || freopen("/dev/null", "w", stdout) == NULL) return;
}
