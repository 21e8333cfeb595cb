/* Malformed and unsupported tokenizer files: each class is refused with its reason, and nothing else happens. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/random.h"
#include "text/tokenizer.h"
#include "util/testing.h"

static dwell_status open_files(const char *const *names, const char *const *contents, const size_t *sizes, size_t count,
                               tokenizer **ret_tokenizer, dwell_error *err) {
  const char *folder = testing_folder();
  for (size_t i = 0; i < count; i++) {
    testing_write(testing_format("%s/%s", folder, names[i]), contents[i], sizes ? sizes[i] : strlen(contents[i]));
  }
  dwell_status status = tokenizer_open(folder, ret_tokenizer, err);
  for (size_t i = 0; i < count; i++) remove(testing_format("%s/%s", folder, names[i]));
  return status;
}

static dwell_status open_json(const char *json, tokenizer **ret_tokenizer, dwell_error *err) {
  const char *const name = "tokenizer.json";
  return open_files(&name, &json, NULL, 1, ret_tokenizer, err);
}

#define WORDLEVEL "\"model\":{\"type\":\"WordLevel\",\"unk_token\":\"[UNK]\",\"vocab\":{\"[UNK]\":0,\"a\":1,\"b\":7}}"
#define WITH(section) "{" section "," WORDLEVEL "}"
#define BPE(members) "{\"model\":{\"type\":\"BPE\"," members "}}"
#define UNIGRAM(members) "{\"model\":{\"type\":\"Unigram\"," members "}}"
#define PRECOMPILED(base64) WITH("\"normalizer\":{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"" base64 "\"}")
#define SPECIAL(token) "{\"SpecialToken\":{\"id\":\"" token "\",\"type_id\":0}}"
#define TEXT_A "{\"Sequence\":{\"id\":\"A\",\"type_id\":0}}"
#define TEMPLATE(single, specials)                                                                                 \
  WITH("\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[" single "],\"special_tokens\":{" specials \
       "}"                                                                                                         \
       "}")

static const struct {
  const char *json;
  dwell_status status;
  const char *words;
} CASES[] = {
    /* the document */
    {"", DWELL_BAD_INPUT, "byte 0"},
    {"{", DWELL_BAD_INPUT, "byte 1"},
    {"[]", DWELL_BAD_INPUT, "expected an object"},
    {"{}", DWELL_BAD_INPUT, "no \"model\""},
    {"{" WORDLEVEL "} x", DWELL_BAD_INPUT, "byte"},
    {"{" WORDLEVEL "," WORDLEVEL "}", DWELL_BAD_INPUT, "a section is repeated"},
    {WITH("\"normalizer\":null,\"normalizer\":null"), DWELL_BAD_INPUT, "a section is repeated"},
    {"{\"model\":null}", DWELL_BAD_INPUT, "expected an object"},
    {"{\"model\":{\"type\":7,\"vocab\":{}}}", DWELL_BAD_INPUT, "expected a string"},
    /* models */
    {"{\"model\":{\"type\":\"Neural\",\"vocab\":{}}}", DWELL_UNSUPPORTED, "'Neural' is not supported"},
    {"{\"model\":{\"type\":\"WordLevel\"}}", DWELL_BAD_INPUT, "no \"vocab\""},
    {"{\"model\":{\"type\":\"WordLevel\",\"type\":\"BPE\",\"vocab\":{}}}", DWELL_BAD_INPUT, "a key is repeated"},
    /* vocabularies */
    {"{\"model\":{\"type\":\"WordLevel\",\"vocab\":[]}}", DWELL_BAD_INPUT, "expected an object"},
    {"{\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"a\":-1}}}", DWELL_BAD_INPUT, "out of the range"},
    {"{\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"a\":2147483648}}}", DWELL_BAD_INPUT, "out of the range"},
    {"{\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"a\":1.5}}}", DWELL_BAD_INPUT, "whole number"},
    {"{\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"a\":1,\"a\":2}}}", DWELL_BAD_INPUT, "the piece 'a' twice"},
    {"{\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"a\":1,\"b\":1}}}", DWELL_BAD_INPUT,
     "piece 'b' the id 1 of another"},
    {"{\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"\\ud800\":1}}}", DWELL_BAD_INPUT, "surrogate"},
    /* BPE */
    {BPE("\"vocab\":{\"a\":0,\"b\":1},\"merges\":[\"a b\"]"), DWELL_BAD_INPUT, "merge 0 ('a' and 'b')"},
    {BPE("\"vocab\":{\"a\":0,\"ab\":1},\"merges\":[[\"a\",\"b\"]]"), DWELL_BAD_INPUT, "merge 0 ('a' and 'b')"},
    {BPE("\"vocab\":{\"a\":0},\"merges\":[\"ab\"]"), DWELL_BAD_INPUT, "one space between"},
    {BPE("\"vocab\":{\"a\":0},\"merges\":[\"a b c\"]"), DWELL_BAD_INPUT, "one space between"},
    {BPE("\"vocab\":{\"a\":0},\"merges\":[[\"a\"]]"), DWELL_BAD_INPUT, "pair of texts"},
    {BPE("\"vocab\":{\"a\":0},\"merges\":[[\"a\",\"a\",\"a\"]]"), DWELL_BAD_INPUT, "pair of texts"},
    {BPE("\"vocab\":{\"a\":0},\"merges\":[],\"unk_token\":\"<unk>\""), DWELL_BAD_INPUT, "unknown token '<unk>'"},
    {BPE("\"vocab\":{\"a\":0},\"merges\":[],\"dropout\":0.1"), DWELL_UNSUPPORTED, "dropout"},
    {BPE("\"vocab\":{\"a\":0},\"merges\":[],\"byte_fallback\":true,\"end_of_word_suffix\":\"</w>\""), DWELL_UNSUPPORTED,
     "byte_fallback together"},
    {BPE("\"vocab\":{\"a\":0},\"merges\":[],\"end_of_word_suffix\":\"0123456789012345678901234567890123456789"
         "01234567890123456789012345678901234567890\""),
     DWELL_UNSUPPORTED, "more than 64 bytes"},
    /* Unigram */
    {UNIGRAM("\"unk_id\":0"), DWELL_BAD_INPUT, "no \"vocab\""},
    {UNIGRAM("\"vocab\":{\"a\":0}"), DWELL_BAD_INPUT, "expected an array"},
    {UNIGRAM("\"vocab\":[\"a\",0]"), DWELL_BAD_INPUT, "expected an array"},
    {UNIGRAM("\"vocab\":[[],[\"a\",0]]"), DWELL_BAD_INPUT, "pair of text and score"},
    {UNIGRAM("\"vocab\":[[],-1]"), DWELL_BAD_INPUT, "pair of text and score"},
    {UNIGRAM("\"vocab\":[[\"a\"]]"), DWELL_BAD_INPUT, "pair of text and score"},
    {UNIGRAM("\"vocab\":[[\"a\",0,0]]"), DWELL_BAD_INPUT, "pair of text and score"},
    {UNIGRAM("\"vocab\":[[0,\"a\"]]"), DWELL_BAD_INPUT, "expected a string"},
    {UNIGRAM("\"vocab\":[[\"\\ud800\",0]]"), DWELL_BAD_INPUT, "surrogate"},
    {UNIGRAM("\"vocab\":[[\"a\",null]]"), DWELL_BAD_INPUT, "expected a number"},
    {UNIGRAM("\"vocab\":[[\"a\",\"0\"]]"), DWELL_BAD_INPUT, "expected a number"},
    {UNIGRAM("\"vocab\":[[\"a\",NaN]]"), DWELL_BAD_INPUT, "byte"},
    {UNIGRAM("\"vocab\":[[\"a\",-Infinity]]"), DWELL_BAD_INPUT, "expected a number"},
    {UNIGRAM("\"vocab\":[[\"a\",1e999]]"), DWELL_BAD_INPUT, "too large"},
    {UNIGRAM("\"vocab\":[[\"a\",-1e309]]"), DWELL_BAD_INPUT, "too large"},
    {UNIGRAM("\"vocab\":[[\"a\",0]],\"unk_id\":1"), DWELL_BAD_INPUT, "\"unk_id\" is 1, but the vocabulary has only 1 "},
    {UNIGRAM("\"vocab\":[[\"a\",0]],\"unk_id\":-1"), DWELL_BAD_INPUT, "out of the range"},
    {UNIGRAM("\"vocab\":[[\"a\",0]],\"unk_id\":99999999999"), DWELL_BAD_INPUT, "out of the range"},
    {UNIGRAM("\"vocab\":[[\"a\",0]],\"unk_id\":0.5"), DWELL_BAD_INPUT, "whole number"},
    {UNIGRAM("\"vocab\":[],\"unk_id\":0"), DWELL_BAD_INPUT, "\"unk_id\" is 0, but the vocabulary has only 0 "},
    {UNIGRAM("\"vocab\":[[\"a\",0]],\"byte_fallback\":1"), DWELL_BAD_INPUT, "true or false"},
    /* Precompiled: what is no table at all */
    {WITH("\"normalizer\":{\"type\":\"Precompiled\"}"), DWELL_BAD_INPUT, "no \"precompiled_charsmap\""},
    {WITH("\"normalizer\":{\"type\":\"Precompiled\",\"precompiled_charsmap\":[1]}"), DWELL_BAD_INPUT,
     "expected a string"},
    {PRECOMPILED("AAA"), DWELL_BAD_INPUT, "not base64"},
    {PRECOMPILED("AA!A"), DWELL_BAD_INPUT, "not base64"},
    {PRECOMPILED("A==="), DWELL_BAD_INPUT, "not base64"},
    {PRECOMPILED("AA==AAAA"), DWELL_BAD_INPUT, "not base64"},
    {PRECOMPILED("AAB="), DWELL_BAD_INPUT, "not base64"}, /* bits behind the end */
    {PRECOMPILED(""), DWELL_BAD_INPUT, "too short"},
    {PRECOMPILED("YWJj"), DWELL_BAD_INPUT, "too short"},
    {PRECOMPILED("AAAAAGEA"), DWELL_BAD_INPUT, "empty table"},
    /* sizes of 1000 and of 2^32 - 1 before one unit */
    {PRECOMPILED("6AMAAAAAAAA="), DWELL_BAD_INPUT, "shorter than it says"},
    {PRECOMPILED("/////wAAAAA="), DWELL_BAD_INPUT, "shorter than it says"},
    /* unit 0 leads to 5 of 1; to a text at 3, and in the middle of a character; a text that is none */
    {PRECOMPILED("BAAAAAAUAABhAA=="), DWELL_BAD_INPUT, "leads out of its table"},
    {PRECOMPILED("CAAAAAAFAAADAACAYWI="), DWELL_BAD_INPUT, "behind the end of its texts"},
    {PRECOMPILED("CAAAAAAFAAABAACAw6kA"), DWELL_BAD_INPUT, "middle of a character"},
    {PRECOMPILED("BAAAAAAAAAD/AA=="), DWELL_BAD_INPUT, "not UTF-8"},
    /* added tokens */
    {WITH("\"added_tokens\":[{\"id\":1,\"content\":\"b\"}]"), DWELL_BAD_INPUT, "'b' has the id 1 of another piece"},
    {WITH("\"added_tokens\":[{\"id\":9,\"content\":\"b\"}]"), DWELL_BAD_INPUT,
     "'b' has id 9, but the vocabulary has it as 7"},
    {WITH("\"added_tokens\":[{\"content\":\"b\"}]"), DWELL_BAD_INPUT, "'b' has no \"id\""},
    {WITH("\"added_tokens\":[{\"id\":-3,\"content\":\"b\"}]"), DWELL_BAD_INPUT, "out of the range"},
    {WITH("\"added_tokens\":[{\"id\":2147483648,\"content\":\"b\"}]"), DWELL_BAD_INPUT, "out of the range"},
    {WITH("\"added_tokens\":{}"), DWELL_BAD_INPUT, "expected an array"},
    /* components */
    {WITH("\"normalizer\":{}"), DWELL_BAD_INPUT, "no \"type\""},
    {WITH("\"normalizer\":{\"type\":\"Sequence\"}"), DWELL_BAD_INPUT, "no \"normalizers\""},
    {WITH("\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Nmx\"}]}"), DWELL_UNSUPPORTED, "'Nmx'"},
    {WITH("\"normalizer\":{\"type\":\"Replace\",\"content\":\"a\"}"), DWELL_BAD_INPUT, "no \"pattern\""},
    {WITH("\"normalizer\":{\"type\":\"Replace\",\"content\":\"a\",\"pattern\":{\"String\":\"\"}}"), DWELL_UNSUPPORTED,
     "empty"},
    {WITH("\"normalizer\":{\"type\":\"Replace\",\"content\":\"a\",\"pattern\":{\"Regex\":\"(a\"}}"), DWELL_UNSUPPORTED,
     "'(a' is not understood"},
    {WITH("\"pre_tokenizer\":{\"type\":\"UnicodeScripts\"}"), DWELL_UNSUPPORTED, "pre-tokenizer 'UnicodeScripts'"},
    {WITH("\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"Regex\":\"[a[b]]\"},\"behavior\":\"Removed\"}"),
     DWELL_UNSUPPORTED, "nested brackets"},
    {WITH("\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"String\":\"a\"},\"behavior\":\"Eaten\"}"),
     DWELL_UNSUPPORTED, "'Eaten' is not supported"},
    {WITH("\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"String\":\"a\"}}"), DWELL_BAD_INPUT, "no \"behavior\""},
    {WITH("\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"use_regex\":\"yes\"}"), DWELL_BAD_INPUT, "true or false"},
    {WITH("\"pre_tokenizer\":{\"type\":\"Metaspace\",\"prepend_scheme\":\"sometimes\"}"), DWELL_UNSUPPORTED,
     "'sometimes'"},
    {WITH("\"pre_tokenizer\":{\"type\":\"FixedLength\",\"length\":0}"), DWELL_BAD_INPUT, "out of the range"},
    {WITH("\"post_processor\":{\"type\":\"Sequence\",\"processors\":[{\"type\":\"BertProcessing\",\"sep\":[\"a\",1],"
          "\"cls\":"
          "[\"a\",1]},{\"type\":\"BertProcessing\",\"sep\":[\"a\",1],\"cls\":[\"a\",1]}]}"),
     DWELL_UNSUPPORTED, "two post-processors"},
    {WITH("\"post_processor\":{\"type\":\"Telepathy\"}"), DWELL_UNSUPPORTED, "post-processor 'Telepathy'"},
    {WITH("\"post_processor\":{\"type\":\"BertProcessing\",\"sep\":[\"[SEP]\",1]}"), DWELL_BAD_INPUT, "no \"cls\""},
    {WITH("\"post_processor\":{\"type\":\"BertProcessing\",\"sep\":[\"a\",1],\"cls\":[\"x\"]}"), DWELL_BAD_INPUT,
     "pair of text"},
    {WITH("\"post_processor\":{\"type\":\"BertProcessing\",\"sep\":[\"a\",1],\"cls\":[\"x\",99]}"), DWELL_BAD_INPUT,
     "id 99"},
    {TEMPLATE(SPECIAL("[CLS]") "," TEXT_A, ""), DWELL_BAD_INPUT, "special token '[CLS]', which it does not define"},
    {TEMPLATE(SPECIAL("x"), "\"x\":{\"id\":\"x\"}"), DWELL_BAD_INPUT, "no \"ids\""},
    {TEMPLATE(SPECIAL("x"), "\"x\":{\"id\":\"x\",\"ids\":[5]}"), DWELL_BAD_INPUT,
     "id 5, which the vocabulary does not have"},
    {TEMPLATE("{\"Sequence\":{\"id\":\"B\",\"type_id\":0}}", ""), DWELL_BAD_INPUT, "asks for the sequence 'B'"},
    {TEMPLATE("{\"Banana\":{}}", ""), DWELL_BAD_INPUT, "neither SpecialToken nor Sequence"},
    {WITH("\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":\"$A\"}"), DWELL_BAD_INPUT,
     "expected an array"},
};

