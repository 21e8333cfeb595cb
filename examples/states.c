/* A checkpoint's residual stream without Python: the mean length of the tokens, state by state.
 *
 *   cc states.c $(pkg-config --cflags --libs dwell) -lm && ./a.out MODEL "a text" */
#include <dwell/dwell.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static dwell_status print_mean_norm(void *self, const dwell_frame *frame, const dwell_cloud *x, dwell_error *err) {
  (void)self, (void)err;
  const float *token = x->data; /* dwell_model_options_default() asks for f32 */
  double total = 0;
  for (size_t i = 0; i < x->n; i++, token += x->d) {
    double square = 0;
    for (size_t k = 0; k < x->d; k++) square += (double)token[k] * (double)token[k];
    total += sqrt(square);
  }
  printf("%-10s %3zu %10.4f\n", frame->tap, frame->state, total / (double)x->n);
  return DWELL_OK;
}

int main(int argc, char **argv) {
  dwell_error err = {.status = DWELL_OK};
  dwell_context ctx = dwell_context_default();
  dwell_model_options options = dwell_model_options_default();
  dwell_model *model = NULL;
  dwell_source *source = NULL;
  dwell_sink sink = {.on_state = print_mean_norm};
  if (argc != 3) return fprintf(stderr, "usage: states MODEL TEXT\n"), 2;
  if (dwell_model_open(argv[1], &ctx, &model, &err) == DWELL_OK &&
      dwell_model_open_text(model, argv[2], strlen(argv[2]), &options, &source, &err) == DWELL_OK) {
    dwell_source_run(source, &ctx, &sink, &err);
  }
  char text[1600];
  if (err.status != DWELL_OK) fprintf(stderr, "states: %s\n", dwell_error_text(&err, text, sizeof text));
  dwell_source_destroy(source);
  dwell_model_destroy(model);
  return (int)err.status;
}
