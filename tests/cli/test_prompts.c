/* The texts of the study from the command line: listed, tokenized, measured, cut, and named in run.json. */
#include <stdint.h>
#include <unistd.h>

#include "base/arena.h"
#include "file/jcursor.h"
#include "text/prompt.h"
#include "util/program.h"

static const char *folder_of(const char *name) { return testing_format("%s/%s", testing_folder(), name); }

/* The tiny causal model (a context of 150) with a word-level tokenizer: two words, and "?" for all others. */
static const char *tiny_model(void) {
  const char *folder = folder_of("tiny"), *model = testing_source("tests/golden/model/gpt2-tiny");
  const char *tokenizer =
      "{\"version\":\"1.0\",\"added_tokens\":[],\"normalizer\":null,"
      "\"pre_tokenizer\":{\"type\":\"Whitespace\"},\"post_processor\":null,\"decoder\":null,"
      "\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"the\":4,\"river\":5,\"a\":6,\"of\":7,\"and\":8,\"?\":9},"
      "\"unk_token\":\"?\"}}";
  const char *command = testing_format("rm -rf '%s' && mkdir '%s' && cp '%s'/*.json '%s'/*.safetensors '%s'/", folder,
                                       folder, model, model, folder);
  if (system(command) != 0) fail_msg("cannot copy the tiny model");
  testing_write(testing_format("%s/tokenizer.json", folder), tokenizer, strlen(tokenizer));
  return folder;
}

/* Measures ARGUMENTS and returns the manifest; release with free. */
static char *manifest_of(const char *model, const char *arguments) {
  const char *out = folder_of("run");
  program_result r = assert_done(testing_format("measure '%s' %s --nulls 0 -q --force -o '%s'", model, arguments, out));
  program_free(&r);
  return testing_read(testing_format("%s/run.json", out), NULL);
}

static void manifest_says(const char *model, const char *arguments, const char *expected) {
  char *text = manifest_of(model, arguments);
  if (strstr(text, expected) == NULL) fail_msg("run.json of `measure %s` does not say %s", arguments, expected);
  free(text);
}

/* ---- listing ---- */

static void read_entry(jcursor *c, const prompt *expected) {
  size_t found = 0;
  jcursor_object(c);
  for (jtext key; jcursor_key(c, &key);) {
    if (jtext_is(key, "name")) found += jtext_is(jcursor_string(c), expected->name);
    else if (jtext_is(key, "title")) found += jtext_is(jcursor_string(c), expected->title);
    else if (jtext_is(key, "source")) found += jtext_is(jcursor_string(c), expected->source);
    else if (jtext_is(key, "licence")) found += jtext_is(jcursor_string(c), expected->licence);
    else if (jtext_is(key, "register")) found += jtext_is(jcursor_string(c), expected->reg);
    else if (jtext_is(key, "language")) found += jtext_is(jcursor_string(c), expected->language);
    else if (jtext_is(key, "sha256")) found += jtext_is(jcursor_string(c), expected->sha256);
    else if (jtext_is(key, "bytes")) found += (size_t)jcursor_int(c, 0, INT32_MAX) == expected->size;
    else jcursor_skip(c);
  }
  assert_int_equal(found, 8);
}

static void listed(void **state) {
  (void)state;
  size_t count, at = 0;
  const prompt *prompts = prompt_registry(&count);
  arena strings = {0};
  dwell_error err;
  program_result r = assert_done("list prompts --json");
  jcursor c = jcursor_start(r.out, strlen(r.out), &strings);
  for (jcursor_array(&c); jcursor_item(&c); at++) {
    assert_true(at < count);
    read_entry(&c, &prompts[at]);
  }
  assert_ok(jcursor_end(&c, "the list", &err), &err);
  assert_int_equal(at, count);
  program_free(&r);
  r = assert_done("list prompts");
  for (size_t i = 0; i < count; i++) assert_non_null(strstr(r.out, prompts[i].name));
  assert_non_null(strstr(r.out, "narrative, en, long: 1887 bytes, 438 GPT-2 tokens of 231 types"));
  program_free(&r);
  arena_clear(&strings);
}

/* ---- using them ---- */

