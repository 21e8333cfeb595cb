/* bench/flow.c - times one evaluation of the sa velocity.
 *
 * usage: bench_flow TOKENS VELOCITIES N D BETA THREADS SECONDS [f32]
 * Reads N x D doubles (unit rows) from TOKENS, evaluates for about SECONDS, writes the velocities to VELOCITIES and
 * prints the wall and processor seconds of each evaluation. bench/flow.py drives it against numpy. */
#define _POSIX_C_SOURCE 200809L /* clock_gettime */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "flow/field.h"

enum { MAX_RUNS = 10000 };

static int transfer(const char *path, const char *mode, double *data, size_t count) {
  FILE *file = fopen(path, mode);
  if (file == NULL) return 0;
  size_t done = mode[0] == 'r' ? fread(data, sizeof *data, count, file) : fwrite(data, sizeof *data, count, file);
  return fclose(file) == 0 && done == count;
}

/* Seconds of all threads of this program together. */
static double processor_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* As many evaluations as fit into `seconds`, at least three after one to warm up. */
static dwell_status measure(field *f, const double *x, double *v, double seconds, dwell_error *err) {
  static double wall[MAX_RUNS], processor[MAX_RUNS];
  field_facts facts;
  dwell_status status = field_velocity(f, x, v, &facts, err);
  size_t runs = 0;
  double begin = clock_seconds();
  while (status == DWELL_OK && runs < MAX_RUNS && (runs < 3 || clock_seconds() - begin < seconds)) {
    double start = clock_seconds(), used = processor_seconds();
    status = field_velocity(f, x, v, &facts, err);
    processor[runs] = processor_seconds() - used;
    wall[runs++] = clock_seconds() - start;
  }
  for (size_t r = 0; r < runs; r++) printf("%.9g %.9g\n", wall[r], processor[r]);
  return status;
}

int main(int count, char **words) {
  if (count < 8) return fprintf(stderr, "usage: bench_flow TOKENS VELOCITIES N D BETA THREADS SECONDS [f32]\n"), 2;
  size_t n = strtoul(words[3], NULL, 10), d = strtoul(words[4], NULL, 10);
  double *x = malloc(n * d * sizeof(double)), *v = malloc(n * d * sizeof(double)), *masses = malloc(n * sizeof(double));
  if (x == NULL || v == NULL || masses == NULL || !transfer(words[1], "rb", x, n * d)) return 3;
  for (size_t i = 0; i < n; i++) masses[i] = 1 / (double)n;
  dwell_context ctx = {.threads = atoi(words[6])};
  flow_system system = {n, d, strtod(words[5], NULL), masses, false};
  system.single = count > 8;
  field f;
  dwell_error err;
  if (field_create(flow_find("sa"), &system, &ctx, &f, &err) != DWELL_OK) return 1;
  dwell_status status = measure(&f, x, v, strtod(words[7], NULL), &err);
  field_destroy(&f);
  int written = transfer(words[2], "wb", v, n * d);
  free(x);
  free(v);
  free(masses);
  return status != DWELL_OK || !written;
}
