/* tools/mechanism/dimensions.c - attention alone with a network's own maps, in its own number of dimensions and,
 * rebuilt, in it, in half and in a quarter of it. One step per block, as long as the network's own: what attention
 * reads has length sqrt(d) behind a norm, or is the state itself, and what it writes counts against the length of the
 * state. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "detect/detect.h"
#include "geometry/geometry.h"
#include "linalg/gemm.h"
#include "mechanism.h"
#include "mechanism/circuit.h"
#include "mechanism/layer_map.h"
#include "study/trend.h"
#include "trajectory/source.h"

/* ---- the maps ---- */

static dwell_status read_head(const dwell_weights *w, size_t head, circuit_kind kind, double *ret_map,
                              rebuild_map *ret_spectrum, dwell_error *err) {
  size_t d = w->d, r = w->head_size, square = d * d;
  double *factors = MEM_NEW(double, 2 * r * d), *copy = NULL;
  dwell_status status = DWELL_OK;
  TRY_ALLOC(factors, "the maps of a head");
  circuit_factors(w, kind, head, factors, factors + r * d);
  gemm_f64(true, false, d, d, r, 1, factors, d, factors + r * d, d, 0, ret_map, d);
  TRY_ALLOC(copy = mem_copy(ret_map, square, sizeof(double)), "the maps of a head");
  TRY(rebuild_map_make(d, copy, ret_spectrum, err));
done:
  mem_free(factors);
  mem_free(copy);
  return status;
}

static dwell_status read_block(const dwell_weights *w, size_t block, model_maps *m, dwell_error *err) {
  size_t square = m->d * m->d;
  for (size_t h = 0; h < m->heads; h++) {
    size_t at = block * m->heads + h;
    dwell_status status = read_head(w, h, CIRCUIT_QK, m->forms + at * square, &m->of_forms[at], err);
    if (status == DWELL_OK) status = read_head(w, h, CIRCUIT_OV, m->writes + at * square, &m->of_writes[at], err);
    if (status != DWELL_OK) return status;
  }
  return DWELL_OK;
}

static dwell_status make_room(const dwell_weights *w, model_maps *m, dwell_error *err) {
  m->d = w->d, m->heads = w->heads, m->reads_norm = w->opt_gain != NULL;
  m->stored = w->shared ? 1 : m->blocks;
  size_t heads = m->stored * m->heads, square = m->d * m->d;
  m->forms = mem_alloc(heads * square, sizeof(double)), m->writes = mem_alloc(heads * square, sizeof(double));
  m->of_forms = MEM_ZERO(rebuild_map, heads), m->of_writes = MEM_ZERO(rebuild_map, heads);
  bool failed = m->forms == NULL || m->writes == NULL || m->of_forms == NULL || m->of_writes == NULL;
  return failed ? error_no_memory(err, "the maps of a model") : DWELL_OK;
}

dwell_status model_maps_make(const subject *s, model_maps *ret_maps, dwell_error *err) {
  const dwell_intervention none = dwell_intervention_none();
  dwell_source *source = NULL;
  model_maps *m = ret_maps;
  *m = (model_maps){.causal = s->info->causal};
  dwell_status status = subject_open(s, &none, &source, err);
  if (status != DWELL_OK) return status;
  m->blocks = dwell_source_trajectory(source)->states - 1;
  for (size_t b = 0; status == DWELL_OK && (b == 0 || b < m->stored); b++) {
    dwell_weights w = {0};
    status = source_weights(source, s->ctx, b, &w, err);
    if (status == DWELL_OK && b == 0) status = make_room(&w, m, err);
    if (status == DWELL_OK) status = read_block(&w, b, m, err);
    dwell_weights_free(&w);
  }
  dwell_source_destroy(source);
  return status;
}

void model_maps_free(model_maps *m) {
  for (size_t k = 0; m->of_forms != NULL && k < m->stored * m->heads; k++) rebuild_map_free(&m->of_forms[k]);
  for (size_t k = 0; m->of_writes != NULL && k < m->stored * m->heads; k++) rebuild_map_free(&m->of_writes[k]);
  mem_free(m->of_forms), mem_free(m->of_writes), mem_free(m->forms), mem_free(m->writes);
  *m = (model_maps){0};
}

