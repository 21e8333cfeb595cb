/* flow/starts.c - initial tokens. */
#include "flow/starts.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/number.h"
#include "base/random.h"
#include "base/str.h"
#include "flow/span.h"

enum { CANDIDATES = 64 };

/* ---- reading the option ---- */

static dwell_status refuse(dwell_error *err, const char *init) {
  error_set(err, DWELL_USAGE, "no start is called \"%s\"", init);
  error_at_item(err, "init");
  return error_remedy(err, "Use uniform, orthogonal, equiangular:RHO, caps:K,EPS or a file ending in .npy");
}

static dwell_status check_equiangular(const starts *s, dwell_error *err) {
  double lowest = s->n > 1 ? -1 / (double)(s->n - 1) : -1;
  if (s->rho < lowest || s->rho > 1) {
    error_set(err, DWELL_USAGE, "%zu vectors cannot have the common cosine %g: it must be in [%g, 1]", s->n, s->rho,
              lowest);
    return error_at_item(err, "init");
  }
  size_t needed = s->rho >= 1 ? 1 : s->n > 1 && s->rho == lowest ? s->n - 1 : s->n;
  if (needed <= s->d) return DWELL_OK;
  error_set(err, DWELL_USAGE, "%zu equiangular vectors with cosine %g need %zu dimensions, not %zu", s->n, s->rho,
            needed, s->d);
  return error_at_item(err, "init");
}

static dwell_status parse_equiangular(starts *s, const char *init, dwell_error *err) {
  s->kind = STARTS_EQUIANGULAR;
  if (!number_parse(init + strlen("equiangular:"), &s->rho)) {
    error_set(err, DWELL_USAGE, "\"%s\": the cosine after the colon is not a number", init);
    return error_at_item(err, "init");
  }
  /* -1/(n-1) has no exact decimal: what a person types for the simplex means the simplex. */
  double lowest = s->n > 1 ? -1 / (double)(s->n - 1) : -1;
  if (fabs(s->rho - lowest) <= 1e-9) s->rho = lowest;
  return check_equiangular(s, err);
}

static dwell_status parse_caps(starts *s, const char *init, dwell_error *err) {
  const char *numbers = init + strlen("caps:"), *comma = strchr(numbers, ',');
  char count[NUMBER_SIZE] = "";
  int64_t caps = 0;
  s->kind = STARTS_CAPS;
  if (comma != NULL && (size_t)(comma - numbers) < sizeof count) memcpy(count, numbers, (size_t)(comma - numbers));
  if (!number_parse_int(count, 1, 1000000, &caps) || !number_parse(comma + 1, &s->width) || !(s->width > 0) ||
      s->width > 1) {
    error_set(err, DWELL_USAGE, "\"%s\" is not caps:K,EPS with a count K >= 1 and 0 < EPS <= 1", init);
    return error_at_item(err, "init");
  }
  s->caps = (size_t)caps;
  return DWELL_OK;
}

static dwell_status check_orthogonal(const starts *s, dwell_error *err) {
  if (s->n <= s->d) return DWELL_OK;
  error_set(err, DWELL_USAGE, "%zu orthogonal vectors do not fit into %zu dimensions", s->n, s->d);
  error_at_item(err, "init");
  return error_remedy(err, "Use n <= d, or another start");
}

static dwell_status parse_flat(starts *s, starts_kind kind, const char *init, dwell_error *err) {
  s->kind = kind;
  if (number_parse(strchr(init, ':') + 1, &s->width) && s->width > 0 && s->width <= 1e100) return DWELL_OK;
  error_set(err, DWELL_USAGE, "\"%s\": what follows the colon is not a positive number up to 1e100", init);
  return error_at_item(err, "init");
}

