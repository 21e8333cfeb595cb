/* SentencePiece models: ids and byte offsets as the sentencepiece package gives them; and folders of before
 * tokenizer.json as transformers' classes read them (tools/oracle/make_sentencepiece.py), exactly. */
#include <stdio.h>
#include <unistd.h>

#include "base/str.h"
#include "text/rows.h"

static const char *golden(const char *name) { return testing_source(testing_format("tests/golden/text/%s", name)); }

static void copy(const char *from, const char *to) {
  size_t size;
  char *data = testing_read(from, &size);
  testing_write(to, data, size);
  free(data);
}

/* A folder with nothing but the model: no class, so no special tokens. */
static void check_model(const char *name, const char *kind) {
  dwell_error err;
  tokenizer *t;
  const char *folder = testing_folder(), *model = testing_format("%s/spiece.model", folder);
  copy(golden(testing_format("spm/%s.model", name)), model);
  assert_ok(tokenizer_open(folder, &t, &err), &err);
  remove(model);
  assert_string_equal(tokenizer_kind(t), kind);
  assert_int_equal(tokenizer_notes(t), 1);
  assert_non_null(strstr(tokenizer_note(t, 0), "no special tokens"));
  assert_true(rows_check(t, golden(testing_format("spm/%s.jsonl", name)), 0) > 90);
  tokenizer_close(t);
}

static void unigram(void **state) { (void)state, check_model("unigram", "Unigram"); }
static void unigram_bytes(void **state) { (void)state, check_model("unigram_bytes", "Unigram"); }
static void unigram_suffix(void **state) { (void)state, check_model("unigram_suffix", "Unigram"); }
static void bpe(void **state) { (void)state, check_model("bpe", "BPE"); }
static void bpe_bytes(void **state) { (void)state, check_model("bpe_bytes", "BPE"); }
static void bpe_unused(void **state) { (void)state, check_model("bpe_unused", "BPE"); }

/* ---- long texts: sums of scores that are started anew, words that are met again ---- */

enum { MOST_WORDS = 1024 };

typedef struct long_text {
  jtext model, words[MOST_WORDS];
  int64_t word_count, count, tokens, sum;
} long_text;

static void read_long(const char *line, size_t length, arena *strings, long_text *l) {
  jcursor c = jcursor_start(line, length, strings);
  dwell_error err;
  l->word_count = 0;
  jcursor_object(&c);
  for (jtext key; jcursor_key(&c, &key);) {
    if (jtext_is(key, "model")) l->model = jcursor_string(&c);
    else if (jtext_is(key, "count")) l->count = jcursor_int(&c, 1, INT32_MAX);
    else if (jtext_is(key, "tokens")) l->tokens = jcursor_int(&c, 1, INT32_MAX);
    else if (jtext_is(key, "sum")) l->sum = jcursor_int(&c, 1, INT64_MAX);
    else
      for (jcursor_array(&c); jcursor_item(&c);) l->words[l->word_count++ % MOST_WORDS] = jcursor_string(&c);
  }
  assert_ok(jcursor_end(&c, "long.jsonl", &err), &err);
  assert_true(l->word_count <= MOST_WORDS);
}

static void check_long(const long_text *l) {
  dwell_error err;
  tokenizer *t;
  token_list tokens;
  strbuf text = {0};
  const char *model = testing_format("%s/spiece.model", testing_folder());
  copy(golden(testing_format("spm/%s.model", l->model.data)), model);
  assert_ok(tokenizer_open(testing_folder(), &t, &err), &err);
  remove(model);
  for (int64_t i = 0; i < l->count; i++) {
    jtext word = l->words[(7 * i * i + i / 11) % l->word_count];
    strbuf_add(&text, word.data, word.length);
    strbuf_putc(&text, ' ');
  }
  assert_ok(tokenizer_encode(t, text.data, text.length, true, &tokens, &err), &err);
  assert_int_equal(tokens.count, l->tokens);
  int64_t sum = 0;
  for (size_t i = 0; i < tokens.count; i++) sum += tokens.tokens[i].id * (int64_t)(i % 1009);
  assert_int_equal(sum, l->sum);
  token_list_free(&tokens);
  strbuf_free(&text);
  tokenizer_close(t);
}

static void long_texts(void **state) {
  (void)state;
  size_t size, lines = 0;
  char *data = testing_read(golden("spm/long.jsonl"), &size);
  long_text *l = malloc(sizeof *l);
  for (char *line = data; line < data + size; lines++) {
    char *end = memchr(line, '\n', (size_t)(data + size - line));
    assert_non_null(end);
    arena strings = {0};
    read_long(line, (size_t)(end - line), &strings, l);
    check_long(l);
    arena_clear(&strings);
    line = end + 1;
  }
  assert_int_equal(lines, 3);
  free(l);
  free(data);
}

