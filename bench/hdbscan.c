/* bench/hdbscan.c - times HDBSCAN on a matrix of distances.
 *
 * usage: bench_hdbscan DISTANCES LABELS N SIZE SAMPLES SECONDS
 * Reads N x N doubles from DISTANCES, clusters them for about SECONDS, writes the labels
 * (32-bit integers) to LABELS and prints the wall and processor seconds of each run. bench/density.py drives it. */
#define _POSIX_C_SOURCE 200809L /* clock_gettime */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "geometry/hdbscan.h"

enum { MAX_RUNS = 10000 };

static double processor_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* As many runs as fit into `seconds`, at least three after one to warm up. */
static dwell_status measure(size_t n, const double *distances, const hdbscan_setting *s, double seconds,
                            int32_t *labels, dwell_error *err) {
  size_t found;
  dwell_status status = hdbscan(n, distances, s, labels, &found, err);
  double begin = clock_seconds();
  for (size_t runs = 0; status == DWELL_OK && runs < MAX_RUNS; runs++) {
    if (runs >= 3 && clock_seconds() - begin >= seconds) break;
    double start = clock_seconds(), used = processor_seconds();
    status = hdbscan(n, distances, s, labels, &found, err);
    used = processor_seconds() - used;
    printf("%.9g %.9g\n", clock_seconds() - start, used);
  }
  return status;
}

int main(int count, char **words) {
  if (count != 7) return fprintf(stderr, "usage: bench_hdbscan DISTANCES LABELS N SIZE SAMPLES SECONDS\n"), 2;
  size_t n = strtoul(words[3], NULL, 10);
  hdbscan_setting s = {HDBSCAN_DISTANCE, HDBSCAN_OTHERS, strtoul(words[4], NULL, 10), strtoul(words[5], NULL, 10)};
  double *distances = malloc(n * n * sizeof(double));
  int32_t *labels = malloc(n * sizeof *labels);
  if (distances == NULL || labels == NULL) return 3;
  FILE *in = fopen(words[1], "rb"), *out = fopen(words[2], "wb");
  if (in == NULL || out == NULL || fread(distances, sizeof(double), n * n, in) != n * n) return 3;
  dwell_error err;
  dwell_status status = measure(n, distances, &s, strtod(words[6], NULL), labels, &err);
  size_t written = fwrite(labels, sizeof *labels, n, out);
  fclose(in);
  if (fclose(out) != 0 || written != n) return 3;
  free(distances);
  free(labels);
  return status != DWELL_OK;
}
