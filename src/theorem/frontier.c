/* theorem/frontier.c - T9: from which temperature on several clusters can come first, in d dimensions. */
#include "theorem/numerics.h"
#include "theorem/theorems.h"

/* Rate of degree 2 minus rate of degree 1, times d / a_0. */
static double lead(double beta, const void *arg) {
  size_t d = *(const size_t *)arg;
  return 2 * (double)d * numerics_funk_hecke(d, 2, beta) - (double)(d - 1) * numerics_funk_hecke(d, 1, beta);
}

static dwell_status threshold(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                              dwell_error *err) {
  (void)count, (void)ctx, (void)err;
  size_t d = (size_t)row->value[0];
  out->measured = numerics_root(lead, &d, 0.3 * row->value[0], 1.2 * row->value[0]);
  return DWELL_OK;
}

#define FROM(d, b, eps)                                                                                   \
  {                                                                                                       \
    "T9.d" #d, "degree 2 grows faster than degree 1 from this beta on", "d = " #d, b, THEOREM_EQUAL, eps, \
        "half a unit of the last printed digit", threshold, {d}, false                                    \
  }

static const theorem_row rows[] = {
    FROM(2, 1.044, 5.1e-4),    FROM(3, 1.816, 5.1e-4),    FROM(4, 2.529, 5.1e-4),
    FROM(8, 5.251, 5.1e-4),    FROM(16, 10.606, 5.1e-4),  FROM(32, 21.281, 5.1e-4),
    FROM(128, 85.287, 5.1e-4), FROM(512, 341.29, 5.1e-3), FROM(1024, 682.62, 5.1e-3),
};

const theorem theorem_frontier = {"T9", "where several clusters can come first, by dimension",
                                  "derived here from the linear rates of arXiv:2410.23228 in d dimensions",
                                  THEOREM_ROWS(rows)};
