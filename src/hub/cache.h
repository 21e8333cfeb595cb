/* hub/cache.h - the local Hugging Face cache, read only (cache_write.h writes). Layout, from the Hub's page "Hub Local
 * Cache": models--ORG--NAME/refs/REV holds a commit, snapshots/COMMIT/ holds the files, mostly links into blobs/. */
#ifndef DWELL_HUB_CACHE_H
#define DWELL_HUB_CACHE_H

#include <dwell/status.h>
#include <stdbool.h>

#include "base/str.h"

/* Folder and commit of "[ORG/]NAME[@REV]"; both strings are the caller's (mem_free). Errors as hub_find. */
dwell_status cache_find(const char *name, char **ret_folder, char **ret_commit, dwell_error *err);

/* If `folder` is a snapshot of a cache (.../snapshots/COMMIT), its commit, else NULL. Also checks links, as the next.
 */
dwell_status cache_commit_of_folder(const char *folder, const char *opt_file, char **ret_commit, dwell_error *err);

/* DWELL_BAD_INPUT for a link to a missing blob: opt_file's, or that of any file that a folder's model may need (so not
 * of GGUF files, each of which is a model of its own). opt_name: of the model, for what to do about it. */
dwell_status cache_check_links(const char *folder, const char *opt_file, const char *opt_name, dwell_error *err);

/* A variable of the environment, or NULL if it is not set or empty. */
const char *cache_variable(const char *name);

/* One part of a repository's name, or a nursery name: letters, digits, '.', '_', '-'; not starting with '.' or '-';
 * without ".." and "--". Checked before a path is made of it. */
bool cache_name_part(const char *text, size_t length);

enum { CACHE_REVISION_SIZE = 128 }; /* room for a branch, a tag or a commit */

/* "[ORG/]NAME[@REV]" into the repository's folder name "models--ORG--NAME", appended, and the revision ("" if none is
 * given). DWELL_USAGE if it cannot be a name. */
dwell_status cache_parse_name(const char *name, strbuf *folder, char ret_revision[CACHE_REVISION_SIZE],
                              dwell_error *err);

/* huggingface_hub's order of variables, appended: the cache itself, and the folder of its settings. */
void cache_root(strbuf *out);
void cache_home(strbuf *out);

#endif
