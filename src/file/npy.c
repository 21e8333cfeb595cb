/* file/npy.c - the header of the .npy format: a Python dictionary, read by a parser of exactly what may stand there. */
#include "file/npy.h"

#include <inttypes.h>
#include <string.h>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/number.h"
#include "base/str.h"
#include "file/bytes.h"
#include "file/npy_format.h"

/* ---- the prefix ---- */

dwell_status npy_parse_prefix(const unsigned char *first, size_t available, size_t *ret_begin, size_t *ret_end,
                              dwell_error *err) {
  if (available < 10 || memcmp(first, "\x93NUMPY", 6) != 0) {
    return error_set(err, DWELL_BAD_INPUT, "this is no .npy array: it does not begin with \\x93NUMPY");
  }
  if (first[6] < 1 || first[6] > 3 || first[7] != 0) {
    return error_set(err, DWELL_UNSUPPORTED, "version %u.%u of the .npy format is not known", first[6], first[7]);
  }
  bool wide = first[6] > 1;
  if (wide && available < NPY_PREFIX_SIZE) return error_set(err, DWELL_BAD_INPUT, "the array's header is cut short");
  size_t length = wide ? bytes_u32(first + 8) : bytes_u16(first + 8);
  if (length > NPY_MAX_DICTIONARY) {
    return error_set(err, DWELL_BAD_INPUT, "the array's header is said to be %zu bytes long; at most %d are read",
                     length, NPY_MAX_DICTIONARY);
  }
  *ret_begin = wide ? 12 : 10;
  *ret_end = *ret_begin + length;
  return DWELL_OK;
}

/* ---- the type ---- */

static dwell_status refuse_type(const char *descr, dwell_error *err) {
  const char *kind = descr + strspn(descr, "<>|=");
  if (*kind == 'O') {
    error_set(err, DWELL_UNSUPPORTED, "the array holds Python objects (dtype '%.20s'); reading them could run code",
              descr);
    error_remedy(err, "Save numbers with a.astype('float64') and texts with a.astype('U')");
  } else {
    error_set(err, DWELL_UNSUPPORTED, "an array of dtype '%.20s' is not read", descr);
    error_remedy(err, *kind == 'V' ? "If this is bfloat16, save a.astype('float32')" : "Save a.astype('float64')");
  }
  return DWELL_UNSUPPORTED;
}

static bool known_size(char kind, int64_t size) {
  switch (kind) {
    case 'b': return size == 1;
    case 'i':
    case 'u': return size == 1 || size == 2 || size == 4 || size == 8;
    case 'f': return size == 2 || size == 4 || size == 8;
    case 'U':
    case 'S': return size >= 0;
    default: return false;
  }
}

/* A type such as '<f8', '|b1' or '>U12'. */
static dwell_status parse_descr(const char *descr, npy_header *h, dwell_error *err) {
  const char *kind = descr + (descr[0] != '\0' && strchr("<>|=", descr[0]) != NULL);
  int64_t size = 0;
  if (str_equal(kind, "?")) kind = "b1";
  if (*kind == '\0' || !number_parse_int(kind + 1, 0, 1 << 28, &size) || kind[1] == '+' || kind[1] == '-' ||
      !known_size(*kind, size)) {
    return refuse_type(descr, err);
  }
  h->type = (npy_type)*kind;
  h->big_endian = descr[0] == '>';
  h->item_size = *kind == 'U' ? 4 * (size_t)size : (size_t)size;
  return DWELL_OK;
}

/* ---- the dictionary ---- */

typedef struct parser {
  const char *at, *end;
  const char *problem; /* NULL: none so far */
} parser;

static void fail(parser *p, const char *problem) {
  if (p->problem == NULL) p->problem = problem;
}

static char next(parser *p) {
  while (p->at < p->end && (*p->at == ' ' || *p->at == '\n' || *p->at == '\t')) p->at++;
  return p->at < p->end && p->problem == NULL ? *p->at : '\0';
}

/* Consumes `byte` if it is next. */
static bool accept(parser *p, char byte) {
  if (next(p) != byte) return false;
  p->at++;
  return true;
}

static void expect(parser *p, char byte, const char *problem) {
  if (!accept(p, byte)) fail(p, problem);
}

enum { LONGEST_STRING = 31 };

