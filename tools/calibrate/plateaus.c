/* tools/calibrate/plateaus.c - plateaus of series that have none, and of series that dwell. */
#include <math.h>
#include <stdio.h>

#include "base/error.h"
#include "calibrate.h"
#include "detect/detect.h"
#include "trial.h"

enum { RUNS = TRIAL_RUNS, REJECTS = 1, MOST_STEPS = 48 };

typedef struct series_case {
  const char *name;
  double sd;          /* of the logarithm of a step's size */
  double correlation; /* of one step's logarithm with the next */
  double decay;       /* the last steps are smaller by this factor */
  double slower;      /* in the middle half of the steps; 0: none */
  size_t steps;
  double published;
} series_case;

static dwell_status find(const void *which, size_t run, unsigned *ret_flags, dwell_error *err) {
  const series_case *c = which;
  double changes[MOST_STEPS], z = 0, fresh = sqrt(1 - c->correlation * c->correlation);
  plateau_setting setting = PLATEAU_SETTING;
  plateaus found;
  for (size_t b = 0; b < c->steps; b++) {
    double e = trial_normal(run, 40, b, 0), along = (double)b / (double)(c->steps - 1);
    bool middle = 4 * b >= c->steps && 4 * b < 3 * c->steps;
    z = b == 0 ? e : c->correlation * z + fresh * e;
    changes[b] = exp(c->sd * z) * pow(c->decay, -along) / (c->slower > 0 && middle ? c->slower : 1);
  }
  setting.seed = run;
  dwell_status status = detect_plateaus(changes, c->steps, NULL, &setting, &found, err);
  if (status == DWELL_OK && found.p.undefined == NULL && found.p.number <= 0.05) *ret_flags |= REJECTS;
  plateaus_free(&found);
  return status;
}

static dwell_status run_plateaus(const dwell_context *ctx, dwell_error *err) {
  static trial t;
  static const series_case cases[] = {
      {"independent steps", 1, 0, 1, 0, 12, .015},
      {"independent steps", 1, 0, 1, 0, 24, .015},
      {"independent steps", 1, 0, 1, 0, 48, .015},
      {"steps that shrink tenfold", .5, 0, 10, 0, 12, .03},
      {"steps that shrink tenfold", .5, 0, 10, 0, 24, .03},
      {"steps that shrink tenfold", .5, 0, 10, 0, 48, .03},
      {"logarithms correlated by .7", 1, .7, 1, 0, 12, .04},
      {"logarithms correlated by .7", 1, .7, 1, 0, 24, .20},
      {"logarithms correlated by .7", 1, .7, 1, 0, 48, .39},
      {"dwell: middle half 12 times slower", .5, 0, 1, 12, 6, .04},
      {"dwell: middle half 12 times slower", .5, 0, 1, 12, 12, .75},
      {"dwell: middle half 12 times slower", .5, 0, 1, 12, 24, .87},
      {"dwell: middle half 12 times slower", .5, 0, 1, 12, 48, .99},
  };
  printf(
      "%d series a row, 999 permutations of the steps: share with p <= 0.05, in brackets the specification (5.1; it "
      "does "
      "not say how much its steps vary). Steps are log-normal, with a standard deviation of the logarithm of 1, or of "
      ".5 "
      "where they shrink or dwell.\n\n",
      RUNS);
  printf("| series | steps | found |\n|---|---|---|\n");
  for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
    dwell_status status = trial_all(ctx, &t, RUNS, &cases[k], find, err);
    if (status != DWELL_OK) return status;
    printf("| %s | %zu |", cases[k].name, cases[k].steps);
    print_rate(trial_count(&t, RUNS, REJECTS), RUNS, cases[k].published, 200);
    printf("\n");
  }
  return DWELL_OK;
}

const calibration_part calibrate_plateaus = {"plateaus", "Plateaus along the layers", run_plateaus};
