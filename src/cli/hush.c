/* cli/hush.c - words of several processes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/ranks.h"

void ranks_hush(void) {
  const char *rank = getenv("OMPI_COMM_WORLD_RANK") != NULL ? getenv("OMPI_COMM_WORLD_RANK") : getenv("PMI_RANK");
  if (rank == NULL || strcmp(rank, "0") == 0) return;
  if (freopen("/dev/null", "w", stderr) == NULL || freopen("/dev/null", "w", stdout) == NULL) return;
}
