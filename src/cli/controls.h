/* cli/controls.h - the sources that a run is compared with. */
#ifndef DWELL_CLI_CONTROLS_H
#define DWELL_CLI_CONTROLS_H

#include <dwell/measure.h>

enum { CONTROLS_MOST = 100, CONTROLS_DETAIL = 64 };

typedef struct controls {
  dwell_control list[CONTROLS_MOST];
  char details[CONTROLS_MOST][CONTROLS_DETAIL];
  size_t count;
} controls;

/* Takes the source over, also on failure (DWELL_USAGE: too many). */
dwell_status controls_add(controls *c, dwell_source *source, const char *kind, const char *detail, dwell_error *err);
void controls_clear(controls *c);

#endif
