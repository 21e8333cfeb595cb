/* cli/forecast.c - dwell study --dry-run: what a study can decide, and what it takes. */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/sort.h"
#include "cli/cli.h"
#include "cli/study.h"
#include "study/evidence.h"
#include "study/forecast.h"
#include "study/work.h"

enum { TEXTS_MOST = 1024 };

/* What is known of one model before. */
typedef struct outlook {
  forecast f;
  size_t failed; /* texts that cannot be run */
  size_t middle; /* text of median length */
  double lengths[TEXTS_MOST];
  size_t count;
  uint64_t bytes;
} outlook;

typedef struct totals {
  double seconds;
  uint64_t bytes;
  size_t missing; /* models */
} totals;

static size_t distinct(const dwell_trajectory *t) {
  size_t count = 0;
  for (size_t i = 0; t->token_ids != NULL && i < t->n; i++) {
    size_t j = 0;
    while (j < i && t->token_ids[j] != t->token_ids[i]) j++;
    bool special = t->special != NULL && t->special[i];
    count += j == i && !special;
  }
  return count;
}

static bool is_averaged(const study_text *t) { return !str_equal(t->kind, "control") && !str_equal(t->kind, "sweep"); }

/* ---- one text ---- */

static dwell_status look_at(const cli *c, const study_plan *p, const study_units *u, const study_unit *unit,
                            dwell_model *model, size_t *ret_tokens, size_t *ret_types, uint64_t *ret_bytes,
                            dwell_error *err) {
  dwell_measure_options o;
  dwell_source *source = NULL;
  dwell_cost cost;
  dwell_status status = DWELL_OK;
  TRY(study_open_unit(p, u, unit, model, &o, &source, err));
  TRY(dwell_measure_cost(&c->ctx, source, &o, &cost, err));
  *ret_tokens = dwell_source_trajectory(source)->n, *ret_types = distinct(dwell_source_trajectory(source));
  *ret_bytes = cost.bytes;
done:
  dwell_source_destroy(source);
  return status;
}

/* ---- time ---- */

/* Seconds of a unit, by really measuring two states of it. */
static double unit_seconds(const cli *c, const study_plan *p, const study_units *u, const study_unit *unit,
                           dwell_model *model) {
  const study_text *t = &u->texts[unit->text];
  dwell_measure_options o;
  dwell_model_options few = dwell_model_options_default();
  cli_sample s = {.is_model = true,
                  .block_elements = (double)dwell_model_get_info(model)->weight_bytes / sizeof(float)};
  cli_seconds seconds;
  double sum = NAN;
  dwell_error err;
  dwell_status status = study_open_unit(p, u, unit, model, &o, &s.whole, &err);
  few.max_tokens = t->cut, few.iterations = u->subjects[unit->subject].iterations;
  few.last_state = 1, few.random_weights = unit->variant == VARIANT_RANDOM, few.random_seed = 1;
  if (status == DWELL_OK && t->data != NULL)
    status = dwell_model_open_text(model, t->data, t->length, &few, &s.part, &err);
  else if (status == DWELL_OK) status = dwell_model_open_ids(model, t->ids, t->count, &few, &s.part, &err);
  s.wide = s.part;
  if (status == DWELL_OK) status = cli_estimate(c, &s, &o, &seconds, &err);
  if (status == DWELL_OK) sum = seconds.forward + seconds.instruments + seconds.nulls;
  dwell_source_destroy(s.part);
  dwell_source_destroy(s.whole);
  return sum;
}

/* Of all units of a subject: one unit of each kind at the text of median length, times their number. */
static double subject_seconds(const cli *c, const study_plan *p, const study_units *u, size_t subject, size_t middle,
                              dwell_model *model) {
  double sum = 0;
  for (study_variant v = 0; v < VARIANTS; v++) {
    size_t count = 0;
    const study_unit *one = NULL;
    for (size_t i = 0; i < u->count; i++) {
      const study_unit *unit = &u->units[i];
      if (unit->subject != subject || unit->variant != v) continue;
      count++;
      if (one == NULL || unit->text == middle) one = unit;
    }
    if (one != NULL) sum += (double)count * unit_seconds(c, p, u, one, model);
  }
  return sum;
}

/* ---- one model ---- */

static size_t smallest_class(const study_plan *p, const study_units *u, const size_t *fit, size_t count) {
  size_t smallest = SIZE_MAX, classes = 0;
  for (size_t i = 0; i < count; i++) {
    size_t same = 0;
    bool first = true;
    for (size_t j = 0; j < count; j++) {
      bool equal = str_equal(u->texts[fit[i]].text_class, u->texts[fit[j]].text_class);
      same += equal, first = first && !(equal && j < i);
    }
    if (p->class_count == 0 && first) classes++, smallest = same < smallest ? same : smallest;
  }
  for (size_t k = 0; k < p->class_count; k++) {
    size_t same = 0;
    for (size_t i = 0; i < count; i++) {
      for (size_t j = 0; j < p->classes[k].count; j++)
        same += str_equal(p->classes[k].registers[j], u->texts[fit[i]].text_class);
    }
    classes++, smallest = same < smallest ? same : smallest;
  }
  return classes < 2 ? 0 : smallest;
}

