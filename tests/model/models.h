/* tests/model/models.h - running a checkpoint and keeping everything it delivers, as doubles. */
#ifndef DWELL_TESTS_MODELS_H
#define DWELL_TESTS_MODELS_H

#include <dwell/model.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "file/npy.h"
#include "util/testing.h"

typedef struct recording {
  size_t n, d, states, heads, blocks;
  size_t size;             /* of a number as it was pushed */
  size_t pushed;           /* on_state calls for "resid" */
  double *x;               /* [states, n, d] */
  unsigned char *bits;     /* the same as it came, for comparisons bit by bit */
  double *final_norm;      /* [n, d], or NULL */
  double *attention;       /* [blocks, heads, n, n], or NULL */
  double *attn, *mlp;      /* [blocks, n, d] heads and bias together; the MLP; or NULL */
  double *from, *to, *sum; /* [n, d] of the leg that runs: its ends, and its parts so far */
  size_t legs, parts_left; /* of the block; of the leg */
  double worst_leg;        /* largest |parts - displacement| of all legs, by the largest entry there */
  size_t delivered_heads;  /* per block they may come in any order, so only the sum is counted */
  bool ended;
  int *seen; /* [blocks * heads] */
} recording;

static inline void widen(const void *from, size_t count, size_t size, double *to) {
  for (size_t i = 0; i < count; i++) to[i] = size == 8 ? ((const double *)from)[i] : (double)((const float *)from)[i];
}

static inline void end_leg(recording *r);

static inline dwell_status record_state(void *self, const dwell_frame *frame, const dwell_cloud *x, dwell_error *err) {
  (void)err;
  recording *r = self;
  assert_int_equal(x->n, r->n);
  assert_int_equal(x->d, r->d);
  assert_false(r->ended);
  size_t count = r->n * r->d;
  if (strcmp(frame->tap, "final_norm") == 0) {
    assert_int_equal(frame->state, r->states - 1);
    assert_int_equal(r->pushed, r->states);
    r->final_norm = malloc(count * sizeof(double));
    widen(x->data, count, r->size, r->final_norm);
    return DWELL_OK;
  }
  assert_string_equal(frame->tap, "resid");
  assert_int_equal(frame->state, r->pushed);
  if (r->attention && frame->state > 0) assert_int_equal(r->delivered_heads, frame->state * r->heads);
  widen(x->data, count, r->size, r->x + r->pushed * count);
  if (r->to && r->pushed > 0) { /* the last leg ends here */
    assert_true(r->legs > 0);
    end_leg(r);
    assert_memory_equal(r->to, r->x + r->pushed * count, count * sizeof(double));
    r->legs = 0;
  }
  memcpy(r->bits + r->pushed * count * r->size, x->data, count * r->size);
  r->pushed++;
  return DWELL_OK;
}

static inline dwell_status record_head(void *self, size_t replica, size_t block, size_t head, const void *attention,
                                       dwell_error *err) {
  (void)err;
  recording *r = self;
  if (replica != 0 || block >= r->blocks || head >= r->heads || r->seen[block * r->heads + head]++) return DWELL_FAILED;
  widen(attention, r->n * r->n, r->size, r->attention + (block * r->heads + head) * r->n * r->n);
  __atomic_add_fetch(&r->delivered_heads, 1, __ATOMIC_SEQ_CST);
  return DWELL_OK;
}

/* The parts of a leg must add up to it. */
static inline void end_leg(recording *r) {
  size_t count = r->n * r->d;
  double most = 0, largest = 0;
  assert_int_equal(r->parts_left, 0);
  if (r->legs == 0) return;
  for (size_t i = 0; i < count; i++) {
    most = fmax(most, fabs(r->to[i] - r->from[i] - r->sum[i]));
    largest = fmax(largest, fmax(fabs(r->to[i]), fabs(r->from[i])));
  }
  r->worst_leg = fmax(r->worst_leg, most / largest);
}

static inline dwell_status record_leg(void *self, size_t replica, size_t block, const dwell_leg *leg,
                                      dwell_error *err) {
  (void)err;
  recording *r = self;
  size_t count = r->n * r->d;
  assert_int_equal(replica, 0);
  assert_int_equal(block, r->pushed - 1);
  end_leg(r);
  const double *begin = r->legs == 0 ? r->x + block * count : r->to;
  memcpy(r->from, begin, count * sizeof(double));
  memset(r->sum, 0, count * sizeof(double));
  widen(leg->to->data, count, r->size, r->to);
  r->legs++, r->parts_left = leg->parts;
  return DWELL_OK;
}

static inline dwell_status record_part(void *self, size_t replica, size_t block, const dwell_part *part,
                                       dwell_error *err) {
  (void)err;
  recording *r = self;
  size_t count = r->n * r->d;
  double *delta = malloc(count * sizeof(double));
  assert_int_equal(replica, 0);
  assert_int_equal(block, r->pushed - 1);
  assert_true(r->parts_left-- > 0);
  widen(part->delta->data, count, r->size, delta);
  double *to = part->kind == DWELL_PART_MLP ? r->mlp : part->kind == DWELL_PART_NORM ? NULL : r->attn;
  for (size_t i = 0; i < count; i++) {
    r->sum[i] += delta[i];
    if (to != NULL) to[block * count + i] += delta[i];
  }
  free(delta);
  return DWELL_OK;
}

static inline dwell_status record_end(void *self, dwell_error *err) {
  (void)err;
  recording *r = self;
  r->ended = true;
  return DWELL_OK;
}

static inline void recording_free(recording *r) {
  free(r->x), free(r->bits), free(r->final_norm), free(r->attention), free(r->attn), free(r->mlp), free(r->seen);
  free(r->from), free(r->to), free(r->sum);
}

