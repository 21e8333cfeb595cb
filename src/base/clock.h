/* base/clock.h - what a run cost. */
#ifndef DWELL_BASE_CLOCK_H
#define DWELL_BASE_CLOCK_H

#include <stdint.h>

double clock_seconds(void);      /* monotonic wall clock */
uint64_t clock_peak_bytes(void); /* peak resident memory of this process so far; 0: not known (no /proc) */
uint64_t clock_resident_bytes(void); /* resident memory of this process now; 0: not known */
uint64_t clock_system_bytes(void);   /* memory that this process may use: of the machine or its control group */

#endif
