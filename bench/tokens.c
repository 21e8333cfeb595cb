/* bench/tokens.c - seconds of encoding a text, for bench/tokens.py.
 *
 * usage: bench_tokens FOLDER TEXT IDS REPEATS
 * Prints one line per repetition: seconds and processor seconds, the tokenizer being open already. IDS receives the
 * ids, one a line. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "text/tokenizer.h"

enum { LONGEST = 1 << 26 };

static void stop_if(dwell_status status, const dwell_error *err) {
  char text[1500];
  if (status == DWELL_OK) return;
  fprintf(stderr, "%s\n", dwell_error_text(err, text, sizeof text));
  exit((int)status);
}

static size_t read_text(const char *path, char *text) {
  FILE *stream = fopen(path, "rb");
  size_t length = stream != NULL ? fread(text, 1, LONGEST, stream) : 0;
  if (stream != NULL) fclose(stream);
  return length;
}

static void write_ids(const char *path, const token_list *list) {
  FILE *out = fopen(path, "w");
  for (size_t i = 0; out != NULL && i < list->count; i++) fprintf(out, "%lld\n", (long long)list->tokens[i].id);
  if (out != NULL) fclose(out);
}

int main(int argc, char **argv) {
  if (argc != 5) return fprintf(stderr, "usage: bench_tokens FOLDER TEXT IDS REPEATS\n"), 2;
  char *text = malloc(LONGEST);
  if (text == NULL) return 1;
  size_t length = read_text(argv[2], text);
  tokenizer *t;
  dwell_error err;
  stop_if(tokenizer_open(argv[1], &t, &err), &err);
  for (int left = atoi(argv[4]); left > 0; left--) {
    token_list list;
    double start = clock_seconds();
    clock_t used = clock();
    stop_if(tokenizer_encode(t, text, length, false, &list, &err), &err);
    printf("%.6f %.6f\n", clock_seconds() - start, (double)(clock() - used) / CLOCKS_PER_SEC);
    if (left == 1) write_ids(argv[3], &list);
    token_list_free(&list);
  }
  tokenizer_close(t);
  free(text);
  return 0;
}
