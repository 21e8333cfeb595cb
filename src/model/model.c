/* model/model.c - opening a checkpoint: name to folder, config, tensors, tokenizer. */
#include "model/model.h"
#include "model/initialise.h"

#include <string.h>
#include <unistd.h>

#include "base/context.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/gguf_config.h"

/* ---- files ---- */

/* The folder's file `name` as a path that lives as long as the model; NULL: out of memory. */
static char *folder_path(dwell_model *m, const char *name) {
  strbuf path = {0};
  strbuf_printf(&path, "%s/%s", m->place.folder, name);
  char *kept = path.failed ? NULL : arena_text(&m->storage, path.data, path.length);
  strbuf_free(&path);
  return kept;
}

/* All files that were read: config.json, shards (and their index), tokenizer. */
static dwell_status list_files(dwell_model *m, const char *config_path, dwell_error *err) {
  size_t shards = m->weights.file ? checkpoint_files(m->weights.file) : 0,
         texts = m->tokenizer ? tokenizer_files(m->tokenizer) : 0;
  m->files = ARENA_NEW(&m->storage, const char *, 1 + shards + texts);
  if (m->files == NULL) return error_no_memory(err, "the list of files");
  if (m->place.file == NULL) m->files[m->file_count++] = config_path;
  for (size_t i = 0; i < shards; i++) m->files[m->file_count++] = checkpoint_file(m->weights.file, i);
  for (size_t i = 0; i < texts; i++) m->files[m->file_count++] = tokenizer_file(m->tokenizer, i);
  m->known = ARENA_NEW(&m->storage, identity_known, m->file_count);
  if (m->known == NULL) return error_no_memory(err, "the list of files");
  memset(m->known, 0, m->file_count * sizeof *m->known);
  return DWELL_OK;
}

/* ---- config ---- */

static void add_special(void *self, int64_t id) {
  dwell_model *m = self;
  int64_t *grown = mem_room(m->special_ids, m->special_count, &m->special_capacity, 8, sizeof *grown);
  if (grown == NULL) {
    m->notes.failed = true;
    return;
  }
  m->special_ids = grown;
  m->special_ids[m->special_count++] = id;
}

/* A folder without the rest may hold several GGUF files, each of which is a model. */
static void suggest_gguf(const char *folder, dwell_error *err) {
  strbuf first = {0};
  if (hub_find_gguf(folder, &first) > 0 && !first.failed) {
    error_remedy(err, "It holds GGUF files, each a model: name one, for example %s", first.data);
  }
  strbuf_free(&first);
}

/* config.json, or the metadata of a GGUF file. */
static dwell_status open_config(dwell_model *m, const char *path, const checkpoint *file, config *ret_config,
                                dwell_error *err) {
  if (file != NULL) return gguf_config_open(checkpoint_gguf(file), &m->notes, ret_config, err);
  if (access(path, F_OK) == 0) return config_open(path, &m->notes, ret_config, err);
  error_set(err, DWELL_BAD_INPUT, "this folder has no config.json, so it is not a model");
  error_in_file(err, m->place.folder);
  suggest_gguf(m->place.folder, err);
  return DWELL_BAD_INPUT;
}

static dwell_status read_config(dwell_model *m, const char *path, const checkpoint *opt_file, dwell_error *err) {
  static const char *const special[] = {"bos_token_id", "eos_token_id", "pad_token_id", "cls_token_id", "sep_token_id"};
  config c = {0};
  dwell_status status = DWELL_OK;
  TRY(open_config(m, path, opt_file, &c, err));
  TRY(model_configure(&c, &m->architecture, &m->shape, err));
  if (opt_file != NULL) TRY(gguf_config_rotary(checkpoint_gguf(opt_file), &m->storage, &m->shape.rotary, err));
  for (size_t i = 0; i < sizeof special / sizeof special[0]; i++) config_ids(&c, special[i], add_special, m);
done:
  config_close(&c);
  return status;
}

/* ---- opening ---- */

