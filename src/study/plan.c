/* study/plan.c - reading a plan: tables of keys, from which the schema is made too. */
#include "study/plan.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"
#include "file/jcursor.h"
#include "file/jwriter.h"
#include "study/claim.h"

/* ---- the keys ---- */

typedef struct reader reader;

/* A key of an object: where its value goes in the struct, or who reads it. */
typedef enum key_kind { KEY_TEXT, KEY_COUNT, KEY_REAL, KEY_FLAG, KEY_PATHS, KEY_COUNTS, KEY_OTHER } key_kind;
typedef struct plan_key {
  const char *name, *meaning;
  key_kind kind;
  size_t offset;
  double low, high;                    /* of numbers */
  void (*read)(reader *r, void *into); /* of KEY_OTHER */
  const char *schema;                  /* of KEY_OTHER: JSON Schema members */
  bool required;
} plan_key;

enum { KEYS_MOST = 24, COUNT_MOST = 1000000 };

struct reader {
  jcursor c;
  study_plan *plan;
  dwell_error *err;
  dwell_status status; /* of what is no matter of JSON */
  char item[120];      /* where: "models[2].name" */
};

static void fail(reader *r, const char *format, const char *a, const char *b) {
  if (r->status != DWELL_OK || r->c.problem != NULL) return;
  char message[300];
  snprintf(message, sizeof message, format, a, b);
  r->status = error_set(r->err, DWELL_BAD_INPUT, "%s", message);
  error_at_offset(r->err, (int64_t)r->c.at);
  if (r->item[0] != '\0') error_at_item(r->err, r->item);
  jcursor_fail(&r->c, "stop");
}

static void no_memory(reader *r) {
  if (r->status == DWELL_OK) r->status = error_no_memory(r->err, "the plan");
  jcursor_fail(&r->c, "stop");
}

static const char *kind_name(jkind kind) {
  static const char *const names[] = {"something else", "null",   "true or false", "a number",
                                      "a text",         "a list", "an object"};
  return names[kind];
}

static bool expect(reader *r, jkind kind) {
  jkind found = jcursor_peek(&r->c);
  if (r->c.problem != NULL || found == JKIND_ERROR || found == kind) return r->c.problem == NULL;
  fail(r, "expected %s, found %s", kind_name(kind), kind_name(found));
  return false;
}

static const char *read_text(reader *r) {
  if (!expect(r, JKIND_STRING)) return "";
  jtext text = jcursor_string(&r->c);
  if (r->c.problem == NULL && strlen(text.data) != text.length) fail(r, "a text has a NUL in it%s%s", "", "");
  if (r->c.problem == NULL && text.length == 0) fail(r, "a text is empty%s%s", "", "");
  return text.data;
}

static double read_number(reader *r, double low, double high, bool whole) {
  if (!expect(r, JKIND_NUMBER)) return low;
  double x = jcursor_double(&r->c);
  if (r->c.problem != NULL || (x >= low && x <= high && (!whole || x == floor(x)))) return x;
  char range[80];
  snprintf(range, sizeof range, "from %g to %g", low, high);
  fail(r, "expected a %snumber %s", whole ? "whole " : "", range);
  return low;
}

/* Lists grow in the heap and are copied to the arena when they are whole. */
static const char *const *read_paths(reader *r, size_t *ret_count) {
  const char **list = NULL;
  size_t capacity = 0, count = 0;
  if (expect(r, JKIND_ARRAY)) jcursor_array(&r->c);
  while (jcursor_item(&r->c)) {
    const char **grown = mem_room(list, count, &capacity, 16, sizeof *list);
    if (grown == NULL) no_memory(r);
    if (grown == NULL) break;
    list = grown, list[count++] = read_text(r);
  }
  const char **kept = ARENA_NEW(&r->plan->storage, const char *, count + 1);
  if (kept == NULL) no_memory(r);
  else if (count > 0) memcpy(kept, list, count * sizeof *list);
  mem_free(list);
  *ret_count = kept != NULL ? count : 0;
  return kept;
}

static const int64_t *read_counts(reader *r, double low, double high, size_t *ret_count) {
  enum { MOST = 64 };
  int64_t list[MOST];
  size_t count = 0;
  if (expect(r, JKIND_ARRAY)) jcursor_array(&r->c);
  while (jcursor_item(&r->c)) {
    if (count == MOST) fail(r, "more than 64 numbers%s%s", "", "");
    if (count == MOST) break;
    list[count++] = (int64_t)read_number(r, low, high, true);
  }
  int64_t *kept = ARENA_NEW(&r->plan->storage, int64_t, count + 1);
  if (kept == NULL) no_memory(r);
  else memcpy(kept, list, count * sizeof *list);
  *ret_count = kept != NULL ? count : 0;
  return kept;
}

