/* Whole runs: same bytes for any number of threads, a bound that holds, output that scripts can rely on. */
#define _POSIX_C_SOURCE 200809L
#include <jansson.h>
#include <signal.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

#include <dwell/dwell.h>

#include "base/clock.h"
#include "base/sha256.h"
#include "run/run.h"
#include "util/program.h"

static const char *folder_of(const char *name) { return testing_format("%s/%s", testing_folder(), name); }

static void same_file(const char *a, const char *b, const char *name) {
  size_t n, m;
  char *x = testing_read(testing_format("%s/%s", a, name), &n), *y = testing_read(testing_format("%s/%s", b, name), &m);
  if (n != m || memcmp(x, y, n) != 0) fail_msg("%s differs between 1 and 2 threads", name);
  free(x), free(y);
}

/* The same command on 1, 2 and 3 threads writes the same csv and npz bytes. */
static void same_bytes(const char *arguments, const char *name, bool heads) {
  const char *one = folder_of(testing_format("%s-1", name));
  for (int threads = 1; threads <= 3; threads++) {
    const char *out = folder_of(testing_format("%s-%d", name, threads));
    program_result r = assert_done(testing_format("%s -q -t %d -o '%s'", arguments, threads, out));
    program_free(&r);
    same_file(one, out, "layers.csv");
    same_file(one, out, "blocks.csv");
    same_file(one, out, "events.csv");
    same_file(one, out, "arrays.npz");
    if (heads) same_file(one, out, "heads.csv");
  }
}

static void threads_do_not_matter(void **state) {
  (void)state;
  same_bytes("simulate --n 40 --frames 12 --replicas 3 --save states,gram", "small", false);
  same_bytes("simulate --n 700 --d 16 --frames 4 --until 2 --nulls 3 --flow usa --beta 2", "large", false);
  same_bytes("simulate --n 700 --d 40 --precision f32 --frames 4 --until 2 --nulls 0", "single", false);
  same_bytes("simulate --n 40 --mask causal --integrator layer:0.1 --frames 5 --until 1", "layer", false);
  /* ordered tokens in many dimensions: twins by phases, in the Fourier basis */
  const char *states = folder_of("ordered");
  program_result r = assert_done(testing_format(
      "simulate --n 260 --d 300 --frames 4 --until 0.3 --beta 2 --nulls 0 --save states -q -o '%s'", states));
  program_free(&r);
  same_bytes(testing_format("measure --states '%s/arrays.npz' --nulls 4", states), "phases", false);
  const char *tiny = testing_source("tests/golden/model");
  same_bytes(testing_format(
                 "measure '%s/gpt2-tiny' --ids 1,2,3,4,5,6,7,8,9,3,2,1,4,5,6,7,8,9,1,2 --save states,attention", tiny),
             "gpt2", true);
  same_bytes(testing_format("measure '%s/bert-tiny' --ids 1,2,3,4,5,6,7,8,9,3,2,1,4,5,6,7,8,9,1,2 --dtype f64", tiny),
             "bert", true);
}

/* Whole networks with their attention, all its measures: of one direction and of two. */
static void heads_of_networks(void **state) {
  (void)state;
  static const char *const models[] = {"gpt2-nursery-6", "bert-nursery"};
  static const char *const columns[] = {"entropy", "tv_mean",       "beta_eff",   "beta_r2",     "align",
                                        "align_p", "align_types_p", "fiedler_co", "fiedler_sym", "fiedler_co_null_sd"};
  for (size_t m = 0; m < 2; m++) {
    const char *model = testing_nursery(models[m]);
    if (model == NULL) fail_msg("data/models/%s is not there", models[m]);
    same_bytes(testing_format("measure '%s' --prompt encyclopedia_salt_marsh --max-tokens 90 --nulls 1 --instruments "
                              "ip,motion,attention,spread,temperature,alignment,fiedler",
                              model),
               models[m], true);
    char *text = testing_read(testing_format("%s/heads.csv", folder_of(testing_format("%s-1", models[m]))), NULL);
    *strchr(text, '\n') = ',';
    for (size_t c = 0; c < sizeof columns / sizeof columns[0]; c++) {
      assert_non_null(strstr(text, testing_format(",%s,", columns[c])));
    }
    free(text);
  }
}

