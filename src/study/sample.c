/* study/sample.c - rows to samples. */
#include "study/sample.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "study/trend.h"

static bool is(const char *a, const char *b) { return a != NULL && b != NULL && strcmp(a, b) == 0; }

bool sample_has_kind(const numbers *n, size_t row, const char *kind) {
  const char *own = numbers_text(n, row, NUMBER_KIND);
  if (kind != NULL) return is(own, kind);
  return is(own, "text") || is(own, "smiles") || is(own, "start");
}

study_number sample_column(const char *need) {
  study_number k = NUMBER_TEXTS;
  while (k < NUMBERS && strcmp(number_columns[k].name, need) != 0) k++;
  return k;
}

static bool matches(double wanted, double found) { return isnan(wanted) || wanted == found; }

size_t sample_row(const numbers *n, const char *model, const char *variant, double seed, double scale,
                  const char *text) {
  size_t row = 0;
  while (row < n->t.rows && !is(numbers_text(n, row, NUMBER_MODEL), model)) row++;
  for (; row < n->t.rows && is(numbers_text(n, row, NUMBER_MODEL), model); row++) { /* they lie together */
    if (is(numbers_text(n, row, NUMBER_TEXT), text) && is(numbers_text(n, row, NUMBER_VARIANT), variant) &&
        matches(seed, numbers_get(n, row, NUMBER_SEED)) && matches(scale, numbers_get(n, row, NUMBER_SCALE)))
      return row;
  }
  return SIZE_MAX;
}

static bool is_row_of(const numbers *n, size_t row, const char *model, const char *variant, double seed) {
  return is(numbers_text(n, row, NUMBER_MODEL), model) && is(numbers_text(n, row, NUMBER_VARIANT), variant) &&
         matches(seed, numbers_get(n, row, NUMBER_SEED));
}

double sample_average(const numbers *n, const char *model, const char *variant, double seed, study_number column) {
  double sum = 0;
  size_t count = 0;
  for (size_t row = 0; row < n->t.rows; row++) {
    double x = numbers_get(n, row, column);
    if (!is_row_of(n, row, model, variant, seed) || !sample_has_kind(n, row, NULL) || isnan(x)) continue;
    sum += x, count++;
  }
  return count > 0 ? sum / (double)count : NAN;
}

/* ---- which seeds ---- */

static size_t list_seeds(const numbers *n, const sample_choice *c, double *ret_seeds) {
  size_t count = 0;
  for (size_t row = 0; c->controls != NULL && row < n->t.rows; row++) {
    if (!is_row_of(n, row, c->model, c->controls, NAN)) continue;
    double seed = numbers_get(n, row, NUMBER_SEED);
    if (isnan(seed)) seed = 0; /* a flow's control has none */
    size_t k = 0;
    while (k < count && ret_seeds[k] != seed) k++;
    if (k == count && count < 128 && !(seed == c->without)) ret_seeds[count++] = seed;
  }
  return count;
}

/* ---- values ---- */

/* Slope of the rate on ln of the scale of the output maps: what an intervention on them does. */
static double scale_slope(const numbers *n, const char *model, size_t trained) {
  static const double scales[] = {0.5, 0.7, 1.4, 2};
  double x[5] = {1}, y[5] = {numbers_get(n, trained, NUMBER_COLLAPSE)};
  for (size_t k = 0; k < 4; k++) {
    size_t row = sample_row(n, model, "scale-wo", NAN, scales[k], numbers_text(n, trained, NUMBER_TEXT));
    if (row == SIZE_MAX) return NAN;
    x[k + 1] = scales[k], y[k + 1] = numbers_get(n, row, NUMBER_COLLAPSE);
  }
  return trend_slope(5, x, y); /* NaN if one of them is */
}

static double need_of(const numbers *n, const char *need, const char *model, size_t row) {
  study_number column = sample_column(need);
  if (column < NUMBERS) return numbers_get(n, row, column);
  return strcmp(need, "slope_wo") == 0 ? scale_slope(n, model, row) : NAN;
}

static uint32_t class_of(const numbers *n, const size_t *rows, size_t i) {
  for (size_t j = 0; j < i; j++) {
    if (is(numbers_text(n, rows[j], NUMBER_CLASS), numbers_text(n, rows[i], NUMBER_CLASS))) return (uint32_t)j;
  }
  return (uint32_t)i;
}