dwell_status starts_open_density(const char *init, size_t n, size_t d, starts *ret_starts, dwell_error *err) {
  starts s = {.kind = STARTS_MODE, .n = n, .d = d};
  bool mode = strncmp(init, "mode:", 5) == 0;
  const char *comma = strchr(init, ',');
  char order[NUMBER_SIZE] = "";
  int64_t k = 0;
  if (!mode && strncmp(init, "vonmises:", 9) != 0) return starts_open(init, n, d, ret_starts, err);
  if (mode && comma != NULL && (size_t)(comma - init) - 5 < sizeof order)
    memcpy(order, init + 5, (size_t)(comma - init) - 5);
  bool good = mode ? number_parse_int(order, 1, 1000, &k) && number_parse(comma + 1, &s.width) && fabs(s.width) < 1
                   : number_parse(init + 9, &s.width) && fabs(s.width) <= 700;
  if (!mode) s.kind = STARTS_VON_MISES;
  s.order = (size_t)k;
  *ret_starts = s;
  if (good) return DWELL_OK;
  error_set(err, DWELL_USAGE, "\"%s\" is not %s", init,
            mode ? "mode:K,A with an order K >= 1 and -1 < A < 1" : "vonmises:C with a number C between -700 and 700");
  return error_at_item(err, "init");
}

static dwell_status open(const char *init, size_t n, size_t d, bool flat, starts *ret_starts, dwell_error *err) {
  starts s = {.kind = STARTS_UNIFORM, .n = n, .d = d, .flat = flat};
  dwell_status status = DWELL_OK;
  if (str_equal(init, "orthogonal")) {
    s.kind = STARTS_ORTHOGONAL;
    status = check_orthogonal(&s, err);
  } else if (strncmp(init, "equiangular:", 12) == 0) {
    status = parse_equiangular(&s, init, err);
  } else if (strncmp(init, "caps:", 5) == 0) {
    status = parse_caps(&s, init, err);
  } else if (str_ends(init, ".npy")) {
    status = starts_load(&s, init, err);
  } else if (flat && strncmp(init, "box:", 4) == 0) {
    status = parse_flat(&s, STARTS_BOX, init, err);
  } else if (flat && strncmp(init, "gaussian:", 9) == 0) {
    status = parse_flat(&s, STARTS_GAUSSIAN, init, err);
  } else if (!str_equal(init, "uniform")) {
    status = refuse(err, init);
  }
  if (status != DWELL_OK) starts_close(&s);
  *ret_starts = s;
  return status;
}

dwell_status starts_open(const char *init, size_t n, size_t d, starts *ret_starts, dwell_error *err) {
  return open(init, n, d, false, ret_starts, err);
}

dwell_status starts_open_flat(const char *init, size_t n, size_t d, starts *ret_starts, dwell_error *err) {
  return open(init, n, d, true, ret_starts, err);
}

void starts_close(starts *s) {
  mem_free(s->file);
  s->file = NULL;
}

/* ---- making one ---- */

static double dot(size_t d, const double *a, const double *b) {
  double sum = 0;
  for (size_t k = 0; k < d; k++) sum += a[k] * b[k];
  return sum;
}

static void normalise(size_t d, double *x) {
  double norm = sqrt(dot(d, x, x));
  for (size_t k = 0; k < d; k++) x[k] /= norm;
}

/* Vector number i of the stream, uniform on the sphere. */
static void uniform_vector(const random_stream *stream, size_t i, size_t d, double *ret_x) {
  for (size_t k = 0; k < d; k++) ret_x[k] = random_normal(stream, (uint32_t)i, (uint32_t)k);
  normalise(d, ret_x);
}

/* A Haar-random orthonormal frame of `count` <= d rows: Gram-Schmidt on Gaussian vectors, three times over, after
 * which the products are at rounding whatever the first vectors were. */
static void random_frame(const random_stream *stream, size_t count, size_t d, double *ret_frame) {
  for (size_t i = 0; i < count; i++) {
    double *x = ret_frame + i * d;
    uniform_vector(stream, i, d, x);
    for (int sweep = 0; sweep < 3; sweep++) {
      for (size_t j = 0; j < i; j++) {
        double along = dot(d, x, ret_frame + j * d);
        for (size_t k = 0; k < d; k++) x[k] -= along * ret_frame[j * d + k];
      }
      normalise(d, x);
    }
  }
}

/* Vertex i of the regular simplex of n points in the frame's n - 1 directions (rows of Helmert's matrix). */
static void simplex_vertex(size_t n, size_t i, const double *frame, size_t d, double *ret_x) {
  memset(ret_x, 0, d * sizeof(double));
  for (size_t m = 1; m < n; m++) {
    double scale = 1 / sqrt((double)m * ((double)m + 1));
    double entry = i < m ? scale : i == m ? -(double)m * scale : 0;
    for (size_t k = 0; k < d; k++) ret_x[k] += entry * frame[(m - 1) * d + k];
  }
  normalise(d, ret_x);
}

