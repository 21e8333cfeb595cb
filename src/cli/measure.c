/* cli/measure.c - dwell measure: run a checkpoint over texts, or read somebody's states, and measure every layer. */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/number.h"
#include "cli/cli.h"
#include "file/jcursor.h"
#include "text/prompt.h"

enum { KEY_STATES = 0x4000, KEY_IDS, KEY_MAX_TOKENS, KEY_SHUFFLE, KEY_RANDOM_INIT, KEY_PROMPT };

/* One text, with the name its run directory gets when there are several. */
typedef struct text {
  const char *data;
  size_t length;
  const char *name;
} text;

/* Values of an option that may be repeated. */
typedef struct names {
  const char **list;
  size_t count;
} names;

typedef struct measure {
  cli *c;
  cli_measuring measuring;
  dwell_model_options model_options;
  const char *model, *states, *text, *ids;
  names files, prompts;
  arena storage;
  text *texts;
  size_t text_count;
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
  int inputs = (m->text != NULL) + (m->files.count > 0) + (m->prompts.count > 0) + (m->ids != NULL);
  if (m->c->out == NULL) cli_usage(state, "say where the results go: -o RUN");
  if (m->states != NULL && (m->model != NULL || inputs > 0)) cli_usage(state, "--states needs no model and no text");
  if (m->states == NULL && m->model == NULL)
    cli_usage(state, "name a MODEL (a folder, nursery:NAME or a hub name), or --states FILE.npz");
  if (m->states == NULL && inputs != 1)
    cli_usage(state, "give the text by one of -p TEXT, -f FILE, --prompt NAME or --ids 1,2,3");
}

static error_t parse(int key, char *arg, struct argp_state *state) {
  measure *m = state->input;
  switch (key) {
    case ARGP_KEY_INIT:
      state->child_inputs[0] = &m->measuring;
      state->child_inputs[1] = &m->model_options;
      state->child_inputs[2] = state->child_inputs[3] = state->child_inputs[4] = m->c;
      break;
    case 'm':
    case ARGP_KEY_ARG: set_model(state, m, arg); break;
    case 'p': m->text = arg; break;
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
    case ARGP_KEY_END: check(state, m); break;
    default: return ARGP_ERR_UNKNOWN;
  }
  return 0;
}

static const struct argp_option options[] = {
    {"model", 'm', "MODEL", 0,
     "Same as the argument: a checkpoint folder, a name in the Hugging Face cache, or nursery:NAME", 10},
    {"text", 'p', "TEXT", 0, "The text", 10},
    {"file", 'f', "FILE", 0, "A text file (- is standard input), or .jsonl with a \"text\" a line; may be repeated",
     10},
    {"prompt", KEY_PROMPT, "PROMPT", 0, "A text of the study, by name (dwell list prompts); may be repeated", 10},
    {"ids", KEY_IDS, "1,2,3", 0, "Token ids instead of a text", 10},
    {"states", KEY_STATES, "FILE.npz", 0, "Measure these states instead of running a model", 10},
    {"max-tokens", KEY_MAX_TOKENS, "N", 0, "Cut the text to N tokens (default: longer than the context is an error)",
     20},
    {"shuffle-tokens", KEY_SHUFFLE, "SEED", 0, "A control: the tokens that are not special change places", 20},
    {"random-init", KEY_RANDOM_INIT, "SEED", 0, "A control: random weights of the same shape", 20},
    {0}};

static const struct argp_child children[] = {{&cli_argp_measuring, 0, NULL, 0}, {&cli_argp_running, 0, NULL, 0},
                                             {&cli_argp_output, 0, NULL, 0},    {&cli_argp_compute, 0, NULL, 0},
                                             {&cli_argp_words, 0, NULL, 0},     {0}};

static const char doc[] =
    "Run a trained transformer over a text and measure its residual stream at every layer.\v"
    "Examples:\n"
    "  dwell measure ./gpt2 -p \"The sea was calm.\" -o run\n"
    "  dwell measure org/name -f chapter.txt --max-tokens 256 --report -o run\n"
    "  dwell measure org/name --prompt letter_ballou --prompt news_storm -o runs\n"
    "  dwell measure --states states.npz -o run\n\n"
    "Several texts give one run directory each below RUN.";

/* ---- texts ---- */

