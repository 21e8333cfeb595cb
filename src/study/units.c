/* study/units.c - from a plan to its units. */
#include "study/units.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/number.h"
#include "hub/nursery.h"
#include "text/prompt.h"
#include "text/texts.h"
#include "trajectory/source.h"

const char *study_variant_name(study_variant v) {
  static const char *const names[VARIANTS] = {"trained",   "random", "shuffled", "scale-wo",
                                              "rotate-wo", "flow",   "beta0"};
  return names[v];
}

bool study_in_shard(size_t index, size_t shard, size_t shards) { return index % shards == shard - 1; }
size_t study_unit_of_shard(size_t k, size_t shard, size_t shards) { return shard - 1 + k * shards; }

/* ---- names ---- */

/* printf into the arena; NULL: out of memory. */
static const char *format(arena *a, const char *pattern, ...) __attribute__((format(printf, 2, 3)));
static const char *format(arena *a, const char *pattern, ...) {
  char made[512];
  va_list list;
  va_start(list, pattern);
  vsnprintf(made, sizeof made, pattern, list);
  va_end(list);
  return arena_text(a, made, strlen(made));
}

/* Names become folders: of other characters than these an underscore is left. */
static const char *safe(arena *a, const char *name) {
  if (name == NULL) return NULL;
  static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._@-=";
  enum { LONGEST = 80 };
  char kept[LONGEST + 1];
  size_t length = 0;
  for (const char *p = name; *p != '\0' && length < LONGEST; p++) kept[length++] = strchr(plain, *p) != NULL ? *p : '_';
  if (length > 0 && (kept[0] == '.' || kept[0] == '-')) kept[0] = '_';
  return arena_text(a, kept, length);
}

/* ---- texts ---- */

/* Adds a text, or finds the one that is there under that name. */
static dwell_status add_text(study_units *u, const study_text *one, size_t *ret_index, dwell_error *err) {
  if (one->name == NULL) return error_no_memory(err, "the texts");
  for (size_t i = 0; i < u->text_count; i++) {
    if (strcasecmp(u->texts[i].name, one->name) != 0) continue;
    *ret_index = i;
    bool same = u->texts[i].length == one->length && u->texts[i].count == one->count && one->data != NULL &&
                u->texts[i].data != NULL && memcmp(u->texts[i].data, one->data, one->length) == 0;
    if (same || (one->error != NULL && u->texts[i].error != NULL)) return DWELL_OK;
    error_set(err, DWELL_BAD_INPUT, "two different texts are called \"%s\"", one->name);
    return error_remedy(err, "Give one of them a \"name\" in the plan"), DWELL_BAD_INPUT;
  }
  study_text *list = mem_room(u->texts, u->text_count, &u->text_capacity, 64, sizeof *list);
  if (list == NULL) return error_no_memory(err, "the texts");
  u->texts = list;
  *ret_index = u->text_count;
  u->texts[u->text_count++] = *one;
  return DWELL_OK;
}

static dwell_status note_text(study_units *u, study_subject *s, const study_text *one, dwell_error *err) {
  size_t index = 0;
  dwell_status status = add_text(u, one, &index, err);
  if (status != DWELL_OK) return status;
  for (size_t i = 0; i < s->text_count; i++) {
    if (s->texts[i] == index) return DWELL_OK;
  }
  size_t *grown = ARENA_NEW(&u->storage, size_t, s->text_count + 1);
  if (grown == NULL) return error_no_memory(err, "the texts");
  if (s->text_count > 0) memcpy(grown, s->texts, s->text_count * sizeof *grown);
  grown[s->text_count++] = index;
  s->texts = grown;
  return DWELL_OK;
}

