/* Errors: filling, places, remedies, one line of text, safe for a terminal; and asking a context. */
#include "base/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/context.h"
#include "util/testing.h"

static void line_has_everything_in_order(void **state) {
  (void)state;
  dwell_error err;
  char text[600];
  memset(&err, 'x', sizeof err);
  assert_int_equal(error_set(&err, DWELL_BAD_INPUT, "header of %d bytes is cut short", 12), DWELL_BAD_INPUT);
  assert_string_equal(dwell_error_text(&err, text, sizeof text), "header of 12 bytes is cut short");
  error_in_file(&err, "a/b.npz");
  error_at_item(&err, "wte.weight");
  error_at_offset(&err, 77);
  assert_int_equal(error_remedy(&err, "Download %s again", "it"), DWELL_BAD_INPUT);
  assert_string_equal(dwell_error_text(&err, text, sizeof text),
                      "a/b.npz: wte.weight: header of 12 bytes is cut short (byte 77). Download it again");
  /* The innermost caller knows best. */
  error_in_file(&err, "other"), error_at_item(&err, "other"), error_at_offset(&err, 1), error_remedy(&err, "other");
  assert_null(strstr(dwell_error_text(&err, text, sizeof text), "other"));
  assert_int_equal(err.offset, 77);
  /* A new error forgets the old one. */
  error_set(&err, DWELL_FAILED, "new");
  assert_string_equal(dwell_error_text(&err, text, sizeof text), "new");
}

static void null_is_accepted(void **state) {
  (void)state;
  assert_int_equal(error_set(NULL, DWELL_USAGE, "x"), DWELL_USAGE);
  assert_int_equal(error_system(NULL, DWELL_FAILED, "open", "x"), DWELL_FAILED);
  assert_int_equal(error_no_memory(NULL, "x"), DWELL_NO_MEMORY);
  assert_int_equal(error_in_file(NULL, "x"), DWELL_FAILED);
  dwell_error err;
  error_set(&err, DWELL_USAGE, "m");
  error_in_file(&err, NULL), error_at_item(&err, NULL);
  char text[8];
  assert_string_equal(dwell_error_text(&err, text, sizeof text), "m");
}

/* Names come from files: what is in them must not reach the terminal as it is. */
static void foreign_text_is_made_safe(void **state) {
  (void)state;
  dwell_error err;
  char text[1600];
  error_set(&err, DWELL_BAD_INPUT, "tensor %s", "\x1b[31mred\x1b[0m");
  error_in_file(&err, "evil\n\xe2\x80\xae.npz");
  error_at_item(&err, "\xff\x01");
  dwell_error_text(&err, text, sizeof text);
  for (const char *c = text; *c != '\0'; c++) assert_true((unsigned char)*c >= 0x20 && (unsigned char)*c < 0x7F);
  assert_non_null(strstr(text, "\\x1b[31mred"));
  assert_non_null(strstr(text, "evil\\n\\u202e.npz"));
  assert_non_null(strstr(text, "\\xff\\x01"));
}

static void long_text_is_cut(void **state) {
  (void)state;
  char name[5000], text[100];
  memset(name, 'n', sizeof name - 1), name[sizeof name - 1] = '\0';
  dwell_error err;
  error_set(&err, DWELL_BAD_INPUT, "%s", name);
  error_in_file(&err, name), error_at_item(&err, name), error_remedy(&err, "%s", name);
  assert_true(strlen(err.message) == sizeof err.message - 1);
  assert_true(strlen(err.file) < sizeof err.file && strlen(err.item) < sizeof err.item);
  assert_string_equal(err.file + strlen(err.file) - 3, "...");
  assert_int_equal(strlen(dwell_error_text(&err, text, sizeof text)), 99);
  assert_string_equal(dwell_error_text(&err, text, 1), "");
  dwell_error_text(&err, NULL, 0);
}

static void system_errors_say_why(void **state) {
  (void)state;
  dwell_error err;
  errno = ENOENT;
  assert_fails(error_system(&err, DWELL_BAD_INPUT, "read", "x.json"), DWELL_BAD_INPUT, &err,
               "x.json: cannot read: No such file");
  assert_fails(error_no_memory(&err, "a table"), DWELL_NO_MEMORY, &err, "out of memory while making a table");
}

static void statuses_have_names(void **state) {
  (void)state;
  for (int s = DWELL_OK; s <= DWELL_INTERRUPTED; s++) {
    assert_true(strlen(dwell_status_name((dwell_status)s)) > 1);
    for (int t = 0; t < s; t++) {
      assert_string_not_equal(dwell_status_name((dwell_status)s), dwell_status_name((dwell_status)t));
    }
  }
  assert_string_equal(dwell_status_name((dwell_status)99), "unknown status");
}

/* ---- context ---- */

typedef struct heard {
  double done;
  char line[600];
  dwell_level level;
} heard;

static void hear_progress(void *self, const char *stage, double done, double total) {
  assert_string_equal(stage, "forward");
  assert_true(total == 8);
  ((heard *)self)->done = done;
}

static void hear_log(void *self, dwell_level level, const char *line) {
  heard *h = self;
  h->level = level;
  snprintf(h->line, sizeof h->line, "%s", line);
}

static int yes(void *self) { return self != NULL; }

static void contexts_are_asked(void **state) {
  (void)state;
  heard h = {0};
  dwell_context ctx = dwell_context_default();
  dwell_error err;
  assert_true(ctx.threads >= 1);
  context_progress(NULL, "forward", 1, 8), context_progress(&ctx, "forward", 1, 8);
  context_log(NULL, DWELL_LOG_INFO, "x"), context_log(&ctx, DWELL_LOG_INFO, "x");
  assert_ok(context_interrupted(NULL, &err), &err);
  assert_ok(context_interrupted(&ctx, &err), &err);
  ctx.self = &h, ctx.progress = hear_progress, ctx.log = hear_log, ctx.interrupted = yes;
  context_progress(&ctx, "forward", 3, 8);
  context_log(&ctx, DWELL_LOG_WARNING, "%d clamps", 5);
  assert_true(h.done == 3 && h.level == DWELL_LOG_WARNING);
  assert_string_equal(h.line, "5 clamps");
  assert_fails(context_interrupted(&ctx, &err), DWELL_INTERRUPTED, &err, "interrupted");
}

static void memory_is_bounded(void **state) {
  (void)state;
  dwell_context ctx = dwell_context_default();
  dwell_error err;
  assert_ok(context_check_memory(NULL, UINT64_MAX, "x", &err), &err);
  assert_ok(context_check_memory(&ctx, UINT64_MAX, "x", &err), &err); /* 0: no bound */
  ctx.memory_bound = 1000000;
  assert_ok(context_check_memory(&ctx, 1000000, "x", &err), &err);
  assert_fails(context_check_memory(&ctx, 1000001, "the attention matrices", &err), DWELL_NO_MEMORY, &err,
               "the attention matrices needs up to 1.0 MB");
  assert_non_null(strstr(err.remedy, "--memory"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(line_has_everything_in_order), cmocka_unit_test(null_is_accepted),
      cmocka_unit_test(foreign_text_is_made_safe),    cmocka_unit_test(long_text_is_cut),
      cmocka_unit_test(system_errors_say_why),        cmocka_unit_test(statuses_have_names),
      cmocka_unit_test(contexts_are_asked),           cmocka_unit_test(memory_is_bounded),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
