/* text/unigram.c - Unigram (Kudo 2018): of all ways to write a text as pieces of the vocabulary, the one with the
 * greatest sum of scores, as the tokenizers package finds it (the same additions in the same order, so that ties fall
 * alike): characters without a piece get a score below all others, and unknown stretches become one. */
#include "text/unigram.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "text/piece_tree.h"
#include "text/score.h"

/* ---- reading ---- */

typedef struct unigram {
  piece_tree tree;
  double *scores; /* of each id */
  double unknown_score;
  int32_t unknown_id; /* or VOCAB_NONE */
  bool byte_fallback;
  bool sentencepiece; /* sums are rounded to single precision; see add_unknown */
  int32_t bytes[256]; /* ids of <0x00> ... <0xFF> */
} unigram;

typedef struct score_list {
  double *items;
  size_t count, capacity;
} score_list;

static dwell_status push_score(score_list *l, double score, dwell_error *err) {
  double *items = mem_room(l->items, l->count, &l->capacity, 4096, sizeof *items);
  if (items == NULL) return error_no_memory(err, "the vocabulary");
  l->items = items;
  l->items[l->count++] = score;
  return DWELL_OK;
}

/* [["piece", score], ...]; the id is the place in the list. A piece given again takes the later id, as in tokenizers.
 */
static dwell_status read_pieces(model_source *source, score_list *scores, dwell_error *err) {
  const char *path = source->members.path;
  jcursor c;
  fields_find(&source->members, "vocab", &c);
  jcursor_array(&c);
  while (jcursor_item(&c)) {
    jtext text = {0};
    double score = 0;
    jcursor_array(&c);
    bool pair = jcursor_item(&c);
    if (pair) text = jcursor_string(&c);
    pair = pair && jcursor_item(&c);
    if (pair) score = score_read(&c);
    if (!pair || jcursor_item(&c)) jcursor_fail(&c, "a piece must be a pair of text and score");
    if (c.problem != NULL) break;
    dwell_status status = vocab_add(source->vocab, text.data, text.length, (int32_t)scores->count, true, err);
    if (status == DWELL_OK) status = push_score(scores, score, err);
    if (status != DWELL_OK) return status;
  }
  return fields_check(&c, path, err);
}

/* Kudo's implementation (SentencePiece) and tokenizers: ten below the lowest score. */
#define UNKNOWN_PENALTY 10.0

static dwell_status read(model_source *source, void **ret_state, dwell_error *err) {
  const fields *f = &source->members;
  score_list scores = {0};
  int64_t unknown;
  dwell_status status;
  unigram *state = ARENA_NEW(source->memory, unigram, 1);
  TRY_ALLOC(state, "the tokenizer");
  *ret_state = state;
  TRY(read_pieces(source, &scores, err));
  TRY(fields_int(f, "unk_id", 0, INT32_MAX, VOCAB_NONE, &unknown, err));
  if (unknown != VOCAB_NONE && (uint64_t)unknown >= scores.count) {
    TRY(error_set(err, DWELL_BAD_INPUT, "\"unk_id\" is %lld, but the vocabulary has only %zu pieces",
                  (long long)unknown, scores.count));
  }
  TRY(fields_bool(f, "byte_fallback", false, &state->byte_fallback, err));
  state->unknown_id = (int32_t)unknown;
  state->scores = ARENA_NEW(source->memory, double, scores.count + 1);
  TRY_ALLOC(state->scores, "the vocabulary");
  if (scores.count > 0) memcpy(state->scores, scores.items, scores.count * sizeof(double));
  double least = scores.count > 0 ? scores.items[0] : 0;
  for (size_t i = 1; i < scores.count; i++) least = scores.items[i] < least ? scores.items[i] : least;
  state->unknown_score = least - UNKNOWN_PENALTY;
  vocab_find_bytes(source->vocab, state->bytes);
  TRY(piece_tree_make(&state->tree, source->vocab->entries, source->vocab->count, source->memory, err));
done:
  mem_free(scores.items);
  return status;
}

/* ---- from a SentencePiece file ---- */

/* SentencePiece's score of a user-defined piece: above all others, and one long piece above two short ones. */
static float user_score(size_t length) { return (float)(0.1 * (double)(length - 1)); }

/* Scores of the pieces that a text is cut into; the others are not in the tree and have none. */
static void take_scores(const spm *m, unigram *state) {
  float least = FLT_MAX;
  for (size_t i = 0; i < m->count; i++) {
    const spm_piece *p = &m->pieces[i];
    state->scores[p->id] = (double)(p->type == SPM_USER ? user_score(p->text.length) : p->score);
    if (p->type == SPM_NORMAL && p->score < least) least = p->score;
  }
  state->unknown_score = (double)(least - (float)UNKNOWN_PENALTY);
}

