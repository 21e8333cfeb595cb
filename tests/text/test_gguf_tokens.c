/* Tokenizers that GGUF files carry: ids as the tokenizers give which they were made from
 * (tools/oracle/make_gguf_tokens.py), exactly; and every way in which such a file can be wrong. */
#include <stdio.h>
#include <unistd.h>

#include "file/gguf_bytes.h"
#include "text/rows.h"

static tokenizer *open_file(const char *path, const char *folder, dwell_status expected, const char *words) {
  gguf *file;
  tokenizer *t;
  dwell_error err = {.offset = -1};
  assert_ok(gguf_open(path, &file, &err), &err);
  dwell_status status = tokenizer_open_gguf(file, folder, &t, &err);
  gguf_close(file); /* nothing of it is needed any more */
  if (expected == DWELL_OK) assert_ok(status, &err);
  else assert_fails(status, expected, &err, words);
  assert_true((status == DWELL_OK) == (t != NULL));
  if (status != DWELL_OK) assert_string_equal(err.file, path);
  return t;
}

/* ---- ids ---- */

static void check(const char *name, const char *note) {
  const char *folder = testing_source("tests/golden/gguf/tokens");
  tokenizer *t = open_file(testing_format("%s/%s.gguf", folder, name), folder, DWELL_OK, NULL);
  assert_string_equal(tokenizer_kind(t), "BPE");
  assert_int_equal(tokenizer_files(t), 0); /* the GGUF file is the model's, and named there */
  assert_int_equal(tokenizer_notes(t), 1);
  assert_string_equal(tokenizer_note(t, 0), note);
  assert_true(rows_check(t, testing_format("%s/%s.jsonl", folder, name), 0) > 80);
  tokenizer_close(t);
}

static void scores(void **state) {
  (void)state;
  check("spm", "from spm.gguf (llama): <s> text");
  check("spm_bare", "from spm_bare.gguf (llama): text </s>");
}

static void merges(void **state) {
  (void)state;
  check("default", "from default.gguf (no way to split texts is named, so as GPT-2): text");
  check("gpt-2", "from gpt-2.gguf (gpt-2): text");
  check("llama-bpe", "from llama-bpe.gguf (llama-bpe): <|begin|> text");
  check("qwen2", "from qwen2.gguf (qwen2): text");
  check("smollm", "from smollm.gguf (smollm): text");
}

/* What the pieces are is known without a text. */
static void special(void **state) {
  (void)state;
  const char *folder = testing_source("tests/golden/gguf/tokens");
  tokenizer *t = open_file(testing_format("%s/qwen2.gguf", folder), folder, DWELL_OK, NULL);
  size_t size = tokenizer_size(t); /* ..., <|endoftext|>, <|begin|>, <|turn|>, <|user|>, [PAD] */
  static const bool is_special[] = {false, true, true, true, false, false};
  for (size_t i = 0; i < 6; i++) assert_int_equal(tokenizer_is_special(t, (int64_t)(size - 6 + i)), is_special[i]);
  tokenizer_close(t);
}

/* ---- files by hand ---- */

/* One thing that is different; NULL, 0: as it should be. */
typedef struct wrong {
  dwell_status status;
  const char *words;
  const char *model, *pre, *piece, *merge, *lacking; /* lacking: a key that is not written, below tokenizer.ggml. */
  const char *number_key, *flag_key;                 /* one more entry */
  uint32_t number, rows;
  size_t fewer_scores, fewer_types;
  uint32_t type; /* of the last piece */
  float score;
} wrong;

enum { PIECES = 6 };

static void put_key(strbuf *s, const char *name, uint32_t type) {
  put_text(s, testing_format("tokenizer.ggml.%s", name));
  put_u32(s, type);
}

static void put_list(strbuf *s, const char *name, uint32_t type, uint64_t count) {
  put_array(s, testing_format("tokenizer.ggml.%s", name), type, count);
}

static bool is_there(const wrong *w, const char *name) { return w->lacking == NULL || strcmp(w->lacking, name) != 0; }

