/* hub/nursery.h - the models that come with dwell: models/NAME and, earlier in its training, models/NAME@step-N below
 * dwell's data (hub_data), and models/index.json, which says what is known of each. */
#ifndef DWELL_HUB_NURSERY_H
#define DWELL_HUB_NURSERY_H

#include <stdbool.h>

#include "base/arena.h"
#include "hub/hub.h"

#define NURSERY_PREFIX "nursery:"

/* Folder of "NAME" or "NAME@step-N" (without the prefix), and "step-N" as the revision. The last step may be asked for
 * by its number too: that is NAME itself.
 * Errors: no such form of name: DWELL_USAGE; no data here (names the places), no such model (names the nearest and
 * all), no such step (names those there are): DWELL_BAD_INPUT. */
dwell_status nursery_find(const char *name, hub_place *ret_place, dwell_error *err);

/* ---- the index ---- */

enum { NURSERY_CHECKPOINTS = 32 }; /* at most, of one model */

typedef struct nursery_checkpoint {
  int64_t step;
  double nats; /* held-out loss, as nursery_model.held_out */
} nursery_checkpoint;

typedef struct nursery_model {
  const char *name, *summary, *architecture, *licence;
  int64_t layers, width, heads, vocabulary, context, parameters;
  int64_t step, tokens; /* of the whole training */
  double held_out;      /* nats per predicted token, on text that was not trained on */
  const char *baseline; /* a simple model, counted on the same text... */
  double baseline_nats; /* ...and its loss on the same held-out tokens */
  double unigram_nats;  /* the same of a model that knows only how frequent each token is */
  nursery_checkpoint checkpoints[NURSERY_CHECKPOINTS]; /* [checkpoint_count] ascending, without the last step */
  size_t checkpoint_count;
} nursery_model;

typedef struct nursery_index {
  nursery_model *models; /* [count] in the order of the file; everything lies in `storage` */
  size_t count;
  arena storage;
} nursery_index;

/* Reads models/index.json of the folder where nursery_find looks. `*ret_absent`: there is no folder of models at all
 * here, which some uses are fine with (the error says where it was looked for). A file that is missing from the folder,
 * malformed, or lacks a member: DWELL_BAD_INPUT, naming it. Release with nursery_index_free, also after a failure. */
dwell_status nursery_index_open(nursery_index *ret_index, bool *opt_absent, dwell_error *err);
/* The same of a given file. */
dwell_status nursery_index_read(const char *path, nursery_index *ret_index, dwell_error *err);
void nursery_index_free(nursery_index *index);

/* Whether `text` [length] is NAME or NAME@step-N; *ret_base is the length of NAME, *ret_step N or -1. */
bool nursery_name(const char *text, size_t length, size_t *ret_base, int64_t *ret_step);

#endif
