/* report/html.h - what all pages are made of: head with the policy, sections, figures, scripts. */
#ifndef DWELL_REPORT_HTML_H
#define DWELL_REPORT_HTML_H

#include <dwell/status.h>

#include "base/str.h"

/* One script of a page: figures.js first, then the page's own. */
typedef struct page_script {
  const char *text;
  size_t size;
} page_script;

/* From the doctype to <main>. `title` is HTML without markup; `style` (may be NULL) follows report.css. The policy
 * forbids every request, and every script but these. */
dwell_status page_open(strbuf *out, const char *title, const char *style, const page_script *scripts, size_t count,
                       dwell_error *err);
/* From </main> on; `data` (may be NULL) is JSON for the scripts, in which "<" is written as \u003c. */
void page_close(strbuf *out, const strbuf *data, const page_script *scripts, size_t count);

/* <figure> with heading, explanation and the list of columns shown; closed by figure_close. `text` and `source` are
 * HTML written by us, never text from files. `numbers` says to the script what the figure's CSV has, "layers:ip_mean"
 * (report.js, numbers behind the figures); NULL: the figure has a table of class "numbers", or none. */
void figure_open(strbuf *out, const char *id, const char *heading, const char *text, const char *numbers);
void figure_close(strbuf *out, const char *source);
void section_open(strbuf *out, const char *id, const char *heading, const char *text);
void section_close(strbuf *out);
/* Text from a file, escaped. */
void html_text(strbuf *out, const char *text);
/* Base64 (RFC 4648). */
void base64_add(strbuf *out, const void *data, size_t size);

#endif
