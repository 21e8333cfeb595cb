/* tests/theorem/test_table.c - the table of theorems: every quick row holds, rows are chosen by name, none depends on
 * the number of threads. */
#include <ctype.h>
#include <math.h>
#include <string.h>

#include "base/context.h"
#include "theorem/theorem.h"
#include "util/testing.h"

static theorem_table run(const char *name, bool quick, int threads) {
  dwell_context ctx = dwell_context_default();
  dwell_error err = {.offset = -1};
  theorem_table table;
  ctx.threads = threads;
  assert_ok(theorem_run(&ctx, &name, name != NULL, quick, &table, &err), &err);
  return table;
}

/* At least 60 rows; each says what it states, for which parameters, and why its tolerance is what it is. */
static void rows_are_complete(void **state) {
  (void)state;
  size_t theorems, rows = 0;
  const theorem *const *all = theorem_registry(&theorems);
  for (size_t i = 0; i < theorems; i++) {
    const theorem *t = all[i];
    assert_true(strlen(t->source) > 5 && strlen(t->summary) > 5 && t->count > 0 && t->rows[0].measure != NULL);
    for (size_t r = 0; r < t->count; r++, rows++) {
      const theorem_row *row = &t->rows[r];
      size_t length = strlen(t->name);
      if (strncmp(row->name, t->name, length) != 0 || row->name[length] != '.')
        fail_msg("%s is not of %s", row->name, t->name);
      if (strlen(row->statement) < 10 || strlen(row->parameters) < 3 || strlen(row->reason) < 5)
        fail_msg("%s says too little", row->name);
      for (size_t j = 0; j <= i; j++)
        for (size_t q = 0; q < (j < i ? all[j]->count : r); q++)
          if (strcmp(all[j]->rows[q].name, row->name) == 0) fail_msg("%s is there twice", row->name);
    }
  }
  print_message("%zu theorems, %zu rows\n", theorems, rows);
  assert_true(rows >= 60);
}

static void quick_rows_hold(void **state) {
  (void)state;
  theorem_table table = run(NULL, true, dwell_context_default().threads);
  for (size_t i = 0; i < table.count; i++) {
    const theorem_result *r = &table.results[i];
    if (!r->pass)
      print_error("%s: measured %.17g, predicted %.17g, tolerance %g\n", r->row->name, r->outcome.measured,
                  r->outcome.predicted, r->outcome.tolerance);
  }
  assert_int_equal(table.failed, 0);
  assert_true(table.count >= 60);
  theorem_table_free(&table);
}

static void relations(void **state) {
  (void)state;
  theorem_outcome near = {1, 1.05, 0.1}, above = {1, 1.2, 0.1}, below = {1, 0.8, 0.1}, broken = {1, NAN, 10};
  assert_true(theorem_passes(THEOREM_EQUAL, &near));
  assert_false(theorem_passes(THEOREM_EQUAL, &above));
  assert_false(theorem_passes(THEOREM_EQUAL, &below));
  assert_false(theorem_passes(THEOREM_AT_MOST, &above));
  assert_true(theorem_passes(THEOREM_AT_MOST, &below));
  assert_true(theorem_passes(THEOREM_AT_LEAST, &above));
  assert_false(theorem_passes(THEOREM_AT_LEAST, &below));
  assert_true(theorem_passes(THEOREM_DIFFERS, &above));
  assert_false(theorem_passes(THEOREM_DIFFERS, &near));
  for (int relation = THEOREM_EQUAL; relation <= THEOREM_DIFFERS; relation++)
    assert_false(theorem_passes((theorem_relation)relation, &broken));
}

static void rows_are_chosen(void **state) {
  (void)state;
  dwell_context ctx = dwell_context_default();
  dwell_error err = {.offset = -1};
  theorem_table table = run("T9", true, 1);
  assert_int_equal(table.count, 9);
  theorem_table_free(&table);
  table = run("T5.time.sa-0-.9", true, 1); /* in the middle of a case */
  assert_int_equal(table.count, 1);
  assert_string_equal(table.results[0].row->name, "T5.time.sa-0-.9");
  assert_true(table.results[0].pass);
  theorem_table_free(&table);
  table = run("T12.ln", true, 1);
  assert_int_equal(table.count, 46); /* by the flow's log clock */
  theorem_table_free(&table);
  const char *name = "T9.d33";
  assert_fails(theorem_run(&ctx, &name, 1, true, &table, &err), DWELL_USAGE, &err, "no theorem or row");
  theorem_table_free(&table);
}

static void threads_do_not_matter(void **state) {
  (void)state;
  const char *const names[] = {"T5", "T1", "E", "T9"};
  for (size_t k = 0; k < sizeof names / sizeof names[0]; k++) {
    theorem_table one = run(names[k], true, 1), three = run(names[k], true, 3);
    assert_int_equal(one.count, three.count);
    for (size_t i = 0; i < one.count; i++)
      assert_memory_equal(&one.results[i].outcome, &three.results[i].outcome, sizeof one.results[i].outcome);
    theorem_table_free(&one);
    theorem_table_free(&three);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(rows_are_complete),     cmocka_unit_test(relations),       cmocka_unit_test(rows_are_chosen),
      cmocka_unit_test(threads_do_not_matter), cmocka_unit_test(quick_rows_hold),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
