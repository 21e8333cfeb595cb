/* null/null.h - null models: what chance would give. A null makes surrogate geometries; it knows no instrument. */
#ifndef DWELL_NULL_NULL_H
#define DWELL_NULL_NULL_H

#include <dwell/cloud.h>

#include "base/random.h"
#include "geometry/geometry.h"

/* What the draws of one trajectory share. */
typedef struct null_setting {
  uint64_t seed;
  size_t n;             /* tokens of the selection */
  bool ordered;         /* token order means something: phases; else rotations */
  const double *phases; /* [phase_draws, phase_columns] given with the data, or NULL */
  size_t phase_draws, phase_columns;
  void *tables; /* of null_model.open, or NULL: every draw makes its own */
} null_setting;

typedef struct null_model {
  const char *name, *summary, *source;
  const char *holds, *destroys; /* one line each */
  const char *how;              /* "in closed form", "sampled (--nulls DRAWS)", ... */
  /* Once per state, with the setting of the draws to come. ret_prepared NULL and *ret_reason set: no null for this
   * state ("few_tokens", "degenerate"). */
  dwell_status (*prepare)(const null_setting *setting, geometry *g, void **ret_prepared, const char **ret_reason,
                          dwell_error *err);
  void (*release)(void *prepared);
  /* A number the report prints about the fit (twin_err), NaN if none. */
  double (*fit_error)(const void *prepared);
  /* Once per setting: what all its draws need, into setting->tables by the caller; NULL where there is nothing. */
  dwell_status (*open)(const null_setting *setting, void **ret_tables, dwell_error *err);
  void (*close)(void *tables);
  /* Once per draw, shared by all states of the trajectory; then one surrogate per state. */
  dwell_status (*begin_draw)(const null_setting *setting, size_t draw, void **ret_draw, dwell_error *err);
  void (*end_draw)(void *draw);
  dwell_status (*surrogate)(const void *prepared, void *draw, geometry **ret_geometry, dwell_error *err);
  /* Nulls of attention heads have only this: surrogate number `draw` of a head [n,n] into ret_attention [n,n], the same
   * permutations for every head. */
  void (*permute_head)(uint64_t seed, size_t draw, size_t n, dwell_dtype dtype, bool causal, const void *attention,
                       void *ret_attention);
  double (*flops)(size_t n); /* per draw and state */
  /* Memory at most: of one prepared state, while preparing one (d dimensions), and for one draw with the cosines of one
   * surrogate. */
  uint64_t (*bytes)(size_t n);
  uint64_t (*prepare_bytes)(size_t n, size_t d);
  uint64_t (*draw_bytes)(size_t n);
} null_model;

const null_model *const *null_registry(size_t *ret_count);
const null_model *null_find(const char *name);

#endif