/* The place of the count lies behind that of the list. */
static void store(reader *r, const plan_key *k, void *into) {
  void *to = (char *)into + k->offset;
  size_t *count = (size_t *)(void *)((char *)to + sizeof(void *));
  switch (k->kind) {
    case KEY_TEXT: *(const char **)to = read_text(r); break;
    case KEY_COUNT: *(int64_t *)to = (int64_t)read_number(r, k->low, k->high, true); break;
    case KEY_REAL: *(double *)to = read_number(r, k->low, k->high, false); break;
    case KEY_FLAG:
      if (expect(r, JKIND_BOOL)) *(bool *)to = jcursor_bool(&r->c);
      break;
    case KEY_PATHS: *(const char *const **)to = read_paths(r, count); break;
    case KEY_COUNTS: *(const int64_t **)to = read_counts(r, k->low, k->high, count); break;
    case KEY_OTHER: k->read(r, into); break;
  }
}

static void unknown_key(reader *r, const plan_key *keys, size_t count, jtext key) {
  const char *names[KEYS_MOST];
  char shown[80];
  for (size_t i = 0; i < count; i++) names[i] = keys[i].name;
  const char *near = str_nearest(key.data, names, count);
  str_display(shown, sizeof shown, key.data, key.length);
  fail(r, "there is no key \"%s\" here%s", shown, near == NULL ? "" : "; ");
  if (near != NULL && r->status == DWELL_BAD_INPUT && strstr(r->err->message, "no key") != NULL)
    error_remedy(r->err, "Did you mean \"%s\"?", near);
  strbuf all = {0};
  for (size_t i = 0; i < count; i++) strbuf_printf(&all, "%s%s", i > 0 ? ", " : "", keys[i].name);
  if (!all.failed) error_remedy(r->err, "Known here: %s", all.data);
  strbuf_free(&all);
}

static void read_object(reader *r, const plan_key *keys, size_t count, void *into) {
  bool seen[KEYS_MOST] = {false};
  size_t before = strlen(r->item);
  if (!expect(r, JKIND_OBJECT)) return;
  jcursor_object(&r->c);
  for (jtext key; jcursor_key(&r->c, &key);) {
    size_t i = 0;
    while (i < count && !jtext_is(key, keys[i].name)) i++;
    if (i == count) unknown_key(r, keys, count, key);
    if (i == count) return;
    snprintf(r->item + before, sizeof r->item - before, "%s%s", before > 0 ? "." : "", keys[i].name);
    if (seen[i]) fail(r, "the key is there twice%s%s", "", "");
    seen[i] = true;
    store(r, &keys[i], into);
    if (r->c.problem == NULL) r->item[before] = '\0';
  }
  for (size_t i = 0; i < count; i++) {
    if (keys[i].required && !seen[i]) fail(r, "\"%s\" is missing%s", keys[i].name, "");
  }
}

/* ---- lists of objects ---- */

/* "models[3]" while its item is read. */
static size_t at_item(reader *r, size_t number) {
  size_t before = strlen(r->item);
  snprintf(r->item + before, sizeof r->item - before, "[%zu]", number);
  return before;
}

#define READ_LIST(r, list, item_count, room, read_one)                          \
  do {                                                                          \
    if (!expect((r), JKIND_ARRAY)) break;                                       \
    jcursor_array(&(r)->c);                                                     \
    while (jcursor_item(&(r)->c)) {                                             \
      void *grown = mem_room((list), (item_count), &(room), 8, sizeof *(list)); \
      if (grown == NULL) no_memory(r);                                          \
      if (grown == NULL) break;                                                 \
      (list) = grown;                                                           \
      memset(&(list)[item_count], 0, sizeof *(list));                           \
      size_t before = at_item((r), (item_count));                               \
      read_one((r), &(list)[item_count]);                                       \
      if ((r)->c.problem == NULL) (r)->item[before] = '\0';                     \
      (item_count)++;                                                           \
    }                                                                           \
  } while (0)

/* ---- texts ---- */

