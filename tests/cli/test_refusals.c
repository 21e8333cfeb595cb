/* Bad input, as a user meets it: the documented exit code, one clear sentence (and what to do), nothing half-written.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/program.h"

static const char *folder_of(const char *name) { return testing_format("%s/%s", testing_folder(), name); }

/* A copy of a tiny model, to be spoilt. */
static const char *copy_model(const char *name) {
  const char *folder = folder_of(name), *model = testing_source("tests/golden/model/gpt2-tiny");
  const char *command =
      testing_format("rm -rf '%s' && mkdir '%s' && cp '%s'/*.json '%s'/*.safetensors '%s'/ && chmod u+w '%s'/*", folder,
                     folder, model, model, folder, folder);
  if (system(command) != 0) fail_msg("cannot copy the tiny model");
  return folder;
}

static void absent(const char *folder) { assert_int_not_equal(access(folder, F_OK), 0); }

/* measure MODEL ARGUMENTS into a fresh folder must be refused and leave no folder behind. */
static void measure_refused(const char *model, const char *arguments, int code, const char *words) {
  const char *out = folder_of("refused");
  assert_refused(testing_format("measure '%s' %s -o '%s'", model, arguments, out), code, words);
  absent(out);
}

static void usage(void **state) {
  (void)state;
  assert_refused("frobnicate", 2, "no command \"frobnicate\"");
  assert_refused("simulat", 2, "Did you mean \"simulate\"?");
  assert_refused("simulate --beta 4", 2, "-o RUN");
  assert_refused("simulate --precision f16 -o x", 2, "--precision");
  assert_refused("simulate --precision f32 --rtol 1e-8 -o x", 2, "off by 5e-07 at beta 4");
  assert_refused("simulate --precision f32 --until-log 3 -o x", 2, "log clock");
  assert_refused("simulate --precision f32 --flow qkv --qkv gaussian -o x", 2, "in this flow");
  assert_refused("simulate --beta four -o x", 2, "--beta takes a number");
  assert_refused("simulate --beta 0:1,2 -o x", 2, "t0:B0,t1:B1");
  assert_refused("simulate --beta 1:1,2:3 -o x", 2, "start at 0 and ascend");
  assert_refused("simulate --normalisation mix -o x", 2, "mix:TAU");
  assert_refused("simulate --kappa 2 -o x", 2, "geometric:0.01");
  assert_refused("simulate --flow noisy -o x", 2, "say kappa");
  assert_refused("simulate --heads 2 -o x", 2, "heads need weights");
  assert_refused("simulate --flow additive -o x", 2, "W, U [hidden, d] and v");
  assert_refused("simulate --flow sa --qkv gaussian -o x", 2, "Use qkv");
  assert_refused("simulate --flow sinkhorn --mask causal -o x", 2, "doubly stochastic");
  assert_refused("simulate --block 0 -o x", 2, "--weights MODEL");
  assert_refused("simulate --flow uqkv --beta 2000 -o x", 2, "beyond a double");
  assert_refused("simulate --flow linear --clock log -o x", 2, "log clock");
  assert_refused("simulate --flow rd --normalisation ngpt -o x", 2, "post only");
  assert_refused("simulate --n 0 -o x", 2, "--n takes a whole number from 1");
  assert_refused("simulate --n 99999999999999999999 -o x", 2, "--n takes");
  assert_refused("simulate --integrator rk5 -o x", 2, "layer:ETA or geometric:H");
  assert_refused("simulate --no-such-option -o x", 2, "unrecognized option");
  assert_refused("measure -o x", 2, "name a MODEL");
  assert_refused("measure m -o x", 2, "-p TEXT");
  assert_refused("measure m -p a --ids 1 -o x", 2, "one of");
  assert_refused("tokenize", 2, "name a MODEL");
  assert_refused("list nonsense", 2, "flows, models, ");
  assert_refused("report", 2, "name the folder of a run or study");
  assert_refused("report run --text -o x", 2, "--text goes to standard output");
}

static void flows(void **state) {
  (void)state;
  const char *out = folder_of("flow");
  assert_refused(testing_format("simulate --flow sq -o '%s'", out), 2, "sq");
  assert_refused(testing_format("simulate --init orthogonal --n 8 --d 4 -o '%s'", out), 2, "orthogonal");
  assert_refused(testing_format("simulate --init equiangular:-0.9 --n 8 --d 8 -o '%s'", out), 2, "common cosine");
  assert_refused(testing_format("simulate --init nowhere.npy -o '%s'", out), 3, "nowhere.npy");
  assert_refused(testing_format("simulate --masses nowhere.npy -o '%s'", out), 3, "nowhere.npy");
  assert_refused(testing_format("simulate --times 3,2 -o '%s'", out), 2, "times");
  assert_refused(testing_format("simulate --instruments ip,rnk -o '%s'", out), 2, "Did you mean \"rank\"?");
  assert_refused(testing_format("simulate --memory 1 -o '%s'", out), 5, "the bound is 1.0 MB");
  absent(out);
}

