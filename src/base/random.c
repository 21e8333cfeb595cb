/* base/random.c - counter-based random numbers. */
#include "base/random.h"

#include <math.h>

#include "base/isa.h"

/* Random123's header is written for many compilers and is not clean under -Wconversion. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#include <Random123/philox.h>
#pragma GCC diagnostic pop

void random_bits(const random_stream *s, uint32_t i, uint32_t j, uint32_t ret_bits[4]) {
  philox4x32_key_t key = {{(uint32_t)s->seed, (uint32_t)(s->seed >> 32)}};
  philox4x32_ctr_t counter = {{s->purpose, s->replica, i, j}};
  philox4x32_ctr_t bits = philox4x32(counter, key);
  for (int k = 0; k < 4; k++) ret_bits[k] = bits.v[k];
}

static uint64_t bits64(const random_stream *s, uint32_t i, uint32_t j) {
  uint32_t bits[4];
  random_bits(s, i, j, bits);
  return (uint64_t)bits[1] << 32 | bits[0];
}

/* 52 bits, not 53: (2^53 - 1) + 0.5 has 54 bits and would round up to 2^53, that is to 1. */
double random_uniform(const random_stream *s, uint32_t i, uint32_t j) {
  return ((double)(bits64(s, i, j) >> 12) + 0.5) * 0x1p-52;
}

double random_normal(const random_stream *s, uint32_t i, uint32_t j) {
  return random_normal_quantile(random_uniform(s, i, j));
}

size_t random_below(const random_stream *s, uint32_t i, uint32_t j, size_t n) {
  return (size_t)(((unsigned __int128)bits64(s, i, j) * n) >> 64);
}

void random_permutation(const random_stream *s, uint32_t i, size_t n, size_t *ret_order) {
  for (size_t k = 0; k < n; k++) ret_order[k] = k;
  for (size_t k = n; k > 1; k--) {
    size_t other = random_below(s, i, (uint32_t)(k - 1), k);
    size_t kept = ret_order[k - 1];
    ret_order[k - 1] = ret_order[other];
    ret_order[other] = kept;
  }
}

static double rational(const double *top, const double *bottom, double r) {
  double p = top[7], q = bottom[7];
  for (int k = 6; k >= 0; k--) p = p * r + top[k], q = q * r + bottom[k];
  return p / q;
}

/* Wichura, Algorithm AS 241 (PPND16), Applied Statistics 37 (1988) 477-484: of the middle, then of the tails. */
static const double CENTRAL = 0.425, CENTRAL_SQUARE = 0.180625;
static const double a[8] = {3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3,
                            1.3731693765509461125e4, 4.5921953931549871457e4, 6.7265770927008700853e4,
                            3.3430575583588128105e4, 2.5090809287301226727e3};
static const double b[8] = {1.0,
                            4.2313330701600911252e1,
                            6.8718700749205790830e2,
                            5.3941960214247511077e3,
                            2.1213794301586595867e4,
                            3.9307895800092710610e4,
                            2.8729085735721942674e4,
                            5.2264952788528545610e3};

static double tail_quantile(double p) {
  static const double c[8] = {1.42343711074968357734e0,  4.63033784615654529590e0, 5.76949722146069140550e0,
                              3.64784832476320460504e0,  1.27045825245236838258e0, 2.41780725177450611770e-1,
                              2.27238449892691845833e-2, 7.74545014278341407640e-4};
  static const double d[8] = {1.0,
                              2.05319162663775882187e0,
                              1.67638483018380384940e0,
                              6.89767334985100004550e-1,
                              1.48103976427480074590e-1,
                              1.51986665636164571966e-2,
                              5.47593808499534494600e-4,
                              1.05075007164441684324e-9};
  static const double e[8] = {6.65790464350110377720e0,  5.46378491116411436990e0,  1.78482653991729133580e0,
                              2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
                              2.71155556874348757815e-5, 2.01033439929228813265e-7};
  static const double f[8] = {1.0,
                              5.99832206555887937690e-1,
                              1.36929880922735805310e-1,
                              1.48753612908506148525e-2,
                              7.86869131145613259100e-4,
                              1.84631831751005468180e-5,
                              1.42151175831644588870e-7,
                              2.04426310338993978564e-15};
  double r = sqrt(-log(p < 0.5 ? p : 1 - p));
  double tail = r <= 5 ? rational(c, d, r - 1.6) : rational(e, f, r - 5);
  return p < 0.5 ? -tail : tail;
}

double random_normal_quantile(double p) {
  double q = p - 0.5;
  return fabs(q) <= CENTRAL ? q * rational(a, b, CENTRAL_SQUARE - q * q) : tail_quantile(p);
}

/* Quantiles as if all p were of the middle; one body for three instruction sets, the same bits. */
ISA_INLINE void central_body(size_t count, const double *p, double *ret_numbers) {
  for (size_t k = 0; k < count; k++) {
    double q = p[k] - 0.5, r = CENTRAL_SQUARE - q * q, top = a[7], bottom = b[7];
    for (int t = 6; t >= 0; t--) top = top * r + a[t], bottom = bottom * r + b[t];
    ret_numbers[k] = q * (top / bottom);
  }
}
ISA_DEFINE(static, central, (size_t count, const double *p, double *ret_numbers), (count, p, ret_numbers))

void random_normals(const random_stream *s, uint32_t i, uint32_t first, size_t count, double *ret_numbers) {
  enum { CHUNK = 64 };
  double p[CHUNK];
  for (size_t done = 0; done < count; done += CHUNK) {
    size_t now = count - done < CHUNK ? count - done : CHUNK;
    for (size_t k = 0; k < now; k++) p[k] = random_uniform(s, i, first + (uint32_t)(done + k));
    central(now, p, ret_numbers + done);
    for (size_t k = 0; k < now; k++) {
      if (fabs(p[k] - 0.5) > CENTRAL) ret_numbers[done + k] = tail_quantile(p[k]);
    }
  }
}

double random_gamma(const random_stream *s, uint32_t i, double shape) {
  double add = shape < 1 ? 1 : 0, d = shape + add - 1.0 / 3, c = 1 / sqrt(9 * d);
  for (uint32_t j = 0;; j += 2) {
    double x = random_normal(s, i, j), v = 1 + c * x;
    if (v <= 0) continue;
    v = v * v * v;
    if (log(random_uniform(s, i, j + 1)) > 0.5 * x * x + d - d * v + d * log(v)) continue;
    return d * v * (shape < 1 ? pow(random_uniform(s, i, UINT32_MAX), 1 / shape) : 1);
  }
}
