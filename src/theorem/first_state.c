/* theorem/first_state.c - T8: which number of clusters comes first out of the uniform state, and how fast. */
#include <math.h>

#include "base/error.h"
#include "flow/meanfield.h"
#include "theorem/numerics.h"
#include "theorem/ring.h"
#include "theorem/theorems.h"

static dwell_status rate(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                         dwell_error *err) {
  (void)ctx;
  dwell_status status = DWELL_OK;
  for (size_t r = 0; r < count; r++)
    TRY(ring_rate(row[r].value[2] == 1 ? "usa" : "sa", row[r].value[0], (size_t)row[r].value[1], &out[r].measured,
                  err));
done:
  return status;
}

/* The mode of fastest growth among those up to twice the expected one. */
static dwell_status fastest(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                            dwell_error *err) {
  (void)count, (void)ctx;
  dwell_status status = DWELL_OK;
  double best = 0;
  for (size_t k = 1; k <= 2 * (size_t)row->predicted + 2; k++) {
    double found;
    TRY(ring_rate("sa", row->value[0], k, &found, err));
    if (found > best) best = found, out->measured = (double)k;
  }
done:
  return status;
}

/* value: beta, d. Degrees by the definition of the multiplier. */
static dwell_status degree(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                           dwell_error *err) {
  (void)count, (void)ctx, (void)err;
  size_t d = (size_t)row->value[1];
  double best = 0;
  for (size_t l = 1; l <= 2 * (size_t)row->predicted + 2; l++) {
    double found = (double)(l * (l + d - 2)) * numerics_funk_hecke(d, l, row->value[0]);
    if (found > best) best = found, out->measured = (double)l;
  }
  return DWELL_OK;
}

/* Largest k^2 I_k / (beta I_0). */
static dwell_status top_rate(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                             dwell_error *err) {
  (void)count, (void)ctx, (void)err;
  double beta = row->value[0], zero = numerics_log_bessel(0, beta), middle = sqrt(2 * beta);
  out->measured = 0;
  for (double k = floor(0.8 * middle); k < 1.2 * middle; k++)
    out->measured = fmax(out->measured, k * k / beta * exp(numerics_log_bessel(k, beta) - zero));
  return DWELL_OK;
}

/* Harmonics of e^{beta cos} from which all are below eps of the mean. value: beta, eps. */
static dwell_status harmonics_that_count(const theorem_row *row, size_t count, theorem_outcome *out,
                                         const dwell_context *ctx, dwell_error *err) {
  (void)count, (void)ctx, (void)err;
  double beta = row->value[0], least = numerics_log_bessel(0, beta) + log(row->value[1]), k = 0;
  while (numerics_log_bessel(k + 1, beta) > least) k++;
  out->measured = k;
  return DWELL_OK;
}

/* Clusters of 1500 uniform tokens at time 6: maxima of the density seen through the kernel. */
static dwell_status clusters(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                             dwell_error *err) {
  (void)count;
  dwell_status status = DWELL_OK;
  double beta = row->value[0], sum = 0;
  particles p = {0};
  TRY(particles_open("sa", 1500, 2, beta, &p, err));
  p.plan.rtol = 1e-6;
  for (uint32_t start = 0; start < (uint32_t)row->value[1]; start++) {
    particles_uniform(&p, 80 + start);
    p.t = 0;
    TRY(particles_to(&p, row->value[2], ctx, err));
    sum += (double)ring_modes(&p, beta);
  }
  out->measured = sum / row->value[1];
done:
  particles_close(&p);
  return status;
}

/* The same of each of MANY_STARTS starts, by Fourier sums over the tokens, at the times of the first two rows: the rank
 * of the source's count. value: beta, time, count. */
