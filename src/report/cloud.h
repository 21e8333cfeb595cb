/* report/cloud.h - tokens as points, for the files that draw them. */
#ifndef DWELL_REPORT_CLOUD_H
#define DWELL_REPORT_CLOUD_H

#include "report/groups.h"
#include "report/vec.h"

enum { CLOUD_MOST_FRAMES = 200, CLOUD_MOST_TOKENS = 1024 };

/* On the circle or the sphere, or the cloud in three dimensions. */
typedef struct cloud {
  size_t frames, n, dims; /* 0 frames: the run has none */
  bool pca;               /* coordinates are those of `pca`, not of the sphere */
  size_t *states;         /* [frames] which states were kept */
  size_t *tokens;         /* [n] which tokens */
  size_t of;              /* tokens there are */
  double *points;         /* [frames, n, 3] in [-1, 1], third coordinate 0 on the circle */
  double scale;           /* what 1 stands for */
  double *share;          /* [frames, 3] share of the spread along each axis; NULL: not known */
  double view[3][3];      /* rows: right, up, toward the reader */
  uint32_t *colours;      /* [n] by the direction of the start */
} cloud;

/* Close it also after an error. */
dwell_status cloud_open(const view *v, const groups *g, cloud *ret_cloud, dwell_error *err);
void cloud_close(cloud *c);

vec cloud_point(const cloud *c, size_t frame, size_t i);
vec cloud_seen(const cloud *c, vec p); /* right, up, toward the reader */

/* A film strip that needs no script, and the angles of a flow on the circle (film.c). */
void cloud_film(const view *v, const groups *g, const cloud *c, strbuf *out);
dwell_status cloud_angles(const view *v, const cloud *c, strbuf *out, dwell_error *err);

#endif
