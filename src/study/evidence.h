/* study/evidence.h - what the claims share: a mean against a margin, a contrast with controls, data that do not
 * suffice. */
#ifndef DWELL_STUDY_EVIDENCE_H
#define DWELL_STUDY_EVIDENCE_H

#include "study/claim.h"

/* A's reason where the tokens of the texts group as much in any other order. */
#define REASON_CONTROL_EQUAL "control_equal"

/* Thresholds of one claim for one sample; a missing one sets `missing`, which decide() turns into an error. */
typedef struct rules {
  const claim_thresholds *all;
  const char *claim;
  bool flow;
  const char *missing;
} rules;

double rule(rules *r, const char *name);
dwell_status rules_check(const rules *r, dwell_error *err);

/* A mean over prompts (or its contrast with controls) against a margin. */
typedef struct location {
  double mean;
  interval interval;
  const char *kind;
  bool exact;        /* by the sign rule: shares of prompts beyond the margin */
  bool above, below; /* the whole interval is */
  double p_above, p_below;
} location;

/* Of one number per prompt: bootstrap-t and sign flips, or the sign rule where those do not hold. */
dwell_status location_of_mean(size_t n, const double *x, double margin, uint64_t seed, location *ret_location,
                              dwell_error *err);
/* Of trained [prompts] against seeds [seeds, prompts]: crossed interval; of a flow: paired differences. */
dwell_status location_of_contrast(const claim_sample *s, const double *trained, const double *seeds, size_t prompts,
                                  double margin, location *ret_location, dwell_error *err);

/* The rank of the trained network among at least `rank_seeds` seeds; true where there are fewer (NOTE_SEED_NORMALITY is
 * set then) and in flows. */
bool passes_rank_gate(const claim_sample *s, const double *trained, const double *seeds, size_t prompts, rules *r,
                      claim_verdict *v);

/* Row `need` of the sample. */
const double *values_of(const claim_sample *s, size_t need);
const double *controls_of(const claim_sample *s, size_t need);

/* Copies of the prompts that may enter: defined in `need` (and in all its controls if `controls`) and with enough
 * types. Release with usable_free, also after an error. */
typedef struct usable {
  size_t count;
  size_t *prompt;   /* [count] */
  double *values;   /* [count] of the need */
  double *controls; /* [seeds, count] */
  bool lost_types;  /* prompts were left out for their types */
} usable;

dwell_status usable_make(const claim_sample *s, size_t need, bool controls, rules *r, usable *ret_usable,
                         dwell_error *err);
void usable_free(usable *u);

/* few_types, few_prompts, few_seeds, few_classes, representation; NULL: the data suffice. */
const char *data_reason(const claim_sample *s, const usable *u, bool controls, rules *r);

/* Did claim A find clusters, though perhaps as many where the tokens lie in another order (`control_equal`)? */
bool clusters_were_found(const claim_sample *s);

/* An empty verdict: SUSPENDED, p = 1. */
claim_verdict verdict_start(const char *name, const claim_sample *s, size_t prompts);
void verdict_suspend(claim_verdict *v, const char *reason);
/* CONFIRMED or FALSIFIED with its p if the conditions hold, else negligible_or_unclear. */
void verdict_conclude(claim_verdict *v, bool confirmed, double p_confirmed, bool falsified, double p_falsified);
/* The same of a mean that may lie on either side: CONFIRMED beyond the rule's margin, FALSIFIED within it. *ret_exact:
 * by the sign rule. */
dwell_status verdict_two_sided(claim_verdict *v, const claim_sample *s, rules *r, size_t n, const double *x,
                               bool *ret_exact, dwell_error *err);

#endif
