/* study/decide.c - every claim of every model, then all primary ones against each other. */
#include "study/decide.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "study/evidence.h"
#include "study/groups.h"
#include "study/sample.h"
#include "study/settle.h"

const char *verdict_group_name(verdict_group g) {
  static const char *const names[VERDICT_GROUPS] = {"primary", "exploratory", "control"};
  return names[g];
}

void verdicts_free(verdicts *v) {
  mem_free(v->rows);
  arena_clear(&v->storage);
  *v = (verdicts){0};
}

const char *verdicts_format(verdicts *v, const char *pattern, ...) {
  char text[400];
  va_list list;
  va_start(list, pattern);
  vsnprintf(text, sizeof text, pattern, list);
  va_end(list);
  return arena_text(&v->storage, text, strlen(text));
}

dwell_status verdicts_add(verdicts *v, const verdict_row *row, dwell_error *err) {
  verdict_row *list = mem_room(v->rows, v->count, &v->capacity, 64, sizeof *list);
  if (list == NULL || row->model == NULL) return error_no_memory(err, "the verdicts");
  v->rows = list;
  v->rows[v->count] = *row;
  v->rows[v->count].model = verdicts_format(v, "%s", row->model);
  return v->rows[v->count++].model != NULL ? DWELL_OK : error_no_memory(err, "the verdicts");
}

bool study_is_primary(const study_plan *p, const claim *c) {
  for (size_t k = 0; k < p->claim_count; k++) {
    if (strcmp(p->claims[k], c->name) == 0) return true;
  }
  return false;
}

/* ---- one model ---- */

typedef struct bench {
  const study_plan *p;
  const numbers *n;
  const claim_thresholds *t;
  verdicts *v;
} bench;

/* "WHAT .143, with random weights .170"; NULL: not measured. */
static const char *beside(const bench *b, const char *model, study_number column, const char *what) {
  double own = sample_average(b->n, model, "trained", NAN, column);
  double random = sample_average(b->n, model, "random", NAN, column);
  if (isnan(own)) return NULL;
  if (isnan(random)) return verdicts_format(b->v, "%s %.3f", what, own);
  return verdicts_format(b->v, "%s %.3f, with random weights %.3f", what, own, random);
}

static const char *note_beside(const bench *b, const claim *c, const claim_verdict *v, const char *model) {
  static const char consensus[] = "consensus (change of the mean cosine)";
  if (strcmp(c->name, "A") == 0 && isfinite(v->order)) {
    const char *what = verdicts_format(b->v, "beyond the same tokens in other orders %.4f (%.4f, %.4f); %s", v->order,
                                       v->order_interval.low, v->order_interval.high, consensus);
    return what == NULL ? NULL : beside(b, model, NUMBER_CONSENSUS, what);
  }
  if (strcmp(c->name, "A") == 0) return beside(b, model, NUMBER_CONSENSUS, consensus);
  if (strcmp(c->name, "D") == 0) return beside(b, model, NUMBER_DRAWDOWN, "mean of the largest fall over the range");
  return NULL;
}

/* The verdict on one claim for one choice of rows. `clusters`: what was said of A, or NULL. */
static dwell_status judge(const bench *b, const claim *c, const sample_choice *choice, const claim_verdict *clusters,
                          verdict_row *row, dwell_error *err) {
  sample s;
  dwell_status status = sample_make(b->n, choice, c, (uint64_t)b->p->seed, &s, err);
  if (status == DWELL_OK) {
    if (row->flow) s.s.flow = true, s.s.opt_types = NULL, s.s.opt_classes = NULL;
    if (clusters != NULL) s.s.clusters = clusters->outcome, s.s.clusters_reason = clusters->reason;
    row->claim = c;
    status = c->decide(&s.s, b->t, &row->v, err);
    row->v.claim = c->name;
  }
  if (status == DWELL_OK) row->settle = settle_text(b->v, &row->v, c, &s.s, b->t);
  sample_free(&s);
  return status;
}

/* A model that is named in the plan: all claims on its texts. */
static dwell_status judge_model(const bench *b, const char *model, bool flow, dwell_error *err) {
  size_t count;
  const claim *const *all = claim_registry(&count);
  claim_verdict clusters = {0};
  dwell_status status = DWELL_OK;
  for (size_t k = 0; k < count; k++) {
    const claim *c = all[k];
    if (c->scope != CLAIM_OF_TEXTS || !study_is_primary(b->p, c) || (flow && !c->in_flows)) continue;
    verdict_row row = {.model = model, .flow = flow, .group = VERDICT_PRIMARY};
    bool speed = strcmp(c->name, "E2") == 0;
    sample_choice choice = {.model = model, .variant = flow ? "flow" : "trained", .seed = NAN, .without = NAN};
    choice.controls = flow ? "beta0" : speed ? "rotate-wo" : "random";
    choice.orders = strcmp(c->name, "A") == 0;
    TRY(judge(b, c, &choice, &clusters, &row, err));
    row.beside = flow ? NULL : note_beside(b, c, &row.v, model);
    if (strcmp(c->name, "A") == 0) clusters = row.v;
    TRY(verdicts_add(b->v, &row, err));
  }
done:
  return status;
}

