/* figure/diagram.c - rows of phase diagrams by systems side by side. */
#include "figure/diagram.h"

#include <math.h>

#include "base/error.h"
#include "base/mem.h"
#include "flow/batch.h"
#include "flow/starts.h"

/* T(.999) is then right to 1e-4 of itself (tests/flow/test_batch.c): errors of the beginning grow on the way through
 * saddles, which is why the tolerance is a hundred times smaller. */
static const double rtol = 3e-6, merge = 1e-4, level = 0.999;

enum { PAIRS = DIAGRAM_TOKENS * (DIAGRAM_TOKENS - 1) / 2, SEED = 2312 };

typedef struct diagram {
  starts starts;
  double beta, until;
  double *change; /* [DIAGRAM_COLUMNS + 1] of the number of pairs, before each column's middle */
  double *above;  /* [starts] */
  double *half;   /* [starts] */
} diagram;

static dwell_status start(void *self, size_t system, double *ret_x, double *ret_beta, dwell_error *err) {
  const diagram *g = self;
  *ret_beta = g->beta;
  return starts_make(&g->starts, SEED, (uint32_t)system, ret_x, err);
}

static void crossing(void *self, size_t system, double t, double pairs) {
  diagram *g = self;
  double column = ceil(t / g->until * DIAGRAM_COLUMNS - 0.5);
  g->change[column < 0 ? 0 : column > DIAGRAM_COLUMNS ? DIAGRAM_COLUMNS : (size_t)column] += pairs;
  g->above[system] += pairs;
  if (g->above[system] >= PAIRS / 2.0 && isnan(g->half[system])) g->half[system] = t;
}

static void conclude(const diagram *g, size_t count, diagram_row *ret_row) {
  double sum = 0, missing = 0, pairs = 0;
  for (size_t s = 0; s < count; s++) {
    if (isnan(g->half[s])) missing++;
    else sum += g->half[s];
  }
  for (size_t c = 0; c < DIAGRAM_COLUMNS; c++) {
    pairs += g->change[c];
    ret_row->share[c] = pairs / (PAIRS * (double)count);
  }
  ret_row->never = missing / (double)count;
  ret_row->half = missing < (double)count ? sum / ((double)count - missing) : 0;
}

dwell_status diagram_compute(const dwell_context *opt_ctx, size_t d, double beta, size_t count, double until,
                             diagram_row *ret_row, dwell_error *err) {
  dwell_status status = DWELL_OK;
  diagram g = {.beta = beta, .until = until};
  batch_host host = {start, crossing, &g};
  g.change = MEM_ZERO(double, DIAGRAM_COLUMNS + 1);
  g.above = MEM_ZERO(double, count);
  g.half = MEM_NEW(double, count);
  if (g.change == NULL || g.above == NULL || g.half == NULL) TRY_ALLOC(NULL, "a phase diagram");
  for (size_t s = 0; s < count; s++) g.half[s] = NAN;
  TRY(starts_open("uniform", DIAGRAM_TOKENS, d, &g.starts, err));
  if (d > DIAGRAM_TOKENS) TRY(starts_reduce(&g.starts, err));
  batch_options options = {DIAGRAM_TOKENS, g.starts.d, until, level, rtol, merge, NULL};
  TRY(batch_run(&options, count, &host, opt_ctx, NULL, err));
  conclude(&g, count, ret_row);
done:
  starts_close(&g.starts);
  mem_free(g.change);
  mem_free(g.above);
  mem_free(g.half);
  return status;
}
