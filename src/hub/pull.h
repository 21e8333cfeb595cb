/* hub/pull.h - downloads a model into the local Hugging Face cache: only the files that dwell needs, each checked
 * against the hash that the hub states, nothing twice. */
#ifndef DWELL_HUB_PULL_H
#define DWELL_HUB_PULL_H

#include <dwell/context.h>

#include "base/arena.h"
#include "base/sha256.h"
#include "hub/fetch.h"

typedef struct pull_options {
  const char *name;         /* [ORG/]NAME[@REV] */
  const char *revision;     /* branch, tag or commit instead of @REV; NULL: as the name says, else main */
  const char *const *files; /* [file_count] paths in the repository; 0: what a model needs */
  size_t file_count;
  const char *const *beside; /* [beside_count] files that go with the weights where the repository has them */
  size_t beside_count;
  bool again;           /* also what is there already */
  double pause_seconds; /* before a second attempt; doubles with each */
} pull_options;

typedef struct pull_file {
  const char *name, *path; /* in the repository; in the cache */
  int64_t size;
  char sha256[SHA256_SIZE];
  fetch_check check; /* how it was checked when it was downloaded by dwell */
  bool fetched;      /* downloaded now */
} pull_file;

typedef struct pull_result {
  const char *repository, *revision, *folder; /* "org/name"; as asked for; the snapshot */
  char commit[DIGEST_SIZE];
  pull_file *files; /* [count]; all texts lie in `storage` */
  size_t count;
  arena storage;
} pull_result;

/* Progress is in MB of what is still to come, stage "download". Settings are taken from the environment (settings.h).
 * The snapshot and then the ref appear when every file is whole, so an interrupted pull leaves nothing that looks like
 * a model, and the same call goes on where it ended.
 *
 * Errors: DWELL_USAGE: a name or path that cannot be one, offline mode; DWELL_BAD_INPUT: the hub has no such thing, or
 * what it sends is wrong; DWELL_UNSUPPORTED: a repository without weights that dwell reads, a build without libcurl;
 * DWELL_FAILED: network, disk; DWELL_INTERRUPTED. Release with pull_result_free, also after a failure. */
dwell_status pull_model(const dwell_context *ctx, const pull_options *options, pull_result *ret_result,
                        dwell_error *err);
void pull_result_free(pull_result *result);

#endif