/* The text as it is, or one place of it per length. */
static dwell_status note_lengths(study_units *u, study_subject *s, study_text one, const plan_text *t, size_t cut,
                                 dwell_error *err) {
  dwell_status status = DWELL_OK;
  const char *whole = one.name;
  one.cut = cut;
  if (t->length_count == 0) return note_text(u, s, &one, err);
  for (size_t k = 0; status == DWELL_OK && k < t->length_count; k++) {
    one.kind = "sweep", one.sweep = whole, one.cut = (size_t)t->lengths[k];
    one.name = format(&u->storage, "%s=%zu", whole, one.cut);
    status = note_text(u, s, &one, err);
  }
  return status;
}

static study_text of_prompt(const prompt *p) {
  return (study_text){.name = p->name, .text_class = p->reg, .kind = p->kind, .data = p->text, .length = p->size};
}

/* "all": every text that is averaged over; a register: those of them, whatever they are. */
static bool fits(const prompt *p, const plan_text *t) {
  if (t->kind == PLAN_REGISTER) return str_equal(p->reg, t->what);
  return str_equal(p->kind, "text") && !str_equal(p->length, "short");
}

static dwell_status note_prompts(study_units *u, study_subject *s, const plan_text *t, size_t cut, dwell_error *err) {
  size_t count, found = 0;
  dwell_status status = DWELL_OK;
  const prompt *all = prompt_registry(&count), *one;
  if (t->kind == PLAN_PROMPT) {
    status = prompt_find(t->what, &one, err);
    return status == DWELL_OK ? note_lengths(u, s, of_prompt(one), t, cut, err) : status;
  }
  for (size_t i = 0; status == DWELL_OK && i < count; i++) {
    if (!fits(&all[i], t)) continue;
    status = note_lengths(u, s, of_prompt(&all[i]), t, cut, err);
    found++;
  }
  if (status != DWELL_OK || found > 0) return status;
  const char *names[512];
  for (size_t i = 0; i < count && i < 512; i++) names[i] = all[i].reg;
  const char *near = str_nearest(t->what, names, count < 512 ? count : 512);
  error_set(err, DWELL_USAGE, "no text of the study is of the register \"%.60s\"", t->what);
  if (near != NULL) error_remedy(err, "Did you mean \"%s\"?", near);
  return error_remedy(err, "`dwell list prompts` prints the registers"), DWELL_USAGE;
}

static dwell_status note_file(const study_plan *p, study_units *u, study_subject *s, const plan_text *t, size_t cut,
                              dwell_error *err) {
  texts list = {0};
  strbuf path = {0};
  dwell_status status = DWELL_OK;
  study_plan_path(p, t->what, &path);
  if (path.failed) TRY(error_no_memory(err, "a path"));
  TRY(texts_add_file(&list, path.data, err));
  TRY(texts_name(&list, err));
  for (size_t i = 0; i < list.count; i++) {
    const text *x = &list.list[i];
    study_text one = {.text_class = t->text_class != NULL ? t->text_class : "other", .kind = "text"};
    bool named = t->name != NULL;
    one.name = named && list.count > 1 ? format(&u->storage, "%s-%s", safe(&u->storage, t->name), x->name)
                                       : safe(&u->storage, named ? t->name : x->name);
    one.length = x->length, one.count = x->count;
    if (x->data != NULL) one.data = arena_text(&u->storage, x->data, x->length);
    if (x->ids != NULL) one.ids = ARENA_NEW(&u->storage, int64_t, x->count + 1);
    if (x->error != NULL) one.error = ARENA_NEW(&u->storage, dwell_error, 1);
    if (one.data == NULL && one.ids == NULL && one.error == NULL) TRY(error_no_memory(err, "the texts"));
    if (one.ids != NULL) memcpy((int64_t *)(uintptr_t)one.ids, x->ids, x->count * sizeof *x->ids);
    if (one.error != NULL) *(dwell_error *)(uintptr_t)one.error = *x->error;
    TRY(note_lengths(u, s, one, t, cut, err));
  }
done:
  texts_free(&list);
  strbuf_free(&path);
  return status;
}

