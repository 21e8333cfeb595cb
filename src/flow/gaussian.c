/* flow/gaussian.c - rates of the mean and of the carried frame; and as families of `dwell simulate`.
 *
 * All kinds have G = beta V X A with A = K^T Q and, for S = Sigma^{1/2},
 *   softmax   X = Sigma
 *   L2        X = (Sigma^{-1} + beta K^T K)^{-1} = S (I + beta S K^T K S)^{-1} S
 *   Sinkhorn  X = Sigma - C^T Sigma^{-1} C, where the cross-covariance C = Sigma beta B X (B = A^T). With C = S c S and
 *             b = beta S B S it reads c = b (I - c^T c), solved by c = b h(b^T b), h(s) = 2 / (1 + sqrt(1 + 4 s)): in
 * the singular vectors of b it is one quadratic each. So X = S (I - h^2 s) S. No covariance is inverted, so singular
 * ones are fine. */
#include "flow/gaussian.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "flow/dense.h"
#include "flow/families.h"
#include "flow/integrate.h"
#include "linalg/eigen.h"
#include "linalg/gemm.h"

enum { MATRICES = 8 };

/* Work space of one evaluation. */
typedef struct room {
  const gaussian *g;
  double *a, *x, *s, *t, *u, *vectors, *g_head, *sum; /* [d,d] each */
  double *values, *vector, *other;                    /* [d] each */
  double *memory;
} room;

static dwell_status open(const gaussian *g, room *ret_room, dwell_error *err) {
  size_t d = g->d, size = d * d;
  room r = {.g = g, .memory = MEM_NEW(double, MATRICES *size + 3 * d)};
  if (r.memory == NULL) return error_no_memory(err, "the Gaussian");
  double **parts[MATRICES] = {&r.a, &r.x, &r.s, &r.t, &r.u, &r.vectors, &r.g_head, &r.sum};
  for (size_t i = 0; i < MATRICES; i++) *parts[i] = r.memory + i * size;
  r.values = r.memory + MATRICES * size, r.vector = r.values + d, r.other = r.vector + d;
  *ret_room = r;
  return DWELL_OK;
}

static const double *head_of(const double *opt_all, size_t d, size_t h) {
  return opt_all == NULL ? NULL : opt_all + h * d * d;
}

static void identity(size_t d, double *ret_m) {
  memset(ret_m, 0, d * d * sizeof(double));
  for (size_t k = 0; k < d; k++) ret_m[k * d + k] = 1;
}

/* C = op(A) B; NULL is the identity. */
static void product(size_t d, bool transposed, const double *opt_a, const double *opt_b, double *ret_c) {
  if (opt_a != NULL && opt_b != NULL) {
    gemm_f64(transposed, false, d, d, d, 1, opt_a, d, opt_b, d, 0, ret_c, d);
  } else if (opt_a == NULL && opt_b == NULL) {
    identity(d, ret_c);
  } else if (opt_a == NULL) {
    memcpy(ret_c, opt_b, d * d * sizeof(double));
  } else {
    for (size_t i = 0; i < d; i++)
      for (size_t j = 0; j < d; j++) ret_c[i * d + j] = transposed ? opt_a[j * d + i] : opt_a[i * d + j];
  }
}

/* m <- sum_k f(value_k) v_k v_k^T for the symmetric m. */
static dwell_status apply(room *r, double (*f)(double value), double *m, dwell_error *err) {
  size_t d = r->g->d;
  memcpy(r->vectors, m, d * d * sizeof(double));
  dwell_status status = eigen_vectors(d, r->vectors, r->values, err);
  if (status != DWELL_OK) return status;
  memset(m, 0, d * d * sizeof(double));
  for (size_t k = 0; k < d; k++) {
    double value = f(r->values[k]);
    const double *v = r->vectors + k * d;
    for (size_t i = 0; i < d; i++)
      for (size_t j = 0; j < d; j++) m[i * d + j] += value * v[i] * v[j];
  }
  return DWELL_OK;
}

/* Eigenvalues of covariances and squares, negative only by rounding. */
static double root(double s) { return sqrt(fmax(s, 0)); }
static double inverse_plus_one(double s) { return 1 / (1 + fmax(s, 0)); }
static double plan_rest(double s) {
  double h = 2 / (1 + sqrt(1 + 4 * fmax(s, 0)));
  return 1 - h * h * fmax(s, 0);
}

