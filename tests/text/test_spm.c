/* Malformed and unsupported SentencePiece files, each class with its reason; and the files beside them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "text/tokenizer.h"
#include "util/testing.h"

/* ---- writing a model ---- */

static void put_varint(strbuf *s, uint64_t value) {
  for (; value >= 0x80; value >>= 7) strbuf_putc(s, (char)(value | 0x80));
  strbuf_putc(s, (char)value);
}

static void put_number(strbuf *s, unsigned field, uint64_t value) {
  put_varint(s, field << 3);
  put_varint(s, value);
}

static void put_bytes(strbuf *s, unsigned field, const char *data, size_t length) {
  put_varint(s, field << 3 | 2);
  put_varint(s, length);
  strbuf_add(s, data, length);
}

static void put_piece(strbuf *s, const char *text, size_t length, float score, unsigned type) {
  strbuf piece = {0};
  put_bytes(&piece, 1, text, length);
  strbuf_putc(&piece, (char)(2 << 3 | 5));
  strbuf_add(&piece, (const char *)&score, 4); /* tests run on little-endian machines */
  put_number(&piece, 3, type);
  put_bytes(s, 1, piece.data, piece.length);
  strbuf_free(&piece);
}

static void put_text(strbuf *s, const char *text, float score, unsigned type) {
  put_piece(s, text, strlen(text), score, type);
}

enum { NORMAL = 1, UNKNOWN, CONTROL, USER, UNUSED, BYTE };

/* <unk>, <s>, </s>, the space, a, b. */
static strbuf small_model(void) {
  strbuf s = {0};
  put_text(&s, "<unk>", 0, UNKNOWN);
  put_text(&s, "<s>", 0, CONTROL);
  put_text(&s, "</s>", 0, CONTROL);
  put_text(&s, "\xE2\x96\x81", -1, NORMAL);
  put_text(&s, "a", -2, NORMAL);
  put_text(&s, "b", -3, NORMAL);
  return s;
}

/* A message with one number, as field of the model. */
static void put_option(strbuf *s, unsigned message, unsigned field, uint64_t value) {
  strbuf inside = {0};
  put_number(&inside, field, value);
  put_bytes(s, message, inside.data, inside.length);
  strbuf_free(&inside);
}

enum { TRAINER = 2, NORMALIZER = 3 };

/* ---- opening ---- */

static const char *const OTHER_FILES[] = {"config.json", "tokenizer_config.json", "special_tokens_map.json",
                                          "added_tokens.json"};

/* Opens the model, which is freed, with the contents of the other files (NULL: none). */
static dwell_status open_with(strbuf *s, const char *const others[4], tokenizer **ret_tokenizer, dwell_error *err) {
  const char *folder = testing_folder();
  const char *path = testing_write(testing_format("%s/tokenizer.model", folder), s->data ? s->data : "", s->length);
  for (size_t i = 0; i < 4; i++) {
    if (others[i] != NULL) {
      testing_write(testing_format("%s/%s", folder, OTHER_FILES[i]), others[i], strlen(others[i]));
    }
  }
  dwell_status status = tokenizer_open(folder, ret_tokenizer, err);
  for (size_t i = 0; i < 4; i++) remove(testing_format("%s/%s", folder, OTHER_FILES[i]));
  remove(path);
  strbuf_free(s);
  return status;
}

static dwell_status open_model(strbuf *s, tokenizer **ret_tokenizer, dwell_error *err) {
  static const char *const none[4] = {NULL};
  return open_with(s, none, ret_tokenizer, err);
}

static void refuse(strbuf s, dwell_status expected, const char *words) {
  tokenizer *t;
  dwell_error err;
  assert_fails(open_model(&s, &t, &err), expected, &err, words);
  assert_non_null(strstr(err.file, "tokenizer.model"));
  assert_null(t);
}

/* ---- refused ---- */

