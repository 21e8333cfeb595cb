/* figure/shapes.c - which limits other Q, K, V have: a protocol of classes and outcomes, the unknown one among them. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "figure/figures.h"
#include "flow/layer.h"
#include "linalg/eigen.h"
#include "theorem/numerics.h"
#include "theorem/particles.h"

enum { N = 32, MOST_D = 8, DIMENSIONS = 3, FEATURES = 4 };
enum { HORIZON = 50, SAMPLES = 500 };

/* What acts on the tokens of the sphere. */
typedef enum class_of {
  PLAIN,      /* B = V = I: one point, which checks the protocol */
  LINEAR,     /* linear scores: an axis, which checks it too */
  RANDOM,     /* B, V Gaussian / sqrt(d) */
  INDEFINITE, /* B = V symmetric, of either sign */
  SKEW,       /* B skew, V = I */
  TURNING,    /* B = I, V = I + a skew matrix */
  JORDAN,     /* B = I, V = I + nilpotent */
  REPELLING,  /* B = I, V = -I */
  LOW_RANK,   /* B of rank 1, V = I */
  TRANSPOSED, /* B Gaussian, V = B^T */
  CLASSES
} class_of;

static const char *const class_names[CLASSES] = {
    "B = V = I",    "linear scores",     "B, V Gaussian", "B = V symmetric",    "B skew, V = I",
    "V = I + skew", "V = I + nilpotent", "V = −I",        "B of rank 1, V = I", "B Gaussian, V = Bᵀ"};

/* The first that fits. */
typedef enum outcome {
  ONE_POINT,
  AXIS,      /* two opposite points */
  POINTS,    /* more of them, at rest */
  SUBSPHERE, /* at rest in a smaller sphere, not in few points */
  ORBIT,     /* in motion, and back within 1e-6 */
  WANDER,    /* in motion as fast as before, not back in time: on a torus, or irregular */
  LATE,      /* in motion, but slower than before, or not far enough to have come round: not there yet */
  UNKNOWN,   /* at rest, none of these */
  OUTCOMES
} outcome;

static const char *const outcome_names[OUTCOMES] = {"one point", "axis",      "points", "subsphere",
                                                    "orbit",     "no return", "late",   "unknown"};
static const size_t dimensions[DIMENSIONS] = {2, 3, 8};

/* ---- classes ---- */

typedef struct forms {
  double b[MOST_D * MOST_D], v[MOST_D * MOST_D], one[MOST_D * MOST_D];
} forms;

static double entry(uint32_t seed, size_t i, size_t k, size_t d) {
  return numerics_normal(seed, i, k) / sqrt((double)d);
}

static void draw_forms(class_of which, size_t d, uint32_t seed, forms *f) {
  for (size_t i = 0; i < d; i++)
    for (size_t k = 0; k < d; k++) {
      size_t e = i * d + k;
      double identity = i == k, a = entry(seed, i, k, d), t = entry(seed, k, i, d), own = entry(seed, i, d + k, d);
      f->one[e] = identity;
      f->b[e] = which == SKEW || which == INDEFINITE ? 0
                : which == LOW_RANK                  ? entry(seed, i, 0, 1) * entry(seed, k, 1, 1)
                                                     : a;
      if (which == PLAIN || which == LINEAR || which == TURNING || which == JORDAN || which == REPELLING)
        f->b[e] = identity;
      if (which == SKEW) f->b[e] = (a - t) * sqrt(0.5);
      if (which == INDEFINITE) f->b[e] = (a + t) * sqrt(0.5);
      f->v[e] = identity;
      if (which == RANDOM) f->v[e] = own;
      if (which == INDEFINITE) f->v[e] = f->b[e];
      if (which == TURNING) f->v[e] = identity + (a - t) * sqrt(0.5);
      if (which == JORDAN) f->v[e] = identity + (k > i ? a : 0);
      if (which == REPELLING) f->v[e] = -identity;
      if (which == TRANSPOSED) f->v[e] = t;
    }
}

/* ---- outcomes ---- */

typedef struct features {
  size_t groups; /* linked within .02 */
  bool tight;    /* no group is wider than 1e-3 */
  size_t rank;   /* of the tokens */
  double speed, least;
} features;

static double largest_width(const particles *p) {
  double widest = 0;
  for (size_t i = 0; i < N; i++)
    for (size_t j = 0; j < i; j++) {
      double gap = 1 - particles_cosine(p, i, j);
      if (gap <= 2e-4) widest = fmax(widest, gap);
    }
  return sqrt(2 * widest);
}

