/* trajectory/import.c - somebody's states from an npz file (docs/import.md) as a source.
 *
 * The file stays open and is read state by state, head by head: a large file costs one state of memory. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/context.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/threads.h"
#include "file/npy.h"
#include "hub/identity.h"
#include "trajectory/source.h"

typedef struct import {
  npz *file;
  char *path;
  arena storage;   /* names, ids, masks, phases */
  bool stacked;    /* one member `states`; else state_000, state_001, ... */
  size_t *members; /* [stacked ? 1 : states of the file] */
  bool has_attention;
  size_t attention; /* member */
  dwell_trajectory t;
} import;

/* ---- what the file holds ---- */

static dwell_status complain(const import *m, const char *member, dwell_error *err, const char *message) {
  error_set(err, DWELL_BAD_INPUT, "%s", message);
  error_in_file(err, m->path);
  error_at_item(err, member);
  return DWELL_BAD_INPUT;
}

static bool is_real(const npy_header *h) { return h->type == NPY_FLOAT || h->type == NPY_INT || h->type == NPY_UINT; }

/* epsilon of numbers stored with this width: half a unit in the last place, as instruments.md 2 rounds it. */
static double stored_epsilon(const npy_header *h) {
  if (h->type != NPY_FLOAT || h->item_size == 8) return 1e-15;
  return h->item_size == 4 ? 6e-8 : 5e-4;
}

static dwell_status find_stacked(import *m, size_t i, dwell_error *err) {
  const npy_header *h = npz_header(m->file, i);
  if (h->rank != 3 || !is_real(h)) return complain(m, "states", err, "must be an array of numbers [states, n, d]");
  m->stacked = true;
  m->members = ARENA_NEW(&m->storage, size_t, 1);
  if (m->members == NULL) return error_no_memory(err, "the import");
  m->members[0] = i;
  m->t.states = h->shape[0], m->t.n = h->shape[1], m->t.d = h->shape[2];
  return DWELL_OK;
}

static bool is_numbered(const char *name) {
  static const char start[] = "state_";
  size_t n = sizeof start - 1;
  return strncmp(name, start, n) == 0 && name[n] != '\0' && name[n + strspn(name + n, "0123456789")] == '\0';
}

/* How many state_000, state_001, ... there are; a hole would silently make another trajectory. */
static dwell_status count_single(import *m, size_t *ret_count, dwell_error *err) {
  size_t numbered = 0, count = 0, i;
  char name[32];
  for (size_t k = 0; k < npz_count(m->file); k++) numbered += is_numbered(npz_name(m->file, k));
  while (snprintf(name, sizeof name, "state_%03zu", count), npz_find(m->file, name, &i)) count++;
  *ret_count = count;
  if (count == numbered && count > 0) return DWELL_OK;
  if (numbered > 0) {
    error_set(err, DWELL_BAD_INPUT, "there is no %s, but there are %zu numbered states", name, numbered);
    error_remedy(err, "Number them state_000, state_001 and so on, without a hole");
  } else {
    error_set(err, DWELL_BAD_INPUT, "has no array `states` [L+1, n, d] and no state_000, state_001 and so on");
    error_remedy(err, "See dwell-measure(1), --states");
  }
  error_in_file(err, m->path);
  return DWELL_BAD_INPUT;
}

static dwell_status find_single(import *m, dwell_error *err) {
  size_t count;
  char name[32];
  dwell_status status = count_single(m, &count, err);
  if (status != DWELL_OK) return status;
  m->members = ARENA_NEW(&m->storage, size_t, count);
  if (m->members == NULL) return error_no_memory(err, "the import");
  for (size_t l = 0; l < count; l++) {
    snprintf(name, sizeof name, "state_%03zu", l);
    npz_find(m->file, name, &m->members[l]);
    const npy_header *h = npz_header(m->file, m->members[l]);
    if (h->rank != 2 || !is_real(h)) return complain(m, name, err, "must be an array of numbers [n, d]");
    if (l == 0) m->t.n = h->shape[0], m->t.d = h->shape[1];
    if (h->shape[0] != m->t.n || h->shape[1] != m->t.d)
      return complain(m, name, err, "has another shape than state_000");
  }
  m->t.states = count;
  return DWELL_OK;
}

