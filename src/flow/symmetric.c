/* flow/symmetric.c - rates of disturbances of symmetric configurations. */
#include "flow/symmetric.h"

#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/mem.h"
#include "flow/field.h"
#include "linalg/eigen.h"

static const double difference = 1e-5;

/* Coordinates of the corners of a simplex: the standard basis of n dimensions without its mean, in Helmert's basis. */
static void simplex(size_t n, double *ret_x) {
  for (size_t i = 0; i < n; i++)
    for (size_t k = 1; k < n; k++) {
      double scale = sqrt((double)k * (double)(k + 1)), entry = i < k ? 1 : i == k ? -(double)k : 0;
      ret_x[i * (n - 1) + k - 1] = entry / scale * sqrt((double)n / (double)(n - 1));
    }
}

static void ring(size_t n, double *ret_x) {
  for (size_t i = 0; i < n; i++) {
    double angle = 2 * acos(-1) * (double)i / (double)n;
    ret_x[2 * i] = cos(angle), ret_x[2 * i + 1] = sin(angle);
  }
}

/* d - 1 orthonormal vectors at right angles to the unit vector u, in rows: the others of a reflection that takes an
 * axis to u. */
static void tangents(size_t d, const double *u, double *ret_basis) {
  double sign = u[0] < 0 ? -1 : 1, first = u[0] + sign;
  for (size_t k = 1; k < d; k++)
    for (size_t c = 0; c < d; c++)
      ret_basis[(k - 1) * d + c] = (c == k ? 1 : 0) - (c == 0 ? first : u[c]) * u[k] / (sign * first);
}

typedef struct lab {
  size_t n, d, size;         /* size = n (d - 1) */
  double *x, *basis, *there; /* [n, d], [n, d - 1, d], [n, d] */
  double *v, *v_2;           /* [n, d] */
  double *matrix, *rates;    /* [size, size], [2 size] */
  double *masses;            /* [n] */
  void *memory;
  field field;
} lab;

static dwell_status open(const symmetric *s, double beta, lab *ret_lab, dwell_error *err) {
  dwell_status status = DWELL_OK;
  lab l = {.n = s->n, .d = s->ring ? 2 : s->n - 1};
  if (s->n < 2 || s->n > SYMMETRIC_MOST) TRY(error_set(err, DWELL_USAGE, "from 2 to %d clusters", SYMMETRIC_MOST));
  if (l.d < 2) TRY(error_set(err, DWELL_USAGE, "a simplex of two clusters has no disturbances: take a ring"));
  l.size = l.n * (l.d - 1);
  size_t cloud = l.n * l.d;
  double *memory = MEM_ZERO(double, 4 * cloud + l.size * l.d + l.size * l.size + 2 * l.size + l.n);
  TRY_ALLOC(memory, "the clusters");
  l.memory = memory;
  l.x = memory, l.there = l.x + cloud, l.v = l.there + cloud, l.v_2 = l.v + cloud, l.basis = l.v_2 + cloud;
  l.matrix = l.basis + l.size * l.d, l.rates = l.matrix + l.size * l.size, l.masses = l.rates + 2 * l.size;
  for (size_t i = 0; i < l.n; i++) l.masses[i] = 1 / (double)l.n;
  (s->ring ? ring : simplex)(l.n, l.x);
  for (size_t i = 0; i < l.n; i++) tangents(l.d, l.x + i * l.d, l.basis + i * (l.d - 1) * l.d);
  const flow *family = flow_find(s->flow);
  flow_system system = {l.n, l.d, beta, l.masses};
  TRY(family != NULL && family->attention != NULL ? DWELL_OK : error_set(err, DWELL_USAGE, "flows sa and usa only"));
  if (family->check != NULL) TRY(family->check(&system, err));
  TRY(field_create(family, &system, NULL, &l.field, err));
done:
  *ret_lab = l;
  return status;
}

static void close(lab *l) {
  field_destroy(&l->field);
  mem_free(l->memory);
}

/* The velocity with token i moved by `by` along its tangent t; unit tokens to second order, which differences lose. */
static dwell_status velocity_at(lab *l, size_t i, size_t t, double by, double *ret_v, dwell_error *err) {
  field_facts facts;
  const double *tangent = l->basis + (i * (l->d - 1) + t) * l->d;
  for (size_t e = 0; e < l->n * l->d; e++) l->there[e] = l->x[e];
  for (size_t c = 0; c < l->d; c++) l->there[i * l->d + c] += by * tangent[c];
  return field_velocity(&l->field, l->there, ret_v, &facts, err);
}

static dwell_status fill(lab *l, dwell_error *err) {
  dwell_status status = DWELL_OK;
  for (size_t column = 0; column < l->size; column++) {
    size_t i = column / (l->d - 1), t = column % (l->d - 1);
    TRY(velocity_at(l, i, t, difference, l->v, err));
    TRY(velocity_at(l, i, t, -difference, l->v_2, err));
    for (size_t row = 0; row < l->size; row++) {
      size_t at = row / (l->d - 1) * l->d;
      double sum = 0;
      for (size_t c = 0; c < l->d; c++) sum += l->basis[row * l->d + c] * (l->v[at + c] - l->v_2[at + c]);
      l->matrix[row * l->size + column] = sum / (2 * difference);
    }
  }
done:
  return status;
}

static int by_size(const void *a, const void *b) {
  double x = fabs(*(const double *)a), y = fabs(*(const double *)b);
  return (x > y) - (x < y);
}

dwell_status symmetric_growth(const symmetric *s, double beta, double *ret_growth, size_t *ret_unstable,
                              dwell_error *err) {
  dwell_status status = DWELL_OK;
  lab l = {0};
  *ret_growth = -INFINITY, *ret_unstable = 0;
  TRY(open(s, beta, &l, err));
  TRY(fill(&l, err));
  TRY(eigen_general(l.size, l.matrix, l.rates, l.rates + l.size, err));
  size_t rotations = l.d * (l.d - 1) / 2;
  qsort(l.rates, l.size, sizeof(double), by_size); /* rotations are the smallest; the spectrum is real by symmetry */
  double limit = 1e-8 * fabs(l.rates[l.size - 1]);
  for (size_t e = rotations; e < l.size; e++) {
    *ret_growth = fmax(*ret_growth, l.rates[e]);
    *ret_unstable += l.rates[e] > limit;
  }
done:
  close(&l);
  return status;
}

dwell_status symmetric_change(const symmetric *s, double low, double high, double *ret_beta, dwell_error *err) {
  dwell_status status = DWELL_OK;
  double first, last, value;
  size_t unstable;
  TRY(symmetric_growth(s, low, &first, &unstable, err));
  TRY(symmetric_growth(s, high, &last, &unstable, err));
  if (first * last > 0) TRY(error_set(err, DWELL_USAGE, "stability does not change between the two"));
  while (high - low > 1e-10) {
    double middle = (low + high) / 2;
    TRY(symmetric_growth(s, middle, &value, &unstable, err));
    if (value * first > 0) low = middle;
    else high = middle;
  }
  *ret_beta = (low + high) / 2;
done:
  return status;
}
