/* model/forward.c - a model with its tokens as a source of states. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/context.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/threads.h"
#include "hub/identity.h"
#include "model/circuits.h"
#include "model/edits.h"
#include "model/initialise.h"
#include "model/output.h"
#include "model/pass.h"
#include "model/tokens.h"
#include "text/prompt.h"
#include "trajectory/source.h"

typedef struct forward {
  const dwell_model *model;
  dwell_model_options options;
  size_t depth;             /* applications of a block, as the model has them */
  size_t blocks;            /* of which these many are run: the last state asked for */
  initialiser random;       /* of options.random_weights */
  weight_provider under;    /* random weights, or the checkpoint's */
  weight_edits *edits;      /* NULL: the weights are as they come */
  double *patch;            /* [n, d] of options.intervention, or NULL */
  weight_provider provider; /* the same, edited if so */
  model_output output;
  model_tokens tokens;
  char text_sha256[SHA256_SIZE];  /* of the text, "" where ids were given */
  char patch_sha256[SHA256_SIZE]; /* of the numbers, as doubles */
} forward;

/* A state that is given: x takes the place of what the blocks before it would have made. */
typedef struct given {
  const double *x; /* [n, d]; NULL: none is */
  size_t state;
} given;

/* ---- running ---- */

static dwell_status push(const forward *f, const model_pass *p, size_t state, const char *tap, const void *data,
                         dwell_error *err) {
  if (state < f->options.first_state && !p->sink->wants_earlier) return context_interrupted(p->ctx, err);
  dwell_frame frame = {.state = state, .tap = tap};
  dwell_cloud cloud = {.n = p->n, .d = p->model->shape.width, .dtype = p->ops->dtype, .data = data};
  return source_push_state(p->ctx, p->sink, &frame, &cloud, err);
}

static dwell_status put(const forward *f, model_pass *p, const given *from, size_t state, dwell_error *err) {
  if (from->x != NULL && from->state == state) p->ops->store(p->n * p->model->shape.width, from->x, p->x);
  return push(f, p, state, "resid", p->x, err);
}

static dwell_status run_block(const forward *f, model_pass *p, const given *from, size_t b, dwell_error *err) {
  dwell_status status = DWELL_OK;
  context_progress(p->ctx, "forward", (double)b, (double)f->blocks);
  p->quiet = b < f->options.first_state;
  TRY(pass_load_block(p, b, b + 1 < f->blocks, err));
  TRY(f->model->architecture->block_step(p, err));
  TRY(put(f, p, from, b + 1, err));
done:
  return status;
}

static dwell_status run_final_norm(const forward *f, model_pass *p, dwell_error *err) {
  const model_architecture *a = f->model->architecture;
  const model_shape *s = &f->model->shape;
  if (!(s->parts & PART_FINAL_NORM) || f->blocks != f->depth) return DWELL_OK;
  dwell_status status = pass_norm(p, &p->layout->outer, a->final_norm, s->width, p->x, NULL, false, pass_y(p), err);
  return status == DWELL_OK ? push(f, p, f->blocks, "final_norm", p->y, err) : status;
}

/* The blocks before a given state are run only for who wants to see their states. */
static dwell_status run_blocks(const forward *f, model_pass *p, const given *from, bool begins, dwell_error *err) {
  const model_architecture *a = f->model->architecture;
  dwell_status status = DWELL_OK;
  size_t first = begins ? from->state : 0;
  p->early_end = from->x == NULL ? f->blocks : 0; /* a given state takes the place of what a block puts out */
  TRY(a->embed(p, err));                          /* makes tables that the blocks read, too */
  if (first > 0 && a->shared_block) TRY(pass_load_block(p, 0, false, err));
  TRY(put(f, p, from, first, err));
  for (size_t b = first; b < f->blocks; b++) TRY(run_block(f, p, from, b, err));
  context_progress(p->ctx, "forward", (double)f->blocks, (double)f->blocks);
  TRY(run_final_norm(f, p, err));
  TRY(source_push_end(p->sink, err));
done:
  return status;
}