/* r->x = X of head h at `covariance`; r->s holds its root except for softmax, r->a holds A. */
static dwell_status middle(room *r, size_t h, const double *covariance, dwell_error *err) {
  const gaussian *g = r->g;
  dwell_status status = DWELL_OK;
  size_t d = g->d;
  const double *k = head_of(g->opt_k, d, h);
  memcpy(r->x, covariance, d * d * sizeof(double));
  if (g->kind == GAUSSIAN_SOFTMAX) return DWELL_OK;
  memcpy(r->s, covariance, d * d * sizeof(double));
  TRY(apply(r, root, r->s, err));
  if (g->kind == GAUSSIAN_L2) {
    product(d, false, k, r->s, r->t); /* K S */
    gemm_f64(true, false, d, d, d, g->beta, r->t, d, r->t, d, 0, r->u, d);
    TRY(apply(r, inverse_plus_one, r->u, err));
  } else {
    product(d, true, r->a, r->s, r->t); /* B S */
    gemm_f64(false, false, d, d, d, g->beta, r->s, d, r->t, d, 0, r->x, d);
    gemm_f64(true, false, d, d, d, 1, r->x, d, r->x, d, 0, r->u, d);
    TRY(apply(r, plan_rest, r->u, err));
  }
  product(d, false, r->u, r->s, r->t);
  product(d, false, r->s, r->t, r->x);
done:
  return status;
}

static void times(size_t d, bool transposed, const double *opt_m, const double *x, double *ret_y) {
  for (size_t i = 0; i < d; i++) {
    double sum = opt_m == NULL ? x[i] : 0;
    for (size_t j = 0; opt_m != NULL && j < d; j++) sum += (transposed ? opt_m[j * d + i] : opt_m[i * d + j]) * x[j];
    ret_y[i] = sum;
  }
}

/* Velocity of the mean by head h, added to ret_mean: V (alpha - [L2] beta X K^T K alpha) + G alpha, but V alpha of
 * Sinkhorn, whose plan keeps the mean. */
static void add_mean(room *r, size_t h, const double *mean, double *ret_mean) {
  const gaussian *g = r->g;
  size_t d = g->d;
  const double *k = head_of(g->opt_k, d, h), *v = head_of(g->opt_v, d, h);
  memcpy(r->vector, mean, d * sizeof(double));
  if (g->kind == GAUSSIAN_L2) {
    times(d, false, k, mean, r->values);
    times(d, true, k, r->values, r->other);
    times(d, false, r->x, r->other, r->values);
    for (size_t i = 0; i < d; i++) r->vector[i] -= g->beta * r->values[i];
  }
  times(d, false, v, r->vector, r->other);
  for (size_t i = 0; i < d; i++) ret_mean[i] += r->other[i];
  if (g->kind == GAUSSIAN_SINKHORN) return;
  times(d, false, r->g_head, mean, r->other);
  for (size_t i = 0; i < d; i++) ret_mean[i] += r->other[i];
}

static dwell_status rates(room *r, const double *mean, const double *covariance, double *ret_mean, double *ret_g,
                          dwell_error *err) {
  const gaussian *g = r->g;
  size_t d = g->d;
  memset(ret_mean, 0, d * sizeof(double));
  memset(ret_g, 0, d * d * sizeof(double));
  for (size_t h = 0; h < g->heads; h++) {
    product(d, true, head_of(g->opt_k, d, h), head_of(g->opt_q, d, h), r->a);
    dwell_status status = middle(r, h, covariance, err);
    if (status != DWELL_OK) return status;
    product(d, false, r->x, r->a, r->t);
    product(d, false, head_of(g->opt_v, d, h), r->t, r->g_head);
    for (size_t e = 0; e < d * d; e++) r->g_head[e] *= g->beta, ret_g[e] += r->g_head[e];
    add_mean(r, h, mean, ret_mean);
  }
  return DWELL_OK;
}

dwell_status gaussian_rates(const gaussian *g, const double *mean, const double *covariance, double *ret_mean,
                            double *ret_g, dwell_error *err) {
  room r;
  dwell_status status = open(g, &r, err);
  if (status != DWELL_OK) return status;
  status = rates(&r, mean, covariance, ret_mean, ret_g, err);
  mem_free(r.memory);
  return status;
}

/* ---- integration: y = (alpha, F) ---- */

typedef struct carrier {
  room room;
  const double *start; /* [d,d] covariance at t = 0 */
  double *covariance;  /* [d,d] at the present */
  double *g;           /* [d,d] */
  const ode_host *host;
  gaussian_emit opt_emit;
  void *self;
} carrier;

