/* figure/taxonomy.c - attention on R^d without layer norm: the shapes of its limits. */
#include <math.h>
#include <stdio.h>

#include "base/error.h"
#include "base/mem.h"
#include "detect/taxonomy.h"
#include "figure/figures.h"
#include "flow/euclid.h"
#include "theorem/leaders.h"
#include "theorem/numerics.h"

enum { TOKENS = LEADERS_TOKENS, MOST_STARTS = 200, FRAMES = 121 };

/* Item: shape, then start. ret_values[0]: was the limit's shape the expected one? */
static dwell_status run_start(void *arg, size_t item, double *ret_values, dwell_error *err) {
  size_t starts = *(const size_t *)arg;
  bool right;
  dwell_status status = leaders_limit(item / starts, (uint32_t)(item % starts), &right, err);
  *ret_values = right;
  return status;
}

typedef struct film {
  size_t size;
  double *states;
} film;

static dwell_status note(void *self, size_t index, const double *z, dwell_error *err) {
  (void)err;
  film *f = self;
  for (size_t e = 0; e < f->size; e++) f->states[index * f->size + e] = z[e];
  return DWELL_OK;
}

/* States [FRAMES, TOKENS, d] of one start. */
static dwell_status run_film(void *arg, size_t item, double *ret_values, dwell_error *err) {
  (void)arg;
  const leaders_shape *shape = &leaders_shapes[item];
  double times[FRAMES], masses[TOKENS], z[TOKENS * LEADERS_MOST_D];
  film f = {TOKENS * shape->d, ret_values};
  for (size_t i = 0; i < TOKENS; i++) masses[i] = 1.0 / TOKENS;
  for (size_t k = 0; k < FRAMES; k++) times[k] = shape->t * pow((double)k / (FRAMES - 1), 3);
  for (size_t e = 0; e < f.size; e++) z[e] = leaders_start(3, e);
  euclid e = {.n = TOKENS, .d = shape->d, .beta = 1, .masses = masses, .rescaled = shape->rescaled, .opt_v = shape->v};
  ode_plan plan = {.integrator = DWELL_RK45, .rtol = 1e-9, .times = times, .count = FRAMES};
  ode_host host = {.emit = note, .self = &f};
  ode_outcome outcome;
  return euclid_solve(&e, &plan, &host, z, &outcome, err);
}

/* Two directions to look along: x and y of the paper. Polytopes in three dimensions are seen from a corner; a polytope
 * times a line along that line; hyperplanes with the eigenvector that they are level sets of (V symmetric: both sides')
 * as x. */
static void choose_view(const leaders_shape *shape, double ret[2][LEADERS_MOST_D]) {
  static const double corner[2][LEADERS_MOST_D] = {{-0.87, 0.87, 0}, {-0.45, -0.45, 1}};
  bool flat = shape->d == 2 || shape->expected == TAXONOMY_PRODUCT;
  for (size_t k = 0; k < LEADERS_MOST_D; k++)
    for (size_t i = 0; i < 2; i++) ret[i][k] = flat ? (double)(k == i) : corner[i][k];
  if (flat || shape->expected != TAXONOMY_HYPERPLANES) return;
  double *u = ret[0], *w = ret[1], norm;
  for (size_t k = 0; k < 3; k++) u[k] = 1, w[k] = (double)(k == 2);
  for (int i = 0; i < 200; i++) {
    double next[3] = {0};
    for (size_t e = 0; e < 9; e++) next[e / 3] += shape->v[e] * u[e % 3];
    norm = sqrt(next[0] * next[0] + next[1] * next[1] + next[2] * next[2]);
    for (size_t k = 0; k < 3; k++) u[k] = next[k] / norm;
  }
  for (size_t k = 0; k < 3; k++) w[k] = (double)(k == 2) - u[2] * u[k];
}

static void project(size_t d, const double view[2][LEADERS_MOST_D], const double *z, double ret[2]) {
  ret[0] = ret[1] = 0;
  for (size_t k = 0; k < d; k++) ret[0] += view[0][k] * z[k], ret[1] += view[1][k] * z[k];
}

static bool shapes_a_polytope(taxonomy_shape shape) { return shape == TAXONOMY_POLYTOPE || shape == TAXONOMY_PRODUCT; }

/* The corners of the hull of TOKENS points in order, the first again at the end; returns their number. */
static size_t outline(const double *x, const double *y, double ret[2][TOKENS + 1]) {
  size_t first = 0, count = 0, at;
  for (size_t i = 1; i < TOKENS; i++) first = x[i] < x[first] ? i : first;
  at = first;
  do {
    size_t next = at == 0 ? 1 : 0;
    ret[0][count] = x[at], ret[1][count++] = y[at];
    for (size_t i = 0; i < TOKENS; i++) {
      double turn = (x[next] - x[at]) * (y[i] - y[at]) - (y[next] - y[at]) * (x[i] - x[at]);
      if (turn < 0) next = i;
    }
    at = next;
  } while (at != first && count < TOKENS);
  ret[0][count] = ret[0][0], ret[1][count] = ret[1][0];
  return count + 1;
}

