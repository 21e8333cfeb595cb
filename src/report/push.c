/* report/push.c - a state was displaced by its clusters: is the run still as far away at later states, and how far
 * would it be after random pushes of the same size and rank (docs/instruments.md 9)? */
#include <math.h>
#include <stdio.h>

#include "base/error.h"
#include "base/mem.h"
#include "report/figures.h"

typedef struct push_panel {
  const char *id, *column, *heading, *y_label, *text;
} push_panel;

static const push_panel push_panels[] = {
    {"push-distance", "distance", "How far the pushed run is", "distance / size of the state",
     "Distance of the pushed run from the run, over the size of the state. The shade is random pushes of the same size "
     "and "
     "rank (mean ± 2 sd); filled dots: it came back more than they did (p ≤ 0.05)."},
    {"push-turn", "turn", "How far it is turned", "distance of directions",
     "The same of the tokens' directions, which is what the next norm sees, whatever the length of the stream."},
    {"push-kept", "kept", "How much of the push is left", "share kept",
     "Share of the displacement itself that is still there: 1, all of it; 0, none; above 1, it was carried on. Not of "
     "the "
     "final norm, whose space is another."},
};

typedef struct pushed {
  const view *v;
  const table *t;
  size_t steps;
  double *values, *mean, *low, *high; /* [steps], NaN before the push */
  bool *mark;
  size_t final; /* row of the final norm, SIZE_MAX: none */
} pushed;

static double at(const pushed *p, size_t row, const char *column, const char *suffix) {
  char name[80];
  snprintf(name, sizeof name, "%s%s", column, suffix);
  return view_number(p->t, row, name);
}

static void load(pushed *p, const char *column) {
  for (size_t l = 0; l < p->steps; l++) p->values[l] = p->mean[l] = p->low[l] = p->high[l] = NAN, p->mark[l] = false;
  p->final = SIZE_MAX;
  for (size_t row = 0; row < p->t->rows; row++) {
    double state = view_number(p->t, row, "state") - (double)p->v->states.first;
    if (!isfinite(state)) p->final = row;
    if (!(state >= 0) || !(state < (double)p->steps)) continue;
    size_t l = (size_t)state;
    double mean = at(p, row, column, "_null_mean"), sd = at(p, row, column, "_null_sd");
    p->values[l] = at(p, row, column, ""), p->mean[l] = mean;
    p->low[l] = mean - 2 * sd, p->high[l] = mean + 2 * sd;
    p->mark[l] = at(p, row, column, "_p") <= 0.05;
  }
}

static scale y_scale(const pushed *p, double final) {
  double low = 0, high = 0;
  for (size_t l = 0; l < p->steps; l++) {
    const double all[] = {p->values[l], p->low[l], p->high[l]};
    for (size_t k = 0; k < 3; k++) {
      if (isfinite(all[k])) low = fmin(low, all[k]), high = fmax(high, all[k]);
    }
  }
  if (isfinite(final)) low = fmin(low, final), high = fmax(high, final);
  scale y = scale_make(SCALE_LINEAR, low, high);
  scale_widen(&y, 10);
  return y;
}

static void draw_final(const pushed *p, plot *to, const push_panel *def) {
  double mean = at(p, p->final, def->column, "_null_mean"), sd = at(p, p->final, def->column, "_null_sd");
  double half = 0.025 * (p->v->after - p->v->states.at[0]);
  const double x[2] = {p->v->after - half, p->v->after + half}, low[2] = {mean - 2 * sd, mean - 2 * sd},
               high[2] = {mean + 2 * sd, mean + 2 * sd};
  if (isfinite(mean)) plot_band(to, x, low, high, 2, &(plot_style){.colour = "c6", .more = "null"});
  plot_diamond(to, p->v->after, at(p, p->final, def->column, ""), at(p, p->final, def->column, "_p") <= 0.05,
               &(plot_style){.colour = "c3"});
}

static void draw(pushed *p, const push_panel *def, strbuf *out) {
  char numbers[160], plot_id[48], series[64], chance[80], source[200];
  load(p, def->column);
  double final = p->final != SIZE_MAX ? at(p, p->final, def->column, "") : NAN;
  snprintf(numbers, sizeof numbers, "push:state,tap,%s,%s_null_mean,%s_null_sd,%s_p", def->column, def->column,
           def->column, def->column);
  snprintf(plot_id, sizeof plot_id, "plot-%s", def->id);
  snprintf(series, sizeof series, "push.%s", def->column);
  snprintf(chance, sizeof chance, "push.%s_null_mean", def->column);
  snprintf(source, sizeof source,
           "push.csv: <code>%s</code>, <code>_null_mean</code>, <code>_null_sd</code>, <code>_p</code>", def->column);
  plot to;
  plot_frame frame = view_frame(p->v);
  frame.id = plot_id, frame.title = def->heading, frame.description = def->text, frame.y_label = def->y_label;
  frame.y = y_scale(p, final);
  if (isfinite(final)) {
    frame.after_label = "norm", frame.after = p->v->after, frame.x_last = p->v->states.at[p->steps - 1];
    frame.x = scale_make(frame.x.kind, frame.x.low, p->v->after + 0.3 * (p->v->after - frame.x_last));
  }
  figure_open(out, def->id, def->heading, def->text, numbers);
  plot_begin(&to, out, &frame);
  const double *x = p->v->states.at;
  plot_band(&to, x, p->low, p->high, p->steps, &(plot_style){.colour = "c6", .more = "null", .label = "random pushes"});
  plot_line(&to, x, p->mean, p->steps, &(plot_style){.colour = "c6", .more = "thin", .series = chance});
  plot_line(&to, x, p->values, p->steps, &(plot_style){.colour = "c3", .series = series, .label = "this push"});
  plot_points(&to, x, p->values, p->mark, p->steps, &(plot_style){.colour = "c3"});
  if (isfinite(final)) draw_final(p, &to, def);
  plot_end(&to);
  figure_close(out, source);
}

dwell_status figures_push(const view *v, strbuf *out, dwell_error *err) {
  const table *t = run_table(v->run, "push");
  if (t == NULL || t->rows == 0 || v->replicas > 1) return DWELL_OK;
  pushed p = {.v = v, .t = t, .steps = v->states.steps};
  double *room = MEM_NEW(double, 4 * p.steps);
  p.mark = MEM_NEW(bool, p.steps);
  dwell_status status = DWELL_OK;
  TRY_ALLOC(room, "the pushed states");
  TRY_ALLOC(p.mark, "the pushed states");
  p.values = room, p.mean = room + p.steps, p.low = room + 2 * p.steps, p.high = room + 3 * p.steps;
  section_open(
      out, "push", "After a push",
      "One state was displaced along its own clusters and the network went on from there. In a metastable state a "
      "small push comes back.");
  strbuf_puts(out, "<div class=\"grid\">\n");
  for (size_t i = 0; i < sizeof push_panels / sizeof push_panels[0]; i++) {
    if (table_find(t, push_panels[i].column) != SIZE_MAX) draw(&p, &push_panels[i], out);
  }
  strbuf_puts(out, "</div>\n");
  section_close(out);
done:
  mem_free(room);
  mem_free(p.mark);
  return status;
}
