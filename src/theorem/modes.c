/* theorem/modes.c - T10: how many maxima a smoothed sample has. */
#include <math.h>

#include "base/error.h"
#include "base/mem.h"
#include "theorem/numerics.h"
#include "theorem/ring.h"
#include "theorem/theorems.h"

enum { REPLICAS = 400 };

/* Uniform tokens on the circle. */
static dwell_status circle(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                           dwell_error *err) {
  (void)count, (void)ctx;
  dwell_status status = DWELL_OK;
  double found[REPLICAS], error;
  particles p = {0};
  TRY(particles_open("sa", 1000, 2, row->value[0], &p, err));
  for (uint32_t r = 0; r < REPLICAS; r++) {
    particles_uniform(&p, 7000 + r);
    found[r] = (double)ring_modes(&p, row->value[0]);
  }
  out->measured = numerics_mean(REPLICAS, found, &error);
  out->tolerance = 4 * error;
done:
  particles_close(&p);
  return status;
}

/* The same of the state at time value[1] of sa from such starts, against the Kac-Rice number with the growth of each
 * mode, sqrt(sum k^4 w_k / sum k^2 w_k), w_k = I_k^2 e^{2 gamma_k t}. */
static dwell_status later(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                          dwell_error *err) {
  (void)count;
  enum { STARTS = 40 };
  dwell_status status = DWELL_OK;
  double beta = row->value[0], t = row->value[1], found[STARTS], error, fourth = 0, second = 0;
  double zero = numerics_log_bessel(0, beta);
  particles p = {0};
  for (double k = 1; k < 60; k++) {
    double share = exp(numerics_log_bessel(k, beta) - zero), weight = pow(share * exp(k * k * share / beta * t), 2);
    fourth += pow(k, 4) * weight, second += k * k * weight;
  }
  TRY(particles_open("circle", 4000, 2, beta, &p, err));
  p.plan.rtol = 1e-6;
  for (uint32_t r = 0; r < STARTS; r++) {
    particles_uniform(&p, 7500 + r);
    p.t = 0;
    TRY(particles_to(&p, t, ctx, err));
    found[r] = (double)ring_modes(&p, beta);
  }
  out->predicted = sqrt(fourth / second);
  out->measured = numerics_mean(STARTS, found, &error);
  out->tolerance = 4 * error + 0.02 * out->predicted;
done:
  particles_close(&p);
  return status;
}

/* Maxima of sum_i e^{-beta (x - x_i)^2 / 2} of n normal numbers, on a grid of a tenth of the kernel's width. */
static dwell_status maxima(double beta, size_t n, uint32_t which, double *ret_count, double *ret_within,
                           dwell_error *err) {
  dwell_status status = DWELL_OK;
  double step = 0.1 / sqrt(beta), low = -6;
  size_t points = (size_t)(12 / step), reach = 70;
  double *grid = MEM_ZERO(double, points);
  TRY_ALLOC(grid, "a density");
  for (size_t i = 0; i < n; i++) {
    double x = numerics_normal(which, i, 0), place = (x - low) / step;
    if (place < (double)reach || place > (double)(points - reach - 1)) continue;
    for (size_t g = (size_t)place - reach; g <= (size_t)place + reach; g++) {
      double apart = ((double)g - place) * step;
      grid[g] += exp(-beta * apart * apart / 2);
    }
  }
  double square = 2 * log((double)n) - log(beta); /* of the largest place where theory has them */
  *ret_count = 0, *ret_within = 0;
  for (size_t g = 1; g + 1 < points; g++) {
    double x = low + step * (double)g;
    bool found = grid[g] > grid[g - 1] && grid[g] >= grid[g + 1];
    *ret_count += found, *ret_within += found && x * x <= square && x * x >= square - 2 * log(beta);
  }
done:
  mem_free(grid);
  return status;
}

/* Largest over least M / sqrt(beta ln beta) for three temperatures. */
static dwell_status growth(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                           dwell_error *err) {
  (void)count, (void)ctx;
  dwell_status status = DWELL_OK;
  double least = INFINITY, most = 0;
  for (int side = 0; side < 3; side++) {
    double sum = 0, found = 0, within = 0, beta = row->value[side];
    for (uint32_t r = 0; r < 20; r++) {
      TRY(maxima(beta, 10000, 8000 + r, &found, &within, err));
      sum += found / 20;
    }
    least = fmin(least, sum / sqrt(beta * log(beta)));
    most = fmax(most, sum / sqrt(beta * log(beta)));
  }
  out->measured = most / least;
done:
  return status;
}

/* Share of the maxima in t^2 in [2 ln n - 3 ln beta, 2 ln n - ln beta]. value: beta, n. */
static dwell_status zone(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                         dwell_error *err) {
  (void)count, (void)ctx;
  dwell_status status = DWELL_OK;
  double found = 0, within = 0, all = 0, inside = 0;
  for (uint32_t r = 0; r < 20; r++) {
    TRY(maxima(row->value[0], (size_t)row->value[1], 8000 + r, &found, &within, err));
    all += found, inside += within;
  }
  out->measured = inside / all;
done:
  return status;
}

#define CIRCLE(b, m)                                                                                              \
  {                                                                                                               \
    "T10.circle." #b, "mean number of maxima of the smoothed density of uniform tokens",                          \
        "n = 1000, d = 2, beta = " #b, m, THEOREM_EQUAL, THEOREM_COMPUTED, "four standard errors of 400 samples", \
        circle, {b}, false                                                                                        \
  }

static const theorem_row rows[] = {
    CIRCLE(5, 2.721),
    CIRCLE(50, 8.653),
    CIRCLE(100, 12.242),
    {"T10.later",
     "later each mode counts by its growth e^{2 gamma_k t}: mean number of maxima",
     "flow circle, n = 4000, beta = 25, t = 1.5, 40 samples",
     THEOREM_COMPUTED,
     THEOREM_EQUAL,
     THEOREM_COMPUTED,
     "four standard errors, and 2 % for amplitudes that are not small",
     later,
     {25, 1.5},
     false},
    {"T10.zone",
     "almost all of them lie in t^2 in [2 ln n - 3 ln beta, 2 ln n - ln beta] (share)",
     "n = 10000, beta = 10^4, 20 samples",
     1,
     THEOREM_AT_LEAST,
     0.2,
     "almost all in the limit; the rest is of order 1 / ln beta = .11",
     zone,
     {1e4, 1e4},
     false},
    {"T10.line",
     "normal tokens on the line: maxima number Theta(sqrt(beta ln beta)) (largest over least ratio)",
     "n = 10000, beta = 10^3, 10^4, 10^5",
     1,
     THEOREM_AT_MOST,
     1.5,
     "Theta leaves constants open; the number itself grows twelvefold",
     growth,
     {1e3, 1e4, 1e5},
     false},
};

const theorem theorem_modes = {"T10", "maxima of kernel density estimates at the start",
                               "arXiv:2412.09080; on the circle by the Kac-Rice formula: derived here",
                               THEOREM_ROWS(rows)};
