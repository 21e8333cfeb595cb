/* tools/calibrate/studies.c - do the intervals cover, and does rule A hold its level, on numbers drawn from a law that
 * is known? No network runs here: prompts and seeds are numbers. */
#include <math.h>
#include <stdio.h>

#include "base/error.h"
#include "calibrate.h"
#include "study/claim.h"
#include "study/evidence.h"
#include "trial.h"

enum { MOST_PROMPTS = 24, MOST_SEEDS = 19, RUNS = TRIAL_RUNS, STUDIES = 500, FAMILY = 6 };

/* ---- bootstrap-t ---- */

enum { COVERS = 1, UNUSED = 2, MISSES_ABOVE = 4, SAYS_BELOW = 8 };

typedef struct mean_case {
  size_t prompts;
  bool skewed; /* log-normal, sd of the logarithm 1 */
  double published;
} mean_case;

static dwell_status cover_mean(const void *which, size_t run, unsigned *ret_flags, dwell_error *err) {
  const mean_case *c = which;
  double x[MOST_PROMPTS], truth = c->skewed ? exp(0.5) : 0;
  interval found;
  bool valid;
  for (size_t p = 0; p < c->prompts; p++) x[p] = trial_normal(run, 0, p, 0);
  for (size_t p = 0; p < c->prompts && c->skewed; p++) x[p] = exp(x[p]);
  dwell_status status = interval_bootstrap_t(c->prompts, x, run, &found, &valid, err);
  *ret_flags = (valid && found.low <= truth && truth <= found.high ? COVERS : 0) | (valid ? 0 : UNUSED);
  return status;
}

static dwell_status print_means(const dwell_context *ctx, trial *t, dwell_error *err) {
  static const mean_case cases[] = {{6, false, .94}, {8, false, .94}, {12, false, .91}, {24, false, NAN},
                                    {6, true, NAN},  {8, true, NAN},  {12, true, .92},  {24, true, NAN}};
  printf(
      "Coverage of the bootstrap-t interval of a mean (nominal .95, %d runs; log-normal: sd of the logarithm 1):\n\n",
      RUNS);
  printf("| prompts | law | covers |\n|---|---|---|\n");
  for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
    dwell_status status = trial_all(ctx, t, RUNS, &cases[k], cover_mean, err);
    if (status != DWELL_OK) return status;
    printf("| %zu | %s |", cases[k].prompts, cases[k].skewed ? "log-normal" : "normal");
    print_rate(trial_count(t, RUNS, COVERS), RUNS - trial_count(t, RUNS, UNUSED), cases[k].published, 400);
    printf("\n");
  }
  return DWELL_OK;
}

/* ---- shares of heads ---- */

typedef struct share_case {
  size_t prompts, heads;
  double share, spread; /* of the prompts' own shares, relative to the mean: gamma law */
  double published;     /* misses of the upper end by bootstrap-t alone */
} share_case;

/* Sum of `spread`-dependent exponentials: a gamma variable of mean 1 and relative variance spread^2 = 1 / m. */
static double relative_share(uint64_t run, size_t prompt, double spread) {
  if (spread == 0) return 1;
  size_t m = (size_t)(1 / (spread * spread) + 0.5);
  double sum = 0;
  for (size_t k = 0; k < m; k++) sum -= log(trial_uniform(run, 0, prompt, k)) / (double)m;
  return sum;
}

static dwell_status cover_share(const void *which, size_t run, unsigned *ret_flags, dwell_error *err) {
  const share_case *c = which;
  double x[MOST_PROMPTS];
  interval found;
  location l;
  bool valid;
  for (size_t p = 0; p < c->prompts; p++) {
    double share = fmin(1, c->share * relative_share(run, p, c->spread));
    size_t count = 0;
    for (size_t h = 0; h < c->heads; h++) count += trial_uniform(run, 1, p, h) < share;
    x[p] = (double)count / (double)c->heads;
  }
  dwell_status status = interval_bootstrap_t(c->prompts, x, run, &found, &valid, err);
  if (status == DWELL_OK) status = location_of_mean(c->prompts, x, c->share, run, &l, err);
  if (status != DWELL_OK) return status;
  *ret_flags = (valid ? 0 : UNUSED) | (valid && found.high < c->share ? MISSES_ABOVE : 0) | (l.below ? SAYS_BELOW : 0);
  return DWELL_OK;
}

