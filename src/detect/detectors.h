/* detect/detectors.h - the list of detectors (one per file), for the registry only. */
#ifndef DWELL_DETECT_DETECTORS_H
#define DWELL_DETECT_DETECTORS_H

#include "detect/detect.h"

extern const detector detector_tracking, detector_plateaus, detector_violations, detector_timescales, detector_collapse,
    detector_max_t;

#endif
