/* cli/list.c - dwell list: the registries, as text or JSON. */
#include <math.h>
#include <string.h>

#include "cli/cli.h"
#include "file/jwriter.h"
#include "flow/flow.h"
#include "instrument/instrument.h"
#include "model/model.h"
#include "null/null.h"
#include "trajectory/taps.h"

/* One entry of any registry: its name and summary, and how it writes the rest of itself as JSON. */
typedef struct entry {
  const char *name, *summary, *source;
  const void *object;
} entry;

typedef struct thing {
  const char *name;
  size_t (*count)(void);
  entry (*at)(size_t i);
  void (*details)(const void *object, jwriter *w); /* may be NULL */
} thing;

/* ---- flows ---- */

static size_t flow_count(void) {
  size_t count;
  flow_registry(&count);
  return count;
}

static entry flow_at(size_t i) {
  size_t count;
  const flow *f = flow_registry(&count)[i];
  return (entry){f->name, f->summary, f->source, f};
}

static void flow_details(const void *object, jwriter *w) {
  const flow *f = object;
  jwriter_key(w, "parameters");
  jwriter_flat_array(w);
  for (const char *const *p = f->parameters; *p != NULL; p++) jwriter_string(w, *p);
  jwriter_close(w);
}

/* ---- models ---- */

static size_t model_count(void) {
  size_t count;
  model_registry(&count);
  return count;
}

static entry model_at(size_t i) {
  size_t count;
  const model_architecture *a = model_registry(&count)[i];
  return (entry){a->name, a->summary, a->source, a};
}

/* ---- instruments ---- */

static size_t instrument_count(void) {
  size_t count;
  instrument_registry(&count);
  return count;
}

static entry instrument_at(size_t i) {
  size_t count;
  const instrument *t = instrument_registry(&count)[i];
  return (entry){t->name, t->summary, t->source, t};
}

static void put_column(const instrument *t, const instrument_column *column, bool centred, jwriter *w) {
  char name[80];
  unsigned in = centred ? IN_CENTRED : IN_RAW;
  snprintf(name, sizeof name, "%s%s", column->name, centred ? "_centred" : "");
  jwriter_flat_object(w);
  jwriter_put_string(w, "name", name);
  jwriter_put_string(w, "unit", column->unit);
  jwriter_put_double(w, "low", column->low); /* an open end is null */
  jwriter_put_double(w, "high", column->high);
  jwriter_put_string(w, "meaning", column->meaning);
  jwriter_put_string(w, "null",
                     column->null != NULL && (column->null_in & in) ? column->null
                     : column->chance != NULL                       ? "token_shuffle"
                                                                    : NULL);
  jwriter_close(w);
  (void)t;
}

static void instrument_details(const void *object, jwriter *w) {
  static const char *const scopes[] = {"state", "step", "head"};
  const instrument *t = object;
  jwriter_put_string(w, "per", scopes[t->scope]);
  jwriter_key(w, "columns");
  jwriter_array(w);
  for (size_t k = 0; k < t->column_count; k++) {
    if (t->scope != PER_STATE || (t->in & IN_RAW)) put_column(t, &t->columns[k], false, w);
    if (t->scope == PER_STATE && (t->in & IN_CENTRED)) put_column(t, &t->columns[k], true, w);
  }
  jwriter_close(w);
}

/* ---- nulls ---- */

static size_t null_count(void) {
  size_t count;
  null_registry(&count);
  return count;
}

static entry null_at(size_t i) {
  size_t count;
  const null_model *n = null_registry(&count)[i];
  return (entry){n->name, n->summary, n->source, n};
}

static void null_details(const void *object, jwriter *w) {
  const null_model *n = object;
  jwriter_put_string(w, "holds", n->holds);
  jwriter_put_string(w, "destroys", n->destroys);
  jwriter_put_bool(w, "analytic", n->analytic);
}

/* ---- taps ---- */

static size_t tap_count(void) {
  size_t count;
  taps_all(&count);
  return count;
}

static entry tap_at(size_t i) {
  size_t count;
  const tap *t = &taps_all(&count)[i];
  return (entry){t->name, t->meaning, NULL, t};
}

static void tap_details(const void *object, jwriter *w) {
  const tap *t = object;
  jwriter_put_string(w, "transformer_lens", t->transformer_lens);
  jwriter_put_string(w, "hugging_face", t->hugging_face);
}

/* ---- the command ---- */

static const thing things[] = {
    {"flows", flow_count, flow_at, flow_details},
    {"models", model_count, model_at, NULL},
    {"instruments", instrument_count, instrument_at, instrument_details},
    {"nulls", null_count, null_at, null_details},
    {"taps", tap_count, tap_at, tap_details},
};
static const char *const thing_names[] = {"flows", "models", "instruments", "nulls", "taps", NULL};

static void print_text(const thing *t) {
  int width = 0;
  for (size_t i = 0; i < t->count(); i++) {
    int length = (int)strlen(t->at(i).name);
    if (length > width) width = length;
  }
  for (size_t i = 0; i < t->count(); i++) {
    entry e = t->at(i);
    printf("%-*s  %s\n", width, e.name, e.summary);
    if (e.source != NULL) printf("%-*s  [%s]\n", width, "", e.source);
  }
}

static void print_json(const thing *t) {
  strbuf out = {0};
  jwriter w = jwriter_start(&out, 1);
  jwriter_array(&w);
  for (size_t i = 0; i < t->count(); i++) {
    entry e = t->at(i);
    jwriter_object(&w);
    jwriter_put_string(&w, "name", e.name);
    jwriter_put_string(&w, "summary", e.summary);
    if (e.source != NULL) jwriter_put_string(&w, "source", e.source);
    if (t->details != NULL) t->details(e.object, &w);
    jwriter_close(&w);
  }
  jwriter_close(&w);
  puts(out.failed ? "[]" : out.data);
  strbuf_free(&out);
}

typedef struct list {
  cli *c;
  const thing *thing;
} list;

static error_t parse(int key, char *arg, struct argp_state *state) {
  list *l = state->input;
  switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = l->c; break;
    case ARGP_KEY_ARG: l->thing = &things[cli_choice(state, "list", arg, thing_names)]; break;
    case ARGP_KEY_END:
      if (l->thing == NULL) argp_error(state, "name one of flows, models, instruments, nulls, taps");
      break;
    default: return ARGP_ERR_UNKNOWN;
  }
  return 0;
}

static const struct argp_child children[] = {{&cli_argp_words, 0, NULL, 0}, {0}};
static const char doc[] = "Print a registry: what this dwell can simulate, run, measure and compare with.";

int cmd_list(int argc, char **argv, cli *c) {
  static const struct argp argp = {NULL, parse, "flows|models|instruments|nulls|taps", doc, children, NULL, NULL};
  list l = {.c = c};
  argp_parse(&argp, argc, argv, 0, NULL, &l);
  if (c->json) print_json(l.thing);
  else print_text(l.thing);
  return DWELL_OK;
}
