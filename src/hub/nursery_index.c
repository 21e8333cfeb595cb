/* hub/nursery_index.c - models/index.json: what is known of the models that come with dwell. */
#include <stddef.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/number.h"
#include "base/str.h"
#include "file/jcursor.h"
#include "hub/nursery.h"

enum { FILE_MOST = 1 << 20, MODELS_MOST = 64 };

static const int64_t COUNT_MOST = INT64_C(1) << 53; /* what JSON's readers hold exactly */

/* ---- members that are one value ---- */

typedef enum member_kind { TEXT, COUNT, NATS } member_kind;

/* A member of a model's object and where it goes in nursery_model. All are required. */
typedef struct member {
  const char *key;
  member_kind kind;
  size_t offset;
  int64_t low; /* least count */
} member;

#define AT(field) offsetof(nursery_model, field)
static const member members[] = {
    {"name", TEXT, AT(name), 0},
    {"summary", TEXT, AT(summary), 0},
    {"architecture", TEXT, AT(architecture), 0},
    {"licence", TEXT, AT(licence), 0},
    {"layers", COUNT, AT(layers), 1},
    {"width", COUNT, AT(width), 1},
    {"heads", COUNT, AT(heads), 1},
    {"vocabulary", COUNT, AT(vocabulary), 1},
    {"context", COUNT, AT(context), 1},
    {"parameters", COUNT, AT(parameters), 1},
    {"step", COUNT, AT(step), 0},
    {"tokens", COUNT, AT(tokens), 0},
    {"held_out_nats", NATS, AT(held_out), 0},
    {"unigram_nats", NATS, AT(unigram_nats), 0},
};
static const member baseline_members[] = {
    {"name", TEXT, AT(baseline), 0},
    {"nats", NATS, AT(baseline_nats), 0},
};
#undef AT
enum {
  MEMBERS = sizeof members / sizeof members[0],
  BASELINE_MEMBERS = sizeof baseline_members / sizeof baseline_members[0]
};

/* Texts are shown and compared as C strings. */
static const char *read_text(jcursor *c) {
  jtext text = jcursor_string(c);
  if (strlen(text.data) != text.length) jcursor_fail(c, "a text has a NUL in it");
  return text.data;
}

static double read_nats(jcursor *c) {
  double nats = jcursor_double(c);
  if (!(nats >= 0 && nats <= 1e3)) jcursor_fail(c, "a loss is a number from 0 to 1000 nats");
  return nats;
}

/* Reads the value of `key` if it is one of `table`; `seen` keeps which ones were there. */
static bool read_member(jcursor *c, jtext key, const member *table, size_t count, nursery_model *model, bool *seen) {
  for (size_t i = 0; i < count; i++) {
    if (!jtext_is(key, table[i].key)) continue;
    char *to = (char *)model + table[i].offset;
    if (seen[i]) jcursor_fail(c, "a member is there twice");
    seen[i] = true;
    if (table[i].kind == TEXT) *(const char **)(void *)to = read_text(c);
    else if (table[i].kind == COUNT) *(int64_t *)(void *)to = jcursor_int(c, table[i].low, COUNT_MOST);
    else *(double *)(void *)to = read_nats(c);
    return true;
  }
  return false;
}

/* Fails at the first member of `table` that was not there, unless the reading failed before. */
static void need_members(jcursor *c, const member *table, size_t count, const bool *seen, const char **ret_missing) {
  for (size_t i = 0; i < count && c->problem == NULL && *ret_missing == NULL; i++) {
    if (!seen[i]) *ret_missing = table[i].key;
  }
}

static void read_baseline(jcursor *c, nursery_model *model, const char **ret_missing) {
  bool seen[BASELINE_MEMBERS] = {0};
  jcursor_object(c);
  for (jtext key; jcursor_key(c, &key);) {
    if (!read_member(c, key, baseline_members, BASELINE_MEMBERS, model, seen)) jcursor_skip(c);
  }
  need_members(c, baseline_members, BASELINE_MEMBERS, seen, ret_missing);
}

/* ---- checkpoints: an array of steps, and an object of their losses ---- */

typedef struct checkpoint_lists {
  int64_t steps[NURSERY_CHECKPOINTS];
  nursery_checkpoint losses[NURSERY_CHECKPOINTS];
  size_t step_count, loss_count;
} checkpoint_lists;

static void read_steps(jcursor *c, checkpoint_lists *lists) {
  jcursor_array(c);
  while (jcursor_item(c)) {
    int64_t step = jcursor_int(c, 0, COUNT_MOST);
    size_t k = lists->step_count;
    if (k == NURSERY_CHECKPOINTS) jcursor_fail(c, "too many checkpoints");
    else if (k > 0 && step <= lists->steps[k - 1]) jcursor_fail(c, "the steps of checkpoints do not ascend");
    else lists->steps[lists->step_count++] = step;
  }
}

static void read_losses(jcursor *c, checkpoint_lists *lists) {
  jcursor_object(c);
  for (jtext key; jcursor_key(c, &key);) {
    nursery_checkpoint loss = {0};
    if (strlen(key.data) != key.length || !number_parse_int(key.data, 0, COUNT_MOST, &loss.step))
      jcursor_fail(c, "a loss of a checkpoint is not named by its step");
    loss.nats = read_nats(c);
    if (lists->loss_count == NURSERY_CHECKPOINTS) jcursor_fail(c, "too many losses of checkpoints");
    else lists->losses[lists->loss_count++] = loss;
  }
}

