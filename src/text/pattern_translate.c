/* text/pattern_translate.c - an Oniguruma pattern (Ruby syntax, UTF-8) as one with the same meaning for PCRE2. */
#include <string.h>

#include "base/error.h"
#include "base/str.h"
#include "text/pattern.h"
#include "text/unicode_data.h"

/* Members of a bracket expression for each class whose meaning differs. PCRE2's own \s has U+180E (no White_Space). */
#define SPACE_MEMBERS "\\p{Z}\\x09-\\x0d\\x{85}"
#define WORD_MEMBERS "\\p{L}\\p{M}\\p{Nd}\\p{Nl}\\p{Pc}" UNICODE_EXTRA_WORDS
#define LONE_WORD_MEMBERS WORD_MEMBERS UNICODE_LATIN_WORDS
#define LETTER_MEMBERS "\\p{L}" UNICODE_EXTRA_LETTERS
#define NUMBER_MEMBERS "\\p{N}" UNICODE_EXTRA_NUMBERS
#define DIGIT_MEMBERS "\\p{Nd}" UNICODE_EXTRA_DIGITS

typedef struct translation {
  const char *text;
  size_t length, at;
  bool in_class;
  strbuf *out;
  const char *problem; /* what cannot be translated */
} translation;

static const struct {
  const char *name; /* after the backslash */
  const char *members;
  bool negated;
} CLASSES[] = {
    {"s", SPACE_MEMBERS, false},
    {"S", SPACE_MEMBERS, true},
    {"w", WORD_MEMBERS, false},
    {"W", LONE_WORD_MEMBERS, true},
    {"p{L}", LETTER_MEMBERS, false},
    {"P{L}", LETTER_MEMBERS, true},
    {"p{^L}", LETTER_MEMBERS, true},
    {"p{N}", NUMBER_MEMBERS, false},
    {"P{N}", NUMBER_MEMBERS, true},
    {"p{^N}", NUMBER_MEMBERS, true},
    {"pL", NULL, false},
    {"pN", NULL, false},
    {"h", "0-9A-Fa-f", false},
    {"H", "0-9A-Fa-f", true},
    {"d", DIGIT_MEMBERS, false},
    {"D", DIGIT_MEMBERS, true},
};

static bool starts(const translation *t, const char *word) {
  size_t n = strlen(word);
  return t->length - t->at >= n && memcmp(t->text + t->at, word, n) == 0;
}

/* A class escape (t->at is behind the backslash). False: it is none. */
static bool put_class(translation *t) {
  for (size_t i = 0; i < sizeof CLASSES / sizeof CLASSES[0]; i++) {
    if (!starts(t, CLASSES[i].name)) continue;
    bool negated = CLASSES[i].negated;
    if (CLASSES[i].members == NULL) {
      t->problem = "a property without braces";
    } else if (t->in_class && negated && CLASSES[i].name[0] == 'S') {
      strbuf_puts(t->out, "\\S\\x{180E}");
    } else if (t->in_class && negated) {
      t->problem = "a negated class inside brackets";
    } else if (t->in_class) {
      strbuf_puts(t->out, CLASSES[i].members);
    } else {
      const char *latin = CLASSES[i].name[0] == 'w' ? UNICODE_LATIN_WORDS : "";
      strbuf_printf(t->out, "[%s%s%s]", negated ? "^" : "", CLASSES[i].members, latin);
    }
    t->at += strlen(CLASSES[i].name);
    return true;
  }
  return false;
}

/* \b and \B outside brackets, spelt out with Oniguruma's \w. */
static void put_boundary(translation *t, bool negated) {
  const char *w = LONE_WORD_MEMBERS;
  const char *format = negated ? "(?:(?<=[%s])(?=[%s])|(?<![%s])(?![%s]))" : "(?:(?<=[%s])(?![%s])|(?<![%s])(?=[%s]))";
  strbuf_printf(t->out, format, w, w, w, w);
  t->at++;
}

/* {Lu}, {^Lu}, {Han}: names of more than two letters are scripts. PCRE2 would take them with Script_Extensions. These
 * properties keep PCRE2's Unicode version. */