static dwell_status rank_of(const particles *p, size_t *ret_rank, dwell_error *err) {
  double moments[MOST_D * MOST_D] = {0}, values[MOST_D];
  size_t d = p->d;
  for (size_t i = 0; i < N; i++)
    for (size_t k = 0; k < d; k++)
      for (size_t l = 0; l < d; l++) moments[k * d + l] += p->x[i * d + k] * p->x[i * d + l] / N;
  dwell_status status = eigen_values(d, moments, values, err);
  *ret_rank = 0;
  for (size_t k = 0; k < d; k++) *ret_rank += values[k] > 1e-8;
  return status;
}

static dwell_status look(const particles *p, features *ret, dwell_error *err) {
  double v[N * MOST_D];
  field_facts facts;
  dwell_status status = DWELL_OK;
  TRY(particles_velocity(p, v, &facts, err));
  ret->speed = facts.speed;
  ret->groups = particles_clusters(p, 2e-4);
  ret->tight = largest_width(p) < 1e-3;
  ret->least = particles_least_cosine(p);
  TRY(rank_of(p, &ret->rank, err));
done:
  return status;
}

static outcome at_rest(const particles *p, const features *f) {
  if (f->groups == 1 && f->tight) return ONE_POINT;
  if (f->groups == 2 && f->tight && f->least < -1 + 1e-6) return AXIS;
  if (f->groups <= N / 2 && f->tight) return POINTS;
  if (f->rank < p->d) return SUBSPHERE;
  return UNKNOWN;
}

static double distance(size_t size, const double *x, const double *y) {
  double most = 0;
  for (size_t e = 0; e < size; e++) most = fmax(most, fabs(x[e] - y[e]));
  return most;
}

/* The farthest that a token has gone from x to y. */
static double stretch(size_t d, const double *x, const double *y) {
  double most = 0;
  for (size_t i = 0; i < N; i++) {
    double square = 0;
    for (size_t k = 0; k < d; k++) square += (x[i * d + k] - y[i * d + k]) * (x[i * d + k] - y[i * d + k]);
    most = fmax(most, sqrt(square));
  }
  return most;
}

/* Distance to `from` a time `wait` after the state `near`; the particles are put back there. */
static dwell_status reach(particles *p, const double *near, double wait, const double *from, double *ret,
                          dwell_error *err) {
  size_t size = N * p->d;
  memcpy(p->x, near, size * sizeof *near);
  p->t = 0;
  dwell_status status = particles_to(p, wait, NULL, err);
  *ret = distance(size, p->x, from);
  return status;
}

/* The least distance to `from` over a time of `span` after `near`, by golden section. */
static dwell_status closest(particles *p, const double *near, double span, const double *from, double *ret,
                            dwell_error *err) {
  static const double golden = 0.6180339887498949;
  dwell_status status = DWELL_OK;
  double a = 0, b = span, u = b - golden * b, v = golden * b, at_u, at_v;
  TRY(reach(p, near, u, from, &at_u, err));
  TRY(reach(p, near, v, from, &at_v, err));
  for (int i = 0; i < 36; i++) {
    if (at_u < at_v) {
      b = v, v = u, at_v = at_u, u = b - golden * (b - a);
      TRY(reach(p, near, u, from, &at_u, err));
    } else {
      a = u, u = v, at_u = at_v, v = a + golden * (b - a);
      TRY(reach(p, near, v, from, &at_v, err));
    }
  }
  *ret = fmin(at_u, at_v);
done:
  return status;
}

/* Motion over another HORIZON: ORBIT if the tokens, after they have been farther than .05 from where they are, come
 * back within 1e-6 (sampled minima are looked at closely); LATE if they are slow and become slower, or if no token goes
 * the length of a great circle: near a saddle tokens become faster too, and a slow orbit has no time to close. */
static dwell_status watch(particles *p, outcome *ret, dwell_error *err) {
  size_t size = N * p->d;
  dwell_status status = DWELL_OK;
  double *states = MEM_NEW(double, (SAMPLES + 1) * N * MOST_D), gaps[SAMPLES + 1], step = (double)HORIZON / SAMPLES;
  double best = INFINITY, way[2] = {0};
  bool away = false;
  TRY_ALLOC(states, "the ways of tokens");
  memcpy(states, p->x, size * sizeof *states);
  gaps[0] = 0;
  for (size_t k = 1; k <= SAMPLES; k++) {
    p->t = 0;
    TRY(particles_to(p, step, NULL, err));
    memcpy(states + k * size, p->x, size * sizeof *states);
    gaps[k] = distance(size, p->x, states);
    way[k > SAMPLES / 2] += stretch(p->d, p->x, states + (k - 1) * size);
  }
  bool slower = way[1] < 0.95 * way[0] && way[1] < 0.05 * HORIZON / 2;
  *ret = slower || way[0] + way[1] < 2 * acos(-1) ? LATE : WANDER;
  for (size_t k = 1; k < SAMPLES && *ret != ORBIT; k++) {
    double gap;
    away = away || gaps[k] > 0.05;
    if (!away || gaps[k] > gaps[k - 1] || gaps[k] > gaps[k + 1] || gaps[k] > 0.5 || gaps[k] > best) continue;
    best = gaps[k];
    TRY(closest(p, states + (k - 1) * size, 2 * step, states, &gap, err));
    if (gap < 1e-6) *ret = ORBIT;
  }
done:
  mem_free(states);
  return status;
}

