/* text/spm_read.c - reading a SentencePiece file. Field numbers are those of sentencepiece_model.proto. */
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "text/piece_tree.h"
#include "text/spm.h"
#include "text/unicode.h"

enum { UNIGRAM_MODEL = 1, BPE_MODEL, WORD_MODEL, CHARACTER_MODEL };
enum { LONGEST_PIECE = 8000 }; /* from here on SentencePiece refuses a piece too */

/* Where in the file something is wrong, and with what. */
static dwell_status bad_piece(const char *path, size_t index, const char *what, dwell_error *err) {
  error_set(err, DWELL_BAD_INPUT, "piece %zu %s", index, what);
  error_in_file(err, path);
  return DWELL_BAD_INPUT;
}

/* ---- one piece ---- */

static dwell_status check_text(const char *text, size_t length, const char *path, size_t index, dwell_error *err) {
  if (length == 0) return bad_piece(path, index, "is empty", err);
  if (length >= LONGEST_PIECE) return bad_piece(path, index, "is longer than 8000 bytes", err);
  if (utf8_check(text, length) != length) return bad_piece(path, index, "is not UTF-8", err);
  bool is_nul = length == 1 && text[0] == '\0'; /* see spm_check */
  if (!is_nul && memchr(text, '\0', length)) return bad_piece(path, index, "contains a NUL", err);
  return DWELL_OK;
}

dwell_status spm_add(spm *m, spm_piece added, const char *path, arena *memory, dwell_error *err) {
  dwell_status status;
  TRY(check_text(added.text.data, added.text.length, path, m->count, err));
  if (m->count >= INT32_MAX / 2) return error_set(err, DWELL_UNSUPPORTED, "the vocabulary is too large");
  added.id = (int32_t)m->count;
  added.text.data = arena_text(memory, added.text.data, added.text.length);
  TRY_ALLOC(added.text.data, "the vocabulary");
  spm_piece *pieces = mem_room(m->pieces, m->count, &m->capacity, 1024, sizeof *pieces);
  TRY_ALLOC(pieces, "the vocabulary");
  m->pieces = pieces;
  m->pieces[m->count++] = added;
done:
  return status;
}

static dwell_status read_piece(pcursor c, const char *path, arena *memory, spm *m, dwell_error *err) {
  spm_piece p = {.type = SPM_NORMAL};
  pbytes text = {"", 0};
  dwell_status status = DWELL_OK;
  for (uint32_t field; pcursor_field(&c, &field);) {
    switch (field) {
      case 1: text = pcursor_bytes(&c); break;
      case 2: p.score = pcursor_float(&c); break;
      case 3: p.type = (spm_type)pcursor_int(&c, SPM_NORMAL, SPM_BYTE); break;
      default: pcursor_skip(&c); break;
    }
  }
  TRY(pcursor_end(&c, path, err));
  p.text = (jtext){text.data, text.length};
  TRY(spm_add(m, p, path, memory, err));
done:
  return status;
}

/* ---- how it was trained, and normalisation ---- */

static dwell_status read_trainer(pcursor c, const char *path, spm *m, dwell_error *err) {
  int64_t kind = m->is_bpe ? BPE_MODEL : UNIGRAM_MODEL;
  for (uint32_t field; pcursor_field(&c, &field);) {
    switch (field) {
      case 3: kind = pcursor_int(&c, UNIGRAM_MODEL, CHARACTER_MODEL); break;
      case 24: m->space_behind = pcursor_bool(&c); break;
      case 35: m->byte_fallback = pcursor_bool(&c); break;
      default: pcursor_skip(&c); break;
    }
  }
  dwell_status status = pcursor_end(&c, path, err);
  if (status != DWELL_OK) return status;
  m->is_bpe = kind == BPE_MODEL;
  if (kind == UNIGRAM_MODEL || kind == BPE_MODEL) return DWELL_OK;
  error_set(err, DWELL_UNSUPPORTED, "SentencePiece models of type '%s' are not supported (unigram and bpe are)",
            kind == WORD_MODEL ? "word" : "char");
  error_in_file(err, path);
  return DWELL_UNSUPPORTED;
}

static dwell_status read_normalizer(pcursor c, const char *path, spm *m, dwell_error *err) {
  for (uint32_t field; pcursor_field(&c, &field);) {
    switch (field) {
      case 2: m->charsmap = pcursor_bytes(&c); break;
      case 3: m->add_space = pcursor_bool(&c); break;
      case 4: m->trim_spaces = pcursor_bool(&c); break;
      case 5: m->mark_spaces = pcursor_bool(&c); break;
      default: pcursor_skip(&c); break; /* normalization_rule_tsv too: training compiled it into the charsmap */
    }
  }
  return pcursor_end(&c, path, err);
}

/* ---- the whole ---- */

/* The byte that <0x..> names, or -1. */
static int byte_of(jtext text) {
  static const char digits[] = "0123456789ABCDEF";
  if (text.length != 6 || memcmp(text.data, "<0x", 3) != 0 || text.data[5] != '>') return -1;
  const char *high = strchr(digits, text.data[3]), *low = strchr(digits, text.data[4]);
  return high == NULL || low == NULL ? -1 : (int)((high - digits) * 16 + (low - digits));
}

