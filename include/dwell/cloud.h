/* dwell/cloud.h - a token cloud: one state of a system, n tokens in d dimensions. */
#ifndef DWELL_CLOUD_H
#define DWELL_CLOUD_H

#include <dwell/status.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

typedef enum dwell_dtype { DWELL_F32 = 4, DWELL_F64 = 8 } dwell_dtype; /* the value is the size in bytes */

/* A view: whoever made it owns `data` and says how long it lives. */
typedef struct dwell_cloud {
  size_t n; /* tokens */
  size_t d; /* dimensions */
  dwell_dtype dtype;
  const void *data; /* [n, d], row-major, row i = token i in sequence order */
} dwell_cloud;

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