static void read_prompt_name(reader *r, void *into) {
  plan_text *t = into;
  t->kind = PLAN_PROMPT, t->what = read_text(r);
}

static void read_register(reader *r, void *into) {
  plan_text *t = into;
  t->kind = PLAN_REGISTER, t->what = read_text(r);
}

static void read_file(reader *r, void *into) {
  plan_text *t = into;
  t->kind = PLAN_FILE, t->what = read_text(r);
}

#define TEXT_SCHEMA "\"type\":\"string\",\"minLength\":1"
static const plan_key text_keys[] = {
    {"prompt", "a text that comes with dwell (dwell list prompts)", KEY_OTHER, 0, 0, 0, read_prompt_name, TEXT_SCHEMA,
     0},
    {"register", "all texts of one register", KEY_OTHER, 0, 0, 0, read_register, TEXT_SCHEMA, 0},
    {"file", "a text file, or .jsonl; relative to the plan", KEY_OTHER, 0, 0, 0, read_file, TEXT_SCHEMA, 0},
    {"name", "of the file's text in tables", KEY_TEXT, offsetof(plan_text, name), 0, 0, NULL, NULL, 0},
    {"class", "of the file's texts: what kind of text", KEY_TEXT, offsetof(plan_text, text_class), 0, 0, NULL, NULL, 0},
    {"lengths", "cut at each of these numbers of tokens: a sweep", KEY_COUNTS, offsetof(plan_text, lengths), 1,
     COUNT_MOST, NULL, NULL, 0},
};
enum { TEXT_KEYS = sizeof text_keys / sizeof text_keys[0] };

static void read_one_text(reader *r, plan_text *t) {
  if (jcursor_peek(&r->c) != JKIND_STRING) {
    t->kind = PLAN_ALL_TEXTS;
    read_object(r, text_keys, TEXT_KEYS, t);
    if (t->what == NULL) fail(r, "one of \"prompt\", \"register\", \"file\" is needed%s%s", "", "");
    return;
  }
  t->what = read_text(r);
  t->kind = str_equal(t->what, "all") ? PLAN_ALL_TEXTS : PLAN_PROMPT;
}

static void read_texts_into(reader *r, plan_texts *t) { READ_LIST(r, t->items, t->count, t->capacity, read_one_text); }

static void read_model_texts(reader *r, void *into) { read_texts_into(r, &((plan_model *)into)->texts); }
static void read_plan_texts(reader *r, void *into) { read_texts_into(r, &((study_plan *)into)->texts); }

/* ---- models ---- */

static void read_checkpoints(reader *r, void *into) {
  plan_model *m = into;
  if (jcursor_peek(&r->c) == JKIND_BOOL) m->all_checkpoints = jcursor_bool(&r->c);
  else m->checkpoints = read_paths(r, &m->checkpoint_count);
}

#define TEXTS_SCHEMA "\"type\":\"array\",\"items\":{\"anyOf\":[{\"type\":\"string\"},{\"$ref\":\"#/$defs/text\"}]}"
static const plan_key model_keys[] = {
    {"model", "a folder (relative to the plan), a hub name, or nursery:NAME", KEY_TEXT, offsetof(plan_model, model), 0,
     0, NULL, NULL, true},
    {"name", "of the model in tables", KEY_TEXT, offsetof(plan_model, name), 0, 0, NULL, NULL, 0},
    {"iterations", "albert: how often the shared block is applied; a model each", KEY_COUNTS,
     offsetof(plan_model, iterations), 1, COUNT_MOST, NULL, NULL, 0},
    {"checkpoints", "revisions of its training before the last one (for claim G); true: all of a nursery model",
     KEY_OTHER, 0, 0, 0, read_checkpoints,
     "\"anyOf\":[{\"type\":\"boolean\"},{\"type\":\"array\",\"items\":{\"type\":\"string\"}}]", 0},
    {"prompts", "its own texts, in place of the plan's", KEY_OTHER, 0, 0, 0, read_model_texts, TEXTS_SCHEMA, 0},
};
enum { MODEL_KEYS = sizeof model_keys / sizeof model_keys[0] };

static void read_one_model(reader *r, plan_model *m) {
  if (jcursor_peek(&r->c) == JKIND_STRING) m->model = read_text(r);
  else read_object(r, model_keys, MODEL_KEYS, m);
}

static void read_models(reader *r, void *into) {
  study_plan *p = into;
  READ_LIST(r, p->models, p->model_count, p->model_capacity, read_one_model);
}

