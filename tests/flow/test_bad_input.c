/* tests/flow/test_bad_input.c - hostile options of every family: each has a defined answer or is refused in words.
 *
 * One row per input, one run per family. An answer is a run to its end whose states are finite (and unit vectors where
 * the family says so); a refusal is DWELL_USAGE, DWELL_BAD_INPUT or DWELL_FAILED with a sentence. What each family
 * gives is written down, so that a change of either shows. */
#include "flow/capture.h"

#include <stdio.h>

#include "flow/flow.h"

typedef struct hostile {
  const char *name;
  void (*spoil)(dwell_flow_options *o);
  const char *families; /* that answer, between spaces; "but" first: all others do */
  const char *words[6]; /* every refusal says one of these */
} hostile;

/* An .npy of 4 x d doubles. */
static const char *start_file(size_t d, const double *x) {
  char header[128];
  memset(header, ' ', sizeof header);
  memcpy(header, "\x93NUMPY\x01\x00\x76\x00", 10);
  const char *head = testing_format("{'descr': '<f8', 'fortran_order': False, 'shape': (4, %zu), }", d);
  memcpy(header + 10, head, strlen(head));
  header[127] = '\n';
  const char *path = testing_format("%s/start.npy", testing_folder());
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(header, 1, sizeof header, file), sizeof header);
  assert_int_equal(fwrite(x, sizeof(double), 4 * d, file), 4 * d);
  fclose(file);
  return path;
}

enum { MOST = 16 }; /* numbers of a start */

static void beta_negative(dwell_flow_options *o) { o->beta = -3; }
static void beta_large(dwell_flow_options *o) { o->beta = 650; }
static void beta_huge(dwell_flow_options *o) { o->beta = 1e6, o->until = 1e-3; }
static void beta_infinite(dwell_flow_options *o) { o->beta = INFINITY; }
static void beta_nan(dwell_flow_options *o) { o->beta = NAN; }
static void one_token(dwell_flow_options *o) { o->n = 1; }
static void one_dimension(dwell_flow_options *o) { o->d = 1; }
static void stop_at_0(dwell_flow_options *o) { o->until = 0; }
static void stop_never(dwell_flow_options *o) { o->until = 1e300; }
static void stop_nan(dwell_flow_options *o) { o->until = NAN; }
static void impossible(dwell_flow_options *o) { o->init = "equiangular:-0.9"; }
static void beyond_one(dwell_flow_options *o) { o->init = "equiangular:1.5"; }
static void no_number(dwell_flow_options *o) { o->init = "equiangular:nan"; }

static void coincident(dwell_flow_options *o) {
  double x[MOST] = {0};
  for (size_t i = 0; i < 4; i++) x[i * o->d] = 1;
  o->init = start_file(o->d, x);
}

static void antipodal(dwell_flow_options *o) {
  double x[MOST] = {0};
  for (size_t i = 0; i < 4; i++) x[i * o->d] = i % 2 == 0 ? 1 : -1;
  o->init = start_file(o->d, x);
}

static void not_a_number(dwell_flow_options *o) {
  double x[MOST];
  for (size_t e = 0; e < MOST; e++) x[e] = e == 5 ? NAN : 1 + (double)e;
  o->init = start_file(o->d, x);
}

static void infinite_entry(dwell_flow_options *o) {
  double x[MOST];
  for (size_t e = 0; e < MOST; e++) x[e] = e == 5 ? INFINITY : 1 + (double)e;
  o->init = start_file(o->d, x);
}

static void zero_row(dwell_flow_options *o) {
  double x[MOST] = {0};
  for (size_t e = 0; e < 2 * o->d; e++) x[e] = 1 + (double)e;
  o->init = start_file(o->d, x);
}

#define RANGE "narrower than 64 modes", "covariance becomes infinite"

