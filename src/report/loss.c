/* report/loss.c - what the network predicts: the loss of every token, on the text itself, and the tokens that clusters
 * stand for. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/number.h"
#include "draw/colour.h"
#include "report/figures.h"

enum { MOST_TOKENS = 4096, MOST_CLUSTERS = 300 };

/* Losses by the token that was predicted: row i of the table has that of token i + 1. */
typedef struct losses {
  const table *t;
  size_t n;
  double *x, *loss; /* [n] */
  double mean, most;
} losses;

static void load(losses *l) {
  double sum = 0, count = 0;
  for (size_t i = 0; i < l->n; i++) {
    l->x[i] = (double)i;
    l->loss[i] = i > 0 ? view_number(l->t, i - 1, "nll") : NAN;
    if (isfinite(l->loss[i])) sum += l->loss[i], count++, l->most = fmax(l->most, l->loss[i]);
  }
  l->mean = count > 0 ? sum / count : NAN;
}

static void draw_plot(const losses *l, const char *text, strbuf *out) {
  plot p;
  plot_frame frame = {.id = "plot-loss",
                      .title = "Loss of every token",
                      .description = text,
                      .width = 1060,
                      .height = 240,
                      .right = 106,
                      .x_label = "token",
                      .y_label = "loss (nats)",
                      .whole_x = true,
                      .own_axis = true,
                      .x = scale_make(SCALE_LINEAR, 0, (double)(l->n - 1)),
                      .y = scale_make(SCALE_LINEAR, 0, l->most)};
  scale_widen(&frame.y, 10);
  plot_begin(&p, out, &frame);
  plot_line(&p, l->x, l->loss, l->n, &(plot_style){.colour = "c0", .more = "faint"});
  plot_points(&p, l->x, l->loss, NULL, l->n, &(plot_style){.colour = "c0"});
  if (isfinite(l->mean)) plot_rule(&p, l->mean, &(plot_style){.colour = "c1", .label = "mean"});
  plot_end(&p);
}

/* The text, each token on the shade of its loss; the ink changes where the shade is past the middle of the ramp. */
static void draw_text(const losses *l, strbuf *out) {
  size_t piece = table_find(l->t, "piece");
  if (piece == SIZE_MAX) return;
  strbuf_puts(out, "<p class=\"told\" dir=\"auto\">");
  for (size_t i = 0; i < l->n && i < MOST_TOKENS; i++) {
    const table_cell *cell = table_at(l->t, i, piece);
    char number[NUMBER_SIZE];
    int level = colour_level(l->loss[i] / l->most);
    strbuf_puts(out, "<span class=\"token\"");
    if (isfinite(l->loss[i])) {
      strbuf_printf(out, " style=\"background:var(--m%d)%s\"", level,
                    level >= COLOUR_LEVELS / 2 ? ";color:var(--page)" : "");
      strbuf_printf(out, " title=\"%zu: %.3g nats\" data-loss=\"%s\"", i, l->loss[i],
                    number_format(l->loss[i], number));
    }
    strbuf_puts(out, "><bdi>");
    html_text(out, cell->kind == CELL_TEXT ? cell->text : "–");
    strbuf_puts(out, "</bdi></span>");
  }
  if (l->n > MOST_TOKENS) strbuf_printf(out, " … and %zu more in tokens.csv", l->n - MOST_TOKENS);
  strbuf_puts(out, "</p>\n");
}

static void number_columns(const table *t, strbuf *out) {
  static const char *const all[] = {"token", "id", "piece", "nll", "nll_plain", "kl"};
  strbuf_puts(out, "tokens:");
  for (size_t k = 0, any = 0; k < sizeof all / sizeof all[0]; k++) {
    if (table_find(t, all[k]) != SIZE_MAX) strbuf_printf(out, "%s%s", any++ > 0 ? "," : "", all[k]);
  }
}