static void real_models_do_not_depend_on_threads(void **state) {
  (void)state;
  const char *model = testing_trained("bert-minilm-l6", "bert-nursery");
  if (model == NULL) testing_skip_absent("models/bert-minilm-l6");
  same_bytes(testing_format("measure '%s' -p 'The old clock in the hall struck nine, and nobody moved from the fire; "
                            "outside the rain went on as if it had never done anything else.'",
                            model),
             "trained", true);
}

static double manifest_number(const char *folder, const char *key) {
  char *text = testing_read(testing_format("%s/run.json", folder), NULL);
  const char *at = strstr(text, testing_format("\"%s\": ", key));
  if (at == NULL) fail_msg("run.json has no %s", key);
  double x = strtod(at + strlen(key) + 4, NULL);
  free(text);
  return x;
}

/* The energy floors of layers.csv are multiples of it: what a state's type rounds by (instruments.md 1). */
static void the_rounding_of_states_is_told(void **state) {
  (void)state;
  const char *out = folder_of("epsilon");
  for (int wide = 0; wide < 2; wide++) {
    program_result r = assert_done(
        testing_format("simulate --n 8 --frames 2 --nulls 0 --dtype %s -q --force -o '%s'", wide ? "f64" : "f32", out));
    program_free(&r);
    assert_true(manifest_number(out, "epsilon") == (wide ? 1e-15 : 6e-8));
  }
}

/* `arguments` with -t: what threads would need is in the bound, and in the peak only as far as they find work. */
static void check_bound(const char *arguments) {
  const char *out = folder_of("bound");
  program_result r = assert_done(testing_format("%s -q --force -o '%s'", arguments, out));
  program_free(&r);
  double peak = manifest_number(out, "peak_bytes"), bound = manifest_number(out, "bound_bytes");
  print_message("peak %.0f MB, bound %.0f MB: %.80s\n", peak / 1e6, bound / 1e6, arguments);
  assert_true(peak <= bound);
  int threads = atoi(strstr(arguments, "-t ") + 3);
  if (threads <= 4)
    assert_true(bound <= 2 * peak + 64e6); /* and it says something: 64 MB for threads and libraries that stayed idle */
}

static void the_bound_holds(void **state) {
  (void)state;
#if defined(__SANITIZE_ADDRESS__)
  print_message("skipped: the sanitizer's own memory is not in the bound\n");
  skip();
#endif
  check_bound("simulate --n 8 --frames 3 -t 1");
  check_bound("simulate --n 1200 --d 64 --frames 3 --until 0.5 --nulls 4 -t 2");
  check_bound("simulate --n 1200 --d 256 --precision f32 --frames 3 --until 0.5 --nulls 0 --instruments norm,ip -t 2");
  check_bound("simulate --n 8 --d 3 --frames 20 --replicas 200 -t 2");
  check_bound("simulate --n 64 --d 64 --frames 10 --replicas 10 -t 16 --nulls 3");
  check_bound("simulate --n 400 --d 16 --frames 3 --until 0.2 --save states,gram -t 4");
  /* no matrix of pairs, so that the bound of 10^5 tokens is not one of 240 GB */
  check_bound(
      "simulate --n 20000 --d 3 --integrator euler:0.1 --until 0.1 --frames 2 --instruments norm,motion --nulls 0 -t "
      "2");
  /* many more dimensions than particles, and more axes than the twin turns one by one */
  const char *states = folder_of("states");
  for (int wide = 0; wide < 2; wide++) {
    const char *make = wide ? "--n 300 --d 700 --frames 8" : "--n 8 --d 4096 --frames 3";
    program_result r =
        assert_done(testing_format("simulate %s --until 0.1 --nulls 0 --save states -q --force -o '%s'", make, states));
    program_free(&r);
    for (int threads = 1; threads <= 16; threads *= 4) {
      check_bound(testing_format("measure --states '%s/arrays.npz' --nulls 2 -t %d", states, threads));
      check_bound(testing_format("measure --states '%s/arrays.npz' --nulls 0 -t %d", states, threads));
    }
  }
  const char *shared = testing_shared("models/albert-rxnmapper"),
             *model = testing_trained("bert-minilm-l6", "bert-nursery");
  if (shared != NULL) check_bound(testing_format("measure '%s' --ids 12,13,14 --iterations 48 -t 2", shared));
  const char *wide = testing_shared("models/albert-plbert");
  if (wide != NULL) { /* many states and their nulls: what stays is the larger part */
    char symbols[2048] = "";
    for (int i = 0; i < 400; i++) snprintf(symbols + strlen(symbols), 8, "%s%d", i ? "," : "", 1 + 7 * i % 170);
    check_bound(testing_format("measure '%s' --ids %s --iterations 24 --nulls 2 -t 1", wide, symbols));
  }
  if (model == NULL) return;
  check_bound(testing_format("measure '%s' --ids 101,2000,102 -t 2", model));
  char ids[4096] = "";
  for (int i = 0; i < 500; i++) snprintf(ids + strlen(ids), 8, "%s%d", i ? "," : "", 500 + 3 * i);
  check_bound(testing_format("measure '%s' --ids %s -t 2", model, ids));
  check_bound(testing_format("measure '%s' --ids %s -t 2 --instruments fiedler,alignment --nulls 1", model, ids));
  check_bound(testing_format("measure '%s' --ids %s -t 1 --dtype f64 --save states,attention,gram", model, ids));
}

