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
/* The same of random weights, in place of what was kept: later sources with random_weights and this seed find them.
 * Worth it for many texts of one seed: drawing them takes several times as long as a forward pass. */
dwell_status dwell_model_keep_random(dwell_model *model, uint64_t seed, dwell_dtype dtype, const dwell_context *ctx,
                                     dwell_error *err);
void dwell_model_drop_weights(dwell_model *model);

/* Head `head` of block `block`. */
typedef struct dwell_head_place {
  size_t block, head;
} dwell_head_place;

/* What is done to a network before or while it runs, to see what it changes. Start from dwell_intervention_none(). W_O
 * is the map from the heads' outputs to the stream, W_Q that from the stream to the queries; their biases go with them
 * unless something else is said. What is pointed to is copied when a source is opened. */
typedef struct dwell_intervention {
  double scale_wo; /* every W_O times this; 1: as it is */
  double scale_wq; /* every W_Q times this: the inverse temperature of attention; 1: as it is */
  /* W_O becomes Q W_O with one Haar-distributed orthogonal Q per block, a pure function of rotate_seed and the block:
   * singular values and inner products between heads' writes stay. Blocks that share their weights share Q. */
  bool rotate_wo;
  uint64_t rotate_seed;
  /* [drop_count] heads whose columns of W_O become 0; the bias stays. Of blocks that share their weights, block 0
   * stands for all. */
  const dwell_head_place *drop;
  size_t drop_count;
  /* [patch_n, patch_d] state patch_state as it is to be, of every token: the pass goes on from there. NULL: none. */
  const double *patch;
  size_t patch_n, patch_d, patch_state;
  const char *patch_name; /* for the manifest: a file; may be NULL */
} dwell_intervention;

dwell_intervention dwell_intervention_none(void);

/* Reads a patch for `state` from an npz file: its member `state` or `states` [n, d], or, as --save states writes them,
 * `states` [states, n, d] (the first of them being state_index[0], if the file has that member, else 0). *ret_values
 * [n, d] is released with dwell_patch_free. DWELL_BAD_INPUT: neither is there, or of another shape, or holds NaN or
 * Inf; DWELL_USAGE: the file has no such state. */
dwell_status dwell_patch_read(const char *path, size_t state, double **ret_values, size_t *ret_n, size_t *ret_d,
                              dwell_error *err);
void dwell_patch_free(double *values);

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
  dwell_intervention intervention;
} dwell_model_options;

/* f32, native depth, special tokens, no cut, all states, no shuffle, the checkpoint's weights, no intervention. */
dwell_model_options dwell_model_options_default(void);

/* A source for `text` (UTF-8), or for token ids. The model must outlive the source; ids are copied. A model without
 * weights and without random_weights: DWELL_BAD_INPUT, or DWELL_UNSUPPORTED where they are there in another format. An
 * intervention that the model does not allow (no such head or state, a scale that is no finite number): DWELL_USAGE; a
 * patch of another shape: DWELL_BAD_INPUT. */
dwell_status dwell_model_open_text(dwell_model *model, const char *text, size_t length,
                                   const dwell_model_options *options, dwell_source **ret_source, dwell_error *err);
dwell_status dwell_model_open_ids(dwell_model *model, const int64_t *ids, size_t n, const dwell_model_options *options,
                                  dwell_source **ret_source, dwell_error *err);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
