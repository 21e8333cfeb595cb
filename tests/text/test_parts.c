/* The parts one by one: merging against the definition, the vocabulary, Unicode classes, pattern translation. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "text/bpe.h"
#include "text/pattern.h"
#include "text/score.h"
#include "text/tokenizer.h"
#include "text/unicode.h"
#include "util/testing.h"

/* ---- merging ---- */

enum { ALPHABET = 4, LONGEST_PIECE = 6 };

static uint64_t next_random(uint64_t *state) { /* xorshift64: any fixed stream will do */
  *state ^= *state << 13;
  *state ^= *state >> 7;
  *state ^= *state << 17;
  return *state;
}

/* The definition, slowly: find the lowest rank among the neighbours, leftmost first, merge, again. */
static size_t merge_by_definition(const bpe_pairs *pairs, const vocab *v, int32_t *ids, size_t count) {
  for (;;) {
    size_t best = SIZE_MAX, where = 0;
    for (size_t i = 0; i + 1 < count; i++) {
      const vocab_entry *a = vocab_entry_of(v, ids[i]), *b = vocab_entry_of(v, ids[i + 1]);
      for (size_t rank = 0; rank < pairs->count && rank < best; rank++) {
        bpe_pair p = pairs->items[rank];
        bool same = p.left.length == a->length && memcmp(p.left.data, a->text, a->length) == 0 &&
                    p.right.length == b->length && memcmp(p.right.data, b->text, b->length) == 0;
        if (same) best = rank, where = i;
      }
    }
    if (best == SIZE_MAX) return count;
    char whole[64];
    bpe_pair p = pairs->items[best];
    memcpy(whole, p.left.data, p.left.length);
    memcpy(whole + p.left.length, p.right.data, p.right.length);
    ids[where] = vocab_find(v, whole, p.left.length + p.right.length);
    memmove(ids + where + 1, ids + where + 2, (count - where - 2) * sizeof *ids);
    count--;
  }
}

/* A random vocabulary over "abcd" closed under random merges, all distinct. */
static void random_merges(uint64_t *seed, vocab *v, bpe_pairs *pairs, arena *memory) {
  dwell_error err;
  for (int32_t i = 0; i < ALPHABET; i++) {
    char letter[2] = {(char)('a' + i), '\0'};
    assert_ok(vocab_add(v, arena_text(memory, letter, 1), 1, i, false, &err), &err);
  }
  for (int tries = 0; tries < 60; tries++) {
    const vocab_entry *a = &v->entries[next_random(seed) % v->count], *b = &v->entries[next_random(seed) % v->count];
    size_t length = a->length + b->length;
    char whole[2 * LONGEST_PIECE + 1] = "";
    if (length > LONGEST_PIECE) continue;
    memcpy(whole, a->text, a->length);
    memcpy(whole + a->length, b->text, b->length);
    jtext left = {a->text, a->length}, right = {b->text, b->length};
    bool known = false;
    for (size_t i = 0; i < pairs->count && !known; i++) {
      known = pairs->items[i].left.length == left.length && strcmp(pairs->items[i].left.data, left.data) == 0 &&
              strcmp(pairs->items[i].right.data, right.data) == 0;
    }
    if (known) continue;
    if (vocab_find(v, whole, length) == VOCAB_NONE) {
      assert_ok(vocab_add(v, arena_text(memory, whole, length), length, (int32_t)v->count, false, &err), &err);
    }
    assert_ok(bpe_pairs_add(pairs, left, right, &err), &err);
  }
}

static void merging(void **state) {
  (void)state;
  uint64_t seed = 20240229;
  dwell_error err;
  for (int round = 0; round < 200; round++) {
    vocab v = {0};
    arena memory = {0};
    bpe_pairs pairs = {0};
    bpe_options options = {.prefix = {"", 0}, .suffix = {"", 0}};
    void *bpe;
    random_merges(&seed, &v, &pairs, &memory);
    assert_ok(bpe_make(&v, &pairs, &options, &memory, &bpe, &err), &err);
    for (int words = 0; words < 20; words++) {
      char text[80];
      int32_t ids[80];
      size_t length = 1 + next_random(&seed) % sizeof text, at = 0;
      for (size_t i = 0; i < length; i++) text[i] = (char)('a' + (ids[i] = (int32_t)(next_random(&seed) % ALPHABET)));
      size_t count = merge_by_definition(&pairs, &v, ids, length);
      piece_list got = {0};
      assert_ok(MODEL_BPE.encode(bpe, &v, text, length, &got, &err), &err);
      assert_int_equal(got.count, count);
      for (size_t i = 0; i < count; i++) {
        assert_int_equal(got.items[i].id, ids[i]);
        assert_int_equal(got.items[i].begin, at);
        at += vocab_entry_of(&v, ids[i])->length;
        assert_int_equal(got.items[i].end, at);
      }
      piece_list_free(&got);
    }
    bpe_pairs_free(&pairs);
    vocab_free(&v);
    arena_clear(&memory);
  }
}

