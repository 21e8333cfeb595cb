/* text/spm.h - a SentencePiece model (spiece.model, tokenizer.model): Kudo and Richardson 2018. The file is a protocol
 * buffer; what is read of it, and its normaliser. The models themselves: unigram.h, spm_bpe.c. Where versions of the
 * library differ (ties between ways to cut a text, user-defined pieces), 0.2.3 is followed. */
#ifndef DWELL_TEXT_SPM_H
#define DWELL_TEXT_SPM_H

#include "base/arena.h"
#include "file/jcursor.h"
#include "file/pcursor.h"
#include "text/model.h"
#include "text/normalizer.h"
#include "text/pretokenizer.h"
#include "text/vocab.h"

struct piece_tree;

typedef enum spm_type { SPM_NORMAL = 1, SPM_UNKNOWN, SPM_CONTROL, SPM_USER, SPM_UNUSED, SPM_BYTE } spm_type;

typedef struct spm_piece {
  jtext text; /* in the arena */
  float score;
  spm_type type;
  int32_t id; /* its place in the file; other ids may be given before the models are made */
} spm_piece;

typedef struct spm {
  spm_piece *pieces;
  size_t count, capacity;
  size_t unknown; /* index of the only piece of that type, or `count`: none, which byte_fallback allows */
  bool is_bpe, byte_fallback;
  bool add_space;    /* one before the text (add_dummy_prefix), */
  bool space_behind; /* or behind it (treat_whitespace_as_suffix) */
  bool first_only;   /* not before what follows an added token; no field of the file */
  bool trim_spaces;  /* at both ends and repeated ones (remove_extra_whitespaces) */
  bool mark_spaces;  /* as U+2581 (escape_whitespaces) */
  pbytes charsmap;   /* precompiled_charsmap, a view into the file */
} spm;

/* Reads the file in `data`, which must stay while `m` is used. Word and character models: DWELL_UNSUPPORTED. What
 * SentencePiece itself refuses is refused (no or two unknown pieces, empty ones, missing bytes). Release with spm_free,
 * also after an error. */
dwell_status spm_read(const char *data, size_t size, const char *path, arena *memory, spm *m, dwell_error *err);
void spm_free(spm *m);
/* The same for files of other kinds, piece by piece into an spm that is {0} at first: a copy of the piece, with the
 * next id; and, at the end, whether the pieces stand together. */
dwell_status spm_add(spm *m, spm_piece added, const char *path, arena *memory, dwell_error *err);
dwell_status spm_check(spm *m, const char *path, dwell_error *err);

/* Id of the unknown piece, or VOCAB_NONE. */
int32_t spm_unknown(const spm *m);

/* Enters the pieces with their ids. */
dwell_status spm_fill(const spm *m, vocab *v, dwell_error *err);

/* Adds the model's normaliser: replacements of the longest match, spaces, and the user-defined pieces left alone.
 * Offsets are those of SentencePiece: an added space has none, one taken out belongs to what is before it. */
dwell_status spm_add_normalizer(const spm *m, const vocab *v, normalizer *n, arena *memory, dwell_error *err);

/* Whether words - from one mark of a space to the next - can be encoded one by one with the same result: BPE where no
 * piece has a mark behind another character. (Unigram models keep running sums, whose rounding can decide.) */
bool spm_has_words(const spm *m);
/* The pre-tokenizer that cuts at them. */
dwell_status spm_cut_words(const pretokenizer_options *options, workbench *w, dwell_error *err);

/* The BPE of SentencePiece: neighbours whose joint text has the highest score are merged (no list of merges).
 * In spm_bpe.c. */
dwell_status spm_bpe_make(const spm *m, const vocab *v, arena *memory, void **ret_state, dwell_error *err);
extern const model_class SPM_BPE;

/* The user-defined pieces as a tree, or NULL if there are none. In spm_read.c. */
dwell_status spm_user_pieces(const spm *m, const vocab *v, arena *memory, const struct piece_tree **ret_tree,
                             dwell_error *err);

#endif
