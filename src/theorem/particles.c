/* theorem/particles.c - runs of the flows from starts that a theorem made. */
#include "theorem/particles.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "theorem/numerics.h"

dwell_status particles_open(const char *name, size_t n, size_t d, double beta, particles *ret_p, dwell_error *err) {
  dwell_status status = DWELL_OK;
  particles p = {.n = n, .d = d};
  p.masses = MEM_NEW(double, n);
  p.x = mem_zero(n, d * sizeof(double));
  if (p.masses == NULL || p.x == NULL) TRY_ALLOC(NULL, "the particles of a theorem");
  for (size_t i = 0; i < n; i++) p.masses[i] = 1 / (double)n;
  p.plan = (flow_plan){.family = flow_find(name), .integrator = DWELL_RK45, .rtol = 1e-11};
  p.plan.system = (flow_system){.n = n, .d = d, .beta = beta, .masses = p.masses};
  if (p.plan.family == NULL) TRY(error_set(err, DWELL_FAILED, "there is no flow %s", name));
done:
  if (status != DWELL_OK) particles_close(&p);
  *ret_p = p;
  return status;
}

void particles_close(particles *p) {
  mem_free(p->masses);
  mem_free(p->x);
  *p = (particles){0};
}

/* ---- starts ---- */

void particles_uniform(particles *p, uint32_t which) {
  for (size_t i = 0; i < p->n; i++)
    for (size_t k = 0; k < p->d; k++) p->x[i * p->d + k] = numerics_normal(which, i, k);
  field_normalise(p->n, p->d, p->x, p->x);
}

void particles_basis(particles *p) {
  memset(p->x, 0, p->n * p->d * sizeof(double));
  for (size_t i = 0; i < p->n; i++) p->x[i * p->d + i] = 1;
}

/* Row i of the Cholesky factor of (1 - rho) I + rho 11^T: the entries of a column below its diagonal are equal. */
void particles_equiangular(particles *p, double rho) {
  double squares = 0; /* of the entries left of the diagonal */
  memset(p->x, 0, p->n * p->d * sizeof(double));
  for (size_t k = 0; k < p->n && k < p->d; k++) {
    double diagonal = sqrt(fmax(0, 1 - squares)), below = diagonal > 0 ? (rho - squares) / diagonal : 0;
    p->x[k * p->d + k] = diagonal;
    for (size_t i = k + 1; i < p->n; i++) p->x[i * p->d + k] = below;
    squares += below * below;
  }
  field_normalise(p->n, p->d, p->x, p->x);
}

/* The diagonal entries are chi variables of ambient - i degrees of freedom: sums of squares of normal numbers. */
void particles_bartlett(particles *p, size_t ambient, uint32_t which) {
  memset(p->x, 0, p->n * p->d * sizeof(double));
  for (size_t i = 0; i < p->n; i++) {
    double square = 0;
    for (size_t k = 0; k < i; k++) p->x[i * p->d + k] = numerics_normal(which, i, k);
    for (size_t k = i; k < ambient; k++) {
      double z = numerics_normal(which, i, k);
      square += z * z;
    }
    p->x[i * p->d + i] = sqrt(square);
  }
  field_normalise(p->n, p->d, p->x, p->x);
}

void particles_angles(particles *p, const double *angles) {
  for (size_t i = 0; i < p->n; i++) p->x[2 * i] = cos(angles[i]), p->x[2 * i + 1] = sin(angles[i]);
}

/* ---- motion ---- */

static dwell_status keep_state(void *self, size_t index, const double *x, dwell_error *err) {
  (void)index, (void)err;
  particles *p = self;
  memmove(p->x, x, p->n * p->d * sizeof(double));
  return DWELL_OK;
}

