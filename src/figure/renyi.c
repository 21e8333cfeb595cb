/* figure/renyi.c - causal attention: tokens gather at Renyi centres and later leave them. */
#include <math.h>
#include <stdio.h>

#include "base/error.h"
#include "base/mem.h"
#include "figure/figures.h"
#include "theorem/numerics.h"
#include "theorem/particles.h"

enum { TOKENS = 200, FRAMES = 121, SHOWN = 4, SAMPLES = 2000 };

static const double BETA = 64, UNTIL = 150;

/* t = 0, then equally spaced logarithms. */
static double time_of(size_t frame) {
  return frame == 0 ? 0 : 0.05 * pow(UNTIL / 0.05, (double)(frame - 1) / (FRAMES - 2));
}

static double delta(void) { return 4 / sqrt(BETA); }

static dwell_status run(void *arg, size_t item, double *ret_values, dwell_error *err) {
  (void)item;
  const size_t *tokens = arg;
  dwell_status status = DWELL_OK;
  particles p = {0};
  TRY(particles_open("sa", *tokens, 2, BETA, &p, err));
  p.plan.system.causal = true;
  p.plan.rtol = 1e-8;
  particles_uniform(&p, 9000);
  for (size_t f = 0; f < FRAMES; f++) {
    TRY(particles_to(&p, time_of(f), NULL, err));
    for (size_t i = 0; i < *tokens; i++) ret_values[f * *tokens + i] = atan2(p.x[2 * i + 1], p.x[2 * i]);
  }
done:
  particles_close(&p);
  return status;
}

/* The token is farther than delta from every earlier one (strong), or from every earlier centre. */
static size_t find_centres(size_t n, const double *angle, bool strong, bool *ret_centre) {
  size_t count = 0;
  for (size_t i = 0; i < n; i++) {
    ret_centre[i] = true;
    for (size_t j = 0; j < i && ret_centre[i]; j++)
      if ((strong || ret_centre[j]) && cos(angle[i] - angle[j]) >= cos(delta())) ret_centre[i] = false;
    count += ret_centre[i];
  }
  return count;
}

/* Groups of angles joined by gaps below a tenth of delta. */
static size_t count_groups(size_t n, const double *angle) {
  particles p = {.n = n, .d = 2};
  double x[2 * TOKENS];
  p.x = x;
  particles_angles(&p, angle);
  return particles_clusters(&p, 1 - cos(delta() / 10));
}

static dwell_status draw_ways(figure_sheet *s, size_t n, const double *angle, const bool *strong, const bool *ordinary,
                              dwell_error *err) {
  plot p;
  double x[FRAMES], y[FRAMES], pi = acos(-1);
  strbuf *out = figure_panel_begin(s, 620, 380, "every token", err);
  if (out == NULL) return DWELL_NO_MEMORY;
  plot_begin(&p, out,
             &(plot_frame){.id = "ways",
                           .title = "angles",
                           .description = "angles of tokens over time",
                           .width = 620,
                           .height = 380,
                           .right = 16,
                           .x = scale_make(SCALE_LOG, 0.05, UNTIL),
                           .y = scale_make(SCALE_LINEAR, -pi, pi),
                           .x_label = "time t",
                           .y_label = "angle (radians)"});
  for (int front = 0; front < 3; front++)
    for (size_t i = 0; i < n; i++) {
      int rank = strong[i] ? 2 : ordinary[i] ? 1 : 0;
      if (rank != front) continue;
      for (size_t f = 1; f < FRAMES; f++) {
        x[f - 1] = time_of(f), y[f - 1] = angle[f * n + i];
        if (f > 1 && fabs(y[f - 1] - y[f - 2]) > pi) y[f - 2] = NAN;
      }
      plot_line(&p, x, y, FRAMES - 1,
                &(plot_style){.colour = rank == 2   ? "c1"
                                        : rank == 1 ? "c0"
                                                    : "c6",
                              .more = rank == 0 ? "faint" : "thin"});
    }
  plot_end(&p);
  return DWELL_OK;
}