/* One unknown piece; pieces of bytes exactly where they are used, and then all 256. A piece that is a NUL stands for
 * nothing where there are pieces of bytes, and else is no piece. */
dwell_status spm_check(spm *m, const char *path, dwell_error *err) {
  bool found[256] = {false};
  size_t unknowns = 0, bytes = 0;
  m->unknown = m->count;
  for (size_t i = 0; i < m->count; i++) {
    if (m->pieces[i].text.data[0] == '\0') {
      if (!m->byte_fallback && m->pieces[i].type != SPM_UNUSED) return bad_piece(path, i, "contains a NUL", err);
      m->pieces[i].type = SPM_UNUSED;
    }
    if (m->pieces[i].type == SPM_UNKNOWN) {
      if (unknowns++ > 0) return bad_piece(path, i, "is a second unknown piece", err);
      m->unknown = i;
    } else if (m->pieces[i].type == SPM_BYTE) {
      int byte = byte_of(m->pieces[i].text);
      if (byte < 0) return bad_piece(path, i, "is of type byte, but not named <0x00> to <0xFF>", err);
      if (!m->byte_fallback) return bad_piece(path, i, "is a byte, but the model has no byte_fallback", err);
      bytes += !found[byte];
      found[byte] = true;
    }
  }
  if (m->byte_fallback ? bytes == 256 : unknowns > 0) return DWELL_OK;
  error_set(err, DWELL_BAD_INPUT,
            !m->byte_fallback ? "the model has no unknown piece"
                              : "the model has byte_fallback, but not all 256 pieces for bytes");
  error_in_file(err, path);
  return DWELL_BAD_INPUT;
}

dwell_status spm_read(const char *data, size_t size, const char *path, arena *memory, spm *m, dwell_error *err) {
  *m = (spm){.add_space = true, .trim_spaces = true, .mark_spaces = true};
  pcursor c = pcursor_start(data, size);
  dwell_status status = DWELL_OK;
  for (uint32_t field; pcursor_field(&c, &field);) {
    pcursor inside = {0};
    if (field >= 1 && field <= 3) inside = pcursor_message(&c);
    else pcursor_skip(&c);
    if (c.problem != NULL) break;
    if (field == 1) TRY(read_piece(inside, path, memory, m, err));
    if (field == 2) TRY(read_trainer(inside, path, m, err));
    if (field == 3) TRY(read_normalizer(inside, path, m, err));
  }
  TRY(pcursor_end(&c, path, err));
  TRY(spm_check(m, path, err));
done:
  if (status == DWELL_BAD_INPUT) error_remedy(err, "It must be a SentencePiece model; copy it again if it should be");
  return status;
}

void spm_free(spm *m) {
  mem_free(m->pieces);
  *m = (spm){0};
}

/* A mark of a space behind another character. */
static bool has_inner_mark(jtext text) {
  bool seen = false; /* another character */
  for (size_t at = 0; at < text.length; at++) {
    bool mark = text.length - at >= 3 && memcmp(text.data + at, UNICODE_SPACE_MARK, 3) == 0;
    if (mark && seen) return true;
    if (mark) at += 2;
    else seen = true;
  }
  return false;
}

bool spm_has_words(const spm *m) {
  bool mark = m->byte_fallback; /* else the mark must be a piece: unknown stretches become one */
  if (!m->is_bpe || !m->mark_spaces) return false;
  for (size_t i = 0; i < m->count; i++) {
    const spm_piece *p = &m->pieces[i];
    if (p->type == SPM_UNUSED) return false; /* how these are taken apart depends on the whole text */
    bool stands = p->type == SPM_NORMAL || p->type == SPM_USER;
    if (stands && has_inner_mark(p->text)) return false;
    mark = mark || (stands && jtext_is(p->text, UNICODE_SPACE_MARK));
  }
  return mark;
}

int32_t spm_unknown(const spm *m) { return m->unknown < m->count ? m->pieces[m->unknown].id : VOCAB_NONE; }

dwell_status spm_fill(const spm *m, vocab *v, dwell_error *err) {
  for (size_t i = 0; i < m->count; i++) {
    const spm_piece *p = &m->pieces[i];
    dwell_status status = vocab_add(v, p->text.data, p->text.length, p->id, false, err);
    if (status != DWELL_OK) return status;
  }
  return DWELL_OK;
}

dwell_status spm_user_pieces(const spm *m, const vocab *v, arena *memory, const struct piece_tree **ret_tree,
                             dwell_error *err) {
  size_t count = 0;
  dwell_status status = DWELL_OK;
  *ret_tree = NULL;
  vocab_entry *entries = MEM_NEW(vocab_entry, m->count);
  piece_tree *tree = ARENA_NEW(memory, piece_tree, 1);
  TRY_ALLOC(entries != NULL ? tree : NULL, "the vocabulary");
  for (size_t i = 0; i < m->count; i++) {
    if (m->pieces[i].type == SPM_USER) entries[count++] = *vocab_entry_of(v, m->pieces[i].id);
  }
  if (count == 0) goto done;
  TRY(piece_tree_make(tree, entries, count, memory, err));
  *ret_tree = tree;
done:
  mem_free(entries);
  return status;
}
