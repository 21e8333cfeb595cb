/* study/groups.c - samples of claims F to J. */
#include "study/groups.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "study/evidence.h"
#include "study/sample.h"
#include "study/settle.h"
#include "study/trend.h"

typedef struct bench {
  const study_plan *p;
  const numbers *n;
  const claim_thresholds *t;
  verdicts *v;
  const char *const *labels;
  size_t count;
} bench;

enum { SEEDS_MOST = 99 };

/* ---- what they share ---- */

static dwell_status conclude(const bench *b, const claim *c, const claim_sample *s, const char *name, bool worth,
                             dwell_error *err) {
  bool primary = study_is_primary(b->p, c);
  verdict_row row = {.claim = c, .model = name, .group = primary ? VERDICT_PRIMARY : VERDICT_EXPLORATORY};
  if (!primary && !worth) return DWELL_OK;
  dwell_status status = c->decide(s, b->t, &row.v, err);
  if (status != DWELL_OK) return status;
  row.v.claim = c->name;
  row.settle = settle_text(b->v, &row.v, c, s, b->t);
  return verdicts_add(b->v, &row, err);
}

static double rule_of(const bench *b, const char *of, const char *name) {
  rules r = {.all = b->t, .claim = of};
  return rule(&r, name);
}

static bool same(const char *a, const char *b) { return a != NULL && b != NULL && strcmp(a, b) == 0; }

/* Mean of the trend over the texts that are averaged over and have enough types; NaN: none. */
static double mean_trend(const bench *b, const char *model, const char *variant, double seed) {
  double sum = 0, types = rule_of(b, "A", "types");
  size_t count = 0;
  for (size_t row = 0; row < b->n->t.rows; row++) {
    double x = numbers_get(b->n, row, NUMBER_TREND), own = numbers_get(b->n, row, NUMBER_SEED);
    if (!same(numbers_text(b->n, row, NUMBER_MODEL), model) || !same(numbers_text(b->n, row, NUMBER_VARIANT), variant))
      continue;
    if (!sample_has_kind(b->n, row, NULL) || !(numbers_get(b->n, row, NUMBER_TYPES) >= types) || !isfinite(x)) continue;
    if (isfinite(seed) && own != seed) continue;
    sum += x, count++;
  }
  return count > 0 ? sum / (double)count : NAN;
}

static size_t random_means(const bench *b, const char *model, double ret[SEEDS_MOST]) {
  size_t count = 0;
  for (size_t k = 1; k <= (size_t)b->p->random && count < SEEDS_MOST; k++) {
    double x = mean_trend(b, model, "random", (double)k);
    if (isfinite(x)) ret[count++] = x;
  }
  return count;
}

/* The verdict on A of a model, or NULL. */
static const claim_verdict *clustering(const bench *b, const char *model) {
  for (size_t i = 0; i < b->v->count; i++) {
    const verdict_row *row = &b->v->rows[i];
    if (row->group == VERDICT_PRIMARY && strcmp(row->claim->name, "A") == 0 && same(row->model, model)) return &row->v;
  }
  return NULL;
}

/* ---- F ---- */

static bool has_register(const plan_class *c, const char *reg) {
  for (size_t k = 0; reg != NULL && k < c->count; k++) {
    if (strcmp(c->registers[k], reg) == 0) return true;
  }
  return false;
}

/* Texts of no class of the plan do not enter. */
static void join_classes(const bench *b, sample *s) {
  for (size_t i = 0; b->p->class_count > 0 && i < s->s.prompts; i++) {
    size_t k = 0;
    while (k < b->p->class_count && !has_register(&b->p->classes[k], numbers_text(b->n, s->rows[i], NUMBER_CLASS))) k++;
    if (k == b->p->class_count) s->values[i] = NAN;
    s->classes[i] = (uint32_t)k;
  }
}

static dwell_status judge_classes(const bench *b, const claim *c, dwell_error *err) {
  dwell_status status = DWELL_OK;
  for (size_t m = 0; status == DWELL_OK && m < b->count; m++) {
    sample s;
    const sample_choice choice = {.model = b->labels[m], .variant = "trained", .seed = NAN, .without = NAN};
    status = sample_make(b->n, &choice, c, (uint64_t)b->p->seed, &s, err);
    if (status == DWELL_OK) join_classes(b, &s);
    if (status == DWELL_OK) status = conclude(b, c, &s.s, b->labels[m], s.s.prompts > 0, err);
    sample_free(&s);
  }
  return status;
}