static size_t count_classes(const study_units *u, const size_t *fit, size_t count) {
  size_t classes = 0;
  for (size_t i = 0; i < count; i++) {
    size_t j = 0;
    while (j < i && !str_equal(u->texts[fit[i]].text_class, u->texts[fit[j]].text_class)) j++;
    classes += j == i;
  }
  return classes;
}

/* Texts that are cut at three lengths or more. */
static size_t count_sweeps(const study_units *u, const study_subject *s) {
  size_t count = 0;
  for (size_t i = 0; i < s->text_count; i++) {
    const char *sweep = u->texts[s->texts[i]].sweep;
    size_t same = 0, before = 0;
    for (size_t j = 0; sweep != NULL && j < s->text_count; j++) {
      bool equal = u->texts[s->texts[j]].sweep != NULL && str_equal(u->texts[s->texts[j]].sweep, sweep);
      same += equal, before += equal && j < i;
    }
    count += same >= 3 && before == 0;
  }
  return count;
}

static void say_failed(outlook *o, const study_text *t, const dwell_error *err) {
  char text[1600];
  if (o->failed++ == 0) printf("  text %s: %s\n", t->name, dwell_error_text(err, text, sizeof text));
}

static void look_at_texts(const cli *c, const study_plan *p, const study_units *u, size_t subject, dwell_model *model,
                          outlook *o) {
  const study_subject *s = &u->subjects[subject];
  const claim_thresholds t = claim_thresholds_default();
  rules r = {.all = &t, .claim = "A"};
  size_t fit[TEXTS_MOST], of[TEXTS_MOST];
  for (size_t i = 0; i < s->text_count && o->count < TEXTS_MOST; i++) {
    const study_text *text = &u->texts[s->texts[i]];
    const study_unit unit = {.subject = subject, .text = s->texts[i], .variant = VARIANT_TRAINED};
    size_t tokens, types;
    uint64_t bytes;
    dwell_error err = {.offset = -1};
    if (look_at(c, p, u, &unit, model, &tokens, &types, &bytes, &err) != DWELL_OK) {
      say_failed(o, text, &err);
      continue;
    }
    if (bytes > o->bytes) o->bytes = bytes;
    if (!is_averaged(text)) continue;
    of[o->count] = s->texts[i], o->lengths[o->count++] = (double)tokens, o->f.texts++;
    if ((double)types >= rule(&r, "types")) fit[o->f.usable++] = s->texts[i];
  }
  double sorted[TEXTS_MOST];
  memcpy(sorted, o->lengths, sizeof sorted);
  sort_doubles(sorted, o->count);
  for (size_t i = 0; i < o->count; i++) {
    if (o->lengths[i] == sorted[o->count / 2]) o->middle = of[i];
  }
  o->f.classes = count_classes(u, fit, o->f.usable);
  o->f.smallest_class = smallest_class(p, u, fit, o->f.usable);
  o->f.sweeps = count_sweeps(u, s);
}

static void print_claims(const cli *c, const study_plan *p, const forecast *f) {
  static const char *const words[] = {"can be decided", "one side only ", "CANNOT be     "};
  const claim_thresholds t = claim_thresholds_default();
  size_t count;
  const claim *const *all = claim_registry(&count);
  for (size_t k = 0; k < count; k++) {
    strbuf why = {0}, lines = {0};
    const claim *one = all[k];
    bool wanted = one->scope == CLAIM_OF_TEXTS || (one->scope == CLAIM_OF_CLASSES && f->smallest_class > 0) ||
                  (one->scope == CLAIM_OF_LENGTHS && f->sweeps > 0) ||
                  (one->scope == CLAIM_OF_CHECKPOINTS && f->checkpoints > 1);
    if (!wanted || (f->flow && !one->in_flows)) continue;
    forecast_answer answer = forecast_claim(f, one, &t, &why);
    printf("  %-3s %s  %s%s%s\n", one->name, words[answer], one->title, why.length > 0 ? ": " : "",
           why.failed || why.data == NULL ? "" : why.data);
    strbuf_free(&why);
    strbuf_free(&lines);
  }
  (void)c, (void)p;
}

static void say_time(double seconds) {
  if (!isfinite(seconds)) printf("unknown time");
  else if (seconds < 90) printf("about %.0f s", seconds);
  else if (seconds < 5400) printf("about %.0f min", seconds / 60);
  else printf("about %.1f h", seconds / 3600);
}

static size_t count_units(const study_units *u, size_t subject) {
  size_t count = 0;
  for (size_t i = 0; i < u->count; i++) count += u->units[i].subject == subject;
  return count;
}

static size_t count_checkpoints(const study_units *u, const study_subject *s) {
  size_t count = 0;
  for (size_t i = 0; i < u->subject_count; i++) count += str_equal(u->subjects[i].series, s->series);
  return count;
}

/* Is it a name of a hub, that `dwell pull` gets? */
static bool is_hub_name(const char *model) {
  return model[0] != '/' && model[0] != '.' && strncmp(model, "nursery:", 8) != 0;
}