static dwell_status decide(particles *p, double *ret_values, dwell_error *err) {
  dwell_status status = DWELL_OK;
  features half, end;
  outcome found = UNKNOWN;
  TRY(particles_to(p, HORIZON, NULL, err));
  TRY(look(p, &half, err));
  TRY(particles_to(p, 2 * HORIZON, NULL, err));
  TRY(look(p, &end, err));
  if (end.speed < 1e-6) {
    found = at_rest(p, &end);
  } else if (end.speed < 0.5 * half.speed || end.groups != half.groups) {
    found = LATE;
  } else {
    TRY(watch(p, &found, err));
  }
  ret_values[0] = (double)found, ret_values[1] = (double)end.groups;
  ret_values[2] = end.speed, ret_values[3] = (double)end.rank;
done:
  return status;
}

typedef struct sizes {
  size_t draws, starts;
} sizes;

/* Item: dimension, class, draw, start. Its seeds are numbers of its own: a start can be made again. */
static dwell_status run(void *arg, size_t item, double *ret_values, dwell_error *err) {
  const sizes *s = arg;
  size_t start = item % s->starts, draw = item / s->starts % s->draws, which = item / s->starts / s->draws % CLASSES;
  size_t d = dimensions[item / s->starts / s->draws / CLASSES];
  dwell_status status = DWELL_OK;
  forms f;
  draw_forms((class_of)which, d, (uint32_t)(31000 + draw), &f);
  flow_layer layer = {.d = d, .heads = 1, .rank = d, .query = f.b, .key = f.one, .value_rank = d, .read = f.v};
  layer.symmetric = which == PLAIN || which == LINEAR || which == INDEFINITE || which == REPELLING;
  layer.form_norm = 6, layer.value_norm = 6;
  particles p = {0};
  TRY(particles_open(which == LINEAR ? "linear" : "qkv", N, d, 1, &p, err));
  p.plan.system.layer = &layer, p.plan.rtol = 1e-8;
  particles_uniform(&p, (uint32_t)(31500 + draw * s->starts + start));
  TRY(decide(&p, ret_values, err));
done:
  particles_close(&p);
  return status;
}

/* ---- drawing ---- */

/* Shares of outcomes as discs, with their percentages. */
static dwell_status draw(figure_sheet *s, size_t which, const double *found, const sizes *size, dwell_error *err) {
  enum { LEFT = 150, WIDE = 66, HIGH = 25, TOP = 26 };
  char title[32], id[16], text[32];
  double runs = (double)(size->draws * size->starts), width = LEFT + WIDE * OUTCOMES + 10,
         height = TOP + HIGH * CLASSES + 8;
  snprintf(title, sizeof title, "d = %zu", dimensions[which]);
  snprintf(id, sizeof id, "d%zu", dimensions[which]);
  strbuf *out = figure_panel_begin(s, width, height, title, err);
  if (out == NULL) return DWELL_NO_MEMORY;
  svg_open(out, id, width, height, title, "shares of outcomes by class", NULL);
  for (size_t o = 0; o < OUTCOMES; o++)
    svg_text(out, "lab", LEFT + WIDE * ((double)o + 0.5), 14, 'm', outcome_names[o]);
  for (size_t c = 0; c < CLASSES; c++) {
    double y = TOP + HIGH * ((double)c + 0.5), count[OUTCOMES] = {0};
    const double *rows = found + (which * CLASSES + c) * (size_t)runs * FEATURES;
    for (size_t r = 0; r < (size_t)runs; r++) count[(size_t)rows[r * FEATURES]]++;
    svg_line(out, "grid", LEFT, y, width, y);
    svg_text(out, "lab", LEFT - 12, y + 4, 'e', class_names[c]);
    for (size_t o = 0; o < OUTCOMES; o++) {
      double x = LEFT + WIDE * ((double)o + 0.4), share = count[o] / runs;
      if (count[o] == 0) continue;
      svg_circle(out, o == UNKNOWN ? "dot fc1" : o >= ORBIT ? "dot fc2" : "dot fc0", x, y, fmax(1.5, 10 * sqrt(share)));
      snprintf(text, sizeof text, share >= 0.0995 ? "%.0f %%" : "%.1f %%", 100 * share);
      svg_text(out, "note", x + 13, y + 4, 's', text);
    }
  }
  svg_close(out);
  return DWELL_OK;
}

