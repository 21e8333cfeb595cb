/* flow/meanfield.c - densities by their coefficients in an orthonormal basis p_0 = 1, p_1, ... of the uniform
 * probability: f = sum F_l p_l, W*f = sum a_l F_l p_l, and in weak form
 *     dF_l/dt = int f <v, grad p_l> - lambda_l F_l / kappa.
 * Circle: p are sqrt(2) cos k theta, sqrt(2) sin k theta on an even grid. Sphere: Gegenbauer polynomials of <x,e> =: t,
 * where <grad g, grad p> = (1 - t^2) g' p', at Gauss's nodes. */
#include "flow/meanfield.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "flow/harmonics.h"
#include "linalg/eigen.h"

enum { MOST_MODES = 1000, MOST_DIMENSION = 4096 };
static const double pi = 3.14159265358979323846;

typedef struct basis {
  const meanfield *m;
  size_t size, nodes; /* functions without p_0, grid points */
  double *value;      /* [nodes, size] p at the nodes */
  double *slope;      /* [nodes, size] sqrt(metric) dp, so that <grad g, grad p> is a product of sums */
  double *weight;     /* [nodes] of the uniform probability */
  double *multiplier; /* [size] a_l without e^{|beta|} */
  double *scale;      /* [size] F = scale y, y the caller's coefficient */
  double *decay;      /* [size] lambda_l / kappa */
  double *flux;       /* [nodes] */
  double zero;        /* a_0 */
  double *memory;
} basis;

size_t meanfield_size(const meanfield *m) { return m->d == 2 ? 2 * m->modes : m->modes + 1; }

static size_t order_of(const meanfield *m, size_t function) { return m->d == 2 ? function / 2 + 1 : function + 1; }

dwell_status meanfield_check(const meanfield *m, dwell_error *err) {
  if (m->d < 2 || m->d > MOST_DIMENSION) return error_set(err, DWELL_USAGE, "dimensions from 2 to %d", MOST_DIMENSION);
  if (m->modes < 1 || m->modes > MOST_MODES) return error_set(err, DWELL_USAGE, "from 1 to %d modes", MOST_MODES);
  if (!isfinite(m->beta) || (!m->normalised && fabs(m->beta) > 700))
    return error_set(err, DWELL_USAGE, "beta must be finite, and at most 700 without the normalisation");
  if (!(m->kappa >= 0)) return error_set(err, DWELL_USAGE, "kappa must be positive, or 0 for no noise");
  return DWELL_OK;
}

static dwell_status allocate(basis *b, dwell_error *err) {
  size_t table = b->nodes * b->size;
  b->memory = MEM_ZERO(double, 2 * table + 2 * b->nodes + 3 * b->size);
  if (b->memory == NULL) return error_no_memory(err, "the density");
  b->value = b->memory, b->slope = b->value + table, b->weight = b->slope + table, b->flux = b->weight + b->nodes;
  b->multiplier = b->flux + b->nodes, b->scale = b->multiplier + b->size, b->decay = b->scale + b->size;
  return DWELL_OK;
}

/* ---- circle ---- */

static void fill_circle(basis *b) {
  for (size_t i = 0; i < b->nodes; i++) {
    b->weight[i] = 1 / (double)b->nodes;
    for (size_t k = 1; k <= b->m->modes; k++) {
      double *value = b->value + i * b->size + 2 * (k - 1), *slope = b->slope + i * b->size + 2 * (k - 1);
      double angle = 2 * pi * (double)(i * k % b->nodes) / (double)b->nodes, c = cos(angle), s = sin(angle);
      value[0] = sqrt(2) * c, value[1] = sqrt(2) * s;
      slope[0] = -(double)k * value[1], slope[1] = (double)k * value[0];
    }
  }
  for (size_t k = 0; k < b->m->modes; k++) b->scale[2 * k] = sqrt(2), b->scale[2 * k + 1] = -sqrt(2);
}

/* ---- sphere ---- */

/* Recurrence t p_l = r_{l+1} p_{l+1} + r_l p_{l-1} of the orthonormal Gegenbauer polynomials of S^{d-1}. */
static double recurrence(size_t d, size_t l) {
  double k = (double)l, m = (double)d;
  return sqrt(k * (k + m - 3) / ((2 * k + m - 2) * (2 * k + m - 4)));
}

