/* cli/compare.c - dwell compare: two runs or two studies, number by number, the larger differences first. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "cli/cli.h"
#include "cli/study.h"
#include "file/jwriter.h"
#include "run/compare.h"
#include "study/finish.h"
#include "study/pairing.h"

enum { KEY_TOLERANCE = 0x6200, KEY_COLUMN, KEY_ALL, SHOWN = 20, ROW_NAME = 160 };

typedef struct compare {
  cli *c;
  const char *folders[2], *column;
  size_t count;
  double tolerance; /* NaN: none */
  bool all;
  dwell_run *runs[2];
  bool studies;      /* in place of runs */
  numbers tables[2]; /* of them: the rows that both have */
  run_comparison found;
} compare;

static error_t parse(int key, char *arg, struct argp_state *state) {
  compare *p = state->input;
  switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = p->c; break;
    case KEY_TOLERANCE: p->tolerance = cli_real(state, "--tolerance", arg, 0, INFINITY); break;
    case KEY_COLUMN: p->column = arg; break;
    case KEY_ALL: p->all = true; break;
    case ARGP_KEY_ARG:
      if (p->count == 2) cli_usage(state, "two runs at a time");
      p->folders[p->count++] = arg;
      break;
    case ARGP_KEY_END:
      if (p->count != 2) cli_usage(state, "name two RUN directories, or two studies");
      break;
    default: return ARGP_ERR_UNKNOWN;
  }
  return 0;
}

static const struct argp_option options[] = {
    {"column", KEY_COLUMN, "NAME", 0, "Row by row, this column of any table", 10},
    {"all", KEY_ALL, NULL, 0, "Every column, also those without a difference (default: the 20 largest)", 10},
    {"tolerance", KEY_TOLERANCE, "R", 0, "Exit 6 if a difference exceeds R times the largest value of its column", 10},
    {0}};
static const struct argp_child children[] = {{&cli_argp_words, 0, NULL, 0}, {0}};
static const char doc[] =
    "Compare two runs, or two studies, number by number; the larger differences come first.\v"
    "Of studies the numbers of the units that both have are compared. Differences are relative to the largest absolute "
    "value of the column in either.\n\n"
    "Examples:\n"
    "  dwell compare f32 f64\n"
    "  dwell compare trained twin --column ip_mean\n"
    "  dwell compare before after --tolerance 1e-12";

/* ---- reading ---- */

static dwell_status compare_studies(compare *p, dwell_error *err) {
  numbers whole[2] = {0};
  dwell_status status = DWELL_OK;
  for (size_t k = 0; k < 2; k++) {
    study_plan plan;
    status = study_load(p->folders[k], &plan, &whole[k], err);
    study_plan_free(&plan);
    if (status != DWELL_OK) goto done;
    p->found.rows_a = p->found.rows_b, p->found.rows_b = whole[k].t.rows;
  }
  TRY(numbers_pair(&whole[0], &whole[1], &p->tables[0], &p->tables[1], err));
  TRY(run_compare_tables("numbers", &p->tables[0].t, &p->tables[1].t, &p->found, err));
done:
  for (size_t k = 0; k < 2; k++) numbers_free(&whole[k]);
  return status;
}

static dwell_status read_both(compare *p, dwell_error *err) {
  dwell_status status = DWELL_OK;
  p->studies = cli_is_study(p->folders[0]) && cli_is_study(p->folders[1]);
  if (p->studies) return compare_studies(p, err);
  for (size_t k = 0; k < 2; k++) TRY(dwell_run_load(p->folders[k], &p->runs[k], err));
  TRY(run_compare(p->runs[0], p->runs[1], &p->found, err));
done:
  return status;
}

static void row_name(const compare *p, const char *of, size_t row, char name[ROW_NAME]) {
  if (p->studies) numbers_row_name(&p->tables[0], row, name, ROW_NAME);
  else run_row_name(p->runs[0], of, row, name, ROW_NAME);
}

static double value(const compare *p, size_t side, const run_difference *d, size_t row) {
  double x = NAN;
  if (!p->studies) dwell_run_number(p->runs[side], d->table, row, d->column, &x);
  else x = numbers_get(&p->tables[side], row, table_find(&p->tables[side].t, d->column));
  return x;
}

/* ---- printing ---- */

static void print_number(double x, int width) {
  if (isnan(x)) printf(" %*s", width, "-");
  else if (isinf(x)) printf(" %*s", width, "one only");
  else printf(" %*.6g", width, x);
}

static void print_differences(const compare *p) {
  size_t shown = 0;
  char row[ROW_NAME];
  printf("%-8s %-28s %-22s %13s %13s %11s %9s\n", "table", "column", "largest at", p->folders[0], p->folders[1],
         "relative", "differing");
  for (size_t k = 0; k < p->found.count; k++) {
    const run_difference *d = &p->found.items[k];
    if (!p->all && (shown == SHOWN || d->relative == 0)) break;
    row_name(p, d->table, d->row, row);
    printf("%-8s %-28s %-22s", d->table, d->column, row);
    print_number(d->a, 13), print_number(d->b, 13), print_number(d->relative, 11);
    printf(" %4zu/%zu\n", d->differing, d->rows);
    shown++;
  }
}