static dwell_status draw(figure_sheet *s, size_t which, const double *states, dwell_error *err) {
  static const char *const names[][3] = {
      {"V = I, d = 2: a polytope", "z₁", "z₂"},
      {"V = I, d = 3: a polytope", "seen from a corner", "height"},
      {"simple leading λ, d = 2: hyperplanes", "z₁", "z₂"},
      {"V = diag(1, 1, −½): polytope × line", "z₁ (seen along the line, z₃)", "z₂"},
      {"V = −I, d = 3: the origin", "seen from a corner", "height"},
      {"symmetric V, d = 3: hyperplanes", "⟨φ₁, z⟩", "a direction of the planes"},
  };
  plot p;
  double x[FRAMES], y[FRAMES], at[2], most[2] = {0}, ends[2 * TOKENS], view[2][LEADERS_MOST_D];
  size_t d = leaders_shapes[which].d;
  choose_view(&leaders_shapes[which], view);
  char id[16];
  snprintf(id, sizeof id, "shape%zu", which);
  strbuf *out = figure_panel_begin(s, 330, 310, names[which][0], err);
  if (out == NULL) return DWELL_NO_MEMORY;
  for (size_t e = 0; e < FRAMES * TOKENS; e++) {
    project(d, view, states + e * d, at);
    most[0] = fmax(most[0], fabs(at[0])), most[1] = fmax(most[1], fabs(at[1]));
  }
  plot_begin(&p, out,
             &(plot_frame){.id = id,
                           .title = names[which][0],
                           .description = "ways of tokens",
                           .width = 330,
                           .height = 310,
                           .right = 14,
                           .x = scale_make(SCALE_LINEAR, -1.05 * most[0], 1.05 * most[0]),
                           .y = scale_make(SCALE_LINEAR, -1.05 * most[1], 1.05 * most[1]),
                           .x_label = names[which][1],
                           .y_label = names[which][2]});
  if (shapes_a_polytope(leaders_shapes[which].expected)) {
    double hull[2][TOKENS + 1], last[2][TOKENS];
    for (size_t i = 0; i < TOKENS; i++) {
      project(d, view, states + ((FRAMES - 1) * TOKENS + i) * d, at);
      last[0][i] = at[0], last[1][i] = at[1];
    }
    size_t corners = outline(last[0], last[1], hull);
    plot_line(&p, hull[0], hull[1], corners, &(plot_style){.colour = "c1", .more = "dash thin"});
  }
  for (size_t i = 0; i < TOKENS; i++) {
    for (size_t f = 0; f < FRAMES; f++) {
      project(d, view, states + (f * TOKENS + i) * d, at);
      x[f] = at[0], y[f] = at[1];
    }
    plot_line(&p, x, y, FRAMES, &(plot_style){.colour = "c6", .more = "thin faint"});
    plot_points(&p, x, y, (bool[]){false}, 1, &(plot_style){.colour = "c6"});
    ends[i] = x[FRAMES - 1], ends[TOKENS + i] = y[FRAMES - 1];
  }
  plot_points(&p, ends, ends + TOKENS, NULL, TOKENS, &(plot_style){.colour = "c1"});
  plot_end(&p);
  return figure_keep(s, id, 3, (size_t[]){FRAMES, TOKENS, d}, states, err);
}

static dwell_status check(figure_sheet *s, size_t which, double right, size_t starts, dwell_error *err) {
  char name[32];
  snprintf(name, sizeof name, "shape.%zu", which);
  return figure_check_value(s, name, "starts whose limit has the shape that theory gives (T21)", THEOREM_EQUAL, right,
                            (double)starts, 0, "a count", err);
}

static dwell_status make(figure_sheet *s, dwell_error *err) {
  enum { SIZE = FRAMES * TOKENS * LEADERS_MOST_D };
  dwell_status status = DWELL_OK;
  bool all = true;
  size_t starts = s->quick ? 4 : MOST_STARTS;
  double *right = MEM_NEW(double, LEADERS_SHAPES *MOST_STARTS),
         *films = mem_alloc(LEADERS_SHAPES, SIZE * sizeof(double));
  if (right == NULL || films == NULL) TRY_ALLOC(NULL, "the figure");
  s->columns = 3;
  for (size_t e = 0; e < (size_t)LEADERS_SHAPES * SIZE; e++) films[e] = 0;
  TRY(figure_compute(s, "films", LEADERS_SHAPES, SIZE, run_film, NULL, films, err));
  TRY(figure_compute(s, "taxonomy", LEADERS_SHAPES * starts, 1, run_start, &starts, right, err));
  for (size_t k = 0; k < LEADERS_SHAPES; k++) {
    double count = 0;
    for (size_t i = 0; i < starts; i++) count += right[k * starts + i];
    TRY(draw(s, k, films + k * SIZE, err));
    TRY(check(s, k, count, starts, err));
    all &= count == (double)starts;
  }
  snprintf(
      s->note, sizeof s->note,
      "%d tokens from [−5, 5]ᵈ (rings), their ways in the frame that grows with the flow (V = −I: as they are), "
      "and where they end (dots; dashed: the outline of their hull). Of %zu starts each the limits were told as these "
      "shapes in %s.",
      TOKENS, starts, all ? "all" : "not all: see the table");
done:
  mem_free(right);
  mem_free(films);
  return status;
}

const figure figure_taxonomy = {
    .name = "taxonomy",
    .summary = "Attention without layer norm: shapes of the limits",
    .source = "Geshkovski, Letrouit, Polyanskiy, Rigollet, arXiv:2305.05465, table 1 and figures",
    .shows =
        "One start for each row of the table of limits: a polytope, hyperplanes, a polytope times a line, the origin.",
    .original =
        "Pictures of single starts up to t = 5, with an integrator that holds the attention matrix through a step; "
        "that a limit is a polytope or lies on hyperplanes is left to the eye.",
    .ours =
        "The exact frame, later times, and every limit of 200 starts decided by linear programs and gaps with margins "
        "(unknown shapes would be counted as such).",
    .make = make,
};
