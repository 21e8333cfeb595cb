/* figure/figures.h - every figure: one line here and in registry.c each. */
#ifndef DWELL_FIGURE_FIGURES_H
#define DWELL_FIGURE_FIGURES_H

#include "figure/figure.h"

extern const figure figure_phase_diagram;
extern const figure figure_staircase;
extern const figure figure_coarsening;
extern const figure figure_frontier;
extern const figure figure_bifurcation;
extern const figure figure_normalisation;
extern const figure figure_renyi;
extern const figure figure_sphere;
extern const figure figure_first_state;
extern const figure figure_long_context;
extern const figure figure_taxonomy;
extern const figure figure_histograms;
extern const figure figure_dimension;
extern const figure figure_formation;
extern const figure figure_synchrony;
extern const figure figure_layer_norm;
extern const figure figure_heads;
extern const figure figure_hardmax;
extern const figure figure_noisy_heads;
extern const figure figure_shapes;
extern const figure figure_ov_spectra;
extern const figure figure_learned;
extern const figure figure_kinetic;
extern const figure figure_gaussian;
extern const figure figure_random_forms;
extern const figure figure_leaders;
extern const figure figure_coordinates;
extern const figure figure_common_noise;
extern const figure figure_noise;

#endif
