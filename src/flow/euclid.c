/* flow/euclid.c - the flow on R^d, raw and rescaled; and as families of `dwell simulate`. */
#include "flow/euclid.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "flow/dense.h"
#include "flow/families.h"
#include "flow/integrate.h"
#include "linalg/gemm.h"

typedef struct mover {
  const euclid *e;
  double *grown;   /* [n,d] e^{tV} z without its power of two, or x */
  double *query;   /* [n,d] B^T y: score_ij = factor <query_i, y_j> */
  double *pull;    /* [n,d] sum_j P_ij (z_j - z_i), or sum_j P_ij x_j */
  double *row;     /* [n] weights */
  double *growth;  /* [d,d] */
  double *scratch; /* [2 d d] */
  double *memory;
} mover;

static dwell_status open(const euclid *e, mover *ret_mover, dwell_error *err) {
  mover m = {.e = e};
  size_t cloud = 0, square = 0, three = 0, total = 0;
  bool fits = size_mul(e->n, e->d, &cloud) && size_mul(3 * e->d, e->d, &square) && size_mul(cloud, 3, &three) &&
              size_add(three, square, &total) && size_add(total, e->n, &total);
  m.memory = fits ? MEM_NEW(double, total) : NULL;
  if (m.memory == NULL) return error_no_memory(err, "the flow");
  m.grown = m.memory, m.query = m.grown + cloud, m.pull = m.query + cloud, m.row = m.pull + cloud;
  m.growth = m.row + e->n, m.scratch = m.growth + e->d * e->d;
  *ret_mover = m;
  return DWELL_OK;
}

/* y = x M, row by row: [n,d] times [d,d], transposed or not. */
static void turn(size_t n, size_t d, const double *x, bool transposed, const double *m, double *ret_y) {
  gemm_f64(false, transposed, n, d, d, 1, x, d, m, d, 0, ret_y, d);
}

void euclid_exponential(size_t d, const double *v, double t, double *ret_e, double *ret_power, double *scratch) {
  double *term = scratch, *next = scratch + d * d, norm = 0;
  size_t size = d * d;
  for (size_t e = 0; e < size; e++) norm += v[e] * v[e];
  norm = sqrt(norm) * fabs(t);
  int squarings = norm > 0.5 ? (int)ceil(log2(norm / 0.5)) : 0;
  memset(ret_e, 0, size * sizeof(double));
  for (size_t k = 0; k < d; k++) ret_e[k * d + k] = 1;
  memcpy(term, ret_e, size * sizeof(double));
  for (int k = 1; k <= 18; k++) {
    gemm_f64(false, false, d, d, d, ldexp(t, -squarings) / k, term, d, v, d, 0, next, d);
    memcpy(term, next, size * sizeof(double));
    for (size_t e = 0; e < size; e++) ret_e[e] += term[e];
  }
  *ret_power = 0;
  for (int s = 0; s < squarings; s++) {
    gemm_f64(false, false, d, d, d, 1, ret_e, d, ret_e, d, 0, next, d);
    double largest = 0;
    for (size_t e = 0; e < size; e++) largest = fmax(largest, fabs(next[e]));
    int power = largest > 0 && isfinite(largest) ? ilogb(largest) : 0;
    for (size_t e = 0; e < size; e++) ret_e[e] = ldexp(next[e], -power);
    *ret_power = 2 * *ret_power + power;
  }
}

/* Fills grown and query for state x at time t; returns the factor of the scores. */
static double prepare(mover *m, double t, const double *x) {
  const euclid *e = m->e;
  double power = 0;
  if (!e->rescaled || e->opt_v == NULL) {
    memcpy(m->grown, x, e->n * e->d * sizeof(double));
    power = e->rescaled ? t / log(2) : 0;
  } else {
    euclid_exponential(e->d, e->opt_v, t, m->growth, &power, m->scratch);
    turn(e->n, e->d, x, true, m->growth, m->grown);
  }
  if (e->opt_b == NULL) memcpy(m->query, m->grown, e->n * e->d * sizeof(double));
  else turn(e->n, e->d, m->grown, false, e->opt_b, m->query);
  return e->beta * exp2(2 * power);
}

static double product(size_t d, const double *a, const double *b, const double *c) {
  double sum = 0;
  for (size_t k = 0; k < d; k++) sum += a[k] * (b[k] - c[k]);
  return sum;
}

/* Row i of P into m->row. Scores are differences from the largest, taken coordinate by coordinate, so that those of
 * tokens that nearly coincide keep their precision; an infinite factor is hardmax. Sums go from both ends at once: the
 * mirror image of a symmetric cloud is then treated alike to the last bit, and exact ties stay (theory T23). */
static void weigh(mover *m, size_t i, double factor) {
  const euclid *e = m->e;
  size_t d = e->d, seen = e->causal ? i + 1 : e->n, top = 0;
  const double *q = m->query + i * d;
  double sign = factor < 0 ? -1 : 1, sum = 0;
  while (e->masses[top] == 0) top++;
  for (size_t j = top + 1; j < seen; j++)
    if (e->masses[j] > 0 && sign * product(d, q, m->grown + j * d, m->grown + top * d) > 0) top = j;
  for (size_t j = 0; j < e->n; j++) {
    double below = j < seen ? product(d, q, m->grown + j * d, m->grown + top * d) : 0;
    m->row[j] = j >= seen ? 0 : e->masses[j] * (below == 0 ? 1 : exp(factor * below));
  }
  for (size_t j = 0; j < (e->n + 1) / 2; j++) sum += m->row[j] + (e->n - 1 - j > j ? m->row[e->n - 1 - j] : 0);
  for (size_t j = 0; j < e->n; j++) m->row[j] /= sum;
}

