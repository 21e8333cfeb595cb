/* file/jcursor.c - a strict and bounded JSON reader (RFC 8259). */
#include "file/jcursor.h"

#include <string.h>

#include "base/error.h"
#include "base/number.h"
#include "base/str.h"

static const char OUT_OF_MEMORY[] = "out of memory while reading JSON";
static const char CUT_SHORT[] = "the text ends in the middle of a value";

jcursor jcursor_start(const char *data, size_t size, arena *strings) {
  jcursor c = {.data = data, .size = size, .strings = strings};
  if (size >= 3 && memcmp(data, "\xEF\xBB\xBF", 3) == 0) jcursor_fail(&c, "JSON must not begin with a byte order mark");
  return c;
}

static void fail_at(jcursor *c, const char *problem, size_t at) {
  if (c->problem != NULL) return;
  c->problem = problem;
  c->problem_at = at;
}

void jcursor_fail(jcursor *c, const char *problem) { fail_at(c, problem, c->at); }

/* The complaint about the next byte: that it is not what was `expected`, or that there is none. */
static void fail_expected(jcursor *c, const char *expected) {
  jcursor_fail(c, c->at >= c->size ? CUT_SHORT : expected);
}

/* ---- bytes ---- */

static bool is_space(char byte) { return byte <= ' ' && (byte == ' ' || byte == '\n' || byte == '\t' || byte == '\r'); }

static void skip_space(jcursor *c) {
  while (c->at < c->size && is_space(c->data[c->at])) c->at++;
}

/* The next byte that is not white space; NUL at the end, on error, and for a NUL (which no JSON token begins with). */
static char next_byte(jcursor *c) {
  if (c->problem != NULL) return '\0';
  skip_space(c);
  return c->at < c->size ? c->data[c->at] : '\0';
}

static bool is_digit(char byte) { return byte >= '0' && byte <= '9'; }

jkind jcursor_peek(jcursor *c) {
  char byte = next_byte(c);
  switch (byte) {
    case '{': return JKIND_OBJECT;
    case '[': return JKIND_ARRAY;
    case '"': return JKIND_STRING;
    case 't':
    case 'f': return JKIND_BOOL;
    case 'n': return JKIND_NULL;
    default: break;
  }
  if (byte == '-' || is_digit(byte)) return JKIND_NUMBER;
  fail_expected(c, "expected a JSON value");
  return JKIND_ERROR;
}

/* ---- containers ---- */

static void enter(jcursor *c, char open, const char *expected) {
  if (next_byte(c) != open) {
    fail_expected(c, expected);
  } else if (c->depth == JCURSOR_MAX_DEPTH) {
    jcursor_fail(c, "values are nested too deeply (more than 64 levels)");
  } else {
    c->at++;
    c->first[c->depth++] = true;
  }
}

void jcursor_object(jcursor *c) { enter(c, '{', "expected an object '{'"); }

void jcursor_array(jcursor *c) { enter(c, '[', "expected an array '['"); }

/* Consumes the closing byte or the comma before another element; true if an element must follow. */
static bool another(jcursor *c, char closing, const char *expected) {
  char byte = next_byte(c);
  if (c->problem != NULL || c->depth == 0) return false;
  bool first = c->first[c->depth - 1];
  if (byte == closing) {
    c->at++;
    c->depth--;
    return false;
  }
  c->first[c->depth - 1] = false;
  if (first) {
    if (c->at >= c->size) jcursor_fail(c, CUT_SHORT);
  } else if (byte == ',') {
    c->at++;
    if (next_byte(c) == closing) jcursor_fail(c, "a comma must be followed by another element");
  } else {
    fail_expected(c, expected);
  }
  return c->problem == NULL;
}

bool jcursor_item(jcursor *c) { return another(c, ']', "expected ',' or ']' after an element"); }

static void after_key(jcursor *c) {
  if (next_byte(c) == ':') {
    c->at++;
  } else {
    fail_expected(c, "expected ':' after a key");
  }
}

bool jcursor_key(jcursor *c, jtext *ret_key) {
  *ret_key = (jtext){"", 0};
  if (!another(c, '}', "expected ',' or '}' after a value")) return false;
  *ret_key = jcursor_string(c);
  after_key(c);
  return c->problem == NULL;
}

