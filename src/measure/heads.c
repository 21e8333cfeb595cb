/* measure/heads.c - attention, head by head, as the source delivers it.
 *
 * An instrument that reads the state at a block's input needs to know which tokens are kept, and that is decided by all
 * states. A guess is nearly always right: a token that is dropped is dropped by its kind, or is massive from the first
 * blocks on. So every head is measured when it first comes, with the tokens that the states so far keep; if later
 * states drop another token, the blocks concerned are delivered a second time by running the source again (with the
 * same result, as sources promise). Keeping the attention for that, [L, H, n, n], would take more memory than all else:
 * 151 MB for 12 blocks of 12 heads at 512 tokens. */
#include "measure/heads.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/sort.h"
#include "base/threads.h"
#include "geometry/forms.h"
#include "instrument/head_row.h"
#include "trajectory/source.h"

/* The state at the input of the block whose heads come next. Heads may come from several threads; they only read. */
struct head_input {
  unsigned needs;
  size_t *kept_count; /* [replicas, blocks] tokens kept when the block's heads were measured */
  size_t *kept;       /* [n], the first kept_now of them */
  size_t kept_now;
  size_t block;    /* [replicas, blocks] */
  geometry *cloud; /* of the kept tokens */
  const double *cosines;
  bool wants_normed; /* also the cosines of the tokens as the block's first norm puts them out */
  double *state;     /* [n, d] for them, or NULL */
  geometry *normed;  /* NULL: the block has no such norm, or it has not come yet */
  const double *normed_cosines;
  const char *normed_undefined; /* why there are none */
  int32_t *labels[SETS];        /* [n] each, or NULL: not needed */
  dwell_weights weights;        /* of the block; and directions [n, d] of all tokens, if an instrument needs them */
  double *units;
};

static void forget_state(head_input *in) {
  geometry_destroy(in->cloud);
  geometry_destroy(in->normed);
  in->cloud = in->normed = NULL, in->cosines = in->normed_cosines = NULL;
  mem_free(in->state);
  in->state = NULL;
  dwell_weights_free(&in->weights);
  mem_free(in->units);
  in->units = NULL;
}

static bool is_input(const measurement *s, const dwell_frame *frame, size_t *ret_block) {
  *ret_block = frame->replica * s->blocks + frame->state - s->t->first_state;
  return strcmp(frame->tap, "resid") == 0 && frame->state - s->t->first_state < s->blocks;
}

/* The cosines of a state are made for its heads, and wanted again where it is measured: kept if they are no more. */
enum { MOST_KEPT = 64 << 20 };

/* Of the state. */
static unsigned needs_of(const plan_list *list) {
  unsigned needs = 0;
  for (size_t i = 0; i < list->item_count; i++) needs |= list->items[i].what->needs;
  return needs & ~(unsigned)NEEDS_LOGS;
}

uint64_t heads_kept_bytes(const plan *p, const dwell_trajectory *t) {
  if (needs_of(&p->head) == 0 || !p->wants_geometry) return 0;
  uint64_t n = t->n, each = n * (n + 1) * sizeof(double), clouds = (uint64_t)t->replicas * (t->states - 1);
  return clouds > 0 && each > MOST_KEPT / clouds ? 0 : clouds * each;
}

static void leave_state(const measurement *s) {
  head_input *in = s->input;
  if (s->clouds != NULL && in->cloud != NULL) {
    geometry_destroy(s->clouds[in->block]);
    s->clouds[in->block] = in->cloud;
    geometry_shed(in->cloud);
    in->cloud = NULL;
  }
  forget_state(in);
}

/* Were the cosines made of the tokens that are measured? Not where those are first occurrences alone, nor where a
 * control, which decides itself what its heads read, has the run's tokens (controls.c). */
static bool has_their_tokens(const measurement *s) {
  const selection *own = &s->selection;
  return own->all_count == s->row_count && memcmp(own->all, s->rows, s->row_count * sizeof *s->rows) == 0;
}

