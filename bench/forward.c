/* bench/forward.c - a forward pass over token ids: dwell's side of bench/forward.py, memory.py and start.py.
 *
 * usage: bench_forward FOLDER IDS.txt f32|f64 THREADS REPEATS [keep] [heads] [STATES.bin [HEADS.bin]]
 * Prints lines of a name and numbers, as bench/rivals.py does:
 *   run W P    wall and processor seconds of one repetition, weights read included
 *   block C    the monotonic clock when the first block was done for the first time
 *   done C     the monotonic clock when the first repetition was done
 *   bound B    bytes that a pass takes at most
 *   peak B     bytes that this process took at most
 * STATES.bin receives the states of the last repetition as they come, state after state, then the final norm if there
 * is one; HEADS.bin its attention matrices. */
#define _POSIX_C_SOURCE 200809L /* pwrite */
#include <dwell/model.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"

enum { MAX_IDS = 1 << 20 };

typedef struct output {
  FILE *states; /* or NULL */
  int heads;    /* or -1 */
  size_t matrix_bytes, heads_per_block;
  double first_block; /* 0: not done yet */
} output;

static dwell_status keep_state(void *self, const dwell_frame *frame, const dwell_cloud *x, dwell_error *err) {
  output *out = self;
  if (frame->state > 0 && out->first_block == 0) out->first_block = clock_seconds();
  size_t count = x->n * x->d;
  if (out->states == NULL || fwrite(x->data, (size_t)x->dtype, count, out->states) == count) return DWELL_OK;
  return error_set(err, DWELL_BAD_INPUT, "cannot write the states");
}

/* From several threads at once. */
static dwell_status keep_head(void *self, size_t replica, size_t block, size_t head, const void *attention,
                              dwell_error *err) {
  (void)replica;
  const output *out = self;
  size_t size = out->matrix_bytes;
  if (out->heads < 0) return DWELL_OK;
  ssize_t written = pwrite(out->heads, attention, size, (off_t)((block * out->heads_per_block + head) * size));
  return written == (ssize_t)size ? DWELL_OK : error_set(err, DWELL_BAD_INPUT, "cannot write the attention matrices");
}

static void stop_if(dwell_status status, const dwell_error *err) {
  char text[1500];
  if (status == DWELL_OK) return;
  fprintf(stderr, "%s\n", dwell_error_text(err, text, sizeof text));
  exit((int)status);
}

static size_t read_ids(const char *path, int64_t *ids) {
  FILE *stream = fopen(path, "r");
  size_t n = 0;
  for (long long id; stream != NULL && n < MAX_IDS && fscanf(stream, "%lld", &id) == 1;) ids[n++] = id;
  if (stream != NULL) fclose(stream);
  return n;
}

static void run(dwell_source *source, const dwell_context *ctx, bool heads, output *out) {
  dwell_error err;
  dwell_sink sink = {.self = out, .on_state = keep_state, .on_head = keep_head, .wants_heads = heads};
  double start = clock_seconds();
  clock_t used = clock();
  stop_if(dwell_source_run(source, ctx, &sink, &err), &err);
  printf("run %.6f %.6f\n", clock_seconds() - start, (double)(clock() - used) / CLOCKS_PER_SEC);
}

/* `files`: names of STATES.bin and HEADS.bin, as many as there are, then NULL. */
static void repeat(dwell_source *source, const dwell_context *ctx, int repeats, bool heads, char *const *files) {
  const dwell_trajectory *t = dwell_source_trajectory(source);
  output out = {.heads = -1, .matrix_bytes = t->n * t->n * (size_t)t->dtype, .heads_per_block = t->heads};
  for (int k = 0; k < repeats; k++) {
    bool last = k == repeats - 1;
    if (last && files[0] != NULL) out.states = fopen(files[0], "wb");
    if (last && files[0] != NULL && files[1] != NULL) out.heads = open(files[1], O_CREAT | O_WRONLY | O_TRUNC, 0666);
    run(source, ctx, heads, &out);
    if (k == 0) printf("block %.6f\ndone %.6f\n", out.first_block, clock_seconds());
  }
  if (out.states != NULL) fclose(out.states);
  if (out.heads >= 0) close(out.heads);
}

int main(int argc, char **argv) {
  static int64_t ids[MAX_IDS];
  if (argc < 6) {
    fprintf(stderr,
            "usage: bench_forward FOLDER IDS.txt f32|f64 THREADS REPEATS [keep] [heads] [STATES.bin [HEADS.bin]]\n");
    return 2;
  }
  const char *folder = argv[1];
  size_t n = read_ids(argv[2], ids);
  int repeats = atoi(argv[5]);
  dwell_context ctx = dwell_context_default();
  ctx.threads = atoi(argv[4]);
  dwell_model_options options = dwell_model_options_default();
  options.dtype = strcmp(argv[3], "f64") == 0 ? DWELL_F64 : DWELL_F32;
  bool keep = argc > 6 && strcmp(argv[6], "keep") == 0;
  argv += keep, argc -= keep;
  bool heads = argc > 6 && strcmp(argv[6], "heads") == 0;
  dwell_model *model;
  dwell_source *source;
  dwell_error err;
  stop_if(dwell_model_open(folder, &ctx, &model, &err), &err);
  if (keep) stop_if(dwell_model_keep_weights(model, options.dtype, &ctx, &err), &err);
  stop_if(dwell_model_open_ids(model, ids, n, &options, &source, &err), &err);
  repeat(source, &ctx, repeats, heads, argv + 6 + heads);
  printf("bound %.0f\npeak %.0f\n", (double)dwell_source_bytes(source, &ctx), (double)clock_peak_bytes());
  dwell_source_destroy(source);
  dwell_model_destroy(model);
  return 0;
}
