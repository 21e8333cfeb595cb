/* flow/weights_read.c - weights from an npz file. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "file/npy.h"
#include "flow/weights_layout.h"

enum { Q, K, V, W, U, ADD, DIRECTION, STRENGTH, MEMBERS };

/* Shapes [layers, heads, ...] or [heads, ...] or [...], with `rank` own dimensions; the perceptron's have no heads. */
static const struct {
  const char *name;
  size_t rank;
  bool heads;
} members[MEMBERS] = {
    [Q] = {"Q", 2, true}, [K] = {"K", 2, true},   [V] = {"V", 2, true},          [W] = {"W", 2, true},
    [U] = {"U", 2, true}, [ADD] = {"v", 1, true}, [DIRECTION] = {"a", 2, false}, [STRENGTH] = {"omega", 1, false}};

typedef struct reading {
  npz *z;
  dwell_flow_weights *w;
  bool there[MEMBERS];
  size_t index[MEMBERS];
} reading;

static dwell_status bad(const reading *r, size_t m, const char *message, dwell_error *err) {
  (void)r;
  error_set(err, DWELL_BAD_INPUT, "%s", message);
  error_at_item(err, members[m].name);
  return DWELL_BAD_INPUT;
}

static dwell_status find_members(reading *r, dwell_error *err) {
  for (size_t i = 0; i < npz_count(r->z); i++) {
    size_t m = 0;
    while (m < MEMBERS && strcmp(npz_name(r->z, i), members[m].name) != 0) m++;
    if (m < MEMBERS) {
      r->there[m] = true, r->index[m] = i;
      continue;
    }
    error_set(err, DWELL_BAD_INPUT, "weights are called Q, K, V, W, U, v, a and omega, not this");
    error_at_item(err, npz_name(r->z, i));
    return DWELL_BAD_INPUT;
  }
  if (npz_count(r->z) == 0) return error_set(err, DWELL_BAD_INPUT, "the file holds no weights");
  if (r->there[W] != r->there[U] || r->there[W] != r->there[ADD])
    return bad(r, r->there[W] ? (r->there[U] ? ADD : U) : W, "additive attention needs all of W, U and v", err);
  if (r->there[DIRECTION] != r->there[STRENGTH])
    return bad(r, r->there[DIRECTION] ? STRENGTH : DIRECTION, "the perceptron needs both a and omega", err);
  return DWELL_OK;
}

/* Layers, heads and the own dimensions of member m. */
static dwell_status shape_of(const reading *r, size_t m, size_t lead[2], size_t own[2], dwell_error *err) {
  const npy_header *h = npz_header(r->z, r->index[m]);
  size_t least = members[m].rank, most = least + (members[m].heads ? 2 : 1);
  if (h->rank < least || h->rank > most) return bad(r, m, "the array has a wrong number of dimensions", err);
  if (h->count == 0) return bad(r, m, "the array is empty", err);
  lead[0] = h->rank == most ? h->shape[0] : 1;
  lead[1] = members[m].heads && h->rank > least ? h->shape[h->rank - least - 1] : 1;
  for (size_t k = 0; k < least; k++) own[k] = h->shape[h->rank - least + k];
  return DWELL_OK;
}

static dwell_status agree(const reading *r, size_t m, size_t *known, size_t value, const char *what, dwell_error *err) {
  if (*known == 0) *known = value;
  if (*known == value) return DWELL_OK;
  char text[80];
  snprintf(text, sizeof text, "%zu %s, where the other arrays have %zu", value, what, *known);
  return bad(r, m, text, err);
}