static void outputs(void **state) {
  (void)state;
  const char *out = folder_of("done"), *small = "simulate --n 4 --frames 3 --until 1 -q -o";
  program_result r = assert_done(testing_format("%s '%s'", small, out));
  program_free(&r);
  assert_refused(testing_format("%s '%s'", small, out), 2, "holds a finished run");
  r = assert_done(testing_format("%s '%s' --force", small, out));
  program_free(&r);
  unlink(testing_format("%s/run.json", out)); /* unfinished: taken up again without --force */
  r = assert_done(testing_format("%s '%s'", small, out));
  program_free(&r);
  assert_refused(testing_format("%s /proc/dwell", small), 1, "cannot write to the folder");
  const char *file = testing_write(folder_of("file"), "x", 1);
  assert_refused(testing_format("%s '%s'", small, file), 2, "not a folder");
  assert_refused(testing_format("report '%s'", folder_of("nothing")), 3, "does not exist");
  assert_refused("inspect /etc/hostname", 4, "of a kind that inspect does not know");
  file = testing_write(folder_of("cut.gguf"), "GGUF\3\0\0\0\1", 9);
  assert_refused(testing_format("inspect '%s'", file), 3, "cut.gguf: 8 bytes are announced here, but only 1 follow");
}

static void texts(void **state) {
  (void)state;
  const char *model = testing_source("tests/golden/model/gpt2-tiny");
  measure_refused(model, "--ids 1,2,99999", 3, "99999");
  measure_refused(model, "--ids 1,-2", 3, "-2");
  measure_refused(model, "--ids 1,x", 2, "--ids takes whole numbers");
  measure_refused(model, "--ids ''", 2, "--ids takes whole numbers");
  measure_refused(model, "-p hello", 4, "tokenizer.json into the folder; or give token ids with --ids");
  assert_refused(testing_format("tokenize '%s' -p hello", model), 4, "tokenizer.json into the folder.\n");
  measure_refused(model, "-f nowhere.txt", 3, "nowhere.txt");
  measure_refused("no-such-model-anywhere", "--ids 1", 3, "no-such-model-anywhere");
  const char *bad = testing_write(folder_of("latin1.txt"), "caf\xE9", 4);
  measure_refused(model, testing_format("-f '%s'", bad), 3, "not UTF-8 (byte 3)");
  char ids[4096] = "--ids 1";
  for (size_t i = 0; i < 1000; i++) strcat(ids, ",1");
  measure_refused(model, ids, 2, "1001");
}

/* The tiny model with a word-level tokenizer of its own. */
static void texts_with_a_tokenizer(void **state) {
  (void)state;
  const char *folder = copy_model("words");
  const char *tokenizer =
      "{\"version\":\"1.0\",\"added_tokens\":[],\"normalizer\":null,"
      "\"pre_tokenizer\":{\"type\":\"Whitespace\"},\"post_processor\":null,\"decoder\":null,"
      "\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"a\":0,\"b\":1,\"c\":2,\"?\":3},"
      "\"unk_token\":\"?\"}}";
  testing_write(testing_format("%s/tokenizer.json", folder), tokenizer, strlen(tokenizer));
  program_result r = assert_done(testing_format("tokenize '%s' -p 'a c zebra b' --json", folder));
  assert_string_equal(r.out,
                      "{\"ids\":[0,2,3,1],\"pieces\":[\"a\",\"c\",\"?\",\"b\"],"
                      "\"offsets\":[[0,1],[2,3],[4,9],[10,11]]}\n");
  program_free(&r);
  measure_refused(folder, "-p ''", 3, "gives no token");
  measure_refused(folder, "-p '   '", 3, "gives no token");
  const char *empty = testing_write(folder_of("empty.txt"), "", 0);
  measure_refused(folder, testing_format("-f '%s'", empty), 3, "gives no token");
  char text[1024] = "-p 'a";
  for (size_t i = 0; i < 200; i++) strcat(text, " b");
  measure_refused(folder, testing_format("%s'", text), 2, "201");
  measure_refused(folder, testing_format("%s'", text), 2, "--max-tokens");
  r = assert_done(testing_format("measure '%s' %s' --max-tokens 20 -q -o '%s'", folder, text, folder_of("cut")));
  program_free(&r);
}