void heads_hand_over(const measurement *s, const dwell_frame *frame, geometry *g) {
  size_t block;
  if (s->clouds == NULL || !is_input(s, frame, &block)) return;
  geometry **cloud = &s->clouds[block];
  if (*cloud == NULL || geometry_n(*cloud) != geometry_n(g)) return;
  geometry_inherit(g, *cloud);
  *cloud = NULL;
}

void heads_free_clouds(measurement *s) {
  for (size_t b = 0; s->clouds != NULL && b < s->t->replicas * s->blocks; b++) geometry_destroy(s->clouds[b]);
  mem_free(s->clouds);
  s->clouds = NULL;
}

void heads_free(head_input *in) {
  if (in == NULL) return;
  forget_state(in);
  mem_free(in->kept_count);
  mem_free(in->kept);
  for (size_t k = 0; k < SETS; k++) mem_free(in->labels[k]);
  mem_free(in);
}

/* Do several instruments read the logarithms of the weights? */
static bool shares_logs(const plan_list *list) {
  size_t readers = 0;
  for (size_t i = 0; i < list->item_count; i++) readers += (list->items[i].what->needs & NEEDS_LOGS) != 0;
  return readers > 1;
}

static bool is_normed(const plan_item *item) { return plan_set_form(item->set) == FORM_NORMED; }

static bool reads_normed(const plan_list *list) {
  bool any = false;
  for (size_t i = 0; i < list->item_count; i++) any = any || is_normed(&list->items[i]);
  return any;
}

static dwell_status make_labels(head_input *in, const plan_list *list, size_t n, dwell_error *err) {
  for (size_t i = 0; i < list->item_count; i++) {
    int32_t **labels = &in->labels[list->items[i].set];
    if (!(list->items[i].what->needs & NEEDS_LABELS) || *labels != NULL) continue;
    *labels = MEM_NEW(int32_t, n);
    if (*labels == NULL) return error_no_memory(err, "cluster labels");
  }
  return DWELL_OK;
}

dwell_status heads_make_room(measurement *s, dwell_error *err) {
  const dwell_trajectory *t = s->t;
  dwell_status status = DWELL_OK;
  size_t heads, blocks;
  if (s->plan.head.item_count == 0) return DWELL_OK;
  if (!size_mul(t->replicas, s->blocks, &blocks) || !size_mul(blocks, t->heads, &heads)) {
    return error_no_memory(err, "the attention measures");
  }
  s->head_values = mem_zero(heads, s->plan.head.value_count * sizeof(value));
  TRY_ALLOC(s->head_values, "the attention measures");
  unsigned needs = needs_of(&s->plan.head);
  if (needs == 0) return DWELL_OK;
  s->input = MEM_ZERO(head_input, 1);
  TRY_ALLOC(s->input, "the attention measures");
  s->input->needs = needs;
  s->input->wants_normed = reads_normed(&s->plan.head);
  s->input->kept_count = MEM_ZERO(size_t, blocks);
  s->input->kept = MEM_NEW(size_t, t->n);
  TRY_ALLOC(s->input->kept_count, "the attention measures");
  TRY_ALLOC(s->input->kept, "the attention measures");
  TRY(make_labels(s->input, &s->plan.head, t->n, err));
  if (heads_kept_bytes(&s->plan, t) > 0) TRY_ALLOC(s->clouds = MEM_ZERO(geometry *, blocks), "the attention measures");
done:
  return status;
}

/* The cloud's tokens as doubles, allocated. */
static double *ret_wide(const dwell_cloud *x) {
  size_t count = x->n * x->d;
  if (x->dtype == DWELL_F64) return mem_copy(x->data, count, sizeof(double));
  double *wide = MEM_NEW(double, count);
  for (size_t i = 0; wide != NULL && i < count; i++) wide[i] = (double)((const float *)x->data)[i];
  return wide;
}