static dwell_status print_shares(const dwell_context *ctx, trial *t, dwell_error *err) {
  static const share_case cases[] = {{12, 36, .05, .5, .037}, {24, 36, .05, .5, .035}, {12, 36, .05, 1, .078},
                                     {24, 36, .05, 1, .032},  {12, 36, .15, .5, .045}, {24, 36, .15, .5, .038},
                                     {12, 24, .02, 0, .30},   {24, 24, .02, 0, .16},   {12, 24, .10, .5, NAN},
                                     {24, 24, .10, .5, NAN},  {12, 72, .10, .5, NAN},  {24, 72, .10, .5, NAN}};
  printf(
      "\nShares of heads: how often the upper end lies below the truth (nominal .025, %d runs). The prompts' own "
      "shares "
      "follow a gamma law; the specification does not say its law. Where bootstrap-t does not hold the sign rule takes "
      "over: `the rule` is how often location and margin would say \"below\" with the margin at the truth.\n\n",
      RUNS);
  printf(
      "| prompts | heads | share | spread | bootstrap-t, where used | not used | the rule "
      "|\n|---|---|---|---|---|---|---|\n");
  for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
    dwell_status status = trial_all(ctx, t, RUNS, &cases[k], cover_share, err);
    if (status != DWELL_OK) return status;
    size_t unused = trial_count(t, RUNS, UNUSED);
    printf("| %zu | %zu | %.2f | %.1f |", cases[k].prompts, cases[k].heads, cases[k].share, cases[k].spread);
    if (unused < RUNS) print_rate(trial_count(t, RUNS, MISSES_ABOVE), RUNS - unused, cases[k].published, 1000);
    else printf(" [%.2f] |", cases[k].published);
    print_rate(unused, RUNS, NAN, 0);
    print_rate(trial_count(t, RUNS, SAYS_BELOW), RUNS, NAN, 0);
    printf("\n");
  }
  return DWELL_OK;
}

/* ---- prompts and seeds ---- */

enum { BY_PROMPTS = 1, BY_CROSSED = 2, BY_RANK = 4 };

typedef struct seed_case {
  size_t seeds;
  double ratio;  /* sd of the seeds over that of the prompts */
  bool skewed;   /* log-normal seeds, sd of the logarithm .7 */
  double effect; /* of training, in sd of the prompts */
  double published_prompts, published_crossed;
} seed_case;

static double of_seed(const seed_case *c, uint64_t run, size_t seed) {
  double z = trial_normal(run, 1, seed, 0);
  if (!c->skewed) return c->ratio * z;
  double mean = exp(0.245), sd = sqrt(exp(0.98) - exp(0.49));
  return c->ratio * (exp(0.7 * z) - mean) / sd;
}

/* The trained network is one more seed, plus the effect: 12 prompts of sd 1, half of whose variance is shared. */
static dwell_status contrast(const void *which, size_t run, unsigned *ret_flags, dwell_error *err) {
  enum { PROMPTS = 12 };
  const seed_case *c = which;
  double trained[PROMPTS], seeds[MOST_SEEDS * PROMPTS], difference[PROMPTS];
  interval by_prompts;
  bool valid;
  for (size_t p = 0; p < PROMPTS; p++) {
    double shared = sqrt(.51) * trial_normal(run, 2, p, 0), sum = 0;
    trained[p] = c->effect + shared + .7 * trial_normal(run, 3, p, 0) + of_seed(c, run, 0);
    for (size_t k = 0; k < c->seeds; k++) {
      seeds[k * PROMPTS + p] = shared + .7 * trial_normal(run, 4, p, k) + of_seed(c, run, k + 1);
      sum += seeds[k * PROMPTS + p];
    }
    difference[p] = trained[p] - sum / (double)c->seeds;
  }
  crossed found = interval_crossed(PROMPTS, trained, c->seeds, seeds);
  dwell_status status = interval_bootstrap_t(PROMPTS, difference, run, &by_prompts, &valid, err);
  size_t above = 0;
  for (size_t k = 0; k < c->seeds; k++)
    above += sample_mean(PROMPTS, seeds + k * PROMPTS) >= sample_mean(PROMPTS, trained);
  *ret_flags = (by_prompts.low > 0 ? BY_PROMPTS : 0) | (found.interval.low > 0 ? BY_CROSSED : 0) |
               ((double)(1 + above) / (double)(c->seeds + 1) <= 0.05 ? BY_RANK : 0);
  return status;
}