/* The checkpoint's blocks, or those of this random network, if they are in memory in this type. */
static void *const *kept_blocks(const forward *f) {
  const model_layout *layout = model_layout_of(f->model, f->options.dtype);
  bool random = f->options.random_weights;
  bool same = layout->kept_random == random && (!random || layout->kept_seed == f->options.random_seed);
  return same && f->edits == NULL ? layout->kept : NULL;
}

static uint64_t bytes(const void *self, const dwell_context *ctx) {
  const forward *f = self;
  uint64_t pass = pass_bytes(f->model, kept_blocks(f) != NULL, f->tokens.n, f->options.dtype, threads_count(ctx));
  return pass + edits_bytes(f->edits, threads_count(ctx));
}

/* Sizes that no weights confirm may be anything. */
static dwell_status check_machine(uint64_t needed, dwell_error *err) {
  uint64_t there = clock_system_bytes();
  if (there == 0 || needed <= there) return DWELL_OK;
  error_set(err, DWELL_NO_MEMORY, "a random network of this config.json needs up to %.0f MB, the machine has %.0f MB",
            (double)needed / 1e6, (double)there / 1e6);
  return DWELL_NO_MEMORY;
}

static dwell_status run_pass(const forward *f, const dwell_context *ctx, const dwell_sink *sink, const given *from,
                             bool begins, dwell_error *err) {
  model_pass p = {0};
  dwell_status status = DWELL_OK;
  TRY(context_check_memory(ctx, bytes(f, ctx), "the forward pass", err));
  if (f->model->weights.file == NULL) TRY(check_machine(bytes(f, ctx), err));
  TRY(pass_open(f->model, &f->provider, kept_blocks(f), ctx, sink, f->options.dtype, f->tokens.ids, f->tokens.n, &p,
                err));
  TRY(run_blocks(f, &p, from, begins, err));
done:
  pass_close(&p);
  return status;
}

static dwell_status run(void *self, const dwell_context *ctx, const dwell_sink *sink, dwell_error *err) {
  const forward *f = self;
  given patch = {.x = f->patch, .state = f->options.intervention.patch_state};
  bool begins = f->patch != NULL && !sink->wants_earlier && patch.state <= f->options.first_state;
  return run_pass(f, ctx, sink, &patch, begins, err);
}

static dwell_status run_from(void *self, const dwell_context *ctx, const dwell_sink *sink, size_t state,
                             const double *x, dwell_error *err) {
  const forward *f = self;
  const given from = {.x = x, .state = state};
  if (f->patch == NULL || state >= f->options.intervention.patch_state) return run_pass(f, ctx, sink, &from, true, err);
  error_set(err, DWELL_USAGE, "state %zu lies before the patch, which would take its place", state);
  return error_at_item(err, "--at"), DWELL_USAGE;
}

/* ---- notes for the manifest ---- */

static void put_list(jwriter *w, const char *key, const char *const *texts, size_t count) {
  jwriter_key(w, key);
  jwriter_array(w);
  for (size_t i = 0; i < count; i++) jwriter_string(w, texts[i]);
  jwriter_close(w);
}

/* The seed of a control, or null. */
static void put_seed(jwriter *w, const char *key, bool used, uint64_t seed) {
  jwriter_key(w, key);
  if (used) jwriter_uint(w, seed);
  else jwriter_null(w);
}

static void put_patch(jwriter *w, const forward *f) {
  const dwell_intervention *what = &f->options.intervention;
  jwriter_key(w, "patch");
  if (f->patch == NULL) {
    jwriter_null(w);
    return;
  }
  jwriter_flat_object(w);
  jwriter_put_int(w, "state", (int64_t)what->patch_state);
  jwriter_put_string(w, "file", what->patch_name);
  jwriter_put_string(w, "sha256", f->patch_sha256);
  jwriter_close(w);
}