static void put_property(translation *t) {
  const char *open = t->text + t->at, *close = memchr(open, '}', t->length - t->at);
  if (close == NULL) {
    t->problem = "a property without a closing brace";
    return;
  }
  bool negated = open[1] == '^';
  const char *name = open + 1 + negated;
  size_t length = (size_t)(close - name);
  bool script = length > 2 && !(length == 3 && memcmp(name, "Any", 3) == 0);
  strbuf_printf(t->out, "{%s%s", negated ? "^" : "", script ? "sc:" : "");
  strbuf_add(t->out, name, length);
  strbuf_putc(t->out, '}');
  t->at = (size_t)(close - t->text) + 1;
}

/* Everything behind a backslash. */
static void put_escape(translation *t) {
  if (++t->at >= t->length) {
    t->problem = "a backslash at the end";
    return;
  }
  char letter = t->text[t->at];
  if (put_class(t)) return;
  if (!t->in_class && (letter == 'b' || letter == 'B')) {
    put_boundary(t, letter == 'B');
    return;
  }
  bool alphanumeric = (letter >= '0' && letter <= '9') || ((letter | 32) >= 'a' && (letter | 32) <= 'z');
  if (alphanumeric && strchr("nrtfvaexpPAzZu", letter) == NULL && !(letter >= '0' && letter <= '9')) {
    t->problem = "this escape";
    return;
  }
  if (letter == 'v') { /* Oniguruma: vertical tab; PCRE2: a class */
    strbuf_puts(t->out, "\\x0b");
    t->at++;
    return;
  }
  if (letter == 'u') { /* \uHHHH */
    if (t->length - t->at < 5) {
      t->problem = "this escape";
      return;
    }
    strbuf_printf(t->out, "\\x{%.4s}", t->text + t->at + 1);
    t->at += 5;
    return;
  }
  strbuf_putc(t->out, '\\');
  strbuf_putc(t->out, letter);
  t->at++;
  if ((letter | 32) == 'p' && starts(t, "{")) put_property(t);
}

/* [ outside brackets: a bracket expression begins; a "]" right behind it is a member. */
static void put_open(translation *t) {
  strbuf_putc(t->out, '[');
  t->at++;
  t->in_class = true;
  if (starts(t, "^")) {
    strbuf_putc(t->out, '^');
    t->at++;
  }
  if (starts(t, "]")) {
    strbuf_puts(t->out, "\\]");
    t->at++;
  }
}

static void put_in_class(translation *t, char c) {
  if (c == '[') {
    t->problem = "nested brackets";
  } else if (starts(t, "&&")) {
    t->problem = "intersection (&&) in brackets";
  } else {
    if (c == ']') t->in_class = false;
    strbuf_putc(t->out, c);
    t->at++;
  }
}

/* Ruby's syntax: (?m) means what (?s) means elsewhere, and {n,m}+ is not possessive. */
static void put_group_or_brace(translation *t) {
  if (starts(t, "(?")) {
    size_t end = t->at + 2;
    while (end < t->length && ((t->text[end] >= 'a' && t->text[end] <= 'z') || t->text[end] == '-')) end++;
    bool options = end < t->length && (t->text[end] == ':' || t->text[end] == ')');
    for (size_t i = t->at + 2; i < end && options; i++) {
      if (t->text[i] != 'i' && t->text[i] != '-') t->problem = "this group option";
    }
  }
  const char *close = starts(t, "{") ? memchr(t->text + t->at, '}', t->length - t->at) : NULL;
  if (close != NULL && close + 1 < t->text + t->length && close[1] == '+') t->problem = "{n,m}+";
  strbuf_putc(t->out, t->text[t->at]);
  t->at++;
}

dwell_status pattern_translate(const char *text, size_t length, strbuf *out, dwell_error *err) {
  translation t = {text, length, 0, false, out, NULL};
  while (t.at < length && t.problem == NULL) {
    char c = text[t.at];
    if (c == '\\') {
      put_escape(&t);
    } else if (t.in_class) {
      put_in_class(&t, c);
    } else if (c == '[') {
      put_open(&t);
    } else if (c == '(' || c == '{') {
      put_group_or_brace(&t);
    } else {
      strbuf_putc(out, c);
      t.at++;
    }
  }
  if (out->failed) return error_no_memory(err, "a regular expression");
  if (t.problem == NULL) return DWELL_OK;
  char shown[200];
  str_display(shown, sizeof shown, text, length);
  return error_set(err, DWELL_UNSUPPORTED, "the regular expression '%s' uses %s (at byte %zu), which is not supported",
                   shown, t.problem, t.at);
}
