/* figure/sphere.c - tokens on the sphere of three dimensions run into one. */
#include <math.h>
#include <stdio.h>

#include "base/error.h"
#include "base/mem.h"
#include "draw/colour.h"
#include "figure/figures.h"
#include "theorem/particles.h"

enum { TOKENS = 64, FRAMES = 151, SIDE = 300 };

static const double UNTIL = 15;
static const double betas[] = {1, 4, 9};
enum { PANELS = sizeof betas / sizeof betas[0] };

/* States [FRAMES, TOKENS, 3]. */
static dwell_status run(void *arg, size_t item, double *ret_values, dwell_error *err) {
  (void)arg;
  dwell_status status = DWELL_OK;
  particles p = {0};
  TRY(particles_open("sa", TOKENS, 3, betas[item], &p, err));
  particles_uniform(&p, 7015);
  p.plan.rtol = 1e-9;
  for (size_t f = 0; f < FRAMES; f++) {
    TRY(particles_to(&p, UNTIL * (double)f / (FRAMES - 1), NULL, err));
    for (size_t e = 0; e < TOKENS * 3; e++) ret_values[f * TOKENS * 3 + e] = p.x[e];
  }
done:
  particles_close(&p);
  return status;
}

/* Where a point is on paper, seen from a little above; ret[2] > 0: in front. */
static void project(const double *x, double ret[3]) {
  double turn = 0.5, lift = 0.35, a = cos(turn) * x[0] + sin(turn) * x[1], b = -sin(turn) * x[0] + cos(turn) * x[1];
  double radius = SIDE / 2.0 - 14;
  ret[0] = SIDE / 2.0 + radius * b;
  ret[1] = SIDE / 2.0 - radius * (cos(lift) * x[2] - sin(lift) * a);
  ret[2] = cos(lift) * a + sin(lift) * x[2];
}

/* The visible half of a circle on the sphere: points with height sin(latitude), or a meridian. */
static void grid_line(strbuf *out, bool meridian, double angle) {
  enum { POINTS = 73 };
  double x[POINTS], y[POINTS], at[3], step = acos(-1) / 36;
  for (size_t i = 0; i < POINTS; i++) {
    double s = step * (double)i;
    double on[3] = {cos(angle) * cos(s), cos(angle) * sin(s), sin(angle)};
    double across[3] = {cos(angle) * cos(s), sin(angle) * cos(s), sin(s)};
    project(meridian ? across : on, at);
    x[i] = at[2] >= 0 ? at[0] : NAN, y[i] = at[1];
  }
  strbuf_puts(out, "<path class=\"grid\" fill=\"none\" d=\"");
  svg_path_points(out, x, y, POINTS);
  strbuf_puts(out, "\"/>\n");
}

static void draw_outline(strbuf *out) { svg_circle(out, "axis", SIDE / 2.0, SIDE / 2.0, SIDE / 2.0 - 14); }

static void draw_ball(strbuf *out) {
  double degree = acos(-1) / 180;
  for (int k = -2; k <= 2; k++) grid_line(out, false, 30 * k * degree);
  for (int k = 0; k < 6; k++) grid_line(out, true, 30 * k * degree);
}

/* A token's way, in pieces of one colour by time; what is behind the ball is faint. */
static void draw_way(strbuf *out, const double *states, size_t token) {
  enum { PIECE = 10 };
  for (size_t from = 0; from + 1 < FRAMES; from += PIECE) {
    double x[PIECE + 1], y[PIECE + 1], at[3];
    size_t count = 0;
    bool front = true;
    for (size_t f = from; f <= from + PIECE && f < FRAMES; f++, count++) {
      project(states + (f * TOKENS + token) * 3, at);
      x[count] = at[0], y[count] = at[1];
      if (count == 0) front = at[2] >= 0;
    }
    strbuf_printf(out, "<path class=\"line thin sm%d%s\" d=\"", 6 + (int)(25 * from / FRAMES), front ? "" : " faint");
    svg_path_points(out, x, y, count);
    strbuf_puts(out, "\"/>\n");
  }
}

static void draw_tokens(strbuf *out, const double *states, size_t frame, const char *filled, const char *behind) {
  for (size_t i = 0; i < TOKENS; i++) {
    double at[3];
    project(states + (frame * TOKENS + i) * 3, at);
    svg_circle(out, at[2] >= 0 ? filled : behind, at[0], at[1], frame == 0 ? 2.2 : 4);
  }
}

static dwell_status draw(figure_sheet *s, size_t panel, const double *states, dwell_error *err) {
  char title[48], id[16];
  snprintf(title, sizeof title, "β = %g", betas[panel]);
  snprintf(id, sizeof id, "ball%zu", panel);
  strbuf *out = figure_panel_begin(s, SIDE, SIDE, title, err);
  if (out == NULL) return DWELL_NO_MEMORY;
  svg_open(out, id, SIDE, SIDE, title, "trajectories of tokens on the sphere", NULL);
  draw_ball(out);
  for (size_t i = 0; i < TOKENS; i++) draw_way(out, states, i);
  draw_tokens(out, states, 0, "dot fc6", "dot fc6 pale");
  draw_outline(out); /* over the rims of the dots */
  draw_tokens(out, states, FRAMES - 1, "dot fc1", "dot fc1 pale");
  svg_close(out);
  snprintf(title, sizeof title, "states_beta_%g", betas[panel]);
  return figure_keep(s, title, 3, (size_t[]){FRAMES, TOKENS, 3}, states, err);
}

static dwell_status make(figure_sheet *s, dwell_error *err) {
  enum { SIZE = FRAMES * TOKENS * 3 };
  dwell_status status = DWELL_OK;
  size_t panels = s->quick ? 1 : PANELS;
  double *states = mem_alloc(PANELS, SIZE * sizeof(double)), least = 1;
  TRY_ALLOC(states, "the states of the figure");
  s->columns = 3;
  TRY(figure_compute(s, "sphere", panels, SIZE, run, NULL, states, err));
  for (size_t i = 0; i < panels; i++) TRY(draw(s, i, states + i * SIZE, err));
  const double *end = states + (FRAMES - 1) * TOKENS * 3;
  for (size_t i = 1; i < TOKENS; i++) {
    double g = 0;
    for (size_t k = 0; k < 3; k++) g += end[k] * end[i * 3 + k];
    least = fmin(least, g);
  }
  snprintf(
      s->note, sizeof s->note,
      "%d uniform tokens in three dimensions, t = 0 (grey) to %g (orange); lines darken with time; what lies behind "
      "the ball is pale. At β = 1 one cluster is left, colder ones still have several.",
      TOKENS, UNTIL);
  TRY(figure_check_value(s, "one-cluster", "least cosine with the first token at β = 1, t = 15", THEOREM_AT_LEAST,
                         least, 0.999, 0, "theorem T3: one cluster from almost every start", err));
done:
  mem_free(states);
  return status;
}

const figure figure_sphere = {
    .name = "sphere",
    .summary = "Tokens on the sphere run into one cluster",
    .source = "arXiv:2312.10794 and its code (64 tokens, d = 3, β = 1, t ≤ 15)",
    .shows =
        "The ways of 64 tokens on the sphere; beside the published temperature two colder ones, at which several "
        "clusters are left at the same time.",
    .original = "Euler steps of .1 followed by normalisation, random weights redrawn on demand; one temperature.",
    .ours = "The flow at 1e-9 per step, and the same start at each temperature.",
    .make = make,
};
