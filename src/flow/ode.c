/* flow/ode.c - explicit Runge-Kutta methods with an integrating factor.
 *
 * Dormand-Prince: J. Comp. Appl. Math. 6 (1980) 19. Step control: Hairer, Norsett, Wanner, Solving Ordinary
 * Differential Equations I, II.4. */
#include "flow/ode.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/context.h"
#include "base/error.h"
#include "base/mem.h"
#include "flow/integrate.h"

enum { STAGES = 7 };

typedef struct method {
  size_t stages; /* slopes that the result uses */
  double node[STAGES];
  double a[STAGES][STAGES]; /* row `stages` of the non-embedded methods: the result */
  double error[STAGES];     /* all zero: no estimate */
} method;

/* The last row is the result, and the first slope of the next step. */
static const method dormand_prince = {
    6,
    {0, 0.2, 0.3, 0.8, 8.0 / 9, 1, 1},
    {{0},
     {1.0 / 5},
     {3.0 / 40, 9.0 / 40},
     {44.0 / 45, -56.0 / 15, 32.0 / 9},
     {19372.0 / 6561, -25360.0 / 2187, 64448.0 / 6561, -212.0 / 729},
     {9017.0 / 3168, -355.0 / 33, 46732.0 / 5247, 49.0 / 176, -5103.0 / 18656},
     {35.0 / 384, 0, 500.0 / 1113, 125.0 / 192, -2187.0 / 6784, 11.0 / 84}},
    {71.0 / 57600, 0, -71.0 / 16695, 71.0 / 1920, -17253.0 / 339200, 22.0 / 525, -1.0 / 40}};
static const method classical = {
    4, {0, 0.5, 0.5, 1, 1}, {{0}, {0.5}, {0, 0.5}, {0, 0, 1}, {1.0 / 6, 1.0 / 3, 1.0 / 3, 1.0 / 6}}, {0}};
static const method euler = {1, {0, 1}, {{0}, {1}}, {0}};

typedef struct solver {
  const ode_problem *problem;
  const ode_plan *plan;
  const ode_host *host;
  const method *method;
  double t;
  size_t next;       /* first time not emitted yet */
  double *y;         /* [size] the present (the caller's) */
  double *end;       /* [size] the end of a step */
  double *k[STAGES]; /* [size] each; k[0] is the slope at y */
  ode_outcome outcome;
} solver;

static dwell_status slope(solver *s, double t, const double *y, double *ret_slope, dwell_error *err) {
  s->outcome.evaluations++;
  return s->problem->slope(s->problem->self, t, y, ret_slope, err);
}

/* ret_sum = e^{-node h decay} base + h sum_m weight_m e^{-(node - node_m) h decay} k_m over the first `count` slopes.
 */
static void combine(const solver *s, double h, double node, const double *weight, size_t count, const double *opt_base,
                    double *ret_sum) {
  const double *decay = s->problem->opt_decay;
  size_t size = s->problem->size;
  for (size_t e = 0; e < size; e++) {
    double rate = decay != NULL ? h * decay[e] : 0;
    double sum = 0;
    for (size_t m = 0; m < count; m++) {
      double since = node - s->method->node[m];
      if (weight[m] != 0) sum += weight[m] * s->k[m][e] * (rate == 0 || since == 0 ? 1 : exp(-since * rate));
    }
    double base = opt_base != NULL ? opt_base[e] : 0;
    ret_sum[e] = base * (rate == 0 ? 1 : exp(-node * rate)) + h * sum;
  }
}

/* A step of length h from (t, y) into ret_y, k[0] being known. */
static dwell_status take(solver *s, double h, double *ret_y, dwell_error *err) {
  const method *m = s->method;
  for (size_t i = 1; i < m->stages; i++) {
    combine(s, h, m->node[i], m->a[i], i, s->y, ret_y);
    dwell_status status = slope(s, s->t + m->node[i] * h, ret_y, s->k[i], err);
    if (status != DWELL_OK) return status;
  }
  combine(s, h, 1, m->a[m->stages], m->stages, s->y, ret_y);
  return DWELL_OK;
}

