/* model/config.h - config.json, read strictly: every top-level field is kept with its text, and each question about it
 * is checked for kind and range. Two spellings of one field must agree; null is as absent (as in transformers).
 *
 * A file over 1 MB, a duplicate key or broken JSON is DWELL_BAD_INPUT with the byte. */
#ifndef DWELL_MODEL_CONFIG_H
#define DWELL_MODEL_CONFIG_H

#include <dwell/status.h>
#include <stdbool.h>

#include "file/jcursor.h"
#include "model/notes.h"

typedef struct config_field {
  const char *key;
  jkind kind;
  const char *raw; /* JSON text of the value */
  size_t raw_length;
  jtext text; /* decoded, of a string */
} config_field;

typedef struct config {
  const char *path;
  char *data;           /* the file */
  config_field *fields; /* [count] */
  size_t count, capacity;
  arena storage;
  model_notes *notes; /* where defaults that had to be assumed are noted; may be NULL */
} config;

/* Reads FOLDER/config.json. Release with config_close, also after a failure. `path` must outlive the config. */
dwell_status config_open(const char *path, model_notes *opt_notes, config *ret_config, dwell_error *err);
/* The same from `data`, which the config takes over (mem_free), as if it stood in the file `path`. */
dwell_status config_read(const char *path, char *data, size_t size, model_notes *opt_notes, config *ret_config,
                         dwell_error *err);
void config_close(config *c);

/* The field, or NULL if absent or null. */
const config_field *config_find(const config *c, const char *key);

/* A size in 1..most under any of `names` (NULL-terminated; the first is the one used in messages). Absent: `fallback`
 * (transformers' own default), which is noted. */
dwell_status config_size(const config *c, const char *const *names, size_t fallback, size_t most, size_t *ret_size,
                         dwell_error *err);
/* The fields of an object that is a field of `c` (which must be there, and must outlive it); its messages name the same
 * file. Release with config_close, also after a failure. */
dwell_status config_nested(const config *c, const char *name, config *ret_config, dwell_error *err);

/* The same of a field that need not be there: absent, *size stays as it is, and nothing is noted. */
dwell_status config_optional_size(const config *c, const char *name, size_t most, size_t *size, dwell_error *err);
/* An id in 0..most; negative: CONFIG_NO_ID, as old checkpoints say that there is none. Absent: *id stays. */
#define CONFIG_NO_ID ((size_t)-1)
dwell_status config_id(const config *c, const char *name, size_t most, size_t *id, dwell_error *err);
/* A number above 0; absent: `fallback`. */
dwell_status config_positive(const config *c, const char *name, double fallback, double *ret_value, dwell_error *err);
/* A number in (0, 1): the epsilon of a norm. */
dwell_status config_epsilon(const config *c, const char *name, double fallback, double *ret_epsilon, dwell_error *err);
dwell_status config_flag(const config *c, const char *name, bool fallback, bool *ret_flag, dwell_error *err);
/* A string; absent: `fallback`. Valid while the config is open. */
dwell_status config_text(const config *c, const char *name, const char *fallback, const char **ret_text,
                         dwell_error *err);

/* DWELL_UNSUPPORTED naming the field unless it is absent or has the one value under which it changes nothing: `neutral`
 * is that value's JSON text ("false", "1", "\"absolute\""); "{}" also accepts [] . */
dwell_status config_refuse(const config *c, const char *name, const char *neutral, dwell_error *err);

/* Calls `each` for the ids of a field that is an id or a list of ids; other kinds are ignored. */
void config_ids(const config *c, const char *name, void (*each)(void *self, int64_t id), void *self);

/* The spellings of a field, for config_size: CONFIG_NAMES("n_embd", "hidden_size"). */
#define CONFIG_NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})

#endif
