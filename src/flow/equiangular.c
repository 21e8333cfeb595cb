/* flow/equiangular.c - the flow of equal angles, by quadrature; and as a family of `dwell simulate`. */
#include "flow/equiangular.h"

#include <float.h>
#include <math.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/quadrature.h"
#include "flow/families.h"
#include "flow/field.h"
#include "flow/integrate.h"
#include "flow/ode.h"

/* ---- coordinates ---- */

/* 1 - rho = n/(n-1) sigma(-w), because ((n-1) rho + 1) + (n-1) (1 - rho) = n. */
double equiangular_coordinate(size_t n, double gap) {
  double whole = (double)n / ((double)n - 1);
  return gap <= 0 ? INFINITY : gap >= whole ? -INFINITY : log((whole - gap) / gap);
}

double equiangular_gap(size_t n, double w) {
  double whole = (double)n / ((double)n - 1);
  return w > 0 ? whole * exp(-w) / (1 + exp(-w)) : whole / (1 + exp(w));
}

/* 1 - cos theta = 2 sin^2(theta / 2) */
double equiangular_angle(double theta) { return -2 * log(tan(theta / 2)); }

/* ---- the equation ---- */

double equiangular_log_rate(const equiangular *e, double w) {
  double gap = equiangular_gap(e->n, w), s = e->beta * gap, n = (double)e->n;
  switch (e->kind) {
    case EQUIANGULAR_SA: return log(2 * n) - quadrature_log_add(s, log(n - 1));
    case EQUIANGULAR_USA: return log(2) + e->beta - s;
    case EQUIANGULAR_CAUSAL: return log(2) - quadrature_log_add(s, 0);
    case EQUIANGULAR_PAIR: break;
  }
  double a = log(e->mass), b = log1p(-e->mass);
  return log(2) + quadrature_log_add(b - quadrature_log_add(a + s, b), a - quadrature_log_add(b + s, a));
}

static double log_slowness(const void *self, double w) { return -equiangular_log_rate(self, w); }

double equiangular_log_time(const equiangular *e, double w0, double w1) {
  return quadrature_log(log_slowness, e, w0, w1);
}

/* w in [low, high] at time e^{log_time} after `low`, known to lie there: Newton in ln t, kept inside the bracket. */
static double find(const equiangular *e, double low, double high, double log_time) {
  double from = low, w = (low + high) / 2;
  for (int i = 0; i < 200 && high - low > 2 * DBL_EPSILON * fmax(1, fabs(w)); i++) {
    double log_t = equiangular_log_time(e, from, w), ahead = log_time - log_t;
    if (ahead == 0) return w;
    if (ahead > 0) low = w;
    else high = w;
    /* d ln t / dw = 1 / (t w') */
    double next = w + ahead * exp(log_t + equiangular_log_rate(e, w));
    w = next > low && next < high ? next : (low + high) / 2;
  }
  return w;
}

double equiangular_reach(const equiangular *e, double w0, double log_time) {
  if (isinf(w0) || log_time == -INFINITY) return w0;
  double done = -INFINITY, from = w0, ahead = 0.25;
  for (;; ahead *= 2) {
    double to = from + ahead, more = equiangular_log_time(e, from, to), after = quadrature_log_add(done, more);
    if (isinf(to)) return to;
    if (after >= log_time) {
      double left = done == -INFINITY ? log_time : log_time + log(-expm1(done - log_time));
      return done >= log_time ? from : find(e, from, to, left);
    }
    done = after, from = to;
  }
}

/* ---- layers ---- */

/* Weights of oneself and of one other: a + (n-1) b = 1. */
static void weights(size_t n, double beta, double gap, double *ret_a, double *ret_b) {
  double s = beta * gap, far = s > 0 ? exp(-s) : 1, own = s > 0 ? 1 : exp(s), sum = own + ((double)n - 1) * far;
  *ret_a = own / sum, *ret_b = far / sum;
}

double equiangular_layer(size_t n, double beta, double eta, double gap) {
  double a, b, m = (double)n;
  weights(n, beta, gap, &a, &b);
  /* new tokens: p x_i + q sum_j x_j */
  double p = 1 + eta * (a - b), q = eta * b, common = (1 - gap) * (p + m * q) * (p + m * q);
  return gap * p * p / (gap * (p * p + 2 * p * q + m * q * q) + common);
}

