/* run/folder.c - a run as a directory: saving, loading, and never losing anything.
 *
 * The manifest run.json is written last by rename, so a directory without it is an unfinished run. Only the file names
 * listed below are ever written or removed: no name from a file is trusted. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/atomic_file.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "file/jcursor.h"
#include "file/jwriter.h"
#include "run/run.h"

enum { FORMAT = 1, MANIFEST_MOST = 1 << 28 };

static const char MANIFEST[] = "run.json";
/* Every file a run directory may hold beside its manifest. */
static const char *const file_names[] = {"layers.csv", "blocks.csv", "heads.csv",
                                         "events.csv", "arrays.npz", "report.html"};
enum { FILE_NAMES = sizeof file_names / sizeof file_names[0] };

static const char *in_folder(char path[4400], const char *folder, const char *name) {
  snprintf(path, 4400, "%s/%s", folder, name);
  return path;
}

static bool is_ours(const char *name) {
  for (size_t i = 0; i < FILE_NAMES; i++) {
    if (strcmp(file_names[i], name) == 0) return true;
  }
  return strcmp(name, MANIFEST) == 0 || (name[0] == '.' && strstr(name, ".tmp-") != NULL);
}

/* ---- may we write there? ---- */

/* Really makes (and removes) a folder there: access(2) knows neither read-only nor special file systems. */
static dwell_status probe(const char *folder, dwell_error *err) {
  char path[4400];
  snprintf(path, sizeof path, "%s/.dwell.tmp-%ld", folder, (long)getpid());
  if (mkdir(path, 0777) == 0) {
    rmdir(path);
    return DWELL_OK;
  }
  error_system(err, DWELL_FAILED, "write to the folder", folder);
  error_remedy(err, "Choose another -o");
  return DWELL_FAILED;
}

/* The nearest folder above that exists must be writable. */
static dwell_status check_parent(const char *folder, dwell_error *err) {
  strbuf parent = {0};
  size_t length = strlen(folder);
  while (length > 1 && folder[length - 1] == '/') length--;
  while (length > 0 && folder[length - 1] != '/') length--;
  while (length > 1 && folder[length - 1] == '/') length--;
  strbuf_add(&parent, length > 0 ? folder : ".", length > 0 ? length : 1);
  dwell_status status = parent.failed ? error_no_memory(err, "a path") : DWELL_OK;
  if (status == DWELL_OK)
    status = access(parent.data, F_OK) == 0 ? probe(parent.data, err) : check_parent(parent.data, err);
  strbuf_free(&parent);
  return status;
}

static dwell_status refuse(dwell_error *err, const char *folder, const char *message, const char *remedy) {
  error_set(err, DWELL_USAGE, "%s", message);
  error_in_file(err, folder);
  error_remedy(err, "%s", remedy);
  return DWELL_USAGE;
}

static dwell_status check_entries(const char *folder, bool force, dwell_error *err) {
  DIR *dir = opendir(folder);
  if (dir == NULL) return error_system(err, DWELL_FAILED, "read the folder", folder);
  bool foreign = false, finished = false;
  for (struct dirent *e; (e = readdir(dir)) != NULL;) {
    if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
    foreign = foreign || !is_ours(e->d_name);
    finished = finished || strcmp(e->d_name, MANIFEST) == 0;
  }
  closedir(dir);
  if (finished && !force) {
    return refuse(err, folder, "holds a finished run", "Choose another -o, or --force to replace it");
  }
  if (!finished && foreign) {
    return refuse(err, folder, "exists and is not a run directory", "Choose another -o");
  }
  return probe(folder, err);
}

dwell_status run_check_folder(const char *folder, bool force, dwell_error *err) {
  struct stat info;
  if (folder[0] == '\0' || strlen(folder) > 4000) {
    return refuse(err, folder, "is not a usable folder name", "Give a shorter name to -o");
  }
  if (stat(folder, &info) != 0) {
    if (errno == ENOENT) return check_parent(folder, err);
    return error_system(err, DWELL_FAILED, "look at", folder);
  }
  if (!S_ISDIR(info.st_mode)) return refuse(err, folder, "exists and is not a folder", "Choose another -o");
  return check_entries(folder, force, err);
}

/* ---- the manifest's list of files ---- */

