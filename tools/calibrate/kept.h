/* tools/calibrate/kept.h - studies of the release test that are done, a line each in a file: a run that was killed goes
 * on, and loses the studies that were under way. */
#ifndef DWELL_CALIBRATE_KEPT_H
#define DWELL_CALIBRATE_KEPT_H

#include <dwell/status.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

typedef enum kept_kind { KEPT_NETWORK, KEPT_FLOW, KEPT_PLANTED, KEPT_KINDS } kept_kind;
enum { KEPT_MOST = 400, KEPT_CLAIMS = 6, KEPT_RULES = 17 };
extern const char *const kept_claims[KEPT_CLAIMS]; /* "A", "B", "C", "D", "E1", "E2": bit k of says is claim k */

typedef struct kept_study {
  bool done;
  unsigned says;  /* claims that were CONFIRMED */
  double g, g_sd; /* of what was planted, mean and standard deviation over the texts; else NaN */
} kept_study;

typedef struct kept_studies {
  kept_study of[KEPT_KINDS][KEPT_MOST];
  const char *path; /* NULL: none is kept */
  char rules[KEPT_RULES];
  int file;
  pthread_mutex_t lock;
} kept_studies;

/* Reads what the file `opt_path` has, if there is one, and opens it for more. `rules`: at most 16 letters and digits
 * that stand for all that decides what a study says; a file of others is refused. A last line without its end (a run
 * that was killed while it wrote) is cut off. `opt_path` must outlive *ret_kept, which kept_close releases, also after
 * an error. Errors: DWELL_USAGE (other rules), DWELL_BAD_INPUT (no such table), DWELL_FAILED (not to be read or
 * written, or another process is at it). */
dwell_status kept_open(const char *opt_path, const char *rules, kept_studies *ret_kept, dwell_error *err);
void kept_close(kept_studies *k);

/* Study `number` is done. From any thread. */
dwell_status kept_add(kept_studies *k, kept_kind kind, size_t number, const kept_study *study, dwell_error *err);

/* Of studies 0 to count - 1: those that are done, and those of them that say any of `which`. */
size_t kept_done(const kept_studies *k, kept_kind kind, size_t count);
size_t kept_say(const kept_studies *k, kept_kind kind, size_t count, unsigned which);

#endif
