/* cli/inspect.c - dwell inspect: what is in a file, model or run, and what measuring it would take. */
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/number.h"
#include "cli/cli.h"
#include "cli/interventions.h"
#include "cli/weights.h"
#include "file/gguf.h"
#include "file/jwriter.h"
#include "file/npy.h"
#include "file/safetensors.h"
#include "model/model.h"
#include "run/run.h"

typedef struct inspect {
  cli *c;
  cli_measuring measuring;
  dwell_model_options model_options;
  const char *what;
  size_t n; /* 0: as many as the model takes, at most 512 */
  cli_weights weights;
  cli_interventions interventions;
  jwriter w;
  strbuf json;
} inspect;

enum { DEFAULT_TOKENS = 512 };
enum { KEY_WEIGHTS = 0x2000, KEY_SUMS, KEY_CSV, KEY_RANDOM };

static error_t parse(int key, char *arg, struct argp_state *state) {
  inspect *p = state->input;
  switch (key) {
    case ARGP_KEY_INIT:
      state->child_inputs[0] = &p->measuring;
      state->child_inputs[1] = &p->model_options;
      state->child_inputs[2] = state->child_inputs[3] = p->c;
      state->child_inputs[4] = &p->interventions;
      break;
    case 'n': p->n = cli_size(state, "-n", arg, 1, 10000000); break;
    case KEY_WEIGHTS: p->weights.wanted = true; break;
    case KEY_SUMS: p->weights.wanted = p->weights.sums = true; break;
    case KEY_CSV: p->weights.wanted = p->weights.csv = true; break;
    case KEY_RANDOM:
      p->model_options.random_weights = true;
      p->model_options.random_seed = cli_size(state, "--random-init", arg, 0, INT64_MAX);
      break;
    case ARGP_KEY_ARG:
      if (p->what != NULL) cli_usage(state, "one FILE, MODEL or RUN at a time");
      p->what = arg;
      break;
    case ARGP_KEY_END:
      if (p->what == NULL) cli_usage(state, "name a FILE, MODEL or RUN");
      if (p->weights.csv && p->c->json) cli_usage(state, "--csv and --json exclude each other");
      if (interventions_any(&p->interventions) && !p->weights.wanted)
        cli_usage(state, "an intervention changes what --weights says: add --weights, or measure the model with it");
      break;
    default: return ARGP_ERR_UNKNOWN;
  }
  return 0;
}

static const struct argp_option options[] = {
    {"tokens", 'n', "N", 0, "Tokens of the measurement whose cost is printed (default: the context, at most 512)", 10},
    {"weights", KEY_WEIGHTS, NULL, 0, "What the weights of a model say, head by head (OV maps and QK forms)", 11},
    {"sums", KEY_SUMS, NULL, 0, "The same, and the sums over the heads of each block", 11},
    {"csv", KEY_CSV, NULL, 0, "The same as csv, with all columns: heads, or with --sums blocks", 11},
    {"random-init", KEY_RANDOM, "SEED", 0, "Of a random network of the model's shape instead", 11},
    {0}};
static const struct argp_child children[] = {{&cli_argp_measuring, 0, NULL, 0},
                                             {&cli_argp_running, 0, NULL, 0},
                                             {&cli_argp_compute, 0, NULL, 0},
                                             {&cli_argp_words, 0, NULL, 0},
                                             {&cli_argp_weight_interventions, 0, NULL, 0},
                                             {0}};
static const char doc[] =
    "Say what is in a file (.safetensors, .gguf, .npz, .npy), a model or a run, and what a measurement would take.\v"
    "The memory is an upper bound. The time is an estimate: two states are measured now and multiplied, without the\n"
    "opening of the model and the hashing of its files.\n"
    "Example:\n  dwell inspect ./gpt2 -n 512\n"
    "  dwell inspect ./gpt2 --weights";

/* ---- facts, as lines or as JSON members ---- */

static void fact_text(inspect *p, const char *key, const char *value) {
  char shown[300];
  if (p->c->json) {
    jwriter_put_string(&p->w, key, value);
    return;
  }
  str_display(shown, sizeof shown, value, strlen(value));
  printf("%-14s %s\n", key, shown);
}

static void fact_number(inspect *p, const char *key, double value) {
  if (p->c->json) jwriter_put_double(&p->w, key, value);
  else printf("%-14s %.15g\n", key, value);
}