static void output_is_for_scripts(void **state) {
  (void)state;
  program_result r = assert_done(testing_format("simulate --n 6 --frames 3 --json -o '%s'", folder_of("json")));
  assert_int_equal(r.out[0], '{');
  assert_non_null(strstr(r.out, "\"format\": 1"));
  assert_null(strchr(r.words, '\033'));
  assert_null(strstr(r.out, "nan"));
  program_free(&r);
  r = assert_done("list instruments --json");
  assert_int_equal(r.out[0], '[');
  assert_non_null(strstr(r.out, "\"name\": \"mass90_centred\""));
  json_t *all = json_loads(r.out, 0, NULL), *one;
  size_t at;
  json_array_foreach(all, at, one) { /* each says what it is, what it needs and where it comes from */
    assert_true(json_array_size(json_object_get(one, "needs")) > 0);
    assert_true(json_string_length(json_object_get(one, "source")) > 0);
    assert_true(json_array_size(json_object_get(one, "columns")) > 0);
  }
  assert_true(at > 20);
  json_decref(all);
  program_free(&r);
  static const char *const things[] = {"flows", "models", "nulls", "claims", "detectors", "taps"};
  for (size_t i = 0; i < 5; i++) {
    r = assert_done(testing_format("list %s -q", things[i])); /* with words where no models came with this dwell */
    assert_true(r.out[0] != '\0' && r.words[0] == '\0');
    program_free(&r);
  }
  r = assert_done("--version");
  assert_non_null(strstr(r.out, "dwell "));
  program_free(&r);
  r = assert_done("doctor");
  assert_non_null(strstr(r.out, "right"));
  program_free(&r);
}

/* OpenBLAS older than the CPU falls back to kernels without AVX2. */
static void kernels_fit_the_cpu(void **state) {
  (void)state;
  if (getenv("OPENBLAS_CORETYPE") != NULL) {
    print_message("skipped: OPENBLAS_CORETYPE is set, and obeyed\n");
    skip();
  }
  program_result r = assert_done("doctor");
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) assert_null(strstr(r.out, "kernels Prescott"));
#endif
  program_free(&r);
}

/* A data folder whose nursery is the tiny model, twice. */
static void stage_nursery(void) {
  const char *models = folder_of("data/models"), *tiny = testing_source("tests/golden/model/gpt2-tiny");
  const char *command = testing_format("mkdir -p '%s' && cp -r '%s' '%s/tiny' && cp -r '%s' '%s/tiny@step-3'", models,
                                       tiny, models, tiny, models);
  if (system(command) != 0) fail_msg("cannot copy the tiny model");
  const char *index =
      "{\"models\":[{\"name\":\"tiny\",\"summary\":\"very \\u001b[1m small\",\"architecture\":\"gpt2\",\"layers\":2,"
      "\"width\":24,\"heads\":3,\"vocabulary\":50,\"context\":64,\"parameters\":16000,\"step\":9,\"tokens\":90,"
      "\"checkpoints\":[3],\"checkpoint_nats\":{\"3\":3.75},\"held_out_nats\":2.5,\"unigram_nats\":3,"
      "\"baseline\":{\"name\":\"bigram\",\"nats\":2.75},\"licence\":\"CC0-1.0\"}]}";
  testing_write(testing_format("%s/index.json", models), index, strlen(index));
  setenv("DWELL_DATA", folder_of("data"), 1);
}

