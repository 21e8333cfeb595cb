/* hub/curl_api.c - libcurl's functions, found at run time. */
#include "hub/curl_api.h"

#include <dlfcn.h>
#include <string.h>

#include "base/error.h"

static dwell_status absent(const char *what, dwell_error *err) {
  error_set(err, DWELL_UNSUPPORTED, "%s, so nothing can be downloaded", what);
  error_remedy(err, "Install the package libcurl4, or download with the Hugging Face tools");
  return DWELL_UNSUPPORTED;
}

dwell_status curl_api_load(curl_api *ret_api, dwell_error *err) {
  static const char *const names[] = {
      "curl_global_init",  "curl_easy_init",    "curl_easy_cleanup",  "curl_easy_reset",   "curl_easy_setopt",
      "curl_easy_getinfo", "curl_easy_perform", "curl_easy_strerror", "curl_slist_append", "curl_slist_free_all",
      "curl_url",          "curl_url_cleanup",  "curl_url_set",       "curl_url_get",      "curl_free"};
  enum { COUNT = sizeof names / sizeof names[0] };
  _Static_assert(sizeof *ret_api == COUNT * sizeof(void *), "one name for each function, in the same order");
  void *found[COUNT], *library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) library = dlopen("libcurl-gnutls.so.4", RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) return absent("libcurl is not installed", err);
  for (size_t i = 0; i < COUNT; i++) {
    found[i] = dlsym(library, names[i]);
    if (found[i] == NULL) return absent("the libcurl that is installed is too old", err);
  }
  memcpy(ret_api, found, sizeof found);
  if (ret_api->global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) return absent("libcurl does not start", err);
  return DWELL_OK;
}