static void refused(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
    tokenizer *t;
    dwell_error err;
    dwell_status status = open_json(CASES[i].json, &t, &err);
    if (status != CASES[i].status) print_message("case %zu: %s\n", i, CASES[i].json);
    assert_fails(status, CASES[i].status, &err, CASES[i].words);
    assert_non_null(strstr(err.file, "tokenizer.json"));
    assert_null(t);
  }
}

/* Every beginning of a good file is refused, whatever the cut. */
static void cut_short(void **state) {
  (void)state;
  size_t size;
  char *data = testing_read(testing_source("tests/golden/text/wordlevel/tokenizer.json"), &size);
  while (size > 0 && data[size - 1] <= ' ') size--;
  const char *const name = "tokenizer.json";
  for (size_t cut = 1; cut < size; cut += cut < 600 ? 1 : 37) {
    tokenizer *t;
    dwell_error err;
    assert_fails(open_files(&name, (const char *const *)&data, &cut, 1, &t, &err), DWELL_BAD_INPUT, &err, "");
  }
  free(data);
}

static void deep_sequence(void **state) {
  (void)state;
  char json[20000] = "{\"normalizer\":";
  for (int i = 0; i < 300; i++) strcat(json, "{\"type\":\"Sequence\",\"normalizers\":[");
  tokenizer *t;
  dwell_error err;
  assert_fails(open_json(json, &t, &err), DWELL_BAD_INPUT, &err, "nested too deeply");
}

