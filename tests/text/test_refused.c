/* Malformed and unsupported tokenizer files: each class is refused with its reason, and nothing else happens. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/random.h"
#include "base/str.h"
#include "text/opening.h"

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

typedef struct refusal {
  const char *json;
  dwell_status status;
  const char *words;
} refusal;

static void check_refused(const refusal *cases, size_t count) {
  for (size_t i = 0; i < count; i++) {
    tokenizer *t;
    dwell_error err;
    dwell_status status = open_json(cases[i].json, &t, &err);
    if (status != cases[i].status) print_message("case %zu: %s\n", i, cases[i].json);
    assert_fails(status, cases[i].status, &err, cases[i].words);
    assert_non_null(strstr(err.file, "tokenizer.json"));
    assert_null(t);
  }
}

static void not_the_document(void **state) {
  static const refusal cases[] = {
      {"", DWELL_BAD_INPUT, "byte 0"},
      {"{", DWELL_BAD_INPUT, "byte 1"},
      {"[]", DWELL_BAD_INPUT, "expected an object"},
      {"{}", DWELL_BAD_INPUT, "no \"model\""},
      {"{" WORDLEVEL "} x", DWELL_BAD_INPUT, "byte"},
      {"{" WORDLEVEL "," WORDLEVEL "}", DWELL_BAD_INPUT, "a section is repeated"},
      {WITH("\"normalizer\":null,\"normalizer\":null"), DWELL_BAD_INPUT, "a section is repeated"},
      {"{\"model\":null}", DWELL_BAD_INPUT, "expected an object"},
      {"{\"model\":{\"type\":7,\"vocab\":{}}}", DWELL_BAD_INPUT, "expected a string"},
  };
  (void)state;
  check_refused(cases, sizeof cases / sizeof cases[0]);
}

static void unknown_model(void **state) {
  static const refusal cases[] = {
      {"{\"model\":{\"type\":\"Neural\",\"vocab\":{}}}", DWELL_UNSUPPORTED, "'Neural' is not supported"},
      {"{\"model\":{\"type\":\"WordLevel\"}}", DWELL_BAD_INPUT, "no \"vocab\""},
      {"{\"model\":{\"type\":\"WordLevel\",\"type\":\"BPE\",\"vocab\":{}}}", DWELL_BAD_INPUT, "a key is repeated"},
  };
  (void)state;
  check_refused(cases, sizeof cases / sizeof cases[0]);
}

/* Not one to one, negative, too large, no numbers, no texts. */
static void bad_vocabulary(void **state) {
  static const refusal cases[] = {
      {"{\"model\":{\"type\":\"WordLevel\",\"vocab\":[]}}", DWELL_BAD_INPUT, "expected an object"},
      {"{\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"a\":-1}}}", DWELL_BAD_INPUT, "out of the range"},
      {"{\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"a\":2147483648}}}", DWELL_BAD_INPUT, "out of the range"},
      {"{\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"a\":1.5}}}", DWELL_BAD_INPUT, "whole number"},
      {"{\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"a\":1,\"a\":2}}}", DWELL_BAD_INPUT, "the piece 'a' twice"},
      {"{\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"a\":1,\"b\":1}}}", DWELL_BAD_INPUT,
       "piece 'b' the id 1 of another"},
      {"{\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"\\ud800\":1}}}", DWELL_BAD_INPUT, "surrogate"},
  };
  (void)state;
  check_refused(cases, sizeof cases / sizeof cases[0]);
}

/* Of pieces that are not there, of more or fewer than two; and what else BPE can have wrong. */
static void bad_merges(void **state) {
  static const refusal cases[] = {
      {BPE("\"vocab\":{\"a\":0,\"b\":1},\"merges\":[\"a b\"]"), DWELL_BAD_INPUT, "merge 0 ('a' and 'b')"},
      {BPE("\"vocab\":{\"a\":0,\"ab\":1},\"merges\":[[\"a\",\"b\"]]"), DWELL_BAD_INPUT, "merge 0 ('a' and 'b')"},
      {BPE("\"vocab\":{\"a\":0},\"merges\":[\"ab\"]"), DWELL_BAD_INPUT, "one space between"},
      {BPE("\"vocab\":{\"a\":0},\"merges\":[\"a b c\"]"), DWELL_BAD_INPUT, "one space between"},
      {BPE("\"vocab\":{\"a\":0},\"merges\":[[\"a\"]]"), DWELL_BAD_INPUT, "pair of texts"},
      {BPE("\"vocab\":{\"a\":0},\"merges\":[[\"a\",\"a\",\"a\"]]"), DWELL_BAD_INPUT, "pair of texts"},
      {BPE("\"vocab\":{\"a\":0},\"merges\":[],\"unk_token\":\"<unk>\""), DWELL_BAD_INPUT, "unknown token '<unk>'"},
      {BPE("\"vocab\":{\"a\":0},\"merges\":[],\"dropout\":0.1"), DWELL_UNSUPPORTED, "dropout"},
      {BPE("\"vocab\":{\"a\":0},\"merges\":[],\"byte_fallback\":true,\"end_of_word_suffix\":\"</w>\""),
       DWELL_UNSUPPORTED, "byte_fallback together"},
      {BPE("\"vocab\":{\"a\":0},\"merges\":[],\"end_of_word_suffix\":\"0123456789012345678901234567890123456789"
           "01234567890123456789012345678901234567890\""),
       DWELL_UNSUPPORTED, "more than 64 bytes"},
  };
  (void)state;
  check_refused(cases, sizeof cases / sizeof cases[0]);
}

