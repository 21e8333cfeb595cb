/* report/groups.h - the clusters of a run's first replica by identity: what several figures colour tokens by. */
#ifndef DWELL_REPORT_GROUPS_H
#define DWELL_REPORT_GROUPS_H

#include "draw/colour.h"
#include "report/view.h"

enum { GROUPS_COLOURS = COLOUR_CATEGORIES - 1 }; /* the last one, grey, would look like no cluster */

typedef struct groups {
  size_t states, n; /* 0 states: no clusters were measured */
  int32_t *labels;  /* [states, n] as in arrays.npz, -1: in none */
  double *keep;     /* [n] > 0: measured. NULL: not known */
  int32_t *ids;     /* [states, n] the same by identity: a cluster keeps its colour while it keeps its identity */
  size_t identities;
  uint8_t *colours; /* [identities] 0..GROUPS_COLOURS-1; those that live at one time differ while colours last */
  size_t shown;     /* tokens measured */
  bool any;         /* is any token in a cluster? */
} groups;

/* Close it also after an error. */
dwell_status groups_open(const view *v, groups *ret_groups, dwell_error *err);
void groups_close(groups *g);

/* Identity of a token at a state, -1: in no cluster. */
static inline int32_t groups_identity(const groups *g, size_t state, size_t token) {
  return state < g->states && token < g->n ? g->ids[state * g->n + token] : -1;
}

/* Its colour, -1: in no cluster. */
static inline int groups_colour(const groups *g, int32_t id) {
  return id >= 0 && (size_t)id < g->identities ? g->colours[id] : -1;
}

/* Are the clusters of a state more than chance gives (cluster_T_p <= .05)? */
bool groups_stand_out(const view *v, size_t state);

#endif
