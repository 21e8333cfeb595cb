/* theorem/layer_norm.c - T30, T31: with a norm one point, without one several; outcomes of plain cases. */
#include <math.h>

#include "base/error.h"
#include "base/sort.h"
#include "flow/euclid.h"
#include "flow/layer.h"
#include "theorem/layer_norm.h"
#include "theorem/numerics.h"
#include "theorem/particles.h"
#include "theorem/theorems.h"

/* Groups linked within .02: pairs whose squared distance is at most 4e-4. */
enum { PLAIN = 32, PLAIN_D = 3 };

static size_t groups_of(const double *x) {
  size_t groups = PLAIN, label[PLAIN];
  for (size_t i = 0; i < PLAIN; i++) label[i] = i;
  for (size_t i = 0; i < PLAIN; i++)
    for (size_t j = 0; j < i; j++) {
      double square = 0;
      for (size_t k = 0; k < PLAIN_D; k++) square += pow(x[PLAIN_D * i + k] - x[PLAIN_D * j + k], 2);
      size_t from = label[i], to = label[j];
      if (from == to || square > 4e-4) continue;
      for (size_t k = 0; k < PLAIN; k++) label[k] = label[k] == from ? to : label[k];
      groups--;
    }
  return groups;
}

static dwell_status note_groups(void *self, size_t index, const double *z, dwell_error *err) {
  (void)err;
  ((double *)self)[index] = (double)groups_of(z);
  return DWELL_OK;
}

dwell_status layer_norm_groups(bool norm, uint32_t start, size_t count, const double *times, double *ret_groups,
                               const dwell_context *opt_ctx, dwell_error *err) {
  dwell_status status = DWELL_OK;
  particles p = {0};
  TRY(particles_open("sa", PLAIN, PLAIN_D, 1, &p, err));
  p.plan.rtol = 1e-7;
  particles_uniform(&p, 3000 + start);
  if (norm) {
    for (size_t r = 0; r < count; r++) {
      TRY(particles_to(&p, times[r], opt_ctx, err));
      ret_groups[r] = (double)groups_of(p.x);
    }
  } else {
    euclid e = {.n = PLAIN, .d = PLAIN_D, .beta = 1, .masses = p.masses, .rescaled = true};
    ode_plan plan = {.integrator = DWELL_RK45, .rtol = 1e-7, .times = times, .count = count};
    ode_host host = {.ctx = opt_ctx, .emit = note_groups, .self = ret_groups};
    ode_outcome outcome;
    TRY(euclid_solve(&e, &plan, &host, p.x, &outcome, err));
  }
done:
  particles_close(&p);
  return status;
}

/* Means over starts at the times of the rows: of the number of groups, or (value[2] = 1, at the time of an earlier row)
 * of whether there is one. value: time, starts, one. */
static dwell_status mean_groups(bool norm, double least, const theorem_row *row, size_t count, theorem_outcome *out,
                                const dwell_context *ctx, dwell_error *err) {
  enum { MOST = 400, TIMES = 8 };
  dwell_status status = DWELL_OK;
  size_t starts = (size_t)row->value[1], moments = 0, at[TIMES] = {0};
  double found[TIMES][MOST], times[TIMES], groups[TIMES], error;
  for (; moments < count && row[moments].value[2] == 0; moments++) times[moments] = row[moments].value[0];
  for (size_t r = 0; r < count; r++)
    while (times[at[r]] != row[r].value[0]) at[r]++;
  for (uint32_t s = 0; s < starts; s++) {
    TRY(layer_norm_groups(norm, s, moments, times, groups, ctx, err));
    for (size_t r = 0; r < count; r++) found[r][s] = row[r].value[2] == 0 ? groups[at[r]] : groups[at[r]] == 1;
  }
  for (size_t r = 0; r < count; r++) {
    double share = row[r].predicted, both = sqrt(1 / (double)starts + 1.0 / 200);
    out[r].measured = numerics_mean(starts, found[r], &error);
    out[r].tolerance = row[r].value[2] == 0 ? fmax(least, 4 * error * both * sqrt((double)starts))
                                            : 4 * sqrt(fmax(share * (1 - share), 0.005)) * both;
  }
done:
  return status;
}

