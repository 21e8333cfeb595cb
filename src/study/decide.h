/* study/decide.h - from the table of numbers to verdicts. Nothing is measured here: the same table and other thresholds
 * give other verdicts at once. */
#ifndef DWELL_STUDY_DECIDE_H
#define DWELL_STUDY_DECIDE_H

#include "study/claim.h"
#include "study/numbers.h"
#include "study/plan.h"

typedef enum verdict_group {
  VERDICT_PRIMARY,     /* in the family that was fixed before the data */
  VERDICT_EXPLORATORY, /* others: one test each */
  VERDICT_CONTROL,     /* the same rules on a control in place of the trained network: must not be CONFIRMED */
  VERDICT_GROUPS
} verdict_group;
const char *verdict_group_name(verdict_group g); /* "primary", ... */

typedef struct verdict_row {
  claim_verdict v;
  const claim *claim;
  const char *model; /* or flow, series, list of models */
  verdict_group group;
  bool flow;
  const char *settle; /* SUSPENDED: what would settle it; else NULL */
  const char *beside; /* numbers that are reported beside it, never instead of it; NULL: none */
} verdict_row;

typedef struct verdicts {
  verdict_row *rows; /* by group, then in the order of the plan */
  size_t count, capacity;
  size_t family; /* primary tests */
  arena storage;
} verdicts;

/* Release with verdicts_free, also after an error. Errors: DWELL_NO_MEMORY; DWELL_BAD_INPUT (a threshold is missing).
 */
dwell_status study_decide(const study_plan *p, const numbers *n, const claim_thresholds *t, verdicts *ret_verdicts,
                          dwell_error *err);
void verdicts_free(verdicts *v);

/* What a reader can quote: the claim's sentence, its denial, or why it is open. Appended to `out`. */
void verdict_sentence(const verdict_row *row, strbuf *out);

/* Thresholds of a file such as data/claims.json, on top of those compiled in; they live in `storage`. DWELL_BAD_INPUT:
 * not of that form, or of a claim or name that there is not. */
dwell_status claim_thresholds_read(const char *path, arena *storage, claim_thresholds *ret_thresholds,
                                   dwell_error *err);

#endif
