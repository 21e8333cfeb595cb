/* text/family.h - tokenizers from files of before tokenizer.json: which class of transformers the folder means, what
 * its special tokens are called and where they go. The rules are those of transformers' slow classes. */
#ifndef DWELL_TEXT_FAMILY_H
#define DWELL_TEXT_FAMILY_H

#include "text/added.h"
#include "text/internal.h"

/* Special tokens by what they are for. */
typedef enum family_role {
  FAMILY_NONE,
  FAMILY_BOS,
  FAMILY_EOS,
  FAMILY_UNK,
  FAMILY_SEP,
  FAMILY_PAD,
  FAMILY_CLS,
  FAMILY_MASK,
  FAMILY_ROLES
} family_role;

/* Which files the class reads. */
typedef enum family_kind { FAMILY_SPM, FAMILY_BYTES, FAMILY_WORDPIECE } family_kind;

enum { FAMILY_AROUND = 2, FAMILY_MOST_EXTRA = 100000 };

typedef struct family_class {
  const char *name;        /* without "Fast" */
  const char *model_types; /* of config.json, each between blanks: used where no class is named */
  family_kind kind;
  const char *names[FAMILY_ROLES];                         /* usual texts, NULL: none */
  family_role before[FAMILY_AROUND], after[FAMILY_AROUND]; /* of every text */
  bool add_bos;      /* usual value of add_bos_token, which with add_eos_token puts those around too */
  bool mask_left;    /* the mask takes in the white space before it */
  bool cleans;       /* ALBERT's clean-up: white space, quotes, accents, case */
  bool lower_case;   /* usual value of do_lower_case */
  bool fairseq;      /* ids of fairseq: <s> <pad> </s> <unk>, then the pieces from the fourth on, then <mask> */
  bool has_legacy;   /* "legacy": false puts a space before the text only, not behind each special token too */
  bool nfc;          /* texts are normalised to NFC */
  int64_t extra_ids; /* <extra_id_0>, ... behind the pieces, the last one first */
} family_class;

/* Members of tokenizer_config.json that are true or false. */
typedef enum family_flag {
  FAMILY_ADD_BOS,
  FAMILY_ADD_EOS,
  FAMILY_LOWER_CASE,
  FAMILY_STRIP_ACCENTS,
  FAMILY_KEEP_ACCENTS,
  FAMILY_REMOVE_SPACE,
  FAMILY_IDEOGRAPHS,
  FAMILY_LEGACY,
  FAMILY_PREFIX_SPACE,
  FAMILY_FLAGS
} family_flag;

typedef struct family {
  const family_class *class; /* after family_settle never NULL, but `known` may be false */
  bool known;
  jtext asked, model_type;   /* the class and the model type that the files name; data NULL: none */
  jtext names[FAMILY_ROLES]; /* data NULL: none */
  bool flags[FAMILY_FLAGS], has_flag[FAMILY_FLAGS], has_name[FAMILY_ROLES];
  int64_t extra_ids;   /* -1: not said */
  added_token *listed; /* added_tokens_decoder, added_tokens.json, additional_special_tokens (id -1: its piece's) */
  size_t listed_count, listed_capacity;
  bool has_decoder; /* an added_tokens_decoder was there: then special_tokens_map.json does not count */
} family;

/* Reads config.json, tokenizer_config.json, special_tokens_map.json and added_tokens.json, as far as the folder has
 * them. Texts go to the tokenizer's arena. Release with family_close, also after an error. */
dwell_status family_open(tokenizer *t, const char *folder, family *f, dwell_error *err);
void family_close(family *f);

/* Which files to read, of those there are: those of the class that is named, else byte-level BPE, SentencePiece, words.
 */
family_kind family_files(const family *f, bool spm, bool bytes, bool words);

/* The class the files name, or else `otherwise` (a name from the table, or NULL for one without special tokens); fills
 * in what was not said. */
void family_settle(family *f, const char *otherwise);

/* After the vocabulary, which is settled: special tokens become added tokens (those that it lacks are passed over), and
 * those around a text are set; `pieces`: number of the model's. `path`: the vocabulary's file, for errors. Notes in the
 * tokenizer what was decided. */
dwell_status family_finish(const family *f, tokenizer *t, size_t pieces, const char *path, dwell_error *err);

#endif