/* ---- the best path ---- */

/* The definition: of all ways to cut the text into pieces and unknown characters, the greatest sum. */
static double best_by_definition(const char *text, size_t length, char pieces[][8], const double *scores, size_t count,
                                 double unknown) {
  if (length == 0) return 0;
  double best = unknown + best_by_definition(text + 1, length - 1, pieces, scores, count, unknown);
  for (size_t i = 0; i < count; i++) {
    size_t size = strlen(pieces[i]);
    if (size > length || memcmp(pieces[i], text, size) != 0) continue;
    double sum = scores[i] + best_by_definition(text + size, length - size, pieces, scores, count, unknown);
    best = sum > best ? sum : best;
  }
  return best;
}

/* Random pieces over "abc" with scores that are whole numbers, so that sums are exact; 'd' and more are unknown. */
static void best_path(void **state) {
  (void)state;
  enum { PIECES = 12 };
  uint64_t seed = 20240229;
  dwell_error err;
  for (int round = 0; round < 300; round++) {
    char pieces[PIECES][8], json[1000] = "{\"model\":{\"type\":\"Unigram\",\"unk_id\":0,\"vocab\":[[\"<unk>\",0]",
                            text[9];
    double scores[PIECES], least = 0;
    for (int i = 0; i < PIECES; i++) {
      size_t size = 1 + next_random(&seed) % 4;
      for (size_t k = 0; k < size; k++) pieces[i][k] = (char)('a' + next_random(&seed) % 3);
      pieces[i][size] = '\0';
      scores[i] = -(double)(next_random(&seed) % 12);
      for (int k = 0; k < i; k++) { /* a repeated piece has the later score */
        if (strcmp(pieces[k], pieces[i]) == 0) scores[i] = scores[k];
      }
      least = scores[i] < least ? scores[i] : least;
      strcat(json, testing_format(",[\"%s\",%g]", pieces[i], scores[i]));
    }
    strcat(json, "]}}");
    const char *path = testing_format("%s/tokenizer.json", testing_folder());
    testing_write(path, json, strlen(json));
    tokenizer *t;
    assert_ok(tokenizer_open(testing_folder(), &t, &err), &err);
    for (int texts = 0; texts < 10; texts++) {
      token_list got;
      double sum = 0;
      for (size_t i = 0; i < sizeof text; i++) text[i] = (char)('a' + next_random(&seed) % 4);
      assert_ok(tokenizer_encode(t, text, sizeof text, false, &got, &err), &err);
      for (size_t i = 0; i < got.count; i++) {
        token k = got.tokens[i];
        sum += k.id > 0 ? scores[k.id - 1] : (least - 10) * (double)(k.end - k.begin);
        assert_true(k.id == 0 || memcmp(k.piece, text + k.begin, k.end - k.begin) == 0);
      }
      assert_true(sum == best_by_definition(text, sizeof text, pieces, scores, PIECES, least - 10));
      token_list_free(&got);
    }
    tokenizer_close(t);
    remove(path);
  }
}

/* tests/golden/text/scores.jsonl: numbers as the JSON reader of tokenizers has them, to the last bit. */
static void scores(void **state) {
  (void)state;
  size_t size, rows = 0;
  char *data = testing_read(testing_source("tests/golden/text/scores.jsonl"), &size);
  for (char *line = data; line < data + size; rows++) {
    char *end = memchr(line, '\n', (size_t)(data + size - line));
    arena strings = {0};
    jcursor c = jcursor_start(line, (size_t)(end - line), &strings);
    jtext key, text;
    jcursor_object(&c);
    jcursor_key(&c, &key);
    text = jcursor_string(&c);
    jcursor_key(&c, &key);
    double expected = jcursor_double(&c);
    jcursor number = jcursor_start(text.data, text.length, &strings);
    double got = score_read(&number);
    assert_null(c.problem);
    assert_null(number.problem);
    if (memcmp(&got, &expected, sizeof got) != 0) print_message("%s: %a instead of %a\n", text.data, got, expected);
    assert_memory_equal(&got, &expected, sizeof got);
    arena_clear(&strings);
    line = end + 1;
  }
  assert_true(rows > 100);
  free(data);
}