static dwell_status print_column(const compare *p, dwell_error *err) {
  char row[ROW_NAME];
  for (size_t k = 0; k < p->found.count; k++) {
    const run_difference *d = &p->found.items[k];
    if (strcmp(d->column, p->column) != 0) continue;
    printf("%-22s %13s %13s %13s   (%s)\n", "", p->folders[0], p->folders[1], "difference", d->table);
    for (size_t i = 0; i < d->rows; i++) {
      double a = value(p, 0, d, i), b = value(p, 1, d, i);
      row_name(p, d->table, i, row);
      printf("%-22s", row);
      print_number(a, 13), print_number(b, 13), print_number(a - b, 13);
      putchar('\n');
    }
    return DWELL_OK;
  }
  const char *names[512];
  size_t count = 0;
  for (; count < p->found.count && count < 512; count++) names[count] = p->found.items[count].column;
  const char *near = str_nearest(p->column, names, count);
  error_set(err, DWELL_USAGE, "both have no column \"%.60s\"", p->column);
  if (near != NULL) error_remedy(err, "Did you mean \"%s\"?", near);
  return DWELL_USAGE;
}

static void print_json(const compare *p) {
  strbuf out = {0};
  char row[ROW_NAME];
  jwriter w = jwriter_start(&out, 1);
  jwriter_object(&w);
  jwriter_put_int(&w, "rows_a", (int64_t)p->found.rows_a), jwriter_put_int(&w, "rows_b", (int64_t)p->found.rows_b);
  jwriter_key(&w, "differences");
  jwriter_array(&w);
  for (size_t k = 0; k < p->found.count; k++) {
    const run_difference *d = &p->found.items[k];
    row_name(p, d->table, d->row, row);
    jwriter_flat_object(&w);
    jwriter_put_string(&w, "table", d->table), jwriter_put_string(&w, "column", d->column);
    jwriter_put_string(&w, "row", row);
    jwriter_put_double(&w, "a", d->a), jwriter_put_double(&w, "b", d->b);
    jwriter_put_double(&w, "relative", d->relative);
    jwriter_put_bool(&w, "one_only", isinf(d->relative));
    jwriter_put_int(&w, "differing", (int64_t)d->differing), jwriter_put_int(&w, "rows", (int64_t)d->rows);
    jwriter_close(&w);
  }
  jwriter_close(&w);
  jwriter_close(&w);
  strbuf_putc(&out, '\n');
  fputs(out.failed ? "" : out.data, stdout);
  strbuf_free(&out);
}

static dwell_status print(const compare *p, dwell_error *err) {
  const run_comparison *f = &p->found;
  if (p->column != NULL) return print_column(p, err);
  if (p->c->json) print_json(p);
  else if (!p->c->quiet && f->count > 0 && (p->all || f->items[0].relative > 0)) print_differences(p);
  fflush(stdout);
  if (p->studies)
    cli_say(p->c, "%zu and %zu units: the %zu that both have are compared", f->rows_a, f->rows_b, p->tables[0].t.rows);
  else if (f->rows_a != f->rows_b)
    cli_say(p->c, "%zu and %zu states: the first %zu are compared", f->rows_a, f->rows_b,
            f->rows_a < f->rows_b ? f->rows_a : f->rows_b);
  if (f->only_a + f->only_b > 0)
    cli_say(p->c, "%zu columns are in the first only, %zu in the second", f->only_a, f->only_b);
  if (f->count > 0 && f->items[0].relative == 0) cli_say(p->c, "no difference in %zu columns", f->count);
  return DWELL_OK;
}

static dwell_status check(const compare *p, dwell_error *err) {
  const run_comparison *f = &p->found;
  if (isnan(p->tolerance)) return DWELL_OK;
  bool same_shape = p->studies || f->rows_a == f->rows_b;
  if (p->studies && p->tables[0].t.rows == 0) return error_set(err, DWELL_CHECK_FAILED, "the studies share no unit");
  if (same_shape && (f->count == 0 || f->items[0].relative <= p->tolerance)) return DWELL_OK;
  if (!same_shape) return error_set(err, DWELL_CHECK_FAILED, "the runs have %zu and %zu states", f->rows_a, f->rows_b);
  return error_set(err, DWELL_CHECK_FAILED, "column %s of %s.csv differs by more than %g of its largest value",
                   f->items[0].column, f->items[0].table, p->tolerance);
}

int cmd_compare(int argc, char **argv, cli *c) {
  static const struct argp argp = {options, parse, "RUN RUN", doc, children, NULL, NULL};
  compare p = {.c = c, .tolerance = NAN};
  dwell_error error = {.offset = -1}, *err = &error;
  dwell_status status = DWELL_OK;
  argp_parse(&argp, argc, argv, 0, NULL, &p);
  TRY(read_both(&p, err));
  TRY(print(&p, err));
  TRY(check(&p, err));
done:
  run_comparison_free(&p.found);
  for (size_t k = 0; k < 2; k++) dwell_run_destroy(p.runs[k]), numbers_free(&p.tables[k]);
  return status == DWELL_OK ? DWELL_OK : cli_fail(c, argv[0], err);
}