static void fill_info(dwell_model *m) {
  m->info = (dwell_model_info){
      .name = m->name,
      .folder = m->place.folder,
      .architecture = m->architecture->name,
      .revision = m->place.revision,
      .blocks = m->shape.blocks,
      .width = m->shape.width,
      .heads = m->shape.heads,
      .vocabulary = m->shape.vocabulary,
      .context = m->shape.context,
      .parameters = m->weights.parameters,
      .weight_bytes = m->f32.block.elements * sizeof(float),
      .causal = m->architecture->causal,
      .has_tokenizer = m->tokenizer != NULL,
      .weight_dtype = m->weights.dtype,
  };
}

/* Absent weights are no obstacle to random ones (*ret_file NULL): the reason is kept for whoever asks for the
 * checkpoint's. */
static dwell_status open_weights(dwell_model *m, checkpoint **ret_file, dwell_error *err) {
  dwell_error *kept = &m->weights_error;
  dwell_status status = checkpoint_open(m->place.folder, ret_file, kept);
  bool absent = status == DWELL_BAD_INPUT || status == DWELL_UNSUPPORTED;
  if (absent && !safetensors_in(m->place.folder)) {
    suggest_gguf(m->place.folder, kept);
    error_remedy(kept, "--random-init SEED measures a random network of this shape, which needs no weights");
    notes_add(&m->notes, "there are no weights: only random ones can be run");
    return DWELL_OK;
  }
  if (status != DWELL_OK && err != NULL) *err = *kept;
  return status;
}

/* A tokenizer that cannot be read is no obstacle to running token ids: the reason is kept for whoever gives a text. */
static dwell_status open_tokenizer(dwell_model *m, const dwell_context *ctx, dwell_error *err) {
  dwell_error *kept = &m->tokenizer_error;
  const gguf *file = m->place.file != NULL ? checkpoint_gguf(m->weights.file) : NULL;
  dwell_status status = tokenizer_open_gguf(file, m->place.folder, &m->tokenizer, kept);
  if (status == DWELL_OK) {
    for (size_t i = 0; i < tokenizer_notes(m->tokenizer); i++) {
      notes_add(&m->notes, "tokenizer %s", tokenizer_note(m->tokenizer, i));
    }
    return DWELL_OK;
  }
  m->tokenizer = NULL;
  if (status == DWELL_NO_MEMORY) {
    if (err != NULL) *err = *kept;
    return status;
  }
  context_log(ctx, status == DWELL_UNSUPPORTED ? DWELL_LOG_DEBUG : DWELL_LOG_WARNING, "no tokenizer: %s",
              kept->message);
  return DWELL_OK;
}

static dwell_status open_parts(dwell_model *m, const char *name, const dwell_context *ctx, dwell_error *err) {
  const model_architecture *a;
  checkpoint *file = NULL;
  char *path;
  dwell_status status = DWELL_OK;
  TRY(hub_find(name, &m->place, err));
  TRY_ALLOC(m->name = arena_text(&m->storage, name, strlen(name)), "a name");
  TRY_ALLOC(path = folder_path(m, "config.json"), "a path");
  if (m->place.file != NULL) TRY(checkpoint_open(m->place.file, &file, err));
  TRY(read_config(m, path, file, err));
  if (file == NULL) TRY(open_weights(m, &file, err));
  a = m->architecture;
  status = weights_open(file, a, &m->shape, &m->notes, &m->weights, err);
  file = NULL;
  if (status != DWELL_OK) goto done;
  m->provider = (weight_provider){.self = &m->weights, .read = weights_read, .opt_ahead = weights_ahead};
  TRY(weights_place(a, &m->shape, DWELL_F32, &m->storage, &m->f32, err));
  TRY(weights_place(a, &m->shape, DWELL_F64, &m->storage, &m->f64, err));
  TRY(open_tokenizer(m, ctx, err));
  TRY(list_files(m, path, err));
  if (m->notes.failed) TRY(error_no_memory(err, "notes about the model"));
  fill_info(m);
done:
  checkpoint_close(file);
  return status;
}

dwell_status dwell_model_open(const char *name, const dwell_context *ctx, dwell_model **ret_model, dwell_error *err) {
  dwell_model *m = MEM_ZERO(dwell_model, 1);
  *ret_model = m;
  if (m == NULL) return error_no_memory(err, "a model");
  dwell_status status = open_parts(m, name, ctx, err);
  if (status != DWELL_OK) {
    dwell_model_destroy(m);
    *ret_model = NULL;
  }
  return status;
}

