/* geometry/condense.c - condensed tree and choice of clusters.
 *
 * A part of the hierarchy is a run of the order; its largest link splits it. Largest links of all runs that can occur
 * form a binary tree (Cartesian tree, Vuillemin 1980), made in one pass. */
#include "geometry/condense.h"

#include <math.h>
#include <stdbool.h>

#include "base/error.h"
#include "base/mem.h"

static const double TIE = 1e-12;

enum { NOBODY = -1 };

/* Links low..high-1 of the order and the points low..high between them; `link` is the largest. */
typedef struct part {
  uint32_t link, low, high;
} part;

typedef struct cluster {
  part whole; /* as born */
  size_t parent;
  double birth, sum;     /* level; lifetimes of its points so far */
  double children, best; /* total score of the best choice below it, and from it on down */
  bool chosen, below;    /* itself; inside a chosen one */
} cluster;

typedef struct open_part { /* still to be split */
  part what;
  size_t cluster;
} open_part;

typedef struct walk {
  const condensation *c;
  uint32_t *left, *right; /* [n-1] largest link of the part before and after a link */
  part *pending, *large;  /* [n] parts being searched, parts found */
  open_part *open;        /* [n] */
  cluster *clusters;      /* [n] the root first, parents before children */
  size_t open_count, cluster_count;
} walk;

static size_t points(part p) { return p.high - p.low + 1u; }

/* Fills left and right; returns the largest link of all. `path` [n-1] is scratch: the right edge of the tree. */
static uint32_t make_tree(const condensation *c, uint32_t *left, uint32_t *right, uint32_t *path) {
  size_t depth = 0;
  for (uint32_t k = 0; k + 1 < c->n; k++) {
    uint32_t last = UINT32_MAX;
    while (depth > 0 && c->height[path[depth - 1]] < c->height[k]) last = path[--depth];
    left[k] = last;
    if (depth > 0) right[path[depth - 1]] = k;
    right[k] = UINT32_MAX;
    path[depth++] = k;
  }
  return path[0];
}

/* Pushes a part on `list` if it can be a cluster or hold one. */
static size_t push(const walk *w, part *list, size_t count, uint32_t link, uint32_t low, uint32_t high) {
  if ((size_t)(high - low) + 1 >= w->c->smallest) list[count++] = (part){link, low, high};
  return count;
}

/* The large parts that are left of `whole` without its largest links: w->large. Returns their number. */
static size_t split(walk *w, part whole) {
  const double *height = w->c->height;
  double least = height[whole.link] * (1 - TIE);
  size_t pending = 1, found = 0;
  w->pending[0] = whole;
  while (pending > 0) {
    part p = w->pending[--pending];
    if (height[p.link] < least) {
      w->large[found++] = p;
      continue;
    }
    pending = push(w, w->pending, pending, w->left[p.link], p.low, p.link);
    pending = push(w, w->pending, pending, w->right[p.link], p.link + 1, p.high);
  }
  return found;
}

static void be_born(walk *w, part whole, size_t parent, double level) {
  w->clusters[w->cluster_count] = (cluster){.whole = whole, .parent = parent, .birth = level};
  w->open[w->open_count++] = (open_part){whole, w->cluster_count++};
}

static void walk_down(walk *w, uint32_t root) {
  be_born(w, (part){root, 0, (uint32_t)(w->c->n - 1)}, 0, w->c->level[root]);
  while (w->open_count > 0) {
    open_part at = w->open[--w->open_count];
    cluster *c = &w->clusters[at.cluster];
    double level = w->c->level[at.what.link];
    size_t found = split(w, at.what), leaving = points(at.what) - (found == 1 ? points(w->large[0]) : 0);
    c->sum += (double)leaving * (level - c->birth);
    if (found == 1) w->open[w->open_count++] = (open_part){w->large[0], at.cluster};
    for (size_t k = 0; found > 1 && k < found; k++) be_born(w, w->large[k], at.cluster, level);
  }
}

/* Children come after their parents, so backwards is bottom up. The root is never chosen. */
static double choose(walk *w) {
  for (size_t k = w->cluster_count; k-- > 1;) {
    cluster *c = &w->clusters[k];
    double score = c->sum / (double)w->c->n;
    c->chosen = score >= c->children; /* scores are >= 0: true without children */
    c->best = c->chosen ? score : c->children;
    w->clusters[c->parent].children += c->best;
  }
  for (size_t k = 1; k < w->cluster_count; k++) {
    cluster *c = &w->clusters[k];
    const cluster *parent = &w->clusters[c->parent];
    c->below = parent->below || parent->chosen;
    c->chosen = c->chosen && !c->below;
  }
  return w->clusters[0].children;
}

/* Labels by cluster index first, then renumbered in the order of the points. `number` [n] is scratch. */
static size_t label(const walk *w, uint32_t *number, int32_t *ret_labels) {
  size_t count = 0;
  for (size_t i = 0; i < w->c->n; i++) ret_labels[i] = NOBODY;
  for (size_t k = 1; k < w->cluster_count; k++) {
    const cluster *c = &w->clusters[k];
    number[k] = UINT32_MAX;
    for (size_t p = c->whole.low; c->chosen && p <= c->whole.high; p++) ret_labels[w->c->order[p]] = (int32_t)k;
  }
  for (size_t i = 0; i < w->c->n; i++) {
    if (ret_labels[i] == NOBODY) continue;
    uint32_t *mine = &number[ret_labels[i]];
    if (*mine == UINT32_MAX) *mine = (uint32_t)count++;
    ret_labels[i] = (int32_t)*mine;
  }
  return count;
}

dwell_status condense(const condensation *c, int32_t *ret_labels, size_t *ret_count, double *ret_score,
                      dwell_error *err) {
  dwell_status status = DWELL_OK;
  *ret_count = 0, *ret_score = 0;
  for (size_t i = 0; i < c->n; i++) ret_labels[i] = NOBODY;
  if (c->n < 2 || c->n < 2 * c->smallest) return DWELL_OK;
  walk w = {.c = c};
  w.left = MEM_NEW(uint32_t, c->n), w.right = MEM_NEW(uint32_t, c->n);
  uint32_t *path = MEM_NEW(uint32_t, c->n);
  w.pending = MEM_NEW(part, c->n), w.large = MEM_NEW(part, c->n);
  w.open = MEM_NEW(open_part, c->n), w.clusters = MEM_NEW(cluster, c->n);
  bool room = w.left != NULL && w.right != NULL && path != NULL && w.pending != NULL && w.large != NULL &&
              w.open != NULL && w.clusters != NULL;
  TRY_ALLOC(room ? &w : NULL, "the tree of clusters");
  walk_down(&w, make_tree(c, w.left, w.right, path));
  *ret_score = choose(&w);
  *ret_count = label(&w, path, ret_labels);
done:
  mem_free(w.left), mem_free(w.right), mem_free(path);
  mem_free(w.pending), mem_free(w.large), mem_free(w.open), mem_free(w.clusters);
  return status;
}

uint64_t condense_work_bytes(size_t n) {
  return (uint64_t)n * (3 * sizeof(uint32_t) + 2 * sizeof(part) + sizeof(open_part) + sizeof(cluster));
}