/* Mean number of clusters on the sphere. */
static dwell_status with_norm(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                              dwell_error *err) {
  return mean_groups(true, 1e-9, row, count, out, ctx, err);
}

/* Mean number of distinct limits of z = e^{-t} x. */
static dwell_status without_norm(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                                 dwell_error *err) {
  return mean_groups(false, 0.1, row, count, out, ctx, err);
}

/* Over starts: the largest number of distinct limits, and the least. value: time, starts. */
static dwell_status range(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                          dwell_error *err) {
  dwell_status status = DWELL_OK;
  out[0].measured = 0, out[1].measured = INFINITY;
  (void)count;
  for (uint32_t s = 0; s < (uint32_t)row->value[1]; s++) {
    double groups;
    TRY(layer_norm_groups(false, s, 1, row->value, &groups, ctx, err));
    out[0].measured = fmax(out[0].measured, groups);
    out[1].measured = fmin(out[1].measured, groups);
  }
done:
  return status;
}

/* ---- heads ---- */

enum { HEADED = 32, WIDTH = 16, MOST_HEADS = LAYER_NORM_MOST_HEADS, HEAD_STARTS = 64 };

/* Nested heads: the first H of one set per start. B_h = 2 Gaussian / sqrt(d), V_h = I / H or Gaussian / sqrt(d H). */
typedef struct heads {
  size_t count;
  bool random_values;
  double b[MOST_HEADS * WIDTH * WIDTH], v[MOST_HEADS * WIDTH * WIDTH], one[MOST_HEADS * WIDTH * WIDTH];
} heads;

static void draw_heads(heads *h, uint32_t start) {
  for (size_t e = 0; e < h->count * WIDTH * WIDTH; e++) {
    bool diagonal = e % (WIDTH * WIDTH) % (WIDTH + 1) == 0;
    h->one[e] = diagonal;
    h->b[e] = numerics_normal(3200 + start, e, 0) * 2 / sqrt(WIDTH);
    h->v[e] = h->random_values ? numerics_normal(3200 + start, e, 1) / sqrt((double)(WIDTH * h->count))
                               : (double)diagonal / (double)h->count;
  }
}

static double mean_direction_cosine(const double *x) {
  double unit[HEADED * WIDTH], sum = 0;
  field_normalise(HEADED, WIDTH, x, unit);
  for (size_t i = 0; i < HEADED; i++)
    for (size_t j = 0; j < i; j++)
      for (size_t k = 0; k < WIDTH; k++) sum += unit[i * WIDTH + k] * unit[j * WIDTH + k];
  return sum * 2 / (HEADED * (HEADED - 1));
}

static double median_length(const double *x) {
  double length[HEADED];
  for (size_t i = 0; i < HEADED; i++) {
    double square = 0;
    for (size_t k = 0; k < WIDTH; k++) square += x[i * WIDTH + k] * x[i * WIDTH + k];
    length[i] = sqrt(square);
  }
  sort_doubles(length, HEADED);
  return sort_median(length, HEADED);
}