static void put_intervention(jwriter *w, const forward *f) {
  const dwell_intervention *what = &f->options.intervention;
  jwriter_key(w, "intervention");
  if (!edits_any(what) && f->patch == NULL) {
    jwriter_null(w);
    return;
  }
  jwriter_object(w);
  jwriter_put_double(w, "scale_wo", what->scale_wo);
  jwriter_put_double(w, "scale_wq", what->scale_wq);
  put_seed(w, "rotate_wo", what->rotate_wo, what->rotate_seed);
  jwriter_key(w, "drop_heads");
  jwriter_flat_array(w);
  for (size_t k = 0; k < what->drop_count; k++) {
    char head[48];
    snprintf(head, sizeof head, "%zu.%zu", what->drop[k].block, what->drop[k].head);
    jwriter_string(w, head);
  }
  jwriter_close(w);
  put_patch(w, f);
  jwriter_close(w);
}

/* After defaults: what is not said is what the checkpoint says. */
static void put_options(jwriter *w, const forward *f) {
  jwriter_key(w, "options");
  jwriter_object(w);
  jwriter_put_string(w, "dtype", f->options.dtype == DWELL_F32 ? "f32" : "f64");
  jwriter_put_int(w, "iterations", (int64_t)f->depth);
  jwriter_put_int(w, "first_state", (int64_t)f->options.first_state);
  jwriter_put_int(w, "last_state", (int64_t)f->blocks);
  jwriter_put_string(w, "input", f->text_sha256[0] != '\0' ? "text" : "ids");
  if (f->text_sha256[0] != '\0') jwriter_put_bool(w, "special_tokens_added", f->options.special);
  jwriter_key(w, "max_tokens");
  if (f->options.max_tokens > 0) jwriter_uint(w, f->options.max_tokens);
  else jwriter_null(w);
  put_seed(w, "shuffle_tokens", f->options.shuffle, f->options.shuffle_seed);
  put_seed(w, "random_init", f->options.random_weights, f->options.random_seed);
  put_intervention(w, f);
  jwriter_close(w);
}

/* Token i of the run was token order[i] of the text. */
static void put_order(jwriter *w, const model_tokens *tokens) {
  if (tokens->order == NULL) return;
  jwriter_key(w, "shuffled_from");
  jwriter_flat_array(w);
  for (size_t i = 0; i < tokens->n; i++) jwriter_uint(w, tokens->order[i]);
  jwriter_close(w);
}

/* A text of the study is known by its hash, so that its name is true whichever way it came. */
static void put_text(jwriter *w, const char *sha256) {
  if (sha256[0] == '\0') return;
  const prompt *known = prompt_with_hash(sha256);
  jwriter_put_string(w, "text_sha256", sha256);
  jwriter_put_string(w, "prompt", known != NULL ? known->name : NULL);
}

static void note(const void *self, jwriter *w) {
  const forward *f = self;
  const dwell_model *m = f->model;
  put_options(w, f);
  jwriter_put_string(w, "architecture", m->info.architecture);
  jwriter_put_string(w, "folder", m->info.folder);
  jwriter_put_string(w, "revision", m->info.revision);
  jwriter_put_string(w, "weight_dtype", m->info.weight_dtype);
  jwriter_put_int(w, "parameters", (int64_t)m->info.parameters);
  identity_write(w, m->files, m->file_count, m->known);
  put_text(w, f->text_sha256);
  put_order(w, &f->tokens);
  put_list(w, "decisions", m->notes.lines, m->notes.count);
  put_list(w, "unused_tensors", m->weights.unused, m->weights.unused_count);
}

static void destroy(void *self) {
  forward *f = self;
  tokens_free(&f->tokens);
  edits_close(f->edits);
  mem_free(f->patch);
  mem_free((void *)(uintptr_t)f->options.intervention.drop);
  mem_free((void *)(uintptr_t)f->options.intervention.patch_name);
  mem_free(f);
}

static dwell_status weights(const void *self, const dwell_context *ctx, size_t block, dwell_weights *ret_weights,
                            dwell_error *err) {
  (void)ctx;
  const forward *f = self;
  return circuits_read(f->model->architecture, &f->model->shape, &f->provider, block, ret_weights, err);
}

