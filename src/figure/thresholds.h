/* figure/thresholds.h - where theory draws its lines, as functions of the dimension. */
#ifndef DWELL_FIGURE_THRESHOLDS_H
#define DWELL_FIGURE_THRESHOLDS_H

#include <stddef.h>

/* beta from which degree 2 grows faster than degree 1 out of the uniform state: I_{d/2+1}/I_{d/2} = (d-1)/(2d) (T9). */
double threshold_frontier(size_t d);
/* beta up to which the noisy transition is continuous: I_{d/2+1}/I_{d/2} = 1/d (T14). */
double threshold_tricritical(size_t d);

#endif