/* Name of a file without its folder and ending, as a name for a folder. */
static const char *stem(arena *a, const char *path) {
  const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path, *dot = strrchr(base, '.');
  size_t length = dot != NULL && dot > base ? (size_t)(dot - base) : strlen(base);
  char *name = arena_text(a, length > 0 ? base : "text", length > 0 ? length : 4);
  if (name != NULL && (str_equal(name, ".") || str_equal(name, "..") || str_equal(name, "-"))) return "text";
  return name;
}

static dwell_status add_text(measure *m, const char *data, size_t length, const char *name, dwell_error *err) {
  if (name == NULL) return error_no_memory(err, "the texts");
  text *grown = mem_grow(m->texts, m->text_count, m->text_count + 1, sizeof(text));
  if (grown == NULL) return error_no_memory(err, "the texts");
  m->texts = grown;
  m->texts[m->text_count++] = (text){data, length, name};
  return DWELL_OK;
}

/* The "text" of one line of a .jsonl file. */
static dwell_status add_line(measure *m, const char *path, const char *line, size_t length, size_t number,
                             dwell_error *err) {
  jtext found = {0};
  char name[32];
  jcursor c = jcursor_start(line, length, &m->storage);
  jcursor_object(&c);
  for (jtext key; jcursor_key(&c, &key);) {
    if (jtext_is(key, "text")) found = jcursor_string(&c);
    else jcursor_skip(&c);
  }
  dwell_status status = jcursor_end(&c, path, err);
  snprintf(name, sizeof name, "line %zu", number);
  if (status == DWELL_OK && found.data == NULL) {
    status = error_set(err, DWELL_BAD_INPUT, "has no \"text\"");
    error_in_file(err, path);
  }
  if (status != DWELL_OK) {
    error_at_item(err, name);
    return status;
  }
  return add_text(m, found.data, found.length, arena_text(&m->storage, name + 5, strlen(name + 5)), err);
}

static dwell_status add_lines(measure *m, const char *path, const char *data, size_t length, dwell_error *err) {
  dwell_status status = DWELL_OK;
  size_t number = 1;
  for (size_t at = 0; status == DWELL_OK && at < length; number++) {
    const char *end = memchr(data + at, '\n', length - at);
    size_t n = end != NULL ? (size_t)(end - data) - at : length - at;
    if (n > 0 && strspn(data + at, " \t\r") < n) status = add_line(m, path, data + at, n, number, err);
    at += n + 1;
  }
  return status;
}

static dwell_status read_prompts(measure *m, dwell_error *err) {
  dwell_status status = DWELL_OK;
  for (size_t i = 0; status == DWELL_OK && i < m->prompts.count; i++) {
    const prompt *p;
    status = prompt_find(m->prompts.list[i], &p, err);
    if (status == DWELL_OK) status = add_text(m, p->text, p->size, p->name, err);
  }
  return status;
}

static dwell_status read_texts(measure *m, dwell_error *err) {
  if (m->text != NULL) return add_text(m, m->text, strlen(m->text), "text", err);
  if (m->prompts.count > 0) return read_prompts(m, err);
  dwell_status status = DWELL_OK;
  for (size_t i = 0; status == DWELL_OK && i < m->files.count; i++) {
    const char *file = m->files.list[i];
    char *data;
    size_t length;
    status = cli_read_text(file, &data, &length, err);
    if (status != DWELL_OK) break;
    char *kept = arena_text(&m->storage, data, length);
    mem_free(data);
    if (kept == NULL) status = error_no_memory(err, "the texts");
    else if (str_ends(file, ".jsonl")) status = add_lines(m, file, kept, length, err);
    else status = add_text(m, kept, length, stem(&m->storage, file), err);
  }
  if (status == DWELL_OK && m->text_count == 0)
    status = error_set(err, DWELL_BAD_INPUT, "there is no text in the file");
  return status;
}

/* ---- the runs ---- */

static int by_name(const void *a, const void *b) { return strcmp(((const text *)a)->name, ((const text *)b)->name); }

/* Of two texts of one name the second would replace the run of the first. */
static dwell_status check_names(const measure *m, dwell_error *err) {
  char shown[80];
  text *sorted = mem_copy(m->texts, m->text_count, sizeof *sorted);
  if (sorted == NULL) return error_no_memory(err, "the texts");
  qsort(sorted, m->text_count, sizeof *sorted, by_name);
  dwell_status status = DWELL_OK;
  for (size_t i = 1; status == DWELL_OK && i < m->text_count; i++) {
    if (!str_equal(sorted[i - 1].name, sorted[i].name)) continue;
    str_display(shown, sizeof shown, sorted[i].name, strlen(sorted[i].name));
    status =
        error_set(err, DWELL_USAGE, "two texts are called \"%s\", so their runs would have the same folder", shown);
    error_remedy(err, "Rename one, or measure them with different -o");
  }
  mem_free(sorted);
  return status;
}