static dwell_status slope(void *self, double t, const double *x, double *ret_slope, dwell_error *err) {
  mover *m = self;
  const euclid *e = m->e;
  size_t d = e->d;
  double factor = prepare(m, t, x);
  if (isnan(factor) || !isfinite(m->grown[0])) return error_set(err, DWELL_FAILED, "the tokens are beyond a double");
  memset(m->pull, 0, e->n * d * sizeof(double));
  for (size_t i = 0; i < e->n; i++) {
    weigh(m, i, factor);
    for (size_t j = 0; j < (e->n + 1) / 2; j++) {
      size_t other = e->n - 1 - j;
      for (size_t k = 0; k < d; k++) {
        double from = e->rescaled ? x[i * d + k] : 0, one = m->row[j] * (x[j * d + k] - from);
        m->pull[i * d + k] += one + (other > j ? m->row[other] * (x[other * d + k] - from) : 0);
      }
    }
  }
  if (e->opt_v == NULL) memcpy(ret_slope, m->pull, e->n * d * sizeof(double));
  else turn(e->n, d, m->pull, true, e->opt_v, ret_slope);
  return DWELL_OK;
}

dwell_status euclid_solve(const euclid *e, const ode_plan *plan, const ode_host *host, double *x,
                          ode_outcome *ret_outcome, dwell_error *err) {
  mover m = {0};
  *ret_outcome = (ode_outcome){0};
  dwell_status status = open(e, &m, err);
  ode_problem problem = {e->n * e->d, slope, NULL, &m};
  if (status == DWELL_OK) status = ode_solve(&problem, plan, host, x, ret_outcome, err);
  mem_free(m.memory);
  return status;
}

dwell_status euclid_attention(const euclid *e, double t, const double *x, double *ret_p, dwell_error *err) {
  mover m = {0};
  dwell_status status = open(e, &m, err);
  if (status != DWELL_OK) return status;
  double factor = prepare(&m, t, x);
  for (size_t i = 0; i < e->n; i++) {
    weigh(&m, i, factor);
    memcpy(ret_p + i * e->n, m.row, e->n * sizeof(double));
  }
  mem_free(m.memory);
  return DWELL_OK;
}

/* ---- the families ---- */

static dwell_status solve(const flow_plan *plan, const integrate_host *host, double *x, certificate *ret_certificate,
                          dwell_error *err) {
  const flow_system *s = &plan->system;
  dense_heads heads = {0};
  euclid e = {s->n, s->d, s->beta, s->masses, s->causal, plan->family == &flow_rd_rescaled, NULL, NULL};
  ode_plan times = {plan->integrator, plan->step, plan->rtol, 0, plan->times, plan->count};
  ode_host told = {host->ctx, host->progress, host->emit, host->self};
  ode_outcome outcome;
  double *form = NULL;
  dwell_status status = DWELL_OK;
  *ret_certificate = certificate_start();
  TRY(dense_open(s->layer, s->d, &heads, err));
  if (heads.query != NULL) {
    form = mem_alloc(s->d, s->d * sizeof(double));
    TRY_ALLOC(form, "the weights");
    gemm_f64(true, false, s->d, s->d, s->d, 1, heads.query, s->d, heads.key, s->d, 0, form, s->d);
  }
  e.opt_b = form, e.opt_v = heads.value;
  status = euclid_solve(&e, &times, &told, x, &outcome, err);
  *ret_certificate = ode_certificate(&outcome);
done:
  dense_close(&heads);
  mem_free(form);
  return status;
}

static dwell_status check_plan(const flow_plan *plan, dwell_error *err) {
  const flow_layer *l = plan->system.layer;
  dwell_status status = dense_check(l, err);
  if (status != DWELL_OK) return status;
  if (l == NULL || l->heads == 1) return ode_check_plan(plan, err);
  error_set(err, DWELL_USAGE, "%s has one head, not %zu", plan->family->name, l->heads);
  error_at_item(err, "heads");
  return error_remedy(err, "Use --heads 1");
}

static double time_unit(const flow_system *s) {
  (void)s;
  return 1;
}

static double flops(size_t n, size_t d) { return (double)n * (double)n * (8 * (double)d + 25); }

static const char *const parameters[] = {
    "beta: inverse temperature, any finite number",
    "init: box:R, gaussian:S, a file (rows as they are), or any start on the sphere", NULL};

const flow flow_rd = {
    .name = "rd",
    .summary = "softmax self-attention on R^d, without layer norm: tokens leave every bound",
    .source = "Geshkovski, Letrouit, Polyanskiy, Rigollet, arXiv:2305.05465",
    .parameters = parameters,
    .check_plan = check_plan,
    .weighted = true,
    .solve = solve,
    .off_sphere = true,
    .time_unit = time_unit,
    .flops = flops,
};

const flow flow_rd_rescaled = {
    .name = "rd-rescaled",
    .summary =
        "the flow rd seen in the frame z = e^{-tV} x: tokens go to corners of a polytope, to hyperplanes, or both",
    .source = "Geshkovski, Letrouit, Polyanskiy, Rigollet, arXiv:2305.05465",
    .parameters = parameters,
    .check_plan = check_plan,
    .weighted = true,
    .solve = solve,
    .off_sphere = true,
    .time_unit = time_unit,
    .flops = flops,
};