/* ---- legal, though it looks odd ---- */

static void expect(const tokenizer *t, const char *text, size_t count, const int64_t *ids) {
  dwell_error err;
  token_list tokens;
  assert_ok(tokenizer_encode(t, text, strlen(text), false, &tokens, &err), &err);
  assert_int_equal(tokens.count, count);
  for (size_t i = 0; i < count; i++) assert_int_equal(tokens.tokens[i].id, ids[i]);
  token_list_free(&tokens);
}

static void legal(void **state) {
  (void)state;
  tokenizer *t;
  dwell_error err;
  /* gaps, the largest id, sections after the model, truncation that makes no sense, an empty added token */
  assert_ok(
      open_json("{\"model\":{\"vocab\":{\"a\":2147483647,\"[UNK]\":5},\"unk_token\":\"[UNK]\",\"type\":\"WordLevel\"},"
                "\"truncation\":{\"stride\":9,\"max_length\":1},\"padding\":7,\"pre_tokenizer\":{\"type\":"
                "\"WhitespaceSplit\"},"
                "\"added_tokens\":[{\"id\":6,\"content\":\"\"},{\"id\":9,\"content\":\"x y\",\"special\":true},"
                "{\"id\":9,\"content\":\"x y\"}],\"decoder\":null}",
                &t, &err),
      &err);
  assert_int_equal(tokenizer_size(t), (size_t)INT32_MAX + 1);
  expect(t, "a b x y a", 4, (const int64_t[]){INT32_MAX, 5, 9, INT32_MAX});
  assert_true(tokenizer_is_special(t, 9));
  tokenizer_close(t);
  /* files of before "type": told apart by their members; dropout 0 is none */
  assert_ok(
      open_json("{\"model\":{\"vocab\":{\"a\":0,\"b\":1,\"ab\":2},\"merges\":[\"a b\"],\"dropout\":0.0}}", &t, &err),
      &err);
  assert_string_equal(tokenizer_kind(t), "BPE");
  expect(t, "abba", 3, (const int64_t[]){2, 1, 0});
  tokenizer_close(t);
  /* a merge given twice: the later rank counts, as in tokenizers (HashMap of merges) */
  assert_ok(open_json(BPE("\"vocab\":{\"a\":0,\"b\":1,\"c\":2,\"ab\":3,\"bc\":4},\"merges\":[\"a b\",\"b c\",\"a b\"]"),
                      &t, &err),
            &err);
  expect(t, "abc", 2, (const int64_t[]){0, 4});
  tokenizer_close(t);
}