static dwell_status note_texts(const study_plan *p, study_units *u, study_subject *s, const plan_texts *list,
                               dwell_error *err) {
  dwell_status status = DWELL_OK;
  size_t cut = (size_t)p->max_tokens;
  for (size_t i = 0; status == DWELL_OK && i < list->count; i++) {
    const plan_text *t = &list->items[i];
    status = t->kind == PLAN_FILE ? note_file(p, u, s, t, cut, err) : note_prompts(u, s, t, cut, err);
  }
  const plan_text repeated = {.kind = PLAN_PROMPT, .what = "repeated_tokens"};
  if (status == DWELL_OK && p->repeated) status = note_prompts(u, s, &repeated, cut, err);
  return status;
}

/* ---- models ---- */

static dwell_status add_subject(study_units *u, const study_subject *one, study_subject **ret, dwell_error *err) {
  study_subject *list = mem_room(u->subjects, u->subject_count, &u->subject_capacity, 16, sizeof *list);
  if (list == NULL || one->label == NULL) return error_no_memory(err, "the models");
  u->subjects = list;
  for (size_t i = 0; i < u->subject_count; i++) {
    if (strcasecmp(list[i].label, one->label) != 0) continue;
    error_set(err, DWELL_BAD_INPUT, "two models are called \"%s\"", one->label);
    return error_remedy(err, "Give one of them a \"name\" in the plan"), DWELL_BAD_INPUT;
  }
  *ret = &u->subjects[u->subject_count++];
  **ret = *one;
  return DWELL_OK;
}

/* The number behind "step" in a revision: "step-300", "step3000"; NaN: none. */
static double step_of(const char *revision) {
  const char *digits = strstr(revision, "step");
  double step;
  if (digits == NULL) return NAN;
  digits += 4 + (digits[4] == '-');
  return number_parse(digits, &step) ? step : NAN;
}

static const char *short_name(const plan_model *m) {
  if (m->name != NULL) return m->name;
  size_t prefix = strlen(NURSERY_PREFIX);
  return strncmp(m->model, NURSERY_PREFIX, prefix) == 0 ? m->model + prefix : source_short_name(m->model);
}

static dwell_status add_model(const study_plan *p, study_units *u, const plan_model *m, study_subject one,
                              dwell_error *err) {
  study_subject *s;
  dwell_status status = add_subject(u, &one, &s, err);
  return status == DWELL_OK ? note_texts(p, u, s, m->texts.count > 0 ? &m->texts : &p->texts, err) : status;
}

static dwell_status add_checkpoint(const study_plan *p, study_units *u, const plan_model *m, const char *label,
                                   const char *revision, const char *path, dwell_error *err) {
  study_subject one = {.series = label, .step = step_of(revision), .checkpoint = true};
  one.label = safe(&u->storage, format(&u->storage, "%s@%s", label, revision));
  one.model = format(&u->storage, "%s@%s", path, revision);
  return add_model(p, u, m, one, err);
}

static dwell_status add_nursery_checkpoints(const study_plan *p, study_units *u, const plan_model *m, const char *label,
                                            double *ret_last, dwell_error *err) {
  nursery_index index = {0};
  bool found = false;
  char revision[40];
  dwell_status status = DWELL_OK;
  TRY(nursery_index_open(&index, NULL, err));
  for (size_t i = 0; i < index.count; i++) {
    const nursery_model *n = &index.models[i];
    if (strncmp(m->model, NURSERY_PREFIX, strlen(NURSERY_PREFIX)) != 0 ||
        !str_equal(n->name, short_name(&(plan_model){.model = m->model})))
      continue;
    found = true, *ret_last = (double)n->step;
    for (size_t k = 0; k < n->checkpoint_count; k++) {
      snprintf(revision, sizeof revision, "step-%lld", (long long)n->checkpoints[k].step);
      TRY(add_checkpoint(p, u, m, label, revision, m->model, err));
    }
  }
  if (!found) {
    error_set(err, DWELL_BAD_INPUT, "\"checkpoints\": true is for models of the nursery, which \"%.100s\" is not",
              m->model);
    status = DWELL_BAD_INPUT;
    error_remedy(err, "List its revisions: \"checkpoints\": [\"step1000\", ...]");
  }
done:
  nursery_index_free(&index);
  return status;
}

