/* measure/cost.c - what a measurement would take, before it runs. The bytes are a true upper bound of peak resident
 * memory (tests/cli/test_runs.c): what the process holds now, what stays until the end, and the largest of the three
 * stages: the source runs, states are measured, surrogates are drawn. What a stage has freed is given back to the
 * system before the next (release_memory in measure.c), so stages are not added. */
#include <math.h>

#include "base/clock.h"
#include "base/threads.h"
#include "geometry/minimum_norm.h"
#include "measure/attribution.h"
#include "measure/cost.h"
#include "measure/heads.h"
#include "measure/maps.h"
#include "measure/output.h"
#include "measure/principal.h"
#include "measure/push.h"
#include "measure/weights.h"

/* Pages of libraries and buffers of BLAS and LAPACK that the run touches first: measured, with a margin. */
enum { PROGRAM_BYTES = 12 << 20, PROGRAM_BYTES_WITHOUT_PROC = 64 << 20, THREAD_BYTES = 2 << 20 };

/* BLAS packs blocks of at most 384 x 192 and 384 x n doubles per thread. */
static uint64_t blas_bytes(uint64_t n) { return 384 * (192 + n) * sizeof(double); }

static uint64_t larger(uint64_t a, uint64_t b) { return a > b ? a : b; }
static uint64_t smaller(uint64_t a, uint64_t b) { return a < b ? a : b; }

/* Of a value in a table: the value, its cell and its text of up to 25 characters, the latter two in buffers that double
 * as they grow. A few columns more than values: replica, state, time, null mean, sd and p. */
enum { CELL_BYTES = 24, TEXT_BYTES = 25, MORE_COLUMNS = 16 };

static uint64_t list_bytes(const plan_list *list, uint64_t rows) {
  uint64_t columns = list->value_count + MORE_COLUMNS;
  return rows * (list->value_count * sizeof(value) + columns * 3 * (CELL_BYTES + TEXT_BYTES));
}

static uint64_t table_bytes(const plan *p, const dwell_trajectory *t, uint64_t frames) {
  uint64_t bytes = list_bytes(&p->state, frames) + list_bytes(&p->step, frames), arrays = 0;
  if (p->head.item_count > 0) bytes += list_bytes(&p->head, (uint64_t)t->replicas * (t->states - 1) * t->heads);
  for (size_t i = 0; i < p->state.item_count; i++) {
    const instrument *what = p->state.items[i].what;
    arrays += (what->array_kind == ARRAY_FIXED ? what->array_length : t->n) * 8 * 2;
  }
  if (t->on_sphere && t->d <= 3) arrays += (uint64_t)t->n * 3 * 8;
  return bytes + frames * (arrays + 4 * sizeof(size_t) + sizeof(double));
}

/* Rows of events.csv and what becomes of them as text, and the detectors' arrays of one replica. A row's detail names
 * up to 20 tokens. Measured: at most 10 rows per state, of 100 bytes for particles and 700 for tokens with names. */
static uint64_t event_bytes(const plan *p, const dwell_trajectory *t, uint64_t frames) {
  uint64_t row = t->pieces != NULL ? 3 << 10 : 512, summary = 8 << 10;
  uint64_t replica = t->states * ((uint64_t)t->n * sizeof(int32_t) * 2 + (p->draws + 40) * sizeof(double));
  return frames * 10 * row + t->replicas * summary + replica + measurement_track_bytes(p, frames, t->n);
}

static uint64_t saved_bytes(const dwell_trajectory *t, const dwell_measure_options *o) {
  uint64_t n2 = (uint64_t)t->n * t->n, bytes = maps_bytes(t, o);
  if (o->save_gram) bytes += (uint64_t)t->replicas * t->states * n2 * 8;
  if (o->save_attention) bytes += (uint64_t)(t->states - 1) * t->heads * n2 * (uint64_t)t->dtype;
  return bytes;
}

static bool list_reads_rows(const plan_list *list) {
  bool rows = true;
  for (size_t i = 0; i < list->item_count; i++) rows = rows && list->items[i].what->rows_only;
  return rows;
}

/* Nulls and the instruments of heads look at pairs. */
static bool reads_rows(const plan *p) {
  return p->draws == 0 && p->head.item_count == 0 && list_reads_rows(&p->state) && list_reads_rows(&p->step);
}

/* One geometry. */
static uint64_t cloud_bytes(const plan *p, size_t n, size_t d) {
  return reads_rows(p) ? geometry_rows_bytes(n, d) : geometry_bytes(n, d);
}

/* The geometries of a batch and of the state before it, and what each thread takes besides: the state as it was read,
 * its centred rows, an eigenvalue problem, a null's preparation. They do not overlap in time, but what is allocated
 * between them lives longer, so the allocator may be unable to use the same place twice: they are added. */
