/* detect/detect.h - what happens along the states: pure functions over small arrays that were measured before (series,
 * labels, cosines). No files, no state; randomness by a seed that is passed. One file and one line in registry.c each.
 *
 * Times are passed as logarithms: those of flows with large beta fit no double. t = 0 is -INFINITY. A number that is
 * not finite where none may be is DWELL_BAD_INPUT. */
#ifndef DWELL_DETECT_DETECT_H
#define DWELL_DETECT_DETECT_H

#include "instrument/instrument.h"

/* ---- the registry ---- */

typedef struct detector {
  const char *name, *summary, *source;
  const char *reads;          /* what it looks at, one line */
  const char *kinds;          /* of its rows in events.csv, with commas; "" if none */
  const char *false_positive; /* its rate where there is nothing to find, one line */
  const char *rate_of; /* what measures that rate: "make calibrate", or "no test" where there is none */
} detector;

const detector *const *detector_registry(size_t *ret_count);

/* ---- identities of clusters (tracking.c) ---- */

typedef enum track_kind { TRACK_BIRTH, TRACK_DEATH, TRACK_MERGE, TRACK_SPLIT, TRACK_RESUME } track_kind;
const char *track_kind_name(track_kind kind);

typedef struct track_event {
  size_t state; /* birth, split, resume: the first state with it; death, merge: the first state without it */
  track_kind kind;
  int32_t id;    /* whom it happens to */
  int32_t other; /* merge: into whom; split: from whom; else == id */
} track_event;

/* Lifespan: last - born + 1 states. born == 0: seen from the start only (left-censored); last == the last state: its
 * end was not seen (right-censored). */
typedef struct track_life {
  size_t born, last;
} track_life;

typedef struct tracking {
  size_t states, n;
  int32_t *ids;        /* [states, n]; -1: in no cluster */
  track_event *events; /* by state */
  size_t event_count;
  track_life *lives; /* [life_count], by identity */
  size_t life_count;
} tracking;

/* labels [states, n]: clusters of each state, -1 unassigned. Label numbers mean nothing across states. Release with
 * tracking_free, also after an error. */
dwell_status detect_tracking(const int32_t *labels, size_t states, size_t n, tracking *ret_tracking, dwell_error *err);
void tracking_free(tracking *t);

/* Kaplan-Meier median of the lifespans in states (Kaplan and Meier 1958), of the identities whose birth was seen.
 * Undefined if there are none ("no births seen") or more than half of them outlive the series ("censored"). */
dwell_status detect_lifespan(const tracking *t, value *ret_median, dwell_error *err);

/* ---- plateaus (plateaus.c) ---- */

typedef enum plateau_kind { PLATEAU_INTERIOR, PLATEAU_INITIAL, PLATEAU_TERMINAL, PLATEAU_ALL } plateau_kind;
const char *plateau_kind_name(plateau_kind kind);

/* What is known beside the changes. Any may be NULL: not known, and then no plateau counts as structure. NaN:
 * undefined there. */
typedef struct plateau_evidence {
  const double *cluster_p;   /* [steps + 1] p of the cluster test */
  const double *clusters;    /* [steps + 1] number of clusters */
  const double *ip_mean;     /* [steps + 1] mean raw cosine */
  const double *angle_max;   /* [steps] largest angle a token moves, rad */
  const double *update_norm; /* [steps] |x' - x| / |x| of a typical token */
} plateau_evidence;

typedef struct plateau {
  size_t first, last; /* slow steps; it covers the states first .. last + 1 */
  plateau_kind kind;
  const char *trivial; /* NULL: clusters stayed while everything else could have moved; else why not */
} plateau;

typedef struct plateaus {
  plateau *items;
  size_t count;
  size_t longest; /* longest run of slow steps between faster ones, of one step or more */
  value p;        /* of `longest`, by permuting the steps (null N7) */
} plateaus;

typedef struct plateau_setting {
  double slow; /* a step is slow if its change is at most this share of the mean */
  size_t draws;
  uint64_t seed;
  uint32_t replica;
} plateau_setting;

#define PLATEAU_SETTING ((plateau_setting){.slow = 0.25, .draws = 999})

/* changes [steps], >= 0. Fewer than 4 steps, or no change at all: no plateaus and no p. Release with plateaus_free,
 * also after an error. */
dwell_status detect_plateaus(const double *changes, size_t steps, const plateau_evidence *opt_evidence,
                             const plateau_setting *setting, plateaus *ret_plateaus, dwell_error *err);
/* The same of the absolute differences of a scalar series values [steps + 1]. Never structure by itself. */
dwell_status detect_plateaus_scalar(const double *values, size_t steps, const plateau_setting *setting,
                                    plateaus *ret_plateaus, dwell_error *err);
void plateaus_free(plateaus *p);

/* ---- energy along the states (violations.c) ---- */