/* covariance = F start F^T, symmetric to the last bit. */
static void carry(carrier *c, const double *f) {
  size_t d = c->room.g->d;
  double *m = c->covariance;
  gemm_f64(false, false, d, d, d, 1, f, d, c->start, d, 0, c->room.sum, d);
  gemm_f64(false, true, d, d, d, 1, c->room.sum, d, f, d, 0, m, d);
  for (size_t i = 0; i < d; i++)
    for (size_t j = 0; j < i; j++) m[i * d + j] = m[j * d + i] = (m[i * d + j] + m[j * d + i]) / 2;
}

static dwell_status slope(void *self, double t, const double *y, double *ret_slope, dwell_error *err) {
  (void)t;
  carrier *c = self;
  size_t d = c->room.g->d;
  carry(c, y + d);
  for (size_t e = 0; e < d * d; e++)
    if (!isfinite(c->covariance[e])) return error_set(err, DWELL_FAILED, "the covariance is beyond a double");
  dwell_status status = rates(&c->room, y, c->covariance, ret_slope, c->g, err);
  if (status == DWELL_OK) gemm_f64(false, false, d, d, d, 1, c->g, d, y + d, d, 0, ret_slope + d, d);
  return status;
}

static dwell_status emit(void *self, size_t index, const double *y, dwell_error *err) {
  carrier *c = self;
  if (c->opt_emit == NULL) return DWELL_OK;
  size_t d = c->room.g->d;
  carry(c, y + d);
  return c->opt_emit(c->host->self, index, y, c->covariance, y + d, err);
}

static void progress(void *self, double fraction) {
  carrier *c = self;
  if (c->host->progress != NULL) c->host->progress(c->host->self, fraction);
}

static double size_of(size_t count, const double *x) {
  double size = 0;
  for (size_t e = 0; e < count; e++) size = fmax(size, fabs(x[e]));
  return size;
}

dwell_status gaussian_solve(const gaussian *g, const ode_plan *plan, const ode_host *host, gaussian_emit opt_emit,
                            double *mean, double *covariance, bool *ret_blown, ode_outcome *ret_outcome,
                            dwell_error *err) {
  dwell_status status = DWELL_OK;
  size_t d = g->d, size = d * d;
  carrier c = {.host = host, .opt_emit = opt_emit};
  ode_problem problem = {d + size, slope, NULL, &c};
  ode_host told = {host->ctx, progress, emit, &c};
  double *memory = MEM_NEW(double, 4 * size + d), *y = memory;
  *ret_blown = false, *ret_outcome = (ode_outcome){0};
  TRY_ALLOC(memory, "the Gaussian");
  TRY(open(g, &c.room, err));
  double *start = memory + d + size;
  c.start = start, c.covariance = start + size, c.g = start + 2 * size;
  memcpy(start, covariance, size * sizeof(double));
  memcpy(y, mean, d * sizeof(double));
  identity(d, y + d);
  status = ode_solve(&problem, plan, &told, y, ret_outcome, err);
  carry(&c, y + d);
  *ret_blown = status == DWELL_FAILED && size_of(size, c.covariance) > 1e6 * size_of(size, start);
  memcpy(mean, y, d * sizeof(double));
  memcpy(covariance, c.covariance, size * sizeof(double));
done:
  mem_free(c.room.memory);
  mem_free(memory);
  return status;
}

/* ---- the families: tokens carried by the closure of their own mean and covariance ---- */

typedef struct tokens {
  const integrate_host *host;
  size_t n, d;
  const double *start; /* [n,d] minus its mean */
  double *out;         /* [n,d] */
} tokens;

static dwell_status emit_tokens(void *self, size_t index, const double *mean, const double *covariance, const double *f,
                                dwell_error *err) {
  (void)covariance;
  tokens *w = self;
  gemm_f64(false, true, w->n, w->d, w->d, 1, w->start, w->d, f, w->d, 0, w->out, w->d);
  for (size_t i = 0; i < w->n; i++)
    for (size_t k = 0; k < w->d; k++) w->out[i * w->d + k] += mean[k];
  return w->host->emit(w->host->self, index, w->out, err);
}

static void token_progress(void *self, double fraction) {
  tokens *w = self;
  if (w->host->progress != NULL) w->host->progress(w->host->self, fraction);
}

