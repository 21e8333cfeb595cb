/* measure/detected.h - what the detectors found in one replica: between the nulls and the tables. */
#ifndef DWELL_MEASURE_DETECTED_H
#define DWELL_MEASURE_DETECTED_H

#include "detect/detect.h"
#include "file/jwriter.h"
#include "measure/measurement.h"

enum { DETECTED_ENERGIES = 8, TRACK_KINDS = 5 };

/* One energy of the table along the states. */
typedef struct detected_energy {
  char column[64];        /* "energy_b1" */
  double beta;            /* of it; NaN if not known */
  double *energy, *floor; /* [states] */
  energy_path path;
  energy_parts *parts; /* [states - 1], of the steps that fall; NULL: not looked at (flows: particles have no names) */
} detected_energy;

/* Plateaus of a number of each state; never structure by themselves. */
typedef struct detected_scalar {
  const char *column;
  size_t interior; /* of them between faster steps */
  size_t longest;
  value p;
} detected_scalar;

enum { DETECTED_SCALARS = 3 };

typedef struct detected {
  size_t replica, first, states; /* frames first .. first + states - 1 */
  double *log_time;              /* [states] ln t of flows, ln of the number of blocks passed of models */
  double *log_tau;               /* [states] ln of the cumulated mean angle, or NULL: not measured */

  plan_set set;            /* whose clusters: first occurrences where they are measured */
  const char *no_clusters; /* why there are none to follow, or NULL; then: */
  double *cluster_p;       /* [states] NaN: no null there */
  double *cluster_count;   /* [states] */
  int32_t *labels;         /* [states, n] of the states where clusters are significant, else -1 */
  size_t significant;      /* such states */
  max_t any;
  tracking tracks;
  value lifespan;
  const char *no_track_null; /* or NULL; then by track_kind, of its number of events: */
  double track_null_mean[TRACK_KINDS], track_p[TRACK_KINDS];

  const char *no_plateaus;                           /* or NULL; then: */
  plateaus plateaus, plateaus_third, plateaus_fifth; /* slow: 1/4, 1/3 and 1/5 of the mean change */
  detected_scalar scalars[DETECTED_SCALARS];         /* what was measured of mass90_centred, cluster_T, energies */
  size_t scalar_count;

  detected_energy energies[DETECTED_ENERGIES];
  size_t energy_count;

  const char *no_stairs; /* or NULL; then: */
  staircase stairs;

  size_t partition; /* state whose groups are looked at, SIZE_MAX: no formation */
  double *within, *between;
  two_timescales in_time, in_tau;

  const char *no_collapse; /* or NULL; then: */
  collapse collapse;
} detected;

/* Runs the detectors on what was measured of a replica; then looks at some states again for what needs their cosines.
 * Release with detected_free, also after an error. */
dwell_status detected_make(const measurement *s, size_t replica, detected *ret, dwell_error *err); /* detected.c */
dwell_status detected_look_again(const measurement *s, detected *d, dwell_error *err);             /* revisit.c */
void detected_free(detected *d);

/* Number of events of a kind. */
size_t detected_events(const tracking *t, track_kind kind);
/* The same numbers in the surrogates, which share their randomness over the states (surrogate_tracks.c); the slot is
 * that of cluster_T. */
dwell_status detected_track_null(const measurement *s, detected *d, size_t slot, dwell_error *err);

/* Did both clusters of a merge live for two states or more? Others are read with care (instruments.md 6.2). */
bool detected_lasting_merge(const detected *d, const track_event *e);

/* Its part of run.json, as one object (events_json.c). */
void detected_write(const measurement *s, const detected *d, jwriter *w);

#endif