static void say_missing(const study_subject *s, const dwell_error *err, totals *t) {
  char text[1600];
  printf("%s\n  is not there: %s\n", s->label, dwell_error_text(err, text, sizeof text));
  if (is_hub_name(s->model) && err->status == DWELL_BAD_INPUT) printf("  to get it: dwell pull %s\n", s->model);
  t->missing++;
}

static void look_at_model(const cli *c, const study_plan *p, const study_units *u, size_t subject, size_t family,
                          totals *t) {
  const study_subject *s = &u->subjects[subject];
  outlook *o = MEM_ZERO(outlook, 1);
  dwell_model *model = NULL;
  dwell_error err = {.offset = -1};
  dwell_status status =
      o == NULL ? error_no_memory(&err, "a model") : dwell_model_open(s->model, &c->ctx, &model, &err);
  if (status != DWELL_OK) {
    say_missing(s, &err, t);
    mem_free(o);
    return;
  }
  const dwell_model_info *info = dwell_model_get_info(model);
  o->f = (forecast){.blocks = s->iterations > 0 ? s->iterations : info->blocks,
                    .heads = info->heads,
                    .seeds = (size_t)p->random,
                    .rotations = (size_t)p->rotations,
                    .family = family,
                    .checkpoints = count_checkpoints(u, s)};
  printf("%s\n", s->label);
  look_at_texts(c, p, u, subject, model, o);
  double seconds = subject_seconds(c, p, u, subject, o->middle, model);
  char bytes[24];
  printf("  %zu blocks, %zu heads; %zu units, ", o->f.blocks, info->heads, count_units(u, subject));
  say_time(seconds);
  printf(", at most %s of memory; %zu texts, %zu with enough distinct tokens", cli_bytes(o->bytes, bytes), o->f.texts,
         o->f.usable);
  printf(o->failed > 0 ? ", %zu that cannot be run\n" : "\n", o->failed);
  if (!s->checkpoint) print_claims(c, p, &o->f);
  t->seconds += seconds;
  if (o->bytes > t->bytes) t->bytes = o->bytes;
  dwell_model_destroy(model);
  mem_free(o);
}

static void look_at_flow(const cli *c, const study_plan *p, const study_subject *s, size_t family) {
  const plan_flow *f = s->flow;
  const forecast known = {.flow = true,
                          .blocks = 12,
                          .texts = (size_t)f->starts,
                          .usable = (size_t)f->starts,
                          .seeds = 1,
                          .family = family};
  printf("%s\n  %lld starts of %lld particles in %lld dimensions, beta %g, and as many at beta 0\n", s->label,
         (long long)f->starts, (long long)f->n, (long long)f->d, f->beta);
  print_claims(c, p, &known);
}

static void look_at_groups(const study_plan *p) {
  const claim_thresholds t = claim_thresholds_default();
  for (size_t k = 0; k < p->depths.count; k++) {
    strbuf why = {0};
    const forecast f = {.depths = p->depths.items[k].count};
    forecast_answer answer = forecast_claim(&f, claim_find("I"), &t, &why);
    printf("depths %zu\n  I   %s  %s\n", k + 1, answer == FORECAST_OPEN ? "can be decided" : "CANNOT be     ",
           why.data != NULL ? why.data : "");
    strbuf_free(&why);
  }
}

static size_t family_size(const study_plan *p, const study_units *u) {
  size_t family = 0, count;
  const claim *const *all = claim_registry(&count);
  for (size_t i = 0; i < u->subject_count; i++) {
    const study_subject *s = &u->subjects[i];
    for (size_t k = 0; k < count && !s->checkpoint; k++) {
      bool primary = false;
      for (size_t j = 0; j < p->claim_count; j++) primary = primary || str_equal(p->claims[j], all[k]->name);
      family += primary && all[k]->scope == CLAIM_OF_TEXTS && (s->flow == NULL || all[k]->in_flows);
    }
  }
  return family;
}

dwell_status cli_study_forecast(cli *c, const study_plan *p, const study_units *u, dwell_error *err) {
  totals t = {0};
  char bytes[24];
  size_t family = family_size(p, u);
  dwell_context quiet = c->ctx;
  cli inner = *c;
  (void)err;
  quiet.progress = NULL, inner.ctx = quiet;
  if (p->title != NULL) printf("%s: %s\n\n", p->title, p->about != NULL ? p->about : "");
  for (size_t i = 0; i < u->subject_count; i++) {
    if (u->subjects[i].flow != NULL) look_at_flow(&inner, p, &u->subjects[i], family);
    else look_at_model(&inner, p, u, i, family, &t);
    fflush(stdout);
  }
  look_at_groups(p);
  printf("\n%zu units, ", u->count);
  say_time(t.seconds);
  printf(" on %d threads (flows not counted), at most %s of memory; a family of %zu tests", c->ctx.threads,
         cli_bytes(t.bytes, bytes), family);
  printf(t.missing > 0 ? "; %zu models are not there\n" : "\n", t.missing);
  return DWELL_OK;
}
