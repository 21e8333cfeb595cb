/* tools/calibrate/kept.c - studies that are done, a line each. */
#define _GNU_SOURCE /* flock, O_CLOEXEC */
#include "kept.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/error.h"
#include "base/number.h"

const char *const kept_claims[KEPT_CLAIMS] = {"A", "B", "C", "D", "E1", "E2"};
static const char *const kinds[KEPT_KINDS] = {"network", "flow", "planted"};
static const char header[] = "study,number,rules,A,B,C,D,E1,E2,g,g_sd\n";
enum { LINE = 160, CELLS = 5 + KEPT_CLAIMS };

/* ---- one line ---- */

static void put_number(double value, char cell[NUMBER_SIZE]) {
  cell[0] = '\0';
  if (isfinite(value)) number_format(value, cell);
}

static size_t write_line(const kept_studies *k, kept_kind kind, size_t number, const kept_study *s, char line[LINE]) {
  char g[NUMBER_SIZE], sd[NUMBER_SIZE], says[2 * KEPT_CLAIMS + 1] = "";
  for (unsigned c = 0; c < KEPT_CLAIMS; c++) says[2 * c] = (char)('0' + (s->says >> c & 1)), says[2 * c + 1] = ',';
  put_number(s->g, g), put_number(s->g_sd, sd);
  return (size_t)snprintf(line, LINE, "%s,%zu,%s,%s%s,%s\n", kinds[kind], number, k->rules, says, g, sd);
}

static bool read_number(const char *cell, double *ret) {
  *ret = NAN;
  return cell[0] == '\0' || number_parse(cell, ret);
}

/* False: not a line of the table. Takes the line apart. */
static bool read_line(char *line, char *cells[CELLS], kept_kind *ret_kind, size_t *ret_number, kept_study *ret) {
  int64_t number, says;
  size_t kind = 0, count = 0;
  for (char *rest = line; rest != NULL && count < CELLS; count++) cells[count] = strsep(&rest, ",");
  if (count != CELLS || !number_parse_int(cells[1], 0, KEPT_MOST - 1, &number)) return false;
  while (kind < KEPT_KINDS && strcmp(cells[0], kinds[kind]) != 0) kind++;
  *ret_kind = (kept_kind)kind, *ret_number = (size_t)number, *ret = (kept_study){.done = true};
  for (unsigned c = 0; c < KEPT_CLAIMS; c++) {
    if (!number_parse_int(cells[3 + c], 0, 1, &says)) return false;
    ret->says |= (unsigned)says << c;
  }
  return kind < KEPT_KINDS && read_number(cells[CELLS - 2], &ret->g) && read_number(cells[CELLS - 1], &ret->g_sd);
}

/* ---- the file ---- */

static dwell_status take_line(kept_studies *k, char *line, size_t row, dwell_error *err) {
  char *cells[CELLS];
  kept_kind kind;
  size_t number;
  kept_study study;
  line[strcspn(line, "\n")] = '\0';
  if (!read_line(line, cells, &kind, &number, &study))
    return error_set(err, DWELL_BAD_INPUT, "line %zu is not of a table of studies", row);
  if (strcmp(cells[2], k->rules) != 0) {
    error_set(err, DWELL_USAGE,
              "line %zu is of other rules, another version of dwell or another kind of CPU: %s, not %s", row, cells[2],
              k->rules);
    return error_remedy(err, "Choose another -o, or remove the file to begin anew");
  }
  k->of[kind][number] = study;
  return DWELL_OK;
}

/* *ret_end: where the last whole line ends. */
static dwell_status read_lines(kept_studies *k, FILE *stream, long *ret_end, dwell_error *err) {
  char line[LINE];
  dwell_status status = DWELL_OK;
  *ret_end = 0;
  for (size_t row = 1; status == DWELL_OK && fgets(line, sizeof line, stream) != NULL; row++) {
    if (strchr(line, '\n') == NULL && feof(stream)) break; /* its writer was killed */
    if (row > 1) status = take_line(k, line, row, err);
    else if (strcmp(line, header) != 0) status = error_set(err, DWELL_BAD_INPUT, "is not a table of studies");
    *ret_end = ftell(stream);
  }
  return status;
}

static dwell_status read_file(kept_studies *k, dwell_error *err) {
  long end;
  FILE *stream = fopen(k->path, "r");
  if (stream == NULL) return error_system(err, DWELL_FAILED, "read", k->path);
  dwell_status status = read_lines(k, stream, &end, err);
  fclose(stream);
  if (status != DWELL_OK) return error_in_file(err, k->path), status;
  if (ftruncate(k->file, end) != 0) return error_system(err, DWELL_FAILED, "write", k->path);
  return DWELL_OK;
}

/* A line is one write: a kill falls before or behind it. What a full disk took of it is cut off again: another study
 * may be kept when there is room, and not in the middle of this line. */
static dwell_status append(kept_studies *k, const char *line, size_t size, dwell_error *err) {
  off_t before = lseek(k->file, 0, SEEK_END);
  ssize_t written = write(k->file, line, size);
  if (written == (ssize_t)size) return DWELL_OK;
  if (written >= 0) errno = ENOSPC; /* write says nothing of the part that did not fit */
  dwell_status status = error_system(err, DWELL_FAILED, "write", k->path);
  if (written > 0 && ftruncate(k->file, before) != 0) return status; /* the next run names the line */
  return status;
}

dwell_status kept_open(const char *opt_path, const char *rules, kept_studies *ret_kept, dwell_error *err) {
  dwell_status status = DWELL_OK;
  kept_studies *k = ret_kept;
  *k = (kept_studies){.path = opt_path, .file = -1};
  snprintf(k->rules, sizeof k->rules, "%s", rules);
  pthread_mutex_init(&k->lock, NULL);
  if (opt_path == NULL) return DWELL_OK;
  k->file = open(opt_path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
  if (k->file < 0) return error_system(err, DWELL_FAILED, "write", opt_path);
  if (flock(k->file, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    error_set(err, DWELL_FAILED, "another process is at these studies");
    return error_in_file(err, opt_path);
  }
  TRY(read_file(k, err));
  if (lseek(k->file, 0, SEEK_END) == 0) TRY(append(k, header, sizeof header - 1, err));
done:
  return status;
}

void kept_close(kept_studies *k) {
  if (k->file >= 0) close(k->file);
  k->file = -1;
  pthread_mutex_destroy(&k->lock);
}

dwell_status kept_add(kept_studies *k, kept_kind kind, size_t number, const kept_study *study, dwell_error *err) {
  char line[LINE];
  size_t size = write_line(k, kind, number, study, line);
  pthread_mutex_lock(&k->lock);
  dwell_status status = k->file >= 0 ? append(k, line, size, err) : DWELL_OK;
  k->of[kind][number] = *study, k->of[kind][number].done = true;
  pthread_mutex_unlock(&k->lock);
  return status;
}

size_t kept_done(const kept_studies *k, kept_kind kind, size_t count) {
  size_t done = 0;
  for (size_t i = 0; i < count; i++) done += k->of[kind][i].done;
  return done;
}

size_t kept_say(const kept_studies *k, kept_kind kind, size_t count, unsigned which) {
  size_t found = 0;
  for (size_t i = 0; i < count; i++) found += k->of[kind][i].done && (k->of[kind][i].says & which) != 0;
  return found;
}