/* A million times one letter, known or not, in a Unigram model: time must not grow with the square. */
static void one_letter(void **state) {
  (void)state;
  enum { LENGTH = 1000000 };
  tokenizer *t;
  dwell_error err;
  token_list tokens;
  char *text = malloc(LENGTH);
  const char *const names[] = {"unigram", "unigram_map", "unigram_bytes"};
  for (size_t n = 0; n < 2 * sizeof names / sizeof names[0]; n++) {
    assert_ok(tokenizer_open(testing_source(testing_format("tests/golden/text/%s", names[n / 2])), &t, &err), &err);
    memset(text, n % 2 == 0 ? 'e' : '~', LENGTH);
    assert_ok(tokenizer_encode(t, text, LENGTH, false, &tokens, &err), &err);
    assert_true(tokens.count >= 1);
    assert_int_equal(tokens.tokens[tokens.count - 1].end, LENGTH);
    token_list_free(&tokens);
    tokenizer_close(t);
  }
  free(text);
}

/* One word of a million letters: merging must not be quadratic (it would take hours). */
static void long_word(void **state) {
  (void)state;
  enum { LENGTH = 1000000 };
  tokenizer *t;
  dwell_error err;
  token_list tokens;
  char *text = malloc(LENGTH);
  for (size_t i = 0; i < LENGTH; i++) text[i] = "theclusters"[i % 11];
  const char *const names[] = {"byte_bpe", "wordpiece", "wordlevel", "fallback_bpe", "unigram", "unigram_bytes"};
  for (size_t n = 0; n < sizeof names / sizeof names[0]; n++) {
    assert_ok(tokenizer_open(testing_source(testing_format("tests/golden/text/%s", names[n])), &t, &err), &err);
    assert_ok(tokenizer_encode(t, text, LENGTH, false, &tokens, &err), &err);
    assert_true(tokens.count >= 1);
    assert_int_equal(tokens.tokens[0].begin, 0);
    assert_int_equal(tokens.tokens[tokens.count - 1].end, LENGTH);
    token_list_free(&tokens);
    tokenizer_close(t);
  }
  free(text);
}

/* A flood of combining marks on one letter, out of order: sorting them must not be quadratic either. */
static void flood(void **state) {
  (void)state;
  enum { MARKS = 400000 };
  tokenizer *t;
  dwell_error err;
  token_list tokens;
  char *text = malloc(1 + 2 * MARKS);
  text[0] = 'q';
  for (size_t i = 0; i < MARKS; i++)
    memcpy(text + 1 + 2 * i, i % 2 ? "\xCC\xA3" : "\xCC\x81", 2); /* dot below, acute */
  assert_ok(tokenizer_open(testing_source("tests/golden/text/roberta_bpe"), &t, &err), &err);
  assert_ok(tokenizer_encode(t, text, 1 + 2 * MARKS, false, &tokens, &err), &err);
  assert_true(tokens.count > 0);
  token_list_free(&tokens);
  tokenizer_close(t);
  free(text);
}

/* Pieces of words seen before are copied: with more distinct words than the copies have room for, and each twice, a
 * text must come out as its words one by one. */
static void many_words(void **state) {
  (void)state;
  enum { WORDS = 17576, SIZE = 4 };
  tokenizer *t;
  dwell_error err;
  token_list all, one;
  size_t at = 0;
  char *text = malloc(2 * WORDS * SIZE);
  for (int i = 0; i < 2 * WORDS; i++) {
    int n = i * 7919 % WORDS;
    const char word[SIZE] = {' ', (char)('a' + n % 26), (char)('a' + n / 26 % 26), (char)('a' + n / 676)};
    memcpy(text + i * SIZE, word, SIZE);
  }
  assert_ok(tokenizer_open(testing_source("tests/golden/text/byte_bpe"), &t, &err), &err);
  assert_ok(tokenizer_encode(t, text, 2 * WORDS * SIZE, false, &all, &err), &err);
  for (size_t i = 0; i < 2 * WORDS; i++) {
    assert_ok(tokenizer_encode(t, text + i * SIZE, SIZE, false, &one, &err), &err);
    assert_true(at + one.count <= all.count);
    for (size_t k = 0; k < one.count; k++, at++) {
      assert_int_equal(all.tokens[at].id, one.tokens[k].id);
      assert_int_equal(all.tokens[at].end, i * SIZE + one.tokens[k].end);
    }
    token_list_free(&one);
  }
  assert_int_equal(at, all.count);
  token_list_free(&all);
  tokenizer_close(t);
  free(text);
}

