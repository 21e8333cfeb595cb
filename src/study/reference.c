/* study/reference.c - the row of a verdict. */
#include "study/reference.h"

#include <string.h>

static int is_model(const char *name, const char *model) {
  size_t length = strlen(name);
  if (strncmp(model, name, length) != 0) return 0;
  return model[length] == '\0' || strncmp(model + length, "-x", 2) == 0 || model[length] == ',';
}

const reference_row *reference_find(const char *claim, const char *model) {
  const reference_row *general = NULL;
  for (size_t k = 0; k < reference_count; k++) {
    const reference_row *row = &reference_table[k];
    if (strcmp(row->claim, claim) != 0) continue;
    if (row->model == NULL) general = row;
    /* "gpt2-xl" is no "gpt2" iterated l times: what follows must be a number. */
    else if (is_model(row->model, model) &&
             strspn(model + strlen(row->model), "-x0123456789") == strlen(model + strlen(row->model)))
      return row;
  }
  return general;
}
