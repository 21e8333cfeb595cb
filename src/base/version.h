/* base/version.h - which dwell this is. */
#ifndef DWELL_BASE_VERSION_H
#define DWELL_BASE_VERSION_H

const char *version_number(void);   /* "0.1.0" */
const char *version_commit(void);   /* short commit of the source tree, or "unknown" (release archives) */
const char *version_compiler(void); /* "gcc 12.2.0" */

#endif