/* ---- vocabulary ---- */

static void vocabulary(void **state) {
  (void)state;
  vocab v = {0};
  arena memory = {0};
  dwell_error err;
  enum { COUNT = 20000 };
  assert_int_equal(vocab_find(&v, "a", 1), VOCAB_NONE);
  assert_null(vocab_entry_of(&v, 0));
  for (int32_t i = 0; i < COUNT; i++) {
    const char *text = testing_format("piece %d", (int)i);
    assert_ok(vocab_add(&v, arena_text(&memory, text, strlen(text)), strlen(text), i * 1000 + 7, false, &err), &err);
  }
  for (int32_t i = 0; i < COUNT; i++) {
    const char *text = testing_format("piece %d", (int)i);
    assert_int_equal(vocab_find(&v, text, strlen(text)), i * 1000 + 7);
    assert_string_equal(vocab_entry_of(&v, i * 1000 + 7)->text, text);
    assert_null(vocab_entry_of(&v, i * 1000 + 8));
  }
  assert_int_equal(v.largest, (COUNT - 1) * 1000 + 7);
  assert_fails(vocab_add(&v, "piece 5", 7, 1, false, &err), DWELL_BAD_INPUT, &err, "'piece 5' twice");
  assert_ok(vocab_add(&v, "piece 5", 7, 1, true, &err), &err);
  assert_int_equal(vocab_find(&v, "piece 5", 7), 1);
  vocab_settle(&v);
  assert_ok(vocab_add(&v, "only added", 10, 2, false, &err), &err);
  assert_int_equal(vocab_find(&v, "only added", 10), VOCAB_NONE);
  assert_string_equal(vocab_entry_of(&v, 2)->text, "only added");
  vocab_free(&v);
  arena_clear(&memory);
}

/* ---- Unicode ---- */

static void unicode(void **state) {
  (void)state;
  assert_true(unicode_classes('a') & UNICODE_LETTER);
  assert_true(unicode_classes(0x31350) & UNICODE_LETTER); /* CJK extension H, Unicode 15: PCRE2 10.42 lacks it */
  assert_true(unicode_classes(0x105C0) & UNICODE_LETTER); /* Todhri, Unicode 16: utf8proc 2.8 lacks it */
  assert_false(unicode_classes(0x180E) & UNICODE_SPACE);
  assert_true(unicode_classes(0x85) & UNICODE_SPACE);
  assert_false(unicode_classes(0x2E5D) & UNICODE_PUNCTUATION); /* a dash of Unicode 14: not one for tokenizers */
  assert_int_equal(unicode_classes(0x10FFFF), UNICODE_CLEANED * 0);
  uint32_t out[UNICODE_MOST_DECOMPOSED];
  assert_int_equal(unicode_lower(0x130, out), 2);
  assert_int_equal(out[1], 0x307);
  assert_int_equal(unicode_lower(0x10D50, out), 1); /* Garay, Unicode 16 */
  assert_int_equal(out[0], 0x10D70);
  assert_int_equal(unicode_decompose(0xFDFA, true, out), UNICODE_MOST_DECOMPOSED);
  assert_int_equal(unicode_decompose(0xAC01, false, out), 3);
  assert_int_equal(unicode_compose('e', 0x301), 0xE9);
  assert_int_equal(unicode_compose(0x1100, 0x1161), 0xAC00);
  assert_int_equal(unicode_compose('e', 'x'), 0);
  assert_int_equal(unicode_compose(0x308, 0x301), 0); /* U+0344 is excluded from composition */
}

/* ---- patterns ---- */

static size_t count_matches(const char *regex, const char *text, size_t *ret_first, size_t *ret_end) {
  pattern *p;
  pattern_search s;
  dwell_error err;
  size_t begin, end, count = 0;
  assert_ok(pattern_regex(regex, strlen(regex), &p, &err), &err);
  assert_ok(pattern_search_start(&s, p, &err), &err);
  pattern_search_text(&s, text, strlen(text));
  for (bool found;; count++) {
    assert_ok(pattern_search_next(&s, &begin, &end, &found, &err), &err);
    if (!found) break;
    if (count == 0) *ret_first = begin, *ret_end = end;
  }
  pattern_search_free(&s);
  pattern_close(p);
  return count;
}

