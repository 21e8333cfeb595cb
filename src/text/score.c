/* text/score.c - the arithmetic of serde_json (f64_from_parts): the digits that fit 64 bits, rounded to a double, times
 * or over a power of ten, rounded again. */
#include "text/score.h"

#include <math.h>
#include <stdio.h>

#include "base/number.h"

enum { MOST_POWER = 308, MOST_EXPONENT = 1000000 };

typedef struct decimal {
  uint64_t digits;
  int64_t exponent;
  bool full; /* the digits that follow do not fit any more */
} decimal;

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* Digits of the whole part count by their place even if they do not fit; those of the fraction are then dropped. */
static const char *take_digits(decimal *d, const char *at, const char *end, bool fraction) {
  for (; at < end && is_digit(*at); at++) {
    uint64_t digit = (uint64_t)(*at - '0');
    d->full = d->full || d->digits > (UINT64_MAX - digit) / 10;
    if (!d->full) d->digits = d->digits * 10 + digit;
    if (d->full && !fraction) d->exponent++;
    if (!d->full && fraction) d->exponent--;
  }
  return at;
}

static int64_t take_exponent(const char *at, const char *end) {
  bool down = at < end && *at == '-';
  int64_t value = 0;
  if (at < end && !is_digit(*at)) at++;
  for (; at < end && is_digit(*at) && value < MOST_EXPONENT; at++) value = value * 10 + (*at - '0');
  return down ? -value : value;
}

static double power_of_ten(int64_t exponent) {
  static const double exact[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
  if (exponent < (int64_t)(sizeof exact / sizeof exact[0])) return exact[exponent];
  char text[NUMBER_SIZE];
  double value = 0;
  snprintf(text, sizeof text, "1e%d", (int)exponent);
  number_parse(text, &value);
  return value;
}

static double scale(const decimal *d) {
  double value = (double)d->digits;
  int64_t exponent = d->exponent;
  for (; exponent < -MOST_POWER && value != 0; exponent += MOST_POWER) value /= power_of_ten(MOST_POWER);
  if (value == 0) return 0;
  if (exponent > MOST_POWER) return INFINITY;
  return exponent < 0 ? value / power_of_ten(-exponent) : value * power_of_ten(exponent);
}

double score_read(jcursor *c) {
  jcursor_peek(c); /* past the white space */
  const char *at = c->data + c->at;
  jcursor_double(c);
  if (c->problem != NULL) return 0;
  const char *end = c->data + c->at;
  decimal d = {0};
  bool negative = *at == '-';
  at = take_digits(&d, at + negative, end, false);
  if (at < end && *at == '.') at = take_digits(&d, at + 1, end, true);
  if (at < end) d.exponent += take_exponent(at + 1, end);
  double value = scale(&d);
  if (isinf(value)) jcursor_fail(c, "a score is too large");
  return negative ? -value : value;
}
