/* cli/weights.c - dwell inspect MODEL --weights: what the weights say, without a text. */
#include "cli/weights.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "measure/weights.h"
#include "model/model.h"

/* ---- numbers of a row ---- */

/* The cell of a column, NaN if empty or absent. */
static double cell(const table *t, size_t row, const char *column, const char *ending) {
  char name[80];
  snprintf(name, sizeof name, "%s%s", column, ending);
  size_t at = table_find(t, name);
  if (at == SIZE_MAX || table_at(t, row, at)->kind != CELL_NUMBER) return NAN;
  return table_at(t, row, at)->number;
}

static void print_number(const char *format, int width, double x) {
  char text[32] = "-";
  if (!isnan(x)) snprintf(text, sizeof text, format, x);
  printf(" %*s", width, text);
}

/* The number, what random heads have, and p. */
static void print_compared(const table *t, size_t row, const char *column, const char *format) {
  print_number(format, 9, cell(t, row, column, ""));
  print_number(format, 7, cell(t, row, column, "_null_mean"));
  print_number("%.2f", 5, cell(t, row, column, "_p"));
}

/* ---- tables ---- */

static void print_heads(const table *t) {
  printf("%5s %5s %23s %23s %9s %9s | %23s %9s %23s\n", "", "", "OV radius, random, p", "attract, random, p",
         "symmetric", "henrici", "QK norm, random, p", "symmetric", "attract, random, p");
  for (size_t row = 0; row < t->rows; row++) {
    printf("%5.0f %5.0f", cell(t, row, "block", ""), cell(t, row, "head", ""));
    print_compared(t, row, "ov_radius", "%.3g");
    print_compared(t, row, "ov_attract", "%.3f");
    print_number("%.3f", 9, cell(t, row, "ov_sym_share", ""));
    print_number("%.3f", 9, cell(t, row, "ov_henrici", ""));
    fputs(" |", stdout);
    print_compared(t, row, "qk_norm", "%.3g");
    print_number("%.3f", 9, cell(t, row, "qk_sym_share", ""));
    print_compared(t, row, "qk_attract", "%.3f");
    putchar('\n');
  }
}

static void print_sums(const table *t) {
  static const char *const columns[] = {"ov_sum_radius",    "ov_sum_norm",    "ov_sum_fro",     "ov_sum_trace",
                                        "ov_sum_sym_share", "ov_sum_attract", "ov_sum_henrici", "peer_wv_radius"};
  static const char *const titles[] = {"radius",    "norm",    "Frobenius", "trace",
                                       "symmetric", "attract", "henrici",   "W_V"};
  if (t->rows == 0) return;
  printf(
      "\nsums over the heads of a block; the last column, the spectral radius of W_V, is for comparison only: it\n"
      "depends on the basis\n%5s",
      "block");
  for (size_t k = 0; k < sizeof titles / sizeof titles[0]; k++) printf(" %10s", titles[k]);
  putchar('\n');
  for (size_t row = 0; row < t->rows; row++) {
    printf("%5.0f", cell(t, row, "block", ""));
    for (size_t k = 0; k < sizeof columns / sizeof columns[0]; k++)
      print_number("%.4g", 10, cell(t, row, columns[k], ""));
    putchar('\n');
  }
}

static void put_table(jwriter *w, const char *key, const table *t) {
  jwriter_key(w, key);
  jwriter_array(w);
  for (size_t row = 0; row < t->rows; row++) {
    jwriter_flat_object(w);
    for (size_t k = 0; k < t->columns; k++) {
      const table_cell *x = table_at(t, row, k);
      jwriter_put_double(w, t->names[k], x->kind == CELL_NUMBER ? x->number : NAN);
    }
    jwriter_close(w);
  }
  jwriter_close(w);
}

static void print_csv(const table *t) {
  strbuf out = {0};
  table_write(t, &out);
  if (!out.failed && out.data != NULL) fputs(out.data, stdout);
  strbuf_free(&out);
}

static void print_run(const dwell_run *run, const cli_weights *what, jwriter *opt_w) {
  const table *heads = run_table(run, "heads"), *blocks = run_table(run, "blocks");
  if (opt_w != NULL) {
    jwriter_key(opt_w, "circuits");
    jwriter_object(opt_w);
    put_table(opt_w, "heads", heads);
    if (what->sums) put_table(opt_w, "blocks", blocks);
    jwriter_close(opt_w);
  } else if (what->csv) {
    print_csv(what->sums ? blocks : heads);
  } else {
    print_heads(heads);
    if (what->sums) print_sums(blocks);
  }
}

/* ---- measuring ---- */

dwell_status cli_print_weights(const cli *c, dwell_model *model, const dwell_model_options *options,
                               const dwell_measure_options *measuring, const cli_weights *what, jwriter *opt_w,
                               dwell_error *err) {
  static const int64_t any_id = 0; /* a source has a text; this one is not run */
  dwell_model_options o = *options;
  dwell_measure_options m = *measuring;
  dwell_source *source = NULL;
  dwell_run *run = NULL;
  dwell_status status = DWELL_OK;
  if (dwell_model_get_info(model)->weight_dtype == NULL) o.random_weights = true;
  if (model->architecture->shared_block && o.last_state == SIZE_MAX) o.last_state = 1; /* all others are the same */
  if (m.instruments == NULL) m.instruments = what->sums ? "ov,qk,ov_sum,peer_wv" : "ov,qk";
  TRY(dwell_model_open_ids(model, &any_id, 1, &o, &source, err));
  TRY(weights_measure(&c->ctx, source, &m, &run, err));
  print_run(run, what, opt_w);
done:
  dwell_run_destroy(run);
  dwell_source_destroy(source);
  return status;
}