/* A quoted string without escapes; all that occur in the format are short. */
static void parse_string(parser *p, char out[LONGEST_STRING + 1]) {
  char quote = next(p);
  out[0] = '\0';
  if (quote != '\'' && quote != '"') {
    fail(p, "a string is expected");
    return;
  }
  size_t length = 0;
  for (p->at++; p->at < p->end && *p->at != quote; p->at++) {
    if (length == LONGEST_STRING || *p->at == '\\' || (unsigned char)*p->at < ' ') break;
    out[length++] = *p->at;
  }
  out[length] = '\0';
  if (p->at >= p->end || *p->at != quote) {
    fail(p, "a string is malformed");
    return;
  }
  p->at++;
}

static bool accept_word(parser *p, const char *word) {
  size_t length = strlen(word);
  next(p);
  if (p->problem != NULL || (size_t)(p->end - p->at) < length || memcmp(p->at, word, length) != 0) return false;
  p->at += length;
  return true;
}

static bool parse_bool(parser *p) {
  if (accept_word(p, "True")) return true;
  if (!accept_word(p, "False")) fail(p, "'fortran_order' must be True or False");
  return false;
}

static size_t parse_length(parser *p) {
  size_t value = 0;
  const char *begin = p->at;
  for (; p->at < p->end && *p->at >= '0' && *p->at <= '9'; p->at++) {
    if (!size_mul(value, 10, &value) || !size_add(value, (size_t)(*p->at - '0'), &value)) {
      fail(p, "a dimension is too large");
    }
  }
  if (p->at == begin) fail(p, "a dimension must be a number, not negative");
  if (p->at - begin > 1 && *begin == '0') fail(p, "a dimension begins with 0");
  if (p->at < p->end && *p->at == 'L') p->at++; /* Python 2 wrote (3L, 4L) */
  return value;
}

static void parse_shape(parser *p, npy_header *h) {
  bool comma = false;
  expect(p, '(', "'shape' must be a tuple");
  while (p->problem == NULL && !accept(p, ')')) {
    if (h->rank > 0 && !comma) {
      fail(p, "'shape' lacks a comma");
    } else if (h->rank == NPY_MAX_RANK) {
      fail(p, "the array has more than 8 dimensions");
    } else {
      next(p);
      h->shape[h->rank++] = parse_length(p);
      comma = accept(p, ',');
    }
  }
  if (h->rank == 1 && !comma) fail(p, "'shape' must be a tuple");
}

static dwell_status check_count(npy_header *h, dwell_error *err) {
  size_t bytes;
  bool fits = true;
  h->count = 1;
  for (size_t k = 0; k < h->rank; k++) fits = fits && size_mul(h->count, h->shape[k], &h->count);
  if (!fits || !size_mul(h->count, h->item_size, &bytes)) {
    return error_set(err, DWELL_BAD_INPUT, "the size of the array overflows 64 bits");
  }
  if (h->item_size == 0 && h->count > 0) {
    return error_set(err, DWELL_BAD_INPUT, "the array has elements, but they have no bytes");
  }
  return DWELL_OK;
}

dwell_status npy_parse(const char *text, size_t length, npy_header *ret_header, dwell_error *err) {
  parser p = {.at = text, .end = text + length};
  char key[LONGEST_STRING + 1], descr[LONGEST_STRING + 1] = "";
  bool seen_descr = false, seen_order = false, seen_shape = false, structured = false, comma = true;
  *ret_header = (npy_header){0};
  expect(&p, '{', "a dictionary is expected");
  while (p.problem == NULL && !structured && !accept(&p, '}')) {
    if (!comma) fail(&p, "a comma is missing");
    parse_string(&p, key);
    expect(&p, ':', "':' is expected after a key");
    bool *seen = str_equal(key, "descr") ? &seen_descr : str_equal(key, "fortran_order") ? &seen_order : &seen_shape;
    if (*seen || (seen == &seen_shape && !str_equal(key, "shape"))) fail(&p, "a key is unknown or there twice");
    *seen = true;
    if (seen == &seen_shape) parse_shape(&p, ret_header);
    else if (seen == &seen_order) ret_header->fortran_order = parse_bool(&p);
    else if (next(&p) == '[' || next(&p) == '(') structured = true;
    else parse_string(&p, descr);
    comma = accept(&p, ',');
  }
  if (structured && p.problem == NULL) {
    error_set(err, DWELL_UNSUPPORTED, "an array of a structured dtype (a list of fields) is not read");
    error_remedy(err, "Save each field as an array of its own");
    return DWELL_UNSUPPORTED;
  }
  if (!seen_descr || !seen_order || !seen_shape) fail(&p, "one of 'descr', 'fortran_order' and 'shape' is missing");
  if (next(&p) != '\0' || (p.problem == NULL && p.at < p.end)) fail(&p, "there is text after the dictionary");
  if (p.problem != NULL) return error_set(err, DWELL_BAD_INPUT, "the array's header is malformed: %s", p.problem);
  dwell_status status = parse_descr(descr, ret_header, err);
  return status == DWELL_OK ? check_count(ret_header, err) : status;
}

