/* text/unigram.c - Unigram (Kudo 2018): of all ways to write a text as pieces of the vocabulary, the one with the
 * greatest sum of scores, as the tokenizers package finds it (the same additions in the same order, so that ties fall
 * alike): characters without a piece get a score below all others, and unknown stretches become one. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "text/model.h"
#include "text/score.h"

/* ---- the pieces as a tree of bytes ---- */

/* Nodes in order of depth, so that the children of a node are a stretch [first, first of the next node) of all. */
typedef struct tree_node {
  uint32_t first;
  int32_t id; /* of the piece that ends here, or VOCAB_NONE */
} tree_node;

typedef struct tree {
  tree_node *nodes; /* one more than there are: the end of the last stretch */
  uint8_t *labels;  /* byte that leads to each node */
  size_t count;
  uint32_t from_root[256];
} tree;

enum { TREE_NONE = 0 }; /* the root is nobody's child */

static inline uint32_t tree_child(const tree *t, uint32_t node, uint8_t byte) {
  uint32_t first = t->nodes[node].first, count = t->nodes[node + 1].first - first;
  if (count > 8) {
    const uint8_t *found = memchr(t->labels + first, byte, count);
    return found != NULL ? (uint32_t)(found - t->labels) : TREE_NONE;
  }
  for (uint32_t i = first; i < first + count; i++) {
    if (t->labels[i] == byte) return i;
  }
  return TREE_NONE;
}

/* By bytes; of the same text the later one last. */
static int by_text(const void *a, const void *b) {
  const vocab_entry *x = a, *y = b;
  int order = memcmp(x->text, y->text, x->length < y->length ? x->length : y->length);
  if (order != 0) return order;
  if (x->length != y->length) return x->length < y->length ? -1 : 1;
  return x->id < y->id ? -1 : 1;
}

/* Number of nodes: of different beginnings of the pieces, the empty one included. */
static size_t count_nodes(const vocab_entry *sorted, size_t count) {
  size_t nodes = 1, before = 0;
  for (size_t i = 0; i < count; i++) {
    size_t same = 0;
    while (same < before && same < sorted[i].length && sorted[i - 1].text[same] == sorted[i].text[same]) same++;
    before = sorted[i].length;
    nodes += before - same;
  }
  return nodes;
}

/* A node that is being made stands for a range of the sorted pieces: those that begin with its bytes. */
typedef struct range {
  uint32_t first, end;
} range;

/* Enters what node `k` is, and appends its children. */
static void grow_node(tree *t, range *ranges, const vocab_entry *sorted, size_t k, size_t depth) {
  uint32_t i = ranges[k].first, end = ranges[k].end;
  t->nodes[k] = (tree_node){(uint32_t)t->count, VOCAB_NONE};
  for (; i < end && sorted[i].length == depth; i++) t->nodes[k].id = sorted[i].id;
  while (i < end) {
    uint32_t first = i;
    uint8_t byte = (uint8_t)sorted[i].text[depth];
    while (i < end && (uint8_t)sorted[i].text[depth] == byte) i++;
    t->labels[t->count] = byte;
    ranges[t->count++] = (range){first, i};
  }
}

static dwell_status tree_make(tree *t, const vocab *v, arena *memory, dwell_error *err) {
  dwell_status status;
  range *ranges = NULL;
  vocab_entry *sorted = mem_copy(v->entries, v->count, sizeof *sorted);
  TRY_ALLOC(sorted, "the vocabulary");
  if (v->count > 1) qsort(sorted, v->count, sizeof *sorted, by_text);
  size_t nodes = count_nodes(sorted, v->count);
  if (nodes >= UINT32_MAX) TRY(error_set(err, DWELL_UNSUPPORTED, "the vocabulary is too large"));
  ranges = MEM_NEW(range, nodes);
  t->nodes = ARENA_NEW(memory, tree_node, nodes + 1);
  t->labels = ARENA_NEW(memory, uint8_t, nodes);
  bool all = ranges && t->nodes && t->labels;
  TRY_ALLOC(all ? t : NULL, "the vocabulary");
  ranges[0] = (range){0, (uint32_t)v->count};
  t->count = 1;
  for (size_t k = 0, depth = 0, deeper = 1; k < nodes; k++) {
    if (k == deeper) depth++, deeper = t->count;
    grow_node(t, ranges, sorted, k, depth);
  }
  t->nodes[nodes] = (tree_node){(uint32_t)nodes, VOCAB_NONE};
  t->nodes[0].id = VOCAB_NONE; /* a piece of no bytes stands nowhere in a text */
  for (unsigned byte = 0; byte < 256; byte++) t->from_root[byte] = tree_child(t, 0, (uint8_t)byte);
done:
  mem_free(sorted);
  mem_free(ranges);
  return status;
}

