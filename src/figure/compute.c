/* figure/compute.c - the long part of a figure, in items that are kept as soon as they are there.
 *
 * The journal is a row of records: the hash of which computation it belongs to, the item, its numbers, and the CRC of
 * all that. What follows a damaged record (a run that was killed while it wrote) is cut off. */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "base/context.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/threads.h"
#include "base/version.h"
#include "figure/figure.h"

enum { JOURNAL_FORMAT = 1 };

typedef struct record {
  uint32_t computation, crc;
  uint64_t item, size;
} record;

typedef struct computation {
  const dwell_context *ctx;
  const char *stage;
  size_t count, size;
  figure_item run;
  void *arg;
  double *values;
  bool *done;    /* [count] */
  uint32_t hash; /* of what is computed */
  FILE *journal; /* NULL: none */
  pthread_mutex_t lock;
  atomic_size_t finished;
  atomic_bool failed; /* the journal could not be written: the figure is made without it */
} computation;

static uint32_t hash_text(uint32_t hash, const char *text) {
  return (uint32_t)crc32(hash, (const unsigned char *)text, (unsigned)strlen(text) + 1);
}

static uint32_t hash_of(const figure_sheet *sheet, const char *stage, size_t count, size_t size) {
  char sizes[96];
  snprintf(sizes, sizeof sizes, "%d %d %zu %zu", JOURNAL_FORMAT, sheet->quick, count, size);
  uint32_t hash = hash_text(0, stage);
  hash = hash_text(hash, sizes);
  hash = hash_text(hash, version_commit());
  return sheet->model != NULL ? hash_text(hash, sheet->model) : hash;
}

static uint32_t crc_of(const record *r, const double *values) {
  record plain = *r;
  plain.crc = 0;
  uint32_t crc = (uint32_t)crc32(0, (const unsigned char *)&plain, sizeof plain);
  return (uint32_t)crc32(crc, (const unsigned char *)values, (unsigned)(plain.size * sizeof *values));
}

/* Reads what is there; *ret_end is where the last whole record ends. */
static dwell_status read_journal(computation *c, FILE *file, long *ret_end, dwell_error *err) {
  enum { MOST = 1 << 24 };
  dwell_status status = DWELL_OK;
  double *values = NULL;
  record r;
  *ret_end = 0;
  while (fread(&r, sizeof r, 1, file) == 1 && r.size <= MOST) {
    mem_free(values);
    values = MEM_NEW(double, r.size);
    TRY_ALLOC(values, "the journal of the figure");
    if (fread(values, sizeof *values, r.size, file) != r.size || crc_of(&r, values) != r.crc) break;
    *ret_end = ftell(file);
    if (r.computation != c->hash || r.size != c->size || r.item >= c->count || c->done[r.item]) continue;
    memcpy(c->values + r.item * c->size, values, c->size * sizeof *values);
    c->done[r.item] = true;
    c->finished++;
  }
done:
  mem_free(values);
  return status;
}

/* Opens the journal to be written on behind what it has. One that cannot be opened is done without. */
static dwell_status open_journal(computation *c, const char *path, dwell_error *err) {
  long end = 0;
  if (path == NULL) return DWELL_OK;
  FILE *file = fopen(path, "r+b");
  if (file == NULL) file = fopen(path, "w+b");
  if (file == NULL) return DWELL_OK;
  dwell_status status = read_journal(c, file, &end, err);
  if (status == DWELL_OK && ftruncate(fileno(file), end) == 0 && fseek(file, end, SEEK_SET) == 0) c->journal = file;
  else fclose(file);
  return status;
}

static void write_journal(computation *c, size_t item) {
  record r = {.computation = c->hash, .item = item, .size = c->size};
  const double *values = c->values + item * c->size;
  r.crc = crc_of(&r, values);
  pthread_mutex_lock(&c->lock);
  bool written = fwrite(&r, sizeof r, 1, c->journal) == 1 &&
                 fwrite(values, sizeof *values, c->size, c->journal) == c->size && fflush(c->journal) == 0;
  if (!written) c->failed = true;
  pthread_mutex_unlock(&c->lock);
}

static dwell_status run_item(void *arg, size_t item, int worker, dwell_error *err) {
  computation *c = arg;
  if (c->done[item]) return DWELL_OK;
  dwell_status status = context_interrupted(c->ctx, err);
  if (status == DWELL_OK) status = c->run(c->arg, item, c->values + item * c->size, err);
  if (status != DWELL_OK) return status;
  if (c->journal != NULL && !c->failed) write_journal(c, item);
  size_t finished = ++c->finished;
  if (worker == 0) context_progress(c->ctx, c->stage, (double)finished, (double)c->count);
  return DWELL_OK;
}

dwell_status figure_compute(figure_sheet *sheet, const char *stage, size_t count, size_t size, figure_item run,
                            void *arg, double *ret_values, dwell_error *err) {
  dwell_status status = DWELL_OK;
  computation c = {.ctx = sheet->ctx, .stage = stage, .count = count, .size = size, .run = run, .arg = arg};
  c.values = ret_values;
  c.hash = hash_of(sheet, stage, count, size);
  pthread_mutex_init(&c.lock, NULL);
  c.done = MEM_ZERO(bool, count);
  TRY_ALLOC(c.done, "the journal of the figure");
  TRY(open_journal(&c, sheet->journal, err));
  TRY(threads_for(sheet->ctx, count, run_item, &c, err));
done:
  if (c.journal != NULL) fclose(c.journal);
  pthread_mutex_destroy(&c.lock);
  mem_free(c.done);
  return status;
}