/* The clusters among these tokens of the state; -1 for all others, and for all where the state has none. */
static dwell_status take_labels(geometry *g, const size_t *rows, size_t count, size_t n, int32_t *ret_labels,
                                dwell_error *err) {
  const geometry_groups *groups;
  for (size_t i = 0; i < n; i++) ret_labels[i] = -1;
  dwell_status status = geometry_clusters(g, &groups, err);
  if (status != DWELL_OK || geometry_clusters_undefined(g) != NULL) return status;
  for (size_t k = 0; k < count; k++) ret_labels[rows[k]] = groups->labels[k];
  return DWELL_OK;
}

/* Labels of the kept tokens, or of first occurrences of their ids. */
static dwell_status label_set(head_input *in, const selection *selected, bool types, size_t n, int32_t *ret_labels,
                              dwell_error *err) {
  if (ret_labels == NULL) return DWELL_OK;
  if (!types) return take_labels(in->cloud, selected->all, selected->all_count, n, ret_labels, err);
  geometry *firsts = NULL;
  dwell_status status = geometry_part(in->cloud, selected->all, selected->types, selected->types_count, &firsts, err);
  if (status == DWELL_OK) {
    status = take_labels(firsts, selected->types, selected->types_count, n, ret_labels, err);
  }
  geometry_destroy(firsts);
  return status;
}

typedef struct labelling {
  head_input *in;
  const selection *selected;
  size_t n;
  bool types; /* instead of all kept tokens too */
} labelling;

/* The two sets of labels, at once: both read the cosines of the cloud, and only the first one adds to it. */
static dwell_status label_item(void *arg, size_t item, int worker, dwell_error *err) {
  const labelling *l = arg;
  (void)worker;
  return item == 0 ? label_set(l->in, l->selected, l->types, l->n, l->in->labels[SET_SELECTION], err)
                   : label_set(l->in, l->selected, true, l->n, l->in->labels[SET_TYPES], err);
}

/* Directions of all tokens, in place of the state. */
static void make_units(const dwell_cloud *x, double *rows) {
  for (size_t i = 0; i < x->n; i++) {
    double norm = geometry_norm(x->d, rows + i * x->d);
    for (size_t k = 0; k < x->d; k++) rows[i * x->d + k] = norm > 0 ? rows[i * x->d + k] / norm : 0;
  }
}

/* What instruments with NEEDS_WEIGHTS read. block: as the source counts. */
static dwell_status take_weights(const measurement *s, size_t block, const dwell_cloud *x, dwell_error *err) {
  head_input *in = s->input;
  if ((in->units = ret_wide(x)) == NULL) return error_no_memory(err, "a state");
  make_units(x, in->units);
  return source_weights(s->source, s->ctx, block, &in->weights, err);
}

/* Before a norm has come, and where none does (norms behind the sublayers), the block reads the state itself. */
static dwell_status begin_normed(const measurement *s, const dwell_cloud *x, dwell_error *err) {
  head_input *in = s->input;
  bool known = strcmp(s->t->kind, "import") != 0;
  in->normed_cosines = known ? in->cosines : NULL;
  in->normed_undefined = known ? NULL : UNKNOWN_NORM;
  if (!known) return DWELL_OK;
  in->state = ret_wide(x);
  return in->state != NULL ? DWELL_OK : error_no_memory(err, "a state");
}

dwell_status heads_on_norm(measurement *s, const dwell_norm *norm, dwell_error *err) {
  head_input *in = s->input;
  size_t d = s->t->d;
  if (in == NULL || in->state == NULL) return DWELL_OK;
  dwell_status status = DWELL_OK;
  double *rows = MEM_NEW(double, in->kept_now *d);
  size_t *order = MEM_NEW(size_t, in->kept_now);
  TRY_ALLOC(rows, "a state in another form");
  TRY_ALLOC(order, "a state in another form");
  for (size_t i = 0; i < in->kept_now; i++) order[i] = i;
  form_normed(in->state, d, in->kept, in->kept_now, norm, rows);
  in->normed_cosines = NULL;
  in->normed_undefined = form_undefined(rows, d, in->kept_now);
  if (in->normed_undefined != NULL) goto done;
  const dwell_cloud normed = {.n = in->kept_now, .d = d, .dtype = DWELL_F64, .data = rows};
  TRY(geometry_create_cloud(s->ctx, &normed, order, in->kept_now, &in->normed, err));
  TRY(geometry_cosines(in->normed, RAW, &in->normed_cosines, err));
done:
  mem_free(rows), mem_free(order);
  return status;
}

