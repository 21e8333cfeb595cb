/* theorem/run.c - chooses rows, runs their cases side by side, decides. */
#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "base/context.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/threads.h"
#include "theorem/theorem.h"

const char *theorem_relation_name(theorem_relation relation) {
  static const char *const names[] = {[THEOREM_EQUAL] = "equal",
                                      [THEOREM_AT_MOST] = "at most",
                                      [THEOREM_AT_LEAST] = "at least",
                                      [THEOREM_DIFFERS] = "differs"};
  return names[relation];
}

bool theorem_passes(theorem_relation relation, const theorem_outcome *o) {
  if (!isfinite(o->measured) || !isfinite(o->predicted) || !isfinite(o->tolerance)) return false;
  switch (relation) {
    case THEOREM_EQUAL: return fabs(o->measured - o->predicted) <= o->tolerance;
    case THEOREM_AT_MOST: return o->measured <= o->predicted + o->tolerance;
    case THEOREM_AT_LEAST: return o->measured >= o->predicted - o->tolerance;
    case THEOREM_DIFFERS: return fabs(o->measured - o->predicted) > o->tolerance;
  }
  return false;
}

/* A case, and where its chosen rows go. */
typedef struct job {
  const theorem *theorem;
  size_t first, count; /* rows of the theorem */
  size_t place;        /* of its first chosen row among the results */
} job;

typedef struct choice {
  const char *const *names;
  size_t count;
  bool quick;
} choice;

/* How `name` speaks of a row: 0 not at all, 1 as one of several, 2 in full. */
static int names_row(const char *name, const theorem *t, const theorem_row *row) {
  size_t length = strlen(name);
  if (str_equal(name, row->name)) return 2;
  if (str_equal(name, t->name)) return 1;
  return strncmp(name, row->name, length) == 0 && row->name[length] == '.';
}

static bool chosen(const choice *c, const theorem *t, const theorem_row *row) {
  bool quick = !c->quick || !row->slow;
  if (c->count == 0) return quick;
  for (size_t k = 0; k < c->count; k++) {
    int how = names_row(c->names[k], t, row);
    if (how == 2 || (how == 1 && quick)) return true;
  }
  return false;
}

static size_t case_length(const theorem *t, size_t first) {
  size_t end = first + 1;
  while (end < t->count && t->rows[end].measure == NULL) end++;
  return end - first;
}

static dwell_status check_name(const char *name, dwell_error *err) {
  enum { MOST = 1000 };
  const char *known[MOST];
  size_t theorems, total = 0;
  const theorem *const *all = theorem_registry(&theorems);
  for (size_t i = 0; i < theorems; i++) {
    if (total < MOST) known[total++] = all[i]->name;
    for (size_t r = 0; r < all[i]->count; r++) {
      if (names_row(name, all[i], &all[i]->rows[r]) > 0) return DWELL_OK;
      if (total < MOST) known[total++] = all[i]->rows[r].name;
    }
  }
  char shown[80];
  str_display(shown, sizeof shown, name, strlen(name));
  const char *near = str_nearest(name, known, total);
  error_set(err, DWELL_USAGE, "there is no theorem or row \"%s\"", shown);
  return near != NULL ? error_remedy(err, "Did you mean \"%s\"? `dwell list theorems` prints all", near)
                      : error_remedy(err, "`dwell list theorems` prints all");
}

/* Counts, and where there is room fills, the jobs and results of a choice. */
static void plan(const choice *c, job *jobs, theorem_result *results, size_t *ret_jobs, size_t *ret_results) {
  size_t theorems, job_count = 0, row_count = 0;
  const theorem *const *all = theorem_registry(&theorems);
  for (size_t i = 0; i < theorems; i++) {
    const theorem *t = all[i];
    for (size_t first = 0, length; first < t->count; first += length) {
      job j = {t, first, length = case_length(t, first), row_count};
      for (size_t r = first; r < first + length; r++) {
        if (!chosen(c, t, &t->rows[r])) continue;
        if (results != NULL) results[row_count] = (theorem_result){.theorem = t, .row = &t->rows[r]};
        row_count++;
      }
      if (row_count == j.place) continue;
      if (jobs != NULL) jobs[job_count] = j;
      job_count++;
    }
  }
  *ret_jobs = job_count;
  *ret_results = row_count;
}

typedef struct work {
  const dwell_context *ctx;
  const choice *choice;
  const job *jobs;
  size_t count;
  theorem_table *table;
  atomic_size_t done;
} work;

static dwell_status run_job(void *arg, size_t item, int worker, dwell_error *err) {
  work *w = arg;
  const job *j = &w->jobs[item];
  const theorem_row *rows = j->theorem->rows + j->first;
  dwell_status status = DWELL_OK;
  theorem_outcome *outcomes = MEM_ZERO(theorem_outcome, j->count);
  TRY_ALLOC(outcomes, "the outcomes of a theorem");
  for (size_t r = 0; r < j->count; r++) outcomes[r] = (theorem_outcome){rows[r].predicted, NAN, rows[r].tolerance};
  status = rows->measure(rows, j->count, outcomes, w->ctx, err);
  if (status != DWELL_OK && status != DWELL_INTERRUPTED) error_at_item(err, rows->name);
  for (size_t r = 0, place = j->place; r < j->count && status == DWELL_OK; r++)
    if (chosen(w->choice, j->theorem, &rows[r])) w->table->results[place++].outcome = outcomes[r];
  size_t done = atomic_fetch_add(&w->done, 1) + 1;
  if (worker == 0) context_progress(w->ctx, "verify", (double)done, (double)w->count);
done:
  mem_free(outcomes);
  return status;
}

void theorem_table_free(theorem_table *table) {
  mem_free(table->results);
  *table = (theorem_table){0};
}

dwell_status theorem_run(const dwell_context *ctx, const char *const *names, size_t count, bool quick,
                         theorem_table *ret_table, dwell_error *err) {
  dwell_status status = DWELL_OK;
  choice c = {names, count, quick};
  theorem_table table = {0};
  size_t job_count;
  job *jobs = NULL;
  for (size_t k = 0; k < count; k++) TRY(check_name(names[k], err));
  plan(&c, NULL, NULL, &job_count, &table.count);
  jobs = MEM_NEW(job, job_count);
  table.results = MEM_NEW(theorem_result, table.count);
  if (jobs == NULL || table.results == NULL) TRY_ALLOC(NULL, "the table of theorems");
  plan(&c, jobs, table.results, &job_count, &table.count);
  work w = {.ctx = ctx, .choice = &c, .jobs = jobs, .count = job_count, .table = &table};
  TRY(threads_for(ctx, job_count, run_job, &w, err));
  for (size_t r = 0; r < table.count; r++) {
    theorem_result *result = &table.results[r];
    result->pass = theorem_passes(result->row->relation, &result->outcome);
    table.failed += !result->pass;
  }
done:
  mem_free(jobs);
  if (status != DWELL_OK) theorem_table_free(&table);
  *ret_table = table;
  return status;
}
