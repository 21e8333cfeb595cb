/* model/initialise.c - random weights of a model's shape. */
#include "model/initialise.h"

#include <math.h>
#include <string.h>

#include "base/random.h"
#include "base/str.h"

enum { SLOTS_OF_A_BLOCK = 64 }; /* more than any architecture has: places of tensors do not collide */

static void put(dwell_dtype dtype, void *values, size_t i, double value) {
  float rounded = (float)value;
  if (dtype == DWELL_F64) ((double *)values)[i] = (double)rounded;
  else ((float *)values)[i] = rounded;
}

/* Sines at even places, cosines at odd ones (Vaswani et al. 2017), as DistilBERT may start. */
static double sinusoid(size_t position, size_t place, size_t width) {
  double angle = (double)position / pow(10000, 2 * (double)(place / 2) / (double)width);
  return place % 2 == 0 ? sin(angle) : cos(angle);
}

static bool is_padding(const model_shape *s, const model_slot *slot, size_t row) {
  if (row != s->padding) return false;
  return (slot->flags & SLOT_WORDS) || (s->padded_positions && slot->rows == DIM_POSITIONS);
}

/* Elements first .. first + count - 1 of a matrix or table. */
static void draw_elements(const initialiser *n, const model_slot *slot, size_t tensor, size_t first, size_t count,
                          double *ret) {
  const model_shape *s = n->shape;
  size_t columns = model_dim_size(s, slot->columns), row = first / columns, column = first % columns;
  /* the counters have 32 bits: the stream takes what a larger table has beyond */
  const random_stream stream = {.seed = n->seed, .purpose = RANDOM_INIT, .replica = (uint32_t)((uint64_t)first >> 32)};
  double scale = ((slot->flags & SLOT_STREAM) ? 1 / sqrt(2 * (double)s->blocks) : 1) * s->deviation;
  bool sines = s->sinusoids && slot->rows == DIM_POSITIONS;
  if (!sines) random_normals(&stream, (uint32_t)tensor, (uint32_t)first, count, ret);
  for (size_t i = 0; i < count; i++) {
    ret[i] = sines ? sinusoid(row, column, columns) : is_padding(s, slot, row) ? 0 : scale * ret[i];
    if (++column == columns) column = 0, row++;
  }
}

/* The same, as the values are kept; in parts that do not go beyond a stream. */
static void draw_matrix(const initialiser *n, const model_slot *slot, size_t tensor, size_t first, size_t count,
                        dwell_dtype dtype, void *ret_values) {
  enum { PART = 512 };
  double x[PART];
  for (size_t done = 0, part; done < count; done += part) {
    part = PART - (first + done) % PART;
    if (part > count - done) part = count - done;
    draw_elements(n, slot, tensor, first + done, part, x);
    for (size_t i = 0; i < part; i++) put(dtype, ret_values, done + i, x[i]);
  }
}

static dwell_status draw(void *self, bool outer, size_t block, size_t slot, size_t first, size_t count,
                         dwell_dtype dtype, void *ret_values, dwell_error *err) {
  (void)err;
  const initialiser *n = self;
  const model_architecture *a = n->architecture;
  const model_slot *which = outer ? &a->outer[slot] : &a->block[slot];
  size_t place = a->shared_block ? 0 : block;
  size_t tensor = slot + (outer ? 0 : (place + 1) * SLOTS_OF_A_BLOCK);
  bool vector = which->columns == DIM_NONE,
       one = vector && (which->flags & SLOT_NORM) && str_ends(which->name, "weight");
  if (!vector) draw_matrix(n, which, tensor, first, count, dtype, ret_values);
  for (size_t i = 0; vector && i < count; i++) put(dtype, ret_values, i, one ? 1 : 0);
  return DWELL_OK;
}

weight_provider initialiser_provider(initialiser *self) { return (weight_provider){.self = self, .read = draw}; }

void initialiser_output(const initialiser *self, bool map, size_t first, size_t count, double *ret_values) {
  const model_slot plain = {.name = "output", .rows = DIM_VOCABULARY, .columns = DIM_EMBEDDING};
  size_t tensor = self->architecture->outer_count + (map ? 1 : 0); /* behind the outer slots */
  model_slot slot = plain;
  if (map) slot.rows = DIM_EMBEDDING, slot.columns = DIM_WIDTH;
  draw_matrix(self, &slot, tensor, first, count, DWELL_F64, ret_values);
}
