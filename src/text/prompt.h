/* text/prompt.h - the texts of the study, compiled in from data/prompts. */
#ifndef DWELL_TEXT_PROMPT_H
#define DWELL_TEXT_PROMPT_H

#include <dwell/status.h>
#include <stddef.h>

/* Tokenizers that the texts were counted with: GPT-2's, BERT's (uncased), ALBERT's, and for reactions that of the
 * chemistry checkpoints. The order is that of tools/embed_prompts.py. */
enum prompt_tokenizer { PROMPT_GPT2, PROMPT_BERT, PROMPT_ALBERT, PROMPT_RXN, PROMPT_TOKENIZERS };

/* Tokens of a text and distinct ones, special tokens left out; both 0: not counted. */
typedef struct prompt_count {
  size_t tokens, types;
} prompt_count;

typedef struct prompt {
  const char *name, *title;
  const char *reg;      /* register: "encyclopedia", "narrative", ... */
  const char *language; /* ISO 639, or "smiles" */
  const char *kind;     /* "text"; "control" (never averaged with texts); "sweep" (to be cut); "smiles" (a reaction) */
  const char *length;   /* of texts: "short", "brief", "medium", "long"; NULL of the other kinds */
  const char *source, *licence;
  const char *sha256; /* of the text, as the index says */
  const char *text;   /* UTF-8, [size] bytes and a NUL; no line end at its end */
  size_t size;
  prompt_count counts[PROMPT_TOKENIZERS];
} prompt;

/* The generated table; use prompt_registry. */
extern const prompt prompt_table[];
extern const size_t prompt_table_size;

/* All texts, in the order of the index: by register, shorter ones first. */
const prompt *prompt_registry(size_t *ret_count);

/* The text of that name, static. DWELL_USAGE where there is none, with the nearest name. */
dwell_status prompt_find(const char *name, const prompt **ret_prompt, dwell_error *err);

/* The text with that SHA-256, wherever it was read from, or NULL. */
const prompt *prompt_with_hash(const char *sha256);

#endif
