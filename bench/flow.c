/* bench/flow.c - times one evaluation of the sa velocity.
 *
 * usage: bench_flow TOKENS VELOCITIES N D BETA THREADS SECONDS
 * Reads N x D doubles (unit rows) from TOKENS, evaluates for about SECONDS, writes the velocities to VELOCITIES and
 * prints the best and the median wall time in seconds. bench/flow.py drives it against numpy. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "flow/field.h"

enum { MAX_RUNS = 10000 };

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static int transfer(const char *path, const char *mode, double *data, size_t count) {
  FILE *file = fopen(path, mode);
  if (file == NULL) return 0;
  size_t done = mode[0] == 'r' ? fread(data, sizeof *data, count, file) : fwrite(data, sizeof *data, count, file);
  return fclose(file) == 0 && done == count;
}

/* Best and median of as many evaluations as fit into `seconds`, at least three. */
static dwell_status measure(field *f, const double *x, double *v, double seconds, double *best, double *median,
                            dwell_error *err) {
  static double times[MAX_RUNS];
  field_facts facts;
  size_t runs = 0;
  double begin = clock_seconds();
  while (runs < MAX_RUNS && (runs < 3 || clock_seconds() - begin < seconds)) {
    double t = clock_seconds();
    dwell_status status = field_velocity(f, x, v, &facts, err);
    if (status != DWELL_OK) return status;
    times[runs++] = clock_seconds() - t;
  }
  qsort(times, runs, sizeof *times, ascending);
  *best = times[0];
  *median = times[runs / 2];
  return DWELL_OK;
}

int main(int count, char **words) {
  if (count != 8) return fprintf(stderr, "usage: bench_flow TOKENS VELOCITIES N D BETA THREADS SECONDS\n"), 2;
  size_t n = strtoul(words[3], NULL, 10), d = strtoul(words[4], NULL, 10);
  double *x = malloc(n * d * sizeof(double)), *v = malloc(n * d * sizeof(double)), *masses = malloc(n * sizeof(double));
  if (x == NULL || v == NULL || masses == NULL || !transfer(words[1], "rb", x, n * d)) return 3;
  for (size_t i = 0; i < n; i++) masses[i] = 1 / (double)n;
  dwell_context ctx = {.threads = atoi(words[6])};
  flow_system system = {n, d, strtod(words[5], NULL), masses, false};
  field f;
  dwell_error err;
  double best = 0, median = 0;
  if (field_create(flow_find("sa"), &system, &ctx, &f, &err) != DWELL_OK) return 1;
  dwell_status status = measure(&f, x, v, strtod(words[7], NULL), &best, &median, &err);
  field_destroy(&f);
  printf("%.9g %.9g\n", best, median);
  int written = transfer(words[2], "wb", v, n * d);
  free(x);
  free(v);
  free(masses);
  return status != DWELL_OK || !written;
}
