/* tests/instrument/test_registry.c - what the registry says is complete and true in form: the reference pages, the
 * completion and the table headers are made from it. */
#include <math.h>
#include <string.h>

#include "instrument/instrument.h"
#include "null/null.h"
#include "util/testing.h"

static size_t column_names(const char **names) {
  size_t count, total = 0;
  const instrument *const *all = instrument_registry(&count);
  for (size_t i = 0; i < count; i++) {
    for (size_t c = 0; c < all[i]->column_count; c++) names[total++] = all[i]->columns[c].name;
  }
  return total;
}

static void check_column(const instrument *m, const instrument_column *c) {
  assert_true(c->name != NULL && c->unit != NULL && c->meaning != NULL);
  assert_true(strlen(c->meaning) > 10 && c->meaning[strlen(c->meaning) - 1] != '.');
  assert_true(c->low < c->high);
  assert_true(strspn(c->name, "abcdefghijklmnopqrstuvwxyzETAM_.0123456789") == strlen(c->name)); /* csv-safe */
  assert_true((c->null == NULL) == (c->null_in == 0));
  if (c->null != NULL) {
    const null_model *null = null_find(c->null);
    assert_non_null(null);
    if (m->scope == PER_HEAD) assert_int_equal(c->null_in, IN_RAW); /* a head has one representation */
    else assert_true(null->surrogate != NULL && (c->null_in & ~m->in) == 0);
  }
  if (c->chance != NULL) {
    for (size_t n = 1; n < 40; n++) {
      double chance = c->chance(n);
      assert_true(isfinite(chance) && chance >= fmax(c->low, -1) && chance <= fmin(c->high, 1));
    }
  }
  assert_ptr_equal(instrument_find(c->name), m);
}

static void test_metadata(void **state) {
  (void)state;
  size_t count;
  const instrument *const *all = instrument_registry(&count);
  assert_true(count >= 10);
  for (size_t i = 0; i < count; i++) {
    const instrument *m = all[i];
    assert_true(m->name != NULL && m->summary != NULL && m->source != NULL && m->flops != NULL);
    assert_true(m->column_count > 0);
    assert_int_equal((m->state != NULL) + (m->step != NULL) + (m->head != NULL) + m->from_parts, 1);
    assert_true(m->state == NULL || m->scope == PER_STATE);
    assert_true(m->step == NULL || m->scope == PER_STEP);
    assert_true(m->head == NULL || m->scope == PER_HEAD);
    assert_int_equal(m->in != 0, m->scope == PER_STATE);
    assert_true((m->array != NULL) == (m->array_name != NULL) && (m->array_length > 0) ==
                    (m->array != NULL && m->array_kind == ARRAY_FIXED));
    double cost = m->flops(512, 768);
    assert_true(cost > 0 && isfinite(cost) && m->flops(1024, 768) >= cost);
    for (size_t c = 0; c < m->column_count; c++) check_column(m, &m->columns[c]);
    assert_ptr_equal(instrument_find(m->name), m);
  }
}

static void test_names_are_unique(void **state) {
  (void)state;
  const char *names[512];
  size_t total = column_names(names);
  for (size_t a = 0; a < total; a++) {
    for (size_t b = 0; b < a; b++) assert_string_not_equal(names[a], names[b]);
  }
}

static void test_find(void **state) {
  (void)state;
  assert_string_equal(instrument_find("ip_mean_centred")->name, "ip");
  assert_string_equal(instrument_find("pr_unbiased")->name, "cloud");
  assert_string_equal(instrument_find("energy_b5")->name, "energy");
  assert_null(instrument_find("pr_unbiased_centred")); /* raw only */
  assert_string_equal(instrument_find("cluster_T_types")->name, "cluster");
  assert_string_equal(instrument_find("align_types_p")->name, "alignment");
  assert_null(instrument_find("align_p_types"));
  assert_null(instrument_find("ip_mean_types"));
  assert_null(instrument_find("ip_mean_"));
  assert_null(instrument_find(""));
}

static void test_nulls(void **state) {
  (void)state;
  size_t count;
  const null_model *const *all = null_registry(&count);
  assert_int_equal(count, 12);
  for (size_t i = 0; i < count; i++) {
    const null_model *m = all[i];
    assert_true(m->name != NULL && m->summary != NULL && m->source != NULL && m->holds != NULL && m->destroys != NULL);
    assert_true(m->flops != NULL && m->bytes != NULL);
    assert_true(m->how != NULL && (m->surrogate == NULL || m->permute_head == NULL));
    assert_ptr_equal(null_find(m->name), m);
  }
  assert_null(null_find("twin"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_metadata),
      cmocka_unit_test(test_names_are_unique),
      cmocka_unit_test(test_find),
      cmocka_unit_test(test_nulls),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
