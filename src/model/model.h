/* model/model.h - what an architecture is, and what a checkpoint is once it is understood.
 *
 * An architecture is one file and one line in the registry: the fields of config.json it understands, the tensors it
 * needs (slots, with shapes in words), and three steps: embed, one block, final norm. Everything else is shared:
 * finding and reading weights (weights.c), running the blocks into a sink (forward.c), the arithmetic in float and in
 * double (ops.h). */
#ifndef DWELL_MODEL_MODEL_H
#define DWELL_MODEL_MODEL_H

#include <dwell/model.h>

#include "file/checkpoint.h"
#include "hub/hub.h"
#include "hub/identity.h"
#include "model/config.h"
#include "model/notes.h"
#include "model/ops.h"
#include "model/rotary.h"
#include "text/tokenizer.h"

typedef struct model_pass model_pass; /* one forward pass: pass.h */

/* ---- shapes and slots ---- */

typedef struct model_shape {
  size_t blocks, width, heads, inner; /* inner: width of the MLP */
  size_t head_size;                   /* 0: width / heads */
  size_t kv_heads;          /* heads of keys and values, each for heads / kv_heads heads of queries; 0: heads */
  size_t embedding;         /* width of the word embeddings (albert: not `width`); 0: width */
  size_t vocabulary, types; /* rows of the tables; types: token types (bert) */
  size_t context;           /* most tokens of a text */
  size_t positions;         /* rows of the table of positions; 0: context */
  size_t first_position;    /* its row for the first token */
  size_t buckets;           /* of the bias by relative position (mpnet) */
  model_rotary rotary;      /* rotary positions */
  double epsilon;           /* of every norm */
  double deviation;         /* of random weights */
  size_t padding;           /* the padding token, or CONFIG_NO_ID */
  ops_activation activation;
  unsigned parts;        /* model_part: tensors that not every model of the architecture has */
  bool rms;              /* norms are RMSNorm, which has no bias */
  bool gated;            /* the MLP's inner layer is activation(gate) * up, both of `inner` */
  bool parallel;         /* attention and MLP both read state b, and both are added to it */
  bool post_norm;        /* opt: LayerNorm after each sublayer instead of before */
  bool scale_scores;     /* scores are divided by sqrt(head_size) */
  bool scale_by_block;   /* and by b + 1 in block b */
  bool padded_positions; /* the table of positions has a row for the padding token */
  bool sinusoids;        /* positions start as sines and cosines */
  bool tied_words;       /* the output layer shares the word embeddings */
} model_shape;

/* Tensors that config.json gives or takes; a slot that needs one is absent without it. */
typedef enum model_part {
  PART_QKV_BIAS = 1,     /* biases of queries, keys and values */
  PART_PROJECT_BIAS = 2, /* of the attention's output map */
  PART_MLP_BIAS = 4,
  PART_MAPPING = 8, /* a linear map from the embeddings to the stream */
  PART_TYPES = 16,  /* token types */
  PART_FINAL_NORM = 32
} model_part;

/* The length of one side of a tensor, in words of model_shape. */
typedef enum model_dim {
  DIM_NONE,
  DIM_WIDTH,
  DIM_QUERIES,
  DIM_KEYS,
  DIM_QKV,
  DIM_INNER,
  DIM_EMBEDDING,
  DIM_VOCABULARY,
  DIM_POSITIONS,
  DIM_TYPES,
  DIM_BUCKETS,
  DIM_HEADS
} model_dim;

size_t model_dim_size(const model_shape *shape, model_dim dim);

enum {
  SLOT_NORM = 1,    /* of a LayerNorm: old checkpoints say gamma and beta for weight and bias */
  SLOT_TABLE = 2,   /* read row by row when needed, never held whole */
  SLOT_JOINED = 4,  /* lies in memory right behind the slot before it, so that both make one matrix */
  SLOT_TURNED = 32, /* a GGUF of llama has the rows in another order (file/gguf.h) */
  SLOT_STREAM = 16, /* writes into the stream: random weights are divided by sqrt(2 blocks) (gpt2) */
  SLOT_RAW = 64,    /* not the matrix of a product: it lies as in the file */
  SLOT_WORDS = 8    /* the word embeddings: a tied output layer may stand for them */
};

typedef struct model_slot {
  const char *name;        /* below the prefix, and for a block below "h.7." */
  model_dim rows, columns; /* columns DIM_NONE: a vector */
  unsigned flags;
  unsigned needs;   /* model_part: absent without one of these */
  const char *gguf; /* its name in a GGUF file; below "blk.7." for a block */
} model_slot;

bool model_slot_present(const model_shape *shape, const model_slot *slot);