double equiangular_bare_layer(size_t n, double beta, double gap) {
  double a, b, m = (double)n;
  weights(n, beta, gap, &a, &b);
  return gap * (a - b) * (a - b) / (1 - gap + gap * (a * a + (m - 1) * b * b));
}

/* ---- normalisation ---- */

typedef struct scheme {
  equiangular e;
  equiangular_scheme which;
  double *w, *radius;
} scheme;

/* y = (w, r) */
static dwell_status scheme_slope(void *self, double t, const double *y, double *ret_slope, dwell_error *err) {
  (void)err;
  const scheme *s = self;
  double a, b, m = (double)s->e.n - 1, gap = equiangular_gap(s->e.n, y[0]), rho = 1 - gap;
  weights(s->e.n, s->e.beta, gap, &a, &b);
  double along = a + m * b * rho, length = sqrt(rho + gap * (a * a + m * b * b));
  double rate = exp(equiangular_log_rate(&s->e, y[0]));
  switch (s->which) {
    case EQUIANGULAR_POST: ret_slope[0] = rate, ret_slope[1] = 0; break;
    case EQUIANGULAR_PRE: ret_slope[0] = rate / y[1], ret_slope[1] = along; break;
    case EQUIANGULAR_PERI: ret_slope[0] = rate / (y[1] * length), ret_slope[1] = along / length; break;
    case EQUIANGULAR_NGPT: ret_slope[0] = rate / length, ret_slope[1] = 0; break;
    case EQUIANGULAR_SQRT: ret_slope[0] = rate / sqrt(t + 1), ret_slope[1] = 0; break;
  }
  return DWELL_OK;
}

static dwell_status keep_scheme(void *self, size_t index, const double *y, dwell_error *err) {
  (void)err;
  scheme *s = self;
  s->w[index] = y[0], s->radius[index] = y[1];
  return DWELL_OK;
}

dwell_status equiangular_normalised(size_t n, double beta, equiangular_scheme which, double w0, double rtol,
                                    size_t count, const double *times, double *ret_w, double *ret_radius,
                                    dwell_error *err) {
  scheme s = {{EQUIANGULAR_SA, n, beta, 0}, which, ret_w, ret_radius};
  ode_problem problem = {2, scheme_slope, NULL, &s};
  ode_plan plan = {DWELL_RK45, 0, rtol, rtol, times, count};
  ode_host host = {.emit = keep_scheme, .self = &s};
  ode_outcome outcome;
  double y[2] = {w0, 1};
  return ode_solve(&problem, &plan, &host, y, &outcome, err);
}

/* ---- the families ---- */

/* Tokens at a common cosine, by the gap, from those of the start: x_i -> a x_i + b sum_j x_j. */
static void place(size_t n, size_t d, const double *start, double gap0, double gap, double *ret_x) {
  double m = (double)n, sum0 = m - (m - 1) * gap0, sum = m - (m - 1) * gap; /* |sum_j x_j|^2 / n */
  double a = gap0 > 0 ? sqrt(gap / gap0) : 1, b = sum0 > 0 ? (sqrt(fmax(sum, 0) / sum0) - a) / m : 0;
  for (size_t k = 0; k < d; k++) {
    double total = 0;
    for (size_t j = 0; j < n; j++) total += start[j * d + k];
    for (size_t i = 0; i < n; i++) ret_x[i * d + k] = a * start[i * d + k] + b * total;
  }
  field_normalise(n, d, ret_x, ret_x);
}

/* The common gap 1 - rho of unit tokens; DWELL_USAGE if there is none. */
static dwell_status common_gap(size_t n, size_t d, const double *x, double *ret_gap, dwell_error *err) {
  double low = INFINITY, high = -INFINITY, sum = 0;
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < i; j++) {
      double square = 0;
      for (size_t k = 0; k < d; k++) square += (x[i * d + k] - x[j * d + k]) * (x[i * d + k] - x[j * d + k]);
      low = fmin(low, square / 2), high = fmax(high, square / 2), sum += square / 2;
    }
  double whole = n > 1 ? (double)n / ((double)n - 1) : 0;
  *ret_gap = n > 1 ? sum * 2 / ((double)n * ((double)n - 1)) : 0;
  if (fabs(*ret_gap - whole) <= 1e-14) *ret_gap = whole; /* the simplex, which rests */
  if (n < 2 || high - low <= 1e-12) return DWELL_OK;
  error_set(err, DWELL_USAGE, "the tokens of this start are not at one common angle: cosines are from %.6g to %.6g",
            1 - high, 1 - low);
  error_at_item(err, "init");
  return error_remedy(err, "Use --init equiangular:RHO or orthogonal, or the flow sa or usa");
}