static dwell_status print_seeds(const dwell_context *ctx, trial *t, dwell_error *err) {
  static const seed_case cases[] = {
      {3, .25, false, 0, .095, .019},  {3, .5, false, 0, .21, .031},  {3, 1, false, 0, .34, .036},
      {5, .25, false, 0, .095, .015},  {5, .5, false, 0, .21, .023},  {5, 1, false, 0, .34, .026},
      {9, .25, false, 0, .095, .011},  {9, .5, false, 0, .21, .020},  {9, 1, false, 0, .34, .025},
      {19, .25, false, 0, .095, .010}, {19, .5, false, 0, .21, .019}, {19, 1, false, 0, .34, .024},
      {5, .5, true, 0, NAN, .05},      {19, .5, true, 0, NAN, .05},   {5, .5, false, 2, NAN, .73},
      {9, .5, false, 2, NAN, .85},     {19, .5, false, 2, NAN, .91},  {5, .5, false, 4, NAN, 1},
  };
  printf(
      "\nA further random seed as the \"trained\" network (12 prompts, %d runs): how often the lower end of the "
      "contrast "
      "exceeds 0 (nominal .025) by an interval over prompts only and by the crossed one; the rank gate (nominal .05) "
      "where 19 seeds allow it. Rows with an effect, in sd of the prompts: power.\n\n",
      RUNS);
  printf(
      "| seeds | sd of seeds / prompts | law | effect | prompts only | crossed | rank gate "
      "|\n|---|---|---|---|---|---|---|\n");
  for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
    const seed_case *c = &cases[k];
    dwell_status status = trial_all(ctx, t, RUNS, c, contrast, err);
    if (status != DWELL_OK) return status;
    printf("| %zu | %.2f | %s | %g |", c->seeds, c->ratio, c->skewed ? "log-normal" : "normal", c->effect);
    print_rate(trial_count(t, RUNS, BY_PROMPTS), RUNS, c->published_prompts, RUNS);
    print_rate(trial_count(t, RUNS, BY_CROSSED), RUNS, c->published_crossed, RUNS);
    if (c->seeds >= 19) print_rate(trial_count(t, RUNS, BY_RANK), RUNS, NAN, 0);
    else printf(" |");
    printf("\n");
  }
  return DWELL_OK;
}

static dwell_status run_intervals(const dwell_context *ctx, dwell_error *err) {
  static trial t;
  dwell_status status = print_means(ctx, &t, err);
  if (status == DWELL_OK) status = print_shares(ctx, &t, err);
  return status == DWELL_OK ? print_seeds(ctx, &t, err) : status;
}

/* ---- rule A ---- */

enum { CONFIRMED = 1, FALSIFIED = 2 };

typedef struct study_case {
  double g, c; /* truth: of the trained network, and of it minus the seeds */
  size_t prompts, seeds;
} study_case;

