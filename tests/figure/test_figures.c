/* tests/figure/test_figures.c - every figure at its reduced size: its checks hold, its files are whole. */
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "base/error.h"
#include "figure/figure.h"
#include "file/npy.h"
#include "util/testing.h"

static figure_sheet quick(const dwell_context *ctx, const figure *f) {
  return (figure_sheet){.ctx = ctx, .quick = true, .model = f->needs_model ? "nursery:gpt2-nursery-6" : NULL};
}

static void make(const figure *f, figure_sheet *s) {
  dwell_error err = {0};
  if (figure_make(f, s, &err) != DWELL_OK) fail_msg("%s: %s", f->name, err.message);
}

static void checks_hold(const figure *f, const figure_sheet *s) {
  for (size_t i = 0; i < s->check_count; i++) {
    const figure_check *c = &s->checks[i];
    if (!c->pass)
      fail_msg("%s: %s is %.10g, expected %.10g within %g", f->name, c->name, c->outcome.measured, c->outcome.predicted,
               c->outcome.tolerance);
  }
}

/* Drawings hold no number that is not one; ids are unique; the words for the manual are there. */
static void files_are_whole(const figure *f, const figure_sheet *s) {
  dwell_error err = {0};
  const char *svg = testing_format("%s/%s.svg", testing_folder(), f->name);
  const char *html = testing_format("%s/%s.html", testing_folder(), f->name);
  const char *numbers = testing_format("%s/%s.npz", testing_folder(), f->name);
  assert_int_equal(figure_write_svg(f, s, svg, &err), DWELL_OK);
  assert_int_equal(figure_write_html(f, s, html, &err), DWELL_OK);
  assert_int_equal(figure_write_npz(s, numbers, &err), DWELL_OK);
  char *text = testing_read(svg, NULL);
  assert_true(strncmp(text, "<svg", 4) == 0 && strstr(text, "</svg>\n") != NULL);
  assert_null(strstr(text, "nan"));
  assert_null(strstr(text, "inf\""));
  free(text);
  npz *z = NULL;
  assert_int_equal(npz_open(numbers, &z, &err), DWELL_OK);
  assert_int_equal(npz_count(z), s->array_count);
  assert_true(s->array_count > 0 && s->panel_count > 0 && s->note[0] != '\0');
  npz_close(z);
  assert_true(f->summary != NULL && f->source != NULL && f->shows != NULL && f->original != NULL && f->ours != NULL);
}

static void every_figure(void **state) {
  (void)state;
  size_t count;
  const figure *const *all = figure_registry(&count);
  dwell_context ctx = dwell_context_default();
  for (size_t i = 0; i < count; i++) {
    figure_sheet s = quick(&ctx, all[i]);
    make(all[i], &s);
    checks_hold(all[i], &s);
    files_are_whole(all[i], &s);
    figure_sheet_clear(&s);
    assert_true(figure_find(all[i]->name) == all[i]);
  }
  assert_null(figure_find("no-such-figure"));
}

/* Interrupts after so many questions. */
static int patience;
static int interrupted(void *self) {
  (void)self;
  return patience-- <= 0;
}

static bool same_numbers(const figure_sheet *a, const figure_sheet *b) {
  if (a->array_count != b->array_count) return false;
  for (size_t i = 0; i < a->array_count; i++) {
    size_t values = 1;
    for (size_t k = 0; k < a->arrays[i].rank; k++) values *= a->arrays[i].shape[k];
    if (memcmp(a->arrays[i].values, b->arrays[i].values, values * sizeof(double)) != 0) return false;
  }
  return true;
}

/* A run that was interrupted, whose journal then lost its end, gives the same numbers when it goes on, without
 * computing again what the journal has. */
static void goes_on(void **state) {
  (void)state;
  const figure *f = figure_find("phase-diagram");
  dwell_context ctx = dwell_context_default(), short_of_time = ctx;
  dwell_error err = {0};
  const char *journal = testing_format("%s/journal", testing_folder());
  figure_sheet whole = quick(&ctx, f), first = quick(&short_of_time, f), second = quick(&short_of_time, f);
  make(f, &whole);
  patience = 20;
  short_of_time.threads = 1;
  short_of_time.interrupted = interrupted;
  first.journal = second.journal = journal;
  assert_int_equal(figure_make(f, &first, &err), DWELL_INTERRUPTED);
  size_t size;
  char *kept = testing_read(journal, &size);
  assert_true(size > 1000);
  testing_write(journal, kept, size - 7);
  free(kept);
  patience = 1000;
  make(f, &second);
  assert_true(1000 - patience < 54 + 54 - 5); /* 54 rows, two questions each, but for those that were there */
  assert_true(same_numbers(&whole, &second));
  figure_sheet_clear(&whole);
  figure_sheet_clear(&first);
  figure_sheet_clear(&second);
}

static void threads_do_not_matter(void **state) {
  (void)state;
  const figure *f = figure_find("frontier");
  dwell_context one = dwell_context_default(), two = one;
  one.threads = 1, two.threads = 2;
  figure_sheet a = quick(&one, f), b = quick(&two, f);
  make(f, &a);
  make(f, &b);
  assert_true(same_numbers(&a, &b));
  figure_sheet_clear(&a);
  figure_sheet_clear(&b);
}

static void a_model_is_asked_for(void **state) {
  (void)state;
  figure f = {.name = "needs", .needs_model = true};
  figure_sheet s = {0};
  dwell_error err = {0};
  assert_int_equal(figure_make(&f, &s, &err), DWELL_USAGE);
  assert_non_null(strstr(err.remedy, "--model"));
}

static void a_row_that_is_not_there(void **state) {
  (void)state;
  figure_sheet s = {0};
  dwell_error err = {0};
  assert_int_equal(figure_check_row(&s, "T999.nothing", 1, &err), DWELL_FAILED);
  assert_int_equal(figure_check_row(&s, "T9.d2", 1.2, &err), DWELL_OK);
  assert_false(s.checks[0].pass);
  figure_sheet_clear(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_figure),
      cmocka_unit_test(goes_on),
      cmocka_unit_test(threads_do_not_matter),
      cmocka_unit_test(a_model_is_asked_for),
      cmocka_unit_test(a_row_that_is_not_there),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
