/* flow/flow.c - a flow as a source of states.
 *
 * Large systems use the threads inside each evaluation; small ones, when there are several replicas, run side by side
 * and keep their states until it is their turn. Neither changes a bit of the result. */
#include "flow/flow.h"

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/context.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/ranks.h"
#include "base/threads.h"
#include "base/version.h"
#include "flow/density.h"
#include "flow/integrate.h"
#include "flow/marks.h"
#include "flow/matrices.h"
#include "flow/options.h"
#include "flow/records.h"
#include "linalg/gemm.h"
#include "linalg/vmath.h"
#include "trajectory/source.h"

typedef struct flow_source {
  flow_setup setup;
  bool finished;
  certificate certificate; /* of the last finished run */
  flow_records records;    /* log clock: what happened in it, by replica */
} flow_source;

/* One dwell_source_run. */
typedef struct flow_run {
  flow_source *source;
  const dwell_context *ctx;
  const dwell_sink *sink;
  float *narrow;             /* [n, d], or NULL for f64 */
  size_t first;              /* first replica of the wave */
  double *kept;              /* [wave, count, n, d] states of the wave */
  double *log_times;         /* [wave, count] of those states */
  certificate *certificates; /* [wave] */
  atomic_size_t done;        /* replicas finished */
  restart *restart;          /* NULL: no checkpoints */
} flow_run;

/* One replica being integrated. */
typedef struct replica {
  flow_run *run;
  size_t number;
  double *kept;      /* [count, n, d] where its states go, or NULL: push at once */
  double *log_times; /* [count] */
  int worker;
} replica;

/* ---- how work is divided ---- */

/* Kept states of a wave may take this much memory. */
static const uint64_t wave_bytes = UINT64_C(256) << 20;
/* Below this size waking threads inside an evaluation gains little against replicas side by side. */
enum { SIDE_BY_SIDE_N = 512, WAVE_PER_THREAD = 4 };

static size_t state_size(const flow_setup *s) { return s->starts.n * s->starts.d; }

static uint64_t replica_bytes(const flow_setup *s) { return sizeof(double) * (uint64_t)s->plan.count * state_size(s); }

/* Replicas kept at once; 1: one after the other, threads inside. */
static size_t wave_size(const flow_setup *s, const dwell_context *ctx) {
  size_t threads = (size_t)threads_count(ctx), wave = WAVE_PER_THREAD * threads;
  if (threads == 1 || s->replicas == 1 || ranks_count(ctx) > 1 || s->checkpoint != NULL) return 1;
  if (s->replicas < threads && s->starts.n > SIDE_BY_SIDE_N) return 1;
  if (replica_bytes(s) * threads > wave_bytes) return 1;
  if (replica_bytes(s) * wave > wave_bytes) wave = (size_t)(wave_bytes / replica_bytes(s));
  return wave < s->replicas ? wave : s->replicas;
}

static uint64_t bytes(const void *self, const dwell_context *ctx) {
  const flow_setup *s = &((const flow_source *)self)->setup;
  size_t wave = wave_size(s, ctx);
  int threads = threads_count(ctx);
  uint64_t start = sizeof(double) * (uint64_t)state_size(s) * 2; /* and the frame an equiangular start is made from */
  uint64_t narrow = s->dtype == DWELL_F32 ? sizeof(float) * (uint64_t)state_size(s) : 0;
  const flow_plan *p = &s->plan;
  narrow += matrices_bytes(&s->schedule, p, threads);
  if (wave == 1) return integrate_bytes(p, threads) + start + narrow;
  return (uint64_t)threads * (integrate_bytes(p, 1) + start) + wave * replica_bytes(s) + narrow;
}

/* ---- delivering ---- */

/* The heads of the block that begins with state `index`. */
static dwell_status push_heads(const flow_run *run, size_t number, size_t index, const double *x, dwell_error *err) {
  const flow_setup *s = &run->source->setup;
  bool wanted = run->sink->wants_heads && run->sink->on_head != NULL;
  if (!wanted || matrices_heads(&s->schedule, &s->plan) == 0) return DWELL_OK;
  matrices m = {&s->schedule, &s->plan, run->ctx, s->dtype};
  return matrices_push(&m, run->sink, number, index, s->times != NULL ? s->times[index] : 0, x, err);
}

