/* study/work.c - measuring units, one after the other. */
#define _GNU_SOURCE
#include "study/work.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/atomic_file.h"
#include "base/clock.h"
#include "base/context.h"
#include "base/error.h"
#include "base/mem.h"
#include "file/jcursor.h"
#include "measure/before.h"
#include "run/run.h"
#include "study/flow_unit.h"

enum { PLAN_MOST = 1 << 24 };

static const char *in_study(char path[STUDY_PATH], const char *folder, const char *below, const char *name,
                            const char *end) {
  snprintf(path, STUDY_PATH, "%.4000s/%s%.200s%s", folder, below, name, end);
  return path;
}

/* ---- the folder ---- */

static dwell_status make_folder(const char *path, dwell_error *err) {
  if (mkdir(path, 0777) == 0 || errno == EEXIST) return DWELL_OK;
  return error_system(err, DWELL_FAILED, "make the folder", path);
}

/* A folder that is there must be a study, or empty. */
static dwell_status check_folder(const char *folder, dwell_error *err) {
  char path[STUDY_PATH];
  if (strlen(folder) > 4000 || folder[0] == '\0') return error_set(err, DWELL_USAGE, "-o needs the name of a folder");
  if (access(in_study(path, folder, "", "plan.json", ""), F_OK) == 0 || access(folder, F_OK) != 0) return DWELL_OK;
  snprintf(path, sizeof path, "%s", folder);
  atomic_file_sweep(folder, "plan.json"); /* of a process that was killed before its plan was there */
  if (rmdir(path) == 0) return DWELL_OK;  /* it was empty */
  if (errno != ENOTEMPTY && errno != EEXIST && errno != ENOTDIR)
    return error_system(err, DWELL_FAILED, "write to the folder", folder);
  error_set(err, DWELL_USAGE, "exists and is not a study (it has no plan.json)");
  error_in_file(err, folder);
  return error_remedy(err, "Choose another -o"), DWELL_USAGE;
}

static dwell_status keep_plan(const char *folder, const char *plan, size_t size, bool force, dwell_error *err) {
  char path[STUDY_PATH], *was = NULL;
  size_t was_size;
  in_study(path, folder, "", "plan.json", "");
  if (access(path, F_OK) == 0) {
    dwell_status status = file_slurp(path, PLAN_MOST, &was, &was_size, err);
    bool same = status == DWELL_OK && was_size == size && memcmp(was, plan, size) == 0;
    mem_free(was);
    if (status != DWELL_OK || same) return status;
    if (!force) {
      error_set(err, DWELL_USAGE, "holds a study of another plan");
      error_in_file(err, folder);
      return error_remedy(err, "Choose another -o; --force keeps the units that both have"), DWELL_USAGE;
    }
  }
  return atomic_file_write(path, plan, size, err);
}

static dwell_status make_parents(const char *folder, dwell_error *err) {
  char path[STUDY_PATH];
  snprintf(path, sizeof path, "%s", folder);
  for (char *p = path + 1; *p != '\0'; p++) {
    if (*p != '/') continue;
    *p = '\0';
    mkdir(path, 0777); /* one that exists is fine; a real failure shows at the last one */
    *p = '/';
  }
  return make_folder(folder, err);
}

static dwell_status begin_once(const char *folder, const char *plan, size_t size, bool force, dwell_error *err) {
  dwell_status status = check_folder(folder, err);
  if (status == DWELL_OK) status = make_parents(folder, err);
  return status == DWELL_OK ? keep_plan(folder, plan, size, force, err) : status;
}

/* Shards that begin at the same moment may take the empty folder, or the plan's temporary file, from each other: who
 * fails looks again a little later, when one of them has its plan there. */
dwell_status study_begin(const char *folder, const char *plan, size_t size, bool force, dwell_error *err) {
  enum { TIMES = 5 };
  const struct timespec little = {0, 20000000};
  char path[STUDY_PATH];
  dwell_status status = begin_once(folder, plan, size, force, err);
  for (int k = 1; k < TIMES && (status == DWELL_FAILED || status == DWELL_USAGE); k++) {
    nanosleep(&little, NULL);
    status = begin_once(folder, plan, size, force, err);
  }
  return status == DWELL_OK ? make_folder(in_study(path, folder, "", "runs", ""), err) : status;
}

