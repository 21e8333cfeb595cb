/* measure/before.h - was this measured already? */
#ifndef DWELL_MEASURE_BEFORE_H
#define DWELL_MEASURE_BEFORE_H

#include <dwell/measure.h>

/* Does the manifest of `run` say that it is of this source with these options: the same program, input files (by their
 * hashes), text or ids, and options? Threads, time and memory do not count. For sources whose notes do not depend on
 * having run (models, imports). Nothing is computed. */
dwell_status measured_before(const dwell_context *ctx, dwell_source *source, const dwell_measure_options *options,
                             const dwell_run *run, bool *ret_same, dwell_error *err);

#endif