static uint64_t weights_bytes(const void *self) { return circuits_bytes(&((const forward *)self)->model->shape); }

static dwell_status output(void *self, source_output *ret_output, dwell_error *err) {
  forward *f = self;
  dwell_status status = model_output_get(&f->output, ret_output, err);
  if (status == DWELL_OK) ret_output->complete = f->blocks == f->depth;
  return status;
}

static const source_vtable vtable = {.run = run,
                                     .bytes = bytes,
                                     .note = note,
                                     .destroy = destroy,
                                     .run_from = run_from,
                                     .weights = weights,
                                     .weights_bytes = weights_bytes,
                                     .output = output};

/* ---- opening ---- */

dwell_intervention dwell_intervention_none(void) { return (dwell_intervention){.scale_wo = 1, .scale_wq = 1}; }

dwell_model_options dwell_model_options_default(void) {
  return (dwell_model_options){
      .dtype = DWELL_F32, .special = true, .last_state = SIZE_MAX, .intervention = dwell_intervention_none()};
}

static size_t depth_of(const dwell_model *model, const dwell_model_options *o) {
  return o->iterations ? o->iterations : model->shape.blocks;
}

static dwell_status check_options(const dwell_model *model, const dwell_model_options *o, dwell_error *err) {
  if (o->dtype != DWELL_F32 && o->dtype != DWELL_F64)
    return error_set(err, DWELL_USAGE, "the dtype must be f32 or f64");
  if (o->iterations > 0 && !model->architecture->shared_block) {
    error_set(err, DWELL_USAGE,
              "only a model whose blocks share their weights (albert) can be iterated, this is a %s model",
              model->architecture->name);
    error_at_item(err, "--iterations");
    return DWELL_USAGE;
  }
  if (o->iterations > MODEL_MAX_BLOCKS) {
    error_set(err, DWELL_USAGE, "must be at most %d", (int)MODEL_MAX_BLOCKS);
    return error_at_item(err, "--iterations"), DWELL_USAGE;
  }
  if (model->weights.file == NULL && !o->random_weights) return model_check_weights(model, err);
  return source_check_states(o->first_state, o->last_state, depth_of(model, o) + 1, err);
}

static dwell_status choose_weights(forward *f, dwell_error *err) {
  const dwell_model *m = f->model;
  f->random = (initialiser){.architecture = m->architecture, .shape = &m->shape, .seed = f->options.random_seed};
  f->under = f->options.random_weights ? initialiser_provider(&f->random) : m->provider;
  f->provider = f->under;
  f->output = (model_output){.model = m, .provider = f->under};
  if (f->options.random_weights) f->output.opt_random = &f->random;
  if (!edits_any(&f->options.intervention)) return DWELL_OK;
  dwell_status status = edits_open(m, &f->options.intervention, &f->under, &f->edits, err);
  if (status == DWELL_OK) f->provider = edits_provider(f->edits);
  return status;
}

static dwell_status check_patch(const forward *f, dwell_error *err) {
  const dwell_intervention *what = &f->options.intervention;
  size_t n = f->tokens.n, d = f->model->shape.width;
  if (what->patch_state > f->blocks) {
    error_set(err, DWELL_USAGE, "there is no state %zu to patch: the states are 0 to %zu", what->patch_state,
              f->blocks);
    return error_at_item(err, "--at"), DWELL_USAGE;
  }
  if (what->patch_n == n && what->patch_d == d) return DWELL_OK;
  error_set(err, DWELL_BAD_INPUT, "the patch is %zu tokens of %zu dimensions, the state %zu of %zu", what->patch_n,
            what->patch_d, n, d);
  if (what->patch_name != NULL) error_in_file(err, what->patch_name);
  return DWELL_BAD_INPUT;
}