static const hostile rows[] = {
    {"beta -3", beta_negative, "but gaussian-l2 meanfield-usa ", {"need beta >= 0", RANGE}},
    {"beta 650",
     beta_large,
     "but usa uqkv noisy circle-usa meanfield meanfield-usa gaussian-softmax ",
     {"below the rounding", "below rounding", "not finite", "more than can be stepped through", RANGE}},
    {"beta 1e6",
     beta_huge,
     "but usa uqkv noisy circle-usa meanfield-usa gaussian-softmax ",
     {"beyond a double", RANGE}},
    {"beta infinite", beta_infinite, " ", {"beta must be a finite number"}},
    {"beta NaN", beta_nan, " ", {"beta must be a finite number"}},
    {"n = 1", one_token, "but meanfield meanfield-usa ", {RANGE}},
    {"d = 1", one_dimension, " rd rd-rescaled gaussian-l2 gaussian-sinkhorn ", {"at least 2 dimensions", RANGE}},
    {"coincident start", coincident, "but meanfield meanfield-usa ", {RANGE}},
    {"antipodal start",
     antipodal,
     "but equiangular equiangular-usa meanfield meanfield-usa gaussian-softmax ",
     {"not at one common angle", RANGE}},
    {"stop time 0", stop_at_0, " ", {"the final time must be a positive number"}},
    {"stop time 1e300", stop_never, " ", {"at most 1e290"}},
    {"stop time NaN", stop_nan, " ", {"the final time must be a positive number"}},
    {"NaN in the start file", not_a_number, " ", {"finite"}},
    {"infinity in the start file", infinite_entry, " ", {"finite"}},
    {"zero row in the start file",
     zero_row,
     " rd rd-rescaled gaussian-l2 gaussian-sinkhorn ",
     {"has no direction", RANGE}},
    {"equiangular -.9 of four", impossible, " ", {"cannot have the common cosine -0.9"}},
    {"equiangular 1.5", beyond_one, " ", {"cannot have the common cosine 1.5"}},
    {"equiangular nan", no_number, " ", {"not a number", "common cosine"}},
};

/* A short valid run of a family. */
static dwell_flow_options plain(const flow *family) {
  dwell_flow_options o = dwell_flow_options_default();
  o.flow = family->name, o.n = 4, o.d = 4, o.beta = 2, o.until = 0.5, o.frames = 2;
  if (strncmp(family->name, "circle", 6) == 0 || family->density) o.d = 2;
  if (strncmp(family->name, "equiangular", 11) == 0) o.init = "equiangular:0.1";
  if (family->noisy) o.integrator = DWELL_GEOMETRIC, o.step = 0.1, o.kappa = 2;
  return o;
}

typedef struct seen {
  bool on_sphere;
  size_t states;
} seen;

static dwell_status look(void *self, const dwell_frame *frame, const dwell_cloud *x, dwell_error *err) {
  (void)frame, (void)err;
  seen *s = self;
  const double *data = x->data;
  s->states++;
  for (size_t i = 0; i < x->n; i++) {
    double square = dot(x->d, data + i * x->d, data + i * x->d);
    assert_true(isfinite(square));
    if (s->on_sphere) assert_near(square, 1, 0, 1e-12);
  }
  return DWELL_OK;
}

static dwell_status try_it(const dwell_flow_options *o, dwell_error *err) {
  dwell_context ctx = {.threads = 1};
  dwell_source *source = NULL;
  dwell_status status = dwell_flow_open(o, &ctx, &source, err);
  if (status != DWELL_OK) {
    assert_null(source);
    return status;
  }
  seen s = {.on_sphere = dwell_source_trajectory(source)->on_sphere};
  dwell_sink sink = {.self = &s, .on_state = look};
  status = dwell_source_run(source, &ctx, &sink, err);
  if (status == DWELL_OK) assert_int_equal(s.states, o->frames);
  dwell_source_destroy(source);
  return status;
}

static void check(const hostile *h, const flow *family) {
  bool others = strncmp(h->families, "but ", 4) == 0;
  bool named = strstr(h->families, testing_format(" %s ", family->name)) != NULL, said = false;
  dwell_error err = {.offset = -1};
  dwell_flow_options o = plain(family);
  h->spoil(&o);
  dwell_status status = try_it(&o, &err);
  bool refused = status == DWELL_USAGE || status == DWELL_BAD_INPUT || status == DWELL_FAILED;
  for (size_t w = 0; w < 6 && h->words[w] != NULL; w++) said = said || strstr(err.message, h->words[w]) != NULL;
  if (status == DWELL_OK ? named == others : named != others || !refused || !said)
    fail_msg("%s, %s: status %d, \"%s\"", h->name, family->name, (int)status, err.message);
}

static void every_family(void **state) {
  (void)state;
  size_t families;
  const flow *const *all = flow_registry(&families);
  for (size_t k = 0; k < sizeof rows / sizeof *rows; k++)
    for (size_t f = 0; f < families; f++) {
      /* these two need weights from a file and are uqkv's kin in all else: tests of their own (test_families.c) */
      if (strcmp(all[f]->name, "additive") == 0 || strcmp(all[f]->name, "perceptron") == 0) continue;
      check(&rows[k], all[f]);
    }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(every_family)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