static void assert_says(const char *text, const char *words) {
  if (strstr(text, words) == NULL) fail_msg("\"%s\" is not in: %s", words, text);
}

static void the_nursery_is_listed_and_recorded(void **state) {
  (void)state;
  stage_nursery();
  program_result r = assert_done("list models");
  assert_says(r.out, "GPT-2 and look-alikes");
  assert_says(r.out, "nursery:tiny       2     24      0.02 M     0.0 M     2.500     2.750    3.000\n");
  assert_says(r.out, "very \\x1b[1m small");
  assert_says(r.out, "@step-3 3.750, step 9 2.500\n");
  assert_null(strchr(r.out, '\033'));
  program_free(&r);
  r = assert_done("list nursery --json");
  assert_int_equal(r.out[0], '[');
  assert_says(r.out, "\"name\": \"nursery:tiny\"");
  assert_says(r.out, "{\"name\": \"nursery:tiny@step-3\", \"step\": 3, \"held_out_nats\": 3.75}");
  assert_says(r.out, "\"baseline\": {\"name\": \"bigram\", \"nats\": 2.75}");
  program_free(&r);
  r = assert_done(testing_format("measure nursery:tiny@step-3 --ids 1,2,3 --nulls 0 -q -o '%s'", folder_of("tiny")));
  program_free(&r);
  char *manifest = testing_read(folder_of("tiny/run.json"), NULL), hex[SHA256_SIZE];
  assert_int_equal(sha256_file(testing_source("tests/golden/model/gpt2-tiny/model.safetensors"), hex, NULL), DWELL_OK);
  assert_says(manifest, "\"name\": \"nursery:tiny@step-3\"");
  assert_says(manifest, "\"revision\": \"step-3\"");
  assert_says(manifest, testing_format("{\"file\": \"%s\", \"sha256\": \"%s\"}",
                                       folder_of("data/models/tiny@step-3/model.safetensors"), hex));
  free(manifest);
  unsetenv("DWELL_DATA");
}

/* Types, lists short and long, shapes as torch gives them; the same as JSON. */
static void a_gguf_file_is_inspected(void **state) {
  (void)state;
  static const char *const lines[] = {"general.architecture                         llama\n",
                                      "number.uint64                                18446744073709551613\n",
                                      "number.float32                               1e-05\n",
                                      "number.float64                               -1e+300\n",
                                      "[\"<unk>\", \"\", \"\xE2\x96\x81the\", \"\xC3\xA9\", ...] (32 of type string)\n",
                                      "list.int                                     [1, -2, 3]\n",
                                      "Q4_K                                             Q4_K  [4, 512]\n"};
  static const char *const members[] = {
      "\"number.uint64\": 18446744073709551613", "\"list.text\": {\"type\": \"string\", \"count\": 32}",
      "\"list.bool\": [true, false, true]", "{\"name\": \"Q4_K\", \"dtype\": \"Q4_K\", \"shape\": [4, 512]}"};
  const char *path = testing_source("tests/golden/gguf/types.gguf");
  program_result r = assert_done(testing_format("inspect '%s'", path));
  for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
    if (strstr(r.out, lines[i]) == NULL) fail_msg("'%s' is not in\n%s", lines[i], r.out);
  }
  assert_non_null(strstr(r.words, "18 values, 16 tensors, 32768 numbers in"));
  assert_non_null(strstr(r.out, "\nnot measurable "));
  program_free(&r);
  r = assert_done(testing_format("inspect --json '%s'", path));
  for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
    if (strstr(r.out, members[i]) == NULL) fail_msg("'%s' is not in\n%s", members[i], r.out);
  }
  program_free(&r);
  r = assert_done(testing_format("inspect -n 4 '%s'", testing_source("tests/golden/model/llama-tiny-gguf/model.gguf")));
  assert_non_null(strstr(r.out, "architecture   llama\n"));
  assert_non_null(strstr(r.out, "\nmemory         at most "));
  assert_null(strstr(r.out, "not measurable"));
  program_free(&r);
}

/* Interrupts a long run by a signal that comes `times` times. False: to be tried again, the machine is so busy that
 * they may have come as two interrupts (cli/common.c). */
