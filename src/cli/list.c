/* cli/list.c - dwell list: the registries, and the models that come with dwell, as text or JSON. */
#include <math.h>
#include <string.h>

#include "cli/cli.h"
#include "detect/detect.h"
#include "figure/figure.h"
#include "file/jwriter.h"
#include "flow/flow.h"
#include "hub/nursery.h"
#include "measure/plan.h"
#include "model/model.h"
#include "null/null.h"
#include "study/claim.h"
#include "text/prompt.h"
#include "theorem/theorem.h"
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
  void (*details)(const void *object, jwriter *w); /* the rest as JSON members; may be NULL */
  void (*print)(const void *object);               /* the rest as indented lines; may be NULL */
  bool nursery;                                    /* the models that come with dwell follow */
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

static void flow_print(const void *object) {
  for (const char *const *p = ((const flow *)object)->parameters; *p != NULL; p++) printf("    %s\n", *p);
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

static void model_details(const void *object, jwriter *w) {
  const model_architecture *a = object;
  jwriter_put_string(w, "kind", "architecture");
  jwriter_put_string(w, "attention", a->causal ? "causal" : "bidirectional");
}

/* ---- the nursery: no registry but files ---- */

static size_t none(void) { return 0; }

static void put_checkpoints(const nursery_model *m, jwriter *w) {
  char name[300];
  jwriter_key(w, "checkpoints");
  jwriter_array(w);
  for (size_t k = 0; k < m->checkpoint_count; k++) {
    const nursery_checkpoint *c = &m->checkpoints[k];
    snprintf(name, sizeof name, NURSERY_PREFIX "%s@step-%lld", m->name, (long long)c->step);
    jwriter_flat_object(w);
    jwriter_put_string(w, "name", name);
    jwriter_put_int(w, "step", c->step);
    jwriter_put_double(w, "held_out_nats", c->nats);
    jwriter_close(w);
  }
  jwriter_close(w);
}

static void put_nursery(const nursery_model *m, jwriter *w) {
  char name[300];
  snprintf(name, sizeof name, NURSERY_PREFIX "%s", m->name);
  jwriter_object(w);
  jwriter_put_string(w, "name", name);
  jwriter_put_string(w, "summary", m->summary);
  jwriter_put_string(w, "kind", "nursery");
  jwriter_put_string(w, "architecture", m->architecture);
  jwriter_put_int(w, "blocks", m->layers);
  jwriter_put_int(w, "width", m->width);
  jwriter_put_int(w, "heads", m->heads);
  jwriter_put_int(w, "vocabulary", m->vocabulary);
  jwriter_put_int(w, "context", m->context);
  jwriter_put_int(w, "parameters", m->parameters);
  jwriter_put_int(w, "step", m->step);
  jwriter_put_int(w, "tokens", m->tokens);
  jwriter_put_double(w, "held_out_nats", m->held_out);
  jwriter_key(w, "baseline");
  jwriter_flat_object(w);
  jwriter_put_string(w, "name", m->baseline);
  jwriter_put_double(w, "nats", m->baseline_nats);
  jwriter_close(w);
  jwriter_put_double(w, "unigram_nats", m->unigram_nats);
  put_checkpoints(m, w);
  jwriter_put_string(w, "licence", m->licence);
  jwriter_close(w);
}

/* The index is a file: nothing in it moves the cursor. */
static void print_line(const char *words) {
  char shown[600];
  str_display(shown, sizeof shown, words, strlen(words));
  printf("    %s\n", shown);
}

static void print_nursery_model(const nursery_model *m, int width) {
  char words[600];
  printf(NURSERY_PREFIX "%-*s  %6lld  %5lld  %8.2f M  %6.1f M  %8.3f  %8.3f  %7.3f\n", width, m->name,
         (long long)m->layers, (long long)m->width, (double)m->parameters / 1e6, (double)m->tokens / 1e6, m->held_out,
         m->baseline_nats, m->unigram_nats);
  print_line(m->summary);
  snprintf(words, sizeof words, "%s, %lld heads, context %lld, vocabulary %lld; baseline: %s; licence %s",
           m->architecture, (long long)m->heads, (long long)m->context, (long long)m->vocabulary, m->baseline,
           m->licence);
  print_line(words);
  for (size_t k = 0; k < m->checkpoint_count; k++) {
    const nursery_checkpoint *c = &m->checkpoints[k];
    printf("%s@step-%lld %.3f", k == 0 ? "    " : ", ", (long long)c->step, c->nats);
  }
  if (m->checkpoint_count > 0) printf(", step %lld %.3f\n", (long long)m->step, m->held_out);
}

static void print_nursery(const nursery_index *index) {
  int width = 4;
  for (size_t i = 0; i < index->count; i++) {
    int length = (int)strlen(index->models[i].name);
    if (length > width) width = length;
  }
  int all = width + (int)strlen(NURSERY_PREFIX);
  printf("%-*s  %6s  %5s  %10s  %8s  %s\n", all, "", "", "", "", "tokens", "held-out loss, nats per token");
  printf("%-*s  %6s  %5s  %10s  %8s  %8s  %8s  %7s\n", all, "name", "blocks", "width", "parameters", "trained", "model",
         "baseline", "unigram");
  for (size_t i = 0; i < index->count; i++) print_nursery_model(&index->models[i], width);
}

/* ---- instruments ---- */

static size_t instrument_count(void) {
  const instrument *all[PLAN_MAX_INSTRUMENTS];
  return plan_instruments(all);
}

static entry instrument_at(size_t i) {
  const instrument *all[PLAN_MAX_INSTRUMENTS];
  plan_instruments(all);
  return (entry){all[i]->name, all[i]->summary, all[i]->source, all[i]};
}

/* The null that a column is compared with in one representation, or NULL. */
static const char *null_of(const instrument_column *column, bool centred) {
  if (column->null != NULL && (column->null_in & (centred ? IN_CENTRED : IN_RAW))) return column->null;
  return column->chance != NULL ? "token_shuffle" : NULL;
}

static bool reports(const instrument *t, bool centred) {
  return t->scope != PER_STATE ? !centred : (t->in & (centred ? IN_CENTRED : IN_RAW)) != 0;
}

static void put_column(const instrument_column *column, bool centred, jwriter *w) {
  char name[80];
  snprintf(name, sizeof name, "%s%s", column->name, centred ? "_centred" : "");
  jwriter_flat_object(w);
  jwriter_put_string(w, "name", name);
  jwriter_put_string(w, "unit", column->unit);
  jwriter_put_double(w, "low", column->low); /* an open end is null */
  jwriter_put_double(w, "high", column->high);
  jwriter_put_string(w, "meaning", column->meaning);
  jwriter_put_string(w, "null", null_of(column, centred));
  jwriter_close(w);
}

/* What the source of a run must have: ret_needs [MOST_NEEDS]; their number. */
enum { MOST_NEEDS = 4 };

static size_t needs_of(const instrument *t, const char *ret_needs[MOST_NEEDS]) {
  bool states = t->state != NULL || t->step != NULL || (t->needs & (NEEDS_COSINES | NEEDS_MOVES)),
       attention = t->head != NULL;
  size_t count = 0;
  if (states) ret_needs[count++] = "states";
  if (attention) ret_needs[count++] = "attention";
  if (t->needs & NEEDS_LABELS) ret_needs[count++] = "clusters";
  if (t->from_parts) ret_needs[count++] = "parts of blocks";
  else if ((t->needs & (NEEDS_WEIGHTS | NEEDS_MOVES)) || (!states && !attention)) ret_needs[count++] = "weights";
  return count;
}

static void instrument_details(const void *object, jwriter *w) {
  static const char *const scopes[] = {"state", "step", "head"};
  const instrument *t = object;
  const char *needs[MOST_NEEDS];
  size_t count = needs_of(t, needs);
  jwriter_put_string(w, "per", scopes[t->scope]);
  jwriter_put_bool(w, "optional", t->optional);
  jwriter_key(w, "needs");
  jwriter_flat_array(w);
  for (size_t k = 0; k < count; k++) jwriter_string(w, needs[k]);
  jwriter_close(w);
  jwriter_key(w, "columns");
  jwriter_array(w);
  for (size_t k = 0; k < t->column_count; k++) {
    if (reports(t, false)) put_column(&t->columns[k], false, w);
    if (reports(t, true)) put_column(&t->columns[k], true, w);
  }
  jwriter_close(w);
}

/* "[0, 1]", "[1, inf)", "(-inf, inf) rad" */
static const char *range_of(const instrument_column *column, char text[64]) {
  char low[24] = "(-inf", high[24] = "inf)";
  if (isfinite(column->low)) snprintf(low, sizeof low, "[%.4g", column->low);
  if (isfinite(column->high)) snprintf(high, sizeof high, "%.4g]", column->high);
  bool plain = strcmp(column->unit, "1") == 0;
  snprintf(text, 64, "%s, %s%s%s", low, high, plain ? "" : " ", plain ? "" : column->unit);
  return text;
}

static void instrument_print(const void *object) {
  static const char *const tables[] = {"layers.csv", "blocks.csv", "heads.csv"};
  const instrument *t = object;
  const char *needs[MOST_NEEDS];
  size_t count = needs_of(t, needs);
  printf("    needs ");
  for (size_t k = 0; k < count; k++) printf("%s%s", k > 0 ? ", " : "", needs[k]);
  printf("; in %s%s:\n", tables[t->scope], t->optional ? ", only where --instruments names it" : "");
  for (size_t k = 0; k < t->column_count; k++) {
    const instrument_column *column = &t->columns[k];
    const char *raw = null_of(column, false), *centred = reports(t, true) ? null_of(column, true) : NULL;
    char range[64];
    printf("    %-24s %-16s %s%s\n", column->name, range_of(column, range), column->meaning,
           reports(t, true) ? "; also _centred"
           : t->types_too   ? "; also _types"
           : t->normed_too  ? "; also _ln"
                            : "");
    if (raw != NULL || centred != NULL) {
      printf("    %-24s %-16s null: %s%s\n", "", "", raw != NULL ? raw : centred, raw == NULL ? " (of _centred)" : "");
    }
  }
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
  jwriter_put_string(w, "how", n->how);
}

static void null_print(const void *object) {
  const null_model *n = object;
  printf("    holds     %s\n    destroys  %s\n    %s\n", n->holds, n->destroys, n->how);
}

/* ---- detectors ---- */

static size_t detector_count(void) {
  size_t count;
  detector_registry(&count);
  return count;
}

static entry detector_at(size_t i) {
  size_t count;
  const detector *d = detector_registry(&count)[i];
  return (entry){d->name, d->summary, d->source, d};
}

static void detector_details(const void *object, jwriter *w) {
  const detector *d = object;
  jwriter_put_string(w, "reads", d->reads);
  jwriter_key(w, "kinds");
  jwriter_flat_array(w);
  char kind[40];
  for (const char *rest = d->kinds; d->kinds[0] != '\0' && str_item(&rest, kind, sizeof kind);) jwriter_string(w, kind);
  jwriter_close(w);
  jwriter_put_string(w, "false_positive", d->false_positive);
  jwriter_put_string(w, "rate_of", d->rate_of);
}

static void detector_print(const void *object) {
  const detector *d = object;
  printf("    reads            %s\n", d->reads);
  if (d->kinds[0] != '\0') printf("    in events.csv    %s\n", d->kinds);
  printf("    false positives  %s (%s)\n", d->false_positive, d->rate_of);
}

/* ---- claims ---- */

static size_t claim_count(void) {
  size_t count;
  claim_registry(&count);
  return count;
}

static entry claim_at(size_t i) {
  size_t count;
  const claim *c = claim_registry(&count)[i];
  return (entry){c->name, c->title, c->source, c};
}

static void claim_details(const void *object, jwriter *w) {
  const claim *c = object;
  claim_thresholds all = claim_thresholds_default();
  jwriter_put_string(w, "sentence", c->sentence);
  jwriter_key(w, "needs");
  jwriter_flat_array(w);
  for (size_t k = 0; k < c->need_count; k++) jwriter_string(w, c->needs[k].name);
  jwriter_close(w);
  jwriter_key(w, "thresholds");
  jwriter_array(w);
  for (size_t k = 0; k < all.count; k++) {
    const claim_threshold *t = &all.items[k];
    if (!str_equal(t->claim, c->name)) continue;
    jwriter_flat_object(w);
    jwriter_put_string(w, "name", t->name);
    jwriter_put_double(w, "value", t->value);
    jwriter_put_double(w, "flow", t->flow);
    jwriter_put_string(w, "reason", t->reason);
    jwriter_close(w);
  }
  jwriter_close(w);
}

static void claim_print(const void *object) {
  const claim *c = object;
  claim_thresholds all = claim_thresholds_default();
  printf("    %s\n", c->sentence);
  for (size_t k = 0; k < c->need_count; k++)
    printf("    of each prompt  %-16s %s%s\n", c->needs[k].name, c->needs[k].meaning,
           c->needs[k].of_controls ? "; also of each control" : "");
  for (size_t k = 0; k < all.count; k++) {
    const claim_threshold *t = &all.items[k];
    if (!str_equal(t->claim, c->name)) continue;
    printf("    %-15s %-6g %s\n", t->name, t->value, t->reason);
  }
}

/* ---- theorems ---- */

static size_t theorem_count(void) {
  size_t count;
  theorem_registry(&count);
  return count;
}

static entry theorem_at(size_t i) {
  size_t count;
  const theorem *t = theorem_registry(&count)[i];
  return (entry){t->name, t->summary, t->source, t};
}

static void theorem_details(const void *object, jwriter *w) {
  const theorem *t = object;
  jwriter_key(w, "rows");
  jwriter_array(w);
  for (size_t r = 0; r < t->count; r++) {
    const theorem_row *row = &t->rows[r];
    jwriter_flat_object(w);
    jwriter_put_string(w, "name", row->name);
    jwriter_put_string(w, "statement", row->statement);
    jwriter_put_string(w, "parameters", row->parameters);
    jwriter_put_double(w, "predicted", row->predicted);
    jwriter_put_string(w, "relation", theorem_relation_name(row->relation));
    jwriter_put_double(w, "tolerance", row->tolerance);
    jwriter_put_string(w, "reason", row->reason);
    jwriter_put_bool(w, "quick", !row->slow);
    jwriter_close(w);
  }
  jwriter_close(w);
}

static void theorem_print(const void *object) {
  const theorem *t = object;
  for (size_t r = 0; r < t->count; r++)
    printf("    %-24s %s; %s%s\n", t->rows[r].name, t->rows[r].statement, t->rows[r].parameters,
           t->rows[r].slow ? "; not --quick" : "");
}

/* ---- figures ---- */

static size_t figure_count(void) {
  size_t count;
  figure_registry(&count);
  return count;
}

static entry figure_at(size_t i) {
  size_t count;
  const figure *f = figure_registry(&count)[i];
  return (entry){f->name, f->summary, f->source, f};
}

static void figure_details(const void *object, jwriter *w) {
  const figure *f = object;
  jwriter_put_string(w, "shows", f->shows);
  jwriter_put_string(w, "original", f->original);
  jwriter_put_string(w, "ours", f->ours);
  jwriter_put_bool(w, "needs_model", f->needs_model);
  jwriter_put_bool(w, "experiment", f->is_experiment);
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

static void tap_print(const void *object) {
  const tap *t = object;
  if (t->transformer_lens != NULL) printf("    TransformerLens  %s\n", t->transformer_lens);
  if (t->hugging_face != NULL) printf("    Hugging Face     %s\n", t->hugging_face);
}

/* ---- prompts ---- */

static size_t prompt_count_all(void) {
  size_t count;
  prompt_registry(&count);
  return count;
}

static entry prompt_at(size_t i) {
  size_t count;
  const prompt *p = &prompt_registry(&count)[i];
  return (entry){p->name, p->title, p->source, p};
}

static void prompt_details(const void *object, jwriter *w) {
  static const char *const tokenizers[PROMPT_TOKENIZERS] = {"gpt2", "bert", "albert", "rxn"};
  const prompt *p = object;
  jwriter_put_string(w, "title", p->title);
  jwriter_put_string(w, "kind", p->kind);
  jwriter_put_string(w, "register", p->reg);
  jwriter_put_string(w, "language", p->language);
  jwriter_put_string(w, "length", p->length);
  jwriter_put_string(w, "licence", p->licence);
  jwriter_put_int(w, "bytes", (int64_t)p->size);
  jwriter_put_string(w, "sha256", p->sha256);
  jwriter_key(w, "counts");
  jwriter_flat_object(w);
  for (size_t k = 0; k < PROMPT_TOKENIZERS; k++) {
    if (p->counts[k].tokens == 0) continue;
    jwriter_key(w, tokenizers[k]);
    jwriter_flat_object(w);
    jwriter_put_int(w, "tokens", (int64_t)p->counts[k].tokens);
    jwriter_put_int(w, "types", (int64_t)p->counts[k].types);
    jwriter_close(w);
  }
  jwriter_close(w);
}

static void prompt_print(const void *object) {
  const prompt *p = object;
  const prompt_count *gpt2 = &p->counts[PROMPT_GPT2];
  printf("    %s, %s, %s: %zu bytes, %zu GPT-2 tokens of %zu types\n    %s\n", p->reg, p->language,
         p->length != NULL ? p->length : p->kind, p->size, gpt2->tokens, gpt2->types, p->licence);
}

/* ---- the command ---- */

static const thing things[] = {
    {"flows", flow_count, flow_at, flow_details, flow_print, false},
    {"models", model_count, model_at, model_details, NULL, true},
    {"nursery", none, NULL, NULL, NULL, true},
    {"instruments", instrument_count, instrument_at, instrument_details, instrument_print, false},
    {"nulls", null_count, null_at, null_details, null_print, false},
    {"claims", claim_count, claim_at, claim_details, claim_print, false},
    {"theorems", theorem_count, theorem_at, theorem_details, theorem_print, false},
    {"figures", figure_count, figure_at, figure_details, NULL, false},
    {"detectors", detector_count, detector_at, detector_details, detector_print, false},
    {"taps", tap_count, tap_at, tap_details, tap_print, false},
    {"prompts", prompt_count_all, prompt_at, prompt_details, prompt_print, false},
};
static const char *const thing_names[] = {"flows",    "models",  "nursery",   "instruments", "nulls",   "claims",
                                          "theorems", "figures", "detectors", "taps",        "prompts", NULL};

static void print_text(const thing *t, const nursery_index *index) {
  int width = 0;
  for (size_t i = 0; i < t->count(); i++) {
    int length = (int)strlen(t->at(i).name);
    if (length > width) width = length;
  }
  for (size_t i = 0; i < t->count(); i++) {
    entry e = t->at(i);
    printf("%-*s  %s\n", width, e.name, e.summary);
    if (e.source != NULL) printf("%-*s  [%s]\n", width, "", e.source);
    if (t->print != NULL) t->print(e.object);
  }
  if (index->count > 0) {
    if (t->count() > 0) putchar('\n');
    print_nursery(index);
  }
}

static void print_json(const thing *t, const nursery_index *index) {
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
  for (size_t i = 0; i < index->count; i++) put_nursery(&index->models[i], &w);
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
      if (l->thing == NULL)
        cli_usage(state,
                  "name one of flows, models, nursery, instruments, nulls, claims, theorems, figures, detectors, taps, "
                  "prompts");
      break;
    default: return ARGP_ERR_UNKNOWN;
  }
  return 0;
}

static const struct argp_child children[] = {{&cli_argp_words, 0, NULL, 0}, {0}};
static const char doc[] =
    "Print a registry: what this dwell can simulate, run, measure and compare with, and on which texts.";

/* The nursery's index. Without any models here, `list models` still has the architectures. */
static dwell_status open_nursery(const cli *c, const thing *t, nursery_index *index, dwell_error *err) {
  bool absent = false;
  if (!t->nursery) return DWELL_OK;
  dwell_status status = nursery_index_open(index, &absent, err);
  if (!absent || t->count() == 0) return status;
  cli_say(c, "nursery: %s. %s.", err->message, err->remedy);
  return DWELL_OK;
}

int cmd_list(int argc, char **argv, cli *c) {
  static const struct argp argp = {
      NULL, parse,    "flows|models|nursery|instruments|nulls|claims|theorems|figures|detectors|taps|prompts",
      doc,  children, NULL,
      NULL};
  list l = {.c = c};
  nursery_index index = {0};
  dwell_error err;
  argp_parse(&argp, argc, argv, 0, NULL, &l);
  dwell_status status = open_nursery(c, l.thing, &index, &err);
  if (status != DWELL_OK) cli_fail(c, argv[0], &err);
  else if (c->json) print_json(l.thing, &index);
  else print_text(l.thing, &index);
  nursery_index_free(&index);
  return (int)status;
}
