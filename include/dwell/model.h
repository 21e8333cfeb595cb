/* dwell/model.h - trained transformers: a Hugging Face checkpoint folder as a source of states.
 *
 * Raw Hugging Face numerics: nothing is folded or centred. States are the residual stream: state 0 after the
 * embeddings, state b+1 after block b, before any final norm (tap "final_norm"). */
#ifndef DWELL_MODEL_H
#define DWELL_MODEL_H

#include <dwell/trajectory.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

typedef struct dwell_model dwell_model;

typedef struct dwell_model_info {
  const char *name;                                 /* as given */
  const char *folder;                               /* where it was found */
  const char *architecture;                         /* registry name: "gpt2", "bert", ... */
  const char *revision;                             /* hub commit, or NULL */
  size_t blocks, width, heads, vocabulary, context; /* context: largest number of tokens */
  uint64_t parameters;                              /* of the transformer (unused heads not counted) */
  uint64_t weight_bytes;                            /* of one block in f32 as held while running */
  bool causal, has_tokenizer;
  const char *weight_dtype; /* "F32", ... of most weights; NULL: the folder has none */
} dwell_model_info;

/* MODEL: a folder, a hub name in the local Hugging Face cache (org/name or org/name@revision), or nursery:NAME.
 * Reads config.json and the tensors' headers, and checks that they agree; weights are read while running. A folder
 * without weights can be opened too: its config.json says the shape, and only random_weights can be run. A model and
 * its sources serve one thread at a time. */
dwell_status dwell_model_open(const char *name, const dwell_context *ctx, dwell_model **ret_model, dwell_error *err);
const dwell_model_info *dwell_model_get_info(const dwell_model *model);
void dwell_model_destroy(dwell_model *model);

/* Reads all blocks of the checkpoint into memory, in one dtype; every later source of this model and dtype finds them
 * there, instead of reading block by block. Worth it for many texts. dwell_source_bytes does not count them. They are
 * dropped by dwell_model_drop_weights (not while a source runs), or with the model. DWELL_NO_MEMORY also over
 * ctx->memory_bound. */
dwell_status dwell_model_keep_weights(dwell_model *model, dwell_dtype dtype, const dwell_context *ctx,
                                      dwell_error *err);
void dwell_model_drop_weights(dwell_model *model);

typedef struct dwell_model_options {
  dwell_dtype dtype; /* DWELL_F32 or DWELL_F64: of the whole forward pass */
  size_t iterations; /* albert: applications of the shared block; 0: as in config.json */
  bool special;      /* text: add the tokenizer's special tokens */
  size_t max_tokens; /* text: cut to this many tokens (special ones kept); 0: too long is DWELL_USAGE */
  /* States first_state..last_state only, and the blocks between them; blocks after last_state are not run, and a final
   * norm is pushed only with the last state of all. last_state SIZE_MAX: to the end. What is pushed has the same bits
   * as in a run of all states. */
  size_t first_state, last_state;
  /* A control: the tokens that are not special change places, by a permutation drawn from shuffle_seed (a pure function
   * of it and their number). Cut first, then shuffled. */
  bool shuffle;
  uint64_t shuffle_seed;
  /* A control: weights drawn from random_seed as transformers' own initialiser of the architecture draws them (normal
   * with config.json's deviation, biases 0, norms 1), instead of the checkpoint's, which need not be there. */
  bool random_weights;
  uint64_t random_seed;
} dwell_model_options;

/* f32, native depth, special tokens, no cut, all states, no shuffle, the checkpoint's weights. */
dwell_model_options dwell_model_options_default(void);

/* A source for `text` (UTF-8), or for token ids. The model must outlive the source; ids are copied. A model without
 * weights and without random_weights: DWELL_BAD_INPUT, or DWELL_UNSUPPORTED where they are there in another format. */
dwell_status dwell_model_open_text(dwell_model *model, const char *text, size_t length,
                                   const dwell_model_options *options, dwell_source **ret_source, dwell_error *err);
dwell_status dwell_model_open_ids(dwell_model *model, const int64_t *ids, size_t n, const dwell_model_options *options,
                                  dwell_source **ret_source, dwell_error *err);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
