/* dwell/measure.h - runs a source and measures every state of it, with nulls. */
#ifndef DWELL_MEASURE_H
#define DWELL_MEASURE_H

#include <dwell/run.h>
#include <dwell/trajectory.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/* A run of the same shape that shows what something else would have given. */
typedef struct dwell_control {
  dwell_source *source; /* the caller's; is run once. Same states, heads and replicas as the source that is measured */
  const char *kind;     /* part of the names of columns: "random", "shuffled" */
  const char *detail;   /* for the manifest: "seed 3"; may be NULL */
} dwell_control;

/* A push of state `state` by its clusters (docs/instruments.md 9), after which the run goes on: every token that is in
 * a cluster moves the share `amount` of its way to the cluster's mean; or with its cluster that share of the way to the
 * mean of all of them. */
typedef enum dwell_push_kind { DWELL_PUSH_NONE, DWELL_PUSH_CENTROID, DWELL_PUSH_TOGETHER } dwell_push_kind;
typedef struct dwell_push {
  dwell_push_kind kind;
  double amount;
  size_t state;
} dwell_push;

/* What is measured. Start from dwell_measure_options_default(). Strings are read during the call only. */
typedef struct dwell_measure_options {
  const char *instruments; /* comma-separated registry or column names; NULL: all that apply */
  size_t null_draws;       /* draws of sampled nulls; 0: none. The smallest possible p is 1 / (draws + 1) */
  bool types;              /* measure first occurrences of each token id only */
  bool robust, normed;     /* measure robust states too (columns _robust), and states as the next block's norm puts them
                            * out (columns _ln; docs/instruments.md 1.2) */
  bool drop_special;       /* leave special, first-of-causal and massive tokens out (docs/instruments.md 1.1) */
  bool save_states;        /* into arrays.npz: `states` [L+1, n, d] of every token, `final_norm` [n, d] */
  bool save_attention;     /* `attention` [L, H, n, n]; DWELL_USAGE where the source has none */
  bool save_attention_map; /* `attention_map` [L, H, m, m], m = min(n, 48): small pictures; comes with the former too */
  bool save_gram;          /* `gram` [L+1, m, m], cosines of the m measured tokens */
  double beta;             /* inverse temperature of energy_calibrated (flows: their own), NaN: unknown */
  /* At most 100. Measured with the same instruments but no sampled nulls: for each kind and each column NAME there are
   * NAME_KIND_min, _median and _max. */
  const dwell_control *controls;
  size_t control_count;
  /* Of models that predict the next token (docs/instruments.md 8): its negative log-likelihood (table "tokens"); the
   * same, and the tokens of clusters, from every state (column lens_nll, table "lens"); and, beside the plain run of an
   * intervention, what it changes (more columns of "tokens"). plain: the caller's; is run once. Same tokens and states
   * as the source that is measured, NULL: none. DWELL_USAGE or DWELL_UNSUPPORTED where that is not to be had. */
  bool nll, lens;
  dwell_source *plain;
  dwell_push push;     /* of models: table "push"; null_draws random pushes are followed beside it */
  const char *command; /* the command line, for the manifest; may be NULL */
} dwell_measure_options;

/* All instruments, 39 draws, all kept tokens, nothing saved, beta unknown. */
dwell_measure_options dwell_measure_options_default(void);

/* Runs the source once, keeping its states (in memory, or in a temporary file where they are large), then measures
 * them. The result is the caller's (dwell_run_destroy) and does not need the source any more. It does not depend on
 * ctx->threads. Errors: those of running the source; DWELL_USAGE (an unknown name in `instruments`, an option that the
 * source cannot serve); DWELL_BAD_INPUT (no token is left to measure); DWELL_NO_MEMORY (also where the bound of the
 * context would be exceeded, before anything is computed); DWELL_INTERRUPTED. */
dwell_status dwell_measure(const dwell_context *ctx, dwell_source *source, const dwell_measure_options *options,
                           dwell_run **ret_run, dwell_error *err);

/* What it would take. */
typedef struct dwell_cost {
  uint64_t bytes;                        /* bound on memory at the peak, the source's included */
  double flops_instruments, flops_nulls; /* floating-point operations, estimated; the source's are not known here */
} dwell_cost;

/* Nothing is run. Errors: as the options of dwell_measure. */
dwell_status dwell_measure_cost(const dwell_context *ctx, const dwell_source *source,
                                const dwell_measure_options *options, dwell_cost *ret_cost, dwell_error *err);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
