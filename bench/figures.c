/* bench/figures.c - rows of phase diagrams and the staircase, for bench/figures.py.
 *
 * usage: figures diagram D BETA STARTS THREADS SECONDS     wall and processor seconds per start, a line per repeat
 *        figures staircase SECONDS                         the same for all six temperatures of the figure */
#define _POSIX_C_SOURCE 200809L /* clock_gettime */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/threads.h"
#include "figure/diagram.h"

enum { MOST_THREADS = 64 };

static double now(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

typedef struct job {
  size_t d, starts;
  double beta;
  diagram_row rows[MOST_THREADS];
  size_t parts; /* rows, one a thread, as the figure has them */
} job;

static dwell_status part(void *arg, size_t item, int worker, dwell_error *err) {
  (void)worker;
  job *j = arg;
  return diagram_compute(NULL, j->d, j->beta, j->starts / j->parts, 30, &j->rows[item], err);
}

static dwell_status diagram(void *arg, const dwell_context *ctx, dwell_error *err) {
  return threads_for(ctx, ((job *)arg)->parts, part, arg, err);
}

static dwell_status staircase(void *arg, const dwell_context *ctx, dwell_error *err) {
  (void)arg;
  figure_sheet s = {.ctx = ctx};
  dwell_status status = figure_make(figure_find("staircase"), &s, err);
  figure_sheet_clear(&s);
  return status;
}

static int repeat(dwell_status (*run)(void *, const dwell_context *, dwell_error *), void *arg, int threads,
                  double unit, double seconds) {
  dwell_context ctx = dwell_context_default();
  dwell_error err;
  ctx.threads = threads;
  if (run(arg, &ctx, &err) != DWELL_OK) return 1;
  for (double end = now(CLOCK_MONOTONIC) + seconds; now(CLOCK_MONOTONIC) < end;) {
    double wall = now(CLOCK_MONOTONIC), processor = now(CLOCK_PROCESS_CPUTIME_ID);
    if (run(arg, &ctx, &err) != DWELL_OK) return 1;
    printf("%.6f %.6f\n", (now(CLOCK_MONOTONIC) - wall) * unit, (now(CLOCK_PROCESS_CPUTIME_ID) - processor) * unit);
  }
  return 0;
}

int main(int argc, char **argv) {
  if (argc == 3) return repeat(staircase, NULL, 1, 1, atof(argv[2]));
  if (argc != 7) return 2;
  job *j = calloc(1, sizeof *j);
  if (j == NULL) return 1;
  j->d = (size_t)atoi(argv[2]);
  j->beta = atof(argv[3]);
  j->parts = (size_t)atoi(argv[5]);
  if (j->parts < 1 || j->parts > MOST_THREADS) return 2;
  j->starts = (size_t)atoi(argv[4]);
  int code = repeat(diagram, j, atoi(argv[5]), 1 / (double)j->starts, atof(argv[6]));
  free(j);
  return code;
}
