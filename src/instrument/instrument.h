/* instrument/instrument.h - one measure: geometry (or one attention head) in, values out. One file and one line in
 * registry.c each. */
#ifndef DWELL_INSTRUMENT_INSTRUMENT_H
#define DWELL_INSTRUMENT_INSTRUMENT_H

#include <dwell/cloud.h>

#include "geometry/geometry.h"

/* A number, or the reason why there is none (static text such as "n < 4"). */
typedef struct value {
  double number;
  const char *undefined; /* NULL: defined */
} value;

#define VALUE(x) ((value){(x), NULL})
#define UNDEFINED(reason) ((value){0, (reason)})

typedef enum instrument_scope {
  PER_STATE, /* layers.csv */
  PER_STEP,  /* blocks.csv: from the states before and after a block */
  PER_HEAD   /* heads.csv: from one attention matrix */
} instrument_scope;

enum { /* representations an instrument reports in; a centred column's name ends in _centred */
       IN_RAW = 1,
       IN_CENTRED = 2
};

typedef struct instrument_column {
  const char *name;           /* column name for RAW ("ip_mean"); with IN_CENTRED also ip_mean_centred */
  const char *unit;           /* "1", "rad", "nat", ... */
  double low, high;           /* range; +-INFINITY if open */
  const char *meaning;        /* one line */
  const char *null;           /* name of the sampled null drawn for it, or NULL */
  unsigned null_in;           /* representations in which that null is drawn */
  const char *null_where;     /* a column: drawn only at states where that one's p is at most 0.05; NULL: everywhere */
  double (*chance)(size_t n); /* mean under the token shuffle (N2), analytic; NULL: none */
  const char *after_set;      /* end of the name that follows a set's suffix: align_p is align_types_p; or NULL */
} instrument_column;

enum {                    /* what a PER_HEAD instrument reads besides the attention */
       NEEDS_COSINES = 1, /* of the kept tokens, and which those are */
       NEEDS_LABELS = 2,
       NEEDS_WEIGHTS = 4, /* of the block, and the direction of every token */
       NEEDS_MOVES = 8,   /* PER_STEP, by weights: also the states before and after */
       NEEDS_LOGS = 16,   /* logarithms of the weights: taken once where several instruments read them */
       NEEDS_STATES = 32  /* PER_STATE: eigenvalues of the states with their lengths */
};

struct dwell_weights;

/* One attention matrix, as a source delivers it, and what is known of the state at the block's input. The latter may be
 * NULL for instruments that do not need it. */
typedef struct instrument_head {
  size_t n;
  dwell_dtype dtype;
  const void *attention; /* [n,n] */
  const double *logs;    /* [n,n] as head_log_row gives them, or NULL: not taken yet */
  bool causal;
  const size_t *kept; /* [kept_count] kept tokens, ascending */
  size_t kept_count;
  const double *cosines;               /* [kept_count, kept_count] */
  const int32_t *labels;               /* [n] cluster of each token, -1: none */
  const struct dwell_weights *weights; /* of the block; the head is number `head` */
  size_t head;
  const double *units; /* [n, d] directions of all tokens, 0 of a token without one */
  uint64_t seed;       /* of samples, the same for every head */
  size_t draws;        /* of a sampled null of heads; 0: none */
  /* Surrogate number `draw` of an attention matrix (null_model.permute_head). */
  void (*permute)(uint64_t seed, size_t draw, size_t n, dwell_dtype dtype, bool causal, const void *attention,
                  void *ret_attention);
} instrument_head;

/* What an instrument may know beside the geometry. */
typedef struct instrument_setting {
  double epsilon;     /* relative rounding error of the states */
  size_t first_state; /* of the trajectory that is measured */
  double beta;        /* calibrated inverse temperature (flows: their own), or NaN */
  uint64_t skip;      /* bit k: column k is not needed, may be left out (undefined) where that saves work */
} instrument_setting;

/* Arrays that an instrument adds to arrays.npz. */
typedef enum instrument_array {
  ARRAY_FIXED,     /* int64_t [array_length] per state */
  ARRAY_PER_TOKEN, /* int64_t [n]; the file has one entry per token of the trajectory, -1 where it is not measured */
  ARRAY_PER_MERGE  /* double [n-1] */
} instrument_array;

struct mechanism_head;
struct mechanism_block;

typedef struct instrument {
  const char *name;    /* --instruments NAME */
  const char *summary; /* one line */
  const char *source;  /* paper and equation, section of instruments.md */
  instrument_scope scope;
  unsigned in;     /* IN_RAW | IN_CENTRED (PER_STATE only) */
  bool types_too;  /* measured twice: also over the first occurrences of token ids, columns NAME_types */
  bool normed_too; /* PER_HEAD: also with the cosines that the block's first norm puts out, columns NAME_ln */
  const instrument_column *columns;
  size_t column_count;
  /* Exactly one of these five, or none and from_parts. ret_values [column_count]. The last two, PER_HEAD and PER_STEP,
   * read a network's weights and no attention (mechanism/mechanism.h). */
  dwell_status (*state)(geometry *g, representation r, const instrument_setting *s, value *ret_values,
                        dwell_error *err);
  dwell_status (*step)(geometry *before, geometry *after, const instrument_setting *s, value *ret_values,
                       dwell_error *err);
  dwell_status (*head)(const instrument_head *h, value *ret_values, dwell_error *err);
  dwell_status (*head_weights)(const struct mechanism_head *h, value *ret_values, dwell_error *err);
  dwell_status (*block_weights)(const struct mechanism_block *b, value *ret_values, dwell_error *err);
  /* PER_STEP, or NULL: makes sums along the steps of a replica of what `step` left in their values, in order. n: tokens
   * measured. */
  void (*series)(size_t n, const instrument_setting *s, size_t steps, value *const *rows);
  /* An array per state for arrays.npz, or NULL: name ("hist"; "_centred" added) and kind. */
  const char *array_name;
  instrument_array array_kind;
  size_t array_length; /* ARRAY_FIXED */
  dwell_status (*array)(geometry *g, representation r, void *ret_array, dwell_error *err);
  double (*flops)(size_t n, size_t d); /* per state, step or head */
  unsigned needs;                      /* NEEDS_...: of PER_HEAD unless said there */
  uint64_t (*work_bytes)(size_t n);    /* PER_HEAD: memory while one head is measured, at most; NULL: none */
  bool from_parts;                     /* of the blocks' moves: filled by measure/attribution.c */
  bool rows_only;                      /* reads rows and lengths, nothing about pairs of tokens: any n will do */
  bool optional;                       /* measured only where --instruments names it: dear, or no evidence */
} instrument;

const instrument *const *instrument_registry(size_t *ret_count);
const instrument *instrument_find(const char *name); /* by instrument or column name */
/* Its column of that name, whatever the set and representation ("mass90_centred"); NULL: none. */
const instrument_column *instrument_column_find(const instrument *m, const char *name);

#endif
