/* flow/starts_file.c - a start read from a .npy file. */
#include "base/error.h"
#include "flow/starts.h"

dwell_status starts_load(starts *s, const char *path, dwell_error *err) {
  (void)s;
  error_set(err, DWELL_UNSUPPORTED, "a start from a file is not supported yet");
  return error_in_file(err, path);
}
