/* instrument/components.c - into how many points have the tokens gathered? Connected components of the graph that joins
 * two tokens where their cosine is above 0.999: of a flow, the number of its clusters (tokens that met stay together).
 * In a trained network no cosine is special, and the number says little. */
#include <math.h>

#include "base/error.h"
#include "base/mem.h"
#include "instrument/instruments.h"

static const double JOINED = 0.999;

/* Disjoint sets, with paths halved on the way. */
static size_t root_of(size_t *parent, size_t i) {
  while (parent[i] != i) i = parent[i] = parent[parent[i]];
  return i;
}

static size_t count_components(size_t n, const double *cosines, size_t *parent) {
  size_t count = n;
  for (size_t i = 0; i < n; i++) parent[i] = i;
  for (size_t i = 0; i < n; i++) {
    for (size_t j = 0; j < i; j++) {
      if (!(cosines[i * n + j] > JOINED)) continue;
      size_t a = root_of(parent, i), b = root_of(parent, j);
      if (a == b) continue;
      parent[a > b ? a : b] = a > b ? b : a;
      count--;
    }
  }
  return count;
}

static dwell_status measure(geometry *g, representation r, const instrument_setting *s, value *ret_values,
                            dwell_error *err) {
  (void)s;
  dwell_status status = DWELL_OK;
  size_t n = geometry_n(g), *parent = MEM_NEW(size_t, n);
  const double *cosines;
  TRY_ALLOC(parent, "the components");
  TRY(geometry_cosines(g, r, &cosines, err));
  ret_values[0] = VALUE((double)count_components(n, cosines, parent));
done:
  mem_free(parent);
  return status;
}

static double flops(size_t n, size_t d) {
  (void)d;
  return (double)n * (double)n;
}

static const instrument_column columns[] = {
    {"components999", "1", 1, INFINITY, "connected components of the tokens with a cosine above 0.999"},
};

const instrument instrument_components = {
    .name = "components",
    .summary = "into how many points the tokens have gathered",
    .source = "docs/instruments.md 2; staircase: 6.5",
    .scope = PER_STATE,
    .in = IN_RAW,
    .columns = columns,
    .column_count = COUNT_OF(columns),
    .state = measure,
    .flops = flops,
};
