/* model/pass_block.c - the stages of a block, window by window. */
#include "base/context.h"
#include "base/error.h"
#include "base/threads.h"
#include "model/pass.h"

enum {
  WINDOW = 96,      /* tokens that a thread takes at a time: with their inner layer they fit the second-level cache */
  LAST_WINDOW = 16, /* at the end, when another thread may have to wait for it */
  FEWEST_IN_WINDOW = 48 /* with fewer, a thread would wait for the weights: all threads share each product instead */
};

typedef struct run_of_stages {
  model_pass *p;
  const pass_stage *stages;
  size_t count, windows; /* windows: of each thread; 0: too few tokens for that */
  const void *slots;
  const pass_stage *begin; /* the block's first stages, up to its attention: of the next block, after the others */
  size_t begin_count;      /* 0: the next block is not begun */
} run_of_stages;

/* Tokens first..end-1 of `p`; the pass of a window has one thread. */
static model_pass window_of(const model_pass *p, size_t first, size_t end, const dwell_context *alone) {
  size_t d = p->model->shape.width, half = p->model->shape.rotary.size / 2;
  model_pass w = *p;
  w.ctx = alone, w.first = first, w.rows = end - first;
  w.x = pass_at(p, p->x, first * d);
  w.y = pass_at(p, p->y, first * d);
  w.wide = pass_at(p, p->wide, first * p->wide_columns);
  if (p->cosines != NULL) w.cosines = pass_at(p, p->cosines, first * half);
  if (p->sines != NULL) w.sines = pass_at(p, p->sines, first * half);
  return w;
}

static dwell_status run_steps(const run_of_stages *r, model_pass *window, int worker, dwell_error *err) {
  dwell_status status = DWELL_OK;
  for (size_t i = 0; i < r->count; i++) {
    if (r->stages[i].step == NULL) pass_attend_window(window, worker);
    else TRY(r->stages[i].step(window, r->slots, err));
  }
  if (r->begin_count == 0) goto done;
  window->block_now = pass_block_weights(window, window->b + 1);
  window->b++;
  for (size_t i = 0; i < r->begin_count; i++) TRY(r->begin[i].step(window, r->slots, err));
done:
  return status;
}

/* Of the tokens that a thread has left: half of them, so that the windows grow shorter to the end of the stages, where
 * threads wait for each other, and one that was held up has little left that others cannot take from it. */
static size_t window_size(size_t left) {
  size_t half = (left / 2 + 7) / 8 * 8, most = half < WINDOW ? half : WINDOW,
         size = most > LAST_WINDOW ? most : LAST_WINDOW;
  return size < left ? size : left;
}

static size_t most_of_a_thread(const model_pass *p) {
  size_t threads = (size_t)threads_count(p->ctx);
  return (p->n + threads - 1) / threads;
}

static size_t count_windows(const model_pass *p) {
  size_t count = 0, left = most_of_a_thread(p);
  if (p->n < (size_t)threads_count(p->ctx) * FEWEST_IN_WINDOW) return 0;
  for (; left > 0; left -= window_size(left)) count++;
  return count;
}

static dwell_status window_item(void *arg, size_t item, int worker, dwell_error *err) {
  const run_of_stages *r = arg;
  const model_pass *p = r->p;
  dwell_context alone = *p->ctx;
  alone.threads = 1;
  size_t threads = (size_t)threads_count(p->ctx), thread = item / r->windows;
  size_t first = p->n * thread / threads, end = p->n * (thread + 1) / threads, left = most_of_a_thread(p);
  for (size_t k = item % r->windows; k > 0; k--) left -= window_size(left);
  size_t begin = end > first + left ? end - left : first; /* a thread with one token fewer has it in its first window */
  model_pass w = window_of(p, begin, end - (left - window_size(left)), &alone);
  return run_steps(r, &w, worker, err);
}

static dwell_status run_windows(run_of_stages *r, dwell_error *err) {
  if (r->windows == 0) return run_steps(r, r->p, 0, err);
  return threads_for(r->p->ctx, r->windows * (size_t)threads_count(r->p->ctx), window_item, r, err);
}

dwell_status pass_windows(model_pass *p, dwell_status (*step)(model_pass *, const void *, dwell_error *),
                          const void *slots, dwell_error *err) {
  const pass_stage stage = {.step = step};
  run_of_stages r = {.p = p, .stages = &stage, .count = 1, .windows = count_windows(p), .slots = slots};
  return run_windows(&r, err);
}

/* Stages that threads need not wait between: up to an attention, which may come first if each window can do its own,
 * or to a leg that the sink wants. 0: an attention of all tokens comes first. */
static size_t count_together(const run_of_stages *r, const pass_stage *stages, size_t count) {
  bool legs = pass_wants_legs(r->p), own = r->windows > 0 && pass_attends_in_windows(r->p);
  for (size_t i = 0; i < count; i++) {
    if (stages[i].step == NULL && (i > 0 || !own)) return i;
    if (legs && stages[i].opt_leg != NULL) return i + 1;
  }
  return count;
}

static size_t count_before_attention(const pass_stage *stages) {
  size_t count = 0;
  while (stages[count].step != NULL) count++;
  return count;
}

/* May the next block be begun, although its state has not been handed out? */
static bool may_begin_next(const run_of_stages *r) {
  const model_pass *p = r->p;
  bool there = p->b + 1 < p->early_end && pass_block_weights(p, p->b + 1) != NULL;
  return there && r->windows > 0 && !pass_wants_legs(p);
}

dwell_status pass_block(model_pass *p, const pass_stage *stages, size_t count, const void *slots, dwell_error *err) {
  run_of_stages r = {.p = p, .windows = count_windows(p), .slots = slots, .begin = stages};
  dwell_status status = DWELL_OK;
  size_t first = p->begun ? count_before_attention(stages) : 0;
  p->begun = false;
  for (size_t i = first; i < count; i += r.count) {
    r.stages = stages + i, r.count = count_together(&r, stages + i, count - i);
    if (r.count == 0) {
      TRY(pass_attention(p, err));
      r.count = 1;
      continue;
    }
    if (i + r.count == count && may_begin_next(&r)) r.begin_count = count_before_attention(stages);
    TRY(run_windows(&r, err));
    p->begun = r.begin_count > 0;
    const pass_stage *last = &stages[i + r.count - 1];
    if (last->opt_leg != NULL && pass_wants_legs(p)) TRY(last->opt_leg(p, slots, err));
  }
done:
  return status;
}
