/* flow/density.c - the mean-field equation as families of `dwell simulate`. */
#include "flow/density.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/random.h"
#include "flow/families.h"
#include "flow/harmonics.h"

enum { CELLS = 8192 };
static const double pi = 3.14159265358979323846;

meanfield density_of(const flow_plan *plan) {
  return (meanfield){plan->system.d, plan->system.beta, plan->family == &flow_meanfield, plan->kappa,
                     plan->density.modes};
}

uint64_t density_bytes(const flow_plan *plan) {
  uint64_t modes = plan->density.modes, size = plan->system.d == 2 ? 2 * modes : modes;
  if (!plan->family->density) return 0;
  return sizeof(double) *
         (2 * size * (3 * modes + 2) + 3 * (uint64_t)CELLS + plan->system.n + plan->count * (size + 400));
}

/* ---- starts ---- */

static void smooth(const meanfield *m, double *y) {
  double across = (double)m->d - 2, last = 7.0 / 8 * (double)m->modes, time = log(1e4) / (last * (last + across));
  for (size_t k = 1; k <= m->modes; k++) {
    double order = (double)k, factor = exp(-order * (order + across) * time);
    if (m->d == 2) y[2 * k - 2] *= factor, y[2 * k - 1] *= factor;
    else y[k] *= factor;
  }
}

/* e^{C x_1}: the mean of P_l is a_l(C) / a_0(C). */
static dwell_status von_mises(const meanfield *m, double concentration, double *ret_y, dwell_error *err) {
  double *a = MEM_NEW(double, m->modes + 1);
  if (a == NULL || harmonics_multipliers(m->d, concentration, m->modes + 1, a) != 0) {
    mem_free(a);
    return error_no_memory(err, "the density");
  }
  for (size_t k = 1; k <= m->modes; k++) ret_y[m->d == 2 ? 2 * k - 2 : k] = a[k] / a[0];
  mem_free(a);
  return DWELL_OK;
}

dwell_status density_start(const flow_plan *plan, const double *x, double *ret_y, dwell_error *err) {
  dwell_status status = DWELL_OK;
  meanfield m = density_of(plan);
  size_t order = plan->density.order;
  memset(ret_y, 0, meanfield_size(&m) * sizeof(double));
  if (m.d > 2) ret_y[0] = 1;
  switch (plan->density.start) {
    case DENSITY_MODE: /* int P_l^2 = 1 / N_l */
      ret_y[m.d == 2 ? 2 * order - 2 : order] = plan->density.amount / harmonics_dimension(m.d, order);
      break;
    case DENSITY_VON_MISES: status = von_mises(&m, plan->density.amount, ret_y, err); break;
    case DENSITY_TOKENS:
      status = meanfield_tokens(&m, plan->system.n, plan->system.masses, x, ret_y, err);
      if (status == DWELL_OK) smooth(&m, ret_y);
      break;
  }
  return status;
}

/* ---- tokens ---- */

/* Where the share of the mass reaches `wanted` within a cell of a density that is linear in the angle, from `left` to
 * `right` per cell: the part of the cell. */
static double within(double left, double right, double wanted) {
  double slope = right - left, root = sqrt(fmax(0, left * left + 2 * slope * wanted));
  return left + root > 0 ? fmin(1, 2 * wanted / (left + root)) : 0.5;
}

/* Angles of the quantiles. rate [CELLS + 1]: density by angle at the ends of the cells, from angle `from` on. */
static void quantiles(const double *rate, double from, double width, size_t n, double *ret_angles) {
  double total = 0, before = 0;
  size_t cell = 0;
  for (size_t c = 0; c < CELLS; c++) total += (rate[c] + rate[c + 1]) / 2;
  for (size_t i = 0; i < n; i++) {
    double wanted = ((double)i + 0.5) / (double)n * total;
    while (cell + 1 < CELLS && before + (rate[cell] + rate[cell + 1]) / 2 < wanted)
      before += (rate[cell] + rate[cell + 1]) / 2, cell++;
    ret_angles[i] = from + width * ((double)cell + within(rate[cell], rate[cell + 1], wanted - before));
  }
}

/* At angle `polar` from the axis, in a random direction across it. */
static void place(size_t d, double polar, const random_stream *stream, size_t i, double *ret_x) {
  double square = 0;
  for (size_t k = 1; k < d; k++) {
    ret_x[k] = random_normal(stream, (uint32_t)i, (uint32_t)k);
    square += ret_x[k] * ret_x[k];
  }
  ret_x[0] = cos(polar);
  for (size_t k = 1; k < d; k++) ret_x[k] *= sin(polar) / sqrt(square);
}

dwell_status density_tokens(const meanfield *m, const double *y, size_t n, uint64_t seed, uint32_t replica,
                            double *ret_x, dwell_error *err) {
  dwell_status status = DWELL_OK;
  double *at = MEM_NEW(double, CELLS + 1), *rate = MEM_NEW(double, CELLS + 1), *angles = MEM_NEW(double, n);
  double width = (m->d == 2 ? 2 : 1) * pi / CELLS, from = m->d == 2 ? -pi : 0;
  random_stream stream = {seed, RANDOM_START, replica};
  if (at == NULL || rate == NULL || angles == NULL) TRY_ALLOC(NULL, "the tokens of a density");
  for (size_t c = 0; c <= CELLS; c++) at[c] = m->d == 2 ? from + width * (double)c : cos(width * (double)c);
  TRY(meanfield_density(m, y, CELLS + 1, at, rate, err));
  for (size_t c = 0; c <= CELLS; c++) { /* a Galerkin density may be a little below 0 */
    double across = m->d == 2 ? 1 : pow(sin(width * (double)c), (double)m->d - 2);
    rate[c] = fmax(0, rate[c]) * across;
  }
  quantiles(rate, from, width, n, angles);
  for (size_t i = 0; i < n; i++) {
    if (m->d > 2) place(m->d, angles[i], &stream, i, ret_x + i * m->d);
    else ret_x[2 * i] = cos(angles[i]), ret_x[2 * i + 1] = sin(angles[i]);
  }
done:
  mem_free(at);
  mem_free(rate);
  mem_free(angles);
  return status;
}