static void refused_files(void **state) {
  (void)state;
  strbuf s = {0};
  refuse(s, DWELL_BAD_INPUT, "no unknown piece"); /* empty */
  strbuf_puts(&s, "IQ== 0\nIg== 1\n");            /* a vocabulary of tiktoken */
  refuse(s, DWELL_BAD_INPUT, "");
  s = small_model();
  s.length -= 3;
  refuse(s, DWELL_BAD_INPUT, "ends in the middle");
  s = small_model();
  strbuf_add(&s, "\x0b", 1);
  refuse(s, DWELL_BAD_INPUT, "groups are not");
  s = small_model();
  put_number(&s, 1, 7);
  refuse(s, DWELL_BAD_INPUT, "not of the kind");
  s = small_model();
  put_bytes(&s, TRAINER, "\x18", 1);
  refuse(s, DWELL_BAD_INPUT, "ends in the middle");
  s = small_model();
  put_bytes(&s, NORMALIZER, "\x12\x7f", 2);
  refuse(s, DWELL_BAD_INPUT, "ends in the middle");
}

/* Every beginning of a good file opens or is refused in words. */
static void cut_short(void **state) {
  (void)state;
  size_t size;
  char *data = testing_read(testing_source("tests/golden/text/spm/bpe.model"), &size);
  for (size_t cut = 1; cut < size; cut += cut < 300 ? 1 : 41) {
    tokenizer *t;
    dwell_error err;
    strbuf s = {0};
    strbuf_add(&s, data, cut);
    dwell_status status = open_model(&s, &t, &err);
    if (status != DWELL_OK) assert_fails(status, DWELL_BAD_INPUT, &err, "");
    else tokenizer_close(t);
  }
  free(data);
}

static void refused_pieces(void **state) {
  (void)state;
  char longest[8001];
  memset(longest, 'x', sizeof longest);
  strbuf s = small_model();
  put_text(&s, "", 0, NORMAL);
  refuse(s, DWELL_BAD_INPUT, "piece 6 is empty");
  s = small_model();
  put_piece(&s, longest, 8000, 0, NORMAL);
  refuse(s, DWELL_BAD_INPUT, "piece 6 is longer than 8000");
  s = small_model();
  put_text(&s, "\xC3", 0, NORMAL);
  refuse(s, DWELL_BAD_INPUT, "piece 6 is not UTF-8");
  s = small_model();
  put_piece(&s, "x\0y", 3, 0, NORMAL);
  refuse(s, DWELL_BAD_INPUT, "piece 6 contains a NUL");
  s = small_model();
  put_piece(&s, "\0", 1, 0, NORMAL);
  refuse(s, DWELL_BAD_INPUT, "piece 6 contains a NUL");
  s = small_model();
  put_text(&s, "a", 0, NORMAL);
  refuse(s, DWELL_BAD_INPUT, "the piece 'a' twice");
  s = small_model();
  put_text(&s, "c", 0, 7);
  refuse(s, DWELL_BAD_INPUT, "out of the range");
  s = small_model();
  put_text(&s, "c", 0, 0);
  refuse(s, DWELL_BAD_INPUT, "out of the range");
  s = small_model();
  put_text(&s, "c", -1.0f / 0.0f, NORMAL);
  refuse(s, DWELL_BAD_INPUT, "not finite");
  s = small_model();
  put_text(&s, "<?>", 0, UNKNOWN);
  refuse(s, DWELL_BAD_INPUT, "piece 6 is a second unknown piece");
}

static void refused_bytes(void **state) {
  (void)state;
  static const char *const wrong[] = {"<0x-1>", "<0xGG>", "<0x1>", "<0xff>", "<0x100>", "x"};
  strbuf s = small_model();
  put_text(&s, "<0x41>", 0, BYTE);
  refuse(s, DWELL_BAD_INPUT, "piece 6 is a byte, but the model has no byte_fallback");
  s = small_model();
  put_text(&s, "<0x41>", 0, BYTE);
  put_option(&s, TRAINER, 35, 1);
  refuse(s, DWELL_BAD_INPUT, "not all 256 pieces");
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    s = small_model();
    put_option(&s, TRAINER, 35, 1);
    put_text(&s, wrong[i], 0, BYTE);
    refuse(s, DWELL_BAD_INPUT, "piece 6 is of type byte, but not named");
  }
}

