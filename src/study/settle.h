/* study/settle.h - what would settle a suspended claim, and the sentence of every verdict. */
#ifndef DWELL_STUDY_SETTLE_H
#define DWELL_STUDY_SETTLE_H

#include "study/decide.h"

/* What would settle it, with the numbers that there are; NULL where it is not suspended, or out of memory. In the
 * storage of the verdicts. */
const char *settle_text(verdicts *v, const claim_verdict *verdict, const claim *c, const claim_sample *s,
                        const claim_thresholds *t);
const char *settle_multiplicity(verdicts *v, const claim_verdict *verdict);

/* What is said of a reason, for readers; static. NULL: not of the vocabulary. */
const char *settle_reason(const char *reason);

/* printf into the storage of the verdicts, and another row; both of decide.c. */
const char *verdicts_format(verdicts *v, const char *pattern, ...) __attribute__((format(printf, 2, 3)));
dwell_status verdicts_add(verdicts *v, const verdict_row *row, dwell_error *err);
bool study_is_primary(const study_plan *p, const claim *c);

#endif
