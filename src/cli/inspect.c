/* cli/inspect.c - dwell inspect: what is in a file, model or run, and what measuring it would take. */
#include <jansson.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"
#include "cli/cli.h"
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
  jwriter w;
  strbuf json;
} inspect;

enum { DEFAULT_TOKENS = 512 };

static error_t parse(int key, char *arg, struct argp_state *state) {
  inspect *p = state->input;
  switch (key) {
    case ARGP_KEY_INIT:
      state->child_inputs[0] = &p->measuring;
      state->child_inputs[1] = &p->model_options;
      state->child_inputs[2] = state->child_inputs[3] = p->c;
      break;
    case 'n': p->n = cli_size(state, "-n", arg, 1, 10000000); break;
    case ARGP_KEY_ARG:
      if (p->what != NULL) cli_usage(state, "one FILE, MODEL or RUN at a time");
      p->what = arg;
      break;
    case ARGP_KEY_END:
      if (p->what == NULL) cli_usage(state, "name a FILE, MODEL or RUN");
      break;
    default: return ARGP_ERR_UNKNOWN;
  }
  return 0;
}

static const struct argp_option options[] = {
    {"tokens", 'n', "N", 0, "Tokens of the measurement whose cost is printed (default: the context, at most 512)", 10},
    {0}};
static const struct argp_child children[] = {{&cli_argp_measuring, 0, NULL, 0},
                                             {&cli_argp_running, 0, NULL, 0},
                                             {&cli_argp_compute, 0, NULL, 0},
                                             {&cli_argp_words, 0, NULL, 0},
                                             {0}};
static const char doc[] =
    "Say what is in a file (.safetensors, .npz, .npy), a model or a run, and what a measurement would take.\v"
    "The memory is an upper bound; the time is an estimate from this machine's speed of the moment.\n"
    "Example:\n  dwell inspect ./gpt2 -n 512";

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

static dwell_status print_cost(inspect *p, const dwell_source *source, double forward_flops, dwell_error *err) {
  dwell_cost cost;
  char text[24];
  dwell_status status = dwell_measure_cost(&p->c->ctx, source, &p->measuring.options, &cost, err);
  if (status != DWELL_OK) return status;
  double threads = p->c->ctx.threads, f64 = cli_speed(true) * 1e9 * threads;
  double forward = cli_speed(dwell_source_trajectory(source)->dtype == DWELL_F64) * 1e9 * threads;
  double seconds = forward_flops / forward + (cost.flops_instruments + cost.flops_nulls) / f64;
  if (p->c->json) {
    jwriter_put_double(&p->w, "bound_bytes", (double)cost.bytes);
    jwriter_put_double(&p->w, "estimated_seconds", seconds);
    return DWELL_OK;
  }
  printf("%-14s at most %s\n", "memory", cli_bytes(cost.bytes, text));
  printf("%-14s about %.2g s (GFLOP: states %.3g, instruments %.3g, nulls %.3g)\n", "time", seconds,
         forward_flops / 1e9, cost.flops_instruments / 1e9, cost.flops_nulls / 1e9);
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
  fact_text(p, "weights", i->weight_dtype);
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

static dwell_status inspect_model(inspect *p, dwell_error *err) {
  dwell_model *model = NULL;
  dwell_source *source = NULL;
  int64_t *ids = NULL;
  dwell_status status = DWELL_OK;
  TRY(dwell_model_open(p->what, &p->c->ctx, &model, err));
  const dwell_model_info *info = dwell_model_get_info(model);
  size_t n = p->n > 0 ? p->n : info->context < DEFAULT_TOKENS ? info->context : DEFAULT_TOKENS;
  ids = MEM_ZERO(int64_t, n); /* the cost does not depend on which tokens */
  TRY_ALLOC(ids, "the ids");
  print_model(p, model);
  TRY(dwell_model_open_ids(model, ids, n, &p->model_options, &source, err));
  fact_number(p, "tokens", (double)n);
  const dwell_trajectory *t = dwell_source_trajectory(source);
  double blocks = (double)(t->states - 1), block = (double)info->weight_bytes / (double)t->dtype;
  double flops = blocks * (2 * (double)n * block + 4 * (double)n * (double)n * (double)info->width);
  TRY(print_cost(p, source, flops, err));
done:
  dwell_source_destroy(source);
  dwell_model_destroy(model);
  mem_free(ids);
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
  dwell_source *source = NULL;
  status = dwell_import_open_states(p->what, p->model_options.first_state, p->model_options.last_state, &p->c->ctx,
                                    &source, err);
  if (status == DWELL_OK) status = print_cost(p, source, 0, err);
  dwell_source_destroy(source);
  return status;
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
    if (str_ends(p->what, ".npz") || str_ends(p->what, ".npy")) return inspect_npz(p, err);
    error_set(err, DWELL_UNSUPPORTED, "is of a kind that inspect does not know");
    error_in_file(err, p->what);
    error_remedy(err, "It reads .safetensors, .npz, .npy, model folders and run directories");
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
  return status == DWELL_OK ? DWELL_OK : cli_fail(c, argv[0], &err);
}