/* x_i = a q_i + b sum_j q_j for an orthonormal frame q: the symmetric root of the Gram matrix (1 - rho) I + rho 1 1^T.
 */
static void mix_frame(size_t n, size_t d, double rho, const double *frame, double *ret_x) {
  double a = sqrt(1 - rho), b = (sqrt(1 + (double)(n - 1) * rho) - a) / (double)n;
  for (size_t k = 0; k < d; k++) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += frame[i * d + k];
    for (size_t i = 0; i < n; i++) ret_x[i * d + k] = a * frame[i * d + k] + b * sum;
  }
  for (size_t i = 0; i < n; i++) normalise(d, ret_x + i * d);
}

static dwell_status make_equiangular(const starts *s, const random_stream *stream, double *ret_x, dwell_error *err) {
  size_t n = s->n, d = s->d;
  if (s->rho >= 1 || n == 1) {
    for (size_t i = 0; i < n; i++) uniform_vector(stream, 0, d, ret_x + i * d);
    return DWELL_OK;
  }
  bool simplex = s->rho == -1 / (double)(n - 1);
  size_t rows = simplex ? n - 1 : n;
  double *frame = mem_alloc(rows, d * sizeof(double));
  if (frame == NULL) return error_no_memory(err, "the start");
  random_frame(stream, rows, d, frame);
  if (simplex)
    for (size_t i = 0; i < n; i++) simplex_vertex(n, i, frame, d, ret_x + i * d);
  else mix_frame(n, d, s->rho, frame, ret_x);
  mem_free(frame);
  return DWELL_OK;
}

/* ---- few coordinates ---- */

dwell_status starts_reduce(starts *s, dwell_error *err) {
  if (s->d <= s->n) return DWELL_OK;
  if (s->kind == STARTS_CAPS) {
    error_set(err, DWELL_USAGE, "a start in caps has no reduced form");
    return error_at_item(err, "reduce");
  }
  s->ambient = s->d;
  s->d = s->n;
  if (s->kind != STARTS_FILE) return DWELL_OK;
  double *basis = mem_alloc(s->n, s->ambient * sizeof(double)), *few = mem_alloc(s->n, s->n * sizeof(double));
  dwell_status status = basis == NULL || few == NULL ? error_no_memory(err, "the start") : DWELL_OK;
  if (status == DWELL_OK) {
    span_coordinates(s->n, s->ambient, s->file, basis, few);
    for (size_t i = 0; i < s->n; i++) normalise(s->n, few + i * s->n);
    mem_free(s->file);
    s->file = few;
  }
  if (status != DWELL_OK) mem_free(few);
  mem_free(basis);
  return status;
}

/* Row i of the triangular factor of Gaussian vectors in `ambient` dimensions: i normals and a chi. */
static void triangular_start(const starts *s, uint64_t seed, uint32_t replica, double *ret_x) {
  const random_stream normals = {seed, RANDOM_START, replica}, lengths = {seed, RANDOM_START_LENGTH, replica};
  memset(ret_x, 0, s->n * s->d * sizeof(double));
  for (size_t i = 0; i < s->n; i++) {
    double *x = ret_x + i * s->d;
    for (size_t k = 0; k < i; k++) x[k] = random_normal(&normals, (uint32_t)i, (uint32_t)k);
    x[i] = sqrt(2 * random_gamma(&lengths, (uint32_t)i, 0.5 * (double)(s->ambient - i)));
    normalise(s->d, x);
  }
}

/* ---- caps ---- */

/* Centre c: of CANDIDATES uniform vectors the one whose largest cosine with the earlier centres is smallest. Their
 * stream numbers follow those of the tokens. */
static void cap_centre(const starts *s, const random_stream *stream, size_t c, double *centres, double *candidate) {
  double best = INFINITY;
  for (size_t a = 0; a < CANDIDATES; a++) {
    uniform_vector(stream, s->n + c * CANDIDATES + a, s->d, candidate);
    double nearest = -1;
    for (size_t j = 0; j < c; j++) nearest = fmax(nearest, dot(s->d, candidate, centres + j * s->d));
    if (nearest >= best) continue;
    best = nearest;
    memcpy(centres + c * s->d, candidate, s->d * sizeof(double));
  }
}

