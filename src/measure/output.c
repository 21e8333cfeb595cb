/* measure/output.c - the loss of the next token, from the last state and from every other, what an intervention changes
 * about it, and the tokens that clusters stand for. */
#include "measure/output.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/context.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/threads.h"
#include "geometry/pairwise.h"
#include "mechanism/output.h"
#include "trajectory/source.h"

enum { TOP = 5 }; /* tokens that are named for a cluster */

static bool asked(const dwell_measure_options *o) { return o->nll || o->lens || o->plain != NULL; }

static bool same_tokens(const dwell_trajectory *a, const dwell_trajectory *b) {
  bool same = a->n == b->n && a->d == b->d && a->states == b->states && a->first_state == b->first_state;
  for (size_t i = 0; same && i < a->n; i++) same = a->token_ids[i] == b->token_ids[i];
  return same;
}

dwell_status output_check(const measurement *s, dwell_error *err) {
  source_output o;
  if (!asked(s->options)) return DWELL_OK;
  dwell_status status = source_get_output(s->source, &o, err);
  if (status != DWELL_OK) return status;
  if (!o.complete) {
    error_set(err, DWELL_USAGE, "the output layer reads the last state, which is not among those asked for");
    return error_at_item(err, "--layers"), DWELL_USAGE;
  }
  if (s->options->plain == NULL || same_tokens(s->t, dwell_source_trajectory(s->options->plain))) return DWELL_OK;
  return error_set(err, DWELL_USAGE, "the plain run must be of the same tokens and states");
}

uint64_t output_stage_bytes(const dwell_context *ctx, const dwell_source *source,
                            const dwell_measure_options *options) {
  const dwell_trajectory *t = dwell_source_trajectory(source);
  source_output o;
  if (!asked(options) || source_get_output(source, &o, NULL) != DWELL_OK) return 0;
  uint64_t states = 4 * (uint64_t)t->n * (t->d + 8) * sizeof(double), pieces = 512 * (uint64_t)t->n;
  uint64_t lens = options->lens ? (uint64_t)t->states * t->n / 4 * (o.width * sizeof(double) + 8 * 512) : 0;
  uint64_t plain = options->plain != NULL ? dwell_source_bytes(options->plain, ctx) : 0;
  uint64_t scores = output_bytes(t->n, o.width, o.vocabulary, threads_count(ctx));
  return states + pieces + lens + (plain > scores ? plain : scores);
}

/* ---- the loss of each token ---- */

/* What is computed of each token. */
typedef struct losses {
  source_output o;
  size_t n;
  int64_t *next;           /* [n] the token that follows, -1: none */
  double *x, *y, *y_plain; /* [n, d]; [n, width] of the last state, and of the plain run's */
  double *nll, *nll_plain, *kl;
  const measurement *s;
} losses;

static void free_losses(losses *l) {
  mem_free(l->next);
  mem_free(l->x);
  mem_free(l->y);
  mem_free(l->y_plain);
  mem_free(l->nll);
  mem_free(l->nll_plain);
  mem_free(l->kl);
}

static dwell_status make_losses(const measurement *s, losses *l, dwell_error *err) {
  size_t n = s->t->n, in, out;
  *l = (losses){.s = s, .n = n};
  dwell_status status = source_get_output(s->source, &l->o, err);
  if (status != DWELL_OK) return status;
  if (!size_mul(n, s->t->d, &in) || !size_mul(n, l->o.width, &out)) return error_no_memory(err, "the last state");
  l->next = MEM_NEW(int64_t, n), l->x = MEM_NEW(double, in), l->y = MEM_NEW(double, out);
  l->y_plain = MEM_NEW(double, out);
  l->nll = MEM_NEW(double, n), l->nll_plain = MEM_NEW(double, n), l->kl = MEM_NEW(double, n);
  if (!l->next || !l->x || !l->y || !l->y_plain || !l->nll || !l->nll_plain || !l->kl)
    return error_no_memory(err, "the losses of the tokens");
  const int64_t *ids = dwell_source_trajectory(s->source)->token_ids;
  for (size_t i = 0; i < n; i++) l->next[i] = i + 1 < n ? ids[i + 1] : -1;
  return DWELL_OK;
}

/* The state of a frame as the output layer takes it. */
static dwell_status read_frame(losses *l, size_t frame, dwell_error *err) {
  bool normed = strcmp(spool_frame(l->s->states, frame)->tap, "final_norm") == 0;
  dwell_status status = spool_read(l->s->states, frame, l->x, err);
  return status == DWELL_OK ? l->o.prepare(l->o.self, normed, l->n, l->x, l->y, err) : status;
}

/* Mean over the tokens that another follows; NaN: none does. */
static double mean_loss(const losses *l, const double *nll) {
  return l->n > 1 ? pairwise_sum(l->n - 1, nll) / (double)(l->n - 1) : NAN;
}

/* ---- beside the plain run ---- */