static dwell_status judge(const void *which, size_t run, unsigned *ret_flags, dwell_error *err) {
  const study_case *s = which;
  double values[2 * MOST_PROMPTS] = {0}, controls[MOST_SEEDS * MOST_PROMPTS];
  for (size_t p = 0; p < s->prompts; p++) {
    double shared = .015 * trial_normal(run, 5, p, 0);
    values[p] = s->g + shared + .02 * trial_normal(run, 6, p, 0) + .005 * trial_normal(run, 7, 0, 0);
    for (size_t k = 0; k < s->seeds; k++)
      controls[k * s->prompts + p] =
          s->g - s->c + shared + .02 * trial_normal(run, 8, p, k) + .005 * trial_normal(run, 7, 1, k);
  }
  const claim_sample sample = {
      .prompts = s->prompts, .seeds = s->seeds, .values = values, .controls = controls, .layers = 12, .seed = run};
  claim_thresholds t = claim_thresholds_default();
  claim_verdict v;
  dwell_status status = claim_find("A")->decide(&sample, &t, &v, err);
  if (status == DWELL_OK) status = verdicts_settle(&v, 1, FAMILY, &t, err);
  *ret_flags = v.outcome == CLAIM_CONFIRMED ? CONFIRMED : v.outcome == CLAIM_FALSIFIED ? FALSIFIED : 0;
  return status;
}

/* Specification, 9.9: CONFIRMED at 12 prompts with 5, 9, 19 seeds, at 24; FALSIFIED the same. */
static const struct {
  double g, c, confirmed[6], falsified[6];
} truths[] = {
    {0, 0, {0, 0, 0, 0, 0, 0}, {.11, .10, .11, .29, .28, .29}},
    {.05, 0, {0, 0, 0, 0, 0, 0}, {.02, .03, .01, .04, .05, .05}},
    {.01, .05, {.026, .030, .018, .046, .050, .028}, {.006, .014, .006, .02, .02, .02}},
    {.05, .01, {0, .006, 0, 0, .004, 0}, {.002, .004, .002, 0, .006, .004}},
    {.03, .03, {.16, .18, .25, .32, .43, .52}, {0, 0, 0, 0, 0, 0}},
    {.05, .05, {.79, .92, .96, .91, .98, 1}, {0, 0, 0, 0, 0, 0}},
    {.07, .07, {.98, 1, 1, 1, 1, 1}, {0, 0, 0, 0, 0, 0}},
};

static dwell_status print_truth(const dwell_context *ctx, trial *t, size_t at, dwell_error *err) {
  static const size_t seeds[] = {5, 9, 19};
  size_t confirmed[6], falsified[6];
  for (size_t k = 0; k < 6; k++) {
    const study_case s = {truths[at].g, truths[at].c, k < 3 ? 12 : 24, seeds[k % 3]};
    dwell_status status = trial_all(ctx, t, STUDIES, &s, judge, err);
    if (status != DWELL_OK) return status;
    confirmed[k] = trial_count(t, STUDIES, CONFIRMED), falsified[k] = trial_count(t, STUDIES, FALSIFIED);
  }
  printf("| %g | %g | CONFIRMED |", truths[at].g, truths[at].c);
  for (size_t k = 0; k < 6; k++) print_rate(confirmed[k], STUDIES, truths[at].confirmed[k], STUDIES);
  printf("\n| | | FALSIFIED |");
  for (size_t k = 0; k < 6; k++) print_rate(falsified[k], STUDIES, truths[at].falsified[k], STUDIES);
  printf("\n");
  fflush(stdout);
  return DWELL_OK;
}

static dwell_status run_rule(const dwell_context *ctx, dwell_error *err) {
  static trial t;
  printf(
      "Claim A on simulated numbers: prompts of sd .015 with an interaction of .02, seeds of sd .005, %d studies a "
      "cell, "
      "Holm in a family of %d at first rank; in brackets the specification (9.9). g: effect of the trained network, c: "
      "of it minus random weights; the margin is .01.\n\n",
      STUDIES, FAMILY);
  printf(
      "| g | c | | P = 12, M = 5 | 12, 9 | 12, 19 | 24, 5 | 24, 9 | 24, 19 |\n|---|---|---|---|---|---|---|---|---|\n");
  for (size_t k = 0; k < sizeof truths / sizeof truths[0]; k++) {
    dwell_status status = print_truth(ctx, &t, k, err);
    if (status != DWELL_OK) return status;
  }
  return DWELL_OK;
}

const calibration_part calibrate_intervals = {"intervals", "Coverage of intervals", run_intervals};
const calibration_part calibrate_rule = {"rule", "Claim A on simulated numbers", run_rule};