static void put_float(strbuf *s, float value) { strbuf_add(s, (const char *)&value, sizeof value); }

/* <unk>, <s>, the space, a, b, ab: as SentencePiece and as GPT-2 (whose space is another character) have them. */
static size_t put_pieces(strbuf *s, const wrong *w, bool scored) {
  const char *const texts[PIECES] = {"<unk>", "<s>", scored ? "\xE2\x96\x81" : "\xC4\xA0",
                                     "a",     "b",   w->piece != NULL ? w->piece : "ab"};
  static const uint32_t types[PIECES] = {2, 3, 1, 1, 1, 1};
  size_t entries = 0;
  if (is_there(w, "tokens")) {
    put_list(s, "tokens", GGUF_STRING, PIECES), entries++;
    for (size_t i = 0; i < PIECES; i++) put_text(s, texts[i]);
  }
  if (is_there(w, "token_type")) {
    put_list(s, "token_type", GGUF_INT32, PIECES - w->fewer_types), entries++;
    for (size_t i = 0; i < PIECES - w->fewer_types; i++) put_u32(s, i == 5 && w->type != 0 ? w->type : types[i]);
  }
  if (scored && is_there(w, "scores")) {
    put_list(s, "scores", GGUF_FLOAT32, PIECES - w->fewer_scores), entries++;
    for (size_t i = 0; i < PIECES - w->fewer_scores; i++) put_float(s, i == 5 ? w->score : -(float)i);
  }
  if (!scored && is_there(w, "merges")) {
    put_list(s, "merges", GGUF_STRING, 1), entries++;
    put_text(s, w->merge != NULL ? w->merge : "a b");
  }
  return entries;
}

static const char *write_file(const wrong *w, bool scored) {
  strbuf s = {0}, head = {0};
  size_t entries = put_pieces(&s, w, scored);
  if (is_there(w, "model")) {
    put_key(&s, "model", GGUF_STRING), entries++;
    put_text(&s, w->model != NULL ? w->model : scored ? "llama" : "gpt2");
  }
  if (is_there(w, "bos_token_id")) put_key(&s, "bos_token_id", GGUF_UINT32), put_u32(&s, 1), entries++;
  if (w->pre != NULL) put_key(&s, "pre", GGUF_STRING), put_text(&s, w->pre), entries++;
  if (w->number_key != NULL) put_key(&s, w->number_key, GGUF_UINT32), put_u32(&s, w->number), entries++;
  if (w->flag_key != NULL) put_key(&s, w->flag_key, GGUF_BOOL), strbuf_putc(&s, '\1'), entries++;
  if (w->rows > 0) put_tensor(&s, "token_embd.weight", 1, w->rows, 0, 0);
  put_head(&head, 3, w->rows > 0, entries);
  strbuf_add(&head, s.data, s.length);
  put_padding(&head, 32);
  put_zeros(&head, 4 * w->rows);
  const char *path = testing_write(testing_format("%s/model.gguf", testing_folder()), head.data, head.length);
  strbuf_free(&s), strbuf_free(&head);
  return path;
}

static void try_all(const wrong *all, size_t count, bool scored) {
  for (size_t i = 0; i < count; i++) {
    print_message("%zu: %s\n", i, all[i].words != NULL ? all[i].words : "right");
    tokenizer_close(open_file(write_file(&all[i], scored), testing_folder(), all[i].status, all[i].words));
  }
}

