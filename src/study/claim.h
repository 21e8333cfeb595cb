/* study/claim.h - claims: pure functions from numbers per prompt to a verdict. No files, no state, no models.
 *
 * A claim is one file and one line in registry.c: its name, which numbers it needs of each prompt, and decide(). The
 * numbers come from run directories (or from a simulation of them: tools/calibrate); the thresholds from
 * data/claims.json. Two stages, because how strong the evidence must be depends on how many claims are made:
 * claim.decide() tests one claim of one model, verdicts_settle() holds all of them against each other. */
#ifndef DWELL_STUDY_CLAIM_H
#define DWELL_STUDY_CLAIM_H

#include <dwell/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "study/interval.h"

/* ---- thresholds ---- */

typedef struct claim_threshold {
  const char *claim, *name; /* claim "all": of every claim that has none of this name */
  double value, flow;       /* in networks, in flows */
  double less, more;        /* of networks: what else is to be tried, NaN: nothing */
  const char *reason;
} claim_threshold;

typedef struct claim_thresholds {
  const claim_threshold *items;
  size_t count;
} claim_thresholds;

/* Those of data/claims.json as compiled in. */
claim_thresholds claim_thresholds_default(void);

/* ---- what is known ---- */

typedef enum claim_outcome { CLAIM_SUSPENDED, CLAIM_CONFIRMED, CLAIM_FALSIFIED } claim_outcome;
const char *claim_outcome_name(claim_outcome outcome); /* "SUSPENDED", ... */

/* One number that a claim needs of every prompt. Undefined numbers are NaN. */
typedef struct claim_need {
  const char *name, *meaning;
  bool of_controls; /* needed of every control run too */
} claim_need;

/* The numbers of one model (or flow): prompts (or starts) are the replicates. */
typedef struct claim_sample {
  bool flow;
  size_t prompts;
  /* Control runs per prompt: networks of random weights, one per seed; of a flow one run, with beta = 0. */
  size_t seeds;
  const double *values;        /* [need_count, prompts], in the order of claim.needs */
  const double *controls;      /* [need_count, seeds, prompts]; only of needs with of_controls */
  const double *opt_types;     /* [prompts] first occurrences of token ids; NULL: not looked at */
  const uint32_t *opt_classes; /* [prompts] class of each text; NULL: not looked at */
  size_t layers;               /* blocks */
  bool representation_fails;   /* the effect changes its sign in another representation (ln, robust) */
  /* A: the trend of the same tokens in other orders, [orders, prompts]; NULL: not measured, or a flow. */
  size_t orders;
  const double *opt_orders;
  claim_outcome clusters;      /* B: what was said of claim A */
  const char *clusters_reason; /* and why, if that was SUSPENDED */
  uint64_t seed;               /* of resamples and sign flips */
} claim_sample;

/* ---- what is said ---- */

enum { NOTE_EXACT = 1, NOTE_SEED_NORMALITY = 2 };

typedef struct claim_verdict {
  const char *claim;
  claim_outcome outcome;
  const char *reason; /* SUSPENDED: of the fixed vocabulary (docs/verdicts.md 4) */
  unsigned notes;
  double effect;
  interval interval; /* 95 % */
  const char *kind;  /* of the interval: "bootstrap-t", "exact", "median"; NULL: none */
  double contrast;   /* trained minus control; NaN: the claim has no control */
  interval contrast_interval;
  double control; /* the controls' own value; NaN: none */
  double order;   /* A: beyond the same tokens in other orders; NaN: not measured */
  interval order_interval;
  double p_but_order; /* A: p of all other conditions, where `control_equal` alone stands against it; else NaN */
  double p;           /* of what the outcome says, 1 if SUSPENDED for the data; before Holm */
  double p_holm;
  size_t family; /* tests it was held against */
  size_t prompts, seeds;
} claim_verdict;

/* ---- the registry ---- */

/* What the replicates of its sample are: the texts of one model (or starts of a flow), all, or those in classes, or
 * those that are cut at several lengths; the checkpoints of one training; models of several depths; any models. */
typedef enum claim_scope {
  CLAIM_OF_TEXTS,
  CLAIM_OF_CLASSES,
  CLAIM_OF_LENGTHS,
  CLAIM_OF_CHECKPOINTS,
  CLAIM_OF_DEPTHS,
  CLAIM_OF_MODELS
} claim_scope;

typedef struct claim {
  const char *name, *title, *source;
  const char *sentence; /* what CONFIRMED says, to be quoted */
  const claim_need *needs;
  size_t need_count;
  bool in_flows; /* flows are judged by it too */
  claim_scope scope;
  const char *denial;                /* what FALSIFIED says, to be quoted */
  const char *of_flow, *not_of_flow; /* the same two of a flow, where flows are judged */
  /* The verdict before Holm: an outcome whose conditions hold, with its p. Errors: DWELL_NO_MEMORY; DWELL_BAD_INPUT (a
   * threshold is missing). */
  dwell_status (*decide)(const claim_sample *s, const claim_thresholds *t, claim_verdict *ret_verdict,
                         dwell_error *err);
} claim;

const claim *const *claim_registry(size_t *ret_count);
const claim *claim_find(const char *name);

/* The same with one threshold of the claim replaced: how far does the verdict hang on it? Before Holm. */
dwell_status claim_decide_with(const claim *c, const claim_sample *s, const claim_thresholds *t, const char *name,
                               double other, claim_verdict *ret_verdict, dwell_error *err);

/* Holm over the family, for what is confirmed and for what is falsified apart: outcomes whose p_holm exceeds the level
 * become SUSPENDED, `multiplicity`. family: number of primary claims times models, fixed before the data; at least
 * `count`. */
dwell_status verdicts_settle(claim_verdict *verdicts, size_t count, size_t family, const claim_thresholds *t,
                             dwell_error *err);

extern const claim_threshold claim_threshold_table[]; /* generated from data/claims.json */
extern const size_t claim_threshold_table_size;

#endif