static void configs(void **state) {
  (void)state;
  const char *folder = copy_model("config"), *path = testing_format("%s/config.json", folder);
  char *good = testing_read(path, NULL);
  const struct {
    const char *old, *new, *words;
    int code;
  } cases[] = {{"\"model_type\": \"gpt2\"", "\"model_type\": \"gpt9\"", "gpt9", 4},
               {"\"n_layer\": 2", "\"n_layer\": 3", "h.2", 3},
               {"\"n_embd\": 24", "\"n_embd\": 25", "cannot be split", 3},
               {"\"n_embd\": 24", "\"n_embd\": -24", "n_embd", 3},
               {"gelu_new", "gelu_old", "gelu_old", 4},
               {"{", "[", "config.json", 3}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const char *at = strstr(good, cases[i].old);
    if (at == NULL) fail_msg("the tiny config has no %s", cases[i].old);
    const char *text = testing_format("%.*s%s%s", (int)(at - good), good, cases[i].new, at + strlen(cases[i].old));
    testing_write(path, text, strlen(text));
    measure_refused(folder, "--ids 1,2,3", cases[i].code, cases[i].words);
  }
  unlink(path);
  measure_refused(folder, "--ids 1", 3, "config.json");
  free(good);
}

static void weights(void **state) {
  (void)state;
  const char *folder = copy_model("weights"), *path = testing_format("%s/model.safetensors", folder);
  size_t size;
  char *good = testing_read(path, &size);
  testing_write(path, good, size - 3);
  measure_refused(folder, "--ids 1", 3, "model.safetensors");
  testing_write(path, good, 5);
  measure_refused(folder, "--ids 1", 3, "model.safetensors");
  uint64_t huge = UINT64_MAX;
  char *hostile = malloc(size);
  memcpy(hostile, good, size);
  memcpy(hostile, &huge, 8);
  testing_write(path, hostile, size);
  measure_refused(folder, "--ids 1", 3, "model.safetensors");
  memcpy(hostile, good, size); /* every weight is NaN: the first one read is named */
  memcpy(&huge, good, 8);
  memset(hostile + 8 + huge, 0xFF, size - 8 - huge);
  testing_write(path, hostile, size);
  measure_refused(folder, "--ids 1", 3, "NaN");
  unlink(path);
  measure_refused(folder, "--ids 1", 3, "safetensors");
  testing_write(testing_format("%s/pytorch_model.bin", folder), "x", 1);
  measure_refused(folder, "--ids 1", 4, "pytorch_model.bin");
  free(good);
  free(hostile);
}

/* What names lead to is tested in hub/nursery: here that every command asks there, and what a user sees of it. */
static void nursery(void **state) {
  (void)state;
  const char *data = folder_of("nursery-data");
  const char *command = testing_format("mkdir -p '%s/models/small' '%s/models/small@step-0'", data, data);
  if (system(command) != 0) fail_msg("cannot make folders");
  setenv("DWELL_DATA", data, 1);
  measure_refused("nursery:smal", "--ids 1", 3, "Did you mean nursery:small?");
  measure_refused("nursery:small@main", "--ids 1", 2, "nursery:NAME@step-N");
  measure_refused("nursery:small", "--ids 1", 3, "no config.json");
  assert_refused("inspect nursery:smal", 3, "nursery:smal: the nursery has no such model");
  assert_refused("tokenize nursery:small@step-1 -p a", 3, "steps 0, and the trained model");
  assert_refused("list nursery", 3, "models/index.json");
  assert_refused("list models", 3, "models/index.json");
  testing_write(testing_format("%s/models/index.json", data), "{\"models\":[{}]}", 15);
  assert_refused("list models --json", 3, "model 1 of the index has no \"name\"");
  unsetenv("DWELL_DATA");
}

static void states(void **state) {
  (void)state;
  const char *out = folder_of("refused");
  assert_refused(testing_format("measure --states nowhere.npz -o '%s'", out), 3, "nowhere.npz");
  const char *junk = testing_write(folder_of("junk.npz"), "PK\003\004junk", 8);
  assert_refused(testing_format("measure --states '%s' -o '%s'", junk, out), 3, "junk.npz");
  absent(out);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(usage),
                                     cmocka_unit_test(flows),
                                     cmocka_unit_test(outputs),
                                     cmocka_unit_test(texts),
                                     cmocka_unit_test(texts_with_a_tokenizer),
                                     cmocka_unit_test(configs),
                                     cmocka_unit_test(weights),
                                     cmocka_unit_test(nursery),
                                     cmocka_unit_test(states)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