static dwell_status push(flow_run *run, size_t number, size_t index, double log_time, const double *x,
                         dwell_error *err) {
  const flow_setup *s = &run->source->setup;
  size_t size = state_size(s);
  double time = s->times != NULL ? s->times[index] : exp(log_time);
  dwell_frame frame = {number, index, "resid", .has_time = true, .time = time, .log_time = log_time};
  dwell_cloud cloud = {s->starts.n, s->starts.d, s->dtype, x};
  if (run->narrow != NULL) {
    for (size_t e = 0; e < size; e++) run->narrow[e] = (float)x[e];
    cloud.data = run->narrow;
  }
  dwell_status status = source_push_state(run->ctx, run->sink, &frame, &cloud, err);
  return status == DWELL_OK && index + 1 < s->plan.count ? push_heads(run, number, index, x, err) : status;
}

static dwell_status take_state(void *self, size_t index, const double *x, dwell_error *err) {
  replica *r = self;
  size_t size = state_size(&r->run->source->setup);
  dwell_status status = r->run->restart != NULL ? restart_keep(r->run->restart, x, err) : DWELL_OK;
  if (status != DWELL_OK) return status;
  if (r->kept == NULL) return push(r->run, r->number, index, r->log_times[index], x, err);
  memcpy(r->kept + index * size, x, size * sizeof(double));
  return DWELL_OK;
}

/* Only the calling thread (worker 0) reports. */
static void report(void *self, double fraction) {
  replica *r = self;
  if (r->worker != 0) return;
  double done = (double)atomic_load(&r->run->done) + fraction, total = (double)r->run->source->setup.replicas;
  context_progress(r->run->ctx, "integrate", done < total ? done : total, total);
}

/* ---- running ---- */

static integrate_host host_of(replica *r, const dwell_context *threads) {
  return (integrate_host){.ctx = r->run->ctx,
                          .threads = threads,
                          .progress = report,
                          .emit = take_state,
                          .self = r,
                          .opt_history = records_history(&r->run->source->records, r->number),
                          .opt_density = records_density(&r->run->source->records, r->number),
                          .opt_restart = r->run->restart};
}

/* When so many clusters were left, or the run was over. */
static double merged_at(const flow_plan *plan, const flow_history *h) {
  const flow_merger *last = h->mergers + h->merger_count - 1;
  return h->merger_count > 0 && last->clusters <= plan->until_merged ? last->log_time : h->log_end;
}

static flow_plan plan_of(const replica *r) {
  flow_plan plan = r->run->source->setup.plan;
  plan.replica = (uint32_t)r->number;
  return plan;
}

/* States are laid out between the start and the last merger, which a first run finds; a second one makes them. */
static dwell_status run_until_merged(replica *r, const dwell_context *threads, double *x, certificate *ret_certificate,
                                     dwell_error *err) {
  const flow_setup *s = &r->run->source->setup;
  dwell_status status = DWELL_OK;
  flow_marks marks = {0};
  flow_plan first = plan_of(r), second = first;
  integrate_host host = host_of(r, threads);
  certificate states;
  TRY(marks_create(s->starts.n, s->starts.d, &marks, err));
  first.count = 0;
  host.opt_marks = &marks;
  TRY(segments_run(&s->schedule, &first, &host, x, ret_certificate, err));
  options_log_frames(s, merged_at(&first, host.opt_history), r->log_times);
  second.log_times = r->log_times;
  host.progress = NULL, host.opt_history = NULL;
  TRY(starts_make(&s->starts, s->seed, (uint32_t)r->number, x, err));
  TRY(segments_run(&s->schedule, &second, &host, x, &states, err));
  ret_certificate->evaluations += states.evaluations;
  ret_certificate->norm_defect = fmax(ret_certificate->norm_defect, states.norm_defect);
done:
  marks_destroy(&marks);
  return status;
}

static dwell_status run_to_times(replica *r, const dwell_context *threads, double *x, certificate *ret_certificate,
                                 dwell_error *err) {
  const flow_setup *s = &r->run->source->setup;
  integrate_host host = host_of(r, threads);
  flow_plan plan = plan_of(r);
  for (size_t f = 0; f < plan.count; f++) r->log_times[f] = s->logarithms != NULL ? s->logarithms[f] : log(s->times[f]);
  return segments_run(&s->schedule, &plan, &host, x, ret_certificate, err);
}

static dwell_status run_replica(replica *r, const dwell_context *threads, certificate *ret_certificate,
                                dwell_error *err) {
  const flow_setup *s = &r->run->source->setup;
  dwell_status status = DWELL_OK;
  double *x = mem_alloc(s->starts.n, s->starts.d * sizeof(double));
  TRY_ALLOC(x, "the start");
  TRY(starts_make(&s->starts, s->seed, (uint32_t)r->number, x, err));
  status = (s->plan.until_merged > 0 ? run_until_merged : run_to_times)(r, threads, x, ret_certificate, err);
  if (status == DWELL_FAILED && s->replicas > 1) {
    char name[40];
    snprintf(name, sizeof name, "replica %zu", r->number);
    error_at_item(err, name);
  }
  if (status == DWELL_OK) atomic_fetch_add(&r->run->done, 1);
done:
  mem_free(x);
  return status;
}

