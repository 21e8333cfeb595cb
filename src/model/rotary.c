/* model/rotary.c - rotary position embeddings: config fields and frequencies. */
#include "model/rotary.h"

#include <math.h>

#include "base/error.h"
#include "base/str.h"

/* ---- config ---- */

/* llama3 (Grattafiori et al. 2024, The Llama 3 herd of models): slow frequencies are divided by the factor, fast ones
 * kept, those between blended. */
static dwell_status read_llama3(const config *scaling, model_rotary *r, dwell_error *err) {
  dwell_status status = DWELL_OK;
  TRY(config_positive(scaling, "low_freq_factor", 1, &r->low, err));
  TRY(config_positive(scaling, "high_freq_factor", 4, &r->high, err));
  TRY(config_positive(scaling, "original_max_position_embeddings", 8192, &r->trained, err));
  if (r->high <= r->low) {
    status = error_set(err, DWELL_BAD_INPUT, "high_freq_factor must be above low_freq_factor");
    error_in_file(err, scaling->path);
  }
done:
  return status;
}

static dwell_status read_scaling(const config *scaling, model_rotary *r, dwell_error *err) {
  const char *type;
  dwell_status status = DWELL_OK;
  TRY(config_text(scaling, "type", "default", &type, err));
  TRY(config_text(scaling, "rope_type", type, &type, err));
  if (str_equal(type, "default")) return DWELL_OK;
  if (!str_equal(type, "linear") && !str_equal(type, "llama3")) {
    status = error_set(err, DWELL_UNSUPPORTED,
                       "rotary scaling of type %s is not supported (default, linear and llama3 are)", type);
    error_at_item(err, "rope_type");
    error_in_file(err, scaling->path);
    goto done;
  }
  TRY(config_positive(scaling, "factor", 1, &r->factor, err));
  if (str_equal(type, "llama3")) TRY(read_llama3(scaling, r, err));
done:
  return status;
}

/* The fields of one place: base, share and, in a nested object, scaling. */
static dwell_status read_place(const config *place, const char *base_name, const char *fraction_name, double *fraction,
                               model_rotary *r, dwell_error *err) {
  dwell_status status = DWELL_OK;
  TRY(config_positive(place, base_name, r->base, &r->base, err));
  if (fraction_name) TRY(config_positive(place, fraction_name, *fraction, fraction, err));
done:
  return status;
}

dwell_status rotary_configure(const config *c, size_t head_size, const char *old_base, const char *fraction_name,
                              double fraction, model_rotary *ret_rotary, dwell_error *err) {
  static const char *const places[] = {"rope_scaling", "rope_parameters"};
  *ret_rotary = (model_rotary){.base = 10000, .factor = 1};
  dwell_status status = DWELL_OK;
  config nested = {0};
  TRY(read_place(c, old_base, fraction_name, &fraction, ret_rotary, err));
  for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
    if (config_find(c, places[i]) == NULL) continue;
    config_close(&nested);
    TRY(config_nested(c, places[i], &nested, err));
    TRY(read_place(&nested, "rope_theta", fraction_name ? "partial_rotary_factor" : NULL, &fraction, ret_rotary, err));
    TRY(read_scaling(&nested, ret_rotary, err));
  }
  ret_rotary->size = (size_t)((double)head_size * fraction);
  if (fraction > 1 || ret_rotary->size == 0 || ret_rotary->size % 2 != 0) {
    status = error_set(err, DWELL_BAD_INPUT, "a share of %g of %zu numbers cannot turn in pairs", fraction, head_size);
    error_at_item(err, fraction_name ? fraction_name : "head_dim");
    error_in_file(err, c->path);
  }
done:
  config_close(&nested);
  return status;
}

/* ---- angles ---- */

double rotary_frequency(const model_rotary *r, size_t i) {
  static const double turn = 6.283185307179586476925;
  double plain = pow(r->base, -2.0 * (double)i / (double)r->size);
  if (r->divisors != NULL) plain /= r->divisors[i];
  if (r->high == 0) return plain / r->factor;
  double length = turn / plain; /* tokens of one turn */
  if (length < r->trained / r->high) return plain;
  if (length > r->trained / r->low) return plain / r->factor;
  double blend = (r->trained / length - r->low) / (r->high - r->low);
  return (1 - blend) * plain / r->factor + blend * plain;
}
