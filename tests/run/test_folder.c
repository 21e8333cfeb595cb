/* A run directory: what was saved is read back; nothing is lost, half written or wrongly deleted. */
#define _GNU_SOURCE /* O_DIRECTORY, symlink */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"
#include "file/jwriter.h"
#include "run/run.h"
#include "util/testing.h"

static dwell_run *make_run(void) {
  dwell_error err;
  dwell_run *run;
  size_t row;
  assert_ok(run_create(&run, &err), &err);
  assert_ok(table_add_column(&run->layers, "state", NULL, &err), &err);
  assert_ok(table_add_column(&run->layers, "tap", NULL, &err), &err);
  assert_ok(table_add_column(&run->layers, "value", NULL, &err), &err);
  for (int i = 0; i < 40; i++) {
    assert_ok(table_add_row(&run->layers, &row, &err), &err);
    table_set_number(&run->layers, row, 0, i);
    assert_ok(table_set_text(&run->layers, row, 1, "a,\"b\"", &err), &err);
    if (i != 3) table_set_number(&run->layers, row, 2, 1.0 / (i + 1));
  }
  const size_t shape[2] = {2, 3};
  int64_t *data = MEM_NEW(int64_t, 6);
  for (int i = 0; i < 6; i++) data[i] = i * i;
  assert_ok(run_add_array(run, "hist", NPY_INT, 8, 2, shape, data, &err), &err);
  jwriter w = jwriter_start_members(&run->manifest_body, 1);
  jwriter_put_string(&w, "note", "}, \"files\": {");
  return run;
}

static void check_run(const dwell_run *run) {
  double x;
  assert_int_equal(dwell_run_rows(run, "layers"), 40);
  for (size_t i = 0; i < 40; i++) {
    assert_int_equal(dwell_run_number(run, "layers", i, "value", &x), i != 3);
    if (i != 3) assert_true(x == 1.0 / (double)(i + 1));
    assert_string_equal(dwell_run_text(run, "layers", i, "tap"), "a,\"b\"");
  }
  double *values;
  size_t rank, shape[4];
  dwell_error err;
  assert_ok(run_read_array(run, "hist", &values, &rank, shape, &err), &err);
  assert_int_equal(rank, 2);
  assert_int_equal(shape[1], 3);
  for (int i = 0; i < 6; i++) assert_true(values[i] == i * i);
  mem_free(values);
  assert_ok(run_read_array(run, "absent", &values, &rank, shape, &err), &err);
  assert_null(values);
}

static const char *save(const char *name) {
  const char *folder = testing_format("%s/%s", testing_folder(), name);
  dwell_error err;
  dwell_run *run = make_run();
  check_run(run);
  assert_ok(dwell_run_save(run, folder, false, &err), &err);
  dwell_run_destroy(run);
  return folder;
}

static void gives_back(void **state) {
  (void)state;
  const char *folder = save("deep/er/run");
  dwell_error err;
  dwell_run *run;
  assert_ok(dwell_run_load(folder, &run, &err), &err);
  check_run(run);
  assert_non_null(strstr(dwell_run_manifest(run), "\"layers.csv\""));
  assert_non_null(strstr(dwell_run_manifest(run), "peak_bytes"));
  dwell_run_destroy(run);
}

static void lists_a_report_made_later(void **state) {
  (void)state;
  const char *folder = save("reported");
  dwell_error err;
  dwell_run *run;
  assert_ok(dwell_run_load(folder, &run, &err), &err);
  testing_write(testing_format("%s/report.html", folder), "page", 4);
  assert_ok(run_refresh_files(run, &err), &err);
  assert_ok(run_refresh_files(run, &err), &err); /* again: nothing twice */
  dwell_run_destroy(run);
  assert_ok(dwell_run_load(folder, &run, &err), &err);
  const char *manifest = dwell_run_manifest(run);
  assert_non_null(strstr(manifest, "\"report.html\""));
  assert_null(strstr(strstr(manifest, "\"report.html\"") + 1, "\"report.html\""));
  assert_non_null(strstr(manifest, "\"note\""));
  assert_null(strstr(strstr(manifest, "\"note\"") + 1, "\"note\""));
  check_run(run);
  dwell_run_destroy(run);
}