/* Calls `visit` for every file that the manifest lists and that is one of ours; false stops. */
typedef dwell_status (*visit_file)(const char *folder, const char *name, const char *sha256, void *arg,
                                   dwell_error *err);

static dwell_status read_files(jcursor *c, const char *folder, visit_file visit, void *arg, dwell_error *err) {
  dwell_status status = DWELL_OK;
  jcursor_object(c);
  for (jtext key; jcursor_key(c, &key);) {
    jtext hash = jcursor_string(c);
    if (status != DWELL_OK || c->problem != NULL || !is_ours(key.data) || jtext_is(key, MANIFEST)) continue;
    status = visit(folder, key.data, hash.data, arg, err);
  }
  return status;
}

static dwell_status read_manifest(const char *folder, visit_file visit, void *arg, char **opt_text, size_t *opt_size,
                                  dwell_error *err) {
  char path[4400], *data = NULL;
  size_t size;
  arena strings = {0};
  int64_t format = 0;
  dwell_status status = DWELL_OK, visited = DWELL_OK;
  TRY(file_slurp(in_folder(path, folder, MANIFEST), MANIFEST_MOST, &data, &size, err));
  jcursor c = jcursor_start(data, size, &strings);
  jcursor_object(&c);
  for (jtext key; jcursor_key(&c, &key);) {
    if (jtext_is(key, "format")) format = jcursor_int(&c, 0, INT32_MAX);
    else if (jtext_is(key, "files")) visited = read_files(&c, folder, visit, arg, err);
    else jcursor_skip(&c);
  }
  if (visited != DWELL_OK) {
    status = visited;
    goto done;
  }
  TRY(jcursor_end(&c, path, err));
  if (format != FORMAT) {
    status = error_set(err, DWELL_BAD_INPUT, "is not a dwell run, or of a newer format (%lld)", (long long)format);
    error_in_file(err, path);
    error_remedy(err, "This dwell reads format %d", (int)FORMAT);
    goto done;
  }
  if (opt_text != NULL) *opt_text = data, *opt_size = size, data = NULL;
done:
  arena_clear(&strings);
  mem_free(data);
  return status;
}

/* ---- saving ---- */

static dwell_status make_folder(const char *folder, dwell_error *err) {
  char path[4400];
  snprintf(path, sizeof path, "%s", folder);
  for (char *p = path + 1; *p != '\0'; p++) {
    if (*p != '/') continue;
    *p = '\0';
    mkdir(path, 0777); /* an existing parent is fine; a real failure shows at the last one */
    *p = '/';
  }
  if (mkdir(path, 0777) != 0 && errno != EEXIST) return error_system(err, DWELL_FAILED, "make the folder", folder);
  return DWELL_OK;
}

static dwell_status mark_listed(const char *folder, const char *name, const char *sha256, void *arg, dwell_error *err) {
  (void)folder, (void)sha256, (void)err;
  char *listed = arg;
  for (size_t i = 0; i < FILE_NAMES; i++) listed[i] = (char)(listed[i] || strcmp(file_names[i], name) == 0);
  return DWELL_OK;
}

/* Removes an unfinished run, or a finished one: then only what its manifest lists, the manifest first, so that a crash
 * half-way leaves an unfinished run, never a wrong one. */
static dwell_status clear_folder(const char *folder, dwell_error *err) {
  char path[4400], listed[FILE_NAMES] = {0};
  dwell_status status = DWELL_OK;
  in_folder(path, folder, MANIFEST);
  atomic_file_sweep(folder);
  bool finished = access(path, F_OK) == 0;
  if (finished) {
    TRY(read_manifest(folder, mark_listed, listed, NULL, NULL, err));
    if (unlink(path) != 0) {
      status = error_system(err, DWELL_FAILED, "remove the old", path);
      goto done;
    }
  }
  for (size_t i = 0; i < FILE_NAMES; i++) {
    if (finished && !listed[i]) continue;
    if (unlink(in_folder(path, folder, file_names[i])) != 0 && errno != ENOENT) {
      status = error_system(err, DWELL_FAILED, "remove the old", path);
    }
  }
done:
  return status;
}

