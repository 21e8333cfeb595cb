/* cli/measure.c - dwell measure: run a checkpoint over texts, or read somebody's states, and measure every layer. */
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/error.h"
#include "cli/cli.h"
#include "cli/controls.h"
#include "cli/interventions.h"
#include "text/texts.h"

enum {
  KEY_STATES = 0x4000,
  KEY_IDS,
  KEY_MAX_TOKENS,
  KEY_SHUFFLE,
  KEY_RANDOM_INIT,
  KEY_PROMPT,
  KEY_RANDOM_CONTROLS,
  KEY_SHUFFLED_CONTROLS,
  KEY_CONTROL,
  KEY_NLL,
  KEY_LENS,
  KEY_PLAIN,
  KEY_PUSH
};

/* Values of an option that may be repeated. */
typedef struct names {
  const char **list;
  size_t count;
} names;

typedef struct measure {
  cli *c;
  cli_measuring measuring;
  dwell_model_options model_options;
  cli_interventions interventions;
  const char *model, *states, *ids;
  names words, files, prompts; /* -p, -f, --prompt */
  names control_files;         /* --control */
  size_t random_controls, shuffled_controls;
  bool against_plain;
  controls controls; /* of the run at hand */
  arena storage;
  texts texts;
} measure;

static void set_model(struct argp_state *state, measure *m, char *name) {
  if (m->model != NULL) cli_usage(state, "one model at a time: \"%s\" and \"%s\"", m->model, name);
  m->model = name;
}

static void add_name(struct argp_state *state, measure *m, names *n, const char *name) {
  const char **grown = ARENA_NEW(&m->storage, const char *, n->count + 1);
  if (grown == NULL) argp_failure(state, DWELL_NO_MEMORY, 0, "out of memory");
  for (size_t i = 0; i < n->count; i++) grown[i] = n->list[i];
  grown[n->count++] = name;
  n->list = grown;
}

static void check(struct argp_state *state, const measure *m) {
  int inputs = (m->words.count > 0) + (m->files.count > 0) + (m->prompts.count > 0) + (m->ids != NULL);
  if (m->c->out == NULL) cli_usage(state, "say where the results go: -o RUN");
  if (m->states != NULL && (m->model != NULL || inputs > 0)) cli_usage(state, "--states needs no model and no text");
  if (m->states != NULL && m->random_controls + m->shuffled_controls > 0)
    cli_usage(state, "controls of --states are files: --control FILE.npz");
  if (m->states != NULL && interventions_any(&m->interventions))
    cli_usage(state, "interventions need a MODEL: there is no network behind --states");
  bool pushes = m->measuring.options.push.kind != DWELL_PUSH_NONE;
  if (pushes && m->interventions.at == SIZE_MAX) cli_usage(state, "--push needs --at L: the state to push");
  if (m->interventions.at != SIZE_MAX && !pushes && m->interventions.patch_file == NULL)
    cli_usage(state, "--at needs --push or --patch");
  if (m->against_plain && !interventions_any(&m->interventions))
    cli_usage(state, "--against-plain needs an intervention, such as --scale-wo 0.5");
  if (m->states == NULL && m->control_files.count > 0) cli_usage(state, "--control needs --states");
  if (m->states == NULL && m->model == NULL)
    cli_usage(state, "name a MODEL (a folder, nursery:NAME or a hub name), or --states FILE.npz");
  if (m->states == NULL && inputs != 1)
    cli_usage(state, "give the text by one of -p TEXT, -f FILE, --prompt NAME or --ids 1,2,3");
}

/* "KIND" or "KIND:AMOUNT" */
static void parse_push(struct argp_state *state, const char *value, dwell_push *ret_push) {
  static const char *const kinds[] = {"centroid", "together", NULL};
  char kind[24];
  size_t length = strcspn(value, ":");
  snprintf(kind, sizeof kind, "%.*s", length < sizeof kind ? (int)length : (int)sizeof kind - 1, value);
  ret_push->kind = cli_choice(state, "--push", kind, kinds) == 0 ? DWELL_PUSH_CENTROID : DWELL_PUSH_TOGETHER;
  ret_push->amount = value[length] == ':' ? cli_real(state, "--push", value + length + 1, -1e6, 1e6) : 1;
}