/* The state at the input of a block. */
static dwell_status take_state(const measurement *s, const selection *selected, const dwell_frame *frame,
                               const dwell_cloud *x, dwell_error *err) {
  head_input *in = s->input;
  labelling labels = {in, selected, x->n, s->options->types};
  dwell_status status = DWELL_OK;
  leave_state(s);
  (void)is_input(s, frame, &in->block);
  in->kept_now = selected->all_count;
  memcpy(in->kept, selected->all, selected->all_count * sizeof(size_t));
  TRY(geometry_create_cloud(s->ctx, x, in->kept, in->kept_now, &in->cloud, err));
  geometry_skip_centred_gram(in->cloud);
  TRY(geometry_cosines(in->cloud, RAW, &in->cosines, err));
  if (in->wants_normed) TRY(begin_normed(s, x, err));
  TRY(threads_for(s->ctx, 2, label_item, &labels, err));
  if (in->needs & NEEDS_WEIGHTS) TRY(take_weights(s, frame->state, x, err));
done:
  return status;
}

dwell_status heads_on_state(measurement *s, const dwell_frame *frame, const dwell_cloud *x, size_t rows,
                            dwell_error *err) {
  size_t block;
  selection so_far = {0};
  if (s->input == NULL || !is_input(s, frame, &block)) return DWELL_OK;
  dwell_status status = selection_decide(s->t, rows, s->norms, s->options->drop_special, &so_far, err);
  if (status == DWELL_OK) status = take_state(s, &so_far, frame, x, err);
  s->input->kept_count[block] = so_far.all_count;
  selection_free(&so_far);
  return status;
}

/* instruments.md 5.4: a mean to a quarter of a standard deviation is enough of a description. */
enum { DRAWS_OF_HEADS = 19 };

/* The null that an instrument's columns name, if it is one of heads. */
static const null_model *null_of_heads(const instrument *what) {
  for (size_t k = 0; k < what->column_count; k++) {
    const null_model *null = what->columns[k].null != NULL ? null_find(what->columns[k].null) : NULL;
    if (null != NULL && null->permute_head != NULL) return null;
  }
  return NULL;
}

/* What an instrument reads of the state in the form that it is measured in. *ret_undefined: why there is none. */
static void choose_input(const measurement *s, const plan_item *item, instrument_head *h, const char **ret_undefined) {
  const head_input *in = s->input;
  *ret_undefined = in != NULL && is_normed(item) ? in->normed_undefined : NULL;
  if (in == NULL) return;
  h->cosines = is_normed(item) ? in->normed_cosines : in->cosines;
  h->labels = in->labels[item->set];
}

static dwell_status take_logs(instrument_head *h, double **ret_logs, dwell_error *err) {
  size_t n = h->n;
  double *row = MEM_NEW(double, n), *logs = mem_alloc(n, n * sizeof *logs); /* fits: so does the attention */
  dwell_status status = DWELL_OK;
  TRY_ALLOC(row, "the rows of a head");
  TRY_ALLOC(logs, "the logarithms of a head");
  for (size_t i = 0; i < n; i++) {
    head_row(h, i, row);
    head_log_row(h, i, row, logs + i * n);
  }
  h->logs = *ret_logs = logs;
  logs = NULL;
done:
  mem_free(row), mem_free(logs);
  return status;
}

