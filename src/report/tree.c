/* report/tree.c - who merged with whom, and when: the exact mergers of a flow as a tree whose height is ln t. */
#include <math.h>
#include <stdio.h>

#include "base/error.h"
#include "base/mem.h"
#include "report/figures.h"

enum { MOST_LEAVES = 4096 };

/* Mergers in the convention of scipy's linkage: nodes 0..n-1 are particles, n + k is what merger k made. */
typedef struct tree {
  size_t n, mergers;    /* mergers that happened */
  double *times, *mass; /* [n - 1] ln t */
  double *pairs;        /* [n - 1, 2] */
  double *at, *since;   /* [2 n] of a node: place among the leaves, ln t of its birth */
  size_t *root;         /* [2 n] which node is its parent, SIZE_MAX: none */
} tree;

static dwell_status read_tree(const view *v, tree *t, dwell_error *err) {
  size_t rank, shape[4], pair_rank, pair_shape[4];
  dwell_status status = DWELL_OK;
  TRY(run_read_array(v->run, "merge_log_times", &t->times, &rank, shape, err));
  TRY(run_read_array(v->run, "merge_pairs", &t->pairs, &pair_rank, pair_shape, err));
  if (t->times == NULL || t->pairs == NULL || rank < 1 || pair_rank != rank + 1) goto done;
  size_t steps = shape[rank - 1];
  if (steps == 0 || steps >= MOST_LEAVES || pair_shape[pair_rank - 2] != steps || pair_shape[pair_rank - 1] != 2)
    goto done;
  t->n = steps + 1;
  TRY_ALLOC(t->at = MEM_ZERO(double, 2 * t->n), "the tree of mergers");
  TRY_ALLOC(t->since = MEM_ZERO(double, 2 * t->n), "the tree of mergers");
  TRY_ALLOC(t->root = MEM_NEW(size_t, 2 * t->n), "the tree of mergers");
  for (size_t k = 0; k < 2 * t->n; k++) t->root[k] = SIZE_MAX;
  for (size_t k = 0; k < steps && !isnan(t->times[k]); k++) {
    double a = t->pairs[2 * k], b = t->pairs[2 * k + 1];
    if (!(a >= 0) || !(b >= 0) || a >= (double)(t->n + k) || b >= (double)(t->n + k)) break;
    t->root[(size_t)a] = t->root[(size_t)b] = t->n + k;
    t->mergers = k + 1;
  }
done:
  return status;
}

static void free_tree(tree *t) {
  mem_free(t->times), mem_free(t->pairs), mem_free(t->at), mem_free(t->since), mem_free(t->root);
}

/* Leaves below a node get the next places, left child first. Depth is at most the number of mergers: an own stack. */
static dwell_status place_leaves(tree *t, dwell_error *err) {
  size_t *stack = MEM_NEW(size_t, 2 * t->n), next = 0;
  if (stack == NULL) return error_no_memory(err, "the tree of mergers");
  for (size_t top = t->n + t->mergers; top-- > 0;) {
    if (t->root[top] != SIZE_MAX) continue;
    size_t depth = 0;
    stack[depth++] = top;
    while (depth > 0) {
      size_t node = stack[--depth];
      if (node < t->n) {
        t->at[node] = (double)next++;
        continue;
      }
      stack[depth++] = (size_t)t->pairs[2 * (node - t->n) + 1];
      stack[depth++] = (size_t)t->pairs[2 * (node - t->n)];
    }
  }
  for (size_t k = 0; k < t->mergers; k++)
    t->at[t->n + k] = (t->at[(size_t)t->pairs[2 * k]] + t->at[(size_t)t->pairs[2 * k + 1]]) / 2;
  mem_free(stack);
  return DWELL_OK;
}

/* The axis of ln t: from the first merger to the end of the run or the last merger. */
static bool range_of(const view *v, const tree *t, double *ret_first, double *ret_end) {
  double first = INFINITY, end = -INFINITY;
  for (size_t k = 0; k < t->mergers; k++) {
    if (!isfinite(t->times[k])) continue;
    first = fmin(first, t->times[k]), end = fmax(end, t->times[k]);
  }
  double last = view_number(v->states.t, v->states.rows[v->states.steps - 1], "log_time");
  if (isfinite(last)) end = fmax(end, last);
  *ret_first = first, *ret_end = end;
  return first < end;
}