static dwell_status many(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                         dwell_error *err) {
  enum { MANY_STARTS = 40 };
  dwell_status status = DWELL_OK;
  double found[2][MANY_STARTS], lost[MANY_STARTS], error;
  (void)count;
  particles p = {0};
  TRY(particles_open("circle", 1500, 2, row->value[0], &p, err));
  p.plan.rtol = 1e-6;
  for (uint32_t s = 0; s < MANY_STARTS; s++) {
    particles_uniform(&p, 80 + s);
    p.t = 0;
    for (size_t r = 0; r < 2; r++) {
      TRY(particles_to(&p, row[r].value[1], ctx, err));
      found[r][s] = (double)ring_modes(&p, row->value[0]);
    }
    lost[s] = found[0][s] - found[1][s];
  }
  for (size_t r = 0; r < 2; r++) out[r].measured = numerics_rank(MANY_STARTS, found[r], row[r].value[2]);
  out[2].measured = numerics_mean(MANY_STARTS, lost, &error) - 4 * error;
done:
  particles_close(&p);
  return status;
}

#define MANY "sa, n = 1500, d = 2, beta = 100, 40 starts"

/* A density a cos(k theta) off the uniform one: how much later c_k reaches .2 when a is a tenth, over ln 10. value:
 * beta, k. */
static dwell_status formation(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                              dwell_error *err) {
  (void)count;
  enum { MODES = 96 };
  dwell_status status = DWELL_OK;
  double beta = row->value[0], reached[2];
  size_t k = (size_t)row->value[1];
  meanfield m = {.d = 2, .beta = beta, .normalised = true, .modes = MODES};
  for (int side = 0; side < 2; side++) {
    double y[2 * MODES] = {0}, t = 0, span = 0.05, last = 0;
    ode_plan plan = {.integrator = DWELL_RK45, .rtol = 1e-8, .atol = 1e-12, .times = &span, .count = 1};
    ode_host host = {.ctx = ctx};
    ode_outcome outcome;
    y[2 * (k - 1)] = side == 0 ? 1e-3 : 1e-4;
    for (; y[2 * (k - 1)] < 0.2; t += span) {
      last = y[2 * (k - 1)];
      TRY(meanfield_solve(&m, &plan, &host, y, NULL, &outcome, err));
    }
    reached[side] = t - span * log(y[2 * (k - 1)] / 0.2) / log(y[2 * (k - 1)] / last);
  }
  out[0].measured = (reached[1] - reached[0]) / log(10);
  out[0].predicted = exp(numerics_log_bessel(0, beta) - numerics_log_bessel((double)k, beta)) * beta / (double)(k * k);
  out[1].measured = out[0].measured / 2;
done:
  return status;
}

#define RATE(name, flow, usa, k, r, first)                                                                             \
  {                                                                                                                    \
    "T8.rate." name, "growth rate of mode " #k " out of the uniform state", flow ", d = 2, beta = 5", r,               \
        THEOREM_EQUAL, 1e-6, "digits printed; the difference in the displacement is good to 1e-8", first, {5, k, usa}, \
        false                                                                                                          \
  }
#define MODE(b, k)                                                                                                \
  {                                                                                                               \
    "T8.mode." #b, "the mode that grows fastest", "sa, d = 2, beta = " #b, k, THEOREM_EQUAL, 0, "a whole number", \
        fastest, {b}, false                                                                                       \
  }