static void refused_kinds(void **state) {
  (void)state;
  strbuf s = small_model();
  put_option(&s, TRAINER, 3, 3);
  refuse(s, DWELL_UNSUPPORTED, "type 'word' are not supported");
  s = small_model();
  put_option(&s, TRAINER, 3, 4);
  refuse(s, DWELL_UNSUPPORTED, "type 'char' are not supported");
  s = small_model();
  put_option(&s, TRAINER, 3, 5);
  refuse(s, DWELL_BAD_INPUT, "out of the range");
  s = small_model();
  put_bytes(&s, NORMALIZER, "\x12\x04\xff\xff\xff\xff", 6);
  refuse(s, DWELL_BAD_INPUT, "\"precompiled_charsmap\" is shorter than it says");
  s = small_model();
  put_bytes(&s, NORMALIZER, "\x12\x03xyz", 5);
  refuse(s, DWELL_BAD_INPUT, "\"precompiled_charsmap\" is too short");
}

/* ---- legal, though it looks odd ---- */

static void expect(tokenizer *t, const char *text, bool special, size_t count, const int64_t *ids) {
  dwell_error err;
  token_list tokens;
  assert_ok(tokenizer_encode(t, text, strlen(text), special, &tokens, &err), &err);
  assert_int_equal(tokens.count, count);
  for (size_t i = 0; i < count; i++) assert_int_equal(tokens.tokens[i].id, ids[i]);
  token_list_free(&tokens);
}

static void legal(void **state) {
  (void)state;
  tokenizer *t;
  dwell_error err;
  strbuf s = small_model();
  put_number(&s, 77, 5); /* fields of later versions */
  put_bytes(&s, 4, "\xff\xff", 2);
  put_option(&s, TRAINER, 999, 1);
  put_option(&s, NORMALIZER, 3, 0);
  assert_ok(open_model(&s, &t, &err), &err);
  expect(t, " ab  zz a ", true, 6, (const int64_t[]){4, 5, 3, 0, 3, 4}); /* no space in front */
  tokenizer_close(t);
}

/* With pieces for bytes no unknown piece is needed, and one that is a NUL stands for nothing. */
static void bytes_only(void **state) {
  (void)state;
  tokenizer *t;
  dwell_error err;
  token_list tokens;
  for (uint64_t kind = 1; kind <= 2; kind++) {
    strbuf s = {0};
    char name[8];
    put_text(&s, "\xE2\x96\x81", -1, NORMAL);
    put_piece(&s, "\0", 1, -1, NORMAL);
    for (unsigned i = 0; i < 256; i++) {
      snprintf(name, sizeof name, "<0x%02X>", i);
      put_text(&s, name, 0, BYTE);
    }
    strbuf trainer = {0};
    put_number(&trainer, 3, kind);
    put_number(&trainer, 35, 1);
    put_bytes(&s, TRAINER, trainer.data, trainer.length);
    strbuf_free(&trainer);
    assert_ok(open_model(&s, &t, &err), &err);
    assert_ok(tokenizer_encode(t, "\xC3\xA9\0", 3, true, &tokens, &err), &err);
    assert_int_equal(tokens.count, 4);
    static const int64_t ids[] = {0, 2 + 0xC3, 2 + 0xA9, 2};
    static const size_t begin[] = {0, 0, 0, 2}, end[] = {0, 2, 2, 3};
    for (size_t i = 0; i < 4; i++) {
      assert_int_equal(tokens.tokens[i].id, ids[i]);
      assert_int_equal(tokens.tokens[i].begin, begin[i]);
      assert_int_equal(tokens.tokens[i].end, end[i]);
    }
    token_list_free(&tokens);
    tokenizer_close(t);
  }
}

/* ---- the files beside the model ---- */