/* What tokenizers takes too, and what it makes of it. */
static void legal_unigram(void **state) {
  (void)state;
  tokenizer *t;
  dwell_error err;
  token_list tokens;
  /* a piece given twice has the later id and score; the empty piece stands nowhere, though its score is the lowest */
  assert_ok(open_json(UNIGRAM("\"vocab\":[[\"u\",0],[\"a\",-9],[\"b\",-1],[\"a\",-3],[\"\",-50],[\"ab\",-4]],"
                              "\"unk_id\":0,\"alpha\":0.1,\"nbest_size\":7"),
                      &t, &err),
            &err);
  expect(t, "abacc", 3, (const int64_t[]){5, 3, 0}); /* "ab" against "a" "b": a tie, and "ab" came first */
  assert_string_equal(tokenizer_piece(t, 1), "a");
  tokenizer_close(t);
  /* sums that leave the doubles */
  assert_ok(open_json(UNIGRAM("\"vocab\":[[\"u\",1e308],[\"a\",-1e308],[\"b\",1e308],[\"ab\",1e308]],\"unk_id\":0"), &t,
                      &err),
            &err);
  expect(t, "aaabbb", 5, (const int64_t[]){1, 1, 3, 2, 2});
  tokenizer_close(t);
  /* no unknown piece: only a text that needs it fails */
  assert_ok(open_json("{\"model\":{\"vocab\":[[\"ab\",-1],[\"a\",-1]]}}", &t, &err), &err);
  assert_string_equal(tokenizer_kind(t), "Unigram");
  assert_fails(tokenizer_encode(t, "abzebra", 7, true, &tokens, &err), DWELL_BAD_INPUT, &err, "'z' is not in the voc");
  expect(t, "aab", 2, (const int64_t[]){1, 0}); /* b is no piece, but a path past it is there before it is asked for */
  tokenizer_close(t);
  assert_ok(open_json(UNIGRAM("\"vocab\":[],\"unk_id\":null"), &t, &err), &err);
  expect(t, "", 0, NULL);
  assert_fails(tokenizer_encode(t, "a", 1, true, &tokens, &err), DWELL_BAD_INPUT, &err, "'a' is not in the voc");
  tokenizer_close(t);
  /* a table whose unit 1 leads back to the root, for ever */
  assert_ok(open_json(PRECOMPILED("CAAAAAAAAAABBAAAeAA="), &t, &err), &err);
  expect(t, "\x01\x01\x01", 1, (const int64_t[]){0});
  tokenizer_close(t);
}