static const theorem_row rows[] = {
    RATE("usa-1", "usa", 1, 1, 4.867128, rate),
    RATE("usa-2", "usa", 1, 2, 14.004492, NULL),
    RATE("usa-3", "usa", 1, 3, 18.596070, NULL),
    RATE("usa-4", "usa", 1, 4, 16.346351, NULL),
    RATE("sa-1", "sa", 0, 1, 0.178677, NULL),
    RATE("sa-2", "sa", 0, 2, 0.514117, NULL),
    RATE("sa-3", "sa", 0, 3, 0.682678, NULL),
    RATE("sa-4", "sa", 0, 4, 0.600089, NULL),
    {"T8.harmonics.100",
     "a sum over tokens on the circle takes sqrt(2 beta ln(1 / eps)) harmonics",
     "beta = 100, eps = 1e-15",
     83,
     THEOREM_EQUAL,
     3,
     "the next term, k^4 / 24 beta^3 = 2 of ln(1 / eps) = 34.5, makes them 3 % more",
     harmonics_that_count,
     {100, 1e-15},
     false},
    MODE(2, 2),
    MODE(4, 3),
    MODE(5, 3),
    MODE(7, 4),
    MODE(9, 4),
    MODE(16, 6),
    MODE(25, 7),
    MODE(50, 10),
    MODE(100, 14),
    MODE(200, 20),
    {"T8.degree.d3",
     "the harmonic degree that grows fastest",
     "d = 3, beta = 50",
     10,
     THEOREM_EQUAL,
     0,
     "a whole number",
     degree,
     {50, 3},
     false},
    {"T8.degree.d8",
     "the harmonic degree that grows fastest",
     "d = 8, beta = 200",
     17,
     THEOREM_EQUAL,
     0,
     "a whole number",
     degree,
     {200, 8},
     false},
    {"T8.degree.d32",
     "the harmonic degree that grows fastest",
     "d = 32, beta = 200",
     10,
     THEOREM_EQUAL,
     0,
     "a whole number",
     degree,
     {200, 32},
     false},
    {"T8.top-rate",
     "the largest growth rate of sa tends to 2/e",
     "d = 2, beta = 20000",
     0.73575888234288467,
     THEOREM_EQUAL,
     1e-4,
     "the next term is of order 1 / beta, and k is a whole number near 200",
     top_rate,
     {20000},
     false},
    {"T8.clusters.25",
     "clusters at t = 6 out of uniform tokens, mean of starts",
     "sa, n = 1500, d = 2, beta = 25",
     6,
     THEOREM_EQUAL,
     1,
     "one cluster more or less",
     clusters,
     {25, 4, 6},
     false},
    {"T8.clusters.50",
     "clusters at t = 6 out of uniform tokens, mean of starts",
     "sa, n = 1500, d = 2, beta = 50",
     9.5,
     THEOREM_EQUAL,
     1.5,
     "the source says 9 to 10, one more or less",
     clusters,
     {50, 4, 6},
     true},
    {"T8.clusters.100",
     "the source's 14 clusters of one start at t = 6 are ordinary (share of starts with fewer, half of those with 14)",
     MANY,
     THEOREM_ORDINARY,
     many,
     {100, 6, 14},
     true},
    {"T8.coarsens.100", "and so are its 12 at t = 10", MANY, THEOREM_ORDINARY, NULL, {100, 10, 12}, true},
    {"T8.coarsens.fall",
     "they coarsen: clusters that a start loses from t = 6 to 10, mean less four standard errors",
     MANY,
     0,
     THEOREM_AT_LEAST,
     0,
     "a sign",
     NULL,
     {100},
     true},
    {"T8.formation.rate",
     "a start ten times nearer to uniform needs ln 10 over the growth rate longer (time over ln 10)",
     "mean-field equation, sa, d = 2, beta = 200, k = 20",
     THEOREM_COMPUTED,
     THEOREM_EQUAL,
     2e-3,
     "squares of the amplitudes .001 and .0001, and a straight line between moments .05 apart",
     formation,
     {200, 20},
     false},
    {"T8.formation.tokens",
     "so that the first clusters of n tokens, n^{-1/2} from uniform, form in (e / 4) ln n (factor of ln n)",
     "mean-field equation, sa, d = 2, beta = 200, k = 20",
     0.679570457114761,
     THEOREM_EQUAL,
     0.01,
     "the limit of large beta; here I_20 / I_0 differs from e^{-1} by a hundredth",
     NULL,
     {200, 20},
     false},
};

static const theorem_row rows_10[] = {
    {"F10.printed",
     "printed: the most unstable mode of usa grows at k^2 I_k / (pi beta)",
     "d = 2, beta = 5, k = 3",
     5.919312,
     THEOREM_DIFFERS,
     1,
     "it is faster by the factor pi",
     rate,
     {5, 3, 1},
     false},
    {"F10.corrected",
     "it grows at k^2 I_k / beta",
     "d = 2, beta = 5, k = 3",
     18.596070,
     THEOREM_EQUAL,
     1e-6,
     "digits printed",
     rate,
     {5, 3, 1},
     false},
};

const theorem theorem_f10 = {"F10", "the absolute rate in a notebook beside arXiv:2410.23228",
                             "notebook of arXiv:2410.23228; corrected here", THEOREM_ROWS(rows_10)};
const theorem theorem_first_state = {
    "T8", "the first metastable state out of the uniform one",
    "Bruno, Pasqualotto, Agazzi, arXiv:2410.23228; exact rates by Funk-Hecke: derived here", THEOREM_ROWS(rows)};