static const struct {
  const char *others[4];
  const char *words, *file;
} BESIDE[] = {
    {{"{"}, "ends in the middle", "config.json"},
    {{"[]"}, "expected an object", "config.json"},
    {{NULL, "{\"add_bos_token\":1}"}, "true or false", "tokenizer_config.json"},
    {{NULL, "{\"bos_token\":7}"}, "expected a string", "tokenizer_config.json"},
    {{NULL, "{\"bos_token\":{\"lstrip\":true}}"}, "no \"content\"", "tokenizer_config.json"},
    {{NULL, "{\"extra_ids\":-1}"}, "out of the range", "tokenizer_config.json"},
    {{NULL, "{\"extra_ids\":99999999}"}, "out of the range", "tokenizer_config.json"},
    {{NULL, "{\"added_tokens_decoder\":{\"x\":{\"content\":\"y\"}}}"}, "not a token id", "tokenizer_config.json"},
    {{NULL, "{\"added_tokens_decoder\":{\"-1\":{\"content\":\"y\"}}}"}, "not a token id", "tokenizer_config.json"},
    {{NULL, "{\"added_tokens_decoder\":{\"2147483648\":{\"content\":\"y\"}}}"},
     "not a token id",
     "tokenizer_config.json"},
    {{NULL, "{\"added_tokens_decoder\":{\"4\":{\"content\":\"y\"}}}"},
     "'y' has the id 4 of another piece",
     "tokenizer.model"},
    {{NULL, "{\"added_tokens_decoder\":{\"9\":{\"content\":\"a\"}}}"},
     "'a' has id 9, but the vocabulary has it as 4",
     "tokenizer.model"},
    {{NULL, NULL, "{\"bos_token\":[]}"}, "expected a string", "special_tokens_map.json"},
    {{NULL, NULL, NULL, "{\"<x>\":-1}"}, "out of the range", "added_tokens.json"},
    {{NULL, NULL, NULL, "{\"<x>\":\"7\"}"}, "number", "added_tokens.json"},
    {{"{\"model_type\":\"albert\"}"}, "no '[CLS]', which AlbertTokenizer puts around", "tokenizer.model"},
    {{"{\"model_type\":\"llama\"}", "{\"bos_token\":null}"},
     "no 'special token', which LlamaTokenizer",
     "tokenizer.model"},
};

static void refused_beside(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof BESIDE / sizeof BESIDE[0]; i++) {
    tokenizer *t;
    dwell_error err;
    strbuf s = small_model();
    dwell_status status = open_with(&s, BESIDE[i].others, &t, &err);
    if (status != DWELL_BAD_INPUT) print_message("case %zu\n", i);
    assert_fails(status, DWELL_BAD_INPUT, &err, BESIDE[i].words);
    assert_true(str_ends(err.file, testing_format("/%s", BESIDE[i].file)));
  }
}

static void classes(void **state) {
  (void)state;
  tokenizer *t;
  dwell_error err;
  static const char *const llama[4] = {"{\"model_type\":\"llama\"}", NULL, "{\"bos_token\":\"</s>\"}", "{\"[X]\":6}"};
  static const char *const named[4] = {"{\"model_type\":\"llama\"}", "{\"tokenizer_class\":\"T5TokenizerFast\"}"};
  static const char *const general[4] = {"{\"model_type\":\"llama\",\"tokenizer_class\":null}",
                                         "{\"tokenizer_class\":\"PreTrainedTokenizerFast\"}"};
  static const char *const foreign[4] = {"{\"model_type\":\"llama\"}", "{\"tokenizer_class\":\"BloomTokenizer\"}"};
  strbuf s = small_model();
  assert_ok(open_with(&s, llama, &t, &err), &err); /* the map says another name; an added token */
  expect(t, "a[X]b", true, 6, (const int64_t[]){2, 3, 4, 6, 3, 5});
  assert_int_equal(tokenizer_files(t), 3);
  assert_non_null(strstr(tokenizer_file(t, 2), "tokenizer.model"));
  tokenizer_close(t);
  s = small_model();
  assert_ok(open_with(&s, named, &t, &err), &err);
  expect(t, "a<extra_id_99>", true, 4, (const int64_t[]){3, 4, 6, 2});
  tokenizer_close(t);
  s = small_model();
  assert_ok(open_with(&s, general, &t, &err), &err);
  expect(t, "a", true, 3, (const int64_t[]){1, 3, 4});
  tokenizer_close(t);
  s = small_model();
  assert_ok(open_with(&s, foreign, &t, &err), &err);
  expect(t, "a", true, 2, (const int64_t[]){3, 4});
  assert_string_equal(tokenizer_note(t, 0),
                      "from tokenizer.model; no known class is named, so no special tokens are added");
  assert_null(tokenizer_note(t, 1));
  tokenizer_close(t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(refused_files), cmocka_unit_test(cut_short),      cmocka_unit_test(refused_pieces),
      cmocka_unit_test(refused_bytes), cmocka_unit_test(refused_kinds),  cmocka_unit_test(legal),
      cmocka_unit_test(bytes_only),    cmocka_unit_test(refused_beside), cmocka_unit_test(classes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
