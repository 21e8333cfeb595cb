/* figure/hardmax.c - attention at infinite beta: leaders, and what finite beta selects where it leaves a choice. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "figure/figures.h"
#include "theorem/hardmax.h"
#include "theorem/numerics.h"

enum { POINTS = 161, BETAS = 4, TIES = 4, PLANE = 40, LAYERS = 60, LEAVES = 24 };

static const double END = 4;
static const double betas[BETAS] = {3, 10, 30, 100};
static const char *const colours[BETAS] = {"c5", "c0", "c2", "c3"};
static const double deltas[TIES] = {1e-2, 1e-4, 1e-8, 0};

/* z_2 of three tokens on the line, over t in [0, END]. */
static void follow(double beta, const double start[3], double ret_middle[POINTS]) {
  hardmax_line l = {3, beta};
  double z[3];
  memcpy(z, start, sizeof z);
  ret_middle[0] = z[1];
  for (size_t k = 1; k < POINTS; k++) {
    numerics_rk4(3, hardmax_attract, &l, 0, END / (POINTS - 1), (size_t)fmax(4, beta), z);
    ret_middle[k] = z[1];
  }
}

static plot_frame frame_of(const char *id, const char *title) {
  return (plot_frame){.id = id, .title = title, .description = title, .width = 450, .height = 300, .right = 16};
}

/* ---- the tokens in the plane ---- */

typedef struct plane {
  double ways[LAYERS + 1][PLANE][2];
  bool leader[PLANE];
} plane;

/* One layer of arXiv:2407.01602 with alpha = .3: to the mean of the tokens of the largest score, oneself among them.
 * Leaders are those whose own score is the largest. */
static void plane_layer(const double z[PLANE][2], double ret[PLANE][2], bool *leader) {
  static const double alpha = 0.3;
  for (size_t i = 0; i < PLANE; i++) {
    double top = -INFINITY, sum[2] = {0}, count = 0;
    for (size_t j = 0; j < PLANE; j++) top = fmax(top, z[i][0] * z[j][0] + z[i][1] * z[j][1]);
    for (size_t j = 0; j < PLANE; j++) {
      if (z[i][0] * z[j][0] + z[i][1] * z[j][1] < top - 1e-13 * fmax(1, fabs(top))) continue;
      sum[0] += z[j][0], sum[1] += z[j][1], count++;
    }
    double own = z[i][0] * z[i][0] + z[i][1] * z[i][1];
    leader[i] = count == 1 && own >= top;
    for (int k = 0; k < 2; k++) ret[i][k] = z[i][k] + alpha / (1 + alpha) * (sum[k] / count - z[i][k]);
  }
}

static void run_plane(plane *p) {
  bool now[PLANE];
  for (size_t i = 0; i < PLANE; i++)
    for (size_t k = 0; k < 2; k++) p->ways[0][i][k] = numerics_normal(2407, i, k);
  for (size_t l = 0; l < LAYERS; l++) plane_layer(p->ways[l], p->ways[l + 1], l == 0 ? p->leader : now);
}

/* Tokens that end farther than 1e-3 from every leader and from every segment between two of them. */
static double astray(const plane *p) {
  size_t count = 0;
  for (size_t i = 0; i < PLANE; i++) {
    const double *z = p->ways[LAYERS][i];
    double nearest = INFINITY;
    for (size_t a = 0; a < PLANE; a++)
      for (size_t b = 0; b <= a; b++) {
        const double *from = p->ways[0][a], *to = p->ways[0][b];
        if (!p->leader[a] || !p->leader[b]) continue;
        double along[2] = {to[0] - from[0], to[1] - from[1]}, square = along[0] * along[0] + along[1] * along[1];
        double part = square > 0 ? ((z[0] - from[0]) * along[0] + (z[1] - from[1]) * along[1]) / square : 0;
        part = fmax(0, fmin(1, part));
        nearest = fmin(nearest, hypot(z[0] - from[0] - part * along[0], z[1] - from[1] - part * along[1]));
      }
    count += nearest > 1e-3;
  }
  return (double)count;
}