/* ---- writing ---- */

/* numpy leaves room in the header so that the first dimension may grow to 21 digits in place. */
enum { GROWTH_DIGITS = 21, ALIGNMENT = 64, PREFIX = 10 };

static void put_dictionary(strbuf *s, npy_type type, size_t item_size, size_t rank, const size_t *shape) {
  bool bytes = item_size == 1 && type != NPY_UNICODE;
  strbuf_printf(s, "{'descr': '%c%c%zu', 'fortran_order': False, 'shape': (", bytes || type == NPY_BYTES ? '|' : '<',
                (char)type, type == NPY_UNICODE ? item_size / 4 : item_size);
  for (size_t k = 0; k < rank; k++) strbuf_printf(s, "%s%zu", k > 0 ? ", " : "", shape[k]);
  strbuf_puts(s, rank == 1 ? ",), }" : "), }");
  if (rank == 0) return;
  size_t digits = 1;
  for (size_t rest = shape[0]; rest >= 10; rest /= 10) digits++;
  for (; digits < GROWTH_DIGITS; digits++) strbuf_putc(s, ' ');
}

dwell_status npy_format(npy_type type, size_t item_size, size_t rank, const size_t *shape,
                        char ret_text[NPY_MAX_WRITTEN], size_t *ret_length, size_t *ret_bytes, dwell_error *err) {
  size_t count = 1, bytes = 0;
  bool fits = rank <= NPY_MAX_RANK;
  for (size_t k = 0; k < rank && fits; k++) fits = size_mul(count, shape[k], &count);
  size_t size = type == NPY_UNICODE ? item_size / 4 : item_size;
  if (!fits || !size_mul(count, item_size, &bytes) || size > (1 << 28) || !known_size((char)type, (int64_t)size) ||
      (type == NPY_UNICODE && item_size % 4 != 0)) {
    return error_set(err, DWELL_USAGE, "an array of type %c%zu and rank %zu cannot be written", (char)type, item_size,
                     rank);
  }
  strbuf s = {0};
  strbuf_add(&s, "\x93NUMPY\1\0\0\0", PREFIX);
  put_dictionary(&s, type, item_size, rank, shape);
  for (size_t pad = ALIGNMENT - (s.length + 1) % ALIGNMENT; pad > 0; pad--) strbuf_putc(&s, ' ');
  strbuf_putc(&s, '\n');
  if (s.failed || s.length > NPY_MAX_WRITTEN) {
    strbuf_free(&s);
    return error_no_memory(err, "an array's header");
  }
  memcpy(ret_text, s.data, s.length);
  uint16_t length = (uint16_t)(s.length - PREFIX);
  memcpy(ret_text + 8, &length, sizeof length);
  *ret_length = s.length;
  *ret_bytes = bytes;
  strbuf_free(&s);
  return DWELL_OK;
}

dwell_status npy_write(const char *path, npy_type type, size_t item_size, size_t rank, const size_t *shape,
                       const void *data, dwell_error *err) {
  char text[NPY_MAX_WRITTEN];
  size_t length, bytes;
  atomic_file file;
  dwell_status status = npy_format(type, item_size, rank, shape, text, &length, &bytes, err);
  if (status == DWELL_OK) status = atomic_file_open(path, &file, err);
  if (status != DWELL_OK) return status;
  fwrite(text, 1, length, file.stream); /* a short write leaves ferror set, which commit reports */
  if (bytes > 0) fwrite(data, 1, bytes, file.stream);
  return atomic_file_commit(&file, err);
}