static size_t count(const char *text, const char *what) {
  size_t found = 0;
  for (const char *p = text; (p = strstr(p, what)) != NULL; p++) found++;
  return found;
}

/* Another program may have sorted the keys: listing a report must keep all of them, each once. */
static void keeps_a_manifest_in_another_order(void **state) {
  (void)state;
  static const char sorted[] = "{ \"a\" : [1, {\"files\": 2}],\"files\":{},\n\"format\" :1,  \"z\": \"},\" }\n";
  const char *folder = save("sorted");
  dwell_error err;
  dwell_run *run;
  testing_write(testing_format("%s/run.json", folder), sorted, sizeof sorted - 1);
  assert_ok(dwell_run_load(folder, &run, &err), &err);
  assert_ok(run_refresh_files(run, &err), &err);
  dwell_run_destroy(run);
  assert_ok(dwell_run_load(folder, &run, &err), &err);
  const char *manifest = dwell_run_manifest(run);
  assert_non_null(strstr(manifest, "\"a\" : [1, {\"files\": 2}]"));
  assert_non_null(strstr(manifest, "\"z\": \"},\""));
  assert_int_equal(count(manifest, "\"format\""), 1);
  assert_int_equal(count(manifest, "\"files\""), 2);
  dwell_run_destroy(run);
}

/* Saving twice is legal: the second manifest does not hold the first's costs as well. */
static void saves_twice(void **state) {
  (void)state;
  const char *folder = testing_format("%s/twice", testing_folder());
  dwell_error err;
  dwell_run *run = make_run();
  assert_ok(dwell_run_save(run, folder, false, &err), &err);
  assert_ok(dwell_run_save(run, folder, true, &err), &err);
  assert_int_equal(count(dwell_run_manifest(run), "\"peak_bytes\""), 1);
  dwell_run_destroy(run);
}

static dwell_status good_page(const dwell_run *run, const char *path, dwell_error *err) {
  (void)err;
  assert_non_null(strstr(dwell_run_manifest(run), "\"arrays.npz\"")); /* the page can show what the run is */
  char *manifest = strdup(path);
  strcpy(strrchr(manifest, '/'), "/run.json");
  assert_int_not_equal(access(manifest, F_OK), 0); /* and is there before the run counts as finished */
  free(manifest);
  testing_write(path, "page", 4);
  return DWELL_OK;
}

static dwell_status bad_page(const dwell_run *run, const char *path, dwell_error *err) {
  (void)run, (void)path;
  return error_set(err, DWELL_FAILED, "no room for the page");
}

static void a_page_comes_before_the_manifest(void **state) {
  (void)state;
  const char *folder = testing_format("%s/paged", testing_folder());
  dwell_error err;
  dwell_run *run = make_run();
  run->page = good_page;
  assert_ok(dwell_run_save(run, folder, false, &err), &err);
  dwell_run_destroy(run);
  assert_ok(dwell_run_load(folder, &run, &err), &err);
  assert_non_null(strstr(dwell_run_manifest(run), "\"report.html\""));
  dwell_run_destroy(run);
  run = make_run(); /* a page that fails is said, but does not cost the results */
  run->page = bad_page;
  assert_fails(dwell_run_save(run, folder, true, &err), DWELL_FAILED, &err, "no room for the page");
  dwell_run_destroy(run);
  assert_ok(dwell_run_load(folder, &run, &err), &err);
  check_run(run);
  assert_null(strstr(dwell_run_manifest(run), "\"report.html\""));
  dwell_run_destroy(run);
}

