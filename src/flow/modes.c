/* flow/modes.c - moments by blocks of tokens, added up in the order of blocks; then values. Compiled with
 * -ffp-contract=fast, as pairs.c. */
#include "flow/modes.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/isa.h"
#include "base/mem.h"
#include "base/threads.h"
#include "flow/harmonics.h"
#include "flow/pairs.h"

enum {
  FIELDS = 4,                                      /* 1 and the three coordinates */
  SPAN = 2 * PAIRS_LANES,                          /* tokens that go together */
  BLOCK = 512,                                     /* tokens of a block at least, */
  BLOCKS = 16,                                     /* and blocks at most */
  TERMS = (MODES_MOST + 1) * (MODES_MOST + 2) / 2, /* pairs 0 <= m <= l */
};
#define MODES_TOLERANCE 1e-17

#define KERNEL_INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 80")
#define AT(from, c) (*(ISA(vector) *)((from) + (c)*LANES))

#define ISA(name) name##_baseline
#define TARGET
#define VECTOR_BYTES 16
#include "flow/modes_kernel.inc"

typedef void transfer(size_t m, size_t top, const double *square, const double *z, const double *re, const double *im,
                      const double *from, double *to);
typedef struct kernels {
  void (*power)(const double *tokens, size_t stride, double *re, double *im);
  transfer *gather, *spread;
} kernels;
static const kernels with_baseline = {power_baseline, gather_baseline, spread_baseline};

#if defined(__x86_64__)
#define ISA(name) name##_avx2
#define TARGET __attribute__((target("avx2,fma")))
#define VECTOR_BYTES 32
#include "flow/modes_kernel.inc"
static const kernels with_avx2 = {power_avx2, gather_avx2, spread_avx2};

#define ISA(name) name##_avx512
#define TARGET __attribute__((target(ISA_NAMES_AVX512_FUSED)))
#define VECTOR_BYTES 64
#include "flow/modes_kernel.inc"
static const kernels with_avx512 = {power_avx512, gather_avx512, spread_avx512};
#endif

static const kernels *kernels_of(const char *isa) {
#if defined(__x86_64__)
  if (strcmp(isa, "avx512") == 0) return &with_avx512;
  if (strcmp(isa, "avx2") == 0) return &with_avx2;
#endif
  return &with_baseline;
}

struct modes {
  size_t n, block, blocks, top; /* top: the largest order */
  const dwell_context *ctx;
  double beta; /* of the tables; NaN at first */
  bool pays;
  double square[MODES_MOST + 1][MODES_MOST + 1]; /* [m][l]: of the recurrence */
  double scale[TERMS];                           /* a_l over the squared norm, m by m */
  double *partial;                               /* [blocks, TERMS, 2 FIELDS] */
  double *moment;                                /* [TERMS, 2 FIELDS] */
  const kernels *with;
  /* of one call */
  const double *tokens, *masses;
  size_t stride;
  double *sums;
};

static size_t block_of(size_t n) {
  size_t least = (n + BLOCKS - 1) / BLOCKS, block = least < BLOCK ? BLOCK : least;
  return (block + SPAN - 1) / SPAN * SPAN;
}

static size_t blocks_of(size_t n) { return (n + block_of(n) - 1) / block_of(n); }

uint64_t modes_bytes(size_t n) {
  return sizeof(modes) + sizeof(double) * (uint64_t)((blocks_of(n) + 1) * TERMS * 2 * FIELDS);
}

dwell_status modes_create(size_t n, const dwell_context *ctx, modes **ret_modes, dwell_error *err) {
  modes *m = MEM_ZERO(modes, 1);
  if (m == NULL) return error_no_memory(err, "harmonics of the flow");
  m->n = n, m->ctx = ctx, m->block = block_of(n), m->blocks = blocks_of(n), m->beta = NAN;
  modes_choose(m, NULL);
  m->partial = mem_alloc(m->blocks, TERMS * 2 * FIELDS * sizeof(double));
  m->moment = MEM_NEW(double, TERMS * 2 * FIELDS);
  if (m->partial == NULL || m->moment == NULL) {
    modes_destroy(m);
    return error_no_memory(err, "harmonics of the flow");
  }
  *ret_modes = m;
  return DWELL_OK;
}

void modes_destroy(modes *m) {
  if (m == NULL) return;
  mem_free(m->partial);
  mem_free(m->moment);
  mem_free(m);
}

/* Recurrence P_{l+1} = z P_l - b_l P_{l-1}, b_l = (l^2 - m^2) / (4 l^2 - 1); the squared norm of P_lm Re (x + iy)^m is
 * b_{m+1} ... b_l / h_m, 1 / h_m = (2m)!! / (2m+1)!! and half that for m > 0. */
static void fill_tables(modes *m, const double *multiplier) {
  double h = 1, *scale = m->scale;
  for (size_t k = 0; k <= m->top; k++) {
    double norm = 1, order = (double)k;
    if (k > 0) h *= (2 * order + 1) / (2 * order) * (k == 1 ? 2 : 1);
    for (size_t l = k; l <= m->top; l++) {
      double degree = (double)l, b = (degree - order) * (degree + order) / ((2 * degree - 1) * (2 * degree + 1));
      m->square[k][l] = l > k ? b : 0;
      if (l > k) norm *= b;
      *scale++ = multiplier[l] * h / norm;
    }
  }
}

bool modes_choose(modes *m, const char *isa) {
  const pairs_kernels *known = pairs_kernels_of(isa); /* it knows what this CPU can do */
  if (known != NULL) m->with = kernels_of(known->isa);
  return known != NULL;
}