static void bad_unigram(void **state) {
  static const refusal cases[] = {
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
      {UNIGRAM("\"vocab\":[[\"a\",0]],\"unk_id\":1"), DWELL_BAD_INPUT,
       "\"unk_id\" is 1, but the vocabulary has only 1 "},
      {UNIGRAM("\"vocab\":[[\"a\",0]],\"unk_id\":-1"), DWELL_BAD_INPUT, "out of the range"},
      {UNIGRAM("\"vocab\":[[\"a\",0]],\"unk_id\":99999999999"), DWELL_BAD_INPUT, "out of the range"},
      {UNIGRAM("\"vocab\":[[\"a\",0]],\"unk_id\":0.5"), DWELL_BAD_INPUT, "whole number"},
      {UNIGRAM("\"vocab\":[],\"unk_id\":0"), DWELL_BAD_INPUT, "\"unk_id\" is 0, but the vocabulary has only 0 "},
      {UNIGRAM("\"vocab\":[[\"a\",0]],\"byte_fallback\":1"), DWELL_BAD_INPUT, "true or false"},
  };
  (void)state;
  check_refused(cases, sizeof cases / sizeof cases[0]);
}

/* No base64, cut short, leading out of itself. */
static void bad_precompiled_map(void **state) {
  static const refusal cases[] = {
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
  };
  (void)state;
  check_refused(cases, sizeof cases / sizeof cases[0]);
}

static void bad_added_tokens(void **state) {
  static const refusal cases[] = {
      {WITH("\"added_tokens\":[{\"id\":1,\"content\":\"b\"}]"), DWELL_BAD_INPUT, "'b' has the id 1 of another piece"},
      {WITH("\"added_tokens\":[{\"id\":9,\"content\":\"b\"}]"), DWELL_BAD_INPUT,
       "'b' has id 9, but the vocabulary has it as 7"},
      {WITH("\"added_tokens\":[{\"content\":\"b\"}]"), DWELL_BAD_INPUT, "'b' has no \"id\""},
      {WITH("\"added_tokens\":[{\"id\":-3,\"content\":\"b\"}]"), DWELL_BAD_INPUT, "out of the range"},
      {WITH("\"added_tokens\":[{\"id\":2147483648,\"content\":\"b\"}]"), DWELL_BAD_INPUT, "out of the range"},
      {WITH("\"added_tokens\":{}"), DWELL_BAD_INPUT, "expected an array"},
  };
  (void)state;
  check_refused(cases, sizeof cases / sizeof cases[0]);
}

static void bad_normalizer(void **state) {
  static const refusal cases[] = {
      {WITH("\"normalizer\":{}"), DWELL_BAD_INPUT, "no \"type\""},
      {WITH("\"normalizer\":{\"type\":\"Sequence\"}"), DWELL_BAD_INPUT, "no \"normalizers\""},
      {WITH("\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Nmx\"}]}"), DWELL_UNSUPPORTED, "'Nmx'"},
      {WITH("\"normalizer\":{\"type\":\"Replace\",\"content\":\"a\"}"), DWELL_BAD_INPUT, "no \"pattern\""},
      {WITH("\"normalizer\":{\"type\":\"Replace\",\"content\":\"a\",\"pattern\":{\"String\":\"\"}}"), DWELL_UNSUPPORTED,
       "empty"},
  };
  (void)state;
  check_refused(cases, sizeof cases / sizeof cases[0]);
}