static const char *depth_label(arena *a, const char *label, int64_t iterations) {
  return label == NULL ? NULL : format(a, "%s-x%lld", label, (long long)iterations);
}

static dwell_status add_depths(const study_plan *p, study_units *u, const plan_model *m, const char *label,
                               const char *path, double last, dwell_error *err) {
  dwell_status status = DWELL_OK;
  study_subject one = {.label = label, .model = path, .series = label, .step = last};
  if (m->iteration_count == 0) return add_model(p, u, m, one, err);
  for (size_t k = 0; status == DWELL_OK && k < m->iteration_count; k++) {
    one.iterations = (size_t)m->iterations[k];
    one.label = one.series = depth_label(&u->storage, label, m->iterations[k]);
    status = add_model(p, u, m, one, err);
  }
  return status;
}

static dwell_status add_entry(const study_plan *p, study_units *u, const plan_model *m, dwell_error *err) {
  strbuf path = {0};
  double last = INFINITY;
  dwell_status status = DWELL_OK;
  study_plan_path(p, m->model, &path);
  const char *label = safe(&u->storage, short_name(m));
  const char *kept = path.failed ? NULL : arena_text(&u->storage, path.data, path.length);
  TRY_ALLOC(kept, "the models");
  TRY_ALLOC(label, "the models");
  if (m->all_checkpoints) TRY(add_nursery_checkpoints(p, u, m, label, &last, err));
  for (size_t k = 0; k < m->checkpoint_count; k++) TRY(add_checkpoint(p, u, m, label, m->checkpoints[k], kept, err));
  TRY(add_depths(p, u, m, label, kept, m->all_checkpoints || m->checkpoint_count > 0 ? last : NAN, err));
done:
  strbuf_free(&path);
  return status;
}

static const char *flow_label(arena *a, const plan_flow *f) {
  return f->name != NULL ? safe(a, f->name) : format(a, "%s-d%lld-beta%g", f->flow, (long long)f->d, f->beta);
}

static dwell_status add_flow(study_units *u, const plan_flow *f, dwell_error *err) {
  study_subject *s, one = {.flow = f, .step = NAN};
  one.label = flow_label(&u->storage, f);
  one.series = one.label;
  return add_subject(u, &one, &s, err);
}

dwell_status study_labels(const study_plan *p, arena *a, const char *const **ret_labels, size_t *ret_count,
                          size_t *ret_flows, dwell_error *err) {
  size_t count = 0, all = p->flow_count;
  for (size_t m = 0; m < p->model_count; m++)
    all += p->models[m].iteration_count > 0 ? p->models[m].iteration_count : 1;
  const char **labels = ARENA_NEW(a, const char *, all + 1);
  if (labels == NULL) return error_no_memory(err, "the models");
  for (size_t m = 0; m < p->model_count; m++) {
    const plan_model *one = &p->models[m];
    const char *label = safe(a, short_name(one));
    if (one->iteration_count == 0) labels[count++] = label;
    for (size_t k = 0; k < one->iteration_count; k++) labels[count++] = depth_label(a, label, one->iterations[k]);
  }
  for (size_t f = 0; f < p->flow_count; f++) labels[count++] = flow_label(a, &p->flows[f]);
  for (size_t k = 0; k < count; k++) {
    if (labels[k] == NULL) return error_no_memory(err, "the models");
  }
  *ret_labels = labels, *ret_count = count, *ret_flows = p->flow_count;
  return DWELL_OK;
}

/* ---- units ---- */