static bool interrupt(const char *out, int number, int times, bool group) {
  pid_t child = fork();
  if (child == 0) {
    setpgid(0, 0);
    execl(getenv("DWELL_PROGRAM"), "dwell", "simulate", "--n", "3000", "--d", "64", "--frames", "5000", "--until",
          "1e6", "-q", "-o", out, (char *)NULL);
    _exit(127);
  }
  int status;
  assert_true(child > 0);
  testing_wait_until_caught(child, number);
  nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL); /* to be at its work */
  double begin = clock_seconds();
  for (int i = 0; i < times; i++) {
    kill(child, number);
    if (group) kill(-child, number);
    nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL); /* the first one is taken, and the run not yet at its end */
  }
  assert_int_equal(waitpid(child, &status, 0), child);
  if (WIFSIGNALED(status) && clock_seconds() - begin > 0.25) return false;
  assert_true(WIFEXITED(status));
  assert_int_equal(WEXITSTATUS(status), DWELL_INTERRUPTED);
  assert_int_not_equal(access(out, F_OK), 0);
  return true;
}

/* timeout(1) signals its child and then the group; wrappers pass on what the terminal has sent to all. */
static void interrupted_leaves_nothing(void **state) {
  (void)state;
  bool once = false, often = false;
  for (int i = 0; i < 20 && !once; i++) once = interrupt(folder_of("interrupted"), SIGINT, 1, true);
  for (int i = 0; i < 20 && !often; i++) often = interrupt(folder_of("interrupted"), SIGTERM, 50, false);
  assert_true(once && often);
}

/* What --help calls the default is what the library takes. */
static void help_says_the_defaults(void **state) {
  (void)state;
  dwell_flow_options f = dwell_flow_options_default();
  dwell_measure_options m = dwell_measure_options_default();
  program_result r = assert_done("simulate --help");
  const char *said[] = {testing_format("(default %s)", f.flow),
                        testing_format("Particles (default %zu)", f.n),
                        testing_format("(default %zu)", f.d),
                        testing_format("Inverse temperature (default %g)", f.beta),
                        testing_format("%s (default)", f.init),
                        testing_format("Independent starts (default %zu)", f.replicas),
                        testing_format("Final time (default %g)", f.until),
                        testing_format("both ends counted (default %zu)", f.frames),
                        testing_format("%s (default)", dwell_integrator_name(f.integrator)),
                        testing_format("%g)", f.rtol),
                        testing_format("(default %zu; 0: none)", m.null_draws)};
  for (size_t i = 0; i < sizeof said / sizeof said[0]; i++) {
    if (strstr(r.out, said[i]) == NULL) fail_msg("simulate --help does not say \"%s\"", said[i]);
  }
  program_free(&r);
}

static void several_texts(void **state) {
  (void)state;
  const char *model = testing_trained("bert-minilm-l6", "bert-nursery");
  if (model == NULL) testing_skip_absent("models/bert-minilm-l6");
  const char *one = testing_write(folder_of("one.txt"), "A first short text.", 19);
  const char *lines = "{\"text\": \"A second text.\"}\n\n{\"text\": \"A third, \\u00e9 text.\", \"other\": 1}\n";
  const char *two = testing_write(folder_of("two.jsonl"), lines, strlen(lines));
  const char *out = folder_of("several");
  program_result r =
      assert_done(testing_format("measure '%s' -f '%s' -f '%s' -q --nulls 0 -o '%s'", model, one, two, out));
  program_free(&r);
  assert_int_equal(access(testing_format("%s/one/run.json", out), F_OK), 0);
  assert_int_equal(access(testing_format("%s/1/run.json", out), F_OK), 0);
  assert_int_equal(access(testing_format("%s/3/run.json", out), F_OK), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(threads_do_not_matter),
                                     cmocka_unit_test(real_models_do_not_depend_on_threads),
                                     cmocka_unit_test(the_rounding_of_states_is_told),
                                     cmocka_unit_test(the_bound_holds),
                                     cmocka_unit_test(heads_of_networks),
                                     cmocka_unit_test(output_is_for_scripts),
                                     cmocka_unit_test(the_nursery_is_listed_and_recorded),
                                     cmocka_unit_test(a_gguf_file_is_inspected),
                                     cmocka_unit_test(interrupted_leaves_nothing),
                                     cmocka_unit_test(kernels_fit_the_cpu),
                                     cmocka_unit_test(several_texts),
                                     cmocka_unit_test(help_says_the_defaults)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