static dwell_status wave_item(void *arg, size_t item, int worker, dwell_error *err) {
  flow_run *run = arg;
  const flow_setup *s = &run->source->setup;
  replica r = {run, run->first + item, run->kept + item * s->plan.count * state_size(s),
               run->log_times + item * s->plan.count, worker};
  return run_replica(&r, NULL, &run->certificates[item], err);
}

static dwell_status run_wave(flow_run *run, size_t wave, certificate *total, dwell_error *err) {
  const flow_setup *s = &run->source->setup;
  dwell_status status = DWELL_OK;
  size_t size = state_size(s), count = s->replicas - run->first < wave ? s->replicas - run->first : wave;
  TRY(threads_for(run->ctx, count, wave_item, run, err));
  for (size_t r = 0; r < count; r++) {
    certificate_merge(total, &run->certificates[r]);
    for (size_t f = 0; f < s->plan.count; f++)
      TRY(push(run, run->first + r, f, run->log_times[r * s->plan.count + f],
               run->kept + (r * s->plan.count + f) * size, err));
  }
done:
  return status;
}

/* ---- going on where a run was killed ---- */

/* Everything that the bits of a run depend on. */
static dwell_status identify(const flow_setup *s, char ret_hex[DIGEST_SIZE], dwell_error *err) {
  strbuf text = {0};
  digest *d = NULL;
  dwell_status status = DWELL_OK;
  jwriter w = jwriter_start(&text, 0);
  jwriter_object(&w);
  options_write(s, &w);
  jwriter_close(&w);
  strbuf_printf(&text, "%s %s %s %s %s", version_number(), version_commit(), version_compiler(), vmath_isa(),
                gemm_library());
  if (text.failed) TRY_ALLOC(NULL, "the options");
  TRY(digest_create(DIGEST_SHA256, &d, err));
  digest_add(d, text.data, text.length);
  status = digest_end(d, ret_hex, err);
done:
  digest_destroy(d);
  strbuf_free(&text);
  return status;
}

/* States of before are delivered again. */
static dwell_status replay(flow_run *run, dwell_error *err) {
  const flow_setup *s = &run->source->setup;
  dwell_status status = DWELL_OK;
  double *x = mem_alloc(s->starts.n, s->starts.d * sizeof(double));
  TRY_ALLOC(x, "a state");
  for (size_t k = 0; k < restart_states(run->restart); k++) {
    size_t f = k % s->plan.count;
    TRY(restart_read(run->restart, k, x, err));
    TRY(push(run, k / s->plan.count, f, log(s->times[f]), x, err));
  }
done:
  mem_free(x);
  return status;
}

static dwell_status begin_restart(flow_run *run, certificate *total, dwell_error *err) {
  const flow_setup *s = &run->source->setup;
  char identity[DIGEST_SIZE];
  dwell_status status = DWELL_OK;
  if (s->checkpoint == NULL) return DWELL_OK;
  TRY(identify(s, identity, err));
  TRY(restart_open(s->checkpoint, s->checkpoint_seconds, identity, state_size(s), run->ctx, &run->restart, err));
  if (restart_states(run->restart) == 0) goto done;
  context_log(run->ctx, DWELL_LOG_INFO, "goes on after %zu states", restart_states(run->restart));
  TRY(replay(run, err));
  *total = restart_total(run->restart);
  atomic_fetch_add(&run->done, restart_replica(run->restart));
done:
  return status;
}

/* Replicas one after the other, threads inside. */
static dwell_status run_in_turn(flow_run *run, certificate *total, dwell_error *err) {
  const flow_setup *s = &run->source->setup;
  dwell_status status = DWELL_OK;
  TRY(begin_restart(run, total, err));
  for (size_t number = run->restart != NULL ? restart_replica(run->restart) : 0; number < s->replicas; number++) {
    certificate one;
    replica r = {run, number, NULL, run->log_times, 0};
    if (run->restart != NULL) restart_next(run->restart, number, total);
    TRY(run_replica(&r, run->ctx, &one, err));
    certificate_merge(total, &one);
  }
done:
  restart_close(run->restart);
  return status;
}