static void refuses_what_is_there(void **state) {
  (void)state;
  const char *folder = save("there");
  dwell_error err;
  assert_fails(run_check_folder(folder, false, &err), DWELL_USAGE, &err, "--force");
  assert_ok(run_check_folder(folder, true, &err), &err);
  const char *foreign = testing_format("%s/foreign", testing_folder());
  mkdir(foreign, 0777);
  testing_write(testing_format("%s/thesis.tex", foreign), "x", 1);
  assert_fails(run_check_folder(foreign, false, &err), DWELL_USAGE, &err, "not a run directory");
  assert_fails(run_check_folder(foreign, true, &err), DWELL_USAGE, &err, "not a run directory");
  const char *file = testing_write(testing_format("%s/plain", testing_folder()), "x", 1);
  assert_fails(run_check_folder(file, true, &err), DWELL_USAGE, &err, "not a folder");
  assert_fails(run_check_folder("", true, &err), DWELL_USAGE, &err, "name of the folder is empty");
  assert_ok(run_check_folder(testing_format("%s/new/deep", testing_folder()), false, &err), &err);
  assert_fails(run_check_folder("/proc/1/dwell/run", false, &err), DWELL_FAILED, &err, "write");
}

static void force_deletes_only_what_is_listed(void **state) {
  (void)state;
  const char *folder = save("forced"), *mine = testing_format("%s/notes.txt", folder);
  const char *hidden = testing_format("%s/.notes.tmp-1", folder), *heads = testing_format("%s/heads.csv", folder);
  dwell_error err;
  testing_write(mine, "keep me", 7);
  testing_write(hidden, "keep me", 7);
  dwell_run *run = make_run();
  assert_ok(dwell_run_save(run, folder, true, &err), &err);
  dwell_run_destroy(run);
  assert_int_equal(access(mine, F_OK), 0);
  assert_int_equal(access(hidden, F_OK), 0);
  testing_write(heads, "block\n", 6); /* a name of ours, but not listed: whose is it? */
  assert_fails(run_check_folder(folder, true, &err), DWELL_USAGE, &err, "heads.csv");
  run = make_run();
  assert_fails(dwell_run_save(run, folder, true, &err), DWELL_USAGE, &err, "heads.csv");
  dwell_run_destroy(run);
  assert_int_equal(access(heads, F_OK), 0);
  assert_ok(dwell_run_load(folder, &run, &err), &err); /* the old run is whole, and heads.csv no table of it */
  check_run(run);
  assert_int_equal(dwell_run_columns(run, "heads"), 0);
  dwell_run_destroy(run);
}

static const char *folder_with(const char *name, const char *file) {
  const char *folder = testing_format("%s/%s", testing_folder(), name);
  mkdir(folder, 0777);
  testing_write(testing_format("%s/%s", folder, file), "mine", 4);
  return folder;
}

/* An unfinished run has layers.csv (written first, removed last) or a temporary file. Other names are not proof. */
static void leaves_alone_what_may_be_somebodys(void **state) {
  (void)state;
  static const char *const names[] = {"report.html", "arrays.npz", "events.csv", ".notes.tmp-1", ".layers.csv.tmp-x"};
  dwell_error err;
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    const char *folder = folder_with(testing_format("somebody%zu", i), names[i]);
    assert_fails(run_check_folder(folder, false, &err), DWELL_USAGE, &err, "not a run directory");
    dwell_run *run = make_run();
    assert_fails(dwell_run_save(run, folder, true, &err), DWELL_USAGE, &err, "not a run directory");
    dwell_run_destroy(run);
    assert_int_equal(access(testing_format("%s/%s", folder, names[i]), F_OK), 0);
  }
  const char *folder = save("trap");
  unlink(testing_format("%s/layers.csv", folder));
  mkdir(testing_format("%s/layers.csv", folder), 0777);
  assert_fails(run_check_folder(folder, true, &err), DWELL_USAGE, &err, "layers.csv");
  assert_int_equal(access(testing_format("%s/run.json", folder), F_OK), 0);
}