/* ---- strings ---- */

/* Number of leading bytes that are ASCII and neither control, quote nor backslash: eight per step. The borrows of the
 * subtractions spoil only the bytes above one that is itself to be found, so the lowest hit is exact. */
static size_t plain_run(const char *text, size_t length) {
  const uint64_t ones = UINT64_C(0x0101010101010101);
  size_t at = 0;
  for (; __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ && length - at >= 8; at += 8) {
    uint64_t word;
    memcpy(&word, text + at, 8);
    uint64_t quote = (word ^ (ones * '"')) - ones, slash = (word ^ (ones * '\\')) - ones;
    uint64_t hits = (word | (word - ones * 0x20) | quote | slash) & (ones * 0x80);
    if (hits != 0) return at + (size_t)__builtin_ctzll(hits) / 8;
  }
  while (at < length && text[at] >= 0x20 && text[at] != '"' && text[at] != '\\' && (text[at] & 0x80) == 0) at++;
  return at;
}

/* Four hexadecimal digits at `text`, or -1. */
static int32_t hex4(const char *text, size_t length) {
  if (length < 4) return -1;
  int32_t code = 0;
  for (size_t i = 0; i < 4; i++) {
    char h = text[i];
    int digit = is_digit(h) ? h - '0' : h >= 'a' && h <= 'f' ? h - 'a' + 10 : h >= 'A' && h <= 'F' ? h - 'A' + 10 : -1;
    if (digit < 0) return -1;
    code = code * 16 + digit;
  }
  return code;
}

/* One escape, from its backslash on. Returns its length, or 0 with a complaint. */
static size_t read_escape(jcursor *c, size_t at, uint32_t *ret_code) {
  static const char letters[] = "\"\\/bfnrt", meaning[] = "\"\\/\b\f\n\r\t";
  const char *text = c->data + at;
  size_t length = c->size - at;
  if (length < 2) return 0;
  const char *letter = text[1] != '\0' ? strchr(letters, text[1]) : NULL;
  if (letter != NULL) {
    *ret_code = (uint32_t)meaning[letter - letters];
    return 2;
  }
  int32_t code = text[1] == 'u' ? hex4(text + 2, length - 2) : -1;
  if (code < 0) {
    fail_at(c, "this escape is not one of JSON's", at);
    return 0;
  }
  *ret_code = (uint32_t)code;
  if (code < 0xD800 || code > 0xDFFF) return 6;
  int32_t low = length >= 12 && text[6] == '\\' && text[7] == 'u' ? hex4(text + 8, length - 8) : -1;
  if (code > 0xDBFF || low < 0xDC00 || low > 0xDFFF) {
    fail_at(c, "a surrogate without its partner is not a character", at);
    return 0;
  }
  *ret_code = 0x10000 + ((uint32_t)(code - 0xD800) << 10) + (uint32_t)(low - 0xDC00);
  return 12;
}

typedef struct span {
  size_t begin, end; /* between the quotes */
  bool escapes;
} span;

/* One step of scan_string over a byte that is not plain; 0: the string is malformed (or the text ends). */
static size_t scan_special(jcursor *c, size_t at, bool *escapes) {
  uint32_t code;
  unsigned char byte = (unsigned char)c->data[at];
  if (byte == '\\') {
    *escapes = true;
    return read_escape(c, at, &code);
  }
  if (byte < 0x20) {
    fail_at(c, "a control character inside a string must be escaped", at);
    return 0;
  }
  const char *text = c->data + at;
  if (byte >= 0xC2 && byte < 0xE0 && c->size - at > 1 && (text[1] & 0xC0) == 0x80)
    return 2; /* most of what is no ASCII */
  size_t step = utf8_decode(text, c->size - at, &code);
  if (step == 0) fail_at(c, "a string is not valid UTF-8", at);
  return step;
}

/* Checks a whole string and moves behind it, without storing anything. */
static bool scan_string(jcursor *c, span *ret_span) {
  if (next_byte(c) != '"') {
    fail_expected(c, "expected a string");
    return false;
  }
  span s = {.begin = c->at + 1};
  for (size_t at = s.begin;;) {
    at += plain_run(c->data + at, c->size - at);
    if (at < c->size && c->data[at] == '"') {
      s.end = at;
      c->at = at + 1;
      *ret_span = s;
      return true;
    }
    size_t step = at < c->size ? scan_special(c, at, &s.escapes) : 0;
    if (step == 0) {
      fail_at(c, CUT_SHORT, c->size); /* unless scan_special has said more */
      return false;
    }
    at += step;
  }
}

