/* study/finish.c - tables, verdicts and the manifest of a study. */
#include "study/finish.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "base/version.h"
#include "file/jcursor.h"
#include "file/jwriter.h"
#include "study/verdicts.h"

enum { FORMAT = 1, PLAN_MOST = 1 << 24 };

/* In the order in which they are written. */
static const char *const file_names[] = {"plan.json", "numbers.csv", "verdicts.csv", "verdicts.json", "report.html"};
enum { FILE_NAMES = sizeof file_names / sizeof file_names[0] };

static const char *in_folder(char path[STUDY_PATH], const char *folder, const char *name) {
  snprintf(path, STUDY_PATH, "%s/%s", folder, name);
  return path;
}

static dwell_status write_text(const char *folder, const char *name, strbuf *text, dwell_error *err) {
  char path[STUDY_PATH];
  atomic_file_sweep(folder, name);
  dwell_status status = text->failed ? error_no_memory(err, name)
                                     : atomic_file_write(in_folder(path, folder, name), text->data, text->length, err);
  strbuf_free(text);
  return status;
}

dwell_status study_save_verdicts(const char *folder, const study_plan *p, const verdicts *v, const char *thresholds,
                                 dwell_error *err) {
  strbuf csv = {0}, json = {0};
  verdicts_csv(v, &csv);
  verdicts_json(v, p, thresholds, &json);
  dwell_status status = write_text(folder, "verdicts.csv", &csv, err);
  if (status == DWELL_OK) status = write_text(folder, "verdicts.json", &json, err);
  strbuf_free(&json);
  return status;
}

/* ---- the manifest ---- */

static dwell_status put_files(jwriter *w, const char *folder, dwell_error *err) {
  char path[STUDY_PATH], hex[SHA256_SIZE];
  jwriter_key(w, "files");
  jwriter_object(w);
  for (size_t k = 0; k < FILE_NAMES; k++) {
    if (access(in_folder(path, folder, file_names[k]), F_OK) != 0) continue;
    dwell_status status = sha256_file(path, hex, err);
    if (status != DWELL_OK) return status;
    jwriter_put_string(w, file_names[k], hex);
  }
  jwriter_close(w);
  return DWELL_OK;
}

/* No times, no threads, no names of machines: those are in the runs. The same study has the same bytes here. */
static dwell_status write_manifest(const char *folder, size_t units, size_t failed, dwell_error *err) {
  strbuf text = {0};
  jwriter w = jwriter_start(&text, 1);
  jwriter_object(&w);
  jwriter_put_int(&w, "format", FORMAT);
  jwriter_put_string(&w, "version", version_number()), jwriter_put_string(&w, "commit", version_commit());
  jwriter_put_int(&w, "units", (int64_t)units), jwriter_put_int(&w, "failed", (int64_t)failed);
  dwell_status status = put_files(&w, folder, err);
  jwriter_close(&w);
  strbuf_putc(&text, '\n');
  if (status == DWELL_OK) return write_text(folder, "study.json", &text, err);
  strbuf_free(&text);
  return status;
}

static dwell_status forget_manifest(const char *folder, dwell_error *err) {
  char path[STUDY_PATH];
  if (unlink(in_folder(path, folder, "study.json")) == 0 || errno == ENOENT) return DWELL_OK;
  return error_system(err, DWELL_FAILED, "replace", path);
}

/* ---- finishing ---- */

dwell_status study_finish(const char *folder, const study_plan *p, const study_units *u, study_page page, verdicts *ret,
                          dwell_error *err) {
  char path[STUDY_PATH];
  numbers n = {0};
  size_t missing, failed;
  const claim_thresholds t = claim_thresholds_default();
  dwell_status status = DWELL_OK;
  *ret = (verdicts){0};
  rmdir(in_folder(path, folder, "failed")); /* only if it is empty */
  TRY(study_gather(u, folder, &n, &missing, &failed, err));
  if (missing > 0) {
    status = error_set(err, DWELL_FAILED, "%zu of %zu units are not there", missing, u->count);
    error_in_file(err, folder);
    error_remedy(err, "Run the same study (all shards of it) to the end first");
    goto done;
  }
  TRY(study_decide(p, &n, &t, ret, err));
  TRY(forget_manifest(folder, err));
  atomic_file_sweep(folder, "numbers.csv");
  TRY(numbers_save(&n, in_folder(path, folder, "numbers.csv"), err));
  TRY(study_save_verdicts(folder, p, ret, NULL, err));
  if (page != NULL) TRY(page(p, &n, ret, in_folder(path, folder, "report.html"), err));
  TRY(write_manifest(folder, u->count, failed, err));
done:
  numbers_free(&n);
  return status;
}

dwell_status study_load(const char *folder, study_plan *ret_plan, numbers *ret_numbers, dwell_error *err) {
  char path[STUDY_PATH], *text = NULL;
  size_t size;
  dwell_status status = DWELL_OK;
  *ret_plan = (study_plan){0}, *ret_numbers = (numbers){0};
  if (strlen(folder) > 4000) return error_set(err, DWELL_USAGE, "the name of the folder is too long");
  if (access(in_folder(path, folder, "numbers.csv"), F_OK) != 0) {
    bool study = access(in_folder(path, folder, "plan.json"), F_OK) == 0;
    error_set(err, DWELL_BAD_INPUT, study ? "holds a study that is not finished" : "is not a study");
    error_in_file(err, folder);
    return error_remedy(err, study ? "Run it to the end, or --merge its shards" : "Name the -o of `dwell study`"),
           DWELL_BAD_INPUT;
  }
  TRY(file_slurp(in_folder(path, folder, "plan.json"), PLAN_MOST, &text, &size, err));
  TRY(study_plan_read(text, size, path, "", ret_plan, err));
  TRY(numbers_load(in_folder(path, folder, "numbers.csv"), ret_numbers, err));
done:
  mem_free(text);
  return status;
}