/* Without a norm: x_i' = sum_h V_h sum_j softmax_j(<B_h^T x_i, x_j>) x_j. */
static void bare(double t, const double *x, double *ret_v, const void *arg) {
  (void)t;
  const heads *s = arg;
  for (size_t e = 0; e < HEADED * WIDTH; e++) ret_v[e] = 0;
  for (size_t h = 0; h < s->count; h++)
    for (size_t i = 0; i < HEADED; i++) {
      const double *b = s->b + h * WIDTH * WIDTH, *v = s->v + h * WIDTH * WIDTH;
      double query[WIDTH] = {0}, mean[WIDTH] = {0}, score[HEADED], top = -INFINITY, z = 0;
      for (size_t k = 0; k < WIDTH; k++)
        for (size_t l = 0; l < WIDTH; l++) query[k] += b[k * WIDTH + l] * x[i * WIDTH + l];
      for (size_t j = 0; j < HEADED; j++) {
        score[j] = 0;
        for (size_t k = 0; k < WIDTH; k++) score[j] += query[k] * x[j * WIDTH + k];
        top = fmax(top, score[j]);
      }
      for (size_t j = 0; j < HEADED; j++) {
        double w = exp(score[j] - top);
        z += w;
        for (size_t k = 0; k < WIDTH; k++) mean[k] += w * x[j * WIDTH + k];
      }
      for (size_t k = 0; k < WIDTH; k++)
        for (size_t l = 0; l < WIDTH; l++) ret_v[i * WIDTH + k] += v[k * WIDTH + l] * mean[l] / z;
    }
}

dwell_status layer_norm_cosines(const layer_norm_arm *arm, uint32_t start, size_t count, const double *times,
                                double *ret_cosine, double *opt_length, const dwell_context *opt_ctx,
                                dwell_error *err) {
  dwell_status status = DWELL_OK;
  heads h = {.count = arm->heads, .random_values = arm->random_values};
  flow_layer layer = {.d = WIDTH, .heads = h.count, .rank = WIDTH, .query = h.b, .key = h.one, .value_rank = WIDTH};
  layer.read = h.v, layer.form_norm = 5, layer.value_norm = 2.5 * sqrt((double)h.count);
  particles p = {0};
  TRY(particles_open("qkv", HEADED, WIDTH, 1, &p, err));
  p.plan.system.layer = &layer, p.plan.rtol = 1e-7;
  draw_heads(&h, start);
  particles_uniform(&p, 3300 + start);
  for (size_t r = 0; r < count; r++) {
    double before = p.t, t = times[r];
    if (arm->norm) TRY(particles_to(&p, t, opt_ctx, err));
    else numerics_rk4(HEADED * WIDTH, bare, &h, before, t, (size_t)ceil(40 * (t - before)), p.x), p.t = t;
    ret_cosine[r] = mean_direction_cosine(p.x);
  }
  if (opt_length != NULL) *opt_length = median_length(p.x);
done:
  particles_close(&p);
  return status;
}

/* Mean cosine of directions at the times of the rows. value: time, heads, random values, norm, error of the table. */
static dwell_status headed(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                           dwell_error *err) {
  dwell_status status = DWELL_OK;
  const layer_norm_arm arm = {(size_t)row->value[1], row->value[2] == 1, row->value[3] == 1};
  double found[4][HEAD_STARTS], times[4], cosine[4], error;
  for (size_t r = 0; r < count; r++) times[r] = row[r].value[0];
  for (uint32_t s = 0; s < HEAD_STARTS; s++) {
    TRY(layer_norm_cosines(&arm, s, count, times, cosine, NULL, ctx, err));
    for (size_t r = 0; r < count; r++) found[r][s] = cosine[r];
  }
  for (size_t r = 0; r < count; r++) {
    out[r].measured = numerics_mean(HEAD_STARTS, found[r], &error);
    out[r].tolerance = 4 * hypot(error, row[r].value[4]);
  }
done:
  return status;
}

enum { TOKENS = 12 };

/* x_i' = P_x C x_i, C the second-moment matrix: the linear score. */
static void linear(double t, const double *x, double *ret_v, const void *arg) {
  (void)t, (void)arg;
  for (size_t i = 0; i < TOKENS; i++) {
    double sum[3] = {0}, norm = 0, along = 0;
    for (size_t k = 0; k < 3; k++) norm += x[3 * i + k] * x[3 * i + k];
    for (size_t j = 0; j < TOKENS; j++) {
      double g = x[3 * i] * x[3 * j] + x[3 * i + 1] * x[3 * j + 1] + x[3 * i + 2] * x[3 * j + 2];
      for (size_t k = 0; k < 3; k++) sum[k] += g * x[3 * j + k] / TOKENS;
    }
    for (size_t k = 0; k < 3; k++) along += sum[k] * x[3 * i + k] / norm;
    for (size_t k = 0; k < 3; k++) ret_v[3 * i + k] = sum[k] - along * x[3 * i + k];
  }
}

