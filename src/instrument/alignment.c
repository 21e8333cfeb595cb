/* instrument/alignment.c - do tokens of one cluster look at each other more than the same head would at any labels with
 * the same order?
 *
 * The null keeps the head as it is (its locality, sink, popular keys, mask) and turns the labels along the sequence, by
 * every number of places: all n - 1 shifts, nothing is drawn. For all shifts at once, pairs are taken by their offset o
 * = j - i (mod n): the weights P_t,t+o of one offset are one array, and a pair of labels at (a, a + o) adds that array,
 * turned by a, to the sums of all shifts. n^3/k additions for k clusters, with no search and no branch inside. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/isa.h"
#include "base/mem.h"
#include "instrument/head_row.h"
#include "instrument/instruments.h"

/* instruments.md 5.3: contiguous segments have few runs, and shifts of them are no null (98 % false positives). */
enum { RUNS_PER_CLUSTER = 4, LEAST_SHIFTS = 5 };
static const double ROUNDING = 1e-12; /* of the weight per token: sums below it are what subtraction leaves */
static const double TIE = 1e-12;

enum { STRIP = 32 };  /* shifts whose sums stay in registers */
enum { OFFSETS = 8 }; /* f64 weights in a cache line */

/* sums[s] += sum over a of twice[at[a] + s], for s in one strip. */
ISA_INLINE void add_strip_body(const double *twice, const uint32_t *at, size_t count, double *sums) {
  isa_half acc[STRIP / ISA_HALF] = {{0}}, x;
  for (size_t a = 0; a < count; a++) {
    for (size_t u = 0; u < STRIP / ISA_HALF; u++) {
      memcpy(&x, twice + at[a] + u * ISA_HALF, sizeof x);
      acc[u] += x;
    }
  }
  for (size_t u = 0; u < STRIP; u++) sums[u] += acc[u / ISA_HALF][u % ISA_HALF];
}
ISA_DEFINE(static, add_strip, (const double *twice, const uint32_t *at, size_t count, double *sums),
           (twice, at, count, sums))

static size_t padded(size_t n) { return (n + STRIP - 1) / STRIP * STRIP; }

typedef struct alignment {
  const instrument_head *h;
  double *twice;                   /* [OFFSETS, padded + n] weights of some offsets, twice round */
  double *inside, *labelled;       /* [padded] by shift: weight within clusters, and between labelled tokens */
  double *part;                    /* [padded] */
  uint32_t *same, *both, *lacking; /* [n] places of an offset's pairs: within a cluster; both labelled; not both */
} alignment;

static double weight(const instrument_head *h, size_t i, size_t j) {
  size_t at = i * h->n + j;
  return h->dtype == DWELL_F32 ? (double)((const float *)h->attention)[at] : ((const double *)h->attention)[at];
}

/* P_t,t+o for t = 0..n-1 and round again, without the sink, for some offsets at once: their weights lie side by side in
 * a row of P. No offset is 0, so none has the diagonal. */
static void take_offsets(const alignment *m, size_t first, size_t count) {
  size_t n = m->h->n, length = padded(n) + n;
  for (size_t t = 0; t < n; t++) {
    for (size_t o = 0; o < count; o++) {
      size_t j = t + first + o < n ? t + first + o : t + first + o - n;
      m->twice[o * length + t] = j == 0 ? 0 : weight(m->h, t, j);
    }
  }
  for (size_t o = 0; o < count; o++) {
    double *twice = m->twice + o * length;
    for (size_t t = n; t < length; t++) twice[t] = twice[t - n];
  }
}

static void add_places(size_t n, const double *twice, const uint32_t *at, size_t count, double *sums) {
  for (size_t s = 0; s < n; s += STRIP) add_strip(twice + s, at, count, sums + s);
}

/* Pairs of labelled tokens may be nearly all: then the others are added up, and taken from the whole. */
static void add_offset(const alignment *m, size_t offset, const double *twice) {
  size_t n = m->h->n, same = 0, both = 0, lacking = 0;
  const int32_t *c = m->h->labels;
  double whole = 0;
  for (size_t a = 0; a < n; a++) { /* every place is written, and kept if it belongs there */
    size_t b = a + offset < n ? a + offset : a + offset - n;
    size_t labelled = (c[a] | c[b]) >= 0; /* no branch: labels are in no order */
    m->same[same] = m->both[both] = m->lacking[lacking] = (uint32_t)a;
    same += labelled & (size_t)(c[a] == c[b]), both += labelled, lacking += 1 - labelled;
    whole += twice[a];
  }
  add_places(n, twice, m->same, same, m->inside);
  if (both <= lacking) {
    add_places(n, twice, m->both, both, m->labelled);
    return;
  }
  memset(m->part, 0, padded(n) * sizeof(double));
  add_places(n, twice, m->lacking, lacking, m->part);
  for (size_t s = 0; s < n; s++) m->labelled[s] += whole - m->part[s];
}

