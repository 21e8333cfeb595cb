/* base/number.h - numbers as text. */
#ifndef DWELL_BASE_NUMBER_H
#define DWELL_BASE_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NUMBER_SIZE = 32 }; /* room for any number_format result */

/* The shortest decimal text that reads back to the same double ("0.1", "1e-300"). `value` must be finite.
 * Independent of the locale. Returns `text`. */
char *number_format(double value, char text[NUMBER_SIZE]);

/* Whole text is one finite decimal number (strtod's grammar without hex, inf, nan, leading blanks). */
bool number_parse(const char *text, double *ret_value);
/* Whole text is one decimal integer without fraction, in [low, high]. */
bool number_parse_int(const char *text, int64_t low, int64_t high, int64_t *ret_value);

#endif