/* Least |cosine| at the end, and the least cosine. */
static dwell_status antipodal(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                              dwell_error *err) {
  (void)row, (void)count, (void)ctx, (void)err;
  double x[3 * TOKENS];
  for (size_t i = 0; i < TOKENS; i++) {
    double norm = 0;
    for (size_t k = 0; k < 3; k++) x[3 * i + k] = numerics_normal(311, i, k), norm += x[3 * i + k] * x[3 * i + k];
    for (size_t k = 0; k < 3; k++) x[3 * i + k] /= sqrt(norm);
  }
  numerics_rk4(3 * TOKENS, linear, NULL, 0, 400, 8000, x);
  out[0].measured = 1, out[1].measured = 1;
  for (size_t i = 0; i < TOKENS; i++)
    for (size_t j = 0; j < i; j++) {
      double g = 0, a = 0, b = 0;
      for (size_t k = 0; k < 3; k++)
        g += x[3 * i + k] * x[3 * j + k], a += x[3 * i + k] * x[3 * i + k], b += x[3 * j + k] * x[3 * j + k];
      g /= sqrt(a * b);
      out[0].measured = fmin(out[0].measured, fabs(g)), out[1].measured = fmin(out[1].measured, g);
    }
  return DWELL_OK;
}

/* Largest final 1 - R of starts on the sphere, V = B = I. */
static dwell_status one_point(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                              dwell_error *err) {
  (void)count;
  dwell_status status = DWELL_OK;
  particles p = {0};
  TRY(particles_open("sa", 32, (size_t)row->value[0], 1, &p, err));
  p.plan.rtol = 1e-7;
  out->measured = 0;
  for (uint32_t s = 0; s < 20; s++) {
    particles_uniform(&p, 3100 + s);
    p.t = 0;
    TRY(particles_to(&p, 100, ctx, err));
    out->measured = fmax(out->measured, 1 - particles_resultant(&p));
  }
done:
  particles_close(&p);
  return status;
}

/* V a quarter turn times value[1] in the first two coordinates, plus a multiple of I, d = value[0]: 1 - R at the end,
 * and the angular speed of the point. */
static dwell_status turning(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                            dwell_error *err) {
  (void)count;
  enum { MOST_D = 3 };
  dwell_status status = DWELL_OK;
  size_t d = (size_t)row->value[0];
  double one[MOST_D * MOST_D] = {0}, value[MOST_D * MOST_D] = {0}, v[20 * MOST_D];
  field_facts facts;
  flow_layer layer = {.d = d, .heads = 1, .rank = d, .query = one, .key = one, .value_rank = d, .read = value};
  layer.symmetric = true, layer.form_norm = 1, layer.value_norm = 2;
  particles p = {0};
  TRY(particles_open("qkv", 20, d, 1, &p, err));
  for (size_t k = 0; k < d; k++) one[k * (d + 1)] = 1, value[k * (d + 1)] = k < 2 ? 1 : 0.3;
  value[1] = -row->value[1], value[d] = row->value[1];
  p.plan.system.layer = &layer;
  particles_uniform(&p, 3150);
  TRY(particles_to(&p, 60, ctx, err));
  TRY(particles_velocity(&p, v, &facts, err));
  out[0].measured = 1 - particles_resultant(&p);
  out[1].measured = facts.speed;
done:
  particles_close(&p);
  return status;
}

