/* tests/flow/test_cvode.c - what test_gsl leaves out against plain formulas integrated by CVODE of SUNDIALS: tokens of
 * unequal masses, the six normalisations with their lengths, and times so late that only the log clock goes there.
 *
 * Adams' methods of variable order with fixed-point iterations and, where the problem is stiff, backward
 * differentiation. Needs SUNDIALS 6 (docs/dependencies.md); skips without it, saying so. */
#include <stdio.h>

#include "flow/orbiting.h"

#ifndef DWELL_HAVE_CVODE
int main(void) { return testing_without("SUNDIALS 6 (libsundials-dev)"); }
#else

#include <cvode/cvode.h>
#include <cvode/cvode_diag.h>
#include <nvector/nvector_serial.h>
#include <sunnonlinsol/sunnonlinsol_fixedpoint.h>

#include "flow/segments.h"

enum { N = 5, D = 3, SIZE = N * D };

/* One flow as its formula. */
typedef struct formula {
  const char *family;
  bool normalised, causal;
  double beta;
  normalisation norm;
  double t;
  bool late; /* by the log clock, and stiff */
} formula;

static const double masses[N] = {0.1, 0.15, 0.2, 0.25, 0.3};

/* Attention vectors at unit rows x. */
static void attend(const formula *f, const double *x, double *ret_a) {
  for (size_t i = 0; i < N; i++) {
    double sum = 0, *a = ret_a + i * D;
    for (size_t k = 0; k < D; k++) a[k] = 0;
    for (size_t j = 0; j < (f->causal ? i + 1 : N); j++) {
      double w = masses[j] * exp(f->beta * (dot(D, x + i * D, x + j * D) - (f->normalised ? 1 : 0)));
      sum += w;
      for (size_t k = 0; k < D; k++) a[k] += w * x[j * D + k];
    }
    for (size_t k = 0; k < D && f->normalised; k++) a[k] /= sum;
  }
}

/* What the normalisation makes of token x and its attention a at time t. */
static void motion(const formula *f, double t, const double *x, const double *a, double *ret_v) {
  normalisation_scheme s = f->norm.scheme;
  bool lengths =
      s == NORMALISATION_PRE || s == NORMALISATION_PERI || (s == NORMALISATION_MIX && t >= f->norm.parameter);
  double along = lengths ? 0 : dot(D, x, a), by = 1;
  if (s == NORMALISATION_PERI) by = 1 / sqrt(dot(D, a, a));
  if (s == NORMALISATION_NGPT) by = f->norm.parameter / sqrt(dot(D, a, a));
  if (s == NORMALISATION_SQRT) by = 1 / sqrt(1 + t);
  for (size_t k = 0; k < D; k++) ret_v[k] = by * (a[k] - along * x[k]);
}

static int right(sunrealtype t, N_Vector y, N_Vector slope, void *arg) {
  const formula *f = arg;
  double x[SIZE], a[SIZE];
  memcpy(x, N_VGetArrayPointer(y), sizeof x);
  unit_rows(N, D, x);
  attend(f, x, a);
  for (size_t i = 0; i < N; i++) motion(f, t, x + i * D, a + i * D, N_VGetArrayPointer(slope) + i * D);
  return 0;
}

/* From time `from` to `to`; the law jumps at neither. */
static void cvode_solve(const formula *f, double from, double to, double *x) {
  SUNContext context = NULL;
  sunrealtype t = from;
  assert_int_equal(SUNContext_Create(NULL, &context), 0);
  N_Vector y = N_VMake_Serial(SIZE, x, context);
  SUNNonlinearSolver fixed = SUNNonlinSol_FixedPoint(y, 0, context);
  void *solver = CVodeCreate(f->late ? CV_BDF : CV_ADAMS, context);
  assert_true(y != NULL && fixed != NULL && solver != NULL);
  assert_int_equal(CVodeInit(solver, right, from, y), CV_SUCCESS);
  assert_int_equal(CVodeSStolerances(solver, 1e-13, 1e-14), CV_SUCCESS);
  assert_int_equal(CVodeSetUserData(solver, (void *)f), CV_SUCCESS);
  assert_int_equal(CVodeSetMaxNumSteps(solver, 1000000), CV_SUCCESS);
  assert_int_equal(CVodeSetStopTime(solver, to), CV_SUCCESS);
  if (f->late) assert_int_equal(CVDiag(solver), CV_SUCCESS);
  else assert_int_equal(CVodeSetNonlinearSolver(solver, fixed), CV_SUCCESS);
  assert_true(CVode(solver, to, y, &t, CV_NORMAL) >= 0 && t == to);
  CVodeFree(&solver);
  SUNNonlinSolFree(fixed);
  N_VDestroy(y);
  SUNContext_Free(&context);
}

