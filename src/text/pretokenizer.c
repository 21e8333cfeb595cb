/* text/pretokenizer.c - reading and running the pre-tokenizer. */
#include "text/pretokenizer.h"

#include "base/error.h"
#include "text/unicode.h"

typedef dwell_status (*option_reader)(const fields *f, pretokenizer_options *o, dwell_error *err);

/* A text member that must be one of a few words. */
static dwell_status unknown_word(const char *key, jtext word, dwell_error *err) {
  return error_set(err, DWELL_UNSUPPORTED, "pre-tokenizer option \"%s\": '%s' is not supported", key, word.data);
}

static dwell_status read_behaviour(const fields *f, const char *otherwise, cut_behaviour *ret_behaviour,
                                   dwell_error *err) {
  static const struct {
    const char *name;
    cut_behaviour behaviour;
  } names[] = {{"Removed", CUT_REMOVED},
               {"Isolated", CUT_ISOLATED},
               {"MergedWithPrevious", CUT_WITH_PREVIOUS},
               {"MergedWithNext", CUT_WITH_NEXT},
               {"Contiguous", CUT_CONTIGUOUS}};
  jtext word;
  dwell_status status = fields_text(f, "behavior", otherwise, &word, err);
  if (status != DWELL_OK) return status;
  if (word.data == NULL) return fields_need_text(f, "behavior", &word, err);
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    if (!jtext_is(word, names[i].name)) continue;
    *ret_behaviour = names[i].behaviour;
    return DWELL_OK;
  }
  return unknown_word("behavior", word, err);
}

static dwell_status read_nothing(const fields *f, pretokenizer_options *o, dwell_error *err) {
  (void)f, (void)o, (void)err;
  return DWELL_OK;
}

static dwell_status read_byte_level(const fields *f, pretokenizer_options *o, dwell_error *err) {
  dwell_status status = fields_bool(f, "add_prefix_space", true, &o->prefix_space, err);
  return status != DWELL_OK ? status : fields_bool(f, "use_regex", true, &o->use_regex, err);
}

static dwell_status read_whitespace_split(const fields *f, pretokenizer_options *o, dwell_error *err) {
  (void)f, (void)err;
  o->classes = UNICODE_SPACE;
  o->behaviour = CUT_REMOVED;
  return DWELL_OK;
}

static dwell_status read_punctuation(const fields *f, pretokenizer_options *o, dwell_error *err) {
  o->classes = UNICODE_PUNCTUATION;
  return read_behaviour(f, "Isolated", &o->behaviour, err);
}

static dwell_status read_digits(const fields *f, pretokenizer_options *o, dwell_error *err) {
  bool individual;
  o->classes = UNICODE_NUMERIC;
  dwell_status status = fields_bool(f, "individual_digits", false, &individual, err);
  o->behaviour = individual ? CUT_ISOLATED : CUT_CONTIGUOUS;
  return status;
}

static dwell_status read_split(const fields *f, pretokenizer_options *o, dwell_error *err) {
  dwell_status status;
  TRY(read_behaviour(f, NULL, &o->behaviour, err));
  TRY(fields_bool(f, "invert", false, &o->invert, err));
  TRY(pattern_read(f, &o->pattern, err));
done:
  return status;
}

static dwell_status read_delimiter(const fields *f, pretokenizer_options *o, dwell_error *err) {
  jtext delimiter;
  o->behaviour = CUT_REMOVED;
  dwell_status status = fields_need_text(f, "delimiter", &delimiter, err);
  return status != DWELL_OK ? status : pattern_literal(delimiter.data, delimiter.length, &o->pattern, err);
}

static dwell_status read_fixed_length(const fields *f, pretokenizer_options *o, dwell_error *err) {
  int64_t length;
  dwell_status status = fields_int(f, "length", 1, INT32_MAX, 5, &length, err);
  o->length = (size_t)length;
  return status;
}

