/* run/folder.c - a run as a directory: saving, loading, and never losing anything.
 *
 * The manifest run.json is written last by rename, so a directory without it is an unfinished run. Only the file names
 * listed below are ever written or removed: no name from a file is trusted. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
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

static const char MANIFEST[] = "run.json", PAGE[] = "report.html", PROBE[] = "dwell";
/* Every file a run directory may hold beside its manifest. layers.csv is written first and removed last: a directory
 * that holds it, or a temporary file, is an unfinished run; one that holds others of these names may be somebody's. */
static const char *const file_names[] = {"layers.csv", "blocks.csv", "heads.csv",  "events.csv", "tokens.csv",
                                         "lens.csv",   "push.csv",   "starts.csv", "arrays.npz", PAGE};
enum { FILE_NAMES = sizeof file_names / sizeof file_names[0] };
/* What a simulation keeps to go on from (flow/restart.h): until the run is whole. */
static const char RESTART[] = "restart.npz", RESTART_STATES[] = "restart.states";

static const char *in_folder(char path[4400], const char *folder, const char *name) {
  snprintf(path, 4400, "%s/%s", folder, name);
  return path;
}

/* Index among the files of a run, or FILE_NAMES. */
static size_t find_name(const char *name) {
  size_t i = 0;
  while (i < FILE_NAMES && strcmp(file_names[i], name) != 0) i++;
  return i;
}