static double largest(size_t size, const double *y) {
  double high = 0;
  for (size_t e = 0; e < size; e++) {
    if (!isfinite(y[e])) return INFINITY;
    high = fmax(high, fabs(y[e]));
  }
  return high;
}

static dwell_status failed(const solver *s, dwell_error *err, const char *what) {
  return error_set(err, DWELL_FAILED, "%s at t = %.12g of %.6g", what, s->t, s->plan->times[s->plan->count - 1]);
}

static dwell_status emit(solver *s, const double *y, dwell_error *err) {
  size_t index = s->next++;
  return s->host->emit != NULL ? s->host->emit(s->host->self, index, y, err) : DWELL_OK;
}

/* The step that ended in s->end at time `after` is the present. */
static dwell_status accept(solver *s, double after, dwell_error *err) {
  memcpy(s->y, s->end, s->problem->size * sizeof(double));
  s->outcome.longest_step = fmax(s->outcome.longest_step, after - s->t);
  s->t = s->outcome.reached = after;
  if (++s->outcome.steps > ODE_MOST_STEPS) return failed(s, err, "the system is too stiff for explicit steps");
  double end = s->plan->times[s->plan->count - 1];
  if (s->host->progress != NULL) s->host->progress(s->host->self, s->t / end);
  return context_interrupted(s->host->ctx, err);
}

/* ---- rk45 ---- */

/* The first step: one that changes y by a hundredth of its size, or moves a system at rest at all. */
static double first_step(const solver *s) {
  size_t size = s->problem->size;
  double speed = largest(size, s->k[0]), scale = fmax(largest(size, s->y), s->plan->atol);
  for (size_t e = 0; s->problem->opt_decay != NULL && e < size; e++)
    speed = fmax(speed, s->problem->opt_decay[e] * fabs(s->y[e]));
  return speed > 0 ? 0.01 * scale / speed : s->plan->times[s->plan->count - 1];
}

/* Of the step in s->end, in units of what is allowed; INFINITY: not finite. k[1] is overwritten. */
static double error_of(solver *s, double h) {
  size_t size = s->problem->size;
  double high = fmax(largest(size, s->y), largest(size, s->end));
  combine(s, h, 1, s->method->error, STAGES, NULL, s->k[1]);
  double error = largest(size, s->k[1]), allowed = s->plan->atol + s->plan->rtol * high;
  if (!isfinite(error) || !isfinite(high)) return INFINITY;
  return error == 0 ? 0 : error / allowed;
}

/* Tries a step of length h; *ret_error as error_of. A slope that fails inside counts as an infinite error. */
static dwell_status try_step(solver *s, double h, double *ret_error, dwell_error *err) {
  dwell_status status = take(s, h, s->end, err);
  if (status == DWELL_OK) status = slope(s, s->t + h, s->end, s->k[STAGES - 1], err);
  *ret_error = status == DWELL_OK ? error_of(s, h) : INFINITY;
  return status == DWELL_FAILED ? DWELL_OK : status;
}

