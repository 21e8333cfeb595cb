/* measure/plan.c - which instruments, representations and nulls. */
#include "measure/plan.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/str.h"
#include "mechanism/mechanism.h"

/* ---- all instruments ---- */

size_t plan_instruments(const instrument *ret_all[PLAN_MAX_INSTRUMENTS]) {
  size_t plain, weights;
  const instrument *const *first = instrument_registry(&plain), *const *then = mechanism_registry(&weights);
  assert(plain + weights <= PLAN_MAX_INSTRUMENTS);
  for (size_t i = 0; i < plain; i++) ret_all[i] = first[i];
  for (size_t i = 0; i < weights; i++) ret_all[plain + i] = then[i];
  return plain + weights;
}

/* ---- the list of names ---- */

/* In the list: everything that is measured where there is none. */
static const char PLAN_DEFAULT[] = "default";

enum { NAME_SIZE = 80 }; /* longer than any name */

static bool listed(const char *list, const char *name) {
  char item[NAME_SIZE];
  while (str_item(&list, item, sizeof item)) {
    if (str_equal(item, name)) return true;
  }
  return false;
}

static dwell_status refuse_name(const char *name, dwell_error *err) {
  const instrument *all[PLAN_MAX_INSTRUMENTS];
  const char *names[PLAN_MAX_INSTRUMENTS];
  size_t count = plan_instruments(all);
  for (size_t i = 0; i < count; i++) names[i] = all[i]->name;
  const char *near = str_nearest(name, names, count);
  error_set(err, DWELL_USAGE, "there is no instrument or column \"%s\"", name);
  if (near != NULL) error_remedy(err, "Did you mean \"%s\"? `dwell list instruments` shows all", near);
  else error_remedy(err, "`dwell list instruments` shows all");
  return DWELL_USAGE;
}

static const char *const form_suffixes[FORMS] = {"", "_robust", "_ln"};
static const char *const form_names[FORMS] = {"", "robust", "ln"};

static bool is_offered(const dwell_measure_options *o, plan_form form) {
  return form == FORM_ROBUST ? o->robust : form == FORM_NORMED ? o->normed : true;
}

/* A column of a form that is not asked for would be silently absent. */
static dwell_status check_form(const char *name, const dwell_measure_options *o, dwell_error *err) {
  for (plan_form form = FORM_ROBUST; form < FORMS; form++) {
    const char *found = strstr(name, form_suffixes[form]);
    size_t length = strlen(form_suffixes[form]);
    if (found == NULL || (found[length] != '\0' && found[length] != '_') || is_offered(o, form)) continue;
    error_set(err, DWELL_USAGE, "\"%s\" is not measured", name);
    return error_remedy(err, "Ask for it by --representation %s", form_names[form]);
  }
  return DWELL_OK;
}

/* An instrument that reads weights, or a column of one: they are in no set and no representation but one. */
static bool reads_weights(const char *name) {
  size_t count;
  const instrument *const *all = mechanism_registry(&count);
  for (size_t i = 0; i < count; i++) {
    if (str_equal(all[i]->name, name)) return true;
    for (size_t k = 0; k < all[i]->column_count; k++) {
      if (str_equal(all[i]->columns[k].name, name)) return true;
    }
  }
  return false;
}

static dwell_status check_names(const dwell_measure_options *o, dwell_error *err) {
  const char *list = o->instruments;
  if (list[strspn(list, ",")] == '\0') {
    error_set(err, DWELL_USAGE, "the list of instruments is empty");
    error_remedy(err, "`dwell list instruments` shows all");
    return DWELL_USAGE;
  }
  char name[NAME_SIZE];
  while (str_item(&list, name, sizeof name)) {
    if (name[0] == '\0' || str_equal(name, PLAN_DEFAULT)) continue;
    if (instrument_find(name) == NULL && !reads_weights(name)) return refuse_name(name, err);
    dwell_status status = check_form(name, o, err);
    if (status != DWELL_OK) return status;
  }
  return DWELL_OK;
}

/* ---- lists ---- */

void plan_name(char *ret_name, size_t size, const char *name, const char *opt_after, plan_set set, representation in) {
  const char *after = opt_after != NULL ? opt_after : "";
  snprintf(ret_name, size, "%.*s%s%s%s%s", (int)(strlen(name) - strlen(after)), name, form_suffixes[plan_set_form(set)],
           in == CENTRED ? "_centred" : "", plan_set_has_types(set) ? "_types" : "", after);
}

