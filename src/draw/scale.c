/* draw/scale.c - scales and ticks. */
#include "draw/scale.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double LN10 = 2.302585092994045684;

scale scale_make(scale_kind kind, double low, double high) {
  if (!isfinite(low) || !isfinite(high)) low = 0, high = 1;
  if (kind == SCALE_LOG) {
    if (high <= 0) low = 0.1, high = 1;
    if (low <= 0) low = high / 1000;
  }
  if (low > high) {
    double swap = low;
    low = high, high = swap;
  }
  /* A constant: centre it in a range that is wide against rounding. */
  if (high - low <= 1e-12 * fmax(fabs(low), fabs(high))) {
    double half = kind == SCALE_LOG ? 0 : fmax(fabs(low) * 0.05, low == 0 ? 0.5 : 1e-12);
    low = kind == SCALE_LOG ? low / 2 : low - half;
    high = kind == SCALE_LOG ? high * 2 : high + half;
  }
  return (scale){.kind = kind, .low = low, .high = high, .from = 0, .to = 1};
}

static double inner(const scale *s, double value) { return s->kind == SCALE_LOG ? log(value) : value; }

double scale_at(const scale *s, double value) {
  double low = inner(s, s->low), high = inner(s, s->high);
  return s->from + (s->to - s->from) * (inner(s, value) - low) / (high - low);
}

double scale_back(const scale *s, double pixel) {
  double low = inner(s, s->low), high = inner(s, s->high);
  double value = low + (high - low) * (pixel - s->from) / (s->to - s->from);
  return s->kind == SCALE_LOG ? exp(value) : value;
}

/* ---- labels ---- */

/* Appends `text` with its minus signs and exponents as typeset characters. */
static void typeset(char *out, size_t size, const char *text, bool raised) {
  static const char *const raised_digits[] = {"\u2070", "\u00b9", "\u00b2", "\u00b3", "\u2074",
                                              "\u2075", "\u2076", "\u2077", "\u2078", "\u2079"};
  size_t used = strlen(out);
  for (; *text != '\0'; text++) {
    char one[8] = {*text, '\0'};
    const char *shown = one;
    if (*text == '-') shown = raised ? "\u207b" : "\u2212";
    if (raised && *text >= '0' && *text <= '9') shown = raised_digits[*text - '0'];
    size_t length = strlen(shown);
    if (used + length + 1 > size) return;
    memcpy(out + used, shown, length + 1);
    used += length;
  }
}

static void drop_zeros(char *text) {
  if (strchr(text, '.') == NULL) return;
  size_t n = strlen(text);
  while (n > 0 && text[n - 1] == '0') text[--n] = '\0';
  if (n > 0 && text[n - 1] == '.') text[n - 1] = '\0';
}

static void power_label(double exponent, const char *factor, char *text, size_t size) {
  char power[24];
  snprintf(power, sizeof power, "%.0f", exponent);
  text[0] = '\0';
  if (factor != NULL) {
    typeset(text, size, factor, false);
    if (strlen(text) + 3 < size) strcat(text, "\u00d7");
  }
  typeset(text, size, "10", false);
  typeset(text, size, power, true);
}

char *scale_label(double value, int digits, char *text, size_t size) {
  if (size == 0) return text;
  char plain[48];
  double magnitude = fabs(value);
  if (magnitude != 0 && (magnitude < 1e-4 || magnitude >= 1e6)) {
    snprintf(plain, sizeof plain, "%.*e", digits > 1 ? digits - 1 : 0, value);
    char *e = strchr(plain, 'e');
    double exponent = strtod(e + 1, NULL);
    *e = '\0';
    drop_zeros(plain);
    power_label(exponent, strcmp(plain, "1") == 0 ? NULL : plain, text, size);
    return text;
  }
  int decimals = magnitude == 0 ? 0 : digits - 1 - (int)floor(log10(magnitude));
  snprintf(plain, sizeof plain, "%.*f", decimals < 0 ? 0 : decimals > 12 ? 12 : decimals, value);
  drop_zeros(plain);
  text[0] = '\0';
  typeset(text, size, plain, false);
  return text;
}

/* ---- ticks ---- */

/* The step 1, 2 or 5 times a power of ten with at most `most` steps in `range`. */
static double nice_step(double range, size_t most) {
  double rough = range / (double)(most < 1 ? 1 : most);
  double power = pow(10, floor(log10(rough)));
  double factor = rough / power;
  return power * (factor <= 1 ? 1 : factor <= 2 ? 2 : factor <= 5 ? 5 : 10);
}

