/* measure/plan.h - which instruments, in which representations, with which nulls: decided before anything runs. */
#ifndef DWELL_MEASURE_PLAN_H
#define DWELL_MEASURE_PLAN_H

#include <dwell/measure.h>

#include "instrument/instrument.h"
#include "null/null.h"

enum { PLAN_MAX_ITEMS = 96, PLAN_MAX_VALUES = 384, PLAN_MAX_NULLS = 48 };

/* What is done to a state before its directions are taken: nothing; robust units; the next block's norm. */
typedef enum plan_form { FORM_PLAIN, FORM_ROBUST, FORM_NORMED, FORMS } plan_form;

/* Which tokens: those of the selection; for clusters also the first occurrences of their ids (suffix _types). In every
 * form, the plain one first. */
typedef enum plan_set { SET_SELECTION, SET_TYPES, SETS = 2 * FORMS } plan_set;

static inline plan_set plan_set_of(plan_form form, plan_set tokens) { return 2 * form + tokens; }
static inline plan_form plan_set_form(plan_set set) { return (plan_form)(set / 2); }
static inline bool plan_set_has_types(plan_set set) { return set % 2 == SET_TYPES; }

/* Column or array name of an item: "mass90" + "_robust" + "_centred" + "_types"; all of it before `opt_after`, the
 * end of the name. */
void plan_name(char *ret_name, size_t size, const char *name, const char *opt_after, plan_set set, representation in);

/* One call of one instrument: its values are values[first .. first + column_count). */
typedef struct plan_item {
  const instrument *what;
  representation in;
  plan_set set;
  size_t first;
} plan_item;

typedef struct plan_value {
  char name[64]; /* column of the csv: "mass90_centred" */
  const instrument_column *column;
  bool wanted;      /* --instruments named it */
  size_t null_slot; /* index into plan.nulls, or SIZE_MAX */
} plan_value;

typedef struct plan_list { /* one per scope */
  plan_item items[PLAN_MAX_ITEMS];
  size_t item_count;
  plan_value values[PLAN_MAX_VALUES];
  size_t value_count;
} plan_list;

typedef struct plan_null {
  const null_model *null;
  size_t value; /* of the state list */
  plan_set set;
  size_t where; /* null whose p decides where this one is drawn, or SIZE_MAX: everywhere */
} plan_null;

typedef struct plan {
  plan_list state, step, head;
  plan_null nulls[PLAN_MAX_NULLS];
  size_t null_count;
  size_t draws;        /* 0 if no sampled null is wanted */
  bool wants_geometry; /* anything of state or step is wanted */
} plan;

/* For this trajectory and these options. Unknown instrument names: DWELL_USAGE with the nearest name. */
dwell_status plan_make(const dwell_trajectory *t, const dwell_measure_options *options, plan *ret_plan,
                       dwell_error *err);

/* Are first occurrences of ids measured beside the selection? */
bool plan_offers_types(const dwell_trajectory *t, const dwell_measure_options *options);

/* The value of a list that has this column (raw) in this set, or SIZE_MAX. */
size_t plan_find(const plan_list *list, const char *column, plan_set set);

/* Every instrument: of states, steps and heads, then those that read weights. ret_all [PLAN_MAX_INSTRUMENTS]. */
enum { PLAN_MAX_INSTRUMENTS = 64 };
size_t plan_instruments(const instrument *ret_all[PLAN_MAX_INSTRUMENTS]);

/* Does any instrument read the attention itself? */
bool plan_reads_attention(const plan *p);

/* Is anything measured over this set; is a null drawn for it? How many sets have one? */
bool plan_has_set(const plan *p, plan_set set);
bool plan_draws_set(const plan *p, plan_set set);
size_t plan_drawn_sets(const plan *p);

/* Is any column of it to be printed? Values may be measured for others only (beta_eff for the calibrated energies). */
bool plan_shows(const plan_list *list);
/* Place of a column among the values, or SIZE_MAX. */
size_t plan_first_value(const plan_list *list, const char *column);

#endif