static const wrong SCORED[] = {
    {DWELL_OK, .rows = 6},
    {DWELL_OK, .number_key = "unknown_token_id", .number = 0, .type = 2}, /* then the last is padding */
    {DWELL_UNSUPPORTED, "tokenizer.ggml.model: the file carries no tokenizer, and none lies beside",
     .lacking = "model"},
    {DWELL_UNSUPPORTED, "of kind 'bert' is not", .model = "bert"},
    {DWELL_BAD_INPUT, "tokenizer.ggml.tokens: this key is missing", .lacking = "tokens"},
    {DWELL_BAD_INPUT, "tokenizer.ggml.scores: this key is missing", .lacking = "scores"},
    {DWELL_BAD_INPUT, "tokenizer.ggml.token_type: this key is missing", .lacking = "token_type"},
    {DWELL_BAD_INPUT, "tokenizer.ggml.scores: the list has 5 items, but there are 6 pieces", .fewer_scores = 1},
    {DWELL_BAD_INPUT, "tokenizer.ggml.token_type: the list has 4 items, but there are 6", .fewer_types = 2},
    {DWELL_BAD_INPUT, "there are 6 pieces, but the embeddings have 7 rows", .rows = 7},
    {DWELL_BAD_INPUT, "there are 6 pieces, but the embeddings have 5 rows", .rows = 5},
    {DWELL_BAD_INPUT, "piece 5 has type 7, which is none", .type = 7},
    {DWELL_BAD_INPUT, "piece 5 has a score that is not finite", .score = 1.0f / 0.0f},
    {DWELL_BAD_INPUT, "piece 5 is empty", .piece = ""},
    {DWELL_BAD_INPUT, "piece 5 is not UTF-8", .piece = "\xC3"},
    {DWELL_BAD_INPUT, "tokenizer.ggml.tokens: the vocabulary has the piece 'a' twice", .piece = "a"},
    {DWELL_BAD_INPUT, "piece 5 is a second unknown piece", .type = 2},
    {DWELL_BAD_INPUT, "not all 256 pieces for bytes", .piece = "<0x41>", .type = 6},
    {DWELL_BAD_INPUT, "piece 5 is of type byte, but not named", .type = 6},
    {DWELL_BAD_INPUT, "tokenizer.ggml.eos_token_id: 6 is not in 0..5", .number_key = "eos_token_id", .number = 6},
    {DWELL_BAD_INPUT, "unknown_token_id: 4294967295 is not", .number_key = "unknown_token_id", .number = UINT32_MAX},
    {DWELL_BAD_INPUT, "padding_token_id: 9 is not in", .number_key = "padding_token_id", .number = 9},
    {DWELL_BAD_INPUT, "bos_token_id: this token goes around each text, but its id", .lacking = "bos_token_id"},
    {DWELL_BAD_INPUT, "eos_token_id: this token goes around each text, but its id", .flag_key = "add_eos_token"},
    {DWELL_BAD_INPUT, "add_bos_token: the value is of type uint32", .number_key = "add_bos_token", .number = 1},
    {DWELL_UNSUPPORTED, "replacements of characters", .number_key = "precompiled_charsmap", .number = 1},
};

static void wrong_scored(void **state) {
  (void)state;
  try_all(SCORED, sizeof SCORED / sizeof SCORED[0], true);
}

static const wrong MERGED[] = {
    {DWELL_OK, .rows = 6, .pre = "llama3"},
    {DWELL_OK, .lacking = "token_type"},
    {DWELL_OK, .lacking = "bos_token_id"}, /* which nobody asks for */
    {DWELL_BAD_INPUT, "tokenizer.ggml.merges: this key is missing", .lacking = "merges"},
    {DWELL_BAD_INPUT, "merges: merge 0 ('a' and 'c') needs a piece that the vocabulary does not have", .merge = "a c"},
    {DWELL_BAD_INPUT, "merges: merge 0 ('b' and 'a') needs a piece", .merge = "b a"}, /* the joint one is missing */
    {DWELL_BAD_INPUT, "merge 0 is not two pieces", .merge = "ab"},
    {DWELL_BAD_INPUT, "merge 0 is not two pieces", .merge = "a b a"},
    {DWELL_UNSUPPORTED, "tokenizer.ggml.pre: texts that are split as 'superbpe' are not", .pre = "superbpe"},
    {DWELL_UNSUPPORTED, "tokenizer.ggml.pre: texts that are split as '' are not", .pre = ""},
    {DWELL_UNSUPPORTED, "add_space_prefix: a space before texts", .flag_key = "add_space_prefix"},
    {DWELL_BAD_INPUT, "there are 6 pieces, but the embeddings have 7 rows", .rows = 7},
    {DWELL_BAD_INPUT, "token_type: the list has 5 items", .fewer_types = 1},
    {DWELL_BAD_INPUT, "tokens: the vocabulary has the piece 'a' twice", .piece = "a"},
    {DWELL_BAD_INPUT, "bos_token_id: this token goes", .pre = "llama-bpe", .lacking = "bos_token_id"},
};