bool modes_prepare(modes *m, double beta) {
  if (m->beta == beta) return m->pays;
  double multiplier[MODES_MOST + 2];
  m->beta = beta;
  m->top = harmonics_needed(3, beta, MODES_TOLERANCE, MODES_MOST);
  /* measured: a token's pass over all harmonics costs what (L+1)(L+2) pairs of it cost, or less */
  m->pays = m->top < MODES_MOST && m->n >= (m->top + 1) * (m->top + 2) &&
            harmonics_multipliers(3, beta, MODES_MOST + 2, multiplier) == 0;
  if (m->pays) fill_tables(m, multiplier);
  return m->pays;
}

/* ---- tokens ---- */

/* What goes through the recurrences together: zeros behind the last token. */
typedef struct span {
  double tokens[3 * SPAN] __attribute__((aligned(64)));
  double re[SPAN], im[SPAN];    /* of (x + iy)^m */
  double fields[FIELDS * SPAN]; /* m_j, m_j x_j: what moments are of; then values */
} span;

static size_t end_of(const modes *m, size_t block) {
  size_t end = (block + 1) * m->block;
  return end < m->n ? end : m->n;
}

static void load_span(const modes *m, size_t first, span *s) {
  memset(s, 0, sizeof *s);
  for (size_t t = 0; t < SPAN; t++) s->re[t] = 1;
  for (size_t t = 0; t < SPAN && first + t < m->n; t++) {
    double mass = m->masses[first + t];
    s->fields[t] = mass;
    for (size_t k = 0; k < 3; k++) {
      s->tokens[k * SPAN + t] = m->tokens[k * m->stride + first + t];
      s->fields[(1 + k) * SPAN + t] = mass * s->tokens[k * SPAN + t];
    }
  }
}

/* ---- moments ---- */

static size_t terms_of(const modes *m) { return (m->top + 1) * (m->top + 2) / 2; }

/* One m at a time over all tokens of the block: the moments of one m stay in the first cache. */
static void gather_spans(const modes *m, size_t count, span *spans, double *lanes, double *out) {
  for (size_t k = 0; k <= m->top; k++) {
    size_t moments = (m->top + 1 - k) * 2 * FIELDS;
    memset(lanes, 0, moments * PAIRS_LANES * sizeof(double));
    for (size_t s = 0; s < count; s++) {
      span *a = spans + s;
      if (k > 0) m->with->power(a->tokens, SPAN, a->re, a->im);
      m->with->gather(k, m->top, m->square[k], a->tokens + 2 * SPAN, a->re, a->im, a->fields, lanes);
    }
    for (size_t e = 0; e < moments; e++) {
      const double *v = lanes + e * PAIRS_LANES;
      *out++ = ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]));
    }
  }
}

static dwell_status gather_block(void *arg, size_t item, int worker, dwell_error *err) {
  (void)worker;
  const modes *m = arg;
  size_t first = item * m->block, count = (end_of(m, item) - first + SPAN - 1) / SPAN;
  span *spans = MEM_NEW(span, count);
  double *lanes = mem_alloc((m->top + 1) * 2 * FIELDS, PAIRS_LANES * sizeof(double));
  bool room = spans != NULL && lanes != NULL;
  for (size_t s = 0; s < count && room; s++) load_span(m, first + s * SPAN, spans + s);
  if (room) gather_spans(m, count, spans, lanes, m->partial + item * TERMS * 2 * FIELDS);
  mem_free(spans);
  mem_free(lanes);
  return room ? DWELL_OK : error_no_memory(err, "moments of the tokens");
}

/* ---- values ---- */

static void spread_span(const modes *m, size_t first) {
  const double *moment = m->moment;
  span s;
  load_span(m, first, &s);
  memset(s.fields, 0, sizeof s.fields);
  for (size_t k = 0; k <= m->top; k++) {
    if (k > 0) m->with->power(s.tokens, SPAN, s.re, s.im);
    m->with->spread(k, m->top, m->square[k], s.tokens + 2 * SPAN, s.re, s.im, moment, s.fields);
    moment += (m->top + 1 - k) * 2 * FIELDS;
  }
  for (size_t f = 0; f < FIELDS; f++)
    for (size_t t = 0; t < SPAN && first + t < m->n; t++) m->sums[f * m->stride + first + t] = s.fields[f * SPAN + t];
}

static dwell_status spread_block(void *arg, size_t item, int worker, dwell_error *err) {
  (void)worker, (void)err;
  const modes *m = arg;
  for (size_t first = item * m->block; first < end_of(m, item); first += SPAN) spread_span(m, first);
  return DWELL_OK;
}

dwell_status modes_sums(modes *m, const double *tokens, size_t stride, const double *masses, double *sums,
                        dwell_error *err) {
  m->tokens = tokens, m->stride = stride, m->masses = masses, m->sums = sums;
  dwell_status status = threads_for(m->ctx, m->blocks, gather_block, m, err);
  if (status != DWELL_OK) return status;
  for (size_t e = 0; e < terms_of(m) * 2 * FIELDS; e++) {
    double sum = 0;
    for (size_t b = 0; b < m->blocks; b++) sum += m->partial[b * TERMS * 2 * FIELDS + e];
    m->moment[e] = m->scale[e / (2 * FIELDS)] * sum;
  }
  return threads_for(m->ctx, m->blocks, spread_block, m, err);
}