/* ---- classes ---- */

enum { MOST_FILES = 8 };

/* Makes the files of the first line in the folder of the test. */
static size_t make_files(const char *path, const char **ret_names, arena *strings) {
  size_t size, count = 0;
  char *data = testing_read(path, &size);
  jcursor c = jcursor_start(data, (size_t)(strchr(data, '\n') - data), strings);
  jtext key;
  dwell_error err;
  jcursor_object(&c);
  assert_true(jcursor_key(&c, &key) && jtext_is(key, "files"));
  jcursor_object(&c);
  while (jcursor_key(&c, &key)) {
    jtext content = jcursor_string(&c);
    const char *to = testing_format("%s/%s", testing_folder(), key.data);
    assert_true(count < MOST_FILES);
    ret_names[count++] = key.data;
    if (content.data[0] == '@') copy(golden(content.data + 1), to);
    else testing_write(to, content.data, content.length);
  }
  assert_false(jcursor_key(&c, &key));
  assert_ok(jcursor_end(&c, path, &err), &err);
  free(data);
  return count;
}

static void check_class(const char *name, const char *note) {
  dwell_error err;
  tokenizer *t;
  arena strings = {0};
  const char *names[MOST_FILES], *path = golden(testing_format("classes/%s.jsonl", name));
  size_t count = make_files(path, names, &strings);
  assert_ok(tokenizer_open(testing_folder(), &t, &err), &err);
  for (size_t i = 0; i < count; i++) remove(testing_format("%s/%s", testing_folder(), names[i]));
  assert_int_equal(tokenizer_notes(t), 1);
  assert_string_equal(tokenizer_note(t, 0), note);
  assert_true(rows_check(t, golden(testing_format("classes/%s.jsonl", name)), 1) >= 20);
  tokenizer_close(t);
  arena_clear(&strings);
}

static void albert(void **state) {
  (void)state;
  check_class("albert", "from spiece.model as AlbertTokenizer: [CLS] text [SEP]");
  check_class("albert_cased", "from spiece.model as AlbertTokenizer: [CLS] text [SEP]");
}

static void llama(void **state) {
  (void)state;
  check_class("llama", "from tokenizer.model as LlamaTokenizer: <s> text");
  check_class("llama_eos", "from tokenizer.model as LlamaTokenizer: text </s>");
  check_class("llama_listed", "from tokenizer.model as LlamaTokenizer: <s> text");
}

static void other_models(void **state) {
  (void)state;
  check_class("gemma", "from tokenizer.model as GemmaTokenizer: <bos> text");
  check_class("t5", "from spiece.model as T5Tokenizer: text </s>");
  check_class("xlm_roberta", "from sentencepiece.bpe.model as XLMRobertaTokenizer: <s> text </s>");
  check_class("xlnet", "from spiece.model as XLNetTokenizer: text <sep> <cls>");
  check_class("big_bird", "from spiece.model as BigBirdTokenizer: [CLS] text [SEP]");
}

static void byte_files(void **state) {
  (void)state;
  check_class("gpt2", "from vocab.json as GPT2Tokenizer: text");
  check_class("opt", "from vocab.json as GPT2Tokenizer: </s> text");
  check_class("roberta", "from vocab.json as RobertaTokenizer: <s> text </s>");
  check_class("roberta_space", "from vocab.json as RobertaTokenizer: <s> text </s>");
  check_class("gpt_neox", "from vocab.json as GPTNeoXTokenizer: text");
}

static void word_files(void **state) {
  (void)state;
  check_class("bert_cased", "from vocab.txt as BertTokenizer: [CLS] text [SEP]");
  check_class("distilbert", "from vocab.txt as DistilBertTokenizer: [CLS] text [SEP]");
  check_class("electra", "from vocab.txt as ElectraTokenizer: [CLS] text [SEP]");
  check_class("mpnet", "from vocab.txt as MPNetTokenizer: <s> text </s>");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(unigram),      cmocka_unit_test(unigram_bytes), cmocka_unit_test(unigram_suffix),
      cmocka_unit_test(bpe),          cmocka_unit_test(bpe_bytes),     cmocka_unit_test(bpe_unused),
      cmocka_unit_test(long_texts),   cmocka_unit_test(albert),        cmocka_unit_test(llama),
      cmocka_unit_test(other_models), cmocka_unit_test(byte_files),    cmocka_unit_test(word_files),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
