/* nursery: an index that is accepted holds what its header promises. */
#include "fuzz/fuzz.h" /* first: it asks for memfd_create */

#include <math.h>
#include <string.h>

#include "hub/nursery.h"

static void fuzz_check_model(const nursery_model *m) {
  size_t base;
  int64_t step;
  const char *texts[] = {m->name, m->summary, m->architecture, m->licence, m->baseline};
  const double losses[] = {m->held_out, m->baseline_nats, m->unigram_nats};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) FUZZ_CHECK(texts[i] != NULL);
  for (size_t i = 0; i < sizeof losses / sizeof losses[0]; i++) FUZZ_CHECK(isfinite(losses[i]) && losses[i] >= 0);
  FUZZ_CHECK(nursery_name(m->name, strlen(m->name), &base, &step) && step == -1);
  FUZZ_CHECK(m->layers > 0 && m->width > 0 && m->heads > 0 && m->vocabulary > 0 && m->context > 0);
  FUZZ_CHECK(m->parameters > 0 && m->step >= 0 && m->tokens >= 0);
  FUZZ_CHECK(m->checkpoint_count <= NURSERY_CHECKPOINTS);
  for (size_t k = 0; k < m->checkpoint_count; k++) {
    FUZZ_CHECK(m->checkpoints[k].nats >= 0 && m->checkpoints[k].step >= 0);
    FUZZ_CHECK(k == 0 || m->checkpoints[k].step > m->checkpoints[k - 1].step);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  dwell_error err = {0};
  nursery_index index;
  dwell_status status = nursery_index_read(fuzz_file(data, size), &index, &err);
  FUZZ_CHECK_STATUS(status, err);
  for (size_t i = 0; status == DWELL_OK && i < index.count; i++) {
    fuzz_check_model(&index.models[i]);
    for (size_t k = 0; k < i; k++) FUZZ_CHECK(strcmp(index.models[i].name, index.models[k].name) != 0);
  }
  nursery_index_free(&index);
  return 0;
}