static void bad_pre_tokenizer(void **state) {
  static const refusal cases[] = {
      {WITH("\"pre_tokenizer\":{\"type\":\"UnicodeScripts\"}"), DWELL_UNSUPPORTED, "pre-tokenizer 'UnicodeScripts'"},
      {WITH("\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"String\":\"a\"},\"behavior\":\"Eaten\"}"),
       DWELL_UNSUPPORTED, "'Eaten' is not supported"},
      {WITH("\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"String\":\"a\"}}"), DWELL_BAD_INPUT,
       "no \"behavior\""},
      {WITH("\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"use_regex\":\"yes\"}"), DWELL_BAD_INPUT, "true or false"},
      {WITH("\"pre_tokenizer\":{\"type\":\"Metaspace\",\"prepend_scheme\":\"sometimes\"}"), DWELL_UNSUPPORTED,
       "'sometimes'"},
      {WITH("\"pre_tokenizer\":{\"type\":\"FixedLength\",\"length\":0}"), DWELL_BAD_INPUT, "out of the range"},
  };
  (void)state;
  check_refused(cases, sizeof cases / sizeof cases[0]);
}

static void bad_regular_expression(void **state) {
  static const refusal cases[] = {
      {WITH("\"normalizer\":{\"type\":\"Replace\",\"content\":\"a\",\"pattern\":{\"Regex\":\"(a\"}}"),
       DWELL_UNSUPPORTED, "'(a' is not understood"},
      {WITH("\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"Regex\":\"[a[b]]\"},\"behavior\":\"Removed\"}"),
       DWELL_UNSUPPORTED, "nested brackets"},
  };
  (void)state;
  check_refused(cases, sizeof cases / sizeof cases[0]);
}

static void bad_post_processor(void **state) {
  static const refusal cases[] = {
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
  };
  (void)state;
  check_refused(cases, sizeof cases / sizeof cases[0]);
}

