/* text/postprocessor.h - the "post_processor" of tokenizer.json: special tokens put around the text, and white space
 * taken out of the offsets. Adding one: one entry in the registry in postprocessor.c. */
#ifndef DWELL_TEXT_POSTPROCESSOR_H
#define DWELL_TEXT_POSTPROCESSOR_H

#include "base/arena.h"
#include "text/fields.h"
#include "text/vocab.h"

enum { TEMPLATE_TEXT = -1 };

/* Either a template or a trimming of offsets. */
typedef struct postprocessor_step {
  int32_t *items; /* ids in order, TEMPLATE_TEXT where the tokens of the text go; NULL: trims */
  size_t count;
  bool prefix_space; /* trimming: a single leading space of the first token was added, so it is not there to trim */
  struct postprocessor_step *next;
} postprocessor_step;

typedef struct postprocessor {
  postprocessor_step *steps, *last;
} postprocessor;

/* Reads the component at the cursor (null: no steps) and marks its special tokens in the vocabulary. Unknown kinds:
 * DWELL_UNSUPPORTED by name. A template naming a token it does not define, or an id without a piece: DWELL_BAD_INPUT.
 */
dwell_status postprocessor_read(postprocessor *p, jcursor *c, const char *path, vocab *v, arena *memory,
                                dwell_error *err);
/* One template: ids in order, TEMPLATE_TEXT where the text goes. */
dwell_status postprocessor_template(postprocessor *p, const int32_t *items, size_t count, vocab *v, arena *memory,
                                    dwell_error *err);

#endif
