/* study/flow_unit.c - measuring a flow from all its starts. */
#include "study/flow_unit.h"

#include <dwell/flow.h>
#include <dwell/measure.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/version.h"
#include "file/jwriter.h"
#include "run/run.h"
#include "study/flow_starts.h"
#include "study/numbers.h"

static double beta_of(const study_units *u, const study_unit *unit) {
  return unit->variant == VARIANT_BETA0 ? 0 : u->subjects[unit->subject].flow->beta;
}

static dwell_status open_flow(const dwell_context *ctx, const study_units *u, const study_unit *unit,
                              dwell_source **ret_source, dwell_error *err) {
  const plan_flow *f = u->subjects[unit->subject].flow;
  dwell_flow_options o = dwell_flow_options_default();
  o.flow = f->flow, o.n = (size_t)f->n, o.d = (size_t)f->d, o.beta = beta_of(u, unit);
  o.replicas = (size_t)f->starts, o.until = f->until, o.frames = STARTS_FRAMES, o.log_times = true, o.rtol = 1e-8;
  return dwell_flow_open(&o, ctx, ret_source, err);
}

static dwell_measure_options options_of(const study_units *u, const study_unit *unit, const char *program) {
  dwell_measure_options o = dwell_measure_options_default();
  o.instruments = "ip,motion,components", o.null_draws = 0, o.beta = beta_of(u, unit), o.command = program;
  return o;
}

/* ---- the table of starts ---- */

static void put(table *t, size_t row, study_number column, double x) {
  size_t at = table_find(t, number_columns[column].name);
  if (at != SIZE_MAX) table_set_number(t, row, at, x);
}

static dwell_status add_start(table *t, size_t start, const plan_flow *f, const start_numbers *s, dwell_error *err) {
  size_t row;
  dwell_status status = table_add_row(t, &row, err);
  if (status != DWELL_OK) return status;
  table_set_number(t, row, 0, (double)start);
  put(t, row, NUMBER_BLOCKS, STARTS_STATES - 1), put(t, row, NUMBER_WIDTH, (double)f->d);
  put(t, row, NUMBER_TOKENS, (double)f->n), put(t, row, NUMBER_TYPES, (double)f->n);
  put(t, row, NUMBER_TREND, s->trend), put(t, row, NUMBER_P_ANY_STATE, s->p_any_state);
  put(t, row, NUMBER_PLATEAU, s->staircase > log(2)), put(t, row, NUMBER_TERMINAL, 0);
  put(t, row, NUMBER_DRAWDOWN, s->drawdown), put(t, row, NUMBER_INDEX, s->index);
  put(t, row, NUMBER_FLOORS, s->floors), put(t, row, NUMBER_LOG_RATIO, s->log_ratio);
  put(t, row, NUMBER_LOG_RATIO_TAU, s->log_ratio);
  put(t, row, NUMBER_CENSORED, s->censored);
  return DWELL_OK;
}

static dwell_status fill_starts(table *t, const plan_flow *f, const start_numbers *s, dwell_error *err) {
  static const study_number columns[] = {NUMBER_BLOCKS,        NUMBER_WIDTH,       NUMBER_TOKENS,  NUMBER_TYPES,
                                         NUMBER_TREND,         NUMBER_P_ANY_STATE, NUMBER_PLATEAU, NUMBER_TERMINAL,
                                         NUMBER_DRAWDOWN,      NUMBER_INDEX,       NUMBER_FLOORS,  NUMBER_LOG_RATIO,
                                         NUMBER_LOG_RATIO_TAU, NUMBER_CENSORED};
  dwell_status status = table_add_column(t, "replica", NULL, err);
  for (size_t k = 0; status == DWELL_OK && k < sizeof columns / sizeof columns[0]; k++)
    status = table_add_column(t, number_columns[columns[k]].name, NULL, err);
  for (size_t k = 0; status == DWELL_OK && k < (size_t)f->starts; k++) status = add_start(t, k, f, &s[k], err);
  return status;
}

/* What the starts were measured with, and by what: one text in the manifest, by which a stored run is known again. */
static void describe(const dwell_context *ctx, const study_plan *p, const study_units *u, const study_unit *unit,
                     char ret[300]) {
  const plan_flow *f = u->subjects[unit->subject].flow;
  snprintf(ret, 300, "%s n=%lld d=%lld beta=%.17g starts=%lld until=%.17g draws=%lld seed=%llu, dwell %s (%s)", f->flow,
           (long long)f->n, (long long)f->d, beta_of(u, unit), (long long)f->starts, f->until,
           (long long)p->control_nulls, (unsigned long long)ctx->seed, version_number(), version_commit());
}

static void note_setting(dwell_run *run, const char *setting) {
  strbuf_puts(&run->manifest_body, ",");
  jwriter w = jwriter_start_members(&run->manifest_body, 1);
  jwriter_put_string(&w, "starts", setting);
}

dwell_status flow_unit_measure(const dwell_context *ctx, const study_plan *p, const study_units *u,
                               const study_unit *unit, const char *program, dwell_run **ret_run, dwell_error *err) {
  const plan_flow *f = u->subjects[unit->subject].flow;
  const flow_starts_setting setting = {.flow = f->flow,
                                       .n = (size_t)f->n,
                                       .d = (size_t)f->d,
                                       .count = (size_t)f->starts,
                                       .draws = (size_t)p->control_nulls,
                                       .beta = beta_of(u, unit),
                                       .until = f->until};
  dwell_measure_options o = options_of(u, unit, program);
  dwell_source *source = NULL;
  flow_starts all = {0};
  char words[300];
  dwell_status status = DWELL_OK;
  start_numbers *found = MEM_ZERO(start_numbers, (size_t)f->starts);
  *ret_run = NULL;
  TRY_ALLOC(found, "the starts");
  TRY(open_flow(ctx, u, unit, &source, err));
  TRY(dwell_measure(ctx, source, &o, ret_run, err));
  TRY(flow_starts_make(ctx, &setting, &all, err));
  TRY(flow_starts_measure(ctx, &all, found, err));
  TRY(fill_starts(&(*ret_run)->starts, f, found, err));
  describe(ctx, p, u, unit, words);
  note_setting(*ret_run, words);
done:
  flow_starts_free(&all);
  dwell_source_destroy(source);
  mem_free(found);
  if (status != DWELL_OK) dwell_run_destroy(*ret_run), *ret_run = NULL;
  return status;
}

dwell_status flow_unit_before(const dwell_context *ctx, const study_plan *p, const study_units *u,
                              const study_unit *unit, const char *folder, bool *ret_there, dwell_error *err) {
  char path[4400], words[300];
  dwell_run *run = NULL;
  *ret_there = false;
  snprintf(path, sizeof path, "%s/run.json", folder);
  if (access(path, F_OK) != 0) return DWELL_OK;
  dwell_status status = dwell_run_load(folder, &run, err);
  describe(ctx, p, u, unit, words);
  *ret_there = status == DWELL_OK && strstr(dwell_run_manifest(run), words) != NULL;
  dwell_run_destroy(run);
  if (status != DWELL_OK || *ret_there) return status;
  status = error_set(err, DWELL_BAD_INPUT, "is a run of another flow, version of dwell or options");
  error_in_file(err, folder);
  error_remedy(err, "--force measures it again");
  return status;
}
