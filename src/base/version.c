/* base/version.c - which dwell this is. commit.h is made by meson at each build. */
#include "base/version.h"

#include "base/commit.h"

#ifdef __clang__
#define COMPILER "clang " __clang_version__
#else
#define COMPILER "gcc " __VERSION__
#endif

const char *version_number(void) { return DWELL_VERSION; }
const char *version_commit(void) { return DWELL_COMMIT; }
const char *version_compiler(void) { return COMPILER; }
