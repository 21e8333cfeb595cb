/* hub/pull.c - downloads a model into the local Hugging Face cache. */
#define _POSIX_C_SOURCE 200809L /* lstat */
#include "hub/pull.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/context.h"
#include "base/error.h"
#include "base/mem.h"
#include "file/safetensors.h"
#include "hub/cache.h"
#include "hub/hub.h"
#include "hub/identity.h"
#include "hub/nursery.h"
#include "hub/repo_ask.h"
#include "hub/settings.h"

#define CONFIG "config.json"

typedef struct chosen {
  repo_file *file;
  bool here; /* in the cache already, in the snapshot or as a blob */
} chosen;

typedef struct pull {
  const dwell_context *ctx;
  const pull_options *options;
  pull_result *result;
  hub_settings settings;
  http *session;
  cache_writer cache;
  repo_list list;
  chosen *chosen; /* [count] */
  size_t count, capacity;
  int64_t received, expected; /* bytes that came, and that are to come altogether */
} pull;

/* ---- names ---- */

static dwell_status not_a_hub_name(const char *name, const char *problem, const char *remedy, dwell_error *err) {
  error_set(err, DWELL_USAGE, "%s", problem);
  error_at_item(err, name);
  error_remedy(err, "%s", remedy);
  return DWELL_USAGE;
}

/* "org/name@rev" and the revision of the options into the result and into the cache's folder name. */
static dwell_status read_name(pull *p, strbuf *folder, dwell_error *err) {
  const char *name = p->options->name, *given = p->options->revision, *at = strchr(name, '@');
  char revision[CACHE_REVISION_SIZE];
  strbuf whole = {0};
  dwell_status status = DWELL_OK;
  if (strncmp(name, NURSERY_PREFIX, strlen(NURSERY_PREFIX)) == 0)
    return not_a_hub_name(name, "models of the nursery come with dwell", "Use the name as it is", err);
  if (at != NULL && given != NULL)
    return not_a_hub_name(name, "the revision is given twice", "Give either @REVISION or --revision", err);
  strbuf_puts(&whole, name);
  if (given != NULL) strbuf_printf(&whole, "@%s", given);
  if (whole.failed) TRY(error_no_memory(err, "a name"));
  TRY(cache_parse_name(whole.data, folder, revision, err));
  arena *storage = &p->result->storage;
  p->result->repository = arena_text(storage, name, at != NULL ? (size_t)(at - name) : strlen(name));
  p->result->revision = arena_text(storage, revision[0] ? revision : "main", strlen(revision[0] ? revision : "main"));
  TRY_ALLOC(p->result->repository, "a name");
  TRY_ALLOC(p->result->revision, "a name");
done:
  strbuf_free(&whole);
  return status;
}

static dwell_status open_session(pull *p, dwell_error *err) {
  dwell_status status = hub_settings_read(&p->settings, err);
  if (status != DWELL_OK) return status;
  if (p->settings.offline) {
    error_set(err, DWELL_USAGE,
              "offline mode is on (HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE), so nothing is downloaded");
    error_remedy(err, "Unset the variable to download");
    return DWELL_USAGE;
  }
  http_options options = {.endpoint = p->settings.endpoint,
                          .token = p->settings.token,
                          .certificates = p->settings.certificates,
                          .stall_seconds = p->settings.stall_seconds,
                          .pause_seconds = p->options->pause_seconds,
                          .ctx = p->ctx};
  return http_open(&options, &p->session, err);
}

/* ---- which files ---- */

static dwell_status choose(pull *p, repo_file *file, dwell_error *err) {
  for (size_t i = 0; i < p->count; i++) {
    if (p->chosen[i].file == file) return DWELL_OK;
  }
  chosen *longer = mem_room(p->chosen, p->count, &p->capacity, 16, sizeof *longer);
  if (longer == NULL) return error_no_memory(err, "the list of files");
  p->chosen = longer;
  p->chosen[p->count++] = (chosen){.file = file};
  return DWELL_OK;
}

/* DWELL_OK also if the repository does not have it; *opt_there says. */
static dwell_status choose_name(pull *p, const char *name, bool *opt_there, dwell_error *err) {
  repo_file *file = repo_list_find(&p->list, name);
  if (opt_there != NULL) *opt_there = file != NULL;
  return file != NULL ? choose(p, file, err) : DWELL_OK;
}

static dwell_status choose_named(pull *p, dwell_error *err) {
  for (size_t i = 0; i < p->options->file_count; i++) {
    const char *name = p->options->files[i];
    bool there;
    if (!repo_path(name, strlen(name)))
      return not_a_hub_name(name, "not a path of a file in a repository", "Give a path such as model.gguf", err);
    dwell_status status = choose_name(p, name, &there, err);
    if (status != DWELL_OK) return status;
    if (there) continue;
    error_set(err, DWELL_BAD_INPUT, "%s has no such file", p->result->repository);
    error_at_item(err, name);
    error_remedy(err, "Look at its list of files at %s/%s", p->settings.endpoint, p->result->repository);
    return DWELL_BAD_INPUT;
  }
  return DWELL_OK;
}

