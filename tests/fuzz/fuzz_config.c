/* config.json: what an architecture accepts has sizes within their limits, that agree with each other, and whose
 * weights can be counted without overflow. */
#include "fuzz/fuzz.h" /* first: it asks for memfd_create */

#include "base/arena.h"
#include "model/model.h"

static void fuzz_check_shape(const model_shape *s) {
  FUZZ_CHECK(s->blocks >= 1 && s->blocks <= MODEL_MAX_BLOCKS && s->width >= 1 && s->width <= MODEL_MAX_WIDTH);
  FUZZ_CHECK(s->vocabulary >= 1 && s->vocabulary <= MODEL_MAX_VOCABULARY);
  FUZZ_CHECK(s->context >= 1 && s->context <= MODEL_MAX_CONTEXT);
  FUZZ_CHECK(s->kv_heads >= 1 && s->heads % s->kv_heads == 0 && s->head_size >= 1);
  FUZZ_CHECK(s->heads * s->head_size <= MODEL_MAX_WIDTH);
  FUZZ_CHECK(s->embedding >= 1 && s->inner >= 1 && s->rotary.size <= s->head_size);
  FUZZ_CHECK(s->epsilon > 0 && s->epsilon < 1 && s->deviation >= 0);
}

/* Numbers of the group's slots, added up in double. */
static double fuzz_elements(const weight_group *group, const model_shape *s) {
  double sum = 0;
  for (size_t i = 0; i < group->count; i++) {
    const model_slot *slot = &group->slots[i];
    if ((slot->flags & SLOT_TABLE) || !model_slot_present(s, slot)) continue;
    sum += (double)model_dim_size(s, slot->rows) * (double)model_dim_size(s, slot->columns);
  }
  return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  dwell_error err = {0};
  model_notes notes = {0};
  const model_architecture *architecture = NULL;
  model_shape shape;
  model_layout layout;
  arena storage = {0};
  config c = {0};
  dwell_status status = config_open(fuzz_file(data, size), &notes, &c, &err);
  if (status == DWELL_OK) status = model_configure(&c, &architecture, &shape, &err);
  FUZZ_CHECK_STATUS(status, err);
  if (status == DWELL_OK) {
    fuzz_check_shape(&shape);
    FUZZ_CHECK(weights_place(architecture, &shape, DWELL_F64, &storage, &layout, &err) == DWELL_OK);
    FUZZ_CHECK((double)layout.block.elements >= fuzz_elements(&layout.block, &shape));
    FUZZ_CHECK(weights_place(architecture, &shape, DWELL_F32, &storage, &layout, &err) == DWELL_OK);
    FUZZ_CHECK((double)layout.block.elements >= fuzz_elements(&layout.block, &shape));
  }
  arena_clear(&storage);
  config_close(&c);
  notes_free(&notes);
  return 0;
}