static void begin_list(inspect *p, const char *key) {
  if (!p->c->json) return;
  jwriter_key(&p->w, key);
  jwriter_array(&p->w);
}

static void list_text(inspect *p, const char *title, const char *text) {
  char shown[400];
  if (p->c->json) {
    jwriter_string(&p->w, text);
    return;
  }
  str_display(shown, sizeof shown, text, strlen(text));
  printf("%-14s %s\n", title, shown);
}

static void end_list(inspect *p) {
  if (p->c->json) jwriter_close(&p->w);
}

/* ---- cost ---- */

/* Where nothing can be tried out: the speed of products of matrices, as if all were that. */
static void guess(const inspect *p, const dwell_cost *cost, double forward_flops, bool wide, cli_seconds *ret_seconds) {
  double threads = p->c->ctx.threads, f64 = cli_speed(true) * 1e9 * threads;
  *ret_seconds = (cli_seconds){.forward = forward_flops / (cli_speed(wide) * 1e9 * threads),
                               .instruments = cost->flops_instruments / f64,
                               .nulls = cost->flops_nulls / f64};
}

static void print_seconds(inspect *p, const cli_seconds *s) {
  double all = s->forward + s->instruments + s->nulls;
  if (p->c->json) {
    jwriter_put_double(&p->w, "estimated_seconds", all);
    jwriter_key(&p->w, "seconds");
    jwriter_flat_object(&p->w);
    jwriter_put_double(&p->w, "forward", s->forward);
    jwriter_put_double(&p->w, "instruments", s->instruments);
    jwriter_put_double(&p->w, "nulls", s->nulls);
    jwriter_close(&p->w);
    jwriter_put_int(&p->w, "sample_tokens", (int64_t)s->tokens);
    return;
  }
  printf("%-14s about %.2g s (forward %.2g, instruments %.2g, nulls %.2g)\n", "time", all, s->forward, s->instruments,
         s->nulls);
  if (s->tokens > 0) printf("%-14s two states of %zu tokens, measured now\n", "  judged by", s->tokens);
  else printf("%-14s the speed of matrix products alone: it takes longer\n", "  judged by");
}

/* The bound first: what the sample takes would count. */
static dwell_status print_cost(inspect *p, const cli_sample *sample, dwell_error *err) {
  dwell_cost cost;
  cli_seconds seconds;
  char text[24];
  dwell_status status = dwell_measure_cost(&p->c->ctx, sample->whole, &p->measuring.options, &cost, err);
  if (status != DWELL_OK) return status;
  if (p->c->json) jwriter_put_double(&p->w, "bound_bytes", (double)cost.bytes);
  else printf("%-14s at most %s\n", "memory", cli_bytes(cost.bytes, text));
  status = sample->part != NULL ? cli_estimate(p->c, sample, &p->measuring.options, &seconds, err) : DWELL_FAILED;
  if (status == DWELL_INTERRUPTED) return status;
  if (status != DWELL_OK) {
    const dwell_trajectory *t = dwell_source_trajectory(sample->whole);
    double n = (double)t->n, blocks = sample->is_model ? (double)(t->first_state + t->states - 1) : 0;
    double flops = blocks * 2 * n * (sample->block_elements + 2 * n * (double)t->d);
    guess(p, &cost, flops, t->dtype == DWELL_F64, &seconds);
  }
  print_seconds(p, &seconds);
  return DWELL_OK;
}

/* ---- a model ---- */

static void print_model(inspect *p, const dwell_model *model) {
  const dwell_model_info *i = dwell_model_get_info(model);
  fact_text(p, "model", i->name);
  fact_text(p, "folder", i->folder);
  if (i->revision != NULL) fact_text(p, "revision", i->revision);
  fact_text(p, "architecture", i->architecture);
  fact_text(p, "attention", i->causal ? "causal" : "bidirectional");
  fact_text(p, "weights", i->weight_dtype != NULL ? i->weight_dtype : "none (use --random-init)");
  fact_number(p, "parameters", (double)i->parameters);
  fact_number(p, "blocks", (double)i->blocks);
  fact_number(p, "width", (double)i->width);
  fact_number(p, "heads", (double)i->heads);
  fact_number(p, "vocabulary", (double)i->vocabulary);
  fact_number(p, "context", (double)i->context);
  fact_text(p, "tokenizer", i->has_tokenizer ? "yes" : "no (use --ids)");
  begin_list(p, "decisions");
  for (size_t k = 0; k < model_decisions(model); k++) list_text(p, k == 0 ? "decisions" : "", model_decision(model, k));
  end_list(p);
  begin_list(p, "unused");
  for (size_t k = 0; k < model_unused(model); k++) list_text(p, k == 0 ? "unused" : "", model_unused_name(model, k));
  end_list(p);
}

