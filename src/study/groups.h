/* study/groups.h - samples whose replicates are not simply the texts of one model: classes and lengths of texts,
 * checkpoints, depths, models (claims F to J). */
#ifndef DWELL_STUDY_GROUPS_H
#define DWELL_STUDY_GROUPS_H

#include "study/decide.h"

/* How many verdicts of such a claim a plan has, if it is a primary one. */
size_t groups_count(const study_plan *p, const claim *c);

/* All of them for the models labels [count], added to the verdicts that are there (claim A's of each among them):
 * primary where the plan says so, else exploratory, and then only where there is something to look at. */
dwell_status groups_judge(const study_plan *p, const numbers *n, const claim_thresholds *t, const char *const *labels,
                          size_t count, verdicts *v, dwell_error *err);

#endif