static dwell_status find_states(import *m, dwell_error *err) {
  size_t i, first;
  bool stacked = npz_find(m->file, "states", &i);
  if (stacked && npz_find(m->file, "state_000", &first)) {
    return complain(m, NULL, err, "has both `states` and state_000; keep one of them");
  }
  dwell_status status = stacked ? find_stacked(m, i, err) : find_single(m, err);
  if (status != DWELL_OK) return status;
  if (m->t.n == 0 || m->t.d == 0 || m->t.states == 0) return complain(m, "states", err, "holds no tokens");
  m->t.dtype = DWELL_F32, m->t.epsilon = 0;
  for (size_t l = 0; l < (stacked ? 1 : m->t.states); l++) {
    const npy_header *h = npz_header(m->file, m->members[l]);
    if (h->type != NPY_FLOAT || h->item_size > 4) m->t.dtype = DWELL_F64;
    m->t.epsilon = fmax(m->t.epsilon, stored_epsilon(h));
  }
  return DWELL_OK;
}

static dwell_status find_attention(import *m, dwell_error *err) {
  size_t i;
  if (!npz_find(m->file, "attention", &i)) return DWELL_OK;
  const npy_header *h = npz_header(m->file, i);
  if (h->rank != 4 || !is_real(h) || h->shape[0] + 1 != m->t.states || h->shape[2] != m->t.n || h->shape[3] != m->t.n) {
    return complain(m, "attention", err, "must be [L, heads, n, n] with L one less than the number of states");
  }
  m->attention = i;
  m->has_attention = true;
  m->t.heads = h->shape[1];
  return DWELL_OK;
}

/* An optional integer or boolean array [n]; NULL if absent. */
static dwell_status read_ints(import *m, const char *name, size_t count, int64_t **ret_values, dwell_error *err) {
  size_t i;
  *ret_values = NULL;
  if (!npz_find(m->file, name, &i)) return DWELL_OK;
  if (npz_header(m->file, i)->count != count) return complain(m, name, err, "has the wrong number of elements");
  *ret_values = ARENA_NEW(&m->storage, int64_t, count);
  if (*ret_values == NULL) return error_no_memory(err, "the import");
  return npz_read_i64(m->file, i, 0, count, *ret_values, err);
}

static dwell_status read_keep(import *m, dwell_error *err) {
  int64_t *values;
  dwell_status status = read_ints(m, "keep", m->t.n, &values, err);
  if (status != DWELL_OK || values == NULL) return status;
  bool *keep = ARENA_NEW(&m->storage, bool, m->t.n);
  if (keep == NULL) return error_no_memory(err, "the import");
  for (size_t k = 0; k < m->t.n; k++) keep[k] = values[k] != 0;
  m->t.keep = keep;
  return DWELL_OK;
}

static dwell_status read_tokens(import *m, dwell_error *err) {
  size_t i;
  if (!npz_find(m->file, "tokens", &i)) return DWELL_OK;
  const npy_header *h = npz_header(m->file, i);
  if (h->count != m->t.n) return complain(m, "tokens", err, "has the wrong number of elements");
  dwell_status status = DWELL_OK;
  const char **pieces = ARENA_NEW(&m->storage, const char *, m->t.n);
  char *text = mem_alloc(h->item_size + 1, 1); /* the file holds n items of that size, checked when it was opened */
  TRY_ALLOC(pieces, "the import");
  TRY_ALLOC(text, "the import");
  for (size_t k = 0; k < m->t.n; k++) {
    TRY(npz_read_text(m->file, i, k, text, h->item_size + 1, err));
    pieces[k] = arena_text(&m->storage, text, strlen(text));
    TRY_ALLOC(pieces[k], "the import");
  }
  m->t.pieces = pieces;
done:
  mem_free(text);
  return status;
}

static dwell_status read_phases(import *m, dwell_error *err) {
  size_t i;
  if (!npz_find(m->file, "phases", &i)) return DWELL_OK;
  const npy_header *h = npz_header(m->file, i);
  if (h->rank != 2 || !is_real(h) || h->count == 0) {
    return complain(m, "phases", err, "must be [draws, floor(n/2)+1], in radians");
  }
  double *phases = ARENA_NEW(&m->storage, double, h->count);
  if (phases == NULL) return error_no_memory(err, "the import");
  m->t.phases = phases, m->t.phase_draws = h->shape[0], m->t.phase_columns = h->shape[1];
  dwell_status status = npz_read_f64(m->file, i, 0, h->count, phases, err);
  for (size_t k = 0; status == DWELL_OK && k < h->count; k++) {
    if (isfinite(phases[k])) continue;
    status = error_set(err, DWELL_BAD_INPUT, "element %zu is not finite", k);
    error_at_item(err, "phases");
  }
  return status;
}

