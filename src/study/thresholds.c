/* study/thresholds.c - thresholds of a file, in place of those compiled in. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "file/jcursor.h"
#include "study/decide.h"

enum { FILE_MOST = 1 << 20 };

static claim_threshold *find(claim_threshold *items, size_t count, const char *of, const char *name) {
  for (size_t k = 0; k < count; k++) {
    if (strcmp(items[k].claim, of) == 0 && strcmp(items[k].name, name) == 0) return &items[k];
  }
  return NULL;
}

/* One threshold; what it does not say stays as it is. */
static dwell_status read_one(jcursor *c, claim_threshold *items, size_t count, const char *of, dwell_error *err) {
  jtext name = {0};
  double value = NAN, flow = NAN;
  jcursor_object(c);
  for (jtext key; jcursor_key(c, &key);) {
    if (jtext_is(key, "name")) name = jcursor_string(c);
    else if (jtext_is(key, "value")) value = jcursor_double(c);
    else if (jtext_is(key, "flow")) flow = jcursor_double(c);
    else jcursor_skip(c);
  }
  if (c->problem != NULL) return DWELL_OK; /* told at the end */
  claim_threshold *t = name.data != NULL ? find(items, count, of, name.data) : NULL;
  if (t == NULL) {
    error_set(err, DWELL_BAD_INPUT, "claim %.40s has no threshold \"%.60s\"", of, name.data != NULL ? name.data : "");
    return error_remedy(err, "`dwell list claims` prints them"), DWELL_BAD_INPUT;
  }
  bool one = t->flow == t->value; /* flows had none of their own */
  if (isfinite(value)) t->value = value, t->flow = one ? value : t->flow;
  if (isfinite(flow)) t->flow = flow;
  return DWELL_OK;
}

dwell_status claim_thresholds_read(const char *path, arena *storage, claim_thresholds *ret, dwell_error *err) {
  claim_thresholds own = claim_thresholds_default();
  char *data = NULL;
  size_t size;
  claim_threshold *items = ARENA_NEW(storage, claim_threshold, own.count);
  dwell_status status = DWELL_OK;
  TRY_ALLOC(items, "the thresholds");
  memcpy(items, own.items, own.count * sizeof *items);
  TRY(file_slurp(path, FILE_MOST, &data, &size, err));
  jcursor c = jcursor_start(data, size, storage);
  jcursor_object(&c);
  for (jtext key; jcursor_key(&c, &key);) {
    if (jtext_is(key, "about")) jcursor_skip(&c);
    else
      for (jcursor_array(&c); jcursor_item(&c);) TRY(read_one(&c, items, own.count, key.data, err));
  }
  TRY(jcursor_end(&c, path, err));
  *ret = (claim_thresholds){items, own.count};
done:
  if (status == DWELL_BAD_INPUT) error_in_file(err, path);
  mem_free(data);
  return status;
}
