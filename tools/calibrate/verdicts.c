/* tools/calibrate/verdicts.c - flows through the rules: metastable ones must be called so, others not. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/sort.h"
#include "calibrate.h"
#include "study/claim.h"
#include "study/flow_starts.h"

enum { STARTS = 20, PARTICLES = 64, DRAWS = 39, CLAIMS = 4, NEEDS = 3 };

typedef struct flow_case {
  size_t d;
  double beta;
  bool away;
  size_t published_starts;
  double published_trend, published_any, published_stairs, published_ratio; /* 9.8, its first set of flow_starts */
  const char *required[CLAIMS]; /* A, B, D, E1: the outcome that it must have, or "!X": must not have */
} flow_case;

static const char *const claims[CLAIMS] = {"A", "B", "D", "E1"};
#define CALM \
  { "FALSIFIED", "FALSIFIED", "CONFIRMED", "FALSIFIED" }
#define METASTABLE \
  { "CONFIRMED", "CONFIRMED", "CONFIRMED", "CONFIRMED" }

static const flow_case flows[] = {
    {2, 0, false, 12, -.51, 0, 0, 0, CALM},
    {2, 1, false, 12, 3.0, .67, 0, .17, {"", "FALSIFIED", "CONFIRMED", "!CONFIRMED"}},
    {2, 9, false, 12, 8.9, 1, 1, 1, METASTABLE},
    {3, 0, false, 20, -.05, .05, 0, 0, CALM},
    {3, 1, false, 20, .17, .40, 0, 0, {"!CONFIRMED", "FALSIFIED", "CONFIRMED", "FALSIFIED"}},
    {3, 4, false, 12, 6.2, 1, 1, 1, {"", "", "CONFIRMED", ""}},
    {3, 9, false, 20, 11.4, 1, 1, 1, METASTABLE},
    {8, 0, false, 0, NAN, NAN, NAN, NAN, CALM},
    {8, 1, false, 12, .002, .08, 0, 0, {"!CONFIRMED", "FALSIFIED", "CONFIRMED", "FALSIFIED"}},
    {8, 9, false, 12, 11.8, 1, 1, 1, METASTABLE},
    {3, 1, true, 0, NAN, NAN, NAN, NAN, {"", "", "FALSIFIED", "!CONFIRMED"}},
    {3, 9, true, 0, NAN, NAN, NAN, NAN, {"", "", "FALSIFIED", "!CONFIRMED"}},
};

/* ---- measuring ---- */

static dwell_status measure(const dwell_context *ctx, size_t d, double beta, bool away, start_numbers ret[STARTS],
                            dwell_error *err) {
  flow_starts p;
  const flow_starts_setting setting = {
      .flow = "sa", .n = PARTICLES, .d = d, .count = STARTS, .draws = DRAWS, .beta = beta, .until = 300, .away = away};
  dwell_status status = flow_starts_make(ctx, &setting, &p, err);
  if (status == DWELL_OK) status = flow_starts_measure(ctx, &p, ret, err);
  flow_starts_free(&p);
  return status;
}

/* ---- the first table ---- */

static size_t count_ratios(const start_numbers *s, double *ret_median, size_t *ret_formed, size_t *ret_strict) {
  double sorted[STARTS];
  size_t above = 0, formed = 0, strict = 0;
  for (size_t k = 0; k < STARTS; k++) {
    strict += isfinite(s[k].log_ratio_strict) ? 1 : 0;
    if (isnan(s[k].log_ratio)) continue;
    above += s[k].log_ratio > log(5);
    sorted[formed++] = s[k].log_ratio;
  }
  sort_doubles(sorted, formed);
  *ret_median = formed > 0 ? exp(sort_median(sorted, formed)) : NAN;
  *ret_formed = formed, *ret_strict = strict;
  return above;
}

static void print_numbers(const flow_case *c, const start_numbers *s) {
  double trend[STARTS], median;
  size_t any = 0, stairs = 0, falls = 0, count = 0, formed, strict;
  for (size_t k = 0; k < STARTS; k++) {
    if (!isnan(s[k].trend)) trend[count++] = s[k].trend;
    any += s[k].p_any_state <= 0.05, stairs += s[k].staircase > log(2), falls += s[k].drawdown > 0.05;
  }
  size_t above = count_ratios(s, &median, &formed, &strict);
  printf("| %zu | %g%s | %.3g ± %.2g", c->d, c->beta, c->away ? ", V = -I" : "", sample_mean(count, trend),
         sqrt(sample_variance(count, trend)));
  if (isnan(c->published_trend)) printf(" |");
  else printf(" [%.3g] |", c->published_trend);
  print_rate(any, STARTS, c->published_any, c->published_starts);
  print_rate(stairs, STARTS, c->published_stairs, c->published_starts);
  print_rate(above, STARTS, c->published_ratio, c->published_starts);
  if (formed > 0) printf(" %.3g |", median);
  else printf(" |");
  printf(" %zu, %zu |", formed, strict);
  print_rate(falls, STARTS, c->away ? 1 : 0, 40);
  printf("\n");
  fflush(stdout);
}