/* ---- architectures ---- */

/* For model_architecture.padding: config.json's token means nothing to the weights; there is one only if it is named.
 */
enum model_padding { PADDING_NEVER = -2, PADDING_IF_NAMED = -1 };

/* Block slots of the attention's maps. The slot of the queries may be the joint map of queries, keys and values. */
typedef struct model_attention {
  size_t queries, queries_bias, output, output_bias;
} model_attention;

typedef struct model_architecture {
  const char *name, *summary, *source; /* source: paper */
  const char *const *model_types;      /* of config.json; NULL-terminated */
  const char *const *prefixes;         /* that tensor names may have; NULL-terminated */
  const char *anchor;                  /* the tensor whose presence tells which prefix it is */
  const char *block_format;            /* "h.%zu." */
  const char *gguf_name;  /* general.architecture of GGUF files whose rows are turned, NULL: none are read */
  const char *tied_name;  /* full name of the output layer that may be tied to the word embeddings */
  const char *output_map; /* below the prefix: from the stream to narrower embeddings, of a shape with PART_MAPPING */
  const char *deviation;  /* the field of config.json that says the deviation of random weights */
  int64_t padding;        /* the padding token, if config.json does not say; or a model_padding */
  bool out_in;            /* matrices are [out, in] (torch Linear), else [in, out] (Conv1D) */
  bool qkv_by_head;       /* rows of the joint qkv map: head by head q, k, v; else all q, all k, all v */
  bool shared_block;      /* all blocks have the weights of block 0 */
  bool causal;
  bool rotary;                     /* understands rope_scaling and the like, and sliding_window */
  const model_slot *outer, *block; /* embeddings and final norm; one block */
  size_t outer_count, block_count;
  model_attention attention;

  /* Reads the fields that change numbers; refuses those that are not implemented. */
  dwell_status (*configure)(const config *c, model_shape *ret_shape, dwell_error *err);
  /* State 0 into pass->x. */
  dwell_status (*embed)(model_pass *pass, dwell_error *err);
  /* pass->x from state pass->b to state pass->b + 1; heads and parts go to the sink. */
  dwell_status (*block_step)(model_pass *pass, dwell_error *err);
  size_t final_norm; /* outer slot of its weight, of a shape with PART_FINAL_NORM */
} model_architecture;

extern const model_architecture model_gpt2, model_llama, model_gpt_neox, model_opt, model_bert, model_roberta,
    model_distilbert, model_electra, model_mpnet, model_albert;

const model_architecture *const *model_registry(size_t *ret_count);

/* Limits of config.json's sizes: far above any model, small enough that no number of weights or bytes overflows. The
 * tensors must agree with every size, unless there are none (random weights). */
enum {
  MODEL_MAX_BLOCKS = 10000,
  MODEL_MAX_WIDTH = 1 << 17,
  MODEL_MAX_CONTEXT = 1 << 24,
  MODEL_MAX_VOCABULARY = 1 << 24
};

/* Finds the architecture of a config by its model_type, lets it configure itself, fills in what it left 0, and refuses
 * what no architecture implements (quantised weights, custom code, pruned heads) and heads that do not divide. */
dwell_status model_configure(const config *c, const model_architecture **ret_architecture, model_shape *ret_shape,
                             dwell_error *err);

/* The activation named by field `name`; DWELL_UNSUPPORTED naming it if unknown. */
dwell_status model_configure_activation(const config *c, const char *name, const char *fallback,
                                        ops_activation *ret_activation, dwell_error *err);

/* ---- weights ---- */

/* Where weights come from: a checkpoint, or (for controls) a random initialiser. */
typedef struct weight_provider {
  void *self;
  /* Elements [first, first+count) of a slot of the outer tensors (outer true) or of block `block`, as `dtype`. Called
   * from several threads at once. */
  dwell_status (*read)(void *self, bool outer, size_t block, size_t slot, size_t first, size_t count, dwell_dtype dtype,
                       void *ret_values, dwell_error *err);
  /* NULL, or a hint that block `block` will be read next; reading may go on behind other work. */
  void (*opt_ahead)(void *self, size_t block);
} weight_provider;

/* Where a slot lies in the buffer of its group. */
typedef struct weight_place {
  size_t offset; /* in elements, of its first number; if packed, of the matrix that it is a part of */
  size_t k, n;   /* of the matrix, [k, n], that the slot and those joined to it make; a vector's n is 1 */
  size_t row;    /* where the slot begins in the matrix as it is stored: rows of the slots that it is joined to */
  bool packed;   /* the matrix lies in panels (linalg/panels.h), else as in the file */
} weight_place;

