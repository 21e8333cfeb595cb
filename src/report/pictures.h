/* report/pictures.h - the drawings of a page as files of their own. */
#ifndef DWELL_REPORT_PICTURES_H
#define DWELL_REPORT_PICTURES_H

#include <dwell/status.h>
#include <stddef.h>

/* Writes every drawing of `page` [size], a page that dwell wrote, into `folder`, which exists: FIGURE.svg, and
 * FIGURE-2.svg, ... where a figure has several, each with the page's style, so that it looks alike on its own.
 * *ret_count: how many. DWELL_FAILED: it cannot be written; DWELL_NO_MEMORY. */
dwell_status pictures_write(const char *page, size_t size, const char *folder, size_t *ret_count, dwell_error *err);
/* Removes the files that pictures_write has made of this page; those that are not there are no error. */
dwell_status pictures_remove(const char *page, size_t size, const char *folder, dwell_error *err);

#endif
