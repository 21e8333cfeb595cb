/* study/reference.h - what the published study of trained models says on our claims, and why ours agrees or differs. */
#ifndef DWELL_STUDY_REFERENCE_H
#define DWELL_STUDY_REFERENCE_H

#include <stddef.h>

typedef struct reference_row {
  const char *claim, *model; /* model NULL: of all */
  const char *said, *ours;
} reference_row;

extern const reference_row reference_table[]; /* generated from data/reference-study.json */
extern const size_t reference_count;
extern const char reference_source[];

/* Of this claim and model (a name with "-xN" behind it is that model iterated), else of the claim, else NULL. */
const reference_row *reference_find(const char *claim, const char *model);

#endif
