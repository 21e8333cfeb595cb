/* flow/circle.c - angles; and as families of `dwell simulate` in two dimensions. */
#include "flow/circle.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "flow/families.h"
#include "flow/harmonics.h"
#include "flow/integrate.h"

/* Modes beyond 2000 are those of beta > 30000. */
enum { MOST_MODES = 2000, DIRECT_PER_MODE = 2 };

dwell_status circle_attention(size_t n, const double *masses, double beta, bool normalised, circle *ret_circle,
                              dwell_error *err) {
  size_t modes = harmonics_needed(2, beta, 1e-17, MOST_MODES);
  circle c = {.n = n, .masses = masses, .modes = modes, .beta = beta, .direct = DIRECT_PER_MODE * modes};
  c.sine = MEM_ZERO(double, modes + 1);
  c.opt_cosine = normalised ? MEM_ZERO(double, modes + 1) : NULL;
  double *a = MEM_NEW(double, modes + 2);
  bool made = c.sine != NULL && a != NULL && (!normalised || c.opt_cosine != NULL);
  if (!made || harmonics_multipliers(2, beta, modes + 2, a) != 0) {
    mem_free(a);
    circle_close(&c);
    return error_no_memory(err, "the modes");
  }
  c.scale = normalised ? 1 : exp(fabs(beta));
  for (size_t k = 1; k <= modes; k++) c.sine[k] = a[k - 1] - a[k + 1];
  for (size_t k = 0; normalised && k <= modes; k++) c.opt_cosine[k] = k == 0 ? a[0] : 2 * a[k];
  if (modes == MOST_MODES) c.direct = SIZE_MAX;
  mem_free(a);
  *ret_circle = c;
  return DWELL_OK;
}

void circle_close(circle *c) {
  mem_free(c->sine);
  mem_free(c->opt_cosine);
  c->sine = c->opt_cosine = NULL;
}

/* cos k theta, sin k theta for k = 1.. by turning; `*c, *s` start at k = 0. Angles add up to k roundings. */
static void turn(double c1, double s1, double *c, double *s) {
  double next = *c * c1 - *s * s1;
  *s = *s * c1 + *c * s1;
  *c = next;
}

static void by_modes(const circle *c, const double *theta, double *ret_velocity, double *scratch) {
  size_t K = c->modes;
  double *re = scratch, *im = scratch + K + 1;
  memset(scratch, 0, 2 * (K + 1) * sizeof(double));
  for (size_t j = 0; j < c->n; j++) {
    double c1 = cos(theta[j]), s1 = sin(theta[j]), ck = 1, sk = 0;
    for (size_t k = 0; k <= K; k++) {
      re[k] += c->masses[j] * ck, im[k] += c->masses[j] * sk;
      turn(c1, s1, &ck, &sk);
    }
  }
  for (size_t i = 0; i < c->n; i++) {
    double c1 = cos(theta[i]), s1 = sin(theta[i]), ck = 1, sk = 0, pull = 0, z = 0;
    for (size_t k = 0; k <= K; k++) {
      pull += c->sine[k] * (im[k] * ck - re[k] * sk);
      if (c->opt_cosine != NULL) z += c->opt_cosine[k] * (re[k] * ck + im[k] * sk);
      turn(c1, s1, &ck, &sk);
    }
    ret_velocity[i] = c->scale * (c->opt_cosine != NULL ? pull / z : pull);
  }
}

static void by_pairs(const circle *c, const double *theta, double *ret_velocity) {
  for (size_t i = 0; i < c->n; i++) {
    double pull = 0, z = 0;
    for (size_t j = 0; j < c->n; j++) {
      double gap = theta[j] - theta[i], half = sin(gap / 2);
      double w = c->masses[j] * (c->beta >= 0 ? exp(-2 * c->beta * half * half) : exp(2 * c->beta * (1 - half * half)));
      pull += w * 2 * half * cos(gap / 2), z += w;
    }
    ret_velocity[i] = c->scale * (c->opt_cosine != NULL ? pull / z : pull);
  }
}

void circle_velocity(const circle *c, const double *theta, double *ret_velocity, double *scratch) {
  if (c->n < c->direct) by_pairs(c, theta, ret_velocity);
  else by_modes(c, theta, ret_velocity, scratch);
  for (size_t i = 0; c->opt_omega != NULL && i < c->n; i++) ret_velocity[i] += c->opt_omega[i];
}

typedef struct turning {
  const circle *c;
  double *scratch;
} turning;

