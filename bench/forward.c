/* bench/forward.c - seconds of a forward pass over token ids, for bench/forward.py.
 *
 * usage: forward FOLDER IDS.txt f32|f64 THREADS REPEATS [heads] [STATES.bin]
 * Prints one line per repetition: seconds and processor seconds of the run, weights read included. STATES.bin
 * receives the states of the last repetition as they come, state after state, then the final norm if there is one. */
#include <dwell/model.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"

enum { MAX_IDS = 1 << 20 };

static dwell_status keep_state(void *self, const dwell_frame *frame, const dwell_cloud *x, dwell_error *err) {
  (void)frame, (void)err;
  FILE *out = self;
  if (out != NULL) fwrite(x->data, (size_t)x->dtype, x->n * x->d, out);
  return DWELL_OK;
}

static dwell_status ignore_head(void *self, size_t replica, size_t block, size_t head, const void *attention,
                                dwell_error *err) {
  (void)self, (void)replica, (void)block, (void)head, (void)attention, (void)err;
  return DWELL_OK;
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

int main(int argc, char **argv) {
  static int64_t ids[MAX_IDS];
  if (argc < 6) {
    fprintf(stderr, "usage: forward FOLDER IDS.txt f32|f64 THREADS REPEATS [heads] [STATES.bin]\n");
    return 2;
  }
  dwell_context ctx = dwell_context_default();
  ctx.threads = atoi(argv[4]);
  dwell_model_options options = dwell_model_options_default();
  options.dtype = strcmp(argv[3], "f64") == 0 ? DWELL_F64 : DWELL_F32;
  bool heads = argc > 6 && strcmp(argv[6], "heads") == 0;
  const char *states = argc > 6 + heads ? argv[6 + heads] : NULL;
  dwell_model *model;
  dwell_source *source;
  dwell_error err;
  stop_if(dwell_model_open(argv[1], &ctx, &model, &err), &err);
  stop_if(dwell_model_open_ids(model, ids, read_ids(argv[2], ids), &options, &source, &err), &err);
  int repeats = atoi(argv[5]);
  for (int k = 0; k < repeats; k++) {
    FILE *out = states != NULL && k == repeats - 1 ? fopen(states, "wb") : NULL;
    dwell_sink sink = {.self = out, .on_state = keep_state, .on_head = ignore_head, .wants_heads = heads};
    double start = clock_seconds();
    clock_t used = clock();
    stop_if(dwell_source_run(source, &ctx, &sink, &err), &err);
    printf("%.6f %.6f\n", clock_seconds() - start, (double)(clock() - used) / CLOCKS_PER_SEC);
    if (out != NULL) fclose(out);
  }
  printf("bound %.1f MB\n", (double)dwell_source_bytes(source, &ctx) / 1e6);
  dwell_source_destroy(source);
  dwell_model_destroy(model);
  return 0;
}