/* p_1.. p_size and their derivatives at t, times `factor` for the latter. */
static void gegenbauer(size_t d, size_t size, double t, double factor, double *ret_value, double *opt_slope) {
  double before = 0, now = 1, before_slope = 0, now_slope = 0;
  for (size_t l = 0; l < size; l++) {
    double up = recurrence(d, l + 1), down = l > 0 ? recurrence(d, l) : 0;
    double next = (t * now - down * before) / up, next_slope = (now + t * now_slope - down * before_slope) / up;
    before = now, now = next, before_slope = now_slope, now_slope = next_slope;
    ret_value[l] = now;
    if (opt_slope != NULL) opt_slope[l] = factor * now_slope;
  }
}

/* Gauss's nodes and weights: eigenvalues and first entries of the recurrence's matrix (Golub and Welsch 1969). */
static dwell_status fill_sphere(basis *b, dwell_error *err) {
  dwell_status status = DWELL_OK;
  size_t n = b->nodes, d = b->m->d;
  double *jacobi = mem_zero(n, n * sizeof(double)), *nodes = MEM_NEW(double, n);
  if (jacobi == NULL || nodes == NULL) TRY_ALLOC(NULL, "the grid");
  for (size_t i = 1; i < n; i++) jacobi[i * n + i - 1] = recurrence(d, i);
  TRY(eigen_vectors(n, jacobi, nodes, err));
  for (size_t i = 0; i < n; i++) {
    double t = nodes[i];
    b->weight[i] = jacobi[i * n] * jacobi[i * n];
    gegenbauer(d, b->size, t, sqrt(fmax(0, (1 - t) * (1 + t))), b->value + i * b->size, b->slope + i * b->size);
  }
  for (size_t l = 1; l <= b->size; l++) b->scale[l - 1] = sqrt(harmonics_dimension(d, l));
done:
  mem_free(jacobi);
  mem_free(nodes);
  return status;
}

/* ---- both ---- */

static void close(basis *b) { mem_free(b->memory); }

/* What depends on beta and kappa. */
static dwell_status set_strengths(basis *b, dwell_error *err) {
  dwell_status status = DWELL_OK;
  const meanfield *m = b->m;
  double *a = MEM_NEW(double, m->modes + 1);
  if (a == NULL || harmonics_multipliers(m->d, m->beta, m->modes + 1, a) != 0) TRY_ALLOC(NULL, "the multipliers");
  b->zero = a[0];
  for (size_t e = 0; e < b->size; e++) {
    double l = (double)order_of(m, e);
    b->multiplier[e] = a[order_of(m, e)];
    b->decay[e] = m->kappa > 0 ? l * (l + (double)m->d - 2) / m->kappa : 0;
  }
done:
  mem_free(a);
  return status;
}

static dwell_status open(const meanfield *m, basis *ret_basis, dwell_error *err) {
  dwell_status status = DWELL_OK;
  basis b = {.m = m};
  TRY(meanfield_check(m, err));
  b.size = m->d == 2 ? 2 * m->modes : m->modes;
  b.nodes = m->d == 2 ? 3 * m->modes + 1 : (3 * m->modes) / 2 + 2;
  TRY(allocate(&b, err));
  if (m->d == 2) fill_circle(&b);
  else TRY(fill_sphere(&b, err));
  TRY(set_strengths(&b, err));
done:
  if (status != DWELL_OK) close(&b), b = (basis){0};
  *ret_basis = b;
  return status;
}

/* 1 + sum_e c_e table_e, or without the 1. */
static double at_node(const basis *b, const double *table, size_t node, const double *c, double zero) {
  const double *row = table + node * b->size;
  double sum = zero;
  for (size_t e = 0; e < b->size; e++) sum += c[e] * row[e];
  return sum;
}

/* a_l / beta, also at beta = 0 (a_1 / beta -> 1/d; higher orders vanish). */
static double strength(const basis *b, size_t e) {
  if (b->m->beta == 0) return order_of(b->m, e) == 1 ? 1 / (double)b->m->d : 0;
  return b->multiplier[e] / b->m->beta;
}

/* dF/dt without diffusion; f [size], work [2 size]. */
static void drift(const basis *b, const double *f, double *work, double *ret_slope) {
  double *pull = work, *field = work + b->size, common = b->m->normalised ? 1 : exp(fabs(b->m->beta));
  for (size_t e = 0; e < b->size; e++) pull[e] = strength(b, e) * f[e], field[e] = b->multiplier[e] * f[e];
  memset(ret_slope, 0, b->size * sizeof(double));
  for (size_t i = 0; i < b->nodes; i++) {
    double density = at_node(b, b->value, i, f, 1), v = common * at_node(b, b->slope, i, pull, 0);
    if (b->m->normalised) v /= at_node(b, b->value, i, field, b->zero);
    double flux = b->weight[i] * density * v;
    const double *row = b->slope + i * b->size;
    for (size_t e = 0; e < b->size; e++) ret_slope[e] += flux * row[e];
  }
}