static dwell_status read_metaspace(const fields *f, pretokenizer_options *o, dwell_error *err) {
  jtext scheme;
  bool prefix;
  dwell_status status;
  TRY(fields_text(f, "replacement", UNICODE_SPACE_MARK, &o->replacement, err));
  TRY(fields_bool(f, "add_prefix_space", true, &prefix, err));
  TRY(fields_text(f, "prepend_scheme", prefix ? "always" : "never", &scheme, err));
  TRY(fields_bool(f, "split", true, &o->split, err));
  if (jtext_is(scheme, "always")) {
    o->prepend = PREPEND_ALWAYS;
  } else if (jtext_is(scheme, "first")) {
    o->prepend = PREPEND_FIRST;
  } else if (jtext_is(scheme, "never")) {
    o->prepend = PREPEND_NEVER;
  } else {
    TRY(unknown_word("prepend_scheme", scheme, err));
  }
  TRY(pattern_literal(o->replacement.data, o->replacement.length, &o->pattern, err));
done:
  return status;
}

static const struct {
  const char *type;
  pretokenizer_apply_step apply;
  option_reader read;
} REGISTRY[] = {
    {"ByteLevel", pretokenize_byte_level, read_byte_level},
    {"BertPreTokenizer", pretokenize_bert, read_nothing},
    {"Whitespace", pretokenize_whitespace, read_nothing},
    {"WhitespaceSplit", pretokenize_class, read_whitespace_split},
    {"Punctuation", pretokenize_class, read_punctuation},
    {"Digits", pretokenize_class, read_digits},
    {"Split", pretokenize_split, read_split},
    {"CharDelimiterSplit", pretokenize_split, read_delimiter},
    {"FixedLength", pretokenize_fixed_length, read_fixed_length},
    {"Metaspace", pretokenize_metaspace, read_metaspace},
};

dwell_status pretokenizer_add(pretokenizer *p, pretokenizer_apply_step apply, const pretokenizer_options *options,
                              arena *memory, dwell_error *err) {
  pretokenizer_step *step = ARENA_NEW(memory, pretokenizer_step, 1);
  if (step == NULL) {
    pattern_close(options->pattern);
    return error_no_memory(err, "the pre-tokenizer");
  }
  *step = (pretokenizer_step){apply, *options, NULL};
  if (p->last != NULL) {
    p->last->next = step;
  } else {
    p->steps = step;
  }
  p->last = step;
  return DWELL_OK;
}

static dwell_status read_sequence(pretokenizer *p, const fields *f, arena *memory, dwell_error *err) {
  jcursor c;
  jtext missing;
  if (!fields_find(f, "pretokenizers", &c)) return fields_need_text(f, "pretokenizers", &missing, err);
  jcursor_array(&c);
  while (jcursor_item(&c)) {
    dwell_status status = pretokenizer_read(p, &c, f->path, memory, err); /* depth is bounded by the cursor */
    if (status != DWELL_OK) return status;
  }
  return fields_check(&c, f->path, err);
}

dwell_status pretokenizer_read(pretokenizer *p, jcursor *c, const char *path, arena *memory, dwell_error *err) {
  if (jcursor_null(c)) return DWELL_OK;
  fields f;
  jtext type;
  dwell_status status;
  TRY(fields_read(c, path, &f, err));
  TRY(fields_need_text(&f, "type", &type, err));
  if (jtext_is(type, "Sequence")) return read_sequence(p, &f, memory, err);
  for (size_t i = 0; i < sizeof REGISTRY / sizeof REGISTRY[0]; i++) {
    if (!jtext_is(type, REGISTRY[i].type)) continue;
    pretokenizer_options options = {0};
    TRY(REGISTRY[i].read(&f, &options, err));
    return pretokenizer_add(p, REGISTRY[i].apply, &options, memory, err);
  }
  status = error_set(err, DWELL_UNSUPPORTED, "pre-tokenizer '%s' is not supported", type.data);
done:
  return status;
}

dwell_status pretokenizer_apply(const pretokenizer *p, workbench *w, dwell_error *err) {
  for (const pretokenizer_step *step = p->steps; step != NULL; step = step->next) {
    dwell_status status = step->apply(&step->options, w, err);
    if (status != DWELL_OK) return status;
  }
  return DWELL_OK;
}

void pretokenizer_close(pretokenizer *p) {
  for (pretokenizer_step *step = p->steps; step != NULL; step = step->next) pattern_close(step->options.pattern);
  *p = (pretokenizer){0};
}
