/* study/plan.h - what a study is to do, as its JSON file says: models, texts, controls, flows, claims.
 *
 * A plan is fixed before the data: how many tests there are, which models and texts, which seeds. Nothing is opened
 * here: reading a plan needs none of the models and files that it names. */
#ifndef DWELL_STUDY_PLAN_H
#define DWELL_STUDY_PLAN_H

#include <dwell/status.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/str.h"

/* One entry of "prompts". */
typedef enum plan_text_kind { PLAN_ALL_TEXTS, PLAN_PROMPT, PLAN_REGISTER, PLAN_FILE } plan_text_kind;
typedef struct plan_text {
  plan_text_kind kind;
  const char *what;       /* name of the prompt or register, path of the file (relative to the plan's folder) */
  const char *name;       /* of a file's texts; NULL: the file's own */
  const char *text_class; /* of a file; NULL: "other" */
  const int64_t *lengths; /* [length_count] tokens to cut at, each a text of its own: a sweep */
  size_t length_count;
} plan_text;

typedef struct plan_texts {
  plan_text *items;
  size_t count, capacity;
} plan_texts;

typedef struct plan_model {
  const char *model;         /* a folder (relative to the plan's), a hub name, nursery:NAME */
  const char *name;          /* short; NULL: the last part of `model` */
  const int64_t *iterations; /* [iteration_count] of albert: a model each; none: its own */
  size_t iteration_count;
  const char *const *checkpoints; /* [checkpoint_count] revisions before the last one */
  size_t checkpoint_count;
  bool all_checkpoints; /* of a nursery model: those of its index */
  plan_texts texts;     /* instead of the plan's; none: those */
} plan_model;

typedef struct plan_flow {
  const char *name; /* NULL: made of the rest */
  const char *flow; /* registry name */
  int64_t n, d, starts;
  double beta, until;
} plan_flow;

/* Names of models that a claim takes together: depths, or a pair. */
typedef struct plan_group {
  const char *const *names;
  size_t count;
} plan_group;

/* Registers (or classes of files) that are one class for claim F. */
typedef struct plan_class {
  const char *name;
  const char *const *registers;
  size_t count;
} plan_class;

typedef struct plan_groups {
  plan_group *items;
  size_t count, capacity;
} plan_groups;

typedef struct study_plan {
  const char *title, *about;
  plan_model *models;
  size_t model_count, model_capacity;
  plan_texts texts;
  plan_flow *flows;
  size_t flow_count, flow_capacity;
  int64_t random, shuffled, rotations; /* control networks, orders, rotations of W_O (with scales of it) per text */
  bool repeated;                       /* one word repeated, as a text under its own heading */
  int64_t nulls, control_nulls;        /* draws */
  int64_t max_tokens;                  /* texts are cut there; 0: longer than the context is an error */
  int64_t seed;
  const char *instruments;   /* of trained networks; NULL: what the claims need */
  const char *const *claims; /* [claim_count] primary ones */
  size_t claim_count;
  plan_groups depths, pairs;
  plan_class *classes;
  size_t class_count, class_capacity;
  arena storage;
  const char *folder; /* of the plan, for relative paths; "" */
} study_plan;

/* Reads a plan: `text` [size], `path` for messages, `folder` for relative paths. Release with plan_free, also after an
 * error. DWELL_BAD_INPUT with the byte, what is expected there and, of an unknown key, the nearest known one. */
dwell_status study_plan_read(const char *text, size_t size, const char *path, const char *folder, study_plan *ret_plan,
                             dwell_error *err);
void study_plan_free(study_plan *p);

/* The schema of a plan (JSON Schema 2020-12), made from the tables that study_plan_read reads with. */
void study_plan_schema(strbuf *out);

/* Plans that come with dwell. */
typedef struct study_preset {
  const char *name, *summary, *text;
  size_t size;
} study_preset;
extern const study_preset study_preset_table[]; /* generated from data/studies */
extern const size_t study_preset_count;
/* DWELL_USAGE with the nearest name where there is none. */
dwell_status study_preset_find(const char *name, const study_preset **ret_preset, dwell_error *err);

/* A path of the plan as the program may open it: appended to `out`. A name that is no path stays. */
void study_plan_path(const study_plan *p, const char *path, strbuf *out);

#endif