/* Depth s = 1 - <x, w> of a uniform point of the cap: density (s (2 - s))^a on [0, width], a = (d - 3) / 2. For a >= 0
 * it is log-concave and increasing, so the tangent of its logarithm at `width` bounds it: rejection from a truncated
 * exponential. On the circle (a = -1/2) the angle itself is uniform. Numbers are drawn from coordinate `first` on. */
static double cap_depth(const random_stream *stream, size_t i, size_t d, double width, uint32_t first) {
  if (d == 2) {
    double angle = random_uniform(stream, (uint32_t)i, first) * 2 * asin(sqrt(width / 2));
    return 2 * sin(angle / 2) * sin(angle / 2);
  }
  double a = ((double)d - 3) / 2, slope = a * (1 / width - 1 / (2 - width));
  for (uint32_t trial = 0;; trial += 2) {
    double u = random_uniform(stream, (uint32_t)i, first + trial);
    /* distance below `width`: exponential of rate slope, cut at width */
    double below = slope * width > 1e-12 ? -log1p(u * expm1(-slope * width)) / slope : u * width;
    double depth = width - below;
    if (!(depth > 0)) continue;
    double log_density = a * (log(depth / width) + log1p(below / (2 - width)));
    if (log(random_uniform(stream, (uint32_t)i, first + trial + 1)) <= log_density + slope * below) return depth;
  }
}

/* A uniform point of the cap of centre w: depth along w, and a uniform direction across it. */
static void cap_point(const starts *s, const random_stream *stream, size_t i, const double *w, double *ret_x) {
  double depth = cap_depth(stream, i, s->d, s->width, (uint32_t)s->d);
  uniform_vector(stream, i, s->d, ret_x);
  for (int sweep = 0; sweep < 2; sweep++) {
    double along = dot(s->d, ret_x, w);
    for (size_t k = 0; k < s->d; k++) ret_x[k] -= along * w[k];
    normalise(s->d, ret_x);
  }
  double across = sqrt(depth * (2 - depth));
  for (size_t k = 0; k < s->d; k++) ret_x[k] = (1 - depth) * w[k] + across * ret_x[k];
  normalise(s->d, ret_x);
}

static dwell_status make_caps(const starts *s, const random_stream *stream, double *ret_x, dwell_error *err) {
  double *centres = mem_alloc(s->caps + 1, s->d * sizeof(double));
  if (centres == NULL) return error_no_memory(err, "the start");
  for (size_t c = 0; c < s->caps; c++) cap_centre(s, stream, c, centres, centres + s->caps * s->d);
  for (size_t i = 0; i < s->n; i++) cap_point(s, stream, i, centres + i % s->caps * s->d, ret_x + i * s->d);
  mem_free(centres);
  return DWELL_OK;
}

static void make_flat(const starts *s, const random_stream *stream, double *ret_x) {
  for (size_t i = 0; i < s->n; i++)
    for (size_t k = 0; k < s->d; k++) {
      double u = s->kind == STARTS_BOX ? 2 * random_uniform(stream, (uint32_t)i, (uint32_t)k) - 1
                                       : random_normal(stream, (uint32_t)i, (uint32_t)k);
      ret_x[i * s->d + k] = s->width * u;
    }
}

dwell_status starts_make(const starts *s, uint64_t seed, uint32_t replica, double *ret_x, dwell_error *err) {
  random_stream stream = {seed, RANDOM_START, replica};
  switch (s->kind) {
    case STARTS_MODE:
    case STARTS_VON_MISES:
    case STARTS_UNIFORM:
      if (s->ambient > s->d) return triangular_start(s, seed, replica, ret_x), DWELL_OK;
      for (size_t i = 0; i < s->n; i++) uniform_vector(&stream, i, s->d, ret_x + i * s->d);
      return DWELL_OK;
    case STARTS_ORTHOGONAL: random_frame(&stream, s->n, s->d, ret_x); return DWELL_OK;
    case STARTS_EQUIANGULAR: return make_equiangular(s, &stream, ret_x, err);
    case STARTS_CAPS: return make_caps(s, &stream, ret_x, err);
    case STARTS_BOX: make_flat(s, &stream, ret_x); return DWELL_OK;
    case STARTS_GAUSSIAN: make_flat(s, &stream, ret_x); return DWELL_OK;
    case STARTS_FILE: memcpy(ret_x, s->file, s->n * s->d * sizeof(double)); return DWELL_OK;
  }
  return DWELL_OK;
}