dwell_status heads_measure(const measurement *s, size_t replica, size_t block, size_t head, const void *attention,
                           dwell_error *err) {
  const dwell_trajectory *t = s->t;
  const plan_list *list = &s->plan.head;
  size_t at = (replica * s->blocks + block - t->first_state) * t->heads + head;
  instrument_head h = {.n = t->n, .dtype = t->dtype, .attention = attention, .causal = t->causal, .seed = s->ctx->seed};
  if (s->input != NULL) {
    h.kept = s->input->kept, h.kept_count = s->input->kept_now;
    h.weights = &s->input->weights, h.head = head, h.units = s->input->units;
  }
  double *logs = NULL;
  dwell_status status = shares_logs(list) ? take_logs(&h, &logs, err) : DWELL_OK;
  for (size_t i = 0; status == DWELL_OK && i < list->item_count; i++) {
    const plan_item *item = &list->items[i];
    if (item->what->head == NULL) continue; /* weights.c or attribution.c fill it */
    const null_model *null = null_of_heads(item->what);
    value *values = s->head_values + at * list->value_count + item->first;
    const char *undefined;
    choose_input(s, item, &h, &undefined);
    for (size_t k = 0; undefined != NULL && k < item->what->column_count; k++) values[k] = UNDEFINED(undefined);
    if (undefined != NULL) continue;
    h.permute = null != NULL ? null->permute_head : NULL;
    h.draws = null != NULL && s->options->null_draws > 0 ? DRAWS_OF_HEADS : 0;
    status = item->what->head(&h, values, err);
  }
  mem_free(logs);
  return status;
}

/* ---- the second delivery ---- */

typedef struct again {
  measurement *s;
  bool *wrong;  /* [replicas, blocks] measured with tokens that are not kept after all */
  size_t left;  /* of them; when none is, the source need not go on */
  bool measure; /* the heads that come now */
  bool enough;
} again;

static dwell_status again_on_state(void *self, const dwell_frame *frame, const dwell_cloud *x, dwell_error *err) {
  again *a = self;
  size_t block;
  a->enough = a->left == 0;
  if (a->enough) return DWELL_INTERRUPTED;
  a->measure = is_input(a->s, frame, &block) && a->wrong[block];
  if (!a->measure) return DWELL_OK;
  a->left--;
  return take_state(a->s, &a->s->selection, frame, x, err);
}

static dwell_status again_on_norm(void *self, size_t block, const dwell_norm *norm, dwell_error *err) {
  const again *a = self;
  (void)block;
  return a->measure ? heads_on_norm(a->s, norm, err) : DWELL_OK;
}

static dwell_status again_on_head(void *self, size_t replica, size_t block, size_t head, const void *attention,
                                  dwell_error *err) {
  const again *a = self;
  return a->measure ? heads_measure(a->s, replica, block, head, attention, err) : DWELL_OK;
}

/* States so far can only keep more tokens than all states do, so equal numbers are equal tokens. */
static dwell_status measure_again(measurement *s, dwell_error *err) {
  size_t blocks = s->t->replicas * s->blocks;
  again a = {.s = s, .wrong = MEM_ZERO(bool, blocks)};
  if (a.wrong == NULL) return error_no_memory(err, "the attention measures");
  for (size_t b = 0; b < blocks; b++) {
    a.wrong[b] = s->input->kept_count[b] != s->selection.all_count;
    a.left += a.wrong[b];
  }
  dwell_sink sink = {.self = &a,
                     .wants_heads = true,
                     .on_state = again_on_state,
                     .on_norm = s->input->wants_normed ? again_on_norm : NULL,
                     .on_head = again_on_head};
  dwell_status status = a.left > 0 ? dwell_source_run(s->source, s->ctx, &sink, err) : DWELL_OK;
  mem_free(a.wrong);
  return status == DWELL_INTERRUPTED && a.enough ? DWELL_OK : status;
}

/* ---- the calibrated temperature ---- */

/* instruments.md 5.2: a head whose scores the cosine explains less than this has no temperature; of fewer heads than
 * these the median is not one of the network. */
static const double LEAST_R2 = 0.1;
enum { LEAST_HEADS = 8 };