/* Tables of replacements with a few digits of their base64 changed: refused, or used without harm. */
static void damaged_tables(void **state) {
  (void)state;
  static const char text[] =
      "\x01\x02 e\xCC\x81\xEF\xAC\x81\r\n\xC2\xA0\xC3\x80 \xEF\xBC\xA1\xE2\x80\x8B a\xCC\x8A\xE2\x91\xA0";
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  size_t size, opened = 0;
  char *good = testing_read(testing_source("tests/golden/text/unigram_map/tokenizer.json"), &size);
  char *table = strstr(good, "\"precompiled_charsmap\":\""), *json = malloc(size + 1);
  assert_non_null(table);
  size_t begin = (size_t)(table - good) + strlen("\"precompiled_charsmap\":\"");
  size_t length = (size_t)(strchr(good + begin, '"') - good) - begin - 4; /* not the end, with its padding */
  const random_stream stream = {.seed = 20240229, .purpose = RANDOM_TEST};
  for (uint32_t round = 0; round < 1500; round++) {
    tokenizer *t;
    dwell_error err;
    token_list tokens = {0};
    memcpy(json, good, size + 1);
    for (uint32_t i = 0; i <= round % 8; i++) {
      json[begin + random_below(&stream, round, 2 * i, length)] = digits[random_below(&stream, round, 2 * i + 1, 64)];
    }
    dwell_status status = open_json(json, &t, &err);
    if (status != DWELL_OK) {
      assert_fails(status, DWELL_BAD_INPUT, &err, "\"precompiled_charsmap\"");
      continue;
    }
    opened++;
    assert_ok(tokenizer_encode(t, text, sizeof text - 1, true, &tokens, &err), &err);
    for (size_t i = 0; i < tokens.count; i++) assert_true(tokens.tokens[i].end <= sizeof text - 1);
    token_list_free(&tokens);
    tokenizer_close(t);
  }
  assert_true(opened > 100);
  free(good);
  free(json);
}