/* ---- the families ---- */

typedef struct shown {
  const flow_plan *plan;
  const integrate_host *host;
  meanfield m;
  double *x; /* [n, d] */
} shown;

static dwell_status emit(void *self, size_t index, const double *y, dwell_error *err) {
  shown *w = self;
  size_t size = meanfield_size(&w->m);
  if (w->host->opt_density != NULL) memcpy(w->host->opt_density + index * size, y, size * sizeof(double));
  dwell_status status = density_tokens(&w->m, y, w->plan->system.n, w->plan->seed, w->plan->replica, w->x, err);
  return status == DWELL_OK ? w->host->emit(w->host->self, index, w->x, err) : status;
}

static void progress(void *self, double fraction) {
  const shown *w = self;
  if (w->host->progress != NULL) w->host->progress(w->host->self, fraction);
}

static dwell_status solve(const flow_plan *plan, const integrate_host *host, double *x, certificate *ret_certificate,
                          dwell_error *err) {
  dwell_status status = DWELL_OK;
  shown w = {plan, host, density_of(plan), x};
  ode_plan when = {plan->integrator, plan->step, plan->rtol, 1e-3 * plan->rtol, plan->times, plan->count};
  ode_host told = {host->ctx, progress, emit, &w};
  ode_outcome outcome = {0};
  double *y = MEM_NEW(double, meanfield_size(&w.m));
  TRY_ALLOC(y, "the density");
  TRY(density_start(plan, x, y, err));
  status = meanfield_solve(&w.m, &when, &told, y, NULL, &outcome, err);
  if (status == DWELL_FAILED)
    error_remedy(err,
                 "Take more modes (--modes), a shorter time, or particles: a density that narrows to points ends so");
done:
  *ret_certificate = ode_certificate(&outcome);
  mem_free(y);
  return status;
}

static dwell_status check_plan(const flow_plan *plan, dwell_error *err) {
  const flow_system *s = &plan->system;
  meanfield m = density_of(plan);
  dwell_status status = meanfield_check(&m, err);
  if (status != DWELL_OK) return status;
  if (s->causal) {
    error_set(err, DWELL_USAGE, "a density has no order of tokens, so no causal mask");
    return error_at_item(err, "mask");
  }
  for (size_t i = 1; i < s->n && plan->density.start != DENSITY_TOKENS; i++)
    if (s->masses[i] != s->masses[0]) {
      error_set(err, DWELL_USAGE, "the tokens that show a density have equal masses");
      return error_at_item(err, "masses");
    }
  if (plan->density.start == DENSITY_MODE && plan->density.order > plan->density.modes) {
    error_set(err, DWELL_USAGE, "order %zu is beyond the %zu modes of the density", plan->density.order,
              plan->density.modes);
    return error_at_item(err, "init");
  }
  if (plan->times != NULL && plan->times[plan->count - 1] > 1e7 * plan->family->time_unit(s)) {
    error_set(err, DWELL_USAGE, "time %g is %g of the flow's units of time: more than can be stepped through",
              plan->times[plan->count - 1], plan->times[plan->count - 1] / plan->family->time_unit(s));
    return error_at_item(err, "until");
  }
  return ode_check_plan(plan, err);
}

static double unit_sa(const flow_system *s) {
  (void)s;
  return 1;
}

static double unit_usa(const flow_system *s) { return exp(-fabs(s->beta)); }

static double flops(size_t n, size_t d) { return 12 * 64.0 * 200 + (double)n * (double)d; }

static const char *const parameters[] = {
    "beta: inverse temperature, any finite number (meanfield-usa: at most 700)",
    "kappa: noise sqrt(2 / kappa) dW of every token, as diffusion of the density; none without",
    "modes: orders of the density (64)",
    "init: mode:K,A, vonmises:C, or a start on the sphere: the density of its tokens, smoothed",
    "n: tokens that show the density",
    NULL};

const flow flow_meanfield = {
    .name = "meanfield",
    .summary = "sa of infinitely many tokens: the density on the circle, or of one coordinate on a sphere, with noise",
    .source =
        "Geshkovski, Letrouit, Polyanskiy, Rigollet, arXiv:2312.10794; Bruno, Pasqualotto, Agazzi, arXiv:2410.23228",
    .parameters = parameters,
    .check_plan = check_plan,
    .solve = solve,
    .density = true,
    .time_unit = unit_sa,
    .flops = flops,
};

static dwell_status check_usa(const flow_system *s, dwell_error *err) { return flow_usa.check(s, err); }

const flow flow_meanfield_usa = {
    .name = "meanfield-usa",
    .summary = "usa of infinitely many tokens",
    .source = "Geshkovski, Letrouit, Polyanskiy, Rigollet, arXiv:2312.10794; Mun, Rosenzweig, arXiv:2606.05140",
    .parameters = parameters,
    .check = check_usa,
    .check_plan = check_plan,
    .solve = solve,
    .density = true,
    .time_unit = unit_usa,
    .flops = flops,
};