static void add_values(plan_list *list, const instrument *what, representation in, plan_set set, const char *wanted) {
  bool whole = wanted == NULL || listed(wanted, what->name) || (!what->optional && listed(wanted, PLAN_DEFAULT));
  for (size_t k = 0; k < what->column_count; k++) {
    assert(list->value_count < PLAN_MAX_VALUES);
    plan_value *v = &list->values[list->value_count++];
    *v = (plan_value){.column = &what->columns[k], .null_slot = SIZE_MAX};
    plan_name(v->name, sizeof v->name, what->columns[k].name, what->columns[k].after_set, set, in);
    v->wanted = whole || listed(wanted, v->name);
  }
}

/* Adds the instrument if any of its columns is wanted. */
static void add_item(plan_list *list, const instrument *what, representation in, plan_set set, const char *wanted) {
  size_t first = list->value_count;
  add_values(list, what, in, set, wanted);
  for (size_t i = first; i < list->value_count; i++) {
    if (!list->values[i].wanted) continue;
    assert(list->item_count < PLAN_MAX_ITEMS);
    list->items[list->item_count++] = (plan_item){what, in, set, first};
    return;
  }
  list->value_count = first;
}

static void add_state_items(plan *p, const instrument *what, plan_set set, const char *wanted) {
  if (what->in & IN_RAW) add_item(&p->state, what, RAW, set, wanted);
  if (what->in & IN_CENTRED) add_item(&p->state, what, CENTRED, set, wanted);
}

bool plan_shows(const plan_list *list) {
  for (size_t i = 0; i < list->value_count; i++) {
    if (list->values[i].wanted) return true;
  }
  return false;
}

size_t plan_first_value(const plan_list *list, const char *column) {
  for (size_t i = 0; i < list->value_count; i++) {
    if (strcmp(list->values[i].name, column) == 0) return i;
  }
  return SIZE_MAX;
}

static bool wants_calibration(const plan_list *list) {
  static const char end[] = "_calibrated";
  for (size_t i = 0; i < list->value_count; i++) {
    size_t length = strlen(list->values[i].name), tail = sizeof end - 1;
    if (list->values[i].wanted && length > tail && strcmp(list->values[i].name + length - tail, end) == 0) return true;
  }
  return false;
}

/* The calibrated energies of a network need the temperature of its heads, whether that is asked for or not. */
static void add_calibration(plan *p, const dwell_trajectory *t, double beta) {
  const instrument *what = instrument_find("beta_eff");
  bool needed = wants_calibration(&p->state) || wants_calibration(&p->step) || wants_calibration(&p->head);
  if (!needed || !isnan(beta) || t->heads == 0 || t->states < 2) return;
  if (plan_first_value(&p->head, "beta_eff") != SIZE_MAX) return;
  size_t first = p->head.value_count;
  add_values(&p->head, what, RAW, SET_SELECTION, ""); /* none of them is printed */
  assert(p->head.item_count < PLAN_MAX_ITEMS);
  p->head.items[p->head.item_count++] = (plan_item){what, RAW, SET_SELECTION, first};
}

bool plan_offers_types(const dwell_trajectory *t, const dwell_measure_options *o) {
  return t->token_ids != NULL && !o->types; /* without ids every token is one */
}

/* Over the tokens of the selection and, for some, over first occurrences; other forms than the plain one for what
 * speaks of groups and spread. */
static void add_state_sets(plan *p, const instrument *what, const dwell_trajectory *t, const dwell_measure_options *o) {
  bool types = what->types_too && plan_offers_types(t, o);
  for (plan_form form = FORM_PLAIN; form < FORMS; form++) {
    if (!is_offered(o, form) || (form != FORM_PLAIN && !what->types_too && !(what->in & IN_CENTRED))) continue;
    add_state_items(p, what, plan_set_of(form, SET_SELECTION), o->instruments);
    if (types) add_state_items(p, what, plan_set_of(form, SET_TYPES), o->instruments);
  }
}