enum { WITH_HEADS = 1, WITH_PARTS = 2 };

/* Runs `source` on `threads` threads and keeps what it delivers. Release with recording_free. */
static inline recording record(dwell_source *source, int threads, unsigned with) {
  const dwell_trajectory *t = dwell_source_trajectory(source);
  recording r = {.n = t->n, .d = t->d, .states = t->states, .heads = t->heads, .blocks = t->states - 1};
  r.size = (size_t)t->dtype;
  r.x = calloc(r.states * r.n * r.d, sizeof(double));
  r.bits = calloc(r.states * r.n * r.d, r.size);
  r.seen = calloc(r.blocks * r.heads, sizeof(int));
  if (with & WITH_HEADS) r.attention = calloc(r.blocks * r.heads * r.n * r.n, sizeof(double));
  if (with & WITH_PARTS) {
    r.attn = calloc(r.blocks * r.n * r.d, sizeof(double));
    r.mlp = calloc(r.blocks * r.n * r.d, sizeof(double));
    r.from = calloc(r.n * r.d, sizeof(double)), r.to = calloc(r.n * r.d, sizeof(double));
    r.sum = calloc(r.n * r.d, sizeof(double));
  }
  dwell_context ctx = {.threads = threads};
  dwell_sink sink = {.self = &r,
                     .wants_heads = with & WITH_HEADS,
                     .wants_parts = with & WITH_PARTS,
                     .on_state = record_state,
                     .on_head = record_head,
                     .on_leg = record_leg,
                     .on_part = record_part,
                     .on_end = record_end};
  dwell_error err = {0};
  assert_ok(dwell_source_run(source, &ctx, &sink, &err), &err);
  assert_true(r.ended);
  assert_int_equal(r.pushed, r.states);
  assert_int_equal(r.final_norm != NULL, t->has_final_norm);
  return r;
}

static inline dwell_model *open_model(const char *folder) {
  dwell_model *model;
  dwell_error err = {0};
  assert_ok(dwell_model_open(folder, NULL, &model, &err), &err);
  return model;
}

static inline dwell_source *open_ids(dwell_model *model, const int64_t *ids, size_t n, dwell_dtype dtype,
                                     size_t iterations) {
  dwell_model_options options = dwell_model_options_default();
  options.dtype = dtype;
  options.iterations = iterations;
  dwell_source *source;
  dwell_error err = {0};
  assert_ok(dwell_model_open_ids(model, ids, n, &options, &source, &err), &err);
  return source;
}

/* The random checkpoints of tests/golden/model. */
static const struct tiny_model {
  const char *name;
  bool additive; /* the stream is the sum of its parts */
} TINY[] = {
    {"gpt2-tiny", true},     {"gpt2-tiny-f16", true},    {"llama-tiny", true},    {"llama-tiny-scaled", true},
    {"mistral-tiny", true},  {"qwen2-tiny", true},       {"gpt_neox-tiny", true}, {"gpt_neox-tiny-serial", true},
    {"opt-tiny", true},      {"opt-tiny-post", false},   {"bert-tiny", false},    {"bert-tiny-bf16", false},
    {"roberta-tiny", false}, {"distilbert-tiny", false}, {"electra-tiny", false}, {"mpnet-tiny", false},
    {"albert-tiny", false},
};
enum { TINY_MODELS = sizeof TINY / sizeof TINY[0] };

static inline dwell_model *open_tiny(const char *name) {
  return open_model(testing_source(testing_format("tests/golden/model/%s", name)));
}

/* Whole array `key` of an npz as doubles or integers; release with free. */
static inline double *golden(npz *z, const char *key, size_t *opt_count) {
  size_t i;
  dwell_error err = {0};
  if (!npz_find(z, key, &i)) fail_msg("no %s in the golden file", key);
  size_t count = npz_header(z, i)->count;
  double *values = malloc((count + 1) * sizeof *values);
  assert_ok(npz_read_f64(z, i, 0, count, values, &err), &err);
  if (opt_count) *opt_count = count;
  return values;
}

static inline int64_t *golden_ids(npz *z, const char *key, size_t *ret_count) {
  size_t i;
  dwell_error err = {0};
  if (!npz_find(z, key, &i)) fail_msg("no %s in the golden file", key);
  *ret_count = npz_header(z, i)->count;
  int64_t *values = malloc((*ret_count + 1) * sizeof *values);
  assert_ok(npz_read_i64(z, i, 0, *ret_count, values, &err), &err);
  return values;
}

static inline double largest_of(const double *x, size_t count) {
  double most = 0;
  for (size_t i = 0; i < count; i++) most = fmax(most, fabs(x[i]));
  return most;
}

/* max |got - expected| / max |expected|; infinite if anything is NaN. */
static inline double relative_error(const double *got, const double *expected, size_t count) {
  double most = 0;
  for (size_t i = 0; i < count; i++) {
    double off = fabs(got[i] - expected[i]);
    if (!(off <= most)) most = isnan(off) ? INFINITY : off;
  }
  return most / largest_of(expected, count);
}

#define assert_close(got, expected, count, bound, what) \
  close_to((got), (expected), (count), (bound), (what), __FILE__, __LINE__)
static double worst_error; /* of all comparisons since it was last set to 0, to be printed */
static inline void close_to(const double *got, const double *expected, size_t count, double bound, const char *what,
                            const char *file, int line) {
  double off = relative_error(got, expected, count);
  if (off > worst_error) worst_error = off;
  if (off <= bound) return;
  print_error("%s: off by %.3g of the largest entry, allowed %.3g\n", what, off, bound);
  _fail(file, line);
}

#endif
