/* dwell/report.h - a run as one HTML page: self-contained, no network, readable without JavaScript. */
#ifndef DWELL_REPORT_H
#define DWELL_REPORT_H

#include <dwell/run.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/* Writes the page of a run that was saved or loaded (its manifest is part of the page) to `path`, atomically. Tables,
 * columns and arrays that the run does not have are left out of the page. Errors: DWELL_BAD_INPUT (the manifest is not
 * JSON, an array has an impossible shape), DWELL_NO_MEMORY, DWELL_FAILED (cannot write). */
dwell_status dwell_report_write(const dwell_run *run, const char *path, dwell_error *err);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
