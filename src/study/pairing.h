/* study/pairing.h - rows of two studies that are of the same unit, so that a study can be compared with another. */
#ifndef DWELL_STUDY_PAIRING_H
#define DWELL_STUDY_PAIRING_H

#include "study/numbers.h"

/* The rows of `a` whose unit (model, variant, text, seed, scale) is also in `b`, and those of `b`, in the order of `a`:
 * two tables of as many rows. Release both with numbers_free, also after an error. DWELL_NO_MEMORY. */
dwell_status numbers_pair(const numbers *a, const numbers *b, numbers *ret_a, numbers *ret_b, dwell_error *err);

/* "gpt2-nursery random 3 news_storm" */
void numbers_row_name(const numbers *n, size_t row, char *ret_name, size_t size);

#endif