static void add_tick(const scale *s, double value, const char *label, tick *ticks, size_t *count) {
  double slack = 1e-9 * fabs(s->to - s->from), at = scale_at(s, value);
  if (*count >= SCALE_MAX_TICKS || at < fmin(s->from, s->to) - slack || at > fmax(s->from, s->to) + slack) return;
  tick *t = &ticks[(*count)++];
  *t = (tick){.value = value, .at = at, .minor = label == NULL};
  if (label != NULL) snprintf(t->label, sizeof t->label, "%s", label);
}

/* Labels of one axis share their decimals: 0.0, 0.5, 1.0 would be noise, 0, 0.5, 1 is what people write. */
static void step_label(double value, double step, char text[32]) {
  int digits = 1;
  if (value != 0) digits = (int)(floor(log10(fabs(value)) + 1e-9) - floor(log10(step) + 1e-9)) + 1;
  scale_label(value, digits < 1 ? 1 : digits > 12 ? 12 : digits, text, 32);
}

static size_t linear_ticks(const scale *s, double step, tick *ticks) {
  size_t count = 0;
  double first = ceil(s->low / step - 1e-9), last = floor(s->high / step + 1e-9);
  for (double i = first; i <= last && count < SCALE_MAX_TICKS; i++) {
    char label[32];
    double value = i == 0 ? 0 : i * step; /* no negative zero */
    step_label(value, step, label);
    add_tick(s, value, label, ticks, &count);
  }
  return count;
}

/* A tick at factor * 10^exponent; `ln` says whether the scale's data are logarithms. */
static void add_decade(const scale *s, double exponent, int factor, bool labelled, tick *ticks, size_t *count) {
  char label[32], digit[12];
  double value = s->kind == SCALE_LN ? exponent * LN10 + log(factor) : factor * pow(10, exponent);
  snprintf(digit, sizeof digit, "%d", factor);
  if (exponent >= -3 && exponent <= 3) {
    scale_label(factor * pow(10, exponent), 1, label, sizeof label);
  } else {
    power_label(exponent, factor == 1 ? NULL : digit, label, sizeof label);
  }
  add_tick(s, value, labelled ? label : NULL, ticks, count);
}

/* Less than a decade: ordinary steps of the quantity itself, placed by their logarithm. */
static size_t short_log_ticks(const scale *s, double low, double high, size_t most, tick *ticks) {
  scale plain = scale_make(SCALE_LINEAR, exp(low), exp(high));
  tick found[SCALE_MAX_TICKS];
  size_t n = linear_ticks(&plain, nice_step(plain.high - plain.low, most), found), count = 0;
  for (size_t i = 0; i < n; i++) {
    if (found[i].value <= 0) continue;
    add_tick(s, s->kind == SCALE_LN ? log(found[i].value) : found[i].value, found[i].label, ticks, &count);
  }
  return count;
}

static size_t log_ticks(const scale *s, size_t most, tick *ticks) {
  double low = inner(s, s->low), high = inner(s, s->high), decades = (high - low) / LN10;
  if (decades < 1 && fabs(low) < 600 && fabs(high) < 600) return short_log_ticks(s, low, high, most, ticks);
  double stride = decades <= (double)most ? 1 : nice_step(decades, most);
  bool fine = decades < (double)most / 2.5;
  size_t count = 0;
  double first = floor(low / LN10 / stride) * stride, last = ceil(high / LN10);
  for (double k = first; k <= last && count < SCALE_MAX_TICKS; k += stride) {
    add_decade(s, k, 1, true, ticks, &count);
    for (int factor = 2; factor < 10 && stride == 1 && decades <= 8; factor++) {
      add_decade(s, k, factor, fine && (factor == 2 || factor == 5), ticks, &count);
    }
  }
  return count;
}

size_t scale_ticks(const scale *s, size_t most, tick ret_ticks[SCALE_MAX_TICKS]) {
  if (s->kind != SCALE_LINEAR) return log_ticks(s, most, ret_ticks);
  return linear_ticks(s, nice_step(s->high - s->low, most), ret_ticks);
}

size_t scale_ticks_whole(const scale *s, size_t most, tick ret_ticks[SCALE_MAX_TICKS]) {
  return linear_ticks(s, fmax(1, nice_step(s->high - s->low, most)), ret_ticks);
}

void scale_widen(scale *s, size_t ticks) {
  if (s->kind == SCALE_LINEAR) {
    double step = nice_step(s->high - s->low, ticks);
    s->low = floor(s->low / step + 1e-9) * step;
    s->high = ceil(s->high / step - 1e-9) * step;
    return;
  }
  double low = inner(s, s->low), high = inner(s, s->high), margin = 0.03 * (high - low);
  s->low = s->kind == SCALE_LOG ? exp(low - margin) : low - margin;
  s->high = s->kind == SCALE_LOG ? exp(high + margin) : high + margin;
}
