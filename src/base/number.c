/* base/number.c - numbers as text. */
#include "base/number.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *number_format(double value, char text[NUMBER_SIZE]) {
  /* Whole numbers up to 2^53 print as such; %g would turn 100000000000000000 into an exponent. */
  if (fabs(value) < 1e15 && value == floor(value)) {
    snprintf(text, NUMBER_SIZE, "%.0f", value == 0 ? 0.0 : value);
    return text;
  }
  /* 15 digits name every normal double that has a name of at most 15; subnormal ones can be shorter ("5e-324"). */
  for (int digits = fabs(value) < DBL_MIN ? 1 : 15; digits <= 17; digits++) {
    snprintf(text, NUMBER_SIZE, "%.*g", digits, value);
    if (strtod(text, NULL) == value) break;
  }
  return text;
}

/* Digits with optional sign, fraction and exponent: nothing else that strtod would take. */
static bool looks_decimal(const char *text) {
  size_t n = strspn(text, "+-0123456789.eE");
  return text[n] == '\0' && strpbrk(text, "0123456789") != NULL;
}

bool number_parse(const char *text, double *ret_value) {
  if (!looks_decimal(text)) return false;
  char *end;
  double value = strtod(text, &end);
  if (*end != '\0' || !isfinite(value)) return false;
  *ret_value = value;
  return true;
}

bool number_parse_int(const char *text, int64_t low, int64_t high, int64_t *ret_value) {
  if (text[0] == '\0' || text[strspn(text, "+-0123456789")] != '\0') return false;
  char *end;
  errno = 0;
  long long value = strtoll(text, &end, 10);
  if (*end != '\0' || end == text || errno != 0 || value < low || value > high) return false;
  *ret_value = value;
  return true;
}