static dwell_status read_all(import *m, dwell_error *err) {
  int64_t *causal, *ids;
  dwell_status status = DWELL_OK;
  TRY(find_states(m, err));
  TRY(find_attention(m, err));
  TRY(read_ints(m, "causal", 1, &causal, err));
  TRY(read_ints(m, "token_ids", m->t.n, &ids, err));
  TRY(read_keep(m, err));
  TRY(read_tokens(m, err));
  TRY(read_phases(m, err));
  m->t.causal = causal != NULL && causal[0] != 0;
  m->t.token_ids = ids;
done:
  return status;
}

/* ---- the source ---- */

/* Elements [first, first+count) of a member in the trajectory's dtype; `wide` has room for count doubles. */
static dwell_status read_as(import *m, size_t member, size_t first, size_t count, double *wide, dwell_error *err) {
  dwell_status status = npz_read_f64(m->file, member, first, count, wide, err);
  if (status != DWELL_OK || m->t.dtype == DWELL_F64) return status;
  for (size_t i = 0; i < count; i++) { /* narrows in place: element i is read before bytes 4i..4i+3 are written */
    float narrow = (float)wide[i];
    memcpy((float *)wide + i, &narrow, sizeof narrow);
  }
  return DWELL_OK;
}

static double weight_at(const import *m, const void *head, size_t i) {
  return m->t.dtype == DWELL_F32 ? (double)((const float *)head)[i] : ((const double *)head)[i];
}

/* Row `i` of a head must be weights: entropies and sinks of anything else are numbers without a meaning. */
static dwell_status check_row(const import *m, const void *head, size_t i, dwell_error *err) {
  /* Weights kept as bfloat16 are each off by 2^-9 at most, and so is then their sum, whatever their number. */
  const double slack = 1e-2;
  double sum = 0;
  for (size_t j = 0; j < m->t.n; j++) {
    double p = weight_at(m, head, i * m->t.n + j);
    if (!(p >= 0) || isinf(p)) {
      return error_set(err, DWELL_BAD_INPUT, "row %zu holds a number that is no weight at token %zu", i, j);
    }
    if (m->t.causal && j > i && p > 0) {
      return error_set(err, DWELL_BAD_INPUT, "row %zu looks at the later token %zu though `causal` is set", i, j);
    }
    sum += p;
  }
  if (fabs(sum - 1) <= slack) return DWELL_OK;
  return error_set(err, DWELL_BAD_INPUT, "row %zu sums to %.6g, not 1", i, sum);
}

static dwell_status check_head(const import *m, const void *head, size_t block, size_t h, dwell_error *err) {
  dwell_status status = DWELL_OK;
  for (size_t i = 0; status == DWELL_OK && i < m->t.n; i++) status = check_row(m, head, i, err);
  if (status == DWELL_OK || err == NULL) return status;
  char what[sizeof err->message];
  snprintf(what, sizeof what, "%s", err->message);
  error_set(err, status, "block %zu, head %zu: %s", block, h, what);
  error_at_item(err, "attention");
  error_remedy(err, "Save the weights after the softmax, without dropout");
  return status;
}

/* Heads in memory at once: one for each thread. */
static size_t heads_at_once(const import *m, const dwell_context *ctx) {
  size_t threads = (size_t)threads_count(ctx);
  return m->t.heads < threads ? m->t.heads : threads;
}

typedef struct some_heads {
  import *m;
  const dwell_sink *sink;
  double *buffer; /* a matrix of n x n doubles for each */
  size_t block, first;
} some_heads;

static dwell_status push_head(void *arg, size_t item, int worker, dwell_error *err) {
  const some_heads *s = arg;
  (void)worker;
  size_t h = s->first + item;
  const double *head = s->buffer + item * s->m->t.n * s->m->t.n;
  dwell_status status = check_head(s->m, head, s->block, h, err);
  return status == DWELL_OK ? s->sink->on_head(s->sink->self, 0, s->block, h, head, err) : status;
}