static dwell_status read_shapes(reading *r, dwell_error *err) {
  dwell_status status = DWELL_OK;
  dwell_flow_weights *w = r->w;
  flow_layer *s = &w->shape;
  for (size_t m = 0; m < MEMBERS; m++) {
    size_t lead[2], own[2] = {0}, layers = 0;
    if (!r->there[m]) continue;
    TRY(shape_of(r, m, lead, own, err));
    if (!members[m].heads && lead[0] == 1) lead[0] = w->layers; /* one perceptron for all layers */
    layers = w->layers;
    TRY(agree(r, m, &layers, lead[0] == 0 ? 1 : lead[0], "layers", err));
    w->layers = layers;
    if (members[m].heads) TRY(agree(r, m, &w->heads, lead[1], "heads", err));
    if (members[m].rank == 2) TRY(agree(r, m, &w->d, own[1], "dimensions", err));
    if (m == Q || m == K) TRY(agree(r, m, &s->rank, own[0], "rows of a head", err));
    if (m == W || m == U || m == ADD) TRY(agree(r, m, &s->hidden, own[0], "hidden units", err));
    if (m == DIRECTION || m == STRENGTH) TRY(agree(r, m, &s->neurons, own[0], "neurons", err));
    if (m == V && own[0] != own[1]) TRY(bad(r, m, "V must be square", err));
  }
  if (w->heads == 0) w->heads = 1;
  if (r->there[Q] != r->there[K] && s->rank != w->d)
    TRY(bad(r, r->there[Q] ? Q : K, "without its partner it must be square", err));
  s->d = w->d, s->heads = w->heads;
  if (s->rank == 0) s->rank = w->d;
  s->value_rank = w->d;
done:
  return status;
}

static dwell_status read_member(reading *r, size_t m, const double *part, size_t layer_count, dwell_error *err) {
  dwell_status status = DWELL_OK;
  const npy_header *h = npz_header(r->z, r->index[m]);
  for (size_t l = 0; l < r->w->layers; l++) {
    double *to = weights_at(r->w, l, part);
    size_t first = h->count == layer_count ? 0 : l * layer_count;
    TRY(npz_read_f64(r->z, r->index[m], first, layer_count, to, err));
    for (size_t e = 0; e < layer_count; e++)
      if (!isfinite(to[e])) TRY(bad(r, m, "the array holds a number that is not finite", err));
  }
done:
  return status;
}

/* Q without K, or K without Q: the other one is the identity. */
static void fill_identity(dwell_flow_weights *w, const double *part) {
  for (size_t l = 0; l < w->layers; l++)
    for (size_t h = 0; h < w->heads; h++)
      for (size_t k = 0; k < w->d; k++) weights_at(w, l, part)[(h * w->d + k) * w->d + k] = 1;
}

static dwell_status read_all(reading *r, dwell_error *err) {
  static const double wanted = 0;
  dwell_status status = DWELL_OK;
  dwell_flow_weights *w = r->w;
  flow_layer *s = &w->shape;
  size_t form = s->heads * s->rank * s->d, value = s->heads * s->d * s->d, add = s->heads * s->hidden * s->d;
  if (r->there[Q] || r->there[K]) s->query = s->key = &wanted;
  if (r->there[V]) s->read = &wanted;
  if (r->there[W]) s->add_query = s->add_key = s->add_weight = &wanted;
  if (r->there[DIRECTION]) s->direction = s->strength = &wanted;
  TRY(weights_allocate(w, err));
  if (r->there[Q]) TRY(read_member(r, Q, s->query, form, err));
  if (r->there[K]) TRY(read_member(r, K, s->key, form, err));
  if (r->there[Q] && !r->there[K]) fill_identity(w, s->key);
  if (r->there[K] && !r->there[Q]) fill_identity(w, s->query);
  if (r->there[V]) TRY(read_member(r, V, s->read, value, err));
  if (r->there[W]) {
    TRY(read_member(r, W, s->add_query, add, err));
    TRY(read_member(r, U, s->add_key, add, err));
    TRY(read_member(r, ADD, s->add_weight, s->heads * s->hidden, err));
  }
  if (r->there[DIRECTION]) {
    TRY(read_member(r, DIRECTION, s->direction, s->neurons * s->d, err));
    TRY(read_member(r, STRENGTH, s->strength, s->neurons, err));
  }
  TRY(weights_finish(w, err));
done:
  return status;
}

dwell_status dwell_flow_weights_read(const char *path, dwell_flow_weights **ret_weights, dwell_error *err) {
  dwell_status status = DWELL_OK;
  reading r = {0};
  TRY(npz_open(path, &r.z, err));
  TRY(weights_create(path, &r.w, err));
  r.w->from_file = true;
  TRY(find_members(&r, err));
  TRY(read_shapes(&r, err));
  TRY(read_all(&r, err));
done:
  npz_close(r.z);
  if (status != DWELL_OK) {
    if (status == DWELL_BAD_INPUT) error_in_file(err, path);
    dwell_flow_weights_destroy(r.w);
    r.w = NULL;
  }
  *ret_weights = r.w;
  return status;
}