static dwell_status save_table(const char *folder, const char *name, const table *t, dwell_error *err) {
  if (t->columns == 0) return DWELL_OK;
  char path[4400];
  strbuf text = {0};
  table_write(t, &text);
  dwell_status status = text.failed ? error_no_memory(err, name)
                                    : atomic_file_write(in_folder(path, folder, name), text.data, text.length, err);
  strbuf_free(&text);
  return status;
}

static dwell_status save_arrays(dwell_run *run, const char *folder, dwell_error *err) {
  if (run->array_count == 0 && run->stream == NULL) return DWELL_OK;
  char path[4400];
  npz_writer *w = NULL;
  dwell_status status = DWELL_OK;
  TRY(npz_writer_open(in_folder(path, folder, "arrays.npz"), &w, err));
  for (size_t i = 0; i < run->array_count; i++) {
    const run_array *a = &run->arrays[i];
    TRY(npz_writer_add(w, a->name, a->type, a->item_size, a->rank, a->shape, a->data, err));
  }
  if (run->stream != NULL) TRY(run->stream(run->stream_self, w, err));
  status = npz_writer_commit(w, err);
  w = NULL;
done:
  npz_writer_abort(w);
  return status;
}

/* The object {name: sha256} of the files that are there. */
static dwell_status write_files(jwriter *w, const char *folder, dwell_error *err) {
  jwriter_object(w);
  for (size_t i = 0; i < FILE_NAMES; i++) {
    char path[4400], hex[SHA256_SIZE];
    if (access(in_folder(path, folder, file_names[i]), F_OK) != 0) continue;
    dwell_status status = sha256_file(path, hex, err);
    if (status != DWELL_OK) return status;
    jwriter_put_string(w, file_names[i], hex);
  }
  jwriter_close(w);
  return DWELL_OK;
}

static void write_costs(jwriter *w, const dwell_run *run, double write_seconds) {
  const run_seconds *s = &run->seconds;
  jwriter_key(w, "seconds");
  jwriter_flat_object(w);
  jwriter_put_double(w, "load", s->load);
  jwriter_put_double(w, run->source_stage, s->source);
  jwriter_put_double(w, "instruments", s->instruments);
  jwriter_put_double(w, "nulls", s->nulls);
  jwriter_put_double(w, "write", write_seconds);
  jwriter_put_double(w, "total", clock_seconds() - s->started);
  jwriter_close(w);
  jwriter_put_int(w, "peak_bytes", (int64_t)clock_peak_bytes());
}

/* Writes run.json: the format, the files that are there with their hashes, then the body. */
static dwell_status write_manifest(dwell_run *run, const char *folder, dwell_error *err) {
  char path[4400];
  strbuf_free(&run->manifest);
  jwriter w = jwriter_start(&run->manifest, 1);
  jwriter_object(&w);
  jwriter_put_int(&w, "format", FORMAT);
  jwriter_key(&w, "files");
  dwell_status status = write_files(&w, folder, err);
  if (status != DWELL_OK) return status;
  jwriter_members(&w, run->manifest_body.data != NULL ? run->manifest_body.data : "");
  jwriter_close(&w);
  strbuf_putc(&run->manifest, '\n');
  if (run->manifest.failed) return error_no_memory(err, "the manifest");
  return atomic_file_write(in_folder(path, folder, MANIFEST), run->manifest.data, run->manifest.length, err);
}

static dwell_status add_costs(dwell_run *run, double write_seconds, dwell_error *err) {
  strbuf body = {0};
  jwriter w = jwriter_start_members(&body, 1);
  write_costs(&w, run, write_seconds);
  if (run->manifest_body.data != NULL) jwriter_members(&w, run->manifest_body.data);
  strbuf_free(&run->manifest_body);
  run->manifest_body = body;
  return body.failed ? error_no_memory(err, "the manifest") : DWELL_OK;
}

/* A failed save leaves no half run: what was written is removed, and the folder too if it was new. */
static void undo(const char *folder, bool was_there) {
  dwell_error ignored;
  clear_folder(folder, &ignored);
  if (!was_there) rmdir(folder);
}

