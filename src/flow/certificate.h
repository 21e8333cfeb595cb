/* flow/certificate.h - what a run of a flow can say about its own accuracy. */
#ifndef DWELL_FLOW_CERTIFICATE_H
#define DWELL_FLOW_CERTIFICATE_H

#include <stdbool.h>
#include <stddef.h>

#include "file/jwriter.h"

/* Over one replica, or the worst over several. Undefined figures stay 0 and has_energy says so. */
typedef struct certificate {
  size_t steps, rejected, evaluations;
  bool has_energy;     /* the flow has an energy law: the energy figures and the torque mean something */
  double longest_step; /* rk45 */
  /* Largest |E(t) - E(0) - integral of dE/dt| over the steps: E the scaled energy sum_ij m_i m_j e^{beta G_ij -
   * |beta|}, dE/dt by the identity of flows.md 2, the integral by the integrator's own weights. */
  double energy_residual, energy_change; /* the latter: largest |E(t) - E(0)| */
  /* The energy never falls for beta > 0: the largest fall over a step. */
  double energy_fall;
  /* Replicas whose start lies in the open hemisphere around its mean: theory keeps their smallest cosine with it from
   * falling, and ends them in one cluster (flows.md 7). The largest fall of that cosine. */
  size_t hemispheres;
  double hemisphere_fall;
  /* The log clock: mergers; plateaus for which theory promises a length, and those that ended before. */
  size_t mergers, guarantees, broken_guarantees;
  double norm_defect; /* largest ||x_i| - 1| of a state */
  /* Largest entry of sum_i c_i (x_i v_i^T - v_i x_i^T) relative to sum_i c_i |v_i|, at the first and last moment; c the
   * energy weights. Zero by the symmetry of the kernel (flows.md 1). Over the first 64 coordinates. */
  double torque;
  bool has_torque;
  size_t ties; /* rows of hardmax attention without a single largest score, at the first and last moment */
} certificate;

certificate certificate_start(void);
/* The worse of two, field by field; counts add up. */
void certificate_merge(certificate *total, const certificate *one);

/* Its fields into an open JSON object. */
void certificate_write(const certificate *c, jwriter *w);

#endif
