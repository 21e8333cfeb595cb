/* text/piece_tree.c - building the tree. */
#include "text/piece_tree.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/mem.h"

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
static void grow_node(piece_tree *t, range *ranges, const vocab_entry *sorted, size_t k, size_t depth) {
  uint32_t i = ranges[k].first, end = ranges[k].end;
  t->nodes[k] = (piece_node){(uint32_t)t->count, VOCAB_NONE};
  for (; i < end && sorted[i].length == depth; i++) t->nodes[k].id = sorted[i].id;
  while (i < end) {
    uint32_t first = i;
    uint8_t byte = (uint8_t)sorted[i].text[depth];
    while (i < end && (uint8_t)sorted[i].text[depth] == byte) i++;
    t->labels[t->count] = byte;
    ranges[t->count++] = (range){first, i};
  }
}

dwell_status piece_tree_make(piece_tree *t, const vocab_entry *entries, size_t count, arena *memory, dwell_error *err) {
  dwell_status status = DWELL_OK;
  range *ranges = NULL;
  vocab_entry *sorted = mem_copy(entries, count, sizeof *sorted);
  TRY_ALLOC(sorted, "the vocabulary");
  if (count > 1) qsort(sorted, count, sizeof *sorted, by_text);
  size_t nodes = count_nodes(sorted, count);
  if (nodes >= UINT32_MAX) TRY(error_set(err, DWELL_UNSUPPORTED, "the vocabulary is too large"));
  ranges = MEM_NEW(range, nodes);
  t->nodes = ARENA_NEW(memory, piece_node, nodes + 1);
  t->labels = ARENA_NEW(memory, uint8_t, nodes);
  bool all = ranges && t->nodes && t->labels;
  TRY_ALLOC(all ? t : NULL, "the vocabulary");
  ranges[0] = (range){0, (uint32_t)count};
  t->count = 1;
  for (size_t k = 0, depth = 0, deeper = 1; k < nodes; k++) {
    if (k == deeper) depth++, deeper = t->count;
    grow_node(t, ranges, sorted, k, depth);
  }
  t->nodes[nodes] = (piece_node){(uint32_t)nodes, VOCAB_NONE};
  t->nodes[0].id = VOCAB_NONE; /* a piece of no bytes stands nowhere in a text */
  for (unsigned byte = 0; byte < 256; byte++) t->from_root[byte] = piece_tree_child(t, 0, (uint8_t)byte);
done:
  mem_free(sorted);
  mem_free(ranges);
  return status;
}

size_t piece_tree_longest(const piece_tree *t, const char *text, size_t length) {
  size_t longest = 0;
  uint32_t node = 0;
  for (size_t at = 0; at < length; at++) {
    node = at == 0 ? t->from_root[(uint8_t)text[0]] : piece_tree_child(t, node, (uint8_t)text[at]);
    if (node == PIECE_TREE_NONE) break;
    if (t->nodes[node].id != VOCAB_NONE) longest = at + 1;
  }
  return longest;
}