dwell_status unigram_make(const spm *m, const vocab *v, arena *memory, void **ret_state, dwell_error *err) {
  vocab_entry *entries = MEM_NEW(vocab_entry, m->count);
  unigram *state = ARENA_NEW(memory, unigram, 1);
  dwell_status status = DWELL_OK;
  TRY_ALLOC(entries != NULL ? state : NULL, "the tokenizer");
  *ret_state = state;
  *state = (unigram){.unknown_id = spm_unknown(m), .byte_fallback = m->byte_fallback, .sentencepiece = true};
  state->scores = ARENA_NEW(memory, double, (size_t)v->largest + 1);
  TRY_ALLOC(state->scores, "the vocabulary");
  take_scores(m, state);
  vocab_find_bytes(v, state->bytes);
  size_t count = 0;
  for (size_t i = 0; i < m->count; i++) {
    bool stands = m->pieces[i].type == SPM_NORMAL || m->pieces[i].type == SPM_USER;
    if (stands) entries[count++] = *vocab_entry_of(v, m->pieces[i].id);
  }
  TRY(piece_tree_make(&state->tree, entries, count, memory, err));
done:
  mem_free(entries);
  return status;
}

/* ---- the best path ---- */

/* How the best path to a byte of the text arrives there. */
typedef struct arrival {
  double score;
  uint32_t begin; /* of the last piece; ARRIVAL_NONE: no path yet */
  int32_t id;     /* of it */
} arrival;

#define ARRIVAL_NONE UINT32_MAX

/* Where no piece reaches past a place, all paths lead through it: what is before is settled, and only arrivals from
 * there on are kept. So memory in use is that of a word or two, whatever the length of the text. */
typedef struct path {
  const unigram *state;
  const vocab *vocab;
  const char *text;
  size_t length;
  arrival *arrivals; /* of the bytes from `base` to `furthest`, the last that a piece reaches */
  size_t base, furthest;
} path;

static inline arrival *arrival_at(const path *p, size_t at) { return &p->arrivals[at - p->base]; }

static inline void arrive(path *p, size_t at, double score, size_t begin, int32_t id) {
  while (p->furthest < at) arrival_at(p, ++p->furthest)->begin = ARRIVAL_NONE;
  arrival *a = arrival_at(p, at);
  if (a->begin == ARRIVAL_NONE || score > a->score) *a = (arrival){score, (uint32_t)begin, id};
}

/* A sum in the precision of the library that is followed. (Of two floats as of two doubles: adding as doubles and
 * rounding then gives the same as adding floats.) */
static inline double sum(const unigram *state, double a, double b) {
  return state->sentencepiece ? (double)(float)(a + b) : a + b;
}

/* SentencePiece keeps sums small, where few bits would be left of the differences: all arrivals from here on are
 * counted from this one. */
#define SUM_LIMIT 100000.0
static void start_anew(const path *p, size_t at) {
  double offset = arrival_at(p, at)->score;
  for (size_t i = at; i <= p->furthest; i++) {
    arrival *a = arrival_at(p, i);
    if (i == at || a->begin != ARRIVAL_NONE) a->score = (double)(float)(a->score - offset);
  }
}