static void patterns(void **state) {
  (void)state;
  static const struct {
    const char *regex, *text;
    size_t count, begin, end;
  } cases[] = {
      {"\\p{L}+", "1\xF0\xB1\x8D\x90\x31", 1, 1, 5}, /* U+31350 */
      {"[^\\p{L}]", "\xF0\xB1\x8D\x90", 0, 0, 0},
      {"\\s", "\xE1\xA0\x8E", 0, 0, 0}, /* U+180E is no white space */
      {"\\S", "\xE1\xA0\x8E", 1, 0, 3},
      {"[^\\S\\n]", "\xE1\xA0\x8E\n ", 1, 4, 5},
      {"\\w+", "a\xC2\xBC", 1, 0, 3},   /* one quarter is a word character ... */
      {"[\\w]+", "a\xC2\xBC", 1, 0, 1}, /* ... but not in brackets */
      {"\\w", "\xCC\x81", 1, 0, 2},     /* marks are word characters (PCRE2: no) */
      {"\\h", "xf", 1, 1, 2},           /* a hexadecimal digit (PCRE2: a blank) */
      {"\\bb", "ab b", 1, 3, 4},
      {"^b$", "a\nb\nc", 1, 2, 3}, /* lines */
      {"x*", "axb", 3, 0, 0},      /* before a; x; after b: none right behind the match */
      {"[]a]", "b]", 1, 1, 2},
      {"\\u0041", "A", 1, 0, 1},
      {"\\v", "\n\x0b", 1, 1, 2},
      {"\\p{Han}", "\xE3\x8D\xBF\xE4\xB8\xAD", 1, 3, 6}, /* U+337F is Han by Script_Extensions only */
      {"\\P{^Lu}", "aB", 1, 1, 2},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    size_t begin = 0, end = 0;
    size_t count = count_matches(cases[i].regex, cases[i].text, &begin, &end);
    if (count != cases[i].count || begin != cases[i].begin || end != cases[i].end) {
      print_message("%s: %zu matches, first %zu-%zu\n", cases[i].regex, count, begin, end);
    }
    assert_true(count == cases[i].count && begin == cases[i].begin && end == cases[i].end);
  }
}

static void refused_patterns(void **state) {
  (void)state;
  static const char *const refused[] = {"[[:alpha:]]", "[a&&b]", "[\\W]",         "[\\P{L}]", "\\pL",   "\\X",
                                        "\\R",         "\\K",    "\\G",           "(?m:.)",   "(?x) a", "a{1,2}+",
                                        "a\\",         "(",      "\\p{Nonsense}", "\\p{L",    "\\k<x>", "[a"};
  for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
    pattern *p;
    dwell_error err;
    dwell_status status = pattern_regex(refused[i], strlen(refused[i]), &p, &err);
    if (status != DWELL_UNSUPPORTED) print_message("%s\n", refused[i]);
    assert_fails(status, DWELL_UNSUPPORTED, &err, "the regular expression '");
    assert_null(p);
  }
}

/* ---- memory ---- */

/* With -Dtorture=true: every allocation fails once, which must be said and must not leak (under the sanitizer). */
static void torture(void **state) {
  (void)state;
  static const char *const names[] = {"byte_bpe",  "roberta_bpe", "split_bpe", "wordpiece",
                                      "wordlevel", "suffix_bpe",  "unigram",   "unigram_map"};
  static const char text[] = "The caf\xC3\xA9's 12 [CLS] [MASK] cluster, a\xCC\x81\xCC\xA3 \xE4\xB8\xAD";
  for (size_t n = 0; n < sizeof names / sizeof names[0]; n++) {
    const char *folder = testing_source(testing_format("tests/golden/text/%s", names[n]));
    dwell_status status = DWELL_NO_MEMORY;
    for (size_t k = 1; status != DWELL_OK; k++) {
      tokenizer *t = NULL;
      token_list list = {0};
      dwell_error err;
      mem_fail_at(k);
      status = tokenizer_open(folder, &t, &err);
      if (status == DWELL_OK) status = tokenizer_encode(t, text, sizeof text - 1, true, &list, &err);
      mem_fail_at(0);
      if (status != DWELL_OK) assert_fails(status, DWELL_NO_MEMORY, &err, "out of memory");
      token_list_free(&list);
      tokenizer_close(t);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(merging),    cmocka_unit_test(best_path),        cmocka_unit_test(scores),
      cmocka_unit_test(one_letter), cmocka_unit_test(long_word),        cmocka_unit_test(flood),
      cmocka_unit_test(many_words), cmocka_unit_test(vocabulary),       cmocka_unit_test(unicode),
      cmocka_unit_test(patterns),   cmocka_unit_test(refused_patterns), cmocka_unit_test(torture),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
