/* flow/continuation.c - pseudo-arclength continuation of stationary densities. */
#include "flow/continuation.h"

#include <math.h>
#include <string.h>

#include "base/context.h"
#include "base/error.h"
#include "base/mem.h"
#include "flow/harmonics.h"
#include "linalg/eigen.h"
#include "linalg/lu.h"

enum { NEWTON = 12, BISECTIONS = 60 };
static const double difference = 1e-5; /* of central differences: truncation and rounding are both about 1e-10 */

/* A place on a branch: u and the parameter in units of its value at the origin, z [size + 1]. */
typedef struct branch {
  const continuation_plan *plan;
  const continuation_host *host;
  meanfield_field *field;
  size_t size, whole;                  /* modes; length of a state of meanfield.h */
  double unit;                         /* the parameter at the origin */
  double arc, energy;                  /* of the last point */
  double *z, *tangent, *next, *turned; /* [size + 1] each: the last point and its direction; the next ones */
  double *matrix, *spare;              /* [(size + 1)^2] each */
  double *y, *slope, *slope_2;         /* [whole] */
  double *rates;                       /* [2 size] */
  int *pivots;
  void *memory;
} branch;

/* ---- the equations ---- */

static double beta_of(const branch *b, double s) { return b->plan->follow_beta ? s * b->unit : b->plan->m.beta; }
static double kappa_of(const branch *b, double s) { return b->plan->follow_beta ? b->plan->m.kappa : s * b->unit; }

/* Where u_l stands in a state. */
static size_t place_of(const branch *b, size_t l) { return b->plan->m.d == 2 ? 2 * (l - 1) : l; }

static dwell_status set_parameter(branch *b, double s, dwell_error *err) {
  return meanfield_change(b->field, beta_of(b, s), kappa_of(b, s), err);
}

/* Slope at z's u into `to` [whole]. */
static void slope_at(branch *b, const double *z, double *to) {
  memset(b->y, 0, b->whole * sizeof(double));
  if (b->plan->m.d > 2) b->y[0] = 1;
  for (size_t l = 1; l <= b->size; l++) b->y[place_of(b, l)] = z[l - 1];
  meanfield_field_slope(b->field, b->y, to);
}

/* Column e of the Jacobian with respect to place `at` of a state, rows at places + shift; stride between rows. */
static void differentiate(branch *b, const double *z, size_t at, size_t shift, size_t stride, double *column) {
  slope_at(b, z, b->slope);
  double keep = b->y[at];
  b->y[at] = keep + difference;
  meanfield_field_slope(b->field, b->y, b->slope);
  b->y[at] = keep - difference;
  meanfield_field_slope(b->field, b->y, b->slope_2);
  b->y[at] = keep;
  for (size_t l = 1; l <= b->size; l++) {
    size_t row = place_of(b, l) + shift;
    column[(l - 1) * stride] = (b->slope[row] - b->slope_2[row]) / (2 * difference);
  }
}

/* b->matrix: d F / d z in its first `size` rows, `last` [size + 1] in the last one. */
static dwell_status jacobian(branch *b, const double *z, const double *last, dwell_error *err) {
  dwell_status status = DWELL_OK;
  size_t n = b->size + 1;
  double h = difference;
  TRY(set_parameter(b, z[b->size], err));
  for (size_t l = 1; l <= b->size; l++) differentiate(b, z, place_of(b, l), 0, n, b->matrix + l - 1);
  TRY(set_parameter(b, z[b->size] + h, err));
  slope_at(b, z, b->slope);
  TRY(set_parameter(b, z[b->size] - h, err));
  slope_at(b, z, b->slope_2);
  TRY(set_parameter(b, z[b->size], err));
  for (size_t l = 1; l <= b->size; l++) {
    size_t row = place_of(b, l);
    b->matrix[(l - 1) * n + b->size] = (b->slope[row] - b->slope_2[row]) / (2 * h);
  }
  memcpy(b->matrix + b->size * n, last, n * sizeof(double));
done:
  return status;
}

static double dot(size_t n, const double *a, const double *c) {
  double sum = 0;
  for (size_t e = 0; e < n; e++) sum += a[e] * c[e];
  return sum;
}