/* ---- one text ---- */

/* Mean length of the kept tokens of state l. */
static double mean_length(const subject *s, size_t l) {
  double sum = 0;
  for (size_t k = 0; k < s->kept.all_count; k++)
    sum += geometry_norm(s->plain.d, s->plain.x + (l * s->plain.n + s->kept.all[k]) * s->plain.d);
  return sum / (double)s->kept.all_count;
}

/* The first n kept types of the first state as unit vectors [n, d]. */
static void first_tokens(const subject *s, size_t n, double *ret_x) {
  size_t d = s->plain.d;
  for (size_t i = 0; i < n; i++) {
    const double *row = s->plain.x + s->kept.types[i] * d;
    double length = geometry_norm(d, row);
    for (size_t k = 0; k < d; k++) ret_x[i * d + k] = row[k] / length;
  }
}

/* Maps of all blocks in `to` dimensions: rebuild number `draw`, or (draw == REBUILDS) as they are. */
static dwell_status make_maps(const subject *s, const model_maps *m, size_t to, uint32_t draw, double *forms,
                              double *writes, dwell_error *err) {
  size_t square = to * to;
  const random_stream stream = {.seed = s->number, .purpose = RANDOM_REBUILD, .replica = draw};
  for (size_t k = 0; k < m->stored * m->heads; k++) {
    dwell_status status = DWELL_OK;
    if (draw == REBUILDS) {
      memcpy(forms + k * square, m->forms + k * square, square * sizeof(double));
      memcpy(writes + k * square, m->writes + k * square, square * sizeof(double));
      continue;
    }
    status = rebuild_map_draw(&m->of_forms[k], to, &stream, (uint32_t)(2 * k), forms + k * square, err);
    if (status == DWELL_OK)
      status = rebuild_map_draw(&m->of_writes[k], to, &stream, (uint32_t)(2 * k + 1), writes + k * square, err);
    if (status != DWELL_OK) return status;
  }
  return DWELL_OK;
}

/* Maps at the lengths of the network's own tokens; blocks that share theirs get copies. From the last block on, for the
 * first one's maps are what is copied. */
static void scale_maps(const subject *s, const model_maps *m, size_t to, double *forms, double *writes) {
  size_t one = m->heads * to * to;
  for (size_t b = m->blocks; b-- > 0;) {
    size_t from = m->stored == 1 ? 0 : b;
    double length = mean_length(s, b), read = m->reads_norm ? sqrt((double)m->d) : length;
    for (size_t i = 0; i < one; i++) {
      forms[b * one + i] = forms[from * one + i] * read * read;
      writes[b * one + i] = writes[from * one + i] * read / length;
    }
  }
}

typedef struct room {
  double *forms, *writes, *x, *gram;
} room;

/* even: scores of unrelated tokens, whose variance is that of the entries of a form, |B|^2 / d^2, keep their spread;
 * the rebuild itself keeps |B|^2 / d. */
static dwell_status run_layers(const model_maps *m, size_t n, size_t to, bool even, const room *r, double *x,
                               double *ret_rate, dwell_error *err) {
  const layer_maps layers = {.d = to,
                             .heads = m->heads,
                             .layers = m->blocks,
                             .causal = m->causal,
                             .step = 1,
                             .forms = r->forms,
                             .writes = r->writes,
                             .form_scale = even ? sqrt((double)to / (double)m->d) : 1,
                             .write_scale = 1};
  double *cosines = MEM_NEW(double, m->blocks + 1);
  if (cosines == NULL) return error_no_memory(err, "cosines");
  dwell_status status = layer_maps_run(&layers, n, x, cosines, err);
  value rate = status == DWELL_OK ? detect_collapse_rate(cosines, m->blocks + 1) : UNDEFINED("failed");
  *ret_rate = rate.undefined == NULL ? rate.number : NAN;
  mem_free(cosines);
  return status;
}