/* Copies the text of a checked string, escapes resolved (which never makes it longer). Returns the length. */
static size_t decode(jcursor *c, const span *s, char *out) {
  if (!s->escapes) {
    memcpy(out, c->data + s->begin, s->end - s->begin);
    return s->end - s->begin;
  }
  size_t length = 0;
  for (size_t at = s->begin; at < s->end;) {
    if (c->data[at] == '\\') {
      uint32_t code = 0;
      at += read_escape(c, at, &code);
      length += utf8_encode(code, out + length);
    } else {
      out[length++] = c->data[at++];
    }
  }
  return length;
}

jtext jcursor_string(jcursor *c) {
  span s;
  if (!scan_string(c, &s)) return (jtext){"", 0};
  char *out = arena_alloc(c->strings, s.end - s.begin + 1, 1);
  if (out == NULL) {
    jcursor_fail(c, OUT_OF_MEMORY);
    return (jtext){"", 0};
  }
  size_t length = decode(c, &s, out);
  out[length] = '\0';
  return (jtext){out, length};
}

bool jtext_is(jtext text, const char *literal) {
  return strlen(literal) == text.length && memcmp(text.data, literal, text.length) == 0;
}

bool jtext_same(jtext a, jtext b) { return a.length == b.length && memcmp(a.data, b.data, a.length) == 0; }

/* ---- numbers ---- */

typedef struct number {
  size_t begin, end;
  bool negative, whole;
  uint64_t digits; /* all digits as one integer, valid if `fits` */
  bool fits;
  int64_t fraction; /* digits after the point */
  int64_t exponent; /* as written, clamped to +-10^6 */
} number;

/* One or more digits at the cursor, folded into n->digits; false if there is none. */
static bool scan_digits(jcursor *c, number *n) {
  size_t begin = c->at;
  for (; c->at < c->size && is_digit(c->data[c->at]); c->at++) {
    uint64_t digit = (uint64_t)(c->data[c->at] - '0');
    n->fits = n->fits && !__builtin_mul_overflow(n->digits, 10, &n->digits) &&
              !__builtin_add_overflow(n->digits, digit, &n->digits);
  }
  if (c->at == begin) fail_expected(c, "a number lacks digits here");
  return c->at > begin;
}

static bool scan_exponent(jcursor *c, number *n) {
  bool down = false;
  if (c->at < c->size && (c->data[c->at] == '+' || c->data[c->at] == '-')) down = c->data[c->at++] == '-';
  number e = {.fits = true};
  if (!scan_digits(c, &e)) return false;
  int64_t most = 1000000;
  n->exponent = e.fits && e.digits < (uint64_t)most ? (int64_t)e.digits : most;
  if (down) n->exponent = -n->exponent;
  return true;
}

static bool scan_number(jcursor *c, number *ret_number) {
  char byte = next_byte(c);
  if (c->problem != NULL) return false;
  number n = {.begin = c->at, .negative = byte == '-', .whole = true, .fits = true};
  if (n.negative) c->at++;
  size_t first = c->at;
  if (c->at >= c->size || !is_digit(c->data[c->at])) {
    fail_expected(c, "expected a number");
    return false;
  }
  if (!scan_digits(c, &n)) return false;
  if (c->data[first] == '0' && c->at - first > 1) {
    fail_at(c, "a number must not begin with 0", first);
    return false;
  }
  if (c->at < c->size && c->data[c->at] == '.') {
    size_t point = c->at++;
    n.whole = false;
    if (!scan_digits(c, &n)) return false;
    n.fraction = (int64_t)(c->at - point - 1);
  }
  if (c->at < c->size && (c->data[c->at] == 'e' || c->data[c->at] == 'E')) {
    c->at++;
    n.whole = false;
    if (!scan_exponent(c, &n)) return false;
  }
  n.end = c->at;
  *ret_number = n;
  return true;
}