/* Newton's method from `z` for F = 0 at distance `ahead` from `from` along `direction`. *ret_rounds: NEWTON + 1: it
 * does not converge. */
static dwell_status correct(branch *b, const double *from, const double *direction, double ahead, double *z,
                            size_t *ret_rounds, dwell_error *err) {
  size_t n = b->size + 1;
  double *residual = b->spare;
  for (*ret_rounds = 1; *ret_rounds <= NEWTON; ++*ret_rounds) {
    double moved = 0;
    if (!(z[b->size] > 0.01 && z[b->size] < 1000)) break;
    dwell_status status = jacobian(b, z, direction, err);
    if (status != DWELL_OK) return status;
    slope_at(b, z, b->slope);
    for (size_t l = 1; l <= b->size; l++) residual[l - 1] = b->slope[place_of(b, l)];
    residual[b->size] = dot(n, direction, z) - dot(n, direction, from) - ahead;
    if (!lu_solve(n, b->matrix, 1, residual, b->pivots)) break;
    for (size_t e = 0; e < n; e++) z[e] -= residual[e], moved = fmax(moved, fabs(residual[e]));
    if (moved < 1e-11) return DWELL_OK;
  }
  *ret_rounds = NEWTON + 1;
  return DWELL_OK;
}

/* The unit direction of the branch at z, on the side of `before`. */
static dwell_status turn(branch *b, const double *z, const double *before, double *ret_tangent, bool *ret_good,
                         dwell_error *err) {
  size_t n = b->size + 1;
  dwell_status status = jacobian(b, z, before, err);
  if (status != DWELL_OK) return status;
  memset(ret_tangent, 0, n * sizeof(double));
  ret_tangent[b->size] = 1;
  *ret_good = lu_solve(n, b->matrix, 1, ret_tangent, b->pivots);
  double length = sqrt(dot(n, ret_tangent, ret_tangent));
  for (size_t e = 0; e < n; e++) ret_tangent[e] /= length;
  return DWELL_OK;
}

/* ---- what is said of a place ---- */

/* Largest rate of disturbances, and how many grow. On the circle odd ones too, without the rotation, whose rate is the
 * smallest of them in size. */
static dwell_status look(branch *b, const double *z, continuation_point *p, dwell_error *err) {
  dwell_status status = DWELL_OK;
  size_t n = b->size;
  double limit = 1e-7 * (double)(b->plan->m.d - 1) / p->kappa, *imaginary = b->rates + n;
  TRY(set_parameter(b, z[n], err));
  p->growth = -INFINITY, p->unstable = 0;
  for (size_t odd = 0; odd < (b->plan->m.d == 2 ? 2 : 1); odd++) {
    size_t skip = n;
    for (size_t l = 1; l <= n; l++) differentiate(b, z, place_of(b, l) + odd, odd, n, b->spare + l - 1);
    TRY(eigen_general(n, b->spare, b->rates, imaginary, err));
    if (odd == 1) skip = 0;
    for (size_t e = 0; e < n && odd == 1; e++) skip = fabs(b->rates[e]) < fabs(b->rates[skip]) ? e : skip;
    for (size_t e = 0; e < n; e++) {
      if (e == skip) continue;
      p->growth = fmax(p->growth, b->rates[e]);
      p->unstable += b->rates[e] > limit;
    }
  }
done:
  return status;
}

static double tail_of(const branch *b, const double *z) {
  double most = 0, last = 0;
  for (size_t l = 1; l <= b->size; l++) {
    double size = fabs(z[l - 1]) * sqrt(harmonics_dimension(b->plan->m.d, l));
    most = fmax(most, size);
    if (8 * l >= 7 * b->size) last = fmax(last, size);
  }
  return most > 0 ? last / most : 0;
}

static dwell_status energy_at(branch *b, const double *z, double *ret_energy, dwell_error *err) {
  dwell_status status = set_parameter(b, z[b->size], err);
  slope_at(b, z, b->slope); /* fills y */
  *ret_energy = meanfield_free_energy(b->field, b->y);
  return status;
}