/* ---- flows ---- */

static const plan_key flow_keys[] = {
    {"flow", "dynamics (dwell list flows)", KEY_TEXT, offsetof(plan_flow, flow), 0, 0, NULL, NULL, 0},
    {"name", "of the flow in tables", KEY_TEXT, offsetof(plan_flow, name), 0, 0, NULL, NULL, 0},
    {"n", "particles", KEY_COUNT, offsetof(plan_flow, n), 4, 512, NULL, NULL, 0},
    {"d", "dimensions", KEY_COUNT, offsetof(plan_flow, d), 2, 512, NULL, NULL, 0},
    {"beta", "inverse temperature", KEY_REAL, offsetof(plan_flow, beta), 0, 1000, NULL, NULL, 0},
    {"starts", "independent starts", KEY_COUNT, offsetof(plan_flow, starts), 1, 1000, NULL, NULL, 0},
    {"until", "final time", KEY_REAL, offsetof(plan_flow, until), 1, 1e6, NULL, NULL, 0},
};
enum { FLOW_KEYS = sizeof flow_keys / sizeof flow_keys[0] };

static void read_one_flow(reader *r, plan_flow *f) {
  *f = (plan_flow){.flow = "sa", .n = 64, .d = 3, .beta = 1, .starts = 24, .until = 300};
  read_object(r, flow_keys, FLOW_KEYS, f);
}

static void read_flows(reader *r, void *into) {
  study_plan *p = into;
  READ_LIST(r, p->flows, p->flow_count, p->flow_capacity, read_one_flow);
}

/* ---- controls, groups ---- */

static const plan_key control_keys[] = {
    {"random", "networks with random weights, on every text", KEY_COUNT, offsetof(study_plan, random), 0, 99, NULL,
     NULL, 0},
    {"shuffled", "random orders of the tokens, through the trained network", KEY_COUNT, offsetof(study_plan, shuffled),
     0, 99, NULL, NULL, 0},
    {"repeated", "one word repeated, under its own heading", KEY_FLAG, offsetof(study_plan, repeated), 0, 0, NULL, NULL,
     0},
    {"rotations", "rotations of the output maps, and five scales of them (claim E2)", KEY_COUNT,
     offsetof(study_plan, rotations), 0, 99, NULL, NULL, 0},
};
enum { CONTROL_KEYS = sizeof control_keys / sizeof control_keys[0] };

static void read_controls(reader *r, void *into) { read_object(r, control_keys, CONTROL_KEYS, into); }

static void read_one_group(reader *r, plan_group *g) { g->names = read_paths(r, &g->count); }

static void read_depths(reader *r, void *into) {
  plan_groups *g = &((study_plan *)into)->depths;
  READ_LIST(r, g->items, g->count, g->capacity, read_one_group);
}

static void read_one_pair(reader *r, plan_group *g) {
  read_one_group(r, g);
  if (g->count != 2) fail(r, "a pair is two names of models%s%s", "", "");
}

static void read_pairs(reader *r, void *into) {
  plan_groups *g = &((study_plan *)into)->pairs;
  READ_LIST(r, g->items, g->count, g->capacity, read_one_pair);
}

static const plan_key class_keys[] = {
    {"name", "of the class", KEY_TEXT, offsetof(plan_class, name), 0, 0, NULL, NULL, true},
    {"registers", "of its texts", KEY_PATHS, offsetof(plan_class, registers), 0, 0, NULL, NULL, true},
};
enum { CLASS_KEYS = sizeof class_keys / sizeof class_keys[0] };

static void read_one_class(reader *r, plan_class *c) { read_object(r, class_keys, CLASS_KEYS, c); }

static void read_classes(reader *r, void *into) {
  study_plan *p = into;
  READ_LIST(r, p->classes, p->class_count, p->class_capacity, read_one_class);
}

/* ---- the plan ---- */