/* Tokens of a text: which ones does not change the cost, but equal ones would collapse. */
static int64_t *some_ids(size_t n, size_t vocabulary) {
  int64_t *ids = MEM_NEW(int64_t, n);
  for (size_t i = 0; ids != NULL && i < n; i++) ids[i] = (int64_t)((i * 7919 + 31) % vocabulary);
  return ids;
}

/* The last state of the sample. A block that all share is read once, which a sample of one application would count for
 * each. */
static size_t sample_last(const inspect *p, const dwell_model *model) {
  const size_t enough = model->architecture->shared_block ? 4 : 1;
  size_t depth = p->model_options.iterations > 0 ? p->model_options.iterations : model->shape.blocks;
  return depth < enough ? depth : enough;
}

static dwell_status open_sample(const inspect *p, dwell_model *model, const int64_t *ids, size_t n, cli_sample *s,
                                dwell_error *err) {
  dwell_model_options few = p->model_options;
  size_t sample = n < DEFAULT_TOKENS ? n : DEFAULT_TOKENS;
  dwell_status status = DWELL_OK;
  TRY(dwell_model_open_ids(model, ids, n, &p->model_options, &s->whole, err));
  few.last_state = sample_last(p, model);
  few.first_state = few.last_state > 0 ? few.last_state - 1 : 0;
  TRY(dwell_model_open_ids(model, ids, n, &few, &s->wide, err));
  TRY(dwell_model_open_ids(model, ids, sample, &few, &s->part, err));
done:
  return status;
}

static dwell_status weigh(inspect *p, dwell_model *model, dwell_error *err) {
  p->model_options.intervention = p->interventions.what;
  jwriter *w = p->c->json ? &p->w : NULL;
  return cli_print_weights(p->c, model, &p->model_options, &p->measuring.options, &p->weights, w, err);
}

/* What there is to say of an open model. */
static dwell_status describe_model(inspect *p, dwell_model *model, dwell_error *err) {
  cli_sample sample = {.is_model = true};
  int64_t *ids = NULL;
  dwell_status status = DWELL_OK;
  const dwell_model_info *info = dwell_model_get_info(model);
  size_t n = p->n > 0 ? p->n : info->context < DEFAULT_TOKENS ? info->context : DEFAULT_TOKENS;
  if (p->weights.csv) return weigh(p, model, err);
  print_model(p, model);
  if (p->weights.wanted) return weigh(p, model, err);
  ids = some_ids(n, info->vocabulary);
  TRY_ALLOC(ids, "the ids");
  if (info->weight_dtype == NULL) p->model_options.random_weights = true;
  sample.block_elements = (double)info->weight_bytes / sizeof(float);
  TRY(open_sample(p, model, ids, n, &sample, err));
  fact_number(p, "tokens", (double)n);
  TRY(print_cost(p, &sample, err));
done:
  dwell_source_destroy(sample.part);
  dwell_source_destroy(sample.wide);
  dwell_source_destroy(sample.whole);
  mem_free(ids);
  return status;
}

static dwell_status inspect_model(inspect *p, dwell_error *err) {
  dwell_model *model;
  dwell_status status = dwell_model_open(p->what, &p->c->ctx, &model, err);
  if (status != DWELL_OK) return status;
  status = describe_model(p, model, err);
  dwell_model_destroy(model);
  return status;
}

/* ---- files ---- */

static void print_shape(char *text, size_t size, size_t rank, const size_t *shape) {
  size_t at = (size_t)snprintf(text, size, "[");
  for (size_t i = 0; i < rank && at < size; i++)
    at += (size_t)snprintf(text + at, size - at, "%s%zu", i ? ", " : "", shape[i]);
  if (at < size) snprintf(text + at, size - at, "]");
}