static dwell_status emit(branch *b, continuation_kind kind, double arc, const double *z, dwell_error *err) {
  dwell_status status = DWELL_OK;
  continuation_point p = {kind, beta_of(b, z[b->size]), kappa_of(b, z[b->size]), arc};
  p.tail = tail_of(b, z);
  TRY(energy_at(b, z, &p.free_energy, err));
  TRY(look(b, z, &p, err));
  TRY(context_interrupted(b->host->ctx, err));
  status = b->host->emit(b->host->self, &p, z, err);
done:
  return status;
}

/* ---- memory ---- */

static void close(branch *b) {
  meanfield_close(b->field);
  mem_free(b->memory);
  mem_free(b->pivots);
}

static dwell_status open(const continuation_plan *plan, const continuation_host *host, double unit, branch *ret_branch,
                         dwell_error *err) {
  dwell_status status = DWELL_OK;
  branch b = {.plan = plan, .host = host, .size = plan->m.modes, .whole = meanfield_size(&plan->m), .unit = unit};
  size_t n = b.size + 1;
  meanfield m = plan->m;
  m.beta = beta_of(&b, 1), m.kappa = kappa_of(&b, 1);
  TRY(meanfield_open(&m, &b.field, err));
  double *memory = MEM_ZERO(double, 4 * n + 2 * n * n + 3 * b.whole + 2 * n);
  b.memory = memory;
  b.pivots = MEM_NEW(int, n);
  if (memory == NULL || b.pivots == NULL) TRY_ALLOC(NULL, "the branch");
  b.z = memory, b.tangent = b.z + n, b.next = b.tangent + n, b.turned = b.next + n;
  b.matrix = b.turned + n, b.spare = b.matrix + n * n, b.y = b.spare + n * n;
  b.slope = b.y + b.whole, b.slope_2 = b.slope + b.whole, b.rates = b.slope_2 + b.whole;
  b.z[b.size] = 1;
  b.tangent[plan->order - 1] = plan->negative ? -1 : 1;
done:
  if (status != DWELL_OK) close(&b), b = (branch){0};
  *ret_branch = b;
  return status;
}

/* ---- along a branch ---- */

/* The point at arc length `ahead` of the last one, and its direction; *ret_good: both were found. */
static dwell_status advance(branch *b, double ahead, size_t *ret_rounds, bool *ret_good, dwell_error *err) {
  dwell_status status = DWELL_OK;
  for (size_t e = 0; e <= b->size; e++) b->next[e] = b->z[e] + ahead * b->tangent[e];
  TRY(correct(b, b->z, b->tangent, ahead, b->next, ret_rounds, err));
  *ret_good = *ret_rounds <= NEWTON;
  if (*ret_good) TRY(turn(b, b->next, b->tangent, b->turned, ret_good, err));
done:
  return status;
}

/* What changes sign at a special point. */
static dwell_status sign_at(branch *b, continuation_kind kind, double *ret_value, dwell_error *err) {
  if (kind == CONTINUATION_EQUAL) return energy_at(b, b->next, ret_value, err);
  *ret_value = b->turned[b->size];
  return DWELL_OK;
}

/* A special point between the last one and the one at `ahead`: b->next there. */
static dwell_status locate(branch *b, continuation_kind kind, double ahead, double before, dwell_error *err) {
  dwell_status status = DWELL_OK;
  double low = 0, high = ahead, value;
  bool good = true;
  size_t rounds;
  for (int k = 0; k < BISECTIONS && good && high - low > 1e-9 * ahead; k++) {
    double middle = (low + high) / 2;
    TRY(advance(b, middle, &rounds, &good, err));
    TRY(sign_at(b, kind, &value, err));
    if (value * before > 0) low = middle;
    else high = middle;
  }
  if (good) status = emit(b, kind, b->arc + high, b->next, err);
done:
  return status;
}

