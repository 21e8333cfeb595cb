/* text/model.h - the "model" of tokenizer.json: from the text of one split to pieces. Adding a model: one file with a
 * `const model_class`, and one line in the registry in model.c. */
#ifndef DWELL_TEXT_MODEL_H
#define DWELL_TEXT_MODEL_H

#include "base/arena.h"
#include "text/fields.h"
#include "text/vocab.h"

/* A piece found: bytes [begin, end) of the split. */
typedef struct piece {
  int32_t id;
  uint32_t begin, end;
  bool added; /* an added token, not the model's */
} piece;

/* Pieces found, and a buffer a model may use while it works (both grow; one per encoding, never shared). */
typedef struct piece_list {
  piece *items;
  size_t count, capacity;
  void *scratch;
  size_t scratch_size;
} piece_list;

dwell_status piece_list_add(piece_list *l, int32_t id, size_t begin, size_t end, dwell_error *err);
/* Scratch of at least count * size bytes (contents undefined), or NULL. */
void *piece_list_scratch(piece_list *l, size_t count, size_t size);
void piece_list_free(piece_list *l);

/* What a model is read from: the members of its JSON object, the vocabulary to fill, memory for its state. */
typedef struct model_source {
  fields members;
  vocab *vocab;
  arena *memory;
} model_source;

typedef struct model_class {
  const char *name;
  dwell_status (*read)(model_source *source, void **ret_state, dwell_error *err);
  /* Appends the pieces of a text that is not empty. Must not change the state. */
  dwell_status (*encode)(const void *state, const vocab *v, const char *text, size_t length, piece_list *out,
                         dwell_error *err);
} model_class;

typedef struct model {
  const model_class *class;
  void *state; /* in the arena */
} model;

/* Reads the component at the cursor and the vocabulary in it. Unknown models: DWELL_UNSUPPORTED by name. */
dwell_status model_read(model *m, jcursor *c, const char *path, vocab *v, arena *memory, dwell_error *err);

/* Member "vocab" as an object {"piece": id, ...}, for the models that have it. */
dwell_status model_read_vocab(jcursor *c, const char *path, vocab *v, dwell_error *err);

extern const model_class MODEL_BPE, MODEL_WORDPIECE, MODEL_WORDLEVEL, MODEL_UNIGRAM;

#endif