/* Each step with its loss; the losses may stand in any order, and name steps that are not kept. */
static void join_checkpoints(jcursor *c, const checkpoint_lists *lists, nursery_model *model) {
  for (size_t i = 0; i < lists->step_count; i++) {
    size_t k = 0;
    while (k < lists->loss_count && lists->losses[k].step != lists->steps[i]) k++;
    if (k == lists->loss_count) jcursor_fail(c, "a checkpoint has no loss in \"checkpoint_nats\"");
    else model->checkpoints[model->checkpoint_count++] = lists->losses[k];
  }
}

/* ---- models ---- */

static void read_model(jcursor *c, nursery_model *model, const char **ret_missing) {
  bool seen[MEMBERS] = {0}, baseline = false, steps = false, losses = false;
  checkpoint_lists lists = {0};
  jcursor_object(c);
  for (jtext key; jcursor_key(c, &key);) {
    if (read_member(c, key, members, MEMBERS, model, seen)) continue;
    if (jtext_is(key, "baseline")) baseline = true, read_baseline(c, model, ret_missing);
    else if (jtext_is(key, "checkpoints")) steps = true, read_steps(c, &lists);
    else if (jtext_is(key, "checkpoint_nats")) losses = true, read_losses(c, &lists);
    else jcursor_skip(c);
  }
  need_members(c, members, MEMBERS, seen, ret_missing);
  if (c->problem == NULL && *ret_missing == NULL)
    *ret_missing = !baseline ? "baseline" : !steps ? "checkpoints" : !losses ? "checkpoint_nats" : NULL;
  if (*ret_missing == NULL) join_checkpoints(c, &lists, model);
}

static void check_name(jcursor *c, const nursery_index *index, const nursery_model *model) {
  size_t base;
  int64_t step;
  if (c->problem != NULL) return;
  if (!nursery_name(model->name, strlen(model->name), &base, &step) || step >= 0)
    jcursor_fail(c, "a model has a name that cannot be one");
  for (size_t i = 0; i < index->count; i++) {
    if (str_equal(index->models[i].name, model->name)) jcursor_fail(c, "two models have the same name");
  }
}

/* `ret_missing` is set instead of the cursor's problem where a member is not there. */
static void read_models(jcursor *c, nursery_index *index, const char **ret_missing) {
  jcursor_array(c);
  while (*ret_missing == NULL && jcursor_item(c)) {
    nursery_model model = {0};
    read_model(c, &model, ret_missing);
    if (*ret_missing != NULL) break;
    check_name(c, index, &model);
    if (index->count == MODELS_MOST) jcursor_fail(c, "too many models");
    else if (c->problem == NULL) index->models[index->count++] = model;
  }
}

static dwell_status missing(const char *path, const nursery_index *index, const char *key, dwell_error *err) {
  if (str_equal(key, "models")) error_set(err, DWELL_BAD_INPUT, "has no \"models\"");
  else error_set(err, DWELL_BAD_INPUT, "model %zu of the index has no \"%s\"", index->count + 1, key);
  error_in_file(err, path);
  error_remedy(err, "Install dwell's data again");
  return DWELL_BAD_INPUT;
}

dwell_status nursery_index_read(const char *path, nursery_index *ret_index, dwell_error *err) {
  *ret_index = (nursery_index){0};
  char *data = NULL;
  size_t size;
  const char *absent = NULL;
  bool any = false;
  dwell_status status = DWELL_OK;
  TRY_ALLOC(ret_index->models = ARENA_NEW(&ret_index->storage, nursery_model, MODELS_MOST), "an index of models");
  TRY(file_slurp(path, FILE_MOST, &data, &size, err));
  jcursor c = jcursor_start(data, size, &ret_index->storage);
  jcursor_object(&c);
  for (jtext key; absent == NULL && jcursor_key(&c, &key);) {
    if (!jtext_is(key, "models")) jcursor_skip(&c);
    else if (any) jcursor_fail(&c, "a member is there twice");
    else any = true, read_models(&c, ret_index, &absent);
  }
  if (absent == NULL && c.problem == NULL && !any) absent = "models";
  if (absent != NULL) TRY(missing(path, ret_index, absent, err));
  TRY(jcursor_end(&c, path, err));
done:
  mem_free(data);
  return status;
}

dwell_status nursery_index_open(nursery_index *ret_index, bool *opt_absent, dwell_error *err) {
  *ret_index = (nursery_index){0};
  char *models = NULL;
  strbuf path = {0};
  dwell_status status = hub_data("models", &models, err);
  if (opt_absent != NULL) *opt_absent = status == DWELL_BAD_INPUT;
  if (status != DWELL_OK) return status;
  strbuf_printf(&path, "%s/index.json", models);
  if (path.failed) status = error_no_memory(err, "a path");
  else status = nursery_index_read(path.data, ret_index, err);
  strbuf_free(&path);
  mem_free(models);
  return status;
}

void nursery_index_free(nursery_index *index) {
  arena_clear(&index->storage);
  *index = (nursery_index){0};
}