static uint64_t measure_bytes(const dwell_context *ctx, const plan *p, uint64_t frames, size_t n, size_t d) {
  if (!p->wants_geometry) return 0;
  uint64_t workers = smaller(frames, (uint64_t)threads_count(ctx));
  uint64_t alive = smaller(frames, measurement_batch(ctx, n) + 1);
  uint64_t work = 2 * (uint64_t)n * d * sizeof(double);
  work += reads_rows(p) ? 2 * (uint64_t)n * sizeof(double) : geometry_work_bytes(n, d);
  if (p->draws > 0) work += p->nulls[0].null->prepare_bytes(n, d);
  bool forms = false, types = plan_has_set(p, SET_TYPES);
  for (plan_set set = SET_TYPES + 1; set < SETS; set++) forms = forms || plan_has_set(p, set);
  if (types || forms) work += cloud_bytes(p, n, d);
  if (forms) work += (uint64_t)n * (d + 2) * sizeof(double);
  return alive * cloud_bytes(p, n, d) + workers * (work + (reads_rows(p) ? 0 : blas_bytes(n)));
}

/* Every thread holds a draw and a surrogate, with its centred Gram and cosines if an instrument asks for them, and the
 * work space of its clusters and its margin. */
static uint64_t null_bytes(const dwell_context *ctx, const plan *p, size_t n) {
  if (p->draws == 0) return 0;
  uint64_t workers = (uint64_t)threads_count(ctx);
  uint64_t cosines = 2 * (uint64_t)n * n * sizeof(double);
  uint64_t instruments = larger(geometry_cluster_bytes(n), minimum_norm_bytes(n, n));
  return workers * (p->nulls[0].null->draw_bytes(n) + cosines + instruments + blas_bytes(n));
}

static uint64_t total_bytes(const dwell_context *ctx, const dwell_source *source, const dwell_measure_options *options,
                            const plan *p, uint64_t frames) {
  const dwell_trajectory *t = dwell_source_trajectory(source);
  uint64_t now = clock_resident_bytes(), threads = (uint64_t)threads_count(ctx), spooled = spool_bytes(t);
  uint64_t program = (now > 0 ? now + PROGRAM_BYTES : PROGRAM_BYTES_WITHOUT_PROC) + threads * THREAD_BYTES;
  if (spooled > MEASURE_SPOOL_MEMORY) spooled = 0;
  uint64_t norms = (frames + t->first_state) * t->n * sizeof(double);
  uint64_t kept = spooled + saved_bytes(t, options) + norms + table_bytes(p, t, frames) + event_bytes(p, t, frames) +
                  principal_bytes(p, t) + heads_kept_bytes(p, t) + 4 * (uint64_t)t->n * sizeof(size_t);
  if (p->draws > 0) {
    kept += frames * (plan_drawn_sets(p) * p->nulls[0].null->bytes(t->n) + p->draws * p->null_count * sizeof(double));
  }
  uint64_t parts = attribution_stage_bytes(ctx, p, t), control = 0;
  uint64_t stage = dwell_source_bytes(source, ctx) + heads_bytes(ctx, p, t) + parts;
  for (size_t k = 0; k < options->control_count; k++) {
    control = larger(control, dwell_source_bytes(options->controls[k].source, ctx) + heads_bytes(ctx, p, t) + parts);
  }
  stage = larger(stage, measure_bytes(ctx, p, frames, t->n, t->d));
  stage = larger(stage, principal_stage_bytes(p, t));
  stage = larger(stage, null_bytes(ctx, p, t->n));
  stage = larger(stage, weights_bytes(ctx, p, source));
  stage = larger(stage, output_stage_bytes(ctx, source, options));
  stage = larger(stage, push_stage_bytes(ctx, source, options));
  if (options->control_count > 0) { /* a measurement within the measurement, and what is kept of each */
    uint64_t values = frames * (p->state.value_count + p->step.value_count) +
                      (uint64_t)t->replicas * (t->states - 1) * t->heads * p->head.value_count;
    kept += options->control_count * values * sizeof(double) + 3 * table_bytes(p, t, frames);
    stage = larger(stage, spooled + norms + table_bytes(p, t, frames) +
                              larger(control, measure_bytes(ctx, p, frames, t->n, t->d)));
  }
  /* An eighth more: gaps between blocks that live on, which the allocator can neither use nor give back. */
  return larger(program + (kept + stage) / 8 * 9, clock_peak_bytes());
}

static double list_flops(const plan_list *list, double times, size_t n, size_t d) {
  double sum = 0;
  for (size_t i = 0; i < list->item_count; i++) sum += list->items[i].what->flops(n, d);
  return sum * times;
}

dwell_status cost_of(const dwell_context *ctx, const dwell_source *source, const dwell_measure_options *options,
                     const plan *p, dwell_cost *ret_cost, dwell_error *err) {
  (void)err;
  const dwell_trajectory *t = dwell_source_trajectory(source);
  size_t n = t->n, d = t->d;
  uint64_t frames = (uint64_t)t->replicas * (t->states + (t->has_final_norm ? 1 : 0));
  ret_cost->bytes = total_bytes(ctx, source, options, p, frames);
  double steps = (double)t->replicas * (double)(t->states - 1);
  ret_cost->flops_instruments = list_flops(&p->state, (double)frames, n, d) + list_flops(&p->step, steps, n, d) +
                                list_flops(&p->head, steps * (double)t->heads, n, d) +
                                (p->wants_geometry ? (double)frames * (double)n * (double)n * (double)d : 0);
  double sets = (double)plan_drawn_sets(p);
  ret_cost->flops_nulls = p->draws > 0 ? sets * (double)p->draws * (double)frames * p->nulls[0].null->flops(n) : 0;
  return DWELL_OK;
}
