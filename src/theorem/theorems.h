/* theorem/theorems.h - every theorem: one line here and in registry.c each. */
#ifndef DWELL_THEOREM_THEOREMS_H
#define DWELL_THEOREM_THEOREMS_H

#include "theorem/theorem.h"

extern const theorem theorem_gradient;
extern const theorem theorem_beta_zero;
extern const theorem theorem_temperatures;
extern const theorem theorem_three_clusters;
extern const theorem theorem_hemisphere;
extern const theorem theorem_equiangular;
extern const theorem theorem_concentration;
extern const theorem theorem_phase_diagram;
extern const theorem theorem_first_state;
extern const theorem theorem_frontier;
extern const theorem theorem_modes;
extern const theorem theorem_dynamic;
extern const theorem theorem_merge_times;
extern const theorem theorem_staircase;
extern const theorem theorem_noise;
extern const theorem theorem_causal;
extern const theorem theorem_normalisation;
extern const theorem theorem_long_context;
extern const theorem theorem_mean_field;
extern const theorem theorem_gaussian;
extern const theorem theorem_perceptron;
extern const theorem theorem_taxonomy;
extern const theorem theorem_rank;
extern const theorem theorem_leaders;
extern const theorem theorem_sinkhorn;
extern const theorem theorem_markov;
extern const theorem theorem_scores;
extern const theorem theorem_heads;
extern const theorem theorem_hardmax;
extern const theorem theorem_euler_maruyama;
extern const theorem theorem_chaos;
extern const theorem theorem_density;
extern const theorem theorem_layer_norm;
extern const theorem theorem_exploration;
extern const theorem theorem_other_energy;
extern const theorem theorem_f1;
extern const theorem theorem_f2;
extern const theorem theorem_f3;
extern const theorem theorem_f4;
extern const theorem theorem_f5;
extern const theorem theorem_f6;
extern const theorem theorem_f7;
extern const theorem theorem_f8;
extern const theorem theorem_f9;
extern const theorem theorem_f10;
extern const theorem theorem_f11;
extern const theorem theorem_f12;
extern const theorem theorem_families;

#endif