dwell_status particles_to(particles *p, double t, const dwell_context *ctx, dwell_error *err) {
  double span = t - p->t;
  if (span <= 0) return DWELL_OK;
  dwell_status status = DWELL_OK;
  integrate_host host = {.ctx = ctx, .emit = keep_state, .self = p};
  flow_plan plan = p->plan;
  double *scratch = mem_copy(p->x, p->n * p->d, sizeof(double));
  TRY_ALLOC(scratch, "the particles of a theorem");
  plan.times = &span;
  plan.count = 1;
  plan.system.masses = p->masses;
  TRY(integrate(&plan, &host, scratch, &p->certificate, err));
  p->t = t;
done:
  mem_free(scratch);
  return status;
}

dwell_status particles_merge(particles *p, double merge, size_t clusters, double log_end, flow_history *ret_history,
                             const dwell_context *ctx, dwell_error *err) {
  dwell_status status = DWELL_OK;
  integrate_host host = {.ctx = ctx, .emit = keep_state, .self = p, .opt_history = ret_history};
  flow_plan plan = p->plan;
  *ret_history = (flow_history){0};
  plan.system.masses = p->masses;
  plan.log_clock = true;
  plan.merge = merge;
  plan.until_merged = clusters;
  plan.log_end = log_end;
  TRY(integrate(&plan, &host, p->x, &p->certificate, err));
done:
  return status;
}

dwell_status particles_velocity(const particles *p, double *ret_v, field_facts *opt_facts, dwell_error *err) {
  field f = {0};
  field_facts facts;
  dwell_status status = field_create(p->plan.family, &p->plan.system, NULL, &f, err);
  if (status == DWELL_OK) status = field_velocity(&f, p->x, ret_v, &facts, err);
  if (status == DWELL_OK && opt_facts != NULL) *opt_facts = facts;
  field_destroy(&f);
  return status;
}

/* ---- figures ---- */

double particles_cosine(const particles *p, size_t i, size_t j) {
  double sum = 0;
  for (size_t k = 0; k < p->d; k++) sum += p->x[i * p->d + k] * p->x[j * p->d + k];
  return sum;
}

double particles_mean_cosine(const particles *p) {
  double sum = 0;
  for (size_t i = 0; i < p->n; i++)
    for (size_t j = 0; j < i; j++) sum += particles_cosine(p, i, j);
  return sum * 2 / ((double)p->n * (double)(p->n - 1));
}

double particles_least_cosine(const particles *p) {
  double least = 1;
  for (size_t i = 0; i < p->n; i++)
    for (size_t j = 0; j < i; j++) least = fmin(least, particles_cosine(p, i, j));
  return least;
}

double particles_resultant(const particles *p) {
  double square = 0;
  for (size_t k = 0; k < p->d; k++) {
    double sum = 0;
    for (size_t i = 0; i < p->n; i++) sum += p->masses[i] * p->x[i * p->d + k];
    square += sum * sum;
  }
  return sqrt(square);
}

double particles_share(const particles *p, double level) {
  size_t above = 0;
  for (size_t i = 0; i < p->n; i++)
    for (size_t j = 0; j < i; j++) above += particles_cosine(p, i, j) >= level;
  return (double)above * 2 / ((double)p->n * (double)(p->n - 1));
}

size_t particles_clusters(const particles *p, double width) {
  enum { MOST = 4096 };
  size_t label[MOST], count = p->n;
  for (size_t i = 0; i < p->n; i++) label[i] = i;
  for (size_t i = 0; i < p->n; i++)
    for (size_t j = 0; j < i; j++) {
      if (label[i] == label[j] || 1 - particles_cosine(p, i, j) > width) continue;
      size_t from = label[i], to = label[j];
      for (size_t k = 0; k < p->n; k++) label[k] = label[k] == from ? to : label[k];
      count--;
    }
  return count;
}

static double apart(const particles *p, size_t i, size_t j) {
  double square = 0;
  for (size_t k = 0; k < p->d; k++) {
    double difference = p->x[i * p->d + k] - p->x[j * p->d + k];
    square += difference * difference;
  }
  return sqrt(square);
}

double particles_cross_ratio(const particles *p) {
  return apart(p, 0, 1) * apart(p, 2, 3) / (apart(p, 0, 2) * apart(p, 1, 3));
}