const dwell_model_info *dwell_model_get_info(const dwell_model *model) { return &model->info; }

/* ---- weights that stay ---- */

dwell_status model_check_weights(const dwell_model *model, dwell_error *err) {
  if (model->weights.file != NULL) return DWELL_OK;
  if (err != NULL) *err = model->weights_error;
  return model->weights_error.status;
}

const model_layout *model_layout_of(const dwell_model *model, dwell_dtype dtype) {
  return dtype == DWELL_F64 ? &model->f64 : &model->f32;
}

static void free_kept(const dwell_model *m, model_layout *layout) {
  for (size_t b = 0; layout->kept != NULL && b < m->weights.distinct_blocks; b++) mem_free(layout->kept[b]);
  mem_free(layout->kept);
  layout->kept = NULL;
}

static dwell_status keep(dwell_model *model, const weight_provider *provider, model_layout *layout, dwell_dtype dtype,
                         const dwell_context *ctx, dwell_error *err) {
  const weight_group *block = &layout->block;
  size_t blocks = model->weights.distinct_blocks;
  dwell_status status = DWELL_OK;
  free_kept(model, layout);
  TRY(context_check_memory(ctx, (uint64_t)blocks * block->elements * (uint64_t)dtype, "keeping the weights", err));
  TRY_ALLOC(layout->kept = mem_zero(blocks, sizeof(void *)), "the list of blocks");
  for (size_t b = 0; b < blocks; b++) {
    context_progress(ctx, "weights", (double)b, (double)blocks);
    TRY_ALLOC(layout->kept[b] = mem_alloc(block->elements, (size_t)dtype), "the weights of a block");
    TRY(weights_load(ctx, provider, block, &model->shape, b, layout->kept[b], err));
  }
done:
  if (status != DWELL_OK) free_kept(model, layout);
  return status;
}

dwell_status dwell_model_keep_weights(dwell_model *model, dwell_dtype dtype, const dwell_context *ctx,
                                      dwell_error *err) {
  model_layout *layout = dtype == DWELL_F64 ? &model->f64 : &model->f32;
  if (layout->kept != NULL && !layout->kept_random) return DWELL_OK;
  dwell_status status = model_check_weights(model, err);
  layout->kept_random = false;
  return status == DWELL_OK ? keep(model, &model->provider, layout, dtype, ctx, err) : status;
}

dwell_status dwell_model_keep_random(dwell_model *model, uint64_t seed, dwell_dtype dtype, const dwell_context *ctx,
                                     dwell_error *err) {
  model_layout *layout = dtype == DWELL_F64 ? &model->f64 : &model->f32;
  if (layout->kept != NULL && layout->kept_random && layout->kept_seed == seed) return DWELL_OK;
  initialiser random = {.architecture = model->architecture, .shape = &model->shape, .seed = seed};
  const weight_provider provider = initialiser_provider(&random);
  layout->kept_random = true, layout->kept_seed = seed;
  return keep(model, &provider, layout, dtype, ctx, err);
}

void dwell_model_drop_weights(dwell_model *model) {
  free_kept(model, &model->f32);
  free_kept(model, &model->f64);
}

void dwell_model_destroy(dwell_model *model) {
  if (model == NULL) return;
  dwell_model_drop_weights(model);
  tokenizer_close(model->tokenizer);
  weights_close(&model->weights);
  notes_free(&model->notes);
  hub_place_free(&model->place);
  mem_free(model->special_ids);
  arena_clear(&model->storage);
  mem_free(model);
}

/* ---- what was found, for manifests and `inspect` ---- */

size_t model_files(const dwell_model *model) { return model->file_count; }
const char *model_file(const dwell_model *model, size_t i) { return model->files[i]; }
size_t model_decisions(const dwell_model *model) { return model->notes.count; }
const char *model_decision(const dwell_model *model, size_t i) { return model->notes.lines[i]; }
size_t model_unused(const dwell_model *model) { return model->weights.unused_count; }
const char *model_unused_name(const dwell_model *model, size_t i) { return model->weights.unused[i]; }