/* B symmetric, V = B: a gradient flow. Share of 20 draws of B that stand still at t = 400 (speed below 1e-6). */
static dwell_status standing(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                             dwell_error *err) {
  (void)count;
  enum { DRAWS = 20, FEW = 12, ACROSS = 3 };
  dwell_status status = DWELL_OK;
  double one[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1}, b[9], v[FEW * ACROSS];
  flow_layer layer = {.d = ACROSS, .heads = 1, .rank = ACROSS, .query = b, .key = one, .value_rank = ACROSS, .read = b};
  layer.symmetric = true, layer.form_norm = 4, layer.value_norm = 4;
  particles p = {0};
  TRY(particles_open("qkv", FEW, ACROSS, 1, &p, err));
  p.plan.system.layer = &layer, p.plan.rtol = 1e-8;
  double still = 0;
  for (uint32_t s = 0; s < DRAWS; s++) {
    field_facts facts;
    for (size_t k = 0; k < ACROSS; k++)
      for (size_t l = 0; l <= k; l++) b[k * ACROSS + l] = b[l * ACROSS + k] = numerics_normal(3160 + s, k, l);
    particles_uniform(&p, 3180 + s);
    p.t = 0;
    TRY(particles_to(&p, row->value[0], ctx, err));
    TRY(particles_velocity(&p, v, &facts, err));
    still += facts.speed < 1e-6;
  }
  out->measured = still / DRAWS;
done:
  particles_close(&p);
  return status;
}

/* Median over starts of the median length. value: time, heads, half a digit of the table. */
static dwell_status lengths(const theorem_row *row, size_t count, theorem_outcome *out, const dwell_context *ctx,
                            dwell_error *err) {
  dwell_status status = DWELL_OK;
  const layer_norm_arm arm = {.heads = (size_t)row->value[1]};
  double found[HEAD_STARTS], cosine, error;
  (void)count;
  for (uint32_t s = 0; s < HEAD_STARTS; s++) {
    TRY(layer_norm_cosines(&arm, s, 1, row->value, &cosine, &found[s], ctx, err));
  }
  (void)numerics_mean(HEAD_STARTS, found, &error);
  sort_doubles(found, HEAD_STARTS);
  out->measured = sort_median(found, HEAD_STARTS);
  out->tolerance = row->value[2] + 4 * 1.25 * sqrt(2) * error;
done:
  return status;
}

#define LENGTH(h, length, half)                                                                                       \
  {                                                                                                                   \
    "T30.length." #h, "median length of a token",                                                                     \
        "without norm, " #h " heads, V_h = I / H, B_h = 2 Gaussian / sqrt(d), n = 32, d = 16, t = 4, 64 starts",      \
        length, THEOREM_EQUAL, THEOREM_COMPUTED, "half a digit and four standard errors of two medians of 64 starts", \
        lengths, {4, h, half}, true                                                                                   \
  }
#define HEADS(name, words, t, h, random, norm, c, se, first)                                                \
  {                                                                                                         \
    "T30.heads." name ".t" #t, "mean cosine of directions, B_h = 2 Gaussian / sqrt(d)",                     \
        words ", n = 32, d = 16, t = " #t ", 64 starts", c, THEOREM_EQUAL, THEOREM_COMPUTED,                \
        "four standard errors of the table's 64 starts and of these", first, {t, h, random, norm, se}, true \
  }