static error_t parse(int key, char *arg, struct argp_state *state) {
  measure *m = state->input;
  switch (key) {
    case ARGP_KEY_INIT:
      state->child_inputs[0] = &m->measuring;
      state->child_inputs[1] = &m->model_options;
      state->child_inputs[2] = &m->interventions;
      state->child_inputs[3] = state->child_inputs[4] = state->child_inputs[5] = m->c;
      break;
    case 'm':
    case ARGP_KEY_ARG: set_model(state, m, arg); break;
    case 'p': add_name(state, m, &m->words, arg); break;
    case 'f': add_name(state, m, &m->files, arg); break;
    case KEY_PROMPT: add_name(state, m, &m->prompts, arg); break;
    case KEY_IDS: m->ids = arg; break;
    case KEY_STATES: m->states = arg; break;
    case KEY_MAX_TOKENS: m->model_options.max_tokens = cli_size(state, "--max-tokens", arg, 1, 10000000); break;
    case KEY_SHUFFLE:
      m->model_options.shuffle = true;
      m->model_options.shuffle_seed = cli_size(state, "--shuffle-tokens", arg, 0, INT64_MAX);
      break;
    case KEY_RANDOM_INIT:
      m->model_options.random_weights = true;
      m->model_options.random_seed = cli_size(state, "--random-init", arg, 0, INT64_MAX);
      break;
    case KEY_RANDOM_CONTROLS: m->random_controls = cli_size(state, "--random-controls", arg, 0, 50); break;
    case KEY_SHUFFLED_CONTROLS: m->shuffled_controls = cli_size(state, "--shuffled-controls", arg, 0, 50); break;
    case KEY_NLL: m->measuring.options.nll = true; break;
    case KEY_LENS: m->measuring.options.lens = true; break;
    case KEY_PUSH: parse_push(state, arg, &m->measuring.options.push); break;
    case KEY_PLAIN: m->against_plain = true; break;
    case KEY_CONTROL: add_name(state, m, &m->control_files, arg); break;
    case ARGP_KEY_END: check(state, m); break;
    default: return ARGP_ERR_UNKNOWN;
  }
  return 0;
}

static const struct argp_option options[] = {
    {"model", 'm', "MODEL", 0,
     "Same as the argument: a checkpoint folder, a name in the Hugging Face cache, or nursery:NAME", 10},
    {"text", 'p', "TEXT", 0, "The text; may be repeated", 10},
    {"file", 'f', "FILE", 0,
     "A text file (- is standard input), or .jsonl: a \"text\" or \"ids\" a line, and \"name\"; may be repeated", 10},
    {"prompt", KEY_PROMPT, "PROMPT", 0, "A text of the study, by name (dwell list prompts); may be repeated", 10},
    {"ids", KEY_IDS, "1,2,3", 0, "Token ids instead of a text", 10},
    {"states", KEY_STATES, "FILE.npz", 0, "Measure these states instead of running a model", 10},
    {"max-tokens", KEY_MAX_TOKENS, "N", 0, "Cut the text to N tokens (default: longer than the context is an error)",
     20},
    {"shuffle-tokens", KEY_SHUFFLE, "SEED", 0, "A control: the tokens that are not special change places", 20},
    {"random-init", KEY_RANDOM_INIT, "SEED", 0, "A control: random weights of the same shape", 20},
    {"random-controls", KEY_RANDOM_CONTROLS, "M", 0,
     "Beside each column its smallest, median and largest value in M networks with random weights (at least 5 say "
     "something)",
     20},
    {"shuffled-controls", KEY_SHUFFLED_CONTROLS, "M", 0, "The same of M random orders of the tokens", 20},
    {"nll", KEY_NLL, NULL, 0, "Loss of each next token: tokens.csv (models that predict it)", 62},
    {"lens", KEY_LENS, NULL, 0, "The same from every state, and the tokens that clusters stand for: lens.csv", 62},
    {"against-plain", KEY_PLAIN, NULL, 0,
     "What the intervention changes of it: losses beside and KL from the plain run", 62},
    {"push", KEY_PUSH, "KIND[:A]", 0,
     "Does state L (--at) come back after a push? centroid: tokens the share A (default 1) of the way to their "
     "cluster's mean; together: clusters to each other; beside random pushes: push.csv",
     62},
    {"control", KEY_CONTROL, "FILE.npz", 0, "The same of these states; with --states, may be repeated", 20},
    {0}};

static const struct argp_child children[] = {{&cli_argp_measuring, 0, NULL, 0},
                                             {&cli_argp_running, 0, NULL, 0},
                                             {&cli_argp_interventions, 0, NULL, 0},
                                             {&cli_argp_output, 0, NULL, 0},
                                             {&cli_argp_compute, 0, NULL, 0},
                                             {&cli_argp_words, 0, NULL, 0},
                                             {0}};

static const char doc[] =
    "Run a trained transformer over a text and measure its residual stream at every layer.\v"
    "Examples:\n"
    "  dwell measure ./gpt2 -p \"The sea was calm.\" -o run\n"
    "  dwell measure org/name -f chapter.txt --max-tokens 256 --report -o run\n"
    "  dwell measure org/name --prompt letter_ballou --prompt news_storm -o runs\n"
    "  dwell measure --states states.npz -o run\n"
    "  dwell measure org/name -f chapter.txt --scale-wo 0.5 -o weaker\n\n"
    "Several texts give one run directory each below RUN, named after their file, line or prompt. One that fails does\n"
    "not stop the others, and the same command continues what was interrupted.";

