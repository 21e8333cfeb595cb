/* instrument/head_row.h - rows of an attention matrix in double, whatever the source delivers. */
#ifndef DWELL_INSTRUMENT_HEAD_ROW_H
#define DWELL_INSTRUMENT_HEAD_ROW_H

#include "instrument/instrument.h"
#include "linalg/vmath.h"

/* A weight below it counts as it in logarithms: p ln p is nothing there, and is 0 at 0. */
#define HEAD_LEAST_WEIGHT 1e-300

/* Number of keys that query i may look at; they are the first. */
static inline size_t head_allowed(const instrument_head *h, size_t i) { return h->causal ? i + 1 : h->n; }

/* Row i into ret_row [n]; exactly 0 beyond the allowed keys. */
static inline void head_row(const instrument_head *h, size_t i, double *ret_row) {
  size_t n = h->n, allowed = head_allowed(h, i);
  const float *narrow = (const float *)h->attention + i * n;
  const double *wide = (const double *)h->attention + i * n;
  if (h->dtype == DWELL_F32) {
    for (size_t j = 0; j < allowed; j++) ret_row[j] = (double)narrow[j];
  } else {
    for (size_t j = 0; j < allowed; j++) ret_row[j] = wide[j];
  }
  for (size_t j = allowed; j < n; j++) ret_row[j] = 0;
}

/* Logarithms of the allowed weights of row i, which head_row gave as `row`: in `work` [n], or those that are there. */
static inline const double *head_log_row(const instrument_head *h, size_t i, const double *row, double *work) {
  size_t allowed = head_allowed(h, i);
  if (h->logs != NULL) return h->logs + i * h->n;
  for (size_t j = 0; j < allowed; j++) work[j] = row[j] > HEAD_LEAST_WEIGHT ? row[j] : HEAD_LEAST_WEIGHT;
  vmath_log_f64(allowed, work, work);
  return work;
}

#endif
