/* model/activation_f32.h - bias and activation in one loop, in float. */
#ifndef DWELL_MODEL_ACTIVATION_F32_H
#define DWELL_MODEL_ACTIVATION_F32_H

#include <stdbool.h>

#include "model/ops.h"

/* y = activation(y + bias) in each of `rows` rows of `columns` numbers, ldy apart; opt_bias: [columns], or NULL.
 * false: nothing was done, since the activation is another one than GELU in its forms and SiLU, or since the CPU has no
 * fused multiply-adds. Errors: 5 units in the last place of |y + bias|, 1 on average. The bits of a number do not
 * depend on the others, and are the same with AVX2 and AVX-512. */
bool activation_f32(ops_activation activation, size_t rows, size_t columns, const float *opt_bias, float *y,
                    size_t ldy);

#endif