/* The same rules with a control in place of the trained network, against the other random networks. */
static dwell_status judge_control(const bench *b, const char *model, const char *variant, const char *words,
                                  dwell_error *err) {
  static const char *const names[] = {"A", "B", "E1"};
  claim_verdict clusters = {0};
  dwell_status status = DWELL_OK;
  bool random = strcmp(variant, "random") == 0;
  if (isnan(sample_average(b->n, model, variant, 1, NUMBER_TYPES))) return DWELL_OK;
  for (size_t k = 0; k < sizeof names / sizeof names[0]; k++) {
    verdict_row row = {.model = verdicts_format(b->v, "%s, %s", model, words), .group = VERDICT_CONTROL};
    sample_choice choice = {.model = model, .variant = variant, .seed = 1, .controls = "random"};
    choice.without = random ? 1 : NAN, choice.orders = k == 0;
    TRY(judge(b, claim_find(names[k]), &choice, &clusters, &row, err));
    if (k == 0) clusters = row.v;
    TRY(verdicts_add(b->v, &row, err));
  }
done:
  return status;
}

/* ---- all of them ---- */

static size_t family_of(const study_plan *p, size_t models, size_t flows) {
  size_t count, family = 0;
  const claim *const *all = claim_registry(&count);
  for (size_t k = 0; k < count; k++) {
    const claim *c = all[k];
    if (!study_is_primary(p, c)) continue;
    if (c->scope == CLAIM_OF_TEXTS) family += models + (c->in_flows ? flows : 0);
    else family += groups_count(p, c);
  }
  return family;
}

/* A's own conditions hold but that its tokens group as much in other orders, also at this many tests (Bonferroni, which
 * is never less strict than Holm). */
static bool but_for_order(const verdict_row *a, double level) {
  return isfinite(a->v.p_but_order) && a->v.p_but_order * (double)a->v.family <= level;
}

/* What B and G say rests on the clusters of A, also at this many tests. */
static void follow_clusters(verdicts *v, double level) {
  for (size_t i = 0; i < v->count; i++) {
    verdict_row *row = &v->rows[i];
    bool rests = strcmp(row->claim->name, "B") == 0 || strcmp(row->claim->name, "G") == 0;
    if (!rests || row->flow || row->v.outcome == CLAIM_SUSPENDED) continue;
    for (size_t k = 0; k < v->count; k++) {
      const verdict_row *a = &v->rows[k];
      bool of_it = strcmp(a->claim->name, "A") == 0 && strcmp(a->model, row->model) == 0;
      if (!of_it || a->v.outcome != CLAIM_SUSPENDED) continue;
      if (but_for_order(a, level)) continue;
      bool many = isfinite(a->v.p_but_order);
      row->v.outcome = CLAIM_SUSPENDED, row->v.reason = many ? "multiplicity" : a->v.reason;
      row->settle = verdicts_format(v, "settling claim A of it first");
    }
  }
}

/* Primary ones against each other, the others each alone; controls as if they were in the family, as the trained ones
 * are. */
static dwell_status settle_all(const bench *b, dwell_error *err) {
  rules r = {.all = b->t, .claim = "all"};
  verdicts *v = b->v;
  dwell_status status = DWELL_OK;
  claim_verdict *primary = MEM_NEW(claim_verdict, v->count + 1);
  size_t count = 0, k = 0;
  TRY_ALLOC(primary, "the verdicts");
  for (size_t i = 0; i < v->count; i++) {
    if (v->rows[i].group == VERDICT_PRIMARY) primary[count++] = v->rows[i].v;
    else TRY(verdicts_settle(&v->rows[i].v, 1, v->rows[i].group == VERDICT_CONTROL ? v->family : 1, b->t, err));
  }
  TRY(verdicts_settle(primary, count, v->family, b->t, err));
  for (size_t i = 0; i < v->count; i++) {
    verdict_row *row = &v->rows[i];
    if (row->group == VERDICT_PRIMARY) row->v = primary[k++];
    bool suspended = row->v.outcome == CLAIM_SUSPENDED;
    if (suspended && row->v.reason != NULL && strcmp(row->v.reason, "multiplicity") == 0)
      row->settle = settle_multiplicity(v, &row->v);
    if (!suspended) row->settle = NULL;
  }
  follow_clusters(v, rule(&r, "level"));
  TRY(rules_check(&r, err));
done:
  mem_free(primary);
  return status;
}

dwell_status study_decide(const study_plan *p, const numbers *n, const claim_thresholds *t, verdicts *ret,
                          dwell_error *err) {
  const char *const *labels;
  size_t count, flows;
  dwell_status status = DWELL_OK;
  *ret = (verdicts){0};
  const bench b = {p, n, t, ret};
  TRY(study_labels(p, &ret->storage, &labels, &count, &flows, err));
  for (size_t k = 0; k < count; k++) TRY(judge_model(&b, labels[k], k >= count - flows, err));
  ret->family = family_of(p, count - flows, flows);
  TRY(groups_judge(p, n, t, labels, count - flows, ret, err));
  for (size_t k = 0; k < count - flows; k++) {
    TRY(judge_control(&b, labels[k], "random", "random weights", err));
    TRY(judge_control(&b, labels[k], "shuffled", "shuffled tokens", err));
  }
  TRY(settle_all(&b, err));
done:
  return status;
}
