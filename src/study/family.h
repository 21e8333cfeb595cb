/* study/family.h - many tests at once. */
#ifndef DWELL_STUDY_FAMILY_H
#define DWELL_STUDY_FAMILY_H

#include <dwell/status.h>
#include <stddef.h>

/* Adjusted p of `count` members, in a family of `size` >= count: the others count with p = 1 (Holm 1979: one false
 * rejection at all with probability at most the level). */
dwell_status family_holm(size_t count, const double *p, size_t size, double *ret_adjusted, dwell_error *err);
/* Adjusted p of Benjamini and Hochberg (1995): of those rejected at most this share is expected to be false. */
dwell_status family_false_discovery(size_t count, const double *p, double *ret_adjusted, dwell_error *err);

#endif