dwell_status dwell_run_save(dwell_run *run, const char *folder, bool force, dwell_error *err) {
  double started = clock_seconds();
  bool was_there = access(folder, F_OK) == 0;
  dwell_status status = run_check_folder(folder, force, err);
  if (status != DWELL_OK) return status;
  status = make_folder(folder, err);
  if (status != DWELL_OK) return status;
  TRY(clear_folder(folder, err));
  TRY(save_table(folder, "layers.csv", &run->layers, err));
  TRY(save_table(folder, "blocks.csv", &run->blocks, err));
  TRY(save_table(folder, "heads.csv", &run->heads, err));
  TRY(save_table(folder, "events.csv", &run->events, err));
  TRY(save_arrays(run, folder, err));
  TRY(add_costs(run, clock_seconds() - started, err));
  TRY(write_manifest(run, folder, err));
  snprintf(run->folder, sizeof run->folder, "%s", folder);
done:
  if (status != DWELL_OK) undo(folder, was_there);
  return status;
}

dwell_status run_refresh_files(dwell_run *run, dwell_error *err) { return write_manifest(run, run->folder, err); }

/* ---- loading ---- */

static dwell_status check_hash(const char *folder, const char *name, const char *sha256, void *arg, dwell_error *err) {
  (void)arg;
  char path[4400], hex[SHA256_SIZE];
  dwell_status status = sha256_file(in_folder(path, folder, name), hex, err);
  if (status != DWELL_OK || strcmp(hex, sha256) == 0) return status;
  error_set(err, DWELL_BAD_INPUT, "is not the file that run.json lists (its SHA-256 differs)");
  error_in_file(err, path);
  error_remedy(err, "Make the run again, with --force");
  return DWELL_BAD_INPUT;
}

/* The members after "files": our manifests put the format and the files first. */
static dwell_status split_body(dwell_run *run, dwell_error *err) {
  arena strings = {0};
  size_t end = 0;
  jcursor c = jcursor_start(run->manifest.data, run->manifest.length, &strings);
  jcursor_object(&c);
  for (jtext key; end == 0 && jcursor_key(&c, &key);) {
    bool files = jtext_is(key, "files");
    jcursor_skip(&c);
    if (files) end = c.at;
  }
  arena_clear(&strings);
  const char *comma = memchr(run->manifest.data + end, ',', run->manifest.length - end);
  const char *brace = strrchr(run->manifest.data, '}');
  if (comma != NULL && comma + 1 < brace) {
    strbuf_add(&run->manifest_body, comma + 1, (size_t)(brace - comma - 1));
    while (run->manifest_body.length > 0 && run->manifest_body.data[run->manifest_body.length - 1] == '\n') {
      run->manifest_body.data[--run->manifest_body.length] = '\0';
    }
  }
  return run->manifest_body.failed ? error_no_memory(err, "the manifest") : DWELL_OK;
}

static dwell_status load_table(const char *folder, const char *name, table *ret_table, dwell_error *err) {
  char path[4400];
  if (access(in_folder(path, folder, name), F_OK) != 0) return DWELL_OK;
  return table_read(path, ret_table, err);
}

dwell_status dwell_run_load(const char *folder, dwell_run **ret_run, dwell_error *err) {
  char path[4400];
  dwell_run *run = NULL;
  dwell_status status = DWELL_OK;
  *ret_run = NULL;
  if (strlen(folder) > 4000) return refuse(err, folder, "is too long a name", "Give a shorter one");
  if (access(in_folder(path, folder, MANIFEST), F_OK) != 0) {
    bool there = access(folder, F_OK) == 0;
    error_set(err, DWELL_BAD_INPUT, there ? "holds no finished run (no run.json)" : "does not exist");
    error_in_file(err, folder);
    return DWELL_BAD_INPUT;
  }
  TRY(run_create(&run, err));
  TRY(read_manifest(folder, check_hash, NULL, &run->manifest.data, &run->manifest.length, err));
  run->manifest.capacity = run->manifest.length + 1;
  TRY(split_body(run, err));
  snprintf(run->folder, sizeof run->folder, "%s", folder);
  TRY(load_table(folder, "layers.csv", &run->layers, err));
  TRY(load_table(folder, "blocks.csv", &run->blocks, err));
  TRY(load_table(folder, "heads.csv", &run->heads, err));
  TRY(load_table(folder, "events.csv", &run->events, err));
  *ret_run = run, run = NULL;
done:
  dwell_run_destroy(run);
  return status;
}