static dwell_status run_all(flow_run *run, certificate *total, dwell_error *err) {
  const flow_setup *s = &run->source->setup;
  dwell_status status = DWELL_OK;
  size_t wave = wave_size(s, run->ctx);
  run->log_times = mem_alloc(wave * s->plan.count, sizeof(double));
  TRY_ALLOC(run->log_times, "the times");
  if (wave > 1) {
    run->kept = mem_alloc(wave * s->plan.count, state_size(s) * sizeof(double));
    run->certificates = MEM_ZERO(certificate, wave);
    if (run->kept == NULL || run->certificates == NULL) TRY_ALLOC(NULL, "states of the replicas");
    for (; run->first < s->replicas; run->first += wave) TRY(run_wave(run, wave, total, err));
  } else {
    status = run_in_turn(run, total, err);
  }
done:
  mem_free(run->kept);
  mem_free(run->log_times);
  mem_free(run->certificates);
  return status;
}

static dwell_status run(void *self, const dwell_context *ctx, const dwell_sink *sink, dwell_error *err) {
  flow_source *source = self;
  const flow_setup *s = &source->setup;
  dwell_status status = DWELL_OK;
  flow_run run = {.source = source, .ctx = ctx, .sink = sink};
  certificate total = certificate_start();
  TRY(context_check_memory(ctx, bytes(self, ctx), "the flow", err));
  if (s->dtype == DWELL_F32) {
    run.narrow = mem_alloc(s->starts.n, s->starts.d * sizeof(float));
    TRY_ALLOC(run.narrow, "a state");
  }
  meanfield density = density_of(&s->plan);
  if (s->plan.log_clock) TRY(records_begin(&source->records, s->replicas, s->starts.n, err));
  if (s->plan.family->density)
    TRY(records_begin_densities(&source->records, s->replicas, s->plan.count, &density, err));
  TRY(run_all(&run, &total, err));
  TRY(records_end(&source->records, s->plan.family->density ? &density : NULL, err));
  context_progress(ctx, "integrate", (double)s->replicas, (double)s->replicas);
  source->certificate = total;
  source->finished = true;
  TRY(source_push_end(sink, err));
done:
  mem_free(run.narrow);
  return status;
}

static void note(const void *self, jwriter *w) {
  const flow_source *source = self;
  options_write(&source->setup, w);
  if (!source->finished) return;
  jwriter_key(w, "certificate");
  jwriter_object(w);
  certificate_write(&source->certificate, w);
  jwriter_close(w);
}

static void records(const void *self, source_records *ret_records) {
  *ret_records = ((const flow_source *)self)->records.records;
}

static void destroy(void *self) {
  flow_source *source = self;
  records_free(&source->records);
  options_close(&source->setup);
  mem_free(source);
}

/* Normalisations with lengths deliver h, not directions. */
static bool keeps_lengths(const flow_setup *s) {
  normalisation_scheme scheme = s->schedule.normalisation.scheme;
  return scheme != NORMALISATION_PRE && scheme != NORMALISATION_MIX && scheme != NORMALISATION_PERI;
}

static dwell_trajectory describe(const flow_setup *s) {
  return (dwell_trajectory){
      .kind = "flow",
      .name = s->plan.family->name,
      .n = s->starts.n,
      .d = s->starts.d,
      .states = s->plan.count,
      .replicas = s->replicas,
      .heads = matrices_heads(&s->schedule, &s->plan),
      .causal = s->plan.system.causal,
      .on_sphere = !s->plan.family->off_sphere && keeps_lengths(s),
      .ordered = s->plan.system.causal,
      .dtype = s->dtype,
      .epsilon = s->dtype == DWELL_F32 ? 6e-8 : 1e-15,
  };
}

dwell_status dwell_flow_open(const dwell_flow_options *options, const dwell_context *ctx, dwell_source **ret_source,
                             dwell_error *err) {
  static const source_vtable vtable = {
      .run = run, .bytes = bytes, .note = note, .destroy = destroy, .records = records};
  dwell_status status = DWELL_OK;
  *ret_source = NULL;
  flow_source *source = MEM_ZERO(flow_source, 1);
  if (source == NULL) return error_no_memory(err, "the flow");
  TRY(options_read(options, ctx != NULL ? ctx->seed : 0, &source->setup, err));
  TRY(context_check_memory(ctx, bytes(source, ctx), "the flow", err));
  dwell_trajectory trajectory = describe(&source->setup);
  TRY(source_create(&vtable, source, &trajectory, ret_source, err));
done:
  if (status != DWELL_OK) destroy(source);
  return status;
}
