/* linalg/elementary_f32.h - exp and erf of one float, without branches: loops over them become vector code. For files
 * compiled with -ffp-contract=fast; the accuracy given is that with fused multiply-adds. */
#ifndef DWELL_LINALG_ELEMENTARY_F32_H
#define DWELL_LINALG_ELEMENTARY_F32_H

#include <stdint.h>
#include <string.h>

#define ELEMENTARY static inline __attribute__((always_inline))

/* exp(x) for x <= 0; below 2^-126, where numbers become subnormal and everything slow, it is 0. x = k ln 2 + r with
 * |r| <= (ln 2)/2, ln 2 in two parts of which the first times k is exact; e^r by the polynomial 1 + r + ... of degree 6
 * that is best for the relative error (2e-9); k is added to the exponent. 2 ulp (tools/oracle/fit_elementary.py). */
ELEMENTARY float exp_below_0_f32(float x) {
  const float round =
      0x1.8p23f; /* numbers of this size have no fractions: k stands in the last bits of a sum with it */
  float shifted = x * 0x1.715476p0f + round, k = shifted - round;
  float r = x - k * 0x1.62e4p-1f;
  r = r - k * 0x1.7f7d1cp-20f;
  float p = 0x1.6ae6e0p-10f;
  p = p * r + 0x1.1267d8p-7f;
  p = p * r + 0x1.555824p-5f;
  p = p * r + 0x1.555418p-3f;
  p = p * r + 0x1.fffffcp-2f;
  p = p * r + 1;
  p = p * r + 1;
  uint32_t power, bits;
  memcpy(&power, &shifted, sizeof power), memcpy(&bits, &p, sizeof bits);
  bits += power << 23;
  memcpy(&p, &bits, sizeof p);
  return x < -0x1.5d589ep6f ? 0 : p; /* 126 ln 2; not so for a NaN, which stays one */
}

/* 2^r for |r| <= 1/2 by the polynomial 1 + r + ... of degree 5 that is best for the relative error (9e-8), for a float
 * or a vector of them. The sum of a number and ROUND has the integer next to it in its last bits
 * (tools/oracle/fit_elementary.py). */
#define ELEMENTARY_ROUND_F32 0x1.8p23f
#define ELEMENTARY_LOG2_E_F32 0x1.715476p0f
#define ELEMENTARY_EXP2_F32(r)                                                                         \
  (((((0x1.5bb99ep-10f * (r) + 0x1.3ceafap-7f) * (r) + 0x1.c6b756p-5f) * (r) + 0x1.ebf9bap-3f) * (r) + \
    0x1.62e42ap-1f) *                                                                                  \
       (r) +                                                                                           \
   1)

/* x P(x^2) / Q(x^2) of degrees 5 and 5, best for the relative error (2e-8), the coefficients then chosen among
 * neighbouring floats (tools/oracle/fit_elementary.py). From 3.92 on erf rounds to 1. 5 ulp, 1 on average. */
ELEMENTARY float erf_f32(float x) {
  float a = x > 3.92f ? 3.92f : x;
  a = a < -3.92f ? -3.92f : a;
  float z = a * a, p = 0x1.13239ep-19f, q = 0x1.3f84b0p-15f;
  p = p * z + 0x1.2ab4f6p-12f, q = q * z + 0x1.30bd38p-10f;
  p = p * z + 0x1.ed8d6cp-9f, q = q * z + 0x1.ea812ep-7f;
  p = p * z + 0x1.b01d54p-5f, q = q * z + 0x1.d3636ap-4f;
  p = p * z + 0x1.85f354p-3f, q = q * z + 0x1.011002p-1f;
  p = p * z + 0x1.20dd74p0f, q = q * z + 1;
  float y = a * p / q;
  y = y > 1 ? 1 : y;
  return y < -1 ? -1 : y;
}

#endif