static bool is_listed(void *self, const char *name) { return repo_list_find(self, name) != NULL; }

static const char *first_ending(const repo_list *list, const char *end) {
  for (size_t i = 0; i < list->count; i++) {
    if (str_ends(list->files[i].path, end)) return list->files[i].path;
  }
  return NULL;
}

static dwell_status no_weights(const pull *p, dwell_error *err) {
  const char *name = p->result->repository, *gguf = first_ending(&p->list, ".gguf");
  repo_list list = p->list;
  const char *pickle = safetensors_pickle(is_listed, &list);
  if (gguf != NULL) {
    error_set(err, DWELL_UNSUPPORTED, "the repository has no %s, but files in GGUF", SAFETENSORS_SINGLE);
    error_remedy(err, "Name one of them: dwell pull %s --file %s", name, gguf);
  } else if (pickle != NULL) {
    error_set(err, DWELL_UNSUPPORTED, "the weights are a PyTorch pickle only (%s), which can run code when read",
              pickle);
    error_remedy(err,
                 "In Python: AutoModel.from_pretrained(\"%s\").save_pretrained(FOLDER, safe_serialization=True), and "
                 "the tokenizer likewise; then give FOLDER to dwell",
                 name);
  } else {
    error_set(err, DWELL_UNSUPPORTED, "the repository has neither %s nor %s", SAFETENSORS_SINGLE, SAFETENSORS_INDEX);
  }
  error_in_file(err, name);
  return DWELL_UNSUPPORTED;
}

static dwell_status choose_model(pull *p, dwell_error *err) {
  dwell_status status;
  bool config, single, index = false;
  TRY(choose_name(p, CONFIG, &config, err));
  TRY(choose_name(p, SAFETENSORS_SINGLE, &single, err));
  if (!single) TRY(choose_name(p, SAFETENSORS_INDEX, &index, err));
  if (!single && !index) return no_weights(p, err);
  if (!config) {
    error_set(err, DWELL_UNSUPPORTED, "the repository has no " CONFIG ", so nothing says how its weights are used");
    error_in_file(err, p->result->repository);
    return DWELL_UNSUPPORTED;
  }
  for (size_t i = 0; i < p->options->beside_count; i++) TRY(choose_name(p, p->options->beside[i], NULL, err));
done:
  return status;
}

/* ---- what is to be downloaded ---- */

/* Sizes and hashes that the list lacks are asked for; what is in the cache is looked at. */
static dwell_status plan(pull *p, size_t first, dwell_error *err) {
  dwell_status status = DWELL_OK;
  strbuf address = {0};
  int64_t missing = 0;
  for (size_t i = first; i < p->count; i++) {
    chosen *c = &p->chosen[i];
    char *place = NULL;
    struct stat info;
    address.length = 0;
    repo_address(&address, p->result->repository, p->list.commit, c->file->path);
    if (address.failed) TRY(error_no_memory(err, "an address"));
    if (c->file->size < 0 || c->file->hash[0] == '\0') TRY(repo_ask_file(p->session, address.data, c->file, err));
    int64_t present = p->options->again ? 0 : fetch_present(&p->cache, c->file);
    TRY(cache_snapshot_path(&p->cache, p->list.commit, c->file->path, &place, err));
    /* a plain file instead of a link: staged by hand, or where links cannot be made */
    c->here = !p->options->again && lstat(place, &info) == 0 && S_ISREG(info.st_mode) && fetch_is(place, c->file);
    mem_free(place);
    if (!c->here) missing += c->file->size - present;
  }
  p->expected += missing;
  TRY(cache_check_space(&p->cache, (uint64_t)missing, err));
done:
  strbuf_free(&address);
  return status;
}

/* A file that is begun anew is so much more to come. */
static void note_progress(void *self, int64_t bytes) {
  pull *p = self;
  if (bytes > 0) p->received += bytes;
  else p->expected -= bytes;
  if (p->expected > 0) context_progress(p->ctx, "download", (double)p->received / 1e6, (double)p->expected / 1e6);
}

static dwell_status fetch_from(pull *p, size_t first, bool *fetched, dwell_error *err) {
  dwell_status status = DWELL_OK;
  strbuf address = {0};
  for (size_t i = first; i < p->count; i++) {
    address.length = 0;
    repo_address(&address, p->result->repository, p->list.commit, p->chosen[i].file->path);
    if (address.failed) TRY(error_no_memory(err, "an address"));
    fetch_job job = {.session = p->session,
                     .cache = &p->cache,
                     .ctx = p->ctx,
                     .address = address.data,
                     .file = p->chosen[i].file,
                     .again = p->options->again,
                     .progress = note_progress,
                     .self = p};
    fetched[i] = false;
    if (!p->chosen[i].here) TRY(fetch_blob(&job, &fetched[i], err));
  }
done:
  strbuf_free(&address);
  return status;
}

