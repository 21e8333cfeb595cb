/* tests/util/testing.h - what cmocka lacks: doubles, reports of largest differences, folders, polite skips. */
#ifndef DWELL_TESTS_TESTING_H
#define DWELL_TESTS_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

/* cmocka.h needs the four above */
#include <cmocka.h>
#include <dwell/status.h>

/* |got - expected| <= absolute + relative * |expected|; prints both on failure. NaN never passes. */
#define assert_near(got, expected, relative, absolute) \
  testing_near((got), (expected), (relative), (absolute), #got, __FILE__, __LINE__)
void testing_near(double got, double expected, double relative, double absolute, const char *what, const char *file,
                  int line);

/* The call must succeed; prints the error otherwise. */
#define assert_ok(call, err) testing_ok((call), (err), #call, __FILE__, __LINE__)
void testing_ok(dwell_status status, const dwell_error *err, const char *what, const char *file, int line);

/* The call must fail with this status and its one-line text must contain `words` (a part of the message). */
#define assert_fails(call, expected, err, words) \
  testing_fails((call), (expected), (err), (words), #call, __FILE__, __LINE__)
void testing_fails(dwell_status got, dwell_status expected, const dwell_error *err, const char *words, const char *what,
                   const char *file, int line);

/* Path of a file of the source tree, for example testing_source("tests/golden/x.npz"). A buffer of testing_format. */
const char *testing_source(const char *name);
/* Path below the folder of real checkpoints (environment DWELL_SHARED, default SOURCE/../shared), or NULL if absent:
 * the test then calls testing_skip_absent("models/gpt2-capp"), which says so and skips. */
const char *testing_shared(const char *name);
void testing_skip_absent(const char *name);
/* All that a program's main does where a library that it needs is not there: one case, skipped, which names it. */
int testing_without(const char *name);
/* Folder of a model of the nursery in the source tree's data/models, or NULL if it is absent. */
const char *testing_nursery(const char *name);
/* A trained model of some kind: the real checkpoint models/NAME if it is here, else one of the nursery, else NULL. */
const char *testing_trained(const char *name, const char *nursery);
/* A fresh empty folder for this test program, removed at exit. */
const char *testing_folder(void);
/* printf into one of 256 static buffers (8 kB each, used in turn), for paths and commands. */
const char *testing_format(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Writes a file; fails the test if it cannot. Returns `path`. */
const char *testing_write(const char *path, const void *data, size_t size);
/* Whole file with a terminating NUL; release with free. Fails the test if it cannot be read. */
char *testing_read(const char *path, size_t *opt_size);

/* Unsets what a user's shell or a batch system may have set for dwell; before every test program, and again where a
 * test sets such variables itself. */
void testing_forget_surroundings(void);

/* Waits until a process that was started catches a signal instead of dying of it, or has ended (a minute at most). */
void testing_wait_until_caught(long process, int number);

#endif
