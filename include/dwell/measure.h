/* dwell/measure.h - runs a source and measures every state of it, with nulls. */
#ifndef DWELL_MEASURE_H
#define DWELL_MEASURE_H

#include <dwell/run.h>
#include <dwell/trajectory.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

typedef struct dwell_measure_options {
  const char *instruments; /* comma-separated registry or column names; NULL: all that apply */
  size_t null_draws;       /* draws of sampled nulls; 0: none */
  bool types;              /* measure first occurrences of each token id only */
  bool drop_special;       /* leave special, first-of-causal and massive tokens out (default true) */
  bool save_states, save_attention, save_gram;
  double beta;         /* calibrated inverse temperature (flows: their own), NaN: unknown */
  const char *command; /* the command line, for the manifest; may be NULL */
} dwell_measure_options;

dwell_measure_options dwell_measure_options_default(void); /* all instruments, 39 draws */

/* Phase one runs the source and spools its states; phase two measures them. */
dwell_status dwell_measure(const dwell_context *ctx, dwell_source *source, const dwell_measure_options *options,
                           dwell_run **ret_run, dwell_error *err);

/* What it would take: bytes at the peak, and floating-point operations by stage. */
typedef struct dwell_cost {
  uint64_t bytes;
  double flops_instruments, flops_nulls;
} dwell_cost;
dwell_status dwell_measure_cost(const dwell_context *ctx, const dwell_source *source,
                                const dwell_measure_options *options, dwell_cost *ret_cost, dwell_error *err);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
