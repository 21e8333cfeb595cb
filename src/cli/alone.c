/* cli/alone.c - one process: dwell built without MPI. */
#include <stdlib.h>

#include "base/error.h"
#include "base/number.h"
#include "cli/ranks.h"

/* mpirun of an MPI that this program does not speak would start the same run several times in one folder. */
dwell_status ranks_begin(cli *c, dwell_error *err) {
  (void)c;
  const char *size = getenv("OMPI_COMM_WORLD_SIZE");
  int64_t count = 1;
  if (size == NULL || !number_parse_int(size, 1, INT32_MAX, &count) || count == 1) return DWELL_OK;
  error_set(err, DWELL_USAGE, "started as %lld processes, but this dwell was built without MPI", (long long)count);
  return error_remedy(err, "Build it with -Dmpi=enabled, or start it without mpirun");
}

dwell_status ranks_end_run(cli *c, dwell_status mine, dwell_error *err) {
  (void)c, (void)err;
  return mine;
}

dwell_status ranks_help(cli *c, dwell_source *source, dwell_error *err) {
  (void)c, (void)source, (void)err;
  return DWELL_OK;
}

dwell_status ranks_meet(dwell_status mine, dwell_error *err) {
  (void)err;
  return mine;
}

static size_t handed;

size_t ranks_next(size_t count) { return handed < count ? handed++ : count; }
void ranks_next_end(void) { handed = 0; }

void ranks_add(size_t count, size_t *numbers) { (void)count, (void)numbers; }

const char *ranks_library(void) { return NULL; }