static dwell_status read_ids(measure *m, int64_t **ret_ids, size_t *ret_count, dwell_error *err) {
  size_t count = 1;
  for (const char *p = m->ids; *p != '\0'; p++) count += *p == ',';
  *ret_ids = ARENA_NEW(&m->storage, int64_t, count);
  if (*ret_ids == NULL) return error_no_memory(err, "the ids");
  const char *rest = m->ids;
  char one[32];
  for (size_t k = 0; str_item(&rest, one, sizeof one); k++) {
    const char *digits = one + strspn(one, " ");
    if (!number_parse_int(digits, INT64_MIN, INT64_MAX, &(*ret_ids)[k])) {
      return error_set(err, DWELL_USAGE, "--ids takes whole numbers separated by commas, not \"%s\"", one);
    }
  }
  *ret_count = count;
  return DWELL_OK;
}

static dwell_status measure_states(measure *m, dwell_error *err) {
  dwell_source *source = NULL;
  const dwell_model_options *o = &m->model_options;
  dwell_status status = dwell_import_open_states(m->states, o->first_state, o->last_state, &m->c->ctx, &source, err);
  if (status == DWELL_OK) status = cli_measure_source(m->c, source, &m->measuring, m->c->out, err);
  dwell_source_destroy(source);
  return status;
}

static dwell_status measure_ids(measure *m, dwell_model *model, dwell_error *err) {
  int64_t *ids = NULL;
  size_t count = 0;
  dwell_source *source = NULL;
  dwell_status status = read_ids(m, &ids, &count, err);
  if (status == DWELL_OK) status = dwell_model_open_ids(model, ids, count, &m->model_options, &source, err);
  if (status == DWELL_OK) status = cli_measure_source(m->c, source, &m->measuring, m->c->out, err);
  dwell_source_destroy(source);
  return status;
}

static dwell_status measure_text(measure *m, dwell_model *model, size_t i, dwell_error *err) {
  strbuf folder = {0};
  dwell_source *source = NULL;
  strbuf_puts(&folder, m->c->out);
  if (m->text_count > 1) strbuf_printf(&folder, "/%s", m->texts[i].name);
  dwell_status status = folder.failed ? error_no_memory(err, "a folder name") : DWELL_OK;
  if (status == DWELL_OK) {
    status = dwell_model_open_text(model, m->texts[i].data, m->texts[i].length, &m->model_options, &source, err);
  }
  if (status == DWELL_OK) status = cli_measure_source(m->c, source, &m->measuring, folder.data, err);
  if (status != DWELL_OK && m->text_count > 1) error_at_item(err, m->texts[i].name);
  dwell_source_destroy(source);
  strbuf_free(&folder);
  return status;
}

static dwell_status measure_model(measure *m, dwell_error *err) {
  dwell_model *model = NULL;
  dwell_status status = DWELL_OK;
  if (m->ids == NULL) {
    TRY(read_texts(m, err));
    TRY(check_names(m, err));
  }
  TRY(dwell_model_open(m->model, &m->c->ctx, &model, err));
  if (m->ids != NULL) {
    status = measure_ids(m, model, err);
    goto done;
  }
  for (size_t i = 0; i < m->text_count; i++) TRY(measure_text(m, model, i, err));
done:
  dwell_model_destroy(model);
  return status;
}

int cmd_measure(int argc, char **argv, cli *c) {
  static const struct argp argp = {options, parse, "[MODEL]", doc, children, NULL, NULL};
  measure m = {.c = c, .model_options = dwell_model_options_default()};
  dwell_error err = {.offset = -1};
  cli_measuring_begin(&m.measuring);
  argp_parse(&argp, argc, argv, 0, NULL, &m);
  if (c->dtype != 0) m.model_options.dtype = c->dtype;
  dwell_status status = cli_selfcheck(&err);
  if (status == DWELL_OK) status = m.states != NULL ? measure_states(&m, &err) : measure_model(&m, &err);
  mem_free(m.texts);
  arena_clear(&m.storage);
  return status == DWELL_OK ? DWELL_OK : cli_fail(c, argv[0], &err);
}
