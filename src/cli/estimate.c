/* cli/estimate.c - how long a measurement would take: two states of it are really measured and the times multiplied.
 *
 * A rate of matrix products alone is off by several times, since exponentials, eigenvalues, neighbours and weights that
 * are read cost what no product tells. Assumed: every block costs what those up to the sample's last state do, every
 * state and draw what those of the sample do; beyond the tokens of the sample, what the counted operations say. */
#include <math.h>

#include "base/clock.h"
#include "base/context.h"
#include "base/error.h"
#include "cli/cli.h"
#include "run/run.h"

enum { ROUNDS = 2 }; /* of draws in the sample, one draw per thread in each */

/* Rounds that `count` equal pieces of work take on some threads. */
static double rounds(double count, double threads) { return ceil(count / threads); }

static double ratio(double a, double b) { return b > 0 ? a / b : 0; }

/* The first call of some products prepares them, which is no rate: run once without a sink. */
static dwell_status warm(const dwell_context *ctx, dwell_source *source, double *ret_seconds, dwell_error *err) {
  const dwell_sink sink = {0};
  double started = clock_seconds();
  dwell_status status = dwell_source_run(source, ctx, &sink, err);
  *ret_seconds = clock_seconds() - started;
  return status;
}

/* The best of a few runs, stage by stage: others who use the machine only add. */
static dwell_status quickest(const dwell_context *ctx, dwell_source *source, const dwell_measure_options *options,
                             run_seconds *ret_took, dwell_error *err) {
  const double enough = 0.5; /* seconds */
  double started = clock_seconds();
  *ret_took = (run_seconds){.source = INFINITY, .instruments = INFINITY, .nulls = INFINITY};
  for (int k = 0; k == 0 || (k < 5 && clock_seconds() - started < enough); k++) {
    dwell_run *run;
    dwell_status status = dwell_measure(ctx, source, options, &run, err);
    if (status != DWELL_OK) return status;
    ret_took->source = fmin(ret_took->source, run->seconds.source);
    ret_took->instruments = fmin(ret_took->instruments, run->seconds.instruments);
    ret_took->nulls = fmin(ret_took->nulls, run->seconds.nulls);
    dwell_run_destroy(run);
  }
  return DWELL_OK;
}

static double frames_of(const dwell_trajectory *t) {
  return (double)t->replicas * (double)(t->states + (t->has_final_norm ? 1 : 0));
}

/* Blocks that a model runs for its states. */
static double blocks_of(const dwell_trajectory *t) { return (double)(t->first_state + t->states - 1); }

/* Times of the sample to times of the whole. `cost` and `wide` are of two states at the sample's tokens and at all. */
static void extrapolate(const cli_sample *s, double threads, double draws, const run_seconds *took,
                        const dwell_cost *cost, const dwell_cost *wide, cli_seconds *r) {
  const dwell_trajectory *part = dwell_source_trajectory(s->part), *whole = dwell_source_trajectory(s->whole);
  double frames = frames_of(whole), few = frames_of(part), few_draws = fmin(draws, ROUNDS * threads);
  double blocks = blocks_of(whole) / fmax(1, blocks_of(part)), n = (double)part->n, more = (double)whole->n / n;
  double linear = s->block_elements, quadratic = 2 * n * (double)part->d; /* operations per token, halved */
  double block = more * (linear + more * quadratic) / (linear + quadratic);
  r->forward = took->source * block * (s->is_model ? blocks : frames / few);
  r->instruments = took->instruments * rounds(frames, threads) / rounds(few, threads) *
                   ratio(wide->flops_instruments, cost->flops_instruments);
  if (draws > 0) {
    r->nulls = took->nulls * (frames / few) * rounds(draws, threads) / rounds(few_draws, threads) *
               ratio(wide->flops_nulls, cost->flops_nulls);
  }
}

dwell_status cli_estimate(const cli *c, const cli_sample *s, const dwell_measure_options *options,
                          cli_seconds *ret_seconds, dwell_error *err) {
  dwell_context ctx = c->ctx;
  dwell_measure_options o = *options;
  dwell_cost cost, wide;
  run_seconds took;
  double first = 0, draws = (double)o.null_draws, few;
  dwell_status status = DWELL_OK;
  ctx.log = NULL, ctx.progress = NULL;
  *ret_seconds = (cli_seconds){.tokens = dwell_source_trajectory(s->part)->n};
  o.save_states = o.save_attention = o.save_attention_map = o.save_gram = false;
  few = (double)ROUNDS * ctx.threads < draws ? (double)ROUNDS * ctx.threads : draws;
  o.null_draws = (size_t)few;
  TRY(dwell_measure_cost(&ctx, s->part, &o, &cost, err));
  TRY(dwell_measure_cost(&ctx, s->wide, &o, &wide, err));
  TRY(context_check_memory(&ctx, cost.bytes, "the sample", err));
  TRY(warm(&ctx, s->part, &first, err));
  TRY(quickest(&ctx, s->part, &o, &took, err));
  extrapolate(s, ctx.threads, draws, &took, &cost, &wide, ret_seconds);
  if (s->is_model) ret_seconds->forward += fmax(0, first - took.source);
done:
  return status;
}