static dwell_status draw_losses(const view *v, strbuf *out, dwell_error *err) {
  static const char text[] =
      "The loss with which each token was predicted from those before it, in nats: 0, it was certain. Below it the "
      "text, "
      "each token on the shade of its loss.";
  losses l = {.t = run_table(v->run, "tokens")};
  dwell_status status = DWELL_OK;
  strbuf numbers = {0};
  if (l.t == NULL || l.t->rows < 2 || table_find(l.t, "nll") == SIZE_MAX) return DWELL_OK;
  l.n = l.t->rows;
  l.x = MEM_NEW(double, 2 * l.n);
  TRY_ALLOC(l.x, "the losses");
  l.loss = l.x + l.n;
  load(&l);
  if (!(l.most > 0)) goto done;
  number_columns(l.t, &numbers);
  if (numbers.failed) TRY(error_no_memory(err, "the losses"));
  figure_open(out, "loss", "Loss of every token", text, numbers.data);
  draw_plot(&l, text, out);
  draw_text(&l, out);
  figure_close(out, "tokens.csv: <code>nll</code>, which stands in the row of the token before");
done:
  strbuf_free(&numbers);
  mem_free(l.x);
  return status;
}

/* ---- clusters ---- */

/* Rows of one cluster of one state stand together, by falling probability. */
static size_t draw_cluster(const table *t, size_t row, strbuf *out) {
  double state = view_number(t, row, "state"), cluster = view_number(t, row, "cluster");
  size_t piece = table_find(t, "piece");
  strbuf_printf(out, "<tr><td>%.0f</td><td>%.0f</td><td>%.0f</td><td>", state, cluster, view_number(t, row, "tokens"));
  for (; row < t->rows && view_number(t, row, "state") == state && view_number(t, row, "cluster") == cluster; row++) {
    const table_cell *cell = piece != SIZE_MAX ? table_at(t, row, piece) : NULL;
    strbuf_puts(out, "<span class=\"token\"><bdi>");
    if (cell != NULL && cell->kind == CELL_TEXT) html_text(out, cell->text);
    else strbuf_printf(out, "%.0f", view_number(t, row, "id"));
    strbuf_printf(out, "</bdi></span>%.2g ", view_number(t, row, "p"));
  }
  strbuf_puts(out, "</td></tr>\n");
  return row;
}

static void draw_lens(const view *v, strbuf *out) {
  const table *t = run_table(v->run, "lens");
  size_t row = 0;
  if (t == NULL || t->rows == 0) return;
  strbuf_puts(
      out,
      "<details id=\"lens\"><summary>The tokens that clusters stand for</summary><p>The five likeliest tokens when "
      "the output layer reads the mean of a cluster's tokens (<code>lens.csv</code>).</p><div class=\"wide\" "
      "tabindex=\"0\"><table class=\"events\"><thead><tr><th scope=\"col\">state</th><th scope=\"col\">cluster</th>"
      "<th scope=\"col\">tokens</th><th scope=\"col\">likeliest, with their probabilities</th></tr></thead><tbody>\n");
  for (size_t count = 0; row < t->rows && count < MOST_CLUSTERS; count++) row = draw_cluster(t, row, out);
  strbuf_puts(out, "</tbody></table></div>");
  if (row < t->rows) strbuf_printf(out, "<p>… and %zu more rows in lens.csv</p>", t->rows - row);
  strbuf_puts(out, "</details>\n");
}

dwell_status figures_loss(const view *v, strbuf *out, dwell_error *err) {
  strbuf inside = {0};
  dwell_status status = draw_losses(v, &inside, err);
  draw_lens(v, &inside);
  if (status == DWELL_OK && inside.length > 0) {
    section_open(out, "loss", "What it predicts",
                 "Where the network is sure and where not, and what its clusters mean to it.");
    strbuf_add(out, inside.data, inside.length);
    section_close(out);
  }
  if (inside.failed) out->failed = true;
  strbuf_free(&inside);
  return status;
}
