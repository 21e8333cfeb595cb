/* bench/instruments.c - what every instrument costs, one state at a time, as text.
 *
 *     build/bench/bench_instruments [D [N...]]
 *
 * Milliseconds of processor time of one thread, the best of all calls in about 0.2 s. A state's unit rows and cosines
 * are made before the clock starts, they have a line of their own; what else an instrument needs is counted to it,
 * although several may share it in a run. `draw`: the instrument on a surrogate, with the columns only that have a
 * null; the surrogate itself has a line of its own. Tokens are drawn around a common mean (mean cosine about 0.4) with
 * variances k^-1/2 along d = 768 axes, as trained networks have them, more or less. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/random.h"
#include "instrument/instrument.h"
#include "null/null.h"
#include "peak.h"

enum { MOST_COLUMNS = 64, MOST_SIZES = 8 };
static const instrument_setting SETTING = {.epsilon = 6e-8, .beta = 2};

typedef struct bench {
  size_t n, d;
  double *x[2];     /* [n,d] a state and the next */
  size_t *rows;     /* [n] */
  float *attention; /* [n,n] causal */
  double *cosines;  /* [n,n] of the first state, for heads */
  int32_t *labels;  /* [n] four groups in no order, for heads */
  const null_model *null;
  null_setting setting;
  void *prepared, *draw;
} bench;

static void check(dwell_status status, const dwell_error *err) {
  char text[1600];
  if (status == DWELL_OK) return;
  fprintf(stderr, "%s\n", dwell_error_text(err, text, sizeof text));
  exit((int)status);
}

/* ---- what is measured ---- */

static void fill_state(const bench *b, uint32_t which, double *x) {
  const random_stream s = {.seed = 1, .purpose = RANDOM_TEST, .replica = which};
  double total = 0;
  for (size_t k = 0; k < b->d; k++) total += 1 / sqrt((double)k + 1);
  for (size_t i = 0; i < b->n; i++) {
    for (size_t k = 0; k < b->d; k++)
      x[i * b->d + k] = random_normal(&s, (uint32_t)i, (uint32_t)k) / sqrt(sqrt((double)k + 1));
    x[i * b->d + b->d / 2] += sqrt(0.7 * total);
  }
}

static void fill_attention(const bench *b) {
  const random_stream s = {.seed = 2, .purpose = RANDOM_TEST};
  for (size_t i = 0; i < b->n; i++) {
    double sum = 0;
    for (size_t j = 0; j < b->n; j++) {
      double weight = j <= i ? exp(random_normal(&s, (uint32_t)i, (uint32_t)j)) : 0;
      b->attention[i * b->n + j] = (float)weight;
      sum += weight;
    }
    for (size_t j = 0; j < b->n; j++) b->attention[i * b->n + j] = (float)(b->attention[i * b->n + j] / sum);
  }
}

static geometry *state_of(const bench *b, int which, bool with_cosines) {
  geometry *g;
  const double *cosines;
  dwell_error err;
  check(geometry_create(b->x[which], b->d, b->rows, b->n, &g, &err), &err);
  if (with_cosines) check(geometry_cosines(g, RAW, &cosines, &err), &err);
  return g;
}

static geometry *surrogate_of(const bench *b) {
  geometry *g;
  dwell_error err;
  check(b->null->surrogate(b->prepared, b->draw, &g, &err), &err);
  return g;
}

static void open_bench(bench *b) {
  const char *reason;
  dwell_error err;
  b->x[0] = MEM_NEW(double, b->n * b->d), b->x[1] = MEM_NEW(double, b->n * b->d);
  b->rows = MEM_NEW(size_t, b->n);
  b->attention = MEM_NEW(float, b->n * b->n);
  b->labels = MEM_NEW(int32_t, b->n);
  if (!b->x[0] || !b->x[1] || !b->rows || !b->attention || !b->labels) exit((int)DWELL_NO_MEMORY);
  for (size_t i = 0; i < b->n; i++) b->rows[i] = i;
  fill_state(b, 0, b->x[0]), fill_state(b, 1, b->x[1]);
  for (size_t e = 0; e < b->n * b->d; e++) b->x[1][e] = b->x[0][e] + 0.5 * b->x[1][e];
  fill_attention(b);
  const random_stream s = {.seed = 3, .purpose = RANDOM_TEST};
  for (size_t i = 0; i < b->n; i++) b->labels[i] = (int32_t)random_below(&s, (uint32_t)i, 0, 4);
  b->null = null_find("gaussian_twin");
  b->setting = (null_setting){.seed = 1, .n = b->n, .ordered = true};
  geometry *g = state_of(b, 0, true);
  check(b->null->prepare(&b->setting, g, &b->prepared, &reason, &err), &err);
  check(b->null->begin_draw(&b->setting, 0, &b->draw, &err), &err);
  const double *cosines;
  check(geometry_cosines(g, RAW, &cosines, &err), &err);
  b->cosines = mem_copy(cosines, b->n * b->n, sizeof(double));
  if (b->cosines == NULL) exit((int)DWELL_NO_MEMORY);
  geometry_destroy(g);
}