#define HEADS_NORM(h, a, b, c)                                                               \
  HEADS("norm-" #h, "with norm, " #h " heads, V_h = I / H", 1, h, 0, 1, a, 0.007, headed),   \
      HEADS("norm-" #h, "with norm, " #h " heads, V_h = I / H", 2, h, 0, 1, b, 0.013, NULL), \
      HEADS("norm-" #h, "with norm, " #h " heads, V_h = I / H", 4, h, 0, 1, c, 0.001, NULL)
#define HEADS_RANDOM(h, a, b, c, d)                                                                           \
  HEADS("random-" #h, "with norm, " #h " heads, V_h = Gaussian / sqrt(d H)", 1, h, 1, 1, a, 0.004, headed),   \
      HEADS("random-" #h, "with norm, " #h " heads, V_h = Gaussian / sqrt(d H)", 2, h, 1, 1, b, 0.016, NULL), \
      HEADS("random-" #h, "with norm, " #h " heads, V_h = Gaussian / sqrt(d H)", 4, h, 1, 1, c, 0.026, NULL), \
      HEADS("random-" #h, "with norm, " #h " heads, V_h = Gaussian / sqrt(d H)", 6, h, 1, 1, d, 0.008, NULL)
#define HEADS_BARE(h, a, b, c, se)                                                              \
  HEADS("bare-" #h, "without norm, " #h " heads, V_h = I / H", 1, h, 0, 0, a, 0.007, headed),   \
      HEADS("bare-" #h, "without norm, " #h " heads, V_h = I / H", 2, h, 0, 0, b, 0.013, NULL), \
      HEADS("bare-" #h, "without norm, " #h " heads, V_h = I / H", 4, h, 0, 0, c, se, NULL)
#define BARE(t, c, first)                                                                                            \
  {                                                                                                                  \
    "T30.bare.t" #t, "mean number of distinct limits of z = e^{-t} x without norm, linked at .02",                   \
        "flow rd-rescaled, Q = K = V = I, n = 32, d = 3, t = " #t ", 60 starts", c, THEOREM_EQUAL, THEOREM_COMPUTED, \
        "four standard errors of the table's 200 starts and of these", first, {t, 60}, false                         \
  }
#define NORM(t, c, first)                                                                          \
  {                                                                                                \
    "T30.norm.t" #t, "mean number of clusters at linkage .02, with norm",                          \
        "sa, beta = 1, n = 32, d = 3, t = " #t ", 200 starts", c, THEOREM_EQUAL, THEOREM_COMPUTED, \
        "four standard errors of the table's 200 starts and of these", first, {t, 200}, false      \
  }

#define SINGLE(name, words, t, n, share)                                                                               \
  {                                                                                                                    \
    "T30." name ".one-t" #t, "share of starts with one cluster by then", words ", t = " #t ", " #n " starts", share,   \
        THEOREM_EQUAL, THEOREM_COMPUTED, "four binomial standard errors of the table's 200 starts and of these", NULL, \
        {t, n, 1}, false                                                                                               \
  }
#define SINGLE_NORM(t, share) SINGLE("norm", "sa, beta = 1, n = 32, d = 3", t, 200, share)

static const theorem_row rows_30[] = {
    NORM(4, 29.7, with_norm),
    NORM(8, 2.41, NULL),
    NORM(12, 1.015, NULL),
    NORM(20, 1, NULL),
    SINGLE_NORM(8, 0.615),
    SINGLE_NORM(12, 0.99),
    SINGLE_NORM(20, 1),
    BARE(2, 31.3, without_norm),
    BARE(4, 18.7, NULL),
    BARE(8, 4.975, NULL),
    BARE(14, 4.975, NULL),
    SINGLE("bare", "flow rd-rescaled, Q = K = V = I, n = 32, d = 3", 14, 60, 0.005),
    {"T30.bare.most",
     "largest number of distinct limits of any start",
     "flow rd-rescaled, Q = K = V = I, n = 32, d = 3, t = 14, 200 starts",
     12,
     THEOREM_EQUAL,
     2,
     "four sets of 200 starts have a largest of 10, 10, 12 and 12",
     range,
     {14, 200},
     true},
    {"T30.bare.least",
     "and the least",
     "flow rd-rescaled, Q = K = V = I, n = 32, d = 3, t = 14, 200 starts",
     1,
     THEOREM_EQUAL,
     1,
     "in seven of 800 starts it is 1: sets of 200 have a least of 1 or 2",
     NULL,
     {14, 200},
     true},
    HEADS_NORM(1, 0.149, 0.551, 0.982),
    HEADS_NORM(2, 0.150, 0.557, 0.984),
    HEADS_NORM(4, 0.151, 0.563, 0.985),
    HEADS_NORM(8, 0.150, 0.563, 0.985),
    HEADS_RANDOM(1, 0.032, 0.176, 0.746, 0.968),
    HEADS_RANDOM(2, 0.038, 0.197, 0.790, 0.974),
    HEADS_RANDOM(4, 0.042, 0.212, 0.780, 0.972),
    HEADS_RANDOM(8, 0.034, 0.176, 0.717, 0.959),
    HEADS_BARE(1, 0.157, 0.589, 0.918, 0.019),
    HEADS_BARE(8, 0.157, 0.603, 0.988, 0.001),
    LENGTH(1, 14, 0.5),
    LENGTH(8, 9.6, 0.05),
};

static const theorem_row rows_31[] = {
    {"T31.point.d2",
     "V = B = I on the sphere: one point from every start (1 - R, the worst)",
     "n = 32, d = 2, beta = 1",
     0,
     THEOREM_AT_MOST,
     1e-9,
     "steps of 1e-7; distances end at e^-50",
     one_point,
     {2},
     false},
    {"T31.point.d3",
     "V = B = I on the sphere: one point from every start (1 - R, the worst)",
     "n = 32, d = 3, beta = 1",
     0,
     THEOREM_AT_MOST,
     1e-9,
     "steps of 1e-7; distances end at e^-50",
     one_point,
     {3},
     false},
    {"T31.point.d8",
     "V = B = I on the sphere: one point from every start (1 - R, the worst)",
     "n = 32, d = 8, beta = 1",
     0,
     THEOREM_AT_MOST,
     1e-9,
     "steps of 1e-7; distances end at e^-50",
     one_point,
     {8},
     false},
    {"T31.turning.point-d2",
     "V with a complex leading pair: one point (1 - R)",
     "V = I + a quarter turn, n = 20, d = 2, beta = 1, t = 60",
     0,
     THEOREM_AT_MOST,
     1e-9,
     "distances end at e^-60",
     turning,
     {2, 1},
     false},
    {"T31.turning.speed-d2",
     "that never rests: a periodic orbit at the pair's frequency (speed)",
     "V = I + a quarter turn, n = 20, d = 2, beta = 1, t = 60",
     1,
     THEOREM_EQUAL,
     1e-8,
     "steps of 1e-11, some hundred of them",
     NULL,
     {2, 1},
     false},
    {"T31.turning.point-d3",
     "V with a complex leading pair and a lesser value: one point (1 - R)",
     "V = diag(1, 1, .3) + .7 of a quarter turn, n = 20, d = 3, beta = 1, t = 60",
     0,
     THEOREM_AT_MOST,
     1e-9,
     "distances end at e^-60",
     turning,
     {3, 0.7},
     false},
    {"T31.turning.speed-d3",
     "on the great circle of the pair, at its frequency (speed)",
     "V = diag(1, 1, .3) + .7 of a quarter turn, n = 20, d = 3, beta = 1, t = 60",
     0.7,
     THEOREM_EQUAL,
     1e-8,
     "steps of 1e-11, and e^{-.7 60} off the circle",
     NULL,
     {3, 0.7},
     false},
    {"T31.gradient",
     "B symmetric, of any sign, V = B: every run comes to rest (share)",
     "random B, n = 12, d = 3, beta = 1, t = 400, 20 draws",
     1,
     THEOREM_EQUAL,
     0,
     "a count",
     standing,
     {400},
     false},
    {"T31.antipodal",
     "linear score: all tokens on one axis (least |cosine|)",
     "n = 12, d = 3, t = 400",
     1,
     THEOREM_EQUAL,
     1e-9,
     "the gap of the second moments times 400",
     antipodal,
     {0},
     false},
    {"T31.both-ends",
     "at both of its ends (least cosine)",
     "n = 12, d = 3, t = 400",
     -1,
     THEOREM_EQUAL,
     1e-9,
     "the gap of the second moments times 400",
     NULL,
     {0},
     false},
};

const theorem theorem_layer_norm = {"T30", "with a norm", "note on arXiv:2312.10794; numbers: derived here",
                                    THEOREM_ROWS(rows_30)};
const theorem theorem_exploration = {"T31", "outcomes of the plain cases",
                                     "arXiv:2305.05465, arXiv:2312.10794; protocol: derived here",
                                     THEOREM_ROWS(rows_31)};