/* Read one after the other from the file, taken by the sink side by side. */
static dwell_status push_heads(const dwell_context *ctx, some_heads *s, dwell_error *err) {
  import *m = s->m;
  size_t one = m->t.n * m->t.n, most = heads_at_once(m, ctx);
  dwell_status status = DWELL_OK;
  for (s->first = 0; status == DWELL_OK && s->first < m->t.heads; s->first += most) {
    size_t left = m->t.heads - s->first, count = left < most ? left : most;
    size_t at = (s->block * m->t.heads + s->first) * one;
    for (size_t h = 0; status == DWELL_OK && h < count; h++) {
      status = read_as(m, m->attention, at + h * one, one, s->buffer + h * one, err);
    }
    if (status == DWELL_OK) status = threads_for(ctx, count, push_head, s, err);
  }
  return status;
}

static dwell_status import_run(void *self, const dwell_context *ctx, const dwell_sink *sink, dwell_error *err) {
  import *m = self;
  bool heads = m->has_attention && sink->wants_heads && sink->on_head != NULL;
  size_t first = m->t.first_state, end = first + m->t.states;
  size_t one = m->t.n * m->t.d, of_heads = heads ? heads_at_once(m, ctx) * m->t.n * m->t.n : 0;
  double *buffer = MEM_NEW(double, of_heads > one ? of_heads : one);
  dwell_status status = DWELL_OK;
  TRY_ALLOC(buffer, "a state");
  for (size_t l = sink->wants_earlier ? 0 : first; l < end; l++) {
    dwell_frame frame = {.state = l, .tap = "resid"};
    dwell_cloud cloud = {m->t.n, m->t.d, m->t.dtype, buffer};
    TRY(read_as(m, m->members[m->stacked ? 0 : l], m->stacked ? l * one : 0, one, buffer, err));
    TRY(source_push_state(ctx, sink, &frame, &cloud, err));
    some_heads of_block = {.m = m, .sink = sink, .buffer = buffer, .block = l};
    if (heads && l >= first && l + 1 < end) TRY(push_heads(ctx, &of_block, err));
    context_progress(ctx, "import", (double)(l + 1), (double)end);
  }
  status = source_push_end(sink, err);
done:
  if (status == DWELL_BAD_INPUT) error_in_file(err, m->path);
  mem_free(buffer);
  return status;
}

static uint64_t import_bytes(const void *self, const dwell_context *ctx) {
  const import *m = self;
  uint64_t one = (uint64_t)m->t.n * m->t.d, at_once = (uint64_t)heads_at_once(m, ctx);
  uint64_t head = m->has_attention ? at_once * m->t.n * m->t.n : 0;
  return 8 * (one > head ? one : head) + m->storage.total;
}

static void import_note(const void *self, jwriter *w) {
  const import *m = self;
  const char *path = m->path;
  identity_write(w, &path, 1, NULL);
}

static void import_destroy(void *self) {
  import *m = self;
  if (m == NULL) return;
  npz_close(m->file);
  arena_clear(&m->storage);
  mem_free(m->path);
  mem_free(m);
}

/* Of the states that the file was found to hold. */
static dwell_status choose_states(import *m, size_t first, size_t last, dwell_error *err) {
  dwell_status status = source_check_states(first, last, m->t.states, err);
  if (status != DWELL_OK) return status;
  m->t.states = (last == SIZE_MAX ? m->t.states - 1 : last) - first + 1;
  m->t.first_state = first;
  return DWELL_OK;
}

dwell_status dwell_import_open(const char *path, const dwell_context *ctx, dwell_source **ret_source,
                               dwell_error *err) {
  return dwell_import_open_states(path, 0, SIZE_MAX, ctx, ret_source, err);
}

dwell_status dwell_import_open_states(const char *path, size_t first, size_t last, const dwell_context *ctx,
                                      dwell_source **ret_source, dwell_error *err) {
  static const source_vtable vtable = {import_run, import_bytes, import_note, import_destroy};
  (void)ctx;
  dwell_status status = DWELL_OK;
  import *m = MEM_ZERO(import, 1);
  TRY_ALLOC(m, "the import");
  m->path = mem_copy(path, strlen(path) + 1, 1);
  TRY_ALLOC(m->path, "the import");
  m->t = (dwell_trajectory){.kind = "import", .name = source_short_name(m->path), .replicas = 1, .ordered = true};
  TRY(npz_open(path, &m->file, err));
  TRY(read_all(m, err));
  TRY(choose_states(m, first, last, err));
  TRY(source_create(&vtable, m, &m->t, ret_source, err));
  m = NULL;
done:
  if (status != DWELL_OK) error_in_file(err, path);
  import_destroy(m);
  return status;
}
