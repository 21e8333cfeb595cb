/* measure/cost.c - what a measurement would take, before it runs. The bytes are a true upper bound of peak resident
 * memory: the benchmark checks it. */
#include <math.h>

#include "base/threads.h"
#include "measure/cost.h"

/* The program itself: code, libraries, BLAS buffers and thread stacks, as seen resident when nothing is measured. */
static const uint64_t PROGRAM_BYTES = (uint64_t)64 << 20;
static const uint64_t PROGRAM_BYTES_PER_THREAD = (uint64_t)40 << 20;

static uint64_t list_bytes(const plan_list *list, uint64_t rows) { return rows * list->value_count * sizeof(value); }

static uint64_t table_bytes(const plan *p, const dwell_trajectory *t, uint64_t frames) {
  uint64_t heads = (uint64_t)t->replicas * (t->states - 1) * t->heads, values = 0;
  values += list_bytes(&p->state, frames) + list_bytes(&p->step, frames);
  if (p->head.item_count > 0) values += list_bytes(&p->head, heads);
  uint64_t arrays = 0;
  for (size_t i = 0; i < p->state.item_count; i++) arrays += p->state.items[i].what->array_length * 8 * 2;
  if (t->on_sphere && t->d <= 3) arrays += (uint64_t)t->n * 3 * 8;
  /* cells (three times a value with names and CSV text) + the arrays */
  return 4 * values + frames * arrays;
}

static uint64_t null_bytes(const plan *p, const dwell_context *ctx, uint64_t frames, size_t n, size_t d) {
  if (p->draws == 0) return 0;
  const null_model *null = p->nulls[0].null;
  uint64_t threads = (uint64_t)threads_count(ctx);
  return frames * null->bytes(n) + threads * (geometry_bytes(n, d) + 3 * (uint64_t)n * n * 8) +
         p->draws * frames * p->null_count * 8;
}

static uint64_t saved_bytes(const dwell_trajectory *t, const dwell_measure_options *o) {
  uint64_t n2 = (uint64_t)t->n * t->n, bytes = 0;
  if (o->save_gram) bytes += (uint64_t)t->replicas * t->states * n2 * 8;
  if (o->save_attention) bytes += (uint64_t)(t->states - 1) * t->heads * n2 * (uint64_t)t->dtype;
  return bytes;
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
  size_t n = t->n, d = t->d, batch = session_batch(ctx, n);
  uint64_t frames = (uint64_t)t->replicas * (t->states + (t->has_final_norm ? 1 : 0));
  uint64_t spooled = spool_bytes(t), geometries = batch + 1, phase_one, phase_two;
  if (frames < geometries) geometries = frames;
  if (spooled > MEASURE_SPOOL_MEMORY) spooled = 0;
  phase_one = dwell_source_bytes(source, ctx);
  phase_two = 0;
  if (p->wants_geometry) {
    phase_two = geometries * geometry_bytes(n, d) + (uint64_t)threads_count(ctx) * n * d * 8;
    phase_two += null_bytes(p, ctx, frames, n, d);
  }
  /* Freed memory may stay resident between the phases, so they are added, not maximised. */
  ret_cost->bytes = PROGRAM_BYTES + PROGRAM_BYTES_PER_THREAD * (uint64_t)threads_count(ctx) + spooled + phase_one +
                    phase_two + table_bytes(p, t, frames) + saved_bytes(t, options) + frames * n * 8;
  double steps = (double)t->replicas * (double)(t->states - 1);
  ret_cost->flops_instruments = list_flops(&p->state, (double)frames, n, d) + list_flops(&p->step, steps, n, d) +
                                list_flops(&p->head, steps * (double)t->heads, n, d) +
                                (p->wants_geometry ? (double)frames * (double)n * (double)n * (double)d : 0);
  ret_cost->flops_nulls = p->draws > 0 ? (double)p->draws * (double)frames * p->nulls[0].null->flops(n) : 0;
  return DWELL_OK;
}
