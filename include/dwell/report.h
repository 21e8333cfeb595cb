/* dwell/report.h - one self-contained page from a run. */
#ifndef DWELL_REPORT_H
#define DWELL_REPORT_H

#include <dwell/run.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Writes the page (HTML with its pictures, styles and data; no network) as `path`, whole or not at all. */
dwell_status dwell_report_write(const dwell_run *run, const char *path, dwell_error *err);

#ifdef __cplusplus
}
#endif
#endif