/* A level piece for the life of each node, an upright one for each merger: one path, with gaps between. */
static dwell_status draw_branches(const tree *t, plot *p, double start, double end, dwell_error *err) {
  size_t nodes = t->n + t->mergers, count = 0;
  double *x = MEM_NEW(double, 6 * nodes), *y = MEM_NEW(double, 6 * nodes);
  dwell_status status = DWELL_OK;
  TRY_ALLOC(x, "the tree of mergers");
  TRY_ALLOC(y, "the tree of mergers");
  for (size_t node = 0; node < nodes; node++) {
    size_t parent = t->root[node], k = node - t->n;
    x[count] = node < t->n ? start : fmax(start, t->times[k]), y[count++] = t->at[node];
    x[count] = parent == SIZE_MAX ? end : fmax(start, t->times[parent - t->n]), y[count++] = t->at[node];
    x[count] = y[count] = NAN, count++;
    if (node < t->n) continue;
    x[count] = x[count + 1] = fmax(start, t->times[k]);
    y[count++] = t->at[(size_t)t->pairs[2 * k]], y[count++] = t->at[(size_t)t->pairs[2 * k + 1]];
    x[count] = y[count] = NAN, count++;
  }
  plot_line(p, x, y, count, &(plot_style){.colour = "c0", .more = "branch"});
done:
  mem_free(x), mem_free(y);
  return status;
}

static dwell_status draw(const view *v, const tree *t, double first, double end, strbuf *out, dwell_error *err) {
  static const char text[] =
      "Every particle is a line from the left; two lines that join are clusters that merged, at the exact time of it. "
      "Long level "
      "stretches are the metastable states between mergers.";
  double start = first - fmax(0.3, 0.06 * (end - first));
  plot p;
  plot_frame frame = {.id = "plot-tree",
                      .title = "The tree of mergers",
                      .description = text,
                      .width = 1060,
                      .right = 16,
                      .x_label = "time t (logarithmic)",
                      .y_label = "particles, by who merged with whom",
                      .own_axis = true};
  frame.height = fmin(560, 120 + 7 * (double)t->n);
  frame.x = scale_make(SCALE_LINEAR, start, end);
  frame.x.kind = SCALE_LN;
  frame.y = scale_make(SCALE_LINEAR, -1, (double)t->n);
  figure_open(out, "tree", "The tree of mergers", text, "tree");
  plot_begin(&p, out, &frame);
  dwell_status status = draw_branches(t, &p, start, end, err);
  plot_end(&p);
  figure_close(out, v->replicas > 1
                        ? "arrays.npz: <code>merge_log_times</code>, <code>merge_pairs</code>; first replica"
                        : "arrays.npz: <code>merge_log_times</code>, <code>merge_pairs</code>");
  return status;
}

dwell_status figures_tree(const view *v, strbuf *out, dwell_error *err) {
  tree t = {0};
  double first, end;
  dwell_status status = read_tree(v, &t, err);
  if (status == DWELL_OK && t.mergers > 0 && range_of(v, &t, &first, &end)) {
    status = place_leaves(&t, err);
    if (status == DWELL_OK) status = draw(v, &t, first, end, out, err);
  }
  free_tree(&t);
  return status;
}

/* Only what happened; null: from the start. */
dwell_status tree_data(jwriter *w, const view *v, dwell_error *err) {
  tree t = {0};
  dwell_status status = read_tree(v, &t, err);
  if (status == DWELL_OK && t.mergers > 0) {
    jwriter_key(w, "mergers");
    jwriter_object(w);
    jwriter_key(w, "log_time");
    jwriter_flat_array(w);
    for (size_t k = 0; k < t.mergers; k++) jwriter_double(w, isfinite(t.times[k]) ? t.times[k] : NAN);
    jwriter_close(w);
    jwriter_key(w, "pairs");
    jwriter_flat_array(w);
    for (size_t k = 0; k < 2 * t.mergers; k++) jwriter_int(w, (int64_t)t.pairs[k]);
    jwriter_close(w);
    jwriter_close(w);
  }
  free_tree(&t);
  return status;
}
