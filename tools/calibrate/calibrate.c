/* tools/calibrate/calibrate.c - the tables of docs/TRUST.md that hold rates: `make calibrate`.
 *
 * usage: calibrate [PART...] [-t THREADS] [-o FILE] [-v]
 * Without parts: all. Each prints a table in Markdown; our rate first, that of the specification in brackets.
 * -o: where the parts that take long keep each study, and go on; -v: how far they are, also without a terminal. */
#include "calibrate.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"

static const calibration_part *const parts[] = {
    &calibrate_clouds,   &calibrate_groups,   &calibrate_networks,      &calibrate_flows, &calibrate_energies,
    &calibrate_heads,    &calibrate_verdicts, &calibrate_intervals,     &calibrate_rule,  &calibrate_trends,
    &calibrate_plateaus, &calibrate_margin,   &calibrate_interventions, &calibrate_sizes, &calibrate_trained,
    &calibrate_release,  &calibrate_nightly};
enum { PARTS = sizeof parts / sizeof parts[0] };

static double variance(double rate, size_t runs) {
  return runs == 0 ? 0 : fmax(rate * (1 - rate), 0.5 / (double)runs) / (double)runs; /* never 0: one more run may hit */
}

void print_rate(size_t hits, size_t runs, double published, size_t published_runs) {
  double rate = (double)hits / (double)runs;
  printf(" %.3f", rate);
  if (isnan(published)) {
    printf(" |");
    return;
  }
  double error = sqrt(variance(rate, runs) + variance(published, published_runs));
  printf(" [%.2f]%s |", published, fabs(rate - published) > 3 * error ? " !" : "");
}

/* ---- how far ---- */

typedef struct progress {
  char stage[40];
  double began, before; /* when the stage was first heard of, and what was done then */
  bool terminal;
} progress;

static void show_progress(void *self, const char *stage, double done, double total) {
  progress *p = self;
  double now = clock_seconds();
  if (strcmp(p->stage, stage) != 0) {
    snprintf(p->stage, sizeof p->stage, "%s", stage);
    p->began = now, p->before = done;
  }
  fprintf(stderr, "%s%s: %.0f of %.0f", p->terminal ? "\r\033[K" : "", stage, done, total);
  if (done > p->before && done < total) {
    double each = (now - p->began) / (done - p->before), left = each * (total - done);
    fprintf(stderr, ", %.1f s each, %d:%02d left", each, (int)left / 60, (int)left % 60);
  }
  if (!p->terminal || done >= total) fputc('\n', stderr);
}

/* ---- parts ---- */

typedef struct request {
  const char *file;
  bool tells;
  int threads; /* 0: as many as there are processors */
  int names, named[64];
} request;

static bool parse(int argc, char **argv, request *q) {
  for (int i = 1; i < argc; i++) {
    bool more = i + 1 < argc;
    if (strcmp(argv[i], "-t") == 0 && more) q->threads = atoi(argv[++i]);
    else if (strcmp(argv[i], "-o") == 0 && more) q->file = argv[++i];
    else if (strcmp(argv[i], "-v") == 0) q->tells = true;
    else if (argv[i][0] == '-' || q->names == 64) return false;
    else q->named[q->names++] = i;
  }
  return true;
}

static bool wanted(const request *q, char **argv, const calibration_part *part) {
  for (int k = 0; k < q->names; k++) {
    if (strcmp(argv[q->named[k]], part->name) == 0) return true;
  }
  return q->names == 0 && part->run_kept == NULL;
}

static dwell_status run_part(const dwell_context *ctx, const request *q, const calibration_part *part,
                             dwell_error *err) {
  double started = clock_seconds();
  progress p = {.terminal = isatty(STDERR_FILENO)};
  dwell_context tells = *ctx;
  tells.self = &p, tells.progress = q->tells || p.terminal ? show_progress : NULL;
  printf("\n### %s\n\n", part->summary);
  dwell_status status = part->run_kept != NULL ? part->run_kept(&tells, q->file, err) : part->run(ctx, err);
  fprintf(stderr, "%s: %.0f s\n", part->name, clock_seconds() - started);
  fflush(stdout);
  return status;
}

int main(int argc, char **argv) {
  dwell_context ctx = dwell_context_default();
  dwell_error err;
  request q = {0};
  if (!parse(argc, argv, &q)) {
    fprintf(stderr, "usage: calibrate [PART...] [-t THREADS] [-o FILE] [-v]\n");
    return 2;
  }
  mem_keep_freed();
  if (q.threads > 0) ctx.threads = q.threads;
  for (size_t k = 0; k < PARTS; k++) {
    char text[1600];
    if (!wanted(&q, argv, parts[k]) || run_part(&ctx, &q, parts[k], &err) == DWELL_OK) continue;
    fprintf(stderr, "calibrate %s: %s\n", parts[k]->name, dwell_error_text(&err, text, sizeof text));
    return 1;
  }
  return 0;
}