/* Exact without strtod: both the digits and the power of ten are doubles, so one rounding remains (Clinger 1990). */
static bool exact_double(const number *n, double *ret_value) {
  static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                  1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
  int64_t shift = n->exponent - n->fraction;
  if (!n->fits || n->digits > (UINT64_C(1) << 53) || shift < -22 || shift > 22) return false;
  double value = (double)n->digits;
  value = shift < 0 ? value / powers[-shift] : value * powers[shift];
  *ret_value = n->negative ? -value : value;
  return true;
}

double jcursor_double(jcursor *c) {
  number n;
  double value = 0;
  if (!scan_number(c, &n) || exact_double(&n, &value)) return value;
  char small[64];
  size_t length = n.end - n.begin;
  char *text = length < sizeof small ? small : arena_alloc(c->strings, length + 1, 1);
  if (text == NULL) {
    jcursor_fail(c, OUT_OF_MEMORY);
    return 0;
  }
  memcpy(text, c->data + n.begin, length);
  text[length] = '\0';
  if (!number_parse(text, &value)) fail_at(c, "a number is too large for a double", n.begin);
  return c->problem == NULL ? value : 0;
}

int64_t jcursor_int(jcursor *c, int64_t low, int64_t high) {
  number n;
  if (!scan_number(c, &n)) return low;
  if (!n.whole) {
    fail_at(c, "expected a whole number, without fraction or exponent", n.begin);
    return low;
  }
  uint64_t most = n.negative ? UINT64_C(1) << 63 : INT64_MAX;
  bool fits = n.fits && n.digits <= most && !(n.negative && low >= 0); /* "-0" is no count */
  int64_t value = !fits ? 0 : n.negative ? (int64_t)(0 - n.digits) : (int64_t)n.digits;
  if (fits && value >= low && value <= high) return value;
  fail_at(c, "a number is out of the range allowed here", n.begin);
  return low;
}

/* ---- literals, skipping, the end ---- */

/* The literal at the cursor, not followed by more of a word. */
static bool literal(jcursor *c, const char *word) {
  size_t length = strlen(word);
  if (c->size - c->at < length || memcmp(c->data + c->at, word, length) != 0) return false;
  c->at += length;
  return true;
}

bool jcursor_bool(jcursor *c) {
  next_byte(c);
  if (c->problem != NULL) return false;
  if (literal(c, "true")) return true;
  if (!literal(c, "false")) fail_expected(c, "expected true or false");
  return false;
}

bool jcursor_null(jcursor *c) {
  if (next_byte(c) != 'n') return false;
  if (literal(c, "null")) return true;
  jcursor_fail(c, "expected null");
  return false;
}

/* Recursion is bounded: jcursor_object and jcursor_array refuse to go deeper than JCURSOR_MAX_DEPTH. */
void jcursor_skip(jcursor *c) {
  span ignored;
  number number_ignored;
  switch (jcursor_peek(c)) {
    case JKIND_ERROR: break;
    case JKIND_NULL: jcursor_null(c); break;
    case JKIND_BOOL: jcursor_bool(c); break;
    case JKIND_NUMBER: scan_number(c, &number_ignored); break;
    case JKIND_STRING: scan_string(c, &ignored); break;
    case JKIND_ARRAY:
      for (jcursor_array(c); jcursor_item(c);) jcursor_skip(c);
      break;
    case JKIND_OBJECT:
      jcursor_object(c);
      while (another(c, '}', "expected ',' or '}' after a value")) {
        scan_string(c, &ignored);
        after_key(c);
        jcursor_skip(c);
      }
      break;
  }
}

dwell_status jcursor_end(jcursor *c, const char *path, dwell_error *err) {
  if (c->problem == NULL && c->depth > 0) jcursor_fail(c, CUT_SHORT);
  next_byte(c);
  if (c->problem == NULL && c->at < c->size) jcursor_fail(c, "there is text after the end of the JSON value");
  if (c->problem == NULL) return DWELL_OK;
  dwell_status status = c->problem == OUT_OF_MEMORY ? DWELL_NO_MEMORY : DWELL_BAD_INPUT;
  error_set(err, status, "%s", c->problem);
  error_in_file(err, path);
  error_at_offset(err, (int64_t)c->problem_at);
  return status;
}