static void close_bench(bench *b) {
  b->null->end_draw(b->draw), b->null->release(b->prepared);
  mem_free(b->x[0]), mem_free(b->x[1]), mem_free(b->rows), mem_free(b->attention);
  mem_free(b->cosines), mem_free(b->labels);
}

/* ---- how long it takes ---- */

typedef enum phase { OBSERVED, DRAW } phase;

/* The columns that have no null in this representation. */
static uint64_t without_null(const instrument *m, representation r) {
  uint64_t skip = 0;
  for (size_t c = 0; c < m->column_count; c++) {
    if (m->columns[c].null == NULL || !(m->columns[c].null_in & (r == RAW ? IN_RAW : IN_CENTRED)))
      skip |= (uint64_t)1 << c;
  }
  return skip;
}

/* Seconds of one call; the geometries are made outside of it. */
static double call(const bench *b, const instrument *m, representation r, phase p) {
  value values[MOST_COLUMNS];
  dwell_error err;
  instrument_setting setting = SETTING;
  instrument_head head = {.n = b->n, .dtype = DWELL_F32, .attention = b->attention, .causal = true};
  head.kept = b->rows, head.kept_count = b->n, head.cosines = b->cosines, head.labels = b->labels;
  geometry *g = m->scope == PER_HEAD ? NULL : p == DRAW ? surrogate_of(b) : state_of(b, 0, true);
  geometry *next = m->scope == PER_STEP ? state_of(b, 1, true) : NULL;
  if (p == DRAW) setting.skip = without_null(m, r);
  double start = peak_thread_seconds();
  check(m->scope == PER_STATE  ? m->state(g, r, &setting, values, &err)
        : m->scope == PER_STEP ? m->step(g, next, &setting, values, &err)
                               : m->head(&head, values, &err),
        &err);
  double seconds = peak_thread_seconds() - start;
  geometry_destroy(g), geometry_destroy(next);
  return seconds;
}

/* Seconds to make a state's rows and cosines, or a surrogate (m NULL). */
static double make(const bench *b, const instrument *m, representation r, phase p) {
  (void)m, (void)r;
  double start = peak_thread_seconds();
  geometry *g = p == DRAW ? surrogate_of(b) : state_of(b, 0, true);
  double seconds = peak_thread_seconds() - start;
  geometry_destroy(g);
  return seconds;
}

static double best(const bench *b, double (*once)(const bench *, const instrument *, representation, phase),
                   const instrument *m, representation r, phase p) {
  double least = once(b, m, r, p), end = peak_thread_seconds() + 0.2;
  while (peak_thread_seconds() < end) least = fmin(least, once(b, m, r, p));
  return 1e3 * least;
}

static void line(const char *name, const char *in, const bench *b, size_t sizes, const instrument *m, representation r,
                 bool drawn) {
  printf("%-16s %-8s", name, in);
  for (size_t k = 0; k < sizes; k++) {
    printf(" %9.3f", best(&b[k], m == NULL ? make : call, m, r, OBSERVED));
    if (drawn) printf(" %9.3f", best(&b[k], m == NULL ? make : call, m, r, DRAW));
    else printf(" %9s", "-");
  }
  printf("\n");
  fflush(stdout);
}

static bool is_drawn(const instrument *m, representation r) {
  return ~without_null(m, r) << (64 - m->column_count) != 0;
}

static void lines(const instrument *m, const bench *b, size_t sizes) {
  if (m->state == NULL && m->step == NULL && m->head == NULL) return; /* the source fills it */
  if (m->scope == PER_STEP) line(m->name, "step", b, sizes, m, RAW, false);
  if (m->scope == PER_HEAD) line(m->name, "head", b, sizes, m, RAW, false);
  if (m->in & IN_RAW) line(m->name, "raw", b, sizes, m, RAW, is_drawn(m, RAW));
  if (m->in & IN_CENTRED) line(m->name, "centred", b, sizes, m, CENTRED, is_drawn(m, CENTRED));
}

int main(int argc, char **argv) {
  static const char *const usual[] = {"128", "512", "1024"};
  bench b[MOST_SIZES] = {{0}};
  size_t d = argc > 1 ? strtoul(argv[1], NULL, 10) : 768, sizes = argc > 2 ? (size_t)argc - 2 : 3, count;
  if (sizes > MOST_SIZES || d == 0) return (int)DWELL_USAGE;
  const instrument *const *all = instrument_registry(&count);
  printf("milliseconds, one thread, d = %zu\n%-16s %-8s", d, "instrument", "of");
  for (size_t k = 0; k < sizes; k++) {
    b[k] = (bench){.n = strtoul(argc > 2 ? argv[2 + k] : usual[k], NULL, 10), .d = d};
    if (b[k].n < 16) return (int)DWELL_USAGE; /* fewer have no twin */
    open_bench(&b[k]);
    printf("  n = %5zu %9s", b[k].n, "draw");
  }
  printf("\n");
  line("(making it)", "raw", b, sizes, NULL, RAW, true);
  for (size_t i = 0; i < count; i++) lines(all[i], b, sizes);
  for (size_t k = 0; k < sizes; k++) close_bench(&b[k]);
  return 0;
}
