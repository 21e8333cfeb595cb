/* tools/mechanism/main.c - the numbers of docs/mechanism.md.
 *
 * usage: mechanism -o FOLDER [-t THREADS] [-p PROMPTS] MODEL...   measures what FOLDER has not got yet
 *        mechanism -o FOLDER --tables MODEL...                    prints the tables
 * One file per model and text, which appears whole or not at all: what was interrupted is taken up again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "mechanism.h"
#include "trajectory/source.h"

typedef struct request {
  const char *folder;
  bool tables;
  size_t prompts, model_count;
  char *models[64];
} request;

enum { EACH = 3 };

size_t mechanism_prompts(const prompt *ret[PROMPTS]) {
  size_t count, found = 0;
  const prompt *all = prompt_registry(&count);
  for (size_t round = 1; round <= EACH; round++) { /* register by register, so that a shorter list has all of them */
    const char *reg = "";
    size_t of_this = 0;
    for (size_t i = 0; i < count && found < PROMPTS; i++) {
      const prompt *p = &all[i];
      bool fits = strcmp(p->kind, "text") == 0 && strcmp(p->reg, "foreign") != 0 && strcmp(p->length, "short") != 0;
      if (!fits) continue;
      of_this = strcmp(p->reg, reg) == 0 ? of_this + 1 : 1, reg = p->reg;
      if (of_this == round) ret[found++] = p;
    }
  }
  return found;
}

void record_path(const char *folder, const char *model, const char *text, char path[1024]) {
  snprintf(path, 1024, "%s/%s/%s.csv", folder, source_short_name(model), text);
}

static dwell_status measure_text(subject *s, const model_maps *maps, const char *path, dwell_error *err) {
  record r = {0};
  dwell_status status = DWELL_OK;
  TRY(subject_begin(s, err));
  record_put(&r, (double)s->kept.all_count, "kept");
  record_put(&r, (double)s->kept.types_count, "types");
  TRY(interventions_record(s, &r, err));
  TRY(moves_record(s, &r, err));
  TRY(dimensions_record(s, maps, &r, err));
  TRY(record_save(&r, path, err));
done:
  subject_free(s);
  record_free(&r);
  return status;
}

static dwell_status measure_circuits(const subject *s, const char *path, dwell_error *err) {
  record r = {0};
  if (access(path, F_OK) == 0) return DWELL_OK;
  dwell_status status = circuits_record(s, &r, err);
  if (status == DWELL_OK) status = record_save(&r, path, err);
  record_free(&r);
  return status;
}

static dwell_status measure_model(const dwell_context *ctx, const request *q, const char *name, dwell_error *err) {
  const prompt *prompts[PROMPTS];
  size_t count = mechanism_prompts(prompts);
  char path[1024];
  subject s = {.ctx = ctx};
  model_maps maps = {0};
  dwell_status status = DWELL_OK;
  TRY(dwell_model_open(name, ctx, &s.model, err));
  s.info = dwell_model_get_info(s.model), s.text = prompts[0];
  TRY(dwell_model_keep_weights(s.model, DWELL_F64, ctx, err));
  record_path(q->folder, name, "weights", path);
  TRY(measure_circuits(&s, path, err));
  for (size_t i = 0; i < count && i < q->prompts; i++) {
    record_path(q->folder, name, prompts[i]->name, path);
    if (access(path, F_OK) == 0) continue;
    double started = clock_seconds();
    s.text = prompts[i], s.number = i;
    if (maps.forms == NULL) TRY(model_maps_make(&s, &maps, err));
    TRY(measure_text(&s, &maps, path, err));
    fprintf(stderr, "%s %s: %.1f s\n", source_short_name(name), prompts[i]->name, clock_seconds() - started);
  }
done:
  model_maps_free(&maps);
  dwell_model_destroy(s.model);
  return status;
}

static bool parse(int argc, char **argv, request *q, dwell_context *ctx) {
  *q = (request){.prompts = PROMPTS};
  for (int i = 1; i < argc; i++) {
    bool more = i + 1 < argc;
    if (strcmp(argv[i], "--tables") == 0) q->tables = true;
    else if (strcmp(argv[i], "-o") == 0 && more) q->folder = argv[++i];
    else if (strcmp(argv[i], "-t") == 0 && more) ctx->threads = atoi(argv[++i]);
    else if (strcmp(argv[i], "-p") == 0 && more) q->prompts = (size_t)atoi(argv[++i]);
    else if (argv[i][0] == '-' || q->model_count == 64) return false;
    else q->models[q->model_count++] = argv[i];
  }
  return q->folder != NULL && q->model_count > 0;
}

int main(int argc, char **argv) {
  dwell_context ctx = dwell_context_default();
  dwell_error err;
  request q;
  char text[1600], folder[1024];
  if (!parse(argc, argv, &q, &ctx)) {
    fprintf(stderr, "usage: mechanism -o FOLDER [-t THREADS] [-p PROMPTS] [--tables] MODEL...\n");
    return 2;
  }
  dwell_status status = DWELL_OK;
  if (q.tables) status = tables_print(q.folder, q.model_count, q.models, &err);
  mkdir(q.folder, 0777);
  for (size_t m = 0; !q.tables && m < q.model_count && status == DWELL_OK; m++) {
    snprintf(folder, sizeof folder, "%s/%s", q.folder, source_short_name(q.models[m]));
    mkdir(folder, 0777);
    status = measure_model(&ctx, &q, q.models[m], &err);
  }
  if (status == DWELL_OK) return 0;
  fprintf(stderr, "mechanism: %s\n", dwell_error_text(&err, text, sizeof text));
  return 1;
}