/* A word that is neither in the vocabulary nor has an unknown token: only then an error. */
static void no_unknown(void **state) {
  (void)state;
  tokenizer *t;
  dwell_error err;
  token_list tokens;
  assert_ok(open_json("{\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"a\":1},\"unk_token\":\"[UNK]\"}}", &t, &err),
            &err);
  expect(t, "a", 1, (const int64_t[]){1});
  expect(t, "", 0, NULL);
  assert_fails(tokenizer_encode(t, "zebra", 5, true, &tokens, &err), DWELL_BAD_INPUT, &err,
               "'zebra' is not in the vocabulary");
  tokenizer_close(t);
}

/* Added tokens that overlap, and one that is the whole text: the longest from the left wins. */
static void odd_added_tokens(void **state) {
  (void)state;
  tokenizer *t;
  dwell_error err;
  assert_ok(open_json(WITH("\"added_tokens\":[{\"id\":2,\"content\":\"ab\"},{\"id\":3,\"content\":\"bca\"},{\"id\":4,"
                           "\"content\":\"abc\"},{\"id\":5,\"content\":\"the whole text\"}]"),
                      &t, &err),
            &err);
  expect(t, "abca", 2, (const int64_t[]){4, 1});
  expect(t, "abbca", 2, (const int64_t[]){2, 3});
  expect(t, "the whole text", 1, (const int64_t[]){5});
  tokenizer_close(t);
}

/* Pieces that look like bytes and are none are ordinary pieces; bytes without a piece make the character unknown. */
static void odd_byte_pieces(void **state) {
  (void)state;
  tokenizer *t;
  dwell_error err;
  static const char *const models[] = {
      BPE("\"vocab\":{\"u\":0,\"<0x-1>\":1,\"<0xGG>\":2,\"<0xC3>\":3,\"<0xa9>\":4,\"<0x100>\":5,\"<0x7A>\":6},"
          "\"merges\":[],"
          "\"byte_fallback\":true,\"unk_token\":\"u\""),
      UNIGRAM("\"vocab\":[[\"u\",0],[\"<0x-1>\",-1],[\"<0xGG>\",-1],[\"<0xC3>\",-1],[\"<0xa9>\",-1],[\"<0x100>\",-1],"
              "[\"<0x7A>\",-1]],\"byte_fallback\":true,\"unk_id\":0"),
  };
  for (size_t i = 0; i < 2; i++) {
    assert_ok(open_json(models[i], &t, &err), &err);
    expect(t, "\xC3\xA9", 1, (const int64_t[]){0});
    expect(t, "z", 1, (const int64_t[]){6});
    tokenizer_close(t);
  }
}

