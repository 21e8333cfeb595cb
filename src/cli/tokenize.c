/* cli/tokenize.c - dwell tokenize: ids and pieces of a text. Needs only a model's tokenizer files. */
#include <string.h>

#include "base/arena.h"
#include "base/context.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "file/jwriter.h"
#include "hub/hub.h"
#include "text/prompt.h"
#include "text/text_file.h"
#include "text/tokenizer.h"

enum { KEY_SPECIAL = 0x5000, KEY_PROMPT };

typedef struct tokenize {
  cli *c;
  const char *model, *text, *file, *prompt;
  bool special;
} tokenize;

static error_t parse(int key, char *arg, struct argp_state *state) {
  static const char *const specials[] = {"keep", "drop", NULL};
  tokenize *t = state->input;
  switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = t->c; break;
    case 'm':
    case ARGP_KEY_ARG:
      if (t->model != NULL) cli_usage(state, "one model at a time");
      t->model = arg;
      break;
    case 'p': t->text = arg; break;
    case 'f': t->file = arg; break;
    case KEY_PROMPT: t->prompt = arg; break;
    case KEY_SPECIAL: t->special = cli_choice(state, "--special", arg, specials) == 0; break;
    case ARGP_KEY_END:
      if (t->model == NULL) cli_usage(state, "name a MODEL");
      if ((t->text != NULL) + (t->file != NULL) + (t->prompt != NULL) != 1)
        cli_usage(state, "give the text by one of -p TEXT, -f FILE or --prompt NAME");
      break;
    default: return ARGP_ERR_UNKNOWN;
  }
  return 0;
}

static const struct argp_option options[] = {
    {"model", 'm', "MODEL", 0, "Same as the argument", 10},
    {"text", 'p', "TEXT", 0, "The text", 10},
    {"file", 'f', "FILE", 0, "A text file; - is standard input", 10},
    {"prompt", KEY_PROMPT, "PROMPT", 0, "A text of the study, by name (dwell list prompts)", 10},
    {"special", KEY_SPECIAL, "keep|drop", 0, "Add the tokenizer's special tokens (default) or not", 10},
    {0}};
static const struct argp_child children[] = {{&cli_argp_words, 0, NULL, 0}, {0}};
static const char doc[] =
    "Print the token ids and pieces of a text, one a line: id, begin, end, piece.\v"
    "begin and end count characters (code points) of the text. Truncation and padding settings are ignored.\n"
    "Example:\n  dwell tokenize ./gpt2 -p \"Hello world\" --json";

/* Code points before byte `at`, counted on (or back: tokens that share a character begin where it does) from a known
 * place, so that a long text costs its length and not its square. */
typedef struct counter {
  const char *text;
  size_t byte, character;
} counter;

static bool starts_character(char c) { return ((unsigned char)c & 0xC0) != 0x80; }

static size_t characters(counter *c, size_t at) {
  for (; c->byte < at; c->byte++) c->character += starts_character(c->text[c->byte]);
  for (; c->byte > at; c->byte--) c->character -= starts_character(c->text[c->byte - 1]);
  return c->character;
}

static void print_json(const token_list *tokens, const char *text) {
  strbuf out = {0};
  jwriter w = jwriter_start(&out, 0);
  counter count = {.text = text};
  jwriter_object(&w);
  jwriter_key(&w, "ids");
  jwriter_array(&w);
  for (size_t i = 0; i < tokens->count; i++) jwriter_int(&w, tokens->tokens[i].id);
  jwriter_close(&w);
  jwriter_key(&w, "pieces");
  jwriter_array(&w);
  for (size_t i = 0; i < tokens->count; i++) jwriter_string(&w, tokens->tokens[i].piece);
  jwriter_close(&w);
  jwriter_key(&w, "offsets");
  jwriter_array(&w);
  for (size_t i = 0; i < tokens->count; i++) {
    jwriter_array(&w);
    jwriter_uint(&w, characters(&count, tokens->tokens[i].begin));
    jwriter_uint(&w, characters(&count, tokens->tokens[i].end));
    jwriter_close(&w);
  }
  jwriter_close(&w);
  jwriter_close(&w);
  puts(out.data);
  strbuf_free(&out);
}

static void print_lines(const token_list *tokens, const char *text) {
  counter count = {.text = text};
  for (size_t i = 0; i < tokens->count; i++) {
    const token *t = &tokens->tokens[i];
    char piece[256];
    str_display(piece, sizeof piece, t->piece, strlen(t->piece));
    size_t begin = characters(&count, t->begin), end = characters(&count, t->end);
    printf("%lld\t%zu\t%zu\t%s\n", (long long)t->id, begin, end, piece);
  }
}

/* The text that the options name, as UTF-8; *ret_owned is to be released, and NULL where nothing was read. */
static dwell_status find_text(const tokenize *t, const char **ret_text, size_t *ret_length, char **ret_owned,
                              dwell_error *err) {
  const prompt *found = NULL;
  dwell_status status = DWELL_OK;
  *ret_owned = NULL;
  if (t->prompt != NULL) {
    status = prompt_find(t->prompt, &found, err);
    if (status == DWELL_OK) *ret_text = found->text, *ret_length = found->size;
  } else if (t->file != NULL) {
    status = text_file_read(t->file, ret_owned, ret_length, err);
    *ret_text = *ret_owned;
  } else {
    *ret_text = t->text, *ret_length = strlen(t->text);
  }
  return status;
}

static dwell_status encode(const tokenize *t, const char *text, size_t length, dwell_error *err) {
  tokenizer *tok = NULL;
  token_list tokens = {0};
  hub_place place = {0};
  gguf *file = NULL;
  dwell_status status = hub_find(t->model, &place, err);
  if (status == DWELL_OK) status = tokenizer_open(place.folder, &tok, err);
  if (status != DWELL_OK && place.file != NULL) { /* none that can be read lies beside it */
    status = gguf_open(place.file, &file, err);
    if (status == DWELL_OK) status = tokenizer_open_gguf(file, place.folder, &tok, err);
  }
  gguf_close(file);
  for (size_t i = 0; tok != NULL && i < tokenizer_notes(tok); i++) {
    context_log(&t->c->ctx, DWELL_LOG_DEBUG, "tokenizer %s", tokenizer_note(tok, i));
  }
  if (status == DWELL_OK) status = tokenizer_encode(tok, text, length, t->special, &tokens, err);
  if (status == DWELL_OK && t->c->json) print_json(&tokens, text);
  else if (status == DWELL_OK) print_lines(&tokens, text);
  token_list_free(&tokens);
  tokenizer_close(tok);
  hub_place_free(&place);
  return status;
}

int cmd_tokenize(int argc, char **argv, cli *c) {
  static const struct argp argp = {options, parse, "MODEL", doc, children, NULL, NULL};
  tokenize t = {.c = c, .special = true};
  dwell_error err = {.offset = -1};
  const char *text = NULL;
  char *owned = NULL;
  size_t length = 0;
  argp_parse(&argp, argc, argv, 0, NULL, &t);
  dwell_status status = find_text(&t, &text, &length, &owned, &err);
  if (status == DWELL_OK) status = encode(&t, text, length, &err);
  mem_free(owned);
  return status == DWELL_OK ? DWELL_OK : cli_fail(c, argv[0], &err);
}
