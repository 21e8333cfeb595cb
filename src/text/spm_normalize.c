/* text/spm_normalize.c - the normaliser of SentencePiece. */
#include <string.h>

#include "base/error.h"
#include "base/str.h"
#include "text/piece_tree.h"
#include "text/precompiled.h"
#include "text/spm.h"
#include "text/unicode.h"

static const char SPACE_MARK[] = UNICODE_SPACE_MARK;

typedef struct spm_rules {
  const precompiled *table; /* NULL: none */
  const piece_tree *user;   /* pieces that stay as they are; NULL: none */
  bool add_space, space_behind, first_only, trim_spaces;
  jtext space;     /* what a space becomes */
  bool quiet[128]; /* ASCII characters, not the space, that stay as they are before another one of ASCII */
} spm_rules;

/* The next bit of the source: its size, and the text it becomes. */
typedef struct bit {
  const char *text;
  size_t length, size;
} bit;

static bit next_bit(const spm_rules *rules, const rewriter *r) {
  const char *text = rewriter_text(r);
  size_t left = rewriter_left(r), size = rules->user ? piece_tree_longest(rules->user, text, left) : 0;
  if (size > 0) return (bit){text, size, size};
  const char *found = rules->table ? precompiled_longest(rules->table, text, left, &size) : NULL;
  if (found != NULL) return (bit){found, strlen(found), size};
  uint32_t code;
  size = rewriter_peek(r, &code);
  return (bit){text, size, size};
}

static bool is_space(bit b) { return b.length == 1 && b.text[0] == ' '; }

static uint32_t place(const rewriter *r) {
  const span *origin = r->from->origin;
  return r->at < r->end ? origin[r->at].begin : origin[r->end - 1].end;
}

static void put_space(const spm_rules *rules, rewriter *r) {
  uint32_t at = place(r);
  rewriter_insert(r, rules->space.data, rules->space.length, (span){at, at});
}

static void put_bit(const spm_rules *rules, rewriter *r, bit b) {
  uint32_t at = place(r);
  while (b.length > 0) {
    const char *space = memchr(b.text, ' ', b.length);
    size_t before = space != NULL ? (size_t)(space - b.text) : b.length;
    rewriter_insert(r, b.text, before, (span){at, at});
    if (space == NULL) break;
    rewriter_insert(r, rules->space.data, rules->space.length, (span){at, at});
    b.text += before + 1, b.length -= before + 1;
  }
}

/* Takes the spaces at the end of the new text away; what is behind the text then is where they began. */
static uint32_t trim(const spm_rules *rules, rewriter *r, size_t first, uint32_t behind) {
  aligned *to = r->to;
  jtext space = rules->space;
  while (to->length - first >= space.length &&
         memcmp(to->text + to->length - space.length, space.data, space.length) == 0) {
    to->length -= space.length;
    behind = to->origin[to->length].begin;
  }
  return behind;
}

/* Every byte reaches to where the next one begins. */
static void close_origins(aligned *to, size_t first, uint32_t behind) {
  for (size_t i = to->length; i > first; i--) {
    span *origin = &to->origin[i - 1];
    origin->end = behind > origin->begin ? behind : origin->begin; /* an earlier step may have changed the order */
    behind = origin->begin;
  }
}

/* Takes over what stays as it is; whether there was any. */
static bool copy_quiet(const spm_rules *rules, rewriter *r) {
  const char *text = rewriter_text(r);
  size_t left = rewriter_left(r), size = 0;
  while (size < left && (uint8_t)text[size] < 0x80 && rules->quiet[(uint8_t)text[size]]) size++;
  if (size > 0 && size < left && (uint8_t)text[size] >= 0x80) size--; /* what follows may join the last */
  if (size > 0) rewriter_copy(r, size);
  return size > 0;
}

