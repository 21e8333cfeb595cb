/* text/piece_tree.h - pieces as a tree of bytes: all pieces that begin at one place of a text are found in one walk. */
#ifndef DWELL_TEXT_PIECE_TREE_H
#define DWELL_TEXT_PIECE_TREE_H

#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "text/vocab.h"

/* Nodes in order of depth, so that the children of a node are a stretch [first, first of the next node) of all. */
typedef struct piece_node {
  uint32_t first;
  int32_t id; /* of the piece that ends here, or VOCAB_NONE */
} piece_node;

typedef struct piece_tree {
  piece_node *nodes; /* one more than there are: the end of the last stretch */
  uint8_t *labels;   /* byte that leads to each node */
  size_t count;
  uint32_t from_root[256];
} piece_tree;

enum { PIECE_TREE_NONE = 0 }; /* the root is nobody's child */

/* The tree of some entries of a vocabulary, in the arena. Of the same text the largest id counts; the empty text stands
 * nowhere. */
dwell_status piece_tree_make(piece_tree *t, const vocab_entry *entries, size_t count, arena *memory, dwell_error *err);

static inline uint32_t piece_tree_child(const piece_tree *t, uint32_t node, uint8_t byte) {
  uint32_t first = t->nodes[node].first, count = t->nodes[node + 1].first - first;
  if (count > 8) {
    const uint8_t *found = memchr(t->labels + first, byte, count);
    return found != NULL ? (uint32_t)(found - t->labels) : PIECE_TREE_NONE;
  }
  for (uint32_t i = first; i < first + count; i++) {
    if (t->labels[i] == byte) return i;
  }
  return PIECE_TREE_NONE;
}

/* Bytes of the longest piece that `text` begins with; 0: none. */
size_t piece_tree_longest(const piece_tree *t, const char *text, size_t length);

#endif
