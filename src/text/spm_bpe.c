/* text/spm_bpe.c - byte-pair encoding as SentencePiece does it: there is no list of merges; two neighbours may be
 * merged if their joint text is a piece, the piece of the highest score first, of equal ones the leftmost. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "text/bpe_queue.h"
#include "text/piece_tree.h"
#include "text/spm.h"

enum { RANK_NONE = -1, NOT_UNUSED = -1, DEEPEST = 100 /* so many unused pieces in each other are taken apart */ };

/* The first three by id. */
typedef struct spm_bpe {
  int32_t *ranks;  /* 0: the highest score; equal scores have equal ranks; RANK_NONE: not a piece of texts */
  int32_t *unused; /* number among the unused pieces, or NOT_UNUSED */
  size_t unused_count;
  int32_t unknown_id;
  int32_t bytes[256]; /* of <0x00> ... <0xFF> */
  bool byte_fallback;
  const piece_tree *user; /* pieces that are never merged; NULL: none */
} spm_bpe;

/* ---- building ---- */

/* The highest first; -0 is below 0. */
static int by_score(const void *a, const void *b) {
  const spm_piece *x = a, *y = b;
  if (x->score == y->score) return (signbit(x->score) != 0) - (signbit(y->score) != 0);
  return x->score < y->score ? 1 : -1;
}

static bool is_of_texts(const spm_piece *p) {
  return p->type == SPM_NORMAL || p->type == SPM_USER || p->type == SPM_UNUSED;
}

static dwell_status rank_pieces(const spm *m, spm_bpe *state, dwell_error *err) {
  spm_piece *sorted = mem_copy(m->pieces, m->count, sizeof *sorted);
  if (sorted == NULL) return error_no_memory(err, "the vocabulary");
  qsort(sorted, m->count, sizeof *sorted, by_score);
  int32_t rank = 0;
  for (size_t i = 0; i < m->count; i++) {
    if (i > 0 && by_score(&sorted[i - 1], &sorted[i]) != 0) rank = (int32_t)i;
    if (is_of_texts(&sorted[i])) state->ranks[sorted[i].id] = rank;
    if (sorted[i].type == SPM_UNUSED) state->unused[sorted[i].id] = (int32_t)state->unused_count++;
  }
  mem_free(sorted);
  return DWELL_OK;
}

dwell_status spm_bpe_make(const spm *m, const vocab *v, arena *memory, void **ret_state, dwell_error *err) {
  spm_bpe *state = ARENA_NEW(memory, spm_bpe, 1);
  size_t ids = (size_t)v->largest + 1;
  dwell_status status;
  TRY_ALLOC(state, "the tokenizer");
  *ret_state = state;
  state->unknown_id = spm_unknown(m);
  state->byte_fallback = m->byte_fallback;
  vocab_find_bytes(v, state->bytes);
  state->ranks = ARENA_NEW(memory, int32_t, ids);
  state->unused = ARENA_NEW(memory, int32_t, ids);
  TRY_ALLOC(state->ranks != NULL ? state->unused : NULL, "the vocabulary");
  for (size_t i = 0; i < ids; i++) state->ranks[i] = RANK_NONE, state->unused[i] = NOT_UNUSED;
  TRY(rank_pieces(m, state, err));
  TRY(spm_user_pieces(m, v, memory, &state->user, err));
done:
  return status;
}

/* ---- merging ---- */

/* A stretch of the text; stretches form a list in order of the text. */
typedef struct symbol {
  uint32_t begin, end;
  int32_t before, after; /* indices, -1: none */
  int32_t joint;         /* id of the piece that it and the one after make, VOCAB_NONE: none, or itself merged away */
  bool frozen;           /* a user-defined piece */
} symbol;

typedef struct merging {
  const spm_bpe *state;
  const vocab *vocab;
  const char *text;
  symbol *symbols;
  size_t count;
  bpe_queue queue;
  uint32_t *lefts; /* of each unused piece: bytes of its left half when it was last seen */
} merging;

static int32_t piece_of(const merging *m, size_t begin, size_t end) {
  if (end - begin > m->vocab->longest) return VOCAB_NONE;
  int32_t id = vocab_find(m->vocab, m->text + begin, end - begin);
  return id != VOCAB_NONE && m->state->ranks[id] != RANK_NONE ? id : VOCAB_NONE;
}

/* What a symbol and its right neighbour could become. */
static void look(merging *m, int32_t left) {
  symbol *s = &m->symbols[left];
  s->joint = VOCAB_NONE;
  if (s->after < 0 || s->frozen || m->symbols[s->after].frozen) return;
  s->joint = piece_of(m, s->begin, m->symbols[s->after].end);
  if (s->joint == VOCAB_NONE) return;
  bpe_queue_push(&m->queue, bpe_queue_candidate((uint32_t)m->state->ranks[s->joint], left));
  int32_t unused = m->state->unused[s->joint];
  if (unused != NOT_UNUSED) m->lefts[unused] = s->end - s->begin;
}