/* Found before anything is computed, not when the result is to be written. */
static void refuses_what_cannot_be_replaced(void **state) {
  (void)state;
  dwell_error err;
  const char *link = testing_format("%s/nowhere", testing_folder());
  assert_int_equal(symlink("absent", link), 0);
  assert_fails(run_check_folder(link, false, &err), DWELL_USAGE, &err, "link to nothing");
  assert_fails(run_check_folder(testing_format("%s/a/b", link), false, &err), DWELL_USAGE, &err, "link to nothing");
  const char *folder = save("newer");
  testing_write(testing_format("%s/run.json", folder), "{\"format\": 99, \"files\": {}}", 27);
  assert_fails(run_check_folder(folder, true, &err), DWELL_BAD_INPUT, &err, "newer format");
  testing_write(testing_format("%s/run.json", folder), "{", 1);
  assert_fails(run_check_folder(folder, true, &err), DWELL_BAD_INPUT, &err, "Remove the folder yourself");
}

/* Two at once would mix their files. */
static void one_writer_at_a_time(void **state) {
  (void)state;
  const char *folder = save("busy");
  dwell_error err;
  int fd = open(folder, O_RDONLY | O_DIRECTORY);
  assert_int_equal(flock(fd, LOCK_EX), 0);
  dwell_run *run = make_run();
  assert_fails(dwell_run_save(run, folder, true, &err), DWELL_FAILED, &err, "another dwell is writing");
  close(fd);
  assert_ok(dwell_run_save(run, folder, true, &err), &err);
  dwell_run_destroy(run);
}

static void replaces_an_unfinished_run(void **state) {
  (void)state;
  const char *folder = save("unfinished");
  dwell_error err;
  dwell_run *run;
  unlink(testing_format("%s/run.json", folder));
  testing_write(testing_format("%s/.arrays.npz.tmp-77", folder), "half", 4);
  assert_fails(dwell_run_load(folder, &run, &err), DWELL_BAD_INPUT, &err, "no finished run");
  assert_ok(run_check_folder(folder, false, &err), &err);
  run = make_run();
  assert_ok(dwell_run_save(run, folder, false, &err), &err);
  dwell_run_destroy(run);
  assert_int_not_equal(access(testing_format("%s/.arrays.npz.tmp-77", folder), F_OK), 0);
  assert_ok(dwell_run_load(folder, &run, &err), &err);
  dwell_run_destroy(run);
}

static void notices_a_changed_file(void **state) {
  (void)state;
  const char *folder = save("changed");
  dwell_error err;
  dwell_run *run;
  testing_write(testing_format("%s/layers.csv", folder), "state\n1\n", 8);
  assert_fails(dwell_run_load(folder, &run, &err), DWELL_BAD_INPUT, &err, "SHA-256");
  testing_write(testing_format("%s/run.json", folder), "{\"format\": 99, \"files\": {}}", 27);
  assert_fails(dwell_run_load(folder, &run, &err), DWELL_BAD_INPUT, &err, "newer format");
  testing_write(testing_format("%s/run.json", folder), "{\"format\": 1, \"files\": {\"../x\": \"00\"", 36);
  assert_fails(dwell_run_load(folder, &run, &err), DWELL_BAD_INPUT, &err, "run.json");
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(gives_back),
                                     cmocka_unit_test(lists_a_report_made_later),
                                     cmocka_unit_test(keeps_a_manifest_in_another_order),
                                     cmocka_unit_test(saves_twice),
                                     cmocka_unit_test(a_page_comes_before_the_manifest),
                                     cmocka_unit_test(refuses_what_is_there),
                                     cmocka_unit_test(force_deletes_only_what_is_listed),
                                     cmocka_unit_test(leaves_alone_what_may_be_somebodys),
                                     cmocka_unit_test(refuses_what_cannot_be_replaced),
                                     cmocka_unit_test(one_writer_at_a_time),
                                     cmocka_unit_test(replaces_an_unfinished_run),
                                     cmocka_unit_test(notices_a_changed_file)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
