/* text/tokenizer.h - from text to token ids as Hugging Face does it: tokenizer.json first, else the files of before it
 * (vocab.json with merges.txt, a SentencePiece model, vocab.txt), as the class that the folder's config names reads
 * them; for a GGUF file without any of them beside it, what the file itself carries. Unknown parts are refused by name;
 * truncation and padding are ignored. */
#ifndef DWELL_TEXT_TOKENIZER_H
#define DWELL_TEXT_TOKENIZER_H

#include "file/gguf.h"

typedef struct tokenizer tokenizer;

typedef struct token {
  int64_t id;
  const char *piece; /* UTF-8 as in the vocabulary; belongs to the tokenizer */
  size_t begin, end; /* bytes of the original text; begin == end for added special tokens */
  bool special;      /* [CLS], [SEP], <|endoftext|>, ... */
} token;

typedef struct token_list {
  token *tokens;
  size_t count;
} token_list;

/* Names of every file that a tokenizer may be read from, the ones tried first first. Static storage. */
const char *const *tokenizer_names(size_t *ret_count);
/* Reads the tokenizer of a checkpoint folder. DWELL_UNSUPPORTED if the folder has none. */
dwell_status tokenizer_open(const char *folder, tokenizer **ret_tokenizer, dwell_error *err);
/* The tokenizer of a GGUF file that lies in `folder`: the folder's, if it has one, else the file's, which may be closed
 * then. NULL: no such file. */
dwell_status tokenizer_open_gguf(const gguf *opt_file, const char *folder, tokenizer **ret_tokenizer, dwell_error *err);
void tokenizer_close(tokenizer *t);

/* Encodes UTF-8 text (malformed: DWELL_BAD_INPUT with the byte). Release with token_list_free. */
dwell_status tokenizer_encode(const tokenizer *t, const char *text, size_t length, bool add_special,
                              token_list *ret_tokens, dwell_error *err);
void token_list_free(token_list *tokens);

size_t tokenizer_size(const tokenizer *t);                   /* largest id + 1 */
const char *tokenizer_piece(const tokenizer *t, int64_t id); /* NULL: no such id */
bool tokenizer_is_special(const tokenizer *t, int64_t id);
const char *tokenizer_kind(const tokenizer *t); /* "BPE", "WordPiece", "WordLevel", "Unigram" */
size_t tokenizer_files(const tokenizer *t);     /* files it was read from, for the manifest */
const char *tokenizer_file(const tokenizer *t, size_t i);
size_t tokenizer_notes(const tokenizer *t); /* what was decided while it was read, one sentence each */
const char *tokenizer_note(const tokenizer *t, size_t i);

#endif
