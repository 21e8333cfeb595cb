/* flow/certificate.c - the worst over replicas. */
#include "flow/certificate.h"

#include <math.h>

certificate certificate_start(void) { return (certificate){0}; }

void certificate_merge(certificate *total, const certificate *one) {
  total->steps += one->steps;
  total->rejected += one->rejected;
  total->evaluations += one->evaluations;
  total->has_energy = total->has_energy || one->has_energy;
  total->has_torque = total->has_torque || one->has_torque;
  total->ties += one->ties;
  total->longest_step = fmax(total->longest_step, one->longest_step);
  total->energy_residual = fmax(total->energy_residual, one->energy_residual);
  total->energy_change = fmax(total->energy_change, one->energy_change);
  total->energy_fall = fmax(total->energy_fall, one->energy_fall);
  total->hemispheres += one->hemispheres;
  total->hemisphere_fall = fmax(total->hemisphere_fall, one->hemisphere_fall);
  total->mergers += one->mergers;
  total->guarantees += one->guarantees;
  total->broken_guarantees += one->broken_guarantees;
  total->norm_defect = fmax(total->norm_defect, one->norm_defect);
  total->torque = fmax(total->torque, one->torque);
}

static void put(jwriter *w, const char *key, bool defined, double value) {
  jwriter_put_double(w, key, defined ? value : NAN);
}

void certificate_write(const certificate *c, jwriter *w) {
  jwriter_put_int(w, "steps", (int64_t)c->steps);
  jwriter_put_int(w, "rejected_steps", (int64_t)c->rejected);
  jwriter_put_int(w, "evaluations", (int64_t)c->evaluations);
  put(w, "longest_step", c->longest_step > 0, c->longest_step);
  put(w, "energy_change", c->has_energy, c->energy_change);
  put(w, "energy_residual", c->has_energy, c->energy_residual);
  put(w, "energy_fall", c->has_energy, c->energy_fall);
  jwriter_put_int(w, "hemispheres", (int64_t)c->hemispheres);
  if (c->hemispheres > 0) put(w, "hemisphere_fall", true, c->hemisphere_fall);
  jwriter_put_int(w, "mergers", (int64_t)c->mergers);
  jwriter_put_int(w, "guarantees", (int64_t)c->guarantees);
  jwriter_put_int(w, "broken_guarantees", (int64_t)c->broken_guarantees);
  put(w, "norm_defect", true, c->norm_defect);
  put(w, "torque", c->has_torque, c->torque);
  if (c->ties > 0) jwriter_put_int(w, "ties", (int64_t)c->ties);
}