static void print_array(inspect *p, const char *name, const char *type, size_t rank, const size_t *shape) {
  char dims[200], shown[200];
  print_shape(dims, sizeof dims, rank, shape);
  if (p->c->json) {
    jwriter_flat_object(&p->w);
    jwriter_put_string(&p->w, "name", name);
    jwriter_put_string(&p->w, "dtype", type);
    jwriter_key(&p->w, "shape");
    jwriter_array(&p->w);
    for (size_t i = 0; i < rank; i++) jwriter_uint(&p->w, shape[i]);
    jwriter_close(&p->w);
    jwriter_close(&p->w);
    return;
  }
  str_display(shown, sizeof shown, name, strlen(name));
  printf("%-48s %-5s %s\n", shown, type, dims);
}

static dwell_status inspect_safetensors(inspect *p, dwell_error *err) {
  safetensors *file;
  dwell_status status = safetensors_open(p->what, &file, err);
  if (status != DWELL_OK) return status;
  double numbers = 0;
  begin_list(p, "tensors");
  for (size_t i = 0; i < safetensors_count(file); i++) {
    const safetensors_tensor *t = safetensors_at(file, i);
    double count = 1;
    for (size_t k = 0; k < t->rank; k++) count *= (double)t->shape[k];
    numbers += count;
    print_array(p, t->name, t->dtype, t->rank, t->shape);
  }
  end_list(p);
  cli_say(p->c, "%zu tensors, %.15g numbers", safetensors_count(file), numbers);
  safetensors_close(file);
  return DWELL_OK;
}

/* Arrays of the metadata are shown whole up to so many items; of longer ones, a few. */
enum { WHOLE_LIST = 16, FEW_ITEMS = 4 };

/* A float in six digits, or in as many as it takes to read back the same. */
static void float_text(float value, char text[NUMBER_SIZE]) {
  for (int digits = 6; digits <= 9; digits++) {
    snprintf(text, NUMBER_SIZE, "%.*g", digits, (double)value);
    if (strtof(text, NULL) == value) return;
  }
}

static void item_text(const gguf_item *item, char *text, size_t size) {
  char number[NUMBER_SIZE];
  switch (gguf_kind_of(item->type)) {
    case GGUF_KIND_STRING: str_display(text, size, item->text.data, item->text.length); return;
    case GGUF_KIND_BOOL: snprintf(text, size, "%s", item->integer ? "true" : "false"); return;
    case GGUF_KIND_FLOAT:
      if (item->type == GGUF_FLOAT32) float_text((float)item->real, number);
      else if (isfinite(item->real)) number_format(item->real, number);
      else snprintf(number, sizeof number, "%g", item->real);
      snprintf(text, size, "%s", number);
      return;
    default:
      if (item->type == GGUF_UINT64) snprintf(text, size, "%" PRIu64, (uint64_t)item->integer);
      else snprintf(text, size, "%" PRId64, item->integer);
  }
}

static void print_entry(const gguf *file, const gguf_entry *e) {
  char shown[300];
  gguf_list list = gguf_walk(file, e);
  size_t show = e->count <= WHOLE_LIST ? e->count : FEW_ITEMS;
  bool quoted = e->type == GGUF_ARRAY && e->item_type == GGUF_STRING;
  str_display(shown, sizeof shown, e->key, strlen(e->key));
  printf("%-44s %s", shown, e->type == GGUF_ARRAY ? "[" : "");
  gguf_item item;
  for (size_t i = 0; i < show && gguf_next(&list, &item); i++) {
    item_text(&item, shown, sizeof shown);
    printf(quoted ? "%s\"%s\"" : "%s%s", i > 0 ? ", " : "", shown);
  }
  if (e->type == GGUF_ARRAY && show < e->count)
    printf(", ...] (%zu of type %s)", e->count, gguf_type_name(e->item_type));
  else if (e->type == GGUF_ARRAY) putchar(']');
  putchar('\n');
}

static void write_item(jwriter *w, const gguf_item *item) {
  switch (gguf_kind_of(item->type)) {
    case GGUF_KIND_STRING: jwriter_text(w, item->text.data, item->text.length); return;
    case GGUF_KIND_BOOL: jwriter_bool(w, item->integer != 0); return;
    case GGUF_KIND_FLOAT: jwriter_double(w, item->real); return;
    default:
      if (item->type == GGUF_UINT64) jwriter_uint(w, (uint64_t)item->integer);
      else jwriter_int(w, item->integer);
  }
}