/* A million merges, all the same but the last. */
static void many_merges(void **state) {
  (void)state;
  static const char head[] = "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1,\"ab\":2,\"bb\":3},\"merges\":[";
  static const char merge[] = "\"a b\",", tail[] = "\"b b\"]}}";
  enum { COUNT = 1000000 };
  size_t size = sizeof head - 1 + COUNT * (sizeof merge - 1) + sizeof tail;
  char *json = malloc(size), *at = json;
  tokenizer *t;
  dwell_error err;
  memcpy(at, head, sizeof head - 1);
  at += sizeof head - 1;
  for (size_t i = 0; i < COUNT; i++, at += sizeof merge - 1) memcpy(at, merge, sizeof merge - 1);
  memcpy(at, tail, sizeof tail);
  assert_ok(open_json(json, &t, &err), &err);
  expect(t, "abb", 2, (const int64_t[]){2, 1}); /* rank 999,999 before 1,000,000 */
  tokenizer_close(t);
  free(json);
}

/* A file of 2 GiB and more, without its bytes on the disk: refused before it is read. */
static void huge_files(void **state) {
  (void)state;
  static const char *const names[][2] = {{"tokenizer.json", NULL},     {"vocab.json", "merges.txt"},
                                         {"merges.txt", "vocab.json"}, {"vocab.txt", NULL},
                                         {"spiece.model", NULL},       {"tokenizer_config.json", "vocab.txt"}};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    tokenizer *t;
    dwell_error err;
    const char *folder = testing_folder(), *huge = testing_format("%s/%s", folder, names[i][0]);
    const char *other = testing_format("%s/%s", folder, names[i][1] != NULL ? names[i][1] : "unused");
    testing_write(other, "{}", 2);
    int file = open(huge, O_WRONLY | O_CREAT, 0600);
    assert_true(file >= 0 && ftruncate(file, ((off_t)1 << 31) + 1) == 0 && close(file) == 0);
    dwell_status status = tokenizer_open(folder, &t, &err);
    remove(huge);
    remove(other);
    assert_fails(status, DWELL_BAD_INPUT, &err, "larger than the 1073741824 bytes allowed");
    assert_non_null(strstr(err.file, names[i][0]));
  }
}

/* ---- texts ---- */

static void bad_texts(void **state) {
  (void)state;
  static const struct {
    const char *text;
    size_t length;
    int64_t offset;
  } cases[] = {
      {"a\xFF", 2, 1},     {"\xC0\x80", 2, 0},         {"ab\xED\xA0\x80", 5, 2},
      {"a\xE2\x82", 3, 1}, {"\xF4\x90\x80\x80", 4, 0}, {"ok\x80", 3, 2},
  };
  tokenizer *t;
  dwell_error err;
  token_list tokens;
  assert_ok(tokenizer_open(testing_source("tests/golden/text/byte_bpe"), &t, &err), &err);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    assert_fails(tokenizer_encode(t, cases[i].text, cases[i].length, true, &tokens, &err), DWELL_BAD_INPUT, &err,
                 "not UTF-8");
    assert_int_equal(err.offset, cases[i].offset);
    assert_null(tokens.tokens);
  }
  tokenizer_close(t);
}

/* A pattern that takes exponential time gives up instead. */
static void exponential_regex(void **state) {
  (void)state;
  tokenizer *t;
  dwell_error err;
  token_list tokens;
  assert_ok(
      open_json(
          WITH("\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"Regex\":\"(a|aa)+$\"},\"behavior\":\"Isolated\"}"),
          &t, &err),
      &err);
  char text[101];
  memset(text, 'a', 100);
  text[100] = 'b';
  assert_fails(tokenizer_encode(t, text, 101, true, &tokens, &err), DWELL_UNSUPPORTED, &err, "'(a|aa)+$' gave up");
  tokenizer_close(t);
}

/* ---- legacy files ---- */

static void legacy_bert(void **state) {
  (void)state;
  tokenizer *t;
  dwell_error err;
  const char *const names[] = {"vocab.txt", "tokenizer_config.json"};
  /* CRLF, no final newline, an empty line, a space inside, a repeated piece (the later id counts) */
  const char *good[] = {"[UNK]\r\n[CLS]\r\n[SEP]\r\n\r\nthe cat\r\nthe\r\n##m\r\nthe\r\nThe",
                        "{\"do_lower_case\":false,\"cls_token\":{\"content\":\"[CLS]\"}}"};
  assert_ok(open_files(names, good, NULL, 1, &t, &err), &err);
  assert_int_equal(tokenizer_files(t), 1);
  assert_int_equal(tokenizer_size(t), 9);
  expect(t, "The them [CLS]", 4, (const int64_t[]){7, 7, 6, 1});
  assert_true(tokenizer_is_special(t, 1) && tokenizer_is_special(t, 2));
  assert_string_equal(tokenizer_piece(t, 5), "the");
  assert_string_equal(tokenizer_piece(t, 4), "the cat");
  tokenizer_close(t);
  assert_ok(open_files(names, good, NULL, 2, &t, &err), &err);
  assert_int_equal(tokenizer_files(t), 2);
  expect(t, "The them", 3, (const int64_t[]){8, 7, 6});
  tokenizer_close(t);
  const char *none[] = {"[UNK]\n[SEP]\nthe", "{\"do_lower_case\":1}"};
  assert_fails(open_files(names, none, NULL, 1, &t, &err), DWELL_BAD_INPUT, &err, "no '[CLS]'");
  assert_fails(open_files(names, none, NULL, 2, &t, &err), DWELL_BAD_INPUT, &err, "true or false");
  const char *bytes = "x";
  assert_fails(open_files(names, &bytes, NULL, 1, &t, &err), DWELL_BAD_INPUT, &err, "no '[UNK]'");
  bytes = "[UNK]\nabc\xFF\n";
  assert_fails(open_files(names, &bytes, NULL, 1, &t, &err), DWELL_BAD_INPUT, &err, "byte 9");
  bytes = "";
  assert_fails(open_files(names, &bytes, NULL, 1, &t, &err), DWELL_BAD_INPUT, &err, "no '[UNK]'");
}

