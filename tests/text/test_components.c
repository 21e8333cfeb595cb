/* Every kind of part that a tokenizer.json may have, with its options, and the shapes of well-known checkpoints: ids
 * and offsets of the tokenizers package on awkward texts (tools/oracle/make_components.py), exactly. */
#include <stdio.h>

#include "base/str.h"
#include "text/rows.h"

enum { MOST_TEXTS = 64 };

static const char *const SECTIONS[] = {"added_tokens", "model", "normalizer", "pre_tokenizer", "post_processor"};
enum { SECTION_COUNT = sizeof SECTIONS / sizeof SECTIONS[0] };

/* The members of a line, as they are written. */
typedef struct line {
  jtext name, sections[SECTION_COUNT]; /* data NULL: absent */
  jcursor rows;
} line;

static jtext texts[MOST_TEXTS];
static size_t text_count;

static void read_line(const char *data, size_t length, arena *strings, line *l) {
  jcursor c = jcursor_start(data, length, strings);
  dwell_error err;
  jcursor_object(&c);
  for (jtext key; jcursor_key(&c, &key);) {
    size_t which = SECTION_COUNT, begin = (jcursor_peek(&c), c.at);
    for (size_t i = 0; i < SECTION_COUNT; i++) {
      if (jtext_is(key, SECTIONS[i])) which = i;
    }
    if (jtext_is(key, "name")) {
      l->name = jcursor_string(&c);
      continue;
    }
    if (jtext_is(key, "texts")) {
      for (jcursor_array(&c); jcursor_item(&c); text_count++) texts[text_count] = jcursor_string(&c);
      continue;
    }
    if (jtext_is(key, "rows")) l->rows = c;
    jcursor_skip(&c);
    if (which < SECTION_COUNT) l->sections[which] = (jtext){data + begin, c.at - begin};
  }
  assert_ok(jcursor_end(&c, "components.jsonl", &err), &err);
}

/* The tokenizer.json of a line, with what the first line has and it lacks. */
static tokenizer *open_line(const line *first, const line *l) {
  strbuf json = {0};
  tokenizer *t;
  dwell_error err;
  strbuf_puts(&json, "{\"version\":\"1.0\"");
  for (size_t i = 0; i < SECTION_COUNT; i++) {
    jtext section = l->sections[i].data != NULL ? l->sections[i] : first->sections[i];
    if (section.data == NULL) continue;
    strbuf_printf(&json, ",\"%s\":", SECTIONS[i]);
    strbuf_add(&json, section.data, section.length);
  }
  strbuf_puts(&json, "}");
  const char *path = testing_format("%s/tokenizer.json", testing_folder());
  testing_write(path, json.data, json.length);
  dwell_status status = tokenizer_open(testing_folder(), &t, &err);
  if (status != DWELL_OK) print_message("%s\n", l->name.data);
  assert_ok(status, &err);
  remove(path);
  strbuf_free(&json);
  return t;
}

static void check_line(const line *first, line *l, row *r) {
  tokenizer *t = open_line(first, l);
  jcursor *c = &l->rows;
  size_t count = 0, begins, ends;
  for (jcursor_array(c); jcursor_item(c); count++) {
    *r = (row){.text = texts[count], .special = count % 2 == 0, .name = l->name.data};
    jcursor_array(c);
    assert_true(jcursor_item(c));
    row_list(c, r->ids, &r->count);
    if (jcursor_item(c)) {
      r->offsets = true;
      row_list(c, r->begin, &begins);
      assert_true(jcursor_item(c));
      row_list(c, r->end, &ends);
      assert_true(!jcursor_item(c) && begins == r->count && ends == r->count);
    }
    row_compare(t, r);
  }
  assert_int_equal(count, text_count);
  tokenizer_close(t);
}

static const char *const GROUPS[] = {"normalizer ", "pre-tokenizer ", "post-processor ", "model "};
enum { GROUP_COUNT = sizeof GROUPS / sizeof GROUPS[0], SHAPES = GROUP_COUNT };

/* The group whose name begins that of a line; SHAPES if none does. */
static size_t group_of(const char *name) {
  size_t group = 0;
  while (group < GROUP_COUNT && strncmp(name, GROUPS[group], strlen(GROUPS[group])) != 0) group++;
  return group;
}

static void check(size_t group, size_t least) {
  size_t size, found = 0;
  char *data = testing_read(testing_source("tests/golden/text/components.jsonl"), &size);
  line first = {0};
  row *r = malloc(sizeof *r);
  arena strings = {0};
  text_count = 0;
  for (char *at = data; at < data + size;) {
    char *end = memchr(at, '\n', (size_t)(data + size - at));
    assert_non_null(end);
    line l = {0};
    read_line(at, (size_t)(end - at), &strings, at == data ? &first : &l);
    if (l.name.data != NULL && group_of(l.name.data) == group) check_line(&first, &l, r), found++;
    at = end + 1;
  }
  assert_true(found >= least);
  arena_clear(&strings);
  free(r);
  free(data);
}

static void normalizers(void **state) { (void)state, check(0, 20); }
static void pretokenizers(void **state) { (void)state, check(1, 35); }
static void postprocessors(void **state) { (void)state, check(2, 12); }
static void models(void **state) { (void)state, check(3, 15); }
static void shapes(void **state) { (void)state, check(SHAPES, 15); }

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(normalizers), cmocka_unit_test(pretokenizers),
                                     cmocka_unit_test(postprocessors), cmocka_unit_test(models),
                                     cmocka_unit_test(shapes)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
