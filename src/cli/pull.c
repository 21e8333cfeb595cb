/* cli/pull.c - dwell pull: a model from a Hugging Face hub into its usual cache. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "file/jwriter.h"
#include "hub/pull.h"
#include "text/tokenizer.h"

enum { KEY_REVISION = 0x7000, KEY_FILE, KEY_FORCE, FILES_MOST = 64 };

typedef struct pull {
  cli *c;
  pull_options options;
  const char *files[FILES_MOST];
} pull;

static error_t parse(int key, char *arg, struct argp_state *state) {
  pull *p = state->input;
  switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = p->c; break;
    case ARGP_KEY_ARG:
      if (p->options.name != NULL) cli_usage(state, "one model at a time");
      p->options.name = arg;
      break;
    case KEY_REVISION: p->options.revision = arg; break;
    case KEY_FILE:
      if (p->options.file_count == FILES_MOST) cli_usage(state, "--file may be given %d times", FILES_MOST);
      p->files[p->options.file_count++] = arg;
      break;
    case KEY_FORCE: p->options.again = true; break;
    case ARGP_KEY_END:
      if (p->options.name == NULL) cli_usage(state, "name a model: NAME or ORG/NAME, with @REVISION if not main");
      break;
    default: return ARGP_ERR_UNKNOWN;
  }
  return 0;
}

static const struct argp_option options[] = {
    {"revision", KEY_REVISION, "REV", 0, "Branch, tag or commit, same as NAME@REV (default main)", 10},
    {"file", KEY_FILE, "PATH", 0, "Only this file of the repository, for example one in GGUF; may be repeated", 10},
    {"force", KEY_FORCE, NULL, 0, "Download again what is in the cache already", 10},
    {0}};
static const struct argp_child children[] = {{&cli_argp_words, 0, NULL, 0}, {0}};
static const char doc[] =
    "Download a model from a Hugging Face hub into the local cache, where every command finds it by its name.\v"
    "Takes only what dwell reads: config.json, safetensors weights, tokenizer files. What is there is not downloaded "
    "again, "
    "an interrupted download goes on where it ended, and each file is checked against the hub's hash. Prints the "
    "folder.\n"
    "Environment: HF_ENDPOINT, HF_TOKEN, HF_HOME, HF_HUB_CACHE, HF_HUB_OFFLINE; see dwell-pull(1).\n"
    "Examples:\n"
    "  dwell pull gpt2\n"
    "  dwell pull EleutherAI/pythia-70m@step1000\n"
    "  dwell pull org/name-GGUF --file name-Q4_K_M.gguf";

static const char *check_name(fetch_check check) {
  static const char *const names[] = {[FETCH_SIZE] = "size", [FETCH_GIT] = "git blob id", [FETCH_SHA256] = "sha256"};
  return names[check];
}

static void print_json(const pull_result *r) {
  strbuf out = {0};
  jwriter w = jwriter_start(&out, 1);
  jwriter_object(&w);
  jwriter_put_string(&w, "repository", r->repository);
  jwriter_put_string(&w, "revision", r->revision);
  jwriter_put_string(&w, "commit", r->commit);
  jwriter_put_string(&w, "folder", r->folder);
  jwriter_key(&w, "files");
  jwriter_array(&w);
  for (size_t i = 0; i < r->count; i++) {
    const pull_file *file = &r->files[i];
    jwriter_object(&w);
    jwriter_put_string(&w, "file", file->name);
    jwriter_put_int(&w, "size", file->size);
    jwriter_put_string(&w, "sha256", file->sha256);
    jwriter_put_string(&w, "path", file->path);
    jwriter_put_string(&w, "checked", check_name(file->check));
    jwriter_put_bool(&w, "downloaded", file->fetched);
    jwriter_close(&w);
  }
  jwriter_close(&w);
  jwriter_close(&w);
  puts(out.data);
  strbuf_free(&out);
}

static void say_what_was_done(const cli *c, const pull_result *r) {
  char all[24], came[24];
  uint64_t bytes = 0, fetched_bytes = 0;
  size_t fetched = 0;
  for (size_t i = 0; i < r->count; i++) {
    const pull_file *file = &r->files[i];
    bytes += (uint64_t)file->size;
    if (!file->fetched) continue;
    fetched++, fetched_bytes += (uint64_t)file->size;
    if (file->check == FETCH_SIZE) cli_say(c, "%s: the hub states no hash, so only its size was checked", file->name);
  }
  cli_say(c, "%s at %.12s: %zu file%s, %s; %zu downloaded (%s), %zu here already", r->repository, r->commit, r->count,
          r->count == 1 ? "" : "s", cli_bytes(bytes, all), fetched, cli_bytes(fetched_bytes, came), r->count - fetched);
}

/* The folder, or the files where single ones were asked for. */
static void print_paths(const pull *p, const pull_result *r) {
  if (p->options.file_count == 0) puts(r->folder);
  for (size_t i = 0; p->options.file_count > 0 && i < r->count; i++) puts(r->files[i].path);
}

int cmd_pull(int argc, char **argv, cli *c) {
  static const struct argp argp = {options, parse, "NAME[@REV]", doc, children, NULL, NULL};
  pull p = {.c = c, .options = {.pause_seconds = 1}};
  dwell_error err = {.offset = -1};
  pull_result result;
  argp_parse(&argp, argc, argv, 0, NULL, &p);
  p.options.files = p.files;
  p.options.beside = tokenizer_names(&p.options.beside_count);
  c->unit = " MB";
  dwell_status status = pull_model(&c->ctx, &p.options, &result, &err);
  cli_clear(c);
  if (status == DWELL_OK) {
    say_what_was_done(c, &result);
    if (c->json) print_json(&result);
    else print_paths(&p, &result);
  }
  pull_result_free(&result);
  return status == DWELL_OK ? DWELL_OK : cli_fail(c, argv[0], &err);
}
