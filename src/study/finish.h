/* study/finish.h - from a folder of runs to its tables, verdicts and manifest; and deciding again. */
#ifndef DWELL_STUDY_FINISH_H
#define DWELL_STUDY_FINISH_H

#include "study/decide.h"
#include "study/work.h"

/* Writes a page about a study as the file `path`; of a higher floor. */
typedef dwell_status (*study_page)(const study_plan *p, const numbers *n, const verdicts *v, const char *path,
                                   dwell_error *err);

/* numbers.csv of what is there, verdicts.csv, verdicts.json, report.html if `page` is given, and study.json last, all
 * in `folder`; what stood there before is replaced, study.json being removed first. Units that are missing and were not
 * noted as failed: DWELL_FAILED with their number, and nothing is written. Release *ret_verdicts also after an error.
 */
dwell_status study_finish(const char *folder, const study_plan *p, const study_units *u, study_page page,
                          verdicts *ret_verdicts, dwell_error *err);

/* The plan and the numbers of a study that was finished: what deciding again needs. DWELL_BAD_INPUT: it was not.
 * Release both, also after an error. */
dwell_status study_load(const char *folder, study_plan *ret_plan, numbers *ret_numbers, dwell_error *err);

/* verdicts.csv and verdicts.json of these verdicts into a folder that exists. */
dwell_status study_save_verdicts(const char *folder, const study_plan *p, const verdicts *v, const char *thresholds,
                                 dwell_error *err);

#endif
