/* tests/detect/test_registry.c - every detector says what it is and how often it is wrong. */
#include <string.h>

#include "detect/detect.h"
#include "util/testing.h"

static void test_entries(void **state) {
  (void)state;
  size_t count;
  const detector *const *all = detector_registry(&count);
  assert_true(count >= 6);
  for (size_t i = 0; i < count; i++) {
    const char *const words[] = {all[i]->name, all[i]->summary, all[i]->source, all[i]->reads, all[i]->false_positive};
    for (size_t k = 0; k < 5; k++) assert_true(words[k] != NULL && words[k][0] != '\0');
    assert_non_null(all[i]->kinds);
    assert_true(strcmp(all[i]->rate_of, "make calibrate") == 0 || strcmp(all[i]->rate_of, "no test") == 0);
    for (size_t j = 0; j < i; j++) assert_string_not_equal(all[i]->name, all[j]->name);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_entries)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
