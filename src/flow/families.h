/* flow/families.h - every family of dynamics; one file and one line here and in registry.c each. */
#ifndef DWELL_FLOW_FAMILIES_H
#define DWELL_FLOW_FAMILIES_H

#include "flow/flow.h"

extern const flow flow_sa;                                                         /* sa.c */
extern const flow flow_usa;                                                        /* usa.c */
extern const flow flow_qkv, flow_csa;                                              /* qkv.c */
extern const flow flow_uqkv, flow_noisy;                                           /* uqkv.c */
extern const flow flow_l2;                                                         /* l2.c */
extern const flow flow_additive;                                                   /* additive.c */
extern const flow flow_linear;                                                     /* linear.c */
extern const flow flow_hardmax;                                                    /* hardmax.c */
extern const flow flow_sinkhorn;                                                   /* sinkhorn.c */
extern const flow flow_perceptron;                                                 /* perceptron.c */
extern const flow flow_equiangular, flow_equiangular_usa;                          /* equiangular.c */
extern const flow flow_rd, flow_rd_rescaled;                                       /* euclid.c */
extern const flow flow_circle, flow_circle_usa;                                    /* circle.c */
extern const flow flow_meanfield, flow_meanfield_usa;                              /* density.c */
extern const flow flow_gaussian_softmax, flow_gaussian_l2, flow_gaussian_sinkhorn; /* gaussian.c */

#endif