typedef struct mover {
  basis b;
  double *work; /* [2 size] */
  double *y;    /* [meanfield_size] */
  const ode_host *host;
} mover;

static void to_state(const basis *b, const double *f, double *ret_y) {
  size_t first = b->m->d == 2 ? 0 : 1;
  if (first == 1) ret_y[0] = 1;
  for (size_t e = 0; e < b->size; e++) ret_y[first + e] = f[e] / b->scale[e];
}

static void from_state(const basis *b, const double *y, double *ret_f) {
  size_t first = b->m->d == 2 ? 0 : 1;
  for (size_t e = 0; e < b->size; e++) ret_f[e] = b->scale[e] * y[first + e];
}

static meanfield_facts facts_of(const basis *b, const double *f) {
  meanfield_facts facts = {.lowest = INFINITY};
  double most = 0, last = 0;
  for (size_t i = 0; i < b->nodes; i++) facts.lowest = fmin(facts.lowest, at_node(b, b->value, i, f, 1));
  for (size_t e = 0; e < b->size; e++) {
    most = fmax(most, fabs(f[e]));
    if (8 * e >= 7 * b->size) last = fmax(last, fabs(f[e]));
  }
  facts.tail = most > 0 ? last / most : 0;
  return facts;
}

static dwell_status slope(void *self, double t, const double *f, double *ret_slope, dwell_error *err) {
  (void)t, (void)err;
  mover *m = self;
  drift(&m->b, f, m->work, ret_slope);
  return DWELL_OK;
}

static dwell_status emit(void *self, size_t index, const double *f, dwell_error *err) {
  mover *m = self;
  meanfield_facts facts = facts_of(&m->b, f);
  /* amplitudes at rounding are no density that narrows */
  if (facts.tail > 1e-3 && m->b.m->modes >= 8 && facts.lowest < 0.999) {
    error_set(err, DWELL_FAILED, "the density has become narrower than %zu modes resolve", m->b.m->modes);
    return error_remedy(err, "Take more modes (--modes), a shorter time, or particles");
  }
  to_state(&m->b, f, m->y);
  return m->host->emit != NULL ? m->host->emit(m->host->self, index, m->y, err) : DWELL_OK;
}

static void progress(void *self, double fraction) {
  mover *m = self;
  if (m->host->progress != NULL) m->host->progress(m->host->self, fraction);
}

dwell_status meanfield_solve(const meanfield *what, const ode_plan *plan, const ode_host *host, double *y,
                             meanfield_facts *opt_facts, ode_outcome *ret_outcome, dwell_error *err) {
  dwell_status status = DWELL_OK;
  mover m = {.y = y, .host = host};
  ode_host told = {host->ctx, progress, emit, &m};
  double *memory = NULL;
  *ret_outcome = (ode_outcome){0};
  TRY(open(what, &m.b, err));
  memory = MEM_NEW(double, 3 * m.b.size);
  TRY_ALLOC(memory, "the density");
  double *f = memory + 2 * m.b.size;
  m.work = memory;
  from_state(&m.b, y, f);
  ode_problem problem = {m.b.size, slope, what->kappa > 0 ? m.b.decay : NULL, &m};
  status = ode_solve(&problem, plan, &told, f, ret_outcome, err);
  to_state(&m.b, f, y);
  if (opt_facts != NULL) *opt_facts = facts_of(&m.b, f);
done:
  close(&m.b);
  mem_free(memory);
  return status;
}

struct meanfield_field {
  meanfield what;
  basis b;
  double *memory, *work, *f, *change; /* [2 size], [size], [size] of it */
};

dwell_status meanfield_open(const meanfield *m, meanfield_field **ret_field, dwell_error *err) {
  dwell_status status = DWELL_OK;
  meanfield_field *field = MEM_ZERO(meanfield_field, 1);
  *ret_field = NULL;
  TRY_ALLOC(field, "the density");
  field->what = *m;
  TRY(open(&field->what, &field->b, err));
  field->memory = MEM_NEW(double, 4 * field->b.size);
  TRY_ALLOC(field->memory, "the density");
  field->work = field->memory, field->f = field->work + 2 * field->b.size, field->change = field->f + field->b.size;
  *ret_field = field, field = NULL;
done:
  meanfield_close(field);
  return status;
}

void meanfield_close(meanfield_field *f) {
  if (f == NULL) return;
  close(&f->b);
  mem_free(f->memory);
  mem_free(f);
}