typedef struct energy_path {
  size_t steps, drops, below_floor; /* drops: falls beyond rounding; below_floor: steps within rounding */
  value index;                      /* sum of changes / sum of |changes|; 1: monotone up */
  size_t worst_step;                /* of the largest single fall, SIZE_MAX if none */
  double max_drop_rel;              /* that fall / range */
  double drawdown_rel;              /* largest fall to any later state / range */
  size_t peak, trough;              /* its two states, SIZE_MAX if none */
} energy_path;

/* energy, floor [states]: falls of at most the sum of the two states' floors are rounding and count as 0. */
dwell_status detect_violations(const double *energy, const double *floor, size_t states, energy_path *ret_path,
                               dwell_error *err);
/* Change of the energy over step b, 0 within rounding. */
double energy_step(const double *energy, const double *floor, size_t b);

/* Share of exact flows of temperature `own` whose energy at `beta` falls all the same (drawdown_rel > .05): SA, n = 32,
 * d = 3, by the next larger of the flows that were measured (1, 4, 9, 20; docs/TRUST.md). own NaN, not known, or beyond
 * 20: the largest share. Undefined: beta is none of 0.1, 1, 2, 5 ("not measured"), or own < 0 ("beta < 0"). */
value detect_ideal_rate(double own, double beta);

typedef struct energy_pair {
  size_t i, j;   /* i < j */
  double change; /* its part of the energy's change */
} energy_pair;

enum { ENERGY_PAIRS = 10 };

/* What an energy change is made of. Undefined shares: what they need is not known, or the sum is no fall. */
typedef struct energy_parts {
  energy_pair worst[ENERGY_PAIRS]; /* the most negative pairs, worst first; ties: smaller i, then j */
  size_t count;                    /* fewer where fewer fall */
  value massive, special, same_id; /* share of the fall in pairs with a massive token, with a special one, of one id */
} energy_parts;

/* before, after: cosines [n,n] of the two states; massive, special [n], ids [n], each may be NULL. */
dwell_status detect_drop_pairs(size_t n, const double *before, const double *after, double beta,
                               const bool *opt_massive, const bool *opt_special, const int64_t *opt_ids,
                               energy_parts *ret_parts, dwell_error *err);

/* ---- time scales (timescales.c) ---- */

typedef struct stair {
  size_t level;               /* components */
  double log_enter, log_exit; /* ln t of the first states with at most so many, and with fewer */
  bool censored;              /* never left: log_exit is the last time, the ratio a lower bound */
} stair;

typedef struct staircase {
  stair *stairs; /* levels that last, by falling level */
  size_t count;
  double log_ratio; /* ln of the separation ratio, the largest exit / enter; 0 if no level lasts */
  size_t best;      /* index of that stair, SIZE_MAX if none */
} staircase;

/* counts [states]: connected components of G_ij > 0.999 (made non-increasing here); log_time [states], increasing.
 * Levels 2 .. floor(counts[0] / 2). Release with staircase_free, also after an error. */
dwell_status detect_staircase(const size_t *counts, const double *log_time, size_t states, staircase *ret_staircase,
                              dwell_error *err);
void staircase_free(staircase *s);

/* Means of 1 - G over the pairs within the groups of a partition and between them; pairs with an unassigned token
 * (-1) are left out. NaN if there is no such pair. */
void detect_within_between(size_t n, const double *cosines, const int32_t *labels, double *ret_within,
                           double *ret_between);

typedef struct two_timescales {
  value log_form, log_merge; /* ln of the first times that within and between halve */
  value log_ratio;           /* ln(merge / form); a lower bound if censored */
  bool censored;             /* between never halves */
} two_timescales;

/* within, between [states]; log_time [states], increasing. */
dwell_status detect_two_timescales(const double *within, const double *between, const double *log_time, size_t states,
                                   two_timescales *ret_scales, dwell_error *err);

/* ln of the first time a positive series is at most half its first value, linear in t and in the log of the value
 * between states. Undefined: it never is ("no halving"), or it starts at 0 or below. */
value detect_halving(const double *values, const double *log_time, size_t states);

/* ---- collapse (collapse.c) ---- */

typedef struct collapse {
  value rate;                                    /* mean per unit time of -d ln(1 - ip_mean) */
  value half_time;                               /* first time 1 - ip_mean halves */
  value fit_rate, fit_se, fit_r2, fit_half_life; /* least squares of ln(1 - ip_mean) on time */
} collapse;

/* ip_mean [states], raw; log_time [states], increasing. */
dwell_status detect_collapse(const double *ip_mean, const double *log_time, size_t states, collapse *ret_collapse,
                             dwell_error *err);

/* The rate alone, per state. */
value detect_collapse_rate(const double *ip_mean, size_t states);

/* ---- the cluster test over all states (max_t.c) ---- */

typedef struct max_t {
  value p;     /* p_any_state */
  size_t best; /* state of the largest z, SIZE_MAX if none */
} max_t;

/* observed [states]; drawn [draws, states], one row per draw that is shared by all states; NaN: no null at that state.
 * opt_z [states] gets the z-scores, NaN where there is none. */
dwell_status detect_max_t(const double *observed, const double *drawn, size_t draws, size_t states, double *opt_z,
                          max_t *ret_max, dwell_error *err);

#endif
