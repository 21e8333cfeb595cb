/* report/passage.c - the text of a run, token by token, for eyes: words instead of pieces of a vocabulary. The script
 * puts the colours of clusters on it. All of it is text from files. */
#include <ctype.h>
#include <string.h>

#include "report/figures.h"

enum { MOST_TOKENS = 4096 };

const char *const passage_kinds[] = {"begins a word", "goes on in a word", "number", "punctuation", "special", NULL};
enum { WORD, REST, NUMBER, MARKS, SPECIAL };

static const char *piece_of(const json_t *tokens, size_t i) {
  return json_string_value(json_object_get(json_array_get(tokens, i), "piece"));
}

bool passage_is_known(const view *v) {
  const json_t *tokens = json_object_get(v->manifest, "tokens");
  return json_array_size(tokens) > 0 && piece_of(tokens, 0) != NULL;
}

/* ---- how vocabularies mark words ---- */

static const char *const spaces[] = {"\xC4\xA0" /* Ġ, of GPT-2 */, "\xE2\x96\x81" /* ▁, of sentencepiece */, " "};
enum { SPACES = sizeof spaces / sizeof spaces[0] };
static const char line[] = "\xC4\x8A"; /* Ċ, GPT-2's end of a line */

/* Bytes of a mark of a space that a piece begins with. */
static size_t leading_space(const char *piece) {
  for (size_t k = 0; k < SPACES; k++) {
    size_t length = strlen(spaces[k]);
    if (strncmp(piece, spaces[k], length) == 0) return length;
  }
  return 0;
}

/* Do pieces that go on in a word carry the mark (##, BERT), or those that begin one? */
typedef struct marking {
  bool rest, spaces;
} marking;

static marking marking_of(const json_t *tokens) {
  marking m = {false, false};
  for (size_t i = 0; i < json_array_size(tokens); i++) {
    const char *piece = piece_of(tokens, i);
    if (piece == NULL) continue;
    m.rest = m.rest || (strncmp(piece, "##", 2) == 0 && piece[2] != '\0');
    m.spaces = m.spaces || leading_space(piece) > 0;
  }
  return m;
}

static bool goes_on(const char *piece, size_t i, marking m) {
  if (m.rest) return strncmp(piece, "##", 2) == 0 && piece[2] != '\0';
  return m.spaces && i > 0 && leading_space(piece) == 0;
}

/* ---- kinds ---- */

static int kind_of(const json_t *token, const char *piece, size_t i, marking m) {
  bool digits = false, letters = false;
  if (json_is_true(json_object_get(token, "special"))) return SPECIAL;
  const char *text = piece + leading_space(piece);
  if (goes_on(piece, i, m) && m.rest) text += 2;
  for (const char *p = text; *p != '\0'; p++) {
    unsigned char c = (unsigned char)*p;
    digits = digits || isdigit(c);
    letters = letters || isalpha(c) || c >= 0x80;
  }
  if (letters) return goes_on(piece, i, m) ? REST : WORD;
  return digits ? NUMBER : MARKS;
}

void passage_kinds_of(const view *v, strbuf *out) {
  const json_t *tokens = json_object_get(v->manifest, "tokens");
  marking m = marking_of(tokens);
  for (size_t i = 0; passage_is_known(v) && i < json_array_size(tokens); i++) {
    const char *piece = piece_of(tokens, i);
    strbuf_putc(out, (char)('0' + (piece != NULL ? kind_of(json_array_get(tokens, i), piece, i, m) : WORD)));
  }
}

/* ---- the text ---- */

static bool has_space(const char *piece, size_t i, marking m) {
  if (i == 0) return false;
  return leading_space(piece) > 0 || (m.rest ? !goes_on(piece, i, m) : !m.spaces);
}

static void token_html(strbuf *out, const char *piece, size_t i, marking m) {
  const char *text = piece + leading_space(piece) + (m.rest && goes_on(piece, i, m) ? 2 : 0);
  if (*text == '\0') strbuf_puts(out, "␣");
  for (const char *end; (end = strstr(text, line)) != NULL; text = end + strlen(line)) {
    strbuf_html(out, text, (size_t)(end - text));
    strbuf_puts(out, "↵");
  }
  html_text(out, text);
}

/* The colour at the last state; the script sets it again. */
static void open_token(strbuf *out, const groups *g, size_t i, bool measured) {
  int32_t id = g->states > 0 ? groups_identity(g, g->states - 1, i) : -1;
  strbuf_printf(out, "<span class=\"%s", measured ? "tk" : "tk out");
  if (id >= 0) strbuf_printf(out, " k%d", groups_colour(g, id));
  strbuf_puts(out, "\" role=\"option\"><bdi>");
}

void figures_passage(const view *v, const groups *g, strbuf *out) {
  const json_t *tokens = json_object_get(v->manifest, "tokens");
  size_t n = json_array_size(tokens);
  marking m = marking_of(tokens);
  if (!passage_is_known(v)) return;
  strbuf_puts(out,
              "<div class=\"passage\" id=\"passage\" dir=\"auto\" role=\"listbox\" aria-label=\"The text of the run. "
              "Arrow keys go "
              "from token to token.\">");
  for (size_t i = 0; i < n && i < MOST_TOKENS; i++) {
    const char *piece = piece_of(tokens, i);
    if (piece == NULL || has_space(piece, i, m)) strbuf_putc(out, ' ');
    open_token(out, g, i, g->keep == NULL || i >= g->n || g->keep[i] > 0);
    token_html(out, piece != NULL ? piece : "?", i, m);
    strbuf_puts(out, "</bdi></span>");
  }
  if (n > MOST_TOKENS) strbuf_printf(out, " … and %zu more in run.json", n - MOST_TOKENS);
  strbuf_puts(out, "</div>\n");
}