static void legacy_gpt2(void **state) {
  (void)state;
  tokenizer *t;
  dwell_error err;
  const char *const names[] = {"vocab.json", "merges.txt"};
  const char *files[] = {"{\"a\":0,\"b\":1,\"ab\":2,\"\xC4\xA0\":3,\"<|endoftext|>\":9}", "#version: 0.2\r\na b\r\n"};
  assert_ok(open_files(names, files, NULL, 2, &t, &err), &err);
  assert_int_equal(tokenizer_files(t), 2);
  assert_string_equal(tokenizer_kind(t), "BPE");
  expect(t, "ab a<|endoftext|>", 4, (const int64_t[]){2, 3, 0, 9});
  tokenizer_close(t);
  files[1] = "\n\na b"; /* no #version line, empty lines, no final newline */
  assert_ok(open_files(names, files, NULL, 2, &t, &err), &err);
  expect(t, "ab", 1, (const int64_t[]){2});
  tokenizer_close(t);
  files[1] = "\n"; /* a file of one byte: no merges */
  assert_ok(open_files(names, files, NULL, 2, &t, &err), &err);
  expect(t, "ab", 2, (const int64_t[]){0, 1});
  tokenizer_close(t);
  files[1] = "x";
  assert_fails(open_files(names, files, NULL, 2, &t, &err), DWELL_BAD_INPUT, &err, "line 1, 'x'");
  files[1] = "a b\nab\n";
  assert_fails(open_files(names, files, NULL, 2, &t, &err), DWELL_BAD_INPUT, &err, "line 2, 'ab'");
  assert_non_null(strstr(err.file, "merges.txt"));
  files[1] = "a b c";
  assert_fails(open_files(names, files, NULL, 2, &t, &err), DWELL_BAD_INPUT, &err, "line 1, 'a b c'");
  files[1] = "b a";
  assert_fails(open_files(names, files, NULL, 2, &t, &err), DWELL_BAD_INPUT, &err, "merge 0 ('b' and 'a')");
  files[1] = "\xFF";
  assert_fails(open_files(names, files, NULL, 2, &t, &err), DWELL_BAD_INPUT, &err, "not UTF-8");
  files[0] = "{";
  assert_fails(open_files(names, files, NULL, 2, &t, &err), DWELL_BAD_INPUT, &err, "vocab.json");
  assert_fails(open_files(names, files, NULL, 1, &t, &err), DWELL_UNSUPPORTED, &err, "no merges.txt");
}

static void empty_folder(void **state) {
  (void)state;
  tokenizer *t;
  dwell_error err;
  assert_fails(tokenizer_open(testing_folder(), &t, &err), DWELL_UNSUPPORTED, &err, "no tokenizer (tokenizer.json");
  assert_non_null(strstr(err.remedy, "Copy the model's tokenizer.json"));
  tokenizer_close(NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(refused),         cmocka_unit_test(cut_short),
      cmocka_unit_test(deep_sequence),   cmocka_unit_test(legal),
      cmocka_unit_test(no_unknown),      cmocka_unit_test(bad_texts),
      cmocka_unit_test(legacy_bert),     cmocka_unit_test(exponential_regex),
      cmocka_unit_test(legacy_gpt2),     cmocka_unit_test(odd_added_tokens),
      cmocka_unit_test(odd_byte_pieces), cmocka_unit_test(many_merges),
      cmocka_unit_test(huge_files),      cmocka_unit_test(empty_folder),
      cmocka_unit_test(legal_unigram),   cmocka_unit_test(damaged_tables),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