/* Special points between the last one and b->next; afterwards b->next is the latter again. */
static dwell_status find_special(branch *b, double ahead, dwell_error *err) {
  dwell_status status = DWELL_OK;
  double energy, turned = b->turned[b->size], before = b->tangent[b->size];
  bool good;
  size_t rounds;
  TRY(energy_at(b, b->next, &energy, err));
  bool fold = turned * before < 0, equal = energy * b->energy < 0;
  if (fold) TRY(locate(b, CONTINUATION_FOLD, ahead, before, err));
  if (equal) TRY(locate(b, CONTINUATION_EQUAL, ahead, b->energy, err));
  b->energy = energy;
  if (fold || equal) TRY(advance(b, ahead, &rounds, &good, err));
done:
  return status;
}

static bool is_inside(const branch *b, const double *z) {
  double value = z[b->size] * b->unit;
  return value >= b->plan->low && value <= b->plan->high;
}

/* One step of at most *step; shortens and lengthens it. *ret_good: false: there is none. */
static dwell_status step_on(branch *b, double *step, bool *ret_good, dwell_error *err) {
  dwell_status status = DWELL_OK;
  size_t rounds = 0, n = b->size + 1;
  for (*ret_good = false; *step > 1e-7; *step /= 2) {
    TRY(advance(b, *step, &rounds, ret_good, err));
    bool straight = *ret_good && dot(n, b->turned, b->tangent) > 0.95;
    bool off_origin = *ret_good && fabs(b->next[b->plan->order - 1]) > 1e-3 * *step; /* not back to the uniform state */
    *ret_good = straight && off_origin;
    if (*ret_good) break;
  }
  if (!*ret_good) goto done;
  TRY(find_special(b, *step, err));
  b->arc += *step;
  memcpy(b->z, b->next, n * sizeof(double));
  memcpy(b->tangent, b->turned, n * sizeof(double));
  if (rounds <= 4) *step = fmin(b->plan->step, 1.5 * *step);
done:
  return status;
}

static dwell_status follow(branch *b, continuation_end *ret_end, dwell_error *err) {
  dwell_status status = DWELL_OK;
  double step = fmin(0.02, b->plan->step);
  bool good = true;
  *ret_end = CONTINUATION_FULL;
  TRY(emit(b, CONTINUATION_ORIGIN, 0, b->z, err));
  for (size_t k = 1; k < b->plan->most; k++) {
    TRY(step_on(b, &step, &good, err));
    if (!good && k == 1) TRY(error_set(err, DWELL_FAILED, "no branch was found at the loss of stability"));
    *ret_end = !good ? CONTINUATION_STUCK : tail_of(b, b->z) > 1e-3 ? CONTINUATION_NARROW : CONTINUATION_LEFT;
    if (*ret_end != CONTINUATION_LEFT || !is_inside(b, b->z)) goto done;
    TRY(emit(b, CONTINUATION_POINT, b->arc, b->z, err));
    *ret_end = CONTINUATION_FULL;
  }
done:
  return status;
}

/* ---- the origin ---- */

double continuation_threshold(const meanfield *m, size_t order) {
  meanfield quiet = *m;
  quiet.kappa = 0;
  double k = (double)order, rate = meanfield_rate(&quiet, order);
  return rate > 0 ? k * (k + (double)m->d - 2) / rate : INFINITY;
}

static double rate_at(const continuation_plan *plan, double beta) {
  meanfield m = plan->m;
  m.beta = beta;
  return meanfield_rate(&m, plan->order);
}

/* The first beta from `low` on at which the rate of the degree changes sign. */
static double beta_origin(const continuation_plan *plan) {
  enum { PIECES = 1000 };
  double width = (plan->high - plan->low) / PIECES, low = plan->low, first = rate_at(plan, low);
  for (size_t k = 0; k < PIECES; k++, low += width) {
    double high = low + width;
    if (!(rate_at(plan, high) * first < 0)) continue;
    for (int bisection = 0; bisection < BISECTIONS; bisection++) {
      double middle = (low + high) / 2;
      if (rate_at(plan, middle) * first < 0) high = middle;
      else low = middle;
    }
    return (low + high) / 2;
  }
  return NAN;
}

