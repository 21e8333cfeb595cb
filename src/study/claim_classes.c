/* study/claim_classes.c - claim F: kinds of text differ in how much tokens cluster. */
#include <math.h>

#include "study/claims.h"
#include "study/permutation.h"

enum { CLASSES_MOST = 32 };

static const claim_need needs[] = {
    {"trend", "as of claim A; texts of at least two classes", false},
};

/* The prompts of each class, one behind the other; *ret_count classes. False: more than there is room for. */
typedef struct classes {
  size_t count, from[CLASSES_MOST + 1];
  double *x;        /* [prompts] by class */
  uint32_t *labels; /* [prompts] */
} classes;

static dwell_status divide(const claim_sample *s, const usable *u, classes *ret, dwell_error *err) {
  uint32_t seen[CLASSES_MOST];
  *ret = (classes){.x = MEM_NEW(double, u->count), .labels = MEM_NEW(uint32_t, u->count)};
  if (ret->x == NULL || ret->labels == NULL) return error_no_memory(err, "the classes");
  for (size_t i = 0; i < u->count; i++) {
    uint32_t of = s->opt_classes != NULL ? s->opt_classes[u->prompt[i]] : 0;
    size_t k = 0;
    while (k < ret->count && seen[k] != of) k++;
    if (k == CLASSES_MOST) return error_set(err, DWELL_BAD_INPUT, "more than %d classes of texts", CLASSES_MOST);
    if (k == ret->count) seen[ret->count++] = of;
  }
  size_t at = 0;
  for (size_t k = 0; k < ret->count; k++) {
    ret->from[k] = at;
    for (size_t i = 0; i < u->count; i++) {
      if (s->opt_classes != NULL && s->opt_classes[u->prompt[i]] != seen[k]) continue;
      ret->labels[at] = (uint32_t)k, ret->x[at++] = u->values[i];
    }
  }
  ret->from[ret->count] = at;
  return DWELL_OK;
}

static bool has_few(const classes *c, double least) {
  for (size_t k = 0; k < c->count; k++) {
    if ((double)(c->from[k + 1] - c->from[k]) < least) return true;
  }
  return c->count < 2;
}

/* All pairs: is the largest difference surely beyond the margin, are all surely within it? */
static dwell_status compare_pairs(const classes *c, double margin, uint64_t seed, claim_verdict *v, bool *ret_beyond,
                                  bool *ret_within, dwell_error *err) {
  *ret_within = true, *ret_beyond = false, v->effect = 0;
  for (size_t a = 0; a < c->count; a++) {
    for (size_t b = 0; b < c->count; b++) {
      size_t n = c->from[a + 1] - c->from[a], m = c->from[b + 1] - c->from[b];
      const double *x = c->x + c->from[a], *y = c->x + c->from[b];
      double difference = sample_mean(n, x) - sample_mean(m, y);
      interval found;
      bool valid;
      if (a == b || difference < 0) continue; /* each pair once, the larger mean first */
      dwell_status status = interval_difference(n, x, m, y, seed, &found, &valid, err);
      if (status != DWELL_OK) return status;
      *ret_within = *ret_within && valid && found.low > -margin && found.high < margin;
      if (difference < v->effect) continue;
      v->effect = difference, v->interval = found, v->kind = "bootstrap-t";
      *ret_beyond = valid && found.low > margin;
    }
  }
  return DWELL_OK;
}

static dwell_status weigh(const classes *c, rules *r, uint64_t seed, claim_verdict *v, dwell_error *err) {
  value p;
  bool beyond, within;
  dwell_status status = DWELL_OK;
  size_t n = c->from[c->count];
  TRY(label_permutation_p(n, c->x, c->labels, c->count, seed, &p, err));
  if (p.undefined != NULL) {
    verdict_suspend(v, p.undefined);
    goto done;
  }
  TRY(compare_pairs(c, rule(r, "margin"), seed, v, &beyond, &within, err));
  /* That all pairs lie within the margin has no p of its own: the level of its intervals. */
  verdict_conclude(v, beyond && p.number <= rule(r, "p"), p.number, within, 0.05);
done:
  return status;
}

static dwell_status decide(const claim_sample *s, const claim_thresholds *t, claim_verdict *ret_verdict,
                           dwell_error *err) {
  rules r = {.all = t, .claim = "F", .flow = s->flow};
  usable u;
  classes c = {0};
  dwell_status status = usable_make(s, 0, false, &r, &u, err);
  *ret_verdict = verdict_start("F", s, u.count);
  if (status == DWELL_OK) status = divide(s, &u, &c, err);
  if (status == DWELL_OK) {
    if (has_few(&c, rule(&r, "class_prompts"))) verdict_suspend(ret_verdict, "few_classes");
    else if (s->representation_fails) verdict_suspend(ret_verdict, "representation");
    else status = weigh(&c, &r, s->seed, ret_verdict, err);
  }
  mem_free(c.x);
  mem_free(c.labels);
  usable_free(&u);
  return status == DWELL_OK ? rules_check(&r, err) : status;
}

const claim claim_classes = {
    .name = "F",
    .title = "kinds of text differ in how much tokens cluster",
    .source = "docs/verdicts.md 3.7",
    .sentence = "How much tokens cluster along the layers depends on the kind of text.",
    .denial = "How much tokens cluster along the layers is the same for these kinds of text.",
    .needs = needs,
    .need_count = COUNT_OF(needs),
    .scope = CLAIM_OF_CLASSES,
    .decide = decide,
};