/* Bytes of the character that begins with `lead`, in valid UTF-8. */
static inline size_t character_size(char lead) {
  uint8_t byte = (uint8_t)lead;
  return byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

/* Arrivals at all pieces that begin at `at`; whether one of them is the single character. */
static bool follow(path *p, size_t at) {
  const unigram *state = p->state;
  const piece_tree *t = &state->tree;
  double here = arrival_at(p, at)->score;
  size_t single_end = at + character_size(p->text[at]);
  bool single = false;
  uint32_t node = t->from_root[(uint8_t)p->text[at]];
  for (size_t end = at + 1; node != PIECE_TREE_NONE; end++) {
    int32_t id = t->nodes[node].id;
    if (id != VOCAB_NONE) {
      arrive(p, end, sum(state, state->scores[id], here), at, id);
      single = single || end == single_end;
    }
    if (end == p->length) break;
    node = piece_tree_child(t, node, (uint8_t)p->text[end]);
  }
  return single;
}

static dwell_status no_unknown(const char *text, size_t length, dwell_error *err) {
  char shown[40];
  str_display(shown, sizeof shown, text, length);
  return error_set(err, DWELL_BAD_INPUT, "'%s' is not in the vocabulary, which has no unknown piece (\"unk_id\")",
                   shown);
}

/* All ways on from `at`. */
static dwell_status step(path *p, size_t at, dwell_error *err) {
  const unigram *state = p->state;
  size_t size = character_size(p->text[at]);
  if (state->sentencepiece && fabs(arrival_at(p, at)->score) > SUM_LIMIT) start_anew(p, at);
  if (follow(p, at)) return DWELL_OK;
  arrive(p, at + size, sum(state, state->unknown_score, arrival_at(p, at)->score), at, state->unknown_id);
  bool writable = arrival_at(p, at + size)->id != VOCAB_NONE || (state->sentencepiece && state->byte_fallback);
  return writable ? DWELL_OK : no_unknown(p->text + at, size, err);
}

/* ---- from the path to pieces ---- */

/* What a byte piece stands for: the whole unknown stretch [begin, end), and with SentencePiece the character that byte
 * `at` is in. */
static span byte_origin(const unigram *state, const char *text, size_t begin, size_t end, size_t at) {
  if (!state->sentencepiece) return (span){(uint32_t)begin, (uint32_t)end};
  while (((uint8_t)text[at] & 0xC0) == 0x80) at--;
  return (span){(uint32_t)at, (uint32_t)(at + character_size(text[at]))};
}

/* A stretch of unknown characters, or the unknown piece itself. In tokenizers its text may be a piece after all (where
 * scores are positive, two unknowns can be better than one known); else it is its bytes, or the unknown piece. Pieces
 * are added from last to first. */
static dwell_status add_unknown(const path *p, size_t begin, size_t end, piece_list *out, dwell_error *err) {
  const unigram *state = p->state;
  bool look = !state->sentencepiece && end - begin <= p->vocab->longest;
  int32_t id = look ? vocab_find(p->vocab, p->text + begin, end - begin) : VOCAB_NONE;
  bool bytes = id == VOCAB_NONE && state->byte_fallback;
  for (size_t i = begin; i < end && bytes; i++) bytes = state->bytes[(uint8_t)p->text[i]] != VOCAB_NONE;
  if (!bytes) return piece_list_add(out, id != VOCAB_NONE ? id : state->unknown_id, begin, end, err);
  for (size_t i = end; i > begin; i--) {
    span whole = byte_origin(state, p->text, begin, end, i - 1);
    dwell_status status = piece_list_add(out, state->bytes[(uint8_t)p->text[i - 1]], whole.begin, whole.end, err);
    if (status != DWELL_OK) return status;
  }
  return DWELL_OK;
}

static void reverse(piece *items, size_t count) {
  for (size_t i = 0; i < count / 2; i++) {
    piece other = items[i];
    items[i] = items[count - 1 - i];
    items[count - 1 - i] = other;
  }
}

/* Appends the pieces of the path to `at`, which becomes the base. */
static dwell_status settle(path *p, size_t at, piece_list *out, dwell_error *err) {
  int32_t unknown = p->state->unknown_id;
  size_t first = out->count;
  dwell_status status = DWELL_OK;
  for (size_t end = at; end > p->base;) {
    size_t begin = arrival_at(p, end)->begin;
    if (arrival_at(p, end)->id != unknown) {
      TRY(piece_list_add(out, arrival_at(p, end)->id, begin, end, err));
    } else {
      while (begin > p->base && arrival_at(p, begin)->id == unknown) begin = arrival_at(p, begin)->begin;
      TRY(add_unknown(p, begin, end, out, err));
    }
    end = begin;
  }
  reverse(out->items + first, out->count - first);
  p->arrivals[0] = *arrival_at(p, at);
  p->base = p->furthest = at;
done:
  return status;
}

static dwell_status encode(const void *model_state, const vocab *v, const char *text, size_t length, piece_list *out,
                           dwell_error *err) {
  path p = {.state = model_state, .vocab = v, .text = text, .length = length};
  dwell_status status;
  p.arrivals = piece_list_scratch(out, length + 1, sizeof *p.arrivals); /* little of it is touched */
  TRY_ALLOC(p.arrivals, "the pieces of a long text");
  p.arrivals[0] = (arrival){.begin = 0, .id = VOCAB_NONE};
  for (size_t at = 0; at < length; at += character_size(text[at])) {
    bool settled = at == p.furthest && at > p.base && arrival_at(&p, at)->id != p.state->unknown_id;
    if (settled) TRY(settle(&p, at, out, err)); /* but a stretch of unknown characters may go on */
    TRY(step(&p, at, err));
  }
  TRY(settle(&p, length, out, err));
done:
  return status;
}

const model_class MODEL_UNIGRAM = {"Unigram", read, encode};