static void wrong_merged(void **state) {
  (void)state;
  try_all(MERGED, sizeof MERGED / sizeof MERGED[0], false);
}

static void expect(const tokenizer *t, const char *text, size_t count, const int64_t *ids) {
  token_list tokens;
  dwell_error err;
  assert_ok(tokenizer_encode(t, text, strlen(text), true, &tokens, &err), &err);
  assert_int_equal(tokens.count, count);
  for (size_t i = 0; i < count; i++) assert_int_equal(tokens.tokens[i].id, ids[i]);
  token_list_free(&tokens);
}

/* Where the named unknown piece has not its type, it stands for what has no piece. */
static void unknown(void **state) {
  (void)state;
  const wrong typed = {DWELL_OK, .score = -9}, named = {DWELL_OK, .number_key = "unknown_token_id", .number = 5};
  tokenizer *t = open_file(write_file(&typed, true), testing_folder(), DWELL_OK, NULL);
  expect(t, "abx", 4, (const int64_t[]){1, 2, 5, 0});
  tokenizer_close(t);
  t = open_file(write_file(&named, true), testing_folder(), DWELL_OK, NULL);
  expect(t, "bax", 5, (const int64_t[]){1, 2, 4, 3, 5});
  tokenizer_close(t);
}

/* A piece that an id names is special, whatever its type says. */
static void named(void **state) {
  (void)state;
  const wrong untyped = {DWELL_OK, .lacking = "token_type"};
  tokenizer *t = open_file(write_file(&untyped, false), testing_folder(), DWELL_OK, NULL);
  expect(t, "ab<s>b", 3, (const int64_t[]){5, 1, 4});
  assert_true(tokenizer_is_special(t, 1));
  assert_false(tokenizer_is_special(t, 0));
  tokenizer_close(t);
}

static void no_pieces(void **state) {
  (void)state;
  strbuf s = {0};
  put_head(&s, 3, 0, 2);
  put_key(&s, "model", GGUF_STRING);
  put_text(&s, "gpt2");
  put_list(&s, "tokens", GGUF_STRING, 0);
  const char *path = testing_write(testing_format("%s/model.gguf", testing_folder()), s.data, s.length);
  open_file(path, testing_folder(), DWELL_BAD_INPUT, "tokenizer.ggml.tokens: the list is empty");
  strbuf_free(&s);
}

/* A tokenizer.json beside the file comes first, even one that cannot be read. */
static void beside(void **state) {
  (void)state;
  const wrong right = {DWELL_OK};
  const char *path = write_file(&right, true), *json = testing_format("%s/tokenizer.json", testing_folder());
  size_t size;
  char *data = testing_read(testing_source("tests/golden/text/wordpiece/tokenizer.json"), &size);
  testing_write(json, data, size);
  free(data);
  tokenizer *t = open_file(path, testing_folder(), DWELL_OK, NULL);
  assert_string_equal(tokenizer_kind(t), "WordPiece");
  tokenizer_close(t);
  testing_write(json, "{", 1);
  gguf *file;
  dwell_error err = {.offset = -1};
  assert_ok(gguf_open(path, &file, &err), &err);
  assert_fails(tokenizer_open_gguf(file, testing_folder(), &t, &err), DWELL_BAD_INPUT, &err, "ends in the middle");
  gguf_close(file);
  remove(json);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(scores),       cmocka_unit_test(merges),       cmocka_unit_test(special),
      cmocka_unit_test(wrong_scored), cmocka_unit_test(wrong_merged), cmocka_unit_test(unknown),
      cmocka_unit_test(beside),       cmocka_unit_test(named),        cmocka_unit_test(no_pieces),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