static void write_entry(inspect *p, const gguf *file, const gguf_entry *e) {
  gguf_list list = gguf_walk(file, e);
  gguf_item item;
  jwriter_key(&p->w, e->key);
  if (e->type != GGUF_ARRAY) {
    gguf_next(&list, &item);
    write_item(&p->w, &item);
    return;
  }
  if (e->count > WHOLE_LIST) {
    jwriter_flat_object(&p->w);
    jwriter_put_string(&p->w, "type", gguf_type_name(e->item_type));
    jwriter_put_int(&p->w, "count", (int64_t)e->count);
  } else {
    jwriter_flat_array(&p->w);
    while (gguf_next(&list, &item)) write_item(&p->w, &item);
  }
  jwriter_close(&p->w);
}

static void print_metadata(inspect *p, const gguf *file) {
  if (p->c->json) {
    jwriter_key(&p->w, "metadata");
    jwriter_object(&p->w);
  }
  for (size_t i = 0; i < gguf_entries(file); i++) {
    if (p->c->json) write_entry(p, file, gguf_entry_at(file, i));
    else print_entry(file, gguf_entry_at(file, i));
  }
  if (p->c->json) jwriter_close(&p->w);
}

static void print_gguf(inspect *p, const gguf *file) {
  double numbers = 0;
  char size[24];
  uint64_t bytes = 0;
  fact_number(p, "gguf_version", gguf_version(file));
  if (gguf_parts(file) > 1) fact_number(p, "files", (double)gguf_parts(file));
  print_metadata(p, file);
  begin_list(p, "tensors");
  for (size_t i = 0; i < gguf_count(file); i++) {
    const gguf_tensor *t = gguf_at(file, i);
    numbers += (double)t->count;
    bytes += t->end - t->begin;
    print_array(p, t->name, t->type->name, t->rank, t->shape);
  }
  end_list(p);
  cli_say(p->c, "%zu values, %zu tensors, %.15g numbers in %s", gguf_entries(file), gguf_count(file), numbers,
          cli_bytes(bytes, size));
}

/* The file, and what it is as a model. One that cannot be measured is still a file, and the reason a fact. */
static dwell_status inspect_gguf(inspect *p, dwell_error *err) {
  gguf *file;
  dwell_model *model;
  dwell_error why = {.offset = -1};
  char text[800];
  dwell_status status = gguf_open(p->what, &file, err);
  if (status != DWELL_OK) return status;
  print_gguf(p, file);
  gguf_close(file);
  status = dwell_model_open(p->what, &p->c->ctx, &model, &why);
  if (status == DWELL_OK) {
    status = describe_model(p, model, err);
    dwell_model_destroy(model);
  } else if (status == DWELL_UNSUPPORTED || status == DWELL_BAD_INPUT) {
    fact_text(p, "not measurable", dwell_error_text(&why, text, sizeof text));
    status = DWELL_OK;
  } else {
    *err = why;
  }
  return status;
}

/* What measuring the states of a file would take; large ones are not tried out. */
static dwell_status inspect_states(inspect *p, dwell_error *err) {
  enum { MOST_TOKENS = 2048 };
  size_t first = p->model_options.first_state;
  cli_sample s = {0};
  dwell_status status = DWELL_OK;
  TRY(dwell_import_open_states(p->what, first, p->model_options.last_state, &p->c->ctx, &s.whole, err));
  const dwell_trajectory *t = dwell_source_trajectory(s.whole);
  if (t->n <= MOST_TOKENS) {
    size_t last = t->states > 1 ? first + 1 : first;
    TRY(dwell_import_open_states(p->what, first, last, &p->c->ctx, &s.part, err));
    s.wide = s.part;
  }
  TRY(print_cost(p, &s, err));
done:
  dwell_source_destroy(s.part);
  dwell_source_destroy(s.whole);
  return status;
}

static dwell_status inspect_npz(inspect *p, dwell_error *err) {
  npz *z;
  size_t member;
  dwell_status status = npz_open(p->what, &z, err);
  if (status != DWELL_OK) return status;
  begin_list(p, "arrays");
  for (size_t i = 0; i < npz_count(z); i++) {
    const npy_header *h = npz_header(z, i);
    char type[32];
    snprintf(type, sizeof type, "%c%zu", (char)h->type, h->type == NPY_UNICODE ? h->item_size / 4 : h->item_size);
    print_array(p, npz_name(z, i), type, h->rank, h->shape);
  }
  end_list(p);
  bool states = npz_find(z, "states", &member) || npz_find(z, "state_000", &member);
  npz_close(z);
  if (!states) return DWELL_OK;
  return inspect_states(p, err);
}