static dwell_status draw_plane(figure_sheet *s, const plane *p, dwell_error *err) {
  plot q;
  double x[LAYERS + 1], y[LAYERS + 1];
  plot_frame frame = frame_of("plane", "leaders in the plane");
  strbuf *out = figure_panel_begin(s, 450, 300, "layers in the plane: leaders stand, the others follow", err);
  if (out == NULL) return DWELL_NO_MEMORY;
  frame.x = scale_make(SCALE_LINEAR, -3.3, 3.3), frame.y = scale_make(SCALE_LINEAR, -2.4, 2.4);
  frame.x_label = "z₁", frame.y_label = "z₂";
  plot_begin(&q, out, &frame);
  for (size_t i = 0; i < PLANE; i++) {
    for (size_t l = 0; l <= LAYERS; l++) x[l] = p->ways[l][i][0], y[l] = p->ways[l][i][1];
    plot_line(&q, x, y, LAYERS + 1, &(plot_style){.colour = "c6", .more = "thin faint"});
    plot_points(&q, x, y, (bool[]){false}, 1, &(plot_style){.colour = "c6"});
    if (!p->leader[i]) plot_points(&q, x + LAYERS, y + LAYERS, NULL, 1, &(plot_style){.colour = "c0"});
  }
  for (size_t i = 0; i < PLANE; i++)
    if (p->leader[i]) plot_points(&q, &p->ways[0][i][0], &p->ways[0][i][1], NULL, 1, &(plot_style){.colour = "c1"});
  plot_end(&q);
  return figure_keep(s, "plane", 3, (size_t[]){LAYERS + 1, PLANE, 2}, &p->ways[0][0][0], err);
}

/* ---- the line ---- */

static dwell_status draw_follow(figure_sheet *s, const double *t, dwell_error *err) {
  static const double start[3] = {-1, 0, 2};
  plot p;
  double middle[BETAS * POINTS], limit[POINTS];
  plot_frame frame = frame_of("follow", "from (-1, 0, 2)");
  strbuf *out = figure_panel_begin(s, 450, 300, "the middle of (−1, 0, 2)", err);
  if (out == NULL) return DWELL_NO_MEMORY;
  frame.x = scale_make(SCALE_LINEAR, 0, END), frame.y = scale_make(SCALE_LINEAR, 0, 2.1);
  frame.x_label = "time t", frame.y_label = "z₂";
  plot_begin(&p, out, &frame);
  for (size_t k = 0; k < POINTS; k++) limit[k] = -2 * expm1(-t[k]);
  plot_style hard = {.colour = "c1", .more = "dash"};
  for (size_t b = 0; b < BETAS; b++) {
    char label[24];
    plot_style style = {.colour = colours[b], .more = "thin"};
    follow(betas[b], start, middle + b * POINTS);
    plot_line(&p, t, middle + b * POINTS, POINTS, &style);
    snprintf(label, sizeof label, "β = %g", betas[b]);
    plot_key(&p, 250, 9 + b, &style, label);
  }
  plot_line(&p, t, limit, POINTS, &hard);
  plot_key(&p, 250, 13, &hard, "β = ∞: 2(1 − e⁻ᵗ)");
  plot_end(&p);
  return figure_keep(s, "follow", 2, (size_t[]){BETAS, POINTS}, middle, err);
}

static dwell_status draw_ties(figure_sheet *s, const double *t, dwell_error *err) {
  static const char *const words[TIES] = {"δ = 10⁻²", "δ = 10⁻⁴", "δ = 10⁻⁸", "δ = 0: the tie is kept"};
  plot p;
  double middle[TIES * POINTS], last[POINTS], first[POINTS];
  plot_frame frame = frame_of("ties", "from (-1, delta, 1)");
  strbuf *out = figure_panel_begin(s, 450, 300, "the middle of (−1, δ, 1): a choice", err);
  if (out == NULL) return DWELL_NO_MEMORY;
  frame.x = scale_make(SCALE_LINEAR, 0, END), frame.y = scale_make(SCALE_LINEAR, -1.05, 1.05);
  frame.x_label = "time t", frame.y_label = "z₂";
  plot_begin(&p, out, &frame);
  for (size_t k = 0; k < POINTS; k++) last[k] = -expm1(-t[k]), first[k] = -last[k];
  plot_style rule = {.colour = "c1", .more = "dash"};
  plot_line(&p, t, last, POINTS, &rule);
  plot_line(&p, t, first, POINTS, &rule);
  plot_key(&p, 190, 8, &rule, "β = ∞, rules “last” and “first”");
  for (size_t i = 0; i < TIES; i++) {
    const double start[3] = {-1, deltas[i], 1};
    plot_style style = {.colour = colours[i], .more = "thin"};
    follow(30, start, middle + i * POINTS);
    plot_line(&p, t, middle + i * POINTS, POINTS, &style);
    plot_key(&p, 190, 9 + i, &style, words[i]);
  }
  plot_end(&p);
  return figure_keep(s, "ties", 2, (size_t[]){TIES, POINTS}, middle, err);
}