static dwell_status check_plan(const flow_plan *plan, dwell_error *err) {
  const flow_system *s = &plan->system;
  for (size_t i = 0; i < s->n; i++)
    if (fabs(s->masses[i] * (double)s->n - 1) > 1e-12) {
      error_set(err, DWELL_USAGE, "tokens of unequal masses do not stay at one common angle");
      error_at_item(err, "masses");
      return error_remedy(err, "Use the flow sa or usa");
    }
  if (s->causal) {
    error_set(err, DWELL_USAGE, "tokens under a causal mask do not stay at one common angle");
    error_at_item(err, "mask");
    return error_remedy(err, "Use the flow sa or usa");
  }
  if (plan->integrator == DWELL_RK45 || (plan->integrator == DWELL_LAYER && plan->family == &flow_equiangular))
    return DWELL_OK;
  error_set(err, DWELL_USAGE, "%s is solved by quadrature, not by steps of %s", plan->family->name,
            dwell_integrator_name(plan->integrator));
  error_at_item(err, "integrator");
  return error_remedy(err, "Leave the integrator out%s", plan->family == &flow_equiangular ? ", or use layer:ETA" : "");
}

static dwell_status solve(const flow_plan *plan, const integrate_host *host, double *x, certificate *ret_certificate,
                          dwell_error *err) {
  dwell_status status = DWELL_OK;
  const flow_system *s = &plan->system;
  equiangular e = {plan->family == &flow_equiangular ? EQUIANGULAR_SA : EQUIANGULAR_USA, s->n, s->beta, 0};
  double gap0 = 0, layers = 0, gap;
  double *out = mem_alloc(s->n, s->d * sizeof(double));
  *ret_certificate = certificate_start();
  TRY_ALLOC(out, "the tokens");
  TRY(common_gap(s->n, s->d, x, &gap0, err));
  gap = gap0;
  for (size_t f = 0; f < plan->count; f++) {
    double log_time = plan->log_clock ? plan->log_times[f] : log(plan->times[f]);
    if (plan->integrator == DWELL_LAYER) {
      for (; layers < round(plan->times[f] / plan->step); layers++)
        gap = s->n > 1 ? equiangular_layer(s->n, s->beta, plan->step, gap) : 0;
    } else if (s->n > 1) {
      gap = equiangular_gap(s->n, equiangular_reach(&e, equiangular_coordinate(s->n, gap0), log_time));
    }
    place(s->n, s->d, x, gap0, gap, out);
    TRY(host->emit(host->self, f, out, err));
    if (host->progress != NULL) host->progress(host->self, (double)(f + 1) / (double)plan->count);
  }
done:
  mem_free(out);
  return status;
}

static double unit_sa(const flow_system *s) {
  (void)s;
  return 1;
}

static double unit_usa(const flow_system *s) { return exp(-fabs(s->beta)); }

static double log_unit_usa(const flow_system *s) { return -fabs(s->beta); }

static double flops(size_t n, size_t d) { return 6 * (double)n * (double)d + 15000; }

static const char *const parameters[] = {"beta: inverse temperature, any finite number",
                                         "init: equiangular:RHO or orthogonal", NULL};

const flow flow_equiangular = {
    .name = "equiangular",
    .summary = "sa from equal angles, exactly: one scalar equation solved by quadrature, or its layer map",
    .source = "Geshkovski, Letrouit, Polyanskiy, Rigollet, arXiv:2312.10794, theorem 6.8",
    .parameters = parameters,
    .check_plan = check_plan,
    .solve = solve,
    .isotropic = true,
    .time_unit = unit_sa,
    .flops = flops,
};

const flow flow_equiangular_usa = {
    .name = "equiangular-usa",
    .summary = "usa from equal angles, exactly: one scalar equation solved by quadrature",
    .source = "Geshkovski, Letrouit, Polyanskiy, Rigollet, arXiv:2312.10794, theorem 6.8",
    .parameters = parameters,
    .check_plan = check_plan,
    .solve = solve,
    .isotropic = true,
    .time_unit = unit_usa,
    .log_time_unit = log_unit_usa,
    .flops = flops,
};