/* Mean and covariance by masses; x becomes its deviation. */
static void moments(const flow_system *s, double *x, double *ret_mean, double *ret_covariance) {
  memset(ret_mean, 0, s->d * sizeof(double));
  memset(ret_covariance, 0, s->d * s->d * sizeof(double));
  for (size_t i = 0; i < s->n; i++)
    for (size_t k = 0; k < s->d; k++) ret_mean[k] += s->masses[i] * x[i * s->d + k];
  for (size_t i = 0; i < s->n; i++) {
    double *row = x + i * s->d;
    for (size_t k = 0; k < s->d; k++) row[k] -= ret_mean[k];
    for (size_t k = 0; k < s->d; k++)
      for (size_t l = 0; l < s->d; l++) ret_covariance[k * s->d + l] += s->masses[i] * row[k] * row[l];
  }
}

static gaussian_kind kind_of(const flow *family) {
  return family == &flow_gaussian_softmax ? GAUSSIAN_SOFTMAX
         : family == &flow_gaussian_l2    ? GAUSSIAN_L2
                                          : GAUSSIAN_SINKHORN;
}

static dwell_status solve(const flow_plan *plan, const integrate_host *host, double *x, certificate *ret_certificate,
                          dwell_error *err) {
  const flow_system *s = &plan->system;
  dwell_status status = DWELL_OK;
  dense_heads heads = {0};
  ode_plan when = {plan->integrator, plan->step, plan->rtol, 0, plan->times, plan->count};
  ode_outcome outcome = {0};
  bool blown = false;
  double *mean = MEM_NEW(double, s->d), *covariance = mem_alloc(s->d, s->d * sizeof(double));
  double *out = mem_alloc(s->n, s->d * sizeof(double));
  tokens w = {host, s->n, s->d, x, out};
  ode_host told = {host->ctx, token_progress, NULL, &w};
  if (mean == NULL || covariance == NULL || out == NULL) TRY_ALLOC(NULL, "the Gaussian");
  TRY(dense_open(s->layer, s->d, &heads, err));
  gaussian g = {kind_of(plan->family), s->d, heads.heads, s->beta, heads.query, heads.key, heads.value};
  moments(s, x, mean, covariance);
  status = gaussian_solve(&g, &when, &told, emit_tokens, mean, covariance, &blown, &outcome, err);
  if (blown) {
    error_set(err, DWELL_FAILED, "the covariance becomes infinite at t = %.12g", outcome.reached);
    error_remedy(err, "Ask for a time before that");
  }
done:
  *ret_certificate = ode_certificate(&outcome);
  dense_close(&heads);
  mem_free(mean);
  mem_free(covariance);
  mem_free(out);
  return status;
}

static dwell_status check_plan(const flow_plan *plan, dwell_error *err) {
  dwell_status status = dense_check(plan->system.layer, err);
  if (status != DWELL_OK) return status;
  if (plan->system.causal) {
    error_set(err, DWELL_USAGE, "%s has no causal mask", plan->family->name);
    return error_at_item(err, "mask");
  }
  if (plan->family == &flow_gaussian_l2 && plan->system.beta < 0) {
    error_set(err, DWELL_USAGE, "weights by distances need beta >= 0");
    return error_at_item(err, "beta");
  }
  return ode_check_plan(plan, err);
}

static double time_unit(const flow_system *s) {
  (void)s;
  return 1;
}

static double flops(size_t n, size_t d) { return 2 * (double)n * (double)d * (double)d + 60 * pow((double)d, 3); }

static const char *const parameters[] = {
    "beta: inverse temperature (gaussian-l2: twice the factor of the squared distance)",
    "init: gaussian:S, box:R, a file (rows as they are), or any start on the sphere", NULL};

#define GAUSSIAN_FLOW(symbol, label, words)                         \
  const flow symbol = {                                             \
      .name = label,                                                \
      .summary = words,                                             \
      .source = "Castin, Ablin, Carrillo, Peyre, arXiv:2501.18322", \
      .parameters = parameters,                                     \
      .check_plan = check_plan,                                     \
      .weighted = true,                                             \
      .solve = solve,                                               \
      .off_sphere = true,                                           \
      .time_unit = time_unit,                                       \
      .flops = flops,                                               \
  }

GAUSSIAN_FLOW(flow_gaussian_softmax, "gaussian-softmax",
              "tokens carried by softmax attention to the Gaussian of their own mean and covariance; may blow up");
GAUSSIAN_FLOW(flow_gaussian_l2, "gaussian-l2", "the same with weights by distances, e^{-(beta/2) |x - y|^2}");
GAUSSIAN_FLOW(flow_gaussian_sinkhorn, "gaussian-sinkhorn",
              "the same with doubly stochastic weights (an entropic plan of the Gaussian with itself)");
