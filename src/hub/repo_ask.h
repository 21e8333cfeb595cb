/* hub/repo_ask.h - asking a hub what is in a repository. */
#ifndef DWELL_HUB_REPO_ASK_H
#define DWELL_HUB_REPO_ASK_H

#include "hub/http.h"
#include "hub/repo_list.h"

/* The list of `repository` ("org/name") at `revision`. Errors as http_get and repo_list_parse. */
dwell_status repo_ask(http *session, const char *repository, const char *revision, repo_list *ret_list,
                      dwell_error *err);
/* Where the contents of `path` are, below the endpoint: /REPOSITORY/resolve/COMMIT/PATH, appended. */
void repo_address(strbuf *out, const char *repository, const char *commit, const char *path);
/* Asks for the size and hash of one file where the list does not state them. DWELL_BAD_INPUT if the hub does not say.
 */
dwell_status repo_ask_file(http *session, const char *address, repo_file *file, dwell_error *err);

#endif