/* ---- H ---- */

enum { LENGTHS_MOST = 64, SWEEPS_MOST = 512, SLOPE = 0, LENGTHS, SPAN, SHORTEST, SWEEP_NEEDS };

typedef struct lengths {
  size_t count;
  double n[LENGTHS_MOST], trend[LENGTHS_MOST], shortest_types;
} lengths;

/* Beginnings of one text, those that are really of another length. */
static lengths find_lengths(const bench *b, const char *model, const char *variant, double seed, const char *sweep) {
  lengths f = {.shortest_types = NAN};
  for (size_t row = 0; row < b->n->t.rows && f.count < LENGTHS_MOST; row++) {
    double own = numbers_get(b->n, row, NUMBER_SEED), n = numbers_get(b->n, row, NUMBER_TOKENS);
    if (!same(numbers_text(b->n, row, NUMBER_SWEEP), sweep) || !same(numbers_text(b->n, row, NUMBER_MODEL), model) ||
        !same(numbers_text(b->n, row, NUMBER_VARIANT), variant) || (isfinite(seed) && own != seed))
      continue;
    if (f.count > 0 && n == f.n[f.count - 1]) continue;
    f.n[f.count] = n, f.trend[f.count++] = numbers_get(b->n, row, NUMBER_TREND);
    double types = numbers_get(b->n, row, NUMBER_TYPES);
    f.shortest_types = f.count == 1 ? types : fmin(f.shortest_types, types);
  }
  return f;
}

static double slope_of(const lengths *f) { return f->count >= 2 ? trend_slope(f->count, f->n, f->trend) : NAN; }

static double span_of(const lengths *f) {
  double low = INFINITY, high = 0;
  for (size_t k = 0; k < f->count; k++) low = fmin(low, f->n[k]), high = fmax(high, f->n[k]);
  return high / low;
}

static size_t list_sweeps(const bench *b, const char *model, const char *ret[SWEEPS_MOST]) {
  size_t count = 0;
  for (size_t row = 0; row < b->n->t.rows; row++) {
    const char *sweep = numbers_text(b->n, row, NUMBER_SWEEP);
    if (sweep == NULL || !same(numbers_text(b->n, row, NUMBER_MODEL), model)) continue;
    size_t k = 0;
    while (k < count && !same(ret[k], sweep)) k++;
    if (k == count && count < SWEEPS_MOST) ret[count++] = sweep;
  }
  return count;
}

static dwell_status judge_lengths_of(const bench *b, const claim *c, const char *model, dwell_error *err) {
  const char *sweeps[SWEEPS_MOST];
  size_t P = list_sweeps(b, model, sweeps), M = (size_t)b->p->random;
  dwell_status status = DWELL_OK;
  double *values = mem_alloc(SWEEP_NEEDS, P * sizeof(double)),
         *controls = mem_alloc(SWEEP_NEEDS * M, P * sizeof(double));
  TRY_ALLOC(values, "the lengths");
  TRY_ALLOC(controls, "the lengths");
  for (size_t i = 0; i < P; i++) {
    lengths f = find_lengths(b, model, "trained", NAN, sweeps[i]);
    values[SLOPE * P + i] = slope_of(&f), values[LENGTHS * P + i] = (double)f.count;
    values[SPAN * P + i] = span_of(&f), values[SHORTEST * P + i] = f.shortest_types;
    for (size_t k = 0; k < M; k++) {
      lengths g = find_lengths(b, model, "random", (double)(k + 1), sweeps[i]);
      controls[k * P + i] = slope_of(&g);
    }
  }
  const claim_sample s = {
      .prompts = P, .seeds = M, .values = values, .controls = controls, .seed = (uint64_t)b->p->seed};
  status = conclude(b, c, &s, model, P > 0, err);
done:
  mem_free(values);
  mem_free(controls);
  return status;
}

static dwell_status judge_lengths(const bench *b, const claim *c, dwell_error *err) {
  dwell_status status = DWELL_OK;
  for (size_t m = 0; status == DWELL_OK && m < b->count; m++) status = judge_lengths_of(b, c, b->labels[m], err);
  return status;
}