static dwell_status rewrite(const void *arg, rewriter *r, dwell_error *err) {
  (void)err;
  const spm_rules *rules = arg;
  size_t first = r->to->length;
  bool wanted = rules->add_space && (!rules->first_only || r->from->origin[r->at].begin == 0);
  bit b;
  while (rules->trim_spaces && rewriter_left(r) > 0 && is_space(b = next_bit(rules, r))) rewriter_drop(r, b.size);
  if (rewriter_left(r) == 0) return DWELL_OK;
  if (wanted && !rules->space_behind) put_space(rules, r);
  for (bool after_space = rules->trim_spaces; rewriter_left(r) > 0 && !r->to->failed;) {
    if (copy_quiet(rules, r)) {
      after_space = false;
      continue;
    }
    b = next_bit(rules, r);
    size_t size = b.size;
    while (after_space && b.length > 0 && b.text[0] == ' ') b.text++, b.length--;
    put_bit(rules, r, b);
    if (b.length > 0) after_space = rules->trim_spaces && b.text[b.length - 1] == ' ';
    rewriter_drop(r, size);
  }
  uint32_t behind = place(r);
  if (rules->trim_spaces && !r->to->failed) behind = trim(rules, r, first, behind);
  if (wanted && rules->space_behind) rewriter_insert(r, rules->space.data, rules->space.length, (span){behind, behind});
  if (!r->to->failed) close_origins(r->to, first, behind);
  return DWELL_OK;
}

static dwell_status apply(const normalizer_options *options, workbench *w, dwell_error *err) {
  return workbench_rewrite(w, rewrite, options->rules, err);
}

/* ---- words ---- */

/* A cut before every mark of a space that does not follow another. */
static dwell_status cut_words(const void *arg, cutter *c, dwell_error *err) {
  (void)arg, (void)err;
  size_t begin = 0, length = sizeof SPACE_MARK - 1;
  bool after_mark = true; /* no cut at the beginning */
  for (size_t at = 0; at < c->length;) {
    bool mark = c->length - at >= length && memcmp(c->text + at, SPACE_MARK, length) == 0;
    if (mark && !after_mark) {
      cutter_stretch(c, begin, at, true);
      begin = at;
    }
    after_mark = mark;
    const char *next = mark ? c->text + at + length : memchr(c->text + at + 1, SPACE_MARK[0], c->length - at - 1);
    at = next != NULL ? (size_t)(next - c->text) : c->length;
  }
  cutter_stretch(c, begin, c->length, true);
  return DWELL_OK;
}

dwell_status spm_cut_words(const pretokenizer_options *options, workbench *w, dwell_error *err) {
  (void)options;
  return workbench_cut(w, cut_words, NULL, CUT_ISOLATED, false, err);
}

dwell_status spm_add_normalizer(const spm *m, const vocab *v, normalizer *n, arena *memory, dwell_error *err) {
  spm_rules *rules = ARENA_NEW(memory, spm_rules, 1);
  normalizer_options options = {.rules = rules};
  dwell_status status = DWELL_OK;
  TRY_ALLOC(rules, "the normalizer");
  rules->add_space = m->add_space;
  rules->space_behind = m->space_behind;
  rules->first_only = m->first_only;
  rules->trim_spaces = m->trim_spaces;
  rules->space = m->mark_spaces ? (jtext){SPACE_MARK, sizeof SPACE_MARK - 1} : (jtext){" ", 1};
  if (m->charsmap.length > 0) TRY(precompiled_make(m->charsmap.data, m->charsmap.length, memory, &rules->table, err));
  TRY(spm_user_pieces(m, v, memory, &rules->user, err));
  for (int c = 0; c < 128; c++) {
    bool begins_user = rules->user != NULL && rules->user->from_root[c] != PIECE_TREE_NONE;
    rules->quiet[c] = c != ' ' && !begins_user && (rules->table == NULL || !precompiled_touches(rules->table, (char)c));
  }
  TRY(normalizer_add(n, apply, &options, memory, err));
done:
  return status;
}
