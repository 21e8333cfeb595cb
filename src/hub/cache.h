/* hub/cache.h - the local Hugging Face cache, read only. Layout (the Hub's page "Hub Local Cache"):
 * models--ORG--NAME/refs/REV holds a commit, snapshots/COMMIT/ holds the files, mostly links into blobs/. */
#ifndef DWELL_HUB_CACHE_H
#define DWELL_HUB_CACHE_H

#include <dwell/status.h>
#include <stdbool.h>

/* Folder and commit of "[ORG/]NAME[@REV]"; both strings are the caller's (mem_free). Errors as hub_find. */
dwell_status cache_find(const char *name, char **ret_folder, char **ret_commit, dwell_error *err);

/* If `folder` is a snapshot of a cache (.../snapshots/COMMIT), its commit, else NULL. Also finds links without blob. */
dwell_status cache_commit_of_folder(const char *folder, char **ret_commit, dwell_error *err);

/* One part of a repository's name, or a nursery name: letters, digits, '.', '_', '-'; not starting with '.' or '-';
 * without ".." and "--". Checked before a path is made of it. */
bool cache_name_part(const char *text, size_t length);

#endif
