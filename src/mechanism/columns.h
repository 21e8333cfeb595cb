/* mechanism/columns.h - columns of a number with its null, for the tables of instruments. */
#ifndef DWELL_MECHANISM_COLUMNS_H
#define DWELL_MECHANISM_COLUMNS_H

#include <math.h>

/* A number of a head and what random heads of its shape have. */
#define WITH_RANDOM(name, low, high, meaning)                                                                         \
  {name, "1", low, high, meaning}, {name "_null_mean", "1", low, high, "mean of it over random heads of this shape"}, \
      {name "_null_sd", "1", 0, INFINITY, "standard deviation over random heads"}, {                                  \
    name "_p", "1", 0, 1, "(1 + random heads with at least this much) / (1 + draws)"                                  \
  }

#endif
