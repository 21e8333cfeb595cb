/* report/study_page.h - the page about a study: its verdicts at the head, the numbers behind them. */
#ifndef DWELL_REPORT_STUDY_PAGE_H
#define DWELL_REPORT_STUDY_PAGE_H

#include "study/decide.h"

/* One self-contained page, without times: the same study gives the same bytes. */
dwell_status study_page_write(const study_plan *p, const numbers *n, const verdicts *v, const char *path,
                              dwell_error *err);

/* After the page of a study was written into its folder: study.json gets the new hash. */
dwell_status study_page_refresh(const char *folder, dwell_error *err);

#endif