/* ---- texts ---- */

static dwell_status read_texts(measure *m, dwell_error *err) {
  texts *t = &m->texts;
  dwell_status status = DWELL_OK;
  for (size_t i = 0; i < m->words.count; i++) {
    TRY(texts_add(t, "text", m->words.list[i], strlen(m->words.list[i]), err));
  }
  for (size_t i = 0; i < m->files.count; i++) TRY(texts_add_file(t, m->files.list[i], err));
  for (size_t i = 0; i < m->prompts.count; i++) TRY(texts_add_prompt(t, m->prompts.list[i], err));
  if (m->ids != NULL) TRY(texts_add_ids(t, m->ids, err));
  t->many = t->many || t->count > 1;
  TRY(texts_name(t, err));
done:
  return status;
}

/* ---- the runs ---- */

/* The controls of the run at hand become part of what is asked for. */
static void use_controls(measure *m) {
  m->measuring.options.controls = m->controls.list, m->measuring.options.control_count = m->controls.count;
}

static dwell_status measure_states(measure *m, dwell_error *err) {
  dwell_source *source = NULL, *control;
  const dwell_model_options *o = &m->model_options;
  dwell_status status = DWELL_OK;
  TRY(dwell_import_open_states(m->states, o->first_state, o->last_state, &m->c->ctx, &source, err));
  for (size_t k = 0; k < m->control_files.count; k++) {
    const char *file = m->control_files.list[k];
    TRY(dwell_import_open_states(file, o->first_state, o->last_state, &m->c->ctx, &control, err));
    TRY(controls_add(&m->controls, control, "control", file, err));
  }
  use_controls(m);
  TRY(cli_measure_source(m->c, source, &m->measuring, m->c->out, err));
done:
  dwell_source_destroy(source);
  controls_clear(&m->controls);
  return status;
}

static dwell_status open_text(dwell_model *model, const dwell_model_options *o, const text *t,
                              dwell_source **ret_source, dwell_error *err) {
  if (t->error != NULL) {
    *err = *t->error;
    return err->status;
  }
  if (t->data == NULL) return dwell_model_open_ids(model, t->ids, t->count, o, ret_source, err);
  return dwell_model_open_text(model, t->data, t->length, o, ret_source, err);
}

/* The same tokens through networks with random weights (seeds 1, 2, ...), and shuffled ones through this network. */
static dwell_status add_controls(measure *m, dwell_model *model, const text *t, dwell_error *err) {
  dwell_status status = DWELL_OK;
  for (size_t k = 0; k < m->random_controls + m->shuffled_controls; k++) {
    bool random = k < m->random_controls;
    uint64_t seed = 1 + (random ? k : k - m->random_controls);
    dwell_model_options o = m->model_options;
    dwell_source *source;
    char detail[CONTROLS_DETAIL];
    if (random) o.random_weights = true, o.random_seed = seed;
    else o.shuffle = true, o.shuffle_seed = seed;
    TRY(open_text(model, &o, t, &source, err));
    snprintf(detail, sizeof detail, "seed %llu", (unsigned long long)seed);
    TRY(controls_add(&m->controls, source, random ? "random" : "shuffled", detail, err));
  }
  use_controls(m);
done:
  return status;
}

/* The same tokens through the network as it is. */
static dwell_status add_plain(measure *m, dwell_model *model, const text *t, dwell_source **ret_plain,
                              dwell_error *err) {
  dwell_model_options o = m->model_options;
  if (!m->against_plain) return DWELL_OK;
  o.intervention = dwell_intervention_none();
  dwell_status status = open_text(model, &o, t, ret_plain, err);
  m->measuring.options.plain = *ret_plain;
  return status;
}

/* One text into a folder. *ret_there: it was measured before, by the same command. */
static dwell_status measure_text(measure *m, dwell_model *model, const text *t, const char *folder, bool *ret_there,
                                 dwell_error *err) {
  dwell_source *source = NULL, *plain = NULL;
  dwell_status status = DWELL_OK;
  *ret_there = false;
  TRY(open_text(model, &m->model_options, t, &source, err));
  TRY(add_controls(m, model, t, err));
  TRY(add_plain(m, model, t, &plain, err));
  if (m->texts.many && !m->c->force) TRY(cli_measured_before(m->c, source, &m->measuring, folder, ret_there, err));
  if (!*ret_there) TRY(cli_measure_source(m->c, source, &m->measuring, folder, err));
done:
  dwell_source_destroy(source);
  dwell_source_destroy(plain);
  controls_clear(&m->controls);
  return status;
}

/* What became of several texts. */
typedef struct tally {
  size_t measured, there, failed;
  int worst; /* the largest exit code */
} tally;