/* The rates with one set of maps, as rebuilt and even. */
static dwell_status rates_at(const subject *s, const model_maps *m, size_t n, size_t to, uint32_t draw, room *r,
                             double ret_rates[2], dwell_error *err) {
  const random_stream stream = {.seed = s->number, .purpose = RANDOM_REBUILD, .replica = draw};
  double *again = NULL;
  dwell_status status = DWELL_OK;
  first_tokens(s, n, r->x);
  if (draw != REBUILDS) {
    gemm_square_f64(n, m->d, r->x, m->d, r->gram, n);
    TRY(rebuild_tokens(n, r->gram, to, &stream, (uint32_t)(2 * m->stored * m->heads), r->x, err));
  }
  TRY(make_maps(s, m, to, draw, r->forms, r->writes, err));
  scale_maps(s, m, to, r->forms, r->writes);
  TRY_ALLOC(again = mem_copy(r->x, n * to, sizeof(double)), "tokens");
  TRY(run_layers(m, n, to, false, r, r->x, &ret_rates[0], err));
  TRY(run_layers(m, n, to, true, r, again, &ret_rates[1], err));
done:
  mem_free(again);
  return status;
}

/* Means over the rebuilds in d, d/2, d/4 dimensions. */
static dwell_status rates_rebuilt(const subject *s, const model_maps *m, size_t n, room *r,
                                  double ret_rates[2][DIMENSIONS], dwell_error *err) {
  for (size_t k = 0; k < DIMENSIONS; k++) {
    ret_rates[0][k] = ret_rates[1][k] = 0;
    for (uint32_t draw = 0; draw < REBUILDS; draw++) {
      double rates[2];
      dwell_status status = rates_at(s, m, n, m->d >> k, draw, r, rates, err);
      if (status != DWELL_OK) return status;
      ret_rates[0][k] += rates[0] / REBUILDS, ret_rates[1][k] += rates[1] / REBUILDS;
    }
  }
  return DWELL_OK;
}

static dwell_status record_dimensions(const subject *s, const model_maps *m, size_t n, room *r, record *to,
                                      dwell_error *err) {
  double own[2], dimensions[DIMENSIONS], rates[2][DIMENSIONS], *rebuilt = rates[0], *even = rates[1];
  dwell_status status = DWELL_OK;
  TRY(rates_at(s, m, n, m->d, REBUILDS, r, own, err));
  TRY(rates_rebuilt(s, m, n, r, rates, err));
  for (size_t k = 0; k < DIMENSIONS; k++) {
    dimensions[k] = (double)(m->d >> k);
    record_put(to, rebuilt[k], "flow_%zu", (size_t)1 << k);
    record_put(to, even[k], "even_%zu", (size_t)1 << k);
  }
  record_put(to, own[0], "flow_own");
  record_put(to, trend_slope(DIMENSIONS, dimensions, rebuilt), "flow_slope");
  record_put(to, trend_slope(DIMENSIONS, dimensions, even), "even_slope");
  rebuilt[0] = own[0];
  record_put(to, trend_slope(DIMENSIONS, dimensions, rebuilt), "flow_slope_own");
done:
  return status;
}

dwell_status dimensions_record(const subject *s, const model_maps *m, record *to, dwell_error *err) {
  size_t n = m->d / 4 < s->kept.types_count ? m->d / 4 : s->kept.types_count, all = m->blocks * m->heads * m->d * m->d;
  room r = {.forms = mem_alloc(all, sizeof(double)), .writes = mem_alloc(all, sizeof(double))};
  dwell_status status = DWELL_OK;
  r.x = mem_alloc(n * m->d, sizeof(double)), r.gram = mem_alloc(n * n, sizeof(double));
  TRY_ALLOC(r.forms, "maps");
  TRY_ALLOC(r.writes, "maps");
  TRY_ALLOC(r.x, "tokens");
  TRY_ALLOC(r.gram, "tokens");
  record_put(to, (double)n, "flow_tokens");
  TRY(record_dimensions(s, m, n, &r, to, err));
done:
  mem_free(r.forms), mem_free(r.writes), mem_free(r.x), mem_free(r.gram);
  return status;
}
