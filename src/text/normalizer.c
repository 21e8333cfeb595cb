/* text/normalizer.c - reading and running the normalizer. */
#include "text/normalizer.h"

#include "base/error.h"
#include "text/precompiled.h"

typedef dwell_status (*option_reader)(const fields *f, arena *memory, normalizer_options *o, dwell_error *err);

static dwell_status read_nothing(const fields *f, arena *memory, normalizer_options *o, dwell_error *err) {
  (void)f, (void)memory, (void)o, (void)err;
  return DWELL_OK;
}

static dwell_status read_nfc(const fields *f, arena *memory, normalizer_options *o, dwell_error *err) {
  (void)f, (void)memory, (void)err;
  o->form = NORMAL_FORMS_C;
  return DWELL_OK;
}

static dwell_status read_nfkc(const fields *f, arena *memory, normalizer_options *o, dwell_error *err) {
  (void)f, (void)memory, (void)err;
  o->form = NORMAL_FORMS_C | NORMAL_FORMS_K;
  return DWELL_OK;
}

static dwell_status read_nfkd(const fields *f, arena *memory, normalizer_options *o, dwell_error *err) {
  (void)f, (void)memory, (void)err;
  o->form = NORMAL_FORMS_K;
  return DWELL_OK;
}

static dwell_status read_bert(const fields *f, arena *memory, normalizer_options *o, dwell_error *err) {
  (void)memory;
  dwell_status status;
  TRY(fields_bool(f, "clean_text", true, &o->clean, err));
  TRY(fields_bool(f, "handle_chinese_chars", true, &o->ideographs, err));
  TRY(fields_bool(f, "lowercase", true, &o->lowercase, err));
  TRY(fields_bool(f, "strip_accents", o->lowercase, &o->strip_accents, err)); /* null: as lowercase */
done:
  return status;
}

static dwell_status read_strip(const fields *f, arena *memory, normalizer_options *o, dwell_error *err) {
  (void)memory;
  dwell_status status = fields_bool(f, "strip_left", true, &o->left, err);
  return status != DWELL_OK ? status : fields_bool(f, "strip_right", true, &o->right, err);
}

static dwell_status read_replace(const fields *f, arena *memory, normalizer_options *o, dwell_error *err) {
  (void)memory;
  dwell_status status = fields_need_text(f, "content", &o->content, err);
  return status != DWELL_OK ? status : pattern_read(f, &o->pattern, err);
}

static dwell_status read_prepend(const fields *f, arena *memory, normalizer_options *o, dwell_error *err) {
  (void)memory;
  return fields_need_text(f, "prepend", &o->content, err);
}

static dwell_status read_precompiled(const fields *f, arena *memory, normalizer_options *o, dwell_error *err) {
  return precompiled_read(f, memory, &o->table, err);
}

static const struct {
  const char *type;
  normalizer_apply_step apply;
  option_reader read;
} REGISTRY[] = {
    {"BertNormalizer", normalize_bert, read_bert},
    {"NFC", normalize_form, read_nfc},
    {"NFD", normalize_form, read_nothing},
    {"NFKC", normalize_form, read_nfkc},
    {"NFKD", normalize_form, read_nfkd},
    {"Lowercase", normalize_lowercase, read_nothing},
    {"Nmt", normalize_nmt, read_nothing},
    {"StripAccents", normalize_strip_accents, read_nothing},
    {"Strip", normalize_strip, read_strip},
    {"Replace", normalize_replace, read_replace},
    {"Prepend", normalize_prepend, read_prepend},
    {"Precompiled", normalize_precompiled, read_precompiled},
    {"ByteLevel", normalize_byte_level, read_nothing},
};

dwell_status normalizer_add(normalizer *n, normalizer_apply_step apply, const normalizer_options *options,
                            arena *memory, dwell_error *err) {
  normalizer_step *kept = ARENA_NEW(memory, normalizer_step, 1);
  if (kept == NULL) {
    pattern_close(options->pattern);
    return error_no_memory(err, "the normalizer");
  }
  *kept = (normalizer_step){apply, *options, NULL};
  if (n->last != NULL) {
    n->last->next = kept;
  } else {
    n->steps = kept;
  }
  n->last = kept;
  return DWELL_OK;
}

static dwell_status read_sequence(normalizer *n, const fields *f, arena *memory, dwell_error *err) {
  jcursor c;
  jtext missing;
  if (!fields_find(f, "normalizers", &c)) return fields_need_text(f, "normalizers", &missing, err);
  jcursor_array(&c);
  while (jcursor_item(&c)) {
    dwell_status status = normalizer_read(n, &c, f->path, memory, err); /* depth is bounded by the cursor */
    if (status != DWELL_OK) return status;
  }
  return fields_check(&c, f->path, err);
}

dwell_status normalizer_read(normalizer *n, jcursor *c, const char *path, arena *memory, dwell_error *err) {
  if (jcursor_null(c)) return DWELL_OK;
  fields f;
  jtext type;
  dwell_status status;
  TRY(fields_read(c, path, &f, err));
  TRY(fields_need_text(&f, "type", &type, err));
  if (jtext_is(type, "Sequence")) return read_sequence(n, &f, memory, err);
  for (size_t i = 0; i < sizeof REGISTRY / sizeof REGISTRY[0]; i++) {
    if (!jtext_is(type, REGISTRY[i].type)) continue;
    normalizer_options options = {0};
    TRY(REGISTRY[i].read(&f, memory, &options, err));
    return normalizer_add(n, REGISTRY[i].apply, &options, memory, err);
  }
  status = error_set(err, DWELL_UNSUPPORTED, "normalizer '%s' is not supported", type.data);
done:
  return status;
}

dwell_status normalizer_apply(const normalizer *n, workbench *w, dwell_error *err) {
  for (const normalizer_step *step = n->steps; step != NULL; step = step->next) {
    dwell_status status = step->apply(&step->options, w, err);
    if (status != DWELL_OK) return status;
  }
  return DWELL_OK;
}

void normalizer_close(normalizer *n) {
  for (normalizer_step *step = n->steps; step != NULL; step = step->next) pattern_close(step->options.pattern);
  *n = (normalizer){0};
}
