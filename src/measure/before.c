/* measure/before.c - compares a finished run's manifest with what it would say now. */
#include "measure/before.h"

#include <jansson.h>
#include <string.h>

#include "base/error.h"
#include "measure/measurement.h"

/* The manifest of a run of nothing: what is known before. */
static dwell_status manifest_now(const dwell_context *ctx, dwell_source *source, const dwell_measure_options *options,
                                 json_t **ret_manifest, dwell_error *err) {
  strbuf body = {0}, whole = {0};
  dwell_status status = DWELL_OK;
  measurement *s;
  TRY(measurement_create(ctx, source, options, &s, err));
  TRY(plan_make(s->t, options, &s->plan, err));
  measurement_identity(s, &body);
  strbuf_printf(&whole, "{%s}", body.data != NULL ? body.data : "");
  *ret_manifest = whole.failed || body.failed ? NULL : json_loads(whole.data, JSON_ALLOW_NUL, NULL);
  TRY_ALLOC(*ret_manifest, "the manifest");
done:
  measurement_destroy(s);
  strbuf_free(&body);
  strbuf_free(&whole);
  return status;
}

static bool same_member(const json_t *a, const json_t *b, const char *key) {
  const json_t *x = json_object_get(a, key), *y = json_object_get(b, key);
  return x != NULL && y != NULL && json_equal(x, y);
}

/* The same version that was built the same: another could give other numbers. */
static bool same_program(const json_t *a, const json_t *b) {
  static const char *const keys[] = {"version", "commit", "compiler", "isa", "blas"};
  const json_t *x = json_object_get(a, "dwell"), *y = json_object_get(b, "dwell");
  bool same = true;
  for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) same = same && same_member(x, y, keys[i]);
  return same;
}

static bool same_ids(const dwell_trajectory *t, const json_t *tokens) {
  if (t->token_ids == NULL) return true;
  if (json_array_size(tokens) != t->n) return false;
  for (size_t i = 0; i < t->n; i++) {
    const json_t *id = json_object_get(json_array_get(tokens, i), "id");
    if (!json_is_integer(id) || json_integer_value(id) != t->token_ids[i]) return false;
  }
  return true;
}

dwell_status measured_before(const dwell_context *ctx, dwell_source *source, const dwell_measure_options *options,
                             const dwell_run *run, bool *ret_same, dwell_error *err) {
  json_t *now = NULL, *was = NULL;
  *ret_same = false;
  dwell_status status = manifest_now(ctx, source, options, &now, err);
  if (status != DWELL_OK) return status;
  was = json_loads(dwell_run_manifest(run), JSON_ALLOW_NUL, NULL);
  *ret_same = was != NULL && same_program(now, was) && same_member(now, was, "source") &&
              same_member(now, was, "measure") &&
              same_ids(dwell_source_trajectory(source), json_object_get(was, "tokens"));
  json_decref(now);
  json_decref(was);
  return DWELL_OK;
}