/* ---- G ---- */

enum { CHECKPOINTS_MOST = 64 };

typedef struct checkpoint {
  double step, trend;
} checkpoint;

/* Earlier checkpoints by step, the last one behind them. */
static size_t list_checkpoints(const bench *b, const char *series, checkpoint ret[CHECKPOINTS_MOST]) {
  size_t count = 0;
  const char *before = NULL;
  double last = NAN;
  for (size_t row = 0; row < b->n->t.rows && count + 1 < CHECKPOINTS_MOST; row++) {
    const char *model = numbers_text(b->n, row, NUMBER_MODEL);
    if (!same(numbers_text(b->n, row, NUMBER_SERIES), series) || same(model, before)) continue;
    before = model;
    if (same(model, series)) last = numbers_get(b->n, row, NUMBER_STEP);
    if (same(model, series)) continue;
    checkpoint one = {numbers_get(b->n, row, NUMBER_STEP), mean_trend(b, model, "trained", NAN)};
    size_t k = count++;
    for (; k > 0 && ret[k - 1].step > one.step; k--) ret[k] = ret[k - 1];
    ret[k] = one;
  }
  if (count == 0) return 0;
  ret[count++] = (checkpoint){last, mean_trend(b, series, "trained", NAN)};
  return count;
}

static dwell_status judge_series(const bench *b, const claim *c, const char *series, dwell_error *err) {
  checkpoint list[CHECKPOINTS_MOST];
  double values[2 * CHECKPOINTS_MOST], seeds[SEEDS_MOST];
  size_t K = list_checkpoints(b, series, list), M = random_means(b, series, seeds);
  const claim_verdict *last = clustering(b, series);
  double *controls = mem_alloc(M * 2, CHECKPOINTS_MOST * sizeof(double));
  if (controls == NULL) return error_no_memory(err, "the checkpoints");
  for (size_t k = 0; k < K; k++) {
    values[k] = list[k].trend, values[K + k] = list[k].step;
    for (size_t m = 0; m < M; m++) controls[m * K + k] = seeds[m];
  }
  claim_sample s = {.prompts = K, .seeds = M, .values = values, .controls = controls, .seed = (uint64_t)b->p->seed};
  if (last != NULL) s.clusters = last->outcome, s.clusters_reason = last->reason;
  dwell_status status = conclude(b, c, &s, series, K > 0, err);
  mem_free(controls);
  return status;
}

static bool has_checkpoints(const study_plan *p, size_t model) {
  return p->models[model].all_checkpoints || p->models[model].checkpoint_count > 0;
}

static dwell_status judge_checkpoints(const bench *b, const claim *c, dwell_error *err) {
  dwell_status status = DWELL_OK;
  for (size_t m = 0, k = 0; status == DWELL_OK && m < b->p->model_count; m++) {
    size_t depths = b->p->models[m].iteration_count;
    if (has_checkpoints(b->p, m)) status = judge_series(b, c, b->labels[k], err);
    k += depths > 0 ? depths : 1;
  }
  return status;
}

/* ---- I ---- */

/* Texts with two time scales, and all that have enough types. */
static void count_scales(const bench *b, const char *model, double *ret_with, double *ret_of, double *ret_blocks) {
  double ratio = rule_of(b, "I", "ratio"), types = rule_of(b, "A", "types");
  *ret_with = *ret_of = 0, *ret_blocks = NAN;
  for (size_t row = 0; row < b->n->t.rows; row++) {
    if (!same(numbers_text(b->n, row, NUMBER_MODEL), model) || !sample_has_kind(b->n, row, NULL) ||
        !same(numbers_text(b->n, row, NUMBER_VARIANT), "trained"))
      continue;
    *ret_blocks = numbers_get(b->n, row, NUMBER_BLOCKS);
    if (!(numbers_get(b->n, row, NUMBER_TYPES) >= types)) continue;
    *ret_of += 1, *ret_with += numbers_get(b->n, row, NUMBER_LOG_RATIO) > log(ratio);
  }
}