#define GROUPS_SCHEMA "\"type\":\"array\",\"items\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}}"
static const plan_key plan_keys[] = {
    {"title", "of the report", KEY_TEXT, offsetof(study_plan, title), 0, 0, NULL, NULL, 0},
    {"about", "a sentence for readers", KEY_TEXT, offsetof(study_plan, about), 0, 0, NULL, NULL, 0},
    {"models", "trained networks: names, or objects", KEY_OTHER, 0, 0, 0, read_models,
     "\"type\":\"array\",\"items\":{\"anyOf\":[{\"type\":\"string\"},{\"$ref\":\"#/$defs/model\"}]}", 0},
    {"prompts", "texts: names, \"all\", or objects", KEY_OTHER, 0, 0, 0, read_plan_texts, TEXTS_SCHEMA, 0},
    {"controls", "what each text is compared with", KEY_OTHER, 0, 0, 0, read_controls, "\"$ref\":\"#/$defs/controls\"",
     0},
    {"flows", "idealised dynamics beside the networks", KEY_OTHER, 0, 0, 0, read_flows,
     "\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/flow\"}", 0},
    {"nulls", "draws of the sampled nulls (default 199)", KEY_COUNT, offsetof(study_plan, nulls), 19, 100000, NULL,
     NULL, 0},
    {"control_nulls", "the same in controls (default 39)", KEY_COUNT, offsetof(study_plan, control_nulls), 19, 100000,
     NULL, NULL, 0},
    {"max_tokens", "texts are cut to so many tokens; 0: longer than the context is an error", KEY_COUNT,
     offsetof(study_plan, max_tokens), 0, COUNT_MOST, NULL, NULL, 0},
    {"seed", "of every random number", KEY_COUNT, offsetof(study_plan, seed), 0, 1e15, NULL, NULL, 0},
    {"instruments", "measured of trained networks beside what the claims need; \"all\"", KEY_TEXT,
     offsetof(study_plan, instruments), 0, 0, NULL, NULL, 0},
    {"claims", "primary claims, which are held against each other (default A, B, C, D, E1, E2)", KEY_PATHS,
     offsetof(study_plan, claims), 0, 0, NULL, NULL, 0},
    {"depths", "models that differ in depth, by name (claim I)", KEY_OTHER, 0, 0, 0, read_depths, GROUPS_SCHEMA, 0},
    {"pairs", "encoder and decoder that are otherwise alike, by name (claim J)", KEY_OTHER, 0, 0, 0, read_pairs,
     GROUPS_SCHEMA, 0},
    {"classes", "registers taken together, whose texts claim F compares (default: each register)", KEY_OTHER, 0, 0, 0,
     read_classes, "\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/class\"}", 0},
};
enum { PLAN_KEYS = sizeof plan_keys / sizeof plan_keys[0] };

static void check_claims(reader *r) {
  for (size_t i = 0; i < r->plan->claim_count && r->status == DWELL_OK; i++) {
    if (claim_find(r->plan->claims[i]) != NULL) continue;
    snprintf(r->item, sizeof r->item, "claims[%zu]", i);
    fail(r, "there is no claim \"%.40s\"%s", r->plan->claims[i], "");
    error_remedy(r->err, "`dwell list claims` lists them");
  }
}

static void check_whole(reader *r) {
  const study_plan *p = r->plan;
  r->item[0] = '\0';
  if (p->model_count == 0 && p->flow_count == 0) fail(r, "names no models and no flows%s%s", "", "");
  for (size_t m = 0; m < p->model_count; m++) {
    if (p->texts.count > 0 || p->models[m].texts.count > 0) continue;
    snprintf(r->item, sizeof r->item, "models[%zu]", m);
    fail(r, "there are no \"prompts\" for it%s%s", "", "");
  }
  check_claims(r);
}

dwell_status study_plan_read(const char *text, size_t size, const char *path, const char *folder, study_plan *ret,
                             dwell_error *err) {
  static const char *const primary[] = {"A", "B", "C", "D", "E1", "E2"};
  dwell_error own = {.offset = -1};
  reader r = {.plan = ret, .err = err != NULL ? err : &own};
  *ret = (study_plan){.random = 19, .nulls = 199, .control_nulls = 39, .claims = primary, .claim_count = 6};
  r.c = jcursor_start(text, size, &ret->storage);
  ret->folder = arena_text(&ret->storage, folder, strlen(folder));
  if (ret->folder == NULL) return error_no_memory(err, "the plan");
  read_object(&r, plan_keys, PLAN_KEYS, ret);
  if (r.c.problem == NULL) check_whole(&r);
  dwell_status status = r.status != DWELL_OK ? r.status : jcursor_end(&r.c, path, err);
  if (status == DWELL_BAD_INPUT) error_in_file(r.err, path);
  return status;
}