/* Takes over copies of what the intervention points to. */
static dwell_status copy_intervention(forward *f, const dwell_intervention *from, dwell_error *err) {
  dwell_intervention *what = &f->options.intervention;
  dwell_status status = DWELL_OK;
  what->drop = NULL, what->patch = NULL, what->patch_name = NULL; /* the caller's are not released */
  if (from->drop_count > 0)
    TRY_ALLOC(what->drop = mem_copy(from->drop, from->drop_count, sizeof *from->drop), "the heads to drop");
  if (from->patch == NULL) goto done;
  if (from->patch_name != NULL)
    TRY_ALLOC(what->patch_name = mem_copy(from->patch_name, strlen(from->patch_name) + 1, 1), "a name");
  TRY(check_patch(f, err));
  size_t count = f->tokens.n * f->model->shape.width;
  TRY_ALLOC(f->patch = mem_copy(from->patch, count, sizeof(double)), "the patch");
  for (size_t i = 0; i < count; i++) {
    if (!isfinite(f->patch[i])) TRY(error_set(err, DWELL_BAD_INPUT, "entry %zu of the patch is not finite", i));
  }
  TRY(sha256_buffer(f->patch, count * sizeof(double), f->patch_sha256, err));
done:
  return status;
}

/* Wraps the tokens, which the source takes over in any case. opt_sha256: of the text. */
static dwell_status open_source(dwell_model *model, const dwell_model_options *o, model_tokens *tokens,
                                const char *opt_sha256, dwell_source **ret_source, dwell_error *err) {
  forward *f = MEM_NEW(forward, 1);
  if (f == NULL) return tokens_free(tokens), error_no_memory(err, "a source");
  *f = (forward){.model = model, .options = *o, .tokens = *tokens};
  f->depth = depth_of(model, o);
  f->blocks = o->last_state == SIZE_MAX ? f->depth : o->last_state;
  dwell_status status = DWELL_OK;
  TRY(copy_intervention(f, &o->intervention, err));
  TRY(choose_weights(f, err));
  if (opt_sha256 != NULL) memcpy(f->text_sha256, opt_sha256, SHA256_SIZE);
  const hub_place *place = &model->place; /* of a path the last part is the name, of a hub's org/name all */
  bool is_path = str_equal(model->name, place->folder) || (place->file && str_equal(model->name, place->file));
  dwell_trajectory t = {
      .kind = "model",
      .name = is_path ? source_short_name(model->info.name) : model->info.name,
      .n = tokens->n,
      .d = model->shape.width,
      .states = f->blocks - o->first_state + 1,
      .first_state = o->first_state,
      .replicas = 1,
      .heads = model->shape.heads,
      .has_final_norm = (model->shape.parts & PART_FINAL_NORM) != 0,
      .causal = model->architecture->causal,
      .ordered = true,
      .dtype = o->dtype,
      .epsilon = o->dtype == DWELL_F64 ? 1e-15 : 6e-8,
      .token_ids = tokens->ids,
      .pieces = tokens->pieces,
      .special = tokens->special,
  };
  if (f->blocks < f->depth) t.has_final_norm = false;
  TRY(source_create(&vtable, f, &t, ret_source, err));
done:
  if (status != DWELL_OK) destroy(f);
  return status;
}

dwell_status dwell_model_open_text(dwell_model *model, const char *text, size_t length,
                                   const dwell_model_options *options, dwell_source **ret_source, dwell_error *err) {
  *ret_source = NULL;
  model_tokens tokens;
  char hex[SHA256_SIZE];
  dwell_status status = check_options(model, options, err);
  if (status == DWELL_OK) status = sha256_buffer(text, length, hex, err);
  if (status == DWELL_OK) status = tokens_from_text(model, text, length, options, &tokens, err);
  return status == DWELL_OK ? open_source(model, options, &tokens, hex, ret_source, err) : status;
}

dwell_status dwell_model_open_ids(dwell_model *model, const int64_t *ids, size_t n, const dwell_model_options *options,
                                  dwell_source **ret_source, dwell_error *err) {
  *ret_source = NULL;
  model_tokens tokens;
  dwell_status status = check_options(model, options, err);
  if (status == DWELL_OK) status = tokens_from_ids(model, ids, n, options, &tokens, err);
  return status == DWELL_OK ? open_source(model, options, &tokens, NULL, ret_source, err) : status;
}