static dwell_status add_unit(study_units *u, study_unit one, dwell_error *err) {
  study_unit *list = mem_room(u->units, u->count, &u->capacity, 256, sizeof *list);
  if (list == NULL) return error_no_memory(err, "the units");
  u->units = list;
  const char *subject = u->subjects[one.subject].label, *variant = study_variant_name(one.variant);
  const char *place = one.text != SIZE_MAX ? u->texts[one.text].name : "starts";
  if (one.variant == VARIANT_SCALED) one.name = format(&u->storage, "%s+%s=%g+%s", subject, variant, one.scale, place);
  else if (one.number > 0) one.name = format(&u->storage, "%s+%s-%zu+%s", subject, variant, one.number, place);
  else one.name = format(&u->storage, "%s+%s+%s", subject, variant, place);
  if (one.name == NULL) return error_no_memory(err, "the units");
  list[u->count++] = one;
  return DWELL_OK;
}

/* Is this text run through this variant? Random weights see all but the repeated word; orders and interventions only
 * whole texts that are averaged over. */
static bool has_variant(const study_text *t, study_variant v) {
  if (v == VARIANT_TRAINED) return true;
  if (v == VARIANT_RANDOM) return !str_equal(t->kind, "control");
  return !str_equal(t->kind, "control") && !str_equal(t->kind, "sweep");
}

static dwell_status add_variant(study_units *u, size_t subject, study_variant v, size_t number, double scale,
                                dwell_error *err) {
  const study_subject *s = &u->subjects[subject];
  dwell_status status = DWELL_OK;
  for (size_t i = 0; status == DWELL_OK && i < s->text_count; i++) {
    if (!has_variant(&u->texts[s->texts[i]], v)) continue;
    status = add_unit(u, (study_unit){subject, s->texts[i], v, number, scale, NULL}, err);
  }
  return status;
}

static dwell_status add_model_units(const study_plan *p, study_units *u, size_t subject, dwell_error *err) {
  static const double scales[] = {0.5, 0.7, 1.4, 2};
  dwell_status status = add_variant(u, subject, VARIANT_TRAINED, 0, 1, err);
  if (u->subjects[subject].checkpoint) return status;
  for (size_t k = 1; status == DWELL_OK && k <= (size_t)p->random; k++)
    status = add_variant(u, subject, VARIANT_RANDOM, k, 1, err);
  for (size_t k = 1; status == DWELL_OK && k <= (size_t)p->shuffled; k++)
    status = add_variant(u, subject, VARIANT_SHUFFLED, k, 1, err);
  for (size_t k = 0; status == DWELL_OK && p->rotations > 0 && k < sizeof scales / sizeof scales[0]; k++)
    status = add_variant(u, subject, VARIANT_SCALED, 0, scales[k], err);
  for (size_t k = 1; status == DWELL_OK && k <= (size_t)p->rotations; k++)
    status = add_variant(u, subject, VARIANT_ROTATED, k, 1, err);
  return status;
}

dwell_status study_units_make(const study_plan *p, study_units *ret, dwell_error *err) {
  dwell_status status = DWELL_OK;
  *ret = (study_units){0};
  for (size_t m = 0; m < p->model_count; m++) TRY(add_entry(p, ret, &p->models[m], err));
  for (size_t f = 0; f < p->flow_count; f++) TRY(add_flow(ret, &p->flows[f], err));
  for (size_t s = 0; s < ret->subject_count; s++) {
    if (ret->subjects[s].flow == NULL) {
      TRY(add_model_units(p, ret, s, err));
      continue;
    }
    TRY(add_unit(ret, (study_unit){s, SIZE_MAX, VARIANT_FLOW, 0, 1, NULL}, err));
    TRY(add_unit(ret, (study_unit){s, SIZE_MAX, VARIANT_BETA0, 0, 1, NULL}, err));
  }
done:
  return status;
}

void study_units_free(study_units *u) {
  mem_free(u->subjects);
  mem_free(u->texts);
  mem_free(u->units);
  arena_clear(&u->storage);
  *u = (study_units){0};
}