/* Keeps the last state that the output layer reads: the final norm comes after all others. */
static dwell_status keep_last(void *self, const dwell_frame *frame, const dwell_cloud *x, dwell_error *err) {
  losses *l = self;
  (void)err;
  const dwell_trajectory *t = l->s->t;
  if (frame->state + 1 < t->first_state + t->states) return DWELL_OK;
  for (size_t i = 0; i < x->n * x->d; i++) {
    l->x[i] = x->dtype == DWELL_F64 ? ((const double *)x->data)[i] : (double)((const float *)x->data)[i];
  }
  bool normed = strcmp(frame->tap, "final_norm") == 0;
  return normed || !t->has_final_norm ? l->o.prepare(l->o.self, normed, l->n, l->x, l->y_plain, err) : DWELL_OK;
}

static dwell_status compare_plain(losses *l, dwell_error *err) {
  const dwell_sink sink = {.self = l, .on_state = keep_last};
  const dwell_context *ctx = l->s->ctx;
  dwell_status status = DWELL_OK;
  TRY(dwell_source_run(l->s->options->plain, ctx, &sink, err));
  TRY(output_nll(ctx, &l->o, l->n, l->y_plain, l->next, l->nll_plain, err));
  TRY(output_kl(ctx, &l->o, l->n, l->y_plain, l->y, l->kl, err));
done:
  return status;
}

/* ---- tables ---- */

static dwell_status fill_tokens(measurement *s, const losses *l, dwell_error *err) {
  static const char *const names[] = {"token", "id", "piece", "nll", "nll_plain", "kl"};
  const dwell_trajectory *t = dwell_source_trajectory(s->source);
  table *tokens = &s->run->tokens;
  bool plain = s->options->plain != NULL;
  dwell_status status = DWELL_OK;
  for (size_t c = 0; c < (plain ? 6u : 4u); c++) TRY(table_add_column(tokens, names[c], NULL, err));
  for (size_t i = 0; i < l->n; i++) {
    size_t row;
    TRY(table_add_row(tokens, &row, err));
    table_set_number(tokens, row, 0, (double)i);
    table_set_number(tokens, row, 1, (double)t->token_ids[i]);
    if (t->pieces != NULL) TRY(table_set_text(tokens, row, 2, t->pieces[i], err));
    table_set_number(tokens, row, 3, l->nll[i]);
    if (!plain) continue;
    table_set_number(tokens, row, 4, l->nll_plain[i]);
    table_set_number(tokens, row, 5, l->kl[i]);
  }
done:
  return status;
}

/* Members of "summaries" of the manifest. */
static dwell_status summarise(measurement *s, const losses *l, dwell_error *err) {
  measured_output *m = &s->output;
  m->there = true;
  m->nll = mean_loss(l, l->nll);
  m->tokens = l->n - 1;
  m->nll_plain = m->kl = NAN;
  if (s->options->plain != NULL) {
    m->nll_plain = mean_loss(l, l->nll_plain);
    m->kl = pairwise_sum(l->n, l->kl) / (double)l->n;
  }
  return s->options->nll || s->options->plain != NULL ? fill_tokens(s, l, err) : DWELL_OK;
}

/* ---- every state through the output layer ---- */

static dwell_status lens_losses(measurement *s, losses *l, dwell_error *err) {
  dwell_status status = DWELL_OK;
  TRY_ALLOC(s->output.lens = MEM_NEW(double, s->frames), "the losses by state");
  for (size_t f = 0; f < s->frames; f++) {
    context_progress(s->ctx, "lens", (double)f, (double)s->frames);
    TRY(read_frame(l, f, err));
    TRY(output_nll(s->ctx, &l->o, l->n, l->y, l->next, l->nll, err));
    s->output.lens[f] = mean_loss(l, l->nll);
  }
  context_progress(s->ctx, "lens", (double)s->frames, (double)s->frames);
done:
  return status;
}

bool output_lens(const measurement *s, size_t frame, double *ret_nll) {
  if (s->output.lens != NULL) *ret_nll = s->output.lens[frame];
  return s->output.lens != NULL;
}

/* The centroid of each cluster of a state. */
typedef struct centroid {
  size_t state, cluster, tokens;
} centroid;

typedef struct centroids {
  centroid *list;
  size_t count, capacity;
  double *y; /* [count, width] as the output layer takes them */
  size_t room;
} centroids;

static void free_centroids(centroids *c) {
  mem_free(c->list);
  mem_free(c->y);
}

/* Sums of the tokens of each cluster become means. Returns how many clusters there are. */
static size_t cluster_means(size_t n, size_t d, const size_t *rows, const int64_t *labels, const double *x,
                            double *ret_means, size_t *ret_sizes) {
  size_t clusters = 0;
  for (size_t i = 0; i < n; i++) {
    if (labels[i] >= 0 && (size_t)labels[i] >= clusters) clusters = (size_t)labels[i] + 1;
  }
  memset(ret_means, 0, clusters * d * sizeof *ret_means);
  memset(ret_sizes, 0, clusters * sizeof *ret_sizes);
  for (size_t i = 0; i < n; i++) {
    if (labels[i] < 0) continue;
    double *mean = ret_means + (size_t)labels[i] * d;
    for (size_t k = 0; k < d; k++) mean[k] += x[rows[i] * d + k];
    ret_sizes[labels[i]]++;
  }
  for (size_t c = 0; c < clusters; c++) {
    for (size_t k = 0; k < d && ret_sizes[c] > 0; k++) ret_means[c * d + k] /= (double)ret_sizes[c];
  }
  return clusters;
}