static dwell_status check(const continuation_plan *plan, dwell_error *err) {
  if (plan->m.modes < 8 || plan->m.modes > 300) return error_set(err, DWELL_USAGE, "from 8 to 300 modes");
  if (plan->order < 1 || 2 * plan->order > plan->m.modes)
    return error_set(err, DWELL_USAGE, "the degree is at least 1 and at most half the modes");
  if (!(plan->low > 0 && plan->low < plan->high)) return error_set(err, DWELL_USAGE, "the range must ascend, above 0");
  if (!(plan->step > 0)) return error_set(err, DWELL_USAGE, "the step must be positive");
  if (!plan->follow_beta || plan->m.kappa > 0) return DWELL_OK;
  return error_set(err, DWELL_USAGE, "to follow beta, kappa must be given, above 0");
}

dwell_status continuation_follow(const continuation_plan *plan, const continuation_host *host,
                                 continuation_end *ret_end, dwell_error *err) {
  dwell_status status = check(plan, err);
  branch b = {0};
  if (status != DWELL_OK) return status;
  double origin = plan->follow_beta ? beta_origin(plan) : continuation_threshold(&plan->m, plan->order);
  const char *name = plan->follow_beta ? "beta" : "kappa";
  if (!isfinite(origin) || origin < plan->low || origin > plan->high) {
    error_set(err, DWELL_USAGE, "degree %zu of the uniform density does not lose stability between %s = %g and %g",
              plan->order, name, plan->low, plan->high);
    if (isfinite(origin)) error_remedy(err, "It does at %s = %.9g", name, origin);
    return DWELL_USAGE;
  }
  TRY(open(plan, host, origin, &b, err));
  status = follow(&b, ret_end, err);
done:
  close(&b);
  return status;
}

/* ---- the beginning of a branch ---- */

dwell_status continuation_curvature(const meanfield *m, size_t order, double *ret_curvature, dwell_error *err) {
  static const double amplitudes[3] = {0.04, 0.08, 0.12};
  continuation_plan plan = {.m = *m, .low = 1e-300, .high = 1e300, .order = order, .step = 1};
  dwell_status status = check(&plan, err);
  branch b = {0};
  double value[3];
  if (status != DWELL_OK) return status;
  double origin = continuation_threshold(m, order);
  if (!isfinite(origin)) return error_set(err, DWELL_USAGE, "degree %zu never loses stability", order);
  TRY(open(&plan, NULL, origin, &b, err));
  for (size_t k = 0; k < 3; k++) {
    size_t rounds, n = b.size + 1;
    for (size_t e = 0; e < n; e++) b.next[e] = b.z[e] + amplitudes[k] * b.tangent[e];
    TRY(correct(&b, b.z, b.tangent, amplitudes[k], b.next, &rounds, err));
    if (rounds > NEWTON) TRY(error_set(err, DWELL_FAILED, "no branch was found at the loss of stability"));
    value[k] = (b.next[b.size] - 1) / (amplitudes[k] * amplitudes[k]);
  }
  *ret_curvature = 0; /* the polynomial in the squares through the three, at 0 */
  for (size_t k = 0; k < 3; k++) {
    double weight = 1, own = amplitudes[k] * amplitudes[k];
    for (size_t j = 0; j < 3; j++)
      if (j != k) weight *= amplitudes[j] * amplitudes[j] / (amplitudes[j] * amplitudes[j] - own);
    *ret_curvature += weight * value[k];
  }
done:
  close(&b);
  return status;
}

dwell_status continuation_tricritical(const meanfield *m, size_t order, double low, double high, double *ret_beta,
                                      dwell_error *err) {
  dwell_status status = DWELL_OK;
  meanfield at = *m;
  double first, last, value;
  at.beta = low;
  TRY(continuation_curvature(&at, order, &first, err));
  at.beta = high;
  TRY(continuation_curvature(&at, order, &last, err));
  if (first * last > 0) {
    status = error_set(err, DWELL_USAGE, "the transition is %s all the way from beta = %g to %g",
                       first > 0 ? "continuous" : "discontinuous", low, high);
    goto done;
  }
  for (int k = 0; k < BISECTIONS && high - low > 1e-10 * high; k++) {
    at.beta = (low + high) / 2;
    TRY(continuation_curvature(&at, order, &value, err));
    if (value * first > 0) low = at.beta;
    else high = at.beta;
  }
  *ret_beta = (low + high) / 2;
done:
  return status;
}