/* Starts of a class that end as they should. */
static double ends(const double *found, const sizes *size, size_t which, class_of class, outcome wanted) {
  size_t runs = size->draws * size->starts;
  double count = 0;
  for (size_t r = 0; r < runs; r++) count += found[((which * CLASSES + class) * runs + r) * FEATURES] == wanted;
  return count;
}

static dwell_status check(figure_sheet *s, const double *found, const sizes *size, dwell_error *err) {
  dwell_status status = DWELL_OK;
  double runs = (double)(size->draws * size->starts);
  char name[40];
  for (size_t w = 0; w < DIMENSIONS; w++) {
    snprintf(name, sizeof name, "plain.d%zu", dimensions[w]);
    TRY(figure_check_value(s, name, "B = V = I: starts that end in one point", THEOREM_EQUAL,
                           ends(found, size, w, PLAIN, ONE_POINT), runs, 0, "theorem T3 (and d = 2: arXiv:2507.22857)",
                           err));
    snprintf(name, sizeof name, "linear.d%zu", dimensions[w]);
    TRY(figure_check_value(s, name, "linear scores: starts that end on an axis or in one of its points", THEOREM_EQUAL,
                           ends(found, size, w, LINEAR, AXIS) + ends(found, size, w, LINEAR, ONE_POINT) +
                               ends(found, size, w, LINEAR, LATE),
                           runs, 0, "theorem T26; a small gap of the second moments takes longer", err));
    snprintf(name, sizeof name, "gradient.d%zu", dimensions[w]);
    TRY(figure_check_value(s, name, "B = V symmetric, a gradient flow: starts that circle or wander", THEOREM_EQUAL,
                           ends(found, size, w, INDEFINITE, ORBIT) + ends(found, size, w, INDEFINITE, WANDER), 0, 0,
                           "theorem T31", err));
  }
done:
  return status;
}

static dwell_status make(figure_sheet *s, dwell_error *err) {
  dwell_status status = DWELL_OK;
  sizes size = s->quick ? (sizes){3, 1} : (sizes){100, 5};
  size_t runs = size.draws * size.starts, count = DIMENSIONS * CLASSES * runs;
  double *found = mem_alloc(count, FEATURES * sizeof(double)), unknown = 0;
  TRY_ALLOC(found, "the outcomes of the figure");
  TRY(figure_compute(s, "shapes", count, FEATURES, run, &size, found, err));
  for (size_t w = 0; w < DIMENSIONS; w++) TRY(draw(s, w, found, &size, err));
  for (size_t r = 0; r < count; r++) unknown += found[r * FEATURES] == UNKNOWN;
  snprintf(s->note, sizeof s->note,
           "%d tokens on the sphere, β = 1, %zu draws of the matrices × %zu starts for each class and dimension, seen "
           "at t = "
           "%d and %d (and, if still in motion, over as much again). A share of 0 is below %.2g at 95 per cent. "
           "Unknown shapes: %.0f; the npz holds outcome, groups, speed "
           "and rank of every run in the order of dimension, class, draw, start.",
           N, size.draws, size.starts, HORIZON, 2 * HORIZON, 3.0 / (double)runs, unknown);
  TRY(figure_keep(s, "runs", 4, (size_t[]){DIMENSIONS, CLASSES, runs, FEATURES}, found, err));
  TRY(check(s, found, &size, err));
done:
  mem_free(found);
  return status;
}

const figure figure_shapes = {
    .name = "shapes",
    .summary = "Other queries, keys and values: which limits they have",
    .source = "open question of arXiv:2305.05465 and arXiv:2312.10794; the protocol is theorem T31's",
    .shows =
        "For ten classes of matrices and three dimensions, which share of starts ends in one point, on an axis, in "
        "several points, in a smaller sphere, on a periodic orbit, in motion without return, not yet anywhere, or at "
        "rest in "
        "a shape that is none of these.",
    .original = "Which shapes have the limits where Q, K and V are not those of the theorems?",
    .ours =
        "A shape is named only if its test passes; what passes none is counted as unknown and can be made again by its "
        "place in the npz. Two classes with known limits check the protocol. Five starts for each of 100 draws: a "
        "share's error is that of the draws.",
    .is_experiment = true,
    .make = make,
};