static dwell_status slope(void *self, double t, const double *theta, double *ret_slope, dwell_error *err) {
  (void)t, (void)err;
  turning *m = self;
  circle_velocity(m->c, theta, ret_slope, m->scratch);
  return DWELL_OK;
}

dwell_status circle_solve(const circle *c, const ode_plan *plan, const ode_host *host, double *theta,
                          ode_outcome *ret_outcome, dwell_error *err) {
  turning m = {c, MEM_NEW(double, 2 * (c->modes + 1))};
  *ret_outcome = (ode_outcome){0};
  if (m.scratch == NULL) return error_no_memory(err, "the modes");
  ode_problem problem = {c->n, slope, NULL, &m};
  dwell_status status = ode_solve(&problem, plan, host, theta, ret_outcome, err);
  mem_free(m.scratch);
  return status;
}

/* ---- the families ---- */

typedef struct drawn {
  const integrate_host *host;
  size_t n;
  double *x; /* [n,2] */
} drawn;

static dwell_status emit(void *self, size_t index, const double *theta, dwell_error *err) {
  drawn *w = self;
  for (size_t i = 0; i < w->n; i++) w->x[2 * i] = cos(theta[i]), w->x[2 * i + 1] = sin(theta[i]);
  return w->host->emit(w->host->self, index, w->x, err);
}

static void progress(void *self, double fraction) {
  const drawn *w = self;
  if (w->host->progress != NULL) w->host->progress(w->host->self, fraction);
}

static dwell_status solve(const flow_plan *plan, const integrate_host *host, double *x, certificate *ret_certificate,
                          dwell_error *err) {
  const flow_system *s = &plan->system;
  dwell_status status = DWELL_OK;
  circle c = {0};
  drawn w = {host, s->n, x};
  ode_plan times = {plan->integrator, plan->step, 0, plan->rtol, plan->times, plan->count};
  ode_host told = {host->ctx, progress, emit, &w};
  ode_outcome outcome = {0};
  double *theta = MEM_NEW(double, s->n);
  TRY_ALLOC(theta, "the angles");
  for (size_t i = 0; i < s->n; i++) theta[i] = atan2(x[2 * i + 1], x[2 * i]);
  TRY(circle_attention(s->n, s->masses, s->beta, plan->family == &flow_circle, &c, err));
  TRY(circle_solve(&c, &times, &told, theta, &outcome, err));
done:
  *ret_certificate = ode_certificate(&outcome);
  circle_close(&c);
  mem_free(theta);
  return status;
}

static dwell_status check_plan(const flow_plan *plan, dwell_error *err) {
  const flow_system *s = &plan->system;
  if (s->d != 2) {
    error_set(err, DWELL_USAGE, "%s is a flow on the circle: d = 2, not %zu", plan->family->name, s->d);
    return error_at_item(err, "d");
  }
  if (s->causal) {
    error_set(err, DWELL_USAGE, "%s has no causal mask", plan->family->name);
    error_at_item(err, "mask");
    return error_remedy(err, "Use the flow sa or usa with d = 2");
  }
  return ode_check_plan(plan, err);
}

static double unit_sa(const flow_system *s) {
  (void)s;
  return 1;
}

static double unit_usa(const flow_system *s) { return exp(-fabs(s->beta)); }

static double flops(size_t n, size_t d) { return (double)n * (double)d * 12 * 40; }

static const char *const parameters[] = {"beta: inverse temperature, any finite number (circle-usa: at most 700)",
                                         "d: 2", NULL};

const flow flow_circle = {
    .name = "circle",
    .summary = "sa in two dimensions by angles and Fourier modes: the price of a step grows like n, not n^2",
    .source = "Geshkovski, Letrouit, Polyanskiy, Rigollet, arXiv:2312.10794",
    .parameters = parameters,
    .check_plan = check_plan,
    .solve = solve,
    .time_unit = unit_sa,
    .flops = flops,
};

static dwell_status check_usa(const flow_system *s, dwell_error *err) { return flow_usa.check(s, err); }

const flow flow_circle_usa = {
    .name = "circle-usa",
    .summary = "usa in two dimensions by angles and Fourier modes: a Kuramoto model with coupling e^{beta cos x} sin x",
    .source = "Geshkovski, Letrouit, Polyanskiy, Rigollet, arXiv:2312.10794",
    .parameters = parameters,
    .check = check_usa,
    .check_plan = check_plan,
    .solve = solve,
    .time_unit = unit_usa,
    .flops = flops,
};
