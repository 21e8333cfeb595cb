/* model/registry.c - the architectures, and which one a config.json is. */
#include "base/error.h"
#include "base/str.h"
#include "model/model.h"

static const model_architecture *const architectures[] = {
    &model_gpt2,    &model_llama,      &model_gpt_neox, &model_opt,   &model_bert,
    &model_roberta, &model_distilbert, &model_electra,  &model_mpnet, &model_albert,
};

enum { ARCHITECTURES = sizeof architectures / sizeof architectures[0], MAX_TYPES = 64 };

const model_architecture *const *model_registry(size_t *ret_count) {
  *ret_count = ARCHITECTURES;
  return architectures;
}

/* All model_types, and the architecture of each. */
typedef struct type_list {
  const char *names[MAX_TYPES];
  const model_architecture *architectures[MAX_TYPES];
  size_t count;
} type_list;

static void list_types(type_list *ret_list) {
  *ret_list = (type_list){0};
  for (size_t a = 0; a < ARCHITECTURES; a++) {
    for (const char *const *type = architectures[a]->model_types; *type != NULL && ret_list->count < MAX_TYPES;
         type++) {
      ret_list->architectures[ret_list->count] = architectures[a];
      ret_list->names[ret_list->count++] = *type;
    }
  }
}

static dwell_status unknown_type(const config *c, const char *type, const type_list *types, dwell_error *err) {
  strbuf all = {0};
  for (size_t i = 0; i < types->count; i++) strbuf_printf(&all, "%s%s", i ? ", " : "", types->names[i]);
  const char *near = str_nearest(type, types->names, types->count);
  error_set(err, DWELL_UNSUPPORTED, "models of type %s are not supported", type);
  error_at_item(err, "model_type");
  error_in_file(err, c->path);
  if (near != NULL) error_remedy(err, "Did you mean %s? Supported: %s", near, all.failed ? "" : all.data);
  else error_remedy(err, "Supported: %s", all.failed ? "" : all.data);
  strbuf_free(&all);
  return DWELL_UNSUPPORTED;
}

static dwell_status find_architecture(const config *c, const model_architecture **ret_architecture, dwell_error *err) {
  const char *type;
  type_list types;
  dwell_status status = config_text(c, "model_type", NULL, &type, err);
  if (status != DWELL_OK) return status;
  list_types(&types);
  if (type == NULL) {
    error_set(err, DWELL_BAD_INPUT, "has no model_type, so the architecture is unknown");
    error_in_file(err, c->path);
    error_remedy(err, "Add one, for example \"model_type\": \"bert\"");
    return DWELL_BAD_INPUT;
  }
  for (size_t i = 0; i < types.count; i++) {
    if (!str_equal(types.names[i], type)) continue;
    *ret_architecture = types.architectures[i];
    return DWELL_OK;
  }
  return unknown_type(c, type, &types, err);
}

static dwell_status refuse_fields(const config *c, const char *const (*fields)[2], size_t count, dwell_error *err) {
  for (size_t i = 0; i < count; i++) {
    dwell_status status = config_refuse(c, fields[i][0], fields[i][1], err);
    if (status != DWELL_OK) return status;
  }
  return DWELL_OK;
}

/* Fields that change the numbers of any architecture and that none implements, each with its harmless value. */
static dwell_status refuse_common(const config *c, const model_architecture *a, dwell_error *err) {
  static const char *const fields[][2] = {
      {"quantization_config", "null"},
      {"auto_map", "{}"},
      {"pruned_heads", "{}"},
      {"position_embedding_type", "\"absolute\""},
      {"attn_logit_softcapping", "null"},
      {"final_logit_softcapping", "null"},
      {"is_encoder_decoder", "false"},
  };
  static const char *const rotary[][2] = {
      {"rope_scaling", "null"},
      {"rope_parameters", "null"},
      {"sliding_window", "null"},
  };
  dwell_status status = refuse_fields(c, fields, sizeof fields / sizeof fields[0], err);
  if (status != DWELL_OK || a->rotary) return status;
  return refuse_fields(c, rotary, sizeof rotary / sizeof rotary[0], err);
}

/* What an architecture left 0 has its usual value. */
static void fill_in(model_shape *s) {
  if (s->head_size == 0) s->head_size = s->width / s->heads;
  if (s->kv_heads == 0) s->kv_heads = s->heads;
  if (s->embedding == 0) s->embedding = s->width;
  if (s->positions == 0) s->positions = s->context;
}

static dwell_status check_heads(const config *c, const model_shape *s, dwell_error *err) {
  if (s->head_size == 0 && s->width % s->heads != 0) {
    error_set(err, DWELL_BAD_INPUT, "a width of %zu cannot be split into %zu heads", s->width, s->heads);
  } else if (s->kv_heads > 0 && s->heads % s->kv_heads != 0) {
    error_set(err, DWELL_BAD_INPUT, "%zu heads cannot share %zu heads of keys and values", s->heads, s->kv_heads);
  } else if (s->heads * s->head_size > MODEL_MAX_WIDTH) {
    error_set(err, DWELL_BAD_INPUT, "%zu heads of size %zu are wider than dwell takes (%d)", s->heads, s->head_size,
              (int)MODEL_MAX_WIDTH);
  } else {
    return DWELL_OK;
  }
  return error_in_file(err, c->path), DWELL_BAD_INPUT;
}

static dwell_status read_padding(const config *c, const model_architecture *a, model_shape *s, dwell_error *err) {
  s->padding = a->padding < 0 ? CONFIG_NO_ID : (size_t)a->padding;
  return a->padding == PADDING_NEVER ? DWELL_OK : config_id(c, "pad_token_id", MODEL_MAX_VOCABULARY, &s->padding, err);
}

dwell_status model_configure(const config *c, const model_architecture **ret_architecture, model_shape *ret_shape,
                             dwell_error *err) {
  *ret_shape = (model_shape){0};
  dwell_status status = DWELL_OK;
  TRY(find_architecture(c, ret_architecture, err));
  TRY(refuse_common(c, *ret_architecture, err));
  TRY(read_padding(c, *ret_architecture, ret_shape, err));
  TRY(config_positive(c, (*ret_architecture)->deviation, 0.02, &ret_shape->deviation, err));
  TRY((*ret_architecture)->configure(c, ret_shape, err));
  TRY(check_heads(c, ret_shape, err));
  fill_in(ret_shape);
done:
  return status;
}

dwell_status model_configure_activation(const config *c, const char *name, const char *fallback,
                                        ops_activation *ret_activation, dwell_error *err) {
  const char *text;
  dwell_status status = config_text(c, name, fallback, &text, err);
  if (status != DWELL_OK || ops_activation_find(text, ret_activation)) return status;
  error_set(err, DWELL_UNSUPPORTED, "the activation %s is not supported", text);
  error_at_item(err, name);
  error_in_file(err, c->path);
  return DWELL_UNSUPPORTED;
}
