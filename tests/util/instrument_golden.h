/* tests/util/instrument_golden.h - reads tests/golden/instruments (README there): states and attention from the npz,
 * expected values from the json. */
#ifndef DWELL_TESTS_INSTRUMENT_GOLDEN_H
#define DWELL_TESTS_INSTRUMENT_GOLDEN_H

#include <jansson.h>
#include <math.h>
#include <stdlib.h>

#include "file/npy.h"
#include "geometry/geometry.h"
#include "geometry/selection.h"
#include "util/testing.h"

typedef struct golden {
  json_t *json;
  size_t states, blocks, heads, n, d; /* heads 0: no attention */
  double *x;                          /* [states,n,d] */
  double *attention;                  /* [blocks,heads,n,n] */
  double *phases;                     /* [phase_draws,phase_columns] or NULL */
  size_t phase_draws, phase_columns;
  bool *keep;
  int64_t *ids;
  bool causal;
  selection selected;
} golden;

/* A whole member as doubles, or NULL if it is not there. */
static inline double *golden_member(npz *z, const char *name, const npy_header **ret_header) {
  dwell_error err;
  size_t index;
  if (!npz_find(z, name, &index)) return NULL;
  *ret_header = npz_header(z, index);
  double *values = malloc((*ret_header)->count * sizeof *values + 8);
  assert_non_null(values);
  assert_ok(npz_read_f64(z, index, 0, (*ret_header)->count, values, &err), &err);
  return values;
}

static inline void golden_select(golden *g) {
  dwell_error err;
  double *norms = malloc(g->states * g->n * sizeof *norms);
  for (size_t i = 0; i < g->states * g->n; i++) {
    double square = 0;
    for (size_t k = 0; k < g->d; k++) square += g->x[i * g->d + k] * g->x[i * g->d + k];
    norms[i] = sqrt(square);
  }
  dwell_trajectory t = {.kind = "import", .n = g->n, .causal = g->causal, .keep = g->keep, .token_ids = g->ids};
  assert_ok(selection_decide(&t, g->states, norms, true, &g->selected, &err), &err);
  free(norms);
}

static inline golden golden_open(const char *name) {
  golden g = {0};
  dwell_error err;
  json_error_t problem;
  npz *z;
  const npy_header *h = NULL;
  g.json = json_load_file(testing_source(testing_format("tests/golden/instruments/%s.json", name)), 0, &problem);
  if (g.json == NULL) fail_msg("%s.json: %s", name, problem.text);
  assert_ok(npz_open(testing_source(testing_format("tests/golden/instruments/%s.npz", name)), &z, &err), &err);
  g.x = golden_member(z, "states", &h);
  g.states = h->shape[0], g.n = h->shape[1], g.d = h->shape[2];
  g.attention = golden_member(z, "attention", &h);
  if (g.attention != NULL) g.blocks = h->shape[0], g.heads = h->shape[1];
  g.phases = golden_member(z, "phases", &h);
  if (g.phases != NULL) g.phase_draws = h->shape[0], g.phase_columns = h->shape[1];
  double *causal = golden_member(z, "causal", &h), *keep = golden_member(z, "keep", &h);
  double *ids = golden_member(z, "token_ids", &h);
  g.causal = causal != NULL && causal[0] != 0;
  if (keep != NULL) g.keep = malloc(g.n * sizeof *g.keep);
  for (size_t i = 0; keep != NULL && i < g.n; i++) g.keep[i] = keep[i] != 0;
  if (ids != NULL) g.ids = malloc(g.n * sizeof *g.ids);
  for (size_t i = 0; ids != NULL && i < g.n; i++) g.ids[i] = (int64_t)ids[i];
  free(causal), free(keep), free(ids);
  npz_close(z);
  golden_select(&g);
  return g;
}

static inline void golden_close(golden *g) {
  json_decref(g->json);
  free(g->x), free(g->attention), free(g->phases), free(g->keep), free(g->ids);
  selection_free(&g->selected);
}

/* State l under the selection of kept tokens or of types. */
static inline geometry *golden_geometry(const golden *g, size_t l, bool types) {
  dwell_error err;
  geometry *ret;
  const size_t *rows = types ? g->selected.types : g->selected.all;
  size_t count = types ? g->selected.types_count : g->selected.all_count;
  assert_ok(geometry_create(g->x + l * g->n * g->d, g->d, rows, count, &ret, &err), &err);
  return ret;
}

/* A member, or an element of an array member; fails the test if it is not there. */
static inline json_t *golden_key(json_t *json, const char *key) {
  json_t *found = json_object_get(json, key);
  if (found == NULL) fail_msg("the golden has no \"%s\"", key);
  return found;
}
static inline json_t *golden_item(json_t *json, const char *key, size_t index) {
  json_t *found = json_array_get(golden_key(json, key), index);
  if (found == NULL) fail_msg("the golden has no %s[%zu]", key, index);
  return found;
}

#endif
