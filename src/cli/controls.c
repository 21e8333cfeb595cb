/* cli/controls.c - the sources that a run is compared with. */
#include "cli/controls.h"

#include <stdio.h>

#include "base/error.h"

dwell_status controls_add(controls *c, dwell_source *source, const char *kind, const char *detail, dwell_error *err) {
  if (c->count == CONTROLS_MOST) {
    dwell_source_destroy(source);
    return error_set(err, DWELL_USAGE, "more than %d controls", (int)CONTROLS_MOST);
  }
  snprintf(c->details[c->count], CONTROLS_DETAIL, "%s", detail);
  c->list[c->count] = (dwell_control){.source = source, .kind = kind, .detail = c->details[c->count]};
  c->count++;
  return DWELL_OK;
}

void controls_clear(controls *c) {
  for (size_t k = 0; k < c->count; k++) dwell_source_destroy(c->list[k].source);
  c->count = 0;
}