/* What an interrupted writer of a run leaves. */
static bool is_leftover(const char *name) {
  bool found = atomic_file_is_temporary(name, MANIFEST) || atomic_file_is_temporary(name, PROBE);
  found = found || strcmp(name, RESTART) == 0 || strcmp(name, RESTART_STATES) == 0;
  found = found || atomic_file_is_temporary(name, RESTART);
  for (size_t i = 0; i < FILE_NAMES; i++) found = found || atomic_file_is_temporary(name, file_names[i]);
  return found;
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
    if (status != DWELL_OK || c->problem != NULL || find_name(key.data) == FILE_NAMES) continue;
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

static dwell_status mark_listed(const char *folder, const char *name, const char *sha256, void *arg, dwell_error *err) {
  (void)folder, (void)sha256, (void)err;
  bool *listed = arg;
  listed[find_name(name)] = true;
  return DWELL_OK;
}

/* ---- may we write there? ---- */

/* Really makes (and removes) a folder there: access(2) knows neither read-only nor special file systems. */
static dwell_status probe(const char *folder, dwell_error *err) {
  char path[4400];
  snprintf(path, sizeof path, "%s/.%s.tmp-%ld", folder, PROBE, (long)getpid());
  if (mkdir(path, 0777) == 0 || errno == EEXIST) { /* EEXIST: of a process that died, or the name is taken */
    rmdir(path);
    return DWELL_OK;
  }
  error_system(err, DWELL_FAILED, "write to the folder", folder);
  error_remedy(err, "Choose another -o");
  return DWELL_FAILED;
}

static dwell_status refuse(dwell_error *err, const char *folder, const char *message, const char *remedy) {
  error_set(err, DWELL_USAGE, "%s", message);
  error_in_file(err, folder);
  error_remedy(err, "%s", remedy);
  return DWELL_USAGE;
}

/* The nearest folder above that exists must be writable. */
static dwell_status check_absent(const char *folder, dwell_error *err);

static dwell_status check_parent(const char *folder, dwell_error *err) {
  strbuf parent = {0};
  size_t length = strlen(folder);
  while (length > 1 && folder[length - 1] == '/') length--;
  while (length > 0 && folder[length - 1] != '/') length--;
  while (length > 1 && folder[length - 1] == '/') length--;
  strbuf_add(&parent, length > 0 ? folder : ".", length > 0 ? length : 1);
  dwell_status status = parent.failed ? error_no_memory(err, "a path") : DWELL_OK;
  if (status == DWELL_OK)
    status = access(parent.data, F_OK) == 0 ? probe(parent.data, err) : check_absent(parent.data, err);
  strbuf_free(&parent);
  return status;
}

/* A folder that does not exist: may it be made? */
static dwell_status check_absent(const char *folder, dwell_error *err) {
  struct stat info;
  if (lstat(folder, &info) == 0) return refuse(err, folder, "is a link to nothing", "Choose another -o");
  return check_parent(folder, err);
}

/* What is in a folder that is to become a run. */
typedef struct content {
  bool foreign, leftover, finished;
  bool has[FILE_NAMES], listed[FILE_NAMES];
} content;

static dwell_status read_folder(const char *folder, content *ret_content, dwell_error *err) {
  content c = {0};
  DIR *dir = opendir(folder);
  if (dir == NULL) return error_system(err, DWELL_FAILED, "read the folder", folder);
  for (struct dirent *e; (e = readdir(dir)) != NULL;) {
    if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
    size_t i = find_name(e->d_name);
    if (i < FILE_NAMES) c.has[i] = true;
    else if (strcmp(e->d_name, MANIFEST) == 0) c.finished = true;
    else if (is_leftover(e->d_name)) c.leftover = true;
    else c.foreign = true;
  }
  closedir(dir);
  *ret_content = c;
  return DWELL_OK;
}

/* A finished run may be replaced if all that would go is really its own. */
static dwell_status check_replaceable(const char *folder, content *c, dwell_error *err) {
  dwell_status status = read_manifest(folder, mark_listed, c->listed, NULL, NULL, err);
  if (status != DWELL_OK) {
    error_remedy(err, "Remove the folder yourself, or choose another -o");
    return status;
  }
  for (size_t i = 0; i < FILE_NAMES; i++) {
    char path[4400];
    struct stat info;
    if (!c->has[i] || lstat(in_folder(path, folder, file_names[i]), &info) != 0) continue;
    if (c->listed[i] && !S_ISDIR(info.st_mode)) continue;
    error_set(err, DWELL_USAGE, "holds %s, which is not what its run.json lists", file_names[i]);
    error_in_file(err, folder);
    return error_remedy(err, "Move it away, or choose another -o");
  }
  return DWELL_OK;
}

static dwell_status check_entries(const char *folder, bool force, dwell_error *err) {
  content c;
  dwell_status status = read_folder(folder, &c, err);
  if (status != DWELL_OK) return status;
  if (c.finished && !force) {
    return refuse(err, folder, "holds a finished run", "Choose another -o, or --force to replace it");
  }
  bool any = c.leftover;
  for (size_t i = 0; i < FILE_NAMES; i++) any = any || c.has[i];
  if (!c.finished && (c.foreign || (any && !c.has[0] && !c.leftover))) {
    return refuse(err, folder, "exists and is not a run directory", "Choose another -o");
  }
  if (c.finished) status = check_replaceable(folder, &c, err);
  return status == DWELL_OK ? probe(folder, err) : status;
}

dwell_status run_check_folder(const char *folder, bool force, dwell_error *err) {
  struct stat info;
  if (folder[0] == '\0') return refuse(err, NULL, "the name of the folder is empty", "Give one to -o");
  if (strlen(folder) > 4000) return refuse(err, folder, "is too long a name", "Give a shorter one to -o");
  if (stat(folder, &info) != 0) {
    if (errno == ENOENT) return check_absent(folder, err);
    return error_system(err, DWELL_FAILED, "look at", folder);
  }
  if (!S_ISDIR(info.st_mode)) return refuse(err, folder, "exists and is not a folder", "Choose another -o");
  return check_entries(folder, force, err);
}

/* ---- saving ---- */

dwell_status run_make_folder(const char *folder, dwell_error *err) {
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

static void sweep(const char *folder) {
  atomic_file_sweep(folder, MANIFEST);
  for (size_t i = 0; i < FILE_NAMES; i++) atomic_file_sweep(folder, file_names[i]);
}

/* Removes an unfinished run, or a finished one: then only what its manifest lists, the manifest first, so that a crash
 * half-way leaves an unfinished run, never a wrong one. */
static dwell_status clear_folder(const char *folder, dwell_error *err) {
  char path[4400];
  bool listed[FILE_NAMES] = {0};
  dwell_status status = DWELL_OK;
  in_folder(path, folder, MANIFEST);
  sweep(folder);
  bool finished = access(path, F_OK) == 0;
  if (finished) {
    TRY(read_manifest(folder, mark_listed, listed, NULL, NULL, err));
    if (unlink(path) != 0) {
      status = error_system(err, DWELL_FAILED, "remove the old", path);
      goto done;
    }
  }
  for (size_t i = FILE_NAMES; i-- > 0;) {
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

/* The text of run.json: the format, the files that are there with their hashes, then the body. */
static dwell_status make_manifest(dwell_run *run, const char *folder, dwell_error *err) {
  strbuf_free(&run->manifest);
  jwriter w = jwriter_start(&run->manifest, 1);
  jwriter_object(&w);
  jwriter_put_int(&w, "format", FORMAT);
  jwriter_key(&w, "files");
  dwell_status status = write_files(&w, folder, err);
  if (status != DWELL_OK) return status;
  if (run->costs.data != NULL) jwriter_members(&w, run->costs.data);
  if (run->manifest_body.data != NULL) jwriter_members(&w, run->manifest_body.data);
  jwriter_close(&w);
  strbuf_putc(&run->manifest, '\n');
  return run->manifest.failed ? error_no_memory(err, "the manifest") : DWELL_OK;
}

static dwell_status write_manifest(dwell_run *run, const char *folder, dwell_error *err) {
  char path[4400];
  dwell_status status = make_manifest(run, folder, err);
  if (status != DWELL_OK) return status;
  return atomic_file_write(in_folder(path, folder, MANIFEST), run->manifest.data, run->manifest.length, err);
}

static dwell_status note_costs(dwell_run *run, double write_seconds, dwell_error *err) {
  strbuf_free(&run->costs);
  jwriter w = jwriter_start_members(&run->costs, 1);
  write_costs(&w, run, write_seconds);
  return run->costs.failed ? error_no_memory(err, "the manifest") : DWELL_OK;
}

/* Two writers at once would mix their files. The lock goes with the process, however it ends; a file system that has no
 * locks is used without. Release with close. */
static dwell_status lock_folder(const char *folder, int *ret_lock, dwell_error *err) {
  *ret_lock = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (*ret_lock < 0) return error_system(err, DWELL_FAILED, "open the folder", folder);
  if (flock(*ret_lock, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return DWELL_OK;
  close(*ret_lock);
  *ret_lock = -1;
  error_set(err, DWELL_FAILED, "another dwell is writing there");
  error_in_file(err, folder);
  return error_remedy(err, "Wait for it, or choose another -o");
}

/* A failed save leaves no half run: what was written is removed, and the folder too if it was new. */
static void undo(const char *folder, bool was_there) {
  dwell_error ignored;
  clear_folder(folder, &ignored);
  if (!was_there) rmdir(folder);
}

/* The page shows the manifest, which then lists the page. */
static dwell_status add_page(dwell_run *run, const char *folder, dwell_error *err) {
  char path[4400];
  dwell_status status = make_manifest(run, folder, err);
  return status == DWELL_OK ? run->page(run, in_folder(path, folder, PAGE), err) : status;
}

/* *ret_page: what became of the page. A run without it is still a run. */
static dwell_status write_all(dwell_run *run, const char *folder, double started, dwell_status *ret_page,
                              dwell_error *err) {
  dwell_status status = DWELL_OK;
  TRY(clear_folder(folder, err));
  TRY(save_table(folder, "layers.csv", &run->layers, err));
  TRY(save_table(folder, "blocks.csv", &run->blocks, err));
  TRY(save_table(folder, "heads.csv", &run->heads, err));
  TRY(save_table(folder, "events.csv", &run->events, err));
  TRY(save_table(folder, "tokens.csv", &run->tokens, err));
  TRY(save_table(folder, "lens.csv", &run->lens, err));
  TRY(save_table(folder, "push.csv", &run->push, err));
  TRY(save_table(folder, "starts.csv", &run->starts, err));
  TRY(save_arrays(run, folder, err));
  TRY(note_costs(run, clock_seconds() - started, err));
  snprintf(run->folder, sizeof run->folder, "%s", folder);
  run->has_arrays_file = run->array_count > 0 || run->stream != NULL;
  *ret_page = run->page != NULL ? add_page(run, folder, err) : DWELL_OK;
  TRY(write_manifest(run, folder, err));
done:
  return status;
}

/* The run is whole: there is nothing to go on with. */
static void remove_restart(const char *folder) {
  char path[4400];
  atomic_file_sweep(folder, RESTART);
  unlink(in_folder(path, folder, RESTART)); /* first: without it the states mean nothing */
  unlink(in_folder(path, folder, RESTART_STATES));
}

dwell_status dwell_run_save(dwell_run *run, const char *folder, bool force, dwell_error *err) {
  double started = clock_seconds();
  bool was_there = access(folder, F_OK) == 0;
  int lock = -1;
  dwell_status page = DWELL_OK;
  dwell_status status = run_check_folder(folder, force, err);
  if (status == DWELL_OK) status = run_make_folder(folder, err);
  if (status == DWELL_OK) status = lock_folder(folder, &lock, err);
  if (status == DWELL_OK) status = run_check_folder(folder, force, err); /* again: another may just have finished */
  if (status == DWELL_OK) {
    status = write_all(run, folder, started, &page, err);
    if (status != DWELL_OK) undo(folder, was_there);
    else remove_restart(folder);
  }
  if (lock >= 0) close(lock);
  return status == DWELL_OK ? page : status;
}

dwell_status run_refresh_files(dwell_run *run, dwell_error *err) {
  int lock;
  dwell_status status = lock_folder(run->folder, &lock, err);
  if (status != DWELL_OK) return status;
  sweep(run->folder);
  status = write_manifest(run, run->folder, err);
  close(lock);
  return status;
}

/* ---- loading ---- */

static dwell_status check_hash(const char *folder, const char *name, const char *sha256, void *arg, dwell_error *err) {
  mark_listed(folder, name, sha256, arg, err);
  char path[4400], hex[SHA256_SIZE];
  dwell_status status = sha256_file(in_folder(path, folder, name), hex, err);
  if (status != DWELL_OK || strcmp(hex, sha256) == 0) return status;
  error_set(err, DWELL_BAD_INPUT, "is not the file that run.json lists (its SHA-256 differs)");
  error_in_file(err, path);
  error_remedy(err, "Make the run again, with --force");
  return DWELL_BAD_INPUT;
}

/* All members but "format" and "files", as they are written, in whatever order somebody's tool left them. */
static dwell_status split_body(dwell_run *run, dwell_error *err) {
  arena strings = {0};
  const char *text = run->manifest.data;
  jcursor c = jcursor_start(text, run->manifest.length, &strings);
  jcursor_object(&c);
  size_t before = c.at;
  for (jtext key; jcursor_key(&c, &key); before = c.at) {
    bool ours = jtext_is(key, "format") || jtext_is(key, "files");
    jcursor_skip(&c);
    size_t start = before + strcspn(text + before, "\""); /* of the key; with the white space before it */
    while (start > before && strchr(" \t\r\n", text[start - 1]) != NULL) start--;
    if (ours) continue;
    if (run->manifest_body.length > 0) strbuf_putc(&run->manifest_body, ',');
    strbuf_add(&run->manifest_body, text + start, c.at - start);
  }
  dwell_status status = jcursor_end(&c, NULL, err);
  arena_clear(&strings);
  return run->manifest_body.failed ? error_no_memory(err, "the manifest") : status;
}

/* Only what the manifest lists is the run's. */
static dwell_status load_table(const char *folder, const char *name, const bool *listed, table *ret_table,
                               dwell_error *err) {
  char path[4400];
  if (!listed[find_name(name)]) return DWELL_OK;
  in_folder(path, folder, name);
  return table_read(path, ret_table, err);
}

dwell_status dwell_run_load(const char *folder, dwell_run **ret_run, dwell_error *err) {
  char path[4400];
  bool listed[FILE_NAMES] = {0};
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
  TRY(read_manifest(folder, check_hash, listed, &run->manifest.data, &run->manifest.length, err));
  run->manifest.capacity = run->manifest.length + 1;
  TRY(split_body(run, err));
  snprintf(run->folder, sizeof run->folder, "%s", folder);
  TRY(load_table(folder, "layers.csv", listed, &run->layers, err));
  TRY(load_table(folder, "blocks.csv", listed, &run->blocks, err));
  TRY(load_table(folder, "heads.csv", listed, &run->heads, err));
  TRY(load_table(folder, "events.csv", listed, &run->events, err));
  TRY(load_table(folder, "tokens.csv", listed, &run->tokens, err));
  TRY(load_table(folder, "lens.csv", listed, &run->lens, err));
  TRY(load_table(folder, "push.csv", listed, &run->push, err));
  TRY(load_table(folder, "starts.csv", listed, &run->starts, err));
  run->has_arrays_file = listed[find_name("arrays.npz")];
  *ret_run = run, run = NULL;
done:
  dwell_run_destroy(run);
  return status;
}