/* ---- a run ---- */

static void print_columns(const dwell_run *run, const char *name) {
  if (dwell_run_columns(run, name) == 0) return;
  enum { WIDTH = 100 };
  printf("%s.csv: %zu rows of\n ", name, dwell_run_rows(run, name));
  size_t at = 1;
  for (size_t i = 0; i < dwell_run_columns(run, name); i++) {
    const char *column = dwell_run_column_name(run, name, i);
    size_t length = strlen(column) + 1;
    if (at + length > WIDTH) fputs("\n ", stdout), at = 1;
    printf(" %s", column);
    at += length;
  }
  putchar('\n');
}

/* Who made the run, of what. */
static void print_origin(inspect *p, const dwell_run *run) {
  static const char *const members[][2] = {{"source", "kind"}, {"source", "name"}, {"dwell", "version"}};
  static const char *const titles[] = {"kind", "name", "made by dwell"};
  json_t *manifest = json_loads(dwell_run_manifest(run), JSON_ALLOW_NUL, NULL);
  for (size_t i = 0; i < 3; i++) {
    const char *text = json_string_value(json_object_get(json_object_get(manifest, members[i][0]), members[i][1]));
    if (text != NULL) fact_text(p, titles[i], text);
  }
  const char *command = json_string_value(json_object_get(manifest, "command"));
  if (command != NULL) fact_text(p, "command", command);
  double seconds = json_number_value(json_object_get(json_object_get(manifest, "seconds"), "total"));
  double peak = json_number_value(json_object_get(manifest, "peak_bytes"));
  char text[24];
  if (seconds > 0 && peak > 0) printf("%-14s %.2g s, %s\n", "took", seconds, cli_bytes((uint64_t)peak, text));
  json_decref(manifest);
}

static dwell_status inspect_run(inspect *p, dwell_error *err) {
  dwell_run *run;
  dwell_status status = dwell_run_load(p->what, &run, err);
  if (status != DWELL_OK) return status;
  if (p->c->json) {
    fputs(dwell_run_manifest(run), stdout);
  } else {
    print_origin(p, run);
    print_columns(run, "layers");
    print_columns(run, "blocks");
    print_columns(run, "heads");
    print_columns(run, "events");
    cli_print_layers(p->c, run, 24);
  }
  dwell_run_destroy(run);
  return DWELL_OK;
}

static bool is_run(const char *folder) {
  char path[4400];
  snprintf(path, sizeof path, "%s/run.json", folder);
  return access(path, F_OK) == 0;
}

static dwell_status inspect_any(inspect *p, dwell_error *err) {
  struct stat info;
  if (stat(p->what, &info) == 0 && S_ISREG(info.st_mode)) {
    if (str_ends(p->what, ".safetensors")) return inspect_safetensors(p, err);
    if (str_ends(p->what, ".gguf")) return inspect_gguf(p, err);
    if (str_ends(p->what, ".npz") || str_ends(p->what, ".npy")) return inspect_npz(p, err);
    error_set(err, DWELL_UNSUPPORTED, "is of a kind that inspect does not know");
    error_in_file(err, p->what);
    error_remedy(err, "It reads .safetensors, .gguf, .npz, .npy, model folders and run directories");
    return DWELL_UNSUPPORTED;
  }
  return inspect_model(p, err);
}

int cmd_inspect(int argc, char **argv, cli *c) {
  static const struct argp argp = {options, parse, "FILE|MODEL|RUN", doc, children, NULL, NULL};
  inspect p = {.c = c, .model_options = dwell_model_options_default()};
  dwell_error err = {.offset = -1};
  dwell_status status;
  cli_measuring_begin(&p.measuring);
  interventions_begin(&p.interventions);
  argp_parse(&argp, argc, argv, 0, NULL, &p);
  if (c->dtype != 0) p.model_options.dtype = c->dtype;
  if (is_run(p.what)) {
    status = inspect_run(&p, &err);
  } else {
    p.w = jwriter_start(&p.json, 1);
    if (c->json) jwriter_object(&p.w);
    status = inspect_any(&p, &err);
    if (c->json && status == DWELL_OK) {
      jwriter_close(&p.w);
      puts(p.json.data);
    }
    strbuf_free(&p.json);
  }
  interventions_free(&p.interventions);
  return status == DWELL_OK ? DWELL_OK : cli_fail(c, argv[0], &err);
}