/* Two at the same units would do the work twice. The lock goes with the process, however it ends. */
static dwell_status lock_shard(const study_work *w, int *ret_lock, dwell_error *err) {
  char path[STUDY_PATH];
  snprintf(path, sizeof path, "%s/.shard-%zu-of-%zu.lock", w->folder, w->shard, w->shards);
  *ret_lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (*ret_lock < 0) return error_system(err, DWELL_FAILED, "write", path);
  if (flock(*ret_lock, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return DWELL_OK;
  error_set(err, DWELL_FAILED, "another dwell is at work on shard %zu of %zu of this study", w->shard, w->shards);
  error_in_file(err, w->folder);
  return error_remedy(err, "Wait for it, or take another --shard"), DWELL_FAILED;
}

/* ---- one unit ---- */

/* What the claims need. The heads' own temperature gives the energy its beta. */
const char study_needed_instruments[] = "cluster,motion,ip,cka,alignment,temperature,energy,components";

/* The columns of those that the claims read. Nulls of others would be drawn for nobody: half of a control's time. */
#define READ_COLUMNS "cluster_T_types,motion,ip_mean,cka,align_types_p,temperature,energy,components"
const char study_read_columns[] = READ_COLUMNS;
const char study_read_columns_of_trained[] = READ_COLUMNS ",cluster_T_ln_types,cluster_T_robust_types";

dwell_measure_options study_unit_options(const study_plan *p, const study_text *t, const study_unit *unit) {
  dwell_measure_options o = dwell_measure_options_default();
  bool trained = unit->variant == VARIANT_TRAINED;
  o.instruments = trained ? study_needed_instruments : study_read_columns;
  o.null_draws = (size_t)(trained ? p->nulls : p->control_nulls);
  if (trained) o.robust = o.normed = true;
  if (trained && p->instruments != NULL) o.instruments = str_equal(p->instruments, "all") ? NULL : p->instruments;
  bool speed = unit->variant == VARIANT_SCALED || unit->variant == VARIANT_ROTATED || str_equal(t->kind, "control");
  if (speed) o.instruments = "ip", o.null_draws = 0, o.robust = o.normed = false;
  return o;
}

static dwell_model_options model_options_of(const study_plan *p, const study_units *u, const study_unit *unit) {
  dwell_model_options o = dwell_model_options_default();
  uint64_t seed = (uint64_t)p->seed + unit->number;
  o.iterations = u->subjects[unit->subject].iterations, o.max_tokens = u->texts[unit->text].cut;
  switch (unit->variant) {
    case VARIANT_RANDOM: o.random_weights = true, o.random_seed = seed; break;
    case VARIANT_SHUFFLED: o.shuffle = true, o.shuffle_seed = seed; break;
    case VARIANT_SCALED: o.intervention.scale_wo = unit->scale; break;
    case VARIANT_ROTATED: o.intervention.rotate_wo = true, o.intervention.rotate_seed = seed; break;
    default: break;
  }
  return o;
}

dwell_status study_open_unit(const study_plan *p, const study_units *u, const study_unit *unit, dwell_model *model,
                             dwell_measure_options *ret_options, dwell_source **ret_source, dwell_error *err) {
  const study_text *t = &u->texts[unit->text];
  dwell_model_options o = model_options_of(p, u, unit);
  *ret_source = NULL;
  *ret_options = study_unit_options(p, t, unit);
  if (t->error != NULL) {
    *err = *t->error;
    return err->status;
  }
  if (t->data == NULL) return dwell_model_open_ids(model, t->ids, t->count, &o, ret_source, err);
  return dwell_model_open_text(model, t->data, t->length, &o, ret_source, err);
}

/* Is the unit's run there, whole, and of this source with these options? */
static dwell_status was_measured(const study_work *w, const char *folder, dwell_source *source,
                                 const dwell_measure_options *o, bool *ret_there, dwell_error *err) {
  char path[STUDY_PATH];
  dwell_run *run = NULL;
  dwell_status status = DWELL_OK;
  *ret_there = false;
  if (access(in_study(path, folder, "", "run.json", ""), F_OK) != 0) return DWELL_OK;
  status = dwell_run_load(folder, &run, err);
  if (status == DWELL_OK) status = measured_before(w->ctx, source, o, run, ret_there, err);
  if (status == DWELL_OK && !*ret_there) {
    status = error_set(err, DWELL_BAD_INPUT, "is a run of another text, model, version of dwell or options");
    error_in_file(err, folder);
    error_remedy(err, "--force measures it again");
  }
  dwell_run_destroy(run);
  if (status == DWELL_BAD_INPUT && w->force) status = DWELL_OK, *ret_there = false;
  return status;
}

/* *ret_fatal: the failure is of the folder, not of this unit. */
static dwell_status measure_unit(const study_work *w, const study_unit *unit, dwell_model *model, bool *ret_there,
                                 bool *ret_fatal, dwell_error *err) {
  char folder[STUDY_PATH];
  dwell_source *source = NULL;
  dwell_run *run = NULL;
  dwell_measure_options o;
  dwell_status status = DWELL_OK;
  in_study(folder, w->folder, "runs/", unit->name, "");
  *ret_fatal = *ret_there = false;
  TRY(study_open_unit(w->plan, w->units, unit, model, &o, &source, err));
  o.command = w->program;
  TRY(was_measured(w, folder, source, &o, ret_there, err));
  if (*ret_there) goto done;
  TRY(dwell_measure(w->ctx, source, &o, &run, err));
  *ret_fatal = true;
  TRY(dwell_run_save(run, folder, w->force, err));
  *ret_fatal = false;
done:
  dwell_run_destroy(run);
  dwell_source_destroy(source);
  return status;
}

static dwell_status measure_starts(const study_work *w, const study_unit *unit, bool *ret_there, bool *ret_fatal,
                                   dwell_error *err) {
  char folder[STUDY_PATH];
  dwell_status status = DWELL_OK;
  dwell_run *run = NULL;
  in_study(folder, w->folder, "runs/", unit->name, "");
  *ret_fatal = *ret_there = false;
  TRY(flow_unit_before(w->ctx, w->plan, w->units, unit, folder, ret_there, err));
  if (*ret_there) goto done;
  TRY(flow_unit_measure(w->ctx, w->plan, w->units, unit, w->program, &run, err));
  *ret_fatal = true;
  TRY(dwell_run_save(run, folder, w->force, err));
  *ret_fatal = false;
done:
  if (status == DWELL_BAD_INPUT && w->force && run == NULL && !*ret_there) {
    status = flow_unit_measure(w->ctx, w->plan, w->units, unit, w->program, &run, err);
    if (status == DWELL_OK) status = dwell_run_save(run, folder, true, err);
  }
  dwell_run_destroy(run);
  return status;
}

/* ---- failures ---- */

static dwell_status note_failure(const study_work *w, const char *name, const dwell_error *failure, dwell_error *err) {
  char path[STUDY_PATH], line[1600];
  dwell_status status = make_folder(in_study(path, w->folder, "", "failed", ""), err);
  if (status != DWELL_OK) return status;
  dwell_error_text(failure, line, sizeof line - 1);
  strcat(line, "\n");
  return atomic_file_write(in_study(path, w->folder, "failed/", name, ".txt"), line, strlen(line), err);
}

static void forget_failure(const study_work *w, const char *name) {
  char path[STUDY_PATH];
  unlink(in_study(path, w->folder, "failed/", name, ".txt"));
}

/* ---- all of them ---- */

/* One model after the other: `open` is that of `subject`. */
typedef struct bench {
  size_t subject;
  dwell_model *model;
  bool failed;
} bench;

/* Puts all blocks into memory if they take at most a quarter of what there is: the checkpoint's, or those of one random
 * network, whose texts follow each other. */
static void keep_weights(const study_work *w, bench *b, const study_unit *unit) {
  const dwell_model_info *info = dwell_model_get_info(b->model);
  uint64_t most = w->ctx->memory_bound > 0 ? w->ctx->memory_bound : clock_system_bytes();
  uint64_t seed = (uint64_t)w->plan->seed + unit->number;
  char path[STUDY_PATH];
  if (access(in_study(path, w->folder, "runs/", unit->name, "/run.json"), F_OK) == 0) return; /* nothing to run */
  if (info->weight_bytes > most / 4 / (info->blocks + 1)) return;
  if (unit->variant == VARIANT_RANDOM) (void)dwell_model_keep_random(b->model, seed, DWELL_F32, w->ctx, NULL);
  else (void)dwell_model_keep_weights(b->model, DWELL_F32, w->ctx, NULL);
}

static dwell_status take_subject(const study_work *w, bench *b, size_t subject, dwell_error *err) {
  if (b->subject == subject) return DWELL_OK;
  const study_subject *s = &w->units->subjects[subject];
  dwell_model_destroy(b->model);
  *b = (bench){.subject = subject};
  if (s->flow != NULL) return DWELL_OK;
  dwell_status status = dwell_model_open(s->model, w->ctx, &b->model, err);
  b->failed = status != DWELL_OK;
  if (status == DWELL_OK) forget_failure(w, s->label);
  return status;
}

static dwell_status do_unit(const study_work *w, bench *b, const study_unit *unit, bool *ret_there, bool *ret_fatal,
                            dwell_error *err) {
  if (unit->text == SIZE_MAX) return measure_starts(w, unit, ret_there, ret_fatal, err);
  keep_weights(w, b, unit);
  dwell_status status = measure_unit(w, unit, b->model, ret_there, ret_fatal, err);
  if (status != DWELL_NO_MEMORY) return status;
  dwell_model_drop_weights(b->model); /* once more without what is only kept for speed */
  return measure_unit(w, unit, b->model, ret_there, ret_fatal, err);
}

/* Failures that are not of this unit alone end the study. */
static dwell_status settle(const study_work *w, const char *name, dwell_status status, bool fatal, size_t number,
                           size_t count, dwell_error *failure, dwell_error *err) {
  if (status == DWELL_OK) {
    forget_failure(w, name);
    return DWELL_OK;
  }
  if (status == DWELL_INTERRUPTED || fatal) {
    *err = *failure;
    return status;
  }
  if (w->tell != NULL) w->tell(w->self, name, number, count, failure);
  return note_failure(w, name, failure, err);
}

static dwell_status visit(const study_work *w, bench *b, size_t index, size_t number, size_t count, study_tally *t,
                          dwell_error *err) {
  const study_unit *unit = &w->units->units[index];
  dwell_error failure = {.offset = -1};
  bool there = false, fatal = false;
  dwell_status status = context_interrupted(w->ctx, err);
  if (status != DWELL_OK) return status;
  bool again = b->subject == unit->subject && b->failed;
  if (!again) {
    status = take_subject(w, b, unit->subject, &failure);
    const char *label = w->units->subjects[unit->subject].label;
    if (status != DWELL_OK) status = settle(w, label, status, false, number, count, &failure, err);
    if (status != DWELL_OK) return status;
  }
  if (b->failed) return t->failed++, DWELL_OK;
  if (w->tell != NULL) w->tell(w->self, unit->name, number, count, NULL);
  status = do_unit(w, b, unit, &there, &fatal, &failure);
  *(status != DWELL_OK ? &t->failed : there ? &t->there : &t->measured) += 1;
  return settle(w, unit->name, status, fatal, number, count, &failure, err);
}

static size_t next_unit(const study_work *w, size_t follower, size_t count) {
  return w->next != NULL ? w->next(w->self, count) : follower;
}

dwell_status study_run(const study_work *all, study_tally *ret, dwell_error *err) {
  bench b = {.subject = SIZE_MAX};
  dwell_context quiet = *all->ctx; /* the bar counts units */
  study_work one = *all, *w = &one;
  int lock = -1;
  size_t count = 0;
  dwell_status status = DWELL_OK;
  *ret = (study_tally){0};
  quiet.progress = NULL, quiet.seed = (uint64_t)all->plan->seed;
  one.ctx = &quiet;
  for (size_t i = 0; i < w->units->count; i++) count += study_in_shard(i, w->shard, w->shards);
  if (!w->helps) TRY(lock_shard(w, &lock, err));
  for (size_t k = next_unit(w, 0, count); k < count; k = next_unit(w, k + 1, count)) {
    TRY(visit(w, &b, study_unit_of_shard(k, w->shard, w->shards), k + 1, count, ret, err));
    context_progress(all->ctx, "units", (double)k + 1, (double)count);
  }
done:
  dwell_model_destroy(b.model);
  if (lock >= 0) close(lock);
  return status;
}

/* ---- gathering ---- */

static bool was_noted(const char *folder, const char *name) {
  char path[STUDY_PATH];
  return access(in_study(path, folder, "failed/", name, ".txt"), F_OK) == 0;
}

dwell_status study_gather(const study_units *u, const char *folder, numbers *ret, size_t *ret_missing,
                          size_t *ret_failed, dwell_error *err) {
  char path[STUDY_PATH];
  dwell_status status = numbers_make(ret, err);
  *ret_missing = *ret_failed = 0;
  for (size_t i = 0; status == DWELL_OK && i < u->count; i++) {
    const study_unit *unit = &u->units[i];
    dwell_run *run = NULL;
    bool noted = was_noted(folder, unit->name) || was_noted(folder, u->subjects[unit->subject].label);
    if (noted) (*ret_failed)++;
    if (noted) continue;
    if (access(in_study(path, folder, "runs/", unit->name, "/run.json"), F_OK) != 0) {
      (*ret_missing)++;
      continue;
    }
    status = dwell_run_load(in_study(path, folder, "runs/", unit->name, ""), &run, err);
    if (status == DWELL_OK) status = numbers_add(ret, u, unit, run, err);
    dwell_run_destroy(run);
  }
  return status;
}