/* States of dwell; release with free. */
static double *dwell_solve(const formula *f, const double *start) {
  double log_t = log(f->t), *x = malloc(SIZE * sizeof(double));
  kept_states kept = {SIZE, 0, malloc(SIZE * sizeof(double))};
  flow_schedule schedule = {.normalisation = f->norm};
  integrate_host host = {.emit = keep_state, .self = &kept};
  certificate c;
  dwell_error err = {.offset = -1};
  flow_plan plan = {
      .family = flow_find(f->family), .integrator = DWELL_RK45, .rtol = 1e-12, .times = &f->t, .count = 1};
  plan.system = (flow_system){.n = N, .d = D, .beta = f->beta, .masses = masses, .causal = f->causal};
  if (f->late) plan.log_clock = true, plan.log_times = &log_t, plan.log_end = log_t;
  memcpy(x, start, SIZE * sizeof(double));
  assert_ok(segments_run(&schedule, &plan, &host, x, &c, &err), &err);
  assert_int_equal(kept.count, 1);
  free(x);
  return kept.x;
}

/* Sums over tokens of every coordinate, with their masses, and the largest difference of one, to 1e-8. */
static void compare(const formula *f, const double *exact, const double *got) {
  double worst = largest_difference(SIZE, exact, got);
  for (size_t k = 0; k < D; k++) {
    double sum = 0;
    for (size_t i = 0; i < N; i++) sum += masses[i] * (exact[i * D + k] - got[i * D + k]);
    worst = fmax(worst, fabs(sum));
  }
  print_message("%-4s %-5s beta %4g t %5g: largest difference %.1e\n", f->family, normalisation_name(f->norm.scheme),
                f->beta, f->t, worst);
  if (!(worst <= 1e-8)) fail_msg("%s: dwell and CVODE differ by %g", f->family, worst);
}

static void check(const formula *f) {
  bool jumps = f->norm.scheme == NORMALISATION_MIX;
  bool lengths = f->norm.scheme == NORMALISATION_PRE || f->norm.scheme == NORMALISATION_PERI || jumps;
  double *start = random_tokens(N, D, 6), exact[SIZE], *got = dwell_solve(f, start);
  memcpy(exact, start, sizeof exact);
  if (jumps) {
    formula before = *f;
    before.norm = (normalisation){NORMALISATION_POST, 1};
    cvode_solve(&before, 0, f->norm.parameter, exact);
    unit_rows(N, D, exact);
  }
  cvode_solve(f, jumps ? f->norm.parameter : 0, f->t, exact);
  if (!lengths) unit_rows(N, D, exact);
  compare(f, exact, got);
  free(start), free(got);
}

static void unequal_masses(void **state) {
  (void)state;
  static const formula all[] = {
      {"sa", true, false, .beta = 4, .t = 3},    {"sa", true, true, .beta = 4, .t = 3},
      {"sa", true, false, .beta = -3, .t = 3},   {"usa", false, false, .beta = 2, .t = 0.6},
      {"usa", false, true, .beta = 2, .t = 0.6},
  };
  for (size_t k = 0; k < sizeof all / sizeof *all; k++) check(&all[k]);
}

static void normalisations(void **state) {
  (void)state;
  static const normalisation schemes[] = {{NORMALISATION_PRE, 1},    {NORMALISATION_PERI, 1}, {NORMALISATION_NGPT, 1},
                                          {NORMALISATION_NGPT, 0.5}, {NORMALISATION_SQRT, 1}, {NORMALISATION_MIX, 0.7}};
  for (size_t k = 0; k < sizeof schemes / sizeof *schemes; k++) {
    check(&(formula){"sa", true, .beta = 3, .norm = schemes[k], .t = 2});
    check(&(formula){"usa", false, .beta = 1, .norm = schemes[k], .t = 1.5});
  }
}

/* By the log clock, through plateaus, in times of up to e^9. */
static void late_times(void **state) {
  (void)state;
  static const formula all[] = {
      {"sa", true, .beta = 9, .t = 100, .late = true},
      {"sa", true, .beta = 16, .t = 8000, .late = true},
      {"usa", false, .beta = 6, .t = 2, .late = true},
  };
  for (size_t k = 0; k < sizeof all / sizeof *all; k++) check(&all[k]);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(unequal_masses), cmocka_unit_test(normalisations),
                                     cmocka_unit_test(late_times)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
#endif