static void say_tally(const cli *c, const tally *t, size_t count) {
  size_t left = count - t->measured - t->there - t->failed;
  strbuf s = {0};
  strbuf_printf(&s, "%zu of %zu texts measured", t->measured, count);
  if (t->there > 0) strbuf_printf(&s, ", %zu were there", t->there);
  if (t->failed > 0) strbuf_printf(&s, ", %zu failed", t->failed);
  if (left > 0) strbuf_printf(&s, ", %zu are left: the same command continues", left);
  if (!s.failed) cli_say(c, "%s", s.data);
  strbuf_free(&s);
}

/* The next of several texts, into a folder below -o. Counts and says what became of it; false after an interruption. */
static bool measure_next(measure *m, dwell_model *model, size_t i, const char *name, tally *counts) {
  cli *c = m->c;
  const text *t = &m->texts.list[i];
  dwell_error err = {.offset = -1};
  strbuf folder = {0};
  bool there = false;
  snprintf(c->part, sizeof c->part, "%zu/%zu ", i + 1, m->texts.count);
  cli_say(c, "text %zu of %zu: %s", i + 1, m->texts.count, t->name);
  strbuf_printf(&folder, "%s/%s", c->out, t->name);
  dwell_status status =
      folder.failed ? error_no_memory(&err, "a folder name") : measure_text(m, model, t, folder.data, &there, &err);
  if (status == DWELL_NO_MEMORY && !folder.failed) { /* once more without what is only kept for speed */
    dwell_model_drop_weights(model);
    status = measure_text(m, model, t, folder.data, &there, &err);
  }
  strbuf_free(&folder);
  if (status == DWELL_OK) {
    *(there ? &counts->there : &counts->measured) += 1;
    return true;
  }
  if (status != DWELL_INTERRUPTED) counts->failed++;
  if (err.file[0] == '\0') error_at_item(&err, t->name);
  int code = cli_fail(c, name, &err);
  if (code > counts->worst) counts->worst = code;
  return status != DWELL_INTERRUPTED;
}

/* Reads all blocks into memory if they take at most a quarter of what there is; else each text reads them one by one.
 */
static void keep_weights(const measure *m, dwell_model *model) {
  const dwell_model_info *info = dwell_model_get_info(model);
  const dwell_model_options *o = &m->model_options;
  uint64_t most = m->c->ctx.memory_bound > 0 ? m->c->ctx.memory_bound : clock_system_bytes();
  uint64_t block = info->weight_bytes / sizeof(float) * (uint64_t)o->dtype;
  if (o->random_weights || o->last_state != SIZE_MAX || block > most / 4 / (info->blocks + 1)) return;
  (void)dwell_model_keep_weights(model, o->dtype, &m->c->ctx, NULL); /* a failure is met again, and told, by the text */
}

static int measure_texts(measure *m, dwell_model *model, const char *name) {
  tally t = {0};
  keep_weights(m, model);
  for (size_t i = 0; i < m->texts.count && measure_next(m, model, i, name, &t); i++) continue;
  say_tally(m->c, &t, m->texts.count);
  return t.worst;
}

static int measure_model(measure *m, const char *name) {
  dwell_error err = {.offset = -1};
  dwell_model *model = NULL;
  bool there;
  int code = DWELL_OK;
  dwell_status status = DWELL_OK;
  TRY(read_texts(m, &err));
  TRY(interventions_read(&m->interventions, &err));
  m->model_options.intervention = m->interventions.what;
  m->measuring.options.push.state = m->interventions.at;
  TRY(dwell_model_open(m->model, &m->c->ctx, &model, &err));
  if (m->texts.many) code = measure_texts(m, model, name);
  else TRY(measure_text(m, model, &m->texts.list[0], m->c->out, &there, &err));
done:
  dwell_model_destroy(model);
  return status == DWELL_OK ? code : cli_fail(m->c, name, &err);
}

int cmd_measure(int argc, char **argv, cli *c) {
  static const struct argp argp = {options, parse, "[MODEL]", doc, children, NULL, NULL};
  measure m = {.c = c, .model_options = dwell_model_options_default()};
  dwell_error err = {.offset = -1};
  cli_measuring_begin(&m.measuring);
  interventions_begin(&m.interventions);
  argp_parse(&argp, argc, argv, 0, NULL, &m);
  if (c->dtype != 0) m.model_options.dtype = c->dtype;
  dwell_status status = cli_selfcheck(&err);
  if (status == DWELL_OK && m.states != NULL) status = measure_states(&m, &err);
  int code = status != DWELL_OK ? cli_fail(c, argv[0], &err) : m.states != NULL ? 0 : measure_model(&m, argv[0]);
  texts_free(&m.texts);
  interventions_free(&m.interventions);
  arena_clear(&m.storage);
  return code;
}