static dwell_status adaptive(solver *s, dwell_error *err) {
  dwell_status status = DWELL_OK;
  double h = first_step(s), error;
  bool rejected = false;
  while (s->next < s->plan->count) {
    double left = s->plan->times[s->next] - s->t, step = left < 1.01 * h ? left : h;
    if (!(step > 4 * DBL_EPSILON * s->t) || !(step > 1e-300)) TRY(failed(s, err, "the step is below rounding"));
    TRY(try_step(s, step, &error, err));
    double factor = error == 0 ? 5 : isfinite(error) ? fmin(5, fmax(0.2, 0.9 * pow(error, -0.2))) : 0.1;
    if (!(error <= 1)) {
      s->outcome.rejected++;
      h = step * fmin(factor, 0.9);
      rejected = true;
      continue;
    }
    TRY(accept(s, step == left ? s->plan->times[s->next] : s->t + step, err));
    double *first = s->k[0];
    s->k[0] = s->k[STAGES - 1], s->k[STAGES - 1] = first;
    if (step == left) TRY(emit(s, s->y, err));
    /* a step cut short by a requested time says little about the next: never shorter because of it */
    double next = step * (rejected ? fmin(1, factor) : factor);
    h = step < h ? fmax(h, next) : next;
    rejected = false;
  }
done:
  return status;
}

/* ---- fixed steps ---- */

static dwell_status inside(solver *s, double after, dwell_error *err) {
  const double same = 1e-9 * s->plan->step;
  dwell_status status = DWELL_OK;
  while (s->next < s->plan->count && s->plan->times[s->next] < after - same) {
    double ahead = s->plan->times[s->next] - s->t;
    if (ahead > same) TRY(take(s, ahead, s->end, err));
    TRY(emit(s, ahead > same ? s->end : s->y, err));
  }
done:
  return status;
}

static dwell_status fixed(solver *s, dwell_error *err) {
  dwell_status status = DWELL_OK;
  double H = s->plan->step, end = s->plan->times[s->plan->count - 1], steps = ceil(end / H - 1e-9);
  for (double i = 1; i <= steps; i++) {
    double after = i < steps ? i * H : end;
    TRY(inside(s, after, err));
    TRY(take(s, after - s->t, s->end, err));
    if (!isfinite(largest(s->problem->size, s->end))) TRY(failed(s, err, "the state is not finite"));
    TRY(accept(s, after, err));
    TRY(slope(s, s->t, s->y, s->k[0], err));
    while (s->next < s->plan->count && s->plan->times[s->next] <= after + 1e-9 * H) TRY(emit(s, s->y, err));
  }
done:
  return status;
}

dwell_status ode_solve(const ode_problem *problem, const ode_plan *plan, const ode_host *host, double *y,
                       ode_outcome *ret_outcome, dwell_error *err) {
  dwell_status status = DWELL_OK;
  bool embedded = plan->integrator == DWELL_RK45;
  solver s = {problem, plan, host, embedded ? &dormand_prince : plan->integrator == DWELL_RK4 ? &classical : &euler};
  size_t count = 0;
  double *memory = size_mul(problem->size, STAGES + 1, &count) ? MEM_NEW(double, count) : NULL;
  TRY_ALLOC(memory, "the integrator");
  s.y = y, s.end = memory;
  for (size_t i = 0; i < STAGES; i++) s.k[i] = memory + (i + 1) * problem->size;
  if (plan->times[0] <= 0) TRY(emit(&s, y, err));
  if (s.next == plan->count) goto done;
  TRY(slope(&s, 0, y, s.k[0], err));
  TRY(embedded ? adaptive(&s, err) : fixed(&s, err));
done:
  *ret_outcome = s.outcome;
  mem_free(memory);
  return status;
}

dwell_status ode_check_plan(const flow_plan *plan, dwell_error *err) {
  bool layer = plan->integrator == DWELL_LAYER;
  if (!layer && !plan->log_clock) return DWELL_OK;
  error_set(err, DWELL_USAGE, "%s has no %s", plan->family->name, layer ? "layer map" : "log clock");
  error_at_item(err, layer ? "integrator" : "clock");
  return error_remedy(err, layer ? "Use rk45, rk4:H or euler:H" : "Use --until T instead of --until-log");
}

certificate ode_certificate(const ode_outcome *outcome) {
  certificate c = certificate_start();
  c.steps = outcome->steps, c.rejected = outcome->rejected, c.evaluations = outcome->evaluations;
  c.longest_step = outcome->longest_step;
  return c;
}