/* The file of the source tree and the name give the same tokens. */
static void tokenized(void **state) {
  (void)state;
  static const char *const names[] = {"mixed_two_sentences", "greek_odyssey", "code_c_display", "smiles_wittig"};
  const char *model = testing_source("tests/golden/text/byte_bpe");
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    const char *file = testing_source(testing_format("data/prompts/%s.txt", names[i]));
    program_result a = assert_done(testing_format("tokenize '%s' --prompt %s --json", model, names[i]));
    program_result b = assert_done(testing_format("tokenize '%s' -f '%s' --json", model, file));
    assert_true(strlen(a.out) > 100);
    assert_string_equal(a.out, b.out);
    program_free(&a);
    program_free(&b);
  }
}

static void named_in_the_manifest(void **state) {
  (void)state;
  const char *model = tiny_model();
  manifest_says(model, "--prompt mixed_two_sentences", "\"prompt\": \"mixed_two_sentences\"");
  const char *file = testing_source("data/prompts/mixed_two_sentences.txt");
  manifest_says(model, testing_format("-f '%s'", file), "\"prompt\": \"mixed_two_sentences\"");
  manifest_says(model, "-p 'a river and the river of a'", "\"prompt\": null");
  char *text = manifest_of(model, "--ids 4,5,6,7");
  assert_null(strstr(text, "\"prompt\""));
  free(text);
}

static void several_become_several_runs(void **state) {
  (void)state;
  const char *out = folder_of("several");
  program_result r = assert_done(testing_format(
      "measure '%s' --prompt mixed_two_sentences --prompt news_bridge --nulls 0 -q -o '%s'", tiny_model(), out));
  program_free(&r);
  assert_int_equal(access(testing_format("%s/mixed_two_sentences/run.json", out), F_OK), 0);
  assert_int_equal(access(testing_format("%s/news_bridge/run.json", out), F_OK), 0);
}

/* A sweep of lengths: the first N tokens of the model's own tokenizer. */
static void cut_for_a_sweep(void **state) {
  (void)state;
  const char *model = tiny_model();
  for (size_t n = 64; n <= 128; n *= 2) {
    char *text = manifest_of(model, testing_format("--prompt sweep_river --max-tokens %zu", n));
    program_result r = assert_done(testing_format("tokenize '%s' --prompt sweep_river", model));
    const char *at = strstr(text, "\"tokens\": ["), *line = r.out;
    assert_non_null(at);
    for (size_t i = 0; i < n; i++, line = strchr(line, '\n') + 1) {
      at = strstr(at, "\"id\": ");
      if (at == NULL) fail_msg("fewer than %zu tokens", n);
      at += strlen("\"id\": ");
      assert_int_equal(strtol(at, NULL, 10), strtol(line, NULL, 10));
    }
    assert_null(strstr(at, "\"id\": "));
    program_free(&r);
    free(text);
  }
}

static void refused(void **state) {
  (void)state;
  const char *model = tiny_model(), *out = folder_of("refused");
  const char *measure = testing_format("measure '%s' -o '%s'", model, out);
  assert_refused(testing_format("%s --prompt leter_ballou", measure), 2, "Did you mean \"letter_ballou\"?");
  assert_refused(testing_format("%s --prompt odyssey", measure), 2, "Did you mean \"greek_odyssey\"?");
  assert_refused(testing_format("%s --prompt 'The sea was calm.'", measure), 2, "a text of your own goes to -p");
  assert_refused(testing_format("%s --prompt ''", measure), 2, "no text of the study is called \"\"");
  assert_refused(testing_format("%s --prompt news_bridge -p a", measure), 2, "one of");
  assert_refused(testing_format("%s --prompt letter_ballou", measure), 2, "--max-tokens");
  assert_refused("measure --states x.npz --prompt news_bridge -o x", 2, "no text");
  assert_refused(testing_format("tokenize '%s' --prompt news_brigde", model), 2, "Did you mean \"news_bridge\"?");
  assert_refused(testing_format("tokenize '%s' --prompt news_bridge -p a", model), 2, "--prompt NAME");
  assert_int_not_equal(access(out, F_OK), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(listed),
                                     cmocka_unit_test(tokenized),
                                     cmocka_unit_test(named_in_the_manifest),
                                     cmocka_unit_test(several_become_several_runs),
                                     cmocka_unit_test(cut_for_a_sweep),
                                     cmocka_unit_test(refused)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
