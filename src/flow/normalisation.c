/* flow/normalisation.c - the six normalisations. */
#include "flow/normalisation.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/number.h"
#include "flow/kernel.h"

static const char *const names[] = {"post", "pre", "mix", "peri", "ngpt", "sqrt"};

const char *normalisation_name(normalisation_scheme scheme) { return names[scheme]; }

static dwell_status bad(dwell_error *err) {
  error_set(err, DWELL_USAGE, "normalisations are post, pre, mix:TAU, peri, ngpt, ngpt:ALPHA and sqrt");
  error_at_item(err, "normalisation");
  return DWELL_USAGE;
}

dwell_status normalisation_parse(const char *text, normalisation *ret, dwell_error *err) {
  const char *colon = strchr(text, ':');
  size_t length = colon != NULL ? (size_t)(colon - text) : strlen(text), k = 0;
  while (k < 6 && (strlen(names[k]) != length || strncmp(text, names[k], length) != 0)) k++;
  if (k == 6) return bad(err);
  *ret = (normalisation){(normalisation_scheme)k, 1};
  bool takes = ret->scheme == NORMALISATION_MIX || ret->scheme == NORMALISATION_NGPT;
  if (colon == NULL) return ret->scheme == NORMALISATION_MIX ? bad(err) : DWELL_OK;
  if (!takes || !number_parse(colon + 1, &ret->parameter) || !(ret->parameter > 0)) return bad(err);
  return DWELL_OK;
}

bool normalisation_is_radial(const normalisation *z) {
  return z->scheme == NORMALISATION_PRE || z->scheme == NORMALISATION_PERI;
}

static double length_of(size_t d, const double *x) {
  double square = 0;
  for (size_t k = 0; k < d; k++) square += x[k] * x[k];
  return sqrt(square);
}

void normalisation_apply(const normalisation *z, size_t n, size_t d, const double *radial, double *v,
                         double *ret_scale) {
  for (size_t i = 0; i < n; i++) ret_scale[i] = 1;
  if (z->scheme != NORMALISATION_NGPT) return;
  for (size_t i = 0; i < n; i++) {
    double across = length_of(d, v + i * d);
    ret_scale[i] = z->parameter / sqrt(radial[i] * radial[i] + across * across);
    for (size_t k = 0; k < d; k++) v[i * d + k] *= ret_scale[i];
  }
}

dwell_status normalisation_layer(const normalisation *z, size_t n, size_t d, double eta, double *a, double *x,
                                 dwell_error *err) {
  bool ngpt = z->scheme == NORMALISATION_NGPT;
  double keep = ngpt ? 1 - eta * z->parameter : 1;
  for (size_t i = 0; i < n; i++) {
    double step = ngpt ? eta * z->parameter / length_of(d, a + i * d) : eta;
    for (size_t k = 0; k < d; k++) a[i * d + k] = keep * x[i * d + k] + step * a[i * d + k];
  }
  kernel_normalise(n, d, a, x);
  for (size_t e = 0; e < n * d; e++)
    if (!isfinite(x[e])) return error_set(err, DWELL_FAILED, "a token has no direction any more");
  return DWELL_OK;
}

void normalisation_motion(const normalisation *z, size_t n, size_t d, double *a) {
  for (size_t i = 0; i < n && z->scheme == NORMALISATION_PERI; i++) {
    double length = length_of(d, a + i * d);
    for (size_t k = 0; k < d; k++) a[i * d + k] /= length;
  }
}