static void bad_template(void **state) {
  static const refusal cases[] = {
      {TEMPLATE(SPECIAL("[CLS]") "," TEXT_A, ""), DWELL_BAD_INPUT, "special token '[CLS]', which it does not define"},
      {TEMPLATE(SPECIAL("x"), "\"x\":{\"id\":\"x\"}"), DWELL_BAD_INPUT, "no \"ids\""},
      {TEMPLATE(SPECIAL("x"), "\"x\":{\"id\":\"x\",\"ids\":[5]}"), DWELL_BAD_INPUT,
       "id 5, which the vocabulary does not have"},
      {TEMPLATE("{\"Sequence\":{\"id\":\"B\",\"type_id\":0}}", ""), DWELL_BAD_INPUT, "asks for the sequence 'B'"},
      {TEMPLATE("{\"Banana\":{}}", ""), DWELL_BAD_INPUT, "neither SpecialToken nor Sequence"},
      {WITH("\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":\"$A\"}"), DWELL_BAD_INPUT,
       "expected an array"},
  };
  (void)state;
  check_refused(cases, sizeof cases / sizeof cases[0]);
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

static void gaps_and_useless_sections(void **state) {
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
}

/* Merges as texts and as pairs are the same. */
static void both_forms_of_merges(void **state) {
  (void)state;
  static const char *const forms[] = {"\"a b\",\"ab a\"", "[\"a\",\"b\"],[\"ab\",\"a\"]", "\"a b\",[\"ab\",\"a\"]"};
  tokenizer *t;
  dwell_error err;
  for (size_t i = 0; i < 3; i++) {
    const char *json = testing_format(BPE("\"vocab\":{\"a\":0,\"b\":1,\"ab\":2,\"aba\":3},\"merges\":[%s]"), forms[i]);
    assert_ok(open_json(json, &t, &err), &err);
    expect(t, "ababa", 2, (const int64_t[]){2, 3});
    tokenizer_close(t);
  }
  /* only a pair can hold pieces with spaces */
  assert_ok(open_json(BPE("\"vocab\":{\" \":0,\"b\":1,\" b\":2},\"merges\":[[\" \",\"b\"]]"), &t, &err), &err);
  expect(t, " b", 1, (const int64_t[]){2});
  tokenizer_close(t);
}

static void files_of_before_types(void **state) {
  (void)state;
  tokenizer *t;
  dwell_error err;
  /* told apart by their members; dropout 0 is none */
  assert_ok(
      open_json("{\"model\":{\"vocab\":{\"a\":0,\"b\":1,\"ab\":2},\"merges\":[\"a b\"],\"dropout\":0.0}}", &t, &err),
      &err);
  assert_string_equal(tokenizer_kind(t), "BPE");
  expect(t, "abba", 3, (const int64_t[]){2, 1, 0});
  tokenizer_close(t);
}

/* The later rank counts, as in tokenizers (HashMap of merges). */
static void merges_given_twice(void **state) {
  (void)state;
  tokenizer *t;
  dwell_error err;
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

/* Without a bound, every token of a template would be sought among all special tokens. */
static void long_template(void **state) {
  (void)state;
  enum { ITEMS = 20000 };
  strbuf json = {0};
  tokenizer *t;
  dwell_error err;
  strbuf_printf(&json, "{\"post_processor\":{\"type\":\"TemplateProcessing\",\"special_tokens\":{");
  for (int i = 0; i < ITEMS; i++) strbuf_printf(&json, "\"%d\":{\"ids\":[]},", i);
  strbuf_printf(&json, "\"z\":{\"ids\":[1]}},\"single\":[");
  for (int i = 0; i < ITEMS; i++) strbuf_printf(&json, "%s" SPECIAL("z"), i > 0 ? "," : "");
  strbuf_printf(&json, "]}," WORDLEVEL "}");
  assert_fails(open_json(json.data, &t, &err), DWELL_UNSUPPORTED, &err, "a template of more than 100 tokens");
  strbuf_free(&json);
}

/* Ten times ten letters for one: refused as soon as the text has become absurd. */
static void text_that_grows_and_grows(void **state) {
  (void)state;
#define TENFOLD "{\"type\":\"Replace\",\"pattern\":{\"String\":\"a\"},\"content\":\"aaaaaaaaaa\"}"
#define FIVE TENFOLD "," TENFOLD "," TENFOLD "," TENFOLD "," TENFOLD
  tokenizer *t;
  dwell_error err;
  token_list tokens;
  assert_ok(open_json(WITH("\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[" FIVE "," FIVE "]}"), &t, &err),
            &err);
  assert_fails(tokenizer_encode(t, "a", 1, true, &tokens, &err), DWELL_UNSUPPORTED, &err,
               "normalizing makes more than 65600 bytes of this text");
  expect(t, "b", 1, (const int64_t[]){7});
  tokenizer_close(t);
  assert_ok(open_json(WITH("\"normalizer\":" TENFOLD), &t, &err), &err); /* ten times is not too much */
  expect(t, "a", 1, (const int64_t[]){0});
  tokenizer_close(t);
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

static void texts_not_utf8(void **state) {
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

/* A NUL is a character like others. */
static void text_with_nul(void **state) {
  (void)state;
  tokenizer *t;
  dwell_error err;
  token_list tokens;
  assert_ok(open_json(WITH("\"added_tokens\":[{\"id\":2,\"content\":\"\\u0000\"}]"), &t, &err), &err);
  assert_ok(tokenizer_encode(t, "a\0b", 3, false, &tokens, &err), &err);
  assert_int_equal(tokens.count, 3);
  for (size_t i = 0; i < 3; i++) {
    assert_int_equal(tokens.tokens[i].id, ((const int64_t[]){1, 2, 7})[i]);
    assert_int_equal(tokens.tokens[i].begin, i);
    assert_int_equal(tokens.tokens[i].end, i + 1);
  }
  token_list_free(&tokens);
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

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(not_the_document),
      cmocka_unit_test(unknown_model),
      cmocka_unit_test(bad_vocabulary),
      cmocka_unit_test(bad_merges),
      cmocka_unit_test(bad_unigram),
      cmocka_unit_test(bad_precompiled_map),
      cmocka_unit_test(bad_added_tokens),
      cmocka_unit_test(bad_normalizer),
      cmocka_unit_test(bad_pre_tokenizer),
      cmocka_unit_test(bad_regular_expression),
      cmocka_unit_test(bad_post_processor),
      cmocka_unit_test(bad_template),
      cmocka_unit_test(cut_short),
      cmocka_unit_test(deep_sequence),
      cmocka_unit_test(gaps_and_useless_sections),
      cmocka_unit_test(both_forms_of_merges),
      cmocka_unit_test(files_of_before_types),
      cmocka_unit_test(merges_given_twice),
      cmocka_unit_test(legal_unigram),
      cmocka_unit_test(damaged_tables),
      cmocka_unit_test(no_unknown),
      cmocka_unit_test(odd_added_tokens),
      cmocka_unit_test(odd_byte_pieces),
      cmocka_unit_test(many_merges),
      cmocka_unit_test(long_template),
      cmocka_unit_test(text_that_grows_and_grows),
      cmocka_unit_test(huge_files),
      cmocka_unit_test(texts_not_utf8),
      cmocka_unit_test(text_with_nul),
      cmocka_unit_test(exponential_regex),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