static dwell_status judge_family(const bench *b, const claim *c, const plan_group *g, dwell_error *err) {
  enum { MOST = 32 };
  double values[3 * MOST], depth[MOST], with[MOST], of[MOST];
  size_t n = 0;
  strbuf name = {0};
  for (size_t i = 0; i < g->count && n < MOST; i++) {
    double w, o, d;
    count_scales(b, g->names[i], &w, &o, &d);
    strbuf_printf(&name, "%s%s", i > 0 ? ", " : "", g->names[i]);
    if (isnan(d)) continue; /* not measured */
    size_t k = n++;
    for (; k > 0 && depth[k - 1] > d; k--) depth[k] = depth[k - 1], with[k] = with[k - 1], of[k] = of[k - 1];
    depth[k] = d, with[k] = w, of[k] = o;
  }
  for (size_t k = 0; k < n; k++) values[k] = depth[k], values[n + k] = with[k], values[2 * n + k] = of[k];
  const claim_sample s = {.prompts = n, .values = values, .seed = (uint64_t)b->p->seed};
  dwell_status status = name.failed ? error_no_memory(err, "a name") : conclude(b, c, &s, name.data, n > 0, err);
  strbuf_free(&name);
  return status;
}

static dwell_status judge_depths(const bench *b, const claim *c, dwell_error *err) {
  dwell_status status = DWELL_OK;
  for (size_t k = 0; status == DWELL_OK && k < b->p->depths.count; k++)
    status = judge_family(b, c, &b->p->depths.items[k], err);
  return status;
}

/* ---- J ---- */

static double pair_of(const bench *b, const char *model) {
  for (size_t k = 0; k < b->p->pairs.count; k++) {
    const plan_group *g = &b->p->pairs.items[k];
    for (size_t i = 0; i < g->count; i++) {
      if (same(g->names[i], model)) return (double)k;
    }
  }
  return NAN;
}

static dwell_status judge_models(const bench *b, const claim *c, dwell_error *err) {
  size_t n = b->count;
  bool causal = false, other = false;
  double *values = mem_alloc(3, n * sizeof(double));
  if (values == NULL) return error_no_memory(err, "the models");
  for (size_t m = 0; m < n; m++) {
    double seeds[SEEDS_MOST], mask = sample_average(b->n, b->labels[m], "trained", NAN, NUMBER_CAUSAL);
    size_t M = random_means(b, b->labels[m], seeds);
    values[m] = M > 0 ? mean_trend(b, b->labels[m], "trained", NAN) - sample_mean(M, seeds) : NAN;
    values[n + m] = mask, values[2 * n + m] = pair_of(b, b->labels[m]);
    causal = causal || mask > 0.5, other = other || mask < 0.5;
  }
  const claim_sample s = {.prompts = n, .values = values, .seed = (uint64_t)b->p->seed};
  dwell_status status = conclude(b, c, &s, "all models", causal && other, err);
  mem_free(values);
  return status;
}

/* ---- all ---- */

size_t groups_count(const study_plan *p, const claim *c) {
  size_t count = 0;
  for (size_t m = 0; m < p->model_count; m++) {
    size_t depths = p->models[m].iteration_count > 0 ? p->models[m].iteration_count : 1;
    if (c->scope == CLAIM_OF_CLASSES || c->scope == CLAIM_OF_LENGTHS) count += depths;
    if (c->scope == CLAIM_OF_CHECKPOINTS) count += has_checkpoints(p, m);
  }
  return c->scope == CLAIM_OF_DEPTHS ? p->depths.count : c->scope == CLAIM_OF_MODELS ? 1 : count;
}

dwell_status groups_judge(const study_plan *p, const numbers *n, const claim_thresholds *t, const char *const *labels,
                          size_t count, verdicts *v, dwell_error *err) {
  typedef dwell_status (*judge)(const bench *, const claim *, dwell_error *);
  static const judge judges[] = {[CLAIM_OF_CLASSES] = judge_classes,
                                 [CLAIM_OF_LENGTHS] = judge_lengths,
                                 [CLAIM_OF_CHECKPOINTS] = judge_checkpoints,
                                 [CLAIM_OF_DEPTHS] = judge_depths,
                                 [CLAIM_OF_MODELS] = judge_models};
  const bench b = {p, n, t, v, labels, count};
  dwell_status status = DWELL_OK;
  size_t claims;
  const claim *const *all = claim_registry(&claims);
  for (size_t k = 0; status == DWELL_OK && k < claims; k++) {
    if (judges[all[k]->scope] != NULL) status = judges[all[k]->scope](&b, all[k], err);
  }
  return status;
}