/* The shards that a downloaded index names become chosen, too. */
static dwell_status choose_shards(pull *p, dwell_error *err) {
  dwell_status status = DWELL_OK;
  const char *const *names;
  size_t count = 0;
  char *path = NULL;
  const repo_file *index = repo_list_find(&p->list, SAFETENSORS_INDEX);
  bool placed = false;
  for (size_t i = 0; i < p->count; i++) placed = placed || (p->chosen[i].file == index && p->chosen[i].here);
  if (placed) TRY(cache_snapshot_path(&p->cache, p->list.commit, SAFETENSORS_INDEX, &path, err));
  else TRY(cache_blob_path(&p->cache, index->hash, &path, err));
  TRY(safetensors_index_shards(path, &p->list.storage, &names, &count, err));
  for (size_t i = 0; i < count; i++) {
    bool there;
    TRY(choose_name(p, names[i], &there, err));
    if (there) continue;
    error_set(err, DWELL_BAD_INPUT, "the index names this shard, and the repository does not have it");
    error_in_file(err, p->result->repository);
    TRY(error_at_item(err, names[i]));
  }
done:
  mem_free(path);
  return status;
}

/* ---- all together ---- */

static dwell_status note_file(pull *p, size_t i, bool fetched, dwell_error *err) {
  const repo_file *file = p->chosen[i].file;
  pull_file *out = &p->result->files[i];
  char *path;
  dwell_status status = cache_snapshot_path(&p->cache, p->list.commit, file->path, &path, err);
  if (status != DWELL_OK) return status;
  *out = (pull_file){.size = file->size, .check = fetch_check_of(file->hash), .fetched = fetched};
  out->name = arena_text(&p->result->storage, file->path, strlen(file->path));
  out->path = arena_text(&p->result->storage, path, strlen(path));
  mem_free(path);
  if (out->name == NULL || out->path == NULL) return error_no_memory(err, "a path");
  return identity_sha256(out->path, out->sha256, err);
}

/* Snapshot, then ref, then the result. */
static dwell_status place_all(pull *p, const bool *fetched, dwell_error *err) {
  pull_result *result = p->result;
  const char *commit = p->list.commit;
  dwell_status status = DWELL_OK;
  char *folder = NULL;
  for (size_t i = 0; i < p->count; i++) {
    if (p->chosen[i].here) continue;
    TRY(cache_place(&p->cache, commit, p->chosen[i].file->path, p->chosen[i].file->hash, true, err));
  }
  if (!str_equal(result->revision, commit)) TRY(cache_set_ref(&p->cache, result->revision, commit, err));
  memcpy(result->commit, commit, sizeof result->commit);
  TRY(cache_snapshot_path(&p->cache, commit, "", &folder, err));
  result->folder = arena_text(&result->storage, folder, strlen(folder) - 1);
  result->files = ARENA_NEW(&result->storage, pull_file, p->count);
  TRY_ALLOC(result->folder, "a path");
  TRY_ALLOC(result->files, "the list of files");
  result->count = p->count;
  for (size_t i = 0; i < p->count; i++) TRY(note_file(p, i, fetched[i], err));
done:
  mem_free(folder);
  return status;
}

static dwell_status run(pull *p, dwell_error *err) {
  dwell_status status = DWELL_OK;
  bool *fetched = NULL, named = p->options->file_count > 0;
  TRY(repo_ask(p->session, p->result->repository, p->result->revision, &p->list, err));
  TRY(named ? choose_named(p, err) : choose_model(p, err));
  fetched = MEM_ZERO(bool, p->list.count);
  TRY_ALLOC(fetched, "the list of files");
  TRY(plan(p, 0, err));
  TRY(fetch_from(p, 0, fetched, err));
  size_t first = p->count;
  if (!named && repo_list_find(&p->list, SAFETENSORS_SINGLE) == NULL) TRY(choose_shards(p, err));
  TRY(plan(p, first, err));
  TRY(fetch_from(p, first, fetched, err));
  TRY(place_all(p, fetched, err));
done:
  mem_free(fetched);
  return status;
}

dwell_status pull_model(const dwell_context *ctx, const pull_options *options, pull_result *ret_result,
                        dwell_error *err) {
  *ret_result = (pull_result){0};
  pull p = {.ctx = ctx, .options = options, .result = ret_result};
  strbuf folder = {0};
  dwell_status status;
  TRY(read_name(&p, &folder, err));
  TRY(open_session(&p, err));
  TRY(cache_writer_open(folder.data, &p.cache, err));
  TRY(run(&p, err));
done:
  http_close(p.session);
  cache_writer_close(&p.cache);
  repo_list_free(&p.list);
  hub_settings_free(&p.settings);
  mem_free(p.chosen);
  strbuf_free(&folder);
  return status;
}

void pull_result_free(pull_result *result) {
  arena_clear(&result->storage);
  *result = (pull_result){0};
}