/* Slots that are read together into one buffer. */
typedef struct weight_group {
  const model_slot *slots;
  size_t count;
  bool outer, out_in;
  dwell_dtype dtype;
  weight_place *places; /* [count]; tables have none */
  size_t elements;      /* of the buffer */
  size_t scratch;       /* elements that a thread needs to lay out what is packed */
} weight_group;

/* A checkpoint's tensors matched with slots. */
typedef struct model_weights {
  checkpoint *file;                 /* NULL: there is none, and nothing is matched */
  size_t block_slots;               /* of one block */
  size_t distinct_blocks;           /* 1 if the block is shared */
  const checkpoint_tensor **outer;  /* [outer_count] */
  const checkpoint_tensor **blocks; /* [distinct_blocks, block_slots] */
  /* The output layer [vocabulary, embedding], NULL: there is none, or the word embeddings are it (tied_output); what
   * stands before it in shapes with PART_MAPPING [embedding, width]. States do not depend on them. */
  const checkpoint_tensor *output, *output_map;
  bool tied_output;
  const char **unused; /* [unused_count] names of tensors that the states do not depend on */
  size_t unused_count;
  uint64_t parameters; /* of all slots that the shape has */
  const char *dtype;   /* of most of them; NULL: no file */
  const model_architecture *architecture;
  const model_shape *shape;
  bool turned; /* rows of queries and keys are in a GGUF's order */
  arena storage;
} model_weights;

/* Matches the tensors of `opt_file`, which it takes over: finds the prefix, accepts old names, checks every shape.
 * Notes how prefix and tied weights were resolved. Release with weights_close, also after a failure. */
dwell_status weights_open(checkpoint *opt_file, const model_architecture *architecture, const model_shape *shape,
                          model_notes *notes, model_weights *ret_weights, dwell_error *err);
void weights_close(model_weights *w);

/* Both groups of a model, as they lie in buffers of one type. */
typedef struct model_layout {
  weight_group outer, block;
  void **kept;      /* [distinct_blocks] all blocks in memory (dwell_model_keep_weights), else NULL */
  bool kept_random; /* they are those of a random network, of this seed */
  uint64_t kept_seed;
} model_layout;

/* Places the slots that are not tables; every one that is not joined starts on a cache line, and matrices lie in
 * panels for their product. The places are from `a`. */
dwell_status weights_place(const model_architecture *architecture, const model_shape *shape, dwell_dtype dtype,
                           arena *a, model_layout *ret_layout, dwell_error *err);

/* Reads the group's slots (of block `block`, unless outer) into `buffer`, pieces of it on all threads. */
dwell_status weights_load(const dwell_context *ctx, const weight_provider *provider, const weight_group *group,
                          const model_shape *shape, size_t block, void *buffer, dwell_error *err);

/* The provider that reads a checkpoint: self is the model_weights. */
dwell_status weights_read(void *self, bool outer, size_t block, size_t slot, size_t first, size_t count,
                          dwell_dtype dtype, void *ret_values, dwell_error *err);
void weights_ahead(void *self, size_t block);

/* ---- an opened model ---- */

struct dwell_model {
  dwell_model_info info;
  hub_place place;
  char *name;
  const model_architecture *architecture;
  model_shape shape;
  model_weights weights;
  weight_provider provider;
  model_layout f32, f64;
  int64_t *special_ids; /* [special_count] that config.json names: bos, eos, pad, cls, sep */
  size_t special_count, special_capacity;
  dwell_error weights_error; /* why there are none, where weights.file is NULL */
  tokenizer *tokenizer;      /* NULL: none, and tokenizer_error says why */
  dwell_error tokenizer_error;
  model_notes notes;
  const char **files; /* [file_count] everything that was read: config.json, weights, tokenizer */
  size_t file_count;
  identity_known *known; /* [file_count] their hashes: a second text needs no second reading */
  arena storage;
};

const model_layout *model_layout_of(const dwell_model *model, dwell_dtype dtype);
/* Has the checkpoint weights? If not, the error says why. */
dwell_status model_check_weights(const dwell_model *model, dwell_error *err);
/* Files that the model was read from, for the manifest. */
size_t model_files(const dwell_model *model);
const char *model_file(const dwell_model *model, size_t i);
/* Decisions taken while reading ("tensor names have the prefix transformer."), in words. */
size_t model_decisions(const dwell_model *model);
const char *model_decision(const dwell_model *model, size_t i);
/* Tensors that the states do not depend on (output layers, poolers). */
size_t model_unused(const dwell_model *model);
const char *model_unused_name(const dwell_model *model, size_t i);

#endif
