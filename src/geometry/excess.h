/* geometry/excess.h - is there more than one cluster? T, the log-lifetime excess of mass (instruments.md 3.1). */
#ifndef DWELL_GEOMETRY_EXCESS_H
#define DWELL_GEOMETRY_EXCESS_H

#include <dwell/status.h>
#include <stddef.h>
#include <stdint.h>

/* Tokens of a cluster at least: max(4, floor(n/20 + 1/2)). */
size_t excess_smallest(size_t n);

/* What is a choice in it: points of a cluster at least (>= 2), and the neighbour whose distance is a token's core. */
typedef struct excess_setting {
  size_t smallest, core;
} excess_setting;

excess_setting excess_setting_default(size_t n);

/* Of n tokens with the symmetric cosines [n,n], whose diagonal is 1. ret_labels [n]: clusters numbered by their
 * smallest token, -1 for tokens in none; the number of clusters; T. 0 of everything if n < 2 excess_smallest(n). */
dwell_status excess(size_t n, const double *cosines, int32_t *ret_labels, size_t *ret_count, double *ret_excess,
                    dwell_error *err);
/* The same by another choice: how much depends on it is in docs/TRUST.md. */
dwell_status excess_by(size_t n, const double *cosines, excess_setting setting, int32_t *ret_labels, size_t *ret_count,
                       double *ret_excess, dwell_error *err);

/* Memory it takes, in bytes. */
uint64_t excess_work_bytes(size_t n);

#endif