static double median_of(double *x, size_t count) {
  sort_doubles(x, count);
  return sort_median(x, count);
}

/* column: beta_eff or beta_eff_ln. */
static dwell_status calibrate(const measurement *s, const char *column, head_calibration *c, dwell_error *err) {
  const plan_list *list = &s->plan.head;
  size_t first = plan_first_value(list, column), heads = s->t->replicas * s->blocks * s->t->heads;
  if (first == SIZE_MAX) return DWELL_OK;
  double *positive = MEM_NEW(double, 2 * heads);
  if (positive == NULL) return error_no_memory(err, "the temperatures");
  double *qualified = positive + heads;
  for (size_t i = 0; i < heads; i++) {
    const value *beta = s->head_values + i * list->value_count + first, *r2 = beta + 1;
    if (beta->undefined != NULL || !(beta->number > 0)) continue;
    positive[c->positive++] = beta->number;
    if (r2->undefined == NULL && r2->number >= LEAST_R2) qualified[c->qualified++] = beta->number;
  }
  c->heads = heads;
  if (c->positive > 0) c->median = median_of(positive, c->positive);
  if (c->qualified >= LEAST_HEADS && 2 * c->qualified >= heads) c->beta = median_of(qualified, c->qualified);
  mem_free(positive);
  return DWELL_OK;
}

dwell_status measurement_heads(measurement *s, dwell_error *err) {
  double started = clock_seconds();
  dwell_status status = DWELL_OK;
  s->calibration = s->calibration_normed = (head_calibration){.beta = NAN, .median = NAN};
  if (s->input == NULL) return DWELL_OK;
  status = measure_again(s, err);
  leave_state(s);
  heads_free(s->input);
  s->input = NULL;
  if (!has_their_tokens(s)) heads_free_clouds(s);
  if (status == DWELL_OK) status = calibrate(s, "beta_eff", &s->calibration, err);
  if (status == DWELL_OK) status = calibrate(s, "beta_eff_ln", &s->calibration_normed, err);
  if (isnan(s->setting.beta)) s->setting.beta = s->calibration.beta;
  s->run->seconds.instruments += clock_seconds() - started;
  return status;
}

/* ---- what it takes ---- */

uint64_t heads_bytes(const dwell_context *ctx, const plan *p, const dwell_trajectory *t) {
  uint64_t work = 0, threads = (uint64_t)threads_count(ctx), n = t->n;
  for (size_t i = 0; i < p->head.item_count; i++) {
    const instrument *what = p->head.items[i].what;
    uint64_t one = what->work_bytes != NULL ? what->work_bytes(t->n) : 0;
    if (one > work) work = one;
  }
  if (shares_logs(&p->head)) work += (n + 1) * n * sizeof(double);
  if (t->heads < threads) threads = t->heads;
  /* of each thread two states and the maps of a head; and the block's, with a slot as it is stored */
  if (needs_of(&p->head) & NEEDS_WEIGHTS) work += (2 * n * t->d + 4 * t->d * t->d) * sizeof(double);
  uint64_t bytes = threads * work;
  if (needs_of(&p->head) & NEEDS_WEIGHTS) bytes += (8 * t->d * t->d + n * t->d) * sizeof(double);
  if (needs_of(&p->head) == 0) return bytes;
  uint64_t blocks = (uint64_t)t->replicas * t->states;
  uint64_t clouds = 1, copies = 1; /* with the clusters of first occurrences a second cloud, with the norm another */
  for (size_t i = 0; i < p->head.item_count; i++) clouds = p->head.items[i].set == SET_TYPES ? 2 : clouds;
  if (reads_normed(&p->head)) clouds++, copies += 2;
  uint64_t state =
      copies * n * t->d * sizeof(double) + clouds * geometry_bytes(t->n, t->d) + geometry_cluster_bytes(t->n);
  return bytes + state + (n + blocks) * sizeof(size_t) + SETS * n * sizeof(int32_t);
}