dwell_status meanfield_change(meanfield_field *f, double beta, double kappa, dwell_error *err) {
  f->what.beta = beta, f->what.kappa = kappa;
  dwell_status status = meanfield_check(&f->what, err);
  return status == DWELL_OK ? set_strengths(&f->b, err) : status;
}

void meanfield_field_slope(meanfield_field *f, const double *y, double *ret_slope) {
  from_state(&f->b, y, f->f);
  drift(&f->b, f->f, f->work, f->change);
  for (size_t e = 0; e < f->b.size; e++) f->change[e] -= f->b.decay[e] * f->f[e];
  to_state(&f->b, f->change, ret_slope);
  if (f->what.d > 2) ret_slope[0] = 0;
}

double meanfield_free_energy(meanfield_field *f, const double *y) {
  double entropy = 0, pairs = 0;
  if (f->what.normalised || !(f->what.kappa > 0)) return NAN;
  from_state(&f->b, y, f->f);
  for (size_t i = 0; i < f->b.nodes; i++) {
    double density = at_node(&f->b, f->b.value, i, f->f, 1);
    if (density > 0) entropy += f->b.weight[i] * density * log(density);
  }
  for (size_t e = 0; e < f->b.size; e++) pairs += strength(&f->b, e) * f->f[e] * f->f[e];
  return entropy - 0.5 * f->what.kappa * exp(fabs(f->what.beta)) * pairs;
}

dwell_status meanfield_slope(const meanfield *what, const double *y, double *ret_slope, dwell_error *err) {
  meanfield_field *f;
  dwell_status status = meanfield_open(what, &f, err);
  if (status == DWELL_OK) meanfield_field_slope(f, y, ret_slope);
  if (status == DWELL_OK) meanfield_close(f);
  return status;
}

dwell_status meanfield_density(const meanfield *what, const double *y, size_t count, const double *at,
                               double *ret_density, dwell_error *err) {
  dwell_status status = meanfield_check(what, err);
  double *p = NULL;
  if (status != DWELL_OK) return status;
  p = MEM_NEW(double, what->modes);
  TRY_ALLOC(p, "the density");
  for (size_t i = 0; i < count; i++) {
    ret_density[i] = 1;
    if (what->d > 2) gegenbauer(what->d, what->modes, at[i], 0, p, NULL);
    for (size_t k = 1; k <= what->modes; k++) {
      double angle = (double)k * at[i];
      if (what->d == 2) ret_density[i] += 2 * (y[2 * k - 2] * cos(angle) - y[2 * k - 1] * sin(angle));
      else ret_density[i] += sqrt(harmonics_dimension(what->d, k)) * y[k] * p[k - 1];
    }
  }
done:
  mem_free(p);
  return status;
}

dwell_status meanfield_tokens(const meanfield *what, size_t n, const double *masses, const double *x, double *ret_y,
                              dwell_error *err) {
  dwell_status status = meanfield_check(what, err);
  size_t d = what->d, K = what->modes;
  double *p = NULL;
  if (status != DWELL_OK) return status;
  p = MEM_NEW(double, K);
  TRY_ALLOC(p, "the density");
  memset(ret_y, 0, meanfield_size(what) * sizeof(double));
  for (size_t i = 0; i < n; i++) {
    double angle = d == 2 ? atan2(x[2 * i + 1], x[2 * i]) : 0;
    if (d > 2) gegenbauer(d, K, x[i * d], 0, p, NULL), ret_y[0] += masses[i];
    for (size_t k = 1; k <= K; k++) {
      if (d == 2) {
        ret_y[2 * k - 2] += masses[i] * cos((double)k * angle);
        ret_y[2 * k - 1] -= masses[i] * sin((double)k * angle);
      } else {
        ret_y[k] += masses[i] * p[k - 1] / sqrt(harmonics_dimension(d, k));
      }
    }
  }
  if (d > 2) ret_y[0] = 1;
done:
  mem_free(p);
  return status;
}

double meanfield_rate(const meanfield *m, size_t l) {
  double k = (double)l, lambda = k * (k + (double)m->d - 2), noise = m->kappa > 0 ? lambda / m->kappa : 0;
  double *a = MEM_NEW(double, l + 1), rate = NAN;
  if (a == NULL || harmonics_multipliers(m->d, m->beta, l + 1, a) != 0) goto done;
  if (m->beta == 0) rate = l == 1 ? lambda / (double)m->d : 0;
  else rate = lambda * a[l] / m->beta / (m->normalised ? a[0] : exp(-fabs(m->beta)));
  rate -= noise;
done:
  mem_free(a);
  return rate;
}
