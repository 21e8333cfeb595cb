/* Several texts through one checkpoint, which is opened once: the mean cosine of the tokens at every state, a line for
 * each text.
 *
 *   cc texts.c $(pkg-config --cflags --libs dwell) && ./a.out MODEL "a text" "another" */
#include <dwell/dwell.h>
#include <stdio.h>
#include <string.h>

static dwell_status print_cosines(const dwell_context *ctx, dwell_model *model, const char *text, dwell_error *err) {
  dwell_model_options options = dwell_model_options_default();
  dwell_measure_options measures = dwell_measure_options_default();
  dwell_source *source = NULL;
  dwell_run *run = NULL;
  measures.instruments = "ip_mean";
  measures.null_draws = 0;
  dwell_status status = dwell_model_open_text(model, text, strlen(text), &options, &source, err);
  if (status == DWELL_OK) status = dwell_measure(ctx, source, &measures, &run, err);
  for (size_t row = 0; status == DWELL_OK && row < dwell_run_rows(run, "layers"); row++) {
    double mean = 0;
    dwell_run_number(run, "layers", row, "ip_mean", &mean);
    printf("%8.4f", mean);
  }
  if (status == DWELL_OK) putchar('\n');
  dwell_run_destroy(run);
  dwell_source_destroy(source); /* before its model */
  return status;
}

int main(int argc, char **argv) {
  dwell_error err = {.status = DWELL_OK};
  dwell_context ctx = dwell_context_default();
  dwell_model *model = NULL;
  if (argc < 3) return fprintf(stderr, "usage: texts MODEL TEXT...\n"), 2;
  dwell_status status = dwell_model_open(argv[1], &ctx, &model, &err);
  for (int i = 2; status == DWELL_OK && i < argc; i++) status = print_cosines(&ctx, model, argv[i], &err);
  char text[1600];
  if (status != DWELL_OK) fprintf(stderr, "texts: %s\n", dwell_error_text(&err, text, sizeof text));
  dwell_model_destroy(model);
  return (int)status;
}
