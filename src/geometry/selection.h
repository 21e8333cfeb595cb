/* geometry/selection.h - which tokens are measured; decided once per trajectory (instruments.md 1.1). */
#ifndef DWELL_GEOMETRY_SELECTION_H
#define DWELL_GEOMETRY_SELECTION_H

#include <dwell/trajectory.h>

typedef struct selection {
  bool *keep;                 /* [n] of the trajectory */
  size_t *all;                /* indices of kept tokens */
  size_t all_count;
  size_t *types;              /* kept tokens that are the first occurrence of their id; == all without ids */
  size_t types_count;
  bool *massive;              /* [n] rule 3 is about it, dropped or not */
  size_t dropped_special, dropped_first, dropped_massive, dropped_zero, dropped_given; /* counts per reason */
} selection;

/* norms: [frames * n] of every state of every replica. drop_special: rules 1-3 of instruments.md 1.1 (special tokens,
 * position 0 of causal models, massive tokens); zero-norm tokens always go. A `keep` given by an import replaces rules
 * 1-3, whatever drop_special says. Particles (kind "flow") are never dropped, except zero norms. A token is counted
 * under the first rule that drops it. No token left: DWELL_BAD_INPUT. */
dwell_status selection_decide(const dwell_trajectory *t, size_t frames, const double *norms, bool drop_special,
                              selection *ret_selection, dwell_error *err);
void selection_free(selection *s);

#endif