static void split_text(merging *m, size_t length) {
  const piece_tree *user = m->state->user;
  uint32_t code;
  for (size_t at = 0, size; at < length; at += size) {
    size = user != NULL ? piece_tree_longest(user, m->text + at, length - at) : 0;
    bool frozen = size > 0;
    if (!frozen) size = utf8_decode(m->text + at, length - at, &code);
    int32_t i = (int32_t)m->count++;
    m->symbols[i] = (symbol){(uint32_t)at, (uint32_t)(at + size), i - 1, i + 1, VOCAB_NONE, frozen};
  }
  m->symbols[m->count - 1].after = -1;
}

static void merge_all(merging *m) {
  for (size_t i = 0; i + 1 < m->count; i++) look(m, (int32_t)i);
  while (m->queue.count > 0) {
    bpe_candidate next = bpe_queue_pop(&m->queue);
    int32_t left = (int32_t)(next & UINT32_MAX);
    symbol *kept = &m->symbols[left];
    if (kept->joint == VOCAB_NONE || (uint64_t)m->state->ranks[kept->joint] != next >> 32) continue; /* stale */
    symbol *gone = &m->symbols[kept->after];
    gone->joint = VOCAB_NONE;
    kept->end = gone->end;
    kept->after = gone->after;
    if (kept->after >= 0) m->symbols[kept->after].before = left;
    if (kept->before >= 0) look(m, kept->before);
    look(m, left);
  }
}

/* ---- symbols to pieces ---- */

/* What has no piece: its bytes, or the unknown piece, one for a whole stretch. */
static dwell_status add_unknown(const spm_bpe *state, const char *text, size_t begin, size_t end, size_t first,
                                piece_list *out, dwell_error *err) {
  if (!state->byte_fallback) {
    piece *last = out->count > first ? &out->items[out->count - 1] : NULL;
    if (last == NULL || last->id != state->unknown_id) return piece_list_add(out, state->unknown_id, begin, end, err);
    last->end = (uint32_t)end;
    return DWELL_OK;
  }
  for (size_t i = begin; i < end; i++) {
    dwell_status status = piece_list_add(out, state->bytes[(uint8_t)text[i]], begin, end, err);
    if (status != DWELL_OK) return status;
  }
  return DWELL_OK;
}

/* A stretch as pieces: an unused piece as the two that it was last made of, or as unknown if it was not made. */
static dwell_status add_stretch(const merging *m, size_t begin, size_t end, int depth, size_t first, piece_list *out,
                                dwell_error *err) {
  int32_t id = piece_of(m, begin, end);
  int32_t unused = id != VOCAB_NONE ? m->state->unused[id] : NOT_UNUSED;
  size_t left = unused != NOT_UNUSED ? m->lefts[unused] : 0;
  if (id == VOCAB_NONE || (unused != NOT_UNUSED && left == 0 && depth <= DEEPEST)) {
    return add_unknown(m->state, m->text, begin, end, first, out, err);
  }
  if (unused == NOT_UNUSED || depth > DEEPEST) return piece_list_add(out, id, begin, end, err);
  dwell_status status = add_stretch(m, begin, begin + left, depth + 1, first, out, err);
  return status != DWELL_OK ? status : add_stretch(m, begin + left, end, depth + 1, first, out, err);
}

enum { SYMBOL_ROOM = sizeof(symbol) + 2 * sizeof(bpe_candidate) };

static dwell_status encode(const void *model_state, const vocab *v, const char *text, size_t length, piece_list *out,
                           dwell_error *err) {
  const spm_bpe *state = model_state;
  if (length >= INT32_MAX) return error_set(err, DWELL_UNSUPPORTED, "a text of 2 GiB is too long");
  size_t lefts = (state->unused_count + 1) * sizeof(uint32_t) / SYMBOL_ROOM + 1; /* room for them, in symbols */
  char *room = piece_list_scratch(out, length + lefts, SYMBOL_ROOM);
  if (room == NULL) return error_no_memory(err, "the pieces of a long text");
  merging m = {.state = state, .vocab = v, .text = text};
  m.queue.items = (bpe_candidate *)(void *)room;
  m.symbols = (symbol *)(void *)(m.queue.items + 2 * length);
  m.lefts = (uint32_t *)(void *)(m.symbols + length);
  memset(m.lefts, 0, state->unused_count * sizeof *m.lefts);
  split_text(&m, length);
  merge_all(&m);
  size_t first = out->count;
  for (int32_t i = 0; i >= 0; i = m.symbols[i].after) {
    dwell_status status = add_stretch(&m, m.symbols[i].begin, m.symbols[i].end, 0, first, out, err);
    if (status != DWELL_OK) return status;
  }
  return DWELL_OK;
}

const model_class SPM_BPE = {"BPE", NULL, encode};