static void fill(const numbers *n, const sample_choice *c, const claim *what, const double *seeds, sample *s) {
  size_t P = s->s.prompts, M = s->s.seeds;
  for (size_t i = 0; i < P; i++) {
    s->types[i] = numbers_get(n, s->rows[i], NUMBER_TYPES);
    s->classes[i] = class_of(n, s->rows, i);
    for (size_t k = 0; k < what->need_count; k++)
      s->values[k * P + i] = need_of(n, what->needs[k].name, c->model, s->rows[i]);
    for (size_t m = 0; m < M; m++) {
      double seed = s->s.flow ? NAN : seeds[m];
      size_t row = sample_row(n, c->model, c->controls, seed, NAN, numbers_text(n, s->rows[i], NUMBER_TEXT));
      for (size_t k = 0; k < what->need_count; k++) {
        double x = row == SIZE_MAX ? NAN : need_of(n, what->needs[k].name, c->model, row);
        s->controls[(k * M + m) * P + i] = what->needs[k].of_controls ? x : NAN;
      }
    }
  }
}

/* The tokens of each prompt in other orders; where the sample is one of those orders, the text itself is another. */
static dwell_status add_orders(const numbers *n, const sample_choice *c, sample *s, dwell_error *err) {
  double seeds[128];
  bool shuffled = is(c->variant, "shuffled");
  const sample_choice others = {.model = c->model, .controls = "shuffled", .without = shuffled ? c->seed : NAN};
  size_t P = s->s.prompts, K = list_seeds(n, &others, seeds), all = K + shuffled;
  if (all == 0 || is(c->variant, "random")) return DWELL_OK;
  s->orders = mem_alloc(all, P * sizeof(double));
  if (s->orders == NULL) return error_no_memory(err, "a sample");
  for (size_t i = 0; i < P; i++) {
    const char *text = numbers_text(n, s->rows[i], NUMBER_TEXT);
    for (size_t k = 0; k < all; k++) {
      size_t row = sample_row(n, c->model, k < K ? "shuffled" : "trained", k < K ? seeds[k] : NAN, NAN, text);
      s->orders[k * P + i] = row == SIZE_MAX ? NAN : numbers_get(n, row, NUMBER_TREND);
    }
  }
  s->s.orders = all, s->s.opt_orders = s->orders;
  return DWELL_OK;
}

static bool is_prompt(const numbers *n, const sample_choice *c, size_t row) {
  return is_row_of(n, row, c->model, c->variant, c->seed) && sample_has_kind(n, row, c->kind);
}

/* In another representation the mean effect has the other sign. */
static bool sign_changes(const numbers *n, const sample *s) {
  const study_number others[] = {NUMBER_TREND_LN, NUMBER_TREND_ROBUST};
  double mean = 0, other;
  for (size_t i = 0; i < s->s.prompts; i++) {
    double x = numbers_get(n, s->rows[i], NUMBER_TREND);
    mean += isfinite(x) ? x : 0;
  }
  for (size_t k = 0; k < 2; k++) {
    other = 0;
    for (size_t i = 0; i < s->s.prompts; i++) {
      double x = numbers_get(n, s->rows[i], others[k]);
      other += isfinite(x) ? x : 0;
    }
    if (mean * other < 0) return true;
  }
  return false;
}

dwell_status sample_make(const numbers *n, const sample_choice *c, const claim *what, uint64_t seed, sample *ret,
                         dwell_error *err) {
  double seeds[128];
  size_t P = 0, M = list_seeds(n, c, seeds), one;
  dwell_status status = DWELL_OK;
  *ret = (sample){0};
  for (size_t row = 0; row < n->t.rows; row++) P += is_prompt(n, c, row);
  if (!size_mul(what->need_count * (M + 1), P, &one)) TRY(error_no_memory(err, "a sample"));
  ret->rows = MEM_NEW(size_t, P), ret->types = MEM_NEW(double, P), ret->classes = MEM_NEW(uint32_t, P);
  ret->values = mem_alloc(what->need_count, P * sizeof(double)), ret->controls = MEM_NEW(double, one);
  if (ret->rows == NULL || ret->types == NULL || ret->classes == NULL || ret->values == NULL || ret->controls == NULL)
    TRY(error_no_memory(err, "a sample"));
  ret->s = (claim_sample){.prompts = P, .seeds = M, .values = ret->values, .controls = ret->controls, .seed = seed};
  P = 0;
  for (size_t row = 0; row < n->t.rows; row++) {
    if (is_prompt(n, c, row)) ret->rows[P++] = row;
  }
  ret->s.flow = P > 0 && numbers_get(n, ret->rows[0], NUMBER_FLOW) > 0;
  fill(n, c, what, seeds, ret);
  if (!ret->s.flow) ret->s.opt_types = ret->types, ret->s.opt_classes = ret->classes;
  if (P > 0) ret->s.layers = (size_t)fmax(0, numbers_get(n, ret->rows[0], NUMBER_BLOCKS));
  ret->s.representation_fails = !ret->s.flow && sign_changes(n, ret);
  if (c->orders && !ret->s.flow) TRY(add_orders(n, c, ret, err));
done:
  return status;
}

void sample_free(sample *s) {
  mem_free(s->values), mem_free(s->controls), mem_free(s->orders), mem_free(s->types), mem_free(s->classes),
      mem_free(s->rows);
  *s = (sample){0};
}