static dwell_status draw_leaving(figure_sheet *s, dwell_error *err) {
  static const double from[3] = {1e-4, 1e-8, 1e-12};
  static const char *const words[3] = {"δ = 10⁻⁴", "δ = 10⁻⁸", "δ = 10⁻¹²"};
  plot p;
  double beta[LEAVES], time[3 * LEAVES], law[LEAVES];
  size_t count = s->quick ? LEAVES / 2 : LEAVES;
  plot_frame frame = frame_of("leaving", "time to leave the tie");
  strbuf *out = figure_panel_begin(s, 450, 300, "how long the tie is kept", err);
  if (out == NULL) return DWELL_NO_MEMORY;
  frame.x = scale_make(SCALE_LOG, 10, 1000), frame.y = scale_make(SCALE_LINEAR, 0.5, 3.5);
  frame.x_label = "β", frame.y_label = "time until z₂ = ½";
  plot_begin(&p, out, &frame);
  plot_style theory = {.colour = "c1", .more = "dash"};
  for (size_t i = 0; i < 3; i++) {
    plot_style style = {.colour = colours[i + 1]};
    for (size_t k = 0; k < count; k++) {
      beta[k] = 10 * pow(100, (double)k / (double)(count - 1));
      time[i * count + k] = hardmax_leaves(beta[k], from[i]);
      law[k] = -log(beta[k] * from[i]) / (2 * beta[k] / 3 - 1) + log(2);
      if (law[k] > frame.y.high) law[k] = NAN;
    }
    plot_line(&p, beta, law, count, &theory);
    plot_points(&p, beta, time + i * count, NULL, count, &style);
    plot_key(&p, 190, i, &style, words[i]);
  }
  plot_key(&p, 190, 3, &theory, "ln(1/βδ) / (2β/3 − 1) + ln 2");
  plot_end(&p);
  dwell_status status = figure_keep_series(s, "leaving_beta", count, beta, err);
  return status == DWELL_OK ? figure_keep(s, "leaving_time", 2, (size_t[]){3, count}, time, err) : status;
}

static dwell_status check(figure_sheet *s, const plane *p, dwell_error *err) {
  static const double followed[] = {10, 100, 1000};
  static const struct {
    const char *row;
    double beta, delta;
  } left[] = {{"T28.leaves.100-6", 100, 1e-6},
              {"T28.leaves.100-12", 100, 1e-12},
              {"T28.leaves.1000-6", 1000, 1e-6},
              {"T28.leaves.1000-12", 1000, 1e-12}};
  dwell_status status = DWELL_OK;
  char name[32];
  for (size_t i = 0; i < sizeof followed / sizeof followed[0]; i++) {
    snprintf(name, sizeof name, "T28.follows.%g", followed[i]);
    TRY(figure_check_row(s, name, hardmax_distance(followed[i]), err));
  }
  for (size_t i = 0; i < sizeof left / sizeof left[0]; i++)
    TRY(figure_check_row(s, left[i].row, hardmax_leaves(left[i].beta, left[i].delta), err));
  TRY(figure_check_value(s, "leaders", "tokens of the plane that end neither at a leader nor between two of them",
                         THEOREM_EQUAL, astray(p), 0, 0, "a count (arXiv:2407.01602)", err));
done:
  return status;
}

static dwell_status make(figure_sheet *s, dwell_error *err) {
  dwell_status status = DWELL_OK;
  double t[POINTS];
  size_t leaders = 0;
  plane p;
  s->columns = 2;
  for (size_t k = 0; k < POINTS; k++) t[k] = END * (double)k / (POINTS - 1);
  run_plane(&p);
  for (size_t i = 0; i < PLANE; i++) leaders += p.leader[i];
  TRY(draw_plane(s, &p, err));
  TRY(draw_follow(s, t, err));
  TRY(draw_ties(s, t, err));
  TRY(draw_leaving(s, err));
  TRY(figure_keep_series(s, "time", POINTS, t, err));
  snprintf(
      s->note, sizeof s->note,
      "(a) %d Gaussian tokens, %d layers of step .3/1.3: rings where they start, orange the %zu leaders, blue where "
      "the others end. (b) to (d) three tokens on the line, Q = K = V = 1 and no norm; (c) at β = 30.",
      PLANE, LAYERS, leaders);
  TRY(check(s, &p, err));
done:
  return status;
}

const figure figure_hardmax = {
    .name = "hardmax",
    .summary = "Attention at infinite β: leaders, and what finite β selects",
    .source =
        "Alcalde, Fantuzzi, Zuazua, arXiv:2407.01602; arXiv:2508.09628; the selection is an open question of "
        "arXiv:2312.10794; numbers: theorem T28",
    .shows =
        "Tokens of the plane that go to their leaders; a token that follows the limit's way the closer the larger β "
        "is; and a tie, where the limit has many solutions: one for every rule, all of which finite β leaves in the "
        "end.",
    .original = "Which of the solutions at β = ∞ does a large finite β select?",
    .ours =
        "The mean over the tie, and then whatever branch the tokens' own imbalance δ opens, after a time that shrinks "
        "like 1/β: in double precision the mean rule holds for about 55/β.",
    .is_experiment = true,
    .make = make,
};