/* ---- the second ---- */

/* The numbers of one claim, in the order of its needs. */
static void fill(const char *name, const start_numbers *s, size_t k, double ret[NEEDS]) {
  if (strcmp(name, "A") == 0) ret[0] = s[k].trend, ret[1] = s[k].p_any_state;
  else if (strcmp(name, "B") == 0) ret[0] = s[k].staircase > log(2), ret[1] = 0;
  else if (strcmp(name, "D") == 0) ret[0] = s[k].drawdown, ret[1] = s[k].index, ret[2] = s[k].floors;
  else ret[0] = ret[1] = s[k].log_ratio, ret[2] = s[k].censored;
}

static dwell_status decide_all(const start_numbers *flow, const start_numbers *control, claim_verdict ret[CLAIMS],
                               dwell_error *err) {
  claim_thresholds t = claim_thresholds_default();
  dwell_status status = DWELL_OK;
  for (size_t c = 0; status == DWELL_OK && c < CLAIMS; c++) {
    double values[NEEDS * STARTS] = {0}, controls[NEEDS * STARTS] = {0}, of[NEEDS] = {0};
    for (size_t k = 0; k < STARTS; k++) {
      fill(claims[c], flow, k, of);
      for (size_t n = 0; n < NEEDS; n++) values[n * STARTS + k] = of[n];
      fill(claims[c], control, k, of);
      for (size_t n = 0; n < NEEDS; n++) controls[n * STARTS + k] = of[n];
    }
    const claim_sample sample = {.flow = true,
                                 .prompts = STARTS,
                                 .seeds = 1,
                                 .values = values,
                                 .controls = controls,
                                 .layers = STARTS_STATES - 1,
                                 .seed = 1};
    status = claim_find(claims[c])->decide(&sample, &t, &ret[c], err);
  }
  return status == DWELL_OK ? verdicts_settle(ret, CLAIMS, CLAIMS, &t, err) : status;
}

static bool is_as_required(const claim_verdict *v, const char *required) {
  const char *outcome = claim_outcome_name(v->outcome);
  if (required[0] == '!') return strcmp(outcome, required + 1) != 0;
  return required[0] == 0 || strcmp(outcome, required) == 0;
}

static void print_verdicts(const flow_case *c, const claim_verdict v[CLAIMS], bool *ret_all) {
  printf("| %zu | %g%s |", c->d, c->beta, c->away ? ", V = -I" : "");
  for (size_t k = 0; k < CLAIMS; k++) {
    bool fits = is_as_required(&v[k], c->required[k]);
    printf(" %s%s%s", claim_outcome_name(v[k].outcome), v[k].reason != NULL ? " " : "",
           v[k].reason != NULL ? v[k].reason : "");
    if (isfinite(v[k].interval.low)) printf(" (%.3g, %.3g)", v[k].interval.low, v[k].interval.high);
    printf("%s |", fits ? "" : " **not as required**");
    *ret_all = *ret_all && fits;
  }
  printf("\n");
}

enum { CASES = sizeof flows / sizeof flows[0] };

static const start_numbers *control_of(const start_numbers (*all)[STARTS], const flow_case *c) {
  size_t k = 0;
  while (flows[k].d != c->d || flows[k].beta != 0) k++;
  return all[k];
}

static dwell_status run_verdicts(const dwell_context *ctx, dwell_error *err) {
  static start_numbers all[CASES][STARTS];
  claim_verdict verdicts[CLAIMS];
  bool as_required = true;
  printf(
      "SA flow, %d particles, t to 300, %d starts, %d states at equal steps of the cumulated mean angle, %d draws of "
      "N1'; in brackets the specification (9.8, 12 or 20 other starts). Groups: starts with two groups to follow at "
      "the state that stands out most, and those where it is significant.\n\n",
      PARTICLES, STARTS, STARTS_STATES, DRAWS);
  printf("| d | beta | g | p_any_state | staircase > 2 | within/between > 5 | its median | groups | falls |\n");
  printf("|---|---|---|---|---|---|---|---|---|\n");
  for (size_t k = 0; k < CASES; k++) {
    dwell_status status = measure(ctx, flows[k].d, flows[k].beta, flows[k].away, all[k], err);
    if (status != DWELL_OK) return status;
    print_numbers(&flows[k], all[k]);
  }
  printf("\nThe verdicts, each in a family of %d, with 95 %% intervals:\n\n| d | beta | A | B | D | E1 |\n", CLAIMS);
  printf("|---|---|---|---|---|---|\n");
  for (size_t k = 0; k < CASES; k++) {
    dwell_status status = decide_all(all[k], control_of((const start_numbers(*)[STARTS])all, &flows[k]), verdicts, err);
    if (status != DWELL_OK) return status;
    print_verdicts(&flows[k], verdicts, &as_required);
  }
  printf("\n%s\n", as_required ? "All as required." : "Not all as required.");
  return DWELL_OK;
}

const calibration_part calibrate_verdicts = {"verdicts", "Flows through the rules of the claims", run_verdicts};
