/* flow/history.c - lists of mergers and plateaus. */
#include "flow/history.h"

#include <math.h>

#include "base/error.h"
#include "base/mem.h"

enum { FIRST = 16 };

void history_clear(flow_history *history) {
  mem_free(history->mergers);
  mem_free(history->plateaus);
  *history = (flow_history){0};
}

dwell_status history_add_merger(flow_history *h, const flow_merger *merger, dwell_error *err) {
  flow_merger *list = mem_room(h->mergers, h->merger_count, &h->merger_room, FIRST, sizeof *list);
  if (list == NULL) return error_no_memory(err, "the mergers");
  h->mergers = list;
  list[h->merger_count++] = *merger;
  return DWELL_OK;
}

dwell_status history_add_plateau(flow_history *h, const flow_plateau *plateau, dwell_error *err) {
  flow_plateau *list = mem_room(h->plateaus, h->plateau_count, &h->plateau_room, FIRST, sizeof *list);
  if (list == NULL) return error_no_memory(err, "the plateaus");
  h->plateaus = list;
  list[h->plateau_count++] = *plateau;
  return DWELL_OK;
}

double log_add(double a, double b) {
  double high = fmax(a, b), low = fmin(a, b);
  return low == -INFINITY ? high : high + log1p(exp(low - high));
}

double log_subtract(double a, double b) { return b == -INFINITY ? a : a + log(-expm1(b - a)); }