static dwell_status add_centroids(losses *l, size_t frame, const int64_t *labels, centroids *c, double *means,
                                  size_t *sizes, dwell_error *err) {
  const measurement *s = l->s;
  size_t w = l->o.width, before = c->count, state = spool_frame(s->states, frame)->state;
  dwell_status status = DWELL_OK;
  TRY(spool_read(s->states, frame, l->x, err));
  size_t clusters = cluster_means(s->row_count, s->t->d, s->rows, labels, l->x, means, sizes);
  for (size_t k = 0; k < clusters; k++) {
    centroid *list = mem_room(c->list, c->count, &c->capacity, 64, sizeof *list);
    TRY_ALLOC(list, "the centroids");
    c->list = list;
    c->list[c->count++] = (centroid){state, k, sizes[k]};
  }
  if (c->capacity > c->room || c->y == NULL) {
    size_t room = c->capacity > 0 ? c->capacity : 1, one = w * sizeof(double);
    double *y = c->y == NULL ? mem_alloc(room, one) : mem_grow(c->y, before, room, one);
    TRY_ALLOC(y, "the centroids");
    c->y = y, c->room = room;
  }
  TRY(l->o.prepare(l->o.self, false, clusters, means, c->y + before * w, err));
done:
  return status;
}

static dwell_status fill_lens(measurement *s, const losses *l, const centroids *c, const size_t *tokens,
                              const double *p, dwell_error *err) {
  static const char *const names[] = {"state", "cluster", "tokens", "rank", "id", "piece", "p"};
  table *lens = &s->run->lens;
  dwell_status status = DWELL_OK;
  for (size_t k = 0; k < sizeof names / sizeof names[0]; k++) TRY(table_add_column(lens, names[k], NULL, err));
  for (size_t at = 0; at < c->count * TOP; at++) {
    const centroid *from = &c->list[at / TOP];
    const double numbers[] = {(double)from->state, (double)from->cluster, (double)from->tokens, (double)(at % TOP + 1),
                              (double)tokens[at]};
    size_t row;
    if (tokens[at] == SIZE_MAX) continue;
    TRY(table_add_row(lens, &row, err));
    for (size_t k = 0; k < 5; k++) table_set_number(lens, row, k, numbers[k]);
    const char *piece = l->o.piece(l->o.self, tokens[at]);
    if (piece != NULL) TRY(table_set_text(lens, row, 5, piece, err));
    table_set_number(lens, row, 6, p[at]);
  }
done:
  return status;
}

/* Without labels (clusters are not measured) there is no table. */
static dwell_status lens_centroids(measurement *s, losses *l, dwell_error *err) {
  centroids c = {0};
  dwell_status status = DWELL_OK;
  size_t room = s->row_count * s->t->d;
  double *means = MEM_NEW(double, room), *p = NULL;
  size_t *sizes = MEM_NEW(size_t, s->row_count), *tokens = NULL;
  TRY_ALLOC(means, "the centroids");
  TRY_ALLOC(sizes, "the centroids");
  for (size_t f = 0; f < s->frames && measurement_labels(s, f) != NULL; f++) {
    if (strcmp(spool_frame(s->states, f)->tap, "resid") != 0) continue;
    TRY(add_centroids(l, f, measurement_labels(s, f), &c, means, sizes, err));
  }
  size_t count = c.count * TOP;
  TRY_ALLOC(tokens = MEM_NEW(size_t, count), "the tokens of the centroids");
  TRY_ALLOC(p = MEM_NEW(double, count), "the tokens of the centroids");
  if (c.count > 0) TRY(output_top(s->ctx, &l->o, c.count, c.y, TOP, tokens, p, err));
  if (measurement_labels(s, 0) != NULL) TRY(fill_lens(s, l, &c, tokens, p, err));
done:
  free_centroids(&c);
  mem_free(means);
  mem_free(sizes);
  mem_free(tokens);
  mem_free(p);
  return status;
}

/* ---- the stage ---- */

dwell_status measurement_output(measurement *s, dwell_error *err) {
  losses l = {0};
  dwell_status status = DWELL_OK;
  if (!asked(s->options)) return DWELL_OK;
  TRY(make_losses(s, &l, err));
  if (s->options->lens) {
    TRY(lens_losses(s, &l, err));
    TRY(lens_centroids(s, &l, err));
  }
  TRY(read_frame(&l, s->frames - 1, err));
  TRY(output_nll(s->ctx, &l.o, l.n, l.y, l.next, l.nll, err));
  if (s->options->plain != NULL) TRY(compare_plain(&l, err));
  TRY(summarise(s, &l, err));
done:
  free_losses(&l);
  return status;
}