/* ---- reading ---- */

typedef struct unigram {
  tree tree;
  double *scores; /* of each id */
  double unknown_score;
  int32_t unknown_id; /* or VOCAB_NONE */
  bool byte_fallback;
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
  TRY(tree_make(&state->tree, source->vocab, source->memory, err));
done:
  mem_free(scores.items);
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

static inline void arrive(arrival *a, double score, size_t begin, int32_t id) {
  if (a->begin == ARRIVAL_NONE || score > a->score) *a = (arrival){score, (uint32_t)begin, id};
}

/* Bytes of the character that begins with `lead`, in valid UTF-8. */
static inline size_t character_size(char lead) {
  uint8_t byte = (uint8_t)lead;
  return byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

/* Arrivals at all pieces that begin at `at`; whether one of them is the single character. */
static bool follow(const unigram *state, const char *text, size_t length, size_t at, arrival *arrivals) {
  const tree *t = &state->tree;
  double here = arrivals[at].score;
  size_t single_end = at + character_size(text[at]);
  bool single = false;
  uint32_t node = t->from_root[(uint8_t)text[at]];
  for (size_t end = at + 1; node != TREE_NONE; end++) {
    int32_t id = t->nodes[node].id;
    if (id != VOCAB_NONE) {
      arrive(&arrivals[end], state->scores[id] + here, at, id);
      single = single || end == single_end;
    }
    if (end == length) break;
    node = tree_child(t, node, (uint8_t)text[end]);
  }
  return single;
}

static dwell_status no_unknown(const char *text, size_t length, dwell_error *err) {
  char shown[40];
  str_display(shown, sizeof shown, text, length);
  return error_set(err, DWELL_BAD_INPUT, "'%s' is not in the vocabulary, which has no unknown piece (\"unk_id\")",
                   shown);
}

static dwell_status find_path(const unigram *state, const char *text, size_t length, arrival *arrivals,
                              dwell_error *err) {
  for (size_t i = 0; i <= length; i++) arrivals[i].begin = ARRIVAL_NONE;
  arrivals[0].score = 0;
  for (size_t at = 0, size; at < length; at += size) {
    size = character_size(text[at]);
    if (follow(state, text, length, at, arrivals)) continue;
    double score = state->unknown_score + arrivals[at].score;
    arrive(&arrivals[at + size], score, at, state->unknown_id);
    if (arrivals[at + size].id == VOCAB_NONE) return no_unknown(text + at, size, err);
  }
  return DWELL_OK;
}

/* A stretch of unknown characters, or the unknown piece itself. Its text may be a piece after all (where scores are
 * positive, two unknowns can be better than one known); else it is its bytes, or the unknown piece. Pieces are added
 * from last to first. */
static dwell_status add_unknown(const unigram *state, const vocab *v, const char *text, size_t begin, size_t end,
                                piece_list *out, dwell_error *err) {
  int32_t id = end - begin <= v->longest ? vocab_find(v, text + begin, end - begin) : VOCAB_NONE;
  bool bytes = id == VOCAB_NONE && state->byte_fallback;
  for (size_t i = begin; i < end && bytes; i++) bytes = state->bytes[(uint8_t)text[i]] != VOCAB_NONE;
  if (!bytes) return piece_list_add(out, id != VOCAB_NONE ? id : state->unknown_id, begin, end, err);
  for (size_t i = end; i > begin; i--) {
    dwell_status status = piece_list_add(out, state->bytes[(uint8_t)text[i - 1]], begin, end, err);
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

static dwell_status encode(const void *model_state, const vocab *v, const char *text, size_t length, piece_list *out,
                           dwell_error *err) {
  const unigram *state = model_state;
  size_t first = out->count;
  dwell_status status;
  arrival *arrivals = piece_list_scratch(out, length + 1, sizeof *arrivals);
  TRY_ALLOC(arrivals, "the pieces of a long text");
  TRY(find_path(state, text, length, arrivals, err));
  for (size_t end = length; end > 0;) {
    size_t begin = arrivals[end].begin;
    if (arrivals[end].id != state->unknown_id) {
      TRY(piece_list_add(out, arrivals[end].id, begin, end, err));
    } else {
      while (begin > 0 && arrivals[begin].id == state->unknown_id) begin = arrivals[begin].begin;
      TRY(add_unknown(state, v, text, begin, end, out, err));
    }
    end = begin;
  }
  reverse(out->items + first, out->count - first);
done:
  return status;
}

const model_class MODEL_UNIGRAM = {"Unigram", read, encode};