static dwell_status draw_moments(figure_sheet *s, size_t n, const double *angle, const bool *strong, dwell_error *err) {
  static const double moments[SHOWN] = {0, 5, 75, 150};
  plot p;
  double x[TOKENS], y[TOKENS], pi = acos(-1);
  strbuf *out = figure_panel_begin(s, 420, 380, "four moments", err);
  if (out == NULL) return DWELL_NO_MEMORY;
  plot_begin(&p, out,
             &(plot_frame){.id = "moments",
                           .title = "moments",
                           .description = "angles at four times",
                           .width = 420,
                           .height = 380,
                           .right = 60,
                           .x = scale_make(SCALE_LINEAR, -pi, pi),
                           .y = scale_make(SCALE_LINEAR, 0, SHOWN),
                           .x_label = "angle (radians)",
                           .y_label = "place in the sequence: the first token is lowest in each band",
                           .bare_y = true});
  for (size_t m = 0; m < SHOWN; m++) {
    size_t f = 0, row = SHOWN - 1 - m;
    static char labels[SHOWN][32];
    while (f + 1 < FRAMES && time_of(f) < moments[m] * 0.999) f++;
    for (int front = 0; front < 2; front++) {
      size_t count = 0;
      for (size_t i = 0; i < n; i++) {
        if (strong[i] != (front == 1)) continue;
        x[count] = angle[f * n + i], y[count++] = (double)row + 0.06 + 0.86 * (double)i / (double)n;
      }
      plot_points(&p, x, y, NULL, count, &(plot_style){.colour = front == 1 ? "c1" : "c0"});
    }
    snprintf(labels[m], sizeof labels[m], "t = %g", moments[m]);
    plot_rule(&p, (double)row, &(plot_style){.colour = "c6", .more = "faint", .label = labels[m]});
  }
  plot_end(&p);
  return DWELL_OK;
}

/* Means over samples of uniform tokens, for the check. */
static dwell_status check(figure_sheet *s, dwell_error *err) {
  static const char *const rows[2] = {"T15.centres.d2", "T15.strong-centres.d2"};
  dwell_status status = DWELL_OK;
  size_t samples = s->quick ? 200 : SAMPLES;
  double *found = MEM_NEW(double, SAMPLES), angle[TOKENS], pi = acos(-1), error;
  bool centre[TOKENS];
  TRY_ALLOC(found, "samples of Renyi centres");
  for (int strong = 0; strong < 2; strong++) {
    for (size_t k = 0; k < samples; k++) {
      for (size_t i = 0; i < TOKENS; i++) angle[i] = 2 * pi * numerics_uniform(9100, k, i);
      found[k] = (double)find_centres(TOKENS, angle, strong == 1, centre);
    }
    double mean = numerics_mean(samples, found, &error);
    TRY(figure_check_row_within(s, rows[strong], mean, NAN, 4 * error, NULL, err));
  }
done:
  mem_free(found);
  return status;
}

static dwell_status make(figure_sheet *s, dwell_error *err) {
  dwell_status status = DWELL_OK;
  size_t n = s->quick ? 60 : TOKENS;
  bool strong[TOKENS], ordinary[TOKENS];
  double *angle = MEM_NEW(double, FRAMES *TOKENS), times[FRAMES];
  TRY_ALLOC(angle, "the angles of the figure");
  s->columns = 2;
  TRY(figure_compute(s, "renyi", 1, FRAMES * n, run, &n, angle, err));
  size_t strong_count = find_centres(n, angle, true, strong), count = find_centres(n, angle, false, ordinary);
  size_t early = 1;
  while (time_of(early) < 20) early++;
  snprintf(
      s->note, sizeof s->note,
      "%zu uniform tokens on the circle, β = %g, δ = 4/√β = %.2g. Orange: the %zu strong Rényi centres (farther than δ "
      "from every earlier token; π/δ = %.2f expected); blue, left: the other %zu ordinary ones. Groups at t = 20: "
      "%zu; at t = 150: %zu.",
      n, BETA, delta(), strong_count, acos(-1) / delta(), count - strong_count, count_groups(n, angle + early * n),
      count_groups(n, angle + (FRAMES - 1) * n));
  TRY(draw_ways(s, n, angle, strong, ordinary, err));
  TRY(draw_moments(s, n, angle, strong, err));
  for (size_t f = 0; f < FRAMES; f++) times[f] = time_of(f);
  TRY(figure_keep_series(s, "time", FRAMES, times, err));
  TRY(figure_keep(s, "angle", 2, (size_t[]){FRAMES, n}, angle, err));
  TRY(check(s, err));
done:
  mem_free(angle);
  return status;
}

const figure figure_renyi = {
    .name = "renyi",
    .summary = "Causal attention: tokens gather at Rényi centres",
    .source = "Karagodin, Polyanskiy, Rigollet, arXiv:2411.04990, figure 2",
    .shows =
        "The angles of 200 tokens under causal attention. Tokens that are far from all earlier ones hold still for "
        "long and gather the later ones; in the end all go to the first token.",
    .original = "Snapshots of one start, among them t = 75 and 150.",
    .ours =
        "All moments as well, with the strong and the ordinary centres marked; their expected numbers are checked over "
        "2000 samples.",
    .make = make,
};