/* Shares by shift into `inside`, NaN where there is no weight between labelled tokens. */
static void take_shares(const alignment *m) {
  size_t n = m->h->n;
  for (size_t first = 1; first < n; first += OFFSETS) {
    size_t count = n - first < OFFSETS ? n - first : OFFSETS;
    take_offsets(m, first, count);
    for (size_t o = 0; o < count; o++) add_offset(m, first + o, m->twice + o * (padded(n) + n));
  }
  for (size_t s = 0; s < n; s++) {
    m->inside[s] = m->labelled[s] > ROUNDING * (double)n ? m->inside[s] / m->labelled[s] : NAN;
  }
}

static const char *null_of_shares(size_t n, const double *share, value *ret_values) {
  size_t valid = 0, above = 0;
  double sum = 0, squares = 0;
  if (isnan(share[0])) return "no_weight";
  for (size_t s = 1; s < n; s++) {
    if (isnan(share[s])) continue;
    valid++, sum += share[s];
    above += share[s] >= share[0] - TIE;
  }
  if (valid < LEAST_SHIFTS) return "few_shifts";
  double mean = sum / (double)valid;
  for (size_t s = 1; s < n; s++) squares += isnan(share[s]) ? 0 : (share[s] - mean) * (share[s] - mean);
  ret_values[0] = VALUE(share[0]);
  ret_values[1] = VALUE(mean);
  ret_values[2] = VALUE(sqrt(squares / (double)valid));
  ret_values[3] = VALUE((double)(1 + above) / (double)(valid + 1));
  return NULL;
}

/* Labels are 0..k-1. Tokens without one do not end a run, so what is left out makes no segment look mixed. */
static const char *judge_labels(const instrument_head *h) {
  int32_t clusters = 0, last = -1;
  size_t runs = 0;
  for (size_t i = 0; i < h->n; i++) {
    if (h->labels[i] < 0) continue;
    if (h->labels[i] >= clusters) clusters = h->labels[i] + 1;
    runs += h->labels[i] != last;
    last = h->labels[i];
  }
  if (clusters < 2) return "few_clusters";
  return runs < RUNS_PER_CLUSTER * (size_t)clusters ? "contiguous_clusters" : NULL;
}

static size_t double_count(size_t n) { return OFFSETS * (padded(n) + n) + 3 * padded(n); }

static dwell_status make_room(alignment *m, size_t n, dwell_error *err) {
  m->twice = mem_zero(double_count(n), sizeof(double));
  m->same = MEM_NEW(uint32_t, 3 * n + 2); /* lists may be written one place beyond */
  if (m->twice == NULL || m->same == NULL) return error_no_memory(err, "the alignment of a head");
  m->inside = m->twice + OFFSETS * (padded(n) + n);
  m->labelled = m->inside + padded(n), m->part = m->labelled + padded(n);
  m->both = m->same + n, m->lacking = m->both + n;
  return DWELL_OK;
}

static dwell_status measure(const instrument_head *h, value *ret_values, dwell_error *err) {
  alignment m = {.h = h};
  dwell_status status = DWELL_OK;
  const char *undefined = judge_labels(h);
  if (undefined == NULL) {
    status = make_room(&m, h->n, err);
    if (status == DWELL_OK) take_shares(&m);
    if (status == DWELL_OK) undefined = null_of_shares(h->n, m.inside, ret_values);
    mem_free(m.twice);
    mem_free(m.same);
  }
  for (size_t k = 0; undefined != NULL && k < 4; k++) ret_values[k] = UNDEFINED(undefined);
  return status;
}

/* Two thirds of all pairs at most, of three clusters and half of the pairs labelled. */
static double flops(size_t n, size_t d) {
  (void)d;
  return (double)n * (double)n * (0.6 * (double)n + 10);
}

static uint64_t work_bytes(size_t n) { return double_count(n) * sizeof(double) + (3 * n + 2) * sizeof(uint32_t); }

static const instrument_column columns[] = {
    {"align", "1", 0, 1, "share of the attention between clustered tokens that stays within a cluster",
     .null = "label_shift", .null_in = IN_RAW},
    {"align_null_mean", "1", 0, 1, "its mean over all shifts of the labels along the sequence",
     .after_set = "_null_mean"},
    {"align_null_sd", "1", 0, 1, "its standard deviation over them", .after_set = "_null_sd"},
    {"align_p", "1", 0, 1, "(1 + number of shifts with a share as large) / (1 + number of shifts)", .after_set = "_p"},
};

const instrument instrument_alignment = {
    .name = "alignment",
    .summary = "does attention stay within the clusters of the state that it reads",
    .source = "docs/instruments.md 5.3",
    .scope = PER_HEAD,
    .types_too = true,
    .columns = columns,
    .column_count = COUNT_OF(columns),
    .head = measure,
    .flops = flops,
    .needs = NEEDS_LABELS,
    .work_bytes = work_bytes,
};