static void add_instrument(plan *p, const instrument *what, const dwell_trajectory *t, const dwell_measure_options *o) {
  const char *wanted = o->instruments;
  if (what->optional && wanted == NULL) return;
  bool reads = what->head_weights != NULL || what->block_weights != NULL || (what->needs & NEEDS_WEIGHTS);
  if (reads && !t->has_weights) return;
  switch (what->scope) {
    case PER_STATE: add_state_sets(p, what, t, o); break;
    case PER_STEP:
      if (t->states > 1) add_item(&p->step, what, RAW, SET_SELECTION, wanted);
      break;
    case PER_HEAD:
      if (t->heads == 0 || t->states < 2) break;
      add_item(&p->head, what, RAW, SET_SELECTION, wanted);
      if (what->types_too && plan_offers_types(t, o)) add_item(&p->head, what, RAW, SET_TYPES, wanted);
      if (what->normed_too && o->normed) add_item(&p->head, what, RAW, plan_set_of(FORM_NORMED, SET_SELECTION), wanted);
      break;
  }
}

/* The null of a column of the same set, or SIZE_MAX. */
static size_t find_null(const plan *p, const char *column, plan_set set) {
  for (size_t k = 0; column != NULL && k < p->null_count; k++) {
    if (p->nulls[k].set == set && str_equal(p->state.values[p->nulls[k].value].column->name, column)) return k;
  }
  return SIZE_MAX;
}

/* Of the other forms only the presence of clusters is tested. */
static bool is_tested(const plan_item *item, const instrument_column *column) {
  unsigned in = item->in == CENTRED ? IN_CENTRED : IN_RAW;
  bool plain = plan_set_form(item->set) == FORM_PLAIN;
  return column->null != NULL && column->null_in & in && (plain || (item->what->types_too && !column->null_where));
}

static void add_nulls(plan *p, size_t draws) {
  for (size_t i = 0; i < p->state.item_count && draws > 0; i++) {
    const plan_item *item = &p->state.items[i];
    for (size_t k = 0; k < item->what->column_count; k++) {
      plan_value *v = &p->state.values[item->first + k];
      if (!v->wanted || !is_tested(item, v->column)) continue;
      assert(p->null_count < PLAN_MAX_NULLS);
      v->null_slot = p->null_count;
      p->nulls[p->null_count++] = (plan_null){null_find(v->column->null), item->first + k, item->set, SIZE_MAX};
    }
  }
  for (size_t k = 0; k < p->null_count; k++) {
    p->nulls[k].where = find_null(p, p->state.values[p->nulls[k].value].column->null_where, p->nulls[k].set);
  }
  p->draws = p->null_count > 0 ? draws : 0;
}

dwell_status plan_make(const dwell_trajectory *t, const dwell_measure_options *options, plan *ret_plan,
                       dwell_error *err) {
  const instrument *all[PLAN_MAX_INSTRUMENTS];
  size_t count = plan_instruments(all);
  if (options->instruments != NULL) {
    dwell_status status = check_names(options, err);
    if (status != DWELL_OK) return status;
  }
  memset(ret_plan, 0, sizeof *ret_plan);
  for (size_t i = 0; i < count; i++) add_instrument(ret_plan, all[i], t, options);
  add_calibration(ret_plan, t, options->beta);
  add_nulls(ret_plan, options->null_draws);
  ret_plan->wants_geometry = ret_plan->state.item_count + ret_plan->step.item_count > 0;
  return DWELL_OK;
}

bool plan_reads_attention(const plan *p) {
  for (size_t i = 0; i < p->head.item_count; i++) {
    if (p->head.items[i].what->head != NULL) return true;
  }
  return false;
}

size_t plan_find(const plan_list *list, const char *column, plan_set set) {
  char name[NAME_SIZE];
  size_t i = 0;
  plan_name(name, sizeof name, column, NULL, set, RAW);
  while (i < list->value_count && !str_equal(list->values[i].name, name)) i++;
  return i < list->value_count ? i : SIZE_MAX;
}

bool plan_has_set(const plan *p, plan_set set) {
  for (size_t i = 0; i < p->state.item_count; i++) {
    if (p->state.items[i].set == set) return true;
  }
  return false;
}

bool plan_draws_set(const plan *p, plan_set set) {
  for (size_t k = 0; k < p->null_count && p->draws > 0; k++) {
    if (p->nulls[k].set == set) return true;
  }
  return false;
}

size_t plan_drawn_sets(const plan *p) {
  size_t count = 0;
  for (plan_set set = 0; set < SETS; set++) count += plan_draws_set(p, set);
  return count;
}
