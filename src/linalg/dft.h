/* linalg/dft.h - discrete Fourier transforms of DFT_LANES complex columns side by side, in f32.
 *
 * y_j = sum_f x_f exp(2 pi i j f/n) for j, f = 0 .. n-1. Row f lies as DFT_LANES real parts and then as many imaginary
 * ones, [n, DFT_ROW]. Mixed radices without reordering (Stockham; Van Loan, Computational Frameworks for the Fast
 * Fourier Transform, 1992, 1.7), the factors 8, 4 and 2 first taken out, then odd primes: n sum of factors complex
 * operations instead of n^2. Errors are some 1e-7 of the root mean square of y. Same bits on every CPU; a lane's
 * numbers do not depend on the other lanes. */
#ifndef DWELL_LINALG_DFT_H
#define DWELL_LINALG_DFT_H

#include <dwell/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DFT_LANES = 8, DFT_ROW = 2 * DFT_LANES, DFT_LARGEST = 127 };

typedef struct dft dft;

/* No prime factor of n is larger than DFT_LARGEST: a larger one is for products with a table. */
bool dft_suits(size_t n);

/* n > 0 that suits. */
dwell_status dft_create(size_t n, dft **ret_plan, dwell_error *err);
void dft_destroy(dft *plan);
uint64_t dft_bytes(size_t n); /* at most */

/* ret_y from x, which is lost; `work` is scratch. All [n, DFT_ROW], in different places. */
void dft_run(const dft *plan, float *x, float *work, float *ret_y);

#endif
