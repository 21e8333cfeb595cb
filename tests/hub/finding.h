/* tests/hub/finding.h - what a name must resolve to, for the tests of this folder. */
#ifndef DWELL_TESTS_HUB_FINDING_H
#define DWELL_TESTS_HUB_FINDING_H

#include "hub/hub.h"
#include "util/testing.h"

/* `name` is found in `folder`, at `opt_revision`. */
static inline void expect(const char *name, const char *folder, const char *opt_revision) {
  hub_place place;
  dwell_error err = {0};
  assert_ok(hub_find(name, &place, &err), &err);
  assert_string_equal(place.folder, folder);
  if (opt_revision != NULL) assert_string_equal(place.revision, opt_revision);
  else assert_null(place.revision);
  hub_place_free(&place);
}

/* `name` is refused with `status` and `words`, and nothing is left to free. */
static inline void expect_failure(const char *name, dwell_status status, const char *words) {
  hub_place place;
  dwell_error err = {0};
  assert_fails(hub_find(name, &place, &err), status, &err, words);
  assert_null(place.folder);
  assert_null(place.revision);
}

#endif
