/* theorem/long_context.c - T17: one layer of attention over many tokens. */
#include <math.h>

#include "base/error.h"
#include "base/mem.h"
#include "flow/attention.h"
#include "flow/equiangular.h"
#include "theorem/particles.h"
#include "theorem/theorems.h"

/* value: n, gamma. */
static dwell_status closed(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                           dwell_error *err) {
  (void)ctx, (void)err;
  for (size_t r = 0; r < count; r++)
    out[r].measured = 1 - equiangular_bare_layer((size_t)row[r].value[0], row[r].value[1] * log(row[r].value[0]), 0.5);
  return DWELL_OK;
}

/* The same from the attention vectors of real tokens. */
static dwell_status attention(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                              dwell_error *err) {
  (void)count, (void)ctx;
  dwell_status status = DWELL_OK;
  size_t n = (size_t)row->value[0];
  particles p = {0};
  flow_work *work = NULL;
  double *pull = mem_zero(n * n + 2 * n, sizeof(double)), ab = 0, aa = 0, bb = 0;
  TRY_ALLOC(pull, "a layer of attention");
  TRY(particles_open("sa", n, n, row->value[1] * log((double)n), &p, err));
  particles_equiangular(&p, 0.5);
  TRY(flow_work_create(n, n, false, NULL, &work, err));
  TRY(p.plan.family->attention(&p.plan.system, p.x, pull, pull + n * n, pull + n * n + n, work, err));
  for (size_t k = 0; k < n; k++) {
    double a = pull[n * n] * p.x[k] + pull[k], b = pull[n * n + 1] * p.x[n + k] + pull[n + k];
    ab += a * b, aa += a * a, bb += b * b;
  }
  out->measured = ab / sqrt(aa * bb);
done:
  flow_work_destroy(work);
  mem_free(pull);
  particles_close(&p);
  return status;
}

#define LAYER(name, n, g, c, eps, first)                                                                            \
  {                                                                                                                 \
    "T17." name, "cosine after one layer of attention, beta = gamma ln n", "rho = 1/2, n = " #n ", gamma = " #g, c, \
        THEOREM_EQUAL, eps, "half a unit of the last printed digit", first, {n, g}, false                           \
  }

static const theorem_row rows[] = {
    LAYER("100-1", 100, 1, 0.993295, 6e-7, attention), LAYER("100-2", 100, 2, 0.802797, 6e-7, attention),
    LAYER("100-3", 100, 3, 0.547986, 6e-7, attention), LAYER("million-1", 1e6, 1, 0.999999, 6e-7, closed),
    LAYER("million-2", 1e6, 2, 0.8, 6e-5, NULL),       LAYER("million-3", 1e6, 3, 0.5005, 6e-5, NULL),
};

const theorem theorem_long_context = {"T17", "long contexts: three phases of one layer",
                                      "arXiv:2510.05554, as quoted in arXiv:2512.01868; map: derived here",
                                      THEOREM_ROWS(rows)};