void study_plan_free(study_plan *p) {
  for (size_t m = 0; m < p->model_count; m++) mem_free(p->models[m].texts.items);
  mem_free(p->models);
  mem_free(p->texts.items);
  mem_free(p->flows);
  mem_free(p->depths.items);
  mem_free(p->pairs.items);
  mem_free(p->classes);
  arena_clear(&p->storage);
  *p = (study_plan){0};
}

void study_plan_path(const study_plan *p, const char *path, strbuf *out) {
  strbuf joined = {0};
  strbuf_printf(&joined, "%s/%s", p->folder, path);
  bool relative = path[0] != '/' && p->folder[0] != '\0' && !joined.failed && access(joined.data, F_OK) == 0;
  strbuf_puts(out, relative ? joined.data : path);
  strbuf_free(&joined);
}

dwell_status study_preset_find(const char *name, const study_preset **ret, dwell_error *err) {
  const char *names[16];
  strbuf all = {0};
  for (size_t i = 0; i < study_preset_count; i++) {
    *ret = &study_preset_table[i];
    if (str_equal((*ret)->name, name)) return DWELL_OK;
    names[i] = (*ret)->name;
    strbuf_printf(&all, "%s%s", i > 0 ? ", " : "", (*ret)->name);
  }
  const char *near = str_nearest(name, names, study_preset_count);
  error_set(err, DWELL_USAGE, "there is no preset \"%.60s\"", name);
  if (near != NULL) error_remedy(err, "Did you mean \"%s\"?", near);
  error_remedy(err, "There are %s", all.failed ? "" : all.data);
  strbuf_free(&all);
  return DWELL_USAGE;
}

/* ---- the schema ---- */

static void schema_type(strbuf *out, const plan_key *k) {
  switch (k->kind) {
    case KEY_TEXT: strbuf_puts(out, TEXT_SCHEMA); break;
    case KEY_COUNT: strbuf_printf(out, "\"type\":\"integer\",\"minimum\":%g,\"maximum\":%.0f", k->low, k->high); break;
    case KEY_REAL: strbuf_printf(out, "\"type\":\"number\",\"minimum\":%g,\"maximum\":%g", k->low, k->high); break;
    case KEY_FLAG: strbuf_puts(out, "\"type\":\"boolean\""); break;
    case KEY_PATHS: strbuf_puts(out, "\"type\":\"array\",\"items\":{\"type\":\"string\"}"); break;
    case KEY_COUNTS: strbuf_puts(out, "\"type\":\"array\",\"items\":{\"type\":\"integer\"}"); break;
    case KEY_OTHER: strbuf_puts(out, k->schema); break;
  }
}

static void schema_object(strbuf *out, const plan_key *keys, size_t count) {
  const char *required = NULL;
  strbuf_puts(out, "\"type\":\"object\",\"additionalProperties\":false,\n  \"properties\":{");
  for (size_t i = 0; i < count; i++) {
    strbuf meaning = {0};
    jwriter w = jwriter_start(&meaning, 0);
    jwriter_string(&w, keys[i].meaning);
    strbuf_printf(out, "%s\n    \"%s\":{\"description\":%s,", i > 0 ? "," : "", keys[i].name,
                  meaning.failed ? "\"\"" : meaning.data);
    strbuf_free(&meaning);
    schema_type(out, &keys[i]);
    strbuf_putc(out, '}');
    if (keys[i].required) required = keys[i].name;
  }
  strbuf_puts(out, "\n  }");
  if (required != NULL) strbuf_printf(out, ",\"required\":[\"%s\"]", required);
}

static void schema_definition(strbuf *out, const char *name, const plan_key *keys, size_t count, bool last) {
  strbuf_printf(out, "\"%s\":{", name);
  schema_object(out, keys, count);
  strbuf_puts(out, last ? "}\n" : "},\n");
}

void study_plan_schema(strbuf *out) {
  strbuf_puts(out,
              "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"title\":\"plan of a dwell study\",\n");
  schema_object(out, plan_keys, PLAN_KEYS);
  strbuf_puts(out, ",\n\"$defs\":{\n");
  schema_definition(out, "model", model_keys, MODEL_KEYS, false);
  schema_definition(out, "text", text_keys, TEXT_KEYS, false);
  schema_definition(out, "flow", flow_keys, FLOW_KEYS, false);
  schema_definition(out, "class", class_keys, CLASS_KEYS, false);
  schema_definition(out, "controls", control_keys, CONTROL_KEYS, true);
  strbuf_puts(out, "}}\n");
}
